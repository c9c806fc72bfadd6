//! The parser against the golden model, field by field.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod borders;

use std::collections::BTreeMap;

use nitro_card::parser::{self, LATENCY};
use nitro_card::record::PARSE_WINDOW_BYTES;
use nitro_check::noise as frames;
use nitro_components::bench::{self, Random, Sink, Source};
use nitro_model::{Parsed, parse};
use nitro_simulator::InterpretedEngine;
use nitro_wire::DropReason;
use proptest::prelude::*;

/// A frame as the parser gets it.
#[derive(Clone, Debug)]
struct Case {
    bytes: Vec<u8>,
    /// Drop reason that it arrives with.
    reason: u8,
    port: u8,
    serial: u16,
}

fn case(bytes: Vec<u8>) -> Case {
    Case { bytes, reason: 0, port: 0, serial: 0 }
}

fn engine_of(name: &str) -> InterpretedEngine {
    let entries = parser::parser_entries();
    entries.iter().find(|entry| entry.name == name).unwrap().interpreted().unwrap()
}

fn engine() -> InterpretedEngine {
    engine_of("parser")
}

/// The words of a number.
fn words(value: u128) -> Vec<u64> {
    vec![u64::try_from(value & u128::from(u64::MAX)).unwrap(), u64::try_from(value >> 64).unwrap()]
}

/// The window: byte 0 most significant, zero beyond the frame.
fn window(bytes: &[u8]) -> Vec<u64> {
    let mut window = [0; PARSE_WINDOW_BYTES];
    let count = bytes.len().min(PARSE_WINDOW_BYTES);
    window[..count].copy_from_slice(&bytes[..count]);
    window.rchunks(8).map(|word| u64::from_be_bytes(word.try_into().unwrap())).collect()
}

/// The model's view under the record's names.
fn fields(parsed: &Parsed) -> Vec<(&'static str, u128)> {
    macro_rules! list {
        ($($field:ident),* $(,)?) => { vec![$((stringify!($field), u128::from(parsed.$field))),*] };
    }
    list![
        dst_mac,
        src_mac,
        tagged,
        vlan,
        is_arp,
        is_ipv4,
        is_ipv6,
        ip_options,
        traffic_class,
        ip_length,
        hop_limit,
        protocol,
        ip_checksum,
        dont_fragment,
        more_fragments,
        fragment_offset,
        fragment_id,
        src_ip,
        dst_ip,
        has_ports,
        src_port,
        dst_port,
        tcp_flags,
        udp_length,
        is_icmp,
        icmp_type,
        icmp_code,
        icmp_identifier,
        quoted_valid,
        quoted_protocol,
        quoted_src_ip,
        quoted_dst_ip,
        quoted_src_port,
        quoted_dst_port,
        arp_valid,
        arp_request,
        arp_sender_mac,
        nd_valid,
        nd_target,
    ]
}

/// What the parser must say of a case: all fields of a good packet, the reason and the frame's own data of a bad one.
fn expected(case: &Case) -> Vec<(&'static str, u128)> {
    let parsed = parse(&case.bytes);
    let reason = if case.reason == 0 { parsed.reason.map_or(0, DropReason::code) } else { case.reason };
    let mut expected = vec![
        ("reason", u128::from(reason)),
        ("has_payload", u128::from(case.reason == 0)),
        ("length", case.bytes.len() as u128),
        ("port", u128::from(case.port)),
        ("serial", u128::from(case.serial)),
    ];
    if reason == 0 {
        expected.extend(fields(&parsed));
    }
    expected
}

