"""Runs the test benches of this folder on the Verilog of the package above it.

python3 cocotb/run.py --sim verilator|icarus [--build FOLDER]
"""

import argparse
import pathlib
import sys

from cocotb_tools.runner import get_results, get_runner

# Verilator: fast code, and unpacked traces are not wanted. Icarus: the language that the package promises.
BUILD_ARGUMENTS = {"verilator": ["-O3", "--x-initial", "unique"], "icarus": ["-g2005"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sim", choices=sorted(BUILD_ARGUMENTS), default="verilator", help="simulator")
    parser.add_argument("--build", type=pathlib.Path, help="folder for what the simulator makes")
    options = parser.parse_args()

    benches = pathlib.Path(__file__).resolve().parent
    package = benches.parent
    lists = list(package.glob("*.f"))
    if len(lists) != 1:
        sys.exit(f"{package}: there should be one file list, there are {len(lists)}")
    top = lists[0].stem
    build = (options.build or package / "build").resolve() / options.sim
    runner = get_runner(options.sim)
    runner.build(
        sources=[package / name for name in lists[0].read_text(encoding="utf-8").split()],
        hdl_toplevel=top,
        build_dir=build,
        build_args=BUILD_ARGUMENTS[options.sim],
        timescale=("1ns", "1ps"),
    )
    results = runner.test(
        hdl_toplevel=top,
        test_module=sorted(path.stem for path in benches.glob("test_*.py")),
        build_dir=build,
        test_dir=benches,
        results_xml=str(build / "results.xml"),
    )
    tests, failed = get_results(results)
    print(f"{top}: {tests} tests in {options.sim}, {failed} failed")
    sys.exit(1 if failed or not tests else 0)


if __name__ == "__main__":
    main()
