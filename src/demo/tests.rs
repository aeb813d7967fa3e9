//! What a client sees of the demo, over real connections.

use std::time::{Duration, Instant};

use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use super::*;

struct Demo {
    server: Server,
    client: reqwest::Client,
}

impl Demo {
    /// A demo of that pace; zero is at once.
    async fn at(tokens_per_second: Option<f64>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let server = start("127.0.0.1:0".parse().unwrap(), Options { tokens_per_second }).await.unwrap();
        Self { server, client }
    }

    async fn fast() -> Self {
        Self::at(Some(0.0)).await
    }

    fn post(&self, body: &Value) -> RequestBuilder {
        self.client.post(format!("{}/chat/completions", self.server.base_url())).body(body.to_string())
    }

    async fn stream(&self, model: &str, prompt: &str) -> Response {
        self.post(&asking(model, prompt)).send().await.unwrap()
    }

    /// The data of each event, in order, and whether the body ended orderly.
    async fn events(&self, body: &Value) -> (Vec<String>, bool) {
        let response = self.post(body).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        let (text, orderly) = read(response).await;
        let data = text.split("\n\n").filter_map(|event| event.trim().strip_prefix("data:"));
        (data.map(|data| data.trim().to_owned()).collect(), orderly)
    }

    async fn chunks(&self, body: &Value) -> Vec<Value> {
        let (mut events, orderly) = self.events(body).await;
        assert!(orderly);
        assert_eq!(events.pop().as_deref(), Some("[DONE]"));
        events.iter().map(|event| serde_json::from_str(event).unwrap()).collect()
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let url = format!("http://{}{path}", self.server.address);
        value(self.client.get(url).send().await.unwrap()).await
    }

    /// Waits until so many streams run.
    async fn until_streams(&self, count: u64) {
        while self.get("/health").await.1["streams"] != count {
            tokio::task::yield_now().await;
        }
    }
}

async fn read(mut response: Response) -> (String, bool) {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return (String::from_utf8_lossy(&bytes).into_owned(), true),
            Err(_) => return (String::from_utf8_lossy(&bytes).into_owned(), false),
        }
    }
}

async fn value(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, serde_json::from_str(&read(response).await.0).unwrap())
}

fn asking(model: &str, prompt: &str) -> Value {
    json!({"model": model, "stream": true, "messages": [{"role": "user", "content": prompt}]})
}

fn with(mut body: Value, name: &str, value: impl Into<Value>) -> Value {
    body[name] = value.into();
    body
}

/// One member of all deltas of a choice, joined.
fn said(chunks: &[Value], choice: u64, member: &str) -> String {
    let choices = chunks.iter().filter_map(|chunk| chunk["choices"].get(0));
    let deltas = choices.filter(|c| c["index"] == choice).filter_map(|c| c["delta"][member].as_str());
    deltas.collect()
}

fn finish(chunks: &[Value], choice: u64) -> Vec<&str> {
    let choices = chunks.iter().filter_map(|chunk| chunk["choices"].get(0));
    choices.filter(|c| c["index"] == choice).filter_map(|c| c["finish_reason"].as_str()).collect()
}

