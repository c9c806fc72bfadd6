//! The packet processor of the VPC card, as `rust_hdl` blocks: one folder a stage, in the packet's order.

pub mod allowances;
pub mod card;
pub mod catalogue;
pub mod config;
pub mod conntrack;
pub mod control;
pub mod decap;
pub mod encap;
pub mod eni;
pub mod format;
pub mod lookup;
pub mod nacl;
pub mod parser;
pub mod reason;
pub mod record;
pub mod responder;
pub mod rx_path;
pub mod security_group;
pub mod table;
pub mod token;
pub mod tx_path;
pub mod waiting_room;
