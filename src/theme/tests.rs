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

/// What roles without a background of their own stand on.
fn grounds(theme: &Theme) -> Vec<Rgb> {
    let popup = rgb_of(theme.style(Tone::Popup, Emphasis::default()).bg);
    let screens = match (theme.canvas(), theme.background()) {
        (Some(canvas), _) => vec![rgb_of(canvas.bg).unwrap()],
        (None, Background::Dark) => vec![Rgb(0, 0, 0), Rgb(0x1e, 0x1e, 0x1e)],
        (None, Background::Light) => vec![Rgb(255, 255, 255), Rgb(0xfa, 0xfa, 0xfa)],
    };
    screens.into_iter().chain(popup).collect()
}

#[test]
fn text_has_contrast_on_the_backgrounds_it_is_made_for() {
    for depth in [ColorDepth::TrueColor, ColorDepth::Ansi256] {
        for name in Theme::names() {
            let theme = Theme::builtin(name).unwrap().for_depth(depth);
            for tone in Tone::ALL {
                let least = match tone {
                    // Grounds are looked at as such.
                    Tone::Popup => continue,
                    // Frames are no text: WCAG asks 3:1 of them.
                    Tone::Border | Tone::Mark => 3.0,
                    _ if name == "high-contrast" => 7.0,
                    _ => 4.5,
                };
                let style = theme.style(tone, Emphasis::default());
                let Some(fg) = rgb_of(style.fg) else {
                    let own = tone == Tone::Text && theme.canvas().is_none();
                    assert!(own, "{name}: only body text is the terminal's own");
                    continue;
                };
                for ground in rgb_of(style.bg).map_or_else(|| grounds(&theme), |bg| vec![bg]) {
                    let got = contrast(fg, ground);
                    assert!(got >= least, "{name} {} {depth:?}: {got:.2} on {ground:?}", tone.name());
                }
            }
        }
    }
}

#[test]
fn sixteen_colours_stay_readable_in_every_builtin_theme() {
    for name in Theme::names() {
        let theme = Theme::builtin(name).unwrap().for_depth(ColorDepth::Ansi16);
        // What no text should have there, by the colours of many terminals. On a black that is painted,
        // a light terminal's own green and yellow are dark.
        let unreadable: &[Color] = match (theme.background(), theme.canvas()) {
            (Background::Dark, None) => &[Color::Black, Color::Blue, Color::DarkGray],
            (Background::Dark, Some(_)) => {
                &[Color::Black, Color::Blue, Color::DarkGray, Color::Green, Color::Yellow, Color::Red]
            }
            (Background::Light, _) => &[
                Color::White,
                Color::Gray,
                Color::Green,
                Color::Yellow,
                Color::Cyan,
                Color::LightGreen,
                Color::LightYellow,
                Color::LightCyan,
            ],
        };
        for tone in Tone::ALL {
            let style = theme.style(tone, Emphasis::default());
            assert!(!matches!(style.fg, Some(Color::Rgb(..) | Color::Indexed(_))), "{name} {}", tone.name());
            assert_eq!(style.bg, None, "{name} {}: no shade is among the sixteen", tone.name());
            let own = tone == Tone::Popup || (tone == Tone::Text && theme.canvas().is_none());
            assert_eq!(style.fg.is_none(), own, "{name} {}", tone.name());
            if tone != Tone::Border {
                assert!(style.fg.is_none_or(|fg| !unreadable.contains(&fg)), "{name} {}", tone.name());
            }
        }
        let selected = theme.style(Tone::Selected, Emphasis::default());
        assert!(selected.add_modifier.contains(Modifier::REVERSED), "{name}");
    }
}

