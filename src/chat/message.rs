//! Messages: what was said, by whom, and how it ended.

use serde_json::Value;

use super::error::TurnError;
use super::metrics::ChoiceMetrics;
use super::session::Timestamp;
use super::stream::{AnnotationKind, FinishReason, StreamEvent, Usage};
use super::verdict;
use crate::base::MessageId;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Instructions to the model.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

impl Role {
    /// The word for it on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::System, Self::User, Self::Assistant, Self::Tool].into_iter().find(|r| r.name() == name)
    }
}

/// How far a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// It streams.
    Streaming,
    /// It is whole.
    Complete,
    /// The person stopped it; what came is here.
    Cancelled,
    /// It was cut; what came is here.
    Truncated,
    /// It failed; what came, if anything, is here.
    Failed,
}

impl MessageState {
    /// The word for it in the store and on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            MessageState::Streaming => "streaming",
            MessageState::Complete => "complete",
            MessageState::Cancelled => "cancelled",
            MessageState::Truncated => "truncated",
            MessageState::Failed => "failed",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Streaming, Self::Complete, Self::Cancelled, Self::Truncated, Self::Failed]
            .into_iter()
            .find(|s| s.name() == name)
    }
}

/// A tool call of the model.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ToolCall {
    /// The server's id, or one of ours where none came.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments as they came; JSON if all is well.
    pub arguments: String,
}

/// A piece of a message, in the order the pieces came.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text (Markdown in answers).
    Text(String),
    /// A text that a model is to go on with as it stands: the whole prompt of a text completion, without
    /// template, system prompt or earlier messages.
    RawPrompt(String),
    /// A text file that the person attached.
    File {
        /// Its name, as it is shown and sent.
        name: String,
        /// What it holds.
        text: String,
    },
    /// Reasoning.
    Reasoning(String),
    /// A refusal.
    Refusal(String),
    /// A tool call.
    ToolCall(ToolCall),
    /// Something beside the text, as a content filter's verdict.
    Annotation {
        /// What sort.
        kind: AnnotationKind,
        /// As it came; a filter's later verdicts lie over the earlier ones.
        data: Value,
    },
    /// Opaque data that goes back to the same dialect.
    Carry {
        /// The dialect's name for it.
        slot: String,
        /// As it came.
        json: Value,
    },
}

/// How a choice ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finish {
    /// In the common vocabulary.
    pub reason: FinishReason,
    /// In the server's word.
    pub raw: String,
}

/// One message of a conversation; an assistant's is one choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The message it follows; `None` at the beginning of a conversation.
    pub parent: Option<MessageId>,
    /// Who speaks.
    pub role: Role,
    /// When it was sent, or its request was.
    pub created: Timestamp,
    /// `provider:model` that answered; empty for the person's.
    pub model: String,
    /// Its place among the choices of its turn.
    pub choice: u32,
    /// What it says.
    pub parts: Vec<Part>,
    /// How far it is.
    pub state: MessageState,
    /// How it ended, once it has.
    pub finish: Option<Finish>,
    /// The token counts of its whole turn, as reported; on each choice of the turn.
    pub usage: Option<Usage>,
    /// Times and rates, once it has ended.
    pub metrics: Option<ChoiceMetrics>,
    /// Why it did not end well.
    pub error: Option<TurnError>,
    /// What was odd and survived.
    pub notices: Vec<String>,
}

impl Message {
    /// A whole message of the person's.
    pub fn user(
        id: MessageId,
        parent: Option<MessageId>,
        text: impl Into<String>,
        created: Timestamp,
    ) -> Self {
        let mut message = Self::empty(id, parent, Role::User, created);
        message.parts.push(Part::Text(text.into()));
        message.state = MessageState::Complete;
        message
    }

    /// An answer that is about to stream.
    pub fn answer(
        id: MessageId,
        parent: Option<MessageId>,
        model: impl Into<String>,
        choice: u32,
        created: Timestamp,
    ) -> Self {
        let mut message = Self::empty(id, parent, Role::Assistant, created);
        message.model = model.into();
        message.choice = choice;
        message
    }

