//! First half of the tx stage: which ENI is it, and what does its row say?
//!
//! Ports: `rx`, `tx`, `table`, `gateway_mac`. Latency: [`LATENCY`]. A frame of an ENI that is not configured has nothing
//! to be compared with and gets `no_such_eni`; `spoofed_mac` is found here too, as it needs no table but the row.

use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::DropReason;
use nitro_wire::constants::{icmp, icmpv6, protocol};
use rust_hdl::prelude::*;

use super::rows::EniRows;
use super::subnet::EniSubnet;
use crate::format::EniRow;
use crate::reason::{Reason, reason};
use crate::record::Packet;
use crate::table::TableWrite;

/// Clocks from `rx` to `tx`.
pub const LATENCY: usize = 2;

/// Finds the ENI of a frame among `2^EA`, and compares what its row alone decides.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct EniIdentify<const EA: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// From the parser.
    pub rx: FlowRx<Packet>,
    /// With `eni`, `has_eni`, `vni`, `eni_mac`, `route_table`, `subnet`, `lookup_ip`, `in_subnet`, `exempt`, `is_gateway`,
    /// `solicits`, `solicits_router`, `prefix_length`, `echoes`, `seeks_dhcp`, `told`, `gateway_ip`, `source_checked`, `to_group` set.
    pub tx: FlowTx<Packet>,
    /// Writes to the ENI table.
    pub table: FlowRx<TableWrite>,
    /// The MAC that guests see for their gateway.
    pub gateway_mac: Signal<In, Bits<48>>,
    /// The ENI table has been cleared after reset, a row a clock.
    pub ready: Signal<Out, Bit>,
    rows: EniRows<EA>,
    place: EniSubnet,
    row: DFF<EniRow>,
    in_range: DFF<Bit>,
    packet: DFF<Packet>,
    packet_valid: Register<Bit>,
    found: DFF<Packet>,
    found_valid: Register<Bit>,
    known: Signal<Local, Bit>,
    solicits: Signal<Local, Bit>,
    solicits_router: Signal<Local, Bit>,
    discovers: Signal<Local, Bit>,
    target: Signal<Local, Bits<128>>,
    is_gateway4: Signal<Local, Bit>,
    is_broadcast4: Signal<Local, Bit>,
    is_gateway6: Signal<Local, Bit>,
    is_link_local: Signal<Local, Bit>,
    is_dhcp: Signal<Local, Bit>,
    calls_dhcp: Signal<Local, Bit>,
    seeks_dhcp: Signal<Local, Bit>,
    asks_echo: Signal<Local, Bit>,
    echoes: Signal<Local, Bit>,
    reports_error: Signal<Local, Bit>,
    from_host: Signal<Local, Bit>,
    told: Signal<Local, Bit>,
    may_be_foreign: Signal<Local, Bit>,
    to_group: Signal<Local, Bit>,
    spoofs_mac: Signal<Local, Bit>,
    router_solicitation: Constant<Bits<8>>,
    neighbour_solicitation: Constant<Bits<8>>,
    redirect: Constant<Bits<8>>,
    udp: Constant<Bits<8>>,
    echo4: Constant<Bits<8>>,
    echo6: Constant<Bits<8>>,
    errors4: Vec<Constant<Bits<8>>>,
    mapped: Constant<Bits<128>>,
    spoofed_mac: Reason,
    no_such_eni: Reason,
}

