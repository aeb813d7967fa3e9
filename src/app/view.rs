//! Drawing: the panes of the screen in their places.
//!
//! ```text
//! header                 2 rows (not on small screens)
//! transcript             what is left
//! notice                 only where it does not fit on the rule
//! queue                  a row for each message that waits (not on small screens)
//! rule                   1 row, with a short notice and the lines below
//! input                  1 row to a third of the screen
//! (blank)                1 row on screens of 20 rows and more
//! status                 1 row
//! ```

use std::borrow::Cow;

use ratatui::layout::{Position, Rect};

use super::layers::{self, Layer, Shape};
use super::live::Phase;
use super::panes::completion::Completion;
use super::panes::transcript::Scene;
use super::panes::welcome::{self, Welcome};
use super::panes::{bold, header, line, line_width, put, queue, status};
use super::picture::Picture;
use super::state::App;
use crate::base::tone::{Line, Tone};
use crate::base::{sanitize, width};
use crate::chat::{Message, MessageState};
use crate::keys::{Action, Scope};

/// The smallest screen that holds transcript, input and state.
pub const LEAST: (u16, u16) = (20, 5);

/// Columns of the rule that a notice on it leaves.
const ON_RULE: usize = 28;
/// Columns of the status bar that the state takes.
const STATE_COLUMNS: u16 = 18;
/// The most rows of a notice.
const NOTICE_ROWS: usize = 4;

/// Where the panes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Areas {
    /// The header; empty on small screens.
    pub header: Rect,
    /// The messages.
    pub transcript: Rect,
    /// A notice that is too long for the rule; mostly empty.
    pub notice: Rect,
    /// Messages that wait; mostly empty.
    pub queue: Rect,
    /// The rule over the input.
    pub rule: Rect,
    /// The input, its mark included.
    pub composer: Rect,
    /// The status bar.
    pub status: Rect,
}

impl Areas {
    /// The areas for an input that wants `wanted` rows, and a notice and a queue of so many.
    pub fn new(screen: Rect, wanted: usize, (notice, queue): (u16, u16), small: Small) -> Self {
        let (head, blank, queue) = match small {
            Small::Yes => (0, 0, 0),
            Small::No => (2, u16::from(screen.height >= 20), queue),
        };
        let most = (screen.height / 3).max(1);
        let input = u16::try_from(wanted).unwrap_or(u16::MAX).clamp(1, most);
        let under = 1 + input + blank + 1;
        let row = |y: u16, height: u16| Rect { y: screen.y + y, height, ..screen };
        let free = screen.height.saturating_sub(head + under);
        let queue = queue.min(free.saturating_sub(1));
        let notice = notice.min(free.saturating_sub(1 + queue));
        let transcript = free - notice - queue;
        Self {
            header: row(0, head),
            transcript: row(head, transcript),
            notice: row(head + transcript, notice),
            queue: row(head + transcript + notice, queue),
            rule: row(head + free, 1),
            composer: row(head + free + 1, input),
            status: row(screen.height.saturating_sub(1), 1),
        }
    }
}

/// Whether the screen holds only transcript, input and state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Small {
    /// Below 60x16.
    Yes,
    /// At least 60x16.
    No,
}

impl App {
    /// Where the panes are now.
    pub fn areas(&self) -> Areas {
        let screen = Rect::new(0, 0, self.size.0, self.size.1);
        let wanted = match self.layers.last() {
            Some(layer) if layer.has_line() => 1,
            _ => self.chat.composer.height(self.size.0.saturating_sub(4)),
        };
        let notice = u16::try_from(self.notice_rows().len()).unwrap_or(u16::MAX);
        let rows = (notice, queue::height(&self.chat.queue));
        Areas::new(screen, wanted, rows, if self.is_small() { Small::Yes } else { Small::No })
    }

