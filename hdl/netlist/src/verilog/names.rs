//! Where the Verilog has the design's named signals.

use super::VerilogPackage;
use crate::design::{Design, ModuleId, Role};

/// The names in one module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ModuleNames {
    /// Of its instances.
    pub instances: Vec<String>,
    /// For each signal the name that holds its value; `None` if it stands only as an expression where it is used.
    pub signals: Vec<Option<String>>,
}

/// A port, wire or register of the Verilog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerilogSignal {
    /// Instance names from below the top down.
    pub scope: Vec<String>,
    /// Name of the module that the innermost of them is an instance of.
    pub module: String,
    /// Its name there.
    pub name: String,
}

impl VerilogPackage {
    /// For each signal of the [trace](crate::Netlist::trace) of the design that was printed: where the Verilog has its value.
    /// `None` for one that has no name there, because it stands only as an expression where it is used.
    #[must_use]
    pub fn trace_signals(&self, design: &Design) -> Vec<Option<VerilogSignal>> {
        let mut signals = Vec::new();
        if let Some(top) = design.modules().len().checked_sub(1).and_then(|top| u32::try_from(top).ok()) {
            self.collect(design, ModuleId(top), &mut Vec::new(), &mut signals);
        }
        signals
    }

    /// In the order of the flat netlist: a module's signals, then those of its instances.
    fn collect(
        &self,
        design: &Design,
        id: ModuleId,
        scope: &mut Vec<String>,
        signals: &mut Vec<Option<VerilogSignal>>,
    ) {
        let (module, names) = (&design.modules()[id.0 as usize], &self.names[id.0 as usize]);
        for (signal, name) in module.body.signals.iter().zip(&names.signals) {
            if !matches!(signal.role, Role::Clock | Role::ToInstance | Role::FromInstance) {
                let place = |name: &String| VerilogSignal {
                    scope: scope.clone(),
                    module: module.name.clone(),
                    name: name.clone(),
                };
                signals.push(name.as_ref().map(place));
            }
        }
        for (instance, name) in module.body.instances.iter().zip(&names.instances) {
            scope.push(name.clone());
            self.collect(design, instance.module, scope, signals);
            scope.pop();
        }
    }
}
