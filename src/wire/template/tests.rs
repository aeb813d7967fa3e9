//! Prompts of the built-in templates, byte for byte, and what becomes of templates that are wrong.
