//! A connection table under test, and the reference beside it.

use std::collections::VecDeque;
use std::hash::Hasher;

use nitro_card::conntrack::LATENCY;
use nitro_components::bench::{self, BenchError, Item, Random, Sink, Source};
use nitro_simulator::Engine;
use nitro_wire::Table;
use siphasher::sip::SipHasher13;

use crate::reference::{Entry, Flow, Limits, Outcome, Reference};

const HASH_KEY: [u64; 2] = [0x0706_0504_0302_0100, 0xfedc_ba98_7654_3210];
const TICKS: u64 = 1 << 24;
/// Clocks in which an update has certainly been applied.
const SETTLED: u64 = 60;

fn wide(value: u128) -> Vec<u64> {
    vec![value as u64, (value >> 64) as u64]
}

impl Flow {
    fn item(&self) -> Item {
        vec![
            vec![self.eni],
            wide(self.local_ip),
            wide(self.remote_ip),
            vec![self.local_port],
            vec![self.remote_port],
            vec![self.protocol],
        ]
    }

    fn rows(&self, row_bits: u32) -> [u64; 4] {
        let mut bytes = vec![self.eni as u8];
        bytes.extend(self.local_ip.to_be_bytes());
        bytes.extend(self.remote_ip.to_be_bytes());
        bytes.extend((self.local_port as u16).to_be_bytes());
        bytes.extend((self.remote_port as u16).to_be_bytes());
        bytes.push(self.protocol as u8);
        bytes.resize(40, 0);
        let mut hasher = SipHasher13::new_with_keys(HASH_KEY[0], HASH_KEY[1]);
        hasher.write(&bytes);
        std::array::from_fn(|way| hasher.finish() >> (16 * way) & ((1 << row_bits) - 1))
    }
}

/// Flows of two interfaces; with `collide` they share all four places of the table.
pub fn flows(count: usize, collide: Option<u32>, random: &mut Random) -> Vec<Flow> {
    let base = u128::from(random.bits()) << 64 | u128::from(random.bits());
    let mut flows: Vec<Flow> = Vec::new();
    while flows.len() < count {
        // Keys that differ in few bits are easily confused.
        let flow = Flow {
            eni: random.below(2),
            local_ip: base ^ 1 << random.below(128),
            remote_ip: base ^ 1 << random.below(128),
            local_port: 1 << random.below(16),
            remote_port: 1 << random.below(16),
            protocol: [6, 6, 17, 1, 58, 47][random.below(6) as usize],
        };
        let fits = match (collide, flows.first()) {
            (Some(bits), Some(first)) => flow.rows(bits) == first.rows(bits),
            _ => true,
        };
        if fits && !flows.contains(&flow) {
            flows.push(flow);
        }
    }
    flows
}

/// An insertion without its answer.
#[derive(Clone, Copy, Debug)]
struct Insertion {
    flow: usize,
    direction: usize,
    flags: u64,
    tag: u64,
}

/// What lookups may still find of a flow beside what is there: all that it was since something began to happen to it.
#[derive(Clone, Debug, Default)]
struct Change {
    before: Vec<Option<Entry>>,
    until: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Tx,
    Rx,
}

pub struct Bench<'a> {
    pub engine: &'a mut dyn Engine,
    pub reference: Reference,
    pub flows: Vec<Flow>,
    pub random: Random,
    pub now: u64,
    /// Chances of lookups.
    pub rates: [f64; 2],
    /// The table may refuse for want of a place, from so many held entries on.
    pub crowded: Option<(usize, usize)>,
    sources: [Source; 6],
    sinks: [Sink; 5],
    asked: [VecDeque<(u64, usize, bool)>; 2],
    rx_last: bool,
    finds: VecDeque<(usize, bool, u64)>,
    insertions: VecDeque<Insertion>,
    changes: Vec<Change>,
    /// The tick in the clock before.
    last_tick: u64,
    pub counts: [u64; 5],
}

const KEY: [&str; 6] =
    ["key_eni", "key_local_ip", "key_remote_ip", "key_local_port", "key_remote_port", "key_protocol"];

fn fields(prefix: &str, before: &[&str], after: &[&str]) -> Vec<String> {
    let key = KEY.iter().map(|field| format!("{prefix}{field}"));
    before.iter().map(|field| (*field).to_owned()).chain(key).chain(after.iter().map(|f| (*f).to_owned())).collect()
}

fn source(engine: &dyn Engine, port: &str, fields: &[String], idle: f64, seed: u64) -> Result<Source, BenchError> {
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    Source::new(engine, port, &fields, idle, seed)
}

