//! The sessions: list, search, preview, and what is done with them.

use ratatui::style::Modifier;

use crate::app::layers::Layer;
use crate::app::tests::{Script, UNIX_MS, lines};
use crate::app::{Cmd, First, Msg, Saves, Ticket};
use crate::base::{Id, SessionId, Tone};
use crate::chat::jobs::{StoreError, StoreJob, StoreReply, StoredSession, WhichSession};
use crate::chat::session::{SearchHit, SessionQuery, SessionSummary};
use crate::chat::{
    Draft, Message, MessageState, Outcome, Params, Part, Session, SessionKind, StreamEvent, Timestamp,
    TurnEvent,
};
use crate::keys::MouseKind;
use crate::theme::{ColorDepth, Theme};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

fn id(n: u64) -> SessionId {
    Id::from_bits(n << 30)
}

pub(super) fn session(n: u64, title: &str, ago: i64) -> Session {
    Session {
        id: id(n),
        kind: SessionKind::Chat,
        title: title.to_owned(),
        model: "openai:gpt-4o".to_owned(),
        system: String::new(),
        params: Params::default(),
        created: Timestamp(UNIX_MS - ago),
        updated: Timestamp(UNIX_MS - ago),
    }
}

fn summary(n: u64, title: &str, ago: i64) -> SessionSummary {
    SessionSummary {
        session: session(n, title, ago),
        messages: 2 * n,
        state: Some(MessageState::Complete),
        draft: String::new(),
        hit: None,
    }
}

/// What stands in the store of these tests.
pub(super) fn some() -> Vec<SessionSummary> {
    let mut all = vec![
        summary(1, "Borrow checker, explained", 0),
        summary(2, "Why does my regular expression backtrack so much?", 4 * MINUTE),
        summary(3, "Ein Rezept für Käsekuchen", 3 * 60 * MINUTE),
        summary(4, "絵文字 and how wide they are 👩‍👩‍👧", DAY),
        summary(5, "A letter to the landlord", 20 * DAY),
        summary(6, "Old notes", 300 * DAY),
        summary(7, "", 400 * DAY),
    ];
    all[1].state = Some(MessageState::Streaming);
    all[2].session.model = "groq:llama-3.3-70b-versatile".to_owned();
    all[3].state = Some(MessageState::Failed);
    all[4].state = Some(MessageState::Cancelled);
    all[6].state = None;
    all[6].draft = "how do I even begin".to_owned();
    all
}

fn stored(summary: &SessionSummary, answer: &str) -> StoredSession {
    let prompt = Message::user(Id::from_bits(11), None, "Tell me.", summary.session.created);
    let mut reply =
        Message::answer(Id::from_bits(12), Some(prompt.id), "openai:gpt-4o", 0, summary.session.created);
    reply.parts.push(Part::Text(answer.to_owned()));
    reply.state = summary.state.unwrap_or(MessageState::Complete);
    StoredSession {
        session: summary.session.clone(),
        messages: vec![prompt, reply],
        chosen: Vec::new(),
        draft: Draft::default(),
    }
}

const ANSWER: &str = "The borrow checker rejects the second **mutable** borrow:\n\n\
    ```rust\nlet a = &mut v;\nlet b = &mut v;\n```\n\n1. End the first borrow.\n2. Or use `split_at_mut`.\n";

impl Script {
    /// The last question about the list.
    fn asked(&self) -> Option<(u64, SessionQuery)> {
        self.cmds.iter().rev().find_map(|cmd| match cmd {
            Cmd::Ask(Ticket::Sessions(number), StoreJob::List(query)) => Some((*number, query.clone())),
            _ => None,
        })
    }

    /// The store answers the last question about the list.
    #[track_caller]
    pub(super) fn has(&mut self, sessions: Vec<SessionSummary>) -> &mut Self {
        let (number, _) = self.asked().expect("the list was asked for");
        self.answers(Ticket::Sessions(number), StoreReply::Listed(sessions))
    }

    fn answers(&mut self, ticket: Ticket, reply: StoreReply) -> &mut Self {
        self.msg(Msg::Answer(ticket, reply));
        self.screen();
        self
    }

    /// The session whose preview was asked for last.
    fn wanted(&self) -> Option<SessionId> {
        self.cmds.iter().rev().find_map(|cmd| match cmd {
            Cmd::Ask(Ticket::Preview(session), _) => Some(*session),
            _ => None,
        })
    }

