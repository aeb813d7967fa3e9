//! The full-screen chat as a person uses it: the real program in a terminal, against a server that
//! says what the test scripts.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use chatui::base::Id;
use chatui::base::tone::{Emphasis, Tone};
use chatui::theme::Theme;
use ratatui::style::Color;
use serde_json::{Value, json};
use support::pipe::Piped;
use support::pty::{Answers, Key, Options, Pty, find, last_row, rows};
use support::server::{Exchange, Server, delta};
use support::{DemoServer, Home, KEY, LIMIT, lab};

/// A home whose only provider is a scripted server.
struct Desk {
    home: Home,
    server: Server,
}

impl Desk {
    fn new() -> Self {
        let server = Server::start();
        Self { home: Home::at(&server), server }
    }

    /// `chatui ARGS…`, its first frame on the screen.
    fn open(&self, args: &[&str]) -> Pty {
        let pty = Pty::chatui(&self.home, args);
        pty.wait_for("the first frame", |screen| screen.alternate_screen() && rows(screen).len() > 1);
        pty
    }

    /// The chat with a prompt that is sent at once, and the request.
    fn ask(&self, args: &[&str]) -> (Pty, Exchange) {
        let pty = self.open(args);
        let exchange = self.server.prompt();
        (pty, exchange)
    }

    /// The chat with an answer that streams: `text` has come and is on the screen.
    fn streaming(&self, text: &str) -> (Pty, Exchange) {
        let (pty, mut exchange) = self.ask(&["hello there"]);
        exchange.begin_events();
        exchange.text(0, text);
        pty.wait_for_text(text);
        (pty, exchange)
    }
}

/// What stands in the input.
fn input(screen: &vt100::Screen) -> String {
    let rows = rows(screen);
    let row = rows.iter().rfind(|row| row.starts_with(" ›")).cloned().unwrap_or_default();
    row.trim_start_matches(" ›").trim().to_owned()
}

#[track_caller]
fn wait_for_input(pty: &Pty, text: &str) {
    pty.wait_for(&format!("the input {text:?}"), |screen| input(screen) == text);
}

/// Types a text into the empty input.
#[track_caller]
fn write(pty: &Pty, text: &str) {
    pty.send_keys(text);
    wait_for_input(pty, text);
}

/// Types a text and sends it.
#[track_caller]
fn send(pty: &Pty, text: &str) {
    write(pty, text);
    pty.key(Key::Enter);
}

#[track_caller]
fn wait_for_status(pty: &Pty, word: &str) {
    pty.wait_for(&format!("the status {word:?}"), |screen| last_row(screen).contains(word));
}

/// Quits with the input empty, as a person does; the terminal is as it was.
#[track_caller]
fn quit(pty: &Pty) {
    pty.key(Key::Ctrl('d'));
    assert_eq!(pty.wait_exit().status.code(), Some(0), "{}", pty.screen_text());
    pty.assert_restored();
    assert!(!pty.with_screen(vt100::Screen::alternate_screen));
    // Its answer would have to be fished out of what the person types.
    assert!(find(&pty.raw_output(), b"\x1b[6n").is_none(), "the terminal was asked where the cursor is");
}

fn messages(exchange: &Exchange) -> Value {
    exchange.request.json()["messages"].clone()
}

fn end(mut exchange: Exchange) {
    exchange.finish_reason(0, "stop");
    exchange.done();
}

fn store(home: &Home) -> rusqlite::Connection {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    rusqlite::Connection::open_with_flags(home.data_dir().join("chatui.db"), flags).unwrap()
}

/// Waits until the store holds `text` of an answer that streams.
#[track_caller]
fn wait_for_saved(home: &Home, text: &str) {
    let store = store(home);
    let until = Instant::now() + LIMIT;
    let query = "SELECT count(*) FROM deltas WHERE instr(events, ?1)";
    while store.query_row(query, [text], |row| row.get::<_, i64>(0)).unwrap() == 0 {
        assert!(Instant::now() < until, "{text:?} is not saved");
        std::thread::yield_now();
    }
}

// ---------------------------------------------------------------------------------------------
// Send, stream, stop

