//! SipHash against the crate of that name, and the hash table against a map.

use std::collections::HashMap;
use std::hash::Hasher;

use nitro_components::bench::{Random, Sink, Source, clock, get, set};
use nitro_simulator::Engine;
use siphasher::sip::{SipHasher13, SipHasher24};

use crate::common::{Block, Outcome, Traffic, traffic};

/// Message words of these bytes, as the caller of the block pads them.
fn words(bytes: &[u8]) -> Vec<u64> {
    let mut words: Vec<u64> =
        bytes.chunks(8).map(|bytes| bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))).collect();
    words.resize(bytes.len() / 8 + 1, 0);
    *words.last_mut().unwrap() |= (bytes.len() as u64) << 56;
    words
}

pub fn reference(rounds: (u32, u32), key: [u64; 2], bytes: &[u8]) -> u64 {
    match rounds {
        (1, 3) => {
            let mut hasher = SipHasher13::new_with_keys(key[0], key[1]);
            hasher.write(bytes);
            hasher.finish()
        }
        _ => {
            let mut hasher = SipHasher24::new_with_keys(key[0], key[1]);
            hasher.write(bytes);
            hasher.finish()
        }
    }
}

fn siphash(engine: &mut dyn Engine, rounds: (u32, u32), bytes: usize, latency: u64, traffic: Traffic) -> Outcome {
    let mut sink = Sink::new(engine, "tx", &["tdata"], 0.0, 1)?;
    let mut random = Random::new(traffic.seed);
    let (mut expected, mut received) = (Vec::new(), Vec::new());
    for now in 0..150_u64 {
        let message: Vec<u8> = (0..bytes).map(|_| random.bits() as u8).collect();
        // The key may change with every message.
        let key = [random.bits(), random.bits()];
        let valid = now < 100 && !random.chance(traffic.idle);
        set(engine, "rx_tdata", &words(&message))?;
        set(engine, "rx_tvalid", &[u64::from(valid)])?;
        set(engine, "key0", &[key[0]])?;
        set(engine, "key1", &[key[1]])?;
        if valid {
            expected.push((now + latency, vec![vec![reference(rounds, key, &message)]]));
        }
        clock(engine, &mut [], &mut [&mut sink])?;
        received.extend(sink.pop());
    }
    assert_eq!(received, expected);
    Ok(())
}

#[test]
fn hashes_are_right_and_take_their_latency() {
    for (name, rounds, bytes, latency) in
        [("siphash_1_3_128", (1, 3), 8, 10), ("siphash_2_4_64", (2, 4), 7, 12), ("siphash_2_4_384", (2, 4), 40, 32)]
    {
        let block = Block::named(name);
        block.check(20, &traffic(), move |engine, traffic| siphash(engine, rounds, bytes, latency, traffic));
    }
}

#[test]
fn the_token_of_the_contract_comes_out() {
    let mut engine = Block::named("siphash_2_4_384").engine();
    let mut sink = Sink::new(&engine, "tx", &["tdata"], 0.0, 1).unwrap();
    // VNI 4432, epoch 7, from 100.64.0.1 to 10.0.1.20, under key 00 01 … 0f.
    let mut message = [4432_u32, 7].map(u32::to_be_bytes).concat();
    for address in [[100, 64, 0, 1], [10, 0, 1, 20]] {
        message.extend([[0; 4], [0; 4], [0, 0, 0xff, 0xff], address].concat());
    }
    set(&mut engine, "rx_tdata", &words(&message)).unwrap();
    set(&mut engine, "key0", &[0x0706_0504_0302_0100]).unwrap();
    set(&mut engine, "key1", &[0x0f0e_0d0c_0b0a_0908]).unwrap();
    for clocks in 0..40 {
        set(&mut engine, "rx_tvalid", &[u64::from(clocks == 0)]).unwrap();
        clock(&mut engine, &mut [], &mut [&mut sink]).unwrap();
    }
    assert_eq!(sink.pop(), Some((32, vec![vec![0x35a0_35b7_0a11_4d54]])));
}

/// A table of the catalogue and its parameters.
#[derive(Clone, Copy)]
struct Table {
    name: &'static str,
    key_bytes: usize,
    row_bits: u32,
    /// The value's fields and their widths.
    fields: &'static [(&'static str, u32)],
    latency: u64,
}

const TABLES: [Table; 2] = [
    Table {
        name: "hash_table_48",
        key_bytes: 6,
        row_bits: 2,
        fields: &[("value_kind", 3), ("value_flag", 1), ("value_number", 44)],
        latency: 12,
    },
    Table { name: "hash_table_168", key_bytes: 21, row_bits: 3, fields: &[("value", 9)], latency: 16 },
];

const HASH_KEY: [u64; 2] = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];

impl Table {
    fn row(&self, key: &[u8], way: u32) -> u64 {
        let mut padded = key.to_vec();
        padded.resize(key.len().next_multiple_of(8), 0);
        reference((1, 3), HASH_KEY, &padded) >> (16 * way) & ((1 << self.row_bits) - 1)
    }

    fn value(&self, random: &mut Random) -> Vec<Vec<u64>> {
        self.fields.iter().map(|(_, width)| vec![random.below(1 << width)]).collect()
    }

