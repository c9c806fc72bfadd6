//! Clock-by-clock simulation: the common [`Engine`] and its implementations.

pub mod engine;

pub use engine::{Engine, PortInfo};
