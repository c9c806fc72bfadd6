//! A write to one of the card's tables: what the control port's table window sends to every path.

use nitro_netlist::Record;
use rust_hdl::prelude::*;

/// Number of the ENI table (rows: `nitro_wire`'s `EniRow`, index: the ENI).
pub const TABLE_ENI: u64 = 1;
/// Number of the local-address table (key `LocalKey`, value `LocalValue`).
pub const TABLE_LOCAL: u64 = 2;
/// Number of the mapping cache (key `MappingKey`, value `MappingValue`).
pub const TABLE_MAPPING: u64 = 3;

/// One row for one table. It takes effect at the next clock, between two packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct TableWrite {
    /// Which table ([`TABLE_ENI`], [`TABLE_LOCAL`], [`TABLE_MAPPING`]).
    pub table: Bits<4>,
    /// Row: the ENI's number, or way · 2^A + row of a hash table with 2^A rows in each of its four ways.
    pub index: Bits<16>,
    /// The row's image, in the low bits. Hash tables: `{valid, key, value}`, first field most significant.
    pub data: Bits<640>,
}
