//! A program in a pseudo terminal, as a person in front of a real one would see and use it.
//!
//! A reader thread feeds everything the program writes to a terminal emulator (`vt100`), keeps the
//! bytes, and answers the questions that programs ask of terminals (background colour, device
//! attributes, cursor position). A second thread waits for the program's end. Tests wait on states
//! of the screen; what the terminal was left like is told by [`left_behind`].

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::{CHATUI, Home, LIMIT};

/// What the terminal answers when it is asked things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answers {
    /// It has a dark background.
    #[default]
    Dark,
    /// It has a light background.
    Light,
    /// It answers nothing at all.
    Mute,
}

/// Keys that are no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift and Tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Up.
    Up,
    /// Down.
    Down,
    /// Left.
    Left,
    /// Right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// F1 to F4.
    F(u8),
    /// Control and a letter (or `_`).
    Ctrl(char),
    /// Alt and a character.
    Alt(char),
    /// Alt and Up.
    AltUp,
    /// Alt and Down.
    AltDown,
    /// Alt and Enter.
    AltEnter,
}

impl Key {
    /// The bytes that xterm sends for it.
    pub fn bytes(self) -> Vec<u8> {
        let fixed: &[u8] = match self {
            Key::Enter => b"\r",
            Key::Esc => b"\x1b",
            Key::Tab => b"\t",
            Key::BackTab => b"\x1b[Z",
            Key::Backspace => b"\x7f",
            Key::Delete => b"\x1b[3~",
            Key::Up => b"\x1b[A",
            Key::Down => b"\x1b[B",
            Key::Right => b"\x1b[C",
            Key::Left => b"\x1b[D",
            Key::Home => b"\x1b[H",
            Key::End => b"\x1b[F",
            Key::PageUp => b"\x1b[5~",
            Key::PageDown => b"\x1b[6~",
            Key::AltUp => b"\x1b[1;3A",
            Key::AltDown => b"\x1b[1;3B",
            Key::AltEnter => b"\x1b\r",
            Key::F(number) => return vec![0x1b, b'O', b'P' + number - 1],
            Key::Ctrl(letter) => return vec![letter.to_ascii_uppercase() as u8 & 0x1f],
            Key::Alt(letter) => return format!("\x1b{letter}").into_bytes(),
        };
        fixed.to_vec()
    }
}

/// What to start, and in what kind of terminal.
pub struct Options {
    /// The program.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
    /// What the terminal answers.
    pub answers: Answers,
    /// What is done with the bytes.
    pub emulation: Emulation,
}

/// Whether there is a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emulation {
    /// Bytes go to a terminal emulator.
    Screen,
    /// Bytes are kept with their times, and nothing is answered (for measurements: a screen would work
    /// beside the program while it is measured).
    Record,
    /// Bytes are counted and dropped.
    Drain,
}

impl Options {
    /// `chatui ARGS…` in a dark terminal of 100 columns and 30 rows.
    pub fn chatui(args: &[&str]) -> Self {
        Self::program(CHATUI, args)
    }

    /// Another program.
    pub fn program(program: &str, args: &[&str]) -> Self {
        Self {
            program: program.to_owned(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            cols: 100,
            rows: 30,
            answers: Answers::default(),
            emulation: Emulation::Screen,
        }
    }

    /// In a terminal of this size.
    pub fn size(self, cols: u16, rows: u16) -> Self {
        Self { cols, rows, ..self }
    }

    /// In a terminal that answers so.
    pub fn answers(self, answers: Answers) -> Self {
        Self { answers, ..self }
    }

    /// Without a screen.
    pub fn drained(self) -> Self {
        Self { emulation: Emulation::Drain, ..self }
    }

    /// Without a screen, but with all it would have shown.
    pub fn recorded(self) -> Self {
        Self { emulation: Emulation::Record, ..self }
    }
}

/// How a program ended, and what it cost.
#[derive(Clone, Copy, Debug)]
pub struct Exit {
    /// Its status.
    pub status: ExitStatus,
    /// User and system time of all its threads.
    pub cpu: Duration,
    /// When it was seen to have ended.
    pub at: Instant,
}

/// A running program and its terminal; dropping it kills the program.
pub struct Pty {
    shared: Arc<Shared>,
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Writer>,
    /// Closing it has the reader let go of the terminal.
    reading: Option<UnixStream>,
    pid: u32,
    modes_before: String,
}

type Writer = Arc<Mutex<File>>;

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    parser: vt100::Parser<Terminal>,
    raw: Vec<u8>,
    total: u64,
    /// When the bytes up to this length had come.
    marks: Vec<(usize, Instant)>,
    at_end: bool,
    exit: Option<Exit>,
}

