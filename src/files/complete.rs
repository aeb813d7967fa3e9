//! Paths as they are typed: what could be meant.
//!
//! A path with a slash is completed in the folder that it names. A bare word is looked for in the working
//! folder and in the folders below, nearest first. All of it is bounded (entries, depth), links are not
//! followed downwards, and folders that hold nothing to attach are passed over. It waits for the disk:
//! ten thousand entries take some tens of milliseconds, and longer where they were not read lately.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use super::expand;

/// The most entries that are looked at.
const MAX_ENTRIES: usize = 10_000;
/// How many folders down a bare word is looked for.
const MAX_DEPTH: usize = 6;
/// Folders that are not searched: they hold what programs made.
const SKIPPED: [&str; 3] = [".git", "target", "node_modules"];

/// A path that could be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// As it would be typed: with the `~` or the folders that were typed; a folder ends in `/`.
    pub path: String,
    /// Whether it is a folder.
    pub is_dir: bool,
}

/// At most `limit` paths that `typed` could become, the best first. `cwd` is the working folder, `home`
/// what `~` stands for. Names that begin with a dot are offered where the typed one does, and no others then.
pub fn complete(typed: &str, cwd: &Path, home: Option<&Path>, limit: usize) -> Vec<Candidate> {
    if matches!(typed, "~" | "..") || typed.ends_with("/..") {
        return vec![Candidate { path: format!("{typed}/"), is_dir: true }];
    }
    let mut left = MAX_ENTRIES;
    let mut found = match typed.rfind('/') {
        Some(slash) => {
            let (folder, word) = typed.split_at(slash + 1);
            let path = cwd.join(expand(Path::new(folder), home));
            in_folder(&Folder { path, typed: folder.to_owned(), depth: 0 }, word, &mut left).matches
        }
        None => below(typed, cwd, &mut left),
    };
    found.sort_by(|a, b| a.key().cmp(&b.key()));
    found.truncate(limit);
    found.into_iter().map(|found| found.candidate).collect()
}

/// A folder that is looked through.
struct Folder {
    path: PathBuf,
    /// How it is typed, with its slash; empty for the working folder.
    typed: String,
    depth: usize,
}

/// A candidate with what its place in the list depends on.
struct Found {
    candidate: Candidate,
    fit: Fit,
    depth: usize,
}

impl Found {
    fn key(&self) -> (Fit, usize, bool, &str) {
        (self.fit, self.depth, !self.candidate.is_dir, &self.candidate.path)
    }
}

/// How well a name fits a word; the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Begins,
    BeginsInOtherCase,
    Holds,
    /// Its letters are there, in this order.
    Scattered,
    /// They are in the whole path.
    InPath,
}

#[derive(Default)]
struct Listing {
    matches: Vec<Found>,
    /// The folders in it that may be searched.
    folders: Vec<Folder>,
}

fn below(word: &str, cwd: &Path, left: &mut usize) -> Vec<Found> {
    let mut found = Vec::new();
    let mut ahead = VecDeque::from([Folder { path: cwd.to_owned(), typed: String::new(), depth: 0 }]);
    while let Some(folder) = ahead.pop_front() {
        let mut listing = in_folder(&folder, word, left);
        found.append(&mut listing.matches);
        // Without a word there is nothing to look for further down; hidden files are not looked for there.
        if !word.is_empty() && !word.starts_with('.') && folder.depth < MAX_DEPTH {
            ahead.extend(listing.folders);
        }
    }
    found
}

fn in_folder(folder: &Folder, word: &str, left: &mut usize) -> Listing {
    let mut listing = Listing::default();
    let Ok(entries) = fs::read_dir(&folder.path) else { return listing };
    for entry in entries {
        if *left == 0 {
            break;
        }
        *left -= 1;
        let Ok(entry) = entry else { continue };
        let name = entry.file_name();
        // What cannot be typed is not offered.
        let Some(name) = name.to_str().filter(|name| !name.contains(char::is_control)) else { continue };
        if name.starts_with('.') != word.starts_with('.') {
            continue;
        }
        let Ok(kind) = entry.file_type() else { continue };
        let is_dir = match kind.is_symlink() {
            true => fs::metadata(entry.path()).is_ok_and(|meta| meta.is_dir()),
            false => kind.is_dir(),
        };
        let path = format!("{}{name}{}", folder.typed, if is_dir { "/" } else { "" });
        if kind.is_dir() && !SKIPPED.contains(&name) {
            let (path, typed, depth) = (entry.path(), path.clone(), folder.depth + 1);
            listing.folders.push(Folder { path, typed, depth });
        }
        if let Some(fit) = fit(name, word).or_else(|| fit_path(&path, folder.depth, word)) {
            listing.matches.push(Found { candidate: Candidate { path, is_dir }, fit, depth: folder.depth });
        }
    }
    listing
}

