//! `<think>…</think>` at the start of an answer: reasoning that a server left in the text.
//!
//! Only what stands at the start is one, white space before it aside; a later one is text, as an answer
//! may be about such tags. The tags may be split anywhere, so a text that may yet begin with one is held
//! back: white space (a little) and the letters of the tag, never more. White space before the opening
//! tag and line breaks right after either tag belong to the tag. A choice that begins otherwise costs a
//! comparison a chunk.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";
/// How much white space may stand before the opening tag.
const MAX_HELD: usize = 256;

/// What a piece of the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Reasoning,
}

/// Where one choice stands.
#[derive(Debug, Default)]
pub(super) struct Think {
    mode: Mode,
    /// What may be, or come before, the opening tag.
    held: String,
    /// How many letters of the closing tag came last.
    matched: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    /// Nothing that decides it came yet.
    #[default]
    Start,
    /// Line breaks are dropped, then it goes on as reasoning.
    Opened,
    Inside,
    /// Line breaks are dropped, then it goes on as text.
    Closed,
    Text,
}

impl Think {
    /// Whether all that comes is text.
    pub(super) fn is_over(&self) -> bool {
        self.mode == Mode::Text
    }

    /// There are no tags: all that comes is text.
    pub(super) fn skip(&mut self) {
        self.mode = Mode::Text;
    }

    /// Takes the next text; tells what it is, piece by piece, none of them empty.
    pub(super) fn take(&mut self, text: &str, mut tell: impl FnMut(Kind, &str)) {
        match self.mode {
            Mode::Start if self.held.is_empty() => self.begin(text, &mut tell),
            Mode::Start => {
                let mut whole = std::mem::take(&mut self.held);
                whole.push_str(text);
                self.begin(&whole, &mut tell);
            }
            Mode::Opened | Mode::Inside => self.inside(text, &mut tell),
            Mode::Closed => self.after(text, &mut tell),
            Mode::Text => say(Kind::Text, text, &mut tell),
        }
    }

    /// Something else than text came: what was held back is said before it.
    pub(super) fn interrupt(&mut self, mut tell: impl FnMut(Kind, &str)) {
        if !self.held.is_empty() {
            self.mode = Mode::Text;
            say(Kind::Text, &std::mem::take(&mut self.held), &mut tell);
        }
    }

    /// Reasoning came by a field of its own, so a tag at the start of the text is text.
    pub(super) fn reasoned_elsewhere(&mut self, mut tell: impl FnMut(Kind, &str)) {
        self.interrupt(&mut tell);
        // What came of a closing tag comes before it.
        say(Kind::Reasoning, &CLOSE[..std::mem::take(&mut self.matched)], &mut tell);
        if self.mode == Mode::Start {
            self.mode = Mode::Text;
        }
    }

    /// The choice has ended: nothing is held back any longer.
    pub(super) fn finish(&mut self, mut tell: impl FnMut(Kind, &str)) {
        self.interrupt(&mut tell);
        say(Kind::Reasoning, &CLOSE[..std::mem::take(&mut self.matched)], &mut tell);
    }

    fn begin(&mut self, text: &str, tell: &mut impl FnMut(Kind, &str)) {
        let trimmed = text.trim_start();
        if let Some(rest) = trimmed.strip_prefix(OPEN) {
            self.mode = Mode::Opened;
            self.inside(rest, tell);
        } else if OPEN.starts_with(trimmed) && text.len() <= MAX_HELD {
            text.clone_into(&mut self.held);
        } else {
            self.mode = Mode::Text;
            say(Kind::Text, text, tell);
        }
    }

    fn inside(&mut self, text: &str, tell: &mut impl FnMut(Kind, &str)) {
        let mut text = text;
        if self.mode == Mode::Opened {
            text = without_breaks(text);
            if text.is_empty() {
                return;
            }
            self.mode = Mode::Inside;
        }
        if self.matched > 0 {
            // No letter of the tag but its first is `<`, so another one ends the match for good.
            let missing = &CLOSE[self.matched..];
            if missing.len() > text.len() && missing.starts_with(text) {
                self.matched += text.len();
                return;
            }
            let matched = std::mem::take(&mut self.matched);
            if let Some(rest) = text.strip_prefix(missing) {
                self.close(rest, tell);
                return;
            }
            say(Kind::Reasoning, &CLOSE[..matched], tell);
        }
        if let Some((reasoning, rest)) = text.split_once(CLOSE) {
            say(Kind::Reasoning, reasoning, tell);
            self.close(rest, tell);
            return;
        }
        let begun = text.rfind('<').filter(|&at| CLOSE.starts_with(&text[at..]));
        let (reasoning, begun) = text.split_at(begun.unwrap_or(text.len()));
        self.matched = begun.len();
        say(Kind::Reasoning, reasoning, tell);
    }

    fn close(&mut self, rest: &str, tell: &mut impl FnMut(Kind, &str)) {
        self.mode = Mode::Closed;
        self.after(rest, tell);
    }

    fn after(&mut self, text: &str, tell: &mut impl FnMut(Kind, &str)) {
        let text = without_breaks(text);
        if !text.is_empty() {
            self.mode = Mode::Text;
            say(Kind::Text, text, tell);
        }
    }
}

