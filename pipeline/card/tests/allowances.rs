//! Buckets and counters of the interfaces, clock by clock against plain references.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use nitro_card::allowances::buckets::Buckets;
use nitro_card::allowances::counters::EniCounters;
use nitro_components::bench::{self, Random};
use nitro_simulator::{BlockEntry, Engine, InterpretedEngine};
use nitro_wire::counters::EniCounter;
use nitro_wire::policy::TICKS_PER_SECOND;
use nitro_wire::{DropReason, Table};

/// Interfaces, as a power of two.
const EA: usize = 2;
/// Bits of a counter's row.
const EC: usize = EA + 3;
const ENIS: u64 = 1 << EA;

fn get(engine: &dyn Engine, port: &str) -> u64 {
    bench::get(engine, port).unwrap()[0]
}

fn set(engine: &mut dyn Engine, port: &str, value: u64) {
    bench::set(engine, port, &[value]).unwrap();
}

fn start(entry: &BlockEntry) -> InterpretedEngine {
    let mut engine = entry.interpreted().unwrap();
    bench::reset(&mut engine, 2).unwrap();
    engine
}

/// A bucket as the contract has it: so many sixteenths of packets.
#[derive(Clone, Copy, Default)]
struct Bucket {
    allowance: u64,
    sixteenths: u64,
}

impl Bucket {
    fn tick(&mut self) {
        self.sixteenths = (self.sixteenths + self.allowance).min(16 * self.allowance);
    }
}

/// Random allowances, packets and ticks, in any clocks.
#[test]
fn buckets_are_those_of_the_contract() {
    assert_eq!(TICKS_PER_SECOND, 16);
    for seed in 0..8 {
        let mut random = Random::new(seed);
        let mut engine = start(&BlockEntry::of("buckets", Buckets::<EA>::default));
        let mut buckets = [Bucket::default(); 1 << EA];
        let (mut now, mut last) = (0xff_ffe0_u64, 0);
        let tick_rate = [0.02, 0.3, 1.0][usize::try_from(seed % 3).unwrap()];
        let (mut passed, mut refused) = (0, 0);
        for clock in 0..4000 {
            if random.chance(tick_rate) {
                now = (now + 1) & 0xff_ffff;
            }
            let eni = random.below(ENIS + 1);
            let writes = random.chance(if clock < 20 { 0.5 } else { 0.01 });
            let (table, index) =
                (if random.chance(0.8) { Table::Allowance } else { Table::Conntrack }, random.below(6));
            let allowance = match random.below(4) {
                0 => random.below(4),
                1 => random.below(40),
                2 => 1024,
                _ => random.bits() & u64::from(u32::MAX),
            };
            set(&mut engine, "now", now);
            set(&mut engine, "eni", eni);
            set(&mut engine, "table_tvalid", writes.into());
            set(&mut engine, "table_table", table.code().into());
            set(&mut engine, "table_index", index);
            let mut data = vec![0; 10];
            data[0] = allowance;
            bench::set(&mut engine, "table_data", &data).unwrap();
            set(&mut engine, "take", 0);
            engine.settle();
            let bucket = usize::try_from(eni).ok().filter(|eni| *eni < buckets.len());
            let wanted = bucket.is_some_and(|eni| buckets[eni].sixteenths >= 16);
            assert_eq!(get(&engine, "filled"), u64::from(wanted), "seed {seed}, clock {clock}, interface {eni}");
            let takes = wanted && random.chance(0.7);
            set(&mut engine, "take", takes.into());
            engine.settle();
            engine.edge();
            if let Some(bucket) = bucket.filter(|_| takes) {
                buckets[bucket].sixteenths -= 16;
            }
            (passed, refused) = (passed + u64::from(takes), refused + u64::from(!wanted));
            // A tick's share comes with the clock in which the new tick is seen.
            if now != last {
                buckets.iter_mut().for_each(Bucket::tick);
                last = now;
            }
            if writes && table == Table::Allowance && index < ENIS {
                buckets[usize::try_from(index).unwrap()] = Bucket { allowance, sixteenths: 16 * allowance };
            }
        }
        assert!(passed > 100 && refused > 100, "seed {seed}: {passed} passed, {refused} refused");
    }
}

