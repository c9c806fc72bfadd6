//! The registers that software writes and the card reads: its addresses and keys, and the table window.
//!
//! Ports: `write`, `read_word`, `read_data`, the settings. Latency: a setting changes at the clock after its write; a read is
//! answered within the clock.

use nitro_components::stream::FlowRx;
use nitro_components::wires::SwapBytes;
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::registers as map;
use rust_hdl::prelude::*;

use super::axi_lite::{RegisterWrite, WORD_ADDRESS};
use super::held::{Held, Order};
use crate::token::TokenKey;

/// The settings.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Settings {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Writes to any register.
    pub write: FlowRx<RegisterWrite>,
    /// Word that is read.
    pub read_word: Signal<In, Bits<WORD_ADDRESS>>,
    /// Its value, 0 if it is none of these registers or software may not read it.
    pub read_data: Signal<Out, Bits<32>>,
    /// Frames are taken in.
    pub enable: Signal<Out, Bit>,
    /// TCP packets without SYN and without a connection are dropped.
    pub strict_tcp: Signal<Out, Bit>,
    /// A miss of the mapping cache asks the mapping service.
    pub query_on_miss: Signal<Out, Bit>,
    /// Clocks in a tick, 0 for none.
    pub clocks_per_tick: Signal<Out, Bits<32>>,
    /// The card's underlay address.
    pub underlay_ip: Signal<Out, Bits<128>>,
    /// The card's underlay MAC.
    pub underlay_mac: Signal<Out, Bits<48>>,
    /// MAC of the underlay's next hop.
    pub next_hop_mac: Signal<Out, Bits<48>>,
    /// MAC that guests see for their gateway.
    pub gateway_mac: Signal<Out, Bits<48>>,
    /// Token key slot 0.
    pub key_0: Signal<Out, TokenKey>,
    /// Token key slot 1.
    pub key_1: Signal<Out, TokenKey>,
    /// Key of the hash tables, its first byte lowest.
    pub hash_key: Signal<Out, Bits<128>>,
    /// Key of the flow hash, its first byte lowest.
    pub flow_key: Signal<Out, Bits<128>>,
    /// Key of connection tracking's hash, its first byte lowest.
    pub conntrack_key: Signal<Out, Bits<128>>,
    /// Key of mappings to end.
    pub mapping_key: Signal<Out, Bits<160>>,
    /// Version before which mappings are to end.
    pub mapping_version: Signal<Out, Bits<16>>,
    /// Index of the row to be written.
    pub index: Signal<Out, Bits<16>>,
    /// The row to be written.
    pub row: Signal<Out, Bits<640>>,
    general: Held<1, 32>,
    tick_length: Held<1, 32>,
    own_ip: Held<4, 128>,
    own_mac_hi: Held<1, 32>,
    own_mac_lo: Held<1, 32>,
    hop_mac_hi: Held<1, 32>,
    hop_mac_lo: Held<1, 32>,
    gate_mac_hi: Held<1, 32>,
    gate_mac_lo: Held<1, 32>,
    epochs: Held<2, 64>,
    token_key_0: Held<4, 128>,
    token_key_1: Held<4, 128>,
    hash_seed: Held<4, 128>,
    flow_seed: Held<4, 128>,
    conntrack_seed: Held<4, 128>,
    ended_key: Held<5, 160>,
    ended_version: Held<1, 32>,
    row_index: Held<1, 32>,
    row_data: Held<20, 640>,
    swap_hash: SwapBytes<128>,
    swap_flow: SwapBytes<128>,
    swap_conntrack: SwapBytes<128>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            write: FlowRx::default(),
            read_word: Signal::default(),
            read_data: Signal::default(),
            enable: Signal::default(),
            strict_tcp: Signal::default(),
            query_on_miss: Signal::default(),
            clocks_per_tick: Signal::default(),
            underlay_ip: Signal::default(),
            underlay_mac: Signal::default(),
            next_hop_mac: Signal::default(),
            gateway_mac: Signal::default(),
            key_0: Signal::default(),
            key_1: Signal::default(),
            hash_key: Signal::default(),
            flow_key: Signal::default(),
            conntrack_key: Signal::default(),
            mapping_key: Signal::default(),
            mapping_version: Signal::default(),
            index: Signal::default(),
            row: Signal::default(),
            general: Held::new(&map::CONTROL, Order::First),
            tick_length: Held::new(&map::CLOCKS_PER_TICK, Order::First),
            own_ip: Held::new(&map::UNDERLAY_IP, Order::First),
            own_mac_hi: Held::new(&map::UNDERLAY_MAC_HI, Order::First),
            own_mac_lo: Held::new(&map::UNDERLAY_MAC_LO, Order::First),
            hop_mac_hi: Held::new(&map::NEXT_HOP_MAC_HI, Order::First),
            hop_mac_lo: Held::new(&map::NEXT_HOP_MAC_LO, Order::First),
            gate_mac_hi: Held::new(&map::GATEWAY_MAC_HI, Order::First),
            gate_mac_lo: Held::new(&map::GATEWAY_MAC_LO, Order::First),
            epochs: Held::new(&map::TOKEN_EPOCH, Order::Last),
            token_key_0: Held::new(&map::TOKEN_KEY_0, Order::First),
            token_key_1: Held::new(&map::TOKEN_KEY_1, Order::First),
            hash_seed: Held::new(&map::HASH_KEY, Order::First),
            flow_seed: Held::new(&map::FLOW_KEY, Order::First),
            conntrack_seed: Held::new(&map::CONNTRACK_KEY, Order::First),
            ended_key: Held::new(&map::MAPPING_KEY, Order::First),
            ended_version: Held::new(&map::MAPPING_VERSION, Order::First),
            row_index: Held::new(&map::TABLE_INDEX, Order::First),
            row_data: Held::new(&map::TABLE_DATA, Order::Last),
            swap_hash: SwapBytes::default(),
            swap_flow: SwapBytes::default(),
            swap_conntrack: SwapBytes::default(),
        }
    }
}

