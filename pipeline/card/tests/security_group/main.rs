//! The scan of security group rules: what the driver compiles and the card scans is what the model makes of the rules themselves.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod changes;
mod compiled;
mod policies;
mod rates;
mod scanned;
mod setup;
mod vectors;
