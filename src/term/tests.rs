//! The guard and the question in a real terminal: this test binary runs itself in a PTY, as [`child`].

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::*;

const ROLE: &str = "CHATUI_TERM_TEST_ROLE";
/// Reached only when something is broken.
const DEADLINE: Duration = Duration::from_secs(20);

/// Not a test: what the tests below run in the PTY. Does nothing without a role.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let log = std::path::PathBuf::from("/the/log");
    install_panic_hook(Some(log));
    let mut guard = Guard::enter(Options::default()).unwrap();
    let say = |text: &str| TtyOut.write_all(text.as_bytes()).unwrap();
    match role.as_str() {
        "leave" => say("READY"),
        "panic" => panic!("the end"),
        "exit" => {
            restore_now();
            std::process::exit(7);
        }
        "suspend" => {
            say("READY");
            guard.suspend().unwrap();
            say("AGAIN");
        }
        "query" => {
            let mut query = Query::send(&mut TtyOut).unwrap();
            let answer = query.poll(Instant::now() + DEADLINE).unwrap();
            say(&format!("ANSWER {answer:?}"));
            let mut typed = String::new();
            for input in query.finish(&Ending::default()).0 {
                match input {
                    Input::Key(key) => typed.extend(key.code.as_char()),
                    Input::Paste(text) => typed.push_str(&format!("<{text}>")),
                    other => panic!("{other:?}"),
                }
            }
            say(&format!("GOT {typed:?}"));
        }
        "silent" => {
            let mut query = Query::send(&mut TtyOut).unwrap();
            let answer = query.poll(Instant::now() + Duration::from_millis(20)).unwrap();
            say(&format!("GOT {answer:?}"));
        }
        "late" | "query-late" => {
            let mut filter = InputFilter::expecting(b"");
            if role == "query-late" {
                let mut query = Query::send(&mut TtyOut).unwrap();
                query.poll(Instant::now() + DEADLINE).unwrap();
                filter = query.finish(&Ending::default()).1;
            }
            let mut reader = Reader::start().unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            say("READY");
            let mut typed = String::new();
            while !typed.ends_with('q') {
                let (mut events, mut inputs) = (Vec::new(), Vec::new());
                assert!(runtime.block_on(reader.next(&mut events)));
                events.into_iter().for_each(|event| filter.push(event, &mut inputs));
                for input in inputs {
                    match input {
                        Input::Key(key) => typed.extend(key.code.as_char()),
                        other => typed.push_str(&format!("{other:?}")),
                    }
                }
            }
            say(&format!("GOT {typed:?}"));
        }
        other => panic!("no role {other}"),
    }
    guard.leave();
    guard.leave();
}

struct Pty {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    bytes: Receiver<Vec<u8>>,
    writer: Box<dyn Write + Send>,
    seen: Vec<u8>,
    before: line::Modes,
}

/// The two facts about a line discipline that tell raw from cooked.
mod line {
    use portable_pty::MasterPty;
    use rustix::termios::{InputModes, LocalModes, tcgetattr};

    pub type Modes = (InputModes, LocalModes);

    #[allow(unsafe_code)]
    pub fn modes(master: &dyn MasterPty) -> Modes {
        let fd = master.as_raw_fd().unwrap();
        // SAFETY: the master outlives this call, which only reads its modes.
        let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
        let termios = tcgetattr(fd).unwrap();
        (termios.input_modes, termios.local_modes)
    }
}

impl Pty {
    fn run(role: &str) -> Pty {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let before = line::modes(pair.master.as_ref());
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["--exact", "term::tests::child", "--nocapture", "--test-threads=1"]);
        command.env(ROLE, role);
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let (send, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0_u8; 1024];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Pty { master: pair.master, child, bytes, writer, seen: Vec::new(), before }
    }

    fn wait_for(&mut self, text: &str) {
        let until = Instant::now() + DEADLINE;
        while !self.seen.windows(text.len()).any(|w| w == text.as_bytes()) {
            let left = until.saturating_duration_since(Instant::now());
            let bytes = self.bytes.recv_timeout(left);
            self.seen.extend(bytes.unwrap_or_else(|_| panic!("no {text:?} in {}", self.shown())));
        }
    }

    /// Waits for the end and says the exit code.
    fn end(&mut self) -> u32 {
        let code = self.child.wait().unwrap().exit_code();
        // The reader ends when the last holder of the PTY's other side has.
        while let Ok(bytes) = self.bytes.recv_timeout(DEADLINE) {
            self.seen.extend(bytes);
        }
        code
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    fn assert_restored(&self) {
        let mut parser = vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
        parser.process(&self.seen);
        let screen = parser.screen();
        assert!(self.shown().contains("\x1b[?1049h"), "it was entered");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        assert!(!screen.alternate_screen() && !screen.bracketed_paste() && !screen.hide_cursor());
        assert_eq!(self.shown().matches("\x1b[?1049l").count(), self.shown().matches("\x1b[?1049h").count());
        assert_eq!(line::modes(self.master.as_ref()), self.before, "line discipline");
    }
}

