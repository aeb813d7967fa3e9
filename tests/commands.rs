//! Palette, commands, files and help as a person uses them: the real program in a terminal.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;

use serde_json::Value;
use support::Home;
use support::pty::{Key, Pty, rows};
use support::server::Server;

/// The chat, in its home folder; its first frame is there.
fn open(home: &Home, args: &[&str]) -> Pty {
    let pty = Pty::chatui(home, args);
    pty.wait_for("the first frame", |screen| screen.alternate_screen() && rows(screen).len() > 1);
    pty
}

/// Types a text and sends it, once it stands there.
fn send(pty: &Pty, text: &str) {
    pty.send_keys(text);
    pty.wait_for_text(text);
    pty.key(Key::Enter);
}

#[test]
fn a_file_is_found_attached_asked_about_and_the_conversation_exported() {
    let server = Server::start();
    let home = Home::at(&server);
    fs::create_dir(home.path().join("src")).unwrap();
    fs::write(home.path().join("src/orders.rs"), "fn total() -> u32 { 7 }\n").unwrap();
    let pty = open(&home, &[]);

    pty.send_keys("explain @ord");
    pty.wait_for_text("src/orders.rs");
    pty.key(Key::Tab);
    pty.wait_for_text("[src/orders.rs 24 B]");
    pty.key(Key::Enter);
    let exchange = server.prompt();
    let asked: Value = exchange.request.json();
    let text = asked["messages"].to_string();
    assert!(text.contains("explain src/orders.rs") && text.contains("fn total"), "{text}");
    exchange.say(&["It is ", "seven."]);
    pty.wait_for_text("It is seven.");

    send(&pty, "/rename The total");
    pty.wait_for("the title", |screen| rows(screen)[0].starts_with(" The total"));
    pty.send_keys("/export");
    pty.wait_for_text("/export [FILE]");
    pty.key(Key::Enter);
    pty.wait_for_text("written to the-total.md");
    let written = fs::read_to_string(home.path().join("the-total.md")).unwrap();
    assert!(written.contains("It is seven.") && written.contains("fn total"), "{written}");
    send(&pty, "/export the-total.md");
    pty.wait_for_text("is there already and is not overwritten");
    pty.key(Key::Ctrl('c'));
    send(&pty, "/export whole.json");
    pty.wait_for_text("written to whole.json");
    let json: Value = serde_json::from_slice(&fs::read(home.path().join("whole.json")).unwrap()).unwrap();
    assert!(json.to_string().contains("It is seven."));
    pty.send_keys("/quit");
    pty.wait_for_text("› /quit");
    pty.key(Key::Enter);
    assert_eq!(pty.wait_exit().status.code(), Some(0));
    pty.assert_restored();
}

#[test]
fn settings_are_typed_sent_and_there_again_in_the_session() {
    let server = Server::start();
    let home = Home::at(&server);
    let pty = open(&home, &[]);
    send(&pty, "/set temperature 0.25");
    pty.wait_for_text("temperature 0.25 · ");
    send(&pty, "/system be brief");
    pty.wait_for_text("system · ");
    send(&pty, "/model other-model");
    pty.wait_for("the model", |screen| rows(screen)[0].ends_with("other-model"));
    send(&pty, "hello");
    let exchange = server.prompt();
    let asked: Value = exchange.request.json();
    assert_eq!(asked["temperature"], 0.25);
    assert_eq!(asked["model"], "other-model");
    assert_eq!(asked["messages"][0]["content"], "be brief");
    exchange.say(&["hi"]);
    pty.wait_for_text("complete");
    send(&pty, "/set seed 7");
    pty.wait_for_text("seed 7");
    send(&pty, "/quit");
    assert_eq!(pty.wait_exit().status.code(), Some(0));

    let again = open(&home, &["-c"]);
    again.wait_for("the settings of the session", |screen| {
        let head = rows(screen)[0].clone();
        head.contains("seed 7") && head.contains("temperature 0.25") && head.ends_with("other-model")
    });
}

#[test]
fn everything_is_found_with_the_palette_and_the_help_by_plain_keys() {
    let server = Server::start();
    let home = Home::at(&server);
    let pty = open(&home, &[]);
    pty.send_keys("?");
    pty.wait_for_text("In the empty input");
    pty.key(Key::Esc);
    pty.wait_for_no_text("In the empty input");
    pty.key(Key::Ctrl('p'));
    pty.wait_for_text("Everything");
    pty.send_keys("keys of");
    pty.wait_for_text("Show the keys of this screen");
    pty.key(Key::Enter);
    pty.wait_for_text("In the empty input");
    pty.send_keys("x");
    pty.wait_for("the character in the input", |screen| {
        rows(screen).iter().any(|row| row.trim_end() == " › x")
    });
    pty.key(Key::Backspace);
    send(&pty, "/unknown thing");
    pty.wait_for_text("unknown command /unknown");
    assert!(!server.is_asked_again(), "nothing was sent");
}
