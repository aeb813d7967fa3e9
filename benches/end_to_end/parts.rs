//! The options, and the parts that run whole programs to an end.

mod figures;
mod latency;
mod sessions;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use figures::{cpu_of, median, ms, runs_of, spread};

use crate::floor;
use crate::support::pty::{Key, Options, Pty, last_row};
use crate::support::{CHATUI, DemoServer, Home};

const COLS: u16 = 120;
const ROWS: u16 = 40;
/// A run that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(300);
/// The sign before the input.
const INPUT_MARK: &str = "›";

const USAGE: &str = "cargo bench --bench end_to_end -- [OPTIONS]
  --parts LIST      of burst,first,scale,idle,key,token,sessions (default: all)
  --rounds N        rounds of each part (5)
  --tokens N        tokens of the burst (20000)
  --short N         tokens of the short answer of scale (10000)
  --long N          tokens of the long answer of scale (200000)
  --keys N          keys a round (100)
  --pace N          tokens a second of token (100)
  --seconds N       how long a round of token is (20)
  --sessions N      sessions of the store of sessions (10000)
  --model NAME      the model to ask (chat)
  --prompt WORD     what is asked is WORD and the number of tokens (long)
  --base-url URL    another server than chatui demo
  --against PATH    another chatui, in turn with this one (burst, first, key, token)
  --without NAME    leaves out curl, floor or chatui; may be repeated
  --option ARG      a further argument for chatui; may be repeated";

struct Plan {
    parts: Vec<String>,
    rounds: usize,
    tokens: u64,
    short: u64,
    long: u64,
    keys: usize,
    pace: u32,
    seconds: u32,
    sessions: usize,
    model: String,
    prompt: String,
    base_url: Option<String>,
    against: Option<String>,
    without: Vec<String>,
    options: Vec<String>,
}

impl Plan {
    fn parse(args: &[String]) -> Result<Self, String> {
        let mut plan = Self {
            parts: ["burst", "first", "scale", "idle", "key", "token", "sessions"].map(String::from).to_vec(),
            rounds: 5,
            tokens: 20_000,
            short: 10_000,
            long: 200_000,
            keys: 100,
            pace: 100,
            seconds: 20,
            sessions: 10_000,
            model: "chat".to_owned(),
            prompt: "long".to_owned(),
            base_url: None,
            against: None,
            without: Vec::new(),
            options: Vec::new(),
        };
        let mut args = args.iter();
        while let Some(name) = args.next() {
            let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
            let number = || value.parse::<u64>().map_err(|_| format!("{name}: {value} is no number"));
            match name.as_str() {
                "--parts" => plan.parts = value.split(',').map(str::to_owned).collect(),
                "--rounds" => plan.rounds = number()? as usize,
                "--tokens" => plan.tokens = number()?,
                "--short" => plan.short = number()?,
                "--long" => plan.long = number()?,
                "--keys" => plan.keys = number()? as usize,
                "--pace" => plan.pace = number()? as u32,
                "--seconds" => plan.seconds = number()? as u32,
                "--sessions" => plan.sessions = number()? as usize,
                "--against" => plan.against = Some(value.clone()),
                "--model" => value.clone_into(&mut plan.model),
                "--prompt" => value.clone_into(&mut plan.prompt),
                "--base-url" => plan.base_url = Some(value.clone()),
                "--without" => plan.without.push(value.clone()),
                "--option" => plan.options.push(value.clone()),
                _ => return Err(format!("{name} is no option")),
            }
        }
        Ok(plan)
    }

    fn has(&self, contestant: &str) -> bool {
        !self.without.iter().any(|without| without == contestant)
    }

    fn this(&self) -> Contestant<'_> {
        Contestant { name: "chatui", program: CHATUI, options: &self.options }
    }

    /// The chatuis that take turns.
    fn contestants(&self) -> Vec<Contestant<'_>> {
        let this = self.has("chatui").then_some(("chatui", CHATUI));
        let other = self.against.as_deref().map(|program| ("other", program));
        let both = this.into_iter().chain(other);
        both.map(|(name, program)| Contestant { name, program, options: &self.options }).collect()
    }
}

/// A chatui.
struct Contestant<'a> {
    name: &'static str,
    program: &'a str,
    options: &'a [String],
}

/// One run.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    cpu: Duration,
}

