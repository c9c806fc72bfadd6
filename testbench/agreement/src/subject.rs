//! A block made ready: elaborated once, verilated once, run under any number of stimuli.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use nitro_compiler::program::{Goal, Program, ProgramError};
use nitro_netlist::design::Role;
use nitro_netlist::netlist::Port;
use nitro_netlist::{Design, Netlist};
use nitro_simulator::BlockEntry;
use nitro_simulator::engine::EngineFault;
use nitro_simulator::{Engine, InterpretedEngine, Interpreter, Options, PortInfo, TracedEngine};
use nitro_tools::{Effort, Technology, Tools, VerilatedLibrary, VerilogDesign};

use crate::compare::{CompareError, EngineKind, Lanes, compare};
use crate::error::AgreementError;
use crate::stimulus::{Case, RandomStimulus, Stimulus};

/// A block and its engines.
pub struct Subject<'a> {
    entry: &'a BlockEntry,
    kinds: Vec<EngineKind>,
    design: Design,
    netlist: Netlist,
    inputs: Vec<PortInfo>,
    outputs: Vec<PortInfo>,
    /// Built when first needed.
    library: RefCell<Option<Arc<VerilatedLibrary>>>,
    /// The same of gates.
    gates: RefCell<Option<Arc<VerilatedLibrary>>>,
    /// Built when first needed.
    program: RefCell<Option<Program>>,
    /// Interpreters at power-up, by kind and number of lanes.
    compiled: RefCell<HashMap<(EngineKind, usize), Interpreter>>,
}

impl<'a> Subject<'a> {
    /// Elaborates a block. The first of `kinds` is the reference that the others are compared with; the model of
    /// [`EngineKind::Verilator`] is built when it is first run.
    ///
    /// # Errors
    /// If the block cannot be elaborated.
    pub fn new(entry: &'a BlockEntry, kinds: &[EngineKind]) -> Result<Self, AgreementError> {
        let failed = |source| AgreementError::Elaborate { block: entry.name.to_owned(), source: Box::new(source) };
        let design = entry.elaborate().map_err(failed)?;
        let netlist = design.flatten();
        let list = |ports: &[Port]| -> Vec<PortInfo> {
            ports.iter().map(|port| PortInfo { name: port.name.clone(), width: port.width as usize }).collect()
        };
        let (inputs, outputs) = (list(&netlist.inputs), list(&netlist.outputs));
        Ok(Self {
            entry,
            kinds: kinds.to_vec(),
            design,
            netlist,
            inputs,
            outputs,
            library: RefCell::default(),
            gates: RefCell::default(),
            program: RefCell::default(),
            compiled: RefCell::default(),
        })
    }

