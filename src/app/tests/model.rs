//! Beginnings: which welcome, which model, which session.

use crate::app::tests::Script;
use crate::app::{Cmd, Refusal};
use crate::base::{Id, SessionId};
use crate::chat::jobs::{StoreError, StoreReply, StoredSession, WhichSession};
use crate::chat::{Message, Outcome, Params, Part, Session, SessionKind, Timestamp};
use std::path::PathBuf;

fn stored(title: &str, model: &str) -> StoreReply {
    let session = Session {
        id: SessionId::from_bits(5),
        kind: SessionKind::Chat,
        title: title.to_owned(),
        model: model.to_owned(),
        system: "be brief".to_owned(),
        params: Params::default(),
        created: Timestamp(0),
        updated: Timestamp(0),
    };
    let prompt = Message::user(Id::from_bits(1), None, "earlier prompt", Timestamp(0));
    let mut answer = Message::answer(Id::from_bits(2), Some(prompt.id), model, 0, Timestamp(0));
    answer.parts.push(Part::Text("earlier answer".to_owned()));
    StoreReply::Loaded(Box::new(StoredSession {
        session,
        messages: vec![prompt, answer],
        chosen: Vec::new(),
        draft: Default::default(),
    }))
}

fn resuming(which: WhichSession, prompt: Option<&str>) -> Script {
    let mut script = Script::with(|start, _| {
        start.resume = Some(which);
        start.prompt = prompt.map(str::to_owned);
    });
    assert_eq!(script.ordered(), ["ask"]);
    script
}

#[test]
fn the_welcome_says_what_there_is() {
    Script::new().shows("openai:gpt-4o is ready").shows("Ask anything");
    let mut demo = Script::with(|_, settings| settings.nothing_configured = true);
    demo.shows("scripted demo").shows("OPENAI_API_KEY").shows("--base-url");
    let mut asking = Script::with(|start, _| start.model = None);
    asking.shows("no default model").shows("The model's name");
    resuming(WhichSession::Newest(None), None).shows("opening the session");
}

#[test]
fn a_prompt_of_the_command_line_is_sent_at_once() {
    let mut script = Script::with(|start, _| start.prompt = Some("hello you".to_owned()));
    assert_eq!(script.started().expect("a turn").prompt[0].text(), "hello you");
}

#[test]
fn a_prompt_without_a_model_waits_for_its_name() {
    let mut script = Script::with(|start, _| {
        start.model = None;
        start.prompt = Some("my question".to_owned());
    });
    assert!(script.ordered().is_empty());
    script.keys("llama-3 Enter");
    let start = script.started().expect("a turn");
    assert_eq!((start.request.model.as_str(), start.prompt[0].text().as_str()), ("llama-3", "my question"));
    assert_eq!(start.session.model, "openai:llama-3");
    script.keys("Up");
    assert_eq!(script.input(), "", "the name is no earlier prompt");
}

#[test]
fn a_named_model_may_name_its_provider_and_has_no_blanks() {
    let mut script = Script::with(|start, _| start.model = None);
    script.keys("what Space is Space this Enter").shows("first the model's name");
    assert_eq!(script.input(), "what is this", "what was typed is kept");
    script.keys("Ctrl-U lab:meta/llama:8b Enter").shows("lab:meta/llama:8b");
    script.keys("hi Enter");
    let start = script.started().expect("a turn");
    assert_eq!((start.provider.name.as_str(), start.request.model.as_str()), ("lab", "meta/llama:8b"));
}

#[test]
fn a_session_that_comes_back_keeps_its_title_model_and_what_was_typed() {
    let mut script = resuming(WhichSession::Newest(None), None);
    script.keys("typed Enter").shows("still being opened");
    script.loaded(stored("An old title", "lab:llama"));
    script.shows("An old title").shows("lab:llama").shows("earlier answer");
    assert_eq!(script.input(), "typed");
    script.keys("Enter");
    let start = script.started().expect("a turn");
    assert_eq!(start.session.title, "An old title");
    assert_eq!((start.request.messages.len(), start.request.system.as_str()), (3, "be brief"));
    script.keys("Up Up");
    assert_eq!(script.input(), "earlier prompt");
}

#[test]
fn a_session_of_a_provider_that_is_gone_takes_the_one_at_hand() {
    let mut script = resuming(WhichSession::Newest(None), Some("and now"));
    script.loaded(stored("t", "gone:x"));
    assert_eq!(script.started().expect("a turn").session.model, "openai:gpt-4o");
}

#[test]
fn a_named_session_that_is_not_there_ends_the_program_and_sends_nothing() {
    let mut script = resuming(WhichSession::Prefix("zz".to_owned()), Some("secret plan"));
    script.loaded(StoreReply::NotFound("no session zz".to_owned()));
    assert!(matches!(script.cmds.as_slice(), [Cmd::Refuse(Refusal::Session(why))] if why == "no session zz"));
}

#[test]
fn with_no_session_to_continue_a_new_one_begins() {
    let mut script = resuming(WhichSession::Newest(None), Some("hello"));
    script.loaded(StoreReply::NotFound("there is no session yet".to_owned()));
    assert!(script.started().is_some());
}

#[test]
fn a_session_that_cannot_be_read_leaves_the_prompt_in_the_input() {
    let mut script = resuming(WhichSession::Newest(None), Some("hello"));
    let error = StoreError::Unreadable { path: PathBuf::from("/d"), reason: "x".to_owned() };
    script.loaded(StoreReply::Failed(error));
    assert!(script.ordered().is_empty());
    assert_eq!(script.input(), "hello");
    script.shows("cannot be read");
}

#[test]
fn a_file_that_the_command_line_names_goes_with_the_first_prompt() {
    let file = || Part::File { name: "notes.txt".to_owned(), text: "one".to_owned() };
    // With a prompt it is sent with it, and with no other.
    let mut script = Script::with(|start, _| {
        start.prompt = Some("read this".to_owned());
        start.files = vec![file()];
    });
    let start = script.started().expect("a turn");
    assert_eq!(start.prompt[0].parts, [Part::Text("read this".to_owned()), file()]);
    script.sent().says("done").done(&[Outcome::Complete]).keys("two Enter");
    assert_eq!(script.started().expect("a turn").prompt[0].parts.len(), 1);

    // Without one it stands in the input, where it can be seen and taken out.
    let mut script = Script::with(|start, _| start.files = vec![file()]);
    script.shows("notes.txt").keys("so? Enter");
    let parts = script.started().expect("a turn").prompt[0].parts.clone();
    assert_eq!(parts[1..], [file()]);

    // Where the model's name is asked for first, it waits.
    let mut script = Script::with(|start, _| {
        start.model = None;
        start.files = vec![file()];
    });
    script.keys("lab:m Enter hello Enter");
    let parts = script.started().expect("a turn").prompt[0].parts.clone();
    assert_eq!(parts, [Part::Text("hello".to_owned()), file()]);
}

#[test]
fn a_preset_that_nobody_configured_hides_no_server_of_this_machine() {
    let mut script = Script::new();
    assert!(script.app.providers.iter().any(|known| known.name == "ollama"), "a preset");
    script.keys("Ctrl-L");
    let known = script.cmds.iter().find_map(|cmd| match cmd {
        Cmd::Discover(known) => Some(known.iter().map(|provider| provider.name.as_str()).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(known, Some(vec!["openai", "lab", "demo"]));
}
