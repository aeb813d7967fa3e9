//! Pages of `docs` say what is: some are made of the program's own tables, the examples of others are tried.
#![allow(clippy::expect_used)] // a page that cannot be read or written is what these tests are to fail on

use std::fmt::Write as _;
use std::path::Path;

use chatui::app::commands::{COMMANDS, Item, Place};
use chatui::app::panes::help;
use chatui::config::{self, Config, Flags, Inputs, ModelChoice};
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

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// An example of a page: its language, its text, and the heading that it stands under.
struct Example {
    language: String,
    text: String,
    heading: String,
}

fn examples(page: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let (mut heading, mut within) = (String::new(), false);
    for line in page.lines() {
        if let Some(language) = line.strip_prefix("```") {
            within = !within;
            if within {
                let language = language.to_owned();
                examples.push(Example { language, text: String::new(), heading: heading.clone() });
            }
        } else if within {
            let example = examples.last_mut().expect("a line within an example");
            example.text.push_str(line);
            example.text.push('\n');
        } else if let Some(text) = line.strip_prefix("## ") {
            heading = text.to_owned();
        }
    }
    examples
}

#[track_caller]
fn loaded(file: Option<&str>, env: &[(String, String)], flags: &Flags) -> Config {
    let env = |name: &str| env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    config::load(Inputs { file_name: "config.toml", file, env: &env, flags })
        .unwrap_or_else(|errors| panic!("{errors}\n{}", file.unwrap_or_default()))
}

/// The provider and model of a start; an endpoint that has one model is asked without its name.
#[track_caller]
fn chosen(config: &Config) -> (&str, &str) {
    assert!(config.notices.is_empty(), "{:?}", config.notices);
    match &config.choice {
        ModelChoice::Chosen { provider, model } => (&config.providers[*provider].name, model),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_provider_has_a_section_with_its_lines() {
    let page = page("providers.md");
    let known = loaded(None, &[], &Flags::default());
    let names = known.providers.iter().map(|provider| provider.name.as_str()).filter(|name| *name != "demo");
    for name in names.chain(["azure", "azure-openai", "anthropic"]) {
        let marked = format!("(`{name}`)");
        let headed: Vec<&str> =
            page.lines().filter(|line| line.starts_with("## ") && line.ends_with(&marked)).collect();
        assert_eq!(headed.len(), 1, "a section for {name}");
        let count = |language: &str| {
            let is_its =
                |example: &&Example| example.heading.ends_with(&marked) && example.language == language;
            examples(&page).iter().filter(is_its).count()
        };
        assert!(name == "anthropic" || (count("sh") == 1 && count("toml") > 0), "the lines for {name}");
    }
}

#[test]
fn the_lines_of_each_provider_make_it_work() {
    for example in examples(&page("providers.md")) {
        let Example { language, text, heading } = &example;
        match language.as_str() {
            "toml" => {
                let config = loaded(Some(text), &[], &Flags::default());
                let (provider, model) = chosen(&config);
                let named = text.lines().next().and_then(|line| line.strip_prefix("model = "));
                assert_eq!(named, Some(format!("\"{provider}:{model}\"").as_str()), "{heading}");
                for own in &config.templates {
                    chatui::wire::template::check(&own.value)
                        .unwrap_or_else(|error| panic!("{error}\n{text}"));
                }
            }
            "sh" => {
                let mut env = Vec::new();
                let mut flags = Flags::default();
                for line in text.lines() {
                    let mut words = line.split(' ');
                    match words.next() {
                        Some("export") => env.extend(words.map(|word| {
                            let (name, value) = word.split_once('=').expect("NAME=VALUE");
                            (name.to_owned(), value.to_owned())
                        })),
                        Some("chatui") => {
                            while let Some(flag) = words.next() {
                                let value = words.next().map(str::to_owned);
                                match flag {
                                    "-m" => flags.model = value,
                                    "--base-url" => flags.base_url = value,
                                    "--dialect" => flags.dialect = value,
                                    other => panic!("{other} in {text}"),
                                }
                            }
                        }
                        other => panic!("{other:?} in {text}"),
                    }
                }
                let config = loaded(None, &env, &flags);
                let (provider, _) = chosen(&config);
                let is_its = heading.ends_with(&format!("(`{provider}`)"));
                assert!(is_its || provider == "openai" || flags.base_url.is_some(), "{heading}: {provider}");
            }
            other => panic!("an example in `{other}`"),
        }
    }
}

#[test]
fn every_variable_that_is_read_is_told() {
    let (configuration, providers) = (page("configuration.md"), page("providers.md"));
    for name in config::known_variables() {
        assert!(configuration.contains(&format!("`{name}`")), "{name} in configuration.md");
        let is_told = providers.contains(name) || name == "CHATUI_MODEL";
        assert!(is_told, "{name} in providers.md");
    }
}
