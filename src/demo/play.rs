//! Plays a script: its voices side by side, each at its own pace, as one stream or as one body.
//!
//! A voice has a time at which its next piece is due. The player sleeps until the earliest, then
//! writes all that is due into one frame (up to 32 KiB), so a pace of any height costs what its bytes
//! cost. Whoever carries a stream, over HTTP or a WebSocket, stops polling, and drops the player, when
//! the client goes away.

use std::time::Duration;

use axum::body::Bytes;
use futures::Stream;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::http::Running;
use super::script::{Ending, ErrorForm, Script, Step, Steps, Voice};
use crate::chat::stream::{FinishReason, StreamEvent, Usage};
use crate::wire::emit::{self, ApiError, ChunkWriter, Delta, Framing, Shape, WholeWriter};

/// A frame is sent on when it has grown to this.
const FRAME: usize = 32 * 1024;
/// The pace that `Options::tokens_per_second` is in proportion to.
const NATURAL: f64 = 80.0;
/// The most pieces of a body that is not streamed.
const MAX_WHOLE: u64 = 200_000;

/// What an answer is called, and what was asked of it.
#[derive(Debug)]
pub(super) struct Answer {
    pub shape: Shape,
    pub framing: Framing,
    pub id: String,
    pub created: u64,
    pub model: String,
    pub prompt_tokens: u64,
    /// The most tokens of a choice.
    pub limit: Option<u64>,
    pub includes_usage: bool,
    pub tokens_per_second: Option<f64>,
}

impl Answer {
    fn is_unpaced(&self) -> bool {
        self.tokens_per_second.is_some_and(|rate| rate <= 0.0)
    }

    /// The time between two tokens of a voice of this rate; `None` is none.
    fn interval(&self, rate: f64) -> Option<Duration> {
        let rate = self.tokens_per_second.map_or(rate, |asked| rate * asked / NATURAL);
        (rate > 0.0).then(|| Duration::try_from_secs_f64(1.0 / rate).ok()).flatten()
    }

    fn usage(&self, parts: &[Part]) -> Usage {
        let completion_tokens = parts.iter().map(|part| part.sent).sum();
        let reasoning: u64 = parts.iter().map(|part| part.reasoned).sum();
        Usage {
            prompt_tokens: self.prompt_tokens,
            completion_tokens,
            total_tokens: self.prompt_tokens + completion_tokens,
            cached_tokens: None,
            reasoning_tokens: (reasoning > 0).then_some(reasoning),
        }
    }
}

/// A voice as it plays.
struct Part {
    choice: u32,
    steps: Steps,
    due: Instant,
    interval: Option<Duration>,
    limit: u64,
    /// `None`: the stream breaks off before this choice ends.
    finish: Option<FinishReason>,
    state: State,
    sent: u64,
    reasoned: u64,
    random: u32,
}

#[derive(PartialEq, Eq)]
enum State {
    New,
    Speaking,
    Ended,
}

/// What a voice does next.
enum Next {
    Step(Step),
    Finish(FinishReason),
    /// It falls silent, and its stream's ending follows.
    Silent,
}

impl Part {
    fn of((choice, voice): (usize, Voice), answer: &Answer, start: Instant) -> Self {
        let choice = u32::try_from(choice).unwrap_or(u32::MAX);
        let wait = if answer.is_unpaced() { Duration::ZERO } else { voice.first };
        Self {
            choice,
            steps: voice.steps,
            due: start + wait,
            interval: answer.interval(voice.rate),
            limit: answer.limit.unwrap_or(u64::MAX),
            finish: voice.finish,
            state: State::New,
            sent: 0,
            reasoned: 0,
            random: 0x9e37_79b9 ^ choice,
        }
    }

    fn next(&mut self) -> Next {
        self.state = State::Speaking;
        let next = match self.steps.next() {
            Some(Step::Wait(time)) => {
                self.due += time;
                return Next::Step(Step::Wait(time));
            }
            Some(Step::Raw(bytes)) => Next::Step(Step::Raw(bytes)),
            Some(_) if self.sent == self.limit => Next::Finish(FinishReason::Length),
            Some(step) => {
                self.sent += 1;
                self.reasoned += u64::from(matches!(step, Step::Reasoning(_)));
                Next::Step(step)
            }
            None => self.finish.map_or(Next::Silent, Next::Finish),
        };
        match next {
            Next::Step(_) => self.wait(),
            Next::Finish(_) | Next::Silent => self.state = State::Ended,
        }
        next
    }

