//! Providers: an endpoint, its dialect, its key, and what was learnt of its ways.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::request::Params;
use super::stream::Usage;
use crate::base::{Secret, quote};

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

    /// Those that this version speaks.
    pub fn spoken() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|dialect| dialect.is_supported())
    }

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
        match self {
            Dialect::OpenAiChat
            | Dialect::OpenAiCompletions
            | Dialect::AzureInference
            | Dialect::AzureOpenAi
            | Dialect::WebSocket => true,
            Dialect::OpenAiResponses | Dialect::AnthropicMessages | Dialect::Ollama => false,
        }
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

/// What Azure AI Inference does with members of the body that it does not know: the header
/// `extra-parameters`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExtraParameters {
    /// Refuse the request; the service's own default.
    Error,
    /// Leave them out.
    Drop,
    /// Hand them to the model.
    PassThrough,
}

impl ExtraParameters {
    /// All of them.
    pub const ALL: [ExtraParameters; 3] =
        [ExtraParameters::Error, ExtraParameters::Drop, ExtraParameters::PassThrough];

    /// The word for it in the header and in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            ExtraParameters::Error => "error",
            ExtraParameters::Drop => "drop",
            ExtraParameters::PassThrough => "pass-through",
        }
    }
}

/// How a conversation becomes the prompt of a text completion.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum PromptTemplate {
    /// `<|im_start|>role … <|im_end|>`.
    ChatMl,
    /// `[INST] … [/INST]` with `<<SYS>>`.
    Llama2,
    /// `<|start_header_id|>role<|end_header_id|> … <|eot_id|>`.
    Llama3,
    /// `[INST] … [/INST]`.
    Mistral,
    /// `User: … Assistant:`, for models that know no template.
    #[default]
    Plain,
    /// The person's own, in the language of the built-in ones.
    Own(String),
}

impl PromptTemplate {
    /// The names of the built-in ones.
    pub const NAMES: [&str; 5] = ["chatml", "llama2", "llama3", "mistral", "plain"];

    /// The built-in one of that name, else the text itself as a template.
    pub fn new(text: &str) -> Self {
        match text {
            "chatml" => PromptTemplate::ChatMl,
            "llama2" => PromptTemplate::Llama2,
            "llama3" => PromptTemplate::Llama3,
            "mistral" => PromptTemplate::Mistral,
            "plain" => PromptTemplate::Plain,
            own => PromptTemplate::Own(own.to_owned()),
        }
    }

    /// What [`PromptTemplate::new`] makes it of.
    pub fn text(&self) -> &str {
        match self {
            PromptTemplate::ChatMl => "chatml",
            PromptTemplate::Llama2 => "llama2",
            PromptTemplate::Llama3 => "llama3",
            PromptTemplate::Mistral => "mistral",
            PromptTemplate::Plain => "plain",
            PromptTemplate::Own(own) => own,
        }
    }
}

/// What came with an answer and has to go back with it, unchanged, to the provider that sent it; every
/// other provider may refuse it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SendBack {
    /// The reasoning text, as `reasoning_content`.
    ReasoningContent,
    /// `reasoning_details`, whole.
    ReasoningDetails,
    /// `extra_content` of tool calls.
    ExtraContent,
}

impl SendBack {
    /// All of them.
    pub const ALL: [SendBack; 3] =
        [SendBack::ReasoningContent, SendBack::ReasoningDetails, SendBack::ExtraContent];

    /// The member's name on the wire, which is also the slot it is carried in.
    pub const fn name(self) -> &'static str {
        match self {
            SendBack::ReasoningContent => "reasoning_content",
            SendBack::ReasoningDetails => "reasoning_details",
            SendBack::ExtraContent => "extra_content",
        }
    }
}

/// Where a provider's servers differ from their dialect's usual ways, as far as requests are concerned.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Needs {
    /// What goes back with earlier answers.
    pub send_back: Vec<SendBack>,
    /// Ids of tool calls must be nine letters and digits, whoever made them.
    pub short_tool_ids: bool,
    /// It knows no `n`: several choices are several requests from the first.
    pub one_choice: bool,
    /// It refuses `stream_options`: never sent.
    pub no_stream_options: bool,
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
    /// What says which `api-version` it is asked for, for error messages; empty where that is `api_version`
    /// of its entry, or would be.
    pub version_from: String,
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
    /// Azure's `api-version`; `None`: the dialect's default.
    pub api_version: Option<String>,
    /// The header `extra-parameters` of azure-inference; `None`: not sent.
    pub extra_parameters: Option<ExtraParameters>,
    /// How a conversation becomes the prompt of a text completion.
    pub prompt_template: PromptTemplate,
    /// Where a websocket provider is asked over HTTP, if its WebSocket cannot be had.
    pub http_base_url: Option<String>,
    /// Where its servers differ.
    pub needs: Needs,
}

