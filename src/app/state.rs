//! The state of the program's screen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use super::catalog::Catalog;
use super::chat::{Chat, ChatKey, Loading};
use super::cmd::{Cmd, Ticket};
use super::extent::Extent;
use super::layers::Layer;
use super::msg::{Now, TurnId};
use super::panes::hits::Needles;
use super::sessions::Deleted;
use super::themes::OwnThemes;
use crate::base::{IdSource, SessionId};
use crate::chat::jobs::{StoreJob, WhichSession};
use crate::chat::{Params, Part, Provider, Remembered, Session, SessionKind, Timestamp};
use crate::config::Config;
use crate::keys::{Chord, Keymap};
use crate::theme::Theme;

/// How long `press Ctrl-C again to quit` holds.
pub const QUIT_WINDOW: Duration = Duration::from_secs(2);

/// What holds for the whole run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The keys in force.
    pub keymap: Keymap,
    /// The theme, for the terminal's colours.
    pub theme: Theme,
    /// For times on the screen.
    pub zone: TimeZone,
    /// The theme that goes with the terminal's background.
    pub auto: Theme,
    /// The configuration in force: aliases, and what names of models mean.
    pub config: Arc<Config>,
    /// Keep the first screen of a reply while more comes.
    pub hold: bool,
    /// Rows that one notch of the mouse wheel scrolls.
    pub wheel_lines: u16,
    /// Parameters from the configuration, under those of the session.
    pub params: Params,
    /// Whether there is a store.
    pub saves: Saves,
    /// Nothing is configured: the welcome says how to add a model.
    pub nothing_configured: bool,
}

/// Whether conversations are saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saves {
    /// There is a store.
    Yes,
    /// There is none: `--no-save`, or no home folder.
    No,
}

/// What is on the screen first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum First {
    /// The conversation.
    #[default]
    Conversation,
    /// The saved sessions, to choose one.
    Sessions,
}

/// What the command line asks to begin with.
#[derive(Clone, Debug)]
pub struct Start {
    /// All that are configured; the demo is among them.
    pub providers: Vec<Arc<Provider>>,
    /// Where messages go.
    pub provider: Arc<Provider>,
    /// The model; `None`: the chat asks for one.
    pub model: Option<String>,
    /// Whether the model was named by a flag, so that a resumed session takes it too.
    pub model_named: bool,
    /// The system prompt.
    pub system: String,
    /// Whether it was named by a flag.
    pub system_named: bool,
    /// Parameters from flags.
    pub params: Params,
    /// What is on the screen first.
    pub first: First,
    /// A session to go on with.
    pub resume: Option<WhichSession>,
    /// A prompt to send at once.
    pub prompt: Option<String>,
    /// Files that go with the first prompt; without one they stand in the input.
    pub files: Vec<Part>,
    /// What is remembered of earlier runs.
    pub remembered: Remembered,
    /// Seed of ids, from the system's randomness.
    pub seed: u64,
}

/// What is to be told to the person, over the input. The first that is there is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// An answer to a key; gone with the next one.
    pub passing: Option<String>,
    /// What the store or the program said; stays until Esc or the next prompt.
    pub standing: Vec<String>,
    /// Why a draft is not saved yet; gone when it is, or seen.
    pub draft: Option<String>,
    /// What is wrong with the theme's file since it was saved; gone when it is right, or seen.
    pub theme: Option<String>,
    /// Why nothing is saved; told in full at first, in short for the rest of the run.
    pub unsaved: Option<String>,
}

impl Notices {
    /// The person has seen what stood there.
    pub fn settle(&mut self) {
        self.standing.clear();
        self.theme = None;
        self.draft = None;
        if let Some(why) = &mut self.unsaved {
            "this conversation is not saved".clone_into(why);
        }
    }
}

/// Everything that is on the screen or decides what is.
#[derive(Debug)]
pub struct App {
    /// What holds for the whole run.
    pub settings: Settings,
    /// All providers.
    pub providers: Vec<Arc<Provider>>,
    /// The person's own themes.
    pub themes: OwnThemes,
    /// The terminal's size in columns and rows.
    pub size: (u16, u16),
    /// The conversation on the screen.
    pub chat: Chat,
    /// Conversations behind it: they stream, or their reply was not looked at, or something of them is not
    /// saved.
    pub others: Vec<Chat>,
    /// What lies over the conversation, the uppermost last.
    pub layers: Vec<Layer>,
    /// The models that are known.
    pub catalog: Catalog,
    /// The first key of two, while the second is waited for.
    pub pending: Option<Chord>,
    /// What is to be told.
    pub notices: Notices,
    /// Until when a second Ctrl-C quits.
    pub quit_armed: Option<Instant>,
    /// The program is about to end: nothing is drawn any more.
    pub leaving: bool,
    /// The time of the last update; drawing uses no other.
    pub now: Now,
    /// What was told in a line that the next key takes away, and belongs into the transcript too.
    pub(super) untold: Vec<String>,
    pub(super) ids: IdSource,
    pub(super) turns: u64,
    pub(super) chats: u64,
    /// How often the sessions were opened.
    pub(super) openings: u64,
    /// The words by which a session was found that is being opened.
    pub(super) sought: Needles,
    /// What was deleted, the last one last.
    pub(super) deleted: Vec<Deleted>,
    /// Since the last frame.
    pub(super) changed: Option<Extent>,
}

