"""Archive: a folder of recordings converted whole."""
