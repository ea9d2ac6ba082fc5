"""An architecture: `model` builds the network, `options` says what a user may choose."""
