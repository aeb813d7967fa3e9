//! What an empty conversation says.

use ratatui::layout::Rect;

use super::{bold, put};
use crate::app::chat::Chat;
use crate::app::picture::Picture;
use crate::base::tone::{Line, Span, Tone};
use crate::base::{sanitize, width};
use crate::keys::{Action, Keymap, Scope};
use crate::theme::Theme;

/// Which welcome is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Welcome {
    /// Nothing is configured: the demo answers.
    Demo,
    /// A provider is configured.
    Ready,
    /// A provider is configured, but no model: the input asks for it.
    AskModel,
    /// A session is being loaded.
    Loading,
}

/// How a real model is added.
const ADD_A_MODEL: &str = "set OPENAI_API_KEY (or OPENAI_BASE_URL for a server of your own), or run: \
                 chatui --base-url http://127.0.0.1:8000/v1 -m NAME";

/// Draws the welcome into the transcript's place; `found` is a server on this machine.
pub fn draw(
    (welcome, found, keymap): (Welcome, Option<&str>, &Keymap),
    chat: &Chat,
    area: Rect,
    buf: &mut Picture,
    theme: &Theme,
) {
    let columns = area.width.saturating_sub(4).min(76);
    let rows: Vec<Line> = paragraphs((welcome, found, keymap), chat)
        .into_iter()
        .flat_map(|(head, text)| {
            let indent = head.as_ref().map_or(0, |h| width::width(h) + 2);
            width::wrap_str(&text, columns.saturating_sub(indent as u16).max(1)).into_iter().enumerate().map(
                move |(i, row)| {
                    let lead = match (&head, i) {
                        (Some(head), 0) => bold(format!("{head}  "), Tone::Accent),
                        _ => Span::new(" ".repeat(indent), Tone::Text),
                    };
                    Line { spans: vec![lead, Span::new(row, Tone::Dim)] }
                },
            )
        })
        .collect();
    let free = usize::from(area.height).saturating_sub(rows.len());
    let top = area.y + (free / 3) as u16;
    let x = area.x + area.width.saturating_sub(columns) / 2;
    for (y, row) in (top..area.bottom()).zip(&rows) {
        put(buf, (x, y), row, columns, theme);
    }
}

fn paragraphs(
    (welcome, found, keymap): (Welcome, Option<&str>, &Keymap),
    chat: &Chat,
) -> Vec<(Option<String>, String)> {
    let model = sanitize::clean(&chat.model_name()).into_owned();
    let provider = sanitize::clean(&chat.provider.name).into_owned();
    let name = Some("chatui".to_owned());
    match welcome {
        Welcome::Demo => vec![
            (
                name,
                "streams chats with language models, shows every figure, and never loses a word.".to_owned(),
            ),
            (
                Some("demo  ".to_owned()),
                "nothing is configured yet, so a scripted demo answers: try hello, code, table or help."
                    .to_owned(),
            ),
            (
                Some("models".to_owned()),
                match found {
                    Some(name) => {
                        // Without a key there is the command.
                        let key = keymap.key_for(Action::Models).unwrap_or_else(|| "/model".to_owned());
                        format!("{} runs on this machine: {key} picks a model of it.", sanitize::clean(name))
                    }
                    None => ADD_A_MODEL.to_owned(),
                },
            ),
            (Some("keys  ".to_owned()), keys(keymap)),
        ],
        Welcome::Ready => {
            vec![(name, format!("{model} is ready.")), (Some("keys  ".to_owned()), keys(keymap))]
        }
        Welcome::AskModel => vec![
            (name, format!("The provider {provider} has no default model.")),
            (
                Some("model ".to_owned()),
                format!(
                    "Type the name of one and press {}; then chat.",
                    keymap.key_for(Action::Send).unwrap_or_default()
                ),
            ),
        ],
        Welcome::Loading => vec![(None, "opening the session …".to_owned())],
    }
}

/// The first keys to know.
fn keys(keymap: &Keymap) -> String {
    let here = |action| {
        let mut entries = keymap.entries().iter().filter(|entry| entry.action == action);
        entries.find(|entry| entry.scope == Scope::ComposerEmpty)?.keys.first().map(ToString::to_string)
    };
    let words = [
        (keymap.key_for(Action::Send), "sends"),
        (keymap.key_for(Action::Newline), "new line"),
        (keymap.key_for(Action::Back), "stops"),
        // The input is empty: a plain character does it too.
        (here(Action::Help).or_else(|| keymap.key_for(Action::Help)), "shows all keys"),
    ];
    let words = words.into_iter().filter_map(|(key, word)| Some(format!("{} {word}", key?)));
    words.collect::<Vec<_>>().join(" · ")
}