    /// The store gives the preview that was asked for last.
    #[track_caller]
    pub(super) fn previews(&mut self, answer: &str) -> &mut Self {
        let session = self.wanted().expect("a preview was asked for");
        let summary = some().into_iter().find(|s| s.session.id == session).unwrap_or(summary(9, "?", 0));
        let stored = StoredSession {
            session: Session { id: session, ..summary.session.clone() },
            ..stored(&summary, answer)
        };
        self.answers(Ticket::Preview(session), StoreReply::Loaded(Box::new(stored)))
    }

    /// The jobs that nobody waits for, since the last look.
    fn jobs(&mut self) -> Vec<StoreJob> {
        std::mem::take(&mut self.cmds)
            .into_iter()
            .filter_map(|cmd| match cmd {
                Cmd::Store(job) | Cmd::Ask(Ticket::Draft(..), job) => Some(job),
                _ => None,
            })
            .collect()
    }

    /// The chosen row.
    #[track_caller]
    fn chosen(&mut self) -> String {
        let rows = self.transcript();
        let chosen = rows.iter().find(|row| row.starts_with(" › ")).cloned();
        chosen.unwrap_or_else(|| panic!("no row is chosen\n{}", rows.join("\n")))
    }

    #[track_caller]
    fn chooses(&mut self, text: &str) -> &mut Self {
        let chosen = self.chosen();
        assert!(chosen.contains(text), "{chosen:?} is chosen, not {text:?}");
        self
    }
}

/// The sessions screen with what is in the store, at a size with a preview beside the list.
fn open() -> Script {
    let mut script = Script::new();
    script.resize(100, 30).keys("Ctrl-S").has(some()).previews(ANSWER);
    script
}

#[test]
fn the_list_is_asked_for_and_shown_with_a_preview() {
    let mut script = Script::new();
    script.resize(100, 30).keys("Ctrl-S");
    let (_, query) = script.asked().expect("the list is asked for");
    assert_eq!((query.words.as_str(), query.kind, query.skip), ("", Some(SessionKind::Chat), 0));
    script.shows(" Sessions").shows("…");
    script.has(some()).chooses("Borrow checker");
    assert_eq!(script.wanted(), Some(id(1)));
    script.previews(ANSWER).shows("The borrow checker rejects the second mutable").shows("let a = &mut v;");
    script.shows("openai:gpt-4o · 2 messages");
    for words in ["now", "4 min", "3 h", "yesterday", "12 May", "2023-08-06", "draft", "how do I even begin"]
    {
        script.shows(words);
    }
    script.keys("Esc").lacks("Sessions").shows("New chat").lacks("Rezept für");
}

#[test]
fn moving_previews_one_session_at_a_time() {
    let mut script = open();
    script.cmds.clear();
    script.keys("Down Down").chooses("Rezept für");
    let loads = script.cmds.iter().filter(|cmd| matches!(cmd, Cmd::Ask(Ticket::Preview(_), _))).count();
    assert_eq!((loads, script.wanted()), (1, Some(id(2))), "the other waits for the answer");
    script.shows("The borrow checker rejects").previews("The wrong one.");
    assert_eq!(script.wanted(), Some(id(3)));
    script.previews("Take 500 g of quark.").shows("Take 500 g of quark.").lacks("The wrong one");
    script.keys("Up").previews("Another chatui writes th").shows("another chatui is writing this reply");
}

#[test]
fn typing_searches_and_late_answers_are_dropped() {
    let mut script = open();
    script.keys("b");
    let (first, query) = script.asked().expect("a search");
    assert_eq!(query.words, "b");
    script.keys("or");
    let (last, query) = script.asked().expect("a search");
    assert_eq!((query.words.as_str(), last > first), ("bor", true));
    script.shows("Rezept für");
    script.answers(Ticket::Sessions(first), StoreReply::Listed(Vec::new())).shows("Rezept für");
    let mut hit = some().remove(0);
    hit.hit = Some(SearchHit {
        message: Id::from_bits(12),
        snippet: "the second mutable borrow: end the first".to_owned(),
        marks: std::iter::once(19..25).collect(),
    });
    script.has(vec![hit, summary(5, "Borrowed books", DAY)]).lacks("Rezept für");
    script.shows("the second mutable borrow: end the first").chooses("Borrow checker");
    script.keys("Down").chooses("Borrowed books");
    script.keys("Ctrl-U").has(some()).shows("Rezept für").chooses("Borrow checker");
    script.keys("is:ask");
    assert_eq!(script.asked().map(|(_, query)| query.kind), Some(Some(SessionKind::Ask)));
    script.has(Vec::new()).shows("chatui ask has saved no session yet");
    script.keys("Space zebra").has(Vec::new()).shows("no session holds \"zebra\"");
}

