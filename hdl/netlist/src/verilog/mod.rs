//! Prints a design as Verilog-2005.

use crate::design::Design;

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
}

impl VerilogPackage {
    /// All files as one text.
    #[must_use]
    pub fn text(&self) -> String {
        self.files.iter().map(|file| file.text.as_str()).collect::<Vec<_>>().join("\n")
    }
}

pub(crate) fn print(design: &Design) -> VerilogPackage {
    VerilogPackage { files: Vec::new(), top: design.name().to_owned() }
}
