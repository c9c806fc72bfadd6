#!/usr/bin/env python3
"""Makes the named cases of this folder: one file a stage, each case a frame and what the contract says of it.

The frames are put together byte by byte here, by nobody's library and nobody's model, from docs/contract.md and the RFCs.
"""
import ipaddress
import json
import pathlib
import struct

GUEST, GATEWAY, NEIGHBOUR = "0a1000000005", "0a0000000001", "0a1000000020"
CARD, HOP = "020064400001", "02006440fffe"
KEY8 = bytes.fromhex("101112131415161718191a1b1c1d1e1f")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ether(payload, kind, dst=NEIGHBOUR, src=GUEST, tag=None):
    head = bytes.fromhex(dst + src)
    if tag is not None:
        head += struct.pack(">HH", 0x8100, tag)
    return head + struct.pack(">H", kind) + payload


def ipv4(payload, src="10.0.0.5", dst="10.0.0.20", proto=17, options=b"", flags=0, tos=0, length=None, ihl=None, version=4, bad=False):
    size = 20 + len(options)
    head = struct.pack(">BBHHHBBH4s4s", version << 4 | (size // 4 if ihl is None else ihl), tos,
                       size + len(payload) if length is None else length, 7, flags, 64, proto, 0,
                       ipaddress.IPv4Address(src).packed, ipaddress.IPv4Address(dst).packed) + options
    total = checksum(head) ^ (1 if bad else 0)
    return head[:10] + struct.pack(">H", total) + head[12:] + payload


def ipv6(payload, src="fd00:10::5", dst="fd00:10::20", proto=17, hop=64, length=None, version=6):
    return struct.pack(">IHBB", version << 28, len(payload) if length is None else length, proto, hop) + \
        ipaddress.IPv6Address(src).packed + ipaddress.IPv6Address(dst).packed + payload


def udp(size=8, length=None, port=53):
    return struct.pack(">HHHH", 40000, port, 8 + size if length is None else length, 0) + bytes(size)


def tcp(offset=5, extra=b"", port=443):
    return struct.pack(">HHIIBBHHH", 40000, port, 1, 0, offset << 4, 2, 1000, 0, 0) + extra


def arp(operation=1, sha=GUEST, spa="10.0.0.5", tpa="10.0.0.20", hardware=1):
    return struct.pack(">HHBBH", hardware, 0x0800, 6, 4, operation) + bytes.fromhex(sha) + \
        ipaddress.IPv4Address(spa).packed + bytes(6) + ipaddress.IPv4Address(tpa).packed


def solicitation(target="fd00:10::20", src="fd00:10::5", dst=None, hop=255, option=True, code=0, spoil=0):
    target_bytes = ipaddress.IPv6Address(target).packed
    dst = dst or ipaddress.IPv6Address(bytes.fromhex("ff0200000000000000000001ff") + target_bytes[13:])
    body = struct.pack(">BBHI", 135, code, 0, 0) + target_bytes
    if option:
        body += b"\x01\x01" + bytes.fromhex(GUEST)
    pseudo = ipaddress.IPv6Address(src).packed + ipaddress.IPv6Address(dst).packed + struct.pack(">II", len(body), 58)
    body = body[:2] + struct.pack(">H", checksum(pseudo + body) ^ spoil) + body[4:]
    return ether(ipv6(body, src=src, dst=str(dst), proto=58, hop=hop), 0x86DD, dst="3333ff" + target_bytes[13:].hex())


def router_solicitation(src="fe80::810:ff:fe00:5", hop=255, spoil=0):
    body = struct.pack(">BBHI", 133, 0, 0, 0)
    if src != "::":
        body += b"\x01\x01" + bytes.fromhex(GUEST)
    pseudo = ipaddress.IPv6Address(src).packed + ipaddress.IPv6Address("ff02::2").packed + struct.pack(">II", len(body), 58)
    body = body[:2] + struct.pack(">H", checksum(pseudo + body) ^ spoil) + body[4:]
    return ether(ipv6(body, src=src, dst="ff02::2", proto=58, hop=hop), 0x86DD, dst="333300000002")


def rotate(value, bits):
    return (value << bits | value >> (64 - bits)) & (2**64 - 1)


def siphash24(key, data):
    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) % 2**64
            v[2] = (v[2] + v[3]) % 2**64
            v[1], v[3] = rotate(v[1], 13) ^ v[0], rotate(v[3], 16) ^ v[2]
            v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[1]) % 2**64
            v[0] = (v[0] + v[3]) % 2**64
            v[1], v[3] = rotate(v[1], 17) ^ v[2], rotate(v[3], 21) ^ v[0]
            v[2] = rotate(v[2], 32)

    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) % 256])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def mapped(address):
    address = ipaddress.ip_address(address)
    return address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed


