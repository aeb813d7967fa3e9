//! Name look-up, connection and TLS: the way that a request takes, a line each.

use std::future::Future;
use std::time::Instant;

use super::provider::{Checks, took};
use super::report::Mark;
use crate::chat::error::AttemptError;
use crate::chat::{Provider, turn};

/// The most addresses of a name that are told.
const ADDRESSES: usize = 2;

/// How far the way to a server was walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walked {
    /// To its end, or as far as can be known without a request.
    There,
    /// Not to its end.
    Stopped,
}

impl Checks<'_> {
    /// Name look-up, connection and TLS on the way to `url`.
    pub async fn walk(&mut self, url: &str, provider: &Provider) -> Walked {
        let way = match self.services.net().way(url, self.patience.step) {
            Ok(way) => way,
            Err(error) => {
                self.failed("provider", &turn::list_failed(provider, &error));
                return Walked::Stopped;
            }
        };
        if let Some(proxy) = way.proxy() {
            self.report.tell(
                Mark::Ok,
                "proxy",
                &format!("{proxy} is taken; NO_PROXY={} goes past it", shown_host(url)),
            );
        }
        let failed = |name: &str, steps: &mut Self, error: &AttemptError, rest: &[&str]| {
            steps.failed(name, &turn::list_failed(provider, error));
            for (check, why) in rest.iter().zip(["there is no address", "there is no connection"]) {
                let why = if name == "connect" { "there is no connection" } else { why };
                steps.report.tell(Mark::Skip, check, why);
            }
            Walked::Stopped
        };

        self.report.announce("name", &format!("looks {} up", way.host()));
        let since = Instant::now();
        let addresses = match self.step(way.look_up()).await {
            Ok(addresses) => addresses,
            Err(error) => return failed("name", self, &error, &["connect", "tls"]),
        };
        let text = match way.host().parse::<std::net::IpAddr>() {
            Ok(address) => format!("{address} needs no look-up"),
            Err(_) => {
                let told: Vec<String> =
                    addresses.iter().take(ADDRESSES).map(|address| address.ip().to_string()).collect();
                let more = addresses.len().saturating_sub(ADDRESSES);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!("{} is {}{more} ({})", way.host(), told.join(", "), took(since))
            }
        };
        self.report.tell(Mark::Ok, "name", &text);

        self.report.announce("connect", &format!("connects to {}:{}", way.host(), way.port()));
        let since = Instant::now();
        let (stream, address) = match self.step(way.connect(&addresses)).await {
            Ok(connected) => connected,
            Err(error) => return failed("connect", self, &error, &["tls"]),
        };
        let whose = if way.proxy().is_some() { ", the proxy" } else { "" };
        self.report.tell(Mark::Ok, "connect", &format!("{address}{whose} ({})", took(since)));

        if !way.is_tls() {
            let (mark, text) = if way.is_loopback() {
                (Mark::Ok, "none, and none is needed on this machine")
            } else {
                (
                    Mark::Note,
                    "none: key and text can be read on the way; use https:// where the server has it",
                )
            };
            self.report.tell(mark, "tls", text);
            return Walked::There;
        }
        if !way.is_walkable() {
            self.skip("tls", "the proxy makes this connection: the model list shows whether it does");
            return Walked::There;
        }
        self.report.announce("tls", "agrees on a connection");
        let since = Instant::now();
        match self.step(way.handshake(stream)).await {
            Ok(tls) => {
                let issuer = match tls.certificate.issuer.as_str() {
                    "" => "nobody who is named".to_owned(),
                    issuer => issuer.to_owned(),
                };
                let until =
                    tls.certificate.until.map(|day| format!(", valid until {day}")).unwrap_or_default();
                let text = format!("{}, certificate by {issuer}{until} ({})", tls.version, took(since));
                self.report.tell(Mark::Ok, "tls", &text);
                Walked::There
            }
            Err(error) => failed("tls", self, &error, &[]),
        }
    }

    /// A step of the connection within its limit.
    async fn step<T>(&self, work: impl Future<Output = Result<T, AttemptError>>) -> Result<T, AttemptError> {
        let limit = self.patience.step;
        tokio::time::timeout(limit, work).await.unwrap_or(Err(AttemptError::ConnectTimeout(limit)))
    }
}

fn shown_host(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.split_once(']') {
        Some((address, _)) => address.trim_start_matches('['),
        None => host.split(':').next().unwrap_or(host),
    }
}

#[cfg(test)]
mod tests {
    use super::shown_host;

    #[test]
    fn the_host_of_an_address_is_told_alone() {
        for (url, host) in [
            ("http://[::1]:8000/v1", "::1"),
            ("https://user:word@h.example:1/v1", "h.example"),
            ("ws://h?a=b", "h"),
            ("h:1", "h"),
        ] {
            assert_eq!(shown_host(url), host);
        }
    }
}
