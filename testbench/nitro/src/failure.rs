//! How a command ends when it does not end well.

use std::fmt;
use std::process::ExitCode;

/// A failed command: exit status and one message.
#[derive(Debug)]
pub enum Failure {
    /// A check did not hold: exit status 1.
    Check(String),
    /// Bad usage or bad input: exit status 2.
    Input(String),
}

impl Failure {
    /// Bad usage or bad input.
    pub fn input(error: impl fmt::Display) -> Self {
        Self::Input(error.to_string())
    }

    /// A check that did not hold, or a part of the tool that failed.
    pub fn check(error: impl fmt::Display) -> Self {
        Self::Check(error.to_string())
    }

    /// The exit status.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Check(_) => ExitCode::from(1),
            Self::Input(_) => ExitCode::from(2),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Check(message) | Self::Input(message) => formatter.write_str(message),
        }
    }
}
