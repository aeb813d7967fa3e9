//! The loop: take what is ready, update, draw, carry out.

use std::future::pending;
use std::io::{self, Write as _};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crossterm::event::Event;
use ratatui::backend::{Backend as _, ClearType, CrosstermBackend};
use ratatui::layout::Position;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Duration, sleep_until};

use super::cells::{write_cells, write_move};
use super::exec::Work;
use super::pace::{Pace, Urgency};
use crate::app::extent::Extent;
use crate::app::msg::Now;
use crate::app::picture::Picture;
use crate::app::shown::Shown;
use crate::app::{App, Cmd, Msg, Refusal, update, view};
use crate::term::{
    Editing, Editor, Ending, FrameWriter, Frames, Guard, Input, InputFilter, Out, Reader, cursor_colour,
};
use crate::theme::Rgb;

/// How long running turns may take to say their end when the program leaves.
const LEAVING: Duration = Duration::from_secs(2);
/// How long an editor may take to end when the program must.
const EDITOR_LEAVING: Duration = Duration::from_secs(1);
/// How long keys that look like a late answer of the terminal are held back.
const HELD: Duration = Duration::from_millis(50);

/// Signals that wait for the loop; the system merges those of a kind that come behind them.
const SIGNALS: usize = 8;

/// Why the loop ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The person quit.
    Quit,
    /// The program must not go on.
    Refused(Refusal),
    /// A signal of this number, or the terminal was closed (SIGHUP).
    Signal(i32),
}

/// The terminal as the loop draws to it.
pub struct Screen {
    backend: CrosstermBackend<FrameWriter>,
    frames: Frames<Out>,
    guard: Guard,
    shown: Shown,
    /// For the next frame.
    picture: Picture,
    /// Empty between frames; kept for its room.
    bytes: Vec<u8>,
    caret: Caret,
    size: Size,
    /// The colour that the cursor was given.
    cursor: Option<Rgb>,
}

/// Whether the size of the terminal is asked before the next frame. Asking opens and closes the
/// terminal's device: as dear as laying out a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    Known,
    Asked,
}

/// The cursor of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caret {
    /// Somebody else had the terminal.
    Unknown,
    Hidden,
    /// It shows, where the last cell was written.
    Moved,
    At(Position),
}

impl Screen {
    /// A screen on the terminal that `guard` holds, which is blank. While that takes no bytes, `ending`
    /// ends the wait.
    ///
    /// # Errors
    /// The terminal does not tell its size.
    pub fn new(guard: Guard, ending: Ending) -> io::Result<Self> {
        let frames = Frames::new(Out::new(ending));
        let backend = CrosstermBackend::new(frames.writer());
        let size = backend.size()?;
        let (shown, picture) = blank((size.width, size.height));
        let (caret, size) = (Caret::Unknown, Size::Known);
        let bytes = Vec::new();
        Ok(Self { backend, frames, guard, shown, picture, bytes, caret, size, cursor: None })
    }

