//! The control port: AXI4-Lite's rules, and every register as the register table has it.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod bus;
mod interrupts;

use std::collections::HashMap;

use nitro_card::config::Config;
use nitro_card::control;
use nitro_components::bench::{self, Random};
use nitro_simulator::Engine;
use nitro_wire::Interrupt;
use nitro_wire::counters::{Bank, EniCounter, MADE, MAX_COUNTED_BYTES, RECEIVED, select, select_eni};
use nitro_wire::registers::{self, Access, REGISTERS};

use bus::{DECERR, Manager, OKAY, SLVERR, get, pick, set, start};

/// The word that a read must give, and the response.
fn expected_read(address: u16, held: &HashMap<u16, u32>) -> (u64, u64) {
    let Some((register, index)) = registers::find(address) else { return (0, DECERR) };
    let value = match register.name {
        "CAPABILITIES" => Config::Line.dimensions().capabilities().word(),
        "POLICY_CAPABILITIES" => Config::Line.dimensions().capabilities().policy_word(),
        "INTERRUPT_CAUSE" => Interrupt::TablesReady.mask() | Interrupt::CommitDone.mask(),
        _ if !register.access.reads() => 0,
        _ if register.access == Access::ReadOnly => register.reset(),
        _ => held.get(&register.at(index)).copied().unwrap_or(register.reset()),
    };
    (value.into(), OKAY)
}

/// Random writes everywhere, then everything is read back.
#[test]
fn registers_are_those_of_the_table() {
    for (seed, pause) in [(1, 0.0), (2, 0.5), (3, 0.8)] {
        let mut engine = start(true);
        let mut manager = Manager::new(pause, seed);
        let mut random = Random::new(seed + 100);
        let mut held = HashMap::new();
        let mut responses = Vec::new();
        for _ in 0..600 {
            // Mostly where registers are; sometimes anywhere.
            let limit = if random.chance(0.9) { 0x160 } else { 0x1000 };
            let address = u16::try_from(random.below(limit)).unwrap();
            let cause = registers::find(address).is_some_and(|(register, _)| *register == registers::INTERRUPT_CAUSE);
            let data = if cause { 0 } else { u32::try_from(random.bits() >> 32).unwrap() };
            let strobe = if random.chance(0.9) { 0xf } else { random.below(15) };
            manager.write(address, data, strobe);
            responses.push(match registers::find(address) {
                None => DECERR,
                Some((register, _)) if !register.access.writes() || strobe != 0xf => SLVERR,
                Some((register, index)) => {
                    let mask = register.fields.iter().fold(0, |mask, field| mask | field.mask());
                    held.insert(register.at(index), data & mask);
                    OKAY
                }
            });
        }
        let (found, _) = manager.finish(&mut engine, responses.len(), 0);
        assert_eq!(found, responses);
        // The last commit ends.
        for _ in 0..100 {
            manager.clock(&mut engine);
        }

        let addresses: Vec<u16> = (0..0x400).map(|word| 4 * word).collect();
        addresses.iter().for_each(|address| manager.read(*address));
        let (_, found) = manager.finish(&mut engine, 0, addresses.len());
        for (address, found) in addresses.iter().zip(found) {
            // A snapshot of an empty counter is all that the random selections leave behind.
            assert_eq!(found, expected_read(*address, &held), "address {address:#05x}");
        }
    }
}

/// Writes and reads do not wait for each other, and one of each goes through every few clocks.
#[test]
fn both_directions_run_at_once() {
    let mut engine = start(true);
    let mut manager = Manager::new(0.0, 1);
    for _ in 0..100 {
        manager.write(registers::UNDERLAY_MAC_LO.offset, 5, 0xf);
        manager.read(registers::ID.offset);
    }
    let mut clocks = 0;
    while manager.write_response.taken.len() < 100 || manager.read_data.taken.len() < 100 {
        manager.clock(&mut engine);
        clocks += 1;
    }
    assert!(clocks <= 410, "{clocks} clocks for 100 writes and 100 reads");
    assert!(manager.read_data.taken.iter().all(|read| read == &[u64::from(registers::ID_VALUE), OKAY]));
}

