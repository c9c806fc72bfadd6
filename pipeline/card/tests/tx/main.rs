//! The tx path and its stages against the golden model.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod acls;
mod frames;
#[path = "../parser/frames.rs"]
#[allow(dead_code, reason = "the parser's tests use more of it")]
mod noise;
mod path;
mod queries;
mod setup;
mod stages;
mod timing;
#[path = "../whole/mod.rs"]
#[allow(dead_code, reason = "tests of both paths use more of it")]
mod whole;
