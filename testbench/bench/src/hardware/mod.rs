//! What the hardware does in how many clocks: rates, latencies, floods, tables.
//!
//! Clocks are counted, not timed, so the results are the same on every machine and with every engine. The card is programmed through
//! its registers and driven at its ports ([`rig`]), as everywhere else.

pub mod flood;
pub mod latency;
pub mod new_flows;
mod rig;
pub mod table_load;
pub mod throughput;

use nitro_card::config::Config;

use crate::BenchError;
use crate::report::Finding;

/// Name of the section.
pub const SECTION: &str = "hardware";

/// What a run leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Packets for each rate.
    pub packets: usize,
    /// Connections in the table under flood, at most.
    pub connections: u32,
    /// The table's places, as a power of two for each of its four ways: 4 to 13.
    pub table_rows_log2: usize,
}

impl Extent {
    /// Everything.
    pub const FULL: Self = Self { packets: 300, connections: u32::MAX, table_rows_log2: 13 };
    /// A look at each.
    pub const QUICK: Self = Self { packets: 60, connections: 300, table_rows_log2: 8 };
}

/// A finding of one card.
fn finding(config: Config, what: &str, quantity: &str, unit: &str, value: f64) -> Finding {
    Finding::new(SECTION, config.name(), what, quantity, unit, vec![value])
}

/// Everything about one card.
///
/// # Errors
/// If the card cannot be elaborated or programmed, or does something that makes the numbers meaningless, such as dropping a known flow's
/// packet.
pub fn measure(config: Config, extent: Extent, progress: &mut dyn FnMut(&str)) -> Result<Vec<Finding>, BenchError> {
    let name = config.name();
    progress(&format!("{name}: latencies"));
    let mut findings = latency::measure(config)?;
    progress(&format!("{name}: known flows at every size"));
    findings.extend(throughput::measure(config, extent.packets)?);
    progress(&format!("{name}: new flows at 1,000 rules"));
    findings.extend(new_flows::measure(config, extent.packets)?);
    progress(&format!("{name}: a flood"));
    findings.extend(flood::measure(config, extent.connections)?);
    Ok(findings)
}
