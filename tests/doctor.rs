//! `chatui doctor`, by the real program: against the demo server, and against servers that are broken in
//! each way that it looks at.

#![allow(clippy::unwrap_used)]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Output;

use serde_json::json;
use support::pty::{Options, Pty};
use support::server::Server;
use support::tls::Certificates;
use support::{DemoServer, Home, KEY, code, list, stderr, stdout};

const TEXT: usize = 15;

/// The mark of a check, and what is said of it; a check that has no line fails the test.
#[track_caller]
fn line(output: &Output, name: &str) -> (String, String) {
    let text = stdout(output);
    let found = text.lines().find(|line| line.len() > TEXT && line[5..TEXT].trim_end() == name);
    let line = found.unwrap_or_else(|| panic!("no line {name}:\n{text}{}", stderr(output)));
    (line[..5].trim_end().to_owned(), line[TEXT..].to_owned())
}

#[track_caller]
fn assert_line(output: &Output, name: &str, mark: &str, words: &[&str]) {
    let (found, text) = line(output, name);
    assert_eq!(found, mark, "{}", stdout(output));
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in {name}: {text}");
    }
}

/// Runs it while `serve` answers.
fn while_serving(home: &Home, args: &[&str], serve: impl FnOnce()) -> Output {
    let all: Vec<&str> = ["doctor"].iter().chain(args).copied().collect();
    home.while_serving(&all, serve)
}

/// Answers the request for the list, then that for one token.
fn well(server: &Server) {
    server.accept_path("/v1/models").answer_json(200, &list(&["other", "scripted"]));
    let exchange = server.prompt();
    let asked = exchange.request.json();
    assert_eq!((&asked["max_tokens"], &asked["stream"]), (&json!(1), &json!(true)), "{asked}");
    exchange.say(&["Hi"]);
}

#[test]
fn with_nothing_configured_the_demo_is_checked_and_nothing_is_made() {
    let home = Home::new();
    let output = while_serving(&home, &[], || {});
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""), "{}", stdout(&output));
    let text = stdout(&output);
    let names: Vec<&str> = text.lines().map(|line| line[5..TEXT].trim_end()).collect();
    let expected = [
        "config", "provider", "name", "connect", "tls", "key", "models", "stream", "terminal", "store",
        "editor", "theme",
    ];
    assert_eq!(names, expected);
    assert_line(&output, "provider", "note", &["demo", "OPENAI_API_KEY", "--base-url"]);
    assert_line(&output, "models", "ok", &["chat among them"]);
    assert_line(&output, "stream", "ok", &["first token came after"]);
    assert_line(&output, "terminal", "skip", &["not a terminal"]);
    assert_line(&output, "store", "ok", &["none yet"]);
    assert_eq!(std::fs::read_dir(home.data_dir()).unwrap().count(), 0, "nothing is made");
}

#[test]
fn a_server_that_is_well_is_told_step_by_step() {
    let server = Server::start();
    let mut home = Home::at(&server);
    home.set("EDITOR", "sh -x");
    let output = while_serving(&home, &[], || well(&server));
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    assert_line(&output, "config", "ok", &["config.toml"]);
    assert_line(&output, "provider", "ok", &["lab, openai-chat at http://127.0.0.1:", "model scripted"]);
    assert_line(&output, "name", "ok", &["needs no look-up"]);
    assert_line(&output, "connect", "ok", &[&server.address().to_string()]);
    assert_line(&output, "key", "ok", &["[providers.lab]"]);
    assert_line(&output, "models", "ok", &["2 models, scripted among them"]);
    assert_line(&output, "editor", "ok", &["sh is /"]);
    assert!(!stdout(&output).contains(KEY) && !stderr(&output).contains(KEY));
    assert!(!stdout(&output).contains('\u{1b}'), "a pipe gets no colours");

    // A provider that is named; a demo server is one as any other.
    let demo = DemoServer::start(&home, &["--tokens-per-second", "0"]);
    home.configure(&format!(
        "[providers.here]\nbase_url = \"{}\"\ndefault_model = \"chat\"\n",
        demo.base_url()
    ));
    for args in [&["here"][..], &["--provider", "here"], &["-m", "here:chat"]] {
        let output = while_serving(&home, args, || {});
        assert_eq!(code(&output), 0, "{args:?}: {}", stdout(&output));
        assert_line(&output, "provider", "ok", &["here, "]);
        assert_line(&output, "stream", "ok", &["first token"]);
    }
}

