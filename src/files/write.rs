//! New files for what is exported.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use super::words;
use crate::base::sanitize;

/// Writes a new file. One that is there already, a link too, is never touched; of one that cannot be
/// written whole nothing is left.
///
/// # Errors
/// A sentence that names the file, says why, and what to do.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let shown = sanitize::clean(&path.to_string_lossy()).into_owned();
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
        match (error.kind(), path.parent()) {
            (io::ErrorKind::AlreadyExists, _) => {
                format!("{shown} is there already and is not overwritten: name another file")
            }
            (io::ErrorKind::NotFound, Some(parent)) if !parent.as_os_str().is_empty() => {
                let parent = sanitize::clean(&parent.to_string_lossy()).into_owned();
                format!("{shown} cannot be written: there is no folder {parent}: make it first")
            }
            _ => format!("{shown} cannot be written: {}", words(&error)),
        }
    })?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| {
        // It is ours, and half of it is of no use.
        let _ = fs::remove_file(path);
        format!("{shown} cannot be written: {}", words(&error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_is_written_and_an_old_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.md");
        write_new(&path, b"one").unwrap();
        let refused = write_new(&path, b"two").unwrap_err();
        assert!(refused.contains("is there already and is not overwritten"), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"one");
    }

    #[test]
    fn a_link_to_nowhere_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("link"), folder.path().join("target"));
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(write_new(&link, b"x").is_err());
        assert!(!target.exists());
    }

    #[test]
    fn the_folder_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let refused = write_new(&folder.path().join("none/a.md"), b"x").unwrap_err();
        assert!(refused.contains("there is no folder") && refused.contains("none"), "{refused}");
        let refused = write_new(folder.path(), b"x").unwrap_err();
        assert!(refused.contains("is there already"), "{refused}");
    }
}
