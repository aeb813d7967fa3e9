//! Standard output that may be held up: a terminal that hangs, a pager that waits.
//!
//! A write that blocks in the kernel goes on blocking over a signal, and the process could be ended by
//! nothing but SIGKILL. So nothing is written before there is room: while there is none it is waited
//! for, and a signal that ends the process ends that wait ([`PATIENCE`] later) with `TimedOut`.
//! A terminal is opened a second time for this, because not to block is a property that standard
//! output shares with the shell. Where that cannot be done, little is written at a time.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// How long after a signal a reader that takes nothing is waited for.
const PATIENCE: Duration = Duration::from_millis(300);
/// Between two looks for a signal that came just before the wait began.
const LOOK_AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// A pipe that can be written takes this much without blocking.
const PIECE: usize = 4096;

/// Whether a signal has asked the process to end. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Ending(Arc<AtomicBool>);

impl Ending {
    /// Listens beside whoever else does.
    ///
    /// # Errors
    /// Signals can't be listened to.
    pub fn watch() -> io::Result<Self> {
        let ending = Self::default();
        for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT, libc::SIGQUIT] {
            signal_hook::flag::register(signal, Arc::clone(&ending.0))?;
        }
        Ok(ending)
    }

    /// The signal that came was not meant for this program.
    pub fn forget(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    pub(super) fn has_come(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Standard output without std's buffer and lock.
#[derive(Debug)]
pub struct Out {
    /// The terminal, opened so that a write never blocks.
    terminal: Option<File>,
    ending: Ending,
}

impl Out {
    /// Standard output as it is now.
    pub fn new(ending: Ending) -> Self {
        let reopen = || {
            let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
            OpenOptions::new().write(true).custom_flags(flags).open("/proc/self/fd/1").ok()
        };
        let terminal = if io::stdout().is_terminal() { reopen() } else { None };
        Self { terminal, ending }
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.terminal.as_ref().map_or_else(|| rustix::stdio::stdout(), AsFd::as_fd)
    }

    fn wait(&self) -> io::Result<()> {
        let fd = self.fd();
        let mut until = None;
        loop {
            match poll(&mut [PollFd::new(&fd, PollFlags::OUT)], Some(&LOOK_AGAIN)) {
                Ok(0) | Err(Errno::INTR) => {}
                // Also where it is gone: the write says how.
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            if self.ending.has_come() {
                let now = Instant::now();
                if *until.get_or_insert(now + PATIENCE) <= now {
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut piece = bytes;
        if self.terminal.is_none() {
            self.wait()?;
            piece = &bytes[..bytes.len().min(PIECE)];
        }
        loop {
            match rustix::io::write(self.fd(), piece) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait()?,
                written => return Ok(written?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
