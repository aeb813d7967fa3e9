//! What the model `chat` says: by the first word of the prompt that it knows, else one of several
//! answers in turn, so that a conversation feels alive.

use super::prose::Prose;
use super::request::Request;
use super::script::{self, Step, Voice, section, sections};

const WELCOME: &str = include_str!("../../assets/demo/welcome.md");
const HELP: &str = include_str!("../../assets/demo/help.md");
const ANSWERS: &str = include_str!("../../assets/demo/answers.md");
const CODE: &str = include_str!("../../assets/demo/code.md");
const TABLE: &str = include_str!("../../assets/demo/table.md");
const LIST: &str = include_str!("../../assets/demo/list.md");
const MATH: &str = include_str!("../../assets/demo/math.md");
const CJK: &str = include_str!("../../assets/demo/cjk.md");
const EMOJI: &str = include_str!("../../assets/demo/emoji.md");
const RTL: &str = include_str!("../../assets/demo/rtl.md");
const UNICODE: &str = include_str!("../../assets/demo/unicode.md");
const MARKDOWN: &str = include_str!("../../assets/demo/markdown.md");

/// How many tokens `long` has where no number follows.
const LONG: u64 = 1000;
/// A longer answer than any test of patience.
const LONGEST: u64 = 10_000_000;
/// How many tokens a text is gone on with, and where in the prose.
const ONWARD: usize = 120;
const ONWARD_FROM: usize = 12;
/// How much of a prompt is repeated.
const EXCERPT: usize = 160;

#[derive(Clone, Copy)]
enum Topic {
    Hello,
    Scripted(&'static str),
    Long,
    Tool,
    Reasoning,
    Slow,
}

/// The words that the demo reacts to, in lower case.
const WORDS: &[(&[&str], Topic)] = &[
    (&["hello", "hi", "hey", "hallo", "hola", "bonjour", "moin", "servus", "ciao", "ola"], Topic::Hello),
    (&["help", "commands"], Topic::Scripted(HELP)),
    (&["code", "program", "function"], Topic::Scripted(CODE)),
    (&["table", "tables"], Topic::Scripted(TABLE)),
    (&["list", "lists"], Topic::Scripted(LIST)),
    (&["math", "maths", "latex", "formula"], Topic::Scripted(MATH)),
    (&["cjk", "chinese", "japanese", "korean"], Topic::Scripted(CJK)),
    (&["emoji", "emojis"], Topic::Scripted(EMOJI)),
    (&["rtl", "arabic", "hebrew", "right"], Topic::Scripted(RTL)),
    (&["unicode"], Topic::Scripted(UNICODE)),
    (&["markdown", "everything"], Topic::Scripted(MARKDOWN)),
    (&["long"], Topic::Long),
    (&["tool", "tools", "weather"], Topic::Tool),
    (&["think", "reasoning", "reason"], Topic::Reasoning),
    (&["slow", "slowly"], Topic::Slow),
];

/// The answer to the last prompt of `request`, as the choice of that number.
pub(super) fn answer(request: &Request, choice: u32) -> Voice {
    let results = request.tool_results();
    if !results.is_empty() {
        return script::with_results(&results);
    }
    let prompt = request.prompt();
    let Some((topic, number)) = topic(&prompt) else {
        if request.is_raw {
            return gone_on(choice);
        }
        return small_talk(&prompt, request.turn(), choice).paced(first_ms(&prompt), 80.0);
    };
    match topic {
        // Whoever asks for several choices gets different ones.
        Topic::Hello if choice == 0 => Voice::saying(section(WELCOME, usize::from(request.turn() > 1))),
        Topic::Hello => small_talk(&prompt, request.turn(), choice),
        Topic::Scripted(text) => Voice::saying(text.trim_end()),
        Topic::Long => long(number.unwrap_or(LONG), choice),
        Topic::Tool => script::weather(choice),
        Topic::Reasoning => script::reasoning(),
        Topic::Slow => script::slow(),
    }
}

/// The first word that says something, and the number after it.
fn topic(prompt: &str) -> Option<(Topic, Option<u64>)> {
    let lower = prompt.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let found = words.find_map(|word| WORDS.iter().find(|(known, _)| known.contains(&word)))?;
    Some((found.1, words.next().and_then(|word| word.parse().ok())))
}

fn long(tokens: u64, choice: u32) -> Voice {
    let tokens = usize::try_from(tokens.clamp(1, LONGEST)).unwrap_or(usize::MAX);
    let prose = Prose::new(choice);
    Voice::new(Box::new(prose.map(|token| Step::Text(token.into())).take(tokens)))
}

/// A text without words that the demo knows is gone on with.
fn gone_on(choice: u32) -> Voice {
    let prose = Prose::new(choice).skip(ONWARD_FROM).take(ONWARD);
    Voice::new(Box::new(prose.map(|token| Step::Text(token.into()))))
}

fn small_talk(prompt: &str, turn: usize, choice: u32) -> Voice {
    let count = sections(ANSWERS).count().max(1);
    let text = section(ANSWERS, (turn.saturating_sub(1) + choice as usize) % count);
    Voice::saying(text.replace("{prompt}", &excerpt(prompt)))
}

/// Between 150 and 300 ms, the same for the same prompt.
fn first_ms(prompt: &str) -> u64 {
    150 + prompt.bytes().fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 151)
}

/// The first line of `text` with something in it, cut to what fits into a sentence.
pub(super) fn excerpt(text: &str) -> String {
    use unicode_segmentation::UnicodeSegmentation;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("…");
    match line.grapheme_indices(true).nth(EXCERPT) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}
