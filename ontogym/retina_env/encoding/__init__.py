"""What a prosthesis with few electrodes shows a retina, as environments (after Leong et al. 2024).

- `ontogym.retina_env.encoding.layout`: where the electrodes are and what each pixel shows.
- `ontogym.retina_env.encoding.filter_bank`: the twelve maps that actions weight.
- `ontogym.retina_env.encoding.judge`: what a judge is, at the level of electrodes.
- `ontogym.retina_env.encoding.retina_judge`, `animals_judge`, `percept_judge`: twins and retinas; animals that nobody has
  met; what the patients of an implant see.
- `ontogym.retina_env.encoding.optimum`: the best known pictures, where skill is 1.
- `ontogym.retina_env.encoding.responders`: how fast models answer: a twin, a simulated retina, a model from elsewhere.
- `ontogym.retina_env.encoding.many_retinas`: many simulated retinas at once, compiled.
- `ontogym.retina_env.encoding.scenes`: images with all that does not depend on actions.
- `ontogym.retina_env.encoding.task`: from electrodes to skill; also differentiable.
- `ontogym.retina_env.encoding.options`: the arguments of the environments, each written once.
- `ontogym.retina_env.encoding.dynamics`: what the environments share.
- `ontogym.retina_env.encoding.still`, `unseen`, `percept`, `refinement`, `calibration`: the environments.
- `ontogym.retina_env.encoding.encoders`, `networks`, `refiners`, `calibrators`, `preferences`: methods; `reference`: the ceiling.
- `ontogym.retina_env.encoding.scoring`: skill and reliability of any encoder, by any judge.
- `ontogym.retina_env.encoding.board`: what a board of encoders is made of; `drawing`: pictures of an encoding.
"""
