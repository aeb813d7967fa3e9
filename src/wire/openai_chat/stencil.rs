//! Stencils: chunks that differ from one before in their text only, read without parsing them.
//!
//! Nearly all of a stream is one chunk over and over: the same id, model and index around a few new
//! characters. When a chunk was parsed and said nothing but one text, the bytes before and after that
//! text are kept. A later chunk that begins and ends with the very same bytes, with a plain JSON string
//! between, would be parsed to the same thing with that other text; so it is not parsed, and costs two
//! comparisons and one look at its text. Everything else is parsed as ever: a stencil never guesses.
//!
//! What makes a stencil sound is in [`Stencils::learn`]: the parsed chunk has no other effect than its
//! text, now or when it comes again.

use std::borrow::Cow;
use std::ops::Range;

use super::chunk::{Call, Calls, Choice, Chunk, Delta, Function, Str};
use super::lenient;

/// How many are kept: one for each of some choices, and for reasoning beside text.
const MAX_STENCILS: usize = 16;
/// Chunks that hold more around their text are always parsed.
const MAX_BYTES: usize = 4 << 10;
/// The most chunks that are not learnt from while nothing fits: some servers give each an id of its own.
const MAX_PAUSE: u32 = 63;
/// OpenAI's random padding, which is to hide the length of the text, where it is the last member.
const PADDING: &[u8] = b",\"obfuscation\":\"";

/// The stencils of one stream.
#[derive(Debug, Default)]
pub(super) struct Stencils {
    list: Vec<Stencil>,
    /// The one that fitted last.
    last: usize,
    /// The one that a new one takes the place of, once there are too many.
    oldest: usize,
    /// How many chunks are not learnt from: more and more while what was learnt is of no use.
    pause: u32,
    paused: u32,
    #[cfg(test)]
    pub(super) fitted: usize,
}

#[derive(Debug)]
struct Stencil {
    /// What stands around the text, and around the padding.
    bytes: Vec<u8>,
    /// Where in `bytes` the text goes.
    text: usize,
    /// Where in `bytes` the padding goes.
    padding: Option<usize>,
    place: Place,
    /// Which one fitted after this one: choices often come in turns.
    next: usize,
}

/// What the text of a chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// The choice, by the server's index.
    choice: Option<i64>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The text of a text completion.
    Text,
    Content,
    ReasoningContent,
    Reasoning,
    Refusal,
    /// Of the call with the server's index.
    Arguments(Option<i64>),
}

impl Stencils {
    /// What parsing `chunk` would give, where it fits a stencil.
    pub(super) fn read<'a>(&mut self, chunk: &'a [u8]) -> Option<Choice<'a>> {
        let expected = self.list.get(self.last)?.next;
        let (at, text) = match self.list.get(expected).and_then(|stencil| stencil.text_of(chunk)) {
            Some(text) => (expected, text),
            None => self
                .list
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != expected)
                .find_map(|(at, stencil)| Some((at, stencil.text_of(chunk)?)))?,
        };
        self.list[self.last].next = at;
        self.last = at;
        (self.pause, self.paused) = (0, 0);
        #[cfg(test)]
        {
            self.fitted += 1;
        }
        Some(self.list[at].place.filled(text))
    }

    /// Keeps what stands around the text of `parsed`, which was borrowed from `chunk`, if it says this text
    /// and nothing else, and would again.
    pub(super) fn learn(&mut self, chunk: &[u8], parsed: &Chunk<'_>) {
        if self.paused < self.pause {
            self.paused += 1;
            return;
        }
        let Some((place, text)) = Place::of(parsed) else { return };
        let Some(text) = range_in(chunk, text) else { return };
        if chunk.len() - text.len() > MAX_BYTES {
            return;
        }
        let at = self.list.iter().position(|stencil| stencil.place == place).unwrap_or_else(|| {
            if self.list.len() < MAX_STENCILS {
                let next = self.list.len();
                self.list.push(Stencil { bytes: Vec::new(), text: 0, padding: None, place, next });
                return next;
            }
            self.oldest = (self.oldest + 1) % MAX_STENCILS;
            self.oldest
        });
        self.list[at].cut(chunk, text, place);
        (self.pause, self.paused) = (MAX_PAUSE.min(2 * self.pause + 1), 0);
        if let Some(last) = self.list.get_mut(self.last) {
            last.next = at;
        }
        self.last = at;
    }
}

