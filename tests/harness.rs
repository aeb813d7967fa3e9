//! The harness itself, tried on programs that need no chatui: what it reports is what was there.

#![allow(clippy::unwrap_used)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;

use serde_json::json;
use support::Home;
use support::pty::{Answers, Key, Options, Pty, left_behind};
use support::server::Server;

fn shell(home: &Home, script: &str) -> Pty {
    Pty::start(home, Options::program("/bin/sh", &["-c", script]).size(40, 6))
}

#[test]
fn a_program_is_seen_typed_to_and_waited_for() {
    let home = Home::new();
    let pty = shell(&home, "printf 'hello> '; read x; echo \"bye $x\"; exit 3");
    pty.wait_for_text("hello>");
    assert_eq!(pty.cursor(), Some((0, 7)));
    pty.send_keys("world");
    pty.key(Key::Enter);
    assert_eq!(pty.wait_exit().status.code(), Some(3));
    assert!(pty.screen_text().contains("bye world"), "{}", pty.screen_text());
    pty.assert_restored();
}

#[test]
fn waiting_for_what_never_comes_fails_with_the_screen() {
    let home = Home::new();
    let pty = shell(&home, "echo all there is");
    let failure = std::thread::spawn(move || pty.wait_for_text("more")).join().unwrap_err();
    let text = failure.downcast_ref::<String>().unwrap();
    assert!(text.contains("waited for \"more\"") && text.contains("│all there is"), "{text}");
}

#[test]
fn a_changed_line_mode_is_told() {
    let home = Home::new();
    let pty = shell(&home, "stty -echo; echo done");
    pty.wait_exit();
    let failure = std::thread::spawn(move || pty.assert_restored()).join();
    assert!(failure.is_err(), "a terminal without echo is not restored");
}

#[test]
fn a_resize_is_seen_by_the_program() {
    let home = Home::new();
    let pty = shell(&home, "stty size; read x; stty size");
    pty.wait_for_text("6 40");
    pty.resize(50, 9);
    pty.key(Key::Enter);
    pty.wait_for_text("9 50");
    pty.wait_exit();
}

#[test]
fn a_signal_ends_it_and_the_status_tells() {
    let home = Home::new();
    let pty = shell(&home, "echo ready; read x");
    pty.wait_for_text("ready");
    pty.signal(libc::SIGTERM);
    assert_eq!(pty.wait_exit().status.signal(), Some(libc::SIGTERM));
    assert!(!pty.is_running());

    let pty = shell(&home, "echo ready; read x");
    pty.wait_for_text("ready");
    pty.kill9();
    assert_eq!(pty.wait_exit().status.signal(), Some(libc::SIGKILL));
}

#[test]
fn the_terminal_answers_as_a_real_one() {
    let home = Home::new();
    // Prints what the terminal answers, with its escapes visible.
    let script = "stty -icanon -echo min 1; printf '\\033]11;?\\033\\\\\\033[c'; \
                  dd bs=1 count=$1 2>/dev/null | tr '\\033' '^'";
    for (answers, expected) in [
        (Answers::Dark, "^]11;rgb:1010/1010/1010^\\^[?62;22c"),
        (Answers::Light, "^]11;rgb:f8f8/f8f8/f8f8^\\^[?62;22c"),
    ] {
        let count = expected.len().to_string();
        let options = Options::program("/bin/sh", &["-c", script, "sh", &count]).answers(answers);
        let pty = Pty::start(&home, options);
        pty.wait_for_text(expected);
    }
    let mute = Options::program("/bin/sh", &["-c", script, "sh", "1"]).answers(Answers::Mute);
    let pty = Pty::start(&home, mute);
    pty.wait_for_bytes(b"\x1b[c");
    pty.send_keys("k");
    pty.wait_exit();
    assert_eq!(pty.screen_text().trim(), "k", "the first byte to come is the typed one");
}

#[test]
fn a_paste_is_bracketed_once_the_program_asks() {
    let home = Home::new();
    let pty = shell(
        &home,
        "stty -icanon -icrnl -echo min 1; printf '\\033[?2004hready'; dd bs=1 count=15 2>/dev/null | od -c",
    );
    pty.wait_for_text("ready");
    pty.paste("a\nb");
    pty.wait_exit();
    let bytes: String = pty.screen_text().split_whitespace().collect();
    assert!(bytes.contains("[200~a\\rb"), "{bytes}");
}

#[test]
fn what_is_left_behind_is_named() {
    let clean: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[>1ux\x1b[<1u\x1b[?2004l\x1b[?25h\x1b[?1049l";
    assert_eq!(left_behind(clean), Vec::<String>::new());
    assert_eq!(left_behind(b"\x1b[?1049h"), ["mode 1049 on"]);
    assert_eq!(left_behind(b"\x1b[?25l"), ["mode 25 off"]);
    assert_eq!(left_behind(b"\x1b[?1000;1006h\x1b[?1000l"), ["mode 1006 on"]);
    assert_eq!(left_behind(b"\x1b[>5u\x1b[>1u\x1b[<u"), ["1 keyboard flags"]);
    assert_eq!(left_behind(b"\x1b[>4;2m"), ["modifyOtherKeys"]);
    assert_eq!(left_behind(b"\x1b[>4;2m\x1b[>4;0m\x1b[0m"), Vec::<String>::new());
}

#[test]
fn the_environment_is_built_from_nothing() {
    let mut home = Home::new();
    home.set("OPENAI_API_KEY", "sk-test");
    let pty = shell(&home, "env | sort | cut -d= -f1 | tr '\\n' ' '");
    pty.wait_exit();
    let shown = pty.screen_text().replace('\n', "");
    assert!(shown.contains("CHATUI_CONFIG_DIR CHATUI_DATA_DIR"), "{shown}");
    assert!(shown.contains("OPENAI_API_KEY"), "what a test sets is there: {shown}");
    assert!(!shown.contains("CARGO"), "and nothing else is: {shown}");
}

#[test]
fn the_server_records_the_request_and_streams_what_it_is_told() {
    let server = Server::start();
    let mut client = TcpStream::connect(server.address()).unwrap();
    client
        .write_all(b"POST /v1/chat/completions HTTP/1.1\r\nX-Team: a\r\nContent-Length: 7\r\n\r\n{\"a\":")
        .unwrap();
    client.write_all(b"1}").unwrap();
    let mut exchange = server.accept_path("/v1/chat/completions");
    assert_eq!((exchange.request.method.as_str(), exchange.request.header("x-team")), ("POST", Some("a")));
    assert_eq!(exchange.request.json(), json!({"a": 1}));
    exchange.begin_events();
    exchange.text(0, "hi");
    exchange.done();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\"content\":\"hi\"") && answer.ends_with("[DONE]\n\n\r\n0\r\n\r\n"), "{answer}");
    assert!(!server.is_asked_again());
}

#[test]
fn the_server_sees_the_client_go() {
    let server = Server::start();
    let mut client = TcpStream::connect(server.address()).unwrap();
    client.write_all(b"GET /v1/models HTTP/1.1\r\n\r\n").unwrap();
    let mut exchange = server.accept();
    exchange.begin_events();
    let closed = exchange.watch_close();
    assert!(closed.is_open());
    drop(client);
    closed.wait();
    exchange.wait_closed();
}