fn new_session(id: SessionId, start: &Start, now: Now) -> Session {
    Session {
        id,
        kind: SessionKind::Chat,
        title: String::new(),
        model: start.model.as_ref().map(|m| format!("{}:{m}", start.provider.name)).unwrap_or_default(),
        system: start.system.clone(),
        params: start.params.clone(),
        created: Timestamp(now.unix_ms),
        updated: Timestamp(now.unix_ms),
    }
}

impl App {
    /// The state at the start, and what is to be done once the first frame of it stands.
    pub fn new(start: Start, settings: Settings, size: (u16, u16), now: Now) -> (Self, Vec<Cmd>) {
        let mut ids = IdSource::new(start.seed);
        let session = new_session(ids.next_id(), &start, now);
        let configured = start.providers.iter().take(settings.config.configured).cloned();
        let configured: Vec<Arc<Provider>> = configured.collect();
        let aliases = settings.config.aliases().map(|(name, target)| (name.to_owned(), target.to_owned()));
        let mut catalog = Catalog::new(configured, start.remembered.clone());
        catalog.aliases = aliases.collect();
        let mut app = Self {
            settings,
            providers: start.providers.clone(),
            themes: OwnThemes::default(),
            size,
            chat: Chat::new(ChatKey(0), session, start.provider.clone(), start.model.clone()),
            others: Vec::new(),
            layers: Vec::new(),
            catalog,
            pending: None,
            notices: Notices::default(),
            quit_armed: None,
            leaving: false,
            now,
            untold: Vec::new(),
            ids,
            turns: 0,
            chats: 0,
            openings: 0,
            sought: Needles::default(),
            deleted: Vec::new(),
            changed: None,
        };
        app.chat.named = super::chat::Named {
            model: start.model_named,
            system: start.system_named.then_some(start.system),
            params: start.params,
        };
        if start.prompt.is_none() && app.chat.model.is_some() && start.first == First::Conversation {
            for file in start.files {
                if let Part::File { name, text } = file {
                    app.chat.composer.attach(name, text);
                }
            }
        } else {
            // The input has no room for them: there is a prompt already, or it takes the model's name, or a
            // session is chosen first.
            app.chat.files = start.files;
        }
        let mut cmds = Vec::new();
        match start.resume {
            Some(which) => {
                app.chat.loading = Some(Loading::Named(which.clone()));
                app.chat.first_prompt = start.prompt;
                cmds.push(Cmd::Ask(Ticket::Open(app.chat.key), StoreJob::Load(which)));
            }
            None if start.first == First::Sessions => {
                cmds.extend(app.open_sessions());
                if let Some(Layer::Sessions(pane)) = app.layers.last_mut() {
                    pane.prompt = start.prompt;
                }
            }
            None => match start.prompt {
                Some(prompt) => cmds.extend(app.send_text(prompt)),
                None => {
                    let key = app.chat.key;
                    cmds.push(Cmd::Ask(Ticket::Unsent(key), StoreJob::Load(WhichSession::Unsent)));
                }
            },
        }
        if app.settings.nothing_configured && app.settings.config.discover {
            cmds.push(app.discover());
        }
        (app, cmds)
    }

    /// An empty conversation with the settings of the one at hand.
    pub(super) fn new_chat(&mut self) -> Chat {
        self.chats += 1;
        let now = Timestamp(self.now.unix_ms);
        let session = Session {
            id: self.ids.next_id(),
            kind: SessionKind::Chat,
            title: String::new(),
            created: now,
            updated: now,
            ..self.chat.session.clone()
        };
        Chat::new(ChatKey(self.chats), session, self.chat.provider.clone(), self.chat.model.clone())
    }

    /// When [`super::Msg::Woke`] is due; `None` while nothing moves by itself.
    pub fn wake_at(&self) -> Option<Instant> {
        let live = self.chat.live.as_ref().map(|live| live.stale_at(self.now.instant));
        let drafts = self.others.iter().filter_map(|chat| chat.kept.due).min();
        [live, self.quit_armed, self.chat.kept.due, drafts].into_iter().flatten().min()
    }

    /// Shows a line until the next key.
    pub fn tell(&mut self, text: impl Into<String>) {
        self.notices.passing = Some(text.into());
    }

    pub(super) fn next_turn(&mut self) -> TurnId {
        self.turns += 1;
        TurnId(self.turns)
    }

    /// Columns and rows below which only transcript, input and state are shown.
    pub fn is_small(&self) -> bool {
        self.size.0 < 60 || self.size.1 < 16
    }
}
