//! Many random cards, on all processors.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use nitro_card::config::Config;
use nitro_simulator::Engine;

use crate::case::{Case, Tally, World, check_on};
use crate::shrink::shrink;
use crate::traffic::random_case;
use crate::whole::Difference;

/// Tries in which a failing case is made smaller.
const TRIES: u32 = 300;
/// Bits of a seed that count the cards.
const CARD_BITS: u32 = 32;

/// How much is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Soak {
    /// Configuration of the cards.
    pub config: Config,
    /// Cards of random VPC files, at least. Some cards come on top whose tables no VPC file can say.
    pub cards: u64,
    /// Packets in all, at least.
    pub packets: u64,
    /// Decides everything.
    pub seed: u64,
}

/// What cards were checked, and what they showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Soaked {
    /// Cards of VPC files.
    pub files: u64,
    /// Cards of tables that no VPC file can say.
    pub tables: u64,
    /// What came up.
    pub tally: Tally,
}

/// A card that is not the model's.
#[derive(Debug, thiserror::Error)]
#[error("card {seed:#x}: {difference}\n({packets} packets are left of the case)")]
pub struct Found {
    /// Seed of the case as it was at first.
    pub seed: u64,
    /// Packets of the case.
    pub packets: usize,
    /// The case, made small.
    pub case: Box<Case>,
    /// What differs.
    pub difference: Difference,
}

impl Soak {
    /// The seed of a card.
    #[must_use]
    pub fn card_seed(&self, card: u64) -> u64 {
        (self.seed << CARD_BITS).wrapping_add(card)
    }

    /// Checks cards until there were enough; `progress` is told packets. An engine is made by `engine` for each card, at power-up.
    ///
    /// # Errors
    /// With the first card that is not the model's.
    pub fn run<E: Engine>(
        &self,
        engine: impl Fn() -> Result<E, Difference> + Sync,
        progress: impl Fn(u64) + Sync,
    ) -> Result<Soaked, Box<Found>> {
        let next = AtomicU64::new(0);
        let stop = AtomicBool::new(false);
        let state: Mutex<(Soaked, Option<Box<Found>>)> = Mutex::default();
        let each = usize::try_from(self.packets.div_ceil(self.cards.max(1))).unwrap_or(usize::MAX);
        let enough = |soaked: &Soaked| soaked.files >= self.cards && soaked.tally.packets >= self.packets;
        let work = || {
            while !stop.load(Ordering::Relaxed) {
                let seed = self.card_seed(next.fetch_add(1, Ordering::Relaxed));
                let result = one(self.config, seed, each, &engine);
                // A thread that panicked has left nothing half done here.
                let mut state = state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                match result {
                    Ok((is_file, tally)) if !stop.load(Ordering::Relaxed) => {
                        state.0.files += u64::from(is_file);
                        state.0.tables += u64::from(!is_file);
                        state.0.tally.add(&tally);
                        progress(state.0.tally.packets);
                        if enough(&state.0) {
                            stop.store(true, Ordering::Relaxed);
                        }
                    }
                    Ok(_) => {}
                    Err(found) => {
                        stop.store(true, Ordering::Relaxed);
                        state.1.get_or_insert(found);
                    }
                }
            }
        };
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
        match state.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            (_, Some(found)) => Err(found),
            (soaked, None) => Ok(soaked),
        }
    }
}

/// Checks a card; tells whether it was one of a VPC file.
fn one<E: Engine>(
    config: Config,
    seed: u64,
    packets: usize,
    engine: &impl Fn() -> Result<E, Difference>,
) -> Result<(bool, Tally), Box<Found>> {
    let case = match random_case(config, seed, packets) {
        Ok(case) => case,
        Err(difference) => {
            let case = Case::empty(config, format!("seed {seed:#x}"));
            return Err(Box::new(Found { seed, packets: 0, case: Box::new(case), difference }));
        }
    };
    let check = |case: &Case| check_on(case, engine()?);
    match check(&case) {
        Ok(tally) => Ok((matches!(case.world, World::File { .. }), tally)),
        Err(difference) => {
            let small = shrink(&case, TRIES, |case| check(case).err());
            let (case, difference) = small.unwrap_or((case, difference));
            Err(Box::new(Found { seed, packets: case.packets(), case: Box::new(case), difference }))
        }
    }
}
