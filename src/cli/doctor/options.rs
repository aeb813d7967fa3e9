//! The options of `chatui doctor`: those of the chat that say whom to ask, and how patiently.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;

use crate::cli::args::{Shared, Stop};
use crate::config;

/// `chatui doctor`.
#[derive(ClapArgs, Clone, Debug, Default, PartialEq)]
#[group(skip)]
pub struct Doctor {
    /// The provider to check; without one that in force
    #[arg(value_name = "PROVIDER")]
    provider: Option<String>,
    /// The same as an option
    #[arg(long = "provider", value_name = "NAME", conflicts_with = "provider")]
    named: Option<String>,
    /// The model that is asked for one token
    #[arg(short, long, value_name = "PROVIDER:MODEL")]
    model: Option<String>,
    /// An endpoint that no file names; it gets no key but that of --api-key-env
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The dialect of --base-url
    #[arg(long, value_name = "NAME")]
    dialect: Option<String>,
    /// The variable that holds the key of --base-url
    #[arg(long, value_name = "NAME")]
    api_key_env: Option<String>,
    /// For the connection [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = config::duration::parse)]
    connect_timeout: Option<Duration>,
    /// Silence before the first event [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = config::duration::parse)]
    first_timeout: Option<Duration>,
    /// Silence after it [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = config::duration::parse)]
    chunk_timeout: Option<Duration>,
    /// The whole answer [default: 90s]
    #[arg(long, value_name = "TIME", value_parser = config::duration::parse)]
    total_timeout: Option<Duration>,
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of the session store
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Log more (repeatable); the log is a file
    #[arg(short, action = clap::ArgAction::Count)]
    verbose: u8,
}

impl Doctor {
    /// As shared options, those before its name in `under`.
    pub fn over(self, under: Shared) -> Result<Shared, Stop> {
        let taken = Shared {
            model: None,
            provider: None,
            base_url: None,
            dialect: None,
            api_key_env: None,
            connect_timeout: None,
            first_timeout: None,
            chunk_timeout: None,
            total_timeout: None,
            config: None,
            data_dir: None,
            verbose: 0,
            ..under.clone()
        };
        if taken != Shared::default() {
            let text = "`chatui doctor` takes only some options of the chat; see `chatui doctor --help`";
            return Err(Stop::usage(text));
        }
        let own = Shared {
            model: self.model,
            provider: self.provider.or(self.named),
            base_url: self.base_url,
            dialect: self.dialect,
            api_key_env: self.api_key_env,
            connect_timeout: self.connect_timeout,
            first_timeout: self.first_timeout,
            chunk_timeout: self.chunk_timeout,
            total_timeout: self.total_timeout,
            config: self.config,
            data_dir: self.data_dir,
            verbose: self.verbose,
            ..Shared::default()
        };
        Ok(own.over(under))
    }
}
