//! The way to a server, one step after the other, for who wants to know where it ends: name look-up,
//! connection, TLS. No request is sent, and no key.
//!
//! The steps follow the same rules as [`Client::send`]: the same proxies, the same root certificates, the
//! same words for what fails. They know no time-out; who calls has one for each.

use std::future::{self, Future};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use reqwest::Url;
use reqwest::header::HeaderValue;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, ProtocolVersion, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};

use super::certificate::Certificate;
use super::errors::{self, Target};
use crate::chat::error::AttemptError;

/// The most bytes of a proxy's answer.
const LONGEST_HEAD: usize = 16 << 10;
/// How long an address is tried alone before the next is tried beside it, as the HTTP library has it.
const HEAD_START: Duration = Duration::from_millis(300);

/// The way to a server.
#[derive(Debug)]
pub struct Way {
    target: Target,
    proxy: Option<Proxy>,
}

/// The proxy on it.
#[derive(Debug)]
pub(super) struct Proxy {
    /// Scheme, host and port, without its credentials.
    pub(super) name: String,
    pub(super) scheme: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) authorization: Option<HeaderValue>,
}

/// An agreed TLS connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// `TLS 1.3`
    pub version: &'static str,
    /// The server's certificate, which this machine trusts.
    pub certificate: Certificate,
}

impl Way {
    pub(super) fn new(url: &Url, connect_timeout: Duration, proxy: Option<Proxy>) -> Self {
        let mut target = Target::of(url, connect_timeout);
        target.proxy = proxy.as_ref().map(|proxy| proxy.name.clone());
        Self { target, proxy }
    }

    /// The name that is looked up: the server's, or its proxy's.
    pub fn host(&self) -> &str {
        let host = self.proxy.as_ref().map_or(&self.target.host, |proxy| &proxy.host);
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port that is connected to.
    pub fn port(&self) -> u16 {
        self.proxy.as_ref().map_or(self.target.port, |proxy| proxy.port)
    }

    /// The proxy, without its credentials.
    pub fn proxy(&self) -> Option<&str> {
        self.proxy.as_ref().map(|proxy| proxy.name.as_str())
    }

    /// Whether the server is to speak TLS.
    pub fn is_tls(&self) -> bool {
        self.target.is_secure()
    }

    /// Whether it ends on this machine.
    pub fn is_loopback(&self) -> bool {
        self.target.is_loopback()
    }

    /// Whether the connection leads to the server itself: through a tunnel, where there is a proxy. Of
    /// other kinds of proxies only a request can tell.
    pub fn is_walkable(&self) -> bool {
        self.proxy.as_ref().is_none_or(|proxy| proxy.scheme == "http")
    }

    /// The addresses of [`Way::host`].
    ///
    /// # Errors
    /// The name is not known.
    pub async fn look_up(&self) -> Result<Vec<SocketAddr>, AttemptError> {
        let found = lookup_host((self.host(), self.port())).await;
        let found: Vec<SocketAddr> =
            found.map_err(|error| errors::looking_up(&error, self.host(), &self.target))?.collect();
        if found.is_empty() {
            let none = io::Error::other("it has no address");
            return Err(errors::looking_up(&none, self.host(), &self.target));
        }
        Ok(found)
    }

    /// A connection to the first of these addresses that takes one, and which that was. One that does not
    /// answer holds the others up for a moment only.
    ///
    /// # Errors
    /// None did; why the last did not.
    pub async fn connect(&self, addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), AttemptError> {
        let connected = first_of(addresses, TcpStream::connect).await;
        connected.map_err(|error| errors::connecting_to(&error, &self.target))
    }

    /// The TLS handshake over such a connection, through the proxy's tunnel where there is a proxy.
    ///
    /// # Errors
    /// The proxy makes no tunnel, the server speaks no TLS, or its certificate is not to be trusted.
    pub async fn handshake(&self, mut stream: TcpStream) -> Result<Tls, AttemptError> {
        if let Some(proxy) = &self.proxy {
            self.tunnel(&mut stream, proxy).await?;
        }
        let seen = Arc::new(Mutex::new(None));
        let agreed = agree(&self.target, stream, Arc::clone(&seen)).await;
        let certificate = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        match agreed {
            Ok(version) => Ok(Tls { version, certificate: certificate.unwrap_or_default() }),
            Err(Broken::Tls(error)) => {
                let failed = errors::tls_failure(&error, &self.target);
                Err(with_issuer(failed, certificate.unwrap_or_default()))
            }
            Err(Broken::Io(error)) => Err(errors::connecting_to(&error, &self.target)),
        }
    }

    /// Asks an HTTP proxy for a tunnel to the server.
    async fn tunnel(&self, stream: &mut TcpStream, proxy: &Proxy) -> Result<(), AttemptError> {
        let name = self.target.name();
        let mut request = format!("CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n").into_bytes();
        if let Some(authorization) = &proxy.authorization {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(authorization.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        let failed = |error: &io::Error| errors::connecting_to(error, &self.target);
        stream.write_all(&request).await.map_err(|error| failed(&error))?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let closed = io::Error::from(io::ErrorKind::UnexpectedEof);
            // A byte at a time: what follows the head is the server's.
            match stream.read_u8().await {
                Ok(byte) if head.len() < LONGEST_HEAD => head.push(byte),
                Ok(_) => return Err(failed(&closed)),
                Err(error) => return Err(failed(&error)),
            }
        }
        let head = String::from_utf8_lossy(&head);
        let status = head.split(' ').nth(1).unwrap_or_default();
        match status {
            "200" => Ok(()),
            "407" => Err(errors::through_proxy("it wants a user name and password", &self.target)),
            _ => Err(errors::through_proxy("it refused to connect there", &self.target)),
        }
    }
}

/// What `connect` gives for the first address that it does not fail with, and which that was. The next is
/// begun when one has failed, or has had its [`HEAD_START`].
async fn first_of<T, F: Future<Output = io::Result<T>>>(
    addresses: &[SocketAddr],
    connect: impl Fn(SocketAddr) -> F,
) -> io::Result<(T, SocketAddr)> {
    let mut last = io::Error::other("it has no address");
    let mut tried = FuturesUnordered::new();
    let mut untried = addresses.iter().copied();
    loop {
        match untried.next() {
            Some(address) => {
                let connected = connect(address);
                tried.push(async move { connected.await.map(|made| (made, address)) });
            }
            None if tried.is_empty() => return Err(last),
            None => {}
        }
        let is_last = untried.len() == 0;
        let head_start = async {
            match is_last {
                true => future::pending().await,
                false => tokio::time::sleep(HEAD_START).await,
            }
        };
        tokio::select! {
            biased;
            Some(done) = tried.next() => match done {
                Ok(made) => return Ok(made),
                Err(error) => last = error,
            },
            () = head_start => {}
        }
    }
}

enum Broken {
    Io(io::Error),
    Tls(rustls::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Broken::Io(error)
    }
}

impl From<rustls::Error> for Broken {
    fn from(error: rustls::Error) -> Self {
        Broken::Tls(error)
    }
}

/// What was seen of the server's certificate, whatever came of it.
type Seen = Arc<Mutex<Option<Certificate>>>;

async fn agree(target: &Target, mut stream: TcpStream, seen: Seen) -> Result<&'static str, Broken> {
    let crypto = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Noting { inner: trust(&crypto)?, seen };
    let mut config = ClientConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let host = target.host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host).map_err(|error| rustls::Error::General(error.to_string()))?;
    let mut tls = ClientConnection::new(Arc::new(config), name)?;
    let mut bytes = Vec::new();
    loop {
        while tls.wants_write() {
            tls.write_tls(&mut bytes)?;
        }
        stream.write_all(&bytes).await?;
        bytes.clear();
        if !tls.is_handshaking() {
            break;
        }
        let mut buffer = [0; 4096];
        let mut came = match stream.read(&mut buffer).await? {
            0 => return Err(Broken::Io(io::ErrorKind::UnexpectedEof.into())),
            count => &buffer[..count],
        };
        while !came.is_empty() {
            tls.read_tls(&mut came)?;
            if let Err(error) = tls.process_new_packets() {
                // The server is told why. Whether it hears it does not matter.
                while tls.wants_write() {
                    tls.write_tls(&mut bytes)?;
                }
                let _ = stream.write_all(&bytes).await;
                return Err(Broken::Tls(error));
            }
        }
    }
    Ok(match tls.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(_) | None => "TLS",
    })
}