    /// What is to be told now.
    pub(super) fn notice(&self) -> Option<(Cow<'_, str>, Tone)> {
        let notices = &self.notices;
        if let Some(question) = self.layers.last().and_then(Layer::question) {
            return Some((Cow::Owned(question), Tone::Warning));
        }
        if let Some(text) = &notices.passing {
            return Some((sanitize::clean(text), Tone::Accent));
        }
        if self.chat.send_when_read {
            let key = self.settings.keymap.key_for(Action::Back).unwrap_or_default();
            let text = format!("a file is being read · this is sent then · {key} keeps it");
            return Some((Cow::Owned(text), Tone::Accent));
        }
        if let Some(Phase::Retrying { reason, .. }) = self.chat.live.as_ref().map(|live| &live.phase) {
            return Some((sanitize::clean(reason), Tone::Warning));
        }
        let standing: Vec<&str> = notices
            .theme
            .iter()
            .chain(&notices.draft)
            .chain(notices.standing.iter().rev())
            .chain(&notices.unsaved)
            .map(String::as_str)
            .collect();
        let text = standing.join(" · ");
        (!text.is_empty()).then(|| (Cow::Owned(sanitize::clean(&text).into_owned()), Tone::Warning))
    }

    /// The rows of a notice that does not fit on the rule.
    fn notice_rows(&self) -> Vec<String> {
        let Some((text, _)) = self.notice() else { return Vec::new() };
        // The lines below may stand there too: their place is left free, so that nothing jumps.
        if width::width(&text) + ON_RULE <= usize::from(self.size.0) {
            return Vec::new();
        }
        let mut rows = width::wrap_str(&text, self.size.0.saturating_sub(4).max(1));
        rows.truncate(NOTICE_ROWS);
        rows
    }
}

/// Draws the screen into `buf`; gives the caret's place.
pub fn draw(app: &mut App, buf: &mut Picture) -> Option<Position> {
    let screen = buf.area;
    if let Some(canvas) = app.settings.theme.canvas() {
        buf.set_style(screen, canvas);
    }
    if is_too_small(screen) {
        too_small(screen, buf, app);
        return None;
    }
    app.size = (screen.width, screen.height);
    let areas = app.areas();
    let theme = &app.settings.theme;
    if areas.header.height > 0 {
        let over = app.layers.last().filter(|layer| layer.shape() == Shape::Screen).map(Layer::title);
        let head = header::Head { chat: &app.chat, over, behind: app.behind() };
        header::draw(&head, areas.header, buf, theme);
    }
    messages(app, &areas, buf);
    queue::draw(&app.chat.queue, &app.queue_keys(), (areas.queue, buf), &app.settings.theme);
    let hint = app.hint();
    let waiting = if areas.queue.is_empty() { app.chat.queue.len() } else { 0 };
    let said = status::Said { hint: &hint, waiting, context: app.context() };
    status::draw(&app.chat, &said, app.now.instant, (areas.status, buf), &app.settings.theme);
    let theme = &app.settings.theme;
    put(buf, (1, areas.composer.y), &Line { spans: vec![bold("›", Tone::Accent)] }, 1, theme);
    let input = Rect { x: 3, width: screen.width.saturating_sub(4), ..areas.composer };
    if !app.layers.is_empty() {
        return app.draw_layer(&areas, input, buf);
    }
    let placeholder = if app.chat.model.is_none() { "The model's name" } else { "Ask anything" };
    let caret = app.chat.composer.draw(input, buf, theme, placeholder);
    if let Some(completion) = &mut app.chat.completion {
        layers::draw_completion(completion, areas.transcript, buf, theme);
    }
    Some(caret)
}

/// Draws what an update of [`Extent::Messages`] may have changed over the picture before, which is of the
/// same size: the rest of it is kept, and the caret stays.
///
/// [`Extent::Messages`]: super::extent::Extent::Messages
pub fn draw_messages(app: &mut App, buf: &mut Picture) {
    let screen = buf.area;
    if is_too_small(screen) {
        buf.keep(screen);
        return;
    }
    if let Some(canvas) = app.settings.theme.canvas() {
        buf.set_style(screen, canvas);
    }
    let areas = app.areas();
    messages(app, &areas, buf);
    buf.keep(areas.header);
    buf.keep(areas.queue);
    let under = areas.composer.y;
    buf.keep(Rect { y: under, height: screen.height.saturating_sub(under), ..screen });
}

