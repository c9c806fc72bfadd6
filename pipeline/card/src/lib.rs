//! The packet processor of the VPC card, as `rust_hdl` blocks: one folder a stage, in the packet's order.

pub mod record;
pub mod table;
