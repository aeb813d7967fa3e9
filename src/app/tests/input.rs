//! The input: line ends, history, pastes, editing.

use crate::app::tests::{Script, lines, provider};
use crate::app::{Msg, Ticket};
use crate::chat::Outcome;
use crate::chat::jobs::StoreReply;

#[test]
fn all_newline_keys_make_a_line_and_a_backslash_does_before_enter() {
    let mut script = Script::new();
    script.keys("a Alt-Enter b Shift-Enter c Ctrl-Enter d Ctrl-J e\\ Enter f");
    assert_eq!(script.input(), "a\nb\nc\nd\ne\nf");
    assert!(script.ordered().is_empty());
    script.keys("Enter");
    assert_eq!(script.started().expect("a turn").prompt[0].text(), "a\nb\nc\nd\ne\nf");
}

#[test]
fn blanks_alone_are_not_sent() {
    let mut script = Script::new();
    script.keys("Enter Space Enter");
    assert!(script.ordered().is_empty());
}

#[test]
fn up_and_down_walk_earlier_prompts_and_return_to_the_draft() {
    let mut script = Script::new();
    script.exchange("one", "a").exchange("two", "b").keys("draft Up");
    assert_eq!(script.input(), "two");
    script.keys("Up Up Up");
    assert_eq!(script.input(), "one");
    script.keys("Down Down");
    assert_eq!(script.input(), "draft");
}

#[test]
fn a_draft_survives_an_earlier_prompt_that_is_changed_or_sent() {
    let mut script = Script::new();
    script.exchange("one", "a").keys("draft Up Backspace");
    assert_eq!(script.input(), "on");
    script.keys("Up");
    assert_eq!(script.input(), "draft", "it joined the earlier ones");
    let mut script = Script::new();
    script.exchange("one", "a").keys("draft Up Enter").sent().done(&[Outcome::Complete]);
    assert_eq!(script.input(), "draft", "it is there again");
}

#[test]
fn a_paste_never_sends_and_a_long_one_folds() {
    let mut script = Script::new();
    script.paste("two\nlines\n");
    assert_eq!(script.input(), "two\nlines\n");
    script.keys("Ctrl-C").paste(&"line\r\n".repeat(214)).shows("[pasted 214 lines]");
    assert!(script.ordered().is_empty());
    script.keys("Enter");
    assert_eq!(script.started().expect("a turn").prompt[0].text(), "line\n".repeat(214));
}

#[test]
fn control_characters_of_a_paste_are_sent_as_they_are_and_shown_as_symbols() {
    let mut script = Script::new();
    script.paste("a\u{1b}[31mb").shows("a␛[31mb");
    assert_eq!(script.input(), "a\u{1b}[31mb");
}

#[test]
fn alt_arrows_move_by_word_in_a_text_and_turn_tabs_in_an_empty_input() {
    let mut script = Script::choices(2);
    script.keys("ask Enter").sent().choice_says(0, "alpha").choice_says(1, "beta");
    script.keys("some Space words Alt-Left Alt-Left X").shows("alpha");
    assert_eq!(script.input(), "Xsome words");
    script.keys("Alt-Right Y");
    assert_eq!(script.input(), "Xsome Ywords");
    script.keys("Ctrl-E Ctrl-U Alt-Right").shows("beta");
}

#[test]
fn home_and_end_move_in_a_text_and_scroll_in_an_empty_input() {
    let mut script = Script::new();
    script.exchange("one", &crate::app::tests::lines(1..=60));
    script.keys("ab Home X End Y");
    assert_eq!(script.input(), "XabY");
    assert!(script.app.chat.transcript.is_following());
    script.keys("Ctrl-U Home").shows("You · 14:02").keys("End").shows("line 60");
}

#[test]
fn what_was_cut_comes_back_and_undo_brings_back_the_rest() {
    let mut script = Script::new();
    script.keys("one Space two Ctrl-W Ctrl-Y Ctrl-Y");
    assert_eq!(script.input(), "one twotwo");
    script.keys("Ctrl-_");
    assert_eq!(script.input(), "one two");
}

#[test]
fn the_caret_stands_beside_wide_characters() {
    let mut script = Script::new();
    script.paste("你好e\u{301}");
    let (_, caret) = script.draw();
    assert_eq!(caret.map(|c| c.x), Some(3 + 5));
    script.keys("Left Left");
    assert_eq!(script.draw().1.map(|c| c.x), Some(3 + 2));
}

#[test]
fn the_input_grows_to_a_third_of_the_screen() {
    let mut script = Script::new();
    script.paste("1\n2\n3\n4\n5\n6\n7\n8\n9\n10");
    assert_eq!(script.app.areas().composer.height, 8);
    script.shows("10").lacks(" › 1\n");
}

#[test]
fn words_name_the_keys_that_are_bound() {
    let keys = [
        ("newline", "Ctrl-J"),
        ("models", "Ctrl-T"),
        ("select_previous", "Alt-K"),
        ("interrupt", "Ctrl-Q"),
        ("bottom", "Ctrl-B"),
        ("fold_tools", "Alt-X"),
    ];
    let keys = keys.map(|(action, key)| (action, vec![key.to_owned()]));
    let mut script = Script::with(|_, settings| {
        let lines = keys.iter().map(|(action, keys)| (*action, keys.as_slice()));
        settings.keymap.rebind(lines).expect("they are free");
        settings.nothing_configured = true;
    });
    script.shows("Ctrl-J new line").shows("? shows all keys");
    script.msg(Msg::Found(vec![(provider("llamacpp"), Vec::new())]));
    script.shows("Ctrl-T picks a model");
    script.keys("one Enter").sent().calls(Some("look"), &format!("{:?}", vec![1; 400]));
    script.shows("more lines · Alt-X").says(&lines(1..=80)).done(&[Outcome::Cancelled]);
    script.shows("stopped · Alt-K c continue, r retry");
    script.keys("x PageUp").shows("· Ctrl-B").keys("Ctrl-Q").shows("draft cleared · ↑ brings it back");
    script.keys("Ctrl-Q").shows("press Ctrl-Q again to quit");
}

#[test]
fn an_earlier_prompt_comes_back_from_the_list_as_it_was_written() {
    let mut script = Script::new();
    let paste = "line\n".repeat(400);
    script.keys("see Space").paste(&paste).keys("Space then Enter").sent().done(&[Outcome::Complete]);
    script.keys("draft Ctrl-R F1");
    // They come while the help lies over the list.
    let prompts = vec![format!("see {paste} then"), "from another session".to_owned()];
    script.msg(Msg::Answer(Ticket::History, StoreReply::Prompts(prompts)));
    script.keys("Esc").shows("from another session").shows("see line line");
    let rows = script.rows();
    assert_eq!(rows.iter().filter(|row| row.contains("see line line")).count(), 1, "it is the same prompt");
    script.keys("line Enter").shows("see [pasted 400 lines] then");
    assert_eq!(script.input(), format!("see {paste} then"));
    script.keys("Ctrl-_");
    assert_eq!(script.input(), "draft");
}
