"""See the package."""

import dataclasses
import json
import os
import sys
import tempfile

from hornbook.evaluate.sandbox import Program
from tests.evaluate.sandbox.adversarial import become, judge

become(int(sys.argv[1]), sys.base_prefix, sys.prefix, __file__)
os.environ["TMPDIR"] = tempfile.tempdir = sys.argv[2]
verdicts = judge([Program(**fields) for fields in json.load(sys.stdin)])
json.dump([dataclasses.asdict(verdict) for verdict in verdicts], sys.stdout)
