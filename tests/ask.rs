//! `chatui ask` as scripts rely on it: what stands on standard output, the exit codes, the events of
//! `--json`, and where a secret must never stand.

#![allow(clippy::unwrap_used)]

mod support;

use std::io::Write;
use std::net::TcpListener;
use std::process::{Output, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use support::pipe::{Piped, Reading};
use support::server::{Exchange, Server, delta};
use support::{DemoServer, Home, KEY, LIMIT, code, files, lab, stderr, stdout};

/// `chatui ask ARGS…`, running.
fn ask(home: &Home, args: &[&str]) -> Piped {
    let all: Vec<&str> = ["ask"].iter().chain(args).copied().collect();
    Piped::start(home, &all)
}

/// Its end, when the next request is served so.
fn served(home: &Home, server: &Server, args: &[&str], serve: impl FnOnce(Exchange)) -> Output {
    let running = ask(home, args);
    serve(server.prompt());
    running.finish()
}

fn events(output: &Output) -> Vec<Value> {
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line:?}"));
    stdout(output).lines().map(line).collect()
}

fn named<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == name).collect()
}

/// The names of an object's members, in their order.
fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn header(answer: &Value, status: u16) -> impl FnOnce(Exchange) {
    let body = answer.to_string();
    move |exchange| exchange.answer(status, &[("content-type", "application/json")], body.as_bytes())
}

fn error(message: &str) -> Value {
    json!({"error": {"message": message}})
}

// ---------------------------------------------------------------------------------------------
// Standard output

#[test]
fn standard_output_is_exactly_the_answer() {
    let server = Server::start();
    let home = Home::at(&server);
    for (pieces, wanted) in [
        (&["Hé", "llo ", "世界 👩‍👩‍👧"][..], "Héllo 世界 👩‍👩‍👧\n"),
        (&["two\n"], "two\n"),
        (&["blank\n\n"], "blank\n\n"),
        (&["  lead\n\n```rust\n", "let a = 1;\n```"], "  lead\n\n```rust\nlet a = 1;\n```\n"),
        (&["\x1b[31mred\x1b[0m\t\r\n\x07 **x**"], "\x1b[31mred\x1b[0m\t\r\n\x07 **x**\n"),
    ] {
        let output = served(&home, &server, &["hi"], |exchange| exchange.say(pieces));
        assert_eq!((stdout(&output).as_str(), stderr(&output).as_str()), (wanted, ""));
        assert_eq!(code(&output), 0);
    }
}

#[test]
fn text_is_written_as_it_comes() {
    let server = Server::start();
    let home = Home::at(&server);
    let running = ask(&home, &["hi"]);
    let mut exchange = server.prompt();
    exchange.begin_events();
    exchange.text(0, "first ");
    running.wait_for_stdout("first ");
    exchange.text(0, "second");
    running.wait_for_stdout("first second");
    exchange.finish_reason(0, "stop");
    exchange.done();
    assert_eq!(stdout(&running.finish()), "first second\n");
}

#[test]
fn what_is_no_text_of_the_answer_goes_to_standard_error() {
    let server = Server::start();
    let home = Home::at(&server);
    let output = served(&home, &server, &["hi"], |mut exchange| {
        exchange.begin_events();
        exchange.event(&delta(0, &json!({"reasoning_content": "hmm"}), None));
        exchange.piece(b"data: {broken\n\n");
        exchange.text(0, "cut here");
        exchange.finish_reason(0, "length");
        exchange.done();
    });
    assert_eq!(stdout(&output), "cut here\n");
    let said = stderr(&output);
    assert!(said.contains("stopped at max tokens") && said.lines().count() == 2, "{said}");

    let output = served(&home, &server, &["hi"], |mut exchange| {
        exchange.begin_events();
        let call = json!({"tool_calls": [{"index": 0, "id": "c1", "type": "function",
            "function": {"name": "get_time", "arguments": "{\"zone\":\"UTC\"}"}}]});
        exchange.event(&delta(0, &call, None));
        exchange.finish_reason(0, "tool_calls");
        exchange.done();
    });
    assert_eq!((stdout(&output).as_str(), code(&output)), ("", 0));
    assert!(stderr(&output).contains("get_time {\"zone\":\"UTC\"}"), "{}", stderr(&output));

    let verdict = |filtered: bool| {
        json!({"choices": [{"index": 0, "content_filter_results": {
            "violence": {"filtered": filtered, "severity": "high"}, "hate": {"filtered": false, "severity": "low"}}}]})
    };
    for (filtered, told) in [
        (true, "chatui: filter: violence (cut), hate low\n"),
        (false, "chatui: filter: violence high, hate low\n"),
    ] {
        let output = served(&home, &server, &["hi"], |mut exchange| {
            exchange.begin_events();
            exchange.text(0, "fine");
            exchange.event(&verdict(filtered));
            exchange.finish_reason(0, "stop");
            exchange.done();
        });
        assert_eq!((stdout(&output).as_str(), stderr(&output).as_str()), ("fine\n", told));
    }
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let server = Server::start();
    let home = Home::at(&server);
    let running = Piped::started(&home, &["ask", "hi"], b"", Reading::First(5));
    let mut exchange = server.prompt();
    exchange.begin_events();
    let chunk = format!("data: {}\n\n", delta(0, &json!({"content": "text that is longer"}), None));
    let chunk = format!("{:x}\r\n{chunk}\r\n", chunk.len());
    // A writer learns of a closed pipe when it writes, and so does the server of a closed connection.
    let until = Instant::now() + LIMIT;
    while exchange.try_raw(chunk.as_bytes()).is_ok() {
        assert!(Instant::now() < until, "it reads on for nobody");
    }
    let output = running.finish();
    assert_eq!((stdout(&output).as_str(), stderr(&output).as_str(), code(&output)), ("text ", "", 0));
}

#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    let server = Server::start();
    let home = Home::at(&server);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let child = home.command(&["ask", "hi"]).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let mut exchange = begun(server.prompt());
    exchange.wait_closed();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("standard output cannot be written"), "{}", stderr(&output));
}

