//! The person's own editor (`$VISUAL`, `$EDITOR`) on a file that holds the draft.
//!
//! The file has a folder of its own that nobody else can read; both are removed afterwards, unless what
//! is in the file was changed and can't be taken in, or the editor failed: then its path is told. The editor runs in the process group of this
//! program, so that Ctrl-Z in it stops both and `fg` continues both. Who calls has given the terminal
//! back, and takes it again when the editor has ended.

use std::collections::hash_map::RandomState;
use std::fs::{self, DirBuilder, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_current_process_group, kill_process, waitpid};
use tokio::sync::oneshot;

/// A longer file is not taken in.
const LONGEST: u64 = 16 << 20;
/// How long after the editor stopped it is looked whether it goes on: then this program was stopped too.
const STOPPED: Duration = Duration::from_millis(50);
/// Who ends so soon and has changed nothing may have a window elsewhere that is still open.
const AT_ONCE: Duration = Duration::from_secs(1);

const UNCHANGED: &str = "nothing was changed · an editor that opens a window needs its option to wait, as in \
                         `code --wait`";

/// An editor, by its command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Editor {
    words: Vec<String>,
}

/// How an editor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditorEnd {
    /// With this exit status.
    Status(i32),
    /// By this signal.
    Signal(i32),
    /// Nobody knows.
    Unknown,
}

/// An editor that runs.
#[derive(Debug)]
pub struct Editing {
    name: String,
    pid: Option<Pid>,
    ended: oneshot::Receiver<EditorEnd>,
    scratch: Scratch,
    text: String,
    began: Instant,
}

impl Editor {
    /// The one that the environment names.
    ///
    /// # Errors
    /// It names none, or one that makes no sense; the text says what to set.
    pub fn named(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let set = |name| variable(name).filter(|value| !value.trim().is_empty()).map(|value| (name, value));
        let Some((name, value)) = set("VISUAL").or_else(|| set("EDITOR")) else {
            return Err("no editor is named: set VISUAL or EDITOR, as in `export EDITOR=nano`".to_owned());
        };
        match split(&value) {
            Some(words) if !words.is_empty() => Ok(Self { words }),
            _ => Err(format!("${name} is no command, a quote in it does not end: {value}")),
        }
    }

    /// The program, as it is named.
    pub fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// Starts it on a file that holds `text`.
    ///
    /// # Errors
    /// The file can't be written, or the editor can't be started.
    pub fn open(&self, text: &str) -> Result<Editing, String> {
        let scratch = Scratch::new(text).map_err(|error| {
            format!("no file for the editor: {}: {error}", std::env::temp_dir().display())
        })?;
        let (program, args) = self.words.split_first().ok_or("no editor is named")?;
        let child = Command::new(program).args(args).arg(&scratch.file).spawn().map_err(|error| {
            format!("the editor `{program}` can't be started ({error}): set VISUAL or EDITOR to another one")
        })?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let (sender, ended) = oneshot::channel();
        std::thread::spawn(move || {
            // The loop is gone only when the program ends.
            let _ = sender.send(pid.map_or(EditorEnd::Unknown, wait));
        });
        let began = Instant::now();
        Ok(Editing { name: program.clone(), pid, ended, scratch, text: text.to_owned(), began })
    }
}

impl Editing {
    /// Waits for its end. Dropping the wait loses nothing.
    pub async fn ended(&mut self) -> EditorEnd {
        let end = (&mut self.ended).await.unwrap_or(EditorEnd::Unknown);
        self.pid = None;
        end
    }

