//! The rows of the list: title, model, messages, age, each in its column; what a search found under it.

use std::ops::{Range, RangeInclusive};

use jiff::tz::TimeZone;

use super::World;
use super::age::age;
use crate::app::panes::hits::{Needles, marked};
use crate::app::panes::list::{Row, RowKind, Rows};
use crate::app::panes::message::short_model;
use crate::base::tone::{Emphasis, Line, Span, Tone};
use crate::base::{sanitize, width};
use crate::chat::session::{SearchHit, SessionSummary};
use crate::chat::{MessageState, Outcome};

/// Columns of the mark before the title.
const MARK: usize = 2;
const AGE: usize = 10;
const MESSAGES: usize = 5;
const MODEL: RangeInclusive<usize> = 12..=23;
/// So much room the title has where there is a column for the model.
const WIDE_TITLE: usize = 28;
/// With less room for the title, a column goes.
const TITLE: usize = 16;
/// Columns that stand before a hit in its row.
const BEFORE_HIT: usize = 12;

/// What a row of the list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The session at this place.
    Session(usize),
    /// What was found in it.
    Snippet(usize),
    /// Something that is said instead of a list, or under it.
    Said(String, Tone),
}

/// The rows, made when they are drawn.
pub struct View<'a> {
    /// What each row is.
    pub shown: &'a [Shown],
    /// The sessions.
    pub sessions: &'a [SessionSummary],
    /// What is searched for.
    pub needles: &'a Needles,
    /// The rest of the program.
    pub world: &'a World<'a>,
}

impl Rows for View<'_> {
    fn count(&self) -> usize {
        self.shown.len()
    }

    fn kind(&self, index: usize) -> RowKind {
        kind(self.shown, index)
    }

    fn row(&self, index: usize, columns: u16) -> Row {
        let room = usize::from(columns);
        match self.shown.get(index) {
            Some(Shown::Session(at)) => match self.sessions.get(*at) {
                Some(summary) => Row::item(self.session(summary, room), Line::default()),
                None => Row::note(Line::default()),
            },
            Some(Shown::Snippet(at)) => {
                let hit = self.sessions.get(*at).and_then(|summary| summary.hit.as_ref());
                Row::note(hit.map(|hit| snippet(hit, room)).unwrap_or_default())
            }
            Some(Shown::Said(text, tone)) => Row::note(Line::new(text.clone(), *tone)),
            None => Row::note(Line::default()),
        }
    }
}

/// Whether a row can be chosen.
pub fn kind(shown: &[Shown], index: usize) -> RowKind {
    match shown.get(index) {
        Some(Shown::Session(_)) => RowKind::Item,
        Some(Shown::Snippet(_) | Shown::Said(..)) | None => RowKind::Note,
    }
}

/// The rows for moving among them: nothing of them is made.
pub struct Kinds<'a>(pub &'a [Shown]);

impl Rows for Kinds<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn kind(&self, index: usize) -> RowKind {
        kind(self.0, index)
    }

    fn row(&self, _index: usize, _columns: u16) -> Row {
        Row::note(Line::default())
    }
}

impl View<'_> {
    fn session(&self, summary: &SessionSummary, room: usize) -> Line {
        let columns = Columns::new(room);
        let (mark, tone) = mark(summary, self.world);
        let mut spans = vec![Span::new(format!("{mark} "), tone)];
        let text = width::truncate(&title(summary), columns.title).into_owned();
        let left = columns.title.saturating_sub(width::width(&text));
        let tone = if summary.state.is_none() { Tone::Dim } else { Tone::Text };
        spans.extend(self.needles.mark(&Line::new(text, tone)).spans.iter().cloned());
        spans.push(Span::new(" ".repeat(left), Tone::Text));
        if columns.model > 0 {
            let model = sanitize::clean(short_model(&summary.session.model)).into_owned();
            let model = width::truncate(&model, columns.model).into_owned();
            let left = columns.model - width::width(&model);
            spans.push(Span::new(format!("  {model}{}", " ".repeat(left)), Tone::Dim));
        }
        if columns.messages > 0 {
            let text = messages(summary);
            spans.push(Span::new(format!("  {text:>MESSAGES$}"), Tone::Dim));
        }
        if columns.age > 0 {
            let text = age(summary.session.updated, self.world.now.unix_ms, self.world.zone);
            spans.push(Span::new(format!("  {text:>AGE$}"), Tone::Dim));
        }
        Line { spans }
    }
}

/// The columns of a row, as many as there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Columns {
    title: usize,
    model: usize,
    messages: usize,
    age: usize,
}

impl Columns {
    fn new(room: usize) -> Self {
        let mut left = room.saturating_sub(MARK);
        let mut take = |columns: usize| {
            if left < TITLE + columns + 2 {
                return 0;
            }
            left -= columns + 2;
            columns
        };
        let age = take(AGE);
        let messages = take(MESSAGES);
        let model = left.saturating_sub(WIDE_TITLE + 2).min(*MODEL.end());
        if model < *MODEL.start() {
            return Self { title: left, model: 0, messages, age };
        }
        left -= model + 2;
        Self { title: left, model, messages, age }
    }
}

