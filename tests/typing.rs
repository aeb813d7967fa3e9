//! No keystroke is lost or late, however it comes: beside a new size, in bursts, in pieces.

#![allow(clippy::unwrap_used)]

mod support;

use support::Home;
use support::pty::{Key, Pty, rows};

fn open(home: &Home) -> Pty {
    let pty = Pty::chatui(home, &[]);
    pty.wait_for_text("Ask anything");
    pty
}

/// What stands in the last row of the input that shows any.
fn input(screen: &vt100::Screen) -> String {
    let rows = rows(screen);
    let row = rows.iter().rfind(|row| row.starts_with(" ›")).cloned().unwrap_or_default();
    row.trim_start_matches(" ›").trim().to_owned()
}

#[test]
fn a_key_beside_a_new_size_is_seen_at_once() {
    let home = Home::new();
    let pty = open(&home);
    for round in 0..400_u16 {
        let cols = 100 + round % 2;
        let key = char::from(b'a' + (round % 26) as u8).to_string();
        if round % 4 < 2 {
            pty.resize(cols, 30);
            pty.send_keys(&key);
        } else {
            pty.send_keys(&key);
            pty.resize(cols, 30);
        }
        pty.wait_for(&format!("{key:?} of round {round}"), |screen| input(screen) == key);
        pty.key(Key::Backspace);
        pty.wait_for(&format!("no key of round {round}"), |screen| input(screen).starts_with("Ask anything"));
    }
}

#[test]
fn a_burst_of_keys_is_seen_to_its_end() {
    let home = Home::new();
    let pty = open(&home);
    for round in 0..20 {
        let end = format!("end{round}");
        pty.send_keys(&format!("{} {end}", "word ".repeat(300)));
        pty.wait_for_text(&end);
        pty.key(Key::Ctrl('c'));
        pty.wait_for_text("Ask anything");
    }
}
