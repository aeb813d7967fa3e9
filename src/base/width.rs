//! Width.
