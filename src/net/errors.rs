//! From a library's chain of errors to a sentence for people.
//!
//! The chain is walked from the outside in, and what is known of it decides: an IO error's kind, a TLS
//! error's variant, and for the HTTP library's own errors, which have no public type, their fixed
//! words. Messages name host and port, never a whole address (it may hold a key) and never a
//! debugging dump.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::Url;
use rustls::CertificateError;

use crate::chat::error::AttemptError;

/// Where a request goes, as far as an error may say it.
#[derive(Debug)]
pub(super) struct Target {
    pub host: String,
    pub port: u16,
    pub scheme: Scheme,
    /// The proxy on the way, without its credentials.
    pub proxy: Option<String>,
    pub connect_timeout: Duration,
}

impl Target {
    pub fn of(url: &Url, connect_timeout: Duration) -> Self {
        Self {
            host: url.host_str().unwrap_or_default().to_owned(),
            port: url.port_or_known_default().unwrap_or_default(),
            scheme: match url.scheme() {
                "https" => Scheme::Https,
                "ws" => Scheme::Ws,
                "wss" => Scheme::Wss,
                _ => Scheme::Http,
            },
            proxy: None,
            connect_timeout,
        }
    }

    pub fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Whether TLS is spoken to it.
    pub fn is_secure(&self) -> bool {
        matches!(self.scheme, Scheme::Https | Scheme::Wss)
    }

    /// How its address begins with TLS, and without.
    fn schemes(&self) -> (&'static str, &'static str) {
        match self.scheme {
            Scheme::Http | Scheme::Https => ("https://", "http://"),
            Scheme::Ws | Scheme::Wss => ("wss://", "ws://"),
        }
    }

    pub fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let address: Option<std::net::IpAddr> = host.parse().ok();
        host == "localhost" || host.ends_with(".localhost") || address.is_some_and(|a| a.is_loopback())
    }
}

/// The scheme of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
    Ws,
    Wss,
}

/// How a certificate begins.
const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----";
/// No more links of a chain than this are followed.
const MAX_DEPTH: usize = 32;

/// `error` and its causes, outermost first. An IO error that wraps another error hides it from
/// `source()`, so that is looked into.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
    .take(MAX_DEPTH)
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref::<T>())
}

/// The first IO error that the operating system named (its kind says more than that of a wrapper).
fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let all = || chain(error).filter_map(|error| error.downcast_ref::<io::Error>());
    all().find(|io| io.raw_os_error().is_some()).or_else(|| all().last()).map(io::Error::kind)
}

