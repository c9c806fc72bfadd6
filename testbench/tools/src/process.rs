//! Running programs and guarding shared files.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::ToolError;

/// Lines of a log that an error shows at most.
const SHOWN_LINES: usize = 40;

/// What a finished program left.
pub(crate) struct Finished {
    /// It exited with status 0.
    pub success: bool,
    /// Standard output, then standard error.
    pub output: String,
    /// Standard error alone.
    pub errors: String,
}

/// Runs a program to its end and keeps what it prints.
pub(crate) fn run(command: &mut Command, remedy: &'static str) -> Result<Finished, ToolError> {
    let output = command.stdin(std::process::Stdio::null()).output().map_err(|source| ToolError::Start {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
        remedy,
    })?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&errors);
    Ok(Finished { success: output.status.success(), output: text, errors })
}

/// The last lines of a log, where the reason stands.
pub(crate) fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.trim_end().lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}

/// Holds an exclusive lock on `path` (created if needed) until the returned file is dropped. Works between threads as
/// well as between processes, and a crashed holder leaves nothing behind.
pub(crate) fn lock(path: &Path) -> Result<File, ToolError> {
    let file = File::create(path).map_err(ToolError::file("create", path))?;
    file.lock().map_err(ToolError::file("lock", path))?;
    Ok(file)
}

/// SHA-256 over parts and their lengths, as 16 hexadecimal digits.
pub(crate) fn content_key(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_depends_on_where_parts_end() {
        assert_ne!(content_key(&["ab", "c"]), content_key(&["a", "bc"]));
        assert_eq!(content_key(&["ab", "c"]).len(), 16);
    }

    #[test]
    fn a_long_log_shows_its_end() {
        let log = (0..100).map(|line| format!("line {line}\n")).collect::<String>();
        assert!(tail(&log).starts_with("line 60\n") && tail(&log).ends_with("line 99"));
        assert_eq!(tail("only"), "only");
    }
}
