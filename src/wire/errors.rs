//! What error answers say, in whatever shape they come: bodies, codes, headers.
//!
//! One reader, [`Said`], serves answers with an error status and errors in band. Everything here is
//! total: any body gives some message, bounded, and never markup. Whether to try again is not decided
//! here.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use super::json;
use super::refused::refused;
use crate::chat::error::{HttpFailure, ServerError};

/// The most characters of a message.
const MESSAGE_CHARS: usize = 2000;
/// The most characters of a page's title.
const TITLE_CHARS: usize = 200;
/// Where in a page a title is looked for.
const TITLE_WITHIN: usize = 64 << 10;

/// Codes and types that mean: no money, and asking again does not help.
const QUOTA_CODES: [&str; 9] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "enforced_spend_limit_reached",
    "billing_error",
    "billing_not_active",
    "billing_hard_limit_reached",
    "insufficient_balance",
    "insufficient_credits",
    "payment_required",
];

/// What an HTTP error answer says. `headers` have lower-case names; `now_ms` is the time since 1970,
/// for `Retry-After` as a date.
pub fn http_failure(status: u16, headers: &[(String, String)], body: &[u8], now_ms: i64) -> HttpFailure {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    let json = parse(text);
    let said = json.as_ref().map(Said::new);
    let message = match &said {
        Some(said) => said.message(),
        None => plain_message(text),
    };
    let codes = said.as_ref().map_or(&[][..], |said| &said.codes);
    HttpFailure {
        status,
        retry_after: retry_after(headers, now_ms),
        should_retry: header(headers, "x-should-retry").and_then(|value| match value {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }),
        request_id: request_id(headers)
            .or_else(|| said.as_ref().and_then(|said| said.request_id.map(str::to_owned))),
        refused: refused(status, &message, said.as_ref()),
        location: header(headers, "location").map(str::to_owned),
        quota: status == 402 || is_quota(codes, &message),
        code: codes.first().map(|code| shorten(code, TITLE_CHARS)),
        message,
    }
}

/// Whether an error says that the quota or the credit is used up.
fn is_quota(codes: &[&str], message: &str) -> bool {
    codes.iter().any(|code| QUOTA_CODES.contains(&code.to_ascii_lowercase().as_str()))
        || message.contains("credit balance is too low")
}

/// The id under which the server's operator finds the request.
pub fn request_id(headers: &[(String, String)]) -> Option<String> {
    const NAMES: [&str; 6] =
        ["x-request-id", "request-id", "apim-request-id", "x-ms-request-id", "x-generation-id", "cf-ray"];
    NAMES.iter().find_map(|name| header(headers, name)).map(|id| shorten(id, TITLE_CHARS))
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
        .filter(|value| !value.is_empty())
}

fn retry_after(headers: &[(String, String)], now_ms: i64) -> Option<Duration> {
    let number = |name| header(headers, name)?.parse::<f64>().ok();
    let milliseconds = number("retry-after-ms").or_else(|| number("x-ms-retry-after-ms"));
    if let Some(wait) = milliseconds.and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok()) {
        return Some(wait);
    }
    if let Some(seconds) = number("retry-after") {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = |name| httpdate::parse_http_date(header(headers, name)?).ok()?.duration_since(UNIX_EPOCH).ok();
    // By the server's own clock where it tells it: this machine's may be wrong.
    let now = date("date").unwrap_or(Duration::from_millis(now_ms.max(0).unsigned_abs()));
    Some(date("retry-after")?.saturating_sub(now))
}

/// The JSON of a body; an error may also come as an event stream.
fn parse(text: &str) -> Option<Value> {
    let json = |text: &str| parsed(text).filter(|value| value.is_object() || value.is_array());
    json(text).or_else(|| text.lines().filter_map(|line| line.strip_prefix("data:")).find_map(json))
}

fn parsed(text: &str) -> Option<Value> {
    if json::is_modest(text) { serde_json::from_str(text).ok() } else { None }
}

