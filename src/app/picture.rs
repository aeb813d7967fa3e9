//! The picture of a frame: what stands in which row, before it is cells.
//!
//! Panes draw into it as into a buffer of cells, but it only notes what they draw, row by row: a row is
//! a few dozen bytes. Two rows with the same notes have the same cells, so [`super::shown::Shown`] makes
//! cells only of rows whose notes changed. Making and comparing all cells of a screen for each token
//! cost half of what a token costs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// What a frame puts on the screen.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// The screen, from its upper left corner on.
    pub area: Rect,
    rows: Vec<Row>,
}

/// What was drawn into a row, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    ops: Vec<Op>,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    /// Text follows from this column on, up to `end`.
    At { x: u16, end: u16 },
    /// So many bytes of the row's text, behind what was written last.
    Text { bytes: usize, style: Style },
    /// A symbol of one column (so many bytes of the text) in each cell.
    Fill { x: u16, end: u16, bytes: usize, style: Style },
    /// The cells keep their text.
    Style { x: u16, end: u16, style: Style },
    /// The cells have nothing but this style.
    Clear { x: u16, end: u16, style: Style },
    /// The row is as it was; nothing else is noted of it.
    Kept,
}

impl Picture {
    /// Nothing, on a screen of this size.
    pub fn new(width: u16, height: u16) -> Self {
        let rows = (0..height).map(|_| Row::default()).collect();
        Self { area: Rect::new(0, 0, width, height), rows }
    }

    /// Takes everything away; the room is kept.
    pub fn reset(&mut self) {
        for row in &mut self.rows {
            row.ops.clear();
            row.text.clear();
        }
    }

    /// Writes spans of text one behind the other, at most `columns` wide.
    pub fn write<'a>(
        &mut self,
        (x, y): (u16, u16),
        columns: u16,
        spans: impl IntoIterator<Item = (&'a str, Style)>,
    ) {
        let Some(row) = self.rows.get_mut(usize::from(y)) else { return };
        row.ops.push(Op::At { x, end: x.saturating_add(columns).min(self.area.width) });
        for (text, style) in spans {
            row.text.push_str(text);
            row.ops.push(Op::Text { bytes: text.len(), style });
        }
    }

    /// Repeats a symbol that is one column wide.
    pub fn fill(&mut self, (x, y): (u16, u16), columns: u16, symbol: &str, style: Style) {
        let Some(row) = self.rows.get_mut(usize::from(y)) else { return };
        row.text.push_str(symbol);
        let end = x.saturating_add(columns).min(self.area.width);
        row.ops.push(Op::Fill { x, end, bytes: symbol.len(), style });
    }

    /// Puts a style over what stands there.
    pub fn set_style(&mut self, area: Rect, style: Style) {
        let end = area.right().min(self.area.width);
        self.each_row(area, |row| row.ops.push(Op::Style { x: area.x, end, style }));
    }

    /// Takes away what stands there.
    pub fn clear(&mut self, area: Rect, style: Style) {
        let (width, end) = (self.area.width, area.right().min(self.area.width));
        self.each_row(area, |row| {
            // What was drawn under it need not be made into cells.
            if area.x == 0 && end == width {
                row.ops.clear();
                row.text.clear();
            }
            row.ops.push(Op::Clear { x: area.x, end, style });
        });
    }

    /// Leaves these rows, over their whole width, as the picture before has them.
    pub fn keep(&mut self, rows: Rect) {
        self.each_row(rows, |row| {
            row.text.clear();
            row.ops.clear();
            row.ops.push(Op::Kept);
        });
    }

    fn each_row(&mut self, area: Rect, mut act: impl FnMut(&mut Row)) {
        let rows = usize::from(area.y)..usize::from(area.bottom()).min(self.rows.len());
        self.rows.get_mut(rows).unwrap_or_default().iter_mut().for_each(&mut act);
    }

    pub(super) fn rows_mut(&mut self) -> &mut [Row] {
        &mut self.rows
    }

    /// All of it as cells.
    pub fn cells(&self) -> Buffer {
        let mut cells = Buffer::empty(self.area);
        for (y, row) in (0..self.area.height).zip(&self.rows) {
            row.draw(y, &mut cells);
        }
        cells
    }
}

impl Row {
    pub(super) fn is_kept(&self) -> bool {
        self.ops == [Op::Kept]
    }

