//! The turn machine by facts and a passed-in clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::error::{AttemptError, ErrorKind, HttpFailure, RefusedField, ServerError, TurnError};
use super::super::provider::{ExtraParameters, Quirks};
use super::super::request::{ChatRequest, Params};
use super::super::retry::{RetryPolicy, Timeouts};
use super::super::stream::{AnnotationKind, Ending, FinishReason, StreamEvent, TurnEvent, Usage};
use super::*;

mod fall_back;

/// A turn with a clock of its own and all that it ordered.
struct Rig {
    turn: Turn,
    start: Instant,
    now: Instant,
    sent: Vec<Attempt>,
    aborted: Vec<u32>,
    told: Vec<TurnEvent>,
    remembered: Vec<Quirks>,
}

fn plan(n: u32) -> TurnPlan {
    let params = Params { n: (n > 1).then_some(n), ..Params::default() };
    let request =
        ChatRequest { model: "m".into(), system: String::new(), messages: Vec::new(), params, stream: true };
    TurnPlan {
        request: Arc::new(request),
        retry: RetryPolicy::default(),
        timeouts: Timeouts::default(),
        quirks: Quirks::default(),
        seed: 7,
        missing_key: None,
        provider: "lab".into(),
        dialect: Dialect::OpenAiChat,
        extra_parameters: None,
        own_fields: Vec::new(),
        key_source: "LAB_KEY".into(),
        key_wanted: String::new(),
        version_from: String::new(),
        over_http: None,
    }
}

fn rig(plan: TurnPlan) -> Rig {
    let now = Instant::now();
    let mut rig = Rig {
        turn: Turn::new(plan),
        start: now,
        now,
        sent: Vec::new(),
        aborted: Vec::new(),
        told: Vec::new(),
        remembered: Vec::new(),
    };
    rig.on(TurnInput::Begin);
    rig
}

fn one() -> Rig {
    rig(plan(1))
}

fn text(choice: u32, delta: &str) -> StreamEvent {
    StreamEvent::Text { choice, delta: delta.into() }
}

fn finish(choice: u32, reason: FinishReason) -> StreamEvent {
    StreamEvent::Finish { choice, reason, raw: reason.name().into() }
}

fn start() -> StreamEvent {
    StreamEvent::Start { id: Some("c1".into()), model: None }
}

fn usage(completion: u64, reasoning: Option<u64>) -> StreamEvent {
    StreamEvent::Usage(Usage {
        prompt_tokens: 5,
        completion_tokens: completion,
        total_tokens: 5 + completion,
        cached_tokens: None,
        reasoning_tokens: reasoning,
    })
}

fn http(status: u16) -> AttemptError {
    AttemptError::Http(HttpFailure { status, message: "words".into(), ..HttpFailure::default() })
}

fn refuses(field: RefusedField) -> AttemptError {
    AttemptError::Http(HttpFailure {
        status: 400,
        message: "no such thing".into(),
        refused: Some(field),
        ..HttpFailure::default()
    })
}

fn lost() -> AttemptError {
    AttemptError::Lost("reset by peer".into())
}

fn server() -> AttemptError {
    AttemptError::Server(ServerError {
        message: "the GPU is on fire".into(),
        status: Some(503),
        code: None,
        request_id: Some("r-9".into()),
        quota: false,
    })
}

impl Rig {
    fn on(&mut self, input: TurnInput) {
        let mut out = Vec::new();
        self.turn.on(input, self.now, &mut out);
        for effect in out {
            match effect {
                TurnEffect::Send(attempt) => self.sent.push(attempt),
                TurnEffect::Abort { attempt } => self.aborted.push(attempt),
                TurnEffect::Tell(event) => self.told.push(event),
                TurnEffect::Remember(quirks) => self.remembered.push(quirks),
            }
        }
    }

    fn after(&mut self, ms: u64) -> &mut Self {
        self.now += Duration::from_millis(ms);
        self
    }

    fn event(&mut self, attempt: u32, event: StreamEvent) -> &mut Self {
        self.on(TurnInput::Bytes { attempt });
        self.on(TurnInput::Event { attempt, event });
        self
    }

    fn ended(&mut self, attempt: u32, ending: Ending) -> &mut Self {
        self.on(TurnInput::Ended { attempt, ending });
        self
    }

    fn failed(&mut self, attempt: u32, error: AttemptError) -> &mut Self {
        self.on(TurnInput::Failed { attempt, error, ending: None });
        self
    }

    /// Moves the clock to the next deadline, and says how far that was in milliseconds.
    fn wake(&mut self) -> u64 {
        let at = self.turn.wake_at().expect("a deadline");
        let waited = at.saturating_duration_since(self.now);
        self.now = at;
        self.on(TurnInput::Woke);
        waited.as_millis() as u64
    }

    fn done(&self) -> &TurnDone {
        let dones = self.told.iter().filter(|event| matches!(event, TurnEvent::Done(_))).count();
        assert_eq!(dones, 1, "Done comes once");
        assert!(self.turn.is_done());
        assert_eq!(self.turn.wake_at(), None);
        match self.told.last() {
            Some(TurnEvent::Done(done)) => done,
            other => panic!("Done comes last, not {other:?}"),
        }
    }

    fn errors(&self) -> Vec<&TurnError> {
        let errors = self.told.iter().filter_map(|event| match event {
            TurnEvent::Error(error) => Some(error),
            _ => None,
        });
        errors.collect()
    }

    fn outcome(&self) -> (Outcome, Option<ErrorKind>) {
        (self.done().outcome, self.errors().first().map(|error| error.kind))
    }

    fn notices(&self) -> Vec<&str> {
        let notices = self.told.iter().filter_map(|event| match event {
            TurnEvent::Stream(StreamEvent::Notice(text)) => Some(text.as_str()),
            _ => None,
        });
        notices.collect()
    }

    fn retries(&self) -> Vec<(u32, Duration, Option<u32>)> {
        let retries = self.told.iter().filter_map(|event| match event {
            TurnEvent::Retry { attempt, delay, choice, .. } => Some((*attempt, *delay, *choice)),
            _ => None,
        });
        retries.collect()
    }
}

mod outcomes {
    use super::*;

