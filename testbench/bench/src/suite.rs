//! The steady state of several designs under several workloads.

use nitro_card::catalogue::card_entry;
use nitro_card::config::Config;
use nitro_simulator::BlockEntry;
use nitro_tools::Tools;

use crate::BenchError;
use crate::card::{self, CardWorkload};
use crate::clock::TimeBase;
use crate::component::{self, COMPONENTS, ComponentWorkload};
use crate::contestant::{EFFORTS, ours, verilated, verilators};
use crate::recording::Recording;
use crate::report::Row;
use crate::steady::{Method, measure};

/// Something to simulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// A whole card.
    Card(Config),
    /// A component, by its name in the catalogues.
    Component(&'static str),
}

/// Something to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Workload {
    Card(CardWorkload),
    Component(ComponentWorkload),
}

impl Workload {
    fn name(self) -> &'static str {
        match self {
            Self::Card(workload) => workload.name(),
            Self::Component(workload) => workload.name(),
        }
    }
}

impl Design {
    /// All of them.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let cards = Config::ALL.iter().map(|config| Self::Card(*config));
        cards.chain(COMPONENTS.map(Self::Component)).collect()
    }

    /// Those that are run if nothing else is asked for: all but the card that only tests use.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        Self::all().into_iter().filter(|design| *design != Self::Card(Config::Tiny)).collect()
    }

    /// Its name: that of the configuration or the component.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Card(config) => config.name(),
            Self::Component(name) => name,
        }
    }

    /// The design of a name.
    ///
    /// # Errors
    /// [`BenchError::Unknown`].
    pub fn from_name(name: &str) -> Result<Self, BenchError> {
        let all = Self::all();
        let known = || all.iter().map(|design| design.name()).collect();
        let found = all.iter().copied().find(|design| design.name() == name);
        found.ok_or_else(|| BenchError::Unknown { kind: "design", name: name.to_owned(), known: known() })
    }

    fn workloads(self) -> Vec<Workload> {
        match self {
            Self::Card(_) => CardWorkload::ALL.map(Workload::Card).to_vec(),
            Self::Component(_) => ComponentWorkload::ALL.map(Workload::Component).to_vec(),
        }
    }

    /// The block.
    ///
    /// # Errors
    /// If no catalogue has the component.
    pub fn entry(self) -> Result<BlockEntry, BenchError> {
        match self {
            Self::Card(config) => Ok(card_entry(config)),
            Self::Component(name) => {
                let unknown =
                    || BenchError::Unknown { kind: "component", name: name.to_owned(), known: COMPONENTS.to_vec() };
                component::entries().into_iter().find(|entry| entry.name == name).ok_or_else(unknown)
            }
        }
    }
}

/// What is measured, and how.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Designs, in this order.
    pub designs: Vec<Design>,
    /// Names of workloads; none for all.
    pub workloads: Vec<String>,
    /// Clocks of traffic.
    pub clocks: usize,
    /// Clocks that `rust_hdl`'s own rules are run for; 0 to leave them out.
    pub rust_hdl_clocks: usize,
    /// Seed of the traffic.
    pub seed: u64,
    /// Compare with every Verilator that there is.
    pub verilator: bool,
    /// Rounds and times.
    pub method: Method,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            designs: Design::usual(),
            workloads: Vec::new(),
            clocks: 20_000,
            rust_hdl_clocks: 100,
            seed: 1,
            verilator: false,
            method: Method { rounds: 5, seconds: 1.0, time: TimeBase::Wall },
        }
    }
}

/// What a run tells while it is at work.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// How many measurements there will be.
    Planned(usize),
    /// What is being done.
    Doing(&'a str),
    /// A measurement is complete: its rows.
    Measured(&'a [Row]),
}

impl Selection {
    /// The workloads of a design that are selected.
    fn workloads_of(&self, design: Design) -> Vec<Workload> {
        let selected = |workload: &Workload| {
            self.workloads.is_empty() || self.workloads.iter().any(|name| name == workload.name())
        };
        design.workloads().into_iter().filter(selected).collect()
    }

    /// Whether every workload asked for is one of some design.
    fn check(&self) -> Result<(), BenchError> {
        let mut known: Vec<&'static str> = Vec::new();
        for workload in Design::all().into_iter().flat_map(Design::workloads) {
            if !known.contains(&workload.name()) {
                known.push(workload.name());
            }
        }
        match self.workloads.iter().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(BenchError::Unknown { kind: "workload", name: name.clone(), known }),
            None => Ok(()),
        }
    }

    fn record(&self, design: Design, entry: &BlockEntry, workload: Workload) -> Result<Recording, BenchError> {
        match (design, workload) {
            (Design::Card(config), Workload::Card(workload)) => card::record(config, workload, self.clocks, self.seed),
            (_, Workload::Component(workload)) => component::record(entry, workload, self.clocks, self.seed),
            (Design::Component(name), Workload::Card(workload)) => {
                let known = ComponentWorkload::ALL.map(ComponentWorkload::name).to_vec();
                Err(BenchError::Unknown { kind: name, name: workload.name().to_owned(), known })
            }
        }
    }

    /// Measures everything that is selected.
    ///
    /// # Errors
    /// At the first thing that fails, or the first engine that differs.
    pub fn run(&self, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Vec<Row>, BenchError> {
        self.check()?;
        let count = self.designs.iter().map(|design| self.workloads_of(*design).len()).sum();
        progress(Progress::Planned(count));
        let verilators = if self.verilator { verilators(&Tools::locate()?)? } else { Vec::new() };
        let mut rows = Vec::new();
        for &design in &self.designs {
            let workloads = self.workloads_of(design);
            if workloads.is_empty() {
                continue;
            }
            let name = design.name();
            progress(Progress::Doing(&format!("{name}: elaborating")));
            let entry = design.entry()?;
            let elaborated = entry.elaborate()?;
            let netlist = elaborated.flatten();
            let mut contestants = verilated(&elaborated, &netlist, &verilators, &EFFORTS, &mut |what| {
                progress(Progress::Doing(&format!("{name}: building {what}")));
            })?;
            contestants.extend(ours(design, &entry, &netlist, self.rust_hdl_clocks));
            for workload in workloads {
                let title = workload.name();
                progress(Progress::Doing(&format!("{name}, {title}: recording the stimulus")));
                let recording = self.record(design, &entry, workload)?;
                let measured = measure(name, title, &recording, &contestants, self.method, &mut |what| {
                    progress(Progress::Doing(&format!("{name}, {title}: {what}")));
                })?;
                progress(Progress::Measured(&measured));
                rows.extend(measured);
            }
        }
        Ok(rows)
    }
}
