//! Bodies that are compressed and do not say so, as some proxies send them: known by their first bytes.
//!
//! gzip and zlib are unpacked, a bounded piece at a time; zstd is named in an error; brotli has no mark to
//! know it by. What is labelled is the HTTP library's to unpack, and comes here as it was meant.

use std::io;

use flate2::write::{MultiGzDecoder, ZlibDecoder};

use crate::chat::error::AttemptError;

const GZIP: &[u8] = &[0x1F, 0x8B, 0x08];
const ZSTD: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];
/// The two bytes of zlib, as it is written; a further one, `x^`, begins texts.
const ZLIB: [&[u8]; 3] = [&[0x78, 0x01], &[0x78, 0x9C], &[0x78, 0xDA]];
/// What is unpacked at once: it may become a thousand times as much.
const PIECE: usize = 512;
const HINT: &str = "A proxy on the way may have changed it.";

/// Hands a body on, unpacked where it needs it.
#[derive(Debug, Default)]
pub(super) struct Unpacker {
    form: Form,
    /// Bytes that are not unpacked yet.
    packed: Vec<u8>,
    /// How many of them are.
    done: usize,
}

#[derive(Debug)]
enum Form {
    /// So few bytes that they may be a mark.
    Unknown(Vec<u8>),
    Plain,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Zlib(Box<ZlibDecoder<Vec<u8>>>),
    Zstd,
}

impl Default for Form {
    fn default() -> Self {
        Form::Unknown(Vec::new())
    }
}

impl Unpacker {
    /// Takes the next bytes of a body. Packed ones are left for [`Unpacker::more`].
    pub(super) fn take(&mut self, bytes: &[u8], into: &mut Vec<u8>) {
        match &mut self.form {
            Form::Plain => into.extend_from_slice(bytes),
            Form::Gzip(_) | Form::Zlib(_) | Form::Zstd => self.packed.extend_from_slice(bytes),
            Form::Unknown(first) => {
                let mut first = std::mem::take(first);
                first.extend_from_slice(bytes);
                self.form = Form::of(&first);
                match &mut self.form {
                    Form::Unknown(held) => *held = first,
                    Form::Plain => into.append(&mut first),
                    Form::Gzip(_) | Form::Zlib(_) | Form::Zstd => self.packed = first,
                }
            }
        }
    }

    /// Unpacks what is left, until `into` has about `most` bytes.
    ///
    /// # Errors
    /// It is damaged, or packed in a way that is not known here.
    pub(super) fn more(&mut self, into: &mut Vec<u8>, most: usize) -> Result<(), AttemptError> {
        while self.done < self.packed.len() && into.len() < most {
            let end = self.packed.len().min(self.done + PIECE);
            let piece = &self.packed[self.done..end];
            match &mut self.form {
                Form::Gzip(decoder) => unpack(decoder.as_mut(), piece, MultiGzDecoder::get_mut, into)?,
                Form::Zlib(decoder) => unpack(decoder.as_mut(), piece, ZlibDecoder::get_mut, into)?,
                Form::Zstd => {
                    return Err(AttemptError::Protocol {
                        message: "the answer is compressed (zstd) and does not say so".into(),
                        hint: HINT.into(),
                    });
                }
                Form::Unknown(_) | Form::Plain => into.extend_from_slice(piece),
            }
            self.done = end;
        }
        if self.done == self.packed.len() {
            self.packed.clear();
            self.done = 0;
        }
        Ok(())
    }

    /// The body has ended, in order or not: what was held back is no mark.
    pub(super) fn end(&mut self, into: &mut Vec<u8>) {
        if let Form::Unknown(first) = &mut self.form {
            into.append(first);
        }
    }

    /// Whether a body that has ended in order is cut inside its compression.
    pub(super) fn is_cut(&mut self) -> bool {
        match &mut self.form {
            Form::Gzip(decoder) => decoder.try_finish().is_err(),
            Form::Zlib(decoder) => decoder.try_finish().is_err(),
            Form::Unknown(_) | Form::Plain | Form::Zstd => false,
        }
    }
}

