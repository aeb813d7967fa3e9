//! What a client asks of the demo, as far as the demo listens.

use serde::Deserialize;
use serde_json::Value;

use super::tokens::Tokens;

/// The most choices of one answer.
const MAX_CHOICES: u32 = 128;

/// A chat-completions request. Members that change nothing here are ignored.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    pub model: String,
    pub messages: Vec<Message>,
    #[serde(default)]
    pub stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    pub n: Option<u32>,
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
pub(super) struct Message {
    role: String,
    #[serde(default)]
    content: Value,
}

/// What is wrong with a request: the member, and a sentence.
pub(super) type Wrong = (Option<&'static str>, String);

impl Request {
    pub fn parse(body: &[u8]) -> Result<Self, Wrong> {
        let request: Request = serde_json::from_slice(body)
            .map_err(|error| (None, format!("The body is not a chat request in JSON: {error}.")))?;
        if request.messages.is_empty() {
            return Err((Some("messages"), "`messages` is empty: at least one is needed.".into()));
        }
        if !(1..=MAX_CHOICES).contains(&request.choices()) {
            return Err((Some("n"), format!("`n` must be from 1 to {MAX_CHOICES}.")));
        }
        if request.limit() == Some(0) {
            return Err((Some("max_tokens"), "`max_tokens` must be at least 1.".into()));
        }
        Ok(request)
    }

    pub fn choices(&self) -> u32 {
        self.n.unwrap_or(1)
    }

    /// The most tokens of one choice.
    pub fn limit(&self) -> Option<u64> {
        self.max_completion_tokens.or(self.max_tokens)
    }

    pub fn includes_usage(&self) -> bool {
        self.stream_options.as_ref().and_then(|options| options.include_usage).unwrap_or(false)
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
