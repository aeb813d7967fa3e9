//! The command line, word by word.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::*;

fn parsed(line: &[&str]) -> Result<Command, Stop> {
    parse(std::iter::once("chatui").chain(line.iter().copied()).map(OsString::from))
}

fn chat(line: &[&str]) -> (Shared, Vec<String>) {
    match parsed(line) {
        Ok(Command::Chat(shared, words)) => (shared, words),
        other => panic!("{line:?}: {other:?}"),
    }
}

fn ask(line: &[&str]) -> (Shared, Ask) {
    match parsed(line) {
        Ok(Command::Ask(shared, ask)) => (shared, ask),
        other => panic!("{line:?}: {other:?}"),
    }
}

/// The text of an error of usage, which must hold `word`.
fn refused(line: &[&str], word: &str) {
    match parsed(line) {
        Err(stop) => {
            assert_eq!(stop.code, 2, "{line:?}: {stop:?}");
            assert!(stop.text.contains(word), "{line:?}: {}", stop.text);
        }
        Ok(command) => panic!("{line:?} was taken: {command:?}"),
    }
}

#[test]
fn clap_accepts_the_definition() {
    Root::command().debug_assert();
}

#[test]
fn words_are_the_prompt() {
    for (line, words) in [
        (&[][..], &[][..]),
        (&["hello", "there"], &["hello", "there"]),
        (&["please", "ask", "him"], &["please", "ask", "him"]),
        (&["serve them"], &["serve them"]),
        (&["--", "ask"], &["ask"]),
        (&["--", "serve"], &["serve"]),
        (&["--", "-x", "--json"], &["-x", "--json"]),
        (&["hi", "--", "-x"], &["hi", "-x"]),
        (&["-m", "ask", "hello"], &["hello"]),
    ] {
        assert_eq!(chat(line).1, words, "{line:?}");
    }
    assert_eq!(ask(&["ask", "one", "demo"]).1.words, ["one", "demo"]);
    assert_eq!(ask(&["ask", "--", "-x"]).1.words, ["-x"]);
    assert_eq!(ask(&["ask", "srve"]).1.words, ["srve"]);
    assert_eq!(ask(&["ask", "-p", "-x y"]).1.prompt.as_deref(), Some("-x y"));
}

#[test]
fn options_stand_before_or_after_the_command() {
    for line in [
        &["-m", "a:b", "--stop", "x", "--no-save", "-v", "ask", "hi"][..],
        &["ask", "-m", "a:b", "--stop", "x", "--no-save", "-v", "hi"],
        &["--stop", "x", "-v", "ask", "hi", "--no-save", "-m", "a:b"],
        &["-m", "no:no", "ask", "-m", "a:b", "hi", "--stop=x", "--no-save", "-v"],
    ] {
        let (shared, ask) = ask(line);
        assert_eq!(shared.model.as_deref(), Some("a:b"), "{line:?}");
        assert_eq!(shared.stop, ["x"], "{line:?}");
        assert!(shared.no_save && shared.verbose == 1, "{line:?}");
        assert_eq!(ask.words, ["hi"], "{line:?}");
    }
    // The last of several wins: an alias of the shell may hold options already.
    assert_eq!(ask(&["ask", "-m", "a", "-m", "b", "--json", "--json"]).0.model.as_deref(), Some("b"));
    let (shared, _) = ask(&["--stop", "a", "-o", "x=1", "-v", "ask", "--stop", "b", "-o", "y=2", "-v"]);
    assert_eq!((shared.stop, shared.options.len(), shared.verbose), (vec!["a".into(), "b".into()], 2, 2));
}

