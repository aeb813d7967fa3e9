//! Answers over a WebSocket: one request in the first message, a message for each chunk, then the close.
//!
//! The dialect is what Inferneo's documentation describes: JSON alone in text messages, the end told by a
//! finish reason, errors as a message before a close. Bytes that are no text go as a binary message; what
//! would be a comment in a stream of events is a ping.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request as HttpRequest, State};
use axum::http::{HeaderValue, Response as HttpResponse, header};
use axum::response::Response;
use futures::{SinkExt, StreamExt};

use super::azure::in_query;
use super::faults;
use super::http::{Demo, MAX_REQUEST, line_of, wrong_method};
use super::line::Handle;
use super::play::{self, End, NORMAL, Piece, Whole};
use super::refusal::Refusal;
use super::request::Request;
use super::script::{Does, Script};
use crate::wire::emit::{Framing, Shape};

/// How long the other side is given to close, too.
const FAREWELL: Duration = Duration::from_secs(5);

/// Answers a handshake.
pub(super) async fn upgrade(State(demo): State<Arc<Demo>>, shape: Shape, request: HttpRequest) -> Response {
    let (mut parts, _) = request.into_parts();
    let uri = parts.uri.clone();
    if let Some(status) = in_query(uri.query(), "fault").and_then(faults::handshake_status) {
        return refused(&demo, status, shape);
    }
    let line = line_of(&parts);
    match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade
            .max_message_size(MAX_REQUEST)
            .max_frame_size(MAX_REQUEST)
            .on_upgrade(move |socket| serve(demo, socket, shape, line)),
        Err(_) => wrong_method(State(demo), uri).await,
    }
}

/// A handshake that is not accepted, as servers that have no WebSocket answer it.
fn refused(demo: &Demo, status: u16, shape: Shape) -> Response {
    if status == 403 {
        let mut response = HttpResponse::new(Body::empty());
        *response.status_mut() = axum::http::StatusCode::FORBIDDEN;
        return response;
    }
    let message = format!("There is no WebSocket here (the demo was told to answer {status}).");
    let mut response = Refusal::new(status, message).response(shape, demo.next_serial());
    if status == 426 {
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    response
}

async fn serve(demo: Arc<Demo>, mut socket: WebSocket, shape: Shape, line: Handle) {
    let Some(body) = first_message(&mut socket).await else { return };
    let decided = Request::parse(shape, &body, None)
        .and_then(|request| demo.decide(&request, Framing::Messages).map(|does| (request, does)));
    let (request, script) = match decided {
        Ok((request, Does::Play(script) | Does::RefuseThenPlay(_, _, script) | Does::Wrap(_, script))) => {
            (request, script)
        }
        Ok((_, Does::Refuse(refusal))) => return refuse(&mut socket, refusal).await,
        Err(refusal) => return refuse(&mut socket, &refusal).await,
    };
    let end = match request.streams() {
        true => stream(&demo, &mut socket, &request, script).await,
        false => whole(&demo, &mut socket, &request, script).await,
    };
    match end {
        Some(End::Closed(code, reason)) => close(&mut socket, code, reason).await,
        Some(End::Reset) => line.reset(),
        Some(End::Cut) | None => {}
    }
}

async fn first_message(socket: &mut WebSocket) -> Option<Bytes> {
    loop {
        match socket.recv().await? {
            Ok(Message::Text(text)) => return Some(text.into()),
            Ok(Message::Binary(bytes)) => return Some(bytes),
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(Message::Close(_)) | Err(_) => return None,
        }
    }
}

/// Plays `script`; `None` where the client went away.
async fn stream(demo: &Demo, socket: &mut WebSocket, request: &Request, script: Script) -> Option<End> {
    let pieces = play::stream(script, demo.answer(request, Framing::Messages), demo.run());
    let mut pieces = std::pin::pin!(pieces);
    loop {
        let piece = tokio::select! {
            piece = pieces.next() => piece?,
            message = socket.recv() => match message? {
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => continue,
            },
        };
        match piece {
            Piece::Bytes(bytes) => send(socket, &bytes).await?,
            Piece::End(end) => return Some(end),
        }
    }
}

async fn whole(demo: &Demo, socket: &mut WebSocket, request: &Request, script: Script) -> Option<End> {
    let running = demo.run();
    let answer = demo.answer(request, Framing::Messages);
    let made = tokio::select! {
        made = play::whole(script, &answer) => made,
        () = left(socket) => return None,
    };
    match made {
        Whole::Body(body) => {
            send(socket, &body).await?;
            Some(NORMAL)
        }
        Whole::Error(message) => {
            let refusal = Refusal::new(500, message);
            send(socket, &refusal.message()).await?;
            Some(End::Closed(refusal.close_code(), ""))
        }
        Whole::Half(end) => Some(end),
        Whole::Stall => {
            tokio::select! {
                () = running.stopped() => Some(End::Cut),
                () = left(socket) => None,
            }
        }
    }
}

/// Waits until the client goes away.
async fn left(socket: &mut WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if let Message::Close(_) = message {
            return;
        }
    }
}

/// Sends each line as a message.
async fn send(socket: &mut WebSocket, bytes: &[u8]) -> Option<()> {
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let message = match std::str::from_utf8(line) {
            Ok(text) if text.starts_with(':') => Message::Ping(Bytes::copy_from_slice(b"keep-alive")),
            Ok(text) => Message::Text(Utf8Bytes::from(text)),
            Err(_) => Message::Binary(Bytes::copy_from_slice(line)),
        };
        socket.feed(message).await.ok()?;
    }
    socket.flush().await.ok()
}

async fn refuse(socket: &mut WebSocket, refusal: &Refusal) {
    if send(socket, &refusal.message()).await.is_some() {
        close(socket, refusal.close_code(), "").await;
    }
}

/// Closes, and waits a while for the other side to do so.
async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    if socket.send(Message::Close(Some(frame))).await.is_err() {
        return;
    }
    let gone = async { while socket.recv().await.is_some_and(|message| message.is_ok()) {} };
    let _ = tokio::time::timeout(FAREWELL, gone).await;
}
