//! The books of a card at rest: counters, what is held, and the causes of the interrupt.

use std::collections::BTreeMap;

use nitro_driver::RegisterPort;
use nitro_simulator::Engine;
use nitro_wire::counters::{self, Bank, EniCounter};
use nitro_wire::{DropReason, Interrupt, registers};

use super::ports::Seen;
use super::{Difference, REST_CLOCKS, SWEEPS, Whole};

impl<E: Engine> Whole<E> {
    /// Compares all counters with the model's, that the books balance, and that nothing is held or still comes.
    ///
    /// # Errors
    /// What differs.
    pub fn finish(&mut self) -> Result<(), Difference> {
        let mut seen = Seen::default();
        for _ in 0..REST_CLOCKS {
            self.step(&mut seen)?;
        }
        if seen.all() > 0 {
            return Err(Difference::Unasked {
                events: seen.disposed().iter().sum(),
                frames: seen.frames().iter().sum(),
            });
        }
        for bank in Bank::ALL {
            let refused = self.refused[bank as usize].clone();
            let all = refused.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            let (mut received, mut accounted) = (0, 0);
            for (index, name) in counters::all() {
                let found = self.driver(|driver| driver.counter(bank, index))?;
                let counted = self.model.counters().get(bank, index);
                let mut wanted = (counted.packets, counted.bytes);
                let more = if index == counters::RECEIVED { Some(&all) } else { refused.get(&index) };
                if let Some((packets, bytes)) = more {
                    wanted = (wanted.0 + packets, wanted.1 + bytes);
                }
                let found = (found.packets, found.bytes);
                if found != wanted {
                    return Err(Difference::Counter { bank, name, found, wanted });
                }
                match index {
                    counters::RECEIVED => received = found.0,
                    counters::MADE => {}
                    _ => accounted += found.0,
                }
            }
            let status = self.driver(|driver| driver.port().read(registers::STATUS.offset))?;
            let held = registers::STATUS.field(&format!("{}_held", bank.name())).map_or(0, |field| field.get(status));
            if received != accounted + u64::from(held) {
                return Err(Difference::Conservation { bank, received, accounted: accounted + u64::from(held) });
            }
            if held != 0 {
                return Err(Difference::Held { bank, held });
            }
        }
        let lost = self.finish_enis()?;
        self.finish_interrupts(&lost)
    }

    /// Compares the counters of the interfaces with the model's, and sums them up by reasons.
    fn finish_enis(&mut self) -> Result<BTreeMap<DropReason, u64>, Difference> {
        let mut lost = BTreeMap::new();
        let enis = u8::try_from(self.model.config().enis.len()).unwrap_or(u8::MAX);
        for eni in 0..=enis {
            for counter in EniCounter::ALL {
                let wanted = self.model.eni_counter(eni, counter);
                let mut found = self.driver(|driver| driver.eni_counter(eni, counter))?;
                let gauge = counter.reason().is_none();
                // What has ended counts until the sweeper has come by. That takes long in a big table, where it may lag behind.
                let lags = |found| self.lags && gauge && found <= wanted;
                let (mut sweeps, lags_first) = (0, lags(found));
                while found != wanted && gauge && !lags_first && sweeps < SWEEPS {
                    sweeps += 1;
                    self.idle(1000)?;
                    found = self.driver(|driver| driver.eni_counter(eni, counter))?;
                }
                if found != wanted && !(self.lags && gauge && found <= wanted) {
                    return Err(Difference::EniCounter { eni, name: counter.name(), found, wanted });
                }
                if let Some(reason) = counter.reason() {
                    *lost.entry(reason).or_insert(0) += found;
                }
            }
        }
        Ok(lost)
    }

    /// The interfaces' counters add up to the paths', and the causes of the interrupt, which nobody has cleared, are what happened.
    fn finish_interrupts(&mut self, lost: &BTreeMap<DropReason, u64>) -> Result<(), Difference> {
        let causes = self.driver(|driver| driver.take_interrupts())?;
        let expect = |cause: Interrupt, wanted: bool| match causes.contains(&cause) == wanted {
            true => Ok(()),
            false => Err(Difference::Interrupts { cause, wanted, causes: causes.clone() }),
        };
        for reason in DropReason::ALL {
            let counted = |bank| self.model.counters().get(bank, reason.code()).packets;
            let drops: u64 = Bank::ALL.map(counted).iter().sum();
            if let Some(&lost) = lost.get(reason).filter(|lost| **lost != drops) {
                return Err(Difference::EniSum { reason: *reason, drops, lost });
            }
            let full = self.refused.iter().any(|refused| refused.contains_key(&reason.code()));
            for cause in Interrupt::ALL.into_iter().filter(|cause| cause.reasons() == [*reason]) {
                expect(cause, drops > 0 || full)?;
            }
        }
        expect(Interrupt::AllowanceExceeded, lost.values().any(|lost| *lost > 0))?;
        expect(Interrupt::CommitDone, true)
    }
}
