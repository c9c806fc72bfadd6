//! The benchmarks behind `nitro bench`: simulated clocks per second of every engine, side by side in one run.
//!
//! A [`suite::Selection`] of designs and workloads is measured in the steady state: [`card`] and [`component`] record the
//! stimulus from a real handshake ([`recording`]), [`contestant`] lists the engines, and [`steady`] runs them in
//! interleaved rounds, all outputs hashed every clock ([`mod@hash`]). [`hardware`] counts what the card does in how many clocks. [`report`] is what comes out, [`table`] how people read it.

pub mod card;
pub mod clock;
pub mod cold_start;
pub mod component;
pub mod contestant;
pub mod error;
pub mod first_clock;
mod frames;
pub mod hardware;
pub mod hash;
pub mod lanes;
pub mod machine;
pub mod recording;
pub mod report;
pub mod scale;
pub mod steady;
mod stream;
pub mod suite;
pub mod table;
pub mod tracing;

pub use error::BenchError;
pub use report::{Finding, Report, Row};
pub use suite::{Design, Progress, Selection};
