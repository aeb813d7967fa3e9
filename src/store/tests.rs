//! What a person relies on of the store.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use super::db::Access;
use super::*;
use crate::base::{Id, MessageId, SessionId};
use crate::chat::jobs::{AnswerEnd, StoredSession, WhichSession};
use crate::chat::message::Finish;
use crate::chat::session::{Chosen, Session, SessionKind, Timestamp};
use crate::chat::{
    ChoiceMetrics, Conversation, ErrorKind, FinishReason, Message, MessageState, Params, Part, StreamEvent,
    ToolCall, TurnError, Usage,
};

mod shelf;

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn call(store: &Store, job: StoreJob) -> StoreReply {
    wait(store.call(job))
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn id(n: u64) -> Id {
    Id::from_bits(n)
}

fn session(n: u64) -> Session {
    Session {
        id: id(n),
        kind: SessionKind::Chat,
        title: format!("session {n}"),
        model: "demo:chat".into(),
        system: String::new(),
        params: Params::default(),
        created: Timestamp(1000),
        updated: Timestamp(1000),
    }
}

fn text(delta: &str) -> StreamEvent {
    StreamEvent::Text { choice: 0, delta: delta.into() }
}

/// A turn of session `n`: the prompt has the id `n * 100 + 1`, the answer `n * 100 + 2`.
fn turn(n: u64) -> StoreJob {
    let prompt = Message::user(id(n * 100 + 1), None, "hello", Timestamp(2000));
    let answer = Message::answer(answer_of(n), Some(prompt.id), "demo:chat", 0, Timestamp(2001));
    StoreJob::BeginTurn { session: Box::new(session(n)), prompt: vec![prompt], answers: vec![answer] }
}

fn answer_of(n: u64) -> MessageId {
    id(n * 100 + 2)
}

fn append(message: MessageId, delta: &str) -> StoreJob {
    StoreJob::Append { message, events: vec![text(delta)] }
}

fn end(message: MessageId) -> StoreJob {
    StoreJob::EndAnswer(Box::new(AnswerEnd {
        message,
        state: MessageState::Complete,
        finish: None,
        usage: None,
        metrics: None,
        error: None,
        notices: Vec::new(),
        ended: Timestamp(3000),
    }))
}

fn load(store: &Store, which: WhichSession) -> StoredSession {
    match call(store, StoreJob::Load(which)) {
        StoreReply::Loaded(loaded) => *loaded,
        other => panic!("{other:?}"),
    }
}

fn load_id(store: &Store, id: SessionId) -> StoredSession {
    load(store, WhichSession::Prefix(id.to_string()))
}

fn failure(reply: StoreReply) -> StoreError {
    match reply {
        StoreReply::Failed(error) => error,
        other => panic!("{other:?}"),
    }
}

/// The files of a folder with what is in them.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn all_that_belongs_to_a_session_comes_back_as_it_was_saved() {
    let folder = folder();
    let store = Store::open(folder.path());
    let mut session = session(1);
    session.kind = SessionKind::Ask;
    session.system = "be brief\0 \u{1b}[31m".into();
    session.params = Params {
        max_tokens: Some(4096),
        temperature: Some(0.7),
        top_p: Some(0.25),
        stop: vec!["a".into(), "\n".into()],
        seed: Some(-7),
        n: Some(2),
        reasoning_effort: Some("high".into()),
        extra: json!({"x": {"y": [1, 2.5, null]}}).as_object().unwrap().clone(),
    };
    let prompt = Message::user(id(11), None, "say 你好 \"x\"", Timestamp(2000));
    let mut first = Message::answer(id(12), Some(id(11)), "demo:chat", 0, Timestamp(2001));
    let second = Message::answer(id(13), Some(id(11)), "demo:chat", 1, Timestamp(2001));
    let begin = StoreJob::BeginTurn {
        session: Box::new(session.clone()),
        prompt: vec![prompt.clone()],
        answers: vec![first.clone(), second.clone()],
    };
    assert_eq!(call(&store, begin), StoreReply::Saved);
    let tool = |id: Option<&str>, name: Option<&str>, delta: &str| StreamEvent::ToolCall {
        choice: 0,
        index: 0,
        id: id.map(Into::into),
        name: name.map(Into::into),
        delta: delta.into(),
    };
    let events = vec![
        StreamEvent::Start { id: Some("r1".into()), model: None },
        StreamEvent::Reasoning { choice: 0, delta: "hm".into() },
        text("a"),
        text("b"),
        StreamEvent::Refusal { choice: 0, delta: "no".into() },
        tool(None, Some("time"), "{"),
        tool(Some("call_1"), None, "}"),
        StreamEvent::Carry { choice: 0, slot: "signature".into(), json: json!({"s": "=="}) },
        StreamEvent::Notice("a chunk was skipped".into()),
    ];
    store.post(StoreJob::Append { message: id(12), events: events[..3].to_vec() });
    store.post(StoreJob::Append { message: id(12), events: events[3..].to_vec() });
    let usage = Usage {
        prompt_tokens: 1,
        completion_tokens: 2,
        total_tokens: 3,
        cached_tokens: Some(0),
        reasoning_tokens: None,
    };
    let metrics = ChoiceMetrics {
        ttft_ms: Some(12.5),
        duration_ms: 99.25,
        chunks: 6,
        tokens: 2,
        tokens_exact: true,
        tokens_per_second: None,
        reasoning_ms: Some(1.0),
    };
    let error = TurnError {
        kind: ErrorKind::Http,
        status: Some(529),
        message: "overloaded".into(),
        hint: "wait".into(),
        request_id: Some("q".into()),
        choice: Some(0),
        quota: true,
    };
    store.post(StoreJob::EndAnswer(Box::new(AnswerEnd {
        message: id(12),
        state: MessageState::Failed,
        finish: Some(Finish { reason: FinishReason::Tools, raw: "tool_calls".into() }),
        usage: Some(usage),
        metrics: Some(metrics),
        error: Some(error.clone()),
        notices: vec!["a chunk was skipped".into(), "retried".into()],
        ended: Timestamp(5000),
    })));
    store.post(end(id(13)));
    assert_eq!(store.drain(), Ok(()));

    first.parts = vec![
        Part::Reasoning("hm".into()),
        Part::Text("ab".into()),
        Part::Refusal("no".into()),
        Part::ToolCall(ToolCall { id: "call_1".into(), name: "time".into(), arguments: "{}".into() }),
        Part::Carry { slot: "signature".into(), json: json!({"s": "=="}) },
    ];
    first.state = MessageState::Failed;
    first.finish = Some(Finish { reason: FinishReason::Tools, raw: "tool_calls".into() });
    first.usage = Some(usage);
    first.metrics = Some(metrics);
    first.error = Some(error);
    first.notices = vec!["a chunk was skipped".into(), "retried".into()];
    let second = Message { state: MessageState::Complete, ..second };
    session.updated = Timestamp(5000);
    let loaded = load_id(&Store::open(folder.path()), id(1));
    assert_eq!(loaded.session, session);
    assert_eq!(loaded.messages, [prompt, first, second]);
    assert_eq!(loaded.chosen, [Chosen { parent: Some(id(11)), child: id(12) }], "the first choice is shown");
}

