//! The flat record that a packet's headers travel as, from the parser to the join.
//!
//! Each stage fills in its own fields and leaves the rest alone; what nobody reads downstream costs nothing in hardware.
//! Numbers and addresses are big-endian values (the first byte on the wire is the most significant); IPv4 addresses are
//! v4-mapped IPv6 addresses (RFC 4291, section 2.5.5.2).

use nitro_netlist::Record;
use rust_hdl::prelude::*;

/// Bytes of a frame that the parser looks at.
pub const PARSE_WINDOW_BYTES: usize = 160;
/// [`PARSE_WINDOW_BYTES`] in bits.
pub const PARSE_WINDOW: usize = 8 * PARSE_WINDOW_BYTES;

/// What the parser receives: the start of a frame and what is known of the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Frame {
    /// Drop reason so far (`nitro_wire::DropReason`), 0 for none.
    pub reason: Bits<6>,
    /// The frame waits in the payload ring.
    pub has_payload: Bit,
    /// Length of the frame in bytes.
    pub length: Bits<14>,
    /// `tuser` of the port it came through: the ENI's number on the guest side.
    pub port: Bits<8>,
    /// Number of the frame on its path.
    pub serial: Bits<16>,
    /// The frame's first bytes, byte 0 most significant, zero beyond its end.
    pub window: Bits<PARSE_WINDOW>,
}

