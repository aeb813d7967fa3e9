//! Key scripts in, screens and commands out.
//!
//! A [`Script`] is an app with a clock of its own: keys go in as a person would write them down, turns
//! say what the test has them say, and the screen comes out as text.

mod drafts;
mod everything;
mod input;
mod laws;
mod looks;
mod model;
mod models;
mod mouse;
mod others;
mod queue;
mod raw;
mod reading;
mod screens;
mod selection;
mod sessions;
mod turns;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Position;

use super::msg::{Now, TurnId};
use super::picture::Picture;
use super::{App, Cmd, First, Msg, Saves, Settings, Start, Ticket, TurnReport, TurnStart, update, view};
use crate::base::width;
use crate::chat::error::TurnError;
use crate::chat::jobs::StoreReply;
use crate::chat::message::Finish;
use crate::chat::metrics::{ChoiceMetrics, TurnMetrics};
use crate::chat::turn::{ChoiceDone, TurnDone};
use crate::chat::{
    Change, Dialect, ErrorKind, FinishReason, Outcome, Params, Provider, Remembered, StreamEvent, TurnEvent,
    Usage,
};
use crate::config::{Config, Flags, Inputs};
use crate::keys::{Chord, Keymap, parse_chord};
use crate::theme::Theme;

/// 14:02 on a day of 2024, UTC.
const UNIX_MS: i64 = 1_717_250_520_000;

/// An app that is played with.
pub(super) struct Script {
    pub(super) app: App,
    /// What it ordered since the last look.
    pub(super) cmds: Vec<Cmd>,
    pub(super) clock: Instant,
    began: Instant,
    size: (u16, u16),
    pub(super) keeper: Keeper,
}

/// Whether the store says at once that it keeps a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeper {
    Answers,
    Waits,
}

/// What the answer to an order to keep a draft is for.
pub(super) fn draft_ticket(cmd: &Cmd) -> Option<Ticket> {
    match cmd {
        Cmd::Ask(ticket @ Ticket::Draft(..), _) => Some(ticket.clone()),
        _ => None,
    }
}

pub(super) fn provider(name: &str) -> Arc<Provider> {
    Arc::new(Provider::new(name, Dialect::OpenAiChat, "http://127.0.0.1:1/v1"))
}

/// Two servers without keys and an alias.
fn config() -> Config {
    let file = "discover = true\naliases = { fast = \"lab:llama\" }\n\
        [providers.openai]\nbase_url = \"http://127.0.0.1:1/v1\"\n\
        [providers.lab]\nbase_url = \"http://127.0.0.1:1/v1\"\n";
    let (env, flags) = (|_: &str| None, Flags::default());
    let inputs = Inputs { file_name: "config.toml", file: Some(file), env: &env, flags: &flags };
    crate::config::load(inputs).expect("it is right")
}

impl Script {
    /// 80x24, `openai:gpt-4o`, nothing said yet.
    pub(super) fn new() -> Self {
        Self::with(|_, _| {})
    }

    pub(super) fn sized(width: u16, height: u16) -> Self {
        let mut script = Self::new();
        script.resize(width, height);
        script
    }

    /// The same with other settings.
    pub(super) fn with(change: impl FnOnce(&mut Start, &mut Settings)) -> Self {
        let config = config();
        let mut start = Start {
            providers: config.providers.iter().cloned().map(Arc::new).collect(),
            provider: provider("openai"),
            model: Some("gpt-4o".to_owned()),
            model_named: false,
            system: String::new(),
            system_named: false,
            params: Params::default(),
            first: First::Conversation,
            resume: None,
            prompt: None,
            files: Vec::new(),
            remembered: Remembered::default(),
            seed: 1,
        };
        let mut settings = Settings {
            keymap: Keymap::default(),
            theme: Theme::builtin("dark").expect("it is built in"),
            auto: Theme::default(),
            zone: TimeZone::UTC,
            config: Arc::new(config),
            hold: false,
            wheel_lines: 3,
            params: Params::default(),
            saves: Saves::Yes,
            nothing_configured: false,
        };
        change(&mut start, &mut settings);
        let clock = Instant::now();
        let now = Now { instant: clock, unix_ms: UNIX_MS };
        let (app, mut cmds) = App::new(start, settings, (80, 24), now);
        // Each new chat asks for a draft that was not sent; there is none here.
        cmds.retain(|cmd| !matches!(cmd, Cmd::Ask(Ticket::Unsent(_), _)));
        let mut script = Self { app, cmds, clock, began: clock, size: (80, 24), keeper: Keeper::Answers };
        script.screen();
        script
    }

