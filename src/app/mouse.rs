//! The mouse: the wheel scrolls the text it is over and moves through a list, a click chooses a row,
//! turns a tab, folds.
//!
//! A click acts as the button goes down, and asks what was drawn there last. Nothing needs the mouse.

use super::actions::Pick;
use super::cmd::Cmd;
use super::layers::Layer;
use super::panes::message::Target;
use super::state::App;
use crate::keys::{Action, MouseButton, MouseInput, MouseKind};

impl App {
    /// Something was done with the mouse.
    pub(super) fn mouse(&mut self, input: MouseInput) -> Vec<Cmd> {
        let rows = isize::try_from(self.settings.wheel_lines).unwrap_or(1);
        let at = (input.column, input.row);
        if matches!(input.kind, MouseKind::Press(_)) && self.pending.take().is_some() {
            // The second key of two does not come any more.
            self.notices.passing = None;
        }
        if let Some(cmds) = self.completion_mouse(input.kind, at) {
            return cmds;
        }
        match (input.kind, self.layers.is_empty()) {
            (MouseKind::WheelUp, true) => self.wheel(-rows),
            (MouseKind::WheelDown, true) => self.wheel(rows),
            (MouseKind::WheelUp, false) => self.layer_wheel(at, -rows),
            (MouseKind::WheelDown, false) => self.layer_wheel(at, rows),
            (MouseKind::Press(MouseButton::Left), true) => self.click(at),
            (MouseKind::Press(MouseButton::Left), false) => self.layer_click(at),
            (MouseKind::Press(_) | MouseKind::Release(_), _) => Vec::new(),
        }
    }

    fn wheel(&mut self, rows: isize) -> Vec<Cmd> {
        self.with_scene(|transcript, scene| transcript.scroll(scene, rows));
        Vec::new()
    }

    fn click(&mut self, at: (u16, u16)) -> Vec<Cmd> {
        match self.chat.transcript.target(at) {
            Some((id, Target::By(by))) => self.choose(id, Pick::By(by)),
            Some((id, Target::Sibling(index))) => self.choose(id, Pick::Index(index)),
            Some((id, Target::Fold)) => {
                self.chat.transcript.toggle_message(id);
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// A text scrolls by the wheel's step, a list is moved through row by row.
    fn layer_wheel(&mut self, at: (u16, u16), rows: isize) -> Vec<Cmd> {
        match self.layers.last_mut() {
            Some(Layer::Help(help)) => {
                help.scroll(rows);
                return Vec::new();
            }
            Some(Layer::Sessions(sessions)) if sessions.shows_preview_at(at) => {
                return self.sessions_wheel(rows);
            }
            _ => {}
        }
        self.layer_act(if rows < 0 { Action::ListUp } else { Action::ListDown })
    }

    fn layer_click(&mut self, at: (u16, u16)) -> Vec<Cmd> {
        if let Some(Layer::Sessions(_)) = self.layers.last() {
            return self.sessions_click(at);
        }
        let Some(layer) = self.layers.last_mut() else { return Vec::new() };
        let is_picked = match layer {
            Layer::History(history) => history.pick(at),
            Layer::Models(models) => models.pick(at, &self.catalog),
            Layer::Themes(themes) => themes.pick(at),
            Layer::Palette(palette) => palette.pick(at),
            Layer::Sessions(_) | Layer::Help(_) => false,
        };
        if is_picked { self.layer_act(Action::Accept) } else { Vec::new() }
    }
}
