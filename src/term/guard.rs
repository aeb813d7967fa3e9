//! Takes the terminal over and gives it back, whatever ends the process.
//!
//! Leaving is asked for by [`Guard::leave`], by its drop, by the panic hook and by the path of a signal
//! ([`restore_now`]); the first one does it, the others find it done. Hence the one static of the program:
//! a panic hook and a signal have no value at hand to ask how the terminal was before. crossterm switches to
//! raw mode (its parser asks itself whether it did), but what to go back to is recorded here.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, kill_current_process_group};
use rustix::termios::{
    LocalModes, OptionalActions, Termios, Winsize, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
};

use super::frame::TtyOut;
use crate::theme::Rgb;

/// How the terminal was before, and whether it is ours now. See the head of this module.
static BEFORE: Mutex<Option<(Termios, Options)>> = Mutex::new(None);
static ENTERED: AtomicBool = AtomicBool::new(false);
/// Whether the cursor has a colour of ours.
static CURSOR: AtomicBool = AtomicBool::new(false);

/// Gives the cursor the colour that the terminal was set up with.
const CURSOR_OWN: &str = "\x1b]112\x1b\\";

/// How long restoring waits for a terminal that takes no bytes (stopped with Ctrl-S, a dead link).
const PATIENCE: Duration = Duration::from_millis(300);

/// How keys with modifiers are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum KeyReports {
    /// The kitty protocol's first flag; terminals that don't know it ignore it.
    #[default]
    Kitty,
    /// Also xterm's `modifyOtherKeys`, for tmux with `extended-keys-format csi-u`. It changes
    /// how keys come that need no help, so it must not be asked for unseen.
    KittyAndModifyOtherKeys,
}

/// Whether the mouse is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MouseReports {
    /// It is the terminal's: to select, to paste.
    Off,
    /// Buttons and the wheel. Never moves: each would wake a program that has nothing to do.
    #[default]
    Buttons,
}

/// What to ask of the terminal on entering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Options {
    /// How keys are reported.
    pub keys: KeyReports,
    /// Whether the mouse is reported.
    pub mouse: MouseReports,
}

/// The terminal is ours while this lives.
#[derive(Debug)]
pub struct Guard {
    options: Options,
}

impl Guard {
    /// Raw mode, alternate screen, bracketed paste, unambiguous keys, the mouse. Standard input and output are a
    /// terminal: who calls has looked.
    pub fn enter(options: Options) -> io::Result<Guard> {
        take(options)?;
        Ok(Guard { options })
    }

    /// Gives the terminal back; a second time does nothing.
    pub fn leave(&mut self) {
        restore_now();
    }

    /// Whether somebody else gave the terminal back: a task panicked. Nothing may be drawn any more.
    pub fn is_lost(&self) -> bool {
        !ENTERED.load(Ordering::SeqCst)
    }

    /// Gives the terminal back, stops the process group as Ctrl-Z does, and takes the terminal again when it
    /// goes on. All is to be drawn anew, perhaps in another size. Nobody may catch SIGTSTP, or it stops nothing.
    pub fn suspend(&mut self) -> io::Result<()> {
        restore_now();
        // The whole group, so that a wrapper (a script, cargo) stops with us and the shell gets its prompt.
        let stopped = kill_current_process_group(Signal::TSTP);
        take(self.options)?;
        stopped.map_err(io::Error::from)
    }

    /// Gives the terminal to another program, which runs in it until [`Guard::take_back`].
    pub fn lend(&mut self) {
        restore_now();
    }

    /// Takes the terminal again, in whatever state the other program left it. All is to be drawn anew.
    pub fn take_back(&mut self) -> io::Result<()> {
        // What was recorded is how the shell left it; the other program's leavings must not take its place.
        let before = BEFORE.lock().ok().and_then(|before| before.clone());
        if let Some((termios, _)) = before {
            tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &termios)?;
        }
        take(self.options)
    }

    /// The program ends while another one had the terminal: giving it back undoes what that one left.
    pub fn answer_for(&mut self) {
        ENTERED.store(true, Ordering::SeqCst);
    }

    /// The process goes on after a stop that no key asked for, or another program was at the terminal: it is
    /// taken again where its modes were reset. All is to be drawn anew.
    pub fn go_on(&mut self) -> io::Result<()> {
        let modes = tcgetattr(rustix::stdio::stdin())?.local_modes;
        if !modes.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG) {
            return Ok(());
        }
        restore_now();
        take(self.options)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore_now();
    }
}

