//! The register map of the control port: one table, from which the decode, the driver, the C header, the SystemRDL
//! file and the documentation page come.
//!
//! AXI4-Lite, 32 bits of data, 12 bits of address; the two lowest address bits are not looked at.
//! Registers are written as whole words. Answers:
//! * `OKAY` (0) for what succeeds. Write-only registers read as 0; a one written to a write-one-to-clear register clears that bit.
//! * `SLVERR` (2) for a write to a read-only register, or with a byte strobe that is not all ones; nothing changes.
//! * `DECERR` (3) for an address where no register is; reads give 0.

mod generate;

pub use generate::{c_header, json, markdown, systemrdl};

/// Width of the control port's addresses in bits.
pub const ADDRESS_BITS: usize = 12;

/// Value of the register `ID`: "NITR".
pub const ID_VALUE: u32 = 0x4e49_5452;
/// Value of the register `VERSION`: 0.2.0.
pub const VERSION_VALUE: u32 = 0x0000_0200;

/// Who may do what with a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Software reads it.
    ReadOnly,
    /// Software reads and writes it.
    ReadWrite,
    /// Software writes it; it reads as 0.
    WriteOnly,
    /// Software reads it; a one that it writes clears that bit, a zero changes nothing.
    WriteOneToClear,
}

impl Access {
    /// The usual abbreviation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "ro",
            Self::ReadWrite => "rw",
            Self::WriteOnly => "wo",
            Self::WriteOneToClear => "w1c",
        }
    }

    /// A read gives the register's value.
    #[must_use]
    pub const fn reads(self) -> bool {
        !matches!(self, Self::WriteOnly)
    }

    /// A write has an effect.
    #[must_use]
    pub const fn writes(self) -> bool {
        !matches!(self, Self::ReadOnly)
    }
}

/// Bits of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitField {
    /// Name.
    pub name: &'static str,
    /// Highest bit.
    pub high: u8,
    /// Lowest bit.
    pub low: u8,
    /// Value after reset; none where it depends on the configuration or the state.
    pub reset: Option<u32>,
    /// Meaning.
    pub doc: &'static str,
}

impl BitField {
    /// Width in bits.
    #[must_use]
    pub const fn width(&self) -> u8 {
        self.high - self.low + 1
    }

    /// Ones where the field is.
    #[must_use]
    pub const fn mask(&self) -> u32 {
        (u32::MAX >> (31 - self.high)) & (u32::MAX << self.low)
    }

    /// The field's value in a register's value.
    #[must_use]
    pub const fn get(&self, value: u32) -> u32 {
        (value & self.mask()) >> self.low
    }

    /// A register's value with this field's; bits that do not fit are cut off.
    #[must_use]
    pub const fn put(&self, field: u32) -> u32 {
        (field << self.low) & self.mask()
    }
}

/// A register, or an array of registers 4 bytes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Name.
    pub name: &'static str,
    /// Byte address, of the first if an array.
    pub offset: u16,
    /// Registers in the array, 1 for a single one.
    pub count: u16,
    /// Access.
    pub access: Access,
    /// Fields, highest first.
    pub fields: &'static [BitField],
    /// Meaning.
    pub doc: &'static str,
}

impl Register {
    /// Byte address of an element of an array.
    #[must_use]
    pub const fn at(&self, index: u16) -> u16 {
        self.offset + 4 * index
    }

    /// The field of a name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static BitField> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Value after reset, fields that depend on the configuration or the state as 0.
    #[must_use]
    pub fn reset(&self) -> u32 {
        self.fields.iter().fold(0, |value, field| value | field.put(field.reset.unwrap_or(0)))
    }
}

