//! Rows of messages and of the deltas that stream into them.
//!
//! While an answer streams, what comes is inserted as small rows (about 0.01 ms each, where growing one
//! text would rewrite it each time); at its end they are folded into the message's own row.

use std::collections::{HashMap, HashSet};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result, Row, params};

use super::codec;
use crate::base::{Id, MessageId, SessionId};
use crate::chat::session::Timestamp;
use crate::chat::{Message, MessageState, Role};

/// A message of the store; `owner` is the process that streams it.
#[derive(Debug)]
pub(super) struct StoredMessage {
    pub(super) message: Message,
    pub(super) owner: Option<String>,
}

/// Text of a column, whatever a damaged row holds there. `None` for NULL.
pub(super) fn lossy(row: &Row<'_>, column: usize) -> Result<Option<String>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    })
}

/// The same, with NULL as the empty text.
pub(super) fn lossy_text(row: &Row<'_>, column: usize) -> Result<String> {
    Ok(lossy(row, column)?.unwrap_or_default())
}

/// Adds a message to a session. One that is there already is left as it is.
pub(super) fn insert(
    db: &Connection,
    session: SessionId,
    message: &Message,
    owner: Option<&str>,
) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO messages (id, session, parent, role, model, choice, created, state, owner, content,
             finish_reason, finish_raw, usage, metrics, error, notices)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
         ON CONFLICT (id) DO NOTHING",
    )?
    .execute(params![
        message.id.bits(),
        session.bits(),
        message.parent.map(Id::bits),
        message.role.name(),
        message.model,
        message.choice,
        message.created.0,
        message.state.name(),
        owner,
        codec::write_parts(&message.parts),
        message.finish.as_ref().map(|finish| finish.reason.name()),
        message.finish.as_ref().map(|finish| finish.raw.as_str()),
        message.usage.as_ref().map(codec::write_usage),
        message.metrics.as_ref().map(codec::write_metrics),
        message.error.as_ref().map(codec::write_error),
        (!message.notices.is_empty()).then(|| codec::write_notices(&message.notices)),
    ])?;
    Ok(())
}

/// Adds what came of an answer. `false` where the answer is no longer in the store: its session was
/// deleted.
pub(super) fn append(db: &Connection, message: MessageId, seq: i64, events: &str) -> Result<bool> {
    let added = db
        .prepare_cached(
            "INSERT INTO deltas (message, seq, events)
             SELECT id, ?2, ?3 FROM messages WHERE id = ?1",
        )?
        .execute(params![message.bits(), seq, events])?;
    Ok(added == 1)
}

/// Writes a whole message over its row, and drops its deltas.
pub(super) fn finish(db: &Connection, message: &Message) -> Result<()> {
    update(db, message, None)?;
    drop_deltas(db, message.id)
}

/// The same for a message whose process is gone, unless another process did it, or its owner ended it
/// after all: then `false`.
pub(super) fn recover(db: &Connection, stored: &StoredMessage) -> Result<bool> {
    let changed = update(db, &stored.message, Some(stored.owner.as_deref().unwrap_or_default()))?;
    if changed {
        drop_deltas(db, stored.message.id)?;
    }
    Ok(changed)
}

/// Writes what can change of a message; with `owner`, only while it streams for that one.
fn update(db: &Connection, message: &Message, owner: Option<&str>) -> Result<bool> {
    let changed = db
        .prepare_cached(
            "UPDATE messages SET state = ?2, owner = NULL, content = ?3, finish_reason = ?4, finish_raw = ?5,
                 usage = ?6, metrics = ?7, error = ?8, notices = ?9
             WHERE id = ?1 AND (?10 IS NULL OR (state = 'streaming' AND ifnull(owner, '') = ?10))",
        )?
        .execute(params![
            message.id.bits(),
            message.state.name(),
            codec::write_parts(&message.parts),
            message.finish.as_ref().map(|finish| finish.reason.name()),
            message.finish.as_ref().map(|finish| finish.raw.as_str()),
            message.usage.as_ref().map(codec::write_usage),
            message.metrics.as_ref().map(codec::write_metrics),
            message.error.as_ref().map(codec::write_error),
            (!message.notices.is_empty()).then(|| codec::write_notices(&message.notices)),
            owner,
        ])?;
    Ok(changed == 1)
}

fn drop_deltas(db: &Connection, message: MessageId) -> Result<()> {
    db.prepare_cached("DELETE FROM deltas WHERE message = ?1")?.execute([message.bits()])?;
    Ok(())
}

