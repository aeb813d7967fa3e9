//! Prompt templates: a conversation as the one text that a base model goes on with.
