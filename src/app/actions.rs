//! What a person can have done with a conversation: send, stop, try again, go on.

use super::cmd::{Cmd, TurnStart};
use super::commands::run::Ran;
use super::completion::FILE;
use super::live::{LiveTurn, Phase};
use super::state::App;
use crate::base::MessageId;
use crate::chat::jobs::StoreJob;
use crate::chat::request::{GO_ON, raw_text};
use crate::chat::session::{Chosen, title_of};
use crate::chat::turn::choices_asked;
use crate::chat::{ChatRequest, Message, MessageState, Params, Part, Role, Timestamp, Written};
use crate::keys::{Action, Scope};

impl App {
    /// Enter: sends the input, or queues it while a reply streams or others were held back. On an empty
    /// input it sends what was held back.
    pub(super) fn send(&mut self) -> Vec<Cmd> {
        if self.chat.composer.is_blank() {
            self.chat.queue.leave();
            return self.release();
        }
        if self.chat.reading > 0 {
            match self.chat.composer.command() {
                None => {
                    self.chat.send_when_read = true;
                    return Vec::new();
                }
                // It stands for the file that is read: it is not to go alone.
                Some(text) if text.starts_with(FILE) => {
                    self.tell("the file is still being read");
                    return Vec::new();
                }
                Some(_) => {}
            }
        }
        if let Some(cmds) = self.run_typed() {
            return cmds;
        }
        if self.chat.model.is_none() {
            return self.name_model();
        }
        if self.chat.loading.is_some() {
            self.tell("the session is still being opened · the draft is kept");
            return Vec::new();
        }
        let written = self.chat.composer.take_written().without_sign();
        self.chat.queue.add(written);
        let mut cmds = self.release();
        // At once: that it waits is worth more than a draft.
        cmds.extend(self.keep_draft());
        cmds
    }

    /// Has the messages that wait go: the next one now, or at the end of the running reply.
    pub(super) fn release(&mut self) -> Vec<Cmd> {
        if self.chat.loading.is_some() || self.chat.queue.is_empty() {
            return Vec::new();
        }
        if self.chat.model.is_none() {
            self.tell("no model is named yet: type its name first");
            return Vec::new();
        }
        self.chat.queue.let_go();
        if self.chat.live.is_some() {
            return Vec::new();
        }
        match self.chat.queue.next() {
            Some(written) => self.send_written(&written),
            None => Vec::new(),
        }
    }

    /// The input is a model's name, as after `-m`. A prompt that waited for it is sent.
    fn name_model(&mut self) -> Vec<Cmd> {
        let text = self.chat.composer.text();
        let name = text.trim();
        if name.contains(char::is_whitespace) {
            self.tell("first the model's name, without blanks · what you typed is kept");
            return Vec::new();
        }
        let name = name.to_owned();
        match self.resolve(&name) {
            Ok(_) => {
                self.chat.composer.take_off();
                self.use_model(&name)
            }
            Err(why) => {
                self.tell(why);
                Vec::new()
            }
        }
    }

    /// Sends `text` as the next prompt.
    pub(super) fn send_text(&mut self, text: String) -> Vec<Cmd> {
        if self.chat.model.is_none() {
            // The prompt waits while the model is asked for.
            self.chat.first_prompt = Some(text);
            return Vec::new();
        }
        self.send_written(&Written::from(text))
    }

    /// Sends `text` as a raw prompt.
    pub(super) fn send_raw(&mut self, text: &str) -> Ran {
        if text.trim().is_empty() {
            let told = "/raw TEXT: a base model goes on with TEXT, without template, system prompt and what was said";
            self.tell(told);
            return Ok(Vec::new());
        }
        if let Some(why) = self.chat.provider.refuses_raw_prompts() {
            return Err(why);
        }
        if self.chat.model.is_none() {
            return Err("no model is named yet: type its name first".to_owned());
        }
        match self.streams() {
            Some(why) => Err(why),
            None => Ok(self.send_parts(vec![Part::RawPrompt(text.to_owned())])),
        }
    }

