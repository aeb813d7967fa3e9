//! How long the steps of the way to a provider may take.

use std::time::Duration;

use crate::chat::retry::Timeouts;
use crate::cli::args::Shared;
use crate::cli::setup::Setup;

/// Where a step of the connection has no limit of its own.
const STEP: Duration = Duration::from_secs(30);
/// A server may have to load the model first.
const FIRST_TOKEN: Duration = Duration::from_secs(60);
/// What the whole answer may take longer than its first token.
const REST: Duration = Duration::from_secs(30);

/// How long each step may take.
#[derive(Clone, Copy)]
pub struct Patience {
    /// Name look-up, connection and TLS, each.
    pub step: Duration,
    pub timeouts: Timeouts,
}

impl Patience {
    /// The limits of flags; else the configured ones, but none so long that nobody waits for it.
    pub fn of(setup: &Setup, shared: &Shared) -> Self {
        let configured = setup.config.timeouts;
        let bounded = |asked: Option<Duration>, usual: Duration, most: Duration| match asked {
            Some(asked) if !asked.is_zero() => asked,
            Some(_) | None if usual.is_zero() => most,
            Some(_) | None => usual.min(most),
        };
        let first = bounded(shared.first_timeout, configured.first, FIRST_TOKEN);
        let connect = bounded(shared.connect_timeout, configured.connect, STEP);
        let timeouts = Timeouts {
            connect,
            first,
            chunk: bounded(shared.chunk_timeout, configured.chunk, FIRST_TOKEN),
            total: bounded(shared.total_timeout, configured.total, first + REST),
        };
        Self { step: connect, timeouts }
    }
}
