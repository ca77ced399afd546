"""Joint models: from the two sensors beside a joint to its three angles (Rapp, Shin et al. 2021)."""
