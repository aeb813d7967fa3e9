//! Every dialect over real sockets: the real program against its demo, which speaks them all.
//!
//! The same content gives the same events, whatever dialect it comes in, but for ids, the server's own
//! words and how text is cut. And what servers and networks do wrong ends as it must: each model of
//! `demo::faults` under each dialect that it is found in.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::process::Output;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use chatui::demo::faults::{FAULTS, Fault, Over};
use serde_json::{Value, json};
use support::pty::{Key, Pty, last_row, rows};
use support::{DemoServer, Home, code, stderr, stdout};

/// A provider of the laboratory: a dialect of the demo's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Way {
    name: &'static str,
    dialect: &'static str,
    /// Its base URL; `{}` is the demo's address.
    base_url: &'static str,
}

const fn way(name: &'static str, dialect: &'static str, base_url: &'static str) -> Way {
    Way { name, dialect, base_url }
}

const CHAT: Way = way("chat", "openai-chat", "http://{}/v1");
const TEXT: Way = way("text", "openai-completions", "http://{}/v1");
const INFERENCE: Way = way("inference", "azure-inference", "http://{}/models");
const AZURE: Way = way("azure", "azure-openai", "http://{}");
const AZURE_V1: Way = way("azure-v1", "azure-openai", "http://{}/openai/v1");
const SOCKET: Way = way("socket", "websocket", "ws://{}/v1/chat/completions");
const TEXT_SOCKET: Way = way("text-socket", "websocket", "ws://{}/v1/completions");

const ALL: &[Way] = &[CHAT, TEXT, INFERENCE, AZURE, AZURE_V1, SOCKET, TEXT_SOCKET];
const HTTP: &[Way] = &[CHAT, TEXT, INFERENCE, AZURE, AZURE_V1];
const SOCKETS: &[Way] = &[SOCKET, TEXT_SOCKET];
/// The dialects in which a model can call a tool.
const CALLS: &[Way] = &[CHAT, INFERENCE, AZURE, AZURE_V1, SOCKET];
/// Those that are asked for several choices at once.
const CHOICES: &[Way] = &[CHAT, TEXT, AZURE, AZURE_V1, SOCKET, TEXT_SOCKET];

/// A home in which each way is a provider, and the demo that they all lead to.
struct Lab {
    home: Home,
    demo: DemoServer,
}

impl Lab {
    fn new() -> Self {
        let home = Home::new();
        let demo = DemoServer::start(&home, &["--tokens-per-second", "0"]);
        let lab = Self { home, demo };
        let mut toml = "[retry]\nbase = \"20ms\"\ncap = \"20ms\"\n".to_owned();
        for way in ALL {
            toml.push_str(&lab.provider(way.name, *way, ""));
        }
        toml.push_str(&lab.provider("extra", INFERENCE, "extra_parameters = \"pass-through\"\n"));
        for fault in FAULTS.iter().filter(|fault| fault.over == Over::Handshake) {
            let url = format!("ws://{}/v1/chat/completions?fault={}", lab.address(), fault.name);
            let back = format!("http_base_url = \"{}\"\n", lab.demo.base_url());
            for (name, more) in [(fault.name.to_owned(), ""), (format!("{}-back", fault.name), &back)] {
                toml.push_str(&format!(
                    "\n[providers.{name}]\ndialect = \"websocket\"\nbase_url = \"{url}\"\n{more}"
                ));
            }
        }
        lab.home.configure(&toml);
        lab
    }

    fn address(&self) -> &str {
        self.demo.base_url().trim_start_matches("http://").trim_end_matches("/v1")
    }

    fn provider(&self, name: &str, way: Way, more: &str) -> String {
        let url = way.base_url.replace("{}", self.address());
        format!(
            "\n[providers.{name}]\ndialect = \"{}\"\nbase_url = \"{url}\"\napi_key = \"a-key\"\n{more}",
            way.dialect
        )
    }

