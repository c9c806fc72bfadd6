"""The packet FIFO as its page describes it: whole packets, in order, or not at all."""

import logging
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource


async def start(dut):
    # Else every frame is printed.
    logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.WARNING)
    cocotb.start_soon(Clock(dut.clock, 4, unit="ns").start())
    dut.drop_packet.value = 0
    dut.reset.value = 1
    source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "rx"), dut.clock, dut.reset)
    sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "tx"), dut.clock, dut.reset)
    await ClockCycles(dut.clock, 4)
    dut.reset.value = 0
    await ClockCycles(dut.clock, 2)
    return source, sink


def pauses(seed, probability):
    chance = random.Random(seed)
    while True:
        yield chance.random() < probability


@cocotb.test()
async def packets_leave_as_they_came(dut):
    source, sink = await start(dut)
    chance = random.Random(1)
    # Not more at one time than the ring holds.
    source.set_pause_generator(pauses(2, 0.3))
    sink.set_pause_generator(pauses(3, 0.3))
    for length in [1, 7, 8, 9, 60, 63, 64, 65] + [chance.randint(1, 120) for _ in range(100)]:
        packet = AxiStreamFrame(chance.randbytes(length), tuser=chance.randrange(16))
        await source.send(packet)
        received = await sink.recv()
        assert received.tdata == packet.tdata
        assert received.tuser[-1] == packet.tuser if isinstance(received.tuser, list) else received.tuser == packet.tuser
    assert sink.empty()


@cocotb.test()
async def a_dropped_packet_leaves_nothing(dut):
    source, sink = await start(dut)
    drops = 0

    async def count():
        nonlocal drops
        while True:
            await RisingEdge(dut.clock)
            drops += int(dut.dropped.value)

    cocotb.start_soon(count())
    for number in range(20):
        dut.drop_packet.value = number % 3 == 0
        await source.send(AxiStreamFrame(bytes([number]) * 100, tuser=number % 16))
        await source.wait()
        await ClockCycles(dut.clock, 30)
    expected = [number for number in range(20) if number % 3]
    assert [(await sink.recv()).tdata[0] for _ in expected] == expected
    assert sink.empty() and drops == 20 - len(expected)
