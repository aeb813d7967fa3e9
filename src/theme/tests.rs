//! Themes: their files, their colours, their contrast.

use super::*;

const MODIFIERS: Modifier = Modifier::all();

fn rgb_of(color: Option<Color>) -> Option<Rgb> {
    match color? {
        Color::Rgb(r, g, b) => Some(Rgb(r, g, b)),
        Color::Indexed(index) => Some(color::palette(index)),
        _ => None,
    }
}

#[test]
fn tones_index_the_table_in_their_order() {
    for (index, tone) in Tone::ALL.into_iter().enumerate() {
        assert_eq!(tone as usize, index, "{}", tone.name());
    }
}

#[test]
fn builtin_themes_parse_and_name_every_role() {
    for name in Theme::names() {
        let text = BUILTIN.iter().find(|(n, _)| *n == name).unwrap().1;
        Theme::parse(name, text).unwrap();
        for tone in Tone::ALL {
            assert!(text.contains(&format!("\n{} = ", tone.name())), "{name} lacks {}", tone.name());
        }
    }
    assert_eq!(Theme::default().name(), "dark");
    assert!(Theme::builtin("nope").is_none());
}

#[test]
fn text_has_contrast_on_the_backgrounds_it_is_made_for() {
    for depth in [ColorDepth::TrueColor, ColorDepth::Ansi256] {
        for name in Theme::names() {
            let theme = Theme::builtin(name).unwrap().for_depth(depth);
            let grounds = match theme.background() {
                Background::Dark => [Rgb(0, 0, 0), Rgb(0x1e, 0x1e, 0x1e)],
                Background::Light => [Rgb(255, 255, 255), Rgb(0xfa, 0xfa, 0xfa)],
            };
            for tone in Tone::ALL {
                // Frames are no text: WCAG asks 3:1 of them.
                let least = if tone == Tone::Border { 3.0 } else { 4.5 };
                let Some(fg) = rgb_of(theme.style(tone, Emphasis::default()).fg) else {
                    assert_eq!(tone, Tone::Text, "{name}: only body text is the terminal's own");
                    continue;
                };
                for ground in grounds {
                    let got = contrast(fg, ground);
                    assert!(got >= least, "{name} {} {depth:?}: {got:.2} on {ground:?}", tone.name());
                }
            }
        }
    }
}

#[test]
fn contrast_is_wcags() {
    assert!((contrast(Rgb(0, 0, 0), Rgb(255, 255, 255)) - 21.0).abs() < 1e-9);
    assert!((contrast(Rgb(0x76, 0x76, 0x76), Rgb(255, 255, 255)) - 4.54).abs() < 0.01);
}

#[test]
fn body_text_paints_nothing() {
    for name in Theme::names() {
        for depth in [ColorDepth::TrueColor, ColorDepth::Ansi256, ColorDepth::Ansi16, ColorDepth::None] {
            let style = Theme::builtin(name).unwrap().for_depth(depth).style(Tone::Text, Emphasis::default());
            assert_eq!(style, Style::new(), "{name} {depth:?}");
        }
    }
}

#[test]
fn colours_fall_to_the_nearest_of_the_depth() {
    assert_eq!(Rgb(255, 0, 0).at_depth(ColorDepth::TrueColor), Color::Rgb(255, 0, 0));
    assert_eq!(Rgb(255, 0, 0).at_depth(ColorDepth::Ansi256), Color::Indexed(196));
    assert_eq!(Rgb(254, 2, 1).at_depth(ColorDepth::Ansi256), Color::Indexed(196));
    assert_eq!(Rgb(128, 128, 128).at_depth(ColorDepth::Ansi256), Color::Indexed(244));
    assert_eq!(Rgb(0x5f, 0x87, 0xaf).at_depth(ColorDepth::Ansi256), Color::Indexed(67));
    assert_eq!(Rgb(200, 10, 10).at_depth(ColorDepth::Ansi16), Color::Red);
    assert_eq!(Rgb(100, 100, 250).at_depth(ColorDepth::Ansi16), Color::LightBlue);
    assert_eq!(Rgb(130, 130, 130).at_depth(ColorDepth::Ansi16), Color::DarkGray);
}

#[test]
fn sixteen_colours_are_those_the_theme_names() {
    let theme = Theme::parse("t", "[roles]\nerror = { fg = \"#00ff00\", ansi = \"bright-red\" }").unwrap();
    let style = theme.for_depth(ColorDepth::Ansi16).style(Tone::Error, Emphasis::default());
    assert_eq!(style.fg, Some(Color::LightRed));
}

