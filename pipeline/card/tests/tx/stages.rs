//! Single stages where the path's own tests leave room: checksums, headers and hashes over all of their inputs.

use nitro_card::encap::{self, flow_hash};
use nitro_card::responder::sum;
use nitro_components::bench::{self, Random};
use nitro_model::Parsed;
use nitro_model::checksum::{icmpv6_sum, sum as ones_sum};
use nitro_model::encap::{Outer, flow_hash as model_hash, prepend};
use nitro_model::lookup::MappingCache;
use nitro_model::responder::{Question, answer};
use nitro_simulator::{BlockEntry, Engine, InterpretedEngine};
use nitro_wire::control::mac_from_bits;
use nitro_wire::{DropReason, Layout, Verdict};

use crate::setup::words;

fn start(entries: Vec<BlockEntry>, name: &str) -> InterpretedEngine {
    let entry = entries.into_iter().find(|entry| entry.name == name).unwrap();
    let mut engine = entry.interpreted().unwrap();
    if bench::input(&engine, "reset").is_ok() {
        bench::reset(&mut engine, 2).unwrap();
    }
    engine
}

fn set(engine: &mut dyn Engine, inputs: &[(&str, u128)]) {
    for &(name, value) in inputs {
        bench::set(engine, name, &words(value)).unwrap();
    }
}

fn get(engine: &dyn Engine, name: &str) -> u128 {
    bench::get(engine, name).unwrap().iter().rev().fold(0, |value, word| value << 64 | u128::from(*word))
}

fn clock(engine: &mut dyn Engine, clocks: usize) {
    for _ in 0..clocks {
        engine.settle();
        engine.edge();
    }
    engine.settle();
}

/// A number of so many bits, often one with long runs of ones or zeros.
fn number(random: &mut Random, bits: u32) -> u128 {
    let wide = u128::from(random.bits()) << 64 | u128::from(random.bits());
    let value = match random.below(4) {
        0 => !0,
        1 => 0,
        2 => !0 << random.below(128),
        _ => wide,
    };
    if bits < 128 { value & ((1 << bits) - 1) } else { value }
}

/// Moves what one block puts out to what another takes in, field by field.
fn hand_over(from: &dyn Engine, from_prefix: &str, to: &mut dyn Engine, to_prefix: &str) {
    let fields: Vec<String> = from.outputs().iter().map(|port| port.name.clone()).collect();
    for name in fields {
        if let Some(field) = name.strip_prefix(from_prefix)
            && let Ok(_) = bench::input(to, &format!("{to_prefix}{field}"))
        {
            let value = bench::get(from, &name).unwrap();
            bench::set(to, &format!("{to_prefix}{field}"), &value).unwrap();
        }
    }
}

#[test]
fn outer_headers_are_the_models() {
    let mut encap = start(encap::entries(), "encap");
    let mut header = start(encap::entries(), "encap_header");
    let mut random = Random::new(5);
    for round in 0..2000 {
        let is_ipv4 = random.chance(0.6);
        let mapped = |value: u128| if is_ipv4 { 0xffff << 32 | value & 0xffff_ffff } else { value };
        let (own, peer) = (mapped(number(&mut random, 128)), mapped(number(&mut random, 128)));
        let inner = vec![0; usize::try_from(14 + random.below(9203)).unwrap()];
        let outer = Outer {
            src_mac: mac_from_bits(random.bits()),
            dst_mac: mac_from_bits(random.bits()),
            src_ip: own,
            dst_ip: peer,
            traffic_class: u8::try_from(number(&mut random, 8)).unwrap(),
            flow_hash: u16::try_from(number(&mut random, 14)).unwrap(),
            vni: u32::try_from(number(&mut random, 24)).unwrap(),
            layout: Layout::Token,
            token_epoch: u8::try_from(number(&mut random, 8)).unwrap(),
            token: random.bits(),
            source_eni: u16::try_from(random.below(256)).unwrap(),
        };
        let wanted = prepend(&outer, &inner).unwrap();
        let mac = |mac: [u8; 6]| mac.iter().fold(0, |bits, byte| bits << 8 | u128::from(*byte));
        set(
            &mut encap,
            &[
                ("rx_tvalid", 1),
                ("rx_length", inner.len() as u128),
                ("rx_traffic_class", outer.traffic_class.into()),
                ("rx_vni", outer.vni.into()),
                ("rx_eni", outer.source_eni.into()),
                ("rx_token", outer.token.into()),
                ("rx_token_epoch", outer.token_epoch.into()),
                ("rx_underlay_ip", peer),
                ("rx_path_mtu", 9001),
                ("rx_ip_length", 20),
                ("hash_tdata", outer.flow_hash.into()),
                ("underlay_ip", own),
            ],
        );
        clock(&mut encap, encap::LATENCY);
        assert_eq!(get(&encap, "tx_tvalid"), 1);
        hand_over(&encap, "tx_", &mut header, "rx_");
        set(
            &mut header,
            &[("underlay_ip", own), ("underlay_mac", mac(outer.src_mac)), ("next_hop_mac", mac(outer.dst_mac))],
        );
        header.settle();
        let length = encap::header::LENGTHS[usize::from(!is_mapped(peer))];
        let bytes: Vec<u8> =
            bench::get(&header, "header").unwrap().iter().rev().flat_map(|word| word.to_be_bytes()).collect();
        // 90 bytes are right-aligned in 12 words.
        assert_eq!(bytes[6..6 + length], wanted[..length], "round {round}: {outer:?}");
        assert_eq!(get(&header, "layout"), u128::from(!is_mapped(peer)));
        if is_mapped(peer) {
            assert_eq!(ones_sum(&bytes[20..40]), 0xffff, "round {round}");
        }
    }
}