/// Writes a constant for each register, and their list.
macro_rules! registers {
    (@access ro) => { Access::ReadOnly };
    (@access rw) => { Access::ReadWrite };
    (@access wo) => { Access::WriteOnly };
    (@access w1c) => { Access::WriteOneToClear };
    (@reset state) => { None };
    (@reset $value:tt) => { Some($value) };
    ($( $(#[doc = $doc:literal])* $name:ident [$count:literal] @ $offset:literal $access:ident {
        $( $(#[doc = $field_doc:literal])* $field:ident [$high:literal : $low:literal] = $reset:tt, )*
    } )*) => {
        $(
            $(#[doc = $doc])*
            pub const $name: Register = Register {
                name: stringify!($name),
                offset: $offset,
                count: $count,
                access: registers!(@access $access),
                fields: &[$(BitField {
                    name: stringify!($field),
                    high: $high,
                    low: $low,
                    reset: registers!(@reset $reset),
                    doc: concat!($($field_doc),*).trim_ascii(),
                }),*],
                doc: concat!($($doc),*).trim_ascii(),
            };
        )*

        /// All registers, in ascending order of their addresses.
        pub const REGISTERS: &[Register] = &[$($name),*];
    };
}

registers! {
    /// Identification: the letters NITR.
    ID[1] @ 0x000 ro {
        /// Always 0x4e495452.
        id[31:0] = 0x4e49_5452,
    }
    /// Version of the register map. Software that knows a major version works with all its minor ones.
    VERSION[1] @ 0x004 ro {
        /// Major.
        major[31:16] = 0,
        /// Minor.
        minor[15:8] = 2,
        /// Patch.
        patch[7:0] = 0,
    }
    /// Dimensions of this card.
    CAPABILITIES[1] @ 0x008 ro {
        /// Rows of one way of the mapping cache, as a power of two.
        mapping_rows_log2[31:26] = state,
        /// Rows of one way of the local address table, as a power of two.
        local_rows_log2[25:20] = state,
        /// Interfaces.
        enis[19:12] = state,
        /// Width of the packet ports in bits.
        data_width[11:0] = state,
    }
    /// Control.
    CONTROL[1] @ 0x00c rw {
        /// A miss of the mapping cache asks the mapping service; while 0, it is a drop.
        query_on_miss[2:2] = 0,
        /// TCP packets without SYN and without a connection are dropped.
        strict_tcp[1:1] = 0,
        /// Packets are taken in; while 0, neither packet input is ready.
        enable[0:0] = 0,
    }
    /// State of the card.
    STATUS[1] @ 0x010 ro {
        /// Frames that entered the rx path and have no verdict yet.
        rx_held[27:16] = 0,
        /// Frames that entered the tx path and have no verdict yet.
        tx_held[15:4] = 0,
        /// The last MAPPING_COMMAND is being carried out; another one does nothing meanwhile. When it is clear, no packet uses a mapping
        /// that was to end.
        mapping_busy[2:2] = 0,
        /// Security group rules are still read that the last POLICY_COMMIT has replaced; until then their rows must stay.
        policy_busy[1:1] = 0,
        /// The snapshot that COUNTER_SELECT asked for is not ready yet.
        counter_busy[0:0] = 0,
    }
    /// Clocks in a tick, the unit of timeouts: a sixteenth of a second.
    CLOCKS_PER_TICK[1] @ 0x014 rw {
        /// Number of clocks; 0 stands still.
        value[31:0] = 0,
    }
    /// Ticks since reset.
    TIME[1] @ 0x018 ro {
        /// Number of ticks.
        value[23:0] = 0,
    }
    /// Dimensions of this card's policy stages.
    POLICY_CAPABILITIES[1] @ 0x01c ro {
        /// Connections tracked at one time, as a power of two.
        connections_log2[20:16] = state,
        /// Security group rules compared in a clock, as a power of two.
        rules_per_row_log2[11:8] = state,
        /// Rows of a direction's rule memory, as a power of two.
        rule_rows_log2[4:0] = state,
    }
    /// The card's own underlay address, word 0 most significant; IPv4 as v4-mapped.
    UNDERLAY_IP[4] @ 0x020 rw {
        /// 32 bits of the address.
        value[31:0] = 0,
    }
    /// The card's own underlay MAC, first two bytes.
    UNDERLAY_MAC_HI[1] @ 0x030 rw {
        /// First two bytes, the first most significant.
        value[15:0] = 0,
    }
    /// The card's own underlay MAC, last four bytes.
    UNDERLAY_MAC_LO[1] @ 0x034 rw {
        /// Last four bytes.
        value[31:0] = 0,
    }
    /// MAC of the underlay's next hop, first two bytes.
    NEXT_HOP_MAC_HI[1] @ 0x038 rw {
        /// First two bytes, the first most significant.
        value[15:0] = 0,
    }
    /// MAC of the underlay's next hop, last four bytes.
    NEXT_HOP_MAC_LO[1] @ 0x03c rw {
        /// Last four bytes.
        value[31:0] = 0,
    }
    /// MAC that guests see for their gateway, first two bytes.
    GATEWAY_MAC_HI[1] @ 0x040 rw {
        /// First two bytes, the first most significant.
        value[15:0] = 0,
    }
    /// MAC that guests see for their gateway, last four bytes.
    GATEWAY_MAC_LO[1] @ 0x044 rw {
        /// Last four bytes.
        value[31:0] = 0,
    }
    /// Epochs of the two live token keys. To change a key: clear valid, write the key, write the epoch with valid set.
    TOKEN_EPOCH[2] @ 0x050 rw {
        /// Tokens of this epoch are accepted under this slot's key.
        valid[8:8] = 0,
        /// Epoch.
        epoch[7:0] = 0,
    }
    /// Token key of slot 0; word 0 holds the first four bytes, the first most significant.
    TOKEN_KEY_0[4] @ 0x060 wo {
        /// 32 bits of the key.
        value[31:0] = 0,
    }
    /// Token key of slot 1; word 0 holds the first four bytes, the first most significant.
    TOKEN_KEY_1[4] @ 0x070 wo {
        /// 32 bits of the key.
        value[31:0] = 0,
    }
    /// Seed of the hash tables, as TOKEN_KEY_0; to be set before rows are written.
    HASH_KEY[4] @ 0x080 wo {
        /// 32 bits of the key.
        value[31:0] = 0,
    }
    /// Key of the flow hash, as TOKEN_KEY_0.
    FLOW_KEY[4] @ 0x090 wo {
        /// 32 bits of the key.
        value[31:0] = 0,
    }
    /// Row that TABLE_COMMAND writes. In hash tables: way · rows of a way + row.
    TABLE_INDEX[1] @ 0x0a0 rw {
        /// Index of the row.
        index[15:0] = 0,
    }
    /// Writes TABLE_DATA into a table's row at TABLE_INDEX, whole, at the next clock.
    TABLE_COMMAND[1] @ 0x0a4 wo {
        /// 1 interfaces, 2 local addresses, 3 mappings, 4 ACL rules, 5 ACLs, 6 security rules, 7 rule sets, 8 connection limits, 9 allowances; other numbers do nothing.
        table[3:0] = 0,
    }
    /// Makes all ACLs and rule sets that were written since count at once, between two packets.
    POLICY_COMMIT[1] @ 0x0a8 wo {
        /// Not looked at.
        value[31:0] = 0,
    }
    /// Takes a snapshot of one counter into the four words below.
    COUNTER_SELECT[1] @ 0x0b0 wo {
        /// Interface, if `of_eni` is set.
        eni[23:16] = 0,
        /// A counter of an interface, not of a path; it has no bytes.
        of_eni[9:9] = 0,
        /// 0 tx path, 1 rx path.
        bank[8:8] = 0,
        /// Of a path: 0 passed, drop reasons by code, 61 made, 62 replied, 63 received. Of an interface: see its counters.
        index[5:0] = 0,
    }
    /// Snapshot: packets, low word. Of a gauge: its value.
    COUNTER_PACKETS_LO[1] @ 0x0b4 ro {
        /// Bits 31 to 0.
        value[31:0] = 0,
    }
    /// Snapshot: packets, high word.
    COUNTER_PACKETS_HI[1] @ 0x0b8 ro {
        /// Bits 63 to 32.
        value[31:0] = 0,
    }
    /// Snapshot: bytes, low word.
    COUNTER_BYTES_LO[1] @ 0x0bc ro {
        /// Bits 31 to 0.
        value[31:0] = 0,
    }
    /// Snapshot: bytes, high word.
    COUNTER_BYTES_HI[1] @ 0x0c0 ro {
        /// Bits 63 to 32.
        value[31:0] = 0,
    }
    /// What has happened since it was last cleared. What happens in the clock in which it is cleared is not lost.
    INTERRUPT_CAUSE[1] @ 0x0c8 w1c {
        /// A frame was dropped because it arrived damaged or cut off.
        stream_error[7:7] = 0,
        /// A packet was dropped because the mapping service did not answer in time.
        mapping_timeout[6:6] = 0,
        /// A packet was dropped because too many wait for mappings.
        miss_buffer_full[5:5] = 0,
        /// A packet was dropped because too many new flows wait for their rule scan.
        new_flow_queue_full[4:4] = 0,
        /// A packet was dropped because its interface is over one of its allowances: see the interfaces' counters.
        allowance_exceeded[3:3] = 0,
        /// A packet was dropped because the connection table is full.
        conntrack_full[2:2] = 0,
        /// What the last POLICY_COMMIT has replaced is read no more.
        commit_done[1:1] = 0,
        /// All tables and counters have been cleared after reset.
        tables_ready[0:0] = 0,
    }
    /// Causes that do not interrupt: the interrupt is high while any other one is set.
    INTERRUPT_MASK[1] @ 0x0cc rw {
        /// A bit for each cause, at its place in INTERRUPT_CAUSE.
        masked[7:0] = 0xff,
    }
    /// Seed of connection tracking's hash, as TOKEN_KEY_0; to be set before packets are taken in.
    CONNTRACK_KEY[4] @ 0x0d0 wo {
        /// 32 bits of the key.
        value[31:0] = 0,
    }
    /// Key of the mappings that MAPPING_COMMAND ends: word 0 VNI (31:8) and route table (7:0), words 1 to 4 the address, its first four
    /// bytes first, IPv4 as v4-mapped.
    MAPPING_KEY[5] @ 0x0e0 wo {
        /// 32 bits of the key.
        value[31:0] = 0,
    }
    /// Version of which older mappings MAPPING_COMMAND ends. Older are the 32,767 versions before it; versions wrap.
    MAPPING_VERSION[1] @ 0x0f4 wo {
        /// Version.
        version[15:0] = 0,
    }
    /// Ends mappings; STATUS.mapping_busy says until when. Mappings that rows were written for, too.
    MAPPING_COMMAND[1] @ 0x0f8 wo {
        /// 1 that of MAPPING_KEY, 2 all of the VNI in MAPPING_KEY, 3 all older than MAPPING_VERSION; 0 does nothing.
        which[1:0] = 0,
    }
    /// Row to be written, word 0 least significant.
    TABLE_DATA[20] @ 0x100 wo {
        /// 32 bits of the row.
        value[31:0] = 0,
    }
}

/// The register at a byte address and its index in its array.
#[must_use]
pub fn find(address: u16) -> Option<(&'static Register, u16)> {
    let word = address & !3;
    REGISTERS.iter().find_map(|register| {
        let index = word.checked_sub(register.offset)? / 4;
        (index < register.count).then_some((register, index))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_ascend_without_overlap() {
        let mut end = 0;
        for register in REGISTERS {
            assert!(register.offset >= end && register.offset % 4 == 0, "{}", register.name);
            end = register.at(register.count);
            assert!(end <= 1 << ADDRESS_BITS);
            let mut above = 32;
            for field in register.fields {
                assert!(field.high < above && field.low <= field.high, "{}.{}", register.name, field.name);
                assert_eq!(field.get(field.put(field.reset.unwrap_or(0))), field.reset.unwrap_or(0));
                assert!(field.doc.ends_with('.'), "{}.{}", register.name, field.name);
                above = field.low;
            }
        }
    }

    #[test]
    fn constants_agree_with_the_table() {
        assert_eq!(ID.reset(), ID_VALUE);
        assert_eq!(VERSION.reset(), VERSION_VALUE);
        assert_eq!(u32::from_be_bytes(*b"NITR"), ID_VALUE);
    }

    #[test]
    fn addresses_find_their_register() {
        assert_eq!(find(0x00e), Some((&CONTROL, 0)));
        assert_eq!(find(TABLE_DATA.at(19)), Some((&TABLE_DATA, 19)));
        assert_eq!(find(TABLE_DATA.at(20)), None);
        assert_eq!(find(0x048), None);
        assert_eq!(find(0xffc), None);
    }
}
