//! Cases in files: `vectors/check/`.

use std::path::{Path, PathBuf};

use crate::case::Case;

/// A file is no case.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// It cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It has another form.
    #[error("{}: {source}; expected a case as `nitro check --cards` writes it", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
}

/// Every `*.json` of a folder, in the order of their names; a folder that does not exist has none.
///
/// # Errors
/// If a file cannot be read or has another form.
pub fn stored_cases(folder: &Path) -> Result<Vec<(PathBuf, Case)>, StoredError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| StoredError::File { path, source }
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        paths.push(entry.map_err(failed(folder))?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.into_iter().map(|path| Ok((path.clone(), read_case(&path)?))).collect()
}

/// Reads one case.
///
/// # Errors
/// If the file cannot be read or has another form.
pub fn read_case(path: &Path) -> Result<Case, StoredError> {
    let text = std::fs::read_to_string(path).map_err(|source| StoredError::File { path: path.to_owned(), source })?;
    serde_json::from_str(&text).map_err(|source| StoredError::Form { path: path.to_owned(), source })
}

/// Writes a case, whole or not at all.
///
/// # Errors
/// If it cannot be written.
pub fn write_case(case: &Case, path: &Path) -> Result<(), StoredError> {
    let form = |source| StoredError::Form { path: path.to_owned(), source };
    let text = serde_json::to_string_pretty(case).map_err(form)? + "\n";
    let part = path.with_extension("part");
    let file = |source| StoredError::File { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(file)?;
    }
    std::fs::write(&part, text).map_err(file)?;
    std::fs::rename(&part, path).map_err(file)
}
