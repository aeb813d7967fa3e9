//! Saves a turn as it happens: its prompt before anything is sent, its text at the latest 250 ms after
//! it came, its end with outcome and figures.

use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::SavePlan;
use super::attempt::now_ms;
use crate::base::MessageId;
use crate::chat::jobs::{AnswerEnd, StoreError, StoreJob, StoreReply};
use crate::chat::turn::{ChoiceDone, TurnDone, never_came as no_choice};
use crate::chat::{MessageState, Outcome, StreamEvent, Timestamp};
use crate::store::Store;

/// How long text may wait; the rest of the promised 250 ms is the store's to write it.
const LINGER: Duration = Duration::from_millis(200);
/// How long the end of a turn may wait for the store, which gives up a locked database after 5 s.
const PATIENCE: Duration = Duration::from_secs(6);
/// Notices that are kept with an answer; a hostile server may cause one a chunk.
const NOTICES: usize = 50;

/// The wait for the prompt to be on disk.
pub(super) type Begun = BoxFuture<'static, Result<(), StoreError>>;

/// Saves one turn.
pub(super) struct Saver {
    store: Store,
    answers: Vec<Answer>,
    notices: Vec<String>,
    /// When the oldest unsaved event came.
    oldest: Option<Instant>,
}

struct Answer {
    id: MessageId,
    unsaved: Vec<StreamEvent>,
}

impl Saver {
    /// A saver, and the wait for what must be on disk before the turn begins. That is queued now: what is
    /// queued later (that the draft is forgotten) is done later.
    pub(super) fn new(store: Store, plan: SavePlan) -> (Self, Begun) {
        let answers =
            plan.answers.iter().map(|answer| Answer { id: answer.id, unsaved: Vec::new() }).collect();
        let SavePlan { session, prompt, answers: empty } = plan;
        let begin = StoreJob::BeginTurn { session: Box::new(session), prompt, answers: empty };
        let begun = store.call(begin);
        let saver = Self { store, answers, notices: Vec::new(), oldest: None };
        (saver, async move { result(begun.await) }.boxed())
    }

    /// Takes note of an event that came at `now`.
    pub(super) fn take(&mut self, event: &StreamEvent, now: Instant) {
        if let StreamEvent::Notice(notice) = event {
            if self.notices.len() < NOTICES {
                self.notices.push(notice.clone());
            }
            return;
        }
        // What is no content is saved at the end, or not at all.
        let Some(answer) = event.choice().and_then(|choice| self.answers.get_mut(choice as usize)) else {
            return;
        };
        let rest = match answer.unsaved.last_mut() {
            Some(last) => last.merge(event.clone()),
            None => Some(event.clone()),
        };
        answer.unsaved.extend(rest);
        self.oldest.get_or_insert(now);
    }

    /// When [`Saver::flush`] is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.oldest.map(|oldest| oldest + LINGER)
    }

    /// Hands all that came to the store.
    pub(super) fn flush(&mut self) {
        self.oldest = None;
        for answer in &mut self.answers {
            if !answer.unsaved.is_empty() {
                let events = std::mem::take(&mut answer.unsaved);
                self.store.post(StoreJob::Append { message: answer.id, events });
            }
        }
    }

    /// Saves the end of all answers and waits until that is on disk: its failure, or that of anything
    /// before it, is the last chance to say that the turn is not saved.
    pub(super) async fn end(&mut self, done: &TurnDone) -> Result<(), StoreError> {
        self.flush();
        let ended = Timestamp(now_ms());
        let mut jobs = Vec::with_capacity(self.answers.len());
        for (at, answer) in self.answers.iter().enumerate() {
            let mut end = match done.choices.get(at) {
                Some(choice) => end_of(answer.id, choice),
                None => never_came(answer.id),
            };
            end.usage = done.usage;
            end.notices.clone_from(&self.notices);
            end.ended = ended;
            jobs.push(StoreJob::EndAnswer(Box::new(end)));
        }
        let Some(last) = jobs.pop() else { return Ok(()) };
        for job in jobs {
            self.store.post(job);
        }
        match tokio::time::timeout(PATIENCE, self.store.call(last)).await {
            Ok(reply) => result(reply),
            // The job is queued and may yet succeed.
            Err(_) => Ok(()),
        }
    }
}

fn end_of(message: MessageId, choice: &ChoiceDone) -> AnswerEnd {
    AnswerEnd {
        message,
        state: match choice.outcome {
            Outcome::Complete => MessageState::Complete,
            Outcome::Truncated => MessageState::Truncated,
            Outcome::Failed => MessageState::Failed,
            Outcome::Cancelled => MessageState::Cancelled,
        },
        finish: choice.finish.clone(),
        usage: None,
        metrics: Some(choice.metrics),
        error: choice.error.clone(),
        notices: Vec::new(),
        ended: Timestamp(0),
    }
}

/// The end of an answer that was asked for as a choice and never came.
fn never_came(message: MessageId) -> AnswerEnd {
    AnswerEnd {
        message,
        state: MessageState::Failed,
        finish: None,
        usage: None,
        metrics: None,
        error: Some(no_choice()),
        notices: Vec::new(),
        ended: Timestamp(0),
    }
}

fn result(reply: StoreReply) -> Result<(), StoreError> {
    match reply {
        StoreReply::Failed(error) => Err(error),
        StoreReply::Saved
        | StoreReply::Loaded(_)
        | StoreReply::Listed(_)
        | StoreReply::Prompts(_)
        | StoreReply::NotFound(_)
        | StoreReply::Refused(_)
        | StoreReply::Ambiguous(_) => Ok(()),
    }
}
