//! The golden model: what the card does to packets, without clocks.
//!
//! One module a stage, under the stage's name, each a plain function of its inputs. It shares only `nitro-wire` (names,
//! formats, configuration) with the hardware, so that an error in either shows as a difference between them.

pub mod allowances;
pub mod bytes;
pub mod checksum;
pub mod conntrack;
pub mod counters;
pub mod decap;
pub mod encap;
pub mod eni;
pub mod fragments;
pub mod lookup;
pub mod model;
pub mod nacl;
pub mod parser;
pub mod path_mtu;
mod paths;
pub mod responder;
pub mod security_group;
pub mod token;
pub mod wrap;

pub use counters::{Count, Counters};
pub use lookup::{Query, Reply, Service};
pub use model::{Model, Outcome, Verdict};
pub use parser::{Parsed, parse};
pub use security_group::{Admission, Facts};
pub use wrap::{Sender, WrapError, wrap};
