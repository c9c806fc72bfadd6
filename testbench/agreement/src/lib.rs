//! The one agreement harness: `rust_hdl`'s own update rules = interpreted netlist = emitted Verilog in Verilator, all
//! outputs, every clock, under random stimuli.
//!
//! A block gets all of it by its line in a catalogue (`Vec<BlockEntry>`):
//!
//! * [`lint`](fn@lint): the Verilog without a warning from Verilator and Yosys, memories recognised;
//! * [`agree`]: a property test over random [`Case`]s on all engines, which shortens a failing one;
//! * [`agree_all`]: both for a whole catalogue, with the stored cases of `vectors/agreement/`.
//!
//! [`Batch`] runs the cases of any other property test as lanes of one interpreter; [`Soak`] compares engines on random
//! netlists instead of blocks.
//!
//! [`Subject`] is a block made ready, for callers with stimuli of their own.

mod batch;
mod catalogue;
mod compare;
mod error;
mod lint;
mod netlists;
mod property;
pub mod stimulus;
mod stored;
mod subject;

pub use batch::{Batch, BatchError};
pub use catalogue::{BlockReport, agree_all, all_known, stored_for};
pub use compare::{CompareError, Disagreement, EngineKind, Lanes, compare};
pub use error::{AgreementError, StoredError};
pub use lint::{lint, lint_on};
pub use netlists::{Agreed, Compiled, Interpreted, NetlistEngine, Soak, SoakError, Verilated};
pub use property::{Budget, agree, agree_on};
pub use stimulus::{Case, RandomStimulus, Stimulus, Style};
pub use stored::{StoredCases, stored_cases};
pub use subject::{Subject, clock};
