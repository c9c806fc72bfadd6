//! Running a plan on the golden model: no clocks.

use std::time::Instant;

use nitro_model::{Model, Verdict};
use nitro_vpc::Vpc;

use crate::plan::Plan;
use crate::report::{Fate, Flow, FrameVerdict, Outcome, OutputFrame, Path};
use crate::runner::skipped;

/// Runs a plan on the model. `progress` is told the number of frames disposed of.
#[must_use]
pub fn run(vpc: &Vpc, plan: &Plan, progress: &mut dyn FnMut(usize)) -> Outcome {
    let started = Instant::now();
    let mut model = Model::new(plan.whole_config());
    let mut outcome = Outcome::default();
    for (packet, offer) in plan.offers.iter().enumerate() {
        let Some(offer) = offer else {
            outcome.verdicts.push(skipped(packet));
            continue;
        };
        let result = match offer.path {
            Path::Tx => model.tx(offer.eni.unwrap_or(u8::MAX), &offer.bytes, false),
            Path::Rx | Path::Skipped => model.rx(&offer.bytes, false),
        };
        let reason = result.verdict.reason();
        let verdict = match result.verdict {
            Verdict::Forward(bytes) => {
                outcome.net.push(OutputFrame { clock: 0, eni: None, bytes });
                Fate::Forward
            }
            Verdict::Deliver { eni, frame } => {
                outcome.guest.push(OutputFrame { clock: 0, eni: Some(eni), bytes: frame });
                Fate::Deliver
            }
            Verdict::Reply { eni, frame } => {
                outcome.guest.push(OutputFrame { clock: 0, eni: Some(eni), bytes: frame });
                Fate::Reply
            }
            Verdict::Drop(_) => Fate::Drop,
        };
        outcome.verdicts.push(FrameVerdict {
            packet,
            path: offer.path,
            eni: result.eni.and_then(|eni| vpc.enis.get(usize::from(eni))).map(|eni| eni.name.clone()),
            verdict,
            reason,
            flow: Flow::None,
            clock_in: None,
            latency_clocks: None,
        });
        progress(outcome.verdicts.len());
    }
    for (bank, name, count) in model.counters().iter() {
        outcome.counters.insert(format!("{}_{name}_packets", bank.name()), count.packets);
        outcome.counters.insert(format!("{}_{name}_bytes", bank.name()), count.bytes);
    }
    outcome.elapsed = started.elapsed();
    outcome
}
