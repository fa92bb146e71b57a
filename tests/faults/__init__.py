"""What can go wrong while an image is pushed, provoked: faults, kill -9, full disks, races, lies.

`python -m tests.faults` measures what the push survives; the test modules require it.
"""
