//! Requests as they go out, member by member.

use super::*;
use crate::base::{Id, Secret};
use crate::chat::provider::{MaxTokensField, SendBack};
use crate::chat::{Dialect, Message, Params, Part, Role, Timestamp, ToolCall};

fn provider() -> Provider {
    Provider::new("lab", Dialect::OpenAiChat, "http://127.0.0.1:8000/v1")
}

fn says(role: Role, parts: Vec<Part>) -> Message {
    let mut message = Message::user(Id::from_bits(1), None, "", Timestamp(0));
    (message.role, message.parts) = (role, parts);
    message
}

fn user(text: &str) -> Message {
    says(Role::User, vec![Part::Text(text.into())])
}

fn call(id: &str, arguments: &str) -> Part {
    Part::ToolCall(ToolCall { id: id.into(), name: "get_weather".into(), arguments: arguments.into() })
}

fn request(messages: Vec<Message>) -> ChatRequest {
    ChatRequest {
        model: "m".into(),
        system: String::new(),
        messages,
        params: Params::default(),
        stream: true,
    }
}

fn text(request: &ChatRequest, provider: &Provider, quirks: Quirks) -> String {
    String::from_utf8(encode(request, provider, quirks).unwrap().body).unwrap()
}

#[test]
fn only_what_is_set_goes_out_in_one_order() {
    assert_eq!(
        text(&request(vec![user("Hi")]), &provider(), Quirks::default()),
        r#"{"model":"m","messages":[{"role":"user","content":"Hi"}],"stream":true,"stream_options":{"include_usage":true}}"#
    );
    let mut all = request(vec![user("Hi")]);
    all.system = "Be brief.".into();
    all.params = Params {
        max_tokens: Some(9),
        temperature: Some(0.5),
        top_p: Some(0.9),
        stop: vec!["a".into(), "b".into()],
        seed: Some(-1),
        n: Some(2),
        reasoning_effort: Some("low".into()),
        extra: serde_json::Map::new(),
    };
    assert_eq!(
        text(&all, &provider(), Quirks::default()),
        r#"{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}],"max_tokens":9,"temperature":0.5,"top_p":0.9,"stop":["a","b"],"seed":-1,"n":2,"reasoning_effort":"low","stream":true,"stream_options":{"include_usage":true}}"#
    );
}

#[test]
fn refused_fields_are_left_out_or_renamed() {
    let mut asked = request(Vec::new());
    asked.params.max_tokens = Some(9);
    asked.params.n = Some(2);
    asked.params.stop = vec!["end".into()];
    let quirks = Quirks { no_stream_options: true, other_max_tokens: true, no_n: true, ..Quirks::default() };
    assert_eq!(
        text(&asked, &provider(), quirks),
        r#"{"model":"m","messages":[],"max_completion_tokens":9,"stop":"end","stream":true}"#
    );
    let mut newer = provider();
    newer.max_tokens_field = MaxTokensField::MaxCompletionTokens;
    let quirks = Quirks { no_stream: true, other_max_tokens: true, ..Quirks::default() };
    assert_eq!(
        text(&asked, &newer, quirks),
        r#"{"model":"m","messages":[],"max_tokens":9,"stop":"end","n":2}"#
    );
}

#[test]
fn the_users_members_lie_over_ours() {
    let mut provider = provider();
    provider.extra_body = json!({"top_k": 1, "temperature": 1}).as_object().unwrap().clone();
    let mut asked = request(Vec::new());
    asked.params.temperature = Some(0.5);
    asked.params.extra = json!({"top_k": 2, "model": "other"}).as_object().unwrap().clone();
    assert_eq!(
        text(&asked, &provider, Quirks { no_stream: true, ..Quirks::default() }),
        r#"{"model":"other","messages":[],"temperature":1,"top_k":2}"#
    );
}

#[test]
fn answered_calls_go_back_and_others_become_words() {
    let result = |id: &str| {
        says(
            Role::Tool,
            vec![
                Part::ToolCall(ToolCall { id: id.into(), ..ToolCall::default() }),
                Part::Text("21 C".into()),
            ],
        )
    };
    let messages = vec![
        user("Hi"),
        says(Role::Assistant, vec![Part::Reasoning("hm".into()), call("a", ""), call("b", "{}")]),
        result("a"),
        result("stranger"),
        user("And?"),
        says(Role::Assistant, vec![call("c", r#"{"city":"Bern"}"#)]),
        user("So?"),
        says(Role::Assistant, vec![Part::Refusal("No.".into()), call("d", "{}")]),
    ];
    let body: Value =
        serde_json::from_str(&text(&request(messages), &provider(), Quirks::default())).unwrap();
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}]},
            {"role": "tool", "content": "21 C", "tool_call_id": "a"},
            {"role": "user", "content": "And?"},
            {"role": "assistant", "content": "[called get_weather {\"city\":\"Bern\"}]"},
            {"role": "user", "content": "So?"},
            {"role": "assistant", "content": "No."},
        ])
    );
}

#[test]
fn the_path_goes_before_the_query() {
    let of = |base: &str| {
        let mut provider = provider();
        provider.base_url = base.into();
        encode(&request(Vec::new()), &provider, Quirks::default()).map(|request| request.url)
    };
    assert_eq!(of("http://h/v1").unwrap(), "http://h/v1/chat/completions");
    assert_eq!(of("HTTPS://h/v1/").unwrap(), "HTTPS://h/v1/chat/completions");
    assert_eq!(
        of("https://h/v1/?api-version=1&x=/").unwrap(),
        "https://h/v1/chat/completions?api-version=1&x=/"
    );
    for bad in ["", "h/v1", "ftp://h", "http://", "http:///v1", "http://h/a b", "http://h/\nb"] {
        let Err(AttemptError::Request(message)) = of(bad) else { panic!("{bad:?} is no URL") };
        assert!(message.contains("lab"), "{message}");
    }
}

