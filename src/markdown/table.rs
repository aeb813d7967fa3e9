//! Tables: cells, the widths of columns, rows.
//!
//! Columns have the width of their widest cell; where the table is too wide the widest columns give
//! way and their cells wrap. Where not even single characters fit side by side, the cells of a row
//! stand below each other.

use super::block::{Growth, Piece};
use super::blocks::TABLE_ROWS;
use super::inline::{self, Defined};
use super::open;
use crate::base::width::{line_width, width, wrap};
use crate::base::{Emphasis, Line, Span, Tone};

const SEPARATOR: &str = " │ ";

/// The cells of a row, by its unescaped `|`.
pub(super) fn cells(row: &str) -> Vec<String> {
    let row = row.trim();
    let row = row.strip_prefix('|').unwrap_or(row);
    let (mut cells, mut cell, mut escaped) = (Vec::new(), String::new(), false);
    for c in row.chars() {
        match c {
            '|' if escaped => {
                cell.pop();
                cell.push('|');
            }
            '|' => cells.push(std::mem::take(&mut cell).trim().to_owned()),
            _ => cell.push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    if !cell.trim().is_empty() || cells.is_empty() {
        cells.push(cell.trim().to_owned());
    }
    cells
}

#[derive(Clone, Copy, PartialEq)]
enum Align {
    Left,
    Center,
    Right,
}

fn alignments(row: &str) -> Vec<Align> {
    let align = |cell: &String| match (cell.starts_with(':'), cell.ends_with(':')) {
        (true, true) => Align::Center,
        (false, true) => Align::Right,
        _ => Align::Left,
    };
    cells(row).iter().map(align).collect()
}

/// What a table is drawn from.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub source: &'a str,
    /// Header, delimiters and the rows that the columns are fitted to.
    pub beginning: &'a [Piece],
    pub defined: Defined<'a>,
    pub growth: Growth,
    pub tone: Tone,
}

type Cell = Vec<Span>;

impl Table<'_> {
    /// The header, the line below it and the rows of the beginning.
    pub fn beginning(&self, columns: usize) -> Vec<Line> {
        let grid = self.grid(self.beginning, 0, self.growth);
        let fit = self.fit(&grid, columns);
        let mut lines = Vec::new();
        for (index, row) in grid.iter().enumerate() {
            match index {
                1 => lines.extend(fit.rule()),
                _ => fit.row(row, &mut lines),
            }
        }
        lines
    }

    /// Further rows, in the columns of the beginning.
    pub fn more(&self, rows: &[Piece], columns: usize) -> Vec<Line> {
        let fit = self.fit(&self.grid(self.beginning, 0, Growth::Closed), columns);
        let mut lines = Vec::new();
        for row in self.grid(rows, self.beginning.len(), self.growth) {
            fit.row(&row, &mut lines);
        }
        lines
    }

    /// The cells of rows, the first of which is row `from` of the table.
    fn grid(&self, pieces: &[Piece], from: usize, growth: Growth) -> Vec<Vec<Cell>> {
        let count = self.beginning.first().map_or(0, |head| cells(head.text(self.source)).len());
        let mut grid = Vec::with_capacity(pieces.len());
        for (index, piece) in pieces.iter().enumerate() {
            let last = index + 1 == pieces.len();
            let mut texts = cells(piece.text(self.source));
            texts.truncate(count);
            if let (true, Growth::Open, Some(text)) = (last, growth, texts.last_mut()) {
                *text = open::complete(text);
            }
            let emphasis = Emphasis { bold: from + index == 0, ..Emphasis::default() };
            let spans =
                |text: &String| inline::cleaned(inline::spans(text, self.tone, emphasis, self.defined));
            let mut row: Vec<Cell> = texts.iter().map(spans).collect();
            row.resize(count, Cell::new());
            grid.push(row);
        }
        grid
    }

    fn fit(&self, grid: &[Vec<Cell>], columns: usize) -> Fit {
        let count = grid.first().map_or(0, Vec::len);
        let mut widths = vec![1; count];
        for (index, row) in grid.iter().take(TABLE_ROWS + 2).enumerate() {
            if index == 1 {
                continue;
            }
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = (*widest).max(cell.iter().map(|s| width(&s.text)).sum());
            }
        }
        let between = width(SEPARATOR) * count.saturating_sub(1);
        let room = columns.saturating_sub(between);
        if count == 0 || room < count * 2 {
            return Fit { widths: Vec::new(), aligns: Vec::new(), columns };
        }
        shrink(&mut widths, room);
        let aligns = self.beginning.get(1).map_or_else(Vec::new, |p| alignments(p.text(self.source)));
        Fit { widths, aligns, columns }
    }
}

