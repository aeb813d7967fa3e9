//! `/model`, `/system`, `/set` and `/n`: what holds from the next message on, saved with the session.

use serde_json::Value;

use super::run::Ran;
use crate::app::cmd::Cmd;
use crate::app::state::App;
use crate::base::{sanitize, width};
use crate::chat::{Params, Timestamp};
use crate::config::{nearest, params};

/// Columns of a value that a message shows.
const SHOWN: usize = 60;

impl App {
    /// `/model NAME`
    pub(super) fn take_model(&mut self, name: &str) -> Ran {
        self.resolve(name)?;
        Ok(self.use_model(name))
    }

    /// `/system`: shows the system prompt; `-` clears it, anything else takes its place.
    pub(super) fn set_system(&mut self, text: &str) -> Ran {
        if text.is_empty() {
            let present = &self.chat.session.system;
            let told = match present.is_empty() {
                true => "there is no system prompt · /system TEXT sets one".to_owned(),
                false => format!("system prompt: {present} · /system - clears it"),
            };
            self.tell(told.split_whitespace().collect::<Vec<_>>().join(" "));
            return Ok(Vec::new());
        }
        if text == "-" {
            self.chat.session.system.clear();
            self.tell("no system prompt from the next message on");
        } else {
            text.clone_into(&mut self.chat.session.system);
            self.tell("this system prompt holds from the next message on");
        }
        Ok(self.keep_session())
    }

    /// `/set`: lists the parameters, unsets one, or sets it.
    pub(super) fn set_parameter(&mut self, arguments: &str) -> Ran {
        let (key, value) = match arguments.split_once(char::is_whitespace) {
            Some((key, value)) => (key, value.trim()),
            None => (arguments, ""),
        };
        if key.is_empty() {
            return Ok(self.tell_parameters());
        }
        let known = params::NAMES.contains(&key);
        if value.is_empty() && (known || self.chat.session.params.extra.contains_key(key)) {
            return self.unset(key);
        }
        if !known {
            let near = nearest(key, params::NAMES).map(|near| format!("did you mean {near}? "));
            let key = width::truncate(&sanitize::clean(key), SHOWN).into_owned();
            let (near, names) = (near.unwrap_or_default(), params::NAMES.join(", "));
            return Err(format!("unknown parameter {key}: {near}there are {names}"));
        }
        self.set_value(key, value)
    }

    /// Sets a parameter of a known name.
    pub(super) fn set_value(&mut self, key: &str, text: &str) -> Ran {
        let json = serde_json::from_str(text).ok();
        // A word needs no quotes here.
        let value = match (key, json) {
            ("stop", Some(json @ (Value::String(_) | Value::Array(_)))) => json,
            ("reasoning_effort", Some(json @ Value::String(_))) => json,
            ("stop" | "reasoning_effort", _) | (_, None) => Value::String(text.to_owned()),
            (_, Some(json)) => json,
        };
        params::set(&mut self.chat.session.params, key, value)?;
        let set = one(&self.chat.session.params, key).unwrap_or_default();
        self.tell(format!("{key} {set} from the next message on"));
        Ok(self.keep_session())
    }

    fn unset(&mut self, key: &str) -> Ran {
        let own = &mut self.chat.session.params;
        let was = one(own, key).is_some();
        match key {
            "max_tokens" => own.max_tokens = None,
            "temperature" => own.temperature = None,
            "top_p" => own.top_p = None,
            "stop" => own.stop.clear(),
            "seed" => own.seed = None,
            "n" => own.n = None,
            "reasoning_effort" => own.reasoning_effort = None,
            other => drop(own.extra.shift_remove(other)),
        }
        let left = one(&self.effective(), key);
        let told = match (was, left) {
            (true, Some(left)) => format!("{key} is unset · the configuration's {left} holds"),
            (true, None) => format!("{key} is unset"),
            (false, Some(left)) => format!("{key} is {left} by the configuration · /set {key} VALUE"),
            (false, None) => format!("{key} is not set · /set {key} VALUE"),
        };
        self.tell(told);
        Ok(if was { self.keep_session() } else { Vec::new() })
    }

    fn tell_parameters(&mut self) -> Vec<Cmd> {
        let (own, all) = (&self.chat.session.params, self.effective());
        let keys = params::NAMES.iter().copied().chain(all.extra.keys().map(String::as_str));
        let listed: Vec<String> = keys
            .filter_map(|key| {
                let value = one(&all, key)?;
                let from = if one(own, key).is_some() { "" } else { " (configuration)" };
                Some(format!("{} {value}{from}", sanitize::clean(key)))
            })
            .collect();
        let told = match listed.is_empty() {
            true => format!("nothing is set · /set KEY VALUE sets one of {}", params::NAMES.join(", ")),
            false => format!("{} · /set KEY VALUE", listed.join(" · ")),
        };
        self.tell(told);
        Vec::new()
    }

    /// `/n` alone.
    pub(super) fn tell_choices(&mut self) -> Vec<Cmd> {
        let n = self.effective().n.unwrap_or(1);
        self.tell(format!("n is {n} · /n N asks for N answers, up to {}", params::MOST_CHOICES));
        Vec::new()
    }

    /// The parameters of the next request.
    fn effective(&self) -> Params {
        self.params_for(self.chat.model.as_deref().unwrap_or_default())
    }

    /// Saves the session's settings. One without messages is saved with its first.
    fn keep_session(&mut self) -> Vec<Cmd> {
        self.chat.session.updated = Timestamp(self.now.unix_ms);
        self.chat.is_set = true;
        self.save_session().into_iter().collect()
    }
}

/// A parameter as it is shown; `None` where it is unset.
fn one(params: &Params, key: &str) -> Option<String> {
    let value = match key {
        "max_tokens" => params.max_tokens?.to_string(),
        "temperature" => params.temperature?.to_string(),
        "top_p" => params.top_p?.to_string(),
        "stop" if params.stop.is_empty() => return None,
        "stop" => params.stop.iter().map(|stop| format!("{stop:?}")).collect::<Vec<_>>().join(" "),
        "seed" => params.seed?.to_string(),
        "n" => params.n?.to_string(),
        "reasoning_effort" => params.reasoning_effort.clone()?,
        other => params.extra.get(other)?.to_string(),
    };
    Some(width::truncate(&sanitize::clean(&value), SHOWN).into_owned())
}