#[test]
fn headers_are_checked_and_the_providers_win() {
    let mut provider = provider();
    provider.key = Some(Secret::new("sk-1"));
    provider.headers = vec![("X-Team".into(), Secret::new("a")), ("Accept".into(), Secret::new("*/*"))];
    let sent = encode(&request(Vec::new()), &provider, Quirks::default()).unwrap().headers;
    let names: Vec<&str> = sent.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["content-type", "accept-encoding", "authorization", "x-team", "accept"]);
    let key = &sent[2].1;
    assert_eq!(*key, HeaderValue::Secret { prefix: "Bearer ", secret: Secret::new("sk-1") });

    for (name, value) in [("x-a", "one\r\ntwo: x"), ("x a", "v"), ("", "v"), ("x-b", "nul\0")] {
        provider.headers = vec![(name.into(), Secret::new(value))];
        let Err(AttemptError::Request(message)) = encode(&request(Vec::new()), &provider, Quirks::default())
        else {
            panic!("{name:?} must be refused")
        };
        assert!(!message.contains("two") && !message.contains("nul"), "{message}");
    }
    provider.headers.clear();
    provider.key = Some(Secret::new("sk\n1"));
    assert!(encode(&request(Vec::new()), &provider, Quirks::default()).is_err());
}

#[test]
fn a_whole_answer_is_asked_for_as_json() {
    let mut asked = request(Vec::new());
    asked.stream = false;
    let sent = encode(&asked, &provider(), Quirks::default()).unwrap();
    assert!(sent.headers.contains(&("accept".into(), HeaderValue::Plain("application/json".into()))));
    assert!(!sent.headers.iter().any(|(name, _)| name == "accept-encoding"));
    assert_eq!(sent.body, br#"{"model":"m","messages":[]}"#);
}

/// What a conversation with a call becomes for a provider with such needs.
fn sent_to(provider: &Provider, model: &str) -> Value {
    let mut answer = says(
        Role::Assistant,
        vec![
            Part::Reasoning("hm".into()),
            call("call_0", "{}"),
            call("call_1", "{}"),
            Part::Carry {
                slot: "reasoning_details".into(),
                json: json!([{"type": "reasoning.encrypted", "data": "x"}]),
            },
            Part::Carry {
                slot: "extra_content".into(),
                json: json!({"call": 1, "extra_content": {"google": {"thought_signature": "s"}}}),
            },
            Part::Annotation { kind: crate::chat::stream::AnnotationKind::Filter, data: json!({"hate": {}}) },
        ],
    );
    answer.model = model.into();
    let result = |id: &str| {
        says(
            Role::Tool,
            vec![
                Part::ToolCall(ToolCall { id: id.into(), ..ToolCall::default() }),
                Part::Text("21 C".into()),
            ],
        )
    };
    let mut last = says(Role::Assistant, vec![Part::Text("Warm.".into())]);
    last.model = model.into();
    let messages = vec![user("Hi"), answer, result("call_0"), result("call_1"), last];
    let body: Value = serde_json::from_str(&text(&request(messages), provider, Quirks::default())).unwrap();
    body["messages"].clone()
}

#[test]
fn what_came_goes_back_to_whom_it_came_from_where_it_is_wanted() {
    let mut lab = provider();
    let plain = sent_to(&lab, "lab:m");
    let members =
        |message: &Value| message.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(members(&plain[1]), "role content tool_calls", "nobody else wants more");

    lab.needs.send_back = SendBack::ALL.to_vec();
    let own = sent_to(&lab, "lab:m");
    assert_eq!(own[1]["reasoning_content"], "hm");
    assert_eq!(own[1]["reasoning_details"], json!([{"type": "reasoning.encrypted", "data": "x"}]));
    assert_eq!(own[1]["tool_calls"][0].get("extra_content"), None);
    assert_eq!(own[1]["tool_calls"][1]["extra_content"]["google"]["thought_signature"], "s");
    assert_eq!(own[4]["reasoning_content"], "", "it did not reason, and the member is wanted");

    for stranger in ["other:m", "lab2:m", "lab", ""] {
        let foreign = sent_to(&lab, stranger);
        assert_eq!(foreign[1]["reasoning_content"], "", "{stranger}");
        assert_eq!(members(&foreign[1]), "role content reasoning_content tool_calls", "{stranger}");
        assert_eq!(foreign[1]["tool_calls"][1].get("extra_content"), None, "{stranger}");
    }
}

#[test]
fn short_ids_are_the_same_in_call_and_result() {
    let mut lab = provider();
    lab.needs.short_tool_ids = true;
    let sent = sent_to(&lab, "other:m");
    let ids: Vec<&str> = (0..2).map(|call| sent[1]["tool_calls"][call]["id"].as_str().unwrap()).collect();
    for (call, id) in ids.iter().enumerate() {
        assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        assert_eq!(sent[2 + call]["tool_call_id"], *id);
    }
    assert_ne!(ids[0], ids[1]);
    let mut fitting = request(vec![
        says(Role::Assistant, vec![call("Abc123xyZ", "{}")]),
        says(Role::Tool, vec![call("Abc123xyZ", ""), Part::Text("1".into())]),
    ]);
    fitting.stream = false;
    assert_eq!(text(&fitting, &lab, Quirks::default()).matches("Abc123xyZ").count(), 2, "it stays as it is");
}
