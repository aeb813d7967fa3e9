//! Recordings with the real binary: what is recorded, what must not be in it, and that a replay says what
//! the recorded run said.

#![allow(clippy::unwrap_used)]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;
use std::time::Instant;

use chatui::demo::faults::{FAULTS, Over};
use serde_json::{Value, json};
use support::pipe::Piped;
use support::pty::{Key, Pty, last_row};
use support::server::{Exchange, Server, delta};
use support::{DemoServer, Home, KEY, LIMIT, code, files, lab, stderr, stdout};

/// The recording of most tests, in the home's folder.
const FILE: &str = "a.rec";

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line:?}")))
        .collect()
}

/// What was recorded.
fn recorded(home: &Home) -> String {
    std::fs::read_to_string(home.path().join(FILE)).unwrap()
}

fn heads(home: &Home) -> Vec<Value> {
    lines(&recorded(home)).into_iter().filter(|line| line.get("recording").is_some()).collect()
}

/// The events, without what differs from run to run: times, rates, and where it was saved.
fn events(output: &Output) -> Vec<Value> {
    let mut events = lines(&stdout(output));
    for event in &mut events {
        if event["event"] == "done" {
            let whole = event.as_object_mut().unwrap();
            whole.insert("session".to_owned(), Value::Null);
            let timed = |name: &String| name.ends_with("_ms") || name.ends_with("_per_second");
            let metrics = whole["metrics"].as_object_mut().unwrap();
            assert!(metrics["duration_ms"].as_f64().unwrap() > 0.0);
            metrics.retain(|name, _| !timed(name));
            for choice in whole["choices"].as_array_mut().unwrap() {
                choice.as_object_mut().unwrap().retain(|name, _| !timed(name));
            }
        }
    }
    events
}

/// `chatui ask --json --record a.rec ARGS…`, while `serve` answers.
fn record(home: &Home, args: &[&str], serve: impl FnOnce()) -> Output {
    let all: Vec<&str> = ["ask", "--json", "--record", FILE].iter().chain(args).copied().collect();
    let running = Piped::start(home, &all);
    serve();
    running.finish()
}

fn replay(home: &Home) -> Output {
    home.ask(&["--json", "--replay", FILE, "--speed", "0"], b"")
}

/// The replay says what the run said.
#[track_caller]
fn assert_same(home: &Home, run: &Output) {
    let again = replay(home);
    assert_eq!(events(&again), events(run), "{}", stderr(&again));
    assert_eq!(code(&again), code(run));
}

fn refuse(exchange: Exchange, status: u16, headers: &[(&str, &str)], body: &Value) {
    let headers: Vec<_> = [("content-type", "application/json")].iter().chain(headers).copied().collect();
    exchange.answer(status, &headers, body.to_string().as_bytes());
}

