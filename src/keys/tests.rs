//! The default keys, and what terminals send for them.

use std::collections::HashSet;

use crossterm::event::{KeyCode, KeyEventKind, KeyModifiers};

use super::*;

const CTRL: KeyModifiers = KeyModifiers::CONTROL;
const ALT: KeyModifiers = KeyModifiers::ALT;
const SHIFT: KeyModifiers = KeyModifiers::SHIFT;
const NONE: KeyModifiers = KeyModifiers::NONE;

fn key(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
    KeyEvent::new(code, modifiers)
}

fn ch(c: char, modifiers: KeyModifiers) -> KeyEvent {
    key(KeyCode::Char(c), modifiers)
}

/// A press of this key.
fn press(chord: Chord) -> KeyEvent {
    key(chord.code, chord.modifiers)
}

/// What is reached through the palette, a slash command or a typed character.
const WITHOUT_KEY: [Action; 2] = [Action::Themes, Action::Attach];

/// Invariant 8: each action has a name, a description and a scope; each default key names an action.
#[test]
fn every_action_is_named_described_and_bound() {
    let keymap = Keymap::parse(DEFAULT).unwrap();
    let names: HashSet<_> = Action::ALL.iter().map(|a| a.name()).collect();
    assert_eq!(names.len(), Action::ALL.len(), "names differ");
    for action in Action::ALL {
        assert_eq!(Action::from_name(action.name()), Some(*action));
        let entries: Vec<_> = keymap.entries().iter().filter(|e| e.action == *action).collect();
        assert!(!entries.is_empty(), "{} is in no scope", action.name());
        let without = WITHOUT_KEY.contains(action);
        assert_eq!(keymap.key_for(*action).is_none(), without, "{}: a key, or a reason", action.name());
        for entry in &entries {
            assert!(entry.description.len() > 3, "{} has no description", action.name());
            assert_eq!(entry.description, entries[0].description, "one action, one description");
            assert_eq!(entry.keys.is_empty(), without, "{} has an entry without keys", action.name());
        }
    }
    let descriptions: HashSet<_> = keymap.entries().iter().map(|e| &e.description).collect();
    assert_eq!(descriptions.len(), Action::ALL.len(), "no two actions read alike");
}

/// Invariant 8, from the keys' side: what the file binds is what a press does.
#[test]
fn every_default_key_does_what_its_entry_says() {
    let keymap = Keymap::default();
    for entry in keymap.entries() {
        for keys in &entry.keys {
            let found = match keys.second {
                None => keymap.lookup(entry.scope, None, press(keys.first)),
                Some(second) => {
                    let first = keymap.lookup(entry.scope, None, press(keys.first));
                    assert_eq!(first, Lookup::Prefix(keys.first), "{keys}");
                    keymap.lookup(entry.scope, Some(keys.first), press(second))
                }
            };
            assert_eq!(found, Lookup::Action(entry.action), "{keys}");
        }
    }
}

#[test]
fn a_prefix_waits_for_the_key_that_follows() {
    let keymap = Keymap::default();
    let prefix = parse_chord("Ctrl-G").unwrap();
    for scope in [Scope::Composer, Scope::ComposerEmpty, Scope::Selection, Scope::Global] {
        let after = |event| keymap.lookup(scope, Some(prefix), event);
        assert_eq!(keymap.lookup(scope, None, ch('g', CTRL)), Lookup::Prefix(prefix), "{}", scope.name());
        assert_eq!(keymap.action(scope, ch('g', CTRL)), None, "a prefix alone does nothing");
        assert_eq!(after(ch('n', NONE)), Lookup::Action(Action::NextLive));
        assert_eq!(after(ch('p', NONE)), Lookup::Action(Action::PreviousLive));
        assert_eq!(after(ch('N', SHIFT)), Lookup::Action(Action::NextLive), "caps lock");
        assert_eq!(after(ch('т', NONE)), Lookup::Action(Action::NextLive), "n on a Russian layout");
        assert_eq!(after(ch('x', NONE)), Lookup::None);
        assert_eq!(after(key(KeyCode::Esc, NONE)), Lookup::None, "Esc ends the waiting and no more");
    }
    assert_eq!(keymap.lookup(Scope::List, None, ch('g', CTRL)), Lookup::None, "not over a list");
}

