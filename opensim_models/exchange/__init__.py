"""Exchange: .trc, .mot and .sto, and the signs of coordinates."""
