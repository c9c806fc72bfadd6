//! The card: both paths and the control port.
//!
//! ```text
//!  guest_rx ─> tx path ─────────────────> net_tx
//!                 └─ answers ─┐
//!  guest_tx <─ arbiter <──────┴─ rx path <─ net_rx
//!                 control ─> settings, tables, counters
//! ```
//!
//! Ports: `guest_rx`, `guest_tx` (`tuser`: the ENI), `net_rx` (`tuser`: the frame is damaged), `net_tx`, `control` (AXI4-Lite),
//! `tx_event`, `rx_event` (one per frame of that path, when it is disposed of). Latency: that of the paths. Answers and delivered
//! frames share `guest_tx` by turns, a frame at a time. A frame for an ENI of the same card leaves to the underlay, which
//! brings it back; step 3 gives it the short way. Drop reasons and counters: those of the stages.

use nitro_components::arbiter::Arbiter;
use nitro_components::stream::{Beat, FlowTx, StreamRx, StreamTx};
use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::control::axi_lite::AxiLiteSubordinate;
use crate::control::{Capabilities, Control};
use crate::record::Event;
use crate::rx_path::RxPath;
use crate::tx_path::TxPath;

/// Bits of the head window of the tx path: the parser's window, rounded up to beats of the widest configuration.
pub const TX_WINDOW: usize = 1536;

/// A card with ports of `W` bits = `K` bytes, `2^PA` beats of payload in each path, `2^EA` ENIs, 4 · `2^LA` local addresses,
/// 4 · `2^MA` mappings, and `2^NA` rules in each comparator of the ACLs.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Card<
    const W: usize,
    const K: usize,
    const PA: usize,
    const EA: usize,
    const LA: usize,
    const MA: usize,
    const NA: usize,
> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// Frames from the guests.
    pub guest_rx: StreamRx<Beat<W, K, 8>>,
    /// Frames to the guests.
    pub guest_tx: StreamTx<Beat<W, K, 8>>,
    /// Frames from the underlay.
    pub net_rx: StreamRx<Beat<W, K, 1>>,
    /// Frames to the underlay.
    pub net_tx: StreamTx<Beat<W, K, 1>>,
    /// The register port.
    pub control: AxiLiteSubordinate,
    /// What became of each frame from the guests.
    pub tx_event: FlowTx<Event>,
    /// What became of each frame from the underlay.
    pub rx_event: FlowTx<Event>,
    registers: Control,
    tx_path: TxPath<W, K, TX_WINDOW, PA, EA, LA, MA, NA>,
    rx_path: RxPath<W, K, PA, EA, LA, NA>,
    arbiter: Arbiter<W, K, 8>,
}

impl<
    const W: usize,
    const K: usize,
    const PA: usize,
    const EA: usize,
    const LA: usize,
    const MA: usize,
    const NA: usize,
> Card<W, K, PA, EA, LA, MA, NA>
{
    /// A card that says of itself what is in `capabilities`.
    #[must_use]
    pub fn new(capabilities: Capabilities) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            guest_rx: StreamRx::default(),
            guest_tx: StreamTx::default(),
            net_rx: StreamRx::default(),
            net_tx: StreamTx::default(),
            control: AxiLiteSubordinate::default(),
            tx_event: FlowTx::default(),
            rx_event: FlowTx::default(),
            registers: Control::new(capabilities),
            tx_path: TxPath::default(),
            rx_path: RxPath::default(),
            arbiter: Arbiter::new(2),
        }
    }
}

impl<
    const W: usize,
    const K: usize,
    const PA: usize,
    const EA: usize,
    const LA: usize,
    const MA: usize,
    const NA: usize,
> Logic for Card<W, K, PA, EA, LA, MA, NA>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, registers, tx_path, rx_path, arbiter);
        self.registers.reset.next = self.reset.val();
        self.tx_path.reset.next = self.reset.val();
        self.rx_path.reset.next = self.reset.val();
        self.arbiter.reset.next = self.reset.val();

        // Packets.
        StreamRx::<Beat<W, K, 8>>::link(&mut self.guest_rx, &mut self.tx_path.rx);
        StreamTx::<Beat<W, K, 1>>::link(&mut self.net_tx, &mut self.tx_path.tx);
        StreamRx::<Beat<W, K, 1>>::link(&mut self.net_rx, &mut self.rx_path.rx);
        StreamTx::<Beat<W, K, 8>>::join(&mut self.rx_path.tx, &mut self.arbiter.rx[0]);
        StreamTx::<Beat<W, K, 8>>::join(&mut self.tx_path.reply, &mut self.arbiter.rx[1]);
        StreamTx::<Beat<W, K, 8>>::link(&mut self.guest_tx, &mut self.arbiter.tx);

        // Registers.
        AxiLiteSubordinate::link(&mut self.control, &mut self.registers.bus);
        self.registers.ready.next = self.tx_path.ready.val() && self.rx_path.ready.val();
        self.tx_path.enable.next = self.registers.enable.val();
        self.tx_path.underlay_ip.next = self.registers.underlay_ip.val();
        self.tx_path.underlay_mac.next = self.registers.underlay_mac.val();
        self.tx_path.next_hop_mac.next = self.registers.next_hop_mac.val();
        self.tx_path.gateway_mac.next = self.registers.gateway_mac.val();
        self.tx_path.hash_key.next = self.registers.hash_key.val();
        self.tx_path.flow_key.next = self.registers.flow_key.val();
        self.tx_path.table.payload.next = self.registers.table.payload.val();
        self.tx_path.table.tvalid.next = self.registers.table.tvalid.val();
        self.tx_path.commit.next = self.registers.commit.val();
        self.rx_path.enable.next = self.registers.enable.val();
        self.rx_path.underlay_ip.next = self.registers.underlay_ip.val();
        self.rx_path.underlay_mac.next = self.registers.underlay_mac.val();
        self.rx_path.key_0.next = self.registers.key_0.val();
        self.rx_path.key_1.next = self.registers.key_1.val();
        self.rx_path.hash_key.next = self.registers.hash_key.val();
        self.rx_path.table.payload.next = self.registers.table.payload.val();
        self.rx_path.table.tvalid.next = self.registers.table.tvalid.val();
        self.rx_path.commit.next = self.registers.commit.val();

        // What is counted, and told.
        FlowTx::<Bits<14>>::join(&mut self.tx_path.received, &mut self.registers.tx_received);
        FlowTx::<Bits<14>>::join(&mut self.rx_path.received, &mut self.registers.rx_received);
        self.registers.tx_event.payload.next = self.tx_path.event.payload.val();
        self.registers.tx_event.tvalid.next = self.tx_path.event.tvalid.val();
        self.registers.rx_event.payload.next = self.rx_path.event.payload.val();
        self.registers.rx_event.tvalid.next = self.rx_path.event.tvalid.val();
        self.tx_event.payload.next = self.tx_path.event.payload.val();
        self.tx_event.tvalid.next = self.tx_path.event.tvalid.val();
        self.rx_event.payload.next = self.rx_path.event.payload.val();
        self.rx_event.tvalid.next = self.rx_path.event.tvalid.val();
    }
}