/// Runs the cases through the parser and compares all results with the model's.
fn check(engine: &mut InterpretedEngine, cases: &[Case], idle: f64) -> Result<(), TestCaseError> {
    let inputs = ["reason", "has_payload", "length", "port", "serial", "window"];
    let mut names = vec!["reason", "has_payload", "length", "port", "serial"];
    names.extend(fields(&Parsed::default()).iter().map(|(name, _)| *name));
    bench::reset(engine, 2).unwrap();
    let mut source = Source::new(engine, "rx", &inputs, idle, 1).unwrap();
    let mut sink = Sink::new(engine, "tx", &names, 0.0, 2).unwrap();
    for case in cases {
        source.push(vec![
            vec![u64::from(case.reason)],
            vec![u64::from(case.reason == 0)],
            vec![case.bytes.len() as u64],
            vec![u64::from(case.port)],
            vec![u64::from(case.serial)],
            window(&case.bytes),
        ]);
    }
    let (mut sent, mut received) = (Vec::new(), 0);
    for clock in 0_u64.. {
        bench::settle(engine, &mut [&mut source], &mut [&mut sink]).unwrap();
        if source.offered().is_some() {
            sent.push(clock);
        }
        bench::edge(engine, &mut [&mut source], &mut [&mut sink]).unwrap();
        while let Some((at, item)) = sink.pop() {
            let case = &cases[received];
            prop_assert_eq!(at - sent[received], LATENCY as u64, "the latency is constant");
            let found: BTreeMap<&str, &Vec<u64>> = names.iter().copied().zip(&item).collect();
            for (name, value) in expected(case) {
                let mut value = words(value);
                value.truncate(found[name].len());
                prop_assert_eq!(found[name], &value, "{} of {:02x?} against {:x?}", name, case, parse(&case.bytes));
            }
            received += 1;
        }
        if received == cases.len() {
            return Ok(());
        }
        prop_assert!(clock < 10_000 + 100 * cases.len() as u64, "{} of {} frames came out", received, cases.len());
    }
    Ok(())
}

#[test]
fn random_frames_parse_as_the_model_parses_them() {
    let mut engine = engine();
    let mut reasons: BTreeMap<Option<DropReason>, u32> = BTreeMap::new();
    let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
    let mut random = Random::new(42);
    for round in 0_u16..40 {
        let cases: Vec<Case> = (0..100)
            .map(|number| Case {
                bytes: frames::frame(&mut random),
                reason: if random.chance(0.02) { 1 } else { 0 },
                port: u8::try_from(number).unwrap(),
                serial: round,
            })
            .collect();
        for case in &cases {
            let parsed = parse(&case.bytes);
            *reasons.entry(parsed.reason).or_default() += 1;
            if parsed.reason.is_none() {
                for (name, value) in fields(&parsed) {
                    *kinds.entry(name).or_default() += u32::from(value != 0);
                }
            }
        }
        check(&mut engine, &cases, if round % 2 == 0 { 0.0 } else { 0.5 }).unwrap();
    }
    // A generator that never makes a kind of frame would prove nothing about it.
    for reason in DropReason::ALL.iter().filter(|reason| (3..=12).contains(&reason.code())) {
        assert!(reasons.get(&Some(*reason)).is_some_and(|count| *count >= 5), "{reason:?} is rare in {reasons:?}");
    }
    for (kind, count) in &kinds {
        assert!(*count >= 10, "{kind} is rare in {kinds:?}");
    }
}

#[test]
fn borders_are_where_the_contract_puts_them() {
    let mut engine = engine();
    for (name, bytes, reason) in borders::borders() {
        assert_eq!(parse(&bytes).reason, reason, "the model on {name}");
        check(&mut engine, &[case(bytes)], 0.0).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let solicits = |name: &str| {
        let borders = borders::borders();
        parse(&borders.iter().find(|border| border.0 == name).unwrap().1).nd_valid
    };
    assert!(solicits("solicitation of 72 bytes"));
    assert!(!solicits("solicitation of 80 bytes"));
}

#[test]
fn without_solicitations_all_else_is_the_same() {
    let mut engine = engine_of("parser_no_solicitations");
    let mut random = Random::new(43);
    let frames = std::iter::repeat_with(|| frames::frame(&mut random));
    let cases: Vec<Case> = frames.filter(|frame| !parse(frame).nd_valid).take(1_000).map(case).collect();
    check(&mut engine, &cases, 0.1).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Any bytes at all behind a sound start, so that lengths, offsets and types take values that no generator thinks of.
    #[test]
    fn changed_bytes_parse_as_the_model_parses_them(
        seed in any::<u64>(),
        changes in proptest::collection::vec((0_usize..160, any::<u8>()), 0..4),
        length in 1_usize..200,
    ) {
        thread_local!(static ENGINE: std::cell::RefCell<InterpretedEngine> = std::cell::RefCell::new(engine()));
        let mut random = Random::new(seed | 1);
        let mut bytes = frames::sound(&mut random);
        for &(place, value) in &changes {
            if let Some(byte) = bytes.get_mut(place) {
                *byte = value;
            }
        }
        let short = bytes[..length.min(bytes.len())].to_vec();
        ENGINE.with(|engine| check(&mut engine.borrow_mut(), &[case(bytes), case(short)], 0.0))?;
    }
}