fn plain_message(text: &str) -> String {
    if !text.starts_with('<') {
        return shorten(text, MESSAGE_CHARS);
    }
    page_title(text.as_bytes())
        .map_or_else(|| "a web page without a title".into(), |title| format!("a web page: {title}"))
}

/// The title of an HTML page, or its first heading.
pub(super) fn page_title(page: &[u8]) -> Option<String> {
    let page = String::from_utf8_lossy(&page[..page.len().min(TITLE_WITHIN)]);
    // Lower-casing ASCII keeps the offsets.
    let lower = page.to_ascii_lowercase();
    ["title", "h1"].into_iter().find_map(|tag| {
        let open = lower.find(&format!("<{tag}"))?;
        let start = open + lower[open..].find('>')? + 1;
        let end = start + lower[start..].find('<')?;
        let text = page[start..end]
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&nbsp;", " ")
            .replace("&amp;", "&");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        (!text.is_empty()).then(|| shorten(&text, TITLE_CHARS))
    })
}

/// At most `chars` characters of `text`, with a mark where some are missing.
pub(super) fn shorten(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Whether the member `error` holds one: `null`, `false`, `{}`, `[]` and `""` are none.
pub(super) fn is_error(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

/// An error in band: the object that holds it, or the bare error.
pub(super) fn server_error(value: &Value) -> ServerError {
    let said = Said::new(value);
    let message = match said.message() {
        empty if empty.is_empty() => "the server reports an error without a message".into(),
        message => message,
    };
    ServerError {
        quota: said.status == Some(402) || is_quota(&said.codes, &message),
        message,
        status: said.status,
        code: said.codes.first().map(|code| shorten(code, TITLE_CHARS)),
        request_id: said.request_id.map(|id| shorten(id, TITLE_CHARS)),
    }
}

/// One entry of a list of validation errors.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    /// The path of what is wrong, without `body`.
    pub(super) path: String,
    pub(super) message: String,
    pub(super) kind: String,
}

/// What the JSON of an error says.
#[derive(Debug)]
pub(super) struct Said<'a> {
    text: String,
    /// Codes and types, the most telling first.
    pub(super) codes: Vec<&'a str>,
    /// The parameter that is wrong, as OpenAI names it.
    pub(super) param: Option<&'a str>,
    /// Validation errors, as FastAPI and Azure list them.
    pub(super) complaints: Vec<Complaint>,
    cause: Option<String>,
    blocked: Vec<&'a str>,
    status: Option<u16>,
    request_id: Option<&'a str>,
}

impl<'a> Said<'a> {
    pub(super) fn new(value: &'a Value) -> Self {
        let top = value.as_array().and_then(|items| items.first()).unwrap_or(value);
        let error = top.get("error").filter(|error| error.is_object()).unwrap_or(top);
        let complaints =
            [error.get("detail"), top.get("detail"), top.get("message").and_then(|m| m.get("detail"))]
                .into_iter()
                // Azure's gateway.
                .chain([error.get("details"), top.get("details")])
                .flatten()
                .map(complaints_of)
                .find(|list| !list.is_empty())
                .unwrap_or_default();
        let inner = error.get("innererror").or_else(|| error.get("inner_error"));
        Said {
            text: text_of(top, error, &complaints),
            codes: codes_of(top, error),
            param: error.get("param").and_then(Value::as_str).filter(|param| !param.is_empty()),
            complaints,
            cause: error.pointer("/metadata/raw").and_then(cause_of),
            blocked: inner
                .and_then(|inner| {
                    inner.get("content_filter_result").or_else(|| inner.get("content_filter_results"))
                })
                .or_else(|| error.get("content_filter_result"))
                .and_then(Value::as_object)
                .map(|categories| {
                    categories
                        .iter()
                        .filter(|(_, verdict)| verdict.get("filtered") == Some(&Value::Bool(true)))
                        .map(|(name, _)| name.as_str())
                        .collect()
                })
                .unwrap_or_default(),
            status: [error.get("code"), top.get("code"), error.get("status"), top.get("status")]
                .into_iter()
                .flatten()
                .find_map(http_status),
            request_id: [top.get("request_id"), error.get("request_id")]
                .into_iter()
                .flatten()
                .find_map(Value::as_str),
        }
    }

