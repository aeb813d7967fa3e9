//! When to try again, and how long to wait first.

use std::time::Duration;

/// How attempts are repeated before any event came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Further attempts after the first.
    pub max: u32,
    /// The first wait of our own back-off.
    pub base: Duration,
    /// The longest wait of our own back-off.
    pub cap: Duration,
    /// The longest `Retry-After` that is obeyed; beyond it there is no retry.
    pub max_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max: 3,
            base: Duration::from_secs(1),
            cap: Duration::from_secs(30),
            max_wait: Duration::from_secs(120),
        }
    }
}

/// The four time-outs; zero is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name look-up, TCP and TLS.
    pub connect: Duration,
    /// Silence before the first event.
    pub first: Duration,
    /// Silence after it.
    pub chunk: Duration,
    /// The whole turn.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first: Duration::from_secs(300),
            chunk: Duration::from_secs(60),
            total: Duration::ZERO,
        }
    }
}
