//! The table of commands, and what each of them does, as it is typed.

use std::collections::HashSet;

use crate::app::commands::{COMMANDS, Item, Place, Takes, What};
use crate::app::layers::Layer;
use crate::app::msg::FoundFile;
use crate::app::tests::Script;
use crate::app::{Cmd, Msg};
use crate::chat::jobs::StoreJob;
use crate::chat::{Outcome, Part, Piece};
use crate::keys::{Action, Keymap, MouseButton, MouseInput, MouseKind};

/// A conversation of one exchange.
fn talk() -> Script {
    let mut script = Script::new();
    script.exchange("hello", "hi there");
    script.cmds.clear();
    script
}

/// What is typed, key by key, and then Enter.
fn enter(script: &mut Script, text: &str) {
    script.keys(&text.replace(' ', " Space ")).keys("Enter");
}

fn saved(script: &mut Script) -> Option<crate::chat::Session> {
    std::mem::take(&mut script.cmds).into_iter().find_map(|cmd| match cmd {
        Cmd::Store(StoreJob::SaveSession(session)) => Some(*session),
        _ => None,
    })
}

/// The file that was asked to be read: path and what stands for it.
fn asked(script: &mut Script) -> Option<(String, String)> {
    std::mem::take(&mut script.cmds).into_iter().find_map(|cmd| match cmd {
        Cmd::Attach { path, word, .. } => Some((path, word)),
        _ => None,
    })
}

fn read(script: &mut Script, word: &str, name: &str, text: &str) {
    let (chat, word) = (script.app.chat.key, word.to_owned());
    script.msg(Msg::Attached { chat, word, read: Ok((name.to_owned(), text.to_owned())) });
}

fn found(script: &mut Script, typed: &str, paths: &[&str]) {
    let chat = script.app.chat.key;
    let found = paths.iter().map(|path| FoundFile { path: path.to_string(), is_dir: path.ends_with('/') });
    script.msg(Msg::Files { chat, typed: typed.to_owned(), found: found.collect() });
}

#[test]
fn every_command_has_one_name_words_and_a_shape() {
    let mut names = HashSet::new();
    for command in COMMANDS {
        for name in command.aliases.iter().chain([&command.name]) {
            assert!(names.insert(*name), "{name} stands for two commands");
            assert!(name.chars().all(|c| c.is_ascii_lowercase()), "{name} can be typed");
        }
        assert!(command.description.chars().count() > 3 && !command.description.ends_with('.'));
        assert_eq!(command.takes == Takes::Nothing, command.takes.hint().is_empty(), "{}", command.name);
    }
    for command in ["copy", "edit", "branch", "compare", "effort", "preset", "compact", "stats", "tools"] {
        assert!(Item::named(command, &Keymap::default()).is_none(), "{command} belongs to a later issue");
    }
}

#[test]
fn every_action_is_in_the_palette_and_in_the_help() {
    let keymap = Keymap::default();
    let items = Item::all(Place::Palette, &keymap);
    let help: Vec<Action> = keymap.entries().iter().map(|entry| entry.action).collect();
    for action in Action::ALL {
        assert!(
            items.iter().any(|item| item.action() == Some(*action)),
            "{} is not in the palette",
            action.name()
        );
        assert!(help.contains(action), "{} is not in the help", action.name());
    }
}

#[test]
fn what_can_be_run_from_anywhere_runs_by_its_name() {
    let keymap = Keymap::default();
    for (name, runs) in [
        ("fold_reasoning", true),
        ("search_history", true),
        ("new_chat", true),
        ("models", true),
        ("tab_3", true),
        ("suspend", true),
        ("send", false),
        ("delete_word_left", false),
        ("accept", false),
        ("star", false),
        ("delete_session", false),
    ] {
        assert_eq!(Item::named(name, &keymap).is_some(), runs, "{name}");
    }
    let mut script = talk();
    enter(&mut script, "/new_chat");
    script.shows("New chat");
}

