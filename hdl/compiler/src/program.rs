//! Designs that no build script knows, compiled while the caller waits: for comparing the compiled engine with others.
//!
//! `rustc` makes the generated source and a small main program into one executable. Each engine is a process of it, which takes
//! inputs and gives outputs over pipes: slow beside a design in the binary, but the same code.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use nitro_netlist::Netlist;
use nitro_netlist::netlist::Port;
use nitro_simulator::{Engine, EngineFault, PortInfo, image_words};
use tempfile::TempDir;

use crate::{CompileError, Options, compile};

/// Why a program cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The netlist cannot be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// A file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A program cannot be started.
    #[error("cannot run {program}: {source}")]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The Rust compiler refused the generated text.
    #[error("{program} failed:\n{output}")]
    Failed {
        /// The program.
        program: PathBuf,
        /// The first of what it said.
        output: String,
    },
}

/// How hard `rustc` tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// For a program that runs briefly.
    Build,
    /// For a program that runs for long: as the cards in the binary are compiled.
    Speed,
}

impl Goal {
    const fn level(self) -> &'static str {
        match self {
            Self::Build => "opt-level=1",
            Self::Speed => "opt-level=3",
        }
    }
}

/// What the program consists of beside the design.
const MAIN: &str = include_str!("program_main.rs");

/// A compiled design.
#[derive(Clone, Debug)]
pub struct Program {
    /// Deleted with the last engine.
    _folder: Arc<TempDir>,
    executable: PathBuf,
    inputs: Vec<PortInfo>,
    outputs: Vec<PortInfo>,
}

fn ports(ports: &[Port]) -> Vec<PortInfo> {
    ports.iter().map(|port| PortInfo { name: port.name.clone(), width: port.width as usize }).collect()
}

impl Program {
    /// Compiles a netlist in a temporary folder, with `rustc` or what the variable `RUSTC` names.
    ///
    /// # Errors
    /// If the netlist cannot be compiled, a file not be written, or `rustc` is missing or refuses.
    pub fn build(netlist: &Netlist, options: Options, goal: Goal) -> Result<Self, ProgramError> {
        let folder = tempfile::Builder::new().prefix("nitro-program-").tempdir();
        let folder =
            folder.map_err(|source| ProgramError::Write { path: PathBuf::from("a temporary folder"), source })?;
        write(&folder.path().join("design.rs"), &compile(netlist, options)?)?;
        let source = folder.path().join("main.rs");
        write(&source, MAIN)?;
        let compiler = std::env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from);
        let executable = folder.path().join("program");
        let mut command = Command::new(&compiler);
        command.args(["--edition", "2024", "-C", goal.level(), "-A", "warnings", "-o"]).arg(&executable).arg(&source);
        let output = command.output().map_err(|source| ProgramError::Start { program: compiler.clone(), source })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            // The first errors say most.
            let output = said.lines().take(60).collect::<Vec<_>>().join("\n");
            return Err(ProgramError::Failed { program: compiler, output });
        }
        let (inputs, outputs) = (ports(&netlist.inputs), ports(&netlist.outputs));
        Ok(Self { _folder: Arc::new(folder), executable, inputs, outputs })
    }

    /// Starts the design at power-up.
    ///
    /// # Errors
    /// If the process cannot be started.
    pub fn start(&self) -> Result<ProgramEngine, ProgramError> {
        let failed = |source| ProgramError::Start { program: self.executable.clone(), source };
        let mut command = Command::new(&self.executable);
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(failed)?;
        let pipes = (process.stdin.take(), process.stdout.take());
        let (Some(commands), Some(answers)) = pipes else {
            return Err(failed(std::io::ErrorKind::BrokenPipe.into()));
        };
        Ok(ProgramEngine {
            // The first byte is the command.
            command: vec![0; 1 + 8 * image_words(&self.inputs)],
            answer: vec![0; 8 * image_words(&self.outputs)],
            process,
            commands: Some(commands),
            answers,
            program: self.clone(),
            fault: None,
        })
    }
}

/// A process that runs a compiled design.
#[derive(Debug)]
pub struct ProgramEngine {
    program: Program,
    process: Child,
    /// Closed to end the process.
    commands: Option<ChildStdin>,
    answers: ChildStdout,
    command: Vec<u8>,
    answer: Vec<u8>,
    fault: Option<EngineFault>,
}

const SETTLE: u8 = 0;
const EDGE: u8 = 1;
const CLOCKS: u8 = 2;

/// Where port `index` begins in an image, in words.
fn place(ports: &[PortInfo], index: usize) -> usize {
    image_words(&ports[..index])
}

impl ProgramEngine {
    fn attempt(&mut self, exchange: impl FnOnce(&mut Self) -> std::io::Result<()>) {
        if self.fault.is_none()
            && let Err(error) = exchange(self)
        {
            self.fault = Some(EngineFault::Process { reason: error.to_string() });
        }
    }

    /// Runs a clock for each image in `inputs` and appends the images of the outputs to `outputs`: one exchange for all of them.
    pub fn clocks(&mut self, inputs: &[u64], outputs: &mut Vec<u64>) {
        let clocks = inputs.len() / image_words(&self.program.inputs).max(1);
        let mut answer = vec![0; clocks * self.answer.len()];
        self.attempt(|engine| {
            let mut command = vec![CLOCKS];
            command.extend((clocks as u64).to_le_bytes());
            command.extend(inputs.iter().flat_map(|word| word.to_le_bytes()));
            engine.send(&command)?;
            engine.answers.read_exact(&mut answer)
        });
        outputs.extend(answer.chunks_exact(8).map(|bytes| u64::from_le_bytes(std::array::from_fn(|byte| bytes[byte]))));
    }

    fn send(&mut self, command: &[u8]) -> std::io::Result<()> {
        self.commands.as_mut().ok_or(std::io::ErrorKind::BrokenPipe)?.write_all(command)
    }
}

impl Engine for ProgramEngine {
    fn inputs(&self) -> &[PortInfo] {
        &self.program.inputs
    }
    fn outputs(&self) -> &[PortInfo] {
        &self.program.outputs
    }
    fn set(&mut self, index: usize, value: &[u64]) {
        let at = 1 + 8 * place(&self.program.inputs, index);
        let words = self.program.inputs[index].words();
        for (bytes, word) in self.command[at..at + 8 * words].chunks_exact_mut(8).zip(value) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
    }
    fn settle(&mut self) {
        self.attempt(|engine| {
            let mut command = std::mem::take(&mut engine.command);
            command[0] = SETTLE;
            let sent = engine.send(&command);
            engine.command = command;
            sent?;
            engine.answers.read_exact(&mut engine.answer)
        });
    }
    fn get(&self, index: usize, value: &mut [u64]) {
        let at = 8 * place(&self.program.outputs, index);
        for (word, bytes) in value.iter_mut().zip(self.answer[at..].chunks_exact(8)) {
            *word = u64::from_le_bytes(std::array::from_fn(|byte| bytes[byte]));
        }
    }
    fn edge(&mut self) {
        self.attempt(|engine| engine.send(&[EDGE]));
    }
    fn fault(&self) -> Option<&EngineFault> {
        self.fault.as_ref()
    }
}

impl Drop for ProgramEngine {
    fn drop(&mut self) {
        // At the end of its commands the program ends.
        self.commands = None;
        let _ = self.process.wait();
    }
}

fn write(path: &Path, text: &str) -> Result<(), ProgramError> {
    std::fs::write(path, text).map_err(|source| ProgramError::Write { path: path.to_owned(), source })
}
