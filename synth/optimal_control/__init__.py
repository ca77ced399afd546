"""Direct collocation of gait with CasADi: the only room of the house that imports `casadi`."""
