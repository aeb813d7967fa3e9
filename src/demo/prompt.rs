//! Reads the prompt of a text completion: who said what, in the marks of the usual templates.
//!
//! Base models have no ears for turns, and the demo has: it reacts to the last words of the person, so it
//! finds them where ChatML, Llama 2 and 3, Mistral or plain `User:` lines put them. What has no marks is
//! one text, to be gone on with.

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
    turns.iter().any(|(who, _)| *who == Speaker::User).then_some(turns)
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
fn headed<'a>(prompt: &'a str, (open, name_ends, close): (&str, &str, &str)) -> Vec<(Speaker, &'a str)> {
    let parts = prompt.split(open).skip(1);
    parts
        .filter_map(|part| {
            let (name, text) = part.split_once(name_ends).unwrap_or((part, ""));
            let text = text.split(close).next().unwrap_or_default();
            Some((speaker(name)?, text.trim()))
        })
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

/// `[INST] … [/INST] …`, the system prompt before the first words of the person.
fn instructions(prompt: &str) -> Vec<(Speaker, &str)> {
    let mut turns = Vec::new();
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
    turns
}

/// Lines that begin with a name and a colon. What stands before them is the system prompt.
fn lines(prompt: &str) -> Vec<(Speaker, &str)> {
    let mut starts = vec![(Speaker::System, 0, 0)];
    let mut at = 0;
    for line in prompt.split_inclusive('\n') {
        if let Some((name, _)) = line.split_once(':')
            && let Some(who) = speaker(name)
        {
            starts.push((who, at, at + name.len() + 1));
        }
        at += line.len();
    }
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
    fn a_text_without_marks_is_none() {
        for prompt in ["", "Once upon a time", "Note: this\nis no turn", "[INST"] {
            assert_eq!(turns(prompt), None, "{prompt:?}");
        }
    }
}