    /// Asks it to end.
    pub fn stop(&self) {
        if let Some(pid) = self.pid {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::TERM);
            let _ = kill_process(pid, Signal::CONT);
        }
    }

    /// What came of it; `None` where nothing was changed.
    ///
    /// # Errors
    /// It failed, or its file can't be taken in: a changed one is kept. Or it ended before anybody could
    /// change anything.
    pub fn take(mut self, end: EditorEnd) -> Result<Option<String>, String> {
        let name = &self.name;
        let failed = match end {
            EditorEnd::Status(0) => {
                let soon = self.began.elapsed() < AT_ONCE;
                return match self.saved() {
                    Ok(None) if soon => Err(UNCHANGED.to_owned()),
                    saved => saved,
                };
            }
            EditorEnd::Status(status) => format!("the editor `{name}` ended with status {status}"),
            EditorEnd::Signal(signal) => format!("the editor `{name}` was ended by signal {signal}"),
            EditorEnd::Unknown => format!("nobody knows how the editor `{name}` ended"),
        };
        if !self.is_changed() {
            return Err(format!("{failed} · the draft is as it was"));
        }
        self.scratch.keep = Keep::Yes;
        Err(format!("{failed} · the draft is as it was, the text is in {}", self.scratch.file.display()))
    }

    /// Whether something else is in its file. What can't be read may be.
    fn is_changed(&self) -> bool {
        match fs::metadata(&self.scratch.file) {
            Ok(meta) if meta.len() == self.text.len() as u64 => {
                fs::read(&self.scratch.file).map_or(true, |bytes| bytes != self.text.as_bytes())
            }
            Ok(_) => true,
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// What was saved in it so far; `None` where nothing was changed.
    ///
    /// # Errors
    /// Its file can't be taken in; it is kept.
    pub fn saved(mut self) -> Result<Option<String>, String> {
        let file = self.scratch.file.clone();
        let kept = |why: &str| {
            format!("the edited text {why} · the draft is as it was, the text is in {}", file.display())
        };
        let length = fs::metadata(&file).map(|meta| meta.len());
        let why = match length {
            Ok(length) if length > LONGEST => format!("has over {} MB", LONGEST >> 20),
            _ => match fs::read(&file).map(String::from_utf8) {
                Ok(Ok(text)) => return Ok((text != self.text).then_some(text)),
                Ok(Err(_)) => "is not UTF-8".to_owned(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err("the editor left no file · the draft is as it was".to_owned());
                }
                Err(error) => format!("can't be read ({error})"),
            },
        };
        self.scratch.keep = Keep::Yes;
        Err(kept(&why))
    }
}

/// Waits for the end of a child.
fn wait(pid: Pid) -> EditorEnd {
    let mut options = WaitOptions::UNTRACED;
    loop {
        let status = match waitpid(Some(pid), options) {
            Ok(Some((_, status))) => status,
            Ok(None) => {
                // It is still stopped, and alone: nobody would be left at the terminal.
                let _ = kill_current_process_group(Signal::TSTP);
                options = WaitOptions::UNTRACED;
                continue;
            }
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return EditorEnd::Unknown,
        };
        options = WaitOptions::UNTRACED;
        if status.stopped() {
            // Mostly its whole process group was, with this program; then it goes on by now.
            std::thread::sleep(STOPPED);
            options = WaitOptions::CONTINUED | WaitOptions::NOHANG;
        } else if let Some(status) = status.exit_status() {
            return EditorEnd::Status(status);
        } else if let Some(signal) = status.terminating_signal() {
            return EditorEnd::Signal(signal);
        }
    }
}

/// Whether the file stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    Yes,
    No,
}

/// A file in a folder of its own.
#[derive(Debug)]
struct Scratch {
    folder: PathBuf,
    file: PathBuf,
    keep: Keep,
}

impl Scratch {
    fn new(text: &str) -> io::Result<Self> {
        let random = RandomState::new().build_hasher().finish();
        let folder = std::env::temp_dir().join(format!("chatui-{random:016x}"));
        // Fails where it is there already: somebody else's.
        DirBuilder::new().mode(0o700).create(&folder)?;
        let file = folder.join(format!("chatui-{:08x}.md", random >> 32));
        let scratch = Self { folder, file, keep: Keep::No };
        write(&scratch.file, text)?;
        Ok(scratch)
    }
}

fn write(file: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    file.write_all(text.as_bytes())
}

impl Drop for Scratch {
    fn drop(&mut self) {
        match self.keep {
            Keep::Yes => {}
            // Nobody took in what was saved in it.
            Keep::No if std::thread::panicking() => {}
            // What is left is in the folder for temporary files.
            Keep::No => drop(fs::remove_dir_all(&self.folder)),
        }
    }
}

