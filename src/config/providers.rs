//! From entries, presets and environment to the providers in force.
//!
//! The rule that matters most: a key goes only to the server that it was given for. A preset's key
//! goes to the preset's own host (or where `OPENAI_BASE_URL` says, which belongs to `OPENAI_API_KEY`),
//! a key of the file to the host of that entry, and `--base-url` gets the one that `--api-key-env` names.

use std::collections::BTreeMap;

use super::entry::{DEMO, Entry, key};
use super::error::{ConfigError, ConfigErrors, Errors, Located, Place, shown};
use super::file::File;
use super::reader::{Source, join, looks_secret};
use super::url::{self, BaseUrl};
use super::{Flags, Lookup, variable};
use crate::base::{Secret, Secrets};
use crate::chat::provider::KeyFrom;
use crate::chat::{Dialect, Provider};

/// The presets, in the order in which the environment is searched.
const PRESETS: &str = include_str!("../../assets/providers.toml");
/// The model of the built-in demo.
pub const DEMO_MODEL: &str = "chat";

/// Parses the shipped presets with the code that reads the user's file.
pub(super) fn presets() -> Result<Vec<Entry>, ConfigErrors> {
    File::read(Source { name: "assets/providers.toml", text: PRESETS }).map(|file| file.providers)
}

/// The providers in force.
#[derive(Debug, Default)]
pub(super) struct Providers {
    /// The configured ones in order of preference, then the demo, then presets that only lack a key.
    pub all: Vec<Provider>,
    /// How many of them are configured; the demo counts.
    pub configured: usize,
    /// Which one `--provider` or `--base-url` names.
    pub pinned: Option<usize>,
    /// The presets whose dialect this version does not speak.
    pub unsupported: Vec<(String, Dialect)>,
    pub secrets: Secrets,
    pub notices: Vec<String>,
    /// Where addresses and keys came from that are not the file's, by their whole keys.
    pub origins: BTreeMap<String, Place>,
}

/// Puts them together.
pub(super) fn gather(entries: &[Entry], env: Lookup<'_>, flags: &Flags) -> Result<Providers, ConfigErrors> {
    let presets = presets()?;
    let mut errors = Errors::default();
    let mut builder = Builder {
        presets: &presets,
        env,
        secrets: Secrets::default(),
        notices: Vec::new(),
        origins: BTreeMap::new(),
    };
    let mut found = Vec::new();

    for entry in entries.iter().filter(|entry| entry.name != DEMO) {
        found.extend(errors.take(builder.build(entry)));
    }
    let mut dormant = Vec::new();
    let mut unsupported = Vec::new();
    for preset in presets.iter().filter(|preset| entries.iter().all(|entry| entry.name != preset.name)) {
        if let Some(dialect) = preset.dialect.as_ref().filter(|dialect| !dialect.value.is_supported()) {
            unsupported.push((preset.name.clone(), dialect.value));
            continue;
        }
        // Azure's resources have no common address: such a preset is nothing without one.
        if preset.base_url.is_none() && builder.env_url(&preset.name).is_ok_and(|url| url.is_none()) {
            continue;
        }
        let bare = Entry::new(&preset.name, preset.place.clone());
        let Some(provider) = errors.take(builder.build(&bare)) else { continue };
        let is_named = provider.key.is_some() || builder.env_url(&preset.name).is_ok_and(|url| url.is_some());
        if is_named { found.push(provider) } else { dormant.push(provider) }
    }
    if let Some(endpoint) = errors.take(builder.endpoint(flags)).flatten() {
        found.retain(|provider| provider.name != endpoint.name);
        dormant.retain(|provider| provider.name != endpoint.name);
        found.push(endpoint);
    }
    found.push(demo(entries.iter().find(|entry| entry.name == DEMO)));

    let configured = found.len();
    found.extend(dormant);
    let mut providers = Providers {
        all: found,
        configured,
        pinned: None,
        unsupported,
        secrets: builder.secrets,
        notices: builder.notices,
        origins: builder.origins,
    };
    errors.or(())?;
    providers.pinned = pinned(&providers, flags)?;
    Ok(providers)
}

