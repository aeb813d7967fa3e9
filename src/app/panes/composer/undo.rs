//! Undo by words: the editor takes back one typed character at a time, a person thinks in words.

use tui_textarea::TextArea;

use super::marks::is_mark;

/// Characters that one undo takes back at the most.
const LONGEST_WORD: usize = 200;

/// Takes back what was typed, a word and what blanks follow it at once; anything else in its own step.
/// `step` goes one edit, `back` undoes that. False where there is none.
pub(super) fn a_word(
    area: &mut TextArea<'static>,
    step: fn(&mut TextArea<'static>) -> bool,
    back: fn(&mut TextArea<'static>) -> bool,
) -> bool {
    let mut in_word = false;
    for taken in 0..LONGEST_WORD {
        let before = area.lines().to_vec();
        if !step(area) {
            return taken > 0;
        }
        match one_character(&before, area.lines()) {
            None if taken == 0 => return true,
            Some(c) if !(c.is_whitespace() && in_word) => in_word |= !c.is_whitespace(),
            None | Some(_) => {
                back(area);
                return true;
            }
        }
    }
    true
}

/// The one character by which two texts differ, if it is one.
fn one_character(before: &[String], after: &[String]) -> Option<char> {
    if before.len() != after.len() {
        return None;
    }
    let mut lines = before.iter().zip(after).filter(|(before, after)| before != after);
    let (before, after) = lines.next()?;
    let (short, long) = if before.len() < after.len() { (before, after) } else { (after, before) };
    let same = short.char_indices().zip(long.chars()).find(|((_, a), b)| a != b);
    let at = same.map_or(short.len(), |((at, _), _)| at);
    let character = long[at..].chars().next()?;
    let is_one = long[at + character.len_utf8()..] == short[at..];
    (is_one && lines.next().is_none() && !is_mark(character)).then_some(character)
}
