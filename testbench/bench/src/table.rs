//! Results as a table for people.

use std::fmt::Write;

use crate::report::{Finding, Report, Row};

/// A speed in three digits: `1.23 M`, `45.6 k`, `789`.
#[must_use]
pub fn speed(clocks_per_second: f64) -> String {
    let (value, unit) = match clocks_per_second {
        value if value >= 1e6 => (value / 1e6, " M"),
        value if value >= 1e3 => (value / 1e3, " k"),
        value => (value, "  "),
    };
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}{unit}")
}

fn engine(row: &Row) -> String {
    let lanes = if row.lanes > 1 { format!(", {} lanes", row.lanes) } else { String::new() };
    match (&row.version, &row.flags) {
        (Some(version), Some(flags)) => {
            // The level alone tells the builds apart; the rest stands below the table.
            let level = flags.split(' ').rfind(|flag| flag.starts_with("-O")).unwrap_or_default();
            format!("{} {version} {level}{lanes}", row.engine)
        }
        _ => format!("{}{lanes}", row.engine),
    }
}

/// The rows of one design under one workload, a line each, below its title.
#[must_use]
pub fn section(rows: &[Row]) -> String {
    let mut text = String::new();
    let Some(first) = rows.first() else { return text };
    // Writing into a string cannot fail.
    let _ = writeln!(
        text,
        "{} under {}\n  {:<28} {:>10}  {:>19}  {:>11}",
        first.design, first.workload, "engine", "clocks/s", "slowest .. fastest", "÷ Verilator"
    );
    for row in rows {
        let least = row.rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = row.rounds.iter().copied().fold(0.0, f64::max);
        let ratio = row.ratio_to_verilator.map(|ratio| format!("{ratio:.3}")).unwrap_or_default();
        let _ = writeln!(
            text,
            "  {:<28} {:>10}  {:>8} .. {:>7}  {ratio:>11}",
            engine(row),
            speed(row.clocks_per_second),
            speed(least),
            speed(most)
        );
    }
    text
}

/// How the numbers came about, to stand below the tables.
#[must_use]
pub fn legend(report: &Report) -> String {
    let mut text = String::new();
    let mut flags: Vec<&str> = report.rows.iter().filter_map(|row| row.flags.as_deref()).collect();
    flags.sort_unstable();
    flags.dedup();
    for flags in flags {
        let _ = writeln!(text, "verilator: {flags}");
    }
    let rounds = report.rows.iter().map(|row| row.rounds.len()).max().unwrap_or(0);
    let _ = writeln!(
        text,
        "medians of {rounds} interleaved rounds against {} time; one thread; the same stimulus for all engines of a table, \
         all outputs hashed every clock, all hashes equal",
        report.time
    );
    text
}

/// Findings, a line each.
#[must_use]
pub fn findings(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let value = match finding.unit.as_str() {
            "clocks/s" => speed(finding.value),
            "s" if finding.value < 1.0 => format!("{:.1} ms", finding.value * 1e3),
            "s" => format!("{:.2} s", finding.value),
            "bytes" => format!("{:.1} MB", finding.value / 1e6),
            "1" => format!("{:.3}", finding.value),
            // Counted, and possibly a mean.
            unit if unit.starts_with("clocks") => format!("{:.2} {unit}", finding.value),
            unit => format!("{:.0} {unit}", finding.value),
        };
        let note = finding.note.as_deref().map(|note| format!("  ({note})")).unwrap_or_default();
        let _ = writeln!(
            text,
            "  {:<12} {:<22} {:<24} {:<34} {value:>12}{note}",
            finding.section, finding.design, finding.engine, finding.quantity
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_have_three_digits() {
        assert_eq!(speed(1_234_567.0), "1.23 M");
        assert_eq!(speed(45_600.0), "45.6 k");
        assert_eq!(speed(789.0), "789  ");
        assert_eq!(speed(1.0), "1.00  ");
    }
}