#[test]
fn a_list_takes_its_own_keys_those_of_a_line_and_a_way_out() {
    let keymap = Keymap::default();
    for scope in [Scope::List, Scope::Models, Scope::Sessions] {
        let action = |event| keymap.action(scope, event);
        assert_eq!(action(key(KeyCode::Up, NONE)), Some(Action::ListUp));
        assert_eq!(action(key(KeyCode::Enter, NONE)), Some(Action::Accept));
        assert_eq!(action(key(KeyCode::Home, NONE)), Some(Action::LineStart), "of the query");
        assert_eq!(action(key(KeyCode::Home, CTRL)), Some(Action::ListFirst));
        assert_eq!(action(ch('w', CTRL)), Some(Action::DeleteWordLeft));
        assert_eq!(action(key(KeyCode::Esc, NONE)), Some(Action::Back));
        assert_eq!(action(ch('c', CTRL)), Some(Action::Interrupt));
        assert_eq!(action(ch('z', CTRL)), Some(Action::Suspend));
        for beneath in [ch('n', CTRL), ch('p', CTRL), ch('l', CTRL), ch('t', ALT), key(KeyCode::Up, ALT)] {
            assert_eq!(action(beneath), None, "nothing is done unseen: {beneath:?}");
        }
    }
    assert_eq!(keymap.action(Scope::Models, ch('f', CTRL)), Some(Action::Star));
    assert_eq!(keymap.action(Scope::Sessions, ch('e', CTRL)), Some(Action::Export));
    assert_eq!(keymap.action(Scope::List, ch('e', CTRL)), Some(Action::LineEnd));
    assert_eq!(keymap.action(Scope::Sessions, ch('7', CTRL)), Some(Action::RestoreSession), "Ctrl-/");
    assert_eq!(keymap.action(Scope::List, ch('7', CTRL)), Some(Action::Undo));
    assert_eq!(
        keymap.key_in(Scope::Sessions, Action::Undo),
        None,
        "a hint names no key that does another thing"
    );
    assert_eq!(keymap.key_in(Scope::Sessions, Action::LineEnd).as_deref(), Some("End"));
}

#[test]
fn the_documented_keys() {
    let keymap = Keymap::default();
    for (scope, event, action) in [
        (Scope::Composer, key(KeyCode::Enter, NONE), Action::Send),
        (Scope::ComposerEmpty, key(KeyCode::Enter, NONE), Action::Send),
        (Scope::Composer, key(KeyCode::Enter, ALT), Action::Newline),
        (Scope::Composer, key(KeyCode::Enter, SHIFT), Action::Newline),
        (Scope::Composer, ch('j', CTRL), Action::Newline),
        (Scope::Selection, key(KeyCode::Esc, NONE), Action::Back),
        (Scope::Composer, ch('c', CTRL), Action::Interrupt),
        (Scope::Composer, ch('p', CTRL), Action::Palette),
        (Scope::Selection, ch('l', CTRL), Action::Models),
        (Scope::Composer, ch('s', CTRL), Action::Sessions),
        (Scope::Composer, key(KeyCode::F(1), NONE), Action::Help),
        (Scope::ComposerEmpty, ch('?', NONE), Action::Help),
        (Scope::Composer, ch('n', CTRL), Action::NewChat),
        (Scope::Composer, key(KeyCode::PageDown, CTRL), Action::NextLive),
        (Scope::Selection, key(KeyCode::PageUp, CTRL), Action::PreviousLive),
        (Scope::ComposerEmpty, ch('o', CTRL), Action::Editor),
        (Scope::Composer, ch('r', CTRL), Action::SearchHistory),
        (Scope::Sessions, key(KeyCode::F(2), NONE), Action::Rename),
        (Scope::Sessions, key(KeyCode::Tab, NONE), Action::SwitchSide),
        (Scope::ComposerEmpty, ch('d', CTRL), Action::Quit),
        (Scope::Selection, ch('z', CTRL), Action::Suspend),
        (Scope::Composer, key(KeyCode::PageUp, NONE), Action::PageUp),
        (Scope::Composer, key(KeyCode::BackTab, SHIFT), Action::SelectPrevious),
        (Scope::Composer, key(KeyCode::Up, ALT), Action::SelectPrevious),
        (Scope::ComposerEmpty, key(KeyCode::Home, NONE), Action::Top),
        (Scope::Composer, key(KeyCode::Home, NONE), Action::LineStart),
        (Scope::Composer, key(KeyCode::End, CTRL), Action::Bottom),
        (Scope::ComposerEmpty, key(KeyCode::Left, ALT), Action::PreviousTab),
        (Scope::Composer, key(KeyCode::Left, ALT), Action::WordLeft),
        (Scope::Composer, ch('3', ALT), Action::Tab3),
        (Scope::Selection, ch('3', NONE), Action::Tab3),
        (Scope::Selection, ch('G', SHIFT), Action::SelectLast),
        (Scope::Selection, ch('g', NONE), Action::SelectFirst),
        (Scope::Selection, ch(' ', NONE), Action::Fold),
        (Scope::Selection, ch('r', NONE), Action::Retry),
        (Scope::Composer, ch('t', CTRL), Action::FoldReasoning),
        (Scope::Composer, ch('t', ALT), Action::FoldTools),
        (Scope::Composer, ch('h', CTRL), Action::DeleteLeft),
        (Scope::Composer, key(KeyCode::Backspace, ALT), Action::DeleteWordLeft),
        (Scope::Composer, ch('_', ALT), Action::Redo),
    ] {
        assert_eq!(keymap.action(scope, event), Some(action), "{event:?} in {}", scope.name());
    }
    assert_eq!(keymap.action(Scope::Composer, ch('d', CTRL)), None, "a draft is no reason to quit");
    assert_eq!(keymap.action(Scope::Composer, ch('?', NONE)), None, "after other text it is text");
    assert_eq!(keymap.action(Scope::Composer, ch('r', NONE)), None, "typed into the input it is text");
    assert_eq!(Action::Tab9.tab(), Some(8));
    assert_eq!(Action::NextTab.tab(), None);
}

