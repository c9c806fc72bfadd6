//! Packets of known flows back to back, at every size: clocks a packet, and how busy the busier of the path's two ports is: outer headers make
//! that the output on tx and the input on rx.

use nitro_card::config::Config;

use super::finding;
use super::rig::{self, REST, Rig};
use crate::BenchError;
use crate::report::Finding;

/// Lengths of frames without check sequence: the shortest, around the borders of beats and cells, the longest of Ethernet and of a VPC.
const SIZES: [usize; 12] = [60, 64, 65, 128, 129, 192, 256, 512, 1024, 1514, 4000, 9015];
/// Clocks in which all leaves that the card's memory holds, 2^12 beats at most and outer headers with them.
const DRAIN: u64 = 8_000;
/// Flows that take turns.
const FLOWS: u16 = 8;

/// Clocks from the end of one packet at the output to that of the next, and the part of them with a beat at the busier port.
fn rate(rig: &mut Rig, beat_bytes: usize, path: usize, bytes: usize, packets: usize) -> Result<(f64, f64), BenchError> {
    rig.run(REST)?;
    rig.forget();
    let count = u16::try_from(packets).unwrap_or(u16::MAX);
    for number in 0..count {
        let port = 1000 + number % FLOWS;
        let frame = if path == 0 { rig::datagram(bytes, port, 2000) } else { rig::answer(bytes, 2000, port) };
        rig.push(path, &frame)?;
    }
    let offered = rig.sources[path].stream.waiting();
    while rig.sources[path].stream.waiting() > 0 {
        rig.clock()?;
    }
    rig.run(DRAIN + REST)?;
    rig.passed(path)?;
    let mut ends = Vec::new();
    let mut left = 0;
    while let Some((clock, packet)) = rig.sinks[path].pop()? {
        left += packet.bytes.len().div_ceil(beat_bytes);
        ends.push(clock);
    }
    if ends.len() != usize::from(count) {
        return Err(BenchError::Traffic(format!("{count} packets entered, {} left", ends.len())));
    }
    let span = ends.last().zip(ends.first()).map_or(0, |(last, first)| last - first) as f64;
    let clocks = span / f64::from(count - 1);
    let beats = offered.max(left) as f64 / f64::from(count);
    Ok((clocks, beats / clocks))
}

/// Both paths, each by itself, at every size.
///
/// # Errors
/// If the card cannot be run, or drops a packet.
pub fn measure(config: Config, packets: usize) -> Result<Vec<Finding>, BenchError> {
    let mut rig = Rig::new(config, rig::policy(Vec::new()))?;
    for port in 0..FLOWS {
        rig.push(0, &rig::datagram(60, 1000 + port, 2000))?;
    }
    rig.run(REST)?;
    let beat_bytes = config.dimensions().beat_bytes();
    let mut findings = Vec::new();
    for (path, name) in ["tx", "rx"].into_iter().enumerate() {
        for bytes in SIZES {
            let (clocks, busy) = rate(&mut rig, beat_bytes, path, bytes, packets.max(2))?;
            let quantity = format!("{name}, {bytes} bytes");
            let note = format!("{} busy in {:.1} % of the clocks", ["output", "input"][path], 100.0 * busy);
            findings.push(finding(config, "known flows", &quantity, "clocks/packet", clocks).note(&note));
        }
    }
    Ok(findings)
}
