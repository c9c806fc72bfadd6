//! The benchmarks behind `nitro bench`: simulated clocks per second of every engine, side by side in one run.
//!
//! [`report`] is what comes out of all of them.

pub mod error;
pub mod report;

pub use error::BenchError;
pub use report::{Finding, Report, Row};
