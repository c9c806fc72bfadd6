//! The command line.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use nitro_card::config::Config;
use nitro_replay::session::{EngineKind, REPLY_AFTER};

/// The first open, synthesizable VPC network card: simulate it on real packets, emit and check its Verilog.
///
/// Without a command it replays an embedded capture through the `line` card and writes packets, verdicts, counters and
/// a waveform to ./nitro-out.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Arguments {
    #[command(flatten)]
    pub quiet: Quiet,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Prints less.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Quiet {
    /// Print results only: no progress, no hints
    #[arg(long)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// One card, real packets in, everything that it did out
    Replay(Box<Replay>),
    /// Write the Verilog of the card or of one block
    Verilog(Verilog),
    /// Check the emitted Verilog: lint, synthesis check, clock-by-clock comparison with the simulators
    Check(Check),
    /// Area, memories and fmax in an open FPGA flow
    Synth(Synth),
    /// Simulated clocks per second, side by side in one run
    #[cfg(feature = "compiled")]
    Bench(Bench),
    /// Print the register map
    Regs(Regs),
}

/// A named configuration of the card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ConfigName {
    /// 512-bit data path, 100G class
    #[default]
    Line,
    /// 64-bit data path, for an LFE5U-85
    Edge,
    /// The smallest, for proofs and quick tests
    Tiny,
}

impl From<ConfigName> for Config {
    fn from(name: ConfigName) -> Self {
        match name {
            ConfigName::Line => Self::Line,
            ConfigName::Edge => Self::Edge,
            ConfigName::Tiny => Self::Tiny,
        }
    }
}

/// What computes the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EngineName {
    /// The netlist, compiled into this program
    Compiled,
    /// The netlist, interpreted
    Interpreted,
    /// rust_hdl's own update rules (slow: the reference)
    #[value(name = "rust_hdl")]
    RustHdl,
    /// The emitted Verilog in Verilator (built once, then cached)
    Verilator,
    /// The golden model, without clocks
    Model,
}

impl From<EngineName> for EngineKind {
    fn from(name: EngineName) -> Self {
        match name {
            EngineName::Compiled => Self::Compiled,
            EngineName::Interpreted => Self::Interpreted,
            EngineName::RustHdl => Self::RustHdl,
            EngineName::Verilator => Self::Verilator,
            EngineName::Model => Self::Model,
        }
    }
}

/// Spacing of the frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TimingName {
    /// Back to back
    #[default]
    Dense,
    /// As the capture's time stamps say
    File,
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..1.0).contains(&value) => Ok(value),
        _ => Err("expected a probability from 0 up to, but not including, 1, such as 0.25".into()),
    }
}

fn clock_mhz(text: &str) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(value) if (1..=500).contains(&value) && 1000 % value == 0 => Ok(value),
        _ => {
            Err("expected a frequency from 1 to 500 MHz whose period is a whole number of nanoseconds, such as 250"
                .into())
        }
    }
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("waveform").args(["vcd", "fst"]).multiple(true)))]
pub struct Replay {
    /// The VPC file
    #[arg(long, value_name = "VPC.toml")]
    pub vpc: PathBuf,
    /// The capture, pcap or pcapng, Ethernet
    #[arg(long, value_name = "IN")]
    pub pcap: PathBuf,
    /// Folder for net.pcapng, guest.pcapng, verdicts.jsonl and counters.json
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Take every frame as sent by this ENI, whatever its addresses
    #[arg(long, value_name = "ENI")]
    pub from: Option<String>,
    /// Spacing of the frames
    #[arg(long, value_enum, default_value_t)]
    pub timing: TimingName,
    /// Clock frequency for time stamps in MHz
    #[arg(long, value_name = "MHZ", default_value = "250", value_parser = clock_mhz)]
    pub clock_mhz: u32,
    /// Configuration of the card
    #[arg(long, value_enum, default_value_t)]
    pub config: ConfigName,
    /// What computes the card [default: compiled]
    #[arg(long, value_enum)]
    pub engine: Option<EngineName>,
    /// Seed of bubbles and backpressure
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Probability of a bubble before each input beat
    #[arg(long, value_name = "P", default_value = "0", value_parser = probability)]
    pub idle: f64,
    /// Probability, in each clock, that an output is not ready
    #[arg(long, value_name = "P", default_value = "0", value_parser = probability)]
    pub backpressure: f64,
    /// Clocks that the mapping service takes to answer a query of the card
    #[arg(long, value_name = "CLOCKS", default_value_t = REPLY_AFTER)]
    pub reply_after: u64,
    /// Write a waveform as VCD
    #[arg(long, value_name = "FILE")]
    pub vcd: Option<PathBuf>,
    /// Write a waveform as FST, which is some tens of times smaller
    #[arg(long, value_name = "FILE")]
    pub fst: Option<PathBuf>,
    /// First clock of the waveform
    #[arg(long, value_name = "CLOCK", default_value_t = 0, requires = "waveform")]
    pub trace_from: u64,
    /// Last clock of the waveform
    #[arg(long, value_name = "CLOCK", requires = "waveform")]
    pub trace_to: Option<u64>,
    /// Only signals at or below this instance path, such as tx_path.parser (repeatable)
    #[arg(long, value_name = "PATH", requires = "waveform")]
    pub trace_scope: Vec<String>,
    /// Print the closing table as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub quiet: Quiet,
}

