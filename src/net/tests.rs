//! Against raw sockets on loopback: what a server does to the connection, and what is said of it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::base::Secret;
use crate::chat::Dialect;
use crate::chat::error::AttemptError;
use crate::wire::{GetRequest, HeaderValue, WireRequest};

const CONNECT: Duration = Duration::from_secs(10);

fn request(url: String) -> WireRequest {
    WireRequest {
        dialect: Dialect::OpenAiChat,
        url,
        headers: vec![
            ("content-type".into(), HeaderValue::Plain("application/json".into())),
            (
                "authorization".into(),
                HeaderValue::Secret { prefix: "Bearer ", secret: Secret::new("sk-hidden") },
            ),
        ],
        body: b"{\"model\":\"m\"}".to_vec(),
    }
}

async fn send(request: WireRequest) -> Result<Response, AttemptError> {
    Client::default().send(request, CONNECT).await
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/chat/completions", listener.local_addr().unwrap());
    (listener, url)
}

/// Takes one connection and reads its request to the end of the body.
async fn accept(listener: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut text = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let n = stream.read(&mut buffer).await.unwrap();
        text.extend_from_slice(&buffer[..n]);
        let has_body = !text.starts_with(b"CONNECT") && !text.starts_with(b"GET");
        if n == 0 || text.ends_with(b"}") || (!has_body && text.ends_with(b"\r\n\r\n")) {
            return (stream, String::from_utf8(text).unwrap());
        }
    }
}