/// Gives the terminal back now, from wherever: a panic, a signal's path, an exit without unwinding. Does
/// nothing if it is not ours. Never fails and never waits long: the terminal may be gone.
pub fn restore_now() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    // A panic while the lock is held must not wait for itself; crossterm's own record is the second choice.
    let before = match BEFORE.try_lock() {
        Ok(before) => before.clone(),
        Err(std::sync::TryLockError::Poisoned(poisoned)) => poisoned.into_inner().clone(),
        Err(std::sync::TryLockError::WouldBlock) => None,
    };
    let options = before.as_ref().map(|(_, options)| *options).unwrap_or_default();
    let mut bytes = Vec::with_capacity(96);
    // Writing into a vector cannot fail.
    let _ = write_leave(&mut bytes, options);
    if CURSOR.swap(false, Ordering::SeqCst) {
        bytes.extend_from_slice(CURSOR_OWN.as_bytes());
    }
    write_bounded(&bytes, Instant::now() + PATIENCE);
    // The kernel's side even where the sequences were not taken. crossterm forgets its raw mode, then ours
    // has the last word.
    let _ = crossterm::terminal::disable_raw_mode();
    if let Some((termios, _)) = before {
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &termios);
    }
}

/// The sequence that gives the cursor a colour, or its own one back. Leaving gives that back too.
pub fn cursor_colour(colour: Option<Rgb>) -> String {
    CURSOR.store(colour.is_some(), Ordering::SeqCst);
    match colour {
        Some(Rgb(r, g, b)) => format!("\x1b]12;#{r:02x}{g:02x}{b:02x}\x1b\\"),
        None => CURSOR_OWN.to_owned(),
    }
}

/// Before a panic's message is printed, the terminal is given back; after it, the log is named.
pub fn install_panic_hook(log: Option<PathBuf>) {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        restore_now();
        print(info);
        // Standard error may be gone with the terminal; then there is nobody to tell.
        if let Some(log) = &log {
            let _ = writeln!(io::stderr(), "chatui crashed, which is a bug. The log: {}", log.display());
        }
    }));
}

fn take(options: Options) -> io::Result<()> {
    let termios = tcgetattr(rustix::stdio::stdin())?;
    give_size();
    match BEFORE.lock() {
        Ok(mut before) => *before = Some((termios, options)),
        Err(poisoned) => *poisoned.into_inner() = Some((termios, options)),
    }
    // From here on there is something to give back, also when the next lines fail.
    ENTERED.store(true, Ordering::SeqCst);
    let entered = crossterm::terminal::enable_raw_mode().and_then(|()| {
        let mut bytes = Vec::with_capacity(64);
        write_enter(&mut bytes, options)?;
        TtyOut.write_all(&bytes)
    });
    if entered.is_err() {
        restore_now();
    }
    entered
}

/// A terminal that nobody gave a size (a serial line, a bare pseudo terminal) gets the usual one: in one
/// of no columns nothing could be shown. That it has none is no reason to fail, nor is this.
fn give_size() {
    let stdout = rustix::stdio::stdout();
    let Ok(size) = tcgetwinsize(stdout) else { return };
    if size.ws_col == 0 || size.ws_row == 0 {
        let or = |given, usual| if given == 0 { usual } else { given };
        let size = Winsize { ws_row: or(size.ws_row, 24), ws_col: or(size.ws_col, 80), ..size };
        let _ = tcsetwinsize(stdout, size);
    }
}

