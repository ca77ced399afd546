"""Gap: stretches in which a marker was not seen, and how they are filled."""
