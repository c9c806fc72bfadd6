//! `nitro`: the command line of the project.

mod args;
#[cfg(feature = "compiled")]
mod bench;
mod blocks;
mod check;
mod failure;
mod progress;
mod regs;
mod replay;
mod synth;
mod verilog;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        None => replay::default_run(&arguments.quiet),
        Some(Command::Replay(options)) => replay::run(&options),
        Some(Command::Verilog(options)) => verilog::run(&options),
        Some(Command::Check(options)) => check::run(&options),
        Some(Command::Synth(options)) => synth::run(&options),
        #[cfg(feature = "compiled")]
        Some(Command::Bench(options)) => bench::run(&options),
        Some(Command::Regs(options)) => regs::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("nitro: {failure}");
            failure.exit_code()
        }
    }
}
