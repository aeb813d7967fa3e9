//! One message as rows: its head, its parts, and how it ended.
//!
//! A view is a list of pieces from top to bottom. Markdown and long plain texts keep their layout
//! between frames and grow with their part; the few fixed rows around them are made anew whenever the
//! message is looked at.

use std::ops::Range;

use jiff::tz::TimeZone;

use super::{bold, tool_panel};
use crate::base::tone::{Line, Span, Tone};
use crate::base::{sanitize, width};
use crate::chat::stream::FinishReason;
use crate::chat::tree::Place;
use crate::chat::{Message, MessageState, Part, Role, Timestamp};
use crate::markdown::plain::PlainText;
use crate::markdown::{LiveMarkdown, Progress};

/// What a view needs to know beside the message.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// Columns of the transcript that texts may take, margins included.
    pub columns: u16,
    /// For times.
    pub zone: &'a TimeZone,
    /// Where the message stands among its siblings.
    pub place: Place,
    /// The states of the choices of a turn that runs; empty otherwise.
    pub choices: Vec<MessageState>,
    /// How long the reasoning took so far, while the message streams.
    pub thinking_ms: Option<f64>,
    /// Reasoning may be folded now that it is over: nobody reads it.
    pub may_fold: bool,
    /// All reasoning is shown, all tool panels are whole.
    pub open: Open,
}

/// What the person has unfolded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Open {
    /// Reasoning.
    pub reasoning: bool,
    /// Tool panels.
    pub tools: bool,
}

/// The rows of one message.
#[derive(Debug, Default)]
pub struct MessageView {
    pieces: Vec<Piece>,
    /// Layouts of the parts, by their index.
    layouts: Vec<Layout>,
    /// Reasoning was folded once; it stays so while the answer grows.
    folded: bool,
    columns: u16,
    height: usize,
}

#[derive(Debug)]
enum Layout {
    None,
    Markdown(Box<LiveMarkdown>),
    Plain(PlainText),
}

#[derive(Clone, Debug)]
enum Piece {
    Fixed(Vec<Line>),
    /// A part whose rows its layout holds.
    Part {
        index: usize,
        height: usize,
        tone: Tone,
    },
}

impl Piece {
    fn height(&self) -> usize {
        match self {
            Piece::Fixed(lines) => lines.len(),
            Piece::Part { height, .. } => *height,
        }
    }
}

impl MessageView {
    /// Rows of the message, the blank row after it included; [`MessageView::sync`] comes first.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The columns it was laid out for; 0 before.
    pub fn columns(&self) -> u16 {
        self.columns
    }

    /// Folds the reasoning at the next look, even while it streams.
    pub fn fold(&mut self) {
        self.folded = true;
    }

    /// Where a row stands, so that it is found again at another width: its piece, and the source
    /// offset or row within it.
    pub fn locate(&self, row: usize) -> (usize, usize) {
        let mut top = 0;
        for (i, piece) in self.pieces.iter().enumerate() {
            let height = piece.height();
            if row < top + height {
                let inside = row - top;
                let mark = match piece {
                    Piece::Part { index, .. } => self.mark(*index, inside),
                    Piece::Fixed(_) => inside,
                };
                return (i, mark);
            }
            top += height;
        }
        (self.pieces.len(), 0)
    }

    /// The row at a place that [`MessageView::locate`] gave, perhaps at another width.
    pub fn row_at(&self, (piece, mark): (usize, usize)) -> usize {
        let top: usize = self.pieces.iter().take(piece).map(Piece::height).sum();
        let inside = match self.pieces.get(piece) {
            Some(Piece::Part { index, .. }) => self.row_of_mark(*index, mark),
            Some(Piece::Fixed(lines)) => mark.min(lines.len().saturating_sub(1)),
            None => 0,
        };
        top + inside
    }

    fn mark(&self, part: usize, row: usize) -> usize {
        match &self.layouts[part] {
            Layout::Markdown(live) => live.mark_of_row(row),
            Layout::Plain(plain) => plain.mark_of_row(row),
            Layout::None => row,
        }
    }

    fn row_of_mark(&self, part: usize, mark: usize) -> usize {
        match &self.layouts[part] {
            Layout::Markdown(live) => live.row_of_mark(mark),
            Layout::Plain(plain) => plain.row_of_mark(mark),
            Layout::None => mark,
        }
    }