    /// Sends what was written as the next prompt.
    fn send_written(&mut self, written: &Written) -> Vec<Cmd> {
        let parts = written.parts().into_iter().chain(std::mem::take(&mut self.chat.files)).collect();
        self.send_parts(parts)
    }

    fn send_parts(&mut self, parts: Vec<Part>) -> Vec<Cmd> {
        let parent = self.chat.tree.last().map(|m| m.id);
        let created = Timestamp(self.now.unix_ms);
        let prompt = Message { parts, ..Message::user(self.ids.next_id(), parent, "", created) };
        if self.chat.session.title.is_empty() {
            self.chat.session.title = title_of(&prompt.text());
        }
        self.chat.tree.add(vec![prompt.clone()]);
        self.ask(prompt.id, vec![prompt])
    }

    /// Asks for answers to the message `to`, the last of the shown path; `fresh` is not saved yet.
    fn ask(&mut self, to: MessageId, fresh: Vec<Message>) -> Vec<Cmd> {
        let Some(model) = self.chat.model.clone() else {
            self.tell("no model is named yet: type its name first");
            return Vec::new();
        };
        let Some(at) = self.chat.tree.path().iter().position(|id| *id == to) else { return Vec::new() };
        let messages = ChatRequest::messages_of(self.chat.tree.messages().take(at + 1));
        if raw_text(&messages).is_some()
            && let Some(why) = self.chat.provider.refuses_raw_prompts()
        {
            self.tell(why);
            return Vec::new();
        }
        let params = self.params_for(&model);
        let created = Timestamp(self.now.unix_ms);
        let name = format!("{}:{model}", self.chat.provider.name);
        let mut answers: Vec<Message> = (0..choices_asked(&params))
            .map(|choice| Message::answer(self.ids.next_id(), Some(to), name.clone(), choice, created))
            .collect();
        if let Some(first) = answers.first_mut() {
            first.notices.append(&mut self.untold);
        }
        let request =
            ChatRequest { messages, system: self.chat.session.system.clone(), stream: true, model, params };
        self.chat.session.updated = created;
        self.chat.tree.add(answers.clone());
        let turn = self.next_turn();
        let ids = answers.iter().map(|a| a.id).collect();
        let mut live = LiveTurn::new(turn, ids, request.params.max_tokens, self.now.instant);
        // Each answer has the limit; the figure is of all of them.
        live.figures.max_tokens =
            request.params.max_tokens.map(|max| max.saturating_mul(answers.len() as u64));
        live.figures.price = self.catalog.price(&self.chat.provider, &request.model);
        live.figures.prompt_guess = guess(&request);
        self.chat.live = Some(live);
        self.chat.seen = true;
        self.notices.settle();
        self.chat.transcript.select(None);
        self.chat.transcript.follow();
        if self.settings.hold {
            self.chat.transcript.hold_at(to);
        }
        let start = Cmd::StartTurn(Box::new(TurnStart {
            turn,
            provider: self.chat.provider.clone(),
            request,
            session: self.chat.session.clone(),
            prompt: fresh,
            answers,
        }));
        let used = self.used(self.chat.session.model.clone());
        // After the prompt: the draft is not in two places, and never in none.
        [start].into_iter().chain(used).chain(self.keep_draft()).collect()
    }

    /// The configuration's parameters, the model's own over them, the session's over all.
    pub(super) fn params_for(&self, model: &str) -> Params {
        let own = self.chat.provider.model_info.get(model).map(|info| &info.params);
        let base = own.map_or_else(|| self.settings.params.clone(), |own| self.settings.params.overlaid(own));
        base.overlaid(&self.chat.session.params)
    }

    /// Stops the turn that runs. Its end is told later; what came stays.
    pub(super) fn stop(&mut self) -> Option<Cmd> {
        let live = self.chat.live.as_mut().filter(|live| live.phase != Phase::Stopping)?;
        live.phase = Phase::Stopping;
        self.chat.queue.hold();
        Some(Cmd::CancelTurn(live.id))
    }

