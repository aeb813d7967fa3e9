//! Both dialects of Azure: any body, any cut, and the same from both.

#![no_main]

use chatui::chat::Dialect;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    chatui_fuzz::check(Dialect::AzureOpenAi, body);
    assert_eq!(
        chatui_fuzz::decode(Dialect::AzureInference, [body]),
        chatui_fuzz::decode(Dialect::AzureOpenAi, [body])
    );
});
