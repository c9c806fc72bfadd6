//! Does a packet fit its way?
//!
//! Ports: `ip_length`, `length` (of the datagram and of its frame), `path_mtu`, `underlay_ip` (of the mapping), `over_mtu`, `too_long`, `mtu`,
//! `peer_is_ipv4`. Latency: 0 clocks. A datagram may have the path's MTU, and 9,001 bytes; the frame, its padding included, with
//! its outer headers what any frame may have.

use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::constants::{GUEST_MTU, MAX_FRAME_BYTES};
use rust_hdl::prelude::*;

use super::header;

/// Compares lengths.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Fits {
    /// Length of the IP datagram.
    pub ip_length: Signal<In, Bits<16>>,
    /// Length of its frame.
    pub length: Signal<In, Bits<14>>,
    /// Largest datagram of the path.
    pub path_mtu: Signal<In, Bits<14>>,
    /// The host that it goes to.
    pub underlay_ip: Signal<In, Bits<128>>,
    /// The datagram is larger than it may be.
    pub over_mtu: Signal<Out, Bit>,
    /// That, or the frame is too long with its outer headers.
    pub too_long: Signal<Out, Bit>,
    /// What a datagram may have.
    pub mtu: Signal<Out, Bits<14>>,
    /// That host's address is v4-mapped: the underlay is IPv4.
    pub peer_is_ipv4: Signal<Out, Bit>,
    largest: Constant<Bits<16>>,
    largest_mtu: Constant<Bits<14>>,
    longest_over_ipv4: Constant<Bits<14>>,
    longest_over_ipv6: Constant<Bits<14>>,
}

impl Default for Fits {
    fn default() -> Self {
        Self {
            ip_length: Signal::default(),
            length: Signal::default(),
            path_mtu: Signal::default(),
            underlay_ip: Signal::default(),
            over_mtu: Signal::default(),
            too_long: Signal::default(),
            mtu: Signal::default(),
            peer_is_ipv4: Signal::default(),
            largest: Constant::new(GUEST_MTU.to_bits()),
            largest_mtu: Constant::new(GUEST_MTU.to_bits()),
            longest_over_ipv4: Constant::new((MAX_FRAME_BYTES - header::LENGTHS[0]).to_bits()),
            longest_over_ipv6: Constant::new((MAX_FRAME_BYTES - header::LENGTHS[1]).to_bits()),
        }
    }
}

impl Logic for Fits {
    #[hdl_gen]
    fn update(&mut self) {
        self.peer_is_ipv4.next =
            !self.underlay_ip.val().get_bits::<80>(48).any() && self.underlay_ip.val().get_bits::<16>(32).all();
        self.over_mtu.next = (self.ip_length.val() > self.largest.val())
            || (self.ip_length.val() > bit_cast::<16, 14>(self.path_mtu.val()));
        self.too_long.next = self.over_mtu.val()
            || (self.length.val() > self.longest_over_ipv4.val())
            || (!self.peer_is_ipv4.val() && (self.length.val() > self.longest_over_ipv6.val()));
        self.mtu.next = self.path_mtu.val();
        if self.path_mtu.val() > self.largest_mtu.val() {
            self.mtu.next = self.largest_mtu.val();
        }
    }
}