#[test]
fn choices_stand_under_their_headings() {
    let server = Server::start();
    let home = Home::at(&server);
    let running = ask(&home, &["--choices", "3", "hi"]);
    let mut exchange = server.prompt();
    assert_eq!(exchange.request.json()["n"], 3);
    exchange.begin_events();
    exchange.text(1, "one ");
    exchange.text(0, "zero");
    running.wait_for_stdout("[0]\nzero");
    exchange.text(2, "two\n");
    exchange.text(1, "done");
    exchange.finish_reason(1, "stop");
    exchange.finish_reason(0, "stop");
    running.wait_for_stdout("[0]\nzero\n[1]\none done");
    exchange.text(2, "and more");
    exchange.finish_reason(2, "stop");
    exchange.done();
    let output = running.finish();
    assert_eq!(stdout(&output), "[0]\nzero\n[1]\none done\n[2]\ntwo\nand more\n");
    assert_eq!((stderr(&output).as_str(), code(&output)), ("", 0));
}

#[test]
fn a_whole_response_is_asked_for_with_no_stream() {
    let server = Server::start();
    let home = Home::at(&server);
    let running = ask(&home, &["--no-stream", "hi"]);
    let exchange = server.prompt();
    let body = exchange.request.json();
    assert_ne!(body["stream"], true);
    assert_eq!(body.get("stream_options"), None);
    exchange.answer_json(
        200,
        &json!({"id": "x", "model": "scripted", "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "whole"}, "finish_reason": "stop"}]}),
    );
    let output = running.finish();
    assert_eq!((stdout(&output).as_str(), code(&output)), ("whole\n", 0));
}

#[test]
fn figures_go_to_standard_error() {
    let server = Server::start();
    let home = Home::at(&server);
    let output = served(&home, &server, &["--stats", "hi"], |exchange| exchange.say(&["a", "b", "c"]));
    assert_eq!(stdout(&output), "abc\n");
    let said = stderr(&output);
    for figure in ["complete", "TTFT", "tok/s", "tokens ~3", "chunks 3", "chars 3", "attempts 1"] {
        assert!(said.contains(figure), "{figure}: {said}");
    }
}

#[test]
fn a_terminal_is_shown_control_characters_and_not_commanded() {
    use support::pty::{Options, Pty};
    let server = Server::start();
    let home = Home::at(&server);
    let pty = Pty::start(&home, Options::chatui(&["ask", "hi"]));
    server.prompt().say(&["a\x1b]0;owned\x07b \x1b[2Jc\r", "\n", "1", "\tnext\r\n", "in e", "\u{301}", "!"]);
    pty.wait_exit();
    assert_eq!(pty.screen_text().trim_end(), "a␛]0;owned␇b ␛[2Jc\n1   next\nin e\u{301}!");
    assert_eq!(pty.title(), "");
    pty.assert_restored();
}

// ---------------------------------------------------------------------------------------------
// What is asked

#[test]
fn words_and_standard_input_make_the_prompt() {
    let server = Server::start();
    let home = Home::at(&server);
    for (args, stdin, wanted) in [
        (&["two", "words"][..], &b""[..], "two words"),
        (&["sum"], b"a\nb\n", "sum\n\na\nb"),
        (&["sum"], b"a\r\n", "sum\n\na"),
        (&["sum"], b"a\n\n", "sum\n\na\n"),
        (&[], b"only this\n", "only this"),
        (&["-p", "-x flag"], b"", "-x flag"),
        (&["--", "--json"], b"", "--json"),
        (&["srve"], b"", "srve"),
    ] {
        let all: Vec<&str> = ["ask"].iter().chain(args).copied().collect();
        let running = Piped::started(&home, &all, stdin, Reading::All);
        let exchange = server.prompt();
        assert_eq!(exchange.request.json()["messages"], json!([{"role": "user", "content": wanted}]));
        exchange.say(&["ok"]);
        assert_eq!(code(&running.finish()), 0);
    }
    for stdin in [&b""[..], b"\n"] {
        let output = home.ask(&[], stdin);
        assert_eq!(code(&output), 2, "{stdin:?}");
        assert!(stderr(&output).contains("nothing to ask"), "{}", stderr(&output));
    }
    let output = home.ask(&["x"], b"\xff\xfe");
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("not UTF-8"), "{}", stderr(&output));
    assert!(!server.is_asked_again());
}

#[test]
fn options_reach_the_request() {
    let server = Server::start();
    let home = Home::at(&server);
    std::fs::write(home.path().join("system.md"), "Be brief.\n").unwrap();
    let args = [
        "-m",
        "lab:other",
        "-s",
        "@system.md",
        "--max-tokens",
        "9",
        "--temperature",
        "0.5",
        "--top-p",
        "0.9",
        "--stop",
        "END",
        "--seed",
        "-7",
        "--reasoning-effort",
        "low",
        "-o",
        "top_k=40",
        "-o",
        "metadata={\"a\":1}",
        "hi",
    ];
    let running = ask(&home, &args);
    let exchange = server.prompt();
    let request = exchange.request.clone();
    exchange.say(&["ok"]);
    assert_eq!(code(&running.finish()), 0);
    assert_eq!(request.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    let body = request.json();
    for (name, wanted) in [
        ("model", json!("other")),
        ("stream", json!(true)),
        ("stream_options", json!({"include_usage": true})),
        ("max_tokens", json!(9)),
        ("temperature", json!(0.5)),
        ("top_p", json!(0.9)),
        ("stop", json!("END")),
        ("seed", json!(-7)),
        ("reasoning_effort", json!("low")),
        ("top_k", json!(40)),
        ("metadata", json!({"a": 1})),
        ("messages", json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}])),
    ] {
        assert_eq!(body[name], wanted, "{name}");
    }
    let output = served(&home, &server, &["hi"], |exchange| {
        let body = exchange.request.json();
        assert_eq!(
            members(&body),
            ["model", "messages", "stream", "stream_options"],
            "what is unset is left out"
        );
        exchange.say(&["ok"]);
    });
    assert_eq!(code(&output), 0);
}

