//! Server-sent events as the WHATWG's standard says, fed in any pieces.
//!
//! An event whose one data line lies whole in the fed bytes is handed out borrowed from them; only
//! what a piece leaves unfinished is buffered, so a stream costs one search for line ends and no
//! allocation an event. Data is bytes: who takes it replaces what is not UTF-8 (line ends are ASCII,
//! so that is the same as decoding the stream first). `id` and `retry` are of no use to a client that
//! never resumes, and are dropped. It does not know what the data means.

use memchr::{memchr, memchr2};

use super::MAX_EVENT_BYTES;
use crate::chat::error::AttemptError;

const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];
/// How much is kept of a line that belongs to no event stream, to show it.
const STRAY_BYTES: usize = 200;
/// How much is kept of an event's type: all of any that means something.
const KIND_BYTES: usize = 200;
/// How much is kept of the field called `error`.
const ERROR_BYTES: usize = 64 << 10;
/// Buffers above this are given back once they are empty.
const KEPT_BYTES: usize = 1 << 20;

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SseEvent<'a> {
    /// The type, the beginning of a long one; empty for the default, `message`.
    pub kind: &'a [u8],
    /// The data lines, joined by LF.
    pub data: &'a [u8],
}

/// Whether whoever takes the events wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// On.
    More,
    /// Nothing that follows matters.
    Stop,
}

/// The parser of one body.
#[derive(Debug, Default)]
pub struct SseParser {
    /// How many bytes of a leading byte order mark were seen; `None` once it is decided.
    bom: Bom,
    /// A line that has not ended.
    line: Vec<u8>,
    /// A CR ended the last line: an LF that comes next belongs to it.
    after_cr: bool,
    /// Data of an event that has not ended.
    data: Vec<u8>,
    /// Whether `data` holds a line (it may be empty).
    has_data: bool,
    /// The type of that event.
    kind: Vec<u8>,
    /// The value of the first field called `error`, which older llama.cpp sends.
    error: Option<Vec<u8>>,
    /// The beginning of the first line that is no known field.
    stray: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bom {
    Matching(usize),
    Decided,
}

impl Default for Bom {
    fn default() -> Self {
        Bom::Matching(0)
    }
}

impl SseParser {
    /// Takes the next bytes and hands each event that they complete to `on`, until it wants no more
    /// or fails.
    ///
    /// # Errors
    /// What `on` says, and a line or event over [`MAX_EVENT_BYTES`].
    pub fn feed(
        &mut self,
        bytes: &[u8],
        mut on: impl FnMut(SseEvent<'_>) -> Result<Flow, AttemptError>,
    ) -> Result<Flow, AttemptError> {
        let mut rest = self.without_bom(bytes);
        // The event's data so far where it is one line of `bytes`; `self.data` is empty then.
        let mut inline: Option<&[u8]> = None;
        loop {
            if self.after_cr
                && let Some(&first) = rest.first()
            {
                self.after_cr = false;
                if first == b'\n' {
                    rest = &rest[1..];
                }
            }
            let Some(end) = memchr2(b'\n', b'\r', rest) else { break };
            let line = &rest[..end];
            self.after_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            if !self.line.is_empty() {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                check(whole.len())?;
                if let Some(value) = self.field(&whole) {
                    self.push_data(value)?;
                }
                whole.clear();
                give_back(&mut whole);
                self.line = whole;
                continue;
            }
            if !line.is_empty() {
                check(line.len())?;
                let Some(value) = self.field(line) else { continue };
                if inline.is_none() && !self.has_data {
                    inline = Some(value);
                    continue;
                }
                if let Some(first) = inline.take() {
                    self.push_data(first)?;
                }
                self.push_data(value)?;
                continue;
            }
            let flow = match inline.take() {
                Some(data) => on(SseEvent { kind: &self.kind, data })?,
                None if self.has_data => on(SseEvent { kind: &self.kind, data: &self.data })?,
                None => Flow::More,
            };
            self.reset_event();
            if flow == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        if let Some(data) = inline {
            self.push_data(data)?;
        }
        check(self.line.len() + rest.len())?;
        self.line.extend_from_slice(rest);
        Ok(Flow::More)
    }

    /// The event that the end of the body left unfinished. The standard discards it.
    pub fn unfinished(&mut self) -> Option<SseEvent<'_>> {
        let line = std::mem::take(&mut self.line);
        if let Some(value) = self.field(&line) {
            self.push_data(value).ok()?;
        }
        self.has_data.then_some(SseEvent { kind: &self.kind, data: &self.data })
    }

    /// The value of the first field called `error`.
    pub fn error_field(&self) -> Option<&[u8]> {
        self.error.as_deref()
    }

    /// The beginning of the first line that no event stream has.
    pub fn stray_line(&self) -> Option<&[u8]> {
        self.stray.as_deref()
    }

    /// Takes note of a line that is not empty; the value, where it is data.
    fn field<'a>(&mut self, line: &'a [u8]) -> Option<&'a [u8]> {
        if let Some(value) = line.strip_prefix(b"data:") {
            return Some(value.strip_prefix(b" ").unwrap_or(value));
        }
        let (name, value) = match memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"" | b"id" | b"retry" => None,
            b"data" => Some(value),
            b"event" => {
                self.kind.clear();
                self.kind.extend_from_slice(&value[..value.len().min(KIND_BYTES)]);
                None
            }
            b"error" => {
                self.error.get_or_insert_with(|| value[..value.len().min(ERROR_BYTES)].to_vec());
                None
            }
            _ => {
                self.stray.get_or_insert_with(|| line[..line.len().min(STRAY_BYTES)].to_vec());
                None
            }
        }
    }

    fn push_data(&mut self, value: &[u8]) -> Result<(), AttemptError> {
        check(self.data.len() + value.len())?;
        if self.has_data {
            self.data.push(b'\n');
        }
        self.has_data = true;
        self.data.extend_from_slice(value);
        Ok(())
    }

    fn reset_event(&mut self) {
        self.kind.clear();
        self.data.clear();
        self.has_data = false;
        give_back(&mut self.data);
    }

    /// `bytes` without the one mark that may stand before all.
    fn without_bom<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Bom::Matching(mut seen) = self.bom else { return bytes };
        let mut rest = bytes;
        while let Some((&first, tail)) = rest.split_first() {
            if first != BOM[seen] {
                // What looked like the mark was the beginning of a line.
                self.line.extend_from_slice(&BOM[..seen]);
                self.bom = Bom::Decided;
                return rest;
            }
            rest = tail;
            seen += 1;
            if seen == BOM.len() {
                self.bom = Bom::Decided;
                return rest;
            }
        }
        self.bom = Bom::Matching(seen);
        rest
    }
}

