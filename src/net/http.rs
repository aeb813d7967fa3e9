//! The answer to one attempt.

use std::fmt;
use std::time::{Duration, Instant};

use futures::FutureExt;

use super::errors::{self, Target};
use super::unpack::Unpacker;
use super::websocket::Socket;
use crate::chat::error::AttemptError;

/// How much one call of [`Response::chunk`] takes at most, give or take a frame or a message.
pub(super) const MAX_CHUNK: usize = 256 * 1024;

/// Frames that come so close behind each other may come without a pause.
const BUSY: Duration = Duration::from_millis(1);

/// The answer to one attempt. Dropping it closes the connection.
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    body: Body,
    /// What went wrong right after bytes that were handed out first.
    held: Option<AttemptError>,
    /// For bodies that are compressed and do not say so.
    unpacker: Unpacker,
}

/// Where the rest of the answer comes from.
enum Body {
    Http(reqwest::Response),
    Socket(Box<Socket>),
    Ended,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Response {
    pub(super) fn new(answer: reqwest::Response) -> Self {
        let (status, headers) = head(&answer);
        Self { status, headers, body: Body::Http(answer), held: None, unpacker: Unpacker::default() }
    }

    /// A WebSocket whose handshake was accepted, after `message` was sent over it.
    pub(super) async fn upgraded(
        answer: reqwest::Response,
        message: Vec<u8>,
        target: &Target,
    ) -> Result<Self, AttemptError> {
        let (status, headers) = head(&answer);
        let socket = Socket::open(answer, message, target).await?;
        Ok(Self {
            status,
            headers,
            body: Body::Socket(Box::new(socket)),
            held: None,
            unpacker: Unpacker::default(),
        })
    }

    /// Whether this is what was asked for: a status of success, or an open WebSocket.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status) || matches!(self.body, Body::Socket(_))
    }

    /// The value of the header `name` (lower case), the first of several.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Waits for bytes of the body and appends all that are ready to `into`, decompressed (up to
    /// 256 KiB); `false` at the body's orderly end. It may be dropped at any time: what was appended
    /// stays in `into`, nothing is lost.
    ///
    /// Of a WebSocket it appends whole messages, as a JSON text sequence. What comes that is no message
    /// (a ping, a part of one) ends the wait too, and appends nothing.
    ///
    /// # Errors
    /// [`AttemptError::Lost`] where the connection broke, [`AttemptError::Protocol`] where the
    /// compression is damaged or a message is too long, [`AttemptError::Server`] where a WebSocket was
    /// closed with the code of a failure. What came before is handed out first.
    pub async fn chunk(&mut self, into: &mut Vec<u8>) -> Result<bool, AttemptError> {
        if let Some(error) = self.held.take() {
            return Err(error);
        }
        if let Body::Socket(socket) = &mut self.body {
            let result = socket.chunk(into).await;
            if !matches!(result, Ok(true)) {
                self.body = Body::Ended;
            }
            return result;
        }
        let start = into.len();
        let asked = Instant::now();
        let mut yielded = false;
        while let Body::Http(body) = &mut self.body {
            if let Err(error) = self.unpacker.more(into, start + MAX_CHUNK) {
                self.body = Body::Ended;
                return self.fail(error, into.len() > start);
            }
            let taken = into.len() - start;
            if taken >= MAX_CHUNK {
                return Ok(true);
            }
            let frame = if taken == 0 {
                body.chunk().await
            } else {
                match body.chunk().now_or_never() {
                    Some(frame) => frame,
                    // The connection's own task hands over one frame at a time: it is given one turn
                    // to bring the next before the reader is left to work on little. Behind a frame that
                    // was waited for there is rarely one.
                    None if !yielded && asked.elapsed() < BUSY => {
                        yielded = true;
                        tokio::task::yield_now().await;
                        continue;
                    }
                    None => return Ok(true),
                }
            };
            yielded = false;
            match frame {
                Ok(Some(bytes)) => self.unpacker.take(&bytes, into),
                Ok(None) => {
                    self.body = Body::Ended;
                    self.unpacker.end(into);
                    if self.unpacker.is_cut() {
                        let lost = "the server closed the connection";
                        return self.fail(AttemptError::Lost(lost.into()), into.len() > start);
                    }
                }
                Err(error) => {
                    self.body = Body::Ended;
                    self.unpacker.end(into);
                    return self.fail(errors::reading(&error), into.len() > start);
                }
            }
        }
        Ok(into.len() > start)
    }

    /// Keeps an error back until what `came` before it is handed out.
    fn fail(&mut self, error: AttemptError, came: bool) -> Result<bool, AttemptError> {
        if !came {
            return Err(error);
        }
        self.held = Some(error);
        Ok(true)
    }
}

/// The status and the headers, names in lower case.
fn head(answer: &reqwest::Response) -> (u16, Vec<(String, String)>) {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = answer
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())))
        .collect();
    (answer.status().as_u16(), headers)
}
