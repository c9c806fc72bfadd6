//! The flow hash: one flow keeps one path of the underlay.
//!
//! Ports: `rx`, `flow_key`, `tx`. Latency: [`LATENCY`], one packet per clock. SipHash-1-3 of source, destination, ports, protocol and three
//! zeros (40 bytes, fields big-endian); its low 32 bits. Fragments have no ports here, first ones neither, so that one datagram
//! keeps one path.

use nitro_components::siphash::SipHash;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_components::wires::{Cast, SwapBytes};
use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

use crate::record::Packet;

/// Clocks from `rx` to `tx`.
pub const LATENCY: usize = SipHash::<1, 3, MESSAGE>::LATENCY;
/// Width of what is hashed.
const FLOW: usize = 320;
/// Width of the message: that and the word that tells its length.
const MESSAGE: usize = FLOW + 64;

/// What makes a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct FlowIdentity {
    /// Source address.
    pub src_ip: Bits<128>,
    /// Destination address.
    pub dst_ip: Bits<128>,
    /// Source port, 0 if there is none.
    pub src_port: Bits<16>,
    /// Destination port, 0 if there is none.
    pub dst_port: Bits<16>,
    /// Upper-layer protocol.
    pub protocol: Bits<8>,
    /// Zero.
    pub reserved: Bits<24>,
}

/// Hashes flows.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct FlowHash {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// From the parser.
    pub rx: FlowRx<Packet>,
    /// Key of the hash, its first byte lowest.
    pub flow_key: Signal<In, Bits<128>>,
    /// Hashes.
    pub tx: FlowTx<Bits<32>>,
    flat: Cast<FlowIdentity, Bits<FLOW>>,
    swap: SwapBytes<FLOW>,
    hash: SipHash<1, 3, MESSAGE>,
    nothing: Constant<FlowIdentity>,
    length: Constant<Bits<MESSAGE>>,
    length_place: Constant<Bits<16>>,
}

impl Default for FlowHash {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            flow_key: Signal::default(),
            tx: FlowTx::default(),
            flat: Cast::default(),
            swap: SwapBytes::default(),
            hash: SipHash::default(),
            nothing: Constant::new(FlowIdentity::default()),
            length: Constant::new((FLOW / 8).to_bits()),
            length_place: Constant::new((MESSAGE - 8).to_bits()),
        }
    }
}

impl Logic for FlowHash {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, hash);
        self.hash.reset.next = self.reset.val();
        self.flat.i.next = self.nothing.val();
        self.flat.i.next.src_ip = self.rx.payload.val().src_ip;
        self.flat.i.next.dst_ip = self.rx.payload.val().dst_ip;
        self.flat.i.next.protocol = self.rx.payload.val().protocol;
        if !self.rx.payload.val().more_fragments {
            // Later fragments have no ports to begin with.
            self.flat.i.next.src_port = self.rx.payload.val().src_port;
            self.flat.i.next.dst_port = self.rx.payload.val().dst_port;
        }
        self.swap.i.next = self.flat.o.val();
        self.hash.key0.next = self.flow_key.val().get_bits::<64>(0);
        self.hash.key1.next = self.flow_key.val().get_bits::<64>(64);
        self.hash.rx.payload.next =
            bit_cast::<MESSAGE, FLOW>(self.swap.o.val()) | (self.length.val() << self.length_place.val());
        self.hash.rx.tvalid.next = self.rx.tvalid.val();
        self.tx.payload.next = bit_cast::<32, 64>(self.hash.tx.payload.val());
        self.tx.tvalid.next = self.hash.tx.tvalid.val();
    }
}
