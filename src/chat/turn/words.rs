//! The sentences: what happened, in the server's own words where it has any, and what to do about it.
//!
//! What a script may have to know (a limit and how to change it, a redirect's target, how long to wait)
//! stands in the message, as `ask --json` prints no hints.

use std::time::Duration;

use super::super::error::{
    AttemptError, ErrorKind, HttpFailure, RefusedField, ServerError, TimeoutKind, TurnError,
};
use super::super::provider::{Dialect, ExtraParameters, section};
use super::super::stream::Usage;
use super::TurnPlan;
use crate::base::secret::public_address;

const TOO_LONG: &str = "The conversation is too long for the model: shorten it, begin a new one, or take a model with a \
                        larger context.";
/// How one goes on from there, and whether that can be, is said by whoever shows it.
const KEPT: &str = "What came is kept.";

/// Who was asked for what, as far as a sentence names it.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) provider: &'a str,
    /// What it speaks.
    pub(super) dialect: Dialect,
    /// What an Azure endpoint is told to do with members that it does not know.
    pub(super) extra_parameters: Option<ExtraParameters>,
    /// Where the key that is sent comes from; empty where that is not known.
    pub(super) key_source: &'a str,
    /// Where a key would be looked for, if none is sent; else empty.
    pub(super) key_wanted: &'a str,
    /// What says the `api-version`, if that is not `api_version` of the provider's entry.
    pub(super) version_from: &'a str,
    /// `None` where the list of models was asked for.
    pub(super) model: Option<&'a str>,
}

impl TurnPlan {
    /// What a failed attempt says when no other follows.
    pub(super) fn failure(&self, error: &AttemptError) -> TurnError {
        let asked = Asked {
            provider: &self.provider,
            dialect: self.dialect,
            extra_parameters: self.extra_parameters,
            key_source: &self.key_source,
            key_wanted: &self.key_wanted,
            version_from: &self.version_from,
            model: Some(&self.request.model),
        };
        match error {
            // A field that was not sent cannot be left out.
            AttemptError::Http(failure) if failure.refused.as_ref().is_some_and(|f| !self.sends(f)) => {
                asked.failure(&AttemptError::Http(HttpFailure { refused: None, ..failure.clone() }))
            }
            error => asked.failure(error),
        }
    }
}

