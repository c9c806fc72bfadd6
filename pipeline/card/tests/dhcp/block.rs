//! The server by itself: messages as far as there is room, answers under back-pressure, clocks counted.

use std::collections::VecDeque;

use nitro_card::catalogue::catalogue;
use nitro_card::config::Config;
use nitro_card::responder::dhcp::{self, store};
use nitro_components::bench::{self, Packet, PacketSink, PacketSource, Random, Sink};
use nitro_model::{eni, parse, responder};
use nitro_simulator::{Engine, InterpretedEngine};
use nitro_wire::control::{CardConfig, Eni, ip_bits, mac_bits, mask4};
use nitro_wire::tables::ENI_ROW;
use nitro_wire::{DropReason, Table, Verdict};

use crate::{card, messages};

/// Fields of an event.
const EVENT: [&str; 7] = ["serial", "verdict", "reason", "eni", "has_eni", "length", "flow"];

/// The server, and what is due of it.
struct Bench {
    engine: InterpretedEngine,
    card: CardConfig,
    rx: PacketSource,
    tx: PacketSink,
    event: Sink,
    serial: u16,
    clocks: u64,
    /// Of each event its fields.
    events: VecDeque<Vec<u64>>,
    answers: VecDeque<Packet>,
    /// Clocks of the last event and of the last answer's end.
    seen: [u64; 2],
}

fn set(engine: &mut InterpretedEngine, port: &str, value: u64) {
    bench::set(engine, port, &[value]).unwrap();
}

impl Bench {
    fn new(config: Config, card: CardConfig, pressure: f64, seed: u64) -> Self {
        let entry = catalogue(config).into_iter().find(|entry| entry.name == "responder_dhcp").unwrap();
        let netlist = entry.netlist().unwrap_or_else(|error| panic!("{error}"));
        let mut engine = InterpretedEngine::new(&netlist);
        bench::reset(&mut engine, 2).unwrap();
        set(&mut engine, "gateway_mac", mac_bits(card.gateway_mac));
        let mut bench = Self {
            rx: PacketSource::new(&engine, "rx", 0.0, 0).unwrap(),
            tx: PacketSink::new(&engine, "tx", pressure, seed).unwrap(),
            event: Sink::new(&engine, "event", &EVENT, 0.0, 0).unwrap(),
            serial: 0,
            clocks: 0,
            events: VecDeque::new(),
            answers: VecDeque::new(),
            seen: [0; 2],
            engine,
            card,
        };
        while bench::get(&bench.engine, "ready").unwrap()[0] == 0 {
            bench.clock();
        }
        for eni in bench.card.enis.clone() {
            bench.install(&eni);
        }
        bench
    }

    fn install(&mut self, eni: &Eni) {
        let ip4 = eni.ips.iter().find(|ip| ip.is_ipv4()).map(|ip| ip_bits(*ip) & 0xffff_ffff);
        let subnet = eni.subnet4.map(|(base, length)| (base.to_bits(), mask4(length)));
        let row = ENI_ROW
            .pack_words(&[
                ("valid", 1),
                ("ip4_valid", ip4.is_some().into()),
                ("ip4", ip4.unwrap_or(0)),
                ("subnet4_valid", subnet.is_some().into()),
                ("subnet4", subnet.map_or(0, |(base, _)| base.into())),
                ("subnet4_mask", subnet.map_or(0, |(_, mask)| mask.into())),
            ])
            .unwrap();
        let words: Vec<u64> =
            row.chunks(2).map(|pair| u64::from(pair[0]) | u64::from(*pair.get(1).unwrap_or(&0)) << 32).collect();
        bench::set(&mut self.engine, "table_data", &words).unwrap();
        set(&mut self.engine, "table_table", Table::Eni.code().into());
        set(&mut self.engine, "table_index", eni.number.into());
        set(&mut self.engine, "table_tvalid", 1);
        self.clock();
        set(&mut self.engine, "table_tvalid", 0);
    }

    /// A clock, and whatever comes must be due.
    fn clock(&mut self) {
        bench::clock(&mut self.engine, &mut [&mut self.rx.stream], &mut [&mut self.tx.stream, &mut self.event])
            .unwrap();
        self.clocks += 1;
        if let Some((_, item)) = self.event.pop() {
            let found: Vec<u64> = item.iter().map(|field| field[0]).collect();
            assert_eq!(Some(found), self.events.pop_front(), "{EVENT:?}, clock {}", self.clocks);
            self.seen[0] = self.clocks;
        }
        if let Some((_, packet)) = self.tx.pop().unwrap() {
            let wanted = self.answers.pop_front();
            assert!(wanted.as_ref() == Some(&packet), "clock {}:\n{packet:02x?}\n{wanted:02x?}", self.clocks);
            self.seen[1] = self.clocks;
        }
    }

