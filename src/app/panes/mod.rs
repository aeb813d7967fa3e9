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

use crate::app::picture::Picture;
use crate::base::tone::{Emphasis, Line, Span, Tone};
use crate::base::width;
use crate::theme::Theme;

/// Writes one row at `x`, `y`, at most `columns` wide.
pub fn put(buf: &mut Picture, at: (u16, u16), line: &Line, columns: u16, theme: &Theme) {
    let spans = line.spans.iter().map(|span| (span.text.as_str(), theme.style(span.tone, span.emphasis)));
    buf.write(at, columns, spans);
}

/// Writes one row so that it ends at the column before `right`, if it fits in what is left of `from`.
pub fn put_right(buf: &mut Picture, (from, right, y): (u16, u16, u16), line: &Line, theme: &Theme) -> bool {
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
