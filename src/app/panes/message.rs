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
use crate::chat::{Message, MessageState, Part, Role, Timestamp, verdict};
use crate::keys::{Action, Keymap, Scope};
use crate::markdown::plain::PlainText;
use crate::markdown::{LiveMarkdown, Progress};

/// What a view needs to know beside the message.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// Columns of the transcript that texts may take, margins included.
    pub columns: u16,
    /// For times.
    pub zone: &'a TimeZone,
    /// The keys in force.
    pub keymap: &'a Keymap,
    /// Where the message stands among its siblings.
    pub place: Place,
    /// It is the last one, which can be gone on with.
    pub is_last: bool,
    /// The choices of a turn that runs, each with its place among the siblings; empty otherwise.
    pub choices: Vec<(usize, MessageState)>,
    /// It streams, but into another chatui that has the session open.
    pub elsewhere: bool,
    /// How long the reasoning took so far, while the message streams.
    pub thinking_ms: Option<f64>,
    /// Reasoning may be folded now that it is over: nobody reads it.
    pub may_fold: bool,
    /// All reasoning is shown, all tool panels are whole.
    pub open: Open,
}

/// What a click does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Shows the sibling so many places away.
    By(isize),
    /// Shows the sibling at this place, from 0.
    Sibling(usize),
    /// Folds or unfolds.
    Fold,
}

/// What has been unfolded by the person.
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
    /// The person folded it while it streamed.
    closed: bool,
    /// What was open at the last look.
    shown: Open,
    columns: u16,
    height: usize,
    /// When the message was made, as it is told.
    time: Option<(Timestamp, String)>,
}

#[derive(Debug)]
enum Layout {
    None,
    Markdown(Box<LiveMarkdown>),
    Plain(PlainText),
}

/// Rows that belong together. The key tells a piece apart though others come and go before it, and
/// grows from top to bottom.
#[derive(Clone, Debug)]
struct Piece {
    key: usize,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
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
        match &self.body {
            Body::Fixed(lines) => lines.len(),
            Body::Part { height, .. } => *height,
        }
    }
}

/// The keys of pieces that belong to no part.
const HEAD: usize = 0;
const ENDING: usize = usize::MAX - 1;
const BLANK: usize = usize::MAX;

/// The pieces of a part, in their order.
#[derive(Clone, Copy)]
enum Of {
    Gap = 1,
    Label = 2,
    Body = 3,
}

const fn key(part: usize, of: Of) -> usize {
    part * 4 + of as usize
}

/// Where a row stands, so that it is found again when pieces before it fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    key: usize,
    row: usize,
}

