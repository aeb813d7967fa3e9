//! Times and rates of a turn, taken where a chunk is decoded.
//!
//! A meter for each choice and one for the turn count fragments as they come, in a few additions and
//! without keeping any; [`ChoiceMeter::finish`] and [`TurnMeter::finish`] make the figures of them.

use std::time::{Duration, Instant};

use super::stream::Usage;

/// The figures of one choice.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct ChoiceMetrics {
    /// From the sending of the attempt to its first text, reasoning or tool fragment.
    pub ttft_ms: Option<f64>,
    /// From the first attempt to its end.
    pub duration_ms: f64,
    /// Fragments (text, reasoning, refusal, tool) that were not empty.
    pub chunks: u64,
    /// Tokens: reported where there is one choice and usage came, else one a chunk.
    pub tokens: u64,
    /// Whether the server reported them.
    pub tokens_exact: bool,
    /// Over last minus first chunk.
    pub tokens_per_second: Option<f64>,
    /// How long the reasoning took, from its first fragment to the first of another kind (or its last).
    pub reasoning_ms: Option<f64>,
}

/// The figures of a whole turn, as `ask --json` prints them.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct TurnMetrics {
    /// From the sending of the attempt that answered to its first text, reasoning or tool fragment.
    pub ttft_ms: Option<f64>,
    /// The same to its first text fragment.
    pub ttft_text_ms: Option<f64>,
    /// From the first attempt to the end.
    pub duration_ms: f64,
    /// Fragments that were not empty, all choices.
    pub chunks: u64,
    /// Unicode scalar values of the text, all choices.
    pub chars: u64,
    /// Tokens of the answer.
    pub tokens: u64,
    /// Whether the server reported them; else one a chunk is assumed.
    pub tokens_exact: bool,
    /// Tokens of the streamed kinds over last minus first chunk.
    pub tokens_per_second: Option<f64>,
    /// Mean time between chunks, over the token count.
    pub mean_token_interval_ms: Option<f64>,
    /// The 95th percentile of it.
    pub p95_token_interval_ms: Option<f64>,
    /// How many attempts were made.
    pub attempts: u32,
}

/// What sort of fragment came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// Text, with its Unicode scalar values.
    Text {
        /// How many.
        chars: u64,
    },
    /// Reasoning.
    Reasoning,
    /// Refusal.
    Refusal,
    /// A piece of a tool call, with text.
    Tool,
    /// A piece of a tool call without text: it ends the wait for the first fragment, but is no chunk.
    ToolHead,
}

/// Collects the figures of one choice.
#[derive(Clone, Debug, Default)]
pub struct ChoiceMeter {
    ttft: Option<Duration>,
    span: ChunkSpan,
    reasoning: Option<Reasoned>,
}

/// When reasoning began, came last, and was followed by something else.
#[derive(Clone, Copy, Debug)]
struct Reasoned {
    first: Instant,
    last: Instant,
    followed: Option<Instant>,
}

/// Chunks, and the instants of the first and the last.
#[derive(Clone, Copy, Debug, Default)]
struct ChunkSpan {
    chunks: u64,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl ChunkSpan {
    /// Counts a chunk and gives the time since the one before it.
    fn count(&mut self, now: Instant) -> Option<Duration> {
        self.chunks += 1;
        self.first.get_or_insert(now);
        self.last.replace(now).map(|last| now.saturating_duration_since(last))
    }

    /// From the first chunk to the last; `None` under two chunks or where all came at one instant.
    fn length(&self) -> Option<Duration> {
        let length = self.last?.saturating_duration_since(self.first?);
        (self.chunks >= 2 && !length.is_zero()).then_some(length)
    }
}

impl ChoiceMeter {
    /// Counts a fragment of an attempt that was sent at `sent`.
    pub fn record(&mut self, fragment: Fragment, sent: Instant, now: Instant) {
        if fragment != Fragment::Refusal {
            self.ttft.get_or_insert(now.saturating_duration_since(sent));
        }
        match (fragment, &mut self.reasoning) {
            (Fragment::Reasoning, Some(reasoned)) => reasoned.last = now,
            (Fragment::Reasoning, none) => {
                *none = Some(Reasoned { first: now, last: now, followed: None });
            }
            (_, Some(reasoned)) => {
                reasoned.followed.get_or_insert(now);
            }
            (_, None) => {}
        }
        if fragment != Fragment::ToolHead {
            self.span.count(now);
        }
    }

