//! The grammar of the two answers we ask for: OSC 11 (the background) and DA1 (any terminal's last word).
//!
//! One function says of some bytes whether they are an answer, the start of one, or neither. The raw reader
//! and the event filter both stand on it, so that they can hand a half-read answer over.

use crate::theme::Rgb;

/// What some bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// No answer of ours, whatever follows.
    No,
    /// The start of one.
    Start,
    /// `ESC ] 11 ; … BEL` or `… ESC \`.
    Background,
    /// `ESC [ ? … c`.
    Attributes,
}

const OSC: &[u8] = b"\x1b]11;";
const DA: &[u8] = b"\x1b[?";

/// Longer than any answer: `ESC ]11;rgba:ffff/ffff/ffff/ffff ESC \` has 31 bytes, attribute lists up to 40.
const LONGEST: usize = 96;

pub(super) fn classify(bytes: &[u8]) -> Match {
    if bytes.len() > LONGEST {
        return Match::No;
    }
    if OSC.starts_with(bytes) || DA.starts_with(bytes) {
        return Match::Start;
    }
    if let Some(body) = bytes.strip_prefix(OSC) {
        return classify_body(body);
    }
    if let Some(body) = bytes.strip_prefix(DA) {
        return match body.split_last() {
            Some((b'c', list)) if list.iter().all(is_parameter) => Match::Attributes,
            _ if body.iter().all(is_parameter) => Match::Start,
            _ => Match::No,
        };
    }
    Match::No
}

fn is_parameter(byte: &u8) -> bool {
    byte.is_ascii_digit() || *byte == b';'
}

fn classify_body(body: &[u8]) -> Match {
    // Whatever a terminal says there, it is no typing; only a control ends it.
    let end = body.iter().position(|b| !matches!(b, b' '..=b'~'));
    let Some(end) = end else { return Match::Start };
    match &body[end..] {
        b"\x07" | b"\x1b\\" | b"\x9c" => Match::Background,
        b"\x1b" => Match::Start,
        _ => Match::No,
    }
}

/// The colour in a whole OSC 11 answer.
pub(super) fn colour(answer: &[u8]) -> Option<Rgb> {
    let body = std::str::from_utf8(answer.strip_prefix(OSC)?).ok()?;
    let body = body.trim_end_matches(['\x07', '\x1b', '\\']);
    if let Some(hex) = body.strip_prefix('#') {
        let width = hex.len() / 3;
        if !hex.is_ascii() || width == 0 || hex.len() % 3 != 0 {
            return None;
        }
        return Some(Rgb(part(&hex[..width])?, part(&hex[width..2 * width])?, part(&hex[2 * width..])?));
    }
    let parts = body.strip_prefix("rgb:").or_else(|| body.strip_prefix("rgba:"))?;
    let mut parts = parts.split('/');
    let rgb = Rgb(part(parts.next()?)?, part(parts.next()?)?, part(parts.next()?)?);
    // rgba has one more, which says nothing of what is dark.
    (parts.count() <= 1).then_some(rgb)
}

/// One to four hexadecimal digits; `f`, `ff` and `ffff` are all 255.
fn part(hex: &str) -> Option<u8> {
    if hex.is_empty() || hex.len() > 4 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let most = (1_u32 << (4 * hex.len())) - 1;
    u8::try_from(u32::from_str_radix(hex, 16).ok()? * 255 / most).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_of_an_answer_is_a_start() {
        for (answer, whole) in [
            (&b"\x1b]11;rgb:1e1e/1e1e/2e2e\x07"[..], Match::Background),
            (b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\", Match::Background),
            (b"\x1b]11;rgba:00/11/22/ff\x1b\\", Match::Background),
            (b"\x1b]11;#ffffff\x07", Match::Background),
            (b"\x1b]11;?\x07", Match::Background),
            (b"\x1b]11;rgb: not (known); sorry\x1b\\", Match::Background),
            (b"\x1b[?62;4;52c", Match::Attributes),
            (b"\x1b[?c", Match::Attributes),
        ] {
            for cut in 0..answer.len() {
                assert_eq!(classify(&answer[..cut]), Match::Start, "{:?}", &answer[..cut]);
            }
            assert_eq!(classify(answer), whole);
        }
    }

    #[test]
    fn what_is_typed_is_no_answer() {
        for typed in
            [&b"a"[..], b"\x1b[A", b"\x1bb", b"\x1b]2", b"\x1b]11;rgb:\x03", b"\x1b[?1u", b"\x1b]11;a\rb"]
        {
            assert_eq!(classify(typed), Match::No, "{typed:?}");
        }
        let endless = [b"\x1b]11;".as_slice(), &[b'a'; 200]].concat();
        assert_eq!(classify(&endless), Match::No);
    }

    #[test]
    fn colours_of_any_width() {
        assert_eq!(colour(b"\x1b]11;rgb:ffff/0000/ffff\x07"), Some(Rgb(255, 0, 255)));
        assert_eq!(colour(b"\x1b]11;rgb:f/0/f\x1b\\"), Some(Rgb(255, 0, 255)));
        assert_eq!(colour(b"\x1b]11;rgba:ff/00/ff/80\x1b\\"), Some(Rgb(255, 0, 255)));
        assert_eq!(colour(b"\x1b]11;rgb:fff/000/fff\x07"), Some(Rgb(255, 0, 255)));
        assert_eq!(colour(b"\x1b]11;#ff00ff\x07"), Some(Rgb(255, 0, 255)));
        for bad in
            [&b"\x1b]11;rgb:ff/00\x07"[..], b"\x1b]11;rgb:fffff/0/0\x07", b"\x1b]11;?\x07", b"\x1b]11;#\x07"]
        {
            assert_eq!(colour(bad), None, "{bad:?}");
        }
    }
}