impl Form {
    fn of(first: &[u8]) -> Self {
        if first.starts_with(GZIP) {
            return Form::Gzip(Box::new(MultiGzDecoder::new(Vec::new())));
        }
        if first.starts_with(ZSTD) {
            return Form::Zstd;
        }
        if ZLIB.iter().any(|mark| first.starts_with(mark)) {
            return Form::Zlib(Box::new(ZlibDecoder::new(Vec::new())));
        }
        let may_be = |mark: &[u8]| mark.starts_with(first);
        if may_be(GZIP) || may_be(ZSTD) || ZLIB.into_iter().any(may_be) {
            return Form::Unknown(Vec::new());
        }
        Form::Plain
    }
}

/// Feeds a decoder and takes all that it has made of it: a token is not to wait for the next.
fn unpack<D: io::Write>(
    decoder: &mut D,
    piece: &[u8],
    made: impl Fn(&mut D) -> &mut Vec<u8>,
    into: &mut Vec<u8>,
) -> Result<(), AttemptError> {
    let fed = decoder.write_all(piece).and_then(|()| decoder.flush());
    into.append(made(decoder));
    fed.map_err(|error| AttemptError::Protocol {
        message: format!("the answer is compressed, does not say so, and is damaged: {error}"),
        hint: HINT.into(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    const TEXT: &[u8] = b"data: {\"a\":1}\n\ndata: [DONE]\n\n";

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<(Vec<u8>, bool), AttemptError> {
        let (mut unpacker, mut body) = (Unpacker::default(), Vec::new());
        for piece in pieces {
            unpacker.take(piece, &mut body);
            unpacker.more(&mut body, usize::MAX)?;
        }
        unpacker.end(&mut body);
        let is_cut = unpacker.is_cut();
        Ok((body, is_cut))
    }

    #[test]
    fn packed_bodies_are_unpacked_in_any_split() {
        for packed in [gzip(TEXT), zlib(TEXT), [gzip(&TEXT[..7]), gzip(&TEXT[7..])].concat(), TEXT.to_vec()] {
            for size in [1, 2, 3, 5, packed.len()] {
                assert_eq!(read(packed.chunks(size)).unwrap(), (TEXT.to_vec(), false), "by {size}");
            }
        }
    }

    #[test]
    fn texts_that_begin_like_a_mark_are_texts() {
        for text in [&b""[..], b"x", b"x^2 is no answer", b"(", b"\x1f", b"\x1f\x8b", b"\x1f\x8bz"] {
            assert_eq!(read(text.chunks(1)).unwrap(), (text.to_vec(), false), "{text:?}");
        }
    }

    #[test]
    fn each_piece_is_handed_on_before_the_next_comes() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let (mut unpacker, mut body) = (Unpacker::default(), Vec::new());
        for token in ["one ", "two ", "three "] {
            encoder.write_all(token.as_bytes()).unwrap();
            encoder.flush().unwrap();
            unpacker.take(&std::mem::take(encoder.get_mut()), &mut body);
            unpacker.more(&mut body, usize::MAX).unwrap();
            assert!(body.ends_with(token.as_bytes()), "{:?}", String::from_utf8_lossy(&body));
        }
    }

    #[test]
    fn a_cut_is_seen_and_damage_and_zstd_are_told() {
        let packed = gzip(TEXT);
        assert!(read(packed[..packed.len() - 9].chunks(4)).unwrap().1);
        let mut damaged = gzip(&[TEXT; 20].concat());
        damaged[12] ^= 0x55;
        damaged.truncate(30);
        damaged.extend([0xFF; 40]);
        let told = |bytes: &[u8]| match read(bytes.chunks(8)) {
            Err(AttemptError::Protocol { message, .. }) => message,
            other => panic!("{other:?}"),
        };
        assert!(told(&damaged).contains("is damaged"));
        assert!(told(b"\x28\xb5\x2f\xfd rest").contains("zstd"));
    }

    #[test]
    fn what_becomes_a_thousand_times_as_much_is_unpacked_bit_by_bit() {
        let bomb = gzip(&vec![0; 64 << 20]);
        let (mut unpacker, mut body, mut total) = (Unpacker::default(), Vec::new(), 0);
        unpacker.take(&bomb, &mut body);
        loop {
            unpacker.more(&mut body, 256 << 10).unwrap();
            if body.is_empty() {
                break;
            }
            assert!(body.len() < 2 << 20, "{}", body.len());
            total += body.len();
            body.clear();
        }
        assert_eq!(total, 64 << 20);
    }
}
