//! The emitted Verilog as a product of its own: what an FPGA engineer gets who never looks at the Rust.
//!
//! [`Package::new`] makes the files, the same bytes for the same design; who changes a block changes its file and no other. A package has
//!
//! * a Verilog-2005 file a module, and a file list for simulators and linters (`<top>.f`);
//! * `<top>.core`, for FuseSoC, with targets to lint, simulate and synthesise;
//! * `README.md`, with every command, and a page a module in `docs/`;
//! * `example/`, a test bench that instantiates the top and checks itself;
//! * `cocotb/`, test benches in Python, for blocks that have some;
//! * `registers/`, the register map as C header, SystemRDL, Markdown and JSON, for blocks with an AXI4-Lite port.

mod cocotb;
mod core_file;
mod example;
mod pages;
mod ports;
mod readme;

use std::io;
use std::path::{Path, PathBuf};

use nitro_netlist::Design;
use nitro_wire::registers;

use ports::Ports;

/// One file of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageFile {
    /// Path below the package's folder, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A design, ready for other people's tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Name of the top module.
    pub top: String,
    /// Its files; the file list comes last, so that a folder with it is complete.
    pub files: Vec<PackageFile>,
    /// Names of the Verilog files, modules before those that use them.
    pub sources: Vec<String>,
}

/// What the parts of a package are made from.
struct Contents<'a> {
    design: &'a Design,
    /// Configuration of the card that the block is for.
    config: &'a str,
    version: &'a str,
    sources: &'a [String],
    ports: Ports<'a>,
}

impl Contents<'_> {
    fn top(&self) -> &str {
        self.design.name()
    }
}

impl Package {
    /// The package of a design, which is a block for cards of the configuration `config`.
    #[must_use]
    pub fn new(design: &Design, config: &str) -> Self {
        let verilog = design.verilog();
        let top = design.name().to_owned();
        let sources: Vec<String> = verilog.files.iter().map(|file| file.name.clone()).collect();
        let contents = Contents {
            design,
            config,
            version: env!("CARGO_PKG_VERSION"),
            sources: &sources,
            ports: Ports::of(design),
        };
        let mut files: Vec<PackageFile> =
            verilog.files.into_iter().map(|file| PackageFile { path: file.name, text: file.text }).collect();
        let mut add = |path: String, text: String| files.push(PackageFile { path, text });
        for module in design.modules() {
            add(format!("docs/{}.md", module.name), pages::page(design, module));
        }
        if contents.ports.has_registers() {
            add("registers/registers.h".into(), registers::c_header());
            add("registers/registers.rdl".into(), registers::systemrdl());
            add("registers/registers.md".into(), registers::markdown());
            add("registers/registers.json".into(), format!("{:#}\n", registers::json()));
        }
        for (name, text) in cocotb::files(&top) {
            add(format!("cocotb/{name}"), text.to_owned());
        }
        add(format!("example/{top}_example.v"), example::test_bench(&contents));
        add("README.md".into(), readme::readme(&contents));
        add(format!("{top}.core"), core_file::core_file(&contents));
        let list: Vec<String> = sources.iter().map(|name| format!("{name}\n")).collect();
        add(format!("{top}.f"), list.concat());
        Self { top, files, sources }
    }

    /// Writes the package into a folder, which is made if need be. Files of the same names are replaced, others stay.
    ///
    /// # Errors
    /// With the path that cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), (PathBuf, io::Error)> {
        for file in &self.files {
            let path = folder.join(&file.path);
            let parent = path.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent).map_err(|error| (parent.to_owned(), error))?;
            let mut partial = path.clone().into_os_string();
            partial.push(".partial");
            let partial = PathBuf::from(partial);
            std::fs::write(&partial, &file.text)
                .and_then(|()| std::fs::rename(&partial, &path))
                .map_err(|error| (path, error))?;
        }
        Ok(())
    }
}
