//! Opens the database: folder, file, version, migrations; sets a damaged one aside.
//!
//! Each process holds a shared lock on `chatui.lock` for as long as it uses the store; a damaged store
//! is renamed only under an exclusive one, so never under the feet of another process. The version is
//! read before anything is changed, and a store of a newer version is left exactly as it is.
//!
//! WAL, `synchronous=FULL`: what is committed survives a power cut. Damage is found by what SQLite
//! says of the header, the schema and each page it reads; there is no check of the whole file, which
//! would take a start as long as the store is big.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::trouble::{self, Trouble};
use crate::chat::jobs::StoreError;

/// In order; one that was released is never changed.
const MIGRATIONS: &[&str] =
    &[include_str!("../../assets/migrations/0001.sql"), include_str!("../../assets/migrations/0002.sql")];
/// The newest version that this program knows.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;
/// What was added to the first version, as it is read where it can't be added: nothing is in it.
const EMPTY: &str = "
CREATE TEMP TABLE drafts (session INTEGER PRIMARY KEY, content TEXT NOT NULL, owner TEXT);
CREATE TEMP TABLE deleted (session INTEGER PRIMARY KEY, owner TEXT);";
/// The tables that every version has.
const TABLES: &str = "'sessions', 'messages', 'deltas', 'chosen'";
const UNSEARCHED: &str = "searching needs an index, and one cannot be made: it is read-only, and from an \
     older chatui; what it holds can be listed and opened";
/// Statements kept prepared; the store has fewer.
const STATEMENTS: usize = 64;
/// Between two looks at the lock of another process that starts at the same time.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Where the store is, and how long to wait for others.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) file: PathBuf,
    /// How long another process may keep the store locked.
    pub(super) patience: Duration,
    /// The most pages the file may have; for tests of a full disk.
    pub(super) max_pages: Option<u32>,
    /// How it may be used; for tests of a read-only disk.
    pub(super) access: Access,
}

/// What may be done with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// All that the system permits.
    Any,
    /// Reading, as from a read-only disk.
    #[cfg(test)]
    Read,
}

impl Place {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            file: folder.join("chatui.db"),
            patience: Duration::from_secs(5),
            max_pages: None,
            access: Access::Any,
        }
    }
}

/// An open store.
#[derive(Debug)]
pub(super) struct Db {
    // The connection is closed before the lock is let go.
    pub(super) connection: Connection,
    /// Why nothing can be written, where that is so.
    pub(super) read_only: Option<StoreError>,
    /// Why nothing can be searched, where that is so.
    pub(super) unsearched: Option<StoreError>,
    identity: Option<Identity>,
    _gate: Option<File>,
}

/// Device and inode of the file: whether another process has put a new one in its place.
type Identity = (u64, u64);

/// Damage that a job met.
#[derive(Debug)]
pub(super) struct Damage {
    reason: String,
    identity: Option<Identity>,
}

impl Db {
    /// Closes it, to be set aside for `reason`.
    pub(super) fn into_damage(self, reason: String) -> Damage {
        Damage { reason, identity: self.identity }
    }
}

/// Opens the store, makes it where there is none, and sets it aside where it is damaged (`known`: a job
/// met damage that opening alone might not meet). The text tells of a store that was set aside.
pub(super) fn open(place: &Place, known: Option<Damage>) -> Result<(Db, Option<String>), StoreError> {
    make_folder(place)?;
    let gate = open_gate(place);
    lock_shared(place, gate.as_ref())?;
    match look(place, known.as_ref()) {
        Ok(connected) => Ok((connected.into_db(gate), None)),
        Err(Trouble::Told(error)) => Err(error),
        Err(Trouble::Damaged(reason)) => replace(place, gate, known, reason),
    }
}

