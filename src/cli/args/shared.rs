//! The options that chat and `ask` share.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;
use serde_json::Value;

use super::Stop;
use super::values::{at_least_one, choices, dry_run, not_negative, option, retries, share};
use crate::chat::Params;
use crate::config::{self, Flags};

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

/// What a dry run prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// The request.
    Request,
    /// A command that sends it.
    Curl,
}

impl Shared {
    /// These, with what was left open taken from `under`; of lists, the ones of `under` first.
    pub(in crate::cli) fn over(self, under: Shared) -> Shared {
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

/// What clap does not see.
pub(super) fn check_shared(shared: &Shared) -> Result<(), Stop> {
    if shared.force && shared.record.is_none() {
        return Err(Stop::usage("--force overwrites the file of --record FILE: name one"));
    }
    // Before and after the word `ask` clap does not see that they exclude each other.
    if shared.go_on && shared.resume.is_some() {
        return Err(Stop::usage("--continue and --resume exclude each other"));
    }
    Ok(())
}
