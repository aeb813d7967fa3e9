//! A session as a text that leaves chatui: Markdown to be read, JSON to be read back.
//!
//! Markdown holds what was shown: one path through the tree, under a heading each, and says how much is
//! beside it. JSON holds all of it, with names of its own that stay when the Rust types change; a
//! `chatui` member names the version of that shape. A session holds no key, so neither does an export.
//! Nothing is made safe for a terminal here: a file gets what was said.

use serde_json::{Map, Value, json};

use super::error::TurnError;
use super::jobs::StoredSession;
use super::message::{Message, MessageState, Part, Role};
use super::metrics::ChoiceMetrics;
use super::request::Params;
use super::session::{Piece, Timestamp, Written};
use super::stream::Usage;
use super::tree::Conversation;
use super::verdict;

/// The version of the JSON's shape.
const VERSION: u64 = 1;

/// A time as RFC 3339 in UTC. One that no calendar has is the beginning of 1970.
pub fn rfc3339(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.0).unwrap_or_default().to_string()
}

/// A session as Markdown: the path that is shown.
pub fn markdown(stored: &StoredSession) -> String {
    let session = &stored.session;
    let tree = Conversation::from_stored(stored.clone());
    let mut out = format!("# {}\n\n", one_line(&session.title));
    out.push_str(&format!("- Model: {}\n", one_line(&session.model)));
    out.push_str(&format!("- Date: {}\n", rfc3339(session.created)));
    if !session.system.is_empty() {
        // Its further lines stay in the item.
        out.push_str(&format!("- System prompt: {}\n", session.system.trim_end().replace('\n', "\n  ")));
    }
    for message in tree.messages() {
        out.push_str(&format!("\n## {}\n", heading(message)));
        for part in &message.parts {
            write_part(part, &mut out);
        }
        for said in verdict::of(message) {
            out.push_str(&format!("\n*{}*\n", said.line));
        }
        if let Some(note) = note(message) {
            out.push_str(&format!("\n*{note}*\n"));
        }
    }
    let beside = stored.messages.len().saturating_sub(tree.path().len());
    if beside > 0 {
        let noun = if beside == 1 { "message is" } else { "messages are" };
        out.push_str(&format!("\n---\n\n*{beside} more {noun} on other branches of this conversation.*\n"));
    }
    out
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn heading(message: &Message) -> String {
    match message.role {
        Role::User if message.raw_prompt().is_some() => "You (raw)".to_owned(),
        Role::User => "You".to_owned(),
        Role::Assistant if message.model.is_empty() => "Assistant".to_owned(),
        Role::Assistant => one_line(&message.model),
        Role::System => "System".to_owned(),
        Role::Tool => "Tool".to_owned(),
    }
}

fn write_part(part: &Part, out: &mut String) {
    match part {
        Part::Text(text) | Part::RawPrompt(text) | Part::Refusal(text) => paragraph(out, text),
        Part::File { name, text } => {
            paragraph(out, &format!("{}:", one_line(name)));
            fence(out, "", text);
        }
        Part::Reasoning(text) if !text.trim().is_empty() => {
            paragraph(out, "<details>\n<summary>Reasoning</summary>");
            paragraph(out, text);
            paragraph(out, "</details>");
        }
        Part::ToolCall(call) => {
            paragraph(out, &format!("Tool call: {}", one_line(&call.name)));
            fence(out, "json", &call.arguments);
        }
        Part::Reasoning(_) | Part::Annotation { .. } | Part::Carry { .. } => {}
    }
}

fn paragraph(out: &mut String, text: &str) {
    if text.is_empty() {
        return;
    }
    out.push('\n');
    out.push_str(text);
    if !text.ends_with('\n') {
        out.push('\n');
    }
}

/// A text in a fence that nothing in it can close.
fn fence(out: &mut String, language: &str, text: &str) {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    out.push_str(&format!("\n{fence}{language}\n{text}{end}{fence}\n"));
}

/// How a message ended, where it did not end well.
fn note(message: &Message) -> Option<String> {
    let state = match message.state {
        MessageState::Complete => return None,
        MessageState::Streaming => "still streaming",
        MessageState::Cancelled => "stopped",
        MessageState::Truncated => "cut off",
        MessageState::Failed => "failed",
    };
    let why = message.error.as_ref().map(|error| format!(": {}", one_line(&error.message)));
    Some(format!("{state}{}", why.unwrap_or_default()))
}

/// A session as JSON: all its messages, on all branches.
pub fn json(stored: &StoredSession) -> String {
    let session = &stored.session;
    let value = json!({
        "chatui": VERSION,
        "id": session.id.to_string(),
        "kind": session.kind.name(),
        "title": session.title,
        "model": session.model,
        "system": session.system,
        "params": params(&session.params),
        "created": rfc3339(session.created),
        "updated": rfc3339(session.updated),
        "messages": stored.messages.iter().map(message).collect::<Vec<_>>(),
        "chosen": stored.chosen.iter().map(|chosen| json!({
            "parent": chosen.parent.map(|id| id.to_string()),
            "child": chosen.child.to_string(),
        })).collect::<Vec<_>>(),
        "draft": (!stored.draft.is_empty()).then(|| json!({
            "input": written(&stored.draft.input),
            "queued": stored.draft.queued.iter().map(written).collect::<Vec<_>>(),
        })),
    });
    // No map in it has keys that are no strings, so it can't fail.
    let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.push('\n');
    text
}

fn message(message: &Message) -> Value {
    json!({
        "id": message.id.to_string(),
        "parent": message.parent.map(|id| id.to_string()),
        "role": message.role.name(),
        "model": message.model,
        "choice": message.choice,
        "created": rfc3339(message.created),
        "state": message.state.name(),
        "parts": message.parts.iter().map(part).collect::<Vec<_>>(),
        "finish_reason": message.finish.as_ref().map(|finish| finish.reason.name()),
        "finish_raw": message.finish.as_ref().map(|finish| finish.raw.as_str()),
        "usage": message.usage.as_ref().map(usage),
        "metrics": message.metrics.as_ref().map(metrics),
        "error": message.error.as_ref().map(error),
        "notices": message.notices,
    })
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({"type": "text", "text": text}),
        Part::RawPrompt(text) => json!({"type": "raw_prompt", "text": text}),
        Part::Annotation { kind, data } => json!({"type": "annotation", "kind": kind.name(), "data": data}),
        Part::File { name, text } => json!({"type": "file", "name": name, "text": text}),
        Part::Reasoning(text) => json!({"type": "reasoning", "text": text}),
        Part::Refusal(text) => json!({"type": "refusal", "text": text}),
        Part::ToolCall(call) => json!({
            "type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments,
        }),
        Part::Carry { slot, json } => json!({"type": "carry", "slot": slot, "json": json}),
    }
}