/// All messages of a session in the order they were made, with what streamed into them.
pub(super) fn of_session(db: &Connection, session: SessionId) -> Result<Vec<StoredMessage>> {
    let mut statement = db.prepare_cached(
        "SELECT id, parent, role, model, choice, created, state, owner, content, finish_reason, finish_raw,
             usage, metrics, error, notices
         FROM messages WHERE session = ?1 ORDER BY seq",
    )?;
    let mut messages = statement.query_map([session.bits()], stored)?.collect::<Result<Vec<_>>>()?;
    let mut deltas = db.prepare_cached("SELECT events FROM deltas WHERE message = ?1 ORDER BY seq")?;
    for stored in messages.iter_mut().filter(|stored| stored.message.state == MessageState::Streaming) {
        let mut rows = deltas.query([stored.message.id.bits()])?;
        while let Some(row) = rows.next()? {
            codec::apply_events(&mut stored.message, &lossy_text(row, 0)?);
        }
    }
    Ok(messages)
}

/// The messages of a session that stream, as far as the store knows, with their owners.
pub(super) fn streaming(db: &Connection, session: SessionId) -> Result<Vec<(MessageId, Option<String>)>> {
    db.prepare_cached("SELECT id, owner FROM messages WHERE session = ?1 AND state = 'streaming'")?
        .query_map([session.bits()], |row| {
            Ok((Id::from_bits(row.get::<_, i64>(0)?.cast_unsigned()), lossy(row, 1)?))
        })?
        .collect()
}

fn stored(row: &Row<'_>) -> Result<StoredMessage> {
    let parent: Option<i64> = row.get(1)?;
    let choice: i64 = row.get(4)?;
    let finish_raw = lossy(row, 10)?;
    let message = Message {
        id: Id::from_bits(row.get::<_, i64>(0)?.cast_unsigned()),
        parent: parent.map(|bits| Id::from_bits(bits.cast_unsigned())),
        role: lossy(row, 2)?.and_then(|role| Role::parse(&role)).unwrap_or(Role::Assistant),
        model: lossy_text(row, 3)?,
        choice: u32::try_from(choice).unwrap_or_default(),
        created: Timestamp(row.get(5)?),
        state: lossy(row, 6)?
            .and_then(|state| MessageState::parse(&state))
            .unwrap_or(MessageState::Truncated),
        parts: codec::read_parts(&lossy_text(row, 8)?),
        finish: lossy(row, 9)?.map(|reason| codec::read_finish(&reason, finish_raw)),
        usage: lossy(row, 11)?.and_then(|text| codec::read_usage(&text)),
        metrics: lossy(row, 12)?.and_then(|text| codec::read_metrics(&text)),
        error: lossy(row, 13)?.map(|text| codec::read_error(&text)),
        notices: lossy(row, 14)?.map(|text| codec::read_notices(&text)).unwrap_or_default(),
    };
    Ok(StoredMessage { message, owner: lossy(row, 7)? })
}

/// Puts parents before their children and keeps siblings in order. A message whose parent is missing,
/// or is among its own descendants, is moved to the beginning: that is damage, and no word is dropped.
pub(super) fn parents_first(messages: Vec<Message>) -> Vec<Message> {
    let known: HashSet<MessageId> = messages.iter().map(|message| message.id).collect();
    let order: Vec<MessageId> = messages.iter().map(|message| message.id).collect();
    let mut sorted = Sorted { placed: HashSet::new(), waiting: HashMap::new(), out: Vec::new() };
    for mut message in messages {
        match message.parent.filter(|parent| known.contains(parent)) {
            Some(parent) if !sorted.placed.contains(&parent) => {
                sorted.waiting.entry(parent).or_default().push(message);
            }
            parent => {
                message.parent = parent;
                sorted.place(message);
            }
        }
    }
    // What still waits goes round in a circle: it is cut open at the parent that was made first.
    for parent in order {
        let waiting = sorted.waiting.remove(&parent).unwrap_or_default();
        for mut message in waiting {
            message.parent = sorted.placed.contains(&parent).then_some(parent);
            sorted.place(message);
        }
    }
    sorted.out
}

struct Sorted {
    placed: HashSet<MessageId>,
    waiting: HashMap<MessageId, Vec<Message>>,
    out: Vec<Message>,
}

impl Sorted {
    /// Places a message and all that waited for it.
    fn place(&mut self, message: Message) {
        let mut next = vec![message];
        while let Some(message) = next.pop() {
            let children = self.waiting.remove(&message.id).unwrap_or_default();
            self.placed.insert(message.id);
            self.out.push(message);
            next.extend(children.into_iter().rev());
        }
    }
}
