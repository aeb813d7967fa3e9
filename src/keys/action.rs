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
        /// The list of all actions.
        Palette = "palette",
        /// The list of models.
        Models = "models",
        /// The saved sessions.
        Sessions = "sessions",
        /// The keys of the present screen.
        Help = "help",
        /// The list of themes.
        Themes = "themes",
        /// A new conversation; a running one goes on.
        NewChat = "new_chat",
        /// The next conversation that streams or waits to be read.
        NextLive = "next_live",
        /// The previous one.
        PreviousLive = "previous_live",
        /// The draft in the editor of the user's choice.
        Editor = "editor",
        /// The list of earlier prompts.
        SearchHistory = "search_history",
        /// The list of files to attach.
        Attach = "attach",
        /// Complete the command or the file that is being typed.
        Complete = "complete",
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
        /// The line above in a list.
        ListUp = "list_up",
        /// The line below in a list.
        ListDown = "list_down",
        /// A page up in a list.
        ListPageUp = "list_page_up",
        /// A page down in a list.
        ListPageDown = "list_page_down",
        /// The first line of a list.
        ListFirst = "list_first",
        /// The last line of a list.
        ListLast = "list_last",
        /// Take the selected line of a list.
        Accept = "accept",
        /// Star the selected model, or take its star.
        Star = "star",
        /// Write the selected session to a file.
        Export = "export",
        /// Delete the selected session; it asks.
        DeleteSession = "delete_session",
        /// Bring back the session that was deleted last.
        RestoreSession = "restore_session",
        /// Give the selected session another title.
        Rename = "rename",
        /// From the list to the preview beside it, and back.
        SwitchSide = "switch_side",
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
        /// Everywhere, over lists too.
        Always = "always",
        /// Everywhere in the conversation.
        Global = "global",
        /// The input has the focus.
        Composer = "composer",
        /// The input has the focus and is empty.
        ComposerEmpty = "composer-empty",
        /// A line is edited: in the input, or the query of a list.
        Line = "line",
        /// A message is selected.
        Selection = "selection",
        /// A list is on top: models, palette, sessions, themes, history, help.
        List = "list",
        /// The list of models is on top.
        Models = "models",
        /// The saved sessions are on top.
        Sessions = "sessions",
    }
}

impl Scope {
    /// The scopes that are asked, the inner one first.
    ///
    /// A list does not ask `global`: its query takes the keys of a line, and an action on the
    /// conversation underneath would be done unseen.
    pub const fn chain(self) -> &'static [Scope] {
        use Scope::*;
        match self {
            Always => &[Always],
            Global => &[Global, Always],
            Composer => &[Composer, Line, Global, Always],
            ComposerEmpty => &[ComposerEmpty, Composer, Line, Global, Always],
            Line => &[Line, Always],
            Selection => &[Selection, Global, Always],
            List => &[List, Line, Always],
            Models => &[Models, List, Line, Always],
            Sessions => &[Sessions, List, Line, Always],
        }
    }

    /// The scopes in which a default key gives way to one that the user binds here: this one, and inner
    /// ones that would hide it.
    ///
    /// Not where hiding is the point: Ctrl-D may quit in an empty input and delete in another, and what
    /// the sessions screen does with a key goes before its query.
    pub(super) const fn claims(self) -> &'static [Scope] {
        use Scope::*;
        match self {
            Always => Scope::ALL,
            Global => &[Global, Composer, ComposerEmpty, Line, Selection],
            Composer => &[Composer],
            ComposerEmpty => &[ComposerEmpty],
            Line => &[Line, Composer],
            Selection => &[Selection],
            List => &[List, Models, Sessions],
            Models => &[Models],
            Sessions => &[Sessions],
        }
    }

    /// Whether both are asked for one press somewhere.
    pub(super) fn meets(self, other: Scope) -> bool {
        Scope::ALL.iter().any(|scope| scope.chain().contains(&self) && scope.chain().contains(&other))
    }

    /// Whether characters are typed here, so that one alone can be no key.
    pub(super) const fn takes_text(self) -> bool {
        match self {
            Scope::Selection | Scope::ComposerEmpty => false,
            Scope::Always
            | Scope::Global
            | Scope::Composer
            | Scope::Line
            | Scope::List
            | Scope::Models
            | Scope::Sessions => true,
        }
    }
}
