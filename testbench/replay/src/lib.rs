//! Replaying captures through one card: real packets in, everything that the card did out.

pub mod capture;
