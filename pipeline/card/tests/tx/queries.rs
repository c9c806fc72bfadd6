//! Misses of the mapping cache: who asks, who waits, and for how long.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use nitro_card::config::Config;
use nitro_components::bench::{self, PacketSink, PacketSource, Sink};
use nitro_driver::service::Key;
use nitro_model::checksum::checksum;
use nitro_model::{Query, Reply, Service};
use nitro_wire::control::{CardConfig, Mapping};
use nitro_wire::policy::{NEGATIVE_SECONDS, TICKS_PER_SECOND};
use nitro_wire::registers;

use crate::setup::{VNI, config, v4};
use crate::timing::{datagram, gapless, request};
use crate::whole::service::Interruption;
use crate::whole::{EVENT, Frame, Rates, Strictness, Whole};

const STEADY: Rates = Rates { idle: 0.0, pressure: 0.0, seed: 0 };

/// What the service knows of an address; of some it says nothing.
type Known = Arc<Mutex<BTreeMap<IpAddr, Option<Mapping>>>>;

fn key(host: u8) -> Key {
    Key { vni: VNI, route_table: 0, ip: v4(host) }
}

fn mapping(host: u8) -> Mapping {
    let of = |mapping: &&Mapping| mapping.vni == VNI && mapping.ip == v4(host);
    Mapping { expiry: 0, ..config().mappings.iter().find(of).unwrap().clone() }
}

/// A card whose cache is empty, with a service that knows what [`config`] has, and takes at most so many clocks.
fn asking(configuration: Config, clocks: u64) -> (Whole, Known) {
    let card = CardConfig { query_on_miss: true, mappings: Vec::new(), ..config() };
    let known: BTreeMap<_, _> = (20..26).map(|host| (v4(host), Some(mapping(host)))).collect();
    let known = Arc::new(Mutex::new(known));
    let service = Arc::clone(&known);
    let service = Service::new(move |Query { ip, .. }| match service.lock().unwrap().get(&ip) {
        Some(Some(mapping)) => Reply::Found(Box::new(mapping.clone())),
        Some(None) => Reply::Silence,
        None => Reply::Negative,
    });
    (Whole::new(configuration, &card, STEADY).with_service(service, clocks), known)
}

/// A datagram of interface 0 from `port` to a host of its subnet.
fn to(host: u8, port: u16) -> Frame {
    let mut bytes = datagram(64, 53).bytes;
    bytes[33] = host;
    bytes[34..36].copy_from_slice(&port.to_be_bytes());
    bytes[24..26].fill(0);
    let sum = checksum(&bytes[14..34]);
    bytes[24..26].copy_from_slice(&sum.to_be_bytes());
    Frame::tx(0, bytes)
}

/// Asks who has an address of the subnet.
fn who_has(host: u8) -> Frame {
    let mut bytes = request().bytes;
    bytes[41] = host;
    Frame::tx(0, bytes)
}

fn ends(whole: &mut Whole) {
    whole.finish().unwrap();
}

#[test]
fn a_key_is_asked_for_once() {
    for (configuration, flows) in [(Config::Tiny, 12), (Config::Line, 25)] {
        let (mut whole, _) = asking(configuration, 300);
        let mut frames: Vec<Frame> = (0..flows).map(|port| to(20, port)).collect();
        frames.extend([to(20, 3), who_has(20), to(20, 4), who_has(20), to(20, 4)]);
        whole.turn(&frames, Strictness::Full).unwrap();
        assert_eq!(whole.queries(), [key(20)], "{configuration}");
        whole.turn(&frames, Strictness::Full).unwrap();
        assert_eq!(whole.queries().len(), 1);
        // The other kinds of answers, all at one time; 99 is nobody.
        let hosts = [21, 22, 23, 24, 25, 99];
        whole.turn(&hosts.map(|host| to(host, 1)), Strictness::Full).unwrap();
        whole.turn(&hosts.map(who_has), Strictness::Full).unwrap();
        assert_eq!(whole.queries().len(), 7);
        for reason in ["mapping_drop", "no_mapping", "arp_unanswered"] {
            assert!(whole.count(reason) > 0, "{reason}: {:?}", whole.shown);
        }
        ends(&mut whole);
    }
}

