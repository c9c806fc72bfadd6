//! A card with something at each of its ports, and frames for it.

use std::net::{IpAddr, Ipv4Addr};

use etherparse::PacketBuilder;
use nitro_card::catalogue::card_entry;
use nitro_card::config::Config;
use nitro_components::bench::{self, Packet, PacketSink, PacketSource, Sink};
use nitro_driver::{AxiLite, Driver, DriverError};
use nitro_model::{Sender, wrap};
use nitro_simulator::InterpretedEngine;
use nitro_wire::Layout;
use nitro_wire::control::{CardConfig, ip_bits};
use nitro_wire::policy::{EniPolicy, Peer, Prefix, Protocol, SecurityRule};

use crate::BenchError;
use crate::frames;

const GUEST_MAC: [u8; 6] = [0x0a, 0x10, 0, 0, 0, 5];
const PEER_MAC: [u8; 6] = [0x0a, 0x10, 0, 0, 0, 0x20];
const GUEST: [u8; 4] = [10, 0, 0, 5];
const PEER: [u8; 4] = [10, 0, 0, 20];
/// The host of the peer.
const PEER_HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(100, 64, 0, 3));
/// Bytes of a UDP datagram's headers with Ethernet.
const UDP_HEADERS: usize = 42;
/// Clocks after which everything that was under way has come to an end, but for what waits at a port.
pub(super) const REST: u64 = 2_000;

/// A card, ports and all.
pub(super) struct Rig {
    pub(super) engine: InterpretedEngine,
    /// `guest_rx` and `net_rx`.
    pub(super) sources: [PacketSource; 2],
    /// `net_tx` and `guest_tx`.
    pub(super) sinks: [PacketSink; 2],
    /// Events of each path: verdict, reason.
    pub(super) events: [Sink; 2],
    pub(super) card: CardConfig,
    /// Clocks so far, as the sinks count them.
    pub(super) now: u64,
}

/// What the guest may send: datagrams of UDP and all of TCP, in single rules for its neighbour.
pub(super) fn policy(egress: Vec<SecurityRule>) -> EniPolicy {
    let all = SecurityRule {
        protocol: Protocol::All,
        peer: Peer::Prefix(Prefix { address: IpAddr::from([10, 0, 0, 0]), length: 8 }),
    };
    let egress = if egress.is_empty() { vec![all] } else { egress };
    EniPolicy { egress, ingress: vec![all], ..EniPolicy::closed() }
}

/// The rule for one port of the neighbour.
pub(super) fn port_rule(port: u16) -> SecurityRule {
    SecurityRule {
        protocol: Protocol::Udp(port, port),
        peer: Peer::Prefix(Prefix { address: IpAddr::from(PEER), length: 32 }),
    }
}

/// A datagram of the guest to its neighbour in a frame of so many bytes, without check sequence.
pub(super) fn datagram(bytes: usize, source_port: u16, destination_port: u16) -> Vec<u8> {
    let payload = vec![0x5a; bytes.saturating_sub(UDP_HEADERS)];
    let mut frame = Vec::with_capacity(bytes);
    // Writing into a vector does not fail, and no length is beyond IP's.
    let _ = PacketBuilder::ethernet2(GUEST_MAC, PEER_MAC)
        .ipv4(GUEST, PEER, 64)
        .udp(source_port, destination_port)
        .write(&mut frame, &payload);
    frame
}

/// The neighbour's datagram to the guest.
pub(super) fn answer(bytes: usize, source_port: u16, destination_port: u16) -> Vec<u8> {
    let payload = vec![0xa5; bytes.saturating_sub(UDP_HEADERS)];
    let mut frame = Vec::with_capacity(bytes);
    let _ = PacketBuilder::ethernet2(PEER_MAC, GUEST_MAC)
        .ipv4(PEER, GUEST, 64)
        .udp(source_port, destination_port)
        .write(&mut frame, &payload);
    frame
}

/// A SYN of the guest, as short as Ethernet allows.
pub(super) fn syn(source_port: u16, destination_port: u16) -> Vec<u8> {
    let mut frame = Vec::with_capacity(60);
    let _ = PacketBuilder::ethernet2(GUEST_MAC, PEER_MAC)
        .ipv4(GUEST, PEER, 64)
        .tcp(source_port, destination_port, 1, 1024)
        .syn()
        .write(&mut frame, &[]);
    frame.resize(60, 0);
    frame
}

