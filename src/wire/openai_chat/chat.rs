//! From chunks to events: what is known of the answer so far.
//!
//! State is a few words a choice, beside what comes in pieces (calls, data that goes back); choices are found by the server's index in a short list, so an
//! absurd index costs nothing. After an error nothing that follows is read.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::chunk::{Call, Calls, Choice, Chunk, Delta, Function, Part, RawUsage};
use super::ids;
use super::lenient;
use super::stencil::Stencils;
use super::think::{Kind, Think};
use crate::chat::error::{AttemptError, ServerError};
use crate::chat::provider::SendBack;
use crate::chat::stream::{AnnotationKind, Ending};
use crate::chat::tool_calls::{Fragment, Piece, ToolCalls};
use crate::chat::{FinishReason, StreamEvent, Usage};
use crate::wire::errors::{is_error, server_error, shorten};
use crate::wire::json;
use crate::wire::sse::{Flow, SseEvent};

/// The most choices that are told apart.
const MAX_CHOICES: usize = 256;
/// The most notices of one answer: a flood of nonsense is no news.
const MAX_NOTICES: usize = 32;
/// The most that is kept of tool calls and data that goes back, all choices together.
const MAX_KEPT: usize = 64 << 20;
/// How often it is looked up what is kept.
const AUDIT_BYTES: usize = 1 << 20;
/// How much of a malformed chunk is quoted.
const QUOTED_CHARS: usize = 80;
/// The legacy `function_call` has no index; this one is no server's.
const LEGACY_INDEX: i64 = i64::MIN;

/// Whether JSON is a piece of a stream or all of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Chunk,
    Whole,
}

/// What token counts stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    /// The answer so far.
    All,
    /// The choice that ended just now: llama.cpp sends such a chunk for each, beside its times.
    OneChoice,
}

impl Counts {
    fn of(chooses: bool, timings: bool) -> Self {
        if timings && !chooses { Counts::OneChoice } else { Counts::All }
    }
}

/// The answer so far.
#[derive(Debug, Default)]
pub(super) struct Chat {
    started: bool,
    /// All text is text: no tag in it is the server's.
    raw: bool,
    /// Whether anything came that is a chunk at all.
    readable: bool,
    marked: bool,
    /// Annotations that came before the server named itself.
    held: Vec<StreamEvent>,
    choices: Vec<ChoiceState>,
    /// The choice that was found last: nearly always the next one too.
    last: usize,
    usage: Option<Usage>,
    /// How many choices had finished when counts of one choice alone came.
    counted: usize,
    notices: usize,
    response_id: String,
    too_many_told: bool,
    stencils: Stencils,
    /// Bytes read since it was last looked up how much is kept.
    unaudited: usize,
}

#[derive(Debug, Default)]
struct ChoiceState {
    /// The server's index.
    key: i64,
    /// Ours: the same, unless it is absurd.
    number: u32,
    finished: bool,
    /// Whether it said anything yet.
    spoke: bool,
    reasoned: bool,
    think: Think,
    calls: ToolCalls,
    /// `reasoning_details`, put together.
    details: Vec<Value>,
    /// `extra_content` of calls, by their number.
    extras: Vec<(usize, Value)>,
    /// The last verdict of the content filter.
    verdict: Value,
}

impl ChoiceState {
    /// About how much memory it holds.
    fn kept(&self) -> usize {
        let extras = self.extras.iter().map(|(_, extra)| extra);
        self.calls.kept()
            + self.details.iter().chain(extras).chain([&self.verdict]).map(json::weight).sum::<usize>()
    }
}

impl Chat {
    /// For an answer that goes on with a text as it stands.
    pub(super) fn of_raw_text() -> Self {
        Self { raw: true, ..Self::default() }
    }

    /// From here on every chunk is parsed, until another teaches a stencil.
    #[cfg(test)]
    pub(super) fn forget_stencils(&mut self) {
        self.stencils = Stencils::default();
    }

    /// How many chunks were read by a stencil.
    #[cfg(test)]
    pub(super) fn fitted(&self) -> usize {
        self.stencils.fitted
    }

    pub(super) fn is_marked(&self) -> bool {
        self.marked
    }

    pub(super) fn is_readable(&self) -> bool {
        self.readable
    }

    /// Whether any choice was seen.
    pub(super) fn has_choices(&self) -> bool {
        !self.choices.is_empty()
    }

    /// The end marker came: nothing more is read.
    pub(super) fn mark(&mut self, out: &mut Vec<StreamEvent>) {
        self.marked = true;
        self.close(out);
    }