#[tokio::test]
async fn the_models_are_listed_and_wrong_ways_are_answered_as_openai_does() {
    let demo = Demo::fast().await;
    let (status, list) = demo.get("/v1/models").await;
    assert_eq!((status, &list["object"]), (200, &json!("list")));
    let ids: Vec<&str> = list["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert_eq!(ids, MODELS.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    assert_eq!(demo.get("/health").await, (200, json!({"status": "ok", "streams": 0})));

    let (status, error) = demo.get("/v2/models").await;
    assert_eq!((status, &error["error"]["type"]), (404, &json!("invalid_request_error")));
    assert_eq!(demo.get("/v1/chat/completions").await.0, 405);

    let (status, error) = value(demo.stream("gpt-nine", "hi").await).await;
    assert_eq!((status, &error["error"]["code"]), (404, &json!("model_not_found")));
    assert!(error["error"]["message"].as_str().unwrap().contains("`gpt-nine`"), "{error}");

    for body in [
        json!({"model": "chat"}),
        json!({"model": "chat", "messages": []}),
        json!([1]),
        with(asking("chat", "hi"), "n", 0),
        with(asking("chat", "hi"), "n", 100_000),
        with(asking("chat", "hi"), "max_tokens", 0),
    ] {
        let (status, error) = value(demo.post(&body).send().await.unwrap()).await;
        assert_eq!((status, &error["error"]["type"]), (400, &json!("invalid_request_error")), "{body}");
    }
    let broken = demo.post(&json!(null)).body("{\"model\":").send().await.unwrap();
    assert_eq!(value(broken).await.0, 400);
}

#[tokio::test]
async fn a_first_hello_is_welcomed() {
    let demo = Demo::fast().await;
    let chunks = demo.chunks(&asking("demo:chat", "Hello!")).await;
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(chunks[0]["object"], "chat.completion.chunk");
    assert_eq!(chunks[0]["model"], "chat");
    assert!(chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"]));
    let text = said(&chunks, 0, "content");
    assert!(text.contains("welcome") && text.contains("*help*"), "{text}");
    assert_eq!(finish(&chunks, 0), ["stop"]);
    assert!(chunks.len() > 50, "token by token");
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()), "usage was not asked for");
}

#[tokio::test]
async fn it_reacts_to_words_and_otherwise_refers_to_the_prompt() {
    let demo = Demo::fast().await;
    for (prompt, mark) in [
        ("Show me some code, please", "```rust"),
        ("table", "| --- |"),
        ("a LIST?", "- [x]"),
        ("math", "$$"),
        ("something in japanese", "日本語"),
        ("emoji", "👩‍🚀"),
        ("right-to-left", "שלום"),
        ("unicode", "नमस्ते"),
        ("markdown", "# A bit of everything"),
        ("help", "`long 5000`"),
        ("slow", "slowly"),
        ("the swallows fly low", "> the swallows fly low"),
    ] {
        let text = said(&demo.chunks(&asking("chat", prompt)).await, 0, "content");
        assert!(text.contains(mark), "{prompt}: {text}");
    }
    let mut body = asking("chat", "one");
    let mut answers = Vec::new();
    for prompt in ["two", "three", "four"] {
        answers.push(said(&demo.chunks(&body).await, 0, "content"));
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(json!({"role": "assistant", "content": answers.last()}));
        messages.push(json!({"role": "user", "content": [{"type": "text", "text": prompt}]}));
    }
    assert!(answers[1].contains("two") && answers[2].contains("three"), "{answers:?}");
    assert_ne!(answers[0].replace("one", ""), answers[1].replace("two", ""));
}

#[tokio::test]
async fn length_and_usage_are_what_was_asked_for() {
    let demo = Demo::fast().await;
    let ask = with(asking("chat", "long 300"), "stream_options", json!({"include_usage": true}));
    let chunks = demo.chunks(&ask).await;
    let usage = &chunks.last().unwrap()["usage"];
    assert_eq!(chunks.last().unwrap()["choices"], json!([]));
    assert_eq!(usage["completion_tokens"], 300);
    let prompt_tokens = usage["prompt_tokens"].as_u64().unwrap();
    assert!((3..20).contains(&prompt_tokens), "{usage}");
    assert_eq!(usage["total_tokens"], 300 + prompt_tokens);
    assert!(chunks[..chunks.len() - 1].iter().all(|chunk| chunk["usage"].is_null()));
    // A role, 300 tokens, a finish and the usage.
    assert_eq!(chunks.len(), 303);
    assert_eq!(finish(&chunks, 0), ["stop"]);

    for limit in ["max_tokens", "max_completion_tokens"] {
        let chunks = demo.chunks(&with(ask.clone(), limit, 7)).await;
        assert_eq!(chunks.last().unwrap()["usage"]["completion_tokens"], 7);
        assert_eq!(finish(&chunks, 0), ["length"]);
    }
}

