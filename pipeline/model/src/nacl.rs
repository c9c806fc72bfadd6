//! temporary
use nitro_wire::DropReason;
use nitro_wire::control::{Eni, ip_bits, mask4, mask6};
use nitro_wire::policy::{Direction, Nacl, Protocol};
use crate::eni::in_subnet;
use crate::parser::Parsed;
/// temporary
pub fn check(acl: Option<&Nacl>, eni: &Eni, direction: Direction, parsed: &Parsed) -> Result<(), DropReason> {
    let outside = if direction == Direction::Egress { parsed.dst_ip } else { parsed.src_ip };
    let Some(acl) = acl else { return Ok(()) };
    if in_subnet(eni, parsed, outside) { return Ok(()); }
    let rule = acl.rules(direction).iter().find(|rule| {
        let family = rule.prefix.address.is_ipv6() == parsed.is_ipv6;
        let beyond = outside ^ ip_bits(rule.prefix.address);
        let near = if parsed.is_ipv6 { beyond & mask6(rule.prefix.length) == 0 } else { beyond & u128::from(mask4(rule.prefix.length)) == 0 };
        let fits = match rule.protocol {
            Protocol::All => true,
            Protocol::Tcp(l, h) => parsed.protocol == 6 && (l..=h).contains(&parsed.dst_port),
            Protocol::Udp(l, h) => parsed.protocol == 17 && (l..=h).contains(&parsed.dst_port),
            Protocol::Icmp(m) => parsed.protocol == 1 && m.is_none_or(|(t, c)| parsed.is_icmp && t == parsed.icmp_type && c.is_none_or(|c| c == parsed.icmp_code)),
            Protocol::Icmpv6(m) => parsed.protocol == 58 && m.is_none_or(|(t, c)| parsed.is_icmp && t == parsed.icmp_type && c.is_none_or(|c| c == parsed.icmp_code)),
            Protocol::Number(n) => parsed.protocol == n,
        };
        family && near && fits
    });
    if rule.is_some_and(|rule| rule.allow) { Ok(()) } else { Err(DropReason::Nacl) }
}
