//! Requests in both ways, and messages in every form they come in.

use serde_json::{Value, json};

use super::*;
use crate::base::{Id, Secret};
use crate::chat::session::Timestamp;
use crate::chat::{Message, Params};
use crate::wire::HeaderValue;

fn request() -> ChatRequest {
    ChatRequest {
        model: "m".into(),
        system: String::new(),
        messages: vec![Message::user(Id::from_bits(1), None, "Hi", Timestamp(0))],
        params: Params::default(),
        stream: true,
    }
}

fn provider(url: &str) -> Provider {
    Provider { key: Some(Secret::new("sk-1")), ..Provider::new("lab", Dialect::WebSocket, url) }
}

fn decoder(choices: u32) -> Messages {
    Messages::new(choices, openai_chat::OpenAiChat::default())
}

#[test]
fn the_base_url_is_the_whole_address_and_the_body_that_of_http() {
    let provider = provider("wss://lab.example/v1/chat/completions?tier=1");
    let wire = encode(&request(), &provider, Quirks::default()).unwrap();
    assert_eq!(wire.dialect, Dialect::WebSocket);
    assert_eq!(wire.url, provider.base_url);
    let body: Value = serde_json::from_slice(&wire.body).unwrap();
    assert_eq!(body["stream"], json!(true));
    assert_eq!(body["messages"], json!([{"role": "user", "content": "Hi"}]));
    let key = HeaderValue::Secret { prefix: "Bearer ", secret: Secret::new("sk-1") };
    assert_eq!(wire.headers, [("authorization".to_owned(), key)]);
}

#[test]
fn the_path_says_whether_text_is_completed() {
    for (url, member) in [
        ("ws://lab.example/v1/chat/completions", "messages"),
        ("ws://lab.example/v1/completions/?a=/chat/completions", "prompt"),
        ("ws://lab.example/generate", "messages"),
    ] {
        let wire = encode(&request(), &provider(url), Quirks::default()).unwrap();
        let body: Value = serde_json::from_slice(&wire.body).unwrap();
        assert!(body.get(member).is_some(), "{url}: {body}");
    }
}

#[test]
fn what_is_no_websocket_is_said_to_be_none() {
    for url in ["https://lab.example/v1", "ws://", "ws:///v1", "wss://a b", "lab", ""] {
        let error = encode(&request(), &provider(url), Quirks::default()).unwrap_err();
        let AttemptError::Request(message) = &error else { panic!("{error:?}") };
        assert!(message.contains("not a ws:// or wss:// address"), "{message}");
    }
    assert!(encode(&request(), &provider("WS://lab.example/v1/chat/completions"), Quirks::default()).is_ok());
}

#[test]
fn over_http_it_is_the_dialect_that_the_path_names() {
    let quirks = Quirks { no_websocket: true, ..Quirks::default() };
    for (url, dialect) in [
        ("ws://lab.example/v1/chat/completions", Dialect::OpenAiChat),
        ("ws://lab.example/v1/completions?a=b", Dialect::OpenAiCompletions),
        ("ws://lab.example/stream", Dialect::OpenAiChat),
    ] {
        let mut provider = provider(url);
        // Nothing to fall back to.
        assert_eq!(encode(&request(), &provider, quirks).unwrap().dialect, Dialect::WebSocket, "{url}");
        provider.http_base_url = Some("http://lab.example:8000/v1".into());
        let wire = encode(&request(), &provider, quirks).unwrap();
        assert_eq!(wire.dialect, dialect, "{url}");
        assert!(wire.url.starts_with("http://lab.example:8000/v1/"), "{}", wire.url);
        assert!(wire.headers.iter().any(|(name, _)| name == "accept"), "{url}");
    }
}

/// The texts that come of these messages, and how it ended.
fn texts(messages: &[&str]) -> (Vec<String>, Result<Ending, AttemptError>) {
    let mut decoder = decoder(1);
    let mut events = Vec::new();
    let mut result = Ok(());
    for message in messages {
        result = result.and_then(|()| decoder.feed(format!("\u{1e}{message}\n").as_bytes(), &mut events));
    }
    let ending = result.and_then(|()| decoder.finish(&mut events));
    let texts = events.into_iter().filter_map(|event| match event {
        StreamEvent::Text { delta, .. } => Some(delta),
        StreamEvent::Notice(text) => Some(format!("! {text}")),
        _ => None,
    });
    (texts.collect(), ending)
}

const A: &str = r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#;
const B: &str = r#"{"choices":[{"index":0,"delta":{"content":"b {["},"finish_reason":"stop"}]}"#;

