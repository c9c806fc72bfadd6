//! Security group rules through the registers: what a card holds at each commit, and what is never written.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use nitro_driver::security::{CompiledRule, SecurityError, compile};
use nitro_driver::{BusError, Driver, DriverError, RegisterPort};
use nitro_wire::Table;
use nitro_wire::control::{CardConfig, Eni};
use nitro_wire::policy::{Direction, EniPolicy, Peer, Prefix, Protocol, SecurityRule};
use nitro_wire::registers;

/// Rows of four rules, 32 of them.
const PLACES_LOG2: u32 = 2;
const ROWS: usize = 32;

/// First row, rows, rows with untracked rules.
type Set = (usize, usize, usize);

/// The registers of a card that has rule memories, and nothing else.
#[derive(Default)]
struct FakeCard {
    data: [u32; 20],
    index: u16,
    rules: HashMap<u16, Vec<u32>>,
    staged: HashMap<u16, Set>,
    active: HashMap<u16, Set>,
    replaced: Vec<(u16, Set)>,
    /// Reads of STATUS for which the old rows are still read after a commit.
    busy_for: u32,
    busy: u32,
    commits: u32,
    rule_writes: u32,
}

impl FakeCard {
    fn slots((first, rows, _): Set, set_index: u16) -> impl Iterator<Item = u16> {
        let direction = set_index >> 8;
        let slots = (0..rows << PLACES_LOG2).map(move |slot| ((first << PLACES_LOG2) + slot) % (ROWS << PLACES_LOG2));
        slots.map(move |slot| direction << 15 | u16::try_from(slot).unwrap())
    }

    fn table(&mut self, table: u32) {
        let row = |table: Table| self.data[..table.row().words()].to_vec();
        if table == u32::from(Table::SecurityRule.code()) {
            let read = self.active.iter().chain(self.replaced.iter().map(|(index, set)| (index, set)));
            for (index, set) in read {
                assert!(Self::slots(*set, *index).all(|slot| slot != self.index), "slot {:#x} is read", self.index);
            }
            self.rules.insert(self.index, row(Table::SecurityRule));
            self.rule_writes += 1;
        } else if table == u32::from(Table::SecuritySet.code()) {
            let words = row(Table::SecuritySet);
            // The last field is least significant.
            let field = |bit: usize| usize::try_from(words[bit / 32] >> (bit % 32) & 0xffff).unwrap();
            self.staged.insert(self.index, (field(32), field(16), field(0)));
        }
    }

    /// What counts for an interface.
    fn rules(&self, direction: Direction, eni: u8) -> (Vec<Vec<u32>>, usize) {
        let index = u16::from(direction.code()) << 8 | u16::from(eni);
        let set = self.active.get(&index).copied().unwrap_or_default();
        let nothing = vec![0; Table::SecurityRule.row().words()];
        let rules = Self::slots(set, index).map(|slot| self.rules.get(&slot).unwrap_or(&nothing).clone()).collect();
        (rules, set.2)
    }
}

impl RegisterPort for &mut FakeCard {
    fn write(&mut self, offset: u16, value: u32) -> Result<(), BusError> {
        match registers::find(offset).unwrap() {
            (&registers::TABLE_DATA, word) => self.data[usize::from(word)] = value,
            (&registers::TABLE_INDEX, _) => self.index = u16::try_from(value).unwrap(),
            (&registers::TABLE_COMMAND, _) => self.table(value),
            (&registers::POLICY_COMMIT, _) => {
                for (index, set) in std::mem::take(&mut self.staged) {
                    let old = self.active.insert(index, set);
                    self.replaced.extend(old.map(|old| (index, old)));
                }
                self.busy = self.busy_for;
                self.commits += 1;
            }
            _ => {}
        }
        Ok(())
    }

    fn read(&mut self, offset: u16) -> Result<u32, BusError> {
        let field = |register: &registers::Register, name, value| register.field(name).unwrap().put(value);
        Ok(match registers::find(offset).unwrap() {
            (&registers::ID, _) => registers::ID_VALUE,
            (&registers::VERSION, _) => registers::VERSION_VALUE,
            (&registers::CAPABILITIES, _) => field(&registers::CAPABILITIES, "enis", 2),
            (&registers::POLICY_CAPABILITIES, _) => {
                field(&registers::POLICY_CAPABILITIES, "rules_per_row_log2", PLACES_LOG2)
                    | field(&registers::POLICY_CAPABILITIES, "rule_rows_log2", ROWS.ilog2())
            }
            (&registers::STATUS, _) => {
                let busy = self.busy > 0;
                self.busy = self.busy.saturating_sub(1);
                if !busy {
                    self.replaced.clear();
                }
                field(&registers::STATUS, "policy_busy", u32::from(busy))
            }
            _ => 0,
        })
    }
}

/// So many rules that nothing covers, some of them untracked if the other direction is open.
fn policy(rules: u16, seed: u16) -> EniPolicy {
    let rule = |number: u16| {
        let (address, length) = if number.is_multiple_of(3) {
            (Ipv4Addr::UNSPECIFIED, 0)
        } else {
            (Ipv4Addr::from_bits(0x0a00_0000 + u32::from(seed)), 32)
        };
        let port = 2 * number + seed;
        let peer = Peer::Prefix(Prefix { address: address.into(), length });
        SecurityRule { protocol: Protocol::Tcp(port, port), peer }
    };
    EniPolicy { ingress: (0..rules).map(rule).collect(), ..EniPolicy::open() }
}

