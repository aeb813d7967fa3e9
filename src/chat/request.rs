//! What is asked of a model: the request, whatever dialect will carry it.

use serde_json::{Map, Value};

use super::message::{Message, MessageState, Part, Role};

/// What is sent to have an answer go on. Where the dialect has one text and no turns, the answer itself is
/// sent, open at its end, and this is not.
pub const GO_ON: &str = "Continue exactly where you stopped.";

/// Sampling and limits. What is unset is left out of the request.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Params {
    /// The most tokens the answer may have.
    pub max_tokens: Option<u64>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// The seed.
    pub seed: Option<i64>,
    /// How many choices.
    pub n: Option<u32>,
    /// The effort of a reasoning model, in its own word.
    pub reasoning_effort: Option<String>,
    /// Any other member of the body, as it is.
    pub extra: Map<String, Value>,
}

impl Params {
    /// These, with what `over` sets laid over them.
    #[must_use]
    pub fn overlaid(&self, over: &Params) -> Params {
        let mut extra = self.extra.clone();
        extra.extend(over.extra.clone());
        Params {
            max_tokens: over.max_tokens.or(self.max_tokens),
            temperature: over.temperature.or(self.temperature),
            top_p: over.top_p.or(self.top_p),
            stop: if over.stop.is_empty() { self.stop.clone() } else { over.stop.clone() },
            seed: over.seed.or(self.seed),
            n: over.n.or(self.n),
            reasoning_effort: over.reasoning_effort.clone().or_else(|| self.reasoning_effort.clone()),
            extra,
        }
    }

    /// How many choices are asked for, at least 1.
    pub fn choices(&self) -> u32 {
        self.n.unwrap_or(1).max(1)
    }
}

/// One request: a conversation up to the prompt, for one model.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatRequest {
    /// The model as the server names it (without the provider).
    pub model: String,
    /// The system prompt; empty for none.
    pub system: String,
    /// The messages, oldest first; only whole or partial ones with content.
    pub messages: Vec<Message>,
    /// Sampling and limits, all sources laid over each other.
    pub params: Params,
    /// Whether to stream.
    pub stream: bool,
}

impl ChatRequest {
    /// The text that is to be gone on with as it stands, where the prompt is one: then it is all that is
    /// asked.
    pub fn raw_prompt(&self) -> Option<&str> {
        self.messages.last()?.raw_prompt()
    }

    /// The same as one text: also where its answer was cut and is to go on.
    pub fn raw_text(&self) -> Option<String> {
        raw_text(&self.messages)
    }

    /// The messages of `path` that go to a model. Answers that hold nothing are left out, and prompts
    /// that then follow each other are sent as one: many models take only turns that alternate.
    pub fn messages_of<'a>(path: impl IntoIterator<Item = &'a Message>) -> Vec<Message> {
        let mut sent: Vec<Message> = Vec::new();
        for message in path.into_iter().filter(|m| !(m.role == Role::Assistant && sends_nothing(m))) {
            match sent.last_mut() {
                Some(last)
                    if last.role == Role::User
                        && message.role == Role::User
                        && message.raw_prompt().is_none() =>
                {
                    let text = format!("{}\n\n{}", last.sent_text(), message.sent_text());
                    last.parts = vec![Part::Text(text)];
                }
                _ => sent.push(message.clone()),
            }
        }
        sent
    }
}

/// The one text that `messages` end with: a raw prompt, and what came of it where that is to go on.
pub fn raw_text(messages: &[Message]) -> Option<String> {
    let at = messages.iter().rposition(|message| message.raw_prompt().is_some())?;
    let (first, rest) = messages[at..].split_first()?;
    let mut text = first.raw_prompt()?.to_owned();
    for pair in rest.chunks(2) {
        let [answer, prompt] = pair else { return None };
        if answer.role != Role::Assistant || !asks_to_go_on(prompt) {
            return None;
        }
        text.push_str(&answer.text());
    }
    Some(text)
}

/// Whether a prompt is [`GO_ON`] and nothing else.
pub fn asks_to_go_on(message: &Message) -> bool {
    message.role == Role::User && matches!(message.parts.as_slice(), [Part::Text(text)] if text == GO_ON)
}

/// Whether an answer has nothing that a request could carry.
fn sends_nothing(message: &Message) -> bool {
    message.state != MessageState::Streaming
        && message.parts.iter().all(|part| match part {
            Part::Text(text) | Part::RawPrompt(text) | Part::Refusal(text) => text.is_empty(),
            Part::Reasoning(_) | Part::Annotation { .. } | Part::Carry { .. } => true,
            Part::ToolCall(_) | Part::File { .. } => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Id;
    use crate::chat::session::Timestamp;

    #[test]
    fn prompts_whose_answer_failed_are_sent_as_one() {
        let user = |n, text: &str| Message::user(Id::from_bits(n), None, text, Timestamp(0));
        let mut failed = Message::answer(Id::from_bits(9), None, "m", 0, Timestamp(0));
        failed.state = MessageState::Failed;
        let mut answer = failed.clone();
        answer.parts.push(Part::Text("yes".into()));
        let sent = ChatRequest::messages_of([&user(1, "a"), &failed, &user(2, "b"), &answer, &user(3, "c")]);
        let texts: Vec<_> = sent.iter().map(|m| (m.role, m.text())).collect();
        let expected = [(Role::User, "a\n\nb"), (Role::Assistant, "yes"), (Role::User, "c")]
            .map(|(r, t)| (r, t.to_owned()));
        assert_eq!(texts, expected);
    }

    #[test]
    fn a_raw_prompt_and_the_answers_that_were_to_go_on_are_one_text() {
        let user = |n, part| Message {
            parts: vec![part],
            ..Message::user(Id::from_bits(n), None, "", Timestamp(0))
        };
        let raw = user(1, Part::RawPrompt("Once upon".into()));
        let go_on = user(3, Part::Text(GO_ON.into()));
        let mut answer = Message::answer(Id::from_bits(2), None, "m", 0, Timestamp(0));
        answer.parts.push(Part::Text(" a ti".into()));
        let text = |messages: &[&Message]| {
            let messages = messages.iter().map(|message| (*message).clone()).collect();
            let request = ChatRequest {
                model: "m".into(),
                system: String::new(),
                messages,
                params: Params::default(),
                stream: true,
            };
            request.raw_text()
        };
        assert_eq!(text(&[&raw]).as_deref(), Some("Once upon"));
        assert_eq!(text(&[&raw, &answer, &go_on]).as_deref(), Some("Once upon a ti"));
        let twice = text(&[&answer, &raw, &answer, &go_on, &answer, &go_on]);
        assert_eq!(twice.as_deref(), Some("Once upon a ti a ti"));
        assert_eq!(text(&[&raw, &answer, &user(4, Part::Text("why?".into()))]), None);
        assert_eq!(text(&[&answer, &go_on]), None);
    }
}
