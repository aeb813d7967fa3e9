//! What the end of an attempt means: another one, or the end of its lane; and the end of the turn.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::super::error::{AttemptError, HttpFailure, RefusedField, TurnError};
use super::super::metrics::Tokens;
use super::super::provider::Quirks;
use super::super::retry::{Verdict, is_retryable};
use super::super::stream::{Ending, FinishReason, TurnEvent, Usage};
use super::machine::{Choice, Lane, LaneState, Phase, notice};
use super::{ChoiceDone, Outcome, Turn, TurnDone, TurnEffect, words};

/// How a lane ends.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// Whole.
    Fine,
    /// Truncated or failed.
    Bad(Outcome, TurnError),
    /// Stopped by the person.
    Cancelled,
}

/// Why an attempt failed, and how far its body was.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: AttemptError,
    pub(super) ending: Option<Ending>,
}

impl Turn {
    /// The body of an attempt ended in order.
    pub(super) fn ended(&mut self, attempt: u32, ending: Ending, now: Instant, out: &mut Vec<TurnEffect>) {
        let Some(at) = self.lane_of(attempt) else { return };
        if ending == Ending::Empty && !self.lanes[at].live().is_some_and(|live| live.begun) {
            let nothing = AttemptError::Lost("the server ended it without an answer".to_owned());
            if self.falls_back(at, &nothing, now, out) {
                return;
            }
        }
        let end = match ending {
            Ending::Marked | Ending::FinishedOnly => End::Fine,
            Ending::Cut => End::Bad(
                Outcome::Truncated,
                words::cut("the server ended it without a finish reason", self.has_said(at)),
            ),
            Ending::Empty => End::Bad(Outcome::Failed, words::empty()),
        };
        self.end_lane(at, end, now, out);
    }

    /// An attempt failed.
    pub(super) fn failed(&mut self, attempt: u32, failure: Failure, now: Instant, out: &mut Vec<TurnEffect>) {
        let Some(at) = self.lane_of(attempt) else { return };
        let Failure { error, ending } = failure;
        // A server that closes a WebSocket with a failure's code says so beside the answer, not in it.
        let beside = ending.is_some();
        let in_band = matches!(error, AttemptError::Server(_)) && !beside;
        let closed =
            matches!(error, AttemptError::Lost(_)) || matches!(error, AttemptError::Server(_)) && beside;
        let finished = closed && (ending == Some(Ending::FinishedOnly) || self.has_finished(at));
        if !in_band && (ending == Some(Ending::Marked) || finished) {
            self.end_lane(at, End::Fine, now, out);
            return;
        }
        let live = self.lanes[at].live();
        // An event may come that says nothing.
        let read = ending == Some(Ending::Cut) || live.is_some_and(|live| live.read);
        if read || live.is_some_and(|live| live.begun) {
            let said = self.has_said(at);
            let end = match error {
                AttemptError::Lost(cause) => End::Bad(Outcome::Truncated, words::cut(&cause, said)),
                AttemptError::Protocol { message, hint } if read => {
                    End::Bad(Outcome::Truncated, words::unreadable(&message, &hint, said))
                }
                other => End::Bad(Outcome::Failed, self.plan.failure(&other)),
            };
            self.end_lane(at, end, now, out);
            return;
        }
        if let AttemptError::Http(http) = &error
            && self.adapts(at, http, now, out)
        {
            return;
        }
        if !in_band && self.falls_back(at, &error, now, out) {
            return;
        }
        let random = self.random();
        let retries = self.lanes[at].retries;
        match self.plan.retry.verdict(&error, retries, random) {
            Verdict::Again(delay) => {
                self.wait(at, delay, now);
                out.push(TurnEffect::Tell(TurnEvent::Retry {
                    attempt: retries + 1,
                    of: self.plan.retry.max,
                    delay,
                    reason: words::reason(&error),
                    choice: self.lanes[at].only,
                }));
            }
            Verdict::GiveUp => {
                let error = words::after(self.plan.failure(&error), retries + 1);
                self.end_lane(at, End::Bad(Outcome::Failed, error), now, out);
            }
            Verdict::TooLong(wait) => {
                let error = words::too_long(self.plan.failure(&error), wait, self.plan.retry.max_wait);
                self.end_lane(at, End::Bad(Outcome::Failed, error), now, out);
            }
        }
    }

    /// Asks over HTTP at once, if that is another way than the one that failed. No retry is used up.
    fn falls_back(
        &mut self,
        at: usize,
        error: &AttemptError,
        now: Instant,
        out: &mut Vec<TurnEffect>,
    ) -> bool {
        let Some(address) = &self.plan.over_http else { return false };
        let answered = self.lanes[at].live().is_some_and(|live| live.answered);
        if self.lanes[at].quirks.no_websocket || !is_of_the_way(error, answered) {
            return false;
        }
        if !self.quirks.no_websocket {
            out.push(notice(words::over_http(&words::reason(error), address)));
            self.quirks.no_websocket = true;
            // A server that is down or busy may have its WebSocket again by the next turn.
            self.no_websocket_lasts = match error {
                AttemptError::Http(failure) => !is_retryable(failure),
                AttemptError::Protocol { .. } => true,
                AttemptError::ConnectTimeout(_)
                | AttemptError::Connect { .. }
                | AttemptError::Insecure { .. }
                | AttemptError::Lost(_)
                | AttemptError::Server(_)
                | AttemptError::Request(_)
                | AttemptError::NoKey { .. } => false,
            };
            if self.no_websocket_lasts {
                self.remember(out);
            }
        }
        self.send(at, now, out);
        true
    }

