//! Records answers: what comes goes to a file as it comes, with secrets as `***`.
//!
//! A thread owns the file. Bytes that wait for it take room, `ROOM` KiB in all: where there is none left,
//! whoever reads the answer waits with the next, which counts as no silence of the server; no key waits. Whatever is queued is written at once, with nothing
//! kept back in the program: who kills it loses the last piece at the most. A file that can't be written
//! any more is told once; the answers go on.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc as threads};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc};

use super::Services;
use super::attempt::now_ms;
use crate::base::Secrets;
use crate::chat::Dialect;
use crate::chat::turn::{Attempt, TurnPlan};
use crate::net::Response;
use crate::wire::recording::{self, Asked, End, Head, Line, Scrub, Writer};

/// KiB that may wait to be written.
const ROOM: u32 = 8 << 10;
/// Bytes that are written at once.
const PIECE: usize = 1 << 20;
/// How long the end of a program waits for the disk.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a file that is there may be overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// Never.
    No,
    /// It was asked for.
    Yes,
}

/// Records all turns of a run. Clones share the file.
#[derive(Clone, Debug)]
pub struct Recorder {
    overwrite: Overwrite,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    orders: mpsc::UnboundedSender<Order>,
    prompts: AtomicU64,
    responses: AtomicU64,
    state: Arc<State>,
}

/// What the thread says.
#[derive(Debug)]
struct State {
    path: PathBuf,
    room: Semaphore,
    /// Nothing is written any more.
    failed: AtomicBool,
    /// Why, until it is told.
    trouble: Mutex<Option<String>>,
}

#[derive(Debug)]
enum Order {
    /// A line, and how much room it took.
    Line(Line, u32),
    /// Say when all before is written.
    Tell(threads::Sender<()>),
}

impl Recorder {
    /// Makes the file, which is nobody else's to read.
    ///
    /// # Errors
    /// It is there and may not be overwritten, or it cannot be made.
    pub fn create(path: &Path, overwrite: Overwrite) -> io::Result<Self> {
        let mut options = File::options();
        options.write(true).mode(0o600);
        match overwrite {
            Overwrite::No => options.create_new(true),
            Overwrite::Yes => options.create(true),
        };
        let file = options.open(path)?;
        if file.metadata()?.is_file() {
            // One that was there keeps its mode otherwise.
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.set_len(0)?;
        }
        let (orders, queue) = mpsc::unbounded_channel();
        let state = State {
            path: path.to_owned(),
            room: Semaphore::new(ROOM as usize),
            failed: AtomicBool::new(false),
            trouble: Mutex::default(),
        };
        let state = Arc::new(state);
        let of_thread = Arc::clone(&state);
        std::thread::Builder::new()
            .name("recording".to_owned())
            .spawn(move || write_all(&file, queue, &of_thread))?;
        let shared = Shared { orders, prompts: AtomicU64::new(0), responses: AtomicU64::new(0), state };
        Ok(Self { overwrite, shared: Arc::new(shared) })
    }

    /// Waits until all that was recorded is written. A new file in which nothing is goes away.
    ///
    /// # Errors
    /// Why it is not, if that was not told yet.
    pub fn finish(&self) -> Result<(), String> {
        let (told, tells) = threads::channel();
        let sent = self.shared.orders.send(Order::Tell(told));
        if sent.is_ok() && tells.recv_timeout(PATIENCE).is_err() {
            return Err(format!("the recording {} is not all written yet", self.shared.state.path.display()));
        }
        if let Some(trouble) = self.take_trouble() {
            return Err(trouble);
        }
        if self.overwrite == Overwrite::No && self.shared.responses.load(Ordering::Relaxed) == 0 {
            // Nothing was sent: the file would only be in the way of the next run. If it stays, it is empty.
            let _ = std::fs::remove_file(&self.shared.state.path);
        }
        Ok(())
    }

