//! The property: whatever the stimulus, all engines of a block agree.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use crate::compare::EngineKind;
use crate::error::AgreementError;
use crate::stimulus::{Case, Style};
use crate::subject::Subject;
use nitro_simulator::BlockEntry;

/// How much of a block is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Groups of cases.
    pub groups: u32,
    /// Cases of a group: they run side by side, in lanes.
    pub lanes: usize,
    /// Length of the longest case.
    pub clocks: u32,
}

impl Default for Budget {
    /// About 4,000 clocks.
    fn default() -> Self {
        Self { groups: 4, lanes: 8, clocks: 250 }
    }
}

/// Runs that a failing case is shortened with at most.
const SHRINK_RUNS: u32 = 64;

/// Random cases, shrinking to fewer clocks and plainer styles.
fn cases(clocks: u32) -> impl Strategy<Value = Case> {
    (any::<u64>().no_shrink(), 1..=clocks, proptest::sample::select(&Style::ALL[..]).no_shrink())
        .prop_map(|(seed, clocks, style)| Case { seed, clocks, style })
}

/// Tries random cases on all engines of a block, and shortens one that fails. Returns the number of clocks compared.
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
    let config =
        Config { cases: budget.groups, max_shrink_iters: SHRINK_RUNS, failure_persistence: None, ..Config::default() };
    let total = std::cell::Cell::new(0);
    let group = proptest::collection::vec(cases(budget.clocks), 1..=budget.lanes);
    let outcome = TestRunner::new(config).run(&group, |cases| match subject.check(&cases) {
        Ok(clocks) => {
            total.set(total.get() + clocks);
            Ok(())
        }
        Err(error) => Err(TestCaseError::fail(error.to_string())),
    });
    match outcome {
        // The message is not enough: the shortest case is run once more for what exactly it shows.
        Err(TestError::Fail(_, cases)) => subject.check(&cases).map(|_| total.get()),
        Err(TestError::Abort(_)) | Ok(()) => Ok(total.get()),
    }
}
