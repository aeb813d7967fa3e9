//! The faults of the demo, a model each: what servers and networks do to a stream, to be seen and tested.
//!
//! They are not listed among the demo's models; they answer when they are named. `ends` is what chatui makes
//! of each without retries: an outcome, and where it is not `complete` the kind of the error and the exit
//! code of `ask`. `docs/faults.md` is made of this table, and `tests/dialects.rs` holds chatui to it.

use std::time::Duration;

use super::codings::Coding;
use super::refusal::{BLOCKED, Refusal, Wait};
use super::request::Request;
use super::script::{Does, Ending, ErrorForm, Script, Step, Voice, say};
use super::wrap::{Target, Wrap};
use crate::chat::stream::FinishReason;
use crate::wire::emit::Framing;

/// A fault.
pub struct Fault {
    /// The model's name.
    pub name: &'static str,
    /// What it shows.
    pub shows: &'static str,
    /// Where it answers.
    pub over: Over,
    /// What chatui makes of it.
    pub ends: &'static str,
    what: What,
}

/// Where a fault is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// In all dialects.
    All,
    /// In all dialects over HTTP.
    Http,
    /// In those that call tools and take either limit: OpenAI's and Azure OpenAI's chat, over HTTP.
    Chat,
    /// In a WebSocket's messages.
    WebSocket,
    /// At a WebSocket's address with `?fault=` and this name: the model is named too late.
    Handshake,
}

impl Over {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Over::All => "all",
            Over::Http => "HTTP",
            Over::Chat => "chat over HTTP",
            Over::WebSocket => "WebSocket",
            Over::Handshake => "WebSocket, `?fault=`",
        }
    }
}

/// What a fault does.
enum What {
    Script(fn(&Request, &str) -> Script),
    Wrap(Wrap),
    Refuse(Refusal),
    /// Refuses each prompt once, then answers.
    RefuseOnce(Refusal),
    /// Refuses requests that have a certain member.
    RefuseIf(fn(&Request) -> bool, Refusal),
    Handshake(u16),
}

const COMPLETE: &str = "complete";
const TRUNCATED: &str = "truncated protocol 76";
const UNREADABLE: &str = "failed protocol 76";
const SILENT: &str = "failed timeout 75";
const LOST: &str = "failed network 75";
const SERVER: &str = "failed server 1";
const SERVER_5XX: &str = "failed server 75";
const AUTH: &str = "failed auth 77";
const HTTP: &str = "failed http 1";
const HTTP_AGAIN: &str = "failed http 75";

const fn fault(name: &'static str, over: Over, ends: &'static str, what: What, shows: &'static str) -> Fault {
    Fault { name, shows, over, ends, what }
}

const fn wrap(name: &'static str, ends: &'static str, wrap: Wrap, shows: &'static str) -> Fault {
    fault(name, Over::Http, ends, What::Wrap(wrap), shows)
}

const fn refuse(name: &'static str, ends: &'static str, refusal: Refusal, shows: &'static str) -> Fault {
    fault(name, Over::All, ends, What::Refuse(refusal), shows)
}

const fn once(name: &'static str, ends: &'static str, refusal: Refusal, shows: &'static str) -> Fault {
    fault(name, Over::All, ends, What::RefuseOnce(refusal), shows)
}

const fn handshake(name: &'static str, ends: &'static str, status: u16, shows: &'static str) -> Fault {
    fault(name, Over::Handshake, ends, What::Handshake(status), shows)
}

const LIMITED: Refusal = Refusal::says(429, "Rate limit reached. Please try again later.")
    .kind("requests")
    .code("rate_limit_exceeded");

