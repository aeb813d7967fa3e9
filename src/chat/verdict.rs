//! What a content filter says of an answer, put in words.
//!
//! Servers that filter send a verdict for each category (`violence`, `hate`, …), some again and again while
//! the answer streams. The last word on a category counts. Where all is safe there is nothing to say.
//! Names and levels come from the server: of each only letters, digits and a few signs are kept, and the
//! line is short, whatever comes.

use serde_json::Value;

use super::message::{Message, Part};
use super::stream::AnnotationKind;

/// The most categories that are kept, and the most that are named.
const MAX_CATEGORIES: usize = 64;
const MAX_NAMED: usize = 8;
/// The most characters of a name.
const MAX_NAME: usize = 40;

/// What there is to say of a filter's verdicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// One line: `filter (prompt): jailbreak detected`, `filter: violence medium, hate low`, or with what was
    /// cut first: `filter: violence (cut), hate low`.
    pub line: String,
    /// Something was taken out, or the answer was ended.
    pub is_filtered: bool,
}

/// What there is to say of the verdicts on `message`, those on its prompt first; nothing where all is safe or
/// nothing was filtered.
pub fn of(message: &Message) -> Vec<Verdict> {
    let told = |wanted: AnnotationKind, name: &str| {
        message.parts.iter().find_map(|part| match part {
            Part::Annotation { kind, data } if *kind == wanted => told(name, data),
            _ => None,
        })
    };
    let prompt = told(AnnotationKind::PromptFilter, "filter (prompt)");
    prompt.into_iter().chain(told(AnnotationKind::Filter, "filter")).collect()
}

