//! Which rows count for an interface: the sets of one direction, each in two copies.
//!
//! Ports: `table`, `commit`; `eni`, `set`. Latency: none, `set` is of this clock; a commit shows in the next clock.
//!
//! A write goes to the copy that does not count. A commit turns those of all interfaces around that were written since the last one, in one
//! clock; a write in the clock of a commit belongs to the next. After reset no set counts, whatever the copies hold.

use nitro_components::ram_distributed::RamDistributed;
use nitro_components::register::Register;
use nitro_components::stream::FlowRx;
use nitro_components::wires::Cast;
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::Table;
use nitro_wire::policy::Direction;
use nitro_wire::tables::SECURITY_SET_ROW;
use rust_hdl::prelude::*;

use crate::format::SecuritySetRow;
use crate::table::TableWrite;

/// Width of a set as software writes it.
pub const SET_ROW: usize = SECURITY_SET_ROW.bits;

/// The sets of `2^EA` interfaces in one direction.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct RuleSets<const EA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Writes to all tables.
    pub table: FlowRx<TableWrite>,
    /// What was written in earlier clocks counts from the next one on.
    pub commit: Signal<In, Bit>,
    /// An interface.
    pub eni: Signal<In, Bits<8>>,
    /// Its set; none, of no rows, if the card has no such interface or nothing was committed for it.
    pub set: Signal<Out, SecuritySetRow>,
    image: Cast<Bits<SET_ROW>, SecuritySetRow>,
    even: RamDistributed<SecuritySetRow, EA>,
    odd: RamDistributed<SecuritySetRow, EA>,
    /// The odd copy counts.
    is_odd: Vec<Register<Bit>>,
    /// The other copy was written since the last commit.
    is_staged: Vec<Register<Bit>>,
    /// A set was committed.
    is_valid: Vec<Register<Bit>>,
    is_write: Signal<Local, Bit>,
    is_written: Signal<Local, Bit>,
    turns: Signal<Local, Bit>,
    write_odd: Signal<Local, Bit>,
    write_even: Signal<Local, Bit>,
    read_valid: Signal<Local, Bit>,
    read_odd: Signal<Local, Bit>,
    number: Vec<Constant<Bits<8>>>,
    set_table: Constant<Bits<4>>,
    direction: Constant<Bits<8>>,
    nothing: Constant<SecuritySetRow>,
}

impl<const EA: usize> RuleSets<EA> {
    /// The sets of a direction.
    ///
    /// # Panics
    /// If there are more than 256 interfaces.
    #[must_use]
    pub fn new(direction: Direction) -> Self {
        assert!(EA <= 8, "2^{EA} interfaces have more numbers than 8 bits");
        let registers = || (0..1_usize << EA).map(|_| Register::default()).collect();
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            table: FlowRx::default(),
            commit: Signal::default(),
            eni: Signal::default(),
            set: Signal::default(),
            image: Cast::default(),
            even: RamDistributed::default(),
            odd: RamDistributed::default(),
            is_odd: registers(),
            is_staged: registers(),
            is_valid: registers(),
            is_write: Signal::default(),
            is_written: Signal::default(),
            turns: Signal::default(),
            write_odd: Signal::default(),
            write_even: Signal::default(),
            read_valid: Signal::default(),
            read_odd: Signal::default(),
            number: (0..1_usize << EA).map(|number| Constant::new(number.to_bits())).collect(),
            set_table: Constant::new(Table::SecuritySet.code().to_bits()),
            direction: Constant::new(direction.code().to_bits()),
            nothing: Constant::new(SecuritySetRow::default()),
        }
    }
}

impl<const EA: usize> Logic for RuleSets<EA> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, even, odd);
        self.is_write.next = self.table.tvalid.val()
            && (self.table.payload.val().table == self.set_table.val())
            && (self.table.payload.val().index.get_bits::<8>(8) == self.direction.val());
        self.write_odd.next = false;
        self.write_even.next = false;
        self.read_valid.next = false;
        self.read_odd.next = false;
        for i in 0..self.number.len() {
            self.is_odd[i].clock.next = self.clock.val();
            self.is_odd[i].reset.next = self.reset.val();
            self.is_staged[i].clock.next = self.clock.val();
            self.is_staged[i].reset.next = self.reset.val();
            self.is_valid[i].clock.next = self.clock.val();
            self.is_valid[i].reset.next = self.reset.val();
            self.is_written.next =
                self.is_write.val() && (self.table.payload.val().index.get_bits::<8>(0) == self.number[i].val());
            self.turns.next = self.commit.val() && self.is_staged[i].q.val();
            self.is_odd[i].d.next = self.is_odd[i].q.val() ^ self.turns.val();
            self.is_valid[i].d.next = self.is_valid[i].q.val() || self.turns.val();
            self.is_staged[i].d.next = self.is_written.val() || (self.is_staged[i].q.val() && !self.commit.val());
            // Never the copy that counts in the next clock.
            if self.is_written.val() {
                self.write_odd.next = !(self.is_odd[i].q.val() ^ self.turns.val());
                self.write_even.next = self.is_odd[i].q.val() ^ self.turns.val();
            }
            if self.eni.val() == self.number[i].val() {
                self.read_valid.next = self.is_valid[i].q.val();
                self.read_odd.next = self.is_odd[i].q.val();
            }
        }

        self.image.i.next = self.table.payload.val().data.get_bits::<SET_ROW>(0);
        self.even.write_address.next = bit_cast::<EA, 16>(self.table.payload.val().index);
        self.even.write_data.next = self.image.o.val();
        self.even.write_enable.next = self.write_even.val();
        self.odd.write_address.next = bit_cast::<EA, 16>(self.table.payload.val().index);
        self.odd.write_data.next = self.image.o.val();
        self.odd.write_enable.next = self.write_odd.val();

        self.even.read_address.next = bit_cast::<EA, 8>(self.eni.val());
        self.odd.read_address.next = bit_cast::<EA, 8>(self.eni.val());
        self.set.next = self.nothing.val();
        if self.read_valid.val() {
            if self.read_odd.val() {
                self.set.next = self.odd.read_data.val();
            } else {
                self.set.next = self.even.read_data.val();
            }
        }
    }
}
