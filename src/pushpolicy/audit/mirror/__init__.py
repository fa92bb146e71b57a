"""A copy of what registries know of decisions, which only ever grows.

    mirror.json                              which repositories are in it
    REGISTRY/REPO/_mirror/oci-layout, ...    an OCI layout each: image manifests, records, statements
    REGISTRY/REPO/_mirror/journal.jsonl      what each tag named, and when that was seen

A registry forgets: a tag can be moved back, a record or what is signed about it removed. A mirror that saw it
before can tell. What it holds is as it was received, its digests verified, and trusted no more than that.
"""
