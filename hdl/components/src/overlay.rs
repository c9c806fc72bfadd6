//! Replaces bytes in the first part of each packet.
//!
//! Ports: `rx`, `data`, `mask`, `tx`. Latency: 0 clocks.
//!
//! `data` and `mask` belong to the packet: they are stable from when its first beat is offered until its last beat is
//! taken. Bytes beyond the packet's end are not made.

use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::register::Register;
use crate::stream::{Beat, StreamRx, StreamTx};
use crate::wires::{SwapBytes, Wires};

/// Overlays the first `E` bits = `B` bytes of packets.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Overlay<const W: usize, const K: usize, const U: usize, const E: usize, const B: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Packets.
    pub rx: StreamRx<Beat<W, K, U>>,
    /// The new bytes, the packet's first most significant.
    pub data: Signal<In, Bits<E>>,
    /// Which bytes to replace, the packet's first most significant.
    pub mask: Signal<In, Bits<B>>,
    /// Packets with those bytes replaced.
    pub tx: StreamTx<Beat<W, K, U>>,
    swap: SwapBytes<E>,
    spread: Wires<B, E>,
    beat: Register<Bits<8>>,
    rest: Signal<Local, Bits<E>>,
    new_bytes: Signal<Local, Bits<W>>,
    new_mask: Signal<Local, Bits<W>>,
    number: Vec<Constant<Bits<8>>>,
    offset: Vec<Constant<Bits<16>>>,
}

impl<const W: usize, const K: usize, const U: usize, const E: usize, const B: usize> Default
    for Overlay<W, K, U, E, B>
{
    /// # Panics
    /// If the widths do not fit together.
    fn default() -> Self {
        assert!(W == 8 * K, "{K} byte enables do not fit {W} data bits");
        assert!(E == 8 * B && E.div_ceil(W) <= 255, "{B} bytes are not {E} bits, or more than 255 beats");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            data: Signal::default(),
            mask: Signal::default(),
            tx: StreamTx::default(),
            swap: SwapBytes::default(),
            spread: Wires::new(|bit| B - 1 - bit / 8),
            beat: Register::default(),
            rest: Signal::default(),
            new_bytes: Signal::default(),
            new_mask: Signal::default(),
            number: (0..E.div_ceil(W)).map(|beat| Constant::new(beat.to_bits())).collect(),
            offset: (0..E.div_ceil(W)).map(|beat| Constant::new((beat * W).to_bits())).collect(),
        }
    }
}

impl<const W: usize, const K: usize, const U: usize, const E: usize, const B: usize> Logic for Overlay<W, K, U, E, B> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, beat);
        self.beat.reset.next = self.reset.val();
        self.swap.i.next = self.data.val();
        self.spread.i.next = self.mask.val();
        self.rest.next = bits::<E>(0);
        self.new_bytes.next = bits::<W>(0);
        self.new_mask.next = bits::<W>(0);
        for i in 0..self.number.len() {
            if self.beat.q.val() == self.number[i].val() {
                self.rest.next = self.swap.o.val() >> self.offset[i].val();
                self.new_bytes.next = bit_cast::<W, E>(self.rest.val());
                self.rest.next = self.spread.o.val() >> self.offset[i].val();
                self.new_mask.next = bit_cast::<W, E>(self.rest.val());
            }
        }
        self.rx.tready.next = self.tx.tready.val();
        self.tx.tvalid.next = self.rx.tvalid.val();
        self.tx.payload.next = self.rx.payload.val();
        self.tx.payload.next.tdata =
            (self.rx.payload.val().tdata & !self.new_mask.val()) | (self.new_bytes.val() & self.new_mask.val());
        if self.rx.tvalid.val() && self.tx.tready.val() {
            if self.rx.payload.val().tlast {
                self.beat.d.next = bits::<8>(0);
            } else if self.beat.q.val() != 255 {
                self.beat.d.next = self.beat.q.val() + 1;
            }
        }
    }
}
