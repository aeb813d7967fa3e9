//! Several conversations at once.

use crate::app::tests::Script;
use crate::app::{Cmd, Saves};
use crate::chat::jobs::StoreJob;
use crate::chat::{Draft, Outcome, Part, StreamEvent, TurnEvent};

fn text(delta: &str) -> TurnEvent {
    TurnEvent::Stream(StreamEvent::Text { choice: 0, delta: delta.to_owned() })
}

/// A conversation that streams, and a new one over it.
fn one_behind() -> Script {
    let mut script = Script::new();
    script.keys("first Enter").sent().says("It begins").keys("Ctrl-N");
    script
}

#[test]
fn a_new_chat_leaves_the_reply_streaming_behind_it() {
    let mut script = Script::new();
    script.keys("first Enter").sent().says("It begins");
    let turn = script.live();
    script.keys("Ctrl-N").shows("New chat").shows("⟳ 1").lacks("It begins");
    assert!(!script.ordered().contains(&"cancel"), "it goes on");
    script.report(turn, vec![text(", and goes on")]).lacks("goes on");
    script.keys("Ctrl-PageUp").shows("It begins, and goes on").shows("● streaming").lacks("⟳ 1");
    script.says(" to its end.").done(&[Outcome::Complete]).shows("goes on to its end.");
}

#[test]
fn a_second_new_chat_is_the_first_one() {
    let mut script = one_behind();
    script.keys("Ctrl-N").shows("this is a new chat").shows("⟳ 1");
    assert_eq!(script.app.others.len(), 1);
}

#[test]
fn an_untouched_chat_that_is_left_is_dropped_and_one_with_a_reply_is_not() {
    let mut script = one_behind();
    script.keys("Ctrl-PageDown").shows("It begins");
    assert_eq!(script.app.others.len(), 0);
    script.keys("Ctrl-N second Enter").sent().says("The other one").keys("Ctrl-N").shows("⟳ 2");
    script.keys("Ctrl-PageDown").shows("It begins").shows("⟳ 1");
    script.keys("Ctrl-PageDown").shows("The other one");
    script.keys("Ctrl-PageDown").shows("It begins");
    script.keys("Ctrl-PageUp").shows("The other one");
    script.keys("Ctrl-G p").shows("It begins");
    script.keys("Ctrl-G n").shows("The other one");
}

#[test]
fn a_reply_that_ends_behind_is_marked_until_it_was_looked_at() {
    let mut script = Script::new();
    script.keys("first Enter").sent().says("It begins");
    let turn = script.live();
    script.keys("Ctrl-N second Enter").sent();
    let here = script.live();
    script.keys("Ctrl-PageUp");
    let done = script.done_of(&[Outcome::Complete]);
    script.keys("Ctrl-PageUp").keys("half");
    script.report(turn, vec![text("."), done]);
    script.shows("✓ \"first\" is complete · Ctrl-PageDown").shows("✓ 1").lacks("⟳");
    assert_eq!(script.input(), "half", "nothing happens to what is written");
    assert_eq!(script.live(), here);
    script.keys("x").lacks("is complete").shows("✓ 1");
    script.keys("Ctrl-PageDown").shows("It begins.").shows("⟳ 1").lacks("✓ 1");
    script.keys("Ctrl-PageDown").shows("second").lacks("✓ 1");
    assert!(script.app.others.is_empty(), "it was looked at, and the store has it");
    assert_eq!(script.input(), "halfx", "the draft came and went with its conversation");
}

#[test]
fn a_failure_behind_is_told_in_a_line_and_seen_in_its_place() {
    let mut script = Script::new();
    script.keys("first Enter").sent();
    let turn = script.live();
    let done = script.done_of(&[Outcome::Failed]);
    script.keys("Ctrl-N");
    script.report(turn, vec![done]);
    script.shows("✗ \"first\" failed").lacks("nothing answers at");
    script.keys("a").lacks("failed").keys("Ctrl-PageDown").shows("nothing answers at 127.0.0.1:1");
}

