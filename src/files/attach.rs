//! Text files that a person attaches to a prompt.
//!
//! Only what is text for sure is taken: a regular file in UTF-8 without NUL. A byte-order mark is
//! dropped; line ends stay as they are.

use std::fmt;
use std::path::Path;

use super::{Unread, expand, read_regular, words};
use crate::base::sanitize;
use crate::chat::Part;

/// The most bytes of one file.
pub const MAX_BYTES: u64 = 4 << 20;

/// A file as a model gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Its name, in one line: its path from the working folder, or the file's name alone where a path
    /// from the root or from home was typed, which is nobody else's business.
    pub name: String,
    /// What it holds.
    pub text: String,
}

impl Attached {
    /// The part of a message that it becomes.
    pub fn into_part(self) -> Part {
        Part::File { name: self.name, text: self.text }
    }
}

/// Why a file is not attached: a sentence that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// An image, which this version cannot send.
    Image(String),
    /// It cannot be read, or is no text.
    Other(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Refused::Image(sentence) | Refused::Other(sentence)) = self;
        f.write_str(sentence)
    }
}

/// Reads the text file `typed`: relative to the folder `cwd`, `~` being `home`.
///
/// # Errors
/// A sentence that says what it is instead, or why it cannot be read.
pub fn read_text(typed: &Path, cwd: &Path, home: Option<&Path>) -> Result<Attached, Refused> {
    let path = cwd.join(expand(typed, home));
    let shown = sanitize::clean(&typed.to_string_lossy()).into_owned();
    let other = |why: String| Refused::Other(format!("{shown} {why}"));
    let bytes = read_regular(&path, MAX_BYTES).map_err(|unread| match unread {
        Unread::Folder => other("is a folder: attach the files in it one by one".to_owned()),
        Unread::Special => {
            other("is no file to read (a device, a pipe or a socket): attach a regular file".to_owned())
        }
        Unread::TooLarge(_) if is_image(&path) => image(&shown),
        Unread::TooLarge(size) => {
            let size = size.map_or(String::new(), |size| format!(" ({} MiB)", size.div_ceil(1 << 20)));
            other(format!("is too large{size}: a file may have {} MiB", MAX_BYTES >> 20))
        }
        Unread::System(error) if error.kind() == std::io::ErrorKind::NotFound => {
            other("is not there: check the path".to_owned())
        }
        Unread::System(error) => other(format!("cannot be read: {}", words(&error))),
    })?;
    if image_kind(&bytes).is_some() {
        return Err(image(&shown));
    }
    let bytes = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => rest.to_vec(),
        None => bytes,
    };
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(other("is UTF-16 text: save it as UTF-8 first".to_owned()));
    }
    if let Some(at) = memchr::memchr(0, &bytes) {
        return Err(other(format!("is no text: it holds binary data (a zero at byte {at})")));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        other(format!("is not UTF-8 text (at byte {at}): convert it first"))
    })?;
    Ok(Attached { name: name(&path, cwd), text })
}

fn image(shown: &str) -> Refused {
    Refused::Image(format!("{shown} is an image: images are not supported yet, only text files"))
}

/// By the first bytes.
fn image_kind(bytes: &[u8]) -> Option<&'static str> {
    let at = |from: usize, magic: &[u8]| bytes.get(from..).is_some_and(|rest| rest.starts_with(magic));
    match () {
        () if at(0, b"\x89PNG\r\n") => Some("png"),
        () if at(0, b"\xff\xd8\xff") => Some("jpeg"),
        () if at(0, b"GIF87a") || at(0, b"GIF89a") => Some("gif"),
        () if at(0, b"RIFF") && at(8, b"WEBP") => Some("webp"),
        () => None,
    }
}

/// By the name, for one that is too large to be read.
fn is_image(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
    ["png", "jpg", "jpeg", "gif", "webp"].contains(&ending.as_str())
}

