//! From an edit of a stage to the first waveform, cargo included; against Verilator's generate and build of the same card.
//!
//! The edit is made in a copy of the workspace below the target folder, with a target folder of its own that is warm, as a
//! stage's author has it: [`Workshop::open`] brings the copy up to date and builds it once. Each round then writes one more
//! assignment into a kernel, builds the `nitro` command as `docs/edit.md` says, replays a capture with a waveform, and looks for
//! the waveform's first sample. Verilator gets its Verilog for nothing, and all of its ways to build a model are tried;
//! later rounds, interleaved with ours, repeat the fastest.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nitro_card::catalogue::card_entry;
use nitro_card::config::Config;
use nitro_netlist::Design;
use nitro_netlist::netlist::Port;
use nitro_simulator::PortInfo;
use nitro_tools::{Effort, Verilator, VerilogDesign, target_directory};

use crate::BenchError;
use crate::contestant::Versioned;
use crate::first_clock::SECTION;
use crate::report::{Finding, median};

/// The stage that is edited, below the workspace.
const STAGE: &str = "pipeline/card/src/eni/tx.rs";
/// How a stage's author builds; `docs/edit.md` tells the same.
const BUILD: [&str; 6] = ["build", "--quiet", "--profile", PROFILE, "--package", "nitro"];
const BUILD_FEATURES: &str = "--no-default-features";
/// The profile of the workspace for this, and so the name of its folder.
const PROFILE: &str = "edit";
const CAPTURE: &str = "vectors/captures/http-short.pcap";
const VPC: &str = "vectors/vpc/default.toml";
/// Folder below the target folder for everything that this leaves.
const FOLDER: &str = "cold-start";
/// Rounds before the first that counts: the first edit after a fresh build finds less to reuse than all later ones.
const WARM_UP: usize = 1;
/// How often the waveform is looked at.
const POLL: Duration = Duration::from_millis(5);

/// Why a cold start could not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ColdStartError {
    /// There is no source to edit.
    #[error("found no checkout of the project with `{STAGE}`; looked in {}: run this inside one", .0.join(", "))]
    NoCheckout(Vec<String>),
    /// The stage has no line that the edit could repeat.
    #[error("`{STAGE}` has no line `self.<signal>.next = self.<signal>.val();` to repeat as the edit")]
    NothingToEdit,
    /// Cargo or the built program failed.
    #[error("`{command}` failed:\n{output}")]
    Failed {
        /// The command line.
        command: String,
        /// What it printed.
        output: String,
    },
    /// The replay ended and left no waveform.
    #[error("`{0}` left no waveform with a sample")]
    NoWaveform(String),
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> BenchError {
    let path = path.display().to_string();
    move |source| BenchError::Io { action, path, source }
}

/// A copy of the workspace that can be edited and built.
#[derive(Debug)]
pub struct Workshop {
    copy: PathBuf,
    target: PathBuf,
    stage: String,
}

/// One edit, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EditTime {
    /// `cargo build`.
    pub build: f64,
    /// From the start of the program until its waveform has a sample.
    pub sample: f64,
    /// From the edit to that sample.
    pub total: f64,
}

/// The checkout that the working directory lies in, or the one that this program was built from.
fn checkout() -> Result<PathBuf, BenchError> {
    let here = std::env::current_dir().map_err(io("find", Path::new("the working directory")))?;
    let starts = [here, PathBuf::from(env!("CARGO_MANIFEST_DIR"))];
    let found = starts.iter().flat_map(|start| start.ancestors()).find(|folder| folder.join(STAGE).is_file());
    let searched = || starts.iter().map(|start| start.display().to_string()).collect();
    Ok(found.ok_or_else(|| ColdStartError::NoCheckout(searched()))?.to_owned())
}

