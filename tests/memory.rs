//! Memory stays bounded whatever a server sends: streams made to fill it, and the most that the decoder
//! holds of them, its events taken out as they come.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work fails")]

#[path = "support/counting.rs"]
mod counting;

use chatui::chat::{Dialect, StreamEvent};
use chatui::wire::{self, websocket};
use counting::{Counting, tally};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MIB: usize = 1 << 20;
const PIECE: usize = 64 << 10;

/// A body: `head`, `item` many times (the first `#` in it is its number), `tail`.
struct Body {
    name: &'static str,
    head: String,
    item: String,
    times: usize,
    tail: &'static str,
    /// The most MiB that it may take.
    limit: usize,
}

fn body(name: &'static str, limit: usize) -> Body {
    Body { name, head: String::new(), item: String::new(), times: 1, tail: "", limit }
}

/// One event with a list of `mib` MiB of items.
fn event(
    name: &'static str,
    limit: usize,
    (head, item, tail): (&str, &str, &'static str),
    mib: usize,
) -> Body {
    Body { head: head.into(), item: item.into(), times: mib * MIB / item.len(), tail, ..body(name, limit) }
}

/// Many small events.
fn events(name: &'static str, limit: usize, item: &str, mib: usize) -> Body {
    Body { item: item.into(), times: mib * MIB / item.len(), ..body(name, limit) }
}

impl Body {
    fn feed(&self, mut feed: impl FnMut(&[u8]) -> bool) {
        let mut piece = String::with_capacity(PIECE + self.item.len());
        piece.push_str(&self.head);
        for number in 0..self.times {
            match self.item.split_once('#') {
                None => piece.push_str(&self.item),
                Some((before, after)) => {
                    [before, &number.to_string(), after].iter().for_each(|part| piece.push_str(part));
                }
            }
            if piece.len() >= PIECE {
                if !feed(piece.as_bytes()) {
                    return;
                }
                piece.clear();
            }
        }
        piece.push_str(self.tail);
        feed(piece.as_bytes());
    }
}

/// The most bytes held, but for the piece that is fed, and how many events came.
fn peak(dialect: Dialect, body: &Body) -> (usize, usize) {
    let mut told = 0;
    let tally = tally(|| {
        let mut decoder = wire::decoder(dialect, 1);
        let mut out: Vec<StreamEvent> = Vec::new();
        let mut failed = false;
        body.feed(|piece| {
            failed = decoder.feed(piece, &mut out).is_err();
            told += out.drain(..).count();
            !failed
        });
        if !failed {
            // An error is an answer, too.
            let _ = decoder.finish(&mut out);
            told += out.len();
        }
    });
    (tally.peak.saturating_sub(2 * (PIECE + body.item.len())), told)
}

const CHUNK: &str = r#"data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"#;

fn bodies() -> Vec<Body> {
    let long = "x".repeat(MIB);
    let chunk = |member: &str| format!("{CHUNK}{member}}}}}]}}\n\n");
    let start = r#"data: {"choices":["#;
    vec![
        event("a line without an end", 40, ("data: ", "xxxxxxxx", ""), 24),
        event("comments without an end", 40, (":", "xxxxxxxx", ""), 24),
        event("white space without an end", 1, ("", " \n", ""), 24),
        events("data lines without an event", 40, "data:\n", 40),
        events("types without an event", 1, &format!("event: {}\n", "t".repeat(1000)), 24),
        events("a type as long as a line may be", 40, &format!("event: {}\n", &long[..MIB - 8]), 24),
        events("lines that are no field", 1, "choices\n", 24),
        events("fields called error", 1, &format!("error: {}\n", "e".repeat(100_000)), 24),
        events("malformed chunks", 1, "data: {\"choices\n\n", 8),
        Body {
            head: start.into(),
            item: "{},".into(),
            times: 60_000,
            tail: "{}]}\n\n",
            ..body("as many choices in one chunk as are read", 128)
        },
        event("choices in one chunk", 128, (start, "{},", "{}]}\n\n"), 15),
        event(
            "choices with one text each",
            128,
            (start, r##"{"index":#,"delta":{"content":"x"}},"##, "{}]}\n\n"),
            13,
        ),
        events(
            "a choice in each chunk",
            2,
            r##"data: {"choices":[{"index":#,"delta":{"content":"x"}}]}

"##,
            8,
        ),
        event(
            "tool calls in one chunk",
            128,
            (&format!("{CHUNK}\"tool_calls\":["), "{},", "{}]}}]}\n\n"),
            15,
        ),
        events(
            "a tool call in each chunk",
            2,
            &chunk(r##""tool_calls":[{"id":"#","function":{"name":"f"}}]"##),
            1,
        ),
        events(
            "ids as long as novels",
            128,
            &chunk(&format!(r##""tool_calls":[{{"id":"#{long}","function":{{"name":"f"}}}}]"##)),
            200,
        ),
        events(
            "names that never come",
            128,
            &chunk(&format!(r#""tool_calls":[{{"index":0,"function":{{"arguments":"{long}"}}}}]"#)),
            200,
        ),
        events(
            "names of calls behind them",
            128,
            &chunk(&format!(r##""tool_calls":[{{"index":#,"function":{{"arguments":"{long}"}}}}]"##)),
            200,
        ),
        events(
            "data that goes back with a call",
            128,
            &chunk(&format!(
                r##""tool_calls":[{{"id":"#","extra_content":{{"a":"{long}"}},"function":{{"name":"f"}}}}]"##
            )),
            200,
        ),
        events(
            "data that goes back",
            128,
            &chunk(&format!(r#""reasoning_details":[{{"type":"reasoning.encrypted","data":"{long}"}}]"#)),
            200,
        ),
        events("small data that goes back", 128, &chunk(r#""reasoning_details":[{"a":0}]"#), 12),
        events(
            "reasoning that goes back",
            128,
            &chunk(&format!(r#""reasoning_details":[{{"type":"reasoning.text","text":"{long}"}}]"#)),
            200,
        ),
        events(
            "verdicts",
            128,
            &format!(
                "data: {{\"choices\":[{{\"index\":#,\"content_filter_results\":{{\"a\":\"{long}\"}}}}]}}\n\n"
            ),
            200,
        ),
        events(
            "verdicts on the prompt before the start",
            128,
            &format!(
                "data: {{\"choices\":[],\"prompt_filter_results\":[{{\"content_filter_results\":{{\"a\":\"{long}\"}}}}]}}\n\n"
            ),
            200,
        ),
        event(
            "verdicts on the prompt in one chunk",
            128,
            (r#"data: {"choices":[],"prompt_filter_results":["#, r#"{"a":0},"#, "{}]}\n\n"),
            15,
        ),
        event("a value nested deep", 80, (r#"data: {"choices":"#, "[", "\n\n"), 15),
        event("an unknown member nested deep", 80, (r#"data: {"a":"#, "[", "\n\n"), 15),
        event(
            "log probabilities",
            80,
            (r#"data: {"choices":[{"delta":{"content":"x"},"logprobs":["#, r#"{"a":0},"#, "{}]}]}\n\n"),
            15,
        ),
        events("white space before a tag that never comes", 1, &chunk(r#""content":"\n ""#), 8),
        event("a whole answer of lists", 128, ("[", "[],", "[]]"), 60),
        event("a whole answer of nothing", 128, ("{\"a\":[", "{\"a\":0},", "0]}"), 60),
        event("a whole answer over the limit", 128, ("{\"a\":\"", "xxxxxxxx", "\"}"), 70),
        event("a web page", 20, ("<html>", "<p>xxxxx", ""), 4),
    ]
}

// One test, as what all threads allocate is counted.
#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation; .ci/long runs it")]
fn no_stream_fills_the_memory() {
    let mut over = Vec::new();
    for dialect in [Dialect::OpenAiChat, Dialect::WebSocket] {
        for mut body in bodies() {
            if dialect == Dialect::WebSocket {
                // As the transport hands messages over.
                body.head = format!("{}{}", char::from(websocket::RECORD), body.head);
            }
            let (bytes, told) = peak(dialect, &body);
            let Body { name, limit, .. } = body;
            println!(
                "{:<12} {name:<42} {:>7} KiB of {limit:>4} MiB {told:>8} events",
                dialect.name(),
                bytes >> 10
            );
            if bytes > limit * MIB {
                over.push((dialect.name(), name));
            }
        }
    }
    assert!(over.is_empty(), "over their limits: {over:?}");
}
