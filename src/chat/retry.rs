//! When to try again, and how long to wait first.
//!
//! Pure policy: the turn machine asks it before any event came; after one nothing is sent again.

use std::time::Duration;

use super::error::{AttemptError, HttpFailure};

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

/// Whether, and after how long, an attempt that failed is made again.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// After this wait.
    Again(Duration),
    /// Not: sending it again would not help, or the attempts are used up.
    GiveUp,
    /// Not: the server asks for a longer wait than [`RetryPolicy::max_wait`].
    TooLong(Duration),
}

impl RetryPolicy {
    /// What follows the failure `error` of an attempt without any event, after `retries` earlier
    /// retries. `random` gives the jitter.
    pub fn verdict(&self, error: &AttemptError, retries: u32, random: u64) -> Verdict {
        let (again, asked) = match error {
            AttemptError::Connect { .. } | AttemptError::Lost(_) => (true, None),
            AttemptError::Http(failure) => (is_retryable(failure), failure.retry_after),
            AttemptError::ConnectTimeout(_)
            | AttemptError::Insecure { .. }
            | AttemptError::Protocol { .. }
            | AttemptError::Server(_)
            | AttemptError::NoKey { .. }
            | AttemptError::Request(_) => (false, None),
        };
        if !again || retries >= self.max {
            return Verdict::GiveUp;
        }
        match asked.filter(|wait| !wait.is_zero()) {
            Some(wait) if wait > self.max_wait => Verdict::TooLong(wait),
            Some(wait) => Verdict::Again(wait),
            None => Verdict::Again(self.backoff(retries, random)),
        }
    }

    /// Our own wait before retry number `retry` (from 0): `base` doubled each time, up to `cap`, give
    /// or take a quarter, so that many clients that failed together do not come back together.
    pub fn backoff(&self, retry: u32, random: u64) -> Duration {
        let factor = 2u32.saturating_pow(retry);
        let wait = self.base.saturating_mul(factor).min(self.cap);
        let share = 0.75 + 0.5 * (random >> 11) as f64 / (1u64 << 53) as f64;
        wait.mul_f64(share).min(self.cap)
    }
}

/// Whether the same request may succeed a little later.
pub fn is_retryable(failure: &HttpFailure) -> bool {
    if failure.quota {
        return false;
    }
    failure.should_retry.unwrap_or(matches!(failure.status, 408 | 409 | 429 | 498 | 500..=599))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(status: u16) -> HttpFailure {
        HttpFailure { status, ..HttpFailure::default() }
    }

    #[test]
    fn statuses_that_pass_are_tried_again_and_others_are_not() {
        for status in [408, 409, 429, 498, 500, 502, 503, 504, 529] {
            assert!(is_retryable(&http(status)), "{status}");
        }
        for status in [301, 400, 401, 402, 403, 404, 413, 422] {
            assert!(!is_retryable(&http(status)), "{status}");
        }
    }

    #[test]
    fn the_servers_own_word_overrides_the_status_but_a_used_up_quota_stays_used_up() {
        assert!(!is_retryable(&HttpFailure { should_retry: Some(false), ..http(503) }));
        assert!(is_retryable(&HttpFailure { should_retry: Some(true), ..http(400) }));
        assert!(!is_retryable(&HttpFailure { quota: true, should_retry: Some(true), ..http(429) }));
    }

    #[test]
    fn the_back_off_doubles_up_to_its_cap_and_is_jittered_by_a_quarter() {
        let policy = RetryPolicy::default();
        for (retry, seconds) in [(0, 1.0), (1, 2.0), (2, 4.0), (4, 16.0)] {
            for random in [0, u64::MAX / 3, u64::MAX] {
                let wait = policy.backoff(retry, random).as_secs_f64();
                assert!((0.75 * seconds..=1.25 * seconds).contains(&wait), "{retry}: {wait}");
            }
        }
        assert_eq!(policy.backoff(60, u64::MAX), policy.cap);
    }

    #[test]
    fn a_wait_that_the_server_asks_for_is_obeyed_up_to_the_limit() {
        let policy = RetryPolicy::default();
        let asks = |seconds| {
            let retry_after = Some(Duration::from_secs(seconds));
            policy.verdict(&AttemptError::Http(HttpFailure { retry_after, ..http(429) }), 0, 5)
        };
        assert_eq!(asks(7), Verdict::Again(Duration::from_secs(7)));
        assert_eq!(asks(120), Verdict::Again(Duration::from_secs(120)));
        assert_eq!(asks(121), Verdict::TooLong(Duration::from_secs(121)));
        assert!(matches!(asks(0), Verdict::Again(wait) if wait >= Duration::from_millis(750)));
    }

    #[test]
    fn the_attempts_run_out() {
        let policy = RetryPolicy::default();
        let lost = AttemptError::Lost("reset".into());
        assert!(matches!(policy.verdict(&lost, 2, 0), Verdict::Again(_)));
        assert_eq!(policy.verdict(&lost, 3, 0), Verdict::GiveUp);
        assert_eq!(
            policy.verdict(&AttemptError::ConnectTimeout(Duration::from_secs(1)), 0, 0),
            Verdict::GiveUp
        );
    }
}