impl Stencil {
    fn cut(&mut self, chunk: &[u8], text: Range<usize>, place: Place) {
        self.place = place;
        self.text = text.start;
        self.bytes.clear();
        self.bytes.extend_from_slice(&chunk[..text.start]);
        let rest = &chunk[text.end..];
        self.padding = padding_of(rest).map(|padding| {
            self.bytes.extend_from_slice(&rest[..padding.start]);
            let at = self.bytes.len();
            self.bytes.extend_from_slice(&rest[padding.end..]);
            at
        });
        if self.padding.is_none() {
            self.bytes.extend_from_slice(rest);
        }
    }

    /// The text of a chunk that fits.
    fn text_of<'a>(&self, chunk: &'a [u8]) -> Option<Cow<'a, str>> {
        let rest = chunk.strip_prefix(&self.bytes[..self.text])?;
        let text = StringBody::at_start_of(rest)?;
        let rest = &rest[text.end..];
        let rest = match self.padding {
            None => rest.strip_prefix(&self.bytes[self.text..])?,
            Some(padding) => {
                let rest = rest.strip_prefix(&self.bytes[self.text..padding])?;
                let body = StringBody::at_start_of(rest)?;
                if body.has_escapes || !rest[..body.end].is_ascii() {
                    return None;
                }
                rest[body.end..].strip_prefix(&self.bytes[padding..])?
            }
        };
        if !rest.is_empty() {
            return None;
        }
        let body = std::str::from_utf8(&chunk[self.text..self.text + text.end]).ok()?;
        if text.has_escapes { unescaped(body).map(Cow::Owned) } else { Some(Cow::Borrowed(body)) }
    }
}

impl Place {
    /// The one text that a chunk says; `None` where it says anything else.
    fn of<'c>(chunk: &'c Chunk<'_>) -> Option<(Self, &'c str)> {
        // All members are named, so that a new one is thought of here.
        let Chunk {
            // Told once, by the first chunk.
            id: _,
            model: _,
            choices,
            usage,
            prompt_filter_results,
            // They matter beside usage only.
            timings: _,
            // Looked at before.
            object: _,
            kind: _,
            error: _,
            x_groq: _,
        } = chunk;
        if usage.is_some() || prompt_filter_results.is_some() {
            return None;
        }
        let mut choices = choices.as_ref()?.iter();
        let (Some(choice), None) = (choices.next(), choices.next()) else { return None };
        let Choice { index, delta, message, text, finish_reason, content_filter_results, error: _ } = choice;
        if finish_reason.as_ref().is_some_and(says)
            || content_filter_results.as_ref().is_some_and(|verdict| lenient::says_something(verdict))
        {
            return None;
        }
        let (kind, text) = match (delta, message, text) {
            (Some(delta), _, _) => Kind::of(delta)?,
            (None, None, Some(text)) => (Kind::Text, &*text.0),
            (None, _, _) => return None,
        };
        Some((Self { choice: *index, kind }, text))
    }

    /// The choice that says `text` here.
    fn filled(self, text: Cow<'_, str>) -> Choice<'_> {
        let mut delta = Delta::default();
        match self.kind {
            Kind::Text => return Choice { index: self.choice, text: Some(Str(text)), ..Choice::default() },
            Kind::Content => delta.content = Some(Str(text)),
            Kind::ReasoningContent => delta.reasoning_content = Some(Str(text)),
            Kind::Reasoning => delta.reasoning = Some(Str(text)),
            Kind::Refusal => delta.refusal = Some(Str(text)),
            Kind::Arguments(index) => {
                let function = Function { name: None, arguments: Some(super::chunk::Arguments(text)) };
                let call = Call { index, function: Some(function), ..Call::default() };
                delta.tool_calls = Some(Calls::one(call));
            }
        }
        Choice { index: self.choice, delta: Some(delta), ..Choice::default() }
    }
}

