//! What a certificate says of itself, as far as a person wants to know: who issued it, until when it holds.
//!
//! A reader of the few members that this needs, and of nothing else; whether a certificate is to be trusted
//! is the verifier's to say. What it reads comes from anybody, so it is total: a member that is not where it
//! should be is one that is not known.

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;
/// `[0] EXPLICIT`, which holds the version.
const VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const BMP_STRING: u8 = 0x1E;
/// The attributes 2.5.4.10 (organization) and 2.5.4.3 (common name), in the order in which they are told.
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0A];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// The most characters of an issuer's name.
const LONGEST: usize = 80;

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Certificate {
    /// Who issued it, by its own words; empty where it does not say.
    pub issuer: String,
    /// The day on which it ends, as `2027-01-31`; `None` where it does not say.
    pub until: Option<String>,
}

impl Certificate {
    /// Reads one in DER form.
    pub(super) fn read(der: &[u8]) -> Self {
        Self::of(der).unwrap_or_default()
    }

    fn of(der: &[u8]) -> Option<Self> {
        let whole = member(&mut &*der, SEQUENCE)?;
        let mut rest = member(&mut &*whole, SEQUENCE)?;
        if rest.first() == Some(&VERSION) {
            element(&mut rest)?;
        }
        // The serial number and the algorithm of the signature.
        element(&mut rest)?;
        element(&mut rest)?;
        let issuer = name(member(&mut rest, SEQUENCE)?);
        let until = member(&mut rest, SEQUENCE).and_then(|mut validity| {
            element(&mut validity)?;
            day(&mut validity)
        });
        Some(Self { issuer, until })
    }
}

/// The next element: its tag and its content.
fn element<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&tag, after) = rest.split_first()?;
    let (&first, mut after) = after.split_first()?;
    let length = match first {
        0..=0x7F => usize::from(first),
        // The length's own length; certificates have at most three bytes.
        0x81..=0x84 => {
            let (bytes, content) = after.split_at_checked(usize::from(first & 0x7F))?;
            after = content;
            bytes.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte))
        }
        _ => return None,
    };
    let (content, after) = after.split_at_checked(length)?;
    *rest = after;
    Some((tag, content))
}

/// The content of the next element, where it has this tag.
fn member<'a>(rest: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    element(rest).filter(|(found, _)| *found == tag).map(|(_, content)| content)
}

/// Organization and common name, where the one does not hold the other.
fn name(mut attributes: &[u8]) -> String {
    let (mut organization, mut common) = (String::new(), String::new());
    while let Some(mut set) = member(&mut attributes, SET) {
        let Some(mut pair) = member(&mut set, SEQUENCE) else { continue };
        let (Some(id), Some((tag, text))) = (member(&mut pair, OBJECT_ID), element(&mut pair)) else {
            continue;
        };
        match id {
            ORGANIZATION => organization = decoded(tag, text),
            COMMON_NAME => common = decoded(tag, text),
            _ => {}
        }
    }
    let both = match (organization.is_empty(), common.is_empty()) {
        (false, false) if !common.contains(&organization) => format!("{organization}, {common}"),
        (_, false) => common,
        (_, true) => organization,
    };
    both.chars().take(LONGEST).collect()
}

fn decoded(tag: u8, text: &[u8]) -> String {
    if tag != BMP_STRING {
        return String::from_utf8_lossy(text).trim().to_owned();
    }
    let units = text.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// The day of a time: `YYMMDD…` (from 1950 to 2049), or `YYYYMMDD…`.
fn day(rest: &mut &[u8]) -> Option<String> {
    let (tag, text) = element(rest)?;
    let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii())?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let century = if year < "50" { "20" } else { "19" };
            (format!("{century}{year}"), rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.to_owned(), rest)
        }
        _ => return None,
    };
    let (month, day) = (rest.get(..2)?, rest.get(2..4)?);
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(&year) && is_number(month) && is_number(day)).then(|| format!("{year}-{month}-{day}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag];
        match content.len() {
            length @ 0..=0x7F => bytes.push(length as u8),
            length => bytes.extend([0x82, (length >> 8) as u8, length as u8]),
        }
        bytes.extend(content);
        bytes
    }

    fn attribute(id: &[u8], tag: u8, text: &[u8]) -> Vec<u8> {
        der(SET, &der(SEQUENCE, &[der(OBJECT_ID, id), der(tag, text)].concat()))
    }

    fn certificate(issuer: &[u8], until: &[u8]) -> Vec<u8> {
        let validity = [der(UTC_TIME, b"250101000000Z"), until.to_vec()].concat();
        let inside = [
            der(VERSION, &[2, 1, 2]),
            der(2, &[7; 20]),
            der(SEQUENCE, &der(OBJECT_ID, &[0x2A])),
            der(SEQUENCE, issuer),
            der(SEQUENCE, &validity),
            vec![0; 300],
        ]
        .concat();
        der(SEQUENCE, &der(SEQUENCE, &inside))
    }

    #[test]
    fn the_issuer_and_the_last_day_are_read() {
        let country = attribute(&[0x55, 0x04, 0x06], 0x13, b"US");
        let issuer =
            [country, attribute(ORGANIZATION, 0x0C, b"Let's Encrypt"), attribute(COMMON_NAME, 0x13, b"R11")];
        let read = Certificate::read(&certificate(&issuer.concat(), &der(UTC_TIME, b"270131235959Z")));
        assert_eq!(read.issuer, "Let's Encrypt, R11");
        assert_eq!(read.until.as_deref(), Some("2027-01-31"));

        let wide: Vec<u8> = "Ämter".encode_utf16().flat_map(u16::to_be_bytes).collect();
        let issuer = attribute(COMMON_NAME, BMP_STRING, &wide);
        let late = der(GENERALIZED_TIME, b"20510203000000Z");
        let read = Certificate::read(&certificate(&issuer, &late));
        assert_eq!((read.issuer.as_str(), read.until.as_deref()), ("Ämter", Some("2051-02-03")));
    }

    #[test]
    fn whatever_is_cut_or_changed_is_read_without_a_panic() {
        let whole = certificate(&attribute(COMMON_NAME, 0x13, b"A"), &der(UTC_TIME, b"270131235959Z"));
        for cut in 0..whole.len() {
            Certificate::read(&whole[..cut]);
            for byte in [0, 0x80, 0x84, 0xFF] {
                let mut changed = whole.clone();
                changed[cut] = byte;
                Certificate::read(&changed);
            }
        }
        assert_eq!(Certificate::read(b"no certificate"), Certificate::default());
    }
}
