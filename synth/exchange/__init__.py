"""Exchange: a corpus in the formats of other programs, and as labelled arrays (``docs/exchange.md``)."""
