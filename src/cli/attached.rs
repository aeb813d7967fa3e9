//! `-f`: the files that go with the first prompt.

use super::args::{Shared, Stop};
use super::exit;
use crate::chat::Part;
use crate::files::attach::{self, Refused};

/// Reads them, in order.
///
/// # Errors
/// The first that cannot be attached: an image is a matter of usage, the rest of the files themselves.
pub fn read(shared: &Shared) -> Result<Vec<Part>, Stop> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(std::path::PathBuf::from);
    // A folder that is gone is none to look in; a path from the root still works.
    let cwd = std::env::current_dir().unwrap_or_default();
    let one = |path| match attach::read_text(path, &cwd, home.as_deref()) {
        Ok(attached) => Ok(attached.into_part()),
        Err(refused @ Refused::Image(_)) => {
            Err(Stop { text: format!("chatui: --file: {refused}"), code: exit::USAGE })
        }
        Err(refused @ Refused::Other(_)) => Err(Stop::failure(format!("chatui: --file: {refused}"))),
    };
    shared.files.iter().map(|path| one(path)).collect()
}