/// All of them.
pub static FAULTS: &[Fault] = &[
    // What is wrong with the wrapping.
    wrap("text-plain", COMPLETE, Wrap::Type("text/plain"), "a stream that is called text/plain"),
    wrap("json-type", COMPLETE, Wrap::Type("application/json"), "a stream that is called application/json"),
    wrap("whole", COMPLETE, Wrap::Whole, "a whole JSON body where a stream was asked for"),
    wrap("page", UNREADABLE, Wrap::Page(200), "a web page with status 200"),
    wrap("page-502", HTTP_AGAIN, Wrap::Page(502), "a proxy's web page with status 502"),
    wrap("empty", UNREADABLE, Wrap::Empty, "an empty body with status 200"),
    wrap("gzip", COMPLETE, Wrap::Coded(Coding::Gzip), "a body in gzip that nobody asked for"),
    wrap("deflate", COMPLETE, Wrap::Coded(Coding::Deflate), "a body in deflate"),
    wrap("br", COMPLETE, Wrap::Coded(Coding::Brotli), "a body in br"),
    wrap("zstd", COMPLETE, Wrap::Coded(Coding::Zstd), "a body in zstd"),
    wrap("gzip-unsaid", COMPLETE, Wrap::CodedUnsaid(Coding::Gzip), "gzip without a header that says so"),
    fault("huge-line", Over::All, TRUNCATED, What::Script(huge_line), "some text, then a line of 20 MiB"),
    wrap("huge-body", UNREADABLE, Wrap::HugeBody, "a whole body of 70 MiB"),
    wrap("drip", COMPLETE, Wrap::Drip, "one byte at a time"),
    wrap("unended", COMPLETE, Wrap::Unended, "all of it, but the chunked body does not end"),
    // Where the request goes.
    wrap("login", HTTP, Wrap::Login, "status 302 to a page to log in"),
    wrap("moved", COMPLETE, Wrap::Moved(Target::Here), "status 307 to the same server, which answers"),
    wrap("moved-away", HTTP, Wrap::Moved(Target::Elsewhere), "status 307 to another server"),
    wrap("moved-round", UNREADABLE, Wrap::Moved(Target::Round), "status 307 to itself"),
    // Silence, and connections that break.
    wrap("no-head", SILENT, Wrap::NoHead, "no answer at all, and no end"),
    fault("no-body", Over::All, SILENT, What::Script(no_body), "the head of an answer, then silence"),
    fault("half-open", Over::All, SILENT, What::Script(half_open), "some text, then neither text nor an end"),
    wrap("cut-first", LOST, Wrap::First(Ending::Cut), "the connection closes before the answer"),
    wrap("reset-first", LOST, Wrap::First(Ending::Reset), "the connection is reset before the answer"),
    fault("reset", Over::All, TRUNCATED, What::Script(reset), "the connection is reset in the middle"),
    fault("cut-tool", Over::All, TRUNCATED, What::Script(cut_tool), "the connection ends within a tool call"),
    fault("comments", Over::All, COMPLETE, What::Script(comments), "two seconds of comments or pings first"),
    // How a stream ends.
    fault("no-done", Over::Http, COMPLETE, What::Script(no_done), "a finish reason, but no end marker"),
    fault("no-finish", Over::Http, COMPLETE, What::Script(no_finish), "an end marker, but no finish reason"),
    fault("no-end", Over::All, TRUNCATED, What::Script(no_end), "the body ends in order with neither"),
    fault(
        "stays-open",
        Over::WebSocket,
        COMPLETE,
        What::Script(stays_open),
        "open for ever after the finish",
    ),
    fault("think", Over::All, COMPLETE, What::Script(think), "its thoughts between tags in the text"),
    fault("filter", Over::All, COMPLETE, What::Script(filter), "a content filter ends the answer"),
    fault("finish-error", Over::All, SERVER, What::Script(finish_error), "the finish reason `error`"),
    // Errors in band.
    fault("error-first", Over::All, SERVER, What::Script(error_first), "an error as the first event"),
    fault("error-middle", Over::All, SERVER, What::Script(error_middle), "an error after some text"),
    fault("error-done", Over::Http, SERVER_5XX, What::Script(error_done), "as vLLM: an end marker behind it"),
    fault("error-field", Over::Http, SERVER_5XX, What::Script(error_field), "as llama.cpp: a field `error`"),
    fault("error-event", Over::Http, SERVER, What::Script(error_event), "as LM Studio: an event `error`"),
    fault(
        "error-finish",
        Over::All,
        SERVER_5XX,
        What::Script(error_finish),
        "as OpenRouter: beside a finish",
    ),
    // What is refused.
    fault("no-stream-options", Over::Http, COMPLETE, NO_STREAM_OPTIONS, "refuses `stream_options`"),
    fault("no-n", Over::Http, COMPLETE, NO_N, "refuses several choices"),
    fault("no-stream", Over::Http, COMPLETE, NO_STREAM, "refuses to stream to those who are not verified"),
    fault("no-max-tokens", Over::Chat, COMPLETE, NO_MAX_TOKENS, "wants `max_completion_tokens` instead"),
    fault("no-max-completion-tokens", Over::Chat, COMPLETE, NO_MAX_COMPLETION, "wants `max_tokens` instead"),
    once("429-seconds", HTTP_AGAIN, LIMITED.wait(Wait::Seconds(1)), "once: `Retry-After` in seconds"),
    once("429-date", HTTP_AGAIN, LIMITED.wait(Wait::Date(2)), "once: `Retry-After` as a date"),
    once("429-ms", HTTP_AGAIN, LIMITED.wait(Wait::Milliseconds(250)), "once: `retry-after-ms`"),
    refuse("429-day", HTTP_AGAIN, LIMITED.wait(Wait::Seconds(86_400)), "wants a day's wait"),
    refuse("quota", HTTP, QUOTA, "a quota that is used up"),
    refuse("context", HTTP, CONTEXT, "a prompt that is too long for the model"),
    refuse("blocked", HTTP, FILTERED, "a prompt that the content filter blocks"),
    refuse(
        "401",
        AUTH,
        Refusal::says(401, "Incorrect API key provided.").code("invalid_api_key"),
        "a wrong key",
    ),
    refuse("403", AUTH, Refusal::says(403, "You have no access to this model."), "no access to the model"),
    refuse("404", HTTP, NO_MODEL, "a model that does not exist"),
    once("408", HTTP_AGAIN, Refusal::says(408, "The request timed out."), "once: a time-out of the server's"),
    once("498", HTTP_AGAIN, BUSY, "once: no capacity"),
    once("503", HTTP_AGAIN, LOADING, "once: the model is still loading"),
    once("529", HTTP_AGAIN, OVERLOADED, "once: overloaded"),
    // WebSockets.
    fault(
        "close-1000",
        Over::WebSocket,
        TRUNCATED,
        What::Script(close_1000),
        "closes in order in the middle",
    ),
    fault("close-1006", Over::WebSocket, TRUNCATED, What::Script(close_1006), "is gone in the middle"),
    fault("close-1006-first", Over::WebSocket, LOST, What::Script(close_first), "is gone before a message"),
    fault("close-1008", Over::WebSocket, SERVER, What::Script(close_1008), "closes with 1008 (policy)"),
    fault(
        "close-1011",
        Over::WebSocket,
        SERVER,
        What::Script(close_1011),
        "closes with 1011 (internal error)",
    ),
    fault("close-1013", Over::WebSocket, SERVER, What::Script(close_1013), "closes with 1013 (try later)"),
    handshake("handshake-403", AUTH, 403, "the handshake is refused with 403, without a word"),
    handshake("handshake-404", HTTP, 404, "the handshake is answered 404"),
    handshake("handshake-405", HTTP, 405, "the handshake is answered 405"),
    handshake("handshake-426", HTTP, 426, "the handshake is answered 426"),
];

