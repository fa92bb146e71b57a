"""HTTP to one server and to what it leads to: strict, bounded in time and size, repeated with measure.

It knows nothing of registries, so that token servers and issuers of identities can be asked the same way.
"""
