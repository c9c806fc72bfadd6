//! Software for a card: everything that a card is told and asked goes through its registers.
//!
//! [`Driver`] programs a card over any [`RegisterPort`]; [`axi_lite`] is that port for a simulated card. [`service`] reads and writes the messages that
//! card and mapping service exchange.

pub mod axi_lite;
mod card;
mod counters;
mod error;
mod mappings;
mod nacl;
pub mod placement;
mod policy;
pub mod security;
pub mod service;

pub use axi_lite::AxiLite;
pub use card::{Driver, DriverState};
pub use counters::Counter;
pub use error::DriverError;

/// Access to a card's 32-bit registers.
pub trait RegisterPort {
    /// Writes a register.
    ///
    /// # Errors
    /// If the card refuses the access or does not answer.
    fn write(&mut self, offset: u16, value: u32) -> Result<(), BusError>;

    /// Reads a register.
    ///
    /// # Errors
    /// If the card refuses the access or does not answer.
    fn read(&mut self, offset: u16) -> Result<u32, BusError>;
}

/// A register access that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The card answered with an error response (AXI4 `SLVERR` 2 or `DECERR` 3).
    #[error("the card refused the access to register {offset:#05x} with response {response}")]
    Refused {
        /// Byte offset of the register.
        offset: u16,
        /// The response.
        response: u8,
    },
    /// No answer within the bound.
    #[error("the card did not answer the access to register {offset:#05x} within {clocks} clocks")]
    NoAnswer {
        /// Byte offset of the register.
        offset: u16,
        /// The bound.
        clocks: u32,
    },
    /// The block has no such port.
    #[error("the simulated block has no port `{0}`; expected a card with an AXI4-Lite port `control`")]
    NoPort(String),
}
