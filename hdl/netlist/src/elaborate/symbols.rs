//! The names that a kernel can use: its block's signals and constants, its children's ports, the values of enums.

use std::collections::HashMap;

use rust_hdl::prelude::{AtomKind, TypeDescriptor, TypeKind};

use super::errors::ElaborateError;
use super::scope::{AtomInfo, Scope};
use super::types::{is_signed, width_of};
use crate::design::{Role, Signal, SignalId, Source};
use crate::names;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A `Constant` field.
    Constant,
    /// An input port of the block.
    Input,
    /// An output port or a local signal of the block.
    Driven,
    /// An input of a child: driven here, and read as what was assigned.
    ChildInput,
    /// An output of a child.
    ChildOutput,
}

/// A run of a symbol's bits that is one signal of the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    pub signal: SignalId,
    pub offset: u32,
    pub width: u32,
}

/// A signal as a kernel names it.
pub(super) struct Symbol<'a> {
    pub class: Class,
    pub descriptor: &'a TypeDescriptor,
    /// Width in bits.
    pub width: u32,
    pub leaves: Vec<Leaf>,
    /// Value of a constant.
    pub value: &'a [u64],
}

impl Symbol<'_> {
    pub fn is_clock(&self) -> bool {
        names::is_clock(self.descriptor)
    }
}

/// Value and width of an enum's variant; `None` if two types of one name differ in it.
type Variant = Option<(u64, u32)>;

/// All names of one block.
pub(super) struct Symbols<'a> {
    pub by_name: HashMap<String, Symbol<'a>>,
    /// Every signal of the module; sources are placeholders until the kernel has been executed.
    pub signals: Vec<Signal>,
    /// For each signal the number of the child that it belongs to.
    pub owner: Vec<Option<usize>>,
    variants: HashMap<String, Variant>,
}

/// The source of a signal that is not known yet.
const UNKNOWN: Source = Source::Port(u32::MAX);

impl<'a> Symbols<'a> {
    /// Declares the atoms of a block and the ports of its children. `is_primitive` says for each child whether it becomes a cell of
    /// this module.
    pub fn declare(scope: &'a Scope, is_primitive: &[bool]) -> Result<Self, ElaborateError> {
        let mut symbols =
            Self { by_name: HashMap::new(), signals: Vec::new(), owner: Vec::new(), variants: HashMap::new() };
        let mut taken = Taken { path: &scope.path, names: HashMap::new() };
        for atom in &scope.atoms {
            let (class, role) = match atom.kind {
                AtomKind::Constant => (Class::Constant, Role::Local),
                AtomKind::InputParameter if names::is_clock(&atom.descriptor) => (Class::Input, Role::Clock),
                AtomKind::InputParameter => (Class::Input, Role::Input),
                AtomKind::OutputParameter => (Class::Driven, Role::Output),
                AtomKind::LocalSignal => (Class::Driven, Role::Local),
                _ => return Err(in_out(&scope.path, &atom.name)),
            };
            if names::is_clock(&atom.descriptor) && role != Role::Clock {
                return Err(ElaborateError::ClockNotFromRoot { path: scope.path.clone(), signal: atom.name.clone() });
            }
            symbols.add(scope, atom, &atom.name, (class, role), None, Some(&mut taken))?;
        }
        for (number, child) in scope.children.iter().enumerate() {
            taken.take(&names::flat_name(&child.name), &child.name)?;
            for atom in &child.atoms {
                let (class, role) = match (atom.kind, is_primitive[number]) {
                    (AtomKind::InputParameter, true) => (Class::ChildInput, Role::ToPrimitive),
                    (AtomKind::InputParameter, false) => (Class::ChildInput, Role::ToInstance),
                    (AtomKind::OutputParameter, true) => (Class::ChildOutput, Role::FromPrimitive),
                    (AtomKind::OutputParameter, false) => (Class::ChildOutput, Role::FromInstance),
                    (AtomKind::Constant | AtomKind::LocalSignal, _) => continue,
                    _ => return Err(in_out(&child.path, &atom.name)),
                };
                let name = format!("{}${}", child.name, atom.name);
                // Wires between modules are not seen from outside: those are renamed rather than refused.
                let taken = is_primitive[number].then_some(&mut taken);
                symbols.add(scope, atom, &name, (class, role), Some(number), taken)?;
            }
        }
        symbols.rename_wires(taken.names);
        Ok(symbols)
    }

