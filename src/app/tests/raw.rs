//! Raw prompts: what goes out, how it is shown, what follows, and where there are none.

use std::sync::Arc;

use crate::app::tests::{Script, choice, provider};
use crate::chat::request::GO_ON;
use crate::chat::{Dialect, FinishReason, Outcome};

fn with_base_model() -> Script {
    Script::with(|start, _| {
        let mut base = (*provider("base")).clone();
        base.dialect = Dialect::OpenAiCompletions;
        start.provider = Arc::new(base);
    })
}

#[test]
fn a_raw_prompt_goes_as_it_stands_and_stays_one() {
    let mut script = with_base_model();
    script.paste("/raw  Once\nupon ").keys("Enter");
    let start = script.started().expect("it is sent");
    assert_eq!(start.request.raw_prompt(), Some(" Once\nupon "));
    script.sent().says("a time");
    script.ends(vec![choice(Outcome::Complete, FinishReason::Length)]);
    script.shows("You · raw · 14:02").shows("upon").shows("stopped at max tokens");
    // Asked again it is the same.
    script.keys("Shift-Tab r");
    let again = script.started().expect("it is asked again");
    assert_eq!(again.request.raw_prompt(), Some(" Once\nupon "));
    script.sent().says("two");
    script.ends(vec![choice(Outcome::Complete, FinishReason::Length)]);
    // Gone on with, the text so far is the prompt; it is not stored a second time.
    script.keys("Shift-Tab c");
    let on = script.started().expect("it goes on");
    assert_eq!(on.request.raw_text().as_deref(), Some(" Once\nupon two"));
    assert_eq!(on.prompt[0].text(), GO_ON);
    script.sent().says("!").ends(vec![choice(Outcome::Complete, FinishReason::Length)]);
    script.keys("Shift-Tab c");
    let on = script.started().expect("it goes on once more");
    assert_eq!(on.request.raw_text().as_deref(), Some(" Once\nupon two!"));
    script.sent().says("!").done(&[Outcome::Complete]);
    // What follows without the command is templated, and what was said is its history.
    script.paste("And?").keys("Enter");
    let next = script.started().expect("it is sent");
    assert_eq!((next.request.raw_prompt(), next.request.messages.len()), (None, 7));
}

#[test]
fn a_raw_prompt_that_cannot_be_is_refused_and_kept() {
    let mut script = Script::new();
    script.paste("/raw Once").keys("Enter");
    script.shows("speaks openai-chat, which has no raw prompts").shows("/raw Once");
    let mut script = with_base_model();
    script.paste("/raw").keys("Enter").shows("a base model goes on with TEXT").lacks("You · raw");
    assert!(script.started().is_none());
    script.paste("hello").keys("Enter").sent().says("hi");
    script.paste("/raw Once").keys("Enter").shows("a reply is streaming").shows("/raw Once");
}

#[test]
fn a_raw_prompt_is_not_asked_again_of_a_model_that_takes_none() {
    let mut script = with_base_model();
    script.paste("/raw Once").keys("Enter").sent().says("upon").done(&[Outcome::Complete]);
    script.paste("/model lab:llama").keys("Enter");
    script.cmds.clear();
    script.keys("Shift-Tab r").shows("which has no raw prompts");
    assert!(script.started().is_none());
    // Nor is its answer gone on with there.
    let mut script = with_base_model();
    script.paste("/raw Once").keys("Enter").sent().says("upon");
    script.ends(vec![choice(Outcome::Complete, FinishReason::Length)]);
    script.paste("/model lab:llama").keys("Enter");
    script.cmds.clear();
    script.keys("Shift-Tab c").shows("which has no raw prompts");
    assert!(script.started().is_none());
}
