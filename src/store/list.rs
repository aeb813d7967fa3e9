//! What lists show of sessions, and the prompts of before.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Result, params};

use super::messages::{lossy, lossy_text};
use super::{codec, drafts, sessions};
use crate::base::{Id, MessageId, SessionId};
use crate::chat::session::{SearchHit, SessionQuery, SessionSummary};
use crate::chat::{Message, MessageState, Timestamp};

/// A prompt that is longer is no line to be written again.
const LONGEST_PROMPT: usize = 64 * 1024;
/// How many messages are looked at for one prompt that is wanted: answers, and the same prompt again.
const LOOKED_AT: usize = 20;

/// A row of a list; the worker knows whether what streams in it really does.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) summary: SessionSummary,
    /// The newest message and its owner.
    pub(super) newest: Option<(MessageId, Option<String>)>,
}

/// All sessions that have a message or a draft, those that changed last first.
pub(super) fn page(db: &Connection, asked: &SessionQuery) -> Result<Vec<Row>> {
    let of_kind = if asked.kind.is_some() { "kind = ?3" } else { "?3 IS NULL" };
    let ids: Vec<SessionId> = db
        .prepare_cached(&format!(
            "SELECT id FROM sessions s WHERE {of_kind}
                 AND (EXISTS (SELECT 1 FROM messages m WHERE m.session = s.id)
                     OR EXISTS (SELECT 1 FROM drafts d WHERE d.session = s.id))
                 AND id NOT IN (SELECT session FROM deleted)
             ORDER BY updated DESC, created DESC LIMIT ?1 OFFSET ?2"
        ))?
        .query_map(
            params![whole(asked.limit), whole(asked.skip), asked.kind.map(|kind| kind.name())],
            |row| Ok(Id::from_bits(row.get::<_, i64>(0)?.cast_unsigned())),
        )?
        .collect::<Result<_>>()?;
    let rows: Vec<Option<Row>> = ids.into_iter().map(|id| row(db, id, None)).collect::<Result<_>>()?;
    Ok(rows.into_iter().flatten().collect())
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A session's row.
pub(super) fn row(db: &Connection, id: SessionId, hit: Option<SearchHit>) -> Result<Option<Row>> {
    let Some(session) = sessions::get(db, id)? else { return Ok(None) };
    let (messages, last): (i64, Option<i64>) = db
        .prepare_cached("SELECT count(*), max(seq) FROM messages WHERE session = ?1")?
        .query_row([id.bits()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let newest = db
        .prepare_cached("SELECT id, state, owner FROM messages WHERE seq = ?1")?
        .query_row([last], |row| {
            let id: MessageId = Id::from_bits(row.get::<_, i64>(0)?.cast_unsigned());
            Ok((id, lossy_text(row, 1)?, lossy(row, 2)?))
        })
        .optional()?;
    let state =
        newest.as_ref().map(|(_, state, _)| MessageState::parse(state).unwrap_or(MessageState::Truncated));
    let draft = drafts::get(db, id)?.draft.first_line();
    let summary = SessionSummary { session, messages: messages.unsigned_abs(), state, draft, hit };
    Ok(Some(Row { summary, newest: newest.map(|(id, _, owner)| (id, owner)) }))
}

/// What the person asked, the newest first, each once.
pub(super) fn prompts(db: &Connection, limit: usize) -> Result<Vec<String>> {
    let mut statement = db.prepare_cached(
        "SELECT content FROM messages
         WHERE role = 'user' AND session NOT IN (SELECT session FROM deleted)
         ORDER BY seq DESC LIMIT ?1",
    )?;
    let mut rows = statement.query([whole(limit.saturating_mul(LOOKED_AT))])?;
    let (mut seen, mut prompts) = (HashSet::new(), Vec::new());
    while prompts.len() < limit
        && let Some(row) = rows.next()?
    {
        let mut message = Message::user(Id::from_bits(0), None, "", Timestamp(0));
        message.parts = codec::read_parts(&lossy_text(row, 0)?);
        let text = message.typed();
        if !text.trim().is_empty() && text.len() <= LONGEST_PROMPT && seen.insert(text.clone()) {
            prompts.push(text);
        }
    }
    Ok(prompts)
}
