//! Removes the first bytes of each packet.
//!
//! Ports: `rx`, `layout`, `tx`. Latency: 0 clocks, counted from the first beat that holds all bytes of a beat that
//! leaves. Full rate: the tail of a packet leaves while the next one arrives.
//!
//! The number of bytes is one of up to eight constants, or 0, so realignment is a choice of fixed shifts. `layout` belongs to
//! the packet's first beat: it is stable while that is offered. A packet that is not longer than what is to be removed
//! vanishes.

use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::register::Register;
use crate::stream::{Beat, StreamRx, StreamTx};

/// Lengths to choose from.
const LAYOUTS: usize = 8;

/// Strips headers.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Strip<const W: usize, const K: usize, const U: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Packets.
    pub rx: StreamRx<Beat<W, K, U>>,
    /// Which of the lengths; one that was not given stands for nothing to remove.
    pub layout: Signal<In, Bits<4>>,
    /// What remains of them.
    pub tx: StreamTx<Beat<W, K, U>>,

    beat: Register<Bits<8>>,
    flush: Register<Bit>,
    kept: DFF<Bits<4>>,
    carry: DFF<Beat<W, K, U>>,
    chosen: Signal<Local, Bits<4>>,
    skip: Signal<Local, Bit>,
    starts: Signal<Local, Bit>,
    aligned: Signal<Local, Bit>,
    produce: Signal<Local, Bit>,
    carry_part: Signal<Local, Bits<W>>,
    carry_keep: Signal<Local, Bits<K>>,
    low: Signal<Local, Bits<W>>,
    low_keep: Signal<Local, Bits<K>>,
    high: Signal<Local, Bits<W>>,
    high_keep: Signal<Local, Bits<K>>,

    layout_number: Vec<Constant<Bits<4>>>,
    whole: Vec<Constant<Bits<8>>>,
    is_aligned: Vec<Constant<Bit>>,
    up: Vec<Constant<Bits<16>>>,
    down: Vec<Constant<Bits<16>>>,
    keep_up: Vec<Constant<Bits<8>>>,
    keep_down: Vec<Constant<Bits<8>>>,
}

impl<const W: usize, const K: usize, const U: usize> Strip<W, K, U> {
    /// Removes these numbers of bytes, by layout.
    ///
    /// # Panics
    /// If there are more than eight lengths, one is longer than 254 beats, or `K` does not fit `W`.
    #[must_use]
    pub fn new(lengths: &[usize]) -> Self {
        assert!(W == 8 * K && K <= 128, "{K} byte enables do not fit {W} data bits (at most 1,024)");
        assert!(lengths.len() <= LAYOUTS, "{} header lengths are more than {LAYOUTS}", lengths.len());
        assert!(lengths.iter().all(|&length| length / K < 255), "headers of {lengths:?} bytes do not fit 254 beats");
        let length = |layout: usize| lengths.get(layout).copied().unwrap_or(0);
        let rest = |layout: usize| length(layout) % K;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            layout: Signal::default(),
            tx: StreamTx::default(),
            beat: Register::default(),
            flush: Register::default(),
            kept: DFF::default(),
            carry: DFF::default(),
            chosen: Signal::default(),
            skip: Signal::default(),
            starts: Signal::default(),
            aligned: Signal::default(),
            produce: Signal::default(),
            carry_part: Signal::default(),
            carry_keep: Signal::default(),
            low: Signal::default(),
            low_keep: Signal::default(),
            high: Signal::default(),
            high_keep: Signal::default(),
            layout_number: (0..LAYOUTS).map(|layout| Constant::new(layout.to_bits())).collect(),
            whole: (0..LAYOUTS).map(|layout| Constant::new((length(layout) / K).to_bits())).collect(),
            is_aligned: (0..LAYOUTS).map(|layout| Constant::new(rest(layout) == 0)).collect(),
            up: (0..LAYOUTS).map(|layout| Constant::new((W - 8 * rest(layout)).to_bits())).collect(),
            down: (0..LAYOUTS).map(|layout| Constant::new((8 * rest(layout)).to_bits())).collect(),
            keep_up: (0..LAYOUTS).map(|layout| Constant::new((K - rest(layout)).to_bits())).collect(),
            keep_down: (0..LAYOUTS).map(|layout| Constant::new(rest(layout).to_bits())).collect(),
        }
    }
}

