//! Request parameters by name: from `[params]`, from a model's `params`, from `-o KEY=JSON` and `/set`.

use serde_json::Value;

use super::error::{Errors, shown};
use super::reader::Item;
use crate::chat::Params;

/// The names that `[params]` and `/set` take.
pub const NAMES: &[&str] = &["max_tokens", "temperature", "top_p", "stop", "seed", "n", "reasoning_effort"];

/// The most choices of one request; no server offers more.
pub const MOST_CHOICES: u32 = 128;

/// Members of the body that chatui itself writes; another value would break the conversation.
pub(super) fn is_reserved(name: &str) -> bool {
    matches!(name, "model" | "messages" | "stream")
}

/// Reads a table of parameters.
pub(super) fn read(item: &Item<'_>, errors: &mut Errors) -> Params {
    let mut params = Params::default();
    for item in errors.take(item.table()).unwrap_or_default() {
        match item.key() {
            "max_tokens" => {
                errors.fill(&mut params.max_tokens, item.integer(1..=i64::MAX).map(|n| n.unsigned_abs()));
            }
            "temperature" => errors.fill(&mut params.temperature, item.number(0.0..=f64::MAX)),
            "top_p" => errors.fill(&mut params.top_p, item.number(0.0..=1.0)),
            "stop" => errors.set(&mut params.stop, item.string_or_strings()),
            "seed" => errors.fill(&mut params.seed, item.integer(i64::MIN..=i64::MAX)),
            "n" => {
                let n = item.integer(1..=i64::from(MOST_CHOICES));
                errors.fill(&mut params.n, n.map(|n| u32::try_from(n).unwrap_or(1)));
            }
            "reasoning_effort" => errors.fill(&mut params.reasoning_effort, item.name()),
            _ => {
                let mut error = item.unknown(NAMES);
                error.message.push_str("; any other field goes into extra_body of a provider");
                errors.push(error);
            }
        }
    }
    params
}

/// Splits the `KEY=JSON` of `-o`.
///
/// # Errors
/// A sentence that shows how to quote.
pub fn option(text: &str) -> Result<(String, Value), String> {
    let Some((key, json)) = text.split_once('=').filter(|(key, _)| !key.trim().is_empty()) else {
        return Err("expected KEY=JSON, as -o top_k=40".to_owned());
    };
    let key = key.trim();
    if is_reserved(key) {
        return Err(format!("`{key}` is written by chatui itself (see -m, -s and --no-stream)"));
    }
    match serde_json::from_str(json) {
        Ok(value) => Ok((key.to_owned(), value)),
        Err(_) => {
            Err(format!("`{}` is no JSON; a text needs quotes of its own: -o '{key}=\"…\"'", shown(json)))
        }
    }
}

/// Sets one body field, by its name. A parameter with a type of its own is checked.
///
/// # Errors
/// A sentence that says what is allowed.
pub fn set(params: &mut Params, key: &str, value: Value) -> Result<(), String> {
    let number = |range: std::ops::RangeInclusive<f64>, allowed: &str| {
        value.as_f64().filter(|n| range.contains(n)).ok_or_else(|| format!("{key} must be {allowed}"))
    };
    match key {
        "max_tokens" => {
            let tokens = value.as_u64().filter(|n| *n > 0);
            params.max_tokens = Some(tokens.ok_or("max_tokens must be a whole number of 1 or more")?);
        }
        "temperature" => params.temperature = Some(number(0.0..=f64::MAX, "a number of 0 or more")?),
        "top_p" => params.top_p = Some(number(0.0..=1.0, "a number from 0 to 1")?),
        "stop" => params.stop = stops(&value).ok_or("stop must be a text or a list of texts")?,
        "seed" => params.seed = Some(value.as_i64().ok_or("seed must be a whole number")?),
        "n" => {
            let n = value.as_u64().and_then(|n| u32::try_from(n).ok());
            let n = n.filter(|n| (1..=MOST_CHOICES).contains(n));
            params.n = Some(n.ok_or_else(|| format!("n must be a whole number from 1 to {MOST_CHOICES}"))?);
        }
        "reasoning_effort" => {
            let effort = value.as_str().filter(|effort| !effort.is_empty());
            params.reasoning_effort = Some(effort.ok_or("reasoning_effort must be a word")?.to_owned());
        }
        _ => {
            params.extra.insert(key.to_owned(), value);
        }
    }
    Ok(())
}

fn stops(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}
