"""What another package can add to unweave."""
