//! Files beside the store: what chatui remembers between runs, texts that are attached, paths that are
//! completed as they are typed, exports that are written, the person's own themes.
//!
//! Everything here may wait for a disk: the chat calls it from a helper thread. What a name or a file
//! holds is hostile until checked; nothing but a regular file is ever read.

pub mod attach;
pub mod complete;
pub mod remembered;
pub mod themes;
pub mod write;

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// `typed` with `~` as the home folder. Homes of others (`~name`) are not looked up.
pub fn expand(typed: &Path, home: Option<&Path>) -> PathBuf {
    match (typed.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) if rest.as_os_str().is_empty() => home.to_owned(),
        (Ok(rest), Some(home)) => home.join(rest),
        _ => typed.to_owned(),
    }
}

/// Why a file cannot be read.
#[derive(Debug)]
enum Unread {
    /// A folder.
    Folder,
    /// A device, a pipe, a socket.
    Special,
    /// It holds more than the limit; so much, where that is known.
    TooLarge(Option<u64>),
    /// What the system says.
    System(io::Error),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// The bytes of a regular file, `limit` of them at most. It never waits for somebody to write.
fn read_regular(path: &Path, limit: u64) -> Result<Vec<u8>, Unread> {
    // Looked at before it is opened, as opening alone makes some devices act; and again when it is open.
    check_kind(&std::fs::metadata(path)?)?;
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    let meta = file.metadata()?;
    check_kind(&meta)?;
    if meta.len() > limit {
        return Err(Unread::TooLarge(Some(meta.len())));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or_default());
    // It may grow while it is read.
    File::take(file, limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Unread::TooLarge(None));
    }
    Ok(bytes)
}

fn check_kind(meta: &std::fs::Metadata) -> Result<(), Unread> {
    match (meta.is_file(), meta.is_dir()) {
        (true, _) => Ok(()),
        (false, true) => Err(Unread::Folder),
        (false, false) => Err(Unread::Special),
    }
}

/// What the system says, without its number.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_is_the_home_folder() {
        let home = Some(Path::new("/home/me"));
        for (typed, expected) in [
            ("~", "/home/me"),
            ("~/a/b", "/home/me/a/b"),
            ("~other/a", "~other/a"),
            ("a/~", "a/~"),
            ("/a", "/a"),
        ] {
            assert_eq!(expand(Path::new(typed), home), Path::new(expected), "{typed}");
        }
        assert_eq!(expand(Path::new("~/a"), None), Path::new("~/a"));
    }
}
