"""Records outside any repository: in files that SQL reads, and that `audit` reads as it reads a registry.

    export.json          what was exported, when, from where; which lines of the other files belong to it
    records.jsonl        one line a record: its manifest, its documents verbatim, what is signed about it
    tags.jsonl           one line for each time that a tag was found to name another image
    policies/HEX.tar.gz  the policies that decided, each once
    reports/HEX.gz       the raw reports, where they were asked for

The lines of a repository lie together, and no line is ever changed: who continues an export writes behind
its end. `export.json` is written last and at once, so that a run that was killed leaves what was there.
"""
