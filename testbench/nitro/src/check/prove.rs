//! `nitro check --prove`: properties for every input.

use nitro_proofs::{Proof, proofs};
use nitro_tools::{ProofEngine, Proven, Tools};
use rayon::prelude::*;
use serde::Serialize;

use crate::args::Check;
use crate::failure::Failure;
use crate::progress::bar;

#[derive(Serialize)]
struct Row {
    block: &'static str,
    property: &'static str,
    /// Clocks from reset that it was looked at for; none if it holds for ever.
    bound: Option<u32>,
    holds: bool,
    /// Whether the planted fault was found.
    planted_found: bool,
    /// What fails that should not.
    failed: Vec<String>,
}

fn row(tools: &Tools, proof: &Proof) -> Result<Row, Failure> {
    let outcome = proof.run(tools).map_err(Failure::check)?;
    let planted = proof.run_planted(tools).map_err(Failure::check)?;
    Ok(Row {
        block: proof.block,
        property: proof.property.name(),
        bound: if let ProofEngine::Bounded { clocks } = proof.engine { Some(clocks) } else { None },
        holds: outcome == Proven::Holds,
        planted_found: planted != Proven::Holds,
        failed: if let Proven::Fails { assertions } = outcome { assertions } else { Vec::new() },
    })
}

fn show(row: &Row) {
    let how = row.bound.map_or_else(|| "for ever".to_owned(), |clocks| format!("for {clocks} clocks"));
    match (row.holds, row.planted_found) {
        (true, true) => {
            println!("ok    {:<24} {:<16} holds {how}; the planted fault is found", row.block, row.property)
        }
        (true, false) => println!("FAIL  {:<24} {:<16} does not find the planted fault", row.block, row.property),
        (false, _) => println!("FAIL  {:<24} {:<16} {}", row.block, row.property, row.failed.join("; ")),
    }
}

/// Runs all proofs, or those of one block.
pub fn run(options: &Check) -> Result<(), Failure> {
    let mut all = proofs();
    if let Some(block) = &options.block {
        let known: Vec<&str> = all.iter().map(|proof| proof.block).collect();
        if !known.contains(&block.as_str()) {
            let message = format!("nothing is to be proven of `{block}`; there are proofs of: {}", known.join(", "));
            return Err(Failure::input(message));
        }
        all.retain(|proof| proof.block == block);
    }
    let tools = Tools::locate().map_err(Failure::check)?;
    let bar = bar(all.len(), "proving", options.quiet.quiet);
    let rows = all.par_iter().map(|proof| {
        let row = row(&tools, proof)?;
        bar.inc(1);
        if !options.json {
            bar.suspend(|| show(&row));
        }
        Ok(row)
    });
    let rows: Result<Vec<Row>, Failure> = rows.collect();
    bar.finish_and_clear();
    let rows = rows?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "rows": rows })).map_err(Failure::check)?);
    }
    match rows.iter().filter(|row| !row.holds || !row.planted_found).count() {
        0 => Ok(()),
        failed => Err(Failure::check(format!("{failed} of {} proofs failed", rows.len()))),
    }
}
