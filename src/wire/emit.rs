//! Writes what a server of the openai-chat dialect sends, from our own event vocabulary.
//!
//! The demo and the relay answer with it. A stream goes through a [`ChunkWriter`], which appends one
//! event after the other to a byte buffer: what all chunks share is laid down once, so a token costs
//! two copies and the escaping of its text. Answers that are not streamed are gathered by a
//! [`WholeWriter`]; [`model_list`] and [`error_body`] are the other bodies.
//!
//! It knows no HTTP, and takes no part in deciding what is sent.

use serde::Serialize;
use serde_json::{Value, json};

use crate::chat::stream::{FinishReason, StreamEvent, Usage};

/// The last event of a stream.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

const FINGERPRINT: &str = "fp_chatui";

/// OpenAI's word for why a choice ended. It has none for a failure; `error` is what others use.
pub const fn finish_word(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::Tools => "tool_calls",
        FinishReason::Filter => "content_filter",
        FinishReason::Failed => "error",
    }
}

/// What one chunk says of one choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delta<'a> {
    /// The choice begins; the first chunk of each.
    Role,
    /// Text of the answer.
    Text(&'a str),
    /// Reasoning text, as `reasoning_content`.
    Reasoning(&'a str),
    /// Text of a refusal.
    Refusal(&'a str),
    /// A fragment of a tool call; `id` and `name` on its first.
    ToolCall {
        /// Which call of the choice.
        index: u32,
        /// The call's id.
        id: Option<&'a str>,
        /// The tool's name.
        name: Option<&'a str>,
        /// New text of the arguments.
        arguments: &'a str,
    },
    /// The choice ends.
    Finish(FinishReason),
}

/// Writes the events of one streamed answer.
#[derive(Clone, Debug)]
pub struct ChunkWriter {
    /// `data: {… "choices":[`, the same for every chunk.
    head: Vec<u8>,
    /// What closes a chunk after its choices.
    tail: &'static [u8],
}

impl ChunkWriter {
    /// A writer for the answer `id` of `model`, made at `created` (seconds since 1970).
    pub fn new(id: &str, created: u64, model: &str) -> Self {
        let mut head = b"data: {\"id\":".to_vec();
        push_string(&mut head, id);
        head.extend_from_slice(b",\"object\":\"chat.completion.chunk\",\"created\":");
        push_number(&mut head, created);
        head.extend_from_slice(b",\"model\":");
        push_string(&mut head, model);
        head.extend_from_slice(b",\"system_fingerprint\":");
        push_string(&mut head, FINGERPRINT);
        head.extend_from_slice(b",\"choices\":[");
        Self { head, tail: b"]}\n\n" }
    }

    /// The same with `"usage":null` in each chunk, as `stream_options.include_usage` asks for.
    #[must_use]
    pub fn with_usage(mut self) -> Self {
        self.tail = b"],\"usage\":null}\n\n";
        self
    }

    /// Appends one chunk to `out`.
    pub fn chunk(&self, choice: u32, delta: Delta<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b"{\"index\":");
        push_number(out, u64::from(choice));
        out.extend_from_slice(b",\"delta\":{");
        let mut finish = None;
        match delta {
            Delta::Role => {
                out.extend_from_slice(b"\"role\":\"assistant\",\"content\":\"\",\"refusal\":null");
            }
            Delta::Text(text) => push_member(out, "content", text),
            Delta::Reasoning(text) => push_member(out, "reasoning_content", text),
            Delta::Refusal(text) => push_member(out, "refusal", text),
            Delta::ToolCall { index, id, name, arguments } => {
                push_tool_call(out, (index, id, name), arguments);
            }
            Delta::Finish(reason) => finish = Some(finish_word(reason)),
        }
        out.extend_from_slice(b"},\"logprobs\":null,\"finish_reason\":");
        match finish {
            Some(word) => push_string(out, word),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b"}");
        out.extend_from_slice(self.tail);
    }

    /// Appends the chunk that has the token counts and no choices.
    pub fn usage(&self, usage: &Usage, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b"],\"usage\":");
        push_json(out, &UsageBody::from(usage));
        out.extend_from_slice(b"}\n\n");
    }

    /// Appends what `event` is in this dialect. A start and a notice are nothing on this wire; what is
    /// opaque to other dialects is left out; a choice's role chunk is up to the caller.
    pub fn event(&self, event: &StreamEvent, out: &mut Vec<u8>) {
        match event {
            StreamEvent::Text { choice, delta } => self.chunk(*choice, Delta::Text(delta), out),
            StreamEvent::Reasoning { choice, delta } => self.chunk(*choice, Delta::Reasoning(delta), out),
            StreamEvent::Refusal { choice, delta } => self.chunk(*choice, Delta::Refusal(delta), out),
            StreamEvent::ToolCall { choice, index, id, name, delta } => {
                let (id, name) = (id.as_deref(), name.as_deref());
                self.chunk(*choice, Delta::ToolCall { index: *index, id, name, arguments: delta }, out);
            }
            StreamEvent::Finish { choice, reason, .. } => self.chunk(*choice, Delta::Finish(*reason), out),
            StreamEvent::Usage(usage) => self.usage(usage, out),
            StreamEvent::Start { .. }
            | StreamEvent::Annotation { .. }
            | StreamEvent::Carry { .. }
            | StreamEvent::Notice(_) => {}
        }
    }
}

