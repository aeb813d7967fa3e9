//! Reads what the terminal sends, on a thread of its own, as soon as it is there.
//!
//! The thread asks the kernel whether there *is* something to read, not whether something came, and asks
//! again after each read: whatever else happens at that moment (a new size, a signal, a burst), no byte
//! waits for the next one. While nothing comes it is not scheduled. Dropping the [`Reader`] ends it, before
//! it reads anything more. It knows no sizes: those come with a signal.

use std::io;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use crossterm::event::Event;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::sync::mpsc;

use super::parse::Parser;

/// Events that are read ahead of who takes them.
const AHEAD: usize = 1024;
/// The kernel holds no more.
const PIECE: usize = 4096;
/// How long after a key's first bytes the rest must come; Alt-[ and Alt-O look like the first bytes.
const DOUBT: Duration = Duration::from_millis(50);

/// The terminal's events, from now on.
#[derive(Debug)]
pub struct Reader {
    events: mpsc::Receiver<Event>,
    /// Its other end is the thread's: that it closes ends the thread.
    stop: UnixStream,
}

impl Reader {
    /// Starts to read standard input, which is a terminal in raw mode.
    ///
    /// # Errors
    /// The system gives no thread or no descriptor.
    pub fn start() -> io::Result<Self> {
        let (stop, stopped) = UnixStream::pair()?;
        let (sender, events) = mpsc::channel(AHEAD);
        thread::Builder::new().name("terminal".to_owned()).spawn(move || read(&sender, &stopped))?;
        Ok(Self { events, stop })
    }

    /// Waits for events and adds all that are ready; `false` once the terminal is closed. Dropping the wait
    /// loses nothing.
    pub async fn next(&mut self, out: &mut Vec<Event>) -> bool {
        self.events.recv_many(out, AHEAD).await > 0
    }

    /// Reads no more: what is typed from now on is for somebody else. What was read is given.
    pub async fn stop(self, out: &mut Vec<Event>) {
        let Self { mut events, stop } = self;
        drop(stop);
        while events.recv_many(out, AHEAD).await > 0 {}
    }
}

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ready {
    Stop,
    Bytes,
    Nothing,
}

/// Until the terminal is closed, or nobody takes events any more.
fn read(events: &mpsc::Sender<Event>, stop: &UnixStream) {
    let mut parser = Parser::default();
    let mut piece = [0; PIECE];
    let mut parsed = Vec::new();
    loop {
        match ready(stop, parser.is_in_doubt().then_some(DOUBT)) {
            Ready::Stop => return,
            Ready::Nothing => parser.give_up(&mut parsed),
            Ready::Bytes => {
                match rustix::io::read(rustix::stdio::stdin(), &mut piece) {
                    // Closed; with a hang-up there would be "something to read" forever.
                    Ok(0) => return,
                    Ok(count) => parser.feed(&piece[..count], &mut parsed),
                    Err(Errno::INTR | Errno::AGAIN) => {}
                    Err(error) => {
                        tracing::debug!("the terminal can't be read any more: {error}");
                        return;
                    }
                }
                // What a terminal sends for one key comes at once, so an Escape with nothing behind it is one.
                if parser.after_escape() && ready(stop, Some(Duration::ZERO)) != Ready::Bytes {
                    parser.pause(&mut parsed);
                }
            }
        }
        for event in parsed.drain(..) {
            if events.blocking_send(event).is_err() {
                return;
            }
        }
    }
}

/// Waits until there is something to do, at most for `patience`.
fn ready(stop: &UnixStream, patience: Option<Duration>) -> Ready {
    let stdin = rustix::stdio::stdin();
    let patience = patience.map(|patience| Timespec {
        tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(patience.subsec_nanos()),
    });
    loop {
        let mut fds = [PollFd::new(stop, PollFlags::IN), PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut fds, patience.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            // Reading tells what is wrong.
            Err(_) => return Ready::Bytes,
        }
        return match fds.each_ref().map(|fd| fd.revents().is_empty()) {
            [false, _] => Ready::Stop,
            [true, false] => Ready::Bytes,
            [true, true] => Ready::Nothing,
        };
    }
}