const NO_STREAM_OPTIONS: What = What::RefuseIf(
    Request::has_stream_options,
    Refusal::says(400, "Extra inputs are not permitted, field: 'stream_options'").param("stream_options"),
);
const NO_N: What = What::RefuseIf(
    |request| request.choices() > 1,
    Refusal::says(400, "'n' : number must be at most 1").param("n"),
);
const NO_STREAM: What = What::RefuseIf(
    Request::streams,
    Refusal::says(400, "Your organization must be verified to stream this model.")
        .param("stream")
        .code("unsupported_value"),
);
const NO_MAX_TOKENS: What = What::RefuseIf(
    Request::has_max_tokens,
    Refusal::says(
        400,
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    )
    .param("max_tokens")
    .code("unsupported_parameter"),
);
const NO_MAX_COMPLETION: What = What::RefuseIf(
    Request::has_max_completion_tokens,
    Refusal::says(422, "Extra inputs are not permitted: 'max_completion_tokens'")
        .param("max_completion_tokens")
        .code("extra_forbidden"),
);
const QUOTA: Refusal =
    Refusal::says(429, "You exceeded your current quota, please check your plan and billing.")
        .kind("insufficient_quota")
        .code("insufficient_quota");
const CONTEXT: Refusal =
    Refusal::says(400, "This model's maximum context length is 4096 tokens, and your messages have more.")
        .param("messages")
        .code("context_length_exceeded");
