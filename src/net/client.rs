//! The client: where its connections come from, and which proxy they take.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};

use super::errors::{self, Target};
use super::http::Response;
use super::probe::{Proxy, Way};
use super::websocket::Handshake;
use crate::chat::error::AttemptError;
use crate::wire::{self, GetRequest, WireRequest};

const USER_AGENT: &str = concat!("chatui/", env!("CARGO_PKG_VERSION"));
/// How many redirects of one request are followed.
const MAX_REDIRECTS: usize = 5;
/// Long before the few minutes after which routers forget a silent connection.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Different connect time-outs kept; a program has one or two.
const MAX_KEPT: usize = 8;

/// The HTTP client: cheap to make and to clone; the connection machinery (TLS with its root
/// certificates, about 3 ms) is built at the first send, and kept for each connect time-out.
///
/// Root certificates are the system's, or those of `SSL_CERT_FILE`. Proxies are those of the
/// environment and the system; this machine's loopback addresses are never asked of a proxy, which
/// could only look for them on its own machine.
#[derive(Clone, Default)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    kept: Mutex<Vec<(Key, Built)>>,
    /// The one proxy to take instead of the configured ones; for tests, as the environment is not theirs.
    proxy: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    connect_timeout: Duration,
    route: Route,
    roots: Roots,
    versions: Versions,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Route {
    Direct,
    Proxies,
}

/// Reading and parsing the root certificates is most of what building a client costs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Roots {
    /// Nothing on the way speaks TLS: a server on this machine, over plain HTTP.
    None,
    Read,
}

/// The versions of HTTP that are offered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Versions {
    All,
    /// The handshake of a WebSocket is that of HTTP/1.1.
    Http1,
}

/// What goes out.
struct Asked {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    versions: Versions,
}

#[derive(Clone)]
struct Built {
    client: reqwest::Client,
    /// The same rules that `client` follows, to name the proxy in an error.
    proxies: Option<Arc<Matcher>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    #[cfg(test)]
    pub(in crate::net) fn through(proxy: &str) -> Self {
        Self { shared: Arc::new(Shared { proxy: Some(proxy.to_owned()), ..Shared::default() }) }
    }

    /// Sends `request` and waits for the head of the answer, whatever its status. A `connect_timeout`
    /// of zero is none.
    ///
    /// 307 and 308 to the same origin are followed; any other redirect is returned as it came, with
    /// its `location`.
    ///
    /// To a `ws:` or `wss:` address the body goes as the first message of a WebSocket, whose messages are
    /// the answer's body. A server that refuses the WebSocket has answered like any other.
    ///
    /// # Errors
    /// Typed by what failed; see [`AttemptError`].
    pub async fn send(
        &self,
        request: WireRequest,
        connect_timeout: Duration,
    ) -> Result<Response, AttemptError> {
        let WireRequest { url, headers: own, body, dialect: _ } = request;
        let headers = headers(own)?;
        if !is_websocket(&url) {
            let asked =
                Asked { method: Method::POST, url, headers, body: Some(body), versions: Versions::All };
            return Ok(Response::new(self.exchange(asked, connect_timeout).await?.0));
        }
        let handshake = Handshake::new();
        let headers = handshake.headers(headers)?;
        let asked = Asked { method: Method::GET, url, headers, body: None, versions: Versions::Http1 };
        let (answer, target) = self.exchange(asked, connect_timeout).await?;
        if handshake.is_refused_by(&answer, &target)? {
            return Ok(Response::new(answer));
        }
        Response::upgraded(answer, body, &target).await
    }

