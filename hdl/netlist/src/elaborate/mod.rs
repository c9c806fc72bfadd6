//! From a live `rust_hdl` block to a [`Design`].
//!
//! 1. [`scope`] walks the block with a probe and takes out plain data.
//! 2. [`kernel`] and [`evaluate`] execute each kernel symbolically.
//! 3. [`leaf`] turns the primitives into registers and memories of their parent's module.
//! 4. This file puts the modules together, equal ones once, and flattens the whole (which finds combinational loops).

mod errors;
mod evaluate;
mod kernel;
mod leaf;
mod scope;
mod symbols;
mod text;
mod types;

use std::collections::{HashMap, HashSet};

use rust_hdl::core::ast::{VerilogExpression, VerilogStatement};
use rust_hdl::prelude::{AtomKind, Block};

pub use errors::ElaborateError;

use crate::design::{Design, Instance, Module, ModuleBody, ModuleId, Parameter, Role, SignalId, Source, Warning};
use crate::expression::prune;
use crate::flatten;
use crate::names;
use crate::netlist::{NodeId, Op};
use kernel::{Kernel, UNASSIGNED};
use scope::{Body, Scope};
use symbols::{Class, Symbols, number};

/// Stack of the elaborator's own thread, in bytes. Expressions are as deep as a design's longest chain of logic.
const STACK_BYTES: usize = 512 << 20;

/// Runs `f` on a thread with a stack of 512 MiB (of address space; only what is used is taken) and gives its result. Large `rust_hdl`
/// blocks overflow the usual 2 MiB.
///
/// # Panics
/// If `f` panics, or if the system refuses the thread.
pub fn with_large_stack<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    match try_with_large_stack(f) {
        Ok(result) => result,
        Err(error) => panic!("{error}"),
    }
}

fn try_with_large_stack<R: Send>(f: impl FnOnce() -> R + Send) -> Result<R, ElaborateError> {
    std::thread::scope(|threads| {
        let thread = std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn_scoped(threads, f)
            .map_err(|error| ElaborateError::NoThread(error.to_string()))?;
        thread.join().map_or_else(|panic| std::panic::resume_unwind(panic), Ok)
    })
}

/// Elaborates a block under the name `name`, which becomes the top module's.
///
/// The block must be fresh: while its kernels' syntax trees are built, casts are evaluated on live values.
///
/// # Errors
/// Whatever is wrong with the block; see [`ElaborateError`].
pub fn elaborate(block: &dyn Block, name: &str) -> Result<Design, ElaborateError> {
    let scope = scope::collect(block, name)?;
    try_with_large_stack(|| elaborate_scope(scope))?
}

fn elaborate_scope(scope: Scope) -> Result<Design, ElaborateError> {
    let top = if matches!(scope.body, Body::Kernel(_)) { scope } else { wrap(scope) };
    let mut elaborator = Elaborator::default();
    elaborator.names.insert(names::flat_name(&top.name));
    elaborator.module(&top, true)?;
    let netlist = flatten::flatten(&elaborator.modules)?;
    Ok(Design { modules: elaborator.modules, netlist, warnings: elaborator.warnings })
}

/// Gives a leaf that is the top itself a parent of the same ports.
fn wrap(leaf: Scope) -> Scope {
    let core = "core";
    let signal = |name: String| VerilogExpression::Signal(name);
    let mut kernel = Vec::new();
    for atom in &leaf.atoms {
        let inner = format!("{core}${}", atom.name);
        match atom.kind {
            AtomKind::InputParameter => {
                kernel.push(VerilogStatement::Assignment(signal(format!("{inner}$next")), signal(atom.name.clone())));
            }
            AtomKind::OutputParameter => {
                kernel.push(VerilogStatement::Assignment(signal(format!("{}$next", atom.name)), signal(inner)));
            }
            _ => {}
        }
    }
    let atoms = leaf.atoms.iter().filter(|atom| atom.kind.is_parameter()).cloned().collect();
    let (name, path) = (leaf.name.clone(), leaf.path.clone());
    let child = Scope { name: core.into(), path: format!("{path}.{core}"), ..leaf };
    Scope { name, path, about: None, body: Body::Kernel(kernel), atoms, children: vec![child] }
}

#[derive(Default)]
struct Elaborator {
    modules: Vec<Module>,
    /// By type, if it is known, and body.
    by_body: HashMap<(Option<&'static str>, ModuleBody), ModuleId>,
    names: HashSet<String>,
    warnings: Vec<Warning>,
}

impl Elaborator {
    /// Elaborates a scope that has a kernel.
    fn module(&mut self, scope: &Scope, is_top: bool) -> Result<ModuleId, ElaborateError> {
        let Body::Kernel(block) = &scope.body else {
            let found = if let Body::Unknown(found) = scope.body { found } else { "a primitive without a parent" };
            return Err(ElaborateError::UnknownLeaf { path: scope.path.clone(), found });
        };
        let mut children = Vec::with_capacity(scope.children.len());
        for child in &scope.children {
            let primitive = matches!(child.body, Body::Primitive(_) | Body::Dff);
            children.push(if primitive { None } else { Some(self.module(child, false)?) });
        }
        let is_primitive: Vec<bool> = children.iter().map(Option::is_none).collect();
        let symbols = Symbols::declare(scope, &is_primitive)?;
        let mut kernel = Kernel::new(&scope.path, &symbols);
        kernel.run(block)?;
        self.warnings.append(&mut kernel.warnings);
        check_clocks(scope, &kernel, is_top)?;
        check_driven(scope, &kernel)?;
        let body = assemble(scope, &children, kernel)?;
        Ok(self.register(scope, body, is_top))
    }

