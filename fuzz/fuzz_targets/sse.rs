//! The parser of event streams gives the same events however the bytes are cut.

#![no_main]

use chatui::wire::{Flow, SseParser};
use libfuzzer_sys::fuzz_target;

/// Type and data of each event, then what the end left.
fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut parser = SseParser::default();
    let mut events = Vec::new();
    for piece in pieces {
        let flow = parser.feed(piece, |event| {
            events.push((event.kind.to_vec(), event.data.to_vec()));
            Ok(Flow::More)
        });
        assert_eq!(flow.ok(), Some(Flow::More));
    }
    let left = parser.unfinished().map(|event| (event.kind.to_vec(), event.data.to_vec()));
    events.extend(left);
    let fields = [parser.error_field(), parser.stray_line()];
    events.extend(fields.into_iter().flatten().map(|field| (Vec::new(), field.to_vec())));
    events
}

fuzz_target!(|body: &[u8]| {
    let whole = events([body]);
    let bytes: usize = whole.iter().map(|(kind, data)| kind.len() + data.len()).sum();
    assert!(bytes <= 2 * body.len() + 200, "{bytes} from {}", body.len());
    assert_eq!(events(body.chunks(1)), whole, "byte by byte");
    assert_eq!(events(chatui_fuzz::pieces(body)), whole, "in pieces");
});
