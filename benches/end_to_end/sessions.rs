//! A store of many sessions: what it does to the start, and how soon a search answers each letter.
//!
//! The store is filled by chatui's own store, a session of eight whole messages a transaction. Searches
//! are asked of the store as the screen asks them, one for each letter of some queries.

use std::path::Path;
use std::time::{Duration, Instant};

use chatui::base::{Id, IdSource};
use chatui::chat::jobs::{StoreJob, StoreReply};
use chatui::chat::request::Params;
use chatui::chat::session::{Session, SessionKind, SessionQuery, Timestamp, title_of};
use chatui::chat::{Message, MessageState, Part};
use chatui::store::Store;

use super::figures::{latency, median, spread};
use super::{Contestant, INPUT_MARK, Plan, leave, start_chatui};
use crate::support::Home;

const MESSAGES: usize = 8;
/// Words of a message.
const WORDS: usize = 60;
/// Sessions that a list shows at once.
const PAGE: usize = 50;
/// Words that are frequent and rare, two of them, and one that is nowhere.
const QUERIES: [&str; 5] = ["word1", "word731", "word3 word99", "some session 17", "nowhere"];
/// Session 0 was changed at this time, in milliseconds since 1970; each further one a minute later.
const BEGAN: i64 = 1_700_000_000_000;

/// Starts with no session and with many, in turn; then searches.
pub fn sessions(plan: &Plan, url: &str) {
    let (none, full) = (Home::new(), Home::new());
    let began = Instant::now();
    fill(&full.data_dir(), plan.sessions);
    println!("a store of {} sessions was filled in {:.1} s", plan.sessions, began.elapsed().as_secs_f64());
    let chatui = plan.this();
    // A first start makes the empty store and reads the binary from disk: it is not counted.
    start(plan, &chatui, (&none, url));
    start(plan, &chatui, (&full, url));
    let (mut with_none, mut with_all) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        with_none.push(start(plan, &chatui, (&none, url)));
        with_all.push(start(plan, &chatui, (&full, url)));
    }
    println!("first frame with no session    {}", spread(&with_none));
    println!("first frame with {:<7} of them {}", plan.sessions, spread(&with_all));
    println!("  many / none {:.2}", median(&with_all).as_secs_f64() / median(&with_none).as_secs_f64());
    match search(&full.data_dir(), plan.rounds) {
        Some(times) => println!("a letter of a search answered  {}\n", latency(&times)),
        None => println!("this store does not search\n"),
    }
}

/// The time to the first frame.
fn start(plan: &Plan, chatui: &Contestant<'_>, (home, url): (&Home, &str)) -> Duration {
    let begin = Instant::now();
    let pty = start_chatui(plan, chatui, home, url, None);
    let shown = pty.wait_for_bytes(INPUT_MARK.as_bytes());
    leave(&pty);
    shown - begin
}

fn fill(folder: &Path, sessions: usize) {
    let store = Store::open(folder);
    let mut ids = IdSource::new(1);
    for number in 0..sessions {
        let at = Timestamp(BEGAN + number as i64 * 60_000);
        let mut parent: Option<Id> = None;
        let mut messages = Vec::new();
        for place in 0..MESSAGES {
            let id = ids.next_id();
            let text = text(&mut ids, (number, place));
            messages.push(match place % 2 {
                0 => Message::user(id, parent, text, at),
                _ => Message {
                    parts: vec![Part::Text(text)],
                    state: MessageState::Complete,
                    ..Message::answer(id, parent, "lab:chat", 0, at)
                },
            });
            parent = Some(id);
        }
        let session = Session {
            id: ids.next_id(),
            kind: SessionKind::Chat,
            title: title_of(&format!("some session {number}")),
            model: "lab:chat".to_owned(),
            system: String::new(),
            params: Params::default(),
            created: at,
            updated: at,
        };
        store.post(StoreJob::BeginTurn { session: Box::new(session), prompt: messages, answers: Vec::new() });
    }
    store.drain().expect("the store is filled");
}

/// Words of which some are frequent and many are rare, as in a language.
fn text(ids: &mut IdSource, (session, place): (usize, usize)) -> String {
    let mut text = format!("message {place} of session {session}:");
    for _ in 0..WORDS {
        let at = (ids.next_bits() >> 11) as f64 / (1_u64 << 53) as f64;
        text.push_str(&format!(" word{}", (8_000.0_f64).powf(at) as u64));
    }
    text
}

/// How long each letter of each query took; `None` where the store does not search.
fn search(folder: &Path, rounds: usize) -> Option<Vec<Duration>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = Store::open(folder);
    runtime.block_on(store.opened()).expect("the store opens");
    let mut times = Vec::new();
    for query in QUERIES.iter().cycle().take(QUERIES.len() * rounds) {
        for end in 1..=query.len() {
            let asked = Instant::now();
            let job = StoreJob::List(SessionQuery::typed(&query[..end], PAGE));
            match runtime.block_on(store.call(job)) {
                StoreReply::Listed(_) => times.push(asked.elapsed()),
                StoreReply::Failed(error) => panic!("{query}: {error}"),
                _ => return None,
            }
        }
    }
    Some(times)
}