fn told(name_of_it: &str, verdicts: &Value) -> Option<Verdict> {
    let categories = verdicts.as_object()?;
    let mut filtered = Vec::new();
    let mut found = Vec::new();
    for (name, verdict) in categories.iter().take(MAX_CATEGORIES) {
        let name = words(name);
        match Level::of(verdict) {
            Level::Safe => {}
            Level::Filtered => filtered.push(format!("{name} (cut)")),
            Level::Found(_) if name == "error" => found.push("not checked".to_owned()),
            Level::Found(level) => found.push(format!("{name} {level}")),
        }
    }
    let is_filtered = !filtered.is_empty();
    let mut named = [filtered, found].concat();
    if named.is_empty() {
        return None;
    }
    let more = named.len().saturating_sub(MAX_NAMED);
    named.truncate(MAX_NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(Verdict { line: format!("{name_of_it}: {}{rest}", named.join(", ")), is_filtered })
}

/// Lays a later verdict over an earlier one.
pub(super) fn lay_over(earlier: &mut Value, later: &Value) {
    let (Value::Object(known), Value::Object(new)) = (&mut *earlier, later) else {
        earlier.clone_from(later);
        return;
    };
    for (name, verdict) in new {
        if known.len() < MAX_CATEGORIES || known.contains_key(name) {
            known.insert(name.clone(), verdict.clone());
        }
    }
}

enum Level {
    Safe,
    /// In the server's word.
    Found(String),
    Filtered,
}

impl Level {
    fn of(verdict: &Value) -> Self {
        let is = |name: &str| verdict.get(name) == Some(&Value::Bool(true));
        if is("filtered") {
            return Level::Filtered;
        }
        // A list of verdicts: of lists of words, for one.
        if let Value::Array(items) = verdict {
            let any = items.iter().any(|item| matches!(Level::of(item), Level::Filtered));
            return if any { Level::Filtered } else { Level::Safe };
        }
        match verdict.get("severity").and_then(Value::as_str) {
            Some("safe") | None if is("detected") => Level::Found("detected".to_owned()),
            Some("safe") => Level::Safe,
            Some(level) => Level::Found(words(level)),
            // The filter itself failed.
            None if verdict.get("message").or_else(|| verdict.get("code")).is_some() => {
                Level::Found("not checked".to_owned())
            }
            None => Level::Safe,
        }
    }
}

fn words(name: &str) -> String {
    let known = |c: char| if c == '_' { ' ' } else { c };
    let name: String = name
        .chars()
        .map(known)
        .filter(|c| c.is_ascii_alphanumeric() || " -.".contains(*c))
        .take(MAX_NAME)
        .collect();
    if name.is_empty() { "?".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::Id;
    use crate::chat::{StreamEvent, Timestamp};

    fn said(verdicts: &[Value]) -> Option<(String, bool)> {
        let mut message = Message::answer(Id::from_bits(1), None, "az:m", 0, Timestamp(0));
        for (i, data) in verdicts.iter().enumerate() {
            message.apply(&StreamEvent::Text { choice: 0, delta: format!("{i} ") });
            let kind = AnnotationKind::Filter;
            message.apply(&StreamEvent::Annotation { choice: 0, kind, data: data.clone() });
        }
        assert_eq!(message.parts.len(), 2, "one text and one verdict, whatever comes between");
        let said = of(&message);
        assert!(said.len() < 2, "{said:?}");
        said.into_iter().next().map(|verdict| (verdict.line, verdict.is_filtered))
    }

    #[test]
    fn what_is_not_safe_is_named() {
        let safe = json!({"hate": {"filtered": false, "severity": "safe"}, "jailbreak": {"filtered": false, "detected": false}});
        assert_eq!(said(&[safe]), None);
        let found = json!({"violence": {"filtered": false, "severity": "medium"}, "self_harm": {"filtered": false, "severity": "low"},
            "protected_material_text": {"filtered": false, "detected": true}});
        let line = "filter: violence medium, self harm low, protected material text detected";
        assert_eq!(said(&[found]), Some((line.into(), false)));
        let cut = json!({"violence": {"filtered": true, "severity": "high"}, "hate": {"filtered": false, "severity": "low"},
            "custom_blocklists": [{"filtered": true, "id": "words"}]});
        assert_eq!(
            said(&[cut]),
            Some(("filter: violence (cut), custom blocklists (cut), hate low".into(), true))
        );
        let failed =
            json!({"error": {"code": "content_filter_error", "message": "The contents are not filtered"}});
        assert_eq!(said(&[failed]), Some(("filter: not checked".into(), false)));
    }

    #[test]
    fn the_prompts_verdicts_are_told_apart_from_the_answers() {
        let mut message = Message::answer(Id::from_bits(1), None, "az:m", 0, Timestamp(0));
        let detected = |name: &str| json!({name: {"filtered": false, "detected": true}});
        for (kind, data) in [
            (AnnotationKind::PromptFilter, detected("jailbreak")),
            (AnnotationKind::PromptFilter, json!({"violence": {"filtered": false, "severity": "safe"}})),
            (AnnotationKind::Filter, json!({"violence": {"filtered": true, "severity": "high"}})),
            (AnnotationKind::Filter, detected("protected_material_code")),
        ] {
            message.apply(&StreamEvent::Annotation { choice: 0, kind, data });
        }
        let lines: Vec<_> = of(&message).into_iter().map(|said| (said.line, said.is_filtered)).collect();
        let answer = "filter: violence (cut), protected material code detected";
        assert_eq!(lines, [("filter (prompt): jailbreak detected".into(), false), (answer.into(), true)]);
    }

    #[test]
    fn the_last_word_on_a_category_counts() {
        let low = json!({"hate": {"severity": "low"}, "sexual": {"severity": "low"}});
        let safe = json!({"hate": {"severity": "safe"}});
        assert_eq!(said(&[low.clone(), safe]), Some(("filter: sexual low".into(), false)));
        assert_eq!(said(&[low, json!(7)]), None);
    }

    #[test]
    fn a_hostile_verdict_makes_a_short_line_of_plain_characters() {
        let many: serde_json::Map<String, Value> = (0..1000)
            .map(|i| (format!("\u{1b}[31m{i}{}", "x".repeat(500)), json!({"severity": "\u{7}high\n"})))
            .collect();
        let (line, _) = said(&[Value::Object(many)]).unwrap();
        assert!(line.len() < 500 && line.chars().all(|c| !c.is_control()), "{line}");
        assert!(line.ends_with(" and 56 more"), "{line}");
    }
}
