//! A key that a server spells out is seen neither on the screen nor in a recording, however it is cut.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::redact::Redactor;
use crate::base::{Secret, Secrets};
use crate::chat::{Dialect, StreamEvent, TurnEvent};
use crate::wire;
use crate::wire::recording::Scrub;

const KEY: &str = "sk-test/0123456789-abcdef";
/// What stands around it.
const AROUND: [&str; 4] = ["Ask: ", "is ", "so", " ends."];

fn secrets() -> Secrets {
    let mut secrets = Secrets::default();
    secrets.add(&Secret::new(KEY));
    secrets.add(&Secret::new("Bearer of-another-key"));
    secrets
}

/// Where the pieces of an event belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum To {
    Text(u32),
    Reasoning(u32),
    Arguments(u32, u32),
}

impl To {
    fn event(self, piece: &str, index_first: bool) -> String {
        let (choice, delta) = match self {
            To::Text(choice) => (choice, json!({"content": piece})),
            To::Reasoning(choice) => (choice, json!({"reasoning_content": piece})),
            To::Arguments(choice, call) => {
                let call = json!({"index": call, "id": format!("c{call}"), "function": {"name": "f", "arguments": piece}});
                (choice, json!({"tool_calls": [call]}))
            }
        };
        let choice = if index_first {
            json!({"index": choice, "delta": delta})
        } else {
            json!({"delta": delta, "index": choice})
        };
        format!("data: {}\n\n", json!({"id": "x", "choices": [choice]}))
    }
}

/// What each text says in events of a body, as they are and as they are shown.
fn read(body: &[u8], redactor: Option<&mut Redactor>) -> BTreeMap<To, String> {
    let mut events = Vec::new();
    let mut decoder = wire::decoder(Dialect::OpenAiChat, 2);
    decoder.feed(body, &mut events).unwrap();
    let mut shown = Vec::new();
    match redactor {
        None => shown = events.into_iter().map(TurnEvent::Stream).collect(),
        Some(redactor) => {
            for event in events {
                redactor.pass(&secrets(), TurnEvent::Stream(event), &mut |event| shown.push(event));
            }
        }
    }
    let mut texts: BTreeMap<To, String> = BTreeMap::new();
    for event in shown {
        let (to, delta) = match event {
            TurnEvent::Stream(StreamEvent::Text { choice, delta }) => (To::Text(choice), delta),
            TurnEvent::Stream(StreamEvent::Reasoning { choice, delta }) => (To::Reasoning(choice), delta),
            TurnEvent::Stream(StreamEvent::ToolCall { choice, index, delta, .. }) => {
                (To::Arguments(choice, index), delta)
            }
            _ => continue,
        };
        texts.entry(to).or_default().push_str(&delta);
    }
    texts
}

fn scrubbed(pieces: &[&[u8]]) -> Vec<u8> {
    let (mut scrub, secrets) = (Scrub::default(), secrets());
    let mut out = Vec::new();
    for piece in pieces {
        out.extend(scrub.pass(&secrets, piece));
    }
    out.extend(scrub.rest(&secrets));
    out
}

/// A text with keys in it, in pieces of these lengths.
fn pieces(lengths: &[usize]) -> Vec<String> {
    let whole = format!("{}{KEY}{}{}{KEY}{KEY}{}", AROUND[0], AROUND[1], AROUND[2], AROUND[3]);
    let mut letters = whole.chars().peekable();
    let mut lengths = lengths.iter().copied().cycle();
    let mut pieces = Vec::new();
    while letters.peek().is_some() {
        pieces.push(letters.by_ref().take(lengths.next().unwrap()).collect());
    }
    pieces
}

#[track_caller]
fn assert_hidden(text: &str, what: &str) {
    let mut clean = text.to_owned();
    for seen in ["sk-***", "sk***", "s***"] {
        clean = clean.replace(seen, "***");
    }
    assert_eq!(clean, "Ask: ***is so****** ends.", "{what}: {text}");
    assert!(!text.contains(&KEY[..4]) && !text.contains(&KEY[4..8]), "{what}: {text}");
}