    /// Makes cells of it, in the row `y` of `cells`, which is empty.
    pub(super) fn draw(&self, y: u16, cells: &mut Buffer) {
        let mut rest = self.text.as_str();
        let mut take = |bytes: usize| {
            let (text, after) = rest.split_at(bytes);
            rest = after;
            text
        };
        let (mut at, mut right) = (0, 0);
        for op in &self.ops {
            match *op {
                Op::At { x, end } => (at, right) = (x, end),
                Op::Text { bytes, style } => {
                    let text = take(bytes);
                    if at < right {
                        at = write(cells, (at, y), text, right - at, style);
                    }
                }
                Op::Fill { x, end, bytes, style } => {
                    let symbol = take(bytes);
                    for x in x..end {
                        cells[(x, y)].set_symbol(symbol).set_style(style);
                    }
                }
                Op::Style { x, end, style } => {
                    for x in x..end {
                        cells[(x, y)].set_style(style);
                    }
                }
                Op::Clear { x, end, style } => {
                    for x in x..end {
                        cells[(x, y)].reset();
                        cells[(x, y)].set_style(style);
                    }
                }
                // The cells are there.
                Op::Kept => {}
            }
        }
    }
}

/// Writes text that may take so many columns; gives the column after it.
fn write(cells: &mut Buffer, (x, y): (u16, u16), text: &str, columns: u16, style: Style) -> u16 {
    match write_plain(cells, (x, y), text, columns, style) {
        Some(after) => after,
        None => cells.set_stringn(x, y, text, usize::from(columns), style).0,
    }
}

/// Writes text of printable ASCII, which is a column a byte: finding the clusters of text that has
/// none would cost more than all else of a frame. `None` where the text is not of that kind.
fn write_plain(
    cells: &mut Buffer,
    (x, y): (u16, u16),
    text: &str,
    columns: u16,
    style: Style,
) -> Option<u16> {
    if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return None;
    }
    let columns =
        columns.min(cells.area.right().saturating_sub(x)).min(u16::try_from(text.len()).unwrap_or(columns));
    for (column, place) in (x..x + columns).enumerate() {
        cells.cell_mut((place, y))?.set_symbol(&text[column..=column]).set_style(style);
    }
    Some(x + columns)
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::*;

    const RED: Style = Style::new().fg(Color::Red);

    #[test]
    fn plain_text_is_written_as_ratatui_writes_it() {
        for (text, columns) in [("plain text", 20), ("cut short", 4), ("past the edge of it", 40), ("", 5)] {
            let mut ours = Buffer::with_lines(["漢字漢字漢字", "漢字漢字漢字"]);
            let mut theirs = ours.clone();
            let after = write_plain(&mut ours, (3, 1), text, columns, RED);
            let expected = theirs.set_stringn(3, 1, text, usize::from(columns), RED).0;
            assert_eq!(after, Some(expected), "{text}");
            assert_eq!(ours, theirs, "{text}");
        }
        let mut cells = Buffer::empty(Rect::new(0, 0, 10, 1));
        assert_eq!(write_plain(&mut cells, (0, 0), "größer", 10, RED), None);
        assert_eq!(write_plain(&mut cells, (0, 0), "a\tb", 10, RED), None);
    }

    #[test]
    fn what_is_drawn_later_lies_over_what_was_drawn_before() {
        let mut picture = Picture::new(8, 2);
        picture.write((0, 0), 8, [("one ", Style::new()), ("漢字 cut", RED)]);
        picture.fill((0, 1), 40, "─", RED);
        picture.clear(Rect::new(2, 1, 3, 9), Style::new());
        picture.write((6, 1), 9, [("xyz", Style::new())]);
        picture.set_style(Rect::new(0, 0, 3, 1), RED);
        let mut expected = Buffer::empty(Rect::new(0, 0, 8, 2));
        expected.set_stringn(0, 0, "one ", 8, Style::new());
        expected.set_stringn(4, 0, "漢字 cut", 4, RED);
        expected.set_stringn(0, 1, "──   ─xy", 8, Style::new());
        for (x, y) in [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (5, 1), (6, 1), (7, 1)] {
            expected[(x, y)].set_style(RED);
        }
        assert_eq!(picture.cells(), expected);
        picture.reset();
        assert_eq!(picture.cells(), Buffer::empty(Rect::new(0, 0, 8, 2)));
    }
}