#[test]
fn a_slash_in_an_empty_input_lists_everything_and_typing_narrows_it() {
    let mut script = Script::new();
    script.keys("/").shows(" Commands ").shows("/model [NAME]").shows("› /");
    script.keys("the").shows("/theme [NAME]").lacks("/sessions");
    assert_eq!(script.input(), "/the");
    script.keys("Backspace Backspace Backspace Backspace").lacks(" Commands ");
    script.keys("a /").lacks(" Commands ");
}

#[test]
fn escape_closes_the_list_and_leaves_the_text_and_tab_brings_it_back() {
    let mut script = Script::new();
    script.keys("/mo Esc").lacks(" Commands ");
    assert_eq!(script.input(), "/mo");
    script.keys("r").lacks(" Commands ").keys("Tab").shows(" Commands ").shows("/more");
    script.keys("Tab");
    assert_eq!(script.input(), "/more");
    script.keys("Ctrl-U /").shows(" Commands ");
}

#[test]
fn enter_runs_the_command_of_which_the_beginning_is_typed() {
    let mut script = talk();
    script.keys("/ne Enter").shows("New chat");
    assert_eq!(script.input(), "");
    script.keys("/mod Enter");
    assert!(matches!(script.app.layers.last(), Some(Layer::Models(_))));
}

#[test]
fn an_alias_runs_its_command() {
    for (typed, what) in
        [("clear", What::New), ("resume", What::Sessions), ("q", What::Quit), ("exit", What::Quit)]
    {
        let Some(Item::Command(command)) = Item::named(typed, &Keymap::default()) else { panic!("{typed}") };
        assert_eq!(command.what, what);
    }
    let mut script = Script::new();
    enter(&mut script, "/q");
    assert!(script.ordered().contains(&"quit"));
}

#[test]
fn the_arrows_choose_and_tab_completes_with_a_blank_where_something_follows() {
    let mut script = Script::new();
    script.keys("/ Down Down Down Tab");
    assert_eq!(script.input(), "/system ");
    script.shows("/system TEXT").lacks("/sessions");
    script.keys("be Space brief Enter");
    assert_eq!(script.app.chat.session.system, "be brief");
}

#[test]
fn a_chosen_command_that_wants_more_comes_into_the_input() {
    let mut script = Script::new();
    script.keys("/ren Enter");
    assert_eq!(script.input(), "/rename ");
    script.keys("My Space title Enter").shows(" My title");
    assert_eq!(script.input(), "");
}

#[test]
fn an_unknown_word_is_not_sent_and_a_leading_space_sends_it() {
    let mut script = Script::new();
    for text in ["/foo", "/usr/bin is full", "/copy", "/"] {
        enter(&mut script, &format!("{text} x Backspace Backspace").replace(" x Backspace Backspace", ""));
        if text != "/" {
            script.shows("unknown command").shows("leading space");
            assert_eq!(script.input(), text);
        }
        assert!(script.started().is_none(), "{text} is not sent");
        script.keys("Esc Ctrl-U");
        script.app.layers.clear();
        script.app.chat.composer.empty();
    }
    script.paste("/nothing\nof two lines").keys("Enter").shows("unknown command /nothing");
    script.keys("Ctrl-C");
    script.paste(" /foo bar").keys("Enter");
    assert_eq!(script.started().expect("it is sent").prompt[0].text(), "/foo bar");
    script.sent().says("x").done(&[Outcome::Complete]);
    script.paste("/new\nand more").keys("Enter").shows("/new stands alone");
    assert!(script.started().is_none());
}

#[test]
fn letters_alone_never_run_a_command_by_accident() {
    let mut script = Script::new();
    script.keys("/qt Enter").shows("unknown command /qt");
    script.keys("Ctrl-C /modle Enter").shows("unknown command /modle; did you mean /model?");
    script.keys("Ctrl-C /mdl Enter").shows("unknown command /mdl");
    script.keys("Tab");
    assert_eq!(script.input(), "/model ", "Tab takes what the letters find");
}

#[test]
fn a_command_runs_while_a_reply_streams_and_is_never_queued() {
    let mut script = Script::new();
    script.keys("one Enter").sent().says("part");
    script.ordered();
    enter(&mut script, "/n 2");
    assert!(script.app.chat.queue.is_empty());
    script.shows("n 2");
    enter(&mut script, "/retry");
    script.shows("a reply is streaming");
}