#[test]
fn a_message_may_hold_one_value_or_several_in_any_form() {
    let pretty = "{\n  \"choices\": [\n    {\"delta\": {\"content\": \"a\"}}\n  ]\n}";
    let prefixed = pretty.replace('\n', "\r\ndata: ");
    for messages in [
        &[A, B][..],
        &[&format!("{A}\n{B}")],
        &[&format!("{A}{B}")],
        &[&format!("{A} {B}\r\n\r\n")],
        &[&format!("data: {A}\n\ndata:{B}\n\n")],
        &[&format!("data: {A}\ndata: {B}")],
        &[&format!(": ping's [\nid: 7\nevent: message\n{A}"), "", " \n", B],
        &[pretty, B],
        &[&format!("data: {prefixed}"), B],
        &[&format!("[{A},{B}]")],
    ] {
        let (texts, ending) = texts(messages);
        assert_eq!(texts, ["a", "b {["], "{messages:?}");
        assert_eq!(ending, Ok(Ending::FinishedOnly), "{messages:?}");
    }
}

#[test]
fn the_end_marker_counts_in_every_form_and_nothing_after_it() {
    for done in ["[DONE]", "data: [DONE]", "\"[DONE]\"", "[done]", "data: \"[DONE]\"\n\n"] {
        let (texts, ending) = texts(&[A, done, A]);
        assert_eq!((&texts[..], ending), (&["a".to_owned()][..], Ok(Ending::Marked)), "{done}");
    }
}

#[test]
fn a_damaged_message_costs_no_other() {
    for bad in ["{\"choices\":[{\"delta\":", "nonsense", "{\"a\": \"b\nc", "]]}}", "data:", "\""] {
        let (texts, ending) = texts(&[A, bad, B]);
        let told: Vec<_> = texts.iter().filter(|text| !text.starts_with("! ")).collect();
        assert_eq!(told, ["a", "b {["], "{bad}");
        assert_eq!(ending, Ok(Ending::FinishedOnly), "{bad}");
    }
}

#[test]
fn an_error_is_one_in_every_form() {
    for error in [
        r#"{"error":{"message":"no GPU","code":503}}"#,
        r#"{"error":"no GPU"}"#,
        r#"data: {"error":{"message":"no GPU"}}"#,
        "event: error\ndata: {\"message\":\"no GPU\"}\n\n",
        r#"{"detail":"no GPU"}"#,
        "error: {\"message\":\"no GPU\"}",
    ] {
        let (_, ending) = texts(&[error]);
        let Err(AttemptError::Server(server)) = &ending else { panic!("{error}: {ending:?}") };
        assert_eq!(server.message, "no GPU", "{error}");
    }
    let (texts, ending) = texts(&[A, r#"{"error":"no GPU"}"#, B]);
    assert_eq!(texts, ["a"]);
    assert!(matches!(ending, Err(AttemptError::Server(_))), "{ending:?}");
}

#[test]
fn what_is_no_answer_says_so() {
    let (_, ending) = texts(&[r#"{"hello":"world"}"#]);
    let Err(AttemptError::Protocol { message, .. }) = &ending else { panic!("{ending:?}") };
    assert!(message.contains("holds no choice"), "{message}");
    assert_eq!(texts(&[]).1, Ok(Ending::Empty));
    assert_eq!(texts(&[A]).1, Ok(Ending::Cut));
}

#[test]
fn a_whole_answer_is_one_message() {
    let whole = r#"{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"all"},"finish_reason":"stop"}]}"#;
    assert_eq!(texts(&[whole]), (vec!["all".to_owned()], Ok(Ending::FinishedOnly)));
}

#[test]
fn the_rest_is_waited_for_once_all_choices_finished() {
    let finish =
        |choice: u32| format!(r#"{{"choices":[{{"index":{choice},"delta":{{}},"finish_reason":"stop"}}]}}"#);
    let begin = |choice: u32| format!(r#"{{"choices":[{{"index":{choice},"delta":{{"content":"x"}}}}]}}"#);
    let mut decoder = decoder(2);
    let mut lingers = |message: String| {
        decoder.feed(format!("\u{1e}{message}\n").as_bytes(), &mut Vec::new()).unwrap();
        decoder.linger()
    };
    assert_eq!(lingers(String::new()), None);
    assert_eq!(lingers(begin(0)), None);
    assert_eq!(lingers(finish(0)), Some(LINGER_FOR_CHOICES));
    assert_eq!(lingers(begin(1)), None);
    assert_eq!(lingers(finish(1)), Some(LINGER));
}

#[test]
fn a_message_without_end_is_refused() {
    let mut decoder = decoder(1);
    let piece = vec![b'a'; 1 << 20];
    let mut result = Ok(());
    for _ in 0..=16 {
        result = result.and_then(|()| decoder.feed(&piece, &mut Vec::new()));
    }
    assert!(matches!(result, Err(AttemptError::Protocol { .. })), "{result:?}");
}

#[test]
fn a_message_of_many_values_that_say_nothing_is_not_read_to_its_end() {
    let (texts, ending) = texts(&[&format!("{A}{}", "{}".repeat(100_000))]);
    assert_eq!(texts, ["a"]);
    let Err(AttemptError::Protocol { message, .. }) = &ending else { panic!("{ending:?}") };
    assert!(message.contains("say nothing"), "{message}");
}
