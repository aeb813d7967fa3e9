//! The help (`?` in an empty input, F1): the keys of the present screen, then all others, then the
//! slash commands. All of it is made of the keymap and the table of commands, in as many columns as
//! there is room for.

use crate::app::picture::Picture;
use ratatui::layout::Rect;

use super::{bold, line_width, put};
use crate::app::commands::COMMANDS;
use crate::app::layers::Step;
use crate::base::tone::{Line, Span, Tone};
use crate::base::width;
use crate::keys::{Action, Entry, Keymap, Scope};
use crate::theme::Theme;

/// Columns that a column of keys with their words wants.
const COLUMN: u16 = 64;
/// Columns of the keys.
const KEYS: usize = 24;
/// Columns between two columns.
const GAP: u16 = 3;

/// The pane.
#[derive(Debug)]
pub struct Help {
    /// Where the person is.
    scope: Scope,
    /// The character that opened it: it was meant as text if another one follows.
    character: Option<char>,
    top: usize,
    /// Rows of it, and of the screen, when it was drawn last.
    drawn: (usize, usize),
}

impl Help {
    /// For a person in `scope` who opened it with a key that types `character`, if it types one.
    pub fn new(scope: Scope, character: Option<char>) -> Self {
        Self { scope, character, top: 0, drawn: (0, 0) }
    }

    /// Scrolls by rows, up where negative.
    pub fn scroll(&mut self, rows: isize) {
        let (all, height) = self.drawn;
        self.top = self.top.saturating_add_signed(rows).min(all.saturating_sub(height));
    }

    /// Carries out an action.
    pub fn act(&mut self, action: Action) -> Step {
        let (rows, height) = self.drawn;
        let page = height.max(2) - 1;
        self.top = match action {
            Action::ListUp => self.top.saturating_sub(1),
            Action::ListDown => self.top + 1,
            Action::ListPageUp => self.top.saturating_sub(page),
            Action::ListPageDown => self.top + page,
            Action::ListFirst | Action::LineStart => 0,
            Action::ListLast | Action::LineEnd => rows,
            Action::Accept => return Step::Close,
            _ => self.top,
        }
        .min(rows.saturating_sub(height));
        Step::Stay
    }

    /// A character: it was text that was being written.
    pub fn insert(&mut self, text: &str) -> Step {
        Step::Type(self.character.into_iter().chain(text.chars()).collect())
    }

    /// Draws the rows that are in view.
    pub fn draw(&mut self, keymap: &Keymap, area: Rect, buf: &mut Picture, theme: &Theme) {
        let rows = rows(keymap, self.scope, area.width.saturating_sub(4));
        let height = usize::from(area.height);
        self.drawn = (rows.len(), height);
        self.top = self.top.min(rows.len().saturating_sub(height));
        for (y, row) in (area.y..area.bottom()).zip(rows.iter().skip(self.top)) {
            put(buf, (area.x + 2, y), row, area.width.saturating_sub(4), theme);
        }
        let below = rows.len().saturating_sub(self.top + height);
        if below > 0 {
            let mark = Line::new(format!(" ↓ {below} more "), Tone::Accent);
            let columns = line_width(&mark);
            let x = area.right().saturating_sub(2 + columns);
            put(buf, (x, area.y.saturating_sub(1)), &mark, columns, theme);
        }
    }
}

/// What a scope is called.
pub fn heading(scope: Scope) -> &'static str {
    match scope {
        Scope::Always => "Everywhere",
        Scope::Global => "In the conversation",
        Scope::Composer => "In the input",
        Scope::ComposerEmpty => "In the empty input",
        Scope::Line => "Editing a line",
        Scope::Selection => "On a selected message",
        Scope::List => "In a list",
        Scope::Models => "In the models",
        Scope::Sessions => "In the saved sessions",
    }
}

/// The scopes in the order of the help: those that hold where the person is, then the others. How a line is
/// edited is known, or found elsewhere: it comes behind what is chatui's own.
pub fn order(scope: Scope) -> Vec<Scope> {
    let (line, mut scopes): (Vec<Scope>, Vec<Scope>) =
        scope.chain().iter().partition(|scope| **scope == Scope::Line);
    scopes.extend(line);
    let rest = [
        Scope::ComposerEmpty,
        Scope::Composer,
        Scope::Global,
        Scope::Selection,
        Scope::Line,
        Scope::List,
        Scope::Models,
        Scope::Sessions,
        Scope::Always,
    ];
    scopes.extend(rest.into_iter().filter(|other| !scope.chain().contains(other)));
    scopes
}

/// The keys of a scope with their words. The keys that show choice 1 to 9 are one row, where they differ
/// in their digit alone.
pub fn keys(keymap: &Keymap, scope: Scope) -> Vec<(String, String)> {
    let of_scope: Vec<&Entry> = keymap.entries().iter().filter(|entry| entry.scope == scope).collect();
    let tabs: Vec<&Entry> = of_scope.iter().copied().filter(|entry| entry.action.tab().is_some()).collect();
    let alike = tabs.len() > 1 && {
        let first = joined(tabs[0]);
        tabs.iter().all(|entry| {
            let digit = entry.action.tab().map_or(0, |tab| tab + 1).to_string();
            entry.keys.len() == 1 && joined(entry) == first.replacen('1', &digit, 1)
        })
    };
    let mut rows = Vec::new();
    for entry in of_scope {
        match entry.action.tab() {
            Some(0) if alike => {
                let last = tabs.last().map(|entry| joined(entry)).unwrap_or_default();
                rows.push((
                    format!("{} … {last}", joined(entry)),
                    "Show the choice of that number".to_owned(),
                ));
            }
            Some(_) if alike => {}
            _ => rows.push((joined(entry), entry.description.clone())),
        }
    }
    rows
}

