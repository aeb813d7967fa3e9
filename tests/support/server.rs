//! An HTTP server that says exactly the bytes the test tells it to, when the test tells it to.
//!
//! The test pulls: [`Server::accept`] gives the next request, whole, with the connection it came on
//! ([`Exchange`]); the test then sends, waits for other states, sends on, ends or breaks the body,
//! and sees when the client went away. Each answer closes its connection. No TLS, no HTTP/2.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::LIMIT;

/// A listening server.
pub struct Server {
    address: SocketAddr,
    exchanges: Receiver<Exchange>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST`
    pub method: String,
    /// With its query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As it came.
    pub body: Vec<u8>,
}

/// One request and the connection to answer it on.
pub struct Exchange {
    /// What was asked.
    pub request: Request,
    stream: TcpStream,
}

impl Server {
    /// Listens on a free loopback port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("an address");
        let (send, exchanges) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let send = send.clone();
                std::thread::spawn(move || receive(stream, &send));
            }
        });
        Self { address, exchanges }
    }

    /// The base URL of an OpenAI server here.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next request.
    pub fn accept(&self) -> Exchange {
        self.exchanges.recv_timeout(LIMIT).expect("a request comes")
    }

    /// The next request for a chat completion.
    pub fn prompt(&self) -> Exchange {
        self.accept_path("/v1/chat/completions")
    }

    /// The next request for `path`; others are answered 404 (a model list that was asked for too).
    pub fn accept_path(&self, path: &str) -> Exchange {
        loop {
            let exchange = self.accept();
            if exchange.request.path == path {
                return exchange;
            }
            exchange.answer_json(404, &json!({"error": {"message": "not here"}}));
        }
    }

    /// Whether a request has come that nobody took, without waiting.
    pub fn is_asked_again(&self) -> bool {
        self.exchanges.try_recv().is_ok()
    }
}

impl Request {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(there, _)| there == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

impl Exchange {
    /// Sends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the client reads");
        self.stream.flush().expect("the client reads");
    }

    /// Sends bytes, and does not mind that the client may be gone.
    pub fn try_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Begins an event stream: status 200, chunked.
    pub fn begin_events(&mut self) {
        self.raw(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\
              connection: close\r\n\r\n",
        );
    }

    /// Sends a piece of the body, as one HTTP chunk.
    pub fn piece(&mut self, bytes: &[u8]) {
        self.raw(&chunk(bytes));
    }

    /// Sends `data: …` as one event.
    pub fn event(&mut self, data: &Value) {
        self.piece(format!("data: {data}\n\n").as_bytes());
    }

    /// Sends a text delta of a choice, in OpenAI's shape.
    pub fn text(&mut self, choice: u32, text: &str) {
        self.event(&delta(choice, &json!({"content": text}), None));
    }

    /// Sends a choice's finish reason.
    pub fn finish_reason(&mut self, choice: u32, reason: &str) {
        self.event(&delta(choice, &json!({}), Some(reason)));
    }

    /// A whole streamed answer of these pieces of text.
    pub fn say(mut self, pieces: &[&str]) {
        self.begin_events();
        for piece in pieces {
            self.text(0, piece);
        }
        self.finish_reason(0, "stop");
        self.done();
    }

    /// Sends `[DONE]` and ends the body in order. A client that has heard enough may be gone before.
    pub fn done(mut self) {
        let _ = self.try_raw(&chunk(b"data: [DONE]\n\n"));
        self.end();
    }

    /// Ends the body in order, `[DONE]` or not.
    pub fn end(mut self) {
        let _ = self.try_raw(b"0\r\n\r\n");
    }

    /// Breaks the body off: the connection closes inside it.
    pub fn cut(self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// A whole answer of JSON.
    pub fn answer_json(self, status: u16, body: &Value) {
        self.answer(status, &[("content-type", "application/json")], body.to_string().as_bytes());
    }

    /// A whole answer.
    pub fn answer(mut self, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()));
        self.raw(head.as_bytes());
        self.raw(body);
    }

    /// Waits until the client has closed the connection; the time it took from this call.
    pub fn wait_closed(&mut self) -> Duration {
        let start = Instant::now();
        self.stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        let mut bytes = [0; 1024];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return start.elapsed(),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return start.elapsed(),
                Err(error) => panic!("the client did not close: {error}"),
            }
        }
    }

    /// Watches in a thread of its own for the client to close; the channel gives the moment.
    pub fn watch_close(&self) -> Closed {
        let mut stream = self.stream.try_clone().expect("a second handle");
        let (send, moment) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 1024];
            while stream.read(&mut bytes).is_ok_and(|count| count > 0) {}
            let _ = send.send(Instant::now());
        });
        Closed(moment)
    }
}

/// The moment a client closes its connection.
pub struct Closed(Receiver<Instant>);

impl Closed {
    /// Waits for it.
    pub fn wait(&self) -> Instant {
        self.0.recv_timeout(LIMIT).expect("the client closes its connection")
    }

    /// Whether the connection still stands after the test has seen all it waited for.
    pub fn is_open(&self) -> bool {
        matches!(self.0.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout))
    }
}

/// A streamed delta in OpenAI's shape.
pub fn delta(choice: u32, delta: &Value, finish: Option<&str>) -> Value {
    json!({
        "id": "chatcmpl-test", "object": "chat.completion.chunk", "created": 1, "model": "scripted",
        "choices": [{"index": choice, "delta": delta, "finish_reason": finish}],
    })
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut out = format!("{:x}\r\n", bytes.len()).into_bytes();
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
    out
}

fn receive(mut stream: TcpStream, to: &Sender<Exchange>) {
    let _ = stream.set_nodelay(true);
    if let Some(request) = read_request(&mut stream) {
        let _ = to.send(Exchange { request, stream });
    }
}

/// `None` where the client closed before a whole request (a connection opened ahead of time).
fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        read_some(stream, &mut bytes)?;
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut request = Request { method, path, headers, body: Vec::new() };
    let length: usize = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let body_start = head_end + 4;
    while bytes.len() < body_start + length {
        read_some(stream, &mut bytes)?;
    }
    request.body = bytes[body_start..body_start + length].to_vec();
    Some(request)
}

fn read_some(stream: &mut TcpStream, into: &mut Vec<u8>) -> Option<()> {
    let mut bytes = [0; 4096];
    let count = stream.read(&mut bytes).ok()?;
    into.extend_from_slice(&bytes[..count]);
    (count > 0).then_some(())
}