    /// Has what was learnt of the endpoint remembered.
    fn remember(&self, out: &mut Vec<TurnEffect>) {
        let no_websocket = self.quirks.no_websocket && self.no_websocket_lasts;
        out.push(TurnEffect::Remember(Quirks { no_websocket, ..self.quirks }));
    }

    /// Asks again without what the server refuses, if that was not tried yet. Lanes side by side learn
    /// from each other: the first that is refused tells it.
    fn adapts(&mut self, at: usize, http: &HttpFailure, now: Instant, out: &mut Vec<TurnEffect>) -> bool {
        let Some(field) = &http.refused else { return false };
        if !self.plan.can_leave(field) {
            return false;
        }
        let sent = self.lanes[at].quirks;
        let mut wanted = sent;
        match field {
            RefusedField::StreamOptions => wanted.no_stream_options = true,
            RefusedField::MaxTokens | RefusedField::MaxCompletionTokens => {
                wanted.other_max_tokens = !self.plan.quirks.other_max_tokens;
            }
            RefusedField::Stream => wanted.no_stream = true,
            RefusedField::N => wanted.no_n = true,
            RefusedField::Other(_) => return false,
        }
        if wanted == sent {
            return false;
        }
        let mut learnt = self.quirks;
        learnt.no_stream_options |= wanted.no_stream_options;
        learnt.no_stream |= wanted.no_stream;
        learnt.no_n |= wanted.no_n;
        if wanted.other_max_tokens != sent.other_max_tokens {
            learnt.other_max_tokens = wanted.other_max_tokens;
        }
        if learnt != self.quirks {
            self.quirks = learnt;
            out.push(notice(words::adapted(&self.plan.provider, field, self.choices.len())));
            self.remember(out);
        }
        let splits = *field == RefusedField::N && self.choices.len() > 1 && self.lanes[at].only.is_none();
        if splits {
            self.lanes[at].only = Some(0);
            self.lanes.extend((1..self.choices.len() as u32).map(|choice| Lane::new(Some(choice))));
            for lane in 0..self.lanes.len() {
                self.send(lane, now, out);
            }
        } else {
            self.send(at, now, out);
        }
        true
    }

    /// Ends a lane, and the turn if it was the last.
    pub(super) fn end_lane(&mut self, at: usize, end: End, now: Instant, out: &mut Vec<TurnEffect>) {
        let is_fine = matches!(end, End::Fine);
        if is_fine {
            self.note_what_is_missing(at, out);
        }
        let carried = self.carried(at);
        let only = self.lanes[at].only;
        let said_failed = self.choices[carried.clone()].iter().find_map(Choice::failed_word);
        let (outcome, error) = match end {
            End::Fine => match said_failed {
                Some(raw) => (Outcome::Failed, Some(words::said_failed(raw))),
                None => (Outcome::Complete, None),
            },
            End::Bad(outcome, error) => (outcome, Some(error)),
            End::Cancelled => (Outcome::Cancelled, None),
        };
        let error = error.map(|error| {
            let request_id = error.request_id.or_else(|| self.lanes[at].request_id.take());
            TurnError { choice: only, request_id, ..error }
        });
        // Choices that had ended well stay so, unless then nothing would show what went wrong.
        let blames_all = error.is_some() && self.choices[carried.clone()].iter().all(Choice::is_well);
        for choice in &mut self.choices[carried] {
            choice.ended.get_or_insert(now);
            let own = match choice.failed_word() {
                Some(_) => Outcome::Failed,
                None if choice.is_well() && !blames_all => Outcome::Complete,
                None if is_fine => Outcome::Complete,
                None => outcome,
            };
            choice.outcome = Some(own);
            if matches!(own, Outcome::Truncated | Outcome::Failed) {
                choice.error.clone_from(&error);
            }
        }
        self.lanes[at].state = LaneState::Over(outcome);
        if let Some(error) = error {
            out.push(TurnEffect::Tell(TurnEvent::Error(error)));
        }
        if self.lanes.iter().all(Lane::is_over) {
            self.finish(now, out);
        }
    }

    /// Tells what a whole answer lacks.
    fn note_what_is_missing(&mut self, at: usize, out: &mut Vec<TurnEffect>) {
        let carried = &self.choices[self.carried(at)];
        let came = carried.iter().filter(|choice| choice.came).count();
        let asked = carried.len();
        let stopped =
            |choice: &Choice| choice.finish.as_ref().is_none_or(|finish| finish.reason == FinishReason::Stop);
        if came == 0 || carried.iter().all(|choice| !choice.said && stopped(choice)) {
            out.push(notice(words::nothing_in_it()));
        } else if came < asked {
            out.push(notice(words::fewer_choices(asked, came)));
            self.quirks.no_n = true;
            self.remember(out);
        }
    }

