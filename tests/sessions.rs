//! `chatui sessions` as a person and a script rely on it: the real binary, a store that `chatui ask`
//! filled, exit codes and the shapes of `--json`.

#![allow(clippy::unwrap_used)]

mod support;

use std::process::Output;

use serde_json::{Value, json};
use support::pipe::{Piped, Reading};
use support::server::Server;
use support::{Home, code, files, stderr, stdout};

fn sessions(home: &Home, args: &[&str]) -> Output {
    let all: Vec<&str> = ["sessions"].iter().chain(args).copied().collect();
    home.run(&all, b"")
}

/// The standard output of what ends well.
fn said(home: &Home, args: &[&str]) -> String {
    let output = sessions(home, args);
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""), "{args:?}");
    stdout(&output)
}

fn refused(home: &Home, args: &[&str], wanted: i32, word: &str) {
    let output = sessions(home, args);
    assert_eq!((code(&output), stdout(&output).as_str()), (wanted, ""), "{args:?}: {}", stderr(&output));
    assert!(stderr(&output).contains(word), "{args:?}: {}", stderr(&output));
}

fn array(home: &Home, args: &[&str]) -> Vec<Value> {
    serde_json::from_str(&said(home, args)).unwrap()
}

/// A session of one turn; its id.
fn asked(home: &Home, server: &Server, prompt: &str, pieces: &[&str]) -> String {
    let running = Piped::start(home, &["ask", "--json", prompt]);
    server.prompt().say(pieces);
    let output = running.finish();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let done: Value = serde_json::from_str(stdout(&output).lines().last().unwrap()).unwrap();
    done["session"].as_str().unwrap().to_owned()
}

#[test]
fn what_was_asked_is_listed_shown_found_renamed_exported_and_deleted() {
    let server = Server::start();
    let home = Home::at(&server);
    let first = asked(&home, &server, "Why is the sky blue?", &["Because of **Rayleigh**", " scattering."]);
    let second = asked(&home, &server, "世界 \x1b[31mred", &["你好,世界\x07"]);
    // What is saved can be read whatever became of the configuration.
    home.configure("this = is [ no toml");

    let list = said(&home, &["list"]);
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 2, "{list}");
    assert!(lines[0].starts_with(&second[..8]) && lines[0].ends_with("complete  世界 ␛[31mred"), "{list}");
    assert!(
        lines[1].starts_with(&first[..8]) && lines[1].ends_with("2  complete  Why is the sky blue?"),
        "{list}"
    );
    assert!(lines[1].contains("  lab:scripted  "), "{list}");
    assert_eq!(said(&home, &["list", "--limit", "1"]).lines().count(), 1);

    let all = array(&home, &["list", "--json"]);
    let names: Vec<&str> = all[1].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["id", "title", "kind", "model", "messages", "created", "updated", "state"]);
    assert_eq!(
        (&all[1]["id"], &all[1]["kind"], &all[1]["messages"]),
        (&json!(first), &json!("ask"), &json!(2))
    );
    assert_eq!((&all[1]["model"], &all[1]["state"]), (&json!("lab:scripted"), &json!("complete")));
    assert!(all[1]["created"].as_str().unwrap().ends_with('Z'));

    let found = array(&home, &["search", "--json", "rayleigh", "scat"]);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0]["id"], &found[0]["snippet"]),
        (&json!(first), &json!("Because of **Rayleigh** scattering."))
    );
    assert_eq!(found[0]["message"].as_str().unwrap().len(), 12);
    let text = said(&home, &["search", "世界"]);
    assert!(text.contains(&second[..8]) && text.contains("\n    你好,世界␇\n"), "{text}");
    assert_eq!(said(&home, &["search", "nowhere"]), "");
    assert_eq!(said(&home, &["search", "--json", "\"; NEAR(*"]), "[]\n");

    let shown = said(&home, &["show", &second[..6]]);
    assert!(
        shown.starts_with("# 世界 ␛[31mred\n") && shown.contains("\n## You\n\n世界 ␛[31mred\n"),
        "{shown}"
    );
    assert!(shown.contains("\n## lab:scripted\n\n你好,世界␇\n"), "{shown}");
    let exported = said(&home, &["export", &second]);
    assert!(exported.contains("世界 \x1b[31mred\n") && exported.contains("世界\x07\n"), "byte for byte");
    let whole: Value = serde_json::from_str(&said(&home, &["export", &second, "--format", "json"])).unwrap();
    assert_eq!((&whole["chatui"], &whole["id"]), (&json!(1), &json!(second)));
    assert_eq!(whole["messages"][0]["parts"], json!([{"type": "text", "text": "世界 \x1b[31mred"}]));

    assert_eq!(said(&home, &["rename", &first, "Colours", "of", "the", "sky"]), "");
    assert_eq!(
        array(&home, &["search", "colours", "--json"])[0]["message"],
        Value::Null,
        "only in the title"
    );
    assert_eq!(array(&home, &["list", "--json"])[1]["title"], "Colours of the sky");
    refused(&home, &["rename", &first, " "], 2, "title");

    assert_eq!(said(&home, &["delete", &first]), "");
    assert_eq!(array(&home, &["list", "--json"]).len(), 1);
    refused(&home, &["show", &first], 2, &first);
    refused(&home, &["delete", &first], 2, &first);
    assert_eq!(said(&home, &["search", "rayleigh"]), "");
}

