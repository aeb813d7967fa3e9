//! What a piece of text *is*, so that a theme can say how it looks.
//!
//! Rows of the transcript carry tones, never colours: a theme switch or `NO_COLOR` re-colours them
//! without laying anything out again.

/// The role of a piece of text. A theme gives each a style.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Tone {
    /// Body text.
    #[default]
    Text,
    /// Secondary text: hints, times, figures.
    Dim,
    /// What draws the eye: the active tab, the prompt mark.
    Accent,
    /// The user's name and bar.
    User,
    /// The assistant's name.
    Assistant,
    /// Reasoning text.
    Reasoning,
    /// Tool panels.
    Tool,
    /// Errors.
    Error,
    /// Warnings: notices, truncated replies.
    Warning,
    /// Success marks.
    Success,
    /// A heading of the text.
    Heading,
    /// Code, inline and fenced.
    Code,
    /// The label and line of a code block.
    CodeLabel,
    /// A link's text.
    Link,
    /// A quotation and its bar.
    Quote,
    /// List markers, rules, table lines.
    Mark,
    /// Frames and separators of the screen.
    Border,
    /// The mark of the selected message.
    Selection,
    /// The chosen row of a list, all of it: what else it is made of keeps its emphasis only.
    Selected,
    /// What a search matched.
    Hit,
    /// A key's name, in help and in the palette.
    Key,
    /// The ground of a pane that floats over others.
    Popup,
}

impl Tone {
    /// All of them, for the theme's table.
    pub const ALL: [Tone; 22] = [
        Tone::Text,
        Tone::Dim,
        Tone::Accent,
        Tone::User,
        Tone::Assistant,
        Tone::Reasoning,
        Tone::Tool,
        Tone::Error,
        Tone::Warning,
        Tone::Success,
        Tone::Heading,
        Tone::Code,
        Tone::CodeLabel,
        Tone::Link,
        Tone::Quote,
        Tone::Mark,
        Tone::Border,
        Tone::Selection,
        Tone::Selected,
        Tone::Hit,
        Tone::Key,
        Tone::Popup,
    ];

    /// The name under which a theme file gives its style.
    pub const fn name(self) -> &'static str {
        match self {
            Tone::Text => "text",
            Tone::Dim => "dim",
            Tone::Accent => "accent",
            Tone::User => "user",
            Tone::Assistant => "assistant",
            Tone::Reasoning => "reasoning",
            Tone::Tool => "tool",
            Tone::Error => "error",
            Tone::Warning => "warning",
            Tone::Success => "success",
            Tone::Heading => "heading",
            Tone::Code => "code",
            Tone::CodeLabel => "code_label",
            Tone::Link => "link",
            Tone::Quote => "quote",
            Tone::Mark => "mark",
            Tone::Border => "border",
            Tone::Selection => "selection",
            Tone::Selected => "selected",
            Tone::Hit => "hit",
            Tone::Key => "key",
            Tone::Popup => "popup",
        }
    }
}

/// Emphasis that the text itself asks for, over its tone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Emphasis {
    /// `**strong**`
    pub bold: bool,
    /// `*emphasised*`
    pub italic: bool,
    /// Underlined, as links are.
    pub underline: bool,
    /// `~~struck~~`
    pub strike: bool,
}

/// A piece of a row in one style. Its text is clean: it went through [`crate::base::sanitize`].
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Span {
    /// What is shown; no control characters, no line ends.
    pub text: String,
    /// What it is.
    pub tone: Tone,
    /// Emphasis over the tone.
    pub emphasis: Emphasis,
}

impl Span {
    /// A span without emphasis.
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone, emphasis: Emphasis::default() }
    }
}

/// One row of the screen: spans from left to right, never wider than it was laid out for.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Line {
    /// The pieces.
    pub spans: Vec<Span>,
}

impl Line {
    /// A row of one span.
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { spans: vec![Span::new(text, tone)] }
    }

    /// The row's text without styles.
    pub fn plain(&self) -> String {
        self.spans.iter().map(|s| s.text.as_str()).collect()
    }
}
