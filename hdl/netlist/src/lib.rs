//! From `rust_hdl` blocks to one trusted netlist, and from the netlist to Verilog.
//!
//! * [`elaborate`] executes every kernel of a block symbolically, typed by Rust's rules, into a
//!   hierarchical [`Design`].
//! * [`Design::verilog`] prints the design for synthesis and Verilator.
//! * [`Design::flatten`] gives the flat [`Netlist`] that the simulators run.
//!
//! [`ports`] is how test benches reach the ports of a live block, and [`primitive`] is how the
//! project's own leaf blocks (registers, memories) tell the elaborator what they are.

pub mod about;
pub mod design;
mod elaborate;
mod expression;
mod flatten;
mod import;
pub mod kernel;
pub mod names;
pub mod netlist;
pub mod ports;
pub mod primitive;
pub mod verilog;
mod words;

pub use design::Design;
pub use elaborate::{ElaborateError, elaborate, with_large_stack};
pub use netlist::Netlist;
pub use nitro_macros::{Ports, Record, hdl_gen};
pub use ports::{Pack, Ports};

#[doc(hidden)]
pub use bitvec;
