//! What servers send, and the events that come of it: each file in `tests/wire/DIALECT` beside its
//! `.events`. After a wanted change, `UPDATE_EVENTS=1 cargo test --test wire` writes them anew;
//! read what changed.
//!
//! A fixture of the dialect `websocket` is a text: each line that is exactly `@@` begins a message, which
//! goes to the line feed before the next. It comes to the decoder as `net` hands messages over.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its fixtures fails")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use chatui::chat::error::AttemptError;
use chatui::chat::stream::Ending;
use chatui::chat::{Dialect, StreamEvent};
use chatui::wire;
use proptest::prelude::*;
use serde_json::json;

/// The events of a body that comes in `pieces`, one a line, and how it ended.
fn decode<'a>(dialect: Dialect, pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let (events, ending) = read(dialect, pieces);
    let mut text: String = events.iter().map(|event| line(event) + "\n").collect();
    match ending {
        Ok(ending) => writeln!(text, "= {ending:?}"),
        Err(AttemptError::Server(error)) => writeln!(
            text,
            "= server {:?}{}{}",
            error.message,
            error.status.map(|status| format!(" status={status}")).unwrap_or_default(),
            error.code.map(|code| format!(" code={code}")).unwrap_or_default(),
        ),
        Err(AttemptError::Protocol { message, .. }) => writeln!(text, "= protocol {message:?}"),
        Err(other) => writeln!(text, "= {other:?}"),
    }
    .unwrap();
    text
}

fn read<'a>(
    dialect: Dialect,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<StreamEvent>, Result<Ending, AttemptError>) {
    let mut decoder = wire::decoder(dialect, 1);
    let mut events = Vec::new();
    let mut result = Ok(());
    for piece in pieces {
        result = decoder.feed(piece, &mut events);
        if result.is_err() || decoder.is_marked() {
            break;
        }
    }
    let ending = match result {
        Ok(()) => decoder.finish(&mut events),
        Err(error) => Err(error),
    };
    (events, ending)
}

fn line(event: &StreamEvent) -> String {
    match event {
        StreamEvent::Start { id, model } => format!("start id={id:?} model={model:?}"),
        StreamEvent::Text { choice, delta } => format!("text {choice} {delta:?}"),
        StreamEvent::Reasoning { choice, delta } => format!("reasoning {choice} {delta:?}"),
        StreamEvent::Refusal { choice, delta } => format!("refusal {choice} {delta:?}"),
        StreamEvent::ToolCall { choice, index, id, name, delta } => format!(
            "call {choice}.{index}{}{} {delta:?}",
            id.as_ref().map(|id| format!(" id={id}")).unwrap_or_default(),
            name.as_ref().map(|name| format!(" name={name}")).unwrap_or_default(),
        ),
        StreamEvent::Annotation { choice, kind, data } => format!("{} {choice} {data}", kind.name()),
        StreamEvent::Carry { choice, slot, json } => format!("carry {choice} {slot} {json}"),
        StreamEvent::Finish { choice, reason, raw } => format!("finish {choice} {} {raw:?}", reason.name()),
        StreamEvent::Usage(usage) => format!(
            "usage {}+{}={}{}{}",
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.total_tokens,
            usage.cached_tokens.map(|count| format!(" cached={count}")).unwrap_or_default(),
            usage.reasoning_tokens.map(|count| format!(" reasoning={count}")).unwrap_or_default(),
        ),
        StreamEvent::Notice(text) => format!("notice {text:?}"),
    }
}

/// What a server of a dialect sent.
struct Fixture {
    dialect: Dialect,
    path: PathBuf,
    body: Vec<u8>,
}

fn fixtures() -> Vec<Fixture> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire");
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let mut fixtures = Vec::new();
    for folder in entries(&root) {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let dialect = Dialect::parse(name).unwrap_or_else(|| panic!("{name} is no dialect"));
        for path in entries(&folder) {
            if path.extension().is_some_and(|extension| extension != "events") {
                let body = fs::read(&path).unwrap();
                let body = if dialect == Dialect::WebSocket { sequence(&body) } else { body };
                fixtures.push(Fixture { dialect, path, body });
            }
        }
    }
    fixtures
}