impl Asked<'_> {
    /// What a failed attempt says when no other follows.
    pub(super) fn failure(&self, error: &AttemptError) -> TurnError {
        match error {
            AttemptError::ConnectTimeout(limit) => timed_out(TimeoutKind::Connect, *limit, false),
            AttemptError::Connect { message, hint } | AttemptError::Insecure { message, hint } => {
                TurnError::new(ErrorKind::Network, message).with_hint(hint)
            }
            AttemptError::Lost(cause) if self.model.is_none() => {
                TurnError::new(ErrorKind::Network, format!("the connection was lost: {cause}"))
                    .with_hint(format!("Check the network and base_url ({}).", self.address()))
            }
            AttemptError::Lost(cause) => TurnError::new(
                ErrorKind::Network,
                format!("the connection was lost before an answer came: {cause}"),
            )
            .with_hint(format!("Check the network and base_url ({}), then retry.", self.address())),
            AttemptError::Http(failure) => self.http(failure),
            AttemptError::Protocol { message, hint } => unreadable(message, hint, false),
            AttemptError::Server(error) => self.server(error),
            AttemptError::NoKey { message, hint } => TurnError::new(ErrorKind::Auth, message).with_hint(hint),
            AttemptError::Request(message) => {
                TurnError::new(ErrorKind::Http, format!("the request cannot be made: {message}"))
                    .with_hint(format!("Check the settings of provider {}.", self.provider))
            }
        }
    }

    /// What its address is made of.
    fn address(&self) -> &'static str {
        match self.dialect {
            Dialect::WebSocket => "ws:// or wss://, host, port",
            Dialect::OpenAiChat
            | Dialect::OpenAiCompletions
            | Dialect::OpenAiResponses
            | Dialect::AnthropicMessages
            | Dialect::AzureInference
            | Dialect::AzureOpenAi
            | Dialect::Ollama => "http:// or https://, host, port",
        }
    }

    fn http(&self, failure: &HttpFailure) -> TurnError {
        let kind = match failure.status {
            401 | 403 => ErrorKind::Auth,
            _ => ErrorKind::Http,
        };
        let mut message =
            said(&format!("HTTP {}", failure.status), &failure.message, failure.code.as_deref());
        if let Some(target) = &failure.location {
            // The server may have put the query along.
            let target = public_address(target);
            message = format!("HTTP {}: a redirect to {target}, which is not followed", failure.status);
        } else if (300..400).contains(&failure.status) {
            message = format!("HTTP {}: a redirect that names no target", failure.status);
        }
        if let Some(RefusedField::Other(field)) = &failure.refused
            && !failure.message.contains(field.as_str())
        {
            message.push_str(&format!(" (the refused field: {field})"));
        }
        TurnError {
            status: Some(failure.status),
            request_id: failure.request_id.clone(),
            quota: failure.quota,
            hint: self.cure(failure),
            ..TurnError::new(kind, message)
        }
    }

    /// What to do about an HTTP error.
    fn cure(&self, failure: &HttpFailure) -> String {
        let provider = self.provider;
        if let Some(target) = &failure.location {
            let path = match (self.model, self.dialect) {
                (None, _) => "/models",
                (Some(_), Dialect::OpenAiCompletions) => "/completions",
                (Some(_), _) => "/chat/completions",
            };
            return match target.strip_suffix(path) {
                Some(base) if base.contains("://") => {
                    format!(
                        "If that server is to be trusted, make {base} the base_url of provider {provider}."
                    )
                }
                Some(_) | None => format!(
                    "A log-in page or a proxy may stand in between: check the base_url of provider {provider}."
                ),
            };
        }
        if let (Some(field), Some(model)) = (&failure.refused, self.model) {
            let name = field.name();
            let or = match (field, self.dialect, self.extra_parameters) {
                (RefusedField::Other(_), Dialect::AzureInference, None | Some(ExtraParameters::Error)) => {
                    "; or set extra_parameters = \"pass-through\" for this provider, which hands what the \
                     endpoint does not know to the model (\"drop\" leaves it out)"
                }
                _ => "",
            };
            return format!(
                "{provider} does not accept `{name}` for {model}: leave it out (its flag or -o, or params \
                 and extra_body in the configuration){or}."
            );
        }
        if failure.quota || failure.status == 402 {
            return self.no_quota();
        }
        if is_too_long(failure.code.as_deref(), &failure.message) || failure.status == 413 {
            return TOO_LONG.into();
        }
        if self.dialect == Dialect::OpenAiChat && failure.message.contains("chat template") {
            return format!(
                "A model without a chat template completes texts only: set dialect = \"openai-completions\" \
                 for provider {provider}, and a prompt_template."
            );
        }
        if let Some(cure) = self.cure_of_azure(failure) {
            return cure;
        }
        if failure.code.as_deref() == Some("content_filter") {
            return "A content filter blocked the prompt: put it in other words.".into();
        }
        self.cure_of_status(failure.status)
    }

    /// What Azure's services say of a deployment or a version that is not there. They say it alike, whatever
    /// the dialect, and no other service says so.
    fn cure_of_azure(&self, failure: &HttpFailure) -> Option<String> {
        let provider = self.provider;
        let says = |words: &str| failure.message.to_lowercase().contains(words);
        if says("api-version") || says("api version") {
            return Some(match self.version_from {
                "" => format!("Set another api_version in {} (as \"2024-10-21\").", section(provider)),
                from => format!("Set another api-version in {from} (as 2024-10-21)."),
            });
        }
        let deployment = failure.code.as_deref() == Some("DeploymentNotFound") || says("deployment");
        if failure.status == 404 && deployment {
            let model = self.model.unwrap_or("the model");
            return Some(format!(
                "{model} must be the name of a deployment at the base_url of provider {provider}; one that \
                 was made just now takes some minutes."
            ));
        }
        (failure.status == 404 && failure.code.as_deref() == Some("404") && says("resource not found")).then(
            || {
                format!(
                    "Check the base_url of provider {provider}, its api_version, and the model, which is the \
                     name of a deployment."
                )
            },
        )
    }

    fn no_quota(&self) -> String {
        format!(
            "No credit or quota is left at {}: see its billing page; a retry does not help.",
            self.provider
        )
    }

    fn cure_of_status(&self, status: u16) -> String {
        let provider = self.provider;
        let Some(model) = self.model else {
            return self.cure_of_list(status);
        };
        match status {
            300..=399 => format!("Check the base_url of provider {provider}."),
            401 => self.check_key(),
            // A web server answers so where it has no WebSocket, some with 403.
            400 | 403 | 404 | 405 | 426 if self.dialect == Dialect::WebSocket => format!(
                "The server may have no WebSocket there: check the base_url of provider {provider}, which is the \
                 whole address (as ws://127.0.0.1:8000/v1/chat/completions); or ask it over HTTP, with \
                 http_base_url or the dialect openai-chat."
            ),
            403 if !self.key_wanted.is_empty() => self.check_key(),
            403 => format!(
                "The key of {provider}{} may not do this: check its rights, the region and access to {model}.",
                self.where_key()
            ),
            404 if self.dialect == Dialect::OpenAiCompletions => format!(
                "Servers for chat have no text completions: set dialect = \"openai-chat\" for provider \
                 {provider}; else check the model ({model}) and the base_url."
            ),
            404 => format!("Check the model ({model}) and the base_url of provider {provider}."),
            408 | 409 => "Retry.".into(),
            429 => "Too many requests: wait a little, then retry.".into(),
            498 | 500..=599 => format!("The trouble is on the side of {provider}: retry in a while."),
            _ => format!(
                "{provider} does not take this request: check the model ({model}) and the parameters."
            ),
        }
    }

    /// The same where the list of models was asked for.
    fn cure_of_list(&self, status: u16) -> String {
        let provider = self.provider;
        match status {
            401 => self.check_key(),
            403 if !self.key_wanted.is_empty() => self.check_key(),
            403 => format!(
                "The key of {provider}{} may not list models: check its rights, or name the models in the \
                 configuration (models = [\"…\"] under {}).",
                self.where_key(),
                section(provider)
            ),
            429 => "Too many requests: wait a little, then ask again.".into(),
            408 | 409 | 498 | 500..=599 => {
                format!("The trouble is on the side of {provider}: ask again in a while.")
            }
            300..=399 => format!("Check the base_url of provider {provider}."),
            _ => format!(
                "Check the base_url of provider {provider}. If it has no list, name its models in the \
                 configuration: models = [\"…\"] under {}.",
                section(provider)
            ),
        }
    }

    fn server(&self, error: &ServerError) -> TurnError {
        let hint = if error.quota {
            self.no_quota()
        } else if error.code.as_deref() == Some("1008") {
            format!(
                "So a WebSocket server refuses a key or a request. {} Check the model, too.",
                self.check_key()
            )
        } else if is_too_long(error.code.as_deref(), &error.message) {
            TOO_LONG.into()
        } else if let Some(status) = error.status {
            self.cure_of_status(status)
        } else {
            format!("The error is the server's ({}): retry.", self.provider)
        };
        TurnError {
            status: error.status,
            request_id: error.request_id.clone(),
            quota: error.quota,
            hint,
            ..TurnError::new(
                ErrorKind::Server,
                said("the server reported an error", &error.message, error.code.as_deref()),
            )
        }
    }

    /// What to do where a key is refused, or one is missed.
    fn check_key(&self) -> String {
        let provider = self.provider;
        match self.key_wanted {
            "" => format!("Check the key of {provider}{}.", self.where_key()),
            wanted => format!("No key was sent to {provider}: {}.", looked_for(wanted)),
        }
    }

    fn where_key(&self) -> String {
        if self.key_source.is_empty() { String::new() } else { format!(" (from {})", self.key_source) }
    }
}

