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

#[tokio::test]
async fn a_message_in_fragments_is_one_with_pings_in_between() {
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
    let (listener, url) = listen().await;
    let client = Client::default();
    let (response, (mut socket, _)) = tokio::join!(client.send(request(url), CONNECT), accept(&listener));
    let mut response = response.unwrap();
    let piece = |text: &str, code: Data, last: bool| {
        Message::Frame(Frame::message(text.as_bytes().to_vec(), OpCode::Data(code), last))
    };
    let mut body = Vec::new();
    socket.send(piece("{\"a\"", Data::Text, false)).await.unwrap();
    assert_eq!(response.chunk(&mut body).await, Ok(true), "a part of a message ends a silence");
    assert!(body.is_empty());
    socket.send(Message::Ping("are you there?".into())).await.unwrap();
    assert_eq!(response.chunk(&mut body).await, Ok(true), "so does a ping");
    assert!(body.is_empty());
    // The next read answers it.
    let (came, answer) = tokio::join!(response.chunk(&mut body), async {
        let answer = socket.next().await.unwrap().unwrap();
        socket.send(piece(":1}", Data::Continue, true)).await.unwrap();
        answer
    });
    assert_eq!((came, answer), (Ok(true), Message::Pong("are you there?".into())));
    assert_eq!(body, b"\x1e{\"a\":1}\n");
}

#[tokio::test]
async fn messages_that_are_ready_are_taken_at_once() {
    let (body, end) = talk(async |mut socket| {
        for n in 0..3000 {
            socket.feed(Message::text(format!("{{\"n\":{n}}}"))).await.unwrap();
        }
        socket.flush().await.unwrap();
        close(&mut socket, 1000, "").await;
    })
    .await;
    assert_eq!(end, None);
    let records: Vec<&[u8]> = body.split(|byte| *byte == 0x1E).skip(1).collect();
    assert_eq!(records.len(), 3000);
    assert_eq!(records[2999], b"{\"n\":2999}\n");
}

#[tokio::test]
async fn a_close_in_order_is_the_end_and_any_other_is_the_servers_error() {
    for code in [1000, 1001] {
        let (body, end) = talk(async |mut socket| {
            socket.send(Message::text("x")).await.unwrap();
            close(&mut socket, code, "done").await;
        })
        .await;
        assert_eq!((&body[..], end), (&b"\x1ex\n"[..], None), "{code}");
    }
    let (_, end) = talk(async |mut socket| socket.close(None).await.unwrap()).await;
    assert_eq!(end, None, "a close without a code");
    for (code, words) in [
        (1008, "1008 (policy violation): why"),
        (1011, "1011 (internal error): why"),
        (1013, "1013 (try again later): why"),
        (1012, "1012 (service restart): why"),
        (4401, "4401: why"),
    ] {
        let (body, end) = talk(async |mut socket| {
            socket.send(Message::text("x")).await.unwrap();
            close(&mut socket, code, "why").await;
        })
        .await;
        assert_eq!(body, b"\x1ex\n", "what came first is handed out first");
        let Some(AttemptError::Server(error)) = &end else { panic!("{end:?}") };
        assert!(error.message.ends_with(words), "{}", error.message);
    }
}