#[derive(Debug, Args)]
pub struct Verilog {
    /// Configuration of the card
    #[arg(long, value_enum, default_value_t)]
    pub config: ConfigName,
    /// One block instead of the whole card
    #[arg(long, value_name = "NAME")]
    pub block: Option<String>,
    /// Folder for the Verilog files, the file list, the FuseSoC core file, documentation, an example and test benches
    #[arg(long, value_name = "DIR", required_unless_present = "list")]
    pub out: Option<PathBuf>,
    /// List the blocks
    #[arg(long)]
    pub list: bool,
}

#[derive(Debug, Args)]
pub struct Check {
    /// Configuration of the card
    #[arg(long, value_enum, default_value_t)]
    pub config: ConfigName,
    /// One block instead of all
    #[arg(long, value_name = "NAME")]
    pub block: Option<String>,
    /// Seed of the stimuli
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Instead of blocks, compare the interpreters, optimised and not, on this many random netlists
    #[arg(long, value_name = "N", conflicts_with = "block")]
    pub random_netlists: Option<u32>,
    /// Clocks of each random netlist
    #[arg(long, value_name = "CLOCKS", default_value_t = 1000, requires = "random_netlists")]
    pub clocks: u32,
    /// Compare random netlists in the compiled engine, too (needs rustc)
    #[arg(long, requires = "random_netlists")]
    pub compiled: bool,
    /// Compare random netlists with their Verilog in Verilator, too
    #[arg(long, requires = "random_netlists")]
    pub verilator: bool,
    /// Compare blocks with the gates that Yosys makes of them, too
    #[arg(long, conflicts_with_all = ["random_netlists", "cards", "rerun", "prove"])]
    pub gates: bool,
    /// Instead of comparing simulators, prove the properties of blocks, and that each finds its planted fault
    #[arg(long, conflicts_with_all = ["random_netlists", "cards", "rerun"])]
    pub prove: bool,
    /// Instead of blocks, compare cards of at least this many random VPC files with the golden model
    #[arg(long, value_name = "N", conflicts_with_all = ["block", "random_netlists"], value_parser = clap::value_parser!(u64).range(1..))]
    pub cards: Option<u64>,
    /// Random packets for all these cards, at least
    #[arg(long, value_name = "M", default_value_t = 100_000, requires = "cards")]
    pub packets: u64,
    /// Where a case is written that shows a difference
    #[arg(long, value_name = "FILE", default_value = "nitro-out/check.json", requires = "cards")]
    pub case: PathBuf,
    /// Instead of anything else, run a case that was written so (which names its configuration)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "block", "random_netlists", "cards"])]
    pub rerun: Option<PathBuf>,
    /// What computes the cards [default: compiled]
    #[arg(long, value_enum, conflicts_with_all = ["block", "random_netlists"])]
    pub engine: Option<EngineName>,
    /// Print the results as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub quiet: Quiet,
}

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// Lattice ECP5
    Ecp5,
    /// Lattice iCE40
    Ice40,
    /// AMD UltraScale+, mapping only
    Xilinx,
    /// Gates of two inputs; memories of more than 64 words stay memories
    Generic,
}

impl From<Target> for nitro_tools::Technology {
    fn from(target: Target) -> Self {
        match target {
            Target::Ecp5 => Self::Ecp5,
            Target::Ice40 => Self::Ice40,
            Target::Xilinx => Self::UltraScalePlus,
            Target::Generic => Self::Gates,
        }
    }
}

