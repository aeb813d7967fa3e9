//! A tool call as a panel: its name, and its arguments as they are written.
//!
//! Arguments are shown as a table of keys and values as soon as they parse as a JSON object, else as
//! the raw text, so that nothing is lost of a call that is not JSON. Running tools is not here.

use serde_json::Value;

use super::bold;
use crate::base::tone::{Line, Span, Tone};
use crate::base::{sanitize, width};
use crate::chat::ToolCall;

/// Rows of arguments that are shown of a folded panel.
const FOLDED_ROWS: usize = 8;

/// Bytes of arguments that are looked at: they are laid out anew for each frame.
const SHOWN_BYTES: usize = 64 * 1024;

/// How a panel is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanelState {
    /// Arguments still come.
    Writing,
    /// The call is whole.
    Whole,
    /// The answer ended before the call was whole.
    Broken,
}

/// The rows of a panel of `columns`: all of long arguments if it is open, else the key that opens it.
pub fn rows(
    call: &ToolCall,
    state: PanelState,
    (open, key): (bool, Option<&str>),
    columns: u16,
) -> Vec<Line> {
    let inner = usize::from(columns).saturating_sub(4).max(1);
    let most = call.arguments.len().min(SHOWN_BYTES);
    let end = (0..=most).rev().find(|at| call.arguments.is_char_boundary(*at)).unwrap_or(0);
    let arguments = &call.arguments[..end];
    let is_cut = arguments.len() < call.arguments.len();
    let parsed = serde_json::from_str::<Value>(arguments).ok();
    let (label, tone) = match (state, &parsed) {
        (PanelState::Writing, _) => ("writing", Tone::Dim),
        (PanelState::Broken, _) => ("incomplete", Tone::Warning),
        (PanelState::Whole, None) if !is_cut && !arguments.trim().is_empty() => ("not JSON", Tone::Error),
        (PanelState::Whole, _) => ("called", Tone::Success),
    };
    let mut body = match &parsed {
        Some(Value::Object(members)) => {
            let widest = members.keys().map(|key| width::width(&sanitize::clean(key))).max().unwrap_or(0);
            let columns = widest.min(inner / 3);
            members.iter().flat_map(|(key, value)| member(key, value, columns, inner)).collect()
        }
        Some(Value::Null) | None if arguments.trim().is_empty() => Vec::new(),
        _ => raw(arguments, state, inner),
    };
    if is_cut {
        let rest = (call.arguments.len() - arguments.len()).div_ceil(1000);
        body.push(vec![Span::new(format!("… {rest} KB more"), Tone::Dim)]);
    }
    if !open && body.len() > FOLDED_ROWS + 1 {
        let more = body.len() - FOLDED_ROWS;
        body.truncate(FOLDED_ROWS);
        let key = key.map(|key| format!(" · {key}")).unwrap_or_default();
        let text = width::truncate(&format!("… {more} more lines{key}"), inner).into_owned();
        body.push(vec![Span::new(text, Tone::Dim)]);
    }
    let mut out = vec![top(&call.name, label, tone, usize::from(columns))];
    out.extend(body.into_iter().map(|spans| boxed(spans, inner)));
    out.push(Line::new(format!("╰{}╯", "─".repeat(inner + 2)), Tone::Tool));
    out
}

fn top(name: &str, label: &str, tone: Tone, columns: usize) -> Line {
    // `╭ ⚙ `, a blank on each side of the rule, ` ╮`.
    let around = 8;
    let room = columns.saturating_sub(label.len() + around + 1);
    let name = width::truncate(&sanitize::clean(name), room).into_owned();
    let rule = columns.saturating_sub(width::width(&name) + label.len() + around).max(1);
    Line {
        spans: vec![
            Span::new("╭ ⚙ ", Tone::Tool),
            bold(name, Tone::Tool),
            Span::new(format!(" {} ", "─".repeat(rule)), Tone::Tool),
            Span::new(label, tone),
            Span::new(" ╮", Tone::Tool),
        ],
    }
}

fn boxed(spans: Vec<Span>, inner: usize) -> Line {
    let used: usize = spans.iter().map(|s| width::width(&s.text)).sum();
    let mut line = vec![Span::new("│ ", Tone::Tool)];
    line.extend(spans);
    line.push(Span::new(format!("{} │", " ".repeat(inner.saturating_sub(used))), Tone::Tool));
    Line { spans: line }
}

/// `key  value`, the key in so many columns; long values wrapped under themselves.
fn member(key: &str, value: &Value, columns: usize, inner: usize) -> Vec<Vec<Span>> {
    let key = width::truncate(&sanitize::clean(key), columns).into_owned();
    let blank = columns.saturating_sub(width::width(&key)) + 2;
    let indent = columns + 2;
    let text = value.to_string();
    let rows = width::wrap_str(&sanitize::clean(&text), (inner.saturating_sub(indent)).max(1) as u16);
    rows.into_iter()
        .enumerate()
        .map(|(i, row)| {
            let head = if i == 0 { format!("{key}{}", " ".repeat(blank)) } else { " ".repeat(indent) };
            vec![Span::new(head, Tone::Dim), Span::new(row, Tone::Code)]
        })
        .collect()
}

fn raw(arguments: &str, state: PanelState, inner: usize) -> Vec<Vec<Span>> {
    let mut rows: Vec<Vec<Span>> = arguments
        .lines()
        .flat_map(|l| width::wrap_str(&sanitize::clean(l), inner.saturating_sub(1).max(1) as u16))
        .map(|row| vec![Span::new(row, Tone::Code)])
        .collect();
    if state == PanelState::Writing
        && let Some(last) = rows.last_mut()
    {
        last.push(Span::new("▍", Tone::Accent));
    }
    rows
}
