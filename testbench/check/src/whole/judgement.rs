//! The verdicts of the model before those of the card: every event of a turn, and every frame that leaves.

use std::collections::BTreeSet;

use nitro_components::bench::Packet;
use nitro_model::{Outcome, Verdict, eni, parse};
use nitro_simulator::Engine;
use nitro_wire::counters::Bank;
use nitro_wire::{DropReason, Flow};

use super::ports::Seen;
use super::{Change, Difference, Due, EventDifference, FlowId, Frame, LOCAL, Strictness, Whole, flow_id, head, judge};

/// What the card said of a frame.
struct Told<'a> {
    /// Number of the frame at its side in this turn.
    number: u16,
    found: &'a Vec<u64>,
    /// Its event on the rx path, if it is for another guest.
    crossed: Option<&'a Vec<u64>>,
    strictness: Strictness,
}

/// Which DHCP message an answer is.
fn dhcp_name(answer: &[u8]) -> &'static str {
    let offset = if answer.get(12..14) == Some(&[0x81, 0]) { 4 } else { 0 };
    match answer.get(offset + 284) {
        Some(2) => "OFFER",
        Some(5) => "ACK",
        Some(6) => "NAK",
        _ => "no DHCP",
    }
}

/// A policy that is replaced in a turn.
struct Replaced<'a> {
    change: &'a Change,
    /// What leads back to the old one.
    back: Change,
    /// Flows that were judged by the new one.
    anew: BTreeSet<(usize, FlowId)>,
}

impl<E: Engine> Whole<E> {
    /// Shows the frames to the model, compares the events, and tells what shall leave at either side.
    pub(super) fn expect(
        &mut self,
        frames: &[Frame],
        seen: &Seen,
        strictness: Strictness,
        change: Option<&Change>,
    ) -> Result<[Due; 2], Difference> {
        let mut due = [Vec::new(), Vec::new()];
        let mut numbers = [0_u16; 2];
        let back = change.and_then(|change| change.back(&self.model));
        let mut replaced = change.zip(back).map(|(change, back)| Replaced { change, back, anew: BTreeSet::new() });
        for (index, frame) in frames.iter().enumerate() {
            let side = frame.bank as usize;
            let number = numbers[side];
            numbers[side] += 1;
            let Some(found) = seen.events[side].get(&number) else {
                return Err(Difference::NoEvent { frame: index });
            };
            let crossed = seen.events[2].get(&number).filter(|_| found[LOCAL] == 1);
            let told = Told { number, found, crossed, strictness };
            let full = [DropReason::NewFlowQueueFull, DropReason::MissBufferFull];
            let full = full.into_iter().find(|full| found[2] == u64::from(full.code()));
            let outcome = match full.filter(|_| strictness != Strictness::Full) {
                Some(full) => self.refused(index, frame, full, found)?,
                None => self.judged(frame, &told, &mut replaced),
            };
            let wanted = self.event(frame, &outcome, &told);
            let local = outcome.local.as_deref().map(|local| self.local_event(frame, local, number));
            for (found, wanted) in [(Some(found), Some(wanted)), (crossed, local)] {
                if found != wanted.as_ref() {
                    let (found, wanted) = (found.cloned().unwrap_or_default(), wanted.unwrap_or_default());
                    let head = head(&frame.bytes).to_vec();
                    let event = EventDifference { frame: index, bank: frame.bank, head, found, wanted };
                    return Err(Difference::Event(Box::new(event)));
                }
            }
            self.note(frame, outcome, &mut due);
        }
        if let Some(change) = change {
            change.apply(&mut self.model);
        }
        Ok(due)
    }

    /// The model's verdict, by the old policy or by the new one, whichever the card's events fit.
    fn judged(&mut self, frame: &Frame, told: &Told<'_>, replaced: &mut Option<Replaced<'_>>) -> Outcome {
        let Some(Replaced { change, back, anew }) = replaced else { return judge(&mut self.model, frame) };
        let flow = (frame.bank as usize, flow_id(frame.tuser.into(), &parse(&frame.bytes)));
        if !anew.contains(&flow) {
            // A guest's frame for a guest here is judged twice, and the policy may be replaced in between.
            for between in [false, true] {
                let mut model = self.model.clone();
                let outcome = match frame.bank {
                    Bank::Tx if between => model.tx_between(frame.tuser, &frame.bytes, false, |model| {
                        change.apply(model);
                    }),
                    _ => judge(&mut model, frame),
                };
                let local = outcome.local.as_deref().map(|local| self.local_event(frame, local, told.number));
                if self.event(frame, &outcome, told) == *told.found && local.as_ref() == told.crossed {
                    if between {
                        back.apply(&mut model);
                    }
                    self.model = model;
                    return outcome;
                }
            }
        }
        change.apply(&mut self.model);
        let outcome = judge(&mut self.model, frame);
        back.apply(&mut self.model);
        anew.insert(flow);
        outcome
    }

    /// The event that a verdict of the model makes.
    fn event(&self, frame: &Frame, outcome: &Outcome, told: &Told<'_>) -> Vec<u64> {
        let eni = match frame.bank {
            Bank::Tx => frame.tuser,
            Bank::Rx => outcome.eni.unwrap_or(0),
        };
        let kind = told.strictness != Strictness::NoKinds;
        vec![
            u64::from(self.serials[frame.bank as usize].wrapping_add(told.number)),
            outcome.verdict.code().code().into(),
            outcome.verdict.reason().map_or(0, DropReason::code).into(),
            eni.into(),
            outcome.eni.is_some().into(),
            frame.bytes.len().min(16_383) as u64,
            if kind { outcome.flow.code().into() } else { told.found[6] },
            (outcome.verdict == Verdict::Local).into(),
            matches!(outcome.verdict, Verdict::Bounce { .. }).into(),
        ]
    }

