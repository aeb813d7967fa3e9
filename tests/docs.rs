//! Pages of `docs` that are made of the program's own tables: they say what is.

use std::fmt::Write as _;
use std::path::Path;

use chatui::app::commands::{COMMANDS, Item, Place};
use chatui::app::panes::help;
use chatui::demo::faults::FAULTS;
use chatui::keys::{Keymap, Scope};

/// Set, a run of these tests writes the pages anew.
const UPDATE: &str = "UPDATE_DOCS";

/// A cell of a table: what would end it is escaped.
fn cell(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;")
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", text.replace('|', "\\|")) }
}

fn keys_page() -> String {
    let keymap = Keymap::default();
    let mut page = String::from(
        "# Keys and commands\n\n\
         Made of `assets/keymap.toml` and the table of commands by `tests/docs.rs`; change those, then run\n\
         `UPDATE_DOCS=1 cargo test --test docs`.\n\n\
         A key is looked up in the inner place first: in the empty input, then in the input, then in the\n\
         conversation, then everywhere. Under `[keys]` in `config.toml` an action gets other keys by its name,\n\
         as `palette = \"Ctrl-X\"` or `next_live = [\"Ctrl-PageDown\", \"Ctrl-G n\"]`; none at all, `[]`, unbinds it.\n\
         Arrows are written `Up`, `Down`, `Left` and `Right` there.\n",
    );
    for scope in help::order(Scope::ComposerEmpty) {
        let entries: Vec<_> = keymap.entries().iter().filter(|entry| entry.scope == scope).collect();
        if entries.is_empty() {
            continue;
        }
        let _ = write!(page, "\n## {}\n\n| key | action | |\n| --- | --- | --- |\n", help::heading(scope));
        for entry in entries {
            let keys: Vec<String> = entry.keys.iter().map(|key| code(&key.to_string())).collect();
            let (keys, name) = (keys.join(", "), entry.action.name());
            let _ = writeln!(page, "| {keys} | `{name}` | {} |", cell(&entry.description));
        }
    }
    page.push_str(
        "\n## Slash commands\n\n\
         Typed into the empty input, or chosen in the palette. A line that begins with `/` and is no command is\n\
         not sent; with a leading space it is sent as text.\n\n| command | also | |\n| --- | --- | --- |\n",
    );
    for command in COMMANDS {
        let also: Vec<String> = command.aliases.iter().map(|alias| code(&format!("/{alias}"))).collect();
        let name = format!("/{} {}", command.name, command.takes.hint());
        let _ = writeln!(
            page,
            "| {} | {} | {} |",
            code(name.trim_end()),
            also.join(", "),
            cell(command.description)
        );
    }
    page.push_str("\nThese actions run by their name too:\n\n");
    for item in Item::all(Place::Input, &keymap) {
        if let Item::Action(action) = item {
            let _ = writeln!(page, "- `/{}`: {}", action.name(), item.description(&keymap));
        }
    }
    page
}

/// The page must be there as it is made, or is written.
fn assert_page(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, page).expect("a page of docs is written");
        return;
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == page, "docs/{name} is not as the program is: run {UPDATE}=1 cargo test --test docs");
}

#[test]
fn the_page_of_keys_is_that_of_the_program() {
    assert_page("keys.md", &keys_page());
}

fn faults_page() -> String {
    let mut page = String::from(
        "# The demo server and its faults\n\n\
         Made of the table in `src/demo/faults.rs` by `tests/docs.rs`; change that, then run\n\
         `UPDATE_DOCS=1 cargo test --test docs`.\n\n\
         `chatui demo` serves scripted models to any client. It prints its base URL, with `/v1`; each dialect\n\
         has its own paths below the same address (`HOST:PORT`). No key is asked for.\n\n\
         | dialect | base URL | |\n| --- | --- | --- |\n\
         | openai-chat | `http://HOST:PORT/v1` | |\n\
         | openai-completions | `http://HOST:PORT/v1` | the last words of the person are found in ChatML, Llama 2 and 3, Mistral and `User:` lines; any other text is gone on with. Without `max_tokens`: 16 |\n\
         | azure-inference | `http://HOST:PORT/models` | wants `api-version`; members it does not know are refused with 422 unless `extra-parameters` says `drop` or `pass-through` |\n\
         | azure-openai | `http://HOST:PORT`, or `http://HOST:PORT/openai/v1` | deployments are named like the models and want `api-version` |\n\
         | websocket | `ws://HOST:PORT/v1/chat/completions`, `ws://HOST:PORT/v1/completions` | one request, then the server closes with 1000 |\n\n\
         ## Faults\n\n\
         Models that are not listed and answer when they are named: what servers and networks do wrong. The\n\
         last column is what `chatui ask --retries 0` makes of it, by outcome, kind of the error and exit code;\n\
         `tests/dialects.rs` checks it in every dialect. Over a WebSocket an HTTP error is one in band: kind `server`.\n\n\
         | model | where | what it shows | ends |\n| --- | --- | --- | --- |\n",
    );
    for fault in FAULTS {
        let (name, over) = (code(fault.name), fault.over.name());
        let _ = writeln!(page, "| {name} | {over} | {} | {} |", cell(fault.shows), fault.ends);
    }
    page
}

#[test]
fn the_page_of_faults_is_that_of_the_demo() {
    assert_page("faults.md", &faults_page());
}
