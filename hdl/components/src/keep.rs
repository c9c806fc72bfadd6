//! Byte enables of a beat: how many, and whether they are contiguous.
//!
//! Ports: `keep`, `bytes`, `contiguous`. Latency: 0 clocks.

use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

/// Counts the bytes of a beat under `K` byte enables.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct KeepCount<const K: usize> {
    /// Byte enables, bit 0 for the packet's first byte.
    pub keep: Signal<In, Bits<K>>,
    /// Bytes in the beat, if `keep` is contiguous.
    pub bytes: Signal<Out, Bits<16>>,
    /// `keep` is contiguous from bit 0 and not zero.
    pub contiguous: Signal<Out, Bit>,
    top: Signal<Local, Bits<K>>,
    count: Vec<Constant<Bits<16>>>,
}

impl<const K: usize> Default for KeepCount<K> {
    fn default() -> Self {
        Self {
            keep: Signal::default(),
            bytes: Signal::default(),
            contiguous: Signal::default(),
            top: Signal::default(),
            count: (1..=K).map(|bytes| Constant::new(bytes.to_bits())).collect(),
        }
    }
}

impl<const K: usize> Logic for KeepCount<K> {
    #[hdl_gen]
    fn update(&mut self) {
        self.contiguous.next = ((self.keep.val() & (self.keep.val() + 1)) == 0) && self.keep.val().any();
        // Only the highest enable survives, so the counts can simply be merged.
        self.top.next = self.keep.val() & !(self.keep.val() >> 1);
        self.bytes.next = bits::<16>(0);
        for i in 0..K {
            if self.top.val().get_bit(i) {
                self.bytes.next = self.bytes.val() | self.count[i].val();
            }
        }
    }
}
