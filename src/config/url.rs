//! Base URLs: what is accepted, and when two of them are the same server.

use std::net::Ipv6Addr;

/// An `http` or `https` address under which a dialect's paths lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BaseUrl {
    text: String,
    scheme: &'static str,
    host: String,
    port: u16,
}

impl BaseUrl {
    /// Reads one; a trailing slash is taken off.
    ///
    /// # Errors
    /// A sentence that says what is wrong, never quoting a password.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err("must be a URL without blanks".to_owned());
        }
        let example = "must be a URL like http://127.0.0.1:8000/v1 or https://api.example.com/v1";
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(format!("`{text}` {example}: it begins with neither http:// nor https://"));
        };
        let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => ("http", 80),
            "https" => ("https", 443),
            other => return Err(format!("the scheme `{other}` is neither http nor https; it {example}")),
        };
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(authority_end);
        if authority.contains('@') {
            return Err("must hold no user name or password; use api_key or headers".to_owned());
        }
        if path.contains(['?', '#']) {
            return Err(format!("`{text}` must end with the path: no `?` and no `#`"));
        }
        let (host, port) = split_port(authority).ok_or_else(|| format!("`{text}` {example}: bad port"))?;
        if !is_host(host) {
            return Err(format!("`{text}` {example}: it names no host"));
        }
        let path = path.trim_end_matches('/');
        Ok(Self {
            text: format!("{scheme}://{authority}{path}"),
            scheme,
            host: host.to_ascii_lowercase(),
            port: port.unwrap_or(default_port),
        })
    }

    /// The address, without a trailing slash.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, without a port; an IPv6 address has its brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whether a key that was given for one may go to the other: the same host, port and scheme.
    pub(super) fn same_server(&self, other: &BaseUrl) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }
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

/// `OLLAMA_HOST` as Ollama itself reads it: scheme and port may be missing, and an address to listen
/// on (0.0.0.0) means this machine.
pub(super) fn ollama(text: &str) -> Result<BaseUrl, String> {
    let text = text.trim().trim_end_matches('/');
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, text),
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (host, port) = split_port(authority).ok_or_else(|| format!("`{text}` has a bad port"))?;
    let host = match host {
        "" | "0.0.0.0" => "127.0.0.1",
        "[::]" => "[::1]",
        host => host,
    };
    let path = if path.ends_with("/v1") { path.to_owned() } else { format!("{path}/v1") };
    let url = match (scheme, port) {
        (None, port) => format!("http://{host}:{}{path}", port.unwrap_or(11434)),
        (Some(scheme), Some(port)) => format!("{scheme}://{host}:{port}{path}"),
        (Some(scheme), None) => format!("{scheme}://{host}{path}"),
    };
    BaseUrl::parse(&url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailing_slash_is_taken_off_and_the_rest_stays() {
        for (text, expected) in [
            ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
            ("https://api.deepseek.com", "https://api.deepseek.com"),
            ("HTTPS://x.y//", "https://x.y"),
            ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
        ] {
            assert_eq!(BaseUrl::parse(text).map(|url| url.as_str().to_owned()), Ok(expected.to_owned()));
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
            "http://a/b?c=d",
            "http://a/#b",
        ] {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
        let error = BaseUrl::parse("https://me:hunter2@host/v1").expect_err("credentials");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_server_is_host_port_and_scheme() {
        let url = |text| BaseUrl::parse(text).expect(text);
        assert!(url("https://A.b/v1").same_server(&url("https://a.b:443/other")));
        assert!(!url("https://a.b").same_server(&url("http://a.b")));
        assert!(!url("https://a.b").same_server(&url("https://a.b:8443")));
        assert!(!url("https://a.b").same_server(&url("https://a.b.evil")));
    }

    #[test]
    fn ollama_host_is_read_as_ollama_reads_it() {
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
            assert_eq!(ollama(text).map(|url| url.as_str().to_owned()), Ok(expected.to_owned()), "{text}");
        }
        assert!(ollama("box:port").is_err());
    }
}
