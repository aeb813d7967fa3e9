//! `--dry-run`: the request as it would go out, with secrets as `***`; or a command that sends it.
//!
//! The command is for a shell: a key that came from a variable stands in it by the variable's name, so
//! that it can be pasted as it is.

use serde_json::Value;

use crate::base::secret::{REDACTED, public_address};
use crate::base::{Secret, Secrets, sanitize};
use crate::chat::error::AttemptError;
use crate::chat::provider::KeyFrom;
use crate::chat::turn::choices_asked;
use crate::chat::{ChatRequest, Provider};
use crate::config;
use crate::wire::recording::Scrub;
use crate::wire::{self, HeaderValue, WireRequest};

use super::args::{DryRun, Stop};
use super::setup::variable;
use super::{exit, say};

/// Prints what a dry run prints.
///
/// # Errors
/// The request cannot be made.
pub fn print(
    how: DryRun,
    mut request: ChatRequest,
    provider: &Provider,
    secrets: &Secrets,
) -> Result<u8, Stop> {
    let mut provider = provider.clone();
    if provider.name == config::DEMO && provider.base_url.is_empty() {
        // The demo's port is known once its server runs, which a dry run does not need.
        provider.base_url = "http://127.0.0.1:0/v1".to_owned();
    }
    if provider.key_from != KeyFrom::Given {
        // Nothing is fetched for what is not sent; it would be hidden anyway.
        provider.key = Some(Secret::new(REDACTED));
    }
    let (choices, quirks) = (choices_asked(&request.params), provider.needs.quirks());
    if quirks.no_n {
        request.params.n = None;
        request.params.extra.shift_remove("n");
    }
    let mut wire = wire::encode(&request, &provider, quirks)
        .map_err(|error| Stop { text: format!("chatui: {}", words(&error)), code: exit::USAGE })?;
    hide(&mut wire, &request, &provider, secrets);
    let text = match how {
        DryRun::Request => shown(&wire),
        DryRun::Curl if is_socket(&wire.url) => websocat(&wire, &provider),
        DryRun::Curl => curl(&wire, &provider),
    };
    let code = super::print(&secrets.redact(&text))?;
    if quirks.no_n && choices > 1 {
        say(&format!("chatui: {choices} such requests go out side by side, one for each choice"));
    }
    Ok(code)
}

/// Takes out of a request what must not be seen, before it is quoted: as quoted it may not be known again.
fn hide(wire: &mut WireRequest, request: &ChatRequest, provider: &Provider, secrets: &Secrets) {
    wire.url = secrets.redact(&wire.url).into_owned();
    for (_, value) in &mut wire.headers {
        if let HeaderValue::Plain(value) = value {
            *value = secrets.redact(value).into_owned();
        }
    }
    if let Ok(Value::Object(mut body)) = serde_json::from_slice(&wire.body) {
        let before = body.clone();
        // What the person set freely: of that a name may say that it is secret, as in `config show`.
        for name in request.params.extra.keys().chain(provider.extra_body.keys()) {
            if let Some(value) = body.get_mut(name) {
                mask(name, value);
            }
        }
        if body != before {
            wire.body = Value::Object(body).to_string().into_bytes();
        }
    }
    let mut scrub = Scrub::default();
    let mut clean = scrub.pass(secrets, &wire.body);
    clean.extend(scrub.rest(secrets));
    wire.body = clean;
}

