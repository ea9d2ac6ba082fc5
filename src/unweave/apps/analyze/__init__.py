"""What is in a song: its stems, rhythm, key, chords, notes and form, each with how sure it is."""