    /// Whether any reasoning came.
    pub fn has_reasoning(&self) -> bool {
        self.reasoning.is_some()
    }

    /// Chunks so far.
    pub fn chunks(&self) -> u64 {
        self.span.chunks
    }

    /// The figures; `usage` is that of this choice alone, `duration` from the first attempt to its end.
    pub fn finish(&self, usage: Option<Usage>, duration: Duration) -> ChoiceMetrics {
        let tokens = Tokens::of(usage, self.span.chunks, self.has_reasoning());
        ChoiceMetrics {
            ttft_ms: self.ttft.map(millis),
            duration_ms: millis(duration),
            chunks: self.span.chunks,
            tokens: tokens.all,
            tokens_exact: tokens.exact,
            tokens_per_second: self.span.length().map(|span| tokens.streamed as f64 / span.as_secs_f64()),
            reasoning_ms: self
                .reasoning
                .map(|r| millis(r.followed.unwrap_or(r.last).saturating_duration_since(r.first))),
        }
    }
}

/// Tokens of an answer, or of several side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// All of them.
    pub all: u64,
    /// Those of the kinds that were streamed: without reasoning that was not shown.
    pub streamed: u64,
    /// Whether the server reported them.
    pub exact: bool,
}

impl Tokens {
    /// None at all; the neutral element of [`Tokens::plus`].
    pub const NONE: Tokens = Tokens { all: 0, streamed: 0, exact: true };

    /// By `usage`, else one a chunk.
    pub fn of(usage: Option<Usage>, chunks: u64, has_reasoning: bool) -> Self {
        let Some(usage) = usage else {
            return Self { all: chunks, streamed: chunks, exact: false };
        };
        let hidden = if has_reasoning { 0 } else { usage.reasoning_tokens.unwrap_or(0) };
        let all = usage.completion_tokens;
        Self { all, streamed: all.saturating_sub(hidden), exact: true }
    }

    /// Both together; exact only where both are.
    #[must_use]
    pub fn plus(self, other: Tokens) -> Self {
        Self {
            all: self.all.saturating_add(other.all),
            streamed: self.streamed.saturating_add(other.streamed),
            exact: self.exact && other.exact,
        }
    }
}

/// Collects the figures of a turn.
#[derive(Clone, Debug, Default)]
pub struct TurnMeter {
    ttft: Option<Duration>,
    ttft_text: Option<Duration>,
    span: ChunkSpan,
    chars: u64,
    intervals: Intervals,
}

impl TurnMeter {
    /// Counts a fragment of an attempt that was sent at `sent`.
    pub fn record(&mut self, fragment: Fragment, sent: Instant, now: Instant) {
        if fragment != Fragment::Refusal {
            self.ttft.get_or_insert(now.saturating_duration_since(sent));
        }
        if let Fragment::Text { chars } = fragment {
            self.ttft_text.get_or_insert(now.saturating_duration_since(sent));
            self.chars += chars;
        }
        if fragment == Fragment::ToolHead {
            return;
        }
        if let Some(interval) = self.span.count(now) {
            self.intervals.add(interval);
        }
    }