/// Where a row stands, so that it is found again at another width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    key: usize,
    /// A place in the source, or a row where the piece has none.
    place: usize,
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
        self.closed = true;
        self.shown.reasoning = false;
    }

    /// What was open at the last look.
    pub fn shown(&self) -> Open {
        self.shown
    }

    /// Where a row stands; the last row where there are fewer.
    pub fn spot(&self, row: usize) -> Spot {
        let mut top = 0;
        for piece in &self.pieces {
            let height = piece.height();
            if row < top + height {
                return Spot { key: piece.key, row: row - top };
            }
            top += height;
        }
        Spot { key: BLANK, row: 0 }
    }

    /// The row at a spot. Where its piece is gone (it was folded), what stands in for it.
    pub fn row_of_spot(&self, spot: Spot) -> usize {
        let (top, piece) = self.piece_at(spot.key);
        match piece {
            Some(piece) if piece.key == spot.key => top + spot.row.min(piece.height().saturating_sub(1)),
            _ => top,
        }
    }

    /// The last piece whose key is not above `key`, and its first row.
    fn piece_at(&self, key: usize) -> (usize, Option<&Piece>) {
        let (mut top, mut found) = (0, (0, None));
        for piece in self.pieces.iter().take_while(|piece| piece.key <= key) {
            found = (top, Some(piece));
            top += piece.height();
        }
        found
    }

    /// Where a row stands in the text.
    pub fn mark_of(&self, row: usize) -> Mark {
        let Spot { key, row } = self.spot(row);
        let place = match self.piece_at(key).1.map(|piece| &piece.body) {
            Some(Body::Part { index, .. }) => self.mark(*index, row),
            Some(Body::Fixed(_)) | None => row,
        };
        Mark { key, place }
    }

    /// The row at a mark, perhaps at another width than it was taken at.
    pub fn row_of(&self, mark: Mark) -> usize {
        let row = match self.piece_at(mark.key).1 {
            Some(Piece { key, body: Body::Part { index, .. } }) if *key == mark.key => {
                self.row_of_mark(*index, mark.place)
            }
            _ => mark.place,
        };
        self.row_of_spot(Spot { key: mark.key, row })
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
        if self.time.as_ref().is_none_or(|(at, _)| *at != message.created) {
            self.time = Some((message.created, clock(message.created, context.zone)));
        }
        let time = self.time.as_ref().map_or("", |(_, time)| time);
        let head = head(message, time, context);
        self.fixed(HEAD, vec![head]);
        self.shown = Open { reasoning: false, tools: context.open.tools };
        let streaming = message.state == MessageState::Streaming;
        let last = message.last_content();
        let reasons = |part: &Part| matches!(part, Part::Reasoning(_));
        let is_over = !(streaming && last.is_some_and(|last| reasons(&message.parts[last])));
        if context.may_fold && is_over && message.parts.iter().any(reasons) {
            self.folded = true;
        }
        for index in 0..message.parts.len() {
            let progress =
                if streaming && Some(index) == last { Progress::Streaming } else { Progress::Whole };
            self.part(message, index, progress, context);
        }
        self.ending(message, context);
        self.fixed(BLANK, vec![Line::default()]);
        self.height = self.pieces.iter().map(Piece::height).sum();
    }

    /// What a click on a row does, at a column from the text's edge.
    pub fn target(&self, row: usize, column: usize) -> Option<Target> {
        let mut top = 0;
        for piece in &self.pieces {
            let height = piece.height();
            if row >= top + height {
                top += height;
                continue;
            }
            let Body::Fixed(lines) = &piece.body else { return None };
            return match piece.key {
                HEAD => head_target(lines.first()?, column),
                ENDING | BLANK => None,
                // The head of reasoning, of a file, of a tool panel.
                key if key % 4 == Of::Label as usize || row == top => Some(Target::Fold),
                _ => None,
            };
        }
        None
    }

    /// Lays out much of what came for a growing answer that was looked at before.
    pub fn absorb(&mut self, message: &Message) {
        let Some(index) = message.last_content() else { return };
        let Part::Text(text) = &message.parts[index] else { return };
        if let (MessageState::Streaming, Some(Layout::Markdown(live))) =
            (message.state, self.layouts.get_mut(index))
        {
            live.absorb(text, text_columns(self.columns));
        }
    }

    fn fixed(&mut self, key: usize, rows: Vec<Line>) {
        self.pieces.push(Piece { key, body: Body::Fixed(rows) });
    }

    fn part(&mut self, message: &Message, index: usize, progress: Progress, context: &Context<'_>) {
        let part = &message.parts[index];
        let text_columns = text_columns(context.columns);
        match part {
            Part::RawPrompt(text) => self.plain(index, text, text_columns, Tone::Text),
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
                    let body = Body::Part { index, height, tone: Tone::Text };
                    self.pieces.push(Piece { key: key(index, Of::Body), body });
                }
            }
            Part::File { name, text } => {
                let arrow = if context.open.tools { "▾" } else { "▸" };
                let label = file_label(arrow, name, text);
                self.fixed(key(index, Of::Label), vec![label]);
                if context.open.tools {
                    self.plain(index, text, text_columns, Tone::Dim);
                }
            }
            Part::Reasoning(text) => {
                if text.trim().is_empty() {
                    return;
                }
                let is_live = progress == Progress::Streaming && !self.closed;
                let open = context.open.reasoning || is_live || !self.folded;
                let label = reasoning_label(message, progress, open, context);
                self.fixed(key(index, Of::Label), vec![label]);
                if open {
                    self.shown.reasoning = true;
                    self.plain(index, text, text_columns, Tone::Reasoning);
                }
            }
            Part::Refusal(text) => {
                self.gap(index);
                self.fixed(key(index, Of::Label), vec![Line::new("refused", Tone::Warning)]);
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
                let bound = context.keymap.key_for(Action::FoldTools);
                let fold = (context.open.tools, bound.as_deref());
                let rows = tool_panel::rows(call, state, fold, text_columns);
                self.fixed(key(index, Of::Body), rows);
            }
            Part::Annotation { .. } | Part::Carry { .. } => {}
        }
    }

    /// A blank row before a part that follows another one. The line of folded reasoning needs none.
    fn gap(&mut self, index: usize) {
        let follows =
            self.pieces.last().is_some_and(|last| last.key != HEAD && last.key % 4 != Of::Label as usize);
        if follows {
            self.fixed(key(index, Of::Gap), vec![Line::default()]);
        }
    }

    fn plain(&mut self, index: usize, text: &str, columns: u16, tone: Tone) {
        if !matches!(self.layouts[index], Layout::Plain(_)) {
            self.layouts[index] = Layout::Plain(PlainText::default());
        }
        if let Layout::Plain(plain) = &mut self.layouts[index] {
            let height = plain.measure(text, columns);
            self.pieces.push(Piece { key: key(index, Of::Body), body: Body::Part { index, height, tone } });
        }
    }

    /// What a filter said, errors, notices and what can be done about an answer that is not whole.
    fn ending(&mut self, message: &Message, context: &Context<'_>) {
        let columns = text_columns(context.columns);
        let mut rows = Vec::new();
        for said in verdict::of(message) {
            if said.is_filtered {
                wrapped(&mut rows, ("! ", Tone::Warning), &said.line, Tone::Warning, columns);
            } else if message.state != MessageState::Streaming {
                // While text comes, verdicts change: they are told when they stand.
                wrapped(&mut rows, ("  ", Tone::Dim), &said.line, Tone::Dim, columns);
            }
        }
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
        if let Some(text) = offer(message, context) {
            wrapped(&mut rows, ("  ", Tone::Dim), &text, Tone::Dim, columns);
        }
        if rows.is_empty() {
            return;
        }
        if self.pieces.len() > 1 {
            rows.insert(0, Line::default());
        }
        self.fixed(ENDING, rows);
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
                match &piece.body {
                    Body::Fixed(lines) => lines[inside].iter().for_each(&mut *emit),
                    Body::Part { index, tone, .. } => {
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
    let text = match part {
        Part::Text(text) | Part::RawPrompt(text) | Part::Reasoning(text) | Part::Refusal(text) => text,
        Part::File { text, .. } => text,
        Part::ToolCall(_) | Part::Annotation { .. } | Part::Carry { .. } => return,
    };
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
            Part::Text(text) | Part::RawPrompt(text) | Part::Refusal(text) => {
                text.len() / columns + text.len() / 80 + 1
            }
            Part::Reasoning(_) | Part::File { .. } => 1,
            Part::ToolCall(_) => 5,
            Part::Annotation { .. } | Part::Carry { .. } => 0,
        })
        .sum();
    rows + 2
}

