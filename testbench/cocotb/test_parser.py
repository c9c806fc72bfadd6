"""The parser against Scapy: what it finds in a frame's first 160 bytes."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

WINDOW = 160
ETHER = Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02")
# Codes of drop reasons, from the register map.
TRUNCATED, UNKNOWN_ETHERTYPE, BAD_IP_CHECKSUM, BAD_L4_HEADER = 3, 4, 8, 12


async def start(dut):
    cocotb.start_soon(Clock(dut.clock, 4, unit="ns").start())
    dut.reset.value = 1
    dut.rx_tvalid.value = 0
    await ClockCycles(dut.clock, 4)
    dut.reset.value = 0


async def parse(dut, frame, reads):
    """Offers one frame; gives these outputs in the clock in which the record comes out."""
    frame = bytes(frame)
    dut.rx_window.value = int.from_bytes(frame[:WINDOW].ljust(WINDOW, b"\0"), "big")
    dut.rx_length.value = len(frame)
    dut.rx_serial.value = 77
    dut.rx_port.value = 3
    dut.rx_has_payload.value = 1
    dut.rx_reason.value = 0
    dut.rx_tvalid.value = 1
    await RisingEdge(dut.clock)
    dut.rx_tvalid.value = 0
    for _ in range(100):
        await RisingEdge(dut.clock)
        if int(dut.tx_tvalid.value):
            assert int(dut.tx_serial.value) == 77 and int(dut.tx_port.value) == 3
            return {name: int(getattr(dut, "tx_" + name).value) for name in reads}
    raise AssertionError("no record came out")


def mac(text):
    return int(text.replace(":", ""), 16)


def v4(text):
    number = 0
    for byte in text.split("."):
        number = number << 8 | int(byte)
    return 0xFFFF << 32 | number


@cocotb.test()
async def headers_are_what_scapy_wrote(dut):
    await start(dut)
    payload = Raw(bytes(range(100)))
    ip = IP(src="10.0.0.1", dst="10.9.8.7", ttl=33, flags="DF")
    for tagged in [False, True]:
        ether = ETHER / Dot1Q(vlan=5) if tagged else ETHER
        for upper, protocol, ports in [
            (TCP(sport=1234, dport=443, flags="SA"), 6, (1234, 443)),
            (UDP(sport=53, dport=5353), 17, (53, 5353)),
        ]:
            frame = ether / ip / upper / payload
            found = await parse(
                dut,
                frame,
                "reason is_ipv4 tagged protocol src_ip dst_ip src_port dst_port hop_limit dont_fragment src_mac tcp_flags".split(),
            )
            assert found["reason"] == 0 and found["is_ipv4"] == 1 and found["tagged"] == tagged
            assert (found["src_port"], found["dst_port"]) == ports and found["protocol"] == protocol
            assert found["src_ip"] == v4("10.0.0.1") and found["dst_ip"] == v4("10.9.8.7")
            assert found["hop_limit"] == 33 and found["dont_fragment"] == 1
            assert found["src_mac"] == mac("02:00:00:00:00:02")
            if protocol == 6:
                assert found["tcp_flags"] == int(upper.flags)


@cocotb.test()
async def ipv6_with_extension_headers(dut):
    await start(dut)
    frame = ETHER / IPv6(src="2001:db8::1", dst="2001:db8::2", hlim=9) / IPv6ExtHdrHopByHop() / UDP(sport=7, dport=8) / b"x"
    found = await parse(dut, frame, "reason is_ipv6 protocol src_port dst_port dst_ip hop_limit".split())
    assert found["reason"] == 0 and found["is_ipv6"] == 1 and found["protocol"] == 17
    assert (found["src_port"], found["dst_port"], found["hop_limit"]) == (7, 8, 9)
    assert found["dst_ip"] == 0x20010DB8 << 96 | 2


@cocotb.test()
async def arp_and_icmp(dut):
    await start(dut)
    frame = Ether(dst="ff:ff:ff:ff:ff:ff", src="02:00:00:00:00:02") / ARP(op=1, psrc="10.0.0.4", pdst="10.0.0.1")
    found = await parse(dut, frame, "reason is_arp arp_request arp_valid src_ip dst_ip".split())
    assert found["reason"] == 0 and found["is_arp"] and found["arp_request"] and found["arp_valid"]
    assert found["src_ip"] == v4("10.0.0.4") and found["dst_ip"] == v4("10.0.0.1")
    frame = ETHER / IP(src="10.0.0.4", dst="10.0.0.1") / ICMP(type=8, id=0x1234) / b"ping"
    found = await parse(dut, frame, "reason is_icmp icmp_type icmp_code icmp_identifier".split())
    assert found == {"reason": 0, "is_icmp": 1, "icmp_type": 8, "icmp_code": 0, "icmp_identifier": 0x1234}


@cocotb.test()
async def what_is_wrong_has_a_name(dut):
    await start(dut)
    good = bytes(ETHER / IP(src="10.0.0.4", dst="10.0.0.1") / UDP(sport=1, dport=2) / b"1234")
    bad_sum = good[:24] + bytes([good[24] ^ 1]) + good[25:]
    bad_udp = bytes(ETHER / IP(src="10.0.0.4", dst="10.0.0.1") / UDP(sport=1, dport=2, len=7) / b"1234")
    for frame, reason in [
        (good, 0),
        (good[:30], TRUNCATED),
        (bytes(ETHER)[:12] + b"\x88\xa8" + good[14:], UNKNOWN_ETHERTYPE),
        (bad_sum, BAD_IP_CHECKSUM),
        (bad_udp, BAD_L4_HEADER),
    ]:
        assert (await parse(dut, frame, ["reason"]))["reason"] == reason
