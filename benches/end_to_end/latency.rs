//! From a key, and from a token, to the screen.
//!
//! The terminal's bytes are recorded with the times at which they came, and shown to an emulator
//! afterwards: nothing but the reader works beside chatui, and what counts is what a person would see,
//! however few cells were written for it. A key has arrived when the draft with it stands in the input,
//! a token when its text, which no other token has, stands on the screen.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::figures::{cpu_of, latency, median};
use super::{COLS, Contestant, LIMIT, Plan, ROWS, leave, start_recorded};
use crate::support::pty::{Key, Pty};
use crate::support::server::Server;
use crate::support::{DemoServer, Home};

/// Tokens a second of the stream beside which keys are pressed.
const BESIDE: &str = "1000";
/// A draft is cleared when it is so long: it stays on one row.
const DRAFT: usize = 60;
/// After a draft is cleared.
const PAUSE: Duration = Duration::from_millis(500);
/// Between two looks at what was recorded.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Before anything is measured.
const SETTLE: Duration = Duration::from_millis(1500);

/// Something that was done, and the text that shows it.
struct Sent {
    at: Instant,
    shows: String,
}

fn blank_screen() -> vt100::Parser {
    let size = |n: u16| n.try_into().unwrap();
    vt100::Parser::new(size(ROWS), size(COLS), 0)
}

fn stands_on(screen: &vt100::Screen, text: &str) -> bool {
    screen.rows(0, COLS).any(|row| row.contains(text))
}