#[test]
fn the_preview_goes_to_the_first_hit_and_marks_it() {
    let mut script = Script::new();
    script.resize(100, 30).keys("Ctrl-S 57").has({
        let mut found = some().remove(0);
        found.hit = Some(SearchHit {
            message: Id::from_bits(12),
            snippet: "line 57".to_owned(),
            marks: std::iter::once(5..7).collect(),
        });
        vec![found]
    });
    script.previews(&lines(1..=200)).shows("line 57").shows("line 60").lacks("line 30");
    let style = script.app.settings.theme.style(Tone::Hit, crate::base::Emphasis::default());
    let (buf, _) = script.draw();
    let marked: Vec<(u16, String)> = (0..30)
        .flat_map(|y| (0..100).map(move |x| (x, y)))
        .filter(|at| buf[*at].modifier.contains(Modifier::UNDERLINED) && Some(buf[*at].fg) == style.fg)
        .map(|at| (at.1, buf[at].symbol().to_owned()))
        .collect();
    let text: String = marked.iter().map(|(_, symbol)| symbol.as_str()).collect();
    assert_eq!(text, "5757", "in the snippet and in the conversation, and nowhere else");
    // Opened, it is the same row, and what is typed goes into the input.
    script.keys("Enter");
    let summary = some().remove(0);
    script.loaded(StoreReply::Loaded(Box::new(stored(&summary, &lines(1..=200)))));
    script.shows("line 57").lacks("line 20").keys("r");
    assert_eq!(script.input(), "r");
}

#[test]
fn the_next_page_is_asked_for_before_the_end_is_reached() {
    let mut script = Script::new();
    script.resize(100, 30).keys("Ctrl-S");
    let page = |from: u64, to: u64| {
        (from..to).map(|n| summary(n, &format!("session {n}"), n as i64 * MINUTE)).collect::<Vec<_>>()
    };
    script.has(page(1, 101));
    let (first, _) = script.asked().expect("asked");
    script.keys("PageDown");
    assert_eq!(script.asked().map(|asked| asked.0), Some(first), "there is enough");
    script.keys("PageDown PageDown");
    let (number, query) = script.asked().expect("asked");
    assert_eq!((number > first, query.skip, query.words.as_str()), (true, 100, ""));
    script.keys("Down");
    assert_eq!(script.asked().map(|asked| asked.0), Some(number), "one page at a time");
    let before = script.chosen();
    script.has(page(95, 180));
    assert_eq!(script.chosen(), before);
    script.keys("Ctrl-End").chooses("session 179");
    assert_eq!(script.asked().map(|asked| asked.0), Some(number), "that was the last page");
    script.keys("Ctrl-Home").chooses("session 1 ");
}

#[test]
fn the_preview_has_the_keys_after_tab() {
    let mut script = Script::new();
    script.resize(100, 30).keys("Ctrl-S").has(some()).previews(&lines(1..=200));
    script.shows("line 200").keys("Tab PageUp").lacks("line 200").keys("PageUp Up").chooses("Borrow checker");
    script.keys("Ctrl-Home").shows("Tell me.").keys("Ctrl-End").shows("line 200");
    script.keys("Tab Down").chooses("Why does my");
    script.keys("Tab x").shows("› x");
    assert_eq!(
        script.asked().map(|(_, query)| query.words),
        Some("x".to_owned()),
        "typing goes to the search"
    );
}

#[test]
fn a_narrow_screen_shows_list_or_preview() {
    let mut script = Script::new();
    script.resize(80, 24).keys("Ctrl-S").has(some()).previews(ANSWER);
    script.shows("Rezept für").lacks("The borrow checker rejects");
    script.keys("Tab").shows("The borrow checker rejects").lacks("Rezept für");
    script.keys("Tab").shows("Rezept für");
    script.keys("Tab Esc").lacks("Sessions");
}

#[test]
fn enter_opens_for_review_and_sending_goes_on() {
    let mut script = open();
    script.keys("Down Enter").shows("opening the session").lacks("Sessions");
    assert!(script.cmds.iter().any(|cmd| matches!(cmd,
        Cmd::Ask(Ticket::Open(_), StoreJob::Load(WhichSession::Prefix(prefix))) if *prefix == id(2).to_string())));
    let mut opened = some().remove(1);
    opened.state = Some(MessageState::Complete);
    script.loaded(StoreReply::Loaded(Box::new(stored(&opened, "Because of the nested stars."))));
    script.shows("Because of the nested stars.").shows("Why does my regular").shows("openai:gpt-4o");
    script.cmds.clear();
    script.keys("and Space now? Enter");
    let start = script.started().expect("it goes on");
    assert_eq!((start.session.id, start.request.messages.len()), (id(2), 3));
}

