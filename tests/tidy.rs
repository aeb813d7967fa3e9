//! The rules of the house, as tests: floors, purity, file heads and sizes, no loose ends, and what
//! lies at the top of the repository.
//!
//! Each rule is a function from text to [`Violation`]s. It is tried on small strings first (a rule
//! that cannot fail guards nothing: `tidy/rules.rs`) and then run over the whole tree. What it takes
//! for code is what the scanner of `tidy/scan.rs` sees.

#![allow(clippy::expect_used)] // a broken tree is what these tests are to fail on

#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/scan.rs"]
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use scan::{code_only, is_word, paths, without_tests};

/// The most lines of a source file.
const MAX_LINES: usize = 800;

/// Flat tables that may be longer: one entry after the other, nothing to get lost in.
const FLAT_TABLES: &[&str] = &[];

/// What may lie at the top of the repository.
const TOP_LEVEL: &[&str] = &[
    ".ci",
    ".git",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "assets",
    "benches",
    "clippy.toml",
    "docs",
    "fuzz",
    "rustfmt.toml",
    "src",
    "target",
    "tests",
    "themes",
];

/// Paths that pure code does not name.
const IMPURE_PATHS: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net",
    "std::os::unix::net",
    "std::process",
    "std::thread::sleep",
    "std::thread::spawn",
    "tokio",
    "reqwest",
    "hyper",
    "rusqlite",
];

/// Below those, what is a value and no IO.
const PURE_PATHS: &[&str] = &[
    "std::net::AddrParseError",
    "std::net::IpAddr",
    "std::net::Ipv4Addr",
    "std::net::Ipv6Addr",
    "std::net::SocketAddr",
];

/// Words that pure code does not contain.
const IMPURE_WORDS: &[&str] = &["async", ".await", "Instant::now", "SystemTime::now"];

/// A broken rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    file: String,
    line: usize,
    what: String,
    why: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}\n    because {}", self.file, self.line, self.what, self.why)
    }
}

/// One file of `src`, its path relative to the repository.
struct Source {
    file: String,
    text: String,
}

impl Source {
    /// The module of the floor table that the file belongs to; `None` for `lib.rs` and `main.rs`.
    fn module(&self) -> Option<&str> {
        let inner = self.file.strip_prefix("src/")?;
        match inner.split_once('/') {
            Some((module, _)) => Some(module),
            None if inner == "lib.rs" || inner == "main.rs" => None,
            None => inner.strip_suffix(".rs"),
        }
    }

    /// How many `super`s lead from the file's own module to the crate's root.
    fn depth(&self) -> usize {
        let parts = self.file.split('/').count() - 1;
        if self.file.ends_with("/mod.rs") { parts - 1 } else { parts }
    }

    fn is_test_file(&self) -> bool {
        self.file.ends_with("/tests.rs") || self.file.contains("/tests/")
    }

    fn violation(&self, line: usize, what: String, why: &'static str) -> Violation {
        Violation { file: self.file.clone(), line, what, why }
    }
}

// ---------------------------------------------------------------------------------------------
// The rules

/// Floors by module, from the table in `lib.rs`.
fn floor_table(lib: &str) -> BTreeMap<String, u8> {
    let doc = lib.lines().filter_map(|line| line.strip_prefix("//!")).map(str::trim);
    doc.skip_while(|line| *line != "```text")
        .skip(1)
        .take_while(|line| *line != "```")
        .filter_map(|line| {
            let (floor, modules) = line.split_once(' ')?;
            let floor: u8 = floor.parse().ok()?;
            Some(modules.split_whitespace().map(move |module| (module.to_owned(), floor)))
        })
        .flatten()
        .collect()
}