impl Provider {
    /// A provider without a key, with nothing set that has a default.
    pub fn new(name: impl Into<String>, dialect: Dialect, base_url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            dialect,
            base_url: base_url.into(),
            key: None,
            key_from: KeyFrom::Given,
            needs_key: false,
            key_source: String::new(),
            version_from: String::new(),
            headers: Vec::new(),
            extra_body: Map::new(),
            default_model: None,
            models: Vec::new(),
            model_info: BTreeMap::new(),
            max_tokens_field: MaxTokensField::default(),
            tokens_per_second: None,
            api_version: None,
            extra_parameters: None,
            prompt_template: PromptTemplate::default(),
            http_base_url: None,
            needs: Needs::default(),
        }
    }
}

/// The table of the configuration that says something of the provider of that name.
pub fn section(name: &str) -> String {
    format!("[providers.{}]", quote::key(name))
}

/// Headers that stand for a key.
pub fn is_key_header(name: &str) -> bool {
    ["authorization", "api-key", "x-api-key"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

impl Provider {
    /// Whether a key goes with its requests, one that is yet to be fetched among them.
    pub fn sends_key(&self) -> bool {
        self.key.as_ref().is_some_and(|key| !key.is_empty())
            || self.key_from != KeyFrom::Given
            || self.headers.iter().any(|(name, _)| is_key_header(name))
    }

    /// Whether it is asked for text completions: it goes on with one text.
    pub fn completes_text(&self) -> bool {
        match self.dialect {
            Dialect::OpenAiCompletions => true,
            Dialect::WebSocket => {
                let path = self.base_url.split(['?', '#']).next().unwrap_or_default().trim();
                let path = path.trim_end_matches('/');
                path.ends_with("/completions") && !path.ends_with("/chat/completions")
            }
            Dialect::OpenAiChat
            | Dialect::OpenAiResponses
            | Dialect::AnthropicMessages
            | Dialect::AzureInference
            | Dialect::AzureOpenAi
            | Dialect::Ollama => false,
        }
    }

    /// Why no raw prompt can be sent to it; `None` where one can.
    pub fn refuses_raw_prompts(&self) -> Option<String> {
        if self.completes_text() {
            return None;
        }
        let (name, wanted) = (&self.name, Dialect::OpenAiCompletions.name());
        Some(match self.dialect {
            Dialect::WebSocket => format!(
                "the provider {name} has no raw prompts at its address: one for them ends in /completions, \
                 not in /chat/completions"
            ),
            dialect => format!(
                "the provider {name} speaks {}, which has no raw prompts: choose one that speaks {wanted}",
                dialect.name()
            ),
        })
    }
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
    /// Asked over HTTP, at [`Provider::http_base_url`].
    pub no_websocket: bool,
}

impl Quirks {
    /// These and those of `others`.
    #[must_use]
    pub const fn with(self, others: Quirks) -> Quirks {
        Quirks {
            no_stream_options: self.no_stream_options || others.no_stream_options,
            other_max_tokens: self.other_max_tokens || others.other_max_tokens,
            no_stream: self.no_stream || others.no_stream,
            no_n: self.no_n || others.no_n,
            no_websocket: self.no_websocket || others.no_websocket,
        }
    }
}

impl Needs {
    /// What is known of its endpoints before anything was asked.
    pub fn quirks(&self) -> Quirks {
        Quirks { no_n: self.one_choice, no_stream_options: self.no_stream_options, ..Quirks::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_prompts_go_where_text_is_completed() {
        let of = |dialect, url: &str| Provider::new("lab", dialect, url);
        for (dialect, url, takes) in [
            (Dialect::OpenAiCompletions, "http://h/v1", true),
            (Dialect::WebSocket, "ws://h/v1/completions/?a=/chat/completions", true),
            (Dialect::WebSocket, "ws://h/v1/chat/completions", false),
            (Dialect::OpenAiChat, "http://h/v1/completions", false),
        ] {
            assert_eq!(of(dialect, url).refuses_raw_prompts().is_none(), takes, "{url}");
        }
        let why = of(Dialect::OpenAiChat, "http://h/v1").refuses_raw_prompts();
        let why = why.expect("chat completions take none");
        assert!(why.contains("lab speaks openai-chat") && why.contains("openai-completions"), "{why}");
    }

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