    /// `chatui ask --json` of that provider's model, without retries.
    fn ask(&self, provider: &str, model: &str, args: &[&str]) -> Answer {
        let name = format!("{provider}:{model}");
        let mut all = vec!["--json", "--no-save", "-m", &name, "hello"];
        if !args.contains(&"--retries") {
            all.extend(["--retries", "0"]);
        }
        all.extend(args);
        Answer::of(&self.home.ask(&all, b""))
    }
}

/// What `ask --json` printed, and its exit code.
#[derive(Debug)]
struct Answer {
    code: i32,
    events: Vec<Value>,
    stderr: String,
}

impl Answer {
    fn of(output: &Output) -> Self {
        let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line:?}"));
        let events = stdout(output).lines().map(line).collect();
        Self { code: code(output), events, stderr: stderr(output) }
    }

    fn named(&self, name: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["event"] == name).collect()
    }

    /// Its end, in the words of the table of faults.
    fn end(&self) -> String {
        let done = self.events.last().filter(|event| event["event"] == "done");
        let Some(outcome) = done.and_then(|done| done["outcome"].as_str()) else {
            return format!("nothing, exit {}: {}", self.code, self.stderr);
        };
        match self.named("error").last() {
            None if self.code == 0 => outcome.to_owned(),
            None => format!("{outcome} {}", self.code),
            Some(error) => format!("{outcome} {} {}", error["kind"].as_str().unwrap(), self.code),
        }
    }

    /// What was said, by choice: pieces of a kind that follow each other are one, and so are those of a call.
    fn said(&self) -> BTreeMap<u64, Vec<Value>> {
        let mut choices: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
        for event in &self.events {
            let kind = event["event"].as_str().unwrap();
            let Some(choice) = event["choice"].as_u64() else { continue };
            let said = choices.entry(choice).or_default();
            match kind {
                "text" | "reasoning" | "refusal" => match said.last_mut() {
                    Some(last) if last["event"] == kind => append(last, event),
                    _ => said.push(json!({"event": kind, "delta": event["delta"]})),
                },
                "tool_call" => match said.iter_mut().find(|call| call["index"] == event["index"]) {
                    Some(call) => append(call, event),
                    None => said.push(json!({"event": kind, "index": event["index"], "name": event["name"],
                        "delta": event["delta"]})),
                },
                "finish" => said.push(json!({"event": kind, "reason": event["reason"]})),
                _ => {}
            }
        }
        choices
    }

    /// The other events that every dialect has, in their order, without what names the server and the request.
    fn framed(&self) -> Vec<Value> {
        let of = |event: &Value| {
            let kind = event["event"].as_str().unwrap();
            Some(match kind {
                "start" => json!({"event": kind}),
                "usage" => event.clone(),
                "error" => json!({"event": kind, "kind": event["kind"], "status": event["status"]}),
                "notice" | "retry" => json!({"event": kind}),
                "done" => {
                    let choices = event["choices"].as_array().unwrap();
                    let choices: Vec<Value> = choices.iter().map(whole_choice).collect();
                    json!({"event": kind, "outcome": event["outcome"], "choices": choices})
                }
                _ => return None,
            })
        };
        self.events.iter().filter_map(of).collect()
    }
}

fn append(to: &mut Value, event: &Value) {
    let more = event["delta"].as_str().unwrap();
    let text = to["delta"].as_str().unwrap().to_owned() + more;
    to["delta"] = Value::from(text);
}

fn whole_choice(choice: &Value) -> Value {
    let calls = choice["tool_calls"].as_array().unwrap();
    let calls: Vec<Value> = calls.iter().map(|call| json!([call["name"], call["arguments"]])).collect();
    json!({
        "text": choice["text"], "reasoning": choice["reasoning"], "refusal": choice["refusal"],
        "tool_calls": calls, "finish_reason": choice["finish_reason"],
    })
}

