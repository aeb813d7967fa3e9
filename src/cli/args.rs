//! The command line: its words, its options, its help.
//!
//! [`parse`] does all of it: clap reads the words, then come the rules that clap cannot know. The
//! options that chat and `ask` share may stand before or after the word `ask`. A single word that
//! looks like a mistyped command is refused: a prompt costs money, a typing error should not.
//!
//! Names of providers, models and dialects are checked by `config`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, CommandFactory, Parser, Subcommand, ValueEnum};
use serde_json::Value;

use super::doctor::options::Doctor;
use super::exit;
use crate::chat::Params;
use crate::config::{self, Flags};

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

/// Where each dialect is found, and what else there is.
const DEMO_PATHS: &str = "\
It prints the base URL of openai-chat and openai-completions, http://HOST:PORT/v1. At the same address are:
  azure-inference  http://HOST:PORT/models
  azure-openai     http://HOST:PORT, http://HOST:PORT/openai/v1
  websocket        ws://HOST:PORT/v1/chat/completions, ws://HOST:PORT/v1/completions
Besides the models of its list it has one for each fault that a server can have (cut, stall, page …):
docs/faults.md names them all.";

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
    #[command(after_help = DEMO_PATHS)]
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

/// `chatui ask`.
#[derive(ClapArgs, Clone, Debug, Default, PartialEq)]
#[group(skip)]
pub struct Ask {
    /// The prompt; standard input, where it is no terminal, is appended
    #[arg(value_name = "PROMPT")]
    pub words: Vec<String>,
    /// The prompt, as an option
    #[arg(short, long, value_name = "TEXT", conflicts_with = "words", allow_hyphen_values = true)]
    pub prompt: Option<String>,
    /// Send the prompt as it is, to be gone on with: no template, no system prompt, no earlier messages
    #[arg(long)]
    pub raw_prompt: bool,
    /// Print events, one JSON object a line
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Ask for one whole response
    #[arg(long, help_heading = "Output")]
    pub no_stream: bool,
    /// Print the metrics to standard error when done
    #[arg(long, help_heading = "Output")]
    pub stats: bool,
    /// Print the source to a terminal too, as it came
    #[arg(long, help_heading = "Output")]
    pub raw: bool,
    /// Print what --record recorded in FILE, and ask nobody
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub replay: Option<PathBuf>,
    /// Of --replay: so many times as fast as it was; 0 is at once [default: 1]
    #[arg(long, value_name = "X", value_parser = not_negative, allow_negative_numbers = true, requires = "replay", help_heading = "Output")]
    pub speed: Option<f64>,
}

impl Ask {
    /// Whether anything is there that asks.
    fn asks(&self) -> bool {
        !self.words.is_empty() || self.prompt.is_some() || self.no_stream
    }
}

/// `chatui replay`.
#[derive(ClapArgs, Clone, Debug, Default, PartialEq)]
#[group(skip)]
pub struct Replay {
    /// The recording
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// So many times as fast as it was; 0 is at once [default: 1]
    #[arg(long, value_name = "X", value_parser = not_negative, allow_negative_numbers = true)]
    pub speed: Option<f64>,
    /// The theme; `auto` is dark or light, as the terminal is
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
    /// Leave the mouse to the terminal
    #[arg(long)]
    pub no_mouse: bool,
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Log more (repeatable); the log is a file
    #[arg(short, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

impl Replay {
    /// The options among the shared ones that it takes, those before its name in `under`.
    fn over(self, under: Shared) -> Result<Self, Stop> {
        let own = Shared {
            theme: self.theme.clone(),
            no_mouse: self.no_mouse,
            config: self.config.clone(),
            verbose: self.verbose,
            ..Shared::default()
        };
        let shared = own.over(under);
        let Shared { theme, no_mouse, config, verbose, .. } = shared.clone();
        let taken = Shared { theme: None, no_mouse: false, config: None, verbose: 0, ..shared };
        if taken != Shared::default() {
            return Err(Stop::usage(
                "`chatui replay` asks nobody and takes no options of a request; see `chatui replay --help`",
            ));
        }
        Ok(Self { theme, no_mouse, config, verbose, ..self })
    }

    /// As options of a chat that saves nothing.
    pub fn shared(&self) -> Shared {
        Shared {
            theme: self.theme.clone(),
            no_mouse: self.no_mouse,
            config: self.config.clone(),
            verbose: self.verbose,
            no_save: true,
            ..Shared::default()
        }
    }
}

/// What a dry run prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// The request.
    Request,
    /// A command that sends it.
    Curl,
}

