//! A provider's list of models: the request for it, and every shape it comes in.
//!
//! [`parse`] takes what it knows from each entry and passes over the rest. Entries are read one at a time,
//! and of each only the members that say something here: no body takes much more memory than its length.
//! What says of itself that it makes no text (embeddings, images, speech) is left out.

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::openai_chat::{address, with_own};
use super::{GetRequest, HeaderValue, azure, errors};
use crate::chat::error::AttemptError;
use crate::chat::provider::Price;
use crate::chat::{Dialect, ListedModel, Provider};

/// The most bytes of a list. The longest there is (OpenRouter's, with descriptions) has a few hundred KiB.
pub const MAX_LIST_BYTES: usize = 16 << 20;
/// The most models of one list; what follows is not looked at.
pub const MAX_MODELS: usize = 100_000;
/// The most bytes of a name; a longer one is none.
const MAX_ID: usize = 512;
/// The most bytes of any other text that says something; a longer one says nothing.
const MAX_TEXT: usize = 4096;
/// A longer answer without a list is not looked through for what else it may be.
const MAX_OTHER: usize = 256 << 10;
/// GitHub Models: its list has an address of its own.
const GITHUB: &str = "https://models.github.ai/";
/// The members of an entry, and of the objects in it, that say something.
const MEMBERS: [&str; 31] = [
    "active",
    "capabilities",
    "chat_completion",
    "completion",
    "completion_chat",
    "context_length",
    "context_size",
    "context_window",
    "id",
    "input",
    "inputTokenLimit",
    "input_tokens",
    "limits",
    "loaded_context_length",
    "max_context_length",
    "max_input_tokens",
    "max_model_len",
    "meta",
    "metadata",
    "model",
    "model_name",
    "model_type",
    "n_ctx",
    "n_ctx_train",
    "name",
    "output",
    "output_tokens",
    "owned_by",
    "pricing",
    "prompt",
    "type",
];
/// How deep in an entry something is said: `/metadata/pricing/input`.
const DEPTH: usize = 3;
/// Below this a price is one of a single token: no model costs so little a million tokens, and none so
/// much a token.
const PER_TOKEN: f64 = 0.001;

/// The request for the provider's list of models. Where the dialect has none of its own, it is the one
/// of what answers at the same address.
///
/// # Errors
/// [`AttemptError::Request`] where the base URL is none, a header cannot be one, or the dialect is
/// not yet supported.
pub fn request(provider: &Provider) -> Result<GetRequest, AttemptError> {
    let url = match provider.dialect {
        Dialect::OpenAiChat | Dialect::OpenAiCompletions | Dialect::AzureInference
            if provider.base_url.starts_with(GITHUB) =>
        {
            format!("{GITHUB}catalog/models")
        }
        Dialect::OpenAiChat | Dialect::OpenAiCompletions => address(provider, "/models")?,
        Dialect::AzureInference => azure::inference_list(provider)?,
        Dialect::AzureOpenAi => azure::openai_list(provider)?,
        Dialect::WebSocket => {
            let base_url = provider.http_base_url.clone().unwrap_or_else(|| beside(&provider.base_url));
            address(&Provider { base_url, ..provider.clone() }, "/models")?
        }
        Dialect::OpenAiResponses | Dialect::AnthropicMessages | Dialect::Ollama => {
            return Err(super::not_yet_supported(provider));
        }
    };
    let accept = ("accept".to_owned(), HeaderValue::Plain("application/json".to_owned()));
    Ok(GetRequest { url, headers: with_own(provider, vec![accept])? })
}

/// The base URL of the HTTP that stands beside a WebSocket: its address without what it is for.
fn beside(websocket: &str) -> String {
    let (address, query) = websocket.split_at(websocket.find('?').unwrap_or(websocket.len()));
    let address = address.trim_end_matches('/');
    let base = ["/chat/completions", "/completions"].iter().find_map(|path| address.strip_suffix(path));
    let base = base.unwrap_or_else(|| {
        let from = address.find("://").map_or(0, |at| at + 3);
        address[from..].rfind('/').map_or(address, |at| &address[..from + at])
    });
    let secure = |scheme: &str| base.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme));
    let base = match () {
        () if secure("wss:") => format!("https{}", &base[3..]),
        () if secure("ws:") => format!("http{}", &base[2..]),
        () => base.to_owned(),
    };
    format!("{base}{query}")
}

/// Whether a service of that dialect lists the names that can be asked.
pub fn lists_names(dialect: Dialect) -> bool {
    dialect != Dialect::AzureOpenAi
}

