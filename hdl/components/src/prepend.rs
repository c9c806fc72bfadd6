//! Puts a header before each packet.
//!
//! Ports: `rx`, `header`, `layout`, `tx`. Latency: 0 clocks. Full rate but for the beats by which the packet really
//! gets longer.
//!
//! The header's length is one of up to four constants, so realignment is a choice of fixed shifts. `header` and
//! `layout` belong to the packet's first beat: they are stable from when it is offered until it is taken, and not
//! needed after that.

use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::register::Register;
use crate::stream::{Beat, StreamRx, StreamTx};
use crate::wires::SwapBytes;

/// Lengths to choose from.
const LAYOUTS: usize = 4;

/// Prepends headers of up to `HB` bits.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Prepend<const W: usize, const K: usize, const U: usize, const HB: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Packets.
    pub rx: StreamRx<Beat<W, K, U>>,
    /// The header, its first byte most significant; a shorter one than `HB` bits leaves the lowest bits unused.
    pub header: Signal<In, Bits<HB>>,
    /// Which of the lengths; one that was not given stands for no header.
    pub layout: Signal<In, Bits<2>>,
    /// Packets with their headers.
    pub tx: StreamTx<Beat<W, K, U>>,

    swap: SwapBytes<HB>,
    beat: Register<Bits<8>>,
    body: Register<Bit>,
    flush: Register<Bit>,
    kept: DFF<Bits<2>>,
    carry: DFF<Beat<W, K, U>>,
    chosen: Signal<Local, Bits<2>>,
    header_rest: Signal<Local, Bits<HB>>,
    header_part: Signal<Local, Bits<W>>,
    carry_part: Signal<Local, Bits<W>>,
    carry_keep: Signal<Local, Bits<K>>,
    low_keep: Signal<Local, Bits<K>>,
    shifted: Signal<Local, Bits<W>>,
    shifted_keep: Signal<Local, Bits<K>>,
    rest_keep: Signal<Local, Bits<K>>,
    in_header: Signal<Local, Bit>,

    number: Vec<Constant<Bits<8>>>,
    offset: Vec<Constant<Bits<16>>>,
    layout_number: Vec<Constant<Bits<2>>>,
    whole: Vec<Constant<Bits<8>>>,
    up: Vec<Constant<Bits<16>>>,
    down: Vec<Constant<Bits<16>>>,
    keep_up: Vec<Constant<Bits<8>>>,
    keep_down: Vec<Constant<Bits<8>>>,
    low_mask: Vec<Constant<Bits<W>>>,
    low_ones: Vec<Constant<Bits<K>>>,
}

impl<const W: usize, const K: usize, const U: usize, const HB: usize> Prepend<W, K, U, HB> {
    /// Headers of these lengths in bytes, by layout.
    ///
    /// # Panics
    /// If there are more than four lengths, one is longer than `HB` bits or 255 beats, or `K` does not fit `W`.
    #[must_use]
    pub fn new(lengths: &[usize]) -> Self {
        assert!(W == 8 * K && K <= 128, "{K} byte enables do not fit {W} data bits (at most 1,024)");
        assert!(lengths.len() <= LAYOUTS, "{} header lengths are more than {LAYOUTS}", lengths.len());
        assert!(
            lengths.iter().all(|&length| 8 * length <= HB && length / K < 255),
            "headers of {lengths:?} bytes do not fit {HB} bits and 255 beats"
        );
        let length = |layout: usize| lengths.get(layout).copied().unwrap_or(0);
        let rest = |layout: usize| length(layout) % K;
        let beats = lengths.iter().max().map_or(0, |longest| longest.div_ceil(K));
        let ones = |count: usize| crate::from_bools(std::array::from_fn(|bit| bit < count));
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            header: Signal::default(),
            layout: Signal::default(),
            tx: StreamTx::default(),
            swap: SwapBytes::default(),
            beat: Register::default(),
            body: Register::default(),
            flush: Register::default(),
            kept: DFF::default(),
            carry: DFF::default(),
            chosen: Signal::default(),
            header_rest: Signal::default(),
            header_part: Signal::default(),
            carry_part: Signal::default(),
            carry_keep: Signal::default(),
            low_keep: Signal::default(),
            shifted: Signal::default(),
            shifted_keep: Signal::default(),
            rest_keep: Signal::default(),
            in_header: Signal::default(),
            number: (0..beats).map(|beat| Constant::new(beat.to_bits())).collect(),
            offset: (0..beats).map(|beat| Constant::new((beat * W).to_bits())).collect(),
            layout_number: (0..LAYOUTS).map(|layout| Constant::new(layout.to_bits())).collect(),
            whole: (0..LAYOUTS).map(|layout| Constant::new((length(layout) / K).to_bits())).collect(),
            up: (0..LAYOUTS).map(|layout| Constant::new((8 * rest(layout)).to_bits())).collect(),
            down: (0..LAYOUTS).map(|layout| Constant::new((W - 8 * rest(layout)).to_bits())).collect(),
            keep_up: (0..LAYOUTS).map(|layout| Constant::new(rest(layout).to_bits())).collect(),
            keep_down: (0..LAYOUTS).map(|layout| Constant::new((K - rest(layout)).to_bits())).collect(),
            low_mask: (0..LAYOUTS)
                .map(|layout| Constant::new(crate::from_bools(std::array::from_fn(|bit| bit < 8 * rest(layout)))))
                .collect(),
            low_ones: (0..LAYOUTS).map(|layout| Constant::new(ones(rest(layout)))).collect(),
        }
    }
}

