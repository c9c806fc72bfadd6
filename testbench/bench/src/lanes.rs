//! Batches of property-test cases: how many a second, over lanes and over threads.
//!
//! A case is a run of a design from a prepared state on: what a property test does for each of its random inputs, and again
//! for each step of shrinking.

use std::sync::Barrier;
use std::time::Instant;

use nitro_netlist::Netlist;

use crate::BenchError;
use crate::card::{self, CardWorkload};
use crate::component::{self, ComponentWorkload};
use crate::machine::Machine;
use crate::recording::Recording;
use crate::report::{Finding, median};
use crate::suite::Design;

/// Name of the section.
pub const SECTION: &str = "lanes";
/// Clocks of a case.
const CASE_CLOCKS: usize = 300;
/// Clocks that are recorded: the first of many lanes is some clocks ahead of the last one.
const RECORDED: usize = 2 * CASE_CLOCKS + 100;
/// Numbers of lanes, each the number of cases that run at once.
const LANES: [usize; 4] = [1, 4, 16, 64];

/// Cases in a batch; a multiple of every number of lanes and threads.
const CASES: usize = 128;

/// Cases per second of a batch that `threads` threads share, each with its own lanes.
fn batch(recording: &Recording, start: &(dyn Fn() -> Machine + Sync), threads: usize) -> Result<f64, (u64, u64)> {
    let ready = Barrier::new(threads + 1);
    let work = || -> Result<(), (u64, u64)> {
        let mut machine = start();
        machine.lead(recording);
        machine.keep();
        ready.wait();
        let mut done = 0;
        while done < CASES / threads {
            machine.rewind();
            let played = machine.traffic(recording, CASE_CLOCKS);
            if let Some(difference) = played.difference(&recording.traffic_hashes) {
                return Err(difference);
            }
            done += machine.lanes();
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        ready.wait();
        let started = Instant::now();
        // A worker that panicked found no wrong hash; the batch counts as wrong all the same.
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or(Err((0, 0))))?;
        #[expect(clippy::cast_precision_loss, reason = "few cases")]
        let cases = CASES as f64;
        Ok(cases / started.elapsed().as_secs_f64().max(1e-9))
    })
}

/// An engine over a number of lanes.
type Start<'a> = Box<dyn Fn(usize) -> Machine + Sync + 'a>;

fn engines<'a>(design: Design, netlist: &'a Netlist) -> Vec<(&'static str, Start<'a>)> {
    let mut engines: Vec<(&'static str, Start<'a>)> =
        vec![("interpreted", Box::new(|lanes| Machine::interpreted_lanes(netlist, lanes)))];
    if let Design::Card(config) = design {
        engines.push(("compiled", Box::new(move |lanes| crate::contestant::compiled_lanes(config, lanes))));
    }
    engines
}

/// Measures batches on a design.
///
/// # Errors
/// If it cannot be elaborated, or an engine differs.
pub fn measure(
    design: Design,
    rounds: usize,
    seed: u64,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Finding>, BenchError> {
    let entry = design.entry()?;
    let netlist = entry.netlist()?;
    let recording = match design {
        Design::Card(config) => card::record(config, CardWorkload::Random, RECORDED, seed)?,
        Design::Component(_) => component::record(&entry, ComponentWorkload::Random, RECORDED, seed)?,
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(2);
    let mut findings = Vec::new();
    for (engine, start) in engines(design, &netlist) {
        let mut least = None;
        for lanes in LANES {
            for threads in 1..=threads {
                progress(&format!("{}: {engine}, {lanes} lanes, {threads} threads", design.name()));
                let mut speeds = Vec::new();
                for _ in 0..rounds {
                    let speed = batch(&recording, &|| start(lanes), threads).map_err(|(found, expected)| {
                        BenchError::Unequal {
                            design: design.name().to_owned(),
                            workload: "random".to_owned(),
                            engine: format!("{engine}, {lanes} lanes"),
                            found,
                            expected,
                        }
                    })?;
                    speeds.push(speed);
                }
                let quantity = format!("{lanes} lanes, {threads} threads");
                let speed = median(&speeds);
                let least = *least.get_or_insert(speed);
                let note = format!("{:.2} times one lane of one thread", speed / least);
                let finding = Finding::new(SECTION, design.name(), engine, &quantity, "cases/s", speeds);
                findings.push(finding.note(&note));
            }
        }
    }
    Ok(findings)
}
