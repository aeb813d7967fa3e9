//! Keys that are fetched when a provider is first used: a program of the user's prints them, or the system's
//! keyring holds them.
//!
//! A key is kept for as long as the program runs, and fetched again once where a server refuses it. The
//! program gets no shell, no input and no terminal ([`program`]), and 30 s. The keyring is asked through the system's own tool
//! (`secret-tool`, on macOS `security`): a library for it would bring some sixty crates.

use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::program::{self, Output, Trouble};
use crate::base::{Secret, Secrets, width};
use crate::chat::Provider;
use crate::chat::error::AttemptError;
use crate::chat::provider::{KeyFrom, section};
use crate::config;

/// How long a program may take.
const LIMIT: Duration = Duration::from_secs(30);
/// Columns of a program's last words that are told.
const LAST_WORDS: usize = 200;
/// What `security` ends with where the keyring has no such item.
const NOT_IN_KEYCHAIN: i32 = 44;

/// The keys that were fetched.
#[derive(Debug, Default)]
pub(super) struct Keys {
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    fetched: Mutex<Vec<Secret>>,
    count: AtomicUsize,
    ended: watch::Sender<()>,
}

/// The key of one provider.
#[derive(Debug, Default)]
struct Slot {
    /// Who fetches it holds the lock, so that others wait for it.
    key: tokio::sync::Mutex<Option<Secret>>,
    /// How often it was fetched, or was to be.
    fetches: AtomicUsize,
}

/// How often a provider's key had been fetched when a request went out with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetches(usize);

/// Tells of the end of a fetch, however it comes.
struct Told<'k>(&'k watch::Sender<()>);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.0.send_replace(());
    }
}

impl Keys {
    /// The key of a provider whose key is fetched; `None` for others.
    pub(super) async fn key(&self, provider: &Provider) -> Result<Option<Secret>, AttemptError> {
        if provider.key_from == KeyFrom::Given {
            return Ok(None);
        }
        let slot = self.slot(provider);
        let mut key = slot.key.lock().await;
        if key.is_none() {
            *key = Some(self.fetch(provider, &slot).await?);
        }
        Ok(key.clone())
    }

    /// How often the key of a provider was fetched so far.
    pub(super) fn fetches(&self, provider: &Provider) -> Fetches {
        Fetches(self.slot(provider).fetches.load(Ordering::Acquire))
    }

    /// Another key in place of the one that a server refused, with which it was asked `since`; `None` where
    /// there is none. Of requests that went out side by side only one has it fetched anew.
    pub(super) async fn renewed(
        &self,
        provider: &Provider,
        since: Fetches,
    ) -> Result<Option<Secret>, AttemptError> {
        if provider.key_from == KeyFrom::Given {
            return Ok(None);
        }
        let slot = self.slot(provider);
        let mut key = slot.key.lock().await;
        if *key == provider.key && self.fetches(provider) == since {
            *key = Some(self.fetch(provider, &slot).await?);
        }
        Ok(key.clone().filter(|key| Some(key) != provider.key.as_ref()))
    }

    /// Hears of each fetch that ended, whatever came of it: its program may have been at the terminal.
    pub(super) fn ended(&self) -> watch::Receiver<()> {
        self.ended.subscribe()
    }

    /// How many were fetched so far.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Adds what was fetched so far.
    pub(super) fn add_to(&self, secrets: &mut Secrets) {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|key| secrets.add(key));
    }

    fn slot(&self, provider: &Provider) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(provider.name.clone()).or_default())
    }

    async fn fetch(&self, provider: &Provider, slot: &Slot) -> Result<Secret, AttemptError> {
        slot.fetches.fetch_add(1, Ordering::AcqRel);
        let _told = Told(&self.ended);
        let name = &provider.name;
        let key = match &provider.key_from {
            KeyFrom::Command(words) => of_command(name, words, program::run(words, LIMIT).await),
            KeyFrom::Keyring => {
                let words = keyring_words(name);
                of_keyring(name, &words, program::run(&words, LIMIT).await)
            }
            KeyFrom::Given => Err(no_key(format!("no key is fetched for {name}"), String::new())),
        }?;
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner).push(key.clone());
        self.count.fetch_add(1, Ordering::Release);
        Ok(key)
    }
}