/// The keys of an entry; without any, the command that does the same.
fn joined(entry: &Entry) -> String {
    if entry.keys.is_empty() {
        let command = COMMANDS.iter().find(|command| command.action == Some(entry.action));
        return command.map_or(String::new(), |command| format!("/{}", command.name));
    }
    entry.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// All rows at so many columns.
fn rows(keymap: &Keymap, scope: Scope, columns: u16) -> Vec<Line> {
    let mut rows = Vec::new();
    for scope in order(scope) {
        group(&mut rows, heading(scope), &keys(keymap, scope), columns);
    }
    let commands: Vec<(String, String)> = COMMANDS
        .iter()
        .map(|command| {
            let name = format!("/{} {}", command.name, command.takes.hint());
            let aliases: String = command.aliases.iter().map(|alias| format!(", /{alias}")).collect();
            (format!("{}{aliases}", name.trim_end()), command.description.to_owned())
        })
        .collect();
    group(&mut rows, "Commands, typed into the empty input", &commands, columns);
    let palette = keymap.key_for(Action::Palette).map(|key| format!(" and {key}"));
    let (also, verb) = palette.map_or((String::new(), "lists"), |also| (also, "list"));
    let text = format!("Every action runs by its name too: /{also} {verb} them.");
    rows.push(Line::new(text, Tone::Dim));
    rows
}

/// A heading and its entries, down the columns, and a blank row.
fn group(rows: &mut Vec<Line>, heading: &str, entries: &[(String, String)], width: u16) {
    if entries.is_empty() {
        return;
    }
    rows.push(Line { spans: vec![bold(heading, Tone::Heading)] });
    let count = usize::from((width + GAP) / (COLUMN + GAP)).clamp(1, entries.len());
    let column = (width + GAP) / count as u16 - GAP;
    let keys = KEYS.min(usize::from(column) / 2);
    let parts: Vec<Vec<Line>> = entries.iter().map(|entry| cell(entry, keys, column)).collect();
    for column_rows in beside(&parts, count) {
        let mut line = Line { spans: Vec::new() };
        for (index, part) in column_rows.into_iter().enumerate() {
            let start = index as u16 * (column + GAP);
            let gap = start.saturating_sub(line_width(&line));
            line.spans.push(Span::new(" ".repeat(usize::from(gap)), Tone::Text));
            line.spans.extend(part.map(|part| part.spans.clone()).unwrap_or_default());
        }
        rows.push(line);
    }
    rows.push(Line::default());
}

/// Entries dealt into columns of about the same height; gives the rows across.
fn beside(parts: &[Vec<Line>], count: usize) -> Vec<Vec<Option<&Line>>> {
    let total: usize = parts.iter().map(Vec::len).sum();
    let mut height = total.div_ceil(count);
    loop {
        let mut columns: Vec<Vec<&Line>> = vec![Vec::new()];
        for part in parts {
            let full =
                columns.last().is_some_and(|last| !last.is_empty() && last.len() + part.len() > height);
            if full {
                columns.push(Vec::new());
            }
            if let Some(last) = columns.last_mut() {
                last.extend(part);
            }
        }
        if columns.len() <= count {
            let tallest = columns.iter().map(Vec::len).max().unwrap_or(0);
            return (0..tallest).map(|row| columns.iter().map(|c| c.get(row).copied()).collect()).collect();
        }
        height += 1;
    }
}

/// Keys in rows of so many columns; a key of two presses stays in one piece.
fn wrapped(keys: &str, columns: usize) -> Vec<String> {
    let mut rows: Vec<String> = vec![String::new()];
    for key in keys.split_inclusive(", ") {
        match rows.last_mut() {
            Some(row) if row.is_empty() || width::width(row) + width::width(key.trim_end()) <= columns => {
                row.push_str(key);
            }
            _ => rows.push(key.to_owned()),
        }
    }
    rows.iter()
        .flat_map(|row| width::wrap_str(row.trim_end(), u16::try_from(columns.max(1)).unwrap_or(80)))
        .collect()
}

/// An entry: its keys, and its words beside them, wrapped.
fn cell((keys, words): &(String, String), column: usize, width: u16) -> Vec<Line> {
    let room = usize::from(width).saturating_sub(column + 2).max(8);
    let (words, keys) =
        (width::wrap_str(words, u16::try_from(room).unwrap_or(u16::MAX)), wrapped(keys, column));
    (0..words.len().max(keys.len()))
        .map(|row| {
            let key = keys.get(row).cloned().unwrap_or_default();
            let gap = " ".repeat((column + 2).saturating_sub(width::width(&key)));
            let word = words.get(row).cloned().unwrap_or_default();
            Line {
                spans: vec![
                    Span::new(key, Tone::Key),
                    Span::new(gap, Tone::Text),
                    Span::new(word, Tone::Text),
                ],
            }
        })
        .collect()
}
