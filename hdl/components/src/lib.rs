//! Hardware components that know nothing of a VPC: streams, registers, memories, buffers.
//!
//! Every component is a `rust_hdl` block, generic over what it carries, with its own page in `docs/` beside this crate
//! and an entry in the catalogue.

pub mod arbiter;
pub mod bench;
pub mod catalogue;
pub mod cell_memory;
pub mod counter_bank;
pub mod credit_gate;
pub mod cuckoo;
pub mod delay;
pub mod demux;
pub mod dispatch;
pub mod fifo;
pub mod fifo_block;
pub mod flow_fifo;
pub mod hash_table;
pub mod join;
pub mod keep;
pub mod key_hash;
pub mod merge;
pub mod overlay;
pub mod packet_fifo;
pub mod prepend;
pub mod ram;
pub mod ram_byte_enable;
pub mod ram_distributed;
pub mod ram_single;
pub mod ram_true_dual;
pub mod register;
pub mod rom;
pub mod siphash;
pub mod spill;
pub mod split;
pub mod stream;
pub mod strip;
pub mod wires;

pub use catalogue::catalogue;
use nitro_netlist::Pack;
use nitro_netlist::bitvec::prelude::{BitVec, Lsb0};
use rust_hdl::prelude::Bits;

/// A value as plain bits.
fn packed<T: Pack>(value: &T) -> BitVec<u64, Lsb0> {
    let mut bits = BitVec::repeat(false, T::BITS);
    value.pack(&mut bits);
    bits
}

/// A value as little-endian words, as the netlist keeps constants.
fn words<T: Pack>(value: &T) -> Vec<u64> {
    let mut bits = packed(value);
    bits.set_uninitialized(false);
    bits.into_vec()
}

/// A value from its bits, the least significant first.
fn from_bools<const N: usize>(array: [bool; N]) -> Bits<N> {
    if N <= 32 {
        Bits::from(array.iter().rev().fold(0_u64, |value, &bit| (value << 1) | u64::from(bit)))
    } else {
        Bits::Long(array.into())
    }
}
