//! The command line: its words, its options, its help.
//!
//! [`parse`] does all of it: clap reads the words, then come the rules that clap cannot know. The
//! options that chat and `ask` share may stand before or after the word `ask`. A single word that
//! looks like a mistyped command is refused: a prompt costs money, a typing error should not.
//!
//! Names of providers, models and dialects are checked by `config`.

mod ask;
mod demo;
mod models;
mod replay;
mod sessions;
mod shared;
#[cfg(test)]
mod tests;
mod values;

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

pub use ask::Ask;
pub use demo::Demo;
pub use models::Models;
pub use replay::Replay;
pub use sessions::{Format, Order, Sessions};
pub use shared::{DryRun, Shared};

use super::doctor::options::Doctor;
use super::exit;

/// All commands, those of later versions too: a word close to one is no prompt.
pub const COMMANDS: [&str; 11] = [
    "ask",
    "serve",
    "demo",
    "models",
    "sessions",
    "stats",
    "replay",
    "config",
    "doctor",
    "completions",
    "man",
];
/// Those that this version has.
const HERE: [&str; 7] = ["ask", "demo", "models", "sessions", "replay", "config", "doctor"];

/// Why nothing is to be run: an error of usage, or help that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// What is printed, with its last newline: to standard output where the code is 0, else to
    /// standard error.
    pub text: String,
    /// The exit code.
    pub code: u8,
}

impl Stop {
    /// An error that has no code of its own.
    pub fn failure(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: exit::OTHER }
    }

    pub(super) fn usage(text: impl std::fmt::Display) -> Self {
        Self { text: format!("error: {text}\n"), code: exit::USAGE }
    }
}

/// What is to be run.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// The full-screen chat.
    Chat(Shared, Vec<String>),
    /// One answer to standard output.
    Ask(Shared, Ask),
    /// The demo server.
    Demo(Demo),
    /// The models of the configured providers.
    Models(Models),
    /// Saved sessions.
    Sessions(Sessions),
    /// A recording in the full-screen chat.
    Replay(Replay),
    /// About the configuration.
    Config(Shared, ConfigWord),
    /// Checks of a provider and of this machine.
    Doctor(Shared),
}

#[derive(Parser, Debug)]
#[command(
    name = "chatui",
    version,
    about = "Chat with language models in the terminal",
    long_about = "Chat with language models in the terminal, full-screen; `chatui ask` answers to a pipe.",
    after_help = "With nothing configured the built-in demo answers. After -- every word is prompt.",
    disable_help_subcommand = true,
    args_override_self = true
)]
struct Root {
    /// Is sent at once
    #[arg(value_name = "PROMPT")]
    prompt: Vec<String>,
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    command: Option<Word>,
}

#[derive(Subcommand, Debug)]
enum Word {
    /// One answer to standard output, for pipes and scripts
    Ask {
        #[command(flatten)]
        ask: Ask,
        #[command(flatten)]
        shared: Box<Shared>,
    },
    /// The built-in demo model as an HTTP server
    #[command(after_help = demo::PATHS)]
    Demo(Demo),
    /// The models that the configured providers offer, one PROVIDER:MODEL a line
    Models(Models),
    /// Saved sessions: list, read, search, export, rename, delete
    #[command(disable_help_subcommand = true)]
    Sessions(Sessions),
    /// Play what --record recorded into the full-screen chat
    Replay(Replay),
    /// Where the configuration is, what is in force, whether it is right; a file to begin with
    Config {
        /// What to do
        #[arg(value_name = "path|show|check|init")]
        what: ConfigWord,
        #[command(flatten)]
        shared: Box<Shared>,
    },
    /// Checks the way to a provider and what is on this machine, a line each with its cure
    Doctor(Doctor),
}

/// What `chatui config` does.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigWord {
    /// Print where the file is
    Path,
    /// Print what is in force, and from where each value came
    Show,
    /// Say what is wrong
    Check,
    /// Write a file with every setting, commented out
    Init,
}

