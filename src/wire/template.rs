//! Prompt templates: a conversation as the one text that a base model goes on with.
//!
//! Built-in ones (`assets/templates`) and the person's own are in one language, Jinja as the `chat_template`
//! that models ship with is. A template sees `messages` (each with `role` and `content`: first `system` if
//! there is one, then `user` and `assistant` in turns), `system` and `prompt` (the texts alone),
//! `add_generation_prompt`, and `bos_token` and `eos_token`, which are empty: what a text begins with is the
//! server's to add. Results of tools and messages that follow each other are put into words and together, so
//! that turns alternate; the order to go on with an answer is left out. What ends with an answer is to be gone on with: the prompt stops where it stops.
//!
//! Text that looks like a template's own marks is passed as it is. A template is bounded in its steps and in
//! what it writes, not in the memory of what it puts together on the way: it is the person's own.

use std::collections::BTreeMap;
use std::io::{self, Write};

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Value, context};

use super::openai_chat::said;
use crate::chat::provider::PromptTemplate;
use crate::chat::request::asks_to_go_on;
use crate::chat::{ChatRequest, Message, Role};

mod language;

/// Steps that a template may take, and further ones for each message. Those of models take less than a
/// tenth of that; the bound also keeps what it nests within the stack.
const STEPS: u64 = 20_000;
const STEPS_A_MESSAGE: u64 = 1_000;
const MOST_STEPS: u64 = 2_000_000;
/// The most bytes of a prompt.
const MOST_BYTES: usize = 64 << 20;
/// Stands at the end of an answer that is to be gone on with, to find that end in the prompt.
const GOES_ON: &str = "\u{F8FF}the answer goes on here\u{F8FF}";
/// What a template is tried with.
const TRIED: &str = "Is this how a prompt begins?";

/// The prompt for a conversation.
///
/// # Errors
/// A sentence on what is wrong with the template.
pub fn prompt(request: &ChatRequest, template: &PromptTemplate) -> Result<String, String> {
    let mut turns = turns(request);
    let goes_on = turns.last().is_some_and(|turn| turn.role == Role::Assistant);
    if goes_on && let Some(last) = turns.last_mut() {
        last.content.push_str(GOES_ON);
    }
    let mut prompt = render(source(template), &turns)?;
    if goes_on {
        let end =
            prompt.rfind(GOES_ON).ok_or("it leaves out the end of the answer that is to be gone on with")?;
        prompt.truncate(end);
    }
    Ok(prompt)
}

/// Tries a template: a built-in name, or the text of one.
///
/// # Errors
/// What is wrong, where, and what is allowed.
pub fn check(text: &str) -> Result<(), String> {
    let template = PromptTemplate::new(text);
    let PromptTemplate::Own(own) = &template else { return Ok(()) };
    let turn = Turn { role: Role::User, content: TRIED.to_owned() };
    let prompt = render(own, &[turn])?;
    if prompt.contains(TRIED) {
        return Ok(());
    }
    let names = PromptTemplate::NAMES.join(", ");
    Err(format!(
        "this is no built-in template (they are {names}), and as one of your own it leaves out what is said: \
         let it write messages or prompt"
    ))
}

fn source(template: &PromptTemplate) -> &str {
    match template {
        PromptTemplate::ChatMl => include_str!("../../assets/templates/chatml.jinja"),
        PromptTemplate::Llama2 => include_str!("../../assets/templates/llama2.jinja"),
        PromptTemplate::Llama3 => include_str!("../../assets/templates/llama3.jinja"),
        PromptTemplate::Mistral => include_str!("../../assets/templates/mistral.jinja"),
        PromptTemplate::Plain => include_str!("../../assets/templates/plain.jinja"),
        PromptTemplate::Own(text) => text,
    }
}

/// What one of them says before the other does.
struct Turn {
    role: Role,
    content: String,
}

