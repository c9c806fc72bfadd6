//! What a benchmark found, for people and for programs.

use serde::Serialize;

/// Clocks per second of one engine on one design under one workload.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Name of the configuration, or of the component.
    pub design: String,
    /// Name of the workload.
    pub workload: String,
    /// Name of the engine.
    pub engine: String,
    /// Version of a foreign engine.
    pub version: Option<String>,
    /// Compiler flags of a foreign engine.
    pub flags: Option<String>,
    /// Independent copies of the design that run at once; the speed is their sum.
    pub lanes: usize,
    /// Median over the rounds.
    pub clocks_per_second: f64,
    /// Against the median of the fastest Verilator, if one ran.
    pub ratio_to_verilator: Option<f64>,
    /// Clocks per second in each round.
    pub rounds: Vec<f64>,
    /// Clocks timed in a round, summed over the lanes.
    pub clocks: u64,
    /// Hash over all outputs in every clock (of lane 0), hexadecimal.
    pub output_hash: String,
}

/// One quantity that a benchmark other than that of the steady state measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The benchmark: `cold-start`, `scale`, `vcd`, `lanes`.
    pub section: String,
    /// Name of the design.
    pub design: String,
    /// The engine, or the tool.
    pub engine: String,
    /// What was measured, such as `build` or `clocks per second`.
    pub quantity: String,
    /// Its unit: `s`, `clocks/s`, `bytes`, `nodes`, `1` for a ratio.
    pub unit: String,
    /// Median over the rounds.
    pub value: f64,
    /// Each round.
    pub rounds: Vec<f64>,
    /// What a reader should know of it.
    pub note: Option<String>,
}

impl Finding {
    /// The median of what each round gave.
    #[must_use]
    pub fn new(section: &str, design: &str, engine: &str, quantity: &str, unit: &str, rounds: Vec<f64>) -> Self {
        Self {
            section: section.to_owned(),
            design: design.to_owned(),
            engine: engine.to_owned(),
            quantity: quantity.trim_end().to_owned(),
            unit: unit.to_owned(),
            value: median(&rounds),
            rounds,
            note: None,
        }
    }

    /// The same with something that a reader should know.
    #[must_use]
    pub fn note(self, note: &str) -> Self {
        Self { note: Some(note.to_owned()), ..self }
    }
}

/// Everything that a run of the benchmarks found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// What speeds are measured against: `wall` or `thread` (time on the processor).
    pub time: &'static str,
    /// The steady state: one row a design, workload and engine.
    pub rows: Vec<Row>,
    /// The other benchmarks.
    pub findings: Vec<Finding>,
}

/// The median; of an even number of values the mean of the middle two, of none 0.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => 0.0,
        (length, middle) if length % 2 == 1 => sorted[middle],
        (_, middle) => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
    }
}
