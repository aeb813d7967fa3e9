//! The table of commands, and each of them.
