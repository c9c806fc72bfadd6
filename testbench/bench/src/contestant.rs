//! The engines that a design is run on.

use std::sync::Arc;

use nitro_agreement::clock;
use nitro_card::config::Config;
use nitro_netlist::{Design as Elaborated, Netlist};
use nitro_simulator::{BlockEntry, Engine, PortInfo};
use nitro_tools::{Effort, Tools, VerilatedLibrary, Verilator, VerilogDesign};

use crate::BenchError;
use crate::machine::Machine;
use crate::suite::Design;

/// Lanes of the interpreter when it runs many.
pub const MANY_LANES: usize = 64;
/// States in the array of the compiled engine: few enough to stay in the processor's cache.
pub const COMPILED_LANES: usize = 8;

/// Which part of a recording an engine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The traffic, after the lead; less of it if the engine is slow.
    Traffic,
    /// Only the first clocks of the lead, this many: for an engine that would take minutes to get any further.
    Start(usize),
}

/// One engine, ready to be started as often as wanted.
pub struct Contestant<'a> {
    /// Its name, as on the command line.
    pub engine: &'static str,
    /// Version of a foreign one.
    pub version: Option<String>,
    /// Flags that a foreign one was built with.
    pub flags: Option<String>,
    /// What of the recording it runs.
    pub part: Part,
    /// It computes in a thread of its own.
    pub own_thread: bool,
    start: Box<dyn Fn() -> Result<Machine, BenchError> + 'a>,
}

impl<'a> Contestant<'a> {
    /// An engine of the project.
    pub fn new(engine: &'static str, start: impl Fn() -> Result<Machine, BenchError> + 'a) -> Self {
        Self { engine, version: None, flags: None, part: Part::Traffic, own_thread: false, start: Box::new(start) }
    }

    /// The same, for the first clocks only.
    #[must_use]
    pub fn only_the_start(mut self, clocks: usize) -> Self {
        self.part = Part::Start(clocks);
        self
    }

    /// Verilator, in its version and with its flags.
    fn verilator(library: Arc<VerilatedLibrary>, version: String, effort: Effort) -> Self {
        let flags = format!("{} {}", effort.verilator_options().join(" "), effort.flags().join(" "));
        let start = move || Ok(Machine::One(Box::new(library.instantiate()) as Box<dyn Engine>));
        Self { version: Some(version), flags: Some(flags), ..Self::new("verilator", start) }
    }

    /// Whether it is the one that the others are compared with.
    #[must_use]
    pub fn is_verilator(&self) -> bool {
        self.engine == "verilator"
    }

    /// Starts it in its power-up state.
    ///
    /// # Errors
    /// If it cannot be had.
    pub fn start(&self) -> Result<Machine, BenchError> {
        (self.start)()
    }

    /// Its name with everything that tells it from the others.
    #[must_use]
    pub fn title(&self) -> String {
        let details = [&self.version, &self.flags].into_iter().flatten();
        details.fold(self.engine.to_owned(), |title, detail| format!("{title} {detail}"))
    }
}

/// A Verilator and its version.
pub type Versioned = (Verilator, String);

/// The pinned Verilator.
#[must_use]
pub fn pinned_verilator(tools: &Tools) -> Versioned {
    (tools.verilator(), Tools::verilator_release().to_owned())
}

/// Every Verilator that there is: the pinned one, and the distribution's.
///
/// # Errors
/// If one is there but does not work.
pub fn verilators(tools: &Tools) -> Result<Vec<Versioned>, BenchError> {
    let mut verilators = vec![pinned_verilator(tools)];
    if let Some(verilator) = tools.system_verilator()? {
        let release = verilator.release()?;
        verilators.push((verilator, release));
    }
    Ok(verilators)
}

/// For speed, and for size: which is faster depends on the design.
pub const EFFORTS: [Effort; 2] = [Effort::Speed, Effort::Size];

/// Builds a design in every Verilator with every effort. `progress` is told of each build.
///
/// # Errors
/// If Verilator or the C++ compiler fails.
pub fn verilated(
    design: &Elaborated,
    netlist: &Netlist,
    verilators: &[Versioned],
    efforts: &[Effort],
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Contestant<'static>>, BenchError> {
    let text = design.verilog().text();
    let list = |ports: &[nitro_netlist::netlist::Port]| -> Vec<PortInfo> {
        ports.iter().map(|port| PortInfo { name: port.name.clone(), width: port.width as usize }).collect()
    };
    let (inputs, outputs) = (list(&netlist.inputs), list(&netlist.outputs));
    let verilog =
        VerilogDesign { top: design.name(), text: &text, clock: clock(design), inputs: &inputs, outputs: &outputs };
    let mut contestants = Vec::new();
    for (verilator, release) in verilators {
        for &effort in efforts {
            progress(&format!("Verilator {release} {}", effort.flags().join(" ")));
            let library = verilator.library(&verilog, effort)?;
            contestants.push(Contestant::verilator(library, release.clone(), effort));
        }
    }
    Ok(contestants)
}

/// The compiled card over an array of states.
#[must_use]
pub fn compiled_lanes(config: Config, lanes: usize) -> Machine {
    match config {
        Config::Line => Machine::compiled_lanes::<nitro_compiled::Line>(lanes),
        Config::Edge => Machine::compiled_lanes::<nitro_compiled::Edge>(lanes),
        Config::Tiny => Machine::compiled_lanes::<nitro_compiled::Tiny>(lanes),
    }
}

/// The engines of the project for one design. A further one is one more line here.
#[must_use]
pub fn ours<'a>(
    design: Design,
    entry: &'a BlockEntry,
    netlist: &'a Netlist,
    rust_hdl_clocks: usize,
) -> Vec<Contestant<'a>> {
    let mut contestants = Vec::new();
    if let Design::Card(config) = design {
        contestants.push(Contestant::new("compiled", move || Ok(Machine::One(nitro_compiled::card(config)))));
        contestants.push(Contestant::new("compiled", move || Ok(compiled_lanes(config, COMPILED_LANES))));
    }
    contestants.push(Contestant::new("interpreted", || Ok(Machine::interpreted(netlist))));
    contestants.push(Contestant::new("interpreted", || Ok(Machine::interpreted_lanes(netlist, MANY_LANES))));
    if rust_hdl_clocks > 0 {
        let rust_hdl = Contestant::new("rust_hdl", || Ok(Machine::One(entry.rust_hdl()?)));
        contestants.push(Contestant { own_thread: true, ..rust_hdl.only_the_start(rust_hdl_clocks) });
    }
    contestants
}
