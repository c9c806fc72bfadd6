//! The compiled engine of the shipped cards.
//!
//! The build script elaborates each configuration and writes it as Rust source (`nitro-compiler`), which becomes
//! part of the binary here: the fast engine for everything that runs a whole card. Each card is there twice, for speed and with
//! all its named signals for traces.

#![allow(
    clippy::all,
    reason = "clippy takes over ten minutes for the generated text unless no lint is on in the crate"
)]

use nitro_card::config::Config;
use nitro_simulator::{CompiledEngine, Engine, TracedEngine, compiled_design, traced_design};

macro_rules! generated {
    ($($module:ident $file:literal)*) => {
        /// Generated modules, two a configuration.
        #[allow(warnings, clippy::all, clippy::pedantic, reason = "generated text is for the compiler")]
        #[allow(unsafe_code, reason = "code for other processor features is called after a look at what there is")]
        mod generated {
            $(pub(crate) mod $module {
                include!(concat!(env!("OUT_DIR"), "/", $file));
            })*
        }
    };
}

generated! {
    line "line.rs"
    edge "edge.rs"
    tiny "tiny.rs"
    line_traced "line_traced.rs"
    edge_traced "edge_traced.rs"
    tiny_traced "tiny_traced.rs"
}

compiled_design!(Line, generated::line, "The card `line`.");
compiled_design!(Edge, generated::edge, "The card `edge`.");
compiled_design!(Tiny, generated::tiny, "The card `tiny`.");
traced_design!(LineTraced, generated::line_traced, "The card `line` with its signals.");
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
#[must_use]
pub fn traced_card(config: Config) -> Box<dyn TracedEngine> {
    match config {
        Config::Line => Box::new(CompiledEngine::<LineTraced>::new()),
        Config::Edge => Box::new(CompiledEngine::<EdgeTraced>::new()),
        Config::Tiny => Box::new(CompiledEngine::<TinyTraced>::new()),
    }
}
