//! The loop of one turn: facts to the machine, its orders carried out, what it says passed on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempts, Step};
use super::log::Log;
use super::record::{Tape, TurnTape};
use super::redact::Redactor;
use super::replay::Played;
use super::save::{Begun, Saver};
use super::{Services, Source, TurnBatch, TurnJob};
use crate::base::Secrets;
use crate::chat::error::AttemptError;
use crate::chat::jobs::StoreError;
use crate::chat::turn::{Attempt, Turn, TurnEffect, TurnInput};
use crate::chat::{Provider, Quirks, StreamEvent, TurnEvent};

/// A wait for our own reader beyond which a server's silence is measured anew.
const OWN_DELAY: Duration = Duration::from_millis(50);

/// Facts that come so close behind each other may come without a pause.
const BUSY: Duration = Duration::from_millis(1);

/// A turn that runs.
pub(super) struct Drive {
    turn: Turn,
    model: String,
    provider: Arc<Provider>,
    secrets: Arc<Secrets>,
    /// How many fetched keys are among the secrets.
    fetched_keys: usize,
    redactor: Redactor,
    /// Empty between uses; kept for its room.
    clean: Vec<TurnEvent>,
    services: Services,
    answers: Answers,
    log: Log,
    /// What the log knows of the endpoint.
    logged: Quirks,
    tape: Option<TurnTape>,
    saver: Option<Saver>,
    begun: Option<Begun>,
    effects: Vec<TurnEffect>,
    /// What was told and not yet delivered, and when it was decoded.
    told: Vec<TurnEvent>,
    at: Instant,
    /// Whether the machine knows that it is stopped.
    stopped: bool,
}

/// Where answers come from.
enum Answers {
    Servers(Attempts),
    Recording(Played),
    /// Why there are none.
    Nothing(String),
}

impl Drive {
    pub(super) fn new(job: TurnJob, services: Services) -> Self {
        let store = services.store().cloned();
        let (saver, begun) = match store.zip(job.save) {
            Some((store, plan)) => {
                let (saver, begun) = Saver::new(store, plan);
                (Some(saver), Some(begun))
            }
            None => (None, None),
        };
        let log = Log::of_turn(&job.provider, &job.plan.request.model, &job.secrets, &services);
        let (answers, recorder) = match job.source {
            Source::Server => (Answers::Servers(Attempts::new(log.clone())), services.recorder.as_ref()),
            Source::Recording(turn, speed) => (Answers::Recording(Played::new(turn, speed)), None),
            Source::Nothing(why) => (Answers::Nothing(why), None),
        };
        Self {
            tape: recorder.map(|recorder| recorder.turn(&job.plan, &job.secrets)),
            answers,
            log,
            logged: job.plan.quirks,
            model: job.plan.request.model.clone(),
            turn: Turn::new(job.plan),
            provider: job.provider,
            secrets: job.secrets,
            fetched_keys: 0,
            redactor: Redactor::default(),
            clean: Vec::new(),
            services,
            saver,
            begun,
            effects: Vec::new(),
            told: Vec::new(),
            at: Instant::now(),
            stopped: false,
        }
    }

