//! The person's own themes: `NAME.toml` in the folder `themes` of the configuration.
//!
//! [`list`] and [`read`] give themes or the sentence that says what is wrong with a file. [`watch`] tells
//! what is there and then what is saved: a thread waits for the system's word about the folder (no polling,
//! so nothing wakes it while nothing changes), lets the editor finish, and compares what the files hold with
//! what they held. A folder that does not exist yet is awaited through the one above it. Where the system
//! gives no word (its watches are counted), what is there is told all the same. It chooses no theme.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode};

use crate::base::sanitize;
use crate::theme::Theme;

/// What a theme may be called beside the themes there are: dark or light, as the terminal is.
pub const AUTO: &str = "auto";

/// The largest file that is read; a theme has about two kilobytes.
const LARGEST: u64 = 64 << 10;
/// The most files that are looked at, the first by name.
const MOST: usize = 200;
/// The longest name of a theme, in bytes.
const LONGEST_NAME: usize = 64;
/// The longest sentence about a file, in characters.
const LONGEST_ERROR: usize = 600;

/// An editor that writes anew, renames and removes has done so when it is quiet for this long,
const QUIET: Duration = Duration::from_millis(40);
/// and something that writes all the time is not waited for longer.
const PATIENCE: Duration = Duration::from_millis(500);

/// Folders above the one of the themes that are watched for its coming: that of the configuration, and the
/// one that holds it. Beyond are folders in which much happens that is nobody's theme.
const ABOVE: usize = 2;

/// A theme, or what is wrong with its file: the file, the line, the key, what is allowed.
pub type Outcome = Result<Theme, String>;

/// The themes in `dir`, by name. A folder that is not there holds none.
pub fn list(dir: &Path) -> Vec<(String, Outcome)> {
    names(dir)
        .into_iter()
        .filter_map(|name| {
            let outcome = read(dir, &name)?;
            Some((name, outcome))
        })
        .collect()
}

/// The theme of this name; `None` where `dir` has no such file.
pub fn read(dir: &Path, name: &str) -> Option<Outcome> {
    if !is_name(name) {
        return None;
    }
    let text = contents(&file(dir, name)).transpose()?;
    Some(judge(name, text))
}

/// What happened to a file.
#[derive(Clone, Debug)]
pub enum Change {
    /// It holds this theme now.
    Saved(Box<Theme>),
    /// It holds what is no theme.
    Broken {
        /// The theme's name.
        name: String,
        /// The file, the line and what is wrong.
        why: String,
    },
    /// It was removed, or another name given to it.
    Gone {
        /// The theme's name.
        name: String,
    },
}

/// Watches while it lives.
#[derive(Debug)]
pub struct Watch {
    words: Sender<Word>,
    trouble: Option<String>,
}

impl Watch {
    /// Why nothing is told of what is saved: a sentence for the person.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // A thread that ended needs no telling.
        let _ = self.words.send(Word::Stop);
    }
}

enum Word {
    Changed,
    Stop,
}

/// Tells `on_change`, on a thread of its own, of every theme in `dir`, and then of each that is saved,
/// spoilt or removed. Whether `dir` is there does not matter. Whether the system tells of changes, the
/// result says.
///
/// # Errors
/// Not even what is there can be told: a sentence for the person.
pub fn watch(dir: &Path, on_change: impl FnMut(Change) + Send + 'static) -> Result<Watch, String> {
    watch_by::<RecommendedWatcher>(dir, on_change)
}

fn watch_by<W: notify::Watcher + Send + 'static>(
    dir: &Path,
    on_change: impl FnMut(Change) + Send + 'static,
) -> Result<Watch, String> {
    // A relative folder is meant from here, whatever the working folder becomes.
    let dir = std::path::absolute(dir).map_err(|error| untold(&error))?;
    let (words, heard) = channel();
    let teller = words.clone();
    let place = dir.clone();
    let handler = move |event: notify::Result<notify::Event>| {
        if matters(event.as_ref(), &place) {
            let _ = teller.send(Word::Changed);
        }
    };
    let watched = W::new(handler, notify::Config::default()).and_then(|watcher| {
        let mut attached = Attached { watcher, dir: dir.clone(), at: None };
        attached.attach()?;
        Ok(attached)
    });
    let (attached, trouble) = match watched {
        Ok(attached) => (Some(attached), None),
        Err(error) => (None, Some(untold(&error))),
    };
    let post = Post { attached, dir };
    thread::Builder::new()
        .name("themes".to_owned())
        .spawn(move || post.keep(&heard, on_change))
        .map_err(|error| untold(&error))?;
    Ok(Watch { words, trouble })
}

fn untold(error: &dyn std::fmt::Display) -> String {
    format!("themes are not reloaded as they are saved: {}", sentence(&error.to_string()))
}

/// Whether an event may be about a theme. Reading is none, ours would wake us for ever. Paths are compared
/// by their last name alone: macOS tells them without links.
fn matters(event: Result<&notify::Event, &notify::Error>, dir: &Path) -> bool {
    let Ok(event) = event else { return true };
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => {}
        EventKind::Access(_) => return false,
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => {}
    }
    event.need_rescan()
        || event.paths.iter().any(|path| {
            path.extension().is_some_and(|end| end == "toml")
                || path.file_name().is_none_or(|name| dir.iter().any(|part| part == name))
        })
}

