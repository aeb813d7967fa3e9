//! Azure's two ways to say what OpenAI says: model inference leaves members out and counts tokens where
//! the answer ends; Azure OpenAI tells of its content filter at every turn.
//!
//! The filter's verdicts are always the same: nothing was found, unless a choice ends because of it.

use serde_json::{Value, json};

use super::json::{json_bytes, push_json, push_number};
use super::whole::Gathered;
use super::{Delta, chat, finish_word};
use crate::chat::stream::FinishReason;

/// The verdict on harmless text.
const SAFE: &str = concat!(
    r#"{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"#,
    r#""sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}"#
);
/// The verdict that ends an answer.
const VIOLENT: &str = concat!(
    r#"{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"#,
    r#""sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":true,"severity":"medium"}}"#
);

/// Appends a choice of model inference.
pub(super) fn push_inference_choice(out: &mut Vec<u8>, choice: u32, delta: Delta<'_>) {
    out.extend_from_slice(b"{\"index\":");
    push_number(out, u64::from(choice));
    out.extend_from_slice(b",\"delta\":{");
    chat::push_delta(out, delta);
    out.extend_from_slice(b"},\"finish_reason\":");
    chat::push_finish(out, delta);
    out.push(b'}');
}

/// Appends a choice of Azure OpenAI, with the filter's verdict on it.
pub(super) fn push_openai_choice(out: &mut Vec<u8>, choice: u32, delta: Delta<'_>) {
    out.extend_from_slice(b"{\"content_filter_results\":");
    let verdict = match delta {
        Delta::Finish(FinishReason::Filter) => VIOLENT,
        Delta::Text(_) => SAFE,
        _ => "{}",
    };
    out.extend_from_slice(verdict.as_bytes());
    out.extend_from_slice(b",\"delta\":{");
    chat::push_delta(out, delta);
    out.extend_from_slice(b"},\"finish_reason\":");
    chat::push_finish(out, delta);
    out.extend_from_slice(b",\"index\":");
    push_number(out, u64::from(choice));
    out.extend_from_slice(b",\"logprobs\":null}");
}

/// Appends the chunk that an Azure OpenAI stream begins with: the verdict on the prompt.
pub(super) fn push_prompt_verdict(out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_results\":");
    out.extend_from_slice(SAFE.as_bytes());
    out.extend_from_slice(b"}]}");
}

/// Appends the chunk of the asynchronous filter on the first `chars` characters: its choice has no delta.
pub(super) fn push_late_verdict(out: &mut Vec<u8>, choice: u32, chars: u64, verdict: Option<&Value>) {
    out.extend_from_slice(
        b"{\"id\":\"\",\"object\":\"\",\"created\":0,\"model\":\"\",\"choices\":[{\"index\":",
    );
    push_number(out, u64::from(choice));
    out.extend_from_slice(b",\"finish_reason\":null,\"content_filter_offsets\":{\"check_offset\":");
    push_number(out, chars);
    out.extend_from_slice(b",\"start_offset\":0,\"end_offset\":");
    push_number(out, chars);
    out.extend_from_slice(b"},\"content_filter_results\":");
    match verdict {
        Some(verdict) => push_json(out, verdict),
        None => out.extend_from_slice(SAFE.as_bytes()),
    }
    out.extend_from_slice(b"}]}");
}

fn verdict(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// A choice of a whole answer of model inference.
pub(super) fn whole_inference_choice(index: usize, choice: &Gathered) -> Value {
    let mut message = chat::message(choice);
    if let Some(members) = message.as_object_mut() {
        members.retain(|name, value| name != "refusal" || !value.is_null());
    }
    json!({"index": index, "message": message, "finish_reason": choice.finish.map(finish_word)})
}

/// A choice of a whole answer of Azure OpenAI.
pub(super) fn whole_openai_choice(index: usize, choice: &Gathered) -> Value {
    let mut body = chat::whole_choice(index, choice);
    let is_filtered = choice.finish == Some(FinishReason::Filter);
    body["content_filter_results"] = verdict(if is_filtered { VIOLENT } else { SAFE });
    body
}

/// What stands beside the choices of a whole answer of Azure OpenAI.
pub(super) fn prompt_verdict() -> Value {
    json!([{"prompt_index": 0, "content_filter_results": verdict(SAFE)}])
}

/// The body of a prompt that the filter refuses (400).
pub fn prompt_blocked(message: &str) -> Vec<u8> {
    json_bytes(&json!({"error": {
        "message": message,
        "type": null,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": verdict(VIOLENT)},
    }}))
}

/// The body of model inference for a member that it does not know (422).
pub fn parameter_not_supported(member: &str, input: &Value) -> Vec<u8> {
    json_bytes(&json!({
        "status": 422,
        "code": "parameter_not_supported",
        "detail": {"loc": ["body", member], "input": input},
        "message": "One of the parameters contain invalid values.",
    }))
}

/// The body of model inference's `GET /info`.
pub fn model_info(model: &str, provider: &str) -> Vec<u8> {
    json_bytes(&json!({
        "model_name": model,
        "model_type": "chat-completion",
        "model_provider_name": provider,
    }))
}

/// The body of Azure OpenAI's `GET /openai/models`.
pub fn openai_models<'a>(ids: impl IntoIterator<Item = &'a str>, created: u64) -> Vec<u8> {
    let data: Vec<Value> = ids
        .into_iter()
        .map(|id| {
            json!({
                "id": id,
                "object": "model",
                "status": "succeeded",
                "created_at": created,
                "updated_at": created,
                "lifecycle_status": "generally-available",
                "capabilities": {
                    "fine_tune": false, "inference": true, "completion": false,
                    "chat_completion": true, "embeddings": false,
                },
            })
        })
        .collect();
    json_bytes(&json!({"object": "list", "data": data}))
}
