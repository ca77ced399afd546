"""The OpenSim process: everything that needs `opensim` runs here, in a worker of its own."""