#[test]
fn what_is_queued_behind_goes_there() {
    let mut script = Script::new();
    script.keys("first Enter").sent().says("It begins").keys("and Space then Enter");
    let turn = script.live();
    let done = script.done_of(&[Outcome::Complete]);
    script.keys("Ctrl-N mine");
    script.ordered();
    script.report(turn, vec![done]);
    let start = script.started().expect("the queued message goes");
    assert_eq!(start.prompt[0].text(), "and then");
    assert_eq!(start.request.messages.len(), 3);
    script.shows("⟳ 1").lacks("is complete");
    assert_eq!(script.input(), "mine");
    assert!(script.app.chat.tree.is_empty());
}

#[test]
fn a_question_that_waits_for_a_key_is_not_told_over() {
    let mut script = Script::new();
    script.keys("first Enter").sent();
    let turn = script.live();
    let done = script.done_of(&[Outcome::Complete]);
    script.keys("Ctrl-N Ctrl-C").shows("press Ctrl-C again to quit");
    script.report(turn, vec![done]);
    script.shows("press Ctrl-C again to quit").shows("✓ 1");
}

#[test]
fn the_end_saves_all_drafts() {
    let mut script = one_behind();
    script.keys("second");
    script.keys("Ctrl-PageUp third");
    script.ordered();
    let cmds = script.app.last_words();
    let drafts: Vec<String> = cmds
        .iter()
        .filter_map(|cmd| match cmd {
            Cmd::Ask(_, StoreJob::SaveDraft { draft, .. }) => Some(draft.input.text.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(drafts, ["third"], "that of the other was saved when it was left");
}

#[test]
fn the_end_saves_a_draft_that_changed_after_it_was_left() {
    let mut script = one_behind();
    script.keys("Ctrl-PageUp third Ctrl-N");
    let behind = script.app.others.iter().position(|chat| chat.composer.text() == "third");
    // A file that was read for it meanwhile.
    let behind = &mut script.app.others[behind.expect("it is behind")];
    behind.composer.attach("notes.md".to_owned(), "notes".to_owned());
    let session = behind.session.id;
    script.ordered();
    let saved: Vec<_> = script
        .app
        .last_words()
        .into_iter()
        .filter_map(|cmd| match cmd {
            Cmd::Ask(_, StoreJob::SaveDraft { session, draft }) => Some((session.id, draft.input.plain())),
            _ => None,
        })
        .collect();
    assert_eq!(saved, [(session, "thirdnotes.md ".to_owned())]);
}

#[test]
fn the_first_of_two_keys_is_forgotten_by_a_paste_and_holds_no_stop_back() {
    let mut script = one_behind();
    script.keys("Ctrl-G").paste("ow").keys("n");
    assert_eq!(script.input(), "own");
    script.keys("Ctrl-G x").lacks("Ctrl-G …");
    assert_eq!(script.input(), "own", "a second key that means nothing is no text");
    script.keys("Ctrl-G n").shows("It begins");
    script.ordered();
    script.keys("Ctrl-G Esc");
    assert!(!script.ordered().contains(&"cancel"), "Esc takes the first key back");
    script.keys("Ctrl-G Ctrl-C");
    assert!(script.ordered().contains(&"cancel"));
}

#[test]
fn without_a_store_no_conversation_is_lost() {
    let mut script = Script::with(|_, settings| settings.saves = Saves::No);
    script.exchange("one", "The first answer").keys("Ctrl-N").exchange("two", "The second answer");
    script.keys("Ctrl-N").keys("Ctrl-PageUp").shows("The second answer");
    script.keys("Ctrl-PageUp").shows("The first answer");
    script.keys("Ctrl-PageUp").shows("The second answer").lacks("⟳").lacks("✓ 1");
}

#[test]
fn a_prompt_that_waits_for_a_model_becomes_a_draft_when_its_chat_is_left() {
    let mut script = Script::with(|start, _| {
        start.model = None;
        start.prompt = Some("waiting".to_owned());
    });
    script.keys("Ctrl-N");
    let kept = std::mem::take(&mut script.cmds).into_iter().find_map(|cmd| match cmd {
        Cmd::Ask(_, StoreJob::SaveDraft { draft, .. }) => Some(draft.input.text),
        _ => None,
    });
    assert_eq!(kept.as_deref(), Some("waiting"));
}

#[test]
fn quitting_asks_once_more_while_a_reply_streams_unseen() {
    let mut script = Script::new();
    script.keys("one Enter").sent().says("some").keys("Ctrl-N Ctrl-D").shows("a reply still streams");
    assert!(!script.ordered().contains(&"quit"));
    script.keys("x Backspace Ctrl-D");
    assert!(!script.ordered().contains(&"quit"), "another key came between");
    script.keys("Ctrl-D");
    assert!(script.ordered().contains(&"quit"));
}

#[test]
fn a_reply_that_failed_behind_the_screen_is_not_marked_as_whole() {
    let mut script = Script::new();
    script.keys("one Enter").sent();
    let turn = script.live();
    let done = script.done_of(&[Outcome::Failed]);
    script.keys("Ctrl-N");
    script.report(turn, vec![done]);
    script.keys("x").shows("✗ 1").lacks("✓ 1");
}

/// The drafts that were to be saved since the last look.
fn drafts(script: &mut Script) -> Vec<Draft> {
    let cmds = std::mem::take(&mut script.cmds);
    let draft = |cmd| match cmd {
        Cmd::Ask(_, StoreJob::SaveDraft { draft, .. }) => Some(draft),
        _ => None,
    };
    cmds.into_iter().filter_map(draft).collect()
}

/// A prompt with a file waits for the model's name.
fn waiting() -> Script {
    Script::with(|start, _| {
        start.model = None;
        start.prompt = Some("long prompt".to_owned());
        start.files = vec![Part::File { name: "a.md".to_owned(), text: "text".to_owned() }];
    })
}

#[test]
fn a_prompt_that_waits_joins_the_draft_with_its_files() {
    for leave in ["Ctrl-N", "Ctrl-S Enter"] {
        let mut script = waiting();
        script.keys("gpt");
        match leave {
            "Ctrl-N" => script.keys(leave),
            _ => script.keys("Ctrl-S").has(super::sessions::some()).keys("Enter"),
        };
        let draft = drafts(&mut script).pop().expect("a draft");
        assert_eq!(draft.input.plain(), "gpt\na.md long prompt", "{leave}");
        assert_eq!(draft.input.pieces.len(), 1, "{leave}");
        assert_eq!(script.input(), "", "{leave}");
    }
    let mut script = waiting();
    script.keys("Ctrl-D");
    let last = script.app.last_words();
    script.cmds.extend(last);
    assert_eq!(drafts(&mut script).pop().expect("a draft").input.plain(), "a.md long prompt");
}

#[test]
fn looking_at_the_sessions_does_not_part_a_waiting_prompt_from_its_files() {
    let mut script = waiting();
    script.keys("Ctrl-S").has(super::sessions::some()).keys("Esc lab:big Enter");
    let prompt = &script.started().expect("it is sent").prompt[0];
    assert_eq!(prompt.parts.len(), 2);
    assert_eq!(script.input(), "");
}

#[test]
fn a_new_chat_that_was_set_up_is_kept_when_another_is_opened() {
    for command in [
        "/system Space Be Space brief.",
        "/set Space temperature Space 1",
        "/n Space 2",
        "/rename Space Plans",
    ] {
        let mut script = Script::new();
        script.keys(command).keys("Enter");
        let set = script.app.chat.session.clone();
        script.keys("Ctrl-N").shows("this is a new chat");
        script.keys("Ctrl-S").has(super::sessions::some()).keys("Enter").shows("kept with its settings");
        script.keys("Ctrl-PageDown");
        assert_eq!(script.app.chat.session, set, "{command}");
    }
    let mut script = Script::new();
    script.keys("Ctrl-S").has(super::sessions::some()).keys("Enter").lacks("kept with its settings");
    assert!(script.app.others.is_empty());
}
