//! The options of `chatui models`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::{Shared, Stop};
use crate::config;

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
    pub(super) fn over(self, under: Shared) -> Result<Self, Stop> {
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
