//! What a reader relies on, through the public face.

use proptest::prelude::*;

use super::{LiveMarkdown, Progress};
use crate::base::width::line_width;
use crate::base::{Emphasis, Line, Tone};

const DOCUMENTS: &[&str] = &[
    "# Title\n\nA *first* paragraph with **bold**, `code` and ~~gone~~.\nIt goes on\\\nafter a break.\n\nTwo\n===\n\nThree\n---\n\n***\n\nEnd",
    "Intro:\n- one\n- two **b**\n  more of two\n\n  second paragraph\n  1. a\n  2. b\n     - deep\n- [ ] todo\n- [x] done\n-\n- last\n\n10. ten\n11. eleven\n\nafter\n",
    "Look:\n```rust\nfn main() {\n\tprintln!(\"*no emphasis*\");\n\n}\n```\nthen\n\n    indented\n\n    more\n\nend ``a ` b`` and\n~~~\nunclosed\n``` not the end\n",
    "> quoted *text\n> goes* on\nlazily\n>\n> - item\n>   ```sh\n>   ls\n>   ```\n>\n>> deeper\n\nout\n",
    "Before\n| a | b |\n|---|:-:|\n| `x|y` | **bold** |\n| long cell with words | 漢字 \\| c |\n| only |\n\nAfter [link](https://example.com/a) and [https://same.org](https://same.org) <https://auto.link>.\n",
    "[id]: https://example.com 'T'\n\nSee [id] and [this][id], [unknown] and ![image](a.png).\n\n[late]: x\n[late]\n",
    "<details>\n<summary>*raw*</summary>\n\ntext <b>inline</b> &amp; &lt;\n\n<!-- a\n\nb -->\nend\n",
    "a_b_c 2 * 3 * 4 **un closed\n\n*also [not(\n\n1986. A great year\n\n#no heading\n####### seven\n## two ##\n\n| not | a table\n| at | all\n",
    "- a\n\n- b\n* c\n1) x\n2) y\n\n   ```\n   code in item\n   ```\n3) z\n- - - nested\n  - > quote in item\n    > more\n",
    "\r\n# CRLF\r\n\r\n- item\r\n- item\r\n\r\n```\r\ncode\r\n```\r\n\tnot\x1b[31m red\u{202e}\n",
];

/// The rows as text and tones.
fn rows(live: &mut LiveMarkdown, source: &str, width: u16) -> Vec<Line> {
    let height = live.height(source, width);
    let rows: Vec<Line> = live.rows(source, width, 0..height).into_iter().cloned().collect();
    assert_eq!(rows.len(), height);
    rows
}

fn fresh(source: &str, progress: Progress, width: u16) -> Vec<Line> {
    let mut live = LiveMarkdown::new(1);
    live.update(source, progress);
    rows(&mut live, source, width)
}

fn plain(source: &str, progress: Progress, width: u16) -> String {
    let rows: Vec<_> = fresh(source, progress, width).iter().map(Line::plain).collect();
    rows.join("\n")
}

fn whole(source: &str) -> String {
    plain(source, Progress::Whole, 40)
}

fn streaming(source: &str) -> String {
    plain(source, Progress::Streaming, 40)
}

/// Feeds `source` in steps of the lengths that `steps` goes through, and checks each state.
fn check_growth(source: &str, steps: &[usize], width: u16) {
    let mut live = LiveMarkdown::new(1);
    let (mut at, mut step) = (0, 0);
    let mut settled: Vec<Line> = Vec::new();
    while at < source.len() {
        at = (at + steps[step % steps.len()]).min(source.len());
        while !source.is_char_boundary(at) {
            at += 1;
        }
        step += 1;
        let prefix = &source[..at];
        live.update(prefix, Progress::Streaming);
        let now = rows(&mut live, prefix, width);
        assert_eq!(now, fresh(prefix, Progress::Streaming, width), "{prefix:?}");
        assert_eq!(now[..settled.len()], settled, "{prefix:?}");
        settled = now[..live.settled(prefix, width)].to_vec();
    }
    live.update(source, Progress::Whole);
    let end = rows(&mut live, source, width);
    assert_eq!(end, fresh(source, Progress::Whole, width));
    assert_eq!(end[..settled.len()], settled);
}

