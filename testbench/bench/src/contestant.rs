//! The engines that a design is run on.

use std::sync::Arc;

use nitro_agreement::clock;
use nitro_netlist::{Design, Netlist};
use nitro_simulator::{BlockEntry, Engine, PortInfo};
use nitro_tools::{Effort, Tools, VerilatedLibrary, Verilator, VerilogDesign};

use crate::BenchError;
use crate::machine::{InterpretedLanes, Machine};

/// Lanes of the interpreter when it runs many.
pub const MANY_LANES: usize = 64;

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
    start: Box<dyn Fn() -> Result<Machine, BenchError> + 'a>,
}

impl<'a> Contestant<'a> {
    /// An engine of the project.
    pub fn new(engine: &'static str, start: impl Fn() -> Result<Machine, BenchError> + 'a) -> Self {
        Self { engine, version: None, flags: None, part: Part::Traffic, start: Box::new(start) }
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

/// Every Verilator that there is: the pinned one, and the distribution's.
///
/// # Errors
/// If one is there but does not work.
pub fn verilators(tools: &Tools) -> Result<Vec<Verilator>, BenchError> {
    Ok([Some(tools.verilator()), tools.system_verilator()?].into_iter().flatten().collect())
}

/// Builds a design in every Verilator, for speed and for size. `progress` is told of each build.
///
/// # Errors
/// If Verilator or the C++ compiler fails.
pub fn verilated(
    design: &Design,
    netlist: &Netlist,
    verilators: &[Verilator],
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
    for verilator in verilators {
        let release = verilator.release()?;
        for effort in [Effort::Speed, Effort::Size] {
            progress(&format!("Verilator {release} {}", effort.flags().join(" ")));
            let library = verilator.library(&verilog, effort)?;
            contestants.push(Contestant::verilator(library, release.clone(), effort));
        }
    }
    Ok(contestants)
}

/// The engines of the project for one design. A further one is one more line here.
#[must_use]
pub fn ours<'a>(entry: &'a BlockEntry, netlist: &'a Netlist, rust_hdl_clocks: usize) -> Vec<Contestant<'a>> {
    let mut contestants = vec![
        Contestant::new("interpreted", || Ok(Machine::interpreted(netlist))),
        Contestant::new("interpreted", || Ok(Machine::Many(Box::new(InterpretedLanes::new(netlist, MANY_LANES))))),
    ];
    if rust_hdl_clocks > 0 {
        let rust_hdl = Contestant::new("rust_hdl", || Ok(Machine::One(entry.rust_hdl()?)));
        contestants.push(rust_hdl.only_the_start(rust_hdl_clocks));
    }
    contestants
}
