"""Pictures of sensors: real against virtual, spectra, Allan deviation."""
