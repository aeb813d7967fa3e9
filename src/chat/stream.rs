//! What a decoder says of one attempt, and what a turn says to whoever runs it.

use std::time::Duration;

use serde_json::Value;

use super::error::TurnError;
use super::turn::TurnDone;

/// Why a choice ended, in the common vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FinishReason {
    /// The model was done, or a stop text came. Any unknown word of a server's is this.
    Stop,
    /// The token limit.
    Length,
    /// It wants tools to run.
    Tools,
    /// A content filter.
    Filter,
    /// The server says that it failed; makes the outcome `failed`.
    Failed,
}

impl FinishReason {
    /// The word for it in events and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
            FinishReason::Tools => "tools",
            FinishReason::Filter => "filter",
            FinishReason::Failed => "failed",
        }
    }

    /// The reason of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Stop, Self::Length, Self::Tools, Self::Filter, Self::Failed]
            .into_iter()
            .find(|reason| reason.name() == name)
    }
}

/// Token counts as the server reports them; cumulative, the last one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer, all choices, reasoning included.
    pub completion_tokens: u64,
    /// Both, as the server adds them.
    pub total_tokens: u64,
    /// Prompt tokens that came from a cache.
    pub cached_tokens: Option<u64>,
    /// Answer tokens that were reasoning.
    pub reasoning_tokens: Option<u64>,
}

/// What sort of annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnotationKind {
    /// A source.
    Citation,
    /// A content filter's verdict on the answer.
    Filter,
    /// The same on the prompt.
    PromptFilter,
}

impl AnnotationKind {
    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Citation, Self::Filter, Self::PromptFilter].into_iter().find(|kind| kind.name() == name)
    }

    /// The word for it in the store.
    pub const fn name(self) -> &'static str {
        match self {
            AnnotationKind::Citation => "citation",
            AnnotationKind::Filter => "filter",
            AnnotationKind::PromptFilter => "prompt_filter",
        }
    }
}

/// One thing that the stream of one attempt said. `choice` counts from 0.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent {
    /// The first event: the server's own names, where it gives them.
    Start {
        /// The response's id.
        id: Option<String>,
        /// The model as the server names it.
        model: Option<String>,
    },
    /// Text of the answer.
    Text {
        /// Which choice.
        choice: u32,
        /// The new text, never empty.
        delta: String,
    },
    /// Reasoning text.
    Reasoning {
        /// Which choice.
        choice: u32,
        /// The new text, never empty.
        delta: String,
    },
    /// Text of a refusal.
    Refusal {
        /// Which choice.
        choice: u32,
        /// The new text, never empty.
        delta: String,
    },
    /// A piece of a tool call. Pieces wait until the call's name is known.
    ToolCall {
        /// Which choice.
        choice: u32,
        /// 0, 1, … in the order the calls began, whatever the server counts.
        index: u32,
        /// The call's id, once known: on its first event, or on a later one if it came late.
        id: Option<String>,
        /// The tool's name, on the call's first event only.
        name: Option<String>,
        /// New text of the arguments; may be empty.
        delta: String,
    },
    /// Something beside the text.
    Annotation {
        /// Which choice.
        choice: u32,
        /// What sort.
        kind: AnnotationKind,
        /// As it came.
        data: Value,
    },
    /// Opaque data that goes back with the message to the same dialect only.
    Carry {
        /// Which choice.
        choice: u32,
        /// The dialect's own name for it.
        slot: String,
        /// As it came.
        json: Value,
    },
    /// A choice ended.
    Finish {
        /// Which choice.
        choice: u32,
        /// Why, in the common vocabulary.
        reason: FinishReason,
        /// Why, in the server's word.
        raw: String,
    },
    /// Token counts.
    Usage(Usage),
    /// Something odd that was survived.
    Notice(String),
}

impl StreamEvent {
    /// The choice it belongs to, where it belongs to one.
    pub const fn choice(&self) -> Option<u32> {
        match self {
            StreamEvent::Text { choice, .. }
            | StreamEvent::Reasoning { choice, .. }
            | StreamEvent::Refusal { choice, .. }
            | StreamEvent::ToolCall { choice, .. }
            | StreamEvent::Annotation { choice, .. }
            | StreamEvent::Carry { choice, .. }
            | StreamEvent::Finish { choice, .. } => Some(*choice),
            StreamEvent::Start { .. } | StreamEvent::Usage(_) | StreamEvent::Notice(_) => None,
        }
    }

    /// Appends `next` to `self` where both are text of the same kind and choice; else gives it back.
    /// Used to merge what queued up before the screen takes it.
    pub fn merge(&mut self, next: StreamEvent) -> Option<StreamEvent> {
        match (self, next) {
            (StreamEvent::Text { choice, delta }, StreamEvent::Text { choice: c, delta: d })
                if *choice == c =>
            {
                delta.push_str(&d);
                None
            }
            (StreamEvent::Reasoning { choice, delta }, StreamEvent::Reasoning { choice: c, delta: d })
                if *choice == c =>
            {
                delta.push_str(&d);
                None
            }
            (StreamEvent::Refusal { choice, delta }, StreamEvent::Refusal { choice: c, delta: d })
                if *choice == c =>
            {
                delta.push_str(&d);
                None
            }
            (
                StreamEvent::ToolCall { choice, index, delta, .. },
                StreamEvent::ToolCall { choice: c, index: i, id: None, name: None, delta: d },
            ) if *choice == c && *index == i => {
                delta.push_str(&d);
                None
            }
            (_, next) => Some(next),
        }
    }
}

/// How the body of an attempt ended, by its decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The dialect's end marker came.
    Marked,
    /// No marker, but a finish reason for each choice seen.
    FinishedOnly,
    /// Neither: the answer is cut.
    Cut,
    /// Nothing that could be read came at all.
    Empty,
}

/// What a turn says: to the screen, to `ask`, to the relay.
#[derive(Clone, Debug, PartialEq)]
pub enum TurnEvent {
    /// An attempt was sent; the turn waits for its first event.
    Sent {
        /// 0 for the first, 1 for the first retry …
        attempt: u32,
    },
    /// From the stream. Choices are the turn's: with n attempts each has its own.
    Stream(StreamEvent),
    /// An attempt failed and another follows after `delay`.
    Retry {
        /// From 1.
        attempt: u32,
        /// How many there can be.
        of: u32,
        /// How long the wait is.
        delay: Duration,
        /// Why, a sentence.
        reason: String,
        /// Only with n attempts.
        choice: Option<u32>,
    },
    /// The turn, or one of its n attempts, did not end well.
    Error(TurnError),
    /// Always the last.
    Done(Box<TurnDone>),
}
