//! chatui: a full-screen chat for language models in the terminal.
//!
//! # The floors
//!
//! A module uses only lower floors; modules on one floor do not use each other.
//! `tests/tidy.rs` reads this very table and fails on a `use` that points up or sideways.
//!
//! ```text
//! 6  cli
//! 5  runtime
//! 4  turns
//! 3  net  store  term  files  demo
//! 3  app
//! 2  wire  markdown  theme  keys  config
//! 1  chat
//! 0  base
//! ```
//!
//! # How a keystroke travels
//!
//! `runtime` takes it from `term`'s reader through `term`'s filter and hands it to
//! `app::update` as a [`app::Msg`] with the present time; `update` changes the state and returns
//! [`app::Cmd`]s (data, no closures); `runtime` sets them going and draws. Nothing on that way waits.
//!
//! # How a token travels
//!
//! `net` reads bytes of one attempt, a `wire` decoder turns them into [`chat::StreamEvent`]s, `turns`
//! feeds those to the pure [`chat::Turn`] machine, saves them through `store` and passes them on;
//! `runtime` merges what is queued, `update` appends it to the conversation tree, and the next frame
//! lays out only the block that grew.
//!
//! The library's API is internal to the program.

#[cfg(windows)]
compile_error!("chatui does not support Windows yet: it runs on Linux and macOS (WSL works)");

pub mod app;
pub mod base;
pub mod chat;
pub mod cli;
pub mod config;
pub mod demo;
pub mod files;
pub mod keys;
pub mod markdown;
pub mod net;
pub mod runtime;
pub mod store;
pub mod term;
pub mod theme;
pub mod turns;
pub mod wire;