/// One answer of these bytes, then the connection is closed; what the client makes of it.
async fn answered(bytes: &'static [u8]) -> Result<(u16, Vec<u8>, Option<AttemptError>), AttemptError> {
    let (listener, url) = listen().await;
    let server = async {
        let (mut stream, _) = accept(&listener).await;
        stream.write_all(bytes).await.unwrap();
    };
    let (answer, ()) = tokio::join!(
        async {
            let mut response = send(request(url)).await?;
            let (body, end) = read(&mut response).await;
            Ok((response.status, body, end))
        },
        server
    );
    answer
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

/// The sentence, and a check that it is one for people.
fn sentence(error: &AttemptError) -> String {
    let text = match error {
        AttemptError::Connect { message, hint }
        | AttemptError::Insecure { message, hint }
        | AttemptError::Protocol { message, hint } => {
            assert!(!hint.is_empty(), "{message}: what to do?");
            message.clone()
        }
        AttemptError::Lost(message) | AttemptError::Request(message) => message.clone(),
        other => panic!("{other:?}"),
    };
    for dump in ["Error", "os error", "{", "Some(", "sk-hidden", "error sending request"] {
        assert!(!text.contains(dump), "{text}");
    }
    text
}

#[tokio::test]
async fn a_request_goes_out_as_it_was_written() {
    let (listener, url) = listen().await;
    let (answer, text) = tokio::join!(send(request(url)), async {
        let (mut stream, text) = accept(&listener).await;
        stream
            .write_all(b"HTTP/1.1 429 Slow Down\r\nRetry-After: 2\r\nX-Request-Id: r1\r\ncontent-length: 2\r\n\r\nno")
            .await
            .unwrap();
        text
    });
    let mut response = answer.unwrap();
    let text = text.to_lowercase();
    assert!(text.starts_with("post /v1/chat/completions http/1.1\r\n"), "{text}");
    assert!(text.contains("authorization: bearer sk-hidden\r\n"), "{text}");
    assert!(text.contains(&format!("user-agent: chatui/{}\r\n", env!("CARGO_PKG_VERSION"))), "{text}");
    assert!(text.ends_with("\r\n\r\n{\"model\":\"m\"}"), "{text}");
    assert_eq!(response.status, 429);
    assert_eq!(response.header("retry-after"), Some("2"));
    assert_eq!(response.header("x-request-id"), Some("r1"));
    assert_eq!(read(&mut response).await, (b"no".to_vec(), None));
    assert!(!format!("{response:?}").contains("sk-hidden"));
}

#[tokio::test]
async fn a_refused_connection_names_host_and_port() {
    let (listener, url) = listen().await;
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = send(request(url)).await.unwrap_err();
    assert!(matches!(error, AttemptError::Connect { .. }), "{error:?}");
    assert_eq!(sentence(&error), format!("{address} refused the connection"));
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_named() {
    let url = "http://user:hunter2@chatui-has-no-such-host.invalid/v1?key=hunter2".to_owned();
    let error = send(request(url)).await.unwrap_err();
    let text = sentence(&error);
    assert!(text.contains("chatui-has-no-such-host.invalid"), "{text}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn what_is_no_address_or_header_is_said_before_anything_is_sent() {
    for url in ["nonsense user:hunter2", "ftp://host/", "file:///etc/passwd"] {
        let error = send(request(url.into())).await.unwrap_err();
        assert!(matches!(error, AttemptError::Request(_)), "{error:?}");
        assert!(!sentence(&error).contains("hunter2"), "{error:?}");
    }
    let mut bad = request("http://127.0.0.1:9/".into());
    bad.headers.push(("x-key".into(), HeaderValue::Secret { prefix: "", secret: Secret::new("a\nb") }));
    let error = send(bad).await.unwrap_err();
    assert!(sentence(&error).contains("`x-key`"), "{error:?}");
}

#[tokio::test]
async fn a_body_that_stops_short_is_lost_and_what_came_is_kept() {
    for head in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n9\r\n",
    ] {
        let (status, body, end) = answered(head).await.unwrap();
        assert_eq!((status, &body[..]), (200, &b"half"[..]));
        let Some(AttemptError::Lost(text)) = &end else { panic!("{end:?}") };
        assert_eq!(text, "the server closed the connection");
        sentence(end.as_ref().unwrap());
    }
}

#[tokio::test]
async fn a_body_without_a_length_ends_with_its_connection() {
    let (_, body, end) = answered(b"HTTP/1.1 200 OK\r\n\r\nall of it").await.unwrap();
    assert_eq!((&body[..], end), (&b"all of it"[..], None));
}

#[tokio::test]
async fn a_reset_is_called_one() {
    let (listener, url) = listen().await;
    let (answer, ()) = tokio::join!(
        async {
            let mut response = send(request(url)).await.unwrap();
            read(&mut response).await
        },
        async {
            let (mut stream, _) = accept(&listener).await;
            let text = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n";
            stream.write_all(text).await.unwrap();
            #[expect(deprecated, reason = "a lingering time of zero, which does not block, is a reset")]
            stream.set_linger(Some(Duration::ZERO)).unwrap();
        }
    );
    let Some(AttemptError::Lost(text)) = answer.1 else { panic!("{answer:?}") };
    assert_eq!(text, "the server reset the connection");
}

#[tokio::test]
async fn a_connection_closed_before_the_answer_is_lost() {
    let error = answered(b"").await.unwrap_err();
    let AttemptError::Lost(text) = &error else { panic!("{error:?}") };
    assert!(text.contains("closed the connection before it answered"), "{text}");
    let error = answered(b"HTTP/1.1 200 OK\r\ncontent-ty").await.unwrap_err();
    assert!(matches!(error, AttemptError::Lost(_)), "{error:?}");
}

#[tokio::test]
async fn what_is_not_http_is_said_to_be_so() {
    let error = answered(b"220 mail.example ESMTP ready\r\n").await.unwrap_err();
    assert!(matches!(error, AttemptError::Protocol { .. }), "{error:?}");
    assert!(sentence(&error).contains("does not answer in HTTP"), "{error:?}");
}

#[tokio::test]
async fn a_header_with_a_control_character_is_left_out_and_the_answer_is_read() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nx-request-id: a\x01b\r\ncontent-length: 2\r\n\r\nhi"[..],
        b"HTTP/1.1 200 OK\r\nretry-after: \x1b[31m\r\ncontent-length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nx y: z\r\ncontent-length: 2\r\n\r\nhi",
    ] {
        let (status, body, end) = answered(answer).await.unwrap();
        assert_eq!((status, &body[..], end), (200, &b"hi"[..], None));
    }
}

#[tokio::test]
async fn an_endless_head_is_refused() {
    let (listener, url) = listen().await;
    let flood = async {
        let (mut stream, _) = accept(&listener).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await.unwrap();
        while stream.write_all(&[b'a'; 8192]).await.is_ok() {}
    };
    let (answer, ()) = tokio::join!(send(request(url)), flood);
    let error = answer.unwrap_err();
    assert!(sentence(&error).contains("too large"), "{error:?}");
}

