//! The index of words: kept a step behind the store, so that nothing that is saved waits for it.
//!
//! Triggers note which messages and titles the index does not know yet (or knows wrongly), in the
//! transaction that changes them; the worker indexes them in slices when it has nothing else to do, and
//! before a search. What was in the store before there was an index is its backlog, indexed likewise,
//! the newest first. So an old store opens at once, and several processes share the work.
//!
//! The index holds nothing that is not in the messages. Where it is damaged it is thrown away and begun
//! anew; where not even that can be done, a search says so. It is never a reason to set the store aside.

use std::time::{Duration, Instant};

use rusqlite::{Connection, Error, ErrorCode, OptionalExtension, Result};

use super::messages::lossy_text;
use super::{codec, trouble, words};
use crate::chat::Part;
use crate::chat::session::SessionKind;

/// The tables of the index, as the migration made them.
const SCHEMA: &str = "
CREATE VIRTUAL TABLE message_words USING fts5 (
    text, content = '', contentless_delete = 1, prefix = '1 2 3', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE title_words USING fts5 (
    title, content = '', contentless_delete = 1, prefix = '1 2 3', tokenize = 'unicode61 remove_diacritics 2'
);";
/// How much of a message is searched: a step of the worker must not take long, whatever was attached.
const SEARCHED: usize = 1 << 20;
/// What SQLite says of a table that is not there, or not as FTS5 made it.
const MISSING: [&str; 4] =
    ["no such table", "no such column", "vtable constructor failed", "invalid fts5 file format"];
/// How many rows are looked up at once.
const ROWS: i64 = 64;

/// What failed: the index, which can be made anew, or the store.
#[derive(Debug)]
pub(super) enum Fault {
    Index(Error),
    Store(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl Fault {
    /// An error at the end of a transaction.
    pub(super) fn of_commit(error: Error) -> Self {
        if makes_no_sense(&error) { Self::Index(error) } else { Self::Store(error) }
    }

    /// Whether the index makes no sense any more.
    pub(super) fn is_broken_index(&self) -> bool {
        match self {
            Self::Index(error) => makes_no_sense(error),
            Self::Store(_) => false,
        }
    }

    /// SQLite's error.
    pub(super) fn error(&self) -> &Error {
        match self {
            Self::Index(error) | Self::Store(error) => error,
        }
    }
}

/// Whether an error says that the tables of the index are not as they should be: damage, a table or row
/// that is missing, one that is there twice. SQLite has no code of its own for what is missing.
fn makes_no_sense(error: &Error) -> bool {
    let is_missing = |words: &str| MISSING.iter().any(|missing| words.contains(missing));
    match error {
        Error::SqlInputError { msg, .. } => is_missing(msg),
        Error::SqliteFailure(failure, Some(words)) if failure.code == ErrorCode::Unknown => is_missing(words),
        _ => trouble::is_damage(error) || trouble::code(error) == Some(ErrorCode::ConstraintViolation),
    }
}

/// What is searched of a message: its text, its refusal, the files that came with it. Not what the
/// model thought, and not what it asked tools for. Of a long message it is the first [`SEARCHED`] bytes; files
/// are cut before what was said beside them.
pub(super) fn searched_text(parts: &[Part]) -> String {
    let said = parts.iter().map(|part| match part {
        Part::Text(said) | Part::RawPrompt(said) | Part::Refusal(said) => said.len() + 1,
        Part::File { name, .. } => name.len() + 2,
        Part::Reasoning(_) | Part::ToolCall(_) | Part::Annotation { .. } | Part::Carry { .. } => 0,
    });
    let mut left_for_files = SEARCHED.saturating_sub(said.sum());
    let mut text = String::new();
    for part in parts {
        let pieces: &[&str] = match part {
            Part::Text(said) | Part::RawPrompt(said) | Part::Refusal(said) => &[said],
            Part::File { name, text } => {
                let begin = head(text, left_for_files);
                left_for_files -= begin.len();
                &[name, begin]
            }
            Part::Reasoning(_) | Part::ToolCall(_) | Part::Annotation { .. } | Part::Carry { .. } => &[],
        };
        for piece in pieces {
            if !text.is_empty() && text.len() < SEARCHED {
                text.push('\n');
            }
            text.push_str(head(piece, SEARCHED.saturating_sub(text.len())));
        }
    }
    text
}

/// So many bytes of a text, or a few fewer: no character is cut.
fn head(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

/// Whether there is something that the index does not know.
pub(super) fn is_behind(db: &Connection) -> Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM stale_messages) OR EXISTS (SELECT 1 FROM stale_titles)
             OR EXISTS (SELECT 1 FROM backlog WHERE messages IS NOT NULL OR titles IS NOT NULL)",
    )?
    .query_row([], |row| row.get(0))
}

/// Whether the index lacks something that was saved since there is one: its backlog does not count.
pub(super) fn lacks_news(db: &Connection) -> Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM stale_messages) OR EXISTS (SELECT 1 FROM stale_titles)")?
        .query_row([], |row| row.get(0))
}

