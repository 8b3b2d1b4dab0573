"""How a network is computed, not what it computes: equal results in fewer bytes."""