#[test]
fn a_conversation_is_sent_streamed_and_goes_on() {
    let desk = Desk::new();
    let pty = desk.open(&[]);
    pty.wait_for_text("lab:scripted is ready");
    send(&pty, "first question");
    let mut exchange = desk.server.prompt();
    assert_eq!(messages(&exchange), json!([{"role": "user", "content": "first question"}]));
    assert_eq!(exchange.request.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    wait_for_status(&pty, "waiting");
    wait_for_input(&pty, "Ask anything");
    exchange.begin_events();
    exchange.text(0, "The first ");
    pty.wait_for_text("The first");
    wait_for_status(&pty, "● streaming");
    wait_for_status(&pty, "TTFT");
    exchange.text(0, "answer");
    pty.wait_for_text("The first answer");
    end(exchange);
    wait_for_status(&pty, "complete");
    assert!(pty.screen_text().contains("first question"), "{}", pty.screen_text());

    send(&pty, "second question");
    let exchange = desk.server.prompt();
    assert_eq!(
        messages(&exchange),
        json!([
            {"role": "user", "content": "first question"},
            {"role": "assistant", "content": "The first answer"},
            {"role": "user", "content": "second question"},
        ])
    );
    exchange.say(&["The second answer"]);
    pty.wait_for_text("The second answer");
    wait_for_status(&pty, "complete");
    pty.key(Key::Up);
    wait_for_input(&pty, "second question");
    pty.key(Key::Up);
    wait_for_input(&pty, "first question");
    pty.key(Key::Ctrl('c'));
    wait_for_input(&pty, "Ask anything");
    quit(&pty);
}

#[test]
fn the_demo_answers_at_once_with_nothing_configured() {
    let home = Home::new();
    let pty = Pty::chatui(&home, &[]);
    pty.wait_for_text("nothing is configured yet");
    send(&pty, "hello");
    wait_for_status(&pty, "complete");
    assert!(pty.screen_text().contains("demo"), "{}", pty.screen_text());
    quit(&pty);

    let mut home = Home::new();
    let server = DemoServer::start(&home, &["--tokens-per-second", "0"]);
    home.set("OPENAI_BASE_URL", server.base_url());
    let pty = Pty::chatui(&home, &["-m", "chat", "code please"]);
    pty.wait_for_text("fn ");
    wait_for_status(&pty, "complete");
    quit(&pty);
}

#[test]
fn escape_closes_the_connection_at_once_and_keeps_what_came() {
    let desk = Desk::new();
    let (pty, exchange) = desk.streaming("half an ans");
    let mut exchange = Some(exchange);
    let mut quickest = Duration::MAX;
    // It takes less than 100 ms on a machine that has time. The server never ends, and nothing else would
    // close the connection within the limit. Of three turns the quickest counts.
    for turn in 0..3 {
        let running = exchange.take().unwrap_or_else(|| {
            send(&pty, "again");
            let mut exchange = desk.server.prompt();
            exchange.begin_events();
            exchange.text(0, &format!("part {turn}"));
            pty.wait_for_text(&format!("part {turn}"));
            exchange
        });
        let closed = running.watch_close();
        let pressed = Instant::now();
        pty.key(Key::Esc);
        quickest = quickest.min(closed.wait() - pressed);
        wait_for_status(&pty, "cancelled");
    }
    assert!(quickest < Duration::from_secs(1), "the server saw it after {quickest:?}");
    let screen = pty.screen_text();
    assert!(screen.contains("half an ans") && screen.contains("part 2"), "{screen}");
    assert_eq!(screen.matches("stopped · Shift-Tab ").count(), 3, "{screen}");
    assert_eq!(
        screen.matches("c continue, r retry").count(),
        1,
        "only the last can be gone on with: {screen}"
    );
    assert!(screen.contains("cancelled ·"), "the message is marked: {screen}");
    quit(&pty);
}

#[test]
fn escape_ends_the_wait_before_a_retry() {
    let desk = Desk::new();
    let (pty, exchange) = desk.ask(&["hello there"]);
    exchange.answer(503, &[("retry-after", "60")], b"");
    wait_for_status(&pty, "retry 1/3 in 60 s");
    pty.key(Key::Esc);
    wait_for_status(&pty, "cancelled");
    pty.wait_for_text("stopped before anything came");
    assert!(!desk.server.is_asked_again());
    quit(&pty);
}

#[test]
fn ctrl_c_stops_then_clears_then_asks_then_quits() {
    let desk = Desk::new();
    let (pty, mut exchange) = desk.streaming("partial");
    write(&pty, "my draft");
    pty.key(Key::Ctrl('c'));
    exchange.wait_closed();
    wait_for_status(&pty, "cancelled");
    wait_for_input(&pty, "my draft");
    pty.key(Key::Ctrl('c'));
    wait_for_input(&pty, "Ask anything");
    pty.key(Key::Up);
    wait_for_input(&pty, "my draft");
    pty.key(Key::Ctrl('c'));
    wait_for_input(&pty, "Ask anything");
    pty.key(Key::Ctrl('c'));
    pty.wait_for_text("press Ctrl-C again to quit");
    // It lapses, and another key takes it back: neither the next press nor a late one quits.
    pty.wait_for_no_text("press Ctrl-C again to quit");
    pty.key(Key::Ctrl('c'));
    pty.wait_for_text("press Ctrl-C again to quit");
    pty.send_keys("x");
    pty.wait_for_no_text("press Ctrl-C again to quit");
    pty.key(Key::Ctrl('c'));
    wait_for_input(&pty, "Ask anything");
    pty.key(Key::Ctrl('c'));
    pty.wait_for_text("press Ctrl-C again to quit");
    assert!(pty.is_running());
    pty.key(Key::Ctrl('c'));
    assert_eq!(pty.wait_exit().status.code(), Some(0));
    pty.assert_restored();
}

#[test]
fn ctrl_d_quits_on_an_empty_input_only() {
    let desk = Desk::new();
    let pty = desk.open(&[]);
    write(&pty, "draft");
    pty.key(Key::Ctrl('d'));
    write_more(&pty, " goes on", "draft goes on");
    pty.key(Key::Ctrl('u'));
    wait_for_input(&pty, "Ask anything");
    quit(&pty);
}

#[track_caller]
fn write_more(pty: &Pty, more: &str, all: &str) {
    pty.send_keys(more);
    wait_for_input(pty, all);
}

#[test]
fn what_is_sent_while_a_reply_streams_goes_when_it_is_whole() {
    let desk = Desk::new();
    let (pty, mut exchange) = desk.streaming("some text");
    write(&pty, "and then");
    exchange.text(0, " and more");
    pty.wait_for_text("some text and more");
    pty.key(Key::Enter);
    pty.wait_for_text("queued · and then");
    write(&pty, "a draft");
    assert!(!desk.server.is_asked_again(), "it waits");
    end(exchange);
    let exchange = desk.server.prompt();
    assert_eq!(messages(&exchange)[2]["content"], "and then");
    exchange.say(&["fine"]);
    pty.wait_for_text("fine");
    wait_for_status(&pty, "complete");
    wait_for_input(&pty, "a draft");
    pty.key(Key::Ctrl('c'));
    quit(&pty);
}

#[test]
fn a_prompt_may_have_several_lines_and_a_paste_never_sends() {
    let desk = Desk::new();
    let pty = desk.open(&[]);
    write(&pty, "one");
    pty.key(Key::AltEnter);
    pty.send_keys("two\\");
    pty.wait_for_text("two\\");
    pty.key(Key::Enter);
    pty.wait_for_no_text("two\\");
    pty.paste("three\nfour");
    pty.wait_for_text("four");
    assert!(!desk.server.is_asked_again());
    pty.key(Key::Enter);
    let exchange = desk.server.prompt();
    assert_eq!(messages(&exchange)[0]["content"], "one\ntwo\nthree\nfour");
    exchange.say(&["ok"]);
    wait_for_status(&pty, "complete");

    let long: String = (1..=12).map(|i| format!("row {i}\n")).collect();
    pty.paste(&long);
    wait_for_input(&pty, "[pasted 12 lines]");
    pty.key(Key::Enter);
    let exchange = desk.server.prompt();
    assert_eq!(messages(&exchange)[2]["content"], long);
    exchange.say(&["ok"]);
    wait_for_status(&pty, "complete");
    quit(&pty);
}

// ---------------------------------------------------------------------------------------------
// Reading

#[test]
fn a_paste_while_it_starts_never_sends() {
    let text: String = (1..=300).map(|i| format!("row {i} of what was copied elsewhere\r")).collect();
    let paste = format!("\x1b[200~{text}\x1b[201~");
    for answers in [Answers::Dark, Answers::Mute] {
        let desk = Desk::new();
        // Before the terminal is taken, and right after.
        for start in [None, Some(b"\x1b[?1049h")] {
            let pty = Pty::start(&desk.home, Options::chatui(&[]).answers(answers));
            start.map(|bytes| pty.wait_for_bytes(bytes));
            pty.send_keys(&paste);
            wait_for_input(&pty, "[pasted 300 lines]");
            assert!(!desk.server.is_asked_again());
            pty.key(Key::Ctrl('c'));
            wait_for_input(&pty, "Ask anything");
            quit(&pty);
        }
        // In the middle of what is typed, and in two pieces.
        let pty = Pty::start(&desk.home, Options::chatui(&[]).answers(answers));
        let (first, rest) = paste.split_at(1000);
        pty.send_keys(&format!("see {first}"));
        pty.wait_for("the first frame", |screen| screen.alternate_screen() && rows(screen).len() > 1);
        pty.send_keys(&format!("{rest} now"));
        wait_for_input(&pty, "see [pasted 300 lines] now");
        assert!(!desk.server.is_asked_again());
        pty.key(Key::Ctrl('c'));
        wait_for_input(&pty, "Ask anything");
        quit(&pty);
    }
}

#[test]
fn scrolled_up_it_stays_where_the_reader_is() {
    let desk = Desk::new();
    let (pty, mut exchange) = desk.ask(&["hello there"]);
    exchange.begin_events();
    let lines = |range: std::ops::Range<usize>| range.map(|i| format!("line {i}\n\n")).collect::<String>();
    exchange.text(0, &lines(0..60));
    pty.wait_for_text("line 59");
    pty.key(Key::PageUp);
    pty.wait_for_text("↓ ");
    let shown = |screen: &vt100::Screen| -> Vec<String> {
        rows(screen).into_iter().filter(|row| row.contains("line ")).collect()
    };
    let below = |screen: &vt100::Screen| -> usize {
        let rows = rows(screen);
        let row =
            rows.iter().find(|row| row.contains('↓') && row.contains("End")).cloned().unwrap_or_default();
        let words: Vec<&str> = row.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "↓");
        at.and_then(|at| words.get(at + 1)?.parse().ok()).unwrap_or(0)
    };
    let (before, hidden) = pty.with_screen(|screen| (shown(screen), below(screen)));
    assert!(before.len() > 5 && hidden > 0, "{}", pty.screen_text());
    exchange.text(0, &lines(60..80));
    pty.wait_for("more lines below", |screen| below(screen) >= hidden + 40);
    assert_eq!(pty.with_screen(shown), before, "what is read does not move");
    assert!(pty.screen_text().contains("lines · End"), "{}", pty.screen_text());
    pty.key(Key::End);
    pty.wait_for_text("line 79");
    pty.wait_for_no_text("lines · End");
    exchange.text(0, &lines(80..90));
    pty.wait_for_text("line 89");
    pty.key(Key::Home);
    pty.wait_for_text("hello there");
    // With a draft End belongs to the input.
    write(&pty, "draft");
    pty.key(Key::End);
    pty.send(b"\x1b[1;5F");
    pty.wait_for_text("line 89");
    end(exchange);
    wait_for_status(&pty, "complete");
    pty.key(Key::Ctrl('u'));
    wait_for_input(&pty, "Ask anything");
    quit(&pty);
}

