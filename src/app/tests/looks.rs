//! Themes: painted under everything, changed while a conversation is on the screen.

use ratatui::buffer::Buffer;
use ratatui::style::Color;

use crate::app::picture::Picture;
use crate::app::tests::{Script, lines};
use crate::app::{Msg, view};
use crate::base::tone::{Emphasis, Tone};
use crate::theme::{ColorDepth, Theme};

fn drawn(script: &mut Script) -> Buffer {
    let (width, height) = script.app.size;
    cells(script, width, height)
}

fn cells(script: &mut Script, width: u16, height: u16) -> Buffer {
    let mut picture = Picture::new(width, height);
    view::draw(&mut script.app, &mut picture);
    picture.cells()
}

fn theme(script: &mut Script, name: &str) {
    script.app.settings.theme = Theme::builtin(name).expect("it is built in");
}

#[test]
fn a_canvas_lies_under_every_cell_and_goes_with_its_theme() {
    let mut script = Script::new();
    script.keys("one Enter").sent().says(&lines(1..=60));
    let bare = drawn(&mut script);
    theme(&mut script, "nord");
    let ground = Color::Rgb(0x2e, 0x34, 0x40);
    let nord = drawn(&mut script);
    assert!(nord.content().iter().all(|cell| cell.bg == ground && cell.fg != Color::Reset));
    theme(&mut script, "dark");
    assert_eq!(drawn(&mut script), bare);
    // Too small for a chat, and painted all the same.
    theme(&mut script, "nord");
    let least = cells(&mut script, 10, 3);
    assert!(least.content().iter().all(|cell| cell.bg == ground));
}

#[test]
fn the_theme_in_force_changes_as_it_is_saved_and_no_other_does() {
    let mut script = Script::new();
    let parse =
        |name: &str, fg: &str| Theme::parse(name, &format!("[roles]\ndim = {{ fg = \"{fg}\" }}")).unwrap();
    let dim = |script: &Script| script.app.settings.theme.style(Tone::Dim, Emphasis::default()).fg;
    script.app.settings.theme = parse("sea", "#111111");
    script.msg(Msg::ThemeSaved(Box::new(parse("mist", "#222222"))));
    script.msg(Msg::ThemeBroken { name: "mist".into(), why: "themes/mist.toml:1: no".into() });
    assert_eq!(dim(&script), Some(Color::Rgb(0x11, 0x11, 0x11)));
    script.lacks("mist.toml");
    script.msg(Msg::ThemeBroken { name: "sea".into(), why: "themes/sea.toml:1: no".into() });
    assert_eq!(dim(&script), Some(Color::Rgb(0x11, 0x11, 0x11)), "the theme before stays");
    script.shows("themes/sea.toml:1: no").keys("x").shows("themes/sea.toml:1: no");
    script.msg(Msg::ThemeBroken { name: "sea".into(), why: "themes/sea.toml:2: nor this".into() });
    script.shows("sea.toml:2: nor this").lacks("sea.toml:1: no");
    script.msg(Msg::ThemeSaved(Box::new(parse("sea", "#333333"))));
    assert_eq!(dim(&script), Some(Color::Rgb(0x33, 0x33, 0x33)));
    script.lacks("sea.toml");
}

#[test]
fn the_persons_own_themes_stand_beside_the_builtin_ones_and_before_them() {
    let mut script = Script::new();
    let own = |name: &str| Theme::parse(name, "[roles]\ndim = { fg = \"#111111\" }").unwrap();
    let dim = |theme: Theme| theme.style(Tone::Dim, Emphasis::default()).fg;
    script.msg(Msg::ThemeSaved(Box::new(own("nord"))));
    script.msg(Msg::ThemeSaved(Box::new(own("sea"))));
    script.msg(Msg::ThemeBroken { name: "mist".into(), why: "themes/mist.toml:1: no".into() });
    let names = script.app.theme_names();
    assert_eq!(names.iter().filter(|name| *name == "nord").count(), 1);
    assert_eq!(names[names.len() - 2..], ["mist", "sea"]);
    assert_eq!(dim(script.app.theme("nord").unwrap()), Some(Color::Rgb(0x11, 0x11, 0x11)));
    assert_eq!(script.app.theme("mist").unwrap_err(), "themes/mist.toml:1: no");
    assert!(script.app.theme("se").unwrap_err().ends_with("solarized-light, mist, sea"));
    script.msg(Msg::ThemeGone { name: "nord".into() });
    script.msg(Msg::ThemeGone { name: "mist".into() });
    assert_eq!(dim(script.app.theme("nord").unwrap()), Some(Color::Rgb(0xa9, 0xb4, 0xc6)));
    script.app.settings.theme = Theme::default().for_depth(ColorDepth::Ansi16);
    assert_eq!(script.app.theme("nord").unwrap().depth(), ColorDepth::Ansi16, "as the terminal shows it");
}

#[test]
fn a_theme_that_is_saved_while_others_are_tried_is_the_one_that_esc_brings_back() {
    let mut script = Script::new();
    let sea = |fg: &str| Theme::parse("sea", &format!("[roles]\ndim = {{ fg = \"{fg}\" }}")).unwrap();
    let dim = |script: &Script| script.app.settings.theme.style(Tone::Dim, Emphasis::default()).fg;
    script.msg(Msg::ThemeSaved(Box::new(sea("#111111"))));
    script.app.settings.theme = sea("#111111");
    script.keys("/theme Enter").shows("Themes").keys("nord");
    let nord = dim(&script);
    script.msg(Msg::ThemeSaved(Box::new(sea("#333333"))));
    assert_eq!(dim(&script), nord, "what is tried stays on the screen");
    script.msg(Msg::ThemeBroken { name: "nord".into(), why: "themes/nord.toml:1: no".into() });
    script.lacks("brings").shows("themes/nord.toml:1: no");
    script.msg(Msg::ThemeGone { name: "nord".into() });
    script.keys("Ctrl-U").msg(Msg::ThemeBroken { name: "mist".into(), why: "themes/mist.toml:1: no".into() });
    script.keys("mist").shows("themes/mist.toml:1: no").keys("Esc").lacks("Themes");
    assert_eq!(dim(&script), Some(Color::Rgb(0x33, 0x33, 0x33)));
}
