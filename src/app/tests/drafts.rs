//! Drafts: when they are saved, what brings them back, and that nothing takes one away.

use std::time::Duration;

use crate::app::msg::{FoundFile, Msg};
use crate::app::tests::{Keeper, Script, draft_ticket, provider};
use crate::app::{Cmd, Ticket};
use crate::base::Id;
use crate::chat::jobs::{StoreError, StoreJob, StoreReply, StoredSession, WhichSession};
use crate::chat::session::Draft;
use crate::chat::{Outcome, Part, Piece, Session, SessionKind, Timestamp, Written};

/// The drafts that were to be saved since the last look.
fn saved(script: &mut Script) -> Vec<Draft> {
    let cmds = std::mem::take(&mut script.cmds);
    let draft = |cmd| match cmd {
        Cmd::Ask(_, StoreJob::SaveDraft { draft, .. }) => Some(draft),
        _ => None,
    };
    cmds.into_iter().filter_map(draft).collect()
}

fn session_with(draft: Draft) -> StoreReply {
    let session = Session {
        id: Id::from_bits(77),
        kind: SessionKind::Chat,
        title: String::new(),
        model: "openai:gpt-4o".to_owned(),
        system: String::new(),
        params: Default::default(),
        created: Timestamp(0),
        updated: Timestamp(0),
    };
    StoreReply::Loaded(Box::new(StoredSession { session, messages: Vec::new(), chosen: Vec::new(), draft }))
}

fn draft(text: &str) -> Draft {
    Draft { input: Written::from(text.to_owned()), queued: Vec::new() }
}

#[test]
fn a_change_is_saved_within_half_a_second_and_then_nothing_is_due() {
    let mut script = Script::new();
    assert_eq!(script.app.wake_at(), None, "an idle program sleeps");
    script.keys("hi");
    let due = script.app.wake_at().expect("it is to be saved");
    assert!(due <= script.clock + Duration::from_millis(500));
    script.wait(500).woke();
    assert_eq!(saved(&mut script), [draft("hi")]);
    assert_eq!(script.app.wake_at(), None);
    script.keys("Left Right Left PageUp").wait(500).woke();
    assert_eq!((saved(&mut script), script.app.wake_at()), (Vec::new(), None), "nothing was changed");
}

#[test]
fn typing_without_a_pause_is_saved_all_the_same() {
    let mut script = Script::new();
    for _ in 0..100 {
        script.keys("x");
    }
    assert!(saved(&mut script).len() >= 2, "a second of typing");
}

#[test]
fn every_way_to_change_the_input_is_noticed() {
    for (keys, text) in [
        ("a Alt-Enter b", "a\nb"),
        ("a\\ Enter b", "a\nb"),
        ("ab Backspace", "a"),
        ("one Space two Ctrl-W Ctrl-Y Ctrl-Y", "one twotwo"),
        ("ab Ctrl-C Ctrl-_", "ab"),
    ] {
        let mut script = Script::new();
        script.keys(keys).wait(500).woke();
        assert_eq!(saved(&mut script).last(), Some(&draft(text)), "{keys}");
    }
    let mut script = Script::new();
    script.paste("pasted").wait(500).woke();
    assert_eq!(saved(&mut script), [draft("pasted")]);
    script.keys("Ctrl-C").wait(500).woke();
    assert_eq!(saved(&mut script), [Draft::default()], "it is forgotten");
}

#[test]
fn walking_earlier_prompts_does_not_touch_the_saved_draft() {
    let mut script = Script::new();
    script.exchange("earlier", "a").keys("draft").wait(500).woke();
    assert_eq!(saved(&mut script).last(), Some(&draft("draft")));
    script.keys("Up").wait(500).woke();
    assert_eq!(script.input(), "earlier");
    assert_eq!(saved(&mut script), Vec::new(), "what was written is still the draft");
}

#[test]
fn the_prompt_goes_to_the_store_before_its_draft_is_forgotten() {
    let mut script = Script::new();
    script.keys("hi").wait(500).woke();
    script.cmds.clear();
    script.keys("Enter");
    assert_eq!(script.ordered(), ["start", "store"]);
}

#[test]
fn the_draft_that_was_not_sent_comes_back_with_its_pieces() {
    let mut script = Script::new();
    let key = script.app.chat.key;
    let input = Written {
        text: "see \u{fffc} and \u{fffc}".to_owned(),
        pieces: vec![
            Piece::Pasted("line\n".repeat(20)),
            Piece::File { name: "notes.md".to_owned(), text: "notes".to_owned() },
        ],
    };
    let kept = Draft { input, queued: vec![Written::from("later".to_owned())] };
    script.msg(Msg::Answer(Ticket::Unsent(key), session_with(kept.clone())));
    script.shows("see [pasted 20 lines] and [notes.md").shows("queued · later").shows("not sent");
    assert_eq!(script.app.chat.draft(), kept);
    script.wait(500).woke();
    assert_eq!(saved(&mut script), Vec::new(), "it is as it was saved");
    script.keys("Ctrl-_");
    assert_eq!(script.app.chat.draft(), kept, "undo does not take it away");
}

