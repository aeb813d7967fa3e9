//! Configuration: the text of `config.toml`, the environment and the flags in, what is in force (or
//! precise errors) out.
//!
//! [`load`] lays the layers over each other: built-in defaults and the presets of
//! `assets/providers.toml`, the file, the environment, the flags. `reader` walks the TOML with its
//! spans, `file` and `entry` say which keys there are, `environment` which variables; `providers` decides
//! who gets which address, `credentials` who gets which key, `resolve` which model is meant.
//!
//! Pure: it opens no file, reads no environment, and checks no theme's name; `cli` does.

mod credentials;
pub mod duration;
mod entry;
mod environment;
mod error;
mod file;
pub mod params;
mod paths;
mod providers;
mod reader;
mod resolve;
mod show;
mod url;

use std::collections::BTreeMap;
use std::time::Duration;

pub use entry::{DEMO, key};
pub use error::{ConfigError, ConfigErrors, Located, Place, nearest};
pub use file::MOST_RETRIES;
pub use paths::{Paths, paths};
pub use providers::DEMO_MODEL;
pub use resolve::ModelChoice;
pub use show::is_secret_field;

use crate::base::Secrets;
use crate::chat::provider::{Needs, PromptTemplate};
use crate::chat::retry::{RetryPolicy, Timeouts};
use crate::chat::{Params, Provider};
use error::shown;
use file::File;
use reader::Source;

/// Looks up an environment variable.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A variable that is set and not empty.
fn variable(env: Lookup<'_>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.trim().is_empty())
}

/// What [`load`] works on.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The file's name as errors show it; it need not exist.
    pub file_name: &'a str,
    /// The file's text, if there is one.
    pub file: Option<&'a str>,
    /// The environment.
    pub env: Lookup<'a>,
    /// The flags.
    pub flags: &'a Flags,
}

/// What flags say. What is unset leaves the layers under it alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flags {
    /// `-m`
    pub model: Option<String>,
    /// `--provider`
    pub provider: Option<String>,
    /// `--base-url`
    pub base_url: Option<String>,
    /// `--dialect`
    pub dialect: Option<String>,
    /// `--api-key-env`
    pub api_key_env: Option<String>,
    /// `--theme`
    pub theme: Option<String>,
    /// `--no-mouse`
    pub no_mouse: bool,
    /// `-s`, with its `@` where it names a file.
    pub system: Option<String>,
    /// Request parameters, those of `-o` among them.
    pub params: Params,
    /// `--connect-timeout`
    pub connect: Option<Duration>,
    /// `--first-timeout`
    pub first: Option<Duration>,
    /// `--chunk-timeout`
    pub chunk: Option<Duration>,
    /// `--total-timeout`
    pub total: Option<Duration>,
    /// `--retries`
    pub retries: Option<u32>,
}

/// The system prompt, or where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SystemSource {
    /// The text; empty for none.
    Text(String),
    /// A file, named by `-s @FILE`: relative to the working folder.
    FileOfFlag(String),
    /// A file, named in `config.toml`: relative to the folder of that.
    FileOfConfig(String),
}

impl SystemSource {
    fn of_flag(text: String) -> Self {
        match text.strip_prefix('@') {
            Some(path) => Self::FileOfFlag(path.to_owned()),
            None => Self::Text(text),
        }
    }

    fn of_file(text: String) -> Self {
        match text.strip_prefix('@') {
            Some(path) => Self::FileOfConfig(path.to_owned()),
            None => Self::Text(text),
        }
    }
}

/// Reordering of right-to-left text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Bidi {
    /// As the terminal needs it.
    #[default]
    Auto,
    /// Always by chatui.
    On,
    /// Never by chatui.
    Off,
}

/// `[ui]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ui {
    /// Keeps the first screen of an answer while text comes.
    pub hold: bool,
    /// Rows that one notch of the mouse wheel scrolls.
    pub wheel_lines: u16,
    /// Whether the mouse is asked for.
    pub mouse: bool,
    /// Right-to-left text.
    pub bidi: Bidi,
}

impl Default for Ui {
    fn default() -> Self {
        Self { hold: false, wheel_lines: 3, mouse: true, bidi: Bidi::Auto }
    }
}

/// A line of `[keys]`; who knows actions and keys checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLine {
    /// The action's name.
    pub action: String,
    /// Its keys as written.
    pub keys: Vec<String>,
    /// Where it stands.
    pub place: Place,
}

