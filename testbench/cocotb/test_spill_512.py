"""The spill register as its page describes it: nothing lost, nothing doubled, every clock if the other side keeps up."""

import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge


async def start(dut):
    cocotb.start_soon(Clock(dut.clock, 4, unit="ns").start())
    dut.reset.value = 1
    dut.rx_tvalid.value = 0
    dut.tx_tready.value = 0
    await ClockCycles(dut.clock, 4)
    dut.reset.value = 0
    await RisingEdge(dut.clock)


def rx_fields(dut):
    names = [name for name in dir(dut) if name.startswith("rx_") and name not in ("rx_tvalid", "rx_tready")]
    return [(getattr(dut, name), getattr(dut, "tx" + name[2:])) for name in names]


async def run(dut, items, idle, pressure):
    """Offers the items, takes what comes, and gives that with the clocks that it took."""
    chance = random.Random(5)
    fields = rx_fields(dut)
    taken, sent, clocks = [], 0, 0
    offered = False
    while len(taken) < len(items):
        offered = sent < len(items) and (offered or chance.random() >= idle)
        dut.rx_tvalid.value = offered
        for (rx, _), value in zip(fields, items[min(sent, len(items) - 1)]):
            rx.value = value
        dut.tx_tready.value = chance.random() >= pressure
        await ReadOnly()
        moves = offered and int(dut.rx_tready.value) == 1
        if int(dut.tx_tvalid.value) == 1 and int(dut.tx_tready.value) == 1:
            taken.append([int(tx.value) for _, tx in fields])
        await RisingEdge(dut.clock)
        if moves:
            sent += 1
            offered = False
        clocks += 1
        assert clocks < 100 + 20 * len(items)
    return taken, clocks


@cocotb.test()
async def every_item_once_and_in_order(dut):
    await start(dut)
    chance = random.Random(7)
    items = [[chance.getrandbits(len(rx)) for rx, _ in rx_fields(dut)] for _ in range(300)]
    for idle, pressure in [(0.0, 0.0), (0.4, 0.0), (0.0, 0.4), (0.4, 0.4)]:
        taken, clocks = await run(dut, items, idle, pressure)
        assert taken == items
        if idle == pressure == 0.0:
            assert clocks <= len(items) + 1, f"{clocks} clocks for {len(items)} items"
