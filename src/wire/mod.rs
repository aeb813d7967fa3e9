//! Dialects: what each server wants to be asked and what it really sends, as pure code.
//!
//! [`encode`] turns a [`ChatRequest`] into a [`WireRequest`]; [`decoder`] gives a value for one
//! attempt that takes the body's bytes in any split and appends [`StreamEvent`]s. Nothing here knows
//! an HTTP library, sleeps, retries or reads a clock.

mod azure;
mod completions;
pub mod emit;
mod errors;
mod json;
pub mod models;
mod openai_chat;
pub mod recording;
mod refused;
mod sse;
pub mod template;
pub mod websocket;

use std::time::Duration;

use crate::base::Secret;
use crate::chat::error::AttemptError;
use crate::chat::provider::Dialect;
use crate::chat::stream::Ending;
use crate::chat::turn::choices_asked;
use crate::chat::{ChatRequest, Provider, Quirks, StreamEvent};

pub use errors::{http_failure, request_id};
pub use sse::{Flow, SseEvent, SseParser};

/// The most bytes of one line or one event.
pub const MAX_EVENT_BYTES: usize = 16 << 20;
/// The most bytes of a whole (unstreamed) body.
pub const MAX_BODY_BYTES: usize = 64 << 20;

/// The value of a header, secret or not.
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderValue {
    /// May be shown.
    Plain(String),
    /// Shown as `***`. The text before the secret (`Bearer `) may be shown.
    Secret {
        /// What stands before it.
        prefix: &'static str,
        /// The secret.
        secret: Secret,
    },
}

/// A request as it goes out: JSON, by POST, or as the first message where the address is that of a
/// WebSocket (`ws:`, `wss:`).
#[derive(Clone, Debug, PartialEq)]
pub struct WireRequest {
    /// What the answer will be in.
    pub dialect: Dialect,
    /// The whole address.
    pub url: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, HeaderValue)>,
    /// The JSON body.
    pub body: Vec<u8>,
}

/// A request for something that is only read: GET.
#[derive(Clone, Debug, PartialEq)]
pub struct GetRequest {
    /// The whole address.
    pub url: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, HeaderValue)>,
}

/// Turns the body of one attempt into events. Its state is bounded by [`MAX_EVENT_BYTES`] and
/// [`MAX_BODY_BYTES`].
pub trait Decoder: Send {
    /// Takes the next bytes. What was decoded before an error is in `out`; after an error, or after
    /// the end marker, nothing more is read.
    ///
    /// # Errors
    /// An error in band, or a body that cannot be read.
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<(), AttemptError>;

    /// The body has ended (or broke off): what is left is decoded.
    ///
    /// # Errors
    /// As [`Decoder::feed`].
    fn finish(&mut self, out: &mut Vec<StreamEvent>) -> Result<Ending, AttemptError>;

    /// Whether the end marker was seen: the rest of the body need not be read.
    fn is_marked(&self) -> bool;

    /// How long the rest is waited for, once nothing is missing but what may follow (token counts, the
    /// end itself), where a server may leave the connection open for ever.
    fn linger(&self) -> Option<Duration> {
        None
    }
}

/// The request in the provider's dialect, or what it falls back to.
///
/// # Errors
/// [`AttemptError::Request`] where the base URL is none, a header cannot be one, the dialect cannot say
/// what is asked, or is not yet supported.
pub fn encode(
    request: &ChatRequest,
    provider: &Provider,
    quirks: Quirks,
) -> Result<WireRequest, AttemptError> {
    match provider.dialect {
        Dialect::OpenAiChat => openai_chat::encode(request, provider, quirks),
        Dialect::OpenAiCompletions => completions::encode(request, provider, quirks),
        Dialect::AzureInference => azure::encode_inference(request, provider, quirks),
        Dialect::AzureOpenAi => azure::encode_openai(request, provider, quirks),
        Dialect::WebSocket => websocket::encode(request, provider, quirks),
        Dialect::OpenAiResponses | Dialect::AnthropicMessages | Dialect::Ollama => {
            Err(not_yet_supported(provider))
        }
    }
}

fn not_yet_supported(provider: &Provider) -> AttemptError {
    AttemptError::Request(format!(
        "the dialect {} of the provider {} is not yet supported",
        provider.dialect.name(),
        provider.name
    ))
}

/// A decoder for one attempt whose answer is in `dialect` ([`WireRequest::dialect`]) and was asked for so
/// many choices. Where the dialect is not yet supported, nothing can have been sent, and the decoder is
/// that of chat completions.
pub fn decoder(dialect: Dialect, choices: u32) -> Box<dyn Decoder> {
    decoder_by(dialect, choices, openai_chat::OpenAiChat::default())
}

/// The same for what `request` asks: where a text is gone on with as it stands, so is what comes.
pub fn decoder_for(dialect: Dialect, request: &ChatRequest) -> Box<dyn Decoder> {
    let inner = match request.raw_text() {
        Some(_) => openai_chat::OpenAiChat::of_raw_text(),
        None => openai_chat::OpenAiChat::default(),
    };
    decoder_by(dialect, choices_asked(&request.params), inner)
}

fn decoder_by(dialect: Dialect, choices: u32, inner: openai_chat::OpenAiChat) -> Box<dyn Decoder> {
    match dialect {
        Dialect::WebSocket => Box::new(websocket::Messages::new(choices, inner)),
        Dialect::OpenAiChat
        | Dialect::OpenAiCompletions
        | Dialect::AzureInference
        | Dialect::AzureOpenAi
        | Dialect::OpenAiResponses
        | Dialect::AnthropicMessages
        | Dialect::Ollama => Box::new(inner),
    }
}