#[test]
fn growing_shows_at_every_prefix_what_that_prefix_shows_and_what_settled_stays() {
    for source in DOCUMENTS {
        for steps in [&[1][..], &[7, 2, 13]] {
            check_growth(source, steps, 30);
        }
    }
}

#[test]
fn long_paragraphs_lines_and_tables_settle_while_they_grow() {
    let words = "Some *words* of a sentence. ".repeat(500);
    let code = format!("```\n{}\n", "x = 1; ".repeat(2000));
    let table = format!("| n | m |\n|---|---|\n{}", "| one | two words |\n".repeat(150));
    let unbroken = "漢".repeat(5000);
    for source in [words, code, table, unbroken] {
        check_growth(&source, &[997], 50);
        let mut live = LiveMarkdown::new(1);
        live.update(&source, Progress::Streaming);
        let open = live.height(&source, 50) - live.settled(&source, 50);
        assert!(open < 120, "{open} rows open");
    }
}

#[test]
fn paragraphs_headings_and_breaks() {
    let text = "# Title #\n\nsoft\nbreak and hard\\\nbreak\n\nUnder\n-----\n\n---\nend";
    assert_eq!(
        whole(text),
        format!("Title\n\nsoft break and hard\nbreak\n\nUnder\n\n{}\n\nend", "─".repeat(40))
    );
    let heading = &fresh("## *Two*", Progress::Whole, 40)[0].spans[0];
    assert_eq!(heading.tone, Tone::Heading);
    assert_eq!(heading.emphasis, Emphasis { bold: true, italic: true, ..Emphasis::default() });
}

#[test]
fn lists() {
    let text =
        "- one\n- two\n\n  more\n  - deep\n    - deeper\n- [x] done\n- [ ] todo\n-\n\n9. nine\n1. ten\n";
    assert_eq!(
        whole(text),
        "• one\n• two\n\n  more\n  ◦ deep\n    ▪ deeper\n☑ done\n☐ todo\n•\u{20}\n\n 9. nine\n10. ten"
    );
}

#[test]
fn quotes_and_what_is_in_them() {
    assert_eq!(whole("> a\nlazy\n>\n> b\n>> c\n\nd"), "▌ a lazy\n▌\n▌ b\n▌\n▌ ▌ c\n\nd");
    assert_eq!(fresh("> a", Progress::Whole, 40)[0].spans[1].tone, Tone::Quote);
}

#[test]
fn code_has_a_label_a_number_and_its_own_lines() {
    let text = "```rust\nlet a;\n\n\tb\n```\nx\n\n    c\n";
    let expected = "  rust                               ⧉ 1\n  let a;\n\n      b\n\nx\n\n                                     ⧉ 2\n  c";
    assert_eq!(whole(text), expected);
    let mut live = LiveMarkdown::new(1);
    live.update(text, Progress::Streaming);
    let blocks = live.code_blocks(text);
    assert_eq!(live.code_count(text), 2);
    assert_eq!((blocks[0].language.as_str(), blocks[0].text.as_str()), ("rust", "let a;\n\n\tb\n"));
    assert_eq!((blocks[1].number, blocks[1].text.as_str()), (2, "c\n"));
}

#[test]
fn a_long_code_line_is_copied_whole() {
    let line = "x".repeat(20_000);
    let text = format!("```\n{line}\ny\n```\n");
    let mut live = LiveMarkdown::new(5);
    live.update(&text, Progress::Whole);
    let blocks = live.code_blocks(&text);
    assert_eq!((blocks[0].number, blocks[0].text.clone()), (5, format!("{line}\ny\n")));
}

#[test]
fn links_show_their_address_once() {
    assert_eq!(whole("[a](http://b.c) <http://d.e>"), "a (http://b.c) http://d.e");
    assert_eq!(whole("[r]: http://b.c\n\n[x][r] [r] [no]"), "x (http://b.c) r (http://b.c) [no]");
    assert_eq!(whole("[r]\n\n[r]: http://b.c\n"), "[r]");
}

#[test]
fn tables_fit_and_wrap() {
    assert_eq!(
        whole("| a | b |\n|--:|---|\n| 1 | x \\| y |\n| 22 | **z** | extra |"),
        " a │ b    \n───┼──────\n 1 │ x | y\n22 │ z    "
    );
    let wide = "a | b\n--|--\nsome longer text in here | and some more text over there";
    assert_eq!(
        whole(wide),
        "a                  │ b                  \n\
         ───────────────────┼────────────────────\n\
         some longer text   │ and some more text \n\
         in here            │ over there         "
    );
}

