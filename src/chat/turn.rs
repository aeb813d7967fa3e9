//! The turn machine: from a request to its outcome, through retries, time-outs and cancelling.
//!
//! Facts go in ([`TurnInput`], with the present time), orders come out ([`TurnEffect`]); the machine
//! itself does no IO, reads no clock and draws no random numbers. A turn has one *lane*, an attempt and
//! those that replace it, which carries all choices; or, where the server knows no `n`, one lane for
//! each choice. Once an event of a lane came, nothing of it is sent again: text never comes twice.
//!
//! `machine` holds the rules, `ending` what each end of an attempt means, `words` the sentences.

mod ending;
mod machine;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;
use std::time::Duration;

use super::error::{AttemptError, TurnError};
use super::message::Finish;
use super::metrics::{ChoiceMetrics, TurnMetrics};
use super::provider::{Dialect, ExtraParameters, KeyFrom, Provider, Quirks};
use super::request::{ChatRequest, Params};
use super::retry::{RetryPolicy, Timeouts};
use super::stream::{Ending, StreamEvent, TurnEvent, Usage};

pub use machine::Turn;

/// The most choices of one turn: what a person can use, and a bound on what a mistyped `n` costs.
pub const MAX_CHOICES: u32 = 128;

/// Why a choice that was asked for is empty, where the server sent fewer: it is not among those of
/// [`TurnDone`].
pub fn never_came() -> TurnError {
    words::never_came()
}

/// What a request for `provider`'s list of models says that failed.
pub fn list_failed(provider: &Provider, error: &AttemptError) -> TurnError {
    let (key_source, key_wanted) = key_words(provider);
    let asked = words::Asked {
        provider: &provider.name,
        dialect: provider.dialect,
        extra_parameters: provider.extra_parameters,
        key_source,
        key_wanted,
        version_from: &provider.version_from,
        model: None,
    };
    asked.failure(error)
}

/// Why `provider` is not asked at all: it needs a key and has none.
pub fn missing_key(provider: &Provider) -> Option<TurnError> {
    lacks_key(provider).then(|| words::missing_key(&provider.name, &provider.key_source))
}

/// Where the key that is sent comes from; else where one would be looked for.
fn key_words(provider: &Provider) -> (&str, &str) {
    if provider.sends_key() { (&provider.key_source, "") } else { ("", &provider.key_source) }
}

/// Whether a key is needed and there is none; one that is yet to be fetched is not missing.
fn lacks_key(provider: &Provider) -> bool {
    let none = provider.key.as_ref().is_none_or(|key| key.is_empty());
    none && provider.needs_key && provider.key_from == KeyFrom::Given
}

/// How a turn, or one choice, ended. The order is from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// All well.
    Complete,
    /// Cut after the first event.
    Truncated,
    /// Failed; text may have come all the same.
    Failed,
    /// Stopped by the person.
    Cancelled,
}

impl Outcome {
    /// The word for it in events and on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Complete => "complete",
            Outcome::Truncated => "truncated",
            Outcome::Failed => "failed",
            Outcome::Cancelled => "cancelled",
        }
    }
}

/// What a turn is to do.
#[derive(Clone, Debug)]
pub struct TurnPlan {
    /// The request.
    pub request: Arc<ChatRequest>,
    /// When to try again.
    pub retry: RetryPolicy,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// What the endpoint was seen to refuse.
    pub quirks: Quirks,
    /// Seed of the back-off's jitter.
    pub seed: u64,
    /// Where a key would be looked for, if one is needed and none was found: then nothing is sent.
    pub missing_key: Option<String>,
    /// The provider's name, for error messages.
    pub provider: String,
    /// What it speaks, for the cures in them.
    pub dialect: Dialect,
    /// What an Azure endpoint is told to do with members that it does not know, for the cures too.
    pub extra_parameters: Option<ExtraParameters>,
    /// Members of the body that the configuration sets: they are never dropped.
    pub own_fields: Vec<String>,
    /// Where the key that is sent comes from, for error messages; empty where it is not known.
    pub key_source: String,
    /// Where a key would be looked for, if none is sent; else empty.
    pub key_wanted: String,
    /// What says which `api-version` is asked for, as [`Provider::version_from`].
    pub version_from: String,
    /// Where a WebSocket provider is asked over HTTP instead, if its WebSocket cannot be had.
    pub over_http: Option<String>,
}

