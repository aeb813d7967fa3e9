//! Finds secrets that are spelled out over the string values of JSON documents that follow each other.
//!
//! Strings of the same source grow one text: the same names of members, in objects of the same `index`. In
//! each text secrets are found as on the screen ([`Tail`]). A document's values are known to be of a source
//! when it has ended, for its `index` may stand last: what could be more than the first three bytes of a
//! secret is held back until then, and all that comes behind it. Anything else goes through at once. What is
//! no JSON goes through as it is.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher as _};
use std::ops::Range;

use crate::base::Secrets;
use crate::base::secret::{REDACTED, Tail};

/// How many bytes are held back at most.
const FAR: usize = 64 << 10;
/// How many texts may have begun a secret at once.
const MOST_TEXTS: usize = 1 << 10;
/// How many values of a document are looked at together.
const MOST_VALUES: usize = 1 << 10;
/// How many objects a document may have.
const MOST_OBJECTS: usize = 1 << 16;
/// How much of a value is looked at.
const LONGEST: usize = 1 << 20;
/// How deep a document may be.
const DEEPEST: usize = 128;

/// Bytes are counted from the beginning of the body.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// What was not passed on, and where it begins.
    kept: Vec<u8>,
    start: usize,
    scan: Scan,
    /// The values of the document under way.
    document: Vec<Piece>,
    /// Where the first of them stands that may be part of a secret.
    doubt: Option<usize>,
    /// Tails of texts in the document under way, whatever their `index`.
    maybe: Vec<(u64, Tail)>,
    texts: HashMap<u64, Text>,
    /// What is left out, and what stands in its place.
    cuts: Vec<(Range<usize>, &'static str)>,
}

/// A text that grows.
#[derive(Debug)]
struct Text {
    /// Its source but for `index`.
    path: u64,
    tail: Tail,
    /// Where each byte of the tail stands.
    places: Vec<Range<usize>>,
}

/// A string value.
#[derive(Debug)]
struct Piece {
    path: u64,
    object: usize,
    /// What stands between the quotation marks.
    start: usize,
    raw: Vec<u8>,
}

/// Where the reading of JSON is.
#[derive(Debug, Default)]
struct Scan {
    frames: Vec<Frame>,
    objects: Vec<Object>,
    /// Where the string under way begins, within its quotation marks, and what came of it.
    string: Option<usize>,
    raw: Vec<u8>,
    escaped: bool,
    /// Whether the line is empty so far, and ended the one before it with a carriage return.
    empty_line: bool,
    returned: bool,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    /// Of an object; an array has that around it.
    object: usize,
    is_array: bool,
    /// The names that lead to its values.
    path: u64,
    wants_name: bool,
    /// Whether the name has come, and its colon not.
    is_named: bool,
    is_index: bool,
    /// The names that lead to it.
    own: u64,
}

#[derive(Clone, Copy, Debug)]
struct Object {
    around: Option<usize>,
    index: Option<u64>,
}

impl Values {
    /// Takes in what came; gives what may be written of it.
    pub(super) fn pass(&mut self, secrets: &Secrets, bytes: &[u8]) -> Vec<u8> {
        if secrets.all().next().is_none() && self.kept.is_empty() {
            return bytes.to_vec();
        }
        let mut at = self.start + self.kept.len();
        self.kept.extend_from_slice(bytes);
        for byte in bytes {
            self.byte(secrets, *byte, at);
            at += 1;
        }
        let held = self.held_from(secrets, at);
        if at - held <= FAR {
            return self.write_to(held);
        }
        self.commit(secrets);
        self.texts.values_mut().for_each(|text| text.tail.let_go());
        self.write_to(at)
    }

    /// What was held back: no more comes.
    pub(super) fn rest(&mut self, secrets: &Secrets) -> Vec<u8> {
        self.commit(secrets);
        self.write_to(self.start + self.kept.len())
    }

    /// From where on nothing may be passed on yet.
    fn held_from(&self, secrets: &Secrets, end: usize) -> usize {
        let texts = self.texts.values().filter(|text| !text.tail.held().is_empty());
        let held = texts.filter_map(|text| text.places.get(text.tail.told())).map(|place| place.start);
        let begun = self.scan.string.filter(|start| self.goes_on(secrets, *start));
        held.chain(self.doubt).chain(begun).min().unwrap_or(end)
    }

    /// Whether the value under way, so far, may be part of a secret that began before it.
    fn goes_on(&self, secrets: &Secrets, start: usize) -> bool {
        let Some(frame) = self.scan.frames.last().filter(|frame| !frame.wants_name) else { return false };
        // A tail that has gone by is shown: what follows it is looked at again when the string has ended.
        let (text, _) = read(&self.scan.raw, start);
        self.tails(frame.path).any(|tail| goes_on(tail, secrets, &text))
    }

    fn tails(&self, path: u64) -> impl Iterator<Item = &Tail> {
        let before = self.texts.values().filter(move |text| text.path == path).map(|text| &text.tail);
        before.chain(self.maybe.iter().filter(move |(of, _)| *of == path).map(|(_, tail)| tail))
    }