#[test]
fn the_reading_place_survives_a_resize_while_text_comes() {
    let desk = Desk::new();
    let (pty, mut exchange) = desk.ask(&["hello there"]);
    exchange.begin_events();
    let words = |i: usize| format!("paragraph{i} {}\n\n", "word ".repeat(40));
    exchange.text(0, &(0..30).map(words).collect::<String>());
    pty.wait_for_text("paragraph29");
    pty.key(Key::PageUp);
    pty.wait_for_no_text("paragraph29");
    // The first row of the viewport, below the header and its rule.
    let top = |screen: &vt100::Screen| {
        let row = rows(screen).swap_remove(2);
        row.split_whitespace().next().unwrap_or_default().to_owned()
    };
    // Up to where a paragraph begins, so that its place is known by its name.
    while !pty.with_screen(|screen| top(screen).starts_with("paragraph")) {
        let before = pty.screen_text();
        pty.key(Key::PageUp);
        pty.wait_for("another page", |screen| rows(screen).join("\n") != before);
    }
    let place = pty.with_screen(top);
    for (cols, lines) in [(70, 20), (140, 40), (100, 30)] {
        pty.resize(cols, lines);
        exchange.text(0, "more ");
        pty.wait_for(&format!("{place} at the top of {cols}x{lines}"), |screen| top(screen) == place);
    }
    end(exchange);
    wait_for_status(&pty, "complete");
    quit(&pty);
}

