//! Full-text search: sessions by the words of their messages and titles, the newest hit first.
//!
//! The index gives hits in the order of the messages, backwards, one at a time; a message hit is as old
//! as its message, a title as the last change of its session, and both are merged by that time. The
//! walk ends when the page is full, so that a word that is everywhere costs no more than a rare one.
//! The kind of a session is a word of the index too: a kind that is rare among the hits would else have
//! the walk look at all of them.
//!
//! Titles are not in the index by time. A few are looked up and sorted; where there are many, the newest
//! sessions are read until enough of their titles hold the words.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::vec;

use rusqlite::{Connection, OptionalExtension, Rows, params};

use super::index::{Fault, searched_text};
use super::messages::lossy_text;
use super::words::Query;
use super::{codec, sessions};
use crate::base::{Id, SessionId};
use crate::chat::session::{SearchHit, SessionQuery};

/// Up to so many titles are looked up one by one; more are found by a walk over the newest sessions.
const FEW_TITLES: usize = 500;
/// How many bytes of messages are read for a page, where only the titles of sessions were found so far.
const READ_THROUGH: usize = 512 * 1024;

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
    let of_kind = if asked.kind.is_some() { "kind = ?1" } else { "?1 IS NULL" };
    let mut newest = db.prepare_cached(&format!(
        "SELECT id, updated, title FROM sessions WHERE {of_kind} ORDER BY updated DESC, created DESC"
    ))?;
    let rows = newest.query([asked.kind.map(|kind| kind.name())])?;
    let mut titles = Titles { db, query, few: few_titles(db, &expression)?, newest: rows, next: None };
    titles.step()?;
    let mut spots: Vec<Spot> = Vec::new();
    let mut places = HashMap::new();
    while spots.len() < wanted {
        let Some(spot) = next_spot(&mut hits, &mut titles)? else { break };
        match places.entry(spot.session) {
            Entry::Vacant(place) => {
                place.insert(spots.len());
                spots.push(spot);
            }
            // Its newest message that matches; the title was found before.
            Entry::Occupied(place) => {
                let there = &mut spots[*place.get()].message;
                *there = there.or(spot.message);
            }
        }
    }
    // All messages from here on are not looked at yet.
    let rest = hits.next.as_ref().and_then(|hit| hit.message);
    drop((hits, titles));
    let mut left = READ_THROUGH;
    let mut found = Vec::new();
    for spot in spots.into_iter().skip(asked.skip) {
        let hit = match (spot.message, rest) {
            (Some(seq), _) => hit(db, query, seq)?,
            (None, Some(from)) => older_hit(db, query, (spot.session, from), &mut left)?,
            (None, None) => None,
        };
        found.push(Found { session: spot.session, hit });
    }
    Ok(found)
}

fn next_spot(hits: &mut Hits<'_>, titles: &mut Titles<'_>) -> std::result::Result<Option<Spot>, Fault> {
    match (&hits.next, &titles.next) {
        (Some(hit), Some(title)) if title.at > hit.at => Ok(titles.step()?),
        (Some(_), _) => hits.step(),
        (None, _) => Ok(titles.step()?),
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

/// The sessions whose title the index found, with their last change; `None` where they are many.
fn few_titles(
    db: &Connection,
    expression: &str,
) -> std::result::Result<Option<vec::IntoIter<(i64, i64)>>, Fault> {
    let found: Vec<i64> = db
        .prepare_cached("SELECT rowid FROM title_words WHERE title_words MATCH ?1 LIMIT ?2")
        .and_then(|mut titles| {
            titles.query_map(params![expression, FEW_TITLES as i64 + 1], |row| row.get(0))?.collect()
        })
        .map_err(Fault::Index)?;
    if found.len() > FEW_TITLES {
        return Ok(None);
    }
    let mut changed = db.prepare_cached("SELECT updated FROM sessions WHERE id = ?1")?;
    let mut few: Vec<(i64, i64)> = Vec::new();
    for session in found {
        // The index may still know one that is gone.
        few.extend(changed.query_row([session], |row| Ok((session, row.get(0)?))).optional()?);
    }
    few.sort_by_key(|(session, at)| std::cmp::Reverse((*at, *session)));
    Ok(Some(few.into_iter()))
}

/// Sessions whose title holds the words, those that changed last first.
struct Titles<'a> {
    db: &'a Connection,
    query: &'a Query,
    few: Option<vec::IntoIter<(i64, i64)>>,
    /// All sessions, looked at where they are not few.
    newest: Rows<'a>,
    next: Option<Spot>,
}

impl Titles<'_> {
    /// Gives the next one and looks for the one after it.
    fn step(&mut self) -> rusqlite::Result<Option<Spot>> {
        let mut after = None;
        while after.is_none()
            && let Some((session, at)) = self.candidate()?
        {
            after =
                is_listed(self.db, id(session))?.then(|| Spot { at, session: id(session), message: None });
        }
        Ok(std::mem::replace(&mut self.next, after))
    }

    fn candidate(&mut self) -> rusqlite::Result<Option<(i64, i64)>> {
        if let Some(few) = &mut self.few {
            return Ok(few.next());
        }
        while let Some(row) = self.newest.next()? {
            if self.query.matches(&lossy_text(row, 2)?) {
                return Ok(Some((row.get(0)?, row.get(1)?)));
            }
        }
        Ok(None)
    }
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

/// The newest message of a session that matches, of those not newer than `from`; for a session that was
/// found by its title alone. `left` is what may still be read.
fn older_hit(
    db: &Connection,
    query: &Query,
    (session, from): (SessionId, i64),
    left: &mut usize,
) -> rusqlite::Result<Option<SearchHit>> {
    let mut messages = db.prepare_cached(
        "SELECT id, content FROM messages WHERE session = ?1 AND seq <= ?2 AND state <> 'streaming'
         ORDER BY seq DESC",
    )?;
    let mut rows = messages.query(params![session.bits(), from])?;
    while *left > 0
        && let Some(row) = rows.next()?
    {
        let content = lossy_text(row, 1)?;
        *left = left.saturating_sub(content.len());
        let text = searched_text(&codec::read_parts(&content));
        if query.matches(&text) {
            let (snippet, marks) = query.snippet(&text);
            return Ok(Some(SearchHit { message: id(row.get(0)?), snippet, marks }));
        }
    }
    Ok(None)
}
