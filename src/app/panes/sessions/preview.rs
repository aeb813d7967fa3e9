//! The conversation beside the list: drawn by the transcript, from the store or from this run.
//!
//! One session is loaded at a time; while one is under way the person may have moved on, and what is
//! chosen when it comes is asked for next. Until it is there the preview shows what it showed.

use crate::app::picture::Picture;
use ratatui::layout::Rect;

use super::{World, rows};
use crate::app::cmd::{Cmd, Ticket};
use crate::app::panes::hits::Needles;
use crate::app::panes::transcript::{Scene, Transcript};
use crate::app::panes::{bold, put};
use crate::base::tone::{Line, Tone};
use crate::base::{MessageId, SessionId, sanitize, width};
use crate::chat::Conversation;
use crate::chat::jobs::{StoreJob, StoreReply, WhichSession};
use crate::chat::session::SessionSummary;
use crate::keys::Action;
use crate::theme::Theme;

/// Characters of an unsent prompt that are shown: more than a big screen holds.
const SHOWN: usize = 8_000;

/// The preview.
#[derive(Debug, Default)]
pub struct Preview {
    /// What is shown, and for which search.
    of: Option<Sought>,
    source: Source,
    transcript: Transcript,
    /// The session that the store was asked for.
    waits: Option<Sought>,
}

/// A session, and what is to be seen of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sought {
    session: SessionId,
    hit: Option<MessageId>,
    needles: Needles,
}

#[derive(Debug, Default)]
enum Source {
    #[default]
    Nothing,
    /// It is one of the conversations of this run.
    Here,
    /// It came from the store.
    Loaded(Box<Conversation>),
    /// Something is said in its place.
    Said(String),
}

impl Preview {
    /// Brings it to the chosen session; gives what is to be asked of the store for that.
    pub fn want(&mut self, chosen: Option<(&SessionSummary, &Needles)>, world: &World<'_>) -> Option<Cmd> {
        let Some((summary, needles)) = chosen else {
            self.of = None;
            self.source = Source::Nothing;
            return None;
        };
        let session = summary.session.id;
        let hit = summary.hit.as_ref().map(|hit| hit.message);
        let sought = Sought { session, hit, needles: needles.clone() };
        let is_here = world.chat(session).is_some();
        let stands = self.of.as_ref().is_some_and(|of| of.session == session)
            && matches!(self.source, Source::Here) == is_here;
        if stands {
            if self.of.as_ref() != Some(&sought) {
                self.seek(sought);
            }
            return None;
        }
        if is_here {
            self.show(sought, Source::Here);
            return None;
        }
        if summary.state.is_none() {
            let text = format!("Not sent yet: {}", summary.draft);
            self.show(sought, Source::Said(text));
            return None;
        }
        if self.waits.is_some() {
            return None;
        }
        self.waits = Some(sought);
        let load = StoreJob::Load(WhichSession::Prefix(session.to_string()));
        Some(Cmd::Ask(Ticket::Preview(session), load))
    }

    /// What the store gave. [`Preview::want`] comes next: another one may be chosen by now.
    pub fn answer(&mut self, session: SessionId, reply: StoreReply) {
        let Some(sought) = self.waits.take_if(|waits| waits.session == session) else { return };
        let source = match reply {
            StoreReply::Loaded(stored) => Source::Loaded(Box::new(Conversation::from_stored(*stored))),
            StoreReply::Failed(error) => Source::Said(error.to_string()),
            StoreReply::NotFound(_) => Source::Said("this session is not there any more".to_owned()),
            _ => Source::Said("the session cannot be shown".to_owned()),
        };
        self.show(sought, source);
    }

    /// Forgets what came from the store: it may have changed.
    pub fn forget(&mut self, session: SessionId) {
        if self.of.as_ref().is_some_and(|of| of.session == session) {
            self.of = None;
        }
    }

