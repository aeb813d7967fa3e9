//! Rows of drafts: what was written and not sent, with the process that has it open.

use rusqlite::{Connection, OptionalExtension, Result, params};

use super::messages::{lossy, lossy_text};
use super::{codec, sessions};
use crate::base::{Id, SessionId};
use crate::chat::session::{Draft, Session};

/// A draft, and the process that has it open.
#[derive(Debug, Default)]
pub(super) struct StoredDraft {
    pub(super) draft: Draft,
    pub(super) owner: Option<String>,
}

/// Keeps a draft. A session that has messages is changed by its turns, not by this; one that was deleted
/// stays so, with its draft: whoever deleted it may restore it.
pub(super) fn save(db: &Connection, session: &Session, draft: &Draft, owner: Option<&str>) -> Result<()> {
    let bare = !sessions::has_messages(db, session.id)?;
    if draft.is_empty() {
        db.prepare_cached("DELETE FROM drafts WHERE session = ?1")?.execute([session.id.bits()])?;
        if bare && !sessions::is_deleted(db, session.id)? {
            sessions::remove(db, session.id)?;
        }
        return Ok(());
    }
    if bare {
        sessions::save(db, session)?;
    }
    db.prepare_cached(
        "INSERT INTO drafts (session, content, owner) VALUES (?1, ?2, ?3)
         ON CONFLICT (session) DO UPDATE SET content = excluded.content, owner = excluded.owner",
    )?
    .execute(params![session.id.bits(), codec::write_draft(draft), owner])?;
    Ok(())
}

/// The draft of a session; an empty one where there is none.
pub(super) fn get(db: &Connection, session: SessionId) -> Result<StoredDraft> {
    let found = db
        .prepare_cached("SELECT content, owner FROM drafts WHERE session = ?1")?
        .query_row([session.bits()], |row| {
            Ok(StoredDraft { draft: codec::read_draft(&lossy_text(row, 0)?), owner: lossy(row, 1)? })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

/// Sessions that have a draft and no message, with the draft's owner; the newest first.
pub(super) fn unsent(db: &Connection) -> Result<Vec<(SessionId, Option<String>)>> {
    db.prepare_cached(
        "SELECT s.id, d.owner FROM drafts d JOIN sessions s ON s.id = d.session
         WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.session = s.id)
             AND NOT EXISTS (SELECT 1 FROM deleted x WHERE x.session = s.id)
         ORDER BY s.updated DESC, s.created DESC",
    )?
    .query_map([], |row| Ok((Id::from_bits(row.get::<_, i64>(0)?.cast_unsigned()), lossy(row, 1)?)))?
    .collect()
}

/// Makes a draft that `before` had open that of `owner`. `false` where another process was faster.
pub(super) fn take_over(
    db: &Connection,
    session: SessionId,
    before: Option<&str>,
    owner: Option<&str>,
) -> Result<bool> {
    let taken = db
        .prepare_cached("UPDATE drafts SET owner = ?3 WHERE session = ?1 AND owner IS ?2")?
        .execute(params![session.bits(), before, owner])?;
    Ok(taken == 1)
}
