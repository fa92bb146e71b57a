"""The command line: parses, calls, renders; the only place that prints or reads the environment."""

import gc

# Before anything is imported: collections would run some hundred times over what stays for good, a fifth
# of the start. With this they come when there is something to collect.
gc.set_threshold(100_000, 20, 20)