#[test]
fn every_shared_option_reaches_the_configuration() {
    let (shared, ask) = ask(&[
        "ask",
        "-m",
        "m",
        "--provider",
        "p",
        "--base-url",
        "u",
        "--dialect",
        "d",
        "--api-key-env",
        "K",
        "-s",
        "@f",
        "--n",
        "2",
        "--max-tokens",
        "5",
        "--temperature",
        "0.5",
        "--top-p",
        "1",
        "--stop",
        "a",
        "--stop",
        "b",
        "--seed",
        "-1",
        "--reasoning-effort",
        "low",
        "-o",
        "top_k=40",
        "-o",
        "metadata={\"a\":[1]}",
        "--connect-timeout",
        "250ms",
        "--first-timeout",
        "5m",
        "--chunk-timeout",
        "60s",
        "--total-timeout",
        "0",
        "--retries",
        "0",
        "--config",
        "c.toml",
        "--data-dir",
        "d",
        "-vv",
        "--json",
        "--no-stream",
        "--stats",
        "--raw",
        "--dry-run",
        "-c",
    ]);
    let flags = shared.flags();
    assert_eq!(flags.model.as_deref(), Some("m"));
    assert_eq!(flags.provider.as_deref(), Some("p"));
    assert_eq!(flags.base_url.as_deref(), Some("u"));
    assert_eq!(flags.dialect.as_deref(), Some("d"));
    assert_eq!(flags.api_key_env.as_deref(), Some("K"));
    assert_eq!(flags.system.as_deref(), Some("@f"));
    let params = flags.params;
    assert_eq!((params.n, params.max_tokens, params.seed), (Some(2), Some(5), Some(-1)));
    assert_eq!((params.temperature, params.top_p), (Some(0.5), Some(1.0)));
    assert_eq!(params.stop, ["a", "b"]);
    assert_eq!(params.reasoning_effort.as_deref(), Some("low"));
    assert_eq!(Value::Object(params.extra), serde_json::json!({"top_k": 40, "metadata": {"a": [1]}}));
    assert_eq!(flags.connect, Some(Duration::from_millis(250)));
    assert_eq!(flags.first, Some(Duration::from_secs(300)));
    assert_eq!(flags.chunk, Some(Duration::from_secs(60)));
    assert_eq!(flags.total, Some(Duration::ZERO));
    assert_eq!(flags.retries, Some(0));
    assert_eq!(shared.verbose, 2);
    assert!(
        shared.dry_run == Some(DryRun::Request)
            && shared.go_on
            && ask.json
            && ask.no_stream
            && ask.stats
            && ask.raw
    );
}

#[test]
fn a_recording_is_replayed() {
    let Ok(Command::Replay(replay)) = parsed(&["--theme", "x", "replay", "a", "--speed", "2.5", "-v"]) else {
        panic!("no replay");
    };
    assert_eq!((replay.file.as_path(), replay.speed), (std::path::Path::new("a"), Some(2.5)));
    let shared = replay.shared();
    assert_eq!((shared.theme.as_deref(), shared.verbose, shared.no_save), (Some("x"), 1, true));
    let (_, ask) = ask(&["ask", "--replay", "a", "--speed", "0", "--json"]);
    assert_eq!((ask.replay, ask.speed), (Some("a".into()), Some(0.0)));
    // The word behind it is a prompt.
    let (shared, words) = chat(&["--dry-run", "hi"]);
    assert_eq!((shared.dry_run, words), (Some(DryRun::Request), vec!["hi".to_owned()]));
    assert_eq!(chat(&["--dry-run=curl", "hi"]).0.dry_run, Some(DryRun::Curl));
}

#[test]
fn a_typed_parameter_given_as_an_option_is_that_parameter() {
    let (shared, _) = ask(&["ask", "-o", "max_tokens=7", "-o", "stop=\"x\""]);
    let params = shared.flags().params;
    assert_eq!((params.max_tokens, params.stop, params.extra.len()), (Some(7), vec!["x".into()], 0));
}