fn of_command(
    provider: &str,
    words: &[String],
    ran: Result<Output, Trouble>,
) -> Result<Secret, AttemptError> {
    // Of the command only its name is told: its arguments may be secret.
    let what = format!("the command `{}` for the key of {provider}", program(words));
    let setting = format!("api_key_command in {}", section(provider));
    let output = ran.map_err(|trouble| match trouble {
        Trouble::NotFound => {
            no_key(format!("{what} is not there"), format!("Check {setting}, or install the program."))
        }
        Trouble::NotRun(error) => {
            no_key(format!("{what} cannot be run: {error}"), format!("Check {setting}."))
        }
        Trouble::TooSlow => no_key(
            format!("{what} did not end within {} s", LIMIT.as_secs()),
            format!("It must not ask for anything: it has no input. Check {setting}."),
        ),
        Trouble::AsksTerminal => no_key(
            format!("{what} asks the terminal, which is not its own, and was ended"),
            format!("It must not ask for anything here: unlock what it reads first. Check {setting}."),
        ),
    })?;
    if let Some(status) = failed(&output) {
        let mut message = format!("{what} ended with {}", ending(status));
        let last = last_words(&output);
        if !last.is_empty() {
            message.push_str(&format!(": {last}"));
        }
        return Err(no_key(message, format!("Run it in a shell to see why; it is {setting}.")));
    }
    first_line(&output).map_err(|why| {
        no_key(format!("what {what} printed is no key: {why}"), "Its first line is the key.".to_owned())
    })
}

/// The tool that asks the keyring.
fn keyring_words(provider: &str) -> Vec<String> {
    let words: [&str; 7] = if cfg!(target_os = "macos") {
        ["security", "find-generic-password", "-s", "chatui", "-a", provider, "-w"]
    } else {
        ["secret-tool", "lookup", "service", "chatui", "account", provider, ""]
    };
    words.into_iter().filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn of_keyring(
    provider: &str,
    words: &[String],
    ran: Result<Output, Trouble>,
) -> Result<Secret, AttemptError> {
    let tool = program(words);
    let what = format!("the keyring cannot be asked for the key of {provider}");
    let instead = "use api_key_command or api_key_env instead";
    let output = ran.map_err(|trouble| match trouble {
        Trouble::NotFound => no_key(
            format!("{what}: {tool} is not installed"),
            format!("Install it (Debian and Ubuntu: libsecret-tools, others: libsecret), or {instead}."),
        ),
        Trouble::NotRun(error) => no_key(format!("{what}: {tool}: {error}"), format!("Or {instead}.")),
        Trouble::TooSlow => no_key(
            format!("{what}: {tool} did not end within {} s", LIMIT.as_secs()),
            format!("The keyring may be locked: unlock it, or {instead}."),
        ),
        Trouble::AsksTerminal => no_key(
            format!("{what}: {tool} asks the terminal, which is not its own, and was ended"),
            format!("The keyring may be locked: unlock it, or {instead}."),
        ),
    })?;
    let Some(status) = failed(&output) else {
        return first_line(&output).map_err(|why| {
            no_key(format!("the keyring's key of {provider} is none: {why}"), store_hint(provider))
        });
    };
    let last = last_words(&output);
    if last.is_empty() || status.code() == Some(NOT_IN_KEYCHAIN) {
        return Err(no_key(format!("the keyring holds no key of {provider}"), store_hint(provider)));
    }
    Err(no_key(
        format!("{what}: {tool} ended with {}: {last}", ending(status)),
        format!("A secret service must run (GNOME Keyring, KWallet, KeePassXC); without one {instead}."),
    ))
}

/// How to put a key into the keyring.
fn store_hint(provider: &str) -> String {
    if cfg!(target_os = "macos") {
        format!("Store it: security add-generic-password -s chatui -a {provider} -w")
    } else {
        format!("Store it: secret-tool store --label=\"chatui {provider}\" service chatui account {provider}")
    }
}

fn no_key(message: String, hint: String) -> AttemptError {
    AttemptError::NoKey { message, hint }
}

fn program(words: &[String]) -> &str {
    words.first().map_or("", String::as_str)
}

/// The key: the first line, less white space around it.
fn first_line(output: &Output) -> Result<Secret, String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().unwrap_or_default();
    if line.trim().is_empty() {
        return Err("its first line is empty".to_owned());
    }
    config::key(line)
}