#[test]
fn what_is_typed_first_is_not_replaced_by_a_saved_draft() {
    let mut script = Script::new();
    let key = script.app.chat.key;
    script.keys("new");
    script.msg(Msg::Answer(Ticket::Unsent(key), session_with(draft("old"))));
    assert_eq!(script.input(), "new");

    let mut script = Script::with(|start, _| {
        start.resume = Some(WhichSession::Newest(None));
        start.providers = vec![provider("openai")];
    });
    script.keys("new").wait(500).woke();
    assert_eq!(saved(&mut script), Vec::new(), "what was saved for the session has not come yet");
    script.loaded(session_with(draft("old")));
    assert_eq!(script.input(), "old\nnew", "both are there");
}

#[test]
fn leaving_a_conversation_saves_its_draft_at_once() {
    let mut script = Script::new();
    script.exchange("one", "a").keys("draft");
    script.cmds.clear();
    script.keys("Ctrl-N");
    assert_eq!(saved(&mut script), [draft("draft")]);
    assert_eq!(script.input(), "");
}

/// A script whose store has not answered the draft that it was given.
fn asked(keys: &str) -> (Script, Ticket) {
    let mut script = Script::new();
    script.keeper = Keeper::Waits;
    script.keys(keys).wait(500).woke();
    let ticket = script.cmds.iter().rev().find_map(draft_ticket).expect("it is to be kept");
    script.cmds.clear();
    (script, ticket)
}

fn locked() -> StoreReply {
    let reason = "another program kept it locked for over 5 s".to_owned();
    StoreReply::Failed(StoreError::Unwritable { path: "/home/me/chatui.db".into(), reason })
}