fn fit(name: &str, word: &str) -> Option<Fit> {
    if name.starts_with(word) {
        return Some(Fit::Begins);
    }
    let (name, word) = (name.to_lowercase(), word.to_lowercase());
    match name.find(&word) {
        Some(0) => Some(Fit::BeginsInOtherCase),
        Some(_) => Some(Fit::Holds),
        None => is_scattered(&name, &word).then_some(Fit::Scattered),
    }
}

/// A file further down may be meant by letters of its folders: `srmain` is `src/main.rs`.
fn fit_path(path: &str, depth: usize, word: &str) -> Option<Fit> {
    (depth > 0 && is_scattered(&path.to_lowercase(), &word.to_lowercase())).then_some(Fit::InPath)
}

fn is_scattered(text: &str, word: &str) -> bool {
    let mut rest = text.chars();
    word.chars().all(|wanted| rest.any(|c| c == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these files; a name that ends in `/` is a folder.
    fn tree(names: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for name in names {
            let path = root.path().join(name);
            if name.ends_with('/') {
                fs::create_dir_all(path).unwrap();
            } else {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "").unwrap();
            }
        }
        root
    }

    fn paths(typed: &str, root: &tempfile::TempDir) -> Vec<String> {
        let found = complete(typed, root.path(), Some(root.path()), 100);
        for candidate in &found {
            assert_eq!(candidate.is_dir, candidate.path.ends_with('/'), "{candidate:?}");
        }
        found.into_iter().map(|candidate| candidate.path).collect()
    }

    #[test]
    fn a_path_is_completed_in_the_folder_that_it_names() {
        let root = tree(&["src/main.rs", "src/map/x", "src/format.rs", "src/.main.swp", "other/main.rs"]);
        assert_eq!(paths("src/ma", &root), ["src/map/", "src/main.rs", "src/format.rs"]);
        assert_eq!(paths("src/", &root), ["src/map/", "src/format.rs", "src/main.rs"]);
        assert_eq!(paths("src/.", &root), ["src/.main.swp"]);
        assert_eq!(paths("./src/main", &root), ["./src/main.rs"]);
        assert_eq!(paths("~/src/MAIN", &root), ["~/src/main.rs"]);
        assert_eq!(paths("none/x", &root), [""; 0]);
        let all = format!("{}/src/mai", root.path().display());
        assert_eq!(paths(&all, &root), [format!("{}/src/main.rs", root.path().display())]);
    }

    #[test]
    fn the_folder_above_and_home_end_in_a_slash() {
        let root = tree(&["a/b"]);
        assert_eq!(paths("..", &root), ["../"]);
        assert_eq!(paths("a/..", &root), ["a/../"]);
        assert_eq!(paths("~", &root), ["~/"]);
    }

    #[test]
    fn a_bare_word_is_looked_for_below_too_nearest_first() {
        let root = tree(&[
            "main.md",
            "docs/main.txt",
            "src/deep/main.rs",
            "src/domain.rs",
            "src/mxaxixn",
            ".hidden/main.rs",
            ".git/main",
            "target/main.o",
            "node_modules/main.js",
        ]);
        let expected = ["main.md", "docs/main.txt", "src/deep/main.rs", "src/domain.rs", "src/mxaxixn"];
        assert_eq!(paths("main", &root), expected);
        assert_eq!(paths("srdom", &root), ["src/domain.rs"]);
        assert_eq!(paths(".h", &root), [".hidden/"]);
        assert_eq!(complete("main", root.path(), None, 2).len(), 2);
    }

    #[test]
    fn an_empty_word_lists_the_working_folder_folders_first() {
        let root = tree(&["b.txt", "a.txt", "z/inner", ".hidden"]);
        assert_eq!(paths("", &root), ["z/", "a.txt", "b.txt"]);
    }

    #[test]
    fn links_that_lead_in_a_circle_end() {
        let root = tree(&["a/file.txt"]);
        std::os::unix::fs::symlink(root.path(), root.path().join("a/loop")).unwrap();
        assert_eq!(paths("file", &root), ["a/file.txt"]);
        assert_eq!(paths("loo", &root), ["a/loop/"]);
    }

    #[test]
    fn what_cannot_be_typed_is_not_offered() {
        use std::os::unix::ffi::OsStrExt as _;
        let root = tree(&["a\u{1b}[31m", "a b"]);
        fs::write(root.path().join(std::ffi::OsStr::from_bytes(b"a\xff")), "").unwrap();
        assert_eq!(paths("a", &root), ["a b"]);
    }

    #[test]
    fn the_search_is_bounded() {
        let deep = format!("{}needle.txt", "d/".repeat(MAX_DEPTH + 1));
        let near = format!("{}needle.txt", "d/".repeat(MAX_DEPTH));
        let root = tree(&[&deep, &near]);
        assert_eq!(paths("needle", &root), [near]);
        let mut left = 3;
        let wide = tree(&["a1", "a2", "a3", "a4", "a5"]);
        assert_eq!(below("a", wide.path(), &mut left).len(), 3);
    }
}