#[test]
fn what_cannot_be_is_refused_with_what_is_allowed() {
    for (line, word) in [
        (&["ask", "--first-timeout", "5"][..], "no unit"),
        (&["ask", "--chunk-timeout", "soon"], "10s"),
        (&["ask", "--temperature", "hot"], "0 or more"),
        (&["ask", "--temperature", "NaN"], "0 or more"),
        (&["ask", "--top-p", "1.5"], "0 to 1"),
        (&["ask", "--choices", "0"], "1..=128"),
        (&["ask", "--max-tokens", "0"], "1.."),
        (&["ask", "-o", "top_k"], "KEY=JSON"),
        (&["ask", "-o", "user=me"], "-o 'user=\"…\"'"),
        (&["ask", "-o", "stream=false"], "--no-stream"),
        (&["ask", "-o", "n=\"two\""], "whole number"),
        (&["ask", "-p", "a", "b"], "cannot be used with"),
        (&["ask", "--jsn"], "--json"),
        (&["ask", "--dry-run=wget"], "expected curl"),
        (&["ask", "--force", "hi"], "--record FILE"),
        (&["ask", "--replay", "a", "hi"], "asks nobody"),
        (&["ask", "--replay", "a", "-m", "x"], "asks nobody"),
        (&["-c", "ask", "--replay", "a"], "asks nobody"),
        (&["ask", "--replay", "a", "--record", "b"], "asks nobody"),
        (&["ask", "--speed", "2", "hi"], "--replay"),
        (&["ask", "--replay", "a", "--speed", "-1"], "0 or more"),
        (&["replay"], "<FILE>"),
        (&["-m", "x", "replay", "a"], "asks nobody"),
        (&["--record", "a", "replay", "a"], "asks nobody"),
        (&["ask", "-r"], "ID of a session"),
        (&["ask", "-r=", "hi"], "ID of a session"),
        (&["-c", "ask", "-r", "abc"], "exclude"),
        (&["hello", "-c", "ask"], "before the prompt"),
        (&["-m", "x", "demo"], "takes no options of the chat"),
        (&["demo", "--listen", "here"], "--listen"),
        (&["-m", "x", "sessions", "list"], "takes no options of the chat but --data-dir"),
        (&["--no-save", "sessions", "list"], "--no-save"),
        (&["sessions", "list", "--no-save"], "--no-save"),
        (&["sessions", "list", "--limit", "0"], "--limit"),
        (&["sessions", "lst"], "lst"),
        (&["sessions", "import", "x.json"], "import"),
        (&["sessions", "export", "abc", "--format", "html"], "md, json"),
        (&["sessions", "search"], "<WORDS>"),
        (&["sessions", "rename", "abc"], "<TITLE>"),
        (&["config"], "path|show|check|init"),
        (&["config", "shwo"], "show"),
        (&["--linear"], "--linear"),
    ] {
        refused(line, word);
    }
}

