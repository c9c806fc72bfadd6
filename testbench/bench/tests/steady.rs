//! The steady-state benchmark on small designs: all engines see the same, and one that differs is found.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use nitro_agreement::Subject;
use nitro_bench::card::{self, CardWorkload};
use nitro_bench::clock::TimeBase;
use nitro_bench::component::{self, COMPONENTS, ComponentWorkload};
use nitro_bench::contestant::{Contestant, ours};
use nitro_bench::machine::Machine;
use nitro_bench::steady::{Method, measure};
use nitro_bench::{BenchError, Design, Report, Selection};
use nitro_card::catalogue::card_entry;
use nitro_card::config::Config;
use nitro_simulator::{BlockEntry, Engine, InterpretedEngine, PortInfo};

const METHOD: Method = Method { rounds: 2, seconds: 0.05, time: TimeBase::Wall };

#[test]
fn every_workload_of_a_card_goes_all_the_way_and_is_the_same_in_verilator() {
    let config = Config::Tiny;
    let entry = card_entry(config);
    let subject = Subject::new(&entry, &[nitro_agreement::EngineKind::Verilator]).unwrap();
    let library = subject.library().unwrap();
    let mut contestants = vec![Contestant::new("verilator", || Ok(Machine::One(Box::new(library.instantiate()))))];
    contestants.extend(ours(Design::Card(config), &entry, subject.netlist(), 3));
    for workload in CardWorkload::ALL {
        let recording = card::record(config, workload, 1_500, 1).unwrap();
        let frames = recording.frames;
        assert_eq!(frames.dropped, 0);
        // What is still on its way fits the card; the first frames take some hundred clocks.
        assert!(frames.passed > 0 && frames.offered >= frames.passed, "{}: {frames:?}", workload.name());
        let rows = measure("tiny", workload.name(), &recording, &contestants, METHOD, &mut |_| ()).unwrap();
        assert_eq!(rows.len(), contestants.len());
        assert_eq!((rows[0].ratio_to_verilator, rows[0].rounds.len()), (Some(1.0), 2));
        assert!(rows.iter().all(|row| row.clocks_per_second > 0.0 && row.ratio_to_verilator.is_some()));
    }
}

#[test]
fn workloads_differ_as_their_names_say() {
    let frames = |workload| card::record(Config::Tiny, workload, 6_000, 1).unwrap().frames.passed;
    let [small, large, random, idle] = CardWorkload::ALL.map(frames);
    assert!(small > 5 * large, "{small} small frames, {large} large ones");
    assert!(large > 20 && random > 10 * idle && idle > 0, "{large} large, {random} at random, {idle} at 1 % load");
}

fn component(name: &str) -> BlockEntry {
    component::entries().into_iter().find(|entry| entry.name == name).unwrap()
}

#[test]
fn every_component_is_recorded_and_the_same_on_all_engines() {
    assert_eq!(component::entries().iter().map(|entry| entry.name).collect::<Vec<_>>(), COMPONENTS);
    for name in COMPONENTS {
        let entry = component(name);
        let netlist = entry.netlist().unwrap();
        let contestants = ours(Design::Component(name), &entry, &netlist, 2);
        for workload in ComponentWorkload::ALL {
            let recording = component::record(&entry, workload, 400, 1).unwrap();
            let hashes = &recording.traffic_hashes;
            assert!(hashes.windows(2).all(|pair| pair[0] != pair[1]), "every clock counts");
            measure(name, workload.name(), &recording, &contestants, METHOD, &mut |_| ()).unwrap();
        }
    }
}

/// An engine with a bug: from some clock on, one bit of one output is wrong in a single clock.
struct Faulty {
    engine: InterpretedEngine,
    clock: u32,
}

impl Engine for Faulty {
    fn inputs(&self) -> &[PortInfo] {
        self.engine.inputs()
    }
    fn outputs(&self) -> &[PortInfo] {
        self.engine.outputs()
    }
    fn set(&mut self, index: usize, value: &[u64]) {
        self.engine.set(index, value);
    }
    fn settle(&mut self) {
        self.engine.settle();
    }
    fn get(&self, index: usize, value: &mut [u64]) {
        self.engine.get(index, value);
        if index == 0 && self.clock == 120 {
            value[0] ^= 1;
        }
    }
    fn edge(&mut self) {
        self.engine.edge();
        self.clock += 1;
    }
}

#[test]
fn one_wrong_bit_in_one_clock_fails_and_names_the_engine() {
    let entry = component("packet_fifo_64");
    let netlist = entry.netlist().unwrap();
    let faulty = || Ok(Machine::One(Box::new(Faulty { engine: InterpretedEngine::new(&netlist), clock: 0 })));
    let contestants =
        [Contestant::new("interpreted", || Ok(Machine::interpreted(&netlist))), Contestant::new("faulty", faulty)];
    let recording = component::record(&entry, ComponentWorkload::Random, 400, 1).unwrap();
    let result = measure("packet_fifo_64", "random", &recording, &contestants, METHOD, &mut |_| ());
    match result {
        Err(BenchError::Unequal { design, workload, engine, found, expected }) => {
            assert_eq!((design.as_str(), workload.as_str(), engine.as_str()), ("packet_fifo_64", "random", "faulty"));
            assert_ne!(found, expected);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn results_for_programs_have_the_fields_that_are_fixed() {
    let method = Method { rounds: 3, ..METHOD };
    let designs = vec![Design::from_name("spill_512").unwrap()];
    let workloads = vec!["random".to_owned()];
    let selection = Selection { designs, workloads, clocks: 300, rust_hdl_clocks: 0, method, ..Selection::default() };
    let rows = selection.run(&mut |_| ()).unwrap();
    let report = Report { time: "wall", rows, findings: Vec::new() };
    let json: serde_json::Value = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "one lane, and many");
    for row in rows {
        assert_eq!((&row["design"], &row["workload"]), (&"spill_512".into(), &"random".into()));
        assert_eq!(row["engine"], "interpreted");
        assert!(row["clocks_per_second"].is_f64() && row["ratio_to_verilator"].is_null());
        assert_eq!(row["rounds"].as_array().unwrap().len(), 3);
    }
}

#[test]
fn unknown_names_are_refused_with_those_that_there_are() {
    let error = Design::from_name("large").unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("line, edge, tiny, spill_512"), "{error}");
    let selection = Selection { workloads: vec!["heavy".to_owned()], ..Selection::default() };
    let error = selection.run(&mut |_| ()).unwrap_err();
    assert!(error.to_string().contains("saturated_64, saturated_1500, random, load_1, saturated"), "{error}");
}
