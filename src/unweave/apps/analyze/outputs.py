"""The files of an analysis: what each kind of them is called and how it is written."""
