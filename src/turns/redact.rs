//! Keeps configured secrets out of what a server says: each becomes `***` before it is shown or saved.
//!
//! A server may spell a secret out over several deltas, other texts between them. What may be the
//! beginning of one is held back until its text goes on or ends, but no sooner than four bytes of it stand
//! there ([`Tail`]): nearly no other text does, so no token waits. Of a secret that is spelled out, the
//! first three bytes may be seen.
//! What else a server says is looked at as a whole.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::base::Secrets;
use crate::base::secret::{REDACTED, Tail};
use crate::chat::{StreamEvent, TurnError, TurnEvent};

/// Cleans the events of one turn.
#[derive(Debug, Default)]
pub(super) struct Redactor {
    tails: BTreeMap<Source, Tail>,
}

/// A text that grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    choice: u32,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Text,
    Reasoning,
    Refusal,
    /// Arguments of the call of this index.
    Arguments(u32),
}

impl Redactor {
    /// Hands the event to `emit`, cleaned; and first what was held back and is no secret.
    pub(super) fn pass(&mut self, secrets: &Secrets, mut event: TurnEvent, emit: &mut dyn FnMut(TurnEvent)) {
        match &mut event {
            TurnEvent::Stream(stream) => match grown(stream) {
                Some((source, delta)) => {
                    // What else grows beside it is no end of it: reasoning and text may take turns.
                    *delta = grow(self.tails.entry(source).or_default(), secrets, delta);
                    redact_words(secrets, stream);
                }
                None => {
                    if let StreamEvent::Finish { choice, .. } = stream {
                        let choice = *choice;
                        self.release(|other| other.choice == choice, emit);
                    }
                    redact_stream(secrets, stream);
                }
            },
            TurnEvent::Retry { reason, .. } => text(secrets, reason),
            TurnEvent::Error(error) => {
                self.release(|_| true, emit);
                redact_error(secrets, error);
            }
            TurnEvent::Done(done) => {
                self.release(|_| true, emit);
                for choice in &mut done.choices {
                    if let Some(error) = &mut choice.error {
                        redact_error(secrets, error);
                    }
                    if let Some(finish) = &mut choice.finish {
                        text(secrets, &mut finish.raw);
                    }
                }
            }
            TurnEvent::Sent { .. } => {}
        }
        emit(event);
    }

    /// Passes on what is held back of these texts: they go no further.
    fn release(&mut self, which: impl Fn(Source) -> bool, emit: &mut dyn FnMut(TurnEvent)) {
        if self.tails.is_empty() {
            return;
        }
        self.tails.retain(|source, tail| {
            if !which(*source) {
                return true;
            }
            if !tail.held().is_empty() {
                emit(TurnEvent::Stream(source.event(tail.held().to_owned())));
            }
            false
        });
    }
}

/// Takes in what came; gives what may be passed on of it.
fn grow(tail: &mut Tail, secrets: &Secrets, delta: &str) -> String {
    let grown = tail.grow(secrets, delta);
    let mut out = String::with_capacity(delta.len());
    let mut at = grown.told;
    for range in &grown.found {
        out.push_str(grown.all.get(at..range.start).unwrap_or_default());
        out.push_str(REDACTED);
        at = range.end;
    }
    out.push_str(grown.all.get(at..grown.upto).unwrap_or_default());
    out
}

impl Source {
    fn event(self, delta: String) -> StreamEvent {
        let choice = self.choice;
        match self.kind {
            Kind::Text => StreamEvent::Text { choice, delta },
            Kind::Reasoning => StreamEvent::Reasoning { choice, delta },
            Kind::Refusal => StreamEvent::Refusal { choice, delta },
            Kind::Arguments(index) => StreamEvent::ToolCall { choice, index, id: None, name: None, delta },
        }
    }
}

/// The text that an event lets grow, and by what.
fn grown(event: &mut StreamEvent) -> Option<(Source, &mut String)> {
    let (choice, kind, delta) = match event {
        StreamEvent::Text { choice, delta } => (choice, Kind::Text, delta),
        StreamEvent::Reasoning { choice, delta } => (choice, Kind::Reasoning, delta),
        StreamEvent::Refusal { choice, delta } => (choice, Kind::Refusal, delta),
        StreamEvent::ToolCall { choice, index, delta, .. } => (choice, Kind::Arguments(*index), delta),
        StreamEvent::Start { .. }
        | StreamEvent::Annotation { .. }
        | StreamEvent::Carry { .. }
        | StreamEvent::Finish { .. }
        | StreamEvent::Usage(_)
        | StreamEvent::Notice(_) => return None,
    };
    Some((Source { choice: *choice, kind }, delta))
}

