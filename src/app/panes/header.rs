//! The header: the conversation's title, and where the next message goes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{bold, put, put_right};
use crate::app::chat::Chat;
use crate::base::tone::{Emphasis, Line, Span, Tone};
use crate::base::{sanitize, width};
use crate::chat::Params;
use crate::theme::Theme;

/// Columns that the title has at least.
const TITLE_LEAST: u16 = 16;

/// Draws the header into two rows: the text and the rule under it.
pub fn draw(chat: &Chat, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let edge = area.right().saturating_sub(1);
    let right = right(chat, edge.saturating_sub(area.x + TITLE_LEAST));
    put_right(buf, (area.x, edge, area.y), &right, theme);
    let taken = super::line_width(&right) + 3;
    let room = area.width.saturating_sub(taken + 1);
    let title = if chat.session.title.is_empty() { "New chat" } else { &chat.session.title };
    let title = width::truncate(&sanitize::clean(title), usize::from(room)).into_owned();
    let tone = if chat.session.title.is_empty() { Tone::Dim } else { Tone::Text };
    put(buf, (area.x + 1, area.y), &Line { spans: vec![bold(title, tone)] }, room, theme);
    if area.height > 1 {
        rule(buf, (area.x, area.y + 1), area.width, theme);
    }
}

/// The model with what parameters differ; what does not fit of it goes, the parameters first.
fn right(chat: &Chat, room: u16) -> Line {
    let model = sanitize::clean(&chat.model_name()).into_owned();
    let params = differing(&chat.session.params);
    let whole = Line { spans: vec![Span::new(params, Tone::Dim), Span::new(model.clone(), Tone::Accent)] };
    if super::line_width(&whole) <= room {
        return whole;
    }
    Line::new(width::truncate(&model, usize::from(room)), Tone::Accent)
}

/// A rule across the screen, cell by cell: there are no clusters to be found in it.
pub fn rule(buf: &mut Buffer, (x, y): (u16, u16), columns: u16, theme: &Theme) {
    let style = theme.style(Tone::Border, Emphasis::default());
    for place in x..x.saturating_add(columns) {
        if let Some(cell) = buf.cell_mut((place, y)) {
            cell.set_symbol("─").set_style(style);
        }
    }
}

/// The parameters that flags or the session set, in a word each.
fn differing(params: &Params) -> String {
    let mut words = Vec::new();
    if let Some(n) = params.n.filter(|n| *n > 1) {
        words.push(format!("n {n}"));
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
    words.iter().map(|w| format!("{w} · ")).collect()
}
