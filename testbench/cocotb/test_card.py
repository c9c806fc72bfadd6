"""A card with two interfaces, from the outside: packets made by Scapy, tables written over AXI4-Lite, results dissected by Scapy."""

import cocotb
from cocotbext.axi import AxiResp
from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from card import EGRESS, INGRESS, REGISTERS, Card, address_bits, mac_bits, received
from siphash import siphash

VNI, OTHER_VNI = 4432, 77
CARD_IP, PEER_IP = "100.64.0.1", "100.64.0.2"
CARD_MAC, HOP_MAC, GATEWAY_MAC = "02:00:64:00:00:01", "02:00:64:00:00:fe", "02:00:0a:00:00:01"
GUEST_IP, GUEST_MAC = "10.0.1.20", "06:00:00:00:00:14"
PEER_GUEST_IP, PEER_GUEST_MAC = "10.0.2.30", "06:00:00:00:00:1e"
TOKEN_KEY, EPOCH = bytes(range(16)), 7
HASH_KEY, FLOW_KEY, CONNTRACK_KEY = b"hash tables' key", b"flow hash's key.", b"conntrack's key."
OPTION_CLASS, TOKEN_OPTION = 0xFF4E, 0x81
TOKEN_THERE = 0x1122334455667788


def token(vni, epoch, source, destination):
    """The token that the card at `destination`'s host expects of a sender."""
    message = vni.to_bytes(4, "big") + epoch.to_bytes(4, "big")
    message += address_bits(source).to_bytes(16, "big") + address_bits(destination).to_bytes(16, "big")
    return siphash(TOKEN_KEY, message, 2, 4)


async def start(dut):
    card = await Card.start(dut)
    await card.write_bytes("UNDERLAY_IP", address_bits(CARD_IP).to_bytes(16, "big"))
    await card.write_mac("UNDERLAY_MAC", CARD_MAC)
    await card.write_mac("NEXT_HOP_MAC", HOP_MAC)
    await card.write_mac("GATEWAY_MAC", GATEWAY_MAC)
    for name, key in [("HASH_KEY", HASH_KEY), ("FLOW_KEY", FLOW_KEY), ("CONNTRACK_KEY", CONNTRACK_KEY)]:
        await card.write_bytes(name, key)
    await card.write_bytes("TOKEN_KEY_0", TOKEN_KEY)
    await card.write("TOKEN_EPOCH", 1 << 8 | EPOCH)
    await card.write_row(
        "EniRow",
        0,
        valid=1,
        source_dest_check=1,
        vni=VNI,
        mac=mac_bits(GUEST_MAC),
        subnet4_valid=1,
        subnet4=address_bits("10.0.1.0") & 0xFFFFFFFF,
        subnet4_mask=0xFFFFFF00,
        ip4_valid=1,
        ip4=address_bits(GUEST_IP) & 0xFFFFFFFF,
    )
    key = VNI.to_bytes(3, "big") + address_bits(GUEST_IP).to_bytes(16, "big")
    rows = await card.read_field("CAPABILITIES", "local_rows_log2")
    await card.write_hashed_row("LocalRow", rows, HASH_KEY, key, valid=1, vni=VNI, ip=address_bits(GUEST_IP), eni=0)
    await card.write_row(
        "ConntrackRow", 0, max_connections=8, tcp_established=9999, tcp_transient=99, udp=99, udp_stream=99, icmp=99, other=99
    )
    anywhere = {"ipv4": 1, "address": address_bits("10.0.0.0"), "prefix": 96 + 8}
    await card.write_rules(0, EGRESS, 0, [{**anywhere, "any_protocol": 1, "high": 0xFFFF}])
    await card.write_rules(0, INGRESS, 0, [{**anywhere, "protocol": 6, "low": 443, "high": 443}])
    await card.write("POLICY_COMMIT", 0)
    control = REGISTERS["CONTROL"]
    bits = 1 << card.field(control, "enable")["low"] | 1 << card.field(control, "query_on_miss")["low"]
    await card.write("CONTROL", bits)
    # An interface on some host.
    mapping = bytes([0x00, EPOCH]) + (9001).to_bytes(2, "big") + address_bits(PEER_IP).to_bytes(16, "big")
    mapping += mac_bits(PEER_GUEST_MAC).to_bytes(6, "big") + (1).to_bytes(2, "big") + TOKEN_THERE.to_bytes(8, "big")
    mapping += bytes(8) + (60).to_bytes(4, "big")
    card.serve({(VNI, 0, address_bits(PEER_GUEST_IP)): mapping})
    return card


