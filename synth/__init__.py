"""Motion, measured or computed by optimal control, becomes virtual IMU data and HDF5 corpora."""