impl<const W: usize, const K: usize, const U: usize> Logic for Strip<W, K, U> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, beat, flush, kept, carry);
        self.beat.reset.next = self.reset.val();
        self.flush.reset.next = self.reset.val();
        self.chosen.next = self.kept.q.val();
        if self.beat.q.val() == 0 {
            self.chosen.next = self.layout.val();
        }

        self.skip.next = false;
        self.starts.next = true;
        self.aligned.next = true;
        self.low.next = self.rx.payload.val().tdata;
        self.low_keep.next = self.rx.payload.val().tkeep;
        self.high.next = bits::<W>(0);
        self.high_keep.next = bits::<K>(0);
        self.carry_part.next = self.carry.q.val().tdata;
        self.carry_keep.next = self.carry.q.val().tkeep;
        for i in 0..self.layout_number.len() {
            if self.chosen.val() == self.layout_number[i].val() {
                self.skip.next = self.beat.q.val() < self.whole[i].val();
                self.starts.next = self.beat.q.val() == self.whole[i].val();
                self.aligned.next = self.is_aligned[i].val();
                self.low.next = self.rx.payload.val().tdata >> self.down[i].val();
                self.low_keep.next = self.rx.payload.val().tkeep >> self.keep_down[i].val();
                self.high.next = self.rx.payload.val().tdata << self.up[i].val();
                self.high_keep.next = self.rx.payload.val().tkeep << self.keep_up[i].val();
            }
            // The carry is of the packet whose layout was kept: the present one, or in a flush the one before.
            if self.kept.q.val() == self.layout_number[i].val() {
                self.carry_part.next = self.carry.q.val().tdata >> self.down[i].val();
                self.carry_keep.next = self.carry.q.val().tkeep >> self.keep_down[i].val();
            }
        }

        // A beat makes none if all of it is removed, or if it waits for the next one to fill it up.
        self.produce.next = true;
        if self.skip.val() {
            self.produce.next = false;
        } else if self.starts.val() && !self.aligned.val() {
            self.produce.next = self.rx.payload.val().tlast && self.low_keep.val().any();
        }

        self.tx.payload.next = self.rx.payload.val();
        self.tx.tvalid.next = self.rx.tvalid.val() && self.produce.val();
        self.rx.tready.next = self.tx.tready.val() || !self.produce.val();
        if self.flush.q.val() {
            self.tx.payload.next.tuser = self.carry.q.val().tuser;
            self.tx.payload.next.tlast = true;
            self.tx.payload.next.tkeep = self.carry_keep.val();
            self.tx.payload.next.tdata = self.carry_part.val();
            self.tx.tvalid.next = true;
            self.rx.tready.next = self.tx.tready.val() && !self.produce.val();
            if self.tx.tready.val() {
                self.flush.d.next = false;
            }
        } else if self.aligned.val() || self.starts.val() {
            self.tx.payload.next.tkeep = self.low_keep.val();
            self.tx.payload.next.tdata = self.low.val();
        } else {
            self.tx.payload.next.tlast = self.rx.payload.val().tlast && !self.low_keep.val().any();
            self.tx.payload.next.tkeep = self.carry_keep.val() | self.high_keep.val();
            self.tx.payload.next.tdata = self.carry_part.val() | self.high.val();
        }

        if self.rx.tvalid.val() && (!self.produce.val() || self.tx.tready.val()) {
            // In a flush a beat is taken only if it makes none itself.
            if !self.flush.q.val() || (!self.produce.val() && self.tx.tready.val()) {
                self.kept.d.next = self.chosen.val();
                self.carry.d.next = self.rx.payload.val();
                if self.rx.payload.val().tlast {
                    self.beat.d.next = bits::<8>(0);
                    self.flush.d.next =
                        !self.skip.val() && !self.starts.val() && !self.aligned.val() && self.low_keep.val().any();
                } else if self.beat.q.val() != 255 {
                    self.beat.d.next = self.beat.q.val() + 1;
                }
            }
        }
    }
}