fn holds(card: &FakeCard, eni: u8, policy: &EniPolicy) {
    for direction in Direction::ALL {
        let compiled = compile(policy, direction).unwrap();
        let (rules, untracked_rows) = card.rules(direction, eni);
        let mut expected: Vec<_> = compiled.rules.iter().map(|rule| CompiledRule::row(Some(rule)).unwrap()).collect();
        expected.resize_with(expected.len().next_multiple_of(4), || CompiledRule::row(None).unwrap());
        assert_eq!(rules, expected, "interface {eni}, {direction:?}");
        assert_eq!(untracked_rows, compiled.untracked.div_ceil(4));
    }
}

#[test]
fn replaced_rules_count_at_once_and_rows_that_are_read_are_never_written() {
    for busy_for in [0, 1, 7] {
        let mut card = FakeCard { busy_for, ..FakeCard::default() };
        let mut driver = Driver::open(&mut card, [0; 16]).unwrap();
        let mut policies = [policy(3, 0), policy(5, 1)];
        driver.replace_rules(&[(0, &policies[0]), (1, &policies[1])]).unwrap();
        holds(driver.port(), 0, &policies[0]);
        holds(driver.port(), 1, &policies[1]);
        for turn in 0..60_u16 {
            let eni = usize::from(turn % 7 % 2);
            policies[eni] = policy(turn * 5 % 27, turn);
            driver.replace_rules(&[(u8::try_from(eni).unwrap(), &policies[eni])]).unwrap();
            holds(driver.port(), 0, &policies[0]);
            holds(driver.port(), 1, &policies[1]);
        }
        assert_eq!(driver.port().commits, 61, "both directions at one commit");
    }
}

#[test]
fn only_places_that_change_are_written() {
    let mut card = FakeCard::default();
    let mut driver = Driver::open(&mut card, [0; 16]).unwrap();
    driver.replace_rules(&[(0, &EniPolicy::open()), (1, &EniPolicy::open())]).unwrap();
    assert_eq!(driver.port().rule_writes, 8, "two rules for each interface and direction");
    driver.replace_rules(&[(0, &EniPolicy::closed())]).unwrap();
    assert_eq!(driver.port().rule_writes, 8);
    assert_eq!(driver.port().rules(Direction::Egress, 0).0.len(), 0);
}

#[test]
fn errors_name_the_interface_and_change_nothing() {
    let mut card = FakeCard::default();
    let mut driver = Driver::open(&mut card, [0; 16]).unwrap();
    let good = policy(20, 0);
    driver.replace_rules(&[(1, &good)]).unwrap();
    for _ in 0..3 {
        // Interface 0's rules would fit, had interface 1 not too many.
        let error = driver.replace_rules(&[(0, &policy(5, 3)), (1, &policy(200, 3))]).unwrap_err();
        assert!(
            matches!(error, DriverError::Security { eni: 1, problem: SecurityError::NoRoom { needed: 50, .. } }),
            "{error}"
        );
    }
    let text = driver.replace_rules(&[(1, &policy(200, 3))]).unwrap_err().to_string();
    let expected =
        "interface 1: no room for 50 rows of ingress rules: 27 of 32 are free, at most 27 of them in one piece";
    assert_eq!(text, expected);
    let text = driver.replace_rules(&[(0, &policy(1001, 0))]).unwrap_err().to_string();
    assert_eq!(text, "interface 0: 1001 ingress rules; an interface has at most 1000 in a direction");
    assert_eq!(driver.port().commits, 1);
    holds(driver.port(), 1, &good);
    holds(driver.port(), 0, &EniPolicy::closed());
}

#[test]
fn a_card_that_never_lets_go_is_an_error() {
    let mut card = FakeCard { busy_for: u32::MAX, ..FakeCard::default() };
    let mut driver = Driver::open(&mut card, [0; 16]).unwrap();
    let error = driver.replace_rules(&[(0, &EniPolicy::open())]).unwrap_err();
    assert!(matches!(error, DriverError::PolicyBusy), "{error}");
}

#[test]
fn a_configuration_installs_its_policies() {
    let eni = |number, policy| Eni {
        number,
        name: format!("eni-{number}"),
        mac: [2, 0, 0, 0, 0, number],
        vni: 1,
        route_table: 0,
        source_dest_check: true,
        ips: vec![IpAddr::from([10, 0, 0, number])],
        subnet4: None,
        subnet6: None,
        subnet: 0,
        policy,
    };
    let policies = [policy(9, 0), EniPolicy::open()];
    let config =
        CardConfig { enis: vec![eni(0, policies[0].clone()), eni(1, policies[1].clone())], ..CardConfig::default() };
    let mut card = FakeCard::default();
    let mut driver = Driver::open(&mut card, [0; 16]).unwrap();
    driver.configure(&config).unwrap();
    holds(driver.port(), 0, &policies[0]);
    holds(driver.port(), 1, &policies[1]);
}
