//! Sending, stopping, ending: what goes out, and what the state says.

use crate::app::Msg;
use crate::app::msg::TurnId;
use crate::app::tests::{Script, choice};
use crate::chat::error::TurnError;
use crate::chat::jobs::{StoreError, StoreReply};
use crate::chat::{ErrorKind, FinishReason, MessageState, Outcome, Params, Role, StreamEvent, TurnEvent};
use std::path::PathBuf;
use std::time::Duration;

#[test]
fn enter_sends_the_prompt_and_the_whole_conversation_goes_along() {
    let mut script = Script::new();
    script.keys("hello Enter");
    let first = script.started().expect("a turn");
    assert_eq!(first.prompt.len(), 1, "the prompt is saved before it is sent");
    assert_eq!(first.session.title, "hello");
    assert_eq!((first.request.model.as_str(), first.request.stream), ("gpt-4o", true));
    script.sent().says("hi").done(&[Outcome::Complete]).keys("more Enter");
    let second = script.started().expect("a turn");
    let said: Vec<_> = second.request.messages.iter().map(|m| (m.role, m.text())).collect();
    let expected = [(Role::User, "hello"), (Role::Assistant, "hi"), (Role::User, "more")];
    assert_eq!(said, expected.map(|(role, text)| (role, text.to_owned())));
    assert_eq!(script.app.chat.session.title, "hello", "the first prompt's title stays");
}

#[test]
fn what_is_sent_while_a_reply_streams_goes_when_it_is_whole() {
    let mut script = Script::new();
    script.keys("one Enter").sent().keys("two Enter three Enter");
    assert_eq!(script.ordered(), ["start", "store", "store"], "they are saved as they wait");
    assert_eq!(script.input(), "");
    script.says("hi").done(&[Outcome::Complete]);
    let prompt = script.started().expect("the first that waits goes").prompt;
    assert_eq!(prompt[0].text(), "two");
    script.sent().says("hi").keys("Esc").done(&[Outcome::Cancelled]);
    assert!(script.started().is_none(), "after a stop it waits for Enter");
    script.keys("Enter");
    assert_eq!(script.started().expect("it goes").prompt[0].text(), "three");
}

#[test]
fn escape_takes_the_selection_first_and_then_stops_the_turn_once() {
    let mut script = Script::new();
    script.keys("one Enter").sent().says("part").keys("draft Shift-Tab");
    script.ordered();
    script.keys("Esc");
    assert!(script.app.chat.transcript.selected().is_none());
    assert!(script.ordered().is_empty(), "the first Escape only ends the selection");
    script.keys("Esc");
    assert_eq!(script.ordered(), ["cancel"]);
    script.shows("stopping").keys("Esc Ctrl-C");
    assert!(script.ordered().is_empty(), "it is stopped once");
    script.done(&[Outcome::Cancelled]).shows("■ cancelled").shows("part");
    script.shows("stopped · Shift-Tab c continue, r retry");
    script.keys("Esc").shows("ready");
    assert!(script.ordered().is_empty(), "with nothing on top and nothing running it does nothing");
}

#[test]
fn ctrl_c_stops_then_clears_the_draft_then_quits_on_the_second_press() {
    let mut script = Script::new();
    script.keys("one Enter draft");
    script.ordered();
    script.keys("Ctrl-C");
    assert_eq!(script.ordered(), ["cancel"], "it stops while the connection is made");
    script.tell(vec![TurnEvent::Sent { attempt: 0 }]).shows("stopping").done(&[Outcome::Cancelled]);
    assert_eq!(script.input(), "draft");
    script.keys("Ctrl-C");
    assert_eq!((script.input().as_str(), script.ordered().len()), ("", 0));
    script.shows("draft cleared").keys("Up");
    assert_eq!(script.input(), "draft", "↑ brings it back");
    script.keys("Ctrl-C Ctrl-C").shows("press Ctrl-C again to quit");
    script.wait(2_001).woke();
    script.lacks("press Ctrl-C").keys("Ctrl-C");
    assert!(script.ordered().is_empty(), "the two seconds are over");
    script.paste("x").keys("Ctrl-C Ctrl-C");
    assert!(script.ordered().is_empty(), "a paste lies between the presses");
    script.keys("Ctrl-C");
    assert_eq!(script.ordered(), ["quit"]);
}

#[test]
fn ctrl_d_quits_on_an_empty_input_only_and_stops_what_runs() {
    let mut script = Script::new();
    script.keys("one Enter x Ctrl-D");
    assert_eq!(script.ordered(), ["start"]);
    script.keys("Backspace Ctrl-D");
    assert_eq!(script.ordered(), ["cancel", "quit"]);
    script.keys("two Enter");
    assert!(script.ordered().is_empty(), "nothing begins after the end");
}

