//! `chatui ask`: one answer to standard output, streamed and flushed as it comes.
//!
//! Standard output holds the answer (or the events of `--json`) and nothing else; what is to be said
//! beside it goes to standard error. A reader that closes the pipe has what it wanted: the turn is
//! stopped, saved, and the exit code is 0.

use std::io::{self, IsTerminal, Read, Write};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::args::{Ask, Shared, Stop};
use super::events::Printer;
use super::setup::Setup;
use super::{exit, request, runtime, say, seed};
use crate::base::IdSource;
use crate::base::sanitize::{self, Cleaner};
use crate::chat::jobs::{StoreError, StoreJob, StoreReply, StoredSession, WhichSession};
use crate::chat::session::title_of;
use crate::chat::turn::{TurnDone, TurnPlan, choices_asked};
use crate::chat::{
    ChatRequest, Conversation, FinishReason, Message, Outcome, Provider, Session, SessionKind, StreamEvent,
    Timestamp, TurnError, TurnEvent,
};
use crate::store::Store;
use crate::term::{Ending, Out};
use crate::turns::{self, SavePlan, TurnJob};

/// The most bytes of standard input.
const MAX_INPUT: u64 = 64 << 20;

/// Runs `ask`.
///
/// # Errors
/// Bad input; how the turn itself ends is the exit code.
pub fn run(shared: &Shared, ask: &Ask) -> Result<u8, Stop> {
    let prompt = prompt(ask)?;
    let mut setup = Setup::load(shared)?;
    let which = setup.resumed(shared, None)?;
    if shared.dry_run && which.is_none() {
        // Nothing is sent, so nothing is saved; not even an empty store.
        setup.data_dir = None;
    }
    runtime()?.run(async {
        let services = setup.services();
        let store = services.store().cloned();
        let outcome = answer(&setup, (shared, ask), (prompt, which), &services).await;
        let drained = store.map_or(Ok(()), |store| store.drain());
        let answered = outcome?;
        if let (Err(error), Saved::Yes) = (drained, answered.saved) {
            say(&format!("chatui: {error}"));
        }
        Ok(answered.code)
    })?
}

