//! Chunks of unusual shape, read member by member: what fits is taken, what does not is passed over.

use std::borrow::Cow;

use serde_json::Value;

use super::chunk::{Arguments, Call, Choice, Delta, Details, Function, Part, RawUsage, Str};
use crate::wire::errors::is_error;
use crate::wire::json;

/// The JSON of a text; half a surrogate pair, which a server that cuts UTF-16 sends, becomes U+FFFD.
pub(super) fn parse(text: &str) -> Option<Value> {
    if !json::is_modest(text) {
        return None;
    }
    json::parse_used(text).or_else(|| json::parse_used(&whole_surrogates(text)?))
}

/// The text with each escape that is half a surrogate pair replaced; `None` where there is none.
fn whole_surrogates(text: &str) -> Option<String> {
    let unit = |at: usize| {
        let escape = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(escape, 16).ok()
    };
    let mut fixed = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &text.as_bytes()[at..]) {
        at += found;
        match (unit(at), unit(at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => at += 12,
            (Some(0xD800..=0xDFFF), _) => {
                fixed.push_str(&text[copied..at]);
                fixed.push_str("\\ufffd");
                at += 6;
                copied = at;
            }
            (Some(_), _) => at += 6,
            // An escape of one ASCII character; anything else is malformed anyway.
            (None, _) if text.is_char_boundary(at + 2) && at + 2 <= text.len() => at += 2,
            (None, _) => return None,
        }
    }
    fixed.push_str(&text[copied..]);
    (copied > 0).then_some(fixed)
}

/// The error in band of a chunk, if it has one: the object that holds it.
pub(super) fn error_in(value: &Value) -> Option<&Value> {
    let holds = |holder: &&Value| holder.get("error").is_some_and(is_error);
    let is = |name: &str| value.get(name).and_then(Value::as_str) == Some("error");
    Some(value)
        .filter(|value| holds(value) || is("object") || is("type"))
        .or_else(|| value.get("x_groq").filter(holds))
        .or_else(|| one_or_many(value.get("choices")).iter().find(holds))
}

/// The items of a list; anything else but null is a list of one.
pub(super) fn one_or_many(value: Option<&Value>) -> &[Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(items)) => items,
        Some(one) => std::slice::from_ref(one),
    }
}

/// Whether a verdict of a filter says anything.
pub(super) fn says_something(verdict: &Value) -> bool {
    is_error(verdict)
}

/// A choice of whatever shape.
pub(super) fn choice(value: &Value) -> Choice<'_> {
    let object = |name: &str| value.get(name).filter(|value| value.is_object());
    Choice {
        index: value.get("index").and_then(integer),
        delta: object("delta").map(delta),
        message: object("message").map(|message| Box::new(delta(message))),
        text: string(value.get("text")),
        finish_reason: string(value.get("finish_reason")),
        content_filter_results: value.get("content_filter_results").cloned().map(Box::new),
        ..Choice::default()
    }
}

fn delta(value: &Value) -> Delta<'_> {
    let mut parts = Vec::new();
    let mut content = None;
    match value.get("content") {
        Some(Value::String(text)) => content = Some(borrowed(text)),
        Some(Value::Null) | None => {}
        several => one_or_many(several).iter().for_each(|item| part(item, &mut parts)),
    }
    if content.as_ref().is_none_or(|text: &Str<'_>| text.0.is_empty()) {
        content = string(value.pointer("/audio/transcript")).or(content);
    }
    Delta {
        content,
        parts,
        reasoning_content: string(value.get("reasoning_content")),
        reasoning: match value.get("reasoning") {
            Some(Value::String(text)) => Some(borrowed(text)),
            Some(other) => Some(Str(Cow::Owned(texts(other)))),
            None => None,
        },
        refusal: string(value.get("refusal")),
        reasoning_details: Some(one_or_many(value.get("reasoning_details")).to_vec()),
        tool_calls: Some(one_or_many(value.get("tool_calls")).iter().map(call).collect()),
        function_call: value
            .get("function_call")
            .filter(|call| call.is_object())
            .map(|call| Box::new(function(call))),
        ..Delta::default()
    }
}

fn part(item: &Value, parts: &mut Vec<Part>) {
    if let Value::String(text) = item {
        push(parts, Part::Text, text.clone());
        return;
    }
    let all = |names: [&str; 4]| {
        names.iter().filter_map(|name| item.get(name)).map(texts).find(|text| !text.is_empty())
    };
    match item.get("type").and_then(Value::as_str) {
        Some("thinking" | "reasoning" | "reasoning_content") => {
            let text = all(["thinking", "summary", "text", "reasoning"]).unwrap_or_default();
            push(parts, Part::Reasoning, text);
        }
        Some("refusal") => push(parts, Part::Refusal, item.get("refusal").map(texts).unwrap_or_default()),
        Some("text" | "output_text") | None => {
            push(parts, Part::Text, item.get("text").map(texts).unwrap_or_default());
        }
        Some(_) => {}
    }
}