/// Makes `copy` equal to `source`, without version control and what is built. Files that are equal already stay untouched, so
/// that cargo does not build them again.
fn synchronise(source: &Path, copy: &Path) -> Result<(), BenchError> {
    fs::create_dir_all(copy).map_err(io("create", copy))?;
    let skipped =
        |path: &Path| path.join("CACHEDIR.TAG").exists() || path.file_name().is_some_and(|name| name == ".git");
    let mut kept = Vec::new();
    for entry in fs::read_dir(source).map_err(io("read", source))? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).map_err(io("read", source))?;
        let target = copy.join(&name);
        if path.is_dir() && !skipped(&path) {
            synchronise(&path, &target)?;
        } else if path.is_file() {
            let content = fs::read(&path).map_err(io("read", &path))?;
            if fs::read(&target).ok().as_ref() != Some(&content) {
                fs::write(&target, content).map_err(io("write", &target))?;
            }
        } else {
            continue;
        }
        kept.push(name);
    }
    for entry in fs::read_dir(copy).map_err(io("read", copy))? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).map_err(io("read", copy))?;
        if !kept.contains(&name) {
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(io("remove", &path))?;
        }
    }
    Ok(())
}

/// The text with the first plain assignment of its kernel written `times` more often, which changes the kernel and not what it means.
fn edited(text: &str, times: usize) -> Option<String> {
    let is_assignment = |line: &str| {
        let line = line.trim();
        line.starts_with("self.") && line.contains(".next = self.") && line.ends_with(".val();")
    };
    let mut done = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        let count = if !done && is_assignment(line) { 1 + times } else { 1 };
        done |= count > 1;
        lines.extend(std::iter::repeat_n(line, count));
    }
    done.then(|| lines.join("\n") + "\n")
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn check(command: &Command, output: &Output) -> Result<(), BenchError> {
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    Err(ColdStartError::Failed { command: shown(command), output: text.trim_end().to_owned() }.into())
}

/// Whether a waveform has its header and a time stamp.
fn has_sample(file: &Path) -> bool {
    fs::read(file).is_ok_and(|text| text.windows(2).any(|pair| pair == b"\n#"))
}

impl Workshop {
    /// Brings the copy of this checkout up to date and builds it; minutes at the first time.
    ///
    /// # Errors
    /// If there is no checkout, or it does not build.
    pub fn open() -> Result<Self, BenchError> {
        let folder = target_directory()?.join(FOLDER);
        let (copy, target) = (folder.join("checkout"), folder.join("target"));
        synchronise(&checkout()?, &copy)?;
        let file = copy.join(STAGE);
        let stage = fs::read_to_string(&file).map_err(io("read", &file))?;
        let workshop = Self { copy, target, stage };
        workshop.build()?;
        Ok(workshop)
    }

    fn build(&self) -> Result<(), BenchError> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(BUILD).arg(BUILD_FEATURES).current_dir(&self.copy).env("CARGO_TARGET_DIR", &self.target);
        // What `cargo run` or a session sets for this program is not meant for another build.
        cargo.env_remove("CARGO_INCREMENTAL").stdin(Stdio::null());
        let output = cargo.output().map_err(io("start", Path::new("cargo")))?;
        check(&cargo, &output)
    }

    /// Edits the stage, builds, replays, and waits for the first sample of the waveform. `number` tells apart edits.
    ///
    /// # Errors
    /// If the stage cannot be edited, does not build, or its replay makes no waveform.
    pub fn edit(&self, config: Config, number: usize) -> Result<EditTime, BenchError> {
        let text = edited(&self.stage, number).ok_or(ColdStartError::NothingToEdit)?;
        let (file, waveform) = (self.copy.join(STAGE), self.target.join("first.vcd"));
        if waveform.exists() {
            fs::remove_file(&waveform).map_err(io("remove", &waveform))?;
        }
        let start = Instant::now();
        fs::write(&file, text).map_err(io("write", &file))?;
        self.build()?;
        let build = start.elapsed();
        self.replay(config, &waveform)?;
        let total = start.elapsed();
        Ok(EditTime { build: build.as_secs_f64(), sample: (total - build).as_secs_f64(), total: total.as_secs_f64() })
    }

    /// Returns at the first sample; the rest of the replay is of no interest.
    fn replay(&self, config: Config, waveform: &Path) -> Result<(), BenchError> {
        let program = self.target.join(PROFILE).join(format!("nitro{}", std::env::consts::EXE_SUFFIX));
        let mut command = Command::new(program);
        command.args([
            "replay",
            "--quiet",
            "--engine",
            "interpreted",
            "--vpc",
            VPC,
            "--pcap",
            CAPTURE,
            "--config",
            config.name(),
        ]);
        command.arg("--vcd").arg(waveform).current_dir(&self.copy);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(io("start", Path::new(command.get_program())))?;
        let mut waited = || -> Result<bool, BenchError> {
            loop {
                if has_sample(waveform) {
                    return Ok(true);
                }
                if child.try_wait().map_err(io("wait for", waveform))?.is_some() {
                    return Ok(has_sample(waveform));
                }
                std::thread::sleep(POLL);
            }
        };
        if waited()? {
            // It may have ended by itself meanwhile.
            let _ = child.kill();
            let _ = child.wait();
            return Ok(());
        }
        let output = child.wait_with_output().map_err(io("wait for", waveform))?;
        check(&command, &output)?;
        Err(ColdStartError::NoWaveform(shown(&command)).into())
    }
}