#[test]
fn what_terminals_send_for_undo_is_one_key() {
    let keymap = Keymap::default();
    // 0x1f reaches us as Ctrl-7; the kitty protocol tells Ctrl-/ and Ctrl-Shift-minus.
    for event in [ch('7', CTRL), ch('/', CTRL), ch('_', CTRL), ch('-', CTRL | SHIFT), ch('_', CTRL | SHIFT)] {
        assert_eq!(keymap.action(Scope::Composer, event), Some(Action::Undo), "{event:?}");
    }
    assert_eq!(keymap.action(Scope::Composer, ch('-', ALT | SHIFT)), Some(Action::Redo));
}

#[test]
fn the_kitty_protocols_names_are_folded_into_the_old_ones() {
    let keymap = Keymap::default();
    let composer = |event| keymap.action(Scope::Composer, event);
    assert_eq!(composer(ch('m', CTRL)), Some(Action::Send));
    assert_eq!(composer(ch('[', CTRL)), Some(Action::Back));
    assert_eq!(composer(ch('с', CTRL)), Some(Action::Interrupt), "Ctrl-C on a Russian layout");
    assert_eq!(composer(ch('T', ALT | SHIFT)), Some(Action::FoldTools), "caps lock");
    assert_eq!(composer(ch('c', CTRL | SHIFT)), None, "copying in most terminals must not stop a reply");
    assert_eq!(composer(ch('c', KeyModifiers::SUPER)), None);
    let mut event = ch('c', CTRL);
    event.kind = KeyEventKind::Release;
    assert_eq!(composer(event), None, "a release is no press");
    event.kind = KeyEventKind::Repeat;
    assert_eq!(composer(event), Some(Action::Interrupt));
}

#[test]
fn chords_are_read_in_any_case_and_shown_in_one() {
    let shown = |text: &str| parse_chord(text).map(|c| c.to_string());
    for (text, name) in [
        ("ctrl-pagedown", "Ctrl-PageDown"),
        ("CTRL-P", "Ctrl-P"),
        ("control-p", "Ctrl-P"),
        ("Alt-Up", "Alt-↑"),
        ("alt-↑", "Alt-↑"),
        ("Shift-Tab", "Shift-Tab"),
        ("Alt-Ctrl-x", "Ctrl-Alt-X"),
        ("Ctrl-Shift-P", "Ctrl-Shift-P"),
        ("Ctrl-/", "Ctrl-_"),
        ("Ctrl--", "Ctrl--"),
        ("-", "-"),
        ("g", "g"),
        ("G", "G"),
        ("shift-g", "G"),
        ("space", "Space"),
        ("f12", "F12"),
        ("escape", "Esc"),
        ("é", "é"),
    ] {
        assert_eq!(shown(text).as_deref(), Ok(name), "{text}");
        assert_eq!(parse_chord(name), parse_chord(text), "{name} reads back");
    }
    assert_eq!(shown(""), Err(ChordError::Empty));
    assert_eq!(shown("Hyper-x"), Err(ChordError::Modifier("Hyper".into())));
    assert!(matches!(shown("Ctrl-Foo"), Err(ChordError::Key(_))));
    assert!(matches!(shown("F25"), Err(ChordError::Key(_))));
    assert!(shown("Ctrl-").is_err());
}

