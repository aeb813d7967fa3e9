//! Bad input, in the real program: each gives a sentence that says what, where and what to do, and the
//! prompt is never lost.
//!
//! Servers that misbehave are scripted; stores are spoilt on disk as a mishap would spoil them. What
//! needs a certificate makes it with the `openssl` program, and is left out where there is none.

#![allow(clippy::unwrap_used)]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Output, Stdio};
use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};
use support::pty::{Key, Options, Pty};
use support::server::{Exchange, Server, delta};
use support::tls::Certificates;
use support::{Home, code, stderr, stdout};

const CHAT: &str = "/v1/chat/completions";

/// What a terminal obeys, in every way there is.
const NASTY: &str =
    "a\u{1b}[31mb\u{1b}]0;pwned\u{7}c\u{9b}2Jd\u{202e}e\u{2066}f\u{8}g\u{7f}h\u{1b}]8;;http://evil\u{1b}\\i";

/// Asks `base_url` once, without retries.
fn ask_at(home: &Home, base_url: &str, more: &[&str]) -> Output {
    let mut args = vec!["--base-url", base_url, "-m", "m", "--retries", "0", "hello"];
    args.extend(more);
    home.ask(&args, b"")
}

/// Asks a server that answers as `script` says.
fn ask_scripted(more: &[&str], script: impl FnOnce(Exchange) + Send) -> Output {
    let home = Home::new();
    beside(Server::start(), |server| script(server.accept_path(CHAT)), |url| ask_at(&home, url, more)).0
}

/// Plays `script` on the server while `run` goes on with its base URL.
fn beside<T>(
    server: Server,
    script: impl FnOnce(&Server) + Send,
    run: impl FnOnce(&str) -> T,
) -> (T, Server) {
    let base_url = server.base_url();
    std::thread::scope(|scope| {
        let playing = scope.spawn(move || {
            script(&server);
            server
        });
        let done = run(&base_url);
        (done, playing.join().unwrap())
    })
}

/// Checks the exit code, that each of `words` stands on standard error, and that no dump does.
#[track_caller]
fn assert_told(output: &Output, expected: i32, words: &[&str]) {
    let text = stderr(output);
    assert_eq!(code(output), expected, "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in: {text}");
    }
    for dump in ["os error", "Error {", "Some(", "Other(", "panicked", "unwrap"] {
        assert!(!text.contains(dump), "{dump:?} in: {text}");
    }
}

