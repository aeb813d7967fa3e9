//! The panes of the screen: each file holds a pane's state, its updates and its view.

pub mod completion;
pub mod composer;
pub mod header;
pub mod help;
pub mod history;
pub mod hits;
pub mod list;
pub mod message;
pub mod models;
pub mod palette;
pub mod queue;
pub mod sessions;
pub mod status;
pub mod themes;
pub mod tool_panel;
pub mod transcript;
pub mod welcome;

use ratatui::buffer::Buffer;
use ratatui::style::Style;

use crate::base::tone::{Emphasis, Line, Span, Tone};
use crate::base::width;
use crate::theme::Theme;

/// Writes one row at `x`, `y`, at most `columns` wide; gives the column after it.
pub fn put(buf: &mut Buffer, (x, y): (u16, u16), line: &Line, columns: u16, theme: &Theme) -> u16 {
    let end = x.saturating_add(columns);
    let mut at = x;
    for span in &line.spans {
        if at >= end {
            break;
        }
        let style = theme.style(span.tone, span.emphasis);
        at = match put_plain(buf, (at, y), &span.text, end - at, style) {
            Some(after) => after,
            None => buf.set_stringn(at, y, &span.text, usize::from(end - at), style).0,
        };
    }
    at
}

/// Writes text of printable ASCII, which is a column a byte: finding the clusters of text that has
/// none would cost more than all else of a frame. `None` where the text is not of that kind.
fn put_plain(buf: &mut Buffer, (x, y): (u16, u16), text: &str, columns: u16, style: Style) -> Option<u16> {
    if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return None;
    }
    let columns =
        columns.min(buf.area.right().saturating_sub(x)).min(u16::try_from(text.len()).unwrap_or(columns));
    for (column, place) in (x..x + columns).enumerate() {
        buf.cell_mut((place, y))?.set_symbol(&text[column..=column]).set_style(style);
    }
    Some(x + columns)
}

/// Writes one row so that it ends at the column before `right`, if it fits in what is left of `from`.
pub fn put_right(buf: &mut Buffer, (from, right, y): (u16, u16, u16), line: &Line, theme: &Theme) -> bool {
    let columns = line_width(line);
    let Some(x) = right.checked_sub(columns).filter(|x| *x >= from) else { return false };
    put(buf, (x, y), line, columns, theme);
    true
}

/// The columns of a row.
pub fn line_width(line: &Line) -> u16 {
    let columns: usize = line.spans.iter().map(|s| width::width(&s.text)).sum();
    u16::try_from(columns).unwrap_or(u16::MAX)
}

/// A row of several spans.
pub fn line<const N: usize>(spans: [(&str, Tone); N]) -> Line {
    Line { spans: spans.into_iter().map(|(text, tone)| Span::new(text, tone)).collect() }
}

/// A bold span.
pub fn bold(text: impl Into<String>, tone: Tone) -> Span {
    Span { text: text.into(), tone, emphasis: Emphasis { bold: true, ..Emphasis::default() } }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Color;

    use super::*;

    #[test]
    fn plain_text_is_written_as_ratatui_writes_it() {
        let style = Style::default().fg(Color::Red);
        for (text, columns) in [("plain text", 20), ("cut short", 4), ("past the edge of it", 40), ("", 5)] {
            let mut ours = Buffer::with_lines(["漢字漢字漢字", "漢字漢字漢字"]);
            let mut theirs = ours.clone();
            let after = put_plain(&mut ours, (3, 1), text, columns, style);
            let expected = theirs.set_stringn(3, 1, text, usize::from(columns), style).0;
            assert_eq!(after, Some(expected), "{text}");
            assert_eq!(ours, theirs, "{text}");
        }
        let mut buf = Buffer::empty(Rect::new(0, 0, 10, 1));
        assert_eq!(put_plain(&mut buf, (0, 0), "größer", 10, style), None);
        assert_eq!(put_plain(&mut buf, (0, 0), "a\tb", 10, style), None);
    }
}
