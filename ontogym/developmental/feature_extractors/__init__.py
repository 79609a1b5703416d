"""Feature extractors: frozen functions from pictures or wide observations to a short vector, and their networks.

`base` is the contract and makes them by name: `plain` ones without a network, `pretrained` ones brought to one scale by
`calibration`; `networks` builds the networks, `saved_network` keeps them on disk; `ontogym.studies` trains them.

May change: a new network is a constructor in `networks.NETWORKS` with an attribute `head`. Must stay: names and shapes of
parameters (saved files and published weights load by them).
"""