    /// The message with what else helps, bounded.
    pub(super) fn message(&self) -> String {
        let mut message = shorten(self.text.trim(), MESSAGE_CHARS);
        if let Some(cause) = self.cause.as_deref().filter(|cause| !message.contains(*cause)) {
            message.push_str(&format!(" (cause: {cause})"));
        }
        if let Some(param) = self.param.filter(|param| !message.contains(*param)) {
            message.push_str(&format!(" (parameter: {param})"));
        }
        if !self.blocked.is_empty() {
            message.push_str(&format!(" (blocked: {})", self.blocked.join(", ").replace('_', " ")));
        }
        shorten(&message, MESSAGE_CHARS)
    }
}

fn text_of(top: &Value, error: &Value, complaints: &[Complaint]) -> String {
    let string = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let listed = || {
        let list: Vec<String> = complaints
            .iter()
            .take(8)
            .map(|complaint| match complaint.path.as_str() {
                "" => complaint.message.clone(),
                path => format!("{path}: {}", complaint.message),
            })
            .filter(|line| !line.is_empty())
            .collect();
        (!list.is_empty()).then(|| list.join("; "))
    };
    string(error.get("message"))
        .filter(|text| !text.is_empty())
        .map(|text| match complaints.first().filter(|complaint| !complaint.path.is_empty()) {
            Some(complaint) if !text.contains(&complaint.path) => format!("{text} ({})", complaint.path),
            _ => text,
        })
        .or_else(|| string(top.get("error")).filter(|text| !text.is_empty()))
        .or_else(|| string(top.get("message")))
        .or_else(|| string(top.pointer("/message/detail")))
        .or_else(|| string(error.get("detail")))
        .or_else(|| string(top.get("detail")))
        .or_else(listed)
        .unwrap_or_else(|| match error {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
}

fn codes_of<'a>(top: &'a Value, error: &'a Value) -> Vec<&'a str> {
    let detail = top.get("detail").map(|detail| detail.get(0).unwrap_or(detail));
    [
        error.get("code"),
        error.get("type"),
        error.get("status"),
        top.get("code"),
        top.get("type"),
        detail.and_then(|detail| detail.get("type")),
    ]
    .into_iter()
    .flatten()
    .filter_map(Value::as_str)
    .filter(|code| *code != "error" && code.bytes().any(|b| b.is_ascii_alphabetic()))
    .collect()
}

fn complaints_of(detail: &Value) -> Vec<Complaint> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let one = |item: &Value| {
        let path: Vec<String> = item
            .get("loc")
            .and_then(Value::as_array)?
            .iter()
            .take(16)
            .map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned))
            .filter(|step| step != "body")
            .collect();
        Some(Complaint { path: path.join("."), message: text(item.get("msg")), kind: text(item.get("type")) })
    };
    match detail {
        Value::Array(items) => items.iter().take(64).filter_map(one).collect(),
        Value::Object(_) => one(detail).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// OpenRouter's `raw`: JSON in a string, where the provider behind it says what is the matter.
fn cause_of(raw: &Value) -> Option<String> {
    let cause = match raw {
        Value::String(text) => match parsed(text) {
            Some(json) if json.is_object() || json.is_array() => plain_text(&json),
            _ => text.trim().to_owned(),
        },
        Value::Null => return None,
        other => plain_text(other),
    };
    (!cause.is_empty()).then(|| shorten(&cause, MESSAGE_CHARS / 2))
}

fn plain_text(value: &Value) -> String {
    let top = value.as_array().and_then(|items| items.first()).unwrap_or(value);
    let error = top.get("error").filter(|error| error.is_object()).unwrap_or(top);
    text_of(top, error, &[])
}

fn http_status(code: &Value) -> Option<u16> {
    let number = code.as_u64().or_else(|| code.as_str()?.parse().ok())?;
    u16::try_from(number).ok().filter(|status| (400..600).contains(status))
}

#[cfg(test)]
mod tests;
