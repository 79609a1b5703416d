"""Feature extractors: frozen functions from pictures or wide observations to a short vector, and their networks.

`networks` builds them by name, `saved_network` keeps them on disk; `ontogym.studies` trains them.

May change: a new network is a constructor in `networks.NETWORKS` with an attribute `head`. Must stay: names and shapes of
parameters (saved files and published weights load by them).
"""
