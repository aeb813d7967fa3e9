//! One attempt over HTTP.

use std::time::Duration;

use crate::chat::error::AttemptError;
use crate::wire::WireRequest;

/// The HTTP client: cheap to make and to clone; the connection machinery is built at the first send.
#[derive(Clone, Debug, Default)]
pub struct Client {}

/// The answer to one attempt. Dropping it closes the connection.
#[derive(Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Client {
    /// Sends `request` and waits for the head of the answer, whatever its status.
    ///
    /// # Errors
    /// Typed by what failed; see [`AttemptError`].
    pub async fn send(
        &self,
        request: WireRequest,
        connect_timeout: Duration,
    ) -> Result<Response, AttemptError> {
        let _ = (request, connect_timeout);
        Err(AttemptError::Request("not yet".into()))
    }
}

impl Response {
    /// The next bytes of the body, decompressed: all that is ready is taken at once (up to 256 KiB);
    /// `None` at its orderly end.
    ///
    /// # Errors
    /// [`AttemptError::Lost`] where the connection broke.
    pub async fn chunk(&mut self, into: &mut Vec<u8>) -> Result<bool, AttemptError> {
        let _ = into;
        Ok(false)
    }
}
