//! The last check of a provider: a streamed answer of one token.

use std::sync::Arc;

use super::provider::{Checks, milliseconds, told};
use super::report::Mark;
use crate::base::Id;
use crate::chat::retry::RetryPolicy;
use crate::chat::turn::{Outcome, TurnDone, TurnPlan};
use crate::chat::{
    ChatRequest, ErrorKind, FinishReason, Message, Params, Provider, Quirks, StreamEvent, Timestamp,
    TurnError, TurnEvent,
};
use crate::cli::{exit, seed};
use crate::turns::{self, Source, TurnJob};

impl Checks<'_> {
    /// A streamed answer of one token.
    pub async fn stream(&mut self, name: &str, provider: &Arc<Provider>, model: &str, quirks: Quirks) {
        let seconds = self.patience.timeouts.first.as_secs();
        self.report.announce(name, &format!("waits for one token of {model}, up to {seconds} s"));
        let asked = single(provider, quirks);
        let params = self.setup.config.params_for(provider, model);
        let plan = TurnPlan {
            retry: RetryPolicy { max: 0, ..self.setup.config.retry },
            timeouts: self.patience.timeouts,
            quirks,
            ..TurnPlan::new(Arc::new(request(model, params)), &asked, seed())
        };
        let job = TurnJob {
            plan,
            provider: Arc::new(asked),
            secrets: self.setup.secrets.clone(),
            save: None,
            source: Source::Server,
        };
        let (_running, mut batches) = turns::start(job, &self.services);
        let mut answer = Answer::default();
        while let Some(batch) = batches.recv().await {
            batch.events.into_iter().for_each(|event| answer.take(event));
        }
        let (mark, text) = answer.verdict(model);
        let instead = provider.http_base_url.as_ref().filter(|_| quirks.no_websocket);
        let text = instead.map_or_else(|| text.clone(), |url| format!("{url}: {text}"));
        self.report.tell(mark, name, &text);
        for notice in answer.notices {
            self.report.tell(Mark::Note, name, &notice);
        }
    }
}

/// What came of the one token.
#[derive(Default)]
struct Answer {
    model: Option<String>,
    notices: Vec<String>,
    error: Option<TurnError>,
    done: Option<Box<TurnDone>>,
}

impl Answer {
    fn take(&mut self, event: TurnEvent) {
        match event {
            TurnEvent::Stream(StreamEvent::Start { model, .. }) => self.model = model,
            TurnEvent::Stream(StreamEvent::Notice(notice)) => self.notices.push(notice),
            TurnEvent::Error(error) => self.error = Some(error),
            TurnEvent::Done(done) => self.done = Some(done),
            TurnEvent::Stream(_) | TurnEvent::Sent { .. } | TurnEvent::Retry { .. } => {}
        }
    }

    fn verdict(&mut self, asked: &str) -> (Mark, String) {
        let Some(done) = &self.done else {
            return (Mark::Fail(exit::OTHER), "it ended without a word".into());
        };
        if let Some(error) = self.error.as_ref().filter(|_| done.outcome != Outcome::Complete) {
            if thinks_longer(error) {
                return (Mark::Ok, "it answers; one token was too little for it to think".to_owned());
            }
            return (Mark::Fail(exit::of_done(done.outcome, Some(error))), told(error));
        }
        let when = match done.metrics.ttft_ms {
            Some(ms) => format!("the first token came after {}", milliseconds(ms)),
            None => {
                // What it says of an empty answer is no news where one token was asked for.
                self.notices.retain(|notice| !notice.contains("without anything in it"));
                format!(
                    "it answered within {}, with no text in its one token",
                    milliseconds(done.metrics.duration_ms)
                )
            }
        };
        let whose = match &self.model {
            Some(model) if model != asked => format!(" from {model}"),
            Some(_) | None => String::new(),
        };
        let cost = match &done.usage {
            Some(usage) => {
                format!(
                    "; this took {} tokens of prompt, {} of answer",
                    usage.prompt_tokens, usage.completion_tokens
                )
            }
            None => String::new(),
        };
        let mark = match done.choices.first().and_then(|choice| choice.finish.as_ref()).map(|end| end.reason)
        {
            Some(FinishReason::Failed) => Mark::Fail(exit::OTHER),
            Some(FinishReason::Stop | FinishReason::Length | FinishReason::Tools | FinishReason::Filter)
            | None => Mark::Ok,
        };
        (mark, format!("{when}{whose}{cost}"))
    }
}

/// OpenAI's reasoning models refuse a limit that their thinking alone goes over. By then they have answered.
fn thinks_longer(error: &TurnError) -> bool {
    error.kind == ErrorKind::Http && error.message.contains("max_tokens or model output limit was reached")
}

/// The smallest question there is.
pub fn request(model: &str, params: Params) -> ChatRequest {
    let mut params = Params { max_tokens: Some(1), n: None, ..params };
    for name in ["n", "max_tokens", "max_completion_tokens"] {
        params.extra.remove(name);
    }
    ChatRequest {
        model: model.to_owned(),
        system: String::new(),
        messages: vec![Message::user(Id::from_bits(1), None, "Hi", Timestamp(0))],
        params,
        stream: true,
    }
}

/// The provider as it is asked for a single token, by no other way than the one that is to be checked.
fn single(provider: &Provider, quirks: Quirks) -> Provider {
    let mut provider = provider.clone();
    for name in ["n", "max_tokens", "max_completion_tokens"] {
        provider.extra_body.remove(name);
    }
    if !quirks.no_websocket {
        provider.http_base_url = None;
    }
    provider
}