#[test]
fn nothing_is_lost_in_a_small_terminal() {
    let desk = Desk::new();
    let (pty, mut exchange) = desk.streaming("alpha beta");
    write(&pty, "draft");
    pty.resize(20, 5);
    pty.wait_for("the small screen", |screen| {
        rows(screen).iter().any(|row| row.contains("alpha beta")) && input(screen) == "draft"
    });
    exchange.text(0, " gamma");
    pty.wait_for_text("gamma");
    assert!(pty.with_screen(last_row).contains("streaming"), "{}", pty.screen_text());
    pty.resize(10, 3);
    pty.wait_for("the words", |screen| {
        rows(screen).iter().map(|row| row.trim()).collect::<Vec<_>>().join(" ")
            == "too small: 10x3, need 20x5"
    });
    exchange.text(0, " delta");
    write_unseen(&pty, "y");
    for (cols, rows) in [(1, 1), (19, 5), (20, 4), (9, 40), (200, 2)] {
        pty.resize(cols, rows);
    }
    pty.resize(60, 16);
    pty.wait_for_text("alpha beta gamma delta");
    wait_for_input(&pty, "drafty");
    pty.resize(140, 45);
    exchange.text(0, " end");
    pty.wait_for_text("alpha beta gamma delta end");
    wait_for_input(&pty, "drafty");
    end(exchange);
    wait_for_status(&pty, "complete");
    pty.key(Key::Ctrl('c'));
    wait_for_input(&pty, "Ask anything");
    quit(&pty);
}

/// Types what the screen is too small to show.
fn write_unseen(pty: &Pty, text: &str) {
    pty.send_keys(text);
}

#[test]
fn a_terminal_that_is_too_small_from_the_start_says_so() {
    let desk = Desk::new();
    let pty = Pty::start(&desk.home, Options::chatui(&[]).size(10, 3));
    pty.wait_for_text("too small:");
    pty.resize(80, 24);
    pty.wait_for_text("Ask anything");
    quit(&pty);
}

#[test]
fn a_terminal_that_nobody_gave_a_size_has_the_usual_one() {
    let desk = Desk::new();
    let pty = Pty::start(&desk.home, Options::chatui(&[]).size(0, 0));
    pty.wait_for_text("Ask anything");
    quit(&pty);
}

#[test]
fn the_caret_stands_behind_wide_characters() {
    let desk = Desk::new();
    let pty = desk.open(&[]);
    let at = |columns: u16| {
        pty.wait_for(&format!("the cursor in column {columns}"), |screen| {
            let (row, column) = screen.cursor_position();
            !screen.hide_cursor() && column == columns && rows(screen)[usize::from(row)].starts_with(" ›")
        });
    };
    wait_for_input(&pty, "Ask anything");
    at(3);
    pty.send_keys("日本語");
    at(9);
    pty.send_keys("e\u{301}");
    at(10);
    pty.send_keys("🙂");
    at(12);
    pty.key(Key::Left);
    at(10);
    pty.key(Key::Left);
    at(9);
    pty.key(Key::Home);
    at(3);
    pty.key(Key::Right);
    at(5);
    pty.key(Key::Ctrl('c'));
    at(3);
    quit(&pty);
}

#[test]
fn what_a_server_says_is_shown_and_not_obeyed() {
    let desk = Desk::new();
    let (pty, exchange) = desk.ask(&["hello there"]);
    exchange.say(&[
        "a\x1b]0;owned\x07b ",
        "\x1b[2Jc \x1b[31mred\x1b[0m \x1b]52;c;b3duZWQ=\x07 ",
        "\x1b[?1049l \u{9b}6n \u{202e}x\n\n```\n\x1bc code\n```\n",
    ]);
    wait_for_status(&pty, "complete");
    let screen = pty.screen_text();
    for shown in ["a␛]0;owned␇b", "␛[2Jc", "␛[31mred␛[0m", "␛]52;c;", "␛[?1049l", "␛c code"] {
        assert!(screen.contains(shown), "{shown}:\n{screen}");
    }
    assert!(!pty.title().contains("owned"));
    assert!(pty.clipboard().is_empty());
    assert!(pty.with_screen(vt100::Screen::alternate_screen));
    quit(&pty);
}

#[test]
fn an_idle_chat_writes_nothing_and_is_not_scheduled() {
    let desk = Desk::new();
    let (pty, exchange) = desk.ask(&["hello there"]);
    exchange.say(&["done"]);
    wait_for_status(&pty, "complete");
    assert_idle(&pty);
    quit(&pty);
}

#[test]
fn a_connection_that_is_kept_wakes_nobody() {
    let mut home = Home::new();
    let server = DemoServer::start(&home, &["--tokens-per-second", "0"]);
    home.set("OPENAI_BASE_URL", server.base_url());
    let kept = Pty::chatui(&home, &["-m", "chat", "hello there"]);
    wait_for_status(&kept, "complete");
    let inside = Pty::chatui(&home, &["-m", "demo:chat", "hello there"]);
    wait_for_status(&inside, "complete");
    assert_idle(&kept);
    assert_idle(&inside);
    quit(&kept);
    quit(&inside);
}

/// From two seconds after its last byte on, it writes nothing and is not scheduled.
#[track_caller]
fn assert_idle(pty: &Pty) {
    pty.wait_quiet(Duration::from_secs(2));
    let before = switches(pty.pid());
    assert!(pty.is_quiet(Duration::from_secs(3)), "bytes are written though nothing happens");
    assert_eq!(switches(pty.pid()), before, "a thread was scheduled though nothing happens");
}

