//! A WebSocket: its handshake over HTTP, the one message that goes out, and the messages that come.
//!
//! The handshake is a request like any other, so that certificates, proxies, time-outs and errors are
//! those of HTTP. After it the bytes are tokio-tungstenite's to read. What comes is handed on as a JSON
//! text sequence (see [`crate::wire::websocket`]). Every byte that comes ends a silence, those of pings and
//! of messages that are not whole yet too, so the connection counts them. It sends one message and no more.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::task::noop_waker_ref;
use futures::{Sink, SinkExt, Stream};
use reqwest::Upgraded;
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::errors::{self, Target};
use super::http::MAX_CHUNK;
use crate::chat::error::{AttemptError, ServerError};
use crate::wire::MAX_EVENT_BYTES;
use crate::wire::websocket::RECORD;

/// What is read at once.
const READ_BUFFER: usize = 32 * 1024;

/// The handshake of one WebSocket.
pub(super) struct Handshake {
    key: String,
}

impl Handshake {
    pub fn new() -> Self {
        Self { key: generate_key() }
    }

    /// `own` with what a handshake says.
    pub fn headers(&self, mut own: HeaderMap) -> Result<HeaderMap, AttemptError> {
        let key = HeaderValue::from_str(&self.key)
            .map_err(|error| AttemptError::Request(format!("the handshake has no key: {error}")))?;
        own.insert("connection", HeaderValue::from_static("Upgrade"));
        own.insert("upgrade", HeaderValue::from_static("websocket"));
        own.insert("sec-websocket-version", HeaderValue::from_static("13"));
        own.insert("sec-websocket-key", key);
        Ok(own)
    }

    /// Whether `answer` is an HTTP answer in place of a WebSocket.
    ///
    /// # Errors
    /// A success that is no WebSocket, or a WebSocket that is not the answer to this handshake.
    pub fn is_refused_by(&self, answer: &reqwest::Response, target: &Target) -> Result<bool, AttemptError> {
        let status = answer.status().as_u16();
        match status {
            101 => {}
            200..300 => {
                return Err(AttemptError::Protocol {
                    message: format!(
                        "{} answered the WebSocket handshake with HTTP {status}, as if it were none",
                        target.name()
                    ),
                    hint: NO_WEBSOCKET.into(),
                });
            }
            _ => return Ok(true),
        }
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let says = |name: &str, word: &str| {
            header(name).is_some_and(|value| value.to_ascii_lowercase().contains(word))
        };
        let accepts = header("sec-websocket-accept").map(str::trim);
        if says("upgrade", "websocket")
            && says("connection", "upgrade")
            && accepts == Some(derive_accept_key(self.key.as_bytes()).as_str())
        {
            return Ok(false);
        }
        Err(AttemptError::Protocol {
            message: format!("{} accepted a WebSocket handshake that is not this one", target.name()),
            hint: NO_WEBSOCKET.into(),
        })
    }
}

const NO_WEBSOCKET: &str =
    "Check base_url: it is the whole address of a WebSocket (wss://…/chat/completions).";

/// An open WebSocket. Dropping it closes it with code 1000, without waiting.
pub(super) struct Socket {
    stream: WebSocketStream<Counted>,
    /// What is said once what came before is handed out; `None` while it is open.
    end: Option<Result<(), AttemptError>>,
}

impl Socket {
    /// Makes a WebSocket of the answer to a handshake and sends `body` as its first message.
    pub async fn open(
        answer: reqwest::Response,
        body: Vec<u8>,
        target: &Target,
    ) -> Result<Self, AttemptError> {
        let lost = |cause: String| {
            AttemptError::Lost(format!("{} closed the WebSocket as it was opened ({cause})", target.name()))
        };
        let body = String::from_utf8(body)
            .map_err(|_| AttemptError::Request("the first message is not UTF-8".into()))?;
        let upgraded = answer.upgrade().await.map_err(|error| lost(errors::cause(&error)))?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .max_message_size(Some(MAX_EVENT_BYTES))
            .max_frame_size(Some(MAX_EVENT_BYTES));
        let counted = Counted { inner: upgraded, heard: false };
        let stream = WebSocketStream::from_raw_socket(counted, Role::Client, Some(config)).await;
        let mut socket = Self { stream, end: None };
        match socket.stream.send(Message::text(body)).await {
            Ok(()) => Ok(socket),
            Err(error) => Err(lost(errors::cause(&error))),
        }
    }

