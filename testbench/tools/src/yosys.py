"""Yosys through its native Python module, which has no command line: `yosys.py [options] [file ...]`.

Understands what other tools call `yosys` with: `-p COMMANDS`, `-s SCRIPT`, `-l LOG`, `-q`, `-V`. A file whose name ends in `.ys` is a script,
any other is Verilog. The log goes to standard output, errors to standard error, and a failed command ends the process with status 1.
"""

import argparse
from importlib.metadata import version

from pyosys import libyosys


def main():
    parser = argparse.ArgumentParser(prog="yosys", add_help=False)
    parser.add_argument("-p", action="append", default=[], dest="commands")
    parser.add_argument("-s", action="append", default=[], dest="scripts")
    parser.add_argument("-l", dest="log")
    parser.add_argument("-q", action="count", default=0)
    parser.add_argument("-V", "--version", action="store_true")
    parser.add_argument("-Q", "-T", action="store_true")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    design = libyosys.Design()

    def run(command):
        if options.log:
            command = f"tee -a {options.log} {command}"
        if options.q:
            command = f"tee -q {command}"
        libyosys.run_pass(command, design)

    if options.log:
        open(options.log, "w", encoding="utf-8").close()
    if options.version:
        print(f"Yosys {version('pyosys')}")
        return
    # Comments hold any characters, even those that separate commands.
    scripts = options.scripts + [name for name in options.files if name.endswith(".ys")]
    for name in options.files:
        if name not in scripts:
            run(f"read_verilog {name}")
    for name in scripts:
        with open(name, encoding="utf-8") as script:
            for line in script:
                command = line.strip()
                if command and not command.startswith("#"):
                    run(command)
    for command in options.commands:
        run(command)


if __name__ == "__main__":
    main()
