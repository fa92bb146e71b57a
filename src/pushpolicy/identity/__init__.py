"""Who the job is, as its CI system signs it: identity tokens (OpenID Connect Core 1.0), never kept or shown.

`obtain` gets the token of this job, `verify` says what one proves, `keys` fetches the issuer's keys, and
`issuers` are those that are known. What the claims mean for the evidence of a run is gather's.
"""