#[test]
fn model_takes_a_name_an_alias_or_a_providers_model() {
    let mut script = talk();
    enter(&mut script, "/model fast");
    assert_eq!(script.app.chat.model_name(), "lab:llama");
    assert_eq!(saved(&mut script).expect("it is saved").model, "lab:llama");
    script.shows("lab:llama").shows("hi there");
    enter(&mut script, "/model lab:x:7b");
    assert_eq!(script.app.chat.model_name(), "lab:x:7b");
    enter(&mut script, "/model");
    assert!(matches!(script.app.layers.last(), Some(Layer::Models(_))));
    script.keys("Esc what Enter");
    assert_eq!(script.started().expect("it goes there").request.model, "x:7b");
}

#[test]
fn system_sets_shows_and_clears() {
    let mut script = talk();
    enter(&mut script, "/system");
    script.shows("there is no system prompt");
    enter(&mut script, "/system be brief");
    assert_eq!(saved(&mut script).expect("it is saved").system, "be brief");
    script.shows("system · openai:gpt-4o");
    enter(&mut script, "/system");
    script.shows("system prompt: be brief").shows("/system - clears it");
    script.keys("next Enter");
    assert_eq!(script.started().expect("a turn").request.system, "be brief");
    script.sent().says("x").done(&[Outcome::Complete]);
    enter(&mut script, "/system -");
    assert_eq!(script.app.chat.session.system, "");
    script.lacks("system · openai");
}

#[test]
fn set_sets_lists_and_unsets_and_says_what_is_allowed() {
    let mut script = talk();
    enter(&mut script, "/set");
    script.shows("nothing is set").shows("max_tokens");
    enter(&mut script, "/set temperature 0.5");
    assert_eq!(saved(&mut script).expect("it is saved").params.temperature, Some(0.5));
    script.shows("temperature 0.5 · openai:gpt-4o");
    enter(&mut script, "/set max_tokens 100");
    enter(&mut script, "/set stop STOP");
    enter(&mut script, "/set");
    script.shows("max_tokens 100 · temperature 0.5 · stop \"STOP\"");
    script.keys("go Enter");
    let params = script.started().expect("a turn").request.params;
    assert_eq!((params.max_tokens, params.stop), (Some(100), vec!["STOP".to_owned()]));
    script.sent().says("x").done(&[Outcome::Complete]);
    enter(&mut script, "/set temperature");
    script.shows("temperature is unset");
    assert_eq!(script.app.chat.session.params.temperature, None);
    for (typed, why) in [
        ("/set top_p 3", "top_p must be a number from 0 to 1"),
        ("/set max_tokens -1", "whole number of 1 or more"),
        ("/set temprature 1", "did you mean temperature?"),
        ("/set nonsense 1", "there are max_tokens"),
    ] {
        enter(&mut script, typed);
        script.shows(why);
        assert_eq!(script.input(), typed, "it can be mended");
        script.keys("Esc Ctrl-U");
    }
}

#[test]
fn what_the_configuration_sets_is_told_apart() {
    let mut script = Script::with(|_, settings| settings.params.top_p = Some(0.9));
    enter(&mut script, "/set");
    script.shows("top_p 0.9 (configuration)");
    enter(&mut script, "/set top_p 0.2");
    enter(&mut script, "/set top_p");
    script.shows("the configuration's 0.9 holds");
    assert!(saved(&mut script).is_none(), "nothing was said yet: nothing is saved");
}

#[test]
fn n_asks_for_so_many_answers() {
    let mut script = Script::new();
    enter(&mut script, "/n");
    script.shows("n is 1");
    enter(&mut script, "/n 3");
    script.shows("n 3");
    enter(&mut script, "/n 500");
    script.shows("from 1 to 128");
    script.keys("Esc Ctrl-U hi Enter");
    assert_eq!(script.started().expect("a turn").answers.len(), 3);
}

