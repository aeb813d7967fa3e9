//! One conversation on the screen: its session, its tree, its running turn, its panes.

use std::sync::Arc;

use super::drafts::{Kept, Shape};
use super::live::{EndedTurn, LiveTurn};
use super::panes::completion::Completion;
use super::panes::composer::{Composer, Spot};
use super::panes::transcript::Transcript;
use super::queue::Queue;
use crate::base::MessageId;
use crate::chat::jobs::{StoredSession, WhichSession};
use crate::chat::{Conversation, Params, Part, Provider, Session};

/// Tells the conversations of a run of the program apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChatKey(pub u64);

/// A session that a conversation waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loading {
    /// The command line named it: the program ends where it is not there.
    Named(WhichSession),
    /// It was picked from the list.
    Picked,
}

/// What flags named, or a choice since then, and so holds for a resumed session too.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// `-m`, `--provider` or `--base-url`; or it was chosen before the session came.
    pub model: bool,
    /// `-s`.
    pub system: Option<String>,
    /// Sampling flags.
    pub params: Params,
}

/// A conversation.
#[derive(Debug)]
pub struct Chat {
    /// Which one it is.
    pub key: ChatKey,
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
    pub loading: Option<Loading>,
    /// A prompt to send once the session is there and a model is named.
    pub first_prompt: Option<String>,
    /// Files that go with the first prompt.
    pub files: Vec<Part>,
    /// What flags named.
    pub named: Named,
    /// Whether a command changed the settings or the title.
    pub is_set: bool,
    /// How it was when its deletion was ordered.
    pub doomed: Option<Shape>,
    /// Messages that wait for the end of the running reply.
    pub queue: Queue,
    /// What is saved of the draft.
    pub kept: Kept,
    /// The message to go to once the session is there.
    pub goal: Option<MessageId>,
    /// What is completed in the input.
    pub completion: Option<Completion>,
    /// Where in the input nothing is to be completed: Esc said so.
    pub dismissed: Option<Spot>,
    /// Files that are being read for the input.
    pub reading: usize,
    /// Enter was pressed meanwhile.
    pub send_when_read: bool,
    /// The messages.
    pub transcript: Transcript,
    /// The input.
    pub composer: Composer,
}

impl Chat {
    /// An empty conversation.
    pub fn new(key: ChatKey, session: Session, provider: Arc<Provider>, model: Option<String>) -> Self {
        Self {
            key,
            session,
            provider,
            model,
            tree: Conversation::default(),
            live: None,
            ended: None,
            seen: true,
            loading: None,
            first_prompt: None,
            files: Vec::new(),
            named: Named::default(),
            is_set: false,
            doomed: None,
            queue: Queue::default(),
            kept: Kept::default(),
            goal: None,
            completion: None,
            dismissed: None,
            reading: 0,
            send_when_read: false,
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
            stored.messages.iter().filter(|m| m.role == crate::chat::Role::User).map(|m| m.typed()),
        );
        self.composer.return_to_draft();
        let typed = !self.composer.is_empty();
        if typed && !stored.draft.is_empty() {
            self.is_kept_otherwise();
        }
        match &stored.draft.input {
            saved if saved.is_empty() => {}
            // Something was typed while the session was read, or a file of the command line stands there.
            saved if typed => self.composer.put_before(saved),
            saved => self.composer.show(saved),
        }
        self.queue.put_before(&stored.draft.queued);
        if !typed {
            self.is_kept();
        }
        self.tree = Conversation::from_stored(stored);
        if !typed && self.doomed.is_some() {
            self.doomed = Some(self.shape());
        }
    }

    /// Whether nothing was said, typed or begun in it; settings may be changed.
    pub fn is_untouched(&self) -> bool {
        self.tree.is_empty()
            && self.composer.is_empty()
            && self.queue.is_empty()
            && self.live.is_none()
            && self.loading.is_none()
            && self.first_prompt.is_none()
    }

    /// `provider:model`, or what stands for it while none is named.
    pub fn model_name(&self) -> String {
        match &self.model {
            Some(model) => format!("{}:{model}", self.provider.name),
            None => format!("{}: no model", self.provider.name),
        }
    }
}
