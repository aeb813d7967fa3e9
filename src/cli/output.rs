//! The standard output of `ask`: the answer as it comes, and what is said beside it.
//!
//! To a pipe the text goes byte for byte; on a terminal control characters are shown, not obeyed; with
//! `--json` each event is a line. What is to be said of the answer goes to standard error, before its
//! first word or after its last, so that a terminal that shows both does not tear a sentence.

use std::io::{self, IsTerminal, Write};

use super::args::Ask;
use super::events::Printer;
use super::say;
use crate::base::sanitize::{self, Cleaner};
use crate::chat::request::GO_ON;
use crate::chat::turn::TurnDone;
use crate::chat::{FinishReason, Message, Outcome, StreamEvent, TurnError, TurnEvent, verdict};
use crate::term::Out;

/// Whether standard output can still be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pipe {
    Open,
    /// Whoever read it has enough.
    Closed,
    /// It failed otherwise: a full disk. That was told.
    Broken,
    /// Whoever reads it took nothing when a signal came, which says how this ends.
    HeldUp,
}

/// How the answer is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Events.
    Json,
    /// The text, byte for byte.
    Exact,
    /// The text with control characters shown: a terminal reads it.
    Shown,
}

/// Standard output.
pub(super) struct Output {
    out: Out,
    style: Style,
    printer: Printer,
    /// Which of several prompts it is; told with each event.
    prompt: Option<u64>,
    /// What came so far.
    answers: Vec<Message>,
    /// The choice that is printed now; later ones wait for their turn.
    printing: usize,
    /// The choice whose heading was printed last.
    headed: usize,
    finished: Vec<bool>,
    pending: Vec<u8>,
    /// For [`Style::Shown`].
    cleaner: Cleaner,
    last_byte: u8,
    /// Text of the answer was printed.
    begun: bool,
    /// What is to be said when it has ended.
    asides: Vec<String>,
    pipe: Pipe,
}

impl Output {
    /// For the empty `answers` of a turn with `model` of `provider`.
    pub(super) fn new(ask: &Ask, (provider, model): (&str, &str), answers: &[Message], out: Out) -> Self {
        let style = match (ask.json, io::stdout().is_terminal()) {
            (true, _) => Style::Json,
            (false, true) => Style::Shown,
            (false, false) => Style::Exact,
        };
        let mut output = Self {
            out,
            style,
            printer: Printer::new(provider, model),
            prompt: None,
            answers: answers.to_vec(),
            printing: 0,
            headed: 0,
            finished: vec![false; answers.len()],
            pending: Vec::new(),
            cleaner: Cleaner::default(),
            last_byte: b'\n',
            begun: false,
            asides: Vec::new(),
            pipe: Pipe::Open,
        };
        if output.answers.len() > 1 && style != Style::Json {
            output.write("[0]\n");
        }
        output
    }

    /// The same for one of several prompts.
    pub(super) fn of_prompt(self, prompt: u64) -> Self {
        Self { prompt: Some(prompt), ..self }
    }

    /// An event of `--json`.
    fn put_line(&mut self, line: &str) {
        match (self.prompt, line.strip_suffix('}')) {
            (Some(prompt), Some(open)) => {
                self.pending.extend_from_slice(format!("{open},\"prompt\":{prompt}}}\n").as_bytes());
            }
            (None, _) | (Some(_), None) => {
                self.pending.extend_from_slice(line.as_bytes());
                self.pending.push(b'\n');
            }
        }
    }

    pub(super) fn event(&mut self, event: &TurnEvent) {
        if let TurnEvent::Stream(event) = event {
            let choices = match event.choice() {
                Some(choice) => choice as usize..choice as usize + 1,
                None => 0..0,
            };
            for choice in choices {
                if let Some(answer) = self.answers.get_mut(choice) {
                    answer.apply(event);
                }
            }
        }
        if self.style == Style::Json {
            if let Some(line) = self.printer.line(event) {
                self.put_line(&line);
            }
            return;
        }
        match event {
            TurnEvent::Stream(event) => self.stream(event),
            TurnEvent::Retry { attempt, delay, reason, .. } => {
                let wait = delay.as_secs_f64();
                let reason = sanitize::clean(reason);
                self.aside(format!("chatui: {reason}; attempt {} in {wait:.1} s", attempt + 1));
            }
            TurnEvent::Error(error) => self.aside(told(error)),
            TurnEvent::Sent { .. } | TurnEvent::Done(_) => {}
        }
    }