/// Asks for the same in each way, and holds the answers against that of plain chat completions.
fn assert_same(lab: &Lab, ways: &[Way], model: &str, args: &[&str]) -> Answer {
    let wanted = lab.ask(CHAT.name, model, args);
    assert!(!wanted.said().is_empty() || args.contains(&"--no-stream"), "{model}: {wanted:?}");
    for way in ways {
        let answer = lab.ask(way.name, model, args);
        let what = format!("{model} {args:?} as {}", way.name);
        assert_eq!(answer.said(), wanted.said(), "{what}: {}", answer.stderr);
        assert_eq!(answer.framed(), wanted.framed(), "{what}");
        assert_eq!(answer.code, wanted.code, "{what}");
    }
    wanted
}

// ---------------------------------------------------------------------------------------------
// The same content, the same events

#[test]
fn the_same_text_gives_the_same_events_in_every_dialect() {
    let lab = Lab::new();
    let answer = assert_same(&lab, ALL, "chat", &[]);
    assert_eq!(answer.end(), "complete");
    assert!(answer.named("text").len() > 50, "token by token");
    assert_eq!(answer.named("usage").len(), 1);
    let cut_short = assert_same(&lab, ALL, "chat", &["--max-tokens", "5"]);
    assert_eq!(cut_short.named("finish")[0]["reason"], "length");
    assert_same(&lab, ALL, "chat", &["--no-stream"]);
    assert_same(&lab, ALL, "chat", &["--system", "Be brief."]);
}

#[test]
fn reasoning_and_tool_calls_are_the_same_where_a_dialect_has_them() {
    let lab = Lab::new();
    let thinks = assert_same(&lab, ALL, "reasoning", &[]);
    let said = thinks.said();
    let kinds: Vec<&Value> = said[&0].iter().map(|said| &said["event"]).collect();
    assert_eq!(kinds, ["reasoning", "text", "finish"]);
    let calls = assert_same(&lab, CALLS, "tools", &[]);
    assert_eq!(calls.said()[&0].len(), 4, "a text, two calls, a finish: {calls:?}");
    assert_same(&lab, CALLS, "tools", &["--no-stream"]);
}

#[test]
fn several_choices_are_the_same_also_where_each_is_a_request_of_its_own() {
    let lab = Lab::new();
    let three = assert_same(&lab, CHOICES, "choices", &["--choices", "3"]);
    assert_eq!(three.said().len(), 3);
    let extra = lab.ask("extra", "choices", &["--choices", "3"]);
    assert_eq!((extra.said(), extra.code), (three.said(), 0), "with extra-parameters: pass-through");

    // Model inference knows no `n`: three requests, each of which has the first choice.
    let each = lab.ask(INFERENCE.name, "choices", &["--choices", "3"]);
    assert_eq!((each.end().as_str(), each.said().len()), ("complete", 3), "{each:?}");
    for said in each.said().values() {
        assert_eq!(*said, three.said()[&0]);
    }
    assert_eq!(each.named("notice").len(), 1);
}

#[test]
fn what_breaks_off_or_fails_does_so_alike_in_every_dialect() {
    let lab = Lab::new();
    let cut = assert_same(&lab, ALL, "cut", &[]);
    assert_eq!(cut.end(), "truncated protocol 76");
    let failed = assert_same(&lab, ALL, "error", &[]);
    assert_eq!(failed.end(), "failed server 1");
    for way in ALL {
        let answer = lab.ask(way.name, "error", &[]);
        let message = answer.named("error")[0]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("The model crashed while it was answering"), "{}: {message}", way.name);
        // Rubbish is survived, whatever it is written in.
        let garbage = lab.ask(way.name, "garbage", &[]);
        let done = garbage.events.last().unwrap();
        assert_eq!(garbage.end(), "complete", "{}: {}", way.name, garbage.stderr);
        assert!(done["choices"][0]["text"].as_str().unwrap().ends_with("That was all of it."), "{done}");
    }
}