#[test]
fn retry_and_more_work_on_the_last_reply() {
    let mut script = Script::new();
    for nothing in ["/retry", "/more"] {
        enter(&mut script, nothing);
        script.shows("there is no reply yet");
        script.keys("Esc Ctrl-U");
    }
    script.exchange("hello", "hi");
    script.started();
    enter(&mut script, "/retry");
    assert!(script.started().expect("it asks again").prompt.is_empty());
    script.sent().says("half").keys("Esc").done(&[Outcome::Cancelled]);
    enter(&mut script, "/more");
    let turn = script.started().expect("it goes on");
    assert!(turn.prompt[0].text().contains("Continue"));
}

#[test]
fn theme_takes_a_name_or_opens_the_list() {
    let mut script = Script::new();
    enter(&mut script, "/theme nord");
    assert_eq!(script.app.settings.theme.name(), "nord");
    enter(&mut script, "/theme nerd");
    script.shows("there is no theme nerd").keys("Esc Ctrl-U");
    enter(&mut script, "/theme");
    assert!(matches!(script.app.layers.last(), Some(Layer::Themes(_))));
}

#[test]
fn rename_gives_a_title_and_saves_it() {
    let mut script = talk();
    enter(&mut script, "/rename Another title");
    script.shows(" Another title");
    let renamed = script
        .cmds
        .iter()
        .any(|cmd| matches!(cmd, Cmd::Store(StoreJob::Rename { title, .. }) if title == "Another title"));
    assert!(renamed);
    enter(&mut script, "/rename ");
    script.shows("which title?");
}

#[test]
fn export_hands_over_the_whole_tree_and_the_answer_is_told() {
    let mut script = Script::new();
    enter(&mut script, "/export a.md");
    script.shows("nothing to export").keys("Esc Ctrl-U").exchange("hello", "hi");
    script.cmds.clear();
    enter(&mut script, "/export notes.json");
    let Some(Cmd::Export { stored, file }) = script.cmds.pop() else { panic!("no export") };
    assert_eq!(
        (file.as_str(), stored.messages.len(), stored.session.title.as_str()),
        ("notes.json", 2, "hello")
    );
    script.msg(Msg::Exported(Ok("notes.json".to_owned())));
    script.shows("written to notes.json");
    script.msg(Msg::Exported(Err("notes.json is there already".to_owned())));
    script.shows("is there already");
}

#[test]
fn help_and_sessions_and_quit_do_what_their_keys_do() {
    let mut script = Script::new();
    enter(&mut script, "/help");
    assert!(matches!(script.app.layers.last(), Some(Layer::Help(_))));
    script.keys("Esc");
    enter(&mut script, "/sessions");
    assert!(matches!(script.app.layers.last(), Some(Layer::Sessions(_))));
    script.keys("Esc");
    assert_eq!(script.input(), "");
    enter(&mut script, "/quit");
    assert!(script.ordered().contains(&"quit"));
}

#[test]
fn file_attaches_what_stands_behind_it() {
    let mut script = Script::new();
    enter(&mut script, "/file notes.txt");
    assert_eq!(asked(&mut script), None, "the files are still looked for");
    found(&mut script, "notes.txt", &[]);
    assert_eq!(asked(&mut script), Some(("notes.txt".into(), "/file notes.txt".into())));
    read(&mut script, "/file notes.txt", "notes.txt", "the notes");
    script.shows("[notes.txt 9 B]").lacks("/file");
    script.keys("read Space it Enter");
    let prompt = &script.started().expect("a turn").prompt[0];
    let file = Part::File { name: "notes.txt".to_owned(), text: "the notes".to_owned() };
    assert_eq!(prompt.parts, [Part::Text("notes.txt read it".to_owned()), file]);
}