/// `what: words (code)`, without what is empty or said already.
fn said(what: &str, words: &str, code: Option<&str>) -> String {
    let mut text = what.to_string();
    if !words.is_empty() {
        text.push_str(": ");
        text.push_str(words);
    }
    if let Some(code) = code.filter(|code| !code.is_empty() && !words.contains(code)) {
        text.push_str(&format!(" ({code})"));
    }
    text
}

fn is_too_long(code: Option<&str>, message: &str) -> bool {
    let known = ["context_length_exceeded", "exceed_context_size_error", "model_context_window_exceeded"];
    let words = ["maximum context length", "context window"];
    let message = message.to_lowercase();
    code.is_some_and(|code| known.contains(&code)) || words.iter().any(|words| message.contains(words))
}

/// Where a key is looked for; a flag names the place.
fn looked_for(source: &str) -> String {
    if source.starts_with("--") {
        return format!("name its variable with {source}");
    }
    format!("it is looked for in {source}")
}

pub(super) fn missing_key(provider: &str, source: &str) -> TurnError {
    let place = if source.is_empty() { String::new() } else { format!(": {}", looked_for(source)) };
    TurnError::new(ErrorKind::Auth, format!("no API key for {provider}{place}"))
        .with_hint("Nothing was sent: set it there, then retry.")
}

