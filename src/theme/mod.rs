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
use parse::{Paint, Parsed, Role};

const ROLES: usize = Tone::ALL.len();

const BUILTIN: [(&str, &str); 8] = [
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("catppuccin-mocha", include_str!("../../themes/catppuccin-mocha.toml")),
    ("dracula", include_str!("../../themes/dracula.toml")),
    ("gruvbox", include_str!("../../themes/gruvbox.toml")),
    ("nord", include_str!("../../themes/nord.toml")),
    ("solarized-light", include_str!("../../themes/solarized-light.toml")),
];

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
    parsed: Parsed,
    depth: ColorDepth,
    canvas: Option<Style>,
    styles: [Style; ROLES],
}

impl Theme {
    /// Reads a theme file; `name` is the theme's name and stands in errors as `name.toml`. Truecolor until
    /// [`Theme::for_depth`] says else.
    pub fn parse(name: &str, toml_text: &str) -> Result<Theme, ThemeError> {
        let parsed = parse::parse(&format!("{name}.toml"), toml_text)?;
        Ok(Self::build(name, parsed))
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
        self.depth = depth;
        self.canvas = canvas(&self.parsed, depth);
        let own = self.canvas.unwrap_or_default();
        for (index, tone) in Tone::ALL.into_iter().enumerate() {
            self.styles[index] = resolve(tone, self.parsed.roles[index], depth, own);
        }
        self
    }

    /// Text and background of the whole screen, where the theme paints it: to be filled in before all else.
    pub fn canvas(&self) -> Option<Style> {
        self.canvas
    }

    /// The colour of the cursor, where the screen is painted: the terminal's own may be that of the canvas.
    /// With sixteen colours it is left alone: the terminals that have no more know no such order.
    pub fn cursor(&self) -> Option<Rgb> {
        match self.canvas?.fg? {
            Color::Rgb(r, g, b) => Some(Rgb(r, g, b)),
            Color::Indexed(index) => Some(color::palette(index)),
            _ => None,
        }
    }

    /// Text and background of a pane that floats over others, for after its cells were cleared.
    pub fn popup(&self) -> Style {
        self.canvas.unwrap_or_default().patch(self.style(Tone::Popup, Emphasis::default()))
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
        self.parsed.background
    }

    /// The colours it is resolved for.
    pub fn depth(&self) -> ColorDepth {
        self.depth
    }

    fn build(name: &str, parsed: Parsed) -> Theme {
        let depth = ColorDepth::TrueColor;
        Theme { name: name.to_owned(), parsed, depth, canvas: None, styles: [Style::new(); ROLES] }
            .for_depth(depth)
    }
}

impl Default for Theme {
    /// The built-in dark theme.
    fn default() -> Self {
        // A test proves that every built-in theme parses; should one not, the terminal's own text is readable.
        Theme::builtin("dark").unwrap_or_else(|| Self::build("dark", Parsed::default()))
    }
}

/// Nothing is painted without colours. Sixteen have no shades, and users recolour them: there the canvas is
/// the black or the white that the theme's colours are made for.
fn canvas(parsed: &Parsed, depth: ColorDepth) -> Option<Style> {
    let ground = match (depth, parsed.canvas?, parsed.background) {
        (ColorDepth::None, ..) => return None,
        (ColorDepth::Ansi16, Paint::Rgb(_), Background::Dark) => Color::Black,
        (ColorDepth::Ansi16, Paint::Rgb(_), Background::Light) => Color::White,
        (_, paint, _) => at_depth(paint, depth, None),
    };
    let text = foreground(parsed.roles[Tone::Text as usize], depth, None);
    Some(Style { fg: text, bg: Some(ground), ..Style::new() })
}

/// `own` is what `default` stands for: the canvas, or nothing where the screen is the terminal's own.
fn resolve(tone: Tone, role: Role, depth: ColorDepth, own: Style) -> Style {
    if depth == ColorDepth::None {
        return Style::new().add_modifier(role.modifiers | without_colour(tone));
    }
    let mut style = Style::new().add_modifier(role.modifiers);
    style.fg = foreground(role, depth, own.fg);
    style.bg = match (depth, role.bg) {
        // The nearest of sixteen to a shade is any colour, and what is on it any text.
        (ColorDepth::Ansi16, Some(Paint::Rgb(_))) => None,
        (_, bg) => bg.map(|paint| at_depth(paint, depth, own.bg)),
    };
    // A list whose chosen row looks like the others cannot be used, whatever the theme leaves out.
    if tone == Tone::Selected && style.bg.is_none() {
        style = style.add_modifier(Modifier::REVERSED);
    }
    if tone == Tone::Hit && style == Style::new() {
        style = style.add_modifier(without_colour(tone));
    }
    style
}

fn foreground(role: Role, depth: ColorDepth, own: Option<Color>) -> Option<Color> {
    match (depth, role.ansi) {
        (ColorDepth::Ansi16, Some(index)) => Some(color::ansi(index)),
        _ => role.fg.map(|paint| at_depth(paint, depth, own)),
    }
}

fn at_depth(paint: Paint, depth: ColorDepth, own: Option<Color>) -> Color {
    match paint {
        Paint::Default => own.unwrap_or(Color::Reset),
        Paint::Ansi(index) => color::ansi(index),
        Paint::Rgb(rgb) => rgb.at_depth(depth),
    }
}

/// What tells a role from body text when there are no colours, over what the theme itself asks for.
fn without_colour(tone: Tone) -> Modifier {
    match tone {
        Tone::Text | Tone::Border | Tone::Popup => Modifier::empty(),
        Tone::Dim | Tone::CodeLabel | Tone::Mark => Modifier::DIM,
        Tone::Accent | Tone::User | Tone::Assistant | Tone::Tool | Tone::Success => Modifier::BOLD,
        Tone::Reasoning => Modifier::DIM.union(Modifier::ITALIC),
        Tone::Error => Modifier::BOLD,
        Tone::Warning => Modifier::BOLD.union(Modifier::UNDERLINED),
        Tone::Heading => Modifier::BOLD.union(Modifier::UNDERLINED),
        Tone::Code | Tone::Key => Modifier::BOLD,
        Tone::Link => Modifier::UNDERLINED,
        Tone::Quote => Modifier::ITALIC,
        Tone::Selection | Tone::Selected | Tone::Hit => Modifier::REVERSED,
    }
}
