"""Cards and weights of ten networks trained on MIR-1K: unweave reads this folder as data."""
