//! One `[providers.NAME]` table, of the user's file or of the shipped presets.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::{ConfigError, Errors, Located, Place, nearest, shown};
use super::params;
use super::reader::Item;
use super::url::BaseUrl;
use crate::base::Secret;
use crate::chat::Dialect;
use crate::chat::provider::{
    ExtraParameters, KeyFrom, MaxTokensField, ModelInfo, Price, PromptTemplate, SendBack,
};

/// The name of the built-in provider.
pub const DEMO: &str = "demo";

const KEYS: &[&str] = &[
    "dialect",
    "base_url",
    "api_key_env",
    "api_key",
    "api_key_command",
    "api_key_keyring",
    "default_model",
    "headers",
    "extra_body",
    "models",
    "max_tokens_field",
    "http_base_url",
    "api_version",
    "extra_parameters",
    "prompt_template",
    "send_back",
    "short_tool_ids",
    "one_choice",
    "no_stream_options",
    "model",
];
const DEMO_KEYS: &[&str] = &["tokens_per_second", "default_model", "extra_body", "models", "model"];
/// The ways to a key; an entry has one of them.
const KEY_KEYS: [&str; 4] = ["api_key_env", "api_key", "api_key_command", "api_key_keyring"];
const MODEL_KEYS: &[&str] = &["context", "price", "params"];

pub(super) fn known_keys() -> impl Iterator<Item = &'static str> {
    [KEYS, DEMO_KEYS, MODEL_KEYS].into_iter().flatten().copied()
}

/// What a table says of a provider, before preset and environment come in.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub name: String,
    pub place: Place,
    pub dialect: Option<Located<Dialect>>,
    pub base_url: Option<Located<BaseUrl>>,
    pub http_base_url: Option<Located<BaseUrl>>,
    pub api_version: Option<Located<String>>,
    pub extra_parameters: Option<Located<ExtraParameters>>,
    pub prompt_template: Option<Located<PromptTemplate>>,
    pub send_back: Option<Vec<SendBack>>,
    pub short_tool_ids: Option<bool>,
    pub one_choice: Option<bool>,
    pub no_stream_options: Option<bool>,
    pub api_key_env: Option<String>,
    pub api_key: Option<Secret>,
    /// A command or the keyring.
    pub key_from: KeyFrom,
    pub default_model: Option<String>,
    pub headers: Vec<(String, Secret)>,
    pub extra_body: Map<String, Value>,
    pub models: Vec<String>,
    pub model_info: BTreeMap<String, ModelInfo>,
    pub max_tokens_field: Option<MaxTokensField>,
    pub tokens_per_second: Option<f64>,
}

impl Entry {
    /// An entry that says nothing.
    pub(super) fn new(name: &str, place: Place) -> Self {
        Self {
            name: name.to_owned(),
            place,
            dialect: None,
            base_url: None,
            http_base_url: None,
            api_version: None,
            extra_parameters: None,
            prompt_template: None,
            send_back: None,
            short_tool_ids: None,
            one_choice: None,
            no_stream_options: None,
            api_key_env: None,
            api_key: None,
            key_from: KeyFrom::Given,
            default_model: None,
            headers: Vec::new(),
            extra_body: Map::new(),
            models: Vec::new(),
            model_info: BTreeMap::new(),
            max_tokens_field: None,
            tokens_per_second: None,
        }
    }

    /// Reads the table; what is wrong with it goes to `errors`.
    pub(super) fn read(item: &Item<'_>, errors: &mut Errors) -> Self {
        let mut entry = Self::new(item.key(), item.place());
        if let Err(message) = check_name(item.key()) {
            errors.push(item.error(message));
        }
        let keys = if item.key() == DEMO { DEMO_KEYS } else { KEYS };
        let mut key_key: Option<&str> = None;
        for item in errors.take(item.table()).unwrap_or_default() {
            if keys.contains(&item.key()) && KEY_KEYS.contains(&item.key()) {
                if let Some(other) = key_key {
                    let all = KEY_KEYS.join(", ");
                    errors.push(item.error(format!("stands beside {other}; a provider has one of {all}")));
                }
                key_key = Some(item.key());
            }
            if keys.contains(&item.key()) {
                entry.read_key(&item, errors);
            } else {
                errors.push(item.unknown(keys));
            }
        }
        entry
    }