#[test]
fn a_session_that_cannot_be_opened_leaves_a_new_chat_of_its_own() {
    let mut script = open();
    script.keys("Down Enter");
    let error = StoreError::Unreadable { path: "/tmp/x.db".into(), reason: "it is locked".to_owned() };
    script.loaded(StoreReply::Failed(error));
    script.shows("it is locked").keys("hello Enter");
    assert_ne!(script.started().expect("it is sent").session.id, id(2));
}

#[test]
fn the_conversations_of_this_run_are_in_the_list_with_their_state() {
    let mut script = Script::new();
    script.resize(100, 30).keys("behind Enter").sent().says("Still going");
    let turn = script.live();
    script.keys("Ctrl-N").keys("a Space draft Ctrl-S").has(some());
    script.shows("⟳ behind").shows("a draft").chooses("a draft").shows("Not sent yet: a draft");
    script.keys("Down").chooses("behind").shows("Still going");
    script
        .report(turn, vec![TurnEvent::Stream(StreamEvent::Text { choice: 0, delta: " strong".to_owned() })]);
    script.shows("Still going strong");
    let done = script.done_of(&[Outcome::Complete]);
    script.report(turn, vec![done]).shows("✓ behind");
    let key = script.app.others[0].key;
    script.keys("Enter").shows("Still going strong");
    assert_eq!(script.app.chat.key, key, "the same conversation, not a copy from the store");
}

#[test]
fn without_a_store_the_list_says_so_and_holds_what_this_run_has() {
    let mut script = Script::with(|_, settings| settings.saves = Saves::No);
    script.resize(100, 30).exchange("one Rust question", "An answer about lifetimes").keys("Ctrl-N Ctrl-S");
    let (number, _) = script.asked().expect("asked");
    let nothing = || StoreReply::NotFound("nothing is saved here (--no-save)".to_owned());
    script.answers(Ticket::Sessions(number), nothing());
    script.shows("nothing is saved here (--no-save)").chooses("one Rust question").shows("An answer about");
    script.keys("lifet");
    let (number, _) = script.asked().expect("asked");
    script.answers(Ticket::Sessions(number), nothing()).chooses("one Rust question").shows("about lifetimes");
    script.keys("x");
    let (number, _) = script.asked().expect("asked");
    script.answers(Ticket::Sessions(number), nothing()).lacks("one Rust question");
    script.keys("Backspace");
    let (number, _) = script.asked().expect("asked");
    script.answers(Ticket::Sessions(number), nothing());
    script.keys("Ctrl-X y").lacks("An answer about").shows("brings it back");
    script.keys("Ctrl-_").shows("is back");
    let (number, _) = script.asked().expect("asked");
    script.answers(Ticket::Sessions(number), nothing()).shows("one Rust question");
}

#[test]
fn an_unreadable_store_says_why_in_the_lists_place() {
    let mut script = Script::new();
    script.resize(100, 30).keys("Ctrl-S");
    let (number, _) = script.asked().expect("asked");
    let error = StoreError::Unreadable { path: "/tmp/x.db".into(), reason: "it is locked".to_owned() };
    script
        .answers(Ticket::Sessions(number), StoreReply::Failed(error))
        .shows("the store /tmp/x.db cannot be read");
    script.keys("Enter Ctrl-X Ctrl-E F2 Tab Down Esc").lacks("Sessions");
}

#[test]
fn an_empty_store_says_so() {
    let mut script = Script::new();
    script.keys("Ctrl-S").has(Vec::new()).shows("no chat is saved yet");
    script.keys("Enter").shows("Sessions").keys("Ctrl-X").shows("no session to do that with");
}

#[test]
fn a_title_is_written_in_the_line_and_saved() {
    let mut script = open();
    script.keys("Down F2").shows("› Why does my regular expression").shows("Enter save the title");
    script.keys("Ctrl-U New Space name Delete Ctrl-E ! Esc").shows("Type to search").shows("Why does my");
    assert!(script.jobs().is_empty());
    script.keys("Ctrl-T Ctrl-U Enter").shows("a title needs a word");
    script.keys("New Space name Enter").chooses("New name").shows("Type to search");
    assert_eq!(script.jobs(), [StoreJob::Rename { session: id(2), title: "New name".to_owned() }]);
}