/// While the tables are being cleared writes wait, reads do not.
#[test]
fn writes_wait_until_the_card_is_ready() {
    let mut engine = start(false);
    let mut manager = Manager::new(0.0, 1);
    manager.write(registers::CONTROL.offset, 1, 0xf);
    manager.read(registers::CONTROL.offset);
    let (_, reads) = manager.finish(&mut engine, 0, 1);
    assert_eq!(reads, [(0, OKAY)]);
    for _ in 0..200 {
        manager.clock(&mut engine);
        assert_eq!(get(&engine, "enable"), 0);
    }
    assert!(manager.write_response.taken.is_empty());
    set(&mut engine, "ready", 1);
    let (writes, _) = manager.finish(&mut engine, 1, 0);
    assert_eq!((writes, get(&engine, "enable")), (vec![OKAY], 1));
}

/// Every setting reaches its port.
#[test]
fn settings_reach_their_ports() {
    let mut engine = start(true);
    let mut manager = Manager::new(0.0, 1);
    let mut count = 0;
    let mut words = |register: &registers::Register, values: &[u32]| {
        for (index, value) in values.iter().enumerate() {
            manager.write(register.at(u16::try_from(index).unwrap()), *value, 0xf);
            count += 1;
        }
    };
    let key = [0x0001_0203, 0x0405_0607, 0x0809_0a0b, 0x0c0d_0e0f];
    words(&registers::UNDERLAY_IP, &[1, 2, 3, 4]);
    words(&registers::UNDERLAY_MAC_HI, &[0x0200]);
    words(&registers::UNDERLAY_MAC_LO, &[0x6440_0001]);
    words(&registers::NEXT_HOP_MAC_HI, &[0x0300]);
    words(&registers::NEXT_HOP_MAC_LO, &[5]);
    words(&registers::GATEWAY_MAC_HI, &[0x0400]);
    words(&registers::GATEWAY_MAC_LO, &[6]);
    let epoch = |valid, epoch| {
        let field = |name: &str, value| registers::TOKEN_EPOCH.field(name).unwrap().put(value);
        field("valid", valid) | field("epoch", epoch)
    };
    words(&registers::TOKEN_EPOCH, &[epoch(1, 7), epoch(0, 9)]);
    words(&registers::TOKEN_KEY_0, &key);
    words(&registers::TOKEN_KEY_1, &[9, 8, 7, 6]);
    words(&registers::HASH_KEY, &key);
    words(&registers::FLOW_KEY, &[0, 0, 0, 1]);
    words(&registers::CONNTRACK_KEY, &[0, 0, 2, 0]);
    let bit = |name: &str| registers::CONTROL.field(name).unwrap().put(1);
    words(&registers::CONTROL, &[bit("strict_tcp")]);
    manager.finish(&mut engine, count, 0);
    engine.settle();
    let wide = |port: &str| bench::get(&engine, port).unwrap();
    assert_eq!(wide("underlay_ip"), [0x0000_0003_0000_0004, 0x0000_0001_0000_0002]);
    assert_eq!(wide("underlay_mac"), [0x0200_6440_0001]);
    assert_eq!(wide("next_hop_mac"), [0x0300_0000_0005]);
    assert_eq!(wide("gateway_mac"), [0x0400_0000_0006]);
    assert_eq!((wide("key_0_valid"), wide("key_0_epoch")), (vec![1], vec![7]));
    assert_eq!((wide("key_1_valid"), wide("key_1_epoch")), (vec![0], vec![9]));
    assert_eq!(wide("key_0_key"), [0x0809_0a0b_0c0d_0e0f, 0x0001_0203_0405_0607]);
    assert_eq!(wide("key_1_key"), [0x0000_0007_0000_0006, 0x0000_0009_0000_0008]);
    // The key's first byte lowest.
    assert_eq!(wide("hash_key"), [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]);
    assert_eq!(wide("flow_key"), [0, 0x0100_0000_0000_0000]);
    assert_eq!(wide("conntrack_key"), [0, 0x0000_0000_0200_0000]);
    for (name, value) in [("strict_tcp", 1), ("query_on_miss", 0), ("enable", 0)] {
        assert_eq!(get(&engine, name), value, "{name}");
    }
    manager.write(registers::CONTROL.offset, bit("query_on_miss") | bit("enable"), 0xf);
    manager.finish(&mut engine, 1, 0);
    engine.settle();
    for (name, value) in [("strict_tcp", 0), ("query_on_miss", 1), ("enable", 1)] {
        assert_eq!(get(&engine, name), value, "{name}");
    }
}

