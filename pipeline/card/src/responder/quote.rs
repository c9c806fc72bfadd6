//! Cuts out of a frame what an ICMP error quotes of it, and adds it up.
//!
//! Ports: `rx` (the frame's first beats, at most [`FETCHED`] bytes of it), `tagged`, `source`, `destination` (of the message, from a clock
//! after the first beat on), `quote`, `quoted`, `is_ipv6`, `sum`, `addresses`, `done`, `release`. Latency: [`STEPS`] clocks from the last
//! beat to `done`, if [`FETCHED`] bytes came; else as many more as beats are missing. All outputs stay until `release`, before which no
//! other frame is taken.
//!
//! IPv4: header and 8 bytes (RFC 792). IPv6: what the parser looked at (RFC 4443, section 2.4). Never beyond the datagram.

use nitro_components::register::Register;
use nitro_components::stream::{Beat, StreamRx};
use nitro_components::wires::SwapBytes;
use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::record::PARSE_WINDOW_BYTES;
use crate::responder::sum::AddressSum;

/// Bytes of a frame that are looked at: the parser's, rounded up to beats of the widest port.
pub const FETCHED: usize = 192;
/// [`FETCHED`] in bits.
const WINDOW: usize = 8 * FETCHED;
/// Width of the longest quote: all that the parser has of a datagram in a frame without tag.
pub const QUOTE: usize = 8 * (PARSE_WINDOW_BYTES - 14);
/// Clocks from the last beat to `done`: see the steps below.
pub const STEPS: usize = 18;
/// [`QUOTE`], rounded up to what is added up in a clock.
const REST: usize = 1280;

const _: () = assert!(QUOTE == 1168 && QUOTE <= REST && WINDOW >= QUOTE + 144);

/// Cuts a quote out of a frame on a `W`-bit port.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Quote<const W: usize, const K: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// The frame's beginning.
    pub rx: StreamRx<Beat<W, K, 8>>,
    /// It has an 802.1Q tag.
    pub tagged: Signal<In, Bit>,
    /// Source of the message, to be added up too.
    pub source: Signal<In, Bits<128>>,
    /// Destination of the message.
    pub destination: Signal<In, Bits<128>>,
    /// The quote, its first byte most significant, zeros behind it.
    pub quote: Signal<Out, Bits<QUOTE>>,
    /// Its length in bytes.
    pub quoted: Signal<Out, Bits<8>>,
    /// The datagram is IPv6.
    pub is_ipv6: Signal<Out, Bit>,
    /// Sum of the quote's words.
    pub sum: Signal<Out, Bits<24>>,
    /// Sum of the words of source and destination.
    pub addresses: Signal<Out, Bits<24>>,
    /// All that is there, for one clock.
    pub done: Signal<Out, Bit>,
    /// The quote is not needed any more.
    pub release: Signal<In, Bit>,
    swap: SwapBytes<W>,
    window: DFF<Bits<WINDOW>>,
    count: Register<Bits<8>>,
    ended: Register<Bit>,
    step: Register<Bits<8>>,
    part: DFF<Bits<QUOTE>>,
    rest: DFF<Bits<REST>>,
    adder: AddressSum,
    quoted_q: DFF<Bits<8>>,
    is_ipv6_q: DFF<Bit>,
    sum_q: DFF<Bits<24>>,
    addresses_q: DFF<Bits<24>>,
    full: Signal<Local, Bit>,
    shifts: Signal<Local, Bit>,
    new_bytes: Signal<Local, Bits<W>>,
    shifted: Signal<Local, Bits<WINDOW>>,
    length: Signal<Local, Bits<16>>,
    limit: Signal<Local, Bits<16>>,
    beats: Constant<Bits<8>>,
    width: Constant<Bits<16>>,
    last_step: Constant<Bits<8>>,
    limit6: Constant<Bits<16>>,
    limit6_tagged: Constant<Bits<16>>,
    ones: Constant<Bits<QUOTE>>,
}

impl<const W: usize, const K: usize> Default for Quote<W, K> {
    /// # Panics
    /// If the bytes looked at are not a whole number of beats.
    fn default() -> Self {
        assert!(W == 8 * K && WINDOW.is_multiple_of(W), "{FETCHED} bytes are no beats of {K} bytes");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: StreamRx::default(),
            tagged: Signal::default(),
            source: Signal::default(),
            destination: Signal::default(),
            quote: Signal::default(),
            quoted: Signal::default(),
            is_ipv6: Signal::default(),
            sum: Signal::default(),
            addresses: Signal::default(),
            done: Signal::default(),
            release: Signal::default(),
            swap: SwapBytes::default(),
            window: DFF::default(),
            count: Register::default(),
            ended: Register::default(),
            step: Register::default(),
            part: DFF::default(),
            rest: DFF::default(),
            adder: AddressSum::default(),
            quoted_q: DFF::default(),
            is_ipv6_q: DFF::default(),
            sum_q: DFF::default(),
            addresses_q: DFF::default(),
            full: Signal::default(),
            shifts: Signal::default(),
            new_bytes: Signal::default(),
            shifted: Signal::default(),
            length: Signal::default(),
            limit: Signal::default(),
            beats: Constant::new((WINDOW / W).to_bits()),
            width: Constant::new(W.to_bits()),
            last_step: Constant::new((STEPS - 1).to_bits()),
            limit6: Constant::new((QUOTE / 8).to_bits()),
            limit6_tagged: Constant::new((QUOTE / 8 - 4).to_bits()),
            ones: Constant::new(!Bits::<QUOTE>::default()),
        }
    }
}