/// How often each thread of a process waited, by the kernel's count (where it tells).
fn switches(pid: u32) -> Vec<String> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let mut counts: Vec<String> = tasks
        .map(|task| {
            let path = task.unwrap().path();
            let status = std::fs::read_to_string(path.join("status")).unwrap_or_default();
            let count = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap_or("");
            format!("{} {count}", path.display())
        })
        .collect();
    counts.sort();
    counts
}

// ---------------------------------------------------------------------------------------------
// Colours

#[test]
fn without_colour_no_colour_is_written() {
    let mut desk = Desk::new();
    desk.home.set("NO_COLOR", "1");
    let (pty, exchange) = desk.ask(&["hello there"]);
    exchange.say(&["# Head\n\n**bold** `code`\n\n```rust\nfn a() {}\n```\n"]);
    pty.wait_for_text("fn a()");
    wait_for_status(&pty, "complete");
    quit(&pty);
    let raw = pty.raw_output();
    let mut at = 0;
    while let Some(start) = find(&raw[at..], b"\x1b[").map(|found| at + found + 2) {
        let end = start + raw[start..].iter().position(|byte| (0x40..=0x7e).contains(byte)).unwrap();
        if raw[end] == b'm' && raw[start] != b'>' {
            let text = String::from_utf8_lossy(&raw[start..end]).into_owned();
            let colour = text
                .split([';', ':'])
                .filter_map(|number| number.parse::<u16>().ok())
                .any(|number| matches!(number, 30..=38 | 40..=48 | 90..=107));
            assert!(!colour, "a colour: {text:?}");
        }
        at = end + 1;
    }
}

#[test]
fn the_theme_follows_the_terminals_background() {
    let desk = Desk::new();
    for (answers, name) in [(Answers::Light, "light"), (Answers::Dark, "dark"), (Answers::Mute, "dark")] {
        let theme = Theme::builtin(name).unwrap();
        let wanted = match theme.style(Tone::Accent, Emphasis::default()).fg {
            Some(Color::Rgb(r, g, b)) => vt100::Color::Rgb(r, g, b),
            other => panic!("{other:?}"),
        };
        let pty = Pty::start(&desk.home, Options::chatui(&[]).answers(answers));
        pty.wait_for(&format!("{answers:?}: the accent of {name}"), |screen| {
            let row = rows(screen).iter().position(|row| row.starts_with(" ›"));
            row.and_then(|row| screen.cell(row as u16, 1)).is_some_and(|cell| cell.fgcolor() == wanted)
        });
        write(&pty, "x");
        pty.key(Key::Ctrl('c'));
        wait_for_input(&pty, "Ask anything");
        quit(&pty);
    }
}

// ---------------------------------------------------------------------------------------------
// Errors, retry, continue

#[test]
fn a_rate_limit_is_waited_out_on_the_screen() {
    let desk = Desk::new();
    let (pty, exchange) = desk.ask(&["hello there"]);
    exchange.answer(429, &[("retry-after", "2")], b"{\"error\":{\"message\":\"slow down\"}}");
    wait_for_status(&pty, "retry 1/3 in 2 s");
    wait_for_status(&pty, "retry 1/3 in 1 s");
    desk.server.prompt().say(&["here it is"]);
    pty.wait_for_text("here it is");
    wait_for_status(&pty, "complete");
    quit(&pty);
}

#[test]
fn an_error_stands_where_it_happened_and_r_asks_again() {
    let desk = Desk::new();
    let (pty, exchange) = desk.ask(&["--retries", "0", "hello there"]);
    exchange.answer(
        500,
        &[("content-type", "application/json"), ("x-request-id", "req-42")],
        b"{\"error\":{\"message\":\"the core melted\"}}",
    );
    wait_for_status(&pty, "failed");
    let screen = pty.screen_text();
    for part in ["hello there", "✗ HTTP 500: the core melted", "req-42", "Shift-Tab r retry"] {
        assert!(screen.contains(part), "{part}:\n{screen}");
    }
    pty.key(Key::BackTab);
    pty.wait_for_text("r retry  Esc back");
    pty.send_keys("r");
    let exchange = desk.server.prompt();
    assert_eq!(messages(&exchange), json!([{"role": "user", "content": "hello there"}]));
    exchange.say(&["better now"]);
    pty.wait_for_text("better now");
    pty.wait_for_text("‹ 2/2 ›");
    pty.wait_for_no_text("the core melted");
    pty.key(Key::Alt('1'));
    pty.wait_for_text("the core melted");
    quit(&pty);

    let (pty, exchange) = desk.ask(&["hello there"]);
    exchange.answer_json(401, &json!({"error": {"message": format!("bad key {KEY}")}}));
    wait_for_status(&pty, "failed");
    let screen = pty.screen_text();
    assert!(screen.contains("HTTP 401: bad key ***") && screen.contains("heck the key of lab"), "{screen}");
    quit(&pty);
}

#[test]
fn a_reply_that_was_cut_goes_on_with_c() {
    let desk = Desk::new();
    let (pty, exchange) = desk.streaming("first half,");
    exchange.cut();
    wait_for_status(&pty, "truncated");
    let screen = pty.screen_text();
    assert!(screen.contains("first half,") && screen.contains("Shift-Tab c continue, r retry"), "{screen}");
    // `r` and `c` typed into the input are text.
    write(&pty, "rc");
    pty.key(Key::Ctrl('u'));
    pty.key(Key::AltUp);
    pty.wait_for_text("r retry  c continue");
    pty.send_keys("c");
    let exchange = desk.server.prompt();
    let messages = messages(&exchange);
    assert_eq!(messages[1], json!({"role": "assistant", "content": "first half,"}));
    assert_eq!(messages[2]["role"], "user");
    exchange.say(&["second half."]);
    pty.wait_for_text("second half.");
    assert!(pty.screen_text().contains("first half,"), "{}", pty.screen_text());
    quit(&pty);
}

