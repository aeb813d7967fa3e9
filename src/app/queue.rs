//! The queue: messages that wait for the end of the running reply.
//!
//! Each goes when the reply before it is whole. After a stop or a failure they are held until Enter. Until
//! it goes a message can be edited: ↑ takes the last one back into the input, and on its first row the one
//! before it, as through earlier prompts; Enter, ↑ and ↓ put what is in the input back in its place.

use std::collections::VecDeque;

use super::cmd::Cmd;
use super::state::App;
use crate::chat::{Outcome, Written};
use crate::keys::Action;

/// Messages that wait, the first one first.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: VecDeque<Written>,
    held: Hold,
    /// How many stand behind the place of the one that was taken back into the input.
    behind: Option<usize>,
    revision: u64,
}

/// Whether the messages go by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hold {
    /// When the reply before them is whole.
    #[default]
    No,
    /// After Enter.
    UntilEnter,
}

impl Queue {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Those that wait, the first one first.
    pub fn iter(&self) -> impl Iterator<Item = &Written> {
        self.waiting.iter()
    }

    /// Whether they wait for Enter.
    pub fn is_held(&self) -> bool {
        self.held == Hold::UntilEnter && !self.is_empty()
    }

    /// Grows with every change of what waits.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Those that wait do so until Enter.
    pub(super) fn hold(&mut self) {
        if !self.is_empty() {
            self.held = Hold::UntilEnter;
        }
    }

    /// They wait for Enter no more.
    pub(super) fn let_go(&mut self) {
        self.held = Hold::No;
    }

    /// Puts a message in the place of the one that was taken back, else at the end.
    pub(super) fn add(&mut self, written: Written) {
        let at = self.place();
        self.behind = None;
        self.revision += 1;
        self.waiting.insert(at, written);
    }

    /// The next one.
    pub(super) fn next(&mut self) -> Option<Written> {
        self.revision += 1;
        self.waiting.pop_front()
    }

    /// Messages of an earlier run of the program: they go before those of this one, after Enter.
    pub(super) fn put_before(&mut self, earlier: &[Written]) {
        if earlier.is_empty() {
            return;
        }
        self.revision += 1;
        earlier.iter().rev().for_each(|written| self.waiting.push_front(written.clone()));
        self.hold();
    }

    /// What was taken back is no more.
    pub(super) fn leave(&mut self) {
        self.behind = None;
    }

    /// The place of the one that was taken back; the end, if none was.
    fn place(&self) -> usize {
        self.waiting.len().saturating_sub(self.behind.unwrap_or(0))
    }

    /// Takes the message at `index` back.
    fn take(&mut self, index: usize) -> Option<Written> {
        let written = self.waiting.remove(index)?;
        self.behind = Some(self.waiting.len() - index);
        self.revision += 1;
        Some(written)
    }

    /// Puts the one in the input back, if it says anything, and takes the one before it.
    fn earlier(&mut self, at_hand: Option<Written>) -> Option<Written> {
        let at = self.place();
        if let Some(written) = at_hand {
            self.add(written);
        }
        self.behind = None;
        self.take(at.checked_sub(1)?)
    }

    /// The other way.
    fn later(&mut self, at_hand: Option<Written>) -> Option<Written> {
        let mut at = self.place();
        if let Some(written) = at_hand {
            self.add(written);
            at += 1;
        }
        self.behind = None;
        self.take(at)
    }
}

impl App {
    /// ↑: a row up; on the first one, the message that waits before the one at hand, or an earlier prompt.
    pub(super) fn up(&mut self) -> Vec<Cmd> {
        if self.chat.composer.is_empty() {
            // What was taken back and emptied is gone.
            self.chat.queue.leave();
            if self.walk_queue(Queue::earlier) {
                return Vec::new();
            }
        } else if self.chat.queue.behind.is_some()
            && self.chat.composer.is_at_top()
            && self.walk_queue(Queue::earlier)
        {
            return Vec::new();
        }
        self.chat.composer.edit(Action::Up);
        Vec::new()
    }

    /// ↓: a row down; on the last one, the message that waits after the one at hand, or a later prompt.
    pub(super) fn down(&mut self) -> Vec<Cmd> {
        if self.chat.queue.behind.is_some()
            && !self.chat.composer.is_empty()
            && self.chat.composer.is_at_foot()
        {
            self.walk_queue(Queue::later);
            return Vec::new();
        }
        self.chat.composer.edit(Action::Down);
        Vec::new()
    }

    /// Puts the message in the input back into the queue and shows another one of it. False where there is
    /// none: the input is empty then.
    fn walk_queue(&mut self, step: fn(&mut Queue, Option<Written>) -> Option<Written>) -> bool {
        let at_hand = Some(self.chat.composer.written()).filter(|written| !written.is_empty());
        let had = at_hand.is_some();
        match step(&mut self.chat.queue, at_hand) {
            Some(written) => {
                self.chat.composer.show(&written);
                true
            }
            None => {
                if had {
                    self.chat.composer.empty();
                }
                false
            }
        }
    }

    /// A turn has ended: the next message goes, unless what happened is to be looked at first.
    pub(super) fn go_on_with_queue(&mut self) -> Vec<Cmd> {
        let went_well = self.chat.ended.as_ref().is_some_and(|ended| match ended.outcome {
            // Stopped by a person, who has said by Enter since then that the next one is to go.
            Outcome::Complete | Outcome::Cancelled => !self.chat.queue.is_held(),
            Outcome::Truncated | Outcome::Failed => false,
        });
        if !went_well || self.leaving {
            self.chat.queue.hold();
            return Vec::new();
        }
        self.release()
    }

    /// The editor of the person's choice has ended.
    pub(super) fn edited(&mut self, outcome: Result<String, String>) -> Vec<Cmd> {
        match outcome {
            Ok(text) => self.chat.composer.edited(&text),
            Err(why) => self.tell(why),
        }
        Vec::new()
    }
}
