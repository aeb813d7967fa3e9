//! Text within a block: emphasis, code, links; from a paragraph's source to spans.
//!
//! The parser is pulldown-cmark. It is shown one paragraph at a time, so dressed that it can see nothing
//! else in it: a no-break space in front (white space to the rules of emphasis, a letter to those of
//! blocks) and further lines indented. Definitions of links are looked up in what was defined before.

use pulldown_cmark::{BrokenLink, CowStr, Event, Options, Parser, Tag, TagEnd};

use super::block::Piece;
use crate::base::sanitize::clean;
use crate::base::{Emphasis, Span, Tone};

/// `[label]: address`, acting from the block of that number on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Definition {
    label: String,
    address: String,
    since: usize,
}

/// What is defined where a block stands.
#[derive(Clone, Copy)]
pub(super) struct Defined<'a> {
    pub definitions: &'a [Definition],
    /// The block's number.
    pub block: usize,
}

impl Defined<'_> {
    fn address(&self, label: &str) -> Option<String> {
        let label = folded(label);
        let known = self.definitions.iter().take_while(|d| d.since <= self.block);
        known.filter(|d| d.label == label).map(|d| d.address.clone()).next()
    }
}

fn folded(label: &str) -> String {
    label.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The lines of a paragraph as one text.
pub(super) fn joined(source: &str, pieces: &[Piece]) -> String {
    let mut out = String::with_capacity(pieces.iter().map(|p| p.end - p.start + 1).sum());
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.push_str(piece.text(source));
    }
    out
}

/// The definitions that a paragraph begins with, and where the rest of it begins.
pub(super) fn definitions(text: &str, since: usize) -> (Vec<Definition>, usize) {
    let parser = Parser::new(text);
    let mut found: Vec<_> = parser
        .reference_definitions()
        .iter()
        .map(|(label, def)| (def.span.start, folded(label), def.dest.to_string()))
        .collect();
    found.sort();
    let found = found.into_iter().map(|(_, label, address)| Definition { label, address, since }).collect();
    let rest = parser.into_offset_iter().next().map_or(text.len(), |(_, range)| range.start);
    (found, rest)
}

/// The spans of `text`; a hard break is a span of `\n`.
pub(super) fn spans(text: &str, tone: Tone, emphasis: Emphasis, defined: Defined<'_>) -> Vec<Span> {
    let mut writer = Writer { spans: Vec::new(), tone, emphasis, depths: [0; 3], links: Vec::new() };
    if !text.bytes().any(|b| b"\n\\`*_~[]<&\0\r!".contains(&b)) {
        writer.push(text.trim_end(), writer.tone);
        return writer.spans;
    }
    let dressed = format!("\u{a0}{}", text.replace('\n', "\n    "));
    let lookup = |link: BrokenLink<'_>| {
        defined.address(&link.reference).map(|address| (CowStr::from(address), CowStr::from("")))
    };
    let parser = Parser::new_with_broken_link_callback(&dressed, Options::ENABLE_STRIKETHROUGH, Some(lookup));
    let mut first = true;
    for event in parser {
        match event {
            Event::Text(text) => {
                let bare = if first { text.strip_prefix('\u{a0}').unwrap_or(&text) } else { &text };
                first = false;
                writer.push(bare, writer.tone);
            }
            other => writer.event(other),
        }
    }
    writer.spans
}

struct Writer {
    spans: Vec<Span>,
    tone: Tone,
    emphasis: Emphasis,
    /// Open emphasis, strong, strikethrough.
    depths: [usize; 3],
    /// The addresses of open links, and where their text begins.
    links: Vec<(String, usize)>,
}

impl Writer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.push(&text, self.tone),
            Event::Code(code) | Event::InlineMath(code) | Event::DisplayMath(code) => {
                self.push(&code, Tone::Code);
            }
            Event::SoftBreak => self.push(" ", self.tone),
            Event::HardBreak => self.spans.push(Span::new("\n", self.tone)),
            Event::FootnoteReference(_) | Event::Rule | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Emphasis => self.depths[0] += 1,
            Tag::Strong => self.depths[1] += 1,
            Tag::Strikethrough => self.depths[2] += 1,
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.links.push((dest_url.to_string(), self.spans.len()));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Emphasis => self.depths[0] = self.depths[0].saturating_sub(1),
            TagEnd::Strong => self.depths[1] = self.depths[1].saturating_sub(1),
            TagEnd::Strikethrough => self.depths[2] = self.depths[2].saturating_sub(1),
            TagEnd::Link | TagEnd::Image => self.end_link(),
            _ => {}
        }
    }

    fn end_link(&mut self) {
        let Some((address, from)) = self.links.pop() else { return };
        let text: String = self.spans.get(from..).unwrap_or(&[]).iter().map(|s| s.text.as_str()).collect();
        let bare = |s: &str| s.trim_start_matches("mailto:").trim_end_matches('/').to_owned();
        if address.is_empty() || bare(&address) == bare(&text) {
            return;
        }
        let shown = format!(" ({})", clean(&address));
        self.spans.push(Span::new(shown, Tone::Dim));
    }

    fn push(&mut self, text: &str, tone: Tone) {
        if text.is_empty() {
            return;
        }
        let [italic, bold, strike] = self.depths.map(|d| d > 0);
        let linked = !self.links.is_empty();
        let emphasis = Emphasis {
            bold: self.emphasis.bold || bold,
            italic: self.emphasis.italic || italic,
            underline: self.emphasis.underline || linked,
            strike: self.emphasis.strike || strike,
        };
        let tone = if linked && tone != Tone::Code { Tone::Link } else { tone };
        let from = self.links.last().map_or(0, |link| link.1);
        let merges = self.spans.len() > from;
        match self.spans.last_mut() {
            Some(last) if merges && last.tone == tone && last.emphasis == emphasis && last.text != "\n" => {
                last.text.push_str(text);
            }
            _ => self.spans.push(Span { text: text.to_owned(), tone, emphasis }),
        }
    }
}

/// Cleans what was gathered. Done once a span is whole: what is harmless in two parts may not be in one.
pub(super) fn cleaned(mut spans: Vec<Span>) -> Vec<Span> {
    for span in &mut spans {
        if span.text != "\n"
            && let std::borrow::Cow::Owned(text) = clean(&span.text)
        {
            span.text = text;
        }
    }
    spans
}
