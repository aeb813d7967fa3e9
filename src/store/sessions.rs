//! Rows of sessions, and which child of a message a session goes on from.

use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::codec;
use super::messages::{lossy, lossy_text};
use crate::base::{Id, SessionId};
use crate::chat::jobs::WhichSession;
use crate::chat::session::{Chosen, Session, SessionKind, Timestamp};

/// Stands for the beginning of a conversation in `chosen.parent`, which is part of a key and so never
/// null.
const BEGINNING: i64 = -1;
/// The session that changed last, of those with messages.
const NEWEST: &str = "SELECT id FROM sessions s
    WHERE EXISTS (SELECT 1 FROM messages m WHERE m.session = s.id)
        AND id NOT IN (SELECT session FROM deleted)
    ORDER BY updated DESC, created DESC LIMIT 1";
const NEWEST_OF_KIND: &str = "SELECT id FROM sessions s
    WHERE kind = ?1 AND EXISTS (SELECT 1 FROM messages m WHERE m.session = s.id)
        AND id NOT IN (SELECT session FROM deleted)
    ORDER BY updated DESC, created DESC LIMIT 1";
/// How many sessions an ambiguous prefix lists.
const LISTED: usize = 8;

/// What a look for a session found.
#[derive(Debug)]
pub(super) enum Found {
    /// One.
    One(SessionId),
    /// Several ids begin so; the newest first.
    Several(Vec<SessionId>),
    /// None; the text says what was looked for.
    None(String),
}

/// Makes a session, or changes what can change of it: kind and beginning stay, a title that a person
/// gave does, and the time of its last change never goes back.
pub(super) fn save(db: &Connection, session: &Session) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO sessions (id, kind, title, model, system, params, created, updated)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (id) DO UPDATE SET title = iif(id IN renamed, title, excluded.title),
             model = excluded.model, system = excluded.system, params = excluded.params, updated = max(updated, excluded.updated)",
    )?
    .execute(params![
        session.id.bits(),
        session.kind.name(),
        session.title,
        session.model,
        session.system,
        codec::write_params(&session.params),
        session.created.0,
        session.updated.0,
    ])?;
    Ok(())
}

/// Gives a session a title that no prompt changes. `false` where there is no such session.
pub(super) fn rename(db: &Connection, session: SessionId, title: &str) -> Result<bool> {
    let renamed = db
        .prepare_cached(
            "UPDATE sessions SET title = ?2
             WHERE id = ?1 AND id NOT IN (SELECT session FROM deleted)",
        )?
        .execute(params![session.bits(), title])?;
    db.prepare_cached("INSERT OR IGNORE INTO renamed SELECT id FROM sessions WHERE id = ?1")?
        .execute([session.bits()])?;
    Ok(renamed == 1)
}

/// Whether a session has a message.
pub(super) fn has_messages(db: &Connection, session: SessionId) -> Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM messages WHERE session = ?1)")?
        .query_row([session.bits()], |row| row.get(0))
}

/// Whether a session was deleted, and can still be restored.
pub(super) fn is_deleted(db: &Connection, session: SessionId) -> Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM deleted WHERE session = ?1)")?
        .query_row([session.bits()], |row| row.get(0))
}

/// Takes a session out of all lists, if no more than `streaming` of its messages stream. `false` where
/// that is not so.
pub(super) fn hide(db: &Connection, session: SessionId, streaming: usize, owner: &str) -> Result<bool> {
    let hidden = db
        .prepare_cached(
            "INSERT INTO deleted (session, owner) SELECT id, ?3 FROM sessions WHERE id = ?1 AND ?2 >=
                 (SELECT count(*) FROM messages WHERE session = ?1 AND state = 'streaming')
             ON CONFLICT (session) DO NOTHING",
        )?
        .execute(params![session.bits(), streaming as i64, owner])?;
    Ok(hidden == 1)
}

/// Takes a deletion back. `false` where there was none.
pub(super) fn restore(db: &Connection, session: SessionId) -> Result<bool> {
    let restored = db.prepare_cached("DELETE FROM deleted WHERE session = ?1")?.execute([session.bits()])?;
    Ok(restored == 1)
}

/// The sessions that were deleted and are not gone yet, with who deleted them.
pub(super) fn deleted(db: &Connection) -> Result<Vec<(SessionId, Option<String>)>> {
    db.prepare_cached("SELECT session, owner FROM deleted")?
        .query_map([], |row| Ok((id(row)?, lossy(row, 1)?)))?
        .collect()
}

/// Removes a session that was deleted by that owner. One that was restored meanwhile stays, and so does
/// one that somebody else deleted again: there it can still be restored.
pub(super) fn purge(db: &Connection, session: SessionId, owner: Option<&str>) -> Result<()> {
    db.prepare_cached(
        "DELETE FROM sessions WHERE id = ?1
             AND EXISTS (SELECT 1 FROM deleted WHERE session = ?1 AND owner IS ?2)",
    )?
    .execute(params![session.bits(), owner])?;
    Ok(())
}

