//! The rules of the house, as tests: floors, purity, file heads and sizes, no loose ends, and what
//! lies at the top of the repository.
//!
//! Each rule is a function from text to [`Violation`]s. It is tried on small strings first (a rule
//! that cannot fail guards nothing) and then run over the whole tree. The reading of Rust is a
//! scanner, not a parser: comments and literals are blanked, `use` trees are unfolded, and inline
//! paths that begin with `crate::` or with enough `super::` to leave the module are looked at.
//! Macros that build paths are not seen through.

#![allow(clippy::expect_used)] // a broken tree is what these tests are to fail on

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

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
// Reading Rust

/// `text` with comments and the insides of string and character literals blanked; lines stay lines.
fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skipped_until(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
            continue;
        }
        out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out
}

/// The end of the comment or literal that begins at `at`; `at` itself where none does.
fn skipped_until(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied();
    match chars[at] {
        '/' if next == Some('/') => find(chars, at, |rest| rest[0] == '\n'),
        '/' if next == Some('*') => block_comment_end(chars, at),
        '"' => string_end(chars, at),
        'r' if !is_word_before(chars, at) || is_byte_prefix(chars, at) => raw_string_end(chars, at),
        '\'' => char_end(chars, at),
        _ => at,
    }
}

fn find(chars: &[char], from: usize, is_end: impl Fn(&[char]) -> bool) -> usize {
    (from..chars.len()).find(|i| is_end(&chars[*i..])).unwrap_or(chars.len())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_word_before(chars: &[char], at: usize) -> bool {
    at > 0 && is_word(chars[at - 1])
}

/// The `r` of `br"…"`.
fn is_byte_prefix(chars: &[char], at: usize) -> bool {
    at > 0 && chars[at - 1] == 'b' && !is_word_before(chars, at - 1)
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0;
    let mut i = at;
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                i += 1;
                continue;
            }
        }
        i += 2;
        if depth == 0 {
            return i;
        }
    }
    chars.len()
}

fn string_end(chars: &[char], at: usize) -> usize {
    let mut i = at + 1;
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}

fn raw_string_end(chars: &[char], at: usize) -> usize {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    if chars.get(at + 1 + hashes) != Some(&'"') {
        return at;
    }
    let body = at + 2 + hashes;
    let close = find(chars, body, |rest| {
        rest[0] == '"' && rest.len() > hashes && rest[1..=hashes].iter().all(|c| *c == '#')
    });
    (close + 1 + hashes).min(chars.len())
}

/// A lifetime is not a literal: `'a` without a closing quote right after one character.
fn char_end(chars: &[char], at: usize) -> usize {
    if chars.get(at + 1) == Some(&'\\') {
        return (find(chars, at + 3, |rest| rest[0] == '\'') + 1).min(chars.len());
    }
    if chars.get(at + 2) == Some(&'\'') { at + 3 } else { at }
}

/// `code` (of [`code_only`]) with what `#[cfg(test)]` guards blanked.
fn without_tests(code: &str) -> String {
    const GUARD: &str = "#[cfg(test)]";
    let mut out = code.to_owned();
    let mut from = 0;
    while let Some(start) = out[from..].find(GUARD).map(|i| from + i) {
        let end = item_end(&out, start + GUARD.len());
        let blank: String = out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
        from = start + blank.len();
    }
    out
}

