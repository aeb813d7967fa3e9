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
        assert!(keymap.key_for(*action).is_some(), "{} has no key", action.name());
        for entry in entries {
            assert!(entry.description.len() > 3, "{} has no description", action.name());
            assert!(!entry.keys.is_empty(), "{} has an entry without keys", action.name());
        }
    }
}

/// Invariant 8, from the keys' side: what the file binds is what a press does.
#[test]
fn every_default_key_does_what_its_entry_says() {
    let keymap = Keymap::default();
    for entry in keymap.entries() {
        for chord in &entry.keys {
            let event = key(chord.code, chord.modifiers);
            assert_eq!(keymap.action(entry.scope, event), Some(entry.action), "{chord}");
        }
    }
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

#[test]
fn a_user_rebinds_by_action() {
    let mut keymap = Keymap::default();
    let keys = [("fold_tools", vec!["Ctrl-T".to_owned()]), ("send", vec!["Ctrl-Enter".to_owned()])];
    keymap.rebind(keys.iter().map(|(name, keys)| (*name, keys.as_slice()))).unwrap();
    assert_eq!(keymap.action(Scope::Composer, ch('t', CTRL)), Some(Action::FoldTools));
    assert_eq!(keymap.action(Scope::Composer, ch('t', ALT)), None, "the old key is free");
    assert_eq!(keymap.key_for(Action::FoldReasoning), None, "what lost its key says so");
    assert_eq!(keymap.action(Scope::Composer, key(KeyCode::Enter, CTRL)), Some(Action::Send));
    assert_eq!(keymap.action(Scope::Composer, key(KeyCode::Enter, SHIFT)), Some(Action::Newline));
}

#[test]
fn a_wrong_rebinding_changes_nothing_and_says_why() {
    let mut keymap = Keymap::default();
    let mut error = |pairs: &[(&str, &str)]| {
        let owned: Vec<(&str, Vec<String>)> =
            pairs.iter().map(|(a, k)| (*a, vec![(*k).to_owned()])).collect();
        keymap.rebind(owned.iter().map(|(a, k)| (*a, k.as_slice()))).unwrap_err().to_string()
    };
    assert_eq!(error(&[("sned", "Enter")]), "unknown action \"sned\"; did you mean send?");
    assert!(error(&[("send", "Ctlr-X")]).starts_with("send: unknown modifier \"Ctlr\""));
    assert_eq!(
        error(&[("send", "Ctrl-X"), ("newline", "ctrl-x")]),
        "Ctrl-X is bound to both send and newline"
    );
    assert_eq!(keymap.key_for(Action::Send).as_deref(), Some("Enter"));
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
    assert!(matches!(Keymap::parse("key = 1"), Err(KeymapError::Syntax(_))));
}