fn without_breaks(text: &str) -> &str {
    text.trim_start_matches(['\r', '\n'])
}

fn say(kind: Kind, text: &str, tell: &mut impl FnMut(Kind, &str)) {
    if !text.is_empty() {
        tell(kind, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What pieces give: reasoning and text.
    fn read<'a>(pieces: impl IntoIterator<Item = &'a str>) -> (String, String) {
        let (mut reasoning, mut text) = (String::new(), String::new());
        let mut think = Think::default();
        let mut tell = |kind, piece: &str| {
            assert!(!piece.is_empty());
            match kind {
                Kind::Reasoning if text.is_empty() => reasoning.push_str(piece),
                Kind::Reasoning => panic!("reasoning after text: {piece:?}"),
                Kind::Text => text.push_str(piece),
            }
        };
        for piece in pieces {
            think.take(piece, &mut tell);
        }
        think.finish(&mut tell);
        (reasoning, text)
    }

    #[test]
    fn only_a_tag_at_the_start_is_reasoning() {
        let cases = [
            ("<think>hm</think>yes", "hm", "yes"),
            (" \r\n\t<think>\nhm\n</think>\r\n\n yes\n", "hm\n", " yes\n"),
            ("<think>\n\n</think>\n\nyes", "", "yes"),
            ("<think>a < b </thin </</think><think>no</think>", "a < b </thin </", "<think>no</think>"),
            ("<think>never closed </think", "never closed </think", ""),
            ("yes <think>no</think>", "", "yes <think>no</think>"),
            ("hm</think>yes", "", "hm</think>yes"),
            ("<thinking>hm", "", "<thinking>hm"),
            ("\n<thi", "", "\n<thi"),
            ("\n\n", "", "\n\n"),
            ("<think>", "", ""),
            ("<THINK>x", "", "<THINK>x"),
        ];
        for (whole, reasoning, text) in cases {
            let wanted = (reasoning.to_owned(), text.to_owned());
            assert_eq!(read([whole]), wanted, "{whole:?}");
            assert_eq!(read(whole.split_inclusive(|_| true)), wanted, "{whole:?} by characters");
            for at in (0..whole.len()).filter(|&at| whole.is_char_boundary(at)) {
                assert_eq!(read([&whole[..at], &whole[at..]]), wanted, "{whole:?} split at {at}");
            }
        }
    }

    #[test]
    fn much_white_space_is_no_start() {
        let blank = " ".repeat(MAX_HELD + 1);
        let whole = format!("{blank}<think>x");
        assert_eq!(read([&*whole]).0, "x", "what is here at once is looked at");
        assert_eq!(read([&*blank, "<think>x"]), (String::new(), whole.clone()));
    }

    #[test]
    fn what_is_held_comes_before_anything_else() {
        let mut think = Think::default();
        let mut told = Vec::new();
        think.take("\n<", |_, _| panic!("it may be a tag"));
        think.interrupt(|kind, text| told.push((kind, text.to_owned())));
        think.take("think>", |kind, text| told.push((kind, text.to_owned())));
        assert_eq!(told, [(Kind::Text, "\n<".to_owned()), (Kind::Text, "think>".to_owned())]);

        let mut think = Think::default();
        told.clear();
        think.take("<think>a</th", |kind, text| told.push((kind, text.to_owned())));
        think.reasoned_elsewhere(|kind, text| told.push((kind, text.to_owned())));
        think.take("ey b</think>c", |kind, text| told.push((kind, text.to_owned())));
        let wanted =
            [(Kind::Reasoning, "a"), (Kind::Reasoning, "</th"), (Kind::Reasoning, "ey b"), (Kind::Text, "c")];
        assert_eq!(told, wanted.map(|(kind, text)| (kind, text.to_owned())));

        let mut think = Think::default();
        think.interrupt(|_, _| panic!("nothing is held"));
        assert!(!think.is_over(), "a tool call decides nothing");
        think.reasoned_elsewhere(|_, _| panic!("nothing is held"));
        assert!(think.is_over());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Nothing is lost, whatever comes and however it is split: reasoning, text and tags are what came.
        #[test]
        fn text_reasoning_and_tags_are_what_came(
            words in prop::collection::vec(
                prop::sample::select(vec!["<think>", "</think>", "<", "</", "think>", "\n", " ", "\r\n", "ä", "ab"]),
                0..12,
            ),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let whole = words.concat();
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len() + 1)).collect();
            places.retain(|&at| whole.is_char_boundary(at));
            places.sort_unstable();
            places.push(whole.len());
            let mut start = 0;
            let pieces = places.into_iter().map(|end| &whole[std::mem::replace(&mut start, end)..end]);
            let (reasoning, text) = read(pieces);
            let wanted = match whole.trim_start().strip_prefix(OPEN) {
                None => (String::new(), whole.clone()),
                Some(rest) => match without_breaks(rest).split_once(CLOSE) {
                    None => (without_breaks(rest).to_owned(), String::new()),
                    Some((reasoning, text)) => (reasoning.to_owned(), without_breaks(text).to_owned()),
                },
            };
            prop_assert_eq!((reasoning, text), wanted);
        }
    }
}