#[test]
fn a_text_completion_hears_the_last_words_in_every_template_and_in_a_raw_prompt() {
    let lab = Lab::new();
    let wanted = lab.ask(CHAT.name, "chat", &["table"]);
    for template in ["chatml", "llama2", "llama3", "mistral", "plain"] {
        let home = Home::new();
        let more = format!("prompt_template = \"{template}\"\n");
        home.configure(&lab.provider("text", TEXT, &more));
        let args = ["--json", "--no-save", "-m", "text:chat", "--system", "Show code.", "hello table"];
        let answer = Answer::of(&home.ask(&args, b""));
        assert_eq!(answer.said(), wanted.said(), "{template}: {}", answer.stderr);
        let raw = Answer::of(
            &home.ask(&["--json", "--no-save", "--raw-prompt", "-m", "text:chat", "a table"], b""),
        );
        assert!(
            raw.events.last().unwrap()["choices"][0]["text"].as_str().unwrap().contains("| --- |"),
            "{raw:?}"
        );
    }
}

// ---------------------------------------------------------------------------------------------
// Faults

/// The ways in which a fault is found.
fn ways_of(fault: &Fault) -> Vec<&'static str> {
    let names = |ways: &[Way]| ways.iter().map(|way| way.name).collect();
    match fault.over {
        Over::All => names(ALL),
        Over::Http => names(HTTP),
        Over::Chat => vec![CHAT.name, AZURE.name, AZURE_V1.name],
        Over::WebSocket => names(SOCKETS),
        Over::Handshake => vec![fault.name],
    }
}

/// Runs `each` for all of `items`, a few at a time, and gives what it complained of.
fn complaints<T: Sync>(items: &[T], each: impl Fn(&T) -> Option<String> + Sync) -> Vec<String> {
    let (next, told) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(complaint) = each(item) {
                        told.lock().unwrap().push(complaint);
                    }
                }
            });
        }
    });
    told.into_inner().unwrap()
}

/// Over a WebSocket a refusal is an error in band: it has no status but the code that the server gives.
fn end_over(fault: &Fault, way: &str) -> String {
    match SOCKETS.iter().any(|socket| socket.name == way) {
        true => fault.ends.replace(" http ", " server ").replace(" auth ", " server "),
        false => fault.ends.to_owned(),
    }
}

