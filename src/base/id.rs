//! Ids of sessions and messages: 60 random bits, written as 12 characters.
//!
//! Random rather than counted, so that several processes can add to one store without asking each
//! other, and rather than time-ordered, so that a prefix of three or four characters tells two
//! sessions apart. The alphabet is Crockford's base32 in lower case (no i, l, o, u).

use std::fmt;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of a whole id.
pub const ID_CHARS: usize = 12;

/// A 60-bit id. It fits a positive SQLite integer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u64);

/// The id of a saved conversation.
pub type SessionId = Id;
/// The id of one message of a conversation.
pub type MessageId = Id;

impl Id {
    /// Takes the low 60 bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & ((1 << 60) - 1))
    }

    /// The 60 bits, as SQLite stores them.
    pub const fn bits(self) -> i64 {
        self.0 as i64
    }

    /// Reads a whole id as it is displayed; capitals are accepted.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == ID_CHARS).then(|| Self::prefix_bits(text)).flatten().map(Self)
    }

    /// The lowest and the highest id that begin with `prefix`; `None` where no id can.
    pub fn range(prefix: &str) -> Option<(Self, Self)> {
        if prefix.is_empty() || prefix.len() > ID_CHARS {
            return None;
        }
        let shift = 5 * (ID_CHARS - prefix.len()) as u32;
        let low = Self::prefix_bits(prefix)? << shift;
        Some((Self(low), Self(low | ((1 << shift) - 1))))
    }

    fn prefix_bits(text: &str) -> Option<u64> {
        text.bytes().try_fold(0, |bits, byte| {
            let digit = ALPHABET.iter().position(|c| *c == byte.to_ascii_lowercase())?;
            Some((bits << 5) | digit as u64)
        })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0u8; ID_CHARS];
        for (i, slot) in text.iter_mut().enumerate() {
            *slot = ALPHABET[(self.0 >> (5 * (ID_CHARS - 1 - i)) & 31) as usize];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Makes ids from a seed that the caller drew from the system's randomness (SplitMix64).
#[derive(Debug, Clone)]
pub struct IdSource(u64);

impl IdSource {
    /// A source; two sources of one seed give the same ids.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next id.
    pub fn next_id(&mut self) -> Id {
        Id::from_bits(self.next_bits())
    }

    /// 64 pseudo-random bits, also for jitter.
    pub fn next_bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_is_written() {
        let mut source = IdSource::new(7);
        for _ in 0..100 {
            let id = source.next_id();
            assert_eq!(Id::parse(&id.to_string()), Some(id));
            assert_eq!(Id::parse(&id.to_string().to_uppercase()), Some(id));
        }
    }

    #[test]
    fn a_prefix_names_the_range_of_ids_that_begin_with_it() {
        let id = IdSource::new(1).next_id();
        let text = id.to_string();
        for len in 1..=ID_CHARS {
            let (low, high) = Id::range(&text[..len]).expect("a valid prefix");
            assert!(low <= id && id <= high);
            assert!(low.to_string().starts_with(&text[..len]) && high.to_string().starts_with(&text[..len]));
        }
        assert_eq!(Id::range(""), None);
        assert_eq!(Id::range("u!"), None);
    }
}