fn name(path: &Path, cwd: &Path) -> String {
    let name = match path.strip_prefix(cwd) {
        Ok(below) => Some(below.as_os_str()),
        Err(_) => path.file_name(),
    };
    sanitize::clean(&name.unwrap_or_default().to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn read(folder: &Path, typed: &str) -> Result<Attached, Refused> {
        read_text(Path::new(typed), folder, Some(folder))
    }

    /// The sentence of a refusal.
    fn refused(folder: &Path, typed: &str) -> String {
        match read(folder, typed) {
            Err(Refused::Other(sentence)) => sentence,
            other => panic!("{typed}: {other:?}"),
        }
    }

    #[test]
    fn text_comes_as_it_is_less_a_byte_order_mark() {
        let folder = folder();
        fs::write(folder.path().join("a.txt"), "\u{feff}one\r\ntwo\tä\n").unwrap();
        let text = "one\r\ntwo\tä\n".to_owned();
        assert_eq!(read(folder.path(), "a.txt"), Ok(Attached { name: "a.txt".into(), text }));
        fs::write(folder.path().join("empty"), "").unwrap();
        assert_eq!(read(folder.path(), "empty").unwrap().text, "");
    }

    #[test]
    fn a_name_tells_no_more_than_is_needed() {
        let (folder, home) = (folder(), folder());
        let (cwd, home) = (folder.path().join("work"), home.path());
        fs::create_dir_all(cwd.join("src")).unwrap();
        for file in
            [cwd.join("src/a.rs"), folder.path().join("b.rs"), home.join("c.rs"), cwd.join("x\u{1b}[m")]
        {
            fs::write(file, "x").unwrap();
        }
        let name = |typed: &Path| read_text(typed, &cwd, Some(home)).unwrap().name;
        assert_eq!(name(Path::new("src/a.rs")), "src/a.rs");
        assert_eq!(name(&cwd.join("src/a.rs")), "src/a.rs");
        assert_eq!(name(Path::new("../b.rs")), "../b.rs");
        assert_eq!(name(Path::new("~/c.rs")), "c.rs");
        assert_eq!(name(&home.join("c.rs")), "c.rs");
        assert_eq!(name(Path::new("x\u{1b}[m")), "x␛[m");
    }

    #[test]
    fn what_is_no_text_file_is_refused_by_what_it_is() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("sub")).unwrap();
        fs::write(at("binary"), b"ab\0c").unwrap();
        fs::write(at("latin"), b"caf\xe9").unwrap();
        fs::write(at("wide"), b"\xff\xfea\0").unwrap();
        fs::File::create(at("large")).unwrap().set_len(MAX_BYTES + 1).unwrap();
        for (name, words) in [
            ("none", "is not there"),
            ("sub", "is a folder"),
            ("binary", "binary data (a zero at byte 2)"),
            ("latin", "not UTF-8 text (at byte 3)"),
            ("wide", "UTF-16"),
            ("large", "too large (5 MiB): a file may have 4 MiB"),
            ("binary/x", "cannot be read: not a directory"),
        ] {
            let sentence = refused(folder.path(), name);
            assert!(sentence.starts_with(name) && sentence.contains(words), "{name}: {sentence}");
        }
    }

    #[test]
    fn the_limit_itself_is_allowed() {
        let folder = folder();
        fs::write(folder.path().join("a"), vec![b'a'; MAX_BYTES as usize]).unwrap();
        assert_eq!(read(folder.path(), "a").unwrap().text.len() as u64, MAX_BYTES);
    }

    #[test]
    fn pipes_and_devices_are_refused_without_waiting() {
        let folder = folder();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        for name in ["pipe", "socket", "/dev/null", "/dev/zero", "/dev/tty"] {
            let sentence = refused(folder.path(), name);
            assert!(sentence.contains("a device, a pipe or a socket"), "{name}: {sentence}");
        }
        // A link to one is one.
        std::os::unix::fs::symlink(&pipe, folder.path().join("link")).unwrap();
        assert!(refused(folder.path(), "link").contains("a pipe"));
    }

    #[test]
    fn a_file_that_may_not_be_read_says_so() {
        let folder = folder();
        let path = folder.path().join("mine");
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        match read(folder.path(), "mine") {
            Err(refused) => assert!(refused.to_string().contains("permission denied"), "{refused}"),
            // Root may read anything.
            Ok(attached) => assert_eq!(attached.text, "x"),
        }
    }

    #[test]
    fn images_are_known_by_their_first_bytes() {
        let folder = folder();
        for (name, bytes) in [
            ("a", &b"\x89PNG\r\n\x1a\n\0"[..]),
            ("b", b"\xff\xd8\xff\xe0"),
            ("c", b"GIF89a"),
            ("d", b"RIFF....WEBP"),
        ] {
            fs::write(folder.path().join(name), bytes).unwrap();
            assert!(matches!(read(folder.path(), name), Err(Refused::Image(_))), "{name}");
        }
        fs::File::create(folder.path().join("big.PNG")).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert!(matches!(read(folder.path(), "big.PNG"), Err(Refused::Image(_))));
    }
}
