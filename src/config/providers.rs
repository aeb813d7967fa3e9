//! From entries, presets and environment to the providers in force.
//!
//! An entry inherits the preset of its name; the environment goes over both. `credentials` decides which
//! key goes along. An endpoint of flags alone gets the one that `--api-key-env` names.

use std::collections::BTreeMap;

use super::credentials::Server;
use super::entry::{self, DEMO, Entry};
use super::environment::{self, FromEnv};
use super::error::{ConfigError, ConfigErrors, Errors, Located, Place, shown};
use super::file::File;
use super::reader::{Source, join, looks_secret};
use super::url::{Address, BaseUrl};
use super::{Flags, Lookup};
use crate::base::Secrets;
use crate::base::secret::is_api_version;
use crate::chat::provider::{KeyFrom, MaxTokensField, Needs, section};
use crate::chat::{Dialect, Provider};

/// The presets, in the order in which the environment is searched.
const PRESETS: &str = include_str!("../../assets/providers.toml");
/// The dialects that know an `api-version`.
const AZURE: &[Dialect] = &[Dialect::AzureInference, Dialect::AzureOpenAi];
/// The model of the built-in demo.
pub const DEMO_MODEL: &str = "chat";

/// Parses the shipped presets with the code that reads the user's file.
pub(super) fn presets() -> Result<Vec<Entry>, ConfigErrors> {
    File::read(Source { name: "assets/providers.toml", text: PRESETS }).map(|file| file.providers)
}

/// Where the servers of a preset differ.
pub(super) fn needs_of(preset: &str) -> Needs {
    let presets = presets().unwrap_or_default();
    presets.iter().find(|known| known.name == preset).map(|known| needs(known, known)).unwrap_or_default()
}

/// How a preset calls the length limit.
pub(super) fn preset_field(preset: &str) -> MaxTokensField {
    let presets = presets().unwrap_or_default();
    let known = presets.iter().find(|known| known.name == preset);
    known.and_then(|known| known.max_tokens_field).unwrap_or_default()
}

/// A provider that cannot be used.
#[derive(Clone, Debug)]
pub(super) struct Unusable {
    pub name: String,
    /// Why, and what to do.
    pub why: String,
    /// The variable that is to blame, if one is.
    pub place: Option<Place>,
    /// Whether it would be the default.
    pub is_first: bool,
}

impl Unusable {
    /// A preset that this version, or nobody without an address, can use.
    fn preset(name: &str, why: String) -> Self {
        Self { name: name.to_owned(), why, place: None, is_first: false }
    }

    /// The error where it is named.
    pub(super) fn error(&self, by: &Place) -> ConfigError {
        ConfigError::new(self.place.as_ref().unwrap_or(by).clone(), self.why.clone())
    }
}