fn is_too_small(screen: Rect) -> bool {
    screen.width < LEAST.0 || screen.height < LEAST.1
}

/// The messages, or what stands in their place; the rule below them with what is told there.
fn messages(app: &mut App, areas: &Areas, buf: &mut Picture) {
    let theme = &app.settings.theme;
    if let Some(welcome) = app.welcome() {
        let said = (welcome, app.found_here(), &app.settings.keymap);
        welcome::draw(said, &app.chat, areas.transcript, buf, theme);
    } else {
        let scene = Scene {
            tree: &app.chat.tree,
            live: app.chat.live.as_ref(),
            zone: &app.settings.zone,
            keymap: &app.settings.keymap,
            now: app.now.instant,
        };
        app.chat.transcript.draw(&scene, areas.transcript, buf, theme);
    }
    rule(app, areas.rule, buf);
    notice(app, areas, buf);
}

impl App {
    fn welcome(&self) -> Option<Welcome> {
        if self.chat.loading.is_some() {
            return Some(Welcome::Loading);
        }
        if !self.chat.tree.is_empty() {
            return None;
        }
        Some(match (&self.chat.model, self.settings.nothing_configured) {
            (None, _) => Welcome::AskModel,
            (Some(_), true) => Welcome::Demo,
            (Some(_), false) => Welcome::Ready,
        })
    }

    /// What can be done with the messages that wait.
    fn queue_keys(&self) -> String {
        let key = |action| self.settings.keymap.key_for(action).unwrap_or_default();
        match (self.chat.queue.is_held(), self.chat.composer.is_empty()) {
            (true, true) => format!("{} sends · {} edits", key(Action::Send), key(Action::Up)),
            (true, false) => format!("{} sends", key(Action::Send)),
            (false, true) => format!("{} edits", key(Action::Up)),
            (false, false) => String::new(),
        }
    }

    /// A server that was found on this machine, by its name.
    fn found_here(&self) -> Option<&str> {
        let found = self.catalog.shelves.get(self.settings.config.configured)?;
        Some(&found.provider.name)
    }

    /// Tokens that the conversation had at its last answer, and how many the model takes.
    fn context(&self) -> Option<(u64, u64)> {
        let size = self.catalog.context(&self.chat.provider, self.chat.model.as_deref()?)?;
        let used = self.chat.tree.messages().rev().take(8).find_map(filled)?;
        Some((used, size))
    }

    /// The most useful key now.
    fn hint(&self) -> String {
        let key = |action| self.settings.keymap.key_for(action).unwrap_or_default();
        if let Some(layer) = self.layers.last() {
            // As many as there is room for beside the state.
            let mut room = usize::from(self.size.0.saturating_sub(STATE_COLUMNS));
            let words = layer.hints().iter().map(|(action, word)| format!("{} {word}", key(*action)));
            let fitting = words.take_while(|word| {
                let fits = width::width(word) + 2 <= room;
                room = room.saturating_sub(width::width(word) + 2);
                fits
            });
            return fitting.collect::<Vec<_>>().join("  ");
        }
        if let Some(words) = self.chat.completion.as_ref().and_then(Completion::hints) {
            let words = words.iter().map(|(action, word)| format!("{} {word}", key(*action)));
            return words.collect::<Vec<_>>().join("  ");
        }
        if let Some(message) = self.chat.transcript.selected().and_then(|id| self.chat.tree.get(id)) {
            let mut words = Vec::new();
            if self.chat.live.is_none() {
                let whole = message.state == MessageState::Complete;
                words.push(format!("{} {}", key(Action::Retry), if whole { "ask again" } else { "retry" }));
                if self.goes_on(Some(message.id)) {
                    words.push(format!("{} continue", key(Action::Continue)));
                }
            }
            words.push(format!("{} back", key(Action::Back)));
            return words.join("  ");
        }
        if self.chat.live.is_some() {
            return format!("{} stop", key(Action::Back));
        }
        if !self.chat.composer.is_empty() || self.chat.queue.is_held() {
            return format!("{} send", key(Action::Send));
        }
        match self.chat.tree.last().map(|m| self.chat.tree.place(m.id)) {
            Some(place) if place.index + 1 < place.of => format!("{} next choice", key(Action::NextTab)),
            Some(place) if place.of > 1 => format!("{} previous choice", key(Action::PreviousTab)),
            Some(_) => format!("{} select", key(Action::SelectPrevious)),
            None => format!("{} quit", key(Action::Quit)),
        }
    }
}

