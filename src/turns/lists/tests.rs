//! Lists over real sockets: what comes, what does not, and what is said of it.

use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::base::Secret;
use crate::chat::provider::{ModelInfo, Price};
use crate::net;

const CONNECT: Duration = Duration::from_secs(10);

fn services() -> Services {
    Services::new(net::Client::default(), None, demo::Options::default())
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A port where nobody listens.
async fn free_port() -> u16 {
    listen().await.1
}

fn lab(port: u16) -> Provider {
    let local = LocalPort { port, name: "lab", kinds: &[] };
    let key = Some(Secret::new("sk-very-secret"));
    let provider = provider_at(&local, IpAddr::V4(Ipv4Addr::LOCALHOST), &[]);
    Provider { key, needs_key: true, key_source: "LAB_KEY".into(), ..provider }
}

fn secrets() -> Secrets {
    let mut secrets = Secrets::default();
    secrets.add(&Secret::new("sk-very-secret"));
    secrets
}

/// Takes one connection and reads its request, which has no body.
async fn accept(listener: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0, "the request is whole");
    }
    (stream, String::from_utf8(seen).unwrap().to_lowercase())
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// What becomes of a request for the list of `change`d lab, where the server answers this, once.
async fn asked(
    bytes: String,
    change: impl FnOnce(&mut Provider),
) -> (Result<Vec<ListedModel>, TurnError>, String) {
    let (listener, port) = listen().await;
    let mut provider = lab(port);
    change(&mut provider);
    let (services, secrets) = (services(), secrets());
    tokio::join!(services.models(&provider, &secrets, CONNECT), async {
        let (mut stream, request) = accept(&listener).await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        request
    })
}

async fn failed(bytes: String) -> TurnError {
    let error = asked(bytes, |_| {}).await.0.unwrap_err();
    assert!(!error.hint.is_empty(), "{error:?}");
    assert!(!format!("{error:?}").contains("sk-very-secret"), "{error:?}");
    error
}

fn ids(models: &[ListedModel]) -> Vec<&str> {
    models.iter().map(|model| model.id.as_str()).collect()
}

#[tokio::test]
async fn a_list_comes_with_what_is_configured() {
    let body = r#"{"object":"list","data":[{"id":"a","max_model_len":9},{"id":"b","context_length":8}]}"#;
    let (models, request) = asked(answer("200 OK", body), |provider| {
        provider.models = vec!["mine".into()];
        let price = Some(Price { input: 1.0, output: 2.0 });
        let info = ModelInfo { context: Some(7), price, ..ModelInfo::default() };
        provider.model_info.insert("b".into(), info);
    })
    .await;
    let models = models.unwrap();
    assert_eq!(ids(&models), ["mine", "b", "a"]);
    assert_eq!((models[1].context, models[2].context), (Some(7), Some(9)));
    assert!(request.starts_with("get /v1/models http/1.1\r\n"), "{request}");
    assert!(request.contains("authorization: bearer sk-very-secret\r\n"), "{request}");
    assert!(!request.contains("content-length"), "a GET has no body: {request}");
}

#[tokio::test]
async fn five_thousand_models_are_all_there() {
    let entries: Vec<String> = (0..5000).map(|at| format!("{{\"id\":\"vendor/model-{at}\"}}")).collect();
    let body = format!("{{\"data\":[{}]}}", entries.join(","));
    let models = asked(answer("200 OK", &body), |_| {}).await.0.unwrap();
    assert_eq!((models.len(), models[4999].id.as_str()), (5000, "vendor/model-4999"));
}