    const TRUNCATED: (Outcome, Option<ErrorKind>) = (Outcome::Truncated, Some(ErrorKind::Protocol));
    const COMPLETE: (Outcome, Option<ErrorKind>) = (Outcome::Complete, None);

    fn failed(kind: ErrorKind) -> (Outcome, Option<ErrorKind>) {
        (Outcome::Failed, Some(kind))
    }

    #[test]
    fn an_end_marker_or_a_finish_reason_is_enough() {
        for ending in [Ending::Marked, Ending::FinishedOnly] {
            let mut rig = one();
            rig.event(0, start()).event(0, text(0, "hi")).event(0, finish(0, FinishReason::Stop));
            rig.ended(0, ending);
            assert_eq!(rig.outcome(), COMPLETE);
            assert_eq!(rig.done().choices[0].finish.as_ref().map(|f| f.reason), Some(FinishReason::Stop));
        }
        let mut rig = one();
        rig.event(0, text(0, "hi")).ended(0, Ending::Marked);
        assert_eq!(rig.outcome(), COMPLETE, "Qwen ends so");
        assert_eq!(rig.done().choices[0].finish, None);
    }

    #[test]
    fn a_cut_after_the_first_event_is_truncated_and_says_what_to_do() {
        let mut rig = one();
        rig.event(0, start()).ended(0, Ending::Cut);
        assert_eq!(rig.outcome(), TRUNCATED);
        assert_eq!(rig.errors()[0].hint, "Retry.", "nothing came that could be kept");
        let mut rig = one();
        rig.event(0, text(0, "hi")).failed(0, lost());
        assert_eq!(rig.outcome(), TRUNCATED);
        assert_eq!(rig.sent.len(), 1, "never sent again after an event");
        let error = rig.errors()[0];
        assert!(error.message.contains("reset by peer") && error.hint.contains("is kept"), "{error:?}");
        assert_eq!(rig.done().choices[0].outcome, Outcome::Truncated);
        assert_eq!(rig.done().choices[0].error.as_ref(), Some(error));
    }

    #[test]
    fn a_body_without_an_event_that_can_be_read_is_an_empty_answer() {
        let mut rig = one();
        rig.ended(0, Ending::Empty);
        assert_eq!(rig.outcome(), failed(ErrorKind::Protocol));
        let mut rig = one();
        rig.event(0, malformed()).ended(0, Ending::Empty);
        assert_eq!(rig.outcome(), failed(ErrorKind::Protocol));
        assert!(rig.errors()[0].message.contains("empty answer"));
        let mut rig = one();
        let error = AttemptError::Protocol { message: "JSON without a choice".into(), hint: String::new() };
        rig.event(0, malformed()).failed(0, error);
        assert_eq!(rig.outcome(), failed(ErrorKind::Protocol));
    }

    fn malformed() -> StreamEvent {
        StreamEvent::Notice("a malformed chunk".into())
    }

    #[test]
    fn a_malformed_chunk_and_one_that_says_nothing_are_events() {
        let mut rig = one();
        rig.event(0, malformed()).failed(0, lost());
        assert_eq!((rig.outcome(), rig.sent.len()), (TRUNCATED, 1));
        let mut rig = one();
        rig.on(TurnInput::Failed { attempt: 0, error: lost(), ending: Some(Ending::Cut) });
        assert_eq!((rig.outcome(), rig.sent.len()), (TRUNCATED, 1));
        let mut rig = one();
        rig.ended(0, Ending::Cut);
        assert_eq!(rig.outcome(), TRUNCATED);
        // Nothing but comments, or nothing at all.
        let mut rig = one();
        rig.on(TurnInput::Bytes { attempt: 0 });
        rig.on(TurnInput::Failed { attempt: 0, error: lost(), ending: Some(Ending::Empty) });
        assert_eq!(rig.retries().len(), 1);
    }

    #[test]
    fn what_ends_an_answer_badly_is_told_with_the_id_of_its_request() {
        let answered = || TurnInput::Answered { attempt: 0, request_id: Some("req-7".into()) };
        let id = |rig: &Rig| rig.errors()[0].request_id.clone();
        let mut rig = one();
        rig.on(answered());
        rig.event(0, text(0, "hi")).failed(0, lost());
        assert_eq!(id(&rig).as_deref(), Some("req-7"));
        let mut rig = one();
        rig.on(answered());
        rig.wake();
        assert_eq!((rig.outcome().1, id(&rig).as_deref()), (Some(ErrorKind::Timeout), Some("req-7")));
        let mut rig = one();
        rig.on(answered());
        rig.failed(0, server());
        assert_eq!(id(&rig).as_deref(), Some("r-9"), "the error's own is nearer");
        // That of an attempt that was repeated says nothing of the last one.
        let mut rig = one();
        rig.on(answered());
        rig.failed(0, lost()).wake();
        rig.failed(1, http(400));
        assert_eq!(id(&rig), None);
    }

    #[test]
    fn a_break_after_the_end_loses_nothing() {
        let mut rig = one();
        rig.event(0, text(0, "hi")).event(0, finish(0, FinishReason::Stop)).failed(0, lost());
        assert_eq!(rig.outcome(), COMPLETE);
        let mut rig = one();
        rig.event(0, text(0, "hi"));
        rig.on(TurnInput::Failed { attempt: 0, error: lost(), ending: Some(Ending::Marked) });
        assert_eq!(rig.outcome(), COMPLETE);
        // A server that knows no `n` sends one, which is whole.
        let mut rig = rig_of_two();
        rig.event(0, text(0, "a")).event(0, finish(0, FinishReason::Stop));
        rig.on(TurnInput::Failed { attempt: 0, error: lost(), ending: Some(Ending::FinishedOnly) });
        assert_eq!(rig.outcome(), COMPLETE);
        assert!(rig.notices()[0].contains("2 choices were asked for and 1 came"), "{:?}", rig.notices());
        let mut rig = rig_of_two();
        rig.event(0, text(0, "a")).event(0, text(1, "b")).event(0, finish(0, FinishReason::Stop));
        rig.failed(0, lost());
        assert_eq!(rig.outcome(), TRUNCATED);
        let outcomes: Vec<_> = rig.done().choices.iter().map(|choice| choice.outcome).collect();
        assert_eq!(outcomes, [Outcome::Complete, Outcome::Truncated]);
    }

    fn rig_of_two() -> Rig {
        rig(plan(2))
    }