/// Something odd that was survived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    /// Whose business it is; `None`: everybody's.
    pub provider: Option<String>,
    pub text: String,
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
    /// The presets whose dialect this version does not speak, or that have no address, and who has a
    /// variable that cannot be.
    pub unusable: Vec<Unusable>,
    pub secrets: Secrets,
    pub notices: Vec<Notice>,
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
    let mut dormant = Vec::new();
    let mut unusable = Vec::new();
    // A variable that cannot be stops whoever uses its provider; all else that is wrong stops everybody.
    let mut refused = |error: ConfigError, name: &str, found: &[Provider], unusable: &mut Vec<Unusable>| {
        if !matches!(error.place, Place::Variable(_)) {
            return errors.push(error);
        }
        let is_first = found.is_empty() && unusable.iter().all(|known: &Unusable| !known.is_first);
        let (place, why) = (Some(error.place), error.message);
        unusable.push(Unusable { name: name.to_owned(), why, place, is_first });
    };

    for entry in entries.iter().filter(|entry| entry.name != DEMO) {
        match builder.build(entry) {
            Ok(built) => found.push(built.provider),
            Err(error) => refused(error, &entry.name, &found, &mut unusable),
        }
    }
    let mut halves = Vec::new();
    for preset in presets.iter().filter(|preset| entries.iter().all(|entry| entry.name != preset.name)) {
        if let Some(dialect) = preset.dialect.as_ref().filter(|dialect| !dialect.value.is_supported()) {
            unusable.push(Unusable::preset(&preset.name, not_yet(dialect.value)));
            continue;
        }
        let from_env = match FromEnv::of(&preset.name, env) {
            Ok(from_env) => from_env,
            Err(error) => {
                refused(error, &preset.name, &found, &mut unusable);
                continue;
            }
        };
        // Azure's resources have no common address: such a preset is nothing without one.
        if preset.base_url.is_none() && from_env.url.is_none() {
            let why = no_address(&preset.name);
            if let Some(name) = from_env.key_that_is_set(env) {
                let text = format!("environment variable {name} is set, but {why}");
                halves.push(Notice { provider: None, text });
            }
            unusable.push(Unusable::preset(&preset.name, why));
            continue;
        }
        let bare = Entry::new(&preset.name, preset.place.clone());
        match builder.build(&bare) {
            Ok(built) if built.is_named => found.push(built.provider),
            Ok(built) => dormant.push(built.provider),
            Err(error) => refused(error, &preset.name, &found, &mut unusable),
        }
    }
    if let Some(endpoint) = errors.take(builder.endpoint(flags)).flatten() {
        found.retain(|provider| provider.name != endpoint.name);
        dormant.retain(|provider| provider.name != endpoint.name);
        unusable.retain(|known| known.name != endpoint.name);
        found.push(endpoint);
    }
    found.push(demo(entries.iter().find(|entry| entry.name == DEMO)));
    for known in &unusable {
        if let Some(place) = &known.place {
            let text = format!("{place}: {}; provider {} cannot be used", known.why, known.name);
            builder.notice(&known.name, text);
        }
    }

    let configured = found.len();
    if configured == 1 {
        builder.notices.extend(halves);
    }
    found.extend(dormant);
    let mut providers = Providers {
        all: found,
        configured,
        pinned: None,
        unusable,
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
    find(&providers.all, &providers.unusable, &Located { value: name, place }).map(Some)
}

/// Index of the provider of that name.
pub(super) fn find(
    all: &[Provider],
    unusable: &[Unusable],
    name: &Located<String>,
) -> Result<usize, ConfigError> {
    if let Some(at) = all.iter().position(|provider| provider.name == name.value) {
        return Ok(at);
    }
    if let Some(known) = unusable.iter().find(|known| known.name == name.value) {
        return Err(known.error(&name.place));
    }
    let known = all.iter().map(|provider| provider.name.as_str());
    let known: Vec<&str> = known.chain(unusable.iter().map(|preset| preset.name.as_str())).collect();
    let hint = super::error::suggestion(&name.value, &known);
    Err(name.error(format!("there is no provider `{}`; {hint}", shown(&name.value))))
}

fn not_yet(dialect: Dialect) -> String {
    let spoken: Vec<&str> = Dialect::spoken().map(Dialect::name).collect();
    format!(
        "the dialect `{}` is not yet supported; this version speaks {}",
        dialect.name(),
        spoken.join(", ")
    )
}

fn no_address(provider: &str) -> String {
    let variables = environment::address_variables(provider).join(" or ");
    format!("provider {provider} has no address: set {variables}, or base_url in [providers.{provider}]")
}

fn flag_url(text: &str) -> Result<BaseUrl, ConfigError> {
    BaseUrl::parse(text).map_err(|message| ConfigError::new(Place::Flag("--base-url".to_owned()), message))
}

/// What an endpoint of `--base-url` is called: its host. A name holds no colon, and the demo's is taken.
fn endpoint_name(url: &BaseUrl) -> String {
    let host = url.host();
    if host.contains(':') || host == DEMO { "endpoint".to_owned() } else { host.to_owned() }
}