/// The line of an attached file: `▸ notes.md · 3.1 KB`.
fn file_label(arrow: &str, name: &str, text: &str) -> Line {
    let name = sanitize::clean(name);
    Line::new(format!("{arrow} {name} · {}", width::bytes(text.len())), Tone::Dim)
}

fn head(message: &Message, time: &str, context: &Context<'_>) -> Line {
    let (name, tone) = match message.role {
        Role::User => ("You".to_owned(), Tone::User),
        Role::Assistant => (sanitize::clean(short_model(&message.model)).into_owned(), Tone::Assistant),
        Role::System => ("System".to_owned(), Tone::Dim),
        Role::Tool => ("Tool".to_owned(), Tone::Tool),
    };
    let columns = usize::from(text_columns(context.columns));
    let raw = if message.raw_prompt().is_some() { "raw · " } else { "" };
    let time = format!("{raw}{time}");
    let room = columns.saturating_sub(width::width(&time) + 3);
    let name = width::truncate(&name, room).into_owned();
    let left = width::width(&name) + 3 + width::width(&time);
    let mut spans = vec![bold(name, tone), Span::new(format!(" · {time}"), Tone::Dim)];
    // The states of the others go first where the room is short, then how it ended, the tabs last.
    let (states, tabs, end) = (choice_states(context), tabs(context), vec![summary(message)]);
    let all = [states, tabs.clone(), end.clone()].concat();
    let wide = |spans: &[Span]| spans.iter().map(|s| width::width(&s.text)).sum::<usize>();
    let fits = |spans: &Vec<Span>| wide(spans) > 0 && left + 2 + wide(spans) <= columns;
    if let Some(right) = [all, [tabs.clone(), end].concat(), tabs].into_iter().find(fits) {
        // What ends in blanks (no summary follows) still ends at the edge.
        let blanks =
            right.iter().rev().take_while(|s| s.text.trim().is_empty()).map(|s| s.text.len()).sum::<usize>();
        spans.push(Span::new(" ".repeat(columns + blanks - left - wide(&right)), Tone::Text));
        spans.extend(right);
    }
    Line { spans }
}