#[test]
fn a_rename_of_the_open_conversation_changes_the_header() {
    let mut script = Script::new();
    script.resize(100, 30).exchange("first", "An answer").keys("Ctrl-S").has(some()).chooses("first");
    script.keys("F2 Ctrl-U Another Space one Enter").chooses("Another one").keys("Esc");
    assert!(script.rows()[0].starts_with(" Another one"), "{}", script.rows()[0]);
    script.cmds.clear();
    script.keys("more Enter");
    assert_eq!(script.started().expect("sent").session.title, "Another one");
}

#[test]
fn deleting_asks_first_and_undo_brings_back_the_last() {
    let mut script = open();
    script.keys("Ctrl-X").shows("delete \"Borrow checker, explained\"? y deletes · any other key keeps it");
    script.keys("Down").lacks("y deletes").chooses("Borrow checker");
    script.keys("Delete").shows("y deletes").keys("n").lacks("y deletes");
    assert_eq!(script.asked().map(|(_, query)| query.words), Some(String::new()), "n is no search");
    for n in [1, 2] {
        script.cmds.clear();
        script.keys("Ctrl-X y");
        assert!(script.cmds.iter().any(|cmd| matches!(cmd,
            Cmd::Ask(Ticket::Delete(session), StoreJob::Delete(_)) if *session == id(n))));
        script.answers(Ticket::Delete(id(n)), StoreReply::Saved);
    }
    script.lacks("⟳ Why does my").lacks("Borrow checker, exp").shows("brings it back").chooses("Rezept für");
    script.cmds.clear();
    script.keys("Ctrl-_");
    assert!(
        script
            .cmds
            .iter()
            .any(|cmd| matches!(cmd, Cmd::Ask(Ticket::Restore(session), _) if *session == id(2)))
    );
    script.answers(Ticket::Restore(id(2)), StoreReply::Saved).shows("is back").has(some()[1..].to_vec());
    script.shows("Why does my").lacks("Borrow checker, exp").chooses("Rezept für");
    script.keys("Esc Ctrl-S").has(some()[1..].to_vec()).cmds.clear();
    script
        .keys("F6")
        .answers(Ticket::Restore(id(1)), StoreReply::Saved)
        .has(some())
        .shows("Borrow checker, exp");
    script.keys("Ctrl-_").shows("nothing was deleted");
}

#[test]
fn the_question_stands_whatever_key_is_none() {
    let mut script = open();
    script.keys("Ctrl-X");
    script.msg(Msg::Key(crossterm::event::KeyEvent::new(
        crossterm::event::KeyCode::F(9),
        crossterm::event::KeyModifiers::NONE,
    )));
    script.shows("y deletes");
    script.keys("Esc").lacks("y deletes").shows("Sessions");
}

#[test]
fn a_session_that_streams_is_not_deleted() {
    let mut script = Script::new();
    script.resize(100, 30).keys("first Enter").sent().says("It goes").keys("Ctrl-S").has(some());
    script.chooses("first").keys("Ctrl-X").shows("a reply streams into this session").keys("y");
    assert!(!script.cmds.iter().any(|cmd| matches!(cmd, Cmd::Ask(Ticket::Delete(_), _))));
    script.keys("Backspace").has(some()).keys("Down Down Ctrl-X y");
    let why = "a reply streams into it, in another chatui".to_owned();
    script
        .answers(Ticket::Delete(id(2)), StoreReply::NotFound(why))
        .shows("in another chatui")
        .shows("Why does my");
}

#[test]
fn the_open_conversation_that_is_deleted_gives_way_to_a_new_one() {
    let mut script = Script::new();
    script.resize(100, 30).exchange("first", "An answer").keys("unsent");
    let session = script.app.chat.session.id;
    script.cmds.clear();
    script.keys("Ctrl-S").has(some()).chooses("first").keys("Ctrl-X y");
    assert!(matches!(script.jobs().as_slice(), [StoreJob::SaveDraft { .. }]), "its draft goes with it");
    script
        .answers(Ticket::Delete(session), StoreReply::Saved)
        .lacks("   first")
        .keys("Esc")
        .shows("New chat");
    assert_eq!(script.input(), "");
    script.rests();
    assert!(script.jobs().is_empty(), "nothing of it is written again");
}

