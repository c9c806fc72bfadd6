//! The compiled engine of the shipped cards.
//!
//! The build script elaborates each configuration and writes it as Rust source (`nitro-compiler`), which becomes
//! part of the binary here: the fast engine for everything that runs a whole card.

use nitro_card::config::Config;
use nitro_simulator::{CompiledEngine, Engine, compiled_design};

/// Generated modules, one a configuration.
#[allow(clippy::all, clippy::pedantic, missing_docs, unused, reason = "generated text is for the compiler")]
mod generated {
    pub(crate) mod line {
        include!(concat!(env!("OUT_DIR"), "/line.rs"));
    }
    pub(crate) mod edge {
        include!(concat!(env!("OUT_DIR"), "/edge.rs"));
    }
    pub(crate) mod tiny {
        include!(concat!(env!("OUT_DIR"), "/tiny.rs"));
    }
}

compiled_design!(Line, generated::line, "The card `line`.");
compiled_design!(Edge, generated::edge, "The card `edge`.");
compiled_design!(Tiny, generated::tiny, "The card `tiny`.");

/// A fresh card of a configuration.
#[must_use]
pub fn card(config: Config) -> Box<dyn Engine> {
    match config {
        Config::Line => Box::new(CompiledEngine::<Line>::new()),
        Config::Edge => Box::new(CompiledEngine::<Edge>::new()),
        Config::Tiny => Box::new(CompiledEngine::<Tiny>::new()),
    }
}
