//! What each model of the demo says, as data.
//!
//! A [`Script`] has a [`Voice`] for each choice, and an [`Ending`]. Voices are iterators: an answer of
//! a million tokens takes no more memory than one of ten.

use std::borrow::Cow;
use std::time::Duration;

use super::refusal::{Refusal, Wait};
use super::request::Request;
use super::tokens::Tokens;
use super::topics;
use super::wrap::Wrap;
use crate::chat::stream::{FinishReason, StreamEvent};
use crate::wire::emit::Delta;

/// The models, each with what it shows.
pub const MODELS: &[(&str, &str)] = &[
    ("chat", "a friendly scripted answer; the word help lists what it reacts to"),
    ("choices", "four different answers at different speeds; of four, the last one fails"),
    ("tools", "two tool calls at once, their arguments in fragments"),
    ("reasoning", "thinks before it answers"),
    ("slow", "takes its time to begin, then about five tokens a second"),
    ("stall", "says something, then nothing for ever"),
    ("cut", "the connection ends in the middle of the answer"),
    ("garbage", "malformed chunks, comments and odd fields among the text"),
    ("error", "an error in the middle of the answer"),
    ("429", "refuses each prompt twice with a rate limit, then answers"),
    ("500", "always a server error"),
    ("auth", "refuses every key"),
];

const RATE: f64 = 80.0;
const CHOICES: &str = include_str!("../../assets/demo/choices.md");
const REASONING: &str = include_str!("../../assets/demo/reasoning.md");
const TOOLS: &str = include_str!("../../assets/demo/tools.md");
const FAULTS: &str = include_str!("../../assets/demo/faults.md");

