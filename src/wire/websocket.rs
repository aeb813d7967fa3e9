//! Chat or text completions over a WebSocket: one JSON message out, one for each chunk in.
//!
//! The request's body is that of HTTP. `net` hands the messages of the answer over as a JSON text sequence
//! (RFC 7464): each begins with [`RECORD`] and ends with a line feed, so that where a message ends is known
//! without a second way to feed a decoder. `Messages` cuts a message into its JSON values, whether there
//! are several in a line, one over several lines, or one a line with `data:` before it, and gives them to
//! `openai_chat` as events of a stream. It does not join messages: a value ends with its own.

use std::time::Duration;

use memchr::memchr2;

use crate::chat::error::AttemptError;
use crate::chat::stream::Ending;
use crate::chat::{ChatRequest, Dialect, Provider, Quirks, StreamEvent};
use crate::wire::{Decoder, MAX_EVENT_BYTES, WireRequest, completions, openai_chat};

/// What stands before each message on its way to the decoder: a control character that no JSON holds unescaped.
pub const RECORD: u8 = 0x1E;

/// How long token counts, an end marker or the end itself are waited for after the last finish reason.
const LINGER: Duration = Duration::from_secs(1);
/// The same where fewer choices came than were asked for: another may still begin.
const LINGER_FOR_CHOICES: Duration = Duration::from_secs(20);
/// A first message up to this size is kept, to tell what it was if no answer follows.
const KEPT_BYTES: usize = 64 << 10;
/// Buffers above this are given back once they are empty.
const SPARE_BYTES: usize = 1 << 20;

/// The request in the dialect websocket, or what it falls back to over HTTP.
pub(super) fn encode(
    request: &ChatRequest,
    provider: &Provider,
    quirks: Quirks,
) -> Result<WireRequest, AttemptError> {
    let url = address(provider)?;
    let completes_text = provider.completes_text();
    if let Some(base) = provider.http_base_url.as_ref().filter(|_| quirks.no_websocket) {
        let at = |dialect| Provider { dialect, base_url: base.clone(), ..provider.clone() };
        return match completes_text {
            true => completions::encode(request, &at(Dialect::OpenAiCompletions), quirks),
            false => openai_chat::encode(request, &at(Dialect::OpenAiChat), quirks),
        };
    }
    let body = match completes_text {
        true => completions::body(request, provider, quirks)?,
        false => openai_chat::chat_body(request, provider, quirks)?,
    };
    Ok(WireRequest {
        dialect: Dialect::WebSocket,
        url: url.to_owned(),
        headers: openai_chat::with_own(provider, Vec::new())?,
        body,
    })
}

/// The base URL, which is the whole address.
fn address(provider: &Provider) -> Result<&str, AttemptError> {
    let base = provider.base_url.trim();
    let after = |scheme: &str| {
        base.get(..scheme.len()).filter(|s| s.eq_ignore_ascii_case(scheme)).map(|_| &base[scheme.len()..])
    };
    let is_url = after("ws://")
        .or_else(|| after("wss://"))
        .is_some_and(|host| !host.is_empty() && !host.starts_with(['/', '?', '#', ':']))
        && !base.contains(|c: char| c.is_whitespace() || c.is_control());
    if !is_url {
        return Err(AttemptError::Request(format!(
            "the base URL of the provider {} is not a ws:// or wss:// address: {base:?}",
            provider.name
        )));
    }
    Ok(base.split('#').next().unwrap_or(base))
}

/// The decoder of the dialect websocket.
#[derive(Debug)]
pub(super) struct Messages {
    inner: openai_chat::OpenAiChat,
    asked: usize,
    /// What is read and not yet given on: a line, or the lines of one JSON value.
    text: Vec<u8>,
    scan: Scan,
    /// The event that `text` becomes for the inner decoder; kept for its room.
    event: Vec<u8>,
    /// The next data is an error's: `event: error` stood before it.
    is_error: bool,
    /// The first message, until something was said.
    first: Option<Vec<u8>>,
    said: bool,
    /// Whether each choice has finished, by its number.
    finished: Vec<Option<bool>>,
    /// After an error.
    closed: bool,
}

