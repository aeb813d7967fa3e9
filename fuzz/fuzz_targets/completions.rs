//! Text completions: any body, any cut.

#![no_main]

use chatui::chat::Dialect;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| chatui_fuzz::check(Dialect::OpenAiCompletions, body));
