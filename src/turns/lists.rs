//! Lists of models: what a provider offers, and which servers run on this machine.
//!
//! One request a list, one time-out for the whole of it, no retry: a list that does not come costs a
//! line in the picker. Servers are looked for on loopback only, all ports at once. A long list is read on
//! a thread of its own, so that keys and signals do not wait for it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;

use super::attempt::{UNAUTHORIZED, failure};
use super::log::Log;
use super::record::Tape;
use super::{Services, redact};
use crate::base::Secrets;
use crate::chat::error::AttemptError;
use crate::chat::{Dialect, ErrorKind, ListedModel, Provider, TurnError, models, turn};
use crate::config;
use crate::demo;
use crate::wire::models::List;
use crate::wire::{self, GetRequest};

/// A longer list is not read on the event loop; this one takes a millisecond or two.
const AT_ONCE: usize = 256 << 10;

/// How long a list may take, and be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the connection; zero is no limit of its own.
    pub connect: Duration,
    /// For all of it, the connection too.
    pub whole: Duration,
    /// The most bytes: whole MiB.
    pub bytes: usize,
}

impl Patience {
    /// For a provider's list: to connect as configured, ten seconds in all.
    pub const fn of_list(connect: Duration) -> Self {
        Self { connect, whole: Duration::from_secs(10), bytes: wire::models::MAX_LIST_BYTES }
    }

    /// For what may be a server on this machine, and is asked without anybody's wish.
    pub const LOCAL: Self =
        Self { connect: Duration::from_millis(500), whole: Duration::from_millis(1500), bytes: 1 << 20 };
}

/// A port of this machine where a server is usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalPort {
    /// The port.
    pub port: u16,
    /// What a provider there is called.
    pub name: &'static str,
    /// What it is called instead where it says that it is this.
    pub kinds: &'static [&'static str],
}

/// The usual ports: Ollama, LM Studio, llama.cpp; vLLM, ChoreoAI and Inferneo share one. Each name is that
/// of a preset with this address, so that a model that was found keeps its name in the next run.
pub const USUAL_PORTS: [LocalPort; 4] = [
    LocalPort { port: 11434, name: "ollama", kinds: &[] },
    LocalPort { port: 1234, name: "lmstudio", kinds: &[] },
    LocalPort { port: 8080, name: "llamacpp", kinds: &[] },
    LocalPort { port: 8000, name: "local8000", kinds: &["vllm", "inferneo", "choreoai"] },
];

impl LocalPort {
    /// What a server there is called that says this of itself.
    fn called(self, said: Option<&str>) -> Self {
        let kind = self.kinds.iter().find(|kind| said.is_some_and(|said| said.eq_ignore_ascii_case(kind)));
        Self { name: kind.copied().unwrap_or(self.name), ..self }
    }
}

/// A server that runs on this machine and is not configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Discovered {
    /// How to use it.
    pub provider: Arc<Provider>,
    /// What it offers; empty where it runs without a model.
    pub models: Vec<ListedModel>,
}

impl Services {
    /// What `provider` offers: its list, with what the configuration says of its models merged in
    /// ([`models::merged`]; with an empty list that gives what is known when this fails). The demo is not
    /// started for it.
    ///
    /// # Errors
    /// In words for people, without secrets: no key where one is needed, no connection, a time-out, an
    /// answer that is an error or no list.
    pub async fn models(
        &self,
        provider: &Provider,
        secrets: &Secrets,
        connect: Duration,
    ) -> Result<Vec<ListedModel>, TurnError> {
        match self.listed(provider, secrets, connect).await {
            Ok(listed) => Ok(models::merged(provider, listed)),
            // A gateway that has no list is not at fault where the configuration names the models.
            Err(error) if has_no_list(&error) && !provider.models.is_empty() => {
                Ok(models::merged(provider, Vec::new()))
            }
            Err(error) => Err(error),
        }
    }

    /// The list of `provider`'s server and nothing else.
    ///
    /// # Errors
    /// As [`Services::models`].
    pub async fn listed(
        &self,
        provider: &Provider,
        secrets: &Secrets,
        connect: Duration,
    ) -> Result<Vec<ListedModel>, TurnError> {
        if provider.name == config::DEMO && provider.base_url.is_empty() {
            return Ok(demo::models().map(ListedModel::named).collect());
        }
        if let Some(error) = turn::missing_key(provider) {
            return Err(error);
        }
        // A key may take longer to fetch than a list may.
        let listed = match self.keyed(provider).await {
            Ok(keyed) => {
                let provider = keyed.as_ref().unwrap_or(provider);
                self.list(provider, Patience::of_list(connect)).await.map(|list| list.models)
            }
            Err(error) => Err(turn::list_failed(provider, &error)),
        };
        let secrets = &self.secrets(secrets);
        match listed {
            Ok(mut listed) => {
                listed.retain(|model| secrets.find(&model.id).is_none());
                Ok(listed)
            }
            Err(mut error) => {
                redact::redact_error(secrets, &mut error);
                Err(error)
            }
        }
    }