    pub(super) fn choices(n: u32) -> Self {
        Self::with(|start, _| start.params.n = Some(n))
    }

    fn now(&self) -> Now {
        let since = self.clock.duration_since(self.began).as_millis() as i64;
        Now { instant: self.clock, unix_ms: UNIX_MS + since }
    }

    pub(super) fn msg(&mut self, msg: Msg) {
        let now = self.now();
        let cmds = update(&mut self.app, msg, now);
        let kept: Vec<Ticket> = cmds.iter().filter_map(draft_ticket).collect();
        self.cmds.extend(cmds);
        if self.keeper == Keeper::Answers {
            kept.into_iter().for_each(|ticket| self.msg(Msg::Answer(ticket, StoreReply::Saved)));
        }
    }

    /// The store answers with the session that the conversation waits for.
    pub(super) fn loaded(&mut self, reply: StoreReply) {
        self.msg(Msg::Answer(Ticket::Open(self.app.chat.key), reply));
    }

    /// Lets time pass.
    pub(super) fn wait(&mut self, ms: u64) -> &mut Self {
        self.clock += Duration::from_millis(ms);
        self
    }

    /// Time passes until all that waits for it has come.
    pub(super) fn rests(&mut self) -> &mut Self {
        self.wait(60_000).woke();
        self
    }

    pub(super) fn woke(&mut self) {
        self.msg(Msg::Woke);
    }

    /// Words are typed; names of keys are pressed: `hello Space you Enter Ctrl-C`. Each key is drawn.
    pub(super) fn keys(&mut self, script: &str) -> &mut Self {
        for word in script.split(' ').filter(|w| !w.is_empty()) {
            match parse_chord(word) {
                Ok(chord) if word.chars().count() > 1 => self.press(word, chord),
                _ => word.chars().for_each(|c| self.key(KeyCode::Char(c), KeyModifiers::NONE)),
            }
        }
        self
    }

    fn press(&mut self, word: &str, chord: Chord) {
        let mut rest = word;
        let mut modifiers = KeyModifiers::NONE;
        let known =
            [("Ctrl-", KeyModifiers::CONTROL), ("Alt-", KeyModifiers::ALT), ("Shift-", KeyModifiers::SHIFT)];
        while let Some((tail, modifier)) =
            known.iter().find_map(|(name, m)| rest.strip_prefix(name).map(|tail| (tail, *m)))
        {
            modifiers |= modifier;
            rest = tail;
        }
        let code = match rest {
            "Enter" => KeyCode::Enter,
            "Esc" => KeyCode::Esc,
            "Tab" => KeyCode::Tab,
            "Space" => KeyCode::Char(' '),
            "Delete" => KeyCode::Delete,
            "Backspace" => KeyCode::Backspace,
            "Home" => KeyCode::Home,
            "End" => KeyCode::End,
            "F1" => KeyCode::F(1),
            "PageUp" => KeyCode::PageUp,
            "PageDown" => KeyCode::PageDown,
            "Up" => KeyCode::Up,
            "Down" => KeyCode::Down,
            "F2" => KeyCode::F(2),
            "F5" => KeyCode::F(5),
            "F6" => KeyCode::F(6),
            "Left" => KeyCode::Left,
            "Right" => KeyCode::Right,
            one => KeyCode::Char(one.chars().next().expect("a key").to_ascii_lowercase()),
        };
        assert_eq!(Chord::from_event(KeyEvent::new(code, modifiers)), Some(chord), "{word}");
        self.key(code, modifiers);
    }

    fn key(&mut self, code: KeyCode, modifiers: KeyModifiers) {
        self.wait(10);
        self.msg(Msg::Key(KeyEvent::new(code, modifiers)));
        self.screen();
    }

