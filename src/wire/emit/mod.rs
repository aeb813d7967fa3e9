//! Writes what servers of our dialects send, from our own event vocabulary.
//!
//! The demo and the relay answer with it. A stream goes through a [`ChunkWriter`], which appends one
//! event after the other to a byte buffer: what all chunks share is laid down once, so a token costs
//! two copies and the escaping of its text. Answers that are not streamed are gathered by a
//! [`WholeWriter`]; model lists and errors are the other bodies. A [`Shape`] is what a dialect's answers
//! look like, a [`Framing`] how the chunks of a stream are told apart.
//!
//! It knows no HTTP, and takes no part in deciding what is sent.

mod azure;
mod chat;
mod completions;
mod error;
mod json;
mod whole;

#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use crate::chat::stream::{AnnotationKind, FinishReason, StreamEvent, Usage};
use completions::Thoughts;
use json::{json_bytes, push_json, push_number, push_string};
use whole::UsageBody;

pub use azure::{model_info, openai_models, parameter_not_supported, prompt_blocked};
pub use error::{ApiError, error_body, error_message};
pub use whole::WholeWriter;

/// The last event of a stream of server-sent events.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

const FINGERPRINT: &str = "fp_chatui";

/// What a dialect's answers look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// OpenAI's chat completions.
    Chat,
    /// OpenAI's text completions.
    Completions,
    /// Chat completions of Azure's model inference.
    AzureInference,
    /// Chat completions of Azure OpenAI.
    AzureOpenAi,
}

impl Shape {
    /// What its answers' ids begin with.
    pub const fn id_prefix(self) -> &'static str {
        match self {
            Shape::Chat | Shape::AzureOpenAi => "chatcmpl-",
            Shape::Completions => "cmpl-",
            Shape::AzureInference => "",
        }
    }
}

/// How the chunks of a stream are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Server-sent events.
    Events,
    /// A WebSocket's messages: a line of the buffer is one of them, the JSON alone.
    Messages,
}

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
    /// Reasoning text: `reasoning_content`, or `<think>` in a text completion.
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
    shape: Shape,
    framing: Framing,
    /// `data: {… "choices":[`, the same for every chunk.
    head: Vec<u8>,
    asks_usage: bool,
    thoughts: Thoughts,
    /// The characters that each choice has said, for the offsets of Azure's filter.
    chars: Vec<u64>,
}

impl ChunkWriter {
    /// A writer for the answer `id` of `model`, made at `created` (seconds since 1970).
    pub fn new(shape: Shape, framing: Framing, id: &str, created: u64, model: &str) -> Self {
        let mut head = framing.prefix().to_vec();
        head.extend_from_slice(b"{\"id\":");
        push_string(&mut head, id);
        match shape {
            Shape::Chat | Shape::AzureOpenAi => {
                head.extend_from_slice(b",\"object\":\"chat.completion.chunk\"");
            }
            Shape::Completions => head.extend_from_slice(b",\"object\":\"text_completion\""),
            Shape::AzureInference => {}
        }
        head.extend_from_slice(b",\"created\":");
        push_number(&mut head, created);
        head.extend_from_slice(b",\"model\":");
        push_string(&mut head, model);
        if shape != Shape::AzureInference {
            head.extend_from_slice(b",\"system_fingerprint\":");
            push_string(&mut head, FINGERPRINT);
        }
        head.extend_from_slice(b",\"choices\":[");
        let (thoughts, chars) = (Thoughts::default(), Vec::new());
        Self { shape, framing, head, asks_usage: false, thoughts, chars }
    }

    /// The same with token counts at the end and `"usage":null` in each chunk before, as
    /// `stream_options.include_usage` asks for. Azure's model inference counts unasked, where the last
    /// choice ends.
    #[must_use]
    pub fn with_usage(mut self) -> Self {
        self.asks_usage = true;
        self
    }

    /// Appends what a stream of this shape begins with.
    pub fn begin(&self, out: &mut Vec<u8>) {
        if self.shape == Shape::AzureOpenAi {
            out.extend_from_slice(self.framing.prefix());
            azure::push_prompt_verdict(out);
            out.extend_from_slice(self.framing.end());
        }
    }

    /// Appends the chunk of one choice, where it is one in this shape.
    pub fn chunk(&mut self, choice: u32, delta: Delta<'_>, out: &mut Vec<u8>) {
        self.write(choice, delta, None, out);
    }

