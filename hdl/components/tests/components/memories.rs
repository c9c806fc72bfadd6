//! Memories against a vector.

use nitro_components::bench::{Random, get, set};
use nitro_simulator::{Engine, InterpretedEngine};

use crate::common::Block;

const CLOCKS: usize = 3_000;

fn clock(engine: &mut InterpretedEngine) {
    engine.settle();
    engine.edge();
    engine.settle();
}

fn simple_dual_port(name: &str, new: bool) {
    let mut engine = Block::named(name).powered_up();
    let (mut words, mut output, mut random) = ([[0_u64; 3]; 8], [0_u64; 3], Random::new(1));
    for _ in 0..CLOCKS {
        let (read, write) = (random.below(8), random.below(8));
        let (read_enable, write_enable) = (random.chance(0.6), random.chance(0.6));
        let value = [random.below(8), random.below(2), random.bits() >> 20];
        set(&mut engine, "read_address", &[read]).unwrap();
        set(&mut engine, "read_enable", &[u64::from(read_enable)]).unwrap();
        set(&mut engine, "write_address", &[write]).unwrap();
        set(&mut engine, "write_enable", &[u64::from(write_enable)]).unwrap();
        for (field, value) in ["kind", "flag", "number"].iter().zip(value) {
            set(&mut engine, &format!("write_data_{field}"), &[value]).unwrap();
        }
        clock(&mut engine);
        let old = words[read as usize];
        if write_enable {
            words[write as usize] = value;
        }
        if read_enable {
            output = if new { words[read as usize] } else { old };
        }
        for (field, value) in ["kind", "flag", "number"].iter().zip(output) {
            assert_eq!(get(&engine, &format!("read_data_{field}")).unwrap(), [value]);
        }
    }
}

#[test]
fn a_ram_reads_old_words_while_they_are_written() {
    simple_dual_port("ram_old", false);
}

#[test]
fn a_ram_reads_new_words_while_they_are_written_if_asked_to() {
    simple_dual_port("ram_new", true);
}

#[test]
fn byte_enables_write_their_bytes_only() {
    let mut engine = Block::named("ram_byte_enable").powered_up();
    let (mut words, mut output, mut random) = ([[0_u8; 4]; 8], [0_u8; 4], Random::new(2));
    for _ in 0..CLOCKS {
        let (read, write, enable) = (random.below(8), random.below(8), random.below(16));
        let (read_enable, value) = (random.chance(0.7), (random.bits() as u32).to_le_bytes());
        set(&mut engine, "read_address", &[read]).unwrap();
        set(&mut engine, "read_enable", &[u64::from(read_enable)]).unwrap();
        set(&mut engine, "write_address", &[write]).unwrap();
        set(&mut engine, "write_enable", &[enable]).unwrap();
        set(&mut engine, "write_data", &[u64::from(u32::from_le_bytes(value))]).unwrap();
        clock(&mut engine);
        if read_enable {
            output = words[read as usize];
        }
        for byte in (0..4).filter(|byte| enable >> byte & 1 == 1) {
            words[write as usize][byte] = value[byte];
        }
        assert_eq!(get(&engine, "read_data").unwrap(), [u64::from(u32::from_le_bytes(output))]);
    }
}

#[test]
fn a_single_port_ram_reads_the_old_word_that_it_writes() {
    let mut engine = Block::named("ram_single").powered_up();
    let (mut words, mut output, mut random) = ([[0_u64; 2]; 4], [0_u64; 2], Random::new(3));
    for _ in 0..CLOCKS {
        let (address, enable, write) = (random.below(4), random.chance(0.6), random.chance(0.5));
        let value = [random.bits(), random.below(64)];
        set(&mut engine, "address", &[address]).unwrap();
        set(&mut engine, "enable", &[u64::from(enable)]).unwrap();
        set(&mut engine, "write", &[u64::from(write)]).unwrap();
        set(&mut engine, "write_data", &value).unwrap();
        clock(&mut engine);
        if enable {
            output = words[address as usize];
        }
        if write {
            words[address as usize] = value;
        }
        assert_eq!(get(&engine, "read_data").unwrap(), output);
    }
}

#[test]
fn both_ports_of_a_true_dual_port_ram_read_new_words_and_b_writes_last() {
    let mut engine = Block::named("ram_true_dual").powered_up();
    let (mut words, mut outputs, mut random) = ([0_u64; 4], [0_u64; 2], Random::new(4));
    for _ in 0..CLOCKS {
        let mut reads = [None; 2];
        for (port, read) in ["a", "b"].iter().zip(&mut reads) {
            let (address, enable, write) = (random.below(4), random.chance(0.6), random.chance(0.5));
            let value = random.below(64);
            set(&mut engine, &format!("{port}_address"), &[address]).unwrap();
            set(&mut engine, &format!("{port}_enable"), &[u64::from(enable)]).unwrap();
            set(&mut engine, &format!("{port}_write"), &[u64::from(write)]).unwrap();
            set(&mut engine, &format!("{port}_write_data"), &[value]).unwrap();
            *read = enable.then_some(address as usize);
            if write {
                words[address as usize] = value;
            }
        }
        clock(&mut engine);
        for (output, address) in outputs.iter_mut().zip(reads) {
            *output = address.map_or(*output, |address| words[address]);
        }
        assert_eq!(get(&engine, "a_read_data").unwrap(), [outputs[0]]);
        assert_eq!(get(&engine, "b_read_data").unwrap(), [outputs[1]]);
    }
}

#[test]
fn a_distributed_ram_reads_within_the_clock() {
    let mut engine = Block::named("ram_distributed").powered_up();
    let (mut words, mut random) = ([0_u64; 8], Random::new(5));
    for _ in 0..CLOCKS {
        let (read, write, enable, value) = (random.below(8), random.below(8), random.chance(0.5), random.below(32));
        set(&mut engine, "read_address", &[read]).unwrap();
        set(&mut engine, "write_address", &[write]).unwrap();
        set(&mut engine, "write_enable", &[u64::from(enable)]).unwrap();
        set(&mut engine, "write_data", &[value]).unwrap();
        engine.settle();
        assert_eq!(get(&engine, "read_data").unwrap(), [words[read as usize]]);
        engine.edge();
        if enable {
            words[write as usize] = value;
        }
    }
}

#[test]
fn a_rom_reads_its_contents_and_zeros_beyond_them() {
    let mut engine = Block::named("rom").powered_up();
    let contents = [3, 0xffff, 0x1234, 0, 1, 0, 0, 0];
    let mut output = 0;
    for address in (0..8).chain([1, 2]) {
        for enable in [true, false] {
            set(&mut engine, "read_address", &[if enable { address } else { 7 - address }]).unwrap();
            set(&mut engine, "read_enable", &[u64::from(enable)]).unwrap();
            clock(&mut engine);
            if enable {
                output = contents[address as usize];
            }
            assert_eq!(get(&engine, "read_data").unwrap(), [output]);
        }
    }
}

#[test]
fn a_register_takes_its_reset_value_at_power_up_and_in_reset() {
    let mut engine = Block::named("register").powered_up();
    let (mut value, mut random) = (0xabc, Random::new(6));
    for _ in 0..CLOCKS {
        engine.settle();
        assert_eq!(get(&engine, "q").unwrap(), [value]);
        let (reset, next) = (random.chance(0.1), random.below(4096));
        set(&mut engine, "reset", &[u64::from(reset)]).unwrap();
        set(&mut engine, "d", &[next]).unwrap();
        clock(&mut engine);
        value = if reset { 0xabc } else { next };
    }
}
