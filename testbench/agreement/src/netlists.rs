//! Engines on random netlists: what no block happens to contain.
//!
//! The reference is the interpreter on the netlist as it is; a further engine is one more [`NetlistEngine`]. Engines that take
//! long to build get many netlists at once, side by side.

use std::fmt;

use nitro_compiler::program::{Goal, Program};
use nitro_netlist::netlist::Port;
use nitro_netlist::{Design, Netlist};
use nitro_simulator::random::{Draw, Random, build};
use nitro_simulator::validate::{NetlistError, validate};
use nitro_simulator::{Engine, PortInfo};
use nitro_tools::{Effort, Tools, VerilogDesign};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestCaseError, TestError};

use crate::compare::{CompareError, EngineKind, Lanes, compare};
use crate::error::AgreementError;
use crate::property::runner;
use crate::stimulus::{Case, RandomStimulus, Stimulus, Style};
use crate::subject::{PROGRAM, clock, interpreter, lanes_of, programs};

/// An engine for any netlist.
pub trait NetlistEngine {
    /// Its name.
    fn kind(&self) -> EngineKind;
    /// That many lanes of the netlist, at power-up.
    ///
    /// # Errors
    /// If the engine cannot be built.
    fn start(&self, netlist: &Netlist, lanes: usize) -> Result<Lanes, AgreementError>;
}

/// An interpreter: [`EngineKind::Unoptimised`], [`EngineKind::Interpreted`] or [`EngineKind::ManyLanes`].
#[derive(Clone, Copy, Debug)]
pub struct Interpreted(pub EngineKind);

impl NetlistEngine for Interpreted {
    fn kind(&self) -> EngineKind {
        self.0
    }
    fn start(&self, netlist: &Netlist, lanes: usize) -> Result<Lanes, AgreementError> {
        Ok(lanes_of(&interpreter(netlist, self.0, lanes), lanes))
    }
}

/// The netlist as Rust source, compiled.
#[derive(Clone, Copy, Debug)]
pub struct Compiled;

impl NetlistEngine for Compiled {
    fn kind(&self) -> EngineKind {
        EngineKind::Compiled
    }
    fn start(&self, netlist: &Netlist, lanes: usize) -> Result<Lanes, AgreementError> {
        Ok(programs(&Program::build(netlist, PROGRAM, Goal::Build)?, lanes)?)
    }
}

/// Random netlists compare with constants in vain, which the elaborator never leaves to the Verilog.
const LINT: &str = "/* verilator lint_off UNSIGNED */\n/* verilator lint_off CMPCONST */\n";

/// The netlist as Verilog, in Verilator.
#[derive(Clone, Copy, Debug)]
pub struct Verilated;

impl NetlistEngine for Verilated {
    fn kind(&self) -> EngineKind {
        EngineKind::Verilator
    }
    fn start(&self, netlist: &Netlist, lanes: usize) -> Result<Lanes, AgreementError> {
        let design = Design::of_netlist(netlist);
        let text = format!("{LINT}{}", design.verilog().text());
        let list = |ports: &[Port]| -> Vec<PortInfo> {
            ports.iter().map(|port| PortInfo { name: port.name.clone(), width: port.width as usize }).collect()
        };
        let (inputs, outputs) = (list(&netlist.inputs), list(&netlist.outputs));
        let verilog = VerilogDesign {
            top: design.name(),
            text: &text,
            clock: clock(&design),
            inputs: &inputs,
            outputs: &outputs,
        };
        let library = Tools::locate()?.verilator().library(&verilog, Effort::Build)?;
        Ok(Lanes::Engines((0..lanes).map(|_| -> Box<dyn Engine> { Box::new(library.instantiate()) }).collect()))
    }
}

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Soak {
    /// Random netlists.
    pub netlists: u32,
    /// Clocks of each, in every lane.
    pub clocks: u32,
    /// Stimuli of each netlist.
    pub lanes: usize,
    /// Steps that the largest netlist is made in.
    pub draws: usize,
    /// Netlists that are built side by side; 1 unless an engine takes long to build.
    pub batch: usize,
    /// Decides netlists and stimuli; without it they are others every time.
    pub seed: Option<u64>,
}

impl Default for Soak {
    /// Some seconds of work.
    fn default() -> Self {
        Self { netlists: 300, clocks: 150, lanes: 2, draws: 60, batch: 1, seed: None }
    }
}

/// What was compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// Netlists.
    pub netlists: u32,
    /// Clocks, summed over netlists and lanes.
    pub clocks: u64,
}

/// What was found.
#[derive(Debug, thiserror::Error)]
pub enum SoakError {
    /// Engines differ on a netlist, or one cannot be built.
    #[error("{source}\non a random netlist of {} steps, the simplest found; `nitro_simulator::random::build` makes it from\n{draws:?}\nunder stimulus seed {seed}", draws.len())]
    Netlist {
        /// How.
        source: Box<AgreementError>,
        /// What the netlist is made of.
        draws: Vec<Draw>,
        /// Seed of the stimuli.
        seed: u64,
    },
    /// The generator made a netlist that is none.
    #[error("the generator made a bad netlist: {source}, from\n{draws:?}")]
    Generator {
        /// Which rule it breaks.
        source: NetlistError,
        /// What it is made of.
        draws: Vec<Draw>,
    },
}

