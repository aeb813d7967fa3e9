//! Plays a recorded turn: its attempts answer as they did, at the times at which they did.
//!
//! Time is the recording's: it goes from one thing that happens to the next (bytes, an end, the end of a
//! wait of the turn machine), and between them is slept as long as the speed says. So a turn comes out the
//! same at any speed and on any machine, its figures included.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Speed;
use super::attempt::{Step, facts_of, failure_of, last_facts};
use crate::chat::StreamEvent;
use crate::chat::error::AttemptError;
use crate::chat::turn::{Attempt, TurnInput};
use crate::wire::recording::{End, RecordedAttempt, RecordedTurn};
use crate::wire::{self, Decoder};

/// How long after the recorded run dropped an attempt it is dropped here at the latest.
const SLACK: Duration = Duration::from_secs(1);

/// A recorded turn that is played.
pub(super) struct Played {
    turn: Arc<RecordedTurn>,
    speed: Speed,
    /// Of the recorded attempts, which were played.
    used: Vec<bool>,
    live: Vec<Playing>,
    /// When the recorded turn was stopped.
    cancelled: Option<Instant>,
    /// When it began, for the machine's clock and for ours.
    began: Instant,
    /// The time of what happened last.
    now: Instant,
}

/// An attempt that is played.
struct Playing {
    id: u32,
    sent: Instant,
    /// Its place in the recording; `None`: it is not in there.
    recorded: Option<usize>,
    /// Whether its head was played, and how many of its chunks.
    headed: bool,
    chunks: usize,
    decoder: Box<dyn Decoder>,
}

impl Played {
    pub(super) fn new(turn: Arc<RecordedTurn>, speed: Speed) -> Self {
        let now = Instant::now();
        let used = vec![false; turn.attempts.len()];
        Self { turn, speed, used, live: Vec::new(), cancelled: None, began: now, now }
    }

    /// The time of what happened last.
    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// Begins an attempt: the next recorded one for the same choice.
    pub(super) fn begin(&mut self, attempt: &Attempt) {
        let of_choice = |recorded: &RecordedAttempt| recorded.head.choice == attempt.choice;
        let place = self.turn.attempts.iter().zip(&self.used);
        let place = { place }.position(|(recorded, used)| !used && of_choice(recorded));
        let recorded = place.map(|at| &self.turn.attempts[at].head);
        if let Some(at) = place {
            self.used[at] = true;
        }
        if let Some((number, after)) = self.turn.cancelled
            && recorded.is_some_and(|head| head.attempt == number)
        {
            self.cancelled = self.now.checked_add(after);
        }
        let dialect = recorded.map_or(crate::chat::Dialect::OpenAiChat, |head| head.dialect);
        let decoder = wire::decoder_for(dialect, &attempt.request);
        let (id, sent) = (attempt.id, self.now);
        self.live.push(Playing { id, sent, recorded: place, headed: false, chunks: 0, decoder });
    }

    /// What is held back of an attempt that is about to be dropped.
    pub(super) fn held(&mut self, id: u32) -> Vec<StreamEvent> {
        let mut events = Vec::new();
        if let Some(playing) = self.live.iter_mut().find(|playing| playing.id == id) {
            // How the body stands is of no interest any more.
            let _ = playing.decoder.finish(&mut events);
        }
        events
    }

    /// Drops an attempt.
    pub(super) fn abort(&mut self, id: u32) {
        self.live.retain(|playing| playing.id != id);
    }

    /// Those under way.
    pub(super) fn ids(&self) -> Vec<u32> {
        self.live.iter().map(|playing| playing.id).collect()
    }

    /// When on our clock the time `at` of the recording is.
    pub(super) fn real(&self, at: Instant) -> Instant {
        let after = at.saturating_duration_since(self.began);
        let after = match self.speed {
            Speed::AtOnce => Duration::ZERO,
            Speed::Times(speed) => Duration::try_from_secs_f64(after.as_secs_f64() / speed).unwrap_or(after),
        };
        self.began.checked_add(after).unwrap_or(at)
    }

    /// The recording's time is now that of `wake`, if that has come.
    pub(super) fn reach(&mut self, wake: Option<Instant>) {
        if let Some(wake) = wake.filter(|wake| self.real(*wake) <= Instant::now()) {
            self.now = self.now.max(wake);
        }
    }

    /// The next that happens; never, if that is not before `wake`. It may be dropped while it waits.
    pub(super) async fn next(&mut self, wake: Option<Instant>) -> Step {
        let next = self.next_place().filter(|(at, _)| wake.is_none_or(|wake| *at <= wake));
        let Some((at, place)) = next else { return pending().await };
        tokio::time::sleep_until(self.real(at).into()).await;
        self.now = self.now.max(at);
        Step { facts: self.play(place), at: self.now, run: None }
    }

