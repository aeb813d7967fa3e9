//! Base URLs: what is accepted, for which dialect, and when two of them are the same server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::error::shown;
use super::reader::without_keys;
use crate::base::secret::public_address;
use crate::chat::Dialect;

const EXAMPLE: &str = "must be a URL like http://127.0.0.1:8000/v1 or https://api.example.com/v1";
const EXAMPLE_WS: &str = "ws://127.0.0.1:8000/v1/chat/completions";

/// An `http` or `https` address under which a dialect's paths lie, or the whole address of a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BaseUrl {
    scheme: Scheme,
    authority: String,
    /// Without a trailing slash.
    path: String,
    /// With its `?`, or empty.
    query: String,
    host: String,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
    Ws,
    Wss,
}

impl Scheme {
    const ALL: [Scheme; 4] = [Scheme::Http, Scheme::Https, Scheme::Ws, Scheme::Wss];

    const fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Ws => "ws",
            Scheme::Wss => "wss",
        }
    }

    const fn is_websocket(self) -> bool {
        matches!(self, Scheme::Ws | Scheme::Wss)
    }

    const fn is_secure(self) -> bool {
        matches!(self, Scheme::Https | Scheme::Wss)
    }
}

impl BaseUrl {
    /// Reads one; a trailing slash is taken off.
    ///
    /// # Errors
    /// A sentence that says what is wrong, and quotes nothing that may be a key or a password.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err("must be a URL without blanks".to_owned());
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(format!(
                "{} {EXAMPLE}: it begins with neither http:// nor https:// (nor ws:// nor wss://)",
                quoted(text)
            ));
        };
        let Some(scheme) = Scheme::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(scheme))
        else {
            let scheme = without_keys(&public_address(scheme));
            return Err(format!(
                "the scheme `{}` is none of http, https, ws and wss; it {EXAMPLE}",
                shown(&scheme)
            ));
        };
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(authority_end);
        if authority.contains('@') {
            return Err("must hold no user name or password; use api_key or headers".to_owned());
        }
        if rest.contains('#') {
            return Err(format!("{} must hold no `#`", quoted(text)));
        }
        let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        let (host, port) =
            split_port(authority).ok_or_else(|| format!("{} {EXAMPLE}: bad port", quoted(text)))?;
        if !is_host(host) {
            return Err(format!("{} {EXAMPLE}: it names no host", quoted(text)));
        }
        let default_port = if scheme.is_secure() { 443 } else { 80 };
        Ok(Self {
            scheme,
            authority: authority.to_owned(),
            path: path.trim_end_matches('/').to_owned(),
            query: if query.len() > 1 { query.to_owned() } else { String::new() },
            host: host.to_ascii_lowercase(),
            port: port.unwrap_or(default_port),
        })
    }

    /// The address, without a trailing slash.
    pub(super) fn text(&self) -> String {
        format!("{}://{}{}{}", self.scheme.name(), self.authority, self.path, self.query)
    }

    /// The same as it may be shown.
    pub(super) fn public(&self) -> String {
        shown(&public_address(&self.text()))
    }

    /// The host, without a port; an IPv6 address has its brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The names and values of its query.
    pub(super) fn query(&self) -> impl Iterator<Item = (&str, &str)> {
        let query = self.query.strip_prefix('?').unwrap_or_default();
        query.split('&').filter_map(|pair| pair.split_once('='))
    }

    /// Whether it is a WebSocket's.
    pub(super) fn is_websocket(&self) -> bool {
        self.scheme.is_websocket()
    }

    /// Whether it is on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Whether it is one of Azure's endpoints that have a single model, which needs no name.
    pub(super) fn has_one_model(&self) -> bool {
        // GitHub's older address ends alike, and has many.
        let is_shared = self.host == "models.inference.ai.azure.com";
        let ends = [".models.ai.azure.com", ".inference.ai.azure.com"];
        !is_shared && ends.iter().any(|end| self.host.ends_with(end))
    }

    /// Whether a key that was given for one may go to the other: the same host and port, and encrypted
    /// where the other is. A WebSocket and HTTP can be the same server.
    pub(super) fn same_server(&self, other: &BaseUrl) -> bool {
        let server = |url: &BaseUrl| (url.scheme.is_secure(), url.host.clone(), url.port);
        server(self) == server(other)
    }

    /// The address as `dialect` takes it; who copied the address of a request gets its base.
    ///
    /// # Errors
    /// It is none for that dialect: a sentence that says what to do.
    pub(super) fn for_dialect(mut self, dialect: Dialect) -> Result<Address, String> {
        let takes_query = match dialect {
            Dialect::WebSocket if !self.is_websocket() => {
                return Err(format!(
                    "`{}` is no address of a WebSocket: the dialect websocket takes the whole one, as {EXAMPLE_WS}; \
                     an {}:// address speaks openai-chat",
                    self.public(),
                    self.scheme.name()
                ));
            }
            Dialect::WebSocket | Dialect::AzureInference | Dialect::AzureOpenAi => true,
            Dialect::OpenAiChat
            | Dialect::OpenAiCompletions
            | Dialect::OpenAiResponses
            | Dialect::AnthropicMessages
            | Dialect::Ollama => false,
        };
        if dialect != Dialect::WebSocket && self.is_websocket() {
            return Err(format!(
                "`{}` is the address of a WebSocket: its dialect is websocket, not {}",
                self.public(),
                dialect.name()
            ));
        }
        if !takes_query && !self.query.is_empty() {
            return Err(format!("`{}` must end with the path: no `?` and no `#`", self.public()));
        }
        let mut address = Address { deployment: None, version: None, url: self.clone() };
        match dialect {
            Dialect::WebSocket => return Ok(address),
            Dialect::OpenAiCompletions if !self.path.ends_with("/chat/completions") => {
                self.cut("/completions");
            }
            _ => self.cut("/chat/completions"),
        }
        if let Some((_, name)) = self.path.rsplit_once("/openai/deployments/")
            && !name.is_empty()
            && !name.contains('/')
        {
            address.deployment = Some(name.to_owned());
        }
        if dialect == Dialect::AzureOpenAi {
            if let Some(name) = &address.deployment {
                self.cut(&format!("/deployments/{name}"));
            }
            self.cut("/openai");
            address.version = self.take("api-version");
        }
        address.url = self;
        Ok(address)
    }

    fn cut(&mut self, end: &str) {
        if let Some(path) = self.path.strip_suffix(end) {
            self.path.truncate(path.trim_end_matches('/').len());
        }
    }

    /// Takes a member out of the query.
    fn take(&mut self, name: &str) -> Option<String> {
        let value = self.query().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())?;
        let rest: Vec<&str> = self.query[1..]
            .split('&')
            .filter(|pair| pair.split_once('=').is_none_or(|(known, _)| known != name))
            .collect();
        self.query = if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) };
        Some(value).filter(|value| !value.is_empty())
    }
}

