"""Training: a recipe (one TOML) and a dataset in, weights and a card out.

What a network has to offer to be trained here, by convention and without importing this package:

- `Config`: its frozen config dataclass, and the module's class, found as `NETWORK = (Config,
  Module)` at the end of the file. `stems` and `channels` are fields of every config.
- `forward(mix)`: waves `(batch, channel, time)`, any length, to stems `(batch, stem, channel,
  time)`, differentiable. That is all that losses on waves need.
- A network that works on spectra is a `models.layers.masks.MaskNetwork` and has, besides,
  `transform.analyse(waves)`: `(..., time)` to complex `(..., frame, bin)`;
  `estimate(spectrum)`: the mix's complex `(batch, channel, frame, bin)` to the stems' complex
  `(batch, stem, channel, frame, bin)`; for losses on magnitudes take `.abs()`;
  `transform.synthesise(spectra, length)`: back to waves. `forward` is these three.
- A network with embeddings has `estimate_and_embed(spectrum)`: the same stems' spectra (None where
  it has no mask head) and unit vectors `(batch, channel, frame, bin, dimension)` of the bins, and
  `observe(embeddings, true_spectra)`, called at every step, by which it learns where stems lie.

Parameters get the start that the class gives them; dropout and the like follow `train()` and
`eval()`.
"""