    #[test]
    fn a_body_that_cannot_be_read_fails_before_an_event_and_truncates_after_one() {
        let error = AttemptError::Protocol { message: "a line over 16 MiB".into(), hint: String::new() };
        let mut rig = one();
        rig.failed(0, error.clone());
        assert_eq!(rig.outcome(), failed(ErrorKind::Protocol));
        let mut rig = one();
        rig.event(0, text(0, "hi")).failed(0, error);
        assert_eq!(rig.outcome(), TRUNCATED);
    }

    #[test]
    fn an_error_in_band_fails_first_or_last_and_is_never_tried_again() {
        let before: [&[StreamEvent]; 3] =
            [&[], &[text(0, "hi")], &[text(0, "hi"), finish(0, FinishReason::Stop)]];
        for events in before {
            let mut rig = one();
            for event in events {
                rig.event(0, event.clone());
            }
            rig.failed(0, server());
            assert_eq!(rig.outcome(), failed(ErrorKind::Server));
            let error = rig.errors()[0];
            assert_eq!((error.status, error.request_id.as_deref()), (Some(503), Some("r-9")));
            assert!(error.message.contains("the GPU is on fire"));
            assert_eq!(rig.done().choices[0].outcome, Outcome::Failed);
            assert_eq!(rig.sent.len(), 1);
        }
    }

    #[test]
    fn a_finish_reason_that_says_failed_fails() {
        let mut rig = one();
        rig.event(0, text(0, "hi")).event(
            0,
            StreamEvent::Finish {
                choice: 0,
                reason: FinishReason::Failed,
                raw: "insufficient_system_resource".into(),
            },
        );
        rig.ended(0, Ending::Marked);
        assert_eq!(rig.outcome(), failed(ErrorKind::Server));
        assert!(rig.errors()[0].message.contains("insufficient_system_resource"));
    }

    #[test]
    fn a_wrong_or_missing_key_is_an_auth_error_that_says_where_the_key_is_looked_for() {
        for status in [401, 403] {
            let mut rig = one();
            rig.failed(0, http(status));
            assert_eq!(rig.outcome(), failed(ErrorKind::Auth));
            let error = rig.errors()[0];
            assert!(error.message.contains("words") && error.hint.contains("LAB_KEY"), "{error:?}");
            assert_eq!(rig.sent.len(), 1);
        }
        let mut rig = rig(TurnPlan { missing_key: Some("LAB_KEY".into()), ..plan(1) });
        assert_eq!(rig.outcome(), failed(ErrorKind::Auth));
        assert!(rig.errors()[0].message.contains("LAB_KEY"));
        assert_eq!((rig.sent.len(), rig.done().metrics.attempts), (0, 0));
        rig.on(TurnInput::Cancelled);
        rig.done();
    }

    #[test]
    fn other_statuses_are_http_errors_with_a_cure() {
        for (status, cure) in [(400, ""), (402, "billing"), (404, "base_url"), (413, "too long")] {
            let mut rig = one();
            rig.failed(0, http(status));
            assert_eq!(rig.outcome(), failed(ErrorKind::Http));
            let error = rig.errors()[0];
            assert_eq!(error.status, Some(status));
            assert!(error.hint.contains(cure), "{error:?}");
            assert_eq!(rig.sent.len(), 1);
        }
    }

    #[test]
    fn what_azure_lacks_is_told_with_its_setting() {
        for (status, code, message, cure) in [
            (404, "DeploymentNotFound", "The API deployment for this resource does not exist.", "deployment"),
            (404, "404", "Resource not found", "api_version"),
            (404, "BadRequest", "API version not supported", "api_version"),
            (400, "", "Missing required query parameter: api-version", "api_version"),
        ] {
            let mut rig = one();
            let failure = HttpFailure {
                status,
                code: Some(code.to_owned()),
                message: message.to_owned(),
                ..HttpFailure::default()
            };
            rig.failed(0, AttemptError::Http(failure));
            assert!(rig.errors()[0].hint.contains(cure), "{:?}", rig.errors());
        }
    }

    #[test]
    fn a_version_is_mended_where_it_was_said() {
        for (provider, from, cure) in [
            ("127.0.0.1", "", "api_version in [providers.\"127.0.0.1\"]"),
            ("127.0.0.1", "the query of --base-url", "another api-version in the query of --base-url"),
            ("az", "OPENAI_API_VERSION", "another api-version in OPENAI_API_VERSION"),
        ] {
            let plan = TurnPlan { provider: provider.into(), version_from: from.into(), ..plan(1) };
            let mut rig = rig(plan);
            let message = "API version not supported".to_owned();
            let failure = HttpFailure { status: 404, message, ..HttpFailure::default() };
            rig.failed(0, AttemptError::Http(failure));
            assert!(rig.errors()[0].hint.contains(cure), "{:?}", rig.errors());
        }
    }

    #[test]
    fn where_no_key_was_sent_none_is_to_be_checked() {
        for (provider, cure) in [
            ("--api-key-env", "No key was sent to lab: name its variable with --api-key-env."),
            ("LAB_KEY", "No key was sent to lab: it is looked for in LAB_KEY."),
        ] {
            for status in [401, 403] {
                let provider = Provider {
                    key_source: provider.into(),
                    ..Provider::new("lab", Dialect::OpenAiChat, "http://h")
                };
                let mut rig = rig(TurnPlan::new(plan(1).request, &provider, 7));
                rig.failed(0, http(status));
                assert_eq!(rig.errors()[0].hint, cure);
                let refused = HttpFailure { status, ..HttpFailure::default() };
                assert_eq!(super::super::list_failed(&provider, &AttemptError::Http(refused)).hint, cure);
                let keyed = Provider { key: Some(crate::base::Secret::new("k-1")), ..provider };
                let mut rig = super::rig(TurnPlan::new(plan(1).request, &keyed, 7));
                rig.failed(0, http(status));
                assert!(rig.errors()[0].hint.contains("key of lab (from "), "{:?}", rig.errors());
            }
        }
    }

    #[test]
    fn a_redirect_names_its_target() {
        let mut rig = one();
        let location = Some("https://elsewhere.example/v1".to_string());
        rig.failed(0, AttemptError::Http(HttpFailure { status: 302, location, ..HttpFailure::default() }));
        assert_eq!(rig.outcome(), failed(ErrorKind::Http));
        assert!(rig.errors()[0].message.contains("https://elsewhere.example/v1"));
    }

