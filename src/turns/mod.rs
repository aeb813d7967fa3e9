//! Drives one turn: the machine's orders to the network, the demo and the store, and facts back.
//!
//! [`start`] spawns one task a turn. It reads all live attempts itself, a piece of at most 64 KiB at a
//! time, and gives way after each, so that keys on the same thread are not kept waiting. What the turn
//! says goes to the caller in [`TurnBatch`]es over a bounded channel (a slow reader slows the server
//! down), and to the store at the latest 250 ms after it came. [`TurnHandle::cancel`], or dropping the
//! handle or the receiver, drops the attempts at once; what came is still saved.
//!
//! [`lists`] asks providers for their models; [`record`] writes down what they answer, and a turn can take
//! its answers from such a recording ([`Source`]).
//!
//! It decides nothing about retries or outcomes: that is [`crate::chat::Turn`]'s.

mod attempt;
mod drive;
mod keys;
pub mod lists;
mod log;
mod program;
pub mod record;
mod redact;
mod replay;
mod save;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::{OnceCell, mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use record::Recorder;

use crate::base::Secrets;
use crate::chat::error::AttemptError;
use crate::chat::turn::TurnPlan;
use crate::chat::{Message, Provider, Quirks, Session, TurnEvent};
use crate::config;
use crate::demo;
use crate::net;
use crate::store::Store;
use crate::wire::recording::RecordedTurn;

/// Batches that wait for the reader before the reading of answers stops.
const QUEUE: usize = 64;

/// One turn to run.
#[derive(Debug)]
pub struct TurnJob {
    /// What to ask, and how patiently. What was learnt of the endpoint is added by [`start`].
    pub plan: TurnPlan,
    /// Whom to ask.
    pub provider: Arc<Provider>,
    /// What must not be seen in anything that a server says.
    pub secrets: Arc<Secrets>,
    /// Where the turn is saved; `None`: nowhere.
    pub save: Option<SavePlan>,
    /// Where its answers come from.
    pub source: Source,
}

/// Where the answers of a turn come from.
#[derive(Clone, Debug, Default)]
pub enum Source {
    /// The provider's server.
    #[default]
    Server,
    /// A recording; the plan is the recorded one ([`RecordedTurn::plan`]). Nothing is sent or remembered.
    Recording(Arc<RecordedTurn>, Speed),
    /// Nowhere: the turn fails at once and says this.
    Nothing(String),
}

/// How fast a recording is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times as fast as it was; more than 0.
    Times(f64),
    /// Without any wait.
    AtOnce,
}

/// What is saved of a turn.
#[derive(Clone, Debug, PartialEq)]
pub struct SavePlan {
    /// The session, new or changed.
    pub session: Session,
    /// New whole messages, in order: the prompt.
    pub prompt: Vec<Message>,
    /// The answers that are about to stream, one a choice, in order.
    pub answers: Vec<Message>,
}

/// What the turn said since the last batch.
#[derive(Clone, Debug)]
pub struct TurnBatch {
    /// When it was decoded.
    pub at: Instant,
    /// In order. `Done` is the last of the last batch.
    pub events: Vec<TurnEvent>,
    /// Whether the turn is being saved; false from the moment that the store fails (a notice says why).
    pub saved: bool,
}

/// A running turn. Dropping it cancels the turn.
#[derive(Debug)]
pub struct TurnHandle {
    cancel: DropGuard,
}

impl TurnHandle {
    /// Stops the turn: its connections close now, `Done` still comes.
    pub fn cancel(self) {
        drop(self.cancel);
    }
}

/// What turns need of the world. Clones share it.
#[derive(Clone, Debug)]
pub struct Services {
    net: net::Client,
    store: Option<Store>,
    demo: Arc<Demo>,
    quirks: Arc<Mutex<HashMap<Endpoint, Quirks>>>,
    keys: Arc<keys::Keys>,
    recorder: Option<Recorder>,
}

/// Provider and model.
type Endpoint = (String, String);

#[derive(Debug)]
struct Demo {
    options: demo::Options,
    server: OnceCell<demo::Server>,
}