#[test]
fn a_reply_that_reached_its_limit_says_so() {
    let desk = Desk::new();
    let (pty, mut exchange) = desk.ask(&["--max-tokens", "4", "hello there"]);
    assert_eq!(exchange.request.json()["max_tokens"], 4);
    exchange.begin_events();
    exchange.text(0, "so far");
    wait_for_status(&pty, "1/4");
    exchange.finish_reason(0, "length");
    exchange.done();
    pty.wait_for_text("stopped at max tokens · Shift-Tab c continue");
    quit(&pty);
}

#[test]
fn a_server_that_is_not_there_costs_no_prompt() {
    let home = Home::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}/v1");
    let pty = Pty::chatui(&home, &["--base-url", &url, "-m", "x", "--retries", "0", "precious words"]);
    wait_for_status(&pty, "failed");
    pty.wait_for_text("precious words");
    pty.wait_for_text(&free.to_string());
    quit(&pty);
}

// ---------------------------------------------------------------------------------------------
// Choices, tools, reasoning

#[test]
fn choices_are_tabs_and_the_chosen_one_goes_on() {
    let desk = Desk::new();
    let (pty, mut exchange) = desk.ask(&["--choices", "2", "hello there"]);
    assert_eq!(exchange.request.json()["n"], 2);
    exchange.begin_events();
    exchange.text(0, "red apple");
    exchange.text(1, "green pear");
    pty.wait_for_text("red apple");
    pty.wait_for_text("‹ 1/2 ›");
    pty.wait_for_text("1 ●  2 ●");
    pty.key(Key::Alt('2'));
    pty.wait_for_text("green pear");
    pty.wait_for_text("‹ 2/2 ›");
    pty.wait_for_no_text("red apple");
    exchange.text(0, " pie");
    exchange.finish_reason(0, "stop");
    pty.wait_for_text("1 ✓  2 ●");
    exchange.text(1, " tart");
    pty.wait_for_text("green pear tart");
    pty.send(b"\x1b[1;3D");
    pty.wait_for_text("red apple pie");
    pty.send(b"\x1b[1;3C");
    pty.wait_for_text("green pear tart");
    exchange.finish_reason(1, "stop");
    exchange.done();
    wait_for_status(&pty, "complete");
    send(&pty, "go on");
    let mut exchange = desk.server.prompt();
    assert_eq!(
        messages(&exchange),
        json!([
            {"role": "user", "content": "hello there"},
            {"role": "assistant", "content": "green pear tart"},
            {"role": "user", "content": "go on"},
        ])
    );
    exchange.begin_events();
    exchange.text(0, "well");
    exchange.text(1, "done");
    exchange.finish_reason(0, "stop");
    exchange.finish_reason(1, "stop");
    exchange.done();
    wait_for_status(&pty, "complete");
    quit(&pty);

    let pty = desk.open(&["-c"]);
    pty.wait_for_text("green pear tart");
    assert!(!pty.screen_text().contains("red apple"), "{}", pty.screen_text());
    quit(&pty);
}

#[test]
fn choices_that_are_attempts_stop_together() {
    let desk = Desk::new();
    let (pty, exchange) = desk.ask(&["--choices", "2", "hello there"]);
    exchange.answer_json(
        400,
        &json!({"error": {"message": "Unsupported parameter: 'n'.", "param": "n",
            "code": "unsupported_parameter"}}),
    );
    let (mut one, mut two) = (desk.server.prompt(), desk.server.prompt());
    one.begin_events();
    two.begin_events();
    one.text(0, "red apple");
    two.text(0, "green pear");
    pty.wait_for("one of them", |screen| {
        rows(screen).iter().any(|row| row.contains("red apple") || row.contains("green pear"))
    });
    pty.wait_for_text("1 ●  2 ●");
    pty.key(Key::Esc);
    one.wait_closed();
    two.wait_closed();
    wait_for_status(&pty, "cancelled");
    quit(&pty);
}

#[test]
fn a_tool_call_shows_its_arguments_as_they_come() {
    let desk = Desk::new();
    let (pty, mut exchange) = desk.ask(&["hello there"]);
    let call = |id: Value, name: Value, arguments: &str| {
        let call = json!({"index": 0, "id": id, "function": {"name": name, "arguments": arguments}});
        delta(0, &json!({"tool_calls": [call]}), None)
    };
    exchange.begin_events();
    exchange.event(&call(json!("c1"), json!("get_weather"), "{\"location\": \"Par"));
    pty.wait_for_text("⚙ get_weather");
    pty.wait_for_text("{\"location\": \"Par▍");
    exchange.event(&call(Value::Null, Value::Null, "is\", \"days\": 3}"));
    pty.wait_for_text("location  \"Paris\"");
    pty.wait_for_text("days      3");
    exchange.finish_reason(0, "tool_calls");
    exchange.done();
    wait_for_status(&pty, "complete");
    pty.wait_for_text("called");
    quit(&pty);
}

#[test]
fn reasoning_is_live_and_folds_when_the_answer_comes() {
    let desk = Desk::new();
    let (pty, mut exchange) = desk.ask(&["hello there"]);
    exchange.begin_events();
    exchange.event(&delta(0, &json!({"reasoning_content": "let me ponder"}), None));
    pty.wait_for_text("let me ponder");
    pty.wait_for_text("▾ thinking");
    exchange.text(0, "It is so.");
    pty.wait_for_text("It is so.");
    pty.wait_for_text("▸ thought for");
    pty.wait_for_no_text("let me ponder");
    pty.key(Key::Ctrl('t'));
    pty.wait_for_text("let me ponder");
    pty.key(Key::Ctrl('t'));
    pty.wait_for_no_text("let me ponder");
    end(exchange);
    wait_for_status(&pty, "complete");
    quit(&pty);
}

