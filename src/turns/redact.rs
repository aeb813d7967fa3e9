//! Keeps configured secrets out of what a server says: each becomes `***` before it is shown or saved.
//!
//! Each text is looked at by itself. A secret that a server spells out over several deltas is not
//! found: holding text back until it can't be one any more would delay every token.

use serde_json::Value;

use crate::base::Secrets;
use crate::chat::{StreamEvent, TurnError, TurnEvent};

/// Cleans one event.
pub(super) fn redact(secrets: &Secrets, event: &mut TurnEvent) {
    match event {
        TurnEvent::Stream(event) => redact_stream(secrets, event),
        TurnEvent::Retry { reason, .. } => text(secrets, reason),
        TurnEvent::Error(error) => redact_error(secrets, error),
        TurnEvent::Done(done) => {
            for choice in &mut done.choices {
                if let Some(error) = &mut choice.error {
                    redact_error(secrets, error);
                }
                if let Some(finish) = &mut choice.finish {
                    text(secrets, &mut finish.raw);
                }
            }
        }
        TurnEvent::Sent { .. } => {}
    }
}

fn redact_stream(secrets: &Secrets, event: &mut StreamEvent) {
    match event {
        StreamEvent::Text { delta, .. }
        | StreamEvent::Reasoning { delta, .. }
        | StreamEvent::Refusal { delta, .. } => text(secrets, delta),
        StreamEvent::ToolCall { id, name, delta, .. } => {
            text(secrets, delta);
            id.iter_mut().chain(name).for_each(|word| text(secrets, word));
        }
        StreamEvent::Start { id, model } => {
            id.iter_mut().chain(model).for_each(|word| text(secrets, word));
        }
        StreamEvent::Annotation { data, .. } => json(secrets, data),
        StreamEvent::Carry { json: data, .. } => json(secrets, data),
        StreamEvent::Finish { raw, .. } => text(secrets, raw),
        StreamEvent::Notice(notice) => text(secrets, notice),
        StreamEvent::Usage(_) => {}
    }
}

fn redact_error(secrets: &Secrets, error: &mut TurnError) {
    text(secrets, &mut error.message);
    text(secrets, &mut error.hint);
    error.request_id.iter_mut().for_each(|id| text(secrets, id));
}

fn json(secrets: &Secrets, value: &mut Value) {
    match value {
        Value::String(string) => text(secrets, string),
        Value::Array(items) => items.iter_mut().for_each(|item| json(secrets, item)),
        Value::Object(members) => members.values_mut().for_each(|member| json(secrets, member)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn text(secrets: &Secrets, text: &mut String) {
    if let std::borrow::Cow::Owned(clean) = secrets.redact(text) {
        *text = clean;
    }
}
