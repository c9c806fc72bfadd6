//! Clocks from a frame's first beat to the first beat of what comes of it, in an idle card.

use nitro_card::config::Config;

use super::finding;
use super::rig::{self, REST, Rig};
use crate::BenchError;
use crate::report::Finding;

/// Clocks between a beat in and the first beat out of a side.
fn first_beat(rig: &mut Rig, path: usize, side: usize, frame: &[u8]) -> Result<u64, BenchError> {
    rig.run(REST)?;
    rig.forget();
    // The card is at rest, so the first beat is taken at once.
    let offered = rig.now;
    rig.push(path, frame)?;
    rig.run(REST)?;
    let first = rig.sinks[side].stream.pop();
    let (clock, _) = first.ok_or_else(|| BenchError::Traffic("a frame has no answer".into()))?;
    Ok(clock - offered)
}

/// ARP, and packets of known flows in both directions.
///
/// # Errors
/// If the card cannot be run, or something has no answer.
pub fn measure(config: Config) -> Result<Vec<Finding>, BenchError> {
    let mut rig = Rig::new(config, rig::policy(Vec::new()))?;
    // Both paths know the flow.
    rig.push(0, &rig::datagram(60, 1000, 2000))?;
    rig.run(REST)?;
    let mut findings = Vec::new();
    let cases = [
        ("ARP answer", 0, 1, rig::arp_request()),
        ("tx, known flow, 60 bytes", 0, 0, rig::datagram(60, 1000, 2000)),
        ("tx, known flow, 1,514 bytes", 0, 0, rig::datagram(1514, 1000, 2000)),
        ("tx, new flow, 60 bytes", 0, 0, rig::datagram(60, 1001, 2000)),
        ("rx, known flow, 60 bytes", 1, 1, rig::answer(60, 2000, 1000)),
        ("rx, known flow, 1,514 bytes", 1, 1, rig::answer(1514, 2000, 1000)),
        ("rx, new flow, 60 bytes", 1, 1, rig::answer(60, 2000, 1002)),
    ];
    for (what, path, side, frame) in cases {
        let clocks = first_beat(&mut rig, path, side, &frame)?;
        findings.push(finding(config, "latency", what, "clocks", clocks as f64));
    }
    Ok(findings)
}
