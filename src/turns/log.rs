//! What turns and lists write to the log (`-v`): each request with its address, how it was answered and how
//! long that took, what follows from it, and how the turn ended.
//!
//! A line is in our own words, with the server's ids, codes and numbers; neither what was asked nor what was
//! answered stands in it, nor what a server says of either. Secrets are taken out of each line, and an address
//! goes without its query. `-vv` adds sizes and headers, `-vvv` each piece of an answer.

use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{Level, enabled};

use super::Services;
use crate::base::{Secrets, sanitize};
use crate::chat::error::{AttemptError, RefusedField};
use crate::chat::turn::{Attempt, TurnDone};
use crate::chat::{ErrorKind, Provider, Quirks, TurnError, TurnEvent};
use crate::net::Response;
use crate::wire::{self, GetRequest, WireRequest};

/// The most characters of a server's word.
const LONGEST_WORD: usize = 64;

/// The lines of one turn or list.
#[derive(Clone, Debug)]
pub(super) struct Log {
    about: Arc<str>,
    secrets: Arc<Secrets>,
    services: Services,
}

impl Log {
    /// Of a turn with `model`.
    pub(super) fn of_turn(
        provider: &Provider,
        model: &str,
        secrets: &Arc<Secrets>,
        services: &Services,
    ) -> Self {
        let about = format!("{}:{model}", provider.name).into();
        Self { about, secrets: Arc::clone(secrets), services: services.clone() }
    }

    /// Of a list of `provider`'s models.
    pub(super) fn of_list(provider: &Provider, services: &Services) -> Self {
        let mut secrets = Secrets::default();
        if let Some(key) = &provider.key {
            secrets.add(key);
        }
        let about = format!("{}, list of models", provider.name).into();
        Self { about, secrets: Arc::new(secrets), services: services.clone() }
    }

    /// As one line may show it. Made only where it is written.
    fn clean(&self, text: &dyn Display) -> String {
        let text = format!("{}: {text}", self.about);
        // Keys that were fetched meanwhile are secrets too.
        let secrets = self.services.secrets(&self.secrets);
        sanitize::clean(&secrets.redact(&text)).into_owned()
    }

    fn info(&self, text: fmt::Arguments<'_>) {
        if enabled!(Level::INFO) {
            tracing::info!("{}", self.clean(&text));
        }
    }

    fn debug(&self, text: fmt::Arguments<'_>) {
        if enabled!(Level::DEBUG) {
            tracing::debug!("{}", self.clean(&text));
        }
    }

    /// An attempt goes out.
    pub(super) fn sends(&self, attempt: &Attempt, request: &WireRequest) {
        let (id, url) = (attempt.id + 1, shown(&request.url));
        let how = if attempt.request.stream { "streamed" } else { "whole" };
        self.info(format_args!("request {id}: {} {url}, {}, {how}", method(url), request.dialect.name()));
        let headers: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        let bytes = request.body.len();
        self.debug(format_args!("request {id}: {bytes} bytes, headers {}", headers.join(", ")));
    }

    /// The head of its answer came.
    pub(super) fn answered(&self, attempt: &Attempt, response: &Response, since: Instant) {
        self.head(format_args!("request {}: ", attempt.id + 1), response, since);
    }

    fn head(&self, which: fmt::Arguments<'_>, response: &Response, since: Instant) {
        let id = wire::request_id(&response.headers).map(|id| format!(", request id {id}"));
        let id = id.unwrap_or_default();
        self.info(format_args!("{which}HTTP {} after {}{id}", response.status, took(since.elapsed())));
        for (name, value) in &response.headers {
            // What a cookie holds opens a door, and a redirect may hold a key.
            if !matches!(name.as_str(), "set-cookie" | "location") {
                self.debug(format_args!("{which}{name}: {value}"));
            }
        }
    }

    /// The key was refused, and another was fetched.
    pub(super) fn renewed(&self) {
        self.info(format_args!("the key was refused: asked again with another that was fetched"));
    }

    /// A piece of its answer came.
    pub(super) fn piece(&self, attempt: u32, bytes: usize) {
        tracing::trace!("{}: request {}: {bytes} bytes", self.about.escape_debug(), attempt + 1);
    }

    /// It failed.
    pub(super) fn failed(&self, attempt: u32, error: &AttemptError) {
        self.info(format_args!("request {}: failed: {}", attempt + 1, Cause(error)));
    }

    /// What the endpoint was found to refuse.
    pub(super) fn learnt(&self, before: Quirks, now: Quirks) {
        let Quirks { no_stream_options, other_max_tokens, no_stream, no_n, no_websocket } = now;
        for (is_new, what) in [
            (no_stream_options && !before.no_stream_options, "it refuses stream_options: goes without"),
            (other_max_tokens && !before.other_max_tokens, "it wants the length limit under its other name"),
            (no_stream && !before.no_stream, "it refuses to stream: goes on with whole answers"),
            (no_n && !before.no_n, "it refuses n: goes on with a request for each choice"),
            (no_websocket && !before.no_websocket, "there is no WebSocket: goes on over HTTP"),
        ] {
            if is_new {
                self.info(format_args!("{what}"));
            }
        }
    }