#[test]
fn an_id_that_names_none_or_several_is_told_with_the_matches() {
    let server = Server::start();
    let home = Home::at(&server);
    let ids: Vec<String> = (0..33).map(|n| asked(&home, &server, &format!("prompt {n}"), &["x"])).collect();
    // Of 33 ids two begin alike.
    let twice = |c: &str| ids.iter().filter(|id| id.starts_with(c)).count() > 1;
    let begin = ids.iter().map(|id| &id[..1]).find(|c| twice(c)).unwrap();
    for order in ["show", "delete", "export"] {
        let output = sessions(&home, &[order, begin]);
        assert_eq!(code(&output), 2);
        let told = stderr(&output);
        let named = ids.iter().filter(|id| told.contains(id.as_str())).count();
        assert!(named > 1 && told.contains("several sessions begin so"), "{told}");
    }
    refused(&home, &["show", "not an id"], 2, "not an id");
    refused(&home, &["import", "file.json"], 2, "import");
    refused(&home, &["export", "a", "--format", "html"], 2, "html");
}

#[test]
fn where_nothing_was_saved_nothing_is_made() {
    let home = Home::new();
    assert_eq!((said(&home, &["list"]), said(&home, &["list", "--json"])), (String::new(), "[]\n".into()));
    assert_eq!(said(&home, &["search", "--json", "x"]), "[]\n");
    refused(&home, &["show", "abc"], 2, "abc");
    refused(&home, &["list", "--no-save"], 2, "--no-save");
    assert_eq!(files(home.path()), []);
    std::fs::write(home.data_dir().join("chatui.db"), "").unwrap();
    assert_eq!(said(&home, &["list", "--data-dir", "elsewhere"]), "");
    assert!(!home.path().join("elsewhere").exists());
}

#[test]
fn a_session_that_streams_is_shown_and_not_deleted() {
    let server = Server::start();
    let home = Home::at(&server);
    let running = Piped::start(&home, &["ask", "a long story"]);
    let mut exchange = server.prompt();
    exchange.begin_events();
    exchange.text(0, "Once upon");
    running.wait_for_stdout("Once upon");
    let listed = array(&home, &["list", "--json"]);
    assert_eq!((listed.len(), &listed[0]["state"]), (1, &json!("streaming")));
    let id = listed[0]["id"].as_str().unwrap();
    refused(&home, &["delete", id], 1, "stop it first");
    assert_eq!(said(&home, &["rename", id, "My story"]), "");
    exchange.text(0, " a time");
    exchange.finish_reason(0, "stop");
    exchange.done();
    assert_eq!(code(&running.finish()), 0);
    let listed = array(&home, &["list", "--json"]);
    assert_eq!((&listed[0]["state"], &listed[0]["title"]), (&json!("complete"), &json!("My story")));
    assert!(said(&home, &["show", id]).contains("Once upon a time\n"));
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let server = Server::start();
    let home = Home::at(&server);
    let long = "word ".repeat(100_000);
    let id = asked(&home, &server, "much", &[&long]);
    let running = Piped::started(&home, &["sessions", "export", &id], b"", Reading::First(100));
    let output = running.finish();
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
}
