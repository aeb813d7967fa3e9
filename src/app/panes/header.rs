//! The header: the conversation's title, and where the next message goes.

use ratatui::layout::Rect;

use super::{bold, put, put_right};
use crate::app::chat::Chat;
use crate::app::others::Behind;
use crate::app::picture::Picture;
use crate::base::tone::{Emphasis, Line, Span, Tone};
use crate::base::{sanitize, width};
use crate::chat::Session;
use crate::theme::Theme;

/// Columns of the name of a field that has no word of its own.
const EXTRA: usize = 16;
/// Columns that the title has at least.
const TITLE_LEAST: u16 = 16;

/// What the header tells.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The conversation.
    pub chat: &'a Chat,
    /// The name of what stands in its place.
    pub over: Option<&'static str>,
    /// How the conversations behind it are.
    pub behind: Behind,
}

/// Draws the header into two rows: the text and the rule under it.
pub fn draw(head: &Head<'_>, area: Rect, buf: &mut Picture, theme: &Theme) {
    let chat = head.chat;
    let edge = area.right().saturating_sub(1);
    let right = right(head, edge.saturating_sub(area.x + TITLE_LEAST));
    put_right(buf, (area.x, edge, area.y), &right, theme);
    let taken = super::line_width(&right) + 3;
    let room = area.width.saturating_sub(taken + 1);
    let (title, tone) = match (head.over, chat.session.title.as_str()) {
        (Some(over), _) => (over, Tone::Accent),
        (None, "") => ("New chat", Tone::Dim),
        (None, title) => (title, Tone::Text),
    };
    let title = width::truncate(&sanitize::clean(title), usize::from(room)).into_owned();
    put(buf, (area.x + 1, area.y), &Line { spans: vec![bold(title, tone)] }, room, theme);
    if area.height > 1 {
        rule(buf, (area.x, area.y + 1), area.width, theme);
    }
}

/// The conversations behind, then the model with what parameters differ; what does not fit goes, the
/// parameters first.
fn right(head: &Head<'_>, room: u16) -> Line {
    let mut line = behind(head.behind);
    let model = model(head.chat, room.saturating_sub(super::line_width(&line)));
    line.spans.extend(model.spans);
    line
}

/// `⟳ 2  ✓ 1  `: replies that stream behind the screen, and that ended there unseen.
fn behind(behind: Behind) -> Line {
    let mut spans = Vec::new();
    if behind.live > 0 {
        spans.push(Span::new(format!("⟳ {}  ", behind.live), Tone::Accent));
    }
    if behind.unseen > 0 {
        spans.push(Span::new(format!("✓ {}  ", behind.unseen), Tone::Success));
    }
    if behind.failed > 0 {
        spans.push(Span::new(format!("✗ {}  ", behind.failed), Tone::Error));
    }
    Line { spans }
}

/// The model with what differs from the default, as many words of it as there is room for; `…` says that
/// there are more.
fn model(chat: &Chat, room: u16) -> Line {
    let model = sanitize::clean(&chat.model_name()).into_owned();
    let words = differing(&chat.session);
    for count in (0..=words.len()).rev() {
        let more = if count < words.len() { "… · " } else { "" };
        let shown: String = words[..count].iter().map(|word| format!("{word} · ")).collect();
        let line = Line {
            spans: vec![
                Span::new(format!("{shown}{more}"), Tone::Dim),
                Span::new(model.clone(), Tone::Accent),
            ],
        };
        if super::line_width(&line) <= room {
            return line;
        }
    }
    Line::new(width::truncate(&model, usize::from(room)), Tone::Accent)
}

/// A rule across the screen.
pub fn rule(buf: &mut Picture, (x, y): (u16, u16), columns: u16, theme: &Theme) {
    let style = theme.style(Tone::Border, Emphasis::default());
    buf.fill((x, y), columns, "─", style);
}

/// What flags or the session set, in a word each.
fn differing(session: &Session) -> Vec<String> {
    let params = &session.params;
    let mut words = Vec::new();
    if let Some(n) = params.n.filter(|n| *n > 1) {
        words.push(format!("n {n}"));
    }
    if !session.system.is_empty() {
        words.push("system".to_owned());
    }
    if let Some(tokens) = params.max_tokens {
        words.push(format!("max {tokens}"));
    }
    if let Some(t) = params.temperature {
        words.push(format!("temperature {t}"));
    }
    if let Some(p) = params.top_p {
        words.push(format!("top-p {p}"));
    }
    if let Some(effort) = &params.reasoning_effort {
        words.push(format!("effort {}", sanitize::clean(effort)));
    }
    if let Some(seed) = params.seed {
        words.push(format!("seed {seed}"));
    }
    if !params.stop.is_empty() {
        words.push(format!("stop ×{}", params.stop.len()));
    }
    words.extend(params.extra.keys().map(|key| width::truncate(&sanitize::clean(key), EXTRA).into_owned()));
    words
}