/// More keys than can be asked for: those that find no place are dropped, and only those.
#[test]
fn the_miss_buffer_is_bounded() {
    let (mut whole, _) = asking(Config::Line, 2000);
    let frames: Vec<Frame> = (100..124).map(|host| to(host, 1)).collect();
    whole.turn(&frames, Strictness::RoomMayBeFull).unwrap();
    // Some replies come before the last packets.
    let (answered, refused) = (whole.count("no_mapping"), whole.count("miss_buffer_full"));
    assert!(answered >= 8 && refused > 0 && answered + refused == 24, "{:?}", whole.shown);
    assert_eq!(whole.queries().len(), answered as usize);
    ends(&mut whole);
}

#[test]
fn others_do_not_wait() {
    for configuration in [Config::Tiny, Config::Line] {
        let (mut whole, known) = asking(configuration, 0);
        known.lock().unwrap().insert(v4(90), None);
        whole.turn(&[to(20, 0)], Strictness::Full).unwrap();
        let mut engine = whole.engine;
        let mut source = PacketSource::new(&engine, "guest_rx", 0.0, 0).unwrap();
        let packet = |frame: Frame| bench::Packet { bytes: frame.bytes, tuser: 0 };
        source.push(&packet(to(90, 0)));
        for _ in 0..100 {
            source.push(&packet(to(20, 0)));
        }
        let mut sink = Sink::new(&engine, "net_tx", &["tlast"], 0.0, 0).unwrap();
        let mut event = Sink::new(&engine, "tx_event", &EVENT, 0.0, 0).unwrap();
        for _ in 0..3000 {
            bench::clock(&mut engine, &mut [&mut source.stream], &mut [&mut sink, &mut event]).unwrap();
        }
        let beats: Vec<u64> = std::iter::from_fn(|| sink.pop()).map(|(clock, _)| clock).collect();
        assert!(gapless(&beats) && beats.len() > 200, "{configuration}: not one clock is lost");
        let events = std::iter::from_fn(|| event.pop()).count();
        assert_eq!(events, 100, "{configuration}: only one waits");
    }
}

/// Lets time run within the next turn.
fn run_time(whole: &mut Whole) {
    whole.interrupt(0, &[(registers::CLOCKS_PER_TICK.offset, 8)]);
}

#[test]
fn silence_ends_after_a_second_and_is_not_remembered() {
    let (mut whole, known) = asking(Config::Tiny, 10);
    known.lock().unwrap().insert(v4(90), None);
    for queries in 1..=2 {
        run_time(&mut whole);
        whole.turn(&[to(90, 1)], Strictness::Full).unwrap();
        whole.pass_ticks(1).unwrap();
        assert_eq!((whole.count("mapping_timeout"), whole.queries().len()), (queries, queries as usize));
    }
    run_time(&mut whole);
    whole.turn(&[who_has(90)], Strictness::Full).unwrap();
    whole.pass_ticks(1).unwrap();
    assert_eq!((whole.count("arp_unanswered"), whole.queries().len()), (1, 3));
    // A late reply serves the next.
    whole.ports.server.say(key(90), Some(&mapping(20)));
    whole.idle(100).unwrap();
    whole.model.install_mapping(Mapping { ip: v4(90), ..mapping(20) });
    whole.turn(&[to(90, 1), who_has(90)], Strictness::Full).unwrap();
    assert_eq!((whole.count("Pass"), whole.count("Reply"), whole.queries().len()), (1, 1, 3));
    ends(&mut whole);
}

