//! Listing, searching, renaming, deleting, drafts: what a person relies on.

use super::*;
use crate::chat::session::{Draft, PIECE, Piece, SessionQuery, SessionSummary, Written};

/// No session.
const NONE: [i64; 0] = [];

/// A whole turn: the words of both, the answer's with the end that they need.
fn said(store: &Store, n: u64, prompt: &str, answer: &str) {
    let session = Session { updated: Timestamp(n as i64 * 10), ..session(n) };
    let prompt = Message::user(id(n * 100 + 1), None, prompt, Timestamp(n as i64 * 10));
    let empty = Message::answer(answer_of(n), Some(prompt.id), "demo:chat", 0, Timestamp(n as i64 * 10));
    let begin =
        StoreJob::BeginTurn { session: Box::new(session), prompt: vec![prompt], answers: vec![empty] };
    assert_eq!(call(store, begin), StoreReply::Saved);
    store.post(append(answer_of(n), answer));
    let StoreJob::EndAnswer(mut end) = end(answer_of(n)) else { panic!() };
    end.ended = Timestamp(n as i64 * 10 + 1);
    assert_eq!(call(store, StoreJob::EndAnswer(end)), StoreReply::Saved);
}

fn listed(store: &Store, asked: SessionQuery) -> Vec<SessionSummary> {
    match call(store, StoreJob::List(asked)) {
        StoreReply::Listed(summaries) => summaries,
        other => panic!("{other:?}"),
    }
}

fn search(store: &Store, words: &str) -> Vec<SessionSummary> {
    listed(store, SessionQuery { words: words.into(), kind: None, skip: 0, limit: 50 })
}

fn all(store: &Store) -> Vec<SessionSummary> {
    search(store, "")
}

/// Which sessions, by their number.
fn numbers(summaries: &[SessionSummary]) -> Vec<i64> {
    summaries.iter().map(|summary| summary.session.id.bits()).collect()
}

fn rename(store: &Store, n: u64, title: &str) -> StoreReply {
    call(store, StoreJob::Rename { session: id(n), title: title.into() })
}

fn draft(n: u64, text: &str) -> StoreJob {
    let session = Session { updated: Timestamp(n as i64 * 10), ..session(n) };
    let draft = Draft { input: text.to_owned().into(), queued: Vec::new() };
    StoreJob::SaveDraft { session: Box::new(session), draft }
}

fn raw(folder: &Path) -> Connection {
    Connection::open(folder.join("chatui.db")).unwrap()
}