/// Text that is no address, as an error may show it: it may hold a key, or be one.
fn quoted(text: &str) -> String {
    let is_address = text == "localhost" || text.contains(['.', ':', '/']);
    if !is_address || text.contains('@') {
        return "it".to_owned();
    }
    let public = public_address(text);
    let public = if text.contains("://") { public.into_owned() } else { without_keys(&public) };
    format!("`{}`", shown(&public))
}

/// An address as a dialect takes it, and what else was said in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub url: BaseUrl,
    /// The deployment that the address of Azure's is for.
    pub deployment: Option<String>,
    /// The `api-version` that stood in it.
    pub version: Option<String>,
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`. `None` where the port is none.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let host_end = authority.find(']').map_or(0, |at| at + 1);
    let Some(colon) = authority[host_end..].find(':') else {
        return Some((authority, None));
    };
    let (host, port) = authority.split_at(host_end + colon);
    let port = &port[1..];
    if port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    port.parse().ok().map(|port| (host, Some(port)))
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.strip_suffix(']').is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok());
    }
    // Names with letters of other scripts are left to the resolver.
    !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '_'))
}

/// An address whose `/v1` may be missing.
pub(super) fn rooted(text: &str) -> Result<BaseUrl, String> {
    let mut url = BaseUrl::parse(text)?;
    if url.path.is_empty() && !url.is_websocket() {
        url.path.push_str("/v1");
    }
    Ok(url)
}

/// A server's address as its own variables give it: where it listens (0.0.0.0) means this machine, and
/// scheme, port and `/v1` may be missing.
pub(super) fn of_listener(text: &str, default_port: u16) -> Result<BaseUrl, String> {
    let text = text.trim().trim_end_matches('/');
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, text),
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // A socket's address is often given without the brackets that a URL wants.
    let bare_v6 = authority.parse::<Ipv6Addr>().map(|address| format!("[{address}]"));
    let authority = bare_v6.as_deref().unwrap_or(authority);
    let (host, port) = split_port(authority).ok_or_else(|| format!("{} has a bad port", quoted(text)))?;
    let localhost = Ipv4Addr::LOCALHOST.to_string();
    let host = match host {
        "" | "0.0.0.0" => &localhost,
        "[::]" => "[::1]",
        host => host,
    };
    let path = if path.ends_with("/v1") { path.to_owned() } else { format!("{path}/v1") };
    let url = match (scheme, port) {
        (None, port) => format!("http://{host}:{}{path}", port.unwrap_or(default_port)),
        (Some(scheme), Some(port)) => format!("{scheme}://{host}:{port}{path}"),
        (Some(scheme), None) => format!("{scheme}://{host}{path}"),
    };
    BaseUrl::parse(&url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> BaseUrl {
        BaseUrl::parse(text).expect(text)
    }

    #[test]
    fn a_trailing_slash_is_taken_off_and_the_rest_stays() {
        for (text, expected) in [
            ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
            ("https://api.deepseek.com", "https://api.deepseek.com"),
            ("HTTPS://x.y//", "https://x.y"),
            ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
            ("ws://h:1/v1/chat/completions", "ws://h:1/v1/chat/completions"),
            ("https://h/models/?api-version=1&a=b", "https://h/models?api-version=1&a=b"),
            ("https://h/v1?", "https://h/v1"),
        ] {
            assert_eq!(BaseUrl::parse(text).map(|url| url.text()), Ok(expected.to_owned()));
        }
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for text in [
            "",
            "localhost:8000",
            "ftp://x/v1",
            "http://",
            "http:///v1",
            "http://:80/v1",
            "http://x:99999",
            "http://x:/v1",
            "http://x y/",
            "http://[::1/v1",
            "http://[zz]/",
            "http://a/#b",
            "ws://?a=b",
        ] {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
        let error = BaseUrl::parse("https://me:hunter2@host/v1").expect_err("credentials");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_server_is_host_port_and_encryption() {
        assert!(url("https://A.b/v1").same_server(&url("https://a.b:443/other")));
        assert!(url("wss://a.b/v1/chat/completions").same_server(&url("https://a.b/v1")));
        assert!(url("ws://a.b:8000/x").same_server(&url("http://a.b:8000")));
        for (one, other) in [
            ("https://a.b", "http://a.b"),
            ("https://a.b", "https://a.b:8443"),
            ("https://a.b", "https://a.b.evil"),
            ("wss://a.b", "http://a.b"),
            ("ws://a.b:8000", "http://a.b:8001"),
        ] {
            assert!(!url(one).same_server(&url(other)), "{one} {other}");
        }
    }

    #[test]
    fn this_machine_is_known() {
        for text in ["http://localhost:1/v1", "http://127.0.0.2", "ws://[::1]:8/x"] {
            assert!(url(text).is_loopback(), "{text}");
        }
        assert!(!url("http://127.0.0.1.example").is_loopback());
    }

    #[test]
    fn each_dialect_takes_its_addresses() {
        let taken = |text: &str, dialect| url(text).for_dialect(dialect).map(|address| address.url.text());
        let same = |text: &str, dialect| assert_eq!(taken(text, dialect), Ok(text.to_owned()));
        same("http://h/v1", Dialect::OpenAiChat);
        same("ws://h/v1/chat/completions?token=t", Dialect::WebSocket);
        same("wss://h/v1/completions", Dialect::WebSocket);
        same("https://r.services.ai.azure.com/models?a=b", Dialect::AzureInference);
        same("https://r.openai.azure.com/openai/v1", Dialect::AzureOpenAi);
        let refused = |text, dialect, words: &str| {
            let error = taken(text, dialect).expect_err(text);
            assert!(error.contains(words), "{error}");
        };
        refused("http://h/v1?a=b", Dialect::OpenAiChat, "no `?`");
        refused("ws://h/v1/chat/completions", Dialect::OpenAiChat, "its dialect is websocket");
        refused("wss://h", Dialect::AzureInference, "its dialect is websocket");
        refused("http://h/v1", Dialect::WebSocket, "ws://127.0.0.1:8000/v1/chat/completions");
        // What was copied from an example of a request is understood.
        for (text, dialect, expected) in [
            ("http://h/v1/chat/completions", Dialect::OpenAiChat, "http://h/v1"),
            ("http://h/v1/completions", Dialect::OpenAiCompletions, "http://h/v1"),
            ("http://h/v1/chat/completions", Dialect::OpenAiCompletions, "http://h/v1"),
            (
                "https://r.services.ai.azure.com/models/chat/completions?api-version=1",
                Dialect::AzureInference,
                "https://r.services.ai.azure.com/models?api-version=1",
            ),
            ("https://r.openai.azure.com/openai/", Dialect::AzureOpenAi, "https://r.openai.azure.com"),
        ] {
            assert_eq!(taken(text, dialect), Ok(expected.to_owned()));
        }
    }

    #[test]
    fn an_address_of_a_deployment_says_its_name_and_version() {
        let text = "https://r.openai.azure.com/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21&a=b";
        let address = url(text).for_dialect(Dialect::AzureOpenAi).expect("Azure's");
        assert_eq!(address.url.text(), "https://r.openai.azure.com?a=b");
        assert_eq!(address.deployment.as_deref(), Some("my-gpt"));
        assert_eq!(address.version.as_deref(), Some("2024-10-21"));
        // The other dialect takes the address of a deployment as it is.
        let address = url(text).for_dialect(Dialect::AzureInference).expect("Azure's");
        let whole = "https://r.openai.azure.com/openai/deployments/my-gpt?api-version=2024-10-21&a=b";
        assert_eq!((address.url.text().as_str(), address.version), (whole, None));
        assert_eq!(address.deployment.as_deref(), Some("my-gpt"));
    }

    #[test]
    fn where_a_server_listens_is_read_as_it_reads_it() {
        for (text, expected) in [
            ("127.0.0.1", "http://127.0.0.1:11434/v1"),
            ("box:1234", "http://box:1234/v1"),
            (":1234", "http://127.0.0.1:1234/v1"),
            ("0.0.0.0", "http://127.0.0.1:11434/v1"),
            ("[::]:99", "http://[::1]:99/v1"),
            ("http://box:11434/", "http://box:11434/v1"),
            ("https://ollama.example", "https://ollama.example/v1"),
            ("http://box:1/v1", "http://box:1/v1"),
        ] {
            assert_eq!(of_listener(text, 11434).map(|url| url.text()), Ok(expected.to_owned()), "{text}");
        }
        assert!(of_listener("box:port", 11434).is_err());
        for (text, expected) in [
            ("http://h:8000", "http://h:8000/v1"),
            ("http://h/", "http://h/v1"),
            ("http://h/api", "http://h/api"),
        ] {
            assert_eq!(rooted(text).map(|url| url.text()), Ok(expected.to_owned()), "{text}");
        }
    }
}
