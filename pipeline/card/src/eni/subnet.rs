//! Where an address lies, seen from an ENI's row: in its subnet, or at one of the services that no policy concerns.
//!
//! Ports: `row`, `is_ipv4`, `is_ipv6` (the packet's family), `address` (IPv4 as v4-mapped), and what is found. Latency: 0 clocks.
//!
//! Exempt are 169.254.169.253 (the resolver), 169.254.169.254 (the metadata service), and the subnet's base + 2 (the
//! resolver again), as in Amazon VPC.

use nitro_netlist::{Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::format::EniRow;

/// Compares an address with an ENI's subnet.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct EniSubnet {
    /// The ENI's row.
    pub row: Signal<In, EniRow>,
    /// The packet is IPv4, or ARP.
    pub is_ipv4: Signal<In, Bit>,
    /// The packet is IPv6.
    pub is_ipv6: Signal<In, Bit>,
    /// The address.
    pub address: Signal<In, Bits<128>>,
    /// The address lies in the ENI's IPv4 subnet.
    pub in_subnet4: Signal<Out, Bit>,
    /// How it differs from that subnet's base.
    pub beyond4: Signal<Out, Bits<32>>,
    /// The address lies in the ENI's IPv6 subnet.
    pub in_subnet6: Signal<Out, Bit>,
    /// How it differs from that subnet's base.
    pub beyond6: Signal<Out, Bits<128>>,
    /// No policy concerns packets to it or from it.
    pub exempt: Signal<Out, Bit>,
}

impl Logic for EniSubnet {
    #[hdl_gen]
    fn update(&mut self) {
        self.beyond4.next = self.address.val().get_bits::<32>(0) ^ self.row.val().subnet4;
        self.in_subnet4.next = self.is_ipv4.val()
            && self.row.val().subnet4_valid
            && !(self.beyond4.val() & self.row.val().subnet4_mask).any();
        self.beyond6.next = self.address.val() ^ self.row.val().subnet6;
        self.in_subnet6.next = self.is_ipv6.val()
            && self.row.val().subnet6_valid
            && !(self.beyond6.val() & self.row.val().subnet6_mask).any();
        // The services' addresses differ in their two lowest bits: 253 and 254.
        self.exempt.next = (self.is_ipv4.val()
            && (self.address.val().get_bits::<30>(2) == bits::<30>(0x2a7f_aa7f))
            && (self.address.val().get_bit(0) ^ self.address.val().get_bit(1)))
            || (self.in_subnet4.val() && (self.beyond4.val() == bits::<32>(2)))
            || (self.in_subnet6.val() && (self.beyond6.val() == bits::<128>(2)));
    }
}
