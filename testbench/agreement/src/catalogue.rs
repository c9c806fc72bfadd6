//! Whole catalogues of blocks, on all processors.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use nitro_simulator::BlockEntry;

use crate::compare::EngineKind;
use crate::error::{AgreementError, StoredError};
use crate::lint::lint_on;
use crate::property::{Budget, agree_on};
use crate::stored::{StoredCases, stored_cases};
use crate::subject::Subject;

/// How a block did.
#[derive(Debug)]
pub struct BlockReport {
    /// The block.
    pub block: &'static str,
    /// Clocks compared, or why it did not pass.
    pub outcome: Result<u64, AgreementError>,
}

/// Lints every block of a catalogue, replays its stored cases and tries random ones on these engines; `budget` says how
/// much of each block. Reports come in the catalogue's order.
#[must_use]
pub fn agree_all(
    entries: &[BlockEntry],
    engines: &[EngineKind],
    stored: &[StoredCases],
    budget: impl Fn(&Subject<'_>) -> Budget + Sync,
) -> Vec<BlockReport> {
    let next = AtomicUsize::new(0);
    let reports = Mutex::new(Vec::new());
    let work = || {
        while let Some(entry) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = agree_one(entry, engines, stored, &budget);
            if let Ok(mut reports) = reports.lock() {
                reports.push(BlockReport { block: entry.name, outcome });
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    let mut reports = reports.into_inner().unwrap_or_default();
    reports.sort_by_key(|report| entries.iter().position(|entry| entry.name == report.block));
    reports
}

fn agree_one(
    entry: &BlockEntry,
    engines: &[EngineKind],
    stored: &[StoredCases],
    budget: impl Fn(&Subject<'_>) -> Budget,
) -> Result<u64, AgreementError> {
    let subject = Subject::new(entry, engines)?;
    lint_on(&subject)?;
    let mut clocks = 0;
    for stored in stored.iter().filter(|stored| stored.block == entry.name) {
        clocks += subject.check(&stored.cases)?;
    }
    Ok(clocks + agree_on(&subject, budget(&subject))?)
}

/// The stored cases of a folder that belong to blocks of `entries`.
///
/// # Errors
/// If a file cannot be read.
pub fn stored_for(entries: &[BlockEntry], folder: &Path) -> Result<Vec<StoredCases>, AgreementError> {
    let mut cases = stored_cases(folder)?;
    cases.retain(|stored| entries.iter().any(|entry| entry.name == stored.block));
    Ok(cases)
}

/// Every stored case names a block of some catalogue; one that does not would never run again.
///
/// # Errors
/// With the first file that names another block.
pub fn all_known(folder: &Path, blocks: &[&str]) -> Result<(), AgreementError> {
    match stored_cases(folder)?.into_iter().find(|stored| !blocks.contains(&stored.block.as_str())) {
        Some(stored) => {
            Err(AgreementError::Stored { path: folder.to_owned(), reason: StoredError::UnknownBlock(stored.block) })
        }
        None => Ok(()),
    }
}
