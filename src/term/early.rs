//! What was typed and pasted before there is an event stream.
//!
//! Bytes in any pieces go in, [`Input`]s come out: characters, Enter, Tab, Backspace, Ctrl-letters and
//! whole pastes. Other keys (sequences) are left out. It reads nothing: [`Early::lacks`] says whether the
//! bytes end in the middle of something, and how much longer to read is the caller's to decide.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::input::Input;

const PASTE: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";

/// What the bytes so far end in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// Nothing.
    Nothing,
    /// A key's sequence or a character; or the Escape key, if nothing follows.
    Key,
    /// A paste.
    Paste,
}

/// Turns early bytes into inputs.
#[derive(Debug, Default)]
pub(super) struct Early {
    inputs: Vec<Input>,
    /// The start of a sequence, of a character or of a paste.
    part: Vec<u8>,
}

impl Early {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.byte(*byte));
    }

    pub(super) fn lacks(&self) -> Lack {
        match self.part.as_slice() {
            [] => Lack::Nothing,
            part if part.starts_with(PASTE) => Lack::Paste,
            _ => Lack::Key,
        }
    }

    /// How many bytes wait for their end.
    pub(super) fn waiting(&self) -> usize {
        self.part.len()
    }

    /// Nothing more is read. A paste without its end is a paste all the same.
    pub(super) fn end(mut self) -> Vec<Input> {
        if let Some(text) = self.part.strip_prefix(PASTE) {
            self.inputs.push(Input::Paste(String::from_utf8_lossy(text).into_owned()));
        } else if self.part == b"\x1b" {
            self.key(KeyCode::Esc, KeyModifiers::NONE);
        }
        self.inputs
    }

    fn byte(&mut self, byte: u8) {
        self.part.push(byte);
        match self.part.as_slice() {
            part if part.starts_with(PASTE) => {
                let Some(text) = part[PASTE.len()..].strip_suffix(PASTE_END) else { return };
                let text = String::from_utf8_lossy(text).into_owned();
                self.part.clear();
                self.inputs.push(Input::Paste(text));
            }
            b"\x1b" | b"\x1b[" | b"\x1bO" => {}
            // An OSC, such as an answer that is longer than any: it ends with BEL, ST or another control.
            [b'\x1b', b']', digit, ..] if digit.is_ascii_digit() => match byte {
                b'\x07' => self.part.clear(),
                b'\\' if self.part.ends_with(b"\x1b\\") => self.part.clear(),
                b'\x1b' => {}
                _ if byte.is_ascii_control() => self.anew(byte),
                _ => {}
            },
            b"\x1b]" => {}
            [b'\x1b', b']', _] => self.anew(byte),
            b"\x1b\x1b" => {
                self.part.pop();
                self.key(KeyCode::Esc, KeyModifiers::NONE);
            }
            [b'\x1b', b'[', ..] => match byte {
                b'~' if self.part == PASTE => {}
                b'\x20'..=b'\x3f' => {}
                // A mouse report of the old kind: three more bytes, which are no text.
                _ if self.part.get(2) == Some(&b'M') => {
                    if self.part.len() == 6 {
                        self.part.clear();
                    }
                }
                // CSI ends with its final byte.
                b'\x40'..=b'\x7e' => self.part.clear(),
                // What no sequence holds is the next key.
                _ => self.anew(byte),
            },
            // SS3 and one more, or Alt and a character.
            [b'\x1b', ..] => self.part.clear(),
            part => match std::str::from_utf8(part) {
                Ok(text) => {
                    let c = text.chars().next();
                    self.part.clear();
                    c.into_iter().for_each(|c| self.character(c));
                }
                Err(error) if error.error_len().is_none() => {}
                Err(_) if part.len() > 1 => self.anew(byte),
                Err(_) => self.part.clear(),
            },
        }
    }

    /// What came before is nothing; this byte may be something.
    fn anew(&mut self, byte: u8) {
        self.part.clear();
        self.byte(byte);
    }

    fn character(&mut self, c: char) {
        match c {
            // A terminal that was not raw yet made a line feed of Enter.
            '\r' | '\n' => self.key(KeyCode::Enter, KeyModifiers::NONE),
            '\t' => self.key(KeyCode::Tab, KeyModifiers::NONE),
            '\x7f' => self.key(KeyCode::Backspace, KeyModifiers::NONE),
            '\x01'..='\x1a' => {
                // Ctrl takes 0x60 off a letter.
                let letter = char::from(c as u8 + 0x60);
                self.key(KeyCode::Char(letter), KeyModifiers::CONTROL);
            }
            c if c.is_control() => {}
            c => self.key(KeyCode::Char(c), KeyModifiers::NONE),
        }
    }

    fn key(&mut self, code: KeyCode, modifiers: KeyModifiers) {
        self.inputs.push(Input::Key(KeyEvent::new(code, modifiers)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &[&[u8]]) -> String {
        let mut early = Early::default();
        pieces.iter().for_each(|piece| early.feed(piece));
        let word = |input: Input| match input {
            Input::Key(key) => match (key.code, key.modifiers) {
                (KeyCode::Char(c), KeyModifiers::NONE) => c.to_string(),
                (KeyCode::Char(c), _) => format!("<C-{c}>"),
                (code, _) => format!("<{code}>"),
            },
            Input::Paste(text) => format!("{text:?}"),
            other => panic!("{other:?}"),
        };
        early.end().into_iter().map(word).collect()
    }

    fn lacks(bytes: &[u8]) -> Lack {
        let mut early = Early::default();
        early.feed(bytes);
        early.lacks()
    }

    #[test]
    fn what_was_typed_early_becomes_keys() {
        assert_eq!(shown(&["grüße".as_bytes()]), "grüße");
        assert_eq!(shown(&[b"a\x1b[A\x1b[1;5Cb\x1bOPc\x1bxd\r\x03\x7fe"]), "abcd<Enter><C-c><Backspace>e");
        assert_eq!(shown(&[b"hi\n\x04"]), "hi<Enter><C-d>");
        // Reports of the mouse, new and old: the old one's last bytes look like text.
        assert_eq!(shown(&[b"a\x1b[<0;10;5Mb\x1b[<0;10;5mc\x1b[M !\xffd"]), "abcd");
        let long =
            [b"a\x1b]11;".as_slice(), &[b'x'; 500], b"\x1b\\b\x1b]10;y\x07c\x1b]11;z\rd\x1b]e"].concat();
        assert_eq!(shown(&[&long]), "abc<Enter>de");
        assert_eq!(shown(&[b"a\xffb\xc3c\xc3\x1b"]), "abc<Esc>");
        assert_eq!(shown(&[b"\x1b\x1b[Ax\x1b[1\ry\x1b["]), "<Esc>x<Enter>y");
    }

    #[test]
    fn a_paste_stays_one() {
        assert_eq!(shown(&[b"x\x1b[200~a\rb\x1b[A\x1b[201~\r"]), "x\"a\\rb\\u{1b}[A\"<Enter>");
        assert_eq!(shown(&[b"\x1b[200~\x1b[201~"]), "\"\"");
        assert_eq!(shown(&[b"\x1b\x1b[200~a\x1b[201~"]), "<Esc>\"a\"");
        assert_eq!(shown(&[b"\x1b[200~never closed\r"]), "\"never closed\\r\"");
    }

    #[test]
    fn any_split_of_the_bytes_is_the_same() {
        let bytes = "hü\x1b[200~eins\rzwü\x1b[201~\x1b[1;5C\x1bOPx\r".as_bytes();
        let whole = shown(&[bytes]);
        for cut in 0..bytes.len() {
            assert_eq!(shown(&[&bytes[..cut], &bytes[cut..]]), whole, "cut at {cut}");
        }
    }

    #[test]
    fn it_knows_when_it_is_in_the_middle() {
        for whole in [&b""[..], b"ab", b"\x1b[A", b"\x1bOP", b"\x1b[200~a\x1b[201~", b"\xff", b"\xc3\xa4"] {
            assert_eq!(lacks(whole), Lack::Nothing, "{whole:?}");
        }
        for key in [&b"a\x1b"[..], b"\x1b[", b"\x1b[20", b"\x1b[200", b"\x1bO", b"\xc3", b"\xf0\x9f"] {
            assert_eq!(lacks(key), Lack::Key, "{key:?}");
        }
        for paste in [&b"\x1b[200~"[..], b"\x1b[200~a\r", b"\x1b[200~a\x1b[201"] {
            assert_eq!(lacks(paste), Lack::Paste, "{paste:?}");
        }
    }
}
