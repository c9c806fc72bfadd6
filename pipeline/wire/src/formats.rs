//! Every header format of the wire, once.
//!
//! [`formats!`](crate::formats) hands the list to a macro of the caller's choice: here it makes a [`Format`] constant
//! of each; the hardware's crate makes a record of each, so that both read the same fields at the same places.

use crate::format::{Format, layout};

/// Calls a macro with all header formats.
///
/// Each entry reads `/// doc` `Name = CONSTANT { /// doc` `field: width, … }`; widths are literals in bits, the first field is
/// the most significant, the first on the wire. A callback that turns each into a record of the hardware:
///
/// ```
/// # struct Bit; struct Bits<const W: usize>;
/// macro_rules! field_type {
///     (1) => { Bit };
///     ($width:tt) => { Bits<$width> };
/// }
/// macro_rules! record_from_format {
///     ($( $(#[$doc:meta])* $name:ident = $constant:ident {
///         $( $(#[$field_doc:meta])* $field:ident: $width:tt, )*
///     } )*) => { $(
///         $(#[$doc])*
///         // In hardware: #[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
///         pub struct $name { $( $(#[$field_doc])* pub $field: field_type!($width), )* }
///     )* };
/// }
/// nitro_wire::formats!(record_from_format);
/// let _reads_by_name = |header: Ethernet| -> Bits<48> { header.dst };
/// ```
#[macro_export]
macro_rules! formats {
    ($callback:ident) => {
        $callback! {
            /// Ethernet II header (IEEE 802.3, clause 3).
            Ethernet = ETHERNET {
                /// Destination MAC.
                dst: 48,
                /// Source MAC.
                src: 48,
                /// EtherType of what follows, or the tag protocol identifier.
                ethertype: 16,
            }
            /// What an 802.1Q tag puts after the tag protocol identifier (IEEE 802.1Q, 9.6).
            VlanTag = VLAN_TAG {
                /// Tag control information: priority (3), drop eligible (1), VLAN (12).
                tci: 16,
                /// EtherType of what follows.
                ethertype: 16,
            }
            /// ARP for IPv4 over Ethernet (RFC 826).
            Arp = ARP {
                /// Hardware type, 1 for Ethernet.
                hardware_type: 16,
                /// Protocol type, 0x0800 for IPv4.
                protocol_type: 16,
                /// Bytes of a hardware address, 6.
                hardware_length: 8,
                /// Bytes of a protocol address, 4.
                protocol_length: 8,
                /// 1 request, 2 reply.
                operation: 16,
                /// Sender hardware address.
                sender_mac: 48,
                /// Sender protocol address.
                sender_ip: 32,
                /// Target hardware address.
                target_mac: 48,
                /// Target protocol address.
                target_ip: 32,
            }
            /// IPv4 header without options (RFC 791, section 3.1).
            Ipv4 = IPV4 {
                /// 4.
                version: 4,
                /// Header length in words of 4 bytes, at least 5.
                ihl: 4,
                /// DSCP (6), ECN (2).
                traffic_class: 8,
                /// Length of the datagram in bytes, header included.
                total_length: 16,
                /// Identification of the datagram, for fragments.
                identification: 16,
                /// Reserved flag, 0.
                reserved: 1,
                /// Don't fragment.
                dont_fragment: 1,
                /// More fragments follow.
                more_fragments: 1,
                /// Fragment offset in units of 8 bytes.
                fragment_offset: 13,
                /// Time to live.
                ttl: 8,
                /// Upper-layer protocol.
                protocol: 8,
                /// Checksum of the header.
                checksum: 16,
                /// Source address.
                src: 32,
                /// Destination address.
                dst: 32,
            }
            /// IPv6 header (RFC 8200, section 3).
            Ipv6 = IPV6 {
                /// 6.
                version: 4,
                /// DSCP (6), ECN (2).
                traffic_class: 8,
                /// Flow label.
                flow_label: 20,
                /// Length in bytes of what follows this header.
                payload_length: 16,
                /// Type of the next header.
                next_header: 8,
                /// Hop limit.
                hop_limit: 8,
                /// Source address.
                src: 128,
                /// Destination address.
                dst: 128,
            }
            /// First 8 bytes of an IPv6 hop-by-hop, routing or destination options header (RFC 8200, section 4).
            Ipv6Extension = IPV6_EXTENSION {
                /// Type of the next header.
                next_header: 8,
                /// Length in units of 8 bytes, without the first 8.
                length: 8,
                /// Options or routing data.
                data: 48,
            }
            /// IPv6 fragment header (RFC 8200, section 4.5).
            Ipv6Fragment = IPV6_FRAGMENT {
                /// Type of the next header.
                next_header: 8,
                /// Reserved.
                reserved: 8,
                /// Fragment offset in units of 8 bytes.
                fragment_offset: 13,
                /// Reserved.
                reserved_bits: 2,
                /// More fragments follow.
                more_fragments: 1,
                /// Identification of the datagram.
                identification: 32,
            }
            /// TCP header without options (RFC 9293, section 3.1).
            Tcp = TCP {
                /// Source port.
                src_port: 16,
                /// Destination port.
                dst_port: 16,
                /// Sequence number.
                sequence: 32,
                /// Acknowledgement number.
                acknowledgement: 32,
                /// Header length in words of 4 bytes, at least 5.
                data_offset: 4,
                /// Reserved.
                reserved: 4,
                /// CWR ECE URG ACK PSH RST SYN FIN.
                flags: 8,
                /// Receive window.
                window: 16,
                /// Checksum.
                checksum: 16,
                /// Urgent pointer.
                urgent: 16,
            }
            /// UDP header (RFC 768).
            Udp = UDP {
                /// Source port.
                src_port: 16,
                /// Destination port.
                dst_port: 16,
                /// Length in bytes, header included.
                length: 16,
                /// Checksum, 0 for none (IPv4, and tunnels over IPv6 by RFC 6935).
                checksum: 16,
            }
            /// ICMP or ICMPv6 header (RFC 792, RFC 4443).
            Icmp = ICMP {
                /// Type.
                icmp_type: 8,
                /// Code.
                code: 8,
                /// Checksum.
                checksum: 16,
                /// Depends on the type.
                rest: 32,
            }
            /// ICMP or ICMPv6 echo request or reply (RFC 792, RFC 4443 section 4).
            IcmpEcho = ICMP_ECHO {
                /// Type.
                icmp_type: 8,
                /// Code.
                code: 8,
                /// Checksum.
                checksum: 16,
                /// Identifier.
                identifier: 16,
                /// Sequence number.
                sequence: 16,
            }
            /// Neighbour solicitation (RFC 4861, section 4.3), without options.
            NdSolicitation = ND_SOLICITATION {
                /// Type, 135.
                icmp_type: 8,
                /// Code, 0.
                code: 8,
                /// Checksum.
                checksum: 16,
                /// Reserved.
                reserved: 32,
                /// Target address.
                target: 128,
            }
            /// Neighbour advertisement (RFC 4861, section 4.4), without options.
            NdAdvertisement = ND_ADVERTISEMENT {
                /// Type, 136.
                icmp_type: 8,
                /// Code, 0.
                code: 8,
                /// Checksum.
                checksum: 16,
                /// The sender is a router.
                router: 1,
                /// The advertisement answers a solicitation.
                solicited: 1,
                /// The advertisement replaces what a cache holds.
                override_flag: 1,
                /// Reserved.
                reserved: 29,
                /// Target address.
                target: 128,
            }
            /// Router solicitation (RFC 4861, section 4.1), without options.
            NdRouterSolicitation = ND_ROUTER_SOLICITATION {
                /// Type, 133.
                icmp_type: 8,
                /// Code, 0.
                code: 8,
                /// Checksum.
                checksum: 16,
                /// Reserved.
                reserved: 32,
            }
            /// Router advertisement (RFC 4861, section 4.2), without options.
            NdRouterAdvertisement = ND_ROUTER_ADVERTISEMENT {
                /// Type, 134.
                icmp_type: 8,
                /// Code, 0.
                code: 8,
                /// Checksum.
                checksum: 16,
                /// Hop limit for the host to use.
                hop_limit: 8,
                /// Addresses come from DHCPv6.
                managed: 1,
                /// Other configuration comes from DHCPv6.
                other: 1,
                /// Reserved.
                reserved: 6,
                /// Lifetime as a default router in seconds.
                lifetime: 16,
                /// Reachable time in milliseconds.
                reachable: 32,
                /// Retransmission timer in milliseconds.
                retransmit: 32,
            }
            /// Source (1) or target (2) link-layer address option of neighbour discovery (RFC 4861, section 4.6.1).
            NdLinkLayerOption = ND_LINK_LAYER_OPTION {
                /// 1 source, 2 target.
                option_type: 8,
                /// Length in units of 8 bytes, 1.
                length: 8,
                /// Link-layer address.
                mac: 48,
            }
            /// Prefix information option of neighbour discovery (RFC 4861, section 4.6.2).
            NdPrefixOption = ND_PREFIX_OPTION {
                /// 3.
                option_type: 8,
                /// Length in units of 8 bytes, 4.
                length: 8,
                /// Leading bits of the prefix that are valid.
                prefix_length: 8,
                /// The prefix is on the link.
                on_link: 1,
                /// Hosts may form their own addresses of it.
                autonomous: 1,
                /// Reserved.
                reserved: 6,
                /// Seconds for which the prefix is valid.
                valid_lifetime: 32,
                /// Seconds for which its addresses are preferred.
                preferred_lifetime: 32,
                /// Reserved.
                reserved_word: 32,
                /// Prefix.
                prefix: 128,
            }
            /// MTU option of neighbour discovery (RFC 4861, section 4.6.4).
            NdMtuOption = ND_MTU_OPTION {
                /// 5.
                option_type: 8,
                /// Length in units of 8 bytes, 1.
                length: 8,
                /// Reserved.
                reserved: 16,
                /// MTU of the link in bytes.
                mtu: 32,
            }
            /// Beginning of a BOOTP or DHCP message (RFC 951; RFC 2131, section 2). Behind it: names (192 bytes), options.
            Bootp = BOOTP {
                /// 1 request, 2 reply.
                operation: 8,
                /// Hardware type, 1 for Ethernet.
                hardware_type: 8,
                /// Bytes of a hardware address, 6.
                hardware_length: 8,
                /// Relays passed.
                hops: 8,
                /// Identifies the client's transaction.
                transaction: 32,
                /// Seconds since the client began.
                seconds: 16,
                /// The highest bit: the client hears only what is sent to all.
                flags: 16,
                /// Address that the client has.
                client_ip: 32,
                /// Address that it gets.
                your_ip: 32,
                /// Server to start from.
                server_ip: 32,
                /// Relay.
                relay_ip: 32,
                /// The client's hardware address, zeros behind it.
                hardware: 128,
            }
            /// Geneve base header (RFC 8926, section 3.4).
            Geneve = GENEVE {
                /// 0.
                version: 2,
                /// Length of the options in words of 4 bytes.
                option_length: 6,
                /// Control packet.
                oam: 1,
                /// Critical options are present.
                critical: 1,
                /// Reserved.
                reserved: 6,
                /// EtherType of the payload.
                protocol: 16,
                /// Virtual network identifier.
                vni: 24,
                /// Reserved.
                reserved_byte: 8,
            }
            /// Geneve option header (RFC 8926, section 3.5).
            GeneveOption = GENEVE_OPTION {
                /// Option class.
                class: 16,
                /// Type, its top bit the critical flag.
                option_type: 8,
                /// Reserved.
                reserved: 3,
                /// Length of the data in words of 4 bytes.
                length: 5,
            }
            /// Data of the token option, type 0x81.
            TokenOption = TOKEN_OPTION {
                /// Epoch of the key that made the token.
                epoch: 8,
                /// Flags, 0.
                flags: 8,
                /// Number of the sending interface at its card.
                source_eni: 16,
                /// Reserved.
                reserved: 32,
                /// Token.
                token: 64,
            }
            /// Data of the multipath option, type 0x82.
            SrdOption = SRD_OPTION {
                /// Flow.
                flow: 16,
                /// Path.
                path: 8,
                /// Flags.
                flags: 8,
                /// Packet number.
                psn: 32,
                /// Cumulative acknowledgement.
                ack: 32,
                /// Selective acknowledgement, a bitmap.
                sack: 64,
            }
            /// Data of the endpoint option, type 0x83.
            EndpointOption = ENDPOINT_OPTION {
                /// Consumer's tenant.
                consumer_tenant: 32,
                /// Endpoint.
                endpoint: 32,
                /// Connection token.
                connection_token: 32,
            }
            /// A query to the mapping service, one beat at the port `query`.
            ServiceQuery = SERVICE_QUERY {
                /// VNI of the VPC.
                vni: 24,
                /// Route table.
                route_table: 8,
                /// Address that is looked for, IPv4 as v4-mapped.
                ip: 128,
            }
            /// What the mapping service replies, one beat at the port `reply`.
            ServiceReply = SERVICE_REPLY {
                /// VNI, as in the query.
                vni: 24,
                /// Route table, as in the query.
                route_table: 8,
                /// Address, as in the query.
                ip: 128,
                /// Nothing has this address; what follows does not count.
                negative: 1,
                /// The host speaks the multipath transport.
                srd: 1,
                /// Reserved.
                reserved: 3,
                /// Kind of destination (`MappingKind`).
                kind: 3,
                /// Epoch of the token.
                token_epoch: 8,
                /// Reserved.
                reserved_mtu: 2,
                /// Largest IP datagram of the guests on the path, in bytes.
                path_mtu: 14,
                /// Underlay address of the host, IPv4 as v4-mapped.
                underlay_ip: 128,
                /// MAC of the destination.
                mac: 48,
                /// Version of the mapping.
                version: 16,
                /// Token to send.
                token: 64,
                /// Security groups of the destination, a bitmap of those that rules refer to.
                groups: 64,
                /// Seconds for which the mapping serves, 0 for ever, at most 2^19 - 1.
                expiry: 32,
            }
        }
    };
}

