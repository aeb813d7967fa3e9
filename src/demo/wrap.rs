//! Answers over HTTP in another wrapping than was asked for: what proxies, gateways and broken servers make
//! of a good answer.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};

use super::azure::in_query;
use super::codings::{Coder, Coding};
use super::http::{Way, body_of, half, play};
use super::play::End;
use super::refusal::json;
use super::script::{Ending, Script};

/// How an answer is wrapped.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wrap {
    /// The stream under this content type.
    Type(&'static str),
    /// Whole, asked for or not.
    Whole,
    /// A web page in its place.
    Page(u16),
    Empty,
    Coded(Coding),
    /// Coded without a header that says so.
    CodedUnsaid(Coding),
    /// A whole body, far too large.
    HugeBody,
    /// A byte at a time.
    Drip,
    /// The end of the chunked body is missing.
    Unended,
    /// To a page to log in.
    Login,
    Moved(Target),
    /// No answer and no end.
    NoHead,
    /// The connection ends so before the answer.
    First(Ending),
}

/// Where a redirect leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// To this server, which answers there.
    Here,
    Elsewhere,
    /// To where it came from.
    Round,
}

/// How large a body is that is far too large.
const HUGE: usize = 70 << 20;
const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>";
const PAGE_END: &str = "</title></head>\n<body><h1>A page of the demo</h1></body></html>\n";

/// Answers with `script`, wrapped.
pub(super) async fn answer(way: Way, wrap: Wrap, script: Script) -> Response {
    match wrap {
        Wrap::Type(name) => (([(header::CONTENT_TYPE, name)]), body_of(&way, script)).into_response(),
        Wrap::Whole => play(&Way { streams: false, ..way }, script).await,
        Wrap::Page(status) => page(status),
        Wrap::Empty => ([(header::CONTENT_TYPE, "text/event-stream")], Body::empty()).into_response(),
        Wrap::Coded(coding) => {
            let mut response = coded(play(&way, script).await, coding);
            let name = header::HeaderValue::from_static(coding.name());
            response.headers_mut().insert(header::CONTENT_ENCODING, name);
            response
        }
        Wrap::CodedUnsaid(coding) => coded(play(&way, script).await, coding),
        Wrap::HugeBody => json(200, huge_body()),
        Wrap::Drip => play(&way, script).await.map(|body| Body::from_stream(drip(body))),
        Wrap::Unended => match way.streams {
            true => play(&way, script.ending(Ending::Unended)).await,
            false => play(&way, script).await,
        },
        Wrap::Login => redirect(StatusCode::FOUND, "/login?return=chat"),
        Wrap::Moved(Target::Here) if in_query(way.uri.query(), "moved").is_some() => play(&way, script).await,
        Wrap::Moved(Target::Here) => {
            let path = way.uri.path();
            let query = way.uri.query().map(|query| format!("{query}&")).unwrap_or_default();
            redirect(StatusCode::TEMPORARY_REDIRECT, &format!("{path}?{query}moved=yes"))
        }
        Wrap::Moved(Target::Elsewhere) => {
            let url = format!("http://elsewhere.invalid{}", way.uri.path());
            redirect(StatusCode::TEMPORARY_REDIRECT, &url)
        }
        Wrap::Moved(Target::Round) => redirect(StatusCode::TEMPORARY_REDIRECT, &way.uri.to_string()),
        Wrap::NoHead => {
            let running = way.demo.run();
            running.stopped().await;
            half(&way, End::Cut, Bytes::new())
        }
        Wrap::First(Ending::Reset) => half(&way, End::Reset, Bytes::new()),
        Wrap::First(_) => half(&way, End::Cut, Bytes::new()),
    }
}

fn page(status: u16) -> Response {
    let title = if status == 200 { "Welcome to the café's network" } else { "502 Bad Gateway" };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    (status, [(header::CONTENT_TYPE, "text/html")], format!("{PAGE}{title}{PAGE_END}")).into_response()
}

fn redirect(status: StatusCode, to: &str) -> Response {
    let head = [(header::LOCATION, to), (header::CONTENT_TYPE, "text/html")];
    (status, head, format!("{PAGE}Moved{PAGE_END}")).into_response()
}

fn huge_body() -> Vec<u8> {
    let mut body =
        br#"{"id":"demo","choices":[{"index":0,"message":{"role":"assistant","content":""#.to_vec();
    body.resize(HUGE, b'x');
    body.extend_from_slice(br#""},"text":"","finish_reason":"stop"}]}"#);
    body
}

/// The body in `coding`, piece by piece.
fn coded(response: Response, coding: Coding) -> Response {
    response.map(|body| {
        let state = Some((body.into_data_stream(), Coder::new(coding)));
        Body::from_stream(stream::unfold(state, |state| async {
            let (mut body, mut coder) = state?;
            match body.next().await {
                Some(Ok(bytes)) => Some((Ok(coder.piece(&bytes)), Some((body, coder)))),
                Some(Err(error)) => Some((Err(error), None)),
                None => Some((Ok(coder.end()), None)),
            }
        }))
    })
}

/// The bytes of a body, each on its own way.
fn drip(body: Body) -> impl Stream<Item = io::Result<Bytes>> {
    let bytes = body.into_data_stream().flat_map(|piece| {
        let pieces: Vec<io::Result<Bytes>> = match piece {
            Ok(bytes) => (0..bytes.len()).map(|at| Ok(bytes.slice(at..=at))).collect(),
            Err(error) => vec![Err(io::Error::other(error))],
        };
        stream::iter(pieces)
    });
    bytes.then(|byte| async {
        // Until it has to wait, hyper gathers what there is.
        tokio::task::yield_now().await;
        byte
    })
}