    /// Draws the state; only what differs from the last frame is written.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&mut self, app: &mut App) -> io::Result<()> {
        if self.guard.is_lost() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        if std::mem::replace(&mut self.size, Size::Known) == Size::Asked {
            let size = self.backend.size()?;
            let size = (size.width, size.height);
            if size != self.shown.size() {
                (self.shown, self.picture) = blank(size);
                self.caret = Caret::Unknown;
                self.backend.clear_region(ClearType::All)?;
            }
        }
        let cursor = app.settings.theme.cursor();
        if self.cursor != cursor {
            self.cursor = cursor;
            self.backend.write_all(cursor_colour(cursor).as_bytes())?;
        }
        self.picture.reset();
        let caret = match (app.take_extent(), self.caret) {
            (Extent::Messages, caret @ (Caret::Hidden | Caret::At(_))) => {
                view::draw_messages(app, &mut self.picture);
                caret
            }
            // The last frame is not there to be kept, or not all of it.
            (Extent::Messages, Caret::Unknown | Caret::Moved) | (Extent::All, _) => {
                view::draw(app, &mut self.picture).map_or(Caret::Hidden, Caret::At)
            }
        };
        let Self { shown, picture, bytes, caret: before, .. } = self;
        shown.update(picture, |cells| {
            if let Caret::At(_) = before {
                *before = Caret::Moved;
            }
            write_cells(cells, bytes)
        })?;
        self.place(caret)?;
        self.frames.commit()
    }

    /// Writes the cells that are gathered, and puts the cursor where it is to be.
    fn place(&mut self, caret: Caret) -> io::Result<()> {
        let before = std::mem::replace(&mut self.caret, caret);
        let to = match caret {
            Caret::At(place) if before != caret => Some(place),
            Caret::At(_) | Caret::Hidden | Caret::Unknown | Caret::Moved => None,
        };
        if let Some(place) = to {
            write_move(place, &mut self.bytes);
        }
        self.backend.write_all(&self.bytes)?;
        self.bytes.clear();
        if before == caret {
            return Ok(());
        }
        if to.is_none() {
            return self.backend.hide_cursor();
        }
        match before {
            Caret::Moved | Caret::At(_) => Ok(()),
            Caret::Unknown | Caret::Hidden => self.backend.show_cursor(),
        }
    }

    /// Asks for the size before the next frame: it may be another one.
    fn look_at_size(&mut self) {
        self.size = Size::Asked;
    }

    /// Hands the terminal to the shell until the process goes on.
    fn suspend(&mut self) -> io::Result<()> {
        self.guard.suspend()?;
        self.afresh()
    }

    /// The process goes on, whoever stopped it.
    fn go_on(&mut self) -> io::Result<()> {
        self.guard.go_on()?;
        self.afresh()
    }

    /// Takes the terminal from the editor.
    fn take_back(&mut self) -> io::Result<()> {
        self.guard.take_back()?;
        self.afresh()
    }

    /// Has the next frame draw everything.
    fn afresh(&mut self) -> io::Result<()> {
        self.frames.forget();
        // Leaving gave it back.
        self.cursor = None;
        self.look_at_size();
        (self.shown, self.picture) = blank(self.shown.size());
        self.caret = Caret::Unknown;
        self.backend.clear_region(ClearType::All)
    }

    /// Gives the terminal back.
    pub fn leave(&mut self) {
        self.guard.leave();
    }
}

/// What a cleared terminal shows, and a picture of that size.
fn blank((width, height): (u16, u16)) -> (Shown, Picture) {
    (Shown::new(width, height), Picture::new(width, height))
}

/// The signals that end the program, that say that it goes on, and that the terminal has another size.
/// The one that stops it is
/// not caught: Ctrl-Z comes as a key, and then it must do what it does.
#[derive(Debug)]
pub struct Signals {
    ending: Ending,
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
    quit: Signal,
    go_on: Signal,
    resized: Signal,
}

impl Signals {
    /// Listens from now on, within a runtime.
    ///
    /// # Errors
    /// Signals can't be listened to.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            ending: Ending::watch()?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            go_on: signal(SignalKind::from_raw(libc::SIGCONT))?,
            resized: signal(SignalKind::window_change())?,
        })
    }

    /// Whether one came that ends the program.
    pub fn ending(&self) -> Ending {
        self.ending.clone()
    }

    /// The next one's number.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => libc::SIGTERM,
            _ = self.hang_up.recv() => libc::SIGHUP,
            _ = self.interrupt.recv() => libc::SIGINT,
            _ = self.quit.recv() => libc::SIGQUIT,
            _ = self.go_on.recv() => libc::SIGCONT,
            _ = self.resized.recv() => libc::SIGWINCH,
        }
    }
}

/// The present, for `update`.
pub fn now() -> Now {
    let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    Now { instant: Instant::now(), unix_ms }
}

/// What the state is told of an input.
pub fn message(input: Input) -> Option<Msg> {
    match input {
        Input::Key(key) => Some(Msg::Key(key)),
        Input::Paste(text) => Some(Msg::Paste(text)),
        Input::Mouse(input) => Some(Msg::Mouse(input)),
        Input::FocusGained | Input::FocusLost => None,
    }
}

