"""Pre-training on what a retina sees before birth: image sets, networks, training and the analysis of filters."""