/// Makes a [`Format`] constant of each entry, and their list.
macro_rules! constants {
    ($( $(#[$doc:meta])* $name:ident = $constant:ident { $( $(#[$field_doc:meta])* $field:ident: $width:tt, )* } )*) => {
        $(
            $(#[$doc])*
            pub const $constant: Format =
                Format::new(stringify!($name), &layout([$((stringify!($field), $width)),*]));
        )*

        /// All formats of this module.
        pub const ALL: &[Format] = &[$($constant),*];
    };
}
pub(crate) use constants;

formats!(constants);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test stops at the first surprise.
    use super::*;

    #[test]
    fn lengths_are_those_of_the_standards() {
        let lengths: Vec<_> = ALL.iter().map(|format| (format.name, format.bits)).collect();
        let bytes = [14, 4, 28, 20, 40, 8, 8, 20, 8, 8, 8, 24, 24, 8, 16, 8, 32, 8, 44, 8, 4, 16, 20, 12, 20, 68];
        assert_eq!(ALL.len(), bytes.len());
        for ((name, bits), bytes) in lengths.into_iter().zip(bytes) {
            assert_eq!(bits, 8 * bytes, "{name}");
        }
    }

    #[test]
    fn geneve_example_of_the_rfc_field_order() {
        let base = [("option_length", 5), ("critical", 1), ("protocol", 0x6558), ("vni", 4432)];
        assert_eq!(GENEVE.pack(&base).unwrap(), [0x05, 0x40, 0x65, 0x58, 0x00, 0x11, 0x50, 0x00]);
        let option = [("class", 0xff4e), ("option_type", 0x81), ("length", 4)];
        assert_eq!(GENEVE_OPTION.pack(&option).unwrap(), [0xff, 0x4e, 0x81, 0x04]);
    }
}