def from_peer(inner, vni=VNI, value=None, card_ip=CARD_IP):
    """A packet as the peer's card would send it."""
    value = token(vni, EPOCH, PEER_IP, inner[IP].dst) if value is None else value
    data = bytes([EPOCH, 0, 0, 3]) + bytes(4) + value.to_bytes(8, "big")
    option = GeneveOptions(classid=OPTION_CLASS, type=TOKEN_OPTION, length=4, data=data)
    outer = Ether(dst=CARD_MAC, src=HOP_MAC) / IP(src=PEER_IP, dst=card_ip, flags="DF", id=0, ttl=64)
    return outer / UDP(sport=0xC123, dport=6081, chksum=0) / GENEVE(critical=1, vni=vni, options=option) / inner


def to_peer(upper):
    return Ether(dst=GATEWAY_MAC, src=GUEST_MAC) / IP(src=GUEST_IP, dst=PEER_GUEST_IP) / upper


def from_peer_guest(upper):
    return Ether(dst=GUEST_MAC, src=GATEWAY_MAC) / IP(src=PEER_GUEST_IP, dst=GUEST_IP) / upper


@cocotb.test()
async def registers_answer_as_the_map_says(dut):
    card = await Card.start(dut)
    assert await card.read("ID") == int.from_bytes(b"NITR", "big")
    assert await card.read_field("CAPABILITIES", "data_width") == len(dut.guest_rx_tdata)
    for name in ["ID", "STATUS", "TIME"]:
        resp, _ = await card.access(REGISTERS[name]["offset"], 1)
        assert resp == AxiResp.SLVERR, name
    for address in [0x0C4, 0xFFC]:
        assert await card.access(address) == (AxiResp.DECERR, 0)
        assert (await card.access(address, 5))[0] == AxiResp.DECERR
    await card.write_mac("GATEWAY_MAC", GATEWAY_MAC)
    assert await card.read("GATEWAY_MAC_LO") == mac_bits(GATEWAY_MAC) & 0xFFFFFFFF


@cocotb.test()
async def arp_for_the_gateway_is_answered(dut):
    card = await start(dut)
    await card.from_guest(0, Ether(dst="ff:ff:ff:ff:ff:ff", src=GUEST_MAC) / ARP(hwsrc=GUEST_MAC, psrc=GUEST_IP, pdst="10.0.1.1"))
    data, eni = received(await card.guest_tx.recv())
    answer = Ether(data)
    assert eni == 0 and len(data) == 60
    assert answer.dst == GUEST_MAC and answer[ARP].op == 2
    assert (answer[ARP].hwsrc, answer[ARP].psrc) == (GATEWAY_MAC, "10.0.1.1")
    assert (answer[ARP].hwdst, answer[ARP].pdst) == (GUEST_MAC, GUEST_IP)


@cocotb.test()
async def ping_of_the_gateway_is_answered(dut):
    card = await start(dut)
    request = Ether(dst=GATEWAY_MAC, src=GUEST_MAC) / IP(src=GUEST_IP, dst="10.0.1.1") / ICMP(id=5, seq=6) / Raw(b"ping" * 30)
    await card.from_guest(0, request)
    data, _ = received(await card.guest_tx.recv())
    reply = Ether(data)
    checksums = reply[IP].chksum, reply[ICMP].chksum
    del reply[IP].chksum, reply[ICMP].chksum
    again = Ether(bytes(reply))
    assert (again[IP].chksum, again[ICMP].chksum) == checksums
    assert reply[ICMP].type == 0 and (reply[ICMP].id, reply[ICMP].seq) == (5, 6) and reply[Raw].load == b"ping" * 30
    assert (reply[IP].src, reply[IP].dst, reply.src, reply.dst) == ("10.0.1.1", GUEST_IP, GATEWAY_MAC, GUEST_MAC)


@cocotb.test()
async def a_datagram_leaves_behind_geneve(dut):
    card = await start(dut)
    frames = [to_peer(UDP(sport=1000, dport=2000) / Raw(bytes([number]) * (40 + 300 * number))) for number in range(3)]
    for frame in frames:
        await card.from_guest(0, frame)
    sports = set()
    for frame in frames:
        data, user = received(await card.net_tx.recv())
        packet = Ether(data)
        assert user == 0 and (packet.src, packet.dst) == (CARD_MAC, HOP_MAC)
        outer = packet[IP]
        assert (outer.src, outer.dst, outer.ttl, outer.id, outer.flags) == (CARD_IP, PEER_IP, 64, 0, "DF")
        checksum = outer.chksum
        assert IP(bytes(outer)[:20]).chksum == checksum and outer.len == len(data) - 14
        udp = packet[UDP]
        assert udp.dport == 6081 and udp.sport & 0xC000 == 0xC000 and udp.chksum == 0
        sports.add(udp.sport)
        geneve = packet[GENEVE]
        assert geneve.vni == VNI and geneve.critical == 1 and geneve.proto == 0x6558 and geneve.optionlen == 5
        option = bytes(geneve)[8:28]
        assert option[:4] == bytes([0xFF, 0x4E, TOKEN_OPTION, 4])
        assert option[4] == EPOCH and option[12:] == TOKEN_THERE.to_bytes(8, "big")
        inner = bytes(geneve)[28:]
        # Beyond the subnet the sender is the gateway; nothing else changes.
        expected = frame.copy()
        expected.src, expected.dst = GATEWAY_MAC, PEER_GUEST_MAC
        assert inner == bytes(expected)
    assert len(sports) == 1, "a flow keeps its path"
    assert len(card.asked) == 1, "one query a key"
    assert await card.counter(0, "passed") == 3 and await card.counter(0, "received") == 3


