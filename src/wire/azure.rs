//! Azure's two dialects: chat completions that differ in address, key headers and a few members.
//!
//! `azure-inference` is the model inference API of Azure AI Foundry and its serverless endpoints,
//! `azure-openai` the one of Azure OpenAI resources. Both are answered as chat completions are, and
//! decoded by [`super::openai_chat`].

use crate::chat::error::AttemptError;
use crate::chat::{ChatRequest, Dialect, Provider, Quirks};
use crate::wire::{WireRequest, openai_chat};

/// The request in the dialect azure-inference.
pub(super) fn encode_inference(
    request: &ChatRequest,
    provider: &Provider,
    quirks: Quirks,
) -> Result<WireRequest, AttemptError> {
    Ok(WireRequest { dialect: Dialect::AzureInference, ..openai_chat::encode(request, provider, quirks)? })
}

/// The request in the dialect azure-openai.
pub(super) fn encode_openai(
    request: &ChatRequest,
    provider: &Provider,
    quirks: Quirks,
) -> Result<WireRequest, AttemptError> {
    Ok(WireRequest { dialect: Dialect::AzureOpenAi, ..openai_chat::encode(request, provider, quirks)? })
}
