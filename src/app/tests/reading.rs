//! Where the reader is: following, scrolled up, held; and what must not move that.

use crate::app::Msg;
use crate::app::tests::{Script, lines};
use crate::chat::Outcome;
use crate::keys::{MouseButton, MouseInput, MouseKind};

/// An answer of 60 rows that streams, scrolled up by a page.
fn scrolled_up() -> Script {
    let mut script = Script::new();
    script.keys("one Enter").sent().says(&lines(1..=60)).keys("PageUp");
    script
}

#[test]
fn at_the_end_it_follows() {
    let mut script = Script::new();
    script.keys("one Enter").sent();
    for i in 1..=60 {
        script.says(&lines(i..=i));
        let last = script.transcript().into_iter().rfind(|row| !row.is_empty());
        assert!(last.is_some_and(|row| row.ends_with(&format!("line {i}"))));
    }
    script.lacks(" · End");
}

#[test]
fn scrolled_up_not_a_row_moves_while_text_comes_below() {
    let mut script = scrolled_up();
    let before = script.transcript();
    assert!(before[0].ends_with("line 26"), "{before:#?}");
    script.shows("↓ 17 lines · End").says(&lines(61..=80)).shows("↓ 37 lines · End");
    assert_eq!(script.transcript(), before);
    script.done(&[Outcome::Complete]);
    assert_eq!(script.transcript(), before);
    script.keys("End").shows("line 80").lacks(" · End");
    assert!(script.app.chat.transcript.is_following());
}

#[test]
fn pages_keep_a_row_and_reaching_the_end_follows_again() {
    let mut script = scrolled_up();
    let (first, page) = (script.transcript(), script.transcript().len());
    script.keys("PageUp");
    assert_eq!(script.transcript()[page - 1], first[0], "the first row is now the last");
    script.keys("PageDown");
    assert_eq!(script.transcript(), first);
    script.keys("PageDown PageDown");
    assert!(script.app.chat.transcript.is_following());
    script.keys("PageUp PageUp PageUp PageUp PageUp PageUp").shows("You · 14:02");
    script.keys("Ctrl-End").shows("line 60").keys("x Ctrl-Home").shows("You · 14:02");
}

#[test]
fn one_line_below_is_one_line() {
    let mut script = scrolled_up();
    let page = script.transcript().len();
    script.keys("End").says(&lines(61..=61)).keys("PageUp PageDown");
    script.lacks(" · End").keys("PageUp").shows(&format!("↓ {} lines", page - 1));
}

#[test]
fn a_resize_keeps_what_is_read_and_does_not_drift() {
    let words: String = (0..4_000).map(|i| format!("w{i} ")).collect();
    for answer in [words.clone(), words.replace("0 ", "0\n\n"), words.replace("9 ", "9\n- ")] {
        let mut script = Script::new();
        script.exchange("one", &answer).keys("PageUp PageUp PageUp");
        let before = script.transcript();
        let word = before.iter().flat_map(|row| row.split_whitespace()).find(|w| w.starts_with('w'));
        let word = word.expect("a word").to_owned();
        for (width, height) in [(60, 16), (100, 24), (30, 10), (120, 40), (47, 12), (80, 24)] {
            script.resize(width, height);
            let found = script.transcript().iter().any(|row| row.split_whitespace().any(|w| w == word));
            let screen = script.screen();
            assert!(found, "{word} is gone at {width}x{height}:\n{screen}");
        }
        assert_eq!(script.transcript(), before, "back at the first width nothing moved");
    }
}

#[test]
fn reasoning_that_folds_does_not_move_what_is_read() {
    let mut script = Script::new();
    script.keys("one Enter").sent().thinks(&"hm, let me see\n".repeat(30)).keys("PageUp").says("\n");
    script.says(&lines(1..=60));
    for _ in 0..4 {
        script.keys("PageDown");
    }
    script.keys("PageUp");
    let before = script.transcript();
    assert!(before[0].contains("line"), "{before:#?}");
    script.done(&[Outcome::Complete]);
    assert_eq!(script.transcript(), before, "folded at the end of the turn");
    script.keys("Ctrl-T");
    assert_eq!(script.transcript(), before, "unfolded by a key");
    script.keys("Ctrl-T");
    assert_eq!(script.transcript(), before);
}

#[test]
fn a_reader_within_reasoning_that_folds_sees_its_line() {
    let mut script = Script::new();
    script.keys("one Enter").sent().thinks(&"hm, let me see\n".repeat(60)).keys("PageUp PageUp");
    script.says(&lines(1..=60)).done(&[Outcome::Complete]);
    assert!(script.transcript()[0].contains("▸ thought for 4.1 s"));
}