#[tokio::test]
async fn a_whole_answer_is_the_streamed_one_in_one_piece() {
    let demo = Demo::fast().await;
    let streamed = said(&demo.chunks(&asking("chat", "table")).await, 0, "content");
    let ask = with(with(asking("chat", "table"), "stream", false), "n", 2);
    let (status, body) = value(demo.post(&ask).send().await.unwrap()).await;
    assert_eq!((status, &body["object"]), (200, &json!("chat.completion")));
    assert_eq!(body["choices"].as_array().unwrap().len(), 2);
    assert_eq!(body["choices"][0]["message"]["content"], streamed);
    assert_eq!(body["choices"][1]["finish_reason"], "stop");
    assert!(body["usage"]["completion_tokens"].as_u64().unwrap() > 100, "{}", body["usage"]);
}

#[tokio::test]
async fn choices_differ_interleave_and_of_four_one_fails() {
    let demo = Demo::fast().await;
    let one = demo.chunks(&asking("choices", "go")).await;
    assert!(one.iter().all(|chunk| chunk["choices"][0]["index"] == 0));
    let chunks = demo.chunks(&with(asking("choices", "go"), "n", 4)).await;
    let texts: Vec<String> = (0..4).map(|choice| said(&chunks, choice, "content")).collect();
    for (choice, text) in texts.iter().enumerate() {
        assert!(!text.is_empty() && !texts[..choice].contains(text), "{texts:?}");
        let reason = if choice == 3 { "error" } else { "stop" };
        assert_eq!(finish(&chunks, choice as u64), [reason]);
    }
    let order: Vec<u64> = chunks.iter().filter_map(|chunk| chunk["choices"][0]["index"].as_u64()).collect();
    let mut switches = order.clone();
    switches.dedup();
    assert!(switches.len() > 8, "side by side, not one after the other");
}

#[tokio::test]
async fn tools_are_called_in_fragments_and_their_results_are_answered() {
    let demo = Demo::fast().await;
    for (model, prompt, names) in
        [("chat", "a tool please", &["get_weather"][..]), ("tools", "x", &["get_weather", "get_time"])]
    {
        let chunks = demo.chunks(&asking(model, prompt)).await;
        assert_eq!(finish(&chunks, 0), ["tool_calls"]);
        for (index, name) in names.iter().enumerate() {
            let fragments: Vec<&Value> = chunks
                .iter()
                .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].get(0))
                .filter(|call| call["index"] == index)
                .collect();
            assert!(fragments.len() > 2);
            assert_eq!(fragments[0]["function"]["name"], *name);
            assert!(fragments[0]["id"].is_string() && fragments[1].get("id").is_none());
            let arguments: String =
                fragments.iter().filter_map(|f| f["function"]["arguments"].as_str()).collect();
            assert!(serde_json::from_str::<Value>(&arguments).unwrap().is_object(), "{arguments}");
        }
        let mut body = asking(model, prompt);
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(json!({"role": "assistant", "content": null, "tool_calls": []}));
        messages.push(json!({"role": "tool", "tool_call_id": "a", "content": "21 degrees"}));
        let chunks = demo.chunks(&body).await;
        assert!(said(&chunks, 0, "content").contains("- 21 degrees"));
        assert_eq!(finish(&chunks, 0), ["stop"]);
    }
}

