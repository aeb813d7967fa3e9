//! From bytes to events: the decoder of chat completions beside a plain loop over the same bytes.
//!
//! The plain loop has all of the stream in one piece, splits it at LF, takes `data: ` off and has
//! `serde_json` fill typed structs that borrow their text. It survives nothing that a server may do. The
//! decoder is fed in pieces, as a socket gives them, and its events are taken out after each. Contestants
//! take turns within each round; figures are medians. No more than 1.3 times the plain loop is the goal,
//! and no allocation for a chunk beyond its text.
//!
//! `cargo bench --bench decode`; arguments: the number of rounds (5), the size in MB (50).

#![allow(clippy::unwrap_used, clippy::expect_used)] // a measurement that fails, fails

#[path = "../tests/support/counting.rs"]
mod counting;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use chatui::chat::{Dialect, StreamEvent};
use chatui::wire;
use counting::{Counting, tally};
use serde::Deserialize;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Pieces as a fast socket and as a single segment gives them.
const PIECES: [usize; 2] = [64 << 10, 1400];

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|arg| arg.parse::<usize>().ok());
    let rounds = numbers.next().unwrap_or(5);
    let size = numbers.next().unwrap_or(50) * 1_000_000;
    println!(
        "{:<22} {:>9} {:>9} {:>9} {:>9} {:>7} {:>7} {:>8} {:>8}",
        "stream", "chunks", "plain ms", "64K ms", "1400 ms", "64K/pl", "1400/pl", "alloc/ch", "peak KB"
    );
    for (name, write) in STREAMS {
        let body = stream(size, *write);
        measure(name, &body, rounds);
    }
}

fn measure(name: &str, body: &str, rounds: usize) {
    let mut times = [const { Vec::new() }; 3];
    let mut said = [0; 3];
    for _ in 0..rounds {
        (times[0], said[0]) = timed(&mut times[0], || plain(body));
        for (at, piece) in PIECES.into_iter().enumerate() {
            (times[at + 1], said[at + 1]) = timed(&mut times[at + 1], || ours(body, piece));
        }
    }
    assert!(said[0] > 0 && said.iter().all(|text| *text == said[0]), "all read the same text: {said:?}");
    let [plain, large, small] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1e3
    });
    let chunks = body.matches("\n\n").count();
    let tally = tally(|| {
        ours(body, PIECES[0]);
    });
    let (allocations, peak) = (tally.count as f64 / chunks as f64, tally.peak >> 10);
    println!(
        "{name:<22} {chunks:>9} {plain:>9.1} {large:>9.1} {small:>9.1} {:>7.2} {:>7.2} {allocations:>8.3} {peak:>8}",
        large / plain,
        small / plain,
    );
}

fn timed(times: &mut Vec<Duration>, run: impl FnOnce() -> usize) -> (Vec<Duration>, usize) {
    let began = Instant::now();
    let said = run();
    times.push(began.elapsed());
    (std::mem::take(times), said)
}

/// The bytes of text that the decoder tells.
fn ours(body: &str, piece: usize) -> usize {
    let mut decoder = wire::decoder(Dialect::OpenAiChat, 1);
    let mut out = Vec::new();
    let mut said = 0;
    for piece in body.as_bytes().chunks(piece) {
        decoder.feed(piece, &mut out).unwrap();
        for event in out.drain(..) {
            if let StreamEvent::Text { delta, .. }
            | StreamEvent::Reasoning { delta, .. }
            | StreamEvent::ToolCall { delta, .. } = event
            {
                said += delta.len();
            }
        }
    }
    decoder.finish(&mut out).unwrap();
    said
}

