//! The members of lines: what each value is called, and how it is read back.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{End, Head, VERSION};
use crate::base::sanitize;
use crate::chat::error::{AttemptError, HttpFailure, ServerError};
use crate::chat::retry::{RetryPolicy, Timeouts};
use crate::chat::turn::MAX_CHOICES;
use crate::chat::{Dialect, Quirks};

/// The longest time: a hundred years.
const MAX_MS: f64 = 36_525.0 * 86_400_000.0;
/// The longest name that is believed.
const MAX_NAME: usize = 1 << 10;
/// The most retries that are believed.
const MAX_RETRIES: u64 = 1_000;

type Members = Map<String, Value>;

/// What a turn was told to do, as far as its replay needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The provider's name.
    pub provider: String,
    /// Where its key was looked for, for messages.
    pub key_source: String,
    /// The model.
    pub model: String,
    /// How many choices.
    pub choices: u32,
    /// Whether the answer was to stream.
    pub stream: bool,
    /// A text was to be gone on with as it stands.
    pub raw: bool,
    /// The names of fields that the person set freely: these are never dropped.
    pub free: Vec<String>,
    /// What was known that the endpoint refuses.
    pub quirks: Quirks,
    /// When to try again.
    pub retry: RetryPolicy,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// The seed of the back-off's jitter.
    pub seed: u64,
}

/// A time in milliseconds, to the microsecond.
pub(super) fn millis(time: Duration) -> Value {
    json!((time.as_micros() as f64 / 1e3).min(MAX_MS))
}

pub(super) fn head(response: u64, head: &Head, asked: Option<&Asked>) -> Members {
    let headers: Members =
        head.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let mut members = Members::new();
    let mut put = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
    put("recording", VERSION.into());
    put("r", response.into());
    put("prompt", head.prompt.into());
    put("round", head.round.into());
    put("attempt", head.attempt.into());
    put("choice", json!(head.choice));
    put("dialect", head.dialect.name().into());
    put("status", json!(head.status));
    put("headers", headers.into());
    put("at_ms", head.at_ms.into());
    put("head_ms", millis(head.after));
    if let Some(asked) = asked {
        put("asked", asked.members());
    }
    members
}

/// The head that `members` hold; the error is what is wrong with them.
pub(super) fn read_head(members: &Members) -> Result<Head, String> {
    let dialect = text(members, "dialect")?;
    let status = match members.get("status") {
        None | Some(Value::Null) => None,
        Some(status) => Some(status.as_u64().and_then(|n| u16::try_from(n).ok()).ok_or("`status` is none")?),
    };
    let headers = match members.get("headers") {
        Some(Value::Object(headers)) => headers
            .iter()
            .filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?.to_owned())))
            .collect(),
        _ => Vec::new(),
    };
    Ok(Head {
        prompt: count(members, "prompt")?,
        round: small(members, "round")?,
        attempt: small(members, "attempt")?,
        choice: match members.get("choice") {
            None | Some(Value::Null) => None,
            Some(_) => Some(small(members, "choice")?),
        },
        dialect: Dialect::parse(dialect)
            .ok_or_else(|| format!("the dialect `{}` is not known", shown(dialect)))?,
        status,
        headers,
        at_ms: members.get("at_ms").and_then(Value::as_i64).unwrap_or(0),
        after: time(members, "head_ms")?,
    })
}

impl Asked {
    fn members(&self) -> Value {
        let Quirks { no_stream_options, other_max_tokens, no_stream, no_n, no_websocket } = self.quirks;
        let quirks = [
            ("no_stream_options", no_stream_options),
            ("other_max_tokens", other_max_tokens),
            ("no_stream", no_stream),
            ("no_n", no_n),
            ("no_websocket", no_websocket),
        ];
        let quirks: Vec<&str> =
            quirks.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect();
        json!({
            "provider": self.provider, "key_source": self.key_source, "model": self.model,
            "choices": self.choices, "stream": self.stream, "raw": self.raw, "free": self.free, "quirks": quirks,
            "retry": {
                "max": self.retry.max, "base_ms": millis(self.retry.base),
                "cap_ms": millis(self.retry.cap), "max_wait_ms": millis(self.retry.max_wait),
            },
            "timeouts": {
                "connect_ms": millis(self.timeouts.connect), "first_ms": millis(self.timeouts.first),
                "chunk_ms": millis(self.timeouts.chunk), "total_ms": millis(self.timeouts.total),
            },
            "seed": self.seed,
        })
    }

    /// What a head's `asked` says; the error is what is wrong with it.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        let Value::Object(members) = value else { return Err("`asked` is no object".into()) };
        let names = |name: &str| -> Vec<&str> {
            let list = members.get(name).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).collect()
        };
        let quirks = names("quirks");
        let knows = |name: &str| quirks.contains(&name);
        let part = |name: &str| match members.get(name) {
            Some(Value::Object(members)) => Ok(members),
            _ => Err(format!("`{name}` is missing")),
        };
        let (retry, timeouts) = (part("retry")?, part("timeouts")?);
        let name = |name: &str| text(members, name).map(shown);
        Ok(Self {
            provider: name("provider")?,
            key_source: name("key_source").unwrap_or_default(),
            model: name("model")?,
            choices: small(members, "choices")?.clamp(1, MAX_CHOICES),
            stream: members.get("stream").and_then(Value::as_bool).unwrap_or(true),
            raw: members.get("raw").and_then(Value::as_bool).unwrap_or(false),
            free: names("free").into_iter().map(str::to_owned).collect(),
            quirks: Quirks {
                no_stream_options: knows("no_stream_options"),
                other_max_tokens: knows("other_max_tokens"),
                no_stream: knows("no_stream"),
                no_n: knows("no_n"),
                no_websocket: knows("no_websocket"),
            },
            retry: RetryPolicy {
                max: count(retry, "max")?.min(MAX_RETRIES) as u32,
                base: time(retry, "base_ms")?,
                cap: time(retry, "cap_ms")?,
                max_wait: time(retry, "max_wait_ms")?,
            },
            timeouts: Timeouts {
                connect: time(timeouts, "connect_ms")?,
                first: time(timeouts, "first_ms")?,
                chunk: time(timeouts, "chunk_ms")?,
                total: time(timeouts, "total_ms")?,
            },
            seed: members.get("seed").and_then(Value::as_u64).unwrap_or(0),
        })
    }
}

