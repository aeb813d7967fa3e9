//! Times and rates of a turn, taken where a chunk is decoded (contract: `metrics`).

/// The figures of one choice.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct ChoiceMetrics {
    /// From the sending of the attempt to its first text, reasoning or tool fragment.
    pub ttft_ms: Option<f64>,
    /// From the first attempt to its end.
    pub duration_ms: f64,
    /// Fragments (text, reasoning, refusal, tool) that were not empty.
    pub chunks: u64,
    /// Tokens: reported where there is one choice and usage came, else one a chunk.
    pub tokens: u64,
    /// Whether the server reported them.
    pub tokens_exact: bool,
    /// Over last minus first chunk.
    pub tokens_per_second: Option<f64>,
    /// How long the reasoning took, from its first fragment to the first of another kind (or its last).
    pub reasoning_ms: Option<f64>,
}

/// The figures of a whole turn, as `ask --json` prints them.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct TurnMetrics {
    /// From the sending of the attempt that answered to its first text, reasoning or tool fragment.
    pub ttft_ms: Option<f64>,
    /// The same to its first text fragment.
    pub ttft_text_ms: Option<f64>,
    /// From the first attempt to the end.
    pub duration_ms: f64,
    /// Fragments that were not empty, all choices.
    pub chunks: u64,
    /// Unicode scalar values of the text, all choices.
    pub chars: u64,
    /// Tokens of the answer.
    pub tokens: u64,
    /// Whether the server reported them; else one a chunk is assumed.
    pub tokens_exact: bool,
    /// Tokens of the streamed kinds over last minus first chunk.
    pub tokens_per_second: Option<f64>,
    /// Mean time between chunks, over the token count.
    pub mean_token_interval_ms: Option<f64>,
    /// The 95th percentile of it.
    pub p95_token_interval_ms: Option<f64>,
    /// How many attempts were made.
    pub attempts: u32,
}
