//! Against WebSocket servers on loopback, made of the same library's other side, and raw ones.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::base::Secret;
use crate::chat::Dialect;
use crate::chat::error::AttemptError;
use crate::net::{Client, Response};
use crate::wire::{HeaderValue, WireRequest};

const CONNECT: Duration = Duration::from_secs(10);
const BODY: &str = "{\"model\":\"m\"}";

type Server = WebSocketStream<TcpStream>;

fn request(url: String) -> WireRequest {
    let key = HeaderValue::Secret { prefix: "Bearer ", secret: Secret::new("sk-hidden") };
    WireRequest {
        dialect: Dialect::WebSocket,
        url,
        headers: vec![("authorization".into(), key)],
        body: BODY.into(),
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/v1/chat/completions", listener.local_addr().unwrap());
    (listener, url)
}

/// Takes one connection and reads the head of its request.
async fn head(listener: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    (stream, String::from_utf8(head).unwrap())
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, v)| v)
}

/// Takes one connection, its handshake and its first message.
async fn accept(listener: &TcpListener) -> (Server, String) {
    let (mut stream, head) = head(listener).await;
    let accept = derive_accept_key(header(&head, "sec-websocket-key").unwrap().as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    let first = socket.next().await.unwrap().unwrap();
    assert_eq!(first, Message::text(BODY));
    (socket, head)
}

/// A client's answer from a server that does as `script` says.
async fn talk<F: Future<Output = ()>>(script: impl FnOnce(Server) -> F) -> (Vec<u8>, Option<AttemptError>) {
    let (listener, url) = listen().await;
    let client = async {
        let mut response = Client::default().send(request(url), CONNECT).await.unwrap();
        assert!(response.is_success());
        read(&mut response).await
    };
    let server = async { script(accept(&listener).await.0).await };
    tokio::join!(client, server).0
}

async fn read(response: &mut Response) -> (Vec<u8>, Option<AttemptError>) {
    let mut body = Vec::new();
    loop {
        match response.chunk(&mut body).await {
            Ok(true) => {}
            Ok(false) => return (body, None),
            Err(error) => return (body, Some(error)),
        }
    }
}

async fn close(socket: &mut Server, code: u16, reason: &str) {
    let frame = CloseFrame { code: code.into(), reason: reason.to_owned().into() };
    socket.send(Message::Close(Some(frame))).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
}

#[tokio::test]
async fn a_request_is_the_first_message_and_messages_are_the_answer() {
    let (listener, url) = listen().await;
    let client = Client::default();
    let (response, (mut socket, head)) = tokio::join!(client.send(request(url), CONNECT), accept(&listener));
    let mut response = response.unwrap();
    assert!(head.starts_with("GET /v1/chat/completions HTTP/1.1\r\n"), "{head}");
    assert_eq!(header(&head, "authorization"), Some("Bearer sk-hidden"));
    assert_eq!(header(&head, "sec-websocket-version"), Some("13"));
    assert_eq!(response.status, 101);

    socket.send(Message::text("{\"a\":1}")).await.unwrap();
    socket.send(Message::binary(&b"{\"b\":2}"[..])).await.unwrap();
    let (answer, ()) = tokio::join!(read(&mut response), close(&mut socket, 1000, "bye"));
    assert_eq!(answer, (b"\x1e{\"a\":1}\n\x1e{\"b\":2}\n".to_vec(), None));
}