impl Services {
    /// Services without anything learnt. The demo starts when it is first used.
    pub fn new(net: net::Client, store: Option<Store>, demo: demo::Options) -> Self {
        Self {
            net,
            store,
            demo: Arc::new(Demo { options: demo, server: OnceCell::new() }),
            quirks: Arc::default(),
            keys: Arc::default(),
            recorder: None,
        }
    }

    /// These services, with all answers of servers recorded.
    #[must_use]
    pub fn recorded(self, recorder: Option<Recorder>) -> Self {
        Self { recorder, ..self }
    }

    /// The store, if there is one.
    pub fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// The HTTP client.
    pub fn net(&self) -> &net::Client {
        &self.net
    }

    /// `provider` with what is to be sent to it and where: its key is fetched and the demo's server is
    /// started, each when it is first used.
    ///
    /// # Errors
    /// Where the key cannot be had, or the demo cannot listen.
    pub async fn resolve(&self, provider: &Arc<Provider>) -> Result<Arc<Provider>, AttemptError> {
        if let Some(keyed) = self.keyed(provider).await? {
            return Ok(Arc::new(keyed));
        }
        if !provider.base_url.is_empty() || provider.name != config::DEMO {
            return Ok(Arc::clone(provider));
        }
        let options = demo::Options {
            tokens_per_second: provider.tokens_per_second.or(self.demo.options.tokens_per_second),
        };
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = self.demo.server.get_or_try_init(|| demo::start(listen, options)).await;
        let server = server.map_err(|error| AttemptError::Connect {
            message: format!("the built-in demo could not start: {error}"),
            hint: "A firewall or sandbox may forbid listening on 127.0.0.1.".into(),
        })?;
        Ok(Arc::new(Provider { base_url: server.base_url(), ..Provider::clone(provider) }))
    }

    /// `provider` with its key, where that is one that is fetched.
    async fn keyed(&self, provider: &Provider) -> Result<Option<Provider>, AttemptError> {
        let key = self.keys.key(provider).await?;
        Ok(key.map(|key| Provider { key: Some(key), ..provider.clone() }))
    }

    /// `provider` with another key, fetched anew, after its server refused the one that it was asked with
    /// `since`; `None` where there is no other.
    async fn renewed(
        &self,
        provider: &Provider,
        since: keys::Fetches,
    ) -> Result<Option<Provider>, AttemptError> {
        let key = self.keys.renewed(provider, since).await?;
        Ok(key.map(|key| Provider { key: Some(key), ..provider.clone() }))
    }

    /// Changes whenever a program that was to print a key has ended: it may have been at the terminal.
    pub fn fetches(&self) -> watch::Receiver<()> {
        self.keys.ended()
    }

    /// What must not be seen: what is configured, and the keys that were fetched so far.
    pub fn secrets(&self, configured: &Secrets) -> Secrets {
        let mut secrets = configured.clone();
        self.keys.add_to(&mut secrets);
        secrets
    }

    /// What `model` of `provider` was seen to refuse.
    pub fn quirks(&self, provider: &str, model: &str) -> Quirks {
        let known = self.quirks.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(provider.to_string(), model.to_string())).copied().unwrap_or_default()
    }

    fn remember(&self, provider: &str, model: &str, quirks: Quirks) {
        let mut known = self.quirks.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.entry((provider.to_string(), model.to_string())).or_default();
        // What another turn learnt meanwhile stays; the two names of the limit go to and fro.
        *known = Quirks { other_max_tokens: quirks.other_max_tokens, ..known.with(quirks) };
    }
}

/// Starts a turn on the present runtime. The receiver ends after `Done`.
pub fn start(mut job: TurnJob, services: &Services) -> (TurnHandle, mpsc::Receiver<TurnBatch>) {
    match job.source {
        Source::Server => {
            let learnt = services.quirks(&job.provider.name, &job.plan.request.model);
            job.plan.quirks = job.plan.quirks.with(job.provider.needs.quirks()).with(learnt);
        }
        Source::Recording(..) | Source::Nothing(_) => {}
    }

    let cancel = CancellationToken::new();
    let (sender, receiver) = mpsc::channel(QUEUE);
    let drive = drive::Drive::new(job, services.clone());
    tokio::spawn(drive.run(cancel.clone(), sender));
    (TurnHandle { cancel: cancel.drop_guard() }, receiver)
}