    /// The servers that run at these ports of this machine and are not among `configured`, in the order
    /// of `ports`. It takes a second and a half at most. Presets that nobody configured do not belong
    /// into `configured`: that of Ollama has the very address that is looked at.
    pub async fn discover(&self, configured: &[Arc<Provider>], ports: &[LocalPort]) -> Vec<Discovered> {
        let free = ports.iter().filter(|local| !configured.iter().any(|known| is_at(known, local.port)));
        let asked = free.map(|local| async move {
            let four = self.look(local, IpAddr::V4(Ipv4Addr::LOCALHOST), configured);
            let six = self.look(local, IpAddr::V6(Ipv6Addr::LOCALHOST), configured);
            tokio::select! {
                biased;
                Some(found) = four => Some(found),
                Some(found) = six => Some(found),
                else => None,
            }
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// The server at a port, if there is one that is known by its list, or by how it greets.
    async fn look(
        &self,
        local: &LocalPort,
        address: IpAddr,
        configured: &[Arc<Provider>],
    ) -> Option<Discovered> {
        let provider = provider_at(local, address, configured);
        let found = |name: LocalPort, models| {
            let provider = Arc::new(provider_at(&name, address, configured));
            Some(Discovered { provider, models })
        };
        match self.list(&provider, Patience::LOCAL).await {
            Ok(list) => found(local.called(list.owner.as_deref()), list.models),
            // One that wants a key or has no list may still say what it is.
            Err(error) if error.status.is_some() && !local.kinds.is_empty() => {
                let called = local.called(self.greeting(&provider).await.as_deref());
                (called.name != local.name).then(|| found(called, Vec::new())).flatten()
            }
            Err(_) => None,
        }
    }

    /// What a server on this machine says that it is.
    async fn greeting(&self, provider: &Provider) -> Option<String> {
        let url = format!("{}/", provider.base_url.strip_suffix("/v1")?);
        let asked = async {
            let mut response =
                self.net.get(GetRequest { url, headers: Vec::new() }, Patience::LOCAL.connect).await?;
            let mut body = Vec::new();
            while body.len() <= AT_ONCE && response.chunk(&mut body).await? {}
            Ok::<_, AttemptError>(body)
        };
        let body = tokio::time::timeout(Patience::LOCAL.whole, asked).await.ok()?.ok()?;
        wire::models::service(&body)
    }

    /// One request for a list.
    async fn list(&self, provider: &Provider, patience: Patience) -> Result<List, TurnError> {
        let log = Log::of_list(provider, self);
        let listed = tokio::time::timeout(patience.whole, self.fetch(provider, patience, &log)).await;
        match listed {
            Ok(listed) => {
                log.list_ended(listed.as_ref().map(|list| list.models.len()));
                listed.map_err(|error| turn::list_failed(provider, &error))
            }
            Err(_) => {
                log.list_late(patience.whole);
                let seconds = patience.whole.as_secs_f32();
                let message = format!("no list of models came within {seconds} seconds");
                let hint = "The server may be busy: ask again, or name a model without the list.";
                Err(TurnError::new(ErrorKind::Timeout, message).with_hint(hint))
            }
        }
    }

    async fn fetch(&self, provider: &Provider, patience: Patience, log: &Log) -> Result<List, AttemptError> {
        let connect = patience.connect;
        let since = self.keys.fetches(provider);
        let request = wire::models::request(provider)?;
        log.asks(&request);
        let sent = Instant::now();
        let mut response = self.net.get(request, connect).await?;
        log.listed(&response, sent);
        if response.status == UNAUTHORIZED
            && let Some(renewed) = self.renewed(provider, since).await?
        {
            log.renewed();
            let sent = Instant::now();
            response = self.net.get(wire::models::request(&renewed)?, connect).await?;
            log.listed(&response, sent);
        }
        if !(200..300).contains(&response.status) {
            return Err(AttemptError::Http(failure(response, &mut Tape::default()).await));
        }
        let mut body = Vec::new();
        while response.chunk(&mut body).await? {
            if body.len() > patience.bytes {
                return Err(wire::models::too_large(patience.bytes));
            }
        }
        let list = read(body).await?;
        Ok(List { models: wire::models::offered(provider, list.models)?, ..list })
    }
}

/// Reads a list; a long one elsewhere.
async fn read(body: Vec<u8>) -> Result<List, AttemptError> {
    if body.len() <= AT_ONCE {
        return wire::models::read(&body);
    }
    let read = tokio::task::spawn_blocking(move || wire::models::read(&body)).await;
    read.unwrap_or_else(|_| {
        Err(AttemptError::Protocol {
            message: "the list of models could not be read".to_owned(),
            hint: "Ask again, or name a model without the list.".to_owned(),
        })
    })
}

/// Whether a server says that it has no list at all.
pub fn has_no_list(error: &TurnError) -> bool {
    matches!(error.status, Some(404 | 405 | 501))
}

/// Whether a provider's address is this port of this machine.
fn is_at(provider: &Provider, port: u16) -> bool {
    let Some((_, rest)) = provider.base_url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest).to_ascii_lowercase();
    let Some(host) = authority.strip_suffix(&format!(":{port}")) else { return false };
    let address: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
    host == "localhost" || address.is_some_and(|address| address.is_loopback() || address.is_unspecified())
}

/// The provider for a server at this port. A name that is taken gets the port after it.
fn provider_at(local: &LocalPort, address: IpAddr, configured: &[Arc<Provider>]) -> Provider {
    let is_taken = configured.iter().any(|known| known.name == local.name);
    let name = if is_taken { format!("{}-{}", local.name, local.port) } else { local.name.to_owned() };
    let url = format!("http://{}/v1", SocketAddr::new(address, local.port));
    Provider { needs: config::needs_of(local.name), ..Provider::new(name, Dialect::OpenAiChat, url) }
}

#[cfg(test)]
mod tests;
