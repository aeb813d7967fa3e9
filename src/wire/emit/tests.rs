//! What is written is read as JSON, and holds what was said.

use serde_json::json;

use super::*;

fn read(bytes: &[u8]) -> Value {
    let text = std::str::from_utf8(bytes).unwrap();
    let data = text.strip_prefix("data: ").and_then(|t| t.strip_suffix("\n\n")).unwrap();
    assert!(!data.contains('\n'), "an event is one line");
    serde_json::from_str(data).unwrap()
}

fn chunk(delta: Delta<'_>) -> Value {
    let mut out = Vec::new();
    ChunkWriter::new(Shape::Chat, Framing::Events, "c\"1", 17, "m\\x").chunk(2, delta, &mut out);
    read(&out)
}

#[test]
fn a_chunk_has_openais_members() {
    let value = chunk(Delta::Role);
    assert_eq!(value["id"], "c\"1");
    assert_eq!(value["object"], "chat.completion.chunk");
    assert_eq!(value["created"], 17);
    assert_eq!(value["model"], "m\\x");
    assert_eq!(value["choices"][0]["index"], 2);
    assert_eq!(value["choices"][0]["delta"]["role"], "assistant");
    assert!(value["choices"][0]["finish_reason"].is_null());
    assert!(value.get("usage").is_none());
    assert_eq!(chunk(Delta::Reasoning("r"))["choices"][0]["delta"], json!({"reasoning_content": "r"}));
    assert_eq!(chunk(Delta::Refusal("r"))["choices"][0]["delta"], json!({"refusal": "r"}));
}

#[test]
fn any_text_comes_back_as_it_was() {
    let all: String = (0..0x300).filter_map(char::from_u32).chain("\u{2028}😀e\u{301}".chars()).collect();
    for text in ["", "a", "\"", "\\", "\n\n", "{\"city\":", &all] {
        assert_eq!(chunk(Delta::Text(text))["choices"][0]["delta"]["content"], text);
    }
}

#[test]
fn a_call_has_id_and_name_on_its_first_fragment_only() {
    let first = Delta::ToolCall { index: 1, id: Some("call_1"), name: Some("f"), arguments: "" };
    assert_eq!(
        chunk(first)["choices"][0]["delta"]["tool_calls"][0],
        json!({"index": 1, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}})
    );
    let next = Delta::ToolCall { index: 1, id: None, name: None, arguments: "{\"" };
    assert_eq!(
        chunk(next)["choices"][0]["delta"]["tool_calls"][0],
        json!({"index": 1, "function": {"arguments": "{\""}})
    );
}

#[test]
fn every_reason_has_openais_word() {
    let words = [
        (FinishReason::Stop, "stop"),
        (FinishReason::Length, "length"),
        (FinishReason::Tools, "tool_calls"),
        (FinishReason::Filter, "content_filter"),
        (FinishReason::Failed, "error"),
    ];
    for (reason, word) in words {
        let value = chunk(Delta::Finish(reason));
        assert_eq!(value["choices"][0]["finish_reason"], word);
        assert_eq!(value["choices"][0]["delta"], json!({}));
    }
}

#[test]
fn asked_for_usage_is_null_until_its_own_chunk() {
    let mut writer = ChunkWriter::new(Shape::Chat, Framing::Events, "c", 1, "m").with_usage();
    let mut out = Vec::new();
    writer.event(&StreamEvent::Text { choice: 0, delta: "x".into() }, &mut out);
    assert!(read(&out).as_object().unwrap()["usage"].is_null());
    out.clear();
    let usage = Usage {
        prompt_tokens: 3,
        completion_tokens: 4,
        total_tokens: 7,
        reasoning_tokens: Some(2),
        ..Usage::default()
    };
    writer.event(&StreamEvent::Usage(usage), &mut out);
    let value = read(&out);
    assert_eq!(value["choices"], json!([]));
    assert_eq!(value["usage"]["total_tokens"], 7);
    assert_eq!(value["usage"]["completion_tokens_details"]["reasoning_tokens"], 2);
}

#[test]
fn a_whole_answer_holds_what_the_events_said() {
    let mut whole = WholeWriter::new(Shape::Chat, "c", 1, "m");
    let call = |id: Option<&str>, name: Option<&str>, delta: &str| StreamEvent::ToolCall {
        choice: 1,
        index: 0,
        id: id.map(Into::into),
        name: name.map(Into::into),
        delta: delta.into(),
    };
    for event in [
        StreamEvent::Reasoning { choice: 0, delta: "hm".into() },
        StreamEvent::Text { choice: 0, delta: "Hel".into() },
        call(Some("call_1"), Some("f"), "{"),
        StreamEvent::Text { choice: 0, delta: "lo".into() },
        call(None, None, "}"),
        StreamEvent::Finish { choice: 0, reason: FinishReason::Stop, raw: String::new() },
        StreamEvent::Finish { choice: 1, reason: FinishReason::Tools, raw: String::new() },
        StreamEvent::Text { choice: u32::MAX, delta: "no room".into() },
    ] {
        whole.push(&event);
    }
    let value: Value = serde_json::from_slice(&whole.finish()).unwrap();
    assert_eq!(value["object"], "chat.completion");
    assert_eq!(value["choices"].as_array().unwrap().len(), 2);
    assert_eq!(value["choices"][0]["message"]["content"], "Hello");
    assert_eq!(value["choices"][0]["message"]["reasoning_content"], "hm");
    assert_eq!(value["choices"][0]["finish_reason"], "stop");
    assert!(value["choices"][1]["message"]["content"].is_null());
    assert_eq!(value["choices"][1]["message"]["tool_calls"][0]["function"]["arguments"], "{}");
    assert_eq!(value["choices"][1]["finish_reason"], "tool_calls");
}

#[test]
fn lists_and_errors_have_openais_shape() {
    let list: Value = serde_json::from_slice(&model_list(["a", "b"], "me", 1)).unwrap();
    assert_eq!(list["object"], "list");
    assert_eq!(list["data"][1]["id"], "b");
    let error = ApiError { status: 500, message: "no", kind: "server_error", param: None, code: Some("c") };
    let mut out = Vec::new();
    ChunkWriter::new(Shape::Chat, Framing::Events, "c", 1, "m").error(&error, &mut out);
    assert_eq!(
        read(&out),
        json!({"error": {"message": "no", "type": "server_error", "param": null, "code": "c"}})
    );
}
