//! `nitro synth`: what a block costs in an open FPGA flow.

use nitro_card::config::Config;
use nitro_tools::{ModuleArea, PlaceAndRoute, Tools};
use serde::Serialize;

use crate::args::{Synth, Target};
use crate::blocks;
use crate::failure::Failure;

#[derive(Serialize)]
struct Row {
    config: &'static str,
    block: &'static str,
    target: &'static str,
    lut: u64,
    ff: u64,
    block_ram: u64,
    distributed_ram: u64,
    carry: u64,
    dsp: u64,
    fmax_mhz: Option<f64>,
    seed: Option<u64>,
    critical_path: Vec<String>,
    tools: &'static [&'static str],
}

/// The pins of `synth/requirements.txt` that decide the numbers.
const TOOLS: &[&str] = &["yosys 0.70 (pyosys)", "nextpnr-ecp5 0.11.1 (yowasp)"];

#[derive(Serialize)]
struct Part {
    depth: usize,
    module: String,
    lut: u64,
    ff: u64,
    block_ram: u64,
    distributed_ram: u64,
    carry: u64,
    dsp: u64,
}

/// Shows what the parts of a design take.
fn show_parts(options: &Synth, design: &VerilogOf<'_>, tools: &Tools, most: usize) -> Result<(), Failure> {
    let areas = tools.yosys().synth_ecp5_modules(&design.text, design.name).map_err(Failure::check)?;
    let part = |module: ModuleArea| Part {
        depth: module.depth,
        module: module.name,
        lut: module.area.lut4,
        ff: module.area.ff,
        block_ram: module.area.block_ram,
        distributed_ram: module.area.distributed_ram,
        carry: module.area.carry,
        dsp: module.area.multiplier,
    };
    let parts: Vec<Part> = areas.into_iter().filter(|module| module.depth <= most).map(part).collect();
    if options.json {
        let report = serde_json::json!({ "config": design.config, "target": "ecp5", "tools": TOOLS, "parts": parts });
        println!("{}", serde_json::to_string_pretty(&report).map_err(Failure::check)?);
        return Ok(());
    }
    println!("{} of `{}` on ECP5, each part by itself", design.name, design.config);
    println!(
        "{:<40} {:>8} {:>8} {:>10} {:>16} {:>8} {:>5}",
        "", "LUT4", "FF", "block RAM", "distributed RAM", "carry", "DSP"
    );
    for part in parts {
        let name = format!("{:1$}{2}", "", 2 * part.depth, part.module);
        println!(
            "{name:<40} {:>8} {:>8} {:>10} {:>16} {:>8} {:>5}",
            part.lut, part.ff, part.block_ram, part.distributed_ram, part.carry, part.dsp
        );
    }
    Ok(())
}

/// A design's Verilog.
struct VerilogOf<'a> {
    config: &'static str,
    name: &'a str,
    text: String,
}

/// Synthesises one block, and places and routes it if asked to.
pub fn run(options: &Synth) -> Result<(), Failure> {
    let config = Config::from(options.config);
    let Target::Ecp5 = options.target;
    let block = blocks::find(config, options.block.as_deref())?;
    let design = block.elaborate().map_err(Failure::check)?;
    let tools = Tools::locate().map_err(Failure::check)?;
    if !options.quiet.quiet {
        eprintln!("synthesising {} of `{}` for ECP5 …", block.name, config.name());
    }
    if let Some(most) = options.parts {
        let design = VerilogOf { config: config.name(), name: design.name(), text: design.verilog().text() };
        return show_parts(options, &design, &tools, most);
    }
    let synthesised = tools.yosys().synth_ecp5(&design.verilog().text(), design.name()).map_err(Failure::check)?;
    let placed = if options.pnr {
        if !options.quiet.quiet {
            eprintln!("placing and routing on LFE5U-85F, speed grade 6 …");
        }
        let aim = PlaceAndRoute { seed: options.seed, ..PlaceAndRoute::default() };
        Some(tools.nextpnr().place_and_route(&synthesised, &aim).map_err(Failure::check)?)
    } else {
        None
    };
    let area = &synthesised.area;
    let row = Row {
        config: config.name(),
        block: block.name,
        target: "ecp5",
        lut: area.lut4,
        ff: area.ff,
        block_ram: area.block_ram,
        distributed_ram: area.distributed_ram,
        carry: area.carry,
        dsp: area.multiplier,
        fmax_mhz: placed.as_ref().and_then(|placed| placed.fmax_mhz),
        seed: placed.is_some().then_some(options.seed),
        critical_path: placed.map(|placed| placed.critical_path).unwrap_or_default(),
        tools: TOOLS,
    };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "rows": [row] })).map_err(Failure::check)?);
        return Ok(());
    }
    println!("{} of `{}` on ECP5 (LFE5U-85F, speed grade 6)", row.block, row.config);
    for (name, value) in [
        ("LUT4", row.lut),
        ("flip-flops", row.ff),
        ("block RAM (18 kb)", row.block_ram),
        ("distributed RAM (16x4)", row.distributed_ram),
        ("carry (2 bit)", row.carry),
        ("DSP (18x18)", row.dsp),
    ] {
        println!("  {name:<24} {value:>8}");
    }
    if let Some(fmax) = row.fmax_mhz {
        println!("  {:<24} {fmax:>8.1}", "fmax (MHz)");
        println!("  critical path:");
        row.critical_path.iter().for_each(|step| println!("    {step}"));
    }
    Ok(())
}
