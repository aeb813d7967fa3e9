//! The file of what chatui remembers between runs: `remembered.json` in the state folder.
//!
//! It is small and of use only while it can be read: a damaged one counts as none. A change reads the
//! file anew under a lock, so that two programs at once lose nothing of each other, and puts a whole new
//! file in its place. Members of later versions stay.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::read_regular;
use crate::chat::remembered::{MOST_RECENT, MOST_STARS, is_name};
use crate::chat::{Change, Remembered};

const FILE: &str = "remembered.json";
const LOCK: &str = "remembered.lock";
/// Where the next file is written before it takes its place.
const NEXT: &str = "remembered.json.next";
/// The most bytes of the file.
const MAX_BYTES: u64 = 4 << 20;
/// How long another program's change is waited for; it takes a millisecond.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is remembered in the state folder `dir`; nothing where there is no file, or none that can be read.
pub fn load(dir: &Path) -> Remembered {
    read(&members(dir))
}

/// Makes one change; gives what is remembered then, other programs' changes among it.
///
/// # Errors
/// Where the folder or the file cannot be written, or another program holds the lock for two seconds.
pub fn change(dir: &Path, change: &Change) -> io::Result<Remembered> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    // Dropping it gives it up.
    let _lock = lock(dir)?;
    let mut members = members(dir);
    let mut remembered = read(&members);
    let before = remembered.clone();
    remembered.apply(change);
    if remembered == before {
        return Ok(remembered);
    }
    members.insert("stars".to_owned(), json!(remembered.stars));
    members.insert("recent".to_owned(), json!(remembered.recent));
    if let Some(theme) = &remembered.theme {
        members.insert("theme".to_owned(), json!(theme));
    }
    write(dir, &Value::Object(members))?;
    Ok(remembered)
}

fn lock(dir: &Path) -> io::Result<File> {
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(dir.join(LOCK))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begun.elapsed() > PATIENCE => {
                return Err(io::Error::new(io::ErrorKind::WouldBlock, "another chatui holds its lock"));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// The file's members; none where it cannot be read.
fn members(dir: &Path) -> Map<String, Value> {
    let bytes = read_regular(&dir.join(FILE), MAX_BYTES).unwrap_or_default();
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(members)) => members,
        Ok(_) | Err(_) => Map::new(),
    }
}

fn read(members: &Map<String, Value>) -> Remembered {
    let names = |member: &str, most: usize| {
        let mut names: Vec<String> = Vec::new();
        for name in members.get(member).and_then(Value::as_array).into_iter().flatten() {
            let Some(name) = name.as_str().filter(|name| is_name(name)) else { continue };
            if names.len() < most && !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    };
    let theme = members.get("theme").and_then(Value::as_str).filter(|name| is_name(name));
    Remembered {
        stars: names("stars", MOST_STARS),
        recent: names("recent", MOST_RECENT),
        theme: theme.map(str::to_owned),
    }
}

/// Under the lock, so that the one name for the next file is enough.
fn write(dir: &Path, value: &Value) -> io::Result<()> {
    let next = dir.join(NEXT);
    match fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&next)?;
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&next, dir.join(FILE))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn used(name: &str) -> Change {
        Change::Used(name.to_owned())
    }

    #[test]
    fn what_was_changed_is_there_at_the_next_start() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("state/chatui");
        assert_eq!(load(&dir), Remembered::default());
        for step in [
            Change::Star("lab:a".into()),
            used("lab:a"),
            used("lab:b"),
            Change::Theme("nord".into()),
            Change::Star("lab:c".into()),
            Change::Unstar("lab:a".into()),
        ] {
            change(&dir, &step).unwrap();
        }
        let expected = Remembered {
            stars: vec!["lab:c".into()],
            recent: vec!["lab:b".into(), "lab:a".into()],
            theme: Some("nord".into()),
        };
        assert_eq!(load(&dir), expected);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir), 0o700);
        assert_eq!(mode(&dir.join(FILE)), 0o600);
        assert!(!dir.join(NEXT).exists());
    }

    #[test]
    fn a_damaged_file_is_ignored_and_the_next_change_mends_it() {
        let dir = tempfile::tempdir().unwrap();
        for damage in
            [&b"{\"stars\": [\"lab:a\""[..], b"", b"[]", b"\xff\xfe", b"{\"stars\": 3, \"theme\": {}}"]
        {
            fs::write(dir.path().join(FILE), damage).unwrap();
            assert_eq!(load(dir.path()), Remembered::default(), "{damage:?}");
            let now = change(dir.path(), &used("lab:b")).unwrap();
            assert_eq!(now.recent, ["lab:b"]);
            assert_eq!(load(dir.path()), now);
        }
    }

    #[test]
    fn what_cannot_be_a_name_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let long = "x".repeat(600);
        let text = json!({"stars": ["lab:a", "", 3, "\u{1b}[2J", long, "lab:a"], "recent": ["lab:b"], "theme": "\u{7}"});
        fs::write(dir.path().join(FILE), text.to_string()).unwrap();
        let remembered = load(dir.path());
        assert_eq!((remembered.stars, remembered.theme), (vec!["lab:a".to_owned()], None));
    }

    #[test]
    fn members_of_a_later_version_stay() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "{\"layout\": {\"wide\": true}}").unwrap();
        change(dir.path(), &used("lab:b")).unwrap();
        let text = fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert!(text.contains("wide") && text.contains("lab:b"), "{text}");
    }

    #[test]
    fn writers_at_once_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let dir = dir.path();
                scope.spawn(move || {
                    for star in 0..10 {
                        change(dir, &Change::Star(format!("lab:{writer}-{star}"))).unwrap();
                    }
                });
            }
        });
        assert_eq!(load(dir.path()).stars.len(), 40);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error_and_reading_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "x").unwrap();
        assert!(change(&file.join("chatui"), &used("lab:a")).is_err());
        assert_eq!(load(&file.join("chatui")), Remembered::default());
    }

    #[test]
    fn a_change_that_changes_nothing_writes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        change(dir.path(), &used("lab:a")).unwrap();
        let before = fs::metadata(dir.path().join(FILE)).unwrap();
        change(dir.path(), &used("lab:a")).unwrap();
        let after = fs::metadata(dir.path().join(FILE)).unwrap();
        use std::os::unix::fs::MetadataExt as _;
        assert_eq!(before.ino(), after.ino());
    }
}
