//! The request: only what every server understands, in one order.
//!
//! What is unset is left out. The user's own members lie over ours: `extra_body`, then the parameters'
//! `extra`.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value, json};

use super::messages::{WireMessage, messages};
use crate::chat::error::AttemptError;
use crate::chat::provider::ExtraParameters;
use crate::chat::provider::MaxTokensField;
use crate::chat::{ChatRequest, Dialect, Provider, Quirks};
use crate::wire::{HeaderValue, WireRequest};

const PATH: &str = "/chat/completions";

/// The request in the dialect openai-chat.
///
/// # Errors
/// [`AttemptError::Request`] where the base URL is none or a header cannot be one.
pub fn encode(
    request: &ChatRequest,
    provider: &Provider,
    quirks: Quirks,
) -> Result<WireRequest, AttemptError> {
    Ok(WireRequest {
        dialect: Dialect::OpenAiChat,
        url: address(provider, PATH)?,
        headers: headers(provider, streams(request, quirks))?,
        body: chat_body(request, provider, quirks)?,
    })
}

/// Whether the answer is asked for as a stream.
pub(in crate::wire) fn streams(request: &ChatRequest, quirks: Quirks) -> bool {
    request.stream && !quirks.no_stream
}

/// The body of a chat completion.
pub(in crate::wire) fn chat_body(
    request: &ChatRequest,
    provider: &Provider,
    quirks: Quirks,
) -> Result<Vec<u8>, AttemptError> {
    let messages = ("messages", Member::Messages(messages(request, provider)));
    let limit = (provider.max_tokens_field, request.params.max_tokens);
    written(&body(request, provider, quirks, messages, limit))
}

/// The body of a text completion of `prompt`, with at most `max_tokens` tokens.
pub(in crate::wire) fn prompt_body(
    request: &ChatRequest,
    provider: &Provider,
    quirks: Quirks,
    prompt: String,
    max_tokens: u64,
) -> Result<Vec<u8>, AttemptError> {
    let prompt = ("prompt", Member::Ours(Value::String(prompt)));
    // Text completions know no other name, whatever the provider's chat completions want.
    written(&body(request, provider, quirks, prompt, (MaxTokensField::MaxTokens, Some(max_tokens))))
}

fn written(body: &Body<'_>) -> Result<Vec<u8>, AttemptError> {
    serde_json::to_vec(body)
        .map_err(|err| AttemptError::Request(format!("the request cannot be written as JSON: {err}")))
}

/// The base URL with `path` before its query, if it has one.
pub fn address(provider: &Provider, path: &str) -> Result<String, AttemptError> {
    let base = provider.base_url.trim();
    let is_scheme = |scheme: &str| base.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme));
    let host = ["http://", "https://"].iter().find(|s| is_scheme(s)).map(|scheme| &base[scheme.len()..]);
    let is_url = host.is_some_and(|host| !host.is_empty() && !host.starts_with(['/', '?', '#', ':']))
        && !base.contains(|c: char| c.is_whitespace() || c.is_control());
    if !is_url {
        return Err(AttemptError::Request(format!(
            "the base URL of the provider {} is not an http:// or https:// address: {base:?}",
            provider.name
        )));
    }
    let base = base.split('#').next().unwrap_or(base);
    Ok(match base.split_once('?') {
        Some((before, query)) => format!("{}{path}?{query}", before.trim_end_matches('/')),
        None => format!("{}{path}", base.trim_end_matches('/')),
    })
}

/// The headers of a request whose answer is a stream or not.
pub(in crate::wire) fn headers(
    provider: &Provider,
    streams: bool,
) -> Result<Vec<(String, HeaderValue)>, AttemptError> {
    let plain = |name: &str, value: &str| (name.to_owned(), HeaderValue::Plain(value.to_owned()));
    let mut headers = vec![plain("content-type", "application/json")];
    if streams {
        headers.push(plain("accept", "text/event-stream"));
        // Compressors hold tokens back.
        headers.push(plain("accept-encoding", "identity"));
    } else {
        headers.push(plain("accept", "application/json"));
    }
    with_own(provider, headers)
}