    /// Asks again for the answer of a message (or to it, if it is a prompt): a sibling of it.
    pub(super) fn retry(&mut self, id: MessageId) -> Vec<Cmd> {
        if self.busy() {
            return Vec::new();
        }
        let to = self.chat.tree.get(id).and_then(|message| match message.role {
            Role::User => Some(message.id),
            Role::Assistant | Role::System | Role::Tool => message.parent,
        });
        let Some(to) = to else { return Vec::new() };
        self.ask(to, Vec::new())
    }

    /// Has the model go on with a partial reply.
    pub(super) fn go_on(&mut self, id: MessageId) -> Vec<Cmd> {
        let last = self.chat.tree.last().map(|m| m.id);
        let Some(message) = self.chat.tree.get(id) else { return Vec::new() };
        if message.state == MessageState::Streaming {
            let key = self.settings.keymap.key_for(Action::Back).unwrap_or_default();
            self.tell(format!("this reply is streaming · {key} stops it"));
            return Vec::new();
        }
        if !message.is_partial() {
            let words = self.asks_again();
            self.tell(format!("there is no partial reply here to continue{words}"));
            return Vec::new();
        }
        if last != Some(id) {
            let words = self.asks_again();
            self.tell(format!("the conversation already went on from this reply{words}"));
            return Vec::new();
        }
        if self.busy() {
            return Vec::new();
        }
        self.send_text(GO_ON.to_owned())
    }

    /// Whether a message is one that [`App::go_on`] goes on with.
    pub(super) fn goes_on(&self, id: Option<MessageId>) -> bool {
        self.chat.tree.last().is_some_and(|last| Some(last.id) == id && last.is_partial())
    }

    fn asks_again(&self) -> String {
        let key = self.settings.keymap.key_in(Scope::Selection, Action::Retry);
        key.map(|key| format!(" · {key} asks again")).unwrap_or_default()
    }

    fn busy(&mut self) -> bool {
        let why = self.streams();
        let is_busy = why.is_some();
        if let Some(why) = why {
            self.tell(why);
        }
        is_busy
    }

    /// Why nothing else can be asked now, if a reply streams.
    fn streams(&self) -> Option<String> {
        self.chat.live.as_ref()?;
        let key = self.settings.keymap.key_for(Action::Back).unwrap_or_default();
        Some(format!("a reply is streaming · {key} stops it"))
    }

    /// Shows another sibling of `id` and goes on from it.
    pub(super) fn choose(&mut self, id: MessageId, pick: Pick) -> Vec<Cmd> {
        let Some(parent) = self.chat.tree.get(id).map(|m| m.parent) else { return Vec::new() };
        let chosen = match pick {
            Pick::By(by) => self.chat.tree.choose_beside(id, by),
            Pick::Index(index) => self.chat.tree.choose(parent, index),
        };
        let Some(chosen) = chosen else { return Vec::new() };
        self.chat.transcript.replace(id, chosen.child, &self.chat.tree);
        self.save_choice(chosen)
    }

    pub(super) fn save_choice(&self, chosen: Chosen) -> Vec<Cmd> {
        vec![Cmd::Store(StoreJob::Choose { session: self.chat.session.id, chosen })]
    }

    /// The message whose tabs the tab keys turn: the selected one, else the last that has siblings.
    pub(super) fn tabbed(&self) -> Option<MessageId> {
        let tree = &self.chat.tree;
        self.chat
            .transcript
            .selected()
            .or_else(|| tree.path().iter().rev().copied().find(|id| tree.place(*id).of > 1))
    }
}

/// Which sibling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    /// So many places away.
    By(isize),
    /// The one at this place, from 0.
    Index(usize),
}

/// Tokens that a request may have: servers count about one for four bytes.
fn guess(request: &ChatRequest) -> u64 {
    let of = |message: &Message| -> usize {
        let part = |part: &Part| match part {
            Part::Text(text) | Part::RawPrompt(text) | Part::Refusal(text) | Part::File { text, .. } => {
                text.len()
            }
            Part::Reasoning(_) | Part::ToolCall(_) | Part::Annotation { .. } | Part::Carry { .. } => 0,
        };
        message.parts.iter().map(part).sum()
    };
    let bytes = request.system.len() + request.messages.iter().map(of).sum::<usize>();
    bytes.div_ceil(4) as u64
}
