//! The body of one answer: what it is, by its first byte, and its decoder.
//!
//! Content types lie, so they are not asked: `{` or `[` begins JSON (a whole answer, an error, or one
//! chunk a line), `<` a web page, anything else an event stream.

use serde::de::IgnoredAny;
use serde_json::{Deserializer, Value};

use super::chat::{Chat, Extent, error_text, is_done};
use super::lenient;
use crate::chat::StreamEvent;
use crate::chat::error::AttemptError;
use crate::chat::stream::Ending;
use crate::wire::errors::{page_title, server_error, shorten};
use crate::wire::sse::{Flow, SseParser};
use crate::wire::{Decoder, MAX_BODY_BYTES};

/// The most documents of one body, or one message, that say nothing.
pub(in crate::wire) const MAX_SILENT: usize = 1000;
const BOM: &[u8; 3] = b"\xEF\xBB\xBF";
/// How much of a web page is read for its title.
const PAGE_BYTES: usize = 64 << 10;
/// How much of an unreadable body is quoted.
const QUOTED_CHARS: usize = 80;

/// The decoder of chat completions, in whatever dialect they come, and of text completions.
#[derive(Debug, Default)]
pub struct OpenAiChat {
    form: Form,
    sse: SseParser,
    chat: Chat,
    /// After the end marker or an error.
    closed: bool,
}

#[derive(Debug)]
enum Form {
    /// White space so far. `bom`: how much of a byte order mark stands before it; `indented`: the last
    /// was a blank, which makes what follows a line of its own kind in an event stream.
    Unknown {
        bom: usize,
        indented: bool,
    },
    Stream,
    Json(Vec<u8>),
    Page(Vec<u8>),
}

impl Default for Form {
    fn default() -> Self {
        Form::Unknown { bom: 0, indented: false }
    }
}

impl Decoder for OpenAiChat {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<(), AttemptError> {
        if self.closed {
            return Ok(());
        }
        let result = self.read(bytes, out);
        if result.is_err() {
            self.close(out);
        }
        result
    }

    fn finish(&mut self, out: &mut Vec<StreamEvent>) -> Result<Ending, AttemptError> {
        if self.closed {
            return Ok(self.chat.ending());
        }
        let result = self.end(out);
        self.close(out);
        result
    }

    fn is_marked(&self) -> bool {
        self.chat.is_marked()
    }
}

impl OpenAiChat {
    /// For an answer that goes on with a text as it stands: tags in it are text too.
    pub(in crate::wire) fn of_raw_text() -> Self {
        Self { chat: Chat::of_raw_text(), ..Self::default() }
    }

    fn close(&mut self, out: &mut Vec<StreamEvent>) {
        self.closed = true;
        self.chat.close(out);
    }