#[tokio::test]
async fn a_server_that_is_down_is_named() {
    let provider = lab(free_port().await);
    let error = services().models(&provider, &secrets(), CONNECT).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Network);
    assert!(error.message.contains("refused the connection"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_silent_or_slow_is_given_up() {
    assert_eq!(Patience::of_list(CONNECT).whole, Duration::from_secs(10));
    for begun in ["", "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"data\":["] {
        let (listener, port) = listen().await;
        let provider = lab(port);
        let services = services();
        let patience =
            Patience { connect: Duration::ZERO, whole: Duration::from_millis(200), ..Patience::LOCAL };
        let listed = tokio::select! {
            listed = services.list(&provider, patience) => listed,
            () = async {
                let (mut held, _) = accept(&listener).await;
                held.write_all(begun.as_bytes()).await.unwrap();
                std::future::pending::<()>().await;
            } => unreachable!(),
        };
        let error = listed.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout);
        assert!(error.message.contains("within 0.2 seconds"), "{error:?}");
    }
}

#[tokio::test]
async fn a_refused_key_is_an_auth_error_that_says_where_it_came_from() {
    let body =
        r#"{"error":{"message":"Incorrect API key provided: sk-very-secret","code":"invalid_api_key"}}"#;
    let error = failed(answer("401 Unauthorized", body)).await;
    assert_eq!((error.kind, error.status), (ErrorKind::Auth, Some(401)));
    assert!(error.message.contains("Incorrect API key provided: ***"), "{error:?}");
    assert!(error.hint.contains("LAB_KEY"), "{error:?}");
}

#[tokio::test]
async fn garbage_and_pages_and_cut_bodies_are_told_apart() {
    for (bytes, kind, words) in [
        (answer("200 OK", "%PDF-1.4"), ErrorKind::Protocol, "not JSON"),
        (answer("200 OK", "<title>Sign in</title>"), ErrorKind::Protocol, "a web page: Sign in"),
        (answer("200 OK", ""), ErrorKind::Protocol, "the answer is empty"),
        (answer("200 OK", "{\"ok\":true}"), ErrorKind::Protocol, "JSON of another kind"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"da".into(),
            ErrorKind::Network,
            "closed the connection",
        ),
        ("SSH-2.0-OpenSSH_9.6\r\n".into(), ErrorKind::Protocol, "does not answer in HTTP"),
        (answer("500 Oops", "{\"detail\":\"later\"}"), ErrorKind::Http, "HTTP 500: later"),
        (answer("200 OK", "{\"error\":{\"message\":\"no tenant\"}}"), ErrorKind::Server, "no tenant"),
    ] {
        let error = failed(bytes).await;
        assert_eq!(error.kind, kind, "{error:?}");
        assert!(error.message.contains(words), "{words}: {error:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_told_with_its_target() {
    let bytes = "HTTP/1.1 302 x\r\nlocation: https://elsewhere/v1/models\r\ncontent-length: 0\r\n\r\n";
    let error = failed(bytes.into()).await;
    assert!(error.message.contains("https://elsewhere/v1/models, which is not followed"), "{error:?}");
    assert!(error.hint.contains("make https://elsewhere/v1 the base_url"), "{error:?}");
}

#[tokio::test]
async fn a_gateway_without_a_list_offers_the_configured_names() {
    let missing = || answer("404 Not Found", "{\"detail\":\"Not Found\"}");
    let models = asked(missing(), |provider| provider.models = vec!["mine".into()]).await.0.unwrap();
    assert_eq!(ids(&models), ["mine"]);
    let error = failed(missing()).await;
    assert!(error.hint.contains("models = [") && error.hint.contains("base_url"), "{error:?}");
}

#[tokio::test]
async fn without_a_needed_key_nothing_is_sent() {
    // Nobody listens there: asking would be another error.
    let provider = Provider { key: None, ..lab(free_port().await) };
    let error = services().models(&provider, &secrets(), CONNECT).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Auth);
    assert!(error.message.contains("LAB_KEY"), "{error:?}");
}

#[tokio::test]
async fn a_name_that_holds_a_key_is_not_passed_on() {
    let body = r#"{"data":[{"id":"a"},{"id":"x-sk-very-secret-x"}]}"#;
    let models = asked(answer("200 OK", body), |_| {}).await.0.unwrap();
    assert_eq!(ids(&models), ["a"]);
}

#[tokio::test]
async fn the_demo_tells_its_models_without_its_server() {
    let services = services();
    let demo = Provider {
        name: config::DEMO.into(),
        base_url: String::new(),
        key: None,
        needs_key: false,
        ..lab(1)
    };
    let models = services.models(&demo, &Secrets::default(), CONNECT).await.unwrap();
    assert_eq!(ids(&models), demo::models().collect::<Vec<_>>());
    assert!(services.demo.server.get().is_none());
}

/// A server that answers this to everybody.
async fn serve(body: impl Into<String>) -> u16 {
    let body = body.into();
    let (listener, port) = listen().await;
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = accept(&listener).await;
            let _ = stream.write_all(answer("200 OK", &body).as_bytes()).await;
        }
    });
    port
}

