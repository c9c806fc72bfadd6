//! Running a plan on the golden model: no clocks.

use std::time::Instant;

use nitro_model::{Model, Reply, Service, Verdict};
use nitro_vpc::{Answer, MappingService, Vpc};
use nitro_wire::DropReason;

use crate::plan::Plan;
use crate::report::{Fate, FrameVerdict, Outcome, OutputFrame, Path, eni_counter_name, eni_counters};
use crate::runner::skipped;

/// The card that a plan is for. In mode `query` it asks the mapping service of the VPC file, in mode `drop` it holds what that
/// knows.
fn model(vpc: &Vpc, plan: &Plan, connections: usize) -> Model {
    if !plan.config.query_on_miss {
        return Model::with_capacity(plan.whole_config(), connections);
    }
    let (service, card) = (MappingService::new(vpc), vpc.card.underlay_ip);
    let service = Service::new(move |query| match service.answer(card, query.vni, query.ip) {
        Answer::Found(mapping) => Reply::Found(Box::new(mapping)),
        Answer::Negative => Reply::Negative,
    });
    Model::with_capacity(plan.config.clone(), connections).with_service(service)
}

/// What became of a frame, and the reason if it was dropped. Frames that leave the card go to `outcome`.
fn dispose(verdict: Verdict, outcome: &mut Outcome) -> (Fate, Option<DropReason>) {
    let reason = verdict.reason();
    let mut to_guest = |eni, frame| outcome.guest.push(OutputFrame { clock: 0, eni: Some(eni), bytes: frame });
    let fate = match verdict {
        Verdict::Forward(bytes) => {
            outcome.net.push(OutputFrame { clock: 0, eni: None, bytes });
            Fate::Forward
        }
        Verdict::Deliver { eni, frame } => {
            to_guest(eni, frame);
            Fate::Deliver
        }
        Verdict::Reply { eni, frame } => {
            to_guest(eni, frame);
            Fate::Reply
        }
        Verdict::Bounce { eni, frame, .. } => {
            to_guest(eni, frame);
            Fate::Drop
        }
        Verdict::Local | Verdict::Drop(_) => Fate::Drop,
    };
    (fate, reason)
}

/// Runs a plan on the model of a card that tracks so many connections. `progress` is told the number of frames disposed of.
#[must_use]
pub fn run(vpc: &Vpc, plan: &Plan, connections: usize, progress: &mut dyn FnMut(usize)) -> Outcome {
    let started = Instant::now();
    let mut model = model(vpc, plan, connections);
    let mut outcome = Outcome::default();
    for (packet, offer) in plan.offers.iter().enumerate() {
        let Some(offer) = offer else {
            outcome.verdicts.push(skipped(packet));
            continue;
        };
        model.set_tick(offer.tick);
        let result = match offer.path {
            Path::Tx => model.tx(offer.eni.unwrap_or(u8::MAX), &offer.bytes, false),
            Path::Rx | Path::Skipped => model.rx(&offer.bytes, false),
        };
        // What goes from one guest of the card to another ends in the rx path.
        let last = result.local.map_or(result.verdict, |local| local.verdict);
        let (verdict, reason) = dispose(last, &mut outcome);
        outcome.verdicts.push(FrameVerdict {
            packet,
            path: offer.path,
            eni: result.eni.and_then(|eni| vpc.enis.get(usize::from(eni))).map(|eni| eni.name.clone()),
            verdict,
            reason,
            flow: result.flow,
            clock_in: None,
            latency_clocks: None,
        });
        progress(outcome.verdicts.len());
    }
    for (bank, name, count) in model.counters().iter() {
        outcome.counters.insert(format!("{}_{name}_packets", bank.name()), count.packets);
        outcome.counters.insert(format!("{}_{name}_bytes", bank.name()), count.bytes);
    }
    for (eni, counter) in eni_counters(plan) {
        outcome.counters.insert(eni_counter_name(&eni.name, counter), model.eni_counter(eni.number, counter));
    }
    outcome.elapsed = started.elapsed();
    outcome
}
