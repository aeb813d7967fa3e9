//! `chatui doctor`: what works and what does not, a line each with its cure.
//!
//! First the way to the provider, step by step as a request takes it: configuration, name, connection, TLS,
//! key, model list, one token; a step whose ground is missing is skipped and says so. Then what is on this
//! machine. Each check has a time limit. It changes nothing and costs a token at most. The exit code is that
//! of the worst failure.
//!
//! It knows no dialect: requests are made where all others are ([`crate::wire`], [`crate::turns`]), and the
//! address that one would go to says what is to be looked up.

mod local;
pub mod options;
mod report;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use local::Typed;
use report::{Look, Mark, Report};

use super::args::{Shared, Stop};
use super::ask::Signals;
use super::setup::{Setup, variable};
use super::{exit, runtime, seed};
use crate::base::secret::public_address;
use crate::base::{Id, sanitize};
use crate::chat::error::AttemptError;
use crate::chat::provider::KeyFrom;
use crate::chat::retry::{RetryPolicy, Timeouts};
use crate::chat::turn::{self, Outcome, TurnDone, TurnPlan};
use crate::chat::{
    ChatRequest, ErrorKind, FinishReason, Message, Params, Provider, Quirks, StreamEvent, Timestamp,
    TurnError, TurnEvent,
};
use crate::config::{self, ModelChoice};
use crate::turns::{self, Services, Source, TurnJob, lists};
use crate::wire;

/// Where a step of the connection has no limit of its own.
const STEP: Duration = Duration::from_secs(30);
/// A key may be asked of a person.
const KEY: Duration = Duration::from_secs(60);
/// A server may have to load the model first.
const FIRST_TOKEN: Duration = Duration::from_secs(60);
/// What the whole answer may take longer than its first token.
const REST: Duration = Duration::from_secs(30);
/// The most near names that are told.
const NEAR: usize = 3;
/// Stands for the model where none is named.
const UNNAMED: &str = "MODEL";
/// The most addresses of a name that are told.
const ADDRESSES: usize = 2;

/// Runs the checks.
///
/// # Errors
/// Flags that cannot be; what else is wrong is in the report.
pub fn run(shared: &Shared) -> Result<u8, Stop> {
    let mut report = Report::new(Look::detect(variable));
    let setup = match Setup::load(shared) {
        Ok(setup) => setup,
        Err(stop) if stop.code == exit::USAGE => {
            // Here the provider's name needs no flag.
            let text = stop.text.replace("--provider: ", "");
            return Err(Stop { text, ..stop });
        }
        Err(stop) => {
            without_configuration(&mut report, shared, &stop)?;
            return Ok(report.code());
        }
    };
    runtime()?.run(async {
        let (mut signals, _) = Signals::new()?;
        let ended = {
            let checks = all(&mut report, setup, shared);
            tokio::select! {
                biased;
                code = signals.next() => Some(code),
                typed = checks => (typed == Typed::Interrupt).then_some(exit::CANCELLED),
            }
        };
        if let Some(code) = ended {
            report.break_off();
            return Ok(code);
        }
        Ok(report.code())
    })?
}

/// The report where the configuration cannot be: it names no provider.
fn without_configuration(report: &mut Report, shared: &Shared, stop: &Stop) -> Result<(), Stop> {
    let mut lines = stop.text.lines().map(|line| line.strip_prefix("chatui: ").unwrap_or(line));
    report.tell(Mark::Fail(stop.code), "config", lines.next().unwrap_or_default());
    lines.for_each(|line| report.more(line));
    report.tell(Mark::Skip, "provider", "the configuration says which, and it has to be right first");
    let folder = shared.data_dir.clone().or_else(|| config::paths(&variable).data_dir);
    runtime()?.run(async {
        local::terminal(report);
        local::store(report, folder).await;
        local::editor(report);
    })
}

async fn all(report: &mut Report, mut setup: Setup, shared: &Shared) -> Typed {
    report.hide(setup.secrets.as_ref().clone());
    configuration(report, &setup, shared);
    // The store is looked at below, and not to be opened for it.
    let folder = setup.data_dir.take();
    let services = setup.services();
    let patience = Patience::of(&setup, shared);
    let (provider, model) = setup.chat_model();
    named(report, &setup, &provider, model.as_deref());
    Checks { report, setup: &setup, services, patience }.provider(&provider, model).await;

    let (typed, background) = local::terminal(report);
    if typed == Typed::Interrupt {
        return typed;
    }
    local::store(report, folder).await;
    local::editor(report);
    local::theme(report, &setup, background);
    Typed::Nothing
}

