//! Looks at a store without changing it: for a report, not for use.
//!
//! Nothing is made, migrated, folded in or set aside; of a store that was left in a crash SQLite reads its log
//! anew, as for any reader. The whole file is read (SQLite's quick check), as long as the time allows.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::db::{Place, VERSION};
use super::trouble;
use crate::chat::jobs::StoreError;

/// What a look at a store found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkup {
    /// The file.
    pub path: PathBuf,
    /// Its bytes, with what is not folded in yet.
    pub bytes: u64,
    /// Its sessions.
    pub sessions: u64,
    /// How far it was read.
    pub read: Read,
}

/// How much of a store was read without finding damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// All of it.
    Whole,
    /// As much as there was time for.
    Partly,
}

/// Looks at the store in `folder`; `None` where there is none yet. It blocks, for `patience` until the
/// store is free, and as long again while it is read.
///
/// # Errors
/// It is damaged, newer than this program, or cannot be read or written.
pub fn look(folder: &Path, patience: Duration) -> Result<Option<Checkup>, StoreError> {
    let place = Place { patience, ..Place::new(folder) };
    if !place.file.exists() {
        return Ok(None);
    }
    examine(&place).map(Some)
}

fn examine(place: &Place) -> Result<Checkup, StoreError> {
    let file = &place.file;
    let unwritable = |error: rusqlite::Error| {
        if trouble::is_damage(&error) {
            return trouble::damaged(file, trouble::words(&error, place.patience));
        }
        trouble::unwritable(file, trouble::words(&error, place.patience))
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(unwritable)?;
    connection.busy_timeout(place.patience).map_err(unwritable)?;
    // The last who closes a store folds its log in.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(unwritable)?;
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let found = count("PRAGMA user_version").map_err(unwritable)?;
    if found > VERSION {
        return Err(StoreError::Newer { path: file.clone(), found, known: VERSION });
    }
    // Nothing is written: it is asked whether it could be.
    connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK").map_err(unwritable)?;
    let visible =
        "SELECT count(*) FROM sessions s WHERE EXISTS (SELECT 1 FROM messages m WHERE m.session = s.id)";
    let sessions = match count(visible) {
        Ok(count) => count.unsigned_abs(),
        // A file that was made and never used has no tables.
        Err(_) if found == 0 => 0,
        Err(error) => return Err(unwritable(error)),
    };
    let read = match check(&connection, place.patience) {
        Ok(said) if said == "ok" => Read::Whole,
        Ok(said) => return Err(trouble::damaged(file, first_line(&said))),
        Err(error) if trouble::code(&error) == Some(ErrorCode::OperationInterrupted) => Read::Partly,
        Err(error) => return Err(unwritable(error)),
    };
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |there| there.len());
    let mut wal = file.as_os_str().to_owned();
    wal.push("-wal");
    Ok(Checkup { path: file.clone(), bytes: size(file) + size(Path::new(&wal)), sessions, read })
}

/// SQLite's look at every page; it is broken off when the time is up.
fn check(connection: &Connection, patience: Duration) -> rusqlite::Result<String> {
    let interrupt = connection.get_interrupt_handle();
    let (done, over) = mpsc::channel::<()>();
    thread::spawn(move || {
        if over.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            interrupt.interrupt();
        }
    });
    let said = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
    drop(done);
    said
}

fn first_line(said: &str) -> String {
    let line = said.lines().find(|line| !line.starts_with("***")).unwrap_or(said);
    line.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn where_there_is_none_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(look(folder.path(), PATIENCE).unwrap(), None);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_not_folded_in_yet_stays_so() {
        let folder = tempfile::tempdir().unwrap();
        Store::open(folder.path()).drain().unwrap();
        let file = folder.path().join("chatui.db");
        let writer = Connection::open(&file).unwrap();
        writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
        writer.execute_batch("CREATE TABLE more (a); INSERT INTO more VALUES (1)").unwrap();
        drop(writer);
        let log = folder.path().join("chatui.db-wal");
        let before = [std::fs::read(&file).unwrap(), std::fs::read(&log).unwrap()];
        look(folder.path(), PATIENCE).unwrap().unwrap();
        assert!(before == [std::fs::read(&file).unwrap(), std::fs::read(&log).unwrap()]);
    }

    #[test]
    fn a_store_is_told_with_its_size_and_damage_is_found_and_left() {
        let folder = tempfile::tempdir().unwrap();
        Store::open(folder.path()).drain().unwrap();
        let found = look(folder.path(), PATIENCE).unwrap().unwrap();
        assert_eq!((found.sessions, found.read), (0, Read::Whole));
        assert!(found.bytes > 0 && found.path.ends_with("chatui.db"));

        std::fs::write(&found.path, b"no database at all, whatever its name says").unwrap();
        let error = look(folder.path(), PATIENCE).unwrap_err();
        assert!(matches!(&error, StoreError::Damaged { path, .. } if *path == found.path), "{error:?}");
        assert!(std::fs::read(&found.path).unwrap().starts_with(b"no database"));
    }
}
