//! Prints one module.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::names::ModuleNames;
use super::plan::Plan;
use super::syntax::{comment, literal, range, select, wrap};
use super::{memory, plan};
use crate::design::{Module, ModuleBody, Role, Signal, SignalId, Source};
use crate::netlist::{NodeId, Op};
use crate::words;

/// Prints a module of the design, and tells under which names it has what.
pub(super) fn module(modules: &[Module], module: &Module, reserved: &HashSet<&str>) -> (String, ModuleNames) {
    let mut printer = Printer::new(module);
    printer.registers();
    memory::print(&mut printer);
    printer.drivers();
    let instances = printer.instances(modules, reserved);
    let names = ModuleNames { instances, signals: printer.signal_names() };
    (printer.finish(), names)
}

/// Collects the parts of a module while counting which bits of each name are read.
pub(super) struct Printer<'m> {
    pub module: &'m Module,
    pub plan: Plan,
    /// Declarations of registers and memories.
    pub state: String,
    /// Declarations of wires.
    pub wires: String,
    /// Everything else.
    pub text: String,
    /// Names that something has to read, in order of declaration, with their widths.
    declared: Vec<(String, u32)>,
    /// For each name a mask of the bits that are read.
    used: HashMap<String, Vec<u64>>,
    /// Outputs that an `always` block drives.
    procedural: Vec<String>,
}

impl<'m> Printer<'m> {
    fn new(module: &'m Module) -> Self {
        let mut printer = Self {
            module,
            plan: plan::Plan::new(module),
            state: String::new(),
            wires: String::new(),
            text: String::new(),
            declared: Vec::new(),
            used: HashMap::new(),
            procedural: Vec::new(),
        };
        for &port in &module.body.ports {
            let signal = module.body.signal(port);
            if matches!(signal.role, Role::Clock | Role::Input) {
                printer.declared.push((signal.name.clone(), signal.width));
            }
        }
        printer
    }

