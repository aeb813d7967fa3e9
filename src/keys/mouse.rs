//! What the mouse did, as the terminal reports it: buttons and the wheel, never a mere move.
//!
//! Where on the screen that is, and so what it means, is the screen's to say.

/// A button or the wheel, and the cell it was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MouseInput {
    /// What was done.
    pub kind: MouseKind,
    /// From 0, from the left.
    pub column: u16,
    /// From 0, from the top.
    pub row: u16,
}

/// What was done with the mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MouseKind {
    /// A button went down.
    Press(MouseButton),
    /// A button went up.
    Release(MouseButton),
    /// One notch of the wheel, towards earlier text.
    WheelUp,
    /// One notch of the wheel, towards later text.
    WheelDown,
}

/// A button of the mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MouseButton {
    /// The usual one.
    Left,
    /// The wheel, pressed.
    Middle,
    /// The other one.
    Right,
}
