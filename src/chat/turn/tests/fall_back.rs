//! From a WebSocket to HTTP, and where not.

use super::*;

fn with_http(n: u32) -> TurnPlan {
    TurnPlan { over_http: Some("http://key@lab.example:8000/v1?k=s".into()), ..plan(n) }
}

fn connect() -> AttemptError {
    AttemptError::Connect { message: "lab:1 refused the connection".into(), hint: String::new() }
}

fn not_a_websocket() -> AttemptError {
    AttemptError::Protocol { message: "HTTP 200, as if it were none".into(), hint: String::new() }
}

/// A close with the code of a failure, as far as the answer had come by then.
fn closed(ending: Ending) -> TurnInput {
    let error = ServerError { message: "it closed with 1011".into(), ..ServerError::default() };
    TurnInput::Failed { attempt: 0, error: AttemptError::Server(error), ending: Some(ending) }
}

#[test]
fn what_does_not_get_through_is_asked_over_http_at_once_and_says_so() {
    for error in [connect(), lost(), http(403), http(404), http(405), http(426), http(503), not_a_websocket()]
    {
        let mut rig = rig(with_http(1));
        rig.failed(0, error.clone());
        assert_eq!(rig.sent.len(), 2, "{error:?}");
        assert!(!rig.sent[0].quirks.no_websocket && rig.sent[1].quirks.no_websocket);
        let [notice] = rig.notices()[..] else { panic!("{:?}", rig.notices()) };
        assert!(notice.contains("over HTTP at http://lab.example:8000/v1"), "{notice}");
        assert!(!notice.contains("key") && !notice.contains("k=s"), "{notice}");
        rig.event(1, text(0, "hi")).event(1, finish(0, FinishReason::Stop)).ended(1, Ending::Marked);
        assert_eq!(rig.outcome(), (Outcome::Complete, None));
        assert!(rig.retries().is_empty(), "it is no retry");
    }
    let mut rig = rig(with_http(1));
    rig.failed(0, AttemptError::ConnectTimeout(Duration::from_secs(10)));
    assert_eq!(rig.sent.len(), 2);
}

#[test]
fn only_what_a_server_said_of_its_websocket_is_remembered() {
    for (error, remembered) in [
        (http(403), true),
        (http(404), true),
        (not_a_websocket(), true),
        (http(503), false),
        (connect(), false),
        (lost(), false),
    ] {
        let mut rig = rig(with_http(1));
        rig.failed(0, error.clone());
        assert_eq!(rig.remembered.iter().any(|quirks| quirks.no_websocket), remembered, "{error:?}");
        // What is learnt after it does not take it along.
        rig.failed(1, refuses(RefusedField::StreamOptions));
        let last = rig.remembered.last().expect("the refused field");
        assert_eq!((last.no_stream_options, last.no_websocket), (true, remembered), "{error:?}");
    }
}

#[test]
fn a_close_with_a_failures_code_is_one_until_all_is_there() {
    let mut before = rig(with_http(1));
    before.on(closed(Ending::Empty));
    assert_eq!(before.sent.len(), 2);
    assert!(before.remembered.is_empty());

    let mut alone = one();
    alone.on(closed(Ending::Empty));
    assert_eq!(alone.outcome(), (Outcome::Failed, Some(ErrorKind::Server)));

    let mut within = rig(with_http(1));
    within.event(0, text(0, "hi")).on(closed(Ending::Cut));
    assert_eq!(within.outcome(), (Outcome::Failed, Some(ErrorKind::Server)));
    assert!(within.errors()[0].message.contains("it closed with 1011"));
    assert_eq!(within.sent.len(), 1);

    let mut after = rig(with_http(1));
    after.event(0, text(0, "hi")).event(0, finish(0, FinishReason::Stop)).on(closed(Ending::FinishedOnly));
    assert_eq!(after.outcome(), (Outcome::Complete, None));
}

