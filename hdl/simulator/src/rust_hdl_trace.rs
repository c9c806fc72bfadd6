//! Reads the named signals of a live block, under the netlist's names.
//!
//! A probe visits a block's signals (*atoms*) always in the same order, so an atom's number is its address. The first walk finds
//! for each traced signal the atom and the bits of it that it is: a field of a record is a slice of its atom, and
//! the ports of a primitive (a register, a memory) are signals of the block around it. Every later walk reads.

use std::collections::{HashMap, HashSet};

use nitro_netlist::Netlist;
use nitro_netlist::names::{flat_name, is_clock, leaf_fields};
use rust_hdl::prelude::{Atom, AtomKind, Block, Probe, TypeDescriptor};

use crate::words::bits_at;

/// Where a traced signal's value is.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Index into [`RustHdlTrace::atoms`].
    atom: usize,
    offset: usize,
}

/// The map from traced signals to atoms, and the values last read.
#[derive(Debug)]
pub(crate) struct RustHdlTrace {
    places: Vec<Place>,
    /// Numbers of the atoms that are read, ascending.
    atoms: Vec<usize>,
    /// Their values.
    values: Vec<Vec<u64>>,
}

impl RustHdlTrace {
    /// Finds every traced signal of the netlist in the block that it was elaborated from; an `Err` is the path of the first
    /// that is not there.
    pub(crate) fn new(block: &dyn Block, netlist: &Netlist) -> Result<Self, String> {
        let mut finder = Finder::default();
        block.accept("top", &mut finder);
        let known = finder.names(netlist);
        let mut numbers: Vec<(usize, usize)> = Vec::with_capacity(netlist.trace.len());
        for signal in &netlist.trace {
            let path = (signal.scope.join("."), signal.name.clone());
            let Some(&found) = known.get(&path) else { return Err(format!("{}.{}", path.0, path.1)) };
            numbers.push(found);
        }
        let mut atoms: Vec<usize> = numbers.iter().map(|&(atom, _)| atom).collect();
        atoms.sort_unstable();
        atoms.dedup();
        let place = |(atom, offset)| Place { atom: atoms.partition_point(|&other| other < atom), offset };
        let places = numbers.into_iter().map(place).collect();
        let values = vec![Vec::new(); atoms.len()];
        Ok(Self { places, atoms, values })
    }

    /// Reads all atoms.
    pub(crate) fn sample(&mut self, block: &dyn Block) {
        let mut reader = Reader { trace: self, number: 0, next: 0 };
        block.accept("top", &mut reader);
    }

    /// The value of signal `index` as last read; `value` has as many words as the signal, which is `width` bits wide.
    pub(crate) fn value(&self, index: usize, width: usize, value: &mut [u64]) {
        let Place { atom, offset } = self.places[index];
        for (word, slot) in value.iter_mut().enumerate() {
            *slot = bits_at(&self.values[atom], offset + word * 64, width.saturating_sub(word * 64));
        }
    }
}

/// A block's atom.
struct Found {
    /// Index of its scope.
    scope: usize,
    /// Path in the scope, joined with `$`.
    name: String,
    kind: AtomKind,
    descriptor: TypeDescriptor,
}

/// A block.
struct Scope {
    /// Instance names from below the top down, joined with `.`.
    path: String,
    /// Index of the block around it, and the name there, joined with `$`; none for the top.
    parent: Option<(usize, String)>,
}

/// Walks a block as the elaborator does.
#[derive(Default)]
struct Finder {
    scopes: Vec<Scope>,
    /// Open scopes, each with the number of namespaces that were open before it.
    open: Vec<(usize, usize)>,
    namespace: Vec<String>,
    atoms: Vec<Found>,
}

impl Finder {
    fn qualified(&self, name: &str) -> String {
        let from = self.open.last().map_or(0, |&(_, namespaces)| namespaces);
        self.namespace[from..].iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join("$")
    }

