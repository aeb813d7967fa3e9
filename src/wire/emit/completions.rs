//! Text completions: a choice has a text and nothing else.
//!
//! Reasoning is text between `<think>` and `</think>`, as models write it that nobody parses. A tool call
//! is not known here and is left out.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::Delta;
use super::json::{push_member, push_number, push_string};
use super::whole::Gathered;
use crate::chat::stream::FinishReason;

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Which choices are thinking aloud.
#[derive(Clone, Debug, Default)]
pub(super) struct Thoughts {
    open: Vec<u32>,
}

impl Thoughts {
    /// What `delta` is as text; `None` where it is nothing.
    pub fn text<'a>(&mut self, choice: u32, delta: Delta<'a>) -> Option<Cow<'a, str>> {
        let was_open = self.open.contains(&choice);
        match delta {
            Delta::Role | Delta::ToolCall { .. } => None,
            Delta::Reasoning(text) if was_open => Some(text.into()),
            Delta::Reasoning(text) => {
                self.open.push(choice);
                Some(format!("{OPEN}{text}").into())
            }
            Delta::Text(text) | Delta::Refusal(text) if !was_open => Some(text.into()),
            Delta::Text(text) | Delta::Refusal(text) => {
                self.open.retain(|at| *at != choice);
                Some(format!("{CLOSE}{text}").into())
            }
            Delta::Finish(_) if was_open => {
                self.open.retain(|at| *at != choice);
                Some(CLOSE.into())
            }
            Delta::Finish(_) => Some("".into()),
        }
    }
}

/// OpenAI's word for why a text ended.
fn finish_word(reason: FinishReason) -> &'static str {
    match reason {
        // A text cannot ask for tools.
        FinishReason::Stop | FinishReason::Tools => "stop",
        FinishReason::Length | FinishReason::Filter | FinishReason::Failed => super::finish_word(reason),
    }
}

/// Appends `{"index":…,"text":…,"logprobs":null,"finish_reason":…}`.
pub(super) fn push_choice(out: &mut Vec<u8>, choice: u32, text: &str, delta: Delta<'_>) {
    out.extend_from_slice(b"{\"index\":");
    push_number(out, u64::from(choice));
    out.push(b',');
    push_member(out, "text", text);
    out.extend_from_slice(b",\"logprobs\":null,\"finish_reason\":");
    match delta {
        Delta::Finish(reason) => push_string(out, finish_word(reason)),
        _ => out.extend_from_slice(b"null"),
    }
    out.push(b'}');
}

/// A choice of a whole answer.
pub(super) fn whole_choice(index: usize, choice: &Gathered) -> Value {
    let thoughts = match choice.reasoning.as_str() {
        "" => String::new(),
        reasoning => format!("{OPEN}{reasoning}{CLOSE}"),
    };
    json!({
        "text": format!("{thoughts}{}{}", choice.text, choice.refusal),
        "index": index,
        "logprobs": null,
        "finish_reason": choice.finish.map(finish_word),
    })
}