#[derive(Deserialize)]
#[allow(dead_code)] // they are filled, as a client's are
struct Chunk<'a> {
    id: &'a str,
    object: &'a str,
    created: u64,
    model: &'a str,
    system_fingerprint: Option<&'a str>,
    choices: Vec<Choice<'a>>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Choice<'a> {
    index: u32,
    #[serde(borrow)]
    delta: Delta<'a>,
    finish_reason: Option<&'a str>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Delta<'a> {
    role: Option<&'a str>,
    #[serde(borrow)]
    content: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<Text<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<Call<'a>>>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Call<'a> {
    index: u32,
    id: Option<&'a str>,
    #[serde(borrow)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Function<'a> {
    name: Option<&'a str>,
    #[serde(borrow)]
    arguments: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

/// A string without a copy where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The bytes of text that a plain loop collects.
fn plain(body: &str) -> usize {
    let mut text = String::new();
    for line in body.as_bytes().split(|byte| *byte == b'\n') {
        let Some(data) = line.strip_prefix(b"data: ") else { continue };
        if data == b"[DONE]" {
            break;
        }
        let chunk: Chunk<'_> = serde_json::from_slice(data).unwrap();
        for choice in chunk.choices {
            let delta = choice.delta;
            let call = delta.tool_calls.into_iter().flatten().filter_map(|call| call.function?.arguments);
            for said in delta.content.into_iter().chain(delta.reasoning_content).chain(call) {
                text.push_str(&said.0);
            }
        }
    }
    text.len()
}

/// Writes the chunk with the number and the text (JSON without its quotes).
type WriteChunk = fn(&mut String, usize, &str);

const STREAMS: &[(&str, WriteChunk)] = &[
    ("openai", |to, _, text| {
        let choice =
            format!(r#"{{"index":0,"delta":{{"content":"{text}"}},"logprobs":null,"finish_reason":null}}"#);
        openai(to, OPENAI_ID, &choice, r#","usage":null"#);
    }),
    ("openai, padded", |to, number, text| {
        let choice =
            format!(r#"{{"index":0,"delta":{{"content":"{text}"}},"logprobs":null,"finish_reason":null}}"#);
        let padding = &"aZ3kPq9xLm2Rt7Wv"[..1 + number * 7 % 15];
        openai(to, OPENAI_ID, &choice, &format!(r#","usage":null,"obfuscation":"{padding}""#));
    }),
    ("openai, 4 choices", |to, number, text| {
        let choice = format!(
            r#"{{"index":{},"delta":{{"content":"{text}"}},"logprobs":null,"finish_reason":null}}"#,
            number % 4
        );
        openai(to, OPENAI_ID, &choice, r#","usage":null"#);
    }),
    ("openai, arguments", |to, number, text| {
        let first = r#""id":"call_abc123","type":"function","#;
        let call = format!(
            r#"{{"index":0,{}"function":{{{}"arguments":"{text}"}}}}"#,
            if number == 0 { first } else { "" },
            if number == 0 { r#""name":"write_file","# } else { "" },
        );
        let choice = format!(
            r#"{{"index":0,"delta":{{"tool_calls":[{call}]}},"logprobs":null,"finish_reason":null}}"#
        );
        openai(to, OPENAI_ID, &choice, r#","usage":null"#);
    }),
    ("vllm", |to, _, text| {
        writeln!(
            to,
            r#"data: {{"id":"chatcmpl-8b1f0c2d3e4f5a6b7c8d9e0f1a2b3c4d","object":"chat.completion.chunk","created":1763750000,"model":"meta-llama/Llama-3.1-8B-Instruct","choices":[{{"index":0,"delta":{{"content":"{text}"}},"logprobs":null,"finish_reason":null}}]}}
"#
        )
        .unwrap();
    }),
    ("deepseek, reasoning", |to, _, text| {
        let choice = format!(
            r#"{{"index":0,"delta":{{"content":null,"reasoning_content":"{text}"}},"logprobs":null,"finish_reason":null}}"#
        );
        openai(to, "930c60df-bf64-41c9-a88e-3ec75f81e00e", &choice, "");
    }),
    ("an id for each chunk", |to, number, text| {
        let choice =
            format!(r#"{{"index":0,"delta":{{"content":"{text}"}},"logprobs":null,"finish_reason":null}}"#);
        openai(to, &format!("chatcmpl-{number:029}"), &choice, r#","usage":null"#);
    }),
    ("log probabilities", |to, number, text| {
        let token =
            format!(r#""token":"{text}","logprob":-0.{:06},"bytes":[32,115,101]"#, number * 7919 % 1_000_000);
        let choice = format!(
            r#"{{"index":0,"delta":{{"content":"{text}"}},"logprobs":{{"content":[{{{token},"top_logprobs":[{{{token}}}]}}],"refusal":null}},"finish_reason":null}}"#
        );
        openai(to, OPENAI_ID, &choice, r#","usage":null"#);
    }),
];

const OPENAI_ID: &str = "chatcmpl-BcD3fGh1JkLmN0pQrStUvWxYz12";

fn openai(to: &mut String, id: &str, choice: &str, tail: &str) {
    writeln!(
        to,
        r#"data: {{"id":"{id}","object":"chat.completion.chunk","created":1763750000,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_07871e2ad8","choices":[{choice}]{tail}}}
"#
    )
    .unwrap();
}

/// About so many bytes of a stream, its words those of prose and code.
fn stream(size: usize, write: WriteChunk) -> String {
    const WORDS: [&str; 16] = [
        "The",
        " quick",
        " brown",
        " fox",
        " jumps",
        ",",
        " over",
        " the",
        " lazy",
        " dog",
        ".",
        r"\n\n",
        " naïve",
        r#" \"quoted\""#,
        " 日本語",
        " words",
    ];
    let mut body = String::with_capacity(size + (1 << 10));
    let mut number = 0;
    while body.len() < size {
        // A walk without a short period.
        write(&mut body, number, WORDS[(number * number + number / 3) % WORDS.len()]);
        number += 1;
    }
    body.push_str("data: [DONE]\n\n");
    body
}
