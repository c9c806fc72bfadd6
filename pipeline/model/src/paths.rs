//! The two paths, stage by stage. The first stage that fails names the reason.

use std::sync::Arc;

use nitro_wire::control::Eni;
use nitro_wire::policy::Direction;
use nitro_wire::{DropReason, Flow};

use crate::conntrack::{Found, is_mid_stream, opens};
use crate::eni::is_exempt;
use crate::model::{Model, Verdict};
use crate::parser::Parsed;
use crate::responder::{self, Question};
use crate::security_group::{self, Admission, Facts};
use crate::token::inner_ip;
use crate::{decap, encap, eni, fragments, lookup, nacl, parser, path_mtu, token};

/// A guest's frame behind `eni`.
struct Sent<'a> {
    eni: &'a Eni,
    parsed: &'a Parsed,
    frame: &'a [u8],
}

/// A frame for the rx path of this card: VNI and bytes.
type Inner = Option<(u32, Vec<u8>)>;

impl Model {
    pub(crate) fn tx_path(
        &mut self,
        number: u8,
        frame: &[u8],
        error: bool,
        flow: &mut Flow,
        inner: &mut Inner,
    ) -> Result<Verdict, DropReason> {
        let parsed = parser::receive(frame, error);
        parsed.reason.map_or(Ok(()), Err)?;
        let eni = Arc::clone(eni::tx(&self.enis, number, &parsed)?);
        let sent = Sent { eni: &eni, parsed: &parsed, frame };
        if let Some(frame) = self.respond(&sent)? {
            return Ok(Verdict::Reply { eni: number, frame });
        }
        if is_exempt(&eni, &parsed, parsed.dst_ip) {
            let verdict = self.route(&sent, inner)?;
            if verdict.reason().is_none() {
                self.link_local.take(&eni).inspect_err(|_| *inner = None)?;
            }
            return Ok(verdict);
        }
        if fragments::is_later(&parsed) {
            let first = self.fragments.follow(number, Direction::Egress, &parsed);
            *flow = first.0;
            first.1?;
            return self.route(&sent, inner);
        }
        let verdict = self.tx_policed(&sent, flow, inner);
        if fragments::is_first(&parsed) {
            let reason = verdict.as_ref().map_or_else(|reason| Some(*reason), Verdict::reason);
            self.fragments.keep(number, Direction::Egress, &parsed, *flow, reason);
        }
        verdict
    }

    /// `responder`: the card's answer, if it has one.
    fn respond(&mut self, sent: &Sent<'_>) -> Result<Option<Vec<u8>>, DropReason> {
        let Sent { eni, parsed, frame } = sent;
        let gateway_mac = self.config.gateway_mac;
        if let Some(question) = responder::ask(&self.enis, eni, gateway_mac, parsed)? {
            if let Question::Address { target, is_gateway: false } = question {
                // Whatever comes of it, the answer is then found in the cache or not.
                let _ = self.lookup.resolve(eni, target);
            }
            return responder::answer(&self.lookup.cache, eni, gateway_mac, parsed, question).map(Some);
        }
        if let Some(reply) = responder::echo::reply(eni, gateway_mac, parsed, frame) {
            return Ok(Some(reply));
        }
        match responder::dhcp::reply(eni, gateway_mac, parsed, frame) {
            Some(reply) => Ok(Some(reply)),
            None if eni::seeks_dhcp(eni, parsed) => Err(DropReason::NoBroadcast),
            None => Ok(None),
        }
    }

    /// `conntrack`, `security_group`, `lookup`, `nacl`, `encap` of a packet that is no later fragment.
    fn tx_policed(&mut self, sent: &Sent<'_>, flow: &mut Flow, inner: &mut Inner) -> Result<Verdict, DropReason> {
        let Sent { eni, parsed, .. } = sent;
        let found = self.find(eni, Direction::Egress, parsed, flow)?;
        if found.flow == Flow::New {
            self.judge(eni, Direction::Egress, parsed, flow)?;
        }
        lookup::way(self.lookup.resolve(eni, parsed.dst_ip)?)?;
        nacl::judge(&self.config.subnets, eni, Direction::Egress, parsed)?;
        let verdict = self.route(sent, inner)?;
        if verdict.reason().is_none() {
            self.connect(&found, eni, Direction::Egress, parsed, *flow).inspect_err(|_| *inner = None)?;
        }
        Ok(verdict)
    }

    /// `lookup` and `encap`.
    fn route(&mut self, sent: &Sent<'_>, inner: &mut Inner) -> Result<Verdict, DropReason> {
        let Sent { eni, parsed, frame } = sent;
        let mapping = lookup::way(self.lookup.resolve(eni, parsed.dst_ip)?)?;
        if let Err(reason) = encap::check_length(mapping, parsed) {
            let message = path_mtu::message(eni, self.config.gateway_mac, parsed, frame, encap::mtu(mapping));
            return message.map_or(Err(reason), |frame| Ok(Verdict::Bounce { reason, eni: eni.number, frame }));
        }
        let bytes = encap::inner_frame(&self.config, eni, mapping, parsed, frame);
        if mapping.underlay_ip == self.config.underlay_ip {
            *inner = Some((eni.vni, bytes));
            return Ok(Verdict::Local);
        }
        encap::encap(&self.config, eni, mapping, parsed, &bytes).map(Verdict::Forward)
    }