/// A packet's headers and what the stages made of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Packet {
    // --- split ---
    /// Drop reason (`nitro_wire::DropReason`), 0 for none: the first stage that finds one sets it.
    pub reason: Bits<6>,
    /// The frame waits in the payload ring.
    pub has_payload: Bit,
    /// Length of the frame in bytes (rx: of the outer frame).
    pub length: Bits<14>,
    /// `tuser` of the port it came through: the ENI's number on the guest side.
    pub port: Bits<8>,
    /// Number of the frame on its path.
    pub serial: Bits<16>,

    // --- parser: Ethernet ---
    /// Destination MAC.
    pub dst_mac: Bits<48>,
    /// Source MAC.
    pub src_mac: Bits<48>,
    /// An 802.1Q tag is present.
    pub tagged: Bit,
    /// Its tag control information.
    pub vlan: Bits<16>,
    /// The frame is ARP.
    pub is_arp: Bit,
    /// The frame is IPv4.
    pub is_ipv4: Bit,
    /// The frame is IPv6.
    pub is_ipv6: Bit,

    // --- parser: IP ---
    /// Has IPv4 options or IPv6 extension headers.
    pub ip_options: Bit,
    /// TOS or traffic class: DSCP (6), ECN (2).
    pub traffic_class: Bits<8>,
    /// Length of the IP datagram in bytes, its header included.
    pub ip_length: Bits<16>,
    /// TTL or hop limit.
    pub hop_limit: Bits<8>,
    /// Upper-layer protocol, after extension headers.
    pub protocol: Bits<8>,
    /// IPv4 header checksum as received.
    pub ip_checksum: Bits<16>,
    /// IPv4 DF (IPv6: always set).
    pub dont_fragment: Bit,
    /// More fragments follow.
    pub more_fragments: Bit,
    /// Fragment offset in units of 8 bytes.
    pub fragment_offset: Bits<13>,
    /// Identification of the datagram that a fragment belongs to.
    pub fragment_id: Bits<32>,
    /// Source address (ARP: sender protocol address).
    pub src_ip: Bits<128>,
    /// Destination address (ARP: target protocol address).
    pub dst_ip: Bits<128>,

    // --- parser: upper layer ---
    /// TCP or UDP ports are present.
    pub has_ports: Bit,
    /// Source port.
    pub src_port: Bits<16>,
    /// Destination port.
    pub dst_port: Bits<16>,
    /// TCP flags CWR ECE URG ACK PSH RST SYN FIN.
    pub tcp_flags: Bits<8>,
    /// UDP length field.
    pub udp_length: Bits<16>,
    /// An ICMP (v4) or ICMPv6 (v6) header is present.
    pub is_icmp: Bit,
    /// ICMP type.
    pub icmp_type: Bits<8>,
    /// ICMP code.
    pub icmp_code: Bits<8>,
    /// ICMP checksum as received.
    pub icmp_checksum: Bits<16>,
    /// Identifier of an echo message.
    pub icmp_identifier: Bits<16>,
    /// An ICMP error quotes a packet whose addresses could be read.
    pub quoted_valid: Bit,
    /// Protocol of the quoted packet.
    pub quoted_protocol: Bits<8>,
    /// Source of the quoted packet.
    pub quoted_src_ip: Bits<128>,
    /// Destination of the quoted packet.
    pub quoted_dst_ip: Bits<128>,
    /// Source port (or echo identifier) of the quoted packet, 0 if it has none.
    pub quoted_src_port: Bits<16>,
    /// Destination port of the quoted packet, 0 if it has none.
    pub quoted_dst_port: Bits<16>,

    // --- parser: what responders need ---
    /// ARP header fields are those of Ethernet and IPv4, the operation is 1 or 2.
    pub arp_valid: Bit,
    /// ARP operation 1, a request.
    pub arp_request: Bit,
    /// ARP sender hardware address.
    pub arp_sender_mac: Bits<48>,
    /// A neighbour or router solicitation that passes the receiver's checks of RFC 4861, sections 6.1.1 and 7.1.1.
    pub nd_valid: Bit,
    /// Target of a neighbour solicitation.
    pub nd_target: Bits<128>,

    // --- eni ---
    /// The ENI that the packet comes from (tx) or goes to (rx).
    pub eni: Bits<8>,
    /// That ENI is configured.
    pub has_eni: Bit,
    /// Its VPC.
    pub vni: Bits<24>,
    /// Its route table.
    pub route_table: Bits<8>,
    /// Its MAC.
    pub eni_mac: Bits<48>,
    /// Number of its subnet.
    pub subnet: Bits<8>,
    /// The other end lies in the ENI's subnet of that family: the source (rx), the destination (tx; ARP, ND: the target); router
    /// solicitation: there is an IPv6 subnet.
    pub in_subnet: Bit,
    /// The other end is one of the services that policies do not concern: resolver or metadata.
    pub exempt: Bit,
    /// The ARP or ND target is the gateway: subnet base + 1, or the gateway's link-local address. Router solicitations ask for
    /// it too.
    pub is_gateway: Bit,
    /// The ARP or ND target is an address of the ENI itself.
    pub is_own: Bit,
    /// The source address must be one of the ENI's.
    pub source_checked: Bit,
    /// The packet goes to a broadcast or multicast address that no responder takes.
    pub to_group: Bit,

    // --- responder ---
    /// The responder takes the packet: ARP, neighbour or router solicitation.
    pub solicits: Bit,
    /// It is a router solicitation.
    pub solicits_router: Bit,
    /// Length of the IPv6 subnet's prefix in bits.
    pub prefix_length: Bits<8>,
    /// It asks the gateway for an echo, and the responder takes it.
    pub echoes: Bit,
    /// It is a DHCP message to all or to the gateway, and the responder takes it.
    pub seeks_dhcp: Bit,
    /// If it is too big for its way, its sender is told so.
    pub told: Bit,
    /// The gateway's address in the ENI's subnet of the packet's family.
    pub gateway_ip: Bits<128>,
    /// The MAC that the answer tells.
    pub answer_mac: Bits<48>,

    // --- conntrack ---
    /// The stages before let it pass, and connections and rules concern it.
    pub concerned: Bit,

    // --- lookup ---
    /// The address looked up: the destination, or the target of an ARP request or neighbour solicitation; for a router
    /// solicitation the prefix of the IPv6 subnet.
    pub lookup_ip: Bits<128>,
    /// It needs a mapping: a way to its destination, or the MAC that it asks for.
    pub routed: Bit,
    /// The mapping cache holds an entry.
    pub mapping_hit: Bit,
    /// It holds none, and the mapping service is to be asked: the mapping follows when the packet has waited for it.
    pub missing: Bit,
    /// Its kind (`nitro_wire`'s mapping kinds).
    pub mapping_kind: Bits<3>,
    /// Its MAC.
    pub mapping_mac: Bits<48>,
    /// Its host's underlay address.
    pub underlay_ip: Bits<128>,
    /// Largest inner IP datagram on its path.
    pub path_mtu: Bits<14>,
    /// Token to send (tx), or as received (rx).
    pub token: Bits<64>,
    /// Epoch of the token.
    pub token_epoch: Bits<8>,
    /// Security groups of the destination.
    pub groups: Bits<64>,

    // --- encap ---
    /// Low bits of the flow hash.
    pub flow_hash: Bits<14>,

    // --- decap ---
    /// Which of the constant header layouts the packet has.
    pub layout: Bits<3>,
    /// ECN field for the inner header (RFC 6040).
    pub ecn: Bits<2>,
    /// The ECN field must be rewritten.
    pub set_ecn: Bit,

    // --- verdict ---
    /// `nitro_wire::Verdict`: 0 forward or deliver, 1 drop, 2 reply.
    pub verdict: Bits<2>,
}

/// What became of a frame; one for each frame that entered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Event {
    /// Number of the frame on the path by which it came to the card.
    pub serial: Bits<16>,
    /// `nitro_wire::Verdict`.
    pub verdict: Bits<2>,
    /// `nitro_wire::DropReason`, 0 for none.
    pub reason: Bits<6>,
    /// The ENI concerned.
    pub eni: Bits<8>,
    /// An ENI is known.
    pub has_eni: Bit,
    /// Length of the frame in bytes as it entered.
    pub length: Bits<14>,
    /// `nitro_wire::Flow`: what connection tracking found.
    pub flow: Bits<3>,
    /// tx: it goes on in the rx path of this card. rx: it comes from a guest of this card.
    pub local: Bit,
    /// It is dropped, and the card makes a message for its sender.
    pub told: Bit,
}