fn says(error: &(dyn Error + 'static), words: &str) -> bool {
    chain(error).any(|error| !error.is::<reqwest::Error>() && error.to_string().contains(words))
}

/// The innermost cause in its own words, without the operating system's number.
pub(super) fn cause(error: &(dyn Error + 'static)) -> String {
    // The library's own type would add the whole address.
    let text = chain(error)
        .filter(|error| !error.is::<reqwest::Error>())
        .last()
        .map_or_else(|| "unknown cause".to_owned(), ToString::to_string);
    let text = match text.find(" (os error ") {
        Some(at) => &text[..at],
        None => &text,
    };
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(text);
    match text.char_indices().nth(300) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn connect(message: String, hint: impl Into<String>) -> AttemptError {
    AttemptError::Connect { message, hint: hint.into() }
}

fn insecure(message: String, hint: impl Into<String>) -> AttemptError {
    AttemptError::Insecure { message, hint: hint.into() }
}

fn protocol(message: String, hint: &str) -> AttemptError {
    AttemptError::Protocol { message, hint: hint.to_owned() }
}

/// The client could not be built: no root certificates.
pub(super) fn building(error: &reqwest::Error, target: &Target) -> AttemptError {
    let hint = match std::env::var_os("SSL_CERT_FILE") {
        Some(path) => format!(
            "SSL_CERT_FILE is {}: it must name a readable file of certificates in PEM form.",
            path.to_string_lossy()
        ),
        None => "Install the system's certificates (the package ca-certificates), or let SSL_CERT_FILE \
                 name a file of certificates in PEM form."
            .to_owned(),
    };
    connect(format!("no TLS connection to {} can be made: {}", target.name(), cause(error)), hint)
}

/// The request could not be sent, or no head of an answer came.
pub(super) fn sending(error: &reqwest::Error, target: &Target) -> AttemptError {
    if error.is_builder() {
        return AttemptError::Request(cause(error));
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        return tls_failure(tls, target);
    }
    if error.is_connect() {
        return connecting(error, target);
    }
    if says(error, "message head is too large") {
        return protocol(
            format!("the head of the answer of {} is too large", target.name()),
            "Check that base_url is the address of the API.",
        );
    }
    if says(error, "HTTP header parsed") {
        return protocol(
            format!("the head of the answer of {} has a line that is no header", target.name()),
            "Check base_url, and what stands between: a proxy may have changed the answer.",
        );
    }
    if says(error, "HTTP version parsed") || says(error, "HTTP status-code parsed") {
        let (secure, plain) = target.schemes();
        let hint = match target.is_secure() {
            true => "Check base_url: another service may listen there.".to_owned(),
            false => format!(
                "Check base_url: another service may listen there, or it wants {secure} instead of {plain}."
            ),
        };
        return protocol(format!("{} does not answer in HTTP", target.name()), &hint);
    }
    AttemptError::Lost(format!("{} {}", target.name(), how_lost(error, " before it answered")))
}

/// The body broke off.
pub(super) fn reading(error: &reqwest::Error) -> AttemptError {
    let in_transit = says(error, "error reading a body") || says(error, "connection") || says(error, "http2");
    if error.is_decode() && !in_transit && io_kind(error) != Some(io::ErrorKind::UnexpectedEof) {
        return protocol(
            format!("the compression of the answer is damaged: {}", cause(error)),
            "A proxy on the way may have changed it.",
        );
    }
    AttemptError::Lost(format!("the server {}", how_lost(error, "")))
}

/// A connection that is no longer HTTP's broke off.
pub(super) fn reading_socket(error: &io::Error) -> AttemptError {
    AttemptError::Lost(format!("the server {}", how_lost(error, "")))
}

/// What the other side did to the connection, as a predicate. How far the answer was by then is not known
/// here, but before its head.
fn how_lost(error: &(dyn Error + 'static), when: &str) -> String {
    if says(error, "http2 error") {
        return format!("reset the HTTP/2 stream{when} ({})", cause(error));
    }
    match io_kind(error) {
        Some(
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted,
        ) => {
            format!("reset the connection{when}")
        }
        Some(io::ErrorKind::TimedOut) => format!("could no longer be reached{when} (connection timed out)"),
        Some(io::ErrorKind::UnexpectedEof) => format!("closed the connection{when}"),
        _ if says(error, "before message completed") || says(error, "end of file before") => {
            format!("closed the connection{when}")
        }
        _ => format!("broke the connection off{when} ({})", cause(error)),
    }
}

fn connecting(error: &reqwest::Error, target: &Target) -> AttemptError {
    let by_system = chain(error)
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|io| io.raw_os_error().is_some());
    if error.is_timeout() && !by_system {
        return AttemptError::ConnectTimeout(target.connect_timeout);
    }
    if target.proxy.is_some() {
        return proxy_failure(error, target);
    }
    if says(error, "dns error") || error.is_dns() {
        return unknown_name(&target.host, error);
    }
    no_connection(error, target)
}

fn unknown_name(host: &str, error: &(dyn Error + 'static)) -> AttemptError {
    connect(
        format!("the name {host} was not found ({})", cause(error)),
        "Check base_url for a typing error, and that this machine is online.",
    )
}

fn no_connection(error: &(dyn Error + 'static), target: &Target) -> AttemptError {
    let name = target.name();
    match io_kind(error) {
        Some(io::ErrorKind::ConnectionRefused) => connect(
            format!("{name} refused the connection"),
            "Check that the server runs, and base_url with its port.",
        ),
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof) => {
            connect(format!("{name} closed the connection as it was made"), "Check base_url and its port.")
        }
        _ => connect(
            format!("no connection to {name}: {}", cause(error)),
            "Check base_url, and that this machine is online.",
        ),
    }
}

/// The name on the way there was not found: the server's, or its proxy's.
pub(super) fn looking_up(error: &io::Error, host: &str, target: &Target) -> AttemptError {
    match &target.proxy {
        Some(_) => through_proxy(&format!("its name was not found ({})", cause(error)), target),
        None => unknown_name(host, error),
    }
}

/// No connection came of a step on the way there.
pub(super) fn connecting_to(error: &io::Error, target: &Target) -> AttemptError {
    if target.proxy.is_none() {
        return no_connection(error, target);
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => through_proxy("it refused the connection", target),
        io::ErrorKind::UnexpectedEof => through_proxy("it closed the connection", target),
        _ => through_proxy(&cause(error), target),
    }
}

fn proxy_failure(error: &reqwest::Error, target: &Target) -> AttemptError {
    let what = if says(error, "proxy authorization required") {
        "it wants a user name and password".to_owned()
    } else if says(error, "tunnel error: unsuccessful") {
        "it refused to connect there".to_owned()
    } else if says(error, "dns error") {
        format!("its name was not found ({})", cause(error))
    } else if io_kind(error) == Some(io::ErrorKind::ConnectionRefused) {
        "it refused the connection".to_owned()
    } else {
        cause(error)
    };
    through_proxy(&what, target)
}

/// The proxy on the way there is to blame.
pub(super) fn through_proxy(what: &str, target: &Target) -> AttemptError {
    let proxy = target.proxy.as_deref().unwrap_or_default();
    connect(
        format!("no connection to {} through the proxy {proxy}: {what}", target.name()),
        format!(
            "The proxy comes from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY or the system's settings; \
             NO_PROXY={} goes past it.",
            target.host
        ),
    )
}

pub(super) fn tls_failure(error: &rustls::Error, target: &Target) -> AttemptError {
    let Target { host, .. } = target;
    let (secure, plain) = target.schemes();
    let name = target.name();
    let own = own_authority();
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return match error {
            rustls::Error::InvalidMessage(_) => insecure(
                format!("{name} does not answer in TLS"),
                format!("Check base_url: the server may want {plain} instead of {secure}."),
            ),
            rustls::Error::AlertReceived(alert) => connect(
                format!("{name} refused the TLS connection ({})", words_of(&format!("{alert:?}"))),
                "Check the host name in base_url.",
            ),
            other => connect(format!("no TLS connection to {name}: {other}"), own),
        };
    };
    // Guarded, as the library may add variants; the texts of the known ones are ours.
    match certificate {
        CertificateError::UnknownIssuer => insecure(
            format!("the certificate of {host} is from an authority that this machine does not know"),
            own,
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => insecure(
            format!("the certificate of {host} has expired"),
            "Check this machine's clock; else its operator must renew it.",
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            insecure(format!("the certificate of {host} is not valid yet"), "Check this machine's clock.")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => insecure(
            format!("the server's certificate is not for the name {host}"),
            "Check the host name in base_url; a proxy may also have answered in its place.",
        ),
        CertificateError::Revoked => {
            insecure(format!("the certificate of {host} was revoked"), "Its operator must renew it.")
        }
        other => match words_of(&other.to_string()).as_str() {
            words if words.contains("ca used as end entity") => insecure(
                format!("the certificate of {host} is one that it signed itself, as an authority"),
                "Give the server a certificate that an authority signed (your own, too: let SSL_CERT_FILE \
                 name its certificate), or use http:// on this machine.",
            ),
            words => insecure(format!("the certificate of {host} was not accepted: {words}"), own),
        },
    }
}

/// What to do about an authority that is not known; first of all, whether the file that should name it
/// can be read.
fn own_authority() -> String {
    let usual = "If a proxy or the server has a certificate authority of its own, let SSL_CERT_FILE name a \
                 file with that authority's certificate (PEM).";
    let Some(path) = std::env::var_os("SSL_CERT_FILE") else { return usual.to_owned() };
    let shown = path.to_string_lossy();
    match std::fs::read(&path) {
        Err(error) => format!("SSL_CERT_FILE is {shown}, which cannot be read ({}).", cause(&error)),
        Ok(bytes) if !bytes.windows(PEM.len()).any(|at| at == PEM) => {
            format!("SSL_CERT_FILE is {shown}, which holds no certificate in PEM form.")
        }
        Ok(_) => {
            format!("SSL_CERT_FILE is {shown}: the authority's certificate (PEM) is to be in that file.")
        }
    }
}

/// `HandshakeFailure` as `handshake failure`; of `Other(OtherError(X))` only X.
fn words_of(name: &str) -> String {
    let name = name.rsplit('(').next().unwrap_or(name).trim_end_matches(')');
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() && words.chars().last().is_some_and(char::is_lowercase) {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}
