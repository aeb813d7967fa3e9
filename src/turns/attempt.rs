//! One attempt, in steps: each step is a future that gives facts and the run to go on with.
//!
//! Steps rather than a task, so that an attempt is read only as fast as its facts are taken, and
//! dropping the step closes the connection.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use super::Services;
use super::log::Log;
use super::record::Tape;
use crate::chat::error::{AttemptError, HttpFailure};
use crate::chat::turn::{Attempt, TurnInput};
use crate::chat::{Provider, StreamEvent};
use crate::net::Response;
use crate::wire::recording::End;
use crate::wire::{self, Decoder};

/// Bytes that are decoded before others have their turn.
const PIECE: usize = 64 << 10;
/// Bytes of an error's body that are looked at.
const ERROR_BODY: usize = 64 << 10;
/// The status of a key that is refused.
pub(super) const UNAUTHORIZED: u16 = 401;
/// How long an error's body may take; its status is known by then.
const ERROR_BODY_TIME: Duration = Duration::from_secs(5);

/// How long the recording is waited for at a time.
const TAPE_DELAY: Duration = Duration::from_millis(50);

/// What a step gives.
pub(super) struct Step {
    /// In order, of this attempt.
    pub(super) facts: Vec<TurnInput>,
    /// When they were decoded.
    pub(super) at: Instant,
    /// What goes on; `None` after the last fact.
    pub(super) run: Option<Run>,
}

/// An attempt under way.
pub(super) struct Run {
    id: u32,
    decoder: Shared,
    stage: Stage,
}

/// The decoder of an attempt, once it is answered. It is shared with whoever may drop the attempt: what it
/// holds back (half a tag, a call without a name) came too. Nobody waits while it is locked.
type Shared = Arc<Mutex<Option<Box<dyn Decoder>>>>;

enum Stage {
    Unsent { attempt: Box<Attempt>, provider: Arc<Provider>, services: Services, tape: Tape, log: Log },
    Reading(Box<Reading>),
}

struct Reading {
    response: Response,
    decoder: Shared,
    bytes: Vec<u8>,
    /// How many of `bytes` are decoded.
    decoded: usize,
    /// How long the decoder waits for the rest, and until when.
    linger: Option<(Duration, Instant)>,
    tape: Tape,
    log: Log,
}

/// A step that is not done yet.
type Waiting = Pin<Box<dyn Future<Output = Step> + Send>>;

/// An attempt and its step.
struct Under {
    id: u32,
    decoder: Shared,
    step: Waiting,
}

/// The attempts under way.
pub(super) struct Attempts {
    steps: Vec<Under>,
    /// Who is asked first: each in its turn.
    first: usize,
    log: Log,
}

impl Attempts {
    /// None yet.
    pub(super) fn new(log: Log) -> Self {
        Self { steps: Vec::new(), first: 0, log }
    }

    /// Begins an attempt, which goes on the tape.
    pub(super) fn begin(
        &mut self,
        attempt: Attempt,
        provider: &Arc<Provider>,
        services: &Services,
        tape: Tape,
    ) {
        let (provider, services) = (Arc::clone(provider), services.clone());
        let (id, attempt) = (attempt.id, Box::new(attempt));
        let log = self.log.clone();
        let stage = Stage::Unsent { attempt, provider, services, tape, log };
        self.go_on(Run { id, decoder: Shared::default(), stage });
    }

    /// Goes on with an attempt.
    pub(super) fn go_on(&mut self, run: Run) {
        let (id, decoder) = (run.id, Arc::clone(&run.decoder));
        self.steps.push(Under { id, decoder, step: Box::pin(run.step()) });
    }

    /// Drops an attempt.
    pub(super) fn abort(&mut self, id: u32) {
        self.steps.retain(|under| under.id != id);
    }

    /// What is held back of an attempt that is about to be dropped; nothing more of it can be read.
    pub(super) fn held(&mut self, id: u32) -> Vec<StreamEvent> {
        let mut events = Vec::new();
        let under = self.steps.iter().find(|under| under.id == id);
        if let Some(mut decoder) = under.and_then(|under| locked(&under.decoder).take()) {
            // How the body stands is of no interest any more.
            let _ = decoder.finish(&mut events);
        }
        events
    }