#[tokio::test]
async fn reasoning_comes_before_the_answer_and_is_counted() {
    let demo = Demo::fast().await;
    let ask = with(asking("reasoning", "x"), "stream_options", json!({"include_usage": true}));
    let chunks = demo.chunks(&ask).await;
    assert!(said(&chunks, 0, "reasoning_content").contains("Suppose he does."));
    assert!(said(&chunks, 0, "content").starts_with("**There is no such barber.**"));
    let deltas = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]);
    let kinds: Vec<bool> = deltas
        .filter(|d| d.get("role").is_none() && d.as_object().is_some_and(|d| !d.is_empty()))
        .map(|d| d.get("reasoning_content").is_some())
        .collect();
    assert!(kinds.is_sorted_by(|a, b| a >= b), "thoughts first");
    let reasoned = kinds.iter().filter(|k| **k).count();
    let usage = &chunks.last().unwrap()["usage"];
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], reasoned);
}

#[tokio::test]
async fn each_fault_is_the_one_it_is_named_for() {
    let demo = Demo::fast().await;

    let (events, orderly) = demo.events(&asking("cut", "x")).await;
    assert!(!orderly && events.len() > 5);
    assert!(events.iter().all(|event| event != "[DONE]" && !event.contains("\"stop\"")));

    let whole = with(asking("cut", "x"), "stream", false);
    let (text, orderly) = read(demo.post(&whole).send().await.unwrap()).await;
    assert!(!orderly && text.starts_with("{\"id\""), "{text}");
    let whole = with(asking("error", "x"), "stream", false);
    assert_eq!(value(demo.post(&whole).send().await.unwrap()).await.0, 500);

    let (events, orderly) = demo.events(&asking("error", "x")).await;
    assert!(orderly && events.len() > 5);
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(last["error"]["type"], "server_error");

    let (events, orderly) = demo.events(&asking("garbage", "x")).await;
    assert!(orderly);
    let (good, bad): (Vec<_>, Vec<_>) =
        events.iter().map(|event| serde_json::from_str::<Value>(event)).partition(Result::is_ok);
    assert!(bad.len() > 5);
    let good: Vec<Value> = good.into_iter().filter_map(Result::ok).collect();
    let text = said(&good, 0, "content");
    assert!(text.starts_with("Between these words") && text.ends_with("That was all of it."), "{text}");

    let response = demo.stream("500", "x").await;
    assert!(response.headers()["x-request-id"].to_str().unwrap().starts_with("req_demo_"));
    let (status, error) = value(response).await;
    assert_eq!((status, &error["error"]["type"]), (500, &json!("server_error")));

    let (status, error) = value(demo.stream("auth", "x").await).await;
    assert_eq!((status, &error["error"]["code"]), (401, &json!("invalid_api_key")));
}