#[test]
fn hints_show_the_main_key() {
    let keymap = Keymap::default();
    assert_eq!(keymap.key_for(Action::Back).as_deref(), Some("Esc"));
    assert_eq!(keymap.key_for(Action::SelectPrevious).as_deref(), Some("Shift-Tab"));
    assert_eq!(keymap.key_for(Action::Fold).as_deref(), Some("Space"));
}

/// The default keys with these lines of `[keys]` over them; several keys are set apart by commas.
fn rebound(lines: &[(&str, &str)]) -> Result<Keymap, Vec<(usize, String)>> {
    let mut keymap = Keymap::default();
    let keys = |text: &str| text.split(',').filter(|key| !key.is_empty()).map(str::to_owned).collect();
    let lines: Vec<(&str, Vec<String>)> = lines.iter().map(|(name, text)| (*name, keys(text))).collect();
    match keymap.rebind(lines.iter().map(|(name, keys)| (*name, keys.as_slice()))) {
        Ok(()) => Ok(keymap),
        Err(wrong) => {
            assert_eq!(keymap.entries(), Keymap::default().entries(), "nothing is changed");
            Err(wrong.into_iter().map(|wrong| (wrong.index, wrong.error.to_string())).collect())
        }
    }
}

#[test]
fn a_user_rebinds_by_action() {
    let keymap =
        rebound(&[("fold_tools", "Ctrl-T"), ("send", "Ctrl-Enter"), ("themes", "F7,Ctrl-G t")]).unwrap();
    assert_eq!(keymap.action(Scope::Composer, ch('t', CTRL)), Some(Action::FoldTools));
    assert_eq!(keymap.action(Scope::Composer, ch('t', ALT)), None, "the old key is free");
    assert_eq!(keymap.key_for(Action::FoldReasoning), None, "what lost its key says so");
    assert_eq!(keymap.action(Scope::Composer, key(KeyCode::Enter, CTRL)), Some(Action::Send));
    assert_eq!(keymap.action(Scope::Composer, key(KeyCode::Enter, SHIFT)), Some(Action::Newline));
    assert_eq!(keymap.key_for(Action::Themes).as_deref(), Some("F7"));
    let prefix = parse_chord("Ctrl-G").ok();
    assert_eq!(keymap.lookup(Scope::Composer, prefix, ch('t', NONE)), Lookup::Action(Action::Themes));
    assert_eq!(keymap.lookup(Scope::Composer, prefix, ch('n', NONE)), Lookup::Action(Action::NextLive));
}

#[test]
fn a_users_key_acts_wherever_its_action_does() {
    // The input has Ctrl-E and End of its own; both would hide the user's.
    let keymap = rebound(&[("palette", "Ctrl-E,End")]).unwrap();
    for scope in [Scope::Composer, Scope::ComposerEmpty, Scope::Selection] {
        assert_eq!(keymap.action(scope, ch('e', CTRL)), Some(Action::Palette), "{}", scope.name());
        assert_eq!(keymap.action(scope, key(KeyCode::End, NONE)), Some(Action::Palette), "{}", scope.name());
    }
    assert_eq!(keymap.action(Scope::Sessions, ch('e', CTRL)), Some(Action::Export), "a list is its own");
    // What a shell does with Ctrl-D.
    let keymap = rebound(&[("delete_right", "Delete,Ctrl-D")]).unwrap();
    assert_eq!(keymap.action(Scope::Composer, ch('d', CTRL)), Some(Action::DeleteRight));
    assert_eq!(keymap.action(Scope::ComposerEmpty, ch('d', CTRL)), Some(Action::Quit));
    // The main keys are those that act everywhere.
    let keymap = rebound(&[("bottom", "Ctrl-B")]).unwrap();
    assert_eq!(keymap.action(Scope::Composer, ch('b', CTRL)), Some(Action::Bottom));
    assert_eq!(keymap.action(Scope::Composer, key(KeyCode::End, CTRL)), None);
    assert_eq!(keymap.action(Scope::ComposerEmpty, key(KeyCode::End, NONE)), Some(Action::Bottom));
}

#[test]
fn an_empty_list_unbinds() {
    let keymap = rebound(&[("palette", ""), ("fold_reasoning", "")]).unwrap();
    assert_eq!(keymap.action(Scope::Composer, ch('p', CTRL)), None);
    assert_eq!(keymap.key_for(Action::Palette), None);
}