    /// How the answer stands, if the body ends here.
    pub(super) fn ending(&self) -> Ending {
        if self.marked {
            Ending::Marked
        } else if !self.readable {
            Ending::Empty
        } else if self.has_choices() && self.choices.iter().all(|choice| choice.finished) {
            Ending::FinishedOnly
        } else {
            Ending::Cut
        }
    }

    /// Takes an event of the stream.
    ///
    /// # Errors
    /// An error in band.
    pub(super) fn event(
        &mut self,
        event: SseEvent<'_>,
        out: &mut Vec<StreamEvent>,
    ) -> Result<Flow, AttemptError> {
        self.audit(event.data.len())?;
        if event.kind != b"error"
            && let Some(choice) = self.stencils.read(event.data.trim_ascii())
        {
            self.choice(choice, 0, Extent::Chunk, out);
            return Ok(Flow::More);
        }
        let text = match std::str::from_utf8(event.data) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(event.data),
        };
        let text = text.trim();
        if text.is_empty() {
            return Ok(Flow::More);
        }
        if is_done(text) {
            self.mark(out);
            return Ok(Flow::Stop);
        }
        if event.kind == b"error" {
            self.close(out);
            return Err(AttemptError::Server(error_text(text)));
        }
        self.json(text, Extent::Chunk, out)?;
        Ok(Flow::More)
    }

    /// After each so many bytes, looks up how much of the answer is kept here.
    ///
    /// # Errors
    /// Where it is too much: calls without end, or whose names never come.
    fn audit(&mut self, bytes: usize) -> Result<(), AttemptError> {
        self.unaudited += bytes;
        if self.unaudited < AUDIT_BYTES {
            return Ok(());
        }
        self.unaudited = 0;
        let held = self.held.iter().map(|event| match event {
            StreamEvent::Annotation { data, .. } => json::weight(data),
            _ => 0,
        });
        let kept = held.sum::<usize>() + self.choices.iter().map(ChoiceState::kept).sum::<usize>();
        if kept <= MAX_KEPT {
            return Ok(());
        }
        Err(AttemptError::Protocol {
            message: format!(
                "the answer has over {} MiB of tool calls and data beside its text",
                MAX_KEPT >> 20
            ),
            hint: "This is hardly a chat stream: check base_url and dialect of the provider.".into(),
        })
    }

    /// Takes a chunk or a whole answer as JSON. What is neither is noted.
    ///
    /// # Errors
    /// An error in band.
    pub(super) fn json(
        &mut self,
        text: &str,
        extent: Extent,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), AttemptError> {
        if extent == Extent::Whole {
            self.audit(text.len())?;
        }
        // A list would be taken for the members in their order.
        if text.starts_with('{')
            && json::is_modest(text)
            && let Ok(chunk) = serde_json::from_str::<Chunk<'_>>(text)
            && !chunk.is_odd()
        {
            if self.started && extent == Extent::Chunk {
                self.stencils.learn(text.as_bytes(), &chunk);
            }
            self.chunk(chunk, extent, out);
            return Ok(());
        }
        match lenient::parse(text) {
            Some(value @ Value::Object(_)) => self.value(&value, extent, out),
            Some(Value::Array(items)) if items.iter().any(Value::is_object) => items
                .iter()
                .filter(|item| item.is_object())
                .try_for_each(|item| self.value(item, extent, out)),
            _ => {
                self.notice(|| format!("skipped a malformed chunk: {}", shorten(text, QUOTED_CHARS)), out);
                Ok(())
            }
        }
    }

    fn chunk(&mut self, chunk: Chunk<'_>, extent: Extent, out: &mut Vec<StreamEvent>) {
        let chooses = chunk.choices.as_ref().is_some_and(|choices| choices.iter().next().is_some());
        let says = chooses || chunk.usage.is_some();
        let counts = Counts::of(chooses, chunk.timings.0);
        // A whole body of JSON without a choice is some other server's.
        self.readable |= chooses || extent == Extent::Chunk;
        if !self.started && self.readable {
            self.start(chunk.id.as_ref().map(|s| &*s.0), chunk.model.as_ref().map(|s| &*s.0), says, out);
        }
        for result in chunk.prompt_filter_results.iter().flatten() {
            self.prompt_filter(result, out);
        }
        for (place, choice) in chunk.choices.into_iter().flat_map(|choices| choices.into_iter()).enumerate() {
            self.choice(choice, place, extent, out);
        }
        if let Some(usage) = &chunk.usage {
            self.usage(usage, counts, out);
        }
    }

    /// The unusual shapes: as [`Self::chunk`], and errors in band.
    fn value(
        &mut self,
        value: &Value,
        extent: Extent,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), AttemptError> {
        let error = lenient::error_in(value);
        let choices = lenient::one_or_many(value.get("choices"));
        let usage = lenient::usage(value);
        self.readable |= !choices.is_empty() || (error.is_none() && extent == Extent::Chunk);
        if !self.started && self.readable {
            let text = |name| value.get(name).and_then(Value::as_str);
            self.start(text("id"), text("model"), !choices.is_empty() || usage.is_some(), out);
        }
        for result in lenient::one_or_many(value.get("prompt_filter_results")) {
            self.prompt_filter(result, out);
        }
        for (place, choice) in choices.iter().enumerate() {
            let mut choice = lenient::choice(choice);
            if error.is_some() {
                choice.finish_reason = None;
            }
            self.choice(choice, place, extent, out);
        }
        if let Some(usage) = usage {
            let timings = value.get("timings").is_some_and(is_error);
            self.usage(&usage, Counts::of(!choices.is_empty(), timings), out);
        }
        match error {
            None => Ok(()),
            Some(error) => {
                self.close(out);
                Err(AttemptError::Server(server_error(error)))
            }
        }
    }

    /// Tells the server's names once they, or something that must follow them, are there.
    fn start(&mut self, id: Option<&str>, model: Option<&str>, says: bool, out: &mut Vec<StreamEvent>) {
        let owned = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let (id, model) = (owned(id), owned(model));
        if id.is_none() && model.is_none() && !says {
            return;
        }
        self.started = true;
        self.response_id = id.clone().unwrap_or_default();
        out.push(StreamEvent::Start { id, model });
        out.append(&mut self.held);
    }

    fn choice(&mut self, choice: Choice<'_>, place: usize, extent: Extent, out: &mut Vec<StreamEvent>) {
        let index = choice.index.unwrap_or(match extent {
            Extent::Chunk => 0,
            Extent::Whole => place as i64,
        });
        let Some(at) = self.slot(index) else {
            if !std::mem::replace(&mut self.too_many_told, true) {
                self.notice(|| format!("more than {MAX_CHOICES} choices came: the others are left out"), out);
            }
            return;
        };
        match (choice.delta, choice.message, choice.text) {
            (Some(delta), _, _) => self.delta(at, delta, out),
            // Some servers repeat the whole message at the end of its stream.
            (None, Some(_), _) if extent == Extent::Chunk && self.choices[at].spoke => {}
            (None, Some(message), _) => self.delta(at, *message, out),
            // Text completions.
            (None, None, Some(text)) => self.text(at, text.0, out),
            (None, None, None) => {}
        }
        if let Some(verdict) = choice.content_filter_results {
            self.filter(at, *verdict, out);
        }
        if let Some(raw) = choice.finish_reason {
            self.finish(at, &raw.0, out);
        }
    }

    fn delta(&mut self, at: usize, delta: Delta<'_>, out: &mut Vec<StreamEvent>) {
        let reasoning = delta
            .reasoning_content
            .filter(|text| !text.0.is_empty())
            .or(delta.reasoning)
            .filter(|text| !text.0.is_empty());
        if let Some(details) = delta.reasoning_details {
            let plain = !self.choices[at].reasoned && reasoning.is_none();
            for detail in details {
                if plain && let Some(text) = lenient::detail_text(&detail) {
                    let state = &mut self.choices[at];
                    state.spoke = true;
                    state.think.reasoned_elsewhere(tell(state.number, out));
                    out.push(StreamEvent::Reasoning { choice: state.number, delta: text.to_owned() });
                }
                lenient::join_detail(&mut self.choices[at].details, detail);
            }
        }
        if let Some(text) = reasoning {
            self.reasoning(at, text.0, out);
        }
        if let Some(text) = delta.content {
            self.text(at, text.0, out);
        }
        for part in delta.parts {
            match part {
                Part::Text(text) => self.text(at, text.into(), out),
                Part::Reasoning(text) => self.reasoning(at, text.into(), out),
                Part::Refusal(text) => self.refusal(at, text.into(), out),
            }
        }
        if let Some(text) = delta.refusal.filter(|text| !text.0.is_empty()) {
            self.refusal(at, text.0, out);
        }
        for call in delta.tool_calls.into_iter().flat_map(Calls::into_iter) {
            self.call(at, call, out);
        }
        if let Some(function) = delta.function_call {
            let call = Call { index: Some(LEGACY_INDEX), function: Some(*function), ..Call::default() };
            self.call(at, call, out);
        }
    }

    fn text(&mut self, at: usize, text: Cow<'_, str>, out: &mut Vec<StreamEvent>) {
        if text.is_empty() {
            return;
        }
        let state = &mut self.choices[at];
        state.spoke = true;
        if state.think.is_over() {
            out.push(StreamEvent::Text { choice: state.number, delta: text.into_owned() });
        } else {
            state.think.take(&text, tell(state.number, out));
        }
    }

    /// Reasoning that came as such, never empty.
    fn reasoning(&mut self, at: usize, text: Cow<'_, str>, out: &mut Vec<StreamEvent>) {
        let state = &mut self.choices[at];
        (state.spoke, state.reasoned) = (true, true);
        state.think.reasoned_elsewhere(tell(state.number, out));
        out.push(StreamEvent::Reasoning { choice: state.number, delta: text.into_owned() });
    }

    /// A refusal's text, never empty.
    fn refusal(&mut self, at: usize, text: Cow<'_, str>, out: &mut Vec<StreamEvent>) {
        let state = &mut self.choices[at];
        state.spoke = true;
        state.think.interrupt(tell(state.number, out));
        out.push(StreamEvent::Refusal { choice: state.number, delta: text.into_owned() });
    }

    fn call(&mut self, at: usize, call: Call<'_>, out: &mut Vec<StreamEvent>) {
        let Function { name, arguments } = call.function.or(call.custom).unwrap_or_default();
        let fragment = Fragment {
            index: call.index,
            id: call.id.as_ref().map(|id| &*id.0),
            name: name.as_ref().map(|name| &*name.0),
            arguments: arguments.as_ref().map_or("", |arguments| &*arguments.0),
        };
        let state = &mut self.choices[at];
        state.spoke = true;
        let number = state.number;
        state.think.interrupt(tell(number, out));
        match (state.calls.take(fragment, |piece| out.push(call_event(number, piece))), call.extra_content) {
            (Ok(Some(call)), Some(extra)) => {
                state.extras.retain(|(other, _)| *other != call);
                state.extras.push((call, *extra));
            }
            (Ok(_), _) => {}
            (Err(_), _) => {
                self.notice(|| "a choice has too many tool calls: the others are left out".into(), out);
            }
        }
    }

    fn finish(&mut self, at: usize, raw: &str, out: &mut Vec<StreamEvent>) {
        // An empty word is the same as none; the first word holds.
        if raw.is_empty() || self.choices[at].finished {
            return;
        }
        self.choices[at].finished = true;
        self.close_choice(at, out);
        let choice = self.choices[at].number;
        let raw = shorten(raw, QUOTED_CHARS);
        out.push(StreamEvent::Finish { choice, reason: reason_of(&raw), raw });
    }

    fn usage(&mut self, raw: &RawUsage, counts: Counts, out: &mut Vec<StreamEvent>) {
        let Some(mut usage) = raw.usage() else { return };
        if counts == Counts::OneChoice {
            let finished = self.choices.iter().filter(|choice| choice.finished).count();
            if let Some(others) = self.usage.filter(|_| self.counted > 0 && finished > self.counted) {
                usage = with_choice(others, usage);
            }
            self.counted = finished;
        }
        if self.usage == Some(usage) {
            return;
        }
        self.usage = Some(usage);
        out.push(StreamEvent::Usage(usage));
    }

    /// A verdict is told when it says something new: some servers repeat it on each chunk.
    fn filter(&mut self, at: usize, verdict: Value, out: &mut Vec<StreamEvent>) {
        let state = &mut self.choices[at];
        if !lenient::says_something(&verdict) || state.verdict == verdict {
            return;
        }
        state.verdict = verdict.clone();
        out.push(StreamEvent::Annotation {
            choice: state.number,
            kind: AnnotationKind::Filter,
            data: verdict,
        });
    }

    fn prompt_filter(&mut self, result: &Value, out: &mut Vec<StreamEvent>) {
        let Some(verdict) = result.get("content_filter_results").filter(|v| lenient::says_something(v))
        else {
            return;
        };
        let event =
            StreamEvent::Annotation { choice: 0, kind: AnnotationKind::PromptFilter, data: verdict.clone() };
        if self.started {
            out.push(event);
        } else if self.held.len() < MAX_NOTICES {
            self.held.push(event);
        }
    }

    fn notice(&mut self, text: impl FnOnce() -> String, out: &mut Vec<StreamEvent>) {
        self.notices += 1;
        if self.notices < MAX_NOTICES {
            out.push(StreamEvent::Notice(text()));
        } else if self.notices == MAX_NOTICES {
            out.push(StreamEvent::Notice("more of the stream is malformed; not noted any further".into()));
        }
    }

    /// Nothing more comes: tells what was held back.
    pub(super) fn close(&mut self, out: &mut Vec<StreamEvent>) {
        if self.readable && !self.started {
            self.start(None, None, true, out);
        }
        for at in 0..self.choices.len() {
            self.close_choice(at, out);
        }
    }

    fn close_choice(&mut self, at: usize, out: &mut Vec<StreamEvent>) {
        let state = &mut self.choices[at];
        let choice = state.number;
        state.think.finish(tell(choice, out));
        if !state.calls.is_empty() {
            let response = self.response_id.as_str();
            state.calls.finish(
                |index| invented_id(response, choice, index),
                |piece| out.push(call_event(choice, piece)),
            );
        }
        if !state.details.is_empty() {
            let json = Value::Array(std::mem::take(&mut state.details));
            out.push(carry(choice, SendBack::ReasoningDetails, json));
        }
        for (call, extra) in state.extras.drain(..) {
            let json = json!({"call": call, "extra_content": extra});
            out.push(carry(choice, SendBack::ExtraContent, json));
        }
    }

    /// The place of the choice with the server's `key`; `None` where there are too many.
    fn slot(&mut self, key: i64) -> Option<usize> {
        if self.choices.get(self.last).is_some_and(|choice| choice.key == key) {
            return Some(self.last);
        }
        let at = match self.choices.iter().position(|choice| choice.key == key) {
            Some(at) => at,
            None if self.choices.len() >= MAX_CHOICES => return None,
            None => {
                let number = self.number_for(key);
                let mut think = Think::default();
                if self.raw {
                    think.skip();
                }
                self.choices.push(ChoiceState { key, number, think, ..ChoiceState::default() });
                self.choices.len() - 1
            }
        };
        self.last = at;
        Some(at)
    }

    /// The server's index where it is one that n choices can have and is free, else the first free.
    fn number_for(&self, key: i64) -> u32 {
        let is_free = |number: u32| self.choices.iter().all(|choice| choice.number != number);
        let own = u32::try_from(key).ok().filter(|&n| (n as usize) < MAX_CHOICES && is_free(n));
        own.or_else(|| (0..=MAX_CHOICES as u32).find(|&number| is_free(number))).unwrap_or_default()
    }
}