/// The messages of a fixture as a JSON text sequence.
fn sequence(text: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(text).unwrap();
    let messages = text.strip_prefix("@@\n").unwrap().split("\n@@\n");
    messages
        .flat_map(|message| {
            [&[wire::websocket::RECORD], message.trim_end_matches('\n').as_bytes(), b"\n"].concat()
        })
        .collect()
}

#[test]
fn recorded_streams_give_their_events() {
    let mut wrong = String::new();
    for Fixture { dialect, path, body } in fixtures() {
        let got = decode(dialect, [&body[..]]);
        let events = path.with_extension("events");
        if std::env::var_os("UPDATE_EVENTS").is_some() {
            fs::write(events, got).unwrap();
            continue;
        }
        let want = fs::read_to_string(&events).unwrap_or_default();
        if got != want {
            write!(wrong, "{}\n--- want\n{want}--- got\n{got}\n", path.display()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Invariant 4: the events do not depend on how the bytes are split.
#[test]
fn every_split_gives_the_same_events() {
    for Fixture { dialect, path, body } in fixtures() {
        let whole = decode(dialect, [&body[..]]);
        for at in 0..=body.len() {
            let (a, b) = body.split_at(at);
            assert_eq!(decode(dialect, [a, b]), whole, "{} split at {at}", path.display());
        }
        assert_eq!(decode(dialect, body.chunks(1)), whole, "{} byte by byte", path.display());
    }
}

/// The pieces of `body` between `cuts`.
fn cut<'a>(body: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    places.sort_unstable();
    let mut pieces = Vec::new();
    let mut start = 0;
    for place in places.into_iter().chain([body.len()]) {
        pieces.push(&body[start..place]);
        start = place;
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn many_splits_give_the_same_events(
        which: prop::sample::Index,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let fixtures = fixtures();
        let Fixture { dialect, body, .. } = &fixtures[which.index(fixtures.len())];
        prop_assert_eq!(decode(*dialect, cut(body, &cuts)), decode(*dialect, [&body[..]]));
    }

    #[test]
    fn damaged_streams_never_panic_and_split_alike(
        which: prop::sample::Index,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let fixtures = fixtures();
        let Fixture { dialect, body, .. } = &fixtures[which.index(fixtures.len())];
        let mut body = body.clone();
        for (place, byte) in damage {
            let place = place.index(body.len());
            body[place] = byte;
        }
        prop_assert_eq!(decode(*dialect, cut(&body, &cuts)), decode(*dialect, [&body[..]]));
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        which: prop::sample::Index,
        body in prop::collection::vec(any::<u8>(), 0..400),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let dialects: Vec<Dialect> = Dialect::ALL.into_iter().filter(|d| d.is_supported()).collect();
        let dialect = dialects[which.index(dialects.len())];
        prop_assert_eq!(decode(dialect, cut(&body, &cuts)), decode(dialect, [&body[..]]));
    }

    #[test]
    fn arbitrary_error_bodies_never_panic(status in 0_u16..1000, body: Vec<u8>, text: String) {
        let header = vec![("retry-after".to_owned(), text.clone())];
        wire::http_failure(status, &header, &body, 0);
        wire::http_failure(status, &header, text.as_bytes(), i64::MIN);
    }
}

/// Dialects whose answers come in chunks.
const STREAMS: [Dialect; 5] = [
    Dialect::OpenAiChat,
    Dialect::OpenAiCompletions,
    Dialect::AzureInference,
    Dialect::AzureOpenAi,
    Dialect::WebSocket,
];

/// A chunk of a sound stream: the text it brings, and to which of two choices.
type Chunk = (u32, String);

/// What a server of `dialect` sends for a chunk: an event, or a message as the decoder gets it.
fn framed(dialect: Dialect, json: &str, end: &str) -> Vec<u8> {
    match dialect {
        Dialect::WebSocket => [&[wire::websocket::RECORD], json.as_bytes(), b"\n"].concat(),
        _ => format!("data: {json}{end}{end}").into_bytes(),
    }
}

/// Each chunk as a server of `dialect` sends it.
fn stream(dialect: Dialect, chunks: &[Chunk], end: &str) -> Vec<Vec<u8>> {
    let json = |choice: u32, text: &str| match dialect {
        Dialect::OpenAiCompletions => {
            json!({"id": "c", "model": "m", "choices": [{"index": choice, "text": text, "finish_reason": null}]})
        }
        _ => json!({"id": "c", "model": "m", "choices": [{"index": choice, "delta": {"content": text}}]}),
    };
    chunks.iter().map(|(choice, text)| framed(dialect, &json(*choice, text).to_string(), end)).collect()
}

/// The text of each of the two choices.
fn texts_of(events: &[StreamEvent]) -> [String; 2] {
    let mut texts = <[String; 2]>::default();
    for event in events {
        if let StreamEvent::Text { choice, delta } = event
            && let Some(text) = texts.get_mut(*choice as usize)
        {
            text.push_str(delta);
        }
    }
    texts
}

fn texts_in<'a>(chunks: impl IntoIterator<Item = &'a Chunk>) -> [String; 2] {
    let mut texts = <[String; 2]>::default();
    for (choice, text) in chunks {
        texts[*choice as usize].push_str(text);
    }
    texts
}

fn chunks() -> impl Strategy<Value = Vec<Chunk>> {
    // What begins with a letter is no tag.
    let text = prop_oneof![
        "[a-z]{1,12}",
        "[a-zäé€😀\n\r \"\\\\{}\u{2028}]{0,12}".prop_map(|text| format!("x{text}"))
    ];
    prop::collection::vec((0_u32..2, text), 1..12)
}

#[derive(Clone, Debug)]
enum Damage {
    Changed(u8),
    Deleted,
    Inserted(u8),
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// One byte of a sound stream is damaged: what came before its chunk is all there.
    #[test]
    fn a_damaged_byte_costs_nothing_that_came_before(
        dialect in prop::sample::select(&STREAMS),
        chunks in chunks(),
        end in prop::sample::select(&["\n", "\r\n", "\r"]),
        place: prop::sample::Index,
        damage in prop_oneof![
            any::<u8>().prop_map(Damage::Changed), Just(Damage::Deleted), any::<u8>().prop_map(Damage::Inserted)
        ],
    ) {
        let sent = stream(dialect, &chunks, end);
        let mut body = sent.concat();
        let place = place.index(body.len());
        match damage {
            Damage::Changed(byte) => body[place] = byte,
            Damage::Deleted => drop(body.remove(place)),
            Damage::Inserted(byte) => body.insert(place, byte),
        }
        let mut start = 0;
        let whole = sent.iter().take_while(|chunk| { start += chunk.len(); start <= place }).count();
        let (events, _) = read(dialect, [&body[..]]);
        let (got, wanted) = (texts_of(&events), texts_in(&chunks[..whole]));
        for (got, wanted) in got.iter().zip(&wanted) {
            prop_assert!(got.starts_with(wanted.as_str()), "{wanted:?} became {got:?}");
        }
    }

    /// A chunk of nonsense costs itself and nothing else, and is told of.
    #[test]
    fn a_chunk_of_nonsense_costs_only_itself(
        dialect in prop::sample::select(&STREAMS),
        chunks in chunks(),
        which: prop::sample::Index,
        nonsense in prop_oneof!["[a-z{\\[\"][^\r\n]{0,40}", Just("{\"choices\":[{\"delta\":".to_owned())],
    ) {
        // What is passed over need not be a value that can be held; white space of any script is none.
        prop_assume!(serde_json::from_str::<serde::de::IgnoredAny>(nonsense.trim()).is_err());
        prop_assume!(!nonsense.trim().eq_ignore_ascii_case("[done]"));
        let mut sent = stream(dialect, &chunks, "\n");
        let which = which.index(sent.len());
        sent[which] = framed(dialect, &nonsense, "\n");
        let (events, _) = read(dialect, [&sent.concat()[..]]);
        let others = chunks.iter().enumerate().filter(|(at, _)| *at != which).map(|(_, chunk)| chunk);
        prop_assert_eq!(texts_of(&events), texts_in(others));
        let notices = events.iter().filter(|event| matches!(event, StreamEvent::Notice(_))).count();
        // A message may hold several values, each nonsense of its own.
        let most = if dialect == Dialect::WebSocket { nonsense.len() } else { 1 };
        prop_assert!((1..=most).contains(&notices), "{notices} notices");
    }
}
