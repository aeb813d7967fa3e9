//! What every command needs first: the configuration in force, the folders, the log.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;

use super::args::{Shared, Stop};
use super::exit;
use super::names;
use super::themes::Themes;
use crate::base::Secrets;
use crate::chat::jobs::WhichSession;
use crate::chat::{Provider, Remembered, SessionKind};
use crate::config::{self, Config, ConfigErrors, Inputs, Located, ModelChoice, Paths, Place, SystemSource};
use crate::keys::Keymap;
use crate::runtime::exec::{Places, Policy};
use crate::store::Store;
use crate::theme::ColorDepth;
use crate::turns::Services;
use crate::{demo, files, net};

/// Everything that is in force.
pub struct Setup {
    /// The configuration.
    pub config: Arc<Config>,
    /// The keys, the user's own among them.
    pub keymap: Keymap,
    /// The system prompt, read from its file where it names one.
    pub system: String,
    /// All providers, as turns take them.
    pub providers: Vec<Arc<Provider>>,
    /// All keys and secret headers.
    pub secrets: Arc<Secrets>,
    /// The folder of the session store; `None` with `--no-save` and where there is no home.
    pub data_dir: Option<PathBuf>,
    /// The folder of what is remembered between runs.
    pub state_dir: Option<PathBuf>,
    /// What is remembered.
    pub remembered: Remembered,
    /// Where the log is, if there is one.
    pub log: Option<PathBuf>,
    /// The theme in force, and the person's own.
    pub themes: Themes,
    /// What is odd and was survived.
    pub notices: Vec<String>,
}

pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Setup {
    /// Reads configuration and environment.
    ///
    /// # Errors
    /// Whatever is wrong, as the text and exit code to end with.
    pub fn load(shared: &Shared) -> Result<Self, Stop> {
        let paths = config::paths(&variable);
        let log = start_log(shared.verbose, &paths)?;
        let (file_name, file) = read_config(shared.config.as_deref(), &paths)?;
        let flags = shared.flags();
        let inputs = Inputs { file_name: &file_name, file: file.as_deref(), env: &variable, flags: &flags };
        let config = config::load(inputs).map_err(|errors| refused(&errors))?;
        let own = paths.config_file.as_ref().map(|file| file.with_file_name("themes"));
        let depth = ColorDepth::detect(variable);
        let remembered = paths.state_dir.as_deref().map(files::remembered::load).unwrap_or_default();
        let themes = match (&config.theme, &remembered.theme) {
            (Some(named), _) => Themes::load(Some(named), own, depth),
            // A theme that was chosen once and is no more is no reason to stop.
            (None, Some(chosen)) => {
                let chosen = Located { value: chosen.clone(), place: Place::Flag("--theme".to_owned()) };
                Themes::load(Some(&chosen), own.clone(), depth).or_else(|_| Themes::load(None, own, depth))
            }
            (None, None) => Themes::load(None, own, depth),
        };
        let mut errors = Vec::new();
        let themes = themes.map_err(|error| errors.push(error)).ok();
        let keymap = names::keymap(&config).map_err(|wrong| errors.extend(wrong)).ok();
        errors.extend(names::bad_templates(&config));
        let (Some(themes), Some(keymap), true) = (themes, keymap, errors.is_empty()) else {
            return Err(refused(&ConfigErrors(errors)));
        };
        let system = read_system(&config.system, &file_name)?;
        let mut notices = config.notices.clone();
        let data_dir = match (shared.no_save, shared.data_dir.clone().or(paths.data_dir)) {
            (true, _) => None,
            (false, Some(dir)) => Some(dir),
            (false, None) => {
                notices.push(
                    "no home folder is known: conversations are not saved (name one with --data-dir)".into(),
                );
                None
            }
        };
        Ok(Self {
            keymap,
            system,
            providers: config.providers.iter().cloned().map(Arc::new).collect(),
            secrets: Arc::new(config.secrets.clone()),
            data_dir,
            state_dir: paths.state_dir,
            remembered,
            log,
            themes,
            notices,
            config: Arc::new(config),
        })
    }

    /// The services that turns work with. The store begins to open at once.
    pub fn services(&self) -> Services {
        let store = self.data_dir.as_deref().map(Store::open);
        let pace =
            self.config.provider(config::DEMO).and_then(|i| self.config.providers[i].tokens_per_second);
        Services::new(net::Client::default(), store, demo::Options { tokens_per_second: pace })
    }

    /// The folders of the chat.
    pub fn places(&self) -> Places {
        Places { state_dir: self.state_dir.clone() }
    }

    /// When to try again and how long to wait.
    pub fn policy(&self) -> Policy {
        Policy { retry: self.config.retry, timeouts: self.config.timeouts, secrets: self.secrets.clone() }
    }

    /// The session that `-c` or `-r` names; none with an `-r` that names none.
    ///
    /// # Errors
    /// There is no store to look in.
    pub fn resumed(
        &self,
        shared: &Shared,
        newest: Option<SessionKind>,
    ) -> Result<Option<WhichSession>, Stop> {
        let which = match (shared.resume.as_deref(), shared.go_on) {
            (Some(""), _) => None,
            (Some(id), _) => Some(WhichSession::Prefix(id.to_owned())),
            (None, true) => Some(WhichSession::Newest(newest)),
            (None, false) => return Ok(None),
        };
        if self.data_dir.is_none() {
            let text = "chatui: there is no store to resume a session from (--no-save, or no home folder)";
            return Err(Stop { text: text.to_owned(), code: exit::USAGE });
        }
        Ok(which)
    }

    /// The provider and the model that the full-screen chat begins with; the demo if nothing is
    /// configured.
    pub fn chat_model(&self) -> (Arc<Provider>, Option<String>) {
        match &self.config.choice {
            ModelChoice::Chosen { provider, model } => {
                (self.providers[*provider].clone(), Some(model.clone()))
            }
            ModelChoice::NoModel { provider } => (self.providers[*provider].clone(), None),
            ModelChoice::NothingConfigured => {
                let demo = self.config.provider(config::DEMO).unwrap_or(0);
                (self.providers[demo].clone(), Some(config::DEMO_MODEL.to_owned()))
            }
        }
    }
}