fn mask(name: &str, value: &mut Value) {
    if config::is_secret_field(name) {
        *value = REDACTED.into();
        return;
    }
    match value {
        Value::Object(members) => members.iter_mut().for_each(|(name, value)| mask(name, value)),
        Value::Array(items) => items.iter_mut().for_each(|item| mask("", item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_socket(url: &str) -> bool {
    url.starts_with("ws://") || url.starts_with("wss://")
}

/// The request.
fn shown(wire: &WireRequest) -> String {
    let url = public_address(&wire.url);
    let url = sanitize::clean(&url);
    // The body goes as the first message.
    let mut text = match is_socket(&wire.url) {
        true => format!("GET {url} (WebSocket)\n"),
        false => format!("POST {url}\n"),
    };
    for (name, value) in &wire.headers {
        let value = match value {
            HeaderValue::Plain(value) => value.clone(),
            HeaderValue::Secret { prefix, .. } => format!("{prefix}{REDACTED}"),
        };
        text.push_str(&sanitize::clean(&format!("{name}: {value}")));
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&pretty(&wire.body));
    text.push('\n');
    text
}

/// A command that sends it over HTTP and shows the answer as it comes.
fn curl(wire: &WireRequest, provider: &Provider) -> String {
    // -g: braces and brackets in the address are what they are.
    let mut text = format!("{}curl -gN {}", to_fill_in(wire, provider), quoted(&public_address(&wire.url)));
    for header in headers(wire, provider) {
        text.push_str(&format!(" \\\n  -H {header}"));
    }
    text.push_str(&format!(" \\\n  --data-raw {}\n", in_quotes(&one_line(&wire.body))));
    text
}

/// The same over a WebSocket.
fn websocat(wire: &WireRequest, provider: &Provider) -> String {
    let mut text = "# curl sends no messages over a WebSocket; websocat does\n".to_owned();
    text.push_str(&to_fill_in(wire, provider));
    text.push_str(&format!("printf '%s\\n' {} |\n  websocat -n", in_quotes(&one_line(&wire.body))));
    for header in headers(wire, provider) {
        text.push_str(&format!(" \\\n  -H={header}"));
    }
    text.push_str(&format!(" \\\n  {}\n", quoted(&public_address(&wire.url))));
    text
}

/// The headers, each as a word of the shell.
fn headers(wire: &WireRequest, provider: &Provider) -> Vec<String> {
    let one = |(name, value): &(String, HeaderValue)| match value {
        HeaderValue::Plain(value) => quoted(&format!("{name}: {value}")),
        // No character of a prefix means anything to a shell.
        HeaderValue::Secret { prefix, secret } => match in_variable(secret, provider) {
            Some((scheme, source)) => format!("\"{name}: {prefix}{scheme}${source}\""),
            None => quoted(&format!("{name}: {prefix}{REDACTED}")),
        },
    };
    wire.headers.iter().map(one).collect()
}

/// The variable that a secret came from, and what stands before its value.
fn in_variable<'p>(secret: &Secret, provider: &'p Provider) -> Option<(&'static str, &'p str)> {
    const BEARER: &str = "Bearer ";
    let source = provider.key_source.as_str();
    let is_name = !source.is_empty()
        && !source.starts_with(|c: char| c.is_ascii_digit())
        && source.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name || provider.key_from != KeyFrom::Given {
        return None;
    }
    let value = Secret::new(&variable(source)?);
    if *secret == value {
        return Some(("", source));
    }
    // A token is configured as the header that it makes.
    (secret.expose().strip_prefix(BEARER)? == value.expose()).then_some((BEARER, source))
}

/// A comment on what a person must fill in.
fn to_fill_in(wire: &WireRequest, provider: &Provider) -> String {
    let hidden = wire.headers.iter().any(|(_, value)| match value {
        HeaderValue::Plain(_) => false,
        HeaderValue::Secret { secret, .. } => in_variable(secret, provider).is_none(),
    });
    match (&provider.key_from, hidden) {
        (_, false) => String::new(),
        (KeyFrom::Given, true) => format!("# put the secret in place of {REDACTED}\n"),
        (KeyFrom::Command(_) | KeyFrom::Keyring, true) => {
            let source = sanitize::clean(&provider.key_source).replace(['\n', '\r'], " ");
            format!("# put the secret in place of {REDACTED}; the key is that of {source}\n")
        }
    }
}

/// A word of the shell that says `text`, whatever is in it; what a terminal would obey is shown.
fn quoted(text: &str) -> String {
    in_quotes(&sanitize::clean(text))
}

fn in_quotes(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The body in one line.
fn one_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut shown = String::with_capacity(text.len());
    escape(&text, &mut shown);
    shown
}

/// The body indented, its members in the order in which they are sent. What a terminal would obey is
/// written as JSON escapes, so that it stays the same JSON.
fn pretty(body: &[u8]) -> String {
    let text = serde_json::from_slice::<serde_json::Value>(body)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned());
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        if sanitize::clean(bare) == bare {
            shown.push_str(line);
        } else {
            escape(line, &mut shown);
        }
    }
    shown
}

fn escape(line: &str, shown: &mut String) {
    let (mut one, mut units) = ([0; 4], [0; 2]);
    for c in line.chars() {
        if c == '\n' || sanitize::clean(c.encode_utf8(&mut one)).starts_with(c) {
            shown.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut units) {
            shown.push_str(&format!("\\u{unit:04x}"));
        }
    }
}

/// Why a request cannot be made.
fn words(error: &AttemptError) -> String {
    match error {
        AttemptError::Request(message) => format!("the request cannot be made: {message}"),
        AttemptError::Connect { message, .. }
        | AttemptError::Insecure { message, .. }
        | AttemptError::NoKey { message, .. }
        | AttemptError::Protocol { message, .. } => message.clone(),
        AttemptError::Server(error) => error.message.clone(),
        AttemptError::Lost(message) => message.clone(),
        AttemptError::Http(_) | AttemptError::ConnectTimeout(_) => "the request cannot be made".to_owned(),
    }
}
