//! Every component in several widths, by name.

use nitro_netlist::Record;
use nitro_simulator::BlockEntry;
use rust_hdl::prelude::*;

use crate::arbiter::Arbiter;
use crate::cell_memory::CellMemory;
use crate::counter_bank::CounterBank;
use crate::credit_gate::CreditGate;
use crate::cuckoo::Cuckoo;
use crate::cuckoo::stash::Stash;
use crate::delay::{Delay, DelayRam};
use crate::demux::Demux;
use crate::dispatch::Dispatch;
use crate::fifo::Fifo;
use crate::fifo_block::FifoBlock;
use crate::flow_fifo::{FlowFifo, FlowFifoBlock};
use crate::hash_table::HashTable;
use crate::join::Join;
use crate::keep::KeepCount;
use crate::key_hash::KeyHash;
use crate::merge::Merge;
use crate::overlay::Overlay;
use crate::packet_fifo::PacketFifo;
use crate::prepend::Prepend;
use crate::ram::Ram;
use crate::ram_byte_enable::RamByteEnable;
use crate::ram_distributed::RamDistributed;
use crate::ram_single::RamSingle;
use crate::ram_true_dual::RamTrueDual;
use crate::register::Register;
use crate::rom::Rom;
use crate::siphash::SipHash;
use crate::spill::Spill;
use crate::split::Split;
use crate::stream::Beat;
use crate::strip::Strip;
use crate::wires::{Cast, SwapBytes, Wires};

/// Lengths of headers in the card: Ethernet, and the four layouts of the overlay over IPv4 and IPv6.
pub const HEADER_LENGTHS: [usize; 4] = [14, 70, 90, 64];

/// A record for blocks that carry any type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Sample {
    /// A narrow field.
    pub kind: Bits<3>,
    /// A flag.
    pub flag: Bit,
    /// A wide field.
    pub number: Bits<44>,
}