impl<const EA: usize> Default for EniIdentify<EA> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            rx: FlowRx::default(),
            tx: FlowTx::default(),
            table: FlowRx::default(),
            gateway_mac: Signal::default(),
            ready: Signal::default(),
            rows: EniRows::default(),
            place: EniSubnet::default(),
            row: DFF::default(),
            in_range: DFF::default(),
            packet: DFF::default(),
            packet_valid: Register::default(),
            found: DFF::default(),
            found_valid: Register::default(),
            known: Signal::default(),
            solicits: Signal::default(),
            solicits_router: Signal::default(),
            discovers: Signal::default(),
            target: Signal::default(),
            is_gateway4: Signal::default(),
            is_broadcast4: Signal::default(),
            is_gateway6: Signal::default(),
            is_link_local: Signal::default(),
            is_dhcp: Signal::default(),
            calls_dhcp: Signal::default(),
            seeks_dhcp: Signal::default(),
            asks_echo: Signal::default(),
            echoes: Signal::default(),
            reports_error: Signal::default(),
            from_host: Signal::default(),
            told: Signal::default(),
            may_be_foreign: Signal::default(),
            to_group: Signal::default(),
            spoofs_mac: Signal::default(),
            router_solicitation: Constant::new(icmpv6::ROUTER_SOLICITATION.to_bits()),
            neighbour_solicitation: Constant::new(icmpv6::NEIGHBOUR_SOLICITATION.to_bits()),
            redirect: Constant::new(icmpv6::REDIRECT.to_bits()),
            udp: Constant::new(protocol::UDP.to_bits()),
            echo4: Constant::new(icmp::ECHO_REQUEST.to_bits()),
            echo6: Constant::new(icmpv6::ECHO_REQUEST.to_bits()),
            errors4: icmp::ERRORS.iter().map(|kind| Constant::new(kind.to_bits())).collect(),
            mapped: Constant::new(bits::<128>(0xffff) << 32),
            spoofed_mac: reason(DropReason::SpoofedMac),
            no_such_eni: reason(DropReason::NoSuchEni),
        }
    }
}