/// The built-in provider; its address is known once its server runs.
fn demo(entry: Option<&Entry>) -> Provider {
    let place = Place::Flag("demo".to_owned());
    let entry = entry.cloned().unwrap_or_else(|| Entry::new(DEMO, place));
    Provider {
        extra_body: entry.extra_body,
        default_model: Some(entry.default_model.unwrap_or_else(|| DEMO_MODEL.to_owned())),
        models: entry.models,
        model_info: entry.model_info,
        max_tokens_field: entry.max_tokens_field.unwrap_or_default(),
        tokens_per_second: entry.tokens_per_second,
        ..Provider::new(DEMO, Dialect::OpenAiChat, String::new())
    }
}

/// The provider that `--provider` or `--base-url` names.
fn pinned(providers: &Providers, flags: &Flags) -> Result<Option<usize>, ConfigError> {
    let name = match (&flags.base_url, &flags.provider) {
        (Some(url), None) => endpoint_name(&flag_url(url)?),
        (_, Some(name)) => name.clone(),
        (None, None) => return Ok(None),
    };
    let place = Place::Flag("--provider".to_owned());
    find(&providers.all, &providers.unsupported, &Located { value: name, place }).map(Some)
}

/// Index of the provider of that name.
pub(super) fn find(
    all: &[Provider],
    unsupported: &[(String, Dialect)],
    name: &Located<String>,
) -> Result<usize, ConfigError> {
    if let Some(at) = all.iter().position(|provider| provider.name == name.value) {
        return Ok(at);
    }
    if let Some((_, dialect)) = unsupported.iter().find(|(known, _)| *known == name.value) {
        return Err(not_yet_supported(name.place.clone(), *dialect));
    }
    let known: Vec<&str> = all.iter().map(|provider| provider.name.as_str()).collect();
    let hint = super::error::suggestion(&name.value, &known);
    Err(name.error(format!("there is no provider `{}`; {hint}", shown(&name.value))))
}

pub(super) fn not_yet_supported(place: Place, dialect: Dialect) -> ConfigError {
    let spoken: Vec<&str> =
        Dialect::ALL.iter().filter(|dialect| dialect.is_supported()).map(|dialect| dialect.name()).collect();
    let message = format!(
        "the dialect `{}` is not yet supported; this version speaks {}",
        dialect.name(),
        spoken.join(", ")
    );
    ConfigError::new(place, message)
}

fn flag_url(text: &str) -> Result<BaseUrl, ConfigError> {
    BaseUrl::parse(text).map_err(|message| ConfigError::new(Place::Flag("--base-url".to_owned()), message))
}

/// What an endpoint of `--base-url` is called: its host. A name holds no colon, and the demo's is taken.
fn endpoint_name(url: &BaseUrl) -> String {
    let host = url.host();
    if host.contains(':') || host == DEMO { "endpoint".to_owned() } else { host.to_owned() }
}

struct Builder<'a> {
    presets: &'a [Entry],
    env: Lookup<'a>,
    secrets: Secrets,
    notices: Vec<String>,
    origins: BTreeMap<String, Place>,
}