    /// Brings the rows up to date with the message; costs what is new of it.
    pub fn sync(&mut self, message: &Message, context: &Context<'_>) {
        self.columns = context.columns;
        self.pieces.clear();
        self.layouts.resize_with(message.parts.len(), || Layout::None);
        self.pieces.push(Piece::Fixed(vec![head(message, context)]));
        let streaming = message.state == MessageState::Streaming;
        let last = message.parts.len().saturating_sub(1);
        let reasons = |part: &Part| matches!(part, Part::Reasoning(_));
        let over = !streaming || !message.parts.last().is_some_and(reasons);
        if context.may_fold && over && message.parts.iter().any(reasons) {
            self.folded = true;
        }
        for index in 0..message.parts.len() {
            let progress = if streaming && index == last { Progress::Streaming } else { Progress::Whole };
            self.part(message, index, progress, context);
        }
        self.ending(message, context);
        self.pieces.push(Piece::Fixed(vec![Line::default()]));
        self.height = self.pieces.iter().map(Piece::height).sum();
    }

    fn part(&mut self, message: &Message, index: usize, progress: Progress, context: &Context<'_>) {
        let part = &message.parts[index];
        let text_columns = text_columns(context.columns);
        match part {
            Part::Text(text) if message.role == Role::User => {
                self.plain(index, text, text_columns, Tone::Text)
            }
            Part::Text(text) => {
                if text.trim().is_empty() {
                    return;
                }
                self.gap(index);
                if !matches!(self.layouts[index], Layout::Markdown(_)) {
                    self.layouts[index] = Layout::Markdown(Box::default());
                }
                if let Layout::Markdown(live) = &mut self.layouts[index] {
                    live.update(text, progress);
                    let height = live.height(text, text_columns);
                    self.pieces.push(Piece::Part { index, height, tone: Tone::Text });
                }
            }
            Part::Reasoning(text) => {
                if text.trim().is_empty() {
                    return;
                }
                let open = context.open.reasoning || !self.folded;
                let label = reasoning_label(message, progress, open, context);
                self.pieces.push(Piece::Fixed(vec![label]));
                if open {
                    self.plain(index, text, text_columns, Tone::Reasoning);
                }
            }
            Part::Refusal(text) => {
                self.gap(index);
                self.pieces.push(Piece::Fixed(vec![Line::new("refused", Tone::Warning)]));
                self.plain(index, text, text_columns, Tone::Text);
            }
            Part::ToolCall(call) => {
                self.gap(index);
                let state = match message.state {
                    MessageState::Streaming if progress == Progress::Streaming => {
                        tool_panel::PanelState::Writing
                    }
                    MessageState::Streaming | MessageState::Complete => tool_panel::PanelState::Whole,
                    MessageState::Cancelled | MessageState::Truncated | MessageState::Failed
                        if progress == Progress::Whole && message.finish.is_none() =>
                    {
                        tool_panel::PanelState::Broken
                    }
                    _ => tool_panel::PanelState::Whole,
                };
                let rows = tool_panel::rows(call, state, context.open.tools, text_columns);
                self.pieces.push(Piece::Fixed(rows));
            }
            Part::Carry { .. } => {}
        }
    }

    /// A blank row before a part that follows another one or the reasoning.
    fn gap(&mut self, index: usize) {
        if index > 0 && self.pieces.len() > 1 {
            self.pieces.push(Piece::Fixed(vec![Line::default()]));
        }
    }

    fn plain(&mut self, index: usize, text: &str, columns: u16, tone: Tone) {
        if !matches!(self.layouts[index], Layout::Plain(_)) {
            self.layouts[index] = Layout::Plain(PlainText::default());
        }
        if let Layout::Plain(plain) = &mut self.layouts[index] {
            let height = plain.measure(text, columns);
            self.pieces.push(Piece::Part { index, height, tone });
        }
    }

    /// Errors, notices and what can be done about an answer that is not whole.
    fn ending(&mut self, message: &Message, context: &Context<'_>) {
        let columns = text_columns(context.columns);
        let mut rows = Vec::new();
        for notice in &message.notices {
            wrapped(&mut rows, ("! ", Tone::Warning), notice, Tone::Dim, columns);
        }
        if let Some(error) = &message.error {
            wrapped(&mut rows, ("✗ ", Tone::Error), &error.message, Tone::Error, columns);
            if !error.hint.is_empty() {
                wrapped(&mut rows, ("  ", Tone::Dim), &error.hint, Tone::Dim, columns);
            }
            if let Some(id) = &error.request_id {
                wrapped(&mut rows, ("  ", Tone::Dim), &format!("request id {id}"), Tone::Dim, columns);
            }
        }
        if let Some(text) = offer(message) {
            wrapped(&mut rows, ("  ", Tone::Dim), text, Tone::Dim, columns);
        }
        if rows.is_empty() {
            return;
        }
        if self.pieces.len() > 1 {
            rows.insert(0, Line::default());
        }
        self.pieces.push(Piece::Fixed(rows));
    }

