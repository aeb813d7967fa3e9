//! What the fuzz targets hold true: see `docs/testing.md`.
//!
//! The input is the body alone, so that fixtures are seeds as they are. How it is cut into pieces is made
//! from its bytes, the same for the same body.

use chatui::chat::{Dialect, StreamEvent};
use chatui::wire::{self, Flow, SseParser};

/// Above this a body is not also fed byte by byte.
const MAX_SINGLE_BYTES: usize = 4 << 10;

/// What a body says: its events, and how it ended.
#[derive(Debug, PartialEq)]
pub struct Said {
    pub events: Vec<StreamEvent>,
    pub ending: String,
}

/// Decodes a body as the program does: until it fails, or its end mark came.
pub fn decode<'a>(dialect: Dialect, pieces: impl IntoIterator<Item = &'a [u8]>) -> Said {
    let mut decoder = wire::decoder(dialect, 1);
    let mut events = Vec::new();
    for piece in pieces {
        if let Err(error) = decoder.feed(piece, &mut events) {
            return Said { events, ending: format!("{error:?}") };
        }
        if decoder.is_marked() {
            break;
        }
    }
    let ending = format!("{:?}", decoder.finish(&mut events));
    Said { events, ending }
}

/// A body says the same however it is cut, and not much more than it holds.
pub fn check(dialect: Dialect, body: &[u8]) {
    let whole = decode(dialect, [body]);
    let said: usize = whole.events.iter().map(|event| format!("{event:?}").len()).sum();
    // An event of a few bytes is some eighty as text, a byte that is no character six.
    assert!(said <= 64 * body.len() + (64 << 10), "{said} from {}", body.len());
    assert!(whole.ending.len() <= 32 << 10, "an error of {} bytes", whole.ending.len());
    if body.len() <= MAX_SINGLE_BYTES {
        assert_eq!(decode(dialect, body.chunks(1)), whole, "byte by byte");
    }
    assert_eq!(decode(dialect, pieces(body)), whole, "in pieces");
}

/// Spaces after the first brace of a chunk change nothing but which bytes stand around its text, so that no
/// chunk is read like one before it (`wire::openai_chat::stencil`): each is parsed.
pub fn check_parsed(body: &[u8]) {
    if body.len() > MAX_SINGLE_BYTES {
        return;
    }
    let (mut plain, mut spaced) = (Vec::new(), Vec::new());
    let mut number = 0;
    let read = SseParser::default().feed(body, |event| {
        number += 1;
        let start = event.data.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or_default();
        let (before, chunk) = event.data.split_at(start);
        let spaces = " ".repeat(if chunk.starts_with(b"{") { number } else { 0 });
        let (brace, rest) = chunk.split_at(spaces.len().min(1));
        let changed = [before, brace, spaces.as_bytes(), rest].concat();
        for (body, data) in [(&mut plain, event.data), (&mut spaced, &changed)] {
            body.extend_from_slice(b"event: ");
            body.extend_from_slice(event.kind);
            for line in data.split(|byte| *byte == b'\n') {
                body.extend_from_slice(b"\ndata: ");
                body.extend_from_slice(line);
            }
            body.extend_from_slice(b"\n\n");
        }
        Ok(Flow::More)
    });
    if read.is_err() {
        return;
    }
    let mut said = [plain, spaced].map(|body| decode(Dialect::OpenAiChat, [&body[..]]));
    // Notices quote the chunk.
    for said in &mut said {
        for event in &mut said.events {
            if let StreamEvent::Notice(text) = event {
                text.truncate(text.find(':').unwrap_or(text.len()));
            }
        }
    }
    let [plain, spaced] = said;
    assert_eq!(plain.events, spaced.events);
}

/// `body` in pieces of lengths between 1 and 64, small ones more often.
pub fn pieces(body: &[u8]) -> Vec<&[u8]> {
    // FNV-1a, then xorshift.
    let mut state = body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    }) | 1;
    let mut pieces = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let longest = 1 << (state % 7);
        let length = (1 + (state >> 8) as usize % longest).min(rest.len());
        let (piece, tail) = rest.split_at(length);
        pieces.push(piece);
        rest = tail;
    }
    pieces
}
