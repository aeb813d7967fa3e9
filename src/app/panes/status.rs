//! The status bar: one line, always; figures keep their columns.
//!
//! Parts stand in the order of their importance. Those that do not fit are left out whole, from the
//! right, so that what is shown stands in the same place from one frame to the next.

use std::time::{Duration, Instant};

use ratatui::layout::Rect;

use super::{line_width, put};
use crate::app::chat::Chat;
use crate::app::live::{Figures, LiveTurn, Phase, SPARK_SECONDS};
use crate::app::picture::Picture;
use crate::base::tone::{Line, Span, Tone};
use crate::chat::Outcome;
use crate::theme::Theme;

/// Silence after which the state says how long it has lasted.
const SILENCE: Duration = Duration::from_secs(10);
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Each stands for two seconds.
const SPARK_COLUMNS: usize = SPARK_SECONDS / 2;
const PROGRESS_COLUMNS: usize = 8;
/// On a narrower screen a part of its own has no room beside the state.
const NARROW: u16 = 40;

/// A part of the bar.
struct Part {
    line: Line,
    /// Columns it takes whatever its text.
    columns: u16,
}

/// What the bar says besides how the turn is.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// The most useful key.
    pub hint: &'a str,
    /// Messages that wait and stand nowhere else on the screen.
    pub waiting: usize,
    /// Tokens of the conversation, and how many the model takes, where both are known.
    pub context: Option<(u64, u64)>,
}

/// Draws the bar into one row.
pub fn draw(chat: &Chat, said: &Said<'_>, now: Instant, (area, buf): (Rect, &mut Picture), theme: &Theme) {
    let mut parts = vec![state(chat, now)];
    if said.waiting > 0 {
        let tone = if chat.queue.is_held() { Tone::Warning } else { Tone::Dim };
        if area.width < NARROW {
            // Beside the state, which may not be left out.
            let mark = format!(" +{}", said.waiting);
            parts[0].columns =
                parts[0].columns.max(line_width(&parts[0].line) + line_width(&Line::new(&mark, tone)));
            parts[0].line.spans.push(Span::new(mark, tone));
        } else {
            let line = Line::new(format!("{} queued", said.waiting), tone);
            parts.push(Part { columns: line_width(&line), line });
        }
    }
    match (&chat.live, &chat.ended) {
        (Some(live), _) => {
            let glance = &live.glance;
            let rate = glance.rate.filter(|_| live.phase == Phase::Streaming);
            figures(&mut parts, &glance.figures, rate, (&glance.steps, said.context));
        }
        (None, Some(ended)) => {
            let shown = (ended.rate.steps(now), said.context);
            figures(&mut parts, &ended.figures, ended.figures.overall, (&shown.0, shown.1));
        }
        (None, None) => parts.extend(said.context.map(context)),
    }
    let hint = Line::new(said.hint, Tone::Dim);
    let hint_columns = line_width(&hint);
    let room = area.width.saturating_sub(2);
    let wanted = |parts: &[Part]| parts.iter().map(|p| p.columns + 2).sum::<u16>();
    while parts.len() > 1 && wanted(&parts) + hint_columns > room {
        parts.pop();
    }
    let shows_hint = wanted(&parts) + hint_columns <= room;
    let mut x = area.x + 1;
    for part in &parts {
        let columns = part.columns.min(area.right().saturating_sub(x));
        put(buf, (x, area.y), &part.line, columns, theme);
        x = x.saturating_add(part.columns + 2);
    }
    if shows_hint {
        let x = area.right().saturating_sub(1 + hint_columns);
        put(buf, (x, area.y), &hint, hint_columns, theme);
    }
}

fn state(chat: &Chat, now: Instant) -> Part {
    let (text, tone) = match (&chat.live, &chat.ended) {
        (Some(live), _) => live_state(live, now),
        (None, Some(ended)) if !chat.seen => match ended.outcome {
            Outcome::Complete => ("✓ complete".to_owned(), Tone::Success),
            Outcome::Cancelled => ("■ cancelled".to_owned(), Tone::Warning),
            Outcome::Truncated => ("■ truncated".to_owned(), Tone::Warning),
            Outcome::Failed => ("✗ failed".to_owned(), Tone::Error),
        },
        _ => ("ready".to_owned(), Tone::Dim),
    };
    // Wide enough for the words that follow each other, so that what stands behind keeps its place.
    let columns = (text.chars().count() as u16).max(14);
    Part { line: Line::new(text, tone), columns }
}

