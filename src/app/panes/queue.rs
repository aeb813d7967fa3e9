//! Messages that wait, over the rule: a dim row each, the first ones.

use crate::app::picture::Picture;
use ratatui::layout::Rect;

use super::{line, put, put_right};
use crate::app::queue::Queue;
use crate::base::tone::{Line, Span, Tone};
use crate::base::{sanitize, width};
use crate::chat::session::PIECE;
use crate::chat::{Piece, Written};
use crate::theme::Theme;

/// Messages that have a row.
const SHOWN: usize = 3;
/// Characters of a message that are looked at.
const LOOKED_AT: usize = 400;

/// Rows it wants.
pub fn height(queue: &Queue) -> u16 {
    let rows = queue.len().min(SHOWN) + usize::from(queue.len() > SHOWN);
    rows as u16
}

/// Draws the rows; `keys` says in the first one what can be done.
pub fn draw(queue: &Queue, keys: &str, (area, buf): (Rect, &mut Picture), theme: &Theme) {
    let tone = if queue.is_held() { Tone::Warning } else { Tone::Dim };
    let more = queue.len().saturating_sub(SHOWN);
    let shown = queue.iter().take(SHOWN).map(|written| Line {
        spans: vec![Span::new("queued · ", tone), Span::new(first_line(written), Tone::Dim)],
    });
    let rest = (more > 0).then(|| line([(&format!("+{more} more"), Tone::Dim)]));
    for (y, row) in (area.y..area.bottom()).zip(shown.chain(rest)) {
        let mut end = area.right().saturating_sub(2);
        if y == area.y {
            let keys = line([(keys, if queue.is_held() { Tone::Accent } else { Tone::Dim })]);
            let from = area.x + area.width / 2;
            if put_right(buf, (from, end, y), &keys, theme) {
                end = end.saturating_sub(super::line_width(&keys) + 2);
            }
        }
        put(buf, (area.x + 2, y), &cut(row, end.saturating_sub(area.x + 2)), area.width, theme);
    }
}

/// `row` in so many columns.
fn cut(mut row: Line, columns: u16) -> Line {
    let mut room = usize::from(columns);
    for span in &mut row.spans {
        span.text = width::truncate(&span.text, room).into_owned();
        room = room.saturating_sub(width::width(&span.text));
    }
    row
}

/// The first line of a message that says something, its pieces by name.
fn first_line(written: &Written) -> String {
    let mut pieces = written.pieces.iter();
    let mut shown = String::new();
    for c in written.text.chars().take(LOOKED_AT) {
        match c {
            PIECE => match pieces.next() {
                Some(Piece::Pasted(_)) => shown.push_str("[pasted]"),
                Some(Piece::File { name, .. }) => shown.extend(["[", name, "]"]),
                None => {}
            },
            '\n' if shown.trim().is_empty() => shown.clear(),
            '\n' => {
                shown.push_str(" …");
                break;
            }
            c => shown.push(c),
        }
    }
    sanitize::clean(shown.trim()).into_owned()
}
