//! The input as it is typed into.

use super::*;

fn typed(text: &str) -> Composer {
    let mut composer = Composer { columns: 80, ..Composer::default() };
    for c in text.chars() {
        if c == '\n' { composer.newline() } else { composer.insert(c) }
    }
    composer
}

/// The input as it is drawn, without the rows that wrapping makes.
fn seen(composer: &Composer) -> String {
    let lines: Vec<String> = composer
        .area
        .lines()
        .iter()
        .map(|l| l.graphemes(true).map(|g| composer.shown(g)).collect())
        .collect();
    lines.join("\n")
}

/// The screen of `columns`, and the caret.
fn screen(composer: &mut Composer, columns: u16) -> (Vec<String>, Position) {
    let area = Rect::new(0, 0, columns, composer.height(columns) as u16);
    let mut picture = Picture::new(area.width, area.height);
    let theme = Theme::builtin("dark").expect("it is built in");
    let caret = composer.draw(area, &mut picture, &theme, "");
    let buf = picture.cells();
    let row = |y| (0..columns).map(|x| buf[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    ((0..area.height).map(row).collect(), caret)
}

fn keys(composer: &mut Composer, actions: &[Action]) {
    for action in actions {
        assert!(composer.edit(*action), "{action:?}");
    }
}

fn long(word: &str) -> String {
    format!("{word}\n").repeat(300)
}

/// `before`, a paste of 300 lines, `after`; the caret behind it all.
fn around_paste(before: &str, after: &str) -> Composer {
    let mut composer = typed(before);
    composer.paste(&long("p"));
    after.chars().for_each(|c| composer.insert(c));
    composer
}

#[test]
fn rows_break_at_spaces_and_keep_every_byte() {
    let text = "one two three 你好世界 four";
    for columns in 1..30 {
        let mut rows = Vec::new();
        wrap(text, columns, width::width, |r| rows.push(r));
        let joined: String = rows.iter().map(|r| &text[r.clone()]).collect();
        assert_eq!(joined, text);
        for row in rows.iter().filter(|r| text[(*r).clone()].graphemes(true).count() > 1) {
            assert!(width::width(&text[row.clone()]) <= columns, "{columns}: {row:?}");
        }
    }
}

#[test]
fn backspace_takes_a_joined_emoji_whole() {
    let mut composer = typed("a👨‍👩‍👧");
    composer.edit(Action::DeleteLeft);
    assert_eq!(composer.text(), "a");
    composer.edit(Action::Undo);
    assert_eq!(composer.text(), "a👨‍👩‍👧");
}

#[test]
fn a_long_paste_is_a_mark_and_is_sent_whole() {
    let mut composer = typed("see ");
    let paste = "line\r\n".repeat(214);
    composer.paste(&paste);
    composer.paste(&paste);
    assert_eq!(seen(&composer), "see [pasted 214 lines][pasted 214 lines]");
    assert_eq!(composer.take_written().plain(), format!("see {}", "line\n".repeat(428)));
    composer.paste(&format!("[pasted 214 lines]\n{paste}"));
    composer.paste(&format!("other\n{}", "line\n".repeat(214)));
    assert_eq!(seen(&composer), "[pasted 215 lines][pasted 215 lines #2]");
    let whole = composer.take_written().plain();
    assert!(whole.starts_with("[pasted 214 lines]\nline\n"), "text within a paste is no mark: {whole:.60}");
    assert_eq!(whole.lines().count(), 430);
}

#[test]
fn up_walks_earlier_prompts_and_down_returns_to_the_draft() {
    let mut composer = typed("first");
    composer.take_written().plain();
    let mut composer = {
        composer.insert('d');
        composer
    };
    composer.edit(Action::Up);
    assert_eq!(composer.text(), "first");
    composer.edit(Action::Up);
    assert_eq!(composer.text(), "first", "there is none before it");
    composer.edit(Action::Down);
    assert_eq!(composer.text(), "d");
    composer.clear();
    assert!(composer.is_empty());
    composer.edit(Action::Up);
    assert_eq!(composer.text(), "d", "a cleared draft comes back");
}

#[test]
fn up_moves_within_a_wrapped_line_first() {
    let mut composer = typed("aaaa bbbb cccc");
    composer.columns = 6;
    composer.edit(Action::Up);
    composer.insert('X');
    assert_eq!(composer.text(), "aaaa bbbbX cccc");
}

#[test]
fn backspace_and_delete_take_a_mark_whole_and_undo_brings_it_back() {
    use Action::*;
    for (actions, left) in [
        (&[DeleteLeft][..], "see "),
        (&[Left, DeleteRight], "see "),
        (&[DeleteWordLeft], "see "),
        (&[Left, DeleteWordRight], "see "),
        (&[DeleteToStart], ""),
        (&[Left, DeleteToEnd], "see "),
        (&[LineStart, DeleteToEnd], ""),
        (&[WordLeft, DeleteRight], "see "),
    ] {
        let mut composer = around_paste("see ", "");
        keys(&mut composer, actions);
        assert_eq!(composer.text(), left, "{actions:?}");
        assert_eq!(seen(&composer), left, "{actions:?}");
        keys(&mut composer, &[Undo]);
        assert_eq!(seen(&composer), "see [pasted 300 lines]", "{actions:?}");
        assert_eq!(composer.text(), format!("see {}", long("p")), "{actions:?}");
        keys(&mut composer, &[Redo]);
        assert_eq!(composer.take_written().plain(), left, "{actions:?}");
    }
}

#[test]
fn the_caret_passes_a_mark_as_one_character() {
    use Action::*;
    for (actions, wanted) in [
        (&[Left][..], "abc [pasted 300 lines]xd"),
        (&[Left, Left], "abc x[pasted 300 lines]d"),
        (&[Left, Left, Right], "abc [pasted 300 lines]xd"),
        (&[WordLeft], "abc [pasted 300 lines]xd"),
        (&[WordLeft, WordLeft], "abc x[pasted 300 lines]d"),
        (&[WordLeft, WordLeft, WordLeft], "xabc [pasted 300 lines]d"),
        (&[LineStart, WordRight], "abc x[pasted 300 lines]d"),
        (&[LineStart, WordRight, WordRight], "abc [pasted 300 lines]xd"),
        (&[LineStart, WordRight, WordRight, Right], "abc [pasted 300 lines]dx"),
        (&[LineStart, LineEnd], "abc [pasted 300 lines]dx"),
        (&[Left, LineStart], "xabc [pasted 300 lines]d"),
    ] {
        let mut composer = around_paste("abc ", "d");
        keys(&mut composer, actions);
        composer.insert('x');
        assert_eq!(seen(&composer), wanted, "{actions:?}");
        assert_eq!(composer.text(), wanted.replace("[pasted 300 lines]", &long("p")), "{actions:?}");
    }
}

#[test]
fn a_mark_at_the_end_of_a_line_is_left_to_the_right_before_the_line_is() {
    use Action::*;
    let mut composer = around_paste("a", "");
    composer.newline();
    keys(&mut composer, &[Left]);
    composer.insert('x');
    assert_eq!(seen(&composer), "a[pasted 300 lines]x\n", "back to the end of the line before");
    keys(&mut composer, &[DeleteLeft, Left, Right]);
    composer.insert('y');
    assert_eq!(seen(&composer), "a[pasted 300 lines]y\n");
    keys(&mut composer, &[DeleteLeft, Right]);
    composer.insert('z');
    assert_eq!(seen(&composer), "a[pasted 300 lines]\nz");
}

#[test]
fn a_word_beside_a_mark_is_deleted_without_it() {
    use Action::*;
    let mut composer = around_paste("abc", "def");
    keys(&mut composer, &[DeleteWordLeft]);
    assert_eq!(seen(&composer), "abc[pasted 300 lines]");
    keys(&mut composer, &[LineStart, DeleteWordRight]);
    assert_eq!(seen(&composer), "[pasted 300 lines]");
    keys(&mut composer, &[DeleteWordRight]);
    assert!(composer.is_empty());
    let mut composer = around_paste("", "");
    composer.paste(&long("q"));
    keys(&mut composer, &[DeleteWordLeft]);
    assert_eq!(composer.text(), long("p"), "of two marks the nearer goes");
}

#[test]
fn rows_up_and_down_stop_at_the_nearer_edge_of_a_mark() {
    for (column, wanted) in [
        (0, "x[pasted 300 lines]"),
        (4, "x[pasted 300 lines]"),
        (9, "x[pasted 300 lines]"),
        (10, "[pasted 300 lines]x"),
        (17, "[pasted 300 lines]x"),
        (25, "[pasted 300 lines]x"),
    ] {
        for (to, back) in [(Action::Up, Action::Down), (Action::Down, Action::Up)] {
            let mut composer = typed("");
            let text = "-".repeat(30);
            if to == Action::Down {
                composer.paste(&format!("{text}\n"));
                composer.paste(&long("p"));
                keys(&mut composer, &[back]);
            } else {
                composer.paste(&long("p"));
                composer.paste(&format!("\n{text}"));
            }
            keys(&mut composer, &[Action::LineStart]);
            keys(&mut composer, &vec![Action::Right; column]);
            keys(&mut composer, &[to]);
            composer.insert('x');
            let seen = seen(&composer);
            assert!(seen.lines().any(|l| l == wanted), "{to:?} at {column}: {seen}");
            assert!(composer.text().contains(&long("p")));
        }
    }
}

#[test]
fn a_mark_is_drawn_by_its_label_and_leaves_no_cell_of_its_own() {
    let mut composer = around_paste("see ", " ok");
    let (rows, caret) = screen(&mut composer, 40);
    assert_eq!(rows, ["see [pasted 300 lines] ok"]);
    assert_eq!(caret, Position::new(25, 0));
    keys(&mut composer, &[Action::WordLeft, Action::WordLeft]);
    assert_eq!(screen(&mut composer, 40).1, Position::new(4, 0));
    keys(&mut composer, &[Action::Right]);
    assert_eq!(screen(&mut composer, 40).1, Position::new(22, 0));
    let (rows, caret) = screen(&mut composer, 20);
    assert_eq!(rows, ["see", "[pasted 300 lines]", "ok"], "it wraps whole");
    assert_eq!(caret, Position::new(18, 1));
    for columns in 1..30 {
        for _ in 0..10 {
            let (rows, caret) = screen(&mut composer, columns);
            assert!(caret.x < columns && usize::from(caret.y) < rows.len(), "{columns}: {caret:?}");
            assert!(rows.iter().all(|row| !row.contains(is_mark)), "{rows:?}");
            composer.edit(Action::Left);
        }
        keys(&mut composer, &[Action::LineEnd]);
    }
    assert_eq!(screen(&mut composer, 12).0, ["see", "[pasted 30…", " ok"]);
}

#[test]
fn a_mark_in_a_wrapped_line_is_passed_by_rows() {
    let mut composer = around_paste("see ", " ok then");
    screen(&mut composer, 20);
    keys(&mut composer, &[Action::LineEnd, Action::Up]);
    composer.insert('x');
    assert_eq!(seen(&composer), "see x[pasted 300 lines] ok then");
    screen(&mut composer, 20);
    keys(&mut composer, &[Action::Up, Action::Up]);
    assert_eq!(composer.text(), format!("see x{} ok then", long("p")), "there is no earlier prompt");
    composer.insert('y');
    assert!(composer.text().contains(&long("p")));
}

#[test]
fn typed_text_that_looks_like_a_mark_is_sent_as_typed() {
    let mut composer = around_paste("[pasted 300 lines] ", "");
    assert_eq!(seen(&composer), "[pasted 300 lines] [pasted 300 lines]");
    composer.paste("[pasted 300 lines]");
    assert_eq!(composer.text(), format!("[pasted 300 lines] {}[pasted 300 lines]", long("p")));
    composer.take_written().plain();
    keys(&mut composer, &[Action::Up]);
    assert_eq!(
        composer.take_written().plain(),
        format!("[pasted 300 lines] {}[pasted 300 lines]", long("p"))
    );
}

#[test]
fn the_character_of_a_mark_can_be_neither_typed_nor_pasted_nor_sent() {
    let inner = |composer: &Composer| composer.area.lines().join("\n");
    let known = around_paste("", "");
    let mark = inner(&known);
    assert_eq!(mark.chars().filter(|c| is_mark(*c)).count(), 1);
    let mut composer = around_paste("", "");
    keys(&mut composer, &[Action::DeleteLeft]);
    mark.chars().for_each(|c| composer.insert(c));
    composer.paste(&format!("a{mark}b"));
    assert_eq!(composer.text(), "ab");
    composer.paste(&format!("{mark}{}", long("q")));
    assert_eq!(composer.take_written().plain(), format!("ab{}", long("q")));
    composer.remember_sent([format!("sent {mark}"), format!("{mark}{}", "long ".repeat(4_000))]);
    keys(&mut composer, &[Action::Up]);
    assert_eq!(composer.text(), "long ".repeat(4_000));
    keys(&mut composer, &[Action::Up]);
    assert_eq!(composer.text(), "sent ");
    composer.give_back(Vec::new(), Some(&format!("back {mark}")));
    keys(&mut composer, &[Action::Up, Action::Up]);
    assert!(!composer.text().contains(is_mark), "{}", composer.text());
}

#[test]
fn a_combining_character_behind_a_mark_does_not_join_it() {
    let mut composer = around_paste("", "\u{301}");
    keys(&mut composer, &[Action::DeleteLeft]);
    assert_eq!(composer.text(), long("p"));
}

#[test]
fn an_earlier_prompt_and_a_deleted_piece_that_is_put_back_hold_their_paste() {
    use Action::*;
    let mut composer = around_paste("one ", "");
    composer.take_written().plain();
    composer.paste(&long("q"));
    composer.clear();
    keys(&mut composer, &[Up]);
    assert_eq!(composer.text(), long("q"));
    keys(&mut composer, &[Up]);
    assert_eq!(seen(&composer), "one [pasted 300 lines]");
    assert_eq!(composer.text(), format!("one {}", long("p")));
    keys(&mut composer, &[DeleteToStart, Yank]);
    assert_eq!(composer.text(), format!("one {}", long("p")));
}

#[test]
fn when_every_mark_is_taken_a_paste_stands_as_it_is() {
    let mut marks = Marks::default();
    let all = u32::from('\u{e0fff}') - u32::from('\u{e01f0}') + 1;
    for number in 0..all {
        let text = format!("{number}");
        let mark = marks.fold(&text);
        assert!(mark.chars().all(is_mark));
        assert_eq!(marks.expand(&mark), text);
    }
    assert_eq!(marks.fold("one more"), "one more");
    let known = marks.fold("7");
    assert_eq!(marks.expand(&known), "7", "a known one still has its mark");
}

#[test]
fn right_passes_a_joined_character_at_the_end_of_a_line() {
    let mut composer = typed("ae\u{301}");
    keys(&mut composer, &[Action::Left, Action::Right]);
    composer.insert('x');
    assert_eq!(composer.text(), "ae\u{301}x");
}

#[test]
fn undo_takes_back_a_word_at_once_and_redo_brings_it_again() {
    let mut composer = Composer::default();
    "hello brave  new world".chars().for_each(|c| composer.insert(c));
    let mut seen = Vec::new();
    for _ in 0..5 {
        composer.edit(Action::Undo);
        seen.push(composer.text());
    }
    assert_eq!(seen, ["hello brave  new ", "hello brave  ", "hello ", "", ""]);
    for _ in 0..4 {
        composer.edit(Action::Redo);
    }
    assert_eq!(composer.text(), "hello brave  new world");
    composer.paste(" and more");
    composer.edit(Action::DeleteLeft);
    composer.edit(Action::Undo);
    composer.edit(Action::Undo);
    assert_eq!(composer.text(), "hello brave  new world", "a paste goes in one step of its own");
}