/// Netlists and the seed of their stimuli.
#[derive(Clone)]
struct Trial {
    parts: Vec<Vec<Draw>>,
    seed: u64,
}

impl fmt::Debug for Trial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} netlists, seed {}", self.parts.len(), self.seed)
    }
}

fn draws(most: usize) -> impl Strategy<Value = Vec<Draw>> {
    let draw =
        (any::<u8>(), any::<u16>(), any::<[u32; 3]>()).prop_map(|(kind, width, choices)| Draw { kind, width, choices });
    proptest::collection::vec(draw, 1..=most.max(1))
}

impl Soak {
    /// Compares engines, the first of which is the reference, on random netlists; `progress` is told how many are done.
    ///
    /// # Errors
    /// With the simplest netlist found that the engines differ on.
    pub fn run(&self, engines: &[&dyn NetlistEngine], mut progress: impl FnMut(u32)) -> Result<Agreed, SoakError> {
        // Building an engine for each attempt to simplify may take seconds.
        let attempts = if self.batch > 1 { 48 } else { 4_000 };
        let mut runner = runner(Config { max_shrink_iters: attempts, ..Config::default() }, self.seed);
        let mut agreed = Agreed::default();
        while agreed.netlists < self.netlists {
            let count = self.batch.clamp(1, (self.netlists - agreed.netlists) as usize);
            let mut trees = Vec::new();
            while trees.len() < count {
                trees.extend(draws(self.draws).new_tree(&mut runner));
            }
            let seed = runner.rng().next_u64();
            let parts: Vec<Vec<Draw>> = trees.iter().map(ValueTree::current).collect();
            let trial = Trial { parts, seed };
            match self.trial(engines, &trial) {
                Ok(clocks) => agreed.clocks += clocks,
                Err(Failure::Generator(error)) => return Err(error),
                Err(Failure::Compare(error, part)) => {
                    let tree = trees.swap_remove(part.unwrap_or(0).min(trees.len() - 1));
                    return Err(self.simplest(engines, &mut runner, tree, seed, error));
                }
            }
            agreed.netlists += u32::try_from(count).unwrap_or(u32::MAX);
            progress(agreed.netlists);
        }
        Ok(agreed)
    }

    /// Cuts a failing netlist down to what makes it fail.
    fn simplest(
        &self,
        engines: &[&dyn NetlistEngine],
        runner: &mut proptest::test_runner::TestRunner,
        tree: impl ValueTree<Value = Vec<Draw>>,
        seed: u64,
        error: Box<AgreementError>,
    ) -> SoakError {
        let whole = tree.current();
        let one = |draws: Vec<Draw>| Trial { parts: vec![draws], seed };
        let found = runner.run_one(tree, |draws| match self.trial(engines, &one(draws)) {
            Err(Failure::Compare(error, _)) => Err(TestCaseError::fail(error.to_string())),
            _ => Ok(()),
        });
        if let Err(TestError::Fail(_, draws)) = found
            && let Err(Failure::Compare(source, _)) = self.trial(engines, &one(draws.clone()))
        {
            return SoakError::Netlist { source, draws, seed };
        }
        // It takes its neighbours to fail.
        SoakError::Netlist { source: error, draws: whole, seed }
    }

    /// Runs some netlists, side by side if they are several.
    fn trial(&self, engines: &[&dyn NetlistEngine], trial: &Trial) -> Result<u64, Failure> {
        let mut netlists = Vec::new();
        for draws in &trial.parts {
            let netlist = build(draws);
            if let Err(source) = validate(&netlist) {
                return Err(Failure::Generator(SoakError::Generator { source, draws: draws.clone() }));
            }
            netlists.push(netlist);
        }
        let merged = Netlist::side_by_side("netlists", &netlists);
        let inputs: Vec<PortInfo> =
            merged.inputs.iter().map(|port| PortInfo { name: port.name.clone(), width: port.width as usize }).collect();
        let mut random = Random::new(trial.seed);
        let stimuli = (0..self.lanes.max(1)).map(|_| -> Box<dyn Stimulus> {
            let style = Style::ALL[random.below(Style::ALL.len())];
            let case = Case { seed: random.word(), clocks: self.clocks, style };
            Box::new(RandomStimulus::new(&case, &inputs))
        });
        let mut stimuli: Vec<_> = stimuli.collect();
        let mut started = Vec::new();
        for engine in engines {
            let lanes =
                engine.start(&merged, stimuli.len()).map_err(|error| Failure::Compare(Box::new(error), None))?;
            started.push((engine.kind(), lanes));
        }
        compare(&merged.name, &mut started, &mut stimuli).map_err(|source| {
            let part = match &source {
                CompareError::Disagreement(found) => part(&found.port),
                _ => None,
            };
            Failure::Compare(Box::new(AgreementError::Compare { source, case: None }), part)
        })
    }
}

/// The netlist that a port of several side by side belongs to.
fn part(port: &str) -> Option<usize> {
    port.strip_prefix('p')?.split('_').next()?.parse().ok()
}

/// What went wrong with some netlists.
enum Failure {
    Generator(SoakError),
    /// The engines, and if known on which of the netlists.
    Compare(Box<AgreementError>, Option<usize>),
}
