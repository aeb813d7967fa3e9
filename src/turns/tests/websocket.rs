//! Turns over a WebSocket, and from there to HTTP.

use futures::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message as Sent;
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::*;

const FINISH: &str = "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}";

fn said(text: &str) -> Sent {
    Sent::text(format!("{{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}"))
}

fn provider(server: &Server) -> Provider {
    let Provider { base_url, key, .. } = server.provider();
    let url = format!("{}/chat/completions", base_url.replace("http:", "ws:"));
    Provider { key, http_base_url: Some(base_url), ..Provider::new("lab", Dialect::WebSocket, url) }
}

/// The next connection as a WebSocket, after its first message.
async fn socket(server: &Server) -> WebSocketStream<TcpStream> {
    let (stream, _) = server.listener.accept().await.unwrap();
    let mut socket = accept_async(stream).await.unwrap();
    let Some(Ok(Sent::Text(first))) = socket.next().await else { panic!("no first message") };
    assert!(first.contains("\"hello\"") && first.contains("\"stream\":true"), "{first}");
    socket
}

/// The next connection as a handshake that is answered with 403, as a server without the route does.
async fn refuse_handshake(server: &Server) {
    let (mut stream, _) = server.listener.accept().await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0, "the request is whole");
    }
    assert!(seen.starts_with(b"GET /v1/chat/completions "));
    refuse(&mut stream, "403 Forbidden", "").await;
}

fn notices(events: &[TurnEvent]) -> Vec<&str> {
    let notices = events.iter().filter_map(|event| match event {
        TurnEvent::Stream(StreamEvent::Notice(text)) => Some(text.as_str()),
        _ => None,
    });
    notices.collect()
}

#[tokio::test]
async fn an_answer_is_whole_though_the_server_keeps_the_connection_open() {
    let server = Server::start().await;
    let (_handle, mut batches) = start(job(provider(&server)), &services(None));
    let mut socket = socket(&server).await;
    socket.send(said("hi")).await.unwrap();
    socket.send(Sent::text(FINISH)).await.unwrap();
    let (events, _) = rest(&mut batches).await;
    assert_eq!((text(&events).as_str(), done(&events).outcome), ("hi", Outcome::Complete));
    assert!(notices(&events).is_empty(), "{:?}", notices(&events));
    let Some(Ok(Sent::Close(Some(frame)))) = socket.next().await else { panic!("no close") };
    assert_eq!(u16::from(frame.code), 1000);
}

#[tokio::test]
async fn what_follows_the_finish_reason_is_taken_and_its_end_not_waited_for() {
    let server = Server::start().await;
    let (_handle, mut batches) = start(job(provider(&server)), &services(None));
    let mut socket = socket(&server).await;
    let usage = "{\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3}}";
    for message in [said("hi"), Sent::text(FINISH), Sent::text(usage), Sent::text("[DONE]")] {
        socket.send(message).await.unwrap();
    }
    let (events, _) = rest(&mut batches).await;
    let done = done(&events);
    assert_eq!((done.outcome, done.usage.map(|usage| usage.total_tokens)), (Outcome::Complete, Some(3)));
}

#[tokio::test]
async fn a_connection_that_ends_too_early_truncates_the_answer() {
    for in_order in [true, false] {
        let server = Server::start().await;
        let (_handle, mut batches) = start(job(provider(&server)), &services(None));
        let mut socket = socket(&server).await;
        socket.send(said("half")).await.unwrap();
        if in_order {
            socket.close(None).await.unwrap();
        }
        drop(socket);
        let (events, _) = rest(&mut batches).await;
        assert_eq!((text(&events).as_str(), done(&events).outcome), ("half", Outcome::Truncated));
    }
}

#[tokio::test]
async fn a_server_without_websockets_is_asked_over_http_and_that_is_remembered() {
    let server = Server::start().await;
    let services = services(None);
    for turn in 0..2 {
        let (_handle, mut batches) = start(job(provider(&server)), &services);
        if turn == 0 {
            refuse_handshake(&server).await;
        }
        let (mut stream, request) = server.accept_all().await;
        assert!(request.starts_with("POST /v1/chat/completions "), "{request}");
        assert!(request.contains("Bearer sk-very-secret"), "{request}");
        say(&mut stream, &format!("{HEAD}{}{END}", delta("hi"))).await;
        let (events, _) = rest(&mut batches).await;
        assert_eq!((text(&events).as_str(), done(&events).outcome), ("hi", Outcome::Complete));
        let told = notices(&events);
        assert_eq!(told.len(), 1 - turn, "{told:?}");
        assert!(told.iter().all(|told| told.contains("HTTP 403") && told.contains("over HTTP")), "{told:?}");
    }
}

#[tokio::test]
async fn cancelling_closes_the_websocket_at_once_and_keeps_what_came() {
    let server = Server::start().await;
    let (handle, mut batches) = start(job(provider(&server)), &services(None));
    let mut socket = socket(&server).await;
    socket.send(said("half")).await.unwrap();
    let mut events = Vec::new();
    while text(&events) != "half" {
        events.extend(batches.recv().await.unwrap().events);
    }
    handle.cancel();
    assert!(matches!(socket.next().await, Some(Ok(Sent::Close(_)))), "the server sees the end");
    let (last, _) = rest(&mut batches).await;
    assert_eq!(done(&last).outcome, Outcome::Cancelled);
}
