//! Messages that wait: shown, edited, held, released; and that none is ever lost.

use crate::app::Cmd;
use crate::app::tests::Script;
use crate::chat::Outcome;
use crate::chat::jobs::StoreJob;

/// A reply streams, and these wait for its end.
fn waiting(messages: &[&str]) -> Script {
    let mut script = Script::new();
    script.keys("first Enter").sent().says("A reply");
    for message in messages {
        script.paste(message).keys("Enter");
    }
    script
}

fn queued(script: &Script) -> Vec<String> {
    script.app.chat.queue.iter().map(|written| written.plain()).collect()
}

/// The prompt that went out since the last look.
fn went(script: &mut Script) -> Option<String> {
    script.started().map(|start| start.prompt[0].text())
}

#[test]
fn what_waits_is_seen_the_first_three_and_how_many_more() {
    let mut script = waiting(&["one\nand more", "two"]);
    script.shows("queued · one …").shows("queued · two").lacks("more\n");
    script.paste("three").keys("Enter").paste("four").keys("Enter").paste("five").keys("Enter");
    script.shows("queued · three").shows("+2 more").lacks("four");
}

#[test]
fn they_go_one_by_one_each_after_a_whole_reply() {
    let mut script = waiting(&["two", "three"]);
    script.started();
    script.done(&[Outcome::Complete]);
    assert_eq!(went(&mut script).as_deref(), Some("two"));
    script.lacks("queued · two").shows("queued · three");
    script.sent().says("ok").done(&[Outcome::Complete]);
    assert_eq!(went(&mut script).as_deref(), Some("three"));
    script.lacks("queued");
}

#[test]
fn after_a_stop_a_failure_or_a_cut_they_wait_for_enter() {
    for outcome in [Outcome::Cancelled, Outcome::Failed, Outcome::Truncated] {
        let mut script = waiting(&["two", "three"]);
        script.started();
        if outcome == Outcome::Cancelled {
            script.keys("Esc").shows("stopping");
        }
        script.done(&[outcome]);
        assert_eq!(went(&mut script), None, "{outcome:?}");
        script.shows("Enter sends").keys("Enter");
        assert_eq!(went(&mut script).as_deref(), Some("two"), "{outcome:?}");
        script.sent().done(&[Outcome::Complete]);
        assert_eq!(went(&mut script).as_deref(), Some("three"), "they go on by themselves");
    }
}

#[test]
fn escape_holds_them_even_where_the_reply_was_whole_by_then() {
    let mut script = waiting(&["two"]);
    script.started();
    script.keys("Esc").done(&[Outcome::Complete]);
    assert_eq!(went(&mut script), None);
    script.shows("queued · two").shows("Enter sends");
}

#[test]
fn what_is_sent_after_escape_goes_as_soon_as_the_reply_has_stopped() {
    let mut script = waiting(&[]);
    script.started();
    script.keys("Esc instead Enter").done(&[Outcome::Cancelled]);
    assert_eq!(went(&mut script).as_deref(), Some("instead"));
}

#[test]
fn up_takes_the_last_one_back_and_enter_puts_it_where_it_was() {
    let mut script = waiting(&["two", "three"]);
    script.keys("Up");
    assert_eq!((script.input().as_str(), queued(&script)), ("three", vec!["two".to_owned()]));
    script.keys("! Enter");
    assert_eq!(queued(&script), ["two", "three!"]);
    script.keys("Up Up ? Enter");
    assert_eq!(queued(&script), ["two?", "three!"], "the one before it keeps its place too");
    assert_eq!(script.input(), "");
}

#[test]
fn up_and_down_walk_through_what_waits_and_then_through_earlier_prompts() {
    let mut script = waiting(&["two", "three"]);
    script.keys("Up Up");
    assert_eq!(script.input(), "two");
    script.keys("Down");
    assert_eq!(script.input(), "three");
    script.keys("Down");
    assert_eq!((script.input().as_str(), queued(&script).len()), ("", 2));
    script.keys("Up Up Up");
    assert_eq!(queued(&script), ["two", "three"], "nothing is taken out by walking on");
    assert_eq!(script.input(), "three", "the newest of the earlier prompts");
    script.keys("Down");
    assert_eq!((script.input().as_str(), queued(&script).len()), ("", 2));
}

#[test]
fn one_that_is_emptied_is_gone_and_the_others_stay() {
    let mut script = waiting(&["two", "three"]);
    script.keys("Up Ctrl-U Enter");
    assert_eq!(queued(&script), ["two"]);
    script.keys("Up Ctrl-U Up");
    assert!(queued(&script).is_empty());
    assert_eq!(script.input(), "three", "the earlier prompts still know them");
    script.keys("Up");
    assert_eq!(script.input(), "two");
}

