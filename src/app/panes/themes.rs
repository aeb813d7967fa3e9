//! The theme picker: each theme is seen on the whole screen as soon as it is chosen.

use ratatui::layout::Rect;

use super::list::{Edited, List, Row};
use crate::app::fuzzy::{Fuzzy, marked};
use crate::app::layers::Step;
use crate::app::picture::Picture;
use crate::base::sanitize;
use crate::base::tone::{Line, Span, Tone};
use crate::keys::Action;
use crate::theme::{Background, Theme};

/// Dark or light, as the terminal is.
pub const AUTO: &str = "auto";

/// One theme that can be chosen.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Its name, or [`AUTO`].
    pub name: String,
    /// The theme, or what is wrong with its file.
    pub theme: Result<Theme, String>,
}

/// The pane.
#[derive(Debug)]
pub struct Themes {
    list: List,
    choices: Vec<Choice>,
    rows: Vec<Row>,
    /// Which theme each row is.
    shown: Vec<usize>,
    /// What was in force before.
    before: Theme,
}

impl Themes {
    /// The picker over `choices`, with the theme in force chosen.
    pub fn new(choices: Vec<Choice>, before: Theme) -> Self {
        let (list, rows, shown) = (List::default(), Vec::new(), Vec::new());
        let mut themes = Self { list, choices, rows, shown, before };
        themes.filter();
        let name = themes.before.name().to_owned();
        themes.choose(&name);
        themes
    }

    /// Chooses the theme of a name, else the first.
    fn choose(&mut self, name: &str) {
        let named = |index: &usize| self.choices[*index].name == name;
        let at = self.shown.iter().position(named).unwrap_or(0);
        self.list.choose(at, &self.rows);
    }

    /// The choices changed: files were saved, or are gone. What is chosen stays.
    pub fn refresh(&mut self, choices: Vec<Choice>) {
        let name = self.chosen().map(|choice| choice.name.clone()).unwrap_or_default();
        self.choices = choices;
        self.filter();
        self.choose(&name);
    }

    /// The theme that Esc brings back.
    pub fn before(&mut self) -> &mut Theme {
        &mut self.before
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// The line that is typed into.
    pub fn list(&mut self) -> &mut List {
        &mut self.list
    }

    fn chosen(&self) -> Option<&Choice> {
        self.shown.get(self.list.at()).map(|index| &self.choices[*index])
    }

    /// Shows the chosen theme; a broken one shows that of before.
    fn preview(&self) -> Step {
        let theme = self.chosen().and_then(|choice| choice.theme.as_ref().ok());
        Step::Preview(Box::new(theme.unwrap_or(&self.before).clone()))
    }

    /// Carries out an action.
    pub fn act(&mut self, action: Action) -> Step {
        match action {
            Action::Back => Step::Restore(Box::new(self.before.clone())),
            Action::Accept => match self.chosen() {
                Some(Choice { name, theme: Ok(theme) }) => {
                    Step::Theme { name: name.clone(), theme: Box::new(theme.clone()) }
                }
                Some(Choice { theme: Err(_), .. }) | None => Step::Stay,
            },
            action => {
                match self.list.act(action, &self.rows) {
                    Edited::Typed => self.filter(),
                    Edited::Moved => {}
                    Edited::Not => return Step::Stay,
                }
                self.preview()
            }
        }
    }

    /// Takes in typed text.
    pub fn insert(&mut self, text: &str) -> Step {
        self.list.insert_str(text);
        self.filter();
        self.preview()
    }

    /// Chooses the row at a place of the screen.
    pub fn pick(&mut self, place: (u16, u16)) -> bool {
        self.list.pick(place, &self.rows)
    }

    /// Draws the rows.
    pub fn draw(&mut self, area: Rect, buf: &mut Picture, theme: &Theme) {
        self.list.draw(&self.rows, area, buf, theme);
    }

    fn filter(&mut self) {
        let mut fuzzy = Fuzzy::new(self.list.text().trim());
        let matching =
            (0..self.choices.len()).filter(|index| fuzzy.score(&self.choices[*index].name).is_some());
        self.shown = matching.collect();
        self.rows = self.shown.iter().map(|index| row(&self.choices[*index], &mut fuzzy)).collect();
        if self.rows.is_empty() {
            self.rows.push(Row::note(Line::new("no theme matches", Tone::Dim)));
        }
        self.list.choose(0, &self.rows);
    }
}

fn row(choice: &Choice, fuzzy: &mut Fuzzy) -> Row {
    let name = sanitize::clean(&choice.name);
    let mut left = marked(&name, Tone::Text, &fuzzy.marks(&name));
    let right = match &choice.theme {
        Err(why) => {
            left.spans.push(Span::new(format!("  {}", sanitize::clean(why)), Tone::Error));
            Line::default()
        }
        Ok(_) if choice.name == AUTO => Line::new("as the terminal is", Tone::Dim),
        Ok(theme) => Line::new(
            match theme.background() {
                Background::Dark => "dark",
                Background::Light => "light",
            },
            Tone::Dim,
        ),
    };
    Row::item(left, right)
}