#[test]
fn an_at_sign_lists_files_and_enter_attaches_the_chosen_one() {
    let mut script = Script::new();
    script.keys("see Space @ma");
    assert_eq!(script.ordered(), ["find"], "one question at a time");
    found(&mut script, "", &["src/", "main.rs"]);
    assert_eq!(script.ordered(), ["find"], "the next when the answer is there");
    found(&mut script, "ma", &["main.rs", "Makefile"]);
    script.shows(" Files ").shows("Makefile").keys("Down Enter");
    assert_eq!(asked(&mut script), Some(("Makefile".into(), "@ma".into())));
    assert_eq!(script.input(), "see @ma", "it stands there until the file is read");
    read(&mut script, "@ma", "Makefile", "all:");
    script.shows("see [Makefile 4 B]").lacks(" Files ");
    let written = script.app.chat.composer.written();
    assert_eq!(written.pieces, [Piece::File { name: "Makefile".into(), text: "all:".into() }]);
}

#[test]
fn a_folder_is_entered_and_its_blanks_belong_to_the_path() {
    let mut script = Script::new();
    script.keys("@");
    found(&mut script, "", &["my notes/", "a.txt"]);
    script.keys("Tab");
    assert_eq!(script.input(), "@my notes/");
    found(&mut script, "my notes/", &["my notes/today.txt"]);
    script.shows("my notes/today.txt").keys("to");
    found(&mut script, "my notes/to", &["my notes/today.txt"]);
    script.cmds.clear();
    script.keys("Enter");
    assert_eq!(asked(&mut script), Some(("my notes/today.txt".into(), "@my notes/to".into())));
}

#[test]
fn an_error_is_told_and_leaves_the_text() {
    let mut script = Script::new();
    script.keys("@x");
    found(&mut script, "", &[]);
    found(&mut script, "x", &["x.png"]);
    script.keys("Enter");
    let chat = script.app.chat.key;
    let read = Err("x.png is an image: images are not supported yet, only text files".to_owned());
    script.msg(Msg::Attached { chat, word: "@x".to_owned(), read });
    script.shows("x.png is an image");
    assert_eq!(script.input(), "@x");
}

#[test]
fn escape_leaves_the_word_as_text_and_an_address_is_none() {
    let mut script = Script::new();
    script.keys("@jo");
    found(&mut script, "", &["jo.txt"]);
    script.shows(" Files ").keys("Esc").lacks(" Files ").keys("hn").lacks(" Files ");
    script.keys("Enter");
    assert_eq!(script.started().expect("it is sent").prompt[0].text(), "@john");
    script.sent().says("x").done(&[Outcome::Complete]);
    script.cmds.clear();
    script.keys("me@host");
    assert!(script.ordered().is_empty());
}

#[test]
fn with_no_such_file_enter_sends() {
    let mut script = Script::new();
    script.keys("@john");
    found(&mut script, "", &["a"]);
    found(&mut script, "john", &[]);
    script.shows("no such file").keys("Enter");
    assert_eq!(script.started().expect("it is sent").prompt[0].text(), "@john");
}

#[test]
fn enter_before_the_files_are_found_waits_for_them() {
    let mut script = Script::new();
    script.keys("@ma Enter");
    assert_eq!(script.ordered(), ["find"]);
    found(&mut script, "", &["a", "b"]);
    found(&mut script, "ma", &["main.rs"]);
    assert_eq!(asked(&mut script), Some(("main.rs".into(), "@ma".into())));
    script.keys("Enter");
    assert!(script.started().is_none(), "what is being read goes along");
    read(&mut script, "@ma", "main.rs", "fn main() {}");
    assert_eq!(script.started().expect("now it goes").prompt[0].parts.len(), 2);
}

#[test]
fn what_is_typed_while_a_file_is_read_keeps_the_caret() {
    let mut script = Script::new();
    script.keys("@a");
    found(&mut script, "", &["a"]);
    found(&mut script, "a", &["a"]);
    script.keys("Enter Space why");
    read(&mut script, "@a", "a", "text");
    script.keys("?").shows("[a 4 B] why?");
}

/// A file is being read, and Enter was pressed.
fn entered() -> Script {
    let mut script = Script::new();
    script.keys("@a");
    found(&mut script, "", &["a"]);
    found(&mut script, "a", &["a"]);
    script.keys("Enter Space why Enter").shows("a file is being read · this is sent then · Esc keeps it");
    script
}