    /// The same for what is only read.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn get(
        &self,
        request: GetRequest,
        connect_timeout: Duration,
    ) -> Result<Response, AttemptError> {
        let GetRequest { url, headers: own } = request;
        let headers = headers(own)?;
        let asked = Asked { method: Method::GET, url, headers, body: None, versions: Versions::All };
        Ok(Response::new(self.exchange(asked, connect_timeout).await?.0))
    }

    /// The way that a request to `url` takes, to be walked step by step.
    ///
    /// # Errors
    /// It is no address.
    pub fn way(&self, url: &str, connect_timeout: Duration) -> Result<Way, AttemptError> {
        let url = address(url)?;
        let mut as_http = url.clone();
        over_http(&mut as_http);
        let proxies = match Target::of(&url, connect_timeout).is_loopback() {
            true => None,
            false => Some(self.proxies()),
        };
        let proxy = proxies.and_then(|proxies| {
            let intercept = proxies.intercept(&as_http.as_str().parse().ok()?)?;
            let uri = intercept.uri();
            let scheme = uri.scheme_str().unwrap_or("http").to_owned();
            Some(Proxy {
                name: proxy_name(&intercept)?,
                host: uri.host()?.to_owned(),
                port: uri.port_u16().unwrap_or(usual_port(&scheme)),
                scheme,
                authorization: intercept.basic_auth().cloned(),
            })
        });
        Ok(Way::new(&url, connect_timeout, proxy))
    }

    /// The rules for proxies.
    fn proxies(&self) -> Matcher {
        match self.shared.proxy.as_deref() {
            None => Matcher::from_system(),
            Some(proxy) => Matcher::builder().all(proxy).build(),
        }
    }

    async fn exchange(
        &self,
        asked: Asked,
        connect_timeout: Duration,
    ) -> Result<(reqwest::Response, Target), AttemptError> {
        let mut url = address(&asked.url)?;
        let mut target = Target::of(&url, connect_timeout);
        over_http(&mut url);
        let route = if target.is_loopback() { Route::Direct } else { Route::Proxies };
        let roots = if route == Route::Direct && !target.is_secure() { Roots::None } else { Roots::Read };
        let key = Key { connect_timeout, route, roots, versions: asked.versions };
        let built = self.built(key, &target)?;
        target.proxy = built.proxy_of(&url);
        match &target.proxy {
            Some(proxy) => tracing::debug!("connects to {} through {proxy}", target.name()),
            None => tracing::debug!("connects to {}", target.name()),
        }

        let mut outgoing = built.client.request(asked.method, url.clone()).headers(asked.headers);
        if let Some(body) = asked.body {
            // Shared by all that follow it: a clone of a body of bytes copies nothing.
            outgoing = outgoing.body(body);
        }
        let outgoing = outgoing.build().map_err(|error| AttemptError::Request(errors::cause(&error)))?;

        for _ in 0..=MAX_REDIRECTS {
            let Some(mut this) = outgoing.try_clone() else { break };
            *this.url_mut() = url.clone();
            let answer =
                built.client.execute(this).await.map_err(|error| errors::sending(&error, &target))?;
            match next_address(&answer, &url) {
                Some(next) => {
                    tracing::info!(
                        "follows HTTP {} to another path of {}",
                        answer.status().as_u16(),
                        target.name()
                    );
                    url = next;
                }
                None => return Ok((answer, target)),
            }
        }
        Err(AttemptError::Protocol {
            message: format!("{} redirects in a circle (followed {MAX_REDIRECTS} times)", target.name()),
            hint: "Check the provider's base_url.".into(),
        })
    }

    fn built(&self, key: Key, target: &Target) -> Result<Built, AttemptError> {
        let mut kept = self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, built)) = kept.iter().find(|(k, _)| *k == key) {
            return Ok(built.clone());
        }
        let built = self.build(key, target)?;
        if kept.len() == MAX_KEPT {
            kept.remove(0);
        }
        kept.push((key, built.clone()));
        Ok(built)
    }

    fn build(&self, key: Key, target: &Target) -> Result<Built, AttemptError> {
        // Fails only where it was done before, by an earlier client: the same provider then.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let proxy = self.shared.proxy.as_deref();
        let proxies = match key.route {
            Route::Direct => None,
            Route::Proxies => Some(Arc::new(self.proxies())),
        };
        let client = match builder(key, proxy)?.build() {
            // Without any root certificate (a bare container) plain HTTP shall still work.
            Err(_) if !target.is_secure() => builder(key, proxy)?.tls_certs_only([]).build(),
            other => other,
        };
        let client = client.map_err(|error| errors::building(&error, target))?;
        Ok(Built { client, proxies })
    }
}

impl Built {
    /// The proxy on the way to `url`, without its credentials.
    fn proxy_of(&self, url: &Url) -> Option<String> {
        proxy_name(&self.proxies.as_ref()?.intercept(&url.as_str().parse().ok()?)?)
    }
}

/// A proxy without its credentials.
fn proxy_name(intercept: &Intercept) -> Option<String> {
    let proxy = intercept.uri();
    let scheme = proxy.scheme_str().unwrap_or("http");
    let host = proxy.host()?;
    Some(match proxy.port_u16() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    })
}

