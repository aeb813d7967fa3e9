//! One attempt over HTTP or a WebSocket: a request goes out, the head of the answer comes back, then its
//! body in pieces.
//!
//! [`Client::send`] returns whatever the server answered, of any status; [`Response::chunk`] waits for
//! bytes and then takes all that is there. What goes wrong becomes an [`AttemptError`] in words for
//! people. Dropping either future, or the [`Response`], closes the connection.
//!
//! It does not retry, judge a status, read a body's meaning or limit its length, and it has but one
//! time-out of its own, that of the connection: all this is the turn's affair.
//!
//! [`AttemptError`]: crate::chat::error::AttemptError

mod certificate;
mod client;
mod errors;
mod http;
mod probe;
mod unpack;
mod websocket;

#[cfg(test)]
mod tests;

pub use certificate::Certificate;
pub use client::Client;
pub use http::Response;
pub use probe::{Tls, Way};
