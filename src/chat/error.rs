//! What can go wrong with a turn, in words a person can act on.
//!
//! A [`TurnError`] always says what happened; where there is a cure it says that too. Texts from
//! servers are kept as they came (they are sanitised where they are shown, redacted where they enter).

use std::time::Duration;

/// The `kind` of an error, as `ask --json` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// 401, 403, or no key.
    Auth,
    /// Any other HTTP error status.
    Http,
    /// No connection, or it was lost before the first event.
    Network,
    /// One of the four time-outs.
    Timeout,
    /// The body was cut, empty, unreadable or over a limit.
    Protocol,
    /// An error that the server reported in band.
    Server,
}

impl ErrorKind {
    /// The word for it in events and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            ErrorKind::Auth => "auth",
            ErrorKind::Http => "http",
            ErrorKind::Network => "network",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Protocol => "protocol",
            ErrorKind::Server => "server",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Auth, Self::Http, Self::Network, Self::Timeout, Self::Protocol, Self::Server]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// Which time-out ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeoutKind {
    /// Name look-up, TCP and TLS.
    Connect,
    /// Silence before the first event.
    First,
    /// Silence after it.
    Chunk,
    /// The whole turn, attempts and waits included.
    Total,
}

impl TimeoutKind {
    /// Its name in `[timeouts]`; the flag is `--NAME-timeout`.
    pub const fn name(self) -> &'static str {
        match self {
            TimeoutKind::Connect => "connect",
            TimeoutKind::First => "first",
            TimeoutKind::Chunk => "chunk",
            TimeoutKind::Total => "total",
        }
    }
}

/// Why a turn, or one choice of it, did not end well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnError {
    /// What sort of error.
    pub kind: ErrorKind,
    /// The HTTP status, or the integer code of an in-band error.
    pub status: Option<u16>,
    /// What happened, with the server's own words.
    pub message: String,
    /// What the person can do about it, a sentence; empty where nothing is known.
    pub hint: String,
    /// The id under which the server's operator finds the request.
    pub request_id: Option<String>,
    /// The choice it concerns, where each choice is an attempt of its own.
    pub choice: Option<u32>,
    /// A used-up quota or credit: sending again does not help, whatever the status says.
    pub quota: bool,
}

impl TurnError {
    /// An error of `kind` that says `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            status: None,
            message: message.into(),
            hint: String::new(),
            request_id: None,
            choice: None,
            quota: false,
        }
    }

    /// The same with a sentence that says what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// Why one attempt ended, before the turn machine decides what that means.
#[derive(Clone, Debug, PartialEq)]
pub enum AttemptError {
    /// The connect time-out of this length ran out.
    ConnectTimeout(Duration),
    /// No connection: name look-up, refusal, TLS, a proxy. The message names host and cause, the
    /// hint the cure.
    Connect {
        /// What happened.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// A connection that the next attempt would not get either: the server's certificate is not to be
    /// trusted, or it speaks no TLS. Never retried.
    Insecure {
        /// What happened.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// The connection broke while the request was sent or the answer read.
    Lost(String),
    /// An answer that is not a success.
    Http(HttpFailure),
    /// An answer that cannot be read: HTML, empty, over a limit, not of the dialect.
    Protocol {
        /// What happened.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// An error in band, at status 200.
    Server(ServerError),
    /// The request cannot be made: a bad URL or header. Never retried.
    Request(String),
    /// The key cannot be had from where it is to come from. Never retried.
    NoKey {
        /// What happened.
        message: String,
        /// What to do about it.
        hint: String,
    },
}

/// What an HTTP error answer says.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct HttpFailure {
    /// The status.
    pub status: u16,
    /// The server's message, found in whatever shape it came.
    pub message: String,
    /// The server's word for it: `insufficient_quota`, `context_length_exceeded` …
    pub code: Option<String>,
    /// How long the server asks to wait.
    pub retry_after: Option<Duration>,
    /// `x-should-retry`, which overrides the status.
    pub should_retry: Option<bool>,
    /// The request id.
    pub request_id: Option<String>,
    /// The field of the request that the server does not accept, where the answer names one.
    pub refused: Option<RefusedField>,
    /// Where a redirect points that is not followed.
    pub location: Option<String>,
    /// A used-up quota or credit.
    pub quota: bool,
}

/// A field of the request that a server refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusedField {
    /// `stream_options`: asked again without it.
    StreamOptions,
    /// `max_tokens`: asked again as `max_completion_tokens`.
    MaxTokens,
    /// `max_completion_tokens`: asked again as `max_tokens`.
    MaxCompletionTokens,
    /// `stream`: asked again whole.
    Stream,
    /// `n`: becomes n attempts.
    N,
    /// Any other field: never dropped, the error names it.
    Other(String),
}

impl RefusedField {
    /// The member's name on the wire.
    pub fn name(&self) -> &str {
        match self {
            RefusedField::StreamOptions => "stream_options",
            RefusedField::MaxTokens => "max_tokens",
            RefusedField::MaxCompletionTokens => "max_completion_tokens",
            RefusedField::Stream => "stream",
            RefusedField::N => "n",
            RefusedField::Other(name) => name,
        }
    }
}

/// An error that the server reported inside a successful answer.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ServerError {
    /// Its message.
    pub message: String,
    /// Its integer code where that is an HTTP status (400 to 599).
    pub status: Option<u16>,
    /// Its word code or type.
    pub code: Option<String>,
    /// The request id, where the event holds one.
    pub request_id: Option<String>,
    /// A used-up quota or credit.
    pub quota: bool,
}
