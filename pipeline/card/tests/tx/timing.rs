//! How fast the path is: latency, and frames per clock.

use nitro_card::config::Config;
use nitro_card::tx_path::LATENCY;
use nitro_components::bench::{self, Packet, PacketSource, Sink};
use nitro_model::checksum::checksum;
use nitro_wire::formats::{ARP, ETHERNET, IPV4, UDP};

use crate::path::{EVENT, engine, netlist};

/// Ethernet header of a frame of ENI 0.
fn ethernet(ethertype: u128) -> Vec<u8> {
    ETHERNET.pack(&[("dst", 0x0a00_0000_0001), ("src", 0x0a10_0000_0005), ("ethertype", ethertype)]).unwrap()
}

/// A UDP datagram of ENI 0 in a frame of so many bytes, to 10.0.0.`host`.
fn datagram(bytes: usize, host: u8) -> Packet {
    let mut ip = IPV4
        .pack(&[
            ("version", 4),
            ("ihl", 5),
            ("total_length", bytes as u128 - 14),
            ("ttl", 64),
            ("protocol", 17),
            ("src", 0x0a00_0005),
            ("dst", 0x0a00_0000 | u128::from(host)),
        ])
        .unwrap();
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let mut frame = ethernet(0x0800);
    frame.extend(ip);
    frame.extend(UDP.pack(&[("length", bytes as u128 - 34)]).unwrap());
    frame.resize(bytes, 0);
    Packet { bytes: frame, tuser: 0 }
}

/// A frame that is forwarded.
fn known(bytes: usize) -> Packet {
    datagram(bytes, 20)
}

/// A frame that is dropped: no mapping.
fn unknown(bytes: usize) -> Packet {
    datagram(bytes, 99)
}

/// An ARP request for the gateway.
fn request() -> Packet {
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

/// Clocks, from that of the first beat in, at which beats left at `port`, and at which events came, when the packets are offered without a pause.
fn burst(config: Config, packets: &[Packet], port: &str) -> (Vec<u64>, Vec<u64>) {
    let mut engine = engine(&netlist(config), config);
    let mut source = PacketSource::new(&engine, "rx", 0.0, 0).unwrap();
    let mut sink = Sink::new(&engine, port, &["tlast"], 0.0, 0).unwrap();
    let mut idle = Sink::new(&engine, if port == "tx" { "reply" } else { "tx" }, &["tlast"], 0.0, 0).unwrap();
    let mut event = Sink::new(&engine, "event", &EVENT, 0.0, 0).unwrap();
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
fn gapless(clocks: &[u64]) -> bool {
    clocks.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

#[test]
fn latency_is_constant_and_as_stated() {
    let (beats, _) = burst(Config::Line, &[known(64)], "tx");
    assert_eq!(beats[0], LATENCY as u64);
    const { assert!(LATENCY <= 60, "the contract's limit") };
    let mut engine = engine(&netlist(Config::Line), Config::Line);
    let mut source = PacketSource::new(&engine, "rx", 0.0, 0).unwrap();
    let mut sink = Sink::new(&engine, "tx", &["tlast"], 0.0, 0).unwrap();
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
        let (beats, _) = burst(config, &[request()], "reply");
        assert!(beats[0] <= 64, "{config}: {} clocks", beats[0]);
        assert!(gapless(&beats));
    }
}

#[test]
fn one_beat_drops_go_at_one_per_clock() {
    let packets: Vec<_> = (0..300).map(|_| unknown(64)).collect();
    let (beats, events) = burst(Config::Line, &packets, "tx");
    assert!(beats.is_empty());
    assert!(gapless(&events), "{events:?}");
}

#[test]
fn only_the_output_limits_forwarding() {
    for (config, bytes) in
        [(Config::Line, 60), (Config::Line, 64), (Config::Line, 1500), (Config::Tiny, 60), (Config::Tiny, 1499)]
    {
        let packets: Vec<_> = (0..100).map(|_| known(bytes)).collect();
        let (beats, _) = burst(config, &packets, "tx");
        let width = config.dimensions().beat_bytes();
        // The last packet's last beats may come after its event; all others are there.
        let packet_beats = (bytes + 70).div_ceil(width);
        assert!(beats.len() + packet_beats >= packets.len() * packet_beats, "{config} {bytes}");
        assert!(gapless(&beats), "{config}, frames of {bytes} bytes: the output is idle at times");
    }
}

#[test]
fn requests_in_between_cost_only_their_own_clock() {
    let mix: Vec<_> = (0..300).map(|number| if number % 10 == 0 { request() } else { unknown(64) }).collect();
    let (_, events) = burst(Config::Line, &mix, "reply");
    assert!(gapless(&events), "{events:?}");
}