    fn show(&mut self, sought: Sought, source: Source) {
        self.transcript = Transcript::default();
        self.source = source;
        self.seek(sought);
    }

    /// Goes to the first hit, or to the end where none is looked for.
    fn seek(&mut self, sought: Sought) {
        self.transcript.mark(sought.needles.clone());
        match sought.hit {
            Some(hit) => {
                if let Source::Loaded(tree) = &mut self.source {
                    tree.show(hit);
                }
                self.transcript.seek(hit, sought.needles.clone());
            }
            None => self.transcript.follow(),
        }
        self.of = Some(sought);
    }

    /// Scrolls; false where the action is none of the preview's.
    pub fn act(&mut self, action: Action, world: &World<'_>) -> bool {
        let page = self.transcript.page();
        let by = match action {
            Action::ListUp => Move::By(-1),
            Action::ListDown => Move::By(1),
            Action::ListPageUp => Move::By(-page),
            Action::ListPageDown => Move::By(page),
            Action::ListFirst => Move::Top,
            Action::ListLast => Move::End,
            _ => return false,
        };
        self.go(by, world);
        true
    }

    /// Scrolls by rows, up where negative.
    pub fn scroll(&mut self, rows: isize, world: &World<'_>) {
        self.go(Move::By(rows), world);
    }

    fn go(&mut self, by: Move, world: &World<'_>) {
        let Self { of, source, transcript, .. } = self;
        let Some(scene) = scene(of.as_ref(), source, world) else { return };
        match by {
            Move::By(rows) => transcript.scroll(&scene, rows),
            Move::Top => transcript.to_top(&scene),
            Move::End => transcript.follow(),
        }
    }

    /// Draws it under a head of two rows, the title in its tone.
    pub fn draw(
        &mut self,
        chosen: Option<(&SessionSummary, Tone)>,
        world: &World<'_>,
        area: Rect,
        (buf, theme): (&mut Picture, &Theme),
    ) {
        let Some((summary, head)) = chosen else { return };
        let columns = area.width.saturating_sub(2);
        let title = width::truncate(&rows::title(summary), usize::from(columns)).into_owned();
        put(buf, (area.x + 1, area.y), &Line { spans: vec![bold(title, head)] }, columns, theme);
        if area.height < 4 {
            return;
        }
        put(buf, (area.x + 1, area.y + 1), &rows::details(summary, world.zone), columns, theme);
        let area = Rect { y: area.y + 3, height: area.height - 3, ..area };
        let Self { of, source, transcript, .. } = self;
        if let Some(scene) = scene(of.as_ref(), source, world) {
            transcript.draw(&scene, area, buf, theme);
            return;
        }
        let text = match (source, &self.of) {
            (Source::Said(text), Some(_)) => text.clone(),
            (Source::Here, Some(of)) => world
                .chat(of.session)
                .map(|chat| chat.composer.beginning(SHOWN))
                .map_or_else(String::new, |draft| format!("Not sent yet: {draft}")),
            _ => String::new(),
        };
        // An error may repeat what a file or the system says.
        let text = sanitize::clean(&text);
        for (y, row) in (area.y..area.bottom()).zip(width::wrap_str(&text, columns.max(1))) {
            put(buf, (area.x + 1, y), &Line::new(row, Tone::Dim), columns, theme);
        }
    }
}

enum Move {
    By(isize),
    Top,
    End,
}

/// What the transcript draws from, where there are messages.
fn scene<'a>(of: Option<&Sought>, source: &'a Source, world: &World<'a>) -> Option<Scene<'a>> {
    let World { zone, keymap, .. } = *world;
    let (tree, live) = match source {
        Source::Here => {
            let chat = world.chat(of?.session)?;
            (&chat.tree, chat.live.as_ref())
        }
        Source::Loaded(tree) => (tree.as_ref(), None),
        Source::Nothing | Source::Said(_) => return None,
    };
    (!tree.is_empty()).then_some(Scene { tree, live, zone, keymap, now: world.now.instant })
}