@cocotb.test()
async def answers_come_in_and_strangers_do_not(dut):
    card = await start(dut)
    unasked = from_peer_guest(UDP(sport=2000, dport=1000) / Raw(b"not asked for"))
    await card.from_net(from_peer(unasked))
    await card.settle()
    assert await card.counter(1, "security_group") == 1
    await card.from_guest(0, to_peer(UDP(sport=1000, dport=2000) / Raw(b"question")))
    await card.net_tx.recv()
    answer = from_peer_guest(UDP(sport=2000, dport=1000) / Raw(b"answer"))
    await card.from_net(from_peer(answer))
    data, eni = received(await card.guest_tx.recv())
    assert eni == 0 and data == bytes(answer)
    # HTTPS may be opened from outside.
    syn = from_peer_guest(TCP(sport=5555, dport=443, flags="S"))
    await card.from_net(from_peer(syn))
    data, _ = received(await card.guest_tx.recv())
    assert data == bytes(syn)
    assert card.guest_tx.empty()


@cocotb.test()
async def forged_packets_are_dropped_and_counted(dut):
    card = await start(dut)
    syn = from_peer_guest(TCP(sport=5555, dport=443, flags="S"))
    good = token(VNI, EPOCH, PEER_IP, GUEST_IP)
    cases = [
        (from_peer(syn, value=good ^ 1), 1, "bad_token"),
        (from_peer(syn, vni=OTHER_VNI, value=good), 1, "bad_token"),
        # A sound token of another network does not open this one.
        (from_peer(syn, vni=OTHER_VNI), 1, "no_such_eni"),
        (from_peer(syn, card_ip="100.64.0.9"), 1, "not_for_this_card"),
        (bytes(from_peer(syn))[:60], 1, "bad_ip_total_length"),
    ]
    expected = {}
    for frame, bank, reason in cases:
        await card.from_net(frame)
        expected[reason] = expected.get(reason, 0) + 1
    spoofed_mac, spoofed_ip = to_peer(UDP() / b"x"), to_peer(UDP() / b"x")
    spoofed_mac.src, spoofed_ip[IP].src = "06:00:00:00:00:99", "10.0.1.99"
    await card.from_guest(0, spoofed_mac)
    await card.from_guest(0, spoofed_ip)
    await card.from_guest(5, to_peer(UDP() / b"x"))
    await card.settle()
    for reason, count in expected.items():
        assert await card.counter(1, reason) == count, reason
    for reason in ["spoofed_mac", "spoofed_ip", "no_such_eni"]:
        assert await card.counter(0, reason) == 1, reason
    assert card.guest_tx.empty() and card.net_tx.empty()


@cocotb.test()
async def an_unknown_destination_is_remembered(dut):
    card = await start(dut)
    frame = Ether(dst=GATEWAY_MAC, src=GUEST_MAC) / IP(src=GUEST_IP, dst="10.0.2.99") / UDP(sport=1, dport=2) / b"anyone?"
    for _ in range(3):
        await card.from_guest(0, frame)
        await card.settle()
    assert len(card.asked) == 1
    assert await card.counter(0, "no_mapping") == 3 and card.net_tx.empty()


@cocotb.test()
async def under_backpressure_nothing_is_lost(dut):
    import itertools

    card = await start(dut)
    card.net_tx.set_pause_generator(itertools.cycle([1, 1, 0, 1, 0]))
    card.guest_rx.set_pause_generator(itertools.cycle([0, 1, 0]))
    sizes = [1, 22, 23, 200, 1400, 47, 48, 49, 8900]
    for number, size in enumerate(sizes):
        await card.from_guest(0, to_peer(UDP(sport=1000, dport=2000) / Raw(bytes([number]) * size)))
    for number, size in enumerate(sizes):
        data, _ = received(await card.net_tx.recv())
        assert Ether(bytes(Ether(data)[GENEVE])[28:])[Raw].load == bytes([number]) * size
