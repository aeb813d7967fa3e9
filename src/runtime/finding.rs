//! The search for files of what is typed: one at a time in the whole program.
//!
//! A disk that does not answer holds a search up, perhaps for ever, and its thread with it. What is asked
//! meanwhile waits, one question a chat (a chat's next one takes the place of the one before it, which it no
//! longer waits for); who searches goes on with those.

use std::sync::{Arc, Mutex, PoisonError};

use crate::app::chat::ChatKey;

/// What was asked: by which chat, and what is typed there.
pub type Question = (ChatKey, String);

/// The search. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Finding(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    is_busy: bool,
    waiting: Vec<Question>,
}

impl Finding {
    /// Takes a question; gives it back to who is to begin the search with it.
    pub fn begin(&self, question: Question) -> Option<Question> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_busy {
            state.waiting.retain(|(chat, _)| *chat != question.0);
            state.waiting.push(question);
            return None;
        }
        state.is_busy = true;
        Some(question)
    }

    /// The next question, for who searches; `None`: the search is over.
    pub fn next(&self) -> Option<Question> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.waiting.is_empty() {
            state.is_busy = false;
            return None;
        }
        Some(state.waiting.remove(0))
    }
}