    fn add(
        &mut self,
        scope: &Scope,
        atom: &'a AtomInfo,
        name: &str,
        (class, role): (Class, Role),
        owner: Option<usize>,
        mut taken: Option<&mut Taken<'_>>,
    ) -> Result<(), ElaborateError> {
        if is_signed(&atom.descriptor) {
            return Err(ElaborateError::SignedNotSupported { path: scope.path.clone(), signal: name.to_owned() });
        }
        self.add_variants(&atom.descriptor);
        let mut leaves = Vec::new();
        if class != Class::Constant {
            for field in names::leaf_fields(name, &atom.descriptor) {
                if let Some(taken) = taken.as_deref_mut() {
                    taken.take(&field.name, name)?;
                }
                let signal = SignalId(number(self.signals.len()));
                leaves.push(Leaf { signal, offset: number(field.offset), width: number(field.width) });
                let (width, variants) = (number(field.width), field.variants);
                self.signals.push(Signal { name: field.name, width, role, source: UNKNOWN, variants });
                self.owner.push(owner);
            }
        }
        let symbol = Symbol { class, descriptor: &atom.descriptor, width: atom.width, leaves, value: &atom.value };
        self.by_name.insert(name.to_owned(), symbol);
        Ok(())
    }

    fn add_variants(&mut self, descriptor: &TypeDescriptor) {
        match &descriptor.kind {
            TypeKind::Composite(fields) => fields.iter().for_each(|field| self.add_variants(&field.kind)),
            TypeKind::Enum(names) => {
                let width = width_of(descriptor);
                for (value, name) in (0_u64..).zip(names) {
                    let variant = Some((value, width));
                    let known = self.variants.entry(name.replace("::", "$")).or_insert(variant);
                    if *known != variant {
                        *known = None;
                    }
                }
            }
            TypeKind::Bits(_) | TypeKind::Signed(_) => {}
        }
    }

    /// Value and width of the enum value `name`, of whose path only the last two segments count.
    pub fn variant(&self, name: &str) -> Option<Variant> {
        let mut segments = name.rsplit('$');
        let (variant, owner) = (segments.next()?, segments.next()?);
        self.variants.get(&format!("{owner}${variant}")).copied()
    }

    fn rename_wires(&mut self, mut taken: HashMap<String, String>) {
        for signal in &mut self.signals {
            if !matches!(signal.role, Role::ToInstance | Role::FromInstance) {
                continue;
            }
            let base = signal.name.clone();
            for suffix in 2.. {
                if !taken.contains_key(&signal.name) {
                    break;
                }
                signal.name = format!("{base}_{suffix}");
            }
            taken.insert(signal.name.clone(), String::new());
        }
    }
}

/// Names that are in use, each with the path that it came from.
struct Taken<'p> {
    path: &'p str,
    names: HashMap<String, String>,
}

impl Taken<'_> {
    fn take(&mut self, name: &str, from: &str) -> Result<(), ElaborateError> {
        match self.names.insert(name.to_owned(), from.to_owned()) {
            None => Ok(()),
            Some(first) => Err(ElaborateError::NameCollision {
                path: self.path.to_owned(),
                name: name.to_owned(),
                first,
                second: from.to_owned(),
            }),
        }
    }
}

fn in_out(path: &str, signal: &str) -> ElaborateError {
    ElaborateError::InOutNotSupported { path: path.to_owned(), signal: signal.to_owned() }
}

/// Counts and widths are held as `u32`: memory ends long before.
#[allow(clippy::cast_possible_truncation, reason = "memory ends long before 2^32 signals or bits")]
pub(super) fn number(value: usize) -> u32 {
    value as u32
}
