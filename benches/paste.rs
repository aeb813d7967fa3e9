//! A paste of 5 MB, from its first byte to its mark on the screen, in a pseudo terminal.
//!
//! Two figures a round: *whole* is from the first byte that the terminal sends to the mark, *own* from
//! when the last byte was taken by the kernel (which holds 4 KB at the most) to the mark. What lies
//! between is the kernel's and the reader's reading, 4 KB a call. Goals: 250 ms and 50 ms on a quiet machine.
//!
//! `cargo bench --bench paste`; one argument: the number of rounds (5).

#![allow(clippy::unwrap_used, clippy::expect_used)] // a measurement that fails, fails

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use support::Home;
use support::pty::{Options, Pty, rows};

fn main() {
    let rounds = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(5_usize);
    for (name, text) in [("lines", "0123456789abcde\n".repeat(312_500)), ("one line", "x".repeat(5_000_000))]
    {
        let mut figures: Vec<(Duration, Duration)> = (0..rounds).map(|_| round(&text)).collect();
        figures.sort();
        let (whole, own) = figures[rounds / 2];
        println!("{name:<9} whole {:>6.1} ms   own {:>5.1} ms", ms(whole), ms(own));
    }
}

fn round(text: &str) -> (Duration, Duration) {
    let home = Home::new();
    let pty = Pty::start(&home, Options::chatui(&[]).size(120, 40));
    pty.wait_for("the first frame", |screen| rows(screen).iter().any(|row| row.contains('›')));
    pty.wait_quiet(Duration::from_millis(200));
    let began = Instant::now();
    pty.paste(text);
    let sent = Instant::now();
    let shown = pty.wait_for_bytes(b"[pasted");
    (shown - began, shown.saturating_duration_since(sent))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
