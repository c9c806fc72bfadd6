//! Frames between two interfaces of one card: whole cards against the golden model, and how fast they are.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod datagrams;
mod rates;

use std::net::{IpAddr, Ipv4Addr};

use nitro_card::config::Config;
use nitro_check::{setup, whole};
use nitro_components::bench::{self, Packet, PacketSink, PacketSource, Random};
use nitro_driver::{AxiLite, Driver, RegisterPort};
use nitro_simulator::Engine;
use nitro_wire::control::CardConfig;
use nitro_wire::counters::{self, Bank};
use nitro_wire::policy::{EniPolicy, Peer, Prefix, Protocol, SecurityRule};
use nitro_wire::registers;

use datagrams::{Content, Datagram, ELSEWHERE, GATEWAY, NARROW, card};
use whole::{Frame, Rates, Strictness, Whole};

const CALM: Rates = Rates { idle: 0.0, pressure: 0.0, seed: 1 };
const SYN: u8 = 2;
const ACK: u8 = 16;

fn pick<T: Copy>(random: &mut Random, values: &[T]) -> T {
    values[usize::try_from(random.below(values.len() as u64)).unwrap()]
}

/// Sends one frame, and says how often each of these has come up by then.
fn counts<const N: usize>(whole: &mut Whole, frame: Frame, names: [&str; N]) -> [u32; N] {
    whole.turn(&[frame], Strictness::Full).unwrap_or_else(|error| panic!("{error}"));
    names.map(|name| whole.count(name))
}

/// Interface 0 may ask interface 1 at port 443, and no more: the connection is one of either, and both directions of it pass on
/// both paths.
#[test]
fn each_interface_has_its_own_connection() {
    let rule = |protocol| {
        let prefix = Prefix { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), length: 24 };
        SecurityRule { protocol, peer: Peer::Prefix(prefix) }
    };
    for config in [Config::Tiny, Config::Line] {
        let mut card = card();
        let closed = |eni: usize, card: &CardConfig| EniPolicy {
            egress: Vec::new(),
            ingress: Vec::new(),
            ..card.enis[eni].policy.clone()
        };
        card.enis[0].policy =
            EniPolicy { egress: vec![rule(Protocol::Tcp(443, 443)), rule(Protocol::Udp(53, 54))], ..closed(0, &card) };
        card.enis[1].policy =
            EniPolicy { ingress: vec![rule(Protocol::Tcp(443, 443)), rule(Protocol::Udp(53, 53))], ..closed(1, &card) };
        let mut whole = Whole::new(config, &card, CALM);
        let send = |from, to, content| Datagram::new(from, to, content, 30).frame(&card);
        let kinds = ["Local Pass", "Tx new", "Local new", "Tx established", "Local established"];
        let whole = &mut whole;
        assert_eq!(counts(whole, send(1, 0, Content::Tcp(SYN | ACK)), kinds), [0, 1, 0, 0, 0], "nobody asked");
        assert_eq!(counts(whole, send(0, 1, Content::Tcp(SYN)), kinds), [1, 2, 1, 0, 0]);
        assert_eq!(counts(whole, send(1, 0, Content::Tcp(SYN | ACK)), kinds), [2, 2, 1, 1, 1]);
        assert_eq!(counts(whole, send(0, 1, Content::Tcp(ACK)), kinds), [3, 2, 1, 2, 2]);
        // What the sender's rules admit and the receiver's do not leaves a connection with the sender alone.
        let refused = ["Local security_group", "Tx new", "Tx established", "Local new", "Local established"];
        assert_eq!(counts(whole, send(0, 1, Content::Udp(54)), refused), [1, 3, 2, 2, 2]);
        assert_eq!(counts(whole, send(0, 1, Content::Udp(54)), refused), [2, 3, 3, 3, 2]);
        let related = ["Tx related", "Local related", "Local Pass"];
        assert_eq!(counts(whole, send(0, 1, Content::Udp(53)), related), [0, 0, 4]);
        assert_eq!(counts(whole, send(1, 0, Content::Unreachable(53)), related), [1, 1, 5]);
        whole.pass_ticks(setup::LIFE).unwrap();
        assert_eq!(counts(whole, send(1, 0, Content::Udp(53)), related), [1, 1, 5], "the connection has ended");
        whole.finish().unwrap_or_else(|error| panic!("{config}: {error}"));
    }
}