impl Drop for Workshop {
    /// Takes the edit back, so that the copy is warm for the next run.
    fn drop(&mut self) {
        let _ = fs::write(self.copy.join(STAGE), &self.stage);
    }
}

/// One way to make a model with Verilator.
enum Way {
    /// By this project's own build, with these flags.
    Library(Effort),
    /// By Verilator's makefile, on all processors.
    Make,
}

struct Contender<'a> {
    verilator: &'a Verilator,
    name: String,
    way: Way,
    seconds: Vec<f64>,
}

impl Contender<'_> {
    /// Generates and builds a model into an empty cache that has nothing but Verilator's compiled runtime.
    fn build(&mut self, design: &Design, verilog: &VerilogDesign<'_>) -> Result<(), BenchError> {
        let folder = tempfile::tempdir().map_err(io("create", Path::new("a temporary folder")))?;
        let verilator = self.verilator.clone().with_cache(folder.path());
        if let Way::Library(effort) = self.way {
            let text = "module warm(input wire a, output wire y); assign y = a; endmodule\n";
            let port = |name: &str| [PortInfo { name: name.to_owned(), width: 1 }];
            let (inputs, outputs) = (port("a"), port("y"));
            verilator.library(
                &VerilogDesign { top: "warm", text, clock: None, inputs: &inputs, outputs: &outputs },
                effort,
            )?;
        }
        let start = Instant::now();
        match self.way {
            Way::Library(effort) => drop(verilator.library(verilog, effort)?),
            Way::Make => {
                let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
                verilator.make(verilog.text, design.name(), folder.path(), jobs)?;
            }
        }
        self.seconds.push(start.elapsed().as_secs_f64());
        Ok(())
    }
}

fn contenders(verilators: &[Versioned]) -> Vec<Contender<'_>> {
    let mut contenders = Vec::new();
    for (verilator, release) in verilators {
        let mut add = |way: Way, how: &str| {
            let name = format!("Verilator {release} {how}");
            contenders.push(Contender { verilator, name, way, seconds: Vec::new() });
        };
        add(Way::Make, "make");
        for effort in [Effort::Build, Effort::Size, Effort::Speed] {
            add(Way::Library(effort), &effort.flags().join(" "));
        }
    }
    contenders
}

fn port_infos(ports: &[Port]) -> Vec<PortInfo> {
    ports.iter().map(|port| PortInfo { name: port.name.clone(), width: port.width as usize }).collect()
}

