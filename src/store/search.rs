//! Full-text search: sessions by the words of their messages and titles, the newest hit first.
//!
//! The index gives hits in the order of the messages, backwards, one at a time; a message hit is as old
//! as its message, a title as the last change of its session, and both are merged by that time. The
//! walk ends when the page is full, so that a word that is everywhere costs no more than a rare one.
//! The kind of a session is a word of the index too: a kind that is rare among the hits would else have
//! the walk look at all of them.

use std::collections::HashSet;
use std::iter::Peekable;

use rusqlite::{Connection, OptionalExtension, Rows, params};

use super::index::{Fault, searched_text};
use super::messages::lossy_text;
use super::words::Query;
use super::{codec, sessions};
use crate::base::{Id, SessionId};
use crate::chat::session::{SearchHit, SessionQuery};

/// Up to so many titles are looked up one by one; more are found by a walk over the newest sessions.
const FEW_TITLES: usize = 500;
/// How many messages of a session are looked through for a hit, where its title was found first.
const LOOKED_THROUGH: i64 = 200;

/// A session that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) session: SessionId,
    /// The newest message that matches.
    pub(super) hit: Option<SearchHit>,
}

/// Where a session was found, and how old that is.
struct Spot {
    at: i64,
    session: SessionId,
    /// The message's `seq`; `None` for a title.
    message: Option<i64>,
}

/// The page of sessions that a query asks for.
pub(super) fn search(
    db: &Connection,
    query: &Query,
    asked: &SessionQuery,
) -> std::result::Result<Vec<Found>, Fault> {
    let wanted = asked.skip.saturating_add(asked.limit);
    let expression = query.expression(asked.kind);
    let mut by_words = db
        .prepare_cached("SELECT rowid FROM message_words WHERE message_words MATCH ?1 ORDER BY rowid DESC")
        .map_err(Fault::Index)?;
    let mut hits = Hits { db, rows: by_words.query([&expression]).map_err(Fault::Index)?, next: None };
    hits.step()?;
    let mut titles = titles(db, &expression, wanted)?.into_iter().peekable();
    let (mut seen, mut spots) = (HashSet::new(), Vec::new());
    while spots.len() < wanted {
        let Some(spot) = next_spot(&mut hits, &mut titles)? else { break };
        if seen.insert(spot.session) {
            spots.push(spot);
        }
    }
    drop(hits);
    let mut found = Vec::new();
    for spot in spots.into_iter().skip(asked.skip) {
        let hit = match spot.message {
            Some(seq) => hit(db, query, seq)?,
            None => newest_hit(db, query, spot.session)?,
        };
        found.push(Found { session: spot.session, hit });
    }
    Ok(found)
}

fn next_spot(
    hits: &mut Hits<'_>,
    titles: &mut Peekable<impl Iterator<Item = Spot>>,
) -> std::result::Result<Option<Spot>, Fault> {
    match (&hits.next, titles.peek()) {
        (Some(hit), Some(title)) if title.at >= hit.at => Ok(titles.next()),
        (Some(_), _) => hits.step(),
        (None, _) => Ok(titles.next()),
    }
}

/// Messages that the index found, the newest first.
struct Hits<'a> {
    db: &'a Connection,
    rows: Rows<'a>,
    next: Option<Spot>,
}

impl Hits<'_> {
    /// Gives the next one and looks for the one after it.
    fn step(&mut self) -> std::result::Result<Option<Spot>, Fault> {
        let mut after = None;
        while after.is_none() {
            let Some(row) = self.rows.next().map_err(Fault::Index)? else { break };
            let seq: i64 = row.get(0)?;
            // What is gone and what was deleted may still be in the index.
            after = self
                .db
                .prepare_cached(
                    "SELECT session, created FROM messages
                     WHERE seq = ?1 AND session NOT IN (SELECT session FROM deleted)",
                )?
                .query_row([seq], |row| {
                    Ok(Spot { session: id(row.get(0)?), at: row.get(1)?, message: Some(seq) })
                })
                .optional()?;
        }
        Ok(std::mem::replace(&mut self.next, after))
    }
}

fn id(bits: i64) -> Id {
    Id::from_bits(bits.cast_unsigned())
}

/// Sessions whose title was found, those that changed last first; at least `wanted` where so many are.
fn titles(db: &Connection, expression: &str, wanted: usize) -> std::result::Result<Vec<Spot>, Fault> {
    let found: HashSet<i64> = db
        .prepare_cached("SELECT rowid FROM title_words WHERE title_words MATCH ?1")
        .and_then(|mut titles| titles.query_map([expression], |row| row.get(0))?.collect())
        .map_err(Fault::Index)?;
    let mut spots = Vec::new();
    let mut add = |session: i64, at: i64| -> rusqlite::Result<()> {
        if is_listed(db, id(session))? {
            spots.push(Spot { at, session: id(session), message: None });
        }
        Ok(())
    };
    if found.len() <= FEW_TITLES {
        let mut changed = db.prepare_cached("SELECT updated FROM sessions WHERE id = ?1")?;
        for session in found {
            if let Some(at) = changed.query_row([session], |row| row.get(0)).optional()? {
                add(session, at)?;
            }
        }
        spots.sort_by_key(|spot| std::cmp::Reverse((spot.at, spot.session)));
        return Ok(spots);
    }
    let mut newest =
        db.prepare_cached("SELECT id, updated FROM sessions ORDER BY updated DESC, created DESC")?;
    let mut rows = newest.query([])?;
    let mut left = wanted;
    while left > 0
        && let Some(row) = rows.next()?
    {
        let session = row.get(0)?;
        if found.contains(&session) {
            add(session, row.get(1)?)?;
            left -= 1;
        }
    }
    Ok(spots)
}

/// Whether a session is in lists at all.
fn is_listed(db: &Connection, session: SessionId) -> rusqlite::Result<bool> {
    let drafted = "SELECT EXISTS (SELECT 1 FROM drafts WHERE session = ?1)";
    Ok(!sessions::is_deleted(db, session)?
        && (sessions::has_messages(db, session)?
            || db.prepare_cached(drafted)?.query_row([session.bits()], |row| row.get(0))?))
}

/// The hit in a message.
fn hit(db: &Connection, query: &Query, seq: i64) -> rusqlite::Result<Option<SearchHit>> {
    db.prepare_cached("SELECT id, content FROM messages WHERE seq = ?1")?
        .query_row([seq], |row| {
            let text = searched_text(&codec::read_parts(&lossy_text(row, 1)?));
            let (snippet, marks) = query.snippet(&text);
            Ok(SearchHit { message: id(row.get(0)?), snippet, marks })
        })
        .optional()
}

/// The newest message of a session that matches, for a session that was found by its title.
fn newest_hit(db: &Connection, query: &Query, session: SessionId) -> rusqlite::Result<Option<SearchHit>> {
    let mut messages = db.prepare_cached(
        "SELECT id, content FROM messages WHERE session = ?1 AND state <> 'streaming'
         ORDER BY seq DESC LIMIT ?2",
    )?;
    let mut rows = messages.query(params![session.bits(), LOOKED_THROUGH])?;
    while let Some(row) = rows.next()? {
        let text = searched_text(&codec::read_parts(&lossy_text(row, 1)?));
        if query.matches(&text) {
            let (snippet, marks) = query.snippet(&text);
            return Ok(Some(SearchHit { message: id(row.get(0)?), snippet, marks }));
        }
    }
    Ok(None)
}
