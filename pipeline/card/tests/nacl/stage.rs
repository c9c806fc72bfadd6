//! Random rules, packets, writes and commits, each at any clock, against what a list of rules means.

use std::collections::VecDeque;

use nitro_card::config::Config;
use nitro_card::control::COMMIT_CLOCKS;
use nitro_card::nacl;
use nitro_components::bench::{self, Random};
use nitro_simulator::{Engine, InterpretedEngine};
use nitro_wire::policy::Direction;
use nitro_wire::tables::{NACL_SET_ROW, nacl_rule_index, set_index};
use nitro_wire::{DropReason, Table};

use crate::rules::{self, Packet, Rule, Upper, pick};
use crate::{block, clock, get, set};

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Set {
    enabled: bool,
    bank: u8,
}

/// A subnet as software knows it.
#[derive(Clone, Debug)]
struct Subnet {
    rules: [[Rule; nacl::RULES]; 2],
    staged: Set,
    active: Set,
}

/// How often each thing was seen.
#[derive(Debug, Default)]
struct Shown {
    allowed: u32,
    denied_by_rule: u32,
    denied_by_none: u32,
    not_judged: u32,
    /// Packets whose verdict another rule than the first one that fits would change.
    order_mattered: u32,
    /// Packets whose verdict the last commit before them changed.
    commit_mattered: u32,
}

struct Stage {
    engine: InterpretedEngine,
    direction: Direction,
    subnets: Vec<Subnet>,
    spacing: usize,
    lead: usize,
}

impl Stage {
    fn new(config: Config, direction: Direction) -> Self {
        let fold = config.dimensions().nacl_fold_log2;
        let (name, lead) = match direction {
            Direction::Egress => ("nacl_egress", nacl::lead(fold)),
            Direction::Ingress => ("nacl_ingress", nacl::lead(fold) + 2),
        };
        let subnet =
            Subnet { rules: [[Rule::default(); nacl::RULES]; 2], staged: Set::default(), active: Set::default() };
        let subnets = vec![subnet; config.dimensions().enis()];
        let mut stage = Self { engine: block(config, name), direction, subnets, spacing: 1 << fold, lead };
        stage.reset();
        stage
    }

    fn reset(&mut self) {
        for port in ["ask_tvalid", "rx_tvalid", "table_tvalid", "commit"] {
            set(&mut self.engine, port, 0);
        }
        bench::reset(&mut self.engine, 2).unwrap();
        let mut clocks = 0;
        loop {
            self.engine.settle();
            if get(&self.engine, "ready") == 1 {
                break;
            }
            clocks += 1;
            assert!(clocks < 1000, "the stage does not become ready");
            self.engine.edge();
        }
        for subnet in &mut self.subnets {
            subnet.rules = [[Rule::default(); nacl::RULES]; 2];
            (subnet.staged, subnet.active) = (Set::default(), Set::default());
        }
    }

    /// Offers a row; it is written with the next clock.
    fn offer_row(&mut self, table: Table, index: u16, image: &[u32]) {
        let mut words = vec![0_u64; 10];
        for (place, word) in image.iter().enumerate() {
            words[place / 2] |= u64::from(*word) << (32 * (place % 2));
        }
        set(&mut self.engine, "table_table", table.code().into());
        set(&mut self.engine, "table_index", index.into());
        bench::set(&mut self.engine, "table_data", &words).unwrap();
        set(&mut self.engine, "table_tvalid", 1);
    }

