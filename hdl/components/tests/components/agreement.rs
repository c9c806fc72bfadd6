//! Every component elaborates, and behaves clock by clock the same under `rust_hdl`'s rules and in the interpreter.

use nitro_components::catalogue;
use nitro_simulator::{Engine, PortInfo};

/// xorshift64*
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

fn value(random: &mut Random, port: &PortInfo, clock: usize) -> Vec<u64> {
    let words = port.width.div_ceil(64);
    let draw = random.next();
    let mut value: Vec<u64> = match draw % 8 {
        _ if port.name == "reset" => vec![u64::from(clock < 1 || draw % 97 == 0)],
        // Byte enables that make sense are rare among random ones.
        0..5 if port.name.ends_with("tkeep") => vec![u64::MAX >> (draw >> 8) % port.width as u64; words],
        0..6 if port.name.ends_with("tkeep") => vec![u64::MAX; words],
        0 => vec![0; words],
        1 => vec![u64::MAX; words],
        _ => (0..words).map(|_| random.next() >> 7).collect(),
    };
    if port.width % 64 != 0 {
        *value.last_mut().unwrap() &= u64::MAX >> (64 - port.width % 64);
    }
    value
}

#[test]
fn rust_hdl_and_the_interpreter_agree_on_every_component() {
    for entry in catalogue() {
        let mut engines: Vec<Box<dyn Engine>> = vec![
            entry.rust_hdl().unwrap(),
            Box::new(entry.interpreted().unwrap_or_else(|error| panic!("{}: {error}", entry.name))),
        ];
        let (inputs, outputs) = (engines[0].inputs().to_vec(), engines[0].outputs().to_vec());
        assert_eq!(engines[1].inputs(), inputs, "{}", entry.name);
        assert_eq!(engines[1].outputs(), outputs, "{}", entry.name);
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for clock in 0..200 {
            for (index, port) in inputs.iter().enumerate() {
                let value = value(&mut random, port, clock);
                engines.iter_mut().for_each(|engine| engine.set(index, &value));
            }
            engines.iter_mut().for_each(|engine| engine.settle());
            for (index, port) in outputs.iter().enumerate() {
                let mut values = [vec![0; port.width.div_ceil(64)], vec![0; port.width.div_ceil(64)]];
                for (engine, value) in engines.iter().zip(&mut values) {
                    engine.get(index, value);
                }
                assert_eq!(values[0], values[1], "{}: {} at clock {clock}", entry.name, port.name);
            }
            engines.iter_mut().for_each(|engine| engine.edge());
        }
    }
}