#[test]
fn a_dry_run_shows_the_request_without_secrets_and_sends_nothing() {
    let server = Server::start();
    let mut home = Home::new();
    home.set("TEAM_TOKEN", "unused");
    let more = "[providers.lab.headers]\nX-Team = \"blue\"\nX-Api-Key = \"header-secret-0123456789\"\n";
    home.configure(&format!("{}\n{more}", lab(&server, "")));
    let output = home.ask(&["--dry-run", "hi"], b"");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.starts_with(&format!("POST {}/chat/completions\n", server.base_url())), "{text}");
    for part in
        ["authorization: Bearer ***", "x-team: ", "x-api-key: ***", "\"content\": \"hi\"", "\"stream\": true"]
    {
        assert!(text.to_lowercase().contains(&part.to_lowercase()), "{part}: {text}");
    }
    for secret in [KEY, "header-secret"] {
        assert!(!text.contains(secret) && !stderr(&output).contains(secret), "{text}");
    }
    assert!(!server.is_asked_again(), "nothing is sent");
    assert_eq!(files(&home.data_dir()), [], "nothing is saved");
    // The body is what would go out.
    let body: Value = serde_json::from_str(text.split_once("\n\n").unwrap().1).unwrap();
    let output = served(&home, &server, &["hi"], |exchange| {
        assert_eq!(exchange.request.json(), body);
        exchange.say(&["ok"]);
    });
    assert_eq!(code(&output), 0);
}

// ---------------------------------------------------------------------------------------------
// Exit codes

struct Case {
    name: &'static str,
    args: &'static [&'static str],
    serve: fn(Exchange),
    /// Outcome, kind, status, exit code.
    end: (&'static str, &'static str, Option<u16>, i32),
}

fn status(status: u16) -> Value {
    json!({"error": {"message": "no", "code": status}})
}

fn begun(mut exchange: Exchange) -> Exchange {
    exchange.begin_events();
    exchange.text(0, "part");
    exchange
}

const CASES: &[Case] = &[
    Case { name: "all well", args: &[], serve: |e| e.say(&["part"]), end: ("complete", "", None, 0) },
    Case {
        name: "lost before the first event",
        args: &[],
        serve: Exchange::cut,
        end: ("failed", "network", None, 75),
    },
    Case {
        name: "silence before the first event",
        args: &["--first-timeout", "400ms"],
        serve: |mut e| {
            e.begin_events();
            e.wait_closed();
        },
        end: ("failed", "timeout", None, 75),
    },
    Case {
        name: "silence after text",
        args: &["--chunk-timeout", "400ms"],
        serve: |e| {
            begun(e).wait_closed();
        },
        end: ("failed", "timeout", None, 75),
    },
    Case {
        name: "the whole takes too long",
        args: &["--total-timeout", "400ms"],
        serve: |e| {
            begun(e).wait_closed();
        },
        end: ("failed", "timeout", None, 75),
    },
    Case {
        name: "the body ended",
        args: &[],
        serve: |e| begun(e).end(),
        end: ("truncated", "protocol", None, 76),
    },
    Case {
        name: "the body was cut",
        args: &[],
        serve: |e| begun(e).cut(),
        end: ("truncated", "protocol", None, 76),
    },
    Case {
        name: "an empty body",
        args: &[],
        serve: |e| e.answer(200, &[("content-type", "text/event-stream")], b""),
        end: ("failed", "protocol", None, 76),
    },
    Case {
        name: "a login page",
        args: &[],
        serve: |e| e.answer(200, &[("content-type", "text/html")], b"<html><title>Sign in</title></html>"),
        end: ("failed", "protocol", None, 76),
    },
    Case {
        name: "an error in band, first",
        args: &["--retries", "3"],
        serve: |mut e| {
            e.begin_events();
            e.event(&error("boom"));
            e.end();
        },
        end: ("failed", "server", None, 1),
    },
    Case {
        name: "an error in band, after text",
        args: &[],
        serve: |e| {
            let mut e = begun(e);
            e.event(&error("boom"));
            e.done();
        },
        end: ("failed", "server", None, 1),
    },
    Case {
        name: "an error in band that is a rate limit",
        args: &[],
        serve: |e| {
            let mut e = begun(e);
            e.event(&status(429));
            e.end();
        },
        end: ("failed", "server", Some(429), 75),
    },
    Case {
        name: "an error in band that is a used-up quota",
        args: &[],
        serve: |e| {
            let mut e = begun(e);
            e.event(&json!({"error": {"message": "no", "code": 429, "type": "insufficient_quota"}}));
            e.end();
        },
        end: ("failed", "server", Some(429), 1),
    },
    Case {
        name: "an error in band that is a refused key",
        args: &[],
        serve: |e| {
            let mut e = begun(e);
            e.event(&status(401));
            e.end();
        },
        end: ("failed", "server", Some(401), 77),
    },
    Case {
        name: "401",
        args: &[],
        serve: |e| e.answer_json(401, &error("no")),
        end: ("failed", "auth", Some(401), 77),
    },
    Case {
        name: "403",
        args: &[],
        serve: |e| e.answer_json(403, &error("no")),
        end: ("failed", "auth", Some(403), 77),
    },
    Case {
        name: "408",
        args: &[],
        serve: |e| e.answer_json(408, &error("no")),
        end: ("failed", "http", Some(408), 75),
    },
    Case {
        name: "409",
        args: &[],
        serve: |e| e.answer_json(409, &error("no")),
        end: ("failed", "http", Some(409), 75),
    },
    Case {
        name: "429",
        args: &[],
        serve: |e| e.answer_json(429, &error("no")),
        end: ("failed", "http", Some(429), 75),
    },
    Case {
        name: "a used-up quota",
        args: &["--retries", "3"],
        serve: |e| e.answer_json(429, &json!({"error": {"message": "no", "code": "insufficient_quota"}})),
        end: ("failed", "http", Some(429), 1),
    },
    Case {
        name: "498",
        args: &[],
        serve: |e| e.answer_json(498, &error("no")),
        end: ("failed", "http", Some(498), 75),
    },
    Case {
        name: "500",
        args: &[],
        serve: |e| e.answer_json(500, &error("no")),
        end: ("failed", "http", Some(500), 75),
    },
    Case {
        name: "503 as a page",
        args: &[],
        serve: |e| e.answer(503, &[("content-type", "text/html")], b"<h1>Busy</h1>"),
        end: ("failed", "http", Some(503), 75),
    },
    Case {
        name: "400",
        args: &[],
        serve: |e| e.answer_json(400, &error("no")),
        end: ("failed", "http", Some(400), 1),
    },
    Case {
        name: "404",
        args: &[],
        serve: |e| e.answer_json(404, &error("no model")),
        end: ("failed", "http", Some(404), 1),
    },
    Case {
        name: "a redirect elsewhere",
        args: &[],
        serve: |e| e.answer(302, &[("location", "http://elsewhere.test/")], b""),
        end: ("failed", "http", Some(302), 1),
    },
];

