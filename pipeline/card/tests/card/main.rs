//! The whole card: programmed through its registers, frames at both ports, and every counter.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use nitro_card::config::Config;
use nitro_check::{acls, guest, overlay, setup, whole};
use nitro_components::bench::{self, Packet, PacketSink, PacketSource, Random};
use nitro_driver::{AxiLite, Counter, Driver, RegisterPort};
use nitro_simulator::Engine;
use nitro_wire::control::CardConfig;
use nitro_wire::counters::{self, Bank};
use nitro_wire::{Interrupt, registers};

use setup::{LIFE, short_lived};
use whole::{Frame, Rates, Strictness, Whole, start};

/// A card of both tests' settings.
fn configuration() -> CardConfig {
    short_lived(CardConfig { token_keys: overlay::card(false).token_keys, ..setup::config() })
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

/// As many random frames for each side, in turns.
fn traffic(random: &mut Random, card: &CardConfig, count: usize) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut missing = [count; 2];
    while missing != [0; 2] {
        let (port, bytes) = guest::frame(random, card);
        if missing[0] > 0 {
            missing[0] -= 1;
            frames.push(Frame::tx(port, bytes));
        }
        let (bytes, error) = overlay::frame(random, card, 300);
        if missing[1] > 0 {
            missing[1] -= 1;
            frames.push(Frame::rx(bytes, error));
        }
    }
    frames
}

/// Frames of each side that are sent back to back: no more in sum than the card can track connections.
const fn burst(config: Config) -> usize {
    match config {
        Config::Tiny => 7,
        Config::Edge | Config::Line => 200,
    }
}

/// Random traffic on both sides at once.
fn check(config: Config, count: usize, idle: f64, pressure: f64, seed: u64) {
    let card = acls::with_acls(configuration(), seed);
    let mut whole = Whole::new(config, &card, Rates { idle, pressure, seed });
    let mut random = Random::new(seed);
    let mut sent = 0;
    while sent < count {
        let frames = traffic(&mut random, &card, burst(config).min(count - sent));
        whole.turn(&frames, Strictness::NoKinds).unwrap_or_else(|error| panic!("{config}: {error}"));
        whole.pass_ticks(LIFE).unwrap();
        sent += frames.len() / 2;
    }
    whole.finish().unwrap_or_else(|error| panic!("{config}: {error}"));
    assert!(
        whole.count("Pass") as usize > count / 20 && whole.count("Reply") as usize > count / 40,
        "{:?}",
        whole.shown
    );
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
        let mut whole = Whole::new(config, &card, Rates { idle: 0.0, pressure: 0.0, seed: 1 });
        let mut random = Random::new(21);
        for round in 0..rounds {
            let subnet = u8::from(random.chance(0.4));
            let nacl = random.chance(0.8).then(|| acls::acl(&mut random, &card));
            whole.driver(|driver| driver.replace_nacl(subnet, nacl.as_ref())).unwrap();
            whole.model.replace_nacl(subnet, nacl);
            for _ in 0..80_usize.div_ceil(burst(config)) {
                let frames = traffic(&mut random, &card, burst(config).min(80));
                whole.turn(&frames, Strictness::NoKinds).unwrap_or_else(|error| panic!("{config}, {round}: {error}"));
                whole.pass_ticks(LIFE).unwrap();
            }
        }
        assert!(whole.count("nacl") > 20, "{config}: {:?}", whole.shown);
    }
}

/// The line goes up with a cause that software has asked for, and down when it has been told.
#[test]
fn the_card_interrupts() {
    let mut card = configuration();
    card.enis.iter_mut().for_each(|eni| eni.policy.linklocal_allowance = 3);
    let mut whole = Whole::new(Config::Tiny, &card, Rates { idle: 0.0, pressure: 0.0, seed: 1 });
    let line = |whole: &mut Whole| {
        whole.engine.settle();
        bench::get(&whole.engine, "irq").unwrap()[0]
    };
    assert_eq!(line(&mut whole), 0, "all causes are masked after reset");
    let causes = whole.driver(|driver| driver.take_interrupts()).unwrap();
    assert_eq!(causes, [Interrupt::TablesReady, Interrupt::CommitDone]);
    whole.driver(|driver| driver.enable_interrupts(&[Interrupt::AllowanceExceeded])).unwrap();
    let mut datagram = vec![0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0];
    datagram.extend([10, 0, 0, 5, 169, 254, 169, 254]);
    let sum = datagram.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum::<u32>();
    let checksum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    datagram[10..12].copy_from_slice(&checksum.to_be_bytes());
    datagram.extend([0x9c, 0x40, 0, 53, 0, 8, 0, 0]);
    let query = [&card.gateway_mac[..], &card.enis[0].mac, &[8, 0], &datagram, &[0; 18]].concat();
    for number in 0..6 {
        whole.turn(&[Frame::tx(0, query.clone())], Strictness::Full).unwrap();
        assert_eq!(line(&mut whole), u64::from(number >= 3), "{:?}", whole.shown);
    }
    whole.driver(|driver| driver.port().write(registers::POLICY_COMMIT.offset, 1)).unwrap();
    whole.idle(100).unwrap();
    let causes = whole.driver(|driver| driver.take_interrupts()).unwrap();
    assert_eq!((causes, line(&mut whole)), (vec![Interrupt::CommitDone, Interrupt::AllowanceExceeded], 0));
    // A tick brings three sixteenths of a packet.
    whole.pass_ticks(6).unwrap();
    whole.turn(&[Frame::tx(0, query.clone()), Frame::tx(0, query)], Strictness::Full).unwrap();
    assert_eq!((whole.count("linklocal_allowance_exceeded"), line(&mut whole)), (4, 1));
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
    assert!(most.iter().all(|held| *held > 10), "{most:?} frames were held");
}