/// A commit is one pulse behind the row that was written before it, and the next row comes only when no packet is between the
/// old rules any more; reads do not wait.
#[test]
fn a_commit_is_a_pulse_and_holds_writes_back() {
    let mut engine = start(true);
    let mut manager = Manager::new(0.0, 4);
    for _ in 0..3 {
        manager.write(registers::TABLE_COMMAND.offset, 5, 0xf);
        manager.write(registers::POLICY_COMMIT.offset, 0, 0xf);
        manager.write(registers::TABLE_COMMAND.offset, 4, 0xf);
        manager.read(registers::ID.offset);
        let mut seen = Vec::new();
        let mut clocks = 0;
        while manager.write_response.taken.len() < 3 {
            manager.clock(&mut engine);
            engine.settle();
            clocks += 1;
            if get(&engine, "table_tvalid") == 1 {
                seen.push((clocks, get(&engine, "table_table")));
            }
            if get(&engine, "commit") == 1 {
                seen.push((clocks, 99));
            }
            assert!(clocks < 200, "{seen:?}");
            assert!(clocks < 20 || !manager.read_data.taken.is_empty(), "the read waits");
        }
        manager.write_response.taken.clear();
        manager.read_data.taken.clear();
        let order: Vec<u64> = seen.iter().map(|(_, what)| *what).collect();
        assert_eq!(order, [5, 99, 4]);
        let (commit, next) = (seen[1].0, seen[2].0);
        assert!(next > commit + control::COMMIT_CLOCKS, "{seen:?}");
    }
    // A write of a part of a word commits nothing.
    manager.write(registers::POLICY_COMMIT.offset, 0, 0x7);
    while manager.write_response.taken.is_empty() {
        manager.clock(&mut engine);
        engine.settle();
        assert_eq!(get(&engine, "commit"), 0);
    }
}

/// Ticks come as often as CLOCKS_PER_TICK says, not at all while it is 0, and TIME counts them.
#[test]
fn time_passes_in_ticks() {
    let mut engine = start(true);
    let mut manager = Manager::new(0.0, 4);
    let mut time = 0;
    for (length, clocks, ticks) in [(0, 100, 0), (7, 700, 100), (1000, 500, 0), (3, 30, 10), (1, 10, 10), (0, 50, 0)] {
        manager.write(registers::CLOCKS_PER_TICK.offset, length, 0xf);
        // The write shows in one of these clocks; from then on time has a new measure.
        while manager.write_response.taken.is_empty() {
            manager.clock(&mut engine);
            engine.settle();
            time += get(&engine, "tick");
        }
        manager.write_response.taken.clear();
        let before = time;
        for _ in 0..clocks {
            engine.edge();
            engine.settle();
            time += get(&engine, "tick");
        }
        assert!((time - before).abs_diff(ticks) <= 1, "{} ticks of {length} in {clocks} clocks", time - before);
        // A pulse that shows now is counted with the next clock.
        assert_eq!(get(&engine, "now"), time - get(&engine, "tick"));
    }
    manager.read(registers::TIME.offset);
    let (_, read) = manager.finish(&mut engine, 0, 1);
    assert_eq!(read, [(time - get(&engine, "tick"), OKAY)]);
}

/// A command writes one row, whole, once.
#[test]
fn a_table_command_writes_one_row() {
    let mut engine = start(true);
    let mut manager = Manager::new(0.3, 4);
    for word in 0..registers::TABLE_DATA.count {
        manager.write(registers::TABLE_DATA.at(word), 0x100 + u32::from(word), 0xf);
    }
    manager.write(registers::TABLE_INDEX.offset, 0xabcd, 0xf);
    manager.write(registers::TABLE_COMMAND.offset, 3, 0xf);
    manager.write(registers::TABLE_COMMAND.offset, 2, 0x7);
    let mut rows = Vec::new();
    while manager.write_response.taken.len() < usize::from(registers::TABLE_DATA.count) + 3 {
        manager.clock(&mut engine);
        engine.settle();
        if get(&engine, "table_tvalid") == 1 {
            rows.push((
                get(&engine, "table_table"),
                get(&engine, "table_index"),
                bench::get(&engine, "table_data").unwrap(),
            ));
        }
    }
    let image: Vec<u64> = (0..10).map(|pair| (0x100 + 2 * pair) | ((0x101 + 2 * pair) << 32)).collect();
    assert_eq!(rows, [(3, 0xabcd, image)]);
}