#[test]
fn each_cause_has_its_outcome_and_exit_code() {
    let server = Server::start();
    let home = Home::at(&server);
    for case in CASES {
        let (outcome, kind, status, exit) = case.end;
        let mut args = vec!["--retries", "0", "--json"];
        args.extend(case.args);
        args.push("hi");
        let output = served(&home, &server, &args, case.serve);
        let events = events(&output);
        let done = events.last().unwrap();
        assert_eq!((&done["event"], &done["outcome"]), (&json!("done"), &json!(outcome)), "{}", case.name);
        assert_eq!(code(&output), exit, "{}: {events:#?}", case.name);
        assert_eq!(stderr(&output), "", "{}: all is in the events", case.name);
        let errors = named(&events, "error");
        if kind.is_empty() {
            assert_eq!(errors.len(), 0, "{}", case.name);
            continue;
        }
        assert_eq!(errors.len(), 1, "{}", case.name);
        assert_eq!(members(errors[0]), ["event", "kind", "status", "message", "request_id"], "{}", case.name);
        assert_eq!(
            (&errors[0]["kind"], &errors[0]["status"]),
            (&json!(kind), &json!(status)),
            "{}",
            case.name
        );
        assert!(!errors[0]["message"].as_str().unwrap().is_empty(), "{}", case.name);
        assert_eq!(events[events.len() - 2]["event"], "error", "{}: the error stands before done", case.name);
        assert!(done["session"].is_string(), "{}: the turn is saved all the same", case.name);
    }
    assert!(!server.is_asked_again());
}

#[test]
fn without_json_the_error_is_told_and_the_text_kept() {
    let server = Server::start();
    let home = Home::at(&server);
    let output = served(&home, &server, &["hi"], |exchange| begun(exchange).cut());
    assert_eq!((stdout(&output).as_str(), code(&output)), ("part\n", 76));
    assert!(stderr(&output).contains("the answer was cut before its end"), "{}", stderr(&output));

    let output = served(&home, &server, &["--retries", "0", "hi"], |exchange| {
        exchange.answer(
            500,
            &[("content-type", "application/json"), ("x-request-id", "req-42")],
            error("the \u{1b}[31mcore\u{1b}[0m melted").to_string().as_bytes(),
        );
    });
    let said = stderr(&output);
    assert_eq!((stdout(&output).as_str(), code(&output)), ("", 75));
    assert!(said.contains("HTTP 500: the ␛[31mcore␛[0m melted") && said.contains("req-42"), "{said}");
}

#[test]
fn why_it_is_tried_again_is_told_without_commands_to_the_terminal() {
    let server = Server::start();
    let home = Home::at(&server);
    let running = ask(&home, &["--retries", "1", "hi"]);
    let again = [("content-type", "application/json"), ("retry-after", "0")];
    server.prompt().answer(429, &again, error("\u{1b}[2Jslow").to_string().as_bytes());
    server.prompt().say(&["fine"]);
    let output = running.finish();
    assert_eq!((stdout(&output).as_str(), code(&output)), ("fine\n", 0));
    assert!(
        stderr(&output).contains("attempt 2") && !stderr(&output).contains('\u{1b}'),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let home = Home::new();
    let url = format!("http://{free}/v1");
    let output = home.ask(&["--base-url", &url, "-m", "x", "--retries", "1", "hi"], b"");
    assert_eq!((stdout(&output).as_str(), code(&output)), ("", 75));
    let said = stderr(&output);
    assert!(said.contains(&free.to_string()) && said.contains("attempt 2"), "{said}");
}

#[test]
fn a_server_without_tls_is_a_network_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let home = Home::new();
    let output = home.ask(&["--base-url", &url, "-m", "x", "--retries", "0", "--json", "hi"], b"");
    let events = events(&output);
    assert_eq!((code(&output), &events[events.len() - 2]["kind"]), (75, &json!("network")), "{events:#?}");
}

#[test]
fn a_stream_without_a_line_end_is_ended_and_what_came_is_kept() {
    let server = Server::start();
    let home = Home::at(&server);
    let output = served(&home, &server, &["--json", "hi"], |exchange| {
        let mut exchange = begun(exchange);
        let block = vec![b'x'; 1 << 20];
        let head = format!("{:x}\r\n", block.len());
        exchange.raw(b"6\r\ndata: \r\n");
        for _ in 0..64 {
            let sent = exchange.try_raw(head.as_bytes()).and_then(|()| exchange.try_raw(&block));
            if sent.and_then(|()| exchange.try_raw(b"\r\n")).is_err() {
                return;
            }
        }
        panic!("64 MiB were read");
    });
    let events = events(&output);
    let done = events.last().unwrap();
    assert_eq!(
        (code(&output), &done["outcome"], &done["choices"][0]["text"]),
        (76, &json!("truncated"), &json!("part"))
    );
}

#[test]
fn a_prompt_of_five_megabytes_is_sent_whole() {
    let server = Server::start();
    let home = Home::at(&server);
    let prompt = "word ".repeat(1 << 20);
    let running = Piped::started(&home, &["ask"], prompt.as_bytes(), Reading::All);
    let exchange = server.prompt();
    assert_eq!(exchange.request.json()["messages"][0]["content"].as_str().unwrap().len(), prompt.len());
    exchange.say(&["read"]);
    assert_eq!(stdout(&running.finish()), "read\n");
}

#[test]
fn an_interrupt_ends_the_wait_before_a_retry() {
    let server = Server::start();
    let home = Home::at(&server);
    let running = ask(&home, &["--json", "hi"]);
    server.prompt().answer(503, &[("retry-after", "60")], b"");
    running.wait_for_stdout("\"retry\"");
    running.signal(libc::SIGINT);
    let output = running.finish();
    assert_eq!((code(&output), &events(&output).last().unwrap()["outcome"]), (130, &json!("cancelled")));
}