/// The end marker; some servers write it small.
pub(super) fn is_done(text: &str) -> bool {
    text.starts_with('[') && text.eq_ignore_ascii_case("[DONE]")
}

/// An error that came as such, as JSON of any shape or as text.
pub(super) fn error_text(text: &str) -> ServerError {
    server_error(&lenient::parse(text).unwrap_or_else(|| Value::String(text.to_owned())))
}

/// What [`Think`] finds, as events.
fn tell(choice: u32, out: &mut Vec<StreamEvent>) -> impl FnMut(Kind, &str) {
    move |kind, text| {
        let delta = text.to_owned();
        out.push(match kind {
            Kind::Text => StreamEvent::Text { choice, delta },
            Kind::Reasoning => StreamEvent::Reasoning { choice, delta },
        });
    }
}

fn call_event(choice: u32, piece: Piece) -> StreamEvent {
    let Piece { index, id, name, delta } = piece;
    StreamEvent::ToolCall { choice, index, id, name, delta }
}

fn carry(choice: u32, what: SendBack, json: Value) -> StreamEvent {
    StreamEvent::Carry { choice, slot: what.name().to_owned(), json }
}

/// The counts of several choices of one prompt.
fn with_choice(others: Usage, usage: Usage) -> Usage {
    let both = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (a, b) => a.or(b),
    };
    let completion_tokens = others.completion_tokens.saturating_add(usage.completion_tokens);
    Usage {
        prompt_tokens: usage.prompt_tokens,
        completion_tokens,
        total_tokens: usage.prompt_tokens.saturating_add(completion_tokens),
        cached_tokens: others.cached_tokens.min(usage.cached_tokens),
        reasoning_tokens: both(others.reasoning_tokens, usage.reasoning_tokens),
    }
}

fn reason_of(raw: &str) -> FinishReason {
    match raw {
        "length" => FinishReason::Length,
        "tool_calls" | "function_call" => FinishReason::Tools,
        "content_filter" => FinishReason::Filter,
        "error" | "insufficient_system_resource" => FinishReason::Failed,
        _ => FinishReason::Stop,
    }
}

/// An id for a call that came without one, the same for the same call of the same answer.
fn invented_id(response: &str, choice: u32, index: u32) -> String {
    let numbers = choice.to_le_bytes().into_iter().chain(index.to_le_bytes());
    ids::short(response.bytes().chain(numbers))
}
