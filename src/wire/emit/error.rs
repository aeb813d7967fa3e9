//! Errors, each in the shape of its dialect.

use serde_json::json;

use super::Shape;
use super::json::json_bytes;

/// What a server says that went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiError<'a> {
    /// The HTTP status that goes with it.
    pub status: u16,
    /// What happened.
    pub message: &'a str,
    /// The sort: `invalid_request_error`, `server_error` …
    pub kind: &'a str,
    /// The member of the request that is wrong.
    pub param: Option<&'a str>,
    /// A word for programs.
    pub code: Option<&'a str>,
}

/// The body of an error answer.
pub fn error_body(shape: Shape, error: &ApiError<'_>) -> Vec<u8> {
    let ApiError { status, message, kind, param, code } = *error;
    match shape {
        Shape::Chat | Shape::Completions => json_bytes(&json!({
            "error": {"message": message, "type": kind, "param": param, "code": code},
        })),
        // The gateway's own errors have the status for a code, as a string.
        Shape::AzureInference => {
            let code = code.map_or_else(|| status.to_string(), str::to_owned);
            json_bytes(&json!({"error": {"code": code, "message": message, "target": param}}))
        }
        Shape::AzureOpenAi => {
            let code = code.map_or_else(|| status.to_string(), str::to_owned);
            let body = match param {
                Some(param) => json!({"code": code, "message": message, "type": kind, "param": param}),
                None => json!({"code": code, "message": message}),
            };
            json_bytes(&json!({"error": body}))
        }
    }
}

/// An error as a message of a WebSocket, which has no status: the code says it.
pub fn error_message(error: &ApiError<'_>) -> Vec<u8> {
    let ApiError { status, message, kind, param, code } = *error;
    let kind = code.unwrap_or(kind);
    json_bytes(&json!({"error": {"message": message, "type": kind, "param": param, "code": status}}))
}
