//! The model picker: lists that come late or never, stars and recents, names as they are typed.

use std::sync::Arc;

use crate::app::tests::{Script, choice, provider};
use crate::app::{Cmd, Msg};
use crate::chat::provider::Price;
use crate::chat::{Change, FinishReason, ListedModel, Outcome};

pub(super) fn model(id: &str, context: Option<u64>) -> ListedModel {
    let price = context.map(|_| Price { input: 2.5, output: 10.0 });
    ListedModel { context, price, ..ListedModel::named(id) }
}

impl Script {
    /// A provider's list comes.
    pub(super) fn lists(&mut self, provider: &str, listed: Result<Vec<ListedModel>, &str>) -> &mut Self {
        self.msg(Msg::Models { provider: provider.into(), listed: listed.map_err(str::to_owned) });
        self
    }
}

fn changes(script: &mut Script) -> Vec<Change> {
    let cmds = std::mem::take(&mut script.cmds);
    cmds.into_iter()
        .filter_map(|cmd| if let Cmd::Remember(change) = cmd { Some(change) } else { None })
        .collect()
}

#[test]
fn each_list_comes_by_itself_and_one_that_does_not_hides_no_other() {
    let mut script = Script::new();
    script.keys("Ctrl-L");
    assert_eq!(script.ordered(), ["list", "list", "list", "discover"], "the demo's too");
    script.shows("Models").shows("openai  asking").shows("lab  asking");
    script.lists("lab", Err("127.0.0.1:1 refused the connection"));
    script.shows("lab  127.0.0.1:1 refused").shows("openai  asking");
    script.lists("openai", Ok(vec![model("gpt-4o", Some(128_000)), model("o4-mini", None)]));
    script.shows("    o4-mini").shows("128k · $2.50/$10.00").lacks("openai  asking");
    script.keys("Esc").lacks("Models").keys("Ctrl-L");
    assert_eq!(script.ordered(), ["list", "discover"], "only what failed is asked for again");
}

#[test]
fn enter_switches_from_the_next_message_on_and_keeps_what_was_said() {
    let mut script = Script::new();
    script.exchange("hello", "hi");
    script.keys("Ctrl-L").lists("lab", Ok(vec![model("llama", None), model("mistral", None)]));
    script.keys("l a b m i s Enter").shows("from the next message on: lab:mistral");
    script.ordered();
    script.keys("more Enter");
    let turn = script.started().expect("a turn");
    assert_eq!((turn.provider.name.as_str(), turn.request.model.as_str()), ("lab", "mistral"));
    assert_eq!(turn.request.messages.len(), 3, "the context is kept");
    assert_eq!(turn.session.model, "lab:mistral");
}

#[test]
fn a_name_that_no_list_has_is_typed_whole() {
    let mut script = Script::new();
    script.keys("Ctrl-L").keys("lab:org/new-7b").shows("as typed").keys("Enter");
    assert_eq!(script.app.chat.model_name(), "lab:org/new-7b");
    script.keys("Ctrl-L fast Enter");
    assert_eq!(script.app.chat.model_name(), "lab:llama", "an alias is one");
    script.keys("Ctrl-L gpt-5 Enter");
    assert_eq!(script.app.chat.model_name(), "openai:gpt-5", "alone it is one of the default provider");
}

#[test]
fn stars_and_recent_models_come_first() {
    let mut script = Script::new();
    script.keys("Ctrl-L").lists("lab", Ok((0..50).map(|i| model(&format!("m{i}"), None)).collect()));
    script.keys("lab:m42 Ctrl-F");
    assert_eq!(changes(&mut script), [Change::Star("lab:m42".into())]);
    script.keys("Esc Ctrl-L");
    let rows = script.rows();
    let starred = rows.iter().position(|row| row.contains("starred")).expect("the group is there");
    assert!(rows[starred + 1].contains("★ lab:m42"), "{rows:#?}");
    let rows = script.keys("m4").rows();
    let first = rows.iter().find(|row| row.contains("lab:m4")).expect("some match");
    assert!(first.contains("lab:m42"), "a starred one goes before better matches: {first}");
    script.keys("Ctrl-U lab:m42 Ctrl-F");
    assert_eq!(changes(&mut script), [Change::Unstar("lab:m42".into())]);
    script.keys("Ctrl-U lab:m7 Enter");
    assert_eq!(changes(&mut script), [Change::Used("lab:m7".into())]);
    script.keys("Ctrl-L").shows("recent").lacks("starred");
}

#[test]
fn a_list_that_comes_late_does_not_move_what_is_chosen() {
    let mut script = Script::new();
    script.keys("Ctrl-L").lists("lab", Ok(vec![model("aaa", None), model("bbb", None)]));
    script.keys("bbb");
    script.lists("openai", Ok((0..5_000).map(|i| model(&format!("x-bbb-{i}"), None)).collect()));
    script.keys("Enter");
    assert_eq!(script.app.chat.model_name(), "lab:bbb");
}

