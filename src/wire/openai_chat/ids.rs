//! Ids of tool calls that suit every server: nine letters and digits, the same for the same bytes.

/// How long such an id is; one server takes no other length.
const LENGTH: usize = 9;

/// Whether it is such an id already.
pub(super) fn is_short(id: &str) -> bool {
    id.len() == LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The id that stands for `bytes`.
pub(super) fn short(bytes: impl IntoIterator<Item = u8>) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    // FNV-1a.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
    (0..LENGTH)
        .map(|_| {
            let letter = LETTERS[(hash % 62) as usize];
            hash /= 62;
            char::from(letter)
        })
        .collect()
}