impl Kind {
    fn of<'d>(delta: &'d Delta<'_>) -> Option<(Self, &'d str)> {
        let Delta {
            content,
            reasoning_content,
            reasoning,
            refusal,
            tool_calls,
            function_call,
            reasoning_details,
            parts,
            audio: _,
        } = delta;
        if function_call.is_some()
            || !parts.is_empty()
            || reasoning_details.as_ref().is_some_and(|details| !details.is_empty())
        {
            return None;
        }
        let texts = [
            (Kind::Content, content),
            (Kind::ReasoningContent, reasoning_content),
            (Kind::Reasoning, reasoning),
            (Kind::Refusal, refusal),
        ];
        let mut said = texts
            .into_iter()
            .filter_map(|(kind, text)| Some((kind, text.as_ref().filter(|text| says(text))?)));
        let mut calls = tool_calls.iter().flat_map(Calls::iter);
        match (said.next(), calls.next()) {
            (Some((kind, text)), None) if said.next().is_none() => Some((kind, &text.0)),
            (None, Some(call)) if calls.next().is_none() => Self::of_call(call),
            _ => None,
        }
    }

    fn of_call<'c>(call: &'c Call<'_>) -> Option<(Self, &'c str)> {
        let Call { index, id, function, custom, extra_content } = call;
        let Some(Function { name, arguments: Some(arguments) }) = function.as_ref().or(custom.as_ref())
        else {
            return None;
        };
        if extra_content.is_some()
            || id.as_ref().is_some_and(says)
            || name.as_ref().is_some_and(says)
            || arguments.0.is_empty()
        {
            return None;
        }
        Some((Kind::Arguments(*index), &arguments.0))
    }
}

fn says(text: &Str<'_>) -> bool {
    !text.0.is_empty()
}

/// Where `text` lies in `chunk`, where it is a piece of it and no copy.
fn range_in(chunk: &[u8], text: &str) -> Option<Range<usize>> {
    let start = (text.as_ptr() as usize).checked_sub(chunk.as_ptr() as usize)?;
    let end = start.checked_add(text.len())?;
    // Between quotes: JSON that stands for text as it is (an object as arguments) is no string.
    let quoted = start > 0 && chunk.get(start - 1) == Some(&b'"') && chunk.get(end) == Some(&b'"');
    quoted.then_some(start..end)
}

/// Where the padding lies in the rest of a chunk that was parsed. The bytes looked for cannot stand in JSON
/// in any other meaning: an escaped quote before them would only make a longer name, unknown like this one.
fn padding_of(rest: &[u8]) -> Option<Range<usize>> {
    let end = rest.strip_suffix(b"\"}")?.len();
    let start = memchr::memmem::rfind(&rest[..end], PADDING)? + PADDING.len();
    let body = StringBody::at_start_of(&rest[start..])?;
    (start + body.end == end).then_some(start..end)
}

/// What stands between the quotes of a string.
struct StringBody {
    end: usize,
    has_escapes: bool,
}

impl StringBody {
    /// The body that `bytes` begin with, up to its quote; `None` where they hold no whole string.
    fn at_start_of(bytes: &[u8]) -> Option<Self> {
        let mut has_escapes = false;
        let mut at = 0;
        loop {
            match *bytes.get(at)? {
                b'"' => return Some(Self { end: at, has_escapes }),
                b'\\' => {
                    has_escapes = true;
                    at += 2;
                }
                0..0x20 => return None,
                _ => at += 1,
            }
        }
    }
}

/// What the body of a string means; `None` where it is no JSON.
fn unescaped(body: &str) -> Option<String> {
    let mut text = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(&rest[..at]);
        let escape = *rest.as_bytes().get(at + 1)?;
        rest = rest.get(at + 2..)?;
        text.push(match escape {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = take_unit(&mut rest)?;
                let pair = match unit {
                    0xD800..=0xDBFF => {
                        rest = rest.strip_prefix("\\u")?;
                        [unit, take_unit(&mut rest)?]
                    }
                    _ => [unit, 0],
                };
                char::decode_utf16(pair).next()?.ok()?
            }
            _ => return None,
        });
    }
    text.push_str(rest);
    Some(text)
}

/// Takes four hexadecimal digits.
fn take_unit(rest: &mut &str) -> Option<u16> {
    let (digits, tail) = rest.split_at_checked(4)?;
    *rest = tail;
    // `from_str_radix` alone would take a sign.
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    are_digits.then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests;
