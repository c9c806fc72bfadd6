//! `nitro synth`: what blocks cost in open flows, and whether they cost more than they did.

mod baseline;
mod table;

use nitro_card::config::Config;
use nitro_simulator::BlockEntry;
use nitro_tools::{Area, ModuleArea, PathStep, PlaceAndRoute, Technology, Tools};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::args::Synth;
use crate::blocks;
use crate::failure::Failure;
use crate::progress::bar;

/// The pins of `synth/requirements.txt` that decide the numbers.
const YOSYS: &str = "yosys 0.70 (pyosys)";
const NEXTPNR: &str = "nextpnr-ecp5 0.11.1 (yowasp)";

/// What a design takes of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cells {
    lut: u64,
    ff: u64,
    block_ram: u64,
    distributed_ram: u64,
    carry: u64,
    dsp: u64,
}

impl From<&Area> for Cells {
    fn from(area: &Area) -> Self {
        Self {
            lut: area.lut,
            ff: area.ff,
            block_ram: area.block_ram,
            distributed_ram: area.distributed_ram,
            carry: area.carry,
            dsp: area.multiplier,
        }
    }
}

impl Cells {
    /// Names of the counts, and the counts.
    const fn named(self) -> [(&'static str, u64); 6] {
        [
            ("lut", self.lut),
            ("ff", self.ff),
            ("block_ram", self.block_ram),
            ("distributed_ram", self.distributed_ram),
            ("carry", self.carry),
            ("dsp", self.dsp),
        ]
    }
}

/// A block on a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    config: String,
    block: String,
    target: String,
    #[serde(flatten)]
    cells: Cells,
    /// Cells on the longest way from register to register.
    logic_depth: u64,
    fmax_mhz: Option<f64>,
    speed_grade: Option<u32>,
    seed: Option<u64>,
    /// Signals on the slowest path, and what it takes to get there.
    critical_path: Vec<String>,
    tools: Vec<String>,
}

/// A file of rows.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    rows: Vec<Row>,
}

fn step(step: &PathStep) -> String {
    format!("{} (logic {:.2} ns, routing {:.2} ns)", step.signal, step.logic_ns, step.routing_ns)
}

#[derive(Serialize)]
struct Part {
    depth: usize,
    module: String,
    #[serde(flatten)]
    cells: Cells,
}

/// Shows what the parts of a design take, so many levels deep.
fn show_parts(
    options: &Synth,
    technology: Technology,
    block: &str,
    areas: Vec<ModuleArea>,
    most: usize,
) -> Result<(), Failure> {
    let config = Config::from(options.config).name();
    let part = |module: ModuleArea| Part { depth: module.depth, cells: Cells::from(&module.area), module: module.name };
    let parts: Vec<Part> = areas.into_iter().filter(|module| module.depth <= most).map(part).collect();
    if options.json {
        let report = serde_json::json!({
            "config": config, "block": block, "target": technology.name(), "tools": [YOSYS], "parts": parts
        });
        println!("{}", serde_json::to_string_pretty(&report).map_err(Failure::check)?);
        return Ok(());
    }
    println!("{block} of `{config}` on {}, each part by itself", technology.title());
    let line = |name: &str, values: &[String]| {
        let values: Vec<String> = values.iter().map(|value| format!(" {value:>22}")).collect();
        println!("{name:<36}{}", values.concat());
    };
    line("", &technology.units().map(str::to_owned));
    for part in &parts {
        line(
            &format!("{:1$}{2}", "", 2 * part.depth, part.module),
            &part.cells.named().map(|(_, value)| value.to_string()),
        );
    }
    Ok(())
}

/// A block on a target: one row, or one for each speed grade and seed.
fn rows(options: &Synth, tools: &Tools, block: &BlockEntry, technology: Technology) -> Result<Vec<Row>, Failure> {
    let design = block.elaborate().map_err(Failure::check)?;
    let synthesised =
        tools.yosys().synthesise(&design.verilog().text(), design.name(), technology).map_err(Failure::check)?;
    let mapped = Row {
        config: Config::from(options.config).name().to_owned(),
        block: block.name.to_owned(),
        target: technology.name().to_owned(),
        cells: Cells::from(&synthesised.area),
        logic_depth: synthesised.logic_depth,
        fmax_mhz: None,
        speed_grade: None,
        seed: None,
        critical_path: Vec::new(),
        tools: vec![YOSYS.to_owned()],
    };
    if !options.pnr {
        return Ok(vec![mapped]);
    }
    let mut rows = Vec::new();
    for &speed in &options.speed {
        for &seed in &options.seed {
            let aim = PlaceAndRoute { seed, speed, ..PlaceAndRoute::default() };
            let placed = tools.nextpnr().place_and_route(&synthesised, &aim).map_err(Failure::check)?;
            rows.push(Row {
                fmax_mhz: placed.fmax_mhz,
                speed_grade: Some(speed),
                seed: Some(seed),
                critical_path: placed.critical_path.iter().map(step).collect(),
                tools: vec![YOSYS.to_owned(), NEXTPNR.to_owned()],
                ..mapped.clone()
            });
        }
    }
    Ok(rows)
}

/// Synthesises blocks, places and routes them if asked to, and compares them with a baseline.
pub fn run(options: &Synth) -> Result<(), Failure> {
    let config = Config::from(options.config);
    let technologies: Vec<Technology> = options.target.iter().copied().map(Technology::from).collect();
    if options.pnr && technologies.iter().any(|&technology| technology != Technology::Ecp5) {
        return Err(Failure::input("--pnr: only the target ecp5 can be placed and routed"));
    }
    let baseline = options.baseline.as_deref().map(baseline::Baseline::read).transpose()?;
    let blocks: Vec<BlockEntry> = if options.every_block {
        // The card is not a block among others: it takes as long as all of them.
        blocks::all(config).into_iter().filter(|block| block.name != "card").collect()
    } else {
        vec![blocks::find(config, options.block.as_deref())?]
    };
    let tools = Tools::locate().map_err(Failure::check)?;
    if let Some(most) = options.parts {
        for (block, &technology) in blocks.iter().flat_map(|block| technologies.iter().map(move |t| (block, t))) {
            let design = block.elaborate().map_err(Failure::check)?;
            let areas = tools
                .yosys()
                .synthesise_modules(&design.verilog().text(), design.name(), technology)
                .map_err(Failure::check)?;
            show_parts(options, technology, block.name, areas, most)?;
        }
        return Ok(());
    }
    let jobs: Vec<(&BlockEntry, Technology)> =
        blocks.iter().flat_map(|block| technologies.iter().map(move |&technology| (block, technology))).collect();
    let bar = bar(jobs.len(), "synthesising", options.quiet.quiet);
    let rows = jobs.par_iter().map(|&(block, technology)| {
        let rows = rows(options, &tools, block, technology);
        bar.inc(1);
        rows
    });
    let rows: Result<Vec<_>, _> = rows.collect();
    bar.finish_and_clear();
    let report = Report { rows: rows?.concat() };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(Failure::check)?);
    } else {
        table::print(&report);
    }
    baseline.map_or(Ok(()), |baseline| baseline.compare(&report.rows, options.tolerance))
}
