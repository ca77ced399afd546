"""Frame: from the axes and unit of a laboratory to the ground frame."""