#[test]
fn the_state_goes_from_connecting_to_ready() {
    let mut script = Script::new();
    script.shows("ready").keys("one Enter").shows("connecting").sent();
    script.wait(1_150).woke();
    script.shows("○ waiting 1.1 s");
    let start = StreamEvent::Start { id: None, model: None };
    script.tell(vec![TurnEvent::Stream(start)]).shows("○ waiting");
    script.says("a").shows("● streaming").wait(12_000).woke();
    script.shows("● silent 12 s").says("b").shows("● streaming").done(&[Outcome::Complete]);
    script.shows("✓ complete").keys("x").shows("ready").lacks("complete");
}

#[test]
fn a_wait_before_a_retry_is_shown_and_escape_ends_it() {
    let mut script = Script::new();
    script.keys("one Enter").sent();
    script.ordered();
    let (reason, delay) = ("HTTP 503".to_owned(), Duration::from_secs(4));
    script.tell(vec![TurnEvent::Retry { attempt: 2, of: 3, delay, reason, choice: None }]);
    script.shows("retry 2/3 in 4 s").wait(2_500).woke();
    script.shows("retry 2/3 in 2 s").keys("Esc");
    assert_eq!(script.ordered(), ["cancel"]);
}

#[test]
fn an_error_is_a_block_where_it_happened_and_r_asks_again() {
    let mut script = Script::new();
    script.keys("one Enter").sent().done(&[Outcome::Failed]);
    script.shows("✗ nothing answers").shows("Start the server").shows("✗ failed").shows("Shift-Tab r retry");
    script.ordered();
    script.keys("Shift-Tab r");
    let again = script.started().expect("a turn");
    assert!(again.prompt.is_empty(), "the prompt is there already");
    assert_eq!(again.request.messages.len(), 1);
    script.lacks("✗ nothing answers").shows("‹ 2/2 ›").sent().says("now").done(&[Outcome::Complete]);
    script.keys("Alt-Left").shows("✗ nothing answers");
}

#[test]
fn r_and_c_wait_while_a_turn_runs() {
    let mut script = Script::new();
    script.exchange("one", "first").keys("two Enter");
    script.ordered();
    script.sent().says("part").keys("Shift-Tab r").shows("a reply is streaming").keys("c");
    script.shows("this reply is streaming").keys("k k c").shows("there is no partial reply here");
    assert!(script.ordered().is_empty());
}

#[test]
fn a_reply_that_stopped_at_its_limit_goes_on() {
    let mut script = Script::new();
    script.keys("one Enter").sent().says("half").ends(vec![choice(Outcome::Complete, FinishReason::Length)]);
    script.shows("stopped at max tokens · Shift-Tab c continue").keys("Shift-Tab c");
    script.started();
    let messages = script.app.chat.tree.messages().count();
    assert_eq!(messages, 4);
    script.shows("Continue exactly where you stopped.");
}

#[test]
fn c_without_a_partial_reply_says_that_there_is_none() {
    let mut script = Script::new();
    script.keys("one Enter").sent().thinks("hm").done(&[Outcome::Failed]);
    script.ordered();
    script.keys("Shift-Tab c").shows("no partial reply here");
    assert!(script.ordered().is_empty());
}

#[test]
fn a_late_report_of_an_unknown_turn_is_ignored() {
    let mut script = Script::new();
    script.exchange("one", "first");
    let before = script.screen();
    let late = StreamEvent::Text { choice: 0, delta: "late".to_owned() };
    for turn in [TurnId(1), TurnId(99)] {
        script.report(turn, vec![TurnEvent::Stream(late.clone())]);
    }
    assert_eq!(script.screen(), before);
}

#[test]
fn choices_stream_at_once_and_each_shows_its_state() {
    let mut script = Script::choices(3);
    script.keys("one Enter").sent().choice_says(0, "alpha").choice_says(1, "beta").choice_says(2, "gamma");
    script.shows("1 ●  2 ●  3 ●  ‹ 1/3 ›").shows("alpha").lacks("beta");
    let mut error = TurnError::new(ErrorKind::Network, "lost");
    error.choice = Some(1);
    script.finishes(2).tell(vec![TurnEvent::Error(error)]);
    script.shows("1 ●  2 ✗  3 ✓").keys("Alt-Right").shows("beta").shows("✗ lost").shows("‹ 2/3 ›");
    script.keys("Alt-3").shows("gamma").choice_says(0, " more");
    script.lacks("alpha").done(&[Outcome::Complete, Outcome::Failed, Outcome::Complete]);
    script.shows("✗ failed").ordered();
    script.keys("next Enter");
    let next = script.started().expect("a turn");
    let said: Vec<_> = next.request.messages.iter().map(|m| m.text()).collect();
    assert_eq!(said, ["one", "gamma", "next"], "the chosen tab is what goes on");
}