#[tokio::test]
async fn servers_of_this_machine_are_found_by_their_lists() {
    let one = serve(r#"{"data":[{"id":"llama3.2:latest"}]}"#).await;
    let page = serve("<title>some other program</title>").await;
    let empty = serve(r#"{"object":"list","data":null}"#).await;
    let ports = [
        LocalPort { port: free_port().await, name: "down", kinds: &[] },
        LocalPort { port: one, name: "ollama", kinds: &[] },
        LocalPort { port: page, name: "page", kinds: &[] },
        LocalPort { port: empty, name: "empty", kinds: &[] },
    ];
    let found = services().discover(&[], &ports).await;
    let names: Vec<(&str, Vec<&str>)> =
        found.iter().map(|found| (found.provider.name.as_str(), ids(&found.models))).collect();
    assert_eq!(names, [("ollama", vec!["llama3.2:latest"]), ("empty", vec![])]);
    let provider = &found[0].provider;
    assert_eq!(provider.base_url, format!("http://127.0.0.1:{one}/v1"));
    assert!(provider.key.is_none() && !provider.needs_key);
}

#[tokio::test]
async fn a_server_on_a_shared_port_is_called_what_it_says_it_is() {
    let kinds: &[&str] = &["vllm", "inferneo", "choreoai"];
    for (body, expected) in [
        (r#"{"data":[{"id":"m","owned_by":"vllm"}]}"#, "vllm"),
        (r#"{"data":[{"id":"m","owned_by":"inferneo"}]}"#, "inferneo"),
        (r#"{"data":[{"id":"m","owned_by":"somebody"}]}"#, "local8000"),
        (r#"{"data":[{"id":"m"}]}"#, "local8000"),
    ] {
        let ports = [LocalPort { port: serve(body).await, name: "local8000", kinds }];
        let found = services().discover(&[], &ports).await;
        assert_eq!((found[0].provider.name.as_str(), ids(&found[0].models)), (expected, vec!["m"]));
        assert_eq!(found[0].provider.needs, config::needs_of(expected));
    }
    // One whose list wants a key says in its greeting what it is; another that does is left alone.
    for (greeting, expected) in
        [(r#"{"service":"ChoreoAI","version":"1.0.0"}"#, Some("choreoai")), (r#"{"service":"shop"}"#, None)]
    {
        let (listener, port) = listen().await;
        tokio::spawn(async move {
            loop {
                let (mut stream, head) = accept(&listener).await;
                let said = match head.starts_with("get / ") {
                    true => answer("200 OK", greeting),
                    false => {
                        answer("401 Unauthorized", r#"{"error":{"message":"Missing Authorization header"}}"#)
                    }
                };
                let _ = stream.write_all(said.as_bytes()).await;
            }
        });
        let found = services().discover(&[], &[LocalPort { port, name: "local8000", kinds }]).await;
        let names: Vec<(&str, usize)> =
            found.iter().map(|found| (found.provider.name.as_str(), found.models.len())).collect();
        assert_eq!(names, Vec::from_iter(expected.map(|name| (name, 0))), "{greeting}");
    }
}

#[tokio::test]
async fn azure_openai_offers_the_deployments_that_are_configured() {
    let port = serve(r#"{"data":[{"id":"gpt-4o"}]}"#).await;
    let azure = Provider { dialect: Dialect::AzureOpenAi, models: vec!["mine".into()], ..lab(port) };
    let azure = Provider { base_url: format!("http://127.0.0.1:{port}"), default_model: None, ..azure };
    let listed = services().models(&azure, &secrets(), Duration::from_secs(10)).await.unwrap();
    assert_eq!(ids(&listed), ["mine"]);
    let azure = Provider { models: Vec::new(), ..azure };
    let error = services().models(&azure, &secrets(), Duration::from_secs(10)).await.unwrap_err();
    assert!(
        error.message.contains("not your deployments") && error.hint.contains("-m lab:NAME"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_configured_server_is_not_asked_again() {
    let port = serve(r#"{"data":[{"id":"a"}]}"#).await;
    let ports = [LocalPort { port, name: "ollama", kinds: &[] }];
    for base_url in
        ["http://127.0.0.1:PORT/v1", "http://LOCALHOST:PORT", "http://[::1]:PORT/v1", "http://0.0.0.0:PORT/"]
    {
        let base_url = base_url.replace("PORT", &port.to_string());
        let known = Arc::new(Provider { base_url: base_url.clone(), ..lab(port) });
        assert_eq!(services().discover(&[known], &ports).await, [], "{base_url}");
    }
    // The same name elsewhere, and the same port of another machine, are others.
    let base_url = format!("http://box:{port}/v1");
    let known = Arc::new(Provider { name: "ollama".into(), base_url, ..lab(port) });
    let found = services().discover(&[known], &ports).await;
    assert_eq!(found[0].provider.name, format!("ollama-{port}"));
}

#[tokio::test]
async fn one_that_is_silent_holds_no_other_up_for_long() {
    let (silent, port) = listen().await;
    let there = serve(r#"{"data":[{"id":"a"}]}"#).await;
    let ports = [
        LocalPort { port, name: "silent", kinds: &[] },
        LocalPort { port: there, name: "there", kinds: &[] },
    ];
    let begun = Instant::now();
    let found = services().discover(&[], &ports).await;
    assert_eq!(found.len(), 1);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    drop(silent);
}

/// A list with one model and so many bytes that say nothing.
fn padded(bytes: usize) -> String {
    format!("{{\"x\":[{}0],\"data\":[{{\"id\":\"a\"}}]}}", "0,".repeat(bytes / 2))
}

#[tokio::test]
async fn what_is_asked_unasked_may_say_little() {
    let ports = [
        LocalPort { port: serve(padded(AT_ONCE)).await, name: "long", kinds: &[] },
        LocalPort { port: serve(padded(Patience::LOCAL.bytes)).await, name: "too long", kinds: &[] },
    ];
    let found = services().discover(&[], &ports).await;
    let names: Vec<&str> = found.iter().map(|found| found.provider.name.as_str()).collect();
    assert_eq!(names, ["long"]);
}

#[tokio::test]
async fn a_list_beyond_all_measure_is_given_up_where_the_measure_is_full() {
    // It never ends: only who stops reading gets an answer.
    let (listener, port) = listen().await;
    let provider = lab(port);
    let services = services();
    let patience = Patience { whole: Duration::from_secs(60), ..Patience::LOCAL };
    let listed = tokio::select! {
        listed = services.list(&provider, patience) => listed,
        () = async {
            let (mut held, _) = accept(&listener).await;
            held.write_all(b"HTTP/1.1 200 OK\r\n\r\n[").await.unwrap();
            while held.write_all(&[b' '; 4096]).await.is_ok() {}
            std::future::pending::<()>().await;
        } => unreachable!(),
    };
    let error = listed.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol);
    assert!(error.message.contains("over 1 MiB"), "{error:?}");
}

#[tokio::test]
async fn a_long_list_is_not_read_on_the_event_loop() {
    let mut reading = Box::pin(read(padded(AT_ONCE).into_bytes()));
    assert!(futures::poll!(&mut reading).is_pending(), "the loop goes on meanwhile");
    assert_eq!(ids(&reading.await.unwrap().models), ["a"]);
    let mut reading = Box::pin(read(padded(AT_ONCE / 2).into_bytes()));
    assert!(futures::poll!(&mut reading).is_ready(), "a short one needs no thread");
}

#[test]
fn what_is_found_has_the_name_of_a_preset() {
    let flags = config::Flags::default();
    let inputs = config::Inputs { file_name: "config.toml", file: None, env: &|_| None, flags: &flags };
    let config = config::load(inputs).unwrap();
    for local in &USUAL_PORTS {
        let at = config.provider(local.name).unwrap();
        assert!(at >= config.configured, "{local:?} is not configured by itself");
        let found = provider_at(local, IpAddr::V4(Ipv4Addr::LOCALHOST), &[]);
        assert_eq!(config.providers[at].base_url, found.base_url);
        assert!(!config.providers[at].needs_key);
        for kind in local.kinds {
            let at = config.provider(kind).unwrap();
            assert_eq!(config.providers[at].base_url, found.base_url);
        }
    }
}