/// What of a list can be asked. Azure OpenAI lists the models that a resource could have, and answers to
/// the names of its deployments only: those that are configured.
///
/// # Errors
/// [`AttemptError::Protocol`] where the list says nothing of what can be asked, and nothing is configured.
pub fn offered(provider: &Provider, listed: Vec<ListedModel>) -> Result<Vec<ListedModel>, AttemptError> {
    if lists_names(provider.dialect) {
        return Ok(listed);
    }
    if provider.models.is_empty() && provider.default_model.is_none() && provider.model_info.is_empty() {
        return Err(AttemptError::Protocol {
            message: "Azure OpenAI lists its base models, not your deployments".to_owned(),
            hint: format!(
                "Name the deployments: models = [\"NAME\"] in [providers.{0}], or one with -m {0}:NAME.",
                provider.name
            ),
        });
    }
    Ok(Vec::new())
}

/// What the body of an answer says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    /// The models, in its order, each once.
    pub models: Vec<ListedModel>,
    /// Who the first model that says so is owned by: many servers write their own name there.
    pub owner: Option<String>,
}

/// The models that the body of an answer lists, in its order, each once.
///
/// # Errors
/// As [`read`].
pub fn parse(body: &[u8]) -> Result<Vec<ListedModel>, AttemptError> {
    read(body).map(|list| list.models)
}

/// Reads the body of an answer.
///
/// # Errors
/// [`AttemptError::Protocol`] where it is no list, [`AttemptError::Server`] where it is an error at
/// status 200.
pub fn read(body: &[u8]) -> Result<List, AttemptError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let body = body.trim_ascii();
    if body.len() > MAX_LIST_BYTES {
        return Err(too_large(MAX_LIST_BYTES));
    }
    if body.is_empty() {
        return Err(no_list("the answer is empty"));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let mut found = Found::default();
    if let Err(error) = reader.deserialize_any(Whole(&mut found)).and_then(|()| reader.end()) {
        return Err(match errors::page_title(body).filter(|_| body.starts_with(b"<")) {
            Some(title) => no_list(&format!("the answer is a web page: {title}")),
            None if body.starts_with(b"<") => no_list("the answer is a web page"),
            None if error.is_eof() => no_list("the answer is cut in the middle"),
            None => no_list("the answer is not JSON"),
        });
    }
    // Some say `null` for the list beside an error.
    let error = || other(body).err().filter(|error| matches!(error, AttemptError::Server(_)));
    if found.is_list
        && found.models.is_empty()
        && let Some(error) = error()
    {
        return Err(error);
    }
    if found.is_list {
        return Ok(List { models: found.models, owner: found.owner });
    }
    other(body).map(|models| List { models, owner: None })
}

/// What an answer without a list is: an error at status 200, or a single model.
fn other(body: &[u8]) -> Result<Vec<ListedModel>, AttemptError> {
    let another = || no_list("the answer is JSON of another kind");
    if body.len() > MAX_OTHER {
        return Err(another());
    }
    let answer: Value = serde_json::from_slice(body).map_err(|_| another())?;
    if answer.get("error").is_some_and(errors::is_error) {
        return Err(AttemptError::Server(errors::server_error(&answer)));
    }
    // Azure's inference endpoints tell the one model that they have.
    let is_one = answer.get("model_name").is_some() || answer.get("id").is_some();
    match model(&answer).filter(|_| is_one) {
        Some(model) => Ok(vec![model]),
        None => Err(another()),
    }
}

/// An answer of more than `limit` bytes, which are whole MiB.
pub fn too_large(limit: usize) -> AttemptError {
    no_list(&format!("the answer is over {} MiB", limit >> 20))
}

fn no_list(why: &str) -> AttemptError {
    AttemptError::Protocol {
        message: format!("no list of models: {why}"),
        hint: "Check that base_url is the address of the API (it often ends in /v1).".to_owned(),
    }
}

/// What was read so far.
#[derive(Default)]
struct Found {
    models: Vec<ListedModel>,
    places: HashMap<String, usize>,
    owner: Option<String>,
    /// Whether there was a list at all, even an empty one.
    is_list: bool,
}

impl Found {
    fn add(&mut self, entry: &Value) {
        let Some(model) = model(entry) else { return };
        if self.owner.is_none() {
            self.owner = entry.get("owned_by").and_then(Value::as_str).map(str::to_owned);
        }
        match self.places.get(&model.id) {
            // llama.cpp lists its models twice, and only one of the lists says the context.
            Some(&at) => {
                let known = &mut self.models[at];
                known.context = known.context.or(model.context);
                known.price = known.price.or(model.price);
            }
            None => {
                self.places.insert(model.id.clone(), self.models.len());
                self.models.push(model);
            }
        }
    }
}