#[test]
fn an_export_names_a_file_after_the_title() {
    let mut script = open();
    script.cmds.clear();
    script.keys("Ctrl-E");
    assert!(
        script
            .cmds
            .iter()
            .any(|cmd| matches!(cmd, Cmd::Ask(Ticket::Export(session), _) if *session == id(1)))
    );
    script.answers(Ticket::Export(id(1)), StoreReply::Loaded(Box::new(stored(&some()[0], "An answer"))));
    let written = std::mem::take(&mut script.cmds)
        .into_iter()
        .find_map(|cmd| match cmd {
            Cmd::Export { stored, file } => Some((stored, file)),
            _ => None,
        })
        .expect("a file");
    assert_eq!((written.0.session.title.as_str(), written.1.as_str()), ("Borrow checker, explained", ""));
    script.msg(Msg::Exported(Ok("borrow-checker-explained.md".to_owned())));
    script.shows("written to borrow-checker-explained.md");
    script.keys("Ctrl-End F5").answers(Ticket::Export(id(7)), {
        let mut empty = stored(&some()[6], "");
        empty.messages.clear();
        StoreReply::Loaded(Box::new(empty))
    });
    script.shows("nothing was said in this session yet");
    script.msg(Msg::Exported(Err("a.md cannot be written: no space".to_owned())));
    script.shows("no space");
}

#[test]
fn the_screen_can_be_the_first_and_a_prompt_waits_for_the_choice() {
    let begin = || {
        let mut script = Script::with(|start, _| {
            start.first = First::Sessions;
            start.prompt = Some("and now?".to_owned());
        });
        script.resize(100, 30).has(some()).shows("Borrow checker").shows("Sessions");
        script
    };
    let mut script = begin();
    assert!(script.started().is_none());
    script.keys("Enter").loaded(StoreReply::Loaded(Box::new(stored(&some()[0], "An answer"))));
    let start = script.started().expect("it is sent to the session that was chosen");
    assert_eq!((start.session.id, start.request.messages.len()), (id(1), 3));
    let mut script = begin();
    script.keys("Esc");
    assert!(script.started().is_none());
    assert_eq!(script.input(), "and now?", "nothing was chosen: it is a draft");
}

#[test]
fn a_hit_on_another_branch_is_shown_when_the_session_comes_again() {
    let mut script = Script::new();
    script.resize(100, 30).keys("Ctrl-S tell");
    let mut found = some();
    found.truncate(1);
    let hit = SearchHit { message: Id::from_bits(12), snippet: "It tells".to_owned(), marks: Vec::new() };
    found[0].hit = Some(hit);
    script.has(found).keys("Enter").cmds.clear();
    let mut two = stored(&some()[0], "It tells");
    let mut newer = two.messages[1].clone();
    newer.id = Id::from_bits(13);
    newer.parts = vec![Part::Text("Another answer".to_owned())];
    two.messages.push(newer);
    script.loaded(StoreReply::Loaded(Box::new(two)));
    script.shows("It tells").lacks("Another answer");
    let chosen = crate::chat::session::Chosen { parent: Some(Id::from_bits(11)), child: Id::from_bits(12) };
    assert_eq!(script.jobs(), [StoreJob::Choose { session: id(1), chosen }]);
}

#[test]
fn a_prompt_for_a_chosen_session_comes_back_with_its_files() {
    let begin = || {
        let mut script = Script::with(|start, _| {
            start.first = First::Sessions;
            start.prompt = Some("and now?".to_owned());
            start.files = vec![Part::File { name: "a.md".to_owned(), text: "text".to_owned() }];
        });
        script.resize(100, 30).has(some());
        script
    };
    let mut script = begin();
    script.keys("Esc").shows("[a.md 4 B] and now?");
    assert!(script.started().is_none());

    let mut script = begin();
    script.keys("Enter").loaded(StoreReply::NotFound("there is no such session".to_owned()));
    assert!(script.started().is_none(), "it was meant for the session that is gone");
    script.shows("there is no such session").shows("[a.md 4 B] and now?");
    assert_ne!(script.app.chat.session.id, id(1));
    script.keys("Enter");
    assert_eq!(script.started().expect("the person says so").prompt[0].parts.len(), 2);

    let mut script = begin();
    script.keys("Ctrl-X y Enter").answers(Ticket::Delete(id(1)), StoreReply::Saved);
    script.loaded(StoreReply::NotFound("there is no such session".to_owned()));
    script.shows("[a.md 4 B] and now?");
}

