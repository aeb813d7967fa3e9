//! Colours: the depth a terminal offers, the nearest colour at a lower depth, and contrast.
//!
//! The nearest colour is searched in Oklab, where distance is close to what the eye sees. The first 16 of
//! the 256 colours are left out of that search: users recolour them, the cube and the greys stay.

use ratatui::style::Color;

/// How many colours the terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ColorDepth {
    /// 24 bits.
    TrueColor,
    /// The xterm palette.
    Ansi256,
    /// The eight colours and their bright twins.
    #[default]
    Ansi16,
    /// None at all: `NO_COLOR`, or a dumb terminal.
    None,
}

/// Terminals that show 24 bits but do not always say so in `COLORTERM` (it is not passed on by ssh).
const TRUECOLOR_TERMS: [&str; 8] =
    ["xterm-kitty", "xterm-ghostty", "alacritty", "wezterm", "foot", "contour", "rio", "iterm"];
const TRUECOLOR_PROGRAMS: [&str; 8] =
    ["iTerm.app", "WezTerm", "ghostty", "vscode", "Hyper", "WarpTerminal", "rio", "Tabby"];

impl ColorDepth {
    /// What the environment tells; `lookup` gives a variable's value.
    pub fn detect(lookup: impl Fn(&str) -> Option<String>) -> ColorDepth {
        let get = |name: &str| lookup(name).unwrap_or_default();
        if !get("NO_COLOR").is_empty() {
            return ColorDepth::None;
        }
        let term = get("TERM");
        let program = get("TERM_PROGRAM");
        if term == "dumb" {
            return ColorDepth::None;
        }
        // GNU screen inherits COLORTERM and garbles 24-bit colours; tmux translates them.
        let inside_tmux = program == "tmux" || !get("TMUX").is_empty();
        if term.starts_with("screen") && !inside_tmux {
            return if term.contains("256color") { ColorDepth::Ansi256 } else { ColorDepth::Ansi16 };
        }
        if matches!(get("COLORTERM").as_str(), "truecolor" | "24bit")
            || term.ends_with("-direct")
            || term.contains("truecolor")
            || TRUECOLOR_TERMS.iter().any(|known| term.starts_with(known))
            || TRUECOLOR_PROGRAMS.contains(&program.as_str())
        {
            return ColorDepth::TrueColor;
        }
        if term.contains("256color") || program == "Apple_Terminal" || inside_tmux {
            return ColorDepth::Ansi256;
        }
        ColorDepth::Ansi16
    }
}

/// A colour of 24 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

/// The names of the sixteen colours in theme files, by their index.
pub(super) const ANSI_NAMES: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "bright-black",
    "bright-red",
    "bright-green",
    "bright-yellow",
    "bright-blue",
    "bright-magenta",
    "bright-cyan",
    "bright-white",
];

/// xterm's values of the sixteen colours.
const ANSI_RGB: [Rgb; 16] = [
    Rgb(0, 0, 0),
    Rgb(205, 0, 0),
    Rgb(0, 205, 0),
    Rgb(205, 205, 0),
    Rgb(0, 0, 238),
    Rgb(205, 0, 205),
    Rgb(0, 205, 205),
    Rgb(229, 229, 229),
    Rgb(127, 127, 127),
    Rgb(255, 0, 0),
    Rgb(0, 255, 0),
    Rgb(255, 255, 0),
    Rgb(92, 92, 255),
    Rgb(255, 0, 255),
    Rgb(0, 255, 255),
    Rgb(255, 255, 255),
];

/// ratatui's colour of an index under 16.
pub(super) fn ansi(index: u8) -> Color {
    match index {
        0 => Color::Black,
        1 => Color::Red,
        2 => Color::Green,
        3 => Color::Yellow,
        4 => Color::Blue,
        5 => Color::Magenta,
        6 => Color::Cyan,
        7 => Color::Gray,
        8 => Color::DarkGray,
        9 => Color::LightRed,
        10 => Color::LightGreen,
        11 => Color::LightYellow,
        12 => Color::LightBlue,
        13 => Color::LightMagenta,
        14 => Color::LightCyan,
        15 => Color::White,
        other => Color::Indexed(other),
    }
}

impl Rgb {
    /// `#rrggbb` or `#rgb`.
    pub fn parse(text: &str) -> Option<Rgb> {
        let hex = text.strip_prefix('#')?;
        if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let value = u32::from_str_radix(hex, 16).ok()?;
        let part = |shift: u32, mask: u32| ((value >> shift) & mask) as u8;
        match hex.len() {
            6 => Some(Rgb(part(16, 255), part(8, 255), part(0, 255))),
            3 => Some(Rgb(part(8, 15) * 17, part(4, 15) * 17, part(0, 15) * 17)),
            _ => None,
        }
    }

    /// The nearest colour that this depth can show.
    pub fn at_depth(self, depth: ColorDepth) -> Color {
        match depth {
            ColorDepth::TrueColor => Color::Rgb(self.0, self.1, self.2),
            ColorDepth::Ansi256 => Color::Indexed(self.nearest((16..=255).map(|i| (i, palette(i))))),
            ColorDepth::Ansi16 => ansi(self.nearest((0..16).map(|i| (i, palette(i))))),
            ColorDepth::None => Color::Reset,
        }
    }

    fn nearest(self, candidates: impl Iterator<Item = (u8, Rgb)>) -> u8 {
        let wanted = self.oklab();
        let distance = |rgb: Rgb| -> f64 {
            let got = rgb.oklab();
            (0..3).map(|i| (wanted[i] - got[i]).powi(2)).sum()
        };
        candidates
            .map(|(index, rgb)| (index, distance(rgb)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map_or(7, |(index, _)| index)
    }

    /// Björn Ottosson's Oklab.
    fn oklab(self) -> [f64; 3] {
        let [r, g, b] = self.linear();
        let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
        let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
        let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
        [
            0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
            1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
            0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
        ]
    }

    /// WCAG's relative luminance, 0 to 1.
    pub fn luminance(self) -> f64 {
        let [r, g, b] = self.linear();
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    fn linear(self) -> [f64; 3] {
        [self.0, self.1, self.2].map(|part| {
            let c = f64::from(part) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        })
    }
}

/// The xterm palette.
pub(super) fn palette(index: u8) -> Rgb {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match index {
        0..16 => ANSI_RGB[usize::from(index)],
        16..232 => {
            let i = usize::from(index - 16);
            Rgb(LEVELS[i / 36], LEVELS[i / 6 % 6], LEVELS[i % 6])
        }
        232..=255 => {
            let grey = 8 + 10 * (index - 232);
            Rgb(grey, grey, grey)
        }
    }
}

/// WCAG's contrast ratio, 1 to 21.
pub fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (a.luminance(), b.luminance());
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}