pub(super) fn end(end: &End, members: &mut Members) {
    let word = match end {
        End::Ended => "ended",
        End::Lost(_) => "lost",
        End::Dropped => "dropped",
    };
    members.insert("end".into(), word.into());
    if let End::Lost(error) = end {
        members.insert("error".into(), error_members(error));
    }
}

/// The end that `members` hold.
pub(super) fn read_end(members: &Members) -> Result<End, String> {
    match text(members, "end")? {
        "ended" => Ok(End::Ended),
        "dropped" => Ok(End::Dropped),
        "lost" => Ok(End::Lost(read_error(members.get("error")))),
        other => Err(format!("`{}` is no end: ended, lost or dropped", shown(other))),
    }
}

fn error_members(error: &AttemptError) -> Value {
    let said =
        |kind: &str, message: &str, hint: &str| json!({"kind": kind, "message": message, "hint": hint});
    match error {
        AttemptError::ConnectTimeout(limit) => json!({"kind": "connect_timeout", "limit_ms": millis(*limit)}),
        AttemptError::Connect { message, hint } => said("connect", message, hint),
        AttemptError::Insecure { message, hint } => said("insecure", message, hint),
        AttemptError::Lost(message) => json!({"kind": "lost", "message": message}),
        AttemptError::Http(failure) => {
            json!({"kind": "http", "status": failure.status, "message": failure.message})
        }
        AttemptError::Protocol { message, hint } => said("protocol", message, hint),
        AttemptError::Server(error) => json!({
            "kind": "server", "message": error.message, "status": error.status, "code": error.code,
            "request_id": error.request_id, "quota": error.quota,
        }),
        AttemptError::Request(message) => json!({"kind": "request", "message": message}),
        AttemptError::NoKey { message, hint } => said("no_key", message, hint),
    }
}

/// What an `error` says; one that says nothing is a lost connection.
fn read_error(value: Option<&Value>) -> AttemptError {
    let text =
        |name: &str| value.and_then(|value| value.get(name)).and_then(Value::as_str).map(str::to_owned);
    let status = value
        .and_then(|value| value.get("status"))
        .and_then(Value::as_u64)
        .and_then(|status| u16::try_from(status).ok());
    let (message, hint) = (text("message").unwrap_or_default(), text("hint").unwrap_or_default());
    match text("kind").as_deref() {
        Some("connect_timeout") => {
            let limit = value.and_then(Value::as_object).map(|members| time(members, "limit_ms"));
            AttemptError::ConnectTimeout(limit.and_then(Result::ok).unwrap_or_default())
        }
        Some("connect") => AttemptError::Connect { message, hint },
        Some("insecure") => AttemptError::Insecure { message, hint },
        Some("protocol") => AttemptError::Protocol { message, hint },
        Some("no_key") => AttemptError::NoKey { message, hint },
        Some("request") => AttemptError::Request(message),
        Some("http") => {
            let status = status.unwrap_or(0);
            AttemptError::Http(HttpFailure { status, message, ..HttpFailure::default() })
        }
        Some("server") => AttemptError::Server(ServerError {
            message,
            status,
            code: text("code"),
            request_id: text("request_id"),
            quota: value.and_then(|value| value.get("quota")).and_then(Value::as_bool).unwrap_or(false),
        }),
        _ => AttemptError::Lost(message),
    }
}

pub(super) fn text<'m>(members: &'m Members, name: &str) -> Result<&'m str, String> {
    members.get(name).and_then(Value::as_str).ok_or_else(|| format!("`{name}` is missing"))
}

pub(super) fn count(members: &Members, name: &str) -> Result<u64, String> {
    members.get(name).and_then(Value::as_u64).ok_or_else(|| format!("`{name}` is no number from 0"))
}

pub(super) fn small(members: &Members, name: &str) -> Result<u32, String> {
    u32::try_from(count(members, name)?).map_err(|_| format!("`{name}` is too large"))
}

pub(super) fn time(members: &Members, name: &str) -> Result<Duration, String> {
    let ms = members.get(name).and_then(Value::as_f64).filter(|ms| (0.0..=MAX_MS).contains(ms));
    let ms = ms.ok_or_else(|| format!("`{name}` is no time in milliseconds"))?;
    Ok(Duration::from_micros((ms * 1e3).round() as u64))
}

/// A name as it may be shown.
fn shown(name: &str) -> String {
    let end = name.char_indices().map(|(at, _)| at).find(|at| *at >= MAX_NAME).unwrap_or(name.len());
    sanitize::clean(&name[..end]).into_owned()
}
