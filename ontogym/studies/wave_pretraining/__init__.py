"""Networks that see retinal waves, or fractals, before they see anything else ("ReWaRD", arXiv 2311.17232).

- Image sets: a recipe is a dataclass with a pure `make(label)` (`wave_data` with `settings` and `snapshots`; `fractals`
  with `iterated_systems`); `building` makes its classes in processes, `set_folder` and `image_set` keep and read them.
- What can be trained on: `images` (the protocol `Images`), `opening` (the words that open a set), `readers`, `image_folder`,
  `movies`; pictures and films of waves are `wave_film`.
- Training: `schedule` is the whole configuration, `learner` an epoch, `training` a run; `augment`, `simclr`.
- What films teach: `translation`, exemplars named where they were not learnt, `next_frame`, what comes next in a film.
- What came of it: `probe`, `gabor` with its controls, `filter_sheet`, `brain_score`.

May change: a new kind of images is a class that meets `Images` and a word in `opening._OPENERS`; a new set a recipe and a
command of a few lines. Must stay: a recipe whose images change raises its GENERATOR; runs resume to the bit, so all
chance comes from seed and epoch.
"""
