//! Reading captures: pcap and pcapng, Ethernet only.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::{Block, PcapNgReader};
use pcap_file::{DataLink, PcapError};

/// A frame of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedFrame {
    /// Time since the Unix epoch (or whatever zero the capture has).
    pub time: Duration,
    /// The bytes that the capture holds, without frame check sequence.
    pub bytes: Vec<u8>,
}

/// What can be wrong with a capture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The file cannot be opened or read.
    #[error("{}: cannot be read: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Neither pcap nor pcapng.
    #[error("{}: neither pcap nor pcapng; expected a capture as tcpdump or Wireshark write it", file.display())]
    NotACapture {
        /// The file.
        file: PathBuf,
    },
    /// Not Ethernet.
    #[error("{}: {place}: link type {link}; expected Ethernet (1)", file.display())]
    NotEthernet {
        /// The file.
        file: PathBuf,
        /// The header or interface concerned.
        place: String,
        /// Its link type.
        link: u32,
    },
    /// The file ends or breaks within a packet.
    #[error("{}: packet {packet}: {problem}; expected a whole packet record (packets are counted from 0)", file.display())]
    Broken {
        /// The file.
        file: PathBuf,
        /// Index of the packet, from 0.
        packet: usize,
        /// What the reader found.
        problem: String,
    },
    /// A packet is longer than any capture of Ethernet frames.
    #[error("{}: packet {packet}: {length} bytes; expected at most {most}", file.display())]
    TooLong {
        /// The file.
        file: PathBuf,
        /// Index of the packet, from 0.
        packet: usize,
        /// Its length.
        length: usize,
        /// The limit.
        most: usize,
    },
}

/// Longest packet that a capture may hold (libpcap's MAXIMUM_SNAPLEN).
pub const MAX_FRAME_BYTES: usize = 262_144;

/// Reads a whole capture.
///
/// # Errors
/// If the file cannot be read, is no capture, is not Ethernet, or breaks off within a packet.
pub fn read(path: &Path) -> Result<Vec<CapturedFrame>, CaptureError> {
    let bytes = std::fs::read(path).map_err(|source| CaptureError::Unreadable { file: path.to_owned(), source })?;
    parse(&bytes, path)
}

/// Parses a capture held in memory; `path` is for messages.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8], path: &Path) -> Result<Vec<CapturedFrame>, CaptureError> {
    let frames = match bytes.get(..4) {
        Some([0x0a, 0x0d, 0x0d, 0x0a]) => parse_pcapng(bytes, path),
        Some(
            [0xa1, 0xb2, 0xc3, 0xd4] | [0xd4, 0xc3, 0xb2, 0xa1] | [0xa1, 0xb2, 0x3c, 0x4d] | [0x4d, 0x3c, 0xb2, 0xa1],
        ) => parse_pcap(bytes, path),
        _ => Err(CaptureError::NotACapture { file: path.to_owned() }),
    }?;
    match frames.iter().position(|frame| frame.bytes.len() > MAX_FRAME_BYTES) {
        Some(packet) => {
            let length = frames[packet].bytes.len();
            Err(CaptureError::TooLong { file: path.to_owned(), packet, length, most: MAX_FRAME_BYTES })
        }
        None => Ok(frames),
    }
}

fn broken(path: &Path, packet: usize, error: &PcapError) -> CaptureError {
    let problem = match error {
        // The whole file is in memory, so reading fails only at its end.
        PcapError::IncompleteBuffer | PcapError::IoError(_) => "the file ends within it".to_owned(),
        other => other.to_string(),
    };
    CaptureError::Broken { file: path.to_owned(), packet, problem }
}

fn parse_pcap(bytes: &[u8], path: &Path) -> Result<Vec<CapturedFrame>, CaptureError> {
    let mut reader = PcapReader::new(bytes).map_err(|_| CaptureError::NotACapture { file: path.to_owned() })?;
    let header = reader.header();
    // The upper half of the field is not the link type: bit 26 says that the top four bits are the length of a frame check
    // sequence at each packet's end, in units of 16 bits (draft-ietf-opsawg-pcap, "File Header").
    let field = u32::from(header.datalink);
    let link = field & 0xffff;
    let check_sequence = if field & 1 << 26 == 0 { 0 } else { 2 * (field >> 28) as usize };
    if link != u32::from(DataLink::ETHERNET) {
        return Err(CaptureError::NotEthernet { file: path.to_owned(), place: "file header".into(), link });
    }
    let nanoseconds = match header.ts_resolution {
        pcap_file::TsResolution::MicroSecond => 1000,
        pcap_file::TsResolution::NanoSecond => 1,
    };
    let mut frames = Vec::new();
    // The raw reader: old captures have stamps and original lengths that the checked one refuses, and neither matters here.
    while let Some(packet) = reader.next_raw_packet() {
        let packet = packet.map_err(|error| broken(path, frames.len(), &error))?;
        let time = Duration::from_secs(u64::from(packet.ts_sec))
            + Duration::from_nanos(u64::from(packet.ts_frac).saturating_mul(nanoseconds));
        let mut bytes = packet.data.into_owned();
        bytes.truncate(bytes.len().saturating_sub(check_sequence));
        frames.push(CapturedFrame { time, bytes });
    }
    Ok(frames)
}

