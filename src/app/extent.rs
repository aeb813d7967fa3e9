//! How much of the screen an update may have changed.
//!
//! A token of the reply on the screen changes rows of messages, and ten times a second the figures. So
//! most frames draw only the messages again ([`super::view::draw_messages`]); what stands around them is
//! kept. Whatever is not known to be such an update changes anything.

use std::time::Duration;

use super::live::Phase;
use super::msg::Msg;
use super::state::App;
use crate::chat::{StreamEvent, TurnEvent};

/// Within this time the state says nothing of a silence.
const NO_SILENCE: Duration = Duration::from_secs(1);

/// How much of the screen may be another one than in the last frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// The messages, and what is said of their place on the rule below them.
    Messages,
    /// Anything.
    All,
}

impl App {
    /// What may have changed since this was asked last. Where nothing was heard of a change, why a frame
    /// is wanted is not known either: anything.
    pub fn take_extent(&mut self) -> Extent {
        self.changed.take().unwrap_or(Extent::All)
    }

    /// Whether a message does nothing but let the reply on the screen grow.
    pub(super) fn only_grows(&self, msg: &Msg) -> bool {
        let (Msg::Turn(report), Some(live)) = (msg, &self.chat.live) else { return false };
        live.id == report.turn
            && live.phase == Phase::Streaming
            && report.at.saturating_duration_since(live.last) < NO_SILENCE
            && self.layers.is_empty()
            && self.chat.completion.is_none()
            && self.chat.loading.is_none()
            && self.quit_armed.is_none()
            && report.events.iter().all(is_delta)
    }
}

fn is_delta(event: &TurnEvent) -> bool {
    match event {
        TurnEvent::Stream(StreamEvent::Text { .. } | StreamEvent::Reasoning { .. }) => true,
        TurnEvent::Stream(
            StreamEvent::Start { .. }
            | StreamEvent::Refusal { .. }
            | StreamEvent::ToolCall { .. }
            | StreamEvent::Annotation { .. }
            | StreamEvent::Carry { .. }
            | StreamEvent::Finish { .. }
            | StreamEvent::Usage(_)
            | StreamEvent::Notice(_),
        )
        | TurnEvent::Sent { .. }
        | TurnEvent::Retry { .. }
        | TurnEvent::Error(_)
        | TurnEvent::Done(_) => false,
    }
}