    pub(super) fn paste(&mut self, text: &str) -> &mut Self {
        self.msg(Msg::Paste(text.to_owned()));
        self
    }

    pub(super) fn resize(&mut self, width: u16, height: u16) -> &mut Self {
        self.size = (width, height);
        self.msg(Msg::Resized { width, height });
        self
    }

    pub(super) fn draw(&mut self) -> (Buffer, Option<Position>) {
        let (picture, caret) = self.picture();
        (picture.cells(), caret)
    }

    pub(super) fn picture(&mut self) -> (Picture, Option<Position>) {
        let mut picture = Picture::new(self.size.0, self.size.1);
        let caret = view::draw(&mut self.app, &mut picture);
        (picture, caret)
    }

    /// The rows of the screen, without blanks at their ends.
    pub(super) fn rows(&mut self) -> Vec<String> {
        let (buf, _) = self.draw();
        (0..buf.area.height)
            .map(|y| {
                let mut row = String::new();
                let mut x = 0;
                while x < buf.area.width {
                    let symbol = buf[(x, y)].symbol();
                    row.push_str(symbol);
                    x += (width::width(symbol) as u16).max(1);
                }
                row.trim_end().to_owned()
            })
            .collect()
    }

    pub(super) fn screen(&mut self) -> String {
        self.rows().join("\n")
    }

    /// The rows of the messages' place.
    pub(super) fn transcript(&mut self) -> Vec<String> {
        let rows = self.rows();
        let area = self.app.areas().transcript;
        rows[usize::from(area.y)..usize::from(area.bottom())].to_vec()
    }

    /// The status bar.
    pub(super) fn status(&mut self) -> String {
        self.rows().pop().expect("a row")
    }

    pub(super) fn input(&self) -> String {
        self.app.chat.composer.text()
    }

    pub(super) fn live(&self) -> TurnId {
        self.app.chat.live.as_ref().expect("a turn runs").id
    }

    /// The turn that was begun since the last look.
    pub(super) fn started(&mut self) -> Option<TurnStart> {
        std::mem::take(&mut self.cmds).into_iter().find_map(|cmd| match cmd {
            Cmd::StartTurn(start) => Some(*start),
            _ => None,
        })
    }

