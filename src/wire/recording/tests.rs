//! What goes into a recording comes out again; nothing that is no recording is taken for one.

use proptest::prelude::*;

use super::*;
use crate::chat::Quirks;
use crate::chat::error::ServerError;
use crate::chat::retry::{RetryPolicy, Timeouts};

fn asked() -> Asked {
    Asked {
        provider: "lab".into(),
        key_source: "LAB_KEY".into(),
        model: "m".into(),
        choices: 2,
        raw: false,
        stream: true,
        free: vec!["logprobs".into()],
        quirks: Quirks { no_n: true, ..Quirks::default() },
        retry: RetryPolicy::default(),
        timeouts: Timeouts::default(),
        seed: u64::MAX,
    }
}

fn head(prompt: u64, attempt: u32) -> Head {
    Head {
        prompt,
        round: 0,
        attempt,
        choice: Some(attempt),
        dialect: Dialect::OpenAiChat,
        status: Some(200),
        headers: vec![("content-type".into(), "text/event-stream".into())],
        at_ms: 1_700_000_000_000,
        after: Duration::from_micros(12_345),
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn written(lines: &[Line]) -> String {
    let (mut writer, mut out) = (Writer::default(), Vec::new());
    lines.iter().for_each(|line| writer.write(line, &mut out));
    String::from_utf8(out).unwrap()
}

fn wrong(text: &str) -> String {
    parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn answers_side_by_side_lie_in_one_file() {
    let lines = [
        Line::Head(0, Box::new(head(0, 0)), Some(Box::new(asked()))),
        Line::Chunk(0, ms(20), b"data: a\n".to_vec()),
        Line::Head(1, Box::new(head(0, 1)), None),
        Line::Chunk(1, Duration::from_micros(21_500), "data: é\n".into()),
        Line::Chunk(0, ms(22), vec![0xc3]),
        Line::End(1, ms(30), End::Ended),
        Line::End(0, ms(31), End::Lost(AttemptError::Lost("reset".into()))),
    ];
    let text = written(&lines);
    let shown: Vec<&str> = text.lines().collect();
    assert_eq!(
        shown[2],
        r#"{"recording":1,"r":1,"prompt":0,"round":0,"attempt":1,"choice":1,"dialect":"openai-chat","status":200,"headers":{"content-type":"text/event-stream"},"at_ms":1700000000000,"head_ms":12.345}"#
    );
    assert_eq!(shown[1], r#"{"t_ms":20.0,"data":"data: a\n"}"#);
    assert_eq!(shown[3], r#"{"t_ms":21.5,"data":"data: é\n"}"#);
    assert_eq!(shown[4], r#"{"r":0,"t_ms":22.0,"data_b64":"ww=="}"#);
    let recording = parse(text.as_bytes()).unwrap();
    assert_eq!(recording.turns.len(), 1);
    let turn = &recording.turns[0];
    assert_eq!(turn.asked, asked());
    assert_eq!(turn.attempts[0].chunks, [(ms(20), b"data: a\n".to_vec()), (ms(22), vec![0xc3])]);
    assert_eq!(turn.attempts[1].head, head(0, 1));
    assert_eq!(turn.attempts[1].end, Some((ms(30), End::Ended)));
}

#[test]
fn every_way_to_end_is_read_back() {
    let said = |message: &str, hint: &str| (message.to_owned(), hint.to_owned());
    let (message, hint) = said("no \"route\"", "try\nagain");
    let server = ServerError {
        message: "busy".into(),
        status: Some(503),
        code: Some("overloaded".into()),
        request_id: Some("r1".into()),
        quota: true,
    };
    let ends = [
        End::Ended,
        End::Dropped,
        End::Lost(AttemptError::ConnectTimeout(ms(1500))),
        End::Lost(AttemptError::Connect { message: message.clone(), hint: hint.clone() }),
        End::Lost(AttemptError::Insecure { message: message.clone(), hint: hint.clone() }),
        End::Lost(AttemptError::Protocol { message: message.clone(), hint: hint.clone() }),
        End::Lost(AttemptError::NoKey { message, hint }),
        End::Lost(AttemptError::Lost("reset".into())),
        End::Lost(AttemptError::Request("no URL".into())),
        End::Lost(AttemptError::Server(server)),
    ];
    for end in ends {
        let lines = [
            Line::Head(0, Box::new(Head { status: None, ..head(0, 0) }), Some(Box::new(asked()))),
            Line::End(0, ms(5), end.clone()),
        ];
        let recording = parse(written(&lines).as_bytes()).unwrap();
        assert_eq!(recording.turns[0].attempts[0].end, Some((ms(5), end)));
        assert_eq!(recording.turns[0].attempts[0].head.status, None);
    }
}

#[test]
fn a_file_that_is_cut_ends_there() {
    let lines = [
        Line::Head(0, Box::new(head(0, 0)), Some(Box::new(asked()))),
        Line::Chunk(0, ms(20), b"data: a\n".to_vec()),
        Line::Chunk(0, ms(30), b"data: b\n".to_vec()),
    ];
    let (text, whole) = (written(&lines), written(&lines[..2]).len());
    for cut in whole..text.len() - 2 {
        let recording = parse(&text.as_bytes()[..cut]).unwrap();
        assert_eq!(recording.turns[0].attempts[0].chunks.len(), 1, "cut at {cut}");
        assert_eq!(recording.turns[0].attempts[0].end, None);
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let first = written(&[Line::Head(0, Box::new(head(0, 0)), Some(Box::new(asked())))]);
    assert_eq!(wrong(""), "line 1: the file is empty: nothing was recorded");
    for other in ["hello\n", "[]\n", "{\"a\":1}\n", "\n\n{", "{\"t_ms\":1,\"data\":\"a\"}\n"] {
        assert!(wrong(other).contains("this is no recording"), "{other}");
    }
    assert!(wrong("\n\nno").starts_with("line 3: "));
    let after = |line: &str| wrong(&format!("{first}{line}\n"));
    assert!(after("[1]").starts_with("line 2: it is no JSON object"));
    assert!(after("{\"t_ms\":1,\"da\n").starts_with("line 2: it is no JSON object ("));
    assert_eq!(after("{\"t_ms\":-1,\"data\":\"\"}"), "line 2: `t_ms` is no time in milliseconds");
    assert_eq!(after("{\"t_ms\":1e300,\"data\":\"\"}"), "line 2: `t_ms` is no time in milliseconds");
    assert_eq!(after("{\"t_ms\":1,\"data\":5}"), "line 2: its data is no text");
    assert_eq!(after("{\"t_ms\":1,\"data_b64\":\"*\"}"), "line 2: `data_b64` is no base64 text");
    assert_eq!(after("{\"r\":7,\"t_ms\":1,\"data\":\"\"}"), "line 2: `r` is that of no line before");
    assert_eq!(after(first.trim()), "line 2: `r` 0 was there before");
    assert!(after("{\"t_ms\":1,\"end\":\"no\"}").contains("`no` is no end"));
    assert!(
        after("{\"t_ms\":1,\"end\":\"ended\"}\n{\"t_ms\":1,\"data\":\"\"}")
            .starts_with("line 3: its response")
    );
    let newer = first.replace("\"recording\":1", "\"recording\":9");
    assert!(wrong(&newer).contains("a recording of version 9; this chatui reads versions up to 1"));
    let unknown = first.replace("openai-chat", "telepathy");
    assert_eq!(wrong(&unknown), "line 1: the dialect `telepathy` is not known");
    let bare = written(&[Line::Head(0, Box::new(head(0, 0)), None)]);
    assert!(wrong(&bare).starts_with("line 1: `asked` is missing"));
    // What is not known is for a later version.
    assert!(
        parse(format!("{first}{{\"later\":[]}}\n\n{{\"t_ms\":1,\"data\":\"\",\"x\":1}}\n").as_bytes())
            .is_ok()
    );
}

#[test]
fn headers_that_may_let_others_in_are_left_out() {
    let mut secrets = Secrets::default();
    secrets.add(&crate::base::Secret::new("sk-0123456789"));
    let all = [
        ("content-type", "text/event-stream"),
        ("set-cookie", "a=b"),
        ("Authorization", "Bearer x"),
        ("x-api-key", "x"),
        ("x-session-token", "x"),
        ("x-ratelimit-remaining-tokens", "9"),
        ("x-echo", "key sk-0123456789!"),
        ("via", "a"),
        ("via", "b"),
    ];
    let all: Vec<_> = all.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let kept = headers(&all, &secrets);
    let kept: Vec<_> = kept.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("content-type", "text/event-stream"),
        ("x-ratelimit-remaining-tokens", "9"),
        ("x-echo", "key ***!"),
        ("via", "a, b"),
    ];
    assert_eq!(kept, expected);
}

fn any_time() -> impl Strategy<Value = Duration> {
    (0_u64..100_000_000).prop_map(Duration::from_micros)
}

/// What one response sends: pieces, with whose they are between them.
fn any_lines() -> impl Strategy<Value = Vec<Line>> {
    let chunk = (0_u64..3, any_time(), proptest::collection::vec(any::<u8>(), 0..20));
    (proptest::collection::vec(chunk, 0..40), any::<u64>(), "\\PC*").prop_map(|(chunks, seed, name)| {
        let asked = Asked { seed, key_source: String::new(), free: vec![name], ..asked() };
        let mut lines: Vec<Line> = (0..3)
            .map(|r| Line::Head(r, Box::new(head(0, r as u32)), Some(Box::new(asked.clone()))))
            .collect();
        lines.extend(chunks.into_iter().map(|(r, at, bytes)| Line::Chunk(r, at, bytes)));
        lines
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(lines in any_lines()) {
        let recording = parse(written(&lines).as_bytes()).unwrap();
        let Line::Head(_, _, Some(asked)) = &lines[0] else { unreachable!() };
        prop_assert_eq!(&recording.turns[0].asked, &**asked);
        for response in 0..3_u64 {
            let sent: Vec<_> = lines
                .iter()
                .filter_map(|line| match line {
                    Line::Chunk(r, at, bytes) if *r == response => Some((*at, bytes.clone())),
                    _ => None,
                })
                .collect();
            prop_assert_eq!(&recording.turns[0].attempts[response as usize].chunks, &sent);
        }
    }

    #[test]
    fn nothing_that_is_no_recording_hurts(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..500) {
        let _ = parse(&bytes);
        let lines = [
            Line::Head(0, Box::new(head(0, 0)), Some(Box::new(asked()))),
            Line::Chunk(0, ms(20), b"data: a\n".to_vec()),
        ];
        let mut text = written(&lines).into_bytes();
        let at = at.min(text.len());
        text.splice(at..at, bytes.drain(..));
        let _ = parse(&text);
    }

    #[test]
    fn bytes_come_back_from_base64(bytes in proptest::collection::vec(any::<u8>(), 0..100), text in "\\PC*") {
        prop_assert_eq!(base64::decode(&base64::encode(&bytes)), Some(bytes));
        let _ = base64::decode(&text);
    }
}