    pub(crate) fn rx_path(&mut self, frame: &[u8], error: bool, flow: &mut Flow) -> Result<Verdict, DropReason> {
        let outer = parser::receive(frame, error);
        outer.reason.map_or(Ok(()), Err)?;
        let overlay = decap::check(&self.config, &outer, frame)?;
        let ip = inner_ip(overlay.inner);
        let destination = ip.map_or(0, |ip| ip.destination);
        let (keys, vni) = (&self.config.token_keys, overlay.vni);
        token::check(keys, vni, overlay.token_epoch, outer.src_ip, destination, overlay.token)?;
        // The stages behind these options do not exist yet: no flow and no endpoint is known.
        if overlay.layout.has_srd() {
            return Err(DropReason::SrdNoFlow);
        }
        if overlay.layout.has_endpoint() {
            return Err(DropReason::BadEndpoint);
        }
        let ecn = ip.map(|ip| decap::combine_ecn(ip.traffic_class & 3, overlay.ecn)).transpose()?;
        match (ip, ecn) {
            (Some(ip), Some(ecn)) => self.receive(vni, &decap::with_ecn(overlay.inner, &ip, ecn), flow),
            _ => self.receive(vni, overlay.inner, flow),
        }
    }

    /// An inner frame: `parser`, `eni`, `nacl`, `conntrack`, `security_group`.
    pub(crate) fn receive(&mut self, vni: u32, frame: &[u8], flow: &mut Flow) -> Result<Verdict, DropReason> {
        let parsed = parser::parse(frame);
        parsed.reason.map_or(Ok(()), Err)?;
        let eni = Arc::clone(eni::rx(&self.enis, vni, &parsed)?);
        let result = self.receive_for(&eni, &parsed, frame, flow);
        result.inspect_err(|reason| self.counters.lose(eni.number, *reason))
    }

    /// The same, when its interface is known.
    fn receive_for(
        &mut self,
        eni: &Eni,
        parsed: &Parsed,
        frame: &[u8],
        flow: &mut Flow,
    ) -> Result<Verdict, DropReason> {
        let number = eni.number;
        let delivered = Verdict::Deliver { eni: number, frame: frame.to_vec() };
        if is_exempt(eni, parsed, parsed.src_ip) {
            return Ok(delivered);
        }
        if fragments::is_later(parsed) {
            let first = self.fragments.follow(number, Direction::Ingress, parsed);
            *flow = first.0;
            return first.1.map(|()| delivered);
        }
        nacl::judge(&self.config.subnets, eni, Direction::Ingress, parsed)?;
        let result = self.rx_policed(eni, parsed, flow);
        if fragments::is_first(parsed) {
            self.fragments.keep(number, Direction::Ingress, parsed, *flow, result.err());
        }
        result.map(|()| delivered)
    }

    /// `conntrack` and `security_group` of a packet that is no later fragment.
    fn rx_policed(&mut self, eni: &Eni, parsed: &Parsed, flow: &mut Flow) -> Result<(), DropReason> {
        let found = self.find(eni, Direction::Ingress, parsed, flow)?;
        if found.flow == Flow::New {
            self.judge(eni, Direction::Ingress, parsed, flow)?;
        }
        self.connect(&found, eni, Direction::Ingress, parsed, *flow)
    }

    /// `conntrack`: the packet's connection.
    fn find(&self, eni: &Eni, direction: Direction, parsed: &Parsed, flow: &mut Flow) -> Result<Found, DropReason> {
        let found = self.conntrack.find(eni.number, direction, parsed);
        *flow = found.flow;
        if found.flow == Flow::New && self.config.strict_tcp && is_mid_stream(parsed) {
            return Err(DropReason::StrictTcp);
        }
        Ok(found)
    }

    /// `security_group`: whether a packet without a connection may pass, and whether it makes one.
    fn judge(&mut self, eni: &Eni, direction: Direction, parsed: &Parsed, flow: &mut Flow) -> Result<(), DropReason> {
        let peer = match direction {
            Direction::Egress => parsed.dst_ip,
            Direction::Ingress => parsed.src_ip,
        };
        let facts = Facts {
            ipv6: parsed.is_ipv6,
            protocol: parsed.protocol,
            peer,
            source_port: parsed.src_port,
            destination_port: parsed.dst_port,
            icmp: parsed.is_icmp.then_some((parsed.icmp_type, parsed.icmp_code)),
        };
        // Strict TCP demands a connection of every packet but the first, so there every flow has one.
        let must_track = self.config.strict_tcp && parsed.protocol == nitro_wire::constants::protocol::TCP;
        // Groups are asked for only where they decide: nobody shall be able to make the card ask by what is refused or admitted anyway.
        let admission = |groups| security_group::judge(&eni.policy, direction, &facts, groups);
        let groups = match (admission(0), admission(u64::MAX)) {
            (Admission::Refused, Admission::Tracked | Admission::Untracked) => self.lookup.groups(eni, peer),
            _ => 0,
        };
        match admission(groups) {
            Admission::Refused => return Err(DropReason::SecurityGroup),
            Admission::Untracked if !must_track => *flow = Flow::Untracked,
            Admission::Tracked | Admission::Untracked if !opens(parsed) => *flow = Flow::Untracked,
            Admission::Tracked | Admission::Untracked => {}
        }
        Ok(())
    }

    /// The packet passed everything else: its connection is made or kept alive.
    fn connect(
        &mut self,
        found: &Found,
        eni: &Eni,
        direction: Direction,
        parsed: &Parsed,
        flow: Flow,
    ) -> Result<(), DropReason> {
        match flow {
            Flow::New | Flow::Established => self.conntrack.pass(found, direction, parsed, &eni.policy),
            Flow::None | Flow::Related | Flow::Untracked => Ok(()),
        }
    }
}
