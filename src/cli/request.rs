//! `--dry-run`: the request as it would go out, with secrets as `***`.

use crate::base::secret::REDACTED;
use crate::base::{Secret, sanitize};
use crate::chat::error::AttemptError;
use crate::chat::provider::KeyFrom;
use crate::chat::{ChatRequest, Provider, Quirks};
use crate::config;
use crate::wire::{self, HeaderValue};

use super::args::Stop;
use super::exit;

/// The text of a dry run.
///
/// # Errors
/// The request cannot be made.
pub fn shown(request: &ChatRequest, provider: &Provider) -> Result<String, Stop> {
    let mut provider = provider.clone();
    if provider.name == config::DEMO && provider.base_url.is_empty() {
        // The demo's port is known once its server runs, which a dry run does not need.
        provider.base_url = "http://127.0.0.1:0/v1".to_owned();
    }
    if provider.key_from != KeyFrom::Given {
        // Nothing is fetched for what is not sent; it would be hidden anyway.
        provider.key = Some(Secret::new(REDACTED));
    }
    let wire = wire::encode(request, &provider, Quirks::default())
        .map_err(|error| Stop { text: format!("chatui: {}", words(&error)), code: exit::USAGE })?;
    let mut text = format!("POST {}\n", sanitize::clean(&wire.url));
    for (name, value) in &wire.headers {
        let value = match value {
            HeaderValue::Plain(value) => value.clone(),
            HeaderValue::Secret { prefix, .. } => format!("{prefix}***"),
        };
        text.push_str(&sanitize::clean(&format!("{name}: {value}")));
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&pretty(&wire.body));
    text.push('\n');
    Ok(text)
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
