//! How fast the path is: latency, and frames per clock, from `guest_rx` to `net_tx` and `guest_tx` of a card whose other side is idle.

use nitro_card::config::Config;
use nitro_card::tx_path::LATENCY;
use nitro_components::bench::{self, Packet, PacketSource, Sink};
use nitro_model::checksum::checksum;
use nitro_wire::formats::{ARP, ETHERNET, IPV4, UDP};

use crate::setup::config;
use crate::whole::{EVENT, Frame, Rates, Strictness, Whole};

/// Ethernet header of a frame of ENI 0.
fn ethernet(ethertype: u128) -> Vec<u8> {
    ETHERNET.pack(&[("dst", 0x0a00_0000_0001), ("src", 0x0a10_0000_0005), ("ethertype", ethertype)]).unwrap()
}

/// A UDP datagram of ENI 0 in a frame of so many bytes, to 10.0.0.20, port `port`.
pub fn datagram(bytes: usize, port: u16) -> Packet {
    let mut ip = IPV4
        .pack(&[
            ("version", 4),
            ("ihl", 5),
            ("total_length", bytes as u128 - 14),
            ("ttl", 64),
            ("protocol", 17),
            ("src", 0x0a00_0005),
            ("dst", 0x0a00_0014),
        ])
        .unwrap();
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let mut frame = ethernet(0x0800);
    frame.extend(ip);
    frame.extend(UDP.pack(&[("dst_port", port.into()), ("length", bytes as u128 - 34)]).unwrap());
    frame.resize(bytes, 0);
    Packet { bytes: frame, tuser: 0 }
}

/// A frame that is forwarded.
pub fn known(bytes: usize) -> Packet {
    datagram(bytes, 0)
}

/// A frame that is dropped: it claims another MAC.
fn spoofed(bytes: usize) -> Packet {
    let mut packet = known(bytes);
    packet.bytes[11] ^= 1;
    packet
}

/// An ARP request for the gateway.
pub fn request() -> Packet {
    let arp = [
        ("hardware_type", 1),
        ("protocol_type", 0x0800),
        ("hardware_length", 6),
        ("protocol_length", 4),
        ("operation", 1),
        ("sender_mac", 0x0a10_0000_0005),
        ("sender_ip", 0x0a00_0005),
        ("target_ip", 0x0a00_0001),
    ];
    let mut frame = ethernet(0x0806);
    frame.extend(ARP.pack(&arp).unwrap());
    frame.resize(60, 0);
    Packet { bytes: frame, tuser: 0 }
}

/// A card that knows the connection of [`known`].
fn acquainted(configuration: Config) -> Whole {
    let mut whole = Whole::new(configuration, &config(), Rates { idle: 0.0, pressure: 0.0, seed: 0 });
    whole.turn(&[Frame::tx(0, known(64).bytes)], Strictness::Full).unwrap();
    whole
}

/// Clocks, from that of the first beat in, at which beats left at `port`, and at which events came, when the packets are offered without a pause.
fn burst(configuration: Config, packets: &[Packet], port: &str) -> (Vec<u64>, Vec<u64>) {
    let mut engine = acquainted(configuration).engine;
    let mut source = PacketSource::new(&engine, "guest_rx", 0.0, 0).unwrap();
    let mut sink = Sink::new(&engine, port, &["tlast"], 0.0, 0).unwrap();
    let other = if port == "net_tx" { "guest_tx" } else { "net_tx" };
    let mut idle = Sink::new(&engine, other, &["tlast"], 0.0, 0).unwrap();
    let mut event = Sink::new(&engine, "tx_event", &EVENT, 0.0, 0).unwrap();
    packets.iter().for_each(|packet| source.push(packet));
    let (mut beats, mut events) = (Vec::new(), Vec::new());
    for now in 0..20_000 {
        let sinks: &mut [&mut Sink] = &mut [&mut sink, &mut idle, &mut event];
        bench::clock(&mut engine, &mut [&mut source.stream], sinks).unwrap();
        beats.extend(std::iter::from_fn(|| sink.pop()).map(|(clock, _)| clock));
        events.extend(std::iter::from_fn(|| event.pop()).map(|(clock, _)| clock));
        // Verdicts come before the beats of what they let pass.
        let last = beats.last().max(events.last());
        if events.len() == packets.len() && last.is_some_and(|last| last + 100 < now) {
            break;
        }
    }
    assert_eq!(events.len(), packets.len());
    (beats, events)
}