pub(super) struct Builder<'a> {
    presets: &'a [Entry],
    pub env: Lookup<'a>,
    pub secrets: Secrets,
    notices: Vec<Notice>,
    origins: BTreeMap<String, Place>,
}

/// A provider, and whether the environment speaks of it.
struct Built {
    provider: Provider,
    is_named: bool,
}

impl Builder<'_> {
    pub(super) fn note(&mut self, provider: &str, key: &str, place: Place) {
        self.origins.insert(join(&join("providers", provider), key), place);
    }

    /// Keeps what the users of a provider are to be told.
    pub(super) fn notice(&mut self, provider: &str, text: String) {
        self.notices.push(Notice { provider: Some(provider.to_owned()), text });
    }

    /// An entry with the preset of its name and the environment laid together.
    fn build(&mut self, entry: &Entry) -> Result<Built, ConfigError> {
        let bare = Entry::new(&entry.name, entry.place.clone());
        let presets = self.presets;
        let preset = presets.iter().find(|preset| preset.name == entry.name).unwrap_or(&bare);
        let from_env = FromEnv::of(&entry.name, self.env)?;

        let file_url = entry.base_url.as_ref().or(preset.base_url.as_ref());
        let Some(url) = from_env.url.as_ref().or(file_url) else {
            return Err(ConfigError::new(entry.place.clone(), needs_base_url(&entry.name)));
        };
        let dialect = dialect(entry, preset, &url.value)?;
        let Address { url: address, deployment, version } =
            url.value.clone().for_dialect(dialect).map_err(|message| url.error(message))?;
        let server = Server {
            at_home: preset.base_url.as_ref().is_none_or(|home| home.value.same_server(&address)),
            at_file: file_url.is_none_or(|file| file.value.same_server(&address)),
            url: address,
        };
        check_keys(entry, dialect)?;
        if !server.at_file && entry.base_url.is_some() {
            let text = format!(
                "provider {}: the environment's {} is used, not the base_url of the file (nor its key)",
                entry.name,
                server.url.public()
            );
            self.notice(&entry.name, text);
        }
        self.add_secrets(entry, &server.url);
        let keys = self.keys(entry, preset, &from_env, &server);
        if let Some(url) = &from_env.url {
            self.note(&entry.name, "base_url", url.place.clone());
        }
        for (name, said) in [("default_model", &from_env.model), ("api_version", &from_env.version)] {
            if let Some(said) = said {
                self.note(&entry.name, name, said.place.clone());
            }
        }
        let mut headers = Vec::from_iter(keys.token.clone());
        let of_file = entry.headers.iter().filter(|(name, _)| server.at_file || !looks_secret(name));
        headers.extend(of_file.cloned());

        let is_secret = keys.key.is_some()
            || keys.key_from != KeyFrom::Given
            || headers.iter().any(|(name, _)| looks_secret(name));
        let http_base_url = self.http_base_url(entry, &server.url, is_secret)?;
        let is_named = keys.key.is_some() || keys.token.is_some() || from_env.url.is_some();
        let (api_version, version_from) = version_of(entry, &from_env, version, url, dialect);
        let of_preset = preset.default_model.clone().filter(|_| server.at_home);
        let provider = Provider {
            needs_key: keys.is_needed,
            key: keys.key,
            key_from: keys.key_from,
            key_source: keys.source,
            headers,
            extra_body: entry.extra_body.clone(),
            default_model: from_env
                .model
                .map(|model| model.value)
                .or_else(|| entry.default_model.clone())
                .or(deployment)
                .or(of_preset)
                .or_else(|| only_model(&server.url)),
            models: entry.models.clone(),
            model_info: entry.model_info.clone(),
            max_tokens_field: entry.max_tokens_field.or(preset.max_tokens_field).unwrap_or_default(),
            api_version,
            version_from,
            extra_parameters: entry.extra_parameters.as_ref().map(|word| word.value),
            prompt_template: entry
                .prompt_template
                .as_ref()
                .map(|template| template.value.clone())
                .unwrap_or_default(),
            http_base_url,
            needs: needs(entry, preset),
            ..Provider::new(entry.name.clone(), dialect, server.url.text())
        };
        if let Some(version) = &provider.api_version {
            let place = self.origins.get(&join(&join("providers", &entry.name), "api_version"));
            let place = place.unwrap_or(&url.place).clone();
            entry::version(version).map_err(|message| ConfigError::new(place, message))?;
        }
        Ok(Built { provider, is_named })
    }

    /// The endpoint that flags alone describe.
    fn endpoint(&mut self, flags: &Flags) -> Result<Option<Provider>, ConfigError> {
        let named = flags.dialect.as_deref().map(flag_dialect).transpose()?;
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
        entry::check_name(&name)
            .map_err(|message| ConfigError::new(Place::Flag("--provider".to_owned()), message))?;
        let presets = self.presets;
        let preset = presets.iter().find(|preset| preset.name == name);
        let dialect = match named {
            Some(dialect) => dialect,
            None => {
                let place = Place::Flag("--provider".to_owned());
                let bare = Entry::new(&name, place.clone());
                dialect(&bare, preset.unwrap_or(&bare), &url)?
            }
        };
        let place = Place::Flag("--base-url".to_owned());
        let address = url.for_dialect(dialect);
        let Address { url, deployment, version } =
            address.map_err(|message| ConfigError::new(place.clone(), message))?;
        if let Some(version) = &version {
            entry::version(version).map_err(|message| ConfigError::new(place.clone(), message))?;
        }
        let home = preset.and_then(|preset| preset.base_url.as_ref());
        let at_home = home.is_some_and(|home| home.value.same_server(&url));
        let preset_needs_key =
            preset.is_some_and(|preset| preset.api_key_env.is_some()) && !url.is_loopback();
        let default_model = preset.and_then(|preset| preset.default_model.clone()).filter(|_| at_home);
        let max_tokens_field = preset.and_then(|preset| preset.max_tokens_field).unwrap_or_default();
        let key = flags.api_key_env.as_ref().and_then(|variable| self.env_key(&name, variable));
        self.note(&name, "base_url", place);
        if flags.dialect.is_some() {
            self.note(&name, "dialect", Place::Flag("--dialect".to_owned()));
        }
        if let Some(variable) = flags.api_key_env.as_ref().filter(|_| key.is_some()) {
            self.note(&name, "api_key", Place::Variable(variable.clone()));
        }
        let none = Entry::new(&name, Place::Flag("--base-url".to_owned()));
        self.add_secrets(&none, &url);
        Ok(Some(Provider {
            needs_key: flags.api_key_env.is_some() || (at_home && preset_needs_key),
            key,
            key_source: flags.api_key_env.clone().unwrap_or_else(|| "--api-key-env".to_owned()),
            default_model: default_model.or(deployment).or_else(|| only_model(&url)),
            max_tokens_field,
            api_version: version,
            version_from: "the query of --base-url".to_owned(),
            needs: needs(&none, preset.unwrap_or(&none)),
            ..Provider::new(name, dialect, url.text())
        }))
    }
}