    /// The next piece is due after the interval, give or take a third: a hand-made stream looks even.
    fn wait(&mut self) {
        let Some(interval) = self.interval else { return };
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let jitter = 0.67 + 0.66 * f64::from(self.random >> 8) / f64::from(1_u32 << 24);
        self.due += interval.mul_f64(jitter);
    }
}

/// The voice whose piece comes next: the earliest, and of those that are due at once the one that has
/// said least.
fn nearest(parts: &[Part]) -> Option<usize> {
    let speaking = parts.iter().enumerate().filter(|(_, part)| part.state != State::Ended);
    speaking.min_by_key(|(_, part)| (part.due, part.sent)).map(|(at, _)| at)
}

fn parts_of(voices: Vec<Voice>, answer: &Answer) -> Vec<Part> {
    let start = Instant::now();
    voices.into_iter().enumerate().map(|voice| Part::of(voice, answer, start)).collect()
}

/// A piece of a stream.
pub(super) enum Piece {
    Bytes(Bytes),
    /// The last: nothing follows.
    End(End),
}

/// How a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// In order; a WebSocket with this code and reason.
    Closed(u16, &'static str),
    /// The connection closes in the middle.
    Cut,
    /// The connection is reset.
    Reset,
}

/// The end of a stream to which nothing is missing.
pub(super) const NORMAL: End = End::Closed(1000, "");

struct Player {
    answer: Answer,
    writer: ChunkWriter,
    parts: Vec<Part>,
    ending: Ending,
    running: Running,
    begun: bool,
    /// All is said but this.
    end: Option<End>,
}

/// The events of `script`. The last piece is an end.
pub(super) fn stream(script: Script, answer: Answer, running: Running) -> impl Stream<Item = Piece> {
    let Answer { shape, framing, created, .. } = answer;
    let mut writer = ChunkWriter::new(shape, framing, &answer.id, created, &answer.model);
    if answer.includes_usage {
        writer = writer.with_usage();
    }
    let parts = parts_of(script.voices, &answer);
    let player = Player { answer, writer, parts, ending: script.ending, running, begun: false, end: None };
    futures::stream::unfold(Some(player), |player| async {
        let mut player = player?;
        if let Some(end) = player.end {
            return Some((Piece::End(end), None));
        }
        let frame = player.frame().await;
        match player.end {
            Some(end) if frame.is_empty() => Some((Piece::End(end), None)),
            _ => Some((Piece::Bytes(frame.into()), Some(player))),
        }
    })
}

