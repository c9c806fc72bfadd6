//! The whole card: programmed through its registers, frames at both ports, and every counter.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]
#![allow(dead_code, reason = "the frames are those of other tests, which use more of them")]

#[path = "../tx/acls.rs"]
mod acls;
#[path = "../tx/frames.rs"]
mod guest;
#[path = "../parser/frames.rs"]
mod noise;
#[path = "../rx_path/overlay.rs"]
mod overlay;
#[path = "../tx/setup.rs"]
mod setup;

use std::collections::VecDeque;

use nitro_card::catalogue::card_entry;
use nitro_card::config::Config;
use nitro_components::bench::{self, Packet, PacketSink, PacketSource, Random, Sink};
use nitro_driver::{AxiLite, Counter, Driver};
use nitro_model::{Model, Verdict};
use nitro_simulator::{Engine, InterpretedEngine};
use nitro_wire::DropReason;
use nitro_wire::control::CardConfig;
use nitro_wire::counters::{self, Bank};
use nitro_wire::registers;

const EVENT: [&str; 6] = ["serial", "verdict", "reason", "eni", "has_eni", "length"];

/// A card of both tests' settings.
fn configuration() -> CardConfig {
    CardConfig { token_keys: overlay::card(false).token_keys, ..setup::config() }
}

/// A card out of reset.
fn start(config: Config) -> InterpretedEngine {
    let mut engine = card_entry(config).interpreted().unwrap_or_else(|error| panic!("{error}"));
    bench::reset(&mut engine, 2).unwrap();
    engine
}

/// Both counters of each index in use, and the frames held, of a bank.
fn counters(engine: &mut dyn Engine, hash_key: [u8; 16], bank: Bank) -> (Vec<(u8, Counter)>, u64) {
    let mut driver = Driver::open(AxiLite::new(engine).unwrap(), hash_key).unwrap();
    let values = counters::all().map(|(index, _)| (index, driver.counter(bank, index).unwrap())).collect();
    let status = nitro_driver::RegisterPort::read(driver.port(), registers::STATUS.offset).unwrap();
    let field = registers::STATUS.field(&format!("{}_held", bank.name())).unwrap();
    (values, u64::from(field.get(status)))
}

/// `received = passed + replied + drops + held`; gives the frames held.
fn balance(engine: &mut dyn Engine, hash_key: [u8; 16], bank: Bank) -> u64 {
    let (values, held) = counters(engine, hash_key, bank);
    let (received, others): (Vec<_>, Vec<_>) = values.iter().partition(|(index, _)| *index == counters::RECEIVED);
    let disposed = others.iter().filter(|(index, _)| *index != counters::MADE);
    let sum: u64 = disposed.map(|(_, counter)| counter.packets).sum();
    assert_eq!(received[0].1.packets, sum + held, "{}: {values:?}, {held} held", bank.name());
    held
}

/// Neither offers nor takes anything, until all that can move has moved.
fn quiet(engine: &mut dyn Engine) {
    for port in ["guest_rx_tvalid", "net_rx_tvalid", "guest_tx_tready", "net_tx_tready"] {
        bench::set(engine, port, &[0]).unwrap();
    }
    // The longest frame takes 1,152 beats to be discarded.
    for _ in 0..2500 {
        engine.settle();
        engine.edge();
    }
}

