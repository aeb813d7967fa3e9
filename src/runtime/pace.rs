//! When to draw: at once for what a person did, in slots for what streams.
//!
//! A slot is 4 ms (so a token is on the screen within a frame of any display), or four times what the
//! last frames cost where that is more: drawing never takes over a quarter of a core, however dear a
//! frame is.

use std::time::{Duration, Instant};

/// The shortest time between two frames of streamed text.
pub const SLOT: Duration = Duration::from_millis(4);
/// However dear frames are, this often they are drawn.
const LONGEST: Duration = Duration::from_millis(100);

/// The pace of frames.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    last: Option<Instant>,
    /// A running mean of what frames cost.
    cost: Duration,
    dirty: Option<Urgency>,
}

/// How soon a change is to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// In the next slot.
    Slot,
    /// In the frame that comes now.
    Now,
}

impl Pace {
    /// Something changed.
    pub fn changed(&mut self, urgency: Urgency) {
        self.dirty = self.dirty.max(Some(urgency));
    }

    /// When the next frame is due; `None` while nothing changed.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let slot = (self.cost * 4).clamp(SLOT, LONGEST);
        match (self.dirty?, self.last) {
            (Urgency::Now, _) | (Urgency::Slot, None) => Some(now),
            (Urgency::Slot, Some(last)) => Some((last + slot).max(now)),
        }
    }

    /// A frame was drawn from `began` to `ended`.
    pub fn drawn(&mut self, began: Instant, ended: Instant) {
        let cost = ended.saturating_duration_since(began);
        self.cost = (self.cost * 3 + cost) / 4;
        self.last = Some(ended);
        self.dirty = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_drawn_at_once_and_tokens_wait_for_their_slot() {
        let start = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(pace.due(start), None);
        pace.changed(Urgency::Slot);
        assert_eq!(pace.due(start), Some(start), "the first frame does not wait");
        pace.drawn(start, start + Duration::from_micros(100));
        pace.changed(Urgency::Slot);
        let later = start + Duration::from_millis(1);
        assert_eq!(pace.due(later), Some(start + Duration::from_micros(100) + SLOT));
        pace.changed(Urgency::Now);
        assert_eq!(pace.due(later), Some(later));
        pace.changed(Urgency::Slot);
        assert_eq!(pace.due(later), Some(later), "a token does not put off a key");
    }

    #[test]
    fn dear_frames_are_drawn_less_often() {
        let mut at = Instant::now();
        let mut pace = Pace::default();
        for _ in 0..40 {
            pace.drawn(at, at + Duration::from_millis(10));
            at += Duration::from_millis(10);
        }
        pace.changed(Urgency::Slot);
        let wait = pace.due(at).expect("dirty") - at;
        assert!(wait > Duration::from_millis(35) && wait <= Duration::from_millis(40), "{wait:?}");
    }
}
