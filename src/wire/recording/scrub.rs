//! Keeps secrets out of the bytes of a body: each becomes `***`, however it is cut into pieces.
//!
//! A secret is found as it stands and with JSON's escapes; `values` finds those that are spelled out over
//! the values of events (`"content":"sk-ab"`, then `"content":"cdef"`). What may be the beginning of one is
//! held back until more is known. Characters of a secret that are escaped twice (JSON in a JSON string) are
//! not recognised; keys are made of letters, digits and dashes.

use super::values::Values;
use crate::base::secret::REDACTED;
use crate::base::{Secret, Secrets};

/// Cleans one body.
#[derive(Debug)]
pub struct Scrub {
    /// What came and was not passed on.
    kept: Vec<u8>,
    /// The bytes that a secret may begin with.
    firsts: [bool; 256],
    values: Values,
}

impl Default for Scrub {
    fn default() -> Self {
        Self { kept: Vec::new(), firsts: [false; 256], values: Values::default() }
    }
}

/// How a secret stands at a place.
enum Found {
    No,
    /// As far as the bytes go.
    Begun,
    /// It ends here.
    Whole(usize),
}

/// Whether there may be more bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum More {
    Comes,
    Ended,
}

/// How a secret is spelled.
#[derive(Clone, Copy)]
enum Spelling {
    Plain,
    Json,
}

impl Scrub {
    /// Takes in what came; gives what may be written of it.
    pub fn pass(&mut self, secrets: &Secrets, bytes: &[u8]) -> Vec<u8> {
        self.kept.extend_from_slice(bytes);
        let whole = self.go(secrets, More::Comes);
        self.values.pass(secrets, &whole)
    }

    /// What was held back: no more comes.
    pub fn rest(&mut self, secrets: &Secrets) -> Vec<u8> {
        let whole = self.go(secrets, More::Ended);
        let mut rest = self.values.pass(secrets, &whole);
        rest.extend(self.values.rest(secrets));
        *self = Self::default();
        rest
    }

    fn go(&mut self, secrets: &Secrets, more: More) -> Vec<u8> {
        self.firsts = [false; 256];
        for secret in secrets.all() {
            self.firsts[usize::from(b'\\')] = true;
            secret.expose().bytes().take(1).for_each(|byte| self.firsts[usize::from(byte)] = true);
        }
        let mut out = Vec::with_capacity(self.kept.len());
        let mut at = 0;
        while let Some(step) = self.next(secrets, at, more) {
            out.extend_from_slice(&self.kept[at..step.start]);
            at = step.start;
            let Some(end) = step.end else { break };
            out.extend_from_slice(REDACTED.as_bytes());
            at = end;
        }
        self.kept.drain(..at);
        out
    }

    /// The next place where a secret stands or begins; the end where there is none.
    fn next(&self, secrets: &Secrets, from: usize, more: More) -> Option<Step> {
        let firsts = &self.firsts;
        if from >= self.kept.len() {
            return None;
        }
        for (start, byte) in self.kept.iter().copied().enumerate().skip(from) {
            if !firsts[usize::from(byte)] {
                continue;
            }
            for secret in secrets.all() {
                if byte != b'\\' && secret.expose().as_bytes().first() != Some(&byte) {
                    continue;
                }
                for spelling in [Spelling::Plain, Spelling::Json] {
                    match self.stands(secret, start, spelling) {
                        Found::No => {}
                        Found::Begun if more == More::Comes => return Some(Step { start, end: None }),
                        Found::Begun => {}
                        Found::Whole(end) => return Some(Step { start, end: Some(end) }),
                    }
                }
            }
        }
        Some(Step { start: self.kept.len(), end: None })
    }

    /// Whether `secret` stands at `start`.
    fn stands(&self, secret: &Secret, start: usize, spelling: Spelling) -> Found {
        let mut at = start;
        for c in secret.expose().chars() {
            match self.kept.get(at..).filter(|rest| !rest.is_empty()) {
                None => return Found::Begun,
                Some(rest) => match spelled(c, rest, spelling) {
                    Spelled::In(length) => at += length,
                    Spelled::Cut => return Found::Begun,
                    Spelled::Not => return Found::No,
                },
            }
        }
        Found::Whole(at)
    }
}

struct Step {
    start: usize,
    /// The end of the secret that stands there; `None`: it may be one, or the end.
    end: Option<usize>,
}

enum Spelled {
    In(usize),
    Cut,
    Not,
}