/// The last line that is not empty of what a program said beside its output; what it printed is no business
/// of an error message.
fn last_words(output: &Output) -> String {
    let mut secrets = Secrets::default();
    String::from_utf8_lossy(&output.stdout).lines().for_each(|line| secrets.add(&Secret::new(line)));
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let last = secrets.redact(last);
    width::truncate(&last, LAST_WORDS).into_owned()
}

/// How a program ended that failed.
fn failed(output: &Output) -> Option<ExitStatus> {
    output.status.filter(|status| !status.success())
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no exit status".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    async fn printed(script: &str) -> Result<Secret, (String, String)> {
        let words = shell(script);
        of_command("lab", &words, program::run(&words, LIMIT).await).map_err(words_of)
    }

    fn words_of(error: AttemptError) -> (String, String) {
        match error {
            AttemptError::NoKey { message, hint } => (message, hint),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_first_line_is_the_key() {
        for script in
            ["echo ' sk-1 '", "printf 'sk-1\\r\\nlogin: me\\n'", "printf sk-1", "echo sk-1; echo oh >&2"]
        {
            assert_eq!(printed(script).await.map(|key| key.expose().to_owned()), Ok("sk-1".to_owned()));
        }
    }

    #[tokio::test]
    async fn a_failing_command_is_told_with_its_last_words_and_no_secret() {
        let (message, hint) =
            printed("echo one >&2; echo 'no such entry' >&2; echo >&2; exit 3").await.unwrap_err();
        assert_eq!(message, "the command `sh` for the key of lab ended with exit status 3: no such entry");
        assert!(hint.contains("[providers.lab]"), "{hint}");
        let (message, _) = printed("echo sk-secret; echo bad sk-secret >&2; exit 1").await.unwrap_err();
        assert!(message.ends_with("bad ***"), "{message}");
        assert!(printed("kill -9 $$").await.unwrap_err().0.ends_with("signal 9"));
        for (script, why) in [("true", "is empty"), ("echo", "is empty"), ("echo sk 1", "holds a blank")] {
            let (message, _) = printed(script).await.unwrap_err();
            assert!(message.contains("no key") && message.contains(why), "{message}");
            assert!(!message.contains("sk 1"));
        }
        assert!(printed("read x || echo sk-1").await.is_ok(), "there is no input to wait for");
        let words = ["chatui-no-such-program".to_owned()];
        let (message, _) =
            words_of(of_command("lab", &words, program::run(&words, LIMIT).await).unwrap_err());
        assert!(message.ends_with("is not there"), "{message}");
    }

    #[tokio::test]
    async fn a_command_that_waits_or_asks_the_terminal_is_given_up() {
        let given_up = |trouble| words_of(of_command("lab", &shell("x"), Err(trouble)).unwrap_err());
        let (message, hint) = given_up(Trouble::TooSlow);
        assert!(message.contains("did not end within 30 s"), "{message}");
        assert!(hint.contains("no input"), "{hint}");
        let (message, hint) = given_up(Trouble::AsksTerminal);
        assert!(message.contains("`sh` for the key of lab asks the terminal"), "{message}");
        assert!(hint.contains("[providers.lab]"), "{hint}");
    }

    #[tokio::test]
    async fn what_the_keyrings_tool_says_becomes_a_sentence_with_a_cure() {
        let asked = async |script: &str| {
            let words = shell(script);
            of_keyring("lab", &keyring_words("lab"), program::run(&words, LIMIT).await).map_err(words_of)
        };
        assert_eq!(asked("echo sk-1").await.map(|key| key.expose().to_owned()), Ok("sk-1".to_owned()));
        let (message, hint) = asked("exit 1").await.unwrap_err();
        assert_eq!(message, "the keyring holds no key of lab");
        assert!(hint.starts_with("Store it: "), "{hint}");
        let (message, hint) = asked("echo 'Cannot autolaunch D-Bus' >&2; exit 1").await.unwrap_err();
        assert!(message.ends_with("exit status 1: Cannot autolaunch D-Bus"), "{message}");
        assert!(hint.contains("GNOME Keyring"), "{hint}");
        let words = ["chatui-no-such-program".to_owned()];
        let (message, _) = words_of(
            of_keyring("lab", &keyring_words("lab"), program::run(&words, LIMIT).await).unwrap_err(),
        );
        assert!(message.ends_with("is not installed"), "{message}");
    }
}