/// The part of a terminal that talks back.
struct Terminal {
    answers: Answers,
    pending: Vec<u8>,
    clipboard: Vec<Vec<u8>>,
    title: String,
}

impl vt100::Callbacks for Terminal {
    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        intermediate: Option<u8>,
        _: Option<u8>,
        params: &[&[u16]],
        end: char,
    ) {
        if self.answers == Answers::Mute {
            return;
        }
        match (intermediate, end) {
            (None, 'c') => self.pending.extend_from_slice(b"\x1b[?62;22c"),
            (None, 'n') if params.first().is_some_and(|first| first[..] == [6]) => {
                let (row, col) = screen.cursor_position();
                self.pending.extend_from_slice(format!("\x1b[{};{}R", row + 1, col + 1).as_bytes());
            }
            _ => {}
        }
    }

    fn unhandled_osc(&mut self, _: &mut vt100::Screen, params: &[&[u8]]) {
        let colour = match self.answers {
            Answers::Dark => "1010/1010/1010",
            Answers::Light => "f8f8/f8f8/f8f8",
            Answers::Mute => return,
        };
        if params == [b"11" as &[u8], b"?"] {
            self.pending.extend_from_slice(format!("\x1b]11;rgb:{colour}\x1b\\").as_bytes());
        }
    }

    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], data: &[u8]) {
        self.clipboard.push(data.to_vec());
    }

    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        self.title = String::from_utf8_lossy(title).into_owned();
    }
}

impl Pty {
    /// `chatui ARGS…` in a dark terminal of 100 columns and 30 rows.
    pub fn chatui(home: &Home, args: &[&str]) -> Self {
        Self::start(home, Options::chatui(args))
    }

