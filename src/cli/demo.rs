//! `chatui demo`: the demo model for any client.

use std::io::{self, IsTerminal, Write};

use tokio::signal::unix::{SignalKind, signal};

use super::args::{self, Stop};
use super::{exit, runtime};
use crate::demo;

/// Serves until it is stopped; prints the base URL as its one line.
///
/// # Errors
/// The address cannot be listened on.
pub fn run(options: &args::Demo) -> Result<u8, Stop> {
    runtime()?.run(async {
        let settings = demo::Options { tokens_per_second: options.tokens_per_second };
        let server = demo::start(options.listen, settings).await.map_err(|error| {
            Stop::failure(format!("chatui: cannot listen on {}: {error}", options.listen))
        })?;
        let mut out = io::stdout();
        // Nobody may read the line; the server serves all the same.
        let _ = writeln!(out, "{}", server.base_url()).and_then(|()| out.flush());
        tell_others(&server);
        let failed =
            |error: io::Error| Stop::failure(format!("chatui: signals cannot be listened to: {error}"));
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut hang_up = signal(SignalKind::hangup()).map_err(failed)?;
        Ok(tokio::select! {
            _ = tokio::signal::ctrl_c() => exit::CANCELLED,
            _ = terminate.recv() => exit::TERMINATED,
            _ = hang_up.recv() => exit::HUNG_UP,
        })
    })?
}

/// Names the base URLs of the other dialects to whoever sits at a terminal.
fn tell_others(server: &demo::Server) {
    let mut err = io::stderr();
    if !err.is_terminal() {
        return;
    }
    for (dialect, url) in server.other_urls() {
        let _ = writeln!(err, "{dialect}: {url}");
    }
}
