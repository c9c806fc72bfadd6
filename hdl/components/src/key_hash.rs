//! The hash of a table's key: where its four places are.
//!
//! Ports: `rx` (flow of keys), `hash_key`, `tx` (flow of hashes). Latency: [`KeyHash::LATENCY`] clocks, one key per clock.
//!
//! SipHash-1-3, under `hash_key`, of the key's big-endian bytes padded with zeros to whole 8-byte words. A key's row in way
//! `w` of a table is bits `16 w ..` of it.

use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::siphash::SipHash;
use crate::stream::{FlowRx, FlowTx};
use crate::wires::SwapBytes;

/// Ways of a table: a hash has 16 bits for each.
pub const WAYS: usize = 4;

/// Hashes keys of `K` bits (a multiple of 8). `M` is the width of the hashed message: 64 · (words of the key + 1).
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct KeyHash<const K: usize, const M: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Keys.
    pub rx: FlowRx<Bits<K>>,
    /// Key of the hash, its first byte lowest.
    pub hash_key: Signal<In, Bits<128>>,
    /// Hashes, in order.
    pub tx: FlowTx<Bits<64>>,
    swap: SwapBytes<K>,
    hash: SipHash<1, 3, M>,
    length: Constant<Bits<M>>,
}

impl<const K: usize, const M: usize> KeyHash<K, M> {
    /// Clocks from a key to its hash.
    pub const LATENCY: usize = SipHash::<1, 3, M>::LATENCY;
}

impl<const K: usize, const M: usize> Default for KeyHash<K, M> {
    /// # Panics
    /// If the widths do not fit together.
    fn default() -> Self {
        let words = K.div_ceil(64);
        assert!(
            K > 0 && K.is_multiple_of(8) && M == 64 * (words + 1),
            "a key of {K} bits is not whole bytes, or its message has {} bits, not {M}",
            64 * (words + 1)
        );
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            hash_key: Signal::default(),
            tx: FlowTx::default(),
            swap: SwapBytes::default(),
            hash: SipHash::default(),
            length: Constant::new(crate::from_bools(std::array::from_fn(|bit| {
                bit + 8 >= M && ((8 * words) >> (bit + 8 - M)) & 1 == 1
            }))),
        }
    }
}

impl<const K: usize, const M: usize> Logic for KeyHash<K, M> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, hash);
        self.hash.reset.next = self.reset.val();
        self.swap.i.next = self.rx.payload.val();
        self.hash.rx.payload.next = bit_cast::<M, K>(self.swap.o.val()) | self.length.val();
        self.hash.rx.tvalid.next = self.rx.tvalid.val();
        self.hash.key0.next = self.hash_key.val().get_bits::<64>(0);
        self.hash.key1.next = self.hash_key.val().get_bits::<64>(64);
        self.tx.payload.next = self.hash.tx.payload.val();
        self.tx.tvalid.next = self.hash.tx.tvalid.val();
    }
}