fn usual_port(scheme: &str) -> u16 {
    match scheme {
        "https" => 443,
        "http" => 80,
        // socks4, socks5 and their kin.
        _ => 1080,
    }
}

fn builder(key: Key, proxy: Option<&str>) -> Result<reqwest::ClientBuilder, AttemptError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        // One attempt is one request: the turn repeats, where the reader can see it.
        .retry(reqwest::retry::never())
        // An idle connection that is kept wakes the process when the server closes it, and an idle
        // chatui must not wake. A new one costs a round trip or two, before a model that thinks for
        // longer.
        .pool_max_idle_per_host(0)
        // A header with a control character in it costs that header, not the answer.
        .http1_ignore_invalid_headers_in_responses(true)
        .tcp_nodelay(true)
        .tcp_keepalive(KEEP_ALIVE);
    if !key.connect_timeout.is_zero() {
        builder = builder.connect_timeout(key.connect_timeout);
    }
    if key.versions == Versions::Http1 {
        builder = builder.http1_only();
    }
    builder = match (key.route, proxy) {
        (Route::Direct, _) => builder.no_proxy(),
        (Route::Proxies, None) => builder,
        (Route::Proxies, Some(proxy)) => {
            let proxy = reqwest::Proxy::all(proxy).map_err(|e| AttemptError::Request(errors::cause(&e)))?;
            builder.proxy(proxy)
        }
    };
    Ok(match key.roots {
        Roots::None => builder.tls_certs_only([]),
        Roots::Read => more_roots(builder),
    })
}

/// On Linux the root certificates come from `SSL_CERT_FILE`, where it is set, by themselves. On macOS
/// they are the system's, and the file's are added here.
#[cfg(target_os = "macos")]
fn more_roots(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    let roots = std::env::var_os("SSL_CERT_FILE")
        .and_then(|path| std::fs::read(path).ok())
        .and_then(|pem| reqwest::Certificate::from_pem_bundle(&pem).ok());
    match roots {
        Some(roots) => builder.tls_certs_merge(roots),
        None => builder,
    }
}

#[cfg(not(target_os = "macos"))]
fn more_roots(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    builder
}

fn address(text: &str) -> Result<Url, AttemptError> {
    // The text itself may hold a password, so it is not repeated.
    let url =
        Url::parse(text).map_err(|e| AttemptError::Request(format!("the address is not a URL: {e}")))?;
    match url.scheme() {
        "http" | "https" | "ws" | "wss" if url.has_host() => Ok(url),
        other => Err(AttemptError::Request(format!(
            "not an address of HTTP or a WebSocket (http, https, ws, wss), but {other}:"
        ))),
    }
}

/// Whether an address is that of a WebSocket.
fn is_websocket(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "ws" | "wss"))
}

/// The address of a WebSocket as that of its handshake; any other stays.
fn over_http(url: &mut Url) {
    let scheme = match url.scheme() {
        "ws" => "http",
        "wss" => "https",
        _ => return,
    };
    // It cannot fail: all four are of one kind.
    let _ = url.set_scheme(scheme);
}

fn headers(list: Vec<(String, wire::HeaderValue)>) -> Result<HeaderMap, AttemptError> {
    let mut headers = HeaderMap::with_capacity(list.len());
    for (name, value) in list {
        let bad = |what: &str| AttemptError::Request(format!("the header `{name}` has {what}"));
        let key =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("a name that no header can have"))?;
        let (text, secret) = match &value {
            wire::HeaderValue::Plain(text) => (text.clone(), false),
            wire::HeaderValue::Secret { prefix, secret } => (format!("{prefix}{}", secret.expose()), true),
        };
        let mut value = HeaderValue::from_str(&text)
            .or_else(|_| HeaderValue::from_bytes(text.as_bytes()))
            .map_err(|_| bad("a value that no header can have (a line break or control character)"))?;
        value.set_sensitive(secret);
        headers.append(key, value);
    }
    Ok(headers)
}

/// Where an answer sends the same request on to, if that may be followed: a key must not leave the
/// origin it was given for, and the other redirects would turn the request into a GET.
fn next_address(answer: &reqwest::Response, from: &Url) -> Option<Url> {
    if !matches!(answer.status().as_u16(), 307 | 308) {
        return None;
    }
    let location = answer.headers().get("location")?.to_str().ok()?;
    let next = from.join(location).ok()?;
    (next.origin() == from.origin()).then_some(next)
}
