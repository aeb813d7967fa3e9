//! Answers with an error status: a head of lines, an empty line, a body.

#![no_main]

use chatui::wire;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|answer: &[u8]| {
    let end = answer.windows(2).position(|two| two == b"\n\n").unwrap_or_default();
    let head = String::from_utf8_lossy(&answer[..end]);
    let body = answer.get(end + 2..).unwrap_or_default();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.trim().parse().ok()).unwrap_or(500);
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let failure = wire::http_failure(status, &headers, body, 1_700_000_000_000);
    assert!(failure.message.chars().count() <= 4100, "{} characters", failure.message.chars().count());
    assert!(failure.code.is_none_or(|code| code.chars().count() <= 201));
});
