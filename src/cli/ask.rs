//! `chatui ask`: one answer to standard output, streamed and flushed as it comes.
//!
//! Standard output holds the answer (or the events of `--json`) and nothing else; what is to be said
//! beside it goes to standard error. A reader that closes the pipe has what it wanted: the turn is
//! stopped, saved, and the exit code is 0.

use std::io::{self, IsTerminal, Read};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::args::{Ask, Shared, Stop};

use super::output::{Output, Pipe, stats};
use super::setup::Setup;
use super::{attached, exit, request, runtime, say, seed};
use crate::base::IdSource;
use crate::chat::jobs::{StoreError, StoreJob, StoreReply, StoredSession, WhichSession};
use crate::chat::session::title_of;
use crate::chat::turn::{TurnDone, TurnPlan, choices_asked};
use crate::chat::{
    ChatRequest, Conversation, Message, Part, Provider, Session, SessionKind, StreamEvent, Timestamp,
    TurnError, TurnEvent,
};
use crate::store::Store;
use crate::term::{Ending, Out};
use crate::turns::{self, SavePlan, Source, TurnJob};

/// The most bytes of standard input.
const MAX_INPUT: u64 = 64 << 20;

/// Runs `ask`.
///
/// # Errors
/// Bad input; how the turn itself ends is the exit code.
pub fn run(shared: &Shared, ask: &Ask) -> Result<u8, Stop> {
    let files = attached::read(shared)?;
    let prompt = Asked { text: prompt(ask, &files)?, files };
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

/// What is asked: the text, and the files with it.
struct Asked {
    text: String,
    files: Vec<Part>,
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
    (prompt, which): (Asked, Option<WhichSession>),
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
    let out = Out::new(Ending::watch().map_err(failed)?);
    let mut output = Output::new(ask, (&begun.provider.name, &begun.request.model), &begun.answers, out);
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
    let job = TurnJob {
        plan,
        provider: begun.provider,
        secrets: setup.secrets.clone(),
        save,
        source: Source::Server,
    };
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
fn prompt(ask: &Ask, files: &[Part]) -> Result<String, Stop> {
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
        (true, true) if !files.is_empty() => Ok(String::new()),
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
        StoreReply::Saved | StoreReply::Listed(_) | StoreReply::Prompts(_) | StoreReply::Refused(_) => {
            Err(Stop::failure("chatui: the store answered a load with nothing".to_owned()))
        }
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
    asked: Asked,
    stored: Option<StoredSession>,
) -> Result<Begun, Stop> {
    let (provider, model) = model(setup, shared, stored.as_ref())?;
    let created = Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64));
    let mut ids = IdSource::new(seed());
    let mut session = stored.as_ref().map_or_else(
        || Session {
            id: ids.next_id(),
            kind: SessionKind::Ask,
            title: title(&asked),
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
    let mut prompt = Message::user(ids.next_id(), parent, asked.text, created);
    prompt.parts.extend(asked.files);
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

/// Of the prompt, or of the first file where there is none.
fn title(asked: &Asked) -> String {
    match asked.files.first() {
        Some(Part::File { name, .. }) if asked.text.is_empty() => title_of(name),
        _ => title_of(&asked.text),
    }
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

/// The signals that stop what a command waits for.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The exit code of the next one.
    pub(super) async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => exit::CANCELLED,
            _ = self.terminate.recv() => exit::TERMINATED,
            _ = self.hang_up.recv() => exit::HUNG_UP,
        }
    }
}
