//! Ethernet header and one optional 802.1Q tag (IEEE 802.3, IEEE 802.1Q).
//!
//! Ports: `rx` (taken while `enable` is set), `tx`, `reason` (1 clock after `tx`). Latency: 2 clocks: the EtherTypes
//! are compared in the first, the tag is cut out in the second; the length is judged in a third. Drop reasons:
//! `truncated`, `unknown_ethertype`.

use nitro_components::wires::Cast;
use nitro_netlist::{Ports, Record, hdl_gen};
use nitro_wire::DropReason;
use rust_hdl::prelude::*;

use crate::format;
use crate::reason::{Reason, reason};
use crate::record::Frame;

/// Bytes of the network layer that the parser can need: the IPv6 header, the farthest upper-layer header that it
/// follows ([`super::extension::CHUNKS`]) and what it reads of that.
pub const NETWORK_BYTES: usize = 142;
/// [`NETWORK_BYTES`] in bits.
pub const NETWORK: usize = 8 * NETWORK_BYTES;

/// A frame whose Ethernet header has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Network {
    /// The frame waits in the payload ring.
    pub has_payload: Bit,
    /// Length of the frame in bytes.
    pub length: Bits<14>,
    /// `tuser` of the port.
    pub port: Bits<8>,
    /// Number of the frame on its path.
    pub serial: Bits<16>,
    /// Destination MAC.
    pub dst_mac: Bits<48>,
    /// Source MAC.
    pub src_mac: Bits<48>,
    /// A tag is present.
    pub tagged: Bit,
    /// Its tag control information.
    pub vlan: Bits<16>,
    /// The frame is ARP.
    pub is_arp: Bit,
    /// The frame is IPv4.
    pub is_ipv4: Bit,
    /// The frame is IPv6.
    pub is_ipv6: Bit,
    /// Bytes of the frame after the Ethernet header and the tag, negative (the top bit set) if these are not whole.
    pub left: Bits<15>,
    /// The bytes after the Ethernet header and the tag, the first most significant.
    pub window: Bits<NETWORK>,
}

/// What the two EtherTypes are that an optional tag leaves to choose from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Kinds {
    tagged: Bit,
    outer_arp: Bit,
    outer_ipv4: Bit,
    outer_ipv6: Bit,
    inner_arp: Bit,
    inner_ipv4: Bit,
    inner_ipv6: Bit,
}

/// Reads the Ethernet header.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct EthernetHeader {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// A frame is there; otherwise the last one stays, so that an idle parser does not switch.
    pub enable: Signal<In, Bit>,
    /// The frame.
    pub rx: Signal<In, Frame>,
    /// What it carries.
    pub tx: Signal<Out, Network>,
    /// Drop reason so far, 0 for none; 1 clock after `tx`.
    pub reason: Signal<Out, Bits<6>>,
    arriving: Cast<Bits<144>, Tagged>,
    header: Cast<Bits<144>, Tagged>,
    frame: DFF<Frame>,
    kinds: DFF<Kinds>,
    network: DFF<Network>,
    arrived: DFF<Bits<6>>,
    judged: DFF<Bits<6>>,
    blank: Constant<Network>,
    truncated: Reason,
    unknown_ethertype: Reason,
    is_arp: Signal<Local, Bit>,
    is_ipv4: Signal<Local, Bit>,
    is_ipv6: Signal<Local, Bit>,
    needed: Signal<Local, Bits<15>>,
}

/// An Ethernet header followed by a tag, if there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Tagged {
    dst: Bits<48>,
    src: Bits<48>,
    ethertype: Bits<16>,
    tci: Bits<16>,
    inner_ethertype: Bits<16>,
}

impl Default for EthernetHeader {
    fn default() -> Self {
        // `Tagged` puts the two formats together; it must not drift from them.
        const _: () = assert!(<format::Ethernet as Synth>::BITS + <format::VlanTag as Synth>::BITS == 144);
        Self {
            clock: Signal::default(),
            enable: Signal::default(),
            rx: Signal::default(),
            tx: Signal::default(),
            reason: Signal::default(),
            arriving: Cast::default(),
            header: Cast::default(),
            frame: DFF::default(),
            kinds: DFF::default(),
            network: DFF::default(),
            arrived: DFF::default(),
            judged: DFF::default(),
            blank: Constant::new(Network::default()),
            truncated: reason(DropReason::Truncated),
            unknown_ethertype: reason(DropReason::UnknownEthertype),
            is_arp: Signal::default(),
            is_ipv4: Signal::default(),
            is_ipv6: Signal::default(),
            needed: Signal::default(),
        }
    }
}

