//! Runs a program of the person's that prints a little, beside a chat that has the terminal.
//!
//! It gets no input and a process group of its own, in the background: where it reads from the terminal or
//! sets its modes, the system stops it, which is told and ends it. (A session of its own would keep it off
//! the terminal altogether; only code that is unsafe can start one.) It is over when it ends or closes its
//! output, whichever is first, and its whole group with it, whatever it left running there.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::signal::unix::{self, SignalKind};
use tokio::time::{Instant, sleep_until, timeout};

/// The most bytes that are kept: the first of what it printed, the last of what it said beside that.
const MOST: usize = 64 << 10;
/// How long one that has closed its output may take to end, and how long the output of one that has ended
/// is waited for: a stranger to its group may hold it open.
const GRACE: Duration = Duration::from_millis(300);

/// What came of a program.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// How it ended; `None`: it closed its output (or printed too much) and was ended.
    pub(super) status: Option<ExitStatus>,
    /// The first bytes of its output.
    pub(super) stdout: Vec<u8>,
    /// The last bytes of what it said beside its output.
    pub(super) stderr: Vec<u8>,
}

/// Why there is no output.
#[derive(Debug)]
pub(super) enum Trouble {
    NotFound,
    NotRun(io::Error),
    TooSlow,
    AsksTerminal,
}

/// A process group; it ends with this.
struct Group(Pid);

impl Drop for Group {
    fn drop(&mut self) {
        // Nobody may be left in it.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

impl Group {
    /// Whether its first process was stopped. That it has ended is not asked: that is `Child`'s to take.
    fn is_stopped(&self) -> bool {
        let asked = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        matches!(waitid(WaitId::Pid(self.0), asked), Ok(Some(status)) if status.stopped())
    }
}

/// Runs it for `limit` at most. Dropping this ends it.
pub(super) async fn run(words: &[String], limit: Duration) -> Result<Output, Trouble> {
    let (program, arguments) = words.split_first().ok_or(Trouble::NotFound)?;
    // The system tells of a stop as it tells of an end; listened to before there is anything to tell.
    let mut told = unix::signal(SignalKind::child()).map_err(Trouble::NotRun)?;
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    let mut child = child.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Trouble::NotFound,
        _ => Trouble::NotRun(error),
    })?;
    let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let group = Group(pid.ok_or_else(|| Trouble::NotRun(io::ErrorKind::NotFound.into()))?);
    let mut said = Said {
        stdout: child.stdout.take(),
        stderr: child.stderr.take(),
        output: Output::default(),
        closed: None,
    };
    let ended = timeout(limit, said.listen(&mut child, &group, &mut told)).await;
    said.output.status = ended.map_err(|_| Trouble::TooSlow)??;
    drop(group);
    said.rest().await;
    Ok(said.output)
}

/// What it says.
struct Said {
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    output: Output,
    /// Since when there is no more output.
    closed: Option<Instant>,
}

impl Said {
    /// Listens until it ends, or its output does.
    async fn listen(
        &mut self,
        child: &mut Child,
        group: &Group,
        told: &mut unix::Signal,
    ) -> Result<Option<ExitStatus>, Trouble> {
        loop {
            if group.is_stopped() {
                return Err(Trouble::AsksTerminal);
            }
            if self.output.stdout.len() >= MOST {
                return Ok(None);
            }
            let over = self.closed.map(|closed| closed + GRACE);
            tokio::select! {
                status = child.wait() => return status.map(Some).map_err(Trouble::NotRun),
                () = self.hear() => {}
                () = sleep_until(over.unwrap_or_else(Instant::now)), if over.is_some() => return Ok(None),
                _ = told.recv() => {}
            }
        }
    }

    /// What was said at the end.
    async fn rest(&mut self) {
        let all = async {
            while self.output.stdout.len() < MOST && (self.stdout.is_some() || self.stderr.is_some()) {
                self.hear().await;
            }
        };
        // Who holds it open after the end says nothing that was waited for.
        let _ = timeout(GRACE, all).await;
        self.output.stdout.truncate(MOST);
    }

