//! The compiled engine of the shipped cards.
//!
//! The build script elaborates each configuration and writes it as Rust source (`nitro-compiler`), which becomes
//! part of the binary here: the fast engine for everything that runs a whole card. Each card is there twice in release builds, for speed and
//! with all its named signals for traces.

#![allow(
    clippy::all,
    reason = "clippy takes over ten minutes for the generated text unless no lint is on in the crate"
)]

#[cfg(not(swift))]
use nitro_card::catalogue::card_entry;
use nitro_card::config::Config;
use nitro_netlist::ElaborateError;
#[cfg(not(swift))]
use nitro_simulator::InterpretedEngine;
use nitro_simulator::{CompiledEngine, Engine, TracedEngine, compiled_design, traced_design};

macro_rules! generated {
    ($($(#[$attribute:meta])* $module:ident $file:literal)*) => {
        /// Generated modules, two a configuration.
        #[allow(warnings, clippy::all, clippy::pedantic, reason = "generated text is for the compiler")]
        #[allow(unsafe_code, reason = "code for other processor features is called after a look at what there is")]
        mod generated {
            $($(#[$attribute])* pub(crate) mod $module {
                include!(concat!(env!("OUT_DIR"), "/", $file));
            })*
        }
    };
}

generated! {
    line "line.rs"
    edge "edge.rs"
    tiny "tiny.rs"
    #[cfg(swift)]
    line_traced "line_traced.rs"
    #[cfg(swift)]
    edge_traced "edge_traced.rs"
    tiny_traced "tiny_traced.rs"
}

compiled_design!(Line, generated::line, "The card `line`.");
compiled_design!(Edge, generated::edge, "The card `edge`.");
compiled_design!(Tiny, generated::tiny, "The card `tiny`.");
#[cfg(swift)]
traced_design!(LineTraced, generated::line_traced, "The card `line` with its signals.");
#[cfg(swift)]
traced_design!(EdgeTraced, generated::edge_traced, "The card `edge` with its signals.");
traced_design!(TinyTraced, generated::tiny_traced, "The card `tiny` with its signals.");

/// A fresh card of a configuration.
#[must_use]
pub fn card(config: Config) -> Box<dyn Engine> {
    match config {
        Config::Line => Box::new(CompiledEngine::<Line>::new()),
        Config::Edge => Box::new(CompiledEngine::<Edge>::new()),
        Config::Tiny => Box::new(CompiledEngine::<Tiny>::new()),
    }
}

/// A fresh card whose signals can be traced; [`card`] is about twice as fast.
///
/// In builds without optimisation only the smallest card is compiled for it, the others are interpreted, with the same signals.
///
/// # Errors
/// If a card that is interpreted cannot be elaborated.
pub fn traced_card(config: Config) -> Result<Box<dyn TracedEngine>, ElaborateError> {
    match config {
        #[cfg(swift)]
        Config::Line => Ok(Box::new(CompiledEngine::<LineTraced>::new())),
        #[cfg(swift)]
        Config::Edge => Ok(Box::new(CompiledEngine::<EdgeTraced>::new())),
        Config::Tiny => Ok(Box::new(CompiledEngine::<TinyTraced>::new())),
        #[cfg(not(swift))]
        Config::Line | Config::Edge => Ok(Box::new(InterpretedEngine::traced(&card_entry(config).netlist()?))),
    }
}
