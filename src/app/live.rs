//! A turn that runs: its phase, and the figures of the status bar while it does.
//!
//! Rates count fragments (one token each is assumed until the server reports usage): over the last
//! second for the live figure, in one-second buckets for the sparkline.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::msg::TurnId;
use crate::base::MessageId;
use crate::chat::provider::Price;
use crate::chat::{Outcome, Usage};

/// Seconds that the sparkline shows.
pub const SPARK_SECONDS: usize = 20;

/// How long the figures on the screen stand while more comes. Nobody reads faster, and a token is dear
/// enough to show without them.
const GLANCE: Duration = Duration::from_millis(100);

/// How far a turn is.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// The prompt is saved, the connection made.
    Connecting,
    /// The request is out; nothing came yet.
    Waiting,
    /// Events come.
    Streaming,
    /// An attempt failed; the next is sent at `until`.
    Retrying {
        /// How many retries there can be.
        of: u32,
        /// From 1.
        attempt: u32,
        /// When the next attempt is sent.
        until: Instant,
        /// Why.
        reason: String,
    },
    /// Escape was pressed; the end has not been told yet.
    Stopping,
}

/// A turn that runs.
#[derive(Clone, Debug)]
pub struct LiveTurn {
    /// Its id.
    pub id: TurnId,
    /// Its answers, one a choice.
    pub answers: Vec<MessageId>,
    /// How far it is.
    pub phase: Phase,
    /// When the person sent it.
    pub started: Instant,
    /// When the attempt that runs was sent.
    pub sent: Instant,
    /// When the last event came.
    pub last: Instant,
    /// The figures so far.
    pub figures: Figures,
    /// The rate over time.
    pub rate: Rate,
    /// What the status bar shows of the two.
    pub glance: Glance,
    /// When each choice began to reason and when it went on to something else.
    thinking: Vec<(Option<Instant>, Option<Instant>)>,
}

/// The figures of a turn, running or ended.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Time to the first token.
    pub ttft: Option<Duration>,
    /// Tokens of the answer.
    pub tokens: u64,
    /// Tokens of the prompt, as reported.
    pub prompt_tokens: Option<u64>,
    /// What they may be until that is reported.
    pub prompt_guess: u64,
    /// The prices, where they are known.
    pub price: Option<Price>,
    /// Whether `tokens` is the server's count.
    pub exact: bool,
    /// Tokens per second over the whole answer.
    pub overall: Option<f64>,
    /// The limit that was asked for.
    pub max_tokens: Option<u64>,
}

impl Figures {
    /// What it costs in USD: in all that was sent, and what came so far.
    pub fn cost(&self) -> Option<f64> {
        let usage = Usage {
            prompt_tokens: self.prompt_tokens.unwrap_or(self.prompt_guess),
            completion_tokens: self.tokens,
            ..Usage::default()
        };
        self.price.map(|price| price.cost(&usage))
    }

    /// Takes in the server's counts.
    pub fn take_usage(&mut self, usage: &Usage) {
        self.prompt_tokens = Some(usage.prompt_tokens);
        self.tokens = usage.completion_tokens;
        self.exact = true;
    }
}

/// The figures of a running turn as they were a moment ago.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Glance {
    /// When they were looked at.
    pub(super) at: Option<Instant>,
    /// The figures.
    pub figures: Figures,
    /// Tokens over the last second.
    pub rate: Option<f64>,
    /// [`Rate::steps`].
    pub steps: Vec<u64>,
}

/// The last turn of a conversation, once it has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedTurn {
    /// How it ended.
    pub outcome: Outcome,
    /// Its figures.
    pub figures: Figures,
    /// Its rate over time.
    pub rate: Rate,
}

impl LiveTurn {
    /// A turn that begins now.
    pub fn new(id: TurnId, answers: Vec<MessageId>, max_tokens: Option<u64>, now: Instant) -> Self {
        let choices = answers.len();
        Self {
            id,
            answers,
            phase: Phase::Connecting,
            started: now,
            sent: now,
            last: now,
            figures: Figures { max_tokens, ..Figures::default() },
            rate: Rate::default(),
            glance: Glance::default(),
            thinking: vec![(None, None); choices],
        }
    }

    /// A choice reasons.
    pub fn reasons(&mut self, choice: usize, at: Instant) {
        if let Some((began, _)) = self.thinking.get_mut(choice) {
            began.get_or_insert(at);
        }
    }

    /// A choice says something else, so its reasoning is over.
    pub fn goes_on(&mut self, choice: usize, at: Instant) {
        if let Some((Some(_), ended)) = self.thinking.get_mut(choice) {
            ended.get_or_insert(at);
        }
    }

    /// How long a choice has reasoned.
    pub fn thinking_ms(&self, choice: usize, now: Instant) -> Option<f64> {
        let (began, ended) = self.thinking.get(choice)?;
        let took = ended.unwrap_or(now).saturating_duration_since((*began)?);
        Some(took.as_secs_f64() * 1000.0)
    }

    /// Counts fragments that were decoded at `at`.
    pub fn count(&mut self, chunks: u64, at: Instant) {
        if chunks == 0 {
            return;
        }
        if self.figures.ttft.is_none() {
            self.figures.ttft = Some(at.saturating_duration_since(self.sent));
        }
        if !self.figures.exact {
            self.figures.tokens += chunks;
        }
        self.rate.add(chunks, at);
        self.figures.overall = self.rate.overall();
    }

    /// Looks at the figures anew, if the last look is `GLANCE` old. [`LiveTurn::stale_at`] has this
    /// called after the last token too.
    pub fn look(&mut self, now: Instant) {
        let is_new = |at| now.saturating_duration_since(at) < GLANCE;
        // The first of them is waited for.
        let is_first = self.glance.figures.tokens == 0 && self.figures.tokens > 0;
        if self.glance.at.is_some_and(is_new) && !is_first {
            return;
        }
        self.glance = Glance {
            at: Some(now),
            figures: self.figures,
            rate: self.rate.last_second(now),
            steps: self.rate.steps(now),
        };
    }

