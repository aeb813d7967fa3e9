//! Exit codes: one table for every command.

use crate::chat::{ErrorKind, Outcome, TurnError};
use crate::config::ConfigErrors;

/// All well.
pub const OK: u8 = 0;
/// Anything that has no code of its own.
pub const OTHER: u8 = 1;
/// A flag or argument that cannot be.
pub const USAGE: u8 = 2;
/// No connection, a time-out, a server that is busy or broken: later may be better.
pub const UNAVAILABLE: u8 = 75;
/// The answer was cut, or cannot be read.
pub const PROTOCOL: u8 = 76;
/// No key, or one that the server does not take.
pub const AUTH: u8 = 77;
/// The file or the environment holds what cannot be.
pub const CONFIG: u8 = 78;
/// The terminal was closed (SIGHUP).
pub const HUNG_UP: u8 = 129;
/// Ctrl-C or Escape.
pub const CANCELLED: u8 = 130;
/// SIGQUIT.
pub const QUIT: u8 = 131;
/// SIGTERM.
pub const TERMINATED: u8 = 143;

/// The code of a turn, by its outcome and the error that made it so.
pub fn of_done(outcome: Outcome, error: Option<&TurnError>) -> u8 {
    match outcome {
        Outcome::Complete => OK,
        Outcome::Cancelled => CANCELLED,
        Outcome::Truncated => PROTOCOL,
        Outcome::Failed => error.map_or(OTHER, of_error),
    }
}

/// The code of a configuration that cannot be: usage where only flags are to blame.
pub fn of_config(errors: &ConfigErrors) -> u8 {
    if errors.only_flags() { USAGE } else { CONFIG }
}

/// The code of what went wrong.
pub fn of_error(error: &TurnError) -> u8 {
    match error.kind {
        ErrorKind::Network | ErrorKind::Timeout => UNAVAILABLE,
        ErrorKind::Protocol => PROTOCOL,
        ErrorKind::Auth => AUTH,
        ErrorKind::Http | ErrorKind::Server => of_status(error),
    }
}

/// A quota that is used up is not better later, whatever the status says.
fn of_status(error: &TurnError) -> u8 {
    match error.status {
        Some(401 | 403) => AUTH,
        Some(408 | 409 | 429 | 498 | 500..=599) if !error.quota => UNAVAILABLE,
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_the_exit_code_of_the_table() {
        use ErrorKind::{Auth, Http, Network, Protocol, Server, Timeout};
        let check = |outcome, kind: Option<ErrorKind>, status, expected| {
            let error = kind.map(|kind| TurnError { status, ..TurnError::new(kind, "x") });
            assert_eq!(of_done(outcome, error.as_ref()), expected, "{outcome:?} {kind:?} {status:?}");
        };
        check(Outcome::Complete, None, None, 0);
        check(Outcome::Failed, Some(Network), None, 75);
        check(Outcome::Failed, Some(Timeout), None, 75);
        check(Outcome::Truncated, Some(Protocol), None, 76);
        check(Outcome::Truncated, None, None, 76);
        check(Outcome::Failed, Some(Protocol), Some(200), 76);
        check(Outcome::Failed, Some(Server), None, 1);
        check(Outcome::Failed, None, None, 1);
        check(Outcome::Failed, Some(Server), Some(401), 77);
        for busy in [408, 409, 429, 498, 500, 503, 529, 599] {
            check(Outcome::Failed, Some(Server), Some(busy), 75);
            check(Outcome::Failed, Some(Http), Some(busy), 75);
        }
        check(Outcome::Failed, Some(Auth), Some(403), 77);
        check(Outcome::Failed, Some(Auth), None, 77);
        for other in [400, 402, 404, 413, 422, 301] {
            check(Outcome::Failed, Some(Http), Some(other), 1);
        }
        check(Outcome::Cancelled, None, None, 130);
        check(Outcome::Cancelled, Some(Network), None, 130);
    }

    #[test]
    fn a_quota_that_is_used_up_is_not_better_later() {
        let error = TurnError { status: Some(429), quota: true, ..TurnError::new(ErrorKind::Http, "x") };
        assert_eq!(of_done(Outcome::Failed, Some(&error)), 1);
    }
}
