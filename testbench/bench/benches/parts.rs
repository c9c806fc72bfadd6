//! The parts of the way from a block to its clocks: `cargo bench -p nitro-bench`.
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use nitro_bench::component::{self, ComponentWorkload};
use nitro_bench::machine::Machine;
use nitro_card::catalogue::card_entry;
use nitro_card::config::Config;
use nitro_simulator::{InterpretedEngine, optimise};

/// Clocks of one measured run of a component.
const CLOCKS: usize = 256;

fn elaboration(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tiny card");
    group.sample_size(10);
    let entry = card_entry(Config::Tiny);
    let Ok(netlist) = entry.netlist() else { return };
    group.bench_function("elaborate and flatten", |bench| bench.iter(|| black_box(entry.netlist())));
    group.bench_function("optimise", |bench| bench.iter(|| black_box(optimise(&netlist, false))));
    group.bench_function("compile to instructions", |bench| bench.iter(|| black_box(InterpretedEngine::new(&netlist))));
    group.finish();
}

fn clocks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("{CLOCKS} clocks interpreted"));
    for entry in component::entries() {
        let Ok(netlist) = entry.netlist() else { continue };
        let Ok(recording) = component::record(&entry, ComponentWorkload::Random, CLOCKS, 1) else { continue };
        for lanes in [1, 64] {
            let prepare = || {
                let mut machine = Machine::interpreted_lanes(&netlist, lanes);
                machine.lead(&recording);
                machine
            };
            group.bench_function(format!("{}, {lanes} lanes", entry.name), |bench| {
                bench.iter_batched(prepare, |mut machine| machine.traffic(&recording, CLOCKS), BatchSize::LargeInput);
            });
        }
    }
    group.finish();
}

criterion_group!(benches, elaboration, clocks);
criterion_main!(benches);
