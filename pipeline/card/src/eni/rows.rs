//! The ENI table: what each ENI's row says, read within the clock.
//!
//! Ports: `table` (writes to all tables), `number`, `row`, `ready`. Latency: 0 clocks from a number to its row; a written row
//! is seen from the next clock on. A number beyond the table is no ENI's. After reset the rows are cleared, one a clock;
//! `ready` says that this is done.

use nitro_components::ram_distributed::RamDistributed;
use nitro_components::register::Register;
use nitro_components::stream::FlowRx;
use nitro_components::wires::Cast;
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::Table;
use rust_hdl::prelude::*;

use crate::format::EniRow;
use crate::table::{ENI_ROW, TableWrite};

/// Rows of `2^EA` ENIs.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct EniRows<const EA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Writes to all tables.
    pub table: FlowRx<TableWrite>,
    /// Number of an ENI.
    pub number: Signal<In, Bits<8>>,
    /// The row of its low bits.
    pub row: Signal<Out, EniRow>,
    /// The table has a row of that number.
    pub in_range: Signal<Out, Bit>,
    /// The table has been cleared after reset.
    pub ready: Signal<Out, Bit>,
    clearing: Register<Bit>,
    clear_row: Register<Bits<EA>>,
    rows: RamDistributed<EniRow, EA>,
    image: Cast<Bits<ENI_ROW>, EniRow>,
    eni_table: Constant<Bits<4>>,
    no_row: Constant<EniRow>,
}

impl<const EA: usize> Default for EniRows<EA> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            table: FlowRx::default(),
            number: Signal::default(),
            row: Signal::default(),
            in_range: Signal::default(),
            ready: Signal::default(),
            clearing: Register::new(true),
            clear_row: Register::default(),
            rows: RamDistributed::default(),
            image: Cast::default(),
            eni_table: Constant::new(Table::Eni.code().to_bits()),
            no_row: Constant::new(EniRow::default()),
        }
    }
}

impl<const EA: usize> Logic for EniRows<EA> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, clearing, clear_row);
        clock!(self, clock, rows);
        self.clearing.reset.next = self.reset.val();
        self.clear_row.reset.next = self.reset.val();

        self.image.i.next = self.table.payload.val().data.get_bits::<ENI_ROW>(0);
        self.rows.write_data.next = self.image.o.val();
        self.rows.write_address.next = bit_cast::<EA, 16>(self.table.payload.val().index);
        self.rows.write_enable.next =
            self.table.tvalid.val() && (self.table.payload.val().table == self.eni_table.val());

        self.ready.next = !self.clearing.q.val();
        if self.clearing.q.val() {
            self.rows.write_data.next = self.no_row.val();
            self.rows.write_address.next = self.clear_row.q.val();
            self.rows.write_enable.next = true;
            self.clear_row.d.next = self.clear_row.q.val() + 1;
            if self.clear_row.q.val().all() {
                self.clearing.d.next = false;
            }
        }

        self.rows.read_address.next = bit_cast::<EA, 8>(self.number.val());
        self.row.next = self.rows.read_data.val();
        self.in_range.next = bit_cast::<8, EA>(bit_cast::<EA, 8>(self.number.val())) == self.number.val();
    }
}
