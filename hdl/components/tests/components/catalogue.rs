//! The catalogue itself. That all engines agree on its entries is tested by the agreement harness.

use std::collections::BTreeSet;

use nitro_components::bench::{Random, input, reset};
use nitro_components::catalogue;
use nitro_simulator::{Engine, InterpretedEngine, PortInfo};

#[test]
fn every_entry_elaborates_under_its_own_name() {
    let mut names = BTreeSet::new();
    for entry in catalogue() {
        let netlist = entry.netlist().unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        assert_eq!(netlist.name, entry.name);
        assert!(names.insert(entry.name), "{} is there twice", entry.name);
    }
}

/// Outputs that say when something happens; wider ones, such as the number of a chain's first cell, are data.
fn is_control(port: &PortInfo) -> bool {
    let names = ["tvalid", "tready", "ready", "done", "dropped", "first"];
    port.width == 1 && names.iter().any(|control| port.name.ends_with(control))
}

/// Sets all inputs but reset to random values.
fn stimulate(engines: &mut [&mut InterpretedEngine], random: &mut Random) {
    for index in 0..engines[0].inputs().len() {
        let port = engines[0].inputs()[index].clone();
        let mut value: Vec<u64> = (0..port.width.div_ceil(64)).map(|_| random.bits()).collect();
        if let Some(last) = value.last_mut() {
            *last &= u64::MAX >> ((64 - port.width % 64) % 64);
        }
        if port.name != "reset" {
            engines.iter_mut().for_each(|engine| engine.set(index, &value));
        }
    }
}

fn control(engine: &InterpretedEngine) -> Vec<(&str, u64)> {
    let outputs = engine.outputs().iter().enumerate().filter(|(_, port)| is_control(port));
    let read = |index| {
        let mut value = [0];
        engine.get(index, &mut value);
        value[0]
    };
    outputs.map(|(index, port)| (port.name.as_str(), read(index))).collect()
}

#[test]
fn reset_in_the_middle_of_things_makes_a_block_as_new() {
    for entry in catalogue() {
        let netlist = entry.netlist().unwrap();
        let (mut used, mut fresh) = (InterpretedEngine::new(&netlist), InterpretedEngine::new(&netlist));
        if input(&used, "reset").is_err() {
            continue;
        }
        let mut random = Random::new(7);
        for _ in 0..100 {
            stimulate(&mut [&mut used], &mut random);
            used.settle();
            used.edge();
        }
        for engine in [&mut used, &mut fresh] {
            reset(engine, 1).unwrap();
            engine.settle();
            // Rule 4 of streams: out of reset nothing is offered.
            let offers = control(engine).into_iter().filter(|(name, value)| name.ends_with("tvalid") && *value == 1);
            assert_eq!(offers.count(), 0, "{}", entry.name);
        }
        for _ in 0..100 {
            stimulate(&mut [&mut used, &mut fresh], &mut random);
            for engine in [&mut used, &mut fresh] {
                engine.settle();
                engine.edge();
            }
            assert_eq!(control(&used), control(&fresh), "{}", entry.name);
        }
    }
}