/// The table and the modules that `lib.rs` declares are the same.
fn check_table(lib: &Source, floors: &BTreeMap<String, u8>) -> Vec<Violation> {
    const WHY: &str = "a module without a floor could use anything";
    let mut found = Vec::new();
    let mut declared = BTreeSet::new();
    for (index, line) in code_only(&lib.text).lines().enumerate() {
        let line = line.trim().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
        let Some(module) = line.strip_prefix("mod ").and_then(|m| m.strip_suffix(';')) else { continue };
        declared.insert(module.to_owned());
        if !floors.contains_key(module) {
            found.push(lib.violation(index + 1, format!("`{module}` is not in the floor table"), WHY));
        }
    }
    for module in floors.keys().filter(|module| !declared.contains(*module)) {
        found.push(lib.violation(1, format!("the floor table names `{module}`, which is no module"), WHY));
    }
    found
}

/// Imports point to lower floors.
fn check_floors(source: &Source, floors: &BTreeMap<String, u8>) -> Vec<Violation> {
    const WHY: &str = "a module uses only lower floors, so that each can be read and tested without \
                       what stands on it (the table is in src/lib.rs)";
    let Some(own) = source.module() else { return Vec::new() };
    let Some(own_floor) = floors.get(own) else {
        return vec![source.violation(1, format!("`{own}` is not in the floor table"), WHY)];
    };
    let mut found = Vec::new();
    for (line, path) in paths(&code_only(&source.text), source.depth()) {
        let mut parts = path.split("::");
        if parts.next() != Some("crate") {
            continue;
        }
        let Some(target) = parts.next() else { continue };
        if target == "*" {
            let what = format!("`{own}` uses everything of the crate (`{path}`)");
            found.push(source.violation(line, what, WHY));
        }
        let Some(floor) = floors.get(target) else { continue };
        if target != own && floor >= own_floor {
            let way = if floor > own_floor { "up" } else { "sideways" };
            let what = format!("`{own}` (floor {own_floor}) points {way} to `{path}` (floor {floor})");
            found.push(source.violation(line, what, WHY));
        }
    }
    found
}

/// Floors 0 to 2 and `app` do no IO and read no clock. Their tests may (a deadline needs a now).
fn check_purity(source: &Source, floors: &BTreeMap<String, u8>) -> Vec<Violation> {
    const WHY: &str = "floors 0 to 2 and `app` hold no async, IO, environment or clock: time and bytes \
                       are handed in, so that every behaviour is tested by values alone";
    let Some(module) = source.module() else { return Vec::new() };
    let is_pure = module == "app" || floors.get(module).is_some_and(|floor| *floor <= 2);
    if !is_pure || source.is_test_file() {
        return Vec::new();
    }
    let code = without_tests(&code_only(&source.text));
    let mut found = Vec::new();
    for (line, path) in paths(&code, source.depth()) {
        let is_any = |list: &[&str]| list.iter().any(|parent| is_under(&path, parent));
        if is_any(IMPURE_PATHS) && !is_any(PURE_PATHS) {
            found.push(source.violation(line, format!("`{module}` names `{path}`"), WHY));
        }
    }
    for word in IMPURE_WORDS {
        for line in lines_with(&code, word) {
            found.push(source.violation(line, format!("`{module}` contains `{word}`"), WHY));
        }
    }
    found
}

/// `app` names no dialect.
fn check_app_knows_no_wire(source: &Source) -> Vec<Violation> {
    const WHY: &str = "the screen is the same for every dialect: what differs stays in `wire`";
    if source.module() != Some("app") {
        return Vec::new();
    }
    paths(&code_only(&source.text), source.depth())
        .into_iter()
        .filter(|(_, path)| is_under(path, "crate::wire"))
        .map(|(line, path)| source.violation(line, format!("`app` names `{path}`"), WHY))
        .collect()
}

/// Each file says what it is for.
fn check_head(source: &Source) -> Vec<Violation> {
    if source.text.starts_with("//!") {
        return Vec::new();
    }
    let what = "does not open with `//!`".to_owned();
    vec![source.violation(1, what, "a reader is told first what a file is for and what it does not do")]
}

/// Files stay small enough to be read in one sitting.
fn check_size(source: &Source) -> Vec<Violation> {
    let lines = source.text.lines().count();
    if lines <= MAX_LINES || source.is_test_file() || FLAT_TABLES.contains(&source.file.as_str()) {
        return Vec::new();
    }
    let what = format!("{lines} lines, {MAX_LINES} is the end");
    vec![source.violation(lines, what, "long files grow longer: split the state, and the file follows")]
}

