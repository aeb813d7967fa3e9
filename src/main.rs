//! The binary: parse, run, map the outcome to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    chatui::cli::main(std::env::args_os())
}
