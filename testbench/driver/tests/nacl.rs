//! Network ACLs in a card's tables: complete before they count, nothing left of what was there before, nothing half after a
//! fault.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nitro_driver::{BusError, Driver, DriverError, RegisterPort};
use nitro_wire::control::{CardConfig, Eni};
use nitro_wire::policy::{Direction, EniPolicy, Nacl, NaclRule, Prefix, Protocol};
use nitro_wire::tables::{NACL_RULE_ROW, NACL_SET_ROW, nacl_rule_index, set_index};
use nitro_wire::{Table, registers};

const SUBNETS: u8 = 2;

/// The registers and the ACL tables of a card with two ENIs.
#[derive(Default)]
struct Card {
    words: BTreeMap<u16, u32>,
    rules: BTreeMap<u16, Vec<u32>>,
    staged: BTreeMap<u16, Vec<u32>>,
    active: BTreeMap<u16, Vec<u32>>,
    /// Writes until one fails.
    patience: Option<u32>,
}

fn image(row: Vec<(&str, u128)>, format: nitro_wire::Format) -> Vec<u32> {
    format.pack_words(&row).unwrap()
}

impl Card {
    /// Which bank counts, if any.
    fn bank(&self, direction: Direction, subnet: u8) -> Option<u8> {
        let row = |bank: u8| image(vec![("enabled", 1), ("bank", bank.into())], NACL_SET_ROW);
        let set = self.active.get(&set_index(direction, subnet))?;
        (0..2).find(|bank| *set == row(*bank))
    }

    /// The rows of an ACL that counts, up to the last that is not empty.
    fn acl(&self, direction: Direction, subnet: u8) -> Option<Vec<Vec<u32>>> {
        let bank = self.bank(direction, subnet)?;
        let empty = || vec![0; NACL_RULE_ROW.words()];
        let row = |rule| self.rules.get(&nacl_rule_index(bank, direction, subnet, rule)).cloned().unwrap_or_else(empty);
        let mut rows: Vec<_> = (0..64).map(row).collect();
        while rows.last().is_some_and(|row| row.iter().all(|word| *word == 0)) {
            rows.pop();
        }
        Some(rows)
    }
}

impl RegisterPort for &mut Card {
    fn write(&mut self, offset: u16, value: u32) -> Result<(), BusError> {
        if let Some(patience) = &mut self.patience {
            *patience = patience.checked_sub(1).ok_or(BusError::NoAnswer { offset, clocks: 1 })?;
        }
        self.words.insert(offset, value);
        let index = u16::try_from(self.words.get(&registers::TABLE_INDEX.offset).copied().unwrap_or(0)).unwrap();
        let row = |words: usize| {
            let word = |word| self.words.get(&registers::TABLE_DATA.at(word)).copied().unwrap_or(0);
            (0..u16::try_from(words).unwrap()).map(word).collect::<Vec<u32>>()
        };
        if offset == registers::POLICY_COMMIT.offset {
            self.active = self.staged.clone();
        } else if offset == registers::TABLE_COMMAND.offset && value == u32::from(Table::NaclSet.code()) {
            let row = row(NACL_SET_ROW.words());
            self.staged.insert(index, row);
        } else if offset == registers::TABLE_COMMAND.offset && value == u32::from(Table::NaclRule.code()) {
            for direction in Direction::ALL {
                for subnet in 0..SUBNETS {
                    let counts = self.bank(direction, subnet).map(|bank| nacl_rule_index(bank, direction, subnet, 0));
                    assert_ne!(counts, Some(index & !0x3f), "a rule that counts is written");
                }
            }
            let row = row(NACL_RULE_ROW.words());
            self.rules.insert(index, row);
        }
        Ok(())
    }

    fn read(&mut self, offset: u16) -> Result<u32, BusError> {
        let field = |name, value| registers::CAPABILITIES.field(name).unwrap().put(value);
        Ok(match offset {
            _ if offset == registers::ID.offset => registers::ID_VALUE,
            _ if offset == registers::VERSION.offset => registers::VERSION_VALUE,
            _ => field("enis", SUBNETS.into()) | field("local_rows_log2", 3) | field("mapping_rows_log2", 3),
        })
    }
}

fn rule(number: u16) -> NaclRule {
    let address = if number.is_multiple_of(3) {
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number))
    } else {
        IpAddr::V4(Ipv4Addr::from(0x0a00_0000 | u32::from(number)))
    };
    NaclRule {
        allow: number.is_multiple_of(2),
        protocol: Protocol::Tcp(number, 65_535),
        prefix: Prefix { address, length: 24 },
    }
}

fn acl(egress: u16, ingress: u16, salt: u16) -> Nacl {
    let rules = |count| (0..count).map(|number| rule(number + salt)).collect();
    Nacl { egress: rules(egress), ingress: rules(ingress) }
}

