//! `chatui sessions`: saved sessions from the shell.
//!
//! No configuration is read: what was said can be read whatever became of it. Nor is a store made where
//! there is none. What was said may hold anything, so it is shown with its control characters visible;
//! an export alone is byte for byte. Nothing asks back: these are commands for scripts, too.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::args::{Format, Order, Sessions, Stop};
use super::{exit, print, runtime, say};
use crate::base::width::{truncate, width};
use crate::base::{SessionId, sanitize};
use crate::chat::export::{self, rfc3339};
use crate::chat::jobs::{StoreError, StoreJob, StoreReply, StoredSession, WhichSession};
use crate::chat::session::{SessionQuery, SessionSummary, Timestamp, title_of};
use crate::config;
use crate::store::Store;

/// Characters of an id that a list shows; more where two of its ids begin alike.
const ID_SHOWN: usize = 8;
/// The widest title and model of a list, in columns.
const WIDEST_TITLE: usize = 60;
const WIDEST_MODEL: usize = 32;

/// Does what is asked.
///
/// # Errors
/// No store, no such session, or a store that does not do it.
pub fn run(options: &Sessions) -> Result<u8, Stop> {
    let folder = data_dir(options)?;
    if !folder.join("chatui.db").exists() {
        return without_store(&options.order);
    }
    runtime()?.run(async {
        let store = Store::open(&folder);
        let done = carry_out(&options.order, &store).await;
        // It reads first; what it had to write is told by its answer.
        let drained = store.drain();
        let code = done?;
        if let Err(error) = drained {
            say(&format!("chatui: {error}"));
        }
        Ok(code)
    })?
}

fn data_dir(options: &Sessions) -> Result<PathBuf, Stop> {
    let usual = || config::paths(&|name| std::env::var(name).ok()).data_dir;
    options.data_dir.clone().or_else(usual).ok_or_else(|| Stop {
        text: "chatui: no home folder is known: name the store's folder with --data-dir".to_owned(),
        code: exit::USAGE,
    })
}

/// Nothing was saved yet.
fn without_store(order: &Order) -> Result<u8, Stop> {
    match order {
        Order::List { json, .. } | Order::Search { json, .. } => print(if *json { "[]\n" } else { "" }),
        Order::Show { id } | Order::Rename { id, .. } | Order::Delete { id } | Order::Export { id, .. } => {
            Err(usage(&format!("there is no session whose id begins with {id:?}")))
        }
    }
}

fn usage(text: &str) -> Stop {
    Stop { text: format!("chatui: {text}"), code: exit::USAGE }
}

async fn carry_out(order: &Order, store: &Store) -> Result<u8, Stop> {
    match store.opened().await {
        Ok(None) => {}
        Ok(Some(notice)) => say(&format!("chatui: {notice}")),
        Err(error @ StoreError::Newer { .. }) => return Err(Stop::failure(format!("chatui: {error}"))),
        // What can't be written can perhaps be read; else the job says why not.
        Err(_) => {}
    }
    match order {
        Order::List { json, limit } => {
            let found = list(store, String::new(), *limit).await?;
            print(&if *json { array(&found, summary) } else { table(&found) })
        }
        Order::Search { words, json, limit } => {
            // All that is there is to be found, also by a script that runs once.
            if let Err(error) = store.indexed().await {
                say(&format!("chatui: {error}"));
            }
            let found = list(store, words.join(" "), *limit).await?;
            print(&if *json { array(&found, hit) } else { hits(&found) })
        }
        Order::Show { id } => {
            let text = export::markdown(&load(store, id).await?);
            print(&sanitize::clean_multiline(&text))
        }
        Order::Export { id, format } => {
            let stored = load(store, id).await?;
            print(&match format {
                Format::Md => export::markdown(&stored),
                Format::Json => export::json(&stored),
            })
        }
        Order::Rename { id, title } => {
            let title = title.join(" ").trim().to_owned();
            if title.is_empty() {
                return Err(usage("a title must say something"));
            }
            let session = load(store, id).await?.session.id;
            saved(store.call(StoreJob::Rename { session, title: title_of(&title) }).await)
        }
        Order::Delete { id } => {
            let session = load(store, id).await?.session.id;
            saved(store.call(StoreJob::Delete(session)).await)
        }
    }
}

async fn list(store: &Store, words: String, limit: Option<u64>) -> Result<Vec<SessionSummary>, Stop> {
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    match store.call(StoreJob::List(SessionQuery { words, kind: None, skip: 0, limit })).await {
        StoreReply::Listed(found) => Ok(found),
        other => Err(refused(other)),
    }
}