/// Sets the damaged store aside as soon as no other process uses it, and makes a new one.
fn replace(
    place: &Place,
    gate: Option<File>,
    known: Option<Damage>,
    mut reason: String,
) -> Result<(Db, Option<String>), StoreError> {
    let Some(gate) = gate else { return Err(trouble::damaged(&place.file, reason)) };
    let until = Instant::now() + place.patience;
    loop {
        let alone = gate.try_lock().is_ok();
        if !alone {
            lock_shared(place, Some(&gate))?;
        }
        // Another process may have set it aside meanwhile.
        let mut notice = None;
        let connected = match look(place, known.as_ref()) {
            Err(Trouble::Damaged(why)) if alone => {
                let target = set_aside(place).map_err(|error| {
                    trouble::damaged(&place.file, format!("{why}; {}", trouble::io_words(&error)))
                })?;
                notice = Some(format!(
                    "the store {} was damaged ({why}): it was set aside as {}, and a new one was begun",
                    place.file.display(),
                    target.display(),
                ));
                connect(place)
            }
            other => other,
        };
        match connected {
            Ok(connected) => {
                lock_shared(place, Some(&gate))?;
                return Ok((connected.into_db(Some(gate)), notice));
            }
            Err(Trouble::Told(error)) => return Err(error),
            Err(Trouble::Damaged(why)) if alone => return Err(trouble::damaged(&place.file, why)),
            Err(Trouble::Damaged(why)) => reason = why,
        }
        if Instant::now() >= until {
            reason.push_str("; another chatui has it open");
            return Err(trouble::damaged(&place.file, reason));
        }
        // Not even shared while it sleeps: several that start at once would keep each other out for ever.
        let _ = gate.unlock();
        thread::sleep(LOOK_AGAIN);
    }
}

/// Connects, unless the file is still the one that is known to be damaged.
fn look(place: &Place, known: Option<&Damage>) -> Result<Connected, Trouble> {
    match known {
        Some(damage) if damage.identity == identity(&place.file) => {
            Err(Trouble::Damaged(damage.reason.clone()))
        }
        _ => connect(place),
    }
}

fn identity(file: &Path) -> Option<Identity> {
    fs::metadata(file).ok().map(|there| (there.dev(), there.ino()))
}

fn make_folder(place: &Place) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&place.folder)
        .map_err(|error| trouble::unwritable(&place.file, trouble::io_words(&error)))
}

/// `None` where the folder can't be written; then nothing is ever set aside.
fn open_gate(place: &Place) -> Option<File> {
    let path = place.folder.join("chatui.lock");
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).ok()
}

/// Waits for a process that holds it alone, which it does only for as long as a rename takes.
fn lock_shared(place: &Place, gate: Option<&File>) -> Result<(), StoreError> {
    let Some(gate) = gate else { return Ok(()) };
    let until = Instant::now() + place.patience;
    loop {
        match gate.try_lock_shared() {
            Ok(()) => return Ok(()),
            // A file system without locks: as good as it gets.
            Err(fs::TryLockError::Error(_)) => return Ok(()),
            Err(fs::TryLockError::WouldBlock) if Instant::now() >= until => {
                return Err(trouble::unwritable(&place.file, trouble::locked(place.patience)));
            }
            Err(fs::TryLockError::WouldBlock) => thread::sleep(LOOK_AGAIN),
        }
    }
}

/// Renames the store and what belongs to it. The database comes last: if this is interrupted, what is
/// left is still damaged, and still there.
fn set_aside(place: &Place) -> io::Result<PathBuf> {
    let stamp = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
    let beside = |path: &Path, suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let target = (1..)
        .map(|n| if n == 1 { format!(".damaged-{stamp}") } else { format!(".damaged-{stamp}-{n}") })
        .map(|suffix| beside(&place.file, &suffix))
        .find(|target| !target.exists())
        .ok_or(io::ErrorKind::AlreadyExists)?;
    for suffix in ["-wal", "-shm", ""] {
        match fs::rename(beside(&place.file, suffix), beside(&target, suffix)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
    }
    Ok(target)
}

/// A connection that is ready for jobs.
#[derive(Debug)]
struct Connected {
    connection: Connection,
    read_only: Option<StoreError>,
    unsearched: Option<StoreError>,
    identity: Option<Identity>,
}

impl Connected {
    fn into_db(self, gate: Option<File>) -> Db {
        let Self { connection, read_only, unsearched, identity } = self;
        Db { connection, read_only, unsearched, identity, _gate: gate }
    }
}

fn connect(place: &Place) -> Result<Connected, Trouble> {
    make_file(place)?;
    if let Ok(found) = peek(place) {
        refuse_newer(place, found)?;
    }
    let says = |error| trouble::of(&place.file, place.patience, error);
    let (mut connection, found, frozen) = open_any(place).map_err(says)?;
    refuse_newer(place, found)?;
    let objects = count(&connection, "SELECT count(*) FROM sqlite_schema").map_err(says)?;
    if found == 0 && objects > 0 {
        return Err(Trouble::Damaged("it is a database of another program".into()));
    }
    let read_only = (frozen || connection.is_readonly("main").map_err(says)?)
        .then(|| trouble::unwritable(&place.file, "it is read-only"));
    let mut unsearched = None;
    match &read_only {
        // Nothing was ever saved in it.
        Some(error) if found == 0 => return Err(Trouble::Told(error.clone())),
        Some(_) if found < VERSION => {
            connection.execute_batch("PRAGMA temp_store = MEMORY").map_err(says)?;
            connection.execute_batch(EMPTY).map_err(says)?;
            unsearched = Some(trouble::unreadable(&place.file, UNSEARCHED));
        }
        Some(_) => {}
        None => {
            prepare(&connection, place).map_err(says)?;
            migrate(&mut connection).map_err(says)?;
        }
    }
    let tables = format!("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ({TABLES})");
    if count(&connection, &tables).map_err(says)? < 4 {
        return Err(Trouble::Damaged("tables are missing".into()));
    }
    Ok(Connected { connection, read_only, unsearched, identity: identity(&place.file) })
}

/// Makes the file where there is none: SQLite gives its own files beside it the same rights.
fn make_file(place: &Place) -> Result<(), Trouble> {
    let says = |error: &io::Error| Trouble::Told(trouble::unwritable(&place.file, trouble::io_words(error)));
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&place.file) {
        Ok(file) => {
            file.sync_all().map_err(|error| says(&error))?;
            // The name must survive a power cut as what is in it does. Not every file system can.
            let _ = File::open(&place.folder).and_then(|folder| folder.sync_all());
            Ok(())
        }
        Err(_) if place.file.exists() => Ok(()),
        Err(error) => Err(says(&error)),
    }
}