    /// Runs the turn to its end.
    pub(super) async fn run(mut self, cancel: CancellationToken, out: Sender<TurnBatch>) {
        tokio::select! {
            biased;
            ready = self.prepare() => self.fact(match ready {
                Ok(()) => TurnInput::Begin,
                Err(error) => TurnInput::Unready(error),
            }),
            () = cancel.cancelled() => self.stop(),
        }
        loop {
            self.carry_out().await;
            self.deliver(&cancel, &out).await;
            self.carry_out().await;
            if self.turn.is_done() {
                if self.told.is_empty() {
                    return;
                }
                continue;
            }
            let since = Instant::now();
            self.wait(&cancel, &out).await;
            self.clock();
            self.look_at_tape();
            // Whoever waited has left the others their turn.
            if since.elapsed() < BUSY {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Puts the prompt on disk, fetches the key and puts the demo on its feet; none of it counts as the
    /// server's time.
    async fn prepare(&mut self) -> Result<(), AttemptError> {
        let saved = match self.begun.take() {
            Some(begun) => begun.await,
            None => Ok(()),
        };
        if let Err(error) = saved {
            self.unsaved(&error);
        }
        match &self.answers {
            Answers::Servers(_) => self.provider = self.services.resolve(&self.provider).await?,
            Answers::Recording(_) => {}
            Answers::Nothing(why) => {
                return Err(AttemptError::Protocol { message: why.clone(), hint: String::new() });
            }
        }
        Ok(())
    }

    /// The store failed: the turn goes on, and says so.
    fn unsaved(&mut self, error: &StoreError) {
        self.saver = None;
        self.told.push(TurnEvent::Stream(StreamEvent::Notice(error.to_string())));
    }

    fn fact(&mut self, fact: TurnInput) {
        self.at = self.answers.now();
        self.turn.on(fact, self.at, &mut self.effects);
    }

    fn stop(&mut self) {
        self.stopped = true;
        self.hear_out(self.answers.ids());
        self.fact(TurnInput::Cancelled);
        if let Some(tape) = &self.tape {
            // What is dropped writes its head first, if it has none yet.
            for effect in &self.effects {
                if let TurnEffect::Abort { attempt } = effect {
                    self.answers.abort(*attempt);
                }
            }
            tape.cancelled(self.at);
        }
    }

    /// What is held back of attempts that are about to be dropped came too.
    fn hear_out(&mut self, attempts: Vec<u32>) {
        for attempt in attempts {
            for event in self.answers.held(attempt) {
                self.fact(TurnInput::Event { attempt, event });
            }
        }
    }

    async fn carry_out(&mut self) {
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            match effect {
                TurnEffect::Send(attempt) => self.send(attempt),
                TurnEffect::Abort { attempt } => self.answers.abort(attempt),
                TurnEffect::Remember(quirks) => {
                    if let Answers::Servers(_) = self.answers {
                        self.services.remember(&self.provider.name, &self.model, quirks);
                    }
                }
                TurnEffect::Tell(event) => self.tell(event).await,
            }
        }
        self.effects = effects;
    }

    fn send(&mut self, attempt: Attempt) {
        self.log.learnt(self.logged, attempt.quirks);
        self.logged = attempt.quirks;
        match &mut self.answers {
            Answers::Servers(attempts) => {
                let tape = self.tape.as_mut().map_or_else(Tape::default, |tape| {
                    tape.attempt(&attempt, (self.at, self.provider.dialect), &self.services)
                });
                attempts.begin(attempt, &self.provider, &self.services, tape);
            }
            Answers::Recording(played) => played.begin(&attempt),
            Answers::Nothing(_) => {}
        }
    }

    /// That the recording can't be written any more is told, once.
    fn look_at_tape(&mut self) {
        if let Some(trouble) = self.tape.as_ref().and_then(TurnTape::take_trouble) {
            self.told.push(TurnEvent::Stream(StreamEvent::Notice(trouble)));
        }
    }

    async fn tell(&mut self, event: TurnEvent) {
        self.learn_keys();
        let mut clean = std::mem::take(&mut self.clean);
        self.redactor.pass(&self.secrets, event, &mut |event| clean.push(event));
        for event in clean.drain(..) {
            self.tell_clean(event).await;
        }
        self.clean = clean;
    }

    /// Keys that were fetched since are kept out of sight too.
    fn learn_keys(&mut self) {
        let fetched = self.services.keys.count();
        if fetched != self.fetched_keys {
            self.fetched_keys = fetched;
            self.secrets = Arc::new(self.services.secrets(&self.secrets));
        }
    }

    async fn tell_clean(&mut self, event: TurnEvent) {
        self.log.told(&event);
        if let Some(saver) = &mut self.saver {
            match &event {
                TurnEvent::Stream(event) => saver.take(event, self.at),
                TurnEvent::Done(done) => {
                    if let Err(error) = saver.end(done).await {
                        self.unsaved(&error);
                    }
                }
                TurnEvent::Sent { .. } | TurnEvent::Retry { .. } | TurnEvent::Error(_) => {}
            }
        }
        self.told.push(event);
    }

    /// Passes on what was told. A reader that has gone away stops the turn.
    async fn deliver(&mut self, cancel: &CancellationToken, out: &Sender<TurnBatch>) {
        if self.told.is_empty() {
            return;
        }
        let since = Instant::now();
        loop {
            tokio::select! {
                biased;
                permit = out.reserve() => {
                    let events = std::mem::take(&mut self.told);
                    match permit {
                        Ok(permit) => {
                            permit.send(TurnBatch { at: self.at, events, saved: self.saver.is_some() });
                        }
                        Err(_) => self.stop(),
                    }
                    break;
                }
                () = cancel.cancelled(), if !self.stopped => {
                    self.stop();
                    self.carry_out().await;
                }
                () = until(self.saver.as_ref().and_then(Saver::due)) => self.flush(),
            }
        }
        if since.elapsed() > OWN_DELAY {
            for attempt in self.answers.ids() {
                self.fact(TurnInput::Bytes { attempt });
            }
        }
    }

    /// Waits for the next fact and takes it in.
    async fn wait(&mut self, cancel: &CancellationToken, out: &Sender<TurnBatch>) {
        let wake = self.turn.wake_at();
        let due = [wake.map(|at| self.answers.real(at)), self.saver.as_ref().and_then(Saver::due)];
        tokio::select! {
            biased;
            () = cancel.cancelled(), if !self.stopped => self.stop(),
            () = out.closed(), if !self.stopped => self.stop(),
            step = self.answers.next(wake) => self.take(step),
            () = until(due.into_iter().flatten().min()) => self.answers.reach(wake),
        }
    }

    fn take(&mut self, step: Step) {
        // First, so that an order to drop it finds it.
        if let (Some(run), Answers::Servers(attempts)) = (step.run, &mut self.answers) {
            attempts.go_on(run);
        }
        self.at = step.at;
        for fact in step.facts {
            if let TurnInput::Failed { attempt, error, .. } = &fact {
                self.log.failed(*attempt, error);
            }
            self.turn.on(fact, step.at, &mut self.effects);
        }
    }

    /// What is due by the clock, also while attempts never pause.
    fn clock(&mut self) {
        let at = self.answers.now();
        if self.turn.wake_at().is_some_and(|wake| wake <= at) {
            self.hear_out(self.turn.expiring(at));
            self.fact(TurnInput::Woke);
        }
        let now = Instant::now();
        if self.saver.as_ref().and_then(Saver::due).is_some_and(|due| due <= now) {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if let Some(saver) = &mut self.saver {
            saver.flush();
        }
    }
}

impl Answers {
    /// The time of the turn.
    fn now(&self) -> Instant {
        match self {
            Answers::Servers(_) | Answers::Nothing(_) => Instant::now(),
            Answers::Recording(played) => played.now(),
        }
    }

    /// When on our clock it is `at` of the turn's time.
    fn real(&self, at: Instant) -> Instant {
        match self {
            Answers::Servers(_) | Answers::Nothing(_) => at,
            Answers::Recording(played) => played.real(at),
        }
    }

    /// The time of the turn is `wake`, if that has come.
    fn reach(&mut self, wake: Option<Instant>) {
        match self {
            Answers::Servers(_) | Answers::Nothing(_) => {}
            Answers::Recording(played) => played.reach(wake),
        }
    }

    /// What is held back of an attempt that is about to be dropped.
    fn held(&mut self, attempt: u32) -> Vec<StreamEvent> {
        match self {
            Answers::Servers(attempts) => attempts.held(attempt),
            Answers::Recording(played) => played.held(attempt),
            Answers::Nothing(_) => Vec::new(),
        }
    }

    fn abort(&mut self, attempt: u32) {
        match self {
            Answers::Servers(attempts) => attempts.abort(attempt),
            Answers::Recording(played) => played.abort(attempt),
            Answers::Nothing(_) => {}
        }
    }

    /// Attempts under way.
    fn ids(&self) -> Vec<u32> {
        match self {
            Answers::Servers(attempts) => attempts.ids(),
            Answers::Recording(played) => played.ids(),
            Answers::Nothing(_) => Vec::new(),
        }
    }

    /// The next facts of an attempt, if there are any before `wake`.
    async fn next(&mut self, wake: Option<Instant>) -> Step {
        match self {
            Answers::Servers(attempts) => attempts.next().await,
            Answers::Recording(played) => played.next(wake).await,
            Answers::Nothing(_) => std::future::pending().await,
        }
    }
}

/// Waits until `at`; for ever where there is none.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