#[test]
fn a_missing_key_sends_nothing() {
    let server = Server::start();
    let home = Home::new();
    home.configure(&format!(
        "[providers.lab]\nbase_url = \"{}\"\napi_key_env = \"LAB_KEY\"\ndefault_model = \"scripted\"\n",
        server.base_url()
    ));
    let output = home.ask(&["--json", "hi"], b"");
    let events = events(&output);
    assert_eq!(code(&output), 77, "{events:#?}");
    let error = named(&events, "error")[0];
    assert_eq!(error["kind"], "auth");
    assert!(error["message"].as_str().unwrap().contains("LAB_KEY"), "{error}");
    assert!(!server.is_asked_again());
}

#[test]
fn a_signal_ends_it_and_what_came_is_kept() {
    for (signal, exit) in [(libc::SIGINT, 130), (libc::SIGTERM, 143), (libc::SIGHUP, 129)] {
        let server = Server::start();
        let home = Home::at(&server);
        let running = ask(&home, &["hi"]);
        let mut exchange = begun(server.prompt());
        running.wait_for_stdout("part");
        running.signal(signal);
        exchange.wait_closed();
        let output = running.finish();
        assert_eq!((code(&output), stdout(&output).as_str()), (exit, "part\n"), "{}", stderr(&output));
        let again = served(&home, &server, &["-c", "more"], |exchange| {
            assert_eq!(
                exchange.request.json()["messages"],
                json!([
                    {"role": "user", "content": "hi"},
                    {"role": "assistant", "content": "part"},
                    {"role": "user", "content": "more"},
                ])
            );
            exchange.say(&["ok"]);
        });
        assert_eq!(code(&again), 0);
    }
}

/// A pager that waits for a key reads nothing; a write to it would block, and signals with it.
#[test]
fn a_signal_ends_it_also_while_its_reader_takes_nothing() {
    let server = Server::start();
    let home = Home::at(&server);
    let mut child = home.command(&["ask", "hi"]).stdout(Stdio::piped()).spawn().unwrap();
    let reader = child.stdout.take().unwrap();
    let mut exchange = server.prompt();
    let writing = std::thread::spawn(move || {
        exchange.begin_events();
        exchange.text(0, &"x".repeat(200_000));
        exchange
    });
    let until = Instant::now() + LIMIT;
    while rustix::io::ioctl_fionread(&reader).unwrap() < 60_000 {
        assert!(Instant::now() < until, "the pipe does not fill");
        std::thread::yield_now();
    }
    support::pty::send_signal(child.id(), libc::SIGTERM);
    let (ended, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || ended.send(child.wait().unwrap()));
    let status = end.recv_timeout(LIMIT).expect("it ends");
    assert_eq!(status.code(), Some(143));
    writing.join().unwrap().wait_closed();
    let again = served(&home, &server, &["-c", "more"], |exchange| {
        let kept = exchange.request.json()["messages"][1]["content"].as_str().unwrap().len();
        assert_eq!(kept, 200_000, "what came is saved, whoever read it");
        exchange.say(&["ok"]);
    });
    assert_eq!(code(&again), 0);
}

#[test]
fn the_log_is_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start();
    let home = Home::at(&server);
    assert_eq!(code(&served(&home, &server, &["-v", "hi"], |exchange| exchange.say(&["ok"]))), 0);
    let log = home.state_dir().join("chatui/chatui.log");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&log), mode(log.parent().unwrap())), (0o600, 0o700));
}

/// What a server says stands under our own first line, however it ends its lines.
#[test]
fn a_server_can_fake_no_line_of_ours() {
    let server = Server::start();
    let home = Home::at(&server);
    let output = served(&home, &server, &["--retries", "0", "hi"], |exchange| {
        let message = "no\nchatui: one\rchatui: two\u{2028}chatui: three\r\nchatui: four";
        exchange.answer_json(400, &json!({"error": {"message": message}}));
    });
    assert_eq!(code(&output), 1);
    let said = stderr(&output);
    let ours: Vec<&str> =
        said.split(['\n', '\r', '\u{2028}']).filter(|line| line.starts_with("chatui:")).collect();
    assert_eq!(ours.len(), 1, "{said}");
    assert!(said.contains("four"), "{said}");
}

#[test]
fn a_cancelled_turn_says_so() {
    let server = Server::start();
    let home = Home::at(&server);
    let running = ask(&home, &["--json", "hi"]);
    let exchange = begun(server.prompt());
    running.wait_for_stdout("part");
    running.signal(libc::SIGINT);
    let output = running.finish();
    drop(exchange);
    let events = events(&output);
    assert_eq!(code(&output), 130);
    let done = events.last().unwrap();
    assert_eq!((&done["event"], &done["outcome"]), (&json!("done"), &json!("cancelled")));
    assert_eq!(done["choices"][0]["text"], "part");
}

// ---------------------------------------------------------------------------------------------
// Events

