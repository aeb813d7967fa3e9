//! The way to a provider, to its first token: who it is, the connection, the key, the model list, the token.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::patience::Patience;
use super::report::{Mark, Report};
use super::token::request;
use super::walk::Walked;
use crate::base::sanitize;
use crate::base::secret::public_address;
use crate::chat::provider::KeyFrom;
use crate::chat::{Params, Provider, Quirks, TurnError, turn};
use crate::cli::exit;
use crate::cli::setup::Setup;
use crate::config::ModelChoice;
use crate::turns::{Services, lists};
use crate::wire;

/// A key may be asked of a person.
const KEY: Duration = Duration::from_secs(60);
/// The most near names that are told.
const NEAR: usize = 3;
/// Stands for the model where none is named.
const UNNAMED: &str = "MODEL";

/// Who is checked.
pub fn named(report: &mut Report, setup: &Setup, provider: &Provider, model: Option<&str>) {
    if matches!(setup.config.choice, ModelChoice::NothingConfigured) {
        let text = "none is configured, so this is the built-in demo. Set the key of one, as in \
                    `export OPENAI_API_KEY=…`, or write the file, or use --base-url URL";
        return report.tell(Mark::Note, "provider", text);
    }
    let at = if provider.base_url.is_empty() {
        "built in".to_owned()
    } else {
        format!("{} at {}", provider.dialect.name(), public_address(&provider.base_url))
    };
    let name = &provider.name;
    match model {
        Some(model) => report.tell(Mark::Ok, "provider", &format!("{name}, {at}, model {model}")),
        None => report.tell(
            Mark::Fail(exit::CONFIG),
            "provider",
            &format!(
                "{name}, {at}: it has no default model; name one with -m {name}:MODEL, or default_model"
            ),
        ),
    }
}

/// The checks of one provider.
pub struct Checks<'r> {
    pub report: &'r mut Report,
    pub setup: &'r Setup,
    pub services: Services,
    pub patience: Patience,
}