    /// The event on the rx path of a guest's frame for another guest.
    fn local_event(&self, frame: &Frame, outcome: &Outcome, number: u16) -> Vec<u64> {
        vec![
            u64::from(self.serials[0].wrapping_add(number)),
            outcome.verdict.code().code().into(),
            outcome.verdict.reason().map_or(0, DropReason::code).into(),
            outcome.eni.unwrap_or(0).into(),
            outcome.eni.is_some().into(),
            frame.bytes.len() as u64,
            outcome.flow.code().into(),
            1,
            0,
        ]
    }

    /// A frame that found no place to wait, or to ask for a mapping, which the model does not see.
    fn refused(&mut self, index: usize, frame: &Frame, full: DropReason, found: &[u64]) -> Result<Outcome, Difference> {
        let mut outcome = judge(&mut self.model.clone(), frame);
        let is_served = matches!(outcome.verdict, Verdict::Reply { .. } | Verdict::Drop(DropReason::NoBroadcast))
            && frame.bank == Bank::Tx
            && eni::is_dhcp(&parse(&frame.bytes));
        if outcome.flow == Flow::None && !is_served && full == DropReason::NewFlowQueueFull {
            return Err(Difference::NeedNotWait { frame: index });
        }
        let refused = self.refused[frame.bank as usize].entry(full.code()).or_default();
        refused.0 += 1;
        refused.1 += frame.bytes.len() as u64;
        // Established or not: those before it in its flow may have been refused.
        outcome.flow = u8::try_from(found[6]).ok().and_then(Flow::from_code).unwrap_or_default();
        outcome.verdict = Verdict::Drop(full);
        outcome.eni = outcome.eni.filter(|_| frame.bank == Bank::Tx);
        outcome.local = None;
        Ok(outcome)
    }

    /// Counts what came up, and tells what is due to leave.
    fn note(&mut self, frame: &Frame, outcome: Outcome, due: &mut [Due; 2]) {
        let reason = outcome
            .verdict
            .reason()
            .map_or_else(|| format!("{:?}", outcome.verdict.code()), |reason| reason.name().to_owned());
        for shown in [reason, format!("{:?} {}", frame.bank, outcome.flow.name())] {
            *self.shown.entry(shown).or_default() += 1;
        }
        if let Some(local) = outcome.local {
            let reason = local.verdict.reason().map_or("Pass", DropReason::name);
            for shown in [format!("Local {reason}"), format!("Local {}", local.flow.name())] {
                *self.shown.entry(shown).or_default() += 1;
            }
            if let Verdict::Deliver { eni, frame: bytes } = local.verdict {
                let flow = flow_id(frame.tuser.into(), &parse(&frame.bytes));
                due[1].push((flow, Packet { bytes, tuser: eni.into() }));
            }
        }
        match outcome.verdict {
            Verdict::Forward(bytes) => {
                due[0].push((flow_id(frame.tuser.into(), &parse(&frame.bytes)), Packet { bytes, tuser: 0 }));
            }
            Verdict::Deliver { eni, frame: bytes } => {
                let tuser = u64::from(eni);
                due[1].push((flow_id(tuser, &parse(&bytes)), Packet { bytes, tuser }));
            }
            Verdict::Reply { eni, frame: bytes } | Verdict::Bounce { eni, frame: bytes, .. } => {
                *self.shown.entry(format!("answer of {} bytes", bytes.len())).or_default() += 1;
                let asked = parse(&frame.bytes);
                if eni::is_dhcp(&asked) {
                    *self.shown.entry(dhcp_name(&bytes).to_owned()).or_default() += 1;
                }
                // Apart from what else leaves at this side.
                let flow = flow_id(256 + u64::from(eni), &asked);
                due[1].push((flow, Packet { bytes, tuser: eni.into() }));
            }
            Verdict::Local | Verdict::Drop(_) => {}
        }
    }
}

/// The frames that left are those that were due, in the order of their flows.
pub(super) fn in_order(port: &'static str, mut due: Due, left: Vec<Packet>) -> Result<(), Difference> {
    for (frame, packet) in left.into_iter().enumerate() {
        let shown = head(&packet.bytes).to_vec();
        let Some(place) = due.iter().position(|(_, wanted)| *wanted == packet) else {
            let like = due.iter().find(|(_, wanted)| wanted.bytes.len() == packet.bytes.len());
            let like = like.map(|(_, wanted)| (wanted.tuser, head(&wanted.bytes).to_vec()));
            return Err(Difference::NotDue { port, frame, tuser: packet.tuser, head: shown, like });
        };
        let flow = due[place].0;
        if due[..place].iter().any(|(other, _)| *other == flow) {
            return Err(Difference::Overtakes { port, frame, head: shown });
        }
        due.remove(place);
    }
    match due.first() {
        Some((_, packet)) => Err(Difference::NeverLeft { port, count: due.len(), head: head(&packet.bytes).to_vec() }),
        None => Ok(()),
    }
}