async fn load(store: &Store, id: &str) -> Result<StoredSession, Stop> {
    match store.call(StoreJob::Load(WhichSession::Prefix(id.to_owned()))).await {
        StoreReply::Loaded(stored) => Ok(*stored),
        other => Err(refused(other)),
    }
}

fn saved(reply: StoreReply) -> Result<u8, Stop> {
    match reply {
        StoreReply::Saved => Ok(exit::OK),
        other => Err(refused(other)),
    }
}

/// Why the store did not do it.
fn refused(reply: StoreReply) -> Stop {
    match reply {
        StoreReply::NotFound(what) => usage(&what),
        StoreReply::Ambiguous(ids) => {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            usage(&format!("several sessions begin so: {}", ids.join(", ")))
        }
        StoreReply::Refused(why) => Stop::failure(format!("chatui: {why}")),
        StoreReply::Failed(error) => Stop::failure(format!("chatui: {error}")),
        StoreReply::Saved | StoreReply::Loaded(_) | StoreReply::Listed(_) | StoreReply::Prompts(_) => {
            Stop::failure("chatui: the store answered something else, which is a bug")
        }
    }
}

fn array(found: &[SessionSummary], one: fn(&SessionSummary) -> Value) -> String {
    let all: Vec<Value> = found.iter().map(one).collect();
    // Values of strings and numbers can't fail.
    let mut text = serde_json::to_string_pretty(&all).unwrap_or_default();
    text.push('\n');
    text
}

fn summary(found: &SessionSummary) -> Value {
    let session = &found.session;
    json!({
        "id": session.id.to_string(),
        "title": session.title,
        "kind": session.kind.name(),
        "model": session.model,
        "messages": found.messages,
        "created": rfc3339(session.created),
        "updated": rfc3339(session.updated),
        "state": found.state.map(|state| state.name()),
    })
}

fn hit(found: &SessionSummary) -> Value {
    let mut value = summary(found);
    value["message"] = json!(found.hit.as_ref().map(|hit| hit.message.to_string()));
    value["snippet"] = json!(found.hit.as_ref().map(|hit| hit.snippet.as_str()));
    value
}

/// One session a line; what every line has comes first, so that it can be cut by columns.
fn table(found: &[SessionSummary]) -> String {
    let shown = shown_id(found.iter().map(|found| found.session.id));
    let rows: Vec<[String; 6]> = found
        .iter()
        .map(|found| {
            let session = &found.session;
            [
                session.id.to_string()[..shown].to_owned(),
                local(session.updated),
                short(&session.model, WIDEST_MODEL),
                found.messages.to_string(),
                found.state.map_or("draft", |state| state.name()).to_owned(),
                short(named(found), WIDEST_TITLE),
            ]
        })
        .collect();
    let widest = |column: usize| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(widest);
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let room = " ".repeat(widths[column].saturating_sub(width(cell)));
            match column {
                3 => line.push_str(&format!("{room}{cell}  ")),
                _ => line.push_str(&format!("{cell}{room}  ")),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Two lines a session: which one, and where the words are.
fn hits(found: &[SessionSummary]) -> String {
    let shown = shown_id(found.iter().map(|found| found.session.id));
    let mut text = String::new();
    for found in found {
        let session = &found.session;
        let id = &session.id.to_string()[..shown];
        text.push_str(&format!("{id}  {}  {}\n", local(session.updated), short(named(found), WIDEST_TITLE)));
        if let Some(hit) = &found.hit {
            text.push_str(&format!("    {}\n", sanitize::clean(&hit.snippet)));
        }
    }
    text
}

/// What a line calls a session.
fn named(found: &SessionSummary) -> &str {
    if found.session.title.trim().is_empty() { &found.draft } else { &found.session.title }
}

/// How many characters tell the ids of a list apart.
fn shown_id(ids: impl Iterator<Item = SessionId>) -> usize {
    let mut ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    ids.sort_unstable();
    let alike = |pair: &[String]| pair[0].bytes().zip(pair[1].bytes()).take_while(|(a, b)| a == b).count();
    let whole = ids.first().map_or(ID_SHOWN, String::len);
    ids.windows(2).map(|pair| alike(pair) + 1).max().unwrap_or(0).clamp(ID_SHOWN, whole)
}

/// A time as the clock on the wall shows it.
fn local(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.0)
        .unwrap_or_default()
        .to_zoned(jiff::tz::TimeZone::system())
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}

/// A text in one line of at most so many columns.
fn short(text: &str, columns: usize) -> String {
    truncate(&sanitize::clean(text), columns).into_owned()
}