/// How long each step may take.
#[derive(Clone, Copy)]
struct Patience {
    /// Name look-up, connection and TLS, each.
    step: Duration,
    timeouts: Timeouts,
}

impl Patience {
    /// The limits of flags; else the configured ones, but none so long that nobody waits for it.
    fn of(setup: &Setup, shared: &Shared) -> Self {
        let configured = setup.config.timeouts;
        let bounded = |asked: Option<Duration>, usual: Duration, most: Duration| match asked {
            Some(asked) if !asked.is_zero() => asked,
            Some(_) | None if usual.is_zero() => most,
            Some(_) | None => usual.min(most),
        };
        let first = bounded(shared.first_timeout, configured.first, FIRST_TOKEN);
        let connect = bounded(shared.connect_timeout, configured.connect, STEP);
        let timeouts = Timeouts {
            connect,
            first,
            chunk: bounded(shared.chunk_timeout, configured.chunk, FIRST_TOKEN),
            total: bounded(shared.total_timeout, configured.total, first + REST),
        };
        Self { step: connect, timeouts }
    }
}

/// Where the configuration is, and what is odd about it.
fn configuration(report: &mut Report, setup: &Setup, shared: &Shared) {
    let file = shared.config.clone().or_else(|| config::paths(&variable).config_file);
    let text = match file {
        Some(file) if file.exists() => file.display().to_string(),
        Some(file) => format!("no file; `chatui config init` writes {}", file.display()),
        None => "no file, and no home folder for one: set CHATUI_CONFIG_DIR, or use --config".to_owned(),
    };
    report.tell(Mark::Ok, "config", &text);
    for notice in setup.notices.iter().chain(&setup.config.other_notices) {
        report.tell(Mark::Note, "config", notice);
    }
}

/// Who is checked.
fn named(report: &mut Report, setup: &Setup, provider: &Provider, model: Option<&str>) {
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

struct Checks<'r> {
    report: &'r mut Report,
    setup: &'r Setup,
    services: Services,
    patience: Patience,
}

/// How far the way to a server was walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Walked {
    /// To its end, or as far as can be known without a request.
    There,
    /// Not to its end.
    Stopped,
}