/// The clocks follow each other without a gap.
pub fn gapless(clocks: &[u64]) -> bool {
    clocks.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

#[test]
fn latency_of_known_flows_is_constant_and_as_stated() {
    let (beats, _) = burst(Config::Line, &[known(64)], "net_tx");
    assert_eq!(beats[0], LATENCY as u64);
    println!("tx latency of known flows: {LATENCY} clocks");
    const { assert!(LATENCY <= 60, "the contract's limit") };
    let mut engine = acquainted(Config::Line).engine;
    let mut source = PacketSource::new(&engine, "guest_rx", 0.0, 0).unwrap();
    let mut sink = Sink::new(&engine, "net_tx", &["tlast"], 0.0, 0).unwrap();
    for round in 0..20 {
        source.push(&known(42 + round));
        for _ in 0..100 {
            bench::clock(&mut engine, &mut [&mut source.stream], &mut [&mut sink]).unwrap();
        }
        let first = sink.pop().map(|(clock, _)| clock);
        assert_eq!(first, Some(100 * round as u64 + LATENCY as u64));
        while sink.pop().is_some() {}
    }
}

#[test]
fn arp_is_answered_within_64_clocks() {
    for config in [Config::Line, Config::Tiny] {
        let (beats, _) = burst(config, &[request()], "guest_tx");
        assert!(beats[0] <= 64, "{config}: {} clocks", beats[0]);
        assert!(gapless(&beats));
    }
}

#[test]
fn one_beat_drops_go_at_one_per_clock() {
    let packets: Vec<_> = (0..300).map(|_| spoofed(64)).collect();
    let (beats, events) = burst(Config::Line, &packets, "net_tx");
    assert!(beats.is_empty());
    assert!(gapless(&events), "{events:?}");
}

#[test]
fn only_the_output_limits_forwarding() {
    for (config, bytes) in
        [(Config::Line, 60), (Config::Line, 64), (Config::Line, 1500), (Config::Tiny, 60), (Config::Tiny, 1499)]
    {
        let packets: Vec<_> = (0..100).map(|_| known(bytes)).collect();
        let (beats, _) = burst(config, &packets, "net_tx");
        let width = config.dimensions().beat_bytes();
        // The last packet's last beats may come after its event; all others are there.
        let packet_beats = (bytes + 70).div_ceil(width);
        assert!(beats.len() + packet_beats >= packets.len() * packet_beats, "{config} {bytes}");
        assert!(gapless(&beats), "{config}, frames of {bytes} bytes: the output is idle at times");
    }
}

#[test]
fn requests_in_between_cost_only_their_own_clock() {
    let mix: Vec<_> = (0..300).map(|number| if number % 10 == 0 { request() } else { spoofed(64) }).collect();
    let (_, events) = burst(Config::Line, &mix, "guest_tx");
    assert!(gapless(&events), "{events:?}");
}

/// Packets that each begin a flow, with two rules to be met in the first row: the waiting room decides one in so many clocks.
#[test]
fn new_flows_are_decided_at_a_constant_rate() {
    let packets: Vec<_> = (1..100).map(|port| datagram(64, port)).collect();
    let (_, events) = burst(Config::Line, &packets, "net_tx");
    let clocks = events[events.len() - 1] - events[0];
    println!("{} new flows: first event after {} clocks, last {clocks} later", packets.len(), events[0]);
    assert!(clocks <= NEW_FLOW * (packets.len() as u64 - 1), "{clocks} clocks");
}

/// Clocks of the waiting room for a packet that begins a flow, at most, if its rules are found in the first row.
const NEW_FLOW: u64 = 14;