    fn read(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<(), AttemptError> {
        let bytes = match self.form {
            Form::Unknown { .. } => self.sniff(bytes, out)?,
            Form::Stream | Form::Json(_) | Form::Page(_) => bytes,
        };
        match &mut self.form {
            Form::Unknown { .. } => Ok(()),
            Form::Stream => self.stream(bytes, out),
            Form::Json(body) if body.len() + bytes.len() > MAX_BODY_BYTES => Err(protocol(
                format!("the answer is over the limit of {} MiB", MAX_BODY_BYTES >> 20),
                "This is hardly a chat answer: check base_url and dialect of the provider.",
            )),
            Form::Json(body) => {
                body.extend_from_slice(bytes);
                Ok(())
            }
            Form::Page(page) => {
                let room = PAGE_BYTES.saturating_sub(page.len());
                page.extend_from_slice(&bytes[..bytes.len().min(room)]);
                if bytes.len() > room { Err(web_page(page)) } else { Ok(()) }
            }
        }
    }

    fn stream(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<(), AttemptError> {
        let chat = &mut self.chat;
        if self.sse.feed(bytes, |event| chat.event(event, out))? == Flow::Stop {
            self.closed = true;
            return self.error_field();
        }
        Ok(())
    }

    /// Passes over white space until the first byte that tells what the body is, and gives back what
    /// begins there.
    fn sniff<'a>(&mut self, bytes: &'a [u8], out: &mut Vec<StreamEvent>) -> Result<&'a [u8], AttemptError> {
        let Form::Unknown { mut bom, mut indented } = self.form else { return Ok(bytes) };
        for (at, &byte) in bytes.iter().enumerate() {
            if bom < BOM.len() && byte == BOM[bom] {
                bom += 1;
                continue;
            }
            let whole = bom == 0 || bom == BOM.len();
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' if whole => {
                    indented = matches!(byte, b' ' | b'\t');
                    // A mark that comes after this is none.
                    bom = BOM.len();
                    continue;
                }
                b'{' | b'[' if whole => self.form = Form::Json(Vec::new()),
                b'<' if whole => self.form = Form::Page(Vec::new()),
                _ => {
                    self.form = Form::Stream;
                    self.stream(&BOM[..bom], out)?;
                    if indented {
                        self.stream(b" ", out)?;
                    }
                }
            }
            return Ok(&bytes[at..]);
        }
        self.form = Form::Unknown { bom, indented };
        Ok(&[])
    }

    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<Ending, AttemptError> {
        match std::mem::take(&mut self.form) {
            Form::Unknown { .. } => Ok(Ending::Empty),
            Form::Page(page) => Err(web_page(&page)),
            Form::Json(body) => self.whole(&body, out),
            Form::Stream => {
                // Servers that leave out the line after it exist.
                let is_marked = self.sse.unfinished().is_some_and(|event| {
                    std::str::from_utf8(event.data).is_ok_and(|text| is_done(text.trim()))
                });
                if is_marked {
                    self.chat.mark(out);
                }
                self.error_field()?;
                match self.sse.stray_line() {
                    Some(line) if !self.chat.is_readable() && !is_marked => Err(unreadable(line)),
                    _ => Ok(self.chat.ending()),
                }
            }
        }
    }

    /// llama.cpp once reported errors in a field of that name; it is looked at when all else is read.
    fn error_field(&self) -> Result<(), AttemptError> {
        match self.sse.error_field().map(String::from_utf8_lossy) {
            Some(text) if !matches!(text.trim(), "" | "null" | "false" | "{}") => {
                Err(AttemptError::Server(error_text(text.trim())))
            }
            _ => Ok(()),
        }
    }

    /// A body of JSON: one answer, or one chunk after the other.
    fn whole(&mut self, body: &[u8], out: &mut Vec<StreamEvent>) -> Result<Ending, AttemptError> {
        let text = String::from_utf8_lossy(body);
        let mut documents = Deserializer::from_str(&text).into_iter::<IgnoredAny>();
        let (mut count, mut silent) = (0, 0);
        let mut start = 0;
        let mut first = "";
        let mut error = None;
        while let Some(document) = documents.next() {
            if let Err(err) = document {
                error = Some(err);
                break;
            }
            let end = documents.byte_offset();
            let document = text[start..end].trim();
            start = end;
            count += 1;
            if count == 1 {
                first = document;
            }
            let before = out.len();
            self.chat.json(document, Extent::Whole, out)?;
            silent += usize::from(out.len() == before);
            if silent > MAX_SILENT {
                return Err(many_silent());
            }
        }
        if count == 0 {
            return Err(match error {
                Some(err) if err.is_eof() => protocol(
                    format!("the answer is JSON that breaks off after {} bytes", body.len()),
                    "Retry; if it happens again, check base_url of the provider.",
                ),
                _ => unreadable(body),
            });
        }
        if !self.chat.has_choices() {
            return Err(not_a_chat(first));
        }
        if count == 1 && error.is_none() {
            self.chat.mark(out);
        }
        Ok(self.chat.ending())
    }
}

fn protocol(message: String, hint: &str) -> AttemptError {
    AttemptError::Protocol { message, hint: hint.to_owned() }
}

/// JSON upon JSON that says nothing: it is not read to its end.
pub(in crate::wire) fn many_silent() -> AttemptError {
    protocol(
        format!("the answer holds over {MAX_SILENT} pieces of JSON that say nothing"),
        "This is hardly a chat answer: check base_url and dialect of the provider.",
    )
}

fn web_page(page: &[u8]) -> AttemptError {
    let title = page_title(page).map(|title| format!(" (“{title}”)")).unwrap_or_default();
    protocol(
        format!("a web page{title} came in place of an answer"),
        "Check base_url of the provider; a proxy or a log-in page may stand in between.",
    )
}

fn unreadable(body: &[u8]) -> AttemptError {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * QUOTED_CHARS)]);
    protocol(
        format!("the answer is no chat stream; it begins: {}", shorten(text.trim(), QUOTED_CHARS)),
        "Check base_url and dialect of the provider.",
    )
}

/// JSON without choices: an error that does not call itself one, or something else altogether.
fn not_a_chat(document: &str) -> AttemptError {
    let value = lenient::parse(document).unwrap_or_default();
    let top = value.get(0).unwrap_or(&value);
    if ["message", "detail"].iter().any(|name| top.get(name).is_some_and(|v| v.is_string() || v.is_array())) {
        return AttemptError::Server(server_error(&value));
    }
    match value {
        Value::Object(_) | Value::Array(_) => protocol(
            format!("the answer is JSON, but holds no choice: {}", shorten(document, QUOTED_CHARS)),
            "Check base_url and dialect of the provider.",
        ),
        _ => unreadable(document.as_bytes()),
    }
}