/// The end of the item that begins at `from`: its `;`, or the brace that closes its body.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0usize;
    for (i, c) in code[from..].char_indices() {
        match c {
            ';' if depth == 0 => return from + i + 1,
            '{' => depth += 1,
            '}' if depth <= 1 => return from + i + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// The line, from 1, of a byte of `code`.
fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// Every path that `code` imports or writes out, with its line, `use` trees unfolded. A path that
/// leaves the module by `super` is given as one that begins with `crate`.
fn paths(code: &str, depth: usize) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut inline = InlineModules::default();
    let mut at = 0;
    while let Some(c) = code[at..].chars().next() {
        if !is_word(c) {
            inline.see(c);
            at += c.len_utf8();
            continue;
        }
        let begins_path = !code[..at].ends_with("::");
        let word_end = at + code[at..].find(|c| !is_word(c)).unwrap_or(code.len() - at);
        let word = &code[at..word_end];
        inline.word(word);
        let rest = code[word_end..].trim_start();
        let (tree, end) = match word {
            "use" if begins_path => take_until(code, word_end, |c| c == ';'),
            _ if begins_path && rest.starts_with("::") => {
                take_until(code, at, |c| !is_word(c) && c != ':' && !c.is_whitespace())
            }
            _ => {
                at = word_end;
                continue;
            }
        };
        for path in unfold(tree) {
            found.push((line_of(code, at), from_root(&path, depth + inline.depth())));
        }
        at = end;
    }
    found
}

fn take_until(code: &str, from: usize, is_end: impl Fn(char) -> bool) -> (&str, usize) {
    let end = code[from..].find(is_end).map_or(code.len(), |i| from + i);
    (&code[from..end], end)
}

/// `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`; white space and renames are dropped.
fn unfold(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((head, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or(tree);
        let path: String = path.chars().filter(|c| !c.is_whitespace()).collect();
        return if path.is_empty() { Vec::new() } else { vec![path] };
    };
    let head: String = head.chars().filter(|c| !c.is_whitespace()).collect();
    let body = rest.rsplit_once('}').map_or(rest, |(body, _)| body);
    let mut depth = 0;
    let branches = body.split(|c| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    });
    branches.flat_map(unfold).map(|branch| format!("{head}{branch}")).collect()
}

/// A path of at least `depth` leading `super`s names the crate's root.
fn from_root(path: &str, depth: usize) -> String {
    let path = path.trim_start_matches("self::");
    let parts: Vec<&str> = path.split("::").collect();
    let supers = parts.iter().take_while(|part| **part == "super").count();
    if supers == 0 || supers < depth {
        return path.to_owned();
    }
    let mut whole = vec!["crate"];
    whole.extend(&parts[supers..]);
    whole.join("::")
}

/// How many inline `mod name { … }` the scanner stands in.
#[derive(Default)]
struct InlineModules {
    braces: usize,
    opened_at: Vec<usize>,
    words: [String; 2],
}

impl InlineModules {
    fn word(&mut self, word: &str) {
        self.words.swap(0, 1);
        self.words[1] = word.to_owned();
    }

    fn see(&mut self, c: char) {
        match c {
            '{' => {
                self.braces += 1;
                if self.words[0] == "mod" {
                    self.opened_at.push(self.braces);
                }
                self.words = Default::default();
            }
            '}' => {
                if self.opened_at.last() == Some(&self.braces) {
                    self.opened_at.pop();
                }
                self.braces = self.braces.saturating_sub(1);
            }
            ';' | '(' => self.words = Default::default(),
            _ => {}
        }
    }

    fn depth(&self) -> usize {
        self.opened_at.len()
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

// ---------------------------------------------------------------------------------------------
// The rules themselves, on small strings

const TABLE: &str = "//! Head.\n//!\n//! ```text\n//! 5  runtime\n//! 3  net  store\n//! 3  app\n\
                     //! 2  wire  theme\n//! 1  chat\n//! ```\n//! 0  not  this\n";

fn source(file: &str, text: &str) -> Source {
    Source { file: file.to_owned(), text: text.to_owned() }
}

fn floor_breaks(file: &str, text: &str) -> Vec<(usize, String)> {
    let found = check_floors(&source(file, text), &floor_table(TABLE));
    found.into_iter().map(|violation| (violation.line, violation.what)).collect()
}

fn purity_lines(file: &str, text: &str) -> Vec<usize> {
    let mut lines: Vec<usize> = check_purity(&source(file, text), &floor_table(TABLE))
        .into_iter()
        .map(|violation| violation.line)
        .collect();
    lines.dedup();
    lines
}

#[test]
fn the_table_is_read_from_the_text_block_alone() {
    let floors = floor_table(TABLE);
    assert_eq!(floors.len(), 7);
    assert_eq!((floors["runtime"], floors["store"], floors["app"], floors["chat"]), (5, 3, 3, 1));
}

#[test]
fn a_module_missing_in_the_table_and_a_name_without_module_are_told() {
    let lib = source("src/lib.rs", "pub mod runtime;\npub mod cellar;\nmod chat;\n");
    let mut floors = floor_table(TABLE);
    floors.retain(|module, _| module == "runtime" || module == "chat" || module == "wire");
    let whats: Vec<String> = check_table(&lib, &floors).into_iter().map(|v| v.what).collect();
    assert_eq!(whats.len(), 2);
    assert!(whats[0].contains("`cellar`") && whats[1].contains("`wire`"), "{whats:?}");
}

#[test]
fn up_and_sideways_are_told_and_down_is_not() {
    assert_eq!(floor_breaks("src/net/mod.rs", "use crate::chat::Turn;\nuse crate::wire::{a, b};"), []);
    assert_eq!(floor_breaks("src/net/mod.rs", "use crate::net::http;"), []);
    let up = floor_breaks("src/wire/sse.rs", "//! x\n\nuse crate::net::Client;");
    assert_eq!(up, [(3, "`wire` (floor 2) points up to `crate::net::Client` (floor 3)".to_owned())]);
    let sideways = floor_breaks("src/net/mod.rs", "fn f() { crate::store::open() }");
    assert_eq!(
        sideways,
        [(1, "`net` (floor 3) points sideways to `crate::store::open` (floor 3)".to_owned())]
    );
    assert_eq!(
        floor_breaks("src/app/mod.rs", "use crate::store::Store;").len(),
        1,
        "another line, same floor"
    );
}

#[test]
fn use_trees_of_several_lines_are_unfolded() {
    let text = "use crate::{\n    chat::{Turn, message::{Part, Role}},\n    runtime as r,\n};";
    let whats = floor_breaks("src/net/mod.rs", text);
    assert_eq!(whats.len(), 1);
    assert!(whats[0].1.contains("`crate::runtime`"), "{whats:?}");
    assert_eq!(unfold("a::{self, b as c, d::*}"), ["a::self", "a::b", "a::d::*"]);
}

#[test]
fn tests_comments_and_literals() {
    let quiet = "// use crate::net;\n/* crate::net /* crate::net */ */\nlet a = \"crate::net\";\n\
                 let b = r#\"crate::net \"quoted\" \"#; let c = br\"crate::net\"; fn f<'a>(x: &'a str) {}\n\
                 let q = '\"'; let e = '\\''; /// [`crate::net`]\n";
    assert_eq!(floor_breaks("src/wire/mod.rs", quiet), []);
    let in_test = "#[cfg(test)]\nmod tests {\n    use crate::net::x;\n}";
    assert_eq!(floor_breaks("src/wire/mod.rs", in_test).len(), 1, "tests point down too");
    let after = "let q = '\"'; use crate::net;\nlet s = \"\\\"\"; use crate::net;";
    assert_eq!(floor_breaks("src/wire/mod.rs", after).len(), 2, "code after a literal is code");
}

#[test]
fn super_may_not_leave_the_module_upwards() {
    assert_eq!(floor_breaks("src/wire/mod.rs", "use super::net;").len(), 1);
    assert_eq!(floor_breaks("src/wire/sse.rs", "use super::net;"), [], "wire's own net");
    assert_eq!(floor_breaks("src/wire/sse.rs", "use super::super::net;").len(), 1);
    assert_eq!(floor_breaks("src/theme.rs", "use super::net;").len(), 1);
    let inline = "mod tests {\n    use super::net;\n    use super::super::net;\n}\nuse super::net;";
    let lines: Vec<usize> =
        floor_breaks("src/wire/mod.rs", inline).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [3, 5]);
    assert_eq!(floor_breaks("src/net/mod.rs", "use crate::*;").len(), 1);
}

#[test]
fn a_file_of_no_floor_is_told() {
    assert_eq!(floor_breaks("src/cellar/mod.rs", "//! x").len(), 1);
    assert_eq!(floor_breaks("src/main.rs", "fn main() { crate::runtime::run() }"), []);
}

#[test]
fn io_and_clocks_are_told_on_pure_floors() {
    for line in [
        "async fn f() {}",
        "let x = f().await;",
        "use std::fs;",
        "use std::{env::var, io};",
        "use std::net::TcpStream;",
        "let a = std::env::args();",
        "use tokio::sync::mpsc;",
        "let t = std::time::Instant::now();",
        "let t = SystemTime::now();",
        "fn f() -> reqwest::Error {}",
    ] {
        for file in ["src/chat/turn.rs", "src/wire/mod.rs", "src/app/update.rs"] {
            assert_eq!(purity_lines(file, &format!("//! x\n{line}")), [2], "{file}: {line}");
        }
        assert_eq!(purity_lines("src/net/mod.rs", line), [], "an edge may: {line}");
    }
}

#[test]
fn pure_code_may_name_values_and_its_tests_a_now() {
    assert_eq!(purity_lines("src/chat/turn.rs", "use std::net::{IpAddr, Ipv6Addr};"), []);
    assert_eq!(purity_lines("src/chat/turn.rs", "use std::net::{IpAddr, UdpSocket};"), [1]);
    assert_eq!(
        purity_lines("src/chat/turn.rs", "use std::time::{Duration, Instant};\nlet asynchronous = 1;"),
        []
    );
    let tests = "#[cfg(test)]\nmod tests {\n    fn t() { Instant::now(); }\n}\nfn f() { Instant::now() }";
    assert_eq!(purity_lines("src/chat/turn.rs", tests), [5]);
    assert_eq!(purity_lines("src/chat/turn/tests.rs", "Instant::now()"), []);
    assert_eq!(purity_lines("src/chat/turn.rs", "#[cfg(test)]\nmod tests;\nfn f() { x.await }"), [3]);
}

#[test]
fn app_may_not_name_wire() {
    assert_eq!(check_app_knows_no_wire(&source("src/app/msg.rs", "use crate::wire::Decoder;")).len(), 1);
    assert_eq!(check_app_knows_no_wire(&source("src/app/msg.rs", "use crate::chat::Dialect;")).len(), 0);
    assert_eq!(check_app_knows_no_wire(&source("src/turns/mod.rs", "use crate::wire::Decoder;")).len(), 0);
}

#[test]
fn heads_and_sizes() {
    assert_eq!(check_head(&source("src/a/b.rs", "//! What.\n")).len(), 0);
    assert_eq!(check_head(&source("src/a/b.rs", "use x;\n//! What.\n")).len(), 1);
    let long = "x\n".repeat(MAX_LINES + 1);
    assert_eq!(check_size(&source("src/a/b.rs", &long)).len(), 1);
    assert_eq!(check_size(&source("src/a/b.rs", &long[2..])).len(), 0);
    assert_eq!(check_size(&source("src/a/tests.rs", &long)).len(), 0);
    assert_eq!(check_size(&source("src/a/tests/b.rs", &long)).len(), 0);
}

#[test]
fn loose_ends_are_told() {
    let text = "// TODO: later\nfn f() { todo!() }\nfn g() { unimplemented!(\"x\") }\nfn h() { dbg!(1); }\n";
    assert_eq!(check_loose_ends(&source("src/a/b.rs", text)).len(), 4);
    let quiet = "let method = \"todo!\"; // the TODOS table\n";
    assert_eq!(check_loose_ends(&source("src/a/b.rs", quiet)).len(), 0);
}

#[test]
fn strange_names_at_the_top_are_told() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(check_top_level(&names(&["src", "Cargo.toml", ".git"])).len(), 0);
    assert_eq!(check_top_level(&names(&["src", "notes.txt"])).len(), 1);
}

#[test]
fn a_message_says_where_what_and_why() {
    let found = check_head(&source("src/a/b.rs", "x"));
    let text = found[0].to_string();
    assert!(text.starts_with("src/a/b.rs:1: does not open with `//!`\n    because "), "{text}");
}