#[tokio::test]
async fn a_rate_limit_refuses_each_prompt_twice() {
    let demo = Demo::fast().await;
    for prompt in ["one", "two"] {
        for _ in 0..2 {
            let response = demo.stream("429", prompt).await;
            assert_eq!(response.headers()["retry-after"], "1");
            let (status, error) = value(response).await;
            assert_eq!((status, &error["error"]["code"]), (429, &json!("rate_limit_exceeded")));
        }
        assert!(said(&demo.chunks(&asking("429", prompt)).await, 0, "content").contains("Third time"));
    }
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_stream_even_a_silent_one() {
    for (model, prompt) in [("stall", "x"), ("chat", "long 1000000"), ("slow", "x")] {
        let demo = Demo::at(None).await;
        let mut response = demo.stream(model, prompt).await;
        if model != "slow" {
            assert!(response.chunk().await.unwrap().is_some());
        }
        demo.until_streams(1).await;
        drop(response);
        tokio::time::timeout(Duration::from_secs(10), demo.until_streams(0)).await.unwrap();
    }
}

#[tokio::test]
async fn a_stalled_stream_keeps_its_connection() {
    let demo = Demo::fast().await;
    let mut response = demo.stream("stall", "x").await;
    let mut text = String::new();
    while !text.contains("\"content\":\"ve\"") {
        text.push_str(&String::from_utf8_lossy(&response.chunk().await.unwrap().unwrap()));
    }
    let silence = tokio::time::timeout(Duration::from_millis(50), response.chunk()).await;
    assert!(silence.is_err(), "neither text nor an end");
}

#[tokio::test]
async fn dropping_the_server_ends_its_streams_and_frees_its_port() {
    let demo = Demo::at(None).await;
    let address = demo.server.address;
    let mut response = demo.stream("chat", "long 1000000").await;
    assert!(response.chunk().await.unwrap().is_some());
    drop(demo.server);
    assert!(!read(response).await.1, "cut off");
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_pace_is_kept() {
    let demo = Demo::at(Some(400.0)).await;
    let start = Instant::now();
    demo.chunks(&asking("chat", "long 200")).await;
    let took = start.elapsed();
    // 200 tokens at 400 a second and the wait before the first; slow machines may take longer.
    assert!(took >= Duration::from_millis(600), "{took:?}");
}

#[tokio::test]
async fn without_a_pace_events_come_in_big_frames() {
    let demo = Demo::fast().await;
    let mut response = demo.stream("chat", "long 50000").await;
    let (mut bytes, mut frames) = (0, 0);
    let mut tail = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        bytes += chunk.len();
        frames += 1;
        tail = chunk.to_vec();
    }
    assert!(tail.ends_with(b"data: [DONE]\n\n"));
    assert!((200..260).contains(&(bytes / 50_000)), "{} bytes a token", bytes / 50_000);
    assert!(bytes / frames > 4096, "{bytes} bytes in {frames} frames");
}

#[tokio::test]
async fn azures_paths_ask_for_a_version_and_say_what_they_do_not_know() {
    let demo = Demo::fast().await;
    let post = |path: &str, body: &Value| {
        let url = format!("http://{}{path}", demo.server.address);
        demo.client.post(url).body(body.to_string())
    };
    let ask = with(asking("chat", "hello"), "stream", false);
    for (path, member) in [
        ("/models/chat/completions", "choices"),
        ("/openai/deployments/chat/chat/completions", "prompt_filter_results"),
    ] {
        let (status, error) = value(post(path, &ask).send().await.unwrap()).await;
        assert_eq!((status, &error["error"]["code"]), (404, &json!("404")), "{path}");
        let (status, error) =
            value(post(&format!("{path}?api-version=new"), &ask).send().await.unwrap()).await;
        assert_eq!((status, &error["error"]["code"]), (400, &json!("BadRequest")), "{path}");
        let path = format!("{path}?api-version=2024-10-21");
        let (status, body) = value(post(&path, &ask).send().await.unwrap()).await;
        assert_eq!((status, body[member].is_array()), (200, true), "{path}: {body}");
    }
    assert_eq!(demo.get("/models/info?api-version=2024-05-01-preview").await.1["model_name"], "chat");
    assert_eq!(demo.get("/models/info").await.0, 404);
    assert_eq!(demo.get("/openai/models?api-version=2024-10-21").await.1["data"][0]["id"], "chat");

    let two = with(ask.clone(), "n", 2);
    let path = "/models/chat/completions?api-version=2024-05-01-preview";
    let (status, error) = value(post(path, &two).send().await.unwrap()).await;
    assert_eq!((status, &error["code"]), (422, &json!("parameter_not_supported")));
    for (way, status, choices) in
        [("error", 422, 0), ("drop", 200, 1), ("pass-through", 200, 2), ("keep", 400, 0)]
    {
        let response = post(path, &two).header("extra-parameters", way).send().await.unwrap();
        let (got, body) = value(response).await;
        let count = body["choices"].as_array().map_or(0, Vec::len);
        assert_eq!((got, count), (status, choices), "{way}: {body}");
    }
}

#[tokio::test]
async fn a_text_completion_without_a_limit_is_short_and_goes_on_with_any_text() {
    let demo = Demo::fast().await;
    let post = |body: &Value| {
        demo.client.post(format!("{}/completions", demo.server.base_url())).body(body.to_string())
    };
    let ask = json!({"model": "chat", "prompt": "Once upon a time"});
    let (_, body) = value(post(&ask).send().await.unwrap()).await;
    assert_eq!(body["choices"][0]["finish_reason"], "length");
    assert_eq!(body["usage"]["completion_tokens"], 16);
    let (_, body) = value(post(&with(ask, "max_tokens", 1000)).send().await.unwrap()).await;
    assert_eq!(
        (&body["object"], &body["choices"][0]["finish_reason"]),
        (&json!("text_completion"), &json!("stop"))
    );
    for wrong in
        [json!({"model": "chat"}), json!({"model": "chat", "prompt": [1, 2]}), json!({"prompt": "x"})]
    {
        let (status, error) = value(post(&wrong).send().await.unwrap()).await;
        assert_eq!((status, &error["error"]["type"]), (400, &json!("invalid_request_error")), "{wrong}");
    }
}

/// A masked text message; the mask is zero.
fn frame(body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let mut frame = vec![0x81, 0x80 | u8::try_from(body.len()).unwrap(), 0, 0, 0, 0];
    frame.extend_from_slice(body.as_bytes());
    frame
}

#[tokio::test]
async fn a_client_that_leaves_a_websocket_ends_its_stream() {
    let demo = Demo::at(None).await;
    let (mut reading, mut socket) =
        tokio::net::TcpStream::connect(demo.server.address).await.unwrap().into_split();
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let handshake = "GET /v1/chat/completions HTTP/1.1\r\nhost: demo\r\nconnection: upgrade\r\n\
        upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(handshake.as_bytes()).await.unwrap();
    socket.write_all(&frame(&asking("chat", "long 1000000"))).await.unwrap();
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains("\"content\":\"##\"") {
        assert!(reading.read_buf(&mut said).await.unwrap() > 0, "{}", String::from_utf8_lossy(&said));
    }
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(said.starts_with("HTTP/1.1 101") && !said.contains("data:"), "{said}");
    demo.until_streams(1).await;
    drop((reading, socket));
    demo.until_streams(0).await;
}

#[tokio::test]
async fn a_client_that_leaves_before_a_whole_answer_is_forgotten() {
    use tokio::io::AsyncWriteExt;
    let demo = Demo::at(None).await;
    for model in ["stall", "chat"] {
        let mut socket = tokio::net::TcpStream::connect(demo.server.address).await.unwrap();
        let handshake = "GET /v1/chat/completions HTTP/1.1\r\nhost: demo\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        socket.write_all(handshake.as_bytes()).await.unwrap();
        let mut body = asking(model, "long 1000000");
        body["stream"] = json!(false);
        socket.write_all(&frame(&body)).await.unwrap();
        demo.until_streams(1).await;
        drop(socket);
        tokio::time::timeout(Duration::from_secs(10), demo.until_streams(0)).await.unwrap();
    }
}

#[tokio::test]
async fn who_asks_at_a_wrong_path_hears_the_right_ones() {
    let demo = Demo::at(None).await;
    let (status, error) = demo.get("/chat/completions").await;
    assert_eq!(status, 404);
    let message = error["error"]["message"].as_str().unwrap();
    for path in
        ["/v1/chat/completions", "/v1/completions,", "/models/chat/completions", "/openai/deployments/NAME"]
    {
        assert!(message.contains(path), "{message}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let demo = Demo::at(None).await;
    let url = format!("http://{}/v1/chat/completions", demo.server.address);
    let fits = asking("chat", &"x".repeat(7 << 20)).to_string();
    assert_eq!(demo.client.post(&url).body(fits).send().await.unwrap().status(), 200);
    let large = asking("chat", &"x".repeat(9 << 20)).to_string();
    assert_eq!(demo.client.post(&url).body(large).send().await.unwrap().status(), 413);
}
