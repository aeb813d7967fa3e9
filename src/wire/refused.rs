//! Which field of the request a server does not accept, by the words of its refusal.
//!
//! A wrong guess costs one request without a field that was welcome, or an error with its name; so
//! a field is only named where the answer both refuses something and says what.

use super::errors::Said;
use crate::chat::error::RefusedField;

/// Words that refuse a field as such, not its value. In lower case.
const REFUSALS: [&str; 16] = [
    "extra inputs are not permitted",
    "extra fields not permitted",
    "extra_forbidden",
    "unsupported parameter",
    "unsupported_parameter",
    "unsupported value",
    "unsupported_value",
    "parameter_not_supported",
    "not supported",
    "does not support",
    "unrecognized request argument",
    "unrecognized_request_argument",
    "unknown parameter",
    "unknown_parameter",
    "unknown name",
    "unknown field",
];

/// The field that the answer refuses; `message` is its whole message.
pub(super) fn refused(status: u16, message: &str, said: Option<&Said<'_>>) -> Option<RefusedField> {
    if !matches!(status, 400 | 422 | 501) {
        return None;
    }
    let lower = message.to_lowercase();
    if lower.contains("stream_options") {
        // Never the user's own: whatever is wrong with it, without it all is well.
        return Some(RefusedField::StreamOptions);
    }
    if let Some(said) = said {
        for complaint in &said.complaints {
            let forbidden = complaint.path == "n"
                || complaint.kind == "extra_forbidden"
                || refuses(&complaint.message.to_lowercase())
                || said.codes.iter().any(|code| refuses(code));
            if forbidden && !complaint.path.is_empty() {
                return Some(named(&complaint.path));
            }
        }
        let refusing = said.codes.iter().any(|code| refuses(code)) || refuses(&lower);
        if let Some(param) = said.param.filter(|param| refusing || *param == "n") {
            return Some(named(param));
        }
    }
    if lower.contains("verified to stream") || is_about_streaming(&lower) {
        return Some(RefusedField::Stream);
    }
    if is_about_n(&lower) {
        return Some(RefusedField::N);
    }
    if !refuses(&lower) {
        return None;
    }
    if lower.contains("max_completion_tokens' instead") || lower.contains("max_completion_tokens instead") {
        return Some(RefusedField::MaxTokens);
    }
    quoted_name(message).map(|name| named(&name))
}

fn refuses(text: &str) -> bool {
    REFUSALS.iter().any(|words| text.contains(words))
}

fn named(field: &str) -> RefusedField {
    match field {
        "stream_options" | "stream_options.include_usage" => RefusedField::StreamOptions,
        "max_tokens" => RefusedField::MaxTokens,
        "max_completion_tokens" => RefusedField::MaxCompletionTokens,
        "stream" => RefusedField::Stream,
        "n" => RefusedField::N,
        other => RefusedField::Other(super::errors::shorten(other, 200)),
    }
}

/// `Streaming is not supported for this model`, `this model does not support streaming`: of streaming as
/// such, not of something else while it streams.
fn is_about_streaming(lower: &str) -> bool {
    const WORDS: [&str; 7] = [
        "streaming is not supported",
        "streaming isn't supported",
        "streaming not supported",
        "streaming is not available",
        "streaming is disabled",
        "not support streaming",
        "n't support streaming",
    ];
    const OF_ALL: [&str; 10] = [
        "for this",
        "for the",
        "for model",
        "with this",
        "with the",
        "by this",
        "by the",
        "on this",
        "in this",
        "yet",
    ];
    WORDS.iter().any(|words| {
        lower.match_indices(words).any(|(at, _)| {
            let (before, after) = (lower[..at].trim_end(), lower[at + words.len()..].trim_start());
            let is_subject = words.starts_with('s');
            let of_more = is_subject && before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let ends = after.is_empty() || after.starts_with(|c: char| c.is_ascii_punctuation());
            !of_more && (ends || OF_ALL.iter().any(|words| after.starts_with(words)))
        })
    })
}

/// `'n' : number must be at most 1`, `Field 'n': Value must be between 1 <= value <= 4`, `n > 1 is not
/// supported`, `Only n = 1 is supported` …
fn is_about_n(lower: &str) -> bool {
    let quoted = ["'n'", "\"n\"", "`n`"].iter().any(|name| lower.contains(name));
    let bare = ["n > 1", "n>1", "n = 1", "n=1", "n must be 1", "n must be at most 1", "n must be equal to 1"]
        .iter()
        .any(|words| {
            lower.match_indices(words).any(|(at, _)| {
                !lower[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_')
            })
        });
    // The value is ours and a sound number, so a limit on it is below what was asked for.
    let limits = ["at most", "must be", "maximum", "less than"].iter().any(|words| lower.contains(words));
    (quoted && (refuses(lower) || limits)) || bare
}

/// The name of a field in quotes, or after a colon at the end of `Unrecognized request argument
/// supplied: top_k`.
fn quoted_name(message: &str) -> Option<String> {
    let is_name = |text: &str| {
        !text.is_empty()
            && text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
    };
    for quote in ['\'', '"', '`'] {
        let name = message.split(quote).skip(1).step_by(2).find(|text| is_name(text));
        if let Some(name) = name {
            return Some(name.to_owned());
        }
    }
    let last = message.rsplit(": ").next()?.trim().trim_end_matches('.');
    (message.contains("supplied: ") && is_name(last)).then(|| last.to_owned())
}