impl Player {
    /// The next frame; with the last one, `end` is known.
    async fn frame(&mut self) -> Vec<u8> {
        let Some(due) = nearest(&self.parts).map(|at| self.parts[at].due) else {
            return self.ending().await;
        };
        if due > Instant::now() {
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                () = self.running.stopped() => self.end = Some(End::Cut),
            }
        } else if self.running.is_stopped() {
            self.end = Some(End::Cut);
        }
        if self.end.is_some() {
            return Vec::new();
        }
        let now = Instant::now();
        let mut out = Vec::with_capacity(if self.answer.is_unpaced() { FRAME + 1024 } else { 512 });
        if !self.begun {
            self.begun = true;
            self.writer.begin(&mut out);
        }
        while let Some(at) = nearest(&self.parts)
            && self.parts[at].due <= now
            && out.len() < FRAME
        {
            self.advance(at, &mut out);
        }
        out
    }

    fn advance(&mut self, at: usize, out: &mut Vec<u8>) {
        let part = &mut self.parts[at];
        let choice = part.choice;
        if part.state == State::New {
            self.writer.chunk(choice, Delta::Role, out);
        }
        match part.next() {
            Next::Step(Step::Raw(bytes)) => out.extend_from_slice(bytes),
            Next::Step(Step::Wait(_)) | Next::Silent => {}
            Next::Step(step) => self.writer.chunk(choice, step.delta(), out),
            Next::Finish(reason) if nearest(&self.parts).is_none() => {
                self.writer.last(choice, reason, &self.answer.usage(&self.parts), out);
            }
            Next::Finish(reason) => self.writer.chunk(choice, Delta::Finish(reason), out),
        }
    }

    async fn ending(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.end = Some(match self.ending {
            Ending::Done => {
                self.writer.done(&mut out);
                NORMAL
            }
            Ending::Unmarked => NORMAL,
            Ending::Unended => {
                self.writer.done(&mut out);
                End::Cut
            }
            Ending::Cut => End::Cut,
            Ending::Reset => End::Reset,
            Ending::Closed(code, reason) => End::Closed(code, reason),
            Ending::Stall => {
                self.running.stopped().await;
                End::Cut
            }
            Ending::Error(form, message) => {
                self.error(form, message, &mut out);
                End::Closed(1011, "")
            }
        });
        out
    }

    fn error(&self, form: ErrorForm, message: &str, out: &mut Vec<u8>) {
        let json = |value: Value| value.to_string().into_bytes();
        match form {
            ErrorForm::Plain => {
                let kind = "server_error";
                let error = ApiError { status: 500, message, kind, param: None, code: None };
                self.writer.error(&error, out);
            }
            ErrorForm::Done => {
                let error =
                    json!({"message": message, "type": "InternalServerError", "param": null, "code": 500});
                out.extend_from_slice(b"data: ");
                out.extend_from_slice(&json(json!({"error": error})));
                out.extend_from_slice(b"\n\n");
                out.extend_from_slice(emit::DONE);
            }
            ErrorForm::Field => {
                out.extend_from_slice(b"error: ");
                out.extend_from_slice(&json(
                    json!({"code": 500, "message": message, "type": "server_error"}),
                ));
                out.extend_from_slice(b"\n\n");
                out.extend_from_slice(emit::DONE);
            }
            ErrorForm::Event => {
                out.extend_from_slice(b"event: error\ndata: ");
                out.extend_from_slice(&json(json!({"error": {"message": message}, "message": message})));
                out.extend_from_slice(b"\n\n");
            }
            ErrorForm::Finish => {
                let choice =
                    json!({"index": 0, "delta": {"content": ""}, "text": "", "finish_reason": "error"});
                let error = json!({"code": 502, "message": message});
                let chunk = json!({
                    "id": self.answer.id, "object": "chat.completion.chunk", "created": self.answer.created,
                    "model": self.answer.model, "choices": [choice], "error": error,
                });
                if self.answer.framing == Framing::Events {
                    out.extend_from_slice(b"data: ");
                }
                out.extend_from_slice(&json(chunk));
                out.extend_from_slice(b"\n\n");
            }
        }
    }
}

/// What an answer that is not streamed comes to.
pub(super) enum Whole {
    Body(Vec<u8>),
    Error(&'static str),
    /// The head, some of the body, and this end.
    Half(End),
    /// The head, and nothing more.
    Stall,
}

/// The whole of `script` at once, after the time to its first token: nobody learns from a longer wait.
pub(super) async fn whole(script: Script, answer: &Answer) -> Whole {
    match script.ending {
        Ending::Done | Ending::Unmarked | Ending::Unended => {}
        Ending::Cut => return Whole::Half(End::Cut),
        Ending::Reset => return Whole::Half(End::Reset),
        Ending::Closed(code, reason) => return Whole::Half(End::Closed(code, reason)),
        // One that stalls after its end has nothing more to say.
        Ending::Stall if script.voices.iter().any(|voice| voice.finish.is_some()) => {}
        Ending::Stall => return Whole::Stall,
        Ending::Error(_, message) => return Whole::Error(message),
    }
    let mut parts = parts_of(script.voices, answer);
    if let Some(due) = parts.iter().map(|part| part.due).max() {
        tokio::time::sleep_until(due).await;
    }
    let mut writer = WholeWriter::new(answer.shape, &answer.id, answer.created, &answer.model);
    for part in &mut parts {
        part.limit = part.limit.min(MAX_WHOLE);
        while part.state != State::Ended {
            let event = match part.next() {
                Next::Step(step) => step.event(part.choice),
                Next::Finish(reason) => {
                    let raw = emit::finish_word(reason).to_owned();
                    Some(StreamEvent::Finish { choice: part.choice, reason, raw })
                }
                Next::Silent => None,
            };
            if let Some(event) = event {
                writer.push(&event);
            }
        }
    }
    writer.push(&StreamEvent::Usage(answer.usage(&parts)));
    Whole::Body(writer.finish())
}