/// `chatui demo`.
#[derive(ClapArgs, Clone, Debug, PartialEq)]
pub struct Demo {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub listen: std::net::SocketAddr,
    /// The pace of answers; 0 is as fast as it goes [default: each model's own]
    #[arg(long, value_name = "N", value_parser = not_negative)]
    pub tokens_per_second: Option<f64>,
    /// Log more (repeatable); the log is a file
    #[arg(short, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// `chatui models`.
#[derive(ClapArgs, Clone, Debug, Default, PartialEq)]
#[group(skip)]
pub struct Models {
    /// The provider to ask; without one all that are configured
    #[arg(value_name = "PROVIDER")]
    pub provider: Option<String>,
    /// Print an array of {provider, id, context, price}
    #[arg(long)]
    pub json: bool,
    /// An endpoint that no file names; it gets no key but that of --api-key-env
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// The dialect of --base-url
    #[arg(long, value_name = "NAME")]
    pub dialect: Option<String>,
    /// The variable that holds the key of --base-url
    #[arg(long, value_name = "NAME")]
    pub api_key_env: Option<String>,
    /// For the connection [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = config::duration::parse)]
    pub connect_timeout: Option<Duration>,
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Log more (repeatable); the log is a file
    #[arg(short, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

impl Models {
    /// The options among the shared ones that it takes, those before its name in `under`.
    fn over(self, under: Shared) -> Result<Self, Stop> {
        let taken = Shared {
            base_url: None,
            dialect: None,
            api_key_env: None,
            connect_timeout: None,
            config: None,
            verbose: 0,
            ..under.clone()
        };
        if taken != Shared::default() {
            let text = "`chatui models` takes no options of the chat; see `chatui models --help`";
            return Err(Stop::usage(text));
        }
        Ok(Self {
            base_url: self.base_url.or(under.base_url),
            dialect: self.dialect.or(under.dialect),
            api_key_env: self.api_key_env.or(under.api_key_env),
            connect_timeout: self.connect_timeout.or(under.connect_timeout),
            config: self.config.or(under.config),
            verbose: self.verbose.saturating_add(under.verbose),
            ..self
        })
    }
}

/// `chatui sessions`.
#[derive(ClapArgs, Clone, Debug, PartialEq)]
#[group(skip)]
pub struct Sessions {
    /// What to do with them.
    #[command(subcommand)]
    pub order: Order,
    /// The folder of the session store
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
}

/// What `chatui sessions` does. An ID may be a unique beginning of one.
#[derive(Subcommand, Clone, Debug, PartialEq)]
pub enum Order {
    /// All sessions, those that changed last first
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
        /// The most to list [default: all]
        #[arg(long, value_name = "N", value_parser = at_least_one())]
        limit: Option<u64>,
    },
    /// A conversation, as it was shown
    Show {
        /// The session; a unique beginning of its ID is enough
        id: String,
    },
    /// The sessions whose messages or title hold all words, the last one as a beginning
    Search {
        /// The words
        #[arg(required = true)]
        words: Vec<String>,
        /// Print a JSON array
        #[arg(long)]
        json: bool,
        /// The most to list [default: all]
        #[arg(long, value_name = "N", value_parser = at_least_one())]
        limit: Option<u64>,
    },
    /// Give a session another title
    Rename {
        /// The session; a unique beginning of its ID is enough
        id: String,
        /// The title
        #[arg(required = true, num_args = 1..)]
        title: Vec<String>,
    },
    /// Delete a session, for good
    Delete {
        /// The session; a unique beginning of its ID is enough
        id: String,
    },
    /// Write a session to standard output
    Export {
        /// The session; a unique beginning of its ID is enough
        id: String,
        /// md: what was shown; json: all of it
        #[arg(long, value_enum, default_value = "md")]
        format: Format,
    },
}

/// What an export is.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Markdown.
    Md,
    /// JSON.
    Json,
}

/// The options that chat and `ask` share.
#[derive(ClapArgs, Clone, Debug, Default, PartialEq)]
#[group(skip)]
pub struct Shared {
    /// The model; a name alone is one of the default provider, or an alias
    #[arg(short, long, value_name = "PROVIDER:MODEL", help_heading = "Model")]
    pub model: Option<String>,
    /// The provider
    #[arg(long, value_name = "NAME", help_heading = "Model")]
    pub provider: Option<String>,
    /// An endpoint that no file names; it gets no key but that of --api-key-env
    #[arg(long, value_name = "URL", help_heading = "Model")]
    pub base_url: Option<String>,
    /// The dialect of --base-url: openai-chat (the default), openai-completions, azure-inference,
    /// azure-openai or websocket (the default for ws:// and wss://)
    #[arg(long, value_name = "NAME", help_heading = "Model")]
    pub dialect: Option<String>,
    /// The variable that holds the key of --base-url
    #[arg(long, value_name = "NAME", help_heading = "Model")]
    pub api_key_env: Option<String>,
    /// The system prompt; @FILE reads a file
    #[arg(short, long, value_name = "TEXT", help_heading = "Model", allow_hyphen_values = true)]
    pub system: Option<String>,