impl Checks<'_> {
    /// The way to a provider, to its first token.
    pub async fn provider(&mut self, provider: &Arc<Provider>, model: Option<String>) {
        // The demo's server starts here; keys that are fetched come later, with a line of their own.
        let given = Arc::new(Provider { key_from: KeyFrom::Given, ..provider.as_ref().clone() });
        let started = match self.services.resolve(&given).await {
            Ok(started) => started,
            Err(error) => return self.failed("connect", &turn::list_failed(provider, &error)),
        };
        let at = Provider { key_from: provider.key_from.clone(), ..started.as_ref().clone() };
        // Where no model is named, the way to its server is the same.
        let request = request(model.as_deref().unwrap_or(UNNAMED), Params::default());
        let address = |quirks| wire::encode(&request, &started, quirks).map(|request| request.url);
        let walked = match address(Quirks::default()) {
            Ok(url) => self.walk(&url, provider).await,
            Err(error) => {
                self.failed("provider", &turn::list_failed(provider, &error));
                Walked::Stopped
            }
        };
        // Where the same request would go elsewhere without a WebSocket, that is what it falls back to.
        let fallback = Quirks { no_websocket: true, ..Quirks::default() };
        let other = address(fallback).ok().filter(|other| address(Quirks::default()).as_ref() != Ok(other));

        let key = self.key(&at).await;
        if self.report.is_closed() {
            return;
        }
        let reached = walked == Walked::There || other.is_some();
        let refused = match (&key, reached) {
            (Some(keyed), true) => self.models(keyed, model.as_deref()).await,
            (None, _) => self.skip("models", "there is no key to ask with"),
            (Some(_), false) => self.skip("models", "there is no connection"),
        };
        let Some(model) = model else {
            return self.report.tell(Mark::Skip, "stream", "no model is named to ask");
        };
        let Some(keyed) = key else {
            return self.report.tell(Mark::Skip, "stream", "there is no key to ask with");
        };
        if refused {
            return self.report.tell(Mark::Skip, "stream", "the key is refused");
        }
        match walked {
            Walked::There => self.stream("stream", &keyed, &model, Quirks::default()).await,
            Walked::Stopped => self.report.tell(Mark::Skip, "stream", "there is no connection"),
        }
        if other.is_some() {
            self.stream("fallback", &keyed, &model, fallback).await;
        }
    }

    /// Says why a check is not made.
    pub fn skip(&mut self, name: &str, why: &str) -> bool {
        self.report.tell(Mark::Skip, name, why);
        false
    }

    pub fn failed(&mut self, name: &str, error: &TurnError) {
        self.report.tell(Mark::Fail(exit::of_error(error)), name, &told(error));
    }

    /// The key: where it was found, never what it is. `None`: there is none, and one is needed.
    async fn key(&mut self, provider: &Provider) -> Option<Arc<Provider>> {
        const NAME: &str = "key";
        let source = &provider.key_source;
        let keyed = match &provider.key_from {
            KeyFrom::Given => Arc::new(provider.clone()),
            KeyFrom::Command(_) | KeyFrom::Keyring => {
                self.report.announce(NAME, &format!("asks {source}"));
                let wanted = Arc::new(provider.clone());
                match tokio::time::timeout(KEY, self.services.resolve(&wanted)).await {
                    Ok(Ok(keyed)) => keyed,
                    Ok(Err(error)) => {
                        self.failed(NAME, &turn::list_failed(provider, &error));
                        return None;
                    }
                    Err(_) => {
                        let text = format!("nothing came from {source} within {} s", KEY.as_secs());
                        self.report.tell(Mark::Fail(exit::AUTH), NAME, &text);
                        return None;
                    }
                }
            }
        };
        self.report.hide(self.services.secrets(&self.setup.secrets));
        if keyed.key.as_ref().is_some_and(|key| !key.is_empty()) {
            self.report.tell(Mark::Ok, NAME, &format!("found: {source}"));
            // What is fetched again would be asked of a person again.
            let keyed = Provider { key_from: KeyFrom::Given, ..keyed.as_ref().clone() };
            return Some(Arc::new(keyed));
        }
        if !keyed.needs_key {
            self.report.tell(Mark::Ok, NAME, "none is given, and none is needed as far as is known");
            return Some(keyed);
        }
        let is_variable = source.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let text = if is_variable && !source.is_empty() {
            format!("{source} is not set: export {source}=…")
        } else {
            format!("there is none for {}: set {source}", provider.name)
        };
        self.report.tell(Mark::Fail(exit::AUTH), NAME, &text);
        None
    }

    /// The model list, and whether the model in force is in it. Says whether the key was refused.
    async fn models(&mut self, provider: &Arc<Provider>, model: Option<&str>) -> bool {
        const NAME: &str = "models";
        self.report.announce(NAME, "asks for the list");
        let since = Instant::now();
        let connect = self.patience.timeouts.connect;
        // The name that is to be asked counts as a configured one.
        let asked = model.unwrap_or(UNNAMED).to_owned();
        let named = Provider { default_model: Some(asked), ..provider.as_ref().clone() };
        let listed = match self.services.listed(&named, &self.setup.secrets, connect).await {
            Ok(_) if !wire::models::lists_names(provider.dialect) => {
                let took = took(since);
                let text = format!(
                    "the service answers; it lists base models, not deployments, so only asking shows whether \
                     there is one of a name ({took})"
                );
                self.report.tell(Mark::Note, NAME, &text);
                return false;
            }
            Ok(listed) => listed,
            Err(error) if lists::has_no_list(&error) => {
                let text =
                    format!("this server has no list ({}): name models where they are needed", error.message);
                self.report.tell(Mark::Note, NAME, &text);
                return false;
            }
            Err(error) => {
                self.failed(NAME, &error);
                return error.status == Some(401);
            }
        };
        let count = match listed.len() {
            0 => "the list is empty".to_owned(),
            1 => "1 model".to_owned(),
            count => format!("{count} models"),
        };
        let took = took(since);
        let Some(model) = model else {
            let names: Vec<&str> = listed.iter().take(NEAR).map(|model| model.id.as_str()).collect();
            let text = format!("{count} ({took}); the first: {}", names.join(", "));
            self.report.tell(Mark::Ok, NAME, &text);
            return false;
        };
        if listed.iter().any(|listed| listed.id == model) {
            self.report.tell(Mark::Ok, NAME, &format!("{count}, {model} among them ({took})"));
            return false;
        }
        let near = near(model, listed.iter().map(|listed| listed.id.as_str()));
        let near = if near.is_empty() { String::new() } else { format!("; near names: {}", near.join(", ")) };
        self.report.tell(Mark::Note, NAME, &format!("{count}, {model} not among them ({took}){near}"));
        false
    }
}

/// An error in one line: what happened, what to do, and under which name the operator finds it.
pub fn told(error: &TurnError) -> String {
    let id = error.request_id.as_ref().map(|id| format!(" (request id {id})")).unwrap_or_default();
    let text = format!("{}{id}. {}", error.message.trim_end_matches('.'), error.hint);
    sanitize::clean(text.trim_end()).into_owned()
}

/// How long it took.
pub fn took(since: Instant) -> String {
    milliseconds(since.elapsed().as_secs_f64() * 1000.0)
}

/// A time as it is told.
pub fn milliseconds(ms: f64) -> String {
    if ms < 10.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

/// The names that are most like this one.
fn near<'l>(model: &str, listed: impl Iterator<Item = &'l str>) -> Vec<&'l str> {
    let last = |id: &str| id.rsplit('/').next().unwrap_or(id).to_lowercase();
    let wanted = last(model);
    let mut near: Vec<(usize, &str)> = listed
        .filter_map(|id| {
            let name = last(id);
            let distance = if !name.is_empty() && (name.contains(&wanted) || wanted.contains(&name)) {
                name.len().abs_diff(wanted.len()) / 4
            } else {
                strsim::osa_distance(&name, &wanted)
            };
            (distance <= (wanted.len() / 3).max(2)).then_some((distance, id))
        })
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter().take(NEAR).map(|(_, id)| id).collect()
}