fn give_back(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEPT_BYTES {
        *buffer = Vec::new();
    }
}

fn check(bytes: usize) -> Result<(), AttemptError> {
    if bytes <= MAX_EVENT_BYTES {
        return Ok(());
    }
    Err(AttemptError::Protocol {
        message: format!(
            "one line or event of the stream is over the limit of {} MiB",
            MAX_EVENT_BYTES >> 20
        ),
        hint: "This is hardly a chat stream: check base_url and dialect of the provider.".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events of `pieces` as `kind|data`.
    fn events(pieces: &[&[u8]]) -> Vec<String> {
        let mut parser = SseParser::default();
        let mut got = Vec::new();
        for piece in pieces {
            let flow = parser
                .feed(piece, |event| {
                    got.push(format!(
                        "{}|{}",
                        String::from_utf8_lossy(event.kind),
                        String::from_utf8_lossy(event.data)
                    ));
                    Ok(Flow::More)
                })
                .unwrap();
            assert_eq!(flow, Flow::More);
        }
        got
    }

    #[test]
    fn the_standards_cases() {
        let cases: &[(&str, &[&str])] = &[
            ("data: a\ndata: b\n\n", &["|a\nb"]),
            ("data:a\n\ndata:  a\n\n", &["|a", "| a"]),
            ("data\n\n", &["|"]),
            ("data\ndata\n\n", &["|\n"]),
            ("data:\n\n", &["|"]),
            ("event: x\n\ndata: y\n\n", &["|y"]),
            ("event: x\ndata: y\n\ndata: z\n\n", &["x|y", "|z"]),
            (": ping\n\nid: 7\n\nretry: 100\n\n", &[]),
            ("data: tail\n", &[]),
            ("data: tail", &[]),
            ("data: a\r\rdata: b\r\n\r\ndata: c\n\n", &["|a", "|b", "|c"]),
            ("data: a\n: in the middle\ndata: b\n\n", &["|a\nb"]),
            ("Data: a\n\n", &[]),
            (" data: a\n\n", &[]),
            ("data : a\n\n", &[]),
            ("data: a\u{2028}b\u{85}c\u{b}d\u{c}e\n\n", &["|a\u{2028}b\u{85}c\u{b}d\u{c}e"]),
            ("\u{feff}data: a\n\n", &["|a"]),
            ("\u{feff}\u{feff}data: a\n\n", &[]),
            ("data: \u{feff}a\n\n", &["|\u{feff}a"]),
            ("\n\n\ndata: a\n\n\n\n", &["|a"]),
            ("data: a:b: c\n\n", &["|a:b: c"]),
            ("event: x\nevent: y\ndata: 1\n\n", &["y|1"]),
        ];
        for (input, want) in cases {
            assert_eq!(events(&[input.as_bytes()]), *want, "{input:?}");
            for split in 0..=input.len() {
                let (a, b) = input.as_bytes().split_at(split);
                assert_eq!(events(&[a, b]), *want, "{input:?} split at {split}");
            }
            let bytes: Vec<&[u8]> = input.as_bytes().chunks(1).collect();
            assert_eq!(events(&bytes), *want, "{input:?} byte by byte");
        }
    }

    #[test]
    fn an_empty_piece_between_cr_and_lf_changes_nothing() {
        assert_eq!(events(&[b"data: a\r", b"", b"\n\r", b"", b"\ndata: b\n\n"]), ["|a", "|b"]);
    }

    #[test]
    fn what_is_not_utf8_is_replaced_and_goes_on() {
        assert_eq!(events(&[b"data: a\xff", b"\xc3\n\ndata: b\n\n"]), ["|a\u{fffd}\u{fffd}", "|b"]);
    }

    #[test]
    fn half_a_byte_order_mark_is_no_mark() {
        assert_eq!(events(&[b"\xef", b"\xbbdata: a\n\ndata: b\n\n"]), ["|b"]);
    }

    #[test]
    fn a_line_an_event_and_their_limit() {
        let mut parser = SseParser::default();
        let piece = vec![b'x'; 1 << 20];
        let mut fed = 0;
        let error = loop {
            match parser.feed(&piece, |_| Ok(Flow::More)) {
                Ok(_) => fed += piece.len(),
                Err(error) => break error,
            }
            assert!(fed <= MAX_EVENT_BYTES);
        };
        assert!(matches!(error, AttemptError::Protocol { message, .. } if message.contains("16 MiB")));

        let mut parser = SseParser::default();
        let mut line = b"data: ".to_vec();
        line.extend_from_slice(&piece);
        line.push(b'\n');
        let fits = (0..40).take_while(|_| parser.feed(&line, |_| Ok(Flow::More)).is_ok()).count();
        assert_eq!(fits, 15, "15 lines and the LFs between them fit");
    }

    #[test]
    fn what_the_end_leaves_can_be_looked_at() {
        let mut parser = SseParser::default();
        parser.feed(b"data: x\n\ndata: [DONE]", |_| Ok(Flow::More)).unwrap();
        assert_eq!(parser.unfinished().map(|e| e.data.to_vec()), Some(b"[DONE]".to_vec()));
        let mut parser = SseParser::default();
        parser.feed(b"error: {}\n\nHello there\n", |_| Ok(Flow::More)).unwrap();
        assert_eq!(parser.error_field(), Some(&b"{}"[..]));
        assert_eq!(parser.stray_line(), Some(&b"Hello there"[..]));
        assert_eq!(parser.unfinished(), None);
    }
}
