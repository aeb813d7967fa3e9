//! `chatui config`: where the file is, what is in force, whether it is right, and a file to begin with.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::args::{ConfigWord, Shared, Stop};
use super::setup::{Setup, variable, words};
use super::{exit, print, say};
use crate::base::sanitize;
use crate::config;

/// Every setting, commented out.
const STARTING_FILE: &str = include_str!("../../assets/config.toml");

/// Runs `chatui config`.
///
/// # Errors
/// No home folder, bad configuration, or a file that cannot be written.
pub fn run(shared: &Shared, what: ConfigWord) -> Result<u8, Stop> {
    let file = file(shared)?;
    match what {
        ConfigWord::Path => {
            note_missing(&file);
            print(&format!("{}\n", file.display()))
        }
        ConfigWord::Show => {
            let setup = Setup::load(shared)?;
            note_missing(&file);
            tell(&setup);
            let name = file.display().to_string();
            print(&format!("# {}\n\n{}", sanitize::clean(&name), setup.config.show()))
        }
        ConfigWord::Check => {
            let setup = Setup::load(shared)?;
            note_missing(&file);
            tell(&setup);
            print("ok\n")
        }
        ConfigWord::Init => init(&file),
    }
}

fn tell(setup: &Setup) {
    for notice in setup.notices.iter().chain(&setup.config.other_notices) {
        say(&format!("chatui: {notice}"));
    }
}

/// The file in question; it need not exist.
fn file(shared: &Shared) -> Result<PathBuf, Stop> {
    let usual = || config::paths(&variable).config_file;
    shared.config.clone().or_else(usual).ok_or_else(|| {
        Stop::failure("chatui: no home folder is known: set CHATUI_CONFIG_DIR, or name a file with --config")
    })
}

fn note_missing(file: &Path) {
    if !file.exists() {
        say(&format!("chatui: there is no {} yet (`chatui config init` writes one)", file.display()));
    }
}

/// Writes the starting file, for its owner alone: keys will stand in it.
fn init(file: &Path) -> Result<u8, Stop> {
    let failed = |error: io::Error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return Stop {
                text: format!("chatui: {} is there already; it is left as it is", file.display()),
                code: exit::OTHER,
            };
        }
        Stop::failure(format!("chatui: {} cannot be written: {}", file.display(), words(&error)))
    };
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    let mut open = File::options().write(true).create_new(true).mode(0o600).open(file).map_err(failed)?;
    open.write_all(STARTING_FILE.as_bytes()).and_then(|()| open.sync_all()).map_err(failed)?;
    print(&format!("wrote {}\n", file.display()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::names;
    use super::*;
    use crate::config::{Config, Flags, Inputs};

    fn load(text: &str) -> Config {
        let inputs =
            Inputs { file_name: "config.toml", file: Some(text), env: &|_| None, flags: &Flags::default() };
        let config = config::load(inputs).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
        names::keymap(&config).unwrap_or_else(|wrong| panic!("{wrong:?}"));
        config
    }

    /// A setting has no blank after its comment sign, as prose has.
    fn is_setting(line: &str) -> bool {
        line.strip_prefix('#').is_some_and(|rest| !rest.is_empty() && !rest.starts_with(' '))
    }

    #[test]
    fn the_starting_file_changes_nothing() {
        assert_eq!(load(STARTING_FILE).show(), load("").show());
    }

    #[test]
    fn each_line_of_the_starting_file_can_be_uncommented() {
        let lines: Vec<&str> = STARTING_FILE.lines().collect();
        let settings = || (0..lines.len()).filter(|at| is_setting(lines[*at]));
        assert!(settings().count() > 40);
        for setting in settings() {
            let head = (0..=setting).rev().find(|at| lines[*at].trim_start_matches('#').starts_with('['));
            let is_example = head.is_some_and(|head| is_setting(lines[head]));
            // A line of an example provider needs the provider.
            let of_all = ["#[", "#base_url", "#dialect"];
            let belongs = |line: &str| is_example && of_all.iter().any(|start| line.starts_with(start));
            let text: Vec<&str> = lines
                .iter()
                .enumerate()
                .map(|(at, line)| if at == setting || belongs(line) { &line[1..] } else { line })
                .collect();
            load(&text.join("\n"));
        }
    }

    #[test]
    fn the_starting_file_holds_every_setting_and_all_of_it_together_is_right() {
        let text: Vec<&str> =
            STARTING_FILE.lines().map(|line| if is_setting(line) { &line[1..] } else { line }).collect();
        let text = text.join("\n");
        load(&text);
        let written: BTreeSet<&str> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once('=').map(|(key, _)| key.trim()))
            .chain(text.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']')))
            .collect();
        for key in config::known_keys() {
            let found = written.iter().any(|written| written.split('.').any(|part| part == key));
            assert!(found, "`{key}` is missing");
        }
    }
}
