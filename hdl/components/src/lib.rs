//! Hardware components that know nothing of a VPC: streams, registers, memories, buffers.
//!
//! Every component is a `rust_hdl` block, generic over what it carries, with its own page in `docs/` beside this crate
//! and an entry in the catalogue.

pub mod register;
pub mod spill;
pub mod stream;

/// A value as little-endian words, as the netlist keeps constants.
fn words<T: nitro_netlist::Pack>(value: &T) -> Vec<u64> {
    use nitro_netlist::bitvec::prelude::BitVec;
    let mut bits = BitVec::<u64, nitro_netlist::bitvec::prelude::Lsb0>::repeat(false, T::BITS);
    value.pack(&mut bits);
    bits.set_uninitialized(false);
    bits.into_vec()
}