impl<'a> Bench<'a> {
    /// # Errors
    /// If the block has other ports.
    pub fn new(
        engine: &'a mut dyn Engine,
        flows: Vec<Flow>,
        capacity: usize,
        idle: f64,
        seed: u64,
    ) -> Result<Self, BenchError> {
        bench::set(engine, "hash_key", &HASH_KEY)?;
        // Ticks count up, but for the jump from zero to the first one here, of which no walk may be left.
        loop {
            engine.settle();
            if bench::get(engine, "ready")? == [1] && bench::get(engine, "swept")? == [1] {
                break;
            }
            engine.edge();
        }
        let mut random = Random::new(seed);
        // Half of the cases wrap around.
        let tick = if random.chance(0.5) { TICKS - random.below(60) } else { random.below(TICKS) };
        let ask = fields("", &[], &["is_open"]);
        let update: Vec<String> = ["id", "generation", "tcp_flags", "direction"].map(str::to_owned).to_vec();
        let sources = [
            source(engine, "tx_lookup", &ask, 0.0, 1)?,
            source(engine, "rx_lookup", &ask, 0.0, 2)?,
            source(engine, "find", &fields("ask_", &["tag"], &["ask_is_open"]), idle, seed ^ 3)?,
            source(engine, "insert", &fields("", &["tag"], &["direction", "tcp_flags"]), idle, seed ^ 4)?,
            source(engine, "tx_update", &update, idle, seed ^ 5)?,
            source(engine, "rx_update", &update, idle, seed ^ 6)?,
        ];
        let hit = ["hit", "id", "generation"];
        let sinks = [
            Sink::new(engine, "tx_hit", &hit, 0.0, 1)?,
            Sink::new(engine, "rx_hit", &hit, 0.0, 1)?,
            Sink::new(engine, "found", &["tag", "hit_hit", "hit_id", "hit_generation"], 0.0, 1)?,
            Sink::new(engine, "inserted", &["tag", "made", "allowance_exceeded", "id", "generation"], 0.0, 1)?,
            Sink::new(engine, "allowance_tx", &["used", "available"], 0.0, 1)?,
        ];
        let changes = vec![Change::default(); flows.len()];
        Ok(Self {
            engine,
            reference: Reference { tick, capacity, ..Reference::default() },
            flows,
            random,
            now: 0,
            rates: [0.0; 2],
            crowded: None,
            sources,
            sinks,
            asked: [VecDeque::new(), VecDeque::new()],
            rx_last: false,
            finds: VecDeque::new(),
            insertions: VecDeque::new(),
            changes,
            last_tick: tick,
            counts: [0; 5],
        })
    }

    /// What lookups may still see of a flow is what is there now, too.
    fn changes(&mut self, flow: usize, until: u64) {
        let change = &mut self.changes[flow];
        if change.until + 4 <= self.now {
            change.before.clear();
        }
        change.before.push(self.reference.entries.get(&flow).copied());
        change.until = change.until.max(until);
    }

    pub fn busy(&self, flow: usize) -> bool {
        self.changes[flow].until > self.now
            || self.finds.iter().any(|(other, ..)| *other == flow)
            || self.insertions.iter().any(|other| other.flow == flow)
    }

    pub fn inserting(&self, flow: usize) -> bool {
        self.insertions.iter().any(|other| other.flow == flow)
    }

    pub fn finding(&self, flow: usize) -> bool {
        self.finds.iter().any(|(other, ..)| *other == flow)
    }

    pub fn insertions_done(&self) -> bool {
        self.insertions.is_empty()
    }

    /// Updates that have not been taken.
    pub fn backlog(&self) -> usize {
        self.sources[4].waiting() + self.sources[5].waiting()
    }

    pub fn quiet(&self) -> bool {
        self.finds.is_empty()
            && self.insertions.is_empty()
            && self.changes.iter().all(|change| change.until <= self.now)
    }

    pub fn lookup(&mut self, side: Side, flow: usize, is_open: bool) {
        let number = side as usize;
        let mut item = self.flows[flow].item();
        item.push(vec![u64::from(is_open)]);
        self.sources[number].push(item);
        self.asked[number].push_back((self.now + LATENCY as u64, flow, is_open));
    }

    pub fn find(&mut self, flow: usize, is_open: bool) {
        let tag = self.random.below(2);
        let item = [vec![vec![tag]], self.flows[flow].item(), vec![vec![u64::from(is_open)]]].concat();
        self.sources[2].push(item);
        self.finds.push_back((flow, is_open, tag));
    }

