//! Recordings: the answers of a run as they came, with their times, one JSON object a line.
//!
//! A *head* line begins each response (or tells of an attempt that got none), a *chunk* line holds bytes
//! of its body after content decoding, an *end* line says how it ended for us. A chunk or end line
//! belongs to the response whose head came last; one of another says `r`, the number of its head. So
//! answers that came side by side lie in one file, in the order in which they came. Times are in
//! milliseconds since the attempt was sent, to the microsecond. `docs/recordings.md` lists the members.
//!
//! [`Writer`] makes the lines, [`parse`] reads them, whoever wrote them: a file that is cut ends where it
//! is cut. [`Scrub`] keeps secrets out of the bytes. What a turn was told to do goes with its first head
//! ([`Asked`]), so that its waits and retries are the same in a replay. Nothing here opens a file.

mod base64;
mod fields;
mod parse;
mod scrub;
#[cfg(test)]
mod tests;
mod values;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::base::secret::REDACTED;
use crate::base::{Id, Secret, Secrets};
use crate::chat::error::AttemptError;
use crate::chat::turn::TurnPlan;
use crate::chat::{ChatRequest, Dialect, Message, Params, Part, Provider, Timestamp};

pub use fields::Asked;
pub use parse::{Wrong, parse};
pub use scrub::Scrub;

/// The version of the format that is written, and the newest that is read.
pub const VERSION: u64 = 1;

/// The beginning of a response, or of an attempt that got none.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// The prompt of the run: 0, 1, …
    pub prompt: u64,
    /// The round of tools within the turn.
    pub round: u32,
    /// The attempt within the turn: 0, 1, …
    pub attempt: u32,
    /// The one choice that the attempt was for, where choices are attempts side by side.
    pub choice: Option<u32>,
    /// What the body is in.
    pub dialect: Dialect,
    /// The HTTP status; `None`: there was no answer.
    pub status: Option<u16>,
    /// The headers, names in lower case, each once.
    pub headers: Vec<(String, String)>,
    /// Milliseconds since 1970 when the head came: dates in headers are told from it.
    pub at_ms: i64,
    /// When the head came.
    pub after: Duration,
}

/// How a response ended for us.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// In order: the body ended, its end mark came, or no more was waited for.
    Ended,
    /// The connection or the body failed.
    Lost(AttemptError),
    /// We dropped it: a time-out, the person, or bytes that could not be read.
    Dropped,
}

/// A line of a recording.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// A response, by its number in the file; with what the turn was told to do, once for each turn.
    Head(u64, Box<Head>, Option<Box<Asked>>),
    /// Bytes of the body of that response.
    Chunk(u64, Duration, Vec<u8>),
    /// The end of that response.
    End(u64, Duration, End),
    /// The turn of a prompt was stopped, so long after one of its attempts was sent.
    Cancelled {
        /// The prompt.
        prompt: u64,
        /// The attempt that was sent last.
        attempt: u32,
        /// How long after it.
        after: Duration,
    },
}

/// All that was recorded of a run.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Recording {
    /// Its turns, by prompt.
    pub turns: Vec<RecordedTurn>,
}

/// All that was recorded of one turn.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedTurn {
    /// What it was told to do.
    pub asked: Asked,
    /// Its attempts, by number.
    pub attempts: Vec<RecordedAttempt>,
    /// That it was stopped: so long after this attempt was sent.
    pub cancelled: Option<(u32, Duration)>,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedAttempt {
    /// Its beginning.
    pub head: Head,
    /// The body, each piece with the time when it came.
    pub chunks: Vec<(Duration, Vec<u8>)>,
    /// Its end; `None`: the recording was cut before it.
    pub end: Option<(Duration, End)>,
}

/// Makes lines.
#[derive(Debug, Default)]
pub struct Writer {
    /// The response whose head was written last.
    last: Option<u64>,
}

impl Writer {
    /// Appends `line` with its line feed.
    pub fn write(&mut self, line: &Line, out: &mut Vec<u8>) {
        let members = match line {
            Line::Head(response, head, asked) => {
                self.last = Some(*response);
                fields::head(*response, head, asked.as_deref())
            }
            Line::Chunk(response, after, bytes) => {
                let mut members = self.of(*response, *after);
                match std::str::from_utf8(bytes) {
                    Ok(text) => members.insert("data".into(), text.into()),
                    Err(_) => members.insert("data_b64".into(), base64::encode(bytes).into()),
                };
                members
            }
            Line::End(response, after, end) => {
                let mut members = self.of(*response, *after);
                fields::end(end, &mut members);
                members
            }
            Line::Cancelled { prompt, attempt, after } => {
                let mut members = Map::new();
                members.insert("cancelled".into(), true.into());
                members.insert("prompt".into(), (*prompt).into());
                members.insert("attempt".into(), (*attempt).into());
                members.insert("t_ms".into(), fields::millis(*after));
                members
            }
        };
        out.extend_from_slice(json!(members).to_string().as_bytes());
        out.push(b'\n');
    }

