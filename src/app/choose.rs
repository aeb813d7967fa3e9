//! Choosing the model: by the picker, by its name; and what is remembered of it.

use std::sync::Arc;

use super::cmd::Cmd;
use super::layers::Layer;
use super::panes::models::Models;
use super::state::{App, Saves};
use crate::chat::jobs::StoreJob;
use crate::chat::{Change, ListedModel, Provider};

impl App {
    /// Ctrl-L: the picker. Lists that are not there, or old, are asked for.
    pub(super) fn open_models(&mut self) -> Vec<Cmd> {
        let asked = self.catalog.to_ask(self.now.instant);
        let current = self.chat.model_name();
        self.open(Layer::Models(Box::new(Models::new(current, &self.catalog))));
        let mut cmds: Vec<Cmd> = asked.into_iter().map(Cmd::ListModels).collect();
        if self.settings.config.discover {
            cmds.push(self.discover());
        }
        cmds
    }

    /// Has servers be looked for beside those that are configured. Presets that nobody configured do not
    /// count: Ollama's has the address that is looked at.
    pub(super) fn discover(&self) -> Cmd {
        let configured = self.providers.iter().take(self.settings.config.configured);
        Cmd::Discover(configured.cloned().collect())
    }

    /// A provider's list came, or did not.
    pub(super) fn listed(&mut self, provider: &str, listed: Result<Vec<ListedModel>, String>) {
        self.catalog.listed(provider, listed, self.now.instant);
        self.refresh_models();
    }

    /// Servers were found on this machine: they can be chosen like configured ones.
    pub(super) fn found(&mut self, found: Vec<(Arc<Provider>, Vec<ListedModel>)>) {
        for (provider, models) in found {
            if !self.providers.iter().any(|known| known.name == provider.name) {
                self.providers.push(provider.clone());
            }
            self.catalog.found(provider, models, self.now.instant);
        }
        self.refresh_models();
    }

    pub(super) fn refresh_models(&mut self) {
        // Help may lie over them.
        for layer in &mut self.layers {
            if let Layer::Models(models) = layer {
                models.refresh(&self.catalog);
            }
        }
    }

    /// The model that `name` names, as after `-m`.
    ///
    /// # Errors
    /// A sentence for the person.
    pub(super) fn resolve(&self, name: &str) -> Result<(Arc<Provider>, String), String> {
        let name = name.trim();
        if let Some((provider, model)) = name.split_once(':')
            && let Some(shelf) = self.catalog.shelves.iter().find(|shelf| shelf.provider.name == provider)
            && !model.is_empty()
        {
            return Ok((shelf.provider.clone(), model.to_owned()));
        }
        let config = &self.settings.config;
        let at_hand = config.provider(&self.chat.provider.name);
        let default = config.default_provider.or(at_hand).unwrap_or(0);
        let (provider, model) = config.resolve(name, default)?;
        match self.providers.get(provider) {
            Some(provider) => Ok((provider.clone(), model)),
            None => Err(format!("there is no provider for {name}")),
        }
    }

    /// The next message goes to the model of this name; what was said stays.
    pub(super) fn use_model(&mut self, name: &str) -> Vec<Cmd> {
        let (provider, model) = match self.resolve(name) {
            Ok(found) => found,
            Err(why) => {
                self.tell(why);
                return Vec::new();
            }
        };
        self.chat.provider = provider;
        self.chat.model = Some(model);
        let name = self.chat.model_name();
        self.tell(format!("from the next message on: {name}"));
        self.chat.session.model.clone_from(&name);
        let mut cmds: Vec<Cmd> = self.used(name).into_iter().collect();
        cmds.extend(self.save_session());
        // A session that is on its way takes it too, and what waits is said there.
        self.chat.named.model = true;
        if self.chat.loading.is_none()
            && let Some(prompt) = self.chat.first_prompt.take()
        {
            cmds.extend(self.send_text(prompt));
        }
        cmds
    }

    /// A model is used: it is the newest of the recent ones.
    pub(super) fn used(&mut self, name: String) -> Option<Cmd> {
        if self.catalog.remembered.recent.first() == Some(&name) {
            return None;
        }
        let change = Change::Used(name);
        self.catalog.remembered.apply(&change);
        Some(Cmd::Remember(change))
    }

    /// Saves the settings of the conversation at hand, where it has been saved before.
    pub(super) fn save_session(&self) -> Option<Cmd> {
        let is_there = self.settings.saves == Saves::Yes && !self.chat.tree.is_empty();
        is_there.then(|| Cmd::Store(StoreJob::SaveSession(Box::new(self.chat.session.clone()))))
    }

    /// Stars a model, or takes its star away.
    pub(super) fn star(&mut self, name: String) -> Vec<Cmd> {
        let change = match self.catalog.remembered.is_starred(&name) {
            true => Change::Unstar(name),
            false => Change::Star(name),
        };
        self.catalog.remembered.apply(&change);
        self.refresh_models();
        vec![Cmd::Remember(change)]
    }
}