    /// What the turn says of its way.
    pub(super) fn told(&self, event: &TurnEvent) {
        match event {
            TurnEvent::Retry { attempt, of, delay, .. } => {
                self.info(format_args!("retry {attempt} of {of} in {}", took(*delay)));
            }
            TurnEvent::Error(error) => self.info(format_args!("error: {}", words(error))),
            TurnEvent::Done(done) => self.done(done),
            TurnEvent::Stream(_) | TurnEvent::Sent { .. } => {}
        }
    }

    fn done(&self, done: &TurnDone) {
        let metrics = &done.metrics;
        let first = match metrics.ttft_ms {
            Some(ms) => format!("first token after {ms:.0} ms"),
            None => "no token".to_owned(),
        };
        self.info(format_args!(
            "{} after {:.0} ms: {first}, {} tokens, {} requests",
            done.outcome.name(),
            metrics.duration_ms,
            metrics.tokens,
            metrics.attempts
        ));
    }

    /// A list is asked for.
    pub(super) fn asks(&self, request: &GetRequest) {
        self.info(format_args!("GET {}", shown(&request.url)));
    }

    /// The head of its answer came.
    pub(super) fn listed(&self, response: &Response, since: Instant) {
        self.head(format_args!(""), response, since);
    }

    /// Nothing came in time.
    pub(super) fn list_late(&self, limit: Duration) {
        self.info(format_args!("nothing within {}", took(limit)));
    }

    /// How it ended.
    pub(super) fn list_ended(&self, ended: Result<usize, &AttemptError>) {
        match ended {
            Ok(count) => self.info(format_args!("{count} models")),
            Err(error) => self.info(format_args!("failed: {}", Cause(error))),
        }
    }
}

/// Why an attempt failed, without what a server says in its own words.
struct Cause<'e>(&'e AttemptError);

impl Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            AttemptError::ConnectTimeout(limit) => write!(f, "no connection within {}", took(*limit)),
            AttemptError::Connect { message, .. }
            | AttemptError::Insecure { message, .. }
            | AttemptError::Request(message) => f.write_str(message),
            AttemptError::NoKey { .. } => f.write_str("the key cannot be had"),
            AttemptError::Lost(_) => f.write_str("the connection was lost"),
            AttemptError::Protocol { .. } => f.write_str("the answer cannot be read"),
            AttemptError::Http(failure) => {
                write!(f, "HTTP {}{}", failure.status, code(failure.code.as_deref()))?;
                match &failure.refused {
                    Some(field) => write!(f, ", refuses {}", name(field))?,
                    None if failure.quota => f.write_str(", the quota is used up")?,
                    None => {}
                }
                match failure.retry_after {
                    Some(wait) => write!(f, ", asks to wait {}", took(wait)),
                    None => Ok(()),
                }
            }
            AttemptError::Server(error) => {
                f.write_str("an error in the answer")?;
                if let Some(status) = error.status {
                    write!(f, ", {status}")?;
                }
                f.write_str(&code(error.code.as_deref()))
            }
        }
    }
}

/// An error of the turn. Only of what no server says the words are ours.
fn words(error: &TurnError) -> String {
    let status = error.status.map(|status| format!(", status {status}")).unwrap_or_default();
    let message = match error.kind {
        ErrorKind::Timeout => format!(", {}", error.message),
        ErrorKind::Auth | ErrorKind::Http | ErrorKind::Network | ErrorKind::Protocol | ErrorKind::Server => {
            String::new()
        }
    };
    format!("{}{status}{message}", error.kind.name())
}

/// A server's word for an error, where it is one.
fn code(code: Option<&str>) -> String {
    let is_word = |code: &&str| {
        code.len() <= LONGEST_WORD
            && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    };
    code.filter(is_word).map(|code| format!(", {code}")).unwrap_or_default()
}

/// Any other name is the server's own word, and is not told.
fn name(field: &RefusedField) -> &str {
    match field {
        RefusedField::Other(_) => "another field",
        known => known.name(),
    }
}

/// An address without what may hold a key: a query, a user's name and password.
fn shown(url: &str) -> Shown<'_> {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.find('/').unwrap_or(rest.len());
    let from = rest[..authority].rfind('@').map_or(0, |at| at + 1);
    Shown { scheme, rest: &rest[from..] }
}

#[derive(Clone, Copy)]
struct Shown<'u> {
    scheme: &'u str,
    rest: &'u str,
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.rest)
    }
}

fn method(url: Shown<'_>) -> &'static str {
    match url.scheme {
        "ws" | "wss" => "WebSocket",
        _ => "POST",
    }
}

fn took(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1000.0),
        seconds => format!("{seconds:.1} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn an_address_goes_without_what_may_hold_a_key() {
        for (url, text) in [
            ("https://h/v1/chat?api_key=secret", "https://h/v1/chat"),
            ("https://me:secret@h:1/a@b#c", "https://h:1/a@b"),
            ("ws://h", "ws://h"),
        ] {
            assert_eq!(shown(url).to_string(), text);
        }
    }
}