impl Builder<'_> {
    fn note(&mut self, provider: &str, key: &str, place: Place) {
        self.origins.insert(join(&join("providers", provider), key), place);
    }

    /// The variable that gives a provider its address.
    fn url_variable(&self, provider: &str) -> Option<&'static str> {
        let variables: &[&'static str] = match provider {
            "openai" => &["OPENAI_BASE_URL", "OPENAI_API_BASE"],
            "ollama" => &["OLLAMA_HOST"],
            _ => &[],
        };
        variables.iter().copied().find(|name| variable(self.env, name).is_some())
    }

    /// The address that the environment gives a provider.
    fn env_url(&self, name: &str) -> Result<Option<BaseUrl>, ConfigError> {
        let Some(name) = self.url_variable(name) else {
            return Ok(None);
        };
        let text = variable(self.env, name).unwrap_or_default();
        let url = if name == "OLLAMA_HOST" { url::ollama(&text) } else { BaseUrl::parse(&text) };
        url.map(Some).map_err(|message| ConfigError::new(Place::Variable(name.to_owned()), message))
    }

    /// The key in a variable. One that cannot be a key counts as none, and is told: the provider
    /// may not be the one that is used.
    fn env_key(&mut self, name: &str) -> Option<Secret> {
        match key(&variable(self.env, name)?) {
            Ok(secret) => {
                self.secrets.add(&secret);
                Some(secret)
            }
            Err(message) => {
                self.notices.push(format!("environment variable {name} {message}; it is not used"));
                None
            }
        }
    }

    /// An entry with the preset of its name and the environment laid together.
    fn build(&mut self, entry: &Entry) -> Result<Provider, ConfigError> {
        let bare = Entry::new(&entry.name, entry.place.clone());
        let presets = self.presets;
        let preset = presets.iter().find(|preset| preset.name == entry.name).unwrap_or(&bare);
        let dialect = supported_dialect(entry, preset)?;

        let env_url = self.env_url(&entry.name)?;
        let Some(file_url) = entry.base_url.as_ref().or(preset.base_url.as_ref()) else {
            return Err(ConfigError::new(
                entry.place.clone(),
                "needs a base_url, as \"http://127.0.0.1:8000/v1\"",
            ));
        };
        let url = env_url.as_ref().unwrap_or(file_url);
        let at_home = preset.base_url.as_ref().is_some_and(|home| home.same_server(url));
        let at_file = url.same_server(file_url);
        if !at_file && entry.base_url.is_some() {
            self.notices.push(format!(
                "provider {}: the environment's {} is used, not the base_url of the file (nor its key)",
                entry.name,
                url.as_str()
            ));
        }

        // Named in the file beats the preset's variable, which beats a key written into the file.
        let named = entry.api_key_env.as_ref().filter(|_| at_file);
        let usual = preset.api_key_env.as_ref().filter(|_| at_home || env_url.is_some());
        let variable = named.or(usual);
        let in_env = variable.and_then(|name| self.env_key(name));
        let in_file = entry.api_key.clone().filter(|_| at_file && in_env.is_none());
        let key_from = if at_file && in_env.is_none() { entry.key_from.clone() } else { KeyFrom::Given };
        let key_source = match (&key_from, variable) {
            (KeyFrom::Command(words), _) => {
                // Its arguments may be secret.
                let program = words.first().map_or("", String::as_str);
                format!("the command `{program}`, api_key_command in [providers.{}]", entry.name)
            }
            (KeyFrom::Keyring, _) => format!("the keyring, for service chatui and account {}", entry.name),
            (KeyFrom::Given, Some(name)) if in_file.is_none() => name.clone(),
            (KeyFrom::Given, _) => format!("api_key_env or api_key in [providers.{}]", entry.name),
        };
        let needs_key = named.is_some() || key_from != KeyFrom::Given || (at_home && usual.is_some());
        if let Some(name) = variable.filter(|_| in_env.is_some()) {
            self.note(&entry.name, "api_key", Place::Variable(name.clone()));
        }
        if let Some(name) = env_url.as_ref().and_then(|_| self.url_variable(&entry.name)) {
            self.note(&entry.name, "base_url", Place::Variable(name.to_owned()));
        }
        let key = in_env.or(in_file);

        if let Some(secret) = &entry.api_key {
            self.secrets.add(secret);
        }
        self.add_secret_headers(&entry.headers);
        let headers =
            entry.headers.iter().filter(|(name, _)| at_file || !looks_secret(name)).cloned().collect();

        Ok(Provider {
            needs_key,
            key,
            key_from,
            key_source,
            headers,
            extra_body: entry.extra_body.clone(),
            default_model: entry
                .default_model
                .clone()
                .or_else(|| preset.default_model.clone().filter(|_| at_home)),
            models: entry.models.clone(),
            model_info: entry.model_info.clone(),
            max_tokens_field: entry.max_tokens_field.or(preset.max_tokens_field).unwrap_or_default(),
            ..Provider::new(entry.name.clone(), dialect, url.as_str().to_owned())
        })
    }

    /// The endpoint that flags alone describe.
    fn endpoint(&mut self, flags: &Flags) -> Result<Option<Provider>, ConfigError> {
        let dialect = flags.dialect.as_deref().map(flag_dialect).transpose()?;
        let Some(text) = &flags.base_url else {
            let stray = [("--dialect", &flags.dialect), ("--api-key-env", &flags.api_key_env)];
            return match stray.into_iter().find(|(_, value)| value.is_some()) {
                Some((flag, _)) => Err(ConfigError::new(
                    Place::Flag(flag.to_owned()),
                    "belongs to an endpoint given by --base-url URL; add that",
                )),
                None => Ok(None),
            };
        };
        let url = flag_url(text)?;
        if flags.provider.as_deref() == Some(DEMO) {
            let place = Place::Flag("--provider".to_owned());
            return Err(ConfigError::new(place, "`demo` is built in; give --base-url another name"));
        }
        let name = flags.provider.clone().unwrap_or_else(|| endpoint_name(&url));
        let preset = self.presets.iter().find(|preset| preset.name == name);
        let at_home =
            preset.and_then(|preset| preset.base_url.as_ref()).is_some_and(|home| home.same_server(&url));
        let preset_needs_key = preset.is_some_and(|preset| preset.api_key_env.is_some());
        let default_model = preset.and_then(|preset| preset.default_model.clone()).filter(|_| at_home);
        let max_tokens_field = preset.and_then(|preset| preset.max_tokens_field).unwrap_or_default();
        let key = flags.api_key_env.as_ref().and_then(|name| self.env_key(name));
        self.note(&name, "base_url", Place::Flag("--base-url".to_owned()));
        if flags.dialect.is_some() {
            self.note(&name, "dialect", Place::Flag("--dialect".to_owned()));
        }
        if let Some(variable) = flags.api_key_env.as_ref().filter(|_| key.is_some()) {
            self.note(&name, "api_key", Place::Variable(variable.clone()));
        }
        Ok(Some(Provider {
            needs_key: flags.api_key_env.is_some() || (at_home && preset_needs_key),
            key,
            key_source: flags.api_key_env.clone().unwrap_or_else(|| "--api-key-env NAME".to_owned()),
            default_model,
            max_tokens_field,
            ..Provider::new(name, dialect.unwrap_or(Dialect::OpenAiChat), url.as_str().to_owned())
        }))
    }

    /// Headers with a secret in them are kept out of sight; of `Bearer KEY` the key alone, too.
    fn add_secret_headers(&mut self, headers: &[(String, Secret)]) {
        for (_, value) in headers.iter().filter(|(name, _)| looks_secret(name)) {
            self.secrets.add(value);
            if let Some((_, key)) = value.expose().split_once(' ') {
                self.secrets.add(&Secret::new(key));
            }
        }
    }
}

fn supported_dialect(entry: &Entry, preset: &Entry) -> Result<Dialect, ConfigError> {
    let unknown_place = Located { value: Dialect::OpenAiChat, place: entry.place.clone() };
    let inherited =
        preset.dialect.as_ref().map(|dialect| Located { place: entry.place.clone(), ..dialect.clone() });
    let dialect = entry.dialect.clone().or(inherited).unwrap_or(unknown_place);
    if dialect.value.is_supported() {
        return Ok(dialect.value);
    }
    Err(not_yet_supported(dialect.place, dialect.value))
}

fn flag_dialect(name: &str) -> Result<Dialect, ConfigError> {
    let place = Place::Flag("--dialect".to_owned());
    match Dialect::parse(name) {
        Some(dialect) if dialect.is_supported() => Ok(dialect),
        Some(dialect) => Err(not_yet_supported(place, dialect)),
        None => {
            let hint = super::error::suggestion(name, &Dialect::ALL.map(Dialect::name));
            Err(ConfigError::new(place, format!("there is no dialect `{}`; {hint}", shown(name))))
        }
    }
}