#[test]
fn a_replay_prints_what_the_recorded_run_printed() {
    let home = Home::new();
    let demo = DemoServer::start(&home, &["--tokens-per-second", "0"]);
    home.configure(&format!(
        "[providers.lab]\nbase_url = \"{}\"\ndefault_model = \"chat\"\n",
        demo.base_url()
    ));
    for prompt in ["hello", "tool", "think", "japanese"] {
        let run = record(&home, &["--force", prompt], || ());
        assert_eq!(code(&run), 0, "{}", stderr(&run));
        assert_same(&home, &run);
    }
    let plain = home.ask(&["--record", "b.rec", "--n", "2", "table"], b"");
    assert_eq!(stdout(&home.ask(&["--replay", "b.rec", "--speed", "0"], b"")), stdout(&plain));
    let at_speed = home.ask(&["--replay", "b.rec", "--speed", "50", "--stats"], b"");
    assert_eq!(stdout(&at_speed), stdout(&plain));
    assert!(stderr(&at_speed).contains("outcome complete"));
    let mode = std::fs::metadata(home.path().join("b.rec")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn every_dialect_and_every_model_and_fault_of_the_demo_is_replayed() {
    let home = Home::new();
    let demo = DemoServer::start(&home, &["--tokens-per-second", "0"]);
    let base = demo.base_url();
    let (socket, root) = (base.replacen("http", "ws", 1), base.trim_end_matches("/v1"));
    let socket = format!("{socket}/chat/completions");
    for (dialect, url) in [
        ("openai-chat", base.to_owned()),
        ("openai-completions", base.to_owned()),
        ("azure-inference", format!("{root}/models")),
        ("azure-openai", root.to_owned()),
        ("websocket", socket.clone()),
    ] {
        let args = ["--force", "--dialect", dialect, "--base-url", &url, "-m", "chat", "hello"];
        let run = record(&home, &args, || ());
        assert_eq!(code(&run), 0, "{dialect}: {}", stderr(&run));
        assert_eq!(heads(&home)[0]["dialect"], dialect);
        assert_same(&home, &run);
    }
    let listed = home.run(&["models", "demo", "--json"], b"");
    let listed: Value = serde_json::from_str(&stdout(&listed)).unwrap();
    let ids = listed.as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap());
    let over_http = ids.map(|id| (id, "openai-chat")).chain(FAULTS.iter().filter_map(|fault| {
        let is_http = matches!(fault.over, Over::All | Over::Http | Over::Chat);
        is_http.then_some((fault.name, "openai-chat"))
    }));
    let over_socket = FAULTS.iter().filter_map(|fault| {
        matches!(fault.over, Over::All | Over::WebSocket).then_some((fault.name, "websocket"))
    });
    home.configure("[retry]\nbase = \"5ms\"\ncap = \"5ms\"\n");
    for (model, dialect) in over_http.chain(over_socket) {
        let url = if dialect == "websocket" { &socket } else { base };
        let short = ["--first-timeout", "300ms", "--chunk-timeout", "300ms", "--retries", "1"];
        let named = ["--force", "--base-url", url, "--dialect", dialect, "-m", model, "hello"];
        let args: Vec<&str> = named.into_iter().chain(short).collect();
        let run = record(&home, &args, || ());
        let again = replay(&home);
        assert_eq!(events(&again), events(&run), "{model} over {dialect}: {}", stderr(&again));
        assert_eq!(code(&again), code(&run), "{model} over {dialect}");
    }
}

#[test]
fn the_figures_of_a_replay_are_those_of_the_run() {
    let home = Home::new();
    let demo = DemoServer::start(&home, &["--tokens-per-second", "0"]);
    for model in ["chat", "reasoning"] {
        let args = ["--force", "--base-url", demo.base_url(), "-m", model, "--n", "2", "table"];
        let run = record(&home, &args, || ());
        assert_eq!(code(&run), 0, "{}", stderr(&run));
        let figures = |output: &Output| {
            let done = lines(&stdout(output)).pop().unwrap();
            let of = |name: &str| done["metrics"][name].as_f64().map(|n| (n * 1e3).round() / 1e3);
            ["ttft_ms", "ttft_text_ms", "tokens_per_second", "mean_token_interval_ms"].map(of)
        };
        let (was, is) = (figures(&run), figures(&replay(&home)));
        for (was, is) in was.into_iter().zip(is) {
            assert_eq!(was.is_some(), is.is_some(), "{was:?} {is:?}");
            let (was, is) = (was.unwrap_or_default(), is.unwrap_or_default());
            // Times are written to the microsecond.
            assert!((was - is).abs() <= 0.01 + was.abs() / 20.0, "{was} {is}");
        }
    }
}

#[test]
fn a_recording_says_what_came_and_when() {
    let server = Server::start();
    let home = Home::at(&server);
    let run = record(&home, &["hi"], || {
        let mut exchange = server.prompt();
        exchange.begin_events();
        exchange.text(0, "Hé");
        exchange.piece(&[b'd', b'a', b't', b'a', b':', 0xff, b'\n', b'\n']);
        exchange.finish_reason(0, "stop");
        exchange.done();
    });
    assert_eq!(code(&run), 0, "{}", stderr(&run));
    let all = lines(&recorded(&home));
    let (head, rest) = all.split_first().unwrap();
    assert_eq!(head["dialect"], "openai-chat");
    assert_eq!(
        (&head["status"], &head["headers"]["content-type"]),
        (&json!(200), &json!("text/event-stream"))
    );
    for name in ["attempt", "round", "prompt"] {
        assert_eq!(head[name], 0, "{name}");
    }
    assert_eq!(head["choice"], Value::Null);
    assert_eq!((&head["asked"]["provider"], &head["asked"]["model"]), (&json!("lab"), &json!("scripted")));
    let (end, chunks) = rest.split_last().unwrap();
    assert_eq!(end["end"], "ended");
    let times: Vec<f64> = rest.iter().map(|line| line["t_ms"].as_f64().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let bytes = chunks.iter().any(|chunk| chunk.get("data_b64").is_some());
    let text: String = chunks.iter().filter_map(|chunk| chunk["data"].as_str()).collect();
    assert!(bytes || text.contains('\u{fffd}'), "{chunks:?}");
    assert_same(&home, &run);
}

#[test]
fn retries_refusals_and_their_waits_are_replayed() {
    let server = Server::start();
    let home = Home::at(&server);
    let busy = json!({"error": {"message": "slow down"}});
    let run = record(&home, &["hi"], || {
        refuse(server.prompt(), 429, &[("retry-after-ms", "30"), ("x-request-id", "req-1")], &busy);
        server.prompt().cut();
        let no_options = json!({"error": {"message": "Unrecognized: stream_options", "param": "stream_options", "code": "unknown_parameter"}});
        refuse(server.prompt(), 400, &[], &no_options);
        server.prompt().say(&["at last"]);
    });
    assert_eq!(code(&run), 0, "{}", stderr(&run));
    let told = events(&run);
    assert_eq!(told.iter().filter(|event| event["event"] == "retry").count(), 2, "{told:?}");
    let statuses: Vec<Value> = heads(&home).iter().map(|head| head["status"].clone()).collect();
    assert_eq!(statuses, [json!(429), Value::Null, json!(400), json!(200)]);
    let attempts: Vec<Value> = heads(&home).iter().map(|head| head["attempt"].clone()).collect();
    assert_eq!(attempts, [0, 1, 2, 3]);
    assert_same(&home, &run);
}

#[test]
fn what_went_wrong_goes_wrong_again() {
    let server = Server::start();
    let home = Home::at(&server);
    let force = ["--force", "--retries", "0", "hi"];
    // Cut after text.
    let cut = record(&home, &force, || {
        let mut exchange = server.prompt();
        exchange.begin_events();
        exchange.text(0, "half");
        exchange.cut();
    });
    assert_eq!(code(&cut), 76, "{}", stderr(&cut));
    assert_same(&home, &cut);
    // An error in band.
    let in_band = record(&home, &force, || {
        let mut exchange = server.prompt();
        exchange.begin_events();
        exchange.event(&json!({"error": {"message": "overloaded", "code": 503}}));
        exchange.end();
    });
    assert_eq!(code(&in_band), 75, "{}", stderr(&in_band));
    assert_same(&home, &in_band);
    // A key that is refused.
    let auth = record(&home, &force, || {
        refuse(server.prompt(), 401, &[], &json!({"error": {"message": "no such key"}}));
    });
    assert_eq!(code(&auth), 77, "{}", stderr(&auth));
    assert_same(&home, &auth);
    // Silence.
    let silent = record(&home, &["--force", "--chunk-timeout", "300ms", "hi"], || {
        let mut exchange = server.prompt();
        exchange.begin_events();
        exchange.text(0, "half");
        exchange.wait_closed();
    });
    assert_eq!(code(&silent), 75, "{}", stderr(&silent));
    assert_same(&home, &silent);
    // Nobody there.
    drop(server);
    let gone = "[providers.lab]\nbase_url = \"http://127.0.0.1:1/v1\"\ndefault_model = \"m\"\n";
    home.configure(&format!("[retry]\nbase = \"5ms\"\n{gone}"));
    let nobody = record(&home, &["--force", "--retries", "1", "hi"], || ());
    assert_eq!(code(&nobody), 75, "{}", stderr(&nobody));
    assert_same(&home, &nobody);
}

#[test]
fn what_was_stopped_is_stopped_again() {
    let server = Server::start();
    let home = Home::at(&server);
    let running = Piped::start(&home, &["ask", "--json", "--record", FILE, "hi"]);
    let mut exchange = server.prompt();
    exchange.begin_events();
    exchange.text(0, "half");
    running.wait_for_stdout("half");
    running.signal(libc::SIGINT);
    let run = running.finish();
    assert_eq!(code(&run), 130);
    assert_same(&home, &run);
}

#[test]
fn what_was_stopped_before_the_answer_began_is_stopped_again() {
    let server = Server::start();
    let home = Home::at(&server);
    let running = Piped::start(&home, &["ask", "--json", "--record", FILE, "hi"]);
    let silent = server.prompt();
    running.signal(libc::SIGINT);
    let run = running.finish();
    drop(silent);
    assert_eq!(code(&run), 130);
    let kinds: Vec<bool> =
        lines(&recorded(&home)).iter().map(|line| line.get("recording").is_some()).collect();
    assert!(kinds.first() == Some(&true), "the head stands first: {}", recorded(&home));
    assert_same(&home, &run);
    // The stop of a prompt that is not in the file costs nothing of it.
    let stray = json!({"cancelled": true, "prompt": 7, "attempt": 0, "t_ms": 1.0});
    for text in [format!("{stray}\n{}", recorded(&home)), format!("{}{stray}\n", recorded(&home))] {
        std::fs::write(home.path().join(FILE), text).unwrap();
        assert_same(&home, &run);
    }
}

#[test]
fn answers_side_by_side_are_told_apart() {
    let server = Server::start();
    let home = Home::at(&server);
    let no_n = json!({"error": {"message": "n must be 1", "param": "n", "code": "unsupported_value"}});
    let run = record(&home, &["--n", "2", "hi"], || {
        refuse(server.prompt(), 400, &[], &no_n);
        let (mut one, mut other) = (server.prompt(), server.prompt());
        one.begin_events();
        other.begin_events();
        for word in ["a", "b", "c"] {
            one.text(0, word);
            other.text(0, word);
        }
        for mut exchange in [one, other] {
            exchange.finish_reason(0, "stop");
            exchange.done();
        }
    });
    assert_eq!(code(&run), 0, "{}", stderr(&run));
    let choices: Vec<Value> = heads(&home).iter().map(|head| head["choice"].clone()).collect();
    assert_eq!(choices, [Value::Null, json!(0), json!(1)]);
    // Which of the two came first at one moment is not for sure; what each says is.
    let again = replay(&home);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    assert_eq!(events(&again).last(), events(&run).last());
}

#[test]
fn no_secret_stands_in_a_recording() {
    let server = Server::start();
    let home = Home::at(&server);
    let header = "header-secret-0123456789";
    home.configure(
        &lab(&server, "")
            .replace("default_model", &format!("headers = {{ X-Api-Key = \"{header}\" }}\ndefault_model")),
    );
    let run = record(&home, &["hi"], || {
        let mut exchange = server.prompt();
        exchange.raw(
            format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\
                 set-cookie: session=abc\r\nx-echo: {KEY}\r\nconnection: close\r\n\r\n"
            )
            .as_bytes(),
        );
        exchange.text(0, &format!("your key is {KEY}, "));
        // In two pieces of the body.
        let event = format!("data: {}\n\n", delta(0, &json!({"content": format!("again {KEY}, ")}), None));
        let (a, b) = event.as_bytes().split_at(event.find(KEY).unwrap() + 9);
        exchange.piece(a);
        exchange.piece(b);
        // Spelled out over two events, and escaped.
        exchange.text(0, &format!("spelled {}", &KEY[..12]));
        exchange.text(0, &format!("{} ", &KEY[12..]));
        let escaped: String = header.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
        let event = delta(0, &json!({"content": "ESCAPED"}), None).to_string().replace("ESCAPED", &escaped);
        exchange.piece(format!("data: {event}\n\n").as_bytes());
        exchange.finish_reason(0, "stop");
        exchange.done();
    });
    assert_eq!(code(&run), 0, "{}", stderr(&run));
    let text = recorded(&home);
    let escaped: String = header.chars().take(6).map(|c| format!("\\u{:04x}", c as u32)).collect();
    for secret in [KEY, header, &KEY[12..], "session=abc", escaped.as_str()] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let again = replay(&home);
    let done = events(&again).pop().unwrap();
    assert_eq!(done["choices"][0]["text"], "your key is ***, again ***, spelled *** ***");
}

/// All that `ask --json` said of the first choice.
fn said(output: &Output) -> String {
    lines(&stdout(output)).iter().filter_map(|event| event["delta"].as_str()).collect()
}

#[test]
fn a_key_that_is_spelled_out_in_small_pieces_is_seen_nowhere() {
    let server = Server::start();
    let home = Home::at(&server);
    for size in [1, 2, 3, 5] {
        let run = record(&home, &["--force", "hi"], || {
            let mut exchange = server.prompt();
            exchange.begin_events();
            let letters: Vec<char> = KEY.chars().collect();
            for piece in letters.chunks(size) {
                let piece: String = piece.iter().collect();
                exchange.event(&delta(0, &json!({"content": piece}), None));
                exchange.event(&delta(0, &json!({"reasoning_content": "so "}), None));
            }
            exchange.text(0, " end");
            exchange.finish_reason(0, "stop");
            exchange.done();
        });
        assert_eq!(code(&run), 0, "{}", stderr(&run));
        let content = |line: &str| {
            let data: Value = serde_json::from_str(line.strip_prefix("data: ")?).ok()?;
            data["choices"][0]["delta"]["content"].as_str().map(str::to_owned)
        };
        let body: String = lines(&recorded(&home))
            .iter()
            .filter_map(|line| line["data"].as_str().map(str::to_owned))
            .collect();
        let written: String = body.lines().filter_map(content).collect();
        for text in [said(&run), said(&replay(&home)), written] {
            let text = text.replace("so ", "");
            assert!(
                ["***", "s***", "sk***", "sk-***"].map(|key| format!("{key} end")).contains(&text),
                "{size}: {text}"
            );
        }
    }
}

#[test]
fn a_file_that_is_there_is_never_overwritten_unasked() {
    let server = Server::start();
    let home = Home::at(&server);
    std::fs::write(home.path().join(FILE), "mine").unwrap();
    let refused = home.ask(&["--record", FILE, "hi"], b"");
    assert_eq!(code(&refused), 1);
    assert!(stderr(&refused).contains("is there already") && stderr(&refused).contains("--force"));
    assert_eq!(recorded(&home), "mine");
    std::fs::set_permissions(home.path().join(FILE), std::fs::Permissions::from_mode(0o644)).unwrap();
    let nowhere = home.ask(&["--record", "no/such/folder", "hi"], b"");
    assert_eq!(code(&nowhere), 1);
    assert!(stderr(&nowhere).contains("cannot be written"), "{}", stderr(&nowhere));
    assert!(!server.is_asked_again(), "nothing is sent");
    let forced = record(&home, &["--force", "hi"], || server.prompt().say(&["ok"]));
    assert_eq!(code(&forced), 0, "{}", stderr(&forced));
    assert_same(&home, &forced);
    let mode = std::fs::metadata(home.path().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "one that was there is nobody else's to read from then on");
    // What would be sent is recorded by nobody.
    let dry = home.ask(&["--dry-run", "--record", "dry.rec", "hi"], b"");
    assert_eq!(code(&dry), 0, "{}", stderr(&dry));
    assert!(!home.path().join("dry.rec").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_is_full_costs_the_recording_only() {
    let server = Server::start();
    let home = Home::at(&server);
    let running = Piped::start(&home, &["ask", "--record", "/dev/full", "--force", "hi"]);
    server.prompt().say(&["the ", "answer"]);
    let run = running.finish();
    assert_eq!((code(&run), stdout(&run).as_str()), (0, "the answer\n"));
    let said = stderr(&run);
    assert_eq!(said.matches("/dev/full").count(), 1, "{said}");
}

#[test]
fn a_recording_that_is_cut_ends_there() {
    let server = Server::start();
    let home = Home::at(&server);
    let running = Piped::start(&home, &["ask", "--record", FILE, "hi"]);
    let mut exchange = server.prompt();
    exchange.begin_events();
    exchange.text(0, "half ");
    running.wait_for_stdout("half ");
    exchange.text(0, "more");
    running.wait_for_stdout("half more");
    // Nothing is kept back in the program.
    let (path, since) = (home.path().join(FILE), Instant::now());
    while !std::fs::read_to_string(&path).unwrap().contains("more") {
        assert!(since.elapsed() < LIMIT, "it is not recorded");
        std::thread::yield_now();
    }
    running.signal(libc::SIGKILL);
    drop(running);
    let text = recorded(&home);
    std::fs::write(&path, text.trim_end().strip_suffix('}').unwrap_or(&text)).unwrap();
    let again = replay(&home);
    assert_eq!(code(&again), 76, "{}", stderr(&again));
    let told = lines(&stdout(&again));
    assert_eq!(told.last().unwrap()["outcome"], "truncated");
    assert!(told.iter().any(|event| event["event"] == "error"
        && event["message"].as_str().unwrap().contains("the recording ends here")));
}

#[test]
fn what_is_no_recording_is_told_with_the_line() {
    let home = Home::new();
    for (text, said) in [
        ("", "line 1: the file is empty"),
        ("hello\n", "line 1: this is no recording"),
        ("{\"recording\":99}\n", "line 1: a recording of version 99"),
        ("{\"recording\":1}\n", "line 1: `dialect` is missing"),
    ] {
        std::fs::write(home.path().join(FILE), text).unwrap();
        let output = replay(&home);
        assert_eq!(code(&output), 1, "{text}");
        assert!(stderr(&output).contains(said) && stderr(&output).contains(FILE), "{}", stderr(&output));
    }
    let missing = home.ask(&["--replay", "nothing.rec"], b"");
    assert_eq!(code(&missing), 1);
    assert!(stderr(&missing).contains("nothing.rec: it cannot be read"), "{}", stderr(&missing));
    assert_eq!(code(&home.ask(&["--replay", FILE, "hi"], b"")), 2);
    assert_eq!(code(&home.run(&["replay", FILE], b"")), 2, "no terminal");
}

/// A chat of two prompts that was recorded.
fn recorded_chat() -> Home {
    let server = Server::start();
    let home = Home::at(&server);
    let pty = Pty::chatui(&home, &["--record", FILE, "first"]);
    server.prompt().say(&["the first ", "answer"]);
    pty.wait_for("the first answer", |screen| {
        screen.contents().contains("the first answer") && last_row(screen).contains("complete")
    });
    pty.send_keys("second");
    pty.wait_for_text("second");
    pty.key(Key::Enter);
    server.prompt().say(&["the second ", "answer"]);
    pty.wait_for("the second answer", |screen| {
        screen.contents().contains("the second answer") && last_row(screen).contains("complete")
    });
    pty.key(Key::Ctrl('d'));
    assert_eq!(pty.wait_exit().status.code(), Some(0));
    home
}

#[test]
fn the_chat_plays_a_recording_and_sends_nothing() {
    let home = recorded_chat();
    let prompts: Vec<Value> = heads(&home).iter().map(|head| head["prompt"].clone()).collect();
    assert_eq!(prompts, [0, 1]);
    let saved = files(&home.data_dir());
    // Each prompt in turn, in one conversation.
    let pty = Pty::chatui(&home, &["replay", FILE, "--speed", "0"]);
    for text in
        ["replay of a.rec (1 of 2)", "the first answer", "replay of a.rec (2 of 2)", "the second answer"]
    {
        pty.wait_for_text(text);
    }
    pty.wait_for("the end", |screen| last_row(screen).contains("complete"));
    // What is sent then is answered by nobody.
    pty.send_keys("and you?");
    pty.wait_for_text("and you?");
    pty.key(Key::Enter);
    pty.wait_for_text("nothing is sent");
    pty.key(Key::Ctrl('d'));
    assert_eq!(pty.wait_exit().status.code(), Some(0));
    pty.assert_restored();
    let names = |files: Vec<(std::path::PathBuf, Vec<u8>)>| -> Vec<_> {
        files.into_iter().filter(|(name, _)| name.ends_with("chatui.db")).collect()
    };
    assert_eq!(names(files(&home.data_dir())), names(saved), "nothing is saved");
    // To standard output, each event says of which prompt it is.
    let output = replay(&home);
    let told = lines(&stdout(&output));
    assert_eq!(told.first().unwrap()["prompt"], 0);
    assert_eq!(told.last().unwrap()["prompt"], 1);
    assert_eq!(
        stdout(&home.ask(&["--replay", FILE, "--speed", "0"], b"")),
        "the first answer\nthe second answer\n"
    );
}

#[test]
fn what_is_typed_ahead_costs_no_recorded_turn() {
    let mut home = recorded_chat();
    home.unset("LAB_KEY");
    // Nothing is configured, and nobody is asked for models.
    home.configure("");
    let pty = Pty::chatui(&home, &["replay", FILE, "--speed", "0"]);
    pty.send_keys("mine");
    pty.key(Key::Enter);
    pty.wait_for_text("nothing is sent");
    for text in
        ["replay of a.rec (1 of 2)", "the first answer", "replay of a.rec (2 of 2)", "the second answer"]
    {
        pty.wait_for_text(text);
    }
    pty.wait_for("the end", |screen| last_row(screen).contains("complete"));
    pty.key(Key::Ctrl('d'));
    assert_eq!(pty.wait_exit().status.code(), Some(0));
}

#[test]
fn escape_stops_a_replay() {
    let home = Home::new();
    let head = json!({
        "recording": 1, "r": 0, "prompt": 0, "attempt": 0, "round": 0, "dialect": "openai-chat", "status": 200,
        "headers": {}, "head_ms": 1.0,
        "asked": {
            "provider": "lab", "model": "m", "choices": 1,
            "retry": {"max": 3, "base_ms": 1, "cap_ms": 1, "max_wait_ms": 1},
            "timeouts": {"connect_ms": 0, "first_ms": 0, "chunk_ms": 0, "total_ms": 0},
        },
    });
    let text = format!("data: {}\n\n", delta(0, &json!({"content": "it begins"}), None));
    let late = json!({"t_ms": 86_400_000, "data": "data: [DONE]\n\n"});
    let all = format!("{head}\n{}\n{late}\n", json!({"t_ms": 5.0, "data": text}));
    std::fs::write(home.path().join(FILE), all).unwrap();
    let pty = Pty::chatui(&home, &["replay", FILE]);
    pty.wait_for_text("it begins");
    pty.key(Key::Esc);
    pty.wait_for("the stop", |screen| last_row(screen).contains("cancelled"));
    pty.key(Key::Ctrl('d'));
    assert_eq!(pty.wait_exit().status.code(), Some(0));
}

#[test]
fn a_dry_run_is_a_command_that_a_shell_takes() {
    let server = Server::start();
    let mut home = Home::new();
    home.set("LAB_KEY", KEY);
    let config = format!(
        "[providers.lab]\nbase_url = \"{}\"\napi_key_env = \"LAB_KEY\"\ndefault_model = \"scripted\"\n\
         headers = {{ X-Api-Key = \"header-secret-0123456789\", X-Team = \"a'b\" }}\n\
         extra_body = {{ password = \"pass-0123\", deep = {{ auth = \"deep-0123\" }} }}\n",
        server.base_url().replace("/v1", "/it's/{a}/[1]")
    );
    home.configure(&config);
    let nasty = "it's \"$HOME\" `id` \\ \u{1b}[31m é\nnew line";
    for args in [&["ask", "--dry-run=curl", nasty][..], &["--dry-run=curl", nasty]] {
        let dry = home.run(args, b"");
        assert_eq!(code(&dry), 0, "{}", stderr(&dry));
        let text = stdout(&dry);
        assert!(text.starts_with("# put the secret in place of ***\ncurl -gN '"), "{text}");
        assert!(!text.contains("pass-0123") && !text.contains("deep-0123"), "{text}");
        assert!(text.contains("\"authorization: Bearer $LAB_KEY\""), "{text}");
        assert!(!text.contains(KEY) && !text.contains("header-secret") && !text.contains('\u{1b}'), "{text}");
        // A shell with a `curl` of the test's own: its words, one a line.
        let script = format!("curl() {{ for word; do printf '%s\\0' \"$word\"; done; }}\n{text}");
        let mut shell = std::process::Command::new("sh");
        let said = shell.args(["-c", &script]).env("LAB_KEY", KEY).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        let words: Vec<&str> = said.split('\0').collect();
        let url = words[1];
        assert!(url.contains("/it's/{a}/[1]/") || url.contains("/it's/%7Ba%7D/"), "{url}");

        assert!(words.contains(&format!("authorization: Bearer {KEY}").as_str()), "{words:?}");
        assert!(words.contains(&"x-team: ***"), "{words:?}");
        let body = words[words.iter().position(|word| *word == "--data-raw").unwrap() + 1];
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["messages"][0]["content"], nasty);
    }
    assert!(!server.is_asked_again(), "nothing is sent");
}

#[test]
fn a_dry_run_shows_no_key_and_says_where_it_comes_from() {
    let mut home = Home::new();
    let key = "sk-quo\"ted\\key'0123456789";
    home.set("LAB_KEY", key);
    home.configure(
        "[providers.lab]\nbase_url = \"http://127.0.0.1:1/v1\"\napi_key_env = \"LAB_KEY\"\ndefault_model = \"m\"\n\
         [providers.fetched]\nbase_url = \"http://127.0.0.1:1/v1\"\napi_key_command = [\"pass\", \"show\"]\n",
    );
    let marks = format!("e{}", "\u{301}".repeat(40));
    let prompt = format!("my key {key} and {marks}");
    for how in ["--dry-run", "--dry-run=curl"] {
        let dry = home.ask(&[how, &prompt], b"");
        let text = stdout(&dry);
        assert!(text.contains("my key *** and e"), "{text} {}", stderr(&dry));
        assert!(!text.contains("ted") && !text.contains("0123456789"), "{text}");
        assert_eq!(text.matches('\u{301}').count() + text.matches("\\u0301").count(), 40, "{text}");
    }
    let fetched = stdout(&home.ask(&["--dry-run=curl", "-m", "fetched:m", "hi"], b""));
    assert!(
        fetched.starts_with("# put the secret in place of ***; the key is that of the command `pass`"),
        "{fetched}"
    );
    assert!(fetched.contains("'authorization: Bearer ***'"), "{fetched}");
    home.set("AZURE_OPENAI_AD_TOKEN", "token-0123456789");
    home.set("AZURE_OPENAI_ENDPOINT", "https://res.openai.azure.com");
    let azure = stdout(&home.ask(&["--dry-run=curl", "-m", "azure-openai:chat", "hi"], b""));
    assert!(azure.contains("\"authorization: Bearer $AZURE_OPENAI_AD_TOKEN\""), "{azure}");
    assert!(azure.starts_with("curl -gN "), "{azure}");
}

#[test]
fn a_dry_run_says_what_curl_cannot_do_and_how_many_requests_there_are() {
    let mut home = Home::new();
    home.set("GROQ_API_KEY", KEY);
    let socket = ["--base-url", "ws://127.0.0.1:1/v1/chat/completions", "--dialect", "websocket", "-m", "m"];
    let args: Vec<&str> = ["--dry-run=curl"].into_iter().chain(socket).chain(["hi"]).collect();
    let dry = home.ask(&args, b"");
    let text = stdout(&dry);
    assert!(text.starts_with("# curl sends no messages over a WebSocket"), "{text}");
    assert!(
        text.contains("websocat -n") && text.contains("'ws://127.0.0.1:1/v1/chat/completions'"),
        "{text}"
    );
    // A server that gives one choice at a time.
    let several = home.ask(&["--dry-run", "--n", "3", "-m", "groq:m", "hi"], b"");
    assert_eq!(code(&several), 0, "{}", stderr(&several));
    assert!(stderr(&several).contains("3 such requests"), "{}", stderr(&several));
    assert!(!stdout(&several).contains("\"n\""), "{}", stdout(&several));
}