    /// Starts a program in a terminal of its own.
    pub fn start(home: &Home, options: Options) -> Self {
        let pair = native_pty_system().openpty(pty_size(options.cols, options.rows)).expect("a terminal");
        let modes_before = modes(&*pair.master);
        let mut command = CommandBuilder::new(&options.program);
        command.args(&options.args);
        command.env_clear();
        for (name, value) in home.env() {
            command.env(name, value);
        }
        command.cwd(home.path());
        let child = pair.slave.spawn_command(command).expect("the program starts");
        let pid = child.process_id().expect("a process id");
        // The program's own handles are the only ones left, so its end is the end of the bytes.
        drop(pair.slave);
        // Handles of our own: what `portable_pty` gives types an end of file when it is dropped.
        let reader = handle(&*pair.master);
        let writer: Writer = Arc::new(Mutex::new(handle(&*pair.master)));
        let (reading, stop) = UnixStream::pair().expect("a pair of sockets");
        let terminal = Terminal {
            answers: options.answers,
            pending: Vec::new(),
            clipboard: Vec::new(),
            title: String::new(),
        };
        // A terminal that was given no size has one all the same, only nobody knows it.
        let or = |given, usual| at_least_one(if given == 0 { usual } else { given });
        let (rows, cols) = (or(options.rows, 24), or(options.cols, 80));
        let state = State {
            parser: vt100::Parser::new_with_callbacks(rows, cols, 0, terminal),
            raw: Vec::new(),
            total: 0,
            marks: Vec::new(),
            at_end: false,
            exit: None,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let (for_reader, answer_to) = (shared.clone(), writer.clone());
        std::thread::spawn(move || read((reader, stop), &for_reader, answer_to, options.emulation));
        let for_waiter = shared.clone();
        std::thread::spawn(move || {
            let exit = wait_for_exit(pid);
            for_waiter.lock().exit = Some(exit);
            for_waiter.changed.notify_all();
        });
        Self {
            shared,
            master: Some(pair.master),
            writer: Some(writer),
            reading: Some(reading),
            pid,
            modes_before,
        }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until the screen is as `is_so` wants it; fails with the screen after [`LIMIT`], or as
    /// soon as the program has ended without it.
    #[track_caller]
    pub fn wait_for(&self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) -> Instant {
        self.wait_within(LIMIT, what, is_so)
    }

    /// [`Pty::wait_for`] with another limit, for measurements.
    #[track_caller]
    pub fn wait_within(
        &self,
        limit: Duration,
        what: &str,
        is_so: impl Fn(&vt100::Screen) -> bool,
    ) -> Instant {
        let state = self.wait_state(limit, |state| state.is_over() || is_so(state.parser.screen()));
        if !is_so(state.parser.screen()) {
            let end = state.exit.map_or("it runs".to_owned(), |exit| exit.status.to_string());
            let screen = framed(state.parser.screen());
            drop(state);
            panic!("waited for {what}; {end}; the screen:\n{screen}");
        }
        state.marks.last().map_or_else(Instant::now, |(_, at)| *at)
    }

    /// Waits until `text` stands somewhere on the screen (within one row).
    #[track_caller]
    pub fn wait_for_text(&self, text: &str) -> Instant {
        self.wait_for(&format!("{text:?}"), |screen| rows(screen).iter().any(|row| row.contains(text)))
    }

    /// Waits until `text` stands nowhere on the screen.
    #[track_caller]
    pub fn wait_for_no_text(&self, text: &str) -> Instant {
        self.wait_for(&format!("no {text:?}"), |screen| !rows(screen).iter().any(|row| row.contains(text)))
    }

    /// Waits until the bytes it wrote hold `needle`; when they had come. (The beginning is kept only:
    /// 16 MiB.)
    #[track_caller]
    pub fn wait_for_bytes(&self, needle: &[u8]) -> Instant {
        let state = self.wait_state(LIMIT, |state| state.is_over() || find(&state.raw, needle).is_some());
        let Some(at) = find(&state.raw, needle) else {
            let shown = String::from_utf8_lossy(&state.raw).escape_debug().to_string();
            drop(state);
            panic!("waited for {:?}, got {shown}", String::from_utf8_lossy(needle));
        };
        let mark = state.marks.iter().find(|(length, _)| *length > at);
        mark.map_or_else(Instant::now, |(_, at)| *at)
    }

    /// Types text.
    pub fn send_keys(&self, text: &str) {
        self.send(text.as_bytes());
    }

    /// Presses a key.
    pub fn key(&self, key: Key) {
        self.send(&key.bytes());
    }

    /// Pastes text, bracketed as a terminal does once it was asked to.
    pub fn paste(&self, text: &str) {
        let is_bracketed = self.shared.lock().parser.screen().bracketed_paste();
        let text = text.replace('\n', "\r");
        let bytes = if is_bracketed { format!("\x1b[200~{text}\x1b[201~") } else { text };
        self.send(bytes.as_bytes());
    }

    /// Sends bytes as they are.
    pub fn send(&self, bytes: &[u8]) {
        let writer = self.writer.as_ref().expect("the terminal is there");
        let mut writer = writer.lock().expect("no writer panicked");
        writer.write_all(bytes).expect("the terminal takes input");
        writer.flush().expect("the terminal takes input");
    }

    /// Changes the size of the terminal.
    pub fn resize(&self, cols: u16, rows: u16) {
        self.shared.lock().parser.screen_mut().set_size(at_least_one(rows), at_least_one(cols));
        let master = self.master.as_ref().expect("the terminal is there");
        master.resize(pty_size(cols, rows)).expect("the terminal is resized");
    }

    /// Sends a signal (`libc::SIGTERM`).
    pub fn signal(&self, signal: i32) {
        let state = self.shared.lock();
        assert!(state.exit.is_none(), "the program has ended before the signal");
        send_signal(self.pid, signal);
    }

    /// Kills it as a power cut would.
    pub fn kill9(&self) {
        self.signal(libc::SIGKILL);
    }

    /// Closes the terminal, as its window closes.
    pub fn hang_up(&mut self) {
        self.reading = None;
        self.master = None;
        self.writer = None;
    }

    /// Waits until the program has written nothing for `quiet`.
    #[track_caller]
    pub fn wait_quiet(&self, quiet: Duration) {
        let until = Instant::now() + LIMIT;
        while !self.is_quiet(quiet) {
            assert!(Instant::now() < until, "it never stops writing; the screen:\n{}", self.screen_text());
        }
    }

    /// Whether it writes nothing for `quiet` from now on: waits so long, less if it does.
    pub fn is_quiet(&self, quiet: Duration) -> bool {
        let before = self.written();
        let state = self.wait_state(quiet, |state| state.total != before);
        state.total == before
    }

    /// Waits for its end, and for the last of its bytes.
    #[track_caller]
    pub fn wait_exit(&self) -> Exit {
        let state = self.wait_state(LIMIT, State::is_over);
        match state.exit {
            Some(exit) if state.at_end => exit,
            _ => {
                let screen = framed(state.parser.screen());
                drop(state);
                panic!("waited for its end; the screen:\n{screen}");
            }
        }
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> bool {
        self.shared.lock().exit.is_none()
    }

    /// The rows of the screen, without the blanks at their ends.
    pub fn screen_text(&self) -> String {
        rows(self.shared.lock().parser.screen()).join("\n")
    }

    /// Looks at the screen as it is now (colours, cells).
    pub fn with_screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.shared.lock().parser.screen())
    }

    /// Row and column of the cursor, from 0; `None` while it is hidden.
    pub fn cursor(&self) -> Option<(u16, u16)> {
        let state = self.shared.lock();
        let screen = state.parser.screen();
        (!screen.hide_cursor()).then(|| screen.cursor_position())
    }

    /// All bytes it wrote (the first 16 MiB).
    pub fn raw_output(&self) -> Vec<u8> {
        self.shared.lock().raw.clone()
    }

    /// All bytes it wrote (the first 16 MiB) in the pieces that they came in, with their times.
    pub fn recording(&self) -> Vec<(Instant, Vec<u8>)> {
        let state = self.shared.lock();
        let mut pieces = Vec::new();
        let mut begin = 0;
        for (end, at) in &state.marks {
            if *end > begin {
                pieces.push((*at, state.raw[begin..*end].to_vec()));
                begin = *end;
            }
        }
        pieces
    }

    /// How many bytes it wrote.
    pub fn written(&self) -> u64 {
        self.shared.lock().total
    }

    /// When the last of its bytes had come.
    pub fn last_byte_at(&self) -> Option<Instant> {
        self.shared.lock().marks.last().map(|(_, at)| *at)
    }

    /// What it copied by OSC 52, still in base64.
    pub fn clipboard(&self) -> Vec<Vec<u8>> {
        self.shared.lock().parser.callbacks().clipboard.clone()
    }

    /// The window's title.
    pub fn title(&self) -> String {
        self.shared.lock().parser.callbacks().title.clone()
    }

    /// Fails unless the terminal is as the program found it: modes of the screen and of the line.
    #[track_caller]
    pub fn assert_restored(&self) {
        let left = left_behind(&self.raw_output());
        assert!(left.is_empty(), "left behind: {left:?}");
        let master = self.master.as_ref().expect("the terminal is there");
        assert_eq!(modes(&**master), self.modes_before, "the terminal's line modes");
    }

    fn wait_state(&self, limit: Duration, is_so: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(state, limit, |state| !is_so(state));
        waited.expect("no thread of the terminal panicked").0
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // While nobody has waited for it the id is still the program's own.
        if let Ok(state) = self.shared.state.lock()
            && state.exit.is_none()
        {
            send_signal(self.pid, libc::SIGKILL);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread of the terminal panicked")
    }
}

impl State {
    fn is_over(&self) -> bool {
        self.at_end && self.exit.is_some()
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = KEPT_BYTES.saturating_sub(self.raw.len()).min(bytes.len());
        self.raw.extend_from_slice(&bytes[..room]);
    }
}

const KEPT_BYTES: usize = 16 << 20;

fn read((mut reader, stop): (File, UnixStream), shared: &Shared, answer_to: Writer, emulation: Emulation) {
    let mut bytes = vec![0; 64 << 10];
    while is_open(&reader, &stop)
        && let Ok(count @ 1..) = reader.read(&mut bytes)
    {
        let now = Instant::now();
        let mut state = shared.lock();
        let bytes = &bytes[..count];
        state.total += count as u64;
        let answer = match emulation {
            Emulation::Drain => Vec::new(),
            Emulation::Record => {
                state.keep(bytes);
                Vec::new()
            }
            Emulation::Screen => {
                state.keep(bytes);
                state.parser.process(bytes);
                std::mem::take(&mut state.parser.callbacks_mut().pending)
            }
        };
        let length = state.raw.len();
        state.marks.push((length, now));
        drop(state);
        shared.changed.notify_all();
        if !answer.is_empty() {
            let mut writer = answer_to.lock().expect("no writer panicked");
            let _ = writer.write_all(&answer).and_then(|()| writer.flush());
        }
    }
    // Before the end is told: who waits for it may want the terminal to be gone.
    drop((reader, answer_to));
    shared.lock().at_end = true;
    shared.changed.notify_all();
}

/// Waits for bytes; false once the terminal is to be closed.
fn is_open(reader: &File, stop: &UnixStream) -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut fds = [PollFd::new(reader, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
    while poll(&mut fds, None).is_err_and(|error| error == rustix::io::Errno::INTR) {}
    fds[1].revents().is_empty()
}

/// A handle of the terminal's own side.
#[allow(unsafe_code)]
fn handle(master: &dyn MasterPty) -> File {
    let fd = master.as_raw_fd().expect("a terminal has a file descriptor");
    // SAFETY: `master` is alive and holds it open for this call.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    File::from(fd.as_fd().try_clone_to_owned().expect("a second handle"))
}

/// The rows of a screen, without the blanks at their ends.
pub fn rows(screen: &vt100::Screen) -> Vec<String> {
    let (_, cols) = screen.size();
    screen.rows(0, cols.get()).map(|row| row.trim_end().to_owned()).collect()
}

/// The last row of a screen that is not blank: the status bar.
pub fn last_row(screen: &vt100::Screen) -> String {
    rows(screen).into_iter().rfind(|row| !row.is_empty()).unwrap_or_default()
}

fn framed(screen: &vt100::Screen) -> String {
    let rows: Vec<String> = rows(screen).into_iter().map(|row| format!("│{row}")).collect();
    rows.join("\n")
}

fn at_least_one(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("a terminal has rows and columns")
}

fn pty_size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

/// The line modes, to be compared.
fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().expect("the terminal has modes"))
}

/// The place of `needle` in `bytes`.
pub fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

/// What a program that wrote `raw` left switched on (or off) in the terminal: private modes other
/// than they were, keyboard flags pushed and not popped.
pub fn left_behind(raw: &[u8]) -> Vec<String> {
    let mut modes = std::collections::BTreeMap::from([(7, true), (25, true)]);
    let defaults = modes.clone();
    let mut pushed = 0i64;
    let mut other_keys = false;
    let mut at = 0;
    while let Some(start) = find(&raw[at..], b"\x1b[").map(|i| at + i + 2) {
        let end = raw[start..].iter().position(|byte| (0x40..=0x7e).contains(byte));
        let Some(end) = end.map(|i| start + i) else { break };
        let body = String::from_utf8_lossy(&raw[start..end]).into_owned();
        let numbers = |text: &str| text.split(';').filter_map(|n| n.parse().ok()).collect::<Vec<u16>>();
        match (body.chars().next(), raw[end]) {
            (Some('?'), b'h' | b'l') => {
                modes.extend(numbers(&body[1..]).into_iter().map(|mode| (mode, raw[end] == b'h')));
            }
            (Some('>'), b'u') => pushed += 1,
            (Some('<'), b'u') => pushed -= numbers(&body[1..]).first().map_or(1, |n| i64::from(*n)),
            (Some('>'), b'm') => other_keys = numbers(&body[1..]).get(1).is_some_and(|n| *n > 0),
            _ => {}
        }
        at = end + 1;
    }
    let mut left: Vec<String> = modes
        .into_iter()
        .filter(|(mode, is_on)| *is_on != defaults.contains_key(mode))
        .map(|(mode, is_on)| format!("mode {mode} {}", if is_on { "on" } else { "off" }))
        .collect();
    if pushed > 0 {
        left.push(format!("{pushed} keyboard flags"));
    }
    if other_keys {
        left.push("modifyOtherKeys".to_owned());
    }
    left
}

#[allow(unsafe_code)]
pub fn send_signal(pid: u32, signal: i32) {
    // SAFETY: `kill` reads two numbers. The process is a child of ours that nobody has waited for.
    let result = unsafe { libc::kill(pid as libc::pid_t, signal) };
    assert!(result == 0 || signal == libc::SIGKILL, "the signal is sent");
}

/// Waits for a child with what it cost, which the standard library does not tell.
#[allow(unsafe_code)]
fn wait_for_exit(pid: u32) -> Exit {
    let mut status = 0;
    // SAFETY: all bits zero are a valid `rusage`; `wait4` writes to two places that outlive the call.
    let (waited, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        let waited = loop {
            let waited = libc::wait4(pid as libc::pid_t, &mut status, 0, &mut usage);
            if waited != -1 || std::io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
                break waited;
            }
        };
        (waited, usage)
    };
    assert_eq!(waited, pid as libc::pid_t, "the child is waited for");
    let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
    Exit {
        status: ExitStatus::from_raw(status),
        cpu: time(usage.ru_utime) + time(usage.ru_stime),
        at: Instant::now(),
    }
}
