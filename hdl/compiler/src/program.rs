//! Stand-alone programs of many designs, for comparing the compiled engine with others on netlists that no build script knows.
//!
//! `rustc` compiles a batch of generated modules and a small main program into one executable. It runs each design on pseudo-random
//! stimulus ([`Stimulus`] says which) and prints a hash of all outputs for every stretch of clocks, which any other engine can
//! compute as well ([`Stimulus::hashes`]).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nitro_netlist::Netlist;
use nitro_simulator::random::Random;
use nitro_simulator::{Engine, image_words};

use crate::{CompileError, Options, compile};

/// Clocks that one hash covers: how closely a difference is located.
const STRETCH: usize = 50;

/// Why a program cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// A netlist cannot be compiled.
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
    /// The Rust compiler refused the generated text, or the program failed.
    #[error("{program} failed:\n{output}")]
    Failed {
        /// The program.
        program: PathBuf,
        /// The end of what it said.
        output: String,
    },
    /// The program printed something else than hashes.
    #[error("the program of the batch printed `{line}` where a hash should stand")]
    Output {
        /// What it printed.
        line: String,
    },
}

/// Pseudo-random stimulus from a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stimulus {
    /// Seed of the first design; design `n` of a batch has `seed + n`.
    pub seed: u64,
    /// Clocks to run.
    pub clocks: usize,
}

/// One step of the hash over outputs.
fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Stimulus {
    /// The hashes of an engine: one for every 50 clocks, each over everything up to there.
    #[must_use]
    pub fn hashes(self, engine: &mut dyn Engine) -> Vec<u64> {
        let mut random = Random::new(self.seed);
        let inputs = engine.inputs().to_vec();
        let mut image = vec![0; image_words(&inputs)];
        let mut outputs = vec![0; image_words(engine.outputs())];
        let mut hashes = Vec::new();
        let mut hash = 0;
        for clock in 0..self.clocks {
            let mut at = 0;
            for port in &inputs {
                // Inputs mostly stay as they are, so that logic comes to rest now and then.
                if clock == 0 || random.word().is_multiple_of(4) {
                    let value = random.value(u32::try_from(port.width).unwrap_or(u32::MAX));
                    image[at..at + port.words()].copy_from_slice(&value);
                }
                at += port.words();
            }
            engine.clock(&image, &mut outputs);
            hash = outputs.iter().fold(hash, |hash, &word| mix(hash, word));
            if (clock + 1) % STRETCH == 0 || clock + 1 == self.clocks {
                hashes.push(hash);
            }
        }
        hashes
    }
}

/// What the program of a batch consists of beside the designs; the same as [`Stimulus::hashes`].
const MAIN: &str = include_str!("program_main.rs");

/// A compiled batch of designs.
#[derive(Clone, Debug)]
pub struct Program {
    executable: PathBuf,
    designs: usize,
}

impl Program {
    /// Compiles a batch into `folder`, which must exist, with `rustc` (or what the variable `RUSTC` names).
    ///
    /// # Errors
    /// If a netlist cannot be compiled, a file not be written, or `rustc` is missing or refuses.
    pub fn build(netlists: &[Netlist], options: Options, folder: &Path) -> Result<Self, ProgramError> {
        let mut main = String::from(MAIN);
        let mut calls = String::new();
        for (index, netlist) in netlists.iter().enumerate() {
            let text = compile(netlist, options)?;
            write(&folder.join(format!("d{index}.rs")), &text)?;
            let _ = write!(main, "mod d{index};\ndesign!(D{index}, d{index});\n");
            let _ = writeln!(calls, "    run::<D{index}>(seed + {index}, clocks);");
        }
        let _ = write!(
            main,
            "fn main() {{\n    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().expect(\"a number\"));\n    \
             let (seed, clocks) = (arguments.next().expect(\"a seed\"), arguments.next().expect(\"clocks\"));\n{calls}}}\n"
        );
        let source = folder.join("main.rs");
        write(&source, &main)?;
        let compiler = std::env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from);
        let executable = folder.join("designs");
        let mut command = Command::new(&compiler);
        command.args(["--edition", "2024", "-C", "opt-level=1", "-A", "warnings", "-o"]).arg(&executable).arg(&source);
        run(&mut command, &compiler)?;
        Ok(Self { executable, designs: netlists.len() })
    }

    /// Runs every design; gives its hashes.
    ///
    /// # Errors
    /// If the program fails.
    pub fn run(&self, stimulus: Stimulus) -> Result<Vec<Vec<u64>>, ProgramError> {
        let mut command = Command::new(&self.executable);
        command.args([stimulus.seed.to_string(), stimulus.clocks.to_string()]);
        let output = run(&mut command, &self.executable)?;
        let designs: Result<Vec<Vec<u64>>, ProgramError> = output
            .lines()
            .map(|line| {
                let hash = |text: &str| {
                    u64::from_str_radix(text, 16).map_err(|_| ProgramError::Output { line: line.to_owned() })
                };
                line.split_whitespace().map(hash).collect()
            })
            .collect();
        let designs = designs?;
        if designs.len() == self.designs {
            Ok(designs)
        } else {
            Err(ProgramError::Output { line: format!("{} lines for {} designs", designs.len(), self.designs) })
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), ProgramError> {
    std::fs::write(path, text).map_err(|source| ProgramError::Write { path: path.to_owned(), source })
}

fn run(command: &mut Command, program: &Path) -> Result<String, ProgramError> {
    let output = command.output().map_err(|source| ProgramError::Start { program: program.to_owned(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    // The first errors say most.
    let output = said.lines().take(60).collect::<Vec<_>>().join("\n");
    Err(ProgramError::Failed { program: program.to_owned(), output })
}