    fn read_key(&mut self, item: &Item<'_>, errors: &mut Errors) {
        match item.key() {
            "dialect" => errors.fill(&mut self.dialect, dialect(item)),
            "base_url" => errors.fill(&mut self.base_url, base_url(item)),
            "http_base_url" => errors.fill(&mut self.http_base_url, base_url(item)),
            "api_version" => errors.fill(&mut self.api_version, api_version(item)),
            "extra_parameters" => errors.fill(&mut self.extra_parameters, extra_parameters(item)),
            "prompt_template" => errors.fill(&mut self.prompt_template, prompt_template(item)),
            "send_back" => errors.fill(&mut self.send_back, send_back(item)),
            "short_tool_ids" => errors.fill(&mut self.short_tool_ids, item.boolean()),
            "one_choice" => errors.fill(&mut self.one_choice, item.boolean()),
            "no_stream_options" => errors.fill(&mut self.no_stream_options, item.boolean()),
            "api_key_env" => {
                errors.fill(&mut self.api_key_env, item.name().map(|name| name.trim().to_owned()))
            }
            "api_key" => errors.fill(&mut self.api_key, api_key(item)),
            "api_key_command" => errors.set(&mut self.key_from, key_command(item)),
            "api_key_keyring" => {
                if errors.take(item.boolean()) == Some(true) {
                    self.key_from = KeyFrom::Keyring;
                }
            }
            "default_model" => errors.fill(&mut self.default_model, item.name()),
            "headers" => self.headers = headers(item, errors),
            "extra_body" => self.extra_body = extra_body(item, errors),
            "models" => errors.set(&mut self.models, item.strings()),
            "max_tokens_field" => {
                let fields = [MaxTokensField::MaxTokens, MaxTokensField::MaxCompletionTokens];
                errors
                    .fill(&mut self.max_tokens_field, item.word(&fields.map(|field| (field.name(), field))));
            }
            "tokens_per_second" => errors.fill(&mut self.tokens_per_second, item.number(0.0..=f64::MAX)),
            "model" => {
                for item in errors.take(item.table()).unwrap_or_default() {
                    self.model_info.insert(item.key().to_owned(), model_info(&item, errors));
                }
            }
            // The caller let only known keys through.
            _ => errors.push(item.unknown(KEYS)),
        }
    }
}

/// A name stands before the colon of `provider:model`.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control()) {
        return Err("a provider's name must not be empty, and hold neither colon nor blank".to_owned());
    }
    Ok(())
}

fn dialect(item: &Item<'_>) -> Result<Located<Dialect>, ConfigError> {
    // A known one that is not spoken is refused later, as the presets name some.
    let value = match item.string().ok().and_then(|name| Dialect::parse(&name)) {
        Some(dialect) => dialect,
        None => {
            let spoken: Vec<(&str, Dialect)> =
                Dialect::spoken().map(|dialect| (dialect.name(), dialect)).collect();
            item.word(&spoken)?
        }
    };
    Ok(Located { value, place: item.place() })
}

fn base_url(item: &Item<'_>) -> Result<Located<BaseUrl>, ConfigError> {
    let value = BaseUrl::parse(&item.string()?).map_err(|message| item.error(message))?;
    Ok(Located { value, place: item.place() })
}

fn api_version(item: &Item<'_>) -> Result<Located<String>, ConfigError> {
    let value = item.name()?.trim().to_owned();
    version(&value).map_err(|message| item.error(message))?;
    Ok(Located { value, place: item.place() })
}

/// Checks what is to stand in an address as `api-version`.
pub(super) fn version(text: &str) -> Result<(), String> {
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')) {
        return Ok(());
    }
    Err(format!("`{}` must be a version like 2024-10-21 or 2024-05-01-preview", shown(text)))
}

fn extra_parameters(item: &Item<'_>) -> Result<Located<ExtraParameters>, ConfigError> {
    let value = item.word(&ExtraParameters::ALL.map(|word| (word.name(), word)))?;
    Ok(Located { value, place: item.place() })
}

