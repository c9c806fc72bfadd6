//! The buckets of packets to link-local services, one for each interface.
//!
//! Ports: `table` (allowances), `now`, `eni`, `filled` (the bucket of `eni` holds a packet), `take`. Latency: `filled` follows `eni`
//! within the clock; a packet that is taken is missing from the next clock on, a tick's share is there 1 clock after `now` has
//! changed.
//!
//! A bucket is counted in sixteenths of packets, so nothing is ever rounded: a tick, a sixteenth of a second, adds as many of them
//! as packets are allowed in a second, up to a whole second's; a packet takes 16. Writing an allowance fills its bucket. Without
//! one, as after reset, nothing passes.
//!
//! All buckets get their share in the same clock. That costs an adder and a comparator for each, but no walk over them, during
//! which some would be of the last tick, and no multiplication for ticks that were missed.

use nitro_components::register::Register;
use nitro_components::stream::FlowRx;
use nitro_components::wires::Cast;
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::Table;
use nitro_wire::policy::TICKS_PER_SECOND;
use rust_hdl::prelude::*;

use crate::format::AllowanceRow;
use crate::table::TableWrite;

/// Bits of an allowance.
const RATE: usize = nitro_wire::tables::ALLOWANCE_ROW.bits;
/// Bits of a bucket.
const LEVEL: usize = RATE + TICKS_PER_SECOND.trailing_zeros() as usize;
/// Bits of a bucket and a tick's share.
const SUM: usize = LEVEL + 1;

const _: () = assert!(TICKS_PER_SECOND == 16, "levels are shifted by four bits");

/// Buckets of `2^EA` interfaces (`EA` at most 8).
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Buckets<const EA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Writes to all tables.
    pub table: FlowRx<TableWrite>,
    /// The present tick.
    pub now: Signal<In, Bits<24>>,
    /// The interface of a packet.
    pub eni: Signal<In, Bits<8>>,
    /// Its bucket holds a packet.
    pub filled: Signal<Out, Bit>,
    /// Take one out of it; only if there is one.
    pub take: Signal<In, Bit>,
    rates: Vec<Register<Bits<RATE>>>,
    levels: Vec<Register<Bits<LEVEL>>>,
    last: Register<Bits<24>>,
    cast: Cast<Bits<RATE>, AllowanceRow>,
    written: Signal<Local, Bit>,
    refill: Signal<Local, Bit>,
    rate: Signal<Local, Bits<RATE>>,
    present: Signal<Local, Bits<LEVEL>>,
    level: Signal<Local, Bits<LEVEL>>,
    full: Signal<Local, Bits<LEVEL>>,
    sum: Signal<Local, Bits<SUM>>,
    number: Vec<Constant<Bits<8>>>,
    row: Vec<Constant<Bits<16>>>,
    table_number: Constant<Bits<4>>,
}

impl<const EA: usize> Default for Buckets<EA> {
    /// # Panics
    /// If there are more interfaces than numbers for them.
    fn default() -> Self {
        assert!(EA <= 8, "2^{EA} interfaces have no numbers of eight bits");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            table: FlowRx::default(),
            now: Signal::default(),
            eni: Signal::default(),
            filled: Signal::default(),
            take: Signal::default(),
            rates: (0..1 << EA).map(|_| Register::default()).collect(),
            levels: (0..1 << EA).map(|_| Register::default()).collect(),
            last: Register::default(),
            cast: Cast::default(),
            written: Signal::default(),
            refill: Signal::default(),
            rate: Signal::default(),
            present: Signal::default(),
            level: Signal::default(),
            full: Signal::default(),
            sum: Signal::default(),
            number: (0..1_usize << EA).map(|number| Constant::new(number.to_bits())).collect(),
            row: (0..1_usize << EA).map(|number| Constant::new(number.to_bits())).collect(),
            table_number: Constant::new(Table::Allowance.code().to_bits()),
        }
    }
}

impl<const EA: usize> Logic for Buckets<EA> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, last);
        self.last.reset.next = self.reset.val();
        self.last.d.next = self.now.val();
        self.refill.next = self.now.val() != self.last.q.val();
        self.written.next = self.table.tvalid.val() && (self.table.payload.val().table == self.table_number.val());
        self.cast.i.next = self.table.payload.val().data.get_bits::<RATE>(0);
        self.filled.next = false;
        for i in 0..self.levels.len() {
            self.rates[i].clock.next = self.clock.val();
            self.rates[i].reset.next = self.reset.val();
            self.rates[i].d.next = self.rates[i].q.val();
            self.levels[i].clock.next = self.clock.val();
            self.levels[i].reset.next = self.reset.val();

            self.rate.next = self.rates[i].q.val();
            self.full.next = bit_cast::<LEVEL, RATE>(self.rate.val()) << 4;
            self.present.next = self.levels[i].q.val();
            self.level.next = self.present.val();
            if self.eni.val() == self.number[i].val() {
                // 16 sixteenths are there if any bit above the four lowest is.
                self.filled.next = (self.present.val() >> 4).any();
                if self.take.val() {
                    self.level.next = self.present.val() - 16;
                }
            }
            self.sum.next = bit_cast::<SUM, LEVEL>(self.level.val()) + bit_cast::<SUM, RATE>(self.rate.val());
            if self.refill.val() {
                self.level.next = self.full.val();
                if self.sum.val() < bit_cast::<SUM, LEVEL>(self.full.val()) {
                    self.level.next = bit_cast::<LEVEL, SUM>(self.sum.val());
                }
            }
            self.levels[i].d.next = self.level.val();
            if self.written.val() && (self.table.payload.val().index == self.row[i].val()) {
                self.rates[i].d.next = self.cast.o.val().linklocal;
                self.levels[i].d.next = bit_cast::<LEVEL, RATE>(self.cast.o.val().linklocal) << 4;
            }
        }
    }
}
