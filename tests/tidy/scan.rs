//! Reading Rust, as far as the house rules need it: a scanner, not a parser.
//!
//! Comments and literals are blanked, `use` trees are unfolded, and inline paths are collected; those
//! that begin with enough `super::` to leave their module are given as `crate::` paths. Macros that
//! build paths are not seen through.

/// `text` with comments and the insides of string and character literals blanked; lines stay lines.
pub fn code_only(text: &str) -> String {
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

pub fn is_word(c: char) -> bool {
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
pub fn without_tests(code: &str) -> String {
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
pub fn paths(code: &str, depth: usize) -> Vec<(usize, String)> {
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
pub fn unfold(tree: &str) -> Vec<String> {
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