pub fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    // The floor runs as a process of its own: this binary again.
    if let [word, url, model, prompt] = args.as_slice()
        && word == "floor"
    {
        floor::run(url, model, prompt);
        return;
    }
    if args.iter().any(|arg| arg == "--help") {
        println!("{USAGE}");
        return;
    }
    let plan = match Plan::parse(&args) {
        Ok(plan) => plan,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            std::process::exit(2);
        }
    };
    let home = Home::new();
    let demo = plan.base_url.is_none().then(|| DemoServer::start(&home, &["--tokens-per-second", "0"]));
    let url = plan.base_url.clone().or(demo.as_ref().map(|demo| demo.base_url().to_owned())).unwrap();
    println!("chatui: {CHATUI}\nserver: {url}\nscreen: {COLS}x{ROWS}, {} rounds\n", plan.rounds);
    for part in &plan.parts {
        match part.as_str() {
            "burst" => burst(&plan, &url),
            "first" => first_frame(&plan, &url),
            "scale" => scale(&plan, &url),
            "idle" => idle(&plan, &url),
            "key" => latency::key(&plan),
            "token" => latency::token(&plan),
            "sessions" => sessions::sessions(&plan, &url),
            _ => println!("{part} is no part\n{USAGE}"),
        }
    }
}

// -----------------------------------------------------------------------------------------

fn burst(plan: &Plan, url: &str) {
    let prompt = format!("{} {}", plan.prompt, plan.tokens);
    let mut costs: BTreeMap<&str, Vec<Cost>> = BTreeMap::new();
    for _ in 0..plan.rounds {
        if plan.has("curl") {
            costs.entry("curl").or_default().push(run_curl(plan, url, &prompt));
        }
        if plan.has("floor") {
            costs.entry("floor").or_default().push(run_floor(plan, url, &prompt));
        }
        for contestant in plan.contestants() {
            let cost = run_chatui(plan, &contestant, url, &prompt);
            costs.entry(contestant.name).or_default().push(cost);
        }
    }
    println!("burst: {prompt:?}, medians of {} (smallest to largest)", plan.rounds);
    for name in ["curl", "floor", "chatui", "other"] {
        let Some(costs) = costs.get(name) else { continue };
        let wall: Vec<Duration> = costs.iter().map(|cost| cost.wall).collect();
        let cpu: Vec<Duration> = costs.iter().map(|cost| cost.cpu).collect();
        println!("  {name:<7} wall {}   cpu {}", spread(&wall), spread(&cpu));
    }
    let of = |name: &str, what: fn(&Cost) -> Duration| {
        let costs: Vec<Duration> = costs.get(name)?.iter().map(what).collect();
        Some(median(&costs).as_secs_f64())
    };
    for other in ["curl", "floor", "other"] {
        let wall = of("chatui", |cost| cost.wall).zip(of(other, |cost| cost.wall));
        let cpu = of("chatui", |cost| cost.cpu).zip(of(other, |cost| cost.cpu));
        if let (Some((wall, other_wall)), Some((cpu, other_cpu))) = (wall, cpu) {
            println!("  chatui / {other:<5} wall {:.2}   cpu {:.2}", wall / other_wall, cpu / other_cpu);
        }
    }
    println!();
}

fn run_curl(plan: &Plan, url: &str, prompt: &str) -> Cost {
    let home = Home::new();
    let file = home.path().join("request.json");
    std::fs::write(&file, floor::body(&plan.model, prompt)).unwrap();
    let data = format!("@{}", file.display());
    let target = format!("{url}/chat/completions");
    let args = ["-sSN", "--fail", "-H", "content-type: application/json", "-d", &data, &target];
    run_to_exit(&home, Options::program("curl", &args))
}

fn run_floor(plan: &Plan, url: &str, prompt: &str) -> Cost {
    let this = std::env::current_exe().unwrap();
    let args = ["floor", url, &plan.model, prompt];
    run_to_exit(&Home::new(), Options::program(this.to_str().unwrap(), &args))
}

fn run_to_exit(home: &Home, options: Options) -> Cost {
    let start = Instant::now();
    let pty = Pty::start(home, options.size(COLS, ROWS).drained());
    let exit = pty.wait_exit();
    assert!(exit.status.success(), "a contestant failed: {}", exit.status);
    assert!(pty.written() > 0, "a contestant printed nothing");
    Cost { wall: pty.last_byte_at().unwrap_or(exit.at) - start, cpu: exit.cpu }
}

fn run_chatui(plan: &Plan, contestant: &Contestant<'_>, url: &str, prompt: &str) -> Cost {
    let home = Home::new();
    let start = Instant::now();
    let pty = start_chatui(plan, contestant, &home, url, Some(prompt));
    let end = wait_complete(&pty);
    let cpu = cpu_of(pty.pid());
    leave(&pty);
    Cost { wall: end - start, cpu }
}

fn start_chatui(
    plan: &Plan,
    contestant: &Contestant<'_>,
    home: &Home,
    url: &str,
    prompt: Option<&str>,
) -> Pty {
    let mut more = vec!["-m", &plan.model];
    more.extend(prompt.into_iter().flat_map(|prompt| ["--", prompt]));
    Pty::start(home, options(contestant, url, &more))
}

