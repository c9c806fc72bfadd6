//! What is left of a packet's record when its verdict is final.

use nitro_netlist::Record;
use rust_hdl::prelude::*;

/// What the join, the outer headers and the answers need; flat, as it waits in a FIFO for its payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Outgoing {
    /// `nitro_wire::Verdict`.
    pub verdict: Bits<2>,
    /// `nitro_wire::DropReason`, 0 for none.
    pub reason: Bits<6>,
    /// The frame waits in the payload ring.
    pub has_payload: Bit,
    /// Length of the frame in bytes.
    pub length: Bits<14>,
    /// Number of the frame on its path.
    pub serial: Bits<16>,
    /// The ENI that it comes from.
    pub eni: Bits<8>,
    /// That ENI is configured.
    pub has_eni: Bit,
    /// It goes to a link-local service.
    pub exempt: Bit,
    /// Source MAC of what leaves: of the inner frame, or of the answer (the MAC that it tells).
    pub src_mac: Bits<48>,
    /// Destination MAC of what leaves: of the inner frame, or of the answer.
    pub dst_mac: Bits<48>,
    /// Destination address of what leaves: the peer's on the underlay, or the asker's.
    pub peer_ip: Bits<128>,
    /// Checksum of the outer IPv4 header, of the advertisement, or of the IPv4 header of an echo's answer.
    pub checksum: Bits<16>,

    // --- until its mapping is there ---
    /// The mapping is missing. Until it is there, `dst_mac` and `peer_ip` are the source's, `target` is the gateway's address; or in a solicitation
    /// `checksum` lacks the answer's MAC.
    pub missing: Bit,
    /// Its sender is told if it is too big.
    pub told: Bit,
    /// Length of the IP datagram.
    pub ip_length: Bits<16>,

    // --- forwarded ---
    /// The destination's host is this card: no outer headers.
    pub local: Bit,
    /// `peer_ip` is v4-mapped: the underlay is IPv4.
    pub peer_is_ipv4: Bit,
    /// TOS or traffic class, inner and outer.
    pub traffic_class: Bits<8>,
    /// The VPC.
    pub vni: Bits<24>,
    /// Token to send.
    pub token: Bits<64>,
    /// Its epoch.
    pub token_epoch: Bits<8>,
    /// Flow hash.
    pub flow_hash: Bits<14>,

    // --- answered ---
    /// The answer is the frame itself, an echo.
    pub echoes: Bit,
    /// It is a DHCP message; whether it is answered, only its options tell.
    pub seeks_dhcp: Bit,
    /// That frame is IPv6.
    pub is_ipv6: Bit,
    /// ICMP checksum of its answer.
    pub message_checksum: Bits<16>,
    /// The frame is too big, and its sender is told so.
    pub bounces: Bit,
    /// What it is too big for.
    pub mtu: Bits<14>,
    /// The answer is ARP, not an advertisement.
    pub is_arp: Bit,
    /// The answer is a router advertisement.
    pub is_router: Bit,
    /// The request had an 802.1Q tag, so has the answer.
    pub tagged: Bit,
    /// Its tag control information.
    pub vlan: Bits<16>,
    /// Whose MAC the answer tells; router advertisement: the subnet's prefix; echo and too big: the gateway's address.
    pub target: Bits<128>,
    /// Length of that prefix in bits.
    pub prefix_length: Bits<8>,
    /// ARP: the request's sender hardware address.
    pub asker_mac: Bits<48>,
    /// The target is the gateway, a router.
    pub is_gateway: Bit,
    /// The advertisement goes to all nodes, as the asker has no address.
    pub to_all: Bit,
}