    /// When the figures on the screen will be out of date though nothing came.
    pub fn stale_at(&self, now: Instant) -> Instant {
        let step = match &self.phase {
            Phase::Connecting | Phase::Waiting | Phase::Retrying { .. } => Duration::from_millis(100),
            Phase::Streaming => Duration::from_millis(250),
            Phase::Stopping => Duration::from_secs(1),
        };
        now + step
    }
}

/// Counts over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rate {
    first: Option<Instant>,
    last: Option<Instant>,
    total: u64,
    /// The counts of the last second, oldest first.
    recent: VecDeque<(Instant, u64)>,
    /// Counts of whole seconds since the first; the newest last.
    seconds: VecDeque<u64>,
    /// Which second the newest bucket is.
    second: u64,
}

impl Rate {
    fn add(&mut self, count: u64, at: Instant) {
        let first = *self.first.get_or_insert(at);
        self.last = Some(at);
        self.total += count;
        // Reports within 10 ms share an entry, so that a burst keeps the list short.
        match self.recent.back_mut() {
            Some((when, n)) if at.saturating_duration_since(*when) < Duration::from_millis(10) => *n += count,
            _ => self.recent.push_back((at, count)),
        }
        while self.recent.len() > 200 {
            self.recent.pop_front();
        }
        self.advance(at.saturating_duration_since(first).as_secs());
        if let Some(bucket) = self.seconds.back_mut() {
            *bucket += count;
        }
    }

    fn advance(&mut self, second: u64) {
        if self.seconds.is_empty() {
            self.seconds.push_back(0);
        }
        while self.second < second {
            // A silence longer than the chart empties it; there is no need to count each second.
            if second - self.second > SPARK_SECONDS as u64 {
                self.second = second - SPARK_SECONDS as u64;
            }
            self.second += 1;
            self.seconds.push_back(0);
            while self.seconds.len() > SPARK_SECONDS {
                self.seconds.pop_front();
            }
        }
    }

    /// Per second over the second before `now`; over what there is, where it is younger.
    pub fn last_second(&self, now: Instant) -> Option<f64> {
        let first = self.first?;
        let second = Duration::from_secs(1);
        let count: u64 = self
            .recent
            .iter()
            .filter(|(at, _)| now.saturating_duration_since(*at) < second)
            .map(|(_, n)| n)
            .sum();
        let span = now.saturating_duration_since(first).min(second).as_secs_f64();
        (span >= 0.1).then(|| count as f64 / span)
    }

    /// Per second from the first to the last.
    pub fn overall(&self) -> Option<f64> {
        let span = self.last?.saturating_duration_since(self.first?).as_secs_f64();
        (span > 0.0 && self.total > 1).then(|| self.total as f64 / span)
    }

    /// The counts of the last seconds up to `now`, oldest first.
    pub fn spark(&self, now: Instant) -> Vec<u64> {
        let Some(first) = self.first else { return Vec::new() };
        let mut rate = self.clone();
        rate.advance(now.saturating_duration_since(first).as_secs());
        rate.seconds.into()
    }

    /// The same in steps of two seconds. Steps begin at even seconds, so that one that is over keeps
    /// its height.
    pub fn steps(&self, now: Instant) -> Vec<u64> {
        let Some(first) = self.first else { return Vec::new() };
        let seconds = self.spark(now);
        let oldest =
            (now.saturating_duration_since(first).as_secs() + 1).saturating_sub(seconds.len() as u64);
        let whole = seconds.get((oldest % 2) as usize..).unwrap_or_default();
        whole.chunks(2).map(|step| step.iter().sum()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_for_a_moment_while_tokens_come_and_are_exact_when_they_stop() {
        let start = Instant::now();
        let mut live = LiveTurn::new(TurnId(1), Vec::new(), None, start);
        let mut seen = Vec::new();
        let mut now = start;
        for _ in 0..100 {
            now += Duration::from_millis(10);
            live.count(1, now);
            live.look(now);
            seen.push(live.glance.figures.tokens);
        }
        assert_eq!(seen[0], 1, "the first token is told at once");
        seen.dedup();
        assert_eq!(seen.len(), 10, "{seen:?}");
        let stale = live.stale_at(now);
        live.look(stale);
        assert_eq!(live.glance.figures, live.figures);
        assert_eq!(live.glance.rate, live.rate.last_second(stale));
    }

    #[test]
    fn the_live_rate_is_over_the_last_second() {
        let start = Instant::now();
        let mut rate = Rate::default();
        for i in 0..300 {
            rate.add(1, start + Duration::from_millis(10 * i));
        }
        let now = start + Duration::from_millis(2995);
        assert!((rate.last_second(now).expect("a rate") - 100.0).abs() < 2.0);
        assert!((rate.overall().expect("a rate") - 100.0).abs() < 2.0);
        assert_eq!(rate.last_second(now + Duration::from_secs(5)), Some(0.0));
        assert_eq!(rate.spark(now), [100, 100, 100]);
        assert_eq!(rate.steps(now), [200, 100]);
        let steps = rate.steps(now + Duration::from_secs(19));
        assert_eq!(steps.len(), SPARK_SECONDS / 2, "{steps:?}");
        assert_eq!(steps[0], 100, "the step of the third second is the first that is left");
        let later = rate.spark(now + Duration::from_secs(1000));
        assert_eq!(later.len(), SPARK_SECONDS);
        assert!(later.iter().all(|n| *n == 0));
    }
}
