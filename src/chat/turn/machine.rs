//! The rules: what each fact means and what follows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::error::{AttemptError, TimeoutKind, TurnError};
use super::super::message::Finish;
use super::super::metrics::{ChoiceMeter, Fragment, TurnMeter};
use super::super::provider::Quirks;
use super::super::request::ChatRequest;
use super::super::stream::{StreamEvent, TurnEvent, Usage};
use super::ending::{End, Failure};
use super::{Attempt, Outcome, TurnEffect, TurnInput, TurnPlan, words};
use crate::base::IdSource;

/// One turn.
#[derive(Debug)]
pub struct Turn {
    pub(super) plan: TurnPlan,
    pub(super) phase: Phase,
    /// What the endpoint refuses, as far as it is known by now.
    pub(super) quirks: Quirks,
    /// Whether the endpoint has no WebSocket, rather than none just now.
    pub(super) no_websocket_lasts: bool,
    pub(super) lanes: Vec<Lane>,
    pub(super) choices: Vec<Choice>,
    pub(super) meter: TurnMeter,
    pub(super) attempts: u32,
    /// When the first attempt was sent.
    pub(super) began: Option<Instant>,
    jitter: IdSource,
    request: Option<(Variant, Arc<ChatRequest>)>,
    said_start: bool,
    said_foreign: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Idle,
    Running,
    Done,
}

/// An attempt and those that replace it.
#[derive(Debug)]
pub(super) struct Lane {
    /// With n attempts: the one choice that it carries.
    pub(super) only: Option<u32>,
    pub(super) state: LaneState,
    pub(super) retries: u32,
    /// The server's number of the one choice that was asked for: not all begin with 0.
    pub(super) number: Option<u32>,
    /// What its last attempt was sent with.
    pub(super) quirks: Quirks,
    pub(super) usage: Option<Usage>,
    /// Under which name the server's operator finds its last attempt, if that was answered.
    pub(super) request_id: Option<String>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum LaneState {
    /// Not sent, or waiting until it is sent again. `None`: never (a time beyond the clock's end).
    Waiting {
        until: Option<Instant>,
    },
    Live(Live),
    Over(Outcome),
}

/// An attempt on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Live {
    pub(super) attempt: u32,
    pub(super) sent: Instant,
    /// When its last byte came; when it was sent, until one comes.
    pub(super) heard: Instant,
    /// Whether anything of a body came.
    pub(super) answered: bool,
    /// Whether an event came.
    pub(super) begun: bool,
    /// Whether one came that could be read.
    pub(super) read: bool,
}

/// One choice, as far as it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    pub(super) meter: ChoiceMeter,
    pub(super) came: bool,
    /// Whether any of it is for the reader: text, reasoning, a refusal, a tool call.
    pub(super) said: bool,
    pub(super) finish: Option<Finish>,
    pub(super) ended: Option<Instant>,
    pub(super) outcome: Option<Outcome>,
    pub(super) error: Option<TurnError>,
}

/// What the request of an attempt differs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Variant {
    whole: bool,
    without_n: bool,
}

impl Lane {
    pub(super) fn new(only: Option<u32>) -> Self {
        Self {
            only,
            state: LaneState::Waiting { until: None },
            retries: 0,
            number: None,
            quirks: Quirks::default(),
            usage: None,
            request_id: None,
        }
    }

    pub(super) fn live(&self) -> Option<Live> {
        match self.state {
            LaneState::Live(live) => Some(live),
            LaneState::Waiting { .. } | LaneState::Over(_) => None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, LaneState::Over(_))
    }
}

impl Turn {
    /// A turn that waits for [`TurnInput::Begin`].
    pub fn new(plan: TurnPlan) -> Self {
        let choices = vec![Choice::default(); plan.choices() as usize];
        Self {
            quirks: plan.quirks,
            no_websocket_lasts: plan.quirks.no_websocket,
            jitter: IdSource::new(plan.seed),
            phase: Phase::Idle,
            lanes: Vec::new(),
            choices,
            meter: TurnMeter::default(),
            attempts: 0,
            began: None,
            request: None,
            said_start: false,
            said_foreign: false,
            plan,
        }
    }

