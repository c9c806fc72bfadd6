//! Rows for people.

use nitro_tools::Technology;

use super::{Report, Row};

const NAME: usize = 26;
const NUMBER: usize = 24;

/// Prints a table for each target, then the critical paths.
pub fn print(report: &Report) {
    for technology in Technology::ALL {
        let rows: Vec<&Row> = report.rows.iter().filter(|row| row.target == technology.name()).collect();
        let Some(first) = rows.first() else { continue };
        println!("{} (`{}`)", technology.title(), first.config);
        let mut titles: Vec<&str> = technology.units().to_vec();
        titles.extend(["logic depth (cells)", "fmax (MHz)", "speed grade", "seed"]);
        let shown = |row: &Row| {
            let mut values: Vec<String> = row.cells.named().iter().map(|(_, count)| count.to_string()).collect();
            values.push(row.logic_depth.to_string());
            values.extend([
                row.fmax_mhz.map(|fmax| format!("{fmax:.1}")).unwrap_or_default(),
                row.speed_grade.map(|grade| grade.to_string()).unwrap_or_default(),
                row.seed.map(|seed| seed.to_string()).unwrap_or_default(),
            ]);
            values
        };
        if let [row] = rows[..] {
            println!("  {}", row.block);
            for (title, value) in titles.iter().zip(shown(row)).filter(|(_, value)| !value.is_empty()) {
                println!("  {title:<NUMBER$} {value:>8}");
            }
            continue;
        }
        // Columns that nothing stands in are left out.
        let values: Vec<Vec<String>> = rows.iter().map(|row| shown(row)).collect();
        let used = |column: usize| values.iter().any(|row| !row[column].is_empty());
        let columns: Vec<usize> = (0..titles.len()).filter(|&column| used(column)).collect();
        let line = |name: &str, cell: &dyn Fn(usize) -> String| {
            let cells: Vec<String> =
                columns.iter().map(|&column| format!(" {:>1$}", cell(column), titles[column].len())).collect();
            println!("  {name:<NAME$}{}", cells.concat());
        };
        line("", &|column| titles[column].to_owned());
        for (row, values) in rows.iter().zip(&values) {
            line(&row.block, &|column| values[column].clone());
        }
    }
    for row in report.rows.iter().filter(|row| !row.critical_path.is_empty()) {
        let (grade, seed) = (row.speed_grade.unwrap_or_default(), row.seed.unwrap_or_default());
        println!("critical path of {} (speed grade {grade}, seed {seed}):", row.block);
        row.critical_path.iter().for_each(|step| println!("  {step}"));
    }
}
