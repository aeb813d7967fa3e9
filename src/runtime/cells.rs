//! Cells as the bytes that show them.
//!
//! What ratatui's own writer for crossterm says, mostly shorter and with less ado: each of its moves and
//! symbols goes through the machinery of formatting, which for a token cost as much as laying it out.
//! Colours and attributes are still crossterm's to spell (and to leave out, as `NO_COLOR` wants).
//!
//! It takes the terminal's style to be the plain one, and leaves it so.

use std::io;

use crossterm::QueueableCommand as _;
use crossterm::style::{Attribute, Colors, SetAttribute, SetColors, SetUnderlineColor};
use ratatui::backend::IntoCrossterm as _;
use ratatui::buffer::Cell;
use ratatui::layout::Position;
use ratatui::style::{Color, Modifier};

const PLAIN: &[u8] = b"\x1b[0m";

const ATTRIBUTES: [(Modifier, Attribute); 9] = [
    (Modifier::BOLD, Attribute::Bold),
    (Modifier::DIM, Attribute::Dim),
    (Modifier::ITALIC, Attribute::Italic),
    (Modifier::UNDERLINED, Attribute::Underlined),
    (Modifier::SLOW_BLINK, Attribute::SlowBlink),
    (Modifier::RAPID_BLINK, Attribute::RapidBlink),
    (Modifier::REVERSED, Attribute::Reverse),
    (Modifier::HIDDEN, Attribute::Hidden),
    (Modifier::CROSSED_OUT, Attribute::CrossedOut),
];

/// A style as the terminal has it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    fg: Color,
    bg: Color,
    underline: Color,
    modifier: Modifier,
}

impl Look {
    const PLAIN: Self =
        Self { fg: Color::Reset, bg: Color::Reset, underline: Color::Reset, modifier: Modifier::empty() };

    fn of(cell: &Cell) -> Self {
        Self { fg: cell.fg, bg: cell.bg, underline: cell.underline_color, modifier: cell.modifier }
    }

    /// Appends what makes it out of another one.
    fn put_on(self, before: Self, out: &mut Vec<u8>) -> io::Result<()> {
        let mut before = before;
        if self.modifier != before.modifier {
            out.extend_from_slice(PLAIN);
            before = Self::PLAIN;
            for (modifier, attribute) in ATTRIBUTES {
                if self.modifier.contains(modifier) {
                    out.queue(SetAttribute(attribute))?;
                }
            }
        }
        if (self.fg, self.bg) != (before.fg, before.bg) {
            out.queue(SetColors(Colors::new(self.fg.into_crossterm(), self.bg.into_crossterm())))?;
        }
        if self.underline != before.underline {
            out.queue(SetUnderlineColor(self.underline.into_crossterm()))?;
        }
        Ok(())
    }
}

/// Appends what shows these cells, from left to right and from top to bottom.
///
/// # Errors
/// None that a buffer gives.
pub fn write_cells<'a>(
    cells: impl Iterator<Item = (u16, u16, &'a Cell)>,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let mut look = Look::PLAIN;
    let mut next = None;
    for (x, y, cell) in cells {
        if next != Some((x, y)) {
            write_move(Position::new(x, y), out);
        }
        next = Some((x.saturating_add(1), y));
        let wanted = Look::of(cell);
        if wanted != look {
            wanted.put_on(look, out)?;
            look = wanted;
        }
        out.extend_from_slice(cell.symbol().as_bytes());
    }
    // Also where nothing is on: somebody else may have written to the terminal.
    out.extend_from_slice(PLAIN);
    Ok(())
}

/// Appends what moves the cursor.
pub fn write_move(to: Position, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\x1b[");
    write_number(u32::from(to.y) + 1, out);
    out.push(b';');
    write_number(u32::from(to.x) + 1, out);
    out.push(b'H');
}

fn write_number(number: u32, out: &mut Vec<u8>) {
    if number >= 10 {
        write_number(number / 10, out);
    }
    out.push(b'0' + (number % 10) as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::backend::{Backend as _, CrosstermBackend};
    use ratatui::style::Style;

    use super::*;

    fn color() -> impl Strategy<Value = Color> {
        prop_oneof![
            3 => Just(Color::Reset),
            1 => Just(Color::Red),
            1 => Just(Color::LightBlue),
            1 => any::<u8>().prop_map(Color::Indexed),
            1 => any::<(u8, u8, u8)>().prop_map(|(r, g, b)| Color::Rgb(r, g, b)),
        ]
    }

    fn cell() -> impl Strategy<Value = Cell> {
        // Not bold and dim at once: the emulator knows one of them at a time.
        let one = proptest::sample::select(&[0, 1, 2, 4, 8, 64, 5, 66, 12][..]);
        let symbol = proptest::sample::select(&["a", " ", "─", "é", "漢"][..]);
        (symbol, color(), color(), one).prop_map(|(symbol, fg, bg, modifier)| {
            let mut cell = Cell::default();
            let style = Style::new().fg(fg).bg(bg).add_modifier(Modifier::from_bits_truncate(modifier));
            cell.set_symbol(symbol).set_style(style);
            cell
        })
    }

    fn screen(bytes: &[u8]) -> String {
        let mut screen = vt100::Parser::new(6.try_into().unwrap(), 20.try_into().unwrap(), 0);
        screen.process(bytes);
        screen.screen().state_formatted()
    }

    proptest! {
        /// A terminal shows the same as by ratatui's own writer.
        #[test]
        fn cells_are_shown_as_ratatui_shows_them(
            cells in proptest::collection::btree_map((0u16..6, 0u16..20), cell(), 0..60),
        ) {
            let cells = || cells.iter().map(|((y, x), cell)| (*x, *y, cell));
            let mut ours = Vec::new();
            write_cells(cells(), &mut ours).unwrap();
            let mut theirs = Vec::new();
            CrosstermBackend::new(&mut theirs).draw(cells()).unwrap();
            prop_assert_eq!(screen(&ours), screen(&theirs));
        }
    }

    #[test]
    fn a_move_counts_from_one() {
        let mut out = Vec::new();
        write_move(Position::new(0, 65_535), &mut out);
        write_move(Position::new(99, 8), &mut out);
        assert_eq!(out, b"\x1b[65536;1H\x1b[9;100H");
    }
}