/// The keyboard flags of the alternate screen are their own stack, so they are pushed after it is entered.
fn write_enter(out: &mut impl Write, options: Options) -> io::Result<()> {
    out.write_all(b"\x1b[?1049h\x1b[?2004h\x1b[>1u")?;
    match options.keys {
        KeyReports::Kitty => {}
        KeyReports::KittyAndModifyOtherKeys => out.write_all(b"\x1b[>4;2m")?,
    }
    match options.mouse {
        MouseReports::Off => Ok(()),
        // 1006: columns beyond 223, and numbers instead of characters that may be none.
        MouseReports::Buttons => out.write_all(b"\x1b[?1000h\x1b[?1006h"),
    }
}

/// Starts with ST, which ends whatever sequence a broken frame left open.
fn write_leave(out: &mut impl Write, options: Options) -> io::Result<()> {
    out.write_all(b"\x1b\\\x1b[?2026l\x1b[0m")?;
    match options.keys {
        KeyReports::Kitty => {}
        KeyReports::KittyAndModifyOtherKeys => out.write_all(b"\x1b[>4m")?,
    }
    match options.mouse {
        MouseReports::Off => {}
        MouseReports::Buttons => out.write_all(b"\x1b[?1006l\x1b[?1000l")?,
    }
    out.write_all(b"\x1b[<1u\x1b[?2004l\x1b[?1049l\x1b[?25h")
}

fn write_bounded(mut bytes: &[u8], until: Instant) {
    let stdout = rustix::stdio::stdout();
    while !bytes.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(left.subsec_nanos()) };
        match poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], Some(&timeout)) {
            Ok(0) => return,
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
        }
        match rustix::io::write(stdout, bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_undoes_entering() {
        for (keys, mouse) in [
            (KeyReports::Kitty, MouseReports::Buttons),
            (KeyReports::KittyAndModifyOtherKeys, MouseReports::Off),
        ] {
            let options = Options { keys, mouse };
            let mut screen = vt100::Parser::new(5.try_into().unwrap(), 20.try_into().unwrap(), 0);
            screen.process(b"$ chatui");
            let mut bytes = Vec::new();
            write_enter(&mut bytes, options).unwrap();
            screen.process(&bytes);
            assert!(screen.screen().alternate_screen() && screen.screen().bracketed_paste());
            let reported = match mouse {
                MouseReports::Off => vt100::MouseProtocolMode::None,
                MouseReports::Buttons => vt100::MouseProtocolMode::PressRelease,
            };
            assert_eq!(screen.screen().mouse_protocol_mode(), reported);
            // A frame that broke off within an OSC, with the cursor hidden and colours on.
            screen.process(b"\x1b[?2026h\x1b[?25l\x1b[31;1mred\x1b]8;;http://exam");
            bytes.clear();
            write_leave(&mut bytes, options).unwrap();
            screen.process(&bytes);
            let after = screen.screen();
            assert!(!after.alternate_screen() && !after.bracketed_paste() && !after.hide_cursor());
            assert_eq!(after.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
            assert_eq!(after.mouse_protocol_encoding(), vt100::MouseProtocolEncoding::Default);
            assert_eq!(after.fgcolor(), vt100::Color::Default);
            assert!(!after.bold());
            assert_eq!(after.contents(), "$ chatui");
        }
    }

    #[test]
    fn flags_are_pushed_within_the_alternate_screen_and_popped_there() {
        let at = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|w| w == what).unwrap();
        let mut enter = Vec::new();
        write_enter(&mut enter, Options::default()).unwrap();
        assert!(at(&enter, b"\x1b[?1049h") < at(&enter, b"\x1b[>1u"));
        let mut leave = Vec::new();
        write_leave(&mut leave, Options::default()).unwrap();
        assert!(at(&leave, b"\x1b[<1u") < at(&leave, b"\x1b[?1049l"));
        assert!(at(&leave, b"\x1b[?2026l") < at(&leave, b"\x1b[?1049l"));
    }

    #[test]
    fn restoring_what_was_never_taken_does_nothing() {
        restore_now();
        restore_now();
        assert!(!ENTERED.load(Ordering::SeqCst));
    }
}