/// Removes a session with all that belongs to it.
pub(super) fn remove(db: &Connection, session: SessionId) -> Result<()> {
    db.prepare_cached("DELETE FROM sessions WHERE id = ?1")?.execute([session.bits()])?;
    Ok(())
}

/// Notes that a session changed.
pub(super) fn touch(db: &Connection, session: SessionId, at: Timestamp) -> Result<()> {
    db.prepare_cached("UPDATE sessions SET updated = max(updated, ?2) WHERE id = ?1")?
        .execute(params![session.bits(), at.0])?;
    Ok(())
}

/// The session with that id.
pub(super) fn get(db: &Connection, id: SessionId) -> Result<Option<Session>> {
    db.prepare_cached(
        "SELECT id, kind, title, model, system, params, created, updated FROM sessions
         WHERE id = ?1 AND id NOT IN (SELECT session FROM deleted)",
    )?
    .query_row([id.bits()], session)
    .optional()
}

/// A session of the columns id, kind, title, model, system, params, created, updated.
pub(super) fn session(row: &Row<'_>) -> Result<Session> {
    Ok(Session {
        id: Id::from_bits(row.get::<_, i64>(0)?.cast_unsigned()),
        kind: lossy(row, 1)?.and_then(|kind| SessionKind::parse(&kind)).unwrap_or(SessionKind::Chat),
        title: lossy_text(row, 2)?,
        model: lossy_text(row, 3)?,
        system: lossy_text(row, 4)?,
        params: codec::read_params(&lossy_text(row, 5)?),
        created: Timestamp(row.get(6)?),
        updated: Timestamp(row.get(7)?),
    })
}

/// Looks for a session.
pub(super) fn find(db: &Connection, which: &WhichSession) -> Result<Found> {
    match which {
        WhichSession::Newest(kind) => {
            let newest = db
                .prepare_cached(match kind {
                    None => NEWEST,
                    Some(_) => NEWEST_OF_KIND,
                })?
                .query_row(rusqlite::params_from_iter(kind.map(SessionKind::name)), id)
                .optional()?;
            let what = match kind {
                Some(SessionKind::Chat) => {
                    "there is no saved chat yet (chatui sessions list shows all sessions)"
                }
                Some(SessionKind::Ask) | None => "there is no saved session yet",
            };
            let none = || Found::None(what.to_owned());
            Ok(newest.map_or_else(none, Found::One))
        }
        WhichSession::Prefix(prefix) => by_prefix(db, prefix),
        // The worker looks for it: it knows who lives.
        WhichSession::Unsent => Ok(Found::None("there is no draft".to_owned())),
    }
}

fn by_prefix(db: &Connection, prefix: &str) -> Result<Found> {
    let none = || Found::None(format!("there is no session whose id begins with {prefix:?}"));
    let Some((low, high)) = Id::range(prefix) else { return Ok(none()) };
    let mut found: Vec<SessionId> = db
        .prepare_cached(
            "SELECT id FROM sessions WHERE id BETWEEN ?1 AND ?2
             AND id NOT IN (SELECT session FROM deleted) ORDER BY updated DESC LIMIT ?3",
        )?
        .query_map(params![low.bits(), high.bits(), LISTED as i64], id)?
        .collect::<Result<_>>()?;
    Ok(match found.len() {
        0 => none(),
        1 => Found::One(found.remove(0)),
        _ => Found::Several(found),
    })
}

fn id(row: &Row<'_>) -> Result<Id> {
    Ok(Id::from_bits(row.get::<_, i64>(0)?.cast_unsigned()))
}

/// Goes on from another child. A session that is not saved is left alone.
pub(super) fn choose(db: &Connection, session: SessionId, chosen: Chosen) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO chosen (session, parent, child)
         SELECT id, ?2, ?3 FROM sessions WHERE id = ?1
         ON CONFLICT (session, parent) DO UPDATE SET child = excluded.child",
    )?
    .execute(params![session.bits(), chosen.parent.map_or(BEGINNING, Id::bits), chosen.child.bits()])?;
    Ok(())
}

/// Goes on from the newest child of `parent`.
pub(super) fn choose_newest(db: &Connection, session: SessionId, parent: Option<Id>) -> Result<()> {
    db.prepare_cached("DELETE FROM chosen WHERE session = ?1 AND parent = ?2")?
        .execute(params![session.bits(), parent.map_or(BEGINNING, Id::bits)])?;
    Ok(())
}

/// What was chosen in a session.
pub(super) fn chosen(db: &Connection, session: SessionId) -> Result<Vec<Chosen>> {
    db.prepare_cached("SELECT parent, child FROM chosen WHERE session = ?1")?
        .query_map([session.bits()], |row| {
            let parent: i64 = row.get(0)?;
            let child: i64 = row.get(1)?;
            Ok(Chosen {
                parent: (parent != BEGINNING).then(|| Id::from_bits(parent.cast_unsigned())),
                child: Id::from_bits(child.cast_unsigned()),
            })
        })?
        .collect()
}
