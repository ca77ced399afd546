"""Laws of muscles, contact and tissue, as functions of scalars that may be numbers, arrays or symbols."""