    /// Says something beside the answer: at once before its first word, else when it has ended, so that
    /// a terminal that shows both does not tear a sentence.
    fn aside(&mut self, text: String) {
        match self.begun {
            false => say(&text),
            true => self.asides.push(text),
        }
    }

    fn stream(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::Text { choice, delta } | StreamEvent::Refusal { choice, delta } => {
                let choice = *choice as usize;
                // Text may follow its choice's finish reason, when a later choice is already printed.
                if choice <= self.printing {
                    self.head(choice);
                    self.write(delta);
                }
            }
            StreamEvent::Finish { choice, .. } => {
                if let Some(finished) = self.finished.get_mut(*choice as usize) {
                    *finished = true;
                }
                self.next_choices();
            }
            StreamEvent::Notice(notice) => self.aside(format!("chatui: {}", sanitize::clean(notice))),
            StreamEvent::Start { .. }
            | StreamEvent::Reasoning { .. }
            | StreamEvent::ToolCall { .. }
            | StreamEvent::Annotation { .. }
            | StreamEvent::Carry { .. }
            | StreamEvent::Usage(_) => {}
        }
    }

    /// Goes on with the choices after those that are done.
    fn next_choices(&mut self) {
        while self.finished.get(self.printing).copied().unwrap_or(false)
            && self.printing + 1 < self.answers.len()
        {
            self.printing += 1;
            self.head(self.printing);
            let answer = &self.answers[self.printing];
            let text = format!("{}{}", answer.text(), answer.refusal());
            self.write(&text);
        }
    }

    /// Begins a choice, or goes on with it, under its heading.
    fn head(&mut self, choice: usize) {
        if choice != self.headed {
            self.headed = choice;
            self.end_line();
            self.write(&format!("[{choice}]\n"));
        }
    }

    fn write(&mut self, text: &str) {
        match self.style {
            Style::Shown => self.pending.extend_from_slice(self.cleaner.more(text).as_bytes()),
            Style::Exact | Style::Json => self.pending.extend_from_slice(text.as_bytes()),
        }
        self.last_byte = self.pending.last().copied().unwrap_or(self.last_byte);
        self.begun |= !text.is_empty();
    }

    fn end_line(&mut self) {
        if self.last_byte != b'\n' {
            self.write("\n");
        }
    }

    /// Hands what is pending to whoever reads.
    pub(super) fn flush(&mut self) -> Pipe {
        if self.pipe == Pipe::Open
            && let Err(error) = self.out.write_all(&self.pending)
        {
            self.pipe = match error.kind() {
                io::ErrorKind::BrokenPipe => Pipe::Closed,
                io::ErrorKind::TimedOut => Pipe::HeldUp,
                _ => {
                    say(&format!("chatui: standard output cannot be written: {error}"));
                    Pipe::Broken
                }
            };
        }
        self.pending.clear();
        self.pipe
    }

    pub(super) fn end(&mut self, done: &TurnDone, session: Option<String>) -> Pipe {
        if self.style == Style::Json {
            if let Some(line) = self.printer.done(done, &self.answers, session) {
                self.put_line(&line);
            }
        } else {
            self.finished.fill(true);
            self.next_choices();
            self.end_line();
            // The answer is out before what is said of it.
            let pipe = self.flush();
            self.asides.drain(..).for_each(|text| say(&text));
            self.tell_beside(done);
            if let Some(session) = session.filter(|_| self.can_go_on(done)) {
                let go_on = format!("chatui ask -r {session} \"{GO_ON}\"");
                say(&format!("chatui: to go on with what came: {go_on}, or chatui -r {session}"));
            }
            return pipe;
        }
        self.flush()
    }

    /// Whether an answer broke off that a model can go on with.
    fn can_go_on(&self, done: &TurnDone) -> bool {
        let broke_off = |outcome| matches!(outcome, Outcome::Truncated | Outcome::Failed);
        let mut choices = done.choices.iter().zip(&self.answers);
        choices.any(|(choice, answer)| broke_off(choice.outcome) && answer.has_words())
    }

    /// Tool calls and what a filter says have no place in the text; they are said beside it.
    fn tell_beside(&self, done: &TurnDone) {
        for call in self.answers.iter().flat_map(Message::tool_calls) {
            let line = format!("chatui: the model calls {} {}", call.name, call.arguments);
            say(&sanitize::clean(&line));
        }
        for (i, answer) in self.answers.iter().enumerate() {
            for said in verdict::of(answer) {
                let which = if self.answers.len() > 1 { format!("choice {i}: ") } else { String::new() };
                say(&format!("chatui: {which}{}", sanitize::clean(&said.line)));
            }
        }
        if done.outcome == Outcome::Complete {
            for (i, choice) in done.choices.iter().enumerate() {
                let which = if done.choices.len() > 1 { format!("choice {i}: ") } else { String::new() };
                match choice.finish.as_ref().map(|finish| finish.reason) {
                    Some(FinishReason::Length) => say(&format!("chatui: {which}stopped at max tokens")),
                    Some(FinishReason::Filter) => {
                        say(&format!("chatui: {which}the server's content filter stopped the answer"));
                    }
                    Some(FinishReason::Stop | FinishReason::Tools | FinishReason::Failed) | None => {}
                }
            }
        }
    }
}