#[test]
fn events_have_the_promised_shape_and_order() {
    let server = Server::start();
    let home = Home::at(&server);
    let call = |index: u32, id: Value, name: Value, arguments: &str| {
        let mut function = json!({"arguments": arguments});
        if !name.is_null() {
            function["name"] = name;
        }
        let mut call = json!({"index": index, "function": function});
        if !id.is_null() {
            call["id"] = id;
            call["type"] = json!("function");
        }
        delta(0, &json!({"tool_calls": [call]}), None)
    };
    let output = served(&home, &server, &["--json", "hi"], |mut exchange| {
        exchange.begin_events();
        exchange.event(&delta(0, &json!({"role": "assistant", "content": ""}), None));
        exchange.event(&delta(0, &json!({"reasoning_content": "think"}), None));
        exchange.event(&delta(0, &json!({"reasoning": "ing"}), None));
        exchange.text(0, "Hi");
        exchange.piece(b": heartbeat\n\n");
        exchange.piece(b"data: {oops\n\n");
        exchange.text(0, " there");
        exchange.event(&delta(0, &json!({"refusal": "not that"}), None));
        exchange.event(&call(3, json!("call_a"), json!("get_weather"), ""));
        exchange.event(&call(3, Value::Null, Value::Null, "{\"city\":"));
        exchange.event(&call(5, json!("call_b"), json!("get_time"), "{}"));
        exchange.event(&call(3, Value::Null, Value::Null, "\"Paris\"}"));
        exchange.finish_reason(0, "tool_calls");
        exchange.event(&json!({"id": "chatcmpl-test", "model": "scripted", "choices": [], "usage": {
            "prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 2}}}));
        exchange.done();
    });
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let events = events(&output);
    let (done, before) = events.split_last().unwrap();
    let notice = &named(before, "notice")[0]["message"];
    assert_eq!(
        before,
        [
            json!({"event": "start", "provider": "lab", "model": "scripted", "id": "chatcmpl-test"}),
            json!({"event": "reasoning", "choice": 0, "delta": "think"}),
            json!({"event": "reasoning", "choice": 0, "delta": "ing"}),
            json!({"event": "text", "choice": 0, "delta": "Hi"}),
            json!({"event": "notice", "message": notice}),
            json!({"event": "text", "choice": 0, "delta": " there"}),
            json!({"event": "refusal", "choice": 0, "delta": "not that"}),
            json!({"event": "tool_call", "choice": 0, "index": 0, "id": "call_a", "name": "get_weather", "delta": ""}),
            json!({"event": "tool_call", "choice": 0, "index": 0, "delta": "{\"city\":"}),
            json!({"event": "tool_call", "choice": 0, "index": 1, "id": "call_b", "name": "get_time", "delta": "{}"}),
            json!({"event": "tool_call", "choice": 0, "index": 0, "delta": "\"Paris\"}"}),
            json!({"event": "finish", "choice": 0, "reason": "tools", "raw": "tool_calls"}),
            json!({"event": "usage", "prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16,
                "cached_tokens": 4, "reasoning_tokens": 2}),
        ]
    );
    assert_eq!(members(done), ["event", "outcome", "session", "choices", "metrics"]);
    assert_eq!((&done["event"], &done["outcome"]), (&json!("done"), &json!("complete")));
    let choice = &done["choices"][0];
    assert_eq!(
        members(choice),
        [
            "text",
            "reasoning",
            "refusal",
            "tool_calls",
            "finish_reason",
            "finish_raw",
            "ttft_ms",
            "tokens",
            "tokens_per_second"
        ]
    );
    assert_eq!(choice["text"], "Hi there");
    assert_eq!(choice["reasoning"], "thinking");
    assert_eq!(choice["refusal"], "not that");
    assert_eq!(
        choice["tool_calls"],
        json!([
            {"id": "call_a", "name": "get_weather", "arguments": "{\"city\":\"Paris\"}"},
            {"id": "call_b", "name": "get_time", "arguments": "{}"},
        ])
    );
    assert_eq!((&choice["finish_reason"], &choice["finish_raw"]), (&json!("tools"), &json!("tool_calls")));
    let metrics = &done["metrics"];
    assert_eq!(
        members(metrics),
        [
            "ttft_ms",
            "ttft_text_ms",
            "duration_ms",
            "chunks",
            "chars",
            "tokens",
            "tokens_exact",
            "tokens_per_second",
            "mean_token_interval_ms",
            "p95_token_interval_ms",
            "attempts"
        ]
    );
    // Two of reasoning, two of text, a refusal, three of calls that are not empty.
    assert_eq!(metrics["chunks"], 8);
    assert_eq!(metrics["chars"], "Hi there".len());
    assert_eq!((&metrics["tokens"], &metrics["tokens_exact"]), (&json!(9), &json!(true)));
    assert_eq!(metrics["attempts"], 1);
    let (ttft, text) = (metrics["ttft_ms"].as_f64().unwrap(), metrics["ttft_text_ms"].as_f64().unwrap());
    let duration = metrics["duration_ms"].as_f64().unwrap();
    assert!(0.0 < ttft && ttft <= text && text <= duration, "{metrics}");
}

#[test]
fn events_of_several_choices_interleave() {
    let server = Server::start();
    let home = Home::at(&server);
    let output = served(&home, &server, &["--json", "--n", "2", "hi"], |mut exchange| {
        exchange.begin_events();
        exchange.text(1, "b");
        exchange.text(0, "a");
        exchange.text(1, "B");
        exchange.finish_reason(1, "length");
        exchange.finish_reason(0, "stop");
        exchange.done();
    });
    let events = events(&output);
    let texts: Vec<(u64, &str)> = named(&events, "text")
        .into_iter()
        .map(|event| (event["choice"].as_u64().unwrap(), event["delta"].as_str().unwrap()))
        .collect();
    assert_eq!(texts, [(1, "b"), (0, "a"), (1, "B")]);
    let done = events.last().unwrap();
    assert_eq!((&done["choices"][0]["text"], &done["choices"][1]["text"]), (&json!("a"), &json!("bB")));
    assert_eq!(done["choices"][1]["finish_reason"], "length");
    assert_eq!(done["metrics"]["tokens_exact"], false);
    assert_eq!(done["metrics"]["tokens"], 3, "one a chunk is assumed");
}

#[test]
fn an_answer_without_a_finish_reason_has_no_finish_event() {
    let server = Server::start();
    let home = Home::at(&server);
    let output = served(&home, &server, &["--json", "hi"], |mut exchange| {
        exchange.begin_events();
        exchange.text(0, "a");
        exchange.done();
    });
    let events = events(&output);
    assert_eq!((named(&events, "finish").len(), code(&output)), (0, 0));
    let choice = &events.last().unwrap()["choices"][0];
    assert_eq!((&choice["finish_reason"], &choice["finish_raw"]), (&Value::Null, &Value::Null));
    assert_eq!(choice["tokens_per_second"], Value::Null, "one chunk has no rate");
}

#[test]
fn a_retry_is_an_event_and_the_answer_follows() {
    let server = Server::start();
    let home = Home::at(&server);
    let running = ask(&home, &["--json", "hi"]);
    server.prompt().answer(503, &[("retry-after-ms", "30")], b"");
    server.prompt().cut();
    server.prompt().say(&["at last"]);
    let output = running.finish();
    let events = events(&output);
    assert_eq!(code(&output), 0, "{events:#?}");
    let retries = named(&events, "retry");
    assert_eq!(retries.len(), 2);
    for (i, retry) in retries.iter().enumerate() {
        assert_eq!(members(retry), ["event", "attempt", "delay_ms", "reason"]);
        assert_eq!(retry["attempt"], i + 1);
    }
    assert_eq!(retries[0]["delay_ms"], 30);
    assert!(retries[0]["reason"].as_str().unwrap().contains("503"), "{}", retries[0]);
    assert_eq!(named(&events, "error").len(), 0);
    assert_eq!(events.last().unwrap()["metrics"]["attempts"], 3);
}

#[test]
fn a_refused_n_becomes_attempts_whose_events_name_their_choice() {
    let server = Server::start();
    let home = Home::at(&server);
    let running = ask(&home, &["--json", "--n", "2", "--retries", "0", "hi"]);
    server.prompt().answer_json(
        400,
        &json!({"error": {
        "message": "Unsupported parameter: 'n'.", "param": "n", "code": "unsupported_parameter"}}),
    );
    let (first, second) = (server.prompt(), server.prompt());
    assert_eq!(first.request.json().get("n"), None);
    first.say(&["well"]);
    second.answer_json(500, &error("no"));
    let output = running.finish();
    let events = events(&output);
    assert_eq!(named(&events, "notice").len(), 1, "{events:#?}");
    let errors = named(&events, "error");
    assert_eq!(errors.len(), 1);
    assert_eq!(members(errors[0]), ["event", "kind", "status", "message", "request_id", "choice"]);
    assert_eq!(
        (code(&output), &events.last().unwrap()["outcome"]),
        (75, &json!("failed")),
        "the worst counts"
    );
}

// ---------------------------------------------------------------------------------------------
// Sessions

#[test]
fn a_session_goes_on_by_newest_and_by_id() {
    let server = Server::start();
    let home = Home::at(&server);
    let first = served(&home, &server, &["--json", "-s", "Be kind.", "one"], |e| e.say(&["eins"]));
    let id = events(&first).last().unwrap()["session"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 12);
    served(&home, &server, &["elsewhere"], |exchange| exchange.say(&["x"]));

    let resumed = served(&home, &server, &["-r", &id[..6], "--json", "two"], |exchange| {
        assert_eq!(
            exchange.request.json()["messages"],
            json!([
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": "one"},
                {"role": "assistant", "content": "eins"},
                {"role": "user", "content": "two"},
            ])
        );
        exchange.say(&["zwei"]);
    });
    assert_eq!(events(&resumed).last().unwrap()["session"], id.as_str());
    let newest = served(&home, &server, &["-c", "three"], |exchange| {
        assert_eq!(exchange.request.json()["messages"].as_array().unwrap().len(), 6);
        exchange.say(&["drei"]);
    });
    assert_eq!(code(&newest), 0);

    for args in [&["-r", "zzzzzzzz", "hi"][..], &["-r", "il!", "hi"], &["-r="]] {
        let output = home.ask(args, b"");
        assert_eq!(code(&output), 2, "{args:?}: {}", stderr(&output));
    }
    assert!(!server.is_asked_again());
}

#[test]
fn nothing_to_go_on_with_is_told() {
    let server = Server::start();
    let home = Home::at(&server);
    let output = home.ask(&["-c", "hi"], b"");
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(!server.is_asked_again());
}

#[test]
fn no_save_leaves_no_store() {
    let server = Server::start();
    let home = Home::at(&server);
    let output = served(&home, &server, &["--no-save", "--json", "hi"], |exchange| exchange.say(&["ok"]));
    assert_eq!(events(&output).last().unwrap()["session"], Value::Null);
    assert_eq!(files(&home.data_dir()), []);
    assert_eq!(files(&home.state_dir()), [], "nor a log that nobody asked for");
}

#[test]
fn a_store_that_cannot_be_written_does_not_stop_the_answer() {
    let server = Server::start();
    let home = Home::at(&server);
    let blocked = home.path().join("blocked");
    std::fs::write(&blocked, "a file where a folder should be").unwrap();
    let folder = blocked.to_str().unwrap();
    let output = served(&home, &server, &["--data-dir", folder, "hi"], |exchange| exchange.say(&["ok"]));
    assert_eq!((stdout(&output).as_str(), code(&output)), ("ok\n", 0));
    assert!(stderr(&output).contains(folder), "{}", stderr(&output));

    let output = served(&home, &server, &["--data-dir", folder, "--json", "hi"], |e| e.say(&["ok"]));
    let events = events(&output);
    assert_eq!((&events.last().unwrap()["session"], code(&output)), (&Value::Null, 0));
    assert!(named(&events, "notice")[0]["message"].as_str().unwrap().contains(folder), "{events:#?}");
}

#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    let server = Server::start();
    let home = Home::at(&server);
    let path = home.data_dir().join("chatui.db");
    served(&home, &server, &["hi"], |exchange| exchange.say(&["ok"]));
    let store = rusqlite::Connection::open(&path).unwrap();
    store.pragma_update(None, "user_version", 9999).unwrap();
    drop(store);
    let output = home.ask(&["hi"], b"");
    assert_eq!(code(&output), 1);
    assert!(
        stderr(&output).contains("newer") && stderr(&output).contains("chatui.db"),
        "{}",
        stderr(&output)
    );
    let output = served(&home, &server, &["--no-save", "hi"], |exchange| exchange.say(&["ok"]));
    assert_eq!(code(&output), 0);
}

// ---------------------------------------------------------------------------------------------
// Words and configuration that cannot be

#[test]
fn a_mistyped_command_is_no_prompt() {
    let server = Server::start();
    let home = Home::at(&server);
    for (word, near) in [("akk", "ask"), ("sak", "ask"), ("demoo", "demo"), ("sesions", "sessions")] {
        let output = home.run(&[word], b"");
        let said = stderr(&output);
        assert_eq!((code(&output), stdout(&output).as_str()), (2, ""));
        assert!(said.contains(near) && said.contains("--"), "{word}: {said}");
    }
    assert!(!server.is_asked_again());
}

#[test]
fn usage_that_cannot_be_is_2_and_says_what_could_be() {
    let server = Server::start();
    let home = Home::at(&server);
    for (args, word) in [
        (&["--jsn", "hi"][..], "--json"),
        (&["--provider", "lob", "hi"], "lab"),
        (&["--base-url", "nonsense", "-m", "x", "hi"], "--base-url"),
        (&["--base-url", "http://h/v1", "--dialect", "klingon", "-m", "x", "hi"], "openai-chat"),
        (&["--base-url", "http://h/v1", "--dialect", "ollama", "-m", "x", "hi"], "not yet supported"),
        (&["--first-timeout", "5", "hi"], "10s"),
        (&["-o", "top_k", "hi"], "KEY=JSON"),
    ] {
        let output = home.ask(args, b"");
        assert_eq!((code(&output), stdout(&output).as_str()), (2, ""), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(word), "{args:?}: {}", stderr(&output));
    }
    for args in [&["-s", "@none.md", "hi"][..], &["--config", "none.toml", "hi"]] {
        let output = home.ask(args, b"");
        assert_eq!(code(&output), 1, "{args:?}: a file that cannot be read");
        assert!(stderr(&output).contains("none."), "{}", stderr(&output));
    }
    assert!(!server.is_asked_again());
}

#[test]
fn an_error_in_the_configuration_names_file_line_and_key() {
    let home = Home::new();
    let file = home.config_dir().join("config.toml");
    let name = file.to_str().unwrap();
    for (toml, words) in [
        ("theme = \"dark\"\nmodle = \"x\"\n", &[":2", "modle", "model"][..]),
        ("[params]\n\nmax_tokens = \"many\"\n", &[":3", "max_tokens", "number"]),
        ("[timeouts]\nfirst = \"soon\"\n", &[":2", "first", "10s"]),
        ("[providers.lab]\nbase_url = \"ftp://x\"\n", &[":2", "base_url", "http"]),
        (
            "[providers.lab]\ndialect = \"klingon\"\nbase_url = \"http://h\"\n",
            &[":2", "dialect", "openai-chat"],
        ),
        ("theme = \"drak\"\n", &[":1", "drak", "dark"]),
        ("a = = 1\n", &[":1"]),
    ] {
        std::fs::write(&file, toml).unwrap();
        let output = home.ask(&["-m", "demo:chat", "hi"], b"");
        assert_eq!((code(&output), stdout(&output).as_str()), (78, ""), "{toml}: {}", stderr(&output));
        for word in [name].iter().chain(words) {
            assert!(stderr(&output).contains(word), "{word}: {}", stderr(&output));
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), toml, "nothing is changed");
        assert_eq!(files(&home.data_dir()), []);
    }
}

#[test]
fn a_bad_value_in_the_environment_is_78() {
    let mut home = Home::new();
    home.set("OPENAI_BASE_URL", "nonsense");
    let output = home.ask(&["hi"], b"");
    assert_eq!(code(&output), 78);
    assert!(stderr(&output).contains("OPENAI_BASE_URL"), "{}", stderr(&output));
}

#[test]
fn no_model_anywhere_is_78_and_says_how_to_name_one() {
    let home = Home::new();
    let output = home.ask(&["hi"], b"");
    assert_eq!((code(&output), stdout(&output).as_str()), (78, ""));
    let said = stderr(&output);
    for way in ["-m", "CHATUI_MODEL", "config.toml"] {
        assert!(said.contains(way), "{way}: {said}");
    }
}

#[test]
fn the_chat_needs_a_terminal() {
    let home = Home::new();
    let output = home.run(&["hello", "there"], b"");
    assert_eq!((code(&output), stdout(&output).as_str()), (2, ""));
    let said = stderr(&output);
    assert!(said.contains("chatui ask") && said.contains("--linear"), "{said}");
}

// ---------------------------------------------------------------------------------------------
// Secrets

#[test]
fn a_key_stands_nowhere_even_if_the_server_says_it() {
    let server = Server::start();
    let home = Home::at(&server);
    let mut said = String::new();
    let echo = format!("the key {KEY} is no good");
    let outputs = [
        served(&home, &server, &["-vvv", "--retries", "0", "hi"], header(&error(&echo), 401)),
        served(&home, &server, &["-vvv", "--json", "--retries", "0", "hi"], header(&error(&echo), 500)),
        served(&home, &server, &["-vvv", "--json", "hi"], |mut exchange| {
            exchange.begin_events();
            // Split as a stream may split it.
            exchange.text(0, &format!("your key: {}", &KEY[..9]));
            exchange.text(0, &format!("{} ends", &KEY[9..]));
            exchange.event(&error(&echo));
            exchange.end();
        }),
        served(&home, &server, &["-vvv", "--stats", "hi"], |mut exchange| {
            exchange.begin_events();
            exchange.text(0, &format!("your key: {KEY}"));
            exchange.piece(format!("data: {{broken {KEY}\n\n").as_bytes());
            exchange.finish_reason(0, "stop");
            exchange.done();
        }),
    ];
    for output in &outputs {
        said.push_str(&stdout(output));
        said.push_str(&stderr(output));
    }
    assert!(!said.contains(KEY), "{said}");
    assert!(said.contains("the key *** is no good") && said.contains("your key: ***"), "{said}");
    let saved = files(&home.data_dir());
    let logged = files(&home.state_dir());
    assert!(!saved.is_empty() && !logged.is_empty(), "there are a store and a log");
    for (path, bytes) in saved.iter().chain(&logged) {
        assert!(support::pty::find(bytes, KEY.as_bytes()).is_none(), "the key stands in {}", path.display());
    }
}

// ---------------------------------------------------------------------------------------------
// The demo

#[test]
fn the_demo_answers_in_the_process_and_as_a_server() {
    let home = Home::new();
    home.configure("[providers.demo]\ntokens_per_second = 0\n");
    let inside = home.ask(&["-m", "demo:chat", "hello"], b"");
    assert_eq!(code(&inside), 0, "{}", stderr(&inside));
    let server = DemoServer::start(&home, &["--tokens-per-second", "0"]);
    let outside = home.ask(&["--base-url", server.base_url(), "-m", "chat", "hello"], b"");
    assert_eq!(code(&outside), 0, "{}", stderr(&outside));
    assert!(stdout(&inside).len() > 40);
    assert_eq!(stdout(&inside), stdout(&outside));
}
