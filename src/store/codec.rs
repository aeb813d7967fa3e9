//! The stored form of what a row holds as JSON, apart from the Rust types it comes from.
//!
//! A renamed field or variant in `chat` changes nothing on disk: every word that is written stands
//! here. Reading is lenient, because a row may be damaged: what can't be understood is kept as text
//! where it may be something that was said, and left out where it is a figure.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::chat::message::Finish;
use crate::chat::session::{Draft, Piece, Written};
use crate::chat::stream::AnnotationKind;
use crate::chat::{
    ChoiceMetrics, ErrorKind, FinishReason, Message, Params, Part, StreamEvent, ToolCall, TurnError, Usage,
};

/// A part of a message: an object with one member that names its sort.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredPart<'a> {
    Text(Cow<'a, str>),
    File { name: Cow<'a, str>, text: Cow<'a, str> },
    Reasoning(Cow<'a, str>),
    Refusal(Cow<'a, str>),
    ToolCall { id: Cow<'a, str>, name: Cow<'a, str>, arguments: Cow<'a, str> },
    RawPrompt(Cow<'a, str>),
    Annotation { kind: Cow<'a, str>, data: Cow<'a, Value> },
    Carry { slot: Cow<'a, str>, json: Cow<'a, Value> },
}

/// An event of a stream, without its choice: the row belongs to one message.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredEvent<'a> {
    Text(Cow<'a, str>),
    Reasoning(Cow<'a, str>),
    Refusal(Cow<'a, str>),
    ToolCall {
        index: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Cow<'a, str>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Cow<'a, str>>,
        delta: Cow<'a, str>,
    },
    Carry {
        slot: Cow<'a, str>,
        json: Cow<'a, Value>,
    },
    Annotation {
        kind: Cow<'a, str>,
        data: Cow<'a, Value>,
    },
    Finish {
        reason: Cow<'a, str>,
        raw: Cow<'a, str>,
    },
    Usage(StoredUsage),
    Notice(Cow<'a, str>),
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct StoredUsage {
    prompt: u64,
    completion: u64,
    total: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<u64>,
}

/// Figures that are no numbers (infinite, NaN) become `null`, hence the options.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct StoredMetrics {
    ttft_ms: Option<f64>,
    duration_ms: Option<f64>,
    chunks: u64,
    tokens: u64,
    tokens_exact: bool,
    tokens_per_second: Option<f64>,
    reasoning_ms: Option<f64>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct StoredError<'a> {
    kind: Cow<'a, str>,
    status: Option<u16>,
    message: Cow<'a, str>,
    hint: Cow<'a, str>,
    request_id: Option<Cow<'a, str>>,
    choice: Option<u32>,
    quota: bool,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct StoredParams<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop: Cow<'a, [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    extra: Cow<'a, Map<String, Value>>,
}

/// What is written and not sent.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct StoredDraft<'a> {
    input: StoredWritten<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queued: Vec<StoredWritten<'a>>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct StoredWritten<'a> {
    text: Cow<'a, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pieces: Vec<StoredPiece<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredPiece<'a> {
    Pasted(Cow<'a, str>),
    File { name: Cow<'a, str>, text: Cow<'a, str> },
}

/// JSON of a value of this module. None of them can fail: no maps with other keys than strings.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// A kind that a later version wrote is shown as none of this version's filters would be.
fn annotation_kind(name: &str) -> AnnotationKind {
    AnnotationKind::parse(name).unwrap_or(AnnotationKind::Citation)
}

/// The parts of a message.
pub(super) fn write_parts(parts: &[Part]) -> String {
    let stored: Vec<_> = parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => StoredPart::Text(text.into()),
            Part::File { name, text } => StoredPart::File { name: name.into(), text: text.into() },
            Part::Reasoning(text) => StoredPart::Reasoning(text.into()),
            Part::Refusal(text) => StoredPart::Refusal(text.into()),
            Part::ToolCall(call) => StoredPart::ToolCall {
                id: (&call.id).into(),
                name: (&call.name).into(),
                arguments: (&call.arguments).into(),
            },
            Part::RawPrompt(text) => StoredPart::RawPrompt(text.into()),
            Part::Annotation { kind, data } => {
                StoredPart::Annotation { kind: kind.name().into(), data: Cow::Borrowed(data) }
            }
            Part::Carry { slot, json } => StoredPart::Carry { slot: slot.into(), json: Cow::Borrowed(json) },
        })
        .collect();
    json(&stored)
}

/// The parts again; what is not understood becomes text.
pub(super) fn read_parts(text: &str) -> Vec<Part> {
    read_list(text, |stored| match stored {
        StoredPart::Text(text) => Part::Text(text.into_owned()),
        StoredPart::File { name, text } => Part::File { name: name.into_owned(), text: text.into_owned() },
        StoredPart::Reasoning(text) => Part::Reasoning(text.into_owned()),
        StoredPart::Refusal(text) => Part::Refusal(text.into_owned()),
        StoredPart::ToolCall { id, name, arguments } => Part::ToolCall(ToolCall {
            id: id.into_owned(),
            name: name.into_owned(),
            arguments: arguments.into_owned(),
        }),
        StoredPart::RawPrompt(text) => Part::RawPrompt(text.into_owned()),
        StoredPart::Annotation { kind, data } => {
            Part::Annotation { kind: annotation_kind(&kind), data: data.into_owned() }
        }
        StoredPart::Carry { slot, json } => Part::Carry { slot: slot.into_owned(), json: json.into_owned() },
    })
    .into_iter()
    .map(|part| part.unwrap_or_else(Part::Text))
    .collect()
}

/// The events that build a message; those that add nothing to it are left out.
pub(super) fn write_events(events: &[StreamEvent]) -> String {
    let stored: Vec<_> = events.iter().filter_map(stored_event).collect();
    json(&stored)
}

fn stored_event(event: &StreamEvent) -> Option<StoredEvent<'_>> {
    Some(match event {
        StreamEvent::Text { delta, .. } => StoredEvent::Text(delta.into()),
        StreamEvent::Reasoning { delta, .. } => StoredEvent::Reasoning(delta.into()),
        StreamEvent::Refusal { delta, .. } => StoredEvent::Refusal(delta.into()),
        StreamEvent::ToolCall { index, id, name, delta, .. } => StoredEvent::ToolCall {
            index: *index,
            id: id.as_ref().map(Into::into),
            name: name.as_ref().map(Into::into),
            delta: delta.into(),
        },
        StreamEvent::Carry { slot, json, .. } => {
            StoredEvent::Carry { slot: slot.into(), json: Cow::Borrowed(json) }
        }
        StreamEvent::Finish { reason, raw, .. } => {
            StoredEvent::Finish { reason: reason.name().into(), raw: raw.into() }
        }
        StreamEvent::Usage(usage) => StoredEvent::Usage(stored_usage(usage)),
        StreamEvent::Notice(notice) => StoredEvent::Notice(notice.into()),
        StreamEvent::Annotation { kind, data, .. } => {
            StoredEvent::Annotation { kind: kind.name().into(), data: Cow::Borrowed(data) }
        }
        StreamEvent::Start { .. } => return None,
    })
}

/// Adds the events of a row to the message they came for.
pub(super) fn apply_events(message: &mut Message, text: &str) {
    let choice = message.choice;
    let events = read_list(text, |stored| match stored {
        StoredEvent::Text(delta) => StreamEvent::Text { choice, delta: delta.into_owned() },
        StoredEvent::Reasoning(delta) => StreamEvent::Reasoning { choice, delta: delta.into_owned() },
        StoredEvent::Refusal(delta) => StreamEvent::Refusal { choice, delta: delta.into_owned() },
        StoredEvent::ToolCall { index, id, name, delta } => StreamEvent::ToolCall {
            choice,
            index,
            id: id.map(Cow::into_owned),
            name: name.map(Cow::into_owned),
            delta: delta.into_owned(),
        },
        StoredEvent::Carry { slot, json } => {
            StreamEvent::Carry { choice, slot: slot.into_owned(), json: json.into_owned() }
        }
        StoredEvent::Annotation { kind, data } => {
            StreamEvent::Annotation { choice, kind: annotation_kind(&kind), data: data.into_owned() }
        }
        StoredEvent::Finish { reason, raw } => StreamEvent::Finish {
            choice,
            reason: FinishReason::parse(&reason).unwrap_or(FinishReason::Stop),
            raw: raw.into_owned(),
        },
        StoredEvent::Usage(usage) => StreamEvent::Usage(usage.into()),
        StoredEvent::Notice(notice) => StreamEvent::Notice(notice.into_owned()),
    });
    for event in events {
        message.apply(&event.unwrap_or_else(|delta| StreamEvent::Text { choice, delta }));
    }
}

/// The elements of a JSON array; an element that is not understood, or a text that is no array, comes
/// as the text it is.
fn read_list<S, T>(text: &str, make: impl Fn(S) -> T) -> Vec<Result<T, String>>
where
    S: DeserializeOwned,
{
    if let Ok(whole) = serde_json::from_str::<Vec<S>>(text) {
        return whole.into_iter().map(|stored| Ok(make(stored))).collect();
    }
    let Ok(values) = serde_json::from_str::<Vec<Value>>(text) else {
        return if text.is_empty() { Vec::new() } else { vec![Err(text.to_owned())] };
    };
    let one = |value: Value| {
        let raw = value.to_string();
        serde_json::from_value::<S>(value).map(&make).map_err(|_| raw)
    };
    values.into_iter().map(one).collect()
}

fn stored_usage(usage: &Usage) -> StoredUsage {
    StoredUsage {
        prompt: usage.prompt_tokens,
        completion: usage.completion_tokens,
        total: usage.total_tokens,
        cached: usage.cached_tokens,
        reasoning: usage.reasoning_tokens,
    }
}

impl From<StoredUsage> for Usage {
    fn from(stored: StoredUsage) -> Self {
        Usage {
            prompt_tokens: stored.prompt,
            completion_tokens: stored.completion,
            total_tokens: stored.total,
            cached_tokens: stored.cached,
            reasoning_tokens: stored.reasoning,
        }
    }
}

/// Token counts.
pub(super) fn write_usage(usage: &Usage) -> String {
    json(&stored_usage(usage))
}

/// Token counts again.
pub(super) fn read_usage(text: &str) -> Option<Usage> {
    read::<StoredUsage>(text).map(Into::into)
}

/// How a message ended, from its two columns.
pub(super) fn read_finish(reason: &str, raw: Option<String>) -> Finish {
    Finish { reason: FinishReason::parse(reason).unwrap_or(FinishReason::Stop), raw: raw.unwrap_or_default() }
}

/// Times and rates.
pub(super) fn write_metrics(metrics: &ChoiceMetrics) -> String {
    json(&StoredMetrics {
        ttft_ms: metrics.ttft_ms,
        duration_ms: Some(metrics.duration_ms),
        chunks: metrics.chunks,
        tokens: metrics.tokens,
        tokens_exact: metrics.tokens_exact,
        tokens_per_second: metrics.tokens_per_second,
        reasoning_ms: metrics.reasoning_ms,
    })
}

/// Times and rates again.
pub(super) fn read_metrics(text: &str) -> Option<ChoiceMetrics> {
    let stored: StoredMetrics = read(text)?;
    Some(ChoiceMetrics {
        ttft_ms: stored.ttft_ms,
        duration_ms: stored.duration_ms.unwrap_or_default(),
        chunks: stored.chunks,
        tokens: stored.tokens,
        tokens_exact: stored.tokens_exact,
        tokens_per_second: stored.tokens_per_second,
        reasoning_ms: stored.reasoning_ms,
    })
}

/// Why a message did not end well.
pub(super) fn write_error(error: &TurnError) -> String {
    json(&StoredError {
        kind: error.kind.name().into(),
        status: error.status,
        message: (&error.message).into(),
        hint: (&error.hint).into(),
        request_id: error.request_id.as_ref().map(Into::into),
        choice: error.choice,
        quota: error.quota,
    })
}

/// The error again; a text that is not understood is its message.
pub(super) fn read_error(text: &str) -> TurnError {
    let Some(stored) = read::<StoredError<'_>>(text) else {
        return TurnError::new(ErrorKind::Protocol, text);
    };
    TurnError {
        kind: ErrorKind::parse(&stored.kind).unwrap_or(ErrorKind::Protocol),
        status: stored.status,
        message: stored.message.into_owned(),
        hint: stored.hint.into_owned(),
        request_id: stored.request_id.map(Cow::into_owned),
        choice: stored.choice,
        quota: stored.quota,
    }
}

/// Notices.
pub(super) fn write_notices(notices: &[String]) -> String {
    json(&notices)
}

/// The notices again; a text that is not understood is one notice.
pub(super) fn read_notices(text: &str) -> Vec<String> {
    read(text).unwrap_or_else(|| vec![text.to_owned()])
}

/// A draft.
pub(super) fn write_draft(draft: &Draft) -> String {
    let queued = draft.queued.iter().map(stored_written).collect();
    json(&StoredDraft { input: stored_written(&draft.input), queued })
}

fn stored_written(written: &Written) -> StoredWritten<'_> {
    let piece = |piece: &'_ Piece| -> StoredPiece<'_> {
        match piece {
            Piece::Pasted(text) => StoredPiece::Pasted(text.clone().into()),
            Piece::File { name, text } => {
                StoredPiece::File { name: name.clone().into(), text: text.clone().into() }
            }
        }
    };
    StoredWritten { text: (&written.text).into(), pieces: written.pieces.iter().map(piece).collect() }
}

/// The draft again; what is not understood stands in the input.
pub(super) fn read_draft(text: &str) -> Draft {
    let Some(stored) = read::<StoredDraft<'_>>(text) else {
        return Draft { input: Written::from(text.to_owned()), queued: Vec::new() };
    };
    Draft { input: stored.input.into(), queued: stored.queued.into_iter().map(Into::into).collect() }
}

impl From<StoredWritten<'_>> for Written {
    fn from(stored: StoredWritten<'_>) -> Self {
        let piece = |piece| match piece {
            StoredPiece::Pasted(text) => Piece::Pasted(text.into_owned()),
            StoredPiece::File { name, text } => {
                Piece::File { name: name.into_owned(), text: text.into_owned() }
            }
        };
        Written { text: stored.text.into_owned(), pieces: stored.pieces.into_iter().map(piece).collect() }
    }
}

/// Parameters; only what is set.
pub(super) fn write_params(params: &Params) -> String {
    json(&StoredParams {
        max_tokens: params.max_tokens,
        temperature: params.temperature,
        top_p: params.top_p,
        stop: Cow::Borrowed(&params.stop),
        seed: params.seed,
        n: params.n,
        reasoning_effort: params.reasoning_effort.as_ref().map(Into::into),
        extra: Cow::Borrowed(&params.extra),
    })
}

/// The parameters again; none where they are not understood.
pub(super) fn read_params(text: &str) -> Params {
    let stored: StoredParams<'_> = read(text).unwrap_or_default();
    Params {
        max_tokens: stored.max_tokens,
        temperature: stored.temperature,
        top_p: stored.top_p,
        stop: stored.stop.into_owned(),
        seed: stored.seed,
        n: stored.n,
        reasoning_effort: stored.reasoning_effort.map(Cow::into_owned),
        extra: stored.extra.into_owned(),
    }
}
