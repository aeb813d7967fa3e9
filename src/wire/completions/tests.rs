//! Requests as they go out, member by member.

use serde_json::{Value, json};

use super::*;
use crate::base::Id;
use crate::chat::provider::PromptTemplate;
use crate::chat::{Message, Params, Part, Timestamp};

fn user(part: Part) -> Message {
    let mut message = Message::user(Id::from_bits(1), None, "", Timestamp(0));
    message.parts = vec![part];
    message
}

fn provider() -> Provider {
    let mut provider = Provider::new("lab", Dialect::OpenAiCompletions, "http://127.0.0.1:8000/v1/");
    provider.prompt_template = PromptTemplate::Mistral;
    provider
}

fn request(part: Part) -> ChatRequest {
    let (model, system, messages) = ("base".to_owned(), "Be brief.".to_owned(), vec![user(part)]);
    ChatRequest { model, system, messages, params: Params::default(), stream: true }
}

fn text(request: &ChatRequest, provider: &Provider) -> String {
    String::from_utf8(encode(request, provider, Quirks::default()).unwrap().body).unwrap()
}

#[test]
fn a_conversation_goes_as_one_prompt_with_a_limit() {
    let sent = encode(&request(Part::Text("Hi".into())), &provider(), Quirks::default()).unwrap();
    assert_eq!(
        (sent.url.as_str(), sent.dialect),
        ("http://127.0.0.1:8000/v1/completions", Dialect::OpenAiCompletions)
    );
    assert!(sent.headers.iter().any(|(name, _)| name == "accept-encoding"), "{:?}", sent.headers);
    assert_eq!(
        String::from_utf8(sent.body).unwrap(),
        r#"{"model":"base","prompt":"[INST] Be brief.\n\nHi [/INST]","max_tokens":1024,"stream":true,"stream_options":{"include_usage":true}}"#
    );
}

#[test]
fn the_limit_has_the_one_name_that_text_completions_know() {
    let mut openai = provider();
    openai.max_tokens_field = crate::chat::provider::MaxTokensField::MaxCompletionTokens;
    let sent = text(&request(Part::Text("Hi".into())), &openai);
    assert!(sent.contains(r#""max_tokens":1024"#) && !sent.contains("max_completion_tokens"), "{sent}");
}

#[test]
fn a_raw_prompt_goes_as_it_is() {
    let mut asked = request(Part::RawPrompt(" Once\tupon {{ a }}\n ".into()));
    asked.messages.insert(0, user(Part::Text("never sent".into())));
    assert_eq!(
        text(&asked, &provider()),
        r#"{"model":"base","prompt":" Once\tupon {{ a }}\n ","max_tokens":1024,"stream":true,"stream_options":{"include_usage":true}}"#
    );
    // It is an ordinary message of what is said later.
    asked.messages.push(user(Part::Text("And then?".into())));
    let body: Value = serde_json::from_str(&text(&asked, &provider())).unwrap();
    let prompt = body["prompt"].as_str().unwrap();
    assert!(
        prompt.contains("never sent") && prompt.contains("Once") && prompt.ends_with("And then? [/INST]"),
        "{prompt}"
    );
}

#[test]
fn all_parameters_go_along_and_the_users_members_lie_over_them() {
    let mut asked = request(Part::RawPrompt("Once".into()));
    asked.params = Params {
        max_tokens: Some(9),
        temperature: Some(0.5),
        top_p: Some(0.9),
        stop: vec!["\nUser:".into()],
        seed: Some(-1),
        n: Some(2),
        reasoning_effort: None,
        extra: json!({"echo": true, "top_k": 2}).as_object().unwrap().clone(),
    };
    let mut provider = provider();
    provider.extra_body = json!({"top_k": 1, "min_p": 0.1}).as_object().unwrap().clone();
    assert_eq!(
        text(&asked, &provider),
        r#"{"model":"base","prompt":"Once","max_tokens":9,"temperature":0.5,"top_p":0.9,"stop":"\nUser:","seed":-1,"n":2,"stream":true,"stream_options":{"include_usage":true},"top_k":2,"min_p":0.1,"echo":true}"#
    );
    let quirks = Quirks { no_stream: true, no_n: true, ..Quirks::default() };
    asked.params.extra.clear();
    provider.extra_body.clear();
    assert_eq!(
        String::from_utf8(body(&asked, &provider, quirks).unwrap()).unwrap(),
        r#"{"model":"base","prompt":"Once","max_tokens":9,"temperature":0.5,"top_p":0.9,"stop":"\nUser:","seed":-1}"#
    );
}

#[test]
fn a_template_that_is_wrong_sends_nothing_and_is_named() {
    let mut provider = provider();
    provider.prompt_template = PromptTemplate::Own("\n{{ prompt | nothing }}".into());
    let Err(AttemptError::Request(message)) =
        encode(&request(Part::Text("Hi".into())), &provider, Quirks::default())
    else {
        panic!("it cannot be sent")
    };
    assert!(message.contains("prompt_template") && message.contains("line 2: filter nothing"), "{message}");
    assert!(encode(&request(Part::RawPrompt("Hi".into())), &provider, Quirks::default()).is_ok());
}

#[test]
fn in_an_answer_to_a_raw_prompt_a_tag_is_text() {
    use crate::chat::StreamEvent;
    use crate::wire::{decoder_for, websocket::RECORD};

    let chunk = r#"{"choices":[{"index":0,"text":"\n<think> is a tag</think>\n\nyes"}]}"#;
    for (dialect, wrapped) in [
        (Dialect::OpenAiCompletions, format!("data: {chunk}\n\n")),
        (Dialect::WebSocket, format!("{}{chunk}\n", char::from(RECORD))),
    ] {
        let text = |asked: &ChatRequest| {
            let (mut decoder, mut out) = (decoder_for(dialect, asked), Vec::new());
            decoder.feed(wrapped.as_bytes(), &mut out).unwrap();
            let _ = decoder.finish(&mut out);
            let text = |event: StreamEvent| match event {
                StreamEvent::Text { delta, .. } => Some(delta),
                _ => None,
            };
            out.into_iter().filter_map(text).collect::<String>()
        };
        assert_eq!(text(&request(Part::RawPrompt("The tag".into()))), "\n<think> is a tag</think>\n\nyes");
        assert_eq!(text(&request(Part::Text("The tag".into()))), "yes");
    }
}
