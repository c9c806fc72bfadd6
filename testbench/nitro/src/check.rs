//! `nitro check`: the emitted Verilog before lint, synthesis and simulators.

use nitro_agreement::{Budget, Subject, agree_all};
use nitro_card::config::Config;
use serde::Serialize;

use crate::args::Check;
use crate::blocks;
use crate::failure::Failure;
use crate::progress::bar;

/// Nodes above which a block gets fewer clocks: rust_hdl's own rules take long on it.
const LARGE: usize = 5_000;

#[derive(Serialize)]
struct Row {
    config: &'static str,
    block: &'static str,
    ok: bool,
    clocks: Option<u64>,
    problem: Option<String>,
}

fn budget(subject: &Subject<'_>) -> Budget {
    if subject.netlist().nodes.len() > LARGE { Budget { groups: 1, lanes: 2, clocks: 100 } } else { Budget::default() }
}

/// Checks one block or all of them.
pub fn run(options: &Check) -> Result<(), Failure> {
    let config = Config::from(options.config);
    let blocks = match &options.block {
        None => blocks::all(config),
        name => vec![blocks::find(config, name.as_deref())?],
    };
    let bar = bar(blocks.len(), "checking", options.quiet.quiet);
    let mut rows = Vec::new();
    // One pair of blocks at a time, so that there is something to show early.
    for pair in blocks.chunks(2) {
        for report in agree_all(pair, &[], budget) {
            let (clocks, problem) = match report.outcome {
                Ok(clocks) => (Some(clocks), None),
                Err(error) => (None, Some(error.to_string())),
            };
            let row = Row { config: config.name(), block: report.block, ok: problem.is_none(), clocks, problem };
            if !options.json {
                bar.suspend(|| match (&row.clocks, &row.problem) {
                    (Some(clocks), _) => {
                        println!("ok    {:<24} lint, synthesis check, {clocks} clocks on 3 engines", row.block)
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
