//! Whole frames: everything drawn is gathered and written with one call, inside a synchronized update.
//!
//! ratatui's backend flushes several times a frame (cursor, colours); here a flush means nothing and
//! [`Frames::commit`] writes. Where nothing was drawn, nothing is written.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// Where the backend draws to. Cheap to clone; all clones gather the same frame.
#[derive(Clone, Debug)]
pub struct FrameWriter {
    frame: Rc<RefCell<Vec<u8>>>,
}

impl Write for FrameWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The frames of one terminal.
#[derive(Debug)]
pub struct Frames<W: Write> {
    out: W,
    frame: Rc<RefCell<Vec<u8>>>,
}

impl<W: Write> Frames<W> {
    /// Frames that go to `out`, each in one write.
    pub fn new(out: W) -> Self {
        Self { out, frame: Rc::new(RefCell::new(BEGIN.to_vec())) }
    }

    /// The writer for the backend.
    pub fn writer(&self) -> FrameWriter {
        FrameWriter { frame: Rc::clone(&self.frame) }
    }

    /// Writes what was drawn since the last commit; an error means that the terminal is gone.
    pub fn commit(&mut self) -> io::Result<()> {
        let mut frame = self.frame.borrow_mut();
        if frame.len() == BEGIN.len() {
            return Ok(());
        }
        frame.extend_from_slice(END);
        let written = self.out.write_all(&frame).and_then(|()| self.out.flush());
        frame.truncate(BEGIN.len());
        written
    }

    /// Forgets what was drawn and not written.
    pub fn forget(&mut self) {
        self.frame.borrow_mut().truncate(BEGIN.len());
    }
}

/// Standard output without std's buffer and lock, which a panic may hold.
#[derive(Clone, Copy, Debug)]
pub struct TtyOut;

impl Write for TtyOut {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stdout = rustix::stdio::stdout();
        loop {
            match rustix::io::write(stdout, bytes) {
                Ok(written) => return Ok(written),
                Err(Errno::INTR) => {}
                // Somebody made the terminal non-blocking, which standard input and output share.
                Err(Errno::AGAIN) => match poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], None) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(e) => return Err(e.into()),
                },
                Err(e) => return Err(e.into()),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::CrosstermBackend;
    use ratatui::layout::Rect;
    use ratatui::{TerminalOptions, Viewport};

    use super::*;

    /// Keeps each write apart; takes few bytes at a time where told.
    #[derive(Clone, Default)]
    struct Writes {
        each: Rc<RefCell<Vec<Vec<u8>>>>,
        gone: bool,
    }

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.gone {
                return Err(io::Error::other("gone"));
            }
            self.each.borrow_mut().push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn terminal(frames: &Frames<Writes>) -> Terminal<CrosstermBackend<FrameWriter>> {
        let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, 20, 3)) };
        Terminal::with_options(CrosstermBackend::new(frames.writer()), options).unwrap()
    }

    #[test]
    fn a_frame_is_one_write_within_its_markers() {
        let writes = Writes::default();
        let mut frames = Frames::new(writes.clone());
        let mut terminal = terminal(&frames);
        terminal
            .draw(|f| {
                f.render_widget("hello", f.area());
                f.set_cursor_position((3, 1));
            })
            .unwrap();
        frames.commit().unwrap();
        let each = writes.each.borrow();
        assert_eq!(each.len(), 1, "one write");
        assert!(each[0].starts_with(BEGIN) && each[0].ends_with(END));
        let mut screen = vt100::Parser::new(3.try_into().unwrap(), 20.try_into().unwrap(), 0);
        screen.process(&each[0]);
        assert_eq!(screen.screen().contents(), "hello");
        assert_eq!(screen.screen().cursor_position(), (1, 3));
    }

    #[test]
    fn where_nothing_was_drawn_nothing_is_written() {
        let writes = Writes::default();
        let mut frames = Frames::new(writes.clone());
        frames.commit().unwrap();
        assert!(writes.each.borrow().is_empty());
        write!(frames.writer(), "a").unwrap();
        frames.commit().unwrap();
        frames.commit().unwrap();
        assert_eq!(*writes.each.borrow(), [[BEGIN, b"a", END].concat()]);
    }

    #[test]
    fn a_closed_terminal_is_an_error() {
        let mut frames = Frames::new(Writes { gone: true, ..Writes::default() });
        write!(frames.writer(), "x").unwrap();
        assert!(frames.commit().is_err());
    }

    #[test]
    fn a_forgotten_frame_is_never_written() {
        let writes = Writes::default();
        let mut frames = Frames::new(writes.clone());
        write!(frames.writer(), "half a fra").unwrap();
        frames.forget();
        frames.commit().unwrap();
        assert!(writes.each.borrow().is_empty());
    }
}