struct Answered {
    code: u8,
    saved: Saved,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Saved {
    Yes,
    No,
}

async fn answer(
    setup: &Setup,
    (shared, ask): (&Shared, &Ask),
    (prompt, which): (String, Option<WhichSession>),
    services: &turns::Services,
) -> Result<Answered, Stop> {
    let mut notices = setup.notices.clone();
    let mut store = services.store().cloned();
    if let Some(open) = &store {
        match open.opened().await {
            Ok(None) => {}
            Ok(Some(notice)) => notices.push(notice),
            Err(error @ StoreError::Newer { .. }) => return Err(Stop::failure(format!("chatui: {error}"))),
            Err(error) => {
                notices.push(error.to_string());
                store = None;
            }
        }
    }
    let stored = match (&store, which) {
        (Some(store), Some(which)) => Some(load(store, which).await?),
        (None, Some(_)) => {
            let why = notices.join("\n");
            return Err(Stop::failure(format!("chatui: no session can be gone on with: {why}")));
        }
        (_, None) => None,
    };
    let begun = begin(setup, (shared, ask), prompt, stored)?;
    if shared.dry_run {
        let code = super::print(&request::shown(&begun.request, &begun.provider)?)?;
        return Ok(Answered { code, saved: Saved::No });
    }
    let failed = |error: io::Error| Stop::failure(format!("chatui: signals cannot be listened to: {error}"));
    let mut signals = Signals::new().map_err(failed)?;
    let mut output = Output::new(ask, &begun, Out::new(Ending::watch().map_err(failed)?));
    for notice in notices {
        output.event(&TurnEvent::Stream(StreamEvent::Notice(notice)));
    }
    let session = begun.session.id;
    let policy = setup.policy();
    let plan = TurnPlan {
        retry: policy.retry,
        timeouts: policy.timeouts,
        ..TurnPlan::new(Arc::new(begun.request), &begun.provider, seed())
    };
    let save = store.as_ref().map(|_| SavePlan {
        session: begun.session,
        prompt: vec![begun.prompt],
        answers: begun.answers,
    });
    let job = TurnJob { plan, provider: begun.provider, secrets: setup.secrets.clone(), save };
    let (handle, mut batches) = turns::start(job, services);
    let mut handle = Some(handle);
    let mut ended: Option<u8> = None;
    let mut done = None;
    let mut saved = Saved::No;
    while done.is_none() {
        tokio::select! {
            biased;
            code = signals.next() => {
                ended = Some(code);
                stop(&mut handle);
            }
            batch = batches.recv() => {
                let Some(batch) = batch else { break };
                saved = if batch.saved { Saved::Yes } else { Saved::No };
                for event in batch.events {
                    match event {
                        TurnEvent::Done(end) => done = Some(end),
                        event => output.event(&event),
                    }
                }
                let code = match output.flush() {
                    Pipe::Open | Pipe::HeldUp => continue,
                    Pipe::Closed => exit::OK,
                    Pipe::Broken => exit::OTHER,
                };
                ended.get_or_insert(code);
                stop(&mut handle);
            }
        }
    }
    let Some(done) = done else {
        return Err(Stop::failure("chatui: the turn ended without a word, which is a bug".to_owned()));
    };
    if output.end(&done, (saved == Saved::Yes).then(|| session.to_string())) == Pipe::Broken {
        ended.get_or_insert(exit::OTHER);
    }
    if ask.stats {
        say(&stats(&done));
    }
    let code = ended.unwrap_or_else(|| exit::of_done(done.outcome, worst_error(&done)));
    Ok(Answered { code, saved })
}

fn stop(handle: &mut Option<turns::TurnHandle>) {
    if let Some(handle) = handle.take() {
        handle.cancel();
    }
}

/// The error that decides the exit code: that of a choice with the turn's outcome.
fn worst_error(done: &TurnDone) -> Option<&TurnError> {
    done.choices.iter().filter(|c| c.outcome == done.outcome).find_map(|c| c.error.as_ref())
}

/// What a person or a script asks: the words, then standard input after a blank line.
fn prompt(ask: &Ask) -> Result<String, Stop> {
    let words = ask.prompt.clone().unwrap_or_else(|| ask.words.join(" "));
    let mut piped = String::new();
    if !io::stdin().is_terminal() {
        let mut bytes = Vec::new();
        // A standard input that is closed or cannot be read adds nothing, as an empty one.
        let read = io::stdin().lock().take(MAX_INPUT + 1).read_to_end(&mut bytes);
        if read.is_ok() && bytes.len() as u64 > MAX_INPUT {
            return Err(Stop::failure(
                "chatui: standard input is over 64 MiB, more than a prompt can hold".to_owned(),
            ));
        }
        piped = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Stop::failure(format!(
                "chatui: standard input is not UTF-8 text (at byte {at}): convert it first"
            ))
        })?;
        if piped.ends_with('\n') {
            piped.pop();
            if piped.ends_with('\r') {
                piped.pop();
            }
        }
    }
    match (words.is_empty(), piped.is_empty()) {
        (false, false) => Ok(format!("{words}\n\n{piped}")),
        (false, true) => Ok(words),
        (true, false) => Ok(piped),
        (true, true) => Err(Stop {
            text: "chatui: there is nothing to ask: give a prompt as words, with -p, or on standard input"
                .to_owned(),
            code: exit::USAGE,
        }),
    }
}

async fn load(store: &Store, which: WhichSession) -> Result<StoredSession, Stop> {
    match store.call(StoreJob::Load(which)).await {
        StoreReply::Loaded(stored) => Ok(*stored),
        StoreReply::NotFound(what) => Err(Stop { text: format!("chatui: {what}"), code: exit::USAGE }),
        StoreReply::Ambiguous(ids) => {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            let text = format!("chatui: several sessions begin so: {}", ids.join(", "));
            Err(Stop { text, code: exit::USAGE })
        }
        StoreReply::Failed(error) => Err(Stop::failure(format!("chatui: {error}"))),
        StoreReply::Saved => Err(Stop::failure("chatui: the store answered a load with nothing".to_owned())),
    }
}

/// A turn that is about to begin.
struct Begun {
    provider: Arc<Provider>,
    request: ChatRequest,
    session: Session,
    prompt: Message,
    answers: Vec<Message>,
}