    /// Offers a random row of a bank that does not count, or one that concerns nothing here.
    fn offer_any_row(&mut self, random: &mut Random, banks_left_are_free: bool) {
        let number = usize::try_from(random.below(self.subnets.len() as u64)).unwrap();
        let (direction, subnet) = (self.direction, u8::try_from(number).unwrap());
        let row = rules::rule(random);
        match random.below(20) {
            0 => {
                let enabled = random.chance(0.8);
                let bank = u8::from(random.chance(0.5));
                let image = [("enabled", u128::from(enabled)), ("bank", u128::from(bank))];
                self.offer_row(Table::NaclSet, set_index(direction, subnet), &NACL_SET_ROW.pack_words(&image).unwrap());
                self.subnets[number].staged = Set { enabled, bank };
            }
            1 => {
                let index = nacl_rule_index(u8::from(random.chance(0.5)), direction.opposite(), subnet, 0);
                self.offer_row(Table::NaclRule, index, &row.image());
            }
            2 => {
                let other = pick(random, &[Table::Eni, Table::Local, Table::SecurityRule, Table::Conntrack]);
                self.offer_row(other, nacl_rule_index(0, direction, subnet, 0), &row.image());
            }
            3 => {
                // Neither a subnet nor a rule that there is.
                let beyond = u8::try_from(self.subnets.len()).unwrap() | pick(random, &[0, 1, 0x40]);
                self.offer_row(Table::NaclRule, nacl_rule_index(0, direction, beyond, 0), &row.image());
            }
            4 => {
                let beyond = u8::try_from(nacl::RULES).unwrap() + u8::try_from(random.below(24)).unwrap();
                self.offer_row(Table::NaclRule, nacl_rule_index(0, direction, subnet, beyond), &row.image());
            }
            5 => {
                let image = NACL_SET_ROW.pack_words(&[("enabled", 1)]).unwrap();
                self.offer_row(Table::NaclSet, set_index(direction.opposite(), subnet), &image);
            }
            _ => {
                let active = self.subnets[number].active;
                let bank = if active.enabled { active.bank ^ 1 } else { u8::from(random.chance(0.5)) };
                // Packets may still be among the rules of the bank that counted before the last commit.
                if banks_left_are_free {
                    let rule = pick(
                        random,
                        &std::array::from_fn::<u8, { nacl::RULES }, _>(|rule| u8::try_from(rule).unwrap()),
                    );
                    self.offer_row(Table::NaclRule, nacl_rule_index(bank, direction, subnet, rule), &row.image());
                    self.subnets[number].rules[usize::from(bank)][usize::from(rule)] = row;
                }
            }
        }
    }

    fn offer_packet(&mut self, prefix: &str, packet: &Packet) {
        let outside = if self.direction == Direction::Egress { "dst_ip" } else { "src_ip" };
        let inside = if self.direction == Direction::Egress { "src_ip" } else { "dst_ip" };
        let (has_ports, port, is_icmp, kind, code) = match packet.upper {
            Upper::Nothing => (0, 0, 0, 0, 0),
            Upper::Port(port) => (1, port, 0, 0, 0),
            Upper::Message(kind, code) => (0, 0, 1, kind, code),
        };
        for (field, value) in [
            ("tvalid", 1),
            ("is_ipv6", u128::from(packet.ipv6)),
            ("is_ipv4", u128::from(!packet.ipv6)),
            ("protocol", packet.protocol.into()),
            ("has_ports", has_ports),
            ("dst_port", port.into()),
            ("src_port", u128::from(port ^ 1)),
            ("is_icmp", is_icmp),
            ("icmp_type", kind.into()),
            ("icmp_code", code.into()),
            (outside, packet.address),
            (inside, !packet.address),
            ("subnet", packet.subnet.into()),
            ("in_subnet", packet.in_subnet.into()),
            ("exempt", packet.exempt.into()),
            ("solicits", packet.solicits.into()),
            ("fragment_offset", packet.fragment_offset.into()),
            ("reason", packet.reason.into()),
        ] {
            set(&mut self.engine, &format!("{prefix}_{field}"), value);
        }
    }

    /// The verdict by a set, and whether the order of its rules matters.
    fn judge(&self, packet: &Packet, set: impl Fn(&Subnet) -> Set) -> (bool, bool, bool) {
        let Some(subnet) = self.subnets.get(usize::from(packet.subnet)) else { return (true, false, false) };
        let set = set(subnet);
        let spared = packet.in_subnet || packet.exempt || packet.solicits || packet.fragment_offset != 0;
        if !set.enabled || spared {
            return (true, false, false);
        }
        let fitting: Vec<_> = subnet.rules[usize::from(set.bank)]
            .iter()
            .filter(|rule| rule.fits(packet))
            .map(|rule| rule.allow)
            .collect();
        let allowed = fitting.first() == Some(&true);
        (allowed, fitting.contains(&!allowed), !fitting.is_empty())
    }

