"""Few people: networks that have seen virtual people, taught further by one, two or four whom a laboratory measured."""