fn begin(
    setup: &Setup,
    (shared, ask): (&Shared, &Ask),
    prompt: String,
    stored: Option<StoredSession>,
) -> Result<Begun, Stop> {
    let (provider, model) = model(setup, shared, stored.as_ref())?;
    let created = Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64));
    let mut ids = IdSource::new(seed());
    let mut session = stored.as_ref().map_or_else(
        || Session {
            id: ids.next_id(),
            kind: SessionKind::Ask,
            title: title_of(&prompt),
            model: String::new(),
            system: setup.system.clone(),
            params: shared.flags().params,
            created,
            updated: created,
        },
        |stored| stored.session.clone(),
    );
    if stored.is_some() && shared.system.is_some() {
        session.system.clone_from(&setup.system);
    }
    session.model = format!("{}:{model}", provider.name);
    session.updated = created;
    let tree = stored.map(Conversation::from_stored).unwrap_or_default();
    let parent = tree.last().map(|m| m.id);
    let prompt = Message::user(ids.next_id(), parent, prompt, created);
    let params = setup.config.params_for(&provider, &model).overlaid(&session.params);
    let params = params.overlaid(&shared.flags().params);
    let answers = (0..choices_asked(&params))
        .map(|choice| Message::answer(ids.next_id(), Some(prompt.id), session.model.clone(), choice, created))
        .collect();
    let messages = ChatRequest::messages_of(tree.messages().chain([&prompt]));
    let request =
        ChatRequest { model, system: session.system.clone(), messages, params, stream: !ask.no_stream };
    Ok(Begun { provider, request, session, prompt, answers })
}

/// What flags name, else what the session used last, else the default.
fn model(
    setup: &Setup,
    shared: &Shared,
    stored: Option<&StoredSession>,
) -> Result<(Arc<Provider>, String), Stop> {
    let named = shared.model.is_some() || shared.provider.is_some() || shared.base_url.is_some();
    if !named
        && let Some((name, model)) = stored.and_then(|s| s.session.model.split_once(':'))
        && let Some(index) = setup.config.provider(name)
    {
        return Ok((setup.providers[index].clone(), model.to_owned()));
    }
    let (provider, model) = setup.config.model_for_ask().map_err(|text| {
        let lines: Vec<&str> = setup.notices.iter().map(String::as_str).chain([text.as_str()]).collect();
        Stop { text: format!("chatui: {}", lines.join("\nchatui: ")), code: exit::CONFIG }
    })?;
    Ok((Arc::new(provider.clone()), model.to_owned()))
}

/// The signals that stop the turn.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The exit code of the next one.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => exit::CANCELLED,
            _ = self.terminate.recv() => exit::TERMINATED,
            _ = self.hang_up.recv() => exit::HUNG_UP,
        }
    }
}

/// Whether standard output can still be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pipe {
    Open,
    /// Whoever read it has enough.
    Closed,
    /// It failed otherwise: a full disk. That was told.
    Broken,
    /// Whoever reads it took nothing when a signal came, which says how this ends.
    HeldUp,
}

/// How the answer is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Events.
    Json,
    /// The text, byte for byte.
    Exact,
    /// The text with control characters shown: a terminal reads it.
    Shown,
}

/// Standard output.
struct Output {
    out: Out,
    style: Style,
    printer: Printer,
    /// What came so far.
    answers: Vec<Message>,
    /// The choice that is printed now; later ones wait for their turn.
    printing: usize,
    /// The choice whose heading was printed last.
    headed: usize,
    finished: Vec<bool>,
    pending: Vec<u8>,
    /// For [`Style::Shown`].
    cleaner: Cleaner,
    last_byte: u8,
    /// Text of the answer was printed.
    begun: bool,
    /// What is to be said when it has ended.
    asides: Vec<String>,
    pipe: Pipe,
}

impl Output {
    fn new(ask: &Ask, begun: &Begun, out: Out) -> Self {
        let style = match (ask.json, io::stdout().is_terminal()) {
            (true, _) => Style::Json,
            (false, true) => Style::Shown,
            (false, false) => Style::Exact,
        };
        let mut output = Self {
            out,
            style,
            printer: Printer::new(&begun.provider.name, &begun.request.model),
            answers: begun.answers.clone(),
            printing: 0,
            headed: 0,
            finished: vec![false; begun.answers.len()],
            pending: Vec::new(),
            cleaner: Cleaner::default(),
            last_byte: b'\n',
            begun: false,
            asides: Vec::new(),
            pipe: Pipe::Open,
        };
        if output.answers.len() > 1 && style != Style::Json {
            output.write("[0]\n");
        }
        output
    }

