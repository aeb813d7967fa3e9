//! Secrets, and keeping them out of everything that is shown or written.
//!
//! A [`Secret`] has no `Display`, no `Serialize`, and a `Debug` that shows `***`. [`Secrets`] is the
//! set of those in force; its [`Secrets::redact`] cleans text that came from elsewhere (a server may
//! quote the key it was sent). A [`Tail`] finds those that a text spells out piece by piece, with one rule
//! for the screen and for recordings.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// What stands in for a secret wherever it would be seen.
pub const REDACTED: &str = "***";

/// A key, a token, a header's secret value.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps `text`, less surrounding white space (keys pasted into files often have a newline).
    pub fn new(text: &str) -> Self {
        Self(text.trim().into())
    }

    /// The secret itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// The secrets in force.
#[derive(Clone, Debug, Default)]
pub struct Secrets(Vec<Secret>);

impl Secrets {
    /// Adds one. Those of under four characters are left out: they would redact ordinary words.
    pub fn add(&mut self, secret: &Secret) {
        if secret.expose().len() >= 4 && !self.0.contains(secret) {
            self.0.push(secret.clone());
            // The longest first, so that a key that contains another is replaced whole.
            self.0.sort_by_key(|s| std::cmp::Reverse(s.expose().len()));
        }
    }

    /// All of them, the longest first.
    pub fn all(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter()
    }

    /// Where the first secret in `text` stands; of several at one place the longest.
    pub fn find(&self, text: &str) -> Option<Range<usize>> {
        let found = self.0.iter().filter_map(|secret| {
            let start = text.find(secret.expose())?;
            Some(start..start + secret.expose().len())
        });
        found.min_by_key(|range| (range.start, std::cmp::Reverse(range.end)))
    }

    /// How many bytes at the end of `text` are the beginning of a secret and not all of it.
    pub fn begun_at_end(&self, text: &str) -> usize {
        let longest = self.0.iter().map(|secret| {
            let secret = secret.expose();
            let most = secret.len().saturating_sub(1).min(text.len());
            // By bytes: the beginning of a secret may end within a character only where the text does.
            let (secret, text) = (secret.as_bytes(), text.as_bytes());
            (1..=most).rev().find(|length| text.ends_with(&secret[..*length])).unwrap_or(0)
        });
        longest.max().unwrap_or(0)
    }

    /// `text` with each secret in it replaced by `***`.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for secret in &self.0 {
            if text.contains(secret.expose()) {
                text = Cow::Owned(text.replace(secret.expose(), REDACTED));
            }
        }
        text
    }
}

/// An address as it may be shown: what stands in its query is `***` but for Azure's `api-version`, which
/// is no secret, and so is a name or password before the host.
pub fn public_address(address: &str) -> Cow<'_, str> {
    let end = address.find(['?', '#']).unwrap_or(address.len());
    let (front, rest) = address.split_at(end);
    let host_at = front.find("://").map_or(0, |at| at + "://".len());
    let authority = front[host_at..].split('/').next().unwrap_or_default();
    let user = authority.rfind('@');
    if rest.len() < 2 && user.is_none() {
        return Cow::Borrowed(address);
    }
    let mut shown = front[..host_at].to_owned();
    if user.is_some() {
        shown.push_str(REDACTED);
    }
    shown.push_str(&front[host_at + user.unwrap_or(0)..]);
    shown.extend(rest.chars().next());
    let pairs: Vec<String> = rest.get(1..).unwrap_or_default().split('&').map(public_pair).collect();
    shown.push_str(&pairs.join("&"));
    Cow::Owned(shown)
}

fn public_pair(pair: &str) -> String {
    let is_version =
        |value: &str| value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    match pair.split_once('=') {
        Some((name, value)) if value.is_empty() || (is_api_version(name) && is_version(value)) => {
            pair.to_owned()
        }
        Some((name, _)) => format!("{name}={REDACTED}"),
        None if pair.is_empty() => String::new(),
        None => REDACTED.to_owned(),
    }
}

/// Whether a member of a query is the one that is no secret.
pub fn is_api_version(name: &str) -> bool {
    name.eq_ignore_ascii_case("api-version")
}

/// Bytes of a secret's beginning that are held back: nearly no other text has as many of them.
const SHORTEST: usize = 4;

/// The end of a text that grows piece by piece, as far as it may be the beginning of a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    text: String,
    /// How many bytes of it were shown.
    told: usize,
}

/// What a piece makes of a text. Places count from where the tail before it began.
#[derive(Debug)]
pub struct Grown {
    /// The tail before it, and the piece.
    pub all: String,
    /// Where secrets stand in it.
    pub found: Vec<Range<usize>>,
    /// How much of it was shown before.
    pub told: usize,
    /// How much of it may be shown, but for what was found.
    pub upto: usize,
    /// Where the tail begins that is kept.
    pub tail: usize,
}

impl Tail {
    /// Takes in the next piece.
    pub fn grow(&mut self, secrets: &Secrets, piece: &str) -> Grown {
        let mut all = std::mem::take(&mut self.text);
        let told = std::mem::take(&mut self.told);
        all.push_str(piece);
        let (mut found, mut from) = (Vec::new(), 0);
        while let Some(range) = all.get(from..).and_then(|rest| secrets.find(rest)) {
            found.push(from + range.start..from + range.end);
            from += range.end;
        }
        let begun = all.get(from..).map_or(0, |rest| secrets.begun_at_end(rest));
        let tail = all.len() - begun;
        let upto = if begun < SHORTEST { all.len() } else { tail.max(told) };
        self.text = all.get(tail..).unwrap_or_default().to_owned();
        self.told = upto - tail;
        Grown { all, found, told, upto, tail }
    }

    /// Whether no secret may have begun.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// How much of the tail was shown.
    pub fn told(&self) -> usize {
        self.told
    }

    /// What of it was not.
    pub fn held(&self) -> &str {
        self.text.get(self.told..).unwrap_or_default()
    }

    /// Nothing is held back any more; what follows is still looked at.
    pub fn let_go(&mut self) {
        self.told = self.text.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing_of_itself() {
        assert_eq!(format!("{:?}", Secret::new("sk-hidden")), "***");
        assert_eq!(format!("{:?}", Some(Secret::new("sk-hidden"))), "Some(***)");
    }

    #[test]
    fn an_address_is_shown_without_what_stands_in_its_query() {
        for (address, expected) in [
            ("https://h:1/v1", "https://h:1/v1"),
            ("https://h/models/@cf/m?", "https://h/models/@cf/m?"),
            (
                "https://h/models?api-version=2024-10-21&code=c0de&sig=s%2Bg",
                "https://h/models?api-version=2024-10-21&code=***&sig=***",
            ),
            ("https://h?API-Version=1#sk-hidden", "https://h?API-Version=***"),
            ("wss://h/x?sk-hidden&a=", "wss://h/x?***&a="),
            ("h#sk-hidden", "h#***"),
            ("https://me:sk-hidden@h/v1", "https://***@h/v1"),
        ] {
            assert_eq!(public_address(address), expected);
        }
    }

    #[test]
    fn text_is_redacted_longest_first() {
        let mut secrets = Secrets::default();
        secrets.add(&Secret::new("sk-abc"));
        secrets.add(&Secret::new("sk-abcdef\n"));
        assert_eq!(secrets.redact("wrong key sk-abcdef (or sk-abc)"), "wrong key *** (or ***)");
        assert!(matches!(secrets.redact("nothing"), Cow::Borrowed(_)));
    }
}