#[test]
fn a_canvas_paints_text_and_ground_in_what_the_depth_can_show() {
    let at = |name: &str, depth| Theme::builtin(name).unwrap().for_depth(depth).canvas();
    let painted = |fg, bg| Some(Style::new().fg(fg).bg(bg));
    for name in ["dark", "light"] {
        assert_eq!(at(name, ColorDepth::TrueColor), None, "{name} leaves the screen to the terminal");
    }
    let dracula = painted(Color::Rgb(0xf8, 0xf8, 0xf2), Color::Rgb(0x28, 0x2a, 0x36));
    assert_eq!(at("dracula", ColorDepth::TrueColor), dracula);
    assert_eq!(at("dracula", ColorDepth::Ansi256), painted(Color::Indexed(231), Color::Indexed(235)));
    assert_eq!(at("dracula", ColorDepth::Ansi16), painted(Color::Gray, Color::Black));
    assert_eq!(at("solarized-light", ColorDepth::Ansi16), painted(Color::Black, Color::White));
    assert_eq!(at("dracula", ColorDepth::None), None);
    let cursor = |name: &str, depth| Theme::builtin(name).unwrap().for_depth(depth).cursor();
    assert_eq!(cursor("dracula", ColorDepth::TrueColor), Some(Rgb(0xf8, 0xf8, 0xf2)));
    assert_eq!(cursor("dracula", ColorDepth::Ansi256), Some(Rgb(255, 255, 255)));
    assert_eq!(cursor("dracula", ColorDepth::Ansi16), None);
    assert_eq!(cursor("dark", ColorDepth::TrueColor), None, "the screen is the terminal's");
}

#[test]
fn on_a_canvas_default_is_the_canvas() {
    let text = "canvas = \"#101010\"\n[roles]\ntext = { fg = \"#eeeeee\" }\n\
                code = { fg = \"default\" }\nselected = { bg = \"default\" }";
    let theme = Theme::parse("t", text).unwrap();
    assert_eq!(theme.style(Tone::Code, Emphasis::default()).fg, Some(Color::Rgb(0xee, 0xee, 0xee)));
    assert_eq!(theme.style(Tone::Selected, Emphasis::default()).bg, Some(Color::Rgb(0x10, 0x10, 0x10)));
    assert_eq!(theme.popup(), theme.canvas().unwrap());
    let bare = Theme::parse("t", "canvas = \"default\"").unwrap();
    assert_eq!(bare.canvas(), None);
}

#[test]
fn a_chosen_row_and_a_hit_are_seen_whatever_a_theme_leaves_out() {
    let bare = Theme::parse("t", "").unwrap();
    for depth in [ColorDepth::TrueColor, ColorDepth::Ansi256, ColorDepth::Ansi16, ColorDepth::None] {
        let bare = bare.clone().for_depth(depth);
        for tone in [Tone::Selected, Tone::Hit] {
            let style = bare.style(tone, Emphasis::default());
            assert!(style.add_modifier.contains(Modifier::REVERSED), "{depth:?} {}", tone.name());
        }
        for name in Theme::names() {
            let theme = Theme::builtin(name).unwrap().for_depth(depth);
            let selected = theme.style(Tone::Selected, Emphasis::default());
            let ground = theme.canvas().and_then(|canvas| canvas.bg);
            let reversed = selected.add_modifier.contains(Modifier::REVERSED);
            assert!(reversed || (selected.bg.is_some() && selected.bg != ground), "{name} {depth:?}");
            // Over a chosen row only the emphasis of a hit is left.
            let hit = theme.style(Tone::Hit, Emphasis::default());
            assert!(hit.add_modifier.contains(Modifier::UNDERLINED), "{name} {depth:?}");
        }
    }
}

#[test]
fn contrast_is_wcags() {
    assert!((contrast(Rgb(0, 0, 0), Rgb(255, 255, 255)) - 21.0).abs() < 1e-9);
    assert!((contrast(Rgb(0x76, 0x76, 0x76), Rgb(255, 255, 255)) - 4.54).abs() < 0.01);
}

#[test]
fn body_text_paints_nothing_where_the_screen_is_the_terminals() {
    for name in ["dark", "light"] {
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
            if !matches!(tone, Tone::Text | Tone::Border | Tone::Popup) {
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
    let canvas = error("background = \"dark\"\ncanvas = \"#000\"\n[roles]\ndim = {}");
    assert!(canvas.starts_with("mine.toml:2: canvas: also give the role text a fg"), "{canvas}");
    assert!(error("canvas = 3").starts_with("mine.toml:1: canvas: not a colour"));
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