fn count(raw: &Connection, sql: &str) -> i64 {
    raw.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn sessions_are_listed_newest_first_by_pages() {
    let folder = folder();
    let store = Store::open(folder.path());
    for n in 1..=5 {
        said(&store, n, "question", "answer");
    }
    let kind = |n, kind| Session { kind, updated: Timestamp(n as i64 * 10), ..session(n) };
    let prompt = Message::user(id(601), None, "scripted", Timestamp(60));
    let streams = Message::answer(answer_of(6), Some(prompt.id), "m", 0, Timestamp(60));
    call(
        &store,
        StoreJob::BeginTurn {
            session: Box::new(kind(6, SessionKind::Ask)),
            prompt: vec![prompt],
            answers: vec![streams],
        },
    );
    call(&store, StoreJob::SaveSession(Box::new(kind(7, SessionKind::Chat))));
    call(&store, draft(8, "\n  not \u{1b} sent \nmore"));
    let everything = all(&store);
    assert_eq!(numbers(&everything), [8, 6, 5, 4, 3, 2, 1], "one of which nothing is known is no line");
    let shown = |n: usize| (everything[n].messages, everything[n].state, everything[n].draft.as_str());
    assert_eq!(shown(0), (0, None, "not ␛ sent"));
    assert_eq!(shown(1), (2, Some(MessageState::Streaming), ""));
    assert_eq!(shown(2), (2, Some(MessageState::Complete), ""));
    assert!(everything.iter().all(|summary| summary.hit.is_none()));
    let other = Store::open(folder.path());
    assert_eq!(all(&other)[1].state, Some(MessageState::Streaming), "another process streams");
    let page =
        |skip, limit, kind| numbers(&listed(&store, SessionQuery { words: " ".into(), kind, skip, limit }));
    assert_eq!(page(0, 2, None), [8, 6]);
    assert_eq!(page(2, 2, None), [5, 4]);
    assert_eq!(page(6, 9, None), [1]);
    assert_eq!(page(0, usize::MAX, Some(SessionKind::Ask)), [6]);
    assert_eq!(page(1, 2, Some(SessionKind::Chat)), [5, 4]);
    store.drain().unwrap();
    assert_eq!(all(&other)[1].state, Some(MessageState::Truncated), "its process is gone");
}

#[test]
fn words_are_found_in_messages_and_titles_and_the_last_one_may_be_begun() {
    let folder = folder();
    let store = Store::open(folder.path());
    said(&store, 1, "How do Übermensch and naïve differ?", "In the **philosophy** of it.");
    said(&store, 2, "你好,世界和平", "不客气 ありがとう");
    said(&store, 3, "don't \"quote\" C++ me", "snake_case and 3.14 and foo@example.org");
    said(&store, 4, "plain", "nothing here");
    assert_eq!(rename(&store, 4, "Ein Café-Besuch in 東京都"), StoreReply::Saved);
    for (words, wanted) in [
        ("philosophy", &[1][..]),
        ("PHILO", &[1]),
        ("ubermensch naive", &[1]),
        ("übermensch dif", &[1]),
        ("uber naive", &[]),
        ("philosophy differ", &[]),
        ("世界", &[2]),
        ("界和", &[2]),
        ("界世", &[]),
        ("好 和平", &[2]),
        ("がと", &[2]),
        ("don't", &[3]),
        ("example.org", &[3]),
        ("3.1", &[3]),
        ("c++ me", &[3]),
        ("cafe", &[4]),
        ("京", &[4]),
        ("besuch cafe", &[4]),
        ("a", &[3, 1]),
        ("in", &[4, 1]),
        ("zzz", &[]),
    ] {
        let found = search(&store, words);
        assert_eq!(numbers(&found), wanted, "{words}");
    }
    let hit = search(&store, "philo").remove(0).hit.unwrap();
    assert_eq!(hit.message, answer_of(1));
    assert_eq!(
        (hit.snippet.as_str(), &hit.snippet[hit.marks[0].clone()]),
        ("In the **philosophy** of it.", "philo")
    );
    assert_eq!(search(&store, "besuch")[0].hit, None, "only its title was found");
    assert_eq!(search(&store, "plain")[0].hit.as_ref().unwrap().message, id(401));
    // A title that is found and a message that is found too: one line, with the message.
    rename(&store, 4, "plain things");
    let both = search(&store, "plain");
    assert_eq!((both.len(), both[0].hit.as_ref().unwrap().message), (1, id(401)));
    assert_eq!(numbers(&search(&store, "besuch")), NONE, "the old title is forgotten");
}

#[test]
fn newest_hits_come_first_and_each_session_once() {
    let folder = folder();
    let store = Store::open(folder.path());
    for n in 1..=6 {
        said(&store, n, "the word", "the word, and the word again");
    }
    assert_eq!(numbers(&search(&store, "word")), [6, 5, 4, 3, 2, 1]);
    // A new hit in an old session.
    let more = Message::user(id(150), Some(answer_of(1)), "one more word", Timestamp(900));
    call(
        &store,
        StoreJob::BeginTurn { session: Box::new(session(1)), prompt: vec![more], answers: Vec::new() },
    );
    let found = search(&store, "word");
    assert_eq!(numbers(&found), [1, 6, 5, 4, 3, 2]);
    assert_eq!(found[0].hit.as_ref().unwrap().message, id(150));
    let page = |skip, limit| {
        let asked = SessionQuery { words: "word".into(), kind: Some(SessionKind::Chat), skip, limit };
        numbers(&listed(&store, asked))
    };
    assert_eq!(
        (page(0, 2), page(2, 3), page(5, 9), page(9, 9)),
        (vec![1, 6], vec![5, 4, 3], vec![2], vec![])
    );
    let ask = SessionQuery { words: "word".into(), kind: Some(SessionKind::Ask), skip: 0, limit: 9 };
    assert_eq!(listed(&store, ask).len(), 0);
}

#[test]
fn files_are_searched_and_what_the_model_thought_is_not() {
    let folder = folder();
    let store = Store::open(folder.path());
    let mut prompt = Message::user(id(101), None, "read this", Timestamp(1));
    prompt.parts.push(Part::File { name: "notes.txt".into(), text: "buried treasure".into() });
    let answer = Message::answer(answer_of(1), Some(prompt.id), "m", 0, Timestamp(1));
    call(
        &store,
        StoreJob::BeginTurn { session: Box::new(session(1)), prompt: vec![prompt], answers: vec![answer] },
    );
    let events = vec![StreamEvent::Reasoning { choice: 0, delta: "secretly".into() }, text("openly")];
    call(&store, StoreJob::Append { message: answer_of(1), events });
    assert_eq!(numbers(&search(&store, "openly")), NONE, "an answer is found when it is whole");
    call(&store, end(answer_of(1)));
    for (words, wanted) in [("treasure", 1), ("notes.txt", 1), ("openly", 1), ("secretly", 0)] {
        assert_eq!(search(&store, words).len(), wanted, "{words}");
    }
}

#[test]
fn no_query_is_an_error() {
    let folder = folder();
    let store = Store::open(folder.path());
    said(&store, 1, "NEAR and far", "text");
    let long = "word ".repeat(200_000);
    for words in [
        "\"",
        "\"\"\"",
        "'",
        "*",
        "a*b",
        "^a",
        "-",
        "-a",
        "a-",
        "NEAR",
        "NEAR(",
        "NEAR(a b, 2)",
        "AND",
        "OR",
        "NOT",
        "a AND",
        "text:a",
        "{text}: a",
        "(",
        ")",
        "a)",
        "\0",
        "a\0b",
        "\u{e000}chat",
        "\u{e000}",
        "+",
        ";",
        "--",
        "'; DROP TABLE sessions; --",
        "\u{202e}",
        "e\u{301}",
        "\u{301}",
        "ิ",
        "👩‍👩‍👧",
        "\u{fffd}",
        &long,
    ] {
        let asked = SessionQuery { words: words.into(), kind: Some(SessionKind::Chat), skip: 0, limit: 5 };
        listed(&store, asked);
    }
    assert_eq!(numbers(&search(&store, "near")), [1]);
    assert_eq!(numbers(&search(&store, "AND far")), [1]);
    assert_eq!(numbers(&search(&store, "chat")), NONE, "the word that stands for the kind is not typed");
}

#[test]
fn what_another_process_saved_is_found() {
    let folder = folder();
    let (one, two) = (Store::open(folder.path()), Store::open(folder.path()));
    assert_eq!(numbers(&search(&two, "early")), NONE);
    said(&one, 1, "early bird", "worm");
    assert_eq!(numbers(&search(&two, "early")), [1]);
    call(&one, turn(2));
    call(&one, append(answer_of(2), "half a sentence"));
    one.drain().unwrap();
    assert_eq!(numbers(&search(&two, "half")), NONE);
    load_id(&two, id(2));
    assert_eq!(numbers(&search(&two, "half")), [2], "a cut answer is found once it was folded");
}

#[test]
fn a_title_that_a_person_gave_stays() {
    let folder = folder();
    let (one, two) = (Store::open(folder.path()), Store::open(folder.path()));
    said(&one, 1, "question", "answer");
    assert_eq!(rename(&two, 1, "My title"), StoreReply::Saved);
    // The first process knows nothing of it.
    let prompt = Message::user(id(190), Some(answer_of(1)), "more", Timestamp(99));
    let begin =
        StoreJob::BeginTurn { session: Box::new(session(1)), prompt: vec![prompt], answers: Vec::new() };
    call(&one, begin);
    call(&one, StoreJob::SaveSession(Box::new(Session { model: "other:model".into(), ..session(1) })));
    let loaded = load_id(&one, id(1)).session;
    assert_eq!((loaded.title.as_str(), loaded.model.as_str()), ("My title", "other:model"));
    assert_eq!(rename(&one, 1, "Another"), StoreReply::Saved);
    assert_eq!(load_id(&two, id(1)).session.title, "Another");
    assert!(matches!(rename(&one, 9, "x"), StoreReply::NotFound(_)));
}

#[test]
fn a_deleted_session_is_nowhere_and_can_be_restored() {
    let folder = folder();
    let (one, two) = (Store::open(folder.path()), Store::open(folder.path()));
    said(&one, 1, "first words", "answer");
    said(&one, 2, "second words", "answer");
    call(&one, draft(2, "unsent"));
    assert_eq!(call(&one, StoreJob::Delete(id(2))), StoreReply::Saved);
    for store in [&one, &two] {
        assert_eq!(numbers(&all(store)), [1]);
        assert_eq!(numbers(&search(store, "words")), [1]);
        assert_eq!(load(store, WhichSession::Newest(None)).session.id, id(1));
        let prefix = StoreJob::Load(WhichSession::Prefix(id(2).to_string()));
        assert!(matches!(call(store, prefix), StoreReply::NotFound(_)));
        assert!(matches!(rename(store, 2, "x"), StoreReply::NotFound(_)));
        assert_eq!(
            call(store, StoreJob::Prompts { limit: 9 }),
            StoreReply::Prompts(vec!["first words".into()])
        );
        assert!(matches!(call(store, StoreJob::Delete(id(2))), StoreReply::NotFound(_)));
    }
    call(&one, draft(2, "the draft is saved late"));
    assert_eq!(call(&one, StoreJob::Restore(id(2))), StoreReply::Saved);
    assert_eq!(numbers(&search(&two, "words")), [2, 1]);
    assert_eq!(load_id(&two, id(2)).draft.input.text, "the draft is saved late");
    assert!(matches!(call(&one, StoreJob::Restore(id(9))), StoreReply::NotFound(_)));

    call(&one, StoreJob::Delete(id(2)));
    one.drain().unwrap();
    assert!(matches!(call(&two, StoreJob::Restore(id(2))), StoreReply::NotFound(_)), "it is gone for good");
    two.drain().unwrap();
    let raw = raw(folder.path());
    for (sql, wanted) in [
        ("SELECT count(*) FROM sessions", 1),
        ("SELECT count(*) FROM messages", 2),
        ("SELECT count(*) FROM drafts", 0),
        ("SELECT count(*) FROM deleted", 0),
        ("SELECT count(*) FROM stale_messages", 0),
        ("SELECT count(*) FROM message_words WHERE message_words MATCH 'second'", 0),
        ("SELECT count(*) FROM message_words WHERE message_words MATCH 'words'", 1),
        ("SELECT count(*) FROM title_words WHERE title_words MATCH 'session'", 1),
    ] {
        assert_eq!(count(&raw, sql), wanted, "{sql}");
    }
}

#[test]
fn what_a_dead_process_deleted_goes_at_the_next_start_and_what_a_living_one_deleted_stays() {
    let folder = folder();
    let one = Store::open(folder.path());
    for n in 1..=3 {
        said(&one, n, "words", "answer");
    }
    call(&one, StoreJob::Delete(id(1)));
    // As a process left it that was killed, and one on a disk without locks.
    raw(folder.path()).execute_batch("INSERT INTO deleted VALUES (2, '000000000000'), (3, NULL)").unwrap();
    let two = Store::open(folder.path());
    assert_eq!(wait(two.indexed()), Ok(()));
    two.drain().unwrap();
    assert_eq!(count(&raw(folder.path()), "SELECT CAST(group_concat(id) AS INTEGER) FROM sessions"), 1);
    assert_eq!(call(&one, StoreJob::Restore(id(1))), StoreReply::Saved);
    one.drain().unwrap();
    assert_eq!(numbers(&all(&Store::open(folder.path()))), [1], "what was restored is not removed");
}

#[test]
fn a_session_that_another_process_restored_and_deleted_again_is_left_to_that_one() {
    let folder = folder();
    let (one, two) = (Store::open(folder.path()), Store::open(folder.path()));
    said(&one, 1, "question", "answer");
    assert_eq!(call(&one, StoreJob::Delete(id(1))), StoreReply::Saved);
    assert_eq!(call(&two, StoreJob::Restore(id(1))), StoreReply::Saved);
    assert_eq!(call(&two, StoreJob::Delete(id(1))), StoreReply::Saved);
    one.drain().unwrap();
    assert_eq!(call(&two, StoreJob::Restore(id(1))), StoreReply::Saved, "undo is still offered there");
    assert_eq!(load_id(&two, id(1)).messages.len(), 2);
}

#[test]
fn a_draft_in_a_session_that_another_process_deleted_is_there_after_its_undo() {
    let folder = folder();
    let (one, two) = (Store::open(folder.path()), Store::open(folder.path()));
    said(&one, 1, "question", "answer");
    assert_eq!(call(&two, draft(2, "bare")), StoreReply::Saved);
    for n in [1, 2] {
        assert_eq!(call(&one, StoreJob::Delete(id(n))), StoreReply::Saved);
    }
    assert_eq!(call(&two, draft(1, "written meanwhile")), StoreReply::Saved);
    assert_eq!(call(&two, draft(2, "")), StoreReply::Saved);
    assert_eq!(call(&two, draft(2, "bare again")), StoreReply::Saved);
    assert_eq!(numbers(&all(&two)), NONE, "it stays deleted");
    for (n, text) in [(1, "written meanwhile"), (2, "bare again")] {
        assert_eq!(call(&one, StoreJob::Restore(id(n))), StoreReply::Saved);
        assert_eq!(load_id(&one, id(n)).draft.input.text, text);
    }
    assert_eq!(call(&one, StoreJob::Delete(id(1))), StoreReply::Saved);
    one.drain().unwrap();
    let drafts = "SELECT count(*) FROM drafts WHERE session = 1";
    assert_eq!(count(&raw(folder.path()), drafts), 0, "it goes with the session");
}

#[test]
fn what_a_nameless_process_deleted_stays_for_a_day() {
    let folder = folder();
    // No locks are to be had here.
    fs::write(folder.path().join("live"), "").unwrap();
    let one = Store::open(folder.path());
    said(&one, 1, "question", "answer");
    assert_eq!(call(&one, StoreJob::Delete(id(1))), StoreReply::Saved);
    let other = Store::open(folder.path());
    for _ in 0..100 {
        // Between two jobs it would be removed.
        assert_eq!(numbers(&all(&other)), NONE);
    }
    other.drain().unwrap();
    assert_eq!(call(&one, StoreJob::Restore(id(1))), StoreReply::Saved);
    assert_eq!(call(&one, StoreJob::Delete(id(1))), StoreReply::Saved);
    one.drain().unwrap();
    assert_eq!(count(&raw(folder.path()), "SELECT count(*) FROM sessions"), 0, "gone when it closes");

    let one = Store::open(folder.path());
    said(&one, 2, "question", "answer");
    let long_ago = "INSERT INTO deleted VALUES (2, '@1000')";
    raw(folder.path()).execute_batch(long_ago).unwrap();
    one.drain().unwrap();
    let store = Store::open(folder.path());
    let until = std::time::Instant::now() + Duration::from_secs(10);
    while count(&raw(folder.path()), "SELECT count(*) FROM sessions") > 0 {
        assert!(std::time::Instant::now() < until, "it is not removed");
        std::thread::yield_now();
    }
    store.drain().unwrap();
}

#[test]
fn what_could_not_be_indexed_for_a_lock_is_indexed_when_it_is_free() {
    let folder = folder();
    let store = Store::open(folder.path());
    said(&store, 1, "early words", "answer");
    store.drain().unwrap();
    let raw = raw(folder.path());
    raw.execute_batch("UPDATE backlog SET messages = (SELECT max(seq) FROM messages)").unwrap();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    let store = Store::open(folder.path());
    for _ in 0..100 {
        assert_eq!(numbers(&all(&store)), [1]);
    }
    raw.execute_batch("ROLLBACK").unwrap();
    let until = std::time::Instant::now() + Duration::from_secs(10);
    while count(&raw, "SELECT messages IS NULL FROM backlog") == 0 {
        assert!(std::time::Instant::now() < until, "nobody indexes it");
        std::thread::yield_now();
    }
    store.drain().unwrap();
}

#[test]
fn a_session_is_not_deleted_while_an_answer_streams_into_it() {
    let folder = folder();
    let (one, two) = (Store::open(folder.path()), Store::open(folder.path()));
    call(&one, turn(1));
    for store in [&one, &two] {
        match call(store, StoreJob::Delete(id(1))) {
            StoreReply::Refused(why) => assert!(why.contains("stop it first"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    one.drain().unwrap();
    assert_eq!(call(&two, StoreJob::Delete(id(1))), StoreReply::Saved, "its process is gone");
    // Who has it open and goes on with it wants it.
    let three = Store::open(folder.path());
    call(&three, turn(1));
    assert_eq!(numbers(&all(&two)), [1]);
    two.drain().unwrap();
    assert_eq!(numbers(&all(&three)), [1]);
}

#[test]
fn a_draft_is_kept_with_its_session_and_an_empty_one_is_forgotten() {
    let folder = folder();
    let store = Store::open(folder.path());
    said(&store, 1, "question", "answer");
    let file = Piece::File { name: "a.txt".into(), text: "what it holds".into() };
    let pieces = vec![Piece::Pasted("long".into()), file];
    let input = Written { text: format!("half a \0 thought {PIECE}\n{PIECE}"), pieces };
    let full = Draft { input, queued: vec!["a".to_owned().into(), "b\nc".to_owned().into()] };
    let save = |draft: &Draft, session| {
        let job = StoreJob::SaveDraft { session: Box::new(session), draft: draft.clone() };
        assert_eq!(call(&store, job), StoreReply::Saved);
    };
    save(&full, Session { title: "stale".into(), ..session(1) });
    save(&full, session(2));
    let loaded = load_id(&store, id(1));
    assert_eq!((&loaded.draft, loaded.session.title.as_str()), (&full, "session 1"));
    assert_eq!(load_id(&store, id(2)).draft, full);
    said(&store, 2, "sent", "answered");
    assert_eq!(load_id(&store, id(2)).draft, full, "a turn does not touch it");
    save(&Draft::default(), session(2));
    save(&Draft { input: "  \n".to_owned().into(), ..Draft::default() }, session(1));
    save(&full, session(3));
    save(&Draft::default(), session(3));
    save(&Draft::default(), session(4));
    assert_eq!(numbers(&all(&store)), [2, 1]);
    assert_eq!(load_id(&store, id(1)).draft, Draft::default());
    raw(folder.path()).execute_batch("INSERT INTO drafts VALUES (1, 'torn {', NULL)").unwrap();
    assert_eq!(load_id(&store, id(1)).draft.input.text, "torn {", "no word is dropped");
    assert_eq!(
        count(&raw(folder.path()), "SELECT count(*) FROM sessions"),
        2,
        "nothing is left of a bare one"
    );
}

#[test]
fn an_unsent_draft_is_taken_by_one_process_when_nobody_has_it_open() {
    let folder = folder();
    let unsent = |store: &Store| match call(store, StoreJob::Load(WhichSession::Unsent)) {
        StoreReply::Loaded(loaded) => Some((loaded.session.id.bits(), loaded.draft.input.text)),
        StoreReply::NotFound(_) => None,
        other => panic!("{other:?}"),
    };
    let one = Store::open(folder.path());
    assert_eq!(unsent(&one), None);
    said(&one, 9, "question", "answer");
    for job in [draft(1, "older"), draft(2, "newer"), draft(9, "in a conversation")] {
        call(&one, job);
    }
    let two = Store::open(folder.path());
    assert_eq!((unsent(&one), unsent(&two)), (None, None), "the first has them open");
    one.drain().unwrap();
    let three = Store::open(folder.path());
    assert_eq!(unsent(&two), Some((2, "newer".into())));
    assert_eq!(unsent(&three), Some((1, "older".into())), "each is given once");
    assert_eq!((unsent(&two), unsent(&three)), (None, None));
    three.drain().unwrap();
    // Who opens it by its id has it too.
    assert_eq!(load_id(&two, id(1)).draft.input.text, "older");
    let four = Store::open(folder.path());
    assert_eq!(unsent(&four), None);
    two.drain().unwrap();
    call(&four, StoreJob::Delete(id(2)));
    assert_eq!(unsent(&four), Some((1, "older".into())), "a deleted one is no draft");
}

#[test]
fn earlier_prompts_come_newest_first_each_once() {
    let folder = folder();
    let store = Store::open(folder.path());
    for (n, prompt) in [(1, "first"), (2, "again"), (3, "  "), (4, "again"), (5, "last")] {
        said(&store, n, prompt, "answer");
    }
    let prompts = |limit| match call(&store, StoreJob::Prompts { limit }) {
        StoreReply::Prompts(prompts) => prompts,
        other => panic!("{other:?}"),
    };
    assert_eq!(prompts(10), ["last", "again", "first"]);
    assert_eq!(prompts(2), ["last", "again"]);
    assert!(prompts(0).is_empty());
}

/// A store as the first version of chatui made it.
fn version_1(folder: &Path, sessions: u64, messages: u64) {
    let mut raw = raw(folder);
    raw.execute_batch(include_str!("../../../assets/migrations/0001.sql")).unwrap();
    raw.execute_batch("PRAGMA journal_mode = WAL; PRAGMA user_version = 1").unwrap();
    let transaction = raw.transaction().unwrap();
    for n in 1..=sessions {
        let sql = "INSERT INTO sessions VALUES (?1, 'chat', ?2, 'm', '', '{}', ?1, ?1)";
        transaction.prepare_cached(sql).unwrap().execute((n as i64, format!("title {n} of old"))).unwrap();
        for m in 0..messages {
            let message = Message::user(
                id(1_000_000 + n * 100 + m),
                None,
                format!("said {n} {m} before"),
                Timestamp(n as i64),
            );
            messages::insert(&transaction, id(n), &message, None).unwrap();
        }
    }
    transaction.commit().unwrap();
}

#[test]
fn a_store_of_the_first_version_is_searched_too() {
    let folder = folder();
    version_1(folder.path(), 300, 4);
    let store = Store::open(folder.path());
    assert_eq!(wait(store.opened()), Ok(None));
    said(&store, 400, "said now", "answer");
    assert_eq!(wait(store.indexed()), Ok(()));
    assert_eq!(search(&store, "said").len(), 50);
    assert_eq!(numbers(&search(&store, "said 7 3")), [7]);
    assert_eq!(numbers(&search(&store, "title 123 old")), [123]);
    assert_eq!(numbers(&search(&store, "now")), [400]);
    store.drain().unwrap();
    let raw = raw(folder.path());
    assert_eq!(count(&raw, "SELECT count(*) FROM message_words WHERE message_words MATCH 'before'"), 1200);
    assert_eq!(count(&raw, "SELECT messages IS NULL AND titles IS NULL FROM backlog"), 1);
}

#[test]
fn a_store_of_the_first_version_that_is_read_only_is_listed_and_loaded_and_says_that_it_is_not_searched() {
    let folder = folder();
    version_1(folder.path(), 3, 4);
    let before = fs::read(folder.path().join("chatui.db")).unwrap();
    let store = Store::open_at(Place { access: Access::Read, ..Place::new(folder.path()) });
    let error = wait(store.opened()).unwrap_err();
    assert!(error.to_string().contains("read-only"), "{error}");
    assert_eq!(numbers(&all(&store)), [3, 2, 1]);
    assert_eq!(load_id(&store, id(2)).messages.len(), 4);
    assert_eq!(
        call(&store, StoreJob::Load(WhichSession::Unsent)),
        StoreReply::NotFound("there is no draft".into())
    );
    assert!(
        matches!(call(&store, StoreJob::Prompts { limit: 9 }), StoreReply::Prompts(prompts) if prompts.len() == 9)
    );
    let asked = SessionQuery { words: "said".into(), kind: None, skip: 0, limit: 9 };
    let unsearched = failure(call(&store, StoreJob::List(asked))).to_string();
    assert!(
        unsearched.contains("searching needs an index") && unsearched.contains("older chatui"),
        "{unsearched}"
    );
    assert_eq!(failure(rename(&store, 1, "t")), error);
    assert_eq!(store.drain(), Ok(()));
    assert_eq!(fs::read(folder.path().join("chatui.db")).unwrap(), before, "nothing was changed");
}

#[test]
fn a_session_found_by_its_title_shows_its_newest_message_that_holds_the_words_too() {
    let folder = folder();
    let store = Store::open(folder.path());
    for n in 1..=5 {
        said(&store, n, "it begins", &format!("and {n} begins"));
    }
    for n in [1, 2] {
        assert_eq!(rename(&store, n, "it begins"), StoreReply::Saved);
    }
    said(&store, 6, "nothing of it", "nothing");
    assert_eq!(rename(&store, 6, "only the title begins"), StoreReply::Saved);
    // Said long ago, and changed since.
    let changed = Session { updated: Timestamp(1000), ..session(1) };
    assert_eq!(call(&store, StoreJob::SaveSession(Box::new(changed))), StoreReply::Saved);
    for limit in 1..=6 {
        let asked = SessionQuery { words: "begin".into(), kind: None, skip: 0, limit };
        let found = listed(&store, asked);
        assert_eq!(numbers(&found), [1, 6, 5, 4, 3, 2][..limit]);
        for summary in &found {
            let hit = summary.hit.as_ref().map(|hit| hit.message);
            let wanted = if summary.session.id == id(6) {
                None
            } else {
                Some(answer_of(summary.session.id.bits().unsigned_abs()))
            };
            assert_eq!(hit, wanted, "{limit}");
        }
    }
}

#[test]
fn titles_that_are_many_are_found_in_their_order_page_by_page() {
    let folder = folder();
    version_1(folder.path(), 700, 1);
    let store = Store::open(folder.path());
    assert_eq!(wait(store.indexed()), Ok(()));
    let page = |words: &str, skip| {
        let asked = SessionQuery { words: words.into(), kind: Some(SessionKind::Chat), skip, limit: 300 };
        numbers(&listed(&store, asked))
    };
    for words in ["title", "of ol", "old"] {
        let expected: Vec<i64> = (1..=700).rev().collect();
        let pages: Vec<i64> = [0, 300, 600].into_iter().flat_map(|skip| page(words, skip)).collect();
        assert_eq!(pages, expected, "{words}");
    }
    assert_eq!(page("title 7", 0).len(), 12, "7, 70 to 79, 700");
}

#[test]
fn a_damaged_index_is_made_anew_and_nothing_else_is_touched() {
    let broken = [
        "UPDATE message_words_data SET block = x'ffffffffffffffffffffffff'",
        "UPDATE title_words_data SET block = zeroblob(length(block))",
        "DELETE FROM message_words_data",
        "DELETE FROM message_words_config",
        "DROP TABLE message_words",
        "DROP TABLE message_words_idx",
        "DELETE FROM message_words_docsize",
    ];
    for damage in broken {
        let folder = folder();
        let store = Store::open(folder.path());
        said(&store, 1, "early words", "answer");
        said(&store, 2, "other words", "answer");
        store.drain().unwrap();
        raw(folder.path()).execute_batch(damage).unwrap();
        let store = Store::open(folder.path());
        assert_eq!(wait(store.opened()), Ok(None), "{damage}");
        said(&store, 3, "later words", "answer");
        assert_eq!(load_id(&store, id(1)).messages.len(), 2, "{damage}");
        let _ = search(&store, "words");
        assert_eq!(wait(store.indexed()), Ok(()), "{damage}");
        assert_eq!(call(&store, StoreJob::Delete(id(2))), StoreReply::Saved);
        if !damage.contains("docsize") {
            assert_eq!(numbers(&search(&store, "words")), [3, 1], "{damage}");
            assert_eq!(numbers(&search(&store, "session 1")), [1], "{damage}");
        }
        assert_eq!(store.drain(), Ok(()), "{damage}");
        let names: Vec<String> = files(folder.path()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["chatui.db", "chatui.lock"], "{damage}");
    }
}

#[test]
fn pages_of_the_index_that_cannot_be_read_cost_the_search_alone() {
    let folder = folder();
    let store = Store::open(folder.path());
    said(&store, 1, "early words", "answer");
    store.drain().unwrap();
    let path = folder.path().join("chatui.db");
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name IN ('message_words_data', 'message_words_idx')";
    let pages: Vec<u32> = {
        let raw = raw(folder.path());
        let mut pages = raw.prepare(sql).unwrap();
        pages.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let mut bytes = fs::read(&path).unwrap();
    for page in pages {
        let end = page as usize * 4096;
        bytes[end - 4096..end].fill(0xff);
    }
    fs::write(&path, &bytes).unwrap();
    let store = Store::open(folder.path());
    said(&store, 2, "later words", "answer");
    let asked = SessionQuery { words: "words".into(), kind: None, skip: 0, limit: 9 };
    let error = failure(call(&store, StoreJob::List(asked))).to_string();
    assert!(error.contains("its search index is damaged"), "{error}");
    assert!(wait(store.indexed()).is_err());
    assert_eq!(numbers(&all(&store)), [2, 1]);
    assert_eq!(load_id(&store, id(1)).messages.len(), 2);
    assert_eq!(call(&store, StoreJob::Delete(id(1))), StoreReply::Saved);
    assert_eq!(store.drain(), Ok(()));
    assert_eq!(files(folder.path()).len(), 2, "it was not set aside");
}
