//! What servers do wrong, in each dialect that is spoken over HTTP: what is kept, what is told, and what is
//! asked again, by the real program.

#![allow(clippy::unwrap_used)]

mod support;

use std::process::{Output, Stdio};

use serde_json::{Value, json};
use support::pty::{Key, Options, Pty};
use support::server::{Exchange, Server};
use support::{Home, code, stderr};

/// A dialect: its name, and the base URL for a server's address.
struct Way {
    dialect: &'static str,
    path: &'static str,
}

const WAYS: [Way; 4] = [
    Way { dialect: "openai-chat", path: "/v1" },
    Way { dialect: "openai-completions", path: "/v1" },
    Way { dialect: "azure-inference", path: "/models" },
    Way { dialect: "azure-openai", path: "" },
];

impl Way {
    /// A chunk of text.
    fn text(&self, text: &str) -> Value {
        match self.dialect {
            "openai-completions" => {
                json!({"id": "c", "choices": [{"index": 0, "text": text, "finish_reason": null}]})
            }
            _ => {
                json!({"id": "c", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
            }
        }
    }

    /// A whole answer.
    fn answer(&self, mut exchange: Exchange, text: &str) {
        exchange.begin_events();
        exchange.event(&self.text(text));
        exchange.event(&json!({"choices": [{"index": 0, "delta": {}, "text": "", "finish_reason": "stop"}]}));
        exchange.done();
    }

    /// What `ask --json` says of what `serve` answers.
    fn ask(&self, more: &[&str], serve: impl FnOnce(&Self, &Server)) -> Asked {
        let server = Server::start();
        let home = Home::new();
        home.configure("[retry]\nbase = \"5ms\"\ncap = \"5ms\"\n");
        let url = format!("http://{}{}", server.address(), self.path);
        let mut args = vec!["ask", "--json", "--base-url", &url, "--dialect", self.dialect, "-m", "m", "hi"];
        args.extend(more);
        let mut command = home.command(&args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        serve(self, &server);
        let output = child.wait_with_output().unwrap();
        assert!(!server.is_asked_again(), "{}: nothing more is asked", self.dialect);
        Asked { dialect: self.dialect, output }
    }
}

struct Asked {
    dialect: &'static str,
    output: Output,
}

impl Asked {
    fn events(&self) -> Vec<Value> {
        let text = String::from_utf8(self.output.stdout.clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn of(&self, kind: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["event"] == kind).collect()
    }

    /// Checks the end: exit code, outcome, kind of the error (empty: none), and the text that stays.
    #[track_caller]
    fn ended(&self, exit: i32, outcome: &str, kind: &str, text: &str) {
        let done = self.of("done").pop().unwrap();
        let error = self.of("error").pop().unwrap_or_default();
        let found = (
            code(&self.output),
            done["outcome"].as_str().unwrap(),
            error["kind"].as_str().unwrap_or_default(),
            done["choices"][0]["text"].as_str().unwrap_or_default(),
        );
        assert_eq!(found, (exit, outcome, kind, text), "{}: {}", self.dialect, stderr(&self.output));
    }

    #[track_caller]
    fn attempts(&self, count: u64) {
        let done = self.of("done").pop().unwrap();
        assert_eq!(done["metrics"]["attempts"].as_u64(), Some(count), "{}", self.dialect);
    }
}

#[test]
fn a_lost_connection_is_made_again_before_the_first_event_and_never_after_it() {
    for way in WAYS {
        let asked = way.ask(&[], |way, server| {
            server.accept().cut();
            // Comments and heartbeats are no events.
            let mut exchange = server.accept();
            exchange.begin_events();
            exchange.piece(b": ping\n\ndata:\n\n");
            exchange.cut();
            way.answer(server.accept(), "there");
        });
        asked.ended(0, "complete", "", "there");
        asked.attempts(3);

        for chunk in [way.text("half").to_string(), "{\"choices\": nonsense".to_owned(), "{}".to_owned()] {
            let asked = way.ask(&[], |_, server| {
                let mut exchange = server.accept();
                exchange.begin_events();
                exchange.piece(format!("data: {chunk}\n\n").as_bytes());
                exchange.cut();
            });
            asked.ended(76, "truncated", "protocol", if chunk.contains("half") { "half" } else { "" });
            asked.attempts(1);
            assert_eq!(asked.of("notice").len(), usize::from(chunk.contains("nonsense")), "{chunk}");
        }
    }
}

#[test]
fn an_answer_that_ends_too_early_is_truncated_and_an_empty_one_fails() {
    for way in WAYS {
        let asked = way.ask(&[], |way, server| {
            let mut exchange = server.accept();
            exchange.begin_events();
            exchange.event(&way.text("half"));
            exchange.end();
        });
        asked.ended(76, "truncated", "protocol", "half");
        let asked = way.ask(&[], |_, server| server.accept().answer(200, &[], b""));
        asked.ended(76, "failed", "protocol", "");
        let page = b"<html><title>Sign in</title>";
        let asked = way.ask(&[], |_, server| server.accept().answer(200, &[], page));
        asked.ended(76, "failed", "protocol", "");
    }
}

#[test]
fn a_busy_server_is_asked_again_as_it_wishes_and_an_empty_account_is_not() {
    for way in WAYS {
        let asked = way.ask(&[], |way, server| {
            let busy = br#"{"error": {"message": "slow down"}}"#;
            server.accept().answer(429, &[("retry-after-ms", "12.5"), ("retry-after", "600")], busy);
            server.accept().answer(503, &[("x-ms-retry-after-ms", "7")], busy);
            server.accept().answer(400, &[("x-should-retry", "true"), ("retry-after", "0.02")], busy);
            way.answer(server.accept(), "there");
        });
        asked.ended(0, "complete", "", "there");
        let waits: Vec<u64> =
            asked.of("retry").iter().map(|retry| retry["delay_ms"].as_u64().unwrap()).collect();
        assert_eq!((waits[1], waits[2]), (7, 20), "{waits:?}");
        assert!((12..=13).contains(&waits[0]), "{waits:?}");

        let asked = way.ask(&[], |_, server| {
            let body =
                br#"{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}"#;
            server.accept().answer(429, &[("retry-after", "1")], body);
        });
        asked.ended(1, "failed", "http", "");
        let asked = way.ask(&[], |_, server| {
            server.accept().answer(503, &[("retry-after", "86400")], b"later");
        });
        asked.ended(75, "failed", "http", "");
        let error = asked.of("error").pop().unwrap();
        assert!(error["message"].as_str().unwrap().contains("1440m"), "{error}");
        let asked = way.ask(&[], |_, server| {
            server.accept().answer(500, &[("x-should-retry", "false")], b"no");
        });
        asked.ended(75, "failed", "http", "");
    }
}

#[test]
fn each_failure_has_the_id_of_its_request() {
    for way in WAYS {
        for name in ["x-request-id", "apim-request-id", "x-ms-request-id"] {
            let asked = way.ask(&[], |_, server| {
                let body = br#"{"error": {"message": "no such deployment", "code": "DeploymentNotFound"}}"#;
                server.accept().answer(404, &[(name, "req-404")], body);
            });
            asked.ended(1, "failed", "http", "");
            assert_eq!(asked.of("error")[0]["request_id"], "req-404");
        }
        let head = b"HTTP/1.1 200 OK\r\nx-request-id: req-200\r\nconnection: close\r\n\r\n";
        let begun = |way: &Way, exchange: &mut Exchange| {
            exchange.raw(head);
            exchange.raw(format!("data: {}\n\n", way.text("half")).as_bytes());
        };
        let asked = way.ask(&[], |way, server| begun(way, &mut server.accept()));
        asked.ended(76, "truncated", "protocol", "half");
        assert_eq!(asked.of("error")[0]["request_id"], "req-200");

        let asked = way.ask(&[], |way, server| {
            let mut exchange = server.accept();
            begun(way, &mut exchange);
            exchange.raw(b"data: {\"error\": {\"message\": \"out of memory\", \"code\": 500}}\n\n");
        });
        asked.ended(75, "failed", "server", "half");
        assert_eq!(asked.of("error")[0]["request_id"], "req-200");

        let asked = way.ask(&["--chunk-timeout", "100ms"], |way, server| {
            let mut exchange = server.accept();
            begun(way, &mut exchange);
            exchange.wait_closed();
        });
        asked.ended(75, "failed", "timeout", "half");
        let error = asked.of("error").pop().unwrap();
        assert_eq!(error["request_id"], "req-200");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("100ms") && message.contains("--chunk-timeout 200ms"), "{message}");
    }
}

#[test]
fn an_error_in_the_first_event_is_not_asked_again() {
    for way in WAYS {
        let body = br#"{"error": {"message": "overloaded", "code": 503}}"#;
        for head in ["text/event-stream", "application/json"] {
            let asked =
                way.ask(&[], |_, server| server.accept().answer(200, &[("content-type", head)], body));
            asked.ended(75, "failed", "server", "");
            asked.attempts(1);
        }
    }
}

#[test]
fn a_key_goes_to_no_other_place() {
    for way in WAYS {
        let elsewhere = Server::start();
        let target = format!("http://{}/v1/chat/completions", elsewhere.address());
        for status in [301, 302, 303, 307, 308] {
            let asked = way.ask(&[], |_, server| {
                server.accept().answer(status, &[("location", &target)], b"");
            });
            asked.ended(1, "failed", "http", "");
            let error = asked.of("error").pop().unwrap();
            assert!(error["message"].as_str().unwrap().contains(&target), "{error}");
        }
        assert!(!elsewhere.is_asked_again());
    }
}

#[test]
fn a_text_completion_that_was_cut_goes_on_where_it_stopped() {
    let way = &WAYS[1];
    let server = Server::start();
    let home = Home::new();
    let url = server.base_url();
    let args = ["--base-url", &url, "--dialect", way.dialect, "-m", "m", "Tell", "a", "story"];
    let pty = Pty::start(&home, Options::chatui(&args).size(90, 30));
    let mut exchange = server.accept_path("/v1/completions");
    let asked = exchange.request.json()["prompt"].as_str().unwrap().to_owned();
    exchange.begin_events();
    exchange.event(&way.text("Once upon a ti"));
    exchange.cut();
    pty.wait_for_text("continue");
    pty.send_keys("/continue");
    pty.wait_for_text("/continue");
    pty.key(Key::Enter);
    let exchange = server.accept_path("/v1/completions");
    let again = exchange.request.json()["prompt"].as_str().unwrap().to_owned();
    assert!(again.starts_with(asked.trim_end()) && again.ends_with("Once upon a ti"), "{asked:?}, {again:?}");
    way.answer(exchange, "me there was");
    pty.wait_for_text("me there was");
}