    #[test]
    fn a_lost_connection_names_the_addresses_that_its_dialect_has() {
        for (dialect, scheme) in
            [(Dialect::WebSocket, "(ws:// or wss://"), (Dialect::AzureOpenAi, "(http:// or")]
        {
            let retry = RetryPolicy { max: 0, ..RetryPolicy::default() };
            let mut rig = rig(TurnPlan { dialect, retry, ..plan(1) });
            rig.failed(0, lost());
            let error = rig.errors()[0];
            assert!(error.message.contains("before an answer came: reset by peer"), "{error:?}");
            assert!(error.hint.contains(scheme), "{error:?}");
        }
    }

    #[test]
    fn no_connection_is_a_network_error_after_the_retries() {
        let connect = AttemptError::Connect {
            message: "lab.example refuses connections".into(),
            hint: "is it up?".into(),
        };
        for error in [connect, lost()] {
            let mut rig = one();
            for attempt in 0..3 {
                rig.failed(attempt, error.clone());
                rig.wake();
            }
            rig.failed(3, error);
            assert_eq!(rig.outcome(), failed(ErrorKind::Network));
            assert!(rig.errors()[0].message.contains("4 attempts"));
            assert_eq!((rig.sent.len(), rig.done().metrics.attempts), (4, 4));
        }
    }

    #[test]
    fn a_request_that_cannot_be_made_is_not_tried_again() {
        let mut rig = one();
        rig.failed(0, AttemptError::Request("no URL".into()));
        assert_eq!(rig.outcome(), failed(ErrorKind::Http));
        assert_eq!((rig.sent.len(), rig.errors()[0].status), (1, None));
    }
}

mod retries {
    use super::*;

    #[test]
    fn each_wait_is_told_and_kept_to_the_millisecond() {
        let mut rig = one();
        rig.failed(0, http(503));
        let (attempt, delay, choice) = rig.retries()[0];
        assert_eq!((attempt, choice), (1, None));
        assert!((750..=1250).contains(&delay.as_millis()), "{delay:?}");
        rig.now += delay - Duration::from_nanos(1);
        rig.on(TurnInput::Woke);
        assert_eq!(rig.sent.len(), 1);
        rig.now += Duration::from_nanos(1);
        rig.on(TurnInput::Woke);
        assert_eq!((rig.sent.len(), rig.sent[1].id), (2, 1));
        rig.failed(1, http(529));
        assert!((1500..=2500).contains(&rig.retries()[1].1.as_millis()));
        rig.wake();
        rig.event(2, text(0, "hi")).ended(2, Ending::Marked);
        assert_eq!(rig.outcome(), (Outcome::Complete, None));
        let sent: Vec<_> = rig.told.iter().filter(|e| matches!(e, TurnEvent::Sent { .. })).cloned().collect();
        assert_eq!(sent, [0, 1, 2].map(|attempt| TurnEvent::Sent { attempt }));
    }

    #[test]
    fn one_seed_gives_one_jitter() {
        let delays = |seed| {
            let mut rig = rig(TurnPlan { seed, ..plan(1) });
            rig.failed(0, http(500));
            rig.retries()[0].1
        };
        assert_eq!(delays(1), delays(1));
        assert_ne!(delays(1), delays(2));
    }

    #[test]
    fn the_server_says_how_long_to_wait_and_too_long_is_told_instead() {
        let asks = |seconds| {
            AttemptError::Http(HttpFailure {
                status: 429,
                message: "slow down".into(),
                retry_after: Some(Duration::from_secs(seconds)),
                ..HttpFailure::default()
            })
        };
        let mut rig = one();
        rig.failed(0, asks(17));
        assert_eq!(rig.wake(), 17_000);
        rig.failed(1, asks(86_400));
        assert_eq!(rig.outcome(), (Outcome::Failed, Some(ErrorKind::Http)));
        assert!(rig.errors()[0].message.contains("1440m"), "{:?}", rig.errors());
        assert_eq!(rig.sent.len(), 2);
    }

    #[test]
    fn a_used_up_quota_is_not_tried_again() {
        let mut rig = one();
        rig.failed(0, AttemptError::Http(HttpFailure { status: 429, quota: true, ..HttpFailure::default() }));
        assert_eq!(rig.outcome(), (Outcome::Failed, Some(ErrorKind::Http)));
        assert!(rig.errors()[0].quota && rig.errors()[0].hint.contains("billing"));
        assert_eq!(rig.sent.len(), 1);
    }

    #[test]
    fn a_role_only_chunk_is_an_event_and_a_comment_is_not() {
        let mut rig = one();
        rig.on(TurnInput::Bytes { attempt: 0 });
        rig.failed(0, lost());
        rig.wake();
        rig.event(1, start()).failed(1, lost());
        assert_eq!(rig.outcome(), (Outcome::Truncated, Some(ErrorKind::Protocol)));
        assert_eq!(rig.sent.len(), 2);
    }

    #[test]
    fn what_an_earlier_attempt_says_late_is_ignored() {
        let mut rig = one();
        rig.failed(0, lost());
        rig.event(0, text(0, "ghost")).ended(0, Ending::Marked);
        rig.wake();
        rig.event(0, text(0, "ghost")).event(7, text(0, "ghost"));
        rig.event(1, text(0, "hi")).ended(1, Ending::Marked);
        rig.event(1, text(0, "ghost"));
        assert_eq!(rig.done().metrics.chars, 2);
    }
}

mod refusals {
    use super::*;

    #[test]
    fn a_refused_field_is_asked_without_once_told_and_remembered() {
        let cases = [
            (RefusedField::StreamOptions, Quirks { no_stream_options: true, ..Quirks::default() }),
            (RefusedField::MaxTokens, Quirks { other_max_tokens: true, ..Quirks::default() }),
            (RefusedField::MaxCompletionTokens, Quirks { other_max_tokens: true, ..Quirks::default() }),
            (RefusedField::Stream, Quirks { no_stream: true, ..Quirks::default() }),
        ];
        for (field, quirks) in cases {
            let mut rig = one();
            rig.failed(0, refuses(field.clone()));
            assert_eq!((rig.sent.len(), rig.sent[1].quirks), (2, quirks), "{field:?}");
            assert_eq!(rig.sent[1].request.stream, !quirks.no_stream);
            assert_eq!((rig.remembered.as_slice(), rig.notices().len()), ([quirks].as_slice(), 1));
            assert_eq!(rig.retries(), []);
            rig.failed(1, refuses(field));
            assert_eq!(rig.outcome(), (Outcome::Failed, Some(ErrorKind::Http)));
            assert_eq!(rig.sent.len(), 2, "once");
        }
    }