/// The model of an endpoint that has but one: it is asked without a name.
fn only_model(url: &BaseUrl) -> Option<String> {
    url.has_one_model().then(String::new)
}

fn needs_base_url(provider: &str) -> String {
    let variables = environment::address_variables(provider);
    if variables.is_empty() {
        return "needs a base_url, as \"http://127.0.0.1:8000/v1\"".to_owned();
    }
    let example = match provider {
        "azure" => "https://RESOURCE.services.ai.azure.com/models",
        "azure-openai" => "https://RESOURCE.openai.azure.com",
        _ => "http://127.0.0.1:8000/v1",
    };
    format!("needs a base_url, as \"{example}\", or {} in the environment", variables.join(" or "))
}

/// Azure's `api-version`, and what says it where that is not `api_version` of the entry.
fn version_of(
    entry: &Entry,
    from_env: &FromEnv,
    in_address: Option<String>,
    url: &Located<BaseUrl>,
    dialect: Dialect,
) -> (Option<String>, String) {
    if !AZURE.contains(&dialect) {
        return (None, String::new());
    }
    if let Some(Located { value, place: Place::Variable(name) }) = &from_env.version {
        return (Some(value.clone()), name.clone());
    }
    if let Some(version) = &entry.api_version {
        return (Some(version.value.clone()), String::new());
    }
    let is_in_address = url.value.query().any(|(name, _)| is_api_version(name));
    let from = match &url.place {
        _ if !is_in_address => String::new(),
        Place::File { .. } => format!("the query of base_url in {}", section(&entry.name)),
        Place::Variable(name) | Place::Flag(name) => format!("the query of {name}"),
    };
    (in_address, from)
}