    fn byte(&mut self, secrets: &Secrets, byte: u8, at: usize) {
        if let Some(start) = self.scan.string {
            match byte {
                b'"' if !self.scan.escaped => {
                    self.scan.string = None;
                    self.string(secrets, start);
                    return;
                }
                // No string of JSON goes over lines.
                b'\n' | b'\r' => return self.reset(secrets),
                _ => self.scan.escaped = byte == b'\\' && !self.scan.escaped,
            }
            self.scan.raw.push(byte);
            if self.scan.raw.len() > LONGEST {
                // What is far from either end of a value is no part of what goes on beyond it.
                self.scan.raw.drain(..LONGEST / 2);
                self.scan.string = Some(start + LONGEST / 2);
            }
            return;
        }
        match byte {
            b'\n' if self.scan.returned => {
                self.scan.returned = false;
                return;
            }
            b'\n' | b'\r' => {
                if std::mem::replace(&mut self.scan.empty_line, true) {
                    self.reset(secrets);
                }
                self.scan.returned = byte == b'\r';
                return;
            }
            // Of a WebSocket each message begins so.
            0x1e => self.reset(secrets),
            b'{' | b'[' if self.scan.is_full() => self.reset(secrets),
            b'{' | b'[' => self.scan.open(byte == b'['),
            b'}' | b']' => {
                self.scan.frames.pop();
                if self.scan.frames.is_empty() {
                    self.commit(secrets);
                }
            }
            b'"' if !self.scan.frames.is_empty() => self.scan.string = Some(at + 1),
            b':' | b',' => self.scan.between(byte == b','),
            b'0'..=b'9' => self.scan.digit(byte - b'0'),
            _ => {}
        }
        (self.scan.empty_line, self.scan.returned) = (false, false);
    }

    /// A string ended that began there.
    fn string(&mut self, secrets: &Secrets, start: usize) {
        let raw = std::mem::take(&mut self.scan.raw);
        let Some(frame) = self.scan.frames.last_mut() else { return };
        if frame.wants_name {
            frame.is_index = raw == b"index";
            frame.path = hash((frame.own, raw));
            frame.is_named = true;
            return;
        }
        let (path, object) = (frame.path, frame.object);
        let (text, _) = read(&raw, start);
        let mut next: Vec<Tail> = self.tails(path).cloned().collect();
        next.push(Tail::default());
        let mut doubt = false;
        for tail in &mut next {
            doubt |= matters(tail, secrets, &text);
            let _ = tail.grow(secrets, &text);
        }
        next.retain(|tail| !tail.is_empty());
        if doubt {
            self.doubt.get_or_insert(start);
        }
        for tail in next {
            let tail = (path, tail);
            if self.maybe.len() < MOST_VALUES && !self.maybe.contains(&tail) {
                self.maybe.push(tail);
            }
        }
        self.document.push(Piece { path, object, start, raw });
        if self.document.len() == MOST_VALUES {
            self.commit(secrets);
        }
    }

    /// What is under way is no more.
    fn reset(&mut self, secrets: &Secrets) {
        self.commit(secrets);
        self.scan = Scan { empty_line: true, ..Scan::default() };
    }

    /// The sources of the document's values are known.
    fn commit(&mut self, secrets: &Secrets) {
        self.doubt = None;
        self.maybe.clear();
        for piece in std::mem::take(&mut self.document) {
            let source = self.scan.source(&piece);
            self.grow(secrets, source, piece);
        }
        if self.scan.frames.is_empty() {
            self.scan.objects.clear();
        }
    }

    fn grow(&mut self, secrets: &Secrets, source: u64, piece: Piece) {
        let (text, mut places) = read(&piece.raw, piece.start);
        let mut grown_text = self.texts.remove(&source).unwrap_or_else(|| Text {
            path: piece.path,
            tail: Tail::default(),
            places: Vec::new(),
        });
        let mut all = std::mem::take(&mut grown_text.places);
        all.append(&mut places);
        let grown = grown_text.tail.grow(secrets, &text);
        for found in grown.found {
            let mut sign = REDACTED;
            for place in all.get(found).unwrap_or_default() {
                let (start, end) = (place.start.max(self.start), place.end);
                match self.cuts.last_mut() {
                    _ if start >= end => {}
                    Some((last, _)) if sign.is_empty() && (last.end == start || *last == (start..end)) => {
                        last.end = end;
                    }
                    _ => self.cuts.push((start..end, std::mem::take(&mut sign))),
                }
            }
        }
        if !grown_text.tail.is_empty() {
            grown_text.places = all.split_off(grown.tail.min(all.len()));
            if self.texts.len() == MOST_TEXTS {
                self.texts.clear();
            }
            self.texts.insert(source, grown_text);
        }
    }