/// Waits, between what is measured, until what was recorded so far leaves the screen as wanted: on a busy
/// machine a frame may be late by any time.
fn wait_recorded(pty: &Pty, is_so: impl Fn(&vt100::Screen) -> bool) {
    let began = Instant::now();
    loop {
        let mut screen = blank_screen();
        pty.recording().iter().for_each(|(_, bytes)| screen.process(bytes));
        if is_so(screen.screen()) {
            return;
        }
        let text = screen.screen().contents();
        assert!(began.elapsed() < LIMIT, "the screen never came to be as wanted:\n{text}");
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// When each text was first on the screen after it was sent, less that time. What came before the
/// first of them is shown all the same: the emulator must know the whole screen.
fn delays(pieces: &[(Instant, Vec<u8>)], sent: &[Sent]) -> Vec<Duration> {
    let mut screen = blank_screen();
    let mut waiting = sent.iter().peekable();
    let mut delays = Vec::new();
    for (at, bytes) in pieces {
        screen.process(bytes);
        while let Some(next) =
            waiting.next_if(|next| next.at <= *at && stands_on(screen.screen(), &next.shows))
        {
            delays.push(*at - next.at);
        }
    }
    let missed = waiting.next().map(|missed| &missed.shows);
    assert!(missed.is_none(), "never on the screen: {missed:?}\n{}", screen.screen().contents());
    delays
}

// ---------------------------------------------------------------------------------------------

/// Keys at rest, and beside a stream.
pub fn key(plan: &Plan) {
    let mut rest: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let mut stream: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for _ in 0..plan.rounds {
        for contestant in plan.contestants() {
            rest.entry(contestant.name).or_default().extend(keys(plan, &contestant, None));
            let home = Home::new();
            let demo = DemoServer::start(&home, &["--tokens-per-second", BESIDE]);
            let times = keys(plan, &contestant, Some(demo.base_url()));
            stream.entry(contestant.name).or_default().extend(times);
        }
    }
    println!("key to screen");
    for contestant in plan.contestants() {
        let name = contestant.name;
        println!("  {name:<7} at rest                 {}", latency(&rest[name]));
        println!("  {name:<7} beside {BESIDE} tokens/s   {}", latency(&stream[name]));
    }
    println!();
}

fn keys(plan: &Plan, contestant: &Contestant<'_>, url: Option<&str>) -> Vec<Duration> {
    let home = Home::new();
    let count = plan.keys;
    // More than come while keys are pressed.
    let prompt = format!("long {}", 60_000 + count * 100);
    let pty = match url {
        Some(url) => start_recorded(contestant, &home, url, &["--", &prompt]),
        // Nobody listens there, and nobody asks.
        None => start_recorded(contestant, &home, "http://127.0.0.1:9/v1", &[]),
    };
    std::thread::sleep(SETTLE);
    let mut sent = Vec::new();
    let mut draft = String::new();
    let mut random = 7_u32;
    for _ in 0..count {
        if draft.len() == DRAFT {
            let whole = format!("› {draft}");
            wait_recorded(&pty, |screen| stands_on(screen, &whole));
            pty.key(Key::Ctrl('u'));
            wait_recorded(&pty, |screen| !stands_on(screen, &whole));
            draft.clear();
            std::thread::sleep(PAUSE);
        }
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let letter = char::from(b'a' + (random >> 24) as u8 % 26);
        draft.push(letter);
        sent.push(Sent { at: Instant::now(), shows: format!("› {draft}") });
        pty.send_keys(letter.encode_utf8(&mut [0; 4]));
        std::thread::sleep(Duration::from_millis(20 + u64::from((random >> 16) & 31)));
    }
    wait_recorded(&pty, |screen| sent.last().is_none_or(|last| stands_on(screen, &last.shows)));
    let times = delays(&pty.recording(), &sent);
    pty.key(Key::Ctrl('u'));
    leave(&pty);
    times
}

// ---------------------------------------------------------------------------------------------

/// Tokens of a stream at an even pace, and what it costs to show them.
pub fn token(plan: &Plan) {
    let mut times: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let mut shares: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for _ in 0..plan.rounds {
        for contestant in plan.contestants() {
            let (delays, cpu_a_second) = tokens(plan, &contestant);
            times.entry(contestant.name).or_default().extend(delays);
            shares.entry(contestant.name).or_default().push(cpu_a_second);
        }
    }
    let percent = |cpu: Duration| cpu.as_secs_f64() * 100.0;
    println!("token to screen, {} tokens/s, each an event of its own, for {} s", plan.pace, plan.seconds);
    for contestant in plan.contestants() {
        let name = contestant.name;
        let (least, most) = (shares[name].iter().min().unwrap(), shares[name].iter().max().unwrap());
        println!("  {name:<7} {}", latency(&times[name]));
        println!(
            "  {name:<7} {:.2} % of a core ({:.2} to {:.2})",
            percent(median(&shares[name])),
            percent(*least),
            percent(*most)
        );
    }
    println!();
}

/// The delays, and the CPU time of a second.
fn tokens(plan: &Plan, contestant: &Contestant<'_>) -> (Vec<Duration>, Duration) {
    let home = Home::new();
    let server = Server::start();
    let pty = start_recorded(contestant, &home, &server.base_url(), &["--", "go"]);
    let mut exchange = server.prompt();
    exchange.begin_events();
    let step = Duration::from_secs(1) / plan.pace;
    let mut due = Instant::now() + step;
    let mut sent = Vec::new();
    let mut before = None;
    // The first two seconds are not counted: a screen that fills costs less than one that scrolls.
    let uncounted = plan.pace * 2;
    for number in 0..uncounted + plan.pace * plan.seconds {
        if number == uncounted {
            before = Some((Instant::now(), cpu_of(pty.pid())));
        }
        let word = format!("w{number:05}");
        let end = if number % 60 == 59 { "\n\n" } else { " " };
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due += step;
        let at = Instant::now();
        exchange.text(0, &format!("{word}{end}"));
        if number >= uncounted {
            sent.push(Sent { at, shows: word });
        }
    }
    let (began, cpu) = before.unwrap();
    let share = (cpu_of(pty.pid()) - cpu).div_f64(began.elapsed().as_secs_f64());
    exchange.finish_reason(0, "stop");
    exchange.done();
    wait_recorded(&pty, |screen| sent.last().is_none_or(|last| stands_on(screen, &last.shows)));
    let times = delays(&pty.recording(), &sent);
    leave(&pty);
    (times, share)
}