#[test]
fn hold_keeps_the_first_screen_of_a_reply() {
    let mut script = Script::with(|_, settings| settings.hold = true);
    script.exchange("zero", &lines(1..=10)).keys("one Enter").sent().says(&lines(11..=14));
    script.shows("line 5").shows("line 14");
    script.says(&lines(15..=60));
    let rows = script.transcript();
    assert!(rows[0].ends_with("You · 14:02"), "{rows:#?}");
    assert_eq!(rows[1].trim(), "▌one");
    script.shows("line 11").shows("lines · End").says(&lines(61..=70));
    assert_eq!(script.transcript(), rows);
    script.keys("End").shows("line 70").says(&lines(71..=80)).shows("line 80");
}

#[test]
fn held_at_the_prompt_but_a_long_prompt_leaves_room_for_the_reply() {
    let mut script = Script::with(|_, settings| settings.hold = true);
    script.paste(&"a prompt\n".repeat(40)).keys("Enter").sent().says(&lines(1..=60));
    assert!(script.transcript()[0].contains("gpt-4o"));
}

#[test]
fn sending_returns_to_the_end() {
    let mut script = scrolled_up();
    script.done(&[Outcome::Complete]).keys("two Enter").sent().says("fresh").shows("fresh");
}

#[test]
fn a_tab_that_streams_is_followed() {
    let mut script = Script::choices(2);
    script.keys("one Enter").sent().choice_says(0, "short").choice_says(1, &lines(1..=60));
    script.keys("Alt-Right").shows("line 60").choice_says(1, &lines(61..=70)).shows("line 70");
}

#[test]
fn a_tab_turned_above_the_reader_shows_the_answer_that_was_chosen() {
    let mut script = Script::choices(2);
    script.keys("one Enter").sent().choice_says(0, &lines(1..=40)).choice_says(1, &lines(101..=140));
    script.done(&[Outcome::Complete; 2]);
    script.app.chat.session.params.n = None;
    script.exchange("two", &lines(201..=260)).keys("PageUp Alt-Right");
    script.shows("line 101").shows("‹ 2/2 ›");
}

#[test]
fn figures_hold_their_columns() {
    let mut script = Script::sized(120, 36);
    script.keys("one Enter").sent().wait(262);
    let mut places = Vec::new();
    for i in 0..200 {
        script.says("word ").wait(i * 7 % 90);
        let status = script.status();
        let at = |what: &str| status.find(what).map(|byte| status[..byte].chars().count());
        places.push((at("TTFT"), at("tok/s"), at("↓~"), at("Esc stop")));
    }
    places.dedup();
    assert_eq!(places.len(), 1, "{places:?}");
}

/// One event of the mouse, over the transcript.
fn mouse(script: &mut Script, kind: MouseKind) {
    script.msg(Msg::Mouse(MouseInput { kind, column: 10, row: 5 }));
    script.screen();
}

#[test]
fn the_wheel_scrolls_its_rows_and_the_end_is_followed_again() {
    let mut script = Script::with(|_, settings| settings.wheel_lines = 5);
    script.keys("one Enter").sent().says(&lines(1..=60)).keys("PageUp");
    let first = |script: &mut Script| {
        script.transcript()[0].rsplit("line ").next().and_then(|n| n.trim().parse::<usize>().ok())
    };
    assert_eq!(first(&mut script), Some(26));
    mouse(&mut script, MouseKind::WheelUp);
    assert_eq!(first(&mut script), Some(21));
    let before = script.transcript();
    script.says(&lines(61..=80));
    assert_eq!(script.transcript(), before, "what is read stays");
    mouse(&mut script, MouseKind::WheelDown);
    mouse(&mut script, MouseKind::WheelDown);
    assert_eq!(first(&mut script), Some(31));
    (0..20).for_each(|_| mouse(&mut script, MouseKind::WheelDown));
    assert!(script.app.chat.transcript.is_following());
    script.shows("line 80").lacks(" · End");
}

#[test]
fn the_wheel_takes_no_notice_away_and_a_press_does_nothing() {
    let mut script = scrolled_up();
    script.app.tell("something to read");
    let before = script.screen();
    mouse(&mut script, MouseKind::Press(MouseButton::Left));
    mouse(&mut script, MouseKind::Release(MouseButton::Left));
    assert_eq!(script.screen(), before);
    mouse(&mut script, MouseKind::WheelUp);
    script.shows("something to read").keys("PageUp").lacks("something to read");
    let mut empty = Script::new();
    mouse(&mut empty, MouseKind::WheelUp);
    assert_eq!(empty.cmds.len(), 0);
}
