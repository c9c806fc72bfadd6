//! What an outside dissector makes of the card's output: `tshark` finds Geneve, the VNI, the options and the inner frame in
//! every packet, nothing malformed and no bad checksum. Needs `tshark` from the distribution, so this target runs with
//! `cargo test -p nitro --features distribution-tools --test dissect`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn captures() -> Vec<PathBuf> {
    let folder = root().join("vectors/captures");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pcap"))
        .collect();
    files.sort();
    assert!(files.len() >= 9, "the committed captures are there");
    files
}

/// Runs tshark and gives its lines.
fn tshark(file: &Path, arguments: &[&str]) -> Vec<String> {
    let output = Command::new("tshark")
        .args(["-n", "-r"])
        .arg(file)
        .args(["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"])
        .args(arguments)
        .output()
        .expect("tshark is missing: install it, for example with `apt-get install tshark`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Packets with a problem of the headers that the card makes or passes on. Reassembly and TCP analysis are not the card's.
const BAD: &str = "_ws.malformed || ip.checksum.status == \"Bad\" || udp.checksum.status == \"Bad\" || tcp.checksum.status == \"Bad\" \
                   || icmp.checksum.status == \"Bad\" || icmpv6.checksum.status == \"Bad\"";

#[test]
fn every_packet_dissects() {
    let folder = tempfile::tempdir().unwrap();
    let mut forwarded = 0;
    for capture in captures() {
        let out = folder.path().join(capture.file_stem().unwrap());
        let status = Command::new(env!("CARGO_BIN_EXE_nitro"))
            .args(["replay", "--quiet", "--json", "--vpc"])
            .arg(root().join("vectors/vpc/default.toml"))
            .arg("--pcap")
            .arg(&capture)
            .arg("--out")
            .arg(&out)
            .output()
            .unwrap();
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
        for file in ["net.pcapng", "guest.pcapng"] {
            let bad = tshark(&out.join(file), &["-Y", BAD]);
            assert!(bad.is_empty(), "{}: {file}: {bad:#?}", capture.display());
        }
        let fields = [
            "-T",
            "fields",
            "-E",
            "separator=,",
            "-e",
            "geneve.vni",
            "-e",
            "geneve.option.class",
            "-e",
            "geneve.option.type",
            "-e",
            "geneve.option.length",
            "-e",
            "ip.src",
            "-e",
            "udp.dstport",
            "-e",
            "eth.type",
        ];
        for line in tshark(&out.join("net.pcapng"), &fields) {
            forwarded += 1;
            // VNI 4432; one option, class 0xff4e, type 0x81, 20 bytes; from the card, to port 6081; an inner EtherType after the outer.
            assert!(line.starts_with("0x001150,") || line.starts_with("4432,"), "{line}");
            assert!(line.contains("100.64.0.1") && line.contains("6081"), "{line}");
            assert!(line.to_lowercase().contains("0xff4e"), "{line}");
        }
    }
    assert!(forwarded > 100, "{forwarded} packets were forwarded");
}