    /// Appends how the last choice ends, and the token counts, where and if this stream tells them.
    pub fn last(&mut self, choice: u32, reason: FinishReason, usage: &Usage, out: &mut Vec<u8>) {
        self.write(choice, Delta::Finish(reason), Some(usage), out);
        if self.asks_usage && self.shape != Shape::AzureInference {
            self.usage(usage, out);
        }
    }

    /// Appends the chunk that has the token counts and no choices.
    pub fn usage(&self, usage: &Usage, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        self.close(Some(usage), out);
    }

    /// Appends what `event` is in this dialect. A start and a notice are nothing on this wire; what is
    /// opaque to other dialects is left out; a choice's role chunk is up to the caller.
    pub fn event(&mut self, event: &StreamEvent, out: &mut Vec<u8>) {
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
            StreamEvent::Annotation { choice, kind: AnnotationKind::Filter, data }
                if self.shape == Shape::AzureOpenAi =>
            {
                self.late_verdict(*choice, Some(data), out);
            }
            StreamEvent::Start { .. }
            | StreamEvent::Annotation { .. }
            | StreamEvent::Carry { .. }
            | StreamEvent::Notice(_) => {}
        }
    }

    /// Appends an error in band, which every dialect says as OpenAI does.
    pub fn error(&self, error: &ApiError<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(self.framing.prefix());
        out.extend_from_slice(&error_body(Shape::Chat, error));
        out.extend_from_slice(self.framing.end());
    }

    /// Appends the end marker; a WebSocket has none.
    pub fn done(&self, out: &mut Vec<u8>) {
        if self.framing == Framing::Events {
            out.extend_from_slice(DONE);
        }
    }

    fn write(&mut self, choice: u32, delta: Delta<'_>, usage: Option<&Usage>, out: &mut Vec<u8>) {
        match self.shape {
            Shape::Chat => {
                out.extend_from_slice(&self.head);
                chat::push_choice(out, choice, delta);
                self.close(None, out);
            }
            Shape::Completions => {
                let Some(text) = self.thoughts.text(choice, delta) else { return };
                out.extend_from_slice(&self.head);
                completions::push_choice(out, choice, &text, delta);
                self.close(None, out);
            }
            Shape::AzureInference => {
                out.extend_from_slice(&self.head);
                azure::push_inference_choice(out, choice, delta);
                self.close(usage, out);
            }
            Shape::AzureOpenAi => {
                self.count(choice, delta);
                out.extend_from_slice(&self.head);
                azure::push_openai_choice(out, choice, delta);
                self.close(None, out);
                if matches!(delta, Delta::Finish(reason) if reason != FinishReason::Filter) {
                    self.late_verdict(choice, None, out);
                }
            }
        }
    }

    /// Closes the choices and the chunk.
    fn close(&self, usage: Option<&Usage>, out: &mut Vec<u8>) {
        match usage {
            Some(usage) => {
                out.extend_from_slice(b"],\"usage\":");
                push_json(out, &UsageBody::from(usage));
                out.push(b'}');
            }
            None if self.asks_usage && self.shape != Shape::AzureInference => {
                out.extend_from_slice(b"],\"usage\":null}");
            }
            None => out.extend_from_slice(b"]}"),
        }
        out.extend_from_slice(self.framing.end());
    }

    fn count(&mut self, choice: u32, delta: Delta<'_>) {
        let (Delta::Text(text), Ok(at)) = (delta, usize::try_from(choice)) else { return };
        if at >= self.chars.len() && at < 1024 {
            self.chars.resize(at + 1, 0);
        }
        if let Some(chars) = self.chars.get_mut(at) {
            *chars += text.chars().count() as u64;
        }
    }

    fn late_verdict(&self, choice: u32, verdict: Option<&Value>, out: &mut Vec<u8>) {
        let chars = self.chars.get(choice as usize).copied().unwrap_or_default();
        out.extend_from_slice(self.framing.prefix());
        azure::push_late_verdict(out, choice, chars, verdict);
        out.extend_from_slice(self.framing.end());
    }
}

impl Framing {
    const fn prefix(self) -> &'static [u8] {
        match self {
            Framing::Events => b"data: ",
            Framing::Messages => b"",
        }
    }

    const fn end(self) -> &'static [u8] {
        match self {
            Framing::Events => b"\n\n",
            Framing::Messages => b"\n",
        }
    }
}

/// The body of `GET /models`.
pub fn model_list<'a>(ids: impl IntoIterator<Item = &'a str>, owner: &str, created: u64) -> Vec<u8> {
    let data: Vec<Value> = ids
        .into_iter()
        .map(|id| json!({"id": id, "object": "model", "created": created, "owned_by": owner}))
        .collect();
    json_bytes(&json!({"object": "list", "data": data}))
}
