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

/// A stream of one answer in that shape, its events as JSON.
fn stream(shape: Shape, framing: Framing, events: &[StreamEvent]) -> Vec<Value> {
    let mut writer = ChunkWriter::new(shape, framing, "id", 1, "m").with_usage();
    let mut out = Vec::new();
    writer.begin(&mut out);
    writer.chunk(0, Delta::Role, &mut out);
    for event in events {
        writer.event(event, &mut out);
    }
    let usage = Usage { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7, ..Usage::default() };
    writer.last(0, FinishReason::Stop, &usage, &mut out);
    writer.done(&mut out);
    let text = String::from_utf8(out).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty());
    let data = lines.map(|line| match framing {
        Framing::Events => line.strip_prefix("data: ").unwrap(),
        Framing::Messages => line,
    });
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn thought_and_text() -> [StreamEvent; 3] {
    [
        StreamEvent::Reasoning { choice: 0, delta: "hm".into() },
        StreamEvent::Reasoning { choice: 0, delta: "m".into() },
        StreamEvent::Text { choice: 0, delta: "yés".into() },
    ]
}

#[test]
fn a_text_completion_thinks_between_tags_and_calls_no_tools() {
    let call = StreamEvent::ToolCall {
        choice: 0,
        index: 0,
        id: Some("c".into()),
        name: Some("f".into()),
        delta: "{}".into(),
    };
    let mut events = thought_and_text().to_vec();
    events.push(call);
    let chunks = stream(Shape::Completions, Framing::Events, &events);
    let texts: Vec<&str> = chunks.iter().filter_map(|c| c["choices"][0]["text"].as_str()).collect();
    assert_eq!(texts, ["<think>hm", "m", "</think>yés", ""]);
    assert!(chunks.iter().all(|chunk| chunk["object"] == "text_completion"));
    assert_eq!(chunks[3]["choices"][0]["finish_reason"], "stop");
    assert_eq!((&chunks[4]["choices"], &chunks[4]["usage"]["total_tokens"]), (&json!([]), &json!(7)));

    let only_thoughts = stream(Shape::Completions, Framing::Events, &events[..1]);
    assert_eq!(only_thoughts[1]["choices"][0]["text"], "</think>", "thoughts are closed where a text ends");

    let mut whole = WholeWriter::new(Shape::Completions, "cmpl-1", 1, "m");
    events.iter().for_each(|event| whole.push(event));
    let body: Value = serde_json::from_slice(&whole.finish()).unwrap();
    assert_eq!(body["choices"][0]["text"], "<think>hmm</think>yés");
}

#[test]
fn model_inference_counts_where_the_answer_ends_and_leaves_members_out() {
    let chunks = stream(Shape::AzureInference, Framing::Events, &thought_and_text());
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert_eq!(last["usage"]["total_tokens"], 7);
    assert!(chunks[..chunks.len() - 1].iter().all(|chunk| chunk.get("usage").is_none()));
    let members: Vec<&String> = chunks[0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["id", "created", "model", "choices"]);
}

#[test]
fn azure_openai_tells_of_its_filter_before_beside_and_after_the_text() {
    let chunks = stream(Shape::AzureOpenAi, Framing::Events, &thought_and_text());
    assert_eq!(chunks[0]["choices"], json!([]));
    assert_eq!(chunks[0]["prompt_filter_results"][0]["prompt_index"], 0);
    assert_eq!(chunks[4]["choices"][0]["content_filter_results"]["hate"]["severity"], "safe");
    let late = &chunks[6]["choices"][0];
    assert!(late.get("delta").is_none() && late["finish_reason"].is_null());
    assert_eq!(late["content_filter_offsets"]["end_offset"], 3, "characters, not bytes");
    let filtered = {
        let mut out = Vec::new();
        let mut writer = ChunkWriter::new(Shape::AzureOpenAi, Framing::Events, "id", 1, "m");
        writer.chunk(0, Delta::Finish(FinishReason::Filter), &mut out);
        read(&out)
    };
    assert_eq!(filtered["choices"][0]["content_filter_results"]["violence"]["filtered"], true);
}

#[test]
fn a_message_is_the_json_alone_and_has_no_end_marker() {
    let chunks = stream(Shape::Chat, Framing::Messages, &thought_and_text());
    assert_eq!(chunks.last().unwrap()["usage"]["total_tokens"], 7);
    let error = ApiError { status: 429, message: "no", kind: "requests", param: None, code: None };
    let message: Value = serde_json::from_slice(&error_message(&error)).unwrap();
    assert_eq!(message["error"]["code"], 429);
}

#[test]
fn azures_errors_and_lists_have_its_shapes() {
    let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    let error = ApiError { status: 404, message: "no", kind: "k", param: None, code: None };
    for shape in [Shape::AzureInference, Shape::AzureOpenAi] {
        assert_eq!(read(&error_body(shape, &error))["error"]["code"], "404", "a string");
    }
    let unknown = read(&parameter_not_supported("n", &json!(3)));
    assert_eq!((&unknown["status"], &unknown["detail"]["loc"]), (&json!(422), &json!(["body", "n"])));
    let blocked = read(&prompt_blocked("no"));
    assert_eq!(blocked["error"]["innererror"]["content_filter_result"]["violence"]["filtered"], true);
    assert_eq!(read(&model_info("m", "p"))["model_name"], "m");
    assert_eq!(read(&openai_models(["a"], 1))["data"][0]["capabilities"]["chat_completion"], true);
}