/// A datagram of any form from one interface to the other.
fn any(random: &mut Random, from: usize) -> Datagram {
    let longest = pick(random, &[40, 40, 300, 1500, 8900]);
    let payload = usize::try_from(random.below(longest)).unwrap();
    let contents = [Content::Udp(7), Content::Udp(8), Content::Tcp(SYN), Content::Tcp(ACK), Content::Echo(3)];
    let mut content = pick(random, &contents);
    let ipv6 = random.chance(0.5);
    let tag = random.chance(0.3).then(|| u16::try_from(random.below(0x1_0000)).unwrap());
    let padding = if random.chance(0.3) { usize::try_from(random.below(40)).unwrap() } else { 0 };
    let fragment = random.chance(0.4).then(|| {
        // Fragments and whole datagrams have different flow hashes, so the card does not keep their order.
        content = Content::Udp(9);
        let id = u32::try_from(random.below(3)).unwrap();
        if random.chance(0.4) { (id, 0, true) } else { (id, 185, random.chance(0.5)) }
    });
    let traffic_class = random.bits().to_le_bytes()[0];
    Datagram { ipv6, tag, padding, fragment, traffic_class, ..Datagram::new(from, 1 - from, content, payload) }
}

/// Tags, padding, fragments, all ECN fields, all lengths, bursts in one direction at a time.
#[test]
fn datagrams_of_any_form_agree_with_the_model() {
    for (config, rounds, burst) in [(Config::Tiny, 16, 6), (Config::Line, 12, 25), (Config::Edge, 5, 20)] {
        let card = card();
        for (idle, pressure) in [(0.0, 0.0), (0.2, 0.5)] {
            let mut random = Random::new(rounds);
            let mut whole = Whole::new(config, &card, Rates { idle, pressure, seed: 4 });
            for round in 0..rounds {
                let from = usize::from(random.chance(0.5));
                let frames: Vec<_> = (0..burst).map(|_| any(&mut random, from).frame(&card)).collect();
                whole
                    .turn(&frames, Strictness::RoomMayBeFull)
                    .unwrap_or_else(|error| panic!("{config}, {round}: {error}"));
                // The smallest card has no place for the connections of two rounds.
                if config == Config::Tiny || random.chance(0.3) {
                    whole.pass_ticks(setup::LIFE).unwrap();
                }
            }
            whole.finish().unwrap_or_else(|error| panic!("{config}: {error}"));
            println!("{config}: {:?}", whole.shown);
            assert!(whole.count("Local Pass") > 20, "{config}: {:?}", whole.shown);
        }
    }
}

/// Datagrams that make all connections of [`saturated`] known, one by one.
fn acquaint(whole: &mut Whole, card: &CardConfig) {
    for ipv6 in [false, true] {
        for (a, b) in [(0, 1), (0, ELSEWHERE), (1, ELSEWHERE)] {
            for (from, to) in [(a, b), (b, a)] {
                let datagram = Datagram { ipv6, ..Datagram::new(from, to, Content::Udp(7), 10) };
                whole.turn(&[datagram.frame(card)], Strictness::Full).unwrap_or_else(|error| panic!("{error}"));
            }
        }
    }
}

/// Frames of known connections between all, and some that the card answers.
fn saturated(random: &mut Random, card: &CardConfig, count: usize) -> Vec<Frame> {
    let ways = [(0, 1), (1, 0), (0, 1), (1, 0), (0, ELSEWHERE), (1, ELSEWHERE), (ELSEWHERE, 0), (ELSEWHERE, 1)];
    let mut datagram = || {
        let ipv6 = random.chance(0.5);
        let from = usize::from(random.chance(0.5));
        let answered = match random.below(20) {
            0 => Datagram::new(from, GATEWAY, Content::Echo(5), usize::try_from(random.below(200)).unwrap()),
            1 => return Datagram { ipv6: true, ..Datagram::new(from, NARROW, Content::Udp(9), 700) },
            _ => {
                let (from, to) = pick(random, &ways);
                let longest = pick(random, &[20, 20, 100, 1400, 8900]);
                Datagram::new(from, to, Content::Udp(7), usize::try_from(random.below(longest)).unwrap())
            }
        };
        Datagram { ipv6, ..answered }
    };
    (0..count).map(|_| datagram().frame(card)).collect()
}