    /// The block's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.entry.name
    }

    /// The design.
    #[must_use]
    pub fn design(&self) -> &Design {
        &self.design
    }

    /// The block's inputs, without the clock.
    #[must_use]
    pub fn inputs(&self) -> &[PortInfo] {
        &self.inputs
    }

    /// The flat netlist.
    #[must_use]
    pub fn netlist(&self) -> &Netlist {
        &self.netlist
    }

    /// Compares the engines under random cases, one a lane. Returns the number of clocks compared.
    ///
    /// # Errors
    /// At the first difference.
    pub fn check(&self, cases: &[Case]) -> Result<u64, AgreementError> {
        let stimuli =
            cases.iter().map(|case| -> Box<dyn Stimulus> { Box::new(RandomStimulus::new(case, &self.inputs)) });
        let compared = self.compare(&mut stimuli.collect::<Vec<_>>())?;
        compared.map_err(|source| {
            let lane = if let CompareError::Disagreement(disagreement) = &source { disagreement.lane } else { 0 };
            AgreementError::Compare { case: cases.get(lane).copied(), source }
        })
    }

    /// Compares the engines under any stimuli, one a lane. Returns the number of clocks compared.
    ///
    /// # Errors
    /// At the first difference.
    pub fn run(&self, stimuli: &mut [Box<dyn Stimulus + '_>]) -> Result<u64, AgreementError> {
        self.compare(stimuli)?.map_err(|source| AgreementError::Compare { source, case: None })
    }

    fn compare(&self, stimuli: &mut [Box<dyn Stimulus + '_>]) -> Result<Result<u64, CompareError>, AgreementError> {
        let mut engines = Vec::new();
        for &kind in &self.kinds {
            engines.push((kind, self.lanes(kind, stimuli.len())?));
        }
        Ok(compare(self.entry.name, &mut engines, stimuli))
    }

    /// A fresh engine of one kind with every named signal of the block readable.
    ///
    /// # Errors
    /// If the engine cannot be built.
    pub fn traced(&self, kind: EngineKind) -> Result<Box<dyn TracedEngine>, AgreementError> {
        Ok(match kind {
            EngineKind::Interpreted | EngineKind::ManyLanes | EngineKind::Unoptimised => {
                Box::new(InterpretedEngine::traced(&self.netlist))
            }
            EngineKind::RustHdl => {
                self.entry.rust_hdl_traced(&self.netlist).map_err(|source| self.no_rust_hdl(source))?
            }
            EngineKind::Verilator => {
                let package = self.design.verilog();
                let (text, signals) = (package.text(), package.trace_signals(&self.design));
                let verilog = self.verilog(&text);
                let verilator = Tools::locate()?.verilator();
                Box::new(verilator.traced(&verilog, &self.netlist, &signals, Effort::Build)?)
            }
            EngineKind::Compiled | EngineKind::Gates => return Err(AgreementError::NoTrace),
        })
    }

    fn no_rust_hdl(&self, source: EngineFault) -> AgreementError {
        AgreementError::RustHdl { block: self.entry.name.to_owned(), source }
    }

    fn verilog<'s>(&'s self, text: &'s str) -> VerilogDesign<'s> {
        let (top, clock) = (self.design.name(), clock(&self.design));
        VerilogDesign { top, text, clock, inputs: &self.inputs, outputs: &self.outputs }
    }

    /// The verilated model, from the cache or built now.
    ///
    /// # Errors
    /// If Verilator or the C++ compiler fail.
    pub fn library(&self) -> Result<Arc<VerilatedLibrary>, AgreementError> {
        if let Some(library) = self.library.borrow().as_ref() {
            return Ok(Arc::clone(library));
        }
        let text = self.design.verilog().text();
        let library = Tools::locate()?.verilator().library(&self.verilog(&text), Effort::Build)?;
        Ok(Arc::clone(self.library.borrow_mut().insert(library)))
    }

    /// The verilated gates, from the cache or built now.
    fn gates(&self) -> Result<Arc<VerilatedLibrary>, AgreementError> {
        if let Some(library) = self.gates.borrow().as_ref() {
            return Ok(Arc::clone(library));
        }
        let tools = Tools::locate()?;
        let text = self.design.verilog().text();
        let gates = tools.yosys().synthesise(&text, self.design.name(), Technology::Gates)?.verilog()?;
        let library = tools.verilator().library(&self.verilog(&gates), Effort::Netlist)?;
        Ok(Arc::clone(self.gates.borrow_mut().insert(library)))
    }

    /// Interpreters in their power-up state; the netlist is compiled once for each number of lanes.
    fn interpreted(&self, kind: EngineKind, lanes: usize) -> Lanes {
        let mut compiled = self.compiled.borrow_mut();
        let key = (kind, if kind == EngineKind::ManyLanes { lanes } else { 1 });
        lanes_of(compiled.entry(key).or_insert_with(|| interpreter(&self.netlist, kind, lanes)), lanes)
    }

    /// The compiled program, built now if it has not been.
    fn program(&self) -> Result<Program, AgreementError> {
        if let Some(program) = self.program.borrow().as_ref() {
            return Ok(program.clone());
        }
        let program = Program::build(&self.netlist, PROGRAM, Goal::Build)?;
        Ok(self.program.borrow_mut().insert(program).clone())
    }

    /// Fresh engines of one kind, in their power-up state.
    fn lanes(&self, kind: EngineKind, lanes: usize) -> Result<Lanes, AgreementError> {
        Ok(match kind {
            EngineKind::Interpreted | EngineKind::ManyLanes | EngineKind::Unoptimised => self.interpreted(kind, lanes),
            EngineKind::RustHdl => {
                let engine = |_| -> Result<Box<dyn Engine>, EngineFault> { self.entry.rust_hdl() };
                let engines = (0..lanes).map(engine).collect::<Result<_, _>>();
                Lanes::Engines(engines.map_err(|source| self.no_rust_hdl(source))?)
            }
            EngineKind::Compiled => programs(&self.program()?, lanes)?,
            EngineKind::Verilator => models(&self.library()?, lanes),
            EngineKind::Gates => models(&self.gates()?, lanes),
        })
    }
}

/// The netlists are small: code for wide vectors would be compiled a second time for nothing.
pub(crate) const PROGRAM: nitro_compiler::Options =
    nitro_compiler::Options { optimise: true, guards: true, trace: false, wide: false };

/// An interpreter for some lanes: of all of them, or of one by itself.
pub(crate) fn interpreter(netlist: &Netlist, kind: EngineKind, lanes: usize) -> Interpreter {
    // A single lane would get the machine for one lane.
    let lanes = if kind == EngineKind::ManyLanes { lanes.max(2) } else { 1 };
    Interpreter::with_options(netlist, Options { lanes, trace: false, optimise: kind != EngineKind::Unoptimised })
}

fn models(library: &Arc<VerilatedLibrary>, lanes: usize) -> Lanes {
    Lanes::Engines((0..lanes).map(|_| -> Box<dyn Engine> { Box::new(library.instantiate()) }).collect())
}

/// Processes of a compiled program.
pub(crate) fn programs(program: &Program, lanes: usize) -> Result<Lanes, ProgramError> {
    let engine = |_| -> Result<Box<dyn Engine>, ProgramError> { Ok(Box::new(program.start()?)) };
    Ok(Lanes::Engines((0..lanes).map(engine).collect::<Result<_, _>>()?))
}

/// Copies of it for that many lanes.
pub(crate) fn lanes_of(interpreter: &Interpreter, lanes: usize) -> Lanes {
    if interpreter.lanes() > 1 {
        return Lanes::Interpreter(Box::new(interpreter.clone()));
    }
    let engine = InterpretedEngine { interpreter: interpreter.clone() };
    Lanes::Engines((0..lanes).map(|_| -> Box<dyn Engine> { Box::new(engine.clone()) }).collect())
}

/// The name of the top's clock, if it has one.
#[must_use]
pub fn clock(design: &Design) -> Option<&str> {
    let body = &design.modules().last()?.body;
    let ports = body.ports.iter().map(|&port| body.signal(port));
    ports.into_iter().find(|signal| signal.role == Role::Clock).map(|signal| signal.name.as_str())
}