impl<const W: usize, const K: usize> Logic for Quote<W, K> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, adder);
        dff_setup!(self, clock, window, count, ended, step, part, rest, quoted_q, is_ipv6_q, sum_q, addresses_q);
        self.count.reset.next = self.reset.val();
        self.ended.reset.next = self.reset.val();
        self.step.reset.next = self.reset.val();

        // The frame's bytes, and zeros behind a short one.
        self.rx.tready.next = !self.ended.q.val();
        self.full.next = self.ended.q.val() && (self.count.q.val() == self.beats.val());
        self.shifts.next = (self.rx.tvalid.val() && !self.ended.q.val()) || (self.ended.q.val() && !self.full.val());
        self.swap.i.next = self.rx.payload.val().tdata;
        self.new_bytes.next = bits::<W>(0);
        if !self.ended.q.val() {
            self.new_bytes.next = self.swap.o.val();
        }
        self.shifted.next = (self.window.q.val() << self.width.val()) | bit_cast::<WINDOW, W>(self.new_bytes.val());
        if self.shifts.val() {
            self.window.d.next = self.shifted.val();
            self.count.d.next = self.count.q.val() + 1;
        }
        if self.rx.tvalid.val() && !self.ended.q.val() && self.rx.payload.val().tlast {
            self.ended.d.next = true;
        }

        // Step 0: the datagram. Step 1: how much of it. Step 2: no more than that. Steps 3 and 4: the addresses; steps 5 to 14: 16
        // bytes of the quote each. Sums come 2 clocks later, the last one with step 16.
        if self.full.val() && (self.step.q.val() <= self.last_step.val()) {
            self.step.d.next = self.step.q.val() + 1;
        }
        if self.full.val() && (self.step.q.val() == bits::<8>(0)) {
            self.part.d.next = self.window.q.val().get_bits::<QUOTE>(256);
            if self.tagged.val() {
                self.part.d.next = self.window.q.val().get_bits::<QUOTE>(224);
            }
            self.sum_q.d.next = bits::<24>(0);
            self.addresses_q.d.next = bits::<24>(0);
        }
        self.length.next = self.part.q.val().get_bits::<16>(1136);
        self.limit.next = (bit_cast::<16, 4>(self.part.q.val().get_bits::<4>(1160)) << 2) + 8;
        if self.part.q.val().get_bit(1165) {
            // Version 6, so the length is that of the payload.
            self.length.next = self.part.q.val().get_bits::<16>(1120) + 40;
            self.limit.next = self.limit6.val();
            if self.tagged.val() {
                self.limit.next = self.limit6_tagged.val();
            }
        }
        if self.step.q.val() == bits::<8>(1) {
            self.is_ipv6_q.d.next = self.part.q.val().get_bit(1165);
            self.quoted_q.d.next = bit_cast::<8, 16>(self.limit.val());
            if self.length.val() < self.limit.val() {
                self.quoted_q.d.next = bit_cast::<8, 16>(self.length.val());
            }
        }
        if self.step.q.val() == bits::<8>(2) {
            self.part.d.next =
                self.part.q.val() & !(self.ones.val() >> (bit_cast::<16, 8>(self.quoted_q.q.val()) << 3));
        }
        if self.step.q.val() == bits::<8>(3) {
            self.rest.d.next = bit_cast::<REST, QUOTE>(self.part.q.val()) << 112;
        } else if self.step.q.val() > bits::<8>(4) {
            self.rest.d.next = self.rest.q.val() << 128;
        }
        self.adder.ip.next = self.rest.q.val().get_bits::<128>(1152);
        if self.step.q.val() == bits::<8>(3) {
            self.adder.ip.next = self.source.val();
        } else if self.step.q.val() == bits::<8>(4) {
            self.adder.ip.next = self.destination.val();
        }
        if (self.step.q.val() == bits::<8>(5)) || (self.step.q.val() == bits::<8>(6)) {
            self.addresses_q.d.next = self.addresses_q.q.val() + self.adder.sum.val();
        } else if (self.step.q.val() > bits::<8>(6)) && (self.step.q.val() < self.last_step.val()) {
            self.sum_q.d.next = self.sum_q.q.val() + self.adder.sum.val();
        }
        self.done.next = self.step.q.val() == self.last_step.val();
        if self.release.val() {
            self.ended.d.next = false;
            self.count.d.next = bits::<8>(0);
            self.step.d.next = bits::<8>(0);
        }

        self.quote.next = self.part.q.val();
        self.quoted.next = self.quoted_q.q.val();
        self.is_ipv6.next = self.is_ipv6_q.q.val();
        self.sum.next = self.sum_q.q.val();
        self.addresses.next = self.addresses_q.q.val();
    }
}
