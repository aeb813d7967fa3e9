//! Theme files of all kinds, and a folder that changes in all ways editors change one.

use std::ffi::CString;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

/// Reached only when something is broken.
const DEADLINE: Duration = Duration::from_secs(20);

const RED: &str = "[roles]\ndim = { fg = \"#ff0000\" }\n";
const BLUE: &str = "[roles]\ndim = { fg = \"#0000ff\" }\n";

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn shown(list: &[(String, Outcome)]) -> Vec<String> {
    list.iter()
        .map(|(name, outcome)| match outcome {
            Ok(theme) => format!("{name}: {}", theme.name()),
            Err(why) => format!("{name}! {why}"),
        })
        .collect()
}

#[test]
fn themes_are_listed_by_name_and_broken_ones_say_where() {
    let dir = folder();
    let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    write("sea.toml", BLUE.as_bytes());
    write("dark.toml", RED.as_bytes());
    write("broken.toml", b"background = \"dark\"\n[roles]\nacent = {}\n");
    write("escape.toml", b"\n\"\\u001b[31m\" = 1\n");
    write("latin.toml", b"# one\n# gr\xfc\xdfe\n");
    write("auto.toml", RED.as_bytes());
    write("large.toml", &vec![b'#'; LARGEST as usize + 1]);
    // No themes: an editor's, another kind, hidden, a name that cannot be shown as it is.
    for other in ["sea.toml~", ".sea.toml", ".#sea.toml", "notes.txt", "toml", ".toml", "a\x1b[31m.toml"] {
        write(other, b"x");
    }
    write(&format!("{}.toml", "long".repeat(40)), RED.as_bytes());
    fs::create_dir(dir.path().join("folder.toml")).unwrap();
    let pipe = CString::new(dir.path().join("pipe.toml").to_str().unwrap()).unwrap();
    #[allow(unsafe_code)]
    // SAFETY: the path is a C string that lives through the call.
    let made = unsafe { libc::mkfifo(pipe.as_ptr(), 0o600) };
    assert_eq!(made, 0);
    symlink(dir.path().join("sea.toml"), dir.path().join("link.toml")).unwrap();
    symlink(dir.path().join("nowhere"), dir.path().join("nowhere.toml")).unwrap();

    let list = shown(&list(dir.path()));
    assert_eq!(list[0], "auto! themes/auto.toml: auto is dark or light, as the terminal is: rename the file");
    assert!(
        list[1].starts_with("broken! themes/broken.toml:3: unknown role \"acent\"; allowed are"),
        "{list:?}"
    );
    assert_eq!(list[2], "dark: dark");
    assert!(list[3].starts_with("escape! themes/escape.toml:2: unknown key"), "{list:?}");
    assert!(!list[3].contains('\x1b'));
    assert_eq!(
        list[4..9],
        [
            "folder! themes/folder.toml: not a file",
            "large! themes/large.toml: larger than 64 KiB, which no theme is",
            "latin! themes/latin.toml: line 2 is not UTF-8 text",
            "link: link",
            "pipe! themes/pipe.toml: not a file",
        ]
    );
    assert_eq!(list[9..], ["sea: sea"]);
}

#[test]
fn a_theme_is_read_by_its_name_alone() {
    let dir = folder();
    fs::write(dir.path().join("sea.toml"), BLUE).unwrap();
    let inner = dir.path().join("inner");
    fs::create_dir(&inner).unwrap();
    assert_eq!(read(dir.path(), "sea").unwrap().unwrap().name(), "sea");
    for none in ["mist", "", "../sea", ".", "sea.toml", "inner/../sea"] {
        assert!(read(&inner, none).is_none(), "{none}");
        assert!(none == "mist" || read(dir.path(), none).is_none(), "{none}");
    }
    assert!(list(&dir.path().join("nowhere")).is_empty());
}

#[test]
fn a_folder_of_ten_thousand_files_is_cut() {
    let dir = folder();
    for i in 0..MOST + 50 {
        fs::write(dir.path().join(format!("t{i:05}.toml")), RED).unwrap();
    }
    let list = list(dir.path());
    assert_eq!((list.len(), list[0].0.as_str()), (MOST, "t00000"));
}

/// A watched folder and what was told of it.
struct Watched {
    told: Receiver<String>,
    watch: Watch,
}

impl Watched {
    fn new(dir: &Path) -> Self {
        let (tell, told) = channel();
        let watch = watch(dir, move |change| {
            let word = match change {
                Change::Saved(theme) => {
                    let dim = theme.style(crate::base::Tone::Dim, Default::default());
                    format!("saved {} {}", theme.name(), dim.fg.unwrap())
                }
                Change::Broken { name, why } => format!("broken {name}: {why}"),
                Change::Gone { name } => format!("gone {name}"),
            };
            let _ = tell.send(word);
        });
        Self { told, watch: watch.unwrap() }
    }

