//! A flood of SYNs, each of another flow, until the connection table is full and beyond, with established flows beside it: what these lose,
//! and how much later their packets leave.

use std::collections::{BTreeMap, HashMap, VecDeque};

use nitro_card::config::Config;
use nitro_wire::DropReason;

use super::finding;
use super::rig::{self, REST, Rig};
use crate::BenchError;
use crate::report::Finding;

/// Established flows, which send in turns.
const KNOWN: u16 = 8;
/// Their destination port, and the first of their source ports.
const KNOWN_PORT: u16 = 9000;
/// The lowest port of the flood, in both places.
const FLOOD_PORT: u32 = 10_000;
/// Ports of the flood in each place.
const FLOOD_PORTS: u32 = 50_000;
/// Clocks of flood at the full table.
const FULL_CLOCKS: u64 = 20_000;
/// Where an inner source port lies in a packet for the underlay: IPv4, UDP, Geneve with a token, Ethernet, IPv4.
const SOURCE_PORT: usize = 14 + 20 + 8 + 8 + 20 + 14 + 20;

/// Why a connection cannot be made.
const FULL: [DropReason; 2] = [DropReason::ConntrackFull, DropReason::ConntrackAllowanceExceeded];

/// How frames follow each other.
#[derive(Clone, Copy)]
struct Pace {
    /// Clocks from one frame to the next.
    slot: u64,
    /// One frame in so many belongs to an established flow.
    known: u64,
}

/// A phase of the flood as it went.
#[derive(Default)]
struct Phase {
    clocks: u64,
    /// Of established flows.
    sent: u64,
    /// Clocks from the queue to the last beat out, of each such packet.
    delays: Vec<u64>,
}

struct Flood {
    rig: Rig,
    number: u32,
    known: u16,
    /// When packets of established flows were due, by their source port.
    due: HashMap<u16, VecDeque<u64>>,
    /// Packets by the reason of their drop, 0 for those that passed.
    outcomes: BTreeMap<u64, u64>,
}

impl Flood {
    fn new(config: Config, connections: u32) -> Result<Self, BenchError> {
        let policy = nitro_wire::policy::EniPolicy { max_connections: connections, ..rig::policy(Vec::new()) };
        let mut rig = Rig::new(config, policy)?;
        for flow in 0..KNOWN {
            rig.push(0, &rig::datagram(60, KNOWN_PORT + flow, KNOWN_PORT))?;
        }
        rig.run(REST)?;
        rig.forget();
        Ok(Self { rig, number: 0, known: 0, due: HashMap::new(), outcomes: BTreeMap::new() })
    }

    fn dropped(&self, reason: DropReason) -> u64 {
        self.outcomes.get(&reason.code().into()).copied().unwrap_or(0)
    }

    /// The table, or what the guest may have of it, is full.
    fn is_full(&self) -> bool {
        FULL.iter().any(|reason| self.dropped(*reason) > 0)
    }

    /// So many clocks, with the flood or without.
    fn run(&mut self, pace: Pace, clocks: u64, flooded: bool) -> Result<Phase, BenchError> {
        let mut phase = Phase { clocks, ..Phase::default() };
        for clock in 0..clocks {
            let now = self.rig.now;
            if clock % pace.slot == 0 {
                if (clock / pace.slot).is_multiple_of(pace.known) {
                    let port = KNOWN_PORT + self.known;
                    self.known = (self.known + 1) % KNOWN;
                    self.rig.push(0, &rig::datagram(60, port, KNOWN_PORT))?;
                    self.due.entry(port).or_default().push_back(now);
                    phase.sent += 1;
                } else if flooded {
                    let port = |number: u32| u16::try_from(FLOOD_PORT + number % FLOOD_PORTS).unwrap_or(u16::MAX);
                    self.rig.push(0, &rig::syn(port(self.number), port(self.number / FLOOD_PORTS)))?;
                    self.number += 1;
                }
            }
            self.rig.clock()?;
            self.take(&mut phase)?;
        }
        Ok(phase)
    }

