//! Reads a recording, whoever wrote it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use super::fields::{self, Asked};
use super::{RecordedAttempt, RecordedTurn, Recording, VERSION, base64};

/// What is wrong with a recording, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// Reads a recording. A last line that is cut is as if it were not there.
///
/// # Errors
/// The first line that is wrong.
pub fn parse(bytes: &[u8]) -> Result<Recording, Wrong> {
    let mut reader = Reader::default();
    let mut line = 0;
    let mut rest = bytes;
    while !rest.is_empty() {
        line += 1;
        let end = memchr::memchr(b'\n', rest);
        let (this, after) = rest.split_at(end.map_or(rest.len(), |at| at + 1));
        rest = after;
        if this.trim_ascii().is_empty() {
            continue;
        }
        let wrong = |what: String| Wrong { line, what };
        match serde_json::from_slice::<Value>(this) {
            Ok(Value::Object(members)) => reader.line(&members, line).map_err(wrong)?,
            Err(_) if end.is_none() && reader.has_begun() => {}
            Ok(_) | Err(_) if !reader.has_begun() => return Err(wrong(NO_RECORDING.to_owned())),
            Ok(_) => return Err(wrong("it is no JSON object".to_owned())),
            Err(error) => return Err(wrong(format!("it is no JSON object ({error})"))),
        }
    }
    reader.finish()
}

const NO_RECORDING: &str = "this is no recording (chatui writes one with --record FILE)";

/// What was read so far.
#[derive(Default)]
struct Reader {
    turns: BTreeMap<u64, Turn>,
    /// Where the attempt of a response is.
    responses: HashMap<u64, (u64, usize)>,
    last: Option<u64>,
    /// Stops of prompts whose head is yet to come, if it comes.
    early: HashMap<u64, (u32, Duration)>,
}

/// A turn whose head that says what it was told may be yet to come.
struct Turn {
    /// Of its first head.
    line: usize,
    asked: Option<Asked>,
    attempts: Vec<RecordedAttempt>,
    cancelled: Option<(u32, Duration)>,
}

impl Reader {
    fn has_begun(&self) -> bool {
        !self.responses.is_empty()
    }

    fn line(&mut self, members: &Map<String, Value>, line: usize) -> Result<(), String> {
        if let Some(version) = members.get("recording") {
            return self.head(version, members, line);
        }
        if members.get("cancelled") == Some(&Value::Bool(true)) {
            let at = (fields::small(members, "attempt")?, fields::time(members, "t_ms")?);
            let prompt = fields::count(members, "prompt")?;
            match self.turns.get_mut(&prompt) {
                Some(turn) => turn.cancelled = Some(at),
                None => drop(self.early.insert(prompt, at)),
            }
            return Ok(());
        }
        if !self.has_begun() {
            return Err(NO_RECORDING.to_owned());
        }
        let data = match (members.get("data"), members.get("data_b64")) {
            (Some(Value::String(text)), _) => Some(text.as_bytes().to_vec()),
            (None, Some(Value::String(text))) => {
                Some(base64::decode(text).ok_or("`data_b64` is no base64 text")?)
            }
            (None, None) => None,
            (Some(_), _) | (None, Some(_)) => return Err("its data is no text".into()),
        };
        if data.is_none() && !members.contains_key("end") {
            // Of a kind that is not known here.
            return Ok(());
        }
        let response = match members.get("r") {
            Some(_) => Some(fields::count(members, "r")?),
            None => self.last,
        };
        let place = response.and_then(|response| self.responses.get(&response));
        let attempt = place.and_then(|(prompt, at)| self.turns.get_mut(prompt)?.attempts.get_mut(*at));
        let attempt = attempt.ok_or("`r` is that of no line before")?;
        if attempt.end.is_some() {
            return Err("its response has ended before".into());
        }
        let after = fields::time(members, "t_ms")?;
        match data {
            Some(bytes) => attempt.chunks.push((after, bytes)),
            None => attempt.end = Some((after, fields::read_end(members)?)),
        }
        Ok(())
    }

    fn head(&mut self, version: &Value, members: &Map<String, Value>, line: usize) -> Result<(), String> {
        let version = version.as_u64().ok_or("`recording` is no version")?;
        if version > VERSION {
            return Err(format!(
                "a recording of version {version}; this chatui reads versions up to {VERSION}: a newer one is needed"
            ));
        }
        let head = fields::read_head(members)?;
        let asked = members.get("asked").map(Asked::read).transpose()?;
        let response = fields::count(members, "r")?;
        let prompt = head.prompt;
        let turn = self.turns.entry(prompt).or_insert_with(|| Turn {
            line,
            asked: None,
            attempts: Vec::new(),
            cancelled: self.early.remove(&prompt),
        });
        if self.responses.insert(response, (prompt, turn.attempts.len())).is_some() {
            return Err(format!("`r` {response} was there before"));
        }
        self.last = Some(response);
        if let Some(asked) = asked {
            turn.asked.get_or_insert(asked);
        }
        turn.attempts.push(RecordedAttempt { head, chunks: Vec::new(), end: None });
        Ok(())
    }

    fn finish(self) -> Result<Recording, Wrong> {
        if !self.has_begun() {
            let what = "the file is empty: nothing was recorded".to_owned();
            return Err(Wrong { line: 1, what });
        }
        let mut turns = Vec::with_capacity(self.turns.len());
        for turn in self.turns.into_values() {
            let what = || "`asked` is missing, here and in the other heads of its prompt".to_owned();
            let asked = turn.asked.ok_or_else(|| Wrong { line: turn.line, what: what() })?;
            // Of an attempt that was sent again with another key, what came last counts.
            let by_number: BTreeMap<u32, RecordedAttempt> =
                turn.attempts.into_iter().map(|attempt| (attempt.head.attempt, attempt)).collect();
            turns.push(RecordedTurn {
                asked,
                attempts: by_number.into_values().collect(),
                cancelled: turn.cancelled,
            });
        }
        Ok(Recording { turns })
    }
}