/// Both directions between two interfaces, both directions to a peer elsewhere, and answers, all at once, for as long as they
/// last.
#[test]
fn saturated_paths_do_not_block_each_other() {
    for (config, count) in [(Config::Tiny, 500), (Config::Line, 1500), (Config::Edge, 400)] {
        let mut card = card();
        // What is too big makes no connection, so none is needed.
        card.enis.iter_mut().for_each(|eni| eni.policy.timeouts.udp_stream = 1000);
        for (seed, pressure) in [(1, 0.0), (2, 0.5), (3, 0.9)] {
            let mut whole = Whole::new(config, &card, Rates { idle: 0.0, pressure, seed });
            acquaint(&mut whole, &card);
            let frames = saturated(&mut Random::new(seed), &card, count);
            whole.turn(&frames, Strictness::Full).unwrap_or_else(|error| panic!("{config}, {pressure}: {error}"));
            whole.finish().unwrap_or_else(|error| panic!("{config}, {pressure}: {error}"));
            println!("{config}, {pressure}: {:?}", whole.shown);
        }
    }
}

/// `received = passed + replied + drops + held` of a path; gives what is held.
fn held(engine: &mut dyn Engine, card: &CardConfig, bank: Bank) -> u64 {
    let mut driver = Driver::open(AxiLite::new(engine).unwrap(), card.hash_key).unwrap();
    let mut sums = [0; 2];
    for (index, _) in counters::all().filter(|(index, _)| *index != counters::MADE) {
        sums[usize::from(index == counters::RECEIVED)] += driver.counter(bank, index).unwrap().packets;
    }
    let status = driver.port().read(registers::STATUS.offset).unwrap();
    let held = u64::from(registers::STATUS.field(&format!("{}_held", bank.name())).unwrap().get(status));
    assert_eq!(sums[1], sums[0] + held, "{}", bank.name());
    held
}

/// Guests that take nothing stop both paths, as one port serves them all; nothing is lost, and all goes on when they do.
#[test]
fn guests_that_take_nothing_lose_nothing() {
    for config in [Config::Tiny, Config::Line] {
        let card = card();
        let mut whole = Whole::new(config, &card, CALM);
        acquaint(&mut whole, &card);
        let mut engine = whole.engine;
        let mut guest_rx = PacketSource::new(&engine, "guest_rx", 0.0, 1).unwrap();
        let mut random = Random::new(8);
        let count = 4000;
        let mut frames = Vec::new();
        for number in 0..count {
            let (from, to) = if number % 10 == 0 { (0, ELSEWHERE) } else { pick(&mut random, &[(0, 1), (1, 0)]) };
            let payload = usize::try_from(random.below(90)).unwrap();
            let frame = Datagram::new(from, to, Content::Udp(7), payload).frame(&card);
            frames.push(to);
            guest_rx.push(&Packet { bytes: frame.bytes, tuser: frame.tuser.into() });
        }
        let mut net_tx = PacketSink::new(&engine, "net_tx", 0.0, 1).unwrap();
        bench::set(&mut engine, "guest_tx_tready", &[0]).unwrap();
        let (mut before, mut clocks) = (0, 0);
        loop {
            for _ in 0..3000 {
                bench::clock(&mut engine, &mut [&mut guest_rx.stream], &mut [&mut net_tx.stream]).unwrap();
            }
            clocks += 3000;
            if guest_rx.stream.sent() == before {
                break;
            }
            before = guest_rx.stream.sent();
        }
        assert!(guest_rx.stream.waiting() > 0, "{config}: all frames found a place");
        let held_frames = Bank::ALL.map(|bank| held(&mut engine, &card, bank));
        println!("{config}: {before} beats taken by clock {clocks}, held {held_frames:?}");
        assert!(held_frames.iter().all(|held| *held > 50), "{config}: {held_frames:?}");
        let mut guest_tx = PacketSink::new(&engine, "guest_tx", 0.0, 1).unwrap();
        let (mut delivered, mut forwarded) = (0, 0);
        let mut rest = 20_000;
        while rest > 0 {
            rest -= 1;
            bench::clock(&mut engine, &mut [&mut guest_rx.stream], &mut [&mut net_tx.stream, &mut guest_tx.stream])
                .unwrap();
            while guest_tx.pop().unwrap().is_some() {
                (delivered, rest) = (delivered + 1, 20_000);
            }
            while net_tx.pop().unwrap().is_some() {
                (forwarded, rest) = (forwarded + 1, 20_000);
            }
        }
        let to_guests = frames.iter().filter(|to| **to < ELSEWHERE).count();
        assert_eq!((delivered, forwarded), (to_guests, frames.len() - to_guests), "{config}");
        assert_eq!(Bank::ALL.map(|bank| held(&mut engine, &card, bank)), [0, 0], "{config}");
    }
}
