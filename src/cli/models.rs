//! `chatui models`: what the configured providers offer, one `provider:model` a line.
//!
//! All providers are asked at once and told in their order. One that fails says so on standard error, in
//! a line of its own, and hides nothing of the others; the exit code is 0 where at least one answered. A name
//! that cannot be shown as it is stands in `--json` only: what it would look like is no name.

use std::borrow::Cow;
use std::sync::Arc;

use futures::future::join_all;
use serde_json::{Value, json};

use super::args::{self, Shared, Stop};
use super::setup::Setup;
use super::{exit, print, runtime, say};
use crate::base::sanitize;
use crate::chat::{ListedModel, Provider, TurnError, models};
use crate::config::{Located, Place};

/// Asks and prints.
///
/// # Errors
/// Bad input. Where no provider answered, the exit code is the worst of theirs.
pub fn run(options: &args::Models) -> Result<u8, Stop> {
    let shared = Shared {
        base_url: options.base_url.clone(),
        dialect: options.dialect.clone(),
        api_key_env: options.api_key_env.clone(),
        // The one that is asked, or with an address of its own what that endpoint is called.
        provider: options.provider.clone(),
        connect_timeout: options.connect_timeout,
        config: options.config.clone(),
        no_save: true,
        verbose: options.verbose,
        ..Shared::default()
    };
    // Here the provider's name needs no flag.
    let setup = Setup::load(&shared)
        .map_err(|stop| Stop { text: stop.text.replace("--provider: ", "PROVIDER: "), ..stop })?;
    // Where none is named, all are asked.
    let others = setup.config.other_notices.iter().filter(|_| options.provider.is_none());
    for notice in setup.notices.iter().chain(others) {
        say(&format!("chatui: {notice}"));
    }
    let asked = asked(&setup, options)?;
    let answers = runtime()?.run(async {
        let services = setup.services();
        let connect = setup.config.timeouts.connect;
        let lists = asked.iter().map(|provider| services.models(provider, &setup.secrets, connect));
        join_all(lists).await
    })?;

    let mut code = None;
    let mut rows: Vec<(&Provider, ListedModel)> = Vec::new();
    for (provider, answer) in asked.iter().zip(answers) {
        let listed = match answer {
            Ok(listed) => {
                code = Some(exit::OK);
                listed
            }
            Err(error) => {
                say(&told(provider, &error));
                let worst = exit::of_error(&error);
                code = Some(code.map_or(worst, |code| if code == exit::OK { code } else { code.max(worst) }));
                known(provider)
            }
        };
        rows.extend(listed.into_iter().map(|model| (provider.as_ref(), model)));
    }
    let text = match options.json {
        true => as_json(&rows),
        false => {
            let count = rows.len();
            rows.retain(|(_, model)| matches!(sanitize::clean(&model.id), Cow::Borrowed(_)));
            if let left_out @ 1.. = count - rows.len() {
                let names = if left_out == 1 { "1 name was" } else { &format!("{left_out} names were") };
                say(&format!(
                    "chatui: {names} left out for characters that no line can show; --json has all"
                ));
            }
            as_lines(&rows)
        }
    };
    let printed = print(&text)?;
    Ok(code.unwrap_or(exit::OK).max(printed))
}

/// The provider that is named, else those that are configured; the demo where there is no other.
fn asked(setup: &Setup, options: &args::Models) -> Result<Vec<Arc<Provider>>, Stop> {
    let config = &setup.config;
    let named = match &options.provider {
        Some(name) => {
            let name = Located { value: name.clone(), place: Place::Flag("PROVIDER".to_owned()) };
            let at = config
                .named(&name)
                .map_err(|error| Stop { text: format!("chatui: {error}"), code: exit::USAGE })?;
            Some(at)
        }
        // The endpoint of --base-url is the default provider.
        None => config.default_provider.filter(|_| options.base_url.is_some()),
    };
    if let Some(at) = named {
        return Ok(vec![setup.providers[at].clone()]);
    }
    // The demo is the last of the configured ones.
    let others = config.configured.saturating_sub(1);
    let asked = if others == 0 { 0..config.configured } else { 0..others };
    Ok(setup.providers[asked].to_vec())
}

/// What the configuration names of a provider that did not answer.
fn known(provider: &Provider) -> Vec<ListedModel> {
    if provider.models.is_empty() { Vec::new() } else { models::merged(provider, Vec::new()) }
}

/// An error in one line.
fn told(provider: &Provider, error: &TurnError) -> String {
    let text = format!("chatui: {}: {}. {}", provider.name, error.message, error.hint);
    sanitize::clean(text.trim_end()).into_owned()
}

fn as_lines(rows: &[(&Provider, ListedModel)]) -> String {
    rows.iter().map(|(provider, model)| format!("{}:{}\n", provider.name, model.id)).collect()
}

/// An array with one model a line.
fn as_json(rows: &[(&Provider, ListedModel)]) -> String {
    let rows: Vec<String> = rows
        .iter()
        .map(|(provider, model)| {
            let price = model.price.map(|price| json!({"input": price.input, "output": price.output}));
            let row: Value = json!({
                "provider": provider.name,
                "id": model.id,
                "context": model.context,
                "price": price,
            });
            row.to_string()
        })
        .collect();
    if rows.is_empty() { "[]\n".to_owned() } else { format!("[\n{}\n]\n", rows.join(",\n")) }
}