    /// When what happens, the first of all: at a place among those under way, or that the turn is stopped.
    fn next_place(&self) -> Option<(Instant, Option<usize>)> {
        let attempts = self.live.iter().enumerate().map(|(place, playing)| (self.due(playing), Some(place)));
        let cancelled = self.cancelled.map(|at| (at, None));
        attempts.chain(cancelled).min_by_key(|(at, _)| *at)
    }

    /// When the next of an attempt is due.
    fn due(&self, playing: &Playing) -> Instant {
        let Some(recorded) = playing.recorded.map(|at| &self.turn.attempts[at]) else { return playing.sent };
        if !playing.headed && is_success(recorded) {
            return playing.sent.checked_add(recorded.head.after).unwrap_or(playing.sent);
        }
        let after = match (recorded.chunks.get(playing.chunks), &recorded.end) {
            (Some((after, _)), _) => *after,
            (None, Some((after, End::Ended | End::Lost(_)))) => *after,
            (None, Some((after, End::Dropped))) => after.saturating_add(SLACK),
            (None, None) => recorded.chunks.last().map_or(recorded.head.after, |(after, _)| *after),
        };
        playing.sent.checked_add(after).unwrap_or(playing.sent)
    }

    /// Plays what is due at this place.
    fn play(&mut self, place: Option<usize>) -> Vec<TurnInput> {
        let answered = place.and_then(|place| self.answered(&self.live[place]));
        let mut facts = self.play_next(place);
        facts.splice(0..0, answered);
        facts
    }

    /// The head of an answer, before the first of its body.
    fn answered(&self, playing: &Playing) -> Option<TurnInput> {
        let head = &self.turn.attempts[playing.recorded.filter(|_| playing.chunks == 0)?].head;
        head.status?;
        Some(TurnInput::Answered { attempt: playing.id, request_id: wire::request_id(&head.headers) })
    }

    fn play_next(&mut self, place: Option<usize>) -> Vec<TurnInput> {
        let Some(place) = place else {
            self.cancelled = None;
            return vec![TurnInput::Cancelled];
        };
        let playing = &mut self.live[place];
        let id = playing.id;
        let recorded = playing.recorded.map(|at| &self.turn.attempts[at]);
        let chunk = recorded.and_then(|recorded| recorded.chunks.get(playing.chunks));
        let is_body = recorded.is_some_and(is_success);
        if let Some(recorded) = recorded.filter(|_| is_body && !playing.headed) {
            playing.headed = true;
            let request_id = wire::request_id(&recorded.head.headers);
            return vec![TurnInput::Answered { attempt: id, request_id }];
        }
        if let Some((_, bytes)) = chunk {
            playing.chunks += 1;
            if !is_body {
                return Vec::new();
            }
            let mut events = Vec::new();
            let fed = playing.decoder.feed(bytes, &mut events);
            if let Err(error) = fed {
                drop(self.live.swap_remove(place));
                let mut facts = facts_of(id, events);
                facts.push(TurnInput::Failed { attempt: id, error, ending: None });
                return facts;
            }
            if playing.decoder.is_marked() {
                let mut playing = self.live.swap_remove(place);
                return last_facts(id, &mut *playing.decoder, events, None);
            }
            return facts_of(id, events);
        }
        let mut playing = self.live.swap_remove(place);
        let failed = |error| vec![TurnInput::Failed { attempt: id, error, ending: None }];
        let Some(recorded) = recorded else { return failed(cut()) };
        let error = match &recorded.end {
            Some((_, End::Ended)) => None,
            Some((_, End::Lost(error))) => Some(error.clone()),
            Some((_, End::Dropped)) | None => Some(cut()),
        };
        match (recorded.head.status, error) {
            (Some(_), error) if is_body => last_facts(id, &mut *playing.decoder, Vec::new(), error),
            (Some(_), Some(error @ AttemptError::NoKey { .. })) => failed(error),
            (Some(status), _) => {
                let body = recorded.chunks.iter().flat_map(|(_, bytes)| bytes).copied().collect();
                let failure = failure_of((status, &recorded.head.headers), body, recorded.head.at_ms);
                failed(AttemptError::Http(failure))
            }
            (None, error) => failed(error.unwrap_or_else(cut)),
        }
    }
}

/// Whether what came is an answer, and no error: an open WebSocket has the status of the change to it.
fn is_success(recorded: &RecordedAttempt) -> bool {
    matches!(recorded.head.status, Some(101 | 200..=299))
}

/// What the recording says no more.
fn cut() -> AttemptError {
    AttemptError::Protocol {
        message: "the recording ends here: it was cut before the end of this answer".to_owned(),
        // Nothing can be sent again in a replay.
        hint: "What was recorded of it is shown.".to_owned(),
    }
}
