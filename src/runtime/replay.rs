//! A recording in place of servers: its turns one after another, then nothing.
//!
//! A recording holds answers, not prompts: what stands in their place says what is played. Esc stops all
//! of it. What the person sends while it plays or after it is not answered, and the answer says so.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::app::Msg;
use crate::chat::Provider;
use crate::turns::{Source, Speed, TurnJob};
use crate::wire::recording::{RecordedTurn, Recording};

/// A recording that is played in the chat.
#[derive(Debug)]
pub struct Replay {
    /// The file's name, for people.
    name: String,
    speed: Speed,
    /// How many turns there were.
    count: usize,
    waiting: VecDeque<Arc<RecordedTurn>>,
    /// Whether the next is to be shown as soon as no turn runs.
    due: bool,
    /// The one that is shown now, and the provider by which its turn is known.
    ready: Option<(Arc<RecordedTurn>, Arc<Provider>)>,
}

impl Replay {
    /// What was recorded in the file of this name.
    pub fn new(name: String, recording: Recording, speed: Speed) -> Self {
        let waiting: VecDeque<_> = recording.turns.into_iter().map(Arc::new).collect();
        Self { name, speed, count: waiting.len(), waiting, due: true, ready: None }
    }

    /// Whom the first turn asked, and its model.
    pub fn first(&self) -> Option<(Arc<Provider>, String)> {
        self.waiting.front().map(|turn| (Arc::new(turn.provider()), turn.asked.model.clone()))
    }

    /// A turn has ended.
    pub(super) fn go_on(&mut self) {
        self.due = true;
    }

    /// Has the chat show the next turn, while none runs; `None` where it is not due, or all were played.
    pub(super) fn next(&mut self) -> Option<Msg> {
        if !std::mem::take(&mut self.due) {
            return None;
        }
        let turn = self.waiting.pop_front()?;
        let number = self.count - self.waiting.len();
        let which = if self.count > 1 { format!(" ({number} of {})", self.count) } else { String::new() };
        let provider = Arc::new(turn.provider());
        let msg = Msg::Play {
            provider: Arc::clone(&provider),
            model: turn.asked.model.clone(),
            choices: turn.asked.choices,
            prompt: format!("replay of {}{which}", self.name),
        };
        self.ready = Some((turn, provider));
        Some(msg)
    }

    /// Plays no more.
    pub(super) fn stop(&mut self) {
        self.waiting.clear();
    }

    /// The turn that the chat wants: that which it was told to show, else one that says that nothing is sent.
    pub(super) fn job(&mut self, job: TurnJob) -> TurnJob {
        let ready = self.ready.take_if(|(_, provider)| Arc::ptr_eq(provider, &job.provider));
        match ready {
            Some((turn, _)) => {
                TurnJob { plan: turn.plan(), source: Source::Recording(turn, self.speed), save: None, ..job }
            }
            None => {
                let why =
                    format!("this is the replay of {}: nothing is sent. `chatui` alone chats", self.name);
                TurnJob { source: Source::Nothing(why), save: None, ..job }
            }
        }
    }
}