impl Logic for EthernetHeader {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, frame, kinds, network, arrived, judged);

        // First clock.
        self.arriving.i.next = self.rx.val().window.get_bits::<144>(1136);
        if self.enable.val() {
            self.frame.d.next = self.rx.val();
            self.kinds.d.next.tagged = self.arriving.o.val().ethertype == 0x8100;
            self.kinds.d.next.outer_arp = self.arriving.o.val().ethertype == 0x0806;
            self.kinds.d.next.outer_ipv4 = self.arriving.o.val().ethertype == 0x0800;
            self.kinds.d.next.outer_ipv6 = self.arriving.o.val().ethertype == 0x86dd;
            self.kinds.d.next.inner_arp = self.arriving.o.val().inner_ethertype == 0x0806;
            self.kinds.d.next.inner_ipv4 = self.arriving.o.val().inner_ethertype == 0x0800;
            self.kinds.d.next.inner_ipv6 = self.arriving.o.val().inner_ethertype == 0x86dd;
        }

        // Second clock.
        self.header.i.next = self.frame.q.val().window.get_bits::<144>(1136);
        self.network.d.next = self.blank.val();
        self.network.d.next.has_payload = self.frame.q.val().has_payload;
        self.network.d.next.length = self.frame.q.val().length;
        self.network.d.next.port = self.frame.q.val().port;
        self.network.d.next.serial = self.frame.q.val().serial;
        self.network.d.next.dst_mac = self.header.o.val().dst;
        self.network.d.next.src_mac = self.header.o.val().src;
        self.network.d.next.tagged = self.kinds.q.val().tagged;
        if self.kinds.q.val().tagged {
            self.is_arp.next = self.kinds.q.val().inner_arp;
            self.is_ipv4.next = self.kinds.q.val().inner_ipv4;
            self.is_ipv6.next = self.kinds.q.val().inner_ipv6;
            self.network.d.next.vlan = self.header.o.val().tci;
            self.network.d.next.left = bit_cast::<15, 14>(self.frame.q.val().length) - 18;
            self.network.d.next.window = self.frame.q.val().window.get_bits::<NETWORK>(0);
        } else {
            self.is_arp.next = self.kinds.q.val().outer_arp;
            self.is_ipv4.next = self.kinds.q.val().outer_ipv4;
            self.is_ipv6.next = self.kinds.q.val().outer_ipv6;
            self.network.d.next.left = bit_cast::<15, 14>(self.frame.q.val().length) - 14;
            self.network.d.next.window = self.frame.q.val().window.get_bits::<NETWORK>(32);
        }
        self.network.d.next.is_arp = self.is_arp.val();
        self.network.d.next.is_ipv4 = self.is_ipv4.val();
        self.network.d.next.is_ipv6 = self.is_ipv6.val();

        self.arrived.d.next = self.frame.q.val().reason;
        self.tx.next = self.network.q.val();

        // Third clock: whole headers are needed, 28 bytes of ARP, 20 of IPv4, 40 of IPv6.
        if self.network.q.val().is_arp {
            self.needed.next = bits::<15>(28);
        } else if self.network.q.val().is_ipv4 {
            self.needed.next = bits::<15>(20);
        } else if self.network.q.val().is_ipv6 {
            self.needed.next = bits::<15>(40);
        } else {
            self.needed.next = bits::<15>(0);
        }
        self.judged.d.next = self.arrived.q.val();
        if !self.arrived.q.val().any() {
            if self.network.q.val().left.get_bit(14) || self.network.q.val().left < self.needed.val() {
                self.judged.d.next = self.truncated.val();
            } else if !self.network.q.val().is_arp && !self.network.q.val().is_ipv4 && !self.network.q.val().is_ipv6 {
                self.judged.d.next = self.unknown_ethertype.val();
            }
        }
        self.reason.next = self.judged.q.val();
    }
}
