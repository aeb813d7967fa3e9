//! The options of `chatui replay`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::values::not_negative;
use super::{Shared, Stop};

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
    pub(super) fn over(self, under: Shared) -> Result<Self, Stop> {
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