/// One entry for each component and width.
#[must_use]
pub fn catalogue() -> Vec<BlockEntry> {
    vec![
        BlockEntry::of("arbiter_2_64", || Arbiter::<64, 8, 4>::new(2)),
        BlockEntry::of("arbiter_5_16", || Arbiter::<16, 2, 1>::new(5)),
        BlockEntry::of("cast_to_record", Cast::<Bits<48>, Sample>::default),
        BlockEntry::of("cast_to_bits", Cast::<Sample, Bits<48>>::default),
        BlockEntry::of("cell_memory_64", CellMemory::<64, 8, 1, 4, 2, 6>::default),
        BlockEntry::of("cell_memory_512", CellMemory::<512, 64, 4, 3, 0, 3>::default),
        BlockEntry::of("counter_bank_3", CounterBank::<3, 14>::default),
        BlockEntry::of("counter_bank_5", CounterBank::<5, 64>::default),
        BlockEntry::of("credit_gate_1", CreditGate::<Bits<7>, 1>::default),
        BlockEntry::of("credit_gate_16", CreditGate::<Sample, 16>::default),
        BlockEntry::of("credit_gate_16_spaced", || CreditGate::<Sample, 16>::new(8)),
        BlockEntry::of("cuckoo_24", Cuckoo::<Bits<5>, Bits<3>, 24, 2, 1, 128>::default),
        BlockEntry::of("cuckoo_48", Cuckoo::<Bits<16>, Bits<3>, 48, 3, 2, 128>::default),
        BlockEntry::of("cuckoo_48_large", Cuckoo::<Bits<16>, Bits<3>, 48, 8, 3, 128>::default),
        BlockEntry::of("cuckoo_sample", Cuckoo::<Sample, Sample, 168, 3, 1, 256>::default),
        BlockEntry::of("cuckoo_stash", Stash::<Sample, 24, 3>::default),
        BlockEntry::of("delay_0", || Delay::<Bits<9>>::new(0)),
        BlockEntry::of("delay_5", || Delay::<Sample>::new(5)),
        BlockEntry::of("delay_ram_2", || DelayRam::<Bits<9>, 2>::new(2)),
        BlockEntry::of("delay_ram_17", || DelayRam::<Sample, 4>::new(17)),
        BlockEntry::of("demux_2_64", || Demux::<64, 8, 4>::new(2)),
        BlockEntry::of("demux_3_16", || Demux::<16, 2, 1>::new(3)),
        BlockEntry::of("dispatch", Dispatch::<Sample>::default),
        BlockEntry::of("fifo_2", Fifo::<Bits<8>, 1>::default),
        BlockEntry::of("fifo_16", Fifo::<Sample, 4>::default),
        BlockEntry::of("fifo_block_2", FifoBlock::<Bits<8>, 1>::default),
        BlockEntry::of("fifo_block_16", FifoBlock::<Sample, 4>::default),
        BlockEntry::of("flow_fifo", FlowFifo::<Sample, 3>::default),
        BlockEntry::of("flow_fifo_block", FlowFifoBlock::<Sample, 3>::default),
        BlockEntry::of("hash_table_48", HashTable::<Sample, 48, 2, 128>::default),
        BlockEntry::of("hash_table_168", HashTable::<Bits<9>, 168, 3, 256>::default),
        BlockEntry::of("join_64", Join::<Sample, 64, 8, 4>::default),
        BlockEntry::of("keep_count_8", KeepCount::<8>::default),
        BlockEntry::of("keep_count_64", KeepCount::<64>::default),
        BlockEntry::of("key_hash_168", KeyHash::<168, 256>::default),
        BlockEntry::of("merge", Merge::<Sample>::default),
        BlockEntry::of("overlay_64", Overlay::<64, 8, 4, 112, 14>::default),
        BlockEntry::of("overlay_128", Overlay::<128, 16, 1, 320, 40>::default),
        BlockEntry::of("overlay_512", Overlay::<512, 64, 4, 112, 14>::default),
        BlockEntry::of("packet_fifo_16", PacketFifo::<16, 2, 1, 2>::default),
        BlockEntry::of("packet_fifo_64", PacketFifo::<64, 8, 4, 4>::default),
        BlockEntry::of("prepend_64", || Prepend::<64, 8, 4, 720>::new(&HEADER_LENGTHS)),
        BlockEntry::of("prepend_128", || Prepend::<128, 16, 1, 720>::new(&HEADER_LENGTHS[..3])),
        BlockEntry::of("prepend_512", || Prepend::<512, 64, 4, 720>::new(&HEADER_LENGTHS)),
        BlockEntry::of("ram_old", Ram::<Sample, 3>::default),
        BlockEntry::of("ram_new", Ram::<Sample, 3, true>::default),
        BlockEntry::of("ram_byte_enable", RamByteEnable::<32, 4, 3>::default),
        BlockEntry::of("ram_distributed", RamDistributed::<Bits<5>, 3>::default),
        BlockEntry::of("ram_single", RamSingle::<Bits<70>, 2>::default),
        BlockEntry::of("ram_true_dual", RamTrueDual::<Bits<6>, 2>::default),
        BlockEntry::of("register", || Register::<Bits<12>>::new(0xabc_u64.into())),
        BlockEntry::of("rom", || Rom::<Bits<16>, 3>::new([3_u64, 0xffff, 0x1234, 0, 1].map(Bits::from).to_vec())),
        BlockEntry::of("siphash_1_3_128", SipHash::<1, 3, 128>::default),
        BlockEntry::of("siphash_2_4_64", SipHash::<2, 4, 64>::default),
        BlockEntry::of("siphash_2_4_384", SipHash::<2, 4, 384>::default),
        BlockEntry::of("spill_8", Spill::<Bits<8>>::default),
        BlockEntry::of("spill_512", Spill::<Beat<512, 64, 4>>::default),
        BlockEntry::of("split_64", || Split::<64, 8, 1, 192, 4, 1, 5>::new(14, 100, true)),
        BlockEntry::of("split_128", || Split::<128, 16, 4, 256, 5, 0, 5>::new(14, 200, false)),
        BlockEntry::of("split_512", || Split::<512, 64, 4, 1536, 4, 0, 4>::new(14, 500, true)),
        BlockEntry::of("strip_64", || Strip::<64, 8, 4>::new(&HEADER_LENGTHS)),
        BlockEntry::of("strip_128", || Strip::<128, 16, 1>::new(&[70, 90, 94, 114, 86, 106, 110, 130])),
        BlockEntry::of("strip_512", || Strip::<512, 64, 4>::new(&HEADER_LENGTHS)),
        BlockEntry::of("swap_bytes", SwapBytes::<48>::default),
        BlockEntry::of("wires_reverse", Wires::<11, 11>::reverse),
        BlockEntry::of("wires_repeat", Wires::<5, 40>::repeat),
    ]
}
