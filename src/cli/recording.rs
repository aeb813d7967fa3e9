//! Recordings as files: the one that is written, and one that is read.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use super::args::{Shared, Stop};
use super::setup::words;
use crate::turns::Speed;
use crate::turns::record::{Overwrite, Recorder};
use crate::wire::recording::{self, Recording};

/// The most bytes of a recording.
const MAX_BYTES: u64 = 1 << 30;

/// Makes the file of `--record`.
///
/// # Errors
/// It is there already, or it cannot be made.
pub(super) fn recorder(shared: &Shared) -> Result<Option<Recorder>, Stop> {
    let Some(path) = &shared.record else { return Ok(None) };
    let overwrite = if shared.force { Overwrite::Yes } else { Overwrite::No };
    Recorder::create(path, overwrite).map(Some).map_err(|error| {
        let path = path.display();
        Stop::failure(match error.kind() {
            ErrorKind::AlreadyExists => {
                format!("chatui: --record: {path} is there already; name another file, or add --force to overwrite it")
            }
            _ => format!("chatui: --record: {path} cannot be written: {}", words(&error)),
        })
    })
}

/// Reads a recording.
///
/// # Errors
/// It cannot be read, or it is none.
pub(super) fn read(path: &Path) -> Result<Recording, Stop> {
    let failed = |what: String| Stop::failure(format!("chatui: {}: {what}", path.display()));
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| failed(format!("it cannot be read: {}", words(&error))))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(failed("it is over 1 GiB, more than a recording may have".to_owned()));
    }
    recording::parse(&bytes).map_err(|wrong| failed(wrong.to_string()))
}

/// The speed that was named.
pub(super) fn speed(named: Option<f64>) -> Speed {
    match named {
        None => Speed::Times(1.0),
        Some(speed) if speed > 0.0 => Speed::Times(speed),
        Some(_) => Speed::AtOnce,
    }
}