/// The words of a command as a shell splits them, with quotes and backslashes; nothing is expanded.
/// `None` where a quote does not end.
fn split(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => match chars.next()? {
                            c @ ('"' | '\\' | '$' | '`') => word.push(c),
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next()?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_command_is_split_as_a_shell_does() {
        for (command, words) in [
            ("nano", vec!["nano"]),
            ("code --wait", vec!["code", "--wait"]),
            (" '/opt/my editor/e' -x  \"a b\"c\\ d ", vec!["/opt/my editor/e", "-x", "a bc d"]),
            (r#"e "a\"b\n" '\' "" "#, vec!["e", r#"a"b\n"#, "\\", ""]),
            ("e $HOME ~ *", vec!["e", "$HOME", "~", "*"]),
        ] {
            assert_eq!(split(command), Some(words.into_iter().map(str::to_owned).collect()), "{command}");
        }
        for open in ["e 'a", "e \"a", "e a\\"] {
            assert_eq!(split(open), None, "{open}");
        }
    }

    #[test]
    fn visual_goes_before_editor_and_none_is_told() {
        let of = |visual: &'static str, editor: &'static str| {
            Editor::named(move |name| Some(if name == "VISUAL" { visual } else { editor }.to_owned()))
        };
        assert_eq!(of("vi -n", "ed").unwrap().words, ["vi", "-n"]);
        assert_eq!(of("  ", "ed").unwrap().words, ["ed"]);
        assert!(Editor::named(|_| None).unwrap_err().contains("set VISUAL or EDITOR"));
        assert!(of("vi 'x", "ed").unwrap_err().contains("$VISUAL"));
    }

    #[test]
    fn nobody_else_can_read_the_file_and_it_goes() {
        let scratch = Scratch::new("draft").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&scratch.folder), mode(&scratch.file)), (0o700, 0o600));
        assert_eq!(fs::read_to_string(&scratch.file).unwrap(), "draft");
        let folder = scratch.folder.clone();
        drop(scratch);
        assert!(!folder.exists());
    }

    /// An editor that began so long ago and left this in its file.
    fn edited(ago: Duration, left: &[u8]) -> (Editing, PathBuf) {
        let scratch = Scratch::new("draft").unwrap();
        fs::write(&scratch.file, left).unwrap();
        let folder = scratch.folder.clone();
        let (pid, ended) = (None, oneshot::channel().1);
        let began = Instant::now().checked_sub(ago).unwrap();
        (Editing { name: "ed".into(), pid, ended, scratch, text: "draft".into(), began }, folder)
    }

    #[test]
    fn what_was_saved_in_an_editor_that_failed_is_kept_and_named() {
        for end in [EditorEnd::Status(1), EditorEnd::Signal(11), EditorEnd::Unknown] {
            for left in [&b"other"[..], b"longer than it was", b"\xff", b""] {
                let (editing, folder) = edited(Duration::ZERO, left);
                let file = editing.scratch.file.clone();
                let why = editing.take(end).unwrap_err();
                assert!(why.contains(file.to_str().unwrap()), "{why}");
                assert_eq!(fs::read(&file).unwrap(), left);
                fs::remove_dir_all(folder).unwrap();
            }
            let (editing, folder) = edited(Duration::ZERO, b"draft");
            let why = editing.take(end).unwrap_err();
            assert!(why.ends_with("the draft is as it was"), "{why}");
            assert!(!folder.exists(), "there is nothing to keep");
        }
    }

    #[test]
    fn a_panic_takes_nothing_that_was_saved_away() {
        let (editing, folder) = edited(Duration::ZERO, b"other");
        let panicked = std::thread::spawn(move || {
            let _editing = editing;
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(panicked.join().is_err());
        assert!(folder.exists());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_editor_that_ends_at_once_with_nothing_changed_is_told_how_to_wait() {
        let (editing, _) = edited(Duration::ZERO, b"draft");
        assert!(editing.take(EditorEnd::Status(0)).unwrap_err().contains("option to wait"));
        let (editing, _) = edited(Duration::from_secs(2), b"draft");
        assert_eq!(editing.take(EditorEnd::Status(0)), Ok(None));
        let (editing, _) = edited(Duration::ZERO, b"other");
        assert_eq!(editing.take(EditorEnd::Status(0)), Ok(Some("other".to_owned())));
    }
}