/// Tokens of the conversation up to an answer, where the server counted them. It counts all answers to a
/// prompt together: of several, each takes what was counted of it as it came.
fn filled(answer: &Message) -> Option<u64> {
    let usage = answer.usage.as_ref()?;
    let own = answer.metrics.map_or(u64::MAX, |metrics| metrics.tokens);
    Some(usage.prompt_tokens.saturating_add(usage.completion_tokens.min(own)))
}

/// The rule over the input, with the lines below at its right.
fn rule(app: &App, area: Rect, buf: &mut Picture) {
    let theme = &app.settings.theme;
    header::rule(buf, (area.x, area.y), area.width, theme);
    let below = app.chat.transcript.below();
    let is_seen = app.layers.last().is_none_or(|layer| matches!(layer.shape(), Shape::Sheet(_)));
    if below > 0 && is_seen {
        let plural = if below == 1 { "" } else { "s" };
        // With a draft, End is the end of its line.
        let keymap = &app.settings.keymap;
        let end = match app.chat.composer.is_empty() {
            true => keymap.key_for(Action::Bottom),
            false => keymap.key_in(Scope::Composer, Action::Bottom),
        };
        let end = end.map(|key| format!("· {key} ")).unwrap_or_default();
        let text = format!(" ↓ {below} line{plural} {end}");
        let mark = line([(&text, Tone::Accent)]);
        let columns = line_width(&mark);
        if columns + 4 <= area.width {
            let x = area.right().saturating_sub(2 + columns);
            put(buf, (x, area.y), &mark, columns, theme);
        }
    }
}

/// What is to be told: on the rule, or over it where it is too long.
fn notice(app: &App, areas: &Areas, buf: &mut Picture) {
    let Some((text, tone)) = app.notice() else { return };
    let theme = &app.settings.theme;
    let rows = app.notice_rows();
    if rows.is_empty() || areas.notice.is_empty() {
        let room = usize::from(areas.rule.width).saturating_sub(ON_RULE);
        let text = format!(" {} ", width::truncate(&text, room.max(12)));
        put(
            buf,
            (areas.rule.x + 2, areas.rule.y),
            &Line::new(text, tone),
            areas.rule.width.saturating_sub(4),
            theme,
        );
        return;
    }
    for (y, row) in (areas.notice.y..areas.notice.bottom()).zip(rows) {
        put(buf, (areas.notice.x + 2, y), &Line::new(row, tone), areas.notice.width.saturating_sub(4), theme);
    }
}

fn too_small(screen: Rect, buf: &mut Picture, app: &App) {
    let text = format!("too small: {}x{}, need {}x{}", screen.width, screen.height, LEAST.0, LEAST.1);
    for (y, row) in
        width::wrap_str(&text, screen.width.max(1)).iter().take(usize::from(screen.height)).enumerate()
    {
        put(
            buf,
            (screen.x, screen.y + y as u16),
            &Line::new(row, Tone::Text),
            screen.width,
            &app.settings.theme,
        );
    }
}
