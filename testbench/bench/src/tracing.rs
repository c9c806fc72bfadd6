//! What a waveform costs: speed with VCD or FST on, against the same engine without.

use nitro_card::config::Config;
use nitro_netlist::{ElaborateError, Netlist};
use nitro_simulator::{InterpretedEngine, TraceFile, TraceFormat, TraceOptions, TraceWriter, TracedEngine};

use crate::BenchError;
use crate::card::{self, CardWorkload};
use crate::clock::{Stopwatch, TimeBase};
use crate::hash::OutputHash;
use crate::machine::Machine;
use crate::recording::{Recording, output_image};
use crate::report::{Finding, median};

/// Name of the section.
pub const SECTION: &str = "vcd";

/// One way to run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The engine as fast as it is.
    Off,
    /// The engine that keeps all signals, and writes them.
    On(TraceFormat),
}

impl Mode {
    const ALL: [Self; 3] = [Self::Off, Self::On(TraceFormat::Vcd), Self::On(TraceFormat::Fst)];

    fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On(TraceFormat::Vcd) => "VCD",
            Self::On(TraceFormat::Fst) => "FST",
        }
    }
}

/// An engine, without and with signals.
struct Pair<'a> {
    name: &'static str,
    /// Clocks that a round has time for.
    clocks: usize,
    plain: Box<dyn Fn() -> Machine + 'a>,
    traced: Box<dyn Fn() -> Result<Box<dyn TracedEngine>, ElaborateError> + 'a>,
}

/// One timed run: clocks per second until the file is complete, and the file's bytes.
fn run(pair: &Pair<'_>, mode: Mode, recording: &Recording, netlist: &Netlist) -> Result<(f64, u64, u64), BenchError> {
    let clocks = pair.clocks.min(recording.traffic_hashes.len());
    #[expect(clippy::cast_precision_loss, reason = "clocks are far below 2^52")]
    let speed = |watch: Stopwatch| clocks as f64 / watch.elapsed().seconds(TimeBase::Wall);
    let Mode::On(format) = mode else {
        let mut machine = (pair.plain)();
        machine.lead(recording);
        let watch = Stopwatch::start();
        let played = machine.traffic(recording, clocks);
        return Ok((speed(watch), 0, played.lanes.first().map_or(0, |(hash, _)| *hash)));
    };
    let folder = tempfile::tempdir().map_err(|source| BenchError::Io {
        action: "create a folder in",
        path: std::env::temp_dir().display().to_string(),
        source,
    })?;
    let path = folder.path().join("trace");
    let mut engine = (pair.traced)()?;
    let mut outputs = output_image(engine.as_ref());
    for image in recording.lead() {
        engine.clock(image, &mut outputs);
    }
    let words: Vec<(usize, usize)> = places(engine.inputs());
    let output_words = places(engine.outputs());
    let files = [TraceFile { path: path.clone(), format }];
    let mut writer = TraceWriter::create(&files, netlist, &TraceOptions::default())?;
    let mut hash = OutputHash::default();
    let watch = Stopwatch::start();
    for image in recording.traffic().take(clocks) {
        for (index, &(at, count)) in words.iter().enumerate() {
            engine.set(index, &image[at..at + count]);
        }
        engine.settle();
        for (index, &(at, count)) in output_words.iter().enumerate() {
            engine.get(index, &mut outputs[at..at + count]);
        }
        hash.add(&outputs);
        writer.sample(engine.as_mut())?;
        engine.edge();
    }
    writer.finish()?;
    let speed = speed(watch);
    let bytes = path.metadata().map(|file| file.len()).unwrap_or(0);
    Ok((speed, bytes, hash.value()))
}

/// Where each port begins in an image, and its words.
fn places(ports: &[nitro_simulator::PortInfo]) -> Vec<(usize, usize)> {
    let mut at = 0;
    ports
        .iter()
        .map(|port| {
            let place = (at, port.words());
            at += port.words();
            place
        })
        .collect()
}

/// Measures a card with both engines that write traces.
///
/// # Errors
/// If the card cannot be elaborated, a file cannot be written, or an engine differs.
pub fn measure(
    config: Config,
    clocks: usize,
    rounds: usize,
    seed: u64,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Finding>, BenchError> {
    let netlist = nitro_card::catalogue::card_entry(config).netlist()?;
    let pairs = [
        Pair {
            name: "compiled",
            clocks,
            plain: Box::new(|| Machine::One(nitro_compiled::card(config))),
            traced: Box::new(|| nitro_compiled::traced_card(config)),
        },
        Pair {
            name: "interpreted",
            clocks: clocks.div_ceil(10),
            plain: Box::new(|| Machine::interpreted(&netlist)),
            traced: Box::new(|| Ok(Box::new(InterpretedEngine::traced(&netlist)))),
        },
    ];
    let mut findings = Vec::new();
    for workload in [CardWorkload::Saturated64, CardWorkload::Random, CardWorkload::Load1] {
        progress(&format!("{config}, {}: recording the stimulus", workload.name()));
        let recording = card::record(config, workload, clocks, seed)?;
        for pair in &pairs {
            let mut speeds = [const { Vec::new() }; Mode::ALL.len()];
            let mut sizes = [0; Mode::ALL.len()];
            for _ in 0..rounds {
                for (index, mode) in Mode::ALL.into_iter().enumerate() {
                    progress(&format!("{config}, {}: {} with {}", workload.name(), pair.name, mode.name()));
                    let (speed, bytes, hash) = run(pair, mode, &recording, &netlist)?;
                    let last = pair.clocks.min(recording.traffic_hashes.len()).saturating_sub(1);
                    let expected = recording.traffic_hashes.get(last).copied().unwrap_or_default();
                    if hash != expected {
                        return Err(BenchError::Unequal {
                            design: config.name().to_owned(),
                            workload: workload.name().to_owned(),
                            engine: format!("{} with {}", pair.name, mode.name()),
                            found: hash,
                            expected,
                        });
                    }
                    speeds[index].push(speed);
                    sizes[index] = bytes;
                }
            }
            let off = median(&speeds[0]);
            for ((mode, rounds), bytes) in Mode::ALL.into_iter().zip(speeds).zip(sizes) {
                let ratio = rounds.iter().map(|speed| speed / off).collect::<Vec<_>>();
                let quantity = |what: &str| format!("{}, {} {what}", workload.name(), mode.name());
                findings.push(Finding::new(SECTION, config.name(), pair.name, &quantity(""), "clocks/s", rounds));
                if mode != Mode::Off {
                    let finding = Finding::new(SECTION, config.name(), pair.name, &quantity("÷ off"), "1", ratio);
                    let clocks = pair.clocks.min(recording.traffic_hashes.len()).max(1) as u64;
                    findings.push(finding.note(&format!("{} bytes a clock", bytes / clocks)));
                }
            }
        }
    }
    Ok(findings)
}
