//! The counter bank against an array.

use nitro_components::bench::{Random, clock, get, reset, set};
use nitro_simulator::Engine;

use crate::common::{Block, Outcome, Traffic, traffic};

fn count(engine: &mut dyn Engine, pairs: u64, amount_bits: u32, traffic: Traffic) -> Outcome {
    let mut random = Random::new(traffic.seed);
    for round in 0..2 {
        let mut counters = vec![(0_u64, 0_u64); pairs as usize];
        let mut clocks = 0;
        while get(engine, "ready")? == [0] {
            clock(engine, &mut [], &mut [])?;
            clocks += 1;
            assert!(clocks <= pairs + 1, "clearing does not end");
        }
        let mut expected = None;
        for _ in 0..400 {
            // Few pairs, so that one is often hit again while its last event is still under way.
            let (index, valid) = (random.below(pairs.min(3)), !random.chance(traffic.idle));
            let amount = random.bits() >> (64 - amount_bits);
            let (read, reads) = (random.below(pairs.min(3)), random.chance(0.5));
            set(engine, "rx_tvalid", &[u64::from(valid)])?;
            set(engine, "rx_index", &[index])?;
            set(engine, "rx_amount", &[amount])?;
            set(engine, "read_tvalid", &[u64::from(reads)])?;
            set(engine, "read_tdata", &[read])?;
            clock(engine, &mut [], &mut [])?;
            // What the read of the clock before has found.
            let found = (get(engine, "value_tvalid")? == [1])
                .then_some((get(engine, "value_events")?[0], get(engine, "value_amount")?[0]));
            assert_eq!(found, expected);
            expected = reads.then(|| counters[read as usize]);
            if valid {
                let (events, sum) = &mut counters[index as usize];
                *events += 1;
                *sum = sum.wrapping_add(amount);
            }
        }
        // Reset in the middle of things clears all.
        if round == 0 {
            reset(engine, 2)?;
        }
    }
    Ok(())
}

#[test]
fn events_are_counted_whatever_their_order() {
    for (name, pairs, amount_bits) in [("counter_bank_3", 8, 14), ("counter_bank_5", 32, 64)] {
        let block = Block::named(name);
        block.check(30, &traffic(), move |engine, traffic| count(engine, pairs, amount_bits, traffic));
    }
}

#[test]
fn every_pair_counts() {
    let mut engine = Block::named("counter_bank_5").engine();
    for _ in 0..33 {
        clock(&mut engine, &mut [], &mut []).unwrap();
    }
    for index in 0..32 {
        set(&mut engine, "rx_tvalid", &[1]).unwrap();
        set(&mut engine, "rx_index", &[index]).unwrap();
        set(&mut engine, "rx_amount", &[100 + index]).unwrap();
        clock(&mut engine, &mut [], &mut []).unwrap();
    }
    set(&mut engine, "rx_tvalid", &[0]).unwrap();
    for index in 0..32 {
        set(&mut engine, "read_tvalid", &[1]).unwrap();
        set(&mut engine, "read_tdata", &[index]).unwrap();
        clock(&mut engine, &mut [], &mut []).unwrap();
        clock(&mut engine, &mut [], &mut []).unwrap();
        assert_eq!(get(&engine, "value_events").unwrap(), [1]);
        assert_eq!(get(&engine, "value_amount").unwrap(), [100 + index]);
    }
}