#[test]
fn what_cannot_be_reached_is_told_once_and_the_rest_is_skipped() {
    let home = Home::new();
    let at = |url: &str| while_serving(&home, &["--base-url", url, "-m", "m"], || {});
    // A name that cannot be one: nobody is asked for it, so this does not hang on who would be.
    let name = "n".repeat(64);
    let output = at(&format!("http://{name}.invalid/v1"));
    assert_eq!(code(&output), 75);
    assert_line(&output, "name", "FAIL", &[&format!("{name}.invalid was not found"), "base_url"]);
    for name in ["connect", "tls", "models", "stream"] {
        assert_line(&output, name, "skip", &["there is no "]);
    }
    assert_line(&output, "key", "ok", &["none"]);

    let output = at("http://127.0.0.1:1/v1");
    assert_eq!(code(&output), 75);
    assert_line(&output, "connect", "FAIL", &["127.0.0.1:1 refused the connection", "server runs"]);
    assert_line(&output, "tls", "skip", &[]);
    assert_line(&output, "stream", "skip", &["no connection"]);
}

/// A server that answers each connection with these bytes, whatever it hears.
fn blunt(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            // A connection that is only tried is closed by then.
            if stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {
                let _ = stream.write_all(bytes);
            }
        }
    });
    port
}

