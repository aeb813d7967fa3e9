//! Azure's two dialects: chat completions that differ in address, key headers and a few members.
//!
//! `azure-inference` is the model inference API of Azure AI Foundry and its serverless endpoints,
//! `azure-openai` the one of Azure OpenAI resources. Endpoints are given in many forms, from the bare
//! host to the whole address that the portal shows; all of them are understood. Both are answered as
//! chat completions are, and decoded by [`super::openai_chat`]. In which headers a key goes, and which
//! members the first dialect does not know, is written there too, beside what is usual.

use std::fmt::Write as _;

use super::{HeaderValue, WireRequest, openai_chat};
use crate::chat::error::AttemptError;
use crate::chat::{ChatRequest, Provider, Quirks};

const CHAT: &str = "/chat/completions";
/// What azure-inference is asked for where no other version is configured.
const INFERENCE_VERSION: &str = "2024-05-01-preview";
/// The same of azure-openai.
const OPENAI_VERSION: &str = "2024-10-21";

/// The request in the dialect azure-inference.
pub(super) fn encode_inference(
    request: &ChatRequest,
    provider: &Provider,
    quirks: Quirks,
) -> Result<WireRequest, AttemptError> {
    let endpoint = Endpoint::of(provider)?;
    let mut sent = encoded(request, provider, quirks, endpoint.with(provider, CHAT, INFERENCE_VERSION))?;
    if let Some(extra) = provider.extra_parameters
        && !sent.headers.iter().any(|(name, _)| name == "extra-parameters")
    {
        sent.headers.push(("extra-parameters".to_owned(), HeaderValue::Plain(extra.name().to_owned())));
    }
    Ok(sent)
}

/// The request in the dialect azure-openai.
pub(super) fn encode_openai(
    request: &ChatRequest,
    provider: &Provider,
    quirks: Quirks,
) -> Result<WireRequest, AttemptError> {
    let endpoint = Endpoint::of(provider)?;
    let path = match endpoint.path_to_deployments() {
        None => CHAT.to_owned(),
        Some(_) if request.model.is_empty() => {
            return Err(AttemptError::Request(format!(
                "the provider {} is asked by the name of a deployment, which is given as the model: name one",
                provider.name
            )));
        }
        // An address would lead elsewhere with one of these, however they are written.
        Some(_) if matches!(request.model.as_str(), "." | "..") => {
            return Err(AttemptError::Request(format!("no deployment can be called `{}`", request.model)));
        }
        Some(path) => format!("{path}/{}{CHAT}", percent_encoded(&request.model)),
    };
    encoded(request, provider, quirks, endpoint.with(provider, &path, OPENAI_VERSION))
}

fn encoded(
    request: &ChatRequest,
    provider: &Provider,
    quirks: Quirks,
    url: String,
) -> Result<WireRequest, AttemptError> {
    Ok(WireRequest {
        dialect: provider.dialect,
        url,
        headers: openai_chat::headers(provider, openai_chat::streams(request, quirks))?,
        body: openai_chat::chat_body(request, provider, quirks)?,
    })
}

/// Where azure-inference says what its one model is.
pub(super) fn inference_list(provider: &Provider) -> Result<String, AttemptError> {
    let endpoint = Endpoint::of(provider)?;
    let path = if endpoint.is_v1() { "/models" } else { "/info" };
    Ok(endpoint.with(provider, path, INFERENCE_VERSION))
}

/// Where azure-openai lists the models of its resource.
pub(super) fn openai_list(provider: &Provider) -> Result<String, AttemptError> {
    let mut endpoint = Endpoint::of(provider)?;
    if endpoint.is_v1() {
        return Ok(endpoint.with(provider, "/models", OPENAI_VERSION));
    }
    let end = match endpoint.base.find("/openai/deployments") {
        Some(end) => end,
        None => endpoint.base.strip_suffix("/openai").unwrap_or(&endpoint.base).len(),
    };
    endpoint.base.truncate(end);
    Ok(endpoint.with(provider, "/openai/models", OPENAI_VERSION))
}

/// A provider's base URL, taken apart.
struct Endpoint {
    /// Up to where the dialect's own paths begin, without a slash at its end.
    base: String,
    query: String,
}

impl Endpoint {
    fn of(provider: &Provider) -> Result<Self, AttemptError> {
        let address = openai_chat::address(provider, "")?;
        let (base, query) = address.split_once('?').unwrap_or((&address, ""));
        let base = base.trim_end_matches('/');
        let base = base.strip_suffix(CHAT).unwrap_or(base);
        Ok(Self { base: base.to_owned(), query: query.to_owned() })
    }

    /// The newer path, which is plain openai-chat and takes no version.
    fn is_v1(&self) -> bool {
        self.base.ends_with("/openai/v1")
    }

    /// What is missing before the name of a deployment; `None` where the address has one, or needs none.
    fn path_to_deployments(&self) -> Option<&'static str> {
        let last_but = |n: usize| self.base.rsplit('/').nth(n);
        if self.is_v1() || last_but(1) == Some("deployments") {
            None
        } else if last_but(0) == Some("deployments") {
            Some("")
        } else if last_but(0) == Some("openai") {
            Some("/deployments")
        } else {
            Some("/openai/deployments")
        }
    }

    /// The address of `path`. A version that is configured takes the place of one in the query, and that
    /// of the dialect's own.
    fn with(&self, provider: &Provider, path: &str, version: &str) -> String {
        let is_version =
            |pair: &&str| pair.split('=').next().is_some_and(|name| name.eq_ignore_ascii_case("api-version"));
        let pairs = || self.query.split('&').filter(|pair| !pair.is_empty());
        let known = pairs().find(is_version).map(str::to_owned);
        let asked = |version: &str| format!("api-version={}", percent_encoded(version));
        let version = match (&provider.api_version, known) {
            (_, known) if self.is_v1() => known,
            (Some(version), _) => Some(asked(version)),
            (None, Some(known)) => Some(known),
            (None, None) => Some(asked(version)),
        };
        let others = pairs().filter(|pair| !is_version(pair)).map(str::to_owned);
        let query: Vec<String> = others.chain(version).collect();
        let mut url = format!("{}{path}", self.base);
        if !query.is_empty() {
            url.push('?');
            url.push_str(&query.join("&"));
        }
        url
    }
}

/// A name as a segment of a path.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