/// An error of the file system, without the system's number.
pub(super) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or_default().to_owned()
}

/// The configuration's name and text. The usual file need not exist; a named one must.
fn read_config(named: Option<&Path>, paths: &Paths) -> Result<(String, Option<String>), Stop> {
    let Some(path) = named.or(paths.config_file.as_deref()) else {
        return Ok(("config.toml".to_owned(), None));
    };
    let name = path.display().to_string();
    match fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok((name, Some(text))),
            Err(error) => {
                let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
                    .iter()
                    .filter(|b| **b == b'\n')
                    .count();
                let text = format!("chatui: {name}:{}: not UTF-8 text", line + 1);
                Err(Stop { text, code: exit::CONFIG })
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => Ok((name, None)),
        Err(error) => {
            Err(Stop::failure(format!("chatui: the configuration {name} cannot be read: {}", words(&error))))
        }
    }
}

fn refused(errors: &ConfigErrors) -> Stop {
    Stop { text: format!("chatui: {errors}"), code: exit::of_config(errors) }
}

fn read_system(source: &SystemSource, config_file: &str) -> Result<String, Stop> {
    let path = match source {
        SystemSource::Text(text) => return Ok(text.clone()),
        SystemSource::FileOfFlag(path) => PathBuf::from(path),
        SystemSource::FileOfConfig(path) => {
            Path::new(config_file).parent().unwrap_or_else(|| Path::new("")).join(path)
        }
    };
    fs::read_to_string(&path).map(|text| text.trim_end_matches(['\n', '\r']).to_owned()).map_err(|error| {
        Stop::failure(format!(
            "chatui: the system prompt {} cannot be read: {}",
            path.display(),
            words(&error)
        ))
    })
}

/// Opens the log where `-v` asks for one: a file, never the screen.
fn start_log(verbose: u8, paths: &Paths) -> Result<Option<PathBuf>, Stop> {
    let level = match verbose {
        0 => return Ok(None),
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let Some(folder) = &paths.state_dir else {
        return Err(Stop::failure(
            "chatui: there is no home folder for the log: set XDG_STATE_HOME".to_owned(),
        ));
    };
    let path = folder.join("chatui.log");
    let failed = |error: io::Error| {
        Stop::failure(format!("chatui: the log {} cannot be written: {error}", path.display()))
    };
    // Like the store, it is nobody else's to read.
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let file = File::options().append(true).create(true).mode(0o600).open(&path).map_err(failed)?;
    // Only our own lines: those of libraries could hold headers, and so keys.
    let ours = filter_fn(move |meta| meta.target().starts_with("chatui") && *meta.level() <= level);
    let lines =
        tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Mutex::new(file)).with_filter(ours);
    // A second call in one process (tests) keeps the first log.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines));
    Ok(Some(path))
}
