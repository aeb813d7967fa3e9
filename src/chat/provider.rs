//! Providers: an endpoint, its dialect, its key, and what was learnt of its ways.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::request::Params;
use super::stream::Usage;
use crate::base::Secret;

/// A language that servers speak. The names are fixed (`dialect = "…"`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI's chat completions.
    OpenAiChat,
    /// OpenAI's responses.
    OpenAiResponses,
    /// Text completions.
    OpenAiCompletions,
    /// Anthropic's messages.
    AnthropicMessages,
    /// Azure AI Inference.
    AzureInference,
    /// Azure OpenAI.
    AzureOpenAi,
    /// Chat-completion JSON over a WebSocket.
    WebSocket,
    /// Ollama's own.
    Ollama,
}

impl Dialect {
    /// All of them, in the order that messages list them.
    pub const ALL: [Dialect; 8] = [
        Dialect::OpenAiChat,
        Dialect::OpenAiResponses,
        Dialect::OpenAiCompletions,
        Dialect::AnthropicMessages,
        Dialect::AzureInference,
        Dialect::AzureOpenAi,
        Dialect::WebSocket,
        Dialect::Ollama,
    ];

    /// Its name in configuration and flags.
    pub const fn name(self) -> &'static str {
        match self {
            Dialect::OpenAiChat => "openai-chat",
            Dialect::OpenAiResponses => "openai-responses",
            Dialect::OpenAiCompletions => "openai-completions",
            Dialect::AnthropicMessages => "anthropic-messages",
            Dialect::AzureInference => "azure-inference",
            Dialect::AzureOpenAi => "azure-openai",
            Dialect::WebSocket => "websocket",
            Dialect::Ollama => "ollama",
        }
    }

    /// The dialect of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }

    /// Whether this version speaks it; the others say `not yet supported`.
    pub const fn is_supported(self) -> bool {
        matches!(self, Dialect::OpenAiChat)
    }
}

/// The name of the member that limits the answer's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum MaxTokensField {
    /// `max_tokens`, which most servers know.
    #[default]
    MaxTokens,
    /// `max_completion_tokens`, which OpenAI's newer models want.
    MaxCompletionTokens,
}

impl MaxTokensField {
    /// The member's name.
    pub const fn name(self) -> &'static str {
        match self {
            MaxTokensField::MaxTokens => "max_tokens",
            MaxTokensField::MaxCompletionTokens => "max_completion_tokens",
        }
    }

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            MaxTokensField::MaxTokens => MaxTokensField::MaxCompletionTokens,
            MaxTokensField::MaxCompletionTokens => MaxTokensField::MaxTokens,
        }
    }
}

/// Prices in USD per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Price {
    /// Of the prompt.
    pub input: f64,
    /// Of the answer.
    pub output: f64,
}

impl Price {
    /// What these tokens cost, in USD. Cached ones count as any of the prompt: servers' discounts differ.
    pub fn cost(&self, usage: &Usage) -> f64 {
        (usage.prompt_tokens as f64 * self.input + usage.completion_tokens as f64 * self.output) / 1e6
    }
}

/// Where a provider's key comes from.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum KeyFrom {
    /// It is in [`Provider::key`], or there is none.
    #[default]
    Given,
    /// A program prints it; the first word is the program.
    Command(Vec<String>),
    /// The system's keyring: service `chatui`, account = the provider's name.
    Keyring,
}

/// What is configured of one model.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ModelInfo {
    /// Its context, in tokens.
    pub context: Option<u64>,
    /// Its prices.
    pub price: Option<Price>,
    /// Its own parameters, over the general ones.
    pub params: Params,
}

/// Where requests go, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// Its name, before the colon of `provider:model`.
    pub name: String,
    /// What it speaks.
    pub dialect: Dialect,
    /// The address under which the dialect's paths lie, without a trailing slash. Empty for the
    /// built-in demo until its server runs.
    pub base_url: String,
    /// The key; `None` where the server needs none or none was given.
    pub key: Option<Secret>,
    /// Where the key comes from, if it is not given above: it is fetched when the provider is first used.
    pub key_from: KeyFrom,
    /// Whether a key is needed: without one nothing is sent.
    pub needs_key: bool,
    /// Where a key would be looked for, for error messages: `OPENAI_API_KEY`, `api_key_env in …`.
    pub key_source: String,
    /// Further headers; their values may be secret.
    pub headers: Vec<(String, Secret)>,
    /// Merged into each request's body.
    pub extra_body: Map<String, Value>,
    /// The model where none is named.
    pub default_model: Option<String>,
    /// Models shown beside what the server lists.
    pub models: Vec<String>,
    /// What is configured of single models, by name.
    pub model_info: BTreeMap<String, ModelInfo>,
    /// How the length limit is called.
    pub max_tokens_field: MaxTokensField,
    /// Tokens per second of the built-in demo.
    pub tokens_per_second: Option<f64>,
}

/// What an endpoint was seen to refuse. Kept for as long as the program runs, per provider and model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Quirks {
    /// `stream_options` is left out.
    pub no_stream_options: bool,
    /// The length limit goes under its other name.
    pub other_max_tokens: bool,
    /// Asked for whole answers.
    pub no_stream: bool,
    /// Asked n times for one choice.
    pub no_n: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_for_a_million_tokens() {
        let price = Price { input: 0.5, output: 2.0 };
        let usage = Usage {
            prompt_tokens: 1_000_000,
            completion_tokens: 250_000,
            total_tokens: 1_250_000,
            cached_tokens: Some(900_000),
            reasoning_tokens: Some(200_000),
        };
        assert_eq!(price.cost(&usage), 1.0);
        assert_eq!(price.cost(&Usage { prompt_tokens: 0, completion_tokens: 0, ..usage }), 0.0);
    }
}