    #[test]
    fn several_fields_may_be_refused_one_after_the_other() {
        let mut rig = one();
        rig.failed(0, refuses(RefusedField::StreamOptions));
        rig.failed(1, refuses(RefusedField::MaxTokens));
        let both = Quirks { no_stream_options: true, other_max_tokens: true, ..Quirks::default() };
        assert_eq!((rig.sent[2].quirks, rig.remembered.last()), (both, Some(&both)));
    }

    #[test]
    fn a_swap_that_was_learnt_is_undone_when_it_no_longer_holds() {
        let quirks = Quirks { other_max_tokens: true, ..Quirks::default() };
        let mut rig = rig(TurnPlan { quirks, ..plan(1) });
        assert_eq!(rig.sent[0].quirks, quirks);
        rig.failed(0, refuses(RefusedField::MaxCompletionTokens));
        assert_eq!(rig.sent[1].quirks, Quirks::default());
    }

    #[test]
    fn a_field_of_the_users_own_is_never_dropped() {
        let mut rig = one();
        rig.failed(0, refuses(RefusedField::Other("temperature".into())));
        let error = rig.errors()[0];
        assert!(error.message.contains("temperature") && error.hint.contains("temperature"), "{error:?}");
        assert_eq!((rig.sent.len(), rig.done().outcome), (1, Outcome::Failed));

        let mut plan = plan(1);
        let mut request = ChatRequest::clone(&plan.request);
        request.params.extra.insert("stream_options".into(), json!({}));
        plan.request = Arc::new(request);
        let mut rig = super::rig(plan);
        rig.failed(0, refuses(RefusedField::StreamOptions));
        assert_eq!((rig.sent.len(), rig.done().outcome), (1, Outcome::Failed));
    }

    #[test]
    fn a_refused_n_becomes_n_attempts() {
        let mut rig = rig(plan(3));
        rig.failed(0, refuses(RefusedField::N));
        assert_eq!(rig.sent.len(), 4);
        assert!(rig.sent[1..].iter().all(|attempt| attempt.request.params.n.is_none()));
        assert_eq!(rig.remembered, [Quirks { no_n: true, ..Quirks::default() }]);
        for attempt in 1..4 {
            rig.event(attempt, start()).event(attempt, text(0, "hi")).ended(attempt, Ending::Marked);
        }
        assert_eq!((rig.done().outcome, rig.done().choices.len()), (Outcome::Complete, 3));
        let starts = rig.told.iter().filter(|e| matches!(e, TurnEvent::Stream(StreamEvent::Start { .. })));
        assert_eq!(starts.count(), 1);
    }

    #[test]
    fn a_refused_n_of_one_is_left_out() {
        let mut plan = plan(1);
        let mut request = ChatRequest::clone(&plan.request);
        request.params.extra.insert("n".into(), json!(1));
        plan.request = Arc::new(request);
        let mut rig = super::rig(plan);
        rig.failed(0, refuses(RefusedField::N));
        assert_eq!((rig.sent.len(), rig.sent[1].request.params.extra.get("n")), (2, None));
        rig.event(1, text(0, "hi")).failed(1, lost());
        assert_eq!(rig.errors()[0].choice, None);
    }

    #[test]
    fn what_was_not_sent_is_not_asked_without() {
        let whole = |plan: TurnPlan| {
            let request = ChatRequest { stream: false, ..ChatRequest::clone(&plan.request) };
            TurnPlan { request: Arc::new(request), ..plan }
        };
        let own = |name: &str| TurnPlan { own_fields: vec![name.to_owned()], ..plan(1) };
        let cases = [
            (plan(1), RefusedField::N),
            (whole(plan(1)), RefusedField::Stream),
            (whole(plan(1)), RefusedField::StreamOptions),
            // The configuration's own, which goes along every time.
            (own("n"), RefusedField::N),
            (own("stream_options"), RefusedField::StreamOptions),
            (own("max_tokens"), RefusedField::MaxTokens),
        ];
        for (plan, field) in cases {
            let was_sent = !plan.own_fields.is_empty();
            let mut rig = rig(plan);
            rig.failed(0, refuses(field.clone()));
            assert_eq!((rig.sent.len(), rig.notices()), (1, Vec::new()), "{field:?}");
            let error = rig.errors()[0];
            assert_eq!(error.hint.contains("leave it out"), was_sent, "{field:?}: {error:?}");
        }
    }

    #[test]
    fn an_azure_endpoint_that_knows_no_such_member_can_be_told_to_hand_it_on() {
        for (set, told) in [(None, true), (Some(ExtraParameters::Drop), false)] {
            let plan = TurnPlan { dialect: Dialect::AzureInference, extra_parameters: set, ..plan(1) };
            let mut rig = rig(plan);
            rig.failed(0, refuses(RefusedField::Other("top_k".into())));
            let hint = &rig.errors()[0].hint;
            assert!(hint.contains("`top_k`"), "{hint}");
            assert_eq!(hint.contains("extra_parameters = \"pass-through\""), told, "{hint}");
        }
    }

    #[test]
    fn lanes_learn_from_each_other_with_one_notice() {
        let mut rig = rig(TurnPlan { quirks: Quirks { no_n: true, ..Quirks::default() }, ..plan(2) });
        rig.failed(0, refuses(RefusedField::StreamOptions));
        rig.failed(1, refuses(RefusedField::StreamOptions));
        assert_eq!((rig.sent.len(), rig.notices().len(), rig.remembered.len()), (4, 1, 1));
        rig.failed(3, refuses(RefusedField::StreamOptions));
        assert_eq!(rig.errors()[0].choice, Some(1));
    }
}

mod choices {
    use super::*;

