//! The server around the scripts: what is at which path, and answers over HTTP.
//!
//! Each dialect has the paths of its own servers; `/v1` is that of OpenAI and of most others, and a WebSocket
//! is asked for where a request would be posted. Errors have the shape of the path that they are met at.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Path, Request as HttpRequest, State};
use axum::http::request::Parts;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;

use super::azure::{self, Unfit};
use super::line::{Handle, Listener};
use super::play::{self, Answer, End, Piece, Whole};
use super::refusal::{Refusal, json};
use super::request::Request;
use super::script::{self, Does, Script};
use super::{Options, faults, socket, wrap};
use crate::wire::emit::{self, Framing, Shape};

/// Room for long texts and some images; a body takes some times its size in memory.
pub(super) const MAX_REQUEST: usize = 8 << 20;
/// When so many prompts are counted, counting begins anew.
const MAX_COUNTED: usize = 10_000;

pub(super) struct Demo {
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
    pub fn run(&self) -> Running {
        self.streams.fetch_add(1, Ordering::Relaxed);
        Running { streams: Arc::clone(&self.streams), stop: self.stop.clone() }
    }

    pub fn next_serial(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether `model` refuses this prompt once more.
    fn refuses(&self, model: &str, prompt: &str, times: u32) -> bool {
        let mut hasher = DefaultHasher::new();
        (model, prompt).hash(&mut hasher);
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= MAX_COUNTED {
            refused.clear();
        }
        let so_far = refused.entry(hasher.finish()).or_default();
        *so_far = so_far.saturating_add(1);
        *so_far <= times
    }

    /// What is done with a request that came so.
    pub fn decide(&self, request: &Request, framing: Framing) -> Result<Does, Refusal> {
        let model = named(request);
        let does = script::choose(model, request).or_else(|| faults::choose(model, request, framing));
        match does {
            Some(Does::RefuseThenPlay(refusal, times, script)) => {
                match self.refuses(model, &request.prompt(), times) {
                    true => Ok(Does::Refuse(refusal)),
                    false => Ok(Does::Play(script)),
                }
            }
            Some(does) => Ok(does),
            None => {
                let names: Vec<&str> = super::models().collect();
                let message =
                    format!("The model `{model}` does not exist. The demo has {}.", names.join(", "));
                Err(Refusal::new(404, message).code("model_not_found").param("model"))
            }
        }
    }

    /// The answer to a request, as it is named and limited.
    pub fn answer(&self, request: &Request, framing: Framing) -> Answer {
        let shape = request.shape;
        Answer {
            shape,
            framing,
            id: format!("{}demo-{:06}", shape.id_prefix(), self.next_serial()),
            created: now(),
            model: named(request).to_owned(),
            prompt_tokens: request.prompt_tokens(),
            limit: request.limit(),
            includes_usage: request.includes_usage(),
            tokens_per_second: self.options.tokens_per_second,
        }
    }
}

fn named(request: &Request) -> &str {
    request.model.strip_prefix("demo:").unwrap_or(&request.model)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

pub(super) fn router(options: Options, stop: CancellationToken) -> Router {
    let demo = Demo {
        options,
        created: now(),
        serial: AtomicU64::new(1),
        refused: Mutex::default(),
        streams: Arc::default(),
        stop,
    };
    Router::new()
        .route("/health", get(health))
        .route("/v1/models", get(models))
        .route("/v1/chat/completions", get(chat_socket).post(chat))
        .route("/v1/completions", get(text_socket).post(text))
        .route("/models/info", get(info))
        .route("/models/chat/completions", axum::routing::post(inference))
        .route("/openai/models", get(azure_models))
        .route("/openai/v1/models", get(models))
        .route("/openai/v1/chat/completions", axum::routing::post(azure_chat))
        .route("/openai/deployments/{name}/chat/completions", axum::routing::post(deployment))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(Arc::new(demo))
}

/// Where a request is answered, for who asked elsewhere.
const PATHS: [&str; 5] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/models/chat/completions",
    "/openai/deployments/NAME/chat/completions",
    "/openai/v1/chat/completions",
];

type Shared = State<Arc<Demo>>;

async fn health(State(demo): Shared) -> Response {
    let streams = demo.streams.load(Ordering::Relaxed);
    json(200, format!("{{\"status\":\"ok\",\"streams\":{streams}}}").into_bytes())
}

async fn models(State(demo): Shared) -> Response {
    json(200, emit::model_list(super::models(), "chatui", demo.created))
}

async fn info(State(demo): Shared, uri: Uri) -> Response {
    match azure::check_version(uri.query()) {
        Ok(()) => json(200, emit::model_info("chat", "chatui")),
        Err(refusal) => refusal.response(Shape::AzureInference, demo.next_serial()),
    }
}

async fn azure_models(State(demo): Shared, uri: Uri) -> Response {
    match azure::check_version(uri.query()) {
        Ok(()) => json(200, emit::openai_models(super::models(), demo.created)),
        Err(refusal) => refusal.response(Shape::AzureOpenAi, demo.next_serial()),
    }
}

/// The shape of what is said at a path.
fn shape_at(uri: &Uri) -> Shape {
    match uri.path() {
        path if path.starts_with("/models/") => Shape::AzureInference,
        path if path.starts_with("/openai/") => Shape::AzureOpenAi,
        _ => Shape::Chat,
    }
}

async fn no_such_path(State(demo): Shared, uri: Uri) -> Response {
    let message = format!("There is nothing at {}. The demo answers at {}.", uri.path(), PATHS.join(", "));
    Refusal::new(404, message).response(shape_at(&uri), demo.next_serial())
}

pub(super) async fn wrong_method(State(demo): Shared, uri: Uri) -> Response {
    let message = format!("{} is not asked with this method.", uri.path());
    Refusal::new(405, message).response(shape_at(&uri), demo.next_serial())
}

async fn chat(State(demo): Shared, request: HttpRequest) -> Response {
    posted(demo, Shape::Chat, None, request).await
}

async fn text(State(demo): Shared, request: HttpRequest) -> Response {
    posted(demo, Shape::Completions, None, request).await
}

async fn inference(State(demo): Shared, request: HttpRequest) -> Response {
    match azure::check_version(request.uri().query()) {
        Ok(()) => posted(demo, Shape::AzureInference, None, request).await,
        Err(refusal) => refusal.response(Shape::AzureInference, demo.next_serial()),
    }
}

async fn azure_chat(State(demo): Shared, request: HttpRequest) -> Response {
    posted(demo, Shape::AzureOpenAi, None, request).await
}

async fn deployment(State(demo): Shared, Path(name): Path<String>, request: HttpRequest) -> Response {
    match azure::check_version(request.uri().query()) {
        Ok(()) => posted(demo, Shape::AzureOpenAi, Some(name), request).await,
        Err(refusal) => refusal.response(Shape::AzureOpenAi, demo.next_serial()),
    }
}

async fn chat_socket(state: Shared, request: HttpRequest) -> Response {
    socket::upgrade(state, Shape::Chat, request).await
}

async fn text_socket(state: Shared, request: HttpRequest) -> Response {
    socket::upgrade(state, Shape::Completions, request).await
}

/// The way an answer goes back, and what it is to be.
pub(super) struct Way {
    pub demo: Arc<Demo>,
    pub line: Handle,
    pub uri: Uri,
    pub request: Request,
    pub streams: bool,
}

/// The handle of the connection that a request came on.
pub(super) fn line_of(parts: &Parts) -> Handle {
    parts.extensions.get().map(|ConnectInfo(line): &ConnectInfo<Handle>| line.clone()).unwrap_or_default()
}

async fn posted(demo: Arc<Demo>, shape: Shape, deployment: Option<String>, request: HttpRequest) -> Response {
    let (parts, body) = request.into_parts();
    let refuse = |refusal: Refusal| refusal.response(shape, demo.next_serial());
    let Ok(body) = to_bytes(body, MAX_REQUEST).await else {
        return refuse(Refusal::says(413, "The body is too large, or did not come whole."));
    };
    let request = match shape {
        Shape::AzureInference => match sifted(&parts, &body) {
            Ok(request) => request,
            Err(response) => return *response,
        },
        Shape::Chat | Shape::Completions | Shape::AzureOpenAi => {
            Request::parse(shape, &body, deployment.as_deref())
        }
    };
    let request = match request {
        Ok(request) => request,
        Err(refusal) => return refuse(refusal),
    };
    let does = match demo.decide(&request, Framing::Events) {
        Ok(does) => does,
        Err(refusal) => return refuse(refusal),
    };
    let (line, uri, streams) = (line_of(&parts), parts.uri, request.streams());
    match does {
        Does::Refuse(refusal) => refusal.response(shape, demo.next_serial()),
        Does::Play(script) | Does::RefuseThenPlay(_, _, script) => {
            play(&Way { demo, line, uri, request, streams }, script).await
        }
        Does::Wrap(how, script) => wrap::answer(Way { demo, line, uri, request, streams }, how, script).await,
    }
}

/// A request for model inference, without what the header says to drop.
fn sifted(parts: &Parts, body: &[u8]) -> Result<Result<Request, Refusal>, Box<Response>> {
    let shape = Shape::AzureInference;
    let Ok(mut members) = serde_json::from_slice(body) else {
        return Ok(Request::parse(shape, body, None));
    };
    match azure::sift(&parts.headers, &mut members) {
        Ok(()) => Ok(Request::of(shape, members)),
        Err(Unfit::Header(refusal)) => Ok(Err(refusal)),
        Err(Unfit::Member(name, value)) => {
            Err(Box::new(json(422, emit::parameter_not_supported(&name, &value))))
        }
    }
}

/// Answers with `script`, streamed or whole.
pub(super) async fn play(way: &Way, script: Script) -> Response {
    if way.streams {
        let head = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
        return (head, body_of(way, script)).into_response();
    }
    let running = way.demo.run();
    match play::whole(script, &way.demo.answer(&way.request, Framing::Events)).await {
        Whole::Body(body) => json(200, body),
        Whole::Error(message) => {
            Refusal::new(500, message).response(way.request.shape, way.demo.next_serial())
        }
        Whole::Half(end) => half(way, end, Bytes::from_static(BEGUN)),
        Whole::Stall => {
            let start = futures::stream::once(async { Ok(Bytes::from_static(BEGUN)) });
            let stall = futures::stream::once(async move {
                running.stopped().await;
                Err(broken("the demo stops"))
            });
            body_type(Body::from_stream(start.chain(stall)))
        }
    }
}

/// How a whole body begins that does not end.
const BEGUN: &[u8] = b"{\"id\":\"chatcmpl-demo\",\"choi";

fn body_type(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// A body that begins so, where it begins at all, and does not end as it should.
pub(super) fn half(way: &Way, end: End, begun: Bytes) -> Response {
    let is_begun = !begun.is_empty();
    let start = futures::stream::iter(is_begun.then_some(Ok(begun)));
    let line = way.line.clone();
    let then = futures::stream::once(async move {
        // Where nothing has begun, nothing is to be written before the end.
        if is_begun { Err(ended(end, &line).await) } else { Err(told(end, &line)) }
    });
    body_type(Body::from_stream(start.chain(then)))
}

/// The stream of `script` as a body.
pub(super) fn body_of(way: &Way, script: Script) -> Body {
    let answer = way.demo.answer(&way.request, Framing::Events);
    let line = way.line.clone();
    Body::from_stream(bytes_of(play::stream(script, answer, way.demo.run()), line))
}

fn bytes_of(pieces: impl Stream<Item = Piece>, line: Handle) -> impl Stream<Item = io::Result<Bytes>> {
    pieces.filter_map(move |piece| {
        let line = line.clone();
        async move {
            match piece {
                Piece::Bytes(bytes) => Some(Ok(bytes)),
                Piece::End(End::Closed(..)) => None,
                Piece::End(end) => Some(Err(ended(end, &line).await)),
            }
        }
    })
}

fn broken(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, why)
}

/// The error that closes a connection. It comes a turn late: until it has to wait, hyper may hold what
/// was written before, and an error throws that away.
async fn ended(end: End, line: &Handle) -> io::Error {
    tokio::task::yield_now().await;
    told(end, line)
}

fn told(end: End, line: &Handle) -> io::Error {
    if end == End::Reset {
        line.reset();
    }
    broken("cut on purpose")
}

/// Serves `router` on `listener` until `stop`.
pub(super) async fn serve(listener: Listener, router: Router, stop: CancellationToken) {
    let service = router.into_make_service_with_connect_info::<Handle>();
    let served = axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned());
    // Nobody is there to be told; axum's own loop does not fail.
    drop(served.await);
}