/// Invariant 9, the guard's part: whatever ends the process, the terminal is restored.
#[test]
fn leaving_restores_the_terminal() {
    let mut pty = Pty::run("leave");
    assert_eq!(pty.end(), 0, "{}", pty.shown());
    pty.assert_restored();
}

#[test]
fn a_panic_restores_first_and_then_tells() {
    let mut pty = Pty::run("panic");
    assert_ne!(pty.end(), 0);
    pty.assert_restored();
    let shown = pty.shown();
    let restored = shown.find("\x1b[?1049l").unwrap();
    assert!(shown[restored..].contains("the end"), "{shown}");
    assert!(shown[restored..].contains("The log: /the/log"), "{shown}");
}

#[test]
fn an_exit_without_unwinding_restores() {
    let mut pty = Pty::run("exit");
    assert_eq!(pty.end(), 7);
    pty.assert_restored();
}

#[test]
fn the_terminal_is_asked_and_early_typing_is_kept() {
    let mut pty = Pty::run("query");
    pty.wait_for("\x1b]11;?\x1b\\\x1b[c");
    pty.writer.write_all(b"hel\x1b]11;rgb:ffff/ffff/ffff\x1b\\lo\x1b[?62;4c").unwrap();
    pty.wait_for("ANSWER Some(Answer { background: Some(Light) })");
    pty.wait_for("GOT \"hello\"");
    assert_eq!(pty.end(), 0);
}

/// The event stream would make keys of the rest, and send it at its first line end.
#[test]
fn a_paste_that_the_answer_parts_is_read_to_its_end() {
    for (first, rest, typed) in [
        (&b"a\x1b[200~one\rtw"[..], &b"o\rthree\x1b[201~"[..], r"a<one\rtwo\rthree>"),
        (b"\x1b[200~one\x1b[2", b"01~", "<one>"),
    ] {
        let mut pty = Pty::run("query");
        pty.wait_for("\x1b]11;?\x1b\\\x1b[c");
        pty.writer.write_all(&[b"\x1b]11;rgb:0/0/0\x1b\\\x1b[?62;4c", first].concat()).unwrap();
        pty.wait_for("ANSWER");
        pty.writer.write_all(rest).unwrap();
        pty.wait_for(&format!("GOT \"{typed}\""));
        assert_eq!(pty.end(), 0);
    }
}

#[test]
fn a_paste_without_an_end_and_a_lone_escape_are_not_waited_for_forever() {
    for (bytes, typed) in [(&b"a\x1b[200~one\r"[..], r"a<one\r>"), (b"a\x1b", "a")] {
        let mut pty = Pty::run("query");
        pty.wait_for("\x1b]11;?\x1b\\\x1b[c");
        pty.writer.write_all(&[b"\x1b[?62;4c", bytes].concat()).unwrap();
        pty.wait_for(&format!("GOT \"{typed}\""));
        assert_eq!(pty.end(), 0);
    }
}

#[test]
fn a_terminal_that_does_not_answer_costs_the_deadline_alone() {
    let mut pty = Pty::run("silent");
    pty.wait_for("GOT None");
    assert_eq!(pty.end(), 0);
    pty.assert_restored();
}

/// Through the reader, whose reading of an OSC the filter builds on.
#[test]
fn a_late_answer_is_swallowed_as_it_is_read() {
    for answer in ["\x1b]11;rgb:1E1e/ABcd/ffff\x07", "\x1b]11;rgb:ffff/ffff/ffff\x1b\\"] {
        let mut pty = Pty::run("late");
        pty.wait_for("READY");
        pty.writer.write_all(format!("ab{answer}\x1b[?62;4cdq").as_bytes()).unwrap();
        pty.wait_for("GOT \"abdq\"");
        assert_eq!(pty.end(), 0);
        pty.assert_restored();
    }
}

/// Windows' console and others that stand between answer the last question themselves, at once.
#[test]
fn an_answer_after_the_last_word_is_not_typed() {
    let mut pty = Pty::run("query-late");
    pty.wait_for("\x1b]11;?\x1b\\\x1b[c");
    pty.writer.write_all(b"\x1b[?62;4c").unwrap();
    pty.wait_for("READY");
    pty.writer.write_all(b"a\x1b]11;rgb:ffff/ffff/ffff\x1b\\bq").unwrap();
    pty.wait_for("GOT \"abq\"");
    assert_eq!(pty.end(), 0);
    pty.assert_restored();
}

#[test]
fn suspending_gives_the_terminal_back_and_takes_it_again() {
    let mut pty = Pty::run("suspend");
    // A process group without a parent in its session cannot stop; the kernel lets it go on at once. What
    // is written is the same.
    pty.wait_for("READY");
    pty.wait_for("AGAIN");
    assert_eq!(pty.end(), 0);
    assert_eq!(pty.shown().matches("\x1b[?1049h").count(), 2);
    assert_eq!(pty.shown().matches("\x1b[?1000h\x1b[?1006h").count(), 2, "the mouse too");
    pty.assert_restored();
}