    /// The members that say of which response a line is, and when it came.
    fn of(&self, response: u64, after: Duration) -> Map<String, Value> {
        let mut members = Map::new();
        if self.last != Some(response) {
            members.insert("r".into(), response.into());
        }
        members.insert("t_ms".into(), fields::millis(after));
        members
    }
}

impl Asked {
    /// What `plan` is, less what could only be known with its secrets.
    pub fn of(plan: &TurnPlan, secrets: &Secrets) -> Self {
        let clean = |text: &str| secrets.redact(text).into_owned();
        Self {
            provider: clean(&plan.provider),
            key_source: clean(&plan.key_source),
            model: clean(&plan.request.model),
            choices: plan.choices(),
            stream: plan.request.stream,
            raw: plan.request.raw_text().is_some(),
            // An `n` of the configuration's is no number of choices, as one of the prompt's is.
            free: { plan.request.params.extra.keys() }
                .chain(plan.own_fields.iter().filter(|name| *name != "n"))
                .map(|key| clean(key))
                .collect(),
            quirks: plan.quirks,
            retry: plan.retry,
            timeouts: plan.timeouts,
            seed: plan.seed,
        }
    }
}

impl RecordedTurn {
    /// The provider that was asked, as far as it is known: it has no address and needs no key.
    pub fn provider(&self) -> Provider {
        let dialect = self.attempts.first().map_or(Dialect::OpenAiChat, |attempt| attempt.head.dialect);
        let provider = Provider::new(self.asked.provider.clone(), dialect, String::new());
        // Where a key was sent, what is said of it is said again.
        let key_source = self.asked.key_source.clone();
        let key = (!key_source.is_empty()).then(|| Secret::new(REDACTED));
        Provider { key, key_source, ..provider }
    }

    /// The plan of the recorded turn, with no message in it but an empty raw prompt: nothing is sent.
    pub fn plan(&self) -> TurnPlan {
        let asked = &self.asked;
        let free = asked.free.iter().map(|name| (name.clone(), Value::Null));
        let n = (asked.choices > 1).then_some(asked.choices);
        let request = ChatRequest {
            model: asked.model.clone(),
            system: String::new(),
            messages: asked.raw.then(raw_prompt).into_iter().collect(),
            params: Params { n, extra: free.collect(), ..Params::default() },
            stream: asked.stream,
        };
        TurnPlan {
            retry: asked.retry,
            timeouts: asked.timeouts,
            quirks: asked.quirks,
            ..TurnPlan::new(Arc::new(request), &self.provider(), asked.seed)
        }
    }
}

/// What stands for a raw prompt: that it was one matters to how the answer is read.
fn raw_prompt() -> Message {
    let prompt = Message::user(Id::from_bits(0), None, "", Timestamp(0));
    Message { parts: vec![Part::RawPrompt(String::new())], ..prompt }
}

/// The headers that may be recorded, with secrets as `***`. Several of one name become one.
pub fn headers(all: &[(String, String)], secrets: &Secrets) -> Vec<(String, String)> {
    let mut kept: Vec<(String, String)> = Vec::with_capacity(all.len());
    for (name, value) in all.iter().filter(|(name, _)| !holds_secret(name)) {
        let (name, value) = (secrets.redact(name), secrets.redact(value));
        match kept.iter_mut().find(|(other, _)| *other == name) {
            Some((_, values)) => {
                values.push_str(", ");
                values.push_str(&value);
            }
            None => kept.push((name.into_owned(), value.into_owned())),
        }
    }
    kept
}

/// Whether a header of this name is likely to hold something that lets others in.
fn holds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = ["cookie", "authorization", "authentication", "api-key", "apikey", "secret", "password"];
    name.ends_with("token") || words.iter().any(|word| name.contains(word))
}

/// `error` with secrets in its words as `***`.
pub fn clean_error(mut error: AttemptError, secrets: &Secrets) -> AttemptError {
    let clean = |text: &mut String| *text = secrets.redact(text).into_owned();
    match &mut error {
        AttemptError::ConnectTimeout(_) => {}
        AttemptError::Connect { message, hint }
        | AttemptError::Insecure { message, hint }
        | AttemptError::Protocol { message, hint }
        | AttemptError::NoKey { message, hint } => {
            clean(message);
            clean(hint);
        }
        AttemptError::Lost(message) | AttemptError::Request(message) => clean(message),
        AttemptError::Http(failure) => clean(&mut failure.message),
        AttemptError::Server(error) => {
            clean(&mut error.message);
            error.code.iter_mut().chain(&mut error.request_id).for_each(clean);
        }
    }
    error
}