#[test]
fn html_is_text() {
    assert_eq!(whole("<div>\n*a*\n\n<b>c</b> &amp; d"), "<div>\n*a*\n\n<b>c</b> & d");
}

#[test]
fn nothing_from_outside_reaches_the_rows_uncleaned() {
    let shown = whole("a\x1b[2J &#27;\u{202e}\n\n```\n\x07\n```\n\n[x](http://a/\u{202e}b)\n\n<p>\x08");
    assert!(!shown.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{shown:?}");
}

#[test]
fn while_streaming_markers_are_hidden_and_text_styled() {
    assert_eq!(streaming("a **bo"), "a bo");
    assert!(fresh("a **bo", Progress::Streaming, 40)[0].spans[1].emphasis.bold);
    assert_eq!(streaming("see [the page](http://exam"), "see the page");
    assert_eq!(streaming("x\n\n```ru"), format!("x\n\n  ru{}⧉ 1", " ".repeat(33)));
    assert_eq!(streaming("```\na\n``"), format!("{}⧉ 1\n  a", " ".repeat(37)));
    assert_eq!(streaming("| a | b"), "a │ b");
    assert_eq!(streaming("| a | b |\n|--"), "a │ b");
}

#[test]
fn while_streaming_undecided_markers_are_held_back() {
    for tail in [
        "#", "##", "-", "- ", "* ", "1", "1.", "`", "```", "~~", "*", "**", "---", "- [", "- [x]", ">", "<",
        "[a]: b",
    ] {
        assert_eq!(streaming(&format!("x\n\n{tail}")), "x", "{tail}");
    }
    assert_eq!(streaming("x\n=="), "x");
    assert_eq!(whole("x **"), "x **");
}

#[test]
fn rows_far_away_are_made_again_as_they_were() {
    let source: String = (0..6000).map(|n| format!("Paragraph {n} with *some* text\n\n")).collect();
    let mut live = LiveMarkdown::new(1);
    live.update(&source, Progress::Whole);
    let height = live.height(&source, 40);
    let first: Vec<Line> = live.rows(&source, 40, 0..20).into_iter().cloned().collect();
    for at in (0..height).step_by(500) {
        assert!(!live.rows(&source, 40, at..at + 20).is_empty());
    }
    let again: Vec<Line> = live.rows(&source, 40, 0..20).into_iter().cloned().collect();
    assert_eq!(first, again);
    assert_eq!(live.rows(&source, 40, height..height + 5).len(), 0);
}

#[test]
fn no_width_is_too_small() {
    for source in DOCUMENTS {
        for width in 0..20 {
            for row in fresh(source, Progress::Whole, width) {
                assert!(line_width(&row) <= usize::from(width), "{width} {row:?}");
            }
        }
    }
}

fn markdown() -> impl Strategy<Value = String> {
    let pieces = [
        "\n",
        "\n\n",
        " ",
        "  ",
        "    ",
        "\t",
        "- ",
        "* ",
        "1. ",
        "2) ",
        "> ",
        "# ",
        "### ",
        "```",
        "~~~",
        "`",
        "*",
        "**",
        "_",
        "~~",
        "[",
        "](",
        ")",
        "[a]: b",
        "|",
        "|--|--|\n",
        "| a | b |\n",
        "---\n",
        "===\n",
        "<div>",
        "<!--",
        "-->",
        "\\",
        "&amp;",
        "word",
        "two words",
        "漢字",
        "👩‍👩‍👧",
        "e\u{301}",
        "🇩🇪",
        "ｶﾞ",
        "\r\n",
        "\u{1b}",
        "\u{200d}",
        "[x] ",
        "http://x.y",
        "<http://a.b>",
        "!",
    ];
    let piece = prop_oneof![9 => proptest::sample::select(pieces.to_vec()).prop_map(str::to_owned), 1 => any::<String>()];
    proptest::collection::vec(piece, 0..40).prop_map(|v| v.concat())
}

proptest! {
    #[test]
    fn any_text_grows_soundly(source in markdown(), steps in proptest::collection::vec(1usize..20, 1..5), width in 1u16..60) {
        check_growth(&source, &steps, width);
    }

    #[test]
    fn rows_never_exceed_the_width(source in markdown(), width in 1u16..120) {
        for progress in [Progress::Streaming, Progress::Whole] {
            for row in fresh(&source, progress, width) {
                prop_assert!(line_width(&row) <= usize::from(width), "{:?}", row);
                prop_assert!(!row.plain().contains(char::is_control));
            }
        }
    }
}

/// The structure of a text as pulldown-cmark sees it: what is code, a heading, an item, a quote.
fn outline_of_reference(source: &str) -> (Vec<String>, String) {
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let (mut out, mut depth, mut quotes) = (Vec::new(), 0, 0);
    let mut words = String::new();
    for event in Parser::new_ext(source, options) {
        let what = match event {
            Event::Start(Tag::Item) => {
                depth += 1;
                continue;
            }
            Event::End(TagEnd::Item) => {
                depth -= 1;
                continue;
            }
            Event::Start(Tag::BlockQuote(_)) => {
                quotes += 1;
                continue;
            }
            Event::End(TagEnd::BlockQuote(_)) => {
                quotes -= 1;
                continue;
            }
            Event::Start(Tag::Heading { level, .. }) => format!("heading {}", level as u8),
            Event::Start(Tag::CodeBlock(_)) => "code".to_owned(),
            Event::Start(Tag::Table(_)) => "table".to_owned(),
            Event::Rule => "rule".to_owned(),
            Event::Text(text) | Event::Code(text) => {
                words.push_str(&text);
                continue;
            }
            Event::Start(Tag::HtmlBlock) => "html".to_owned(),
            _ => continue,
        };
        out.push(format!("{what} in {depth} items, {quotes} quotes"));
    }
    (out, squeezed(&words))
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '`' | '~' | '*')).collect()
}

