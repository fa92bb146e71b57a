"""Runs one command and prints its time and memory as JSON; small, so that it is not what is measured.

The kernel keeps a process's peak memory across exec: a child of a large process looks at least as large.
On Linux processes that outlive the command, as the one that reads reports does for a moment, are counted too.

    python -I -S child.py PROGRAM [ARGUMENT]...
"""

import ctypes
import json
import os
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36

if sys.platform == "linux":
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
start = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
wall = time.perf_counter() - start
child.returncode = os.waitstatus_to_exitcode(status)
usages = [usage]
while True:
    try:
        usages.append(os.wait3(0)[2])
    except ChildProcessError:
        break
cpu = sum(each.ru_utime + each.ru_stime for each in usages)
print(json.dumps([child.returncode, wall, cpu, max(each.ru_maxrss for each in usages)]))
