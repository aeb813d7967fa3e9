//! What chatui remembers between runs beside sessions: stars, recent models, the theme.

/// The most recent models that are kept.
pub const MOST_RECENT: usize = 20;
/// The most stars that are kept, a bound on a damaged file.
pub const MOST_STARS: usize = 1000;
/// The most bytes of one name.
const MOST_BYTES: usize = 512;

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// `provider:model`, in the order they were starred.
    pub stars: Vec<String>,
    /// `provider:model`, the newest first.
    pub recent: Vec<String>,
    /// The theme that was chosen in the picker; `None`: that of the configuration.
    pub theme: Option<String>,
}

/// One change to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A model is starred.
    Star(String),
    /// It is no longer.
    Unstar(String),
    /// A prompt went to this model.
    Used(String),
    /// A theme was chosen.
    Theme(String),
}

impl Remembered {
    /// Makes the change. A name that cannot be one (empty, very long, with control characters) changes
    /// nothing.
    pub fn apply(&mut self, change: &Change) {
        let (Change::Star(name) | Change::Unstar(name) | Change::Used(name) | Change::Theme(name)) = change;
        if !is_name(name) {
            return;
        }
        match change {
            Change::Star(name) if self.is_starred(name) => {}
            Change::Star(name) => self.stars.push(name.clone()),
            Change::Unstar(name) => self.stars.retain(|star| star != name),
            Change::Used(name) => {
                self.recent.retain(|used| used != name);
                self.recent.insert(0, name.clone());
            }
            Change::Theme(name) => self.theme = Some(name.clone()),
        }
        self.stars.truncate(MOST_STARS);
        self.recent.truncate(MOST_RECENT);
    }

    /// Whether `provider:model` has a star.
    pub fn is_starred(&self, model: &str) -> bool {
        self.stars.iter().any(|star| star == model)
    }
}

/// Whether a text may be remembered as a name.
pub fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MOST_BYTES && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_first_and_each_model_stands_once() {
        let mut remembered = Remembered::default();
        for at in 0..30 {
            remembered.apply(&Change::Used(format!("lab:m{at}")));
        }
        remembered.apply(&Change::Used("lab:m15".into()));
        assert_eq!(remembered.recent.len(), MOST_RECENT);
        assert_eq!(remembered.recent[..3], ["lab:m15", "lab:m29", "lab:m28"]);
        assert_eq!(remembered.recent.iter().filter(|m| *m == "lab:m15").count(), 1);
    }

    #[test]
    fn stars_are_set_once_and_taken_away() {
        let mut remembered = Remembered::default();
        for change in [
            Change::Star("lab:a".into()),
            Change::Star("lab:a".into()),
            Change::Star("lab:b".into()),
            Change::Star("\u{1b}[2J".into()),
            Change::Unstar("lab:a".into()),
            Change::Theme("nord".into()),
        ] {
            remembered.apply(&change);
        }
        assert_eq!(remembered.stars, ["lab:b"]);
        assert!(remembered.is_starred("lab:b") && !remembered.is_starred("lab:a"));
        assert_eq!(remembered.theme.as_deref(), Some("nord"));
    }
}