#[test]
fn enter_while_a_file_is_read_is_taken_back_by_what_comes_after_it() {
    let mut script = entered();
    script.keys("PageUp").shows("this is sent then");
    read(&mut script, "@a", "a", "text");
    assert_eq!(script.started().expect("looking around changes nothing").prompt[0].text(), "a why");

    for keys in ["Ctrl-C", "Esc", "Space and Space more", "Backspace"] {
        let mut script = entered();
        script.keys(keys).lacks("this is sent then");
        read(&mut script, "@a", "a", "text");
        assert!(script.started().is_none(), "{keys}");
    }
    let mut script = entered();
    script.paste(" pasted");
    read(&mut script, "@a", "a", "text");
    assert!(script.started().is_none());
}

#[test]
fn a_file_whose_word_is_gone_is_not_attached() {
    let mut script = entered();
    script.keys("Ctrl-C other Space words");
    read(&mut script, "@a", "a", "text");
    script.shows("a is not attached");
    assert_eq!(script.app.chat.draft().input.pieces, []);
    assert_eq!(script.input(), "other words");

    let mut script = entered();
    script.keys("Ctrl-C other Enter");
    read(&mut script, "@a", "a", "text");
    let prompt = &script.started().expect("it waited").prompt[0];
    assert_eq!(prompt.parts, [Part::Text("other".to_owned())]);
}

#[test]
fn an_earlier_prompt_is_not_sent_in_the_place_of_what_waits() {
    let mut script = Script::new();
    script.exchange("earlier", "x").keys("@a");
    found(&mut script, "", &["a"]);
    found(&mut script, "a", &["a"]);
    script.keys("Enter Space why Enter Up").cmds.clear();
    assert_eq!(script.input(), "earlier");
    read(&mut script, "@a", "a", "text");
    assert!(script.started().is_none());
    script.keys("Down");
    assert_eq!(script.input(), "@a why", "nothing happened to the draft");
}

#[test]
fn enter_twice_on_file_does_not_send_it_alone() {
    let mut script = Script::new();
    script.keys("/file Space x");
    found(&mut script, "", &[]);
    found(&mut script, "x", &[]);
    script.keys("Enter Enter").shows("still being read");
    read(&mut script, "/file x", "x", "text");
    assert!(script.started().is_none());
    script.shows("[x 4 B]");
}

#[test]
fn enter_before_the_files_are_found_is_taken_back_by_more_of_the_word() {
    let mut script = Script::new();
    script.keys("@ma Enter k");
    found(&mut script, "", &["a", "b"]);
    found(&mut script, "mak", &["Makefile"]);
    assert_eq!(asked(&mut script), None);
    script.shows("Makefile");
}

#[test]
fn attach_puts_the_sign_where_the_caret_is() {
    let mut script = Script::new();
    script.keys("look Ctrl-P attach Enter");
    assert_eq!(script.input(), "look @");
    found(&mut script, "", &["a.txt"]);
    script.shows(" Files ").shows("a.txt");
}

#[test]
fn files_of_the_command_line_stand_in_the_input_or_go_with_the_prompt() {
    let file = || Part::File { name: "a.txt".to_owned(), text: "text".to_owned() };
    let mut script = Script::with(|start, _| start.files = vec![file()]);
    script.shows("[a.txt 4 B]").keys("why? Enter");
    assert_eq!(script.started().expect("a turn").prompt[0].parts.len(), 2);
    let mut script = Script::with(|start, _| {
        start.files = vec![file()];
        start.prompt = Some("why?".to_owned());
    });
    let prompt = &script.started().expect("a turn").prompt[0];
    assert_eq!(prompt.parts, [Part::Text("why?".to_owned()), file()]);
}

#[test]
fn the_palette_finds_by_letters_and_runs_what_is_chosen() {
    let mut script = talk();
    script.keys("Ctrl-P").shows(" Everything ").shows("Ctrl-L").keys("newch").lacks("fold_tools");
    script.keys("Enter").shows("New chat").lacks(" Everything ");
    script.keys("Ctrl-P zzzz").shows("nothing of this name").keys("Enter").shows(" Everything ");
    script.keys("Esc").lacks(" Everything ");
}