/// Appends an error in band.
pub fn push_error_event(error: &ApiError<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(&error_body(error));
    out.extend_from_slice(b"\n\n");
}

/// An error in OpenAI's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ApiError<'a> {
    /// What happened.
    pub message: &'a str,
    /// The sort: `invalid_request_error`, `server_error` …
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// The member of the request that is wrong.
    pub param: Option<&'a str>,
    /// A word for programs.
    pub code: Option<&'a str>,
}

/// The body of an error answer.
pub fn error_body(error: &ApiError<'_>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        error: &'a ApiError<'a>,
    }
    let mut out = Vec::new();
    push_json(&mut out, &Body { error });
    out
}

/// The body of `GET /models`.
pub fn model_list<'a>(ids: impl IntoIterator<Item = &'a str>, owner: &str, created: u64) -> Vec<u8> {
    let data: Vec<Value> = ids
        .into_iter()
        .map(|id| json!({"id": id, "object": "model", "created": created, "owned_by": owner}))
        .collect();
    let mut out = Vec::new();
    push_json(&mut out, &json!({"object": "list", "data": data}));
    out
}

/// Gathers the events of one answer and writes it whole.
#[derive(Clone, Debug)]
pub struct WholeWriter {
    id: String,
    created: u64,
    model: String,
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Clone, Debug, Default)]
struct Choice {
    text: String,
    reasoning: String,
    refusal: String,
    calls: Vec<Call>,
    finish: Option<FinishReason>,
}

#[derive(Clone, Debug, Default)]
struct Call {
    id: String,
    name: String,
    arguments: String,
}

/// More choices and calls than any server gives; an index beyond it is dropped rather than allocated for.
const MAX_INDEX: u32 = 1024;

impl WholeWriter {
    /// A writer for the answer `id` of `model`, made at `created` (seconds since 1970).
    pub fn new(id: &str, created: u64, model: &str) -> Self {
        Self { id: id.to_owned(), created, model: model.to_owned(), choices: Vec::new(), usage: None }
    }

    /// Takes the next event.
    pub fn push(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::Text { choice, delta } => {
                self.with(*choice, |c| c.text.push_str(delta));
            }
            StreamEvent::Reasoning { choice, delta } => {
                self.with(*choice, |c| c.reasoning.push_str(delta));
            }
            StreamEvent::Refusal { choice, delta } => {
                self.with(*choice, |c| c.refusal.push_str(delta));
            }
            StreamEvent::ToolCall { choice, index, id, name, delta } => {
                self.with(*choice, |c| c.tool_call(*index, (id.as_deref(), name.as_deref()), delta));
            }
            StreamEvent::Finish { choice, reason, .. } => {
                self.with(*choice, |c| c.finish = Some(*reason));
            }
            StreamEvent::Start { .. }
            | StreamEvent::Annotation { .. }
            | StreamEvent::Carry { .. }
            | StreamEvent::Notice(_) => {}
        }
    }

    /// The body.
    pub fn finish(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Body<'a> {
            id: &'a str,
            object: &'static str,
            created: u64,
            model: &'a str,
            system_fingerprint: &'static str,
            choices: Vec<Value>,
            #[serde(skip_serializing_if = "Option::is_none")]
            usage: Option<UsageBody>,
        }
        let mut out = Vec::new();
        push_json(
            &mut out,
            &Body {
                id: &self.id,
                object: "chat.completion",
                created: self.created,
                model: &self.model,
                system_fingerprint: FINGERPRINT,
                choices: self.choices.iter().enumerate().map(|(index, c)| c.body(index)).collect(),
                usage: self.usage.as_ref().map(UsageBody::from),
            },
        );
        out
    }

    fn with(&mut self, choice: u32, change: impl FnOnce(&mut Choice)) {
        if choice > MAX_INDEX {
            return;
        }
        let at = choice as usize;
        if self.choices.len() <= at {
            self.choices.resize_with(at + 1, Choice::default);
        }
        change(&mut self.choices[at]);
    }
}

