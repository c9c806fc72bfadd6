//! Test bench for streams and flows, over any [`Engine`].
//!
//! A [`Source`] offers items at a port of the block with random idle clocks, a [`Sink`] takes them with random
//! backpressure and checks the rules of [`crate::stream`]. [`PacketSource`] and [`PacketSink`] do the same with
//! packets. [`clock`] runs one clock of the block with all of them. Everything random comes from seeds.

mod packets;
mod random;
mod streams;

use nitro_simulator::{Engine, EngineFault, PortInfo};

pub use packets::{Packet, PacketSink, PacketSource};
pub use random::Random;
pub use streams::{Item, Sink, Source};

/// What a test bench finds wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BenchError {
    /// The block has no such port.
    #[error("the block has no {direction} `{name}`")]
    NoPort {
        /// `input` or `output`.
        direction: &'static str,
        /// The port that was looked for.
        name: String,
    },
    /// `tvalid` or the payload depends on `tready` within the clock (rule 2).
    #[error("clock {clock}: `{prefix}` offers one thing while `tready` is clear and another while it is set")]
    WaitsForReady {
        /// The stream.
        prefix: String,
        /// Clocks since the bench began.
        clock: u64,
    },
    /// An offer was taken back or changed before its transfer (rule 3).
    #[error("clock {clock}: `{prefix}` changed its offer before it was taken")]
    Unstable {
        /// The stream.
        prefix: String,
        /// Clocks since the bench began.
        clock: u64,
    },
    /// A beat's byte enables are malformed.
    #[error(
        "`{prefix}` sent byte enables {keep:#x}; they must be contiguous from bit 0, and all set but in a last beat"
    )]
    Keep {
        /// The stream.
        prefix: String,
        /// The byte enables' lowest 64.
        keep: u64,
    },
    /// `tuser` changed within a packet.
    #[error("`{prefix}` changed `tuser` from {from:#x} to {to:#x} within a packet")]
    User {
        /// The stream.
        prefix: String,
        /// At the packet's first beat.
        from: u64,
        /// Later.
        to: u64,
    },
    /// The engine gave up.
    #[error(transparent)]
    Engine(#[from] EngineFault),
}

fn find(ports: &[PortInfo], direction: &'static str, name: String) -> Result<usize, BenchError> {
    match ports.iter().position(|port| port.name == name) {
        Some(index) => Ok(index),
        None => Err(BenchError::NoPort { direction, name }),
    }
}

/// The index of an input by name.
///
/// # Errors
/// If there is none.
pub fn input(engine: &dyn Engine, name: &str) -> Result<usize, BenchError> {
    find(engine.inputs(), "input", name.to_owned())
}

/// The index of an output by name.
///
/// # Errors
/// If there is none.
pub fn output(engine: &dyn Engine, name: &str) -> Result<usize, BenchError> {
    find(engine.outputs(), "output", name.to_owned())
}

/// Sets an input by name; meant for the few ports that are no streams.
///
/// # Errors
/// If there is no such input.
pub fn set(engine: &mut dyn Engine, name: &str, value: &[u64]) -> Result<(), BenchError> {
    let index = input(engine, name)?;
    let mut words = vec![0; words_of(&engine.inputs()[index])];
    words.iter_mut().zip(value).for_each(|(word, value)| *word = *value);
    engine.set(index, &words);
    Ok(())
}

/// Reads an output by name, as of the last settling.
///
/// # Errors
/// If there is no such output.
pub fn get(engine: &dyn Engine, name: &str) -> Result<Vec<u64>, BenchError> {
    let index = output(engine, name)?;
    let mut value = vec![0; words_of(&engine.outputs()[index])];
    engine.get(index, &mut value);
    Ok(value)
}

fn words_of(port: &PortInfo) -> usize {
    port.width.div_ceil(64)
}

/// Holds `reset` for some clocks with all other inputs zero, and leaves it clear.
///
/// # Errors
/// If the block has no reset.
pub fn reset(engine: &mut dyn Engine, clocks: u32) -> Result<(), BenchError> {
    let reset = input(engine, "reset")?;
    for index in 0..engine.inputs().len() {
        let zero = vec![0; words_of(&engine.inputs()[index])];
        engine.set(index, &zero);
    }
    engine.set(reset, &[1]);
    for _ in 0..clocks {
        engine.settle();
        engine.edge();
    }
    engine.set(reset, &[0]);
    Ok(())
}

/// Runs one clock: sources offer, sinks answer, transfers happen. Side inputs keep what they were last set to.
///
/// # Errors
/// If the block breaks a rule of streams, or the engine fails.
pub fn clock(engine: &mut dyn Engine, sources: &mut [&mut Source], sinks: &mut [&mut Sink]) -> Result<(), BenchError> {
    settle(engine, sources, sinks)?;
    edge(engine, sources, sinks)
}

/// The first half of [`clock`]: offers and answers are made and have settled, so that other outputs can be read.
///
/// # Errors
/// If the block breaks a rule of streams, or the engine fails.
pub fn settle(engine: &mut dyn Engine, sources: &mut [&mut Source], sinks: &mut [&mut Sink]) -> Result<(), BenchError> {
    for source in &mut *sources {
        source.drive(engine);
    }
    if sinks.iter().any(|sink| sink.checks_independence()) {
        sinks.iter_mut().for_each(|sink| sink.refuse(engine));
        engine.settle();
        sinks.iter_mut().for_each(|sink| sink.remember(engine));
    }
    sinks.iter_mut().for_each(|sink| sink.drive(engine));
    engine.settle();
    match engine.fault() {
        Some(fault) => Err(fault.clone().into()),
        None => Ok(()),
    }
}

/// The second half of [`clock`]: transfers and the clock edge.
///
/// # Errors
/// If the block breaks a rule of streams.
pub fn edge(engine: &mut dyn Engine, sources: &mut [&mut Source], sinks: &mut [&mut Sink]) -> Result<(), BenchError> {
    for source in sources {
        source.observe(engine);
    }
    for sink in sinks {
        sink.observe(engine)?;
    }
    engine.edge();
    Ok(())
}