/// Adds the key, in the headers that the dialect wants it in, and the provider's own headers, which
/// replace ours of the same name.
pub fn with_own(
    provider: &Provider,
    mut headers: Vec<(String, HeaderValue)>,
) -> Result<Vec<(String, HeaderValue)>, AttemptError> {
    if let Some(key) = provider.key.as_ref().filter(|key| !key.is_empty()) {
        for (name, prefix) in key_headers(provider.dialect) {
            check_value(provider, name, key.expose())?;
            let value = HeaderValue::Secret { prefix, secret: key.clone() };
            headers.push(((*name).to_owned(), value));
        }
    }
    for (name, secret) in &provider.headers {
        let lower = name.to_ascii_lowercase();
        if lower.is_empty() || !lower.bytes().all(is_token) {
            return Err(AttemptError::Request(format!(
                "a header of the provider {} has a name that cannot be one: {name:?}",
                provider.name
            )));
        }
        check_value(provider, &lower, secret.expose())?;
        headers.retain(|(known, _)| *known != lower);
        headers.push((lower, HeaderValue::Secret { prefix: "", secret: secret.clone() }));
    }
    Ok(headers)
}

/// The headers a key goes in, and what stands before it.
fn key_headers(dialect: Dialect) -> &'static [(&'static str, &'static str)] {
    const BEARER: (&str, &str) = ("authorization", "Bearer ");
    const API_KEY: (&str, &str) = ("api-key", "");
    match dialect {
        // Its kinds of endpoint differ in which one they read.
        Dialect::AzureInference => &[API_KEY, BEARER],
        Dialect::AzureOpenAi => &[API_KEY],
        Dialect::OpenAiChat
        | Dialect::OpenAiCompletions
        | Dialect::WebSocket
        | Dialect::OpenAiResponses
        | Dialect::AnthropicMessages
        | Dialect::Ollama => &[BEARER],
    }
}

/// The characters of RFC 9110's `token`.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn check_value(provider: &Provider, name: &str, value: &str) -> Result<(), AttemptError> {
    if value.bytes().all(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7F)) {
        return Ok(());
    }
    Err(AttemptError::Request(format!(
        "the value of the header {name} of the provider {} holds a control character (a line break, perhaps)",
        provider.name
    )))
}

/// The members of the body in the order they are written.
struct Body<'a>(Vec<(&'a str, Member<'a>)>);

#[derive(Serialize)]
#[serde(untagged)]
enum Member<'a> {
    Messages(Vec<WireMessage<'a>>),
    Ours(Value),
    Theirs(&'a Value),
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, member) in &self.0 {
            map.serialize_entry(name, member)?;
        }
        map.end()
    }
}

impl<'a> Body<'a> {
    fn set(&mut self, name: &'a str, member: Member<'a>) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = member,
            None => self.0.push((name, member)),
        }
    }

    fn set_some(&mut self, name: &'a str, value: Option<Value>) {
        if let Some(value) = value {
            self.set(name, Member::Ours(value));
        }
    }
}

fn body<'a>(
    request: &'a ChatRequest,
    provider: &'a Provider,
    quirks: Quirks,
    (said, conversation): (&'a str, Member<'a>),
    (limit, max_tokens): (MaxTokensField, Option<u64>),
) -> Body<'a> {
    let params = &request.params;
    let limit = match quirks.other_max_tokens {
        false => limit,
        true => limit.other(),
    };
    let mut body = Body(Vec::with_capacity(16));
    // An endpoint of one model may need no name.
    body.set_some("model", Some(&request.model).filter(|model| !model.is_empty()).map(|model| json!(model)));
    body.set(said, conversation);
    body.set_some(limit.name(), max_tokens.map(Value::from));
    body.set_some("temperature", params.temperature.map(Value::from));
    body.set_some("top_p", params.top_p.map(Value::from));
    body.set_some(
        "stop",
        match params.stop.as_slice() {
            [] => None,
            [one] => Some(json!(one)),
            several => Some(json!(several)),
        },
    );
    body.set_some("seed", params.seed.map(Value::from));
    body.set_some("n", params.n.filter(|n| *n > 1 && !quirks.no_n).map(Value::from));
    body.set_some("reasoning_effort", params.reasoning_effort.as_ref().map(|effort| json!(effort)));
    if streams(request, quirks) {
        body.set("stream", Member::Ours(Value::Bool(true)));
        if !quirks.no_stream_options && knows_stream_options(provider) {
            body.set("stream_options", Member::Ours(json!({"include_usage": true})));
        }
    }
    for (name, value) in provider.extra_body.iter().chain(&params.extra) {
        body.set(name, Member::Theirs(value));
    }
    body
}

/// Azure's inference API has no such member, and refuses it unless it is told to pass it on.
fn knows_stream_options(provider: &Provider) -> bool {
    provider.dialect != Dialect::AzureInference
        || provider.extra_parameters == Some(ExtraParameters::PassThrough)
}

#[cfg(test)]
mod tests;