/// Reads the command line, the program's name first.
///
/// # Errors
/// [`Stop`] where there is nothing to run: wrong usage (2), or help and version (0).
pub fn parse(argv: impl IntoIterator<Item = OsString>) -> Result<Command, Stop> {
    let argv: Vec<OsString> = argv.into_iter().collect();
    let after_dashes = argv.iter().position(|arg| arg == "--").map_or(0, |at| argv.len() - at - 1);
    let root = Root::try_parse_from(argv).map_err(|error| Stop {
        text: error.to_string(),
        code: if error.use_stderr() { exit::USAGE } else { exit::OK },
    })?;
    let Root { prompt, shared, command } = root;
    let command = match command {
        None => {
            check_words(&prompt, prompt.len().saturating_sub(after_dashes))?;
            Command::Chat(shared, prompt)
        }
        Some(_) if !prompt.is_empty() => {
            return Err(Stop::usage(
                "a command comes before the prompt; to send all words as prompt: chatui -- PROMPT",
            ));
        }
        Some(Word::Ask { ask, shared: after }) => Command::Ask(after.over(shared), ask),
        Some(Word::Config { what, shared: after }) => Command::Config(after.over(shared), what),
        Some(Word::Demo(demo)) => {
            let verbose = demo.verbose.saturating_add(shared.verbose);
            if (Shared { verbose: 0, ..shared }) != Shared::default() {
                return Err(Stop::usage(
                    "`chatui demo` takes no options of the chat; see `chatui demo --help`",
                ));
            }
            Command::Demo(Demo { verbose, ..demo })
        }
        Some(Word::Models(models)) => Command::Models(models.over(shared)?),
        Some(Word::Doctor(doctor)) => Command::Doctor(doctor.over(shared)?),
        Some(Word::Replay(replay)) => Command::Replay(replay.over(shared)?),
        Some(Word::Sessions(sessions)) => Command::Sessions(sessions::sessions_of(sessions, shared)?),
    };
    match &command {
        Command::Chat(shared, _) => shared::check_shared(shared)?,
        Command::Ask(shared, ask) if ask.replay.is_some() => ask::check_replay(shared, ask)?,
        Command::Ask(shared, _) if shared.resume.as_deref() == Some("") => {
            return Err(Stop::usage(
                "--resume needs the ID of a session in `chatui ask` (its first characters are enough; \
                 the newest: --continue)",
            ));
        }
        Command::Ask(shared, ask)
            if ask.raw_prompt && (!shared.files.is_empty() || shared.system.is_some()) =>
        {
            return Err(Stop::usage(
                "--raw-prompt sends one text and nothing else: leave out --file and --system (put what they \
                 say into the prompt)",
            ));
        }
        Command::Ask(shared, _) | Command::Config(shared, _) => shared::check_shared(shared)?,
        Command::Demo(_)
        | Command::Models(_)
        | Command::Sessions(_)
        | Command::Replay(_)
        | Command::Doctor(_) => {}
    }
    Ok(command)
}

/// Refuses words that were meant as a command. `bare` of them stand before `--`.
fn check_words(words: &[String], bare: usize) -> Result<(), Stop> {
    let Some(first) = words.first().filter(|_| bare > 0) else {
        return Ok(());
    };
    let as_prompt = format!("To send it as a prompt: chatui -- {}", words.join(" "));
    if COMMANDS.contains(&first.as_str()) {
        return Err(Stop::usage(format!("`{first}` is not in this version yet. {as_prompt}")));
    }
    if words.len() > 1 {
        return Ok(());
    }
    if first == "help" {
        return Err(Stop { text: Root::command().render_help().to_string(), code: exit::OK });
    }
    match near_command(first, &COMMANDS) {
        Some(near) if HERE.contains(&near) => {
            Err(Stop::usage(format!("`{first}` is no command; did you mean `chatui {near}`? {as_prompt}")))
        }
        Some(near) => Err(Stop::usage(format!(
            "`{first}` is no command; `{near}`, which is close, is not in this version yet. {as_prompt}"
        ))),
        None => Ok(()),
    }
}

/// The command that a single word is too close to: within one edit where it has up to five letters,
/// within two where it has more. Two letters in the wrong order are one edit.
pub fn near_command<'c>(word: &str, commands: &[&'c str]) -> Option<&'c str> {
    if word.contains(char::is_whitespace) {
        return None;
    }
    let word = word.to_lowercase();
    let reach = if word.chars().count() <= 5 { 1 } else { 2 };
    commands
        .iter()
        .map(|command| (strsim::osa_distance(&word, command), *command))
        .filter(|(distance, _)| *distance <= reach)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, command)| command)
}