const FILTERED: Refusal =
    Refusal::says(400, "The response was filtered due to the prompt triggering a content management policy.")
        .param("prompt")
        .code(BLOCKED);
const NO_MODEL: Refusal =
    Refusal::says(404, "The model `404` does not exist or you do not have access to it.")
        .code("model_not_found");
const BUSY: Refusal = Refusal::says(498, "Flex tier capacity exceeded.").code("capacity_exceeded");
const LOADING: Refusal = Refusal::says(503, "Loading model").kind("unavailable_error");
const OVERLOADED: Refusal = Refusal::says(529, "Overloaded").kind("overloaded_error");

/// What the fault of that name does with a request that came so; `None` where there is none.
pub(super) fn choose(name: &str, request: &Request, framing: Framing) -> Option<Does> {
    let fault = FAULTS.iter().find(|fault| fault.name == name)?;
    let is_here = match fault.over {
        Over::All => true,
        Over::Http | Over::Chat => framing == Framing::Events,
        Over::WebSocket => framing == Framing::Messages,
        Over::Handshake => false,
    };
    if !is_here {
        return None;
    }
    let usual = || Script::each(request, |_| Voice::saying(words(fault.shows)));
    Some(match &fault.what {
        What::Script(script) => Does::Play(script(request, fault.shows)),
        What::Wrap(wrap) => Does::Wrap(*wrap, usual()),
        What::Refuse(refusal) => Does::Refuse(refusal),
        What::RefuseOnce(refusal) => Does::RefuseThenPlay(refusal, 1, usual()),
        What::RefuseIf(has, refusal) if has(request) => Does::Refuse(refusal),
        What::RefuseIf(..) => Does::Play(usual()),
        What::Handshake(_) => return None,
    })
}

/// The status that the handshake is answered with under that name.
pub(super) fn handshake_status(name: &str) -> Option<u16> {
    FAULTS.iter().find(|fault| fault.name == name).and_then(|fault| match fault.what {
        What::Handshake(status) => Some(status),
        What::Script(_) | What::Wrap(_) | What::Refuse(_) | What::RefuseOnce(_) | What::RefuseIf(..) => None,
    })
}

fn words(shows: &str) -> String {
    format!(
        "This model shows a fault: {shows}. Here its answer goes on for one more sentence, and then it ends."
    )
}

/// Some text that breaks off, and this ending.
fn broken(request: &Request, shows: &str, ending: Ending) -> Script {
    let text = format!("This model shows a fault: {shows}. Here its answer is about to");
    Script::each(request, |_| Voice::saying(text.clone()).ending(None)).ending(ending)
}

/// The usual words to their finish, and this ending.
fn finished(request: &Request, shows: &str, ending: Ending) -> Script {
    Script::each(request, |_| Voice::saying(words(shows))).ending(ending)
}

fn nothing(ending: Ending) -> Script {
    Script { voices: Vec::new(), ending }
}

fn error(form: ErrorForm) -> Ending {
    Ending::Error(form, "CUDA out of memory (this demo model always runs out of it).")
}