/// An error in words. Its further lines stand under the first: what a server says must not look as if it were
/// from us.
fn told(error: &TurnError) -> String {
    let mut text = error.message.clone();
    if !error.hint.is_empty() {
        text.push_str(&format!("\n{}", error.hint));
    }
    if let Some(id) = &error.request_id {
        text.push_str(&format!("\nrequest id {}", sanitize::clean(id)));
    }
    format!("chatui: {}", sanitize::clean_multiline(&text).replace('\n', "\n  "))
}

pub(super) fn stats(done: &TurnDone) -> String {
    let m = &done.metrics;
    let ms = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.1} ms"));
    let estimate = if m.tokens_exact { "" } else { "~" };
    let rate = m.tokens_per_second.map_or("-".to_owned(), |v| format!("{v:.1}"));
    format!(
        "outcome {}\nTTFT {}  first text {}  duration {:.1} ms\ntokens {estimate}{}  tok/s {rate}  chunks {}  \
         chars {}\ntoken interval mean {}  p95 {}\nattempts {}",
        done.outcome.name(),
        ms(m.ttft_ms),
        ms(m.ttft_text_ms),
        m.duration_ms,
        m.tokens,
        m.chunks,
        m.chars,
        ms(m.mean_token_interval_ms),
        ms(m.p95_token_interval_ms),
        m.attempts
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Id;
    use crate::chat::Timestamp;
    use crate::term::Ending;

    fn output(choices: u32) -> Output {
        let answer = |choice: u32| {
            Message::answer(Id::from_bits(u64::from(choice) + 1), None, "m", choice, Timestamp(1))
        };
        Output {
            out: Out::new(Ending::default()),
            style: Style::Exact,
            printer: Printer::new("lab", "m"),
            prompt: None,
            answers: (0..choices).map(answer).collect(),
            printing: 0,
            headed: 0,
            finished: vec![false; choices as usize],
            cleaner: Cleaner::default(),
            pending: b"[0]\n".to_vec(),
            last_byte: b'\n',
            begun: false,
            asides: Vec::new(),
            pipe: Pipe::Open,
        }
    }

    /// A gateway was seen to send a choice's finish reason before the rest of its text.
    #[test]
    fn text_after_its_choices_finish_reason_is_printed_all_the_same() {
        let mut output = output(2);
        let text = |choice, delta: &str| TurnEvent::Stream(StreamEvent::Text { choice, delta: delta.into() });
        let end = StreamEvent::Finish { choice: 0, reason: FinishReason::Stop, raw: "stop".into() };
        for event in [text(1, "b1"), text(0, "a1"), TurnEvent::Stream(end), text(0, "a2"), text(1, "b2")] {
            output.event(&event);
        }
        assert_eq!(String::from_utf8(output.pending).unwrap(), "[0]\na1\n[1]\nb1\n[0]\na2\n[1]\nb2");
    }
}