    /// Gives what was kept up to there, without what is cut out.
    fn write_to(&mut self, end: usize) -> Vec<u8> {
        let end = end.clamp(self.start, self.start + self.kept.len());
        let mut out = Vec::with_capacity(end - self.start);
        self.cuts.sort_by_key(|(place, _)| place.start);
        let mut at = self.start;
        let mut later = Vec::new();
        for (place, sign) in std::mem::take(&mut self.cuts) {
            if place.start >= end {
                later.push((place, sign));
                continue;
            }
            let before = at.max(place.start);
            out.extend_from_slice(self.kept.get(at - self.start..before - self.start).unwrap_or_default());
            out.extend_from_slice(sign.as_bytes());
            at = before.max(place.end).min(end);
            if place.end > end {
                later.push((end..place.end, ""));
            }
        }
        out.extend_from_slice(self.kept.get(at - self.start..end - self.start).unwrap_or_default());
        self.cuts = later;
        self.kept.drain(..end - self.start);
        self.start = end;
        out
    }
}

impl Scan {
    fn open(&mut self, is_array: bool) {
        let around = self.frames.last().copied();
        let own = around.map_or(0, |frame| frame.path);
        let object = if is_array && let Some(frame) = around {
            frame.object
        } else {
            self.objects.push(Object { around: around.map(|frame| frame.object), index: None });
            self.objects.len() - 1
        };
        self.frames.push(Frame {
            object,
            is_array,
            path: own,
            wants_name: !is_array,
            is_named: false,
            is_index: false,
            own,
        });
    }

    fn is_full(&self) -> bool {
        self.frames.len() == DEEPEST || self.objects.len() == MOST_OBJECTS
    }

    fn between(&mut self, is_comma: bool) {
        let Some(frame) = self.frames.last_mut() else { return };
        if is_comma {
            frame.wants_name = !frame.is_array;
        } else if std::mem::take(&mut frame.is_named) {
            frame.wants_name = false;
        }
    }

    fn digit(&mut self, digit: u8) {
        let Some(frame) = self.frames.last().filter(|frame| frame.is_index && !frame.wants_name) else {
            return;
        };
        if let Some(object) = self.objects.get_mut(frame.object) {
            let before = object.index.unwrap_or(0);
            object.index = Some(before.saturating_mul(10).saturating_add(u64::from(digit)));
        }
    }

    fn source(&self, piece: &Piece) -> u64 {
        let mut source = piece.path;
        let mut object = Some(piece.object);
        while let Some(known) = object.and_then(|at| self.objects.get(at)) {
            source = hash((source, known.index));
            object = known.around;
        }
        source
    }
}

/// Whether `text` behind this tail ends a secret, or goes on with one beyond what may be seen of it.
fn matters(tail: &Tail, secrets: &Secrets, text: &str) -> bool {
    let mut tail = tail.clone();
    let grown = tail.grow(secrets, text);
    !grown.found.is_empty() || !tail.held().is_empty()
}

/// Whether this beginning of a value may be part of a secret that began before it.
fn goes_on(tail: &Tail, secrets: &Secrets, begun: &str) -> bool {
    let grown = tail.clone().grow(secrets, begun);
    let before = grown.all.len() - begun.len();
    grown.tail < before || grown.found.iter().any(|found| found.start < before)
}

fn hash(what: impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// What a string says, and where each byte of that stands. Damaged escapes stand for themselves.
fn read(raw: &[u8], start: usize) -> (String, Vec<Range<usize>>) {
    let (mut text, mut places) = (String::with_capacity(raw.len()), Vec::with_capacity(raw.len()));
    let mut at = 0;
    while let Some(rest) = raw.get(at..).filter(|rest| !rest.is_empty()) {
        let (c, length) = character(rest);
        text.push(c);
        places.extend(std::iter::repeat_n(start + at..start + at + length, c.len_utf8()));
        at += length;
    }
    (text, places)
}

/// The first character, and how many bytes spell it.
fn character(raw: &[u8]) -> (char, usize) {
    if let [b'\\', escape, ..] = raw {
        return match escape {
            b'n' => ('\n', 2),
            b't' => ('\t', 2),
            b'r' => ('\r', 2),
            b'b' => ('\u{8}', 2),
            b'f' => ('\u{c}', 2),
            b'u' => unicode(raw),
            other if other.is_ascii() => (char::from(*other), 2),
            _ => ('\\', 1),
        };
    }
    let whole = raw.get(..raw.len().min(4)).unwrap_or_default();
    let valid = match std::str::from_utf8(whole) {
        Ok(valid) => valid,
        Err(error) => {
            std::str::from_utf8(whole.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
        }
    };
    valid.chars().next().map_or((char::REPLACEMENT_CHARACTER, 1), |c| (c, c.len_utf8()))
}

fn unicode(raw: &[u8]) -> (char, usize) {
    let unit = |at: usize| {
        let digits = raw.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let Some(first) = unit(0) else { return ('\\', 1) };
    if let Some(c) = char::from_u32(u32::from(first)) {
        return (c, 6);
    }
    let pair = unit(6).and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    pair.map_or((char::REPLACEMENT_CHARACTER, 6), |c| (c, 12))
}