#[test]
fn a_conversation_that_went_on_while_it_was_deleted_is_kept() {
    let begin = || {
        let mut script = Script::new();
        script.resize(100, 30).exchange("first", "An answer").keys("Ctrl-S").has(some()).chooses("first");
        script.keys("Ctrl-X y Esc");
        script.cmds.clear();
        script
    };
    for keys in ["half Space a Space thought", "more Enter"] {
        let mut script = begin();
        let session = script.app.chat.session.id;
        script.keys(keys).cmds.clear();
        let typed = script.input();
        script.answers(Ticket::Delete(session), StoreReply::Saved).shows("An answer").shows("is not deleted");
        let jobs = script.jobs();
        assert_eq!(jobs[0], StoreJob::Restore(session));
        assert_eq!(script.input(), typed);
        if !typed.is_empty() {
            let StoreJob::SaveDraft { draft, .. } = &jobs[1] else { panic!("{jobs:?}") };
            assert_eq!(draft.input.text, typed, "what was saved meanwhile went nowhere");
        }
        script.keys("Ctrl-S").has(some()).shows("first");
    }
    // The same behind the screen.
    let mut script = begin();
    let session = script.app.chat.session.id;
    script.keys("more Enter").sent().says("It begins").keys("Ctrl-N").cmds.clear();
    script.answers(Ticket::Delete(session), StoreReply::Saved).shows("\"first\" is not deleted");
    assert_eq!(script.jobs(), [StoreJob::Restore(session)]);
    script.keys("Ctrl-PageDown").shows("It begins");
    let mut script = begin();
    let session = script.app.chat.session.id;
    script.keys("half Ctrl-N").cmds.clear();
    script.answers(Ticket::Delete(session), StoreReply::Saved);
    assert!(matches!(script.jobs().as_slice(), [StoreJob::Restore(_), StoreJob::SaveDraft { .. }]));
}

#[test]
fn hostile_titles_and_snippets_are_text() {
    let mut script = Script::new();
    script.resize(100, 30).keys("Ctrl-S x");
    let mut odd = summary(1, "a\u{1b}[31mb\u{202e}c\nd", 0);
    odd.session.model = "x:\u{1b}]0;t\u{7}".to_owned();
    odd.hit = Some(SearchHit {
        message: Id::from_bits(1),
        snippet: "\u{9b}31m日".to_owned(),
        marks: vec![0..1, 3..90],
    });
    script.has(vec![odd]);
    let screen = script.screen();
    assert!(!screen.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{7}']), "{screen:?}");
    script.keys("Ctrl-X").keys("n F2");
    assert!(!script.screen().contains('\u{1b}'));
}

#[test]
fn it_draws_at_every_size_and_twice_alike() {
    let mut script = open();
    for (width, height) in [(20, 5), (21, 6), (40, 8), (59, 15), (89, 20), (90, 16), (300, 100), (60, 16)] {
        script.resize(width, height);
        for keys in ["Tab", "Tab", "Ctrl-X n", "F2", "Esc"] {
            script.keys(keys);
            let (first, second) = (script.draw(), script.draw());
            assert_eq!(first, second);
        }
    }
    assert!(matches!(script.app.layers.last(), Some(Layer::Sessions(_))));
}

// -------------------------------------------------------------------------------------------
// Pictures

const SIZES: [(u16, u16); 3] = [(60, 16), (100, 30), (160, 50)];

/// `ago` before the end of these scripts, that all take less than a minute.
fn snapshot(name: &str, play: impl Fn(&mut Script)) {
    for (width, height) in SIZES {
        let mut script = Script::new();
        script.resize(width, height);
        play(&mut script);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), script.screen());
    }
}

fn searched(script: &mut Script) {
    let mut found = some();
    found.truncate(3);
    found[0].hit = Some(SearchHit {
        message: Id::from_bits(12),
        snippet: "rejects the second mutable borrow: let a = &mut v".to_owned(),
        marks: std::iter::once(27..33).collect(),
    });
    found[2].hit = Some(SearchHit {
        message: Id::from_bits(12),
        snippet: "borrow a springform tin from a neighbour".to_owned(),
        marks: std::iter::once(0..6).collect(),
    });
    script.keys("Ctrl-S borr").has(found).previews(ANSWER);
}

#[test]
fn pictures() {
    snapshot("sessions", |script| {
        script.keys("Ctrl-S").has(some()).previews(ANSWER);
    });
    snapshot("sessions_search", searched);
    snapshot("sessions_preview", |script| {
        script.keys("Ctrl-S").has(some()).previews(ANSWER).keys("Tab");
    });
    snapshot("sessions_delete", |script| {
        script.keys("Ctrl-S").has(some()).previews(ANSWER).keys("Down Ctrl-X");
    });
    snapshot("sessions_rename", |script| {
        script.keys("Ctrl-S").has(some()).previews(ANSWER).keys("F2");
    });
    snapshot("sessions_empty", |script| {
        script.keys("Ctrl-S").has(Vec::new());
    });
}

