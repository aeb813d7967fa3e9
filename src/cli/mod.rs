//! The command line: it reads arguments, files and the environment, runs what was asked, and maps how
//! that ended to an exit code.
//!
//! The only floor that reads the environment or names an exit code. Everything a command needs is
//! resolved here first ([`setup`]), so that bad input is told before anything is drawn or sent.

pub mod args;
pub mod ask;
mod attached;
pub mod chat;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod events;
pub mod exit;
pub mod models;
mod names;
mod output;
pub mod request;
pub mod sessions;
pub mod setup;
mod themes;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use args::{Command, Stop};

use crate::base::sanitize;

/// Runs the program; gives its exit code.
pub fn main(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    let code = match args::parse(argv).and_then(run) {
        Ok(code) => code,
        Err(stop) => tell(&stop),
    };
    ExitCode::from(code)
}

fn run(command: Command) -> Result<u8, Stop> {
    match command {
        Command::Chat(shared, words) => chat::run(&shared, &words),
        Command::Ask(shared, ask) => ask::run(&shared, &ask),
        Command::Demo(options) => demo::run(&options),
        Command::Models(options) => models::run(&options),
        Command::Sessions(options) => sessions::run(&options),
        Command::Config(shared, what) => config::run(&shared, what),
        Command::Doctor(shared) => doctor::run(&shared),
    }
}

/// Prints why nothing was run. A reader that is gone is no error.
fn tell(stop: &Stop) -> u8 {
    let text = stop.text.trim_end();
    if stop.code == exit::OK {
        let _ = writeln!(io::stdout(), "{text}");
    } else {
        say(text);
    }
    stop.code
}

/// A line on standard error, or several. Parts of it may come from servers and files. Nobody may read
/// it; then there is nobody to tell.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{}", sanitize::clean_multiline(text));
}

/// The runtime of all commands: one thread, and helpers for name look-ups that end soon after (an
/// idle chat must not be woken by a thread that times out).
fn runtime() -> Result<Tasks, Stop> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_keep_alive(Duration::from_millis(500))
        .build()
        .map(|runtime| Tasks(Some(runtime)))
        .map_err(|error| Stop::failure(format!("chatui: the system gives no event loop: {error}")))
}

/// A runtime whose end waits for no helper: a name server that is silent holds a look-up up for half a
/// minute, and with it would hold up who quits.
struct Tasks(Option<tokio::runtime::Runtime>);

impl Tasks {
    fn runtime(&self) -> Result<&tokio::runtime::Runtime, Stop> {
        self.0.as_ref().ok_or_else(|| Stop::failure("chatui: the event loop has ended".to_owned()))
    }

    /// Runs it to its end.
    fn run<T>(&self, work: impl Future<Output = T>) -> Result<T, Stop> {
        Ok(self.runtime()?.block_on(work))
    }

    /// Calls what needs the runtime and does not wait.
    fn within<T>(&self, call: impl FnOnce() -> T) -> Result<T, Stop> {
        let _entered = self.runtime()?.enter();
        Ok(call())
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A number from the system's randomness.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// Prints to standard output. A reader that is gone has what it wanted.
fn print(text: &str) -> Result<u8, Stop> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Stop::failure(format!("chatui: standard output cannot be written: {error}")))
        }
        _ => Ok(exit::OK),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn the_end_waits_for_no_helper() {
        let (release, held) = mpsc::channel::<()>();
        let (begun, running) = mpsc::channel();
        let (ended, end) = mpsc::channel();
        std::thread::spawn(move || {
            let tasks = runtime().map_err(|stop| stop.text).unwrap();
            let helper = async {
                tokio::task::spawn_blocking(move || {
                    begun.send(()).unwrap();
                    let _ = held.recv();
                });
            };
            tasks.run(helper).map_err(|stop| stop.text).unwrap();
            running.recv().unwrap();
            drop(tasks);
            ended.send(()).unwrap();
        });
        end.recv_timeout(Duration::from_secs(20)).expect("it ends while the helper is held up");
        drop(release);
    }
}
