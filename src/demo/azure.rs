//! What Azure's front doors ask for before a model hears of a request: `api-version`, `extra-parameters`.

use axum::http::HeaderMap;
use serde_json::{Map, Value};

use super::refusal::Refusal;

/// The members that model inference knows; of others, `extra-parameters` says what becomes.
const KNOWN: &[&str] = &[
    "frequency_penalty",
    "max_tokens",
    "messages",
    "modalities",
    "model",
    "presence_penalty",
    "response_format",
    "seed",
    "stop",
    "stream",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
];

/// The value of a member of a query.
pub(super) fn in_query<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    let mut pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(there, _)| *there == name).map(|(_, value)| value)
}

/// Whether the query names a version of the interface.
pub(super) fn check_version(query: Option<&str>) -> Result<(), Refusal> {
    let Some(version) = in_query(query, "api-version").filter(|version| !version.is_empty()) else {
        return Err(Refusal::says(404, "Resource not found"));
    };
    let date = version.strip_suffix("-preview").unwrap_or(version).as_bytes();
    let is_date = date.len() == 10
        && date.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    match is_date {
        true => Ok(()),
        false => Err(Refusal::says(400, "API version not supported").code("BadRequest")),
    }
}

/// What is wrong with the members of a request for model inference.
pub(super) enum Unfit {
    Header(Refusal),
    /// A member that is not known, and its value.
    Member(String, Value),
}

/// Does with unknown members as the header `extra-parameters` says; the service's own way is to refuse.
pub(super) fn sift(headers: &HeaderMap, members: &mut Map<String, Value>) -> Result<(), Unfit> {
    let way = headers.get("extra-parameters").map_or("error", |value| value.to_str().unwrap_or_default());
    match way {
        "pass-through" => Ok(()),
        "drop" => {
            members.retain(|name, _| KNOWN.contains(&name.as_str()));
            Ok(())
        }
        "error" => match members.iter().find(|(name, _)| !KNOWN.contains(&name.as_str())) {
            Some((name, value)) => Err(Unfit::Member(name.clone(), value.clone())),
            None => Ok(()),
        },
        other => Err(Unfit::Header(Refusal::new(
            400,
            format!("extra-parameters is {other:?}; it can be error, drop or pass-through."),
        ))),
    }
}
