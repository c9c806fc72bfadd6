//! The server by itself.