/// Where in a JSON text a byte stands.
#[derive(Debug, Default)]
struct Scan {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// Where values of the outermost level end.
    ends: Vec<usize>,
}

impl Scan {
    /// Takes the bytes from `place` on.
    fn take(&mut self, bytes: &[u8], place: usize) {
        for (at, &byte) in bytes.iter().enumerate() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        self.ends.push(place + at + 1);
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether a line feed here ends what came: it is between values, or in a string, which cannot hold one.
    fn may_end(&self) -> bool {
        self.depth == 0 || self.in_string
    }

    fn reset(&mut self) {
        (self.depth, self.in_string, self.escaped) = (0, false, false);
        self.ends.clear();
    }
}

impl Messages {
    /// For an answer of so many choices, which `inner` reads.
    pub(super) fn new(choices: u32, inner: openai_chat::OpenAiChat) -> Self {
        Self {
            inner,
            asked: choices as usize,
            text: Vec::new(),
            scan: Scan::default(),
            event: Vec::new(),
            is_error: false,
            first: None,
            said: false,
            finished: Vec::new(),
            closed: false,
        }
    }

    fn read(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<(), AttemptError> {
        let mut rest = bytes;
        while !rest.is_empty() && !self.inner.is_marked() {
            let end = memchr2(RECORD, b'\n', rest);
            let piece = &rest[..end.unwrap_or(rest.len())];
            if self.text.len() + piece.len() > MAX_EVENT_BYTES {
                return Err(too_long());
            }
            self.scan.take(piece, self.text.len());
            self.text.extend_from_slice(piece);
            let Some(end) = end else { break };
            match rest[end] {
                RECORD => {
                    self.give_on(out)?;
                    self.is_error = false;
                }
                _ if self.scan.may_end() || self.text.starts_with(b":") => self.give_on(out)?,
                line_feed => self.text.push(line_feed),
            }
            rest = &rest[end + 1..];
        }
        Ok(())
    }

    /// Decodes the text that was read.
    fn give_on(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), AttemptError> {
        let mut text = std::mem::take(&mut self.text);
        let mut scan = std::mem::take(&mut self.scan);
        let result = self.line(&text, &scan.ends, out);
        text.clear();
        if text.capacity() > SPARE_BYTES {
            text = Vec::new();
        }
        scan.reset();
        self.text = text;
        self.scan = scan;
        result
    }

    /// Takes a line, or the lines of one value. `ends`: where its values end.
    fn line(&mut self, text: &[u8], ends: &[usize], out: &mut Vec<StreamEvent>) -> Result<(), AttemptError> {
        let whole = text.trim_ascii();
        if whole.is_empty() || whole.starts_with(b":") {
            return Ok(());
        }
        if !self.said && self.first.is_none() && whole.len() <= KEPT_BYTES {
            self.first = Some(without_prefix(whole).to_vec());
        }
        if let Some(kind) = whole.strip_prefix(b"event:") {
            self.is_error = kind.trim_ascii() == b"error";
            return Ok(());
        }
        if ["id:", "retry:"].iter().any(|name| whole.starts_with(name.as_bytes())) {
            return Ok(());
        }
        let [ends @ .., _] = ends else { return self.event(whole, out) };
        let (mut start, mut silent) = (0, 0);
        for &end in ends.iter().chain([&text.len()]) {
            let before = out.len();
            self.event(text[start..end].trim_ascii(), out)?;
            silent += usize::from(out.len() == before);
            if silent > openai_chat::MAX_SILENT {
                return Err(openai_chat::many_silent());
            }
            if self.inner.is_marked() {
                return Ok(());
            }
            start = end;
        }
        Ok(())
    }

    /// Hands one value on as an event of a stream.
    fn event(&mut self, value: &[u8], out: &mut Vec<StreamEvent>) -> Result<(), AttemptError> {
        let value = without_prefix(value);
        let value =
            value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).filter(is_done).unwrap_or(value);
        if value.is_empty() {
            return Ok(());
        }
        let mut event = std::mem::take(&mut self.event);
        event.clear();
        // llama.cpp's field of that name is a line of its own.
        if !value.starts_with(b"error:") {
            event.extend_from_slice(if self.is_error { b"event: error\ndata: " } else { b"data: " });
        }
        for (at, line) in value.split(|byte| matches!(byte, b'\n' | b'\r')).enumerate() {
            // Each line of a value that a bridge sends on as an event has the prefix.
            let line = if at == 0 { line } else { without_prefix(line) };
            event.extend_from_slice(line);
            event.push(b' ');
        }
        event.extend_from_slice(b"\n\n");
        self.is_error = false;
        let before = out.len();
        let result = self.inner.feed(&event, out);
        if event.capacity() > SPARE_BYTES {
            event = Vec::new();
        }
        self.event = event;
        self.note(&out[before..]);
        result
    }