fn is_mapped(ip: u128) -> bool {
    ip >> 32 == 0xffff
}

#[test]
fn sizes_and_verdicts() {
    let mut encap = start(encap::entries(), "encap");
    let too_big = DropReason::TooBig.code();
    for (length, mtu, solicits, reason, wanted) in [
        (1500, 1500, 0, 0, (Verdict::Pass, 0)),
        (1501, 1500, 0, 0, (Verdict::Drop, too_big)),
        (9001, 16_383, 0, 0, (Verdict::Pass, 0)),
        (9002, 16_383, 0, 0, (Verdict::Drop, too_big)),
        (65_535, 9001, 0, 0, (Verdict::Drop, too_big)),
        (9002, 1500, 0, 28, (Verdict::Drop, 28)),
        (9002, 1500, 1, 0, (Verdict::Reply, 0)),
        (100, 1500, 1, 17, (Verdict::Drop, 17)),
    ] {
        let inputs = [
            ("rx_tvalid", 1),
            ("rx_ip_length", length),
            ("rx_path_mtu", mtu),
            ("rx_solicits", solicits),
            ("rx_reason", reason),
        ];
        set(&mut encap, &inputs);
        clock(&mut encap, encap::LATENCY);
        let found = (get(&encap, "tx_verdict"), get(&encap, "tx_reason"));
        assert_eq!(found, (wanted.0.code().into(), wanted.1.into()), "{inputs:?}");
    }
}

#[test]
fn flow_hashes_are_the_models() {
    let mut block = start(encap::entries(), "encap_flow_hash");
    let mut random = Random::new(6);
    for _ in 0..300 {
        let key = words(number(&mut random, 128)).map(u64::to_le_bytes).concat();
        let key: [u8; 16] = key.try_into().unwrap();
        let fragment = random.chance(0.2);
        let parsed = Parsed {
            src_ip: number(&mut random, 128),
            dst_ip: number(&mut random, 128),
            src_port: u16::try_from(number(&mut random, 16)).unwrap(),
            dst_port: u16::try_from(number(&mut random, 16)).unwrap(),
            protocol: u8::try_from(number(&mut random, 8)).unwrap(),
            more_fragments: fragment,
            ..Parsed::default()
        };
        set(
            &mut block,
            &[
                ("rx_tvalid", 1),
                ("rx_src_ip", parsed.src_ip),
                ("rx_dst_ip", parsed.dst_ip),
                ("rx_src_port", parsed.src_port.into()),
                ("rx_dst_port", parsed.dst_port.into()),
                ("rx_protocol", parsed.protocol.into()),
                ("rx_more_fragments", fragment.into()),
                ("flow_key", u128::from_le_bytes(key)),
            ],
        );
        clock(&mut block, flow_hash::LATENCY);
        assert_eq!(get(&block, "tx_tvalid"), 1);
        // The lowest bits go into the outer source port, all 32 are the flow's tag.
        assert_eq!(get(&block, "tx_tdata") & 0x3fff, u128::from(model_hash(&key, &parsed)), "{parsed:?}");
    }
}

