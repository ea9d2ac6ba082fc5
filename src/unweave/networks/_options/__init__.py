"""Options of networks: a file for each network that has some, without torch.

Each has `options(config)`, the declarations for a card's settings. They are read before torch is
imported and before weights are, so that a wrong value costs no time.
"""
