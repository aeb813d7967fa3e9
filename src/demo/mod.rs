//! The built-in demo provider: a real HTTP server on a loopback port that speaks openai-chat.
//!
//! It is a newcomer's first answer, and the double that our own tests talk to. What a model says is
//! scripted (`assets/demo/`): `script` chooses by the model's name and the words of the prompt, `play`
//! turns the script into a stream at a human pace, or as fast as the socket takes it, and `http` is
//! the server around it. The models of `FAULTS` misbehave as real servers do.
//!
//! Time is spent only while a stream plays: no timer runs in between. Nothing is kept but how often
//! `429` has refused a prompt. No key is asked for.

mod http;
mod play;
mod prose;
mod request;
mod script;
mod tokens;
mod topics;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use script::MODELS;

/// The names of its models, in the order they are listed.
pub fn models() -> impl Iterator<Item = &'static str> {
    MODELS.iter().map(|(id, _)| *id)
}

/// How the demo server behaves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Tokens per second of `chat`'s answers, the other models in proportion; `None` is their own pace
    /// (80), zero is as fast as it goes, without a wait before the first.
    pub tokens_per_second: Option<f64>,
}

/// A running server; dropping it stops it: it takes no more connections, and open streams break off.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    _stop: DropGuard,
}

impl Server {
    /// Its base URL, with `/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

/// Starts the server on `listen` (port 0: any).
///
/// # Errors
/// Where the address cannot be listened on.
pub async fn start(listen: SocketAddr, options: Options) -> io::Result<Server> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let router = http::router(options, stop.clone());
    let stopped = stop.clone().cancelled_owned();
    // Without this a small event would wait for the reader's acknowledgement of the one before it. A
    // socket that does not take the option still works.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await });
    Ok(Server { address, _stop: stop.drop_guard() })
}