impl Choice {
    fn tool_call(&mut self, index: u32, (id, name): (Option<&str>, Option<&str>), arguments: &str) {
        if index > MAX_INDEX {
            return;
        }
        let at = index as usize;
        if self.calls.len() <= at {
            self.calls.resize_with(at + 1, Call::default);
        }
        let call = &mut self.calls[at];
        call.id.push_str(id.unwrap_or_default());
        call.name.push_str(name.unwrap_or_default());
        call.arguments.push_str(arguments);
    }

    fn body(&self, index: usize) -> Value {
        let has_text = !self.text.is_empty() || (self.calls.is_empty() && self.refusal.is_empty());
        let mut message = json!({
            "role": "assistant",
            "content": has_text.then_some(self.text.as_str()),
            "refusal": (!self.refusal.is_empty()).then_some(self.refusal.as_str()),
        });
        if !self.reasoning.is_empty() {
            message["reasoning_content"] = Value::from(self.reasoning.as_str());
        }
        if !self.calls.is_empty() {
            let calls = self.calls.iter().map(|call| {
                json!({"id": call.id, "type": "function",
                       "function": {"name": call.name, "arguments": call.arguments}})
            });
            message["tool_calls"] = Value::Array(calls.collect());
        }
        json!({
            "index": index,
            "message": message,
            "logprobs": null,
            "finish_reason": self.finish.map(finish_word),
        })
    }
}

#[derive(Serialize)]
struct UsageBody {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens_details: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens_details: Option<Value>,
}

impl From<&Usage> for UsageBody {
    fn from(usage: &Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            total_tokens: usage.total_tokens,
            prompt_tokens_details: usage.cached_tokens.map(|n| json!({"cached_tokens": n})),
            completion_tokens_details: usage.reasoning_tokens.map(|n| json!({"reasoning_tokens": n})),
        }
    }
}

fn push_member(out: &mut Vec<u8>, name: &str, text: &str) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    push_string(out, text);
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

fn push_number(out: &mut Vec<u8>, number: u64) {
    if number < 10 {
        out.push(b'0' + number as u8);
        return;
    }
    out.extend_from_slice(number.to_string().as_bytes());
}

/// Serialises a value of this module, all of which have string keys and so cannot fail.
fn push_json(out: &mut Vec<u8>, value: &impl Serialize) {
    let written = serde_json::to_writer(&mut *out, value);
    debug_assert!(written.is_ok(), "a value of string keys and plain members");
}