/// Events and entries of both banks, with snapshots in between.
#[test]
fn counters_count() {
    let mut engine = start(true);
    // The banks clear themselves.
    for _ in 0..100 {
        engine.settle();
        engine.edge();
    }
    let mut random = Random::new(5);
    let mut expected: HashMap<(u8, u8), (u64, u64)> = HashMap::new();
    let mut held = [0_u64; 2];
    let banks = [(Bank::Tx, "tx"), (Bank::Rx, "rx")];
    for _ in 0..10 {
        for _ in 0..200 {
            for (bank, name) in banks {
                let length = random.below(9217);
                let enters = random.chance(0.6);
                set(&mut engine, &format!("{name}_received_tvalid"), u64::from(enters));
                set(&mut engine, &format!("{name}_received_tdata"), length);
                let mut count = |index, length| {
                    let counter = expected.entry((bank as u8, index)).or_default();
                    *counter = (counter.0 + 1, counter.1 + length);
                };
                if enters {
                    count(RECEIVED, length);
                }
                let makes = bank == Bank::Tx && random.chance(0.3);
                if bank == Bank::Tx {
                    set(&mut engine, "tx_made_tvalid", u64::from(makes));
                    set(&mut engine, "tx_made_tdata", length / 3);
                }
                if makes {
                    count(MADE, length / 3);
                }
                let leaves = held[bank as usize] > 0 && random.chance(0.7);
                set(&mut engine, &format!("{name}_event_tvalid"), u64::from(leaves));
                let (verdict, reason) = match random.below(4) {
                    0 => (0, 0),
                    1 => (2, 0),
                    _ => (1, [1, 2, 3][usize::try_from(random.below(3)).unwrap()]),
                };
                set(&mut engine, &format!("{name}_event_verdict"), verdict);
                set(&mut engine, &format!("{name}_event_reason"), reason.into());
                set(&mut engine, &format!("{name}_event_length"), length / 2);
                if leaves {
                    count([0, reason, 62][usize::try_from(verdict).unwrap()], length / 2);
                }
                held[bank as usize] = held[bank as usize] + u64::from(enters) - u64::from(leaves);
            }
            engine.settle();
            engine.edge();
        }
        for port in ["tx_received_tvalid", "rx_received_tvalid", "tx_event_tvalid", "rx_event_tvalid", "tx_made_tvalid"]
        {
            set(&mut engine, port, 0);
        }
        let mut manager = Manager::new(0.2, 8);
        for (bank, _) in banks {
            for index in [0, 1, 2, 3, 4, MADE, 62, RECEIVED] {
                manager.write(registers::COUNTER_SELECT.offset, select(bank, index), 0xf);
                manager.finish(&mut engine, 1, 0);
                let words = [
                    &registers::COUNTER_PACKETS_LO,
                    &registers::COUNTER_PACKETS_HI,
                    &registers::COUNTER_BYTES_LO,
                    &registers::COUNTER_BYTES_HI,
                    &registers::STATUS,
                ];
                words.iter().for_each(|register| manager.read(register.offset));
                let (_, read) = manager.finish(&mut engine, 0, words.len());
                let found = (read[0].0 | read[1].0 << 32, read[2].0 | read[3].0 << 32);
                let wanted = expected.get(&(bank as u8, index)).copied().unwrap_or_default();
                assert_eq!(found, wanted, "{} {index}", bank.name());
                let status = u32::try_from(read[4].0).unwrap();
                let field = |name| registers::STATUS.field(name).unwrap().get(status);
                assert_eq!([u64::from(field("tx_held")), u64::from(field("rx_held"))], held);
                assert_eq!(field("counter_busy"), 0);
            }
        }
    }
}

