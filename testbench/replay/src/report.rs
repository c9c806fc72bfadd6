//! What a replay found out: one verdict a frame, the card's output, its counters, and the closing table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use nitro_wire::control::Eni;
use nitro_wire::counters::EniCounter;
use nitro_wire::{DropReason, Flow};
use serde::Serialize;

use crate::plan::Plan;

/// The way of a frame through the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Path {
    /// From a guest, to the underlay or another guest.
    Tx,
    /// From the underlay to a guest.
    Rx,
    /// Not for this card.
    Skipped,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Sent to the underlay.
    Forward,
    /// Given to a guest.
    Deliver,
    /// Answered by the card.
    Reply,
    /// Dropped.
    Drop,
    /// Never offered.
    Skipped,
}

/// One line of `verdicts.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FrameVerdict {
    /// Index of the frame in the capture, from 0.
    pub packet: usize,
    /// Its path.
    pub path: Path,
    /// Name of the ENI concerned.
    pub eni: Option<String>,
    /// What became of it; of a frame from one guest of the card to another in the end.
    pub verdict: Fate,
    /// Why it was dropped.
    pub reason: Option<DropReason>,
    /// What connection tracking found on the path.
    pub flow: Flow,
    /// Clock in which its first beat was taken; none without clocks.
    pub clock_in: Option<u64>,
    /// Clocks from there to the first beat out, or to the verdict of a drop.
    pub latency_clocks: Option<u64>,
}

/// A frame that left the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFrame {
    /// Clock of its first beat; 0 without clocks.
    pub clock: u64,
    /// The ENI, at the guest side.
    pub eni: Option<u8>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Everything that a replay yields.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// One a frame of the capture.
    pub verdicts: Vec<FrameVerdict>,
    /// What left towards the underlay.
    pub net: Vec<OutputFrame>,
    /// What left towards guests.
    pub guest: Vec<OutputFrame>,
    /// Every counter by name.
    pub counters: BTreeMap<String, u64>,
    /// Clocks from the first in which a packet could enter to the last event; none without clocks.
    pub clocks: Option<u64>,
    /// Clocks that were simulated in all, programming included.
    pub simulated_clocks: u64,
    /// Time that the simulation took.
    pub elapsed: Duration,
}

/// The closing table, also as `--json`.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Name of the configuration.
    pub config: String,
    /// Name of the engine.
    pub engine: String,
    /// Frames in the capture.
    pub packets: usize,
    /// Offered from guests.
    pub tx: usize,
    /// Offered from the underlay.
    pub rx: usize,
    /// Not offered.
    pub skipped: usize,
    /// Sent to the underlay.
    pub forwarded: usize,
    /// Given to guests.
    pub delivered: usize,
    /// Answered by the card.
    pub replied: usize,
    /// Dropped.
    pub dropped: usize,
    /// Dropped, by reason.
    pub drops: BTreeMap<&'static str, usize>,
    /// Clocks of the traffic.
    pub clocks: Option<u64>,
    /// Clocks a packet offered.
    pub clocks_per_packet: Option<f64>,
    /// Smallest and largest latency in clocks of forwarded frames.
    pub forward_latency_clocks: Option<(u64, u64)>,
    /// Smallest and largest latency in clocks of frames delivered from the underlay.
    pub deliver_latency_clocks: Option<(u64, u64)>,
    /// Smallest and largest latency in clocks of frames delivered from another guest of the card.
    pub local_latency_clocks: Option<(u64, u64)>,
    /// Smallest and largest latency in clocks of replies.
    pub reply_latency_clocks: Option<(u64, u64)>,
    /// Simulated packets in a second of real time.
    pub packets_per_second: f64,
    /// Simulated clocks in a second of real time, programming included.
    pub clocks_per_second: Option<f64>,
}

/// Every counter of every interface.
pub(crate) fn eni_counters(plan: &Plan) -> impl Iterator<Item = (&Eni, EniCounter)> {
    plan.config.enis.iter().flat_map(|eni| EniCounter::ALL.map(|counter| (eni, counter)))
}