#[test]
fn a_draft_that_could_not_be_saved_is_told_and_tried_again_after_longer_and_longer_waits() {
    let (mut script, mut ticket) = asked("hi");
    let mut waits = Vec::new();
    for _ in 0..8 {
        script.msg(Msg::Answer(ticket, locked()));
        script.shows("the draft is not saved yet").shows("locked for over 5 s");
        let due = script.app.wake_at().expect("it is tried again");
        waits.push((due - script.clock).as_secs());
        script.clock = due;
        script.woke();
        ticket = script.cmds.iter().find_map(draft_ticket).expect("it is tried again");
        assert_eq!(saved(&mut script), [draft("hi")]);
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    script.msg(Msg::Answer(ticket, StoreReply::Saved));
    script.lacks("not saved");
    assert_eq!(script.app.wake_at(), None, "an idle program sleeps");
}

#[test]
fn an_emptied_draft_that_could_not_be_forgotten_is_forgotten_later() {
    let (mut script, ticket) = asked("hi");
    script.msg(Msg::Answer(ticket, StoreReply::Saved));
    script.keys("Ctrl-C").wait(500).woke();
    let ticket = script.cmds.iter().find_map(draft_ticket).expect("it is to be forgotten");
    script.msg(Msg::Answer(ticket, locked()));
    script.cmds.clear();
    script.rests();
    assert_eq!(saved(&mut script), [Draft::default()]);
}

#[test]
fn the_last_words_hold_what_the_store_has_not_answered() {
    for fails in [false, true] {
        let (mut script, ticket) = asked("hi");
        if fails {
            script.msg(Msg::Answer(ticket, locked()));
        }
        script.cmds = script.app.last_words();
        assert_eq!(saved(&mut script), [draft("hi")], "failed: {fails}");
    }
    let (mut script, ticket) = asked("hi");
    script.msg(Msg::Answer(ticket, StoreReply::Saved));
    script.cmds = script.app.last_words();
    assert_eq!(saved(&mut script), [], "it is kept");
}

#[test]
fn a_conversation_that_is_left_is_held_until_its_draft_is_saved() {
    let mut script = Script::new();
    script.exchange("one", "a");
    script.keeper = Keeper::Waits;
    script.keys("draft Ctrl-N");
    let ticket = script.cmds.iter().find_map(draft_ticket).expect("it is to be kept");
    script.cmds.clear();
    script.msg(Msg::Answer(ticket, locked()));
    script.shows("the draft is not saved yet").rests();
    let again = script.cmds.iter().find_map(draft_ticket).expect("it is tried again");
    assert_eq!(saved(&mut script), [draft("draft")]);
    assert_eq!(script.app.others.len(), 1, "opened again, it is taken from here");
    script.msg(Msg::Answer(again, StoreReply::Saved));
    assert_eq!(script.app.others.len(), 0);
    script.lacks("not saved");
}

#[test]
fn a_failure_that_is_told_again_stands_once() {
    let mut script = Script::new();
    for _ in 0..3 {
        script.msg(Msg::Notice("the title is lost".to_owned()));
    }
    assert_eq!(script.app.notices.standing, ["the title is lost"]);
}

#[test]
fn a_big_draft_is_saved_less_often() {
    let mut script = Script::new();
    script.paste(&"x".repeat(5_000_000));
    let due = script.app.wake_at().expect("it is to be saved");
    assert!(due > script.clock + Duration::from_millis(500), "{:?}", due - script.clock);
}

#[test]
fn the_editor_gets_pastes_as_text_and_gives_back_what_it_knows() {
    let mut script = Script::new();
    let paste = "line\n".repeat(20);
    script.keys("see Space").paste(&paste).keys("tail");
    script.app.chat.composer.attach("notes.md".to_owned(), "notes".to_owned());
    script.cmds.clear();
    script.keys("Ctrl-O");
    let Some(Cmd::Edit(text)) = script.cmds.pop() else { panic!("{:?}", script.cmds) };
    assert_eq!(text, format!("see {paste}tail[notes.md 5 B] "));
    let before = script.app.chat.draft();

    script.msg(Msg::Edited(Ok(format!("First {text}\n"))));
    script.shows("First see [pasted 20 lines]tail[notes.md 5 B]");
    let pieces = script.app.chat.draft().input.pieces;
    assert_eq!(pieces, before.input.pieces, "both are pieces again");
    script.keys("Ctrl-_");
    assert_eq!(script.app.chat.draft(), before, "one step back");

    script.msg(Msg::Edited(Ok("all new\n".to_owned())));
    assert_eq!(script.app.chat.draft().input.plain(), "notes.md all new", "a file is not lost");
    script.msg(Msg::Edited(Err("it failed".to_owned())));
    script.shows("it failed").shows("all new");
}

#[test]
fn what_comes_back_from_the_editor_is_text_and_a_very_long_one_is_folded() {
    let mut script = Script::new();
    script.keys("x Ctrl-O");
    script.msg(Msg::Edited(Ok("one\r\ntwo\n".to_owned())));
    assert_eq!(script.input(), "one\ntwo");
    script.msg(Msg::Edited(Ok("word ".repeat(10_000))));
    script.shows("[pasted 50 KB]");
}

#[test]
fn a_prompt_from_the_list_takes_the_drafts_place_and_undo_brings_that_back() {
    let mut script = Script::new();
    script.exchange("earlier prompt", "a").keys("draft Ctrl-R earl").shows("Earlier prompts").keys("Enter");
    assert_eq!(script.input(), "earlier prompt");
    script.keys("Ctrl-_");
    assert_eq!(script.input(), "draft");
    script.keys("Alt-_");
    assert_eq!(script.input(), "earlier prompt");
    script.keys("Enter").sent().done(&[Outcome::Complete]).keys("Up Up");
    assert_eq!(script.input(), "draft", "it joined the earlier prompts");
}

#[test]
fn a_paste_is_one_undo_step_whatever_is_in_it() {
    for paste in ["a\nb", "a\u{0}b\u{1b}[31m", &"line\n".repeat(20), &"x".repeat(5_000_000)] {
        let mut script = Script::new();
        script.keys("x").paste(paste);
        assert_eq!(script.input().len(), paste.len() + 1);
        script.keys("Ctrl-_");
        assert_eq!(script.input(), "x");
    }
}

#[test]
fn a_paste_goes_into_the_line_of_the_list_on_top() {
    let mut script = Script::new();
    script.keys("draft Ctrl-R").paste("some\nwords").shows("some words");
    script.paste(&"x".repeat(5_000_000)).keys("Esc");
    assert_eq!(script.input(), "draft");
}

/// A saved session is opened by the command line.
fn resuming(change: impl FnOnce(&mut crate::app::Start)) -> Script {
    Script::with(|start, _| {
        start.resume = Some(WhichSession::Newest(None));
        start.providers = vec![provider("openai"), provider("lab")];
        change(start);
    })
}

#[test]
fn an_attached_file_is_saved_with_the_draft() {
    let mut script = Script::new();
    let chat = script.app.chat.key;
    let found = |paths: &[&str]| {
        let found = |path: &&str| FoundFile { path: path.to_string(), is_dir: path.ends_with('/') };
        paths.iter().map(found).collect::<Vec<_>>()
    };
    script.keys("@").msg(Msg::Files { chat, typed: String::new(), found: found(&["notes/"]) });
    script.wait(500).woke();
    script.cmds.clear();
    script.keys("Tab").wait(500).woke();
    assert_eq!(saved(&mut script), [draft("@notes/")], "the folder that was entered");
    script.msg(Msg::Files { chat, typed: "notes/".to_owned(), found: found(&["notes/a.md"]) });
    script.keys("Enter");
    let read = Ok(("a.md".to_owned(), "text".to_owned()));
    script.msg(Msg::Attached { chat, word: "@notes/".to_owned(), read });
    script.shows("[a.md 4 B]").cmds.clear();
    script.keys("Ctrl-N");
    let piece = Piece::File { name: "a.md".to_owned(), text: "text".to_owned() };
    assert_eq!(saved(&mut script).last().map(|draft| draft.input.pieces.clone()), Some(vec![piece]));
}

#[test]
fn a_saved_draft_stands_over_what_was_typed_first_and_is_saved_with_it() {
    let mut script = resuming(|_| {});
    script.keys("new Left");
    script.loaded(session_with(draft("old")));
    assert_eq!(script.input(), "old\nnew");
    script.keys("!").wait(500).woke();
    assert_eq!(saved(&mut script), [draft("old\nne!w")], "the caret stays");

    let mut script = resuming(|_| {});
    script.keys("new");
    script.loaded(session_with(draft("old")));
    script.keys("Ctrl-C").wait(500).woke();
    assert_eq!(saved(&mut script), [Draft::default()], "what is cleared at once is forgotten too");
}

#[test]
fn a_file_of_the_command_line_joins_the_saved_draft_once() {
    let file = || Part::File { name: "x.md".to_owned(), text: "text".to_owned() };
    let piece = Piece::File { name: "x.md".to_owned(), text: "text".to_owned() };
    let mut script = resuming(|start| start.files = vec![file()]);
    script.loaded(session_with(draft("old")));
    script.shows("› old").shows("[x.md 4 B]").wait(500).woke();
    let kept = saved(&mut script).pop().expect("it is saved");
    assert_eq!(
        (kept.input.plain().as_str(), kept.input.pieces.as_slice()),
        ("old\nx.md ", [piece.clone()].as_slice())
    );

    let mut script = resuming(|start| start.files = vec![file()]);
    let input = Written { text: "\u{fffc} ".to_owned(), pieces: vec![piece.clone()] };
    script.loaded(session_with(Draft { input, queued: Vec::new() }));
    assert_eq!(script.app.chat.draft().input.pieces, [piece], "it is the same file as last time");
}

#[test]
fn a_draft_is_there_again_when_an_earlier_prompt_was_sent_from_it() {
    let mut script = Script::new();
    script.exchange("earlier", "a").keys("half Space a Space thought").wait(500).woke();
    script.keys("Up");
    assert_eq!(script.input(), "earlier");
    script.cmds.clear();
    script.keys("Enter");
    let drafts = saved(&mut script);
    assert!(!drafts.contains(&Draft::default()), "{drafts:?}");
    assert_eq!(script.input(), "half a thought");
    script.sent().says("b").done(&[Outcome::Complete]);
    assert_eq!(script.app.chat.draft(), draft("half a thought"));
    script.keys("Ctrl-C Up Up");
    assert_eq!(script.input(), "earlier", "what was sent is an earlier prompt");
}

#[test]
fn a_command_that_fails_from_an_earlier_prompt_leaves_the_draft() {
    let mut script = Script::new();
    script.keys("/set Space n Space 2 Enter draft Up");
    assert_eq!(script.input(), "/set n 2");
    script.keys("0 Backspace Ctrl-C");
    script.keys("/export Space a Enter").shows("nothing to export");
    assert_eq!(script.input(), "/export a", "it stays where nothing else stands");
    script.keys("Ctrl-U draft Up");
    while !script.input().starts_with("/set") {
        script.keys("Up");
    }
    script.keys("Enter");
    assert_eq!(script.input(), "draft");
}

#[test]
fn a_model_chosen_while_the_session_comes_holds_and_its_prompt_waits() {
    for (model, choose) in [(Some("gpt-4o"), "Ctrl-L gpt Enter"), (None, "lab:big Enter")] {
        let mut script = resuming(|start| {
            start.prompt = Some("and now?".to_owned());
            start.model = model.map(str::to_owned);
            start.provider = provider("lab");
        });
        script.app.catalog.remembered.recent = vec!["lab:gpt-9".to_owned()];
        script.keys(choose).shows("from the next message on: lab:");
        let chosen = script.app.chat.model_name();
        assert!(script.app.chat.live.is_none(), "nothing is sent before the session is there");
        script.loaded(session_with(Draft::default()));
        let start = script.started().expect("now it is sent");
        assert_eq!(start.session.id, Id::from_bits(77), "into that session");
        assert_eq!((start.prompt[0].text().as_str(), start.session.model), ("and now?", chosen));
    }
}
