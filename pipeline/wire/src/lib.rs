//! What crosses an interface, written down once: header formats, table rows, drop reasons, the register map, and the
//! data that a card is configured with. Hardware, model, driver and documentation derive from it.

pub mod constants;
pub mod control;
pub mod counters;
pub mod format;
pub mod formats;
pub mod interrupts;
pub mod policy;
pub mod reason;
pub mod registers;
pub mod tables;

pub use constants::{Layout, MappingKind};
pub use control::CardConfig;
pub use format::{Field, Format, FormatError};
pub use interrupts::Interrupt;
pub use reason::{DropReason, Flow, Stage, Verdict};
pub use tables::Table;