// ---------------------------------------------------------------------------------------------
// Kept

#[test]
fn a_prompt_is_on_disk_before_it_is_sent() {
    let desk = Desk::new();
    let pty = Pty::chatui(&desk.home, &["precious words"]);
    let exchange = desk.server.prompt();
    pty.kill9();
    pty.wait_exit();
    drop(exchange);
    let pty = desk.open(&["-c"]);
    pty.wait_for_text("precious words");
    pty.wait_for_text("truncated");
    quit(&pty);
}

#[test]
fn what_came_before_a_kill_is_there_again() {
    let desk = Desk::new();
    let (pty, mut exchange) = desk.streaming("the first words");
    exchange.text(0, " and the last");
    pty.wait_for_text("and the last");
    wait_for_saved(&desk.home, "and the last");
    pty.kill9();
    pty.wait_exit();
    exchange.wait_closed();

    let (pty, other) = desk.ask(&["another chat"]);
    other.say(&["unrelated"]);
    wait_for_status(&pty, "complete");
    quit(&pty);

    let ids = "SELECT id FROM sessions ORDER BY created";
    let bits: i64 = store(&desk.home).query_row(ids, [], |row| row.get(0)).unwrap();
    let id = Id::from_bits(bits as u64).to_string();
    let pty = desk.open(&["-r", &id[..7]]);
    pty.wait_for_text("the first words and the last");
    pty.wait_for_text("truncated");
    assert!(!pty.screen_text().contains("unrelated"), "{}", pty.screen_text());
    send(&pty, "what then");
    let exchange = desk.server.prompt();
    assert_eq!(messages(&exchange)[1]["content"], "the first words and the last");
    exchange.say(&["this"]);
    pty.wait_for_text("this");
    wait_for_status(&pty, "complete");
    quit(&pty);
    let pty = desk.open(&["-c"]);
    pty.wait_for_text("what then");
    quit(&pty);
}

/// The signals that end it, and the codes of that.
const ENDING: [(i32, i32); 4] =
    [(libc::SIGTERM, 143), (libc::SIGHUP, 129), (libc::SIGINT, 130), (libc::SIGQUIT, 131)];

#[test]
fn signals_restore_the_terminal_and_save_what_came() {
    for (signal, code) in ENDING {
        let desk = Desk::new();
        let (pty, mut exchange) = desk.streaming("came so far");
        pty.signal(signal);
        assert_eq!(pty.wait_exit().status.code(), Some(code));
        pty.assert_restored();
        exchange.wait_closed();
        let pty = desk.open(&["-c"]);
        pty.wait_for_text("came so far");
        pty.wait_for_text("cancelled");
        quit(&pty);
    }
}

/// A terminal that answers nothing is waited for then, and there is no event loop yet.
#[test]
fn signals_while_it_starts_restore_the_terminal() {
    for (signal, code) in ENDING {
        for answers in [Answers::Dark, Answers::Mute] {
            let desk = Desk::new();
            let pty = Pty::start(&desk.home, Options::chatui(&[]).answers(answers));
            pty.wait_for_bytes(b"\x1b[?1049h");
            pty.signal(signal);
            assert_eq!(pty.wait_exit().status.code(), Some(code), "{answers:?}");
            pty.assert_restored();
        }
    }
}

#[test]
fn a_paste_that_stays_open_holds_no_signal_up() {
    let desk = Desk::new();
    let pty = Pty::start(&desk.home, Options::chatui(&[]).answers(Answers::Mute));
    pty.send_keys("\x1b[200~it goes on");
    pty.wait_for("the first frame", |screen| screen.alternate_screen() && rows(screen).len() > 1);
    pty.signal(libc::SIGTERM);
    assert_eq!(pty.wait_exit().status.code(), Some(143));
    pty.assert_restored();
}

#[test]
fn a_terminal_that_is_closed_while_it_starts_ends_it() {
    let desk = Desk::new();
    // It still waits for the answers that never come.
    let mut pty = Pty::start(&desk.home, Options::chatui(&[]).answers(Answers::Mute));
    pty.wait_for("the first frame", |screen| screen.alternate_screen() && rows(screen).len() > 1);
    pty.hang_up();
    assert_eq!(pty.wait_exit().status.code(), Some(129));
}

#[test]
fn a_closed_terminal_ends_it_and_saves_what_came() {
    let desk = Desk::new();
    let (mut pty, mut exchange) = desk.streaming("came so far");
    pty.hang_up();
    assert_eq!(pty.wait_exit().status.code(), Some(129));
    exchange.wait_closed();
    let pty = desk.open(&["-c"]);
    pty.wait_for_text("came so far");
    pty.wait_for_text("cancelled");
    quit(&pty);
}

#[test]
fn quitting_in_mid_stream_saves_what_came() {
    let desk = Desk::new();
    let (pty, mut exchange) = desk.streaming("came so far");
    quit(&pty);
    exchange.wait_closed();
    let pty = desk.open(&["-c"]);
    pty.wait_for_text("came so far");
    quit(&pty);
}