    /// Adds a module, or finds an equal one.
    fn register(&mut self, scope: &Scope, body: ModuleBody, is_top: bool) -> ModuleId {
        let id = ModuleId(number(self.modules.len()));
        if is_top {
            self.modules.push(Module { name: names::flat_name(&scope.name), about: scope.about, body });
            return id;
        }
        let key = (scope.about.map(|about| about.type_name), body);
        if let Some(&known) = self.by_body.get(&key) {
            return known;
        }
        // After the type, so that a change elsewhere renames nothing.
        let base = scope.about.map_or_else(
            || {
                let plain: Vec<&str> = scope.name.split('$').filter(|s| s.parse::<u64>().is_err()).collect();
                names::flat_name(&plain.join("$"))
            },
            |about| names::module_name(about.type_name),
        );
        let mut name = base.clone();
        for copy in 2.. {
            if self.names.insert(name.clone()) {
                break;
            }
            name = format!("{base}__{copy}");
        }
        self.modules.push(Module { name, about: scope.about, body: key.1.clone() });
        self.by_body.insert(key, id);
        id
    }
}

/// Every clock must be the parent's own clock, unchanged; the top has at most one.
fn check_clocks(scope: &Scope, kernel: &Kernel<'_, '_>, is_top: bool) -> Result<(), ElaborateError> {
    let not_root =
        |signal: &str| ElaborateError::ClockNotFromRoot { path: scope.path.clone(), signal: signal.replace('$', ".") };
    let mut own = HashSet::new();
    for atom in scope.atoms.iter().filter(|atom| names::is_clock(&atom.descriptor)) {
        for leaf in &kernel.symbols.by_name[&atom.name].leaves {
            own.insert(leaf.signal.0);
        }
        if is_top && own.len() > 1 {
            return Err(not_root(&atom.name));
        }
    }
    for child in &scope.children {
        for atom in child.atoms.iter().filter(|atom| names::is_clock(&atom.descriptor)) {
            let name = format!("{}${}", child.name, atom.name);
            let Some(symbol) = kernel.symbols.by_name.get(&name) else { continue };
            for leaf in &symbol.leaves {
                match kernel.assigned[leaf.signal.0 as usize].map(|node| kernel.graph.op(node)) {
                    Some(Op::Input(signal)) if own.contains(signal) => {}
                    Some(_) => return Err(not_root(&name)),
                    None => {
                        return Err(ElaborateError::UndrivenInput {
                            path: scope.path.clone(),
                            instance: names::flat_name(&child.name),
                            signal: name.replace('$', "."),
                        });
                    }
                }
            }
        }
    }
    Ok(())
}

/// Everything that this block has to drive is driven, on every path.
fn check_driven(scope: &Scope, kernel: &Kernel<'_, '_>) -> Result<(), ElaborateError> {
    let symbols = kernel.symbols;
    let (path, mut drivers) = (scope.path.clone(), Vec::new());
    for (index, signal) in symbols.signals.iter().enumerate() {
        match (signal.role, kernel.assigned[index]) {
            (_, Some(node)) => drivers.push(node),
            (Role::Output | Role::Local, None) => {
                return Err(ElaborateError::Undriven { path, signal: signal.name.clone() });
            }
            (Role::ToInstance | Role::ToPrimitive, None) => {
                let instance = symbols.owner[index].map(|child| names::flat_name(&scope.children[child].name));
                let (instance, signal) = (instance.unwrap_or_default(), signal.name.clone());
                return Err(ElaborateError::UndrivenInput { path, instance, signal });
            }
            (Role::Clock | Role::Input | Role::FromInstance | Role::FromPrimitive, None) => {}
        }
    }
    let (nodes, _) = prune(kernel.graph.nodes(), drivers);
    let latched = nodes.iter().find_map(|node| match node.op {
        Op::Input(signal) if signal & UNASSIGNED != 0 => Some(signal & !UNASSIGNED),
        _ => None,
    });
    match latched {
        Some(signal) => Err(ElaborateError::Latch { path, signal: symbols.signals[signal as usize].name.clone() }),
        None => Ok(()),
    }
}

/// Puts together what the kernel has computed and what the children are.
fn assemble(
    scope: &Scope,
    children: &[Option<ModuleId>],
    mut kernel: Kernel<'_, '_>,
) -> Result<ModuleBody, ElaborateError> {
    let symbols = kernel.symbols;
    let mut body = ModuleBody {
        signals: symbols.signals.clone(),
        ports: Vec::new(),
        nodes: Vec::new(),
        registers: Vec::new(),
        memories: Vec::new(),
        instances: Vec::new(),
        parameters: Vec::new(),
    };
    for (signal, assigned) in body.signals.iter_mut().zip(&kernel.assigned) {
        if let Some(node) = *assigned {
            signal.source = Source::Driver(node);
        }
    }
    for atom in &scope.atoms {
        let symbol = &symbols.by_name[&atom.name];
        if symbol.class == Class::Constant {
            let (name, value) = (names::flat_name(&atom.name), atom.value.clone());
            body.parameters.push(Parameter { name, width: atom.width, value });
            continue;
        }
        if atom.kind == AtomKind::LocalSignal {
            continue;
        }
        for leaf in &symbol.leaves {
            if matches!(symbol.class, Class::Input) {
                body.signals[leaf.signal.0 as usize].source = Source::Port(number(body.ports.len()));
            }
            body.ports.push(leaf.signal);
        }
    }
    for (child, module) in scope.children.iter().zip(children) {
        match module {
            Some(module) => instance(&mut body, child, *module, &kernel),
            None => leaf::cell(&mut body, child, &mut kernel)?,
        }
    }
    Ok(finish(body, kernel))
}

/// Connects a child, port by port in the order of its module's.
fn instance(body: &mut ModuleBody, child: &Scope, module: ModuleId, kernel: &Kernel<'_, '_>) {
    let number_of = number(body.instances.len());
    let mut connections = Vec::new();
    for atom in child.atoms.iter().filter(|atom| atom.kind.is_parameter()) {
        let symbol = &kernel.symbols.by_name[&format!("{}${}", child.name, atom.name)];
        for leaf in &symbol.leaves {
            let signal = &mut body.signals[leaf.signal.0 as usize];
            let mut connected = leaf.signal;
            if symbol.class == Class::ChildOutput {
                signal.source = Source::Instance { instance: number_of, port: number(connections.len()) };
            } else if symbol.is_clock()
                && let Source::Driver(node) = signal.source
                && let Op::Input(clock) = kernel.graph.op(node)
            {
                connected = SignalId(*clock);
            }
            connections.push(connected);
        }
    }
    body.instances.push(Instance { name: names::flat_name(&child.name), module, connections });
}

/// Drops the children's clock inputs (they are the block's own clock) and every expression that nothing uses.
fn finish(mut body: ModuleBody, kernel: Kernel<'_, '_>) -> ModuleBody {
    let clocks: HashSet<u32> = kernel
        .symbols
        .by_name
        .values()
        .filter(|symbol| symbol.is_clock())
        .flat_map(|s| &s.leaves)
        .map(|l| l.signal.0)
        .collect();
    let mut renumbered = Vec::with_capacity(body.signals.len());
    let mut kept = Vec::with_capacity(body.signals.len());
    for (index, signal) in (0..).zip(std::mem::take(&mut body.signals)) {
        if clocks.contains(&index) && signal.role != Role::Clock {
            renumbered.push(None);
        } else {
            renumbered.push(Some(SignalId(number(kept.len()))));
            kept.push(signal);
        }
    }
    body.signals = kept;
    let mut roots: Vec<NodeId> = Vec::new();
    visit_nodes(&mut body, &mut |node| roots.push(*node));
    let (mut nodes, nodes_renumbered) = prune(kernel.graph.nodes(), roots);
    for node in &mut nodes {
        if let Op::Input(signal) = &mut node.op
            && let Some(new) = renumbered[*signal as usize]
        {
            *signal = new.0;
        }
    }
    body.nodes = nodes;
    visit_nodes(&mut body, &mut |node| {
        if let Some(new) = nodes_renumbered[node.0 as usize] {
            *node = new;
        }
    });
    visit_signals(&mut body, &mut |signal| {
        if let Some(new) = renumbered[signal.0 as usize] {
            *signal = new;
        }
    });
    body
}

/// Visits every reference to an expression.
fn visit_nodes(body: &mut ModuleBody, visit: &mut dyn FnMut(&mut NodeId)) {
    for signal in &mut body.signals {
        if let Source::Driver(node) = &mut signal.source {
            visit(node);
        }
    }
    for register in &mut body.registers {
        visit(&mut register.d);
        register.reset.iter_mut().for_each(&mut *visit);
    }
    for memory in &mut body.memories {
        for read in &mut memory.reads {
            visit(&mut read.address);
            read.enable.iter_mut().for_each(&mut *visit);
        }
        for write in &mut memory.writes {
            visit(&mut write.enable);
            visit(&mut write.address);
            visit(&mut write.data);
        }
    }
}

/// Visits every reference to a signal outside the expressions.
fn visit_signals(body: &mut ModuleBody, visit: &mut dyn FnMut(&mut SignalId)) {
    body.ports.iter_mut().for_each(&mut *visit);
    body.registers.iter_mut().for_each(|register| visit(&mut register.q));
    for memory in &mut body.memories {
        memory.reads.iter_mut().flat_map(|read| &mut read.data).for_each(&mut *visit);
    }
    body.instances.iter_mut().flat_map(|instance| &mut instance.connections).for_each(visit);
}
