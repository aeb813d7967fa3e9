//! How each role of text looks: a theme file read into one style a [`Tone`].
//!
//! A theme is resolved for a colour depth once ([`Theme::for_depth`]); after that a style is one array
//! look-up. Without colours (`NO_COLOR`) the roles are told apart by bold, dim, italic, underline and
//! reverse alone. It names roles, never widgets, and reads no files and no environment itself.

mod color;
mod parse;
#[cfg(test)]
mod tests;

use ratatui::style::{Color, Modifier, Style};

pub use color::{ColorDepth, Rgb, contrast};
pub use parse::ThemeError;

use crate::base::{Emphasis, Tone};
use parse::{Paint, Role};

const ROLES: usize = Tone::ALL.len();

const BUILTIN: [(&str, &str); 2] =
    [("dark", include_str!("../../themes/dark.toml")), ("light", include_str!("../../themes/light.toml"))];

/// The background that a theme is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Background {
    /// Light text on dark.
    #[default]
    Dark,
    /// Dark text on light.
    Light,
}

/// One style for every tone, at one colour depth.
#[derive(Clone, Debug)]
pub struct Theme {
    name: String,
    background: Background,
    roles: [Role; ROLES],
    styles: [Style; ROLES],
}

impl Theme {
    /// Reads a theme file; `name` is the theme's name and stands in errors as `name.toml`. Truecolor until
    /// [`Theme::for_depth`] says else.
    pub fn parse(name: &str, toml_text: &str) -> Result<Theme, ThemeError> {
        let (background, roles) = parse::parse(&format!("{name}.toml"), toml_text)?;
        Ok(Self::build(name, background, roles))
    }

    /// A theme that ships with the program.
    pub fn builtin(name: &str) -> Option<Theme> {
        let (name, text) = BUILTIN.iter().find(|(n, _)| *n == name)?;
        Theme::parse(name, text).ok()
    }

    /// The names of the built-in themes.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILTIN.iter().map(|(name, _)| *name)
    }

    /// The same theme in the colours that a terminal of this depth can show.
    pub fn for_depth(mut self, depth: ColorDepth) -> Theme {
        for (index, tone) in Tone::ALL.into_iter().enumerate() {
            self.styles[index] = resolve(tone, self.roles[index], depth);
        }
        self
    }

    /// The style of a piece of text.
    pub fn style(&self, tone: Tone, emphasis: Emphasis) -> Style {
        let mut added = Modifier::empty();
        added.set(Modifier::BOLD, emphasis.bold);
        added.set(Modifier::ITALIC, emphasis.italic);
        added.set(Modifier::UNDERLINED, emphasis.underline);
        added.set(Modifier::CROSSED_OUT, emphasis.strike);
        self.styles[tone as usize].add_modifier(added)
    }

    /// The theme's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The background it is made for.
    pub fn background(&self) -> Background {
        self.background
    }

    fn build(name: &str, background: Background, roles: [Role; ROLES]) -> Theme {
        Theme { name: name.to_owned(), background, roles, styles: [Style::new(); ROLES] }
            .for_depth(ColorDepth::TrueColor)
    }
}

impl Default for Theme {
    /// The built-in dark theme.
    fn default() -> Self {
        // A test proves that every built-in theme parses; should one not, the terminal's own text is readable.
        Theme::builtin("dark")
            .unwrap_or_else(|| Self::build("dark", Background::Dark, [Role::default(); ROLES]))
    }
}

fn resolve(tone: Tone, role: Role, depth: ColorDepth) -> Style {
    if depth == ColorDepth::None {
        return Style::new().add_modifier(role.modifiers | without_colour(tone));
    }
    let fg = match (depth, role.ansi) {
        (ColorDepth::Ansi16, Some(index)) => Some(color::ansi(index)),
        _ => role.fg.map(|paint| at_depth(paint, depth)),
    };
    let mut style = Style::new().add_modifier(role.modifiers);
    style.fg = fg;
    style.bg = role.bg.map(|paint| at_depth(paint, depth));
    style
}

fn at_depth(paint: Paint, depth: ColorDepth) -> Color {
    match paint {
        Paint::Default => Color::Reset,
        Paint::Ansi(index) => color::ansi(index),
        Paint::Rgb(rgb) => rgb.at_depth(depth),
    }
}

/// What tells a role from body text when there are no colours, over what the theme itself asks for.
fn without_colour(tone: Tone) -> Modifier {
    match tone {
        Tone::Text | Tone::Border => Modifier::empty(),
        Tone::Dim | Tone::CodeLabel | Tone::Mark => Modifier::DIM,
        Tone::Accent | Tone::User | Tone::Assistant | Tone::Tool | Tone::Success => Modifier::BOLD,
        Tone::Reasoning => Modifier::DIM.union(Modifier::ITALIC),
        Tone::Error => Modifier::BOLD,
        Tone::Warning => Modifier::BOLD.union(Modifier::UNDERLINED),
        Tone::Heading => Modifier::BOLD.union(Modifier::UNDERLINED),
        Tone::Code => Modifier::BOLD,
        Tone::Link => Modifier::UNDERLINED,
        Tone::Quote => Modifier::ITALIC,
        Tone::Selection => Modifier::REVERSED,
    }
}
