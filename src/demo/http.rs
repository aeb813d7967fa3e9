//! The server around the scripts: paths, status codes, and errors in OpenAI's shape.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::Options;
use super::play::{self, Answer, Whole};
use super::request::Request;
use super::script::{self, Choice};
use crate::wire::emit::{self, ApiError};

/// Room for attached images.
const MAX_REQUEST: usize = 64 << 20;
/// How often `429` refuses a prompt.
const REFUSALS: u32 = 2;
/// When so many prompts are counted, counting begins anew.
const MAX_COUNTED: usize = 10_000;

struct Demo {
    options: Options,
    created: u64,
    serial: AtomicU64,
    refused: Mutex<HashMap<u64, u32>>,
    streams: Arc<AtomicUsize>,
    stop: CancellationToken,
}

/// That a stream runs: it is counted until this is dropped, and hears when the server stops.
pub(super) struct Running {
    streams: Arc<AtomicUsize>,
    stop: CancellationToken,
}

impl Running {
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    pub fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Demo {
    fn run(&self) -> Running {
        self.streams.fetch_add(1, Ordering::Relaxed);
        Running { streams: Arc::clone(&self.streams), stop: self.stop.clone() }
    }

    fn next_serial(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether `429` refuses this prompt once more.
    fn refuses(&self, prompt: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        prompt.hash(&mut hasher);
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= MAX_COUNTED {
            refused.clear();
        }
        let times = refused.entry(hasher.finish()).or_default();
        *times = times.saturating_add(1);
        *times <= REFUSALS
    }
}

pub(super) fn router(options: Options, stop: CancellationToken) -> Router {
    let demo = Demo {
        options,
        created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        serial: AtomicU64::new(1),
        refused: Mutex::default(),
        streams: Arc::default(),
        stop,
    };
    Router::new()
        .route("/health", get(health))
        .route("/v1/models", get(models))
        .route("/v1/chat/completions", post(chat))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(Arc::new(demo))
}

async fn health(State(demo): State<Arc<Demo>>) -> Response {
    let streams = demo.streams.load(Ordering::Relaxed);
    json(StatusCode::OK, format!("{{\"status\":\"ok\",\"streams\":{streams}}}").into_bytes())
}

async fn models(State(demo): State<Arc<Demo>>) -> Response {
    json(StatusCode::OK, emit::model_list(super::models(), "chatui", demo.created))
}

async fn no_such_path(uri: Uri) -> Response {
    let message = format!("There is nothing at {}. The demo answers at /v1/chat/completions.", uri.path());
    failure(StatusCode::NOT_FOUND, ("invalid_request_error", None), &message, None)
}

async fn wrong_method(uri: Uri) -> Response {
    let message = format!("{} is not asked with this method.", uri.path());
    failure(StatusCode::METHOD_NOT_ALLOWED, ("invalid_request_error", None), &message, None)
}

async fn chat(State(demo): State<Arc<Demo>>, body: Result<Bytes, BytesRejection>) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(error) => {
            return failure(error.status(), ("invalid_request_error", None), &error.body_text(), None);
        }
    };
    let request = match Request::parse(&body) {
        Ok(request) => request,
        Err((param, message)) => {
            return failure(StatusCode::BAD_REQUEST, ("invalid_request_error", None), &message, param);
        }
    };
    let model = request.model.strip_prefix("demo:").unwrap_or(&request.model).to_owned();
    match script::choose(&model, &request) {
        Choice::Script(script) => answer(&demo, &request, model, script).await,
        Choice::Refuse(script) => {
            if demo.refuses(&request.prompt()) {
                return rate_limited();
            }
            answer(&demo, &request, model, script).await
        }
        Choice::Broken => broken(demo.next_serial()),
        Choice::NoKey => failure(
            StatusCode::UNAUTHORIZED,
            ("invalid_request_error", Some("invalid_api_key")),
            "Incorrect API key provided. This demo model refuses every key, to show what that looks like.",
            None,
        ),
        Choice::Unknown => {
            let names: Vec<&str> = super::models().collect();
            let message = format!("The model `{model}` does not exist. The demo has {}.", names.join(", "));
            let kind = ("invalid_request_error", Some("model_not_found"));
            failure(StatusCode::NOT_FOUND, kind, &message, Some("model"))
        }
    }
}

async fn answer(demo: &Demo, request: &Request, model: String, script: script::Script) -> Response {
    let answer = Answer {
        id: format!("chatcmpl-demo-{:06}", demo.next_serial()),
        created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        model,
        prompt_tokens: request.prompt_tokens(),
        limit: request.limit(),
        includes_usage: request.includes_usage(),
        tokens_per_second: demo.options.tokens_per_second,
    };
    let running = demo.run();
    if request.stream.unwrap_or(false) {
        let head = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
        return (head, Body::from_stream(play::stream(script, answer, running))).into_response();
    }
    match play::whole(script, &answer).await {
        Whole::Body(body) => json(StatusCode::OK, body),
        Whole::Error(message) => {
            failure(StatusCode::INTERNAL_SERVER_ERROR, ("server_error", None), message, None)
        }
        Whole::Cut => half(futures::stream::once(async { Err(play::cut().await) })),
        Whole::Stall => half(futures::stream::once(async move {
            running.stopped().await;
            Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the demo stops"))
        })),
    }
}

/// A body that begins and does not end as it should.
fn half(then: impl futures::Stream<Item = io::Result<Bytes>> + Send + 'static) -> Response {
    let start = futures::stream::once(async { Ok(Bytes::from_static(b"{\"id\":\"chatcmpl-demo\",\"choi")) });
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(start.chain(then))).into_response()
}

fn rate_limited() -> Response {
    let message = "Rate limit reached: this demo model refuses each prompt twice, then answers.";
    let kind = ("requests", Some("rate_limit_exceeded"));
    let mut response = failure(StatusCode::TOO_MANY_REQUESTS, kind, message, None);
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    response
}

fn broken(serial: u64) -> Response {
    let message = "The server had an error while processing your request (this demo model always has).";
    let response =
        failure(StatusCode::INTERNAL_SERVER_ERROR, ("server_error", Some("internal_error")), message, None);
    ([("x-request-id", format!("req_demo_{serial:06}"))], response).into_response()
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn failure(
    status: StatusCode,
    (kind, code): (&str, Option<&str>),
    message: &str,
    param: Option<&str>,
) -> Response {
    json(status, emit::error_body(&ApiError { message, kind, param, code }))
}
