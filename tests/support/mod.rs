//! What tests of the real binary share: a home of its own for each test, the program in a pseudo
//! terminal ([`pty`]), the program in pipes ([`Home::ask`], [`pipe`]), its demo server ([`DemoServer`]),
//! and a server that says exactly what the test scripts ([`server`]).
//!
//! Nothing here sleeps: everything waits for a state, with a limit of [`LIMIT`] that fails with what
//! was there instead. The environment is built from nothing, so that no key, proxy or configuration
//! of the desk gets in.

// Each test file takes in all of it and uses a part; a helper that fails is a test that fails.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

pub mod pipe;
pub mod pty;
pub mod server;
pub mod tls;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

/// How long a state is waited for. Reached only by a failing test.
pub const LIMIT: Duration = Duration::from_secs(20);

/// The program under test.
pub const CHATUI: &str = env!("CARGO_BIN_EXE_chatui");

/// The key of [`Home::at`]'s provider.
pub const KEY: &str = "sk-test-4f9a8c7d6e5b4a3c";

/// An empty home folder, and the environment of someone who lives there.
pub struct Home {
    folder: TempDir,
    env: Vec<(String, String)>,
}

impl Home {
    /// A home in which nothing is configured.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("chatui-test-").tempdir().expect("a temporary folder");
        let mut home = Self { folder, env: Vec::new() };
        for (name, place) in [
            ("HOME", home.path().to_owned()),
            ("CHATUI_CONFIG_DIR", home.config_dir()),
            ("CHATUI_DATA_DIR", home.data_dir()),
            ("XDG_STATE_HOME", home.state_dir()),
        ] {
            std::fs::create_dir_all(&place).expect("a folder of the home");
            home.env.push((name.to_owned(), place.to_str().expect("UTF-8").to_owned()));
        }
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
        for (name, value) in [
            ("PATH", path.as_str()),
            ("LANG", "C.UTF-8"),
            ("TZ", "UTC"),
            ("TERM", "xterm-256color"),
            ("COLORTERM", "truecolor"),
        ] {
            home.env.push((name.to_owned(), value.to_owned()));
        }
        home
    }

    /// A home in which the provider `lab` is configured: its model `scripted` at this server, [`KEY`],
    /// short waits between attempts.
    pub fn at(server: &server::Server) -> Self {
        let home = Self::new();
        home.configure(&lab(server, ""));
        home
    }

    /// Sets a variable for what is started from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a variable away.
    pub fn unset(&mut self, name: &str) {
        self.env.retain(|(there, _)| there != name);
    }

    /// Writes `config.toml`.
    pub fn configure(&self, toml: &str) {
        std::fs::write(self.config_dir().join("config.toml"), toml).expect("config.toml is written");
    }

    /// The home folder; programs are started in it.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `CHATUI_CONFIG_DIR`.
    pub fn config_dir(&self) -> PathBuf {
        self.path().join("config")
    }

    /// `CHATUI_DATA_DIR`.
    pub fn data_dir(&self) -> PathBuf {
        self.path().join("data")
    }

    /// `XDG_STATE_HOME`; logs are below `chatui` in it.
    pub fn state_dir(&self) -> PathBuf {
        self.path().join("state")
    }

    /// The whole environment.
    pub fn env(&self) -> &[(String, String)] {
        &self.env
    }

    /// The program with these arguments, to be started by the test itself (several at once, pipes
    /// that are closed early).
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(CHATUI);
        command.args(args).env_clear().envs(self.env.iter().cloned()).current_dir(self.path());
        command.stdin(Stdio::null());
        command
    }

    /// Runs `chatui ARGS…` to its end, with `stdin` as standard input (empty: at its end at once).
    pub fn run(&self, args: &[&str], stdin: &[u8]) -> Output {
        assert_cmd::Command::new(CHATUI)
            .args(args)
            .env_clear()
            .envs(self.env.iter().cloned())
            .current_dir(self.path())
            .write_stdin(stdin)
            .timeout(LIMIT)
            .output()
            .expect("chatui runs and ends in time")
    }

    /// Runs `chatui ARGS…` to its end while `serve` answers.
    pub fn while_serving(&self, args: &[&str], serve: impl FnOnce()) -> Output {
        let running = pipe::Piped::start(self, args);
        serve();
        running.finish()
    }

    /// Runs `chatui ask ARGS…` to its end.
    pub fn ask(&self, args: &[&str], stdin: &[u8]) -> Output {
        let mut all = vec!["ask"];
        all.extend(args);
        self.run(&all, stdin)
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

/// The configuration of [`Home::at`], with further lines (top-level keys first, then tables).
pub fn lab(server: &server::Server, more: &str) -> String {
    format!(
        "{more}\n[retry]\nbase = \"20ms\"\ncap = \"20ms\"\n\n[providers.lab]\nbase_url = \"{}\"\n\
         api_key = \"{KEY}\"\ndefault_model = \"scripted\"\n",
        server.base_url()
    )
}

/// A list of models, as most servers write it.
pub fn list(ids: &[&str]) -> serde_json::Value {
    let data: Vec<_> = ids.iter().map(|id| serde_json::json!({"id": id, "object": "model"})).collect();
    serde_json::json!({"object": "list", "data": data})
}

/// All bytes of all files in a folder, with their names.
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = std::fs::read(&path).expect("a readable file");
            found.push((path, bytes));
        }
    }
    found
}

/// A running `chatui demo`; dropping it ends it.
pub struct DemoServer {
    child: Child,
    base_url: String,
}

impl DemoServer {
    /// Starts it on a free port with further arguments (`--tokens-per-second 0`), and waits for the
    /// line that tells its address.
    pub fn start(home: &Home, args: &[&str]) -> Self {
        let mut all = vec!["demo", "--listen", "127.0.0.1:0"];
        all.extend(args);
        let mut command = home.command(&all);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("chatui demo starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        let (send, line) = mpsc::channel();
        std::thread::spawn(move || {
            let mut text = String::new();
            let _ = lines.read_line(&mut text);
            let _ = send.send(text);
            // Read on, so that it never writes into a closed pipe.
            let _ = std::io::copy(&mut lines, &mut std::io::sink());
        });
        let line = line.recv_timeout(LIMIT).unwrap_or_default();
        let base_url = line.trim().to_owned();
        let server = Self { child, base_url };
        assert!(
            server.base_url.starts_with("http://127.0.0.1:") && server.base_url.ends_with("/v1"),
            "chatui demo printed {line:?}, not its base URL"
        );
        server
    }

    /// The base URL, with `/v1`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }
}

impl Drop for DemoServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Standard output as text.
pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("standard output is UTF-8")
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The exit code; a death by signal fails with standard error shown.
pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{}: {}", output.status, stderr(output)))
}
