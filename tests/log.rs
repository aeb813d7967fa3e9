//! What `-v` writes into the log, by the real program: what a person needs to see where a request went and
//! what became of it, and neither a key nor a word of a conversation.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::json;
use support::server::Server;
use support::{Home, KEY, code, list, stderr};

/// What must be nowhere in a log, besides the key.
const PROMPT: &str = "a question of mine";
const ANSWER: &str = "an answer of its own";

/// The log, one line without its time each; nothing secret is in it.
#[track_caller]
fn log(home: &Home) -> Vec<String> {
    let text = std::fs::read_to_string(home.state_dir().join("chatui/chatui.log")).unwrap();
    for secret in [KEY, PROMPT, ANSWER, "words of the server"] {
        assert!(!text.contains(secret), "{secret}:\n{text}");
    }
    text.lines().map(|line| line.split_once(": ").unwrap().1.to_owned()).collect()
}

/// The log has lines that hold these words, in that order.
#[track_caller]
fn assert_in_order(lines: &[String], wanted: &[&[&str]]) {
    let mut rest = lines.iter();
    for words in wanted {
        let found = rest.any(|line| words.iter().all(|word| line.contains(word)));
        assert!(found, "{words:?} is missing, or not in its place:\n{}", lines.join("\n"));
    }
}

#[test]
fn each_request_of_a_turn_is_told_and_what_became_of_it() {
    let server = Server::start();
    let home = Home::at(&server);
    let output = home.while_serving(&["ask", "-v", PROMPT], || {
        let words = format!("stream_options: words of the server on {PROMPT} and {KEY}");
        server.accept().answer_json(400, &json!({"error": {"message": words, "param": "stream_options"}}));
        let body = json!({"error": {"message": "words of the server", "code": "overloaded"}}).to_string();
        server.accept().answer(503, &[("x-request-id", &format!("req-{KEY}"))], body.as_bytes());
        server.accept().say(&[ANSWER]);
    });
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let url =
        format!("request 1: POST http://{}/v1/chat/completions, openai-chat, streamed", server.address());
    assert_in_order(
        &log(&home),
        &[
            &["lab:scripted: ", &url],
            &["request 1: HTTP 400 after ", " ms"],
            &["request 1: failed: HTTP 400", "refuses stream_options"],
            &["it refuses stream_options"],
            &["request 2: POST"],
            &["request 2: HTTP 503", "request id req-***"],
            &["request 2: failed: HTTP 503, overloaded"],
            &["retry 1 of "],
            &["request 3: HTTP 200"],
            &["complete after ", "first token after ", "3 requests"],
        ],
    );
}

#[test]
fn a_turn_that_fails_is_told_with_its_cause() {
    let server = Server::start();
    let home = Home::at(&server);
    let output = home.while_serving(&["ask", "-v", PROMPT], || {
        server
            .accept()
            .answer_json(401, &json!({"error": {"message": format!("words of the server: {KEY}")}}));
    });
    assert_eq!(code(&output), 77);
    let output =
        home.ask(&["-v", "--retries", "0", "--base-url", "http://127.0.0.1:1/v1", "-m", "m", PROMPT], b"");
    assert_eq!(code(&output), 75);
    assert_in_order(
        &log(&home),
        &[
            &["request 1: failed: HTTP 401"],
            &["error: auth, status 401"],
            &["failed after "],
            &["127.0.0.1:m: request 1: POST http://127.0.0.1:1/v1/"],
            &["failed: 127.0.0.1:1 refused the connection"],
            &["error: network"],
        ],
    );
}

#[test]
fn a_fall_back_from_a_websocket_is_told() {
    let server = Server::start();
    let home = Home::new();
    let address = server.address();
    home.configure(&format!(
        "[providers.box]\ndialect = \"websocket\"\nbase_url = \"ws://{address}/v1/chat/completions\"\n\
         http_base_url = \"http://{address}/v1\"\ndefault_model = \"scripted\"\n"
    ));
    let output = home.while_serving(&["ask", "-v", PROMPT], || {
        server.prompt().answer(404, &[], b"");
        server.prompt().say(&[ANSWER]);
    });
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_in_order(
        &log(&home),
        &[
            &["request 1: WebSocket ws://", "websocket, streamed"],
            &["request 1: failed: HTTP 404"],
            &["there is no WebSocket: goes on over HTTP"],
            &["request 2: POST http://", "/v1/chat/completions"],
            &["complete after "],
        ],
    );
}

#[test]
fn lists_are_told_and_more_v_tells_more() {
    let server = Server::start();
    let home = Home::at(&server);
    let listed = || server.accept_path("/v1/models").answer_json(200, &list(&["a", "b"]));
    assert_eq!(code(&home.while_serving(&["models", "-v"], listed)), 0);
    let lines = log(&home);
    assert_in_order(
        &lines,
        &[&["lab, list of models: GET http://", "/v1/models"], &["HTTP 200 after "], &["2 models"]],
    );
    assert!(!lines.iter().any(|line| line.contains("connects to")), "{lines:?}");

    let output = home.while_serving(&["doctor", "-vvv"], || {
        listed();
        server.prompt().say(&[ANSWER]);
    });
    assert_eq!(code(&output), 0);
    assert_in_order(
        &log(&home),
        &[
            &["2 models"],
            &["GET http://"],
            &["connects to 127.0.0.1:"],
            &["request 1: POST"],
            &["bytes, headers", "authorization"],
            &["content-type: text/event-stream"],
            &["request 1: ", " bytes"],
            &["complete after "],
        ],
    );
}
