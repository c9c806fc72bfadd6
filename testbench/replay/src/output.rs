//! Writing what a replay yields: every file whole, or not at all.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::{DataLink, PcapError};

use crate::report::{Outcome, OutputFrame};

/// An output file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot be written: {source}", file.display())]
pub struct OutputError {
    /// The file or folder.
    pub file: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Writes `path` through a temporary file beside it, which takes its name only when it is complete.
fn write_whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), OutputError> {
    let attempt = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = BufWriter::new(tempfile::NamedTempFile::new_in(folder)?);
        write(&mut file)?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.persist(path).map_err(|error| error.error)?;
        set_readable(path)
    };
    attempt().map_err(|source| OutputError { file: path.to_owned(), source })
}

/// Temporary files are private; results are for everyone who may read the folder.
#[cfg(unix)]
fn set_readable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_readable(_: &Path) -> io::Result<()> {
    Ok(())
}

fn pcap_error(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

fn write_pcapng(writer: &mut dyn Write, frames: &[OutputFrame], clock_mhz: u32) -> io::Result<()> {
    let mut writer = PcapNgWriter::new(writer).map_err(pcap_error)?;
    let interface = InterfaceDescriptionBlock {
        linktype: DataLink::ETHERNET,
        snaplen: 0,
        // Stamps count nanoseconds.
        options: vec![InterfaceDescriptionOption::IfTsResol(9)],
    };
    writer.write_pcapng_block(interface).map_err(pcap_error)?;
    for frame in frames {
        let nanoseconds = u128::from(frame.clock) * 1000 / u128::from(clock_mhz.max(1));
        let packet = EnhancedPacketBlock {
            interface_id: 0,
            timestamp: Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX)),
            original_len: u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX),
            data: Cow::Borrowed(&frame.bytes),
            options: vec![],
        };
        writer.write_pcapng_block(packet).map_err(pcap_error)?;
    }
    Ok(())
}

/// Makes sure that the folder exists.
///
/// # Errors
/// If it cannot be made.
pub fn prepare(folder: &Path) -> Result<(), OutputError> {
    fs::create_dir_all(folder).map_err(|source| OutputError { file: folder.to_owned(), source })?;
    // A folder that cannot be written is better found before a long simulation than after it.
    let probe = folder.join(".nitro-probe");
    File::create(&probe)
        .and_then(|_| fs::remove_file(&probe))
        .map_err(|source| OutputError { file: folder.to_owned(), source })
}

/// Writes `net.pcapng`, `guest.pcapng`, `verdicts.jsonl` and `counters.json` into a folder.
///
/// # Errors
/// If a file cannot be written; files already complete stay.
pub fn write(folder: &Path, outcome: &Outcome, clock_mhz: u32) -> Result<(), OutputError> {
    write_whole(&folder.join("net.pcapng"), |file| write_pcapng(file, &outcome.net, clock_mhz))?;
    write_whole(&folder.join("guest.pcapng"), |file| write_pcapng(file, &outcome.guest, clock_mhz))?;
    write_whole(&folder.join("verdicts.jsonl"), |file| {
        outcome.verdicts.iter().try_for_each(|verdict| {
            serde_json::to_writer(&mut *file, verdict)?;
            file.write_all(b"\n")
        })
    })?;
    write_whole(&folder.join("counters.json"), |file| {
        serde_json::to_writer_pretty(&mut *file, &outcome.counters)?;
        file.write_all(b"\n")
    })
}
