//! The program in pipes, while it runs: what it has said so far is waited for, signals are sent, its
//! standard output is closed early. (For a run from beginning to end there is [`Home::run`].)

use std::io::{Read, Write};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use super::{Home, LIMIT, pty::send_signal};

/// How much of standard output is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// All of it.
    All,
    /// So many bytes; then the pipe is closed, as `head -c` does.
    First(usize),
}

/// A running program; dropping it kills it.
pub struct Piped {
    shared: Arc<Shared>,
    pid: u32,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    out: Vec<u8>,
    err: Vec<u8>,
    ended: usize,
    status: Option<ExitStatus>,
}

impl State {
    fn is_over(&self) -> bool {
        self.ended == 2 && self.status.is_some()
    }
}

impl Piped {
    /// Starts `chatui ARGS…` with nothing on standard input.
    pub fn start(home: &Home, args: &[&str]) -> Self {
        Self::started(home, args, b"", Reading::All)
    }

    /// Starts it with `stdin` on standard input, and reads so much of its standard output.
    pub fn started(home: &Home, args: &[&str], stdin: &[u8], reading: Reading) -> Self {
        let mut command = home.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut input = child.stdin.take().expect("piped");
        let stdin = stdin.to_vec();
        std::thread::spawn(move || {
            let _ = input.write_all(&stdin);
        });
        let shared = Arc::new(Shared::default());
        let (out, err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let limit = match reading {
            Reading::All => u64::MAX,
            Reading::First(bytes) => bytes as u64,
        };
        shared.clone().read(out.take(limit), |state| &mut state.out);
        shared.clone().read(err, |state| &mut state.err);
        let pid = child.id();
        let waits = shared.clone();
        std::thread::spawn(move || {
            let status = child.wait().expect("the child is waited for");
            waits.lock().status = Some(status);
            waits.changed.notify_all();
        });
        Self { shared, pid }
    }

    /// Waits until standard output holds `text`.
    #[track_caller]
    pub fn wait_for_stdout(&self, text: &str) {
        let holds = |state: &State| super::pty::find(&state.out, text.as_bytes()).is_some();
        let state = self.shared.wait(|state| state.is_over() || holds(state));
        assert!(holds(&state), "waited for {text:?}; {}", told(&state));
    }

    /// Sends a signal.
    pub fn signal(&self, signal: i32) {
        let state = self.shared.lock();
        assert!(state.status.is_none(), "it has ended before the signal; {}", told(&state));
        send_signal(self.pid, signal);
    }

    /// Waits for its end.
    #[track_caller]
    pub fn finish(self) -> Output {
        let mut state = self.shared.wait(State::is_over);
        let Some(status) = state.status.filter(|_| state.ended == 2) else {
            panic!("it does not end; {}", told(&state));
        };
        Output { status, stdout: std::mem::take(&mut state.out), stderr: std::mem::take(&mut state.err) }
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        if let Ok(state) = self.shared.state.lock()
            && state.status.is_none()
        {
            send_signal(self.pid, libc::SIGKILL);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread of the pipes panicked")
    }

    fn wait(&self, is_so: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.changed.wait_timeout_while(self.lock(), LIMIT, |state| !is_so(state));
        waited.expect("no thread of the pipes panicked").0
    }

    fn read(self: Arc<Self>, mut from: impl Read + Send + 'static, into: fn(&mut State) -> &mut Vec<u8>) {
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                into(&mut self.lock()).extend_from_slice(&bytes[..count]);
                self.changed.notify_all();
            }
            // Closes the pipe where only the first bytes were wanted.
            drop(from);
            self.lock().ended += 1;
            self.changed.notify_all();
        });
    }
}

fn told(state: &State) -> String {
    format!(
        "status {:?}, standard output {:?}, standard error {:?}",
        state.status,
        String::from_utf8_lossy(&state.out),
        String::from_utf8_lossy(&state.err)
    )
}