    /// Attach a text file (repeatable)
    #[arg(short, long = "file", value_name = "PATH", help_heading = "Model")]
    pub files: Vec<PathBuf>,

    /// Go on with the newest session
    #[arg(short = 'c', long = "continue", help_heading = "Session", conflicts_with = "resume")]
    pub go_on: bool,
    /// Go on with that session; a unique beginning of its ID is enough, and the chat lists them without
    #[arg(short, long, value_name = "ID", num_args = 0..=1, default_missing_value = "", help_heading = "Session")]
    pub resume: Option<String>,
    /// Save nothing
    #[arg(long, help_heading = "Session")]
    pub no_save: bool,

    /// Ask for N answers
    #[arg(long, visible_alias = "n", value_name = "N", value_parser = choices(), help_heading = "Parameters")]
    pub choices: Option<u32>,
    /// The most tokens of an answer
    #[arg(long, value_name = "N", value_parser = at_least_one(), help_heading = "Parameters")]
    pub max_tokens: Option<u64>,
    /// Sampling temperature
    #[arg(long, value_name = "X", value_parser = not_negative, help_heading = "Parameters")]
    pub temperature: Option<f64>,
    /// Nucleus sampling
    #[arg(long, value_name = "X", value_parser = share, help_heading = "Parameters")]
    pub top_p: Option<f64>,
    /// A text that ends the answer (repeatable)
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, help_heading = "Parameters")]
    pub stop: Vec<String>,
    /// The seed
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "Parameters")]
    pub seed: Option<i64>,
    /// How much a reasoning model thinks: low, medium, high …
    #[arg(long, value_name = "LEVEL", help_heading = "Parameters")]
    pub reasoning_effort: Option<String>,
    /// Any other field of the request (repeatable)
    #[arg(
        short,
        long = "option",
        value_name = "KEY=JSON",
        value_parser = option,
        help_heading = "Parameters"
    )]
    pub options: Vec<(String, Value)>,

    /// For the connection [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = config::duration::parse, help_heading = "Waiting")]
    pub connect_timeout: Option<Duration>,
    /// Silence before the first event [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = config::duration::parse, help_heading = "Waiting")]
    pub first_timeout: Option<Duration>,
    /// Silence after it [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = config::duration::parse, help_heading = "Waiting")]
    pub chunk_timeout: Option<Duration>,
    /// The whole answer, attempts and waits included; 0 is no limit [default: 0]
    #[arg(long, value_name = "TIME", value_parser = config::duration::parse, help_heading = "Waiting")]
    pub total_timeout: Option<Duration>,
    /// Further attempts after a failed one [default: 3]
    #[arg(long, value_name = "N", value_parser = retries(), help_heading = "Waiting")]
    pub retries: Option<u32>,

    /// The theme; `auto` is dark or light, as the terminal is
    #[arg(long, value_name = "NAME", help_heading = "Program")]
    pub theme: Option<String>,
    /// Leave the mouse to the terminal
    #[arg(long, help_heading = "Program")]
    pub no_mouse: bool,
    /// Print the request and send nothing; =curl prints it as a curl command
    #[arg(
        long,
        value_name = "curl",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        value_parser = dry_run,
        help_heading = "Program"
    )]
    pub dry_run: Option<DryRun>,
    /// Write each response to this new file as it comes, with its times and without secrets
    #[arg(long, value_name = "FILE", help_heading = "Program")]
    pub record: Option<PathBuf>,
    /// Overwrite the file of --record
    #[arg(long, help_heading = "Program")]
    pub force: bool,
    /// The configuration file
    #[arg(long, value_name = "FILE", help_heading = "Program")]
    pub config: Option<PathBuf>,
    /// The folder of the session store
    #[arg(long, value_name = "DIR", help_heading = "Program")]
    pub data_dir: Option<PathBuf>,
    /// Log more (repeatable); the log is a file
    #[arg(short, action = clap::ArgAction::Count, help_heading = "Program")]
    pub verbose: u8,
}

fn at_least_one() -> impl clap::builder::TypedValueParser<Value = u64> {
    clap::value_parser!(u64).range(1..)
}

fn choices() -> impl clap::builder::TypedValueParser<Value = u32> {
    clap::value_parser!(u32).range(1..=i64::from(config::params::MOST_CHOICES))
}

fn retries() -> impl clap::builder::TypedValueParser<Value = u32> {
    clap::value_parser!(u32).range(0..=i64::from(config::MOST_RETRIES))
}

fn option(text: &str) -> Result<(String, Value), String> {
    let (key, value) = config::params::option(text)?;
    config::params::set(&mut Params::default(), &key, value.clone())?;
    Ok((key, value))
}

