//! From a block to its first clock in the interpreter: what a developer waits for after each edit, besides cargo.

use nitro_simulator::{Engine, InterpretedEngine};

use crate::BenchError;
use crate::clock::{Stopwatch, TimeBase};
use crate::recording::output_image;
use crate::report::Finding;
use crate::suite::Design;

/// Name of the section.
pub const SECTION: &str = "cold-start";

/// Elaborates a design and runs its first clock, `rounds` times.
///
/// # Errors
/// If it cannot be elaborated.
pub fn measure(design: Design, rounds: usize, time: TimeBase) -> Result<Vec<Finding>, BenchError> {
    let entry = design.entry()?;
    let (mut elaborating, mut starting) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let watch = Stopwatch::start();
        let netlist = entry.netlist()?;
        // Elaboration runs on a thread of its own, for its stack.
        elaborating.push(watch.elapsed().seconds(TimeBase::Wall));
        let watch = Stopwatch::start();
        let mut engine = InterpretedEngine::new(&netlist);
        let inputs = vec![0; nitro_simulator::image_words(engine.inputs())];
        let mut outputs = output_image(&engine);
        engine.clock(&inputs, &mut outputs);
        starting.push(watch.elapsed().seconds(time));
    }
    let finding = |quantity: &str, rounds, note: &str| {
        Finding::new(SECTION, design.name(), "interpreted", quantity, "s", rounds).note(note)
    };
    Ok(vec![
        finding("block to netlist", elaborating, "elaborated and flattened"),
        finding("netlist to first clock", starting, "optimised, compiled to instructions, one clock"),
    ])
}
