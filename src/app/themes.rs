//! The themes that can be chosen: the built-in ones, and the person's own as the runtime tells of them.

use std::collections::BTreeMap;

use super::cmd::Cmd;
use super::layers::Layer;
use super::panes::themes::{AUTO, Choice, Themes};
use super::state::App;
use crate::chat::Change;
use crate::theme::Theme;

/// The person's own themes by name, or what is wrong with them; in the terminal's colours.
#[derive(Clone, Debug, Default)]
pub struct OwnThemes(BTreeMap<String, Result<Theme, String>>);

impl App {
    /// The theme picker.
    pub(super) fn open_themes(&mut self) -> Vec<Cmd> {
        let before = self.settings.theme.clone();
        self.open(Layer::Themes(Box::new(Themes::new(self.choices(), before))));
        Vec::new()
    }

    fn choices(&self) -> Vec<Choice> {
        let auto = Choice { name: AUTO.to_owned(), theme: Ok(self.settings.auto.clone()) };
        let named = self.theme_names().into_iter().map(|name| Choice { theme: self.theme(&name), name });
        std::iter::once(auto).chain(named).collect()
    }

    /// The picker, if it is open. Help may lie over it.
    fn picker(&mut self) -> Option<&mut Themes> {
        self.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::Themes(themes) => Some(themes.as_mut()),
            _ => None,
        })
    }

    /// Takes the theme of this name; it is remembered for the next start.
    pub(super) fn use_theme(&mut self, name: &str, theme: Theme) -> Vec<Cmd> {
        self.settings.theme = theme;
        self.notices.theme = None;
        let named = self.settings.config.theme.as_ref().filter(|named| named.value != name);
        match named {
            Some(named) => {
                let place = &named.place;
                self.tell(format!(
                    "theme {name} for this run · the next start follows {place} ({})",
                    named.value
                ));
            }
            None => self.tell(format!("theme {name}")),
        }
        vec![Cmd::Remember(Change::Theme(name.to_owned()))]
    }

    /// The names of all themes, the built-in ones first. A name may be that of a broken one.
    pub fn theme_names(&self) -> Vec<String> {
        let own = self.themes.0.keys().filter(|own| Theme::names().all(|name| name != own.as_str()));
        Theme::names().map(str::to_owned).chain(own.cloned()).collect()
    }

    /// The theme of this name, in the terminal's colours; the person's own before a built-in one.
    ///
    /// # Errors
    /// Its file is broken: the file, the line and what is wrong. Or there is no such theme.
    pub fn theme(&self, name: &str) -> Result<Theme, String> {
        match self.themes.0.get(name) {
            Some(own) => own.clone(),
            None => {
                Theme::builtin(name).map(|theme| theme.for_depth(self.settings.theme.depth())).ok_or_else(
                    || format!("there is no theme {name}; there are {}", self.theme_names().join(", ")),
                )
            }
        }
    }

    /// A theme's file holds this now. The theme in force follows, and so does one that is seen in the
    /// picker; where its file is no theme any more, the one before stays, and what is wrong is told.
    pub(super) fn theme_file(&mut self, name: String, theme: Result<Theme, String>) {
        let is_seen = name == self.settings.theme.name();
        let before = self.picker().map(Themes::before);
        // While the picker is open, what is seen is only tried.
        let is_in_force = before.as_ref().map_or(is_seen, |before| before.name() == name);
        match &theme {
            Ok(theme) => {
                if let Some(before) = before.filter(|_| is_in_force) {
                    *before = theme.clone();
                }
                if is_in_force {
                    self.notices.theme = None;
                }
                if is_seen {
                    self.settings.theme = theme.clone();
                }
            }
            Err(why) if is_in_force => {
                // It is newer than the answer to a key that may stand there.
                self.notices.passing = None;
                self.notices.theme = Some(why.clone());
            }
            // The picker says it in its row.
            Err(_) => {}
        }
        self.themes.0.insert(name, theme);
        self.refresh_themes();
    }

    fn refresh_themes(&mut self) {
        let choices = self.choices();
        if let Some(picker) = self.picker() {
            picker.refresh(choices);
        }
    }

    /// A theme's file is no more. In force it stays until another is chosen.
    pub(super) fn theme_gone(&mut self, name: &str) {
        self.themes.0.remove(name);
        self.refresh_themes();
    }
}