/// How each choice of a turn that runs stands.
fn choice_states(context: &Context<'_>) -> Vec<Span> {
    let mut spans = Vec::new();
    if context.choices.len() > 1 {
        for &(i, state) in &context.choices {
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
    spans
}

/// The tab that stands at a column of a head.
fn head_target(head: &Line, column: usize) -> Option<Target> {
    let mut start = 0;
    let mut sibling = None;
    for (place, span) in head.spans.iter().enumerate() {
        let end = start + width::width(&span.text);
        // The first two are the name and the time.
        let number = (place > 1 && span.text.ends_with(' ')).then(|| span.text.trim().parse::<usize>().ok());
        match number.flatten() {
            Some(number) => sibling = number.checked_sub(1),
            None if span.text.trim().is_empty() => sibling = None,
            None => {}
        }
        if (start..end).contains(&column) {
            if place > 1 && span.text.starts_with('‹') {
                return Some(Target::By(if column - start < (end - start) / 2 { -1 } else { 1 }));
            }
            return sibling.map(Target::Sibling);
        }
        start = end;
    }
    None
}

/// Which of its siblings is shown.
fn tabs(context: &Context<'_>) -> Vec<Span> {
    if context.place.of <= 1 {
        return Vec::new();
    }
    let text = format!("‹ {}/{} ›", context.place.index + 1, context.place.of);
    vec![Span::new(text, Tone::Accent), Span::new("  ", Tone::Dim)]
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
fn offer(message: &Message, context: &Context<'_>) -> Option<String> {
    const CONTINUE: (Action, &str) = (Action::Continue, "continue");
    const RETRY: (Action, &str) = (Action::Retry, "retry");
    if message.role != Role::Assistant {
        return None;
    }
    let (what, actions): (&str, &[(Action, &str)]) =
        match (message.state, message.finish.as_ref().map(|f| f.reason)) {
            (MessageState::Streaming, _) if context.elsewhere => {
                ("another chatui is writing this reply · open the session again later to see all of it", &[])
            }
            (MessageState::Complete, Some(FinishReason::Length)) => ("stopped at max tokens", &[CONTINUE]),
            (MessageState::Complete, Some(FinishReason::Filter)) => {
                ("stopped by the server's content filter", &[])
            }
            (MessageState::Truncated, _) if message.error.is_none() => {
                ("the reply was cut", &[CONTINUE, RETRY])
            }
            (MessageState::Cancelled, _) if message.is_empty() => ("stopped before anything came", &[RETRY]),
            (MessageState::Cancelled, _) => ("stopped", &[CONTINUE, RETRY]),
            (MessageState::Failed | MessageState::Truncated, _) if message.is_empty() => ("", &[RETRY]),
            (MessageState::Failed | MessageState::Truncated, _) => ("", &[CONTINUE, RETRY]),
            (MessageState::Complete | MessageState::Streaming, _) => return None,
        };
    let can = |action: Action| action != Action::Continue || (context.is_last && message.is_partial());
    let actions: Vec<_> = actions.iter().filter(|(action, _)| can(*action)).copied().collect();
    let keys = keys_for(context.keymap, &actions);
    let said: Vec<&str> = [what, &keys].into_iter().filter(|words| !words.is_empty()).collect();
    (!said.is_empty()).then(|| said.join(" · "))
}

/// The keys that select the last message and do something with it: `Shift-Tab c continue, r retry`.
fn keys_for(keymap: &Keymap, actions: &[(Action, &str)]) -> String {
    let Some(select) = keymap.key_for(Action::SelectPrevious) else { return String::new() };
    let key = |action| keymap.key_in(Scope::Selection, action);
    let words = actions.iter().filter_map(|(action, word)| Some(format!("{} {word}", key(*action)?)));
    let words: Vec<String> = words.collect();
    if words.is_empty() { String::new() } else { format!("{select} {}", words.join(", ")) }
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