/// The verifier that the HTTP library takes, with the same root certificates.
fn trust(crypto: &Arc<CryptoProvider>) -> Result<Verifier, rustls::Error> {
    Verifier::new_with_extra_roots(more_roots(), Arc::clone(crypto))
}

/// On Linux those of `SSL_CERT_FILE` come by themselves.
#[cfg(not(target_os = "macos"))]
fn more_roots() -> Vec<CertificateDer<'static>> {
    Vec::new()
}

#[cfg(target_os = "macos")]
fn more_roots() -> Vec<CertificateDer<'static>> {
    use rustls::pki_types::pem::PemObject as _;
    let Some(path) = std::env::var_os("SSL_CERT_FILE") else { return Vec::new() };
    CertificateDer::pem_file_iter(path).map(|all| all.flatten().collect()).unwrap_or_default()
}

/// Takes note of the certificate and leaves the judgement to the inner one.
#[derive(Debug)]
struct Noting {
    inner: Verifier,
    seen: Seen,
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Certificate::read(end_entity));
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Who issued a certificate that is not trusted is what leads to the cure: a company's proxy, mostly.
fn with_issuer(error: AttemptError, certificate: Certificate) -> AttemptError {
    match error {
        AttemptError::Insecure { message, hint } if !certificate.issuer.is_empty() => {
            AttemptError::Insecure {
                message: format!("{message} (its issuer says that it is {})", certificate.issuer),
                hint,
            }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_never_answers_does_not_hold_up_the_next() {
        let [silent, closed, open] = [1, 2, 3].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let connect = |address| async move {
            match address {
                _ if address == open => Ok("connected"),
                _ if address == closed => Err(io::Error::from(io::ErrorKind::ConnectionRefused)),
                _ => future::pending().await,
            }
        };
        assert_eq!(first_of(&[silent, closed, open], connect).await.unwrap(), ("connected", open));
        assert_eq!(first_of(&[closed, silent, open], connect).await.unwrap(), ("connected", open));
        let error = first_of(&[closed], connect).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(first_of(&[], connect).await.is_err());
    }
}
