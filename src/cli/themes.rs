//! Which theme is in force: the named one, or dark or light as the terminal is; the person's own file before
//! a built-in theme of that name.

use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use crate::app::Msg;
use crate::base::sanitize;
use crate::config::{ConfigError, Located, nearest};
use crate::files::themes::{self, AUTO, Change, Watch};
use crate::term::Background;
use crate::theme::{ColorDepth, Theme};

/// The themes of this run.
pub struct Themes {
    choice: Choice,
    dir: Option<PathBuf>,
    depth: ColorDepth,
}

enum Choice {
    Named(Box<Theme>),
    /// By the background; the person's own dark and light, if there are.
    Auto {
        dark: Box<Theme>,
        light: Box<Theme>,
    },
}

impl Themes {
    /// Finds the theme that is named, `dir` being the folder of the person's own.
    ///
    /// # Errors
    /// There is no theme of this name, or its file is broken.
    pub fn load(
        named: Option<&Located<String>>,
        dir: Option<PathBuf>,
        depth: ColorDepth,
    ) -> Result<Self, ConfigError> {
        let choice = match named.filter(|named| named.value != AUTO) {
            Some(named) => Choice::Named(Box::new(find(named, dir.as_deref())?)),
            None => {
                // What is wrong with such a file is told by the watch: nobody named it.
                let usual = |name: &str| match dir.as_deref().and_then(|dir| themes::read(dir, name)) {
                    Some(Ok(own)) => Box::new(own),
                    Some(Err(_)) | None => Box::new(Theme::builtin(name).unwrap_or_default()),
                };
                Choice::Auto { dark: usual("dark"), light: usual("light") }
            }
        };
        Ok(Self { choice, dir, depth })
    }

    /// Whether the theme depends on the terminal's background.
    pub fn ask_background(&self) -> bool {
        matches!(self.choice, Choice::Auto { .. })
    }

    /// The theme, in the terminal's colours.
    pub fn in_force(&self, background: Option<Background>) -> Theme {
        let theme = match (&self.choice, background) {
            (Choice::Named(theme), _) => theme,
            (Choice::Auto { light, .. }, Some(Background::Light)) => light,
            (Choice::Auto { dark, .. }, Some(Background::Dark) | None) => dark,
        };
        Theme::clone(theme).for_depth(self.depth)
    }

    /// The theme that goes with the terminal's background.
    pub fn auto(&self, background: Option<Background>) -> Theme {
        let name = match (&self.choice, background) {
            (Choice::Auto { .. }, _) => return self.in_force(background),
            (Choice::Named(_), Some(Background::Light)) => "light",
            (Choice::Named(_), Some(Background::Dark) | None) => "dark",
        };
        Theme::builtin(name).unwrap_or_default().for_depth(self.depth)
    }

    /// Tells the screen of the person's themes, and anew as they are saved, while the result lives.
    pub fn watch(&self, screen: mpsc::Sender<Msg>) -> Option<Watch> {
        let dir = self.dir.as_deref()?;
        let depth = self.depth;
        let teller = screen.clone();
        let watch = themes::watch(dir, move |change| {
            let msg = match change {
                Change::Saved(theme) => Msg::ThemeSaved(Box::new(theme.for_depth(depth))),
                Change::Broken { name, why } => Msg::ThemeBroken { name, why },
                Change::Gone { name } => Msg::ThemeGone { name },
            };
            // The loop is gone only when the program ends.
            let _ = teller.blocking_send(msg);
        });
        let trouble = match &watch {
            Ok(watch) => watch.trouble(),
            Err(why) => Some(why.as_str()),
        };
        if let Some(why) = trouble {
            tracing::warn!("{why}");
            if let Some(notice) = unwatched(why, dir) {
                let _ = screen.try_send(notice);
            }
        }
        watch.ok()
    }
}

/// What is said where the folder cannot be watched: nothing to who has no themes.
fn unwatched(why: &str, dir: &Path) -> Option<Msg> {
    dir.is_dir().then(|| Msg::Notice(why.to_owned()))
}

fn find(named: &Located<String>, dir: Option<&Path>) -> Result<Theme, ConfigError> {
    let name = named.value.as_str();
    match dir.and_then(|dir| themes::read(dir, name)) {
        Some(own) => return own.map_err(|why| named.error(why)),
        None => {
            if let Some(theme) = Theme::builtin(name) {
                return Ok(theme);
            }
        }
    }
    let own = dir.map(themes::list).unwrap_or_default();
    let mut names: Vec<&str> = [AUTO].into_iter().chain(Theme::names()).collect();
    names.extend(own.iter().map(|(name, _)| name.as_str()).filter(|own| Theme::builtin(own).is_none()));
    let hint = nearest(name, &names).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let name = sanitize::clean(name);
    Err(named.error(format!("there is no theme `{name}`; there are {}{hint}", names.join(", "))))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::base::{Emphasis, Tone};
    use crate::config::Place;

    fn load(name: &str, dir: &Path) -> Result<Themes, ConfigError> {
        let named = Located { value: name.to_owned(), place: Place::Flag("--theme".to_owned()) };
        Themes::load(Some(&named), Some(dir.to_path_buf()), ColorDepth::TrueColor)
    }

    fn dim(themes: &Themes, background: Option<Background>) -> String {
        let theme = themes.in_force(background);
        let fg = theme.style(Tone::Dim, Emphasis::default()).fg.unwrap();
        format!("{} {fg}", theme.name())
    }

    #[test]
    fn the_persons_own_file_wins_over_a_builtin_of_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let own = "[roles]\ndim = { fg = \"#123456\" }";
        for name in ["nord", "light", "sea"] {
            fs::write(dir.path().join(format!("{name}.toml")), own).unwrap();
        }
        assert_eq!(dim(&load("nord", dir.path()).unwrap(), None), "nord #123456");
        assert_eq!(dim(&load("sea", dir.path()).unwrap(), Some(Background::Light)), "sea #123456");
        let auto = load("auto", dir.path()).unwrap();
        assert!(auto.ask_background());
        assert_eq!(dim(&auto, Some(Background::Light)), "light #123456");
        assert_eq!(dim(&auto, Some(Background::Dark)), "dark #9AA3AF");
        assert_eq!(dim(&auto, None), "dark #9AA3AF");
        assert!(!load("dracula", dir.path()).unwrap().ask_background());
    }

    #[test]
    fn that_themes_are_not_watched_is_told_to_who_has_some() {
        let dir = tempfile::tempdir().unwrap();
        let told = unwatched("not reloaded", dir.path());
        assert!(matches!(told, Some(Msg::Notice(why)) if why == "not reloaded"));
        assert!(unwatched("not reloaded", &dir.path().join("themes")).is_none());
    }

    #[test]
    fn what_is_no_theme_is_told_with_what_there_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("sea.toml"), "").unwrap();
        fs::write(dir.path().join("broken.toml"), "roles = 1").unwrap();
        fs::write(dir.path().join("dark.toml"), "roles = 1").unwrap();
        let error = |name: &str| load(name, dir.path()).err().unwrap().to_string();
        let unknown = error("se\x1b");
        assert!(unknown.starts_with("--theme: there is no theme `se␛`; there are auto, dark,"), "{unknown}");
        assert!(unknown.ends_with("nord, solarized-light, broken, sea; did you mean `sea`?"), "{unknown}");
        assert!(error("broken").starts_with("--theme: themes/broken.toml:1: roles: must be a table"));
        // Nobody named this one: the built-in does.
        assert_eq!(dim(&load("auto", dir.path()).unwrap(), None), "dark #9AA3AF");
    }
}
