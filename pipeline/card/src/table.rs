//! A write to one of the card's tables: what the control port's table window sends to every path.

use nitro_components::hash_table::HashEntry;
use nitro_components::stream::FlowRx;
use nitro_components::wires::Cast;
use nitro_netlist::{Pack, Ports, Record, hdl_gen};
use nitro_wire::{Table, tables};
use rust_hdl::prelude::*;

/// One row for one table. It takes effect at the next clock, between two packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct TableWrite {
    /// Which table ([`nitro_wire::Table`]).
    pub table: Bits<4>,
    /// Row: the ENI's number, or way · 2^A + row of a hash table with 2^A rows in each of its four ways.
    pub index: Bits<16>,
    /// The row's image, in the low bits. Hash tables: `{valid, key, value}`, first field most significant.
    pub data: Bits<640>,
}

/// Width of [`EniRow`](crate::format::EniRow).
pub const ENI_ROW: usize = tables::ENI_ROW.bits;
/// Width of [`LocalKey`](crate::format::LocalKey).
pub const LOCAL_KEY: usize = tables::LOCAL_KEY.bits;
/// Width of [`LocalValue`](crate::format::LocalValue).
pub const LOCAL_VALUE: usize = tables::LOCAL_VALUE.bits;
/// Width of [`MappingKey`](crate::format::MappingKey).
pub const MAPPING_KEY: usize = tables::MAPPING_KEY.bits;
/// Width of [`MappingValue`](crate::format::MappingValue).
pub const MAPPING_VALUE: usize = tables::MAPPING_VALUE.bits;
/// Width of the message that a hash table hashes of a [`LocalKey`](crate::format::LocalKey).
pub const LOCAL_MESSAGE: usize = 64 * (LOCAL_KEY.div_ceil(64) + 1);
/// Width of the message that a hash table hashes of a [`MappingKey`](crate::format::MappingKey).
pub const MAPPING_MESSAGE: usize = 64 * (MAPPING_KEY.div_ceil(64) + 1);
/// Width of a row of the local-address table.
pub const LOCAL_ROW: usize = tables::LOCAL_ROW.bits;
/// Width of a row of the mapping cache.
pub const MAPPING_ROW: usize = tables::MAPPING_ROW.bits;

/// Picks the writes to one hash table of four ways of `2^A` rows; `R` is the width of a row. No clock: combinational.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct HashWrite<T: Pack, const K: usize, const A: usize, const R: usize> {
    /// Writes to all tables.
    pub rx: FlowRx<TableWrite>,
    /// This one is for the table.
    pub write_enable: Signal<Out, Bit>,
    /// Way to write.
    pub write_way: Signal<Out, Bits<2>>,
    /// Row to write.
    pub write_row: Signal<Out, Bits<A>>,
    /// The new entry.
    pub write_entry: Signal<Out, HashEntry<T, K>>,
    entry: Cast<Bits<R>, HashEntry<T, K>>,
    number: Constant<Bits<4>>,
    row_bits: Constant<Bits<16>>,
}

impl<T: Pack, const K: usize, const A: usize, const R: usize> HashWrite<T, K, A, R> {
    /// For the table of this number.
    ///
    /// # Panics
    /// If a row of `R` bits is not an entry of `K` bits of key and a `T`.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self {
            rx: FlowRx::default(),
            write_enable: Signal::default(),
            write_way: Signal::default(),
            write_row: Signal::default(),
            write_entry: Signal::default(),
            entry: Cast::default(),
            number: Constant::new(table.code().to_bits()),
            row_bits: Constant::new(A.to_bits()),
        }
    }
}

impl<T: Pack, const K: usize, const A: usize, const R: usize> Logic for HashWrite<T, K, A, R> {
    #[hdl_gen]
    fn update(&mut self) {
        self.entry.i.next = self.rx.payload.val().data.get_bits::<R>(0);
        self.write_entry.next = self.entry.o.val();
        self.write_row.next = bit_cast::<A, 16>(self.rx.payload.val().index);
        self.write_way.next = bit_cast::<2, 16>(self.rx.payload.val().index >> self.row_bits.val());
        self.write_enable.next = self.rx.tvalid.val() && (self.rx.payload.val().table == self.number.val());
    }
}
