//! OpenAI's chat completions: choices as they stand in chunks and in whole answers.

use serde_json::{Value, json};

use super::json::{push_member, push_number, push_string};
use super::whole::Gathered;
use super::{Delta, finish_word};

/// Appends `{"index":…,"delta":{…},"logprobs":null,"finish_reason":…}`.
pub(super) fn push_choice(out: &mut Vec<u8>, choice: u32, delta: Delta<'_>) {
    out.extend_from_slice(b"{\"index\":");
    push_number(out, u64::from(choice));
    out.extend_from_slice(b",\"delta\":{");
    match delta {
        Delta::Role => out.extend_from_slice(b"\"role\":\"assistant\",\"content\":\"\",\"refusal\":null"),
        said => push_delta(out, said),
    }
    out.extend_from_slice(b"},\"logprobs\":null,\"finish_reason\":");
    push_finish(out, delta);
    out.push(b'}');
}

/// Appends the members of a delta.
pub(super) fn push_delta(out: &mut Vec<u8>, delta: Delta<'_>) {
    match delta {
        Delta::Role => out.extend_from_slice(b"\"role\":\"assistant\",\"content\":\"\""),
        Delta::Text(text) => push_member(out, "content", text),
        Delta::Reasoning(text) => push_member(out, "reasoning_content", text),
        Delta::Refusal(text) => push_member(out, "refusal", text),
        Delta::ToolCall { index, id, name, arguments } => {
            push_tool_call(out, (index, id, name), arguments);
        }
        Delta::Finish(_) => {}
    }
}

/// Appends the finish reason, `null` before the end.
pub(super) fn push_finish(out: &mut Vec<u8>, delta: Delta<'_>) {
    match delta {
        Delta::Finish(reason) => push_string(out, finish_word(reason)),
        _ => out.extend_from_slice(b"null"),
    }
}

fn push_tool_call(out: &mut Vec<u8>, (index, id, name): (u32, Option<&str>, Option<&str>), arguments: &str) {
    out.extend_from_slice(b"\"tool_calls\":[{\"index\":");
    push_number(out, u64::from(index));
    if let Some(id) = id {
        out.push(b',');
        push_member(out, "id", id);
        out.extend_from_slice(b",\"type\":\"function\"");
    }
    out.extend_from_slice(b",\"function\":{");
    if let Some(name) = name {
        push_member(out, "name", name);
        out.push(b',');
    }
    push_member(out, "arguments", arguments);
    out.extend_from_slice(b"}}]");
}

/// A choice of a whole answer.
pub(super) fn whole_choice(index: usize, choice: &Gathered) -> Value {
    json!({
        "index": index,
        "message": message(choice),
        "logprobs": null,
        "finish_reason": choice.finish.map(finish_word),
    })
}

/// The message of a choice.
pub(super) fn message(choice: &Gathered) -> Value {
    let has_text = !choice.text.is_empty() || (choice.calls.is_empty() && choice.refusal.is_empty());
    let mut message = json!({
        "role": "assistant",
        "content": has_text.then_some(choice.text.as_str()),
        "refusal": (!choice.refusal.is_empty()).then_some(choice.refusal.as_str()),
    });
    if !choice.reasoning.is_empty() {
        message["reasoning_content"] = Value::from(choice.reasoning.as_str());
    }
    if !choice.calls.is_empty() {
        let calls = choice.calls.iter().map(|call| {
            json!({"id": call.id, "type": "function",
                   "function": {"name": call.name, "arguments": call.arguments}})
        });
        message["tool_calls"] = Value::Array(calls.collect());
    }
    message
}
