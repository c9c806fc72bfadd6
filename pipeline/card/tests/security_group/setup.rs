//! A scan with the software that writes its rules.

use nitro_card::security_group::scan::SecurityScan;
use nitro_components::bench::{self, Item, Sink, Source};
use nitro_driver::security::{Compiled, CompiledRule, Plan, Rows, RuleMemory, SecurityError, compile};
use nitro_model::{Admission, Facts};
use nitro_simulator::{BlockEntry, Engine, InterpretedEngine};
use nitro_wire::Table;
use nitro_wire::policy::{Direction, EniPolicy};
use nitro_wire::tables::{security_rule_index, set_index};

/// Dimensions of a configuration, and the block.
#[derive(Clone, Copy)]
pub struct Size {
    pub places_log2: u32,
    pub rows_log2: u32,
    pub entry: fn(Direction) -> BlockEntry,
}

fn entry<const RL: usize, const RA: usize, const EA: usize>(direction: Direction) -> BlockEntry {
    BlockEntry::of("security_group_scan", move || SecurityScan::<RL, RA, EA>::new(direction))
}

pub const LINE: Size = Size { places_log2: 6, rows_log2: 9, entry: entry::<6, 9, 4> };
pub const EDGE: Size = Size { places_log2: 3, rows_log2: 9, entry: entry::<3, 9, 1> };
pub const TINY: Size = Size { places_log2: 2, rows_log2: 5, entry: entry::<2, 5, 1> };
/// One rule a row, and no power of anything between its numbers.
pub const NARROW: Size = Size { places_log2: 0, rows_log2: 6, entry: entry::<0, 6, 1> };

/// One write to a table: table, index, row.
pub type Write = (Table, u16, Vec<u32>);

/// The writes of a plan, in order.
pub fn writes(direction: Direction, eni: u8, plan: &Plan) -> Vec<Write> {
    let rule = |(slot, rule): &(usize, Option<CompiledRule>)| {
        let index = security_rule_index(direction, u16::try_from(*slot).unwrap());
        (Table::SecurityRule, index, CompiledRule::row(rule.as_ref()).unwrap())
    };
    let set = (Table::SecuritySet, set_index(direction, eni), plan.set().unwrap());
    plan.writes.iter().map(rule).chain([set]).collect()
}

/// What the waiting room makes of an answer.
pub fn admission(answer: &Item, peer_groups: u64) -> Admission {
    match (answer[0][0], answer[1][0], answer[2][0] & peer_groups) {
        (1, 1, _) => Admission::Untracked,
        (1, 0, _) => Admission::Tracked,
        (0, 0, 0) => Admission::Refused,
        (0, 0, _) => Admission::Tracked,
        _ => panic!("untracked and not admitted: {answer:?}"),
    }
}

pub struct Bench {
    pub engine: InterpretedEngine,
    pub direction: Direction,
    pub memory: RuleMemory,
    pub source: Source,
    pub sink: Sink,
    pub clocks: u64,
}

impl Bench {
    /// A scan after reset, whose memories have been cleared.
    pub fn new(size: Size, direction: Direction, idle: f64, backpressure: f64, seed: u64) -> Self {
        let mut engine = (size.entry)(direction).interpreted().unwrap();
        bench::reset(&mut engine, 2).unwrap();
        let fields = ["eni", "ipv6", "protocol", "peer", "selector", "source_port"];
        let source = Source::new(&engine, "rx", &fields, idle, seed).unwrap();
        let sink = Sink::new(&engine, "tx", &["admitted", "untracked", "groups"], backpressure, seed + 1).unwrap();
        let memory = RuleMemory::new(direction, size.places_log2, size.rows_log2);
        let mut bench = Self { engine, direction, memory, source, sink, clocks: 0 };
        while bench.get("ready") == 0 {
            bench.clock(None, false);
        }
        assert!(bench.clocks <= (1 << size.rows_log2) + 1, "a row is cleared in a clock");
        bench
    }

    pub fn get(&self, port: &str) -> u64 {
        bench::get(&self.engine, port).unwrap()[0]
    }

    /// One clock, perhaps with a write and a commit in it. Whether an ask was taken.
    pub fn clock(&mut self, write: Option<&Write>, commit: bool) -> bool {
        let engine = &mut self.engine;
        bench::set(engine, "table_tvalid", &[u64::from(write.is_some())]).unwrap();
        bench::set(engine, "commit", &[u64::from(commit)]).unwrap();
        if let Some((table, index, row)) = write {
            bench::set(engine, "table_table", &[u64::from(table.code())]).unwrap();
            bench::set(engine, "table_index", &[u64::from(*index)]).unwrap();
            let pairs = row.chunks(2);
            let words: Vec<u64> =
                pairs.map(|pair| u64::from(pair[0]) | u64::from(pair.get(1).copied().unwrap_or(0)) << 32).collect();
            bench::set(engine, "table_data", &words).unwrap();
        }
        let sent = self.source.sent();
        bench::settle(engine, &mut [&mut self.source], &mut [&mut self.sink]).unwrap();
        bench::edge(engine, &mut [&mut self.source], &mut [&mut self.sink]).unwrap();
        self.engine.settle();
        self.clocks += 1;
        self.source.sent() > sent
    }

    /// Compiles the rules and takes rows for them.
    pub fn plan(&mut self, policy: &EniPolicy) -> Result<Plan, SecurityError> {
        self.memory.plan(&compile(policy, self.direction).unwrap())
    }

    /// Installs rules while nothing else happens, and says how many rows they take.
    pub fn install(&mut self, eni: u8, policy: &EniPolicy) -> Rows {
        self.install_compiled(eni, &compile(policy, self.direction).unwrap())
    }

    /// Installs compiled rules while nothing else happens.
    pub fn install_compiled(&mut self, eni: u8, compiled: &Compiled) -> Rows {
        let plan = self.memory.plan(compiled).unwrap();
        for write in writes(self.direction, eni, &plan) {
            self.clock(Some(&write), false);
        }
        self.clock(None, true);
        while self.get("busy") == 1 {
            self.clock(None, false);
        }
        let old = self.memory.commit(eni, plan.rows);
        old.into_iter().for_each(|rows| self.memory.release(rows));
        plan.rows
    }

    /// Queues a packet.
    pub fn ask(&mut self, eni: u8, facts: &Facts) {
        let selector = facts.icmp.map_or(facts.destination_port, |(kind, code)| u16::from(kind) << 8 | u16::from(code));
        let word = |value: u128| u64::try_from(value & u128::from(u64::MAX)).unwrap();
        self.source.push(vec![
            vec![u64::from(eni)],
            vec![u64::from(facts.ipv6)],
            vec![u64::from(facts.protocol)],
            vec![word(facts.peer), word(facts.peer >> 64)],
            vec![u64::from(selector)],
            vec![u64::from(facts.source_port)],
        ]);
    }
}