    pub fn insert(&mut self, flow: usize, direction: usize, flags: u64) {
        let tag = self.random.below(2);
        let item = [vec![vec![tag]], self.flows[flow].item(), vec![vec![direction as u64], vec![flags]]].concat();
        self.sources[3].push(item);
        self.insertions.push_back(Insertion { flow, direction, flags, tag });
    }

    /// A packet of a flow's connection, or a stale one: of the connection before it in its place, for which it waited, or of one that had the number long before.
    pub fn update(&mut self, side: Side, flow: usize, direction: usize, flags: u64, stale: bool) {
        let Some(entry) = self.reference.entries.get(&flow).copied() else { return };
        // Later the number may belong to another.
        if self.reference.tick > entry.deadline {
            return;
        }
        self.changes(flow, self.now + SETTLED);
        let before = match (stale, entry.renewed) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => 16,
        };
        let generation = (entry.generation + 256 - before) % 256;
        let item = vec![vec![entry.id], vec![generation], vec![flags], vec![direction as u64]];
        self.sources[4 + side as usize].push(item);
        if before < 16 {
            self.reference.update(flow, direction, flags);
        }
    }

    /// Limits of an interface.
    ///
    /// # Errors
    /// Those of the bench.
    pub fn limit(&mut self, eni: u64, limits: Limits) -> Result<(), BenchError> {
        let Limits { most, tcp_established, tcp_transient, udp, udp_stream, icmp, other } = limits;
        // The last field is in the lowest bits.
        let fields = [other, icmp, udp_stream, udp, tcp_transient, tcp_established, most];
        let mut row = vec![0_u64; 10];
        for (number, value) in fields.into_iter().enumerate() {
            for bit in 0..24 {
                let place = 24 * number + bit;
                row[place / 64] |= (value >> bit & 1) << (place % 64);
            }
        }
        bench::set(self.engine, "table_table", &[u64::from(Table::Conntrack.code())])?;
        bench::set(self.engine, "table_index", &[eni])?;
        bench::set(self.engine, "table_data", &row)?;
        bench::set(self.engine, "table_tvalid", &[1])?;
        self.clock()?;
        bench::set(self.engine, "table_tvalid", &[0])?;
        self.reference.limits[eni as usize] = limits;
        Ok(())
    }

    fn entry_hit(entry: Option<Entry>) -> [u64; 3] {
        entry.map_or([0; 3], |entry| [1, entry.id, entry.generation])
    }

    /// Does what came out fit?
    fn answers(&mut self) {
        for side in 0..2 {
            let Some((clock, item)) = self.sinks[side].pop() else {
                let due = self.asked[side].front().is_some_and(|(due, ..)| *due <= self.now);
                assert!(!due, "clock {}: no answer to lookup {side}", self.now);
                continue;
            };
            let (due, flow, is_open) = self.asked[side].pop_front().expect("an answer to no question");
            assert_eq!((clock, due), (self.now, self.now), "lookup {side} takes its latency");
            let found = [item[0][0], item[1][0], item[2][0]];
            // The tick of the clock before counts.
            let expected = Self::entry_hit(self.reference.find(flow, is_open, self.last_tick));
            let change = &self.changes[flow];
            if found != expected && (change.until + 4 > self.now || self.inserting(flow)) {
                // Packets at both sides in one clock count in either order: one may have refreshed an entry that the other is about to close.
                let was = |entry: &Option<Entry>| {
                    let entries = entry.map(|entry| (flow, entry)).into_iter().collect();
                    let before = Reference { entries, ..Reference::default() };
                    found == Self::entry_hit(*entry)
                        || found == Self::entry_hit(before.find(flow, is_open, self.last_tick))
                };
                // An insertion that has no answer yet may show: its number is not known.
                assert!(
                    self.inserting(flow) || change.before.iter().any(was),
                    "clock {}: flow {flow}: {found:?} instead of {expected:?}, {change:?}",
                    self.now
                );
                continue;
            }
            assert_eq!(
                found,
                expected,
                "clock {}: side {side}, flow {flow}, is_open {is_open}, tick {}, {:?}",
                self.now,
                self.last_tick,
                self.reference.entries.get(&flow)
            );
            self.counts[0] += found[0];
        }
        while let Some((_, item)) = self.sinks[2].pop() {
            let (flow, is_open, tag) = self.finds.pop_front().expect("an answer to no question");
            let expected = Self::entry_hit(self.reference.find(flow, is_open, self.reference.tick));
            assert_eq!(item[0][0], tag);
            assert_eq!([item[1][0], item[2][0], item[3][0]], expected, "clock {}: find of {flow}", self.now);
        }
        while let Some((_, item)) = self.sinks[3].pop() {
            let insertion = self.insertions.pop_front().expect("an answer to no insertion");
            self.inserted(insertion, &item);
        }
    }

    fn inserted(&mut self, insertion: Insertion, item: &Item) {
        let Insertion { flow, direction, flags, tag } = insertion;
        let [made, exceeded, id, generation] = [item[1][0], item[2][0], item[3][0], item[4][0]];
        assert_eq!(item[0][0], tag);
        let expected = self.reference.insert(flow, &self.flows[flow], flags);
        let found = match (made, exceeded) {
            (1, 0) => match expected {
                Outcome::Same { .. } => Outcome::Same { id, generation },
                Outcome::Anew { .. } => Outcome::Anew { id, generation },
                _ => Outcome::New,
            },
            (0, 1) => Outcome::AllowanceExceeded,
            _ => Outcome::Full,
        };
        let crowded = self.crowded.is_some_and(|(may, must)| {
            let held = self.reference.held(None);
            assert!(held <= must, "clock {}: {held} entries in {must} places", self.now);
            if held == must && expected == Outcome::New {
                assert_eq!(found, Outcome::Full, "there is no place");
            }
            expected == Outcome::New && held >= may
        });
        if !(crowded && found == Outcome::Full) {
            assert_eq!(found, expected, "clock {}: flow {flow} at tick {}", self.now, self.reference.tick);
        }
        self.counts[match found {
            Outcome::New => 1,
            Outcome::Same { .. } | Outcome::Anew { .. } => 2,
            Outcome::AllowanceExceeded => 3,
            Outcome::Full => 4,
        }] += 1;
        if made == 1 {
            let tick = self.reference.tick;
            let others =
                self.reference.entries.iter().filter(|(other, entry)| **other != flow && tick <= entry.deadline);
            assert!(others.into_iter().all(|(_, entry)| entry.id != id), "number {id} is given twice");
            self.changes(flow, self.now + 4);
            let flow_key = self.flows[flow];
            self.reference.made(flow, &flow_key, direction, flags, id, generation);
        }
    }

    /// One clock, with lookups by chance.
    ///
    /// # Errors
    /// Those of the bench.
    pub fn clock(&mut self) -> Result<(), BenchError> {
        if self.random.chance(self.rates[0]) {
            let (flow, is_open) = (self.random.below(self.flows.len() as u64) as usize, self.random.chance(0.3));
            self.lookup(Side::Tx, flow, is_open);
        }
        self.rx_last = !self.rx_last && self.random.chance(self.rates[1]);
        if self.rx_last {
            let (flow, is_open) = (self.random.below(self.flows.len() as u64) as usize, self.random.chance(0.3));
            self.lookup(Side::Rx, flow, is_open);
        }
        bench::set(self.engine, "tick", &[self.reference.tick % TICKS])?;
        let (mut sources, mut sinks): (Vec<_>, Vec<_>) =
            (self.sources.iter_mut().collect(), self.sinks.iter_mut().collect());
        bench::clock(self.engine, &mut sources, &mut sinks)?;
        self.answers();
        self.last_tick = self.reference.tick;
        self.now += 1;
        Ok(())
    }

    /// Waits until nothing is under way.
    ///
    /// # Errors
    /// Those of the bench.
    pub fn settle(&mut self) -> Result<(), BenchError> {
        let end = self.now + 20_000;
        while !self.quiet() {
            assert!(self.now < end, "something does not come through");
            self.clock()?;
        }
        Ok(())
    }

    /// Waits until the table has been walked over in this tick; then what is counted is exact.
    ///
    /// # Errors
    /// Those of the bench.
    pub fn swept(&mut self) -> Result<(), BenchError> {
        self.settle()?;
        let end = self.now + 20_000;
        self.clock()?;
        self.clock()?;
        while bench::get(self.engine, "swept")? == [0] {
            assert!(self.now < end, "the table is not swept");
            self.clock()?;
        }
        self.reference.forget();
        for eni in 0..2_u64 {
            bench::set(self.engine, "allowance_rx_tdata", &[eni])?;
            bench::set(self.engine, "allowance_rx_tvalid", &[1])?;
            self.clock()?;
            bench::set(self.engine, "allowance_rx_tvalid", &[0])?;
            self.clock()?;
            let (_, item) = self.sinks[4].pop().expect("an answer");
            let used = self.reference.held(Some(eni)) as u64;
            let available = self.reference.limits[eni as usize].most.saturating_sub(used);
            assert_eq!(item, vec![vec![used], vec![available]], "allowance of interface {eni}");
        }
        Ok(())
    }
}
