//! Recordings, whoever wrote them.

#![no_main]

use chatui::wire::recording;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| match recording::parse(bytes) {
    Ok(recording) => {
        let attempts = recording.turns.iter().flat_map(|turn| &turn.attempts);
        let held: usize = attempts.flat_map(|attempt| &attempt.chunks).map(|(_, chunk)| chunk.len()).sum();
        assert!(held <= bytes.len());
    }
    Err(wrong) => assert!(wrong.line >= 1 && wrong.to_string().len() <= 8 * bytes.len() + 4096),
});