/// One whose screen is looked at afterwards.
fn start_recorded(contestant: &Contestant<'_>, home: &Home, url: &str, more: &[&str]) -> Pty {
    let mut args = vec!["-m", "chat"];
    args.extend(more);
    Pty::start(home, options(contestant, url, &args).recorded())
}

fn options(contestant: &Contestant<'_>, url: &str, more: &[&str]) -> Options {
    let mut args = vec!["--base-url", url, "--dialect", "openai-chat"];
    args.extend(contestant.options.iter().map(String::as_str));
    args.extend(more);
    Options::program(contestant.program, &args).size(COLS, ROWS)
}

fn wait_complete(pty: &Pty) -> Instant {
    let is_over = |status: &str| {
        ["complete", "failed", "truncated", "cancelled"].iter().any(|word| status.contains(word))
    };
    let end = pty.wait_within(LIMIT, "`complete` in the status bar", |screen| is_over(&last_row(screen)));
    let screen = pty.screen_text();
    assert!(pty.with_screen(last_row).contains("complete"), "the answer did not come whole:\n{screen}");
    end
}

/// The key is pressed until it is heard: one that comes right behind the first frame may be taken
/// for a part of the terminal's answer.
fn leave(pty: &Pty) {
    while pty.is_running() {
        pty.key(Key::Ctrl('d'));
        std::thread::sleep(Duration::from_millis(50));
    }
    let exit = pty.wait_exit();
    assert!(exit.status.success(), "chatui left with {}", exit.status);
}

// -----------------------------------------------------------------------------------------

fn first_frame(plan: &Plan, url: &str) {
    let mut times: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let mut costs: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    // The first start reads the binary from disk: it is not counted.
    for round in 0..=plan.rounds {
        for contestant in plan.contestants() {
            let home = Home::new();
            let start = Instant::now();
            let pty = start_chatui(plan, &contestant, &home, url, None);
            let shown = pty.wait_for_bytes(INPUT_MARK.as_bytes());
            let cpu = cpu_of(pty.pid());
            leave(&pty);
            if round > 0 {
                times.entry(contestant.name).or_default().push(shown - start);
                costs.entry(contestant.name).or_default().push(cpu);
            }
        }
    }
    for (name, times) in &times {
        println!("first frame: {name:<7} wall {}   cpu {}", spread(times), spread(&costs[name]));
    }
    println!();
}

fn scale(plan: &Plan, url: &str) {
    let chatui = plan.this();
    let mut starts = Vec::new();
    let mut answers: [(u64, Vec<Duration>); 2] = [(plan.short, Vec::new()), (plan.long, Vec::new())];
    for _ in 0..plan.rounds {
        starts.push(run_chatui(plan, &chatui, url, &format!("{} 1", plan.prompt)).cpu);
        for (tokens, costs) in &mut answers {
            costs.push(run_chatui(plan, &chatui, url, &format!("{} {tokens}", plan.prompt)).cpu);
        }
    }
    let start = median(&starts);
    println!("scale: CPU a token, less the start and an answer of one token ({:.1} ms)", ms(start));
    let each = answers.map(|(tokens, costs)| {
        let cost = median(&costs).saturating_sub(start).as_secs_f64() * 1e6 / tokens as f64;
        println!("  {tokens:>7} tokens   {cost:.3} us a token   (cpu {})", spread(&costs));
        cost
    });
    println!("  long / short {:.2}\n", each[1] / each[0]);
}

fn idle(plan: &Plan, url: &str) {
    let home = Home::new();
    let pty = start_chatui(plan, &plan.this(), &home, url, Some(&format!("{} 200", plan.prompt)));
    wait_complete(&pty);
    std::thread::sleep(Duration::from_secs(2));
    let (before, written) = (runs_of(pty.pid()), pty.written());
    std::thread::sleep(Duration::from_secs(10));
    let (after, now_written) = (runs_of(pty.pid()), pty.written());
    let woken = |(thread, runs): (&String, &u64)| {
        let more = runs - before.get(thread).copied().unwrap_or(0);
        (more > 0).then(|| format!("{thread}: {more}"))
    };
    let woken: Vec<String> = after.iter().filter_map(woken).collect();
    println!("idle for 10 s: {} threads, {} bytes written", after.len(), now_written - written);
    if woken.is_empty() && after.len() == before.len() {
        println!("  no thread was scheduled\n");
    } else {
        println!("  scheduled: {} (threads before: {})\n", woken.join(", "), before.len());
    }
    leave(&pty);
}

// -----------------------------------------------------------------------------------------