impl Logic for Settings {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, general, own_ip, own_mac_hi, own_mac_lo, hop_mac_hi, hop_mac_lo, gate_mac_hi, gate_mac_lo);
        clock!(self, clock, epochs, token_key_0, token_key_1, hash_seed, flow_seed, row_index, row_data);
        clock!(self, clock, tick_length, conntrack_seed, ended_key, ended_version);
        self.ended_key.reset.next = self.reset.val();
        self.ended_version.reset.next = self.reset.val();
        self.general.reset.next = self.reset.val();
        self.tick_length.reset.next = self.reset.val();
        self.conntrack_seed.reset.next = self.reset.val();
        self.own_ip.reset.next = self.reset.val();
        self.own_mac_hi.reset.next = self.reset.val();
        self.own_mac_lo.reset.next = self.reset.val();
        self.hop_mac_hi.reset.next = self.reset.val();
        self.hop_mac_lo.reset.next = self.reset.val();
        self.gate_mac_hi.reset.next = self.reset.val();
        self.gate_mac_lo.reset.next = self.reset.val();
        self.epochs.reset.next = self.reset.val();
        self.token_key_0.reset.next = self.reset.val();
        self.token_key_1.reset.next = self.reset.val();
        self.hash_seed.reset.next = self.reset.val();
        self.flow_seed.reset.next = self.reset.val();
        self.row_index.reset.next = self.reset.val();
        self.row_data.reset.next = self.reset.val();
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.general.write);
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.tick_length.write);
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.conntrack_seed.write);
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.own_ip.write);
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.own_mac_hi.write);
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.own_mac_lo.write);
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.hop_mac_hi.write);
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.hop_mac_lo.write);
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.gate_mac_hi.write);
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.gate_mac_lo.write);
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.epochs.write);
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.token_key_0.write);
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.token_key_1.write);
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.hash_seed.write);
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.flow_seed.write);
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.ended_key.write);
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.ended_version.write);
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.row_index.write);
        FlowRx::<RegisterWrite>::link(&mut self.write, &mut self.row_data.write);
        self.general.read_word.next = self.read_word.val();
        self.tick_length.read_word.next = self.read_word.val();
        self.conntrack_seed.read_word.next = self.read_word.val();
        self.own_ip.read_word.next = self.read_word.val();
        self.own_mac_hi.read_word.next = self.read_word.val();
        self.own_mac_lo.read_word.next = self.read_word.val();
        self.hop_mac_hi.read_word.next = self.read_word.val();
        self.hop_mac_lo.read_word.next = self.read_word.val();
        self.gate_mac_hi.read_word.next = self.read_word.val();
        self.gate_mac_lo.read_word.next = self.read_word.val();
        self.epochs.read_word.next = self.read_word.val();
        self.token_key_0.read_word.next = self.read_word.val();
        self.token_key_1.read_word.next = self.read_word.val();
        self.hash_seed.read_word.next = self.read_word.val();
        self.flow_seed.read_word.next = self.read_word.val();
        self.ended_key.read_word.next = self.read_word.val();
        self.ended_version.read_word.next = self.read_word.val();
        self.row_index.read_word.next = self.read_word.val();
        self.row_data.read_word.next = self.read_word.val();
        // Each register gives 0 unless it is the one that is read.
        self.read_data.next = self.general.read_data.val()
            | self.tick_length.read_data.val()
            | self.conntrack_seed.read_data.val()
            | self.own_ip.read_data.val()
            | self.own_mac_hi.read_data.val()
            | self.own_mac_lo.read_data.val()
            | self.hop_mac_hi.read_data.val()
            | self.hop_mac_lo.read_data.val()
            | self.gate_mac_hi.read_data.val()
            | self.gate_mac_lo.read_data.val()
            | self.epochs.read_data.val()
            | self.token_key_0.read_data.val()
            | self.token_key_1.read_data.val()
            | self.hash_seed.read_data.val()
            | self.flow_seed.read_data.val()
            | self.ended_key.read_data.val()
            | self.ended_version.read_data.val()
            | self.row_index.read_data.val()
            | self.row_data.read_data.val();

        self.enable.next = self.general.value.val().get_bit(0);
        self.strict_tcp.next = self.general.value.val().get_bit(1);
        self.query_on_miss.next = self.general.value.val().get_bit(2);
        self.clocks_per_tick.next = self.tick_length.value.val();
        self.underlay_ip.next = self.own_ip.value.val();
        self.underlay_mac.next =
            (bit_cast::<48, 32>(self.own_mac_hi.value.val()) << 32) | bit_cast::<48, 32>(self.own_mac_lo.value.val());
        self.next_hop_mac.next =
            (bit_cast::<48, 32>(self.hop_mac_hi.value.val()) << 32) | bit_cast::<48, 32>(self.hop_mac_lo.value.val());
        self.gateway_mac.next =
            (bit_cast::<48, 32>(self.gate_mac_hi.value.val()) << 32) | bit_cast::<48, 32>(self.gate_mac_lo.value.val());
        self.key_0.next.valid = self.epochs.value.val().get_bit(8);
        self.key_0.next.epoch = self.epochs.value.val().get_bits::<8>(0);
        self.key_0.next.key = self.token_key_0.value.val();
        self.key_1.next.valid = self.epochs.value.val().get_bit(40);
        self.key_1.next.epoch = self.epochs.value.val().get_bits::<8>(32);
        self.key_1.next.key = self.token_key_1.value.val();
        self.swap_hash.i.next = self.hash_seed.value.val();
        self.hash_key.next = self.swap_hash.o.val();
        self.swap_flow.i.next = self.flow_seed.value.val();
        self.flow_key.next = self.swap_flow.o.val();
        self.swap_conntrack.i.next = self.conntrack_seed.value.val();
        self.conntrack_key.next = self.swap_conntrack.o.val();
        self.mapping_key.next = self.ended_key.value.val();
        self.mapping_version.next = self.ended_version.value.val().get_bits::<16>(0);
        self.index.next = self.row_index.value.val().get_bits::<16>(0);
        self.row.next = self.row_data.value.val();
    }
}