/// What the files held: a number that stands for the bytes, or for why they cannot be read.
type Held = BTreeMap<String, u64>;

struct Post<W> {
    attached: Option<Attached<W>>,
    dir: PathBuf,
}

impl<W: notify::Watcher> Post<W> {
    fn keep(mut self, heard: &Receiver<Word>, mut on_change: impl FnMut(Change)) {
        let mut known = Held::new();
        self.tell(&mut known, &mut on_change);
        while let Ok(Word::Changed) = heard.recv() {
            if !settled(heard) {
                return;
            }
            if let Some(Err(error)) = self.attached.as_mut().map(Attached::attach) {
                tracing::warn!("{}", untold(&error));
            }
            self.tell(&mut known, &mut on_change);
        }
    }

    /// Tells what differs from `known`, which is what is there then.
    fn tell(&self, known: &mut Held, on_change: &mut impl FnMut(Change)) {
        let now = self.look();
        for name in known.keys().filter(|name| !now.contains_key(*name)) {
            on_change(Change::Gone { name: name.clone() });
        }
        for (name, held) in &now {
            if known.get(name) == Some(held) {
                continue;
            }
            match read(&self.dir, name) {
                Some(Ok(theme)) => on_change(Change::Saved(Box::new(theme))),
                Some(Err(why)) => on_change(Change::Broken { name: name.clone(), why }),
                // Removed meanwhile; the next event is about that.
                None => {}
            }
        }
        *known = now;
    }

    fn look(&self) -> Held {
        let held = |name: String| {
            let held = contents(&file(&self.dir, &name)).transpose()?;
            let mut hasher = DefaultHasher::new();
            held.map_err(|error| error.to_string()).hash(&mut hasher);
            Some((name, hasher.finish()))
        };
        names(&self.dir).into_iter().filter_map(held).collect()
    }
}

/// Where the system's word comes from.
struct Attached<W> {
    watcher: W,
    dir: PathBuf,
    at: Option<PathBuf>,
}

impl<W: notify::Watcher> Attached<W> {
    /// Watches the folder, or the nearest one above it that is there. Always anew: a folder of the same name
    /// may be another one now.
    fn attach(&mut self) -> notify::Result<()> {
        for _ in 0..=ABOVE {
            if let Some(old) = self.at.take() {
                // It may be gone, and its watch with it.
                let _ = self.watcher.unwatch(&old);
            }
            let Some(place) = self.nearest() else { return Ok(()) };
            let watched = self.watcher.watch(&place, RecursiveMode::NonRecursive);
            // What is nearer may have come before it was watched for, or this gone.
            if Some(&place) == self.nearest().as_ref() {
                watched?;
                self.at = Some(place);
                return Ok(());
            }
            if watched.is_ok() {
                self.at = Some(place);
            }
        }
        Ok(())
    }

    fn nearest(&self) -> Option<PathBuf> {
        self.dir.ancestors().take(1 + ABOVE).find(|place| place.is_dir()).map(Path::to_path_buf)
    }
}

/// Waits until nothing happened for a moment. False: it is to stop.
fn settled(heard: &Receiver<Word>) -> bool {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        match heard.recv_timeout(QUIET) {
            Ok(Word::Changed) => {}
            Err(RecvTimeoutError::Timeout) => return true,
            Ok(Word::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
    true
}

fn file(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.toml"))
}

/// The names of the files that may be themes, in order.
fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let name = name.strip_suffix(".toml")?;
            is_name(name).then(|| name.to_owned())
        })
        .collect();
    names.sort();
    names.truncate(MOST);
    names
}

/// Whether this can name a theme: one file of the folder, none that an editor hides there, and as it is
/// shown.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= LONGEST_NAME
        && !name.starts_with('.')
        && !name.contains('/')
        && sanitize::clean(name) == name
}

fn judge(name: &str, text: io::Result<String>) -> Outcome {
    if name == AUTO {
        return Err(format!(
            "themes/{AUTO}.toml: {AUTO} is dark or light, as the terminal is: rename the file"
        ));
    }
    match text {
        Ok(text) => Theme::parse(name, &text).map_err(|error| sentence(&format!("themes/{error}"))),
        Err(error) => Err(sentence(&format!("themes/{name}.toml: {error}"))),
    }
}

fn sentence(text: &str) -> String {
    let text = sanitize::clean(text);
    match text.char_indices().nth(LONGEST_ERROR) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

/// The text of a file; `None` where there is none.
fn contents(path: &Path) -> io::Result<Option<String>> {
    let bad = |what: String| Err(io::Error::new(io::ErrorKind::InvalidData, what));
    // A pipe of this name must not be waited for.
    let file = match OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return bad("not a file".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return bad(format!("larger than {} KiB, which no theme is", LARGEST >> 10));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(error) => {
            let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            bad(format!("line {line} is not UTF-8 text"))
        }
    }
}

#[cfg(test)]
mod tests;