/// Takes a snapshot of a counter and reads its words, the upper halves first or last.
fn snapshot(engine: &mut dyn Engine, manager: &mut Manager, select: u32, upper_first: bool) -> (u64, u64) {
    manager.write(registers::COUNTER_SELECT.offset, select, 0xf);
    manager.finish(engine, 1, 0);
    let mut words = [
        &registers::COUNTER_PACKETS_LO,
        &registers::COUNTER_PACKETS_HI,
        &registers::COUNTER_BYTES_LO,
        &registers::COUNTER_BYTES_HI,
    ];
    if upper_first {
        words.reverse();
    }
    words.iter().for_each(|register| manager.read(register.offset));
    let (_, mut read) = manager.finish(engine, 0, words.len());
    if upper_first {
        read.reverse();
    }
    (read[0].0 | read[1].0 << 32, read[2].0 | read[3].0 << 32)
}

/// A counter that is counting all the time is read while it carries into its upper half: packets and bytes of a snapshot belong
/// together, and lie between what had been counted before it and after it.
#[test]
fn snapshots_are_not_torn_while_a_counter_carries() {
    let mut engine = start(true);
    let mut manager = Manager::new(0.3, 8);
    for _ in 0..100 {
        manager.clock(&mut engine);
    }
    set(&mut engine, "tx_made_tvalid", 1);
    set(&mut engine, "tx_made_tdata", MAX_COUNTED_BYTES);
    // All but the last few hundred packets before the carry.
    for _ in 0..(1_u64 << 32) / MAX_COUNTED_BYTES - 400 {
        engine.settle();
        engine.edge();
    }
    let (mut halves, mut before) = ([0, 0], 0);
    for round in 0..60 {
        let (packets, bytes) = snapshot(&mut engine, &mut manager, select(Bank::Tx, MADE), round % 2 == 0);
        assert_eq!(bytes, packets * MAX_COUNTED_BYTES, "round {round}");
        assert!(packets > before && packets < before + 262_144, "round {round}: {before}, then {packets}");
        before = packets;
        halves[usize::from(bytes >> 32 != 0)] += 1;
    }
    assert!(halves[0] > 3 && halves[1] > 3, "{halves:?} snapshots before and after the carry");
}

/// A counter of an interface is asked for by interface and index, and its 64 bits come as they were in one clock.
#[test]
fn counters_of_interfaces_are_read_whole() {
    let mut engine = start(true);
    let mut manager = Manager::new(0.2, 9);
    let mut random = Random::new(6);
    set(&mut engine, "eni_value_tvalid", 0);
    for round in 0..100 {
        let (eni, counter) = (u8::try_from(random.below(256)).unwrap(), pick(&mut random, &EniCounter::ALL));
        let value = random.bits();
        manager.write(registers::COUNTER_SELECT.offset, select_eni(eni, counter), 0xf);
        let (mut asked, mut answers) = (0, false);
        while manager.write_response.taken.is_empty() || answers {
            manager.clock(&mut engine);
            // The value is there for one clock, and another one before and after.
            set(&mut engine, "eni_value_tvalid", answers.into());
            set(&mut engine, "eni_value_tdata", if answers { value } else { random.bits() });
            engine.settle();
            answers = get(&engine, "eni_select_tvalid") == 1;
            if answers {
                asked += 1;
                let found = (get(&engine, "eni_select_eni"), get(&engine, "eni_select_index"));
                assert_eq!(found, (eni.into(), counter.index().into()));
            }
        }
        manager.write_response.taken.clear();
        assert_eq!(asked, 1);
        for _ in 0..4 {
            manager.clock(&mut engine);
            set(&mut engine, "eni_value_tvalid", 0);
        }
        let words = [&registers::COUNTER_PACKETS_HI, &registers::COUNTER_PACKETS_LO, &registers::COUNTER_BYTES_LO];
        words.iter().for_each(|register| manager.read(register.offset));
        let (_, read) = manager.finish(&mut engine, 0, words.len());
        assert_eq!((read[0].0 << 32 | read[1].0, read[2].0), (value, 0), "round {round}");
    }
}

/// The table has nothing that the port does not know of.
#[test]
fn every_register_is_in_the_address_space() {
    let words: usize = REGISTERS.iter().map(|register| usize::from(register.count)).sum();
    let known = (0..0x400_u16).filter(|word| registers::find(4 * word).is_some()).count();
    assert_eq!(words, known);
}
