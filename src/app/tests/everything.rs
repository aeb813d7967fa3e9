//! The palette, the completion and the help as whole screens, looked at by eye before they were accepted.

use ratatui::style::{Color, Modifier};

use crate::app::Msg;
use crate::app::msg::FoundFile;
use crate::app::tests::Script;
use crate::theme::{ColorDepth, Theme};

const SIZES: [(u16, u16); 3] = [(60, 16), (100, 30), (160, 50)];

fn snapshots(name: &str, play: impl Fn(&mut Script)) {
    for (width, height) in SIZES {
        let mut script = Script::sized(width, height);
        script.exchange("Why does this not compile?", "Because the first borrow is still alive.");
        play(&mut script);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), script.screen());
    }
}

fn files(script: &mut Script) {
    script.keys("look Space at Space @ma");
    let paths = ["src/main.rs", "src/markdown/", "docs/manual.md"];
    let found = paths.map(|path| FoundFile { path: path.to_owned(), is_dir: path.ends_with('/') });
    let chat = script.app.chat.key;
    script.msg(Msg::Files { chat, typed: String::new(), found: Vec::new() });
    script.msg(Msg::Files { chat, typed: "ma".to_owned(), found: found.to_vec() });
}

#[test]
fn palette() {
    snapshots("palette", |script| {
        script.keys("Ctrl-P");
    });
    snapshots("palette_found", |script| {
        script.keys("Ctrl-P fold");
    });
}

#[test]
fn completion() {
    snapshots("commands", |script| {
        script.keys("/");
    });
    snapshots("commands_narrowed", |script| {
        script.keys("/se");
    });
    snapshots("command_typed", |script| {
        script.keys("/set Space");
    });
    snapshots("files", files);
}

#[test]
fn help() {
    snapshots("help", |script| {
        script.keys("?");
    });
    snapshots("help_models", |script| {
        script.keys("Ctrl-L F1");
    });
}

#[test]
fn in_every_theme_and_without_colours_the_same_stands_there() {
    let plays: [fn(&mut Script); 4] = [
        |script| {
            script.keys("Ctrl-P fold");
        },
        |script| {
            script.keys("/se");
        },
        |script| {
            script.keys("?");
        },
        files,
    ];
    for play in plays {
        let mut script = Script::sized(100, 30);
        play(&mut script);
        let (dark, _) = script.draw();
        let symbols = |buf: &ratatui::buffer::Buffer| -> String {
            buf.content.iter().map(|cell| cell.symbol()).collect()
        };
        for name in ["light", "high-contrast"] {
            script.app.settings.theme = Theme::builtin(name).expect("it is built in");
            let (buf, _) = script.draw();
            assert_eq!(symbols(&buf), symbols(&dark));
            assert!(buf.content != dark.content, "{name} is seen");
        }
        script.app.settings.theme =
            Theme::builtin("dark").expect("it is built in").for_depth(ColorDepth::None);
        let (plain, _) = script.draw();
        assert_eq!(symbols(&plain), symbols(&dark));
        assert!(plain.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
        let chosen = plain.content.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED));
        let is_list = script.app.layers.last().is_none_or(|layer| layer.has_line());
        assert_eq!(chosen, is_list, "the chosen row is told without colours");
    }
}
