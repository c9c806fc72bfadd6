//! The property: whatever the stimulus, all engines of a block agree.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::compare::{CompareError, EngineKind};
use crate::error::AgreementError;
use crate::stimulus::{Case, Style};
use crate::subject::Subject;
use nitro_simulator::BlockEntry;
use nitro_simulator::random::Random;

/// How much of a block is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Groups of cases.
    pub groups: u32,
    /// Cases of a group: they run side by side, in lanes.
    pub lanes: usize,
    /// Length of the longest case.
    pub clocks: u32,
    /// Decides every case; without it they are others every time.
    pub seed: Option<u64>,
}

impl Default for Budget {
    /// About 4,000 clocks.
    fn default() -> Self {
        Self { groups: 4, lanes: 8, clocks: 250, seed: None }
    }
}

/// Random cases.
fn cases(clocks: u32) -> impl Strategy<Value = Case> {
    (any::<u64>(), 1..=clocks, proptest::sample::select(&Style::ALL[..])).prop_map(|(seed, clocks, style)| Case {
        seed,
        clocks,
        style,
    })
}

/// What makes random cases, the same ones from the same seed.
pub(crate) fn runner(config: Config, seed: Option<u64>) -> TestRunner {
    let config = Config { failure_persistence: None, ..config };
    match seed {
        None => TestRunner::new(config),
        Some(seed) => {
            let mut random = Random::new(seed);
            let bytes: Vec<u8> = (0..4).flat_map(|_| random.word().to_le_bytes()).collect();
            TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
        }
    }
}

/// Tries random cases on all engines of a block, and ends one that fails where it does. Returns the number of clocks compared.
///
/// # Errors
/// With the shortest failing case, or if the block cannot be built for some engine.
pub fn agree(entry: &BlockEntry, kinds: &[EngineKind], budget: Budget) -> Result<u64, AgreementError> {
    agree_on(&Subject::new(entry, kinds)?, budget)
}

/// As [`agree`], on a block that is ready.
///
/// # Errors
/// With the shortest failing case.
pub fn agree_on(subject: &Subject<'_>, budget: Budget) -> Result<u64, AgreementError> {
    let mut runner = runner(Config::default(), budget.seed);
    let group = proptest::collection::vec(cases(budget.clocks), 1..=budget.lanes);
    let mut total = 0;
    for _ in 0..budget.groups {
        let Ok(cases) = group.new_tree(&mut runner) else { continue };
        total += subject.check(&cases.current()).map_err(|error| shorten(subject, error))?;
    }
    Ok(total)
}

/// A failing case alone, ended where it fails: what happens in a clock does not depend on how many follow.
fn shorten(subject: &Subject<'_>, error: AgreementError) -> AgreementError {
    let AgreementError::Compare { case: Some(case), source } = error else { return error };
    let clock = match &source {
        CompareError::Disagreement(disagreement) => disagreement.clock,
        CompareError::Fault { clock, .. } => *clock,
        CompareError::Ports { .. } => return AgreementError::Compare { case: None, source },
    };
    let short = Case { clocks: clock + 1, ..case };
    match subject.check(&[short]) {
        Err(error) => error,
        // It takes other lanes to fail: the engine mixes them up.
        Ok(_) => AgreementError::Compare { case: Some(case), source },
    }
}
