//! The models that are known: what each provider lists, what is starred, what was used.
//!
//! Lists come one by one, each on its own; one that is late or fails says so and hides no other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::chat::models::merged;
use crate::chat::provider::Price;
use crate::chat::{ListedModel, Provider, Remembered};

/// How old a list may be before it is asked for again.
const STALE: Duration = Duration::from_secs(300);

/// What is known of a provider's list.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// It was not asked for.
    Unasked,
    /// It was asked for, and has not come.
    Asked,
    /// It came then.
    Listed(Instant),
    /// It did not come; the text says why.
    Failed(String),
}

/// A provider with the models that are known of it.
#[derive(Clone, Debug)]
pub struct Shelf {
    /// Whose they are.
    pub provider: Arc<Provider>,
    /// How far its list is.
    pub state: State,
    models: Vec<ListedModel>,
    /// Where each stands, by its name: every frame asks for one.
    places: HashMap<String, usize>,
}

impl Shelf {
    fn new(provider: Arc<Provider>, state: State, models: Vec<ListedModel>) -> Self {
        let mut shelf = Self { provider, state, models: Vec::new(), places: HashMap::new() };
        shelf.fill(models);
        shelf
    }

    fn fill(&mut self, models: Vec<ListedModel>) {
        self.places.clear();
        for (place, model) in models.iter().enumerate() {
            self.places.entry(model.id.clone()).or_insert(place);
        }
        self.models = models;
    }

    /// What is configured, and what was listed.
    pub fn models(&self) -> &[ListedModel] {
        &self.models
    }

    /// Where a model stands among them.
    pub fn place(&self, model: &str) -> Option<usize> {
        self.places.get(model).copied()
    }
}

/// All that is known.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// In the order of the providers; servers that were found on this machine last.
    pub shelves: Vec<Shelf>,
    /// Stars, recent models, the theme.
    pub remembered: Remembered,
    /// Short names of the configuration, and what they stand for.
    pub aliases: Vec<(String, String)>,
}

impl Catalog {
    /// The configured models of `providers`; nothing was asked for yet.
    pub fn new(providers: impl IntoIterator<Item = Arc<Provider>>, remembered: Remembered) -> Self {
        let shelf = |provider: Arc<Provider>| {
            let models = merged(&provider, Vec::new());
            Shelf::new(provider, State::Unasked, models)
        };
        Self { shelves: providers.into_iter().map(shelf).collect(), remembered, aliases: Vec::new() }
    }

    /// The providers whose lists are to be asked for now; they count as asked.
    pub fn to_ask(&mut self, now: Instant) -> Vec<Arc<Provider>> {
        let is_due = |shelf: &&mut Shelf| match shelf.state {
            State::Unasked | State::Failed(_) => true,
            State::Asked => false,
            State::Listed(at) => now.saturating_duration_since(at) > STALE,
        };
        let due = self.shelves.iter_mut().filter(is_due);
        due.map(|shelf| {
            shelf.state = State::Asked;
            shelf.provider.clone()
        })
        .collect()
    }

    /// A list came, or did not.
    pub fn listed(&mut self, provider: &str, listed: Result<Vec<ListedModel>, String>, now: Instant) {
        let Some(shelf) = self.shelves.iter_mut().find(|shelf| shelf.provider.name == provider) else {
            return;
        };
        match listed {
            Ok(models) => {
                shelf.fill(models);
                shelf.state = State::Listed(now);
            }
            Err(why) => shelf.state = State::Failed(why),
        }
    }

    /// A server was found on this machine.
    pub fn found(&mut self, provider: Arc<Provider>, models: Vec<ListedModel>, now: Instant) {
        match self.shelves.iter_mut().find(|shelf| shelf.provider.name == provider.name) {
            Some(shelf) => shelf.fill(models),
            None => self.shelves.push(Shelf::new(provider, State::Listed(now), models)),
        }
    }

    /// What is known of a model.
    pub fn model(&self, provider: &str, model: &str) -> Option<&ListedModel> {
        let shelf = self.shelves.iter().find(|shelf| shelf.provider.name == provider)?;
        shelf.models.get(shelf.place(model)?)
    }

    /// The context of a model in tokens: as configured, else as listed.
    pub fn context(&self, provider: &Provider, model: &str) -> Option<u64> {
        let own = provider.model_info.get(model).and_then(|info| info.context);
        own.or_else(|| self.model(&provider.name, model).and_then(|known| known.context))
    }

    /// The prices of a model: as configured, else as listed.
    pub fn price(&self, provider: &Provider, model: &str) -> Option<Price> {
        let own = provider.model_info.get(model).and_then(|info| info.price);
        own.or_else(|| self.model(&provider.name, model).and_then(|known| known.price))
    }
}
