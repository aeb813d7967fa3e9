//! Markdown without end, the same each time: headings, paragraphs, lists, quotes, code and tables.
//!
//! Sentences come from a stock and blocks follow each other by a small random number generator with a
//! fixed seed, so that no two pages are alike. One block is held at a time.

use super::script::sections;
use super::tokens::Tokens;

const SENTENCES: &str = include_str!("../../assets/demo/long-sentences.txt");
const HEADINGS: &str = include_str!("../../assets/demo/long-headings.txt");
const ITEMS: &str = include_str!("../../assets/demo/long-items.txt");
const BLOCKS: &str = include_str!("../../assets/demo/long-blocks.md");

/// The tokens of endless prose.
pub(super) struct Prose {
    sentences: Vec<&'static str>,
    headings: Vec<&'static str>,
    items: Vec<&'static str>,
    blocks: Vec<&'static str>,
    random: u64,
    /// Headings so far.
    chapter: usize,
    /// Blocks since the last heading.
    since_heading: usize,
    block: String,
    at: usize,
}

impl Prose {
    pub fn new(seed: u32) -> Self {
        Self {
            sentences: SENTENCES.lines().filter(|line| !line.is_empty()).collect(),
            headings: HEADINGS.lines().filter(|line| !line.is_empty()).collect(),
            items: ITEMS.lines().filter(|line| !line.is_empty()).collect(),
            blocks: sections(BLOCKS).collect(),
            random: 0x2545_f491_4f6c_dd1d ^ (u64::from(seed) << 17),
            chapter: 0,
            since_heading: 0,
            block: String::new(),
            at: 0,
        }
    }

    /// A number below `below`.
    fn roll(&mut self, below: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 33) as usize % below.max(1)
    }

    fn pick(&mut self, from: fn(&Self) -> &[&'static str]) -> &'static str {
        let at = self.roll(from(self).len());
        from(self).get(at).copied().unwrap_or_default()
    }

    fn next_block(&mut self) {
        self.block.clear();
        self.at = 0;
        if self.chapter == 0 || self.since_heading > 3 + self.chapter % 4 {
            self.heading();
            return;
        }
        self.since_heading += 1;
        match self.roll(10) {
            0 | 1 => self.list(),
            2 => self.quote(),
            3 | 4 => self.ready_made(),
            _ => self.paragraph(),
        }
        self.block.push_str("\n\n");
    }

    fn heading(&mut self) {
        let marks = if self.chapter.is_multiple_of(3) { "##" } else { "###" };
        let title = self.headings.get(self.chapter % self.headings.len().max(1)).copied().unwrap_or_default();
        self.chapter += 1;
        self.since_heading = 0;
        self.block.push_str(&format!("{marks} {}. {title}\n\n", self.chapter));
    }

    fn paragraph(&mut self) {
        for sentence in 0..3 + self.roll(4) {
            if sentence > 0 {
                self.block.push(' ');
            }
            let text = self.pick(|p| &p.sentences);
            self.block.push_str(text);
        }
    }

    fn list(&mut self) {
        let numbered = self.roll(2) == 0;
        for item in 0..3 + self.roll(4) {
            if item > 0 {
                self.block.push('\n');
            }
            match numbered {
                true => self.block.push_str(&format!("{}. ", item + 1)),
                false => self.block.push_str("- "),
            }
            let text = self.pick(|p| &p.items);
            self.block.push_str(text);
        }
    }

    fn quote(&mut self) {
        let text = self.pick(|p| &p.sentences);
        self.block.push_str("> ");
        self.block.push_str(text);
    }

    fn ready_made(&mut self) {
        let text = self.pick(|p| &p.blocks);
        self.block.push_str(text);
    }
}

impl Iterator for Prose {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.at == self.block.len() {
            self.next_block();
        }
        let token = Tokens::of(self.block.get(self.at..)?).next()?;
        self.at += token.len();
        Some(token.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_endless_varied_and_the_same_each_time() {
        let text = |seed, n| Prose::new(seed).take(n).collect::<String>();
        let page = text(0, 20_000);
        assert_eq!(page, text(0, 20_000));
        assert!(!page.starts_with(&text(1, 1000)));
        for mark in ["\n## ", "\n### ", "\n- ", "\n1. ", "\n> ", "\n```", "\n| "] {
            assert!(page.contains(mark), "no {mark:?}");
        }
        let mut paragraphs: Vec<&str> = page.split("\n\n").filter(|p| p.len() > 200).collect();
        let all = paragraphs.len();
        paragraphs.sort_unstable();
        paragraphs.dedup();
        assert!(paragraphs.len() * 10 > all * 6, "{} of {all} differ", paragraphs.len());
    }
}
