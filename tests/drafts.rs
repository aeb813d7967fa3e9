//! What is written and not sent, as a person would lose it: killed programs, closed terminals, two
//! programs at once; and the person's own editor on it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use support::pty::{Answers, Key, Options, Pty, last_row, rows};
use support::server::Server;
use support::{Home, LIMIT};

fn open(home: &Home, args: &[&str]) -> Pty {
    let pty = Pty::chatui(home, args);
    pty.wait_for("the first frame", |screen| screen.alternate_screen() && rows(screen).len() > 1);
    pty
}

/// What stands in the first row of the input.
fn input(screen: &vt100::Screen) -> String {
    let row = rows(screen).into_iter().rfind(|row| row.starts_with(" ›")).unwrap_or_default();
    row.trim_start_matches(" ›").trim().to_owned()
}

#[track_caller]
fn wait_for_input(pty: &Pty, text: &str) {
    pty.wait_for(&format!("the input {text:?}"), |screen| input(screen) == text);
}

#[track_caller]
fn write(pty: &Pty, text: &str) {
    pty.send_keys(text);
    pty.wait_for(&format!("{text:?} in the input"), |screen| input(screen).ends_with(text));
}

#[track_caller]
fn quit(pty: &Pty) {
    pty.key(Key::Ctrl('d'));
    assert_eq!(pty.wait_exit().status.code(), Some(0), "{}", pty.screen_text());
    pty.assert_restored();
}

/// Waits until the store holds a draft with these words; `false`: until it holds none.
#[track_caller]
fn wait_for_saved(home: &Home, words: &str) {
    let until = Instant::now() + LIMIT;
    while drafts(home).is_none_or(|drafts| !drafts.contains(words)) {
        assert!(Instant::now() < until, "{words:?} is not saved");
        std::thread::yield_now();
    }
}

/// All that the store holds of drafts.
fn drafts(home: &Home) -> Option<String> {
    stored(home, "SELECT * FROM drafts")
}

/// All the text of what the store answers.
fn stored(home: &Home, query: &str) -> Option<String> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let store = rusqlite::Connection::open_with_flags(home.data_dir().join("chatui.db"), flags).ok()?;
    let mut query = store.prepare(query).ok()?;
    let columns = query.column_count();
    let mut found = query.query([]).ok()?;
    let mut all = String::new();
    while let Ok(Some(row)) = found.next() {
        for column in 0..columns {
            if let Ok(rusqlite::types::ValueRef::Text(text) | rusqlite::types::ValueRef::Blob(text)) =
                row.get_ref(column)
            {
                all.push_str(&String::from_utf8_lossy(text));
            }
        }
    }
    Some(all)
}

#[test]
fn a_killed_program_gives_its_draft_back_with_its_pastes() {
    let home = Home::new();
    let pty = open(&home, &[]);
    pty.send_keys("see ");
    wait_for_input(&pty, "see");
    pty.paste(&"some line\n".repeat(20));
    pty.wait_for_text("[pasted 20 lines]");
    pty.send_keys("and more");
    wait_for_saved(&home, "and more");
    pty.kill9();
    pty.wait_exit();

    let pty = open(&home, &[]);
    pty.wait_for_text("see [pasted 20 lines]and more");
    pty.wait_for_text("had not sent");
    // Sent whole, it is no draft any more.
    pty.key(Key::Enter);
    pty.wait_for_text("You ·");
    quit_after_reply(&pty);
    let pty = open(&home, &[]);
    pty.wait_for_text("Ask anything");
    quit(&pty);
}

/// Stops what streams and quits.
fn quit_after_reply(pty: &Pty) {
    pty.wait_for("the reply", |screen| !last_row(screen).contains("ready"));
    pty.key(Key::Esc);
    pty.wait_for("its end", |screen| {
        ["cancelled", "complete"].iter().any(|end| last_row(screen).contains(end))
    });
    quit(pty);
}

