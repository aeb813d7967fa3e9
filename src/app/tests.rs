//! Key scripts in, screens and commands out.