    fn empty(id: MessageId, parent: Option<MessageId>, role: Role, created: Timestamp) -> Self {
        Self {
            id,
            parent,
            role,
            created,
            model: String::new(),
            choice: 0,
            parts: Vec::new(),
            state: MessageState::Streaming,
            finish: None,
            usage: None,
            metrics: None,
            error: None,
            notices: Vec::new(),
        }
    }

    /// Takes in an event of its stream. Events that are not about content are ignored.
    pub fn apply(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::Text { delta, .. } => match self.last_content_mut() {
                Some(Part::Text(text)) => text.push_str(delta),
                _ => self.parts.push(Part::Text(delta.clone())),
            },
            StreamEvent::Reasoning { delta, .. } => match self.last_content_mut() {
                Some(Part::Reasoning(text)) => text.push_str(delta),
                _ => self.parts.push(Part::Reasoning(delta.clone())),
            },
            StreamEvent::Refusal { delta, .. } => match self.last_content_mut() {
                Some(Part::Refusal(text)) => text.push_str(delta),
                _ => self.parts.push(Part::Refusal(delta.clone())),
            },
            StreamEvent::ToolCall { index, id, name, delta, .. } => {
                let call = self.tool_call_mut(*index);
                if let Some(id) = id {
                    call.id.clone_from(id);
                }
                if let Some(name) = name {
                    call.name.clone_from(name);
                }
                call.arguments.push_str(delta);
            }
            StreamEvent::Carry { slot, json, .. } => {
                self.parts.push(Part::Carry { slot: slot.clone(), json: json.clone() });
            }
            StreamEvent::Finish { reason, raw, .. } => {
                self.finish = Some(Finish { reason: *reason, raw: raw.clone() });
            }
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::Notice(notice) => self.notices.push(notice.clone()),
            StreamEvent::Annotation { kind, data, .. } => {
                self.annotate(*kind, data);
            }
            StreamEvent::Start { .. } => {}
        }
    }

    /// A filter's later verdict lies over its earlier one: some servers send one with each chunk.
    fn annotate(&mut self, kind: AnnotationKind, data: &Value) {
        let known = self.parts.iter_mut().find_map(|part| match part {
            Part::Annotation { kind: known, data } if *known == kind => Some(data),
            _ => None,
        });
        match (kind, known) {
            (AnnotationKind::Filter | AnnotationKind::PromptFilter, Some(known)) => {
                verdict::lay_over(known, data);
            }
            _ => self.parts.push(Part::Annotation { kind, data: data.clone() }),
        }
    }

    /// The place of the last part that says something itself; what stands beside it does not end it.
    pub fn last_content(&self) -> Option<usize> {
        self.parts.iter().rposition(|part| !matches!(part, Part::Annotation { .. } | Part::Carry { .. }))
    }

    fn last_content_mut(&mut self) -> Option<&mut Part> {
        let at = self.last_content()?;
        self.parts.get_mut(at)
    }

    /// The call at `index`, made where there is none. Indexes count 0, 1, … without gaps.
    fn tool_call_mut(&mut self, index: u32) -> &mut ToolCall {
        let known = self.parts.iter().filter(|p| matches!(p, Part::ToolCall(_))).count();
        if known <= index as usize {
            self.parts.push(Part::ToolCall(ToolCall::default()));
        }
        let slot = self
            .parts
            .iter()
            .enumerate()
            .filter(|(_, p)| matches!(p, Part::ToolCall(_)))
            .map(|(i, _)| i)
            .nth((index as usize).min(known))
            .unwrap_or(self.parts.len() - 1);
        match &mut self.parts[slot] {
            Part::ToolCall(call) => call,
            _ => unreachable!("the slot was chosen among the tool calls"),
        }
    }

    /// What a model gets of a prompt: its text, and attached files in a fence under their name.
    pub fn sent_text(&self) -> String {
        let mut sent = String::new();
        for part in &self.parts {
            let piece = match part {
                Part::Text(text) | Part::RawPrompt(text) => text.clone(),
                Part::File { name, text } => fenced(name, text),
                Part::Reasoning(_)
                | Part::Refusal(_)
                | Part::ToolCall(_)
                | Part::Annotation { .. }
                | Part::Carry { .. } => continue,
            };
            if !sent.is_empty() && !piece.is_empty() {
                sent.push_str("\n\n");
            }
            sent.push_str(&piece);
        }
        sent
    }

    /// All its text (without files, reasoning and refusal).
    pub fn text(&self) -> String {
        self.joined(|part| match part {
            Part::Text(text) | Part::RawPrompt(text) => Some(text),
            _ => None,
        })
    }

    /// The text that is to be gone on with as it stands.
    pub fn raw_prompt(&self) -> Option<&str> {
        self.parts.iter().find_map(|part| match part {
            Part::RawPrompt(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// What is typed to send it once more: its text, a raw prompt behind its command.
    pub fn typed(&self) -> String {
        self.raw_prompt().map_or_else(|| self.text(), |raw| format!("/raw {raw}"))
    }

    /// All its reasoning.
    pub fn reasoning(&self) -> String {
        self.joined(|part| match part {
            Part::Reasoning(text) => Some(text),
            _ => None,
        })
    }

    /// All its refusal text.
    pub fn refusal(&self) -> String {
        self.joined(|part| match part {
            Part::Refusal(text) => Some(text),
            _ => None,
        })
    }

    fn joined<'a>(&'a self, pick: impl Fn(&'a Part) -> Option<&'a String>) -> String {
        self.parts.iter().filter_map(pick).map(String::as_str).collect()
    }

    /// Its tool calls in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(|part| match part {
            Part::ToolCall(call) => Some(call),
            _ => None,
        })
    }

    /// Whether it is an answer that broke off after it had said something, so that a model can go on.
    pub fn is_partial(&self) -> bool {
        let broke_off = match self.state {
            MessageState::Streaming => false,
            MessageState::Complete => self.finish.as_ref().is_some_and(|f| f.reason == FinishReason::Length),
            MessageState::Cancelled | MessageState::Truncated | MessageState::Failed => true,
        };
        self.role == Role::Assistant && broke_off && self.has_words()
    }

    /// Whether it has text or a refusal: what a model can go on with, as reasoning is not.
    pub fn has_words(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Text(t) | Part::Refusal(t) if !t.is_empty()))
    }

    /// Whether nothing came: no text, no reasoning, no refusal, no call.
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| match part {
            Part::Text(t) | Part::RawPrompt(t) | Part::Reasoning(t) | Part::Refusal(t) => t.is_empty(),
            Part::ToolCall(_) | Part::File { .. } => false,
            Part::Annotation { .. } | Part::Carry { .. } => true,
        })
    }
}

