//! A recording in place of servers: its turns one after another, then nothing.
//!
//! A recording holds answers, not prompts: what stands in their place says what is played. Esc stops all
//! of it. What the person sends while it plays or after it is not answered, and the answer says so.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::app::Msg;
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
    /// The one that the next turn of the chat plays.
    ready: Option<Arc<RecordedTurn>>,
}

impl Replay {
    /// What was recorded in the file of this name.
    pub fn new(name: String, recording: Recording, speed: Speed) -> Self {
        let waiting: VecDeque<_> = recording.turns.into_iter().map(Arc::new).collect();
        Self { name, speed, count: waiting.len(), waiting, ready: None }
    }

    /// Has the chat show the next turn; `None` where all were played.
    pub(super) fn next(&mut self) -> Option<Msg> {
        let turn = self.waiting.pop_front()?;
        let number = self.count - self.waiting.len();
        let which = if self.count > 1 { format!(" ({number} of {})", self.count) } else { String::new() };
        let msg = Msg::Play {
            provider: Arc::new(turn.provider()),
            model: turn.asked.model.clone(),
            choices: turn.asked.choices,
            prompt: format!("replay of {}{which}", self.name),
        };
        self.ready = Some(turn);
        Some(msg)
    }

    /// Plays no more.
    pub(super) fn stop(&mut self) {
        self.waiting.clear();
    }

    /// The turn that the chat wants: what is ready to be played, else one that says that nothing is sent.
    pub(super) fn job(&mut self, job: TurnJob) -> TurnJob {
        match self.ready.take() {
            Some(turn) => {
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
