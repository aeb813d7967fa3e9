//! `--dry-run`: the request as it would go out, with secrets as `***`.

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
    let wire = wire::encode(request, &provider, Quirks::default())
        .map_err(|error| Stop { text: format!("chatui: {error:?}"), code: exit::USAGE })?;
    let mut text = format!("POST {}\n", wire.url);
    for (name, value) in &wire.headers {
        let value = match value {
            HeaderValue::Plain(value) => value.clone(),
            HeaderValue::Secret { prefix, .. } => format!("{prefix}***"),
        };
        text.push_str(&format!("{name}: {value}\n"));
    }
    text.push('\n');
    text.push_str(&pretty(&wire.body));
    text.push('\n');
    Ok(text)
}

/// The body indented, its members in the order in which they are sent.
fn pretty(body: &[u8]) -> String {
    serde_json::from_slice::<serde_json::Value>(body)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned())
}