    fn finish(&mut self, now: Instant, out: &mut Vec<TurnEffect>) {
        self.phase = Phase::Done;
        let began = self.began.unwrap_or(now);
        let usage = self.usage();
        let outcome = self.lanes.iter().filter_map(Lane::outcome).max().unwrap_or(Outcome::Cancelled);
        let lasted = |ended: Option<Instant>| ended.unwrap_or(now).saturating_duration_since(began);
        let own_usage: Vec<Option<Usage>> =
            (0..self.choices.len() as u32).map(|choice| self.usage_of(choice)).collect();
        let mut choices: Vec<ChoiceDone> = Vec::with_capacity(self.choices.len());
        let tokens = self.tokens();
        // Those at the end that never came are left out; one between others keeps its place.
        let count = self.choices.iter().rposition(|choice| choice.came).map_or(1, |last| last + 1);
        for (at, (choice, usage)) in self.choices.iter_mut().zip(own_usage).enumerate() {
            let outcome = choice.outcome.unwrap_or(outcome);
            if outcome == Outcome::Complete && at >= count {
                continue;
            }
            choices.push(ChoiceDone {
                outcome,
                finish: choice.finish.take(),
                error: choice.error.take(),
                metrics: choice.meter.finish(usage, lasted(choice.ended)),
            });
        }
        let duration: Duration = now.saturating_duration_since(began);
        let metrics = self.meter.finish(tokens, duration, self.attempts);
        let done = TurnDone { outcome, choices, usage, metrics };
        out.push(TurnEffect::Tell(TurnEvent::Done(Box::new(done))));
    }

    /// The tokens of the turn: exact where each lane that brought anything reported its own.
    fn tokens(&self) -> Tokens {
        let all = self.lanes.iter().enumerate().fold(Tokens::NONE, |sum, (at, lane)| {
            let carried = &self.choices[self.carried(at)];
            let chunks: u64 = carried.iter().map(|choice| choice.meter.chunks()).sum();
            let reasoned = carried.iter().any(|choice| choice.meter.has_reasoning());
            if chunks == 0 && lane.usage.is_none() {
                return sum;
            }
            sum.plus(Tokens::of(lane.usage, chunks, reasoned))
        });
        let reported = self.lanes.iter().any(|lane| lane.usage.is_some());
        Tokens { exact: all.exact && reported, ..all }
    }

    /// The token counts of one choice, where they are known apart from the others'.
    fn usage_of(&self, choice: u32) -> Option<Usage> {
        if self.choices.len() == 1 {
            return self.usage();
        }
        self.lanes.iter().find(|lane| lane.only == Some(choice))?.usage
    }

    /// The choices that a lane carries.
    fn carried(&self, at: usize) -> Range<usize> {
        match self.lanes[at].only {
            Some(choice) => choice as usize..choice as usize + 1,
            None => 0..self.choices.len(),
        }
    }

    /// Whether all choices of a lane have their finish reason.
    pub(super) fn has_finished(&self, at: usize) -> bool {
        self.choices[self.carried(at)].iter().all(|choice| choice.finish.is_some())
    }

    /// Whether anything of a lane came that is for the reader.
    pub(super) fn has_said(&self, at: usize) -> bool {
        self.choices[self.carried(at)].iter().any(|choice| choice.said)
    }
}

/// Whether a failure may come of the way to the server, so that another may help. What is wrong with the
/// key, the account or the request itself goes along on every way, and a certificate that is not to be
/// trusted is not to be gone around. `answered`: whether anything came after the handshake.
fn is_of_the_way(error: &AttemptError, answered: bool) -> bool {
    match error {
        AttemptError::ConnectTimeout(_)
        | AttemptError::Connect { .. }
        | AttemptError::Lost(_)
        | AttemptError::Server(_) => true,
        AttemptError::Http(failure) => !failure.quota && !matches!(failure.status, 401 | 402 | 429),
        AttemptError::Protocol { .. } => !answered,
        AttemptError::Insecure { .. } | AttemptError::Request(_) | AttemptError::NoKey { .. } => false,
    }
}

impl Lane {
    fn outcome(&self) -> Option<Outcome> {
        match self.state {
            LaneState::Over(outcome) => Some(outcome),
            LaneState::Waiting { .. } | LaneState::Live(_) => None,
        }
    }
}

impl Choice {
    /// The server's word, where it says that this choice failed.
    fn failed_word(&self) -> Option<&str> {
        self.finish.as_ref().filter(|finish| finish.reason == FinishReason::Failed).map(|f| f.raw.as_str())
    }

    /// Whether it has a finish reason that is no failure.
    fn is_well(&self) -> bool {
        self.finish.is_some() && self.failed_word().is_none()
    }
}