/// What stands whole beside a delta.
fn redact_words(secrets: &Secrets, event: &mut StreamEvent) {
    if let StreamEvent::ToolCall { id, name, .. } = event {
        id.iter_mut().chain(name).for_each(|word| text(secrets, word));
    }
}

fn redact_stream(secrets: &Secrets, event: &mut StreamEvent) {
    match event {
        StreamEvent::Start { id, model } => {
            id.iter_mut().chain(model).for_each(|word| text(secrets, word));
        }
        StreamEvent::Annotation { data, .. } => json(secrets, data),
        StreamEvent::Carry { json: data, .. } => json(secrets, data),
        StreamEvent::Finish { raw, .. } => text(secrets, raw),
        StreamEvent::Notice(notice) => text(secrets, notice),
        StreamEvent::Text { .. }
        | StreamEvent::Reasoning { .. }
        | StreamEvent::Refusal { .. }
        | StreamEvent::ToolCall { .. }
        | StreamEvent::Usage(_) => {}
    }
}

pub(super) fn redact_error(secrets: &Secrets, error: &mut TurnError) {
    text(secrets, &mut error.message);
    text(secrets, &mut error.hint);
    error.request_id.iter_mut().for_each(|id| text(secrets, id));
}

fn json(secrets: &Secrets, value: &mut Value) {
    match value {
        Value::String(string) => text(secrets, string),
        Value::Array(items) => items.iter_mut().for_each(|item| json(secrets, item)),
        Value::Object(members) => members.values_mut().for_each(|member| json(secrets, member)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn text(secrets: &Secrets, text: &mut String) {
    if let std::borrow::Cow::Owned(clean) = secrets.redact(text) {
        *text = clean;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;

    const KEY: &str = "sk-test-0123456789";

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.add(&Secret::new(KEY));
        secrets.add(&Secret::new("sk-te-other"));
        secrets
    }

    /// What is passed on of the pieces, and what of it comes before the end.
    fn passed(pieces: &[&str]) -> (String, String) {
        let (mut redactor, secrets) = (Redactor::default(), secrets());
        let mut out = String::new();
        let mut emit = |event: TurnEvent| {
            if let TurnEvent::Stream(StreamEvent::Text { delta, .. }) = event {
                out.push_str(&delta);
            }
        };
        for piece in pieces {
            let event = StreamEvent::Text { choice: 0, delta: (*piece).to_owned() };
            redactor.pass(&secrets, TurnEvent::Stream(event), &mut emit);
        }
        let before = out.clone();
        let mut emit = |event: TurnEvent| {
            if let TurnEvent::Stream(StreamEvent::Text { delta, .. }) = event {
                out.push_str(&delta);
            }
        };
        let finish = StreamEvent::Finish {
            choice: 0,
            reason: crate::chat::FinishReason::Stop,
            raw: "stop".to_owned(),
        };
        redactor.pass(&secrets, TurnEvent::Stream(finish), &mut emit);
        (out, before)
    }

    #[test]
    fn a_secret_is_found_however_it_is_split() {
        let text = format!("key {KEY}, again {KEY}{KEY} ends");
        for at in 0..=text.len() {
            let (whole, _) = passed(&[&text[..at], &text[at..]]);
            assert!(!whole.contains(KEY), "{whole}");
            let seen = ["s***", "sk***", "sk-***"].iter().fold(whole, |text, seen| text.replace(seen, "***"));
            assert_eq!(seen, "key ***, again ****** ends", "split at {at}");
        }
        let letters: Vec<&str> = text.split_inclusive(|_: char| true).collect();
        assert_eq!(passed(&letters).0, "key sk-***, again sk-***sk-*** ends");
    }

    #[test]
    fn other_text_is_passed_on_at_once_and_whole() {
        for pieces in [&["tokens", " ask", " sk", "-", "y"][..], &["s", "k"], &["sk-"], &["", "naïve 世界s"]]
        {
            let (whole, before) = passed(pieces);
            assert_eq!(whole, pieces.concat());
            assert_eq!(before, whole, "nothing waits");
        }
        let (whole, before) = passed(&["see sk-test", "-", "ing it"]);
        assert_eq!((whole.as_str(), before.as_str()), ("see sk-test-ing it", "see sk-test-ing it"));
        let (whole, before) = passed(&["ends in sk-test"]);
        assert_eq!((whole.as_str(), before.as_str()), ("ends in sk-test", "ends in "));
    }
}