    /// As [`super::Response::chunk`]: it may append nothing where what came is no message (yet).
    pub async fn chunk(&mut self, into: &mut Vec<u8>) -> Result<bool, AttemptError> {
        poll_fn(|context| self.poll_chunk(context, into)).await
    }

    /// Appends only where it is ready, so that nothing is lost if its future is dropped.
    fn poll_chunk(
        &mut self,
        context: &mut Context<'_>,
        into: &mut Vec<u8>,
    ) -> Poll<Result<bool, AttemptError>> {
        let start = into.len();
        while self.end.is_none() && into.len() - start < MAX_CHUNK {
            match Pin::new(&mut self.stream).poll_next(context) {
                Poll::Pending if into.len() > start || std::mem::take(&mut self.stream.get_mut().heard) => {
                    return Poll::Ready(Ok(true));
                }
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(message))) => self.take(message, context, into),
                Poll::Ready(Some(Err(error))) => self.end = Some(Err(broken(&error))),
                Poll::Ready(None) => self.end = Some(Ok(())),
            }
        }
        self.stream.get_mut().heard = false;
        match &mut self.end {
            None => Poll::Ready(Ok(true)),
            Some(_) if into.len() > start => Poll::Ready(Ok(true)),
            Some(end) => Poll::Ready(std::mem::replace(end, Ok(())).map(|()| false)),
        }
    }

    fn take(&mut self, message: Message, context: &mut Context<'_>, into: &mut Vec<u8>) {
        let bytes: &[u8] = match &message {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
            // The library answers it with the next read.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return,
            Message::Close(frame) => {
                self.end = Some(closed(frame.as_ref()));
                // The answer to it; whether it goes out is all the same.
                let _ = Pin::new(&mut self.stream).poll_flush(context);
                return;
            }
        };
        into.reserve(bytes.len() + 2);
        into.push(RECORD);
        into.extend_from_slice(bytes);
        into.push(b'\n');
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // What the connection takes at once goes out; nobody waits for the rest.
        let context = &mut Context::from_waker(noop_waker_ref());
        let mut stream = Pin::new(&mut self.stream);
        if let Poll::Ready(Ok(())) = stream.as_mut().poll_ready(context) {
            let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
            let _ = stream.as_mut().start_send(Message::Close(Some(frame)));
            let _ = stream.as_mut().poll_flush(context);
        }
        let _ = Pin::new(stream.get_mut().get_mut()).poll_shutdown(context);
    }
}

/// What the server's close means.
fn closed(frame: Option<&CloseFrame>) -> Result<(), AttemptError> {
    let Some(frame) = frame else { return Ok(()) };
    let code = u16::from(frame.code);
    let meaning = match code {
        // 1005: it named no code.
        1000 | 1001 | 1005 => return Ok(()),
        1002 => " (protocol error)",
        1003 => " (unsupported data)",
        1007 => " (invalid data)",
        1008 => " (policy violation)",
        1009 => " (message too big)",
        1010 => " (missing extension)",
        1011 => " (internal error)",
        1012 => " (service restart)",
        1013 => " (try again later)",
        1014 => " (bad gateway)",
        _ => "",
    };
    let reason = frame.reason.as_str().trim();
    let colon = if reason.is_empty() { "" } else { ": " };
    Err(AttemptError::Server(ServerError {
        message: format!("it closed the WebSocket with code {code}{meaning}{colon}{reason}"),
        code: Some(code.to_string()),
        ..ServerError::default()
    }))
}

/// The connection broke off, or what came is no WebSocket's.
fn broken(error: &Error) -> AttemptError {
    let protocol = |message: String| AttemptError::Protocol {
        message,
        hint: "Check base_url, and what stands between: a proxy may have changed the answer.".into(),
    };
    match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
        | Error::ConnectionClosed
        | Error::AlreadyClosed => {
            AttemptError::Lost("the server closed the connection without closing the WebSocket (1006)".into())
        }
        Error::Io(error) => errors::reading_socket(error),
        Error::Capacity(_) => AttemptError::Protocol {
            message: format!("one message is over the limit of {} MiB", MAX_EVENT_BYTES >> 20),
            hint: "This is hardly a chat stream: check base_url and dialect of the provider.".into(),
        },
        Error::Utf8(_) => protocol("a message of the WebSocket is text that is not UTF-8".into()),
        other => protocol(format!("the WebSocket does not keep to its protocol: {}", errors::cause(other))),
    }
}

/// The connection, with a note of whether anything came.
struct Counted {
    inner: Upgraded,
    heard: bool,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(context, buffer);
        self.heard |= buffer.filled().len() > before;
        result
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
