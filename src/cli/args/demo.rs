//! The options of `chatui demo`.

use clap::Args as ClapArgs;

use super::values::not_negative;

/// Where each dialect is found, and what else there is.
pub(super) const PATHS: &str = "\
It prints the base URL of openai-chat and openai-completions, http://HOST:PORT/v1. At the same address are:
  azure-inference  http://HOST:PORT/models
  azure-openai     http://HOST:PORT, http://HOST:PORT/openai/v1
  websocket        ws://HOST:PORT/v1/chat/completions, ws://HOST:PORT/v1/completions
Besides the models of its list it has one for each fault that a server can have (cut, stall, page …):
docs/faults.md names them all.";

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
