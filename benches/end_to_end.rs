//! What a person waits for and what a machine pays, measured on the real binary.
//!
//! Starts `chatui demo` without a pace, and runs the contestants one after the other, round by
//! round, each in a pseudo terminal of 120 columns and 40 rows. All figures come from one run on one
//! machine: only their ratios carry over. See `benches/README.md` for the commands.
//!
//! - `burst`: an answer of many tokens as fast as it goes; wall time and CPU of `curl -N`, of the
//!   floor (`floor.rs`) and of chatui. The first two are done when they exit, chatui when its status
//!   bar says `complete`.
//! - `first`: from the start to the first byte of the frame that shows the input.
//! - `scale`: CPU a token in a short and in a long answer, the start's cost taken off.
//! - `idle`: ten seconds beginning two seconds after the last event: no thread runs, no byte comes.
//! - `key`: from a key to the screen that shows it, at rest and beside a stream of 1,000 tokens a second.
//! - `token`: from a token that a server writes to the screen that shows it, 100 tokens a second; and
//!   the share of a core that this takes.
//! - `sessions`: the start with a store of 10,000 sessions against one with none, and searches in it.
//!
//! The wall time of a run ends when its last byte was read here; the emulator that reads chatui's
//! screen runs on this side and is not in its CPU time.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a measurement that fails, fails

#[cfg(target_os = "linux")]
mod floor;
#[cfg(target_os = "linux")]
#[path = "end_to_end/parts.rs"]
mod parts;
#[cfg(target_os = "linux")]
#[path = "../tests/support/mod.rs"]
mod support;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("end_to_end reads /proc and process clocks: Linux only");
}

#[cfg(target_os = "linux")]
fn main() {
    parts::main();
}