#[test]
fn ctrl_z_gives_the_shell_its_terminal_and_fg_goes_on() {
    let mut desk = Desk::new();
    desk.home.set("PS1", "shell> ");
    let shell = Pty::start(&desk.home, Options::program("/bin/sh", &["-i"]));
    shell.wait_for_text("shell>");
    shell.send_keys(&format!("{} 'hello there'\r", support::CHATUI));
    let mut exchange = desk.server.prompt();
    exchange.begin_events();
    exchange.text(0, "before");
    shell.wait_for_text("before");
    write(&shell, "draft");
    for round in 0..2 {
        shell.key(Key::Ctrl('z'));
        shell.wait_for("the shell", |screen| {
            !screen.alternate_screen()
                && !screen.bracketed_paste()
                && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
                && last_row(screen).ends_with("shell>")
        });
        exchange.text(0, &format!(" {round}"));
        shell.send_keys(&format!("echo it is {round}\r"));
        shell.wait_for_text(&format!("it is {round}"));
        shell.send_keys("fg\r");
        shell.wait_for("the chat, the mouse its own", |screen| {
            screen.alternate_screen()
                && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::PressRelease
                && input(screen) == "draft"
        });
    }
    shell.wait_for_text("before 0 1");
    end(exchange);
    wait_for_status(&shell, "complete");
    shell.key(Key::Ctrl('c'));
    wait_for_input(&shell, "Ask anything");
    shell.key(Key::Ctrl('d'));
    shell.wait_for("the shell", |screen| !screen.alternate_screen() && last_row(screen) == "shell>");
    shell.send_keys("echo \"code $?\"; exit\r");
    shell.wait_exit();
    assert!(shell.screen_text().contains("code 0"), "{}", shell.screen_text());
}

#[test]
fn several_programs_share_the_store() {
    let desk = Desk::new();
    let (one, mut exchange) = desk.streaming("still going");
    wait_for_saved(&desk.home, "still going");
    let running = Piped::start(&desk.home, &["ask", "beside"]);
    desk.server.prompt().say(&["an aside"]);
    assert_eq!(running.finish().stdout, b"an aside\n");
    // The newest of all is the ask; the chat goes on with the newest chat, which lives elsewhere.
    let two = desk.open(&["-c"]);
    two.wait_for_text("still going");
    assert!(!two.screen_text().contains("truncated"), "{}", two.screen_text());
    quit(&two);
    exchange.text(0, " to its end");
    end(exchange);
    wait_for_status(&one, "complete");
    quit(&one);
    let three = desk.open(&["-c"]);
    three.wait_for_text("still going to its end");
    quit(&three);
}

#[test]
fn a_stop_that_no_key_asked_for_is_survived() {
    let desk = Desk::new();
    let (pty, mut exchange) = desk.streaming("before");
    write(&pty, "draft");
    pty.signal(libc::SIGSTOP);
    exchange.text(0, " and after");
    pty.resize(90, 25);
    pty.signal(libc::SIGCONT);
    pty.wait_for_text("before and after");
    wait_for_input(&pty, "draft");
    end(exchange);
    wait_for_status(&pty, "complete");
    pty.key(Key::Ctrl('c'));
    wait_for_input(&pty, "Ask anything");
    quit(&pty);
}

#[test]
fn a_store_that_cannot_be_written_is_named_and_the_chat_goes_on() {
    let desk = Desk::new();
    let blocked = desk.home.path().join("blocked");
    std::fs::write(&blocked, "a file where a folder should be").unwrap();
    let (pty, exchange) = desk.ask(&["--data-dir", blocked.to_str().unwrap(), "hello there"]);
    exchange.say(&["an answer"]);
    pty.wait_for_text("an answer");
    wait_for_status(&pty, "complete");
    pty.wait_for_text("blocked");
    quit(&pty);
}

// ---------------------------------------------------------------------------------------------
// What cannot be

#[test]
fn bad_input_is_told_before_the_terminal_is_touched() {
    let desk = Desk::new();
    for (args, code, words) in [
        (&["--nonsense"][..], 2, &["--nonsense"][..]),
        (&["--provider", "lob"], 2, &["lob", "lab"]),
        (&["akk"], 2, &["chatui ask"]),
        (&["-r", "--no-save"], 2, &["store"]),
        (&["-c", "--no-save"], 2, &["store"]),
        (&["--config", "none.toml"], 1, &["none.toml"]),
    ] {
        let pty = Pty::chatui(&desk.home, args);
        assert_eq!(pty.wait_exit().status.code(), Some(code), "{args:?}: {}", pty.screen_text());
        for word in words {
            assert!(pty.screen_text().contains(word), "{args:?}: {}", pty.screen_text());
        }
        assert!(find(&pty.raw_output(), b"\x1b[?1049h").is_none(), "{args:?} took the terminal");
        pty.assert_restored();
    }
    let home = Home::new();
    home.configure(&lab(&desk.server, "modle = \"x\"\n"));
    let pty = Pty::chatui(&home, &[]);
    assert_eq!(pty.wait_exit().status.code(), Some(78));
    let screen = pty.screen_text();
    assert!(screen.contains("modle") && screen.contains("model"), "{screen}");
}

#[test]
fn a_session_that_is_not_there_is_told() {
    let desk = Desk::new();
    let pty = Pty::chatui(&desk.home, &["-r", "zzzzzz"]);
    assert_eq!(pty.wait_exit().status.code(), Some(2), "{}", pty.screen_text());
    assert!(pty.screen_text().contains("zzzzzz"), "{}", pty.screen_text());
    pty.assert_restored();
}

#[test]
fn a_newer_store_is_refused_and_left_alone() {
    let desk = Desk::new();
    let (pty, exchange) = desk.ask(&["hello there"]);
    exchange.say(&["fine"]);
    wait_for_status(&pty, "complete");
    quit(&pty);
    store(&desk.home).pragma_update(None, "user_version", 9999).unwrap();
    let pty = Pty::chatui(&desk.home, &["hello again"]);
    assert_eq!(pty.wait_exit().status.code(), Some(1), "{}", pty.screen_text());
    pty.assert_restored();
    assert!(pty.screen_text().contains("newer"), "{}", pty.screen_text());
}
