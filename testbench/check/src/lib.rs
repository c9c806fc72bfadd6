//! Cards against the golden model: random worlds, random traffic, one [`check`] of a [`Case`].
//!
//! * [`Whole`](whole::Whole) is the bench: a card of any engine, programmed through its registers, driven at both sides, held against the
//!   model: every event, every frame, the order of flows, every counter, the law of conservation.
//! * A [`Case`] says what a card is programmed with and what happens to it. It can be stored; [`random_case`] makes one of a seed,
//!   [`shrink`] a failing one small.
//! * What random cases are made of: VPC files ([`file`]), policies ([`rules`]), conversations ([`talk`]), packets of real stacks
//!   ([`captured`]), frames of guests ([`guest`]) and of the underlay ([`overlay`]) with faults, and frames of anything ([`noise`]).
//!
//! Tests, fuzz targets ([`fuzz`]) and `nitro check --cards` use the same.

pub mod acls;
pub mod captured;
mod case;
pub mod dhcp;
pub mod file;
pub mod fuzz;
pub mod guest;
pub mod hex;
pub mod mappings;
pub mod noise;
pub mod overlay;
pub mod rules;
pub mod setup;
mod shrink;
mod soak;
mod stored;
pub mod talk;
pub mod traffic;
pub mod whole;

pub use case::{Act, Cached, Case, During, Sent, Serving, Tally, World, check, check_on};
pub use shrink::{reduce, shrink};
pub use soak::{Found, Soak, Soaked};
pub use stored::{StoredError, read_case, stored_cases, write_case};
pub use traffic::{Manner, random_case};