const REASONS: [DropReason; 8] = [
    DropReason::StreamError,
    DropReason::ConntrackFull,
    DropReason::ConntrackAllowanceExceeded,
    DropReason::SecurityGroup,
    DropReason::BwInAllowanceExceeded,
    DropReason::BwOutAllowanceExceeded,
    DropReason::PpsAllowanceExceeded,
    DropReason::LinklocalAllowanceExceeded,
];

/// Both paths count, in the same clock too, and a counter is read in every clock, also while it carries into its upper half:
/// nothing is torn, doubled or lost.
#[test]
fn counters_of_interfaces_count_and_carry() {
    for (seed, first) in [(1, 0), (2, (1 << 31) - 100), (3, u64::from(u32::MAX)), (4, u64::MAX - 50)] {
        let mut random = Random::new(seed);
        let mut engine = start(&BlockEntry::of("counters", move || EniCounters::<EA, EC>::beginning_with(first)));
        while get(&engine, "ready") == 0 {
            engine.settle();
            engine.edge();
        }
        // What was counted before a clock, by interface and counter: events show 2 clocks after them.
        let mut counts = [[first.wrapping_mul(2); 5]; 1 << EA];
        let mut before: Vec<(usize, usize)> = Vec::new();
        let mut asked: Option<u64> = None;
        let mut available = [0; 1 << EA];
        let (mut carried, mut reads) = (false, 0);
        for clock in 0..6000 {
            let mut events = Vec::new();
            for (path, eni_port) in [("tx", "tx_event_eni"), ("rx", "rx_eni")] {
                let (valid, eni) = (random.chance(0.8), random.below(ENIS));
                let reason = REASONS[usize::try_from(random.below(8)).unwrap()];
                let verdict = if random.chance(0.95) { 1 } else { 0 };
                set(&mut engine, &format!("{path}_event_tvalid"), valid.into());
                set(&mut engine, &format!("{path}_event_reason"), reason.code().into());
                set(&mut engine, &format!("{path}_event_verdict"), verdict);
                set(&mut engine, eni_port, eni);
                if let Some(counter) = EniCounter::of(reason).filter(|_| valid && verdict == 1) {
                    events.push((usize::try_from(eni).unwrap(), usize::from(counter.index())));
                }
            }
            engine.settle();
            // The answer to what was asked in the clock before.
            assert_eq!(get(&engine, "value_tvalid"), u64::from(asked.is_some()), "clock {clock}");
            if let Some(wanted) = asked.take() {
                assert_eq!(get(&engine, "value_tdata"), wanted, "seed {seed}, clock {clock}");
                carried |= wanted >> 32 != first.wrapping_mul(2) >> 32;
                reads += 1;
            }
            let (reads, eni, index) = (random.chance(0.9), random.below(ENIS + 2), random.below(10));
            set(&mut engine, "read_tvalid", reads.into());
            set(&mut engine, "read_eni", eni);
            set(&mut engine, "read_index", index);
            engine.settle();
            assert_eq!(get(&engine, "allowance_rx_tvalid"), u64::from(reads));
            if reads {
                let eni = usize::try_from(eni).unwrap();
                asked = Some(match counts.get(eni) {
                    Some(counts) if index < 5 => counts[usize::try_from(index).unwrap()],
                    Some(_) if index == 5 => {
                        available[eni] = random.below(1 << 24);
                        available[eni]
                    }
                    // Rows that no counter has stay as they were cleared.
                    Some(_) if index < 8 => first.wrapping_mul(2),
                    _ => 0,
                });
                assert_eq!(get(&engine, "allowance_rx_tdata"), eni as u64);
            }
            engine.edge();
            // Connection tracking answers in the next clock.
            if let Some(available) = usize::try_from(eni).ok().and_then(|eni| available.get(eni)) {
                set(&mut engine, "allowance_tx_available", *available);
            }
            for (eni, counter) in before {
                counts[eni][counter] = counts[eni][counter].wrapping_add(1);
            }
            before = events;
        }
        assert!(reads > 1000, "{reads} reads");
        assert_eq!(carried, first != 0, "seed {seed}: whether the upper half has changed");
    }
}