/// Whether `bytes` begin with `c`.
fn spelled(c: char, bytes: &[u8], spelling: Spelling) -> Spelled {
    let mut room = [0; 4];
    let plain = c.encode_utf8(&mut room).as_bytes();
    let as_it_is = match spelling {
        Spelling::Plain => true,
        Spelling::Json => c != '"' && c != '\\' && !c.is_ascii_control(),
    };
    if as_it_is {
        match begins(bytes, plain) {
            Spelled::Not => {}
            found => return found,
        }
    }
    match spelling {
        Spelling::Json if bytes.first() == Some(&b'\\') => escaped(c, bytes),
        Spelling::Json | Spelling::Plain => Spelled::Not,
    }
}

/// Whether `bytes`, which begin with a backslash, begin with an escape of `c`.
fn escaped(c: char, bytes: &[u8]) -> Spelled {
    let short = match c {
        '"' | '\\' | '/' => Some(c as u8),
        '\n' => Some(b'n'),
        '\r' => Some(b'r'),
        '\t' => Some(b't'),
        '\u{8}' => Some(b'b'),
        '\u{c}' => Some(b'f'),
        _ => None,
    };
    match (bytes.get(1), short) {
        (None, _) => return Spelled::Cut,
        (Some(second), Some(short)) if *second == short => return Spelled::In(2),
        (Some(b'u'), _) => {}
        (Some(_), _) => return Spelled::Not,
    }
    let mut units = [0; 2];
    let spelled: String = c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect();
    let lower = bytes[..bytes.len().min(spelled.len())].to_ascii_lowercase();
    begins(&lower, spelled.as_bytes())
}

fn begins(bytes: &[u8], with: &[u8]) -> Spelled {
    if bytes.starts_with(with) {
        return Spelled::In(with.len());
    }
    if with.starts_with(bytes) { Spelled::Cut } else { Spelled::Not }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-test/0123456789\"é";

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.add(&Secret::new(KEY));
        secrets.add(&Secret::new("sk-other"));
        secrets
    }

    /// What is written of the pieces.
    fn written(pieces: &[&[u8]]) -> String {
        let (mut scrub, secrets) = (Scrub::default(), secrets());
        let mut out = Vec::new();
        for piece in pieces {
            out.extend(scrub.pass(&secrets, piece));
        }
        out.extend(scrub.rest(&secrets));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_secret_is_found_however_it_is_spelled_and_split() {
        let spellings = [
            KEY.to_owned(),
            serde_json::to_string(KEY).unwrap().trim_matches('"').to_owned(),
            KEY.replace('"', "\\\""),
            KEY.replace('/', "\\/").replace('"', "\\u0022").replace('é', "\\u00E9"),
            KEY.chars().map(|c| format!("\\u{:04x}", c as u32)).collect(),
        ];
        for spelling in spellings {
            let text = format!("data: a sk-{spelling}{spelling} b\\n sk-other");
            for at in 0..=text.len() {
                let (a, b) = text.as_bytes().split_at(at);
                assert_eq!(written(&[a, b]), "data: a sk-****** b\\n ***", "{spelling} split at {at}");
            }
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(written(&bytes), "data: a sk-****** b\\n ***");
        }
    }

    #[test]
    fn a_secret_that_is_spelled_out_over_values_is_found() {
        let body = "data: {\"index\":0,\"content\":\"my \\\"sk-o\"}\n\n\
                    data: {\"index\":0,\"content\":\"th\"}\n\ndata: {\"index\":0,\"content\":\"er key\"}\n\n";
        let clean = "data: {\"index\":0,\"content\":\"my \\\"***\"}\n\n\
                     data: {\"index\":0,\"content\":\"\"}\n\ndata: {\"index\":0,\"content\":\" key\"}\n\n";
        for at in 0..=body.len() {
            let (a, b) = body.as_bytes().split_at(at);
            assert_eq!(written(&[a, b]), clean, "split at {at}");
        }
    }

    #[test]
    fn what_is_no_secret_stays_as_it_is() {
        for text in [
            "sk-",
            "sk-tes",
            "\"content\":\"sk-te\"} \"content\":\"a\"",
            "\\u00",
            "a\\",
            "sk-test/é",
            "\"sk-te\"",
        ] {
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(written(&bytes), text);
            assert_eq!(written(&[text.as_bytes()]), text);
        }
        // It waits for nothing that need not wait.
        let (mut scrub, secrets) = (Scrub::default(), secrets());
        assert_eq!(
            scrub.pass(&secrets, b"data: {\"content\":\"ask\"}\n\n"),
            b"data: {\"content\":\"ask\"}\n\n"
        );
        assert_eq!(scrub.pass(&secrets, b"so s"), b"so ");
        assert_eq!(scrub.pass(&secrets, b"ay"), b"say");
    }
}