    /// Hands the rows of `range` to `emit`, top to bottom.
    pub fn rows(&mut self, message: &Message, range: Range<usize>, emit: &mut dyn FnMut(&Line)) {
        let mut top = 0;
        for piece in &self.pieces {
            let height = piece.height();
            let from = range.start.max(top);
            let to = range.end.min(top + height);
            if from < to {
                let inside = from - top..to - top;
                match piece {
                    Piece::Fixed(lines) => lines[inside].iter().for_each(&mut *emit),
                    Piece::Part { index, tone, .. } => {
                        let layout = (&mut self.layouts[*index], text_columns(self.columns));
                        part_rows(layout, &message.parts[*index], inside, *tone, emit);
                    }
                }
            }
            top += height;
        }
    }
}

fn part_rows(
    (layout, columns): (&mut Layout, u16),
    part: &Part,
    range: Range<usize>,
    tone: Tone,
    emit: &mut dyn FnMut(&Line),
) {
    let (Part::Text(text) | Part::Reasoning(text) | Part::Refusal(text)) = part else { return };
    match layout {
        Layout::Markdown(live) => live.rows(text, columns, range).into_iter().for_each(emit),
        Layout::Plain(plain) => plain.rows(text, range, tone).iter().for_each(emit),
        Layout::None => {}
    }
}

/// Columns of texts: the transcript's less the margins.
pub fn text_columns(columns: u16) -> u16 {
    columns.saturating_sub(if columns >= 40 { 4 } else { 2 }).max(1)
}

/// A rough height of a message that was never laid out.
pub fn estimate(message: &Message, columns: u16) -> usize {
    let columns = usize::from(text_columns(columns));
    let rows: usize = message
        .parts
        .iter()
        .map(|part| match part {
            Part::Text(text) | Part::Refusal(text) => text.len() / columns + text.len() / 80 + 1,
            Part::Reasoning(_) => 1,
            Part::ToolCall(_) => 5,
            Part::Carry { .. } => 0,
        })
        .sum();
    rows + 2
}

fn head(message: &Message, context: &Context<'_>) -> Line {
    let time = clock(message.created, context.zone);
    let (name, tone) = match message.role {
        Role::User => ("You".to_owned(), Tone::User),
        Role::Assistant => (sanitize::clean(short_model(&message.model)).into_owned(), Tone::Assistant),
        Role::System => ("System".to_owned(), Tone::Dim),
        Role::Tool => ("Tool".to_owned(), Tone::Tool),
    };
    let columns = usize::from(text_columns(context.columns));
    let right = right_of_head(message, context);
    let right_width: usize = right.iter().map(|s| width::width(&s.text)).sum();
    let room = columns.saturating_sub(width::width(&time) + 3);
    let name = width::truncate(&name, room).into_owned();
    let left = width::width(&name) + 3 + width::width(&time);
    let mut spans = vec![bold(name, tone), Span::new(format!(" · {time}"), Tone::Dim)];
    if left + 2 + right_width <= columns {
        spans.push(Span::new(" ".repeat(columns - left - right_width), Tone::Text));
        spans.extend(right);
    }
    Line { spans }
}

/// The tabs, then how it ended.
fn right_of_head(message: &Message, context: &Context<'_>) -> Vec<Span> {
    let mut spans = Vec::new();
    if context.choices.len() > 1 {
        for (i, state) in context.choices.iter().enumerate() {
            let (mark, tone) = match state {
                MessageState::Streaming => ("●", Tone::Accent),
                MessageState::Complete => ("✓", Tone::Success),
                MessageState::Cancelled | MessageState::Truncated => ("–", Tone::Warning),
                MessageState::Failed => ("✗", Tone::Error),
            };
            let number = format!("{} ", i + 1);
            spans.push(if i == context.place.index {
                bold(number, Tone::Accent)
            } else {
                Span::new(number, Tone::Dim)
            });
            spans.push(Span::new(mark, tone));
            spans.push(Span::new("  ", Tone::Dim));
        }
    }
    if context.place.of > 1 {
        spans.push(Span::new(format!("‹ {}/{} ›", context.place.index + 1, context.place.of), Tone::Accent));
        spans.push(Span::new("  ", Tone::Dim));
    }
    spans.push(summary(message));
    spans
}