/// Random traffic on both sides at once.
fn check(config: Config, count: usize, idle: f64, pressure: f64, seed: u64) {
    let card = acls::with_acls(configuration(), seed);
    let mut engine = start(config);
    Driver::open(AxiLite::new(&mut engine).unwrap(), card.hash_key).unwrap().configure(&card).unwrap();

    let mut model = Model::new(card.clone());
    let mut random = Random::new(seed);
    let mut guest_rx = PacketSource::new(&engine, "guest_rx", idle, seed).unwrap();
    let mut net_rx = PacketSource::new(&engine, "net_rx", idle, seed + 1).unwrap();
    let mut guest_tx = PacketSink::new(&engine, "guest_tx", pressure, seed + 2).unwrap();
    let mut net_tx = PacketSink::new(&engine, "net_tx", pressure, seed + 3).unwrap();
    let mut tx_event = Sink::new(&engine, "tx_event", &EVENT, 0.0, 0).unwrap();
    let mut rx_event = Sink::new(&engine, "rx_event", &EVENT, 0.0, 0).unwrap();
    let (mut sent, mut answers, mut delivered) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
    let (mut tx_reasons, mut rx_reasons) = (VecDeque::new(), VecDeque::new());
    for _ in 0..count {
        let (port, bytes) = guest::frame(&mut random, &card);
        let outcome = model.tx(port, &bytes, false);
        tx_reasons.push_back(outcome.verdict.reason().map_or(0, |reason| u64::from(reason.code())));
        match outcome.verdict {
            Verdict::Forward(frame) => sent.push_back(Packet { bytes: frame, tuser: 0 }),
            Verdict::Reply { eni, frame } | Verdict::Bounce { eni, frame, .. } => {
                answers.push_back(Packet { bytes: frame, tuser: eni.into() });
            }
            Verdict::Local | Verdict::Deliver { .. } | Verdict::Drop(_) => {}
        }
        guest_rx.push(&Packet { bytes, tuser: port.into() });

        let (bytes, error) = overlay::frame(&mut random, &card, 300);
        let outcome = model.rx(&bytes, error);
        rx_reasons.push_back(outcome.verdict.reason().map_or(0, |reason| u64::from(reason.code())));
        if let Verdict::Deliver { eni, frame } = outcome.verdict {
            delivered.push_back(Packet { bytes: frame, tuser: eni.into() });
        }
        net_rx.push(&Packet { bytes, tuser: error.into() });
    }
    let kinds = [sent.len(), answers.len(), delivered.len()];
    assert!(kinds.iter().all(|kind| *kind > count / 40), "{kinds:?} of {count} frames go somewhere");

    let mut clocks = 0;
    while !(tx_reasons.is_empty()
        && rx_reasons.is_empty()
        && sent.is_empty()
        && answers.is_empty()
        && delivered.is_empty())
    {
        bench::clock(
            &mut engine,
            &mut [&mut guest_rx.stream, &mut net_rx.stream],
            &mut [&mut guest_tx.stream, &mut net_tx.stream, &mut tx_event, &mut rx_event],
        )
        .unwrap();
        clocks += 1;
        assert!(clocks < 400 * (count + 100), "{} and {} frames are left", tx_reasons.len(), rx_reasons.len());
        while let Some((_, item)) = tx_event.pop() {
            assert_eq!(Some(item[2][0]), tx_reasons.pop_front(), "tx, clock {clocks}");
        }
        while let Some((_, item)) = rx_event.pop() {
            assert_eq!(Some(item[2][0]), rx_reasons.pop_front(), "rx, clock {clocks}");
        }
        while let Some((_, packet)) = net_tx.pop().unwrap() {
            assert_eq!(Some(packet), sent.pop_front(), "net_tx, clock {clocks}");
        }
        while let Some((_, packet)) = guest_tx.pop().unwrap() {
            // Answers and delivered frames share the port; each kind keeps its order.
            let queue = if delivered.front() == Some(&packet) { &mut delivered } else { &mut answers };
            assert_eq!(Some(packet), queue.pop_front(), "guest_tx, clock {clocks}");
        }
    }

    quiet(&mut engine);
    for bank in Bank::ALL {
        let (values, held) = counters(&mut engine, card.hash_key, bank);
        assert_eq!(held, 0, "{}", bank.name());
        for (index, counter) in values {
            let wanted = model.counters().get(bank, index);
            let name = counters::name(index).unwrap();
            assert_eq!((counter.packets, counter.bytes), (wanted.packets, wanted.bytes), "{}.{name}", bank.name());
        }
    }
}

#[test]
fn tiny_card_is_the_models() {
    check(Config::Tiny, 300, 0.0, 0.0, 1);
    check(Config::Tiny, 200, 0.3, 0.4, 2);
}

#[test]
fn line_card_is_the_models() {
    check(Config::Line, 400, 0.0, 0.0, 3);
    check(Config::Line, 300, 0.4, 0.5, 4);
}

#[test]
fn edge_card_is_the_models() {
    check(Config::Edge, 100, 0.1, 0.1, 5);
}