/// The looks differ in colours alone; what is chosen and what was found is told in each of them.
#[test]
fn every_look_tells_the_chosen_row_and_the_hits() {
    let dark = |depth| Theme::builtin("dark").expect("built in").for_depth(depth);
    let looks = [
        dark(ColorDepth::TrueColor),
        dark(ColorDepth::Ansi16),
        dark(ColorDepth::None),
        Theme::builtin("light").expect("built in"),
    ];
    let mut texts = Vec::new();
    for look in looks {
        let mut script = Script::with(|_, settings| settings.theme = look.clone());
        script.resize(100, 30);
        searched(&mut script);
        texts.push(script.screen());
        let (buf, _) = script.draw();
        let row = |y: u16| (4..30).map(|x| buf[(x, y)].style()).collect::<Vec<_>>();
        let first = script.transcript()[0].contains("Borrow checker");
        assert!(first);
        let top = script.app.areas().transcript.y;
        let (chosen, other) = (row(top)[20], row(top + 2)[20]);
        assert_ne!((chosen.bg, chosen.add_modifier), (other.bg, other.add_modifier), "{}", look.name());
        let snippet = row(top + 1);
        let hit = look.style(Tone::Hit, crate::base::Emphasis::default());
        assert!(
            snippet.iter().any(|style| style.add_modifier.contains(hit.add_modifier) && *style != snippet[0])
        );
    }
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]), "the text is the same in each");
}

#[test]
fn neither_help_nor_a_paste_answers_the_question() {
    let no_deletion = |script: &Script| {
        assert!(!script.cmds.iter().any(|cmd| matches!(cmd, Cmd::Ask(Ticket::Delete(_), _))));
    };
    let mut script = open();
    script.keys("Ctrl-X").shows("y deletes").keys("F1").lacks("y deletes").shows("Sessions").keys("y");
    no_deletion(&script);
    assert_eq!(script.asked().map(|(_, query)| query.words), Some("y".to_owned()), "it is searched for");
    let mut script = open();
    script.keys("Ctrl-X").paste("y").lacks("y deletes").chooses("Borrow checker");
    no_deletion(&script);
    script.keys("Ctrl-X y");
    assert!(script.cmds.iter().any(|cmd| matches!(cmd, Cmd::Ask(Ticket::Delete(_), _))));
}

#[test]
fn ctrl_c_over_the_question_stops_the_reply_and_keeps_the_session() {
    let mut script = Script::new();
    script.resize(100, 30).keys("first Enter").sent().says("It goes").keys("Ctrl-S").has(some());
    script.keys("Down Ctrl-X").shows("y deletes").ordered();
    script.keys("Ctrl-C").lacks("y deletes").shows("Sessions");
    assert!(script.ordered().contains(&"cancel"));
}

#[test]
fn the_wheel_scrolls_the_preview_it_is_over_and_moves_through_the_list_it_is_over() {
    let mut script = Script::new();
    script.resize(100, 30).keys("Ctrl-S").has(some()).previews(&lines(1..=200)).shows("line 200");
    script.mouse(MouseKind::WheelUp, 80, 10).chooses("Borrow checker").shows("line 197").lacks("line 198");
    script.mouse(MouseKind::WheelDown, 80, 10).shows("line 200");
    script.mouse(MouseKind::WheelDown, 5, 10).chooses("Why does my");
    script.keys("Ctrl-X").shows("y deletes").mouse(MouseKind::WheelUp, 80, 10).chooses("Why does my");
}

#[test]
fn what_the_store_has_searched_is_not_searched_again_and_what_streams_is() {
    let mut script = Script::new();
    script.resize(100, 30).exchange("one Rust question", "An answer about lifetimes");
    script.keys("Ctrl-S lifet").has(Vec::new()).shows("no session holds \"lifet\"");
    script.keys("Ctrl-U one").has(Vec::new()).chooses("one Rust question");
    script.keys("Esc and Space more Enter").sent().says("Variance of lifetimes").keys("Ctrl-S lifet");
    script.has(Vec::new()).chooses("one Rust question").shows("Variance of lifetimes");
}

#[test]
fn of_a_huge_draft_the_beginning_is_previewed() {
    let mut script = Script::new();
    script.resize(100, 30).paste(&"word ".repeat(1_000_000)).keys("Ctrl-S").has(Vec::new());
    script.shows("Not sent yet: word word");
    assert!(script.app.chat.composer.beginning(8_000).len() <= 8_000, "no more of it is laid out");
}