    fn event(&mut self, event: &TurnEvent) {
        if let TurnEvent::Stream(event) = event {
            let choices = match event.choice() {
                Some(choice) => choice as usize..choice as usize + 1,
                None => 0..0,
            };
            for choice in choices {
                if let Some(answer) = self.answers.get_mut(choice) {
                    answer.apply(event);
                }
            }
        }
        if self.style == Style::Json {
            if let Some(line) = self.printer.line(event) {
                self.pending.extend_from_slice(line.as_bytes());
                self.pending.push(b'\n');
            }
            return;
        }
        match event {
            TurnEvent::Stream(event) => self.stream(event),
            TurnEvent::Retry { attempt, delay, reason, .. } => {
                let wait = delay.as_secs_f64();
                self.aside(format!("chatui: {reason}; attempt {} in {wait:.1} s", attempt + 1));
            }
            TurnEvent::Error(error) => self.aside(told(error)),
            TurnEvent::Sent { .. } | TurnEvent::Done(_) => {}
        }
    }

    /// Says something beside the answer: at once before its first word, else when it has ended, so that
    /// a terminal that shows both does not tear a sentence.
    fn aside(&mut self, text: String) {
        match self.begun {
            false => say(&text),
            true => self.asides.push(text),
        }
    }

    fn stream(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::Text { choice, delta } | StreamEvent::Refusal { choice, delta } => {
                let choice = *choice as usize;
                // Text may follow its choice's finish reason, when a later choice is already printed.
                if choice <= self.printing {
                    self.head(choice);
                    self.write(delta);
                }
            }
            StreamEvent::Finish { choice, .. } => {
                if let Some(finished) = self.finished.get_mut(*choice as usize) {
                    *finished = true;
                }
                self.next_choices();
            }
            StreamEvent::Notice(notice) => self.aside(format!("chatui: {}", sanitize::clean(notice))),
            StreamEvent::Start { .. }
            | StreamEvent::Reasoning { .. }
            | StreamEvent::ToolCall { .. }
            | StreamEvent::Annotation { .. }
            | StreamEvent::Carry { .. }
            | StreamEvent::Usage(_) => {}
        }
    }

    /// Goes on with the choices after those that are done.
    fn next_choices(&mut self) {
        while self.finished.get(self.printing).copied().unwrap_or(false)
            && self.printing + 1 < self.answers.len()
        {
            self.printing += 1;
            self.head(self.printing);
            let answer = &self.answers[self.printing];
            let text = format!("{}{}", answer.text(), answer.refusal());
            self.write(&text);
        }
    }

    /// Begins a choice, or goes on with it, under its heading.
    fn head(&mut self, choice: usize) {
        if choice != self.headed {
            self.headed = choice;
            self.end_line();
            self.write(&format!("[{choice}]\n"));
        }
    }

    fn write(&mut self, text: &str) {
        match self.style {
            Style::Shown => self.pending.extend_from_slice(self.cleaner.more(text).as_bytes()),
            Style::Exact | Style::Json => self.pending.extend_from_slice(text.as_bytes()),
        }
        self.last_byte = self.pending.last().copied().unwrap_or(self.last_byte);
        self.begun |= !text.is_empty();
    }

    fn end_line(&mut self) {
        if self.last_byte != b'\n' {
            self.write("\n");
        }
    }

    /// Hands what is pending to whoever reads.
    fn flush(&mut self) -> Pipe {
        if self.pipe == Pipe::Open
            && let Err(error) = self.out.write_all(&self.pending)
        {
            self.pipe = match error.kind() {
                io::ErrorKind::BrokenPipe => Pipe::Closed,
                io::ErrorKind::TimedOut => Pipe::HeldUp,
                _ => {
                    say(&format!("chatui: standard output cannot be written: {error}"));
                    Pipe::Broken
                }
            };
        }
        self.pending.clear();
        self.pipe
    }

    fn end(&mut self, done: &TurnDone, session: Option<String>) -> Pipe {
        if self.style == Style::Json {
            if let Some(line) = self.printer.done(done, &self.answers, session) {
                self.pending.extend_from_slice(line.as_bytes());
                self.pending.push(b'\n');
            }
        } else {
            self.finished.fill(true);
            self.next_choices();
            self.end_line();
            // The answer is out before what is said of it.
            let pipe = self.flush();
            self.asides.drain(..).for_each(|text| say(&text));
            self.tell_calls(done);
            return pipe;
        }
        self.flush()
    }

    /// Tool calls have no place in the text; they are said beside it.
    fn tell_calls(&self, done: &TurnDone) {
        for call in self.answers.iter().flat_map(Message::tool_calls) {
            let line = format!("chatui: the model calls {} {}", call.name, call.arguments);
            say(&sanitize::clean(&line));
        }
        if done.outcome == Outcome::Complete {
            for (i, choice) in done.choices.iter().enumerate() {
                let which = if done.choices.len() > 1 { format!("choice {i}: ") } else { String::new() };
                match choice.finish.as_ref().map(|finish| finish.reason) {
                    Some(FinishReason::Length) => say(&format!("chatui: {which}stopped at max tokens")),
                    Some(FinishReason::Filter) => {
                        say(&format!("chatui: {which}the server's content filter stopped the answer"));
                    }
                    Some(FinishReason::Stop | FinishReason::Tools | FinishReason::Failed) | None => {}
                }
            }
        }
    }
}