/// The version in the file's header, read without making or changing any file. It may fail or be old
/// while another process writes; only a newer version means something.
fn peek(place: &Place) -> rusqlite::Result<i64> {
    version(&open_frozen(place)?)
}

/// Opens the file for reading as if it were on a read-only disk: no locks, no files beside it.
fn open_frozen(place: &Place) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let path = place.file.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Connection::open_with_flags(format!("file:{path}?immutable=1"), flags)
}

/// Opens the file and reads its version. The last member tells that it could only be read as it lies
/// there: in a folder that can't be written, a WAL database has no other way.
fn open_any(place: &Place) -> rusqlite::Result<(Connection, i64, bool)> {
    match place.access {
        Access::Any => {}
        #[cfg(test)]
        Access::Read => return open_as_it_lies(place),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&place.file, flags)?;
    connection.busy_timeout(place.patience)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Statements are planned once, not again for each value: that would cost more than they do.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // If it is a newer one, closing must not move anything from the WAL to the file.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    match version(&connection) {
        Ok(found) => Ok((connection, found, false)),
        Err(error) if matches!(trouble::code(&error), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)) => {
            open_as_it_lies(place)
        }
        Err(error) => Err(error),
    }
}

fn open_as_it_lies(place: &Place) -> rusqlite::Result<(Connection, i64, bool)> {
    let connection = open_frozen(place)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let found = version(&connection)?;
    Ok((connection, found, true))
}

fn refuse_newer(place: &Place, found: i64) -> Result<(), Trouble> {
    if found > VERSION {
        let path = place.file.clone();
        return Err(Trouble::Told(StoreError::Newer { path, found, known: VERSION }));
    }
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    count(connection, "PRAGMA user_version")
}

fn count(connection: &Connection, sql: &str) -> rusqlite::Result<i64> {
    connection.query_row(sql, [], |row| row.get(0))
}

/// Settings of a connection that writes.
fn prepare(connection: &Connection, place: &Place) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    use_wal(connection, place)?;
    connection
        .execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA foreign_keys = ON;")?;
    if let Some(pages) = place.max_pages {
        connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
    }
    Ok(())
}

/// The mode stays with the file. SQLite does not wait by itself where two processes set it at once.
fn use_wal(connection: &Connection, place: &Place) -> rusqlite::Result<()> {
    let until = Instant::now() + place.patience;
    loop {
        let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match mode {
            Err(error) if trouble::is_locked(&error) && Instant::now() < until => thread::sleep(LOOK_AGAIN),
            // Another mode where the file system can't do WAL: slower, but as safe.
            Ok(_) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Brings the store to the present version in one transaction.
fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    if version(connection)? >= VERSION {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it while this one waited.
    let found = usize::try_from(version(&transaction)?).unwrap_or(0);
    for migration in MIGRATIONS.iter().skip(found) {
        transaction.execute_batch(migration)?;
    }
    if found < MIGRATIONS.len() {
        transaction.execute_batch(&format!("PRAGMA user_version = {VERSION}"))?;
    }
    transaction.commit()
}