#[test]
fn the_path_that_was_shown_is_shown_again() {
    let folder = folder();
    let store = Store::open(folder.path());
    let mut shown = Conversation::default();
    let begin = |shown: &mut Conversation, prompt: Vec<Message>, answers: Vec<Message>| {
        shown.add(prompt.clone());
        shown.add(answers.clone());
        call(&store, StoreJob::BeginTurn { session: Box::new(session(1)), prompt, answers });
    };
    let answer = |n: u64, parent: u64| Message::answer(id(n), Some(id(parent)), "m", 0, Timestamp(0));
    begin(&mut shown, vec![Message::user(id(1), None, "a", Timestamp(0))], vec![answer(2, 1), answer(3, 1)]);
    begin(&mut shown, vec![Message::user(id(4), Some(id(2)), "b", Timestamp(0))], vec![answer(5, 4)]);
    begin(&mut shown, Vec::new(), vec![answer(6, 4)]);
    let chosen = shown.choose_beside(id(6), -1).unwrap();
    assert_eq!(call(&store, StoreJob::Choose { session: id(1), chosen }), StoreReply::Saved);
    let path = |store: &Store| Conversation::from_stored(load_id(store, id(1))).path().to_vec();
    assert_eq!(path(&store), shown.path());
    // A regeneration is gone on from, whatever was chosen before, and so is an edit of the first prompt.
    shown.add(vec![answer(7, 4)]);
    let again = StoreJob::BeginTurn {
        session: Box::new(session(1)),
        prompt: Vec::new(),
        answers: vec![answer(7, 4)],
    };
    call(&store, again);
    assert_eq!(path(&store), shown.path());
    assert_eq!(shown.path(), [id(1), id(2), id(4), id(7)]);
}