    pub fn body(&self) -> &'m ModuleBody {
        &self.module.body
    }

    /// Declares an internal wire that something must read.
    pub fn wire(&mut self, name: &str, width: u32) {
        let _ = writeln!(self.wires, "    wire {}{name};", range(width));
        self.declared.push((name.to_owned(), width));
    }

    /// Declares a `reg`; `state` tells registers from `always` blocks without memory.
    pub fn reg(&mut self, name: &str, width: u32, state: bool) {
        let declarations = if state { &mut self.state } else { &mut self.wires };
        let _ = writeln!(declarations, "    reg {}{name};", range(width));
        self.declared.push((name.to_owned(), width));
    }

    pub fn statement(&mut self, indent: usize, statement: &str) {
        wrap(indent, statement, &mut self.text);
    }

    /// Reads bits of a name.
    pub fn read(&mut self, name: &str, whole: u32, offset: u32, width: u32) -> String {
        let mask = words::shift_left(&words::ones(width), offset, whole);
        let used = self.used.entry(name.to_owned()).or_insert_with(|| words::zero(whole));
        *used = words::zip(used, &mask, whole, |a, b| a | b);
        select(name, whole, offset, width)
    }

    pub fn read_signal(&mut self, signal: SignalId) -> String {
        let signal = self.body().signal(signal);
        self.read(&signal.name, signal.width, 0, signal.width)
    }

    /// The module's clock.
    pub fn clock(&mut self) -> String {
        let clock = self.body().ports.iter().find(|&&port| self.body().signal(port).role == Role::Clock);
        // Registers have a clock port, which the elaborator has traced to one of this module's.
        clock.map_or_else(|| "1'b0".to_owned(), |&port| self.read_signal(port))
    }

    /// An expression where an operand may stand: a name, a literal, or something in brackets.
    pub fn operand(&mut self, id: NodeId) -> String {
        let text = self.value(id);
        let node = &self.body().nodes[id.0 as usize];
        let simple = self.plan.names[id.0 as usize].is_some()
            || matches!(node.op, Op::Input(_) | Op::Constant(_) | Op::Slice { .. } | Op::Concat(_) | Op::Not(_));
        if simple { text } else { format!("({text})") }
    }

    /// An expression: its name if it has one, else its text.
    pub fn value(&mut self, id: NodeId) -> String {
        match self.plan.names[id.0 as usize].clone() {
            Some(name) => {
                let width = self.body().nodes[id.0 as usize].width;
                self.read(&name, width, 0, width)
            }
            None => self.expression(id),
        }
    }

    /// Some bits of an expression that has a name or is a signal.
    pub fn bits(&mut self, id: NodeId, offset: u32, width: u32) -> String {
        let node = &self.body().nodes[id.0 as usize];
        match (&self.plan.names[id.0 as usize], &node.op) {
            (Some(name), _) => {
                let name = name.clone();
                self.read(&name, node.width, offset, width)
            }
            (None, Op::Input(signal)) => {
                let signal = self.body().signal(SignalId(*signal));
                self.read(&signal.name, signal.width, offset, width)
            }
            (None, Op::Constant(value)) => literal(&words::slice(value, offset, width), width),
            (None, Op::Slice { of, offset: below }) => self.bits(*of, offset + below, width),
            // Only whole values are left: everything that is sliced has been named.
            (None, _) => self.expression(id),
        }
    }

    /// The text of an expression, whatever its name.
    fn expression(&mut self, id: NodeId) -> String {
        let node = &self.body().nodes[id.0 as usize];
        let mut binary = |left: NodeId, operator: &str, right: NodeId| {
            let left = self.operand(left);
            let right = self.operand(right);
            format!("{left} {operator} {right}")
        };
        match &node.op {
            Op::Constant(value) => literal(value, node.width),
            Op::Input(signal) => self.read_signal(SignalId(*signal)),
            Op::And(a, b) => binary(*a, "&", *b),
            Op::Or(a, b) => binary(*a, "|", *b),
            Op::Xor(a, b) => binary(*a, "^", *b),
            Op::Add(a, b) => binary(*a, "+", *b),
            Op::Sub(a, b) => binary(*a, "-", *b),
            Op::Mul(a, b) => binary(*a, "*", *b),
            Op::Eq(a, b) => binary(*a, "==", *b),
            Op::Lt(a, b) => binary(*a, "<", *b),
            Op::Shl(a, b) => binary(*a, "<<", *b),
            Op::Shr(a, b) => binary(*a, ">>", *b),
            Op::Not(of) => format!("~{}", self.operand(*of)),
            Op::ReduceAnd(of) => self.reduction("&", *of),
            Op::ReduceOr(of) => self.reduction("|", *of),
            Op::ReduceXor(of) => self.reduction("^", *of),
            Op::Mux { select, then, otherwise } => {
                let (select, then) = (self.operand(*select), self.operand(*then));
                format!("{select} ? {then} : {}", self.operand(*otherwise))
            }
            Op::Slice { of, offset } => self.bits(*of, *offset, node.width),
            Op::Concat(parts) => self.concat(parts),
            // Modules read their cells through signals.
            Op::Register(_) | Op::MemoryData { .. } | Op::MemoryRead { .. } => literal(&[], node.width),
        }
    }

    fn reduction(&mut self, operator: &str, of: NodeId) -> String {
        let operand = self.operand(of);
        // `^~` would be one operator.
        if operand.starts_with('~') { format!("{operator}({operand})") } else { format!("{operator}{operand}") }
    }

    fn concat(&mut self, parts: &[NodeId]) -> String {
        let mut texts = Vec::new();
        let mut rest = parts;
        while let Some(&last) = rest.last() {
            let run = rest.iter().rev().take_while(|&&part| part == last).count();
            let text = self.value(last);
            texts.push(if run > 1 { format!("{{{run}{{{text}}}}}") } else { text });
            rest = &rest[..rest.len() - run];
        }
        match &texts[..] {
            [single] if single.starts_with('{') => single.clone(),
            _ => format!("{{{}}}", texts.join(", ")),
        }
    }

    /// Whether the value is written as a multiplexer in place.
    fn plain_mux(&self, id: NodeId, root: bool) -> Option<(NodeId, NodeId, NodeId)> {
        match self.body().nodes[id.0 as usize].op {
            Op::Mux { select, then, otherwise } if root || self.plan.names[id.0 as usize].is_none() => {
                Some((select, then, otherwise))
            }
            _ => None,
        }
    }

    /// Assigns `target` in an `always` block: multiplexers become `if` and `else`. `hold` is the register's own value, which
    /// needs no assignment.
    fn procedure(
        &mut self,
        indent: usize,
        target: &str,
        operator: &str,
        id: NodeId,
        root: bool,
        hold: Option<SignalId>,
    ) {
        let Some((select, then, otherwise)) = self.plain_mux(id, root) else {
            let value = if root { self.expression(id) } else { self.value(id) };
            self.statement(indent, &format!("{target} {operator} {value};"));
            return;
        };
        let holds = |id: NodeId| matches!((&self.body().nodes[id.0 as usize].op, hold), (Op::Input(signal), Some(q)) if *signal == q.0);
        let (then_holds, otherwise_holds) = (holds(then), holds(otherwise));
        if then_holds {
            let condition = format!("if (!{}) begin", self.operand(select));
            self.statement(indent, &condition);
            self.procedure(indent + 4, target, operator, otherwise, false, hold);
            self.statement(indent, "end");
            return;
        }
        let condition = format!("if ({}) begin", self.value(select));
        self.statement(indent, &condition);
        self.procedure(indent + 4, target, operator, then, false, hold);
        if !otherwise_holds {
            if self.plain_mux(otherwise, false).is_some() {
                self.statement(indent, "end else");
                self.text.pop();
                self.text.push(' ');
                let start = self.text.len();
                self.procedure(indent, target, operator, otherwise, false, hold);
                // The inner `if` continues the line.
                let inner = self.text.split_off(start);
                self.text.push_str(inner.trim_start());
                return;
            }
            self.statement(indent, "end else begin");
            self.procedure(indent + 4, target, operator, otherwise, false, hold);
        }
        self.statement(indent, "end");
    }

    fn registers(&mut self) {
        let body = self.body();
        for register in &body.registers {
            let q = body.signal(register.q);
            self.reg(&q.name, q.width, true);
            let reset_value = literal(&register.reset_value, q.width);
            let clock = self.clock();
            let _ = writeln!(self.text, "    initial {} = {reset_value};", q.name);
            self.statement(4, &format!("always @(posedge {clock}) begin"));
            let named = self.plan.names[register.d.0 as usize].is_some();
            match register.reset {
                Some(reset) => {
                    let reset = self.value(reset);
                    self.statement(8, &format!("if ({reset}) begin"));
                    self.statement(12, &format!("{} <= {reset_value};", q.name));
                    self.statement(8, "end else begin");
                    self.procedure(12, &q.name, "<=", register.d, !named, Some(register.q));
                    self.statement(8, "end");
                }
                None => self.procedure(8, &q.name, "<=", register.d, !named, Some(register.q)),
            }
            self.statement(4, "end");
            self.text.push('\n');
        }
    }

    /// Signals and shared expressions.
    fn drivers(&mut self) {
        let body = self.body();
        let mut driven: Vec<(NodeId, String, u32, bool)> = Vec::new();
        for &id in &self.plan.driven {
            if let Source::Driver(node) = body.signal(id).source {
                let signal = body.signal(id);
                driven.push((node, signal.name.clone(), signal.width, signal.role == Role::Output));
            }
        }
        for &node in &self.plan.helpers {
            if let Some(name) = &self.plan.names[node.0 as usize] {
                driven.push((node, name.clone(), body.nodes[node.0 as usize].width, false));
            }
        }
        driven.sort_by_key(|entry| entry.0);
        for (node, name, width, output) in driven {
            let root = self.plan.names[node.0 as usize].as_ref() == Some(&name);
            let nested = self.plain_mux(node, root).is_some_and(|(_, then, otherwise)| {
                self.plain_mux(then, false).is_some() || self.plain_mux(otherwise, false).is_some()
            });
            match (output, nested) {
                (true, true) => self.procedural.push(name.clone()),
                (true, false) => {}
                (false, true) => self.reg(&name, width, false),
                (false, false) => self.wire(&name, width),
            }
            if nested {
                self.statement(4, "always @* begin");
                self.procedure(8, &name, "=", node, root, None);
                self.statement(4, "end");
            } else {
                let value = if root { self.expression(node) } else { self.value(node) };
                self.statement(4, &format!("assign {name} = {value};"));
            }
        }
        self.text.push('\n');
    }

    /// Gives the instances' names.
    fn instances(&mut self, modules: &[Module], reserved: &HashSet<&str>) -> Vec<String> {
        let body = self.body();
        let mut names = Vec::with_capacity(body.instances.len());
        for instance in &body.instances {
            let inner = &modules[instance.module.0 as usize];
            let mut name = instance.name.clone();
            if reserved.contains(name.as_str()) {
                name = self.plan.fresh(&format!("{name}_block"));
            }
            let _ = writeln!(self.text, "    {} {name} (", inner.name);
            let mut connections = Vec::new();
            for (&port, &outer) in inner.body.ports.iter().zip(&instance.connections) {
                let (port, signal) = (inner.body.signal(port), body.signal(outer));
                let value = match (signal.role, signal.source) {
                    (Role::FromInstance, _) => {
                        self.wire(&signal.name, signal.width);
                        signal.name.clone()
                    }
                    (Role::ToInstance, Source::Driver(node)) if !self.plan.driven.contains(&outer) => self.value(node),
                    _ => self.read_signal(outer),
                };
                connections.push(format!(".{}({value})", port.name));
            }
            for (index, connection) in connections.iter().enumerate() {
                let comma = if index + 1 < connections.len() { "," } else { "" };
                self.statement(8, &format!("{connection}{comma}"));
            }
            self.text.push_str("    );\n\n");
            names.push(name);
        }
        names
    }

    /// For each signal the port, wire or register that holds its value.
    fn signal_names(&self) -> Vec<Option<String>> {
        let body = self.body();
        let declared: HashSet<&str> = self.declared.iter().map(|(name, _)| name.as_str()).collect();
        let name = |signal: &Signal| {
            if signal.role == Role::Output || declared.contains(signal.name.as_str()) {
                return Some(signal.name.clone());
            }
            match signal.source {
                Source::Driver(node) => self.plan.names[node.0 as usize].clone(),
                _ => None,
            }
        };
        body.signals.iter().map(name).collect()
    }

    /// The bits that nothing reads: a wire of them, and what drives it.
    fn unused(&mut self) -> Option<(String, String)> {
        let mut parts = Vec::new();
        for (name, width) in &self.declared {
            let used = self.used.get(name).cloned().unwrap_or_else(|| words::zero(*width));
            let mut bit = 0;
            while bit < *width {
                if words::bit(&used, bit) {
                    bit += 1;
                    continue;
                }
                let from = bit;
                while bit < *width && !words::bit(&used, bit) {
                    bit += 1;
                }
                parts.push(select(name, *width, from, bit - from));
            }
        }
        if parts.is_empty() {
            return None;
        }
        let name = self.plan.fresh("unused");
        Some((format!("(* unused *) wire {name};"), format!("assign {name} = &{{1'b0, {}}};", parts.join(", "))))
    }

    fn finish(mut self) -> String {
        let unused = self.unused();
        let module = self.module;
        let mut out = String::from("`default_nettype none\n\n");
        if let Some(about) = module.about {
            comment(0, about.text, &mut out);
        }
        if !module.body.parameters.is_empty() {
            out.push_str("// Constants:\n");
            for parameter in &module.body.parameters {
                let _ = writeln!(out, "//   {} = {}", parameter.name, literal(&parameter.value, parameter.width));
            }
        }
        let _ = writeln!(out, "module {} (", module.name);
        let mut said = None;
        for (index, &port) in module.body.ports.iter().enumerate() {
            let signal = module.body.signal(port);
            let kind = match signal.role {
                Role::Output if self.procedural.contains(&signal.name) => "output reg  ",
                Role::Output => "output wire ",
                _ => "input  wire ",
            };
            if let Some((place, text)) = module.about.and_then(|about| about.port(&signal.name))
                && said != Some(place)
            {
                comment(4, text, &mut out);
                said = Some(place);
            }
            let comma = if index + 1 < module.body.ports.len() { "," } else { "" };
            let _ = writeln!(out, "    {kind}{}{}{comma}", range(signal.width), signal.name);
        }
        out.push_str(");\n");
        for part in [&self.state, &self.wires, &self.text] {
            let part = part.trim_end();
            if !part.is_empty() {
                let _ = writeln!(out, "{part}\n");
            }
        }
        if let Some((declaration, unused)) = unused {
            out.push_str("    // Bits that nothing reads.\n");
            let _ = writeln!(out, "    {declaration}");
            wrap(4, &unused, &mut out);
        }
        out.truncate(out.trim_end().len());
        out.push_str("\nendmodule\n\n`default_nettype wire\n");
        out
    }
}
