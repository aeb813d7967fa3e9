//! The person's files: read, bounded, and cleaned before anything of them is shown.

pub mod themes;
