//! The interrupt: causes that come and are cleared in any clocks, and software that handles them.

use std::collections::BTreeMap;

use nitro_card::control::interrupts::Interrupts;
use nitro_components::bench::{self, Random};
use nitro_simulator::{BlockEntry, Engine};
use nitro_wire::registers::{self, INTERRUPT_CAUSE, INTERRUPT_MASK};
use nitro_wire::{DropReason, Interrupt, Verdict};

use super::bus::{Manager, get, pick, set, start};

/// Causes and writes of each clock at random, so that every race comes up: the registers and the line in every clock.
#[test]
fn set_wins_over_clear_and_the_line_is_a_level() {
    for (seed, rate) in [(1, 0.1), (2, 0.3), (3, 0.8)] {
        let mut random = Random::new(seed);
        let mut engine = BlockEntry::of("interrupts", Interrupts::default).interpreted().unwrap();
        bench::reset(&mut engine, 2).unwrap();
        let (mut causes, mut mask) = (0_u64, u64::from(INTERRUPT_MASK.reset()));
        let (mut races, mut high) = (0, 0);
        for clock in 0..4000 {
            let happens = if random.chance(rate) { random.bits() & random.bits() & 0xff } else { 0 };
            let writes = random.chance(rate);
            let register = pick(&mut random, &[INTERRUPT_CAUSE, INTERRUPT_MASK, registers::CONTROL]);
            let (whole, data) = (random.chance(0.9), random.bits() >> 32);
            set(&mut engine, "causes", happens);
            set(&mut engine, "write_tvalid", writes.into());
            set(&mut engine, "write_word", u64::from(register.offset) / 4);
            set(&mut engine, "write_whole", whole.into());
            set(&mut engine, "write_data", data);
            for (offset, wanted) in [(INTERRUPT_CAUSE.offset, causes), (INTERRUPT_MASK.offset, mask), (0x0c, 0)] {
                set(&mut engine, "read_word", u64::from(offset) / 4);
                engine.settle();
                assert_eq!(get(&engine, "read_data"), wanted, "seed {seed}, clock {clock}, register {offset:#x}");
            }
            let line = causes & !mask != 0;
            assert_eq!(get(&engine, "irq"), u64::from(line), "seed {seed}, clock {clock}");
            high += u32::from(line);
            engine.edge();
            if writes && whole && register == INTERRUPT_CAUSE {
                races += (happens & data).count_ones();
                causes &= !data;
            }
            causes |= happens;
            if writes && whole && register == INTERRUPT_MASK {
                mask = data & 0xff;
            }
        }
        assert!(races > 10 && high > 100, "seed {seed}: {races} races, {high} clocks with the line high");
    }
}

/// Verdicts of both paths and commits at random; software reads the causes whenever the line is high, and clears what it has
/// read. Whatever happens is handled after it has happened, and nothing is handled that has not.
#[test]
fn software_misses_no_cause() {
    for (seed, pause, rate) in [(1, 0.0, 0.05), (2, 0.3, 0.01), (3, 0.6, 0.2)] {
        let mut engine = start(false);
        let (mut manager, mut random) = (Manager::new(pause, seed), Random::new(seed + 50));
        // Clocks of the last occurrence of each cause, and of the last handling.
        let (mut happened, mut handled) = (BTreeMap::new(), BTreeMap::new());
        let mut times = BTreeMap::<u8, u32>::new();
        let (mut found, mut clearing, mut reading) = (0_u64, false, false);
        let (mut committed, mut busy) = (0_u64, 0_u64);
        manager.write(INTERRUPT_MASK.offset, 0, 0xf);
        let last = 12_000;
        for clock in 0..last + 600 {
            if clock == 300 {
                set(&mut engine, "ready", 1);
                happened.insert(Interrupt::TablesReady.bit(), clock);
            }
            for path in ["tx", "rx"] {
                let valid = clock > 400 && clock < last && random.chance(rate);
                let reason = pick(&mut random, DropReason::ALL);
                set(&mut engine, &format!("{path}_event_tvalid"), valid.into());
                set(&mut engine, &format!("{path}_event_verdict"), Verdict::Drop.code().into());
                set(&mut engine, &format!("{path}_event_reason"), reason.code().into());
                for cause in Interrupt::ALL.into_iter().filter(|cause| valid && cause.reasons().contains(&reason)) {
                    happened.insert(cause.bit(), clock);
                    *times.entry(cause.bit()).or_default() += 1;
                }
            }
            // A commit is done when the rules of before are read no more.
            let writes = manager.write_response.taken.len();
            if clock > 400 && clock < last && committed == 0 && !clearing && random.chance(0.01) {
                manager.write(registers::POLICY_COMMIT.offset, 0, 0xf);
                (committed, busy) = (clock, 60 + random.below(80));
            }
            set(&mut engine, "policy_busy", u64::from(committed != 0 && clock < committed + busy));
            manager.clock(&mut engine);
            engine.settle();
            if committed != 0 && !clearing && manager.write_response.taken.len() > writes {
                // Its answer, not that of a clearing.
                happened.insert(Interrupt::CommitDone.bit(), committed + busy);
                *times.entry(Interrupt::CommitDone.bit()).or_default() += 1;
            }
            if reading && !manager.read_data.taken.is_empty() {
                reading = false;
                found = manager.read_data.taken.pop().unwrap()[0];
                clearing = true;
                manager.write_response.taken.clear();
                manager.write(INTERRUPT_CAUSE.offset, u32::try_from(found).unwrap(), 0xf);
            } else if clearing && !manager.write_response.taken.is_empty() {
                clearing = false;
                for bit in (0..8).filter(|bit| found >> bit & 1 == 1) {
                    let happened = happened.get(&bit).copied();
                    assert!(happened.is_some(), "cause {bit} at clock {clock} of nothing");
                    handled.insert(bit, clock);
                }
            } else if !reading && !clearing && get(&engine, "irq") == 1 {
                reading = true;
                manager.read(INTERRUPT_CAUSE.offset);
            }
            if committed != 0 && clock > committed + busy + 200 {
                committed = 0;
            }
        }
        assert_eq!(get(&engine, "irq"), 0, "all has been handled");
        assert_eq!(happened.len(), Interrupt::ALL.len(), "seed {seed}: {times:?}");
        for (bit, clock) in happened {
            assert!(handled.get(&bit).is_some_and(|handled| *handled > clock), "seed {seed}: cause {bit} of {clock}");
        }
    }
}