fn live_state(live: &LiveTurn, now: Instant) -> (String, Tone) {
    match &live.phase {
        Phase::Connecting => ("connecting".to_owned(), Tone::Accent),
        Phase::Waiting => {
            let waited = now.saturating_duration_since(live.sent);
            (format!("○ waiting {}", seconds(waited)), Tone::Accent)
        }
        Phase::Streaming => match now.saturating_duration_since(live.last) {
            silence if silence >= SILENCE => (format!("● silent {} s", silence.as_secs()), Tone::Warning),
            _ => ("● streaming".to_owned(), Tone::Accent),
        },
        Phase::Retrying { attempt, of, until, .. } => {
            let left = until.saturating_duration_since(now).as_secs_f64().ceil();
            (format!("retry {attempt}/{of} in {left:.0} s"), Tone::Warning)
        }
        Phase::Stopping => ("stopping".to_owned(), Tone::Warning),
    }
}

/// `ctx 12 %`: how much of what the model takes the conversation fills.
fn context((used, size): (u64, u64)) -> Part {
    let percent = (used as f64 * 100.0 / size.max(1) as f64).ceil();
    let tone = if percent >= 90.0 { Tone::Warning } else { Tone::Dim };
    Part { line: Line::new(format!("ctx {percent:.0} %"), tone), columns: 9 }
}

/// `$0.0042`, `$0.12`, `$3.40`.
fn dollars(cost: f64) -> String {
    match cost {
        _ if cost < 0.1 => format!("${cost:.4}"),
        _ => format!("${cost:.2}"),
    }
}

fn figures(
    parts: &mut Vec<Part>,
    figures: &Figures,
    rate: Option<f64>,
    (steps, filled): (&[u64], Option<(u64, u64)>),
) {
    if let Some(ttft) = figures.ttft {
        let text = format!("TTFT {}", short(ttft));
        parts.push(Part { line: Line::new(text, Tone::Dim), columns: 11 });
    }
    if figures.tokens > 0 {
        let text = match rate {
            Some(rate) if rate >= 9_999.5 => format!("{:>6} tok/s", count(rate as u64)),
            Some(rate) => format!("{rate:>6.1} tok/s"),
            None => "     – tok/s".to_owned(),
        };
        parts.push(Part { line: Line::new(text, Tone::Text), columns: 12 });
    }
    if figures.tokens > 0 {
        let mark = if figures.exact { "" } else { "~" };
        let up = figures.prompt_tokens.map(|n| format!("↑{} ", count(n))).unwrap_or_default();
        let text = format!("{up}↓{mark}{}", count(figures.tokens));
        parts.push(Part { line: Line::new(text, Tone::Dim), columns: 12 });
    }
    if let (Some(cost), true) = (figures.cost(), figures.tokens > 0) {
        let mark = if figures.exact { "" } else { "~" };
        let text = format!("{mark}{}", dollars(cost));
        parts.push(Part { line: Line::new(text, Tone::Dim), columns: 8 });
    }
    parts.extend(filled.map(context));
    if let (Some(max), true) = (figures.max_tokens, figures.tokens > 0) {
        let share = (figures.tokens as f64 / max.max(1) as f64).min(1.0);
        let full = (share * PROGRESS_COLUMNS as f64).round() as usize;
        let text = format!("{}/{max}", figures.tokens);
        let columns = (PROGRESS_COLUMNS + 2 + 2 * max.to_string().len()) as u16;
        parts.push(Part {
            line: Line {
                spans: vec![
                    Span::new("▓".repeat(full), Tone::Accent),
                    Span::new("░".repeat(PROGRESS_COLUMNS - full), Tone::Dim),
                    Span::new(format!(" {text}"), Tone::Dim),
                ],
            },
            columns,
        });
    }
    if figures.tokens > 0 {
        parts.push(Part { line: Line::new(spark(steps), Tone::Accent), columns: SPARK_COLUMNS as u16 });
    }
}

/// The last seconds as bars, the newest at the right.
fn spark(steps: &[u64]) -> String {
    let shown = &steps[steps.len().saturating_sub(SPARK_COLUMNS)..];
    let most = shown.iter().copied().max().unwrap_or(0).max(1);
    let bar = |n: &u64| if *n == 0 { ' ' } else { BARS[(n * 7).div_ceil(most).min(7) as usize] };
    shown.iter().map(bar).collect()
}

fn short(time: Duration) -> String {
    let ms = time.as_millis();
    if ms < 1000 { format!("{ms} ms") } else { seconds(time) }
}

/// `1.8 s`, `212 s`: never wider than what keeps its column.
fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 99.95 { format!("{seconds:.1} s") } else { format!("{seconds:.0} s") }
}

/// `212`, `1.1k`, `34k`, `1.2M`.
fn count(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..10_000 => format!("{:.1}k", n as f64 / 1e3),
        10_000..1_000_000 => format!("{}k", n / 1_000),
        _ => format!("{:.1}M", n as f64 / 1e6),
    }
}
