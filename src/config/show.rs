//! What is in force, as text for `chatui config show`: lines of TOML, each with where its value came from.
//!
//! The text reads back as a configuration. Keys, header values and what looks like a secret are `***`, but
//! no secret takes a word out of it that TOML or chatui needs: some keys are `ollama` or `none`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value};

use super::providers::{needs_of, preset_field};
use super::reader::{join, looks_secret};
use super::{Bidi, Config, Flags, Lookup, ModelChoice, Place, SystemSource, duration, variable};
use crate::base::secret::{REDACTED, public_address};
use crate::base::{Secrets, quote, sanitize, width};
use crate::chat::provider::{KeyFrom, MaxTokensField, ModelInfo, PromptTemplate};
use crate::chat::{Params, Provider};

/// The widest line whose comment stands in the common column.
const COLUMN: usize = 60;

/// What environment and flags say over the file, of values that are no provider's.
pub(super) fn overriding(env: Lookup<'_>, flags: &Flags) -> BTreeMap<String, Place> {
    let mut places = BTreeMap::new();
    if variable(env, "SYSTEM_PROMPT").is_some() {
        places.insert("system".to_owned(), Place::Variable("SYSTEM_PROMPT".to_owned()));
    }
    for (name, _) in items_of(&flags.params) {
        let flag = match name {
            "n" => "--choices".to_owned(),
            name => format!("--{}", name.replace('_', "-")),
        };
        places.insert(join("params", name), Place::Flag(flag));
    }
    for (is_set, key, flag) in [
        (flags.system.is_some(), "system", "--system"),
        (flags.theme.is_some(), "theme", "--theme"),
        (flags.no_mouse, "ui.mouse", "--no-mouse"),
        (flags.connect.is_some(), "timeouts.connect", "--connect-timeout"),
        (flags.first.is_some(), "timeouts.first", "--first-timeout"),
        (flags.chunk.is_some(), "timeouts.chunk", "--chunk-timeout"),
        (flags.total.is_some(), "timeouts.total", "--total-timeout"),
        (flags.retries.is_some(), "retry.max", "--retries"),
    ] {
        if is_set {
            places.insert(key.to_owned(), Place::Flag(flag.to_owned()));
        }
    }
    places
}

impl Config {
    /// All that is in force and where each value came from.
    pub fn show(&self) -> String {
        let secrets = &self.secrets;
        let mut page = Page { origins: &self.origins, secrets, path: String::new(), lines: Vec::new() };
        self.show_top(&mut page);
        page.section("aliases");
        for (name, target) in self.aliases() {
            page.value(name, page.text(target));
        }
        let params = self.params.overlaid(&self.flag_params);
        page.section("params");
        for (name, value) in items_of(&params) {
            page.value(name, value);
        }
        for (name, value) in &params.extra {
            page.note(format!("{name} = {}", page.hidden(name, value)), "--option");
        }
        page.section("timeouts");
        page.value("connect", quote::string(&duration::shown(self.timeouts.connect)));
        page.value("first", quote::string(&duration::shown(self.timeouts.first)));
        page.value("chunk", quote::string(&duration::shown(self.timeouts.chunk)));
        page.value("total", quote::string(&duration::shown(self.timeouts.total)));
        page.section("retry");
        page.value("max", self.retry.max.to_string());
        page.value("base", quote::string(&duration::shown(self.retry.base)));
        page.value("cap", quote::string(&duration::shown(self.retry.cap)));
        page.value("max_wait", quote::string(&duration::shown(self.retry.max_wait)));
        page.section("ui");
        page.value("hold", self.ui.hold.to_string());
        page.value("wheel_lines", self.ui.wheel_lines.to_string());
        page.value("mouse", self.ui.mouse.to_string());
        let bidi = match self.ui.bidi {
            Bidi::Auto => "auto",
            Bidi::On => "on",
            Bidi::Off => "off",
        };
        page.value("bidi", quote::string(bidi));
        page.section("keys");
        for line in &self.keys {
            page.value(&line.action, list(&line.keys));
        }
        for provider in &self.providers[..self.configured] {
            show_provider(&mut page, provider);
        }
        page.done()
    }

