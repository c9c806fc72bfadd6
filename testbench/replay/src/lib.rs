//! Replaying captures through one card: real packets in, everything that the card did out.
//!
//! [`capture`] reads the frames, [`plan`] decides what each is to the card, [`runner`] drives a clocked card and
//! [`modelled`] the golden model, [`report`] and [`output`] say what happened.

pub mod capture;
pub mod modelled;
pub mod output;
pub mod plan;
pub mod report;
pub mod runner;
mod service;
pub mod session;