fn dry_run(text: &str) -> Result<DryRun, String> {
    match text {
        "" => Ok(DryRun::Request),
        "curl" => Ok(DryRun::Curl),
        _ => Err("expected curl, or --dry-run alone".to_owned()),
    }
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|n: &f64| n.is_finite()).ok_or_else(|| "expected a number".to_owned())
}

fn not_negative(text: &str) -> Result<f64, String> {
    number(text).ok().filter(|n| *n >= 0.0).ok_or_else(|| "expected a number of 0 or more".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    number(text)
        .ok()
        .filter(|n| (0.0..=1.0).contains(n))
        .ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

impl Shared {
    /// These, with what was left open taken from `under`; of lists, the ones of `under` first.
    pub(super) fn over(self, under: Shared) -> Shared {
        macro_rules! laid_over {
            (first: $($first:ident)*; both: $($both:ident)*; either: $($either:ident)*; sum: $($sum:ident)*) => {
                Shared {
                    $($first: self.$first.or(under.$first),)*
                    $($both: under.$both.into_iter().chain(self.$both).collect(),)*
                    $($either: self.$either || under.$either,)*
                    $($sum: self.$sum.saturating_add(under.$sum),)*
                }
            };
        }
        laid_over!(
            first: model provider base_url dialect api_key_env system resume choices max_tokens temperature
                top_p seed reasoning_effort connect_timeout first_timeout chunk_timeout total_timeout retries
                config data_dir theme dry_run record;
            both: stop options files;
            either: go_on no_save force no_mouse;
            sum: verbose
        )
    }

    /// What `config` takes of them.
    pub fn flags(&self) -> Flags {
        let mut params = Params {
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            top_p: self.top_p,
            stop: self.stop.clone(),
            seed: self.seed,
            n: self.choices,
            reasoning_effort: self.reasoning_effort.clone(),
            ..Params::default()
        };
        for (key, value) in &self.options {
            // It was checked where it was read.
            let _ = config::params::set(&mut params, key, value.clone());
        }
        Flags {
            model: self.model.clone(),
            provider: self.provider.clone(),
            base_url: self.base_url.clone(),
            dialect: self.dialect.clone(),
            api_key_env: self.api_key_env.clone(),
            theme: self.theme.clone(),
            no_mouse: self.no_mouse,
            system: self.system.clone(),
            params,
            connect: self.connect_timeout,
            first: self.first_timeout,
            chunk: self.chunk_timeout,
            total: self.total_timeout,
            retries: self.retries,
        }
    }
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
        Some(Word::Sessions(sessions)) => Command::Sessions(sessions_of(sessions, shared)?),
    };
    match &command {
        Command::Chat(shared, _) => check_shared(shared)?,
        Command::Ask(shared, ask) if ask.replay.is_some() => check_replay(shared, ask)?,
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
        Command::Ask(shared, _) | Command::Config(shared, _) => check_shared(shared)?,
        Command::Demo(_)
        | Command::Models(_)
        | Command::Sessions(_)
        | Command::Replay(_)
        | Command::Doctor(_) => {}
    }
    Ok(command)
}

/// Of the options that stand before the word `sessions`, it takes the folder alone.
fn sessions_of(mut sessions: Sessions, mut shared: Shared) -> Result<Sessions, Stop> {
    if shared.no_save {
        return Err(Stop::usage("`chatui sessions` is about the store; --no-save leaves none"));
    }
    let before = shared.data_dir.take();
    if shared != Shared::default() {
        return Err(Stop::usage(
            "`chatui sessions` takes no options of the chat but --data-dir; see `chatui sessions --help`",
        ));
    }
    sessions.data_dir = sessions.data_dir.or(before);
    Ok(sessions)
}

/// A replay asks nobody.
fn check_replay(shared: &Shared, ask: &Ask) -> Result<(), Stop> {
    let taken = Shared {
        config: None,
        data_dir: None,
        no_save: false,
        theme: None,
        no_mouse: false,
        verbose: 0,
        ..shared.clone()
    };
    if ask.asks() || taken != Shared::default() {
        return Err(Stop::usage(
            "--replay prints what was recorded and asks nobody: it goes with no prompt and no option of a request \
             (--json, --stats, --raw and --speed are what it takes)",
        ));
    }
    Ok(())
}

fn check_shared(shared: &Shared) -> Result<(), Stop> {
    if shared.force && shared.record.is_none() {
        return Err(Stop::usage("--force overwrites the file of --record FILE: name one"));
    }
    // Before and after the word `ask` clap does not see that they exclude each other.
    if shared.go_on && shared.resume.is_some() {
        return Err(Stop::usage("--continue and --resume exclude each other"));
    }
    Ok(())
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

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
