"""Trained weights: cards (the facts), the store (found, verified, cached), converters."""
