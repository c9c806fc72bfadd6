"""The card from outside: its registers and tables as the package's register map says, its ports as AXI4-Stream."""

import ipaddress
import json
import logging
import pathlib

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp, AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

from siphash import siphash

MAP = json.loads((pathlib.Path(__file__).resolve().parent.parent / "registers" / "registers.json").read_text("utf-8"))
REGISTERS = {register["name"]: register for register in MAP["registers"]}
TABLES = {table["name"]: table for table in MAP["tables"]}
DROP_REASONS = {reason["name"]: reason["code"] for reason in MAP["drop_reasons"]}
# Fields of an event that say what became of a frame.
PASSED, RECEIVED, REPLIED = 0, 63, 62
EGRESS, INGRESS = 0, 1
WAYS = 4


def address_bits(text):
    """128 bits of an address, IPv4 as v4-mapped."""
    address = ipaddress.ip_address(text)
    return int(address) | (0xFFFF << 32 if address.version == 4 else 0)


def mac_bits(text):
    return int(text.replace(":", ""), 16)


class Card:
    """A card out of reset, its tables cleared."""

    def __init__(self, dut):
        self.dut = dut
        self.control = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "control"), dut.clock, dut.reset)

        def source(name):
            return AxiStreamSource(AxiStreamBus.from_prefix(dut, name), dut.clock, dut.reset)

        def sink(name):
            return AxiStreamSink(AxiStreamBus.from_prefix(dut, name), dut.clock, dut.reset)

        self.guest_rx, self.net_rx, self.reply = source("guest_rx"), source("net_rx"), source("reply")
        self.guest_tx, self.net_tx, self.query = sink("guest_tx"), sink("net_tx"), sink("query")
        self.taken_rows = set()
        self.asked = []

    @classmethod
    async def start(cls, dut):
        # Else every frame is printed.
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.WARNING)
        cocotb.start_soon(Clock(dut.clock, 4, unit="ns").start())
        dut.reset.value = 1
        card = cls(dut)
        await ClockCycles(dut.clock, 4)
        dut.reset.value = 0
        ready = REGISTERS["INTERRUPT_CAUSE"]
        for _ in range(10_000):
            if await card.read("INTERRUPT_CAUSE") & 1 << card.field(ready, "tables_ready")["low"]:
                return card
        raise AssertionError("the tables are not ready")

    @staticmethod
    def field(register, name):
        return next(field for field in register["fields"] if field["name"] == name)

    async def access(self, address, value=None):
        """A word read, or written; gives the response and the word."""
        if value is None:
            answer = await self.control.read(address, 4)
            return answer.resp, int.from_bytes(answer.data, "little")
        answer = await self.control.write(address, value.to_bytes(4, "little"))
        return answer.resp, None

    async def read(self, name, place=0):
        resp, value = await self.access(REGISTERS[name]["offset"] + 4 * place)
        assert resp == AxiResp.OKAY, name
        return value

    async def write(self, name, value, place=0):
        resp, _ = await self.access(REGISTERS[name]["offset"] + 4 * place, value)
        assert resp == AxiResp.OKAY, name

    async def read_field(self, register, name):
        field = self.field(REGISTERS[register], name)
        return await self.read(register) >> field["low"] & (1 << field["high"] - field["low"] + 1) - 1

    async def write_bytes(self, name, data):
        """Bytes into the words of an array, the first byte most significant."""
        for place in range(len(data) // 4):
            await self.write(name, int.from_bytes(data[4 * place : 4 * place + 4], "big"), place)

    async def write_mac(self, name, text):
        await self.write(name + "_HI", mac_bits(text) >> 32)
        await self.write(name + "_LO", mac_bits(text) & 0xFFFFFFFF)

    async def write_row(self, table, index, **values):
        """A row of these fields, all others 0."""
        format = TABLES[table]
        row = 0
        for field in format["fields"]:
            value = int(values.pop(field["name"], 0))
            assert value < 1 << field["width"], field
            row |= value << field["offset"]
        assert not values, values
        for place in range((format["bits"] + 31) // 32):
            await self.write("TABLE_DATA", row >> 32 * place & 0xFFFFFFFF, place)
        await self.write("TABLE_INDEX", index)
        await self.write("TABLE_COMMAND", format["code"])

    async def write_hashed_row(self, table, rows_log2, hash_key, key, **values):
        """A row of a hash table, at the first of its key's places that is free."""
        padded = key + bytes(-len(key) % 8)
        places = siphash(hash_key, padded, 1, 3)
        for way in range(WAYS):
            index = (way << rows_log2) + (places >> 16 * way & (1 << rows_log2) - 1)
            if (table, index) not in self.taken_rows:
                self.taken_rows.add((table, index))
                return await self.write_row(table, index, **values)
        raise AssertionError("all places of the key are taken")

    async def write_rules(self, eni, direction, first, rules):
        """Rules of security groups, from a row of the memory on; they count from the next commit on."""
        places = await self.read_field("POLICY_CAPABILITIES", "rules_per_row_log2")
        for number, rule in enumerate(rules):
            await self.write_row("SecurityRuleRow", direction << 15 | (first << places) + number, valid=1, **rule)
        rows = (len(rules) + (1 << places) - 1) >> places
        await self.write_row("SecuritySetRow", direction << 8 | eni, first=first, rows=rows)

    async def counter(self, bank, name):
        """Packets of a counter; bank 0 tx, 1 rx."""
        index = next(counter["index"] for counter in MAP["counters"] if counter["name"] == name)
        await self.write("COUNTER_SELECT", bank << 8 | index)
        while await self.read_field("STATUS", "counter_busy"):
            pass
        return await self.read("COUNTER_PACKETS_LO") | await self.read("COUNTER_PACKETS_HI") << 32

    def serve(self, mappings):
        """Answers queries from a table of (VNI, route table, address): reply without the key, or nothing for a negative one."""

        async def answer():
            while True:
                key = bytes((await self.query.recv()).tdata)[:20]
                self.asked.append(key)
                vni, table = int.from_bytes(key[:3], "big"), key[3]
                mapping = mappings.get((vni, table, int.from_bytes(key[4:], "big")))
                rest = bytes([0x80]) + bytes(47) if mapping is None else mapping
                await self.reply.send(AxiStreamFrame(key + rest))

        cocotb.start_soon(answer())

    async def from_guest(self, eni, frame):
        await self.guest_rx.send(AxiStreamFrame(bytes(frame), tuser=eni))

    async def from_net(self, frame):
        await self.net_rx.send(AxiStreamFrame(bytes(frame), tuser=0))

    async def settle(self, clocks=3000):
        await ClockCycles(self.dut.clock, clocks)


def received(frame):
    """Bytes, and the user signal of the last beat."""
    user = frame.tuser[-1] if isinstance(frame.tuser, list) else frame.tuser
    return bytes(frame.tdata), int(user or 0)