/// An error in words.
fn told(error: &TurnError) -> String {
    let mut text = format!("chatui: {}", error.message);
    if !error.hint.is_empty() {
        text.push_str(&format!("\n  {}", error.hint));
    }
    if let Some(id) = &error.request_id {
        text.push_str(&format!("\n  request id {id}"));
    }
    text
}

fn stats(done: &TurnDone) -> String {
    let m = &done.metrics;
    let ms = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.1} ms"));
    let estimate = if m.tokens_exact { "" } else { "~" };
    let rate = m.tokens_per_second.map_or("-".to_owned(), |v| format!("{v:.1}"));
    format!(
        "outcome {}\nTTFT {}  first text {}  duration {:.1} ms\ntokens {estimate}{}  tok/s {rate}  chunks {}  \
         chars {}\ntoken interval mean {}  p95 {}\nattempts {}",
        done.outcome.name(),
        ms(m.ttft_ms),
        ms(m.ttft_text_ms),
        m.duration_ms,
        m.tokens,
        m.chunks,
        m.chars,
        ms(m.mean_token_interval_ms),
        ms(m.p95_token_interval_ms),
        m.attempts
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Id;
    use crate::chat::FinishReason;

    fn output(choices: u32) -> Output {
        let answer = |choice: u32| {
            Message::answer(Id::from_bits(u64::from(choice) + 1), None, "m", choice, Timestamp(1))
        };
        Output {
            out: Out::new(Ending::default()),
            style: Style::Exact,
            printer: Printer::new("lab", "m"),
            answers: (0..choices).map(answer).collect(),
            printing: 0,
            headed: 0,
            finished: vec![false; choices as usize],
            cleaner: Cleaner::default(),
            pending: b"[0]\n".to_vec(),
            last_byte: b'\n',
            begun: false,
            asides: Vec::new(),
            pipe: Pipe::Open,
        }
    }

    /// A gateway was seen to send a choice's finish reason before the rest of its text.
    #[test]
    fn text_after_its_choices_finish_reason_is_printed_all_the_same() {
        let mut output = output(2);
        let text = |choice, delta: &str| TurnEvent::Stream(StreamEvent::Text { choice, delta: delta.into() });
        let end = StreamEvent::Finish { choice: 0, reason: FinishReason::Stop, raw: "stop".into() };
        for event in [text(1, "b1"), text(0, "a1"), TurnEvent::Stream(end), text(0, "a2"), text(1, "b2")] {
            output.event(&event);
        }
        assert_eq!(String::from_utf8(output.pending).unwrap(), "[0]\na1\n[1]\nb1\n[0]\na2\n[1]\nb2");
    }
}