impl<const EA: usize> Logic for EniIdentify<EA> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, row, in_range, packet, packet_valid, found, found_valid);
        clock!(self, clock, rows);
        self.packet_valid.reset.next = self.reset.val();
        self.found_valid.reset.next = self.reset.val();
        self.rows.reset.next = self.reset.val();
        FlowRx::<TableWrite>::link(&mut self.table, &mut self.rows.table);
        self.ready.next = self.rows.ready.val();

        // Clock 1: the row. A port number beyond the table is no ENI.
        self.rows.number.next = self.rx.payload.val().port;
        self.packet_valid.d.next = self.rx.tvalid.val();
        if self.rx.tvalid.val() {
            self.packet.d.next = self.rx.payload.val();
            self.row.d.next = self.rows.row.val();
            self.in_range.d.next = self.rows.in_range.val();
        }

        // Clock 2: whom does the packet want, and may it say that it comes from where it says?
        self.known.next = self.in_range.q.val() && self.row.q.val().valid;
        self.discovers.next = self.packet.q.val().is_ipv6 && self.packet.q.val().is_icmp;
        self.solicits_router.next =
            self.discovers.val() && (self.packet.q.val().icmp_type == self.router_solicitation.val());
        self.solicits.next = self.packet.q.val().is_arp
            || self.solicits_router.val()
            || (self.discovers.val() && (self.packet.q.val().icmp_type == self.neighbour_solicitation.val()));
        self.target.next = self.packet.q.val().dst_ip;
        if self.discovers.val() && (self.packet.q.val().icmp_type == self.neighbour_solicitation.val()) {
            self.target.next = self.packet.q.val().nd_target;
        }

        self.place.row.next = self.row.q.val();
        self.place.is_ipv4.next = self.packet.q.val().is_arp || self.packet.q.val().is_ipv4;
        self.place.is_ipv6.next = self.packet.q.val().is_ipv6;
        self.place.address.next = self.target.val();
        self.is_gateway4.next =
            self.packet.q.val().is_arp && self.place.in_subnet4.val() && (self.place.beyond4.val() == bits::<32>(1));
        self.is_broadcast4.next =
            self.place.in_subnet4.val() && (self.target.val().get_bits::<32>(0) | self.row.q.val().subnet4_mask).all();

        // The gateway's link-local address: fe80::/64 and the EUI-64 of its MAC.
        self.is_link_local.next = (self.target.val().get_bits::<64>(64) == bits::<64>(0xfe80_0000_0000_0000_u64))
            && (self.target.val().get_bits::<24>(40)
                == (self.gateway_mac.val().get_bits::<24>(24) ^ bits::<24>(0x02_0000)))
            && (self.target.val().get_bits::<16>(24) == bits::<16>(0xfffe))
            && (self.target.val().get_bits::<24>(0) == self.gateway_mac.val().get_bits::<24>(0));
        self.is_gateway6.next = self.packet.q.val().is_ipv6
            && (self.is_link_local.val()
                || (self.place.in_subnet6.val() && (self.place.beyond6.val() == bits::<128>(1))));

        // Echo requests to the gateway of the subnet, in one piece; an answer of any length is made of them.
        self.asks_echo.next = self.packet.q.val().is_icmp
            && (self.packet.q.val().icmp_code == bits::<8>(0))
            && !self.packet.q.val().ip_options
            && !self.packet.q.val().more_fragments
            && (self.packet.q.val().fragment_offset == bits::<13>(0));
        self.echoes.next = self.asks_echo.val()
            && ((self.packet.q.val().is_ipv4
                && (self.packet.q.val().icmp_type == self.echo4.val())
                && self.place.in_subnet4.val()
                && (self.place.beyond4.val() == bits::<32>(1)))
                || (self.packet.q.val().is_ipv6
                    && (self.packet.q.val().icmp_type == self.echo6.val())
                    && self.place.in_subnet6.val()
                    && (self.place.beyond6.val() == bits::<128>(1))));

        // Who hears that a packet is too big: a host's own address, from the gateway, about no error and no later fragment of
        // IPv4 (RFC 1812, section 4.3.2.7; RFC 4443, section 2.4).
        self.reports_error.next = false;
        if self.packet.q.val().is_ipv6 {
            self.reports_error.next = self.packet.q.val().is_icmp
                && (!self.packet.q.val().icmp_type.get_bit(7)
                    || (self.packet.q.val().icmp_type == self.redirect.val()));
        } else {
            for i in 0..self.errors4.len() {
                if self.packet.q.val().is_icmp && (self.packet.q.val().icmp_type == self.errors4[i].val()) {
                    self.reports_error.next = true;
                }
            }
        }
        if self.packet.q.val().is_ipv6 {
            self.from_host.next = self.packet.q.val().src_ip.get_bits::<127>(1).any()
                && !self.packet.q.val().src_ip.get_bits::<8>(120).all()
                && self.row.q.val().subnet6_valid;
        } else {
            // Neither 0.0.0.0/8, nor 127.0.0.0/8, nor 224.0.0.0/3.
            self.from_host.next = self.packet.q.val().src_ip.get_bits::<8>(24).any()
                && (self.packet.q.val().src_ip.get_bits::<8>(24) != bits::<8>(127))
                && !self.packet.q.val().src_ip.get_bits::<3>(29).all()
                && (self.packet.q.val().fragment_offset == bits::<13>(0))
                && self.row.q.val().subnet4_valid;
        }
        self.told.next = self.packet.q.val().dont_fragment && self.from_host.val() && !self.reports_error.val();

        // A client's DHCP messages, in one piece; to all or to the gateway of the subnet. An ARP probe has no address yet, neither
        // has a DHCP client that calls to all, nor a host that looks for its router.
        self.is_dhcp.next = self.packet.q.val().is_ipv4
            && (self.packet.q.val().protocol == self.udp.val())
            && !self.packet.q.val().ip_options
            && !self.packet.q.val().more_fragments
            && (self.packet.q.val().fragment_offset == bits::<13>(0))
            && (self.packet.q.val().src_port == bits::<16>(68))
            && (self.packet.q.val().dst_port == bits::<16>(67));
        self.calls_dhcp.next = self.is_dhcp.val() && self.packet.q.val().dst_ip.get_bits::<32>(0).all();
        self.seeks_dhcp.next = self.calls_dhcp.val()
            || (self.is_dhcp.val() && self.place.in_subnet4.val() && (self.place.beyond4.val() == bits::<32>(1)));
        self.may_be_foreign.next = ((self.packet.q.val().is_arp || self.calls_dhcp.val())
            && !self.packet.q.val().src_ip.get_bits::<32>(0).any())
            || (self.discovers.val()
                && (self.packet.q.val().icmp_type >= self.router_solicitation.val())
                && (self.packet.q.val().icmp_type <= self.redirect.val())
                && ((self.packet.q.val().src_ip.get_bits::<10>(118) == bits::<10>(0x3fa))
                    || !self.packet.q.val().src_ip.any()));
        self.to_group.next = self.packet.q.val().dst_mac.get_bit(40)
            || (self.packet.q.val().is_ipv4
                && ((self.packet.q.val().dst_ip.get_bits::<4>(28) == bits::<4>(0xe))
                    || self.packet.q.val().dst_ip.get_bits::<32>(0).all()
                    || self.is_broadcast4.val()))
            || (self.packet.q.val().is_ipv6 && self.packet.q.val().dst_ip.get_bits::<8>(120).all());
        self.spoofs_mac.next = self.row.q.val().source_dest_check
            && ((self.packet.q.val().src_mac != self.row.q.val().mac)
                || (self.packet.q.val().is_arp && (self.packet.q.val().arp_sender_mac != self.row.q.val().mac)));

        self.found_valid.d.next = self.packet_valid.q.val();
        if self.packet_valid.q.val() {
            self.found.d.next = self.packet.q.val();
            self.found.d.next.eni = self.packet.q.val().port;
            self.found.d.next.has_eni = self.known.val();
            self.found.d.next.vni = self.row.q.val().vni;
            self.found.d.next.eni_mac = self.row.q.val().mac;
            self.found.d.next.route_table = self.row.q.val().route_table;
            self.found.d.next.lookup_ip = self.target.val();
            self.found.d.next.subnet = self.row.q.val().subnet;
            self.found.d.next.exempt = self.place.exempt.val();
            self.found.d.next.in_subnet = self.place.in_subnet4.val() || self.place.in_subnet6.val();
            self.found.d.next.is_gateway = self.is_gateway4.val() || self.is_gateway6.val();
            self.found.d.next.solicits = self.solicits.val();
            self.found.d.next.solicits_router = self.solicits_router.val();
            self.found.d.next.prefix_length = self.row.q.val().subnet6_length;
            self.found.d.next.echoes = self.echoes.val();
            self.found.d.next.seeks_dhcp = self.seeks_dhcp.val();
            self.found.d.next.told = self.told.val();
            self.found.d.next.gateway_ip =
                self.mapped.val() | bit_cast::<128, 32>(self.row.q.val().subnet4) | bits::<128>(1);
            if self.packet.q.val().is_ipv6 {
                self.found.d.next.gateway_ip = self.row.q.val().subnet6 | bits::<128>(1);
            }
            if self.solicits_router.val() {
                // Asked for is the subnet itself.
                self.found.d.next.lookup_ip = self.row.q.val().subnet6 & self.row.q.val().subnet6_mask;
                self.found.d.next.in_subnet = self.row.q.val().subnet6_valid;
                self.found.d.next.is_gateway = true;
            }
            self.found.d.next.source_checked =
                self.known.val() && self.row.q.val().source_dest_check && !self.may_be_foreign.val();
            self.found.d.next.to_group =
                self.known.val() && self.to_group.val() && !self.solicits.val() && !self.seeks_dhcp.val();
            if self.packet.q.val().reason == bits::<6>(0) {
                if !self.known.val() {
                    self.found.d.next.reason = self.no_such_eni.val();
                } else if self.spoofs_mac.val() {
                    self.found.d.next.reason = self.spoofed_mac.val();
                }
            }
        }
        self.tx.payload.next = self.found.q.val();
        self.tx.tvalid.next = self.found_valid.q.val();
    }
}