    /// Takes in a fact and appends what is to be done to `out`.
    pub fn on(&mut self, input: TurnInput, now: Instant, out: &mut Vec<TurnEffect>) {
        if self.phase == Phase::Done {
            return;
        }
        match input {
            TurnInput::Begin => self.begin(now, out),
            TurnInput::Unready(error) => self.unready(&error, now, out),
            TurnInput::Answered { attempt, request_id } => {
                if let Some(at) = self.lane_of(attempt) {
                    self.lanes[at].request_id = request_id;
                }
            }
            TurnInput::Bytes { attempt } => {
                let at = self.lane_of(attempt);
                if let Some(LaneState::Live(live)) = at.map(|at| &mut self.lanes[at].state) {
                    live.heard = now;
                    live.answered = true;
                }
            }
            TurnInput::Event { attempt, event } => self.event(attempt, event, now, out),
            TurnInput::Ended { attempt, ending } => self.ended(attempt, ending, now, out),
            TurnInput::Failed { attempt, error, ending } => {
                self.failed(attempt, Failure { error, ending }, now, out);
            }
            TurnInput::Woke => self.woke(now, out),
            TurnInput::Cancelled => self.cancelled(now, out),
        }
    }

    /// When [`TurnInput::Woke`] is due; `None` where nothing is waited for.
    pub fn wake_at(&self) -> Option<Instant> {
        if self.phase != Phase::Running {
            return None;
        }
        let lanes = self.lanes.iter().filter_map(|lane| match lane.state {
            LaneState::Waiting { until } => until,
            LaneState::Live(live) => self.silent_at(live),
            LaneState::Over(_) => None,
        });
        lanes.chain(self.total_at()).min()
    }

    /// The attempts that had begun and whose time is up: at `now`, [`TurnInput::Woke`] drops them. Events
    /// that are told of them before do not change that, as only bytes end a silence.
    pub fn expiring(&self, now: Instant) -> Vec<u32> {
        let all = self.total_at().is_some_and(|at| at <= now);
        let lives = self.lanes.iter().filter_map(Lane::live).filter(|live| live.begun);
        let up = lives.filter(|live| all || self.silent_at(*live).is_some_and(|due| due <= now));
        up.map(|live| live.attempt).collect()
    }

    /// Whether `Done` was told.
    pub fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    fn begin(&mut self, now: Instant, out: &mut Vec<TurnEffect>) {
        if self.phase != Phase::Idle {
            return;
        }
        self.phase = Phase::Running;
        self.began = Some(now);
        if let Some(source) = &self.plan.missing_key {
            let error = words::missing_key(&self.plan.provider, source);
            self.lanes.push(Lane::new(None));
            self.end_lane(0, End::Bad(Outcome::Failed, error), now, out);
            return;
        }
        let count = self.choices.len() as u32;
        if self.quirks.no_n && count > 1 {
            self.lanes.extend((0..count).map(|choice| Lane::new(Some(choice))));
        } else {
            self.lanes.push(Lane::new(None));
        }
        for at in 0..self.lanes.len() {
            self.send(at, now, out);
        }
    }

    fn unready(&mut self, error: &AttemptError, now: Instant, out: &mut Vec<TurnEffect>) {
        if self.phase != Phase::Idle {
            return;
        }
        self.phase = Phase::Running;
        self.began = Some(now);
        self.lanes.push(Lane::new(None));
        self.end_lane(0, End::Bad(Outcome::Failed, self.plan.failure(error)), now, out);
    }

    /// Sends the next attempt of a lane.
    pub(super) fn send(&mut self, at: usize, now: Instant, out: &mut Vec<TurnEffect>) {
        let request = self.request();
        let id = self.attempts;
        self.attempts += 1;
        let lane = &mut self.lanes[at];
        lane.quirks = self.quirks;
        lane.request_id = None;
        let live = Live { attempt: id, sent: now, heard: now, answered: false, begun: false, read: false };
        lane.state = LaneState::Live(live);
        out.push(TurnEffect::Send(Attempt {
            id,
            request,
            quirks: self.quirks,
            connect_timeout: self.plan.timeouts.connect,
            choice: lane.only,
        }));
        out.push(TurnEffect::Tell(TurnEvent::Sent { attempt: lane.retries }));
    }