    fn lanes(n: u32) -> Rig {
        rig(TurnPlan { quirks: Quirks { no_n: true, ..Quirks::default() }, ..plan(n) })
    }

    #[test]
    fn the_choices_of_one_stream_interleave() {
        let mut rig = rig(plan(2));
        assert_eq!((rig.sent.len(), rig.sent[0].request.params.n), (1, Some(2)));
        rig.event(0, text(1, "b")).event(0, text(0, "a")).event(0, finish(1, FinishReason::Length));
        rig.event(0, text(0, "a")).event(0, finish(0, FinishReason::Stop)).ended(0, Ending::Marked);
        let finishes: Vec<_> =
            rig.done().choices.iter().map(|choice| choice.finish.as_ref().map(|f| f.reason)).collect();
        assert_eq!(finishes, [Some(FinishReason::Stop), Some(FinishReason::Length)]);
    }

    #[test]
    fn fewer_choices_are_told_and_remembered_and_not_asked_again() {
        let mut rig = rig(plan(3));
        rig.event(0, text(0, "a")).event(0, finish(0, FinishReason::Stop)).ended(0, Ending::Marked);
        assert_eq!(rig.outcome(), (Outcome::Complete, None));
        assert_eq!((rig.sent.len(), rig.done().choices.len(), rig.notices().len()), (1, 1, 1));
        assert_eq!(rig.remembered, [Quirks { no_n: true, ..Quirks::default() }]);
    }

    #[test]
    fn a_choice_between_others_that_never_came_keeps_its_place() {
        let mut rig = rig(plan(4));
        for choice in [0, 2] {
            rig.event(0, text(choice, "a")).event(0, finish(choice, FinishReason::Stop));
        }
        rig.ended(0, Ending::Marked);
        let finished: Vec<_> = rig.done().choices.iter().map(|choice| choice.finish.is_some()).collect();
        assert_eq!(finished, [true, false, true]);
    }

    #[test]
    fn choices_that_nobody_asked_for_are_dropped_with_one_notice() {
        let mut rig = one();
        rig.event(0, text(0, "a")).event(0, text(1, "x")).event(0, text(9, "x")).ended(0, Ending::Marked);
        assert_eq!((rig.done().metrics.chars, rig.notices().len()), (1, 1));
    }

    #[test]
    fn one_choice_may_have_any_number() {
        let mut rig = one();
        let verdict =
            StreamEvent::Annotation { choice: 0, kind: AnnotationKind::Filter, data: json!({"a": 1}) };
        rig.event(0, verdict).event(0, text(1, "all")).event(0, finish(1, FinishReason::Stop));
        rig.ended(0, Ending::Marked);
        let done = rig.done();
        assert_eq!((done.outcome, done.metrics.chars, rig.notices().len()), (Outcome::Complete, 3, 0));
        assert!(done.choices[0].finish.is_some());
        let mut rig = lanes(2);
        for attempt in [0, 1] {
            rig.event(attempt, text(1, "x")).event(attempt, finish(1, FinishReason::Stop));
            rig.ended(attempt, Ending::Marked);
        }
        assert_eq!((rig.done().choices.len(), rig.done().metrics.chars), (2, 2));
    }

    #[test]
    fn an_n_among_the_free_fields_counts() {
        let mut params = Params::default();
        params.extra.insert("n".into(), json!(4));
        assert_eq!(choices_asked(&params), 4);
        params.extra.insert("n".into(), json!(1_000_000_000_u64));
        assert_eq!(choices_asked(&params), MAX_CHOICES);
        params.extra.insert("n".into(), json!("many"));
        assert_eq!(choices_asked(&params), 1);
    }