fn outline(source: &str) -> (Vec<String>, String) {
    use super::block::{Frame, Growth, Kind};
    use super::blocks::{Blocks, Ending};
    let (mut parser, mut blocks, mut at) = (Blocks::new(0), Vec::new(), 0);
    for line in source.split_inclusive('\n') {
        let end = at + line.strip_suffix('\n').unwrap_or(line).len();
        parser.feed(source, at..end, Ending::Closed, &mut blocks);
        at += line.len();
    }
    parser.finish(source, Growth::Closed, &mut blocks);
    let describe = |block: &super::block::Block| {
        let what = match &block.kind {
            Kind::Heading(level) => format!("heading {level}"),
            Kind::CodeHead(_) => "code".to_owned(),
            Kind::Table => "table".to_owned(),
            Kind::Rule => "rule".to_owned(),
            Kind::Html if block.gap => "html".to_owned(),
            _ => return None,
        };
        let quotes = block.frames.iter().filter(|f| **f == Frame::Quote).count();
        Some(format!("{what} in {} items, {quotes} quotes", block.frames.len() - quotes))
    };
    let text = |kind: &Kind| matches!(kind, Kind::Paragraph | Kind::Heading(_) | Kind::CodeLine);
    let words: String = blocks
        .iter()
        .filter(|b| text(&b.kind))
        .flat_map(|b| b.pieces.iter())
        .map(|p| p.text(source))
        .collect();
    (blocks.iter().filter_map(describe).collect(), squeezed(&words))
}

#[test]
fn the_structure_is_that_of_commonmark() {
    for source in DOCUMENTS {
        let (expected, _) = outline_of_reference(source);
        let without_html =
            |v: Vec<String>| v.into_iter().filter(|s| !s.starts_with("html")).collect::<Vec<_>>();
        assert_eq!(without_html(outline(source).0), without_html(expected), "{source}");
    }
}

/// Tables are left out: within items the reference does not find them after a line of text.
fn lines() -> impl Strategy<Value = String> {
    let starts = ["", "", "", "- ", "  ", "    ", "   - ", "> ", "> > ", "1. ", "   ", "7) ", "      "];
    let texts = [
        "", "word", "# head", "---", "===", "```", "~~~ x", "- item", "* * *", "## x ##", "1. y", "2. z",
        "> q",
    ];
    let line = (proptest::sample::select(starts.to_vec()), proptest::sample::select(texts.to_vec()));
    proptest::collection::vec(line.prop_map(|(a, b)| format!("{a}{b}\n")), 1..9).prop_map(|v| v.concat())
}

