//! One conversation on the screen: its session, its tree, its running turn, its panes.

use std::sync::Arc;

use super::live::{EndedTurn, LiveTurn};
use super::panes::composer::Composer;
use super::panes::transcript::Transcript;
use crate::chat::jobs::{StoredSession, WhichSession};
use crate::chat::{Conversation, Params, Provider, Session};

/// What flags named, and so holds for a resumed session too.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// `-m`, `--provider` or `--base-url`.
    pub model: bool,
    /// `-s`.
    pub system: Option<String>,
    /// Sampling flags.
    pub params: Params,
}

/// A conversation.
#[derive(Debug)]
pub struct Chat {
    /// Its settings and title.
    pub session: Session,
    /// Where the next message goes.
    pub provider: Arc<Provider>,
    /// To which model; `None`: the input asks for its name.
    pub model: Option<String>,
    /// What was said.
    pub tree: Conversation,
    /// The turn that runs.
    pub live: Option<LiveTurn>,
    /// The last turn that ended in this run.
    pub ended: Option<EndedTurn>,
    /// Whether a key was pressed since the last turn ended: the state is `ready` again.
    pub seen: bool,
    /// The session that is being loaded.
    pub loading: Option<WhichSession>,
    /// A prompt to send once the session is there and a model is named.
    pub first_prompt: Option<String>,
    /// What flags named.
    pub named: Named,
    /// The messages.
    pub transcript: Transcript,
    /// The input.
    pub composer: Composer,
}

impl Chat {
    /// An empty conversation.
    pub fn new(session: Session, provider: Arc<Provider>, model: Option<String>) -> Self {
        Self {
            session,
            provider,
            model,
            tree: Conversation::default(),
            live: None,
            ended: None,
            seen: true,
            loading: None,
            first_prompt: None,
            named: Named::default(),
            transcript: Transcript::default(),
            composer: Composer::default(),
        }
    }

    /// Takes the place of the empty conversation it was opened for. A provider that is not
    /// configured any more leaves the one at hand in place.
    pub fn resume(&mut self, stored: StoredSession, providers: &[Arc<Provider>]) {
        self.session = stored.session.clone();
        if !self.named.model
            && let Some((name, model)) = self.session.model.split_once(':')
            && let Some(provider) = providers.iter().find(|p| p.name == name)
        {
            self.provider = provider.clone();
            self.model = Some(model.to_owned());
        }
        if let Some(model) = &self.model {
            self.session.model = format!("{}:{model}", self.provider.name);
        }
        if let Some(system) = self.named.system.take() {
            self.session.system = system;
        }
        self.session.params = self.session.params.overlaid(&self.named.params);
        self.composer.remember_sent(
            stored.messages.iter().filter(|m| m.role == crate::chat::Role::User).map(|m| m.text()),
        );
        self.tree = Conversation::from_stored(stored);
    }

    /// `provider:model`, or what stands for it while none is named.
    pub fn model_name(&self) -> String {
        match &self.model {
            Some(model) => format!("{}:{model}", self.provider.name),
            None => format!("{}: no model", self.provider.name),
        }
    }
}