fn is_obeyed(text: &str) -> bool {
    text.chars().any(|c| {
        (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

#[test]
fn without_a_terminal_the_chat_points_to_ask() {
    let output = Home::new().run(&["hello"], b"");
    assert_told(&output, 2, &["needs a terminal", "`chatui ask`"]);
}

#[test]
fn a_terminal_of_ten_by_three_says_what_it_needs_and_a_larger_one_shows_the_chat() {
    let (home, server) = (Home::new(), Server::start());
    let args = ["--base-url", &server.base_url(), "-m", "m"];
    let pty = Pty::start(&home, Options::chatui(&args).size(10, 3));
    pty.wait_for_text("too small");
    pty.wait_for_text("20x5");
    pty.resize(80, 20);
    pty.wait_for_text("›");
    pty.send_keys("hello");
    pty.key(Key::Enter);
    let exchange = server.accept_path(CHAT);
    pty.resize(10, 3);
    pty.wait_for_text("too small");
    pty.resize(1, 1);
    say(exchange, "hello");
    pty.resize(80, 20);
    pty.wait_for_text("answer to hello");
    pty.resize(10, 3);
    pty.wait_for_text("too small");
    pty.key(Key::Ctrl('d'));
    assert_eq!(pty.wait_exit().status.code(), Some(0));
    pty.assert_restored();
}

#[test]
fn names_that_cannot_be_are_told_with_what_is_known() {
    let home = Home::new();
    assert_told(&home.ask(&["--nonsense", "x"], b""), 2, &["--nonsense"]);
    assert_told(&home.ask(&["--provider", "gorq", "x"], b""), 2, &["--provider", "`gorq`", "groq"]);
    assert_told(&home.ask(&["-m", "nope:m", "x"], b""), 2, &["--model", "nope:m", "--base-url"]);
    let ask = |url| home.ask(&["--base-url", url, "-m", "m", "x"], b"");
    for url in ["nonsense", "http://", "ftp://x/v1"] {
        assert_told(&ask(url), 2, &["--base-url", "http://127.0.0.1:8000/v1"]);
    }
    let secret = ask("http://me:hunter2@x/v1");
    assert_told(&secret, 2, &["--base-url", "user name or password"]);
    assert!(!stderr(&secret).contains("hunter2"));
    assert_told(&home.ask(&["--base-url", "http://127.0.0.1:1/v1", "x"], b""), 78, &["-m MODEL"]);
}

#[test]
fn the_configuration_is_told_with_file_line_and_key() {
    let home = Home::new();
    for (text, words) in [
        ("modle = \"x\"", ["config.toml:1", "modle", "`model`"]),
        (
            "\n[providers.lab]\nbase_url = \"nonsense\"",
            ["config.toml:3", "providers.lab.base_url", "http://"],
        ),
        ("[timeouts]\nfirst = 5", ["config.toml:2", "timeouts.first", "10s"]),
        ("model = [", ["config.toml:1", "unclosed", "model = ["]),
    ] {
        home.configure(text);
        assert_told(&home.ask(&["x"], b""), 78, &words);
    }
    std::fs::write(home.config_dir().join("config.toml"), b"model = \"\xff\"").unwrap();
    assert_told(&home.ask(&["x"], b""), 78, &["config.toml", "UTF-8"]);
    std::fs::remove_file(home.config_dir().join("config.toml")).unwrap();
    std::fs::create_dir(home.config_dir().join("config.toml")).unwrap();
    assert_told(&home.ask(&["x"], b""), 1, &["config.toml", "cannot be read"]);
    assert_told(&home.ask(&["--config", "/nowhere/c.toml", "x"], b""), 1, &["/nowhere/c.toml"]);
}

#[test]
fn a_server_that_is_not_there_is_told_by_its_name() {
    let home = Home::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = ask_at(&home, &format!("http://{free}/v1"), &[]);
    assert_told(&output, 75, &[&format!("{free} refused the connection"), "base_url"]);
    let output = ask_at(&home, "http://no-such-name.localhost.invalid/v1", &[]);
    assert_told(&output, 75, &["no-such-name.localhost.invalid was not found", "base_url"]);
}

#[test]
fn a_server_that_does_not_speak_http_is_told_so() {
    let output = ask_scripted(&[], |mut exchange| exchange.raw(b"SSH-2.0-OpenSSH_9.2\r\n"));
    assert_told(&output, 76, &["does not answer in HTTP", "base_url"]);
    let output = ask_scripted(&[], |exchange| exchange.cut());
    assert_told(&output, 75, &["closed the connection before it answered", "base_url"]);
    let output = ask_scripted(&[], |mut exchange| {
        let _ = exchange.try_raw(b"HTTP/1.1 200 OK\r\n");
        while exchange.try_raw(&[b"x-bomb: ".as_slice(), &[b'a'; 8000], b"\r\n"].concat()).is_ok() {}
    });
    assert_told(&output, 76, &["head of the answer", "too large", "base_url"]);
}

#[test]
fn what_is_no_chat_answer_is_told_with_what_came() {
    let page = b"<!doctype html><html><head><title>Sign in - Corp</title></head></html>";
    for flags in [&[][..], &["--no-stream"]] {
        let output =
            ask_scripted(flags, |exchange| exchange.answer(200, &[("content-type", "text/html")], page));
        assert_told(&output, 76, &["Sign in - Corp", "log-in page", "base_url"]);
        assert_eq!(stdout(&output), "");
        let output = ask_scripted(flags, |exchange| exchange.answer(200, &[], b""));
        assert_told(&output, 76, &["empty answer", "base_url"]);
        let output = ask_scripted(flags, |exchange| exchange.answer_json(200, &json!({"status": "up"})));
        assert_told(&output, 76, &["no choice", "status", "base_url"]);
        let output = ask_scripted(flags, |exchange| exchange.answer(200, &[], b"{\"choices\": ["));
        assert_told(&output, 76, &["breaks off", "base_url"]);
        let error = json!({"error": {"message": "the model is overloaded", "code": "overloaded"}});
        let output = ask_scripted(flags, |exchange| exchange.answer_json(200, &error));
        assert_told(&output, 1, &["the model is overloaded"]);
    }
    let output = ask_scripted(&[], |exchange| {
        exchange.answer_json(200, &json!({"error": {"message": "bad key", "code": 401}}));
    });
    assert_told(&output, 77, &["bad key", "No key was sent"]);
}

#[test]
fn a_redirect_is_followed_within_the_origin_only() {
    let home = Home::new();
    let moved = |server: &Server| {
        server.accept_path(CHAT).answer(307, &[("location", "/moved/chat")], b"");
        let exchange = server.accept_path("/moved/chat");
        assert_eq!(exchange.request.json()["messages"][0]["content"], "hello");
        fine(exchange);
    };
    let (output, _) = beside(Server::start(), moved, |url| ask_at(&home, url, &[]));
    assert_told(&output, 0, &[]);
    assert_eq!(stdout(&output), "fine\n");

    let other = Server::start();
    let target = format!("{}/chat/completions", other.base_url());
    let output = ask_scripted(&[], |exchange| exchange.answer(307, &[("location", &target)], b""));
    assert_told(&output, 1, &[&target, "not followed", &format!("make {} the base_url", other.base_url())]);
    assert!(!other.is_asked_again(), "nothing goes to another origin, least of all a key");

    let login = [("location", "https://sso.corp.example/login?next=%2Fv1")];
    let output = ask_scripted(&[], |exchange| exchange.answer(302, &login, b""));
    assert_told(&output, 1, &["https://sso.corp.example/login", "log-in page", "base_url"]);
}

#[test]
fn a_line_without_end_is_ended_at_sixteen_mib_and_memory_stays_bounded() {
    let (home, server) = (Home::new(), Server::start());
    let args = ["ask", "--base-url", &server.base_url(), "-m", "m", "--json", "hello"];
    let child = home.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut exchange = server.accept_path(CHAT);
    exchange.begin_events();
    exchange.text(0, "what came stays");
    let (mib, mut sent, mut most) = (vec![b'a'; 1 << 20], 0, 0);
    let head = [b"100000\r\n".as_slice(), &mib, b"\r\n"].concat();
    while sent < 1024 && exchange.try_raw(&head).is_ok() {
        sent += 1;
        most = most.max(resident_kib(child.id()));
    }
    assert!((16..64).contains(&sent), "{sent} MiB were taken");
    assert!(most < 100 << 10, "{most} KiB resident");
    let output = child.wait_with_output().unwrap();
    let events = lines(&output);
    assert_eq!(code(&output), 76);
    assert!(events.iter().any(|e| e["message"].as_str().is_some_and(|m| m.contains("16 MiB"))), "{events:?}");
    let done = events.last().unwrap();
    assert_eq!(
        (&done["outcome"], &done["choices"][0]["text"]),
        (&json!("truncated"), &json!("what came stays"))
    );
}

#[test]
fn a_whole_answer_is_ended_at_sixty_four_mib() {
    let output = ask_scripted(&["--no-stream"], |mut exchange| {
        exchange.begin_events();
        exchange.piece(b"{\"choices\":[{\"message\":{\"content\":\"");
        let piece = [b"100000\r\n".as_slice(), &vec![b'a'; 1 << 20], b"\r\n"].concat();
        let taken = (0..256).take_while(|_| exchange.try_raw(&piece).is_ok()).count();
        assert!((60..128).contains(&taken), "{taken} MiB were taken");
    });
    assert_told(&output, 76, &["64 MiB", "base_url"]);
}

#[test]
fn each_time_out_names_its_limit_and_how_to_change_it() {
    let hold = |mut exchange: Exchange| {
        exchange.wait_closed();
    };
    let output = ask_scripted(&["--first-timeout", "300ms"], hold);
    assert_told(&output, 75, &["300ms", "--first-timeout 600ms", "first = \"600ms\"", "[timeouts]"]);
    let output = ask_scripted(&["--chunk-timeout", "300ms"], |mut exchange| {
        exchange.begin_events();
        exchange.text(0, "partial");
        exchange.wait_closed();
    });
    assert_told(&output, 75, &["300ms", "--chunk-timeout 600ms", "What came is kept"]);
    assert_eq!(stdout(&output), "partial\n");
    let output = ask_scripted(&["--total-timeout", "300ms"], hold);
    assert_told(&output, 75, &["300ms", "--total-timeout 600ms"]);
}

#[test]
fn retry_after_is_obeyed_in_each_form_and_refused_beyond_max_wait() {
    let busy = json!({"error": {"message": "rate limit reached"}}).to_string();
    let past = ("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT");
    for (header, least) in [(("retry-after", "1"), 1000), (("retry-after-ms", "200"), 200), (past, 0)] {
        let home = Home::new();
        let script = |server: &Server| {
            server.accept_path(CHAT).answer(429, &[header], busy.as_bytes());
            fine(server.accept_path(CHAT));
        };
        let ask = |url: &str| home.ask(&["--base-url", url, "-m", "m", "--json", "hello"], b"");
        let (output, _) = beside(Server::start(), script, ask);
        let events = lines(&output);
        let delay = events.iter().find(|e| e["event"] == "retry").unwrap()["delay_ms"].as_f64().unwrap();
        assert!(delay >= f64::from(least) && delay < 5000.0, "{header:?}: {delay}");
        assert_eq!(code(&output), 0);
    }
    let long = [("retry-after", "3600")];
    let output = ask_scripted(&["--retries", "3"], |exchange| exchange.answer(429, &long, busy.as_bytes()));
    assert_told(&output, 75, &["rate limit reached", "60m", "max_wait", "[retry]"]);
    let spent =
        json!({"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}});
    let output = ask_scripted(&["--retries", "3"], |exchange| exchange.answer_json(429, &spent));
    assert_told(&output, 1, &["exceeded your current quota", "billing"]);
}

#[test]
fn the_chat_says_why_it_waits_before_it_tries_again() {
    let (home, server) = (Home::new(), Server::start());
    let pty = Pty::chatui(&home, &["--base-url", &server.base_url(), "-m", "m", "hello"]);
    let busy = json!({"error": {"message": "rate limit reached"}}).to_string();
    server.accept_path(CHAT).answer(429, &[("retry-after", "60")], busy.as_bytes());
    pty.wait_for_text("retry 1/3 in ");
    pty.wait_for_text("rate limit reached");
    pty.key(Key::Esc);
    pty.wait_for_text("cancelled");
    assert!(!server.is_asked_again());
}

#[test]
fn what_an_endpoint_refuses_is_asked_for_once_in_a_chat() {
    for (flags, field, message) in [
        (&[][..], "stream_options", "Unrecognized request argument supplied: stream_options"),
        (
            &["--max-tokens", "9"],
            "max_tokens",
            "Unsupported parameter: 'max_tokens' is not supported with this model.",
        ),
        (&["--n", "2"], "n", "Unsupported parameter: 'n'"),
        (&[], "stream", "Unsupported value: 'stream' does not support true with this model."),
    ] {
        let (home, server) = (Home::new(), Server::start());
        let base_url = server.base_url();
        let pty = Pty::chatui(&home, &[&["--base-url", &base_url, "-m", "m"], flags].concat());
        pty.wait_for_text("›");
        let refusal = json!({"error": {"message": message, "param": field, "code": "unsupported_parameter"}});
        let requests = if field == "n" { 2 } else { 1 };
        for (turn, prompt) in ["first", "second"].into_iter().enumerate() {
            pty.send_keys(prompt);
            pty.key(Key::Enter);
            if turn == 0 {
                let exchange = server.accept_path(CHAT);
                assert!(exchange.request.json().get(field).is_some(), "{field}");
                exchange.answer_json(400, &refusal);
            }
            for _ in 0..requests {
                let exchange = server.accept_path(CHAT);
                let body = exchange.request.json();
                assert!(body.get(field).is_none_or(|value| *value == json!(false)), "{field}: {body}");
                let is_streamed = body["stream"] == json!(true);
                if is_streamed { say(exchange, prompt) } else { say_whole(exchange, prompt) }
            }
            pty.wait_for_text(&format!("answer to {prompt}"));
            pty.wait_for_text("complete");
        }
        assert!(!server.is_asked_again(), "{field}");
    }
}

#[test]
fn malformed_chunks_and_wild_numbers_are_survived() {
    let output = ask_scripted(&["--json"], |mut exchange| {
        exchange.begin_events();
        exchange.text(0, "one ");
        for data in ["{\"choices\": [{{", "nonsense", "[1,2]", "null", "{\"choices\":\"x\"}"] {
            exchange.piece(format!("data: {data}\n\n").as_bytes());
        }
        exchange.piece(format!("data: {}{}\n\n", "{\"a\":".repeat(50_000), "1").as_bytes());
        exchange.event(&delta(1_000_000_000, &json!({"content": "far"}), None));
        exchange.piece(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\xff\xfe two\"}}]}\n\n");
        exchange.finish_reason(0, "stop");
        exchange.done();
    });
    let events = lines(&output);
    let done = events.last().unwrap();
    assert_eq!(code(&output), 0, "{events:?}");
    assert_eq!(done["choices"][0]["text"], "one \u{fffd}\u{fffd} two");
    let notices = events.iter().filter(|e| e["event"] == "notice").count();
    assert!((3..20).contains(&notices), "{events:?}");
}

#[test]
fn an_error_in_band_keeps_what_came() {
    let output = ask_scripted(&[], |mut exchange| {
        exchange.begin_events();
        exchange.text(0, "half");
        exchange.event(&json!({"error": {"message": "CUDA out of memory"}}));
        exchange.end();
    });
    assert_told(&output, 1, &["CUDA out of memory"]);
    assert_eq!(stdout(&output), "half\n");
}

const UNLABELLED: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x1d, 0xcc, 0x31, 0x0a, 0x84, 0x40, 0x0c,
    0x05, 0xd0, 0x7e, 0x4e, 0x21, 0xbf, 0xb6, 0xb0, 0x4e, 0xbd, 0xb6, 0x7a, 0x00, 0x91, 0x25, 0x4c, 0x22,
    0x0e, 0x4a, 0x46, 0x9c, 0x2c, 0x2c, 0xc8, 0xdc, 0x5d, 0xb1, 0x7e, 0xf0, 0x84, 0x9d, 0xa9, 0xb9, 0x10,
    0xd7, 0x9c, 0xa2, 0x16, 0xd0, 0x74, 0x21, 0x99, 0xe8, 0x1f, 0xd4, 0xb5, 0x10, 0xdd, 0x9d, 0x41, 0x0f,
    0x67, 0x73, 0x35, 0x07, 0xe1, 0x67, 0x07, 0xc7, 0x4d, 0x05, 0xb5, 0xc5, 0x92, 0x2c, 0x95, 0xf5, 0x7b,
    0x2a, 0x97, 0x6c, 0x8f, 0x15, 0xcf, 0x07, 0xea, 0x5c, 0x43, 0x90, 0xb7, 0x9d, 0x3e, 0xe3, 0xd0, 0xcf,
    0x21, 0xdc, 0x7f, 0x09, 0xca, 0x70, 0x65, 0x00, 0x00, 0x00,
];

#[test]
fn a_compressed_body_is_read_and_a_damaged_one_told() {
    let head = [("content-encoding", "gzip"), ("content-type", "text/event-stream")];
    let output = ask_scripted(&[], |exchange| exchange.answer(200, &head, b"data: {}\n\n"));
    assert_told(&output, 76, &["compression", "damaged"]);

    // Some proxies compress and do not say so. This is GZIP of an answer that says "unpacked".
    let stream = [("content-type", "text/event-stream")];
    let output = ask_scripted(&[], |exchange| exchange.answer(200, &stream, UNLABELLED));
    assert_eq!((code(&output), stdout(&output).as_str()), (0, "unpacked\n"), "{}", stderr(&output));
    let output = ask_scripted(&[], |exchange| exchange.answer(200, &stream, &UNLABELLED[..60]));
    // No event came of it.
    assert_told(&output, 75, &["lost", "before an answer came"]);
}

#[test]
fn what_a_terminal_would_obey_is_shown_everywhere() {
    let (home, server) = (Home::new(), Server::start());
    let model = "m\u{1b}[31m\u{202e}x";
    let mut pty =
        Pty::chatui(&home, &["--base-url", &server.base_url(), "-m", model, "title \u{1b}]0;pwned\u{7}"]);
    let mut exchange = server.accept_path(CHAT);
    exchange.begin_events();
    exchange.text(0, &format!("{NASTY}\n\n# {NASTY}\n\n```{}\n{NASTY}\n```\n", NASTY.replace('\n', "")));
    let call = json!({"index": 0, "id": "c", "function": {"name": NASTY, "arguments": format!("{{\"a\":\"{}", "\u{202e}\u{9b}2J")}});
    exchange.event(&delta(0, &json!({"tool_calls": [call]}), None));
    exchange.event(&json!({"error": {"message": format!("boom {NASTY}")}}));
    exchange.end();
    pty.wait_for_text("boom");
    pty = after_quit(pty);
    let raw = String::from_utf8_lossy(&pty.raw_output()).into_owned();
    for obeyed in
        ["pwned\u{7}", "\u{9b}", "\u{202e}", "\u{2066}", "\u{1b}[31mb", "http://evil\u{1b}\\", "\u{8}"]
    {
        assert!(!raw.contains(obeyed), "{obeyed:?} reached the terminal");
    }
    assert!(!pty.title().contains("pwned\u{7}"));

    let dry =
        home.ask(&["--dry-run", "--base-url", &server.base_url(), "-m", model, "-s", NASTY, NASTY], b"");
    assert!(!is_obeyed(&stdout(&dry)), "{:?}", stdout(&dry));
    let body = stdout(&dry);
    let body: Value = serde_json::from_str(body.split_once("\n\n").unwrap().1).unwrap();
    assert_eq!((&body["model"], &body["messages"][1]["content"]), (&json!(model), &json!(NASTY)));

    let refusal = json!({"error": {"message": NASTY}});
    let output = ask_scripted(&[], |exchange| exchange.answer_json(400, &refusal));
    assert!(!is_obeyed(&stderr(&output)), "{:?}", stderr(&output));
}

#[test]
fn a_prompt_of_five_megabytes_goes_out_whole() {
    let prompt = "abcd ".repeat(1_000_000);
    let home = Home::new();
    let script = |server: &Server| {
        let exchange = server.accept_path(CHAT);
        assert!(exchange.request.json()["messages"][0]["content"] == prompt.as_str(), "not whole");
        fine(exchange);
    };
    let ask = |url: &str| home.ask(&["--base-url", url, "-m", "m"], prompt.as_bytes());
    let (output, server) = beside(Server::start(), script, ask);
    assert_eq!(stdout(&output), "fine\n", "{}", stderr(&output));

    let base_url = server.base_url();
    let pty = Pty::chatui(&home, &["--base-url", &base_url, "-m", "m"]);
    pty.wait_for_text("›");
    pty.wait_for_bytes(b"\x1b[?2004h");
    pty.paste(&prompt);
    // The input answers while so much is in it, and after it was sent.
    pty.send_keys("END");
    pty.wait_for_text("END");
    pty.key(Key::Enter);
    let exchange = server.accept_path(CHAT);
    assert!(exchange.request.json()["messages"][0]["content"] == format!("{prompt}END"), "not whole");
    say(exchange, "it");
    pty.wait_for_text("answer to it");
    pty.send_keys("still here");
    pty.wait_for_text("still here");
    pty.resize(60, 20);
    pty.wait_for_text("still here");
    pty.key(Key::PageUp);
    pty.wait_for_text("abcd abcd");
}

#[test]
fn a_store_that_cannot_be_written_is_told_and_the_answer_comes() {
    let home = Home::new();
    let in_the_way = home.path().join("in-the-way");
    std::fs::write(&in_the_way, "a file").unwrap();
    let nowhere = in_the_way.join("data");
    for folder in [&in_the_way, &nowhere] {
        let output = unsaved(&home, folder.to_str().unwrap(), &[]);
        assert_told(&output, 0, &[folder.to_str().unwrap(), "not saved", "--data-dir"]);
        assert_eq!(stdout(&output), "fine\n");
    }
    let output = unsaved(&home, in_the_way.to_str().unwrap(), &["--json"]);
    assert_eq!(lines(&output).last().unwrap()["session"], Value::Null);
    let args = [
        "--base-url",
        "http://127.0.0.1:1/v1",
        "-m",
        "m",
        "--data-dir",
        nowhere.to_str().unwrap(),
        "-c",
        "x",
    ];
    assert_told(&home.ask(&args, b""), 1, &[nowhere.to_str().unwrap()]);

    // What stops root too.
    let locked = home.path().join("locked");
    std::fs::create_dir_all(locked.join("chatui.db")).unwrap();
    let output = unsaved(&home, locked.to_str().unwrap(), &[]);
    assert_told(&output, 0, &[locked.to_str().unwrap(), "not saved"]);
    assert_eq!(stdout(&output), "fine\n");

    let server = Server::start();
    let pty = Pty::chatui(
        &home,
        &["--base-url", &server.base_url(), "-m", "m", "--data-dir", in_the_way.to_str().unwrap()],
    );
    pty.wait_for_text("›");
    pty.send_keys("hello");
    pty.key(Key::Enter);
    say(server.accept_path(CHAT), "it");
    pty.wait_for_text("answer to it");
    pty.wait_for_text("not saved");
}

#[test]
fn a_locked_store_is_told_after_a_while_and_freezes_no_key() {
    let (home, server) = (Home::new(), Server::start());
    saved(&home);
    let file = home.data_dir().join("chatui.db");
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let pty = Pty::chatui(&home, &["--base-url", &server.base_url(), "-m", "m"]);
    pty.wait_for_text("›");
    pty.send_keys("hello");
    pty.key(Key::Enter);
    pty.send_keys("a draft meanwhile");
    pty.wait_within(Duration::from_secs(3), "keys are taken", |screen| {
        screen.contents().contains("a draft meanwhile")
    });
    let exchange = server.accept_path(CHAT);
    assert_eq!(exchange.request.json()["messages"][0]["content"], "hello");
    say(exchange, "it");
    pty.wait_for_text("answer to it");
    pty.wait_for_text("locked");
    pty.wait_for_text("not saved");
    assert!(pty.screen_text().contains("a draft meanwhile"));
}

#[test]
fn a_newer_store_is_refused_and_left_as_it_is() {
    let home = Home::new();
    saved(&home);
    let file = home.data_dir().join("chatui.db");
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 999).unwrap();
    let output = ask_at(&home, "http://127.0.0.1:1/v1", &[]);
    assert_told(&output, 1, &[file.to_str().unwrap(), "newer chatui", "--no-save", "--data-dir"]);
    let pty = Pty::chatui(&home, &["--base-url", "http://127.0.0.1:1/v1", "-m", "m"]);
    assert_eq!(pty.wait_exit().status.code(), Some(1));
    assert!(pty.screen_text().contains("newer chatui"), "{}", pty.screen_text());
    pty.assert_restored();
    let version: i64 =
        Connection::open(&file).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 999);
}

#[test]
fn a_damaged_store_is_set_aside_and_the_transcript_says_where() {
    let (home, server) = (Home::new(), Server::start());
    let junk: Vec<u8> = (0..20_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(home.data_dir().join("chatui.db"), &junk).unwrap();
    let pty = Pty::chatui(&home, &["--base-url", &server.base_url(), "-m", "m"]);
    pty.wait_for_text("damaged");
    pty.send_keys("hello");
    pty.key(Key::Enter);
    say(server.accept_path(CHAT), "it");
    pty.wait_for_text("answer to it");
    pty.wait_for_text("set aside as");
    let aside = std::fs::read_dir(home.data_dir())
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("chatui.db.damaged"));
    assert!(std::fs::read(aside.unwrap()).unwrap() == junk, "set aside as it was");
}

#[test]
fn a_private_authority_works_and_what_is_wrong_with_a_certificate_is_told() {
    let mut home = Home::new();
    let Some(files) = Certificates::make(&home) else { return };
    let good = files.serve("good");
    let output = ask_at(&home, &good, &[]);
    assert_told(&output, 75, &["localhost", "authority", "SSL_CERT_FILE"]);
    let output = ask_at(&home, &files.serve("self"), &[]);
    assert_told(&output, 75, &["localhost", "signed itself", "http://"]);
    // Another attempt would meet the same certificate.
    let output = home.ask(&["--base-url", &good, "-m", "m", "--retries", "3", "--json", "hello"], b"");
    assert!(!stdout(&output).contains("\"retry\""), "{}", stdout(&output));

    home.set("SSL_CERT_FILE", "/nowhere/ca.pem");
    let output = ask_at(&home, &good, &[]);
    assert_told(&output, 75, &["/nowhere/ca.pem", "PEM"]);

    home.set("SSL_CERT_FILE", files.folder.join("ca.pem").to_str().unwrap());
    let output = ask_at(&home, &good, &[]);
    assert_told(&output, 0, &[]);
    assert_eq!(stdout(&output), "over TLS\n");
    let secure = |url: String| url.replace("https:", "wss:") + "/chat/completions";
    let output = ask_at(&home, &secure(good), &["--dialect", "websocket"]);
    assert_told(&output, 0, &[]);
    assert_eq!(stdout(&output), "over TLS\n");
    let output = ask_at(&home, &secure(files.serve("expired")), &["--dialect", "websocket"]);
    assert_told(&output, 75, &["has expired", "clock"]);
    assert_told(&ask_at(&home, &files.serve("other"), &[]), 75, &["not for the name localhost", "base_url"]);
    assert_told(&ask_at(&home, &files.serve("expired"), &[]), 75, &["has expired", "clock"]);
}

#[test]
fn https_to_a_plain_server_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let output = ask_at(&Home::new(), &format!("https://{address}/v1"), &[]);
    assert_told(&output, 75, &["does not answer in TLS", "http:// instead of https://"]);
}

/// Answers `fine`.
fn fine(mut exchange: Exchange) {
    exchange.begin_events();
    exchange.text(0, "fine");
    exchange.finish_reason(0, "stop");
    exchange.done();
}

fn say(mut exchange: Exchange, what: &str) {
    exchange.begin_events();
    exchange.text(0, &format!("answer to {what}"));
    exchange.finish_reason(0, "stop");
    exchange.done();
}

fn say_whole(exchange: Exchange, what: &str) {
    let message = json!({"role": "assistant", "content": format!("answer to {what}")});
    exchange
        .answer_json(200, &json!({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}));
}

/// Asks once with the store in `folder`, of a server that answers `fine`.
fn unsaved(home: &Home, folder: &str, more: &[&str]) -> Output {
    let ask = |url: &str| {
        home.ask(&[&["--base-url", url, "-m", "m", "--data-dir", folder, "hello"], more].concat(), b"")
    };
    beside(Server::start(), |server| fine(server.accept_path(CHAT)), ask).0
}

/// Makes a store with a session in it.
fn saved(home: &Home) {
    let output = unsaved(home, home.data_dir().to_str().unwrap(), &[]);
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
}

/// Leaves the chat, and gives it back for what it wrote.
fn after_quit(pty: Pty) -> Pty {
    pty.key(Key::Ctrl('d'));
    pty.wait_exit();
    pty
}

/// The events of `--json`.
fn lines(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// KiB of memory that a process holds; 0 where the system does not tell so.
fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0)
}