pub(super) fn timed_out(kind: TimeoutKind, limit: Duration, said: bool) -> TurnError {
    let what = match kind {
        TimeoutKind::Connect => "no connection within",
        TimeoutKind::First => "the server sent nothing for",
        TimeoutKind::Chunk => "the answer stopped: silence for",
        TimeoutKind::Total => "the turn was not done within",
    };
    let name = kind.name();
    let (limit, longer) = (duration(limit), duration(limit.saturating_mul(2)));
    let message = format!(
        "{what} {limit}, the {name} time-out (change it with `--{name}-timeout {longer}`, or \
         `{name} = \"{longer}\"` under [timeouts])"
    );
    let hint = if said { KEPT } else { "Retry, with a longer limit if the server is slow." };
    TurnError::new(ErrorKind::Timeout, message).with_hint(hint)
}

pub(super) fn cut(cause: &str, said: bool) -> TurnError {
    TurnError::new(ErrorKind::Protocol, format!("the answer was cut before its end: {cause}"))
        .with_hint(if said { KEPT } else { "Retry." })
}

pub(super) fn empty() -> TurnError {
    TurnError::new(ErrorKind::Protocol, "empty answer: the server ended it without a word that can be read")
        .with_hint("Check base_url and the model, then retry.")
}

pub(super) fn unreadable(message: &str, hint: &str, said: bool) -> TurnError {
    let hint = if hint.is_empty() && said { KEPT } else { hint };
    TurnError::new(ErrorKind::Protocol, message).with_hint(hint)
}

pub(super) fn said_failed(raw: &str) -> TurnError {
    TurnError::new(ErrorKind::Server, format!("the server says that it failed (finish reason {raw:?})"))
        .with_hint("Retry.")
}

/// Adds how often it was tried.
pub(super) fn after(mut error: TurnError, attempts: u32) -> TurnError {
    if attempts > 1 {
        error.message.push_str(&format!(" (after {attempts} attempts)"));
    }
    error
}

pub(super) fn too_long(mut error: TurnError, wait: Duration, limit: Duration) -> TurnError {
    error.message.push_str(&format!(
        " (the server asks to wait {}, longer than max_wait = \"{}\" under [retry])",
        duration(wait),
        duration(limit)
    ));
    error.hint = format!("Retry in {}.", duration(wait));
    error
}

/// Why an attempt is repeated, for the line that shows the wait.
pub(super) fn reason(error: &AttemptError) -> String {
    match error {
        AttemptError::Http(failure) => {
            said(&format!("HTTP {}", failure.status), &failure.message, failure.code.as_deref())
        }
        AttemptError::Lost(cause) => format!("the connection was lost: {cause}"),
        AttemptError::Connect { message, .. }
        | AttemptError::Insecure { message, .. }
        | AttemptError::Protocol { message, .. }
        | AttemptError::NoKey { message, .. } => message.clone(),
        AttemptError::Server(error) => error.message.clone(),
        AttemptError::Request(message) => message.clone(),
        AttemptError::ConnectTimeout(limit) => format!("no connection within {}", duration(*limit)),
    }
}