#[tokio::test]
async fn a_slow_head_is_waited_for() {
    let (listener, url) = listen().await;
    let (answer, ()) = tokio::join!(send(request(url)), async {
        let (mut stream, _) = accept(&listener).await;
        for byte in b"HTTP/1.1 204 No Content\r\n\r\n" {
            stream.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(answer.unwrap().status, 204);
}

#[tokio::test]
async fn a_compressed_body_is_read_though_none_was_asked_for() {
    // "hello, hello, hello\n" by gzip.
    const GZIP: &[u8] = &[
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xd7, 0x51,
        0xc8, 0x40, 0xa2, 0xb8, 0x00, 0xe7, 0x42, 0x6e, 0x52, 0x14, 0x00, 0x00, 0x00,
    ];
    let (listener, url) = listen().await;
    let mut asked = request(url);
    asked.headers.push(("accept-encoding".into(), HeaderValue::Plain("identity".into())));
    let (answer, text) = tokio::join!(send(asked), async {
        let (mut stream, text) = accept(&listener).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n").await.unwrap();
        stream.write_all(GZIP).await.unwrap();
        text
    });
    assert_eq!(text.to_lowercase().matches("accept-encoding: identity\r\n").count(), 1, "{text}");
    let (body, end) = read(&mut answer.unwrap()).await;
    assert_eq!((String::from_utf8_lossy(&body).as_ref(), end), ("hello, hello, hello\n", None));
}

#[tokio::test]
async fn damaged_compression_is_not_a_lost_connection() {
    let whole = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 8\r\n\r\nno gzip!";
    let end = answered(whole).await.unwrap().2.unwrap();
    assert!(sentence(&end).contains("compression"), "{end:?}");
    let cut =
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 80\r\n\r\n\x1f\x8b\x08\0\0\0\0\0";
    let end = answered(cut).await.unwrap().2;
    assert!(matches!(end, Some(AttemptError::Lost(_))), "{end:?}");
}

#[tokio::test]
async fn a_redirect_that_keeps_the_request_is_followed_at_home_only() {
    for status in ["307 Temporary Redirect", "308 Permanent Redirect"] {
        let (listener, url) = listen().await;
        let (answer, text) = tokio::join!(send(request(url)), async {
            let (mut first, _) = accept(&listener).await;
            let head = format!("HTTP/1.1 {status}\r\nlocation: /v2/chat\r\ncontent-length: 0\r\n\r\n");
            first.write_all(head.as_bytes()).await.unwrap();
            let (mut second, text) = accept(&listener).await;
            second.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            text
        });
        assert_eq!(answer.unwrap().status, 200);
        assert!(text.starts_with("POST /v2/chat ") && text.ends_with("{\"model\":\"m\"}"), "{text}");
        assert!(text.contains("Bearer sk-hidden"), "{text}");
    }
    // Another port is another origin, and 302 is not followed anywhere.
    for (status, location) in [("307 x", "http://127.0.0.1:1/v2"), ("302 x", "/v2"), ("301 x", "/v2")] {
        let (listener, url) = listen().await;
        let (answer, ()) = tokio::join!(send(request(url)), async {
            let (mut stream, _) = accept(&listener).await;
            let head = format!("HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
        });
        let response = answer.unwrap();
        assert_eq!(response.status.to_string(), status[..3]);
        assert_eq!(response.header("location"), Some(location));
    }
}

#[tokio::test]
async fn what_is_only_read_is_asked_for_without_a_body() {
    let (listener, url) = listen().await;
    let WireRequest { url, headers, .. } = request(url);
    let client = Client::default();
    let (answer, text) = tokio::join!(client.get(GetRequest { url, headers }, CONNECT), async {
        let (mut first, _) = accept(&listener).await;
        first.write_all(b"HTTP/1.1 307 x\r\nlocation: /v2\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        let (mut second, text) = accept(&listener).await;
        second.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        text
    });
    assert_eq!(read(&mut answer.unwrap()).await, (b"ok".to_vec(), None));
    assert!(text.starts_with("GET /v2 HTTP/1.1\r\n"), "{text}");
    assert!(text.contains("Bearer sk-hidden") && !text.to_lowercase().contains("content-length"), "{text}");
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let (listener, url) = listen().await;
    let server = async {
        loop {
            let (mut stream, _) = accept(&listener).await;
            stream.write_all(b"HTTP/1.1 307 x\r\nlocation: /a\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        }
    };
    let client = Client::default();
    tokio::select! {
        answer = client.send(request(url), CONNECT) => {
            assert!(sentence(&answer.unwrap_err()).contains("circle"));
        }
        () = server => {}
    }
}

#[tokio::test]
async fn dropping_the_answer_closes_the_connection() {
    let (listener, url) = listen().await;
    let client = Client::default();
    let (answer, mut stream) = tokio::join!(client.send(request(url), CONNECT), async {
        let (mut stream, _) = accept(&listener).await;
        let text = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n";
        stream.write_all(text).await.unwrap();
        stream
    });
    let mut response = answer.unwrap();
    let mut body = Vec::new();
    assert!(response.chunk(&mut body).await.unwrap());
    drop(response);
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0, "the server sees the end");
}

#[tokio::test]
async fn dropping_the_send_closes_the_connection() {
    let (listener, url) = listen().await;
    let client = Client::default();
    let mut stream = tokio::select! {
        _ = client.send(request(url), CONNECT) => panic!("nothing was answered"),
        (stream, _) = accept(&listener) => stream,
    };
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0, "the server sees the end");
}

#[tokio::test]
async fn a_finished_answer_keeps_no_connection() {
    let (listener, url) = listen().await;
    let client = Client::default();
    let (answer, mut stream) = tokio::join!(client.send(request(url), CONNECT), async {
        let (mut stream, _) = accept(&listener).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        stream
    });
    let mut response = answer.unwrap();
    assert_eq!(read(&mut response).await, (b"ok".to_vec(), None));
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0, "the server sees the end");
}

#[tokio::test]
async fn frames_that_are_ready_are_taken_at_once() {
    let (listener, url) = listen().await;
    let (answer, stream) = tokio::join!(send(request(url)), async {
        let (mut stream, _) = accept(&listener).await;
        let mut text = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for _ in 0..100 {
            text.extend_from_slice(b"4\r\ntick\r\n");
        }
        stream.write_all(&text).await.unwrap();
        stream
    });
    let mut response = answer.unwrap();
    let mut body = Vec::new();
    let mut calls = 0;
    while body.len() < 400 {
        assert!(response.chunk(&mut body).await.unwrap());
        calls += 1;
    }
    assert!(calls <= 20, "{calls} calls for 100 frames");
    drop(stream);
}

#[tokio::test]
async fn a_proxy_that_fails_is_named_without_its_password() {
    let (listener, _) = listen().await;
    let address = listener.local_addr().unwrap();
    let client = Client::through(&format!("http://user:hunter2@{address}"));
    let url = "https://model.invalid/v1".to_owned();
    let (answer, text) = tokio::join!(client.send(request(url), CONNECT), async {
        let (mut stream, text) = accept(&listener).await;
        let head = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(head).await.unwrap();
        text
    });
    assert!(text.starts_with("CONNECT model.invalid:443 "), "{text}");
    let error = answer.unwrap_err();
    let AttemptError::Connect { message, hint } = &error else { panic!("{error:?}") };
    assert!(message.contains(&format!("through the proxy http://{address}")), "{message}");
    assert!(message.contains("user name and password"), "{message}");
    assert!(hint.contains("NO_PROXY=model.invalid"), "{hint}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");

    drop(listener);
    let error = client.send(request("http://model.invalid/v1".into()), CONNECT).await.unwrap_err();
    assert!(sentence(&error).contains("it refused the connection"), "{error:?}");
}

#[tokio::test]
async fn no_proxy_is_asked_for_this_machine() {
    let (listener, url) = listen().await;
    let client = Client::through("http://127.0.0.1:1");
    let (answer, ()) = tokio::join!(client.send(request(url), CONNECT), async {
        let (mut stream, _) = accept(&listener).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    });
    assert_eq!(answer.unwrap().status, 200);
}

#[tokio::test]
async fn https_to_a_plain_server_says_so() {
    let (listener, url) = listen().await;
    let (answer, ()) = tokio::join!(send(request(url.replace("http:", "https:"))), async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 512];
        let _ = stream.read(&mut hello).await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    });
    let error = answer.unwrap_err();
    assert!(matches!(error, AttemptError::Insecure { .. }), "{error:?}");
    // A machine without root certificates says that first.
    let text = sentence(&error);
    assert!(text.contains("does not answer in TLS") || text.contains("CA certificates"), "{text}");
}
