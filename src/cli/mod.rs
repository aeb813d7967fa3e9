//! cli

pub mod args;
pub mod exit;

/// Not yet.
pub fn main(_args: std::env::ArgsOs) -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