#[tokio::test]
async fn a_connection_that_ends_without_a_close_is_lost() {
    let (body, end) = talk(async |mut socket| {
        socket.send(Message::text("x")).await.unwrap();
        drop(socket);
    })
    .await;
    assert_eq!(body, b"\x1ex\n");
    let Some(AttemptError::Lost(text)) = &end else { panic!("{end:?}") };
    assert!(text.contains("1006"), "{text}");

    let (_, end) = talk(async |socket| {
        #[expect(deprecated, reason = "a lingering time of zero, which does not block, is a reset")]
        socket.get_ref().set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    assert!(matches!(end, Some(AttemptError::Lost(_))), "{end:?}");
}

#[tokio::test]
async fn a_message_beyond_all_measure_is_refused_by_its_head() {
    let (_, end) = talk(async |mut socket| {
        // The client hangs up in the middle of it.
        let _ = socket.send(Message::binary(vec![b' '; 20 << 20])).await;
    })
    .await;
    let Some(AttemptError::Protocol { message, hint }) = &end else { panic!("{end:?}") };
    assert!(message.contains("over the limit of 16 MiB") && !hint.is_empty(), "{message}");
}

#[tokio::test]
async fn what_is_no_websockets_is_said_to_be_so() {
    for (bytes, words) in [
        (&b"\xC1\x01x"[..], "protocol"),
        (b"\x81\x02\xFF\xFF", "not UTF-8"),
        (b"\x8B\x00", "protocol"),
        (b"\x81\x81mask!", "protocol"),
    ] {
        let (_, end) = talk(async |mut socket| {
            socket.get_mut().write_all(bytes).await.unwrap();
            let _ = socket.get_mut().read(&mut [0; 64]).await;
        })
        .await;
        let Some(AttemptError::Protocol { message, hint }) = &end else { panic!("{bytes:?}: {end:?}") };
        assert!(message.contains(words) && !message.contains("Error") && !hint.is_empty(), "{message}");
    }
}

/// One answer of these bytes to the handshake; what the client makes of it.
async fn refused(answer: &str) -> Result<Response, AttemptError> {
    let (listener, url) = listen().await;
    let client = Client::default();
    let server = async {
        let (mut stream, _) = head(&listener).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
    };
    tokio::join!(client.send(request(url), CONNECT), server).0
}

#[tokio::test]
async fn a_refused_handshake_is_an_answer_of_http() {
    for status in
        ["401 Unauthorized", "403 Forbidden", "404 Not Found", "405 x", "426 Upgrade Required", "503 x"]
    {
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: 14\r\nx-request-id: r1\r\n\r\n{{\"detail\":\"no\"}}"
        );
        let mut response = refused(&answer[..answer.len() - 1]).await.unwrap();
        assert_eq!(response.status.to_string(), status[..3]);
        assert!(!response.is_success());
        assert_eq!(response.header("x-request-id"), Some("r1"));
        assert_eq!(read(&mut response).await, (b"{\"detail\":\"no\"".to_vec(), None));
    }
}

#[tokio::test]
async fn a_success_that_is_no_websocket_is_an_error_with_a_cure() {
    for (answer, words) in [
        ("200 OK\r\ncontent-length: 0", "HTTP 200"),
        ("204 No Content", "HTTP 204"),
        (
            "101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: x",
            "not this one",
        ),
        ("101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c", "not this one"),
    ] {
        let error = refused(&format!("HTTP/1.1 {answer}\r\n\r\n")).await.unwrap_err();
        let AttemptError::Protocol { message, hint } = &error else { panic!("{error:?}") };
        assert!(message.contains(words) && hint.contains("base_url"), "{message}: {hint}");
    }
    let error = refused("").await.unwrap_err();
    assert!(matches!(error, AttemptError::Lost(_)), "{error:?}");
    let error = refused("220 mail.example ESMTP\r\n").await.unwrap_err();
    let AttemptError::Protocol { hint, .. } = &error else { panic!("{error:?}") };
    assert!(hint.contains("wss:// instead of ws://"), "{hint}");
}

#[tokio::test]
async fn nobody_there_is_said_like_over_http() {
    let (listener, url) = listen().await;
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = Client::default().send(request(url), CONNECT).await.unwrap_err();
    let AttemptError::Connect { message, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*message, format!("{address} refused the connection"));
}

#[tokio::test]
async fn dropping_the_answer_closes_with_1000_and_ends_the_connection() {
    let (listener, url) = listen().await;
    let client = Client::default();
    let (response, (mut socket, _)) = tokio::join!(client.send(request(url), CONNECT), accept(&listener));
    let mut response = response.unwrap();
    socket.send(Message::text("x")).await.unwrap();
    assert_eq!(response.chunk(&mut Vec::new()).await, Ok(true));
    drop(response);
    let Some(Ok(Message::Close(Some(frame)))) = socket.next().await else { panic!("no close") };
    assert_eq!(u16::from(frame.code), 1000);
    assert!(socket.next().await.is_none(), "the server sees the end");
}

#[tokio::test]
async fn dropping_the_answer_of_a_server_that_reads_nothing_does_not_wait() {
    let (listener, url) = listen().await;
    let client = Client::default();
    let (response, (socket, _)) = tokio::join!(client.send(request(url), CONNECT), accept(&listener));
    drop(response.unwrap());
    let mut rest = Vec::new();
    socket.into_inner().read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest[0], 0x88, "a close frame, then the end");
}

#[tokio::test]
async fn dropping_the_handshake_closes_the_connection() {
    let (listener, url) = listen().await;
    let client = Client::default();
    let mut stream = tokio::select! {
        _ = client.send(request(url), CONNECT) => panic!("nothing was answered"),
        (stream, _) = head(&listener) => stream,
    };
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0, "the server sees the end");
}

#[tokio::test]
async fn a_wait_that_is_dropped_loses_nothing() {
    let (body, end) = {
        let (listener, url) = listen().await;
        let client = Client::default();
        let (response, (mut socket, _)) = tokio::join!(client.send(request(url), CONNECT), accept(&listener));
        let mut response = response.unwrap();
        let mut body = Vec::new();
        let server = async {
            for n in 0..50 {
                socket.send(Message::text(n.to_string())).await.unwrap();
                tokio::task::yield_now().await;
            }
            close(&mut socket, 1000, "").await;
        };
        let client = async {
            loop {
                // Each wait is dropped after one look.
                tokio::select! {
                    biased;
                    more = response.chunk(&mut body) => if more != Ok(true) { break more.err() },
                    () = tokio::task::yield_now() => {}
                }
            }
        };
        let (end, ()) = tokio::join!(client, server);
        (body, end)
    };
    let expected: String = (0..50).map(|n| format!("\u{1e}{n}\n")).collect();
    assert_eq!((String::from_utf8(body).unwrap(), end), (expected, None));
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel_where_tls_is_spoken() {
    let (listener, _) = listen().await;
    let client = Client::through(&format!("http://{}", listener.local_addr().unwrap()));
    let url = "wss://model.invalid/v1/chat/completions".to_owned();
    let (answer, head) = tokio::join!(client.send(request(url), CONNECT), async {
        let (mut stream, head) = head(&listener).await;
        stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        head
    });
    assert!(head.starts_with("CONNECT model.invalid:443 "), "{head}");
    let error = answer.unwrap_err();
    let AttemptError::Connect { message, hint } = &error else { panic!("{error:?}") };
    assert!(
        message.contains("through the proxy") && hint.contains("NO_PROXY=model.invalid"),
        "{message}: {hint}"
    );
}