    /// The next word; what was written after it is not in it.
    fn next(&self) -> String {
        self.told.recv_timeout(DEADLINE).expect("to be told")
    }
}

#[test]
fn what_is_saved_is_told_however_an_editor_does_it() {
    let dir = folder();
    let path = dir.path().join("sea.toml");
    fs::write(&path, RED).unwrap();
    let watched = Watched::new(dir.path());
    assert_eq!(watched.next(), "saved sea #FF0000", "what is there comes first");
    fs::write(&path, BLUE).unwrap();
    assert_eq!(watched.next(), "saved sea #0000FF");
    // vim: the old one is renamed, a new one written, the old one removed.
    let backup = dir.path().join("sea.toml~");
    fs::rename(&path, &backup).unwrap();
    fs::write(&path, RED).unwrap();
    fs::remove_file(&backup).unwrap();
    assert_eq!(watched.next(), "saved sea #FF0000");
    // A file beside it is written and renamed over it.
    let beside = dir.path().join(".sea.toml.tmp");
    fs::write(&beside, BLUE).unwrap();
    fs::rename(&beside, &path).unwrap();
    assert_eq!(watched.next(), "saved sea #0000FF");
    fs::write(&path, "[roles]\ndim = 3\n").unwrap();
    let broken = watched.next();
    assert!(broken.starts_with("broken sea: themes/sea.toml:2: dim: must be a table"), "{broken}");
    // Touched and not changed: not told. The next word is about what comes after.
    fs::write(&path, "[roles]\ndim = 3\n").unwrap();
    fs::write(dir.path().join("mist.toml"), RED).unwrap();
    assert_eq!(watched.next(), "saved mist #FF0000");
    fs::remove_file(&path).unwrap();
    assert_eq!(watched.next(), "gone sea");
}

#[test]
fn a_folder_may_come_go_and_come_again() {
    let dir = folder();
    let config = dir.path().join("chatui");
    let themes = config.join("themes");
    let watched = Watched::new(&themes);
    fs::create_dir_all(&themes).unwrap();
    fs::write(themes.join("sea.toml"), RED).unwrap();
    assert_eq!(watched.next(), "saved sea #FF0000");
    fs::write(themes.join("sea.toml"), BLUE).unwrap();
    assert_eq!(watched.next(), "saved sea #0000FF");
    fs::remove_dir_all(&config).unwrap();
    assert_eq!(watched.next(), "gone sea");
    fs::create_dir_all(&themes).unwrap();
    fs::write(themes.join("sea.toml"), RED).unwrap();
    assert_eq!(watched.next(), "saved sea #FF0000");
    // Another folder in its place.
    fs::rename(&themes, config.join("old")).unwrap();
    assert_eq!(watched.next(), "gone sea");
    fs::create_dir(&themes).unwrap();
    fs::write(themes.join("mist.toml"), BLUE).unwrap();
    assert_eq!(watched.next(), "saved mist #0000FF");
}

/// A system whose watches are all taken.
#[derive(Debug)]
struct Exhausted;

impl notify::Watcher for Exhausted {
    fn new<F: notify::EventHandler>(_: F, _: notify::Config) -> notify::Result<Self> {
        Ok(Self)
    }

    fn watch(&mut self, _: &Path, _: RecursiveMode) -> notify::Result<()> {
        Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch))
    }

    fn unwatch(&mut self, _: &Path) -> notify::Result<()> {
        Ok(())
    }

    fn kind() -> notify::WatcherKind {
        notify::WatcherKind::NullWatcher
    }
}

#[test]
fn where_nothing_can_be_watched_it_is_said_and_what_is_there_is_told() {
    let dir = folder();
    fs::write(dir.path().join("sea.toml"), RED).unwrap();
    let (tell, told) = channel();
    let watch = watch_by::<Exhausted>(dir.path(), move |change| {
        let _ = tell.send(format!("{change:?}").contains("sea"));
    })
    .unwrap();
    let trouble = watch.trouble().expect("it is said");
    assert!(trouble.starts_with("themes are not reloaded as they are saved: "), "{trouble}");
    assert_eq!(told.recv_timeout(DEADLINE), Ok(true));
    drop(watch);
    assert_eq!(told.recv_timeout(DEADLINE), Err(RecvTimeoutError::Disconnected), "the thread ends");
    assert_eq!(self::watch(dir.path(), |_| {}).unwrap().trouble(), None);
}

#[test]
fn who_stops_watching_is_told_nothing_more() {
    let dir = folder();
    let Watched { told, watch } = Watched::new(dir.path());
    drop(watch);
    // The thread ends, and with it what it tells by.
    assert_eq!(told.recv_timeout(DEADLINE), Err(RecvTimeoutError::Disconnected));
}
