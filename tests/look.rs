//! Themes and the mouse as a person meets them: the real program in a terminal.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;

use support::pty::{Key, Pty, find, rows};
use support::{Home, code, stderr};

/// A home with a theme of its own, called sea.
fn home(theme: &str) -> Home {
    let home = Home::new();
    fs::create_dir_all(home.config_dir().join("themes")).unwrap();
    save(&home, theme);
    home
}

fn save(home: &Home, theme: &str) {
    fs::write(home.config_dir().join("themes/sea.toml"), theme).unwrap();
}

fn painted(ground: &str) -> String {
    format!("canvas = \"{ground}\"\n[roles]\ntext = {{ fg = \"#eeeeee\" }}\n")
}

/// Waits until every cell of the screen has this background.
fn wait_for_ground(pty: &Pty, ground: vt100::Color) {
    pty.wait_for(&format!("{ground:?} everywhere"), |screen| {
        let (rows, columns) = screen.size();
        let mut cells = (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
        screen.alternate_screen()
            && cells
                .all(|(row, column)| screen.cell(row, column).is_some_and(|cell| cell.bgcolor() == ground))
    });
}

fn open(home: &Home, args: &[&str]) -> Pty {
    let pty = Pty::chatui(home, args);
    pty.wait_for("the first frame", |screen| screen.alternate_screen() && rows(screen).len() > 1);
    pty
}

fn quit(pty: &Pty) {
    pty.key(Key::Ctrl('d'));
    assert_eq!(pty.wait_exit().status.code(), Some(0));
    pty.assert_restored();
}

#[test]
fn a_theme_is_painted_and_painted_anew_as_it_is_saved() {
    let mut home = home(&painted("#101820"));
    home.set("COLORTERM", "truecolor");
    home.configure("theme = \"sea\"\n");
    let pty = open(&home, &[]);
    wait_for_ground(&pty, vt100::Color::Rgb(0x10, 0x18, 0x20));
    save(&home, &painted("#301020"));
    wait_for_ground(&pty, vt100::Color::Rgb(0x30, 0x10, 0x20));
    save(&home, "canvas = 1\n");
    pty.wait_for_text("themes/sea.toml:1: canvas: not a colour");
    wait_for_ground(&pty, vt100::Color::Rgb(0x30, 0x10, 0x20));
    save(&home, &painted("#101820"));
    wait_for_ground(&pty, vt100::Color::Rgb(0x10, 0x18, 0x20));
    pty.wait_for_no_text("canvas: not a colour");
    quit(&pty);
}

/// A dark cursor on a dark canvas would not be seen, and the shell's must not stay ours.
#[test]
fn the_cursor_is_seen_on_a_canvas_and_given_back() {
    let mut home = Home::new();
    home.set("COLORTERM", "truecolor");
    let pty = open(&home, &["--theme", "dracula"]);
    pty.wait_for_bytes(b"\x1b]12;#f8f8f2\x1b\\");
    quit(&pty);
    let raw = pty.raw_output();
    assert_eq!(raw.windows(4).filter(|bytes| bytes == b"\x1b]12").count(), 1, "not with every frame");
    assert!(find(&raw, b"\x1b]112\x1b\\") > find(&raw, b"\x1b[?1049l"));
    let bare = open(&home, &["--theme", "dark"]);
    quit(&bare);
    let raw = bare.raw_output();
    assert_eq!((find(&raw, b"\x1b]12"), find(&raw, b"\x1b]112")), (None, None));
}

#[test]
fn every_depth_paints_what_it_can() {
    let white = vt100::Color::Idx(15);
    for (vars, args, ground) in [
        (&[("COLORTERM", "truecolor")][..], &["--theme", "dracula"], vt100::Color::Rgb(0x28, 0x2a, 0x36)),
        (&[("TERM", "xterm-256color")], &["--theme", "dracula"], vt100::Color::Idx(235)),
        (&[("TERM", "xterm")], &["--theme", "dracula"], vt100::Color::Idx(0)),
        (&[("TERM", "xterm")], &["--theme", "solarized-light"], white),
        (&[("NO_COLOR", "1")], &["--theme", "dracula"], vt100::Color::Default),
        (&[("COLORTERM", "truecolor")], &["--theme", "dark"], vt100::Color::Default),
    ] {
        let mut home = Home::new();
        home.unset("COLORTERM");
        vars.iter().for_each(|(name, value)| home.set(name, value));
        let pty = open(&home, args);
        wait_for_ground(&pty, ground);
        quit(&pty);
    }
}

#[test]
fn a_theme_that_is_not_there_or_broken_is_told_before_the_screen_is_taken() {
    let home = home("roles = 1\n");
    for (args, expected, words) in [
        (
            &["ask", "--theme", "sae", "hi"][..],
            2,
            &["--theme", "`sae`", "dark, light, high-contrast", "`sea`?"][..],
        ),
        (&["ask", "--theme", "sea", "hi"], 2, &["--theme", "themes/sea.toml:1: roles: must be a table"]),
    ] {
        let output = home.run(args, b"");
        assert_eq!(code(&output), expected);
        words.iter().for_each(|word| assert!(stderr(&output).contains(word), "{word}: {}", stderr(&output)));
    }
    home.configure("discover = false\ntheme = \"sea\"\n");
    let output = home.run(&["ask", "hi"], b"");
    assert_eq!(code(&output), 78);
    assert!(stderr(&output).contains("config.toml:2: theme: themes/sea.toml:1"), "{}", stderr(&output));
}

#[test]
fn the_wheel_scrolls_and_comes_back_to_the_end() {
    let home = Home::new();
    let pty = open(&home, &["-m", "demo:chat", "a long answer please"]);
    pty.wait_for_text("complete");
    pty.send_keys("more");
    pty.key(Key::Enter);
    pty.wait_for_text("complete");
    // As every terminal of the last ten years says it: the wheel, up, over the tenth column.
    (0..5).for_each(|_| pty.send(b"\x1b[<64;10;5M"));
    pty.wait_for_text("· End");
    // A press, a drag, a release and a move, of which none types anything.
    pty.send(b"\x1b[<0;10;5M\x1b[<32;11;5M\x1b[<0;11;5m\x1b[<35;12;6M");
    (0..9).for_each(|_| pty.send(b"\x1b[<65;10;5M"));
    pty.wait_for_no_text("· End");
    pty.wait_for_text("Ask anything");
    quit(&pty);
}

#[test]
fn the_mouse_is_left_to_the_terminal_where_that_is_asked_for() {
    let home = Home::new();
    let asks = |pty: &Pty| find(&pty.raw_output(), b"\x1b[?1000h").is_some();
    let usual = open(&home, &[]);
    assert!(asks(&usual));
    let raw = usual.raw_output();
    for motion in [&b"\x1b[?1002h"[..], b"\x1b[?1003h"] {
        assert_eq!(find(&raw, motion), None, "moves would wake an idle program");
    }
    quit(&usual);
    let flag = open(&home, &["--no-mouse"]);
    assert!(!asks(&flag));
    quit(&flag);
    home.configure("[ui]\nmouse = false\n");
    let file = open(&home, &[]);
    assert!(!asks(&file));
    quit(&file);
}
