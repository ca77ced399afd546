"""Population: the walks of many virtual people, solved, validated, written."""