    /// The atom's number and the lowest bit, for each scope path and name.
    fn names(&self, netlist: &Netlist) -> HashMap<(String, String), (usize, usize)> {
        // Primitives are no scopes of the netlist.
        let modules: HashSet<String> = netlist.trace.iter().map(|signal| signal.scope.join(".")).collect();
        let mut names = HashMap::new();
        let mut add = |scope: &str, name: &str, number: usize, descriptor: &TypeDescriptor| {
            for field in leaf_fields(name, descriptor) {
                names.entry((scope.to_owned(), field.name)).or_insert((number, field.offset));
            }
        };
        for (number, atom) in self.signals() {
            add(&self.scopes[atom.scope].path, &atom.name, number, &atom.descriptor);
        }
        for (number, atom) in self.signals().filter(|(_, atom)| atom.kind.is_parameter()) {
            let scope = &self.scopes[atom.scope];
            match &scope.parent {
                Some((parent, name)) if !modules.contains(&scope.path) => {
                    add(&self.scopes[*parent].path, &format!("{name}${}", atom.name), number, &atom.descriptor);
                }
                Some(_) => {}
                // A primitive that is the top itself gets a parent of the same ports.
                None => add("", &format!("core${}", atom.name), number, &atom.descriptor),
            }
        }
        names
    }

    fn signals(&self) -> impl Iterator<Item = (usize, &Found)> {
        let all = self.atoms.iter().enumerate();
        all.filter(|(_, atom)| atom.kind != AtomKind::Constant && !is_clock(&atom.descriptor))
    }
}

impl Probe for Finder {
    fn visit_start_scope(&mut self, name: &str, _: &dyn Block) {
        let name = self.qualified(name);
        let scope = match self.open.last() {
            None => Scope { path: String::new(), parent: None },
            Some(&(parent, _)) => {
                let above = &self.scopes[parent].path;
                let dot = if above.is_empty() { "" } else { "." };
                Scope { path: format!("{above}{dot}{}", flat_name(&name)), parent: Some((parent, name)) }
            }
        };
        self.scopes.push(scope);
        self.open.push((self.scopes.len() - 1, self.namespace.len()));
    }

    fn visit_start_namespace(&mut self, name: &str, _: &dyn Block) {
        self.namespace.push(name.to_owned());
    }

    fn visit_atom(&mut self, name: &str, atom: &dyn Atom) {
        let scope = self.open.last().map_or(0, |&(scope, _)| scope);
        let (name, kind, descriptor) = (self.qualified(name), atom.kind(), atom.descriptor());
        self.atoms.push(Found { scope, name, kind, descriptor });
    }

    fn visit_end_namespace(&mut self, _: &str, _: &dyn Block) {
        self.namespace.pop();
    }

    fn visit_end_scope(&mut self, _: &str, _: &dyn Block) {
        self.open.pop();
    }
}

/// Reads the atoms that are wanted.
struct Reader<'a> {
    trace: &'a mut RustHdlTrace,
    /// Number of the atom visited next.
    number: usize,
    /// Index of the wanted atom that comes next.
    next: usize,
}

impl Probe for Reader<'_> {
    fn visit_atom(&mut self, _: &str, atom: &dyn Atom) {
        if self.trace.atoms.get(self.next) == Some(&self.number) {
            // A literal's value is private, but not its text: the width, `'h`, the digits.
            let text = format!("{:x}", atom.verilog());
            from_hexadecimal(text.split_once("'h").map_or("", |(_, digits)| digits), &mut self.trace.values[self.next]);
            self.next += 1;
        }
        self.number += 1;
    }
}

/// Little-endian words of a hexadecimal number.
fn from_hexadecimal(digits: &str, words: &mut Vec<u64>) {
    words.clear();
    for (index, digit) in digits.bytes().rev().enumerate() {
        if index % 16 == 0 {
            words.push(0);
        }
        let digit = char::from(digit).to_digit(16).map_or(0, u64::from);
        if let Some(word) = words.last_mut() {
            *word |= digit << (index % 16 * 4);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_numbers_become_words() {
        let mut words = Vec::new();
        from_hexadecimal("", &mut words);
        assert!(words.is_empty());
        from_hexadecimal("1fedcba9876543210", &mut words);
        assert_eq!(words, [0xfedc_ba98_7654_3210, 1]);
    }
}
