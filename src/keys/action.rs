//! What a key can do, and where.

macro_rules! named {
    ($(#[$outer:meta])* $type:ident { $($(#[$inner:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $type { $($(#[$inner])* $variant,)* }

        impl $type {
            /// All of them.
            pub const ALL: &'static [$type] = &[$($type::$variant,)*];

            /// The name in the keymap and the configuration.
            pub const fn name(self) -> &'static str {
                match self { $($type::$variant => $name,)* }
            }

            /// The one of this name.
            pub fn from_name(name: &str) -> Option<$type> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }
    };
}

named! {
    /// What a key asks for. The names are fixed: users bind keys to them under `[keys]`.
    Action {
        /// Send the draft.
        Send = "send",
        /// A line end in the draft.
        Newline = "newline",
        /// Close what is on top; with nothing on top, stop the turn.
        Back = "back",
        /// Stop the turn, then clear the draft, then quit.
        Interrupt = "interrupt",
        /// Leave the program.
        Quit = "quit",
        /// Stop to the shell.
        Suspend = "suspend",
        /// A page up in the transcript.
        PageUp = "page_up",
        /// A page down in the transcript.
        PageDown = "page_down",
        /// The start of the transcript.
        Top = "top",
        /// The end of the transcript, following it.
        Bottom = "bottom",
        /// The message above.
        SelectPrevious = "select_previous",
        /// The message below.
        SelectNext = "select_next",
        /// The first message.
        SelectFirst = "select_first",
        /// The last message.
        SelectLast = "select_last",
        /// Regenerate or retry the selected message.
        Retry = "retry",
        /// Continue the selected message.
        Continue = "continue",
        /// Fold or unfold the selected message.
        Fold = "fold",
        /// The next sibling.
        NextTab = "next_tab",
        /// The previous sibling.
        PreviousTab = "previous_tab",
        /// Sibling 1.
        Tab1 = "tab_1",
        /// Sibling 2.
        Tab2 = "tab_2",
        /// Sibling 3.
        Tab3 = "tab_3",
        /// Sibling 4.
        Tab4 = "tab_4",
        /// Sibling 5.
        Tab5 = "tab_5",
        /// Sibling 6.
        Tab6 = "tab_6",
        /// Sibling 7.
        Tab7 = "tab_7",
        /// Sibling 8.
        Tab8 = "tab_8",
        /// Sibling 9.
        Tab9 = "tab_9",
        /// Fold or unfold reasoning.
        FoldReasoning = "fold_reasoning",
        /// Fold or unfold tool panels.
        FoldTools = "fold_tools",
        /// Undo an edit of the draft.
        Undo = "undo",
        /// Redo it.
        Redo = "redo",
        /// The caret to the left.
        Left = "left",
        /// The caret to the right.
        Right = "right",
        /// The caret up, or an earlier prompt.
        Up = "up",
        /// The caret down, or a later prompt.
        Down = "down",
        /// The caret a word to the left.
        WordLeft = "word_left",
        /// The caret a word to the right.
        WordRight = "word_right",
        /// The caret to the line's start.
        LineStart = "line_start",
        /// The caret to the line's end.
        LineEnd = "line_end",
        /// Delete on the left.
        DeleteLeft = "delete_left",
        /// Delete on the right.
        DeleteRight = "delete_right",
        /// Cut the word on the left.
        DeleteWordLeft = "delete_word_left",
        /// Cut the word on the right.
        DeleteWordRight = "delete_word_right",
        /// Cut to the line's start.
        DeleteToStart = "delete_to_start",
        /// Cut to the line's end.
        DeleteToEnd = "delete_to_end",
        /// Put back what was cut.
        Yank = "yank",
    }
}

impl Action {
    /// For `tab_1` to `tab_9`: which tab, from 0.
    pub fn tab(self) -> Option<usize> {
        let digit = self.name().strip_prefix("tab_")?.parse::<usize>().ok()?;
        digit.checked_sub(1)
    }
}

named! {
    /// Where a key acts.
    Scope {
        /// Everywhere.
        Global = "global",
        /// The input has the focus.
        Composer = "composer",
        /// The input has the focus and is empty.
        ComposerEmpty = "composer-empty",
        /// A message is selected.
        Selection = "selection",
    }
}

impl Scope {
    /// The scopes that are asked, the inner one first.
    pub(super) const fn chain(self) -> &'static [Scope] {
        match self {
            Scope::Global => &[Scope::Global],
            Scope::Composer => &[Scope::Composer, Scope::Global],
            Scope::ComposerEmpty => &[Scope::ComposerEmpty, Scope::Composer, Scope::Global],
            Scope::Selection => &[Scope::Selection, Scope::Global],
        }
    }
}
