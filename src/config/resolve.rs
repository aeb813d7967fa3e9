//! Which provider and which model: from `provider:model`, an alias, or a model's name alone.

use std::collections::BTreeMap;

use super::error::{ConfigError, Located, Place, shown};
use super::providers::{Providers, Unusable};
use super::{Lookup, variable};
use crate::chat::Provider;

/// What the next turn goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelChoice {
    /// A model.
    Chosen {
        /// Index into the providers.
        provider: usize,
        /// The model as the server names it.
        model: String,
    },
    /// A provider, but no model of it is named anywhere.
    NoModel {
        /// Index into the providers.
        provider: usize,
    },
    /// No provider at all: the chat opens the demo, `ask` says how to name one.
    NothingConfigured,
}

/// Whose model a text names.
enum Spec {
    Of(usize, String),
    /// A model of the default provider.
    Bare(String),
}

/// What names are looked up in.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    pub providers: &'a [Provider],
    pub configured: usize,
    pub unusable: &'a [Unusable],
    pub aliases: &'a BTreeMap<String, Located<String>>,
}

impl Names<'_> {
    /// The provider and model that `text` names, for a default provider and one that flags insist on.
    pub(super) fn resolve(
        self,
        text: &Located<String>,
        default: Option<usize>,
        pinned: Option<usize>,
    ) -> Result<Option<(usize, String)>, ConfigError> {
        Ok(match self.spec(text, default, pinned)? {
            Spec::Of(provider, model) => Some((provider, model)),
            Spec::Bare(model) => default.map(|provider| (provider, model)),
        })
    }

    /// The same, where a model's name alone stays one.
    fn spec(
        self,
        text: &Located<String>,
        default: Option<usize>,
        pinned: Option<usize>,
    ) -> Result<Spec, ConfigError> {
        match self.split(text, default, pinned)? {
            Spec::Bare(name) => match self.aliases.get(&name) {
                Some(target) => self.split(target, default, None),
                None => Ok(Spec::Bare(name)),
            },
            spec => Ok(spec),
        }
    }

    /// Splits at the first colon where what stands before it is a provider.
    fn split(
        self,
        text: &Located<String>,
        default: Option<usize>,
        pinned: Option<usize>,
    ) -> Result<Spec, ConfigError> {
        let whole = text.value.trim();
        let bare = || Spec::Bare(whole.to_owned());
        if whole.is_empty() {
            return Err(text.error("names no model"));
        }
        let Some((name, model)) = whole.split_once(':') else {
            return Ok(bare());
        };
        let Some(provider) = self.providers.iter().position(|provider| provider.name == name) else {
            let unusable = self.unusable.iter().find(|known| known.name == name);
            return match unusable.filter(|_| pinned.is_none()) {
                Some(known) => Err(known.error(&text.place)),
                None => Ok(bare()),
            };
        };
        // Ollama's models have colons too: `mistral:7b` with --provider ollama is a model, and with
        // Ollama as the default it is more likely one than a model of a provider that has no key.
        let is_of_another = pinned.is_some_and(|pinned| pinned != provider);
        let default_is_ollama = default.is_some_and(|default| self.providers[default].name == "ollama");
        if is_of_another || (provider >= self.configured && default_is_ollama) {
            return Ok(bare());
        }
        if model.is_empty() {
            return Err(text.error(format!("names no model after `{name}:`")));
        }
        Ok(Spec::Of(provider, model.to_owned()))
    }
}

/// The default provider and the choice.
pub(super) struct Resolved {
    pub default: Option<usize>,
    pub choice: ModelChoice,
    pub notice: Option<String>,
    /// Where the model is named; `None` where that is a provider's `default_model`, or nowhere.
    pub place: Option<Place>,
}

/// Resolves the model of a start: `-m`, else `CHATUI_MODEL`, else `model =`, else a default model.
pub(super) fn resolve(
    providers: &Providers,
    aliases: &BTreeMap<String, Located<String>>,
    in_file: Option<&Located<String>>,
    flag: Option<&str>,
    env: Lookup<'_>,
) -> Result<Resolved, ConfigError> {
    let names = Names {
        providers: &providers.all,
        configured: providers.configured,
        unusable: &providers.unusable,
        aliases,
    };
    let in_env = variable(env, "CHATUI_MODEL")
        .map(|value| Located { value, place: Place::Variable("CHATUI_MODEL".to_owned()) });
    let flag =
        flag.map(|value| Located { value: value.to_owned(), place: Place::Flag("--model".to_owned()) });

    // The demo is the last of the configured ones and never the default by itself.
    let first = (providers.configured > 1).then_some(0);
    let in_file = in_file.cloned();
    let default_model = in_env.as_ref().or(in_file.as_ref());
    let said = match providers.pinned {
        Some(pinned) => Some(pinned),
        None => match provider_named_by(names, [&in_env, &in_file], first) {
            Ok(named) => named,
            // Where -m names the model, a default that cannot be is no reason to stop.
            Err(_) if flag.is_some() => None,
            Err(error) => return Err(error),
        },
    };
    // A variable that cannot be hands the prompt to nobody else.
    if let Some(broken) = providers.unusable.iter().find(|known| known.is_first && said.is_none()) {
        let of_flag = flag.as_ref().map(|text| names.spec(text, first, None)).transpose()?;
        if !matches!(of_flag, Some(Spec::Of(..))) {
            return Err(broken.error(&Place::Variable("CHATUI_MODEL".to_owned())));
        }
    }
    let default = said.or(first);

    let named = match (&flag, default_model, providers.pinned) {
        (Some(text), _, pinned) => names.resolve(text, default, pinned)?,
        (None, Some(text), None) => names.resolve(text, default, None)?,
        // A default that names another provider says nothing of the one that a flag names.
        (None, Some(text), Some(pinned)) => {
            names.resolve(text, default, None).ok().flatten().filter(|(provider, _)| *provider == pinned)
        }
        (None, None, _) => None,
    };
    let place = named.as_ref().and(flag.as_ref().or(default_model)).map(|text| text.place.clone());
    let mut notice = None;
    let choice = match (named, default) {
        (Some((provider, model)), _) => ModelChoice::Chosen { provider, model },
        (None, Some(provider)) => match &providers.all[provider].default_model {
            Some(model) => ModelChoice::Chosen { provider, model: model.clone() },
            None => ModelChoice::NoModel { provider },
        },
        (None, None) => {
            if let Some(flag) = &flag {
                return Err(flag.error(format!(
                    "no provider is configured for `{}`: name one as PROVIDER:MODEL, or the server with --base-url",
                    shown(&flag.value)
                )));
            }
            notice = default_model.map(|text| {
                format!("{}: no provider is configured for `{}`", text.place, shown(&text.value))
            });
            ModelChoice::NothingConfigured
        }
    };
    Ok(Resolved { default, choice, notice, place })
}

/// The provider that the first of these default models names.
fn provider_named_by(
    names: Names<'_>,
    defaults: [&Option<Located<String>>; 2],
    first: Option<usize>,
) -> Result<Option<usize>, ConfigError> {
    for text in defaults.into_iter().flatten() {
        if let Spec::Of(provider, _) = names.spec(text, first, None)? {
            return Ok(Some(provider));
        }
    }
    Ok(None)
}
