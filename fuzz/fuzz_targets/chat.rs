//! Chat completions: any body, any cut; and reading a chunk like one before it is parsing it.

#![no_main]

use chatui::chat::Dialect;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    chatui_fuzz::check(Dialect::OpenAiChat, body);
    chatui_fuzz::check_parsed(body);
});