/// Edits a stage of a card `rounds` times, and builds the card with each of `verilators`.
///
/// # Errors
/// If there is no checkout, something does not build, or there is no waveform.
pub fn measure(
    config: Config,
    verilators: &[Versioned],
    rounds: usize,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Finding>, BenchError> {
    let card = config.name();
    progress("building a copy of the workspace");
    let workshop = Workshop::open()?;
    let design = card_entry(config).elaborate()?;
    let (text, netlist) = (design.verilog().text(), design.flatten());
    let (inputs, outputs) = (port_infos(&netlist.inputs), port_infos(&netlist.outputs));
    let clock = nitro_agreement::clock(&design);
    let verilog = VerilogDesign { top: design.name(), text: &text, clock, inputs: &inputs, outputs: &outputs };
    let mut contenders = contenders(verilators);
    for number in 0..WARM_UP {
        progress(&format!("{card}: first edit"));
        workshop.edit(config, 1 + number)?;
    }
    let mut times = Vec::new();
    let mut repeated = 0..contenders.len();
    for round in 0..rounds {
        progress(&format!("{card}: edit {} of {rounds}", round + 1));
        times.push(workshop.edit(config, 1 + WARM_UP + round)?);
        for contender in &mut contenders[repeated.clone()] {
            progress(&format!("{card}: {}", contender.name));
            contender.build(&design, &verilog)?;
        }
        if round == 0 {
            // The fastest alone stands for Verilator from now on.
            contenders.sort_by(|left, right| median(&left.seconds).total_cmp(&median(&right.seconds)));
            repeated = 0..contenders.len().min(1);
        }
    }
    Ok(findings(card, &times, &contenders))
}

fn findings(card: &str, times: &[EditTime], contenders: &[Contender<'_>]) -> Vec<Finding> {
    let of = |part: fn(&EditTime) -> f64| times.iter().map(part).collect::<Vec<_>>();
    let finding =
        |engine: &str, quantity: &str, unit: &str, rounds| Finding::new(SECTION, card, engine, quantity, unit, rounds);
    let total = finding("interpreted", "edit to first waveform", "s", of(|time| time.total))
        .note("an edit of `eni`, cargo build, replay until the VCD has a sample");
    let mut findings = vec![
        finding("interpreted", "edit to program", "s", of(|time| time.build)),
        finding("interpreted", "program to first waveform", "s", of(|time| time.sample)),
    ];
    for contender in contenders {
        let finding = finding(&contender.name, "Verilog to model", "s", contender.seconds.clone());
        findings.push(finding.note("generate and build; the Verilog itself is for nothing"));
    }
    if let Some(fastest) = contenders.first() {
        let ratio = median(&fastest.seconds) / total.value;
        let ratio = finding("interpreted", "first waveform, times faster than the fastest Verilator", "1", vec![ratio]);
        findings.push(ratio.note(&format!("of the medians, against {}", fastest.name)));
    }
    findings.insert(0, total);
    findings
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test may panic")]
    use super::*;

    #[test]
    fn an_edit_repeats_the_first_assignment() {
        let text = "clock!(self, clock);\nself.a.next = self.b.val();\nself.c.next = self.d.val();\n";
        let twice = "clock!(self, clock);\nself.a.next = self.b.val();\nself.a.next = self.b.val();\nself.c.next = self.d.val();\n";
        assert_eq!(edited(text, 1).as_deref(), Some(twice));
        assert_eq!(edited("fn main() {}\n", 1), None);
    }

    #[test]
    fn the_stage_can_be_edited() {
        let text = fs::read_to_string(checkout().unwrap().join(STAGE)).unwrap();
        assert_eq!(edited(&text, 3).unwrap().lines().count(), text.lines().count() + 3);
    }

    #[test]
    fn a_copy_is_equal_and_untouched_where_it_was() {
        let folders = tempfile::tempdir().unwrap();
        let (source, copy) = (folders.path().join("source"), folders.path().join("copy"));
        let write = |path: &Path, text: &str| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for (name, text) in
            [("a/one", "1"), ("two", "2"), (".git/head", "x"), ("out/CACHEDIR.TAG", ""), ("out/big", "b")]
        {
            write(&source.join(name), text);
        }
        write(&copy.join("a/one"), "1");
        write(&copy.join("gone/file"), "old");
        let before = fs::metadata(copy.join("a/one")).unwrap().modified().unwrap();
        synchronise(&source, &copy).unwrap();
        assert_eq!(fs::metadata(copy.join("a/one")).unwrap().modified().unwrap(), before);
        assert_eq!(fs::read_to_string(copy.join("two")).unwrap(), "2");
        for absent in [".git", "out", "gone"] {
            assert!(!copy.join(absent).exists(), "{absent}");
        }
    }

    #[test]
    fn a_waveform_starts_with_its_first_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.vcd");
        assert!(!has_sample(&file));
        fs::write(&file, "$timescale 1 ns $end\n$var wire 1 # clock $end\n").unwrap();
        assert!(!has_sample(&file));
        fs::write(&file, "$enddefinitions $end\n#0\n1#\n").unwrap();
        assert!(has_sample(&file));
    }
}