#[test]
fn after_an_event_nothing_is_sent_again() {
    for (error, outcome) in [(lost(), Outcome::Truncated), (not_a_websocket(), Outcome::Truncated)] {
        let mut rig = rig(with_http(1));
        rig.event(0, start()).failed(0, error);
        assert_eq!((rig.outcome().0, rig.sent.len()), (outcome, 1));
    }
    let mut in_band = rig(with_http(1));
    in_band.failed(0, server());
    assert_eq!((in_band.outcome(), in_band.sent.len()), ((Outcome::Failed, Some(ErrorKind::Server)), 1));
    let mut unreadable = rig(with_http(1));
    unreadable.on(TurnInput::Bytes { attempt: 0 });
    unreadable.failed(0, not_a_websocket());
    assert_eq!(
        (unreadable.outcome(), unreadable.sent.len()),
        ((Outcome::Failed, Some(ErrorKind::Protocol)), 1)
    );
}

#[test]
fn what_another_way_does_not_cure_stays_as_it_is() {
    let insecure = AttemptError::Insecure { message: "expired".into(), hint: String::new() };
    for error in [http(401), http(402), insecure, AttemptError::Request("a bad header".into())] {
        let mut rig = rig(with_http(1));
        rig.failed(0, error.clone());
        assert_eq!((rig.outcome().0, rig.sent.len()), (Outcome::Failed, 1), "{error:?}");
    }
    let mut busy = rig(with_http(1));
    busy.failed(0, http(429));
    assert_eq!((busy.retries().len(), busy.sent.len()), (1, 1), "a limit is one on every way");
    let mut silent = rig(with_http(1));
    silent.wake();
    assert_eq!(silent.outcome(), (Outcome::Failed, Some(ErrorKind::Timeout)));
    assert_eq!(silent.sent.len(), 1);
}

#[test]
fn there_is_one_way_back_and_none_without_an_address() {
    let mut twice = rig(with_http(1));
    twice.failed(0, connect()).failed(1, connect());
    assert_eq!((twice.sent.len(), twice.retries().len()), (2, 1), "then it is a retry like any other");
    twice.wake();
    assert!(twice.sent[2].quirks.no_websocket);

    let mut alone = one();
    alone.failed(0, connect());
    assert_eq!((alone.sent.len(), alone.retries().len()), (1, 1));
    let mut refused = one();
    refused.failed(0, http(403));
    assert_eq!(refused.outcome(), (Outcome::Failed, Some(ErrorKind::Auth)));
}

#[test]
fn attempts_side_by_side_fall_back_each_and_say_it_once() {
    let mut plan = with_http(2);
    plan.quirks.no_n = true;
    let mut rig = rig(plan);
    rig.failed(0, http(403)).failed(1, http(403));
    assert_eq!((rig.sent.len(), rig.notices().len(), rig.remembered.len()), (4, 1, 1));
    for attempt in [2, 3] {
        rig.event(attempt, text(0, "hi")).ended(attempt, Ending::Marked);
    }
    assert_eq!(rig.outcome(), (Outcome::Complete, None));
}

#[test]
fn an_endpoint_known_to_have_no_websocket_is_not_asked_for_one() {
    let quirks = Quirks { no_websocket: true, ..Quirks::default() };
    let mut rig = rig(TurnPlan { quirks, ..with_http(1) });
    assert!(rig.sent[0].quirks.no_websocket);
    rig.failed(0, http(403));
    assert_eq!((rig.outcome(), rig.sent.len()), ((Outcome::Failed, Some(ErrorKind::Auth)), 1));
}

#[test]
fn a_websocket_that_closes_in_order_without_a_word_is_asked_over_http_too() {
    let mut rig = rig(with_http(1));
    rig.ended(0, Ending::Empty);
    assert_eq!((rig.sent.len(), rig.notices().len()), (2, 1));
    rig.ended(1, Ending::Empty);
    assert_eq!((rig.sent.len(), rig.outcome().0), (2, Outcome::Failed));
}
