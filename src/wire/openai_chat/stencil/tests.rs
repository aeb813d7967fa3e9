//! A chunk that fits a stencil says what parsing it says: each stream is read twice, once with stencils
//! and once without.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::chat::StreamEvent;
use crate::wire::openai_chat::chat::Chat;
use crate::wire::sse::{Flow, SseEvent, SseParser};

/// What a stream of chunks says, error and all.
fn said(chunks: &[Vec<u8>], mut before_each: impl FnMut(&mut Chat)) -> String {
    let mut chat = Chat::default();
    let mut out: Vec<StreamEvent> = Vec::new();
    for data in chunks {
        before_each(&mut chat);
        match chat.event(SseEvent { kind: b"", data }, &mut out) {
            Ok(Flow::More) => {}
            Ok(Flow::Stop) => break,
            Err(error) => return format!("{out:#?} {error:?}"),
        }
    }
    chat.close(&mut out);
    format!("{out:#?} {:?}", chat.ending())
}

fn same(chunks: &[Vec<u8>]) -> Result<(), TestCaseError> {
    let parsed = said(chunks, Chat::forget_stencils);
    prop_assert_eq!(said(chunks, |_| {}), parsed, "{}", listing(chunks));
    Ok(())
}

fn listing(chunks: &[Vec<u8>]) -> String {
    chunks.iter().map(|chunk| String::from_utf8_lossy(chunk) + "\n").collect()
}

/// The data of all events of all recorded streams, stream by stream.
fn recorded() -> Vec<Vec<Vec<u8>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire");
    let folders =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut files: Vec<_> =
        folders.flat_map(|folder| fs::read_dir(folder).unwrap()).map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|kind| kind == "sse"));
    files.sort();
    let chunks = |body: Vec<u8>| {
        let mut chunks = Vec::new();
        let read = SseParser::default().feed(&body, |event| {
            chunks.push(event.data.to_vec());
            Ok(Flow::More)
        });
        read.map(|_| chunks).unwrap()
    };
    files.into_iter().map(|path| chunks(fs::read(path).unwrap())).collect()
}

const OPENAI: &str = r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"TEXT"},"logprobs":null,"finish_reason":null}],"usage":null}"#;

fn openai(text: &str) -> Vec<u8> {
    OPENAI.replace("TEXT", text).into_bytes()
}

/// How many of the chunks were read by a stencil; all the others are parsed.
fn fitted(chunks: &[Vec<u8>]) -> usize {
    let mut fitted = 0;
    let mut last = 0;
    said(chunks, |chat| {
        fitted += chat.fitted() - last;
        last = chat.fitted();
    });
    fitted
}

