//! The floor: the least that a Rust program does to show a streamed answer.
//!
//! Reads the socket, undoes the chunked transfer coding, splits events, parses each into typed
//! structs with `serde_json`, prints the text. No HTTP library, no terminal, no store, one thread.
//! What a real client costs above this is what its screen, its safety and its memory cost.
//!
//! `floor URL MODEL PROMPT`, where URL is the base URL with `/v1`.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)] // a measurement that fails, fails

use std::io::{Read, Write};
use std::net::TcpStream;

use serde::Deserialize;

#[derive(Deserialize)]
struct Event {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
}

#[derive(Deserialize, Default)]
struct Delta {
    content: Option<String>,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [url, model, prompt] = args.as_slice() else {
        println!("floor: nothing to do without URL MODEL PROMPT (end_to_end runs it)");
        return;
    };
    run(url, model, prompt);
}

/// The request that all three contestants send.
pub fn body(model: &str, prompt: &str) -> String {
    serde_json::json!({
        "model": model,
        "messages": [{"role": "user", "content": prompt}],
        "stream": true,
        "stream_options": {"include_usage": true},
    })
    .to_string()
}

/// Prints the answer to standard output.
pub fn run(base_url: &str, model: &str, prompt: &str) {
    let (host, path) = base_url.strip_prefix("http://").expect("http").split_once('/').expect("a path");
    let body = body(model, prompt);
    let mut stream = TcpStream::connect(host).expect("the server listens");
    stream.set_nodelay(true).expect("a socket option");
    let head = format!(
        "POST /{path}/chat/completions HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("the server reads");
    stream.write_all(body.as_bytes()).expect("the server reads");

    let mut out = std::io::stdout().lock();
    let mut input = vec![0; 64 << 10];
    let mut wire = Vec::new();
    let mut text = Vec::new();
    let mut is_chunked = None;
    loop {
        let count = stream.read(&mut input).expect("the server sends");
        wire.extend_from_slice(&input[..count]);
        let is_chunked = match is_chunked {
            Some(known) => known,
            None => {
                let Some(end) = wire.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
                let head = String::from_utf8_lossy(&wire[..end]).to_ascii_lowercase();
                assert!(head.contains(" 200 "), "the server answers: {head}");
                wire.drain(..end + 4);
                *is_chunked.insert(head.contains("transfer-encoding: chunked"))
            }
        };
        if is_chunked {
            take_chunks(&mut wire, &mut text);
        } else {
            text.append(&mut wire);
        }
        let is_done = print_events(&mut text, &mut out);
        out.flush().expect("standard output");
        if is_done || count == 0 {
            return;
        }
    }
}

/// Moves the bodies of whole chunks from `wire` to `text`.
fn take_chunks(wire: &mut Vec<u8>, text: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(line) = wire[at..].windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&wire[at..at + line]).expect("a chunk size");
        let size = usize::from_str_radix(size.trim(), 16).expect("a chunk size");
        let start = at + line + 2;
        if size == 0 || wire.len() < start + size + 2 {
            break;
        }
        text.extend_from_slice(&wire[start..start + size]);
        at = start + size + 2;
    }
    wire.drain(..at);
}

/// Prints the whole events of `text` and takes them out; true at `[DONE]`.
fn print_events(text: &mut Vec<u8>, out: &mut impl Write) -> bool {
    let mut at = 0;
    let mut is_done = false;
    while let Some(line) = text[at..].iter().position(|byte| *byte == b'\n') {
        let data = text[at..at + line].strip_prefix(b"data:").map(<[u8]>::trim_ascii);
        at += line + 1;
        match data {
            None => {}
            Some(b"[DONE]") => is_done = true,
            Some(data) => {
                let event: Event = serde_json::from_slice(data).expect("an event");
                for choice in event.choices {
                    let content = choice.delta.content.unwrap_or_default();
                    out.write_all(content.as_bytes()).expect("standard output");
                }
            }
        }
    }
    text.drain(..at);
    is_done
}
