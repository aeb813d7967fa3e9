//! A store of many sessions: what it does to the start, and how soon a search answers.
//!
//! The store is asked what the screen asks it, a page for each query; then the screen itself is driven:
//! a query is pasted into its empty line and taken away again, and what counts is the time until the list
//! shows the answer.

#[path = "../support/sessions.rs"]
mod many;

use std::path::Path;
use std::time::{Duration, Instant};

use chatui::chat::jobs::{StoreJob, StoreReply};
use chatui::chat::session::SessionQuery;
use chatui::store::Store;

use self::many::{fill, han, word};
use super::figures::{latency, median, spread};
use super::{COLS, Contestant, INPUT_MARK, Plan, leave, start_chatui};
use crate::support::Home;
use crate::support::pty::{Key, Pty, rows};

/// Sessions that the screen asks for at once.
const PAGE: usize = 100;
/// How often each query is asked in a round.
const TIMES: usize = 20;

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
    search(&full.data_dir(), plan.rounds);
    keys(plan, (&full, url));
}

/// The time to the first frame.
fn start(plan: &Plan, chatui: &Contestant<'_>, (home, url): (&Home, &str)) -> Duration {
    let begin = Instant::now();
    let pty = start_chatui(plan, chatui, home, url, None);
    let shown = pty.wait_for_bytes(INPUT_MARK.as_bytes());
    leave(&pty);
    shown - begin
}

/// What is searched, and what it is.
fn queries() -> Vec<(&'static str, String)> {
    let beginning = |rank, count| word(rank).chars().take(count).collect::<String>();
    vec![
        ("no words", String::new()),
        ("the commonest word", word(1)),
        ("a common word", word(40)),
        ("a rare word", word(30_011)),
        ("its first letter", beginning(1, 1)),
        ("the commonest letter", "e".to_owned()),
        ("a rare letter", "q".to_owned()),
        ("two letters", beginning(40, 2)),
        ("three letters", beginning(40, 3)),
        ("two words", format!("{} {}", word(1), word(40))),
        ("a common and a rare word", format!("{} {}", word(1), word(30_011))),
        ("a Chinese character", han(1).to_string()),
        ("two of them", format!("{}{}", han(1), han(2))),
        ("a word of no message", "nowhere".to_owned()),
    ]
}

/// How long the store takes for a page.
fn search(folder: &Path, rounds: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = Store::open(folder);
    runtime.block_on(store.opened()).expect("the store opens");
    println!("a page of {PAGE} sessions from the store, of kind chat, then of any");
    for (name, words) in queries() {
        for kind in [SessionQuery::typed("", 0).kind, None] {
            let mut times = Vec::new();
            let mut found = 0;
            for _ in 0..TIMES * rounds {
                let query = SessionQuery { words: words.clone(), kind, skip: 0, limit: PAGE };
                let asked = Instant::now();
                match runtime.block_on(store.call(StoreJob::List(query))) {
                    StoreReply::Listed(page) => found = page.len(),
                    other => panic!("{words}: {other:?}"),
                }
                times.push(asked.elapsed());
            }
            println!("  {name:<25} {}, {found} found", latency(&times));
        }
    }
}

/// How long the screen takes to show an answer.
fn keys(plan: &Plan, (home, url): (&Home, &str)) {
    let pty = start_chatui(plan, &plan.this(), home, url, None);
    pty.wait_for_bytes(INPUT_MARK.as_bytes());
    pty.key(Key::Ctrl('s'));
    wait(&pty, Shows::All);
    println!("from a letter, or a word that is pasted, to the list that answers it");
    let mut all = Vec::new();
    for (name, words) in queries().into_iter().filter(|(_, words)| !words.is_empty()) {
        let mut times = Vec::new();
        for _ in 0..plan.rounds {
            let asked = Instant::now();
            match words.chars().count() {
                1 => pty.send_keys(&words),
                _ => pty.paste(&words),
            }
            let shows = if words == "nowhere" { Shows::Nothing } else { Shows::Hits };
            times.push(wait(&pty, shows) - asked);
            let cleared = Instant::now();
            pty.key(Key::Ctrl('u'));
            all.push(wait(&pty, Shows::All) - cleared);
        }
        println!("  {name:<25} {}", latency(&times));
    }
    println!("  {:<25} {}\n", "no words again", latency(&all));
    pty.key(Key::Esc);
    // What follows at once would be one key with it.
    pty.wait_for("the chat", |screen| !rows(screen).iter().take(2).any(|row| row.contains("Sessions")));
    leave(&pty);
}

/// What the list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    /// Sessions, a row each.
    All,
    /// Sessions, with a row of what was found.
    Hits,
    /// That there is none.
    Nothing,
}

fn wait(pty: &Pty, wanted: Shows) -> Instant {
    pty.wait_for(&format!("{wanted:?} in the list"), |screen| shown(&rows(screen)) == Some(wanted))
}

/// Rows of sessions end in their age, which is the same for the newest two, and rows of hits in words.
fn shown(rows: &[String]) -> Option<Shows> {
    if rows.iter().any(|row| row.contains("no session holds")) {
        return Some(Shows::Nothing);
    }
    let of_list = |row: usize| -> Option<String> {
        let list: String = rows.get(row)?.chars().take(usize::from(COLS) * 48 / 100).collect();
        list.split_whitespace().last().map(str::to_owned)
    };
    let (first, second) = (of_list(2)?, of_list(3)?);
    Some(if first == second { Shows::All } else { Shows::Hits })
}