#[test]
fn every_way_to_end_keeps_the_draft() {
    let home = Home::new();
    type End = fn(&mut Pty);
    let ends: [(&str, End); 3] = [
        ("SIGTERM", |pty| pty.signal(libc::SIGTERM)),
        ("SIGHUP", |pty| pty.signal(libc::SIGHUP)),
        ("a closed terminal", Pty::hang_up),
    ];
    let mut whole = String::new();
    for (name, end) in ends {
        let mut pty = open(&home, &[]);
        if !whole.is_empty() {
            wait_for_input(&pty, &whole);
        }
        write(&pty, "word");
        whole.push_str("word");
        wait_for_input(&pty, &whole);
        end(&mut pty);
        pty.wait_exit();
        assert!(drafts(&home).is_some_and(|drafts| drafts.contains(&whole)), "{name}");
    }
}

#[test]
fn two_programs_do_not_take_each_others_draft() {
    let home = Home::new();
    let first = open(&home, &[]);
    write(&first, "mine");
    wait_for_saved(&home, "mine");
    let second = open(&home, &[]);
    write(&second, "yours");
    wait_for_saved(&home, "yours");
    assert!(!second.screen_text().contains("mine"));
    first.kill9();
    first.wait_exit();
    let third = open(&home, &[]);
    wait_for_input(&third, "mine");
    second.kill9();
    second.wait_exit();
}

#[test]
fn a_session_has_a_draft_of_its_own_and_what_waited_in_it() {
    let server = Server::start();
    let home = Home::at(&server);
    let pty = open(&home, &["hello there"]);
    let mut exchange = server.prompt();
    exchange.begin_events();
    exchange.text(0, "an answer");
    pty.wait_for_text("an answer");
    write(&pty, "next one");
    pty.key(Key::Enter);
    pty.wait_for_text("queued · next one");
    write(&pty, "half a thou");
    wait_for_saved(&home, "half a thou");
    pty.kill9();
    pty.wait_exit();

    let pty = open(&home, &[]);
    pty.wait_for_text("Ask anything");
    quit(&pty);
    let pty = open(&home, &["-c"]);
    wait_for_input(&pty, "half a thou");
    pty.wait_for_text("queued · next one");
    pty.wait_for_text("sends");
    pty.key(Key::Ctrl('c'));
    pty.key(Key::Enter);
    let exchange = server.prompt();
    let messages = exchange.request.json()["messages"].clone();
    assert_eq!(messages.as_array().unwrap().last().unwrap()["content"], "next one");
}

#[test]
fn a_store_that_cannot_be_written_is_no_reason_to_stop_typing() {
    let home = Home::new();
    // What stops root too.
    std::fs::remove_dir_all(home.data_dir()).unwrap();
    std::fs::write(home.data_dir(), "a file").unwrap();
    let pty = open(&home, &[]);
    write(&pty, "still here");
    pty.wait_for_text("cannot be written");
    pty.wait_for_text("is not saved");
    write(&pty, " and on");
    wait_for_input(&pty, "still here and on");
    pty.key(Key::Ctrl('c'));
    quit(&pty);
}