/// Takes from the widest columns until all fit in `room`.
fn shrink(widths: &mut [usize], room: usize) {
    let mut over = widths.iter().sum::<usize>().saturating_sub(room);
    while over > 0 {
        let Some(&most) = widths.iter().max() else { return };
        let widest = widths.iter().filter(|&&w| w == most).count();
        let next = widths.iter().copied().filter(|&w| w < most).max().unwrap_or(1).max(1);
        if most <= 1 {
            return;
        }
        let step = (most - next).min(over / widest);
        if step == 0 {
            for width in widths.iter_mut().filter(|w| **w == most).take(over.min(widest)) {
                *width -= 1;
                over -= 1;
            }
            continue;
        }
        for width in widths.iter_mut().filter(|w| **w == most) {
            *width -= step;
            over -= step;
        }
    }
}

struct Fit {
    /// Empty: the columns do not fit beside each other.
    widths: Vec<usize>,
    aligns: Vec<Align>,
    columns: usize,
}

impl Fit {
    fn rule(&self) -> Option<Line> {
        if self.widths.is_empty() {
            return Some(Line::new("─".repeat(self.columns), Tone::Mark));
        }
        let bars: Vec<_> = self.widths.iter().map(|w| "─".repeat(*w)).collect();
        Some(Line::new(bars.join("─┼─"), Tone::Mark))
    }

    fn row(&self, row: &[Cell], out: &mut Vec<Line>) {
        if self.widths.is_empty() {
            for cell in row {
                out.extend(wrap(cell, 0, 2, self.columns as u16));
            }
            return;
        }
        let cells: Vec<Vec<Line>> =
            row.iter().zip(&self.widths).map(|(cell, width)| wrap(cell, 0, 0, *width as u16)).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for at in 0..height {
            let mut line = Line::default();
            for (index, (cell, width)) in cells.iter().zip(&self.widths).enumerate() {
                if index > 0 {
                    line.spans.push(Span::new(SEPARATOR, Tone::Mark));
                }
                let align = self.aligns.get(index).copied().unwrap_or(Align::Left);
                pad(cell.get(at), *width, align, &mut line);
            }
            out.push(line);
        }
    }
}

fn pad(text: Option<&Line>, width: usize, align: Align, line: &mut Line) {
    let used = text.map_or(0, line_width);
    let free = width.saturating_sub(used);
    let before = match align {
        Align::Left => 0,
        Align::Center => free / 2,
        Align::Right => free,
    };
    let space = |n: usize, line: &mut Line| {
        if n > 0 {
            line.spans.push(Span::new(" ".repeat(n), Tone::Text));
        }
    };
    space(before, line);
    if let Some(text) = text {
        line.spans.extend(text.spans.iter().cloned());
    }
    space(free - before, line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_split_at_unescaped_bars() {
        assert_eq!(cells("| a | b \\| c |  |"), ["a", "b | c", ""]);
        assert_eq!(cells("a | b"), ["a", "b"]);
        assert_eq!(cells("|"), [""]);
    }

    #[test]
    fn the_widest_columns_give_way() {
        let mut widths = [3, 40, 20];
        shrink(&mut widths, 33);
        assert_eq!(widths, [3, 15, 15]);
    }
}