    fn test(&self, engine: &mut dyn Engine, traffic: Traffic) -> Outcome {
        let names: Vec<_> = ["hit"].into_iter().chain(self.fields.iter().map(|(name, _)| *name)).collect();
        let mut source = Source::new(engine, "rx", &["tdata"], traffic.idle, traffic.seed)?;
        let mut sink = Sink::new(engine, "tx", &names, 0.0, 1)?;
        let mut random = Random::new(traffic.seed ^ 1);
        set(engine, "hash_key", &HASH_KEY)?;
        while get(engine, "ready")? == [0] {
            clock(engine, &mut [], &mut [])?;
        }
        // Keys that differ in single bits are easily confused.
        let base: Vec<u8> = (0..self.key_bytes).map(|_| random.bits() as u8).collect();
        let keys: Vec<Vec<u8>> = (0..24_usize)
            .map(|number| {
                let mut key = base.clone();
                key[number * self.key_bytes / 24] ^= 1 << (number % 8);
                key
            })
            .collect();
        let mut places: HashMap<(u32, u64), usize> = HashMap::new();
        let mut values: HashMap<usize, Vec<Vec<u64>>> = HashMap::new();
        for _ in 0..6 {
            // Writes while no lookup is under way; deletions, changes and new keys.
            for _ in 0..10 {
                let (number, way) = (random.below(24) as usize, random.below(4) as u32);
                let place = places.iter().find(|(_, key)| **key == number).map(|(place, _)| *place);
                let place = place.unwrap_or((way, self.row(&keys[number], way)));
                let valid = random.chance(0.8);
                let value = self.value(&mut random);
                if let Some(evicted) = places.remove(&place) {
                    values.remove(&evicted);
                }
                if valid {
                    places.insert(place, number);
                    values.insert(number, value.clone());
                }
                set(engine, "write_way", &[u64::from(place.0)])?;
                set(engine, "write_row", &[place.1])?;
                set(engine, "write_entry_valid", &[u64::from(valid)])?;
                set(engine, "write_entry_key", &number_of(&keys[number]))?;
                for ((field, _), value) in self.fields.iter().zip(&value) {
                    set(engine, &format!("write_entry_{field}"), value)?;
                }
                set(engine, "write_enable", &[1])?;
                clock(engine, &mut [], &mut [])?;
                set(engine, "write_enable", &[0])?;
            }
            let (mut expected, mut received) = (Vec::new(), Vec::new());
            for (number, key) in keys.iter().enumerate() {
                source.push(vec![number_of(key)]);
                let found = values.get(&number);
                let zero = vec![vec![0]; self.fields.len()];
                let hit = vec![u64::from(found.is_some())];
                expected.push([vec![hit], found.cloned().unwrap_or(zero)].concat());
            }
            let (mut entered, mut left) = (Vec::new(), Vec::new());
            for now in 0..2_000 {
                let sent = source.sent();
                clock(engine, &mut [&mut source], &mut [&mut sink])?;
                entered.extend((source.sent() > sent).then_some(now));
                if let Some((_, item)) = sink.pop() {
                    received.push(item);
                    left.push(now - self.latency);
                }
                if received.len() == expected.len() {
                    break;
                }
            }
            assert_eq!(received, expected);
            assert_eq!(left, entered);
        }
        Ok(())
    }
}

/// A big-endian number as words.
pub fn number_of(bytes: &[u8]) -> Vec<u64> {
    bytes.rchunks(8).map(|bytes| bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte))).collect()
}

#[test]
fn a_hash_table_finds_exactly_what_was_written() {
    for table in TABLES {
        let block = Block::named(table.name);
        block.check(20, &traffic(), move |engine, traffic| table.test(engine, traffic));
    }
}

#[test]
fn a_hash_table_forgets_everything_in_reset() {
    let table = TABLES[0];
    let mut engine = Block::named(table.name).engine();
    let mut source = Source::new(&engine, "rx", &["tdata"], 0.0, 1).unwrap();
    let mut sink = Sink::new(&engine, "tx", &["hit"], 0.0, 1).unwrap();
    set(&mut engine, "hash_key", &HASH_KEY).unwrap();
    for hit in [1, 0] {
        for _ in 0..10 {
            clock(&mut engine, &mut [&mut source], &mut [&mut sink]).unwrap();
        }
        assert_eq!(get(&engine, "ready").unwrap(), [1]);
        let key = [1, 2, 3, 4, 5, 6];
        set(&mut engine, "write_way", &[2]).unwrap();
        set(&mut engine, "write_row", &[table.row(&key, 2)]).unwrap();
        set(&mut engine, "write_entry_key", &number_of(&key)).unwrap();
        set(&mut engine, "write_entry_valid", &[1]).unwrap();
        set(&mut engine, "write_enable", &[hit]).unwrap();
        clock(&mut engine, &mut [&mut source], &mut [&mut sink]).unwrap();
        set(&mut engine, "write_enable", &[0]).unwrap();
        source.push(vec![number_of(&key)]);
        for _ in 0..20 {
            clock(&mut engine, &mut [&mut source], &mut [&mut sink]).unwrap();
        }
        assert_eq!(sink.pop().map(|(_, item)| item), Some(vec![vec![hit]]));
        set(&mut engine, "reset", &[1]).unwrap();
        clock(&mut engine, &mut [&mut source], &mut [&mut sink]).unwrap();
        set(&mut engine, "reset", &[0]).unwrap();
    }
}