    /// The orders since the last look, by name.
    pub(super) fn ordered(&mut self) -> Vec<&'static str> {
        let name = |cmd| match cmd {
            Cmd::StartTurn(_) => "start",
            Cmd::CancelTurn(_) => "cancel",
            Cmd::Store(_) | Cmd::Ask(Ticket::Draft(..), _) => "store",
            Cmd::Ask(..) => "ask",
            Cmd::ListModels(_) => "list",
            Cmd::Discover(_) => "discover",
            Cmd::Remember(_) => "remember",
            Cmd::FindFiles { .. } => "find",
            Cmd::Attach { .. } => "attach",
            Cmd::Export { .. } => "export",
            Cmd::Edit(_) => "edit",
            Cmd::Suspend => "suspend",
            Cmd::Refuse(_) => "refuse",
            Cmd::Quit => "quit",
        };
        // That a model was used is noted with each first message; no test is about it but its own.
        let told = |cmd: &Cmd| !matches!(cmd, Cmd::Remember(Change::Used(_)));
        std::mem::take(&mut self.cmds).into_iter().filter(told).map(name).collect()
    }

    /// The running turn says these.
    pub(super) fn tell(&mut self, events: Vec<TurnEvent>) -> &mut Self {
        let turn = self.live();
        self.report(turn, events)
    }

    pub(super) fn report(&mut self, turn: TurnId, events: Vec<TurnEvent>) -> &mut Self {
        self.wait(50);
        let chunks =
            events.iter().filter(|e| matches!(e, TurnEvent::Stream(s) if s.choice().is_some())).count();
        self.msg(Msg::Turn(TurnReport { turn, at: self.clock, chunks: chunks as u64, events }));
        self
    }

    pub(super) fn sent(&mut self) -> &mut Self {
        self.tell(vec![TurnEvent::Sent { attempt: 0 }])
    }

    pub(super) fn says(&mut self, text: &str) -> &mut Self {
        self.choice_says(0, text)
    }

    pub(super) fn choice_says(&mut self, choice: u32, text: &str) -> &mut Self {
        self.tell(vec![TurnEvent::Stream(StreamEvent::Text { choice, delta: text.to_owned() })])
    }

    pub(super) fn thinks(&mut self, text: &str) -> &mut Self {
        self.tell(vec![TurnEvent::Stream(StreamEvent::Reasoning { choice: 0, delta: text.to_owned() })])
    }

    pub(super) fn calls(&mut self, name: Option<&str>, delta: &str) -> &mut Self {
        let event = StreamEvent::ToolCall {
            choice: 0,
            index: 0,
            id: name.map(|_| "call_1".to_owned()),
            name: name.map(str::to_owned),
            delta: delta.to_owned(),
        };
        self.tell(vec![TurnEvent::Stream(event)])
    }

    pub(super) fn finishes(&mut self, choice: u32) -> &mut Self {
        let event = StreamEvent::Finish { choice, reason: FinishReason::Stop, raw: "stop".to_owned() };
        self.tell(vec![TurnEvent::Stream(event)])
    }

    /// The running turn ends, each choice so.
    pub(super) fn done(&mut self, choices: &[Outcome]) -> &mut Self {
        let choices = choices.iter().map(|outcome| choice(*outcome, FinishReason::Stop)).collect();
        self.ends(choices)
    }

    /// What a turn says when it ends so.
    pub(super) fn done_of(&self, choices: &[Outcome]) -> TurnEvent {
        done(choices.iter().map(|outcome| choice(*outcome, FinishReason::Stop)).collect())
    }

    pub(super) fn ends(&mut self, choices: Vec<ChoiceDone>) -> &mut Self {
        self.tell(vec![done(choices)])
    }

    /// A prompt and its whole answer.
    pub(super) fn exchange(&mut self, prompt: &str, answer: &str) -> &mut Self {
        self.paste(prompt).keys("Enter").sent().says(answer).done(&[Outcome::Complete]);
        self.screen();
        self
    }

    #[track_caller]
    pub(super) fn shows(&mut self, text: &str) -> &mut Self {
        let screen = self.screen();
        assert!(screen.contains(text), "no {text:?} on\n{screen}");
        self
    }

    #[track_caller]
    pub(super) fn lacks(&mut self, text: &str) -> &mut Self {
        let screen = self.screen();
        assert!(!screen.contains(text), "{text:?} on\n{screen}");
        self
    }
}

/// The end of a turn.
fn done(choices: Vec<ChoiceDone>) -> TurnEvent {
    let outcome = choices.iter().map(|c| c.outcome).max().unwrap_or(Outcome::Complete);
    let metrics = TurnMetrics {
        ttft_ms: Some(312.0),
        duration_ms: 1800.0,
        tokens: if outcome == Outcome::Failed { 0 } else { 212 },
        tokens_exact: true,
        tokens_per_second: Some(84.2),
        ..TurnMetrics::default()
    };
    let usage = Usage { prompt_tokens: 1100, completion_tokens: 212, total_tokens: 1312, ..Usage::default() };
    let done = TurnDone { outcome, choices, usage: Some(usage), metrics };
    TurnEvent::Done(Box::new(done))
}

/// How a choice ended.
pub(super) fn choice(outcome: Outcome, reason: FinishReason) -> ChoiceDone {
    let error = (outcome == Outcome::Failed).then(|| {
        TurnError::new(ErrorKind::Network, "nothing answers at 127.0.0.1:1")
            .with_hint("Start the server, or name another one with --base-url.")
    });
    let metrics = ChoiceMetrics {
        ttft_ms: Some(312.0),
        duration_ms: 1800.0,
        chunks: 212,
        tokens: if outcome == Outcome::Failed { 0 } else { 212 },
        tokens_exact: true,
        tokens_per_second: Some(84.2),
        reasoning_ms: Some(4100.0),
    };
    let finish = (outcome == Outcome::Complete).then(|| Finish { reason, raw: reason.name().to_owned() });
    ChoiceDone { outcome, finish, error, metrics }
}

/// `line 1` … as a Markdown list, one row each.
pub(super) fn lines(range: std::ops::RangeInclusive<usize>) -> String {
    range.map(|i| format!("- line {i}\n")).collect()
}
