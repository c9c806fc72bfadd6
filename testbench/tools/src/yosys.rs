//! Yosys: is the emitted Verilog fit for synthesis?

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::ToolError;
use crate::process::{run, tail};

pub(crate) const DESIGN: &str = "design.v";
pub(crate) const STATISTICS: &str = "statistics.json";
pub(crate) const STAT: &str = "Yosys (stat -json)";
const UNMAPPED: &str = "unmapped.txt";
/// Memories of fewer words may become registers.
const RAM_WORDS: u32 = 256;
/// Memories of fewer words may become distributed RAM.
const BLOCK_RAM_WORDS: u32 = 512;

/// Cells by type.
pub(crate) type Cells = BTreeMap<String, u64>;

/// Runs Yosys scripts through its native Python module.
#[derive(Clone, Debug)]
pub struct Yosys {
    python: PathBuf,
    shim: PathBuf,
    work: PathBuf,
}

/// What [`Yosys::check`] found in a design that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Memories that Yosys recognised as such (`$mem_v2` cells), over all instances.
    pub memories: u64,
    /// All word-level cells by type, over all instances.
    pub cells: BTreeMap<String, u64>,
}

impl Yosys {
    pub(crate) fn new(python: PathBuf, shim: PathBuf, work: PathBuf) -> Self {
        Self { python, shim, work }
    }

    /// Runs a script, one command a line, in a new temporary folder that first gets `files` (name and text).
    /// Returns the log and the folder.
    ///
    /// # Errors
    /// [`ToolError::Yosys`] if a command fails; `top` only names the design in it.
    pub fn run(&self, top: &str, script: &str, files: &[(&str, &str)]) -> Result<(String, TempDir), ToolError> {
        std::fs::create_dir_all(&self.work).map_err(ToolError::file("create", &self.work))?;
        let folder = tempfile::Builder::new()
            .prefix("yosys-")
            .tempdir_in(&self.work)
            .map_err(ToolError::file("create a folder in", &self.work))?;
        for (name, text) in files.iter().copied().chain([("script.ys", script)]) {
            let path = folder.path().join(name);
            std::fs::write(&path, text).map_err(ToolError::file("write", path))?;
        }
        let mut command = Command::new(&self.python);
        command.arg(&self.shim).arg("script.ys").current_dir(folder.path());
        let finished = run(&mut command, "remove the eda-* folder below the target folder to install it anew")?;
        if finished.success {
            Ok((finished.output, folder))
        } else {
            Err(ToolError::Yosys { top: top.to_owned(), output: tail(&finished.output) })
        }
    }

    /// Checks Verilog for synthesis: it parses, its hierarchy is complete, every wire has one driver, nothing loops, no
    /// latch, no warning; and counts the memories that were recognised. Those of 256 words or more must map to the RAMs
    /// of an FPGA, those of 512 or more to its block RAMs (Lattice ECP5's, which have neither write priority nor reads of the old word
    /// through another port).
    ///
    /// # Errors
    /// [`ToolError::Yosys`], [`ToolError::YosysWarning`], [`ToolError::UnmappedMemories`], or a file error.
    pub fn check(&self, verilog: &str, top: &str) -> Result<Checked, ToolError> {
        // Mapping takes longer than all the rest together, and only these matter. It looks at all cells of the module anew for each memory,
        // so that it is done module by module, before the design is made flat. Without opt_dff the registers behind the memories
        // have no enables, and a read that holds its word counts as one within the clock, which no block RAM has.
        let least = |words: u32| format!("t:$mem_v2 r:SIZE>={words} %i");
        let (large, largest) = (least(RAM_WORDS), least(BLOCK_RAM_WORDS));
        let script = format!(
            "read_verilog {DESIGN}\n\
             hierarchy -check -top {top}\n\
             proc\n\
             check -assert\n\
             select -assert-none t:$dlatch t:$adlatch t:$dlatchsr t:$sr t:$_DLATCH_*_ %u\n\
             design -save hierarchical\n\
             flatten\n\
             opt_clean\n\
             check -assert\n\
             memory -nomap\n\
             tee -q -o {STATISTICS} stat -json\n\
             design -load hierarchical\n\
             opt_expr\n\
             opt_dff\n\
             opt_clean\n\
             memory -nomap\n\
             memory_libmap -lib +/lattice/brams_16kd.txt {largest}\n\
             tee -q -o {UNMAPPED} select -list {largest}\n\
             memory_libmap -lib +/lattice/lutrams_trellis.txt -lib +/lattice/brams_16kd.txt {large}\n\
             tee -q -a {UNMAPPED} select -list {large}\n"
        );
        let (log, folder) = self.run(top, &script, &[(DESIGN, verilog)])?;
        let warnings: Vec<&str> = log.lines().filter(|line| line.starts_with("Warning:")).collect();
        if !warnings.is_empty() {
            return Err(ToolError::YosysWarning { top: top.to_owned(), output: tail(&warnings.join("\n")) });
        }
        let path = folder.path().join(UNMAPPED);
        let unmapped = std::fs::read_to_string(&path).map_err(ToolError::file("read", path))?;
        if !unmapped.trim().is_empty() {
            let memories: BTreeSet<_> = unmapped.lines().map(str::to_owned).collect();
            return Err(ToolError::UnmappedMemories { top: top.to_owned(), memories: memories.into_iter().collect() });
        }
        let cells = statistics(folder.path())?;
        Ok(Checked { memories: count(&cells, "$mem_v2"), cells })
    }
}

fn count(cells: &Cells, kind: &str) -> u64 {
    cells.get(kind).copied().unwrap_or(0)
}

/// What `stat -json` wrote.
pub(crate) fn report(folder: &Path) -> Result<Value, ToolError> {
    let path = folder.join(STATISTICS);
    let text = std::fs::read_to_string(&path).map_err(ToolError::file("read", path))?;
    serde_json::from_str(&text).map_err(|source| ToolError::Json { tool: STAT, source })
}

pub(crate) fn cells_by_type(value: &Value) -> Cells {
    let cells = value.as_object().into_iter().flatten();
    cells.filter_map(|(kind, count)| Some((kind.trim_start_matches('\\').to_owned(), count.as_u64()?))).collect()
}

/// Cells by type of the whole design.
pub(crate) fn statistics(folder: &Path) -> Result<Cells, ToolError> {
    let report = report(folder)?;
    let cells = &report["design"]["num_cells_by_type"];
    if cells.is_object() {
        Ok(cells_by_type(cells))
    } else {
        Err(ToolError::Report { tool: STAT, missing: "design.num_cells_by_type" })
    }
}