    fn show_top(&self, page: &mut Page<'_>) {
        match &self.choice {
            ModelChoice::Chosen { provider, model } if model.is_empty() => {
                let provider = &self.providers[*provider].name;
                page.note("model".to_owned(), &format!("provider {provider} has one, which needs no name"));
            }
            ModelChoice::Chosen { provider, model } => {
                let provider = &self.providers[*provider].name;
                let of_provider = join(&join("providers", provider), "default_model");
                let from = self.origins.get("model").or(self.origins.get(&of_provider));
                page.line(
                    format!(
                        "model = {}",
                        quote::string(&format!("{provider}:{}", self.secrets.redact(model)))
                    ),
                    from,
                );
            }
            ModelChoice::NoModel { provider } => {
                let provider = &self.providers[*provider].name;
                page.note("model".to_owned(), &format!("none is named for provider {provider}"));
            }
            ModelChoice::NothingConfigured => {
                page.note("model".to_owned(), "nothing is configured: the chat opens the built-in demo");
            }
        }
        match &self.system {
            // In the file, this would name another one or none.
            SystemSource::Text(prompt) if prompt.starts_with('@') => {
                let from = self.origins.get("system").map_or(String::new(), |from| format!("from {from}"));
                page.note(format!("system = {}", page.text(prompt)), &from);
            }
            SystemSource::FileOfFlag(path) if Path::new(path).is_relative() => {
                page.note(format!("system = {}", page.text(&format!("@{path}"))), "from --system");
            }
            SystemSource::Text(prompt) => page.value("system", page.text(prompt)),
            SystemSource::FileOfFlag(path) | SystemSource::FileOfConfig(path) => {
                page.value("system", quote::string(&format!("@{path}")));
            }
        }
        page.value("theme", quote::string(self.theme.as_ref().map_or("auto", |theme| &theme.value)));
        page.value("discover", self.discover.to_string());
    }
}

fn show_provider(page: &mut Page<'_>, provider: &Provider) {
    let is_demo = provider.name == super::DEMO;
    let path = join("providers", &provider.name);
    page.section(&path);
    if !is_demo {
        page.value("dialect", quote::string(provider.dialect.name()));
        page.value("base_url", page.address(&provider.base_url));
    }
    match (&provider.key, &provider.key_from) {
        (Some(_), _) => page.value("api_key", quote::string(REDACTED)),
        (None, KeyFrom::Command(words)) => {
            // Its arguments may be secret.
            let rest = words.get(1).map(|_| REDACTED.to_owned());
            let words: Vec<String> = words.first().cloned().into_iter().chain(rest).collect();
            page.value("api_key_command", list(&words));
        }
        (None, KeyFrom::Keyring) => page.value("api_key_keyring", "true".to_owned()),
        (None, KeyFrom::Given) if provider.needs_key => {
            page.note("no key".to_owned(), &format!("it is looked for in {}", provider.key_source));
        }
        (None, KeyFrom::Given) => {}
    }
    if let Some(model) = provider.default_model.as_ref().filter(|model| !model.is_empty()) {
        page.value("default_model", page.text(model));
    }
    if !provider.headers.is_empty() {
        let headers: Vec<String> = provider
            .headers
            .iter()
            .map(|(name, _)| format!("{} = {}", quote::key(name), quote::string(REDACTED)))
            .collect();
        page.value("headers", inline(&headers));
    }
    if !provider.extra_body.is_empty() {
        page.value("extra_body", page.members(&provider.extra_body));
    }
    if !provider.models.is_empty() {
        page.value("models", page.list(&provider.models));
    }
    // What a preset of that name says otherwise would come back.
    let (field, usual) = (provider.max_tokens_field, MaxTokensField::default());
    if field != usual || preset_field(&provider.name) != usual {
        page.value("max_tokens_field", quote::string(field.name()));
    }
    show_dialect(page, provider);
    if let Some(pace) = provider.tokens_per_second {
        page.value("tokens_per_second", number(pace));
    }
    for (model, info) in &provider.model_info {
        page.section(&join(&join(&path, "model"), model));
        show_model(page, info);
    }
}

/// What only some dialects or servers have.
fn show_dialect(page: &mut Page<'_>, provider: &Provider) {
    if let Some(url) = &provider.http_base_url {
        page.value("http_base_url", page.address(url));
    }
    if let Some(version) = &provider.api_version {
        page.value("api_version", quote::string(version));
    }
    if let Some(word) = provider.extra_parameters {
        page.value("extra_parameters", quote::string(word.name()));
    }
    if provider.prompt_template != PromptTemplate::default() {
        page.value("prompt_template", page.text(provider.prompt_template.text()));
    }
    let (needs, usual) = (&provider.needs, needs_of(&provider.name));
    if needs.send_back != usual.send_back || !needs.send_back.is_empty() {
        let names: Vec<String> = needs.send_back.iter().map(|back| back.name().to_owned()).collect();
        page.value("send_back", list(&names));
    }
    for (name, is_set, by_preset) in [
        ("short_tool_ids", needs.short_tool_ids, usual.short_tool_ids),
        ("one_choice", needs.one_choice, usual.one_choice),
        ("no_stream_options", needs.no_stream_options, usual.no_stream_options),
    ] {
        if is_set || by_preset {
            page.value(name, is_set.to_string());
        }
    }
}

fn show_model(page: &mut Page<'_>, info: &ModelInfo) {
    if let Some(context) = info.context {
        page.value("context", context.to_string());
    }
    if let Some(price) = info.price {
        page.value(
            "price",
            inline(&[
                format!("input = {}", number(price.input)),
                format!("output = {}", number(price.output)),
            ]),
        );
    }
    let params: Vec<String> =
        items_of(&info.params).into_iter().map(|(name, value)| format!("{name} = {value}")).collect();
    if !params.is_empty() {
        page.value("params", inline(&params));
    }
}