#[test]
fn what_is_known_is_known_for_its_time() {
    let (mut whole, known) = asking(Config::Tiny, 10);
    known.lock().unwrap().insert(v4(20), Some(Mapping { expiry: 3, ..mapping(20) }));
    for (host, seconds) in [(20, 3), (99, NEGATIVE_SECONDS)] {
        let before = whole.queries().len();
        let begin = whole.model.tick();
        whole.turn(&[to(host, 1)], Strictness::Full).unwrap();
        assert_eq!(whole.queries().len(), before + 1);
        let mut asked = whole.model.tick();
        while whole.queries().len() == before + 1 {
            whole.pass_ticks(1).unwrap();
            asked = whole.model.tick();
            whole.turn(&[to(host, 1)], Strictness::Full).unwrap();
        }
        let life = u64::from(seconds * TICKS_PER_SECOND) + 1;
        assert!((life..life + 3).contains(&(asked - begin)), "{host}: {} ticks", asked - begin);
    }
    ends(&mut whole);
}

/// Packets of known flows come without a pause, and their mapping changes: no packet that is decided after the acknowledgement has the old one.
#[test]
fn nobody_uses_what_has_been_ended() {
    for (configuration, which) in [(Config::Tiny, 1), (Config::Tiny, 2), (Config::Line, 1), (Config::Line, 3)] {
        let (mut whole, known) = asking(configuration, 20);
        let flows: Vec<Frame> = (0..8).map(|port| to(20, port)).collect();
        whole.turn(&flows, Strictness::Full).unwrap();
        let new = Mapping { mac: [2, 4, 6, 8, 10, 12], version: 9, ..mapping(20) };
        known.lock().unwrap().insert(v4(20), Some(new.clone()));

        let (mut engine, mut server) = (whole.engine, whole.ports.server);
        let mut source = PacketSource::new(&engine, "guest_rx", 0.0, 0).unwrap();
        for frame in flows.iter().cycle().take(if which == 3 { 9000 } else { 300 }) {
            source.push(&bench::Packet { bytes: frame.bytes.clone(), tuser: 0 });
        }
        let words = nitro_wire::control::key_words(nitro_wire::control::ip_bits(v4(20)).to_be_bytes());
        let mut writes = vec![(registers::MAPPING_KEY.at(0), VNI << 8), (registers::MAPPING_VERSION.offset, 9)];
        writes.extend((1..).zip(words).map(|(index, word)| (registers::MAPPING_KEY.at(index), word)));
        writes.push((registers::MAPPING_COMMAND.offset, which));
        let mut software = Interruption::default();
        software.plan(200, &writes);
        software.begin();
        software.poll();
        let mut sink = PacketSink::new(&engine, "net_tx", 0.0, 0).unwrap();
        let mut event = Sink::new(&engine, "tx_event", &EVENT, 0.0, 0).unwrap();
        let (mut passed, mut frames, mut decided_before, mut silence) = (0, Vec::new(), None, 0);
        for _ in 0..200_000 {
            software.drive(&mut engine);
            let (query, reply) = server.ports();
            let sources: &mut [&mut bench::Source] = &mut [&mut source.stream, reply];
            let sinks: &mut [&mut Sink] = &mut [&mut sink.stream, &mut event, query];
            bench::settle(&mut engine, sources, sinks).unwrap();
            software.observe(&mut engine);
            bench::edge(&mut engine, sources, sinks).unwrap();
            server.answer().unwrap();
            silence += 1;
            while let Some((_, item)) = event.pop() {
                silence = 0;
                passed += usize::from(item[1][0] == 0);
            }
            frames.extend(std::iter::from_fn(|| sink.pop().unwrap()).map(|(_, packet)| packet.bytes));
            if software.acknowledged && decided_before.is_none() {
                decided_before = Some(passed);
            }
            if source.stream.waiting() == 0 && silence > 500 && decided_before.is_some() {
                break;
            }
        }
        let before = decided_before.expect("an acknowledgement");
        let is_new = |frame: &Vec<u8>| frame[70..76] == new.mac;
        let old = frames.iter().filter(|frame| !is_new(frame)).count();
        let last = frames.iter().rposition(|frame| !is_new(frame)).unwrap();
        println!("{configuration}, {which}: {} frames, {old} old ones, {before} at the acknowledgement", frames.len());
        // Two may be decided, but not told of yet.
        assert!(old > 20 && last < before + 2, "{configuration}, {which}: frame {last} of {before} is an old one");
        assert!(which == 3 || frames.len() > before + 20, "there are some behind");
    }
}