    #[test]
    fn each_lane_carries_its_choice_and_retries_by_itself() {
        let mut rig = lanes(3);
        assert_eq!(rig.sent.len(), 3);
        rig.failed(1, http(500));
        assert_eq!(rig.retries()[0].2, Some(1));
        rig.event(2, text(0, "c")).event(0, text(0, "a"));
        rig.wake();
        assert_eq!(rig.sent[3].id, 3);
        rig.event(3, text(0, "b"));
        for attempt in [0, 2, 3] {
            rig.event(attempt, finish(0, FinishReason::Stop)).ended(attempt, Ending::Marked);
        }
        let texts: Vec<_> = rig
            .told
            .iter()
            .filter_map(|event| match event {
                TurnEvent::Stream(StreamEvent::Text { choice, delta }) => Some((*choice, delta.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(texts, [(2, "c"), (0, "a"), (1, "b")]);
        assert_eq!((rig.done().outcome, rig.done().metrics.attempts), (Outcome::Complete, 4));
    }

    #[test]
    fn a_lane_that_fails_does_not_stop_the_others_and_the_worst_counts() {
        let mut rig = lanes(3);
        rig.event(0, text(0, "a")).failed(1, http(401));
        assert!(!rig.turn.is_done());
        rig.event(2, text(0, "c")).ended(2, Ending::Cut);
        rig.event(0, finish(0, FinishReason::Stop)).ended(0, Ending::Marked);
        let outcomes: Vec<_> = rig.done().choices.iter().map(|choice| choice.outcome).collect();
        assert_eq!(outcomes, [Outcome::Complete, Outcome::Failed, Outcome::Truncated]);
        assert_eq!(rig.done().outcome, Outcome::Failed);
        let errors: Vec<_> = rig.errors().iter().map(|error| (error.kind, error.choice)).collect();
        assert_eq!(errors, [(ErrorKind::Auth, Some(1)), (ErrorKind::Protocol, Some(2))]);
    }

    #[test]
    fn token_counts_of_lanes_are_added_up() {
        let mut rig = lanes(2);
        rig.event(0, text(0, "a")).event(0, usage(10, None)).ended(0, Ending::Marked);
        rig.event(1, text(0, "b")).event(1, usage(20, None)).ended(1, Ending::Marked);
        let done = rig.done();
        assert_eq!(done.usage.map(|u| (u.prompt_tokens, u.completion_tokens)), Some((10, 30)));
        assert_eq!((done.metrics.tokens, done.metrics.tokens_exact), (30, true));
        let each: Vec<_> =
            done.choices.iter().map(|choice| (choice.metrics.tokens, choice.metrics.tokens_exact)).collect();
        assert_eq!(each, [(10, true), (20, true)]);
    }
}

mod time_outs {
    use super::*;

    fn limits() -> TurnPlan {
        let timeouts = Timeouts {
            connect: Duration::from_secs(10),
            first: Duration::from_secs(300),
            chunk: Duration::from_secs(60),
            total: Duration::ZERO,
        };
        TurnPlan { timeouts, ..plan(1) }
    }

    fn timed_out(rig: &Rig, words: [&str; 3]) {
        assert_eq!(rig.outcome(), (Outcome::Failed, Some(ErrorKind::Timeout)));
        assert_eq!(rig.sent.len(), 1, "not tried again");
        for word in words {
            assert!(rig.errors()[0].message.contains(word), "{word}: {:?}", rig.errors());
        }
    }

    #[test]
    fn connect() {
        let mut rig = rig(limits());
        assert_eq!(rig.sent[0].connect_timeout, Duration::from_secs(10));
        rig.failed(0, AttemptError::ConnectTimeout(Duration::from_secs(10)));
        timed_out(&rig, ["10s", "--connect-timeout 20s", "connect = \"20s\""]);
    }

    #[test]
    fn first() {
        let mut rig = rig(limits());
        assert_eq!(rig.wake(), 300_000);
        timed_out(&rig, ["5m", "--first-timeout 10m", "[timeouts]"]);
        assert_eq!(rig.aborted, [0]);
    }

    #[test]
    fn any_byte_ends_a_silence() {
        let mut rig = rig(limits());
        rig.after(299_000).on(TurnInput::Bytes { attempt: 0 });
        assert_eq!(rig.turn.wake_at(), Some(rig.now + Duration::from_secs(300)));
        rig.after(1000).event(0, text(0, "hi"));
        rig.after(59_000).on(TurnInput::Bytes { attempt: 0 });
        rig.after(59_000).on(TurnInput::Woke);
        assert!(!rig.turn.is_done());
        assert_eq!(rig.wake(), 1000);
        timed_out(&rig, ["1m", "--chunk-timeout 2m", "chunk = \"2m\""]);
        assert!(rig.errors()[0].hint.contains("is kept"));
    }

    #[test]
    fn total_counts_attempts_and_waits() {
        let mut plan = limits();
        plan.timeouts.total = Duration::from_secs(20);
        let mut rig = rig(plan);
        rig.after(19_500).failed(0, http(503));
        assert_eq!(rig.wake(), 500);
        timed_out(&rig, ["20s", "--total-timeout 40s", "total"]);
        assert_eq!(rig.now, rig.start + Duration::from_secs(20));
    }

    #[test]
    fn zero_is_none() {
        let timeouts = Timeouts {
            connect: Duration::ZERO,
            first: Duration::ZERO,
            chunk: Duration::ZERO,
            total: Duration::ZERO,
        };
        let mut rig = rig(TurnPlan { timeouts, ..plan(1) });
        assert_eq!(rig.turn.wake_at(), None);
        rig.event(0, text(0, "hi"));
        assert_eq!(rig.turn.wake_at(), None);
    }

    #[test]
    fn a_limit_beyond_the_clocks_end_is_none() {
        let timeouts = Timeouts { first: Duration::MAX, total: Duration::MAX, ..Timeouts::default() };
        assert_eq!(rig(TurnPlan { timeouts, ..plan(1) }).turn.wake_at(), None);
    }

    #[test]
    fn an_answer_that_is_whole_is_not_lost_to_a_server_that_holds_on() {
        let mut rig = rig(limits());
        rig.event(0, text(0, "hi")).event(0, finish(0, FinishReason::Stop));
        rig.wake();
        assert_eq!(rig.outcome(), (Outcome::Complete, None));
        assert_eq!((rig.aborted.as_slice(), rig.notices().len()), ([0].as_slice(), 1));
    }

    #[test]
    fn one_silent_lane_does_not_stop_the_others() {
        let quirks = Quirks { no_n: true, ..Quirks::default() };
        let request = plan(2).request;
        let mut rig = rig(TurnPlan { quirks, request, ..limits() });
        rig.after(299_999).event(1, text(0, "b"));
        rig.wake();
        assert_eq!(rig.aborted, [0]);
        rig.event(1, text(0, "b")).ended(1, Ending::FinishedOnly);
        assert_eq!(rig.outcome(), (Outcome::Failed, Some(ErrorKind::Timeout)));
        assert_eq!(rig.errors()[0].choice, Some(0));
    }
}

mod cancelling {
    use super::*;

    #[test]
    fn while_connecting_and_while_streaming_the_attempt_is_dropped_and_what_came_stays() {
        let mut rig = one();
        rig.on(TurnInput::Cancelled);
        assert_eq!((rig.outcome(), rig.aborted.as_slice()), ((Outcome::Cancelled, None), [0].as_slice()));

        let mut rig = super::rig(plan(2));
        rig.event(0, text(0, "a")).event(0, text(1, "b")).event(0, finish(0, FinishReason::Stop));
        rig.on(TurnInput::Cancelled);
        assert_eq!((rig.outcome(), rig.aborted.as_slice()), ((Outcome::Cancelled, None), [0].as_slice()));
        let outcomes: Vec<_> = rig.done().choices.iter().map(|choice| choice.outcome).collect();
        assert_eq!(outcomes, [Outcome::Complete, Outcome::Cancelled]);
        assert_eq!(rig.done().metrics.chars, 2);
    }

    #[test]
    fn a_waiting_retry_is_dropped() {
        let mut rig = one();
        rig.failed(0, http(503));
        rig.on(TurnInput::Cancelled);
        assert_eq!((rig.outcome(), rig.aborted.len()), ((Outcome::Cancelled, None), 0));
        rig.after(60_000).on(TurnInput::Woke);
        assert_eq!(rig.sent.len(), 1);
    }

    #[test]
    fn before_it_began_nothing_is_sent() {
        let mut turn = Turn::new(plan(2));
        let mut out = Vec::new();
        turn.on(TurnInput::Cancelled, Instant::now(), &mut out);
        turn.on(TurnInput::Begin, Instant::now(), &mut out);
        assert_eq!(out.len(), 1);
        match &out[0] {
            TurnEffect::Tell(TurnEvent::Done(done)) => {
                assert_eq!((done.outcome, done.choices.len()), (Outcome::Cancelled, 2));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lanes_that_had_ended_keep_their_end() {
        let mut rig = rig(TurnPlan { quirks: Quirks { no_n: true, ..Quirks::default() }, ..plan(3) });
        rig.event(0, text(0, "a")).ended(0, Ending::Marked).failed(1, http(404));
        rig.on(TurnInput::Cancelled);
        let outcomes: Vec<_> = rig.done().choices.iter().map(|choice| choice.outcome).collect();
        assert_eq!(outcomes, [Outcome::Complete, Outcome::Failed, Outcome::Cancelled]);
        assert_eq!((rig.done().outcome, rig.aborted.as_slice()), (Outcome::Cancelled, [2].as_slice()));
    }

    #[test]
    fn after_the_end_nothing_more_is_said() {
        let mut rig = one();
        rig.event(0, text(0, "a")).ended(0, Ending::Marked);
        rig.on(TurnInput::Cancelled);
        rig.on(TurnInput::Begin);
        rig.on(TurnInput::Woke);
        assert_eq!(rig.done().outcome, Outcome::Complete);
    }
}

mod figures {
    use super::*;

    fn near(value: Option<f64>, wanted: f64) {
        let value = value.expect("a figure");
        assert!((value - wanted).abs() <= 0.02 * wanted, "{value} is not {wanted}");
    }

    #[test]
    fn times_count_from_the_attempt_that_answered_and_from_the_first() {
        let mut rig = one();
        rig.after(100).failed(0, http(503));
        let waited = rig.wake();
        rig.after(200).event(1, start());
        rig.after(50).event(1, StreamEvent::Reasoning { choice: 0, delta: "hm".into() });
        rig.after(100).event(1, text(0, "hé"));
        rig.after(100).event(1, text(0, "llo"));
        rig.after(10).event(1, finish(0, FinishReason::Stop));
        rig.after(40).ended(1, Ending::Marked);
        let metrics = rig.done().metrics;
        near(metrics.ttft_ms, 250.0);
        near(metrics.ttft_text_ms, 350.0);
        near(Some(metrics.duration_ms), (100 + waited + 600 - 100) as f64);
        assert_eq!((metrics.chunks, metrics.chars, metrics.attempts), (3, 5, 2));
        assert_eq!((metrics.tokens, metrics.tokens_exact), (3, false));
        near(metrics.tokens_per_second, 15.0);
        near(metrics.mean_token_interval_ms, 100.0);
        near(metrics.p95_token_interval_ms, 100.0);
        let choice = rig.done().choices[0].metrics;
        near(choice.ttft_ms, 250.0);
        near(choice.reasoning_ms, 100.0);
        near(Some(choice.duration_ms), (100 + waited + 460) as f64);
    }

    #[test]
    fn reported_tokens_are_exact_and_hidden_reasoning_is_no_speed() {
        let mut rig = one();
        rig.event(0, text(0, "a"));
        rig.after(1000).event(0, text(0, "b")).event(0, usage(50, Some(30))).ended(0, Ending::Marked);
        let metrics = rig.done().metrics;
        assert_eq!((metrics.tokens, metrics.tokens_exact), (50, true));
        near(metrics.tokens_per_second, 20.0);

        let mut rig = one();
        rig.event(0, StreamEvent::Reasoning { choice: 0, delta: "hm".into() });
        rig.after(1000).event(0, text(0, "b")).event(0, usage(50, Some(30))).ended(0, Ending::Marked);
        near(rig.done().metrics.tokens_per_second, 50.0);
        near(rig.done().choices[0].metrics.tokens_per_second, 50.0);
    }

    #[test]
    fn there_is_no_rate_of_one_chunk_or_one_instant() {
        let mut rig = one();
        rig.after(100).event(0, text(0, "all")).ended(0, Ending::Marked);
        assert_eq!(rig.done().metrics.tokens_per_second, None);
        let mut rig = one();
        rig.after(100).event(0, text(0, "a")).event(0, text(0, "b")).ended(0, Ending::Marked);
        let metrics = rig.done().metrics;
        assert_eq!((metrics.chunks, metrics.tokens_per_second), (2, None));
        assert_eq!((metrics.mean_token_interval_ms, metrics.p95_token_interval_ms), (None, None));
        near(metrics.ttft_ms, 100.0);
    }

    #[test]
    fn a_refusal_is_a_chunk_and_a_calls_bare_head_is_none() {
        let head = StreamEvent::ToolCall {
            choice: 0,
            index: 0,
            id: Some("x".into()),
            name: Some("time".into()),
            delta: String::new(),
        };
        let mut rig = one();
        rig.after(5).event(0, head);
        rig.after(5).event(0, StreamEvent::Refusal { choice: 0, delta: "no".into() });
        rig.ended(0, Ending::Marked);
        let metrics = rig.done().metrics;
        assert_eq!((metrics.chunks, metrics.chars, metrics.ttft_text_ms), (1, 0, None));
        near(metrics.ttft_ms, 5.0);
    }

    #[test]
    fn the_last_usage_wins() {
        let mut rig = one();
        rig.event(0, text(0, "a")).event(0, usage(1, None)).event(0, usage(2, None)).ended(0, Ending::Marked);
        assert_eq!(rig.done().usage.map(|usage| usage.completion_tokens), Some(2));
    }

    #[test]
    fn the_slow_twentieth_shows() {
        let mut rig = one();
        for i in 0..100 {
            rig.after(if i % 10 == 9 { 90 } else { 10 }).event(0, text(0, "a"));
        }
        rig.ended(0, Ending::Marked);
        near(rig.done().metrics.p95_token_interval_ms, 90.0);
        near(rig.done().metrics.mean_token_interval_ms, (89.0 * 10.0 + 10.0 * 90.0) / 99.0);
    }

    #[test]
    fn a_burst_of_200_000_events_costs_little() {
        let mut rig = one();
        let mut out = Vec::with_capacity(64);
        let began = Instant::now();
        for _ in 0..200_000 {
            rig.turn.on(TurnInput::Event { attempt: 0, event: text(0, "word ") }, rig.now, &mut out);
            out.clear();
        }
        // Unoptimised and on a busy machine; optimised it is a few milliseconds.
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        rig.ended(0, Ending::Marked);
        assert_eq!(rig.done().metrics.chunks, 200_000);
    }
}
