"""What uses share: `batch`, one song after the other; `results`, their files and report."""