/// Whether the terminal still sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keyboard {
    There,
    Gone,
}

/// What the terminal sends.
struct Typing {
    /// None where there could be none.
    reader: Option<Reader>,
    events: Vec<Event>,
}

impl Typing {
    fn new() -> Self {
        let reader = Reader::start().inspect_err(|error| tracing::warn!("no keys can be read: {error}"));
        Self { reader: reader.ok(), events: Vec::new() }
    }

    /// Reads no more: what is typed from now on is for somebody else. What was read is given.
    async fn stop(mut self, filter: &mut InputFilter, inputs: &mut Vec<Input>) {
        if let Some(reader) = self.reader {
            reader.stop(&mut self.events).await;
        }
        self.events.into_iter().for_each(|event| filter.push(event, inputs));
    }

    /// Waits for input and takes in all that is ready, so that a burst of keys is one frame.
    async fn next(&mut self, filter: &mut InputFilter, inputs: &mut Vec<Input>) -> Keyboard {
        let Some(reader) = &mut self.reader else { return Keyboard::Gone };
        if !reader.next(&mut self.events).await {
            return Keyboard::Gone;
        }
        self.events.drain(..).for_each(|event| filter.push(event, inputs));
        Keyboard::There
    }
}

/// The signals, waited for by a task of its own: the loop goes round for every token, and asking each
/// of them costs more than asking a channel.
struct Heard {
    ending: Ending,
    numbers: mpsc::Receiver<i32>,
    task: JoinHandle<()>,
}

impl Heard {
    /// `fetches` changes where a program that fetched a key has ended. It has no business at the terminal,
    /// but may have set its modes or written over the screen: as if we went on after a stop.
    fn new(mut signals: Signals, mut fetches: watch::Receiver<()>) -> Self {
        let (sender, numbers) = mpsc::channel(SIGNALS);
        let ending = signals.ending();
        let task = tokio::spawn(async move {
            loop {
                let number = tokio::select! {
                    number = signals.next() => number,
                    Ok(()) = fetches.changed() => libc::SIGCONT,
                };
                if sender.send(number).await.is_err() {
                    return;
                }
            }
        });
        Self { ending, numbers, task }
    }