    fn take(&mut self, phase: &mut Phase) -> Result<(), BenchError> {
        while let Some((clock, packet)) = self.rig.sinks[0].pop()? {
            let Some([high, low]) = packet.bytes.get(SOURCE_PORT..SOURCE_PORT + 2) else { continue };
            let sent = self.due.get_mut(&u16::from_be_bytes([*high, *low])).and_then(VecDeque::pop_front);
            phase.delays.extend(sent.map(|sent| clock - sent));
        }
        while let Some((_, item)) = self.rig.events[0].pop() {
            *self.outcomes.entry(item[1][0]).or_default() += 1;
        }
        Ok(())
    }

    /// Lets everything leave; what established flows still miss is lost.
    fn rest(&mut self, phase: &mut Phase) -> Result<u64, BenchError> {
        while self.rig.sources[0].stream.waiting() > 0 {
            self.rig.clock()?;
            self.take(phase)?;
        }
        for _ in 0..REST {
            self.rig.clock()?;
            self.take(phase)?;
        }
        Ok(self.due.drain().map(|(_, due)| due.len() as u64).sum())
    }
}

/// The value below which so many in a thousand of them lie.
fn quantile(sorted: &[u64], thousandths: usize) -> u64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((thousandths * last + 500) / 1000).copied().unwrap_or(0)
}

/// Floods a card whose guest may have so many connections.
///
/// # Errors
/// If the card cannot be run, or its table does not fill.
pub fn measure(config: Config, connections: u32) -> Result<Vec<Finding>, BenchError> {
    let dimensions = config.dimensions();
    let places = (1_u64 << dimensions.connections_log2).min(connections.into());
    let beats = 60_usize.div_ceil(dimensions.beat_bytes()) as u64;
    // While the table fills, SYNs leave too, more than twice as long: as many frames are offered as the output takes.
    let filling = if beats == 1 { Pace { slot: 1, known: 8 } } else { Pace { slot: 3 * beats, known: 4 } };
    let full = Pace { slot: beats, known: 8 };
    let mut findings = Vec::new();
    let what = "SYN flood";
    let mut find = |quantity: &str, unit: &str, value: f64| findings.push(finding(config, what, quantity, unit, value));

    let mut flood = Flood::new(config, connections)?;
    let mut alone = Vec::new();
    // As the established flows have it without a flood.
    for pace in [filling, full] {
        let mut phase = flood.run(pace, FULL_CLOCKS / 4, false)?;
        flood.rest(&mut phase)?;
        alone.push(phase.delays);
    }
    // Before the first connection of a tick is refused, the whole table is looked over for what has ended.
    let patience = 1_000 * places + (64 << dimensions.connections_log2);
    let mut fill = Phase::default();
    while !flood.is_full() {
        let more = flood.run(filling, 64 * filling.slot, true)?;
        fill.clocks += more.clocks;
        fill.sent += more.sent;
        fill.delays.extend(more.delays);
        if fill.clocks > patience {
            return Err(BenchError::Traffic(format!("the table is not full after {} clocks", fill.clocks)));
        }
    }
    let lost = flood.rest(&mut fill)?;
    let made = places - u64::from(KNOWN);
    find("clocks until the table is full", "clocks", fill.clocks as f64);
    find("clocks for each connection made", "clocks", fill.clocks as f64 / made as f64);
    let mut beyond = flood.run(full, FULL_CLOCKS, true)?;
    let lost_beyond = flood.rest(&mut beyond)?;
    find("SYNs offered", "packets", f64::from(flood.number));
    for reason in FULL.into_iter().chain([DropReason::NewFlowQueueFull]) {
        find(&format!("SYNs dropped, {}", reason.name()), "packets", flood.dropped(reason) as f64);
    }

    let phases = [("filling", fill, lost), ("full", beyond, lost_beyond)];
    for (mut alone, (name, mut phase, lost)) in alone.into_iter().zip(phases) {
        alone.sort_unstable();
        phase.delays.sort_unstable();
        let base = quantile(&alone, 500);
        find(&format!("{name}: packets of known flows"), "packets", phase.sent as f64);
        find(&format!("{name}: of these lost"), "packets", lost as f64);
        for (quantile_name, part) in [("least", 0), ("median", 500), ("99 %", 990), ("99.9 %", 999), ("most", 1000)] {
            let added = quantile(&phase.delays, part) as f64 - base as f64;
            find(&format!("{name}: added latency, {quantile_name}"), "clocks", added);
        }
    }
    Ok(findings)
}
