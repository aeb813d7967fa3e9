//! What the terminal shows, and what a picture changes of it.
//!
//! Of a row whose notes are those of the last picture nothing is done. The others are made into cells,
//! and those cells that differ from what the terminal shows are told. So a token costs a row or two and
//! the status bar, whatever the size of the screen.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;

use super::picture::Picture;

/// The cells of the terminal as they were told last.
#[derive(Debug)]
pub struct Shown {
    /// `cells` are the cells of its rows.
    last: Picture,
    cells: Vec<Buffer>,
    /// Cells of rows that change; made when needed.
    next: Vec<Buffer>,
    changed: Vec<u16>,
}

impl Shown {
    /// A blank terminal of this size.
    pub fn new(width: u16, height: u16) -> Self {
        let row = Buffer::empty(Rect::new(0, 0, width, 1));
        let rows = vec![row; usize::from(height)];
        Self { last: Picture::new(width, height), cells: rows.clone(), next: rows, changed: Vec::new() }
    }

    /// Its columns and rows.
    pub fn size(&self) -> (u16, u16) {
        (self.last.area.width, self.last.area.height)
    }

    /// Takes in a picture of the same size: the cells that it changes go to `tell`, unless there are
    /// none. What `picture` holds afterwards is the one before, to be drawn over.
    ///
    /// # Errors
    /// What `tell` gives.
    pub fn update<E>(
        &mut self,
        picture: &mut Picture,
        tell: impl FnOnce(&mut dyn Iterator<Item = (u16, u16, &Cell)>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.changed.clear();
        let rows = picture.rows_mut().iter_mut().zip(self.last.rows_mut()).zip(&mut self.next);
        for (y, ((row, last), cells)) in (0..).zip(rows) {
            if row.is_kept() {
                std::mem::swap(row, last);
            } else if row != last {
                cells.reset();
                row.draw(0, cells);
                self.changed.push(y);
            }
        }
        std::mem::swap(&mut self.last, picture);
        for y in self.changed.iter().map(|y| usize::from(*y)) {
            std::mem::swap(&mut self.cells[y], &mut self.next[y]);
        }
        let row_of = |y: &u16| {
            let at = usize::from(*y);
            let differing = self.next[at].diff_iter(&self.cells[at]);
            let y = *y;
            differing.map(move |(x, _, cell)| (x, y, cell))
        };
        let mut differing = self.changed.iter().flat_map(row_of).peekable();
        if differing.peek().is_none() {
            return Ok(());
        }
        tell(&mut differing)
    }
}
