//! The options of `chatui ask` alone.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::values::not_negative;
use super::{Shared, Stop};

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

/// A replay asks nobody.
pub(super) fn check_replay(shared: &Shared, ask: &Ask) -> Result<(), Stop> {
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
