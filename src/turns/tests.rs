//! A turn over real sockets and a real store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::Receiver;

use super::{SavePlan, Services, Source, TurnBatch, TurnJob, start};
use crate::base::{Id, IdSource, Secret, Secrets};
use crate::chat::jobs::{StoreJob, StoreReply, WhichSession};
use crate::chat::provider::KeyFrom;
use crate::chat::request::{ChatRequest, Params};
use crate::chat::turn::{TurnDone, TurnPlan};
use crate::chat::{
    Dialect, ErrorKind, Message, MessageState, Outcome, Provider, Session, SessionKind, StreamEvent,
    Timestamp, TurnEvent,
};
use crate::store::Store;
use crate::{demo, net};

mod secrets;
mod websocket;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
const END: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

fn delta(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
}

/// A server whose connections the test speaks for.
struct Server {
    listener: TcpListener,
}

impl Server {
    async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn provider(&self) -> Provider {
        Provider {
            key: Some(Secret::new("sk-very-secret")),
            needs_key: true,
            key_source: "LAB_KEY".into(),
            ..Provider::new(
                "lab",
                Dialect::OpenAiChat,
                format!("http://{}/v1", self.listener.local_addr().unwrap()),
            )
        }
    }

    /// The next connection, and the body of its request.
    async fn accept(&self) -> (TcpStream, String) {
        let (stream, request) = self.accept_all().await;
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        (stream, body.into())
    }

    /// The next connection, and its whole request.
    async fn accept_all(&self) -> (TcpStream, String) {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let mut seen = Vec::new();
        loop {
            assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0, "the request is whole");
            let text = String::from_utf8_lossy(&seen).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.to_lowercase();
            let length = length.split("content-length: ").nth(1).unwrap();
            if body.len() >= length.lines().next().unwrap().trim().parse().unwrap() {
                return (stream, text);
            }
        }
    }
}

async fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}

