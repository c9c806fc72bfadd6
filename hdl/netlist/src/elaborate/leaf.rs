//! Turns the leaf blocks of a module into its registers, memories and wires.

use super::errors::ElaborateError;
use super::kernel::Kernel;
use super::scope::{Body, Scope};
use super::symbols::{Class, Leaf, number};
use crate::design::{MemoryCell, ModuleBody, ReadCell, RegisterCell, SignalId, Source, WriteCell};
use crate::names;
use crate::netlist::NodeId;
use crate::primitive::{MemoryPort, Primitive, ReadTiming};
use crate::words;

/// Adds the cell of a leaf block.
pub(super) fn cell(body: &mut ModuleBody, child: &Scope, kernel: &mut Kernel<'_, '_>) -> Result<(), ElaborateError> {
    let mut cell = Cell { child, kernel };
    match &child.body {
        Body::Primitive(Primitive::Register { width, reset_value }) => cell.register(body, number(*width), reset_value),
        Body::Dff => {
            let q =
                child.atoms.iter().find(|atom| atom.name == "q").ok_or_else(|| cell.bad("q", 1, "there is none"))?;
            cell.register(body, q.width, &q.value)
        }
        Body::Primitive(Primitive::Memory { width, address_bits, contents, ports }) => {
            cell.memory(body, number(*width), number(*address_bits), contents, ports)
        }
        Body::Primitive(Primitive::Wires { input_width, map }) => cell.wires(body, number(*input_width), map),
        Body::Kernel(_) | Body::Unknown(_) => {
            Err(ElaborateError::UnknownLeaf { path: child.path.clone(), found: "no primitive" })
        }
    }
}

struct Cell<'c, 'k, 'a, 's> {
    child: &'c Scope,
    kernel: &'k mut Kernel<'a, 's>,
}

impl Cell<'_, '_, '_, '_> {
    fn bad(&self, port: &str, expected: u32, found: impl Into<String>) -> ElaborateError {
        let (path, port) = (self.child.path.clone(), port.to_owned());
        ElaborateError::BadPrimitive { path, port, expected: expected as usize, found: found.into() }
    }

    /// The leaves of a port of the given class and width; `None` if the leaf block has no such port.
    fn find(&self, port: &str, class: Class, width: u32) -> Result<Option<Vec<Leaf>>, ElaborateError> {
        let Some(symbol) = self.kernel.symbols.by_name.get(&format!("{}${port}", self.child.name)) else {
            return Ok(None);
        };
        if symbol.class != class {
            return Err(self.bad(port, width, "the one there has the other direction"));
        }
        if symbol.width != width || width == 0 {
            return Err(self.bad(port, width, format!("the one there has {}", symbol.width)));
        }
        Ok(Some(symbol.leaves.clone()))
    }

    fn need(&self, port: &str, class: Class, width: u32) -> Result<Vec<Leaf>, ElaborateError> {
        self.find(port, class, width)?.ok_or_else(|| self.bad(port, width, "there is none"))
    }

    /// What drives an input of the leaf.
    fn input(&mut self, port: &str, width: u32) -> Result<NodeId, ElaborateError> {
        let leaves = self.need(port, Class::ChildInput, width)?;
        let parts = leaves.iter().filter_map(|leaf| self.kernel.assigned[leaf.signal.0 as usize]).collect();
        Ok(self.kernel.graph.concat(parts))
    }

    /// One register a field, so that each has a name.
    fn register(&mut self, body: &mut ModuleBody, width: u32, reset_value: &[u64]) -> Result<(), ElaborateError> {
        let (from, to) = (self.need("d", Class::ChildInput, width)?, self.need("q", Class::ChildOutput, width)?);
        let reset = match self.find("reset", Class::ChildInput, 1)? {
            Some(leaves) => leaves.first().and_then(|leaf| self.kernel.assigned[leaf.signal.0 as usize]),
            None => None,
        };
        let reset = reset.filter(|&reset| self.kernel.graph.value(reset).is_none_or(|value| !words::is_zero(value)));
        let q = self.child.atoms.iter().find(|atom| atom.name == "q");
        let fields = q.map(|q| names::leaf_fields(&self.child.name, &q.descriptor)).unwrap_or_default();
        for ((d, q), field) in from.iter().zip(&to).zip(fields) {
            let Some(next) = self.kernel.assigned[d.signal.0 as usize] else { continue };
            body.signals[q.signal.0 as usize].source = Source::Register(number(body.registers.len()));
            let reset_value = words::slice(reset_value, q.offset, q.width);
            body.registers.push(RegisterCell { name: field.name, reset_value, reset, d: next, q: q.signal });
        }
        Ok(())
    }

    fn memory(
        &mut self,
        body: &mut ModuleBody,
        width: u32,
        address_bits: u32,
        contents: &[Vec<u64>],
        ports: &[MemoryPort],
    ) -> Result<(), ElaborateError> {
        let memory = number(body.memories.len());
        let name = names::flat_name(&self.child.name);
        let contents = contents.iter().map(|word| words::fit(word.clone(), width)).collect();
        let mut cell = MemoryCell { name, width, address_bits, contents, reads: Vec::new(), writes: Vec::new() };
        for port in ports {
            let name = |signal: &str| format!("{}{signal}", port.prefix);
            let both = port.read.is_some() && port.write_granularity.is_some();
            let address = self.input(&name("address"), address_bits)?;
            if let Some(timing) = port.read {
                let data = self.need(&name(if both { "read_data" } else { "data" }), Class::ChildOutput, width)?;
                let enable = match timing {
                    ReadTiming::Combinational => None,
                    ReadTiming::Registered(_) => Some(self.input(&name("enable"), 1)?),
                };
                for leaf in &data {
                    body.signals[leaf.signal.0 as usize].source =
                        Source::MemoryRead { memory, port: number(cell.reads.len()), offset: leaf.offset };
                }
                let data: Vec<SignalId> = data.iter().map(|leaf| leaf.signal).collect();
                cell.reads.push(ReadCell { prefix: port.prefix.to_owned(), address, enable, timing, data });
            }
            if let Some(granularity) = port.write_granularity {
                let granularity = number(granularity);
                if granularity == 0 || !width.is_multiple_of(granularity) {
                    return Err(self.bad(
                        &name("enable"),
                        width,
                        format!("{granularity} bits a group do not divide it"),
                    ));
                }
                let groups = width / granularity;
                let enable = self.input(&name(if both { "write" } else { "enable" }), groups)?;
                let data = self.input(&name(if both { "write_data" } else { "data" }), width)?;
                cell.writes.push(WriteCell { enable, granularity, address, data });
            }
        }
        body.memories.push(cell);
        Ok(())
    }

    fn wires(&mut self, body: &mut ModuleBody, input_width: u32, map: &[usize]) -> Result<(), ElaborateError> {
        let input = self.input("i", input_width)?;
        let output = self.need("o", Class::ChildOutput, number(map.len()))?;
        let mut parts = Vec::with_capacity(map.len());
        for &bit in map {
            if number(bit) >= input_width {
                return Err(self.bad("i", input_width, format!("bit {bit} of it is wanted")));
            }
            parts.push(self.kernel.graph.slice(input, number(bit), 1));
        }
        let whole = self.kernel.graph.concat(parts);
        for leaf in output {
            let part = self.kernel.graph.slice(whole, leaf.offset, leaf.width);
            body.signals[leaf.signal.0 as usize].source = Source::Driver(part);
        }
        Ok(())
    }
}