/// A built-in template by its name, else one of the person's own; who knows its language checks that.
fn prompt_template(item: &Item<'_>) -> Result<Located<PromptTemplate>, ConfigError> {
    let text = item.name()?;
    let template = PromptTemplate::new(&text);
    let is_word = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if is_word && matches!(template, PromptTemplate::Own(_)) {
        let near = nearest(&text, &PromptTemplate::NAMES).map(|near| format!("did you mean `{near}`? "));
        return Err(item.error(format!(
            "`{}` is no built-in template and none of your own; {}built in: {}",
            shown(&text),
            near.unwrap_or_default(),
            PromptTemplate::NAMES.join(", ")
        )));
    }
    Ok(Located { value: template, place: item.place() })
}

fn send_back(item: &Item<'_>) -> Result<Vec<SendBack>, ConfigError> {
    let words = item.strings()?;
    let names = SendBack::ALL.map(SendBack::name);
    words
        .iter()
        .map(|word| {
            SendBack::ALL.into_iter().find(|back| back.name() == word).ok_or_else(|| {
                let near = nearest(word, &names).map(|near| format!("; did you mean `{near}`?"));
                let near = near.unwrap_or_default();
                item.error(format!("`{}` must be one of {}{near}", shown(word), names.join(", ")))
            })
        })
        .collect()
}

fn api_key(item: &Item<'_>) -> Result<Secret, ConfigError> {
    key(&item.name()?).map_err(|message| item.error(message))
}

/// The program and its arguments. As with all paths of the file, one with a slash is relative to the
/// file, never to the working folder.
fn key_command(item: &Item<'_>) -> Result<KeyFrom, ConfigError> {
    let mut words = item.strings()?;
    let Some(program) = words.first_mut().filter(|program| !program.trim().is_empty()) else {
        return Err(item.error("names no program; it is a list, as [\"pass\", \"lab\"]"));
    };
    if let Place::File { name, .. } = item.place()
        && program.contains('/')
        && let Some(folder) = std::path::Path::new(&name).parent()
    {
        *program = folder.join(&*program).display().to_string();
    }
    if words.iter().any(|word| word.contains('\0')) {
        return Err(item.error("must hold no zero characters"));
    }
    Ok(KeyFrom::Command(words))
}

/// A key as it can stand in a header.
pub fn key(text: &str) -> Result<Secret, String> {
    let secret = Secret::new(text);
    if secret.expose().bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(secret);
    }
    Err("holds a blank, a control character or a letter that no key has".to_owned())
}

fn headers(item: &Item<'_>, errors: &mut Errors) -> Vec<(String, Secret)> {
    let mut headers = Vec::new();
    for item in errors.take(item.table()).unwrap_or_default() {
        let name = item.key();
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(is_token) {
            errors.push(item.error("is no name of a header"));
            continue;
        }
        let Some(value) = errors.take(item.string()) else { continue };
        let value = Secret::new(&value);
        if value.expose().chars().any(|c| c.is_control() && c != '\t') {
            errors.push(item.error("must hold no line ends or control characters"));
            continue;
        }
        headers.push((name.to_owned(), value));
    }
    headers
}

fn extra_body(item: &Item<'_>, errors: &mut Errors) -> Map<String, Value> {
    let mut body = Map::new();
    for item in errors.take(item.table()).unwrap_or_default() {
        if params::is_reserved(item.key()) {
            errors.push(item.error("is written by chatui itself"));
        } else if let Some(value) = errors.take(item.json()) {
            body.insert(item.key().to_owned(), value);
        }
    }
    body
}

fn model_info(item: &Item<'_>, errors: &mut Errors) -> ModelInfo {
    let mut info = ModelInfo::default();
    for item in errors.take(item.table()).unwrap_or_default() {
        match item.key() {
            "context" => errors.fill(&mut info.context, item.integer(1..=i64::MAX).map(|n| n.unsigned_abs())),
            "price" => info.price = Some(price(&item, errors)),
            "params" => info.params = params::read(&item, errors),
            _ => errors.push(item.unknown(MODEL_KEYS)),
        }
    }
    info
}

fn price(item: &Item<'_>, errors: &mut Errors) -> Price {
    let mut price = Price::default();
    for item in errors.take(item.table()).unwrap_or_default() {
        match item.key() {
            "input" => errors.set(&mut price.input, item.number(0.0..=f64::MAX)),
            "output" => errors.set(&mut price.output, item.number(0.0..=f64::MAX)),
            _ => errors.push(item.unknown(&["input", "output"])),
        }
    }
    price
}