    /// Takes in a piece of what it says; never done where nothing can come any more. It may be dropped at
    /// any time: what was read is kept.
    async fn hear(&mut self) {
        let Self { stdout, stderr, output, closed } = self;
        tokio::select! {
            open = piece(stdout, &mut output.stdout), if stdout.is_some() => {
                if !open {
                    (*stdout, *closed) = (None, Some(Instant::now()));
                }
            }
            open = piece(stderr, &mut output.stderr), if stderr.is_some() => {
                if !open {
                    *stderr = None;
                }
                if output.stderr.len() > 2 * MOST {
                    output.stderr.drain(..output.stderr.len() - MOST);
                }
            }
            else => std::future::pending().await,
        }
    }
}

/// Reads a piece; `false` at the end.
async fn piece(from: &mut Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) -> bool {
    let Some(from) = from else { return false };
    let mut bytes = [0; 4096];
    let mut bytes = ReadBuf::new(&mut bytes);
    let read = poll_fn(|context| Pin::new(&mut *from).poll_read(context, &mut bytes)).await;
    into.extend_from_slice(bytes.filled());
    read.is_ok() && !bytes.filled().is_empty()
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::unix::pipe;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    async fn shell(script: &str, limit: Duration) -> Result<Output, Trouble> {
        run(&["sh", "-c", script].map(str::to_owned), limit).await
    }

    /// A pipe that ends when everybody who holds it has.
    struct Held {
        folder: tempfile::TempDir,
        end: pipe::Receiver,
    }

    impl Held {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("held");
            assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
            let end = pipe::OpenOptions::new().open_receiver(&path).unwrap();
            Self { folder, end }
        }

        /// The script, which holds the pipe and gives it to all it starts.
        fn by(&self, script: &str) -> String {
            format!("exec 3>'{}/held'; echo held >&3; {script}", self.folder.path().display())
        }

        async fn all_end(mut self) {
            let mut held = String::new();
            timeout(LONG, self.end.read_to_string(&mut held)).await.expect("nobody is left").unwrap();
            assert_eq!(held, "held\n");
        }
    }

    #[tokio::test]
    async fn one_that_leaves_a_child_in_the_background_is_not_waited_for() {
        let held = Held::new();
        let began = Instant::now();
        let output = shell(&held.by("sleep 1000 & echo sk-1; echo oh >&2"), LONG).await.unwrap();
        assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
        assert!(output.status.is_some_and(|status| status.success()));
        assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"sk-1\n"[..], &b"oh\n"[..]));
        held.all_end().await;
    }

    #[tokio::test]
    async fn one_that_does_not_end_is_ended_with_all_that_it_started() {
        let held = Held::new();
        let ran = shell(&held.by("sleep 1000 & sleep 1000"), Duration::from_millis(500)).await;
        assert!(matches!(ran, Err(Trouble::TooSlow)), "{ran:?}");
        held.all_end().await;
    }

    #[tokio::test]
    async fn one_that_closed_its_output_has_said_all() {
        let held = Held::new();
        let output = shell(&held.by("echo sk-1; exec >&-; sleep 1000"), LONG).await.unwrap();
        assert_eq!((output.status, &output.stdout[..]), (None, &b"sk-1\n"[..]));
        held.all_end().await;
    }

    #[tokio::test]
    async fn what_never_ends_is_cut() {
        let held = Held::new();
        let output = shell(&held.by("yes oh >&2 & exec yes sk-1"), LONG).await.unwrap();
        assert!(output.stdout.starts_with(b"sk-1\nsk-1\n"));
        assert!(output.stdout.len() <= MOST && output.stderr.len() <= 3 * MOST);
        held.all_end().await;
    }

    #[tokio::test]
    async fn one_that_is_stopped_asks_the_terminal() {
        let held = Held::new();
        // What the system does to a reader in the background.
        let ran = shell(&held.by("sleep 1000 & kill -TTIN $$; echo sk-1"), LONG).await;
        assert!(matches!(ran, Err(Trouble::AsksTerminal)), "{ran:?}");
        held.all_end().await;
    }
}