/// Makes an advertisement of a record and the MAC to tell.
fn advertise(blocks: &mut [InterpretedEngine; 3], question: &[(&str, u128)], mac: u128) -> Vec<u8> {
    let [sums, encap, reply] = blocks;
    set(sums, question);
    set(sums, &[("rx_tvalid", 1), ("gateway_mac", mac)]);
    clock(sums, sum::LATENCY);
    set(encap, question);
    set(encap, &[("rx_tvalid", 1), ("rx_solicits", 1), ("rx_answer_mac", mac), ("rx_is_ipv6", 1)]);
    set(encap, &[("sum_tdata", get(sums, "tx_tdata"))]);
    clock(encap, encap::LATENCY);
    hand_over(encap, "tx_", reply, "rx_");
    set(reply, &[("rx_tvalid", 1), ("tx_tready", 1)]);
    clock(reply, 1);
    set(reply, &[("rx_tvalid", 0)]);
    let mut frame = Vec::new();
    loop {
        reply.settle();
        assert_eq!(get(reply, "tx_tvalid"), 1);
        let count = get(reply, "tx_tkeep").count_ones() as usize;
        let data = bench::get(reply, "tx_tdata").unwrap();
        frame.extend(&data.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>()[..count]);
        let last = get(reply, "tx_tlast") == 1;
        reply.edge();
        if last {
            return frame;
        }
    }
}

/// The blocks that make advertisements, on ports of `W` bits.
fn advertisers<const W: usize, const K: usize>() -> [InterpretedEngine; 3] {
    let responder = nitro_card::responder::entries::<W, K, 1>;
    [start(responder(), "responder_sum"), start(encap::entries(), "encap"), start(responder(), "responder_reply")]
}

#[test]
fn checksums_of_advertisements_are_right_for_all_addresses() {
    let mut blocks = advertisers::<512, 64>();
    let mut random = Random::new(7);
    for _ in 0..2000 {
        let (asker, target, mac) = (number(&mut random, 128), number(&mut random, 128), number(&mut random, 48));
        let is_gateway = random.chance(0.5);
        let question = [("rx_lookup_ip", target), ("rx_src_ip", asker), ("rx_is_gateway", is_gateway.into())];
        let frame = advertise(&mut blocks, &question, mac);
        assert_eq!(frame.len(), 86);
        let address = |at: usize| u128::from_be_bytes(frame[at..at + 16].try_into().unwrap());
        assert_eq!((address(22), address(62)), (target, target));
        assert_eq!(address(38), if asker == 0 { 0xff02 << 112 | 1 } else { asker });
        assert_eq!(frame[80..86], mac_from_bits(u64::try_from(mac).unwrap()));
        let flags = u8::from(is_gateway) << 7 | u8::from(asker != 0) << 6 | 0x20;
        assert_eq!(frame[58], flags);
        assert_eq!(icmpv6_sum(address(22), address(38), &frame[54..]), 0xffff, "{frame:02x?}");
    }
}

#[test]
fn router_advertisements_are_the_models() {
    let eni = &crate::setup::config().enis[0];
    let mut random = Random::new(8);
    for mut blocks in [advertisers::<512, 64>(), advertisers::<64, 8>()] {
        for _ in 0..1000 {
            let parsed = Parsed {
                is_ipv6: true,
                src_mac: random.bits() >> 16,
                src_ip: number(&mut random, 128),
                tagged: random.chance(0.5),
                vlan: u16::try_from(number(&mut random, 16)).unwrap(),
                ..Parsed::default()
            };
            let (prefix, mac) = (number(&mut random, 128), number(&mut random, 48));
            let length = u8::try_from(random.below(129)).unwrap();
            let question = [
                ("rx_lookup_ip", prefix),
                ("rx_prefix_length", length.into()),
                ("rx_solicits_router", 1),
                ("rx_is_gateway", 1),
                ("rx_src_ip", parsed.src_ip),
                ("rx_src_mac", parsed.src_mac.into()),
                ("rx_tagged", parsed.tagged.into()),
                ("rx_vlan", parsed.vlan.into()),
            ];
            let gateway = mac_from_bits(u64::try_from(mac).unwrap());
            let asked = Question::Router { prefix, length };
            let wanted = answer(&MappingCache::new(&[]), eni, gateway, &parsed, asked).unwrap();
            assert_eq!(wanted.len(), if parsed.tagged { 122 } else { 118 });
            let frame = advertise(&mut blocks, &question, mac);
            assert_eq!(frame, wanted, "{question:02x?} {mac:012x}");
        }
    }
}