/// Appends `text` as a JSON string. Runs that need no escape are copied whole.
fn push_string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bytes = text.as_bytes();
    out.push(b'"');
    let mut from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[from..at]);
        from = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Value {
        let text = std::str::from_utf8(bytes).unwrap();
        let data = text.strip_prefix("data: ").and_then(|t| t.strip_suffix("\n\n")).unwrap();
        assert!(!data.contains('\n'), "an event is one line");
        serde_json::from_str(data).unwrap()
    }

    fn chunk(delta: Delta<'_>) -> Value {
        let mut out = Vec::new();
        ChunkWriter::new("c\"1", 17, "m\\x").chunk(2, delta, &mut out);
        read(&out)
    }

    #[test]
    fn a_chunk_has_openais_members() {
        let value = chunk(Delta::Role);
        assert_eq!(value["id"], "c\"1");
        assert_eq!(value["object"], "chat.completion.chunk");
        assert_eq!(value["created"], 17);
        assert_eq!(value["model"], "m\\x");
        assert_eq!(value["choices"][0]["index"], 2);
        assert_eq!(value["choices"][0]["delta"]["role"], "assistant");
        assert!(value["choices"][0]["finish_reason"].is_null());
        assert!(value.get("usage").is_none());
        assert_eq!(chunk(Delta::Reasoning("r"))["choices"][0]["delta"], json!({"reasoning_content": "r"}));
        assert_eq!(chunk(Delta::Refusal("r"))["choices"][0]["delta"], json!({"refusal": "r"}));
    }

    #[test]
    fn any_text_comes_back_as_it_was() {
        let all: String = (0..0x300).filter_map(char::from_u32).chain("\u{2028}😀e\u{301}".chars()).collect();
        for text in ["", "a", "\"", "\\", "\n\n", "{\"city\":", &all] {
            assert_eq!(chunk(Delta::Text(text))["choices"][0]["delta"]["content"], text);
        }
    }

    #[test]
    fn a_call_has_id_and_name_on_its_first_fragment_only() {
        let first = Delta::ToolCall { index: 1, id: Some("call_1"), name: Some("f"), arguments: "" };
        assert_eq!(
            chunk(first)["choices"][0]["delta"]["tool_calls"][0],
            json!({"index": 1, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}})
        );
        let next = Delta::ToolCall { index: 1, id: None, name: None, arguments: "{\"" };
        assert_eq!(
            chunk(next)["choices"][0]["delta"]["tool_calls"][0],
            json!({"index": 1, "function": {"arguments": "{\""}})
        );
    }

    #[test]
    fn every_reason_has_openais_word() {
        let words = [
            (FinishReason::Stop, "stop"),
            (FinishReason::Length, "length"),
            (FinishReason::Tools, "tool_calls"),
            (FinishReason::Filter, "content_filter"),
            (FinishReason::Failed, "error"),
        ];
        for (reason, word) in words {
            let value = chunk(Delta::Finish(reason));
            assert_eq!(value["choices"][0]["finish_reason"], word);
            assert_eq!(value["choices"][0]["delta"], json!({}));
        }
    }

    #[test]
    fn asked_for_usage_is_null_until_its_own_chunk() {
        let writer = ChunkWriter::new("c", 1, "m").with_usage();
        let mut out = Vec::new();
        writer.event(&StreamEvent::Text { choice: 0, delta: "x".into() }, &mut out);
        assert!(read(&out).as_object().unwrap()["usage"].is_null());
        out.clear();
        let usage = Usage {
            prompt_tokens: 3,
            completion_tokens: 4,
            total_tokens: 7,
            reasoning_tokens: Some(2),
            ..Usage::default()
        };
        writer.event(&StreamEvent::Usage(usage), &mut out);
        let value = read(&out);
        assert_eq!(value["choices"], json!([]));
        assert_eq!(value["usage"]["total_tokens"], 7);
        assert_eq!(value["usage"]["completion_tokens_details"]["reasoning_tokens"], 2);
    }

    #[test]
    fn a_whole_answer_holds_what_the_events_said() {
        let mut whole = WholeWriter::new("c", 1, "m");
        let call = |id: Option<&str>, name: Option<&str>, delta: &str| StreamEvent::ToolCall {
            choice: 1,
            index: 0,
            id: id.map(Into::into),
            name: name.map(Into::into),
            delta: delta.into(),
        };
        for event in [
            StreamEvent::Reasoning { choice: 0, delta: "hm".into() },
            StreamEvent::Text { choice: 0, delta: "Hel".into() },
            call(Some("call_1"), Some("f"), "{"),
            StreamEvent::Text { choice: 0, delta: "lo".into() },
            call(None, None, "}"),
            StreamEvent::Finish { choice: 0, reason: FinishReason::Stop, raw: String::new() },
            StreamEvent::Finish { choice: 1, reason: FinishReason::Tools, raw: String::new() },
            StreamEvent::Text { choice: u32::MAX, delta: "no room".into() },
        ] {
            whole.push(&event);
        }
        let value: Value = serde_json::from_slice(&whole.finish()).unwrap();
        assert_eq!(value["object"], "chat.completion");
        assert_eq!(value["choices"].as_array().unwrap().len(), 2);
        assert_eq!(value["choices"][0]["message"]["content"], "Hello");
        assert_eq!(value["choices"][0]["message"]["reasoning_content"], "hm");
        assert_eq!(value["choices"][0]["finish_reason"], "stop");
        assert!(value["choices"][1]["message"]["content"].is_null());
        assert_eq!(value["choices"][1]["message"]["tool_calls"][0]["function"]["arguments"], "{}");
        assert_eq!(value["choices"][1]["finish_reason"], "tool_calls");
    }

    #[test]
    fn lists_and_errors_have_openais_shape() {
        let list: Value = serde_json::from_slice(&model_list(["a", "b"], "me", 1)).unwrap();
        assert_eq!(list["object"], "list");
        assert_eq!(list["data"][1]["id"], "b");
        let error = ApiError { message: "no", kind: "server_error", param: None, code: Some("c") };
        let mut out = Vec::new();
        push_error_event(&error, &mut out);
        assert_eq!(
            read(&out),
            json!({"error": {"message": "no", "type": "server_error", "param": null, "code": "c"}})
        );
    }
}