/// One thing that a voice says; all but raw bytes are a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Text(Cow<'static, str>),
    Reasoning(Cow<'static, str>),
    /// A fragment of a tool call; `begin` has its id and name.
    Tool {
        index: u32,
        begin: Option<(String, &'static str)>,
        arguments: &'static str,
    },
    /// Bytes that are written as they are, for streams only.
    Raw(&'static [u8]),
    /// So long nothing, whatever the pace.
    Wait(Duration),
}

impl Step {
    pub fn delta(&self) -> Delta<'_> {
        match self {
            Step::Text(text) => Delta::Text(text),
            Step::Reasoning(text) => Delta::Reasoning(text),
            Step::Tool { index, begin, arguments } => Delta::ToolCall {
                index: *index,
                id: begin.as_ref().map(|(id, _)| id.as_str()),
                name: begin.as_ref().map(|(_, name)| *name),
                arguments,
            },
            Step::Raw(_) | Step::Wait(_) => Delta::Text(""),
        }
    }

    pub fn event(self, choice: u32) -> Option<StreamEvent> {
        Some(match self {
            Step::Text(delta) => StreamEvent::Text { choice, delta: delta.into_owned() },
            Step::Reasoning(delta) => StreamEvent::Reasoning { choice, delta: delta.into_owned() },
            Step::Tool { index, begin, arguments } => {
                let (id, name) = begin.map(|(id, name)| (id, name.to_owned())).unzip();
                StreamEvent::ToolCall { choice, index, id, name, delta: arguments.to_owned() }
            }
            Step::Raw(_) | Step::Wait(_) => return None,
        })
    }
}

/// The steps of a voice.
pub(super) type Steps = Box<dyn Iterator<Item = Step> + Send>;

/// One choice.
pub(super) struct Voice {
    pub steps: Steps,
    /// The time to its first token.
    pub first: Duration,
    /// Its tokens per second.
    pub rate: f64,
    /// Why it ends; `None` where the whole stream breaks off before.
    pub finish: Option<FinishReason>,
}

impl Voice {
    pub fn new(steps: Steps) -> Self {
        Self { steps, first: Duration::from_millis(220), rate: RATE, finish: Some(FinishReason::Stop) }
    }

    pub fn saying(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(say(text.into()))
    }

    #[must_use]
    pub fn paced(self, first_ms: u64, rate: f64) -> Self {
        Self { first: Duration::from_millis(first_ms), rate, ..self }
    }

    #[must_use]
    pub fn ending(self, finish: Option<FinishReason>) -> Self {
        Self { finish, ..self }
    }
}

/// How the stream ends once each voice has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The end marker, where there is one.
    Done,
    /// In order, without the marker.
    Unmarked,
    /// The marker, and a connection that closes before the body ends.
    Unended,
    /// The connection closes.
    Cut,
    /// The connection is reset.
    Reset,
    /// The WebSocket closes with this code and reason.
    Closed(u16, &'static str),
    /// Silence.
    Stall,
    /// An error in band, and the end of the body.
    Error(ErrorForm, &'static str),
}

/// How an error in band is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorForm {
    /// As OpenAI does: an object `error`.
    Plain,
    /// As vLLM: its code a number, the end marker behind it.
    Done,
    /// As llama.cpp did: a field named `error`, then the end marker.
    Field,
    /// As LM Studio: an event named `error`.
    Event,
    /// As OpenRouter: beside a choice whose finish reason is `error`.
    Finish,
}

/// An answer.
pub(super) struct Script {
    pub voices: Vec<Voice>,
    pub ending: Ending,
}

impl Script {
    /// Each choice by its number.
    pub fn each(request: &Request, voice: impl FnMut(u32) -> Voice) -> Self {
        Self { voices: (0..request.choices()).map(voice).collect(), ending: Ending::Done }
    }

    /// An answer that breaks off after `text`.
    fn broken(request: &Request, text: &'static str, ending: Ending) -> Self {
        Self::each(request, |_| Voice::saying(text).ending(None)).ending(ending)
    }

    #[must_use]
    pub fn ending(self, ending: Ending) -> Self {
        Self { ending, ..self }
    }
}

/// What the models of the list do with a request; `None` for others.
pub(super) fn choose(model: &str, request: &Request) -> Option<Does> {
    Some(Does::Play(match model {
        "chat" => Script::each(request, |choice| topics::answer(request, choice)),
        "choices" => Script::each(request, |choice| of_four(choice, request.choices())),
        "tools" => Script::each(request, |choice| tools(request, choice)),
        "reasoning" => Script::each(request, |_| reasoning()),
        "slow" => Script::each(request, |_| slow()),
        "stall" => Script::broken(request, section(FAULTS, 1), Ending::Stall),
        "cut" => Script::broken(request, section(FAULTS, 2), Ending::Cut),
        "garbage" => Script::each(request, |_| Voice::new(littered(section(FAULTS, 3)))),
        "error" => {
            let error = "The model crashed while it was answering (this demo model always does).";
            Script::broken(request, section(FAULTS, 4), Ending::Error(ErrorForm::Plain, error))
        }
        "429" => {
            let script = Script::each(request, |_| Voice::saying(section(FAULTS, 5)));
            return Some(Does::RefuseThenPlay(&RATE_LIMIT, REFUSALS, script));
        }
        "500" => return Some(Does::Refuse(&BROKEN)),
        "auth" => return Some(Does::Refuse(&NO_KEY)),
        _ => return None,
    }))
}

/// What is done with a request.
pub(super) enum Does {
    Play(Script),
    /// Refuses a prompt so many times, then plays the script.
    RefuseThenPlay(&'static Refusal, u32, Script),
    Refuse(&'static Refusal),
    /// Plays the script, but not as it was asked for.
    Wrap(Wrap, Script),
}

/// How often `429` refuses a prompt.
const REFUSALS: u32 = 2;

static RATE_LIMIT: Refusal =
    Refusal::says(429, "Rate limit reached: this demo model refuses each prompt twice, then answers.")
        .kind("requests")
        .code("rate_limit_exceeded")
        .wait(Wait::Seconds(1));

static BROKEN: Refusal =
    Refusal::says(500, "The server had an error while processing your request (this demo model always has).")
        .code("internal_error");

static NO_KEY: Refusal = Refusal::says(
    401,
    "Incorrect API key provided. This demo model refuses every key, to show what that looks like.",
)
.code("invalid_api_key");

/// The parts of a scripted text, which lines of `%%` keep apart.
pub(super) fn sections(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split("\n%%\n").map(|part| part.trim_matches('\n'))
}

pub(super) fn section(text: &'static str, index: usize) -> &'static str {
    sections(text).nth(index).unwrap_or_default()
}

/// The pieces of `text`.
pub(super) fn say(text: Cow<'static, str>) -> Steps {
    match text {
        Cow::Borrowed(text) => Box::new(Tokens::of(text).map(|token| Step::Text(token.into()))),
        Cow::Owned(text) => {
            let steps: Vec<Step> =
                Tokens::of(&text).map(|token| Step::Text(token.to_owned().into())).collect();
            Box::new(steps.into_iter())
        }
    }
}

pub(super) fn slow() -> Voice {
    Voice::saying(section(FAULTS, 0)).paced(1500, 5.0)
}

pub(super) fn reasoning() -> Voice {
    let thoughts = Tokens::of(section(REASONING, 0)).map(|token| Step::Reasoning(token.into()));
    let answer = Tokens::of(section(REASONING, 1)).map(|token| Step::Text(token.into()));
    Voice::new(Box::new(thoughts.chain(answer)))
}

fn of_four(choice: u32, asked: u32) -> Voice {
    let (first, rate) = [(180, 110.0), (260, 70.0), (420, 45.0), (300, 60.0)][choice as usize % 4];
    let voice = Voice::saying(section(CHOICES, choice as usize % 4)).paced(first, rate);
    if choice == 3 && asked >= 4 { voice.ending(Some(FinishReason::Failed)) } else { voice }
}

/// A call of a tool for the weather, for whoever says the word.
pub(super) fn weather(choice: u32) -> Voice {
    let call = [
        begin(choice, 0, "get_weather"),
        more(0, "{\"loc"),
        more(0, "ation\":"),
        more(0, " \"Par"),
        more(0, "is\", "),
        more(0, "\"unit\": \"cel"),
        more(0, "sius\"}"),
    ];
    let steps = say(section(TOOLS, 0).into()).chain(call);
    Voice::new(Box::new(steps)).ending(Some(FinishReason::Tools))
}

/// What is said when the results of tools have come.
pub(super) fn with_results(results: &[String]) -> Voice {
    let mut text = format!("{}\n", section(TOOLS, 2));
    for result in results {
        text.push_str("\n- ");
        text.push_str(&super::topics::excerpt(result));
    }
    text.push_str("\n\n");
    text.push_str(section(TOOLS, 3));
    Voice::saying(text)
}

fn tools(request: &Request, choice: u32) -> Voice {
    let results = request.tool_results();
    if !results.is_empty() {
        return with_results(&results);
    }
    // Fragments of both calls interleave, and one is cut inside an escape, as real servers do.
    let calls = [
        begin(choice, 0, "get_weather"),
        more(0, "{\"location\": \"Sã"),
        begin(choice, 1, "get_time"),
        more(1, "{\"zone\":"),
        more(0, "o Paulo\", \"unit\""),
        more(1, " \"America\\"),
        more(0, ": \"celsius\","),
        more(1, "/Sao_Paulo\""),
        more(0, " \"days\": 3}"),
        more(1, "}"),
    ];
    let steps = say(section(TOOLS, 1).into()).chain(calls);
    Voice::new(Box::new(steps)).ending(Some(FinishReason::Tools)).paced(220, 25.0)
}

fn begin(choice: u32, index: u32, name: &'static str) -> Step {
    Step::Tool { index, begin: Some((format!("call_demo{choice}{index}"), name)), arguments: "" }
}

fn more(index: u32, arguments: &'static str) -> Step {
    Step::Tool { index, begin: None, arguments }
}

/// What `garbage` strews between its words. Each is survived; only the text counts.
const LITTER: &[&[u8]] = &[
    b": a comment, which says nothing\n\n",
    b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\n\n",
    b"event: ping\nid: 7\nretry: 100\n\n",
    b"data:\n\n",
    b"data: this is no JSON at all\n\n",
    b"data: {\"object\":\"chat.completion.chunk\",\"choices\":[],\"novelty\":{\"deep\":[1,[2,[3]]]}}\n\n",
    b"data: {\"choices\":null,\"error\":null,\"obfuscation\":\"aXb93kQ\"}\r\n\r\n",
    b"data: {\"choices\":[{\"index\":0,\"delta\":null,\"finish_reason\":\"\"}]}\n\n",
    b"datum: 1\nno colon here\n\n",
    b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":null,\"mood\":\"odd\"}}]}\n\n",
    b"data: [1,2,3]\n\n",
    b"data: \xff\xfe{\n\n",
];

fn littered(text: &'static str) -> Steps {
    let mut litter = LITTER.iter().cycle();
    Box::new(Tokens::of(text).enumerate().flat_map(move |(at, token)| {
        let raw = if at % 4 == 3 { litter.next() } else { None };
        raw.map(|bytes| Step::Raw(bytes)).into_iter().chain([Step::Text(token.into())])
    }))
}