/// The parameters that are set, by name, as TOML.
fn items_of(params: &Params) -> Vec<(&'static str, String)> {
    [
        ("max_tokens", params.max_tokens.map(|n| n.to_string())),
        ("temperature", params.temperature.map(number)),
        ("top_p", params.top_p.map(number)),
        ("stop", (!params.stop.is_empty()).then(|| list(&params.stop))),
        ("seed", params.seed.map(|n| n.to_string())),
        ("n", params.n.map(|n| n.to_string())),
        ("reasoning_effort", params.reasoning_effort.as_deref().map(quote::string)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

/// A page of lines; what stands in a section without lines is left out.
struct Page<'a> {
    origins: &'a BTreeMap<String, Place>,
    secrets: &'a Secrets,
    path: String,
    lines: Vec<Shown>,
}

enum Shown {
    Section(String),
    Line { text: String, from: String },
}

impl Page<'_> {
    fn section(&mut self, path: &str) {
        self.path = path.to_owned();
        self.lines.push(Shown::Section(path.to_owned()));
    }

    fn value(&mut self, key: &str, value: String) {
        let origin = self.origins.get(&join(&self.path, key));
        self.line(format!("{} = {value}", quote::key(key)), origin);
    }

    /// A person's own words, without secrets.
    fn text(&self, text: &str) -> String {
        quote::string(&self.secrets.redact(text))
    }

    fn list(&self, texts: &[String]) -> String {
        let texts: Vec<String> = texts.iter().map(|text| self.text(text)).collect();
        format!("[{}]", texts.join(", "))
    }

    /// An address without secrets.
    fn address(&self, address: &str) -> String {
        let public = public_address(address);
        // What comes before the path is needed to read it.
        let host_at = public.find("://").map_or(0, |at| at + "://".len());
        let path_at = public[host_at..].find('/').map_or(public.len(), |at| host_at + at);
        let (front, path) = public.split_at(path_at);
        quote::string(&format!("{front}{}", self.secrets.redact(path)))
    }

    /// A body field's value, unless its name speaks of a secret.
    fn hidden(&self, name: &str, value: &Value) -> String {
        if is_secret_field(name) { quote::string(REDACTED) } else { self.json(value) }
    }

    fn json(&self, value: &Value) -> String {
        match value {
            // TOML has none; it can come from -o alone, which is shown as a comment.
            Value::Null => "null".to_owned(),
            Value::Bool(yes) => yes.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(string) => self.text(string),
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| self.json(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Object(members) => self.members(members),
        }
    }

    fn members(&self, members: &Map<String, Value>) -> String {
        let members: Vec<String> = members
            .iter()
            .map(|(name, value)| format!("{} = {}", quote::key(name), self.hidden(name, value)))
            .collect();
        inline(&members)
    }

    fn line(&mut self, text: String, from: Option<&Place>) {
        let from = match from {
            None => "built-in".to_owned(),
            Some(Place::File { name, line, .. }) => {
                let file = Path::new(name).file_name().map(|name| name.to_string_lossy());
                format!("from {}:{line}", sanitize::clean(&file.unwrap_or_default()))
            }
            Some(place) => format!("from {}", sanitize::clean(&place.to_string())),
        };
        self.lines.push(Shown::Line { text, from });
    }

    /// A line that is no value.
    fn note(&mut self, text: String, from: &str) {
        let (text, from) = (self.secrets.redact(&text), self.secrets.redact(from));
        let from = sanitize::clean(&from).into_owned();
        self.lines.push(Shown::Line { text: format!("# {}", sanitize::clean(&text)), from });
    }

    fn done(&self) -> String {
        let widths = self.lines.iter().filter_map(|line| match line {
            Shown::Section(_) => None,
            Shown::Line { text, .. } => Some(width::width(text)),
        });
        let column = widths.filter(|width| *width <= COLUMN).max().unwrap_or(0);
        let mut page = String::new();
        for (at, line) in self.lines.iter().enumerate() {
            match line {
                Shown::Section(_) if !matches!(self.lines.get(at + 1), Some(Shown::Line { .. })) => {}
                Shown::Section(path) => {
                    let _ = write!(page, "\n[{path}]\n");
                }
                Shown::Line { text, from } => {
                    let pad = column.saturating_sub(width::width(text));
                    let _ = writeln!(page, "{text}{:pad$}  # {from}", "");
                }
            }
        }
        page
    }
}

/// A number as TOML takes it: a large one with its exponent, as it would be no whole number that TOML has.
fn number(number: f64) -> String {
    if number < 1e15 { format!("{number}") } else { format!("{number:?}") }
}

fn list(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|one| quote::string(one)).collect();
    format!("[{}]", texts.join(", "))
}

fn inline(members: &[String]) -> String {
    if members.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", members.join(", ")) }
}

/// Whether the name of a body field speaks of a secret: its value is not shown.
pub fn is_secret_field(name: &str) -> bool {
    let counts_tokens = name.ends_with("tokens");
    looks_secret(name) && !counts_tokens
}
