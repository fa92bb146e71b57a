"""The record of a decision: its format (design section 8), how it is built and how it is read.

`build.build_record` makes a NewRecord, whose artifact the attach step attaches; `read.read_summary` and
`read.read_record` read what is in a repository. Nothing is imported here: whoever only decides needs the
`floor`, and no registry.
"""
