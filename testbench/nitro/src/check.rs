//! `nitro check`: the emitted Verilog before lint, synthesis and simulators; cards before the golden model.

use nitro_agreement::{Budget, Compiled, EngineKind, Interpreted, NetlistEngine, Soak, Subject, Verilated, agree_all};
use nitro_card::config::Config;
use serde::Serialize;

use crate::args::Check;
use crate::blocks;
use crate::failure::Failure;
use crate::progress::bar;

mod cards;
mod prove;

/// Nodes above which a block gets fewer clocks: rust_hdl's own rules take long on it.
const LARGE: usize = 5_000;
/// Random netlists that a compiler gets at once.
const NETLISTS_PER_BUILD: usize = 50;

#[derive(Serialize)]
struct Row {
    config: &'static str,
    block: &'static str,
    ok: bool,
    clocks: Option<u64>,
    problem: Option<String>,
}

fn budget(subject: &Subject<'_>, seed: u64) -> Budget {
    let usual = Budget { seed: Some(seed), ..Budget::default() };
    if subject.netlist().nodes.len() > LARGE { Budget { groups: 1, lanes: 2, clocks: 100, ..usual } } else { usual }
}

/// Compares engines on random netlists.
fn random_netlists(options: &Check, netlists: u32) -> Result<(), Failure> {
    let plain = Interpreted(EngineKind::Unoptimised);
    let (one, many) = (Interpreted(EngineKind::Interpreted), Interpreted(EngineKind::ManyLanes));
    let mut engines: Vec<&dyn NetlistEngine> = vec![&plain, &one, &many];
    let mut soak = Soak { netlists, clocks: options.clocks, seed: Some(options.seed), ..Soak::default() };
    if options.compiled {
        engines.push(&Compiled);
    }
    if options.verilator {
        engines.push(&Verilated);
    }
    if options.compiled || options.verilator {
        // Compilers take about as long for some small netlists as for one.
        soak.batch = NETLISTS_PER_BUILD;
    }
    let bar = bar(netlists as usize, "comparing", options.quiet.quiet);
    let agreed = soak.run(&engines, |done| bar.set_position(u64::from(done)));
    bar.finish_and_clear();
    let agreed = agreed.map_err(|error| Failure::check(error.to_string()))?;
    let names: Vec<&str> = engines.iter().map(|engine| engine.kind().name()).collect();
    if options.json {
        let report = serde_json::json!({
            "netlists": agreed.netlists, "clocks": agreed.clocks, "engines": names, "seed": options.seed, "ok": true
        });
        println!("{}", serde_json::to_string_pretty(&report).map_err(Failure::check)?);
    } else {
        println!("ok    {} random netlists, {} clocks on {}", agreed.netlists, agreed.clocks, names.join(", "));
    }
    Ok(())
}

/// Checks one block or all of them.
pub fn run(options: &Check) -> Result<(), Failure> {
    if let Some(netlists) = options.random_netlists {
        return random_netlists(options, netlists);
    }
    if options.prove {
        return prove::run(options);
    }
    if let Some(case) = &options.rerun {
        return cards::rerun(options, case);
    }
    if let Some(cards) = options.cards {
        return cards::run(options, cards);
    }
    let config = Config::from(options.config);
    let blocks = match &options.block {
        None => blocks::all(config),
        name => vec![blocks::find(config, name.as_deref())?],
    };
    let mut engines = EngineKind::COMPARED.to_vec();
    if options.gates {
        engines.push(EngineKind::Gates);
    }
    let count = engines.len();
    let bar = bar(blocks.len(), "checking", options.quiet.quiet);
    let mut rows = Vec::new();
    // One pair of blocks at a time, so that there is something to show early.
    for pair in blocks.chunks(2) {
        for report in agree_all(pair, &engines, &[], |subject| budget(subject, options.seed)) {
            let (clocks, problem) = match report.outcome {
                Ok(clocks) => (Some(clocks), None),
                Err(error) => (None, Some(error.to_string())),
            };
            let row = Row { config: config.name(), block: report.block, ok: problem.is_none(), clocks, problem };
            if !options.json {
                bar.suspend(|| match (&row.clocks, &row.problem) {
                    (Some(clocks), _) => {
                        println!("ok    {:<24} lint, synthesis check, {clocks} clocks on {count} engines", row.block)
                    }
                    (None, problem) => println!("FAIL  {:<24} {}", row.block, problem.as_deref().unwrap_or_default()),
                });
            }
            rows.push(row);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    if options.json {
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "rows": rows })).map_err(Failure::check)?);
    }
    match rows.iter().filter(|row| !row.ok).count() {
        0 => Ok(()),
        failed => Err(Failure::check(format!("{failed} of {} blocks failed", rows.len()))),
    }
}