fn push(parts: &mut Vec<Part>, kind: impl Fn(String) -> Part, text: String) {
    if !text.is_empty() {
        parts.push(kind(text));
    }
}

/// The text of a string, or of the parts of a list.
fn texts(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(texts).collect(),
        Value::Object(members) => members.get("text").map(texts).unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

fn call(value: &Value) -> Call<'_> {
    let object = |name: &str| value.get(name).filter(|inner| inner.is_object());
    Call {
        index: value.get("index").and_then(integer),
        id: string(value.get("id")),
        function: object("function").or_else(|| object("custom")).or(Some(value)).map(function),
        custom: None,
        extra_content: value.get("extra_content").filter(|extra| !extra.is_null()).cloned().map(Box::new),
    }
}

fn function(value: &Value) -> Function<'_> {
    let arguments = match value.get("arguments").or_else(|| value.get("input")) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(Arguments(Cow::Borrowed(text))),
        Some(other) => Some(Arguments(Cow::Owned(other.to_string()))),
    };
    Function { name: string(value.get("name")), arguments }
}

/// The token counts of a chunk, wherever they are.
pub(super) fn usage(value: &Value) -> Option<RawUsage> {
    let usage = value
        .get("usage")
        .filter(|usage| usage.is_object())
        .or_else(|| value.pointer("/x_groq/usage").filter(|usage| usage.is_object()))?;
    let count = |path: &[&str]| path.iter().find_map(|path| usage.pointer(path)).and_then(count);
    Some(RawUsage {
        prompt_tokens: count(&["/prompt_tokens", "/input_tokens"]),
        completion_tokens: count(&["/completion_tokens", "/output_tokens"]),
        total_tokens: count(&["/total_tokens"]),
        prompt_tokens_details: Some(Details {
            cached_tokens: count(&[
                "/prompt_tokens_details/cached_tokens",
                "/input_tokens_details/cached_tokens",
            ]),
            reasoning_tokens: None,
        }),
        completion_tokens_details: Some(Details {
            cached_tokens: None,
            reasoning_tokens: count(&[
                "/completion_tokens_details/reasoning_tokens",
                "/output_tokens_details/reasoning_tokens",
            ]),
        }),
        cached_tokens: count(&["/prompt_cache_hit_tokens", "/cached_tokens"]),
        reasoning_tokens: count(&["/reasoning_tokens"]),
    })
}

fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            number.as_f64().filter(|count| (0.0..1e18).contains(count)).map(|count| count as u64)
        }),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|number| number as i64)),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn string(value: Option<&Value>) -> Option<Str<'_>> {
    match value? {
        Value::String(text) => Some(borrowed(text)),
        Value::Number(number) => Some(Str(Cow::Owned(number.to_string()))),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn borrowed(text: &str) -> Str<'_> {
    Str(Cow::Borrowed(text))
}

/// The words of a piece of OpenRouter's `reasoning_details`.
pub(super) fn detail_text(detail: &Value) -> Option<&str> {
    ["text", "summary"].iter().find_map(|name| detail.get(name)?.as_str()).filter(|text| !text.is_empty())
}

/// Adds a piece: those of one block of reasoning are put together, as they go back whole.
pub(super) fn join_detail(details: &mut Vec<Value>, piece: Value) {
    let same = |a: &Value, b: &Value| {
        ["type", "index", "id"].iter().all(|name| match (a.get(name), b.get(name)) {
            (Some(a), Some(b)) => a == b || (*name == "id" && (a.is_null() || b.is_null())),
            (a, b) => *name == "id" || a.is_none() == b.is_none(),
        })
    };
    let is_text = |value: &Value| {
        matches!(value.get("type").and_then(Value::as_str), Some("reasoning.text" | "reasoning.summary"))
    };
    let Some(Value::Object(last)) = details.last_mut().filter(|last| is_text(last) && same(last, &piece))
    else {
        details.push(piece);
        return;
    };
    let Value::Object(members) = piece else { return };
    for (name, value) in members {
        match (last.get_mut(&name), value) {
            (Some(Value::String(text)), Value::String(more)) if name == "text" || name == "summary" => {
                text.push_str(&more);
            }
            (Some(_), Value::Null) => {}
            (_, value) => {
                last.insert(name, value);
            }
        }
    }
}
