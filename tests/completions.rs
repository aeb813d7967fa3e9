//! Text completions over a real socket: `chatui ask` with templates and raw prompts, and `/raw` in the
//! full-screen chat, saved and opened again.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::pipe::Piped;
use support::pty::{Key, Pty, rows};
use support::server::{Exchange, Server};
use support::{Home, code, stderr, stdout};

const PATH: &str = "/v1/completions";

fn config(server: &Server, template: &str) -> String {
    format!(
        "model = \"base:m\"\nsystem = \"Be brief.\"\n[providers.base]\ndialect = \"openai-completions\"\n\
         base_url = \"{}\"\n{template}",
        server.base_url()
    )
}

fn chunk(text: &str, finish: Option<&str>) -> Value {
    let choice = json!({"index": 0, "text": text, "logprobs": null, "finish_reason": finish});
    json!({"id": "cmpl-1", "object": "text_completion", "model": "m", "choices": [choice]})
}

fn complete(mut exchange: Exchange, pieces: &[&str], finish: &str) {
    exchange.begin_events();
    for piece in pieces {
        exchange.event(&chunk(piece, None));
    }
    exchange.event(&chunk("", Some(finish)));
    exchange.done();
}

fn ask(home: &Home, args: &[&str]) -> Piped {
    let all: Vec<&str> = ["ask"].iter().chain(args).copied().collect();
    Piped::start(home, &all)
}

#[test]
fn a_conversation_goes_as_one_text_and_a_raw_prompt_as_it_is() {
    let server = Server::start();
    let home = Home::new();
    home.configure(&config(&server, ""));
    for (args, prompt) in [
        (&["Hi"][..], "Be brief.\n\nUser: Hi\n\nAssistant:"),
        (&["-c", "And?"], "Be brief.\n\nUser: Hi\n\nAssistant: Once upon\n\nUser: And?\n\nAssistant:"),
        (&["--raw-prompt", "-p", "Once, {{ x }} "], "Once, {{ x }} "),
        (&["-c", "--raw-prompt", "Twice"], "Twice"),
    ] {
        let running = ask(&home, args);
        let exchange = server.accept_path(PATH);
        let body = exchange.request.json();
        assert_eq!((body["prompt"].as_str(), &body["max_tokens"]), (Some(prompt), &json!(1024)), "{body}");
        assert!(body.get("messages").is_none(), "{body}");
        complete(exchange, &["Once", " upon"], "stop");
        let output = running.finish();
        assert_eq!((code(&output), stdout(&output).as_str()), (0, "Once upon\n"), "{}", stderr(&output));
    }
    let output = home.ask(&["--dry-run", "Hi"], b"");
    let text = stdout(&output);
    assert!(text.starts_with(&format!("POST {}/completions\n", server.base_url())), "{text}");
    assert!(text.contains(r#""prompt": "Be brief.\n\nUser: Hi\n\nAssistant:""#), "{text}");
    assert!(!server.is_asked_again());
}

#[test]
fn a_raw_prompt_that_cannot_be_is_2_and_says_what_to_do() {
    let server = Server::start();
    let home = Home::new();
    home.configure(&config(&server, ""));
    let url = server.base_url();
    for (args, says) in [
        (&["--raw-prompt", "--base-url", &url, "-m", "x", "hi"][..], "--dialect"),
        (&["--raw-prompt", "-m", "demo:chat", "hi"], "openai-completions"),
        (&["--raw-prompt", "-s", "Be long.", "hi"], "--system"),
    ] {
        let output = home.ask(args, b"");
        assert_eq!((code(&output), stdout(&output).as_str()), (2, ""), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(says), "{args:?}: {}", stderr(&output));
    }
    assert!(!server.is_asked_again());
}

#[test]
fn a_server_for_chat_is_told_from_one_for_text() {
    let server = Server::start();
    let home = Home::new();
    home.configure(&config(&server, ""));
    let running = ask(&home, &["Hi"]);
    server.accept_path(PATH).answer_json(404, &json!({"detail": "Not Found"}));
    let output = running.finish();
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("dialect = \"openai-chat\""), "{}", stderr(&output));

    let running = ask(&home, &["--base-url", &server.base_url(), "-m", "x", "Hi"]);
    let message = "transformers no longer allows default chat template, so you must provide a chat template";
    server.prompt().answer_json(400, &json!({"error": {"message": message}}));
    let output = running.finish();
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("dialect = \"openai-completions\""), "{}", stderr(&output));
}

#[test]
fn a_raw_prompt_of_the_chat_is_shown_saved_and_opened_again() {
    let server = Server::start();
    let home = Home::new();
    home.configure(&config(&server, ""));
    let chat = Pty::chatui(&home, &[]);
    chat.wait_for_text("base:m");
    chat.send_keys("/raw Once upon");
    chat.wait_for_text("/raw Once upon");
    chat.key(Key::Enter);
    let exchange = server.accept_path(PATH);
    assert_eq!(exchange.request.json()["prompt"], "Once upon");
    complete(exchange, &[" a", " time"], "length");
    chat.wait_for_text("stopped at max tokens");
    chat.wait_for("the raw prompt's head and text", |screen| {
        let rows = rows(screen);
        let head = rows.iter().position(|row| row.contains("You · raw · "));
        head.is_some_and(|head| rows[head + 1].contains("Once upon"))
    });
    chat.key(Key::Ctrl('d'));
    assert_eq!(chat.wait_exit().status.code(), Some(0));

    let chat = Pty::chatui(&home, &["-c"]);
    chat.wait_for_text("You · raw · ");
    chat.wait_for_text("a time");
    chat.send_keys("/retry");
    chat.key(Key::Enter);
    let exchange = server.accept_path(PATH);
    assert_eq!(exchange.request.json()["prompt"], "Once upon");
    complete(exchange, &[" there was"], "stop");
    chat.wait_for_text("there was");
    chat.key(Key::Ctrl('d'));
    assert_eq!(chat.wait_exit().status.code(), Some(0));
}