fn parse_pcapng(bytes: &[u8], path: &Path) -> Result<Vec<CapturedFrame>, CaptureError> {
    let mut reader = PcapNgReader::new(bytes).map_err(|_| CaptureError::NotACapture { file: path.to_owned() })?;
    let mut frames: Vec<CapturedFrame> = Vec::new();
    let mut links: Vec<DataLink> = Vec::new();
    loop {
        let (time, interface, data) = match reader.next_block() {
            None => return Ok(frames),
            Some(Err(error)) => return Err(broken(path, frames.len(), &error)),
            Some(Ok(Block::SectionHeader(_))) => {
                links.clear();
                continue;
            }
            Some(Ok(Block::InterfaceDescription(interface))) => {
                links.push(interface.linktype);
                continue;
            }
            Some(Ok(Block::EnhancedPacket(packet))) => {
                (packet.timestamp, packet.interface_id as usize, packet.data.into_owned())
            }
            Some(Ok(Block::SimplePacket(packet))) => (Duration::ZERO, 0, packet.data.into_owned()),
            Some(Ok(Block::Packet(packet))) => {
                (Duration::from_micros(packet.timestamp), usize::from(packet.interface_id), packet.data.into_owned())
            }
            Some(Ok(_)) => continue,
        };
        match links.get(interface) {
            Some(link) if *link != DataLink::ETHERNET => {
                let place = format!("interface {interface}");
                return Err(CaptureError::NotEthernet { file: path.to_owned(), place, link: u32::from(*link) });
            }
            Some(_) => frames.push(CapturedFrame { time, bytes: data }),
            None => {
                let problem = format!("it names interface {interface}, which the file does not describe");
                return Err(CaptureError::Broken { file: path.to_owned(), packet: frames.len(), problem });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn pcap(link: u32, packets: &[&[u8]]) -> Vec<u8> {
        let mut file = Vec::new();
        for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, link] {
            file.extend(word.to_le_bytes());
        }
        for (index, packet) in packets.iter().enumerate() {
            let length = u32::try_from(packet.len()).unwrap();
            for word in [7, u32::try_from(index).unwrap(), length, length] {
                file.extend(word.to_le_bytes());
            }
            file.extend(*packet);
        }
        file
    }

    #[test]
    fn reads_frames_and_times() {
        let frames = parse(&pcap(1, &[&[1, 2, 3], &[]]), Path::new("x.pcap")).unwrap();
        assert_eq!(frames[0], CapturedFrame { time: Duration::from_secs(7), bytes: vec![1, 2, 3] });
        assert_eq!(frames[1], CapturedFrame { time: Duration::from_nanos(7_000_001_000), bytes: vec![] });
    }

    #[test]
    fn knows_the_check_sequence_in_the_link_type_field() {
        let stripped = parse(&pcap(0x2400_0001, &[&[1, 2, 3, 4, 5, 6]]), Path::new("x.pcap")).unwrap();
        assert_eq!(stripped[0].bytes, [1, 2]);
        let whole = parse(&pcap(0x3000_0001, &[&[1, 2, 3, 4, 5, 6]]), Path::new("x.pcap")).unwrap();
        assert_eq!(whole[0].bytes.len(), 6);
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let whole = pcap(1, &[&[0; 60], &[0; 60]]);
        let cut = parse(&whole[..whole.len() - 1], Path::new("cut.pcap")).unwrap_err().to_string();
        assert!(cut.starts_with("cut.pcap: packet 1: the file ends within it"), "{cut}");
        let garbage = parse(b"garbage that is no capture", Path::new("g")).unwrap_err().to_string();
        assert!(garbage.contains("neither pcap nor pcapng"), "{garbage}");
        let empty = parse(b"", Path::new("e")).unwrap_err().to_string();
        assert!(empty.contains("neither pcap nor pcapng"), "{empty}");
        let raw_ip = parse(&pcap(101, &[]), Path::new("r")).unwrap_err().to_string();
        assert!(raw_ip.contains("link type 101; expected Ethernet"), "{raw_ip}");
    }

    #[test]
    fn every_prefix_of_a_capture_is_read_or_refused() {
        let whole = pcap(1, &[&[0; 60], &[1; 14]]);
        for length in 0..whole.len() {
            let _ = parse(&whole[..length], Path::new("prefix"));
        }
    }
}