impl TurnPlan {
    /// A plan for `provider`, with the default policies and nothing known of its ways.
    pub fn new(request: Arc<ChatRequest>, provider: &Provider, seed: u64) -> Self {
        let (key_source, key_wanted) = key_words(provider);
        Self {
            request,
            retry: RetryPolicy::default(),
            timeouts: Timeouts::default(),
            quirks: Quirks::default(),
            seed,
            missing_key: lacks_key(provider).then(|| provider.key_source.clone()),
            provider: provider.name.clone(),
            dialect: provider.dialect,
            extra_parameters: provider.extra_parameters,
            own_fields: provider.extra_body.keys().cloned().collect(),
            key_source: key_source.to_owned(),
            key_wanted: key_wanted.to_owned(),
            version_from: provider.version_from.clone(),
            over_http: provider.http_base_url.clone().filter(|_| provider.dialect == Dialect::WebSocket),
        }
    }

    /// How many choices the turn has.
    pub fn choices(&self) -> u32 {
        choices_asked(&self.request.params)
    }
}

/// How many choices these parameters ask for: an integer `n` among the free fields goes over the
/// field's own, as it does in the request's body.
pub fn choices_asked(params: &Params) -> u32 {
    let free = params.extra.get("n").and_then(serde_json::Value::as_u64);
    let asked = free.map_or(params.choices(), |n| u32::try_from(n).unwrap_or(u32::MAX));
    asked.clamp(1, MAX_CHOICES)
}

/// One attempt to send.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Tells attempts of a turn apart; a late answer of an unknown one is ignored.
    pub id: u32,
    /// The request, with `stream` and `n` as this attempt needs them.
    pub request: Arc<ChatRequest>,
    /// What to leave out or rename.
    pub quirks: Quirks,
    /// The connect time-out; zero is none.
    pub connect_timeout: Duration,
    /// The one choice that it is for, where each choice is an attempt of its own.
    pub choice: Option<u32>,
}

/// A fact for the machine.
#[derive(Clone, Debug)]
pub enum TurnInput {
    /// The turn may begin: its prompt is on disk.
    Begin,
    /// The turn cannot begin: its key cannot be had, or its server cannot be started. Nothing was sent.
    Unready(AttemptError),
    /// The head of an answer came that is a success. It ends no silence: nothing was said yet.
    Answered {
        /// Of which attempt.
        attempt: u32,
        /// The id under which the server's operator finds the request.
        request_id: Option<String>,
    },
    /// Bytes of the body came (a comment counts): silence is over.
    Bytes {
        /// Of which attempt.
        attempt: u32,
    },
    /// An event was decoded.
    Event {
        /// Of which attempt.
        attempt: u32,
        /// The event.
        event: StreamEvent,
    },
    /// The body ended in order.
    Ended {
        /// Of which attempt.
        attempt: u32,
        /// How, by the decoder.
        ending: Ending,
    },
    /// The attempt failed. Where the connection was lost in the body, `ending` is what the decoder
    /// says of what had come by then.
    Failed {
        /// Of which attempt.
        attempt: u32,
        /// Why.
        error: AttemptError,
        /// How far the body was, if one had begun.
        ending: Option<Ending>,
    },
    /// The time of [`Turn::wake_at`] has come.
    Woke,
    /// The person stops it.
    Cancelled,
}

/// An order of the machine.
#[derive(Clone, Debug)]
pub enum TurnEffect {
    /// Send this.
    Send(Attempt),
    /// Drop that attempt; its connection closes.
    Abort {
        /// Which.
        attempt: u32,
    },
    /// Pass this on. `Done` is the last.
    Tell(TurnEvent),
    /// The endpoint refuses something: remember for later turns.
    Remember(Quirks),
}

/// The end of a turn.
#[derive(Clone, Debug, PartialEq)]
pub struct TurnDone {
    /// The worst of its choices.
    pub outcome: Outcome,
    /// The choices, in order; fewer than asked where the server sent fewer and all is well.
    pub choices: Vec<ChoiceDone>,
    /// Token counts, as reported (n attempts: added up).
    pub usage: Option<Usage>,
    /// Times and rates.
    pub metrics: TurnMetrics,
}

/// The end of one choice.
#[derive(Clone, Debug, PartialEq)]
pub struct ChoiceDone {
    /// How it ended.
    pub outcome: Outcome,
    /// Its finish reason, if one came.
    pub finish: Option<Finish>,
    /// Why it did not end well.
    pub error: Option<TurnError>,
    /// Times and rates.
    pub metrics: ChoiceMetrics,
}