/// A file in a fence that nothing in it can close.
fn fenced(name: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{name}:\n{fence}\n{text}{end}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Id;

    #[test]
    fn a_file_is_sent_in_a_fence_that_it_cannot_close() {
        let mut message = Message::user(Id::from_bits(1), None, "read this", Timestamp(0));
        message.parts.push(Part::File { name: "a.md".into(), text: "x\n````\ny".into() });
        assert_eq!(message.sent_text(), "read this\n\na.md:\n`````\nx\n````\ny\n`````");
        assert_eq!(message.text(), "read this");
    }

    fn tool(index: u32, id: Option<&str>, name: Option<&str>, delta: &str) -> StreamEvent {
        StreamEvent::ToolCall {
            choice: 0,
            index,
            id: id.map(Into::into),
            name: name.map(Into::into),
            delta: delta.into(),
        }
    }

    #[test]
    fn events_build_the_parts_in_their_order() {
        let mut message = Message::answer(Id::from_bits(1), None, "demo:chat", 0, Timestamp(0));
        message.apply(&StreamEvent::Reasoning { choice: 0, delta: "hm".into() });
        message.apply(&StreamEvent::Text { choice: 0, delta: "a".into() });
        message.apply(&StreamEvent::Text { choice: 0, delta: "b".into() });
        message.apply(&tool(0, Some("x"), Some("time"), ""));
        message.apply(&tool(1, Some("y"), Some("sum"), "{"));
        message.apply(&tool(0, None, None, "{}"));
        message.apply(&tool(1, None, None, "}"));
        assert_eq!(message.reasoning(), "hm");
        assert_eq!(message.text(), "ab");
        let calls: Vec<_> = message.tool_calls().map(|c| (c.id.as_str(), c.arguments.as_str())).collect();
        assert_eq!(calls, [("x", "{}"), ("y", "{}")]);
    }
}
