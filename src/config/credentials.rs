//! Which key goes to which server.
//!
//! The rule: a key goes only to the server that it was given for. Named in the file beats the usual
//! variables, which beat what the file itself holds; what the file says counts at the file's own server,
//! the usual variables at the preset's and at the address of their own family. A preset without an address,
//! as Azure's, is at home where file or environment say.

use super::entry::{Entry, key};
use super::environment::FromEnv;
use super::error::{ConfigError, Place};
use super::providers::Builder;
use super::reader::looks_secret;
use super::url::BaseUrl;
use super::variable;
use crate::base::Secret;
use crate::base::secret::is_api_version;
use crate::chat::Dialect;
use crate::chat::provider::{KeyFrom, is_key_header, section};

/// The server that a provider's requests go to.
pub(super) struct Server {
    pub url: BaseUrl,
    /// Whether it is the preset's own.
    pub at_home: bool,
    /// Whether it is the one that the file (or the preset) names.
    pub at_file: bool,
}

/// Where a provider's key is.
pub(super) struct Keys {
    pub key: Option<Secret>,
    pub key_from: KeyFrom,
    /// Where it is looked for, for people.
    pub source: String,
    /// Whether nothing can be sent without it.
    pub is_needed: bool,
    /// A token in place of it, as a header.
    pub token: Option<(String, Secret)>,
}

impl Builder<'_> {
    /// The key in a variable. One that cannot be a key counts as none, and is told: the provider
    /// may not be the one that is used.
    pub(super) fn env_key(&mut self, provider: &str, name: &str) -> Option<Secret> {
        match key(&variable(self.env, name)?) {
            Ok(secret) => {
                self.secrets.add(&secret);
                Some(secret)
            }
            Err(message) => {
                self.notice(provider, format!("environment variable {name} {message}; it is not used"));
                None
            }
        }
    }

    /// Which key goes to this server.
    pub(super) fn keys(
        &mut self,
        entry: &Entry,
        preset: &Entry,
        from_env: &FromEnv,
        server: &Server,
    ) -> Keys {
        // Named in the file beats the usual variables, which beat a key written into the file.
        let named = entry.api_key_env.as_deref().filter(|_| server.at_file);
        let is_usual = server.at_home || from_env.url.is_some();
        let usual: Vec<&str> =
            from_env.keys.iter().copied().chain(preset.api_key_env.as_deref()).filter(|_| is_usual).collect();
        let variables = named.map_or(usual.clone(), |named| vec![named]);
        let set = variables.iter().copied().find(|name| variable(self.env, name).is_some());
        let has_own = entry.headers.iter().any(|(name, _)| server.at_file && is_key_header(name));

        let token = from_env.token.filter(|_| is_usual && named.is_none() && !has_own);
        if let Some((name, token)) = token.and_then(|name| Some((name, self.env_key(&entry.name, name)?))) {
            self.note(&entry.name, "headers", Place::Variable(name.to_owned()));
            let bearer = Secret::new(&format!("Bearer {}", token.expose()));
            return Keys {
                key: None,
                key_from: KeyFrom::Given,
                source: name.to_owned(),
                is_needed: false,
                token: Some(("authorization".to_owned(), bearer)),
            };
        }

        let in_env = set.and_then(|name| self.env_key(&entry.name, name));
        let of_file = server.at_file && in_env.is_none();
        let key_from = if of_file { entry.key_from.clone() } else { KeyFrom::Given };
        let in_file = entry.api_key.clone().filter(|_| of_file);
        let source = match &key_from {
            KeyFrom::Command(words) => {
                // Its arguments may be secret.
                let program = words.first().map_or("", String::as_str);
                format!("the command `{program}`, api_key_command in {}", section(&entry.name))
            }
            KeyFrom::Keyring => format!("the keyring, for service chatui and account {}", entry.name),
            KeyFrom::Given => match set.filter(|_| in_env.is_some()) {
                Some(name) => name.to_owned(),
                None if in_file.is_none() && !variables.is_empty() => variables.join(" or "),
                None => format!("api_key_env or api_key in {}", section(&entry.name)),
            },
        };
        if let Some(name) = set.filter(|_| in_env.is_some()) {
            self.note(&entry.name, "api_key", Place::Variable(name.to_owned()));
        }
        // A server on one's own machine may want one, and mostly wants none.
        let by_preset = server.at_home && !usual.is_empty() && !server.url.is_loopback();
        let is_needed = named.is_some() || key_from != KeyFrom::Given || (by_preset && !has_own);
        Keys { key: in_env.or(in_file), key_from, source, is_needed, token: None }
    }

    /// Where a WebSocket's provider is asked over HTTP. No other server gets the key.
    pub(super) fn http_base_url(
        &mut self,
        entry: &Entry,
        url: &BaseUrl,
        has_secret: bool,
    ) -> Result<Option<String>, ConfigError> {
        let Some(http) = &entry.http_base_url else { return Ok(None) };
        // That of a request of either kind is one for its base: the kind is base_url's to say.
        let address = http.value.clone().for_dialect(Dialect::OpenAiCompletions);
        let address = address.map_err(|message| http.error(message))?.url;
        if has_secret && !address.same_server(url) {
            let text = format!(
                "provider {}: http_base_url is not used, as it is on another server than base_url (host, port or \
                 encryption), and a key goes only to the server that it was given for",
                entry.name
            );
            self.notice(&entry.name, text);
            return Ok(None);
        }
        Ok(Some(address.text()))
    }

    /// Keys are kept out of sight, headers with a secret in them (of `Bearer KEY` the key alone, too), and
    /// what stands in an address as one.
    pub(super) fn add_secrets(&mut self, entry: &Entry, url: &BaseUrl) {
        if let Some(secret) = &entry.api_key {
            self.secrets.add(secret);
        }
        for (_, value) in entry.headers.iter().filter(|(name, _)| looks_secret(name)) {
            self.secrets.add(value);
            if let Some((_, key)) = value.expose().split_once(' ') {
                self.secrets.add(&Secret::new(key));
            }
        }
        for (_, value) in url.query().filter(|(name, value)| is_secret_member(name, value)) {
            self.secrets.add(&Secret::new(value));
            self.secrets.add(&Secret::new(&decoded(value)));
        }
    }
}

/// Whether a member of a query is to be kept out of all text. Where the address itself is shown every
/// value is hidden; elsewhere a short word would take ordinary words out of answers.
fn is_secret_member(name: &str, value: &str) -> bool {
    const KEYS: [&str; 5] = ["sig", "signature", "code", "pass", "pwd"];
    let is_named = looks_secret(name) || KEYS.iter().any(|key| name.eq_ignore_ascii_case(key));
    let is_known = is_api_version(name) || name.eq_ignore_ascii_case("model");
    let looks_so = value.len() >= 12 && value.bytes().any(|byte| byte.is_ascii_digit());
    is_named || (!is_known && looks_so)
}

/// A value of a query as the server understands it, and may repeat it.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                bytes.extend(u8::try_from(high * 16 + low));
                rest = ahead;
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
