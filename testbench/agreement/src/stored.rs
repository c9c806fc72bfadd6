//! Cases that failed once, kept in `vectors/agreement/` and run for ever after.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{AgreementError, StoredError};
use crate::stimulus::Case;

/// A file of `vectors/agreement/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredCases {
    /// Name of the block in its catalogue.
    pub block: String,
    /// What once failed.
    pub description: String,
    /// The cases.
    pub cases: Vec<Case>,
}

/// Reads every `*.json` of a folder, in the order of their names; a folder that does not exist has none.
///
/// # Errors
/// If a file cannot be read or has another form.
pub fn stored_cases(folder: &Path) -> Result<Vec<StoredCases>, AgreementError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let failed = |path: &Path, reason: StoredError| AgreementError::Stored { path: path.to_owned(), reason };
    let entries = std::fs::read_dir(folder).map_err(|error| failed(folder, error.into()))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(|error| failed(folder, error.into()))?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let read = |path: &Path| -> Result<StoredCases, StoredError> {
        Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
    };
    paths.iter().map(|path| read(path).map_err(|reason| failed(path, reason))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A panic is how a test fails.
    use super::*;
    use crate::stimulus::Style;

    #[test]
    fn cases_are_read_in_order_and_bad_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(stored_cases(&folder.path().join("none")).unwrap(), []);
        let text = r#"{"block":"fifo","description":"a","cases":[{"seed":7,"clocks":3,"style":"one_hot"}]}"#;
        std::fs::write(folder.path().join("b.json"), text.replace("fifo", "spill")).unwrap();
        std::fs::write(folder.path().join("a.json"), text).unwrap();
        std::fs::write(folder.path().join("README.md"), "not a case").unwrap();
        let cases = stored_cases(folder.path()).unwrap();
        assert_eq!(cases.iter().map(|stored| stored.block.as_str()).collect::<Vec<_>>(), ["fifo", "spill"]);
        assert_eq!(cases[0].cases, [Case { seed: 7, clocks: 3, style: Style::OneHot }]);
        std::fs::write(folder.path().join("c.json"), text.replace("one_hot", "two_hot")).unwrap();
        let error = stored_cases(folder.path()).unwrap_err().to_string();
        assert!(error.contains("c.json") && error.contains("two_hot"), "{error}");
    }
}