#[test]
fn without_colour_roles_differ_by_attributes_alone() {
    for name in Theme::names() {
        let theme = Theme::builtin(name).unwrap().for_depth(ColorDepth::None);
        let style = |tone| theme.style(tone, Emphasis::default());
        for tone in Tone::ALL {
            assert_eq!((style(tone).fg, style(tone).bg), (None, None), "{name} {}", tone.name());
            if !matches!(tone, Tone::Text | Tone::Border) {
                let added = style(tone).add_modifier & MODIFIERS;
                assert!(!added.is_empty(), "{name} {} looks like text", tone.name());
            }
        }
        assert_ne!(style(Tone::Error), style(Tone::Warning));
        assert_ne!(style(Tone::User), style(Tone::Dim));
        assert_ne!(style(Tone::Reasoning), style(Tone::Quote));
    }
}

#[test]
fn emphasis_comes_over_the_tone() {
    let all = Emphasis { bold: true, italic: true, underline: true, strike: true };
    let style = Theme::default().style(Tone::Code, all);
    let wanted = Modifier::BOLD | Modifier::ITALIC | Modifier::UNDERLINED | Modifier::CROSSED_OUT;
    assert_eq!(style.add_modifier, wanted);
    assert_eq!(style.fg, Some(Color::Rgb(0xd9, 0xc0, 0x8c)));
}

#[test]
fn errors_name_file_line_key_and_cure() {
    let error = |text: &str| Theme::parse("mine", text).unwrap_err().to_string();
    let role = error("background = \"dark\"\n[roles]\nacent = {}\n");
    assert!(role.starts_with("mine.toml:3: unknown role \"acent\"; allowed are text, dim,"), "{role}");
    assert!(role.ends_with("did you mean accent?"), "{role}");
    let colour = error("[roles]\n\nerror = { fg = \"brigth-red\" }\n");
    assert!(colour.starts_with("mine.toml:3: error.fg: not a colour"), "{colour}");
    assert!(colour.ends_with("did you mean \"bright-red\"?"), "{colour}");
    assert!(error("[roles]\ndim = { fg = \"#12345\" }").contains("dim.fg"));
    assert!(error("[roles]\ndim = { fg = \"#+12345\" }").contains("dim.fg"));
    assert!(error("[roles]\ndim = { bolt = true }").ends_with("did you mean bold?"));
    assert!(error("[roles]\ndim = { bold = 1 }").contains("dim.bold: allowed are true and false"));
    assert!(error("[roles]\ndim = 3").starts_with("mine.toml:2: dim: must be a table"));
    assert!(error("background = \"grey\"").contains("allowed are \"dark\" and \"light\""));
    assert!(error("colours = 1").contains("unknown key \"colours\""));
    assert!(error("a = \n").starts_with("mine.toml:1: "));
}

#[test]
fn depth_is_what_the_environment_says() {
    let detect = |vars: &[(&str, &str)]| {
        ColorDepth::detect(|name| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    };
    assert_eq!(detect(&[("COLORTERM", "truecolor"), ("NO_COLOR", "1")]), ColorDepth::None);
    assert_eq!(detect(&[("COLORTERM", "truecolor"), ("NO_COLOR", "")]), ColorDepth::TrueColor);
    assert_eq!(detect(&[("TERM", "xterm-256color")]), ColorDepth::Ansi256);
    assert_eq!(detect(&[("TERM", "xterm-kitty")]), ColorDepth::TrueColor);
    assert_eq!(detect(&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "iTerm.app")]), ColorDepth::TrueColor);
    assert_eq!(
        detect(&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "Apple_Terminal")]),
        ColorDepth::Ansi256
    );
    assert_eq!(detect(&[("TERM", "screen-256color"), ("COLORTERM", "truecolor")]), ColorDepth::Ansi256);
    assert_eq!(
        detect(&[("TERM", "screen-256color"), ("COLORTERM", "truecolor"), ("TMUX", "/tmp/t")]),
        ColorDepth::TrueColor
    );
    assert_eq!(detect(&[("TERM", "linux")]), ColorDepth::Ansi16);
    assert_eq!(detect(&[("TERM", "dumb"), ("COLORTERM", "truecolor")]), ColorDepth::None);
    assert_eq!(detect(&[]), ColorDepth::Ansi16);
}
