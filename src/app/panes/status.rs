//! The status bar: one line, always; figures keep their columns.
//!
//! Parts that do not fit are left out whole, the least important first; what is shown stands in the
//! same place from one frame to the next, so that nothing dances while figures change.

use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{line_width, put};
use crate::app::chat::Chat;
use crate::app::live::{Figures, LiveTurn, Phase, Rate, SPARK_SECONDS};
use crate::base::tone::{Line, Span, Tone};
use crate::chat::Outcome;
use crate::theme::Theme;

/// Silence after which the state says how long it has lasted.
const SILENCE: Duration = Duration::from_secs(10);
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Each stands for two seconds.
const SPARK_COLUMNS: usize = SPARK_SECONDS / 2;
const PROGRESS_COLUMNS: usize = 8;

/// A part of the bar; the higher `weight`, the longer it stays.
struct Part {
    line: Line,
    /// Columns it takes whatever its text.
    columns: u16,
    weight: u8,
}

/// Draws the bar into one row. `hint` names the most useful key.
pub fn draw(chat: &Chat, hint: &str, now: Instant, (area, buf): (Rect, &mut Buffer), theme: &Theme) {
    let mut parts = vec![state(chat, now)];
    match (&chat.live, &chat.ended) {
        (Some(live), _) => {
            let rate = live.rate.last_second(now).filter(|_| live.phase == Phase::Streaming);
            figures(&mut parts, &live.figures, rate, &live.rate, now);
        }
        (None, Some(ended)) => figures(&mut parts, &ended.figures, ended.figures.overall, &ended.rate, now),
        (None, None) => {}
    }
    let hint = Part { line: Line::new(hint, Tone::Dim), columns: 0, weight: 8 };
    let hint_columns = line_width(&hint.line);
    let room = area.width.saturating_sub(2);
    let wanted = |parts: &[Part]| parts.iter().map(|p| p.columns + 2).sum::<u16>().saturating_sub(2);
    let mut shows_hint = hint_columns > 0;
    loop {
        let all = wanted(&parts) + if shows_hint { hint_columns + 2 } else { 0 };
        if all <= room || (parts.len() == 1 && !shows_hint) {
            break;
        }
        let lightest =
            parts.iter().enumerate().skip(1).min_by_key(|(_, p)| p.weight).map(|(i, p)| (i, p.weight));
        match lightest {
            Some((i, weight)) if !shows_hint || weight < hint.weight => drop(parts.remove(i)),
            _ => shows_hint = false,
        }
    }
    let mut x = area.x + 1;
    for part in &parts {
        let columns = part.columns.min(area.right().saturating_sub(x));
        put(buf, (x, area.y), &part.line, columns, theme);
        x = x.saturating_add(part.columns + 2);
    }
    if shows_hint {
        let x = area.right().saturating_sub(1 + hint_columns);
        put(buf, (x, area.y), &hint.line, hint_columns, theme);
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
    Part { line: Line::new(text, tone), columns, weight: 10 }
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

fn figures(parts: &mut Vec<Part>, figures: &Figures, rate: Option<f64>, history: &Rate, now: Instant) {
    if let Some(ttft) = figures.ttft {
        let text = format!("TTFT {}", short(ttft));
        parts.push(Part { line: Line::new(text, Tone::Dim), columns: 11, weight: 6 });
    }
    if figures.tokens > 0 {
        let text = match rate {
            Some(rate) if rate >= 9_999.5 => format!("{:>6} tok/s", count(rate as u64)),
            Some(rate) => format!("{rate:>6.1} tok/s"),
            None => "     – tok/s".to_owned(),
        };
        parts.push(Part { line: Line::new(text, Tone::Text), columns: 12, weight: 7 });
        parts.push(Part {
            line: Line::new(spark(&history.spark(now)), Tone::Accent),
            columns: SPARK_COLUMNS as u16,
            weight: 2,
        });
    }
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
            weight: 3,
        });
    }
    if figures.tokens > 0 {
        let mark = if figures.exact { "" } else { "~" };
        let up = figures.prompt_tokens.map(|n| format!("↑{} ", count(n))).unwrap_or_default();
        let text = format!("{up}↓{mark}{}", count(figures.tokens));
        parts.push(Part { line: Line::new(text, Tone::Dim), columns: 12, weight: 5 });
    }
}

/// The last seconds as bars, the newest at the right.
fn spark(seconds: &[u64]) -> String {
    let pairs: Vec<u64> = seconds.rchunks(2).rev().map(|pair| pair.iter().sum()).collect();
    let shown = &pairs[pairs.len().saturating_sub(SPARK_COLUMNS)..];
    let most = shown.iter().copied().max().unwrap_or(0).max(1);
    let bar = |n: &u64| if *n == 0 { ' ' } else { BARS[(n * 7).div_ceil(most).min(7) as usize] };
    let blank = SPARK_COLUMNS - shown.len();
    std::iter::repeat_n(' ', blank).chain(shown.iter().map(bar)).collect()
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
