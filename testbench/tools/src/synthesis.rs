//! Mapping to a technology: how large does a design get, and how deep is its logic?

use std::collections::BTreeMap;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::yosys::{Cells, DESIGN, STAT, STATISTICS, cells_by_type, report, statistics};
use crate::{ToolError, Yosys};

/// The name of the netlist that [`Yosys::synthesise`] leaves, in Yosys's JSON.
pub(crate) const NETLIST: &str = "netlist.json";
/// The same as Verilog.
const GATES: &str = "gates.v";
/// What `ltp` found.
const LONGEST: &str = "longest.txt";

/// A technology that designs are mapped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Technology {
    /// Lattice ECP5.
    Ecp5,
    /// Lattice iCE40.
    Ice40,
    /// AMD UltraScale+. Mapping only: no open tool places and routes it.
    UltraScalePlus,
    /// Gates of two inputs and multiplexers. Memories of more than 64 words stay memories.
    Gates,
}

/// What a cell counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Logic,
    Register,
    /// So many of the technology's smallest block RAMs.
    BlockRam(u64),
    DistributedRam,
    Multiplier,
    Carry,
    /// Multiplexers behind LUTs and the like, which take no place of their own.
    Other,
}

impl Technology {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ecp5, Self::Ice40, Self::UltraScalePlus, Self::Gates];

    /// Name in commands and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ecp5 => "ecp5",
            Self::Ice40 => "ice40",
            Self::UltraScalePlus => "xilinx",
            Self::Gates => "generic",
        }
    }

    /// Name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Ecp5 => "Lattice ECP5",
            Self::Ice40 => "Lattice iCE40",
            Self::UltraScalePlus => "AMD UltraScale+ (mapping only)",
            Self::Gates => "generic gates",
        }
    }

    /// What is counted, in the order of [`Area::counts`], by the names that the technology's users know.
    #[must_use]
    pub const fn units(self) -> [&'static str; 6] {
        match self {
            Self::Ecp5 => {
                ["LUT4", "flip-flops", "block RAM (18 kb)", "distributed RAM (16x4)", "carry (2 bit)", "DSP (18x18)"]
            }
            Self::Ice40 => {
                ["LUT4", "flip-flops", "block RAM (4 kb)", "distributed RAM (none)", "carry (1 bit)", "DSP (16x16)"]
            }
            Self::UltraScalePlus => [
                "LUT1 to LUT6",
                "flip-flops",
                "block RAM (18 kb)",
                "distributed RAM (cells)",
                "carry (cells)",
                "DSP48E2",
            ],
            Self::Gates => ["gates", "flip-flops", "memories", "distributed RAM (none)", "carry (none)", "DSP (none)"],
        }
    }

    fn kind(self, cell: &str) -> Kind {
        match self {
            Self::Ecp5 => match cell {
                "LUT4" => Kind::Logic,
                "TRELLIS_FF" => Kind::Register,
                "DP16KD" => Kind::BlockRam(1),
                "TRELLIS_DPR16X4" => Kind::DistributedRam,
                "MULT18X18D" => Kind::Multiplier,
                "CCU2C" => Kind::Carry,
                _ => Kind::Other,
            },
            Self::Ice40 => match cell {
                "SB_LUT4" => Kind::Logic,
                "SB_MAC16" => Kind::Multiplier,
                "SB_CARRY" => Kind::Carry,
                _ if cell.starts_with("SB_DFF") => Kind::Register,
                _ if cell.starts_with("SB_RAM40_4K") => Kind::BlockRam(1),
                _ => Kind::Other,
            },
            Self::UltraScalePlus => match cell {
                "LUT1" | "LUT2" | "LUT3" | "LUT4" | "LUT5" | "LUT6" | "INV" => Kind::Logic,
                "FDRE" | "FDSE" | "FDCE" | "FDPE" => Kind::Register,
                "DSP48E2" => Kind::Multiplier,
                "CARRY4" | "CARRY8" => Kind::Carry,
                _ if cell.starts_with("RAMB18") => Kind::BlockRam(1),
                _ if cell.starts_with("RAMB36") => Kind::BlockRam(2),
                _ if cell.starts_with("RAM") => Kind::DistributedRam,
                _ => Kind::Other,
            },
            Self::Gates => match cell {
                "$mem_v2" => Kind::BlockRam(1),
                _ if cell.contains("DFF") => Kind::Register,
                _ if cell.starts_with("$_") => Kind::Logic,
                _ => Kind::Other,
            },
        }
    }

    /// Yosys's commands. `flat`: as one module.
    fn commands(self, top: &str, flat: bool) -> String {
        let keep = if flat { "" } else { "-noflatten " };
        let flatten = if flat { "-flatten " } else { "" };
        match self {
            Self::Ecp5 => format!("synth_ecp5 {keep}-top {top}\n"),
            Self::Ice40 => format!("synth_ice40 {keep}-dsp -top {top}\n"),
            // The block stands by itself: no pads, no clock buffer.
            Self::UltraScalePlus => format!("synth_xilinx -family xcup {flatten}-noiopad -noclkbuf -top {top}\n"),
            Self::Gates => format!(
                "synth {flatten}-top {top} -run begin:fine\n\
                 opt -fast -full\n\
                 select t:$mem_v2 r:SIZE<=64 %i\n\
                 memory_map\n\
                 select -clear\n\
                 opt -undriven -fine\n\
                 techmap\n\
                 opt -fast\n\
                 abc -g gates\n\
                 opt -fast\n\
                 clean\n"
            ),
        }
    }

    /// Selects what a path from register to register goes through.
    const fn logic(self) -> &'static str {
        match self {
            Self::Ecp5 => "t:LUT4 t:CCU2C t:PFUMX t:L6MUX21",
            Self::Ice40 => "t:SB_LUT4 t:SB_CARRY",
            Self::UltraScalePlus => "t:LUT1 t:LUT2 t:LUT3 t:LUT4 t:LUT5 t:LUT6 t:INV t:CARRY* t:MUXF*",
            Self::Gates => "t:$_* t:$_*DFF* %d t:$_DLATCH* %d",
        }
    }
}

