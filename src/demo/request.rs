//! What a client asks of the demo, as far as the demo listens.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::prompt::{self, Speaker};
use super::refusal::Refusal;
use super::tokens::Tokens;
use crate::wire::emit::Shape;

/// The most choices of one answer.
const MAX_CHOICES: u32 = 128;
/// The tokens of a text completion that names no limit, as OpenAI has it.
const TEXT_LIMIT: u64 = 16;

/// A request for an answer. Members that change nothing here are ignored.
#[derive(Debug)]
pub(super) struct Request {
    pub shape: Shape,
    pub model: String,
    messages: Vec<Message>,
    body: Body,
    /// A text to be gone on with, rather than words of a person.
    pub is_raw: bool,
}

#[derive(Debug, Deserialize)]
struct Body {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    messages: Option<Vec<Message>>,
    #[serde(default)]
    prompt: Option<Value>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    n: Option<u32>,
    #[serde(default)]
    max_tokens: Option<u64>,
    #[serde(default)]
    max_completion_tokens: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    content: Value,
}

impl Request {
    /// Reads a body of that shape. `deployment` is the model that the path names.
    pub fn parse(shape: Shape, body: &[u8], deployment: Option<&str>) -> Result<Self, Refusal> {
        let body = serde_json::from_slice(body).map_err(|error| unreadable(shape, &error))?;
        Self::read(shape, body, deployment)
    }

    /// The same from the members of a body.
    pub fn of(shape: Shape, members: Map<String, Value>) -> Result<Self, Refusal> {
        let body =
            serde_json::from_value(Value::Object(members)).map_err(|error| unreadable(shape, &error))?;
        Self::read(shape, body, None)
    }

    fn read(shape: Shape, mut body: Body, deployment: Option<&str>) -> Result<Self, Refusal> {
        let model = match (deployment, body.model.take(), shape) {
            (Some(name), _, _) => name.to_owned(),
            (None, Some(name), _) => name,
            // An endpoint of model inference may have one model only.
            (None, None, Shape::AzureInference) => "chat".to_owned(),
            (None, None, _) => return Err(wrong("model", "`model` is missing.")),
        };
        let (messages, is_raw) = match shape {
            Shape::Completions => said_in(&body.prompt)?,
            Shape::Chat | Shape::AzureInference | Shape::AzureOpenAi => {
                (body.messages.take().unwrap_or_default(), false)
            }
        };
        if messages.is_empty() {
            return Err(wrong("messages", "`messages` is empty: at least one is needed."));
        }
        let request = Request { shape, model, messages, body, is_raw };
        if !(1..=MAX_CHOICES).contains(&request.choices()) {
            return Err(wrong("n", format!("`n` must be from 1 to {MAX_CHOICES}.")));
        }
        if request.limit() == Some(0) {
            return Err(wrong("max_tokens", "`max_tokens` must be at least 1."));
        }
        Ok(request)
    }

    /// Whether the answer is to come as it is made.
    pub fn streams(&self) -> bool {
        self.body.stream.unwrap_or(false)
    }

    pub fn choices(&self) -> u32 {
        self.body.n.unwrap_or(1)
    }

    /// The most tokens of one choice.
    pub fn limit(&self) -> Option<u64> {
        let limit = self.body.max_completion_tokens.or(self.body.max_tokens);
        limit.or((self.shape == Shape::Completions).then_some(TEXT_LIMIT))
    }

    pub fn has_stream_options(&self) -> bool {
        self.body.stream_options.is_some()
    }

    pub fn has_max_tokens(&self) -> bool {
        self.body.max_tokens.is_some()
    }

    pub fn has_max_completion_tokens(&self) -> bool {
        self.body.max_completion_tokens.is_some()
    }

    pub fn includes_usage(&self) -> bool {
        self.body.stream_options.as_ref().and_then(|options| options.include_usage).unwrap_or(false)
    }

    /// The text of the last prompt.
    pub fn prompt(&self) -> String {
        self.messages.iter().rev().find(|m| m.role == "user").map(Message::text).unwrap_or_default()
    }

    /// How many prompts the conversation has, this one included.
    pub fn turn(&self) -> usize {
        self.messages.iter().filter(|m| m.role == "user").count()
    }

    /// The results of tools that ran for this very prompt.
    pub fn tool_results(&self) -> Vec<String> {
        let ran = self.messages.iter().rev().take_while(|m| m.role == "tool").map(Message::text);
        let mut results: Vec<String> = ran.collect();
        results.reverse();
        results
    }

    /// About how many tokens all messages are: their pieces, and some for each message's frame.
    pub fn prompt_tokens(&self) -> u64 {
        self.messages.iter().map(|m| Tokens::of(&m.text()).count() as u64 + 4).sum()
    }
}

/// Who said what in the prompt of a text completion, and whether it is a bare text.
fn said_in(prompt: &Option<Value>) -> Result<(Vec<Message>, bool), Refusal> {
    let text = match prompt {
        Some(Value::String(text)) => text.as_str(),
        Some(Value::Array(texts)) if texts.len() == 1 && texts[0].is_string() => {
            texts[0].as_str().unwrap_or_default()
        }
        _ => return Err(wrong("prompt", "`prompt` must be one text.")),
    };
    Ok(match prompt::turns(text) {
        Some(turns) => (turns.into_iter().map(Message::from).collect(), false),
        None => (vec![Message::from((Speaker::User, text))], true),
    })
}

fn unreadable(shape: Shape, error: &serde_json::Error) -> Refusal {
    let what = if shape == Shape::Completions { "completion" } else { "chat" };
    Refusal::new(400, format!("The body is not a {what} request in JSON: {error}."))
}

fn wrong(param: &'static str, message: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::new(400, message).param(param)
}

impl From<(Speaker, &str)> for Message {
    fn from((who, text): (Speaker, &str)) -> Self {
        let role = match who {
            Speaker::System => "system",
            Speaker::User => "user",
            Speaker::Assistant => "assistant",
        };
        Self { role: role.to_owned(), content: Value::from(text) }
    }
}

impl Message {
    fn text(&self) -> String {
        match &self.content {
            Value::String(text) => text.clone(),
            Value::Array(parts) => {
                let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
                texts.collect::<Vec<_>>().join("\n")
            }
            _ => String::new(),
        }
    }
}
