//! Which environment variables make which provider: its address, its key, its model.
//!
//! Variables go in families: a key belongs to the address of its own family and goes to no other. The
//! key of a preset that has nothing but a key stands in `assets/providers.toml`.

use super::error::{ConfigError, Located, Place};
use super::url::{self, BaseUrl};
use super::{Lookup, variable};

/// Variables that belong together.
struct Family {
    /// The provider that they make.
    provider: &'static str,
    address: Address,
    /// The keys for that address; the first that is set counts.
    keys: &'static [&'static str],
    /// A token in place of a key: it wins, and goes as a bearer's.
    token: Option<&'static str>,
    model: Option<&'static str>,
    /// What gives Azure's `api-version`.
    versions: &'static [&'static str],
}

enum Address {
    /// Any of these is the base URL.
    Url(&'static [&'static str]),
    /// The same, and `/v1` may be missing.
    Rooted(&'static str),
    /// Where the server itself listens, and its usual port.
    Listener(&'static str, u16),
    /// The same with a variable of its own for the port.
    HostAndPort(&'static str, &'static str, u16),
}

const FAMILIES: &[Family] = &[
    Family {
        provider: "openai",
        address: Address::Url(&["OPENAI_BASE_URL", "OPENAI_API_BASE"]),
        keys: &[],
        token: None,
        model: None,
        versions: &[],
    },
    Family {
        provider: "azure",
        address: Address::Url(&["AZURE_AI_CHAT_ENDPOINT"]),
        keys: &["AZURE_AI_CHAT_API_KEY", "AZURE_AI_CHAT_KEY"],
        token: None,
        model: Some("AZURE_AI_CHAT_MODEL"),
        versions: &[],
    },
    Family {
        provider: "azure",
        address: Address::Url(&["AZURE_INFERENCE_ENDPOINT"]),
        keys: &["AZURE_INFERENCE_CREDENTIAL"],
        token: None,
        model: Some("AZURE_AI_CHAT_MODEL"),
        versions: &[],
    },
    Family {
        provider: "azure-openai",
        address: Address::Url(&["AZURE_OPENAI_ENDPOINT"]),
        keys: &["AZURE_OPENAI_API_KEY"],
        token: Some("AZURE_OPENAI_AD_TOKEN"),
        model: None,
        versions: &["OPENAI_API_VERSION", "AZURE_OPENAI_API_VERSION"],
    },
    Family {
        provider: "ollama",
        address: Address::Listener("OLLAMA_HOST", 11434),
        keys: &[],
        token: None,
        model: None,
        versions: &[],
    },
    Family {
        provider: "choreoai",
        address: Address::Rooted("CHOREOAI_BASE_URL"),
        keys: &[],
        token: None,
        model: None,
        versions: &[],
    },
    Family {
        provider: "inferneo",
        address: Address::HostAndPort("INFERNEO_HOST", "INFERNEO_PORT", 8000),
        keys: &[],
        token: None,
        model: Some("INFERNEO_MODEL"),
        versions: &[],
    },
];

impl Address {
    /// The variable that gives it, and the address in it.
    fn read(&self, env: Lookup<'_>) -> Option<(&'static str, Result<BaseUrl, String>)> {
        match *self {
            Address::Url(names) => {
                let name = names.iter().find(|name| variable(env, name).is_some())?;
                Some((name, BaseUrl::parse(&variable(env, name)?)))
            }
            Address::Rooted(name) => Some((name, url::rooted(&variable(env, name)?))),
            Address::Listener(name, port) => Some((name, url::of_listener(&variable(env, name)?, port))),
            Address::HostAndPort(host, port, usual) => match (variable(env, host), variable(env, port)) {
                (None, None) => None,
                (Some(text), None) => Some((host, url::of_listener(&text, usual))),
                (text, Some(number)) => Some(match number.trim().parse() {
                    Ok(number) => (
                        text.as_ref().map_or(port, |_| host),
                        url::of_listener(text.as_deref().unwrap_or_default(), number),
                    ),
                    Err(_) => (port, Err(format!("`{}` is no port", super::error::shown(&number)))),
                }),
            },
        }
    }

    /// The variable that a person would set.
    const fn name(&self) -> &'static str {
        match self {
            Address::Url(names) => match names {
                [first, ..] => first,
                [] => "",
            },
            Address::Rooted(name) | Address::Listener(name, _) | Address::HostAndPort(name, _, _) => name,
        }
    }
}

/// What the environment says of a provider.
#[derive(Debug, Default)]
pub(super) struct FromEnv {
    pub url: Option<Located<BaseUrl>>,
    /// The variables that may hold its key, the first that is set counts.
    pub keys: Vec<&'static str>,
    pub token: Option<&'static str>,
    pub model: Option<Located<String>>,
    pub version: Option<Located<String>>,
}

impl FromEnv {
    /// What is said of the provider of that name.
    ///
    /// # Errors
    /// An address that is none.
    pub(super) fn of(provider: &str, env: Lookup<'_>) -> Result<Self, ConfigError> {
        let families = || FAMILIES.iter().enumerate().filter(|(_, family)| family.provider == provider);
        let with_address = families().find_map(|(at, family)| Some((at, family.address.read(env)?)));
        let mut said = Self::default();
        if let Some((_, (name, url))) = &with_address {
            let place = Place::Variable((*name).to_owned());
            match url {
                Ok(url) => said.url = Some(Located { value: url.clone(), place }),
                Err(message) => return Err(ConfigError::new(place, message.clone())),
            }
        }
        let chosen = with_address.map(|(at, _)| at);
        let located = |name: &'static str| {
            let value = variable(env, name)?.trim().to_owned();
            Some(Located { value, place: Place::Variable(name.to_owned()) })
        };
        // Without an address of the environment's, the file or the preset has one: any of its keys is meant.
        for (_, family) in families().filter(|(at, _)| chosen.is_none_or(|chosen| chosen == *at)) {
            said.keys.extend(family.keys);
            said.token = said.token.or(family.token);
            said.model = said.model.or_else(|| located(family.model?));
            said.version = said.version.or_else(|| family.versions.iter().find_map(|name| located(name)));
        }
        Ok(said)
    }

    /// The variable of its key or token that is set.
    pub(super) fn key_that_is_set(&self, env: Lookup<'_>) -> Option<&'static str> {
        self.token.into_iter().chain(self.keys.iter().copied()).find(|name| variable(env, name).is_some())
    }
}

/// The variables that give a provider's address, for those who look for one.
pub(super) fn address_variables(provider: &str) -> Vec<&'static str> {
    FAMILIES.iter().filter(|family| family.provider == provider).map(|family| family.address.name()).collect()
}

/// All of these variables.
pub(super) fn all_variables() -> Vec<&'static str> {
    let mut names = Vec::new();
    for family in FAMILIES {
        match &family.address {
            Address::Url(urls) => names.extend(*urls),
            Address::Rooted(name) | Address::Listener(name, _) => names.push(*name),
            Address::HostAndPort(host, port, _) => names.extend([*host, *port]),
        }
        names.extend(family.keys.iter().chain(&family.token).chain(&family.model).chain(family.versions));
    }
    names
}
