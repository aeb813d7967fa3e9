//! Servers that speak TLS, with certificates that are right or wrong.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::Home;

/// Certificates as the `openssl` program makes them, and servers that show them.
pub struct Certificates {
    /// Where they lie.
    pub folder: PathBuf,
}

const OVER_TLS: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n\
    data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"over TLS\"},\"finish_reason\":\"stop\"}]}\n\n\
    data: [DONE]\n\n";

/// A handshake accepted, the message of [`OVER_TLS`], and a close in order.
fn websocket_answer(request: &str) -> Vec<u8> {
    let key = request.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).unwrap();
    let event = OVER_TLS.split(|byte| *byte == b'\n').find(|line| line.starts_with(b"data: ")).unwrap();
    let mut answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    )
    .into_bytes();
    answer.extend([0x81, u8::try_from(event.len()).unwrap()]);
    answer.extend(event);
    answer.extend([0x88, 2, 0x03, 0xE8]);
    answer
}

impl Certificates {
    /// `ca.pem`, and signed by it `good`, `other` (another name) and `expired`; `self` signs itself. `None`
    /// where there is no `openssl` to make them with.
    pub fn make(home: &Home) -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            eprintln!("no openssl program is found: nothing is tested over TLS");
            return None;
        }
        let folder = home.path().join("tls");
        std::fs::create_dir(&folder).unwrap();
        let script = r#"set -e
            new() { openssl req -newkey rsa:2048 -nodes -keyout $1.key -subj "/CN=$2" "${@:3}"; }
            new ca "Private authority" -x509 -days 2 -out ca.pem -addext keyUsage=critical,keyCertSign
            new self localhost -x509 -days 2 -out self.pem -addext subjectAltName=DNS:localhost
            touch index.txt; echo 10 > serial
            printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n' > ca.cnf
            leaf() { new $1 "leaf $1" -out $1.csr
                printf "subjectAltName=$2\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n" > $1.ext
                openssl ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -in $1.csr -out $1.pem \
                    -extfile $1.ext -notext -startdate $3 -enddate $4; }
            leaf good DNS:localhost 200101000000Z 490101000000Z
            leaf other DNS:other.example 200101000000Z 490101000000Z
            leaf expired DNS:localhost 200101000000Z 210101000000Z"#;
        let made = Command::new("bash").args(["-c", script]).current_dir(&folder).output().unwrap();
        assert!(made.status.success(), "no certificates: {}", super::stderr(&made));
        Some(Self { folder })
    }

    /// The base URL of a server with that certificate, which answers each request with one event, and
    /// each handshake of a WebSocket with one message.
    pub fn serve(&self, name: &str) -> String {
        let chain = CertificateDer::from_pem_file(self.folder.join(format!("{name}.pem"))).unwrap();
        let key = PrivateKeyDer::from_pem_file(self.folder.join(format!("{name}.key"))).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let connection = rustls::ServerConnection::new(config.clone()).unwrap();
                let mut stream = rustls::StreamOwned::new(connection, stream);
                let mut head = [0; 4096];
                // A client that does not like the certificate is gone by now.
                if let Ok(length) = stream.read(&mut head) {
                    let head = String::from_utf8_lossy(&head[..length]);
                    let upgrade = head.contains("sec-websocket-key: ").then(|| websocket_answer(&head));
                    let _ = stream.write_all(upgrade.as_deref().unwrap_or(OVER_TLS));
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                }
            }
        });
        format!("https://localhost:{port}/v1")
    }
}