#[derive(Debug, Args)]
pub struct Synth {
    /// Technologies, separated by commas
    #[arg(long, value_enum, required = true, value_delimiter = ',')]
    pub target: Vec<Target>,
    /// Configuration of the card
    #[arg(long, value_enum, default_value_t)]
    pub config: ConfigName,
    /// One block instead of the whole card
    #[arg(long, value_name = "NAME")]
    pub block: Option<String>,
    /// Every block, and not the card
    #[arg(long, conflicts_with = "block")]
    pub every_block: bool,
    /// Place and route on LFE5U-85F, too
    #[arg(long)]
    pub pnr: bool,
    /// What each part takes, this many levels deep; each is mapped by itself, so that the sum is more than the whole
    #[arg(long, value_name = "DEPTH", conflicts_with_all = ["pnr", "baseline"])]
    pub parts: Option<usize>,
    /// Seeds of the placer, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "1", requires = "pnr")]
    pub seed: Vec<u64>,
    /// Speed grades, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "6", requires = "pnr", value_parser = clap::value_parser!(u32).range(6..=8))]
    pub speed: Vec<u32>,
    /// Fail where a block differs from these rows, which --json printed
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// How many percent a count of cells may differ from the baseline; RAMs and DSPs may not
    #[arg(long, default_value_t = 5, requires = "baseline")]
    pub tolerance: u64,
    /// Print the results as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub quiet: Quiet,
}

/// A simulator to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Opponent {
    /// The emitted Verilog in every Verilator there is, for speed and for size
    Verilator,
}

/// A benchmark.
#[cfg(feature = "compiled")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchSection {
    /// Clocks per second of every engine
    Steady,
    /// From a block, and from an edit, to the first clock
    ColdStart,
    /// What VCD and FST cost
    Vcd,
    /// Batches of property-test cases over lanes and threads
    Lanes,
    /// Growth with the design, up to a million netlist nodes
    Scale,
    /// Clocks, not seconds: what the hardware does in how many of them
    Hardware,
    /// All of these
    All,
}

fn rounds(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|rounds| (1..=1000).contains(rounds)).ok_or_else(|| "expected 1 to 1000".into())
}

fn clocks(text: &str) -> Result<usize, String> {
    let expected = || "expected 100 to 1000000, such as 20000".into();
    text.parse().ok().filter(|clocks| (100..=1_000_000).contains(clocks)).ok_or_else(expected)
}

#[cfg(feature = "compiled")]
#[derive(Debug, Args)]
pub struct Bench {
    /// Another simulator, on the same stimulus
    #[arg(long, value_enum)]
    pub against: Option<Opponent>,
    /// Which benchmark (repeatable)
    #[arg(long, value_enum, default_value = "steady")]
    pub section: Vec<BenchSection>,
    /// Only the section `hardware`: rates, latencies, a flood, the cuckoo table's load
    #[arg(long, conflicts_with = "section")]
    pub hardware: bool,
    /// Largest design of `scale` in netlist nodes
    #[arg(long, value_name = "NODES", default_value_t = 1_000_000)]
    pub scale_nodes: usize,
    /// Largest design of `scale` that Verilator is given too; its C++ takes minutes to compile beyond
    #[arg(long, value_name = "NODES", default_value_t = 100_000)]
    pub scale_verilator_nodes: usize,
    /// Only the card of this configuration (repeatable)
    #[arg(long, value_enum)]
    pub config: Vec<ConfigName>,
    /// Only this design: a configuration or a component (repeatable)
    #[arg(long, value_name = "NAME")]
    pub design: Vec<String>,
    /// Only this workload (repeatable)
    #[arg(long, value_name = "NAME")]
    pub workload: Vec<String>,
    /// Rounds in which every engine runs once
    #[arg(long, default_value = "5", value_parser = rounds)]
    pub rounds: usize,
    /// Clocks of traffic that are recorded
    #[arg(long, default_value = "20000", value_parser = clocks)]
    pub clocks: usize,
    /// Seed of the traffic
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Little of everything: to see that it works, not for numbers
    #[arg(long)]
    pub quick: bool,
    /// Measure the time on the processor, not on the wall: for a machine that does other things, too
    #[arg(long)]
    pub thread_time: bool,
    /// Print the results as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub quiet: Quiet,
}

/// A form of the register map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RegsFormat {
    /// Markdown
    Md,
    /// C header
    C,
    /// SystemRDL
    Rdl,
    /// JSON
    Json,
}

#[derive(Debug, Args)]
pub struct Regs {
    /// Form of the register map
    #[arg(long, value_enum)]
    pub format: RegsFormat,
}
