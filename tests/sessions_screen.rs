//! The sessions and several conversations as a person uses them: the real program in a terminal,
//! against the demo and against a server that says what the test scripts.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;

use support::pty::{Key, Pty, last_row, rows};
use support::server::Server;
use support::{DemoServer, Home};

const CTRL_PAGE_UP: &[u8] = b"\x1b[5;5~";
const CTRL_PAGE_DOWN: &[u8] = b"\x1b[6;5~";

/// What stands in the input.
fn input(screen: &vt100::Screen) -> String {
    let rows = rows(screen);
    let row = rows.iter().rfind(|row| row.starts_with(" ›")).cloned().unwrap_or_default();
    row.trim_start_matches(" ›").trim().to_owned()
}

/// Types a text into the input.
#[track_caller]
fn write(pty: &Pty, text: &str) {
    pty.send_keys(text);
    pty.wait_for(&format!("the input {text:?}"), |screen| input(screen) == text);
}

#[track_caller]
fn send(pty: &Pty, text: &str) {
    write(pty, text);
    pty.key(Key::Enter);
}

#[track_caller]
fn wait_for_status(pty: &Pty, word: &str) {
    pty.wait_for(&format!("the status {word:?}"), |screen| last_row(screen).contains(word));
}

/// Waits until the header holds `text`.
#[track_caller]
fn wait_for_header(pty: &Pty, text: &str) {
    pty.wait_for(&format!("the header {text:?}"), |screen| {
        rows(screen).first().is_some_and(|row| row.contains(text))
    });
}

/// Waits until the chosen row of the list holds `text`.
#[track_caller]
fn wait_for_chosen(pty: &Pty, text: &str) {
    pty.wait_for(&format!("{text:?} chosen"), |screen| {
        let rows = rows(screen);
        rows.iter().any(|row| row.starts_with(" › ") && row.contains('│') && row.contains(text))
    });
}

#[track_caller]
fn quit(pty: &Pty) {
    pty.key(Key::Ctrl('d'));
    assert_eq!(pty.wait_exit().status.code(), Some(0), "{}", pty.screen_text());
    pty.assert_restored();
}

#[test]
fn chats_side_by_side_are_found_opened_deleted_brought_back_and_exported() {
    let home = Home::new();
    let demo = DemoServer::start(&home, &["--tokens-per-second", "0"]);
    let mut home = home;
    home.set("OPENAI_BASE_URL", demo.base_url());
    let pty = Pty::chatui(&home, &["-m", "chat"]);
    pty.wait_for_text("openai:chat is ready");
    send(&pty, "code please");
    wait_for_status(&pty, "complete");
    pty.key(Key::Ctrl('n'));
    wait_for_header(&pty, "New chat");
    send(&pty, "table please");
    wait_for_status(&pty, "complete");
    pty.key(Key::Ctrl('n'));
    wait_for_header(&pty, "New chat");

    // Both are listed, the newest first; the words of an answer find it.
    pty.key(Key::Ctrl('s'));
    wait_for_chosen(&pty, "table please");
    pty.wait_for_text("code please");
    write(&pty, "counter");
    wait_for_chosen(&pty, "code please");
    pty.wait_for_no_text("table please");
    pty.wait_for_text("import Counter");
    pty.key(Key::Enter);
    wait_for_header(&pty, "code please");
    pty.wait_for_text("import Counter");

    // Renamed, deleted with a question, brought back.
    pty.key(Key::Ctrl('s'));
    wait_for_chosen(&pty, "table please");
    pty.key(Key::Down);
    wait_for_chosen(&pty, "code please");
    pty.key(Key::F(2));
    pty.wait_for("the title in the line", |screen| input(screen) == "code please");
    pty.key(Key::Ctrl('u'));
    write(&pty, "Counting words");
    pty.key(Key::Enter);
    wait_for_chosen(&pty, "Counting words");
    pty.key(Key::Ctrl('x'));
    pty.wait_for_text("delete \"Counting words\"? y deletes");
    pty.send_keys("y");
    pty.wait_for_text("brings it back");
    wait_for_chosen(&pty, "table please");
    pty.key(Key::Ctrl('_'));
    pty.wait_for_text("\"Counting words\" is back");
    pty.wait_for_text("Counting words  ");
    write(&pty, "words");
    wait_for_chosen(&pty, "Counting words");

    // Exported, never over a file that is there.
    fs::write(home.path().join("counting-words.md"), "mine").unwrap();
    pty.key(Key::Ctrl('e'));
    pty.wait_for_text("counting-words-2.md");
    let text = fs::read_to_string(home.path().join("counting-words-2.md")).unwrap();
    assert!(text.starts_with("# Counting words\n") && text.contains("import Counter"), "{text}");
    assert_eq!(fs::read_to_string(home.path().join("counting-words.md")).unwrap(), "mine");
    pty.key(Key::Esc);
    wait_for_header(&pty, "New chat");
    quit(&pty);
}

#[test]
fn a_reply_goes_on_behind_a_new_chat_and_is_saved_by_the_end() {
    let server = Server::start();
    let home = Home::at(&server);
    let pty = Pty::chatui(&home, &["the first"]);
    let mut first = server.prompt();
    first.begin_events();
    first.text(0, "one ");
    pty.wait_for_text("one");
    pty.key(Key::Ctrl('n'));
    wait_for_header(&pty, "⟳ 1");
    send(&pty, "the second");
    let mut second = server.prompt();
    second.begin_events();
    second.text(0, "uno ");
    pty.wait_for_text("uno");
    first.text(0, "two ");
    pty.send(CTRL_PAGE_UP);
    pty.wait_for_text("one two");
    wait_for_header(&pty, "the first");
    second.text(0, "dos");
    second.finish_reason(0, "stop");
    second.done();
    pty.wait_for_text("\"the second\" is complete");
    wait_for_header(&pty, "✓ 1");
    pty.send(CTRL_PAGE_DOWN);
    pty.wait_for_text("uno dos");
    wait_for_header(&pty, "⟳ 1");
    first.text(0, "three ");
    pty.key(Key::Ctrl('s'));
    wait_for_chosen(&pty, "the second");
    pty.key(Key::Down);
    wait_for_chosen(&pty, "the first");
    pty.wait_for_text("one two three");
    pty.key(Key::Esc);
    wait_for_header(&pty, "the second");
    // The end of the program ends the reply behind the screen, and saves what came of it; it asks first.
    pty.key(Key::Ctrl('d'));
    pty.wait_for_text("a reply still streams");
    quit(&pty);

    let pty = Pty::chatui(&home, &["-r"]);
    pty.wait_for_text("Sessions");
    pty.wait_for_text("the first");
    write(&pty, "three");
    wait_for_chosen(&pty, "the first");
    pty.key(Key::Enter);
    wait_for_header(&pty, "the first");
    pty.wait_for_text("one two three");
    quit(&pty);
}

#[test]
fn without_a_store_the_screen_says_so() {
    let server = Server::start();
    let home = Home::at(&server);
    let pty = Pty::chatui(&home, &["--no-save"]);
    pty.wait_for_text("is ready");
    pty.key(Key::Ctrl('s'));
    pty.wait_for_text("nothing is saved here (--no-save)");
    pty.key(Key::Esc);
    pty.wait_for_text("is ready");
    quit(&pty);
}
