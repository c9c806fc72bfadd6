"""Lints Verilog-2005 with slang, every warning on: `slang.py TOP FILE...`. Status 1 with anything that slang says."""

import sys

from pyslang.driver import Driver

driver = Driver()
driver.addStandardArgs()
top, *files = sys.argv[1:]
options = ["--std", "1364-2005", "-Weverything", "--top", top, *files]
if not (driver.parseCommandLine(" ".join(["slang", *options])) and driver.processOptions() and driver.parseAllSources()):
    sys.exit(1)
compilation = driver.createCompilation()
driver.reportCompilation(compilation, True)
driver.runAnalysis(compilation)
sys.exit(driver.diagEngine.numErrors + driver.diagEngine.numWarnings > 0)