pub(super) fn adapted(provider: &str, field: &RefusedField, choices: usize) -> String {
    let instead = match field {
        RefusedField::StreamOptions => "asked again without it".into(),
        RefusedField::MaxTokens => "asked again with max_completion_tokens".into(),
        RefusedField::MaxCompletionTokens => "asked again with max_tokens".into(),
        RefusedField::Stream => "asked for the whole answer at once".into(),
        RefusedField::N if choices > 1 => format!("sent {choices} requests instead"),
        RefusedField::N | RefusedField::Other(_) => "asked again without it".into(),
    };
    format!("{provider} does not accept `{}`: {instead}", field.name())
}

pub(super) fn over_http(cause: &str, address: &str) -> String {
    // A query or a name before the host may be secret.
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = address.split_once("://").unwrap_or(("http", address));
    let host_at = rest.split('/').next().and_then(|authority| authority.rfind('@')).map_or(0, |at| at + 1);
    format!("the WebSocket cannot be had ({cause}): asking over HTTP at {scheme}://{}", &rest[host_at..])
}

pub(super) fn fewer_choices(asked: usize, came: usize) -> String {
    format!("{asked} choices were asked for and {came} came: the next prompt sends {asked} requests")
}

pub(super) fn never_came() -> TurnError {
    TurnError::new(ErrorKind::Protocol, "the server sent fewer choices than were asked for")
        .with_hint("Retry: each choice is then asked for by itself.")
}

pub(super) fn foreign_choice(asked: usize) -> String {
    let answers = if asked == 1 { "one answer was".to_owned() } else { format!("{asked} answers were") };
    format!("{answers} asked for and the server sent more: the others are dropped")
}

pub(super) fn nothing_in_it() -> String {
    "the server ended the answer without anything in it".into()
}

pub(super) fn held_open() -> String {
    "the answer was whole, but the server kept the connection open".into()
}

impl TurnPlan {
    /// Whether asking again without this field, or by its other name, is another request than the one
    /// that was refused. What the person set freely is theirs, and never dropped; an `n` of the prompt's is
    /// not dropped but carried out otherwise.
    pub(super) fn can_leave(&self, field: &RefusedField) -> bool {
        let name = field.name();
        let is_free = *field != RefusedField::N && self.request.params.extra.contains_key(name);
        !is_free && !self.own_fields.iter().any(|own| own == name) && self.sends(field)
    }

    /// Whether a field is in the request, as far as that is known here: a server may refuse what nobody
    /// sent.
    fn sends(&self, field: &RefusedField) -> bool {
        let is_own = |name: &str| {
            self.request.params.extra.contains_key(name) || self.own_fields.iter().any(|own| own == name)
        };
        match field {
            RefusedField::N => self.request.params.choices() > 1 || is_own("n"),
            RefusedField::Stream => self.request.stream || is_own("stream"),
            RefusedField::StreamOptions => self.request.stream || is_own("stream_options"),
            // Some dialects always have a limit.
            RefusedField::MaxTokens | RefusedField::MaxCompletionTokens | RefusedField::Other(_) => true,
        }
    }
}

/// Both token counts together.
pub(super) fn add_usage(a: Usage, b: Usage) -> Usage {
    let both = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
    };
    Usage {
        prompt_tokens: a.prompt_tokens.saturating_add(b.prompt_tokens),
        completion_tokens: a.completion_tokens.saturating_add(b.completion_tokens),
        total_tokens: a.total_tokens.saturating_add(b.total_tokens),
        cached_tokens: both(a.cached_tokens, b.cached_tokens),
        reasoning_tokens: both(a.reasoning_tokens, b.reasoning_tokens),
    }
}

/// As flags and the configuration write it: `250ms`, `10s`, `5m`.
fn duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    match ms {
        0 => "0".into(),
        _ if ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        _ if ms.is_multiple_of(1000) => format!("{}s", ms / 1000),
        _ if ms > 60_000 => format!("{}s", ms.div_ceil(1000)),
        _ => format!("{ms}ms"),
    }
}