/// What the entry says, else the preset, else what the address shows.
fn dialect(entry: &Entry, preset: &Entry, url: &BaseUrl) -> Result<Dialect, ConfigError> {
    let by_address = if url.is_websocket() { Dialect::WebSocket } else { Dialect::OpenAiChat };
    let (value, place) = match (&entry.dialect, &preset.dialect) {
        (Some(said), _) => (said.value, &said.place),
        (None, Some(inherited)) => (inherited.value, &entry.place),
        (None, None) => (by_address, &entry.place),
    };
    if value.is_supported() { Ok(value) } else { Err(ConfigError::new(place.clone(), not_yet(value))) }
}

/// Keys that say something of some dialects only are refused beside another.
fn check_keys(entry: &Entry, dialect: Dialect) -> Result<(), ConfigError> {
    const PROMPTS: &[Dialect] = &[Dialect::OpenAiCompletions, Dialect::WebSocket];
    let keys = [
        (entry.api_version.as_ref().map(|key| &key.place), AZURE),
        (entry.extra_parameters.as_ref().map(|key| &key.place), &AZURE[..1]),
        (entry.prompt_template.as_ref().map(|key| &key.place), PROMPTS),
        (entry.http_base_url.as_ref().map(|key| &key.place), &PROMPTS[1..]),
    ];
    for (place, dialects) in keys {
        if let Some(place) = place.filter(|_| !dialects.contains(&dialect)) {
            let names: Vec<&str> = dialects.iter().map(|dialect| dialect.name()).collect();
            let message = format!(
                "says something to {} only; this provider speaks {}",
                names.join(" and "),
                dialect.name()
            );
            return Err(ConfigError::new(place.clone(), message));
        }
    }
    Ok(())
}

/// Where the servers differ.
fn needs(entry: &Entry, preset: &Entry) -> Needs {
    let is = |own: Option<bool>, inherited: Option<bool>| own.or(inherited).unwrap_or_default();
    Needs {
        send_back: entry.send_back.clone().or_else(|| preset.send_back.clone()).unwrap_or_default(),
        short_tool_ids: is(entry.short_tool_ids, preset.short_tool_ids),
        one_choice: is(entry.one_choice, preset.one_choice),
        no_stream_options: is(entry.no_stream_options, preset.no_stream_options),
    }
}

fn flag_dialect(name: &str) -> Result<Dialect, ConfigError> {
    let place = Place::Flag("--dialect".to_owned());
    match Dialect::parse(name) {
        Some(dialect) if dialect.is_supported() => Ok(dialect),
        Some(dialect) => Err(ConfigError::new(place, not_yet(dialect))),
        None => {
            let spoken: Vec<&str> = Dialect::spoken().map(Dialect::name).collect();
            let hint = super::error::suggestion(name, &spoken);
            Err(ConfigError::new(place, format!("there is no dialect `{}`; {hint}", shown(name))))
        }
    }
}
