//! Which processes live: each that streams into the store holds a lock on a file of its own.
//!
//! The kernel drops the lock when the process ends, however it ends, so a streaming message whose owner
//! holds none was cut. A check takes the lock shared for a moment, so two checks don't take each other
//! for the owner. On a file system without locks nobody has a name: a message without owner counts as
//! cut until its process ends it, and what a nameless process deleted stays for a day.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::base::{Id, IdSource};

/// Begins what stands for the name of a process that has none; the time follows, in seconds since 1970.
const NAMELESS: char = '@';
/// How long a nameless process is taken to live: nobody can ask.
const NAMELESS_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// What stands for the name of this process where it can't have one.
pub(super) fn nameless() -> String {
    format!("{NAMELESS}{}", now().as_secs())
}

/// Whether that stands for a process without name that may still live.
pub(super) fn may_live(name: &str) -> bool {
    let since = name.strip_prefix(NAMELESS).and_then(|since| since.parse().ok());
    since.is_some_and(|since| now().saturating_sub(Duration::from_secs(since)) < NAMELESS_LIFE)
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The locks of the store's folder, and the one of this process.
#[derive(Debug)]
pub(super) struct Owners {
    folder: PathBuf,
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    name: String,
    /// Held, never read.
    _lock: File,
}

impl Owners {
    /// Nothing is touched before the first claim.
    pub(super) fn new(data_dir: &Path) -> Self {
        Self { folder: data_dir.join("live"), own: None }
    }

    /// The name of this process, under which it is known to live from now on. `None` where locks can't
    /// be had.
    pub(super) fn claim(&mut self) -> Option<&str> {
        if self.own.is_none() {
            self.own = self.lock_new().ok();
            self.remove_stale();
        }
        self.own.as_ref().map(|own| own.name.as_str())
    }

    /// Whether a name is that of this process.
    pub(super) fn is_own(&self, name: &str) -> bool {
        self.own.as_ref().is_some_and(|own| own.name == name)
    }

    /// Whether another process of that name lives.
    pub(super) fn lives(&self, name: &str) -> bool {
        // A name out of a damaged row must not lead to another folder.
        let Some(id) = Id::parse(name) else { return false };
        match File::open(self.path(&id.to_string())) {
            Ok(file) => matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)),
            Err(_) => false,
        }
    }

    /// Lets the name go: what still streams under it was cut.
    pub(super) fn release(&mut self) {
        if let Some(own) = self.own.take() {
            // If it stays, the next process removes it.
            let _ = fs::remove_file(self.path(&own.name));
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.lock"))
    }

    fn lock_new(&self) -> io::Result<Own> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let mut names = IdSource::new(RandomState::new().hash_one(std::process::id()));
        loop {
            let name = names.next_id().to_string();
            let path = self.path(&name);
            let file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                file => file?,
            };
            match file.try_lock() {
                Ok(()) => {}
                // Another process holds the new file for a stale one, and removes it just now.
                Err(fs::TryLockError::WouldBlock) => continue,
                Err(fs::TryLockError::Error(error)) => {
                    let _ = fs::remove_file(&path);
                    return Err(error);
                }
            }
            let ours = file.metadata()?;
            if fs::metadata(&path).is_ok_and(|there| there.ino() == ours.ino() && there.dev() == ours.dev()) {
                return Ok(Own { name, _lock: file });
            }
        }
    }

    /// Removes the files of processes that are gone.
    fn remove_stale(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "lock") {
                continue;
            }
            // Held while it is removed, so that nobody can lock it in between unseen.
            let Ok(file) = File::open(&path) else { continue };
            if file.try_lock().is_ok() {
                let _ = fs::remove_file(&path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_lives_until_it_lets_its_lock_go_and_stale_files_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (mut one, mut two) = (Owners::new(folder.path()), Owners::new(folder.path()));
        let name = one.claim().unwrap().to_owned();
        assert_eq!(one.claim(), Some(name.as_str()), "one name a process");
        assert!(one.is_own(&name) && !two.is_own(&name));
        assert!(two.lives(&name) && one.lives(&name), "a check does not disturb it");

        let stale = folder.path().join("live/000000000000.lock");
        fs::write(&stale, "").unwrap();
        assert!(!two.lives("000000000000"), "a file that nobody holds is no life");
        two.claim().unwrap();
        assert!(!stale.exists());
        assert!(two.lives(&name), "a living one is not removed");

        one.release();
        assert!(!two.lives(&name));
        assert_eq!(fs::read_dir(folder.path().join("live")).unwrap().count(), 1);
        for odd in ["", "../../etc/passwd", "../000000000000"] {
            assert!(!two.lives(odd));
        }
    }
}