/// The guest asks who has its gateway's address.
pub(super) fn arp_request() -> Vec<u8> {
    let mut frame = [[0xff; 6], GUEST_MAC].concat();
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(GUEST_MAC);
    frame.extend(GUEST);
    frame.extend([0; 6]);
    frame.extend([10, 0, 0, 1]);
    frame.resize(60, 0);
    frame
}

impl Rig {
    /// A card out of reset, programmed for one guest of this policy, its clock of timeouts at rest.
    pub(super) fn new(config: Config, policy: EniPolicy) -> Result<Self, BenchError> {
        let vpc = frames::vpc()?;
        // The mappings of everybody.
        let mut card = frames::traffic(&vpc, frames::Sizes::Full, 64, 1).steady.whole_config();
        card.clocks_per_tick = 0;
        for eni in &mut card.enis {
            eni.policy = policy.clone();
        }
        let mut engine = card_entry(config).interpreted()?;
        bench::reset(&mut engine, 2)?;
        let port = AxiLite::new(&mut engine).map_err(DriverError::from)?;
        Driver::open(port, card.hash_key)?.configure(&card)?;
        let mut sinks = [PacketSink::new(&engine, "net_tx", 0.0, 0)?, PacketSink::new(&engine, "guest_tx", 0.0, 0)?];
        let events = ["tx_event", "rx_event"];
        let [tx, rx] = events.map(|port| Sink::new(&engine, port, &["verdict", "reason"], 0.0, 0));
        for sink in &mut sinks {
            // Known to hold; checking it takes as long as everything else.
            sink.stream.check_independence(false);
        }
        Ok(Self {
            sources: [PacketSource::new(&engine, "guest_rx", 0.0, 0)?, PacketSource::new(&engine, "net_rx", 0.0, 0)?],
            sinks,
            events: [tx?, rx?],
            card,
            engine,
            now: 0,
        })
    }

    pub(super) fn clock(&mut self) -> Result<(), BenchError> {
        let [guest_rx, net_rx] = &mut self.sources;
        let [net_tx, guest_tx] = &mut self.sinks;
        let [tx, rx] = &mut self.events;
        let sources = &mut [&mut guest_rx.stream, &mut net_rx.stream];
        bench::clock(&mut self.engine, sources, &mut [&mut net_tx.stream, &mut guest_tx.stream, tx, rx])?;
        self.now += 1;
        Ok(())
    }

    pub(super) fn run(&mut self, clocks: u64) -> Result<(), BenchError> {
        (0..clocks).try_for_each(|_| self.clock())
    }

    /// Forgets what has come out so far.
    pub(super) fn forget(&mut self) {
        for sink in &mut self.sinks {
            while sink.stream.pop().is_some() {}
        }
        for events in &mut self.events {
            while events.pop().is_some() {}
        }
    }

    /// Queues a frame of the guest (0), or one to the guest (1) as its host would wrap it.
    pub(super) fn push(&mut self, path: usize, frame: &[u8]) -> Result<(), BenchError> {
        let bytes = if path == 0 { frame.to_vec() } else { self.wrapped(frame)? };
        self.sources[path].push(&Packet { bytes, tuser: 0 });
        Ok(())
    }

    fn wrapped(&self, frame: &[u8]) -> Result<Vec<u8>, BenchError> {
        let card = &self.card;
        let (token_epoch, token_key) = card.token_keys.last().copied().unwrap_or_default();
        let sender = Sender {
            underlay_ip: ip_bits(PEER_HOST),
            underlay_mac: card.next_hop_mac,
            card_ip: ip_bits(card.underlay_ip),
            card_mac: card.underlay_mac,
            vni: card.enis.first().map_or(0, |eni| eni.vni),
            token_epoch,
            token_key,
            flow_key: card.flow_key,
            source_eni: 0,
            layout: Layout::Token,
        };
        wrap(&sender, frame).map_err(|_| BenchError::Traffic("a frame is too long for the underlay".into()))
    }

    /// Clocks of the events of a path, none of them a drop.
    pub(super) fn passed(&mut self, path: usize) -> Result<Vec<u64>, BenchError> {
        let events = std::iter::from_fn(|| self.events[path].pop());
        events
            .map(|(clock, item)| match item[0][0] {
                1 => {
                    Err(BenchError::Traffic(format!("a packet was dropped for reason {} at clock {clock}", item[1][0])))
                }
                _ => Ok(clock),
            })
            .collect()
    }
}