#[test]
fn an_answer_streams_while_its_process_lives_and_is_truncated_after_it() {
    let folder = folder();
    let (one, two) = (Store::open(folder.path()), Store::open(folder.path()));
    assert_eq!(call(&one, turn(1)), StoreReply::Saved);
    for delta in ["Once ", "upon ", "a "] {
        assert_eq!(call(&one, append(answer_of(1), delta)), StoreReply::Saved);
    }
    let answer = |store: &Store| load_id(store, id(1)).messages.pop().unwrap();
    for store in [&one, &two] {
        let live = answer(store);
        assert_eq!((live.state, live.text().as_str()), (MessageState::Streaming, "Once upon a "));
    }
    one.post(append(answer_of(1), "time"));
    assert_eq!(one.drain(), Ok(()));
    let cut = answer(&two);
    assert_eq!((cut.state, cut.text().as_str()), (MessageState::Truncated, "Once upon a time"));
    assert_eq!(answer(&two), cut, "what was written back reads the same");
    assert_eq!(two.drain(), Ok(()));
    let raw = Connection::open(folder.path().join("chatui.db")).unwrap();
    let left: i64 = raw.query_row("SELECT count(*) FROM deltas", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0, "the rows were folded");
}

#[test]
fn the_newest_session_is_the_one_that_changed_last() {
    let folder = folder();
    let store = Store::open(folder.path());
    let newest = |kind| call(&store, StoreJob::Load(WhichSession::Newest(kind)));
    assert!(matches!(newest(None), StoreReply::NotFound(_)));
    let begun = |n: u64, kind, at| {
        let session = Box::new(Session { kind, updated: Timestamp(at), ..session(n) });
        let prompt = vec![Message::user(id(n * 100 + 1), None, "hello", Timestamp(at))];
        let answer = Message::answer(answer_of(n), Some(id(n * 100 + 1)), "m", 0, Timestamp(at));
        store.post(StoreJob::BeginTurn { session, prompt, answers: vec![answer] });
    };
    store.post(StoreJob::SaveSession(Box::new(Session { updated: Timestamp(9000), ..session(9) })));
    assert!(matches!(newest(None), StoreReply::NotFound(_)), "nothing was said in it");
    begun(1, SessionKind::Chat, 1000);
    begun(2, SessionKind::Ask, 1500);
    assert_eq!(load(&store, WhichSession::Newest(None)).session.id, id(2));
    assert_eq!(load(&store, WhichSession::Newest(Some(SessionKind::Chat))).session.id, id(1));
    begun(3, SessionKind::Chat, 2500);
    assert_eq!(load(&store, WhichSession::Newest(None)).session.id, id(3), "a turn began");
    store.post(end(answer_of(1)));
    assert_eq!(load(&store, WhichSession::Newest(None)).session.id, id(1), "an answer ended");
    let renamed = Session { title: "new".into(), updated: Timestamp(0), ..session(1) };
    store.post(StoreJob::SaveSession(Box::new(renamed)));
    let loaded = load_id(&store, id(1)).session;
    assert_eq!((loaded.title.as_str(), loaded.updated), ("new", Timestamp(3000)));
}

