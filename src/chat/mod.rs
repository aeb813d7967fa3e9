//! The domain: messages, the tree they form, stream events, the turn machine, and the data that
//! crosses between the edges and the screen.
//!
//! Pure: no IO, no `async`, no clock (time is passed in). Everything that `ask` and the full-screen
//! chat share is said in these words; `docs/terms.md` lists them.

pub mod error;
pub mod export;
pub mod jobs;
pub mod message;
pub mod metrics;
pub mod models;
pub mod provider;
pub mod remembered;
pub mod request;
pub mod retry;
pub mod session;
pub mod stream;
pub mod tool_calls;
pub mod tree;
pub mod turn;
pub mod verdict;

pub use error::{ErrorKind, TimeoutKind, TurnError};
pub use message::{Message, MessageState, Part, Role, ToolCall};
pub use metrics::{ChoiceMetrics, TurnMetrics};
pub use models::ListedModel;
pub use provider::{Dialect, Provider, Quirks};
pub use remembered::{Change, Remembered};
pub use request::{ChatRequest, Params};
pub use session::{Draft, Piece, Session, SessionKind, SessionQuery, SessionSummary, Timestamp, Written};
pub use stream::{FinishReason, StreamEvent, TurnEvent, Usage};
pub use tree::Conversation;
pub use turn::{Outcome, Turn};
