"""How a network is materialize, not what it computes: equal results in fewer bytes."""
