//! The panes of the screen: each file holds a pane's state, its updates and its view.

pub mod composer;
pub mod header;
pub mod message;
pub mod status;
pub mod tool_panel;
pub mod transcript;
pub mod welcome;

use ratatui::buffer::Buffer;

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
        at = buf.set_stringn(at, y, &span.text, usize::from(end - at), style).0;
    }
    at
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