    /// Why the file can't be written any more; once.
    pub(super) fn take_trouble(&self) -> Option<String> {
        if !self.shared.state.failed.load(Ordering::Acquire) {
            return None;
        }
        self.shared.state.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Records a turn, the next of the run.
    pub(super) fn turn(&self, plan: &TurnPlan, secrets: &Arc<Secrets>) -> TurnTape {
        TurnTape {
            recorder: self.clone(),
            prompt: self.shared.prompts.fetch_add(1, Ordering::Relaxed),
            asked: Arc::new(Mutex::new(Some(Box::new(Asked::of(plan, secrets))))),
            secrets: Arc::clone(secrets),
            last: None,
        }
    }
}

impl Shared {
    /// Queues a line that took so much room. The thread lives as long as there is somebody to give it orders.
    fn put(&self, line: Line, room: u32) {
        let _ = self.orders.send(Order::Line(line, room));
    }
}

/// The thread: writes what is queued, until nobody is left who could queue more.
fn write_all(mut file: &File, mut queue: mpsc::UnboundedReceiver<Order>, state: &State) {
    let (mut writer, mut bytes) = (Writer::default(), Vec::new());
    let mut waiting = Vec::new();
    while let Some(first) = queue.blocking_recv() {
        let mut next = Some(first);
        let mut room = 0;
        while let Some(order) = next {
            match order {
                Order::Line(line, took) => {
                    writer.write(&line, &mut bytes);
                    room += took as usize;
                }
                Order::Tell(tell) => waiting.push(tell),
            }
            next = if bytes.len() < PIECE { queue.try_recv().ok() } else { None };
        }
        if !state.failed.load(Ordering::Relaxed)
            && let Err(error) = file.write_all(&bytes)
        {
            let path = state.path.display();
            let why = format!("the recording {path} ends here, it cannot be written: {error}");
            *state.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
            state.failed.store(true, Ordering::Release);
        }
        bytes.clear();
        state.room.add_permits(room);
        for tell in waiting.drain(..) {
            // Nobody may wait any more.
            let _ = tell.send(());
        }
    }
}

/// Records one turn.
#[derive(Debug)]
pub(super) struct TurnTape {
    recorder: Recorder,
    prompt: u64,
    /// Until it is written, with the first head.
    asked: Arc<Mutex<Option<Box<Asked>>>>,
    secrets: Arc<Secrets>,
    /// The attempt that was sent last, and when.
    last: Option<(u32, Instant)>,
}

impl TurnTape {
    /// Records an attempt of the turn, which is sent at that time.
    pub(super) fn attempt(
        &mut self,
        attempt: &Attempt,
        (sent, dialect): (Instant, Dialect),
        services: &Services,
    ) -> Tape {
        self.last = Some((attempt.id, sent));
        Tape(Some(Box::new(Rolling {
            shared: Arc::clone(&self.recorder.shared),
            asked: Arc::clone(&self.asked),
            prompt: self.prompt,
            attempt: attempt.id,
            choice: attempt.choice,
            dialect,
            sent,
            services: services.clone(),
            secrets: Arc::clone(&self.secrets),
            fetched_keys: 0,
            response: None,
            scrub: Scrub::default(),
            owed: 0,
        })))
    }

    /// The turn was stopped at that time.
    pub(super) fn cancelled(&self, at: Instant) {
        if let Some((attempt, sent)) = self.last {
            let after = at.saturating_duration_since(sent);
            let line = Line::Cancelled { prompt: self.prompt, attempt, after };
            self.recorder.shared.put(line, 0);
        }
    }

