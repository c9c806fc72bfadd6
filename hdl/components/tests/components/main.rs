//! Tests of the components: each against a plain model of what it does, under random idle clocks and backpressure.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]
#![allow(clippy::cast_possible_truncation, reason = "test data are small")]

mod catalogue;
mod common;
mod counters;
mod cuckoo;
mod dispatches;
mod fifos;
mod flows;
mod frames;
mod hashes;
mod joins;
mod memories;
mod merges;
mod packets;
mod realignment;
mod wires;
