//! What an empty conversation says.

use ratatui::layout::Rect;

use super::{bold, put};
use crate::app::chat::Chat;
use crate::app::picture::Picture;
use crate::base::tone::{Line, Span, Tone};
use crate::base::{sanitize, width};
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
    (welcome, found): (Welcome, Option<&str>),
    chat: &Chat,
    area: Rect,
    buf: &mut Picture,
    theme: &Theme,
) {
    let columns = area.width.saturating_sub(4).min(76);
    let rows: Vec<Line> = paragraphs(welcome, found, chat)
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

fn paragraphs(welcome: Welcome, found: Option<&str>, chat: &Chat) -> Vec<(Option<String>, String)> {
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
                        format!("{} runs on this machine: Ctrl-L picks a model of it.", sanitize::clean(name))
                    }
                    None => ADD_A_MODEL.to_owned(),
                },
            ),
            (
                Some("keys  ".to_owned()),
                "Enter sends · Alt-Enter new line · Esc stops · ? shows all keys".to_owned(),
            ),
        ],
        Welcome::Ready => vec![
            (name, format!("{model} is ready.")),
            (
                Some("keys  ".to_owned()),
                "Enter sends · Alt-Enter new line · Esc stops · ? shows all keys".to_owned(),
            ),
        ],
        Welcome::AskModel => vec![
            (name, format!("The provider {provider} has no default model.")),
            (Some("model ".to_owned()), "Type the name of one and press Enter; then chat.".to_owned()),
        ],
        Welcome::Loading => vec![(None, "opening the session …".to_owned())],
    }
}
