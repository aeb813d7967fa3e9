//! Text as TOML writes it, on one line: strings, and keys with quotes where they need them.
//!
//! What a terminal would obey is escaped, so that the text can be shown and read back.

use std::fmt::Write as _;

use super::sanitize;

/// A TOML string.
pub fn string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    let mut one = [0; 4];
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if sanitize::clean(c.encode_utf8(&mut one)).starts_with(c) => quoted.push(c),
            c => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}

/// One part of a TOML key.
pub fn key(text: &str) -> String {
    let is_bare =
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if is_bare { text.to_owned() } else { string(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_can_be_read_back_and_shown() {
        for (text, expected) in [
            ("lab-1_x", "lab-1_x"),
            ("127.0.0.1", "\"127.0.0.1\""),
            ("", "\"\""),
            ("a\"b\\c", "\"a\\\"b\\\\c\""),
            ("a\x1b[31m\u{202e}\n", "\"a\\U0000001B[31m\\U0000202E\\n\""),
        ] {
            assert_eq!(key(text), expected);
            let table: toml::Table = format!("{} = {}", key(text), string(text)).parse().expect(expected);
            assert_eq!(table[text].as_str(), Some(text));
        }
    }
}
