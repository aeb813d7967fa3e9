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
//!
//! The wall time of a run ends when its last byte was read here; the emulator that reads chatui's
//! screen runs on this side and is not in its CPU time.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a measurement that fails, fails

#[cfg(target_os = "linux")]
mod floor;
#[cfg(target_os = "linux")]
#[path = "../tests/support/mod.rs"]
mod support;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("end_to_end reads /proc and process clocks: Linux only");
}

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::time::{Duration, Instant};

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
  --parts LIST      of burst,first,scale,idle (default: all)
  --rounds N        rounds of each part (5)
  --tokens N        tokens of the burst (20000)
  --short N         tokens of the short answer of scale (10000)
  --long N          tokens of the long answer of scale (200000)
  --model NAME      the model to ask (chat)
  --prompt WORD     what is asked is WORD and the number of tokens (long)
  --base-url URL    another server than chatui demo
  --without NAME    leaves out curl, floor or chatui; may be repeated
  --option ARG      a further argument for chatui; may be repeated";

    struct Plan {
        parts: Vec<String>,
        rounds: usize,
        tokens: u64,
        short: u64,
        long: u64,
        model: String,
        prompt: String,
        base_url: Option<String>,
        without: Vec<String>,
        options: Vec<String>,
    }

    impl Plan {
        fn parse(args: &[String]) -> Result<Self, String> {
            let mut plan = Self {
                parts: ["burst", "first", "scale", "idle"].map(String::from).to_vec(),
                rounds: 5,
                tokens: 20_000,
                short: 10_000,
                long: 200_000,
                model: "chat".to_owned(),
                prompt: "long".to_owned(),
                base_url: None,
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
            if plan.has("chatui") {
                costs.entry("chatui").or_default().push(run_chatui(plan, url, &prompt));
            }
        }
        println!("burst: {prompt:?}, medians of {} (smallest to largest)", plan.rounds);
        for name in ["curl", "floor", "chatui"] {
            let Some(costs) = costs.get(name) else { continue };
            let wall: Vec<Duration> = costs.iter().map(|cost| cost.wall).collect();
            let cpu: Vec<Duration> = costs.iter().map(|cost| cost.cpu).collect();
            println!("  {name:<7} wall {}   cpu {}", spread(&wall), spread(&cpu));
        }
        let of = |name: &str, what: fn(&Cost) -> Duration| {
            let costs: Vec<Duration> = costs.get(name)?.iter().map(what).collect();
            Some(median(&costs).as_secs_f64())
        };
        for other in ["curl", "floor"] {
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

    fn run_chatui(plan: &Plan, url: &str, prompt: &str) -> Cost {
        let home = Home::new();
        let start = Instant::now();
        let pty = start_chatui(plan, &home, url, Some(prompt));
        let end = wait_complete(&pty);
        let cpu = cpu_of(pty.pid());
        leave(&pty);
        Cost { wall: end - start, cpu }
    }

    fn start_chatui(plan: &Plan, home: &Home, url: &str, prompt: Option<&str>) -> Pty {
        let mut args = vec!["--base-url", url, "--dialect", "openai-chat", "-m", &plan.model];
        args.extend(plan.options.iter().map(String::as_str));
        args.extend(prompt.into_iter().flat_map(|prompt| ["--", prompt]));
        Pty::start(home, Options::chatui(&args).size(COLS, ROWS))
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
        let mut times = Vec::new();
        let mut costs = Vec::new();
        // The first start reads the binary from disk: it is not counted.
        for round in 0..=plan.rounds {
            let home = Home::new();
            let start = Instant::now();
            let pty = start_chatui(plan, &home, url, None);
            let shown = pty.wait_for_bytes(INPUT_MARK.as_bytes());
            let cpu = cpu_of(pty.pid());
            leave(&pty);
            if round > 0 {
                times.push(shown - start);
                costs.push(cpu);
            }
        }
        println!("first frame: wall {}   cpu {}\n", spread(&times), spread(&costs));
    }

    fn scale(plan: &Plan, url: &str) {
        let mut starts = Vec::new();
        let mut answers: [(u64, Vec<Duration>); 2] = [(plan.short, Vec::new()), (plan.long, Vec::new())];
        for _ in 0..plan.rounds {
            starts.push(run_chatui(plan, url, &format!("{} 1", plan.prompt)).cpu);
            for (tokens, costs) in &mut answers {
                costs.push(run_chatui(plan, url, &format!("{} {tokens}", plan.prompt)).cpu);
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
        let pty = start_chatui(plan, &home, url, Some(&format!("{} 200", plan.prompt)));
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

    /// User and system time of all threads of a living process, in nanoseconds' resolution.
    #[allow(unsafe_code)]
    fn cpu_of(pid: u32) -> Duration {
        let mut clock = 0;
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: both calls write to one place each, which outlives them.
        let result = unsafe {
            match libc::clock_getcpuclockid(pid as libc::pid_t, &mut clock) {
                0 => libc::clock_gettime(clock, &mut time),
                error => error,
            }
        };
        assert_eq!(result, 0, "the clock of process {pid} is read");
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    /// How often each thread was put on a processor: the third figure of its `schedstat`.
    fn runs_of(pid: u32) -> BTreeMap<String, u64> {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the process lives");
        let threads = threads.map(|thread| thread.expect("readable").path());
        threads
            .filter_map(|thread| {
                let name = std::fs::read_to_string(thread.join("comm")).ok()?;
                let runs = std::fs::read_to_string(thread.join("schedstat")).ok()?;
                let runs = runs.split_whitespace().nth(2)?.parse().ok()?;
                let id = thread.file_name()?.to_string_lossy().into_owned();
                Some((format!("{} {id}", name.trim()), runs))
            })
            .collect()
    }

    fn median(times: &[Duration]) -> Duration {
        let mut sorted = times.to_vec();
        sorted.sort();
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2 }
    }

    fn spread(times: &[Duration]) -> String {
        let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
        format!("{:8.1} ms ({:.1} to {:.1})", ms(median(times)), ms(*least), ms(*most))
    }

    fn ms(time: Duration) -> f64 {
        time.as_secs_f64() * 1000.0
    }
}
