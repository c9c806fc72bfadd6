//! Where tools and compiled models are kept: Cargo's target folder.

use std::path::{Path, PathBuf};

use crate::ToolError;

/// Cargo's target folder: the one that the running program lies in; else `CARGO_TARGET_DIR`; else that of the workspace
/// which this crate was built from, if it is still there.
///
/// The program comes first because Cargo puts every test and binary there whatever its configuration says.
///
/// # Errors
/// [`ToolError::NoTargetDirectory`].
pub fn target_directory() -> Result<PathBuf, ToolError> {
    if let Some(target) = std::env::current_exe().ok().as_deref().and_then(tagged_ancestor) {
        return Ok(target);
    }
    if let Some(target) = std::env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty()) {
        return std::path::absolute(&target).map_err(ToolError::file("use", target));
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    match workspace.canonicalize() {
        Ok(workspace) if workspace.join("Cargo.lock").exists() => Ok(workspace.join("target")),
        _ => Err(ToolError::NoTargetDirectory),
    }
}

/// The nearest ancestor that Cargo marked as a target folder.
fn tagged_ancestor(program: &Path) -> Option<PathBuf> {
    program
        .ancestors()
        .skip(1)
        .find(|folder| {
            std::fs::read_to_string(folder.join("CACHEDIR.TAG")).is_ok_and(|tag| tag.contains("created by cargo"))
        })
        .map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A panic is how a test fails.
    use super::*;

    #[test]
    fn tests_run_inside_the_target_folder() {
        let target = target_directory().unwrap();
        assert!(std::env::current_exe().unwrap().starts_with(target));
    }

    #[test]
    fn a_folder_without_cargos_tag_is_no_target() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("CACHEDIR.TAG"), "Signature: by somebody else").unwrap();
        assert_eq!(tagged_ancestor(&folder.path().join("debug/program")), None);
        std::fs::write(folder.path().join("CACHEDIR.TAG"), "# created by cargo.").unwrap();
        assert_eq!(tagged_ancestor(&folder.path().join("debug/program")).as_deref(), Some(folder.path()));
    }
}