    /// Those under way.
    pub(super) fn ids(&self) -> Vec<u32> {
        self.steps.iter().map(|under| under.id).collect()
    }

    /// The next step that is done; never, if there is none.
    pub(super) async fn next(&mut self) -> Step {
        poll_fn(|context| {
            let count = self.steps.len();
            for i in 0..count {
                let at = (self.first + i) % count;
                if let Poll::Ready(step) = self.steps[at].step.as_mut().poll(context) {
                    drop(self.steps.remove(at));
                    self.first = at;
                    return Poll::Ready(step);
                }
            }
            Poll::Pending
        })
        .await
    }
}

fn locked(decoder: &Shared) -> MutexGuard<'_, Option<Box<dyn Decoder>>> {
    decoder.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Run {
    async fn step(self) -> Step {
        let (id, shared) = (self.id, self.decoder);
        match self.stage {
            Stage::Unsent { attempt, provider, services, mut tape, log } => {
                match open(&attempt, &provider, &services, &log, &mut tape).await {
                    Ok((response, decoder)) => {
                        let request_id = wire::request_id(&response.headers);
                        let answered = TurnInput::Answered { attempt: id, request_id };
                        *locked(&shared) = Some(decoder);
                        let (decoder, bytes, decoded) = (Arc::clone(&shared), Vec::new(), 0);
                        let reading = Reading { response, decoder, bytes, decoded, linger: None, tape, log };
                        Step::more(reading.run(id), vec![answered])
                    }
                    Err(error) => {
                        tape.end(match &error {
                            // The body says it.
                            AttemptError::Http(_) => End::Ended,
                            error => End::Lost(error.clone()),
                        });
                        Step::last(vec![TurnInput::Failed { attempt: id, error, ending: None }])
                    }
                }
            }
            Stage::Reading(reading) => reading.step(id).await,
        }
    }
}

impl Step {
    fn more(run: Run, facts: Vec<TurnInput>) -> Self {
        Self { facts, at: Instant::now(), run: Some(run) }
    }

    fn last(facts: Vec<TurnInput>) -> Self {
        Self { facts, at: Instant::now(), run: None }
    }
}

/// Sends the request and waits for the head of a successful answer.
async fn open(
    attempt: &Attempt,
    provider: &Arc<Provider>,
    services: &Services,
    log: &Log,
    tape: &mut Tape,
) -> Result<(Response, Box<dyn Decoder>), AttemptError> {
    let request = wire::encode(&attempt.request, provider, attempt.quirks)?;
    let decoder = wire::decoder_for(request.dialect, &attempt.request);
    let (since, dialect) = (services.keys.fetches(provider), request.dialect);
    log.sends(attempt, &request);
    let sent = Instant::now();
    let mut response = services.net.send(request, attempt.connect_timeout).await?;
    log.answered(attempt, &response, sent);
    tape.head(dialect, &response);
    // A key that is fetched may be a token that has run out.
    if response.status == UNAUTHORIZED
        && let Some(renewed) = services.renewed(provider, since).await?
    {
        let request = wire::encode(&attempt.request, &renewed, attempt.quirks)?;
        log.renewed();
        let sent = Instant::now();
        response = services.net.send(request, attempt.connect_timeout).await?;
        log.answered(attempt, &response, sent);
        tape.head(dialect, &response);
    }
    if response.is_success() {
        return Ok((response, decoder));
    }
    Err(AttemptError::Http(failure(response, tape).await))
}

/// What an answer that is no success says.
pub(super) async fn failure(mut response: Response, tape: &mut Tape) -> HttpFailure {
    let (mut body, mut chunk) = (Vec::new(), Vec::new());
    let read = async {
        // A body that breaks off says as much as came of it.
        while body.len() < ERROR_BODY && matches!(response.chunk(&mut chunk).await, Ok(true)) {
            tape.chunk(&chunk, Instant::now());
            tape.room().await;
            body.append(&mut chunk);
        }
    };
    let _ = tokio::time::timeout(ERROR_BODY_TIME, read).await;
    failure_of((response.status, &response.headers), body, now_ms())
}

/// What this status and body say that came at that time, in milliseconds since 1970.
pub(super) fn failure_of(
    (status, headers): (u16, &[(String, String)]),
    mut body: Vec<u8>,
    at_ms: i64,
) -> HttpFailure {
    body.truncate(ERROR_BODY);
    wire::http_failure(status, headers, &body, at_ms)
}

