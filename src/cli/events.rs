//! The events of `ask --json`: one JSON object a line, as scripts rely on them.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::chat::stream::AnnotationKind;
use crate::chat::turn::TurnDone;
use crate::chat::{Message, StreamEvent, TurnEvent, TurnMetrics};

/// A line of `--json`. The order of members is the order in which they are printed.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    /// The first event of the stream.
    Start { provider: &'a str, model: &'a str, id: Option<&'a str> },
    /// Text of the answer.
    Text { choice: u32, delta: &'a str },
    /// Reasoning.
    Reasoning { choice: u32, delta: &'a str },
    /// A refusal.
    Refusal { choice: u32, delta: &'a str },
    /// A piece of a tool call.
    ToolCall {
        choice: u32,
        index: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        delta: &'a str,
    },
    /// Something beside the text.
    Annotation {
        choice: u32,
        kind: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        of: Option<&'a str>,
        data: &'a Value,
    },
    /// A choice ended.
    Finish { choice: u32, reason: &'a str, raw: &'a str },
    /// Token counts.
    Usage {
        prompt_tokens: u64,
        completion_tokens: u64,
        total_tokens: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        cached_tokens: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reasoning_tokens: Option<u64>,
    },
    /// Something odd that was survived.
    Notice { message: &'a str },
    /// An attempt failed; another follows.
    Retry {
        attempt: u32,
        delay_ms: u64,
        reason: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        choice: Option<u32>,
    },
    /// The turn, or one of its attempts, did not end well.
    Error {
        kind: &'a str,
        status: Option<u16>,
        message: &'a str,
        request_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        choice: Option<u32>,
    },
    /// The end.
    Done { outcome: &'a str, session: Option<String>, choices: Vec<Choice<'a>>, metrics: Metrics },
}

/// A choice in `done`.
#[derive(Debug, Serialize)]
struct Choice<'a> {
    text: String,
    reasoning: String,
    refusal: String,
    tool_calls: Vec<Call<'a>>,
    finish_reason: Option<&'a str>,
    finish_raw: Option<&'a str>,
    ttft_ms: Option<f64>,
    tokens: u64,
    tokens_per_second: Option<f64>,
}

/// A tool call in `done`.
#[derive(Debug, Serialize)]
struct Call<'a> {
    id: &'a str,
    name: &'a str,
    arguments: &'a str,
}

/// The figures in `done`.
#[derive(Debug, Serialize)]
struct Metrics {
    ttft_ms: Option<f64>,
    ttft_text_ms: Option<f64>,
    duration_ms: f64,
    chunks: u64,
    chars: u64,
    tokens: u64,
    tokens_exact: bool,
    tokens_per_second: Option<f64>,
    mean_token_interval_ms: Option<f64>,
    p95_token_interval_ms: Option<f64>,
    attempts: u32,
}

impl From<TurnMetrics> for Metrics {
    fn from(m: TurnMetrics) -> Self {
        Self {
            ttft_ms: m.ttft_ms,
            ttft_text_ms: m.ttft_text_ms,
            duration_ms: m.duration_ms,
            chunks: m.chunks,
            chars: m.chars,
            tokens: m.tokens,
            tokens_exact: m.tokens_exact,
            tokens_per_second: m.tokens_per_second,
            mean_token_interval_ms: m.mean_token_interval_ms,
            p95_token_interval_ms: m.p95_token_interval_ms,
            attempts: m.attempts,
        }
    }
}

/// Prints events: what is asked is known before the server names itself.
#[derive(Debug, Default)]
pub struct Printer {
    provider: String,
    /// As it was asked for.
    model: String,
    /// Calls whose id was printed.
    named: BTreeSet<(u32, u32)>,
}

impl Printer {
    /// A printer for a turn with this model of this provider.
    pub fn new(provider: &str, model: &str) -> Self {
        Self { provider: provider.to_owned(), model: model.to_owned(), named: BTreeSet::new() }
    }

    /// The line of an event; none for what the contract does not list. `done` is [`Printer::done`]'s.
    pub fn line(&mut self, event: &TurnEvent) -> Option<String> {
        match event {
            TurnEvent::Stream(event) => self.stream(event),
            TurnEvent::Retry { attempt, delay, reason, choice, .. } => json(&Line::Retry {
                attempt: *attempt,
                delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
                reason,
                choice: *choice,
            }),
            TurnEvent::Error(error) => json(&Line::Error {
                kind: error.kind.name(),
                status: error.status,
                message: &error.message,
                request_id: error.request_id.as_deref(),
                choice: error.choice,
            }),
            TurnEvent::Sent { .. } | TurnEvent::Done(_) => None,
        }
    }

    fn stream(&mut self, event: &StreamEvent) -> Option<String> {
        match event {
            StreamEvent::Start { id, model } => json(&Line::Start {
                provider: &self.provider,
                model: model.as_deref().filter(|m| !m.is_empty()).unwrap_or(&self.model),
                id: id.as_deref(),
            }),
            StreamEvent::Text { choice, delta } => json(&Line::Text { choice: *choice, delta }),
            StreamEvent::Reasoning { choice, delta } => json(&Line::Reasoning { choice: *choice, delta }),
            StreamEvent::Refusal { choice, delta } => json(&Line::Refusal { choice: *choice, delta }),
            StreamEvent::ToolCall { choice, index, id, name, delta } => {
                let first = self.named.insert((*choice, *index));
                // An id that comes later is in `done` only.
                if !first && delta.is_empty() {
                    return None;
                }
                json(&Line::ToolCall {
                    choice: *choice,
                    index: *index,
                    id: id.as_deref().filter(|_| first),
                    name: name.as_deref(),
                    delta,
                })
            }
            StreamEvent::Annotation { choice, kind, data } => {
                // One word for what filters say, of whatever they say it.
                let (kind, of) = match kind {
                    AnnotationKind::PromptFilter => (AnnotationKind::Filter, Some("prompt")),
                    kind @ (AnnotationKind::Filter | AnnotationKind::Citation) => (*kind, None),
                };
                json(&Line::Annotation { choice: *choice, kind: kind.name(), of, data })
            }
            StreamEvent::Carry { .. } => None,
            StreamEvent::Finish { choice, reason, raw } => {
                json(&Line::Finish { choice: *choice, reason: reason.name(), raw })
            }
            StreamEvent::Usage(usage) => json(&Line::Usage {
                prompt_tokens: usage.prompt_tokens,
                completion_tokens: usage.completion_tokens,
                total_tokens: usage.total_tokens,
                cached_tokens: usage.cached_tokens,
                reasoning_tokens: usage.reasoning_tokens,
            }),
            StreamEvent::Notice(message) => json(&Line::Notice { message }),
        }
    }

    /// The last line.
    pub fn done(&self, done: &TurnDone, answers: &[Message], session: Option<String>) -> Option<String> {
        let choices = answers
            .iter()
            .zip(&done.choices)
            .map(|(answer, choice)| Choice {
                text: answer.text(),
                reasoning: answer.reasoning(),
                refusal: answer.refusal(),
                tool_calls: answer
                    .tool_calls()
                    .map(|call| Call { id: &call.id, name: &call.name, arguments: &call.arguments })
                    .collect(),
                finish_reason: choice.finish.as_ref().map(|f| f.reason.name()),
                finish_raw: choice.finish.as_ref().map(|f| f.raw.as_str()),
                ttft_ms: choice.metrics.ttft_ms,
                tokens: choice.metrics.tokens,
                tokens_per_second: choice.metrics.tokens_per_second,
            })
            .collect();
        json(&Line::Done { outcome: done.outcome.name(), session, choices, metrics: done.metrics.into() })
    }
}

fn json(line: &Line<'_>) -> Option<String> {
    // Strings, numbers and maps of strings: serialising cannot fail.
    serde_json::to_string(line).ok()
}