#[test]
fn choices_that_never_came_do_not_stream_for_ever() {
    let mut script = Script::choices(2);
    script.keys("one Enter").sent().says("alpha").done(&[Outcome::Complete]);
    let states: Vec<_> = {
        let tree = &script.app.chat.tree;
        let answers = tree.siblings(Some(tree.path()[0]));
        answers.iter().filter_map(|id| tree.get(*id)).map(|m| m.state).collect()
    };
    assert_eq!(states, [MessageState::Complete, MessageState::Failed]);
    script.keys("Alt-Right").shows("fewer choices than were asked for");
}

#[test]
fn parameters_of_model_and_session_lie_over_the_configured() {
    let mut script = Script::with(|start, settings| {
        settings.params = Params { temperature: Some(0.1), max_tokens: Some(100), ..Params::default() };
        start.params.temperature = Some(0.9);
    });
    script.shows("temperature 0.9 · openai:gpt-4o").keys("one Enter");
    let params = script.started().expect("a turn").request.params;
    assert_eq!((params.temperature, params.max_tokens), (Some(0.9), Some(100)));
}

#[test]
fn what_the_store_says_stands_until_it_was_seen() {
    let mut script = Script::new();
    script.msg(Msg::Notice("the store was damaged and set aside".to_owned()));
    let unwritable = StoreError::Unwritable { path: PathBuf::from("/data/chatui.db"), reason: "full".into() };
    script.msg(Msg::Unsaved(unwritable));
    script.keys("x").shows("set aside").shows("/data/chatui.db").shows("this conversation is not saved");
    script.keys("Esc").lacks("set aside").lacks("/data").shows("this conversation is not saved");
    script.loaded(StoreReply::Saved);
    script.msg(Msg::Unsaved(StoreError::Newer { path: PathBuf::from("/d"), found: 9, known: 1 }));
    assert_eq!(script.ordered(), ["refuse"]);
}

/// A model cannot go on with what it only thought.
#[test]
fn a_reply_that_was_cut_in_its_reasoning_is_offered_to_be_asked_again_only() {
    let reasoning = || vec![TurnEvent::Stream(StreamEvent::Reasoning { choice: 0, delta: "hm".into() })];
    for outcome in [Outcome::Cancelled, Outcome::Truncated] {
        let mut script = Script::new();
        script.keys("one Enter").sent().tell(reasoning()).done(&[outcome]);
        script.shows("Shift-Tab r retry").lacks("continue");
        script.keys("Shift-Tab").shows("r retry").lacks("continue");
        script.keys("c").shows("there is no partial reply here to continue");
    }
    // Nor with a reply that the conversation went on from.
    let mut script = Script::new();
    script.keys("one Enter").sent().says("alpha").done(&[Outcome::Truncated]);
    script.shows("Shift-Tab c continue, r retry");
    script.keys("two Enter").sent().says("beta").done(&[Outcome::Complete]);
    script.shows("Shift-Tab r retry").lacks("continue");
}

#[test]
fn what_a_filter_said_stands_under_the_answer() {
    use crate::chat::stream::AnnotationKind;
    let verdict = |data: serde_json::Value| {
        vec![TurnEvent::Stream(StreamEvent::Annotation { choice: 0, kind: AnnotationKind::Filter, data })]
    };
    let mut script = Script::new();
    let safe = serde_json::json!({"hate": {"filtered": false, "severity": "safe"}});
    script.keys("one Enter").sent().tell(verdict(safe.clone())).says("**al");
    script.tell(verdict(serde_json::json!({"violence": {"filtered": false, "severity": "medium"}})));
    script.lacks("filter").says("pha** goes on").shows("alpha goes on").done(&[Outcome::Complete]);
    script.shows("filter: violence medium");

    script.keys("two Enter").sent().says("beta").tell(verdict(safe)).done(&[Outcome::Complete]);
    script.resize(100, 12).shows("beta").lacks("filter: hate").resize(100, 30);

    script.keys("three Enter").sent().says("gamma");
    script.tell(verdict(serde_json::json!({"violence": {"filtered": true, "severity": "high"}})));
    script.shows("! filter: violence (cut)").ends(vec![choice(Outcome::Complete, FinishReason::Filter)]);
    script.shows("! filter: violence (cut)").shows("stopped by the server's content filter");

    let kind = AnnotationKind::PromptFilter;
    let data = serde_json::json!({"jailbreak": {"filtered": false, "detected": true}});
    script.keys("four Enter").sent();
    script.tell(vec![TurnEvent::Stream(StreamEvent::Annotation { choice: 0, kind, data })]);
    script
        .tell(verdict(serde_json::json!({"protected_material_code": {"filtered": false, "detected": true}})));
    script.says("delta").done(&[Outcome::Complete]);
    script.shows("filter (prompt): jailbreak detected").shows("filter: protected material code detected");
}
