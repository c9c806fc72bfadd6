//! Wiring, and what is nothing but gates.

use nitro_components::bench::{Random, get, set};
use nitro_components::wires::Wires;
use nitro_simulator::Engine;

use crate::common::Block;

#[test]
fn bytes_are_swapped() {
    let mut engine = Block::named("swap_bytes").powered_up();
    set(&mut engine, "i", &[0x0102_0304_0506]).unwrap();
    engine.settle();
    assert_eq!(get(&engine, "o").unwrap(), [0x0605_0403_0201]);
}

#[test]
fn bits_are_reversed_and_repeated() {
    let (mut reverse, mut repeat) =
        (Block::named("wires_reverse").powered_up(), Block::named("wires_repeat").powered_up());
    set(&mut reverse, "i", &[0b100_0000_0110]).unwrap();
    reverse.settle();
    assert_eq!(get(&reverse, "o").unwrap(), [0b011_0000_0001]);
    set(&mut repeat, "i", &[0b10011]).unwrap();
    repeat.settle();
    assert_eq!(get(&repeat, "o").unwrap(), [0xff_0000_ffff]);
}

#[test]
#[should_panic(expected = "every output bit needs one of the 2 input bits")]
fn a_wire_needs_an_input_bit() {
    let _ = Wires::<2, 3>::new(|bit| bit);
}

#[test]
fn a_cast_keeps_the_bits_and_names_them() {
    let mut to_record = Block::named("cast_to_record").powered_up();
    let mut to_bits = Block::named("cast_to_bits").powered_up();
    let mut random = Random::new(1);
    for _ in 0..100 {
        let value = random.bits() >> 16;
        set(&mut to_record, "i", &[value]).unwrap();
        to_record.settle();
        // The first field is the most significant.
        assert_eq!(get(&to_record, "o_kind").unwrap(), [value >> 45]);
        assert_eq!(get(&to_record, "o_flag").unwrap(), [value >> 44 & 1]);
        assert_eq!(get(&to_record, "o_number").unwrap(), [value & ((1 << 44) - 1)]);
        for field in ["kind", "flag", "number"] {
            let value = get(&to_record, &format!("o_{field}")).unwrap();
            set(&mut to_bits, &format!("i_{field}"), &value).unwrap();
        }
        to_bits.settle();
        assert_eq!(get(&to_bits, "o").unwrap(), [value]);
    }
}

#[test]
fn byte_enables_are_counted_and_checked() {
    let mut engine = Block::named("keep_count_8").powered_up();
    for keep in 0..256_u64 {
        set(&mut engine, "keep", &[keep]).unwrap();
        engine.settle();
        let contiguous = keep != 0 && (keep + 1).is_power_of_two();
        assert_eq!(get(&engine, "contiguous").unwrap(), [u64::from(contiguous)], "{keep:#x}");
        if contiguous {
            assert_eq!(get(&engine, "bytes").unwrap(), [u64::from(keep.count_ones())]);
        }
    }
    let mut engine = Block::named("keep_count_64").powered_up();
    for bytes in 1..=64_u64 {
        set(&mut engine, "keep", &[u64::MAX >> (64 - bytes)]).unwrap();
        engine.settle();
        assert_eq!(get(&engine, "contiguous").unwrap(), [1]);
        assert_eq!(get(&engine, "bytes").unwrap(), [bytes]);
    }
}