async fn refuse(stream: &mut TcpStream, status: &str, body: &str) {
    let length = body.len();
    say(stream, &format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")).await;
}

fn services(store: Option<Store>) -> Services {
    Services::new(net::Client::default(), store, demo::Options::default())
}

fn job(provider: Provider) -> TurnJob {
    let user = Message::user(Id::from_bits(1), None, "hello", Timestamp(1));
    let request = ChatRequest {
        model: "m".into(),
        system: String::new(),
        messages: vec![user],
        params: Params::default(),
        stream: true,
    };
    let mut plan = TurnPlan::new(Arc::new(request), &provider, 1);
    plan.retry.base = Duration::from_millis(1);
    let mut secrets = Secrets::default();
    provider.key.iter().for_each(|key| secrets.add(key));
    TurnJob {
        plan,
        provider: Arc::new(provider),
        secrets: Arc::new(secrets),
        save: None,
        source: Source::Server,
    }
}

fn save_plan() -> SavePlan {
    let mut ids = IdSource::new(9);
    let session = Session {
        id: ids.next_id(),
        kind: SessionKind::Chat,
        title: "hello".into(),
        model: "lab:m".into(),
        system: String::new(),
        params: Params::default(),
        created: Timestamp(1),
        updated: Timestamp(1),
    };
    let prompt = Message::user(ids.next_id(), None, "hello", Timestamp(1));
    let answer = Message::answer(ids.next_id(), Some(prompt.id), "lab:m", 0, Timestamp(2));
    SavePlan { session, prompt: vec![prompt], answers: vec![answer] }
}

async fn rest(batches: &mut Receiver<TurnBatch>) -> (Vec<TurnEvent>, bool) {
    let (mut events, mut saved) = (Vec::new(), false);
    while let Some(batch) = batches.recv().await {
        events.extend(batch.events);
        saved = batch.saved;
    }
    (events, saved)
}

fn done(events: &[TurnEvent]) -> &TurnDone {
    match events.last() {
        Some(TurnEvent::Done(done)) => done,
        other => panic!("Done comes last, not {other:?}"),
    }
}

fn text(events: &[TurnEvent]) -> String {
    let texts = events.iter().filter_map(|event| match event {
        TurnEvent::Stream(StreamEvent::Text { delta, .. }) => Some(delta.as_str()),
        _ => None,
    });
    texts.collect()
}

/// Reads until the turn has said this much text.
async fn until_text(batches: &mut Receiver<TurnBatch>, wanted: &str) {
    let mut events = Vec::new();
    while !text(&events).contains(wanted) {
        events.extend(batches.recv().await.expect("the turn goes on").events);
    }
}

async fn saved_answer(store: &Store) -> Option<Message> {
    match store.call(StoreJob::Load(WhichSession::Newest(None))).await {
        StoreReply::Loaded(loaded) => loaded.messages.into_iter().last(),
        _ => None,
    }
}

/// Asks the store until the saved answer is as wanted.
async fn until_saved(store: &Store, wanted: impl Fn(&Message) -> bool) -> Message {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(answer) = saved_answer(store).await.filter(&wanted) {
            return answer;
        }
        assert!(Instant::now() < deadline, "saved: {:?}", saved_answer(store).await);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn without_a_key_nothing_is_sent_and_the_turn_says_where_it_is_looked_for() {
    let server = Server::start().await;
    let job = job(Provider { key: None, ..server.provider() });
    let (_handle, mut batches) = start(job, &services(None));
    let (events, saved) = rest(&mut batches).await;
    assert!(!saved);
    match &events[..] {
        [TurnEvent::Error(error), TurnEvent::Done(_)] => {
            assert_eq!(error.kind, ErrorKind::Auth);
            assert!(error.message.contains("LAB_KEY"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_answer_streams_and_is_saved_with_its_end() {
    let (server, dir) = (Server::start().await, tempfile::tempdir().unwrap());
    let store = Store::open(dir.path());
    let mut job = job(server.provider());
    job.save = Some(save_plan());
    let (_handle, mut batches) = start(job, &services(Some(store.clone())));
    let (mut stream, body) = server.accept().await;
    assert!(body.contains("hello"));
    let before = saved_answer(&store).await.expect("the turn is on disk before it is sent");
    assert_eq!(before.state, MessageState::Streaming);
    say(&mut stream, &format!("{HEAD}{}{}{END}", delta("one "), delta("two"))).await;
    let (events, saved) = rest(&mut batches).await;
    assert!(saved);
    assert_eq!((text(&events).as_str(), done(&events).outcome), ("one two", Outcome::Complete));
    assert!(done(&events).metrics.ttft_ms.is_some());
    let answer = saved_answer(&store).await.unwrap();
    assert_eq!((answer.text().as_str(), answer.state), ("one two", MessageState::Complete));
    assert!(answer.finish.is_some() && answer.metrics.is_some());
}

/// What a decoder holds back (half a tag that may begin reasoning) came too.
#[tokio::test]
async fn what_was_held_back_of_a_dropped_answer_is_kept() {
    let held = |job: TurnJob, server: Server| async move {
        let (handle, mut batches) = start(job, &services(None));
        let (mut stream, _) = server.accept().await;
        say(&mut stream, &format!("{HEAD}{}", delta("<th"))).await;
        (handle, batches.recv().await.unwrap(), batches, stream)
    };
    let server = Server::start().await;
    let job_of_it = job(server.provider());
    let (handle, first, mut batches, _stream) = held(job_of_it, server).await;
    // The wait is for the answer's first event, which its chunk gives though its text is held.
    let mut events = first.events;
    while !events.iter().any(|e| matches!(e, TurnEvent::Stream(StreamEvent::Start { .. }))) {
        events.extend(batches.recv().await.unwrap().events);
    }
    handle.cancel();
    let (more, _) = rest(&mut batches).await;
    assert_eq!((text(&more).as_str(), done(&more).outcome), ("<th", Outcome::Cancelled));

    let server = Server::start().await;
    let mut job_of_it = job(server.provider());
    job_of_it.plan.timeouts.chunk = Duration::from_millis(50);
    let (_handle, first, mut batches, _stream) = held(job_of_it, server).await;
    let (more, _) = rest(&mut batches).await;
    let events: Vec<TurnEvent> = first.events.into_iter().chain(more).collect();
    assert_eq!((text(&events).as_str(), done(&events).outcome), ("<th", Outcome::Failed));
}

#[tokio::test]
async fn text_is_saved_while_the_stream_stands_still() {
    let (server, dir) = (Server::start().await, tempfile::tempdir().unwrap());
    let store = Store::open(dir.path());
    let mut job = job(server.provider());
    job.save = Some(save_plan());
    let (_handle, mut batches) = start(job, &services(Some(store.clone())));
    let (mut stream, _) = server.accept().await;
    say(&mut stream, &format!("{HEAD}{}", delta("half"))).await;
    until_text(&mut batches, "half").await;
    let answer = until_saved(&store, |answer| answer.text() == "half").await;
    assert_eq!(answer.state, MessageState::Streaming);
}

#[tokio::test]
async fn cancelling_closes_the_connection_at_once_and_keeps_what_came() {
    let (server, dir) = (Server::start().await, tempfile::tempdir().unwrap());
    let store = Store::open(dir.path());
    let mut job = job(server.provider());
    job.save = Some(save_plan());
    let (handle, mut batches) = start(job, &services(Some(store.clone())));
    let (mut stream, _) = server.accept().await;
    say(&mut stream, &format!("{HEAD}{}", delta("half"))).await;
    until_text(&mut batches, "half").await;

    handle.cancel();
    let mut byte = [0];
    // It takes less than 100 ms on a machine that has time. The server never ends, and nothing else would
    // close the connection so soon.
    let closed = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut byte)).await;
    assert!(matches!(closed.expect("the connection closes"), Ok(0) | Err(_)));

    let (events, saved) = rest(&mut batches).await;
    assert_eq!((done(&events).outcome, saved), (Outcome::Cancelled, true));
    let answer = saved_answer(&store).await.unwrap();
    assert_eq!((answer.text().as_str(), answer.state), ("half", MessageState::Cancelled));
}

#[tokio::test]
async fn a_reader_that_goes_away_stops_the_turn_and_it_is_saved_all_the_same() {
    let (server, dir) = (Server::start().await, tempfile::tempdir().unwrap());
    let store = Store::open(dir.path());
    let mut job = job(server.provider());
    job.save = Some(save_plan());
    let (_handle, mut batches) = start(job, &services(Some(store.clone())));
    let (mut stream, _) = server.accept().await;
    say(&mut stream, &format!("{HEAD}{}", delta("half"))).await;
    until_text(&mut batches, "half").await;
    drop(batches);
    let answer = until_saved(&store, |answer| answer.state == MessageState::Cancelled).await;
    assert_eq!(answer.text(), "half");
    let mut byte = [0];
    assert!(matches!(stream.read(&mut byte).await, Ok(0) | Err(_)), "the connection closes");
}

#[tokio::test]
async fn cancelling_ends_a_turn_whose_reader_does_not_read() {
    let server = Server::start().await;
    let (handle, mut batches) = start(job(server.provider()), &services(None));
    let (mut stream, _) = server.accept().await;
    // The reader does not read, so at last the server cannot write.
    let piece = format!("{}{}", HEAD, delta("word ").repeat(2000));
    let piece = piece.as_bytes();
    let mut written = 0usize;
    while let Ok(Ok(n)) = tokio::time::timeout(Duration::from_millis(300), stream.write(piece)).await {
        written += n;
        assert!(written < 1 << 30, "a slow reader slows the server down");
    }
    handle.cancel();
    let mut byte = [0];
    assert!(matches!(stream.read(&mut byte).await, Ok(0) | Err(_)), "the connection closes");
    let (events, _) = rest(&mut batches).await;
    assert_eq!(done(&events).outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn a_connection_lost_before_the_first_event_is_tried_again() {
    let server = Server::start().await;
    let (_handle, mut batches) = start(job(server.provider()), &services(None));
    let (stream, _) = server.accept().await;
    drop(stream);
    let (mut stream, _) = server.accept().await;
    say(&mut stream, &format!("{HEAD}{}{END}", delta("hi"))).await;
    let (events, _) = rest(&mut batches).await;
    assert_eq!((text(&events).as_str(), done(&events).metrics.attempts), ("hi", 2));
    assert!(events.iter().any(|event| matches!(event, TurnEvent::Retry { attempt: 1, .. })));
}

async fn answer_without_stream_options(server: &Server, batches: &mut Receiver<TurnBatch>) {
    let (mut stream, body) = server.accept().await;
    assert!(!body.contains("stream_options"), "{body}");
    say(&mut stream, &format!("{HEAD}{}{END}", delta("hi"))).await;
    let (events, _) = rest(batches).await;
    assert_eq!(done(&events).outcome, Outcome::Complete);
}

#[tokio::test]
async fn what_an_endpoint_refuses_is_remembered_for_the_next_turn() {
    let server = Server::start().await;
    let services = services(None);
    let (_handle, mut batches) = start(job(server.provider()), &services);
    let (mut stream, body) = server.accept().await;
    assert!(body.contains("stream_options"));
    let words = r#"{"error":{"message":"Extra inputs are not permitted, field: 'stream_options'"}}"#;
    refuse(&mut stream, "400 Bad Request", words).await;
    answer_without_stream_options(&server, &mut batches).await;
    let (_handle, mut batches) = start(job(server.provider()), &services);
    answer_without_stream_options(&server, &mut batches).await;
}

#[tokio::test]
async fn a_secret_in_a_servers_text_is_not_seen() {
    let server = Server::start().await;
    let (_handle, mut batches) = start(job(server.provider()), &services(None));
    let (mut stream, _) = server.accept().await;
    refuse(&mut stream, "401 Unauthorized", r#"{"error":{"message":"wrong key sk-very-secret"}}"#).await;
    let (events, _) = rest(&mut batches).await;
    let shown = format!("{events:?}");
    assert!(shown.contains("wrong key ***") && !shown.contains("sk-very-secret"), "{shown}");
}

#[tokio::test]
async fn where_the_store_fails_the_turn_goes_on_and_says_so() {
    let (server, dir) = (Server::start().await, tempfile::tempdir().unwrap());
    let place = dir.path().join("a file");
    std::fs::write(&place, "not a folder").unwrap();
    let mut job = job(server.provider());
    job.save = Some(save_plan());
    let (_handle, mut batches) = start(job, &services(Some(Store::open(&place))));
    let (mut stream, _) = server.accept().await;
    say(&mut stream, &format!("{HEAD}{}{END}", delta("hi"))).await;
    let (events, saved) = rest(&mut batches).await;
    assert_eq!((text(&events).as_str(), done(&events).outcome, saved), ("hi", Outcome::Complete, false));
    let path = place.display().to_string();
    assert!(
        matches!(&events[0], TurnEvent::Stream(StreamEvent::Notice(notice)) if notice.contains(&path)),
        "{events:?}"
    );
}

/// A provider whose key a script prints; it counts its runs in the folder's file `runs`.
fn with_command(server: &Server, folder: &std::path::Path, script: &str) -> Provider {
    let script = format!("echo run >> {}/runs; {script}", folder.display());
    let key_from = KeyFrom::Command(["sh".into(), "-c".into(), script].into());
    Provider { key: None, key_from, ..server.provider() }
}

fn runs(folder: &std::path::Path) -> usize {
    std::fs::read_to_string(folder.join("runs")).unwrap_or_default().lines().count()
}

#[tokio::test]
async fn a_key_that_a_command_prints_is_fetched_once_and_not_seen() {
    let (server, folder) = (Server::start().await, tempfile::tempdir().unwrap());
    let provider = with_command(&server, folder.path(), "echo sk-of-a-command");
    let services = services(None);
    for _ in 0..2 {
        let (_handle, mut batches) = start(job(provider.clone()), &services);
        let (mut stream, request) = server.accept_all().await;
        assert!(request.to_lowercase().contains("authorization: bearer sk-of-a-command"), "{request}");
        say(&mut stream, &format!("{HEAD}{}{END}", delta("it is sk-of-a-command"))).await;
        let (events, _) = rest(&mut batches).await;
        assert_eq!((text(&events).as_str(), done(&events).outcome), ("it is ***", Outcome::Complete));
    }
    assert_eq!(runs(folder.path()), 1);
}

#[tokio::test]
async fn a_refused_key_is_fetched_again_once() {
    let (server, folder) = (Server::start().await, tempfile::tempdir().unwrap());
    let script = format!("wc -l < {}/runs | tr -d ' ' | sed s/^/sk-number-/", folder.path().display());
    let provider = with_command(&server, folder.path(), &script);
    let services = services(None);
    let (_handle, mut batches) = start(job(provider.clone()), &services);
    let (mut stream, request) = server.accept_all().await;
    assert!(request.contains("sk-number-1"), "{request}");
    refuse(&mut stream, "401 Unauthorized", r#"{"error":{"message":"expired"}}"#).await;
    let (mut stream, request) = server.accept_all().await;
    assert!(request.contains("sk-number-2"), "{request}");
    refuse(&mut stream, "401 Unauthorized", r#"{"error":{"message":"not sk-number-2 either"}}"#).await;
    let (events, _) = rest(&mut batches).await;
    match &events[..] {
        [.., TurnEvent::Error(error), TurnEvent::Done(done)] => {
            assert_eq!((error.kind, done.outcome), (ErrorKind::Auth, Outcome::Failed));
            assert!(error.message.contains("not *** either"), "{}", error.message);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(runs(folder.path()), 2, "once again, not more");
}

#[tokio::test]
async fn the_same_key_is_not_sent_again() {
    let (server, folder) = (Server::start().await, tempfile::tempdir().unwrap());
    let provider = with_command(&server, folder.path(), "echo sk-of-a-command");
    let (_handle, mut batches) = start(job(provider), &services(None));
    let (mut stream, _) = server.accept_all().await;
    refuse(&mut stream, "401 Unauthorized", r#"{"error":{"message":"no"}}"#).await;
    let (events, _) = rest(&mut batches).await;
    assert_eq!((done(&events).metrics.attempts, runs(folder.path())), (1, 2));
}

#[tokio::test]
async fn a_command_that_fails_is_an_auth_error_and_nothing_is_sent() {
    let (server, folder) = (Server::start().await, tempfile::tempdir().unwrap());
    let provider = with_command(&server, folder.path(), "echo sk-very-secret is locked >&2; exit 2");
    let mut job = job(provider);
    let mut secrets = Secrets::default();
    secrets.add(&Secret::new("sk-very-secret"));
    job.secrets = Arc::new(secrets);
    let (_handle, mut batches) = start(job, &services(None));
    let (events, _) = rest(&mut batches).await;
    match &events[..] {
        [TurnEvent::Error(error), TurnEvent::Done(done)] => {
            assert_eq!((error.kind, done.metrics.attempts), (ErrorKind::Auth, 0));
            assert!(error.message.ends_with("exit status 2: *** is locked"), "{}", error.message);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(runs(folder.path()), 1);
}

#[tokio::test]
async fn cancelling_does_not_wait_for_the_command() {
    let (server, folder) = (Server::start().await, tempfile::tempdir().unwrap());
    // All that runs of it holds a pipe: it ends when the last of them has.
    let held = folder.path().join("held");
    assert!(std::process::Command::new("mkfifo").arg(&held).status().unwrap().success());
    let mut end = tokio::net::unix::pipe::OpenOptions::new().open_receiver(&held).unwrap();
    let script = format!("exec 3>'{}'; echo held >&3; sleep 1000 & sleep 1000", held.display());
    let provider = with_command(&server, folder.path(), &script);
    let services = services(None);
    let fetches = services.fetches();
    let (handle, mut batches) = start(job(provider), &services);
    end.readable().await.unwrap();
    handle.cancel();
    let (events, _) = rest(&mut batches).await;
    assert_eq!(done(&events).outcome, Outcome::Cancelled);
    let mut said = String::new();
    let left = tokio::time::timeout(Duration::from_secs(20), end.read_to_string(&mut said)).await;
    left.expect("nothing of it is left").unwrap();
    assert_eq!(said, "held\n");
    assert!(fetches.has_changed().unwrap(), "the terminal is looked after");
}

#[tokio::test]
async fn attempts_side_by_side_have_a_refused_key_fetched_again_once() {
    let (server, folder) = (Server::start().await, tempfile::tempdir().unwrap());
    let provider = with_command(&server, folder.path(), "echo sk-of-a-command");
    let services = services(None);
    let provider = services.resolve(&Arc::new(provider)).await.unwrap();
    let since = services.keys.fetches(&provider);
    let refused = (0..3).map(|_| services.renewed(&provider, since));
    for renewed in futures::future::join_all(refused).await {
        assert_eq!(renewed.unwrap(), None, "it is the same key");
    }
    assert_eq!(runs(folder.path()), 2, "once, and once again");
    // The next one that is refused may have it fetched again.
    let since = services.keys.fetches(&provider);
    assert_eq!(services.renewed(&provider, since).await.unwrap(), None);
    assert_eq!(runs(folder.path()), 3);
}