    /// The next one's number.
    async fn next(&mut self) -> i32 {
        match self.numbers.recv().await {
            Some(number) => number,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where the loop hears of the world.
#[derive(Debug)]
pub struct Sources {
    /// What the system says.
    pub signals: Signals,
    /// What the terminal says.
    pub filter: InputFilter,
}

/// What the loop works with.
struct Loop<'a> {
    app: App,
    work: &'a mut Work,
    screen: &'a mut Screen,
    pace: Pace,
    ended: Option<Ended>,
    hands: Hands,
    /// What is to be read after the end.
    parting: Option<String>,
}

/// Who has the terminal.
#[derive(Debug)]
enum Hands {
    /// This program.
    Ours,
    /// An editor is to have it, with this text.
    Wanted(String),
    /// An editor.
    Lent,
}

/// Runs the chat until it ends. The terminal is given back; turns that ran have told their end.
pub async fn run(app: App, cmds: Vec<Cmd>, work: &mut Work, screen: &mut Screen, sources: Sources) -> Ended {
    let Sources { signals, mut filter } = sources;
    let mut signals = Heard::new(signals, work.fetches());
    let mut typing = Some(Typing::new());
    let mut editing: Option<Editing> = None;
    let mut state =
        Loop { app, work, screen, pace: Pace::default(), ended: None, hands: Hands::Ours, parting: None };
    state.pace.changed(Urgency::Slot);
    state.carry_out(cmds);
    let mut inputs = Vec::new();
    let mut held_since = None;
    while state.ended.is_none() {
        if let Hands::Wanted(text) = &mut state.hands {
            let text = std::mem::take(text);
            if let Some(typing) = typing.take() {
                typing.stop(&mut filter, &mut inputs).await;
            }
            editing = state.lend(&text);
        }
        if editing.is_none() && typing.is_none() {
            typing = Some(Typing::new());
            // Typed before the editor came.
            state.inputs(&mut inputs);
            continue;
        }
        // Counted from the first held key: what streams meanwhile must not put it off.
        held_since = filter.holds().then(|| held_since.unwrap_or_else(Instant::now));
        if held_since.is_some_and(|since| since.elapsed() >= HELD) {
            filter.release(&mut inputs);
            state.inputs(&mut inputs);
            held_since = None;
            if state.ended.is_some() {
                break;
            }
        }
        let due = state.due(Instant::now());
        let wake =
            [due, state.app.wake_at(), held_since.map(|since| since + HELD)].into_iter().flatten().min();
        tokio::select! {
            biased;
            number = signals.next() => state.signalled(number, &signals.ending),
            end = async {
                match &mut editing {
                    Some(editing) => editing.ended().await,
                    None => pending().await,
                }
            } => {
                if let Some(editing) = editing.take() {
                    state.take_back(editing.take(end));
                }
            }
            gone = async {
                match &mut typing {
                    Some(typing) => typing.next(&mut filter, &mut inputs).await,
                    None => pending().await,
                }
            } => {
                state.inputs(&mut inputs);
                if gone == Keyboard::Gone {
                    state.ended = Some(Ended::Signal(libc::SIGHUP));
                }
            }
            msg = state.work.next() => state.take(msg, Urgency::Slot),
            () = async { sleep_until(wake.unwrap_or_else(Instant::now).into()).await }, if wake.is_some() => {
                if state.app.wake_at().is_some_and(|at| at <= Instant::now()) {
                    state.take(Msg::Woke, Urgency::Slot);
                }
            }
        }
        state.draw();
    }
    let ended = state.ended.take().unwrap_or(Ended::Quit);
    if let Some(editing) = editing {
        state.end_editor(editing).await;
    }
    state.finish(&ended).await;
    ended
}

impl Loop<'_> {
    fn inputs(&mut self, inputs: &mut Vec<Input>) {
        // With a key too: a terminal does not always tell that its size changed.
        self.screen.look_at_size();
        let mut rest = std::mem::take(inputs).into_iter();
        // What was typed behind the key that calls the editor waits until that has ended.
        while matches!(self.hands, Hands::Ours)
            && let Some(input) = rest.next()
        {
            if let Some(msg) = message(input) {
                self.take(msg, Urgency::Now);
            }
        }
        inputs.extend(rest);
    }

    /// When a frame is due.
    fn due(&self, now: Instant) -> Option<Instant> {
        match self.hands {
            Hands::Ours => self.pace.due(now),
            Hands::Wanted(_) | Hands::Lent => None,
        }
    }

    /// Has the person's editor have the terminal.
    fn lend(&mut self, text: &str) -> Option<Editing> {
        self.hands = Hands::Ours;
        let editor = match Editor::named(|name| std::env::var(name).ok()) {
            Ok(editor) => editor,
            Err(why) => {
                self.take(Msg::Edited(Err(why)), Urgency::Now);
                return None;
            }
        };
        // Before it starts: it finds the terminal as the shell left it.
        self.screen.guard.lend();
        match editor.open(text) {
            Ok(editing) => {
                self.hands = Hands::Lent;
                Some(editing)
            }
            Err(why) => {
                self.take_back(Err(why));
                None
            }
        }
    }

    /// The editor has ended, and came to this.
    fn take_back(&mut self, outcome: Result<Option<String>, String>) {
        self.hands = Hands::Ours;
        let taken = self.screen.take_back();
        self.retaken(taken);
        if let Some(outcome) = outcome.transpose() {
            self.take(Msg::Edited(outcome), Urgency::Now);
        }
    }

    /// The program must end while the editor runs: what was saved in it is the draft.
    async fn end_editor(&mut self, mut editing: Editing) {
        editing.stop();
        if tokio::time::timeout(EDITOR_LEAVING, editing.ended()).await.is_err() {
            tracing::warn!("the editor did not end in time");
        }
        match editing.saved() {
            Ok(Some(text)) => self.take(Msg::Edited(Ok(text)), Urgency::Now),
            Ok(None) => {}
            Err(why) => self.parting = Some(why),
        }
        self.screen.guard.answer_for();
    }

    fn take(&mut self, msg: Msg, urgency: Urgency) {
        let cmds = update(&mut self.app, msg, now());
        self.pace.changed(urgency);
        self.carry_out(cmds);
    }

    fn carry_out(&mut self, cmds: Vec<Cmd>) {
        for cmd in cmds {
            match cmd {
                Cmd::StartTurn(start) => self.work.start(*start),
                Cmd::CancelTurn(turn) => self.work.cancel(turn),
                Cmd::Store(job) => self.work.store(job),
                Cmd::Ask(ticket, job) => self.work.ask(ticket, job),
                Cmd::ListModels(provider) => self.work.list_models(provider),
                Cmd::Discover(known) => self.work.discover(known),
                Cmd::Remember(change) => self.work.remember(change),
                Cmd::FindFiles { chat, typed } => self.work.find_files(chat, typed),
                Cmd::Attach { chat, path, word } => self.work.attach(chat, path, word),
                Cmd::Export { stored, file } => self.work.export(*stored, file),
                Cmd::Edit(text) => self.hands = Hands::Wanted(text),
                Cmd::Suspend => {
                    let taken = self.screen.suspend();
                    self.retaken(taken);
                }
                Cmd::Refuse(why) => self.ended = Some(Ended::Refused(why)),
                Cmd::Quit => self.ended = Some(Ended::Quit),
            }
        }
    }

    fn signalled(&mut self, number: i32, ending: &Ending) {
        match number {
            // The keys are the editor's, and so is the terminal when it goes on.
            libc::SIGINT | libc::SIGQUIT if matches!(self.hands, Hands::Lent) => ending.forget(),
            libc::SIGCONT if matches!(self.hands, Hands::Lent) => {}
            libc::SIGCONT => {
                let taken = self.screen.go_on();
                self.retaken(taken);
            }
            libc::SIGWINCH => {
                self.screen.look_at_size();
                // If the terminal is gone, drawing finds it out.
                if let Ok(size) = self.screen.backend.size() {
                    self.take(Msg::Resized { width: size.width, height: size.height }, Urgency::Now);
                }
            }
            ended => self.ended = Some(Ended::Signal(ended)),
        }
    }

    fn retaken(&mut self, taken: io::Result<()>) {
        match taken {
            Ok(()) => self.pace.changed(Urgency::Now),
            Err(_) => self.ended = Some(Ended::Signal(libc::SIGHUP)),
        }
    }

    fn draw(&mut self) {
        let began = Instant::now();
        if self.ended.is_some() || self.due(began).is_none_or(|due| due > began) {
            return;
        }
        if let Err(error) = self.screen.draw(&mut self.app)
            // The terminal hangs, and a signal came: the loop takes it next.
            && error.kind() != io::ErrorKind::TimedOut
        {
            tracing::warn!("the terminal is gone: {error}");
            self.ended = Some(Ended::Signal(libc::SIGHUP));
        }
        self.pace.drawn(began, Instant::now());
    }

    /// Gives the terminal back first, then waits for running turns to say (and save) their end.
    async fn finish(mut self, ended: &Ended) {
        tracing::debug!("leaving: {ended:?}");
        self.screen.leave();
        if let Some(why) = self.parting.take() {
            // The terminal may be gone.
            let _ = writeln!(io::stderr(), "chatui: {why}");
        }
        self.work.cancel_all();
        for cmd in self.app.last_words() {
            if let Cmd::Ask(_, job) = cmd {
                self.work.store_last(job);
            }
        }
        let last = async {
            while self.work.is_busy() {
                self.work.next().await;
            }
        };
        if tokio::time::timeout(LEAVING, last).await.is_err() {
            tracing::warn!("a turn did not end in time");
        }
    }
}