#[test]
fn the_looks_are_options_of_chat_and_ask() {
    let (shared, _) = chat(&["--theme", "nord", "--no-mouse", "hello", "you"]);
    assert_eq!((shared.theme.as_deref(), shared.no_mouse), (Some("nord"), true));
    let (shared, _) = chat(&["hello", "you"]);
    assert_eq!((shared.theme, shared.no_mouse), (None, false));
    match parsed(&["--no-mouse", "--theme", "nord", "ask", "--theme", "light", "hi"]) {
        Ok(Command::Ask(shared, _)) => {
            assert_eq!((shared.theme.as_deref(), shared.no_mouse), (Some("light"), true));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn resume_takes_the_next_word_as_id() {
    let (shared, words) = chat(&["-r", "ask", "hello", "you"]);
    assert_eq!((shared.resume.as_deref(), words.join(" ").as_str()), (Some("ask"), "hello you"));
    let (shared, words) = chat(&["--resume=7kf", "hello", "you"]);
    assert_eq!((shared.resume.as_deref(), words.len()), (Some("7kf"), 2));
}

#[test]
fn resume_without_an_id_lists_the_sessions() {
    let (shared, words) = chat(&["-r"]);
    assert_eq!((shared.resume.as_deref(), words.len()), (Some(""), 0));
    let (shared, words) = chat(&["-r=", "hello", "you"]);
    assert_eq!((shared.resume.as_deref(), words.join(" ").as_str()), (Some(""), "hello you"));
}

#[test]
fn a_single_word_close_to_a_command_is_no_prompt() {
    for (word, near) in [
        ("aks", Some("ask")),
        ("sak", Some("ask")),
        ("Ask", Some("ask")),
        ("as", Some("ask")),
        ("mask", Some("ask")),
        ("dem", Some("demo")),
        ("demon", Some("demo")),
        ("modls", Some("models")),
        ("model", Some("models")),
        ("modles", Some("models")),
        ("statistics", None),
        ("sesions", Some("sessions")),
        ("sessins", Some("sessions")),
        ("sssios", Some("sessions")),
        ("srev", None),
        ("sreve", Some("serve")),
        ("served", Some("serve")),
        ("completion", Some("completions")),
        ("hello", None),
        ("hi", None),
        ("serve them", None),
        ("man?", Some("man")),
        ("", None),
    ] {
        assert_eq!(near_command(word, &COMMANDS), near, "{word}");
    }
    refused(&["aks"], "did you mean `chatui ask`?");
    refused(&["modles"], "did you mean `chatui models`?");
    refused(&["sesions"], "did you mean `chatui sessions`?");
    refused(&["sreve"], "not in this version yet");
    refused(&["-m", "a:b", "demi"], "chatui -- demi");
    assert_eq!(chat(&["aks", "him"]).1, ["aks", "him"]);
    assert_eq!(chat(&["--", "aks"]).1, ["aks"]);
}

#[test]
fn a_command_of_a_later_version_says_so() {
    for command in COMMANDS.into_iter().filter(|command| !HERE.contains(command)) {
        refused(&[command], &format!("`{command}` is not in this version yet"));
    }
    refused(&["stats", "--json"], "--json");
}

#[test]
fn help_and_version_end_well() {
    for (line, word) in [
        (&["--version"][..], env!("CARGO_PKG_VERSION")),
        (&["-V"], env!("CARGO_PKG_VERSION")),
        (&["--help"], "--base-url"),
        (&["-h"], "Parameters:"),
        (&["help"], "Parameters:"),
        (&["ask", "--help"], "--no-stream"),
        (&["demo", "--help"], "--tokens-per-second"),
        (&["models", "--help"], "PROVIDER:MODEL"),
        (&["sessions", "--help"], "search"),
        (&["sessions", "export", "--help"], "--format"),
    ] {
        let stop = parsed(line).expect_err("nothing to run");
        assert_eq!(stop.code, 0, "{line:?}");
        assert!(stop.text.contains(word), "{line:?}: {}", stop.text);
    }
    assert_eq!(chat(&["help", "me"]).1, ["help", "me"]);
}

#[test]
fn sessions_take_their_folder_before_or_after_the_word() {
    let sessions = |line: &[&str]| match parsed(line) {
        Ok(Command::Sessions(sessions)) => sessions,
        other => panic!("{line:?}: {other:?}"),
    };
    for line in [
        &["--data-dir", "d", "sessions", "show", "abc"][..],
        &["sessions", "--data-dir", "d", "show", "abc"],
        &["sessions", "show", "--data-dir", "d", "abc"],
        &["--data-dir", "no", "sessions", "show", "abc", "--data-dir", "d"],
    ] {
        let sessions = sessions(line);
        assert_eq!(sessions.data_dir, Some("d".into()), "{line:?}");
        assert_eq!(sessions.order, Order::Show { id: "abc".into() });
    }
    let title = vec!["a".into(), "b".into()];
    assert_eq!(
        sessions(&["sessions", "rename", "x", "a", "b"]).order,
        Order::Rename { id: "x".into(), title }
    );
}

#[test]
fn the_demo_listens_on_loopback_by_default() {
    let demo = |line: &[&str]| match parsed(line) {
        Ok(Command::Demo(demo)) => (demo.listen.to_string(), demo.tokens_per_second),
        other => panic!("{other:?}"),
    };
    assert_eq!(demo(&["demo"]), ("127.0.0.1:0".into(), None));
    assert_eq!(
        demo(&["demo", "--listen", "[::1]:80", "--tokens-per-second", "0"]),
        ("[::1]:80".into(), Some(0.0))
    );
}

#[test]
fn models_takes_a_provider_and_the_options_that_concern_it() {
    let models = |line: &[&str]| match parsed(line) {
        Ok(Command::Models(models)) => models,
        other => panic!("{line:?}: {other:?}"),
    };
    assert_eq!(models(&["models"]), Models::default());
    let asked = models(&["--config", "a.toml", "-v", "models", "lab", "--json", "-v"]);
    assert_eq!((asked.provider.as_deref(), asked.json, asked.verbose), (Some("lab"), true, 2));
    assert_eq!(asked.config, Some("a.toml".into()));
    let asked = models(&["--base-url", "http://a", "models", "--base-url", "http://b"]);
    assert_eq!(asked.base_url.as_deref(), Some("http://b"));
    refused(&["-m", "a:b", "models"], "takes no options of the chat");
    refused(&["models", "a", "b"], "unexpected argument");
}

#[test]
fn files_before_and_after_the_command_all_go() {
    let (shared, _) = ask(&["-f", "a", "ask", "hi", "--file", "b", "-fc"]);
    assert_eq!(shared.files, ["a", "b", "c"].map(PathBuf::from));
}

#[test]
fn the_help_of_the_demo_says_where_each_dialect_is() {
    let stop = parse(["chatui", "demo", "--help"].map(Into::into)).unwrap_err();
    for words in ["/models", "/openai/v1", "ws://HOST:PORT/v1/chat/completions", "docs/faults.md"] {
        assert!(stop.text.contains(words), "{}", stop.text);
    }
}