#[test]
fn one_of_five_thousand_models_is_found_and_all_are_walked_through() {
    let mut script = Script::new();
    let listed = (0..5_000).map(|i| model(&format!("org-{i}/m-{i}"), None)).collect();
    script.keys("Ctrl-L").lists("lab", Ok(listed));
    script.keys("Ctrl-End").shows("org-4999/m-4999").keys("Ctrl-Home").lacks("org-4999/m-4999");
    script.keys("m-4999 Enter");
    assert_eq!(script.app.chat.model_name(), "lab:org-4999/m-4999");
}

#[test]
fn a_server_that_was_found_can_be_used_like_a_configured_one() {
    let mut script = Script::new();
    script.resize(80, 50).keys("Ctrl-L");
    script.msg(Msg::Found(vec![(provider("llamacpp"), vec![model("qwen", Some(32_768))])]));
    script.shows("llamacpp").shows("qwen").keys("qwen Enter hi Enter");
    let turn = script.started().expect("a turn");
    assert_eq!((turn.provider.name.as_str(), turn.request.model.as_str()), ("llamacpp", "qwen"));
    assert!(Arc::ptr_eq(&turn.provider, &script.app.chat.provider));
}

#[test]
fn while_a_reply_streams_it_goes_on_under_the_picker_and_esc_closes_that_first() {
    let mut script = Script::new();
    script.keys("one Enter").sent().says("hello ");
    script.keys("Ctrl-L lab").says("there").keys("Esc").shows("hello there");
    assert!(!script.ordered().contains(&"cancel"));
    script.keys("Ctrl-L Ctrl-C");
    assert!(script.ordered().contains(&"cancel"), "Ctrl-C stops the reply, whatever is on top");
    script.done(&[Outcome::Cancelled]).keys("Ctrl-C").lacks("Type to find");
}

#[test]
fn names_of_servers_move_no_cursor() {
    let mut script = Script::new();
    script.keys("Ctrl-L").lists("lab", Ok(vec![model("a\u{1b}[2Jb\u{202e}c", None)]));
    script.lists("openai", Err("no\u{7}pe\u{9b}31m"));
    let screen = script.screen();
    assert!(!screen.contains('\u{1b}') && !screen.contains('\u{7}') && !screen.contains('\u{9b}'));
}

#[test]
fn cost_and_the_filled_context_stand_in_the_status_where_they_are_known() {
    let mut script = Script::new();
    script.resize(140, 30);
    script.exchange("hello", "hi");
    assert!(!script.status().contains('$') && !script.status().contains("ctx"), "nothing is known");
    script.keys("Ctrl-L").lists("openai", Ok(vec![model("gpt-4o", Some(4_000))])).keys("Esc");
    script.keys("more Enter").sent().says("one two three");
    let status = script.status();
    assert!(status.contains("~$0.0000") && status.contains("ctx 33 %"), "{status}");
    script.done(&[Outcome::Complete]);
    // 1,100 tokens in at $2.50 and 212 out at $10.00 a million.
    let status = script.status();
    assert!(status.contains(" $0.0049") && status.contains("ctx 33 %"), "{status}");
}

#[test]
fn with_nothing_configured_servers_are_looked_for_and_named_in_the_welcome() {
    let mut script = Script::with(|_, settings| settings.nothing_configured = true);
    assert_eq!(script.ordered(), ["discover"]);
    script.shows("OPENAI_API_KEY");
    script.msg(Msg::Found(vec![(provider("llamacpp"), vec![model("qwen", None)])]));
    script.shows("llamacpp runs on this machine: Ctrl-L").lacks("OPENAI_API_KEY");
    assert!(Script::new().ordered().is_empty(), "elsewhere nobody is asked");
}

#[test]
fn the_model_at_hand_is_chosen_though_its_list_is_late() {
    let mut script = Script::new();
    script.keys("Ctrl-L").lists("demo", Ok(vec![model("chat", None)]));
    script.lists("lab", Ok(vec![model("llama", None)])).keys("Enter");
    assert_eq!(script.app.chat.model_name(), "openai:gpt-4o");
}

#[test]
fn aliases_stand_in_the_picker_with_what_they_mean() {
    let mut script = Script::new();
    script.keys("Ctrl-L").shows("aliases").keys("fast").shows("lab:llama").keys("Enter");
    assert_eq!(script.app.chat.model_name(), "lab:llama");
}

#[test]
fn a_list_that_comes_while_help_lies_over_the_models_is_there_after_it() {
    let mut script = Script::new();
    script.resize(80, 40).keys("Ctrl-L F1").lists("lab", Ok(vec![model("aaa", None)]));
    script.keys("Esc").shows("Models").shows("    aaa");
}

#[test]
fn of_several_answers_only_the_own_one_fills_the_context() {
    let mut script = Script::choices(2);
    script.resize(140, 30);
    script.keys("Ctrl-L").lists("openai", Ok(vec![model("gpt-4o", Some(4_000))])).keys("Esc");
    script.keys("one Enter").sent().choice_says(0, "first").choice_says(1, "second");
    let mut half = choice(Outcome::Complete, FinishReason::Stop);
    half.metrics.tokens = 106;
    half.metrics.tokens_exact = false;
    script.ends(vec![half.clone(), half]);
    // 1,100 in and 106 of the 212 out, where both are 33 %.
    assert!(script.status().contains("ctx 31 %"), "{}", script.status());
}
