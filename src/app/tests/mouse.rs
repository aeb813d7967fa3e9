//! The mouse: the wheel, tabs, folds, rows of lists.

use crate::app::tests::models::model;
use crate::app::tests::{Script, lines};
use crate::app::{Cmd, Msg};
use crate::chat::Outcome;
use crate::keys::{MouseButton, MouseInput, MouseKind};

impl Script {
    pub(super) fn mouse(&mut self, kind: MouseKind, column: u16, row: u16) -> &mut Self {
        self.msg(Msg::Mouse(MouseInput { kind, column, row }));
        self.screen();
        self
    }

    /// Clicks the first place where `text` stands, so many columns into it.
    fn click(&mut self, text: &str, inside: u16) -> &mut Self {
        let rows = self.rows();
        let found = rows.iter().enumerate().find_map(|(y, row)| row.find(text).map(|at| (y, at)));
        let (y, at) = found.unwrap_or_else(|| panic!("no {text:?} on\n{}", rows.join("\n")));
        let x = crate::base::width::width(&rows[y][..at]) as u16 + inside;
        self.mouse(MouseKind::Press(MouseButton::Left), x, y as u16);
        self.mouse(MouseKind::Release(MouseButton::Left), x, y as u16)
    }
}

#[test]
fn a_click_turns_the_tab_it_is_on() {
    let mut script = Script::choices(2);
    script.keys("one Enter").sent().choice_says(0, "first").choice_says(1, "second");
    script.shows("‹ 1/2 ›").click("2 ●", 0).shows("‹ 2/2 ›").shows("second");
    script.click("1 ●", 2).shows("first");
    script.done(&[Outcome::Complete, Outcome::Complete]);
    script.click("‹ 1/2 ›", 6).shows("second").click("‹ 2/2 ›", 0).shows("first");
    script.click("first", 1).shows("‹ 1/2 ›");
}

#[test]
fn a_click_folds_and_unfolds() {
    let mut script = Script::new();
    script.keys("one Enter").sent().thinks("a deep thought").says("answer").done(&[Outcome::Complete]);
    script.lacks("a deep thought").click("thought for", 2).shows("a deep thought");
    script.click("thought for", 2).lacks("a deep thought").shows("answer");
}

#[test]
fn the_wheel_scrolls_by_its_step_and_a_list_by_rows() {
    let mut script = Script::new();
    script.exchange("one", &lines(1..=80));
    script.shows("line 80").mouse(MouseKind::WheelUp, 5, 5).lacks("line 80").shows("↓ 3 lines");
    script.mouse(MouseKind::WheelDown, 5, 5).shows("line 80").lacks("↓ 3 lines");
    script.keys("Ctrl-L").lists("lab", Ok(vec![model("aaa", None), model("bbb", None)]));
    script.click("    bbb", 5);
    assert_eq!(script.app.chat.model_name(), "lab:bbb");
}

#[test]
fn a_click_beside_everything_does_nothing() {
    let mut script = Script::new();
    script.exchange("one", "two");
    let before = script.screen();
    for (x, y) in [(0, 0), (79, 23), (40, 12), (500, 500), (1, 22)] {
        script.mouse(MouseKind::Press(MouseButton::Left), x, y);
        script.mouse(MouseKind::Press(MouseButton::Right), x, y);
    }
    assert_eq!(script.screen(), before);
}

#[test]
fn a_click_on_a_commands_row_runs_it_with_what_is_typed_behind_it() {
    let mut script = Script::new();
    script.keys("/theme Space nord").click("/theme", 2);
    assert_eq!(script.app.settings.theme.name(), "nord");
    script.exchange("one", "two").keys("/export Space out.md").cmds.clear();
    script.click("/export", 2);
    let Some(Cmd::Export { file, .. }) = script.cmds.pop() else { panic!("{:?}", script.cmds) };
    assert_eq!(file, "out.md");
    script.keys("/rename Space new").click("/rename", 2).shows("new");
    assert_eq!((script.app.chat.session.title.as_str(), script.input().as_str()), ("new", ""));
    script.keys("/rename Space").click("/rename", 2);
    assert_eq!(script.input(), "/rename ", "a title is wanted first");
}

#[test]
fn a_click_ends_the_wait_for_the_second_of_two_keys() {
    let mut script = Script::new();
    script.keys("Ctrl-G").shows("Ctrl-G …");
    script.mouse(MouseKind::Press(MouseButton::Left), 40, 12).lacks("Ctrl-G …").keys("n");
    assert_eq!(script.input(), "n");
}

#[test]
fn the_wheel_scrolls_the_help_by_its_step() {
    let mut script = Script::new();
    script.keys("F1");
    let before = script.transcript();
    script.mouse(MouseKind::WheelDown, 5, 5);
    assert_eq!(script.transcript()[1], before[4]);
    script.mouse(MouseKind::WheelUp, 5, 5);
    assert_eq!(script.transcript(), before);
}
