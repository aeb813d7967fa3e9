//! Model lists of any shape.

#![no_main]

use chatui::wire::models;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    if let Ok(list) = models::parse(body) {
        assert!(list.len() <= models::MAX_MODELS);
    }
    let _ = models::service(body);
});