    /// The request as the next attempt needs it; attempts that need the same share it.
    fn request(&mut self) -> Arc<ChatRequest> {
        let plan = &self.plan.request;
        let asks_n = plan.params.n.is_some() || plan.params.extra.contains_key("n");
        let variant =
            Variant { whole: self.quirks.no_stream && plan.stream, without_n: self.quirks.no_n && asks_n };
        if variant == (Variant { whole: false, without_n: false }) {
            return Arc::clone(plan);
        }
        if let Some((_, request)) = self.request.as_ref().filter(|(made, _)| *made == variant) {
            return Arc::clone(request);
        }
        let mut request = ChatRequest::clone(plan);
        request.stream &= !variant.whole;
        if variant.without_n {
            request.params.n = None;
            request.params.extra.remove("n");
        }
        let request = Arc::new(request);
        self.request = Some((variant, Arc::clone(&request)));
        request
    }

    fn event(&mut self, attempt: u32, mut event: StreamEvent, now: Instant, out: &mut Vec<TurnEffect>) {
        let count = self.choices.len() as u32;
        let Some(at) = self.lane_of(attempt) else { return };
        let lane = &mut self.lanes[at];
        let only = lane.only;
        // A verdict on the prompt belongs to no choice of the server's.
        let is_beside = matches!(event, StreamEvent::Annotation { .. });
        let LaneState::Live(live) = &mut lane.state else { return };
        let sent = live.sent;
        // A chunk that was skipped with a notice came all the same.
        live.begun = true;
        live.read |= !matches!(event, StreamEvent::Notice(_));
        match &mut event {
            StreamEvent::Notice(_) => {}
            // n attempts are one answer with one start.
            StreamEvent::Start { .. } if std::mem::replace(&mut self.said_start, true) => return,
            StreamEvent::Start { .. } => {}
            StreamEvent::Usage(usage) => {
                lane.usage = Some(*usage);
                *usage = self.usage().unwrap_or(*usage);
            }
            StreamEvent::Text { choice, .. }
            | StreamEvent::Reasoning { choice, .. }
            | StreamEvent::Refusal { choice, .. }
            | StreamEvent::ToolCall { choice, .. }
            | StreamEvent::Annotation { choice, .. }
            | StreamEvent::Carry { choice, .. }
            | StreamEvent::Finish { choice, .. } => {
                let asked = if only.is_some() { 1 } else { count };
                if asked == 1 && (is_beside || *choice == *lane.number.get_or_insert(*choice)) {
                    *choice = 0;
                } else if asked == 1 || *choice >= asked {
                    self.foreign_choice(out);
                    return;
                }
                *choice += only.unwrap_or(0);
                let choice = *choice as usize;
                self.content(choice, &event, sent, now);
            }
        }
        out.push(TurnEffect::Tell(TurnEvent::Stream(event)));
    }

    /// Takes note of an event of a choice.
    fn content(&mut self, choice: usize, event: &StreamEvent, sent: Instant, now: Instant) {
        let choice = &mut self.choices[choice];
        choice.came = true;
        let fragment = match event {
            StreamEvent::Text { delta, .. } => Fragment::Text { chars: delta.chars().count() as u64 },
            StreamEvent::Reasoning { .. } => Fragment::Reasoning,
            StreamEvent::Refusal { .. } => Fragment::Refusal,
            StreamEvent::ToolCall { delta, .. } if delta.is_empty() => Fragment::ToolHead,
            StreamEvent::ToolCall { .. } => Fragment::Tool,
            StreamEvent::Finish { reason, raw, .. } => {
                choice.finish = Some(Finish { reason: *reason, raw: raw.clone() });
                choice.ended = Some(now);
                return;
            }
            StreamEvent::Annotation { .. }
            | StreamEvent::Carry { .. }
            | StreamEvent::Start { .. }
            | StreamEvent::Usage(_)
            | StreamEvent::Notice(_) => return,
        };
        choice.said = true;
        choice.meter.record(fragment, sent, now);
        self.meter.record(fragment, sent, now);
    }

