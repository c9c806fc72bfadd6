//! Every kind of mistake in a VPC file gives one message with its line, what is wrong and what would be right.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use nitro_vpc::Vpc;

const DEFAULT: &str = include_str!("../../../vectors/vpc/default.toml");
const FULL: &str = include_str!("../../../vectors/vpc/full.toml");

fn mistake(text: &str) -> String {
    Vpc::parse(text, Path::new("x.toml")).map(|_| ()).unwrap_err().to_string()
}

/// Replaces the first `from` of a good file by `to` and expects a message at that line.
fn replaced(from: &str, to: &str, expected: &str) {
    let line = 1 + FULL[..FULL.find(from).unwrap_or_else(|| panic!("no {from}"))].matches('\n').count();
    let message = mistake(&FULL.replacen(from, to, 1));
    assert!(message.contains(expected), "{message}\n  does not say\n{expected}");
    assert!(message.starts_with(&format!("x.toml:{line}: ")), "{message}\n  is not at line {line}");
}

#[test]
fn committed_files_are_good() {
    let vpc = Vpc::parse(DEFAULT, Path::new("default.toml")).unwrap();
    assert_eq!(vpc.enis[0].name, "web-1");
    let vpc = Vpc::parse(FULL, Path::new("full.toml")).unwrap();
    assert_eq!(vpc.nacls[0].ingress.len(), 1);
    assert_eq!(vpc.groups[0].ingress.len(), 3);
}

#[test]
fn values() {
    replaced("\"100.64.0.1\"", "\"100.64.0.256\"", "`100.64.0.256` is no IP address");
    replaced("\"100.64.0.1\"", "\"224.0.0.1\"", "`224.0.0.1` is no host's address");
    replaced("\"0a:10:00:00:00:05\"", "\"0b:10:00:00:00:05\"", "is no MAC address; expected six hexadecimal bytes");
    replaced("\"10.0.0.0/24\"", "\"10.0.0.1/24\"", "`10.0.0.1/24` is no CIDR");
    replaced("ports = \"443\"", "ports = \"65536\"", "`65536` is no port range");
    replaced("ports = \"1024-65535\"", "ports = \"65535-1024\"", "is no port range");
    replaced("action = \"allow\"", "action = \"permit\"", "expected \"allow\" or \"deny\"");
    replaced("miss         = \"query\"", "miss         = \"ask\"", "expected \"query\" or \"drop\"");
    replaced("\"000102030405060708090a0b0c0d0e0f\"", "\"00\"", "is no token key; expected 32 hexadecimal digits");
}

#[test]
fn ranges() {
    replaced("vni = 4432", "vni = 16777216", "vni is 16777216; it must be from 1 to 16777215");
    replaced("rule = 100", "rule = 32767", "rule is 32767; it must be from 1 to 32766");
    replaced("tcp_established = 350", "tcp_established = 59", "tcp_established is 59");
    replaced(
        "[\"10.0.0.0/24\", \"fd00:10::/64\"]",
        "[\"10.0.0.0/29\", \"fd00:10::/64\"]",
        "prefix length of a subnet is 29",
    );
}

#[test]
fn references() {
    replaced("nacl = \"open\"", "nacl = \"closed\"", "no nacl is called `closed`; defined are: open");
    replaced(
        "groups = [\"web\"]",
        "groups = [\"nobody\"]",
        "no security group is called `nobody`; defined are: web, app",
    );
    replaced("subnet = \"a\"", "subnet = \"b\"", "no subnet is called `b`; defined are: a");
}

#[test]
fn relations() {
    replaced("\"10.0.0.5\"", "\"10.0.1.5\"", "10.0.1.5 is not inside a CIDR of subnet `a`");
    replaced("\"10.0.0.5\"", "\"10.0.0.2\"", "10.0.0.2 is reserved in 10.0.0.0/24");
    replaced("\"10.0.0.5\"", "\"10.0.0.255\"", "10.0.0.255 is reserved in 10.0.0.0/24");
    replaced("\"10.0.0.0/24\"", "\"10.1.0.0/24\"", "10.1.0.0/24 is not inside a CIDR of VPC `prod`");
    replaced("host = \"100.64.0.2\"", "host = \"fd00::2\"", "one underlay speaks one family");
    replaced("ip   = \"10.0.1.20\"", "ip   = \"10.0.0.5\"", "mapping `10.0.0.5` is defined twice");
    replaced("icmp  = { type = 8, code = 0 }", "ports = \"7\"", "ports does not go with protocol icmp");
    replaced(
        "peer  = { cidr = \"0.0.0.0/0\" }",
        "peer  = { cidr = \"0.0.0.0/0\", group = \"app\" }",
        "give exactly one",
    );
}

#[test]
fn toml() {
    replaced("vni = 4432", "colour = \"blue\"\nvni = 4432", "unknown field `colour`");
    assert!(mistake("").contains("card"));
    assert!(mistake("[card").starts_with("x.toml:1: "));
    assert!(
        mistake(&format!("{FULL}\n[[vpc]]\nname = \"prod\"\nvni = 5\ncidrs = []\n"))
            .contains("VPC `prod` is defined twice")
    );
    let third = FULL.replacen("token_keys   = {", "token_keys   = { 9 = \"000102030405060708090a0b0c0d0e0f\",", 1);
    assert!(mistake(&third).contains("at most 2 are possible"), "{}", mistake(&third));
}

#[test]
fn product_of_groups_and_rules() {
    // 2 groups, of which the larger counts one prefix list of 600 entries: 2 x (2 + 600) > 1000 rules.
    let text = FULL.replacen("max_entries = 10", "max_entries = 600", 1).replacen(
        "groups = [\"web\"]",
        "groups = [\"web\", \"app\"]",
        1,
    );
    let message = mistake(&text);
    assert!(message.contains("ENI `web-1` has 2 security groups") && message.contains("ingress"), "{message}");
    // One group alone stays below the limit.
    Vpc::parse(&FULL.replacen("max_entries = 10", "max_entries = 600", 1), Path::new("x.toml")).unwrap();
}

#[test]
fn no_prefix_of_a_file_panics() {
    for end in (0..FULL.len()).step_by(7) {
        let _ = Vpc::parse(&FULL[..end], Path::new("x.toml"));
    }
}