impl Checks<'_> {
    /// The way to a provider, to its first token.
    async fn provider(&mut self, provider: &Arc<Provider>, model: Option<String>) {
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
    fn skip(&mut self, name: &str, why: &str) -> bool {
        self.report.tell(Mark::Skip, name, why);
        false
    }

    fn failed(&mut self, name: &str, error: &TurnError) {
        self.report.tell(Mark::Fail(exit::of_error(error)), name, &told(error));
    }

    /// Name look-up, connection and TLS on the way to `url`.
    async fn walk(&mut self, url: &str, provider: &Provider) -> Walked {
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

    /// A streamed answer of one token.
    async fn stream(&mut self, name: &str, provider: &Arc<Provider>, model: &str, quirks: Quirks) {
        let seconds = self.patience.timeouts.first.as_secs();
        self.report.announce(name, &format!("waits for one token of {model}, up to {seconds} s"));
        let asked = single(provider, quirks);
        let params = self.setup.config.params_for(provider, model);
        let plan = TurnPlan {
            retry: RetryPolicy { max: 0, ..self.setup.config.retry },
            timeouts: self.patience.timeouts,
            quirks,
            ..TurnPlan::new(Arc::new(request(model, params)), &asked, seed())
        };
        let job = TurnJob {
            plan,
            provider: Arc::new(asked),
            secrets: self.setup.secrets.clone(),
            save: None,
            source: Source::Server,
        };
        let (_running, mut batches) = turns::start(job, &self.services);
        let mut answer = Answer::default();
        while let Some(batch) = batches.recv().await {
            batch.events.into_iter().for_each(|event| answer.take(event));
        }
        let (mark, text) = answer.verdict(model);
        let instead = provider.http_base_url.as_ref().filter(|_| quirks.no_websocket);
        let text = instead.map_or_else(|| text.clone(), |url| format!("{url}: {text}"));
        self.report.tell(mark, name, &text);
        for notice in answer.notices {
            self.report.tell(Mark::Note, name, &notice);
        }
    }
}

/// What came of the one token.
#[derive(Default)]
struct Answer {
    model: Option<String>,
    notices: Vec<String>,
    error: Option<TurnError>,
    done: Option<Box<TurnDone>>,
}

impl Answer {
    fn take(&mut self, event: TurnEvent) {
        match event {
            TurnEvent::Stream(StreamEvent::Start { model, .. }) => self.model = model,
            TurnEvent::Stream(StreamEvent::Notice(notice)) => self.notices.push(notice),
            TurnEvent::Error(error) => self.error = Some(error),
            TurnEvent::Done(done) => self.done = Some(done),
            TurnEvent::Stream(_) | TurnEvent::Sent { .. } | TurnEvent::Retry { .. } => {}
        }
    }

    fn verdict(&mut self, asked: &str) -> (Mark, String) {
        let Some(done) = &self.done else {
            return (Mark::Fail(exit::OTHER), "it ended without a word".into());
        };
        if let Some(error) = self.error.as_ref().filter(|_| done.outcome != Outcome::Complete) {
            if thinks_longer(error) {
                return (Mark::Ok, "it answers; one token was too little for it to think".to_owned());
            }
            return (Mark::Fail(exit::of_done(done.outcome, Some(error))), told(error));
        }
        let when = match done.metrics.ttft_ms {
            Some(ms) => format!("the first token came after {}", milliseconds(ms)),
            None => {
                // What it says of an empty answer is no news where one token was asked for.
                self.notices.retain(|notice| !notice.contains("without anything in it"));
                format!(
                    "it answered within {}, with no text in its one token",
                    milliseconds(done.metrics.duration_ms)
                )
            }
        };
        let whose = match &self.model {
            Some(model) if model != asked => format!(" from {model}"),
            Some(_) | None => String::new(),
        };
        let cost = match &done.usage {
            Some(usage) => {
                format!(
                    "; this took {} tokens of prompt, {} of answer",
                    usage.prompt_tokens, usage.completion_tokens
                )
            }
            None => String::new(),
        };
        let mark = match done.choices.first().and_then(|choice| choice.finish.as_ref()).map(|end| end.reason)
        {
            Some(FinishReason::Failed) => Mark::Fail(exit::OTHER),
            Some(FinishReason::Stop | FinishReason::Length | FinishReason::Tools | FinishReason::Filter)
            | None => Mark::Ok,
        };
        (mark, format!("{when}{whose}{cost}"))
    }
}

/// OpenAI's reasoning models refuse a limit that their thinking alone goes over. By then they have answered.
fn thinks_longer(error: &TurnError) -> bool {
    error.kind == ErrorKind::Http && error.message.contains("max_tokens or model output limit was reached")
}

/// The smallest question there is.
fn request(model: &str, params: Params) -> ChatRequest {
    let mut params = Params { max_tokens: Some(1), n: None, ..params };
    for name in ["n", "max_tokens", "max_completion_tokens"] {
        params.extra.remove(name);
    }
    ChatRequest {
        model: model.to_owned(),
        system: String::new(),
        messages: vec![Message::user(Id::from_bits(1), None, "Hi", Timestamp(0))],
        params,
        stream: true,
    }
}

/// The provider as it is asked for a single token, by no other way than the one that is to be checked.
fn single(provider: &Provider, quirks: Quirks) -> Provider {
    let mut provider = provider.clone();
    for name in ["n", "max_tokens", "max_completion_tokens"] {
        provider.extra_body.remove(name);
    }
    if !quirks.no_websocket {
        provider.http_base_url = None;
    }
    provider
}

/// An error in one line: what happened, what to do, and under which name the operator finds it.
fn told(error: &TurnError) -> String {
    let id = error.request_id.as_ref().map(|id| format!(" (request id {id})")).unwrap_or_default();
    let text = format!("{}{id}. {}", error.message.trim_end_matches('.'), error.hint);
    sanitize::clean(text.trim_end()).into_owned()
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

fn took(since: Instant) -> String {
    milliseconds(since.elapsed().as_secs_f64() * 1000.0)
}

fn milliseconds(ms: f64) -> String {
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