/// The conversation in turns that alternate, the system's first.
fn turns(request: &ChatRequest) -> Vec<Turn> {
    let mut turns = Vec::with_capacity(request.messages.len() + 1);
    add(&mut turns, Role::System, request.system.clone());
    // An answer that is to go on is one turn with what follows it.
    let mut goes_on = false;
    for message in &request.messages {
        if asks_to_go_on(message) && turns.last().is_some_and(|turn| turn.role == Role::Assistant) {
            goes_on = true;
            continue;
        }
        if std::mem::take(&mut goes_on)
            && message.role == Role::Assistant
            && let Some(last) = turns.last_mut()
        {
            last.content.push_str(&said(message, true).unwrap_or_default());
            continue;
        }
        match message.role {
            Role::System if turns.iter().all(|turn| turn.role == Role::System) => {
                add(&mut turns, Role::System, message.sent_text());
            }
            Role::System | Role::User => add(&mut turns, Role::User, message.sent_text()),
            Role::Assistant => add(&mut turns, Role::Assistant, said(message, true).unwrap_or_default()),
            Role::Tool => add(&mut turns, Role::User, result(message)),
        }
    }
    turns
}

fn add(turns: &mut Vec<Turn>, role: Role, content: String) {
    match turns.last_mut() {
        _ if content.is_empty() => {}
        Some(last) if last.role == role => {
            last.content.push_str("\n\n");
            last.content.push_str(&content);
        }
        _ => turns.push(Turn { role, content }),
    }
}

/// The result of a tool in words.
fn result(message: &Message) -> String {
    let name = message.tool_calls().next().map_or("", |call| call.name.as_str());
    let of = if name.is_empty() { String::new() } else { format!(" of {name}") };
    format!("[result{of}]\n{}", message.text())
}

fn render(source: &str, turns: &[Turn]) -> Result<String, String> {
    let mut environment = Environment::new();
    language::teach(&mut environment);
    // As those are read that models ship with.
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(|error| words(&error))?);
    let steps = STEPS_A_MESSAGE.saturating_mul(turns.len() as u64).saturating_add(STEPS).min(MOST_STEPS);
    environment.set_fuel(Some(steps));
    let template =
        environment.template_from_named_str("prompt_template", source).map_err(|error| words(&error))?;
    let text = |role: Role, turn: Option<&Turn>| {
        turn.filter(|turn| turn.role == role).map_or("", |turn| turn.content.as_str()).to_owned()
    };
    let messages: Vec<Value> = turns
        .iter()
        .map(|turn| {
            let members = [("role", Value::from(turn.role.name())), ("content", Value::from(&turn.content))];
            Value::from(BTreeMap::from(members))
        })
        .collect();
    let context = context! {
        messages,
        system => text(Role::System, turns.first()),
        prompt => text(Role::User, turns.iter().rfind(|turn| turn.role == Role::User)),
        add_generation_prompt => turns.last().is_none_or(|turn| turn.role != Role::Assistant),
        bos_token => "",
        eos_token => "",
    };
    let mut prompt = Bounded(Vec::new());
    template.render_captured_to(context, &mut prompt).map_err(|error| words(&error))?;
    String::from_utf8(prompt.0).map_err(|_| "it writes what is no text".to_owned())
}

/// A text up to a size.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_BYTES {
            return Err(io::Error::other("the prompt is too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is wrong with a template, in words.
fn words(error: &Error) -> String {
    let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    let detail = error.detail().unwrap_or_default();
    let what = match error.kind() {
        ErrorKind::OutOfFuel => "it takes too many steps: a loop too many?".to_owned(),
        ErrorKind::WriteFailure => format!("what it writes is over {} MiB", MOST_BYTES >> 20),
        ErrorKind::UnknownFilter => format!("{detail}; there are {}", language::FILTERS.join(", ")),
        ErrorKind::UnknownFunction => format!("{detail}; there are {}", language::FUNCTIONS.join(", ")),
        ErrorKind::UnknownMethod => format!("{detail}; there are {}", language::METHODS),
        ErrorKind::TemplateNotFound => "it takes in another template, and there is none".to_owned(),
        kind if detail.is_empty() => kind.to_string(),
        kind => format!("{kind}: {detail}"),
    };
    format!("{line}{what}")
}

#[cfg(test)]
mod tests;