fn any_layout() -> impl Strategy<Value = Vec<To>> {
    prop_oneof![
        Just(vec![To::Text(0)]),
        Just(vec![To::Text(0), To::Text(1)]),
        Just(vec![To::Text(0), To::Reasoning(0)]),
        Just(vec![To::Arguments(0, 0)]),
        Just(vec![To::Arguments(0, 0), To::Arguments(0, 1), To::Text(0), To::Text(1), To::Reasoning(1)]),
    ]
}

proptest! {
    #[test]
    fn a_key_is_seen_nowhere_however_it_is_cut_and_mixed(
        layout in any_layout(),
        lengths in proptest::collection::vec(proptest::collection::vec(1_usize..9, 1..6), 5),
        chunk in 1_usize..300,
        index_first in any::<bool>(),
    ) {
        let mut queues: Vec<(To, std::vec::IntoIter<String>)> = layout
            .iter()
            .zip(&lengths)
            .map(|(to, lengths)| (*to, pieces(lengths).into_iter()))
            .collect();
        let mut body = String::new();
        while !queues.is_empty() {
            queues.retain_mut(|(to, queue)| match queue.next() {
                Some(piece) => {
                    body.push_str(&to.event(&piece, index_first));
                    true
                }
                None => false,
            });
        }
        body.push_str("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
        body.push_str("data: {\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
        let chunks: Vec<&[u8]> = body.as_bytes().chunks(chunk).collect();
        let file = scrubbed(&chunks);
        let (written, shown) = (read(&file, None), read(body.as_bytes(), Some(&mut Redactor::default())));
        prop_assert_eq!(written.keys().collect::<Vec<_>>(), shown.keys().collect::<Vec<_>>());
        for (to, text) in written.iter().chain(&shown) {
            assert_hidden(text, &format!("{to:?}"));
        }
    }

    #[test]
    fn ordinary_text_goes_through_at_once(
        words in proptest::collection::vec("[a-s u-z\\-\"é]{0,12}", 0..40),
        both in any::<bool>(),
    ) {
        let (mut scrub, secrets) = (Scrub::default(), secrets());
        let (mut redactor, mut all) = (Redactor::default(), String::new());
        for (at, word) in words.iter().enumerate() {
            let to = if both && at % 2 == 1 { To::Text(1) } else { To::Text(0) };
            let event = to.event(word, true);
            prop_assert_eq!(scrub.pass(&secrets, event.as_bytes()), event.as_bytes());
            all.push_str(&event);
        }
        prop_assert_eq!(read(all.as_bytes(), Some(&mut redactor)), read(all.as_bytes(), None));
    }
}

#[test]
fn a_body_that_is_no_stream_keeps_its_secrets_too() {
    let lines = [
        // Pieces side by side in one document, over lines.
        "{\n \"logprobs\": [\n  {\"token\": \"sk-te\"},\n  {\"token\": \"st/01234\"},\n  {\"token\": \"56789-abcdef\"}]}",
        // A sequence of messages, escaped.
        "\u{1e}{\"d\":\"\\u0073k-te\"}\n\u{1e}{\"d\":\"st\\/0123456789-\"}\n\u{1e}{\"d\":\"abcdef!\"}\n",
    ];
    for body in lines {
        for chunk in [1, 7, 1000] {
            let chunks: Vec<&[u8]> = body.as_bytes().chunks(chunk).collect();
            let file = String::from_utf8(scrubbed(&chunks)).unwrap();
            assert!(file.contains("***") && !file.contains("st") && !file.contains("abcdef"), "{file}");
        }
    }
    // What is cut in the middle of a key shows what is no whole one, and what is no JSON stays as it is.
    for body in
        ["data: {\"a\":\"sk-test/\"}\n\ndata: {\"a\":\"x\"}\n", "{\"a\": [1, \"b\n{]}}\"", "it's {not\" JSON"]
    {
        assert_eq!(String::from_utf8(scrubbed(&[body.as_bytes()])).unwrap(), body);
    }
    let _: Value =
        serde_json::from_slice(&scrubbed(&[b"{\"index\": 12345678901234567890123, \"a\": \"sk-\"}"]))
            .unwrap();
}
