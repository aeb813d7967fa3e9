//! JSON of a server's, and how much memory it may become.
//!
//! Parsed, a few bytes of JSON can become hundreds in memory (`{"a":0}` some four hundred), so a text of
//! many small pieces is reckoned up before it is parsed: [`is_modest`] passes once over the bytes. What a
//! chat has no use for, however large ([`UNUSED`]), is not counted and not kept.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The most memory that one text may become, about.
const MAX_MEMORY: usize = 64 << 20;
/// Texts up to this are never too much, whatever they hold.
const SMALL: usize = 64 << 10;
/// Members that may be large and are of no use: token by token, and the prompt's.
const UNUSED: [&str; 5] = ["logprobs", "prompt_logprobs", "token_ids", "prompt_token_ids", "bytes"];
/// Members whose own are not ours to choose among: what a tool is called with, and what goes back as it came.
const OPAQUE: [&str; 4] = ["arguments", "input", "extra_content", "reasoning_details"];
/// An object and its tables, in a list that grows by doubling.
const OBJECT: usize = 768;
/// An item of a list.
const ITEM: usize = 2 * size_of::<Value>();
/// One more member.
const MEMBER: usize = 2 * (size_of::<Value>() + size_of::<String>() + 16);

/// Whether parsing `text` takes no more memory than it is worth.
pub(super) fn is_modest(text: &str) -> bool {
    text.len() <= SMALL || memory_of(text.as_bytes()) <= MAX_MEMORY
}

/// Parses a value without its [`UNUSED`] members outside of [`OPAQUE`] ones; `None` where it is malformed.
pub(super) fn parse_used(text: &str) -> Option<Value> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Kept::Used.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(value)
}

/// How much memory a value takes, about.
pub(super) fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| ITEM + weight(item)).sum(),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| MEMBER + name.len() + weight(value));
            OBJECT + members.sum::<usize>()
        }
    }
}

/// How much memory JSON becomes, about. It need not be well formed.
fn memory_of(text: &[u8]) -> usize {
    let mut memory = text.len();
    let mut depth = 0_usize;
    // The depth of the member that is left out.
    let mut unused: Option<usize> = None;
    // The depth of the member in which none is.
    let mut opaque: Option<usize> = None;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        let cost = match byte {
            b'"' => {
                let start = at;
                at = string_end(text, at);
                let rest = text.get(at + 1..).unwrap_or_default();
                let is_name = rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
                if is_name && unused.is_none() && opaque.is_none() {
                    let is_one_of = |names: &[&str]| names.iter().any(|n| n.as_bytes() == &text[start..at]);
                    unused = is_one_of(&UNUSED).then_some(depth);
                    opaque = is_one_of(&OPAQUE).then_some(depth);
                }
                at += 1;
                0
            }
            b'{' | b'[' => {
                depth += 1;
                if byte == b'{' { OBJECT } else { ITEM }
            }
            b'}' | b']' => {
                unused = unused.filter(|began| *began != depth);
                opaque = opaque.filter(|began| *began != depth);
                depth = depth.saturating_sub(1);
                0
            }
            b',' => {
                unused = unused.filter(|began| *began != depth);
                opaque = opaque.filter(|began| *began != depth);
                ITEM
            }
            b':' => MEMBER,
            _ => 0,
        };
        if unused.is_none() {
            memory += cost;
        }
    }
    memory
}

/// Where the quote is that ends a string.
fn string_end(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if text[at] == b'"' {
            return at;
        }
        at += 2;
    }
    text.len()
}

/// Builds a value: of what is of use, or of all.
#[derive(Clone, Copy)]
enum Kept {
    Used,
    All,
}

impl<'de> DeserializeSeed<'de> for Kept {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Kept {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            match self {
                Kept::Used if UNUSED.contains(&name.as_str()) => {
                    members.next_value::<IgnoredAny>()?;
                }
                Kept::Used if !OPAQUE.contains(&name.as_str()) => {
                    let value = members.next_value_seed(Kept::Used)?;
                    object.insert(name, value);
                }
                Kept::Used | Kept::All => {
                    let value = members.next_value_seed(Kept::All)?;
                    object.insert(name, value);
                }
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_what_serde_json_says_it_is() {
        for text in [
            "null",
            r#" {"b":[1,-2,3.5,18446744073709551615,"\u00e9",true,null],"a":{"b":{}},"b2":""} "#,
            "1e400",
            "[1,",
            "{} {}",
            r#"{"a":1,"a":2}"#,
            r#""\ud800""#,
            "",
        ] {
            assert_eq!(parse_used(text), serde_json::from_str(text).ok(), "{text}");
        }
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert_eq!(parse_used(&deep), None, "nested too deep for the stack");
    }

    #[test]
    fn unused_members_are_left_out() {
        let text = r#"{"a":[{"logprobs":[1,{"b":[]}],"c":2},"logprobs"],"token_ids":[3]}"#;
        assert_eq!(parse_used(text), serde_json::from_str(r#"{"a":[{"c":2},"logprobs"]}"#).ok());
    }

    #[test]
    fn what_is_not_ours_is_kept_whole() {
        let text = r#"{"bytes":[1],"arguments":{"a":{"bytes":[1],"logprobs":2}},"b":{"token_ids":[3]},"extra_content":[{"bytes":4}]}"#;
        let kept = r#"{"arguments":{"a":{"bytes":[1],"logprobs":2}},"b":{},"extra_content":[{"bytes":4}]}"#;
        assert_eq!(parse_used(text), serde_json::from_str(kept).ok());
        let many = |name: &str| format!("{{\"{name}\":{{\"bytes\":[{}0]}}}}", "0,".repeat(4 << 20));
        assert!(is_modest(&many("a")) && !is_modest(&many("arguments")));
    }

    #[test]
    fn many_small_pieces_are_too_much() {
        let many = |item: &str| format!("{{\"a\":[{}0]}}", item.repeat((8 << 20) / item.len()));
        for item in ["0,", "{},", r#"{"a":0},"#, "[],", "[[]],", r#"{"a":{"b":{"c":""}}},"#] {
            let text = many(item);
            assert!(!is_modest(&text), "{item}");
            assert!(is_modest(&text.replace("\"a\":[", "\"logprobs\" :[")), "{item}: nobody keeps them");
            assert!(!is_modest(&text.replace("\"a\":[", "\"logprobs\":[],\"b\":[")), "{item}");
        }
        assert!(is_modest(&many(
            r#""some text of about the length of a token or two, or a line of them",0,"#
        )));
        assert!(is_modest(&format!("[\"{}\"]", "{\\\"a\\\":[],".repeat(1 << 20))), "text is text");
    }

    #[test]
    fn what_is_reckoned_is_not_less_than_what_is_kept() {
        for item in ["0,", "{},", r#"{"a":0},"#, r#"{"a":0,"b":[{}]},"#, "[[]],", r#""x","#] {
            let text = format!("[{}0]", item.repeat(1000));
            assert!(weight(&parse_used(&text).unwrap()) <= memory_of(text.as_bytes()), "{item}");
        }
    }
}
