//! `nitro synth`: what a block costs in an open FPGA flow.

use nitro_card::config::Config;
use nitro_tools::{Area, ModuleArea, PlaceAndRoute, Tools};
use serde::Serialize;

use crate::args::{Synth, Target};
use crate::blocks;
use crate::failure::Failure;

/// What a design takes of the device.
#[derive(Serialize)]
struct Cells {
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
            lut: area.lut4,
            ff: area.ff,
            block_ram: area.block_ram,
            distributed_ram: area.distributed_ram,
            carry: area.carry,
            dsp: area.multiplier,
        }
    }
}

impl Cells {
    /// With the names that people know.
    fn named(&self) -> [(&'static str, u64); 6] {
        [
            ("LUT4", self.lut),
            ("flip-flops", self.ff),
            ("block RAM (18 kb)", self.block_ram),
            ("distributed RAM (16x4)", self.distributed_ram),
            ("carry (2 bit)", self.carry),
            ("DSP (18x18)", self.dsp),
        ]
    }
}

#[derive(Serialize)]
struct Row {
    config: &'static str,
    block: &'static str,
    target: &'static str,
    #[serde(flatten)]
    cells: Cells,
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
    #[serde(flatten)]
    cells: Cells,
}

/// Shows what the parts of a design take, so many levels deep.
fn show_parts(options: &Synth, block: &str, areas: Vec<ModuleArea>, most: usize) -> Result<(), Failure> {
    let config = Config::from(options.config).name();
    let part = |module: ModuleArea| Part { depth: module.depth, cells: Cells::from(&module.area), module: module.name };
    let parts: Vec<Part> = areas.into_iter().filter(|module| module.depth <= most).map(part).collect();
    if options.json {
        let report =
            serde_json::json!({ "config": config, "block": block, "target": "ecp5", "tools": TOOLS, "parts": parts });
        println!("{}", serde_json::to_string_pretty(&report).map_err(Failure::check)?);
        return Ok(());
    }
    println!("{block} of `{config}` on ECP5, each part by itself");
    let line = |name: &str, values: &[String]| {
        let values: Vec<String> = values.iter().map(|value| format!(" {value:>22}")).collect();
        println!("{name:<36}{}", values.concat());
    };
    for (number, part) in parts.iter().enumerate() {
        let named = part.cells.named();
        if number == 0 {
            line("", &named.map(|(name, _)| name.to_owned()));
        }
        line(&format!("{:1$}{2}", "", 2 * part.depth, part.module), &named.map(|(_, value)| value.to_string()));
    }
    Ok(())
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
        let areas =
            tools.yosys().synth_ecp5_modules(&design.verilog().text(), design.name()).map_err(Failure::check)?;
        return show_parts(options, block.name, areas, most);
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
    let row = Row {
        config: config.name(),
        block: block.name,
        target: "ecp5",
        cells: Cells::from(&synthesised.area),
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
    for (name, value) in row.cells.named() {
        println!("  {name:<24} {value:>8}");
    }
    if let Some(fmax) = row.fmax_mhz {
        println!("  {:<24} {fmax:>8.1}", "fmax (MHz)");
        println!("  critical path:");
        row.critical_path.iter().for_each(|step| println!("    {step}"));
    }
    Ok(())
}