proptest! {
    #[test]
    fn any_structure_is_that_of_commonmark(source in lines()) {
        prop_assert_eq!(outline(&source), outline_of_reference(&source), "\n{}", source);
    }
}

#[test]
fn no_marker_flashes_while_an_answer_streams() {
    let answer = "# Borrowing, *explained*\n\nThe **borrow checker** rejects `let b = &mut v` — see [the book](https://doc.rust-lang.org \
        \"T\") and ***both***, __too__ and ~~not~~ this.\n\n1. First **item**\n   - nested `x`\n2. Second\n\n> quoted *words*\n\n\
        | Name | Use |\n|:-----|----:|\n| `a` | **one** |\n| b | [l](http://x.y) |\n\n```rust\nfn main() {}\n```\n\n---\n\n\
        - [x] done\n- [ ] open\n\nUnder\n===\n\nEnd with ![picture](a.png) and <https://auto.link>.\n";
    let letters =
        |s: &str| s.replace("\u{20}(", "(").chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let end = letters(&plain(answer, Progress::Whole, 60));
    // Addresses appear behind a link's text once it is whole, so they are left out of the comparison.
    let without = |s: &str| {
        ["httpsdocrustlangorg", "httpxy", "apng"].iter().fold(s.to_owned(), |s, a| s.replace(a, ""))
    };
    for at in (0..=answer.len()).filter(|&at| answer.is_char_boundary(at)) {
        let shown = plain(&answer[..at], Progress::Streaming, 60);
        let code: String = shown.chars().filter(|c| "*`#[]|~_<>".contains(*c)).collect();
        assert!(code.is_empty(), "{code:?} at {:?}:\n{shown}", &answer[..at]);
        let now = letters(&shown);
        let number = now.strip_suffix('1').unwrap_or(&now);
        assert!(
            without(&end).starts_with(&without(&now)) || without(&end).starts_with(&without(number)),
            "{:?}\n{shown}",
            &answer[..at]
        );
    }
}

#[test]
fn a_long_list_of_definitions_shows_nothing() {
    let list: String = (0..300).map(|n| format!("[{n}]: https://example.com/{n}\n")).collect();
    assert_eq!(
        plain(&format!("{list}\nsee [299]"), Progress::Whole, 60),
        "see 299 (https://example.com/299)"
    );
    check_growth(&list[..6000], &[500], 40);
}

#[test]
fn no_marker_is_seen_while_a_text_grows() {
    let text = "# Title\n\nWith **bold**, *it*, `code`, ~~gone~~ and [a link](https://example.com/):\n- one\n\
                - two **b**\n  1. deep\n  2. deep *x* and ***both***\n\n> quote\n> > nested **q**\n>\n> - item\n\n\
                ```rust\nfn main\n```\n\n| a | b |\n|---|:-:|\n| **x** | `y` |\n| z | [w](v) |\n\n\
                See ![img](a.png) <https://auto.link>\n* * *\n- [ ] todo\n- [x] done\n+ plus\n\n\
                Head\n====\n\n---\n\n~~~~ sh\nls\n~~~~\nEnd **of __it__**\n";
    let mut live = LiveMarkdown::new(1);
    for (at, _) in text.char_indices() {
        live.update(&text[..at], Progress::Streaming);
        for row in rows(&mut live, &text[..at], 60) {
            let row = row.plain();
            let marker = row.find(|c| "*_`#>[]|~=+".contains(c));
            assert!(marker.is_none() && !row.trim_start().starts_with('-'), "{row:?} of {:?}", &text[..at]);
        }
    }
}

#[test]
fn a_burst_that_is_absorbed_looks_like_one_that_is_not() {
    let source = DOCUMENTS.join("\n\n").repeat(20);
    let mut live = LiveMarkdown::new(1);
    live.update(&source[..0], Progress::Streaming);
    rows(&mut live, "", 40);
    for at in (0..source.len()).step_by(5_000).filter(|at| source.is_char_boundary(*at)) {
        live.absorb(&source[..at], 40);
    }
    live.update(&source, Progress::Streaming);
    assert_eq!(rows(&mut live, &source, 40), fresh(&source, Progress::Streaming, 40));
}