impl<const W: usize, const K: usize, const U: usize, const HB: usize> Logic for Prepend<W, K, U, HB> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, beat, body, flush, kept, carry);
        self.beat.reset.next = self.reset.val();
        self.body.reset.next = self.reset.val();
        self.flush.reset.next = self.reset.val();
        self.chosen.next = self.layout.val();
        if self.body.q.val() || self.flush.q.val() {
            self.chosen.next = self.kept.q.val();
        }

        // The header's bytes for this beat.
        self.swap.i.next = self.header.val();
        self.header_rest.next = self.swap.o.val();
        self.header_part.next = bits::<W>(0);
        for i in 0..self.number.len() {
            self.header_rest.next = self.swap.o.val() >> self.offset[i].val();
            if self.beat.q.val() == self.number[i].val() {
                self.header_part.next = bit_cast::<W, HB>(self.header_rest.val());
            }
        }

        // What is left of the last beat, this beat's share, and what will be left of it.
        self.in_header.next = false;
        self.carry_part.next = bits::<W>(0);
        self.carry_keep.next = bits::<K>(0);
        self.low_keep.next = bits::<K>(0);
        self.shifted.next = self.rx.payload.val().tdata;
        self.shifted_keep.next = self.rx.payload.val().tkeep;
        self.rest_keep.next = bits::<K>(0);
        for i in 0..self.layout_number.len() {
            if self.chosen.val() == self.layout_number[i].val() {
                self.in_header.next = !self.body.q.val() && (self.beat.q.val() != self.whole[i].val());
                self.carry_part.next = self.carry.q.val().tdata >> self.down[i].val();
                self.carry_keep.next = self.carry.q.val().tkeep >> self.keep_down[i].val();
                if !self.body.q.val() && !self.flush.q.val() {
                    self.carry_part.next = self.header_part.val() & self.low_mask[i].val();
                }
                self.low_keep.next = self.low_ones[i].val();
                self.shifted.next = self.rx.payload.val().tdata << self.up[i].val();
                self.shifted_keep.next = self.rx.payload.val().tkeep << self.keep_up[i].val();
                self.rest_keep.next = self.rx.payload.val().tkeep >> self.keep_down[i].val();
            }
        }

        self.tx.tvalid.next = self.rx.tvalid.val();
        self.rx.tready.next = self.tx.tready.val();
        self.tx.payload.next = self.rx.payload.val();
        if self.flush.q.val() {
            self.tx.tvalid.next = true;
            self.rx.tready.next = false;
            self.tx.payload.next.tuser = self.carry.q.val().tuser;
            self.tx.payload.next.tlast = true;
            self.tx.payload.next.tkeep = self.carry_keep.val();
            self.tx.payload.next.tdata = self.carry_part.val();
            if self.tx.tready.val() {
                self.flush.d.next = false;
            }
        } else if self.in_header.val() {
            self.rx.tready.next = false;
            self.tx.payload.next.tlast = false;
            self.tx.payload.next.tkeep = !bits::<K>(0);
            self.tx.payload.next.tdata = self.header_part.val();
            if self.rx.tvalid.val() && self.tx.tready.val() {
                self.beat.d.next = self.beat.q.val() + 1;
            }
        } else {
            self.tx.payload.next.tlast = self.rx.payload.val().tlast && !self.rest_keep.val().any();
            self.tx.payload.next.tkeep = self.shifted_keep.val() | self.low_keep.val();
            self.tx.payload.next.tdata = self.shifted.val() | self.carry_part.val();
            if self.rx.tvalid.val() && self.tx.tready.val() {
                self.beat.d.next = bits::<8>(0);
                self.body.d.next = !self.rx.payload.val().tlast;
                self.flush.d.next = self.rx.payload.val().tlast && self.rest_keep.val().any();
                self.kept.d.next = self.chosen.val();
                self.carry.d.next = self.rx.payload.val();
            }
        }
    }
}