/// What is in force.
#[derive(Clone, Debug)]
pub struct Config {
    /// Those of the file in its order, of the environment in its order, the endpoint of the flags,
    /// the demo; then presets that are known but lack a key.
    pub providers: Vec<Provider>,
    /// How many of the providers are configured; the demo is the last of these.
    pub configured: usize,
    /// Index of the provider of models that are named alone.
    pub default_provider: Option<usize>,
    /// What the first turn goes to.
    pub choice: ModelChoice,
    /// The system prompt.
    pub system: SystemSource,
    /// The four time-outs.
    pub timeouts: Timeouts,
    /// When to try again.
    pub retry: RetryPolicy,
    /// The theme's name; who knows the themes checks it.
    pub theme: Option<Located<String>>,
    /// `[ui]`
    pub ui: Ui,
    /// `[keys]`
    pub keys: Vec<KeyLine>,
    /// Whether servers are looked for on this machine.
    pub discover: bool,
    /// All keys and secret headers.
    pub secrets: Secrets,
    /// What is odd and was survived, of the provider that is used or of all.
    pub notices: Vec<String>,
    /// The same of providers that are not used: for those who ask what is wrong.
    pub other_notices: Vec<String>,
    /// The person's own prompt templates; who knows their language checks them.
    pub templates: Vec<Located<String>>,
    file_name: String,
    params: Params,
    flag_params: Params,
    aliases: BTreeMap<String, Located<String>>,
    unusable: Vec<providers::Unusable>,
    /// Where each value that is not built in came from, by its whole key.
    origins: BTreeMap<String, Place>,
}

/// Lays all layers over each other.
///
/// # Errors
/// All that is wrong in the file; else all that is wrong in environment and flags.
pub fn load(inputs: Inputs<'_>) -> Result<Config, ConfigErrors> {
    let Inputs { file_name, file, env, flags } = inputs;
    let file = match file {
        Some(text) => File::read(Source { name: file_name, text })?,
        None => File::default(),
    };
    let providers = providers::gather(&file.providers, env, flags)?;
    let resolved =
        resolve::resolve(&providers, &file.aliases, file.model.as_ref(), flags.model.as_deref(), env)?;

    let system = match (&flags.system, variable(env, "SYSTEM_PROMPT")) {
        (Some(text), _) => SystemSource::of_flag(text.clone()),
        (None, Some(text)) => SystemSource::Text(text),
        (None, None) => file.system.unwrap_or_else(|| SystemSource::Text(String::new())),
    };
    let theme = match &flags.theme {
        Some(value) => Some(Located { value: value.clone(), place: Place::Flag("--theme".to_owned()) }),
        None => file.theme,
    };
    let templates = file.providers.iter().filter_map(|entry| {
        let template = entry.prompt_template.as_ref()?;
        let PromptTemplate::Own(text) = &template.value else { return None };
        Some(Located { value: text.clone(), place: template.place.clone() })
    });
    let templates = templates.collect();
    let mut origins = file.places;
    origins.extend(providers.origins);
    origins.extend(show::overriding(env, flags));
    origins.remove("model");
    origins.extend(resolved.place.map(|place| ("model".to_owned(), place)));
    let in_force = match &resolved.choice {
        ModelChoice::Chosen { provider, .. } | ModelChoice::NoModel { provider } => {
            Some(&providers.all[*provider].name)
        }
        ModelChoice::NothingConfigured => None,
    };
    let is_others = |notice: &providers::Notice| {
        notice.provider.as_ref().zip(in_force).is_some_and(|(whose, in_force)| whose != in_force)
    };
    let (others, own): (Vec<_>, Vec<_>) = providers.notices.into_iter().partition(is_others);
    let other_notices = others.into_iter().map(|notice| notice.text).collect();
    let notices = own.into_iter().map(|notice| notice.text).chain(resolved.notice).collect();
    Ok(Config {
        providers: providers.all,
        configured: providers.configured,
        default_provider: resolved.default,
        choice: resolved.choice,
        system,
        timeouts: Timeouts {
            connect: flags.connect.unwrap_or(file.timeouts.connect),
            first: flags.first.unwrap_or(file.timeouts.first),
            chunk: flags.chunk.unwrap_or(file.timeouts.chunk),
            total: flags.total.unwrap_or(file.timeouts.total),
        },
        retry: RetryPolicy { max: flags.retries.unwrap_or(file.retry.max), ..file.retry },
        theme,
        ui: Ui { mouse: file.ui.mouse && !flags.no_mouse, ..file.ui },
        keys: file.keys,
        discover: file.discover.unwrap_or(true),
        secrets: providers.secrets,
        notices,
        other_notices,
        templates,
        file_name: file_name.to_owned(),
        params: file.params,
        flag_params: flags.params.clone(),
        aliases: file.aliases,
        unusable: providers.unusable,
        origins,
    })
}