/// A session's title, or what stands for it.
pub fn title(summary: &SessionSummary) -> String {
    let text = match (summary.session.title.trim(), summary.draft.as_str()) {
        ("", "") => "no title",
        ("", draft) => draft,
        (title, _) => title,
    };
    sanitize::clean(text).into_owned()
}

/// How many messages there are, as a row and the preview say it.
fn messages(summary: &SessionSummary) -> String {
    match (summary.state, summary.messages) {
        (None, _) => "draft".to_owned(),
        (Some(_), count @ 0..100_000) => count.to_string(),
        (Some(_), _) => "many".to_owned(),
    }
}

/// The mark of a session's state. What went well and was seen has none.
pub fn mark(summary: &SessionSummary, world: &World<'_>) -> (&'static str, Tone) {
    if let Some(chat) = world.chat(summary.session.id) {
        if chat.live.is_some() {
            return ("⟳", Tone::Accent);
        }
        match &chat.ended {
            Some(ended) if !chat.seen && ended.outcome == Outcome::Complete => return ("✓", Tone::Success),
            Some(_) | None => {}
        }
    }
    match summary.state {
        Some(MessageState::Streaming) => ("⟳", Tone::Accent),
        Some(MessageState::Failed) => ("✗", Tone::Error),
        Some(MessageState::Cancelled | MessageState::Truncated) => ("■", Tone::Warning),
        Some(MessageState::Complete) | None => (" ", Tone::Text),
    }
}

/// What a search found, its marks in view.
fn snippet(hit: &SearchHit, room: usize) -> Line {
    let room = room.saturating_sub(MARK);
    let first = hit.marks.first().map_or(0, |mark| mark.start);
    let before = hit.snippet.get(..first).unwrap_or_default();
    let wide = width::width(&hit.snippet) > room && width::width(before) > BEFORE_HIT;
    let cut = match wide {
        true => before.char_indices().rev().nth(BEFORE_HIT).map_or(0, |(at, _)| at),
        false => 0,
    };
    let text = hit.snippet.get(cut..).unwrap_or_default().to_owned();
    let marks: Vec<Range<usize>> = hit
        .marks
        .iter()
        .filter(|mark| mark.start >= cut && mark.start <= mark.end)
        .map(|mark| mark.start - cut..mark.end - cut)
        .collect();
    let mut spans = vec![Span::new(if cut > 0 { " …" } else { "  " }, Tone::Dim)];
    // Cleaned in pieces: the marks count the bytes of what the store gave.
    spans.extend(
        marked(&Span::new(text, Tone::Dim), &marks)
            .into_iter()
            .map(|span| Span { text: sanitize::clean(&span.text).into_owned(), ..span }),
    );
    Line { spans }
}

/// The line over the preview: `openai:gpt-4o · 12 messages · 12 Mar 14:02`.
pub fn details(summary: &SessionSummary, zone: &TimeZone) -> Line {
    let mut words = Vec::new();
    if !summary.session.model.is_empty() {
        words.push(sanitize::clean(&summary.session.model).into_owned());
    }
    words.push(match (summary.state, summary.messages) {
        (None, _) => "draft, not sent".to_owned(),
        (Some(_), 1) => "1 message".to_owned(),
        (Some(_), count) => format!("{count} messages"),
    });
    if let Ok(at) = jiff::Timestamp::from_millisecond(summary.session.updated.0) {
        words.push(at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string());
    }
    let span = Span { text: words.join(" · "), tone: Tone::Dim, emphasis: Emphasis::default() };
    Line { spans: vec![span] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Id;

    #[test]
    fn columns_take_all_the_room_and_go_the_model_first() {
        for room in 0..200 {
            let columns = Columns::new(room);
            let extra: usize = [columns.model, columns.messages, columns.age]
                .iter()
                .filter(|c| **c > 0)
                .map(|c| c + 2)
                .sum();
            assert_eq!(columns.title + extra, room.saturating_sub(MARK), "{room}: {columns:?}");
            assert!(columns.model == 0 || columns.messages > 0, "{room}: {columns:?}");
        }
        assert_eq!(Columns::new(16), Columns { title: 14, model: 0, messages: 0, age: 0 });
        assert!(Columns::new(76).model > 0 && Columns::new(56).model == 0);
    }

    #[test]
    fn a_snippet_shows_its_first_hit_whatever_stands_before_it() {
        let text = format!("{} the borrow checker", "word ".repeat(40));
        let start = text.find("borrow").expect("it is there");
        let hit = SearchHit {
            message: Id::from_bits(1),
            snippet: text,
            marks: std::iter::once(start..start + 6).collect(),
        };
        let line = snippet(&hit, 40);
        assert!(
            line.plain().starts_with(" …") && width::truncate(&line.plain(), 40).contains("borrow"),
            "{}",
            line.plain()
        );
        let marked: Vec<&str> =
            line.spans.iter().filter(|s| s.tone == Tone::Hit).map(|s| s.text.as_str()).collect();
        assert_eq!(marked, ["borrow"]);
        let odd = SearchHit {
            message: Id::from_bits(1),
            snippet: "日本\u{1b}[2J".into(),
            marks: vec![1..2, 90..99],
        };
        assert!(!snippet(&odd, 40).plain().contains('\u{1b}'));
    }
}