/// Cells after mapping, over all instances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// LUTs; gates, where there are none.
    pub lut: u64,
    /// Flip-flops.
    pub ff: u64,
    /// Block RAMs of the smallest size that the technology has.
    pub block_ram: u64,
    /// Cells of RAM made from LUTs.
    pub distributed_ram: u64,
    /// Cells of carry chains.
    pub carry: u64,
    /// Multipliers.
    pub multiplier: u64,
    /// Every cell by type.
    pub cells: BTreeMap<String, u64>,
}

impl Area {
    fn new(technology: Technology, cells: Cells) -> Self {
        let mut area = Self::default();
        for (cell, count) in &cells {
            match technology.kind(cell) {
                Kind::Logic => area.lut += count,
                Kind::Register => area.ff += count,
                Kind::BlockRam(each) => area.block_ram += each * count,
                Kind::DistributedRam => area.distributed_ram += count,
                Kind::Multiplier => area.multiplier += count,
                Kind::Carry => area.carry += count,
                Kind::Other => {}
            }
        }
        Self { cells, ..area }
    }

    /// The counts in the order of [`Technology::units`].
    #[must_use]
    pub const fn counts(&self) -> [u64; 6] {
        [self.lut, self.ff, self.block_ram, self.distributed_ram, self.carry, self.multiplier]
    }
}

/// A module of a design, mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleArea {
    /// How deep it lies below the top.
    pub depth: usize,
    /// Its name.
    pub name: String,
    /// The cells of one copy of it, its parts included.
    pub area: Area,
}

/// A mapped design. Its netlist lies in a temporary folder until this is dropped.
#[derive(Debug)]
pub struct Synthesised {
    /// What it was mapped to.
    pub technology: Technology,
    /// Cells used.
    pub area: Area,
    /// Cells on the longest way from register to register, port or memory; carry chains count cell by cell.
    pub logic_depth: u64,
    pub(crate) top: String,
    pub(crate) folder: TempDir,
}

impl Synthesised {
    /// The netlist in Yosys's JSON.
    #[must_use]
    pub fn netlist(&self) -> PathBuf {
        self.folder.path().join(NETLIST)
    }

    /// The netlist as Verilog, of cells of the technology.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn verilog(&self) -> Result<String, ToolError> {
        let path = self.folder.path().join(GATES);
        std::fs::read_to_string(&path).map_err(ToolError::file("read", path))
    }
}

