//! `nitro bench`: simulated clocks per second, side by side in one run.

use indicatif::ProgressBar;
use nitro_bench::clock::TimeBase;
use nitro_bench::contestant::verilators;
use nitro_bench::steady::Method;
use nitro_bench::{
    BenchError, Design, Finding, Progress, Report, Row, Selection, cold_start, first_clock, hardware, lanes, scale,
    table, tracing,
};
use nitro_card::config::Config;
use nitro_tools::Tools;

use crate::args::{Bench, BenchSection, Opponent};
use crate::failure::Failure;
use crate::progress::bar;

/// What `--quick` leaves of everything.
const QUICK_CLOCKS: usize = 1_000;
const QUICK_ROUNDS: usize = 1;
const QUICK_SECONDS: f64 = 0.1;
const QUICK_RUST_HDL_CLOCKS: usize = 10;
const QUICK_NODES: usize = 10_000;

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

/// One run with what it has found so far.
struct Run<'a> {
    options: &'a Bench,
    selection: Selection,
    bar: ProgressBar,
    report: Report,
}

impl Run<'_> {
    fn does(&self, section: BenchSection) -> bool {
        if self.options.hardware {
            return section == BenchSection::Hardware;
        }
        self.options.section.iter().any(|asked| *asked == section || *asked == BenchSection::All)
    }

    fn cards(&self) -> impl Iterator<Item = Config> {
        let designs = self.selection.designs.clone().into_iter();
        designs.filter_map(|design| if let Design::Card(config) = design { Some(config) } else { None })
    }

    /// The rows of one measurement.
    fn show(&self, rows: &[Row]) {
        if !self.options.json {
            self.bar.suspend(|| println!("{}", table::section(rows)));
        }
    }

    fn take(&mut self, findings: Vec<Finding>) {
        if !self.options.json {
            self.bar.suspend(|| println!("{}", table::findings(&findings)));
        }
        self.report.findings.extend(findings);
    }

    fn all(&mut self) -> Result<(), BenchError> {
        let bar = self.bar.clone();
        let progress = &mut |what: &str| bar.set_message(what.to_owned());
        let (rounds, seed, time) = (self.selection.method.rounds, self.selection.seed, self.selection.method.time);
        if self.does(BenchSection::Steady) {
            let rows = self.selection.run(&mut |event| match event {
                Progress::Planned(count) => bar.set_length(count as u64),
                Progress::Doing(what) => bar.set_message(what.to_owned()),
                Progress::Measured(rows) => {
                    bar.inc(1);
                    self.show(rows);
                }
            });
            self.report.rows = rows?;
        }
        if self.does(BenchSection::ColdStart) {
            for design in self.selection.designs.clone() {
                progress(&format!("{}: first clock", design.name()));
                let findings = first_clock::measure(design, rounds, time)?;
                self.take(findings);
            }
            // Building a copy of the workspace is not for a quick look.
            let edited: Vec<_> = if self.options.quick { Vec::new() } else { self.cards().collect() };
            let verilators = if self.selection.verilator { verilators(&Tools::locate()?)? } else { Vec::new() };
            for config in edited {
                let findings = cold_start::measure(config, &verilators, rounds, progress)?;
                self.take(findings);
            }
        }
        if self.does(BenchSection::Vcd) {
            for config in self.cards().collect::<Vec<_>>() {
                let findings = tracing::measure(config, self.selection.clocks, rounds, seed, progress)?;
                self.take(findings);
            }
        }
        if self.does(BenchSection::Lanes) {
            for design in self.selection.designs.clone() {
                let findings = lanes::measure(design, rounds, seed, progress)?;
                self.take(findings);
            }
        }
        if self.does(BenchSection::Scale) {
            let most = if self.options.quick { QUICK_NODES } else { usize::MAX };
            let limits = scale::Limits {
                nodes: self.options.scale_nodes.min(most),
                verilator_nodes: self.options.scale_verilator_nodes.min(most),
                verilator: self.selection.verilator,
                time,
            };
            let findings = scale::measure(limits, progress)?;
            self.take(findings);
        }
        if self.does(BenchSection::Hardware) {
            let extent = if self.options.quick { hardware::Extent::QUICK } else { hardware::Extent::FULL };
            let findings = hardware::table_load::measure(extent.table_rows_log2, progress)?;
            self.take(findings);
            for config in self.cards().collect::<Vec<_>>() {
                let findings = hardware::measure(config, extent, progress)?;
                self.take(findings);
            }
        }
        Ok(())
    }
}

/// Runs the benchmarks that were asked for.
pub fn run(options: &Bench) -> Result<(), Failure> {
    let selection = selection(options)?;
    let report = Report { time: selection.method.time.name(), ..Report::default() };
    let mut run = Run { options, selection, bar: bar(0, "measuring", options.quiet.quiet), report };
    let result = run.all();
    run.bar.finish_and_clear();
    result.map_err(failure)?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&run.report).map_err(Failure::check)?);
    } else if !run.report.rows.is_empty() {
        print!("{}", table::legend(&run.report));
    }
    Ok(())
}