/// ACLs are replaced while the card runs: from the commit on packets are judged by the new ones, and only those of that subnet.
#[test]
fn acls_are_replaced_at_run_time() {
    for (config, rounds) in [(Config::Tiny, 12), (Config::Line, 6)] {
        let card = acls::with_acls(configuration(), 1);
        let mut engine = start(config);
        let mut driver = Driver::open(AxiLite::new(&mut engine).unwrap(), card.hash_key).unwrap();
        driver.configure(&card).unwrap();
        let mut state = driver.suspend();
        let mut model = Model::new(card.clone());
        let mut random = Random::new(21);
        let mut denied = [0; 2];
        for round in 0..rounds {
            let subnet = u8::from(random.chance(0.4));
            let nacl = random.chance(0.8).then(|| acls::acl(&mut random, &card));
            let mut driver = Driver::resume(AxiLite::new(&mut engine).unwrap(), state);
            driver.replace_nacl(subnet, nacl.as_ref()).unwrap();
            state = driver.suspend();
            model.replace_nacl(subnet, nacl);

            let mut guest_rx = PacketSource::new(&engine, "guest_rx", 0.0, 1).unwrap();
            let mut net_rx = PacketSource::new(&engine, "net_rx", 0.0, 2).unwrap();
            let mut guest_tx = PacketSink::new(&engine, "guest_tx", 0.0, 3).unwrap();
            let mut net_tx = PacketSink::new(&engine, "net_tx", 0.0, 4).unwrap();
            let mut events = ["tx_event", "rx_event"].map(|port| Sink::new(&engine, port, &EVENT, 0.0, 0).unwrap());
            let mut expected = [VecDeque::new(), VecDeque::new()];
            for _ in 0..80 {
                let (port, bytes) = guest::frame(&mut random, &card);
                expected[0].push_back(model.tx(port, &bytes, false).verdict.reason());
                guest_rx.push(&Packet { bytes, tuser: port.into() });
                let (bytes, error) = overlay::frame(&mut random, &card, 100);
                expected[1].push_back(model.rx(&bytes, error).verdict.reason());
                net_rx.push(&Packet { bytes, tuser: error.into() });
            }
            let mut clocks = 0;
            while expected.iter().any(|waiting| !waiting.is_empty()) {
                let [tx_event, rx_event] = &mut events;
                let sinks: &mut [&mut Sink] = &mut [&mut guest_tx.stream, &mut net_tx.stream, tx_event, rx_event];
                bench::clock(&mut engine, &mut [&mut guest_rx.stream, &mut net_rx.stream], sinks).unwrap();
                clocks += 1;
                assert!(clocks < 100_000, "{expected:?} are left");
                for ((event, waiting), denied) in events.iter_mut().zip(&mut expected).zip(&mut denied) {
                    while let Some((_, item)) = event.pop() {
                        let wanted = waiting.pop_front().unwrap();
                        let found = DropReason::from_code(u8::try_from(item[2][0]).unwrap());
                        assert_eq!(found, wanted, "{config}, round {round}, {} are left", waiting.len());
                        *denied += u32::from(wanted == Some(DropReason::Nacl));
                    }
                }
            }
            quiet(&mut engine);
            bench::set(&mut engine, "guest_tx_tready", &[1]).unwrap();
            bench::set(&mut engine, "net_tx_tready", &[1]).unwrap();
            for _ in 0..3000 {
                engine.settle();
                engine.edge();
            }
        }
        assert!(denied.iter().all(|count| *count > 10), "{config}: {denied:?} packets were denied");
    }
}

/// With both outputs blocked frames pile up in the card, and none is lost from the account.
#[test]
fn held_frames_are_counted() {
    let card = configuration();
    let mut engine = start(Config::Tiny);
    let mut guest_rx = PacketSource::new(&engine, "guest_rx", 0.0, 1).unwrap();
    let mut net_rx = PacketSource::new(&engine, "net_rx", 0.0, 1).unwrap();
    let mut random = Random::new(11);
    for _ in 0..100 {
        let (port, bytes) = guest::frame(&mut random, &card);
        guest_rx.push(&Packet { bytes, tuser: port.into() });
        let (bytes, error) = overlay::frame(&mut random, &card, 100);
        net_rx.push(&Packet { bytes, tuser: error.into() });
    }
    // A card that is not enabled takes nothing.
    for _ in 0..200 {
        bench::clock(&mut engine, &mut [&mut guest_rx.stream, &mut net_rx.stream], &mut []).unwrap();
    }
    assert_eq!((guest_rx.stream.sent(), net_rx.stream.sent()), (0, 0));
    quiet(&mut engine);
    Driver::open(AxiLite::new(&mut engine).unwrap(), card.hash_key).unwrap().configure(&card).unwrap();

    let mut guest_tx = PacketSink::new(&engine, "guest_tx", 1.0, 1).unwrap();
    let mut net_tx = PacketSink::new(&engine, "net_tx", 1.0, 1).unwrap();
    let mut most = [0; 2];
    for _ in 0..20 {
        for _ in 0..100 {
            bench::clock(
                &mut engine,
                &mut [&mut guest_rx.stream, &mut net_rx.stream],
                &mut [&mut guest_tx.stream, &mut net_tx.stream],
            )
            .unwrap();
        }
        quiet(&mut engine);
        for (bank, most) in Bank::ALL.into_iter().zip(&mut most) {
            *most = (*most).max(balance(&mut engine, card.hash_key, bank));
        }
    }
    assert!(most.iter().all(|held| *held > 20), "{most:?} frames were held");
}