/// Name of an interface's counter in `counters.json`.
pub(crate) fn eni_counter_name(eni: &str, counter: EniCounter) -> String {
    format!("eni_{eni}_{}", counter.name())
}

impl Outcome {
    /// Sums it up.
    #[must_use]
    pub fn summary(&self, config: &str, engine: &str) -> Summary {
        let count = |fate| self.verdicts.iter().filter(|verdict| verdict.verdict == fate).count();
        let on = |path| self.verdicts.iter().filter(|verdict| verdict.path == path).count();
        let latency = |path, fate| {
            let latencies = || {
                self.verdicts
                    .iter()
                    .filter(move |verdict| verdict.verdict == fate && verdict.path == path)
                    .filter_map(|verdict| verdict.latency_clocks)
            };
            latencies().min().zip(latencies().max())
        };
        let mut drops = BTreeMap::new();
        for reason in self.verdicts.iter().filter_map(|verdict| verdict.reason) {
            *drops.entry(reason.name()).or_insert(0) += 1;
        }
        let offered = self.verdicts.len() - on(Path::Skipped);
        let seconds = self.elapsed.as_secs_f64().max(1e-9);
        Summary {
            config: config.to_owned(),
            engine: engine.to_owned(),
            packets: self.verdicts.len(),
            tx: on(Path::Tx),
            rx: on(Path::Rx),
            skipped: on(Path::Skipped),
            forwarded: count(Fate::Forward),
            delivered: count(Fate::Deliver),
            replied: count(Fate::Reply),
            dropped: count(Fate::Drop),
            drops,
            clocks: self.clocks,
            clocks_per_packet: self.clocks.filter(|_| offered > 0).map(|clocks| clocks as f64 / offered as f64),
            forward_latency_clocks: latency(Path::Tx, Fate::Forward),
            deliver_latency_clocks: latency(Path::Rx, Fate::Deliver),
            local_latency_clocks: latency(Path::Tx, Fate::Deliver),
            reply_latency_clocks: latency(Path::Tx, Fate::Reply),
            packets_per_second: offered as f64 / seconds,
            clocks_per_second: self.clocks.map(|_| self.simulated_clocks as f64 / seconds),
        }
    }
}

impl Summary {
    /// The table for people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = String::new();
        let mut row = |name: &str, value: String| {
            let _ = writeln!(table, "  {name:<34} {value:>14}");
        };
        let range = |range: (u64, u64)| {
            if range.0 == range.1 { range.0.to_string() } else { format!("{}..{}", range.0, range.1) }
        };
        row("packets in the capture", self.packets.to_string());
        row("  offered from guests (tx)", self.tx.to_string());
        row("  offered from the underlay (rx)", self.rx.to_string());
        row("  skipped", self.skipped.to_string());
        row("forwarded to the underlay", self.forwarded.to_string());
        row("delivered to guests", self.delivered.to_string());
        row("replied by the card", self.replied.to_string());
        row("dropped", self.dropped.to_string());
        for (reason, count) in &self.drops {
            row(&format!("  {reason}"), count.to_string());
        }
        if let (Some(clocks), Some(rate)) = (self.clocks, self.clocks_per_second) {
            row("clocks", clocks.to_string());
            row("clocks per packet", self.clocks_per_packet.map_or("-".into(), |value| format!("{value:.1}")));
            for (name, latency) in [
                ("latency, forwarded (clocks)", self.forward_latency_clocks),
                ("latency, delivered (clocks)", self.deliver_latency_clocks),
                ("latency, guest to guest (clocks)", self.local_latency_clocks),
                ("latency, replied (clocks)", self.reply_latency_clocks),
            ] {
                if let Some(latency) = latency {
                    row(name, range(latency));
                }
            }
            row("simulated clocks per second", format!("{rate:.0}"));
        }
        row("simulated packets per second", format!("{:.0}", self.packets_per_second));
        table
    }
}