    fn run(&mut self, random: &mut Random, clocks: usize, idle: f64, shown: &mut Shown) {
        let mut waiting: VecDeque<(usize, Packet, u8)> = VecDeque::new();
        let (mut next_packet, mut free) = (0, 0);
        let mut before: Vec<Set> = self.subnets.iter().map(|subnet| subnet.active).collect();
        for now in 0..clocks {
            for port in ["ask_tvalid", "rx_tvalid", "table_tvalid", "commit"] {
                set(&mut self.engine, port, 0);
            }
            // In the clock of a commit the old rules count.
            if now >= next_packet && !random.chance(idle) {
                let packet = rules::packet(random, self.subnets.len() as u64);
                let (allowed, by_order, by_rule) = self.judge(&packet, |subnet| subnet.active);
                let reason = if packet.reason == 0 && !allowed { DropReason::Nacl.code() } else { packet.reason };
                let old = before.get(usize::from(packet.subnet)).copied().unwrap_or_default();
                if packet.reason == 0 {
                    shown.order_mattered += u32::from(by_order);
                    shown.commit_mattered += u32::from(self.judge(&packet, |_| old).0 != allowed);
                    let seen = match (allowed, by_rule) {
                        (true, true) => &mut shown.allowed,
                        (true, false) => &mut shown.not_judged,
                        (false, true) => &mut shown.denied_by_rule,
                        (false, false) => &mut shown.denied_by_none,
                    };
                    *seen += 1;
                }
                self.offer_packet("ask", &packet);
                waiting.push_back((now + self.lead, packet, reason));
                next_packet = now + self.spacing;
            }
            if random.chance(0.01) {
                set(&mut self.engine, "commit", 1);
                before = self.subnets.iter().map(|subnet| subnet.active).collect();
                for subnet in &mut self.subnets {
                    subnet.active = subnet.staged;
                }
                free = now + COMMIT_CLOCKS;
            } else if random.chance(0.8) {
                self.offer_any_row(random, now >= free);
            }
            let arrived = waiting.pop_front_if(|(clock, ..)| *clock == now);
            if let Some((_, packet, _)) = &arrived {
                self.offer_packet("rx", packet);
            }
            self.engine.settle();
            assert_eq!(get(&self.engine, "tx_tvalid"), u64::from(arrived.is_some()));
            if let Some((_, packet, reason)) = arrived {
                let found = get(&self.engine, "tx_reason");
                assert_eq!(found, u64::from(reason), "clock {now}: {packet:?}");
            }
            self.engine.edge();
        }
    }

    /// Fills every bank.
    fn fill(&mut self, random: &mut Random) {
        for number in 0..self.subnets.len() {
            for bank in 0..2 {
                for rule in 0..nacl::RULES {
                    let row = rules::rule(random);
                    let subnet = u8::try_from(number).unwrap();
                    let index = nacl_rule_index(bank, self.direction, subnet, u8::try_from(rule).unwrap());
                    self.offer_row(Table::NaclRule, index, &row.image());
                    clock(&mut self.engine);
                    self.subnets[number].rules[usize::from(bank)][rule] = row;
                }
            }
        }
        set(&mut self.engine, "table_tvalid", 0);
    }
}

fn check(config: Config, clocks: usize) {
    let mut shown = Shown::default();
    for direction in Direction::ALL {
        let mut stage = Stage::new(config, direction);
        for (seed, idle) in [(1, 0.0), (2, 0.5), (3, 0.05)] {
            let mut random = Random::new(seed);
            // Full lists, then lists that grow out of a reset.
            if seed == 1 {
                stage.fill(&mut random);
            } else {
                stage.reset();
            }
            stage.run(&mut random, clocks, idle, &mut shown);
        }
    }
    println!("{config}: {shown:?}");
    let Shown { allowed, denied_by_rule, denied_by_none, not_judged, order_mattered, commit_mattered } = shown;
    for (count, what) in [
        (allowed, "allowed by a rule"),
        (denied_by_rule, "denied by a rule"),
        (denied_by_none, "denied by none"),
        (not_judged, "not judged"),
        (order_mattered, "decided by the order"),
        (commit_mattered, "decided by a commit"),
    ] {
        assert!(count > 50, "{config}: {count} packets were {what}");
    }
}

#[test]
fn a_rule_per_clock_is_what_a_list_means() {
    check(Config::Tiny, 40_000);
}

#[test]
fn all_rules_at_once_are_what_a_list_means() {
    check(Config::Line, 10_000);
}
