//! Sanitising.
