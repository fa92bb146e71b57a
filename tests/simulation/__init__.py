"""Whole pushes against registries of every kind in one process, their requests in every order.

Real are the steps of a push, the client and its way to try again; the registry is one of
`tests.registry_kinds`, without sockets, and time stands still while nobody sleeps. One thing runs at a time,
so that a list of choices is a run: `explore.every` tries all orders of the requests that touch what is
shared, `explore.at_random` draws from them by a seed, and both kill pushers and lose answers.

What a registry without the referrers API cannot promise is taken for granted (`world.World.may_wake`): who
has read the list under the fallback tag writes it before those who wait for that go on.

    python -m tests.simulation [--schedules N] [--first SEED] [--kinds NAME,...]
"""
