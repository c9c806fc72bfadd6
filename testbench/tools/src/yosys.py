"""Runs a Yosys script, one command a line, through the native module: `yosys.py SCRIPT`.

`pyosys` is a Python module without a command line. Its log goes to standard output, errors to standard
error, and a failed command ends the process with status 1.
"""

import sys

from pyosys import libyosys

design = libyosys.Design()
with open(sys.argv[1], encoding="utf-8") as script:
    for line in script:
        command = line.strip()
        if command and not command.startswith("#"):
            libyosys.run_pass(command, design)