fn huge_line(request: &Request, shows: &str) -> Script {
    let voice = |_| {
        let huge =
            std::iter::once_with(|| Step::Text("all work and no play ".repeat((20 << 20) / 21).into()));
        Voice::new(Box::new(say(words(shows).into()).chain(huge)))
    };
    Script::each(request, voice)
}

fn no_body(_: &Request, _: &str) -> Script {
    nothing(Ending::Stall)
}

fn half_open(request: &Request, shows: &str) -> Script {
    broken(request, shows, Ending::Stall)
}

fn reset(request: &Request, shows: &str) -> Script {
    broken(request, shows, Ending::Reset)
}

fn cut_tool(request: &Request, shows: &str) -> Script {
    let call = |arguments, begin| Step::Tool { index: 0, begin, arguments };
    let voice = |choice| {
        let begun = Some((format!("call_demo{choice}0"), "get_weather"));
        let steps = [call("", begun), call("{\"loc", None), call("ation\": \"Par", None)];
        Voice::new(Box::new(say(words(shows).into()).chain(steps))).ending(None)
    };
    Script::each(request, voice).ending(Ending::Cut)
}

fn comments(request: &Request, shows: &str) -> Script {
    const COMMENTS: usize = 20;
    let voice = |choice| {
        let wait = [Step::Wait(Duration::from_millis(100)), Step::Raw(b": keep-alive\n\n")];
        let waits = std::iter::repeat_n(wait, if choice == 0 { COMMENTS } else { 0 }).flatten();
        Voice::new(Box::new(waits.chain(say(words(shows).into()))))
    };
    Script::each(request, voice)
}

fn no_done(request: &Request, shows: &str) -> Script {
    finished(request, shows, Ending::Unmarked)
}

fn no_finish(request: &Request, shows: &str) -> Script {
    Script::each(request, |_| Voice::saying(words(shows)).ending(None)).ending(Ending::Done)
}

fn no_end(request: &Request, shows: &str) -> Script {
    broken(request, shows, Ending::Unmarked)
}

fn stays_open(request: &Request, shows: &str) -> Script {
    finished(request, shows, Ending::Stall)
}

fn think(request: &Request, shows: &str) -> Script {
    let text = format!("<think>\nThe tags are cut over chunks.\n</think>\n\n{}", words(shows));
    Script::each(request, |_| Voice::saying(text.clone()))
}

fn filter(request: &Request, shows: &str) -> Script {
    Script::each(request, |_| Voice::saying(words(shows)).ending(Some(FinishReason::Filter)))
}

fn finish_error(request: &Request, shows: &str) -> Script {
    Script::each(request, |_| Voice::saying(words(shows)).ending(Some(FinishReason::Failed)))
}

fn error_first(_: &Request, _: &str) -> Script {
    nothing(error(ErrorForm::Plain))
}

fn error_middle(request: &Request, shows: &str) -> Script {
    broken(request, shows, error(ErrorForm::Plain))
}

fn error_done(request: &Request, shows: &str) -> Script {
    broken(request, shows, error(ErrorForm::Done))
}

fn error_field(request: &Request, shows: &str) -> Script {
    broken(request, shows, error(ErrorForm::Field))
}

fn error_event(request: &Request, shows: &str) -> Script {
    broken(request, shows, error(ErrorForm::Event))
}

fn error_finish(request: &Request, shows: &str) -> Script {
    broken(request, shows, error(ErrorForm::Finish))
}

fn close_1000(request: &Request, shows: &str) -> Script {
    broken(request, shows, Ending::Closed(1000, ""))
}

fn close_1006(request: &Request, shows: &str) -> Script {
    broken(request, shows, Ending::Cut)
}

fn close_first(_: &Request, _: &str) -> Script {
    nothing(Ending::Cut)
}

fn close_1008(request: &Request, shows: &str) -> Script {
    broken(request, shows, Ending::Closed(1008, "policy violation"))
}

fn close_1011(request: &Request, shows: &str) -> Script {
    broken(request, shows, Ending::Closed(1011, "the model crashed"))
}

fn close_1013(request: &Request, shows: &str) -> Script {
    broken(request, shows, Ending::Closed(1013, "try again later"))
}