#[test]
fn a_command_of_the_palette_that_wants_more_comes_into_an_empty_input() {
    let mut script = Script::new();
    script.keys("Ctrl-P rename Enter");
    assert_eq!(script.input(), "/rename ");
    script.keys("Ctrl-U draft Ctrl-P rename Enter").shows("the draft is kept");
    assert_eq!(script.input(), "draft");
}

#[test]
fn the_palette_acts_on_the_message_that_was_selected() {
    let mut script = talk();
    script.keys("draft Shift-Tab Ctrl-P retry Enter");
    assert!(script.started().expect("it asks again").prompt.is_empty());
    assert_eq!(script.input(), "draft");
}

#[test]
fn the_palette_has_first_what_is_of_use_now() {
    let mut script = Script::new();
    script.keys("one Enter").sent().says("part").keys("Ctrl-P");
    let rows = script.rows();
    let at = rows.iter().position(|row| row.contains(" Everything ")).expect("it is open");
    assert!(rows[at + 1].contains("stop the running reply"), "{}", rows[at + 1]);
    script.keys("Enter");
    assert!(script.ordered().contains(&"cancel"));
}

#[test]
fn a_click_on_a_row_takes_it() {
    let click = |script: &mut Script, text: &str| {
        let rows = script.rows();
        let row = rows.iter().position(|row| row.contains(text)).expect("it is there") as u16;
        let kind = MouseKind::Press(MouseButton::Left);
        script.msg(Msg::Mouse(MouseInput { kind, column: 8, row }));
    };
    let mut script = talk();
    script.keys("/");
    click(&mut script, "/system TEXT");
    assert_eq!(script.input(), "/system ");
    script.keys("Ctrl-U /");
    click(&mut script, "/new ");
    script.shows("New chat").keys("Ctrl-P help");
    click(&mut script, "help ");
    script.shows(" Keys ");
    click(&mut script, "Ctrl-D");
    script.shows(" Keys ").keys("Esc @");
    found(&mut script, "", &["a.txt", "b.txt"]);
    script.cmds.clear();
    click(&mut script, "b.txt");
    assert_eq!(asked(&mut script), Some(("b.txt".into(), "@".into())));
}

#[test]
fn help_shows_the_keys_of_the_screen_and_goes_with_the_next_character() {
    let mut script = Script::new();
    script.keys("?").shows(" Keys ").shows("In the empty input");
    assert_eq!(script.input(), "");
    script.keys("w");
    assert_eq!(script.input(), "?w", "it was text");
    script.keys("Ctrl-U F1").shows(" Keys ").keys("w");
    assert_eq!(script.input(), "w");
    script.keys("Ctrl-U ? Esc").lacks(" Keys ");
    assert_eq!(script.input(), "");
    script.keys("? ?");
    assert_eq!(script.input(), "??");
}

#[test]
fn help_over_a_list_shows_its_keys_and_scrolls() {
    let mut script = Script::sized(60, 16);
    script.keys("Ctrl-L F1").shows("In the models").shows("Ctrl-F").keys("PageDown").lacks("In the models");
    script.keys("Ctrl-Home").shows("In the models").keys("Ctrl-End").shows("/quit, /exit, /q");
    script.keys("Esc").lacks(" Keys ");
    assert!(matches!(script.app.layers.last(), Some(Layer::Models(_))), "the list is there again");
    script.keys("F1 F1").lacks(" Keys ");
}

#[test]
fn help_keeps_the_selection_and_the_draft() {
    let mut script = talk();
    script.keys("draft Shift-Tab F1").shows("On a selected message").shows("draft").keys("Esc");
    assert!(script.app.chat.transcript.selected().is_some());
    assert_eq!(script.input(), "draft");
}

#[test]
fn help_follows_the_keys_in_force() {
    let mut script = Script::with(|_, settings| {
        let keys = ["Ctrl-X".to_owned()];
        settings.keymap.rebind([("palette", keys.as_slice())]).expect("it can be");
    });
    script.resize(100, 60).keys("F1").shows("Ctrl-X").keys("Esc Ctrl-X").shows(" Everything ");
}
