"""The retina, its digital twin, and what a prosthesis may show it (Leong et al. 2024).

- `ontogym.retina_env.images`: dead leaves, photographs, and readers of public data sets.
- `ontogym.retina_env.measures`: contrast, power slope, neuronal reliability.
- `ontogym.retina_env.retina`: the simulated retina, which plays the explanted one.
- `ontogym.retina_env.receptive_fields`, `ontogym.studies.retina_report.resolution`: the experiments made on it.
- `ontogym.retina_env.forward_model`: the digital twin; `training` fits it, `twins` keeps it.
- `ontogym.retina_env.downsampling`: every learning-free way to make few pixels of many.

Images are arrays ``(B, H, W)``, linear in luminance, in [0, 1], grey at 0.4; responses are ``(B, N)`` expected
spikes or spike counts in the 400 ms of a presentation.
"""
