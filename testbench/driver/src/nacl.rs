//! Network ACLs of a card: rules go to the bank that does not count, then all sets change at once.

use std::net::IpAddr;

use nitro_wire::control::{CardConfig, ip_bits};
use nitro_wire::policy::{Direction, MAX_NACL_RULES, Nacl, NaclRule, Protocol};
use nitro_wire::tables::{nacl_rule_index, set_index};
use nitro_wire::{FormatError, Table, registers};

use crate::{Driver, DriverError, RegisterPort};

/// Where the ACL of a subnet stands. Both directions change banks together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Banks {
    /// The bank that counts.
    bank: u8,
    /// The bank that will count after the next commit.
    staged: u8,
    /// Rules of each bank in each direction, at most; the rows behind them are empty.
    rules: [[u8; 2]; 2],
}

/// Bits before an IPv4 address in a v4-mapped one.
const MAPPED_BITS: u8 = 96;

/// Protocol number, if it matters, and range of selectors.
fn selectors(protocol: Protocol) -> (Option<u8>, u16, u16) {
    let message = |which: Option<(u8, Option<u8>)>| match which {
        None => (0, u16::MAX),
        Some((kind, None)) => (u16::from_be_bytes([kind, 0]), u16::from_be_bytes([kind, 0xff])),
        Some((kind, Some(code))) => (u16::from_be_bytes([kind, code]), u16::from_be_bytes([kind, code])),
    };
    let (number, (low, high)) = match protocol {
        Protocol::All => (None, (0, u16::MAX)),
        Protocol::Tcp(low, high) => (Some(6), (low, high)),
        Protocol::Udp(low, high) => (Some(17), (low, high)),
        Protocol::Icmp(which) => (Some(1), message(which)),
        Protocol::Icmpv6(which) => (Some(58), message(which)),
        Protocol::Number(number) => (Some(number), (0, u16::MAX)),
    };
    (number, low, high)
}

/// The row of a rule.
fn row(rule: &NaclRule) -> Result<Vec<u32>, FormatError> {
    let (protocol, low, high) = selectors(rule.protocol);
    let prefix = match rule.prefix.address {
        IpAddr::V4(_) => MAPPED_BITS + rule.prefix.length.min(32),
        IpAddr::V6(_) => rule.prefix.length.min(128),
    };
    Table::NaclRule.row().pack_words(&[
        ("valid", 1),
        ("allow", u128::from(rule.allow)),
        ("ipv6", u128::from(rule.prefix.address.is_ipv6())),
        ("any_protocol", u128::from(protocol.is_none())),
        ("protocol", u128::from(protocol.unwrap_or(0))),
        ("low", u128::from(low)),
        ("high", u128::from(high)),
        ("address", ip_bits(rule.prefix.address)),
        ("prefix", u128::from(prefix)),
    ])
}

/// The ACL has no more rules than a card compares.
fn check_rules(subnet: u8, nacl: &Nacl) -> Result<(), DriverError> {
    for (direction, name) in [(Direction::Egress, "egress"), (Direction::Ingress, "ingress")] {
        let rules = nacl.rules(direction).len();
        if rules > MAX_NACL_RULES {
            return Err(DriverError::TooManyNaclRules { subnet, direction: name, rules, most: MAX_NACL_RULES });
        }
    }
    Ok(())
}

impl<P: RegisterPort> Driver<P> {
    fn check_subnet(&self, subnet: usize) -> Result<(), DriverError> {
        if subnet >= self.state.nacls.len() {
            return Err(DriverError::NoSuchSubnet { subnet, last: self.state.enis.saturating_sub(1) });
        }
        Ok(())
    }

    /// Every subnet that the configuration names exists, and its ACL fits.
    pub(crate) fn check_subnets(&self, config: &CardConfig) -> Result<(), DriverError> {
        config.enis.iter().try_for_each(|eni| self.check_subnet(usize::from(eni.subnet)))?;
        for (subnet, nacl) in config.subnets.iter().enumerate() {
            if let Some(nacl) = nacl {
                self.check_subnet(subnet)?;
                check_rules(u8::try_from(subnet).unwrap_or(u8::MAX), nacl)?;
            }
        }
        Ok(())
    }

    /// Writes an ACL to the bank that does not count, and the sets that make it count at the next commit.
    pub(crate) fn stage_nacl(&mut self, subnet: u8, nacl: Option<&Nacl>) -> Result<(), DriverError> {
        let subnet_index = usize::from(subnet);
        let mut bank = self.state.nacls[subnet_index].bank;
        if let Some(nacl) = nacl {
            bank ^= 1;
            let empty = vec![0; Table::NaclRule.row().words()];
            for direction in Direction::ALL {
                let rules = nacl.rules(direction);
                let index = |rule| nacl_rule_index(bank, direction, subnet, rule);
                let place = (usize::from(bank), usize::from(direction.code()));
                let before = self.state.nacls[subnet_index].rules[place.0][place.1];
                let count = u8::try_from(rules.len()).unwrap_or(u8::MAX);
                // Should an access fail, rows of both may be there.
                self.state.nacls[subnet_index].rules[place.0][place.1] = count.max(before);
                for (number, rule) in (0_u8..).zip(rules) {
                    self.write_row(Table::NaclRule, index(number), &row(rule)?)?;
                }
                for number in count..before {
                    self.write_row(Table::NaclRule, index(number), &empty)?;
                }
                self.state.nacls[subnet_index].rules[place.0][place.1] = count;
            }
        }
        let set = [("enabled", u128::from(nacl.is_some())), ("bank", u128::from(bank))];
        let set = Table::NaclSet.row().pack_words(&set)?;
        for direction in Direction::ALL {
            self.write_row(Table::NaclSet, set_index(direction, subnet), &set)?;
        }
        self.state.nacls[subnet_index].staged = bank;
        Ok(())
    }

    /// Makes all rule sets count that have been written since the last time.
    pub(crate) fn commit(&mut self) -> Result<(), DriverError> {
        self.port.write(registers::POLICY_COMMIT.offset, 1)?;
        for banks in &mut self.state.nacls {
            banks.bank = banks.staged;
        }
        Ok(())
    }

    /// Gives a subnet another network ACL while packets flow, or none. Each packet is judged wholly by the old one or wholly by
    /// the new one, and in each direction all packets behind one that was judged by the new one are, too.
    ///
    /// # Errors
    /// If the card has no such subnet, the ACL has too many rules, or an access fails; until the last access the old ACL counts.
    pub fn replace_nacl(&mut self, subnet: u8, nacl: Option<&Nacl>) -> Result<(), DriverError> {
        self.check_subnet(usize::from(subnet))?;
        nacl.map_or(Ok(()), |nacl| check_rules(subnet, nacl))?;
        self.stage_nacl(subnet, nacl)?;
        self.commit()
    }
}