#[test]
fn plain_and_tls_that_are_mixed_up_are_told() {
    let home = Home::new();
    let at = |url: &str| while_serving(&home, &["--base-url", url, "-m", "m"], || {});
    let plain = blunt(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    let output = at(&format!("https://127.0.0.1:{plain}/v1"));
    assert_eq!(code(&output), 75);
    assert_line(&output, "connect", "ok", &[]);
    assert_line(&output, "tls", "FAIL", &["does not answer in TLS", "http:// instead of https://"]);
    assert_line(&output, "models", "skip", &[]);

    // What a TLS server says to HTTP: an alert.
    let secure = blunt(b"\x15\x03\x01\x00\x02\x02\x46");
    let output = at(&format!("http://127.0.0.1:{secure}/v1"));
    assert_eq!(code(&output), 76);
    assert_line(&output, "tls", "ok", &["none"]);
    assert_line(&output, "models", "FAIL", &["does not answer in HTTP", "https:// instead of http://"]);
}

#[test]
fn a_certificate_is_told_with_who_issued_it() {
    let mut home = Home::new();
    let Some(files) = Certificates::make(&home) else { return };
    let url = files.serve("good");
    let output = while_serving(&home, &["--base-url", &url, "-m", "m"], || {});
    assert_eq!(code(&output), 75);
    assert_line(&output, "tls", "FAIL", &["does not know", "Private authority", "SSL_CERT_FILE"]);
    assert_line(&output, "stream", "skip", &[]);

    home.set("SSL_CERT_FILE", files.folder.join("ca.pem").to_str().unwrap());
    let output = while_serving(&home, &["--base-url", &url, "-m", "m"], || {});
    assert_line(&output, "name", "ok", &["localhost is "]);
    assert_line(&output, "tls", "ok", &["TLS 1.3", "by Private authority", "valid until 2049-01-01"]);
    assert_line(&output, "stream", "ok", &["first token"]);
}

#[test]
fn a_key_that_is_missing_or_refused_is_77_and_is_never_seen() {
    let server = Server::start();
    let mut home = Home::new();
    let url = server.base_url();
    home.configure(&format!(
        "[providers.lab]\nbase_url = \"{url}\"\napi_key_env = \"LAB_KEY\"\ndefault_model = \"scripted\"\n"
    ));
    let output = while_serving(&home, &[], || {});
    assert_eq!(code(&output), 77);
    assert_line(&output, "connect", "ok", &[]);
    assert_line(&output, "key", "FAIL", &["LAB_KEY is not set: export LAB_KEY="]);
    assert_line(&output, "models", "skip", &["no key"]);
    assert_line(&output, "stream", "skip", &["no key"]);
    assert!(!server.is_asked_again(), "nothing is sent");

    home.set("LAB_KEY", KEY);
    let output = while_serving(&home, &[], || {
        let exchange = server.accept_path("/v1/models");
        assert_eq!(exchange.request.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
        let body = json!({"error": {"message": format!("Incorrect API key provided: {KEY}")}});
        exchange.answer(401, &[("x-request-id", "req-5")], body.to_string().as_bytes());
    });
    assert_eq!(code(&output), 77);
    assert_line(&output, "key", "ok", &["LAB_KEY"]);
    assert_line(&output, "models", "FAIL", &["HTTP 401", "***", "req-5", "from LAB_KEY"]);
    assert_line(&output, "stream", "skip", &["refused"]);
    assert!(!stdout(&output).contains(KEY));
}

#[test]
fn a_server_without_a_list_or_without_the_model_is_no_failure() {
    let server = Server::start();
    let home = Home::at(&server);
    let output = while_serving(&home, &[], || {
        server.accept_path("/v1/models").answer_json(404, &json!({"detail": "Not Found"}));
        server.prompt().say(&["Hi"]);
    });
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    assert_line(&output, "models", "note", &["no list", "404"]);

    let output = while_serving(&home, &["-m", "lab:llama-3.1-8b"], || {
        server.accept_path("/v1/models").answer_json(200, &list(&["meta/llama-3.1-8b-instruct", "gpt", "x"]));
        server.prompt().answer_json(404, &json!({"error": {"message": "no such model"}}));
    });
    assert_eq!(code(&output), 1, "{}", stdout(&output));
    assert_line(&output, "models", "note", &["not among them", "near names: meta/llama-3.1-8b-instruct"]);
    assert_line(&output, "stream", "FAIL", &["HTTP 404", "no such model"]);
}

/// Azure OpenAI answers to the names of deployments and lists base models.
#[test]
fn a_list_that_is_not_of_what_can_be_asked_is_no_failure() {
    let server = Server::start();
    let mut home = Home::new();
    home.set("AZURE_OPENAI_ENDPOINT", &format!("http://{}", server.address()));
    home.set("AZURE_OPENAI_API_KEY", KEY);
    let answer = || {
        let listed = server.accept_path("/openai/models?api-version=2024-10-21");
        assert_eq!(listed.request.header("api-key"), Some(KEY));
        listed.answer_json(200, &list(&["gpt-4o"]));
    };
    let answers = || {
        answer();
        let exchange = server.accept_path("/openai/deployments/mine/chat/completions?api-version=2024-10-21");
        exchange.answer_json(200, &json!({"choices": [{"index": 0, "message": {"content": "Hi"}}]}));
    };
    let output = while_serving(&home, &["-m", "azure-openai:mine"], answers);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    assert_line(&output, "models", "note", &["base models, not deployments"]);
    assert_line(&output, "stream", "ok", &["the first token came"]);
    assert!(!stdout(&output).contains(KEY));

    home.configure("[providers.azure-openai]\nmodels = [\"mine\"]\n");
    let output = while_serving(&home, &["-m", "azure-openai:mine"], answers);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    assert_line(&output, "models", "note", &["base models, not deployments"]);

    // What is missing is told once.
    home.configure("");
    let output = while_serving(&home, &["azure-openai"], answer);
    assert_eq!(code(&output), 78, "{}", stdout(&output));
    assert_eq!(
        stdout(&output).lines().filter(|line| line.starts_with("FAIL")).count(),
        1,
        "{}",
        stdout(&output)
    );
    assert_line(&output, "provider", "FAIL", &["-m azure-openai:MODEL"]);
    assert_line(&output, "connect", "ok", &[]);
    assert_line(&output, "stream", "skip", &["no model is named"]);
}

#[test]
fn a_server_that_never_says_a_word_is_given_up() {
    let server = Server::start();
    let home = Home::at(&server);
    let mut held = None;
    let output = while_serving(&home, &["--first-timeout", "200ms"], || {
        server.accept_path("/v1/models").answer_json(200, &list(&["scripted"]));
        let mut exchange = server.prompt();
        exchange.begin_events();
        held = Some(exchange);
    });
    assert_eq!(code(&output), 75);
    assert_line(&output, "stream", "FAIL", &["200ms", "--first-timeout"]);
}

#[test]
fn what_the_server_does_not_take_is_asked_without_and_noted() {
    let server = Server::start();
    let home = Home::at(&server);
    let output = while_serving(&home, &[], || {
        server.accept_path("/v1/models").answer_json(200, &list(&["scripted"]));
        let words = "Extra inputs are not permitted, field: 'stream_options'";
        server.prompt().answer_json(400, &json!({"error": {"message": words}}));
        server.prompt().say(&["Hi"]);
    });
    assert_eq!(code(&output), 0);
    assert!(
        stdout(&output).contains("note stream    lab does not accept `stream_options`"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_websocket_that_is_not_there_is_told_and_what_it_falls_back_to_is_checked() {
    let server = Server::start();
    let home = Home::new();
    let address = server.address();
    home.configure(&format!(
        "[providers.box]\ndialect = \"websocket\"\nbase_url = \"ws://{address}/v1/chat/completions\"\n\
         http_base_url = \"http://{address}/v1\"\ndefault_model = \"scripted\"\n"
    ));
    let output = while_serving(&home, &[], || {
        server.accept_path("/v1/models").answer_json(200, &list(&["scripted"]));
        let handshake = server.prompt();
        assert_eq!(handshake.request.method, "GET");
        handshake.answer(404, &[], b"");
        let exchange = server.prompt();
        assert_eq!(exchange.request.method, "POST");
        exchange.say(&["Hi"]);
    });
    assert_eq!(code(&output), 1, "{}", stdout(&output));
    assert_line(&output, "models", "ok", &["scripted among them"]);
    assert_line(&output, "stream", "FAIL", &["404"]);
    assert_line(&output, "fallback", "ok", &[&format!("http://{address}/v1: the first token")]);
}

#[test]
fn what_is_wrong_on_this_machine_is_told_with_the_rest() {
    let mut home = Home::new();
    home.configure("[providers.lab]\nbase_ulr = \"http://127.0.0.1:1\"\n");
    let output = while_serving(&home, &[], || {});
    assert_eq!(code(&output), 78);
    assert_line(&output, "config", "FAIL", &["config.toml:2", "base_ulr", "base_url"]);
    assert_line(&output, "provider", "skip", &[]);
    assert_line(&output, "store", "ok", &["none yet"]);

    let store = home.data_dir().join("chatui.db");
    std::fs::write(&store, b"this is no database, whatever its name says").unwrap();
    home.configure("");
    home.set("EDITOR", "no-such-editor");
    let output = while_serving(&home, &["demo"], || {});
    assert_eq!(code(&output), 1);
    assert_line(&output, "store", "FAIL", &["is damaged", "chatui.db"]);
    assert_line(&output, "editor", "FAIL", &["no-such-editor", "EDITOR"]);
    assert!(std::fs::read(&store).unwrap().starts_with(b"this is no database"), "it is left as it is");

    let output = while_serving(&home, &["dmeo"], || {});
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("did you mean `demo`?"), "{}", stderr(&output));
}

#[test]
fn a_fetched_key_is_fetched_once_and_a_program_that_fails_is_told() {
    let server = Server::start();
    let home = Home::new();
    let configure = |command: &str| {
        home.configure(&format!(
            "[providers.lab]\nbase_url = \"{}\"\napi_key_command = {command}\ndefault_model = \"scripted\"\n",
            server.base_url()
        ));
    };
    configure(&format!("[\"sh\", \"-c\", \"echo run >> runs; echo {KEY}\"]"));
    let output = while_serving(&home, &[], || well(&server));
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    assert_line(&output, "key", "ok", &["api_key_command"]);
    assert!(!stdout(&output).contains(KEY));

    configure("[\"sh\", \"-c\", \"exit 3\"]");
    let output = while_serving(&home, &[], || {});
    assert_eq!(code(&output), 77);
    assert_line(&output, "key", "FAIL", &["sh"]);
}

#[test]
fn in_a_terminal_its_abilities_are_told_and_it_is_given_back() {
    let home = Home::new();
    let pty = Pty::start(&home, Options::chatui(&["doctor"]).size(60, 40));
    pty.wait_for_text("theme");
    let exit = pty.wait_exit();
    assert_eq!(exit.status.code(), Some(0), "{}", pty.screen_text());
    let screen = pty.screen_text();
    assert!(screen.contains("60x40") && screen.contains("24-bit colour"), "{screen}");
    // Long lines go on under their text.
    assert!(
        screen.lines().any(|line| line.starts_with(&" ".repeat(TEXT)) && line.trim().len() > 3),
        "{screen}"
    );
    pty.assert_restored();
}

#[test]
fn ctrl_c_ends_it() {
    let server = Server::start();
    let home = Home::at(&server);
    let pty = Pty::start(&home, Options::chatui(&["doctor"]).size(80, 24));
    server.accept_path("/v1/models").answer_json(200, &list(&["scripted"]));
    let mut exchange = server.prompt();
    exchange.begin_events();
    pty.wait_for_text("waits for one token");
    pty.send(b"\x03");
    assert_eq!(pty.wait_exit().status.code(), Some(130));
    exchange.wait_closed();
    pty.assert_restored();
}
