//! Error answers in the shapes that servers send.

use super::*;
use crate::chat::error::RefusedField;

fn of(status: u16, body: &str) -> HttpFailure {
    http_failure(status, &[], body.as_bytes(), 0)
}

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_message_is_found_in_every_shape() {
    let cases = [
        (r#"{"error":{"message":"Bad key","type":"auth","param":null,"code":null}}"#, "Bad key"),
        (r#"[{"error":{"code":400,"message":"Bad arg","status":"INVALID_ARGUMENT"}}]"#, "Bad arg"),
        (r#"{"detail":"Not Found"}"#, "Not Found"),
        (
            r#"{"detail":[{"type":"missing","loc":["body","model"],"msg":"Field required","input":{}}]}"#,
            "model: Field required",
        ),
        (r#"{"error":"model 'x' not found"}"#, "model 'x' not found"),
        (r#"{"object":"error","message":"too long","type":"BadRequestError","code":400}"#, "too long"),
        (r#"{"object":"error","message":{"detail":"no such"},"code":422}"#, "no such"),
        (
            r#"{"object":"error","message":{"detail":[{"loc":["body","n"],"msg":"too many","type":"value_error"}]}}"#,
            "n: too many",
        ),
        (r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, "Overloaded"),
        (r#"{"success":false,"error":{"message":"no"}}"#, "no"),
        (
            r#"{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}}"#,
            "Access denied due to invalid subscription key or wrong API endpoint.",
        ),
        (
            r#"{"status":422,"code":"parameter_not_supported","detail":{"loc":["body","seed"],"input":1},"message":"One of the parameters contain invalid values."}"#,
            "One of the parameters contain invalid values. (seed)",
        ),
        (
            r#"{"error":{"code":"Invalid input","status":422,"message":"invalid input error","details":[{"type":"extra_forbidden","loc":["body","top_k"],"msg":"Extra inputs are not permitted"}]}}"#,
            "invalid input error (top_k)",
        ),
        (
            r#"{"error":{"code":"unknown_model","message":"Unknown model: m","details":"Unknown model: m"}}"#,
            "Unknown model: m",
        ),
        (
            r#"{"error":{"code":502,"message":"Provider returned error","metadata":{"provider_name":"P","raw":"{\"error\":{\"message\":\"GPU on fire\"}}"}}}"#,
            "Provider returned error (cause: GPU on fire)",
        ),
        (r#"{"error":{"message":"is wrong","param":"seed"}}"#, "is wrong (parameter: seed)"),
        (
            r#"{"error":{"code":"content_filter","message":"Blocked.","param":"prompt","innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":false},"self_harm":{"filtered":true,"severity":"high"}}}}}"#,
            "Blocked. (parameter: prompt) (blocked: self harm)",
        ),
        (r#"{"weird":1}"#, r#"{"weird":1}"#),
        ("upstream connect error", "upstream connect error"),
        ("<html><head><title>502 Bad\n Gateway</title></head><body>x", "a web page: 502 Bad Gateway"),
        ("<!DOCTYPE html><p>secret portal", "a web page without a title"),
        ("data: {\"error\":{\"message\":\"as a stream\"}}\n\n", "as a stream"),
        ("", ""),
    ];
    for (body, want) in cases {
        assert_eq!(of(400, body).message, want, "{body}");
    }
}

#[test]
fn messages_are_bounded() {
    let body = format!(r#"{{"error":{{"message":"{}"}}}}"#, "ä".repeat(100_000));
    assert_eq!(of(500, &body).message.chars().count(), MESSAGE_CHARS + 1);
    assert_eq!(of(500, &"x".repeat(100_000)).message.chars().count(), MESSAGE_CHARS + 1);
}

#[test]
fn codes_and_quotas() {
    let cases = [
        (
            429,
            r#"{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}"#,
            "insufficient_quota",
            true,
        ),
        (
            429,
            r#"{"error":{"message":"m","type":"tokens","code":"rate_limit_exceeded"}}"#,
            "rate_limit_exceeded",
            false,
        ),
        (429, r#"{"error":{"message":"m","type":"insufficient_quota","code":"other"}}"#, "other", true),
        (402, r#"{"error":{"message":"m","code":402,"type":"x"}}"#, "x", true),
        (404, r#"{"error":{"message":"Resource not found","code":"404","type":"gone"}}"#, "gone", false),
        (
            400,
            r#"[{"error":{"message":"m","code":400,"status":"INVALID_ARGUMENT"}}]"#,
            "INVALID_ARGUMENT",
            false,
        ),
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#,
            "overloaded_error",
            false,
        ),
        (422, r#"{"detail":[{"type":"missing","loc":["body"],"msg":"m"}]}"#, "missing", false),
    ];
    for (status, body, code, quota) in cases {
        let failure = of(status, body);
        assert_eq!((failure.code.as_deref(), failure.quota), (Some(code), quota), "{body}");
    }
}

#[test]
fn the_wait_is_read_from_every_header() {
    let wait = |pairs: &[(&str, &str)], now| {
        http_failure(429, &headers(pairs), b"", now).retry_after.map(|wait| wait.as_millis())
    };
    assert_eq!(wait(&[("retry-after", "2")], 0), Some(2000));
    assert_eq!(wait(&[("retry-after", "0.25")], 0), Some(250));
    assert_eq!(wait(&[("retry-after", "9"), ("retry-after-ms", "12.5")], 0), Some(12));
    assert_eq!(wait(&[("x-ms-retry-after-ms", "40"), ("retry-after", "9")], 0), Some(40));
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    assert_eq!(wait(&[("retry-after", date)], 784_111_777_000 - 3000), Some(3000));
    assert_eq!(wait(&[("retry-after", date)], 784_111_777_000 + 3000), Some(0));
    // By the server's clock, whatever this machine's says.
    let servers = ("date", "Sun, 06 Nov 1994 08:49:32 GMT");
    assert_eq!(wait(&[("retry-after", date), servers], 0), Some(5000));
    assert_eq!(wait(&[("retry-after", date), ("date", "today")], 784_111_777_000 - 3000), Some(3000));
    for odd in ["soon", "-1", "NaN", "1e400", "", "99999999999999999999999999"] {
        assert_eq!(wait(&[("retry-after", odd)], 0), None, "{odd}");
    }
}

#[test]
fn further_headers() {
    let failure = http_failure(
        429,
        &headers(&[("x-should-retry", "false"), ("cf-ray", "c"), ("x-request-id", "r"), ("location", "/x")]),
        b"{\"request_id\":\"body\"}",
        0,
    );
    assert_eq!(failure.should_retry, Some(false));
    assert_eq!(failure.request_id.as_deref(), Some("r"));
    assert_eq!(failure.location.as_deref(), Some("/x"));
    assert_eq!(of(400, r#"{"request_id":"body","error":{}}"#).request_id.as_deref(), Some("body"));
}

#[test]
fn refused_fields_are_named() {
    let cases = [
        (
            400,
            r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}"#,
            Some(RefusedField::MaxTokens),
        ),
        (
            400,
            r#"{"error":{"message":"'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}"#,
            Some(RefusedField::MaxTokens),
        ),
        (
            422,
            r#"{"detail":[{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted"}]}"#,
            Some(RefusedField::MaxCompletionTokens),
        ),
        (
            422,
            r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted","input":5}]},"type":"invalid_request_error"}"#,
            Some(RefusedField::MaxCompletionTokens),
        ),
        (
            400,
            r#"{"error":{"message":"Extra inputs are not permitted, field: 'stream_options'"}}"#,
            Some(RefusedField::StreamOptions),
        ),
        (
            400,
            r#"{"error":{"message":"Validation error at #/stream_options: no"}}"#,
            Some(RefusedField::StreamOptions),
        ),
        (
            422,
            r#"{"status":422,"code":"parameter_not_supported","detail":{"loc":["body","stream_options"],"input":{}},"message":"One of the parameters contain invalid values."}"#,
            Some(RefusedField::StreamOptions),
        ),
        (
            400,
            r#"{"error":{"message":"Your organization must be verified to stream this model.","param":"stream","code":"unsupported_value"}}"#,
            Some(RefusedField::Stream),
        ),
        (
            400,
            r#"{"error":{"message":"'n' : number must be at most 1","type":"invalid_request_error"}}"#,
            Some(RefusedField::N),
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"Field 'n': Value must be between 1 <= value <= 4, but got 9","type":"invalid_request_error"}}"#,
            Some(RefusedField::N),
        ),
        (
            422,
            r#"{"detail":[{"type":"less_than_equal","loc":["body","n"],"msg":"Input should be less than or equal to 1"}]}"#,
            Some(RefusedField::N),
        ),
        (
            422,
            r#"{"detail":[{"type":"extra_forbidden","loc":["body","n"],"msg":"Extra inputs are not permitted"}]}"#,
            Some(RefusedField::N),
        ),
        (
            400,
            r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0.5 with this model.","param":"temperature","code":"unsupported_value"}}"#,
            Some(RefusedField::Other("temperature".into())),
        ),
        (
            400,
            r#"[{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"seed\": Cannot find field."}}]"#,
            Some(RefusedField::Other("seed".into())),
        ),
        (
            400,
            r#"{"error":{"message":"Unrecognized request argument supplied: top_k"}}"#,
            Some(RefusedField::Other("top_k".into())),
        ),
        (
            422,
            r#"{"detail":[{"type":"extra_forbidden","loc":["body","messages",1,"assistant","reasoning_content"],"msg":"Extra inputs are not permitted"}]}"#,
            Some(RefusedField::Other("messages.1.assistant.reasoning_content".into())),
        ),
        (
            422,
            r#"{"status":422,"code":"parameter_not_supported","detail":{"loc":["body","n"],"input":2},"message":"One of the parameters contain invalid values."}"#,
            Some(RefusedField::N),
        ),
        (400, r#"{"error":{"message":"Only n = 1 is supported"}}"#, Some(RefusedField::N)),
        (
            422,
            r#"{"error":{"code":"Invalid input","status":422,"message":"invalid input error","details":[{"type":"extra_forbidden","loc":["body","top_k"],"msg":"Extra inputs are not permitted"}]}}"#,
            Some(RefusedField::Other("top_k".into())),
        ),
        (
            422,
            r#"{"error":{"code":"Extra inputs are not permitted","message":"","details":[{"loc":["body","n"],"msg":"extra_forbidden","input":2}]}}"#,
            Some(RefusedField::N),
        ),
        (
            400,
            r#"{"error":{"message":"Streaming is not supported for this model.","param":null,"code":null}}"#,
            Some(RefusedField::Stream),
        ),
        (
            400,
            r#"{"error":{"message":"This model does not support streaming."}}"#,
            Some(RefusedField::Stream),
        ),
        (400, r#"{"detail":"Streaming not supported"}"#, Some(RefusedField::Stream)),
        // Something else, while it streams.
        (400, r#"{"error":{"message":"Streaming is not supported with tools."}}"#, None),
        (400, r#"{"error":{"message":"The model does not support streaming tool calls."}}"#, None),
        (400, r#"{"error":{"message":"Audio streaming is not supported here."}}"#, None),
        // The value is wrong, not the field.
        (
            400,
            r#"{"error":{"message":"max_tokens is too large: 9000","param":"max_tokens","code":"invalid_value"}}"#,
            None,
        ),
        (400, r#"{"error":{"message":"context is 4096 tokens","code":"context_length_exceeded"}}"#, None),
        (429, r#"{"error":{"message":"stream_options"}}"#, None),
    ];
    for (status, body, want) in cases {
        assert_eq!(of(status, body).refused, want, "{body}");
    }
}

#[test]
fn errors_in_band_keep_their_code() {
    let value =
        serde_json::json!({"error": {"code": 503, "message": "loading", "type": "unavailable_error"}});
    let error = server_error(&value);
    assert_eq!((error.status, error.code.as_deref()), (Some(503), Some("unavailable_error")));
    assert_eq!(error.message, "loading");
    assert_eq!(server_error(&serde_json::json!("boom")).message, "boom");
    for none in [serde_json::json!(null), serde_json::json!(false), serde_json::json!({})] {
        assert!(!is_error(&none), "{none}");
    }
}

#[test]
fn no_body_panics() {
    let odd = [
        "[",
        "[]",
        "{}",
        "null",
        "[[[]]]",
        r#"{"error":[1]}"#,
        r#"{"error":{"message":{}}}"#,
        "<title",
        "<title>",
        "<title>x",
        "data:",
        "\u{feff}{}",
        r#"{"detail":[{"loc":5}]}"#,
        "'n'",
        "'",
    ];
    for body in odd {
        for status in [0, 400, 422, 500, 999] {
            let _ = of(status, body);
        }
    }
    let _ = http_failure(400, &[], &[0xff, 0xfe, b'<', 0xc3], 0);
}
