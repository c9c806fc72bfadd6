//! What the model does and the hardware does not yet: such frames are left out of random traffic. To be removed with the last of them.

use nitro_model::{eni, parse};
use nitro_wire::counters::Bank;

use super::Frame;

/// The frame needs what is not in hardware yet: DHCP.
pub fn is_left_out(frame: &Frame) -> bool {
    frame.bank == Bank::Tx && eni::is_dhcp(&parse(&frame.bytes))
}