    /// Takes note of what was said.
    fn note(&mut self, events: &[StreamEvent]) {
        for event in events {
            let (choice, finished) = match event {
                StreamEvent::Text { choice, .. }
                | StreamEvent::Reasoning { choice, .. }
                | StreamEvent::Refusal { choice, .. }
                | StreamEvent::ToolCall { choice, .. } => (*choice as usize, false),
                StreamEvent::Finish { choice, .. } => (*choice as usize, true),
                StreamEvent::Start { .. }
                | StreamEvent::Annotation { .. }
                | StreamEvent::Carry { .. }
                | StreamEvent::Usage(_)
                | StreamEvent::Notice(_) => continue,
            };
            self.said = true;
            self.first = None;
            if self.finished.len() <= choice {
                self.finished.resize(choice + 1, None);
            }
            let known = &mut self.finished[choice];
            *known = Some(finished || *known == Some(true));
        }
    }

    /// What the one message was that is no answer, if that is an error.
    fn misread(&mut self) -> Result<(), AttemptError> {
        let Some(first) = self.first.take().filter(|_| !self.said) else { return Ok(()) };
        if !first.starts_with(b"{") && !first.starts_with(b"[") {
            return Ok(());
        }
        let mut whole = openai_chat::OpenAiChat::default();
        let mut events = Vec::new();
        whole.feed(&first, &mut events)?;
        whole.finish(&mut events).map(|_| ())
    }
}

impl Decoder for Messages {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<(), AttemptError> {
        if self.closed || self.inner.is_marked() {
            return Ok(());
        }
        let result = self.read(bytes, out);
        self.closed = result.is_err();
        result
    }

    fn finish(&mut self, out: &mut Vec<StreamEvent>) -> Result<Ending, AttemptError> {
        if !self.closed && !self.inner.is_marked() {
            self.closed = true;
            self.give_on(out)?;
            if !self.inner.is_marked() {
                self.misread()?;
            }
        }
        self.inner.finish(out)
    }

    fn is_marked(&self) -> bool {
        self.inner.is_marked()
    }

    fn linger(&self) -> Option<Duration> {
        let came = || self.finished.iter().flatten();
        match came().count() {
            0 => None,
            _ if came().any(|finished| !finished) => None,
            count if count < self.asked => Some(LINGER_FOR_CHOICES),
            _ => Some(LINGER),
        }
    }
}

/// The end marker.
fn is_done(text: &&[u8]) -> bool {
    text.eq_ignore_ascii_case(b"[DONE]")
}

/// A line of a stream of events without its field's name.
fn without_prefix(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii();
    line.strip_prefix(b"data:").map_or(line, <[u8]>::trim_ascii)
}

fn too_long() -> AttemptError {
    AttemptError::Protocol {
        message: format!("one message is over the limit of {} MiB", MAX_EVENT_BYTES >> 20),
        hint: "This is hardly a chat stream: check base_url and dialect of the provider.".into(),
    }
}

#[cfg(test)]
mod tests;