fn summary(message: &Message) -> Span {
    let (word, tone) = match (message.state, &message.finish) {
        (MessageState::Streaming, _) => return Span::default(),
        (MessageState::Complete, Some(finish)) => (
            finish.reason.name(),
            match finish.reason {
                FinishReason::Stop | FinishReason::Tools => Tone::Dim,
                FinishReason::Length | FinishReason::Filter => Tone::Warning,
                FinishReason::Failed => Tone::Error,
            },
        ),
        (MessageState::Complete, None) => ("", Tone::Dim),
        (MessageState::Failed, _) => (message.state.name(), Tone::Error),
        (MessageState::Cancelled | MessageState::Truncated, _) => (message.state.name(), Tone::Warning),
    };
    let mut parts = vec![word.to_owned()];
    if let Some(metrics) = &message.metrics {
        if metrics.tokens > 0 {
            let mark = if metrics.tokens_exact { "" } else { "~" };
            let plural = if metrics.tokens == 1 { "" } else { "s" };
            parts.push(format!("{mark}{} token{plural}", metrics.tokens));
        }
        parts.push(seconds(metrics.duration_ms));
    }
    parts.retain(|p| !p.is_empty());
    Span::new(parts.join(" · "), tone)
}

fn reasoning_label(message: &Message, progress: Progress, open: bool, context: &Context<'_>) -> Line {
    let mark = if open { "▾" } else { "▸" };
    let took = message.metrics.and_then(|m| m.reasoning_ms).or(context.thinking_ms);
    let text = match (progress, took) {
        (Progress::Streaming, Some(ms)) => format!("{mark} thinking {}", seconds(ms)),
        (Progress::Streaming, None) => format!("{mark} thinking"),
        (Progress::Whole, Some(ms)) => format!("{mark} thought for {}", seconds(ms)),
        (Progress::Whole, None) => format!("{mark} thought"),
    };
    Line::new(text, Tone::Dim)
}

/// What can be done about an answer that is not whole.
fn offer(message: &Message) -> Option<&'static str> {
    if message.role != Role::Assistant {
        return None;
    }
    match (message.state, message.finish.as_ref().map(|f| f.reason)) {
        (MessageState::Complete, Some(FinishReason::Length)) => {
            Some("stopped at max tokens · Shift-Tab c continue")
        }
        (MessageState::Complete, Some(FinishReason::Filter)) => {
            Some("stopped by the server's content filter")
        }
        (MessageState::Truncated, _) => Some("the reply was cut · Shift-Tab c continue, r retry"),
        (MessageState::Cancelled, _) if message.is_empty() => {
            Some("stopped before anything came · Shift-Tab r retry")
        }
        (MessageState::Cancelled, _) => Some("stopped · Shift-Tab c continue, r retry"),
        (MessageState::Failed, _) if message.is_empty() => Some("Shift-Tab r retry"),
        (MessageState::Failed, _) => Some("Shift-Tab c continue, r retry"),
        (MessageState::Complete | MessageState::Streaming, _) => None,
    }
}

/// Appends `text`, wrapped, its first row led by `lead` and the others indented as far.
fn wrapped(rows: &mut Vec<Line>, lead: (&str, Tone), text: &str, tone: Tone, columns: u16) {
    let indent = width::width(lead.0);
    let room = columns.saturating_sub(indent as u16).max(1);
    let mut first = true;
    for source in text.lines() {
        for row in width::wrap_str(&sanitize::clean(source), room) {
            let head = if first { lead.0.to_owned() } else { " ".repeat(indent) };
            first = false;
            rows.push(Line { spans: vec![Span::new(head, lead.1), Span::new(row, tone)] });
        }
    }
}

/// The model without its provider.
pub fn short_model(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, model)| model)
}

/// `14:02`, in the person's zone.
pub fn clock(at: Timestamp, zone: &TimeZone) -> String {
    match jiff::Timestamp::from_millisecond(at.0) {
        Ok(at) => {
            let at = at.to_zoned(zone.clone());
            format!("{:02}:{:02}", at.hour(), at.minute())
        }
        Err(_) => "--:--".to_owned(),
    }
}

/// `340 ms`, `1.8 s`, `2 min 5 s`.
pub fn seconds(ms: f64) -> String {
    if ms < 999.5 {
        format!("{:.0} ms", ms.max(0.0))
    } else if ms < 99_950.0 {
        format!("{:.1} s", ms / 1000.0)
    } else {
        let total = (ms / 1000.0).round() as u64;
        format!("{} min {} s", total / 60, total % 60)
    }
}
