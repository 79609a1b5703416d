"""The retina, its digital twin, and what a prosthesis may show it (Leong et al. 2024).

- `images`: dead leaves, photographs, and readers of public data sets; `measures`: contrast, power slope, neuronal reliability.
- `retina`: the simulated retina, which plays the explanted one; `cells` its mosaic, `filters` its blurs, `animals` many that differ.
- `receptive_fields`: the experiment by which cells are screened.
- `forward_model`: the digital twin; `twin_fit` fits it (`training_run`, `readout_start`), `twins` keeps it, `recorded_twin` is one of a
  recorded session.
- `downsampling`: every learning-free way to make few pixels of many; `actor`, `actor_training`: the paper's learned one.
- `encoding`: the environments, their judges and encoders; `percept`: what the patients of an implant see.
- `cache`, `weights`: where what is slow to make is kept, and how weights are read from files.

Images are arrays ``(B, H, W)``, linear in luminance, in [0, 1], grey at 0.4; responses are ``(B, N)`` expected
spikes or spike counts in the 400 ms of a presentation.
"""