    fn foreign_choice(&mut self, out: &mut Vec<TurnEffect>) {
        if !std::mem::replace(&mut self.said_foreign, true) {
            out.push(notice(words::foreign_choice(self.choices.len())));
        }
    }

    fn woke(&mut self, now: Instant, out: &mut Vec<TurnEffect>) {
        if self.phase != Phase::Running {
            return;
        }
        if self.total_at().is_some_and(|at| at <= now) {
            for at in 0..self.lanes.len() {
                self.time_out(at, TimeoutKind::Total, now, out);
            }
            return;
        }
        for at in 0..self.lanes.len() {
            match self.lanes[at].state {
                LaneState::Waiting { until } if until.is_some_and(|until| until <= now) => {
                    self.send(at, now, out);
                }
                LaneState::Live(live) if self.silent_at(live).is_some_and(|due| due <= now) => {
                    let kind = if live.begun { TimeoutKind::Chunk } else { TimeoutKind::First };
                    self.time_out(at, kind, now, out);
                }
                LaneState::Waiting { .. } | LaneState::Live(_) | LaneState::Over(_) => {}
            }
        }
    }

    fn time_out(&mut self, at: usize, kind: TimeoutKind, now: Instant, out: &mut Vec<TurnEffect>) {
        if self.lanes[at].is_over() {
            return;
        }
        self.abort(at, out);
        // The server holds an answer open that is whole: nothing is missing.
        if self.has_finished(at) {
            out.push(notice(words::held_open()));
            self.end_lane(at, End::Fine, now, out);
            return;
        }
        let limit = match kind {
            TimeoutKind::Connect => self.plan.timeouts.connect,
            TimeoutKind::First => self.plan.timeouts.first,
            TimeoutKind::Chunk => self.plan.timeouts.chunk,
            TimeoutKind::Total => self.plan.timeouts.total,
        };
        let error = words::timed_out(kind, limit, self.has_said(at));
        self.end_lane(at, End::Bad(Outcome::Failed, error), now, out);
    }

    fn cancelled(&mut self, now: Instant, out: &mut Vec<TurnEffect>) {
        if self.phase == Phase::Idle {
            self.phase = Phase::Running;
            self.lanes.push(Lane::new(None));
        }
        for at in 0..self.lanes.len() {
            if !self.lanes[at].is_over() {
                self.abort(at, out);
                self.end_lane(at, End::Cancelled, now, out);
            }
        }
    }

    fn abort(&self, at: usize, out: &mut Vec<TurnEffect>) {
        if let Some(live) = self.lanes[at].live() {
            out.push(TurnEffect::Abort { attempt: live.attempt });
        }
    }

    /// Lets a lane wait before its next attempt.
    pub(super) fn wait(&mut self, at: usize, delay: Duration, now: Instant) {
        self.lanes[at].retries += 1;
        self.lanes[at].state = LaneState::Waiting { until: now.checked_add(delay) };
    }

    pub(super) fn random(&mut self) -> u64 {
        self.jitter.next_bits()
    }

    /// The lane that waits for this attempt.
    pub(super) fn lane_of(&self, attempt: u32) -> Option<usize> {
        self.lanes.iter().position(|lane| lane.live().is_some_and(|live| live.attempt == attempt))
    }

    /// Token counts so far, those of n attempts added up.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.lanes.iter().filter_map(|lane| lane.usage).reduce(words::add_usage)
    }

    /// When the silence of an attempt becomes too long.
    fn silent_at(&self, live: Live) -> Option<Instant> {
        let limit = if live.begun { self.plan.timeouts.chunk } else { self.plan.timeouts.first };
        deadline(live.heard, limit)
    }

    fn total_at(&self) -> Option<Instant> {
        self.began.and_then(|began| deadline(began, self.plan.timeouts.total))
    }
}

/// `limit` after `from`; a limit of zero is none.
fn deadline(from: Instant, limit: Duration) -> Option<Instant> {
    if limit.is_zero() { None } else { from.checked_add(limit) }
}

pub(super) fn notice(text: String) -> TurnEffect {
    TurnEffect::Tell(TurnEvent::Stream(StreamEvent::Notice(text)))
}
