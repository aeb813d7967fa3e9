//! Every key, paste and report as terminals send it, in any pieces.

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use proptest::prelude::*;

use super::parse::Parser;

const NONE: KeyModifiers = KeyModifiers::NONE;
const SHIFT: KeyModifiers = KeyModifiers::SHIFT;
const ALT: KeyModifiers = KeyModifiers::ALT;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;

/// What these reads come to, each followed by a pause.
fn read(pieces: &[&[u8]]) -> Vec<Event> {
    let mut parser = Parser::default();
    let mut events = Vec::new();
    for piece in pieces {
        parser.feed(piece, &mut events);
        parser.pause(&mut events);
    }
    events
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Event {
    Event::Key(KeyEvent::new(code, modifiers))
}

fn typed(text: &str) -> Vec<Event> {
    text.chars().map(|c| key(KeyCode::Char(c), NONE)).collect()
}

#[test]
fn keys_of_old_terminals() {
    for (bytes, code, modifiers) in [
        (&b"a"[..], KeyCode::Char('a'), NONE),
        (b"A", KeyCode::Char('A'), SHIFT),
        ("ü".as_bytes(), KeyCode::Char('ü'), NONE),
        ("🦀".as_bytes(), KeyCode::Char('🦀'), NONE),
        (b"\r", KeyCode::Enter, NONE),
        (b"\n", KeyCode::Char('j'), CTRL),
        (b"\t", KeyCode::Tab, NONE),
        (b"\x1b[Z", KeyCode::BackTab, SHIFT),
        (b"\x7f", KeyCode::Backspace, NONE),
        (b"\x03", KeyCode::Char('c'), CTRL),
        (b"\x1f", KeyCode::Char('7'), CTRL),
        (b"\0", KeyCode::Char(' '), CTRL),
        (b"\x1b", KeyCode::Esc, NONE),
        (b"\x1bx", KeyCode::Char('x'), ALT),
        (b"\x1bX", KeyCode::Char('X'), ALT | SHIFT),
        ("\x1bä".as_bytes(), KeyCode::Char('ä'), ALT),
        (b"\x1b\r", KeyCode::Enter, ALT),
        (b"\x1b\x02", KeyCode::Char('b'), ALT | CTRL),
        (b"\x1b]", KeyCode::Char(']'), ALT),
        (b"\x1b[A", KeyCode::Up, NONE),
        (b"\x1bOA", KeyCode::Up, NONE),
        (b"\x1bOF", KeyCode::End, NONE),
        (b"\x1b[H", KeyCode::Home, NONE),
        (b"\x1b[1;5C", KeyCode::Right, CTRL),
        (b"\x1b[5A", KeyCode::Up, CTRL),
        (b"\x1b[1;10D", KeyCode::Left, SHIFT | KeyModifiers::SUPER),
        (b"\x1bOP", KeyCode::F(1), NONE),
        (b"\x1b[1;2R", KeyCode::F(3), SHIFT),
        (b"\x1b[[E", KeyCode::F(5), NONE),
        (b"\x1b[15~", KeyCode::F(5), NONE),
        (b"\x1b[24;5~", KeyCode::F(12), CTRL),
        (b"\x1b[3~", KeyCode::Delete, NONE),
        (b"\x1b[5;3~", KeyCode::PageUp, ALT),
        (b"\x1b[7~", KeyCode::Home, NONE),
    ] {
        assert_eq!(read(&[bytes]), [key(code, modifiers)], "{:?}", bytes.escape_ascii().to_string());
    }
}

#[test]
fn unambiguous_keys() {
    for (bytes, code, modifiers) in [
        (&b"\x1b[27u"[..], KeyCode::Esc, NONE),
        (b"\x1b[97;5u", KeyCode::Char('a'), CTRL),
        (b"\x1b[97;133u", KeyCode::Char('a'), CTRL),
        (b"\x1b[97:65;2u", KeyCode::Char('A'), NONE),
        (b"\x1b[13;2u", KeyCode::Enter, SHIFT),
        (b"\x1b[9;2u", KeyCode::BackTab, SHIFT),
        (b"\x1b[127;5u", KeyCode::Backspace, CTRL),
        (b"\x1b[57399u", KeyCode::Char('0'), NONE),
        (b"\x1b[57414u", KeyCode::Enter, NONE),
        (b"\x1b[57416u", KeyCode::Char(','), NONE),
        (b"\x1b[57426u", KeyCode::Delete, NONE),
        (b"\x1b[57376u", KeyCode::F(13), NONE),
        (b"\x1b[27;5;106~", KeyCode::Char('j'), CTRL),
        (b"\x1b[27;3;13~", KeyCode::Enter, ALT),
    ] {
        assert_eq!(read(&[bytes]), [key(code, modifiers)], "{:?}", bytes.escape_ascii().to_string());
    }
    let kinds = [(2, KeyEventKind::Repeat), (3, KeyEventKind::Release)];
    for (number, kind) in kinds {
        let up = Event::Key(KeyEvent::new_with_kind(KeyCode::Up, NONE, kind));
        assert_eq!(read(&[format!("\x1b[1;1:{number}A").as_bytes()]), [up]);
    }
}

#[test]
fn pastes_are_one_event_whatever_is_in_them() {
    let paste = |text: &str| Event::Paste(text.to_owned());
    assert_eq!(read(&[b"\x1b[200~a\rb\x1b[A\x1b\x1b[201~"]), [paste("a\rb\x1b[A\x1b")]);
    assert_eq!(read(&[b"\x1b[200~\x1b[201~\x1b[200~x\xffy\x1b[201~z"]), {
        vec![paste(""), paste("x\u{fffd}y"), key(KeyCode::Char('z'), NONE)]
    });
    assert_eq!(read(&[b"\x1b[200~a\x1b", b"[201~"]), [paste("a")]);
}

#[test]
fn the_mouse_and_the_focus() {
    let at = |kind, column, row, modifiers| Event::Mouse(MouseEvent { kind, column, row, modifiers });
    let left = MouseButton::Left;
    assert_eq!(
        read(&[b"\x1b[<0;10;5M\x1b[<0;10;5m\x1b[<68;1;1M\x1b[<32;300;2M\x1b[<0;0;0M"]),
        [
            at(MouseEventKind::Down(left), 9, 4, NONE),
            at(MouseEventKind::Up(left), 9, 4, NONE),
            at(MouseEventKind::ScrollUp, 0, 0, SHIFT),
            at(MouseEventKind::Drag(left), 299, 1, NONE),
            at(MouseEventKind::Down(left), 0, 0, NONE),
        ]
    );
    let wheel = at(MouseEventKind::ScrollDown, 2, 3, NONE);
    assert_eq!(read(&[b"\x1b[Ma#$", b"\x1b[97;3;4M"]), [wheel.clone(), wheel]);
    assert_eq!(read(&[b"\x1b[I\x1b[O"]), [Event::FocusGained, Event::FocusLost]);
}

#[test]
fn answers_are_no_keys() {
    assert_eq!(read(&[b"\x1b[?62;4;52c\x1b[?1u\x1b[?2026;2$y\x1b[>0;276;0c\x1b[0nx"]), typed("x"));
}

#[test]
fn what_breaks_off_costs_no_key() {
    let mut wanted = vec![key(KeyCode::Esc, NONE), key(KeyCode::Up, NONE)];
    assert_eq!(read(&[b"\x1b\x1b[A"]), wanted);
    assert_eq!(read(&[b"\x1b\x1b"]), [key(KeyCode::Esc, NONE), key(KeyCode::Esc, NONE)]);
    wanted[0] = key(KeyCode::Enter, NONE);
    assert_eq!(read(&[b"\x1b[1;\r\x1b[3\x1b[A"]), wanted);
    assert_eq!(read(&[b"\xc3x\xf0\x9f\x1b[Ay\xff"]), {
        vec![key(KeyCode::Char('x'), NONE), key(KeyCode::Up, NONE), key(KeyCode::Char('y'), NONE)]
    });
    let endless = [b"\x1b[".as_slice(), &[b'1'; 64], b";x"].concat();
    assert_eq!(read(&[&endless]), typed("x"));
}

#[test]
fn escape_and_alt_are_told_apart_by_what_follows() {
    assert_eq!(
        read(&[b"\x1b", b"[A"]),
        [vec![key(KeyCode::Esc, NONE)], {
            vec![key(KeyCode::Char('['), NONE), key(KeyCode::Char('A'), SHIFT)]
        }]
        .concat()
    );
    for (bytes, c, modifiers) in [(b"\x1b[", '[', ALT), (b"\x1bO", 'O', ALT | SHIFT)] {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        parser.feed(bytes, &mut events);
        parser.pause(&mut events);
        assert!(events.is_empty() && parser.is_in_doubt());
        parser.give_up(&mut events);
        parser.feed(b"x", &mut events);
        assert_eq!(events, [key(KeyCode::Char(c), modifiers), key(KeyCode::Char('x'), NONE)]);
        // In two pieces, without the time to doubt.
        assert_eq!(read(&[bytes, b"A"]), [key(KeyCode::Up, NONE)]);
    }
}

proptest! {
    #[test]
    fn any_split_of_any_bytes_is_the_same(
        words in prop::collection::vec(prop_oneof![
            prop::sample::select(vec![
                &b"\x1b"[..], b"\x1b[", b"\x1bO", b"\x1b[200~", b"\x1b[201~", b"\x1b[<", b"\x1b[M", b"1", b"27;", b";5",
                b":", b"~", b"u", b"A", b"M", b"m", b"R", "ü".as_bytes(), "🦀".as_bytes(), b"\r",
                b"99999999999", b"57400",
            ]).prop_map(<[u8]>::to_vec),
            prop::collection::vec(any::<u8>(), 1..4),
        ], 0..40),
        size in 1_usize..9,
    ) {
        let bytes = words.concat();
        let (mut whole, mut split) = (Vec::new(), Vec::new());
        Parser::default().feed(&bytes, &mut whole);
        let mut parser = Parser::default();
        bytes.chunks(size).for_each(|piece| parser.feed(piece, &mut split));
        prop_assert_eq!(whole, split);
    }
}