/// Indexes until the time is over or nothing is left to do, in a transaction of the caller's.
pub(super) fn slice(db: &Connection, time: Duration) -> std::result::Result<(), Fault> {
    let until = Instant::now() + time;
    for step in [stale_titles, stale_messages, old_titles, old_messages] {
        while step(db)? {
            if Instant::now() >= until {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// One step: a few rows. `false` where nothing was left.
type Step = std::result::Result<bool, Fault>;

fn stale_titles(db: &Connection) -> Step {
    let stale = numbers(db, "SELECT session FROM stale_titles LIMIT ?1")?;
    for session in &stale {
        index_title(db, *session)?;
        db.prepare_cached("DELETE FROM stale_titles WHERE session = ?1")?.execute([session])?;
    }
    Ok(!stale.is_empty())
}

fn stale_messages(db: &Connection) -> Step {
    // One: an attached file may be big.
    let newest = "SELECT seq FROM stale_messages ORDER BY seq DESC LIMIT 1";
    let Some(seq) = db.prepare_cached(newest)?.query_row([], |row| row.get(0)).optional()? else {
        return Ok(false);
    };
    index_message(db, seq)?;
    db.prepare_cached("DELETE FROM stale_messages WHERE seq = ?1")?.execute([seq])?;
    Ok(true)
}

fn old_titles(db: &Connection) -> Step {
    let old = numbers(
        db,
        "SELECT id FROM sessions WHERE id <= (SELECT titles FROM backlog) ORDER BY id DESC LIMIT ?1",
    )?;
    for session in &old {
        index_title(db, *session)?;
    }
    let left = old.last().map(|last| last - 1);
    db.prepare_cached("UPDATE backlog SET titles = ?1 WHERE titles IS NOT NULL")?.execute([left])?;
    Ok(left.is_some())
}

fn old_messages(db: &Connection) -> Step {
    let sql =
        "SELECT seq FROM messages WHERE seq <= (SELECT messages FROM backlog) ORDER BY seq DESC LIMIT 1";
    let old: Option<i64> = db.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
    if let Some(seq) = old {
        index_message(db, seq)?;
    }
    let left = old.map(|seq| seq - 1);
    db.prepare_cached("UPDATE backlog SET messages = ?1 WHERE messages IS NOT NULL")?.execute([left])?;
    Ok(left.is_some())
}

fn numbers(db: &Connection, sql: &str) -> Result<Vec<i64>> {
    db.prepare_cached(sql)?.query_map([ROWS], |row| row.get(0))?.collect()
}

/// Makes the index know a title as it is now.
fn index_title(db: &Connection, session: i64) -> std::result::Result<(), Fault> {
    let row = db
        .prepare_cached("SELECT title, kind FROM sessions WHERE id = ?1")?
        .query_row([session], |row| Ok((lossy_text(row, 0)?, lossy_text(row, 1)?)))
        .optional()?;
    let text = row.map(|(title, kind)| words::indexed(&title, kind_of(&kind)));
    put(db, "title_words (rowid, title)", "title_words", session, text).map_err(Fault::Index)
}

/// Makes the index know a message as it is now. One that streams comes when it is whole.
fn index_message(db: &Connection, seq: i64) -> std::result::Result<(), Fault> {
    let sql = "SELECT m.content, m.state, s.kind FROM messages m JOIN sessions s ON s.id = m.session
               WHERE m.seq = ?1";
    let row = db
        .prepare_cached(sql)?
        .query_row([seq], |row| Ok((lossy_text(row, 0)?, lossy_text(row, 1)?, lossy_text(row, 2)?)))
        .optional()?;
    let text = row.filter(|(_, state, _)| state != "streaming").and_then(|(content, _, kind)| {
        let said = searched_text(&codec::read_parts(&content));
        (!said.is_empty()).then(|| words::indexed(&said, kind_of(&kind)))
    });
    put(db, "message_words (rowid, text)", "message_words", seq, text).map_err(Fault::Index)
}

fn put(db: &Connection, into: &str, table: &str, row: i64, text: Option<String>) -> Result<()> {
    match text {
        Some(text) => db
            .prepare_cached(&format!("INSERT OR REPLACE INTO {into} VALUES (?1, ?2)"))?
            .execute(rusqlite::params![row, text])?,
        None => db.prepare_cached(&format!("DELETE FROM {table} WHERE rowid = ?1"))?.execute([row])?,
    };
    Ok(())
}

/// As the store reads it: what it does not know is a chat.
fn kind_of(name: &str) -> SessionKind {
    SessionKind::parse(name).unwrap_or(SessionKind::Chat)
}

/// Throws the index away and has all be indexed again, in a transaction of the caller's. Where its very
/// pages are damaged, that fails: then there is no search, and all else goes on.
pub(super) fn begin_anew(db: &Connection) -> Result<()> {
    let dropped = db.execute_batch("DROP TABLE IF EXISTS message_words; DROP TABLE IF EXISTS title_words");
    if let Err(error) = dropped {
        // Only what is known to be broken, and only where it can be taken back as a whole.
        if !makes_no_sense(&error) || db.is_autocommit() {
            return Err(error);
        }
        // SQLite can't drop what it can't open; its pages are given up.
        db.execute_batch(
            "PRAGMA writable_schema = ON;
             DELETE FROM sqlite_schema WHERE tbl_name GLOB 'message_words*' OR tbl_name GLOB 'title_words*';
             PRAGMA writable_schema = RESET;",
        )?;
    }
    db.execute_batch(SCHEMA)?;
    db.execute_batch(
        "DELETE FROM stale_messages; DELETE FROM stale_titles;
         INSERT OR REPLACE INTO backlog SELECT 1, (SELECT max(seq) FROM messages), (SELECT max(id) FROM sessions);",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: String) -> Part {
        Part::File { name: "big.txt".into(), text }
    }

    #[test]
    fn of_a_long_message_the_beginning_is_searched_and_all_that_was_said() {
        let parts = [file("ä".repeat(2 << 20)), Part::Text("what is this?".into()), file("small".into())];
        let text = searched_text(&parts);
        assert!(text.len() <= SEARCHED, "{}", text.len());
        assert!(text.len() > SEARCHED - 100, "{}", text.len());
        assert!(text.starts_with("big.txt\nää"));
        assert!(text.contains("\nwhat is this?\nbig.txt"));
        let text = searched_text(&[Part::Text("ö".repeat(2 << 20)), file("never".into())]);
        assert!(text.len() <= SEARCHED && text.chars().all(|c| c == 'ö'));
    }

    #[test]
    fn a_short_message_is_searched_as_it_is() {
        let parts = [Part::Text("look".into()), file("a\nb".into()), Part::Reasoning("hidden".into())];
        assert_eq!(searched_text(&parts), "look\nbig.txt\na\nb");
        assert_eq!(searched_text(&[]), "");
    }

    fn store() -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(include_str!("../../assets/migrations/0001.sql")).unwrap();
        db.execute_batch(include_str!("../../assets/migrations/0002.sql")).unwrap();
        db.execute_batch("INSERT INTO message_words (rowid, text) VALUES (1, 'words')").unwrap();
        db
    }

    fn found(db: &Connection) -> i64 {
        let sql = "SELECT count(*) FROM message_words WHERE message_words MATCH 'words'";
        db.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn only_what_is_missing_or_damaged_makes_no_sense() {
        let db = store();
        for (sql, broken) in [
            ("SELECT * FROM no_table", true),
            ("SELECT no_column FROM sessions", true),
            ("SELECT * FROM message_words WHERE message_words MATCH '\"'", false),
            ("SELECT json('{')", false),
            ("SELECT abs(-9223372036854775808)", false),
        ] {
            let error = db.query_row(sql, [], |_| Ok(())).unwrap_err();
            assert_eq!(makes_no_sense(&error), broken, "{sql}: {error}");
        }
    }

    #[test]
    fn an_index_that_is_only_in_use_is_not_torn_out() {
        let db = store();
        db.execute_batch("BEGIN").unwrap();
        let mut query = db.prepare("SELECT rowid FROM message_words_data").unwrap();
        let mut rows = query.query([]).unwrap();
        assert!(rows.next().unwrap().is_some());
        let error = begin_anew(&db).unwrap_err();
        assert!(trouble::is_locked(&error), "{error}");
        drop(rows);
        db.execute_batch("ROLLBACK").unwrap();
        assert_eq!(found(&db), 1);
    }

    #[test]
    fn a_broken_index_is_torn_out_only_where_that_can_be_taken_back() {
        let db = store();
        db.execute_batch("DROP TABLE message_words_config").unwrap();
        let tables = || -> i64 {
            let sql = "SELECT count(*) FROM sqlite_schema WHERE tbl_name GLOB 'message_words*'";
            db.query_row(sql, [], |row| row.get(0)).unwrap()
        };
        let before = tables();
        // As after a restart: nothing of it is open.
        db.flush_prepared_statement_cache();
        if begin_anew(&db).is_err() {
            assert_eq!(tables(), before);
            db.execute_batch("BEGIN").unwrap();
            begin_anew(&db).unwrap();
            db.execute_batch("COMMIT").unwrap();
        }
        assert_eq!(found(&db), 0, "it is there, and empty");
    }
}