fn written(written: &Written) -> Value {
    let piece = |piece: &Piece| match piece {
        Piece::Pasted(text) => json!({"type": "pasted", "text": text}),
        Piece::File { name, text } => json!({"type": "file", "name": name, "text": text}),
    };
    json!({"text": written.text, "pieces": written.pieces.iter().map(piece).collect::<Vec<_>>()})
}

fn usage(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "cached_tokens": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    })
}

fn metrics(metrics: &ChoiceMetrics) -> Value {
    json!({
        "ttft_ms": metrics.ttft_ms,
        "duration_ms": metrics.duration_ms,
        "chunks": metrics.chunks,
        "tokens": metrics.tokens,
        "tokens_exact": metrics.tokens_exact,
        "tokens_per_second": metrics.tokens_per_second,
        "reasoning_ms": metrics.reasoning_ms,
    })
}

fn error(error: &TurnError) -> Value {
    json!({
        "kind": error.kind.name(),
        "status": error.status,
        "message": error.message,
        "hint": error.hint,
        "request_id": error.request_id,
        "choice": error.choice,
        "quota": error.quota,
    })
}

/// Only what is set.
fn params(params: &Params) -> Value {
    let mut set = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            set.insert(name.to_owned(), value);
        }
    };
    put("max_tokens", params.max_tokens.map(Value::from));
    put("temperature", params.temperature.map(Value::from));
    put("top_p", params.top_p.map(Value::from));
    put("stop", (!params.stop.is_empty()).then(|| json!(params.stop)));
    put("seed", params.seed.map(Value::from));
    put("n", params.n.map(Value::from));
    put("reasoning_effort", params.reasoning_effort.clone().map(Value::from));
    put("extra", (!params.extra.is_empty()).then(|| Value::Object(params.extra.clone())));
    Value::Object(set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Id;
    use crate::chat::message::Finish;
    use crate::chat::session::{Chosen, Draft, Session, SessionKind};
    use crate::chat::stream::AnnotationKind;
    use crate::chat::{ErrorKind, FinishReason, ToolCall};

    fn stored() -> StoredSession {
        let id = Id::from_bits;
        let session = Session {
            id: id(1),
            kind: SessionKind::Chat,
            title: "A title\nof two lines".into(),
            model: "lab:m".into(),
            system: "Be brief.\nBe kind.".into(),
            params: Params { max_tokens: Some(7), ..Params::default() },
            created: Timestamp(1_700_000_000_000),
            updated: Timestamp(1_700_000_000_500),
        };
        let mut prompt = Message::user(id(2), None, "Look:", Timestamp(1_700_000_000_000));
        prompt.parts.push(Part::File { name: "a.md".into(), text: "x\n```\ny".into() });
        let mut first = Message::answer(id(3), Some(id(2)), "lab:m", 0, Timestamp(1_700_000_000_000));
        first.parts = vec![
            Part::Reasoning("hm".into()),
            Part::Text("# Fine\n".into()),
            Part::ToolCall(ToolCall { id: "c".into(), name: "time".into(), arguments: "{}".into() }),
            Part::Carry { slot: "s".into(), json: json!({"k": 1}) },
            Part::Annotation {
                kind: AnnotationKind::Filter,
                data: json!({"hate": {"filtered": false, "severity": "low"}}),
            },
        ];
        first.state = MessageState::Failed;
        first.error = Some(TurnError::new(ErrorKind::Server, "too\nbusy"));
        first.finish = Some(Finish { reason: FinishReason::Failed, raw: "error".into() });
        let second = Message::answer(id(4), Some(id(2)), "lab:m", 1, Timestamp(1_700_000_000_000));
        StoredSession {
            session,
            messages: vec![prompt, first, second],
            chosen: vec![Chosen { parent: Some(id(2)), child: id(3) }],
            draft: Draft {
                input: Written { text: "and \u{fffc}".into(), pieces: vec![Piece::Pasted("more".into())] },
                queued: vec!["then".to_owned().into()],
            },
        }
    }

    #[test]
    fn markdown_is_what_was_shown() {
        let wanted = "# A title of two lines\n\n- Model: lab:m\n- Date: 2023-11-14T22:13:20Z\n\
            - System prompt: Be brief.\n  Be kind.\n\n## You\n\nLook:\n\na.md:\n\n````\nx\n```\ny\n````\n\n\
            ## lab:m\n\n<details>\n<summary>Reasoning</summary>\n\nhm\n\n</details>\n\n# Fine\n\n\
            Tool call: time\n\n```json\n{}\n```\n\n*filter: hate low*\n\n*failed: too busy*\n\n---\n\n\
            *1 more message is on other branches of this conversation.*\n";
        assert_eq!(markdown(&stored()), wanted);
    }

    #[test]
    fn json_holds_everything() {
        let value: Value = serde_json::from_str(&json(&stored())).unwrap();
        assert_eq!(value["chatui"], 1);
        assert_eq!(value["created"], "2023-11-14T22:13:20Z");
        assert_eq!(value["updated"], "2023-11-14T22:13:20.5Z");
        assert_eq!(value["params"], json!({"max_tokens": 7}));
        let input = json!({"text": "and \u{fffc}", "pieces": [{"type": "pasted", "text": "more"}]});
        let queued = json!([{"text": "then", "pieces": []}]);
        assert_eq!(value["draft"], json!({"input": input, "queued": queued}));
        assert_eq!(value["chosen"], json!([{"parent": "000000000002", "child": "000000000003"}]));
        let answer = &value["messages"][1];
        assert_eq!(answer["parent"], "000000000002");
        assert_eq!(answer["parts"][3], json!({"type": "carry", "slot": "s", "json": {"k": 1}}));
        assert_eq!((&answer["state"], &answer["error"]["kind"]), (&json!("failed"), &json!("server")));
        assert_eq!(value["messages"].as_array().unwrap().len(), 3, "other branches too");
        let empty = StoredSession { messages: vec![], chosen: vec![], draft: Draft::default(), ..stored() };
        let value: Value = serde_json::from_str(&json(&empty)).unwrap();
        assert_eq!((&value["draft"], &value["messages"]), (&Value::Null, &json!([])));
    }

    #[test]
    fn a_time_that_no_calendar_has_is_no_panic() {
        assert_eq!(rfc3339(Timestamp(i64::MAX)), "1970-01-01T00:00:00Z");
    }
}
