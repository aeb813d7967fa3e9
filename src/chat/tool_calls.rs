//! To which tool call a fragment belongs, whatever the server counts.
