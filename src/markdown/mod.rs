//! Markdown as it streams: source text in, rows of tones out.
//!
//! [`LiveMarkdown`] is what others use. Beneath it: `blocks` finds the block structure line by line and
//! gives out each `block` when nothing can change it any more (`scan` looks at single lines), `inline`
//! turns a block's text into spans, `open` closes what is still open, `layout` and `table` make rows.
//! Two properties hold at every prefix of a text and are tested: the rows do not depend on how the text
//! was cut into updates, and rows of sealed blocks never change. Colours, scrolling and the terminal
//! are not its business.

mod block;
mod blocks;
mod inline;
mod layout;
mod live;
mod open;
pub mod plain;
mod scan;
mod table;
#[cfg(test)]
mod tests;

pub use live::{CodeBlock, LiveMarkdown, Progress};