/// A rule's row, written down independently of the driver.
fn expected(rule: &NaclRule) -> Vec<u32> {
    let Protocol::Tcp(low, high) = rule.protocol else { panic!("{rule:?}") };
    let (ipv6, address, prefix) = match rule.prefix.address {
        IpAddr::V4(ip) => (0, 0xffff_0000_0000 | u128::from(u32::from(ip)), 96 + rule.prefix.length),
        IpAddr::V6(ip) => (1, u128::from(ip), rule.prefix.length),
    };
    let row = vec![
        ("valid", 1),
        ("allow", rule.allow.into()),
        ("ipv6", ipv6),
        ("protocol", 6),
        ("low", low.into()),
        ("high", high.into()),
        ("address", address),
        ("prefix", prefix.into()),
    ];
    image(row, NACL_RULE_ROW)
}

fn same(card: &Card, subnet: u8, nacl: Option<&Nacl>) {
    for direction in Direction::ALL {
        let wanted = nacl.map(|nacl| nacl.rules(direction).iter().map(expected).collect::<Vec<_>>());
        assert_eq!(card.acl(direction, subnet), wanted, "subnet {subnet}, {direction:?}");
    }
}

fn eni(subnet: u8) -> Eni {
    Eni {
        number: 0,
        name: "one".into(),
        mac: [0; 6],
        vni: 1,
        route_table: 0,
        source_dest_check: true,
        ips: Vec::new(),
        subnet4: None,
        subnet6: None,
        subnet,
        policy: EniPolicy::open(),
    }
}

#[test]
fn an_acl_replaces_the_one_before_wholly() {
    let mut card = Card::default();
    let first = acl(40, 1, 0);
    let config = CardConfig { subnets: vec![None, Some(first.clone())], enis: vec![eni(1)], ..CardConfig::default() };
    let mut driver = Driver::open(&mut card, [0; 16]).unwrap();
    driver.configure(&config).unwrap();
    let mut state = driver.suspend();
    same(&card, 0, None);
    same(&card, 1, Some(&first));
    let mut before = first;
    for (egress, ingress, salt) in [(3, 40, 7), (0, 0, 0), (40, 40, 1), (2, 0, 2), (1, 1, 3)] {
        let nacl = acl(egress, ingress, salt);
        let mut driver = Driver::resume(&mut card, state);
        driver.replace_nacl(0, Some(&nacl)).unwrap();
        state = driver.suspend();
        same(&card, 0, Some(&nacl));
        same(&card, 1, Some(&before));
        let mut driver = Driver::resume(&mut card, state);
        driver.replace_nacl(0, None).unwrap();
        driver.replace_nacl(1, Some(&nacl)).unwrap();
        state = driver.suspend();
        same(&card, 0, None);
        same(&card, 1, Some(&nacl));
        before = nacl;
    }
}

/// Whatever access fails, the old ACL counts until the next try, which then succeeds.
#[test]
fn a_failed_access_leaves_the_old_acl() {
    let mut failures = 0;
    for patience in 0.. {
        let (old, middle, new) = (acl(5, 3, 0), acl(9, 9, 20), acl(2, 4, 40));
        let mut card = Card::default();
        let mut driver = Driver::open(&mut card, [0; 16]).unwrap();
        driver.replace_nacl(0, Some(&old)).unwrap();
        let state = driver.suspend();
        card.patience = Some(patience);
        let mut driver = Driver::resume(&mut card, state);
        let outcome = driver.replace_nacl(0, Some(&middle));
        let state = driver.suspend();
        match outcome {
            Err(DriverError::Bus(_)) => failures += 1,
            outcome => {
                outcome.unwrap();
                same(&card, 0, Some(&middle));
                break;
            }
        }
        same(&card, 0, Some(&old));
        card.patience = None;
        let mut driver = Driver::resume(&mut card, state);
        driver.replace_nacl(0, Some(&new)).unwrap();
        same(&card, 0, Some(&new));
    }
    assert!(failures > 50, "only {failures} accesses");
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut card = Card::default();
    let mut driver = Driver::open(&mut card, [0; 16]).unwrap();
    let message = |result: Result<(), DriverError>| result.unwrap_err().to_string();
    let subnet = "subnet 2 is configured; this card has subnets 0 to 1, one for each ENI";
    let rules =
        |direction| format!("the network ACL of subnet 1 has 41 {direction} rules; a card compares 40 in a direction");
    assert_eq!(message(driver.replace_nacl(2, None)), subnet);
    assert_eq!(message(driver.replace_nacl(1, Some(&acl(41, 0, 0)))), rules("egress"));
    assert_eq!(message(driver.replace_nacl(1, Some(&acl(0, 41, 0)))), rules("ingress"));
    let with = |subnets| CardConfig { subnets, ..CardConfig::default() };
    assert_eq!(message(driver.configure(&with(vec![None, None, Some(acl(1, 1, 1))]))), subnet);
    assert_eq!(message(driver.configure(&with(vec![None, Some(acl(40, 41, 1))]))), rules("ingress"));
    assert_eq!(message(driver.configure(&CardConfig { enis: vec![eni(2)], ..CardConfig::default() })), subnet);
    // A subnet without an ACL takes no place on the card.
    driver.configure(&with(vec![None; 9])).unwrap();
    assert_eq!(card.words[&registers::CONTROL.offset], 1);
}
