//! `nitro bench`: simulated clocks per second, side by side in one run.

use nitro_bench::clock::TimeBase;
use nitro_bench::steady::Method;
use nitro_bench::{BenchError, Design, Progress, Report, Selection, table};
use nitro_card::config::Config;

use crate::args::{Bench, Opponent};
use crate::failure::Failure;
use crate::progress::bar;

/// What `--quick` leaves of everything.
const QUICK_CLOCKS: usize = 1_000;
const QUICK_ROUNDS: usize = 1;
const QUICK_SECONDS: f64 = 0.1;
const QUICK_RUST_HDL_CLOCKS: usize = 10;

fn failure(error: BenchError) -> Failure {
    if error.is_usage() { Failure::input(error) } else { Failure::check(error) }
}

fn selection(options: &Bench) -> Result<Selection, Failure> {
    let mut selection = Selection {
        workloads: options.workload.clone(),
        clocks: options.clocks,
        seed: options.seed,
        verilator: options.against == Some(Opponent::Verilator),
        ..Selection::default()
    };
    let cards = options.config.iter().map(|name| Ok(Design::Card(Config::from(*name))));
    let named = options.design.iter().map(|name| Design::from_name(name).map_err(failure));
    let designs: Vec<Design> = cards.chain(named).collect::<Result<_, _>>()?;
    if !designs.is_empty() {
        selection.designs = designs;
    }
    selection.method.rounds = options.rounds;
    if options.thread_time {
        selection.method.time = TimeBase::Thread;
    }
    if options.quick {
        selection.clocks = selection.clocks.min(QUICK_CLOCKS);
        selection.rust_hdl_clocks = QUICK_RUST_HDL_CLOCKS;
        selection.method = Method { rounds: QUICK_ROUNDS, seconds: QUICK_SECONDS, ..selection.method };
    }
    Ok(selection)
}

/// Runs the benchmarks that were asked for.
pub fn run(options: &Bench) -> Result<(), Failure> {
    let selection = selection(options)?;
    let bar = bar(0, "measuring", options.quiet.quiet);
    let rows = selection.run(&mut |event| match event {
        Progress::Planned(count) => bar.set_length(count as u64),
        Progress::Doing(what) => bar.set_message(what.to_owned()),
        Progress::Measured(rows) => {
            bar.inc(1);
            if !options.json {
                bar.suspend(|| println!("{}", table::section(rows)));
            }
        }
    });
    bar.finish_and_clear();
    let report = Report { time: selection.method.time.name(), rows: rows.map_err(failure)?, findings: Vec::new() };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(Failure::check)?);
    } else {
        print!("{}", table::legend(&report));
    }
    Ok(())
}
