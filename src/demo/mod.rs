//! The built-in demo provider: a real server on a loopback port that speaks the dialects of others.
//!
//! It is a newcomer's first answer, and the double that our own tests talk to. What a model says is
//! scripted (`assets/demo/`): `script` chooses by the model's name and the words of the prompt, `play`
//! turns the script into a stream at a human pace, or as fast as the socket takes it, and `http` and
//! `socket` are the server around it, with each dialect at its own paths. The models of `faults` are not
//! listed: they misbehave as real servers and networks do, by `script`, `wrap` or `refusal`.
//!
//! Its paths, models and faults are listed in `docs/faults.md`.
//!
//! Time is spent only while a stream plays: no timer runs in between. Nothing is kept but how often
//! a prompt was refused. No key is asked for.

mod azure;
mod codings;
pub mod faults;
mod http;
mod line;
mod play;
mod prompt;
mod prose;
mod refusal;
mod request;
mod script;
mod socket;
mod tokens;
mod topics;
mod wrap;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;

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

    /// The base URLs of the dialects that have others.
    pub fn other_urls(&self) -> [(&'static str, String); 4] {
        let at = self.address;
        [
            ("azure-inference", format!("http://{at}/models")),
            ("azure-openai", format!("http://{at}")),
            ("websocket", format!("ws://{at}/v1/chat/completions")),
            ("websocket, text completions", format!("ws://{at}/v1/completions")),
        ]
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
    tokio::spawn(http::serve(line::Listener(listener), router, stop.clone()));
    Ok(Server { address, _stop: stop.drop_guard() })
}
