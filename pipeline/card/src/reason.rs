//! Drop reasons as constants of the hardware.

use nitro_wire::{DropReason, MappingKind};
use rust_hdl::prelude::*;

/// The code of a drop reason, for a block's kernel to read.
pub type Reason = Constant<Bits<6>>;

/// A drop reason as a constant.
#[must_use]
pub fn reason(reason: DropReason) -> Reason {
    Constant::new(reason.code().to_bits())
}

/// A kind of mapping as a constant.
#[must_use]
pub fn kind(kind: MappingKind) -> Constant<Bits<3>> {
    Constant::new(kind.code().to_bits())
}