impl Yosys {
    /// Maps a design and counts its cells.
    ///
    /// # Errors
    /// [`ToolError::Yosys`] or a file error.
    pub fn synthesise(&self, verilog: &str, top: &str, technology: Technology) -> Result<Synthesised, ToolError> {
        let script = format!(
            "read_verilog {DESIGN}\n\
             {}\
             tee -q -o {STATISTICS} stat -json\n\
             tee -q -o {LONGEST} ltp w:* {}\n\
             write_json {NETLIST}\n\
             write_verilog -noattr {GATES}\n",
            technology.commands(top, true),
            technology.logic(),
        );
        let (_, folder) = self.run(top, &script, &[(DESIGN, verilog)])?;
        let area = Area::new(technology, statistics(folder.path())?);
        let path = folder.path().join(LONGEST);
        let longest = std::fs::read_to_string(&path).map_err(ToolError::file("read", path))?;
        Ok(Synthesised { technology, area, logic_depth: depth(&longest)?, top: top.to_owned(), folder })
    }

    /// Maps a design module by module and counts the cells of each one, its parts included: the top first, then what it
    /// consists of, in depth. Together the modules are larger than the flat design, in which logic is shared across their borders.
    ///
    /// # Errors
    /// [`ToolError::Yosys`] or a file error.
    pub fn synthesise_modules(
        &self,
        verilog: &str,
        top: &str,
        technology: Technology,
    ) -> Result<Vec<ModuleArea>, ToolError> {
        let script = format!(
            "read_verilog {DESIGN}\n\
             {}\
             tee -q -o {STATISTICS} stat -json\n",
            technology.commands(top, false)
        );
        let (_, folder) = self.run(top, &script, &[(DESIGN, verilog)])?;
        let report = report(folder.path())?;
        let modules = report["modules"].as_object().ok_or(ToolError::Report { tool: STAT, missing: "modules" })?;
        let own: BTreeMap<&str, Cells> = modules
            .iter()
            .map(|(name, module)| (name.trim_start_matches('\\'), cells_by_type(&module["num_cells_by_type"])))
            .collect();
        let mut areas = Vec::new();
        list(top, 0, technology, &own, &mut areas);
        Ok(areas)
    }
}

/// The length that `ltp` prints. A design without logic has a path of length -1.
fn depth(log: &str) -> Result<u64, ToolError> {
    let length = log.split_once("(length=").and_then(|(_, rest)| rest.split_once(')'));
    let length: i64 = length
        .and_then(|(length, _)| length.parse().ok())
        .ok_or(ToolError::Report { tool: "Yosys (ltp)", missing: "length" })?;
    Ok(u64::try_from(length).unwrap_or(0))
}

/// Lists a module and what it consists of.
fn list(module: &str, depth: usize, technology: Technology, own: &BTreeMap<&str, Cells>, areas: &mut Vec<ModuleArea>) {
    let place = areas.len();
    areas.push(ModuleArea { depth, name: module.to_owned(), area: Area::default() });
    let mut total = Cells::new();
    for (kind, count) in own.get(module).into_iter().flatten() {
        if own.contains_key(kind.as_str()) {
            // Copies of one module have one line, and count as often as there are.
            let part = areas.len();
            list(kind, depth + 1, technology, own, areas);
            for (kind, cells) in &areas[part].area.cells {
                *total.entry(kind.clone()).or_default() += count * cells;
            }
        } else {
            *total.entry(kind.clone()).or_default() += count;
        }
    }
    areas[place].area = Area::new(technology, total);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A panic is how a test fails.
    use super::*;

    #[test]
    fn cells_count_as_what_they_are() {
        let cells = [("RAMB36E2", 2), ("RAMB18E2", 1), ("RAM32M16", 3), ("LUT6", 5), ("INV", 1), ("MUXF7", 4)];
        let cells = cells.map(|(name, count)| (name.to_owned(), count)).into_iter().collect();
        assert_eq!(Area::new(Technology::UltraScalePlus, cells).counts(), [6, 0, 5, 3, 0, 0]);
    }

    #[test]
    fn the_depth_is_read_from_the_log() {
        assert_eq!(depth("Longest topological path in x (length=15):\n").unwrap(), 15);
        assert_eq!(depth("Longest topological path in x (length=-1):\n").unwrap(), 0);
        assert!(depth("nothing").is_err());
    }
}
