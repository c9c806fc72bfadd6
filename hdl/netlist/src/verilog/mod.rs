//! Prints a design as Verilog-2005.
//!
//! One file a module. Every signal has one driver, an `assign` or an `always` block; names are those of the kernels, and a
//! shared subexpression is named after the first signal that needs it. Literals are sized, and since every operand has exactly the
//! width of its result, Verilog's rules of width change nothing. Bits that nothing reads are tied to a wire called `unused`, so that
//! linters need no waiver.

mod emit;
mod memory;
mod names;
mod plan;
mod syntax;

use std::collections::HashSet;

use crate::design::{Design, Module};
use crate::elaborate::with_large_stack;

use names::ModuleNames;
pub use names::VerilogSignal;
pub use syntax::plain_text;

/// One Verilog source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerilogFile {
    /// File name, the module's with `.v`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A design as Verilog: one file a module, children first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerilogPackage {
    /// The files.
    pub files: Vec<VerilogFile>,
    /// Name of the top module.
    pub top: String,
    /// Module by module.
    names: Vec<ModuleNames>,
}

impl VerilogPackage {
    /// All files as one text.
    #[must_use]
    pub fn text(&self) -> String {
        self.files.iter().map(|file| file.text.as_str()).collect::<Vec<_>>().join("\n")
    }
}

pub(crate) fn print(design: &Design) -> VerilogPackage {
    // Statements nest as deep as a kernel's longest chain of conditions.
    let (files, names) = with_large_stack(|| {
        let reserved = reserved(design);
        let file = |module: &Module| {
            let (text, names) = emit::module(design.modules(), module, &reserved);
            (VerilogFile { name: format!("{}.v", module.name), text }, names)
        };
        design.modules().iter().map(file).unzip()
    });
    VerilogPackage { files, top: design.name().to_owned(), names }
}

/// Names that no instance may have: a signal inside an instance of its own name would hide it.
fn reserved(design: &Design) -> HashSet<&str> {
    let bodies = design.modules().iter().map(|module| &module.body);
    let names = bodies.flat_map(|body| {
        let signals = body.signals.iter().map(|signal| signal.name.as_str());
        signals.chain(body.memories.iter().map(|memory| memory.name.as_str()))
    });
    names.collect()
}
