//! The turn machine: from a request to its outcome, through retries, time-outs and cancelling.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::{AttemptError, TurnError};
use super::message::Finish;
use super::metrics::{ChoiceMetrics, TurnMetrics};
use super::provider::Quirks;
use super::request::ChatRequest;
use super::retry::{RetryPolicy, Timeouts};
use super::stream::{Ending, StreamEvent, TurnEvent, Usage};

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
}

/// A fact for the machine.
#[derive(Clone, Debug)]
pub enum TurnInput {
    /// The turn may begin: its prompt is on disk.
    Begin,
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
    /// The choices, in order.
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

/// One turn.
#[derive(Debug)]
pub struct Turn {
    plan: TurnPlan,
}

impl Turn {
    /// A turn that waits for [`TurnInput::Begin`].
    pub fn new(plan: TurnPlan) -> Self {
        Self { plan }
    }

    /// Takes in a fact and appends what is to be done to `out`.
    pub fn on(&mut self, input: TurnInput, now: Instant, out: &mut Vec<TurnEffect>) {
        let _ = (input, now, out, &self.plan);
    }

    /// When [`TurnInput::Woke`] is due; `None` where nothing is waited for.
    pub fn wake_at(&self) -> Option<Instant> {
        None
    }

    /// Whether `Done` was told.
    pub fn is_done(&self) -> bool {
        false
    }
}