/// Where the servers of that preset differ; nowhere if there is no such preset.
pub fn needs_of(preset: &str) -> Needs {
    providers::needs_of(preset)
}

/// The keys that this version knows, the last part of each.
pub fn known_keys() -> impl Iterator<Item = &'static str> {
    file::known_keys().chain(entry::known_keys()).chain(params::NAMES.iter().copied())
}

/// The variables that make providers, and those that say something of all.
pub fn known_variables() -> impl Iterator<Item = &'static str> {
    environment::all_variables().into_iter().chain(["CHATUI_MODEL", "SYSTEM_PROMPT"])
}

impl Config {
    /// Index of the provider of that name.
    pub fn provider(&self, name: &str) -> Option<usize> {
        self.providers.iter().position(|provider| provider.name == name)
    }

    /// Index of the provider that an argument names, which need not be configured.
    ///
    /// # Errors
    /// There is none; with the nearest name, and all of them.
    pub fn named(&self, name: &Located<String>) -> Result<usize, ConfigError> {
        providers::find(&self.providers, &self.unusable, name)
    }

    /// The parameters of a request: `[params]`, the model's own over them, the flags over both.
    pub fn params_for(&self, provider: &Provider, model: &str) -> Params {
        let params = match provider.model_info.get(model) {
            Some(info) => self.params.overlaid(&info.params),
            None => self.params.clone(),
        };
        params.overlaid(&self.flag_params)
    }

    /// The provider and model that `text` names, as `/model` takes it; `default` is the provider of
    /// models that are named alone.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn resolve(&self, text: &str, default: usize) -> Result<(usize, String), String> {
        let names = resolve::Names {
            providers: &self.providers,
            configured: self.configured,
            unusable: &self.unusable,
            aliases: &self.aliases,
        };
        let text = Located { value: text.to_owned(), place: Place::Flag("/model".to_owned()) };
        match names.resolve(&text, Some(default), None) {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(format!("there is no provider for `{}`", shown(&text.value))),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The aliases, for completion and lists: name and what it stands for.
    pub fn aliases(&self) -> impl Iterator<Item = (&str, &str)> {
        self.aliases.iter().map(|(name, target)| (name.as_str(), target.value.as_str()))
    }

    /// The provider and model of `ask`, which opens no picker and no demo by itself.
    ///
    /// # Errors
    /// The whole text that says how to name a model (exit 78).
    pub fn model_for_ask(&self) -> Result<(&Provider, &str), String> {
        match &self.choice {
            ModelChoice::Chosen { provider, model } => Ok((&self.providers[*provider], model)),
            ModelChoice::NoModel { provider } => {
                let name = &self.providers[*provider].name;
                if name.contains(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_')) {
                    // The host of --base-url, which no file names.
                    return Err(format!("no model is named for {name}: name one with -m MODEL"));
                }
                Err(format!(
                    "provider {name} has no default model. Name one in one of three ways:\n  \
                     environment: CHATUI_MODEL={name}:MODEL\n  \
                     {}: model = \"{name}:MODEL\" (or default_model in [providers.{name}])\n  \
                     flags: -m {name}:MODEL",
                    self.file_name
                ))
            }
            ModelChoice::NothingConfigured => Err(format!(
                "no model is configured. Name one in one of three ways:\n  \
                 environment: OPENAI_API_KEY=KEY (or that of another provider, or OPENAI_BASE_URL=URL and \
                 CHATUI_MODEL=MODEL)\n  \
                 {}: model = \"openai:gpt-4o\"\n  \
                 flags: --base-url http://127.0.0.1:8000/v1 -m MODEL\n\
                 To try chatui without any of these: -m {DEMO}:{DEMO_MODEL}",
                self.file_name
            )),
        }
    }
}

#[cfg(test)]
mod tests;
