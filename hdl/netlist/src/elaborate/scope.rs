//! Walks a live block with a probe and takes out all that elaboration needs, so that the rest works on plain data.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rust_hdl::core::ast::{VerilogBlock, VerilogLiteral};
use rust_hdl::core::timing::TimingInfo;
use rust_hdl::prelude::{Atom, AtomKind, Block, Probe, TypeDescriptor, Verilog};

use super::errors::ElaborateError;
use crate::about::{self, About};
use crate::names;
use crate::primitive::{self, Primitive};
use crate::words;

/// What a block does.
pub(super) enum Body {
    /// A kernel.
    Kernel(VerilogBlock),
    /// One of the project's leaves.
    Primitive(Primitive),
    /// `rust_hdl`'s flip-flop.
    Dff,
    /// Anything else; says what.
    Unknown(&'static str),
}

/// A signal or constant of a block.
#[derive(Clone)]
pub(super) struct AtomInfo {
    /// Path below the block, joined with `$`.
    pub name: String,
    pub kind: AtomKind,
    pub descriptor: TypeDescriptor,
    /// Width in bits.
    pub width: u32,
    /// Present value, of constants and flip-flops only.
    pub value: Vec<u64>,
}

/// A block, its signals and its children.
pub(super) struct Scope {
    /// Instance name below the parent, joined with `$`.
    pub name: String,
    /// Instance names from the top down, joined with `.`.
    pub path: String,
    /// What `#[hdl_gen]` of this project told of the block.
    pub about: Option<About>,
    pub body: Body,
    pub atoms: Vec<AtomInfo>,
    pub children: Vec<Scope>,
}

/// Collects the tree of scopes below a block.
pub(super) fn collect(block: &dyn Block, name: &str) -> Result<Scope, ElaborateError> {
    let mut collector = Collector::default();
    block.accept(name, &mut collector);
    if let Some(error) = collector.error {
        return Err(error);
    }
    collector.done.ok_or_else(|| ElaborateError::UnknownLeaf { path: name.to_owned(), found: "not a block" })
}

#[derive(Default)]
struct Collector {
    /// Open scopes, each with the number of namespaces that were open before it.
    open: Vec<(Scope, usize)>,
    namespace: Vec<String>,
    done: Option<Scope>,
    error: Option<ElaborateError>,
}

impl Collector {
    fn qualified(&self, name: &str) -> String {
        let from = self.open.last().map_or(0, |(_, namespaces)| *namespaces);
        self.namespace[from..].iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join("$")
    }

    fn fail(&mut self, error: ElaborateError) {
        self.error.get_or_insert(error);
    }
}

impl Probe for Collector {
    fn visit_start_scope(&mut self, name: &str, node: &dyn Block) {
        let name = self.qualified(name);
        let path = match self.open.last() {
            Some((parent, _)) => format!("{}.{}", parent.path, names::flat_name(&name)),
            None => name.clone(),
        };
        let body = body(node).unwrap_or_else(|message| {
            self.fail(ElaborateError::KernelPanicked { path: path.clone(), message });
            Body::Unknown("panic")
        });
        let about = about::take();
        let scope = Scope { name, path, about, body, atoms: Vec::new(), children: Vec::new() };
        self.open.push((scope, self.namespace.len()));
    }

    fn visit_start_namespace(&mut self, name: &str, _: &dyn Block) {
        self.namespace.push(name.to_owned());
    }

    fn visit_atom(&mut self, name: &str, atom: &dyn Atom) {
        let name = self.qualified(name);
        let Some((scope, _)) = self.open.last_mut() else { return };
        let path = scope.path.clone();
        let descriptor = atom.descriptor();
        let wants_value = atom.kind() == AtomKind::Constant || (matches!(scope.body, Body::Dff) && name == "q");
        let width = u32::try_from(atom.bits()).unwrap_or(u32::MAX);
        let value = wants_value.then(|| literal_value(&atom.verilog())).flatten();
        if wants_value && value.is_none() {
            self.fail(ElaborateError::SignedNotSupported { path, signal: name });
            return;
        }
        let value = words::fit(value.unwrap_or_default(), width);
        scope.atoms.push(AtomInfo { name, kind: atom.kind(), descriptor, width, value });
    }

    fn visit_end_namespace(&mut self, _: &str, _: &dyn Block) {
        self.namespace.pop();
    }

    fn visit_end_scope(&mut self, _: &str, _: &dyn Block) {
        let Some((scope, _)) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some((parent, _)) => parent.children.push(scope),
            None => self.done = Some(scope),
        }
    }
}

/// What the block says that it does; an `Err` holds the message of a panic.
fn body(node: &dyn Block) -> Result<Body, String> {
    drop(primitive::take());
    about::take();
    // A kernel's casts are evaluated on live values while its tree is built, and a literal that does not fit panics there.
    let verilog = catch_unwind(AssertUnwindSafe(|| node.hdl())).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("panic").to_owned()
    })?;
    if let Some(primitive) = primitive::take() {
        return Ok(Body::Primitive(primitive));
    }
    Ok(match verilog {
        Verilog::Combinatorial(block) => Body::Kernel(block),
        Verilog::Custom(_) if is_dff(&node.timing()) => Body::Dff,
        Verilog::Custom(_) => Body::Unknown("custom Verilog text"),
        Verilog::Blackbox(_) => Body::Unknown("a black box"),
        Verilog::Wrapper(_) => Body::Unknown("a wrapper of foreign Verilog"),
        Verilog::Empty => Body::Unknown("no kernel: is `#[hdl_gen]` missing?"),
    })
}

fn is_dff(timing: &[TimingInfo]) -> bool {
    timing.first().is_some_and(|timing| timing.name == "dff")
}

/// The value of a literal, whose fields are private: its `{:x}` form is `width'hdigits`. `None` if it is negative.
pub(super) fn literal_value(literal: &VerilogLiteral) -> Option<Vec<u64>> {
    let text = format!("{literal:x}");
    words::from_hex(text.split_once("'h")?.1)
}

/// Whether the literal is a Rust `bool`: only those are one bit wide.
pub(super) fn literal_is_bool(literal: &VerilogLiteral) -> bool {
    format!("{literal:x}").starts_with("1'h")
}
