//! The ports of a top module.

use nitro_netlist::Design;
use nitro_netlist::design::{Module, Role, Signal};

/// Ports that say of others whether they mean something, or that are such by themselves: their last words.
const CONTROL: [&str; 6] = ["tvalid", "tready", "valid", "ready", "irq", "done"];

/// The ports of a module, in order.
pub struct Ports<'a> {
    module: Option<&'a Module>,
}

impl<'a> Ports<'a> {
    /// Those of the top.
    pub fn of(design: &'a Design) -> Self {
        Self { module: design.modules().last() }
    }

    /// Their signals.
    pub fn signals(&self) -> impl Iterator<Item = &'a Signal> + use<'a> {
        let module = self.module;
        module.into_iter().flat_map(|module| module.body.ports.iter().map(|port| module.body.signal(*port)))
    }

    /// Inputs but for the clock and the reset.
    pub fn inputs(&self) -> impl Iterator<Item = &'a Signal> + use<'a> {
        self.signals().filter(|signal| signal.role == Role::Input && signal.name != "reset")
    }

    /// Outputs.
    pub fn outputs(&self) -> impl Iterator<Item = &'a Signal> + use<'a> {
        self.signals().filter(|signal| signal.role == Role::Output)
    }

    /// Outputs that must be known after reset.
    pub fn controls(&self) -> impl Iterator<Item = &'a Signal> + use<'a> {
        self.outputs().filter(|signal| {
            let last = signal.name.rsplit('_').next().unwrap_or_default();
            signal.width == 1 && CONTROL.contains(&last)
        })
    }

    /// There is one of this name.
    pub fn has(&self, name: &str) -> bool {
        self.signals().any(|signal| signal.name == name)
    }

    /// The name of the clock, if there is one.
    pub fn clock(&self) -> Option<&'a str> {
        self.signals().find(|signal| signal.role == Role::Clock).map(|signal| signal.name.as_str())
    }

    /// There is an AXI4-Lite port to the card's registers.
    pub fn has_registers(&self) -> bool {
        ["control_awaddr", "control_araddr", "control_rdata"].iter().all(|name| self.has(name))
    }
}

/// The width of a port as Verilog declares it, with a space behind; nothing for one bit.
pub fn range(width: u32) -> String {
    if width == 1 { String::new() } else { format!("[{}:0] ", width - 1) }
}
