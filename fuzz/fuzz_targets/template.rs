//! Prompt templates: bounded in their steps and in what they write, whatever they say.

#![no_main]

use chatui::wire::template;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = template::check(text);
});
