//! Packets that each begin a flow, at 1,000 rules: clocks a decision.

use nitro_card::config::{Config, Dimensions};
use nitro_simulator::random::Random;
use nitro_wire::policy::MAX_SECURITY_RULES;

use super::finding;
use super::rig::{self, REST, Rig};
use crate::BenchError;
use crate::report::Finding;

/// Packets without a verdict, at most: less than the waiting room holds in any configuration.
const UNDER_WAY: usize = 24;

/// Clocks a decision when each packet is admitted by the rule of the number that `rule` gives.
fn rate(rig: &mut Rig, packets: usize, mut rule: impl FnMut() -> usize) -> Result<f64, BenchError> {
    rig.run(REST)?;
    rig.forget();
    let (mut sent, mut events) = (0, Vec::new());
    while events.len() < packets {
        if sent < packets && sent - events.len() < UNDER_WAY {
            // New for the card, as it never was in a run before.
            let (source, number) = (10_000 + sent, rule());
            let port = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
            rig.push(0, &rig::datagram(60, port(source), port(1 + number)))?;
            sent += 1;
        }
        rig.clock()?;
        events.extend(std::iter::from_fn(|| rig.events[0].pop()).map(|(clock, _)| clock));
    }
    // The first ones fill the room.
    let steady = &events[packets / 4..];
    let span = steady.last().zip(steady.first()).map_or(0, |(last, first)| last - first);
    Ok(span as f64 / (steady.len() - 1) as f64)
}

/// Best, random and worst case, and packets that no rule admits.
///
/// # Errors
/// If the card cannot be run.
pub fn measure(config: Config, packets: usize) -> Result<Vec<Finding>, BenchError> {
    // The smallest card has no room for so many.
    let Dimensions { rules_per_row_log2, rule_rows_log2, .. } = config.dimensions();
    let count = MAX_SECURITY_RULES.min(1 << (rules_per_row_log2 + rule_rows_log2 - 1));
    let rules: Vec<_> = (1..).take(count).map(rig::port_rule).collect();
    let title = format!("new flows, {count} rules");
    let mut findings = Vec::new();
    let mut random = Random::new(1);
    let mut run = |what: &str, rule: &mut dyn FnMut() -> usize| {
        let mut rig = Rig::new(config, rig::policy(rules.clone()))?;
        let clocks = rate(&mut rig, packets.max(8), rule)?;
        findings.push(finding(config, &title, what, "clocks/decision", clocks));
        Ok::<(), BenchError>(())
    };
    run("first rule matches", &mut || 0)?;
    run("a random rule matches", &mut || random.below(count))?;
    run("last rule matches", &mut || count - 1)?;
    run("no rule matches", &mut || count)?;
    Ok(findings)
}