#[test]
fn a_unique_prefix_is_enough_and_others_are_listed() {
    let folder = folder();
    let store = Store::open(folder.path());
    // Ids that begin with "1" and differ in the second character, and one that begins with "z".
    for n in 0..12u64 {
        let id = id((1 << 55) | (n << 50));
        store.post(StoreJob::SaveSession(Box::new(Session {
            id,
            updated: Timestamp(n as i64),
            ..session(0)
        })));
    }
    let z = id(31 << 55);
    store.post(StoreJob::SaveSession(Box::new(Session { id: z, ..session(0) })));
    let prefix = |text: &str| call(&store, StoreJob::Load(WhichSession::Prefix(text.into())));
    for text in ["z", "Z", &z.to_string(), &z.to_string().to_uppercase()] {
        assert_eq!(load(&store, WhichSession::Prefix(text.into())).session.id, z, "{text}");
    }
    match prefix("1") {
        StoreReply::Ambiguous(ids) => {
            assert_eq!(ids.len(), 8);
            assert!(ids.iter().all(|id| id.to_string().starts_with('1')));
            assert_eq!(ids[0], id((1 << 55) | (11 << 50)), "the newest first");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(load(&store, WhichSession::Prefix("1b".into())).session.id, id((1 << 55) | (11 << 50)));
    for text in ["2", "", "u", "zzzzzzzzzzzzz", "'; DROP TABLE sessions"] {
        match prefix(text) {
            StoreReply::NotFound(what) => assert!(what.contains(text), "{what}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn only_the_person_can_read_the_store() {
    let folder = folder();
    let data = folder.path().join("share/chatui");
    let store = Store::open(&data);
    assert_eq!(wait(store.opened()), Ok(None));
    call(&store, turn(1));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("live")), 0o700);
    for (name, _) in files(&data) {
        assert_eq!(mode(&data.join(&name)), 0o600, "{name}");
    }
}

#[test]
fn a_newer_store_is_refused_and_left_exactly_as_it_is() {
    let folder = folder();
    let store = Store::open(folder.path());
    call(&store, turn(1));
    store.drain().unwrap();
    let path = folder.path().join("chatui.db");
    let raw = Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    let before = files(folder.path());
    let store = Store::open(folder.path());
    let newer = StoreError::Newer { path, found: 99, known: db::VERSION };
    assert_eq!(wait(store.opened()), Err(newer.clone()));
    assert_eq!(failure(call(&store, turn(2))), newer);
    assert_eq!(failure(call(&store, StoreJob::Load(WhichSession::Newest(None)))), newer);
    store.post(append(answer_of(2), "x"));
    assert_eq!(store.drain(), Ok(()), "it was told already");
    assert_eq!(files(folder.path()), before);
}

#[test]
fn a_newer_version_that_is_only_in_the_wal_is_refused_too() {
    let folder = folder();
    let store = Store::open(folder.path());
    call(&store, turn(1));
    store.drain().unwrap();
    // The other program still runs, so its change is not in the file yet.
    let path = folder.path().join("chatui.db");
    let raw = Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(folder.path().join("chatui.db-wal")).unwrap();
    let store = Store::open(folder.path());
    assert!(matches!(wait(store.opened()), Err(StoreError::Newer { found: 99, .. })));
    assert_eq!(store.drain(), Ok(()));
    assert_eq!(fs::read(folder.path().join("chatui.db-wal")).unwrap(), before);
}

/// Opens a damaged store and checks that the old bytes are kept and a new store works.
fn assert_set_aside(folder: &Path, bytes: &[u8]) {
    let store = Store::open(folder);
    let notice = wait(store.opened()).unwrap().expect("the damage is reported");
    let aside: Vec<_> = files(folder)
        .into_iter()
        .filter(|(name, _)| name.starts_with("chatui.db.damaged-"))
        .filter(|(name, _)| !name.ends_with("-wal") && !name.ends_with("-shm"))
        .collect();
    let [(name, kept)] = &aside[..] else { panic!("{} files", aside.len()) };
    assert!(kept == bytes, "not a byte is lost");
    assert!(notice.contains(&*folder.join(name).to_string_lossy()), "{notice}");
    assert_eq!(call(&store, turn(1)), StoreReply::Saved);
    assert_eq!(store.drain(), Ok(()));
    let again = Store::open(folder);
    assert_eq!(wait(again.opened()), Ok(None));
    assert_eq!(load_id(&again, id(1)).messages.len(), 2);
}

#[test]
fn garbage_is_set_aside_and_reported() {
    let folder = folder();
    let garbage = b"this is no database, but somebody's notes".repeat(100);
    fs::write(folder.path().join("chatui.db"), &garbage).unwrap();
    assert_set_aside(folder.path(), &garbage);
}

#[test]
fn a_database_of_another_program_is_set_aside() {
    let folder = folder();
    let path = folder.path().join("chatui.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE notes (x)").unwrap();
    assert_set_aside(folder.path(), &fs::read(&path).unwrap());
}

#[test]
fn a_damaged_schema_is_set_aside_and_reported() {
    let folder = folder();
    let store = Store::open(folder.path());
    call(&store, turn(7));
    store.drain().unwrap();
    let path = folder.path().join("chatui.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..2000].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    assert_set_aside(folder.path(), &bytes);
}

#[test]
fn damage_that_a_later_job_meets_is_set_aside_and_the_turn_is_saved_in_a_new_store() {
    let folder = folder();
    let store = Store::open(folder.path());
    call(&store, turn(7));
    store.drain().unwrap();
    let path = folder.path().join("chatui.db");
    let mut bytes = fs::read(&path).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE rootpage > 1";
    let pages: Vec<u32> = {
        let raw = Connection::open(&path).unwrap();
        let mut pages = raw.prepare(sql).unwrap();
        pages.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    // The schema alone is left.
    for page in pages {
        let end = page as usize * 4096;
        bytes[end - 4096..end].fill(0xff);
    }
    fs::write(&path, &bytes).unwrap();
    let store = Store::open(folder.path());
    assert_eq!(wait(store.opened()), Ok(None), "the start reads no more than it must");
    assert_eq!(call(&store, turn(1)), StoreReply::Saved);
    let told = store.take_failure().expect("the damage is reported").to_string();
    let aside = files(folder.path()).into_iter().find(|(name, _)| name.contains(".damaged-")).unwrap();
    assert!(told.contains(&aside.0), "{told}");
    assert!(aside.1 == bytes);
    assert_eq!(load_id(&store, id(1)).messages.len(), 2);
    assert_eq!(store.drain(), Ok(()));
}

#[test]
fn a_damaged_store_is_not_taken_from_under_another_process() {
    let folder = folder();
    fs::write(folder.path().join("chatui.db"), "garbage garbage garbage").unwrap();
    // What another process holds for as long as it uses the store.
    let other = fs::File::create(folder.path().join("chatui.lock")).unwrap();
    other.lock_shared().unwrap();
    let place = || Place { patience: Duration::from_millis(50), ..Place::new(folder.path()) };
    let store = Store::open_at(place());
    match wait(store.opened()) {
        Err(StoreError::Damaged { reason, .. }) => assert!(reason.contains("another chatui"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read(folder.path().join("chatui.db")).unwrap(), b"garbage garbage garbage");
    store.drain().unwrap();
    drop(other);
    assert!(wait(Store::open_at(place()).opened()).unwrap().is_some(), "now it is set aside");
}

#[test]
fn of_several_that_meet_the_damage_at_once_one_sets_it_aside() {
    let folder = folder();
    fs::write(folder.path().join("chatui.db"), "garbage garbage garbage").unwrap();
    let path = folder.path();
    let notices: Vec<String> = thread::scope(|scope| {
        let starts: Vec<_> = (1..=4)
            .map(|n| {
                scope.spawn(move || {
                    let store = Store::open(path);
                    let notice = wait(store.opened()).unwrap();
                    assert_eq!(call(&store, turn(n)), StoreReply::Saved);
                    store.drain().unwrap();
                    notice
                })
            })
            .collect();
        starts.into_iter().filter_map(|start| start.join().unwrap()).collect()
    });
    assert_eq!(notices.len(), 1, "{notices:?}");
    let store = Store::open(path);
    for n in 1..=4 {
        assert_eq!(load_id(&store, id(n)).messages.len(), 2);
    }
}

#[test]
fn a_read_only_store_can_be_read() {
    let folder = folder();
    let store = Store::open(folder.path());
    call(&store, turn(1));
    call(&store, append(answer_of(1), "x"));
    store.drain().unwrap();
    let as_on_a_disk = Place { access: Access::Read, ..Place::new(folder.path()) };
    let store = Store::open_at(as_on_a_disk);
    let error = wait(store.opened()).unwrap_err();
    assert!(error.to_string().contains("read-only"), "{error}");
    assert_eq!(load_id(&store, id(1)).messages[1].state, MessageState::Truncated);
    assert_eq!(failure(call(&store, turn(2))), error);
    assert_eq!(store.drain(), Ok(()));
    let chmod = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let file = folder.path().join("chatui.db");
    chmod(&file, 0o400);
    if OpenOptions::new().write(true).open(&file).is_ok() {
        return; // Root may write everything.
    }
    for mode in [0o700, 0o500] {
        chmod(folder.path(), mode);
        let store = Store::open(folder.path());
        let error = wait(store.opened()).unwrap_err();
        assert!(error.to_string().contains("read-only"), "{error}");
        assert_eq!(load_id(&store, id(1)).messages[1].state, MessageState::Truncated);
        assert_eq!(failure(call(&store, turn(2))), error);
        assert_eq!(store.drain(), Ok(()));
    }
    chmod(folder.path(), 0o700);
}

#[test]
fn a_folder_that_cannot_be_made_is_named_and_chat_can_go_on_unsaved() {
    let folder = folder();
    fs::write(folder.path().join("file"), "").unwrap();
    let store = Store::open(&folder.path().join("file/chatui"));
    let error = wait(store.opened()).unwrap_err();
    assert!(matches!(error, StoreError::Unwritable { .. }));
    assert!(error.to_string().contains("file/chatui/chatui.db"), "{error}");
    assert_eq!(failure(call(&store, turn(1))), error);
    store.post(append(answer_of(1), "x"));
    store.post(append(answer_of(1), "y"));
    store.post(end(answer_of(1)));
    assert_eq!(store.drain(), Ok(()), "the same is not told twice");
}

#[test]
fn a_job_for_an_unknown_answer_fails_once_and_harms_nothing() {
    let folder = folder();
    let store = Store::open(folder.path());
    call(&store, turn(1));
    for _ in 0..3 {
        store.post(append(id(999), "x"));
        store.post(append(answer_of(1), "y"));
    }
    store.post(StoreJob::Choose { session: id(998), chosen: Chosen { parent: None, child: id(999) } });
    assert_eq!(load_id(&store, id(1)).messages[1].text(), "yyy");
    assert!(matches!(store.take_failure(), Some(StoreError::Unwritable { .. })));
    store.post(append(id(999), "x"));
    store.post(end(id(999)));
    assert_eq!(store.drain(), Ok(()));
    assert_eq!(store.drain(), Ok(()), "draining twice is harmless");
    assert!(matches!(failure(call(&store, turn(2))), StoreError::Unwritable { .. }));
}

#[test]
fn a_full_disk_is_told_and_what_fits_later_is_saved() {
    let folder = folder();
    let store = Store::open_at(Place { max_pages: Some(40), ..Place::new(folder.path()) });
    assert_eq!(call(&store, turn(1)), StoreReply::Saved);
    let big = "x".repeat(300_000);
    let error = failure(call(&store, append(answer_of(1), &big)));
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert_eq!(call(&store, turn(2)), StoreReply::Saved, "small things still fit");
    assert!(matches!(call(&store, end(answer_of(1))), StoreReply::Failed(_)));
    assert_eq!(load_id(&store, id(1)).messages.len(), 2, "loading goes on");
    store.drain().unwrap_or_default();
    let store = Store::open(folder.path());
    assert_eq!(load_id(&store, id(1)).messages[1].state, MessageState::Truncated);
}

#[test]
fn an_answer_that_could_not_be_appended_is_whole_at_its_end() {
    let folder = folder();
    let store = Store::open_at(Place { patience: Duration::from_millis(30), ..Place::new(folder.path()) });
    call(&store, turn(1));
    assert_eq!(call(&store, append(answer_of(1), "a")), StoreReply::Saved);
    let other = Connection::open(folder.path().join("chatui.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = failure(call(&store, append(answer_of(1), "b")));
    assert!(error.to_string().contains("locked for over 0.03 s"), "{error}");
    assert!(matches!(call(&store, turn(2)), StoreReply::Failed(StoreError::Unwritable { .. })));
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(call(&store, append(answer_of(1), "c")), StoreReply::Saved);
    assert_eq!(load_id(&Store::open(folder.path()), id(1)).messages[1].text(), "abc", "no gap after a crash");

    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.post(append(answer_of(1), "d"));
    assert!(matches!(call(&store, end(answer_of(1))), StoreReply::Failed(_)));
    other.execute_batch("COMMIT").unwrap();
    store.drain().unwrap_or_default();
    let answer = load_id(&Store::open(folder.path()), id(1)).messages.pop().unwrap();
    assert_eq!((answer.state, answer.text().as_str()), (MessageState::Complete, "abcd"));
}

#[test]
fn a_store_that_was_locked_at_the_start_is_used_when_it_is_free() {
    let folder = folder();
    let other = Connection::open(folder.path().join("chatui.db")).unwrap();
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let store = Store::open_at(Place { patience: Duration::from_millis(30), ..Place::new(folder.path()) });
    let error = wait(store.opened()).unwrap_err();
    assert!(error.to_string().contains("locked"), "{error}");
    drop(other);
    assert_eq!(call(&store, turn(1)), StoreReply::Saved);
    assert_eq!(store.drain(), Ok(()));
}

#[test]
fn stores_that_start_and_write_at_once_lose_nothing() {
    let folder = folder();
    let path = folder.path();
    thread::scope(|scope| {
        for n in 1..=4 {
            scope.spawn(move || {
                let store = Store::open(path);
                assert_eq!(wait(store.opened()), Ok(None));
                assert_eq!(call(&store, turn(n)), StoreReply::Saved);
                for _ in 0..50 {
                    store.post(append(answer_of(n), "word "));
                }
                store.post(end(answer_of(n)));
                assert_eq!(store.drain(), Ok(()));
            });
        }
    });
    let store = Store::open(path);
    for n in 1..=4 {
        let answer = load_id(&store, id(n)).messages.pop().unwrap();
        assert_eq!((answer.state, answer.text()), (MessageState::Complete, "word ".repeat(50)));
    }
}

/// Who quits while another program holds the store is told afterwards, though the turn that asked for it
/// is gone and the same reason was told before.
#[test]
fn what_fails_while_the_program_leaves_is_told_at_the_end() {
    let folder = folder();
    let store = Store::open_at(Place { patience: Duration::from_millis(30), ..Place::new(folder.path()) });
    assert_eq!(call(&store, turn(1)), StoreReply::Saved);
    let other = Connection::open(folder.path().join("chatui.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let told = failure(call(&store, append(answer_of(1), "x")));
    store.unheard();
    assert_eq!(failure(call(&store, end(answer_of(1)))), told);
    assert_eq!(store.drain(), Err(told));
}

#[test]
fn dropping_the_last_handle_saves_what_is_queued() {
    let folder = folder();
    let store = Store::open(folder.path());
    store.post(turn(1));
    store.post(append(answer_of(1), "x"));
    store.post(end(answer_of(1)));
    drop(store);
    assert_eq!(load_id(&Store::open(folder.path()), id(1)).messages[1].text(), "x");
}

#[test]
fn damaged_rows_are_read_as_far_as_they_go() {
    let folder = folder();
    let store = Store::open(folder.path());
    call(&store, turn(1));
    call(&store, append(answer_of(1), "kept"));
    store.drain().unwrap();
    let raw = Connection::open(folder.path().join("chatui.db")).unwrap();
    raw.execute_batch(
        "UPDATE sessions SET kind = 'fax', params = '{', title = CAST(x'ff41' AS TEXT);
         UPDATE messages SET content = 'half a [\"', usage = '7', metrics = '', error = 'odd', notices = '{}'
             WHERE role = 'user';
         UPDATE messages SET role = 'duck', content = '[{\"text\":\"a\"},{\"new\":1}]', parent = 12345,
             choice = -1 WHERE role = 'assistant';
         INSERT INTO deltas SELECT id, 7, 'torn {' FROM messages WHERE role = 'duck';
         UPDATE messages SET owner = '../../x' WHERE role = 'duck';",
    )
    .unwrap();
    drop(raw);
    let loaded = load_id(&Store::open(folder.path()), id(1));
    assert_eq!(loaded.session.title, "\u{fffd}A");
    assert_eq!(loaded.session.params, Params::default());
    let [prompt, answer] = &loaded.messages[..] else { panic!() };
    assert_eq!(prompt.text(), "half a [\"");
    assert_eq!(prompt.error.as_ref().map(|error| error.message.as_str()), Some("odd"));
    assert_eq!((answer.text().as_str(), answer.parent), ("a{\"new\":1}kepttorn {", None));
    assert_eq!(answer.state, MessageState::Truncated);
}

#[test]
fn parents_come_first_and_circles_are_cut() {
    let message = |n: u64, parent: Option<u64>| Message::user(id(n), parent.map(id), "", Timestamp(0));
    let order = |messages: Vec<Message>| -> Vec<(i64, Option<i64>)> {
        let bits = |message: &Message| (message.id.bits(), message.parent.map(Id::bits));
        messages::parents_first(messages).iter().map(bits).collect()
    };
    assert_eq!(
        order(vec![message(3, Some(2)), message(4, Some(1)), message(2, Some(1)), message(1, None)]),
        [(1, None), (4, Some(1)), (2, Some(1)), (3, Some(2))]
    );
    assert_eq!(order(vec![message(2, Some(9)), message(3, Some(2))]), [(2, None), (3, Some(2))]);
    let cut = order(vec![message(5, Some(5)), message(1, Some(2)), message(2, Some(1)), message(3, Some(1))]);
    assert_eq!(cut.len(), 4);
    for (index, (_, parent)) in cut.iter().enumerate() {
        assert!(parent.is_none_or(|parent| cut[..index].iter().any(|(id, _)| *id == parent)), "{cut:?}");
    }
}

#[test]
fn sessions_carry_away_what_belongs_to_them() {
    let folder = folder();
    let store = Store::open(folder.path());
    call(&store, turn(1));
    call(&store, append(answer_of(1), "x"));
    let raw = Connection::open(folder.path().join("chatui.db")).unwrap();
    raw.execute_batch("PRAGMA foreign_keys = ON; DELETE FROM sessions").unwrap();
    for table in ["messages", "deltas", "chosen"] {
        let sql = format!("SELECT count(*) FROM {table}");
        assert_eq!(raw.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap(), 0, "{table}");
    }
    // The answer that still streams does not bring it back, and is no failure.
    store.post(append(answer_of(1), "y"));
    store.post(end(answer_of(1)));
    assert_eq!(store.drain(), Ok(()));
}

/// Figures by hand: `cargo test --lib store:: -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn how_long_it_takes() {
    use std::time::Instant;
    let folder = folder();
    let start = Instant::now();
    let store = Store::open(folder.path());
    wait(store.opened()).unwrap();
    println!("open, new: {:?}", start.elapsed());
    let start = Instant::now();
    call(&store, turn(1));
    println!("BeginTurn: {:?}", start.elapsed());
    let start = Instant::now();
    for _ in 0..10_000 {
        store.post(append(answer_of(1), "some words of text "));
    }
    call(&store, append(answer_of(1), "."));
    println!("10,000 posted Appends: {:?}", start.elapsed());
    let start = Instant::now();
    for _ in 0..1000 {
        call(&store, append(answer_of(1), "some words of text "));
    }
    println!("1,000 called Appends, a commit each: {:?}", start.elapsed());
    let start = Instant::now();
    call(&store, end(answer_of(1)));
    println!("EndAnswer: {:?}", start.elapsed());
    let start = Instant::now();
    store.drain().unwrap();
    println!("drain: {:?}", start.elapsed());
    let raw = Connection::open(folder.path().join("chatui.db")).unwrap();
    raw.execute_batch(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
         INSERT INTO sessions (id, kind, title, model, system, params, created, updated) SELECT (random() & ((1 << 60) - 1)), 'chat', 'title ' || i, 'm', '', '{}', i, i FROM n",
    )
    .unwrap();
    drop(raw);
    let start = Instant::now();
    let store = Store::open(folder.path());
    wait(store.opened()).unwrap();
    println!("open, 100,000 sessions: {:?}", start.elapsed());
    let start = Instant::now();
    load(&store, WhichSession::Newest(Some(SessionKind::Chat)));
    println!("newest of 100,000: {:?}", start.elapsed());
}
