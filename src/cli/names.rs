//! What in the configuration only other floors can check: actions and keys, prompt templates. (`themes`
//! knows the themes.)

use crate::config::{Config, ConfigError};
use crate::keys::{Action, Keymap, KeymapError};
use crate::wire;

/// The default keys, with `[keys]` over them.
///
/// # Errors
/// All that names no action or no key, or does not go together.
pub fn keymap(config: &Config) -> Result<Keymap, Vec<ConfigError>> {
    let mut keymap = Keymap::default();
    let lines = config.keys.iter().map(|line| (line.action.as_str(), line.keys.as_slice()));
    match keymap.rebind(lines) {
        Ok(()) => Ok(keymap),
        Err(wrong) => Err(wrong
            .into_iter()
            .filter_map(|wrong| {
                let place = config.keys.get(wrong.index)?.place.clone();
                Some(ConfigError::new(place, in_words(&wrong.error)))
            })
            .collect()),
    }
}

/// The person's own prompt templates that are none.
pub fn bad_templates(config: &Config) -> impl Iterator<Item = ConfigError> {
    config.templates.iter().filter_map(|own| {
        let wrong = wire::template::check(&own.value).err()?;
        Some(own.error(wrong))
    })
}

/// What is wrong with a line of `[keys]`; its place says which action it is for.
fn in_words(error: &KeymapError) -> String {
    match error {
        KeymapError::Action { nearest, .. } => {
            let near = nearest.map(|near| format!("did you mean `{near}`? "));
            let names: Vec<&str> = Action::ALL.iter().map(|action| action.name()).collect();
            format!("unknown action; {}there are {}", near.unwrap_or_default(), names.join(", "))
        }
        KeymapError::Chord { error, .. } => error.to_string(),
        KeymapError::Syntax(_)
        | KeymapError::Scope(_)
        | KeymapError::Twice { .. }
        | KeymapError::Prefix { .. }
        | KeymapError::Typed { .. }
        | KeymapError::Lost { .. } => error.to_string(),
    }
}
