//! Plays a script: its voices side by side, each at its own pace, as one stream or as one body.
//!
//! A voice has a time at which its next piece is due. The player sleeps until the earliest, then
//! writes all that is due into one frame (up to 32 KiB), so a pace of any height costs what its bytes
//! cost. The hyper server stops polling, and drops the player, when the client goes away.

use std::io;
use std::time::Duration;

use axum::body::Bytes;
use futures::Stream;
use tokio::time::Instant;

use super::http::Running;
use super::script::{Ending, Script, Step, Steps, Voice};
use crate::chat::stream::{FinishReason, StreamEvent, Usage};
use crate::wire::emit::{self, ApiError, ChunkWriter, Delta, WholeWriter};

/// A frame is sent on when it has grown to this.
const FRAME: usize = 32 * 1024;
/// The pace that `Options::tokens_per_second` is in proportion to.
const NATURAL: f64 = 80.0;
/// The most pieces of a body that is not streamed.
const MAX_WHOLE: u64 = 200_000;

/// What an answer is called, and what was asked of it.
#[derive(Debug)]
pub(super) struct Answer {
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

fn broken(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, why)
}

/// The error that closes a connection. It comes a turn late: until it has to wait, hyper may hold what
/// was written before, and an error throws that away.
pub(super) async fn cut() -> io::Error {
    tokio::task::yield_now().await;
    broken("cut on purpose")
}

struct Player {
    answer: Answer,
    writer: ChunkWriter,
    parts: Vec<Part>,
    ending: Ending,
    running: Running,
}

/// The events of `script` as the frames of a body. An error among them is a connection to be cut.
pub(super) fn stream(
    script: Script,
    answer: Answer,
    running: Running,
) -> impl Stream<Item = io::Result<Bytes>> {
    let mut writer = ChunkWriter::new(&answer.id, answer.created, &answer.model);
    if answer.includes_usage {
        writer = writer.with_usage();
    }
    let parts = parts_of(script.voices, &answer);
    let player = Player { answer, writer, parts, ending: script.ending, running };
    futures::stream::unfold(Some(player), |player| async {
        let mut player = player?;
        let (frame, goes_on) = player.frame().await;
        Some((frame, goes_on.then_some(player)))
    })
}

impl Player {
    /// The next frame, and whether another follows.
    async fn frame(&mut self) -> (io::Result<Bytes>, bool) {
        let Some(due) = nearest(&self.parts).map(|at| self.parts[at].due) else {
            return self.end().await;
        };
        if due > Instant::now() {
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                () = self.running.stopped() => return (Err(broken("the demo stops")), false),
            }
        } else if self.running.is_stopped() {
            return (Err(broken("the demo stops")), false);
        }
        let now = Instant::now();
        let mut out = Vec::with_capacity(if self.answer.is_unpaced() { FRAME + 1024 } else { 512 });
        while let Some(at) = nearest(&self.parts)
            && self.parts[at].due <= now
            && out.len() < FRAME
        {
            self.advance(at, &mut out);
        }
        (Ok(out.into()), true)
    }

    fn advance(&mut self, at: usize, out: &mut Vec<u8>) {
        let part = &mut self.parts[at];
        if part.state == State::New {
            self.writer.chunk(part.choice, Delta::Role, out);
        }
        match part.next() {
            Next::Step(Step::Raw(bytes)) => out.extend_from_slice(bytes),
            Next::Step(step) => self.writer.chunk(part.choice, step.delta(), out),
            Next::Finish(reason) => self.writer.chunk(part.choice, Delta::Finish(reason), out),
            Next::Silent => {}
        }
    }

    async fn end(&mut self) -> (io::Result<Bytes>, bool) {
        let mut out = Vec::new();
        match self.ending {
            Ending::Done => {
                if self.answer.includes_usage {
                    self.writer.usage(&self.answer.usage(&self.parts), &mut out);
                }
                out.extend_from_slice(emit::DONE);
            }
            Ending::Cut => return (Err(cut().await), false),
            Ending::Stall => {
                self.running.stopped().await;
                return (Err(broken("the demo stops")), false);
            }
            Ending::Error(message) => emit::push_error_event(&server_error(message), &mut out),
        }
        (Ok(out.into()), false)
    }
}

fn server_error(message: &str) -> ApiError<'_> {
    ApiError { message, kind: "server_error", param: None, code: None }
}

/// What an answer that is not streamed comes to.
pub(super) enum Whole {
    Body(Vec<u8>),
    Error(&'static str),
    /// The head, some of the body, and the end of the connection.
    Cut,
    /// The head, and nothing more.
    Stall,
}

/// The whole of `script` at once, after the time to its first token: nobody learns from a longer wait.
pub(super) async fn whole(script: Script, answer: &Answer) -> Whole {
    match script.ending {
        Ending::Done => {}
        Ending::Cut => return Whole::Cut,
        Ending::Stall => return Whole::Stall,
        Ending::Error(message) => return Whole::Error(message),
    }
    let mut parts = parts_of(script.voices, answer);
    if let Some(due) = parts.iter().map(|part| part.due).max() {
        tokio::time::sleep_until(due).await;
    }
    let mut writer = WholeWriter::new(&answer.id, answer.created, &answer.model);
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
