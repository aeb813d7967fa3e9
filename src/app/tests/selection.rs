//! A selected message and its keys; typed into the input they are text.

use crate::app::tests::{Script, lines};
use crate::chat::Outcome;

fn selected(script: &Script) -> Option<usize> {
    let id = script.app.chat.transcript.selected()?;
    script.app.chat.tree.path().iter().position(|p| *p == id)
}

#[test]
fn the_keys_of_a_selection_move_it() {
    let mut script = Script::new();
    script.exchange("one", "a").exchange("two", "b").keys("Shift-Tab");
    assert_eq!(selected(&script), Some(3), "the last message is first");
    for (keys, expected) in
        [("k", 2), ("Up", 1), ("Alt-Up", 0), ("k", 0), ("j", 1), ("G", 3), ("g", 0), ("End", 3), ("Home", 0)]
    {
        script.keys(keys);
        assert_eq!(selected(&script), Some(expected), "{keys}");
    }
    script.shows("┃").keys("G j");
    assert_eq!(selected(&script), None, "past the last it ends");
    script.keys("Alt-Down");
    assert_eq!(selected(&script), Some(3));
    script.paste("text");
    assert_eq!(selected(&script), None, "a paste goes into the input");
}

#[test]
fn typed_into_the_input_they_are_text() {
    let mut script = Script::new();
    script.exchange("one", "a").keys("r c Space 1 9 j k g G h l");
    assert_eq!(script.input(), "rc 19jkgGhl");
    assert_eq!(script.ordered(), ["start"]);
}

#[test]
fn with_a_message_selected_letters_do_not_reach_the_input() {
    let mut script = Script::new();
    script.exchange("one", "a").keys("Shift-Tab x q");
    assert_eq!((script.input().as_str(), selected(&script)), ("", Some(1)));
}

#[test]
fn tabs_turn_by_arrows_letters_and_digits() {
    let mut script = Script::choices(3);
    script.keys("ask Enter").sent();
    for (choice, text) in [(0, "alpha"), (1, "beta"), (2, "gamma")] {
        script.choice_says(choice, text);
    }
    script.done(&[Outcome::Complete; 3]).keys("Shift-Tab");
    script.ordered();
    for (keys, expected) in [
        ("l", "beta"),
        ("Right", "gamma"),
        ("h", "beta"),
        ("Left", "alpha"),
        ("3", "gamma"),
        ("9", "gamma"),
        ("1", "alpha"),
    ] {
        script.keys(keys).shows(expected);
        assert_eq!(selected(&script), Some(1), "the selection goes along");
    }
    assert_eq!(script.ordered(), ["store"; 6], "each choice is saved, what changes nothing is not");
    script.keys("Esc Alt-2").shows("beta");
}

#[test]
fn space_unfolds_only_the_selected_message() {
    let mut script = Script::new();
    for prompt in ["one", "two"] {
        script.keys(prompt).keys("Enter").sent().thinks(&format!("pondering {prompt}"));
        script.says("so").done(&[Outcome::Complete]);
    }
    script.lacks("pondering").shows("▸ thought for 4.1 s").keys("Shift-Tab Space");
    script.shows("pondering two").lacks("pondering one").keys("Space").lacks("pondering");
    script.keys("Ctrl-T").shows("pondering one").shows("pondering two").keys("Ctrl-T").lacks("pondering");
}

#[test]
fn the_first_press_folds_reasoning_that_streams() {
    let mut script = Script::new();
    script.keys("one Enter").sent().thinks("pondering").shows("pondering").keys("Ctrl-T").lacks("pondering");
    script.keys("Ctrl-T").shows("pondering");
}

#[test]
fn tool_panels_unfold() {
    let mut script = Script::sized(80, 40);
    let members: Vec<String> = (1..=12).map(|i| format!("\"key{i}\":{i}")).collect();
    script.keys("one Enter").sent().calls(Some("get_weather"), "{\"ci").shows("get_weather").shows("writing");
    script.done(&[Outcome::Cancelled]).shows("incomplete");
    script.keys("two Enter").sent().calls(Some("sum"), &format!("{{{}}}", members.join(",")));
    script.done(&[Outcome::Complete]).shows("called").shows("key8").lacks("key9").shows("4 more lines");
    script.keys("Alt-T").shows("key12").keys("Alt-T").lacks("key12");
}

#[test]
fn selecting_the_last_message_leaves_its_end_in_view() {
    let mut script = Script::new();
    script.keys("one Enter").sent().says(&lines(1..=60)).done(&[Outcome::Failed]);
    script.keys("Shift-Tab").shows("Shift-Tab c continue").keys("k").shows("You · 14:02");
}
