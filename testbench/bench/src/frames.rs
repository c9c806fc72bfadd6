//! The frames that the workloads send: real ones, for the VPC file in `vectors/vpc/default.toml`.

use std::path::Path;
use std::time::Duration;

use etherparse::PacketBuilder;
use nitro_replay::capture::CapturedFrame;
use nitro_replay::plan::{Plan, Planner, Timing};
use nitro_simulator::random::Random;
use nitro_vpc::Vpc;

use crate::BenchError;

const VPC: &str = include_str!("../../../vectors/vpc/default.toml");
const VPC_NAME: &str = "(embedded) vectors/vpc/default.toml";

const GUEST_MAC: [u8; 6] = [0x0a, 0x10, 0, 0, 0, 5];
const GATEWAY_MAC: [u8; 6] = [0x0a, 0, 0, 0, 0, 1];
const NEIGHBOUR_MAC: [u8; 6] = [0x0a, 0x10, 0, 0, 0, 0x20];

/// One end of the traffic.
struct Peer {
    mac: [u8; 6],
    ipv4: [u8; 4],
    ipv6: [u8; 16],
}

/// Bytes 0 and 1 are the prefix `fd00`, then the site and the subnet.
const fn ipv6(subnet: u8, host: u8) -> [u8; 16] {
    [0xfd, 0, 0, 0x10, 0, 0, 0, subnet, 0, 0, 0, 0, 0, 0, 0, host]
}

const GUEST: Peer = Peer { mac: GUEST_MAC, ipv4: [10, 0, 0, 5], ipv6: ipv6(0, 5) };
/// One behind the gateway, one in the guest's own subnet.
const PEERS: [Peer; 2] = [
    Peer { mac: GATEWAY_MAC, ipv4: [10, 0, 1, 20], ipv6: ipv6(1, 0x20) },
    Peer { mac: NEIGHBOUR_MAC, ipv4: [10, 0, 0, 20], ipv6: ipv6(0, 0x20) },
];

/// Lengths of frames without check sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sizes {
    /// The shortest Ethernet frame: 64 bytes with its check sequence.
    Least,
    /// IP packets of 1,500 bytes.
    Full,
    /// Half of them short, the others of any length up to a full one.
    Mixed,
}

const LEAST_FRAME: usize = 60;
const FULL_FRAME: usize = 1514;

impl Sizes {
    fn draw(self, random: &mut Random) -> usize {
        match self {
            Self::Least => LEAST_FRAME,
            Self::Full => FULL_FRAME,
            Self::Mixed if random.below(2) == 0 => LEAST_FRAME + random.below(40),
            Self::Mixed => LEAST_FRAME + random.below(FULL_FRAME - LEAST_FRAME + 1),
        }
    }
}

/// Port of the guest and of its peers in all flows.
const GUEST_PORT: u16 = 40_000;
const PEER_PORT: u16 = 443;

/// Bytes below which a frame carries neither IPv6 nor TCP.
const LEAST_OTHER: usize = 80;

/// One of the flows between the guest and its peers: few, so that every card tracks them all.
#[derive(Clone, Copy)]
struct Flow {
    peer: &'static Peer,
    over_ipv6: bool,
    tcp: bool,
}

impl Flow {
    /// Every flow.
    fn all() -> impl Iterator<Item = Self> {
        let kinds = [(false, false), (false, true), (true, false), (true, true)];
        PEERS.iter().flat_map(move |peer| kinds.map(|(over_ipv6, tcp)| Self { peer, over_ipv6, tcp }))
    }

    /// Any flow that a frame of so many bytes has room for.
    fn draw(length: usize, random: &mut Random) -> Self {
        let roomy = length >= LEAST_OTHER;
        let peer = &PEERS[random.below(PEERS.len())];
        Self { peer, over_ipv6: roomy && random.below(2) == 0, tcp: roomy && random.below(2) == 0 }
    }

    /// A packet of it, in a frame of so many bytes.
    fn packet(self, to_guest: bool, length: usize, random: &mut Random) -> Vec<u8> {
        let (mut from, mut to) = ((&GUEST, GUEST_PORT), (self.peer, PEER_PORT));
        if to_guest {
            std::mem::swap(&mut from, &mut to);
        }
        let ((from, source), (to, destination)) = (from, to);
        let builder = PacketBuilder::ethernet2(from.mac, to.mac);
        let builder =
            if self.over_ipv6 { builder.ipv6(from.ipv6, to.ipv6, 64) } else { builder.ipv4(from.ipv4, to.ipv4, 64) };
        let headers = 14 + if self.over_ipv6 { 40 } else { 20 } + if self.tcp { 20 } else { 8 };
        let payload: Vec<u8> = (headers..length).map(|_| (random.word() >> 56) as u8).collect();
        let mut frame = Vec::with_capacity(length);
        // Writing into a vector does not fail, and the length is within IP's.
        if self.tcp {
            let (sequence, acknowledge) = ((random.word() >> 32) as u32, (random.word() >> 32) as u32);
            let _ = builder.tcp(source, destination, sequence, 4096).ack(acknowledge).write(&mut frame, &payload);
        } else {
            let _ = builder.udp(source, destination).write(&mut frame, &payload);
        }
        frame
    }
}

/// The embedded VPC file.
pub(crate) fn vpc() -> Result<Vpc, BenchError> {
    Ok(Vpc::parse(VPC, Path::new(VPC_NAME))?)
}

/// What the card is offered before the clocks that count, a packet of the guest in each flow, and then over and over, `count` frames in each
/// direction: those to the guest wrapped as their senders would; and the configuration that lets them all through.
pub(crate) struct Traffic {
    pub(crate) first: Plan,
    pub(crate) steady: Plan,
}

/// Frames of the flows between the guest and its peers.
pub(crate) fn traffic(vpc: &Vpc, sizes: Sizes, count: usize, seed: u64) -> Traffic {
    let mut random = Random::new(seed);
    let first = Flow::all().map(|flow| flow.packet(false, LEAST_OTHER, &mut random)).collect();
    let mut steady = Vec::with_capacity(2 * count);
    for _ in 0..count {
        for to_guest in [false, true] {
            let length = sizes.draw(&mut random);
            steady.push(Flow::draw(length, &mut random).packet(to_guest, length, &mut random));
        }
    }
    let plan = |frames: Vec<Vec<u8>>| {
        let frames: Vec<_> = frames.into_iter().map(|bytes| CapturedFrame { time: Duration::ZERO, bytes }).collect();
        Planner::new(vpc, None).plan(&frames, Timing::Dense, usize::MAX)
    };
    Traffic { first: plan(first), steady: plan(steady) }
}