def overlay(inner, vni=4432, epoch=8, to="10.0.0.5", sender="100.64.0.2", card="100.64.0.1", port=6081, version=0, critical=0x40,
            protocol=0x6558, options=None, token=None, tos=0, dst=CARD, more=b"", flags=0x4000, ip_options=b"", tag=None, trim=0):
    if token is None:
        token = siphash24(KEY8, struct.pack(">II", vni, epoch) + mapped(sender) + (mapped(to) if to else bytes(16)))
    if options is None:
        options = struct.pack(">HBBBBHIQ", 0xFF4E, 0x81, 4, epoch, 0, 0, 0, token) + more
    geneve = struct.pack(">BBHI", version << 6 | len(options) // 4, critical, protocol, vni << 8) + options
    datagram = struct.pack(">HHHH", 0xC123, port, 8 + len(geneve) + len(inner) - trim, 0) + geneve + inner
    return ether(ipv4(datagram, src=sender, dst=card, flags=flags, tos=tos, options=ip_options), 0x0800, dst=dst, src=HOP, tag=tag)


def delivered(payload=None, **changes):
    return ether(ipv4(udp() if payload is None else payload, **{"src": "10.0.0.20", "dst": "10.0.0.5", **changes}), 0x0800,
                 dst=GUEST, src=NEIGHBOUR)


def tx(name, frame, verdict, reason=None):
    return {"name": name, "path": "tx", "frame": frame.hex(), "verdict": verdict, "reason": reason}


def rx(name, frame, verdict, reason=None):
    return {"name": name, "path": "rx", "frame": frame.hex(), "verdict": verdict, "reason": reason}


good = ether(ipv4(udp()), 0x0800)
extension = lambda following, size=8: struct.pack(">BB", following, size // 8 - 1) + bytes(size - 2)


def chain(count, last=17):
    return b"".join(extension(60 if index + 1 < count else last) for index in range(count)) + udp()


def into(src, port, proto=6, **changes):
    """A segment (or datagram) from the network to a port of the guest."""
    return overlay(delivered(tcp(port=port) if proto == 6 else udp(port=port), src=src, proto=proto, **changes))


def into6(src, port):
    return overlay(ether(ipv6(tcp(port=port), src=src, dst="fd00:10::5", proto=6), 0x86DD, dst=GUEST, src=NEIGHBOUR), to="fd00:10::5")


def out(dst, port, proto=6, **changes):
    """A segment (or datagram) from the guest to a port somewhere."""
    return ether(ipv4(tcp(port=port) if proto == 6 else udp(port=port), dst=dst, proto=proto, **changes), 0x0800, dst=GATEWAY)


def out6(dst, port):
    return ether(ipv6(tcp(port=port), dst=dst, proto=6), 0x86DD, dst=GATEWAY)


srd = struct.pack(">HBB", 0xFF4E, 0x82, 5) + bytes(20)
endpoint = struct.pack(">HBB", 0xFF4E, 0x83, 3) + bytes(12)

CASES = {
    "parser": [
        tx("a datagram of the smallest kind", good, "forward"),
        tx("the same behind a tag", ether(ipv4(udp()), 0x0800, tag=0x2064), "forward"),
        tx("bytes behind the datagram are padding", good + bytes(18), "forward"),
        tx("13 bytes are no frame", good[:13], "drop", "truncated"),
        tx("a tag without a type", ether(ipv4(udp()), 0x0800, tag=1)[:17], "drop", "truncated"),
        tx("19 bytes of IPv4", good[:33], "drop", "truncated"),
        tx("39 bytes of IPv6", ether(ipv6(udp()), 0x86DD)[:53], "drop", "truncated"),
        tx("27 bytes of ARP", ether(arp(), 0x0806)[:41], "drop", "truncated"),
        tx("longer than any port takes", good + bytes(9300), "drop", "oversize"),
        tx("802.3 length and LLC", ether(bytes(46), 46), "drop", "unknown_ethertype"),
        tx("two tags", ether(struct.pack(">HH", 1, 0x0800) + ipv4(udp()), 0x8100, tag=1), "drop", "unknown_ethertype"),
        tx("802.1ad", ether(struct.pack(">HH", 1, 0x0800) + ipv4(udp()), 0x88A8), "drop", "unknown_ethertype"),
        tx("version 5", ether(ipv4(udp(), version=5), 0x0800), "drop", "bad_ip_version"),
        tx("version 4 under IPv6's type", ether(ipv6(udp(), version=4), 0x86DD), "drop", "bad_ip_version"),
        tx("IHL 4", ether(ipv4(udp(), ihl=4), 0x0800), "drop", "bad_ip_header_length"),
        tx("total length below the header", ether(ipv4(udp(), length=19), 0x0800), "drop", "bad_ip_total_length"),
        tx("total length beyond the frame", ether(ipv4(udp(), length=37), 0x0800), "drop", "bad_ip_total_length"),
        tx("payload length beyond the frame", ether(ipv6(udp(), length=17), 0x86DD), "drop", "bad_ip_total_length"),
        tx("one bit of the checksum", ether(ipv4(udp(), bad=True), 0x0800), "drop", "bad_ip_checksum"),
        tx("40 bytes of options", ether(ipv4(udp(), options=b"\x01" * 40), 0x0800), "forward"),
        tx("six extension headers", ether(ipv6(chain(6), proto=60), 0x86DD), "forward"),
        tx("seven extension headers", ether(ipv6(chain(7), proto=60), 0x86DD), "drop", "too_many_headers"),
        tx("an extension header beyond the parser's reach", ether(ipv6(extension(17, 120) + udp(), proto=0), 0x86DD), "drop",
           "too_many_headers"),
        tx("an extension header beyond the datagram", ether(ipv6(extension(17, 8)[:1] + b"\x09" + bytes(6), proto=0), 0x86DD), "drop",
           "truncated_l4"),
        tx("a TCP fragment over the flags (RFC 1858)", ether(ipv4(bytes(24), proto=6, flags=1), 0x0800), "drop", "fragment_overlap"),
        tx("a TCP fragment behind the header", ether(ipv4(bytes(24), proto=6, flags=3), 0x0800), "drop", "fragment_without_first"),
        tx("19 bytes of TCP", ether(ipv4(tcp()[:19], proto=6), 0x0800), "drop", "truncated_l4"),
        tx("7 bytes of UDP in a first fragment", ether(ipv4(udp()[:7], flags=0x2000), 0x0800), "drop", "truncated_l4"),
        tx("7 bytes of ICMP", ether(ipv4(bytes(7), proto=1), 0x0800), "drop", "truncated_l4"),
        tx("TCP data offset 4", ether(ipv4(tcp(4), proto=6), 0x0800), "drop", "bad_l4_header"),
        tx("TCP options beyond the datagram", ether(ipv4(tcp(6), proto=6), 0x0800), "drop", "bad_l4_header"),
        tx("UDP length 7", ether(ipv4(udp(length=7)), 0x0800), "drop", "bad_l4_header"),
        tx("UDP length beyond the datagram", ether(ipv4(udp(length=17)), 0x0800), "drop", "bad_l4_header"),
        tx("UDP length beyond a first fragment", ether(ipv4(udp(length=1700), flags=0x2000), 0x0800), "forward"),
        tx("ESP is a protocol by number", ether(ipv4(bytes(3), proto=50), 0x0800), "forward"),
    ],
    "eni": [
        tx("somebody else's MAC", ether(ipv4(udp()), 0x0800, src=NEIGHBOUR), "drop", "spoofed_mac"),
        tx("somebody else's address", ether(ipv4(udp(), src="10.0.0.6"), 0x0800), "drop", "spoofed_ip"),
        tx("somebody else's IPv6 address", ether(ipv6(udp(), src="fd00:10::6"), 0x86DD), "drop", "spoofed_ip"),
        tx("somebody else's hardware address in ARP", ether(arp(sha=NEIGHBOUR), 0x0806, dst="ff" * 6), "drop", "spoofed_mac"),
        tx("somebody else's protocol address in ARP", ether(arp(spa="10.0.0.20"), 0x0806, dst="ff" * 6), "drop", "spoofed_ip"),
        tx("broadcast", ether(ipv4(udp(), dst="255.255.255.255"), 0x0800, dst="ff" * 6), "drop", "no_broadcast"),
        tx("the subnet's broadcast address", ether(ipv4(udp(), dst="10.0.0.255"), 0x0800), "drop", "no_broadcast"),
        tx("multicast", ether(ipv4(udp(), dst="224.0.0.251"), 0x0800, dst="01005e0000fb"), "drop", "no_broadcast"),
        tx("IPv6 multicast", ether(ipv6(udp(), dst="ff02::fb"), 0x86DD, dst="3333000000fb"), "drop", "no_broadcast"),
        rx("no interface has the address", overlay(delivered(dst="10.0.0.6"), to="10.0.0.6"), "drop", "no_such_eni"),
        rx("the address in another VPC", overlay(delivered(), vni=4433), "drop", "no_such_eni"),
    ],
    "responder": [
        tx("who has the gateway", ether(arp(tpa="10.0.0.1"), 0x0806, dst="ff" * 6), "reply"),
        tx("who has the neighbour", ether(arp(), 0x0806, dst="ff" * 6), "reply"),
        tx("a probe for the neighbour (RFC 5227)", ether(arp(spa="0.0.0.0"), 0x0806, dst="ff" * 6), "reply"),
        tx("the own address", ether(arp(tpa="10.0.0.5"), 0x0806, dst="ff" * 6), "drop", "arp_unanswered"),
        tx("an address of nobody", ether(arp(tpa="10.0.0.77"), 0x0806, dst="ff" * 6), "drop", "arp_unanswered"),
        tx("an address of another subnet", ether(arp(tpa="10.0.1.20"), 0x0806, dst="ff" * 6), "drop", "arp_unanswered"),
        tx("an ARP reply", ether(arp(operation=2), 0x0806), "drop", "arp_unanswered"),
        tx("operation 3", ether(arp(operation=3), 0x0806, dst="ff" * 6), "drop", "bad_arp"),
        tx("not Ethernet", ether(arp(hardware=6), 0x0806, dst="ff" * 6), "drop", "bad_arp"),
        tx("solicitation of the gateway", solicitation("fd00:10::1"), "reply"),
        tx("solicitation of the gateway's link-local address", solicitation("fe80::800:ff:fe00:1"), "reply"),
        tx("solicitation of the neighbour", solicitation(), "reply"),
        tx("solicitation from a link-local address", solicitation(src="fe80::810:ff:fe00:5"), "reply"),
        tx("duplicate address detection of a neighbour", solicitation(src="::", option=False), "reply"),
        tx("duplicate address detection of the own address", solicitation("fd00:10::5", src="::", option=False), "drop", "nd_unanswered"),
        tx("solicitation of nobody", solicitation("fd00:10::77"), "drop", "nd_unanswered"),
        tx("hop limit 254", solicitation(hop=254), "drop", "bad_nd"),
        tx("code 1", solicitation(code=1), "drop", "bad_nd"),
        tx("a bit of the ICMPv6 checksum", solicitation(spoil=1), "drop", "bad_nd"),
        tx("router solicitation", router_solicitation(), "reply"),
        tx("router solicitation from nobody", router_solicitation("::"), "reply"),
        tx("router solicitation from afar", router_solicitation(hop=64), "drop", "bad_nd"),
        tx("a source option from nobody", solicitation(src="::"), "drop", "bad_nd"),
    ],
    "lookup": [
        tx("an address of nobody", ether(ipv4(udp(), dst="10.0.0.77"), 0x0800), "drop", "no_mapping"),
        tx("an address outside of the VPC", ether(ipv4(udp(), dst="192.0.2.1"), 0x0800, dst=GATEWAY), "drop", "no_mapping"),
        tx("another subnet", ether(ipv4(udp(), dst="10.0.1.20"), 0x0800, dst=GATEWAY), "forward"),
    ],
    "encap": [
        tx("9,001 bytes", ether(ipv4(udp(8973)), 0x0800), "forward"),
        tx("9,002 bytes", ether(ipv4(udp(8974)), 0x0800), "drop", "too_big"),
        tx("padding beyond what the underlay takes", ether(ipv4(udp(8000)), 0x0800).ljust(9147, b"\0"), "drop", "too_big"),
        tx("padding up to what the underlay takes", ether(ipv4(udp(8000)), 0x0800).ljust(9146, b"\0"), "forward"),
    ],
    "decap": [
        rx("an overlay packet", overlay(delivered()), "deliver"),
        rx("to another MAC", overlay(delivered(), dst="02006440aaaa"), "drop", "not_for_this_card"),
        rx("to another address", overlay(delivered(), card="100.64.0.9"), "drop", "not_for_this_card"),
        rx("to another port", overlay(delivered(), port=4789), "drop", "not_overlay"),
        rx("with IP options", overlay(delivered(), ip_options=b"\x01" * 4), "drop", "not_overlay"),
        rx("tagged", overlay(delivered(), tag=1), "drop", "not_overlay"),
        rx("a fragment", overlay(delivered(), flags=0x2000), "drop", "not_overlay"),
        rx("Geneve version 1", overlay(delivered(), version=1), "drop", "bad_geneve"),
        rx("a control packet", overlay(delivered(), critical=0xC0), "drop", "bad_geneve"),
        rx("critical options not announced", overlay(delivered(), critical=0), "drop", "bad_geneve"),
        rx("not Ethernet inside", overlay(delivered(), protocol=0x0800), "drop", "bad_geneve"),
        rx("no options", overlay(delivered(), options=b""), "drop", "bad_geneve"),
        rx("an unknown critical option", overlay(delivered(), options=struct.pack(">HBB", 0xFF4E, 0x84, 4) + bytes(16)), "drop",
           "bad_geneve"),
        rx("UDP length short of the datagram", overlay(delivered(), trim=1), "drop", "bad_geneve"),
        rx("congestion outside, not ECN-capable inside", overlay(delivered(), tos=3), "drop", "bad_ecn"),
        rx("congestion outside, ECT(0) inside", overlay(delivered(tos=2), tos=3), "deliver"),
        rx("ARP inside", overlay(ether(arp(), 0x0806, dst=GUEST, src=NEIGHBOUR), to=None), "drop", "no_broadcast"),
        rx("a broken frame inside", overlay(delivered(bad=True)), "drop", "bad_ip_checksum"),
    ],
    "token": [
        rx("the wrong token", overlay(delivered(), token=1), "drop", "bad_token"),
        rx("a token for another address", overlay(delivered(), to="10.0.0.6"), "drop", "bad_token"),
        rx("an epoch that is not live", overlay(delivered(), epoch=9), "drop", "bad_token"),
        rx("an srd packet without a flow", overlay(delivered(), more=srd), "drop", "srd_no_flow"),
        rx("an endpoint packet at a card", overlay(delivered(), more=endpoint), "drop", "bad_endpoint"),
    ],
    # By vpc/nacl.toml: the published example.
    "nacl": [
        rx("HTTPS is taken by rule 110", into("198.51.100.9", 443), "deliver"),
        rx("NetBIOS is taken by no rule", into("198.51.100.9", 139), "drop", "nacl"),
        rx("HTTP is taken by rule 100", into("198.51.100.9", 80), "deliver"),
        rx("HTTP over IPv6 by rule 105", into6("2001:db8::9", 80), "deliver"),
        rx("SSH from home by rule 120", into("192.0.2.0", 22), "deliver"),
        rx("SSH from home's last address", into("192.0.2.255", 22), "deliver"),
        rx("SSH from behind home", into("192.0.3.0", 22), "drop", "nacl"),
        rx("SSH over IPv6", into6("2001:db8::9", 22), "drop", "nacl"),
        rx("RDP from home by rule 130", into("192.0.2.1", 3389), "deliver"),
        rx("RDP from elsewhere", into("198.51.100.9", 3389), "drop", "nacl"),
        rx("the first ephemeral port by rule 140", into("198.51.100.9", 32768), "deliver"),
        rx("the port before it", into("198.51.100.9", 32767), "drop", "nacl"),
        rx("the last ephemeral port", into("198.51.100.9", 65535), "deliver"),
        rx("the last ephemeral port over IPv6 by rule 145", into6("2001:db8::9", 65535), "deliver"),
        rx("UDP to a port of TCP's rules", into("198.51.100.9", 443, proto=17), "drop", "nacl"),
        rx("from within the subnet", into("10.0.0.20", 139), "deliver"),
        rx("from the next subnet", into("10.0.1.20", 139), "drop", "nacl"),
        rx("from the subnet's resolver", into("10.0.0.2", 40000, proto=17), "deliver"),
        rx("from the resolver", into("169.254.169.253", 40000, proto=17), "deliver"),
        rx("a later fragment", overlay(ether(ipv4(bytes(24), src="198.51.100.9", dst="10.0.0.5", flags=3), 0x0800, dst=GUEST,
                                             src=NEIGHBOUR)), "deliver"),
        tx("HTTPS to the world by rule 110", out("198.51.100.9", 443), "forward"),
        tx("HTTPS over IPv6 by rule 115", out6("2001:db8::9", 443), "forward"),
        tx("an answer to home by rule 120", out("192.0.2.7", 1024), "forward"),
        tx("a reserved port at home", out("192.0.2.7", 1023), "drop", "nacl"),
        tx("the same port elsewhere", out("198.51.100.9", 1024), "drop", "nacl"),
        tx("an answer to the world by rule 140", out("198.51.100.9", 32768), "forward"),
        tx("DNS to the world", out("198.51.100.9", 53, proto=17), "drop", "nacl"),
        tx("DNS to the resolver", out("169.254.169.253", 53, proto=17), "forward"),
        tx("DNS to the subnet's resolver", out("10.0.0.2", 53, proto=17), "forward"),
        tx("metadata", out("169.254.169.254", 8080), "forward"),
        tx("a neighbour of theirs", out("169.254.169.252", 8080), "drop", "nacl"),
        tx("within the subnet", out("10.0.0.20", 139), "forward"),
        tx("denied before it is too big", ether(ipv4(udp(8974), dst="198.51.100.9"), 0x0800, dst=GATEWAY), "drop", "nacl"),
    ],
}

for stage, cases in CASES.items():
    folder = pathlib.Path(__file__).parent / stage
    folder.mkdir(exist_ok=True)
    lines = ",\n".join("  " + json.dumps(case) for case in cases)
    (folder / "cases.json").write_text(f"[\n{lines}\n]\n")
print({stage: len(cases) for stage, cases in CASES.items()})
