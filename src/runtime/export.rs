//! `/export`: a conversation as text into a new file.

use std::path::Path;

use crate::chat::export;
use crate::chat::jobs::StoredSession;
use crate::files::{expand, write};

/// The most characters of a file's name that come from the title.
const NAMED: usize = 60;
/// Names that are tried where the file's name was left to chatui.
const TRIES: usize = 100;

/// Writes `stored` to `file`, or to a file named after its title; gives the name. JSON where the name ends
/// so, else Markdown. What is there is never overwritten.
///
/// # Errors
/// A sentence for the person.
pub fn to_file(
    stored: &StoredSession,
    file: &str,
    cwd: &Path,
    home: Option<&Path>,
) -> Result<String, String> {
    if !file.is_empty() {
        let path = expand(Path::new(file), home);
        let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        let text = if is_json { export::json(stored) } else { export::markdown(stored) };
        return write::write_new(&cwd.join(path), text.as_bytes()).map(|()| file.to_owned());
    }
    let (text, name) = (export::markdown(stored), name_of(&stored.session.title));
    let mut tries = (1..=TRIES).map(|at| match at {
        1 => format!("{name}.md"),
        more => format!("{name}-{more}.md"),
    });
    let free = tries.find(|name| cwd.join(name).symlink_metadata().is_err());
    let Some(free) = free else {
        return Err(format!("{name}.md and {TRIES} names like it are taken: name a file, /export FILE"));
    };
    write::write_new(&cwd.join(&free), text.as_bytes()).map(|()| free)
}

/// A file's name from a title: its letters and digits in small, joined by `-`.
fn name_of(title: &str) -> String {
    let mut name = String::new();
    for c in title.chars().flat_map(char::to_lowercase).take(NAMED) {
        match c.is_alphanumeric() {
            true => name.push(c),
            false if !name.ends_with('-') && !name.is_empty() => name.push('-'),
            false => {}
        }
    }
    let name = name.trim_end_matches('-');
    if name.is_empty() { "conversation".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_becomes_a_name_of_letters_and_digits() {
        for (title, name) in [
            ("Why does this not compile?", "why-does-this-not-compile"),
            ("../../etc/passwd", "etc-passwd"),
            ("漢字 & more", "漢字-more"),
            ("…", "conversation"),
            ("", "conversation"),
        ] {
            assert_eq!(name_of(title), name);
        }
    }
}
