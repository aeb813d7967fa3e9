//! Reads the prompt of a text completion: who said what, in the marks of the usual templates.
//!
//! Base models have no ears for turns, and the demo has: it reacts to the last words of the person, so it
//! finds them where ChatML, Llama 2 and 3, Mistral or plain `User:` lines put them. What has no marks is
//! one text, to be gone on with.

use std::collections::VecDeque;

/// The most turns that are kept, the last ones: more would take more room than their text.
const MOST_TURNS: usize = 4096;

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    System,
    User,
    Assistant,
}

/// What was said, in order; `None` where the text has no marks of turns.
pub(super) fn turns(prompt: &str) -> Option<Vec<(Speaker, &str)>> {
    let turns = if prompt.contains("<|im_start|>") {
        headed(prompt, ("<|im_start|>", "\n", "<|im_end|>"))
    } else if prompt.contains("<|start_header_id|>") {
        headed(prompt, ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"))
    } else if prompt.contains("[INST]") {
        instructions(prompt)
    } else {
        lines(prompt)
    };
    turns.iter().any(|(who, _)| *who == Speaker::User).then(|| turns.into())
}

/// The last things that were added.
struct Last<T>(VecDeque<T>);

impl<T> Last<T> {
    fn push(&mut self, one: T) {
        if self.0.len() == MOST_TURNS {
            self.0.pop_front();
        }
        self.0.push_back(one);
    }
}

impl<T> FromIterator<T> for Last<T> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        let mut last = Self(VecDeque::new());
        all.into_iter().for_each(|one| last.push(one));
        last
    }
}

fn speaker(name: &str) -> Option<Speaker> {
    match name.trim().to_ascii_lowercase().as_str() {
        "system" => Some(Speaker::System),
        "user" | "human" => Some(Speaker::User),
        "assistant" | "ai" => Some(Speaker::Assistant),
        _ => None,
    }
}

/// Turns that begin with a mark and a name, and end with a mark.
fn headed<'a>(prompt: &'a str, (open, name_ends, close): (&str, &str, &str)) -> VecDeque<(Speaker, &'a str)> {
    let parts = prompt.split(open).skip(1);
    let turns: Last<_> = parts
        .filter_map(|part| {
            let (name, text) = part.split_once(name_ends).unwrap_or((part, ""));
            let text = text.split(close).next().unwrap_or_default();
            Some((speaker(name)?, text.trim()))
        })
        .filter(|(_, text)| !text.is_empty())
        .collect();
    turns.0
}

/// `[INST] … [/INST] …`, the system prompt before the first words of the person.
fn instructions(prompt: &str) -> VecDeque<(Speaker, &str)> {
    let mut turns = Last(VecDeque::new());
    for (at, part) in prompt.split("[INST]").skip(1).enumerate() {
        let (asked, answered) = part.split_once("[/INST]").unwrap_or((part, ""));
        let system = match asked.split_once("<</SYS>>") {
            Some((system, asked)) => Some((system.trim().trim_start_matches("<<SYS>>"), asked)),
            None if at == 0 => asked.rsplit_once("\n\n"),
            None => None,
        };
        if let Some((system, _)) = system {
            turns.push((Speaker::System, system.trim()));
        }
        turns.push((Speaker::User, system.map_or(asked, |(_, asked)| asked).trim()));
        let answered = answered.split("</s>").next().unwrap_or_default().trim();
        if !answered.is_empty() {
            turns.push((Speaker::Assistant, answered));
        }
    }
    turns.0
}

/// Lines that begin with a name and a colon. What stands before them is the system prompt.
fn lines(prompt: &str) -> VecDeque<(Speaker, &str)> {
    let mut starts = Last(VecDeque::from([(Speaker::System, 0, 0)]));
    let mut at = 0;
    for line in prompt.split_inclusive('\n') {
        if let Some((name, _)) = line.split_once(':')
            && let Some(who) = speaker(name)
        {
            starts.push((who, at, at + name.len() + 1));
        }
        at += line.len();
    }
    let starts = starts.0;
    let ends = starts.iter().skip(1).map(|(_, start, _)| *start).chain([prompt.len()]);
    let turns = starts.iter().zip(ends).map(|((who, _, from), to)| (*who, prompt[*from..to].trim()));
    turns.filter(|(_, text)| !text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marks_of_the_usual_templates_are_known() {
        for prompt in [
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n\
             <|im_start|>assistant\nHi: you<|im_end|>\n<|im_start|>user\na table\n\nplease<|im_end|>\n\
             <|im_start|>assistant\n",
            "[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHello [/INST] Hi: you </s><s>[INST] a table\n\nplease [/INST]",
            "<|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\
             \n\nHello<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHi: you<|eot_id|>\
             <|start_header_id|>user<|end_header_id|>\n\na table\n\nplease<|eot_id|>\
             <|start_header_id|>assistant<|end_header_id|>\n\n",
            "[INST] Be brief.\n\nHello [/INST] Hi: you</s> [INST] a table\n\nplease [/INST]",
            "Be brief.\n\nUser: Hello\n\nAssistant: Hi: you\n\nUser: a table\n\nplease\n\nAssistant:",
        ] {
            let wanted = [
                (Speaker::System, "Be brief."),
                (Speaker::User, "Hello"),
                (Speaker::Assistant, "Hi: you"),
                (Speaker::User, "a table\n\nplease"),
            ];
            assert_eq!(turns(prompt).unwrap(), wanted, "{prompt}");
        }
    }

    #[test]
    fn of_very_many_turns_the_last_are_kept() {
        for one in ["User: x\n", "<|im_start|>user\nx<|im_end|>\n", "[INST] x [/INST]"] {
            let prompt = format!("{}{}", one.repeat(MOST_TURNS * 2), one.replace('x', "last"));
            let turns = turns(&prompt).unwrap();
            assert_eq!((turns.len(), turns.last()), (MOST_TURNS, Some(&(Speaker::User, "last"))), "{one}");
        }
    }

    #[test]
    fn a_text_without_marks_is_none() {
        for prompt in ["", "Once upon a time", "Note: this\nis no turn", "[INST"] {
            assert_eq!(turns(prompt), None, "{prompt:?}");
        }
    }
}