    /// Sends a message if there is room; whether there was.
    fn send(&mut self, number: usize, frame: &[u8]) -> bool {
        self.engine.settle();
        if bench::get(&self.engine, "room").unwrap()[0] == 0 {
            return false;
        }
        let from = &self.card.enis[number];
        let parsed = parse(frame);
        let answer = responder::dhcp::reply(from, self.card.gateway_mac, &parsed, frame);
        let (verdict, reason) = match answer {
            Some(_) => (Verdict::Reply, 0),
            None => (Verdict::Drop, DropReason::NoBroadcast.code()),
        };
        let length = frame.len() as u64;
        let (serial, port) = (u64::from(self.serial), u64::from(from.number));
        self.serial = self.serial.wrapping_add(1);
        self.events.push_back(vec![serial, verdict.code().into(), reason.into(), port, 1, length, 0]);
        self.answers.extend(answer.map(|bytes| Packet { bytes, tuser: port }));
        set(&mut self.engine, "length", length);
        set(&mut self.engine, "reserve", 1);
        self.clock();
        set(&mut self.engine, "reserve", 0);
        for (field, value) in [
            ("serial", serial),
            ("eni", port),
            ("has_eni", 1),
            ("length", length),
            ("tagged", parsed.tagged.into()),
            ("vlan", parsed.vlan.into()),
            ("dst_mac", parsed.src_mac),
        ] {
            set(&mut self.engine, &format!("record_{field}"), value);
        }
        let fetched = frame.len().min(store::FETCHED);
        let beats = fetched.div_ceil(self.rx.beat_bytes()) as u64;
        let sent = self.rx.stream.sent();
        self.rx.push(&Packet { bytes: frame[..fetched].to_vec(), tuser: port });
        for _ in 0..beats {
            self.clock();
        }
        assert_eq!(self.rx.stream.sent(), sent + beats, "what was reserved for is taken at once");
        true
    }

    /// Waits until nothing is due.
    fn finish(&mut self) {
        let mut silence = 0;
        while !self.events.is_empty() || !self.answers.is_empty() {
            self.clock();
            silence += 1;
            assert!(silence < 200_000, "{} events and {} answers are missing", self.events.len(), self.answers.len());
        }
        for _ in 0..50 {
            self.clock();
        }
    }
}

/// A frame that `eni` hands over to the server: the stages before it leave no others.
fn served(random: &mut Random, card: &CardConfig, number: usize) -> Vec<u8> {
    loop {
        let frame = messages::frame(random, card, &card.enis[number]);
        let parsed = parse(&frame);
        if parsed.reason.is_none() && eni::seeks_dhcp(&card.enis[number], &parsed) && parsed.ip_length <= 1500 {
            return frame;
        }
    }
}

/// Messages of random interfaces; how many waited at a time, at most, and how many are answered.
fn check(config: Config, count: usize, pressure: f64, seed: u64) -> (usize, usize) {
    let mut random = Random::new(seed);
    let mut bench = Bench::new(config, card(seed), pressure, seed);
    let (mut most, mut answered) = (0, 0);
    for _ in 0..count {
        let number = usize::from(random.chance(0.4));
        let frame = served(&mut random, &bench.card, number);
        let before = bench.answers.len();
        while !bench.send(number, &frame) {
            bench.clock();
        }
        answered += bench.answers.len().saturating_sub(before);
        most = most.max(bench.events.len());
        let pause = if random.chance(0.5) { 0 } else { random.below(1500) };
        for _ in 0..pause {
            bench.clock();
        }
    }
    bench.finish();
    (most, answered)
}

#[test]
fn alone_it_answers_as_the_model() {
    for (config, count) in [(Config::Tiny, 120), (Config::Edge, 60), (Config::Line, 60)] {
        for (seed, pressure) in [(0, 0.0), (1, 0.5), (2, 0.95), (3, 0.0)] {
            let (most, answered) = check(config, count, pressure, seed);
            println!("{config}, back-pressure {pressure}: {answered} answered, at most {most} were there");
            assert!(answered > count / 5 && most > 3);
        }
    }
}

/// It refuses a message only if as many are there as may be, or the longest one would not fit.
#[test]
fn it_takes_as_many_as_there_is_room_for() {
    for config in Config::ALL {
        let mut random = Random::new(5);
        for length in [300, 548, 1472] {
            let mut bench = Bench::new(*config, card(0), 0.0, 0);
            let mut frame;
            loop {
                frame = served(&mut random, &bench.card, 0);
                let parsed = parse(&frame);
                if frame.len() == 42 + length && parsed.udp_length == 8 + u16::try_from(length).unwrap() {
                    break;
                }
            }
            let mut taken = 0;
            while bench.send(0, &frame) {
                taken += 1;
                assert!(taken < 20);
            }
            println!("{config}: {taken} messages of {length} bytes");
            let beats = frame.len().div_ceil(bench.rx.beat_bytes());
            let longest = store::FETCHED / bench.rx.beat_bytes();
            assert!(taken >= store::MESSAGES || taken * beats + longest > 1 << store::DEPTH, "{config}: {taken}");
            bench.finish();
        }
    }
}

/// The clocks that the documentation promises.
#[test]
fn latencies() {
    for config in Config::ALL {
        let mut random = Random::new(6);
        for _ in 0..40 {
            let mut bench = Bench::new(*config, card(0), 0.0, 0);
            let frame = served(&mut random, &bench.card, 0);
            let beat_bytes = bench.rx.beat_bytes();
            assert!(bench.send(0, &frame));
            let answer = bench.answers.front().map(|packet| packet.bytes.len());
            let fetched = frame.len().min(store::FETCHED);
            let first_beat = bench.clocks - (fetched.div_ceil(beat_bytes) - 1) as u64;
            bench.finish();
            let read = first_beat + store::LATENCY as u64 + fetched as u64 - 1;
            assert_eq!(bench.seen[0] - read, dhcp::LATENCY as u64, "{config}: {} bytes", frame.len());
            if let Some(bytes) = answer {
                let beats = bytes.div_ceil(beat_bytes);
                let clocks = dhcp::ANSWER_LATENCY + beats * beat_bytes + beats - 1;
                assert_eq!(bench.seen[1] - bench.seen[0], clocks as u64, "{config}: {bytes} bytes");
            }
        }
    }
}