    /// The figures, after `attempts` attempts and `duration` from the first of them.
    pub fn finish(&self, tokens: Tokens, duration: Duration, attempts: u32) -> TurnMetrics {
        let span = self.span.length();
        // Intervals are measured between chunks. Where the server counted its tokens, a chunk may have
        // held several: then an interval is shared out among them.
        let share = match tokens.streamed {
            0 | 1 => 1.0,
            streamed => (self.span.chunks.saturating_sub(1)) as f64 / (streamed - 1) as f64,
        };
        let per_chunk = |span: Duration| millis(span) / (self.span.chunks - 1) as f64;
        TurnMetrics {
            ttft_ms: self.ttft.map(millis),
            ttft_text_ms: self.ttft_text.map(millis),
            duration_ms: millis(duration),
            chunks: self.span.chunks,
            chars: self.chars,
            tokens: tokens.all,
            tokens_exact: tokens.exact,
            tokens_per_second: span.map(|span| tokens.streamed as f64 / span.as_secs_f64()),
            mean_token_interval_ms: span.map(|span| per_chunk(span) * share),
            p95_token_interval_ms: span.and_then(|_| self.intervals.percentile(95)).map(|ms| ms * share),
            attempts,
        }
    }
}

/// Steps of the histogram to each doubling: within 1.6 % of the true value.
const STEPS: u32 = 32;
const BUCKETS: usize = (STEPS * 33) as usize;

/// A histogram of intervals in logarithmic steps, 1 µs to 71 min: 8 KB however long the answer is.
#[derive(Clone, Debug, Default)]
struct Intervals {
    counts: Vec<u64>,
    total: u64,
}

impl Intervals {
    fn add(&mut self, interval: Duration) {
        if self.counts.is_empty() {
            self.counts = vec![0; BUCKETS];
        }
        let micros = u32::try_from(interval.as_micros()).unwrap_or(u32::MAX);
        self.counts[bucket(micros)] += 1;
        self.total += 1;
    }

    /// The smallest interval, in milliseconds, that `percent` of all do not exceed.
    fn percentile(&self, percent: u64) -> Option<f64> {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(middle(found) / 1000.0)
    }
}

/// Values below [`STEPS`] have a bucket each; above, each doubling has [`STEPS`] of them.
fn bucket(micros: u32) -> usize {
    if micros < STEPS {
        return micros as usize;
    }
    let shift = micros.ilog2() - STEPS.ilog2();
    ((shift + 1) * STEPS + (micros >> shift) - STEPS) as usize
}

/// The middle of a bucket, in microseconds.
fn middle(bucket: usize) -> f64 {
    let (row, step) = (bucket as u32 / STEPS, bucket as u32 % STEPS);
    match row {
        0 => f64::from(step),
        1 => f64::from(STEPS + step),
        _ => (f64::from(STEPS + step) + 0.5) * f64::from(row - 1).exp2(),
    }
}

/// A duration in milliseconds.
fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_histogram_is_true_to_two_percent_over_its_whole_range() {
        for micros in [0, 1, 31, 32, 33, 64, 1000, 12_345, 50_000, 1_000_000, 3_999_999_999, u32::MAX] {
            let seen = middle(bucket(micros));
            let off = (seen - f64::from(micros)).abs();
            assert!(off <= 0.02 * f64::from(micros), "{micros}: {seen}");
        }
    }

    #[test]
    fn the_percentile_is_the_smallest_that_covers_its_share() {
        let mut intervals = Intervals::default();
        assert_eq!(intervals.percentile(95), None);
        for _ in 0..94 {
            intervals.add(Duration::from_micros(10));
        }
        for _ in 0..6 {
            intervals.add(Duration::from_micros(30));
        }
        assert_eq!(intervals.percentile(50), Some(0.010));
        assert_eq!(intervals.percentile(94), Some(0.010));
        assert_eq!(intervals.percentile(95), Some(0.030));
    }

    #[test]
    fn reasoning_lasts_until_something_else_comes() {
        let t0 = Instant::now();
        let at = |ms| t0 + Duration::from_millis(ms);
        let mut meter = ChoiceMeter::default();
        meter.record(Fragment::Reasoning, t0, at(100));
        meter.record(Fragment::Reasoning, t0, at(200));
        assert_eq!(meter.finish(None, Duration::ZERO).reasoning_ms, Some(100.0));
        meter.record(Fragment::Text { chars: 1 }, t0, at(400));
        assert_eq!(meter.finish(None, Duration::ZERO).reasoning_ms, Some(300.0));
    }
}
