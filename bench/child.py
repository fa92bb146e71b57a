"""Runs one command and prints its time and memory as JSON; small, so that it is not what is measured.

The kernel keeps a process's peak memory across exec: a child of a large process looks at least as large.

    python -I -S child.py PROGRAM [ARGUMENT]...
"""

import json
import os
import subprocess
import sys
import time

start = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
wall = time.perf_counter() - start
child.returncode = os.waitstatus_to_exitcode(status)
print(json.dumps([child.returncode, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss]))
