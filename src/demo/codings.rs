//! Content codings for bodies that nobody asked to be coded: gzip, deflate, br and zstd.
//!
//! What is sent stands in them as it is, in blocks that say of themselves that they are not compressed.
//! So a reader must really know the format, and each piece is whole as soon as it has come, as with a
//! compressor that flushes.

use axum::body::Bytes;

/// The most bytes of one block; the shortest limit of the four is 65,535.
const BLOCK: usize = 32 << 10;

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    /// Its name in `Content-Encoding`.
    pub const fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        }
    }
}

/// Codes a body, piece by piece.
#[derive(Debug)]
pub(super) struct Coder {
    coding: Coding,
    begun: bool,
    crc: u32,
    adler: (u32, u32),
    length: u32,
}

impl Coder {
    pub fn new(coding: Coding) -> Self {
        Self { coding, begun: false, crc: !0, adler: (1, 0), length: 0 }
    }

    /// What the next piece is in this coding.
    pub fn piece(&mut self, bytes: &[u8]) -> Bytes {
        let mut out = Vec::with_capacity(bytes.len() + 32);
        for block in bytes.chunks(BLOCK) {
            self.begin(&mut out);
            let length = u32::try_from(block.len()).unwrap_or(u32::MAX);
            match self.coding {
                Coding::Gzip => {
                    self.crc = block.iter().fold(self.crc, |crc, byte| crc_of(crc ^ u32::from(*byte)));
                    self.length = self.length.wrapping_add(length);
                    stored(&mut out, length);
                }
                Coding::Deflate => {
                    self.adler = block.iter().fold(self.adler, |(a, b), byte| {
                        let a = (a + u32::from(*byte)) % 65_521;
                        (a, (b + a) % 65_521)
                    });
                    stored(&mut out, length);
                }
                // Not the last; four nibbles of the length less one; not compressed; to the next byte.
                Coding::Brotli => out.extend_from_slice(&((length - 1) << 3 | 1 << 19).to_le_bytes()[..3]),
                // Not the last; raw.
                Coding::Zstd => out.extend_from_slice(&(length << 3).to_le_bytes()[..3]),
            }
            out.extend_from_slice(block);
        }
        out.into()
    }

    /// What ends the body.
    pub fn end(&mut self) -> Bytes {
        let mut out = Vec::new();
        self.begin(&mut out);
        match self.coding {
            Coding::Gzip => {
                out.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
                out.extend_from_slice(&(!self.crc).to_le_bytes());
                out.extend_from_slice(&self.length.to_le_bytes());
            }
            Coding::Deflate => {
                out.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
                let (a, b) = self.adler;
                out.extend_from_slice(&(b << 16 | a).to_be_bytes());
            }
            Coding::Brotli => out.push(3),
            Coding::Zstd => out.extend_from_slice(&[1, 0, 0]),
        }
        out.into()
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.begun {
            return;
        }
        self.begun = true;
        match self.coding {
            Coding::Gzip => out.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]),
            Coding::Deflate => out.extend_from_slice(&[0x78, 0x01]),
            // A window of 2^16, and an empty block of metadata, which ends at a byte: 0, then 0 11 0 00.
            Coding::Brotli => out.push(0b0000_1100),
            // No checksum, no size; a window of 128 KiB.
            Coding::Zstd => out.extend_from_slice(&[0x28, 0xb5, 0x2f, 0xfd, 0, 0x38]),
        }
    }
}

/// The head of a stored block of deflate.
fn stored(out: &mut Vec<u8>, length: u32) {
    let [low, high, ..] = length.to_le_bytes();
    out.extend_from_slice(&[0, low, high, !low, !high]);
}

/// The CRC-32 of one byte more.
fn crc_of(crc: u32) -> u32 {
    (0..8).fold(crc, |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
}