#[test]
fn a_default_prefix_gives_way_to_a_users_key_and_the_other_way_round() {
    let keymap = rebound(&[("palette", "Ctrl-G")]).unwrap();
    assert_eq!(keymap.action(Scope::Composer, ch('g', CTRL)), Some(Action::Palette));
    assert_eq!(keymap.key_for(Action::NextLive).as_deref(), Some("Ctrl-PageDown"));
    let keymap = rebound(&[("send", "Ctrl-G")]).unwrap();
    assert_eq!(keymap.action(Scope::Composer, ch('g', CTRL)), Some(Action::Send));
    let keymap = rebound(&[("palette", "Ctrl-A p")]).unwrap();
    assert_eq!(keymap.action(Scope::Composer, ch('a', CTRL)), None, "it begins a sequence now");
    assert_eq!(keymap.key_for(Action::LineStart).as_deref(), Some("Home"));
}

#[test]
fn a_wrong_rebinding_changes_nothing_and_says_why() {
    let one = |lines: &[(&str, &str)]| {
        let wrong = rebound(lines).unwrap_err();
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        wrong.into_iter().next().unwrap()
    };
    let says = |index: usize, text: &str| (index, text.to_owned());
    assert_eq!(one(&[("sned", "Enter")]), says(0, "unknown action \"sned\"; did you mean send?"));
    let (index, text) = one(&[("palette", "F2"), ("send", "Ctlr-X")]);
    assert_eq!(index, 1);
    assert!(text.starts_with("send: unknown modifier \"Ctlr\""), "{text}");
    assert!(one(&[("send", "Ctrl-G a b")]).1.contains("at most two keys"));
    assert!(one(&[("send", " ")]).1.contains("no key is named"));
    assert_eq!(
        one(&[("send", "Ctrl-X"), ("newline", "ctrl-x")]),
        says(1, "Ctrl-X is bound to both send and newline")
    );
    assert_eq!(
        one(&[("palette", "Ctrl-A p"), ("send", "Ctrl-A")]),
        says(1, "Ctrl-A of send and Ctrl-A p of palette: the same key cannot both act and begin another")
    );
    assert!(one(&[("palette", "Ctrl-A,Ctrl-A p")]).1.contains("cannot both act and begin"));
    for action in ["send", "palette", "delete_left", "list_up", "star", "back"] {
        assert!(one(&[(action, "x")]).1.contains("typed text"), "{action}");
    }
    assert!(rebound(&[("fold", "x"), ("help", "F3")]).is_ok(), "on a selected message nothing is typed");
    let wrong = rebound(&[("sned", "Enter"), ("palette", "F2"), ("newline", "Hyper-X")]).unwrap_err();
    assert_eq!(wrong.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 2], "all are told");
}

#[test]
fn what_nobody_can_do_without_keeps_a_key() {
    for (lines, at, action) in [
        (&[("send", "")][..], 0, "send"),
        (&[("palette", "F2"), ("back", "")], 1, "back"),
        (&[("interrupt", "")], 0, "interrupt"),
        (&[("palette", "F2"), ("page_up", "Esc")], 1, "back"),
        (&[("list_up", "Ctrl-C")], 0, "interrupt"),
        (&[("newline", "Enter")], 0, "send"),
        (&[("palette", "Esc p")], 0, "back"),
    ] {
        let wrong = rebound(lines).unwrap_err();
        assert_eq!(wrong[0].0, at, "{lines:?}");
        assert!(wrong[0].1.starts_with(&format!("{action} must keep a key")), "{wrong:?}");
    }
    assert!(rebound(&[("newline", "Enter"), ("send", "Ctrl-X")]).is_ok(), "with another key it is fine");
}

#[test]
fn a_keymap_file_is_checked() {
    let entry = |action: &str, scope: &str, key: &str| {
        format!(
            "[[key]]\naction = \"{action}\"\nscope = \"{scope}\"\nkeys = [\"{key}\"]\ndescription = \"d\"\n"
        )
    };
    let twice = entry("send", "composer", "Enter") + &entry("newline", "composer", "enter");
    assert!(matches!(Keymap::parse(&twice), Err(KeymapError::Twice { .. })));
    assert!(matches!(Keymap::parse(&entry("x", "global", "a")), Err(KeymapError::Action { .. })));
    assert!(matches!(Keymap::parse(&entry("send", "x", "a")), Err(KeymapError::Scope(_))));
    let prefix = entry("palette", "global", "Ctrl-G") + &entry("send", "composer", "Ctrl-G s");
    assert!(matches!(Keymap::parse(&prefix), Err(KeymapError::Prefix { .. })));
    assert!(matches!(Keymap::parse(&entry("send", "composer", "a")), Err(KeymapError::Typed { .. })));
    assert!(matches!(Keymap::parse("key = 1"), Err(KeymapError::Syntax(_))));
}
