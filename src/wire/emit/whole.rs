//! An answer that is not streamed: its events gathered, then written at once.

use serde::Serialize;
use serde_json::{Value, json};

use super::json::json_bytes;
use super::{FINGERPRINT, Shape, azure, chat, completions};
use crate::chat::stream::{FinishReason, StreamEvent, Usage};

/// Gathers the events of one answer and writes it whole.
#[derive(Clone, Debug)]
pub struct WholeWriter {
    shape: Shape,
    id: String,
    created: u64,
    model: String,
    choices: Vec<Gathered>,
    usage: Option<Usage>,
}

/// All that one choice said.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathered {
    pub text: String,
    pub reasoning: String,
    pub refusal: String,
    pub calls: Vec<Call>,
    pub finish: Option<FinishReason>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Call {
    pub id: String,
    pub name: String,
    pub arguments: String,
}

/// More choices and calls than any server gives; an index beyond it is dropped rather than allocated for.
const MAX_INDEX: u32 = 1024;

impl WholeWriter {
    /// A writer for the answer `id` of `model`, made at `created` (seconds since 1970).
    pub fn new(shape: Shape, id: &str, created: u64, model: &str) -> Self {
        let (id, model) = (id.to_owned(), model.to_owned());
        Self { shape, id, created, model, choices: Vec::new(), usage: None }
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
            #[serde(skip_serializing_if = "Option::is_none")]
            system_fingerprint: Option<&'static str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            prompt_filter_results: Option<Value>,
            choices: Vec<Value>,
            #[serde(skip_serializing_if = "Option::is_none")]
            usage: Option<UsageBody>,
        }
        let choice = match self.shape {
            Shape::Chat => chat::whole_choice,
            Shape::Completions => completions::whole_choice,
            Shape::AzureInference => azure::whole_inference_choice,
            Shape::AzureOpenAi => azure::whole_openai_choice,
        };
        json_bytes(&Body {
            id: &self.id,
            object: if self.shape == Shape::Completions { "text_completion" } else { "chat.completion" },
            created: self.created,
            model: &self.model,
            system_fingerprint: (self.shape != Shape::AzureInference).then_some(FINGERPRINT),
            prompt_filter_results: (self.shape == Shape::AzureOpenAi).then(azure::prompt_verdict),
            choices: self.choices.iter().enumerate().map(|(index, c)| choice(index, c)).collect(),
            usage: self.usage.as_ref().map(UsageBody::from),
        })
    }

    fn with(&mut self, choice: u32, change: impl FnOnce(&mut Gathered)) {
        if choice > MAX_INDEX {
            return;
        }
        let at = choice as usize;
        if self.choices.len() <= at {
            self.choices.resize_with(at + 1, Gathered::default);
        }
        change(&mut self.choices[at]);
    }
}

impl Gathered {
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
}

/// Token counts as all these dialects write them.
#[derive(Serialize)]
pub(super) struct UsageBody {
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
