//! The recorded numbers, and how far a block may be from them.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Report, Row};
use crate::failure::Failure;

/// Cells that a count may differ by, whatever the percentage: a few of the smallest blocks are a large part of them.
const SLACK: u64 = 8;

/// Rows by configuration, block and target.
#[derive(Debug)]
pub struct Baseline {
    rows: BTreeMap<(String, String, String), Row>,
}

fn key(row: &Row) -> (String, String, String) {
    (row.config.clone(), row.block.clone(), row.target.clone())
}

impl Baseline {
    /// Reads a file that `nitro synth --json` wrote.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let named = |error: &dyn std::fmt::Display| Failure::input(format!("{}: {error}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| named(&error))?;
        let report: Report = serde_json::from_str(&text).map_err(|error| named(&error))?;
        Ok(Self { rows: report.rows.into_iter().map(|row| (key(&row), row)).collect() })
    }

    /// Every row that is not where it was: RAMs and multipliers by any number, others by more than so many percent and eight cells.
    pub fn compare(&self, rows: &[Row], percent: u64) -> Result<(), Failure> {
        let mut differences = Vec::new();
        for row in rows {
            let name = format!("{} of `{}` on {}", row.block, row.config, row.target);
            let Some(recorded) = self.rows.get(&key(row)) else {
                differences.push(format!("{name} is not in the baseline"));
                continue;
            };
            for ((count, now), (_, before)) in row.cells.named().into_iter().zip(recorded.cells.named()) {
                let exact = matches!(count, "block_ram" | "dsp");
                let allowed = if exact { 0 } else { SLACK.max(before * percent / 100) };
                if now.abs_diff(before) > allowed {
                    differences.push(format!("{name}: {count} {now}, in the baseline {before}"));
                }
            }
        }
        if differences.is_empty() { Ok(()) } else { Err(Failure::check(differences.join("\n"))) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test may panic")]
    use super::super::Cells;
    use super::*;

    fn row(block: &str, lut: u64, block_ram: u64) -> Row {
        Row {
            config: "edge".to_owned(),
            block: block.to_owned(),
            target: "ecp5".to_owned(),
            cells: Cells { lut, ff: 0, block_ram, distributed_ram: 0, carry: 0, dsp: 0 },
            logic_depth: 1,
            fmax_mhz: None,
            speed_grade: None,
            seed: None,
            critical_path: Vec::new(),
            tools: Vec::new(),
        }
    }

    #[test]
    fn a_block_may_be_some_cells_away_and_no_ram() {
        let recorded = row("parser", 1000, 2);
        let baseline = Baseline { rows: [(key(&recorded), recorded)].into() };
        baseline.compare(&[row("parser", 1050, 2), row("parser", 950, 2)], 5).unwrap();
        for (wrong, part) in [
            (row("parser", 1051, 2), "lut 1051, in the baseline 1000"),
            (row("parser", 949, 2), "lut 949"),
            (row("parser", 1000, 3), "block_ram 3"),
            (row("lookup", 1, 0), "lookup of `edge` on ecp5 is not in the baseline"),
        ] {
            let failure = baseline.compare(&[wrong], 5).unwrap_err().to_string();
            assert!(failure.contains(part), "{failure}");
        }
    }
}
