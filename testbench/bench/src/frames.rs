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

/// A UDP or TCP packet over IPv4, or over IPv6 where that leaves room, of a length in bytes.
fn packet(from: &Peer, to: &Peer, length: usize, random: &mut Random) -> Vec<u8> {
    let ports = random.word();
    let (source, destination) = ((ports & 0xffff) as u16 | 1024, (ports >> 16 & 0xffff) as u16 | 1);
    let builder = PacketBuilder::ethernet2(from.mac, to.mac);
    let over_ipv6 = length > LEAST_FRAME && random.below(2) == 0;
    let tcp = length >= 80 && random.below(2) == 0;
    let builder = if over_ipv6 { builder.ipv6(from.ipv6, to.ipv6, 64) } else { builder.ipv4(from.ipv4, to.ipv4, 64) };
    let headers = 14 + if over_ipv6 { 40 } else { 20 } + if tcp { 20 } else { 8 };
    let payload: Vec<u8> = (headers..length).map(|_| (random.word() >> 56) as u8).collect();
    let mut frame = Vec::with_capacity(length);
    // Writing into a vector does not fail, and the length is within IP's.
    if tcp {
        let (sequence, acknowledge) = ((random.word() >> 32) as u32, (random.word() >> 32) as u32);
        let _ = builder.tcp(source, destination, sequence, 4096).ack(acknowledge).write(&mut frame, &payload);
    } else {
        let _ = builder.udp(source, destination).write(&mut frame, &payload);
    }
    frame
}

/// The embedded VPC file.
pub(crate) fn vpc() -> Result<Vpc, BenchError> {
    Ok(Vpc::parse(VPC, Path::new(VPC_NAME))?)
}

/// What the card is offered, `count` frames in each direction: those to the guest wrapped as their senders would; and the
/// configuration that lets them all through.
pub(crate) fn plan(vpc: &Vpc, sizes: Sizes, count: usize, seed: u64) -> Plan {
    let mut random = Random::new(seed);
    let mut frames = Vec::with_capacity(2 * count);
    for _ in 0..count {
        let peer = &PEERS[random.below(PEERS.len())];
        let length = sizes.draw(&mut random);
        frames.push(packet(&GUEST, peer, length, &mut random));
        let length = sizes.draw(&mut random);
        frames.push(packet(peer, &GUEST, length, &mut random));
    }
    let frames: Vec<_> = frames.into_iter().map(|bytes| CapturedFrame { time: Duration::ZERO, bytes }).collect();
    Planner::new(vpc, None).plan(&frames, Timing::Dense, usize::MAX)
}
