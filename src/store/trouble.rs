//! What can go wrong with a database, in words a person can act on.

use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Error, ErrorCode};

use crate::chat::jobs::StoreError;

/// Why the database can't be used.
#[derive(Debug)]
pub(super) enum Trouble {
    /// What is in it makes no sense; the text is SQLite's word for it.
    Damaged(String),
    /// Anything else.
    Told(StoreError),
}

/// What an error means to one who wants to write.
pub(super) fn of(file: &Path, patience: Duration, error: Error) -> Trouble {
    if is_damage(&error) {
        return Trouble::Damaged(words(&error, patience));
    }
    Trouble::Told(unwritable(file, words(&error, patience)))
}

/// The store can't be written.
pub(super) fn unwritable(file: &Path, reason: impl Into<String>) -> StoreError {
    StoreError::Unwritable { path: file.to_owned(), reason: reason.into() }
}

/// The store can't be read.
pub(super) fn unreadable(file: &Path, reason: impl Into<String>) -> StoreError {
    StoreError::Unreadable { path: file.to_owned(), reason: reason.into() }
}

/// The store is damaged and stays where it is.
pub(super) fn damaged(file: &Path, reason: impl Into<String>) -> StoreError {
    StoreError::Damaged { path: file.to_owned(), reason: reason.into() }
}

/// Another process does not let go.
pub(super) fn locked(patience: Duration) -> String {
    format!("another program kept it locked for over {} s", patience.as_secs_f32())
}

/// SQLite's class of an error.
pub(super) fn code(error: &Error) -> Option<ErrorCode> {
    error.sqlite_error_code()
}

/// Whether another connection holds what is needed.
pub(super) fn is_locked(error: &Error) -> bool {
    matches!(code(error), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Whether the file's content makes no sense.
pub(super) fn is_damage(error: &Error) -> bool {
    matches!(code(error), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// Whether the file that connections share could not grow.
fn is_full(error: &Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

/// An error in a few words, without a full stop.
pub(super) fn words(error: &Error, patience: Duration) -> String {
    let known = match code(error) {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => return locked(patience),
        Some(ErrorCode::DiskFull) => "the disk is full",
        Some(ErrorCode::ReadOnly) => "it is read-only",
        Some(ErrorCode::PermissionDenied) => "permission denied",
        Some(ErrorCode::CannotOpen) => "it cannot be opened",
        Some(ErrorCode::SystemIoFailure) if is_full(error) => "the disk is full",
        Some(ErrorCode::SystemIoFailure) => "the disk reports an error",
        Some(ErrorCode::NotADatabase) => "it is not a database",
        _ => return error.to_string(),
    };
    known.to_owned()
}

/// The same for an error of the file system.
pub(super) fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::ReadOnlyFilesystem => "the disk is read-only".into(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the disk is full".into(),
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a file stands where its folder should be".into()
        }
        io::ErrorKind::NotFound => "its folder cannot be made".into(),
        _ => {
            let text = error.to_string();
            text.split(" (os error ").next().unwrap_or_default().to_owned()
        }
    }
}
