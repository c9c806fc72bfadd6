//! `nitro replay`, and the default run.

use std::path::{Path, PathBuf};

use nitro_card::config::Config;
use nitro_replay::capture::{self, CapturedFrame};
use nitro_replay::output;
use nitro_replay::plan::Timing;
use nitro_replay::runner::{Disturbance, RunError};
use nitro_replay::session::{EngineKind, Options, REPLY_AFTER, ReplayError, Trace, replay};
use nitro_simulator::{TraceFile, TraceFormat, TraceOptions};
use nitro_vpc::Vpc;

use crate::args::{Quiet, Replay, TimingName};
use crate::failure::Failure;
use crate::progress::bar;

const DEFAULT_VPC: &str = include_str!("../../../vectors/vpc/default.toml");
const DEFAULT_CAPTURE: &[u8] = include_bytes!("../../../vectors/captures/http-short.pcap");
const DEFAULT_OUT: &str = "nitro-out";
const DEFAULT_CLOCK_MHZ: u32 = 250;

fn failure(error: ReplayError) -> Failure {
    match error {
        ReplayError::NoTrace | ReplayError::Trace(_) | ReplayError::Run(RunError::Driver(_) | RunError::Trace(_)) => {
            Failure::input(error)
        }
        other => Failure::check(other),
    }
}

/// What is done with the outcome.
struct Delivery<'a> {
    out: Option<&'a Path>,
    clock_mhz: u32,
    json: bool,
    quiet: bool,
}

fn session(vpc: &Vpc, frames: &[CapturedFrame], options: &Options, delivery: &Delivery<'_>) -> Result<(), Failure> {
    if let Some(out) = delivery.out {
        output::prepare(out).map_err(Failure::input)?;
    }
    let bar = bar(frames.len(), "replaying", delivery.quiet);
    let outcome = replay(vpc, frames, options, &mut |done| bar.set_position(done as u64)).map_err(failure)?;
    bar.finish_and_clear();
    if let Some(out) = delivery.out {
        output::write(out, &outcome, delivery.clock_mhz).map_err(Failure::input)?;
    }
    let summary = outcome.summary(options.config.name(), options.engine.name());
    if delivery.json {
        println!("{}", serde_json::to_string_pretty(&summary).map_err(Failure::check)?);
    } else {
        println!("card `{}`, engine {}", summary.config, summary.engine);
        print!("{}", summary.table());
    }
    if !delivery.quiet && !delivery.json {
        if let Some(out) = delivery.out {
            println!("\noutputs:  {0}/net.pcapng {0}/guest.pcapng {0}/verdicts.jsonl {0}/counters.json", out.display());
        }
        for file in options.trace.iter().flat_map(|trace| &trace.files) {
            println!("waveform: {} (open it with GTKWave or Surfer)", file.path.display());
        }
    }
    Ok(())
}

/// Replays the embedded capture through the `line` card.
pub fn default_run(quiet: &Quiet) -> Result<(), Failure> {
    let vpc = Vpc::parse(DEFAULT_VPC, Path::new("(embedded) vectors/vpc/default.toml")).map_err(Failure::input)?;
    let frames = capture::parse(DEFAULT_CAPTURE, Path::new("(embedded) vectors/captures/http-short.pcap"))
        .map_err(Failure::input)?;
    let out = PathBuf::from(DEFAULT_OUT);
    let options = Options {
        config: Config::Line,
        engine: EngineKind::default(),
        timing: Timing::Dense,
        disturbance: Disturbance::default(),
        reply_after: REPLY_AFTER,
        from: None,
        trace: Some(Trace {
            files: vec![TraceFile { path: out.join("trace.vcd"), format: TraceFormat::Vcd }],
            options: TraceOptions::default(),
        }),
    };
    if !quiet.quiet {
        println!(
            "replaying vectors/captures/http-short.pcap through the card of vectors/vpc/default.toml (nitro --help shows more)"
        );
    }
    let delivery = Delivery { out: Some(&out), clock_mhz: DEFAULT_CLOCK_MHZ, json: false, quiet: quiet.quiet };
    session(&vpc, &frames, &options, &delivery)
}

/// Replays a capture.
pub fn run(options: &Replay) -> Result<(), Failure> {
    let vpc = Vpc::read(&options.vpc).map_err(Failure::input)?;
    let from = match &options.from {
        None => None,
        Some(name) => Some(eni_number(&vpc, name, &options.vpc)?),
    };
    let frames = capture::read(&options.pcap).map_err(Failure::input)?;
    let config = Config::from(options.config);
    if vpc.enis.len() > config.dimensions().enis() {
        let (name, most, count) = (config.name(), config.dimensions().enis(), vpc.enis.len());
        let file = options.vpc.display();
        return Err(Failure::input(format!(
            "{file}: {count} ENIs; configuration `{name}` has {most}: remove some or use a larger one"
        )));
    }
    let files = [(&options.vcd, TraceFormat::Vcd), (&options.fst, TraceFormat::Fst)];
    let files = files.into_iter().filter_map(|(path, format)| Some(TraceFile { path: path.clone()?, format }));
    let files: Vec<TraceFile> = files.collect();
    let trace = (!files.is_empty()).then(|| Trace {
        files,
        options: TraceOptions {
            from: options.trace_from,
            to: options.trace_to.unwrap_or(u64::MAX),
            scopes: options.trace_scope.clone(),
            clock_nanoseconds: 1000 / options.clock_mhz,
        },
    });
    let session_options = Options {
        config,
        engine: options.engine.map(EngineKind::from).unwrap_or_default(),
        timing: match options.timing {
            TimingName::Dense => Timing::Dense,
            TimingName::File => Timing::File { mhz: options.clock_mhz },
        },
        disturbance: Disturbance { idle: options.idle, backpressure: options.backpressure, seed: options.seed },
        reply_after: options.reply_after,
        from,
        trace,
    };
    let delivery = Delivery {
        out: options.out.as_deref(),
        clock_mhz: options.clock_mhz,
        json: options.json,
        quiet: options.quiet.quiet,
    };
    session(&vpc, &frames, &session_options, &delivery)
}

fn eni_number(vpc: &Vpc, name: &str, file: &Path) -> Result<u8, Failure> {
    let number = vpc.enis.iter().position(|eni| eni.name == name).and_then(|index| u8::try_from(index).ok());
    number.ok_or_else(|| {
        let known: Vec<_> = vpc.enis.iter().map(|eni| eni.name.as_str()).collect();
        Failure::input(format!(
            "--from {name}: {} has no ENI of that name; it has: {}",
            file.display(),
            known.join(", ")
        ))
    })
}