#[test]
fn chunks_like_one_before_are_not_parsed() {
    let padded = |text: &str, padding: &str| {
        let chunk = String::from_utf8(openai(text)).unwrap();
        chunk.replace("null}\n", "null}").strip_suffix('}').unwrap().to_owned()
            + &format!(r#","obfuscation":"{padding}"}}"#)
    };
    let chunk = |from: &str, to: &str| OPENAI.replace(from, to);
    let shapes: &[&[String]] = &[
        &[
            chunk("TEXT", "a"),
            chunk("TEXT", "b"),
            chunk("TEXT", r"\n\u00e9\ud83d\ude00\/"),
            chunk("TEXT", "日本"),
        ],
        &[padded("a", "x"), padded("b", "yy"), padded(r"\t", "")],
        &[chunk("content", "reasoning_content"), chunk("content", "reasoning_content")],
        &[chunk("content", "reasoning"), chunk("content", "reasoning"), chunk("content", "reasoning")],
        &[chunk("content", "refusal"), chunk("content", "refusal")],
        &[
            chunk(r#""content":"TEXT""#, r#""tool_calls":[{"index":0,"function":{"arguments":"{"}}]"#),
            chunk(r#""content":"TEXT""#, r#""tool_calls":[{"index":0,"function":{"arguments":"\"x"}}]"#),
        ],
    ];
    for shape in shapes {
        let chunks: Vec<Vec<u8>> =
            [openai("")].into_iter().chain(shape.iter().map(|chunk| chunk.clone().into_bytes())).collect();
        // The first of all begins the answer; the first with text is learnt from. One more is looked for
        // after the last.
        let asked: Vec<_> = chunks.iter().cloned().chain([b" ".to_vec()]).collect();
        assert_eq!(fitted(&asked), chunks.len() - 2, "{}", listing(&chunks));
        same(&chunks).unwrap();
    }
}

#[test]
fn choices_in_turns_have_a_stencil_each() {
    let chunks: Vec<Vec<u8>> = (0..40)
        .map(|at| {
            OPENAI.replace(r#""index":0"#, &format!(r#""index":{}"#, at % 4)).replace("TEXT", &at.to_string())
        })
        .map(String::into_bytes)
        .chain([b" ".to_vec()])
        .collect();
    assert!(fitted(&chunks) >= 30, "{}", fitted(&chunks));
    same(&chunks).unwrap();
}

#[test]
fn what_only_looks_alike_is_parsed() {
    let changed = |from: &str, to: &str| OPENAI.replace(from, to).into_bytes();
    let others: &[Vec<u8>] = &[
        openai("a\tb"),
        openai(r"\x"),
        openai(r"\ud800"),
        openai(r"\udc00\ud800"),
        openai(r"\ud83d\u0041"),
        openai(r"\u+123"),
        openai(r"\u12"),
        openai("\\"),
        openai(r#"x","content":"y"#),
        openai(r#"x"},"finish_reason":"stop","#),
        [&openai("x")[..], b"}"].concat(),
        [&openai("x")[..], b"\0"].concat(),
        openai("x")[..60].to_vec(),
        openai("x").iter().map(|byte| if *byte == b'x' { 0xff } else { *byte }).collect(),
        changed(r#""usage":null"#, r#""usage":{"prompt_tokens":1,"completion_tokens":2}"#),
        changed(r#""finish_reason":null"#, r#""finish_reason":"length""#),
        changed(r#""index":0"#, r#""index":1"#),
        changed(r#""object""#, r#""error":{"message":"no"},"object""#),
    ];
    for other in others {
        for after in [openai("z"), openai("")] {
            same(&[openai("first"), openai("a"), openai("b"), other.clone(), after, other.clone()]).unwrap();
        }
    }
}

#[test]
fn recorded_streams_say_the_same_with_each_chunk_thrice() {
    for stream in recorded() {
        let thrice: Vec<Vec<u8>> = stream.iter().flat_map(|chunk| [chunk, chunk, chunk]).cloned().collect();
        same(&thrice).unwrap();
    }
}

/// What is put into a chunk to damage it.
const INSERTS: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"\\\"",
    b"\\n",
    b"\\u00e9",
    b"\\ud83d\\ude00",
    b"\\ud83d",
    b"\\u+1ff",
    b"\\x",
    b"\0",
    b"\x1f",
    b"\x7f",
    b"\xff",
    b"\xc3",
    "é".as_bytes(),
    "\u{2028}".as_bytes(),
    b" ",
    b"\n",
    b"{",
    b"}",
    b"]",
    b",",
    b"null",
    b"0",
    b"stop",
    b"\"content\":\"x\",",
    b"\"usage\":{\"total_tokens\":3},",
    b"\",\"obfuscation\":\"",
    b"<think>",
    b"</think>",
    b"\"finish_reason\":\"stop\",",
    b"\"index\":1,",
    b"\"error\":\"e\",",
];

#[derive(Clone, Debug)]
struct Damage {
    chunk: Index,
    at: Index,
    length: usize,
    insert: Index,
}

fn damage() -> impl Strategy<Value = Damage> {
    (any::<Index>(), any::<Index>(), 0..6_usize, any::<Index>())
        .prop_map(|(chunk, at, length, insert)| Damage { chunk, at, length, insert })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn damaged_streams_say_the_same(
        stream: Index,
        repeats in 1..4_usize,
        damages in prop::collection::vec(damage(), 1..12),
    ) {
        let streams = recorded();
        let stream = &streams[stream.index(streams.len())];
        let mut chunks: Vec<Vec<u8>> =
            stream.iter().flat_map(|chunk| std::iter::repeat_n(chunk.clone(), repeats)).collect();
        prop_assume!(!chunks.is_empty());
        for damage in damages {
            let at = damage.chunk.index(chunks.len());
            let chunk = &mut chunks[at];
            let start = damage.at.index(chunk.len() + 1);
            let end = (start + damage.length).min(chunk.len());
            chunk.splice(start..end, INSERTS[damage.insert.index(INSERTS.len())].iter().copied());
        }
        same(&chunks)?;
    }

    #[test]
    fn any_text_says_the_same(texts in prop::collection::vec(".{0,12}|[\\\\\"u0-9a-fnd ]{0,14}", 1..12)) {
        let json = texts.iter().map(|text| serde_json::to_string(text).unwrap());
        let chunks: Vec<Vec<u8>> = json
            .map(|json| openai(&json[1..json.len() - 1]))
            .chain(texts.iter().map(|text| openai(text)))
            .collect();
        same(&chunks)?;
    }
}