#[test]
fn a_draft_is_never_replaced_by_what_waits() {
    let mut script = waiting(&["two"]);
    script.keys("draft Up");
    assert_eq!(queued(&script), ["two"], "a draft walks the earlier prompts");
    script.keys("Down");
    assert_eq!(script.input(), "draft");
}

#[test]
fn one_that_is_being_edited_while_the_others_go_is_sent_after_them() {
    let mut script = waiting(&["two", "three", "four"]);
    script.started();
    script.keys("Up Up");
    assert_eq!(script.input(), "three");
    script.done(&[Outcome::Complete]);
    assert_eq!(went(&mut script).as_deref(), Some("two"));
    script.sent().done(&[Outcome::Complete]);
    assert_eq!(went(&mut script).as_deref(), Some("four"));
    script.sent().keys("Enter").done(&[Outcome::Complete]);
    assert_eq!(went(&mut script).as_deref(), Some("three"));
}

#[test]
fn after_an_error_what_is_typed_goes_behind_what_is_held() {
    let mut script = waiting(&["two"]);
    script.started();
    script.done(&[Outcome::Failed]).keys("new Enter");
    assert_eq!(went(&mut script).as_deref(), Some("two"));
    assert_eq!(queued(&script), ["new"]);
}

#[test]
fn a_retry_leaves_what_is_held_held() {
    let mut script = waiting(&["two"]);
    script.started();
    script.done(&[Outcome::Failed]).keys("Shift-Tab r");
    assert!(script.started().expect("it is asked again").prompt.is_empty());
    script.sent().says("now").done(&[Outcome::Complete]);
    assert_eq!(went(&mut script), None);
    script.shows("Enter sends").keys("Enter");
    assert_eq!(went(&mut script).as_deref(), Some("two"));
}

#[test]
fn ctrl_c_stops_then_clears_the_draft_and_leaves_what_waits() {
    let mut script = waiting(&["two"]);
    script.ordered();
    script.keys("draft Ctrl-C");
    assert!(script.ordered().contains(&"cancel"));
    script.done(&[Outcome::Cancelled]).keys("Ctrl-C");
    assert_eq!((script.input().as_str(), queued(&script).len()), ("", 1));
    script.shows("Ctrl-_ brings it back").keys("Ctrl-_");
    assert_eq!(script.input(), "draft");
    script.keys("Ctrl-C Ctrl-C").shows("press Ctrl-C again to quit").keys("Ctrl-C");
    assert!(script.ordered().contains(&"quit"));
}

#[test]
fn what_waits_behind_the_screen_goes_there() {
    let mut script = waiting(&["two"]);
    let turn = script.live();
    script.started();
    script.keys("Ctrl-N draft");
    let whole = crate::app::tests::choice(Outcome::Complete, crate::chat::FinishReason::Stop);
    let done = crate::chat::turn::TurnDone {
        outcome: Outcome::Complete,
        choices: vec![whole],
        usage: None,
        metrics: Default::default(),
    };
    script.report(turn, vec![crate::chat::TurnEvent::Done(Box::new(done))]);
    let start = script.started().expect("it goes");
    assert_eq!(start.prompt[0].text(), "two");
    assert_ne!(start.session.id, script.app.chat.session.id);
    assert_eq!(script.input(), "draft");
}

#[test]
fn leaving_saves_what_waits_and_what_was_typed() {
    let mut script = waiting(&["two", "three"]);
    script.keys("Up");
    script.cmds.clear();
    script.keys("!");
    let saved = script.app.last_words();
    let Some(Cmd::Ask(_, StoreJob::SaveDraft { draft, .. })) = saved.first() else { panic!("{saved:?}") };
    assert_eq!(draft.input.plain(), "three!");
    assert_eq!(draft.queued.iter().map(|w| w.plain()).collect::<Vec<_>>(), ["two"]);
}

#[test]
fn on_a_small_screen_the_state_tells_how_many_wait() {
    let mut script = waiting(&["two", "three"]);
    script.resize(20, 5);
    assert!(script.status().ends_with("streaming +2"), "{}", script.status());
    script.resize(50, 12);
    assert!(script.status().contains("2 queued"), "{}", script.status());
    script.lacks("queued · ");
}

/// Looked at by eye before they were accepted.
#[test]
fn screens() {
    for (width, height) in [(60, 16), (100, 30), (20, 5)] {
        let mut script = waiting(&[]);
        script.resize(width, height);
        for message in ["And what about lifetimes?", "Show me\nan example", "three", "four", "five"] {
            script.paste(message).keys("Enter");
        }
        insta::assert_snapshot!(format!("queue_{width}x{height}"), script.screen());
        script.keys("Esc").done(&[Outcome::Cancelled]);
        insta::assert_snapshot!(format!("queue_held_{width}x{height}"), script.screen());
        script.keys("Ctrl-R exam");
        insta::assert_snapshot!(format!("history_{width}x{height}"), script.screen());
    }
}