impl Reading {
    async fn step(mut self, id: u32) -> Step {
        if tokio::time::timeout(TAPE_DELAY, self.tape.room()).await.is_err() {
            // The recording's disk is what is waited for: the server is not silent.
            let heard = vec![TurnInput::Bytes { attempt: id }];
            return Step::more(self.run(id), heard);
        }
        if self.decoded == self.bytes.len() {
            self.bytes.clear();
            self.decoded = 0;
            match self.more().await {
                Ok(true) => self.log.piece(id, self.bytes.len()),
                Ok(false) => return self.end(id, Vec::new(), None),
                Err(error) => return self.end(id, Vec::new(), Some(error)),
            }
        }
        let end = self.bytes.len().min(self.decoded + PIECE);
        let mut events = Vec::new();
        let piece = &self.bytes[self.decoded..end];
        let (fed, marked, linger) = match &mut *locked(&self.decoder) {
            Some(decoder) => {
                let fed = decoder.feed(piece, &mut events);
                (fed, decoder.is_marked(), decoder.linger())
            }
            // It is about to be dropped.
            None => (Ok(()), false, None),
        };
        // At the time that the events have, so that a replay measures what was measured.
        let at = Instant::now();
        self.tape.chunk(piece, at);
        self.decoded = end;
        if let Err(error) = fed {
            let mut facts = facts_of(id, events);
            facts.push(TurnInput::Failed { attempt: id, error, ending: None });
            return Step { at, ..Step::last(facts) };
        }
        if marked {
            return Step { at, ..self.end(id, events, None) };
        }
        self.linger = linger.map(|wait| match self.linger {
            Some(known) if known.0 == wait => known,
            Some(_) | None => (wait, Instant::now() + wait),
        });
        Step { at, ..Step::more(self.run(id), facts_of(id, events)) }
    }

    fn run(self, id: u32) -> Run {
        Run { id, decoder: Arc::clone(&self.decoder), stage: Stage::Reading(Box::new(self)) }
    }

    /// Waits for bytes; `false` at the end, also at that of a wait for what may follow a whole answer.
    async fn more(&mut self) -> Result<bool, AttemptError> {
        let chunk = self.response.chunk(&mut self.bytes);
        match self.linger {
            None => chunk.await,
            // A server that goes on sending things of no use does not make it longer.
            Some((_, until)) if until <= Instant::now() => Ok(false),
            Some((_, until)) => tokio::time::timeout_at(until.into(), chunk).await.unwrap_or(Ok(false)),
        }
    }

    /// The body ended, or broke off with `error`.
    fn end(mut self, id: u32, events: Vec<StreamEvent>, error: Option<AttemptError>) -> Step {
        self.tape.end(error.clone().map_or(End::Ended, End::Lost));
        let decoder = locked(&self.decoder).take();
        Step::last(decoder.map_or_else(Vec::new, |mut decoder| last_facts(id, &mut *decoder, events, error)))
    }
}

/// The last facts of a body that ended, or broke off with `error`.
pub(super) fn last_facts(
    id: u32,
    decoder: &mut dyn Decoder,
    mut events: Vec<StreamEvent>,
    error: Option<AttemptError>,
) -> Vec<TurnInput> {
    let finished = decoder.finish(&mut events);
    let mut facts = facts_of(id, events);
    facts.push(match (finished, error) {
        (Ok(ending), None) => TurnInput::Ended { attempt: id, ending },
        (Ok(ending), Some(error)) => TurnInput::Failed { attempt: id, error, ending: Some(ending) },
        (Err(error @ AttemptError::Server(_)), _) | (Err(error), None) | (Err(_), Some(error)) => {
            TurnInput::Failed { attempt: id, error, ending: None }
        }
    });
    facts
}

pub(super) fn facts_of(attempt: u32, events: Vec<StreamEvent>) -> Vec<TurnInput> {
    let mut facts = Vec::with_capacity(events.len() + 2);
    facts.push(TurnInput::Bytes { attempt });
    facts.extend(events.into_iter().map(|event| TurnInput::Event { attempt, event }));
    facts
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
