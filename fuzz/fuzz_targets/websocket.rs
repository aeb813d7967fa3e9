//! Messages of a WebSocket, as the transport hands them over: any messages, any cut.

#![no_main]

use chatui::chat::Dialect;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|messages: &[u8]| chatui_fuzz::check(Dialect::WebSocket, messages));