    /// Why nothing more is recorded; once.
    pub(super) fn take_trouble(&self) -> Option<String> {
        self.recorder.take_trouble()
    }
}

/// Records one attempt. Dropping it says that the attempt was dropped.
#[derive(Debug, Default)]
pub(super) struct Tape(Option<Box<Rolling>>);

#[derive(Debug)]
struct Rolling {
    shared: Arc<Shared>,
    asked: Arc<Mutex<Option<Box<Asked>>>>,
    prompt: u64,
    attempt: u32,
    choice: Option<u32>,
    dialect: Dialect,
    sent: Instant,
    services: Services,
    secrets: Arc<Secrets>,
    /// How many fetched keys are among the secrets.
    fetched_keys: usize,
    /// The number of the response whose head is written.
    response: Option<u64>,
    scrub: Scrub,
    /// KiB that were written beyond the room.
    owed: u32,
}

impl Tape {
    /// The head of an answer came.
    pub(super) fn head(&mut self, dialect: Dialect, response: &Response) {
        if let Some(rolling) = &mut self.0 {
            if rolling.response.is_some() {
                // An answer that is asked for once more, with another key.
                rolling.end(End::Dropped);
            }
            rolling.dialect = dialect;
            rolling.head(Some(response));
        }
    }

    /// These bytes of its body were read at that time.
    pub(super) fn chunk(&mut self, bytes: &[u8], at: Instant) {
        let Some(rolling) = &mut self.0 else { return };
        if rolling.shared.state.failed.load(Ordering::Relaxed) {
            return;
        }
        let mut room = u32::try_from(bytes.len() >> 10).unwrap_or(ROOM).saturating_add(1).min(ROOM);
        match rolling.shared.state.room.try_acquire_many(room) {
            Ok(permit) => permit.forget(),
            // It goes beyond the room, and there is to be some before the next.
            Err(_) => rolling.owed = std::mem::take(&mut room),
        }
        rolling.learn_keys();
        let bytes = rolling.scrub.pass(&rolling.secrets, bytes);
        if let Some(response) = rolling.response {
            let after = at.saturating_duration_since(rolling.sent);
            rolling.shared.put(Line::Chunk(response, after, bytes), room);
        }
    }

    /// Waits until there is room for more. It may be dropped while it waits.
    pub(super) async fn room(&mut self) {
        let Some(rolling) = self.0.as_mut().filter(|rolling| rolling.owed > 0) else { return };
        if !rolling.shared.state.failed.load(Ordering::Relaxed) {
            // Only waited for: what is written has gone there already.
            let _ = rolling.shared.state.room.acquire_many(rolling.owed).await;
        }
        rolling.owed = 0;
    }

    /// The attempt has ended.
    pub(super) fn end(&mut self, end: End) {
        if let Some(mut rolling) = self.0.take() {
            rolling.end(end);
        }
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.end(End::Dropped);
    }
}

impl Rolling {
    fn head(&mut self, answer: Option<&Response>) {
        self.learn_keys();
        let number = self.shared.responses.fetch_add(1, Ordering::Relaxed);
        self.response = Some(number);
        let head = Head {
            prompt: self.prompt,
            round: 0,
            attempt: self.attempt,
            choice: self.choice,
            dialect: self.dialect,
            status: answer.map(|answer| answer.status),
            headers: answer.map(|a| recording::headers(&a.headers, &self.secrets)).unwrap_or_default(),
            at_ms: now_ms(),
            after: self.sent.elapsed(),
        };
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.shared.put(Line::Head(number, Box::new(head), asked), 0);
    }

    fn end(&mut self, end: End) {
        if self.response.is_none() {
            self.head(None);
        }
        let Some(response) = self.response.take() else { return };
        self.learn_keys();
        let after = self.sent.elapsed();
        let rest = self.scrub.rest(&self.secrets);
        if !rest.is_empty() {
            self.shared.put(Line::Chunk(response, after, rest), 0);
        }
        let end = match end {
            End::Lost(error) => End::Lost(recording::clean_error(error, &self.secrets)),
            End::Ended | End::Dropped => end,
        };
        self.shared.put(Line::End(response, after, end), 0);
    }

    /// Keys that were fetched since are kept out of the file too.
    fn learn_keys(&mut self) {
        let fetched = self.services.keys.count();
        if fetched != self.fetched_keys {
            self.fetched_keys = fetched;
            self.secrets = Arc::new(self.services.secrets(&self.secrets));
        }
    }
}
