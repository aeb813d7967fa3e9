//! A store of many sessions, made by chatui's own store, and words that stand in it.
//!
//! Words are as frequent as in a language (the n-th most frequent one stands in 1/n of the places of
//! the first), so that the first ones are in nearly all messages and most are in few. Every twentieth
//! session is in Chinese, every tenth was made by `ask`.

use std::path::Path;

use chatui::base::{Id, IdSource};
use chatui::chat::jobs::StoreJob;
use chatui::chat::request::Params;
use chatui::chat::session::{Session, SessionKind, Timestamp, title_of};
use chatui::chat::{Message, MessageState, Part};
use chatui::store::Store;

/// Messages of a session.
const MESSAGES: usize = 8;
/// Words of a message: about 600 characters.
const WORDS: usize = 90;
/// Characters of a message in Chinese.
const CHARACTERS: usize = 200;
/// Words there are.
const VOCABULARY: f64 = 40_000.0;
/// Chinese characters that are used.
const HAN: f64 = 3_000.0;
/// Letters, the frequent ones first.
const LETTERS: &[u8; 26] = b"etaoinshrdlcumwfgypbvkjxqz";
/// Session 0 was changed at this time, in milliseconds since 1970; each further one a minute later.
const BEGAN: i64 = 1_700_000_000_000;

/// Fills the store in `folder` and waits until all of it can be found.
pub fn fill(folder: &Path, sessions: usize) {
    let store = Store::open(folder);
    let mut ids = IdSource::new(1);
    for number in 0..sessions {
        let job = session(&mut ids, number);
        store.post(job);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(store.indexed()).expect("the store is indexed");
    store.drain().expect("the store is filled");
}

/// The n-th most frequent word; 1 is the first.
pub fn word(rank: u64) -> String {
    let mut bits = rank.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) ^ rank;
    // Frequent words are short.
    let length = 2 + rank.ilog2() as usize / 2 + (bits % 3) as usize;
    let mut word = String::new();
    for _ in 0..length {
        bits = bits.wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ (bits >> 31);
        // The product of two: frequent letters are more frequent.
        word.push(LETTERS[((bits >> 7) % 26 * ((bits >> 17) % 26) / 26) as usize].into());
    }
    word
}

/// The n-th most frequent Chinese character.
pub fn han(rank: u64) -> char {
    char::from_u32(0x4e00 + (rank * 7 % 20_000) as u32).expect("a character")
}

fn session(ids: &mut IdSource, number: usize) -> StoreJob {
    let at = Timestamp(BEGAN + number as i64 * 60_000);
    let is_chinese = number % 20 == 4;
    let mut parent: Option<Id> = None;
    let mut messages = Vec::new();
    for place in 0..MESSAGES {
        let id = ids.next_id();
        let text = if is_chinese { chinese(ids) } else { words(ids) };
        messages.push(match place % 2 {
            0 => Message::user(id, parent, text, at),
            _ => Message {
                parts: vec![Part::Text(text)],
                state: MessageState::Complete,
                ..Message::answer(id, parent, "lab:chat", 0, at)
            },
        });
        parent = Some(id);
    }
    let session = Session {
        id: ids.next_id(),
        kind: if number % 10 == 9 { SessionKind::Ask } else { SessionKind::Chat },
        title: title_of(&messages[0].text()),
        model: "lab:chat".to_owned(),
        system: String::new(),
        params: Params::default(),
        created: at,
        updated: at,
    };
    StoreJob::BeginTurn { session: Box::new(session), prompt: messages, answers: Vec::new() }
}

fn words(ids: &mut IdSource) -> String {
    let words: Vec<String> = (0..WORDS).map(|_| word(rank(ids, VOCABULARY))).collect();
    words.join(" ")
}

fn chinese(ids: &mut IdSource) -> String {
    (0..CHARACTERS).map(|place| if place % 12 == 11 { '。' } else { han(rank(ids, HAN)) }).collect()
}

/// The rank of a word as it comes in a text.
fn rank(ids: &mut IdSource, of: f64) -> u64 {
    let at = (ids.next_bits() >> 11) as f64 / (1_u64 << 53) as f64;
    (of.powf(at) as u64).max(1)
}
