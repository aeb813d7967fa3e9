//! An answer that is an error: what it says, in the shape of the dialect it is said in.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::wire::emit::{self, ApiError, Shape};

/// An error answer. The fields are data of the tables of models, so building one is `const`.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub status: u16,
    pub kind: &'static str,
    code: Option<&'static str>,
    param: Option<&'static str>,
    pub message: Cow<'static, str>,
    wait: Wait,
}

/// How long the client is asked to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Unsaid,
    /// `Retry-After: 1`
    Seconds(u64),
    /// `Retry-After` as a date so many seconds away.
    Date(u64),
    /// `retry-after-ms`
    Milliseconds(u64),
}

/// The code of a prompt that a content filter blocked.
pub(super) const BLOCKED: &str = "content_filter";

impl Refusal {
    pub fn new(status: u16, message: impl Into<Cow<'static, str>>) -> Self {
        let kind = kind_of(status);
        Self { status, kind, code: None, param: None, message: message.into(), wait: Wait::Unsaid }
    }

    /// The same for tables.
    pub const fn says(status: u16, message: &'static str) -> Self {
        let (kind, message) = (kind_of(status), Cow::Borrowed(message));
        Self { status, kind, code: None, param: None, message, wait: Wait::Unsaid }
    }

    pub const fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    pub const fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub const fn param(mut self, param: &'static str) -> Self {
        self.param = Some(param);
        self
    }

    pub const fn wait(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }

    fn error(&self) -> ApiError<'_> {
        ApiError {
            status: self.status,
            message: &self.message,
            kind: self.kind,
            param: self.param,
            code: self.code,
        }
    }

    /// As an HTTP answer. `serial` is what its request id ends with.
    pub fn response(&self, shape: Shape, serial: u64) -> Response {
        let is_azure = matches!(shape, Shape::AzureInference | Shape::AzureOpenAi);
        let body = match self.code {
            Some(BLOCKED) if is_azure => emit::prompt_blocked(&self.message),
            _ => emit::error_body(shape, &self.error()),
        };
        let mut response = json(self.status, body);
        let headers = response.headers_mut();
        let id = if is_azure { "apim-request-id" } else { "x-request-id" };
        if let Ok(value) = HeaderValue::try_from(format!("req_demo_{serial:06}")) {
            headers.insert(HeaderName::from_static(id), value);
        }
        let wait = match self.wait {
            Wait::Unsaid => None,
            Wait::Seconds(seconds) => Some((header::RETRY_AFTER, seconds.to_string())),
            Wait::Milliseconds(ms) => Some((HeaderName::from_static("retry-after-ms"), ms.to_string())),
            Wait::Date(seconds) => {
                let then = SystemTime::now() + Duration::from_secs(seconds);
                Some((header::RETRY_AFTER, httpdate::fmt_http_date(then)))
            }
        };
        if let Some((name, value)) = wait
            && let Ok(value) = HeaderValue::try_from(value)
        {
            headers.insert(name, value);
        }
        response
    }

    /// As a WebSocket's message.
    pub fn message(&self) -> Vec<u8> {
        emit::error_message(&self.error())
    }

    /// How a WebSocket closes after it.
    pub const fn close_code(&self) -> u16 {
        match self.status {
            429 | 498 | 503 | 529 => 1013,
            500.. => 1011,
            _ => 1008,
        }
    }
}

const fn kind_of(status: u16) -> &'static str {
    if status >= 500 { "server_error" } else { "invalid_request_error" }
}

/// An answer of JSON.
pub(super) fn json(status: u16, body: Vec<u8>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