/// No loose ends.
fn check_loose_ends(source: &Source) -> Vec<Violation> {
    const WHY: &str = "what is not done is an issue, not a mark in the source";
    let code = code_only(&source.text);
    let marks = ["TODO", "FIXME"].map(|word| (word, source.text.as_str()));
    let macros = ["todo!", "unimplemented!", "dbg!"].map(|word| (word, code.as_str()));
    let mut found = Vec::new();
    for (word, text) in marks.into_iter().chain(macros) {
        for line in lines_with(text, word) {
            found.push(source.violation(line, format!("`{word}`"), WHY));
        }
    }
    found
}

/// Nothing strange at the top.
fn check_top_level(names: &[String]) -> Vec<Violation> {
    let strange = names.iter().filter(|name| !TOP_LEVEL.contains(&name.as_str()));
    strange
        .map(|name| Violation {
            file: name.clone(),
            line: 1,
            what: "does not belong at the top of the repository".to_owned(),
            why: "the first look shows what there is; TOP_LEVEL in tests/tidy.rs lists it",
        })
        .collect()
}

fn is_under(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The lines that hold `word`, not as a part of a longer word.
fn lines_with(text: &str, word: &str) -> Vec<usize> {
    let stands_alone = |line: &str, at: usize| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let starts = !word.starts_with(is_word) || !before.is_some_and(is_word);
        let ends = !word.ends_with(is_word) || !after.is_some_and(is_word);
        starts && ends
    };
    let holds = |line: &str| line.match_indices(word).any(|(at, _)| stands_alone(line, at));
    text.lines().enumerate().filter(|(_, line)| holds(line)).map(|(index, _)| index + 1).collect()
}

// ---------------------------------------------------------------------------------------------
// The tree

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    files.sort();
    let read = |path: PathBuf| {
        let file = path.strip_prefix(root()).expect("it lies in the repository");
        let text = std::fs::read_to_string(&path).expect("a source file is readable UTF-8");
        Source { file: file.to_str().expect("a plain name").to_owned(), text }
    };
    files.into_iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the entry is readable").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn real_floors() -> BTreeMap<String, u8> {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs is there");
    floor_table(&lib)
}

#[track_caller]
fn assert_none(found: &[Violation]) {
    let list: Vec<String> = found.iter().map(Violation::to_string).collect();
    assert!(found.is_empty(), "{} broken rules:\n{}", list.len(), list.join("\n"));
}

fn over_the_tree(check: impl Fn(&Source) -> Vec<Violation>) -> Vec<Violation> {
    let sources = sources();
    assert!(sources.len() > 10, "the tree was not found");
    sources.iter().flat_map(check).collect()
}

#[test]
fn the_floor_table_names_every_module() {
    let lib = sources().into_iter().find(|source| source.file == "src/lib.rs").expect("src/lib.rs is there");
    assert_none(&check_table(&lib, &real_floors()));
}

#[test]
fn imports_point_down() {
    let floors = real_floors();
    assert_none(&over_the_tree(|source| check_floors(source, &floors)));
}

#[test]
fn floors_0_to_2_and_app_are_pure() {
    let floors = real_floors();
    assert_none(&over_the_tree(|source| check_purity(source, &floors)));
}

#[test]
fn app_names_no_dialect() {
    assert_none(&over_the_tree(check_app_knows_no_wire));
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    assert_none(&over_the_tree(check_head));
}

#[test]
fn no_file_is_too_long() {
    assert_none(&over_the_tree(check_size));
}

#[test]
fn nothing_is_left_undone_in_the_source() {
    assert_none(&over_the_tree(check_loose_ends));
}

#[test]
fn the_top_level_holds_only_what_is_listed() {
    let entries = std::fs::read_dir(root()).expect("the repository is readable");
    let names: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    assert_none(&check_top_level(&names));
}
