//! Test benches in Python that travel with a package.

/// What every bench needs.
const COMMON: [(&str, &str); 2] = [
    ("requirements.txt", include_str!("../../cocotb/requirements.txt")),
    ("run.py", include_str!("../../cocotb/run.py")),
];

/// The benches of a block.
const BENCHES: &[(&str, &[(&str, &str)])] = &[
    (
        "card",
        &[
            ("card.py", include_str!("../../cocotb/card.py")),
            ("siphash.py", include_str!("../../cocotb/siphash.py")),
            ("test_card.py", include_str!("../../cocotb/test_card.py")),
        ],
    ),
    ("packet_fifo_64", &[("test_packet_fifo_64.py", include_str!("../../cocotb/test_packet_fifo_64.py"))]),
    ("spill_512", &[("test_spill_512.py", include_str!("../../cocotb/test_spill_512.py"))]),
    ("parser", &[("test_parser.py", include_str!("../../cocotb/test_parser.py"))]),
];

/// The files for a top module: none for a block without benches.
pub fn files(top: &str) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
    let benches = BENCHES.iter().find(|(name, _)| *name == top).map(|(_, files)| *files);
    let common = if benches.is_some() { COMMON.as_slice() } else { &[] };
    common.iter().chain(benches.unwrap_or_default()).copied()
}