#[test]
fn each_fault_ends_as_the_table_says_in_each_dialect() {
    let lab = Lab::new();
    let runs: Vec<(&Fault, &str)> =
        FAULTS.iter().flat_map(|fault| ways_of(fault).into_iter().map(move |way| (fault, way))).collect();
    let wrong = complaints(&runs, |(fault, way)| {
        let is_silent = fault.ends.contains("timeout");
        let silence = match fault.name {
            // A comment comes every 100 ms, for two seconds.
            "comments" => "1500ms",
            _ if is_silent => "500ms",
            _ => "15s",
        };
        // What is refused once for each prompt is refused to each provider.
        let mut args = vec!["from", way];
        match fault.name {
            "no-n" => args.extend(["--choices", "2"]),
            "no-max-tokens" => args.extend(["--max-tokens", "50"]),
            _ => {}
        }
        args.extend(["--first-timeout", silence, "--chunk-timeout", silence]);
        let wanted = end_over(fault, way);
        let mut answer = lab.ask(way, fault.name, &args);
        if fault.name == "comments" {
            // A demo that gets no time of the machine is silent, too: not again and again.
            for _ in 0..2 {
                if answer.end() != wanted {
                    answer = lab.ask(way, fault.name, &args);
                }
            }
        }
        let got = answer.end();
        let error = answer.named("error").last().map(|error| error["message"].clone());
        (wanted != got).then(|| format!("{} as {way}: {got:?}, not {wanted:?}: {error:?}", fault.name))
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_refused_once_is_asked_again_after_the_wait_that_was_wished() {
    let lab = Lab::new();
    let faults: Vec<(&str, Option<(u64, u64)>)> = vec![
        ("429-seconds", Some((1000, 1000))),
        ("429-date", Some((0, 2000))),
        ("429-ms", Some((250, 250))),
        ("408", None),
        ("498", None),
        ("503", None),
        ("529", None),
    ];
    let wrong = complaints(&faults, |(name, wait)| {
        let answer = lab.ask(CHAT.name, name, &["--retries", "1"]);
        let retries = answer.named("retry");
        let delay = retries.first().and_then(|retry| retry["delay_ms"].as_u64());
        let waited = match (delay, wait) {
            (Some(delay), Some((least, most))) => (*least..=*most).contains(&delay),
            (delay, None) => delay.is_some(),
            (None, Some(_)) => false,
        };
        let is_right = answer.end() == "complete" && retries.len() == 1 && waited;
        (!is_right).then(|| format!("{name}: {} after {retries:?}", answer.end()))
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A day is not waited for: the error says when.
    let day = lab.ask(CHAT.name, "429-day", &["--retries", "3"]);
    assert_eq!((day.end().as_str(), day.named("retry").len()), ("failed http 75", 0));
}

#[test]
fn what_a_server_refuses_is_asked_for_in_another_way_with_a_notice() {
    let lab = Lab::new();
    for (name, args) in [
        ("no-stream-options", &[][..]),
        ("no-n", &["--choices", "2"]),
        ("no-stream", &[]),
        ("no-max-tokens", &["--max-tokens", "50"]),
    ] {
        let answer = lab.ask(CHAT.name, name, args);
        assert_eq!(answer.end(), "complete", "{name}");
        assert_eq!(answer.named("notice").len(), 1, "{name}: {answer:?}");
    }
}

#[test]
fn a_refused_handshake_falls_back_to_http() {
    let lab = Lab::new();
    for fault in FAULTS.iter().filter(|fault| fault.over == Over::Handshake) {
        let answer = lab.ask(&format!("{}-back", fault.name), "chat", &[]);
        assert_eq!(answer.end(), "complete", "{}: {}", fault.name, answer.stderr);
        assert!(!answer.named("text").is_empty());
    }
}

#[test]
fn fault_models_are_not_listed_and_have_names_of_their_own() {
    let lab = Lab::new();
    let listed = stdout(&lab.home.run(&["models", "chat"], b""));
    let listed: Vec<&str> = listed.lines().map(|line| line.trim_start_matches("chat:")).collect();
    assert!(listed.contains(&"chat") && listed.contains(&"auth"), "{listed:?}");
    for (at, fault) in FAULTS.iter().enumerate() {
        assert!(!listed.contains(&fault.name), "{} is a model of the list", fault.name);
        assert!(FAULTS[..at].iter().all(|other| other.name != fault.name), "{} is there twice", fault.name);
    }
}

// ---------------------------------------------------------------------------------------------
// On the screen

#[track_caller]
fn wait_for_complete(pty: &Pty, last: &str) {
    pty.wait_for(&format!("an answer that ends with {last:?}"), |screen| {
        last_row(screen).contains("complete") && rows(screen).iter().any(|row| row.contains(last))
    });
}

#[test]
fn every_dialect_chats_on_the_screen() {
    let lab = Lab::new();
    for way in ALL {
        let model = format!("{}:chat", way.name);
        let pty = Pty::chatui(&lab.home, &["--no-save", "-m", &model, "hello there"]);
        wait_for_complete(&pty, "start chatui");
        pty.send_keys("tell me about geese");
        pty.wait_for_text("› tell me about geese");
        pty.key(Key::Enter);
        pty.wait_for_text("That deserves a proper answer");
        wait_for_complete(&pty, "Whichever you pick");
        pty.key(Key::Ctrl('d'));
        assert_eq!(pty.wait_exit().status.code(), Some(0), "{}: {}", way.name, pty.screen_text());
        pty.assert_restored();
    }
}