#[test]
fn a_draft_whose_save_fails_once_is_told_and_saved_when_the_store_is_free() {
    let home = Home::new();
    let pty = open(&home, &[]);
    write(&pty, "begun");
    wait_for_saved(&home, "begun");
    let other = rusqlite::Connection::open(home.data_dir().join("chatui.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    write(&pty, " gone on");
    pty.wait_for_text("the draft is not saved yet");
    other.execute_batch("ROLLBACK").unwrap();
    wait_for_saved(&home, "begun gone on");
    pty.wait_for_no_text("the draft is not saved yet");
    pty.signal(libc::SIGTERM);
    pty.wait_exit();
}

#[test]
fn a_draft_of_five_megabytes_is_kept() {
    let home = Home::new();
    let pty = open(&home, &[]);
    pty.paste(&"0123456789abcde\n".repeat(320_000));
    pty.wait_for_text("[pasted 320000 lines]");
    pty.send_keys("end");
    wait_for_saved(&home, "end");
    pty.kill9();
    pty.wait_exit();
    let pty = open(&home, &[]);
    pty.wait_for_text("[pasted 320000 lines]end");
}

/// A home whose editor is this script; `$1` is the file.
fn with_editor(script: &str) -> Home {
    let mut home = Home::new();
    let path = home.path().join("my editor");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    let temporary = home.path().join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    home.set("TMPDIR", temporary.to_str().unwrap());
    home.set("EDITOR", "a program that is not asked");
    home.set("VISUAL", &format!("'{}' --wait", path.display()));
    home
}

fn left_in_temporary(home: &Home) -> usize {
    std::fs::read_dir(home.path().join("temporary")).unwrap().count()
}

#[test]
fn the_editor_changes_the_draft_and_undo_brings_it_back() {
    // It has the file, its argument, a terminal with its usual modes, and the keys.
    let home = with_editor(
        "test \"$1\" = --wait || exit 9\n\
         stty -a | grep -q ' icanon' || exit 8\n\
         stat -c '%a' \"$2\" \"$(dirname \"$2\")\" > modes\n\
         echo 'editing'; read line\n\
         printf '%s and %s\\n' \"$(cat \"$2\")\" \"$line\" > \"$2\"",
    );
    let pty = open(&home, &[]);
    write(&pty, "draft");
    pty.key(Key::Ctrl('o'));
    pty.wait_for("the editor", |screen| !screen.alternate_screen() && screen.contents().contains("editing"));
    pty.send_keys("typed in it\r");
    wait_for_input(&pty, "draft and typed in it");
    assert_eq!(std::fs::read_to_string(home.path().join("modes")).unwrap(), "600\n700\n");
    assert_eq!(left_in_temporary(&home), 0);
    write(&pty, "!");
    pty.key(Key::Backspace);
    // What was typed and taken away is one step, what the editor gave back another.
    pty.key(Key::Ctrl('_'));
    wait_for_input(&pty, "draft and typed in it");
    pty.key(Key::Ctrl('_'));
    wait_for_input(&pty, "draft");
    pty.key(Key::Ctrl('c'));
    quit(&pty);
}

#[test]
fn a_reply_goes_on_while_the_editor_runs() {
    let server = Server::start();
    let mut home = with_editor("echo editing; read line; echo changed > \"$2\"");
    home.configure(&support::lab(&server, ""));
    home.set("NO_COLOR", "1");
    let pty = open(&home, &["hello there"]);
    let mut exchange = server.prompt();
    exchange.begin_events();
    exchange.text(0, "before ");
    pty.wait_for_text("before");
    pty.key(Key::Ctrl('o'));
    pty.wait_for_text("editing");
    exchange.text(0, "meanwhile");
    exchange.finish_reason(0, "stop");
    exchange.done();
    let until = Instant::now() + LIMIT;
    while stored(&home, "SELECT content FROM messages").is_none_or(|said| !said.contains("meanwhile")) {
        assert!(Instant::now() < until, "the reply is not saved");
        std::thread::yield_now();
    }
    assert!(pty.is_quiet(Duration::from_millis(200)), "nothing is drawn over the editor");
    pty.send_keys("\r");
    pty.wait_for_text("before meanwhile");
    wait_for_input(&pty, "changed");
    pty.key(Key::Ctrl('c'));
    quit(&pty);
}

#[test]
fn an_editor_that_fails_or_is_not_there_leaves_the_draft() {
    let mut home = with_editor("echo gone > \"$2\"; exit 3");
    let pty = open(&home, &[]);
    write(&pty, "draft");
    pty.key(Key::Ctrl('o'));
    pty.wait_for_text("status 3");
    // What was written is not lost.
    pty.wait_for_text("temporary/chatui-");
    wait_for_input(&pty, "draft");
    assert_eq!(left_in_temporary(&home), 1);
    pty.key(Key::Ctrl('c'));
    quit(&pty);
    for (value, told) in [("/not/there", "can't be started"), ("'open", "a quote in it does not end")] {
        home.set("VISUAL", value);
        let pty = open(&home, &[]);
        write(&pty, "draft");
        pty.key(Key::Ctrl('o'));
        pty.wait_for_text(told);
        wait_for_input(&pty, "draft");
        pty.key(Key::Ctrl('c'));
        quit(&pty);
    }
    home.unset("VISUAL");
    home.unset("EDITOR");
    let pty = open(&home, &[]);
    pty.key(Key::Ctrl('o'));
    pty.wait_for_text("set VISUAL or EDITOR");
    quit(&pty);
    assert_eq!(left_in_temporary(&home), 1);
}

#[test]
fn an_edited_file_that_cannot_be_taken_in_is_kept_and_named() {
    let mut home = with_editor("printf '\\377' > \"$2\"");
    let pty = open(&home, &[]);
    write(&pty, "draft");
    pty.key(Key::Ctrl('o'));
    pty.wait_for_text("not UTF-8");
    pty.wait_for_text("temporary/chatui-");
    wait_for_input(&pty, "draft");
    assert_eq!(left_in_temporary(&home), 1);
    pty.key(Key::Ctrl('c'));
    quit(&pty);
    let script = home.path().join("my editor");
    std::fs::write(&script, "#!/bin/sh\nhead -c 17000000 /dev/zero > \"$2\"\n").unwrap();
    home.set("VISUAL", &format!("'{}' --wait", script.display()));
    let pty = open(&home, &[]);
    pty.key(Key::Ctrl('o'));
    pty.wait_for_text("over 16 MB");
    quit(&pty);
}

#[test]
fn a_signal_while_the_editor_runs_restores_the_terminal_and_keeps_what_was_saved() {
    for (signal, code) in [(libc::SIGTERM, 143), (libc::SIGHUP, 129)] {
        let home = with_editor(
            "stty raw -echo; printf '\\033[?1049h'; echo saved > \"$2\"; echo editing; read line",
        );
        let pty = open(&home, &[]);
        write(&pty, "draft");
        pty.key(Key::Ctrl('o'));
        pty.wait_for_text("editing");
        pty.signal(signal);
        assert_eq!(pty.wait_exit().status.code(), Some(code));
        pty.assert_restored();
        assert!(drafts(&home).is_some_and(|drafts| drafts.contains("saved")));
        assert_eq!(left_in_temporary(&home), 0);
    }
}

#[test]
fn what_was_saved_in_an_editor_and_cannot_be_taken_in_is_named_after_a_signal() {
    let home = with_editor("printf '\\377' > \"$2\"; echo editing; read line");
    let pty = open(&home, &[]);
    write(&pty, "draft");
    pty.key(Key::Ctrl('o'));
    pty.wait_for_text("editing");
    pty.signal(libc::SIGTERM);
    assert_eq!(pty.wait_exit().status.code(), Some(143));
    pty.assert_restored();
    pty.wait_for_text("temporary/chatui-");
    assert_eq!(left_in_temporary(&home), 1);
}

#[test]
fn what_was_saved_in_an_editor_that_was_killed_is_kept() {
    let home = with_editor("echo precious > \"$2\"; kill -SEGV $$");
    let pty = open(&home, &[]);
    write(&pty, "draft");
    pty.key(Key::Ctrl('o'));
    pty.wait_for_text("signal 11");
    pty.wait_for_text("temporary/chatui-");
    wait_for_input(&pty, "draft");
    let folder = std::fs::read_dir(home.path().join("temporary")).unwrap().next().unwrap().unwrap();
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap();
    assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "precious\n");
    pty.key(Key::Ctrl('c'));
    quit(&pty);
}

#[test]
fn keys_of_the_editor_do_not_end_the_chat() {
    // Ctrl-C ends what the editor runs, not the chat; a stopped editor goes on with it.
    let home =
        with_editor("trap 'echo trapped' INT; echo editing; read line; kill -STOP $$; echo after > \"$2\"");
    let pty = open(&home, &[]);
    write(&pty, "draft");
    pty.key(Key::Ctrl('o'));
    pty.wait_for_text("editing");
    pty.key(Key::Ctrl('c'));
    pty.wait_for_text("trapped");
    pty.send_keys("\r");
    // It stopped, and goes on when the shell has it do so.
    let editor = editor_of(&pty);
    wait_until_stopped(editor);
    support::pty::send_signal(pty.pid(), libc::SIGCONT);
    support::pty::send_signal(editor, libc::SIGCONT);
    wait_for_input(&pty, "after");
    pty.key(Key::Ctrl('c'));
    quit(&pty);
}

fn state_of(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default()
}

fn wait_until_stopped(pid: u32) {
    let until = Instant::now() + LIMIT;
    while !state_of(pid).contains(") T ") {
        assert!(Instant::now() < until, "it does not stop: {}", state_of(pid));
        std::thread::yield_now();
    }
}

fn editor_of(pty: &Pty) -> u32 {
    let children = format!("/proc/{0}/task/{0}/children", pty.pid());
    let children = std::fs::read_to_string(children).unwrap_or_default();
    let mut all: Vec<u32> = children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    if all.is_empty() {
        let stat = |pid: u32| state_of(pid).split(") ").nth(1).map(str::to_owned);
        all = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
            .filter(|pid| stat(*pid).is_some_and(|s| s.split(' ').nth(1) == Some(&pty.pid().to_string())))
            .collect();
    }
    *all.first().expect("the editor runs")
}

#[test]
fn a_late_answer_is_not_typed_into_a_list() {
    let home = Home::new();
    let pty = Pty::start(&home, Options::chatui(&[]).answers(Answers::Mute));
    pty.wait_for("the first frame", |screen| screen.alternate_screen() && rows(screen).len() > 1);
    pty.key(Key::Ctrl('r'));
    pty.wait_for_text("Earlier prompts");
    pty.send(b"a\x1b]11;rgb:1010/1010/1010\x1b\\b\x1b[?62;22cc");
    wait_for_input(&pty, "abc");
    assert!(pty.screen_text().contains("Earlier prompts"));
    pty.key(Key::Esc);
    pty.wait_for_no_text("Earlier prompts");
    quit(&pty);
}

#[test]
fn plain_terminals_do() {
    for term in ["dumb", "linux", "vt100"] {
        let mut home = Home::new();
        home.set("TERM", term);
        home.unset("COLORTERM");
        let pty = Pty::start(&home, Options::chatui(&[]).size(40, 10).answers(Answers::Mute));
        pty.wait_for("the first frame", |screen| screen.alternate_screen() && rows(screen).len() > 1);
        write(&pty, "hello");
        pty.key(Key::Enter);
        pty.wait_for("a reply", |screen| last_row(screen).contains("streaming"));
        write(&pty, "next");
        pty.key(Key::Enter);
        pty.wait_for("the mark", |screen| last_row(screen).contains("1 queued"));
        pty.key(Key::Esc);
        pty.wait_for("the end", |screen| last_row(screen).contains("cancelled"));
        pty.resize(20, 5);
        pty.wait_for("the mark", |screen| last_row(screen).contains("+1"));
        pty.key(Key::Ctrl('r'));
        pty.wait_for_text("Earlier prompts");
        pty.key(Key::Esc);
        pty.resize(10, 3);
        pty.wait_for_text("too small");
        pty.resize(80, 24);
        pty.wait_for_text("queued · next");
        quit(&pty);
    }
}