/// Reads the answer as a whole.
struct Whole<'f>(&'f mut Found);

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of models")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        Entries(self.0).visit_seq(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key_seed(Name(&["data", "models"]))? {
            match name {
                Some(_) => members.next_value_seed(Entries(self.0))?,
                None => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Reads a list of entries.
struct Entries<'f>(&'f mut Found);

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of models")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.0.is_list = true;
        while self.0.models.len() < MAX_MODELS {
            let Some(entry) = list.next_element_seed(Picked { depth: 0 })? else { return Ok(()) };
            self.0.add(&entry);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    /// Ollama says `null` where it has no model.
    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.is_list = true;
        Ok(())
    }

    /// A member of that name may be something else.
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

/// Reads a member's name: the one of these that it is.
struct Name(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<&'static str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, said: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|name| **name == said).copied())
    }
}

/// Reads an entry, or what is in one, down to [`DEPTH`]: of objects the [`MEMBERS`], of lists nothing.
struct Picked {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Picked {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Picked {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a model")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(if value.len() <= MAX_TEXT { value.into() } else { Value::Null })
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut picked = Map::new();
        while let Some(name) = members.next_key_seed(Name(&MEMBERS))? {
            match name.filter(|_| self.depth < DEPTH) {
                Some(name) => {
                    let value = members.next_value_seed(Picked { depth: self.depth + 1 })?;
                    picked.insert(name.to_owned(), value);
                }
                None => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Value::Object(picked))
    }
}

/// What an entry says; `None` where it names no model, or one that writes no text.
fn model(entry: &Value) -> Option<ListedModel> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let id = entry
        .as_str()
        .or_else(|| ["id", "model", "name", "model_name"].into_iter().find_map(text))
        .map(|id| id.replace(char::is_control, ""))?;
    let id = id.trim();
    // Google's list says `models/NAME` where all the world writes NAME; elsewhere that is a path.
    let is_google = text("owned_by") == Some("google") || entry.get("inputTokenLimit").is_some();
    let id = id.strip_prefix("models/").filter(|_| is_google).unwrap_or(id);
    if id.is_empty() || id.len() > MAX_ID || !writes_text(entry) {
        return None;
    }
    Some(ListedModel { id: id.to_owned(), context: context(entry), price: price(entry) })
}

/// What a server's greeting (`GET /`) says that it is, in its own member for that.
pub fn service(body: &[u8]) -> Option<String> {
    if body.len() > MAX_OTHER {
        return None;
    }
    let greeting: Value = serde_json::from_slice(body).ok()?;
    greeting.get("service").and_then(Value::as_str).map(str::to_owned)
}

/// Whether an entry does not say that its model is for something else.
fn writes_text(entry: &Value) -> bool {
    let others = ["embedding", "image", "audio", "moderation", "rerank", "transcribe", "speech", "video"];
    let kind = entry.get("type").or_else(|| entry.get("model_type")).and_then(Value::as_str).unwrap_or("");
    let kind = kind.to_ascii_lowercase();
    let is_other = others.iter().any(|other| kind.starts_with(other));
    let says_no = |path| entry.pointer(path) == Some(&Value::Bool(false));
    let chats = ["/capabilities/completion_chat", "/capabilities/chat_completion"];
    !is_other && !chats.iter().any(|path| says_no(path)) && !says_no("/active")
}

fn context(entry: &Value) -> Option<u64> {
    [
        "/loaded_context_length",
        "/context_length",
        "/context_window",
        "/max_model_len",
        "/max_context_length",
        "/max_input_tokens",
        "/context_size",
        "/inputTokenLimit",
        "/limits/max_input_tokens",
        "/metadata/context_length",
        "/meta/n_ctx",
        "/meta/n_ctx_train",
    ]
    .into_iter()
    .filter_map(|path| number(entry.pointer(path)?))
    .find(|tokens| (1.0..1e12).contains(tokens))
    .map(|tokens| tokens as u64)
}

/// The price per million tokens. Some say that of one token, mostly as text.
fn price(entry: &Value) -> Option<Price> {
    let pricing = entry.get("pricing").or_else(|| entry.pointer("/metadata/pricing"))?;
    let of = |names: [&str; 3]| {
        let said = names.into_iter().find_map(|name| number(pricing.get(name)?))?;
        // OpenRouter says -1 where it depends on the model that is chosen later.
        (0.0..1e6).contains(&said).then_some(said)
    };
    let input = of(["prompt", "input", "input_tokens"])?;
    let output = of(["completion", "output", "output_tokens"])?;
    if input.max(output) >= PER_TOKEN {
        return Some(Price { input, output });
    }
    // Rounded where the twelfth decimal place of a dollar was, so that 0.00000015 becomes 0.15.
    let million = |price: f64| (price * 1e12).round() / 1e6;
    Some(Price { input: million(input), output: million(output) })
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests;
